//! The legs of the present tick: foot positions, velocities and Jacobians in the base frame.

use model::{BaseMotion, Dynamics, JointKind, Kinematics, Robot};
use nalgebra::{Matrix3, Vector3};
use signals::FEET_MAX;

use crate::GRAVITY;

/// Most joints of one leg.
const LEG_JOINTS_MAX: usize = 8;

/// One foot and the joints that move it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    /// Foot in the base frame, m.
    pub(crate) position: Vector3<f64>,
    /// Velocity of the foot relative to the base, base frame, m/s.
    pub(crate) velocity: Vector3<f64>,
    /// Angular velocity of the foot's link relative to the base, base frame, rad/s.
    pub(crate) turning: Vector3<f64>,
    /// Jacobian columns: foot velocity per joint velocity, base frame, in chain order.
    columns: [Vector3<f64>; LEG_JOINTS_MAX],
}

/// All legs, and the body they carry.
#[derive(Clone, Debug)]
pub(crate) struct Legs {
    kinematics: Kinematics,
    dynamics: Dynamics,
    zero: Vec<f64>,
    /// Joint positions, rad, model order.
    pub(crate) q: Vec<f64>,
    /// Joint velocities, rad/s.
    pub(crate) dq: Vec<f64>,
    /// Gravity and velocity torques with the base unaccelerated, N m.
    pub(crate) bias: Vec<f64>,
    /// Per foot.
    pub(crate) legs: [Leg; FEET_MAX],
    /// Number of feet.
    pub(crate) count: usize,
    /// Mass, kg, centre of mass, m, and inertia about it, kg m^2, of the whole robot, base frame.
    pub(crate) whole: model::Inertia,
}

impl Legs {
    pub(crate) fn new(robot: &Robot) -> Self {
        let joints = robot.model.joint_count();
        let zero = Vector3::zeros();
        let leg =
            Leg { position: zero, velocity: zero, turning: zero, columns: [zero; LEG_JOINTS_MAX] };
        Self {
            kinematics: Kinematics::new(&robot.model),
            dynamics: Dynamics::new(&robot.model),
            zero: vec![0.0; joints],
            q: vec![0.0; joints],
            dq: vec![0.0; joints],
            bias: vec![0.0; joints],
            legs: [leg; FEET_MAX],
            count: robot.feet.len(),
            whole: model::Inertia::ZERO,
        }
    }

    /// Recomputes everything from `q` and `dq`, which the caller has set.
    pub(crate) fn update(&mut self, robot: &Robot, rotation: Matrix3<f64>, spin: Vector3<f64>) {
        self.kinematics.update(&robot.model, &self.q);
        for (leg, foot) in self.legs.iter_mut().zip(&robot.feet) {
            leg.position = self.kinematics.point(&robot.model, foot.frame);
            (leg.velocity, leg.turning) = (Vector3::zeros(), Vector3::zeros());
            for (column, &joint) in leg.columns.iter_mut().zip(&foot.chain) {
                *column = self.kinematics.column(&robot.model, joint, &leg.position);
                leg.velocity += *column * self.dq[joint];
                if robot.model.joints[joint].kind == JointKind::Revolute {
                    leg.turning += self.kinematics.axis(&robot.model, joint) * self.dq[joint];
                }
            }
        }
        self.whole = self.kinematics.composite(&robot.model);
        let base = BaseMotion { angular: spin, ..BaseMotion::at_rest(rotation) };
        let joints = [self.q.as_slice(), self.dq.as_slice(), self.zero.as_slice()];
        self.dynamics.rnea(&robot.model, &base, joints, &mut self.bias);
    }

    /// How far inside the polygon of all feet the capture point lies, m; negative outside. The base
    /// is turned by `rotation` and moves with `velocity`, m/s, both to the odometry frame.
    ///
    /// Capture point: J. Pratt et al., Capture Point: A Step toward Humanoid Push Recovery, 2006.
    pub(crate) fn capture_margin(&self, rotation: &Matrix3<f64>, velocity: Vector3<f64>) -> f64 {
        const DIRECTIONS: u8 = 16;
        let feet = &self.legs[..self.count];
        let from_com = |leg: &Leg| rotation * (leg.position - self.whole.com);
        let height = feet.iter().map(|leg| -from_com(leg).z).fold(0.0, f64::max);
        let capture = velocity * (height / GRAVITY).sqrt();
        let margin = |direction: u8| {
            let angle = f64::from(direction) * std::f64::consts::TAU / f64::from(DIRECTIONS);
            let out = Vector3::new(angle.cos(), angle.sin(), 0.0);
            let furthest = feet.iter().map(|leg| out.dot(&from_com(leg)));
            furthest.fold(f64::NEG_INFINITY, f64::max) - out.dot(&capture)
        };
        (0..DIRECTIONS).map(margin).fold(f64::INFINITY, f64::min)
    }

    /// The joint motion that moves `foot` by `motion` (base frame; m gives rad, m/s gives rad/s),
    /// as (joint, amount): damped least squares, `J' (J J' + l)^-1 motion`, which stays small near
    /// a stretched leg (Y. Nakamura, H. Hanafusa, 1986).
    pub(crate) fn joint_motion<'a>(
        &'a self,
        robot: &'a Robot,
        foot: usize,
        motion: Vector3<f64>,
    ) -> impl Iterator<Item = (usize, f64)> + 'a {
        const DAMPING: f64 = 1e-4;
        let chain = robot.feet[foot].chain.len().min(LEG_JOINTS_MAX);
        let mut square = Matrix3::identity() * DAMPING;
        for column in &self.legs[foot].columns[..chain] {
            square += column * column.transpose();
        }
        // Positive definite by the damping, so the inverse exists.
        let weighted = square.try_inverse().map_or_else(Vector3::zeros, |inverse| inverse * motion);
        self.torques(robot, foot, weighted)
    }

    /// The joint torques that put `force` (base frame, N) on the surroundings through `foot`:
    /// `tau = J' force`, as (joint, torque in N m).
    pub(crate) fn torques<'a>(
        &'a self,
        robot: &'a Robot,
        foot: usize,
        force: Vector3<f64>,
    ) -> impl Iterator<Item = (usize, f64)> + 'a {
        let columns = &self.legs[foot].columns;
        let torque = move |(&joint, column): (&usize, &Vector3<f64>)| (joint, column.dot(&force));
        robot.feet[foot].chain.iter().zip(columns).map(torque)
    }
}
