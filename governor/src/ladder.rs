//! The level of severity: raised by causes, lowered only by the conditions stated here.
//!
//! - NOTICE to LIMITED clear by themselves when no cause was seen for [`CLEAN`].
//! - HOLD clears when a person starts again while a fresh plan is in force.
//! - SETTLE and above latch; only an accepted reset clears them.

use core::time::Duration;

use signals::{Instant, Level};

use crate::watch::Cause;

/// Time without a cause after which a transient level clears (soft-measure ladder, W2).
const CLEAN: Duration = Duration::from_secs(2);
/// The levels that clear by themselves.
const TRANSIENT: [Level; 4] = [Level::Notice, Level::Warning, Level::Guidance, Level::Limited];

#[derive(Debug)]
pub(crate) struct Ladder {
    /// When a cause of each transient level was last seen.
    seen: [Option<Instant>; TRANSIENT.len()],
    hold: bool,
    latched: Option<Level>,
    /// Since when the controlled stop goes on.
    settling_since: Instant,
    /// Torque was cut: it stays cut whatever comes.
    torque_cut: bool,
}

impl Ladder {
    pub(crate) const fn new() -> Self {
        Self {
            seen: [None; TRANSIENT.len()],
            hold: false,
            latched: None,
            settling_since: Instant::ZERO,
            torque_cut: false,
        }
    }

    /// Takes a cause in. A limp robot never starts a controlled stop: it has stopped already.
    pub(crate) fn raise(&mut self, cause: &Cause, now: Instant, limp: bool) {
        for (level, seen) in TRANSIENT.iter().zip(&mut self.seen) {
            if *level == cause.level {
                *seen = Some(now);
            }
        }
        match cause.level {
            Level::Hold => self.hold = true,
            Level::Settle if limp => self.latch(Level::Stopped, now),
            level if level >= Level::Settle => self.latch(level, now),
            _ => {}
        }
    }

    fn latch(&mut self, level: Level, now: Instant) {
        self.torque_cut |= level == Level::Cut;
        if self.latched.is_some_and(|latched| latched >= level) {
            return;
        }
        if level == Level::Settle {
            self.settling_since = now;
        }
        self.latched = Some(level);
    }

    /// An accepted reset: everything clears.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }

    /// An accepted start out of HOLD.
    pub(crate) fn resume(&mut self) {
        self.hold = false;
    }

    /// The worst of what is latched, held and not yet clean.
    pub(crate) fn level(&self, now: Instant) -> Level {
        if let Some(latched) = self.latched {
            return latched;
        }
        if self.hold { Level::Hold } else { self.transient(now) }
    }

    /// The worst transient level that is not yet clean.
    pub(crate) fn transient(&self, now: Instant) -> Level {
        let dirty = |seen: &Option<Instant>| seen.is_some_and(|seen| now.since(seen) < CLEAN);
        let worst = TRANSIENT.iter().zip(&self.seen).rev().find(|(_, seen)| dirty(seen));
        worst.map_or(Level::Nominal, |(level, _)| *level)
    }

    pub(crate) const fn latched(&self) -> Option<Level> {
        self.latched
    }

    pub(crate) const fn holds(&self) -> bool {
        self.hold
    }

    pub(crate) const fn torque_is_cut(&self) -> bool {
        self.torque_cut
    }

    /// How long the controlled stop has gone on.
    pub(crate) fn settling_for(&self, now: Instant) -> Option<Duration> {
        (self.latched == Some(Level::Settle)).then(|| now.since(self.settling_since))
    }

    /// Time without a cause after which a level clears.
    pub(crate) const fn clean_time() -> Duration {
        CLEAN
    }
}
