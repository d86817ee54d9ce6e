//! What a board remembers across a reset: why it was reset, where, and how often.

use crate::frame::checksum;

/// So many resets within [`STORM_MS`] and the board stays in its fault.
pub const STORM: usize = 3;
/// The time they must fall into, ms.
pub const STORM_MS: u32 = 60_000;

/// Marks memory that holds a log.
const MAGIC: u32 = 0x5452_4c31;
/// Words of the log without its checksum.
const WORDS: usize = 11;

/// Why a board was reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum ResetCause {
    /// It was switched on.
    #[default]
    Power = 0,
    /// Its program panicked; the detail is the line.
    Panic = 1,
    /// A bus, memory or usage fault; the detail is the program counter.
    HardFault = 2,
    /// Its stack ran over.
    StackOverflow = 3,
    /// A task hung and the hardware watchdog noticed.
    Hang = 4,
    /// It was asked to, after it was provisioned.
    Request = 5,
}

impl ResetCause {
    const fn of(number: u32) -> Self {
        match number {
            1 => Self::Panic,
            2 => Self::HardFault,
            3 => Self::StackOverflow,
            4 => Self::Hang,
            5 => Self::Request,
            _ => Self::Power,
        }
    }

    /// It should not have happened.
    const fn is_failure(self) -> bool {
        !matches!(self, Self::Power | Self::Request)
    }
}

/// The log: plain words that a board keeps where a reset does not clear them.
///
/// Clauses: S7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetLog {
    /// Why it was reset last.
    pub cause: ResetCause,
    /// Where: a line or a program counter.
    pub detail: u32,
    /// Status register of the processor's fault, where it has one.
    pub status: u32,
    /// The tick it happened in.
    pub tick: u32,
    /// Failures since it was switched on.
    pub failures: u32,
    /// Resets of any kind since it was switched on.
    pub resets: u32,
    /// Time it has run since it was switched on, over all resets, ms.
    pub age_ms: u32,
    /// Ages at the last failures, the newest first; `u32::MAX` for none.
    ages: [u32; STORM],
}

impl ResetLog {
    /// Of a board that was just switched on.
    pub const NEW: Self = Self {
        cause: ResetCause::Power,
        detail: 0,
        status: 0,
        tick: 0,
        failures: 0,
        resets: 0,
        age_ms: 0,
        ages: [u32::MAX; STORM],
    };

    /// Words in memory.
    pub const LENGTH: usize = WORDS + 1;

    /// The log that memory holds; a new one where it holds none.
    #[must_use]
    pub fn read(words: &[u32; Self::LENGTH]) -> Self {
        let [magic, cause, detail, status, tick, failures, resets, age_ms, a, b, c, sum] = *words;
        if magic != MAGIC || sum != sum_of(words) {
            return Self::NEW;
        }
        let cause = ResetCause::of(cause);
        Self { cause, detail, status, tick, failures, resets, age_ms, ages: [a, b, c] }
    }

    /// As memory keeps it.
    #[must_use]
    pub fn words(&self) -> [u32; Self::LENGTH] {
        let [a, b, c] = self.ages;
        let (cause, failures, resets) = (self.cause as u32, self.failures, self.resets);
        let mut words = [
            MAGIC,
            cause,
            self.detail,
            self.status,
            self.tick,
            failures,
            resets,
            self.age_ms,
            a,
            b,
            c,
            0,
        ];
        if let Some(last) = words.last_mut() {
            *last = sum_of(&[
                MAGIC,
                cause,
                self.detail,
                self.status,
                self.tick,
                failures,
                resets,
                self.age_ms,
                a,
                b,
                c,
                0,
            ]);
        }
        words
    }

    /// Notes that the board is about to be reset.
    pub const fn note(&mut self, cause: ResetCause, detail: u32, status: u32, tick: u32) {
        (self.cause, self.detail, self.status, self.tick) = (cause, detail, status, tick);
        self.resets = self.resets.saturating_add(1);
        if cause.is_failure() {
            self.failures = self.failures.saturating_add(1);
            let [newest, before, _] = self.ages;
            self.ages = [self.age_ms, newest, before];
        }
    }

    /// It has failed so often in so short a time that it must not go on by itself.
    #[must_use]
    pub const fn storms(&self) -> bool {
        let [newest, _, oldest] = self.ages;
        oldest != u32::MAX && newest.saturating_sub(oldest) <= STORM_MS && self.is_recent(newest)
    }

    /// A storm is over once nothing has happened for as long.
    const fn is_recent(&self, newest: u32) -> bool {
        self.age_ms.saturating_sub(newest) <= STORM_MS
    }
}

fn sum_of(words: &[u32; ResetLog::LENGTH]) -> u32 {
    let mut bytes = [0; 4 * WORDS];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    checksum(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_holds_no_log_is_a_board_that_was_switched_on() {
        let mut log = ResetLog::NEW;
        log.note(ResetCause::HardFault, 0x1234, 0x8200, 77);
        let words = log.words();
        assert_eq!(ResetLog::read(&words), log);
        for word in 0..ResetLog::LENGTH {
            let mut changed = words;
            changed[word] ^= 1 << 9;
            assert_eq!(ResetLog::read(&changed), ResetLog::NEW, "word {word}");
        }
        assert_eq!(ResetLog::read(&[0; ResetLog::LENGTH]), ResetLog::NEW);
        assert_eq!(ResetLog::read(&[u32::MAX; ResetLog::LENGTH]), ResetLog::NEW);
    }

    /// Clauses: S7.
    #[test]
    fn three_failures_in_a_minute_are_a_storm() {
        for (gap_ms, storms) in [(10, true), (30_000, true), (30_001, false)] {
            let mut log = ResetLog::NEW;
            for failure in 0..3 {
                log.age_ms += gap_ms;
                log.note(ResetCause::Panic, 1, 0, 1);
                assert_eq!(log.storms(), storms && failure == 2, "{gap_ms} {failure}");
            }
        }
        let mut asked = ResetLog::NEW;
        (0..9).for_each(|_| asked.note(ResetCause::Request, 0, 0, 0));
        assert!(!asked.storms(), "resets that were asked for are no failures");
    }
}
