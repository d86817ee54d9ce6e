//! Joint velocities for a wanted velocity of a frame, as a quadratic program.
//!
//! minimise `|J v - twist|^2 + regularisation |v|^2`, so that every joint keeps its velocity, its
//! acceleration and its range, and every pair of capsules its distance. B. Faverjon, P.
//! Tournassoud, A local based approach for path planning of manipulators with a high number of
//! degrees of freedom, ICRA (1987): `n' J v >= -xi (d - d_s) / (d_i - d_s)`.
//!
//! Deviation: their straight line holds only as far out as the joints can follow it with a quarter
//! of their accelerations; from there on the approach may be as fast as that deceleration can end.
//! So velocities change at a bounded rate and do not chatter. Positions near the end of their range
//! are dampened in the same way. Of a pair that is too fast already, through a turn of its normal,
//! no more is asked than the joints can brake.
//!
//! Where no velocity fulfils all rows, the last one is scaled down, all joints alike, as fast as
//! the accelerations allow: the direction of the motion stays, its speed goes to zero.

use model::{Axes, CapsuleShape, Kinematics, RobotModel};
use nalgebra::{DMatrix, Vector3, Vector6};
use signals::JOINTS_MAX;

use super::capsules::{Nearest, nearest};
use super::{HOME, LEVER};
use crate::qp::{DenseRows, QuadraticProgram, Status};

/// Pairs of capsules at most.
const PAIRS_MAX: usize = 256;
/// Share of what the joints can brake that a pair that is too fast asks for.
const BRAKE: f64 = 0.9;
/// Share of the accelerations that approaches are planned with; the rest is for what else happens.
const SHARE: f64 = 0.25;

/// What one joint may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointRange {
    /// Lowest and highest position, rad or m; infinite for none.
    pub position: [f64; 2],
    /// Highest velocity either way, rad/s or m/s, above zero.
    pub velocity: f64,
    /// Highest acceleration either way, rad/s^2 or m/s^2, above zero.
    pub acceleration: f64,
}

/// How near capsules may come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Avoidance {
    /// Distance that is kept (`d_s`), m.
    pub safe: f64,
    /// Distance from which on a pair counts (`d_i`), m, above `safe`.
    pub seen: f64,
    /// Approach speed per distance left (`xi / (d_i - d_s)`), 1/s, above zero. Joint ranges are
    /// approached in the same way.
    pub slope: f64,
    /// What joint velocities cost beside errors of the frame's, above zero; 1e-4 is little.
    pub regularisation: f64,
}

/// Why a solver was not built or a search not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SolverFault {
    /// The base floats, a list does not fit, or there is no such frame or capsule.
    DoesNotFit,
    /// A number is none or outside its range.
    BadNumber,
}

/// How velocities came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferentialStatus {
    /// The best that all limits allow.
    Solved,
    /// No velocity fulfils all rows: the last one, slower.
    SlowedDown,
    /// A number of the input is none: the last one, slower.
    BadInput,
}

/// Joint velocities for twists of a frame. All memory is allocated when built.
#[derive(Clone, Debug)]
pub struct DifferentialSolver {
    model: RobotModel,
    kinematics: Kinematics,
    ranges: Vec<JointRange>,
    pairs: Vec<(CapsuleShape, CapsuleShape)>,
    avoidance: Avoidance,
    program: QuadraticProgram,
    jacobian: DMatrix<f64>,
    /// A row for each joint, then one for each pair.
    coefficients: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    linear: Vec<f64>,
    velocity: Vec<f64>,
    distance: f64,
    slowed_down: u32,
}

