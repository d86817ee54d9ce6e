//! Whole-body control: the joint torques that give the base, the swinging feet and the ground
//! forces what is wanted of them, by the full dynamics of the tree.
//!
//! The weighted tasks of legged_control (R. Grandia et al., Perceptive locomotion through nonlinear
//! model-predictive control, IEEE T-RO 2023) over accelerations and contact forces. The equalities
//! are solved by hand, which leaves three unknowns a foot whatever its phase: the joints of a leg
//! follow from the base and from the foot,
//!
//! `qdd = J^+ (a + s - bias - x_linear - x_angular x p)`,
//!
//! and the acceleration `x` of the base from the forces, `M_b [x; qdd] + h_b = sum [f; p x f]`. So
//! the unknown `z` holds the force `f` of every foot that stands and, of every foot that swings,
//! what its acceleration lacks, `s`. Base axes throughout, but for forces: world axes.

use model::{Dynamics, Robot, Wrench};
use nalgebra::{DMatrix, Matrix3, Matrix6, SMatrix, SVector, Vector3, Vector6};
use signals::{FEET_MAX, RadiansPerSecond};

use crate::legs::Legs;
use crate::qp::{DenseRows, QuadraticProgram};

/// Unknowns of all feet.
const SIZE: usize = 3 * FEET_MAX;
/// Rows of a foot: four sides of the friction pyramid, and the normal force.
const CONE: usize = 5;

type Line = SVector<f64, SIZE>;

/// What a tick asks of the whole body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tasks {
    /// Which feet stand.
    pub(crate) stands: [bool; FEET_MAX],
    /// Wanted force of the ground on each standing foot, world, N.
    pub(crate) forces: [Vector3<f64>; FEET_MAX],
    /// Wanted sum of them, world, N.
    pub(crate) total: Vector3<f64>,
    /// Wanted angular acceleration of the base, base axes, rad/s^2.
    pub(crate) angular: Vector3<f64>,
    /// Wanted acceleration of each foot, base axes, m/s^2.
    pub(crate) feet: [Vector3<f64>; FEET_MAX],
}

/// How a number follows from the unknowns: `line . z + still`.
#[derive(Clone, Copy, Debug)]
struct Affine {
    line: Line,
    still: f64,
}

impl Affine {
    const ZERO: Self = Self { line: Line::from_array_storage(ZEROS), still: 0.0 };

    fn at(&self, z: &Line) -> f64 {
        self.line.dot(z) + self.still
    }
}

const ZEROS: nalgebra::ArrayStorage<f64, SIZE, 1> = nalgebra::ArrayStorage([[0.0; SIZE]]);

/// What the unknowns must keep within: friction and force of each standing foot, and the torque of
/// each joint.
#[derive(Clone, Debug, Default)]
struct Limits {
    coefficients: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Limits {
    fn with_capacity(rows: usize) -> Self {
        let list = |size| Vec::with_capacity(size);
        Self { coefficients: list(SIZE * rows), low: list(rows), high: list(rows) }
    }

    fn clear(&mut self) {
        self.coefficients.clear();
        self.low.clear();
        self.high.clear();
    }

    fn push(&mut self, line: &Line, [low, high]: [f64; 2]) {
        self.coefficients.extend_from_slice(line.as_slice());
        self.low.push(low);
        self.high.push(high);
    }

    fn rows(&self) -> DenseRows<'_> {
        DenseRows { coefficients: &self.coefficients, low: &self.low, high: &self.high }
    }
}

/// Working memory, allocated when built.
pub(crate) struct WholeBody {
    dynamics: Dynamics,
    mass: DMatrix<f64>,
    /// The unknowns.
    z: Line,
    /// Acceleration of the base: `lead z + still`.
    lead: SMatrix<f64, 6, SIZE>,
    still: Vector6<f64>,
    /// Acceleration of each joint, rad/s^2, and its torque, N m.
    joints: Vec<Affine>,
    torques: Vec<Affine>,
    limits: Limits,
    program: QuadraticProgram,
    /// Torques of the joints, N m.
    pub(crate) tau: Vec<f64>,
    /// Problems without a solution, one after the other: the wanted forces were then taken as they
    /// are, without limits.
    pub(crate) failed: u32,
}

