//! What no robot knows of itself.

use nalgebra::{Quaternion as Hamilton, UnitQuaternion, Vector3};
use signals::{
    Feet, Instant, JointState, Joints, Metres, MetresPerSecond, NewtonMetres, Newtons, Quaternion,
    RadiansPerSecond,
};

use crate::world::World;

/// Tilt beyond which the robot has fallen, whatever it touches: 45 deg, in rad.
const FALLEN_TILT: f32 = 0.25 * core::f32::consts::PI;
/// Tilt beyond which a base that touches the ground has fallen: 30 deg, in rad.
const FALLEN_TILT_ON_GROUND: f32 = core::f32::consts::PI / 6.0;

/// The true state after the last tick: exact, undelayed, without faults. For judging a run, never
/// for control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimTruth {
    /// The body's own time.
    pub at: Instant,
    /// Base origin, world.
    pub position: [Metres; 3],
    /// Base attitude, base to world.
    pub attitude: Quaternion,
    /// Velocity of the base origin, world frame.
    pub velocity_world: [MetresPerSecond; 3],
    /// Velocity of the base origin, base frame.
    pub velocity: [MetresPerSecond; 3],
    /// Angular velocity of the base, base frame.
    pub angular_velocity: [RadiansPerSecond; 3],
    /// Joint positions and velocities.
    pub joints: Joints<JointState>,
    /// Torque each drive gave in the last tick.
    pub torque: Joints<NewtonMetres>,
    /// Normal force on each foot, averaged over the last tick and not filtered: a landing reads
    /// several times the weight.
    pub foot_force: Feet<Newtons>,
    /// Some part of the robot touched an obstacle or a wall since the previous frame.
    pub in_collision: bool,
    /// Tilted more than 45 deg, or more than 30 deg with the base itself on the ground.
    pub fallen: bool,
}

impl SimTruth {
    pub(crate) fn of(world: &World, at: Instant, torque: Joints<NewtonMetres>) -> Self {
        let base = world.base();
        let tilt = base.attitude.tilt().0;
        let on_ground = tilt > FALLEN_TILT_ON_GROUND && world.base_on_ground();
        Self {
            at,
            position: base.position.map(Metres),
            attitude: base.attitude,
            velocity_world: base.velocity.map(MetresPerSecond),
            velocity: into_base(base.attitude, base.velocity).map(MetresPerSecond),
            angular_velocity: into_base(base.attitude, base.angular_velocity).map(RadiansPerSecond),
            joints: world.joint_states(),
            torque,
            foot_force: world.foot_forces(),
            in_collision: world.in_collision(),
            fallen: tilt > FALLEN_TILT || on_ground,
        }
    }
}

/// A world vector in base coordinates.
pub(crate) fn into_base(attitude: Quaternion, world: [f32; 3]) -> [f32; 3] {
    let Quaternion { w, x, y, z } = attitude;
    let turn = UnitQuaternion::new_normalize(Hamilton::new(w, x, y, z));
    turn.inverse_transform_vector(&Vector3::from(world)).into()
}
