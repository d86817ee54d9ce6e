//! What can befall a datagram, and the dice that decide.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::Way;

/// What befalls the datagrams of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Part that is lost, 0 to 1.
    pub loss: f64,
    /// How long each takes.
    pub delay: Duration,
    /// How much longer it may take, evenly spread. It reorders nothing by itself.
    pub jitter: Duration,
    /// Part that comes twice, 0 to 1; the copy later by up to `jitter`.
    pub duplicate: f64,
    /// Part that is held up so that later ones may pass it, 0 to 1.
    pub reorder: f64,
    /// How much longer such a one takes.
    pub hold: Duration,
    /// Nothing passes, and what is on its way is lost.
    pub partition: bool,
}

impl Faults {
    /// A wire as it should be.
    pub const NONE: Self = Self {
        loss: 0.0,
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        duplicate: 0.0,
        reorder: 0.0,
        hold: Duration::ZERO,
        partition: false,
    };
    /// A wire that is cut.
    pub const PARTITION: Self = Self { partition: true, ..Self::NONE };

    fn check(&self) -> io::Result<()> {
        let parts = [("loss", self.loss), ("duplicate", self.duplicate), ("reorder", self.reorder)];
        for (name, part) in parts {
            // False for what is not a number.
            if !(0.0..=1.0).contains(&part) {
                return Err(wrong(format!("faults: {name} is {part}: a part is 0 to 1")));
            }
        }
        Ok(())
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::NONE
    }
}

/// The dice of one datagram. They are thrown whether or not they are looked at, so that those of
/// the next do not depend on it. Each is 0 to 1, 1 excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dice {
    /// Decides on loss.
    pub loss: f64,
    /// Decides on duplication.
    pub duplicate: f64,
    /// Decides on reordering.
    pub reorder: f64,
    /// Part of the jitter.
    pub jitter: f64,
    /// Part of the jitter, for the copy.
    pub copy: f64,
}

/// What becomes of a datagram. Times count from the start of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The dice took it.
    Lost,
    /// It met a partition.
    Partitioned,
    /// It goes on.
    Passed {
        /// When.
        at: Duration,
        /// When once more, if ever.
        again: Option<Duration>,
    },
}

/// Decides on the datagrams of one way, in the order they come.
#[derive(Clone, Debug)]
pub struct Judge {
    random: ChaCha8Rng,
    faults: Faults,
    schedule: VecDeque<(Duration, Faults)>,
    /// When the last one goes on that was not held up: none overtakes another by jitter.
    last: Duration,
}

impl Judge {
    /// Without faults. The two ways of a seed have dice of their own.
    #[must_use]
    pub fn new(seed: u64, way: Way) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(way as u64);
        Self { random, faults: Faults::NONE, schedule: VecDeque::new(), last: Duration::ZERO }
    }

    /// From now on these faults, each from its time after now.
    ///
    /// # Errors
    /// A probability is not one, or the times do not rise.
    pub fn follow(&mut self, now: Duration, schedule: &[(Duration, Faults)]) -> io::Result<()> {
        schedule.iter().try_for_each(|(_, faults)| faults.check())?;
        if !schedule.is_sorted_by(|(earlier, _), (later, _)| earlier < later) {
            return Err(wrong("faults: the times of a schedule must rise".to_owned()));
        }
        self.faults_at(now);
        self.schedule = schedule.iter().map(|(after, faults)| (now + *after, *faults)).collect();
        self.faults_at(now);
        Ok(())
    }

    /// The faults that hold now. Time does not go back.
    pub fn faults_at(&mut self, now: Duration) -> Faults {
        while let Some((_, faults)) = self.schedule.pop_front_if(|(from, _)| *from <= now) {
            self.faults = faults;
        }
        self.faults
    }

    /// Throws the dice of the next datagram.
    pub fn throw(&mut self) -> Dice {
        let mut die = || {
            // The 53 bits that a number between 0 and 1 can hold.
            (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
        };
        Dice { loss: die(), duplicate: die(), reorder: die(), jitter: die(), copy: die() }
    }

    /// Decides on the next datagram, which has come now.
    pub fn judge(&mut self, now: Duration) -> Fate {
        let (faults, dice) = (self.faults_at(now), self.throw());
        if faults.partition {
            return Fate::Partitioned;
        }
        if dice.loss < faults.loss {
            return Fate::Lost;
        }
        let due = now + faults.delay + faults.jitter.mul_f64(dice.jitter);
        let at = if dice.reorder < faults.reorder {
            due + faults.hold
        } else {
            self.last = self.last.max(due);
            self.last
        };
        let is_twice = dice.duplicate < faults.duplicate;
        let again = is_twice.then(|| at + faults.jitter.mul_f64(dice.copy));
        Fate::Passed { at, again }
    }
}

fn wrong(rule: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, rule)
}
