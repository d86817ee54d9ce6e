//! A thread beside the loop that works when it is woken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use crate::realtime::become_ordinary;

/// A sleeping worker looks by itself this often, in case a wake-up was missed.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A thread that does its work until none is left, then sleeps until it is woken. Ends when
/// dropped.
#[derive(Debug)]
pub struct Worker {
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread `name`; `work` does one piece and says whether there was one.
    ///
    /// # Errors
    /// The machine grants no thread.
    pub fn start(name: &str, work: impl FnMut() -> bool + Send + 'static) -> std::io::Result<Self> {
        Self::start_looking(name, LOOK_EVERY, work)
    }

    /// The same, for one that nobody wakes: it looks by itself after each `pause`.
    ///
    /// # Errors
    /// The machine grants no thread.
    pub fn start_looking(
        name: &str,
        pause: Duration,
        mut work: impl FnMut() -> bool + Send + 'static,
    ) -> std::io::Result<Self> {
        let ending = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ending);
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            // Started from the control thread it would inherit that thread's priority.
            become_ordinary();
            while !ended.load(Ordering::Acquire) {
                if !work() {
                    std::thread::park_timeout(pause);
                }
            }
        })?;
        Ok(Self { ending, thread: Some(thread) })
    }

    /// Wakes it. Never waits.
    pub fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Wakes it later: see [`Bell`].
    #[must_use]
    pub fn bell(&self) -> Option<Bell> {
        let thread = self.thread.as_ref()?.thread().clone();
        Some(Bell { rung: Arc::new(AtomicBool::new(false)), thread })
    }

    /// It has ended by itself, which only a panic does.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

/// A wake-up in two halves: asked for inside the control cycle, where no system call may be made,
/// and given outside it.
#[derive(Clone, Debug)]
pub struct Bell {
    rung: Arc<AtomicBool>,
    thread: Thread,
}

impl Bell {
    /// Asks for the wake-up. Makes no system call.
    pub fn ring(&self) {
        self.rung.store(true, Ordering::Release);
    }

    /// Gives it, if it was asked for.
    pub fn deliver(&self) {
        if self.rung.swap(false, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A panic of the worker has been printed already; there is nothing more to do with it.
            let _ = thread.join();
        }
    }
}
