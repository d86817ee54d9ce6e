//! The ladder: what becomes of a joint when its host falls silent.

use crate::WatchdogTimes;

/// How far down the ladder a board is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rung {
    /// The last command holds.
    Fresh,
    /// It has run out: each joint damps until the next one.
    Expired,
    /// The host is taken for gone: the board damps.
    Damping,
    /// It is gone: the torque is off.
    TorqueOff,
}

/// Counts ticks since the last command and since the governor's last sign of life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watchdog {
    /// Ticks that began since the last valid command came.
    silence: u16,
    /// The same of the governor's heartbeat.
    quiet: u16,
}

impl Watchdog {
    /// Nobody has said anything yet.
    pub(crate) const SILENT: Self = Self { silence: u16::MAX, quiet: u16::MAX };

    /// A tick begins.
    pub(crate) const fn tick(&mut self) {
        self.silence = self.silence.saturating_add(1);
        self.quiet = self.quiet.saturating_add(1);
    }

    /// A valid command came.
    pub(crate) const fn commanded(&mut self) {
        self.silence = 0;
    }

    /// The governor lives.
    pub(crate) const fn ruled(&mut self) {
        self.quiet = 0;
    }

    /// How far down the ladder; `valid`: ticks for which the last command said that it holds. The
    /// tick after a command is the first that acts on it, and has no tick of silence behind it.
    pub(crate) fn rung(&self, times: &WatchdogTimes, valid: u16) -> Rung {
        let silence = self.silence.saturating_sub(1);
        if silence >= times.torque_off {
            Rung::TorqueOff
        } else if silence >= times.damping {
            Rung::Damping
        } else if silence >= times.expire.min(valid) {
            Rung::Expired
        } else {
            Rung::Fresh
        }
    }

    /// The governor has given no sign of life in time.
    pub(crate) fn governor_lost(&self, times: &WatchdogTimes) -> bool {
        self.quiet.saturating_sub(1) >= times.heartbeat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: S7.
    #[test]
    fn the_ladder_is_exact_to_one_tick() {
        let times = WatchdogTimes::default();
        let mut watchdog = Watchdog::SILENT;
        assert_eq!(watchdog.rung(&times, 5), Rung::TorqueOff);
        watchdog.commanded();
        watchdog.ruled();
        let mut rungs = [Rung::Fresh; 600];
        for rung in &mut rungs {
            watchdog.tick();
            *rung = watchdog.rung(&times, 5);
        }
        // Counted from the tick that acts on the last command, number 0.
        let first = |rung| rungs.iter().position(|seen| *seen == rung);
        assert_eq!(first(Rung::Expired), Some(5));
        assert_eq!(first(Rung::Damping), Some(20));
        assert_eq!(first(Rung::TorqueOff), Some(500));
        watchdog.commanded();
        watchdog.tick();
        assert_eq!(watchdog.rung(&times, 5), Rung::Fresh);
    }

    /// Clauses: S7.
    #[test]
    fn a_command_can_be_valid_for_less_and_not_for_more() {
        let times = WatchdogTimes::default();
        for (valid, at) in [(0, 0), (1, 1), (3, 3), (5, 5), (u16::MAX, 5)] {
            let mut watchdog = Watchdog::SILENT;
            watchdog.commanded();
            let fresh = (0..20).take_while(|_| {
                watchdog.tick();
                watchdog.rung(&times, valid) == Rung::Fresh
            });
            assert_eq!(fresh.count(), at, "{valid}");
        }
    }

    /// Clauses: S7.
    #[test]
    fn a_governor_is_lost_after_a_hundred_ticks_whoever_commands() {
        let times = WatchdogTimes::default();
        let mut watchdog = Watchdog::SILENT;
        watchdog.ruled();
        let lived = (0..200).take_while(|_| {
            watchdog.commanded();
            watchdog.tick();
            !watchdog.governor_lost(&times)
        });
        assert_eq!(lived.count(), 100);
    }
}
