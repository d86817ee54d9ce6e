//! Ground forces by convex model predictive control: one rigid body pushed by its standing feet.
//!
//! J. Di Carlo et al., Dynamic locomotion in the MIT Cheetah 3 through convex model-predictive
//! control, IROS 2018. State `[rpy, p, w, v]` of the whole robot at its centre of mass, world axes;
//! forces `f_i` (world, N) at the feet. The yaw is held over the horizon, so a force in step `k` is
//! an acceleration `a_k = [I^-1 r_i x; 1/m] f_i` that later states feel as a double integrator
//! does. Unlike the paper the feet are where they will be in each step, and a load or a pull that
//! the model does not know can be given as an outside force.

use nalgebra::{Matrix3, Vector3};
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
    /// Force that acts beside gravity and the feet, N.
    pub outside: Vector3<f64>,
    /// Feet from the centre of mass in each step, m.
    pub feet: [[Vector3<f64>; FEET_MAX]; HORIZON_MAX],
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
    /// Angular acceleration that they are to give, world, rad/s^2.
    pub angular: Vector3<f64>,
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
    columns: Vec<Column>,
    gradient: Vec<f64>,
    rows: Vec<Row>,
    program: QuadraticProgram,
}

/// The force of one foot in one step.
#[derive(Clone, Copy, Debug)]
struct Column {
    step: usize,
    foot: usize,
    /// Angular acceleration per force, `I^-1 r x`, 1/(kg m).
    turns: Matrix3<f64>,
}

/// What is wanted of the states, for accelerations: attitude and position, their rates.
struct Weights {
    attitude: Matrix3<f64>,
    position: Vector3<f64>,
    spin: Matrix3<f64>,
    velocity: Vector3<f64>,
}

/// Weighted errors of the unforced motion that an acceleration in one step would change.
#[derive(Clone, Copy, Debug, Default)]
struct Pull {
    angular: Vector3<f64>,
    linear: Vector3<f64>,
}

impl MpcSolver {
    /// Memory for `settings`; a longer horizon than [`HORIZON_MAX`] is cut to it.
    #[must_use]
    pub fn new(mut settings: MpcSettings) -> Self {
        settings.horizon = settings.horizon.min(HORIZON_MAX);
        let feet = settings.horizon * FEET_MAX;
        Self {
            settings,
            columns: Vec::with_capacity(feet),
            gradient: Vec::with_capacity(3 * feet),
            rows: Vec::with_capacity(ROWS * feet),
            program: QuadraticProgram::with_interior(3 * feet, ROWS * feet, ROUNDS_MAX),
        }
    }

    /// The forces for `input`.
    pub fn solve(&mut self, input: &MpcInput) -> MpcOutput {
        let zero = [Vector3::zeros(); FEET_MAX];
        let angular = Vector3::zeros();
        let failed =
            MpcOutput { tick: input.tick, forces: zero, angular, solved: false, rounds: 0 };
        let (s, c) = input.rpy.z.sin_cos();
        let heading = Matrix3::new(c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0);
        let inertia = heading * input.inertia * heading.transpose();
        let Some(inverse) = inertia.try_inverse() else { return failed };
        self.choose_columns(input, &inverse);
        if self.columns.is_empty() {
            return MpcOutput { solved: true, ..failed };
        }
        let weights = self.weights(&heading);
        self.fill_gradient(input, &weights, &heading);
        self.fill_cost(&weights);
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
        MpcOutput { forces, angular, solved: true, rounds, ..failed }
    }

    /// One block of three variables for each foot that stands in each step.
    fn choose_columns(&mut self, input: &MpcInput, inverse: &Matrix3<f64>) {
        self.columns.clear();
        for (step, stand) in input.contact.iter().take(self.settings.horizon).enumerate() {
            for (foot, _) in stand.iter().enumerate().filter(|(_, stands)| **stands) {
                let turns = inverse * input.feet[step][foot].cross_matrix();
                self.columns.push(Column { step, foot, turns });
            }
        }
    }

    /// Euler angles turn with `Rz' w`, so their weights act on accelerations through `Rz`.
    fn weights(&self, heading: &Matrix3<f64>) -> Weights {
        let [a, b, c, x, y, z, p, q, r, u, v, w] = self.settings.weights;
        let diagonal = |x, y, z| Matrix3::from_diagonal(&Vector3::new(x, y, z));
        Weights {
            attitude: heading * diagonal(a, b, c) * heading.transpose(),
            position: Vector3::new(x, y, z),
            spin: diagonal(p, q, r),
            velocity: Vector3::new(u, v, w),
        }
    }

