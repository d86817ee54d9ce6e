//! Ground forces by convex model predictive control: one rigid body pushed by its standing feet.
//!
//! J. Di Carlo et al., Dynamic locomotion in the MIT Cheetah 3 through convex model-predictive
//! control, IROS 2018. State `x = [rpy, p, w, v, g]` (13) of the whole robot at its centre of mass,
//! world axes; forces `f_i` (world, N) at the feet. The dynamics are held constant over the
//! horizon, so the response `A^j B` to a force `j` steps ago is computed once and the condensed
//! cost is a running sum.

use nalgebra::{Matrix3, SMatrix, SVector, Vector3};
use signals::FEET_MAX;

use crate::GRAVITY;
use crate::qp::{QuadraticProgram, Row};

/// Most steps of a horizon.
pub const HORIZON_MAX: usize = 20;
/// Rows of one foot in one step.
const ROWS: usize = 6;
/// Rounds of the active-set method; after them the interior-point method takes over. It bounds the
/// longest time.
const ROUNDS_MAX: usize = 100;

/// What does not change from one solution to the next.
#[derive(Clone, Debug)]
pub struct MpcSettings {
    /// Steps of the horizon, at most [`HORIZON_MAX`].
    pub horizon: usize,
    /// Length of a step, s.
    pub step: f64,
    /// Weights on `[rpy, p, w, v]`.
    pub weights: [f64; 12],
    /// Weight on force, 1/N^2.
    pub weight_force: f64,
    /// Friction coefficient counted on.
    pub friction: f64,
    /// Least and highest normal force of a standing foot, N.
    pub force: (f64, f64),
    /// Mass of the robot, kg.
    pub mass: f64,
}

/// One planning problem: a snapshot of the robot and of what is wanted. World axes.
#[derive(Clone, Copy, Debug)]
pub struct MpcInput {
    /// Tick of the measurement; the answer carries it back.
    pub tick: u64,
    /// Roll, pitch, yaw (yaw continuous), rad.
    pub rpy: Vector3<f64>,
    /// Centre of mass, m.
    pub position: Vector3<f64>,
    /// Angular velocity, rad/s.
    pub angular_velocity: Vector3<f64>,
    /// Velocity of the centre of mass, m/s.
    pub velocity: Vector3<f64>,
    /// Inertia about the centre of mass in base axes, kg m^2.
    pub inertia: Matrix3<f64>,
    /// Feet from the centre of mass, m.
    pub feet: [Vector3<f64>; FEET_MAX],
    /// Which feet stand in each step.
    pub contact: [[bool; FEET_MAX]; HORIZON_MAX],
    /// Reference at the start: position and yaw.
    pub reference_position: Vector3<f64>,
    /// Reference yaw, rad.
    pub reference_yaw: f64,
    /// Reference velocity, m/s.
    pub reference_velocity: Vector3<f64>,
    /// Reference yaw rate, rad/s.
    pub reference_yaw_rate: f64,
}

/// The forces for the first step of the horizon.
#[derive(Clone, Copy, Debug)]
pub struct MpcOutput {
    /// Tick of the measurement it came from.
    pub tick: u64,
    /// Force of the ground on each foot, world, N; zero for a swinging foot.
    pub forces: [Vector3<f64>; FEET_MAX],
    /// False when the problem could not be solved; the forces are then zero.
    pub solved: bool,
    /// Rounds of the active-set method, or iterations of the interior-point method where that took
    /// over.
    pub rounds: u32,
}

/// Where force problems are solved: in place, or on another thread. Results are taken on a fixed
/// tick, so that both give the same motion.
pub trait ForcePlanner: Send {
    /// Takes a problem; never waits.
    fn submit(&mut self, input: &MpcInput);
    /// The newest answer that is ready, once.
    fn collect(&mut self) -> Option<MpcOutput>;
}

/// Solver memory, allocated when built.
#[derive(Clone, Debug)]
pub struct MpcSolver {
    settings: MpcSettings,
    responses: Vec<ForceMatrix>,
    weighted: Vec<ForceMatrix>,
    errors: Vec<State>,
    columns: Vec<(usize, usize)>,
    gradient: Vec<f64>,
    rows: Vec<Row>,
    program: QuadraticProgram,
}

