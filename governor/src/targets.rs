//! What keeps happening to the targets of the joints: jumps, and targets no joint may reach.

use core::time::Duration;

use signals::{Instant, JointId, Joints, Level};

use crate::watch::{Cause, count, ticks};
use crate::{Actor, Rule};

/// Cycles with a jumping target within [`JUMP_SPAN`] that slow the robot down (fault 6).
const JUMPS_MAX: usize = 5;
const JUMP_SPAN: Duration = Duration::from_secs(1);
/// Cycles in a row with a target beyond a limit that stop the robot (fault 8).
const BEYOND_MAX: u32 = 200;

/// The targets' recent past.
#[derive(Debug)]
pub(crate) struct Targets {
    /// Times of the last jumps, a ring, one more than is borne.
    jumps: [Option<Instant>; JUMPS_MAX + 1],
    newest: usize,
    /// For each joint the last cycle its target was beyond a limit, and for how long by then.
    beyond: Joints<(u64, u32)>,
    /// The joint whose target has been beyond for longest, and its last cycle.
    worst: Option<(JointId, u64, u32)>,
}

impl Targets {
    pub(crate) fn new(joints: usize) -> Self {
        Self {
            jumps: [None; JUMPS_MAX + 1],
            newest: 0,
            beyond: Joints::filled((0, 0), joints),
            worst: None,
        }
    }

    /// In this cycle a target jumped; several in one cycle are one jump.
    pub(crate) fn jumped(&mut self, now: Instant) {
        let last = self.jumps.get(self.newest).copied().flatten();
        if last == Some(now) {
            return;
        }
        self.newest = (self.newest + 1) % self.jumps.len();
        if let Some(jump) = self.jumps.get_mut(self.newest) {
            *jump = Some(now);
        }
    }

    /// In this cycle the joint's target was beyond its limit.
    pub(crate) fn beyond(&mut self, joint: JointId, cycle: u64) {
        let (last, times) = self.beyond[joint];
        let times = match cycle.saturating_sub(last) {
            0 => times,
            1 => times.saturating_add(1),
            _ => 1,
        };
        self.beyond[joint] = (cycle, times);
        if self.worst.is_none_or(|(_, at, most)| at < cycle || times >= most) {
            self.worst = Some((joint, cycle, times));
        }
    }

    /// What follows in the cycle after.
    pub(crate) fn causes(&self, now: Instant, cycle: u64) -> [Option<Cause>; 2] {
        let oldest = (self.newest + 1) % self.jumps.len();
        let since = self.jumps.get(oldest).copied().flatten().map(|first| now.since(first));
        let often = since.filter(|span| *span <= JUMP_SPAN).map(|_| {
            let cause = Cause::new(Level::Limited, Rule::CommandJump, Actor::Cerebellum);
            cause.because(count(JUMPS_MAX + 1), count(JUMPS_MAX))
        });
        let lasting = self
            .worst
            .filter(|(_, at, times)| *times >= BEYOND_MAX && cycle.saturating_sub(*at) <= 1);
        let far = lasting.map(|(joint, _, times)| {
            let cause = Cause::new(Level::Hold, Rule::JointPosition, Actor::Cerebellum);
            Cause { joint: Some(joint), ..cause.because(ticks(times), ticks(BEYOND_MAX)) }
        });
        [often, far]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    /// Clauses: M3.
    #[test]
    fn more_than_five_jumps_a_second_slow_the_robot_down() {
        for (every_ms, slow) in [(150, true), (199, true), (250, false), (1000, false)] {
            let mut habit = Targets::new(1);
            for jump in 1..=6 {
                assert_eq!(habit.causes(at(jump * every_ms), 0), [None, None], "{every_ms}");
                habit.jumped(at(jump * every_ms));
                habit.jumped(at(jump * every_ms));
            }
            let [often, _] = habit.causes(at(6 * every_ms), 0);
            assert_eq!(often.is_some(), slow, "{every_ms}");
            let told = often.map(|cause| (cause.level, cause.measured, cause.limit));
            assert!(told.is_none_or(|told| told == (Level::Limited, 6.0, 5.0)), "{told:?}");
            assert_eq!(habit.causes(at(6 * every_ms + 1001), 0), [None, None]);
        }
    }

    /// Clauses: M1.
    #[test]
    fn a_target_that_stays_beyond_a_limit_stops_the_robot() {
        let (first, second) = (JointId::new(0).unwrap(), JointId::new(1).unwrap());
        let mut habit = Targets::new(2);
        for cycle in 1..=199 {
            habit.beyond(first, cycle);
            habit.beyond(first, cycle);
            if cycle % 2 == 0 {
                habit.beyond(second, cycle);
            }
        }
        assert_eq!(habit.causes(at(0), 200), [None, None]);
        habit.beyond(first, 200);
        let [_, far] = habit.causes(at(0), 201);
        let told = far.map(|cause| (cause.level, cause.rule, cause.joint, cause.measured));
        assert_eq!(told, Some((Level::Hold, Rule::JointPosition, Some(first), 200.0)));
        // One cycle inside, and it begins anew.
        assert_eq!(habit.causes(at(0), 202), [None, None]);
        habit.beyond(first, 202);
        assert_eq!(habit.causes(at(0), 203), [None, None]);
    }

    /// Clauses: M1.
    #[test]
    fn of_several_joints_the_one_beyond_for_longest_is_told() {
        let joints = [0, 1].map(|joint| JointId::new(joint).unwrap());
        let told = |habit: &Targets, cycle| {
            let [_, far] = habit.causes(at(0), cycle);
            far.and_then(|cause| cause.joint)
        };
        // In one cycle, whichever is looked at first.
        for [long, short] in [joints, [joints[1], joints[0]]] {
            for long_first in [true, false] {
                let mut habit = Targets::new(2);
                for cycle in 1..=200 {
                    let both = [(long, true), (short, cycle == 200)];
                    let order = if long_first { both } else { [both[1], both[0]] };
                    order.iter().filter(|(_, is)| *is).for_each(|(j, _)| habit.beyond(*j, cycle));
                }
                assert_eq!(told(&habit, 201), Some(long), "{long_first}");
            }
        }
        // One that was beyond for longer once is forgotten when it is inside again.
        let mut habit = Targets::new(2);
        (1..=250).for_each(|cycle| habit.beyond(joints[0], cycle));
        (251..450).for_each(|cycle| habit.beyond(joints[1], cycle));
        assert_eq!(told(&habit, 450), None);
        habit.beyond(joints[1], 450);
        assert_eq!(told(&habit, 451), Some(joints[1]));
    }
}
