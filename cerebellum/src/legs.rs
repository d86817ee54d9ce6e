//! The legs of the present tick: foot positions, velocities and Jacobians in the base frame.

use model::{Axes, BaseMotion, Dynamics, JointKind, Kinematics, Pose, Robot, Wrench};
use nalgebra::{Matrix3, Vector3};
use signals::FEET_MAX;

use crate::GRAVITY;

/// Most joints of one leg.
const LEG_JOINTS_MAX: usize = 8;
/// Damping of the inverse of a leg's Jacobian, m^2.
const DAMPING: f64 = 1e-5;

/// One foot and the joints that move it. Base axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    /// Velocity of the middle relative to the base, m/s.
    pub(crate) velocity: Vector3<f64>,
    /// Angular velocity of the foot's link relative to the base, rad/s.
    pub(crate) turning: Vector3<f64>,
    /// How the middle moves with the joints: while the foot swings.
    pub(crate) middle: LegPoint,
    /// How the place where the round foot touches level ground does, and rolls: while it stands.
    pub(crate) sole: LegPoint,
}

/// A point of a foot and how the joints of the leg move it. Base axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LegPoint {
    /// m.
    pub(crate) position: Vector3<f64>,
    /// Its acceleration when neither base nor joints accelerate, m/s^2.
    pub(crate) bias_acceleration: Vector3<f64>,
    /// Velocity per velocity of each joint of the chain.
    columns: [Vector3<f64>; LEG_JOINTS_MAX],
    /// Rows of the damped inverse: joint velocity per velocity.
    inverse: [Vector3<f64>; LEG_JOINTS_MAX],
}

impl LegPoint {
    const ZERO: Self = {
        let zero = Vector3::new(0.0, 0.0, 0.0);
        let all = [zero; LEG_JOINTS_MAX];
        Self { position: zero, bias_acceleration: zero, columns: all, inverse: all }
    };

    /// The inverse by damped least squares, `J' (J J' + l)^-1`, which stays small near a stretched
    /// leg (Y. Nakamura, H. Hanafusa, 1986).
    fn invert(&mut self, joints: usize) {
        let mut square = Matrix3::identity() * DAMPING;
        for column in &self.columns[..joints] {
            square += column * column.transpose();
        }
        // Positive definite by the damping, so the inverse exists.
        let square = square.try_inverse().unwrap_or_else(Matrix3::zeros);
        for (way, column) in self.inverse.iter_mut().zip(&self.columns) {
            *way = square * column;
        }
    }
}

