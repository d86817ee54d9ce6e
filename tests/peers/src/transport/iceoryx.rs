//! iceoryx2: both processes map the same memory; no socket, no daemon.
//!
//! The newest messages stay, the oldest give way (safe overflow), as deep as the task says.

use std::hint::spin_loop;

use iceoryx2::config::Config;
use iceoryx2::node::{Node, NodeBuilder};
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{ServiceName, SignalHandlingMode, ipc};
use iceoryx2::service::port_factory::{event, publish_subscribe};

use super::Sending;
use crate::sender;
use crate::sink::{LOOK, Sink};
use crate::task::{Failure, Task};
use crate::transport::Transport;

/// How often the receiver asks in vain before it looks whether the sender is done: about 1 ms.
const ASKED: u32 = 20_000;

/// Sends; with a notification after each message when the receiver sleeps.
pub(super) fn send(task: &Task) -> Result<(), Failure> {
    let node = node()?;
    let publisher =
        messages(&node, task)?.publisher_builder().initial_max_slice_len(task.size).create()?;
    let wakes = task.transport == Transport::IceoryxWake;
    let notifier = wakes.then(|| events(&node, task)).transpose()?;
    let notifier = notifier.map(|events| events.notifier_builder().create()).transpose()?;
    sender::run(task, &mut Place { publisher, notifier })
}

/// Receives by asking again and again.
pub(super) fn poll(task: &Task, sink: &Sink) -> Result<(), Failure> {
    let node = node()?;
    let subscriber = messages(&node, task)?.subscriber_builder().create()?;
    let mut asked = 0;
    loop {
        if drain(&subscriber, sink)? {
            asked = 0;
        } else {
            spin_loop();
            asked += 1;
        }
        if sink.is_finished() || (asked >= ASKED && sink.is_done()) {
            return sink.save();
        }
        asked %= ASKED;
    }
}

/// Receives when notified.
pub(super) fn wait(task: &Task, sink: &Sink) -> Result<(), Failure> {
    let node = node()?;
    let subscriber = messages(&node, task)?.subscriber_builder().create()?;
    let listener = events(&node, task)?.listener_builder().create()?;
    while !sink.is_finished() {
        let notified = listener.timed_wait(|_| (), LOOK)?;
        drain(&subscriber, sink)?;
        if notified == 0 && sink.is_done() {
            break;
        }
    }
    sink.save()
}

type Messages = publish_subscribe::PortFactory<ipc::Service, [u8], ()>;

fn node() -> Result<Node<ipc::Service>, Failure> {
    let builder = NodeBuilder::new().config(&Config::default());
    Ok(builder.signal_handling_mode(SignalHandlingMode::Disabled).create::<ipc::Service>()?)
}

/// Of this run alone: its folder has a name that no other has.
fn name(task: &Task, what: &str) -> Result<ServiceName, Failure> {
    Ok(ServiceName::new(&format!("{}/{what}", task.folder.display()))?)
}

fn messages(node: &Node<ipc::Service>, task: &Task) -> Result<Messages, Failure> {
    let service = node.service_builder(&name(task, "messages")?).publish_subscribe::<[u8]>();
    let service = service.enable_safe_overflow(true).subscriber_max_buffer_size(task.depth());
    Ok(service.history_size(0).max_publishers(1).max_subscribers(1).open_or_create()?)
}

fn events(
    node: &Node<ipc::Service>,
    task: &Task,
) -> Result<event::PortFactory<ipc::Service>, Failure> {
    Ok(node.service_builder(&name(task, "events")?).event().open_or_create()?)
}

/// Takes all there is; says whether there was any.
#[inline]
fn drain(subscriber: &Subscriber<ipc::Service, [u8], ()>, sink: &Sink) -> Result<bool, Failure> {
    let mut any = false;
    while let Some(sample) = subscriber.receive()? {
        sink.take(sample.payload());
        any = true;
    }
    Ok(any)
}

struct Place {
    publisher: Publisher<ipc::Service, [u8], ()>,
    notifier: Option<Notifier<ipc::Service>>,
}

impl Sending for Place {
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure> {
        let place = self.publisher.loan_slice_uninit(message.len())?;
        place.write_from_slice(message).send()?;
        if let Some(notifier) = &self.notifier {
            notifier.notify()?;
        }
        Ok(true)
    }
}
