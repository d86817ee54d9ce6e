//! A spring and a damper between a frame of the arm and a place in space.
//!
//! O. Khatib, A Unified Approach for Motion and Force Control of Robot Manipulators: The
//! Operational Space Formulation, IEEE J. Robotics and Automation 3 (1987). Damping: A.
//! Albu-Schaeffer, C. Ott, U. Frese, G. Hirzinger, Cartesian Impedance Control of Redundant Robots,
//! ICRA (2003), the factorisation design.
//!
//! `tau = J' (G K G e + D e' + Lambda (a_d - Jdot v)) + N' tau_0 + h`, with
//!
//! | code | paper | meaning |
//! |---|---|---|
//! | `mobility` | Lambda^-1 | `J M^-1 J'`: what a force on the frame does |
//! | `inertia` | Lambda | its inverse, but for directions that can hardly be moved |
//! | `root` | Lambda_1 | square root of `inertia`: `D = root sqrt(K) + sqrt(K) root` |
//! | `kept` | - | `G`: 1 in directions that can be moved, towards 0 in those that cannot |
//! | `posture` | N' tau_0 | `tau_0 - J' Lambda J M^-1 tau_0`: what the frame does not feel |
//!
//! Below an eigenvalue [`STIFF`] of the mobility, `1/a` becomes `a / (a^2 + l^2)` with `l` rising
//! smoothly (after S. Chiaverini, IEEE Trans. Robotics and Automation 13, 1997). Spring and damper
//! end together there, so that the damping stays critical, and the direction passes over to the
//! posture. For eigenvalues to be comparable, turning by one radian counts as [`LEVER`] m.

use model::{Axes, Inertia, Pose, RobotModel};
use nalgebra::{DMatrix, Matrix6, SymmetricEigen, UnitQuaternion, Vector3, Vector6};

use super::{
    Arm, Drives, ImpedanceFault, ImpedanceStatus, TorqueLimits, filter_part, tick, usable_gain,
};

/// What a radian counts for, m.
const LEVER: f64 = 0.3;
/// Mobility below which a direction counts as hard to move, 1/kg: one that weighs 25 kg or more.
const STIFF: f64 = 0.04;
/// Damping of the inverse where nothing can be moved, as a part of [`STIFF`].
const DAMPING: f64 = 0.5;
const EIGEN_ROUNDS_MAX: usize = 200;

/// How stiff the frame and the posture are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CartesianGains {
    /// Along the base's axes, N/m.
    pub linear: Vector3<f64>,
    /// About them, N m/rad.
    pub angular: Vector3<f64>,
    /// Of the posture, where the frame does not feel it, N m/rad or N/m.
    pub posture: f64,
}

impl CartesianGains {
    fn usable(&self) -> bool {
        self.linear
            .iter()
            .chain(self.angular.iter())
            .chain([&self.posture])
            .all(|g| usable_gain(*g))
    }

    fn approach(&mut self, wanted: &Self, part: f64) {
        self.linear += (wanted.linear - self.linear) * part;
        self.angular += (wanted.angular - self.angular) * part;
        self.posture += (wanted.posture - self.posture) * part;
    }
}

/// Where the frame is to be and how it is to move there, base frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CartesianTarget {
    /// The frame in the base.
    pub pose: Pose,
    /// `[linear; angular]`, m/s and rad/s, base axes.
    pub velocity: Vector6<f64>,
    /// `[linear; angular]`, m/s^2 and rad/s^2, base axes.
    pub acceleration: Vector6<f64>,
}

impl CartesianTarget {
    /// At rest at `pose`.
    #[must_use]
    pub fn at_rest(pose: Pose) -> Self {
        Self { pose, velocity: Vector6::zeros(), acceleration: Vector6::zeros() }
    }

    fn finite(&self) -> bool {
        let turn = self.pose.rotation.coords;
        let numbers = self.velocity.iter().chain(&self.acceleration).chain(&self.pose.position);
        numbers.chain(&turn).all(|number| number.abs() <= 1e6)
    }
}

/// A frame on a spring, and the posture behind it. All memory is allocated when built.
#[derive(Clone, Debug)]
pub struct CartesianImpedance {
    arm: Arm,
    drives: Drives,
    frame: usize,
    wanted: CartesianGains,
    gains: CartesianGains,
    time_constant: f64,
    /// The target as it is let in; none before the first one.
    middle: Option<Pose>,
    posture: Vec<f64>,
    jacobian: DMatrix<f64>,
    /// `M^-1 J'`.
    response: DMatrix<f64>,
    torque: Vec<f64>,
    least_mobility: f64,
}

/// The inertia that the frame feels, and how much of each direction is kept.
struct TaskSpace {
    inertia: Matrix6<f64>,
    root: Matrix6<f64>,
    kept: Matrix6<f64>,
    least_mobility: f64,
}

