//! From where a frame is to be to where the joints are to be ([`PoseSolver`]), and from how it is
//! to move to how they are to move ([`DifferentialSolver`]).
//!
//! Damped least squares: Y. Nakamura, H. Hanafusa, Inverse Kinematic Solutions with Singularity
//! Robustness for Robot Manipulator Control, J. Dynamic Systems, Measurement, and Control 108
//! (1986); S. Buss, J.-S. Kim, Selectively Damped Least Squares for Inverse Kinematics (2005). A
//! step is `J' (J J' + l)^-1 e` with `l` in proportion to the squared error, and that proportion
//! smaller after each step that helped and larger after one that did not (T. Sugihara,
//! Solvability-Unconcerned Inverse Kinematics, IEEE Trans. Robotics 27, 2011). A joint that a step
//! would lead out of its range stays at its end, and the others take over; what the frame does not
//! feel goes towards the middle of the ranges (A. Liegeois, IEEE Trans. Systems, Man, and
//! Cybernetics 7, 1977).

mod capsules;
mod differential;

pub use capsules::{Nearest, nearest};
pub use differential::{
    Avoidance, DifferentialSolver, DifferentialStatus, JointRange, SolverFault,
};

use std::f64::consts::TAU;

use model::{Axes, JointKind, Kinematics, Pose, RobotModel};
use nalgebra::{DMatrix, Matrix6, UnitQuaternion, Vector3, Vector6};
use signals::JOINTS_MAX;

/// Steps from one seed.
const STEPS_MAX: usize = 20;
/// What a radian counts for, m.
const LEVER: f64 = 0.3;
/// No joint moves further in one step, rad or m.
const STEP_MAX: f64 = 1.0;
/// Damping for each squared error: first, least and most.
const PROPORTION: [f64; 3] = [0.1, 1e-6, 1e3];
/// Part of the way to the middle of its range that a joint goes in a step, far from the target.
const INWARDS: f64 = 0.6;
/// Damping that is always there: of the size of rounding.
const DAMPING_MIN: f64 = 1e-12;

/// How near is near enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseTolerance {
    /// m.
    pub position: f64,
    /// rad.
    pub angle: f64,
}

/// How a search for joint positions ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseAnswer {
    /// Whether the frame is where it is to be, within the tolerance.
    pub found: bool,
    /// What is left, m.
    pub position: f64,
    /// What is left, rad.
    pub angle: f64,
    /// Steps in all.
    pub steps: usize,
    /// Seeds that were tried beyond the first one.
    pub restarts: usize,
}

/// Joint positions for poses. All memory is allocated when built.
#[derive(Clone, Debug)]
pub struct PoseSolver {
    model: RobotModel,
    kinematics: Kinematics,
    ranges: Vec<[f64; 2]>,
    jacobian: DMatrix<f64>,
    step: Vec<f64>,
    /// Joints that stay at the end of their range in this step.
    held: Vec<bool>,
    q: Vec<f64>,
    trial: Vec<f64>,
    best: Vec<f64>,
}

impl PoseSolver {
    /// For a robot whose joints stay within `ranges`, rad or m, infinite for none.
    ///
    /// # Errors
    /// When the base floats, or there is not one range for each joint, or one is empty.
    pub fn new(model: &RobotModel, ranges: &[[f64; 2]]) -> Result<Self, SolverFault> {
        let count = model.joint_count();
        if model.floating || count == 0 || count > JOINTS_MAX || ranges.len() != count {
            return Err(SolverFault::DoesNotFit);
        }
        // No number is in no order, either.
        if !ranges.iter().all(|[low, high]| low <= high) {
            return Err(SolverFault::BadNumber);
        }
        let line = vec![0.0; count];
        Ok(Self {
            model: model.clone(),
            kinematics: Kinematics::new(model),
            ranges: ranges.to_vec(),
            jacobian: DMatrix::zeros(6, count),
            step: line.clone(),
            held: vec![false; count],
            q: line.clone(),
            trial: line.clone(),
            best: line,
        })
    }