impl DifferentialSolver {
    /// For a robot with a range for each joint, that keeps the `pairs` of its capsules (indices of
    /// the model's) apart. A capsule of the base may stand for something in its surroundings.
    ///
    /// # Errors
    /// When something does not fit or a number is outside its range.
    pub fn new(
        model: &RobotModel,
        ranges: &[JointRange],
        pairs: &[(usize, usize)],
        avoidance: Avoidance,
    ) -> Result<Self, SolverFault> {
        let count = model.joint_count();
        let known = |index: &usize| *index < model.capsules.len();
        let fits = !model.floating
            && (1..=JOINTS_MAX).contains(&count)
            && ranges.len() == count
            && pairs.len() <= PAIRS_MAX
            && pairs.iter().all(|(one, other)| known(one) && known(other));
        if !fits {
            return Err(SolverFault::DoesNotFit);
        }
        let above = |value: f64| value > 0.0 && value.is_finite();
        let Avoidance { safe, seen, slope, regularisation } = avoidance;
        let sound = |range: &JointRange| {
            let [low, high] = range.position;
            low <= high && above(range.velocity) && above(range.acceleration)
        };
        let distances = safe.is_finite() && seen > safe && seen.is_finite();
        if !ranges.iter().all(sound) || !distances || !above(slope) || !above(regularisation) {
            return Err(SolverFault::BadNumber);
        }
        let rows = count + pairs.len();
        let shapes =
            pairs.iter().map(|(a, b)| (model.capsules[*a].clone(), model.capsules[*b].clone()));
        let mut coefficients = vec![0.0; rows * count];
        (0..count).for_each(|joint| coefficients[joint * count + joint] = 1.0);
        Ok(Self {
            kinematics: Kinematics::new(model),
            ranges: ranges.to_vec(),
            pairs: shapes.collect(),
            avoidance,
            program: QuadraticProgram::new(count),
            jacobian: DMatrix::zeros(6, count),
            coefficients,
            low: vec![f64::NEG_INFINITY; rows],
            high: vec![f64::INFINITY; rows],
            linear: vec![0.0; count],
            velocity: vec![0.0; count],
            distance: f64::INFINITY,
            slowed_down: 0,
            model: model.clone(),
        })
    }

    /// The joint velocities, rad/s or m/s: the last ones of [`Self::update`].
    #[must_use]
    pub fn velocities(&self) -> &[f64] {
        &self.velocity
    }

    /// The smallest distance of a pair in the last update, m; infinite without pairs.
    #[must_use]
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// Updates so far that could only slow down.
    #[must_use]
    pub fn slowed_down(&self) -> u32 {
        self.slowed_down
    }

    /// Begins anew, with joints that move with `velocity`, rad/s or m/s.
    ///
    /// # Errors
    /// When there is not one usable number for each joint; then nothing changes.
    pub fn start(&mut self, velocity: &[f64]) -> Result<(), SolverFault> {
        if velocity.len() != self.velocity.len() {
            return Err(SolverFault::DoesNotFit);
        }
        if !velocity.iter().all(|v| v.abs() <= 1e6) {
            return Err(SolverFault::BadNumber);
        }
        self.velocity.copy_from_slice(velocity);
        Ok(())
    }

    /// Finds the velocities for the next `dt` s (0 to 0.1, else it is bad input), with the joints
    /// at `q` and `twist` (`[linear; angular]`, base axes, m/s and rad/s) wanted of frame `frame`.
    pub fn update(
        &mut self,
        q: &[f64],
        frame: usize,
        twist: &Vector6<f64>,
        dt: f64,
    ) -> DifferentialStatus {
        let time = dt > 0.0 && dt <= 0.1;
        let fits = q.len() == self.velocity.len() && frame < self.model.frames.len();
        if !time || !fits || !q.iter().chain(twist).all(|number| number.abs() <= 1e6) {
            self.slow_down(if time { dt } else { 0.0 });
            return DifferentialStatus::BadInput;
        }
        self.kinematics.update(&self.model, q);
        self.bound_joints(q, dt);
        self.bound_pairs(dt);
        self.fill_cost(frame, twist);
        let rows = DenseRows { coefficients: &self.coefficients, low: &self.low, high: &self.high };
        let status = self.program.solve_warm(&self.linear, &rows);
        let found = self.program.x();
        if !matches!(status, Status::Solved(_)) || !found.iter().all(|v| v.is_finite()) {
            self.slow_down(dt);
            return DifferentialStatus::SlowedDown;
        }
        // Rounding must not add up beyond a limit.
        let bounds = self.low.iter().zip(&self.high);
        for ((velocity, found), (low, high)) in self.velocity.iter_mut().zip(found).zip(bounds) {
            *velocity = found.max(*low).min(*high);
        }
        DifferentialStatus::Solved
    }

    fn slow_down(&mut self, dt: f64) {
        self.slowed_down = self.slowed_down.saturating_add(1);
        let mut part = 1.0_f64;
        for (velocity, range) in self.velocity.iter().zip(&self.ranges) {
            let change = range.acceleration * dt;
            part = part.min(change / velocity.abs().max(change).max(f64::MIN_POSITIVE));
        }
        self.velocity.iter_mut().for_each(|velocity| *velocity *= 1.0 - part);
    }