impl CartesianImpedance {
    /// For frame `frame` of an arm, with `posture` (rad or m, one a joint) behind it; targets and
    /// gains that jump are let in with `time_constant` s, 0 to 10.
    ///
    /// # Errors
    /// When something does not fit or is no usable number.
    pub fn new(
        model: &RobotModel,
        frame: usize,
        (gains, posture): (CartesianGains, &[f64]),
        limits: TorqueLimits<'_>,
        time_constant: f64,
    ) -> Result<Self, ImpedanceFault> {
        let arm = Arm::new(model)?;
        let count = model.joint_count();
        if frame >= model.frames.len() || posture.len() != count {
            return Err(ImpedanceFault::DoesNotFit);
        }
        let finite = posture.iter().all(|q| q.is_finite());
        if !gains.usable() || !finite || !(0.0..=10.0).contains(&time_constant) {
            return Err(ImpedanceFault::BadNumber);
        }
        Ok(Self {
            arm,
            drives: Drives::new(count, limits)?,
            frame,
            wanted: gains,
            gains,
            time_constant,
            middle: None,
            posture: posture.to_vec(),
            jacobian: DMatrix::zeros(6, count),
            response: DMatrix::zeros(count, 6),
            torque: vec![0.0; count],
            least_mobility: f64::INFINITY,
        })
    }

    /// Other gains, let in through the filter.
    ///
    /// # Errors
    /// When a number is not usable; then the old ones stay.
    pub fn stiffen(&mut self, gains: CartesianGains) -> Result<(), ImpedanceFault> {
        if !gains.usable() {
            return Err(ImpedanceFault::BadNumber);
        }
        self.wanted = gains;
        Ok(())
    }

    /// Carries `payload` (axes and origin of frame `frame`) instead of what was carried.
    ///
    /// # Errors
    /// When there is no such frame or no such body; then nothing changes.
    pub fn carry(&mut self, frame: usize, payload: &Inertia) -> Result<(), ImpedanceFault> {
        self.arm.carry(frame, payload)
    }

    /// The torques of this tick, N m or N: the last ones of [`Self::update`].
    #[must_use]
    pub fn torques(&self) -> &[f64] {
        &self.drives.torque
    }

    /// States that were not usable so far.
    #[must_use]
    pub fn bad_states(&self) -> u32 {
        self.drives.bad_states
    }

    /// How well the frame can be moved in the direction in which that is hardest, 1/kg; zero where
    /// it cannot.
    #[must_use]
    pub fn least_mobility(&self) -> f64 {
        self.least_mobility
    }

    /// Computes the torques for joints at `q` (rad or m) that move with `dq`, `dt` s after the last
    /// ones.
    pub fn update(
        &mut self,
        [q, dq]: [&[f64]; 2],
        target: &CartesianTarget,
        dt: f64,
    ) -> ImpedanceStatus {
        let dt = tick(dt);
        if !target.finite() || !self.arm.update(q, dq) {
            return self.drives.hold(&self.arm.gravity, dt);
        }
        let Arm { model, kinematics, .. } = &self.arm;
        let here = Pose {
            position: kinematics.point(model, self.frame),
            rotation: UnitQuaternion::from_matrix(&kinematics.attitude(model, self.frame)),
        };
        let Some(space) = self.task_space() else {
            return self.drives.hold(&self.arm.gravity, dt);
        };
        self.least_mobility = space.least_mobility;
        self.gains.approach(&self.wanted, filter_part(dt, self.time_constant));
        let middle = self.let_in(&here, target, dt);
        let wrench = self.wrench(&space, &error(&middle, &here), target);
        self.sum_up(&space, &wrench, [q, dq]);
        self.drives.follow(&self.torque, &self.arm.bias, dt)
    }

    /// The filtered target: it moves with the target's velocity and approaches its pose.
    fn let_in(&mut self, here: &Pose, target: &CartesianTarget, dt: f64) -> Pose {
        let part = filter_part(dt, self.time_constant);
        let last = self.middle.unwrap_or(*here);
        let (v, w) = (target.velocity.fixed_rows::<3>(0), target.velocity.fixed_rows::<3>(3));
        let position = last.position + v * dt;
        let rotation = UnitQuaternion::from_scaled_axis(w * dt) * last.rotation;
        // The shorter way round; a turn by half has no shorter one, and waits.
        let slerped = rotation.try_slerp(&target.pose.rotation, part, 1e-9);
        let middle = Pose {
            position: position + (target.pose.position - position) * part,
            rotation: slerped.unwrap_or(rotation),
        };
        self.middle = Some(middle);
        middle
    }

