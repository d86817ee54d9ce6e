//! Where the robot is and how it moves.

use signals::{BodyState, FEET_MAX, JOINTS_MAX};

use super::{count, slots};
use crate::network::layout::layout;
use crate::network::topic::Topic;

/// The estimate.
pub const CEREBELLUM_STATE: Topic<StateSample> = Topic::out("cerebellum/state", 200.0);

layout! {
    /// Where the robot is and how it moves, as its motion controller estimates it.
    pub struct StateSample {
        /// Joints in use.
        joint_count: u32;
        /// Feet in use.
        foot_count: u32;
        /// Position of the base; the frame starts at the origin and drifts.
        position: [f32; 3], unit "m", frame "odometry";
        /// Attitude of the base, quaternion w x y z.
        attitude: [f32; 4], frame "odometry";
        /// Velocity of the base.
        velocity: [f32; 3], unit "m/s", frame "base";
        /// Angular velocity of the base.
        angular_velocity: [f32; 3], unit "rad/s", frame "base";
        /// Position of each joint.
        q: [f32; JOINTS_MAX], unit "rad", frame "joint", used "joint_count";
        /// Velocity of each joint.
        dq: [f32; JOINTS_MAX], unit "rad/s", frame "joint", used "joint_count";
        /// Probability of ground contact of each foot, 0 to 1.
        contact: [f32; FEET_MAX], used "foot_count";
        /// What the motion controller is doing, as signals::Posture counts.
        posture: u32;
        /// 1: the estimator vouches for itself.
        valid: u32;
        /// Nothing.
        spare: u32;
    }
}

impl From<&BodyState> for StateSample {
    fn from(state: &BodyState) -> Self {
        let (joints, feet, turned) = (&state.joints, &state.contact, &state.attitude);
        Self {
            joint_count: count(joints.len()),
            foot_count: count(feet.len()),
            position: state.position.map(|p| p.0),
            attitude: [turned.w, turned.x, turned.y, turned.z],
            velocity: state.velocity.map(|v| v.0),
            angular_velocity: state.angular_velocity.map(|w| w.0),
            q: slots(joints.iter().map(|joint| joint.q.0), 0.0),
            dq: slots(joints.iter().map(|joint| joint.dq.0), 0.0),
            contact: slots(feet.iter().copied(), 0.0),
            posture: state.posture as u32,
            valid: state.valid.into(),
            spare: 0,
        }
    }
}
