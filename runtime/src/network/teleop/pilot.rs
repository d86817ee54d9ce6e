//! When a held stick counts, and when the robot is asked to follow it.

use std::time::Duration;

use signals::{Level, Mode};

use crate::network::watch::Seen;

/// The robot is asked again after this.
const AGAIN: Duration = Duration::from_millis(500);
/// A robot in MANUAL follows the stick by itself within this.
const FOLLOWS: Duration = Duration::from_millis(300);
/// Number of `signals::Authority::Teleop`.
const TELEOP: u32 = 1;

/// What the person needs to know of the robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) level: Level,
    pub(super) mode: Mode,
    pub(super) teleop: bool,
    /// Number of the lease while it is held.
    pub(super) epoch: Option<u32>,
}

impl View {
    pub(super) fn of(seen: &Seen, epoch: Option<u32>) -> Self {
        let (level, mode) = seen.level_mode().unwrap_or_default();
        let teleop = seen.ruling.is_some_and(|ruling| ruling.sample.authority == TELEOP);
        Self { level, mode, teleop, epoch }
    }
}

/// Decides it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pilot {
    /// The stick must be let go before it counts again.
    waits: bool,
    since: Option<Duration>,
    asked: Option<Duration>,
    epoch: Option<u32>,
}

/// What is sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) held: bool,
    pub(super) take_over: bool,
}

impl Pilot {
    /// The stick does not count until it was let go.
    pub(super) const fn let_go(&mut self) {
        self.waits = true;
    }

    /// The person holds the stick or not, and this is the robot.
    pub(super) fn step(&mut self, now: Duration, held: bool, view: &View) -> Step {
        // Under another lease it is another run of the robot, or somebody drove in between.
        if self.epoch.is_some() && view.epoch.is_some() && self.epoch != view.epoch {
            self.waits = true;
        }
        self.epoch = view.epoch.or(self.epoch);
        self.waits &= held;
        let held = held && !self.waits;
        self.since = if held { self.since.or(Some(now)) } else { None };
        let asks = match view.mode {
            Mode::Auto | Mode::Supervised => view.level < Level::Settle,
            // It follows already, or does as soon as it sees the stick.
            Mode::Manual => {
                let long = self.since.is_some_and(|since| now.saturating_sub(since) >= FOLLOWS);
                view.level < Level::Hold && !view.teleop && long
            }
            _ => false,
        };
        let due = self.asked.is_none_or(|asked| now.saturating_sub(asked) >= AGAIN);
        let take_over = held && asks && due && view.epoch.is_some();
        if take_over {
            self.asked = Some(now);
        }
        Step { held, take_over }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    const fn view(mode: Mode, teleop: bool, epoch: u32) -> View {
        View { level: Level::Nominal, mode, teleop, epoch: Some(epoch) }
    }

    #[test]
    fn holding_takes_over_and_asks_again_only_after_a_while() {
        let mut pilot = Pilot::default();
        let auto = view(Mode::Auto, false, 1);
        assert_eq!(pilot.step(ms(0), false, &auto), Step { held: false, take_over: false });
        assert_eq!(pilot.step(ms(20), true, &auto), Step { held: true, take_over: true });
        assert_eq!(pilot.step(ms(40), true, &auto), Step { held: true, take_over: false });
        assert!(pilot.step(ms(520), true, &auto).take_over);
        let manual = view(Mode::Manual, true, 1);
        assert!(!pilot.step(ms(9_000), true, &manual).take_over);
        // A stick that is taken up again is followed without being asked for.
        assert!(!pilot.step(ms(9_100), false, &view(Mode::Manual, false, 1)).take_over);
        assert!(!pilot.step(ms(9_120), true, &view(Mode::Manual, false, 1)).take_over);
        assert!(pilot.step(ms(9_420), true, &view(Mode::Manual, false, 1)).take_over);
        for level in [Level::Settle, Level::Stopped, Level::Falling] {
            assert!(!pilot.step(ms(99_000), true, &View { level, ..auto }).take_over);
        }
        for mode in [Mode::Inhibited, Mode::Lockout, Mode::Off] {
            assert!(!pilot.step(ms(99_000), true, &view(mode, false, 1)).take_over);
        }
    }

    #[test]
    fn after_a_stop_or_another_lease_it_must_be_let_go_first() {
        let mut pilot = Pilot::default();
        let auto = view(Mode::Auto, false, 1);
        assert!(pilot.step(ms(0), true, &auto).held);
        pilot.let_go();
        assert_eq!(pilot.step(ms(20), true, &auto), Step { held: false, take_over: false });
        assert!(!pilot.step(ms(40), false, &auto).held);
        assert!(pilot.step(ms(60), true, &auto).held);
        let gone = View { epoch: None, ..auto };
        assert!(!pilot.step(ms(9_000), true, &gone).take_over);
        assert!(!pilot.step(ms(9_020), true, &view(Mode::Auto, false, 2)).held);
        pilot.step(ms(9_040), false, &view(Mode::Auto, false, 2));
        assert!(pilot.step(ms(9_060), true, &view(Mode::Auto, false, 2)).held);
    }
}