    /// `g = 2 B' S e`: the errors `e` of the motion without forces at the end of each step, felt by
    /// a force `n` steps earlier as `(n + 1/2) dt^2` in position and `dt` in velocity.
    fn fill_gradient(&mut self, input: &MpcInput, weights: &Weights, heading: &Matrix3<f64>) {
        let (steps, dt) = (self.settings.horizon, self.settings.step);
        let falling = input.outside / self.settings.mass - Vector3::new(0.0, 0.0, GRAVITY);
        let mut pulls = [Pull::default(); HORIZON_MAX];
        for end in 0..steps {
            let t = (end + 1) as f64 * dt;
            let wanted = Reference::after(input, t);
            let half = 0.5 * t * t;
            // In world axes, as the weight on attitude.
            let attitude = heading * (input.rpy - wanted.rpy) + input.angular_velocity * t;
            let attitude = weights.attitude * attitude;
            let spin = weights.spin * (input.angular_velocity - wanted.spin);
            let position = input.position + input.velocity * t + falling * half - wanted.position;
            let position = position.component_mul(&weights.position);
            let velocity = input.velocity + falling * t - wanted.velocity;
            let velocity = velocity.component_mul(&weights.velocity);
            for (step, pull) in pulls.iter_mut().enumerate().take(end + 1) {
                let far = ((end - step) as f64 + 0.5) * dt * dt;
                pull.angular += attitude * far + spin * dt;
                pull.linear += position * far + velocity * dt;
            }
        }
        self.gradient.clear();
        for column in &self.columns {
            let Pull { angular, linear } = pulls[column.step];
            let slope = column.turns.tr_mul(&angular) + linear / self.settings.mass;
            self.gradient.extend((slope * 2.0).iter());
        }
    }

