//! The newest value, wait-free: a triple buffer.
//!
//! Three slots: the writer owns one, the reader owns one, and the third lies between them. Writing
//! fills the writer's slot and swaps it with the one between; reading swaps the reader's slot with
//! the one between when that holds something new. One atomic swap each, whatever the other end
//! does.
#![allow(unsafe_code)]

use core::fmt;
use core::mem::MaybeUninit;

use crate::sync::{Apart, Arc, AtomicUsize, Ordering, UnsafeCell};

/// Makes a channel of which only the newest value counts. Allocates once, here.
#[must_use]
pub fn latest<T: Copy + Send>() -> (Writer<T>, Reader<T>) {
    let shared = Arc::new(Shared {
        slots: [empty_slot(), empty_slot(), empty_slot()],
        between: Apart(AtomicUsize::new(BETWEEN_AT_START)),
        overwritten: Apart(AtomicUsize::new(0)),
    });
    let writer = Writer { shared: Arc::clone(&shared), mine: 0 };
    let reader = Reader { shared, mine: 2, filled: false };
    (writer, reader)
}

/// The writing end.
pub struct Writer<T> {
    shared: Arc<Shared<T>>,
    /// Index of the slot that only this end touches.
    mine: usize,
}

impl<T: Copy + Send> Writer<T> {
    /// Makes `value` the newest. Returns true when it replaced one that was never read.
    #[inline]
    pub fn write(&mut self, value: T) -> bool {
        self.shared.slot(self.mine).with_mut(|slot| {
            // SAFETY: `mine`, the slot between and the reader's are three different slots (see
            // `Shared`), and `&mut self` keeps any second write out, so nothing else touches this
            // one.
            unsafe { (*slot).write(value) }
        });
        // Release: the reader that takes this slot sees the value. Acquire: the reader is done with
        // the slot that comes back.
        let before = self.shared.between.0.swap(self.mine | FRESH, Ordering::AcqRel);
        self.mine = before & INDEX;
        let unread = before & FRESH != 0;
        if unread {
            // Only this end writes the counter: load and store suffice.
            let count = self.shared.overwritten.0.load(Ordering::Relaxed);
            self.shared.overwritten.0.store(count.wrapping_add(1), Ordering::Relaxed);
        }
        unread
    }
}

impl<T> Writer<T> {
    /// How many values were replaced unread since the channel was made; wraps at the word size.
    #[must_use]
    pub fn overwritten(&self) -> usize {
        self.shared.overwritten.0.load(Ordering::Relaxed)
    }
}

/// The reading end.
pub struct Reader<T> {
    shared: Arc<Shared<T>>,
    /// Index of the slot that only this end touches.
    mine: usize,
    /// The own slot holds a value; false only before the first one arrived.
    filled: bool,
}

impl<T: Copy + Send> Reader<T> {
    /// The newest value, once: `None` until the writer has written again.
    #[inline]
    pub fn read(&mut self) -> Option<T> {
        if self.take_newest() { self.held().copied() } else { None }
    }

    /// The newest value, as often as asked; `None` only before the first write. How old it is, the
    /// value itself must say.
    #[inline]
    pub fn latest(&mut self) -> Option<&T> {
        self.take_newest();
        self.held()
    }

    /// Takes over the slot between when it holds something new; says whether it did.
    #[inline]
    fn take_newest(&mut self) -> bool {
        // Relaxed: only a hint. The flag can be set behind our back but not cleared, and the swap
        // below is what makes the value visible.
        if self.shared.between.0.load(Ordering::Relaxed) & FRESH == 0 {
            return false;
        }
        let before = self.shared.between.0.swap(self.mine, Ordering::AcqRel);
        self.mine = before & INDEX;
        self.filled = true;
        true
    }

