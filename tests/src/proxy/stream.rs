//! A bad network for TCP: it can delay, stall and cut, and nothing else.
//!
//! Bytes of a connection cannot be lost, doubled or reordered from outside; what a lossy wire does
//! to TCP shows as delay and stalls.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{End, Faults, Judge, Way, count, lock};

/// Most bytes that are handed on at once.
const PIECE_MAX: usize = 16 << 10;
/// Pieces on their way at once, per way and connection. Then the sender is made to wait, as by a
/// full window.
const WAITING_MAX: usize = 256;
/// How long one look lasts.
const LOOK: Duration = Duration::from_millis(20);
/// How long one look lasts where it adds to the delay.
const SHORT_LOOK: Duration = Duration::from_millis(1);
/// How long a target may take to accept.
const CONNECTED_WITHIN: Duration = Duration::from_secs(1);

/// What befalls the bytes of a way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// How long each piece takes.
    pub delay: Duration,
    /// How much longer it may take, evenly spread. The order is kept.
    pub jitter: Duration,
    /// Nothing goes on; it does later. The connection stays.
    pub stalled: bool,
}

/// What became of the bytes of a way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    /// That came.
    pub came: u64,
    /// That went on.
    pub sent: u64,
    /// That will never go on: their connection was cut, or closed by who should get them. What came
    /// is `sent`, `lost`, or on its way.
    pub lost: u64,
}

/// What became of the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Taken, and handed on to the target.
    pub made: u64,
    /// The target did not take them.
    pub failed: u64,
    /// Turned away, because the wire was said to be cut.
    pub refused: u64,
    /// Cut.
    pub cut: u64,
}

/// A bad network for connections. Dropping it cuts them.
#[derive(Debug)]
pub struct StreamProxy {
    wire: Arc<Wire>,
    local: SocketAddr,
    taker: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Wire {
    there: Half,
    back: Half,
    target: End,
    is_cut: AtomicBool,
    is_over: AtomicBool,
    open: Mutex<Open>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    made: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
}

/// One way of all connections.
#[derive(Debug)]
struct Half {
    flow: Mutex<Flow>,
    judge: Mutex<Judge>,
    came: AtomicU64,
    sent: AtomicU64,
    lost: AtomicU64,
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Open {
    connections: Vec<Arc<Connection>>,
    /// How often all were cut: one that is just being made is cut too.
    cuts: u64,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    target: TcpStream,
    is_cut: AtomicBool,
}

/// Bytes that came, and when they are to go on. None: the sender has closed its side.
type Piece = (Instant, Vec<u8>);

impl StreamProxy {
    /// Takes connections at `listen` (port 0: any) and makes one to `target` for each.
    ///
    /// # Errors
    /// The socket cannot be opened there.
    pub fn start(listen: &End, target: &End, seed: u64) -> io::Result<Self> {
        let listener = listen.inside(|| TcpListener::bind(listen.address))??;
        listener.set_nonblocking(true)?;
        let local = listener.local_addr()?;
        let wire = Arc::new(Wire {
            there: Half::new(seed, Way::There),
            back: Half::new(seed, Way::Back),
            target: target.clone(),
            is_cut: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            open: Mutex::default(),
            threads: Mutex::default(),
            made: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        });
        let taken = Arc::clone(&wire);
        let taker = thread::spawn(move || take(&taken, &listener));
        Ok(Self { wire, local, taker: Some(taker) })
    }

    /// The address to connect to.
    #[must_use]
    pub const fn local(&self) -> SocketAddr {
        self.local
    }

    /// From now on this, on both ways.
    pub fn set(&self, flow: Flow) {
        Way::ALL.into_iter().for_each(|way| self.set_way(way, flow));
    }

    /// From now on this, on one way.
    pub fn set_way(&self, way: Way, flow: Flow) {
        *lock(&self.wire.half(way).flow) = flow;
    }

    /// Cuts all connections. What is on its way is lost; new ones can be made.
    pub fn cut(&self) {
        let mut open = lock(&self.wire.open);
        open.cuts += 1;
        for connection in open.connections.drain(..) {
            if !connection.cut() {
                count(&self.wire.cut);
            }
        }
    }

    /// Cuts all connections and turns new ones away, until it is [`StreamProxy::mend`]ed.
    pub fn stay_cut(&self) {
        self.wire.is_cut.store(true, Ordering::Release);
        self.cut();
    }

    /// New connections can be made again.
    pub fn mend(&self) {
        self.wire.is_cut.store(false, Ordering::Release);
    }

    /// What became of the bytes of a way.
    #[must_use]
    pub fn bytes(&self, way: Way) -> Bytes {
        let half = self.wire.half(way);
        let of = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        Bytes { came: of(&half.came), sent: of(&half.sent), lost: of(&half.lost) }
    }

