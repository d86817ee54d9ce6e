//! The two links. Their tasks only carry whole frames between the wire and the joint loop, which
//! alone judges them; an answer goes back to where its question came from.

use core::sync::atomic::{AtomicU32, Ordering};

use embassy_executor::SendSpawner;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use firmware::frame::FRAME_MAX;
use firmware::stream::{self, PACKET_MAX, StreamReader};

use crate::ethernet::{self, Address, HEADER, Received};
use crate::interrupts::spawn;
use crate::{serial, watchdog};

/// Local experimental Ethernet type 1 (IEEE 802): the joint bus.
const JOINT_BUS: u16 = 0x88B5;
/// Frames that may wait in each direction of each link.
const WAITING_MAX: usize = 4;

/// Where a frame came from, and where its answer goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Ethernet(Address),
    Serial,
}

/// A frame on its way.
pub(crate) struct Parcel {
    pub(crate) link: Link,
    length: usize,
    bytes: [u8; FRAME_MAX],
}

impl Parcel {
    /// `None` when the frame is longer than any.
    fn new(link: Link, frame: &[u8]) -> Option<Self> {
        let mut parcel = Self { link, length: 0, bytes: [0; FRAME_MAX] };
        parcel.bytes.get_mut(..frame.len())?.copy_from_slice(frame);
        parcel.length = frame.len();
        Some(parcel)
    }

    pub(crate) fn frame(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

type Queue = Channel<CriticalSectionRawMutex, Parcel, WAITING_MAX>;

/// Frames for the joint loop.
pub(crate) static INBOX: Queue = Queue::new();
static TO_ETHERNET: Queue = Queue::new();
static TO_SERIAL: Queue = Queue::new();
/// The Ethernet controller has something.
pub(crate) static ETHERNET_CALLS: Signal<CriticalSectionRawMutex, ()> = Signal::new();
/// Asks for a sign of life, once a tick.
pub(crate) static PULSE: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// What could not be carried.
pub(crate) struct Lost(AtomicU32);

/// Outgoing frames that found their queue or their wire full.
pub(crate) static UNSENT: Lost = Lost(AtomicU32::new(0));

impl Lost {
    /// How many so far.
    #[cfg(feature = "bench")]
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Puts a frame into the queue of its link.
pub(crate) fn send(link: Link, frame: &[u8]) {
    let queue = match link {
        Link::Ethernet(_) => &TO_ETHERNET,
        Link::Serial => &TO_SERIAL,
    };
    let sent = Parcel::new(link, frame).is_some_and(|parcel| queue.try_send(parcel).is_ok());
    if !sent {
        UNSENT.one();
    }
}

pub(crate) fn start(executor: SendSpawner) {
    spawn(executor, ethernet_task());
    spawn(executor, serial_in_task());
    spawn(executor, serial_out_task());
    spawn(executor, life_task());
}

#[embassy_executor::task]
async fn ethernet_task() {
    let mut buffer = [0; ethernet::FRAME_MAX];
    loop {
        match select(ETHERNET_CALLS.wait(), TO_ETHERNET.receive()).await {
            Either::First(()) => take_frames(&mut buffer).await,
            Either::Second(parcel) => {
                let Link::Ethernet(to) = parcel.link else { continue };
                if !ethernet::send(to, JOINT_BUS, parcel.frame()) {
                    UNSENT.one();
                }
            }
        }
    }
}

/// Takes all frames that wait. The joint loop stands above this task, so the queue to it is empty
/// again as soon as something is put into it.
async fn take_frames(buffer: &mut [u8; ethernet::FRAME_MAX]) {
    ethernet::forget_arrivals();
    loop {
        let length = match ethernet::receive(buffer) {
            Received::Nothing => break,
            Received::Broken => {
                // Nothing is no frame either: so the device counts what the wire broke.
                deliver(Link::Ethernet(ethernet::BROADCAST), &[]).await;
                continue;
            }
            Received::Frame(length) => length,
        };
        let (header, body) = buffer[..length].split_at(HEADER);
        let mut from = ethernet::BROADCAST;
        from.copy_from_slice(&header[6..12]);
        match u16::from_be_bytes([header[12], header[13]]) {
            JOINT_BUS => deliver(Link::Ethernet(from), &body[..body.len().min(FRAME_MAX)]).await,
            #[cfg(feature = "bench")]
            board::bench::ETHER_TYPE => crate::bench::obey(body),
            // Other protocols on the same wire are no business of ours.
            _ => {}
        }
    }
    ethernet::wait_for_frames();
}

#[embassy_executor::task]
async fn serial_in_task() {
    let mut reader = StreamReader::new();
    let mut byte = [0];
    loop {
        let broken = reader.broken();
        serial::RECEIVED.read(&mut byte).await;
        if let Some(frame) = reader.take(byte[0]) {
            deliver(Link::Serial, frame).await;
        } else if reader.broken() != broken {
            deliver(Link::Serial, &[]).await;
        }
    }
}

#[embassy_executor::task]
async fn serial_out_task() {
    let mut packet = [0; PACKET_MAX];
    loop {
        let parcel = TO_SERIAL.receive().await;
        let length = stream::encode(parcel.frame(), &mut packet).unwrap_or_default();
        if !serial::send(&packet[..length]) {
            UNSENT.one();
        }
    }
}

#[embassy_executor::task]
async fn life_task() {
    loop {
        PULSE.wait().await;
        #[cfg(feature = "bench")]
        crate::bench::hang_if_ordered(board::bench::Place::Links);
        watchdog::LINKS.of_life();
    }
}

async fn deliver(link: Link, frame: &[u8]) {
    if let Some(parcel) = Parcel::new(link, frame) {
        INBOX.send(parcel).await;
    }
}
