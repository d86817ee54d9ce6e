//! Torque limits along a path: `tau = a s'' + b s'^2 + g`, with `a = M q'`, `b = M q'' + C(q') q'`.

use model::{BaseMotion, Dynamics, RobotModel};
use nalgebra::Matrix3;

use super::{PathPoint, PathRow};

/// Rows that keep the torques of a robot on a fixed base within limits.
#[derive(Clone, Debug)]
pub struct TorqueRows {
    dynamics: Dynamics,
    torque_max: Vec<f64>,
    zeros: Vec<f64>,
    gravity: Vec<f64>,
    along: Vec<f64>,
    across: Vec<f64>,
}

impl TorqueRows {
    /// For torques up to `torque_max` either way, N m or N, one for each joint of `model`.
    #[must_use]
    pub fn new(model: &RobotModel, torque_max: &[f64]) -> Self {
        let zeros = vec![0.0; model.joint_count()];
        Self {
            dynamics: Dynamics::new(model),
            torque_max: torque_max.to_vec(),
            gravity: zeros.clone(),
            along: zeros.clone(),
            across: zeros.clone(),
            zeros,
        }
    }

    /// Adds a row for each joint at `point`: for [`super::PathTiming::new`].
    pub fn add(&mut self, model: &RobotModel, point: PathPoint<'_>, rows: &mut Vec<PathRow>) {
        let base = BaseMotion::at_rest(Matrix3::identity());
        let PathPoint { position, first, second } = point;
        let Self { dynamics, zeros, gravity, along, across, .. } = self;
        dynamics.rnea(model, &base, [position, zeros, zeros], gravity);
        dynamics.rnea(model, &base, [position, zeros, first], along);
        dynamics.rnea(model, &base, [position, first, second], across);
        for (joint, most) in self.torque_max.iter().enumerate() {
            let own = self.gravity[joint];
            rows.push(PathRow {
                a: self.along[joint] - own,
                b: self.across[joint] - own,
                low: -most - own,
                high: most - own,
            });
        }
    }
}
