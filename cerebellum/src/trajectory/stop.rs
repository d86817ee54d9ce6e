//! The fastest jerk-limited stop of one joint, in closed form.
//!
//! Up to four phases of constant jerk: an acceleration above the limit is taken back to it, then it
//! goes to the one that brakes, stays, and ends. With `v + a |a| / 2j`, the velocity that is left
//! when the acceleration just ends, above zero, the braking one is `sqrt(j v + a^2 / 2)`, at most
//! the limit; below zero all is mirrored.

use super::{JointMotion, MotionLimits};

/// Duration, s, and jerk of one phase.
type Phase = (f64, f64);

/// A stop from one motion.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stop {
    start: JointMotion,
    phases: [Phase; 4],
}

/// Motion after `t` s of `jerk`.
fn moved(at: &JointMotion, (t, jerk): Phase) -> JointMotion {
    let (v, a) = (at.velocity, at.acceleration);
    JointMotion {
        position: at.position + t * (v + t * (a / 2.0 + t * jerk / 6.0)),
        velocity: v + t * (a + t * jerk / 2.0),
        acceleration: a + t * jerk,
    }
}

impl Stop {
    /// From any finite motion, inside its limits or not.
    pub(super) fn from(start: &JointMotion, limits: &MotionLimits) -> Self {
        let (most, j) = (limits.acceleration, limits.jerk);
        let excess = (start.acceleration.abs() - most).max(0.0);
        let back = (excess / j, -start.acceleration.signum() * j);
        let JointMotion { velocity, acceleration, .. } = moved(start, back);
        let left = velocity + acceleration * acceleration.abs() / (2.0 * j);
        let side = if left < 0.0 { -1.0 } else { 1.0 };
        let (v, a) = (side * velocity, side * acceleration);
        // Rounding may leave a root of less than nothing, or one that the acceleration has passed.
        let braking = (j * v + 0.5 * a * a).max(0.0).sqrt().max(-a).min(most);
        let hold = if braking < most {
            0.0
        } else {
            ((v + (0.5 * a * a - most * most) / j) / most).max(0.0)
        };
        let down = ((a + braking) / j).max(0.0);
        Self {
            start: *start,
            phases: [back, (down, -side * j), (hold, 0.0), (braking / j, side * j)],
        }
    }

    /// s.
    pub(super) fn duration(&self) -> f64 {
        self.phases.iter().map(|(t, _)| t).sum()
    }

    /// The motion `time` s after its start; at rest from its end on.
    pub(super) fn at(&self, time: f64) -> JointMotion {
        let (mut motion, mut left) = (self.start, time);
        for (t, jerk) in self.phases {
            motion = moved(&motion, (left.clamp(0.0, t), jerk));
            left -= t;
        }
        if left >= 0.0 {
            (motion.velocity, motion.acceleration) = (0.0, 0.0);
        }
        motion
    }
}