impl WholeBody {
    pub(crate) fn new(robot: &Robot) -> Self {
        let (joints, nv) = (robot.model.joint_count(), robot.model.velocity_count());
        Self {
            dynamics: Dynamics::new(&robot.model),
            mass: DMatrix::zeros(nv, nv),
            z: Line::zeros(),
            lead: SMatrix::zeros(),
            still: Vector6::zeros(),
            joints: vec![Affine::ZERO; joints],
            torques: vec![Affine::ZERO; joints],
            limits: Limits::with_capacity(CONE * FEET_MAX + joints),
            program: QuadraticProgram::new(SIZE),
            tau: vec![0.0; joints],
            failed: 0,
        }
    }

    /// Fills the torques for `tasks`, with the base turned by `rotation`. Where there is no answer
    /// at all they stay.
    pub(crate) fn solve(
        &mut self,
        robot: &Robot,
        legs: &Legs,
        rotation: &Matrix3<f64>,
        tasks: &Tasks,
    ) {
        self.dynamics.crba(&robot.model, &legs.q, &mut self.mass);
        if self.eliminate(robot, legs, rotation, tasks).is_none() {
            self.failed = self.failed.saturating_add(1);
            return;
        }
        self.lead_torques(robot, legs, rotation, tasks);
        self.limit(robot, legs, tasks);
        self.weigh(robot, legs, tasks);
        for (tau, affine) in self.tau.iter_mut().zip(&self.torques) {
            *tau = affine.at(&self.z);
        }
    }

    /// The acceleration of the base in terms of the unknowns; none where the dynamics make no
    /// sense.
    fn eliminate(
        &mut self,
        robot: &Robot,
        legs: &Legs,
        rotation: &Matrix3<f64>,
        tasks: &Tasks,
    ) -> Option<()> {
        let mut square: Matrix6<f64> = self.mass.fixed_view::<6, 6>(0, 0).into_owned();
        let mut right = SMatrix::<f64, 6, SIZE>::zeros();
        let Wrench { force, moment } = legs.bias_wrench;
        let mut still = -Vector6::new(force.x, force.y, force.z, moment.x, moment.y, moment.z);
        for (foot, leg) in legs.legs.iter().enumerate().take(legs.count) {
            let point = if tasks.stands[foot] { &leg.sole } else { &leg.middle };
            let cross = point.position.cross_matrix();
            let mut coupled = SMatrix::<f64, 6, 3>::zeros();
            for (joint, way) in point.inverse(robot, foot) {
                coupled += self.mass.fixed_view::<6, 1>(0, 6 + joint) * way.transpose();
            }
            // The foot's acceleration beyond that of the base, by J^+.
            let own = tasks.feet[foot] - point.bias_acceleration;
            still -= coupled * own;
            let linear = square.fixed_view::<6, 3>(0, 0) - coupled;
            let angular = square.fixed_view::<6, 3>(0, 3) + coupled * cross;
            square.fixed_view_mut::<6, 3>(0, 0).copy_from(&linear);
            square.fixed_view_mut::<6, 3>(0, 3).copy_from(&angular);
            let column = if tasks.stands[foot] {
                let back = rotation.transpose();
                let mut push = SMatrix::<f64, 6, 3>::zeros();
                push.fixed_view_mut::<3, 3>(0, 0).copy_from(&back);
                push.fixed_view_mut::<3, 3>(3, 0).copy_from(&(cross * back));
                push
            } else {
                -coupled
            };
            right.fixed_view_mut::<6, 3>(0, 3 * foot).copy_from(&column);
        }
        let factors = square.lu();
        (self.lead, self.still) = (factors.solve(&right)?, factors.solve(&still)?);
        Some(())
    }