    /// What the next velocity of each joint may be.
    fn bound_joints(&mut self, q: &[f64], dt: f64) {
        let slope = self.avoidance.slope;
        for (joint, (range, q)) in self.ranges.iter().zip(q).enumerate() {
            let (last, change) = (self.velocity[joint], range.acceleration * dt);
            let [down, up] = range.position.map(|end| (end - q).abs());
            let [below, above] = [*q < range.position[0], *q > range.position[1]];
            let side = |distance: f64, outside: bool| if outside { -distance } else { distance };
            let most = |distance: f64| {
                let planned = SHARE * range.acceleration;
                approach(distance, planned, slope).clamp(-range.velocity, range.velocity)
            };
            let (low, high) = (-most(side(down, below)), most(side(up, above)));
            // What cannot be reached within this time is gone towards as fast as can be.
            self.low[joint] = low.clamp(last - change, last + change);
            self.high[joint] = high.clamp(last - change, last + change);
            if self.low[joint] > self.high[joint] {
                self.low[joint] = self.high[joint];
            }
        }
    }

    /// How fast each pair may come nearer.
    fn bound_pairs(&mut self, dt: f64) {
        let count = self.velocity.len();
        let Avoidance { safe, seen, slope, .. } = self.avoidance;
        self.distance = f64::INFINITY;
        for (index, (one, other)) in self.pairs.iter().enumerate() {
            let found = nearest(self.placed(one), self.placed(other));
            self.distance = self.distance.min(found.distance);
            let row = count + index;
            let coefficients = &mut self.coefficients[row * count..(row + 1) * count];
            coefficients.fill(0.0);
            self.low[row] = f64::NEG_INFINITY;
            if found.distance >= seen {
                continue;
            }
            let Nearest { normal, .. } = found;
            for (link, point, sign) in [(one.link, found.one, 1.0), (other.link, found.other, -1.0)]
            {
                add_opening(
                    &self.model,
                    &self.kinematics,
                    (link, &point),
                    normal * sign,
                    coefficients,
                );
            }
            let (mut speed, mut change) = (0.0, 0.0);
            for ((opens, last), range) in coefficients.iter().zip(&self.velocity).zip(&self.ranges)
            {
                speed += opens * last;
                change += opens.abs() * range.acceleration;
            }
            let least = -approach(found.distance - safe, SHARE * change, slope);
            self.low[row] = least.min(speed + BRAKE * change * dt);
        }
    }

    fn placed(&self, shape: &CapsuleShape) -> ([Vector3<f64>; 2], f64) {
        let (turn, at) =
            (self.kinematics.rotation(shape.link), self.kinematics.position(shape.link));
        ([shape.from, shape.to].map(|point| at + turn * point), shape.radius)
    }

    fn fill_cost(&mut self, frame: usize, twist: &Vector6<f64>) {
        let axes = Axes::LocalWorldAligned;
        self.kinematics.jacobian(&self.model, frame, axes, &HOME, &mut self.jacobian);
        let count = self.velocity.len();
        let weight = |row: usize| if row < 3 { 1.0 } else { LEVER * LEVER };
        let product = |a: usize, b: usize| -> f64 {
            (0..6).map(|k| weight(k) * self.jacobian[(k, a)] * self.jacobian[(k, b)]).sum()
        };
        let cost = self.program.cost_matrix(count);
        for a in 0..count {
            for b in 0..count {
                cost[a * count + b] = product(a, b);
            }
            cost[a * count + a] += self.avoidance.regularisation;
            self.linear[a] =
                -(0..6).map(|k| weight(k) * self.jacobian[(k, a)] * twist[k]).sum::<f64>();
        }
    }
}

/// How fast something that is `distance` away may be approached: in proportion near it, and as
/// fast as `deceleration` can end further out; both meet without a kink.
fn approach(distance: f64, deceleration: f64, slope: f64) -> f64 {
    let near = deceleration / (slope * slope);
    if distance <= near {
        return slope * distance;
    }
    (deceleration * (2.0 * distance - near)).sqrt()
}

/// Adds how fast `point` of `link` moves along `normal` for each joint's velocity.
fn add_opening(
    model: &RobotModel,
    kinematics: &Kinematics,
    (mut link, point): (usize, &Vector3<f64>),
    normal: Vector3<f64>,
    coefficients: &mut [f64],
) {
    while link > 0 {
        let joint = link - 1;
        coefficients[joint] += normal.dot(&kinematics.column(model, joint, point));
        link = model.joints[joint].parent;
    }
}