    /// Jacobian, mobility and inertia of the frame; none where the mobility has no eigenvalues.
    fn task_space(&mut self) -> Option<TaskSpace> {
        let Arm { model, kinematics, factor, .. } = &self.arm;
        kinematics.jacobian(model, self.frame, Axes::LocalWorldAligned, &HOME, &mut self.jacobian);
        for row in 0..6 {
            let scale = if row < 3 { 1.0 } else { LEVER };
            let mut column = self.response.column_mut(row);
            column.iter_mut().zip(&self.jacobian.row(row)).for_each(|(x, j)| *x = j * scale);
            factor.solve(column.as_mut_slice());
        }
        let mut mobility = Matrix6::zeros();
        for row in 0..6 {
            let scale = if row < 3 { 1.0 } else { LEVER };
            for column in 0..6 {
                let pairs = self.jacobian.row(row).into_iter().zip(self.response.column(column));
                mobility[(row, column)] = scale * pairs.map(|(j, x)| j * x).sum::<f64>();
            }
        }
        let mobility = (mobility + mobility.transpose()) * 0.5;
        if !mobility.iter().all(|number| number.is_finite()) {
            return None;
        }
        let eigen = SymmetricEigen::try_new(mobility, 1e-14, EIGEN_ROUNDS_MAX)?;
        let mut inverse = Vector6::zeros();
        let mut kept = Vector6::zeros();
        for (k, a) in eigen.eigenvalues.iter().enumerate() {
            let a = a.max(0.0);
            inverse[k] = damped_inverse(a);
            kept[k] = (a * inverse[k]).sqrt();
        }
        let axes = &eigen.eigenvectors;
        let from =
            |diagonal: &Vector6<f64>| axes * Matrix6::from_diagonal(diagonal) * axes.transpose();
        Some(TaskSpace {
            inertia: from(&inverse),
            root: from(&inverse.map(f64::sqrt)),
            kept: from(&kept),
            least_mobility: eigen.eigenvalues.min().max(0.0),
        })
    }

    /// What spring, damper and feed-forward put on the frame, `[force; moment]`, in scaled axes.
    fn wrench(
        &self,
        space: &TaskSpace,
        error: &Vector6<f64>,
        target: &CartesianTarget,
    ) -> Vector6<f64> {
        let Arm { model, kinematics, .. } = &self.arm;
        let axes = Axes::LocalWorldAligned;
        let slower = target.velocity - kinematics.velocity(model, self.frame, axes, &HOME);
        let bias = kinematics.bias_acceleration(model, self.frame, axes, &HOME);
        // Lengths count as they are, angles as the length of their lever, and moments inversely.
        let scaled = |twist: Vector6<f64>| twist.component_mul(&scales());
        let gains = [self.gains.linear, self.gains.angular / (LEVER * LEVER)];
        let [l, a] = gains.map(|gain| gain.map(f64::sqrt));
        let sqrt_k = Matrix6::from_diagonal(&Vector6::new(l.x, l.y, l.z, a.x, a.y, a.z));
        let damper = space.root * sqrt_k + sqrt_k * space.root;
        let spring = space.kept * (sqrt_k * (sqrt_k * (space.kept * scaled(*error))));
        spring + damper * scaled(slower) + space.inertia * scaled(target.acceleration - bias)
    }

    /// The torques of the wrench, of the posture, and of gravity and Coriolis forces.
    fn sum_up(&mut self, space: &TaskSpace, wrench: &Vector6<f64>, [q, dq]: [&[f64]; 2]) {
        let stiffness = self.gains.posture;
        for (joint, torque) in self.torque.iter_mut().enumerate() {
            let damping = 2.0 * (stiffness * self.arm.mass[(joint, joint)]).sqrt();
            *torque = stiffness * (self.posture[joint] - q[joint]) - damping * dq[joint];
        }
        let mut felt = Vector6::zeros();
        for row in 0..6 {
            let pairs = self.response.column(row).into_iter().zip(&self.torque);
            felt[row] = pairs.map(|(x, torque)| x * torque).sum();
        }
        let force = (wrench - space.inertia * felt).component_mul(&scales());
        for (joint, torque) in self.torque.iter_mut().enumerate() {
            let pairs = self.jacobian.column(joint).into_iter().zip(&force);
            *torque += self.arm.bias[joint] + pairs.map(|(j, f)| j * f).sum::<f64>();
        }
    }
}

/// The base frame is the world here.
const HOME: Pose = Pose {
    position: Vector3::new(0.0, 0.0, 0.0),
    rotation: UnitQuaternion::new_unchecked(nalgebra::Quaternion::new(1.0, 0.0, 0.0, 0.0)),
};

fn scales() -> Vector6<f64> {
    Vector6::new(1.0, 1.0, 1.0, LEVER, LEVER, LEVER)
}

/// `1/a` above [`STIFF`], falling smoothly to zero below.
fn damped_inverse(a: f64) -> f64 {
    if a >= STIFF {
        return 1.0 / a;
    }
    let below = 1.0 - (a / STIFF).powi(2);
    let l = DAMPING * STIFF * below;
    a / (a * a + l * l)
}

/// How far `to` is from `from`, `[linear; angular]`, base axes: of the turn the vector part of its
/// quaternion twice, with the sign of the shorter way.
fn error(to: &Pose, from: &Pose) -> Vector6<f64> {
    let turn = to.rotation * from.rotation.inverse();
    let sign = if turn.w < 0.0 { -2.0 } else { 2.0 };
    let (way, turn) = (to.position - from.position, turn.imag() * sign);
    Vector6::new(way.x, way.y, way.z, turn.x, turn.y, turn.z)
}