    /// Acceleration and torque of every joint in terms of the unknowns.
    fn lead_torques(&mut self, robot: &Robot, legs: &Legs, rotation: &Matrix3<f64>, tasks: &Tasks) {
        let (lead, still) = (&self.lead, &self.still);
        self.joints.fill(Affine::ZERO);
        for (foot, leg) in legs.legs.iter().enumerate().take(legs.count) {
            let point = if tasks.stands[foot] { &leg.sole } else { &leg.middle };
            let cross = point.position.cross_matrix();
            // How the foot would move with the base alone.
            let carried = lead.fixed_rows::<3>(0) - cross * lead.fixed_rows::<3>(3);
            let carried_still = still.fixed_rows::<3>(0) - cross * still.fixed_rows::<3>(3);
            let own = tasks.feet[foot] - point.bias_acceleration - carried_still;
            for (joint, way) in point.inverse(robot, foot) {
                let mut line = -(carried.transpose() * way);
                if !tasks.stands[foot] {
                    let slack = line.fixed_rows::<3>(3 * foot) + way;
                    line.fixed_rows_mut::<3>(3 * foot).copy_from(&slack);
                }
                self.joints[joint] = Affine { line, still: way.dot(&own) };
            }
        }
        for (joint, torque) in self.torques.iter_mut().enumerate() {
            let row = self.mass.fixed_view::<6, 1>(0, 6 + joint);
            let mut line = lead.transpose() * row;
            let mut constant = legs.bias[joint] + row.dot(still);
            for (other, affine) in self.joints.iter().enumerate() {
                let inertia = self.mass[(6 + joint, 6 + other)];
                if inertia != 0.0 {
                    line += affine.line * inertia;
                    constant += affine.still * inertia;
                }
            }
            *torque = Affine { line, still: constant };
        }
        // The ground pushes the foot, and the joints hold against it.
        for foot in (0..legs.count).filter(|&foot| tasks.stands[foot]) {
            for (joint, column) in legs.legs[foot].sole.columns(robot, foot) {
                let held = rotation * column;
                let line = &mut self.torques[joint].line;
                (0..3).for_each(|axis| line[3 * foot + axis] -= held[axis]);
            }
        }
    }

    fn limit(&mut self, robot: &Robot, legs: &Legs, tasks: &Tasks) {
        let (mu, most) = (robot.file.mpc.friction, robot.file.mpc.force_max_n);
        self.limits.clear();
        for foot in (0..legs.count).filter(|&foot| tasks.stands[foot]) {
            let row = |x: f64, y: f64, z: f64| {
                let mut line = Line::zeros();
                line.fixed_rows_mut::<3>(3 * foot).copy_from(&Vector3::new(x, y, z));
                line
            };
            for side in
                [row(1.0, 0.0, mu), row(-1.0, 0.0, mu), row(0.0, 1.0, mu), row(0.0, -1.0, mu)]
            {
                self.limits.push(&side, [0.0, f64::INFINITY]);
            }
            self.limits.push(&row(0.0, 0.0, 1.0), [0.0, most]);
        }
        let limits = robot.limits.joints.iter().zip(&legs.dq);
        for (torque, (joint, &speed)) in self.torques.iter().zip(limits) {
            #[expect(clippy::cast_possible_truncation, reason = "limits are told in f32")]
            let (low, high) = joint.torque_range(RadiansPerSecond(speed as f32));
            let range = [low, high].map(|limit| f64::from(limit.0) - torque.still);
            self.limits.push(&torque.line, range);
        }
    }

