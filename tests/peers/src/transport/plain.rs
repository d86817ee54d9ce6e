//! zenoh as it is, peer to peer: put on one side, a callback on the other.
//!
//! Scouting is off, and every message is express, of the highest priority, and dropped rather than
//! waited for. Without shared memory asked for, shared memory is off altogether: zenoh would
//! otherwise move payloads from 3 KB on there by itself.

use std::sync::Arc;

use zenoh::bytes::ZBytes;
use zenoh::pubsub::Publisher;
use zenoh::qos::{CongestionControl, Priority};
use zenoh::shm::{GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder};
use zenoh::{Config, Session, Wait};

use super::Sending;
use crate::sender;
use crate::sink::Sink;
use crate::task::{Failure, Sign, Task};

const KEY: &str = "triune/peers/body/frame";

/// Sends from the heap.
pub(super) fn send(task: &Task) -> Result<(), Failure> {
    let session = session(task, "listen")?;
    sender::run(task, &mut Heap(publisher(&session)?))
}

/// Sends from shared memory.
pub(super) fn send_shared(task: &Task) -> Result<(), Failure> {
    let session = session(task, "listen")?;
    let provider = ShmProviderBuilder::default_backend(task.pool()).wait()?;
    sender::run(task, &mut Shared { publisher: publisher(&session)?, provider })
}

/// Receives in a callback, on a thread of zenoh.
pub(super) fn receive(task: &Task, sink: Sink) -> Result<(), Failure> {
    task.wait(Sign::Open, || Ok(()))?;
    let session = session(task, "connect")?;
    let sink = Arc::new(sink);
    let (taker, shared) = (Arc::clone(&sink), task.transport.is_shared());
    let subscriber = session
        .declare_subscriber(KEY)
        .callback(move |sample| {
            let payload = sample.payload();
            // In pieces, as they came: the first holds the head, the last the tail, and nothing is
            // copied to have a look.
            let mut pieces = payload.slices();
            let head = pieces.next().unwrap_or_default();
            let tail = pieces.last().unwrap_or(head);
            taker.take_pieces(head, tail, payload.len());
            if shared && payload.as_shm().is_none() {
                taker.count_copied();
            }
        })
        .wait()?;
    sink.wait();
    subscriber.undeclare().wait()?;
    sink.save()
}

fn session(task: &Task, side: &str) -> Result<Session, Failure> {
    let mut config = Config::default();
    let shared = task.transport.is_shared().to_string();
    for (key, value) in [
        ("mode", "\"peer\"".to_owned()),
        (&format!("{side}/endpoints"), format!("[\"{}\"]", task.endpoint())),
        ("scouting/multicast/enabled", "false".to_owned()),
        ("scouting/gossip/enabled", "false".to_owned()),
        ("transport/shared_memory/enabled", shared),
        ("transport/shared_memory/mode", "\"init\"".to_owned()),
    ] {
        config.insert_json5(key, &value)?;
    }
    if side == "connect" {
        // Else a peer listens on every address.
        config.insert_json5("listen/endpoints", "[]")?;
    }
    zenoh::open(config).wait()
}

fn publisher(session: &Session) -> Result<Publisher<'static>, Failure> {
    session
        .declare_publisher(KEY)
        .congestion_control(CongestionControl::Drop)
        .priority(Priority::RealTime)
        .express(true)
        .wait()
}

struct Heap(Publisher<'static>);

impl Sending for Heap {
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure> {
        // The one copy: the payload has to own what the socket is fed from.
        self.0.put(ZBytes::from(message.to_vec())).wait()?;
        Ok(true)
    }
}

struct Shared {
    publisher: Publisher<'static>,
    provider: ShmProvider<PosixShmProviderBackend>,
}

impl Sending for Shared {
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure> {
        let place = self.provider.alloc(message.len()).with_policy::<GarbageCollect>().wait();
        let Ok(mut place) = place else { return Ok(false) };
        place.copy_from_slice(message);
        self.publisher.put(place).wait()?;
        Ok(true)
    }
}
