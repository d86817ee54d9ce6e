//! What is kept through a reset: the log of resets and the time. It lies in memory that the
//! start-up code does not clear; check sums tell what is left of an earlier life from what memory
//! happens to contain after power on.
//!
//! Time is written in each tick, and a reset may come between any two words; so it has two places
//! that are written in turn, and one of them is always whole.

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use firmware::{ResetCause, ResetLog};

use crate::Memory;

/// Words it takes, from index 0.
pub const WORDS: usize = TIMES + 2 * TIME_WORDS;

/// Where the mark stands that says that a life has not been ended by the program itself.
const ALIVE: usize = ResetLog::LENGTH;
const ALIVE_MARK: u32 = 0xA11F_E11F;
const TIMES: usize = ALIVE + 1;
const TIME_WORDS: usize = 3;
/// Seed of the check sums, so that a memory of zeros is not valid.
const SEED: u32 = 0x5EED_B0D1;

/// Words for a static that the linker puts where start-up clears nothing. After power on they
/// contain nonsense.
#[derive(Debug)]
pub struct Kept<const LENGTH: usize>([AtomicU32; LENGTH]);

impl<const LENGTH: usize> Kept<LENGTH> {
    /// For the static; what it says of its contents is not so.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "only for a static")]
    pub const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; LENGTH])
    }
}

impl<const LENGTH: usize> Memory for Kept<LENGTH> {
    fn load(&self, word: usize) -> u32 {
        // The compiler must not conclude from `new` what the words are.
        black_box(self).0.get(word).map_or(0, |word| word.load(Ordering::SeqCst))
    }

    fn store(&self, word: usize, value: u32) {
        if let Some(word) = self.0.get(word) {
            word.store(value, Ordering::SeqCst);
        }
    }
}

/// How old a board is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Time {
    /// Time it has run since power on, over all its lives, ms.
    pub age_ms: u32,
    /// Ticks of this life.
    pub tick: u32,
}

/// A life begins: the log of those before. One that ended without a note was ended by the hardware
/// watchdog.
pub fn begin(memory: &impl Memory) -> ResetLog {
    let words = core::array::from_fn(|word| memory.load(word));
    let mut log = ResetLog::read(&words);
    let is_kept = log.words() == words;
    if let Some(time) = time(memory).filter(|_| is_kept) {
        log.age_ms = time.age_ms;
        if memory.load(ALIVE) == ALIVE_MARK {
            log.note(ResetCause::Hang, 0, 0, time.tick);
        }
    }
    write(memory, &log);
    memory.store(ALIVE, ALIVE_MARK);
    let time = Time { age_ms: log.age_ms, tick: 0 };
    // Both places, so that none is left from another life.
    keep_time(memory, time);
    keep_time(memory, Time { tick: 1, ..time });
    log
}

/// Keeps the time; called in each tick.
pub fn keep_time(memory: &impl Memory, time: Time) {
    let place = TIMES + TIME_WORDS * usize::from(time.tick % 2 == 1);
    let words = [time.age_ms, time.tick, check(time.age_ms, time.tick)];
    for (at, word) in words.into_iter().enumerate() {
        memory.store(place + at, word);
    }
}

/// Notes why this life ends, just before the reset.
pub fn end(memory: &impl Memory, cause: ResetCause, detail: u32, status: u32) {
    let mut log = ResetLog::read(&core::array::from_fn(|word| memory.load(word)));
    let time = time(memory).unwrap_or_default();
    log.age_ms = time.age_ms;
    log.note(cause, detail, status, time.tick);
    write(memory, &log);
    memory.store(ALIVE, 0);
}

fn write(memory: &impl Memory, log: &ResetLog) {
    for (at, word) in log.words().into_iter().enumerate() {
        memory.store(at, word);
    }
}

/// The newer of the two that are whole.
fn time(memory: &impl Memory) -> Option<Time> {
    let read = |place: usize| {
        let [age_ms, tick, sum] = core::array::from_fn(|at| memory.load(place + at));
        (sum == check(age_ms, tick)).then_some(Time { age_ms, tick })
    };
    let both = [read(TIMES), read(TIMES + TIME_WORDS)];
    both.into_iter().flatten().max_by_key(|time| time.tick)
}

/// It need not withstand an attack, only chance.
fn check(one: u32, other: u32) -> u32 {
    let step = |sum: u32, word: u32| (sum ^ word).wrapping_mul(0x0100_0193).rotate_left(7);
    step(step(SEED, one), other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Words;

    fn at(tick: u32) -> Time {
        Time { age_ms: 1_000 + tick, tick }
    }

    #[test]
    fn memory_after_power_on_is_not_believed() {
        for filling in [0, u32::MAX, 0xA5A5_A5A5, SEED, ALIVE_MARK] {
            let log = begin(&Words::filled(WORDS, filling));
            assert_eq!(log, ResetLog::NEW, "{filling:#x}");
        }
    }

    #[test]
    fn a_reset_while_time_is_written_loses_at_most_one_tick() {
        let memory = Words::filled(WORDS, 0);
        begin(&memory);
        for tick in 2..200 {
            for stores in 0..TIME_WORDS {
                *memory.left.borrow_mut() = stores;
                keep_time(&memory, at(tick));
                let kept = time(&memory).unwrap().tick;
                assert!(kept == tick || kept + 1 == tick, "tick {tick}: {kept}");
            }
            *memory.left.borrow_mut() = usize::MAX;
            keep_time(&memory, at(tick));
            assert_eq!(time(&memory), Some(at(tick)));
        }
    }

    /// Clauses: S7.
    #[test]
    fn a_life_that_left_no_note_was_ended_by_the_watchdog() {
        let memory = Words::filled(WORDS, 0);
        begin(&memory);
        keep_time(&memory, at(30));
        let log = begin(&memory);
        assert_eq!((log.cause, log.tick, log.failures), (ResetCause::Hang, 30, 1));
        keep_time(&memory, at(7));
        end(&memory, ResetCause::Panic, 42, 3);
        let log = begin(&memory);
        let found = (log.cause, log.detail, log.status, log.tick, log.failures, log.age_ms);
        assert_eq!(found, (ResetCause::Panic, 42, 3, 7, 2, 1_007));
    }

    /// Clauses: S7.
    #[test]
    fn three_failures_in_a_minute_of_all_lives_together_are_a_storm() {
        let memory = Words::filled(WORDS, 0);
        let mut age_ms = 0;
        for (lived_ms, storms) in
            [(10, false), (20_000, false), (39_000, true), (61_000, false), (100, false), (1, true)]
        {
            begin(&memory);
            age_ms += lived_ms;
            keep_time(&memory, Time { age_ms, tick: lived_ms });
            end(&memory, ResetCause::Panic, 1, 0);
            assert_eq!(begin(&memory).storms(), storms, "at {age_ms} ms");
            end(&memory, ResetCause::Request, 0, 0);
        }
    }
}