impl MpcSolver {
    /// Memory for `settings`; a longer horizon than [`HORIZON_MAX`] is cut to it.
    #[must_use]
    pub fn new(mut settings: MpcSettings) -> Self {
        settings.horizon = settings.horizon.min(HORIZON_MAX);
        let (steps, feet) = (settings.horizon, settings.horizon * FEET_MAX);
        Self {
            settings,
            responses: vec![ForceMatrix::zeros(); steps],
            weighted: vec![ForceMatrix::zeros(); steps],
            errors: vec![State::zeros(); steps],
            columns: Vec::with_capacity(feet),
            gradient: Vec::with_capacity(3 * feet),
            rows: Vec::with_capacity(ROWS * feet),
            program: QuadraticProgram::with_interior(3 * feet, ROWS * feet, ROUNDS_MAX),
        }
    }

    /// The forces for `input`.
    pub fn solve(&mut self, input: &MpcInput) -> MpcOutput {
        let zero = [Vector3::zeros(); FEET_MAX];
        let failed = MpcOutput { tick: input.tick, forces: zero, solved: false, rounds: 0 };
        self.choose_columns(input);
        if self.columns.is_empty() {
            return MpcOutput { solved: true, ..failed };
        }
        self.predict(input);
        self.condense();
        self.constrain();
        let status = self.program.solve(&self.gradient, self.rows.as_slice());
        let Some(rounds) = status.solved() else { return failed };
        let (mut forces, mut angular) = (zero, angular);
        for (column, force) in self.columns.iter().zip(self.program.x().chunks_exact(3)) {
            if column.step == 0 {
                forces[column.foot] = Vector3::new(force[0], force[1], force[2]);
                angular += column.turns * forces[column.foot];
            }
        }
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        MpcOutput { forces, solved: true, rounds, ..failed }
    }

    /// One block of three variables for each foot that stands in each step.
    fn choose_columns(&mut self, input: &MpcInput) {
        self.columns.clear();
        for (step, feet) in input.contact.iter().take(self.settings.horizon).enumerate() {
            for (foot, stands) in feet.iter().enumerate() {
                if *stands {
                    self.columns.push((step, foot));
                }
            }
        }
    }

    /// Responses `A^j B`, their weighted twins, and the error of the unforced motion.
    fn predict(&mut self, input: &MpcInput) {
        let (a, b) = self.discretise(input);
        let weights = self.weights();
        let mut response = b;
        for (slot, weighted) in self.responses.iter_mut().zip(&mut self.weighted) {
            *slot = response;
            for (row, weight) in weights.iter().enumerate() {
                weighted.set_row(row, &(response.row(row) * *weight));
            }
            response = a * response;
        }
        let mut state = State::zeros();
        state.fixed_rows_mut::<3>(0).copy_from(&input.rpy);
        state.fixed_rows_mut::<3>(3).copy_from(&input.position);
        state.fixed_rows_mut::<3>(6).copy_from(&input.angular_velocity);
        state.fixed_rows_mut::<3>(9).copy_from(&input.velocity);
        state[12] = -9.81;
        for (k, error) in self.errors.iter_mut().enumerate() {
            state = a * state;
            *error = state - reference(input, (k + 1) as f64 * self.settings.step);
        }
    }

    fn weights(&self) -> [f64; STATES] {
        let mut weights = [0.0; STATES];
        weights[..12].copy_from_slice(&self.settings.weights);
        weights
    }

    /// Euler angles turn with `Rz' w`; forces act through the inertia and the mass. Second order in
    /// the step, which is exact for the double integrator.
    fn discretise(&self, input: &MpcInput) -> (StateMatrix, ForceMatrix) {
        let (s, c) = input.rpy.z.sin_cos();
        let rz = Matrix3::new(c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0);
        let inertia = rz * input.inertia * rz.transpose();
        let inverse = inertia.try_inverse().unwrap_or_else(Matrix3::zeros);
        let mut a = StateMatrix::zeros();
        a.fixed_view_mut::<3, 3>(0, 6).copy_from(&rz.transpose());
        a.fixed_view_mut::<3, 3>(3, 9).copy_from(&Matrix3::identity());
        a[(11, 12)] = 1.0;
        let mut b = ForceMatrix::zeros();
        for (foot, r) in input.feet.iter().enumerate() {
            b.fixed_view_mut::<3, 3>(6, 3 * foot).copy_from(&(inverse * r.cross_matrix()));
            let push = Matrix3::identity() / self.settings.mass;
            b.fixed_view_mut::<3, 3>(9, 3 * foot).copy_from(&push);
        }
        let dt = self.settings.step;
        let discrete_a = StateMatrix::identity() + a * dt + a * a * (0.5 * dt * dt);
        let discrete_b = b * dt + a * b * (0.5 * dt * dt);
        (discrete_a, discrete_b)
    }