    /// `H = 2 (B' S B + alpha I)`: two accelerations are both felt in all states after the later
    /// one.
    fn fill_cost(&mut self, weights: &Weights) {
        let (steps, dt) = (self.settings.horizon, self.settings.step);
        let square = 2.0 / (self.settings.mass * self.settings.mass);
        let n = 3 * self.columns.len();
        let h = self.program.cost_matrix(n);
        for (at, later) in self.columns.iter().enumerate() {
            let felt = steps - later.step;
            let rates = felt as f64 * dt * dt;
            let mut before = usize::MAX;
            let (mut angular, mut linear) = (Matrix3::zeros(), Vector3::zeros());
            for (other, early) in self.columns[..=at].iter().enumerate() {
                if early.step != before {
                    before = early.step;
                    let apart = (later.step - early.step) as f64;
                    let places: f64 =
                        (0..felt).map(|n| (n as f64 + 0.5) * (n as f64 + 0.5 + apart)).sum();
                    let places = places * dt.powi(4);
                    angular = (weights.attitude * places + weights.spin * rates) * later.turns;
                    linear = (weights.position * places + weights.velocity * rates) * square;
                }
                let mut block = early.turns.tr_mul(&angular) * 2.0;
                for axis in 0..3 {
                    block[(axis, axis)] += linear[axis];
                }
                for a in 0..3 {
                    for b in 0..3 {
                        h[(3 * at + b) * n + 3 * other + a] = block[(a, b)];
                        h[(3 * other + a) * n + 3 * at + b] = block[(a, b)];
                    }
                }
            }
        }
        for k in 0..n {
            h[k * n + k] += 2.0 * self.settings.weight_force;
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

/// The wanted state.
struct Reference {
    rpy: Vector3<f64>,
    position: Vector3<f64>,
    spin: Vector3<f64>,
    velocity: Vector3<f64>,
}

impl Reference {
    /// In `t` s.
    fn after(input: &MpcInput, t: f64) -> Self {
        let yaw = input.reference_yaw + input.reference_yaw_rate * t;
        Self {
            rpy: Vector3::new(0.0, 0.0, yaw),
            position: input.reference_position + input.reference_velocity * t,
            spin: Vector3::new(0.0, 0.0, input.reference_yaw_rate),
            velocity: input.reference_velocity,
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
            outside: Vector3::zeros(),
            feet: [[foot(0.2, 0.14), foot(0.2, -0.14), foot(-0.2, 0.14), foot(-0.2, -0.14)];
                HORIZON_MAX],
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
    fn a_load_that_is_told_is_carried() {
        let mut input = standing();
        input.outside.z = -40.0;
        let bare = MpcSolver::new(settings()).solve(&standing());
        let laden = MpcSolver::new(settings()).solve(&input);
        let sum = |output: &MpcOutput| output.forces.iter().map(|f| f.z).sum::<f64>();
        // The reference does not move, and forces cost a little: most of it, not all.
        assert!((37.0..43.0).contains(&(sum(&laden) - sum(&bare))), "{}", sum(&laden));
    }

    /// The weighted squared errors of the motion that `forces` make, step by step as the head of
    /// this file has it, plus the cost of the forces.
    fn cost(settings: &MpcSettings, input: &MpcInput, columns: &[Column], forces: &[f64]) -> f64 {
        let heading = nalgebra::Rotation3::from_axis_angle(&Vector3::z_axis(), input.rpy.z);
        let inertia = heading * input.inertia * heading.inverse();
        let inverse = inertia.try_inverse().unwrap();
        let (mut rpy, mut spin) = (input.rpy, input.angular_velocity);
        let (mut position, mut velocity) = (input.position, input.velocity);
        let mut cost = settings.weight_force * forces.iter().map(|f| f * f).sum::<f64>();
        for step in 0..settings.horizon {
            let (mut force, mut moment) = (input.outside, Vector3::zeros());
            for (column, f) in columns.iter().zip(forces.chunks_exact(3)) {
                if column.step == step {
                    let f = Vector3::from_column_slice(f);
                    force += f;
                    moment += input.feet[step][column.foot].cross(&f);
                }
            }
            let linear = force / settings.mass - Vector3::new(0.0, 0.0, GRAVITY);
            let (angular, dt) = (inverse * moment, settings.step);
            rpy += heading.inverse() * (spin * dt + angular * (0.5 * dt * dt));
            spin += angular * dt;
            position += velocity * dt + linear * (0.5 * dt * dt);
            velocity += linear * dt;
            let wanted = Reference::after(input, (step + 1) as f64 * dt);
            let errors = [
                rpy - wanted.rpy,
                position - wanted.position,
                spin - wanted.spin,
                velocity - wanted.velocity,
            ];
            let errors = errors.iter().flat_map(|error| error.iter());
            cost += errors.zip(settings.weights).map(|(e, w)| w * e * e).sum::<f64>();
        }
        cost
    }

    #[test]
    fn the_condensed_cost_is_that_of_the_motion_step_by_step() {
        let mut solver = MpcSolver::new(settings());
        let mut input = standing();
        input.rpy = Vector3::new(0.05, -0.03, 0.4);
        input.angular_velocity = Vector3::new(0.3, -0.2, 0.5);
        input.velocity = Vector3::new(0.6, 0.1, -0.1);
        input.reference_velocity = Vector3::new(0.8, 0.0, 0.0);
        input.reference_yaw_rate = 0.3;
        input.outside = Vector3::new(3.0, -5.0, -30.0);
        for (step, stands) in input.contact.iter_mut().enumerate() {
            *stands =
                if step % 4 < 2 { [true, false, false, true] } else { [true, true, true, true] };
            input.feet[step].iter_mut().for_each(|foot| foot.x -= 0.02 * step as f64);
        }
        assert!(solver.solve(&input).solved);
        // Solving has left its factor on and below the diagonal: fill once more.
        let heading = nalgebra::Rotation3::from_axis_angle(&Vector3::z_axis(), 0.4).into_inner();
        let weights = solver.weights(&heading);
        solver.fill_cost(&weights);
        let n = 3 * solver.columns.len();
        let h = nalgebra::DMatrix::from_column_slice(n, n, solver.program.cost_matrix(n));
        let g = nalgebra::DVector::from_column_slice(&solver.gradient);
        let of = |f: &[f64]| cost(&settings(), &input, &solver.columns, f);
        let still = of(&vec![0.0; n]);
        for trial in 0..20 {
            let f = nalgebra::DVector::from_fn(n, |k, _| {
                40.0 * ((k * 7 + trial * 13) as f64 * 1.7).sin()
            });
            let condensed = 0.5 * f.dot(&(&h * &f)) + g.dot(&f);
            let plain = of(f.as_slice()) - still;
            assert!((condensed - plain).abs() < 1e-9 * plain.abs().max(1.0), "{condensed} {plain}");
        }
    }
}
