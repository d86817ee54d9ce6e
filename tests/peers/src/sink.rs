//! The receiving process: checks and counts what a bus brings, the same for every bus.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock;
use crate::message;
use crate::task::{Failure, Pace, Received, Sign, Task, WARM_UP, save};

/// After the last was sent: how long without a message means that no more will come.
const IDLE: u64 = 500_000_000;
/// How often a waiting receiver looks whether it is done.
pub const LOOK: Duration = Duration::from_millis(50);

/// Takes messages, from whichever thread.
pub struct Sink {
    task: Task,
    finished: AtomicBool,
    /// When the newest message came, ns.
    newest_at: AtomicU64,
    /// When it was seen that the sender is done, ns; 0 before.
    sent_at: AtomicU64,
    book: Mutex<Book>,
}

struct Book {
    counts: Received,
    heard: bool,
    first_at: u64,
    last_at: u64,
    /// The first message that was not whole: why.
    broken: Option<&'static str>,
}

impl Sink {
    /// For the messages of a task.
    pub fn new(task: &Task) -> Self {
        let room = match task.pace {
            Pace::Paced { count, .. } => count,
            Pace::Flood { most, .. } => most,
        };
        // Filled and emptied: no first touch of its pages between two messages.
        let mut latencies = vec![1; room as usize];
        latencies.clear();
        let book = Book {
            counts: Received { latencies, ..Received::default() },
            heard: false,
            first_at: 0,
            last_at: 0,
            broken: None,
        };
        Self {
            task: task.clone(),
            finished: AtomicBool::new(false),
            newest_at: AtomicU64::new(0),
            sent_at: AtomicU64::new(0),
            book: Mutex::new(book),
        }
    }

    /// Takes a message that lies in one piece.
    #[inline]
    pub fn take(&self, message: &[u8]) {
        self.take_pieces(message, message, message.len());
    }

    /// Takes a message of `size` bytes of which the first and the last piece are given.
    pub fn take_pieces(&self, head: &[u8], tail: &[u8], size: usize) {
        let said = message::open(head, tail, size, self.task.size);
        let now = clock::now();
        self.newest_at.store(now, Ordering::Relaxed);
        let mut book = self.book();
        let said = match said {
            Ok(said) => said,
            Err(why) => {
                book.counts.broken += 1;
                book.broken.get_or_insert(why);
                return;
            }
        };
        if said.sequence == 0 {
            // A sign that cannot be written shows at the sender, who waits for it in vain.
            book.heard = book.heard || self.task.signal(Sign::Heard).is_ok();
            return;
        }
        let newest = book.counts.newest;
        book.counts.disordered += u64::from(said.sequence <= newest);
        book.counts.gaps += u64::from(said.sequence > newest + 1);
        book.counts.newest = newest.max(said.sequence);
        if said.sequence > WARM_UP {
            if book.counts.received == 0 {
                book.first_at = now;
            }
            book.last_at = now;
            book.counts.received += 1;
            book.counts.latencies.push(now.saturating_sub(said.at));
        }
        if let Pace::Paced { count, .. } = self.task.pace
            && said.sequence == WARM_UP + count
        {
            self.finished.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a message that was copied though it should lie in shared memory.
    pub fn count_copied(&self) {
        self.book().counts.copied += 1;
    }

    /// Whether no more will come. Looks at a file: not to be asked between two messages.
    pub fn is_done(&self) -> bool {
        if self.finished.load(Ordering::Relaxed) {
            return true;
        }
        if self.sent_at.load(Ordering::Relaxed) == 0 {
            if self.task.is_signalled(Sign::Sent) {
                self.sent_at.store(clock::now(), Ordering::Relaxed);
            }
            return false;
        }
        let newest_at = self.newest_at.load(Ordering::Relaxed);
        let since = newest_at.max(self.sent_at.load(Ordering::Relaxed));
        clock::now().saturating_sub(since) > IDLE
    }

    /// Whether the last message has come; cheap.
    #[inline]
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    /// Waits until no more will come, for a bus that calls back by itself.
    pub fn wait(&self) {
        while !self.is_done() {
            std::thread::sleep(LOOK);
        }
    }

    /// Writes what was counted, and says so.
    pub fn save(&self) -> Result<(), Failure> {
        let mut book = self.book();
        book.counts.lasted_ns = book.last_at - book.first_at;
        let counts = &book.counts;
        save(&self.task.folder, "receiver", counts, &counts.latencies)?;
        self.task.signal(Sign::Received)?;
        if let Some(why) = book.broken {
            let count = book.counts.broken;
            return Err(format!("{count} messages were broken; the first: {why}").into());
        }
        Ok(())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
