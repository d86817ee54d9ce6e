//! Streams, wait-free: a bounded ring with one sender and one receiver.
//!
//! Two counters that only grow: `sent` belongs to the sender, `received` to the receiver. Their
//! difference is what the ring holds. Each end keeps its last view of the other's counter, so that
//! it touches the other's cache line only when the ring looks full or empty.
#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::fmt;
use core::mem::MaybeUninit;

use crate::sync::{Apart, Arc, AtomicUsize, Ordering, UnsafeCell};

/// Makes a stream that holds up to `capacity` values; one of 0 drops every value. Allocates once,
/// here, rounding the ring up to a power of two.
///
/// Values that own memory are freed by whoever ends up with them, the sender when the ring is full:
/// through the control cycle send plain data only.
#[must_use]
pub fn queue<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let ring = capacity.next_power_of_two();
    let shared = Arc::new(Shared {
        slots: (0..ring).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect(),
        capacity,
        sent: Apart(AtomicUsize::new(0)),
        received: Apart(AtomicUsize::new(0)),
        dropped: Apart(AtomicUsize::new(0)),
    });
    let sender = Sender { shared: Arc::clone(&shared), sent: 0, received_seen: 0 };
    let receiver = Receiver { shared, received: 0, sent_seen: 0 };
    (sender, receiver)
}

/// The sending end.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    /// Own copy of `Shared::sent`.
    sent: usize,
    /// Last view of `Shared::received`; never ahead of it.
    received_seen: usize,
}

impl<T: Send> Sender<T> {
    /// Appends `value`. Returns false, drops it and counts it when the queue is full.
    #[inline]
    pub fn send(&mut self, value: T) -> bool {
        if self.is_full() {
            // Only this end writes the counter: load and store suffice.
            let count = self.shared.dropped.0.load(Ordering::Relaxed);
            self.shared.dropped.0.store(count.wrapping_add(1), Ordering::Relaxed);
            return false;
        }
        self.shared.slot(self.sent).with_mut(|slot| {
            // SAFETY: the slot is vacant, because fewer than `capacity` values lie between
            // `received` and `sent`, and the receiver does not touch it before `sent` passes it
            // below. `&mut self` keeps any second send out.
            unsafe { (*slot).write(value) };
        });
        self.sent = self.sent.wrapping_add(1);
        // Release: the receiver that sees the new count sees the value.
        self.shared.sent.0.store(self.sent, Ordering::Release);
        true
    }

    #[inline]
    fn is_full(&mut self) -> bool {
        let full = |held: usize| held >= self.shared.capacity;
        if !full(self.sent.wrapping_sub(self.received_seen)) {
            return false;
        }
        // Acquire: the receiver is done with the slots it has counted.
        self.received_seen = self.shared.received.0.load(Ordering::Acquire);
        full(self.sent.wrapping_sub(self.received_seen))
    }
}

impl<T> Sender<T> {
    /// How many values did not fit since the queue was made; wraps at the word size.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.shared.dropped.0.load(Ordering::Relaxed)
    }
}

/// The receiving end.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// Own copy of `Shared::received`.
    received: usize,
    /// Last view of `Shared::sent`; never ahead of it.
    sent_seen: usize,
}

impl<T: Send> Receiver<T> {
    /// Takes the oldest value; `None` when the queue is empty.
    #[inline]
    pub fn recv(&mut self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let value = self.shared.slot(self.received).with(|slot| {
            // SAFETY: `sent` has passed this slot, so the sender has filled it and does not touch
            // it again before `received` passes it below; it is read out once, because `received`
            // only grows and `&mut self` keeps any second receive out.
            unsafe { (*slot).assume_init_read() }
        });
        self.received = self.received.wrapping_add(1);
        // Release: the sender that sees the new count may overwrite the slot, which is read by now.
        self.shared.received.0.store(self.received, Ordering::Release);
        Some(value)
    }

    #[inline]
    fn is_empty(&mut self) -> bool {
        if self.sent_seen != self.received {
            return false;
        }
        // Acquire: sees the values the sender has counted.
        self.sent_seen = self.shared.sent.0.load(Ordering::Acquire);
        self.sent_seen == self.received
    }
}

