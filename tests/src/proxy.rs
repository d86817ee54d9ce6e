//! Bad networks: what lies between two hosts, with faults drawn from a seed.
//!
//! [`Proxy`] takes datagrams at one address and hands them on to another, and the answers back. It
//! loses, delays, duplicates and reorders them as [`Faults`] say, per way, and lets nothing through
//! in a partition. [`stream::StreamProxy`] does for TCP what can be done to it from outside: delay,
//! stall and cut. Each [`End`] lies in a namespace of [`crate::netns`], or where this process is:
//! both in the middle, or each on the loopback of its host, for programs that hear nothing else.
//!
//! The n-th datagram of a way meets the same dice under the same seed, however the faults are
//! switched. Every datagram is counted ([`Counts`]), and so is every sample of the robot's topics
//! in it ([`samples::Samples`]), so that a receiver's own counters can be compared.

mod counts;
mod fault;
mod lane;
pub mod samples;
pub mod stream;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};

use crate::netns::Namespace;

pub use counts::Counts;
pub use fault::{Dice, Fate, Faults, Judge};
use lane::Lane;
use samples::Samples;

/// Most senders one proxy serves. What comes from more is counted and goes no further.
pub const PEERS_MAX: usize = 64;
/// Bytes the kernel may keep for a socket until it is read.
const BUFFER: usize = 8 << 20;
/// Longest datagram there is.
const DATAGRAM_MAX: usize = 65_535;
/// How long one look at a socket lasts.
const LOOK: Duration = Duration::from_millis(20);

/// After so many looks, 1 ms apart, at which there was nothing, there is nothing.
const IDLE_LOOKS: u32 = 5;

/// A way through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// From who sent first (the brain) to the target (the robot).
    There,
    /// From the target to who sent first.
    Back,
}

impl Way {
    /// Both.
    pub const ALL: [Self; 2] = [Self::There, Self::Back];
}

/// Where an end of a proxy lies.
#[derive(Clone, Debug)]
pub struct End {
    /// The namespace; without one where this process is.
    pub place: Option<Namespace>,
    /// The address there.
    pub address: SocketAddr,
}

impl End {
    /// In a namespace.
    #[must_use]
    pub fn on(place: &Namespace, address: SocketAddr) -> Self {
        Self { place: Some(place.clone()), address }
    }

    /// Where this process is.
    #[must_use]
    pub const fn here(address: SocketAddr) -> Self {
        Self { place: None, address }
    }

    /// Does `work` there.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        match &self.place {
            Some(place) => place.inside(work),
            None => Ok(work()),
        }
    }
}

/// A bad network for datagrams. Dropping it closes it.
#[derive(Debug)]
pub struct Proxy {
    wire: Arc<Wire>,
    /// The place and the address to send to.
    front_end: End,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
#[derive(Debug)]
struct Wire {
    there: Lane,
    back: Lane,
    front: Arc<UdpSocket>,
    target: End,
    /// A socket towards the target for each sender.
    peers: Mutex<HashMap<SocketAddr, Arc<UdpSocket>>>,
    answers: Mutex<Vec<JoinHandle<()>>>,
    refused: AtomicU64,
    strange: AtomicU64,
    is_over: AtomicBool,
}

impl Proxy {
    /// Takes datagrams at `listen` (port 0: any) and hands them on to `target`. `layouts` are the
    /// hashes of the samples to be counted. There are no faults until some are set.
    ///
    /// # Errors
    /// A socket cannot be opened there.
    pub fn start(listen: &End, target: &End, seed: u64, layouts: &[u64]) -> io::Result<Self> {
        let begin = Instant::now();
        let front = Arc::new(listen.inside(|| socket(listen.address))??);
        let front_end = End { place: listen.place.clone(), address: front.local_addr()? };
        let lane = |way| Lane::new(Judge::new(seed, way), layouts, begin);
        let wire = Arc::new(Wire {
            there: lane(Way::There),
            back: lane(Way::Back),
            front,
            target: target.clone(),
            peers: Mutex::default(),
            answers: Mutex::default(),
            refused: AtomicU64::new(0),
            strange: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        });
        let (taker, there, back) = (Arc::clone(&wire), Arc::clone(&wire), Arc::clone(&wire));
        let threads = vec![
            thread::spawn(move || take_there(&taker)),
            thread::spawn(move || there.there.send_when_due()),
            thread::spawn(move || back.back.send_when_due()),
        ];
        Ok(Self { wire, front_end, threads })
    }

    /// The address to send to.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.front_end.address
    }

    /// From now on these faults, on both ways. A schedule is over.
    ///
    /// # Errors
    /// A probability is not one.
    pub fn set(&self, faults: Faults) -> io::Result<()> {
        Way::ALL.into_iter().try_for_each(|way| self.set_way(way, faults))
    }

    /// From now on these faults, on one way. Its schedule is over.
    ///
    /// # Errors
    /// A probability is not one.
    pub fn set_way(&self, way: Way, faults: Faults) -> io::Result<()> {
        self.follow_way(way, &[(Duration::ZERO, faults)])
    }