    /// `H = 2 (B' S B + alpha I)`, `g = 2 B' S e`. The block of the columns that act `k` steps
    /// apart is a running sum over the steps that feel both.
    fn condense(&mut self) {
        let n = 3 * self.columns.len();
        let steps = self.settings.horizon;
        let h = self.program.cost_matrix(n);
        for apart in 0..steps {
            let mut sum = SMatrix::<f64, FORCES, FORCES>::zeros();
            for later in (apart..steps).rev() {
                // A force in step `later` and one `apart` steps earlier, both felt at the end.
                let felt = steps - 1 - later;
                sum += self.responses[felt + apart].transpose() * self.weighted[felt];
                let early = later - apart;
                fill_block(h, n, &self.columns, (early, later), &sum);
            }
        }
        for k in 0..n {
            h[k * n + k] += 2.0 * self.settings.weight_force;
        }
        self.gradient.clear();
        let mut by_step = [SVector::<f64, FORCES>::zeros(); HORIZON_MAX];
        for (step, gradient) in by_step.iter_mut().enumerate().take(steps) {
            for (felt, error) in self.errors[step..].iter().enumerate() {
                *gradient += self.weighted[felt].transpose() * error * 2.0;
            }
        }
        for &(step, foot) in &self.columns {
            self.gradient.extend(by_step[step].fixed_rows::<3>(3 * foot).iter());
        }
    }

    /// Friction pyramid and normal force of every standing foot.
    fn constrain(&mut self) {
        let mu = self.settings.friction;
        let (low, high) = self.settings.force;
        self.rows.clear();
        for block in 0..self.columns.len() {
            let first = 3 * block;
            for coefficients in [[-1.0, 0.0, mu], [1.0, 0.0, mu], [0.0, -1.0, mu], [0.0, 1.0, mu]] {
                self.rows.push(Row { first, coefficients, bound: 0.0 });
            }
            self.rows.push(Row { first, coefficients: [0.0, 0.0, 1.0], bound: low });
            self.rows.push(Row { first, coefficients: [0.0, 0.0, -1.0], bound: -high });
        }
    }
}

/// The wanted state `after` s.
fn reference(input: &MpcInput, after: f64) -> State {
    let mut state = State::zeros();
    state[2] = input.reference_yaw + input.reference_yaw_rate * after;
    let travelled = input.reference_position + input.reference_velocity * after;
    state.fixed_rows_mut::<3>(3).copy_from(&travelled);
    state[8] = input.reference_yaw_rate;
    state.fixed_rows_mut::<3>(9).copy_from(&input.reference_velocity);
    state[12] = -9.81;
    state
}

/// Writes the coupling of all feet that stand in steps `early` and `later` (both triangles).
fn fill_block(
    h: &mut [f64],
    n: usize,
    columns: &[(usize, usize)],
    (early, later): (usize, usize),
    sum: &SMatrix<f64, FORCES, FORCES>,
) {
    let of_step =
        |wanted: usize| columns.iter().enumerate().filter(move |(_, (step, _))| *step == wanted);
    for (row, &(_, early_foot)) in of_step(early) {
        for (column, &(_, later_foot)) in of_step(later) {
            for a in 0..3 {
                for b in 0..3 {
                    let value = 2.0 * sum[(3 * early_foot + a, 3 * later_foot + b)];
                    h[(3 * column + b) * n + 3 * row + a] = value;
                    h[(3 * row + a) * n + 3 * column + b] = value;
                }
            }
        }
    }
}

/// Solves in place, on the caller's thread.
#[derive(Clone, Debug)]
pub struct InlineForcePlanner {
    solver: MpcSolver,
    ready: Option<MpcOutput>,
}

impl InlineForcePlanner {
    /// With memory for `settings`.
    #[must_use]
    pub fn new(settings: MpcSettings) -> Self {
        Self { solver: MpcSolver::new(settings), ready: None }
    }
}

impl ForcePlanner for InlineForcePlanner {
    fn submit(&mut self, input: &MpcInput) {
        self.ready = Some(self.solver.solve(input));
    }