impl<T> Receiver<T> {
    /// How many values did not fit since the queue was made; wraps at the word size.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.shared.dropped.0.load(Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

/// What both ends hold. Invariant: `received <= sent <= received + capacity` (wrapping), and
/// exactly the slots counted from `received` up to `sent` hold a value.
struct Shared<T> {
    /// A power of two of slots, so that positions stay right when the counters wrap.
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    capacity: usize,
    sent: Apart<AtomicUsize>,
    received: Apart<AtomicUsize>,
    dropped: Apart<AtomicUsize>,
}

// SAFETY: the counters divide the slots between the ends (invariant of `Shared`), so no slot is
// reached from two threads at once, and values move between threads only if they are `Send`.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    #[inline]
    fn slot(&self, position: usize) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[position & (self.slots.len() - 1)]
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let sent = self.sent.0.load(Ordering::Relaxed);
        let mut position = self.received.0.load(Ordering::Relaxed);
        while position != sent {
            self.slot(position).with_mut(|slot| {
                // SAFETY: both ends are gone (`&mut self`, and the last `Arc` orders their work
                // before this), and slots from `received` up to `sent` hold values nobody took.
                unsafe { (*slot).assume_init_drop() };
            });
            position = position.wrapping_add(1);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn values_come_out_in_order_and_the_surplus_is_counted() {
        let (mut sender, mut receiver) = queue::<u32>(3);
        assert_eq!(receiver.recv(), None);
        let fitted = [1, 2, 3, 4, 5].map(|value| sender.send(value));
        assert_eq!(fitted, [true, true, true, false, false], "3, though the ring has 4 slots");
        assert_eq!((sender.dropped(), receiver.dropped()), (2, 2));
        assert_eq!([receiver.recv(), receiver.recv()], [Some(1), Some(2)]);
        assert!(sender.send(6));
        assert_eq!([receiver.recv(), receiver.recv(), receiver.recv()], [Some(3), Some(6), None]);
    }

    #[test]
    fn a_capacity_of_zero_drops_everything() {
        let (mut sender, mut receiver) = queue::<u32>(0);
        assert!(!sender.send(1));
        assert_eq!((receiver.recv(), receiver.dropped()), (None, 1));
    }

    #[test]
    fn counters_may_wrap() {
        let (mut sender, mut receiver) = queue::<u32>(3);
        let start = usize::MAX - 1;
        (sender.sent, sender.received_seen) = (start, start);
        (receiver.received, receiver.sent_seen) = (start, start);
        sender.shared.sent.0.store(start, Ordering::Relaxed);
        sender.shared.received.0.store(start, Ordering::Relaxed);
        for round in 0..8 {
            assert!(sender.send(round) && sender.send(round + 100));
            assert_eq!([receiver.recv(), receiver.recv()], [Some(round), Some(round + 100)]);
        }
    }

    #[test]
    fn what_nobody_took_is_freed_once() {
        let counted = std::sync::Arc::new(());
        let (mut sender, mut receiver) = queue(4);
        for _ in 0..6 {
            sender.send(std::sync::Arc::clone(&counted));
        }
        assert_eq!(std::sync::Arc::strong_count(&counted), 5, "4 in the queue, 2 dropped");
        drop(receiver.recv());
        drop((sender, receiver));
        assert_eq!(std::sync::Arc::strong_count(&counted), 1);
    }

    #[test]
    fn no_value_is_torn_lost_uncounted_or_out_of_order() {
        const SENDS: u64 = if cfg!(miri) { 200 } else { 200_000 };
        let (mut sender, mut receiver) = queue::<[u64; 64]>(16);
        let sending = std::thread::spawn(move || {
            for value in 1..=SENDS {
                if !sender.send([value; 64]) {
                    std::thread::yield_now();
                }
            }
        });
        let (mut last, mut received) = (0, 0);
        loop {
            // Asked before `recv`: once the sender is done, an empty queue stays empty.
            let done = sending.is_finished();
            if let Some(words) = receiver.recv() {
                assert!(words.iter().all(|w| *w == words[0]), "torn: {words:?}");
                assert!(words[0] > last, "{} after {last}", words[0]);
                last = words[0];
                received += 1;
            } else if done {
                break;
            } else {
                std::thread::yield_now();
            }
        }
        sending.join().unwrap();
        assert_eq!(received + receiver.dropped() as u64, SENDS);
    }
}