    /// What became of the connections.
    #[must_use]
    pub fn connections(&self) -> Connections {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Wire { made, failed, refused, cut, .. } = &*self.wire;
        Connections { made: of(made), failed: of(failed), refused: of(refused), cut: of(cut) }
    }
}

impl Drop for StreamProxy {
    fn drop(&mut self) {
        self.wire.is_over.store(true, Ordering::Release);
        // Who takes connections starts the other threads, so it has to end first.
        if let Some(taker) = self.taker.take() {
            let _ = taker.join();
        }
        self.cut();
        let threads = std::mem::take(&mut *lock(&self.wire.threads));
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Wire {
    const fn half(&self, way: Way) -> &Half {
        match way {
            Way::There => &self.there,
            Way::Back => &self.back,
        }
    }

    /// Hands a connection on, with two threads for each way.
    fn make(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let cuts = lock(&self.open).cuts;
        let to = &self.target;
        let target = to.inside(|| TcpStream::connect_timeout(&to.address, CONNECTED_WITHIN))??;
        for end in [&client, &target] {
            // The one that listens does not wait; what it takes may inherit that.
            end.set_nonblocking(false)?;
            end.set_nodelay(true)?;
            end.set_read_timeout(Some(LOOK))?;
            end.set_write_timeout(Some(LOOK))?;
        }
        let connection = Arc::new(Connection { client, target, is_cut: AtomicBool::new(false) });
        let mut threads = lock(&self.threads);
        for way in Way::ALL {
            let (sender, receiver) = sync_channel(WAITING_MAX);
            let (wire, ends) = (Arc::clone(self), Arc::clone(&connection));
            threads.push(thread::spawn(move || read(wire.half(way), &ends, way, &sender)));
            let (wire, ends) = (Arc::clone(self), Arc::clone(&connection));
            threads.push(thread::spawn(move || write(wire.half(way), &ends, way, &receiver)));
        }
        drop(threads);
        let mut open = lock(&self.open);
        if open.cuts != cuts && !connection.cut() {
            count(&self.cut);
        }
        // Of one that has ended no thread is left.
        open.connections.retain(|connection| Arc::strong_count(connection) > 1);
        open.connections.push(connection);
        Ok(())
    }
}

impl Half {
    fn new(seed: u64, way: Way) -> Self {
        let judge = Mutex::new(Judge::new(seed, way));
        let [came, sent, lost] = std::array::from_fn(|_| AtomicU64::new(0));
        Self { flow: Mutex::default(), judge, came, sent, lost }
    }

    /// When a piece that came now goes on, after the one before.
    fn due(&self, before: Instant) -> Instant {
        let Flow { delay, jitter, .. } = *lock(&self.flow);
        let part = lock(&self.judge).throw().jitter;
        before.max(Instant::now() + delay + jitter.mul_f64(part))
    }
}

impl Connection {
    const fn from(&self, way: Way) -> &TcpStream {
        match way {
            Way::There => &self.client,
            Way::Back => &self.target,
        }
    }

    const fn to(&self, way: Way) -> &TcpStream {
        match way {
            Way::There => &self.target,
            Way::Back => &self.client,
        }
    }

    /// True when it was cut before.
    fn cut(&self) -> bool {
        let was_cut = self.is_cut.swap(true, Ordering::AcqRel);
        // One that is closed already cannot be closed once more.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.target.shutdown(Shutdown::Both);
        was_cut
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Acquire)
    }
}

fn take(wire: &Arc<Wire>, listener: &TcpListener) {
    while !wire.is_over.load(Ordering::Acquire) {
        let Ok((client, _)) = listener.accept() else {
            thread::sleep(SHORT_LOOK);
            continue;
        };
        if wire.is_cut.load(Ordering::Acquire) {
            count(&wire.refused);
        } else {
            let made = wire.make(client).is_ok();
            count(if made { &wire.made } else { &wire.failed });
        }
    }
}

/// Takes what one end says, until it has said all or the connection is cut.
fn read(half: &Half, ends: &Connection, way: Way, pieces: &SyncSender<Piece>) {
    let (mut bytes, mut last) = (vec![0; PIECE_MAX], Instant::now());
    while !ends.is_cut() {
        match ends.from(way).read(&mut bytes) {
            Ok(0) => return,
            Ok(length) => {
                half.came.fetch_add(length as u64, Ordering::AcqRel);
                last = half.due(last);
                if pieces.send((last, bytes[..length].to_vec())).is_err() {
                    half.lost.fetch_add(length as u64, Ordering::AcqRel);
                    return;
                }
            }
            Err(error) if is_patient(&error) => {}
            Err(_) => {
                ends.cut();
                return;
            }
        }
    }
}

/// Hands it on when it is due. Ends when the other thread has, and tells the other end.
fn write(half: &Half, ends: &Connection, way: Way, pieces: &Receiver<Piece>) {
    loop {
        match pieces.recv_timeout(LOOK) {
            Ok((at, bytes)) => {
                let sent = send(half, ends, way, at, &bytes);
                half.sent.fetch_add(sent as u64, Ordering::AcqRel);
                half.lost.fetch_add((bytes.len() - sent) as u64, Ordering::AcqRel);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // It may be closed already.
    let _ = ends.to(way).shutdown(Shutdown::Write);
}

/// Bytes that went on: all, unless the connection ends.
fn send(half: &Half, ends: &Connection, way: Way, at: Instant, bytes: &[u8]) -> usize {
    let mut sent = 0;
    while sent < bytes.len() && !ends.is_cut() {
        let early = at.saturating_duration_since(Instant::now());
        if !early.is_zero() || lock(&half.flow).stalled {
            thread::sleep(early.clamp(Duration::from_micros(100), SHORT_LOOK));
            continue;
        }
        match ends.to(way).write(&bytes[sent..]) {
            Ok(length) => sent += length,
            Err(error) if is_patient(&error) => {}
            Err(_) => {
                ends.cut();
            }
        }
    }
    sent
}

/// Nothing went wrong yet.
fn is_patient(error: &io::Error) -> bool {
    [ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::Interrupted].contains(&error.kind())
}

impl From<Faults> for Flow {
    /// What of the faults a connection can have; a partition is a stall.
    fn from(faults: Faults) -> Self {
        Self { delay: faults.delay, jitter: faults.jitter, stalled: faults.partition }
    }
}

#[cfg(test)]
mod tests;