    fn collect(&mut self) -> Option<MpcOutput> {
        self.ready.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MpcSettings {
        MpcSettings {
            horizon: 10,
            step: 0.03,
            weights: [25.0, 25.0, 10.0, 5.0, 5.0, 100.0, 0.1, 0.1, 0.4, 1.5, 1.5, 0.5],
            weight_force: 4e-5,
            friction: 0.5,
            force: (1.0, 150.0),
            mass: 15.0,
        }
    }

    fn standing() -> MpcInput {
        let foot = |x: f64, y: f64| Vector3::new(x, y, -0.3);
        MpcInput {
            tick: 3,
            rpy: Vector3::zeros(),
            position: Vector3::new(0.0, 0.0, 0.3),
            angular_velocity: Vector3::zeros(),
            velocity: Vector3::zeros(),
            inertia: Matrix3::from_diagonal(&Vector3::new(0.1, 0.25, 0.3)),
            feet: [foot(0.2, 0.14), foot(0.2, -0.14), foot(-0.2, 0.14), foot(-0.2, -0.14)],
            contact: [[true; 4]; HORIZON_MAX],
            reference_position: Vector3::new(0.0, 0.0, 0.3),
            reference_yaw: 0.0,
            reference_velocity: Vector3::zeros(),
            reference_yaw_rate: 0.0,
        }
    }

    #[test]
    fn standing_still_carries_the_weight_evenly() {
        let output = MpcSolver::new(settings()).solve(&standing());
        assert!(output.solved && output.tick == 3);
        let sum: Vector3<f64> = output.forces.iter().sum();
        assert!((sum.z - 15.0 * 9.81).abs() < 10.0, "{}", sum.z);
        assert!(output.forces.iter().all(|f| (f.z - sum.z / 4.0).abs() < 0.1));
    }

    #[test]
    fn a_trot_uses_only_the_standing_pair_within_the_cone() {
        let mut input = standing();
        input.contact = [[true, false, false, true]; HORIZON_MAX];
        input.velocity.y = 0.8;
        let output = MpcSolver::new(settings()).solve(&input);
        assert!(output.solved);
        for (foot, force) in output.forces.iter().enumerate() {
            if foot == 1 || foot == 2 {
                assert_eq!(*force, Vector3::zeros());
            } else {
                assert!(force.z >= 1.0 - 1e-6 && force.y.abs() <= 0.5 * force.z + 1e-6);
                assert!(force.y < -1.0, "pushes against the drift: {force}");
            }
        }
    }

    /// Pushed on ice, so that most forces are at a limit: more rounds than are allowed.
    #[test]
    fn a_hard_push_is_answered_within_the_limits_and_no_number_with_nothing() {
        let mut solver = MpcSolver::new(MpcSettings { friction: 0.05, ..settings() });
        let mut input = standing();
        input.velocity = Vector3::new(0.9, -0.7, -0.4);
        input.angular_velocity = Vector3::new(2.5, -2.5, 1.0);
        input.rpy = Vector3::new(0.15, -0.1, 0.2);
        let output = solver.solve(&input);
        // So few are the iterations of the other method.
        assert!(output.solved && output.rounds <= 20, "{output:?}");
        for force in output.forces {
            assert!(force.z > 1.0 - 1e-6 && force.z < 150.0 + 1e-6, "{force}");
            assert!(force.x.abs().max(force.y.abs()) < 0.05 * force.z + 1e-6, "{force}");
        }
        input.velocity.x = f64::NAN;
        let output = solver.solve(&input);
        assert!(!output.solved && output.forces.iter().all(|force| *force == Vector3::zeros()));
    }

    #[test]
    fn the_running_sums_equal_the_full_prediction() {
        let mut solver = MpcSolver::new(settings());
        let mut input = standing();
        input.rpy = Vector3::new(0.05, -0.03, 0.4);
        for (step, feet) in input.contact.iter_mut().enumerate() {
            *feet =
                if step % 4 < 2 { [true, false, false, true] } else { [true, true, true, true] };
        }
        solver.choose_columns(&input);
        solver.predict(&input);
        solver.condense();
        let (steps, n) = (10, 3 * solver.columns.len());
        let mut full = nalgebra::DMatrix::<f64>::zeros(13 * steps, n);
        for (block, &(step, foot)) in solver.columns.iter().enumerate() {
            for row in step..steps {
                let part =
                    solver.responses[row - step].fixed_view::<13, 3>(0, 3 * foot).into_owned();
                full.fixed_view_mut::<13, 3>(13 * row, 3 * block).copy_from(&part);
            }
        }
        let weights = solver.weights();
        let weighted =
            nalgebra::DMatrix::from_fn(13 * steps, n, |r, c| full[(r, c)] * weights[r % 13]);
        let h =
            (full.transpose() * &weighted) * 2.0 + nalgebra::DMatrix::identity(n, n) * (2.0 * 4e-5);
        let errors = nalgebra::DVector::from_fn(13 * steps, |r, _| solver.errors[r / 13][r % 13]);
        let g = weighted.transpose() * errors * 2.0;
        let built = solver.program.cost_matrix(n).to_vec();
        for k in 0..n {
            assert!((solver.gradient[k] - g[k]).abs() < 1e-8);
            for l in 0..n {
                assert!((built[k * n + l] - h[(l, k)]).abs() < 1e-8, "{k} {l}");
            }
        }
    }
}