    /// The joint positions of the last answer, rad or m, within their ranges.
    #[must_use]
    pub fn positions(&self) -> &[f64] {
        &self.best
    }

    /// Looks for joint positions that bring frame `frame` to `target` (base frame), from one seed
    /// after the other until one leads there. Without success the nearest positions are kept.
    ///
    /// # Errors
    /// When there is no such frame or no seed, or a list or a number is wrong.
    pub fn solve<'a>(
        &mut self,
        frame: usize,
        target: &Pose,
        seeds: impl IntoIterator<Item = &'a [f64]>,
        tolerance: PoseTolerance,
    ) -> Result<PoseAnswer, SolverFault> {
        if frame >= self.model.frames.len() {
            return Err(SolverFault::DoesNotFit);
        }
        let mut numbers = target.position.iter().chain(&target.rotation.coords);
        if !numbers.all(|number| number.abs() <= 1e6) {
            return Err(SolverFault::BadNumber);
        }
        let mut best: Option<PoseAnswer> = None;
        let mut steps = 0;
        for (restarts, seed) in seeds.into_iter().enumerate() {
            if seed.len() != self.q.len() {
                return Err(SolverFault::DoesNotFit);
            }
            if !seed.iter().all(|q| q.is_finite()) {
                return Err(SolverFault::BadNumber);
            }
            let error = self.descend(frame, target, seed, tolerance, &mut steps);
            let [position, angle] = sizes(&error);
            let found = position <= tolerance.position && angle <= tolerance.angle;
            let nearer = |best: &PoseAnswer| {
                let size = |position: f64, angle: f64| position.hypot(LEVER * angle);
                size(position, angle) < size(best.position, best.angle)
            };
            if found || best.as_ref().is_none_or(nearer) {
                self.best.copy_from_slice(&self.q);
                best = Some(PoseAnswer { found, position, angle, steps, restarts });
            }
            if let Some(best) = &mut best {
                (best.steps, best.restarts) = (steps, restarts);
            }
            if found {
                break;
            }
        }
        best.ok_or(SolverFault::DoesNotFit)
    }

    /// Goes from `seed` as near to the target as the steps lead; the error that is left there.
    fn descend(
        &mut self,
        frame: usize,
        target: &Pose,
        seed: &[f64],
        tolerance: PoseTolerance,
        steps: &mut usize,
    ) -> Vector6<f64> {
        for ((q, seed), [low, high]) in self.q.iter_mut().zip(seed).zip(&self.ranges) {
            *q = seed.max(*low).min(*high);
        }
        self.kinematics.update(&self.model, &self.q);
        let mut error = self.error(frame, target);
        let mut proportion = PROPORTION[0];
        for _ in 0..STEPS_MAX {
            let [position, angle] = sizes(&error);
            if position <= tolerance.position && angle <= tolerance.angle {
                break;
            }
            *steps += 1;
            let axes = Axes::LocalWorldAligned;
            self.kinematics.jacobian(&self.model, frame, axes, &HOME, &mut self.jacobian);
            let damping = proportion * error.norm_squared() + DAMPING_MIN;
            self.find_step(&error, damping);
            for (joint, trial) in self.trial.iter_mut().enumerate() {
                let [low, high] = self.ranges[joint];
                *trial = (self.q[joint] + self.step[joint]).max(low).min(high);
            }
            self.kinematics.update(&self.model, &self.trial);
            let next = self.error(frame, target);
            let [_, least, most] = PROPORTION;
            if next.norm_squared() < error.norm_squared() {
                (self.q, self.trial) =
                    (core::mem::take(&mut self.trial), core::mem::take(&mut self.q));
                self.turn_back();
                error = next;
                proportion = (proportion * 0.5).max(least);
            } else {
                self.kinematics.update(&self.model, &self.q);
                proportion = (proportion * 5.0).min(most);
            }
        }
        error
    }

    /// Takes a full turn off joints that have arrived at an end of a range of more than one: the
    /// place is the same and the way is free again.
    fn turn_back(&mut self) {
        let joints = self.q.iter_mut().zip(&self.ranges).zip(&self.model.joints);
        for ((q, [low, high]), joint) in joints {
            let turns = joint.kind == JointKind::Revolute && high - low > TAU;
            if turns && *q >= *high {
                *q -= TAU;
            } else if turns && *q <= *low {
                *q += TAU;
            }
        }
    }

    /// The damped step, with joints held that it would lead out of their range.
    fn find_step(&mut self, error: &Vector6<f64>, damping: f64) {
        self.held.fill(false);
        // Each round holds a joint more, or is the last one.
        for _ in 0..=self.held.len() {
            let mut square = Matrix6::from_diagonal_element(damping);
            let mut left = *error;
            for (joint, _) in self.held.iter().enumerate().filter(|(_, held)| !**held) {
                let column = self.scaled_column(joint);
                square += column * column.transpose();
                left -= column * self.inwards(joint, error);
            }
            // Positive definite by the damping.
            let Some(factor) = square.cholesky() else {
                self.step.fill(0.0);
                return;
            };
            let weighted = factor.solve(&left);
            let mut longest = 0.0_f64;
            for joint in 0..self.step.len() {
                let free = !self.held[joint];
                let own = self.inwards(joint, error);
                let step = if free { own + self.scaled_column(joint).dot(&weighted) } else { 0.0 };
                self.step[joint] = step;
                longest = longest.max(step.abs());
            }
            let short = (STEP_MAX / longest.max(STEP_MAX)).min(1.0);
            self.step.iter_mut().for_each(|step| *step *= short);
            let mut more = false;
            for (joint, [low, high]) in self.ranges.iter().enumerate() {
                let (q, step) = (self.q[joint], self.step[joint]);
                let out = (q <= *low && step < 0.0) || (q >= *high && step > 0.0);
                if out && !self.held[joint] {
                    self.held[joint] = true;
                    more = true;
                }
            }
            if !more {
                return;
            }
        }
    }

    /// Step of a joint towards the middle of its range, as far as the frame does not feel it; less
    /// near the target.
    fn inwards(&self, joint: usize, error: &Vector6<f64>) -> f64 {
        let [low, high] = self.ranges[joint];
        let middle = 0.5 * (low + high);
        if !middle.is_finite() || high - low > TAU {
            return 0.0;
        }
        INWARDS * error.norm().min(1.0) * (middle - self.q[joint])
    }

    fn scaled_column(&self, joint: usize) -> Vector6<f64> {
        let mut column: Vector6<f64> = self.jacobian.fixed_view::<6, 1>(0, joint).into_owned();
        (3..6).for_each(|row| column[row] *= LEVER);
        column
    }

    /// From the frame to the target, `[linear; angular]`, base axes, turns scaled by the lever.
    fn error(&self, frame: usize, target: &Pose) -> Vector6<f64> {
        let attitude = self.kinematics.attitude(&self.model, frame);
        let way = target.position - self.kinematics.point(&self.model, frame);
        let turn = target.rotation * UnitQuaternion::from_matrix(&attitude).inverse();
        // Of both quaternions of a turn, that of the shorter way.
        let sign = if turn.w < 0.0 { -1.0 } else { 1.0 };
        let imaginary = turn.imag() * sign;
        let sine = imaginary.norm();
        let angle = 2.0 * sine.atan2(sign * turn.w);
        let turn = imaginary * if sine > 1e-12 { LEVER * angle / sine } else { 2.0 * LEVER };
        Vector6::new(way.x, way.y, way.z, turn.x, turn.y, turn.z)
    }
}

/// Length, m, and angle, rad, of an error.
fn sizes(error: &Vector6<f64>) -> [f64; 2] {
    [error.fixed_rows::<3>(0).norm(), error.fixed_rows::<3>(3).norm() / LEVER]
}

/// The base frame is the world here.
const HOME: Pose = Pose {
    position: Vector3::new(0.0, 0.0, 0.0),
    rotation: UnitQuaternion::new_unchecked(nalgebra::Quaternion::new(1.0, 0.0, 0.0, 0.0)),
};
