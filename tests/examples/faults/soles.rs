//! How fast the feet move over the ground, by what the simulator knows.

use model::{Kinematics, Robot};
use nalgebra::{Quaternion, UnitQuaternion, Vector3};
use signals::FEET_MAX;
use sim::SimTruth;

/// The legs of the robot.
pub(crate) struct Soles {
    robot: Robot,
    kinematics: Kinematics,
}

impl Soles {
    pub(crate) fn new(robot: Robot) -> Self {
        Self { kinematics: Kinematics::new(&robot.model), robot }
    }

    /// Horizontal speed of the place where each foot touches the ground, m/s; a round foot that
    /// rolls has none.
    pub(crate) fn speeds(&mut self, truth: &SimTruth) -> [f64; FEET_MAX] {
        let Self { robot, kinematics } = self;
        let vector = |v: [f32; 3]| Vector3::from(v.map(f64::from));
        let q: Vec<f64> = truth.joints.iter().map(|joint| joint.q.0.into()).collect();
        let dq: Vec<f64> = truth.joints.iter().map(|joint| joint.dq.0.into()).collect();
        kinematics.update(&robot.model, &q);
        let [w, x, y, z] =
            [truth.attitude.w, truth.attitude.x, truth.attitude.y, truth.attitude.z].map(f64::from);
        let attitude = UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z));
        let spin = vector(truth.angular_velocity.map(|w| w.0));
        let base = vector(truth.velocity.map(|v| v.0));
        let mut speeds = [0.0; FEET_MAX];
        for (speed, foot) in speeds.iter_mut().zip(&robot.feet) {
            let centre = kinematics.point(&robot.model, foot.frame);
            let (mut velocity, mut turning) = (base + spin.cross(&centre), spin);
            for &joint in &foot.chain {
                velocity += kinematics.column(&robot.model, joint, &centre) * dq[joint];
                turning += kinematics.axis(&robot.model, joint) * dq[joint];
            }
            let rolling = (attitude * turning).cross(&Vector3::new(0.0, 0.0, foot.radius));
            *speed = (attitude * velocity - rolling).xy().norm();
        }
        speeds
    }
}
