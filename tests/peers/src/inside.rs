//! Hand-over inside one process: `bus::latest` beside a ring and a bounded channel.
//!
//! What is handed over is a block of plain words, by value, as the control cycle does it. The
//! reader of two threads asks again and again; the writer writes every few microseconds, so that
//! what is timed is a hand-over and not a queue.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock;
use crate::task::{Failure, WARM_UP};

/// Time between two writes to another thread, ns.
const PERIOD: u64 = 2_000;
/// Room of the ring and of the channel.
const ROOM: usize = 1024;

/// What hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// `bus::latest`: wait-free, the newest value only.
    Latest,
    /// `rtrb`: a wait-free ring, every value.
    Ring,
    /// `crossbeam`: a bounded channel, lock-free, several ends.
    Channel,
}

impl Lane {
    /// All of them; the first is what the others are compared with.
    pub const ALL: [Self; 3] = [Self::Latest, Self::Ring, Self::Channel];

    /// As the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latest => "Triune, bus::latest",
            Self::Ring => "rtrb, push",
            Self::Channel => "crossbeam, try_send",
        }
    }
}

/// Bytes of the values.
pub const SIZES: [usize; 3] = [64, 576, 4096];

/// One measurement.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Values written.
    pub sent: u64,
    /// Values read.
    pub received: u64,
    /// Time of each write, ns.
    pub writes: Vec<u64>,
    /// From before the write until the reader has the value, ns.
    pub latencies: Vec<u64>,
}

/// Hands `count` values of `size` bytes over, to another thread or in the same.
///
/// # Errors
///
/// A size that is not in [`SIZES`], or a value that came broken or out of order.
pub fn measure(lane: Lane, size: usize, threads: bool, count: u64) -> Result<Passed, Failure> {
    match size {
        64 => lanes::<8>(lane, threads, count),
        576 => lanes::<72>(lane, threads, count),
        4096 => lanes::<512>(lane, threads, count),
        _ => Err(format!("values of {size} bytes are not measured").into()),
    }
}

/// The first word counts, the second is the time, the last counts again.
type Block<const WORDS: usize> = [u64; WORDS];

fn lanes<const WORDS: usize>(lane: Lane, threads: bool, count: u64) -> Result<Passed, Failure> {
    match lane {
        Lane::Latest => {
            let (mut writer, mut reader) = bus::latest::<Block<WORDS>>();
            let write = move |block| !writer.write(block);
            pass(threads, count, write, move || reader.read())
        }
        Lane::Ring => {
            let (mut writer, mut reader) = rtrb::RingBuffer::<Block<WORDS>>::new(ROOM);
            let write = move |block| writer.push(block).is_ok();
            pass(threads, count, write, move || reader.pop().ok())
        }
        Lane::Channel => {
            let (writer, reader) = crossbeam_channel::bounded::<Block<WORDS>>(ROOM);
            let write = move |block| writer.try_send(block).is_ok();
            pass(threads, count, write, move || reader.try_recv().ok())
        }
    }
}

fn pass<const WORDS: usize>(
    threads: bool,
    count: u64,
    write: impl FnMut(Block<WORDS>) -> bool,
    read: impl FnMut() -> Option<Block<WORDS>> + Send,
) -> Result<Passed, Failure> {
    if threads { across(count, write, read) } else { within(count, write, read) }
}

fn within<const WORDS: usize>(
    count: u64,
    mut write: impl FnMut(Block<WORDS>) -> bool,
    mut read: impl FnMut() -> Option<Block<WORDS>>,
) -> Result<Passed, Failure> {
    let mut reader = Reader::new(count);
    let mut writes = Vec::with_capacity(count as usize);
    for sequence in 1..=WARM_UP + count {
        let cost = timed_write(sequence, &mut write);
        reader.take(read().as_ref())?;
        if sequence > WARM_UP {
            writes.push(cost);
        }
    }
    Ok(Passed { sent: count, received: reader.received, writes, latencies: reader.latencies })
}

fn across<const WORDS: usize>(
    count: u64,
    mut write: impl FnMut(Block<WORDS>) -> bool,
    mut read: impl FnMut() -> Option<Block<WORDS>> + Send,
) -> Result<Passed, Failure> {
    let (ready, written) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut reader = Reader::new(count);
            ready.store(true, Ordering::Release);
            loop {
                // Before the look: what was written before it is seen by the look.
                let last = written.load(Ordering::Acquire);
                if !reader.take(read().as_ref())? {
                    if last {
                        return Ok(reader);
                    }
                    spin_loop();
                }
            }
        });
        while !ready.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let mut writes = Vec::with_capacity(count as usize);
        let mut due = clock::now() + PERIOD;
        for sequence in 1..=WARM_UP + count {
            while clock::now() < due {
                spin_loop();
            }
            let cost = timed_write(sequence, &mut write);
            if sequence > WARM_UP {
                writes.push(cost);
            }
            // What a stall of the machine took is not made up for in a burst.
            due = (due + PERIOD).max(clock::now());
        }
        written.store(true, Ordering::Release);
        let reader: Result<Reader, Failure> =
            reading.join().map_err(|_| "the reading thread broke off")?;
        let Reader { received, latencies, .. } = reader?;
        Ok(Passed { sent: count, received, writes, latencies })
    })
}

#[inline]
fn timed_write<const WORDS: usize>(
    sequence: u64,
    write: &mut impl FnMut(Block<WORDS>) -> bool,
) -> u64 {
    let mut block = [sequence; WORDS];
    let at = clock::now();
    block[1] = at;
    // Whether a value was lost shows at the reader, who counts.
    black_box(write(block));
    clock::now() - at
}

struct Reader {
    newest: u64,
    received: u64,
    latencies: Vec<u64>,
}

impl Reader {
    fn new(count: u64) -> Self {
        let mut latencies = vec![1; count as usize];
        latencies.clear();
        Self { newest: 0, received: 0, latencies }
    }

    /// Checks and counts a value; says whether there was one.
    #[inline]
    fn take<const WORDS: usize>(&mut self, block: Option<&Block<WORDS>>) -> Result<bool, Failure> {
        let Some(block) = block else { return Ok(false) };
        let now = clock::now();
        let (sequence, at) = (block[0], block[1]);
        if block[WORDS - 1] != sequence || sequence <= self.newest {
            return Err(format!("value {sequence} came broken or after a newer one").into());
        }
        self.newest = sequence;
        if sequence > WARM_UP {
            self.received += 1;
            self.latencies.push(now - at);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_hands_over() {
        for lane in Lane::ALL {
            for size in SIZES {
                let passed = measure(lane, size, false, 100).unwrap();
                assert_eq!((passed.sent, passed.received), (100, 100), "{lane:?} {size}");
                assert_eq!((passed.writes.len(), passed.latencies.len()), (100, 100));
                let passed = measure(lane, size, true, 100).unwrap();
                assert!(passed.received <= 100);
                assert_eq!(passed.latencies.len() as u64, passed.received);
            }
        }
    }
}