    #[inline]
    fn held(&self) -> Option<&T> {
        if !self.filled {
            return None;
        }
        self.shared.slot(self.mine).with(|slot| {
            // SAFETY: `filled` is set only after a swap that took over a slot flagged FRESH, and
            // the writer flags a slot only after filling it. The writer cannot touch this slot
            // before `take_newest` gives it back, which takes `&mut self` and so outlives no
            // reference.
            Some(unsafe { (*slot).assume_init_ref() })
        })
    }
}

impl<T> Reader<T> {
    /// How many values were replaced unread since the channel was made; wraps at the word size.
    #[must_use]
    pub fn overwritten(&self) -> usize {
        self.shared.overwritten.0.load(Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("overwritten", &self.overwritten()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("overwritten", &self.overwritten()).finish_non_exhaustive()
    }
}

/// What both ends hold. Invariant: `Writer::mine`, `Reader::mine` and the index in `between` are
/// always a permutation of 0, 1, 2. It holds at the start, and each end only ever swaps its own
/// index with the one in `between`, atomically.
struct Shared<T> {
    slots: [Slot<T>; 3],
    /// Index of the slot between the ends, with FRESH when it holds a value that was not read.
    between: Apart<AtomicUsize>,
    overwritten: Apart<AtomicUsize>,
}

// SAFETY: the ends divide the slots among themselves (invariant of `Shared`), so no slot is reached
// from two threads at once, and values move between threads only if they are `Send`.
unsafe impl<T: Send> Sync for Shared<T> {}

type Slot<T> = Apart<UnsafeCell<MaybeUninit<T>>>;

const BETWEEN_AT_START: usize = 1;
const INDEX: usize = 0b011;
const FRESH: usize = 0b100;

impl<T> Shared<T> {
    /// The slot at `index`; total, so that the cycle has no path to a panic.
    #[inline]
    fn slot(&self, index: usize) -> &UnsafeCell<MaybeUninit<T>> {
        let [first, second, third] = &self.slots;
        match index {
            0 => &first.0,
            1 => &second.0,
            _ => &third.0,
        }
    }
}

fn empty_slot<T>() -> Slot<T> {
    Apart(UnsafeCell::new(MaybeUninit::uninit()))
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn newest_value_wins_and_is_read_once() {
        let (mut writer, mut reader) = latest::<u32>();
        assert_eq!(reader.read(), None);
        assert_eq!(reader.latest(), None);
        assert!(!writer.write(1));
        assert!(writer.write(2), "1 was never read");
        assert_eq!(reader.read(), Some(2));
        assert_eq!(reader.read(), None);
        assert_eq!(reader.latest(), Some(&2));
        assert!(!writer.write(3), "2 was read");
        assert_eq!(reader.latest(), Some(&3));
        assert_eq!(reader.read(), None, "looking counts as reading");
        assert_eq!((writer.overwritten(), reader.overwritten()), (1, 1));
    }

    #[test]
    fn a_channel_outlives_either_end() {
        let (mut writer, mut reader) = latest::<u32>();
        writer.write(7);
        drop(writer);
        assert_eq!(reader.read(), Some(7));
        drop(reader);
        let (mut writer, reader) = latest::<u32>();
        drop(reader);
        assert!(!writer.write(1));
        assert!(writer.write(2));
    }

    #[test]
    fn no_value_is_torn_lost_uncounted_or_out_of_order() {
        const WRITES: u64 = if cfg!(miri) { 200 } else { 200_000 };
        let (mut writer, mut reader) = latest::<[u64; 64]>();
        let writing = std::thread::spawn(move || {
            for value in 1..=WRITES {
                writer.write([value; 64]);
            }
            writer.overwritten()
        });
        let (mut last, mut read) = (0, 0);
        while last < WRITES {
            let Some(words) = reader.read() else {
                std::thread::yield_now();
                continue;
            };
            assert!(words.iter().all(|w| *w == words[0]), "torn: {words:?}");
            assert!(words[0] > last, "{} after {last}", words[0]);
            last = words[0];
            read += 1;
        }
        let overwritten = writing.join().unwrap();
        assert_eq!(read + overwritten as u64, WRITES);
    }
}
