//! The hardware watchdog: a board that no longer works is reset, and a reset opens the torque gate.
//!
//! It expires once, which interrupts, and a second time, which resets; so a hang lasts at most two
//! periods. It is fed only when each of the three executors has shown that it still runs
//! (the scheme of VESC's firmware).

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::SendSpawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;

use crate::registers::Device::Watchdog;

/// Half of the longest hang: 10 ms.
const PERIOD_CYCLES: u32 = 10_000 * crate::clock::CYCLES_PER_MICROSECOND;

const LOAD: usize = 0x0;
const CONTROL: usize = 0x8;
const CLEAR: usize = 0xC;
const LOCK: usize = 0xC00;
const KEY: u32 = 0x1ACC_E551;
const COUNT_AND_RESET: u32 = 0b11;

/// A task that must show that it lives.
pub(crate) struct Sign(AtomicBool);

/// The executor of the links.
pub(crate) static LINKS: Sign = Sign(AtomicBool::new(false));
/// The thread executor.
pub(crate) static THREAD: Sign = Sign(AtomicBool::new(false));

/// Asks the thread executor for a sign of life, once a tick.
pub(crate) static PULSE: Signal<CriticalSectionRawMutex, ()> = Signal::new();

impl Sign {
    /// Says that the task has run.
    pub(crate) fn of_life(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        let seen = self.0.load(Ordering::Relaxed);
        if seen {
            self.0.store(false, Ordering::Relaxed);
        }
        seen
    }
}

pub(crate) fn start() {
    Watchdog.write(LOCK, KEY);
    Watchdog.write(LOAD, PERIOD_CYCLES);
    Watchdog.write(CLEAR, 1);
    Watchdog.write(CONTROL, COUNT_AND_RESET);
}

/// Begins anew with the longest period there is, 171 s. Only the test bench may ask for it, and it
/// must ask again before then: the emulated watchdog cannot be stopped.
#[cfg(feature = "bench")]
pub(crate) fn pause() {
    Watchdog.write(LOCK, KEY);
    Watchdog.write(LOAD, u32::MAX);
    Watchdog.write(CLEAR, 1);
}

/// Called by the joint task, whose own life this proves; feeds only when the others have given a
/// sign since the last feed.
#[derive(Default)]
pub(crate) struct Feeder {
    links: bool,
    thread: bool,
}

impl Feeder {
    pub(crate) fn feed(&mut self) {
        self.links |= LINKS.take();
        self.thread |= THREAD.take();
        if self.links && self.thread {
            Watchdog.write(CLEAR, 1);
            *self = Self::default();
        }
    }
}

/// The thread executor's sign of life.
pub(crate) fn start_thread(executor: SendSpawner) {
    crate::interrupts::spawn(executor, thread_task());
}

#[embassy_executor::task]
async fn thread_task() {
    loop {
        PULSE.wait().await;
        #[cfg(feature = "bench")]
        crate::bench::hang_if_ordered(board::bench::Place::Thread);
        THREAD.of_life();
    }
}
