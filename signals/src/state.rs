//! Where the robot is and how it moves, as the cerebellum estimates it.

use crate::{
    Feet, Instant, Joints, Metres, MetresPerSecond, Quaternion, Radians, RadiansPerSecond,
};

/// One joint as estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JointState {
    /// Position.
    pub q: Radians,
    /// Velocity.
    pub dq: RadiansPerSecond,
}

impl JointState {
    /// Both numbers are finite.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        self.q.is_finite() && self.dq.is_finite()
    }
}

/// What the motion controller is doing with the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Posture {
    /// Torque off, on the ground.
    #[default]
    Limp,
    /// On the way up.
    Rising,
    /// On its feet, in place.
    Standing,
    /// Stepping.
    Walking,
    /// On the way down.
    Settling,
    /// Down, in a posture that stands by itself without torque.
    Settled,
    /// Joints damped, nothing else.
    Damped,
    /// Joints on their way to a posture, on a base that stays where it is.
    Moving,
}

/// The estimate of one cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BodyState {
    /// The cycle's time; the estimate is for this instant.
    pub at: Instant,
    /// Base position in the odometry frame (world z; starts at the origin, drifts).
    pub position: [Metres; 3],
    /// Base attitude in the odometry frame.
    pub attitude: Quaternion,
    /// Base velocity, base frame.
    pub velocity: [MetresPerSecond; 3],
    /// Base angular velocity, base frame.
    pub angular_velocity: [RadiansPerSecond; 3],
    /// Joints.
    pub joints: Joints<JointState>,
    /// Probability of ground contact per foot, 0 to 1.
    pub contact: Feet<f32>,
    /// What the motion controller is doing.
    pub posture: Posture,
    /// The estimator vouches for itself: initialised, finite, innovation within bounds.
    pub valid: bool,
}

impl BodyState {
    /// Every number is finite and the attitude is a unit quaternion.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.joints.iter().all(|joint| joint.is_finite()) && self.is_finite_beside_joints()
    }

    /// The same for everything but the joints, for who looks at each of them anyway.
    #[must_use]
    pub fn is_finite_beside_joints(&self) -> bool {
        self.position.iter().all(|p| p.is_finite())
            && self.velocity.iter().all(|v| v.is_finite())
            && self.angular_velocity.iter().all(|w| w.is_finite())
            && self.contact.iter().all(|c| c.is_finite())
            && self.attitude.is_unit()
    }
}