    /// From now on these faults, on both ways, each from its time after now. What was set before
    /// goes on until the first.
    ///
    /// # Errors
    /// A probability is not one, or the times do not rise.
    pub fn follow(&self, schedule: &[(Duration, Faults)]) -> io::Result<()> {
        Way::ALL.into_iter().try_for_each(|way| self.follow_way(way, schedule))
    }

    /// The same on one way.
    ///
    /// # Errors
    /// The same.
    pub fn follow_way(&self, way: Way, schedule: &[(Duration, Faults)]) -> io::Result<()> {
        self.wire.lane(way).follow(schedule)
    }

    /// What became of the datagrams of a way.
    ///
    /// # Errors
    /// The kernel does not say what it lost.
    pub fn counts(&self, way: Way) -> io::Result<Counts> {
        let mut counts = self.wire.lane(way).counts();
        counts.unread = self.unread(way)?.lost;
        let elsewhere = match way {
            Way::There => &self.wire.refused,
            Way::Back => &self.wire.strange,
        };
        counts.refused = elsewhere.load(Ordering::Relaxed);
        Ok(counts)
    }

    /// What became of the samples of a layout on a way; all zero when none came.
    #[must_use]
    pub fn samples(&self, way: Way, layout: u64) -> Samples {
        self.wire.lane(way).samples(layout)
    }

    /// Waits until nothing is on its way any more; false when `patience` is over before.
    ///
    /// # Errors
    /// The kernel does not say what it keeps.
    pub fn drained(&self, patience: Duration) -> io::Result<bool> {
        let end = Instant::now() + patience;
        // One that was just read is neither with the kernel nor here, for a moment.
        let mut looks = 0;
        while looks < IDLE_LOOKS {
            looks = if self.is_busy()? { 0 } else { looks + 1 };
            if looks == 0 && Instant::now() > end {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(true)
    }

    fn is_busy(&self) -> io::Result<bool> {
        for way in Way::ALL {
            if self.unread(way)?.kept > 0 || self.wire.lane(way).counts().waiting > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn unread(&self, way: Way) -> io::Result<counts::Unread> {
        let (end, sockets) = match way {
            Way::There => (&self.front_end, vec![Arc::clone(&self.wire.front)]),
            Way::Back => (&self.wire.target, lock(&self.wire.peers).values().cloned().collect()),
        };
        let mut ports = Vec::new();
        for socket in sockets {
            ports.push(socket.local_addr()?.port());
        }
        end.inside(|| counts::unread(&ports))?
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.wire.is_over.store(true, Ordering::Release);
        self.wire.there.close();
        self.wire.back.close();
        // Who takes from the front starts the others, so it has to end first.
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let answers = std::mem::take(&mut *lock(&self.wire.answers));
        for thread in answers {
            let _ = thread.join();
        }
    }
}

impl Wire {
    const fn lane(&self, way: Way) -> &Lane {
        match way {
            Way::There => &self.there,
            Way::Back => &self.back,
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// The socket towards the target for what `from` sends; `None` when there are too many.
    fn towards_target(self: &Arc<Self>, from: SocketAddr) -> Option<Arc<UdpSocket>> {
        let mut peers = lock(&self.peers);
        if let Some(socket) = peers.get(&from) {
            return Some(Arc::clone(socket));
        }
        if peers.len() >= PEERS_MAX {
            return None;
        }
        // Not connected to the target: a target that is not there yet must not be an error here.
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let socket = Arc::new(self.target.inside(|| socket(any)).ok()?.ok()?);
        peers.insert(from, Arc::clone(&socket));
        let (wire, answers) = (Arc::clone(self), Arc::clone(&socket));
        let thread = thread::spawn(move || take_back(&wire, &answers, from));
        lock(&self.answers).push(thread);
        Some(socket)
    }
}

fn take_there(wire: &Arc<Wire>) {
    let front = Arc::clone(&wire.front);
    take(wire, &front, |bytes, from| match wire.towards_target(from) {
        Some(socket) => wire.there.take(bytes, &socket, wire.target.address),
        None => count(&wire.refused),
    });
}

fn take_back(wire: &Wire, socket: &UdpSocket, to: SocketAddr) {
    take(wire, socket, |bytes, from| {
        if from == wire.target.address {
            wire.back.take(bytes, &wire.front, to);
        } else {
            count(&wire.strange);
        }
    });
}

fn take(wire: &Wire, socket: &UdpSocket, mut taken: impl FnMut(&[u8], SocketAddr)) {
    let mut bytes = vec![0; DATAGRAM_MAX];
    while !wire.is_over() {
        // It comes back empty after each look, and when an earlier datagram met no one.
        if let Ok((length, from)) = socket.recv_from(&mut bytes) {
            taken(&bytes[..length], from);
        }
    }
}

fn socket(local: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(local)?;
    socket.set_read_timeout(Some(LOOK))?;
    // Who may not go over the machine's limit gets what the limit is.
    if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER)?;
    }
    Ok(socket)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What is behind a lock stays whole when another thread panics.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
