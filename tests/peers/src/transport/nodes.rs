//! dora: a source node and a sink node, started by its daemon (`dora run`).

use std::path::Path;

use dora_node_api::dora_core::config::DataId;
use dora_node_api::{DoraNode, Event, MetadataParameters};

use super::Sending;
use crate::sender;
use crate::sink::Sink;
use crate::task::{Failure, Task};

/// Name of the output and of the input.
const MESSAGES: &str = "messages";

/// The graph: both nodes are this program.
pub fn graph(program: &Path, task: &Path, depth: usize) -> String {
    let (program, task) = (program.display(), task.display());
    format!(
        "nodes:\n  - id: sender\n    path: {program}\n    args: send {task}\n    outputs: \
         [{MESSAGES}]\n  - id: receiver\n    path: {program}\n    args: receive {task}\n    \
         inputs:\n      {MESSAGES}:\n        source: sender/{MESSAGES}\n        queue_size: \
         {depth}\n"
    )
}

/// The source.
pub(super) fn send(task: &Task) -> Result<(), Failure> {
    let (node, events) = DoraNode::init_from_env()?;
    let output = DataId::from(MESSAGES.to_owned());
    let outcome = sender::run(task, &mut Source { node, output });
    drop(events);
    outcome
}

/// The sink.
pub(super) fn receive(sink: &Sink) -> Result<(), Failure> {
    let (_node, mut events) = DoraNode::init_from_env()?;
    std::thread::scope(|scope| {
        // Not `recv_timeout`: its way of saying that nothing came can take 300 ms, in which the
        // queue runs over. Once saved, the sender ends, and with it the stream of events.
        let saving = scope.spawn(|| {
            sink.wait();
            sink.save()
        });
        while let Some(event) = events.recv() {
            match event {
                Event::Input { data, .. } => sink.take((&data).try_into()?),
                Event::Error(what) => return Err(what.into()),
                _ => {}
            }
        }
        saving.join().map_err(|_| "the saving thread broke off")?
    })
}

struct Source {
    node: DoraNode,
    output: DataId,
}

impl Sending for Source {
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure> {
        let parameters = MetadataParameters::default();
        self.node.send_output_bytes(self.output.clone(), parameters, message.len(), message)?;
        Ok(true)
    }
}
