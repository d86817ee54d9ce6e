//! Triune's network plane: the gateway on both sides. Small messages are a topic with a layout of
//! its own for each size; others are bulk, in shared memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bus::network::Role;
use bus::network::bulk::{BulkOutlet, BulkTopic};
use bus::network::gateway::{Gateway, Outlet};
use bus::network::layout::{Field, Layout, Number};
use bus::network::settings::Settings;
use bus::network::topic::Topic;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::Sending;
use crate::sender;
use crate::sink::Sink;
use crate::task::{Failure, PATIENCE, Sign, Task};
use crate::transport::Transport;

const ROBOT: &str = "peers";
const BULK: BulkTopic = BulkTopic { key: "body/image", about: "Messages of the bench." };
/// A pump that nobody wakes looks by itself this often; so does that of the runtime.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Sends: straight through the gateway, or from the loop.
pub(super) fn send(task: &Task) -> Result<(), Failure> {
    match task.size {
        64 => send_sized::<64>(task),
        520 => send_sized::<520>(task),
        4096 => send_sized::<4096>(task),
        _ => send_bulk(task),
    }
}

/// Receives in a callback, on a thread of the gateway, after its checks.
pub(super) fn receive(task: &Task, sink: Sink) -> Result<(), Failure> {
    match task.size {
        64 => receive_sized::<64>(task, sink),
        520 => receive_sized::<520>(task, sink),
        4096 => receive_sized::<4096>(task, sink),
        _ => receive_bulk(task, sink),
    }
}

/// A message as a topic's body.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable)]
#[repr(C)]
struct Body<const SIZE: usize> {
    bytes: [u8; SIZE],
}

impl<const SIZE: usize> Layout for Body<SIZE> {
    const NAME: &'static str = "Body";
    const ABOUT: &'static str = "A message of the bench.";
    const FIELDS: &'static [Field] = &[Field {
        name: "bytes",
        number: Number::U8,
        count: SIZE,
        used_by: None,
        unit: "",
        frame: "",
        about: "The message.",
    }];
}

const fn topic<const SIZE: usize>() -> Topic<Body<SIZE>> {
    Topic::out("body/frame", 1000.0)
}

/// Whether there is a layout for messages of `size` bytes.
pub(super) fn has_layout(size: usize) -> bool {
    matches!(size, 64 | 520 | 4096)
}

fn no_layout(size: usize) -> Failure {
    format!("a layout has a fixed size, and there is none of {size} bytes").into()
}

fn send_sized<const SIZE: usize>(task: &Task) -> Result<(), Failure> {
    let gateway = robot(task)?;
    let topic = topic::<SIZE>();
    gateway.publish_schema(&topic)?;
    let outlet = gateway.outlet(&topic)?;
    let outcome = if task.transport == Transport::TriuneLoop {
        sender::run(task, &mut Looped::start(outlet)?)
    } else {
        sender::run(task, &mut Direct(outlet))
    };
    gateway.close();
    outcome
}

fn receive_sized<const SIZE: usize>(task: &Task, sink: Sink) -> Result<(), Failure> {
    task.wait(Sign::Open, || Ok(()))?;
    let gateway = client(task)?;
    let sink = Arc::new(sink);
    let taker = Arc::clone(&sink);
    let heard = move |_: &_, body: &Body<SIZE>| taker.take(&body.bytes);
    let _subscription = gateway.subscribe(&topic::<SIZE>(), PATIENCE, heard)?;
    sink.wait();
    let saved = sink.save();
    gateway.close();
    saved
}

fn send_bulk(task: &Task) -> Result<(), Failure> {
    let gateway = robot(task)?;
    let outlet = gateway.bulk_outlet(&BULK, task.pool())?;
    let outcome = sender::run(task, &mut Bulk(outlet));
    gateway.close();
    outcome
}

fn receive_bulk(task: &Task, sink: Sink) -> Result<(), Failure> {
    task.wait(Sign::Open, || Ok(()))?;
    let gateway = client(task)?;
    let sink = Arc::new(sink);
    let (taker, heard) = (Arc::clone(&sink), Arc::new(AtomicU64::new(0)));
    let hearing = Arc::clone(&heard);
    let inlet = gateway.bulk_inlet(&BULK, move |_, message| {
        hearing.fetch_add(1, Ordering::Relaxed);
        taker.take(message);
    })?;
    sink.wait();
    let copied = heard.load(Ordering::Relaxed).saturating_sub(inlet.shared());
    (0..copied).for_each(|_| sink.count_copied());
    let saved = sink.save();
    gateway.close();
    saved
}

fn robot(task: &Task) -> Result<Gateway, Failure> {
    let settings = Settings { listen: vec![task.endpoint()], ..Settings::robot(ROBOT) };
    Ok(Gateway::open(&settings)?)
}

fn client(task: &Task) -> Result<Gateway, Failure> {
    let observer = Settings::client(ROBOT, Role::Observer);
    Ok(Gateway::open(&Settings { connect: vec![task.endpoint()], ..observer })?)
}

fn body<const SIZE: usize>(message: &[u8]) -> Result<&Body<SIZE>, Failure> {
    Body::ref_from_bytes(message).map_err(|_| no_layout(message.len()))
}

struct Direct<const SIZE: usize>(Outlet<Body<SIZE>>);

impl<const SIZE: usize> Sending for Direct<SIZE> {
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure> {
        Ok(self.0.put(0, body(message)?))
    }
}

struct Bulk(BulkOutlet);

impl Sending for Bulk {
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure> {
        Ok(self.0.put(0, message.len(), |place| place.copy_from_slice(message)))
    }
}

/// As the control thread does it: it writes the newest value, and another thread puts it.
struct Looped<const SIZE: usize> {
    writer: bus::Writer<Body<SIZE>>,
    ending: Arc<AtomicBool>,
    pump: Option<JoinHandle<()>>,
}

impl<const SIZE: usize> Looped<SIZE> {
    fn start(mut outlet: Outlet<Body<SIZE>>) -> Result<Self, Failure> {
        let (writer, mut reader) = bus::latest::<Body<SIZE>>();
        let ending = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ending);
        let pump = std::thread::Builder::new().name("pump".to_owned()).spawn(move || {
            while !ended.load(Ordering::Acquire) {
                match reader.read() {
                    Some(body) => drop(outlet.put(0, &body)),
                    None => std::thread::park_timeout(LOOK_EVERY),
                }
            }
        })?;
        Ok(Self { writer, ending, pump: Some(pump) })
    }

    fn wake(&self) {
        if let Some(pump) = &self.pump {
            pump.thread().unpark();
        }
    }
}

impl<const SIZE: usize> Sending for Looped<SIZE> {
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure> {
        let replaced = self.writer.write(*body(message)?);
        self.wake();
        // One that was replaced unread is lost: by design, the newest counts.
        Ok(!replaced)
    }
}

impl<const SIZE: usize> Drop for Looped<SIZE> {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.wake();
        if let Some(pump) = self.pump.take() {
            drop(pump.join());
        }
    }
}
