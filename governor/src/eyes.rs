//! What is known of each joint from its own readings: which of them can be believed.

use signals::{
    Instant, JointId, JointLimits, JointReading, JointState, Joints, Level, Radians,
    RadiansPerSecond,
};

use crate::row::Row;
use crate::watch::{Cause, Input};
use crate::{Actor, Rule};

/// A reading may move this much faster than its joint ever does, to be taken for a movement.
const JUMP_FACTOR: f32 = 1.5;

/// Runs of a joint whose readings are usual.
const NO_RUN: [u32; 2] = [1, 0];

/// A joint's last reading that was believed, and how it has come again or jumped since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eye {
    pub(crate) state: JointState,
    /// When the last reading was taken, believed or not.
    pub(crate) at: Instant,
    /// How far a reading may be from the one a tick before, rad; negative before the first.
    reach: f32,
    /// Readings in a row with the very same bits.
    pub(crate) times: u32,
    /// Readings in a row that were not believed.
    pub(crate) jumps: u32,
}

/// The same of all joints.
#[derive(Debug)]
pub(crate) struct Eyes {
    pub(crate) q: Row,
    pub(crate) dq: Row,
    pub(crate) at: Joints<Instant>,
    reach: Row,
    /// Readings with the same bits and readings that were not believed, in a row.
    runs: Joints<[u32; 2]>,
    /// Joints with such a run, one bit each.
    running: u32,
}

/// What one look at all joints found, one bit a joint.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usual {
    /// A reading nobody has to look at closer: taken in.
    pub(crate) seen: u32,
    /// An estimate that is near the reading.
    pub(crate) close: u32,
    /// A reading of a joint at rest.
    pub(crate) still: u32,
}

impl Eyes {
    pub(crate) fn new(joints: usize) -> Self {
        Self {
            q: Row::filled(0.0),
            dq: Row::filled(0.0),
            at: Joints::filled(Instant::ZERO, joints),
            reach: Row::filled(-1.0),
            runs: Joints::filled(NO_RUN, joints),
            running: 0,
        }
    }

    /// Takes in the usual readings: fresh, numbers, near the last ones, others than these, not hot.
    pub(crate) fn look(
        &mut self,
        input: &Input<'_>,
        (oldest, newest): (Instant, Instant),
    ) -> Usual {
        let (readings, states) = (&input.frame.joints, &input.state.joints);
        let rule = &input.profile.health;
        let (warm, near) = (rule.temperature_warn, rule.estimate_joint.0);
        let slow = input.profile.static_joint_speed.0;
        let mut usual = Usual::default();
        for joint in self.at.ids() {
            let (reading, estimate) = (&readings[joint], &states[joint]);
            let (q, dq, at) = (reading.q.0, reading.dq.0, reading.at);
            let bit = 1 << joint.index();
            if (q - self.q.get(joint)).abs() <= self.reach.get(joint)
                && dq.abs() <= f32::MAX
                && dq != self.dq.get(joint)
                && reading.temperature < warm
                && reading.tau.0.abs() <= f32::MAX
                && at >= oldest
                && at <= newest
                && at != self.at[joint]
                && self.running & bit == 0
            {
                self.q.set(joint, q);
                self.dq.set(joint, dq);
                self.at[joint] = at;
                usual.seen |= bit;
            }
            if dq.abs() <= slow {
                usual.still |= bit;
            }
            if (estimate.q.0 - q).abs() <= near && estimate.dq.0.abs() <= f32::MAX {
                usual.close |= bit;
            }
        }
        usual
    }

    pub(crate) fn state(&self, joint: JointId) -> JointState {
        JointState { q: Radians(self.q.get(joint)), dq: RadiansPerSecond(self.dq.get(joint)) }
    }

    pub(crate) fn get(&self, joint: JointId) -> Eye {
        let running = self.running & (1 << joint.index()) != 0;
        let [times, jumps] = if running { self.runs[joint] } else { NO_RUN };
        let (state, reach) = (self.state(joint), self.reach.get(joint));
        Eye { state, at: self.at[joint], reach, times, jumps }
    }

    pub(crate) fn set(&mut self, joint: JointId, eye: Eye) {
        let bit = 1 << joint.index();
        self.q.set(joint, eye.state.q.0);
        self.dq.set(joint, eye.state.dq.0);
        self.at[joint] = eye.at;
        self.reach.set(joint, eye.reach);
        self.runs[joint] = [eye.times, eye.jumps];
        let runs = eye.times > 1 || eye.jumps > 0;
        self.running = if runs { self.running | bit } else { self.running & !bit };
    }
}

impl Eye {
    /// Takes a new reading in, unless it jumps further than its joint can move: then where the
    /// joint should be by now is believed, and what is wrong is returned.
    pub(crate) fn take(
        &mut self,
        reading: &JointReading,
        limits: &JointLimits,
        input: &Input<'_>,
    ) -> Option<Cause> {
        let rule = &input.profile.health;
        let dt = reading.at.since(self.at).as_secs_f32();
        let reach = JUMP_FACTOR * limits.dq_max.0;
        let expected = self.state.q + Radians(self.state.dq.0 * dt);
        let (off, most) = ((reading.q - expected).0.abs(), reach * dt + rule.jump_noise.0);
        let first = self.reach < 0.0;
        self.at = reading.at;
        self.reach = reach * input.cycle.period.as_secs_f32() + rule.jump_noise.0;
        let near = off <= most || first || rule.jumps_settle == 0;
        let jumps = if near { 0 } else { self.jumps.saturating_add(1) };
        self.jumps = jumps;
        if jumps > 0 && jumps < rule.jumps_settle {
            self.state.q = expected;
            let cause = Cause::new(Level::Notice, Rule::JointJump, Actor::Body);
            return Some(cause.because(off, most));
        }
        // After so many jumps in a row it is the new place that is measured from.
        self.jumps = 0;
        let (old, new) = (self.state, JointState { q: reading.q, dq: reading.dq });
        let bits = |state: JointState| (state.q.0.to_bits(), state.dq.0.to_bits());
        let again = bits(old) == bits(new) && !first;
        self.times = if again { self.times.saturating_add(1) } else { 1 };
        self.state = new;
        let cause = Cause::new(Level::Settle, Rule::JointJump, Actor::Body);
        (jumps > 0).then_some(cause.because(off, most))
    }
}
