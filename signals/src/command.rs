//! What the cerebellum wants of the joints. Anyone may make one; no driver takes one unvetted.

use crate::{
    Damping, Instant, JointState, Joints, NewtonMetres, Radians, RadiansPerSecond, Stiffness,
};

/// Joint impedance with feed-forward: `tau_out = kp (q - q_m) + kd (dq - dq_m) + tau`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JointCommand {
    /// Wanted position.
    pub q: Radians,
    /// Wanted velocity.
    pub dq: RadiansPerSecond,
    /// Stiffness, not negative.
    pub kp: Stiffness,
    /// Damping, not negative.
    pub kd: Damping,
    /// Feed-forward torque.
    pub tau: NewtonMetres,
}

impl JointCommand {
    /// No torque at all.
    pub const LIMP: Self = Self {
        q: Radians(0.0),
        dq: RadiansPerSecond(0.0),
        kp: Stiffness(0.0),
        kd: Damping(0.0),
        tau: NewtonMetres(0.0),
    };

    /// Only damping: resists motion, holds nothing.
    #[must_use]
    pub const fn damped(kd: Damping) -> Self {
        Self { kd, ..Self::LIMP }
    }

    /// The torque this command gives on a joint in state `measured`, before any limit.
    #[must_use]
    pub fn torque(&self, measured: JointState) -> NewtonMetres {
        self.kp * (self.q - measured.q) + self.kd * (self.dq - measured.dq) + self.tau
    }

    /// All five numbers are finite.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        // A number times zero is zero, anything else is NaN: one comparison instead of five.
        let Self { q, dq, kp, kd, tau } = *self;
        q.0 * 0.0 + dq.0 * 0.0 + kp.0 * 0.0 + kd.0 * 0.0 + tau.0 * 0.0 == 0.0
    }
}

/// One command for the whole body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BodyCommand {
    /// One command per joint.
    pub joints: Joints<JointCommand>,
    /// The body must not act on it after this instant; it damps by itself instead.
    pub valid_until: Instant,
}