/// All legs, and the body they carry.
#[derive(Clone, Debug)]
pub(crate) struct Legs {
    kinematics: Kinematics,
    dynamics: Dynamics,
    /// Joint positions, rad, model order.
    pub(crate) q: Vec<f64>,
    /// Joint velocities, rad/s.
    pub(crate) dq: Vec<f64>,
    /// Angular velocity of the base, base axes, rad/s.
    pub(crate) spin: Vector3<f64>,
    /// Gravity and velocity torques with the base unaccelerated, N m.
    pub(crate) bias: Vec<f64>,
    /// Force and moment at the base's origin that go with it, base axes.
    pub(crate) bias_wrench: Wrench,
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
        let point = LegPoint::ZERO;
        let leg = Leg { velocity: zero, turning: zero, middle: point, sole: point };
        Self {
            kinematics: Kinematics::new(&robot.model),
            dynamics: Dynamics::new(&robot.model),
            q: vec![0.0; joints],
            dq: vec![0.0; joints],
            spin: zero,
            bias: vec![0.0; joints],
            bias_wrench: Wrench::ZERO,
            legs: [leg; FEET_MAX],
            count: robot.feet.len(),
            whole: model::Inertia::ZERO,
        }
    }

    /// Recomputes everything from `q` and `dq`, which the caller has set.
    pub(crate) fn update(&mut self, robot: &Robot, rotation: Matrix3<f64>, spin: Vector3<f64>) {
        self.spin = spin;
        // Without the base's own velocity: accelerations are then those of points.
        let base = BaseMotion { angular: spin, ..BaseMotion::at_rest(rotation) };
        let model = &robot.model;
        self.kinematics.update(model, &self.q);
        self.kinematics.update_velocities(model, &base, &self.dq);
        let down = rotation.transpose() * -Vector3::z();
        for (leg, foot) in self.legs.iter_mut().zip(&robot.feet) {
            let (middle, sole) = (&mut leg.middle, &mut leg.sole);
            let below = down * foot.radius;
            middle.position = self.kinematics.point(model, foot.frame);
            sole.position = middle.position + below;
            (leg.velocity, leg.turning) = (Vector3::zeros(), Vector3::zeros());
            for (k, &joint) in foot.chain.iter().enumerate().take(LEG_JOINTS_MAX) {
                middle.columns[k] = self.kinematics.column(model, joint, &middle.position);
                sole.columns[k] = self.kinematics.column(model, joint, &sole.position);
                leg.velocity += middle.columns[k] * self.dq[joint];
                if model.joints[joint].kind == JointKind::Revolute {
                    leg.turning += self.kinematics.axis(model, joint) * self.dq[joint];
                }
            }
            let axes = Axes::LocalWorldAligned;
            let bias = self.kinematics.bias_acceleration(model, foot.frame, axes, &Pose::ORIGIN);
            middle.bias_acceleration = bias.fixed_rows::<3>(0).into_owned();
            // A round foot that rolls has its lowest point always below its middle.
            let turning = bias.fixed_rows::<3>(3).into_owned();
            sole.bias_acceleration = middle.bias_acceleration + turning.cross(&below);
            middle.invert(foot.chain.len().min(LEG_JOINTS_MAX));
            sole.invert(foot.chain.len().min(LEG_JOINTS_MAX));
        }
        self.whole = self.kinematics.composite(model);
        let joints = [self.q.as_slice(), self.dq.as_slice()];
        self.bias_wrench = self.dynamics.bias(model, &base, joints, &mut self.bias);
    }

    /// How far inside the polygon of all feet the capture point lies, m; negative outside. The base
    /// is turned by `rotation` and moves with `velocity`, m/s, both to the odometry frame.
    ///
    /// Capture point: J. Pratt et al., Capture Point: A Step toward Humanoid Push Recovery, 2006.
    pub(crate) fn capture_margin(&self, rotation: &Matrix3<f64>, velocity: Vector3<f64>) -> f64 {
        const DIRECTIONS: u8 = 16;
        let feet = &self.legs[..self.count];
        let from_com = |leg: &Leg| rotation * (leg.middle.position - self.whole.com);
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

    /// The joint motion that moves the middle of `foot` by `motion` (base axes; m gives rad, m/s
    /// gives rad/s), as (joint, amount).
    pub(crate) fn joint_motion<'a>(
        &'a self,
        robot: &'a Robot,
        foot: usize,
        motion: Vector3<f64>,
    ) -> impl Iterator<Item = (usize, f64)> + 'a {
        let way = move |(joint, way): (usize, &Vector3<f64>)| (joint, way.dot(&motion));
        self.legs[foot].middle.inverse(robot, foot).map(way)
    }
}

impl LegPoint {
    /// Joint velocity per velocity of this point, as (joint, its row): the damped inverse.
    pub(crate) fn inverse<'a>(
        &'a self,
        robot: &'a Robot,
        foot: usize,
    ) -> impl Iterator<Item = (usize, &'a Vector3<f64>)> + 'a {
        robot.feet[foot].chain.iter().copied().zip(&self.inverse)
    }

    /// Velocity of this point per velocity of each joint that moves it.
    pub(crate) fn columns<'a>(
        &'a self,
        robot: &'a Robot,
        foot: usize,
    ) -> impl Iterator<Item = (usize, &'a Vector3<f64>)> + 'a {
        robot.feet[foot].chain.iter().copied().zip(&self.columns)
    }
}