    /// Finds the unknowns that miss the tasks least.
    fn weigh(&mut self, robot: &Robot, legs: &Legs, tasks: &Tasks) {
        let weights = &robot.file.whole_body;
        let turn = self.lead.fixed_rows::<3>(3);
        let missing = self.still.fixed_rows::<3>(3) - tasks.angular;
        let mut cost: SMatrix<f64, SIZE, SIZE> = turn.transpose() * turn * weights.weight_base;
        let mut slope: Line = turn.transpose() * missing * weights.weight_base;
        let sum = weights.weight_base / robot.model.mass().powi(2);
        let mut wanted = Line::zeros();
        for foot in 0..FEET_MAX {
            let at = 3 * foot;
            let stands = tasks.stands[foot] && foot < legs.count;
            let own = if stands { weights.weight_force } else { weights.weight_swing };
            for axis in 0..3 {
                cost[(at + axis, at + axis)] += own;
            }
            if !stands {
                continue;
            }
            for axis in 0..3 {
                wanted[at + axis] = tasks.forces[foot][axis];
                slope[at + axis] -= own * tasks.forces[foot][axis] + sum * tasks.total[axis];
                for other in (0..legs.count).filter(|&other| tasks.stands[other]) {
                    cost[(at + axis, 3 * other + axis)] += sum;
                }
            }
        }
        self.program.cost_matrix(SIZE).copy_from_slice(cost.as_slice());
        if self.program.solve(slope.as_slice(), &self.limits.rows()).solved().is_some() {
            self.z.copy_from_slice(self.program.x());
            self.failed = 0;
        } else {
            self.z = wanted;
            self.failed = self.failed.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::BaseMotion;
    use nalgebra::{DVector, Rotation3};

    use super::*;
    use crate::dice::Dice;

    fn robot() -> Robot {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
        Robot::load(std::path::Path::new(folder)).unwrap()
    }

    /// A robot on its feet or in mid-stride, moving somehow, and what could be asked of it.
    fn draw(robot: &Robot, dice: &mut Dice) -> (Legs, Matrix3<f64>, Tasks) {
        let mut three = |size: f64| Vector3::from_fn(|_, _| dice.between(-size, size));
        let rotation = Rotation3::new(three(0.2)).into_inner();
        let (spin, angular) = (three(1.0), three(10.0));
        let forces = [(); FEET_MAX].map(|()| three(20.0) + Vector3::z() * 60.0);
        let feet = [(); FEET_MAX].map(|()| three(10.0));
        let mut legs = Legs::new(robot);
        for (q, stand) in legs.q.iter_mut().zip(&robot.stand.joints) {
            *q = stand + dice.between(-0.3, 0.3);
        }
        legs.dq.iter_mut().for_each(|dq| *dq = dice.between(-3.0, 3.0));
        legs.update(robot, rotation, spin);
        let pair = dice.part() < 0.5;
        let all = dice.part() < 0.3;
        let stands = [pair || all, !pair || all, !pair || all, pair || all];
        let total = forces.iter().zip(stands).filter(|(_, s)| *s).map(|(f, _)| f).sum();
        (legs, rotation, Tasks { stands, forces, total, angular, feet })
    }

    /// Inverse dynamics of the answer, which knows nothing of how it was found.
    #[test]
    fn forces_and_torques_make_the_motion_that_was_found() {
        let (robot, mut dice) = (robot(), Dice(1));
        let mut body = WholeBody::new(&robot);
        let mut dynamics = Dynamics::new(&robot.model);
        let mut tau = vec![0.0; 12];
        for trial in 0..300 {
            let (legs, rotation, tasks) = draw(&robot, &mut dice);
            body.solve(&robot, &legs, &rotation, &tasks);
            assert_eq!(body.failed, 0, "{trial}");
            let base = body.lead * body.z + body.still;
            let motion = BaseMotion {
                angular: legs.spin,
                linear_acceleration: base.fixed_rows::<3>(0).into_owned(),
                angular_acceleration: base.fixed_rows::<3>(3).into_owned(),
                ..BaseMotion::at_rest(rotation)
            };
            let qdd: Vec<f64> = body.joints.iter().map(|joint| joint.at(&body.z)).collect();
            let joints = [legs.q.as_slice(), legs.dq.as_slice(), qdd.as_slice()];
            let mut rest = dynamics.rnea(&robot.model, &motion, joints, &mut tau);
            for foot in (0..FEET_MAX).filter(|&foot| tasks.stands[foot]) {
                let sole = &legs.legs[foot].sole;
                let push = rotation.transpose() * body.z.fixed_rows::<3>(3 * foot);
                rest.force -= push;
                rest.moment -= sole.position.cross(&push);
                for (joint, column) in sole.columns(&robot, foot) {
                    tau[joint] -= column.dot(&push);
                }
            }
            assert!(rest.force.norm() < 1e-8 && rest.moment.norm() < 1e-8, "{trial}: {rest:?}");
            for (found, needed) in body.tau.iter().zip(&tau) {
                assert!((found - needed).abs() < 1e-8, "{trial}: {found} {needed}");
            }
        }
    }

    #[test]
    fn no_force_leaves_its_cone_and_no_torque_its_range() {
        let (robot, mut dice) = (robot(), Dice(2));
        let mut body = WholeBody::new(&robot);
        let (mu, mut at_limit) = (robot.file.mpc.friction, 0);
        for trial in 0..300 {
            let (mut legs, rotation, mut tasks) = draw(&robot, &mut dice);
            let harder = Vector3::new(3.0, 3.0, if trial % 2 == 0 { 1.0 } else { 4.0 });
            tasks.forces.iter_mut().for_each(|force| force.component_mul_assign(&harder));
            tasks.total.component_mul_assign(&harder);
            // Near their highest speed the drives give less.
            legs.dq.iter_mut().for_each(|dq| *dq *= 5.0);
            legs.update(&robot, rotation, legs.spin);
            body.solve(&robot, &legs, &rotation, &tasks);
            assert_eq!(body.failed, 0, "{trial}");
            for foot in (0..FEET_MAX).filter(|&foot| tasks.stands[foot]) {
                let force = body.z.fixed_rows::<3>(3 * foot);
                let slack = mu * force.z - force.x.abs().max(force.y.abs());
                assert!(force.z > -1e-6 && slack > -1e-6, "{trial}: {force}");
                at_limit += usize::from(slack < 1e-6);
            }
            let joints = robot.limits.joints.iter().zip(&legs.dq);
            for (tau, (joint, dq)) in body.tau.iter().zip(joints) {
                let (low, high) = joint.torque_range(RadiansPerSecond(*dq as f32));
                let [low, high] = [low, high].map(|limit| f64::from(limit.0));
                assert!((low - 1e-6..=high + 1e-6).contains(tau), "{trial}: {tau}");
                at_limit += usize::from(tau - low < 1e-6 || high - tau < 1e-6);
            }
        }
        assert!(at_limit > 200, "only {at_limit} limits were reached");
    }

    /// Unknowns of the problem as it is written in the papers: `[x, qdd, f or s]`.
    const ALL: usize = 6 + 12 + SIZE;

    /// That problem: dynamics and kinematics as rows.
    struct Full {
        cost: DMatrix<f64>,
        slope: DVector<f64>,
        coefficients: Vec<f64>,
        low: Vec<f64>,
        high: Vec<f64>,
        /// Rows of the dynamics, base and joints.
        dynamics: DMatrix<f64>,
    }

    impl Full {
        fn row(&mut self, set: &[(usize, f64)], low: f64, high: f64) {
            let mut row = DVector::<f64>::zeros(ALL);
            set.iter().for_each(|&(at, value)| row[at] += value);
            self.coefficients.extend(row.iter());
            self.low.push(low);
            self.high.push(high);
        }

        fn new(
            robot: &Robot,
            body: &WholeBody,
            (legs, rotation): (&Legs, &Matrix3<f64>),
            tasks: &Tasks,
        ) -> Self {
            let mut full = Self {
                cost: DMatrix::zeros(ALL, ALL),
                slope: DVector::zeros(ALL),
                coefficients: Vec::new(),
                low: Vec::new(),
                high: Vec::new(),
                dynamics: DMatrix::zeros(18, ALL),
            };
            full.dynamics.columns_mut(0, 18).copy_from(&body.mass);
            for foot in 0..FEET_MAX {
                full.follow(robot, legs, tasks, foot);
                if tasks.stands[foot] {
                    full.push(robot, legs, rotation, tasks, foot);
                }
            }
            let Wrench { force, moment } = legs.bias_wrench;
            let bias: Vec<f64> = force.iter().chain(&moment).chain(&legs.bias).copied().collect();
            for (k, bias) in bias.iter().enumerate() {
                let row: Vec<_> = full.dynamics.row(k).iter().copied().enumerate().collect();
                let limits = k.checked_sub(6).map_or([0.0; 2], |joint| {
                    let speed = RadiansPerSecond(legs.dq[joint] as f32);
                    let limits = robot.limits.joints.iter().nth(joint).unwrap();
                    let (low, high) = limits.torque_range(speed);
                    [low.0.into(), high.0.into()]
                });
                full.row(&row, limits[0] - bias, limits[1] - bias);
            }
            let weight = robot.file.whole_body.weight_base;
            for axis in 0..3 {
                full.cost[(3 + axis, 3 + axis)] += weight;
                full.slope[3 + axis] -= weight * tasks.angular[axis];
                let sum = weight / robot.model.mass().powi(2);
                for one in (0..FEET_MAX).filter(|&foot| tasks.stands[foot]) {
                    full.slope[18 + 3 * one + axis] -= sum * tasks.total[axis];
                    for other in (0..FEET_MAX).filter(|&foot| tasks.stands[foot]) {
                        full.cost[(18 + 3 * one + axis, 18 + 3 * other + axis)] += sum;
                    }
                }
            }
            full
        }

        /// `qdd + J^+ (x_linear + x_angular x p - s) = J^+ (a - bias)`.
        fn follow(&mut self, robot: &Robot, legs: &Legs, tasks: &Tasks, foot: usize) {
            let (leg, at, stands) = (&legs.legs[foot], 18 + 3 * foot, tasks.stands[foot]);
            let point = if stands { &leg.sole } else { &leg.middle };
            let weights = &robot.file.whole_body;
            let own = if stands { weights.weight_force } else { weights.weight_swing };
            (0..3).for_each(|axis| self.cost[(at + axis, at + axis)] += own);
            for (joint, way) in point.inverse(robot, foot) {
                let mut row = vec![(6 + joint, 1.0)];
                // way . (x_angular x p) = x_angular . (p x way).
                let turned = point.position.cross(way);
                for axis in 0..3 {
                    row.extend([(axis, way[axis]), (3 + axis, turned[axis])]);
                    row.push((at + axis, if stands { 0.0 } else { -way[axis] }));
                }
                let value = way.dot(&(tasks.feet[foot] - point.bias_acceleration));
                self.row(&row, value, value);
            }
        }

        /// What the ground does through a foot, and its cone.
        fn push(
            &mut self,
            robot: &Robot,
            legs: &Legs,
            rotation: &Matrix3<f64>,
            tasks: &Tasks,
            foot: usize,
        ) {
            let (sole, at) = (&legs.legs[foot].sole, 18 + 3 * foot);
            for axis in 0..3 {
                let push = rotation.transpose() * Vector3::ith(axis, 1.0);
                let turn = sole.position.cross(&push);
                for k in 0..3 {
                    self.dynamics[(k, at + axis)] = -push[k];
                    self.dynamics[(3 + k, at + axis)] = -turn[k];
                }
                for (joint, column) in sole.columns(robot, foot) {
                    self.dynamics[(6 + joint, at + axis)] = -column.dot(&push);
                }
                self.slope[at + axis] -=
                    robot.file.whole_body.weight_force * tasks.forces[foot][axis];
            }
            let mpc = &robot.file.mpc;
            for (side, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
                self.row(&[(at + side, sign), (at + 2, mpc.friction)], 0.0, f64::INFINITY);
            }
            self.row(&[(at + 2, 1.0)], 0.0, mpc.force_max_n);
        }
    }

    #[test]
    fn it_is_the_optimum_of_the_problem_with_all_its_unknowns() {
        let (robot, mut dice) = (robot(), Dice(3));
        let mut body = WholeBody::new(&robot);
        let mut whole = QuadraticProgram::new(ALL);
        for trial in 0..100 {
            let (legs, rotation, tasks) = draw(&robot, &mut dice);
            body.solve(&robot, &legs, &rotation, &tasks);
            let full = Full::new(&robot, &body, (&legs, &rotation), &tasks);
            let Full { cost, slope, coefficients, low, high, .. } = &full;
            whole.cost_matrix(ALL).copy_from_slice(cost.as_slice());
            let status = whole.solve(slope.as_slice(), &DenseRows { coefficients, low, high });
            assert!(status.solved().is_some(), "{trial}: {status:?}");
            for (found, full) in body.z.iter().zip(&whole.x()[18..]) {
                let apart = (found - full).abs();
                assert!(apart < 1e-4 * full.abs().max(1.0), "{trial}: {found} {full}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_counted_and_never_solved() {
        let (robot, mut dice) = (robot(), Dice(4));
        let mut body = WholeBody::new(&robot);
        let (legs, rotation, mut tasks) = draw(&robot, &mut dice);
        tasks.angular.x = f64::NAN;
        body.solve(&robot, &legs, &rotation, &tasks);
        assert_eq!(body.failed, 1);
        tasks.angular.x = 0.0;
        body.solve(&robot, &legs, &rotation, &tasks);
        assert!(body.failed == 0 && body.tau.iter().all(|tau| tau.is_finite()));
    }
}
