//! The sending process: the same for every bus.

use std::time::Duration;

use crate::clock;
use crate::message::{self, Said};
use crate::task::{Failure, Pace, Sent, Sign, Task, WARM_UP, save};
use crate::transport::Sending;

/// How often it asks whether the receiver hears, and goes on asking after that: buses arrange
/// themselves in the first moments, and what they lose then is not what is measured.
const ASK_EVERY: Duration = Duration::from_millis(5);
/// How often it goes on asking.
const ASK_ON: u32 = 20;
/// Lets what asked pass before the first message.
const SETTLE: Duration = Duration::from_millis(100);

/// Sends what the task says through `bus`, and writes what it counted.
pub fn run(task: &Task, bus: &mut dyn Sending) -> Result<(), Failure> {
    let mut buffer = message::blank(task.size);
    task.signal(Sign::Open)?;
    let mut ask = || {
        message::seal(&mut buffer, Said { sequence: 0, at: clock::now() });
        bus.put(&buffer).map(|_| std::thread::sleep(ASK_EVERY))
    };
    task.wait(Sign::Heard, &mut ask).map_err(|e| format!("nobody hears: {e}"))?;
    for _ in 0..ASK_ON {
        ask()?;
    }
    std::thread::sleep(SETTLE);
    let sent = match task.pace {
        Pace::Paced { period_ns, count } => paced(bus, &mut buffer, period_ns, WARM_UP + count)?,
        Pace::Flood { lasts_ns, most } => flood(bus, &mut buffer, lasts_ns, most)?,
    };
    save(&task.folder, "sender", &sent, &sent.puts)?;
    task.signal(Sign::Sent)?;
    // What was sent may still lie with us: the bus stays open until the receiver is done.
    task.wait(Sign::Received, || Ok(())).map_err(|e| format!("the receiver does not end: {e}"))?;
    Ok(())
}

fn paced(
    bus: &mut dyn Sending,
    buffer: &mut [u8],
    period: u64,
    count: u64,
) -> Result<Sent, Failure> {
    let mut book = Sent { puts: Vec::with_capacity(count as usize), ..Sent::default() };
    let mut due = clock::now() + period;
    let mut began = due;
    for sequence in 1..=count {
        clock::sleep_until(due);
        let at = put(bus, buffer, sequence, &mut book)?;
        if sequence == WARM_UP {
            book = Sent { puts: book.puts, ..Sent::default() };
            book.puts.clear();
            began = at;
        }
        due += period;
        // A stall of the machine is no reason for a burst: what was missed is not made up for.
        if clock::now() > due {
            book.late += 1;
            due = clock::now() + period;
        }
    }
    book.lasted_ns = clock::now() - began;
    Ok(book)
}

fn flood(bus: &mut dyn Sending, buffer: &mut [u8], lasts: u64, most: u64) -> Result<Sent, Failure> {
    // Filled and emptied: no first touch of its pages between two messages.
    let mut puts = vec![1; most as usize];
    puts.clear();
    let mut book = Sent { puts, ..Sent::default() };
    let (mut began, mut sequence) = (clock::now(), 0);
    let mut at = began;
    while sequence < most && (sequence <= WARM_UP || at - began < lasts) {
        sequence += 1;
        at = put(bus, buffer, sequence, &mut book)?;
        if sequence == WARM_UP {
            book = Sent { puts: book.puts, ..Sent::default() };
            book.puts.clear();
            began = at;
        }
    }
    book.lasted_ns = at - began;
    Ok(book)
}

/// Sends one message; returns when it was done.
#[inline]
fn put(
    bus: &mut dyn Sending,
    buffer: &mut [u8],
    sequence: u64,
    book: &mut Sent,
) -> Result<u64, Failure> {
    let at = clock::now();
    message::seal(buffer, Said { sequence, at });
    let taken = bus.put(buffer)?;
    let after = clock::now();
    book.puts.push(after - at);
    book.sent += 1;
    book.refused += u64::from(!taken);
    Ok(after)
}
