//! Which feet stand on something, and how hard it pushes: from the joints' torques, the gait, the
//! feet's heights and their sensors.
//!
//! Force: the generalised-momentum observer (A. De Luca and R. Mattone, Sensorless robot collision
//! detection and hybrid force/motion control, ICRA 2005, eqs. 9 and 10),
//! `r = K (p - p_0 - integral of (tau + C^T v - g + r))` with `p = M v`, base included. Discretised
//! exactly for inputs held over a tick (G. Bledt et al., Contact model fusion for event-based
//! locomotion in unstructured environments, ICRA 2018, section III), which is the same as a
//! low-pass on what `dp/dt` has over the known: nothing is summed up, so nothing drifts.
//!
//! Contact: a probability a foot, one each from phase, height and force as in section IV of the
//! latter (normal distributions), fused by the precision of each as its Kalman filter does, whose
//! state has no memory. The sensor is a fourth one; what is unknown is left out.

use model::{BaseMotion, Dynamics, Kinematics, Robot};
use nalgebra::{Matrix3, Vector3};
use signals::FEET_MAX;

use crate::gait::FootPhase;

/// The observer's cut-off, 1/s: it shows 63 % of a step after the inverse of it.
const CUT_OFF: f64 = 150.0;
/// A longer step, s, is a gap: the observer starts anew behind it.
const GAP_MAX: f64 = 0.02;
/// Nothing that a robot meets acts harder, N and N m.
const RESIDUAL_MAX: f64 = 1e5;
/// Joint speed, rad/s, at which dry friction has 76 % of its size; smooth, as noise turns signs.
const SLIDING: f64 = 0.1;
/// Damping of `J J^T`, m^2: a stretched leg cannot tell the force along it.
const DAMPING: f64 = 1e-4;
/// Where and how surely a phase becomes the next one, in shares of itself.
const PHASE_DEVIATION: f64 = 0.05;
/// Standard deviation of a foot's height over the expected ground, m: estimate and unevenness.
const HEIGHT_DEVIATION: f64 = 0.01;
/// Standard deviation of an estimated or sensed force, in contact thresholds.
const FORCE_DEVIATION: f64 = 0.4;
/// Standard deviations of the probabilities themselves: how far each is believed. A force alone
/// outweighs phase and height, since ground that comes early is what it is there for.
const PHASE_DOUBT: f64 = 0.5;
const HEIGHT_DOUBT: f64 = 0.5;
const FORCE_DOUBT: f64 = 0.25;
const SENSOR_DOUBT: f64 = 0.2;

/// What one tick offers the detector. Joints in model order.
#[derive(Clone, Copy, Debug)]
pub struct ContactInput<'a> {
    /// Time since the last tick, s.
    pub dt: f64,
    /// Joint positions, rad.
    pub q: &'a [f64],
    /// Joint velocities, rad/s.
    pub dq: &'a [f64],
    /// Torques of the drives since the last tick, N m.
    pub tau: &'a [f64],
    /// Base to odometry frame.
    pub rotation: Matrix3<f64>,
    /// Velocity of the base origin, m/s, base frame.
    pub linear: Vector3<f64>,
    /// Angular velocity of the base, rad/s, base frame.
    pub spin: Vector3<f64>,
    /// Height of the base origin, m, odometry frame; not finite where unknown.
    pub height: f64,
    /// Height of the ground expected under each foot, m, odometry frame; not finite where unknown.
    pub ground: [f64; FEET_MAX],
    /// Where the gait has each foot; none where no gait says.
    pub phase: [Option<FootPhase>; FEET_MAX],
    /// Normal force that each foot's sensor reads, N; none, or not finite, where it reads nothing.
    pub sensor: [Option<f64>; FEET_MAX],
}

/// What is known about one foot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FootContact {
    /// Force of the ground on the foot, N, odometry frame.
    pub force: Vector3<f64>,
    /// That it stands on something, 0 to 1.
    pub probability: f64,
}

impl FootContact {
    /// Nothing known.
    pub const UNKNOWN: Self = Self { force: Vector3::new(0.0, 0.0, 0.0), probability: 0.5 };
}

/// How often the detector could not go on as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContactCounters {
    /// Inputs of a wrong length, not finite, or after no time or a gap: the answer stayed, and the
    /// observer began anew with the next.
    pub skipped: u64,
    /// Inputs so absurd that the residual was beyond all bounds: it went back to zero.
    pub reset: u64,
}

/// Generalised momentum and its own rate, [`Dynamics::generalised_momentum`].
#[derive(Clone, Debug)]
struct Moment {
    momentum: Vec<f64>,
    rate: Vec<f64>,
}

/// Observer and fusion of one robot. Allocates only when built.
#[derive(Clone, Debug)]
pub struct ContactDetector {
    kinematics: Kinematics,
    dynamics: Dynamics,
    /// Force that is as much contact as none, N.
    threshold: f64,
    now: Moment,
    before: Moment,
    /// Torques of drives and bearings, N m; none on the base.
    acting: Vec<f64>,
    /// Generalised force from outside, N and N m: base `[linear; angular]`, then joints.
    residual: Vec<f64>,
    /// There is a previous tick.
    running: bool,
    contacts: [FootContact; FEET_MAX],
    counters: ContactCounters,
}

impl ContactDetector {
    /// For `robot`, whose `contact_force_n` is the force that is as much contact as none.
    #[must_use]
    pub fn new(robot: &Robot) -> Self {
        let zero = vec![0.0; robot.model.velocity_count()];
        Self {
            kinematics: Kinematics::new(&robot.model),
            dynamics: Dynamics::new(&robot.model),
            threshold: robot.file.estimator.contact_force_n,
            now: Moment { momentum: zero.clone(), rate: zero.clone() },
            before: Moment { momentum: zero.clone(), rate: zero.clone() },
            acting: zero.clone(),
            residual: zero,
            running: false,
            contacts: [FootContact::UNKNOWN; FEET_MAX],
            counters: ContactCounters::default(),
        }
    }

    /// The answer of the last update.
    #[must_use]
    pub const fn contacts(&self) -> &[FootContact; FEET_MAX] {
        &self.contacts
    }

    /// How often it could not go on as usual.
    #[must_use]
    pub const fn counters(&self) -> ContactCounters {
        self.counters
    }

    /// What acts on the robot from outside, as a generalised force in the order of
    /// [`Dynamics::crba`], N and N m: of a floating base first force and moment on the whole.
    #[must_use]
    pub fn residual(&self) -> &[f64] {
        &self.residual
    }

    /// Takes one tick. Input it cannot use is counted and leaves the last answer.
    pub fn update(&mut self, robot: &Robot, input: &ContactInput<'_>) -> &[FootContact; FEET_MAX] {
        if !is_usable(input, robot.model.joint_count()) {
            self.counters.skipped += 1;
            self.running = false;
            return &self.contacts;
        }
        let known = self.observe(robot, input);
        self.kinematics.update(&robot.model, input.q);
        for foot in 0..robot.feet.len().min(FEET_MAX) {
            let (below, force) = self.felt(robot, foot, input);
            let height = input.height + below - input.ground[foot];
            let sensed = input.sensor[foot].and_then(finite);
            let by_force = |force: f64| normal((force / self.threshold - 1.0) / FORCE_DEVIATION);
            let evidence = [
                input.phase[foot].map(|phase| (by_phase(phase), PHASE_DOUBT)),
                finite(height).map(|height| (normal(-height / HEIGHT_DEVIATION), HEIGHT_DOUBT)),
                known.then(|| (by_force(force.z), FORCE_DOUBT)),
                sensed.map(|force| (by_force(force), SENSOR_DOUBT)),
            ];
            self.contacts[foot] = FootContact { force, probability: fused(&evidence) };
        }
        &self.contacts
    }

    /// One step of the observer; true where the residual says something.
    fn observe(&mut self, robot: &Robot, input: &ContactInput<'_>) -> bool {
        let model = &robot.model;
        let base = BaseMotion {
            linear: input.linear,
            angular: input.spin,
            ..BaseMotion::at_rest(input.rotation)
        };
        core::mem::swap(&mut self.now, &mut self.before);
        let Moment { momentum, rate } = &mut self.now;
        self.dynamics.generalised_momentum(model, &base, [input.q, input.dq], [momentum, rate]);
        let offset = model.velocity_count() - model.joint_count();
        for (k, joint) in model.joints.iter().enumerate() {
            let dry = joint.friction * (input.dq[k] / SLIDING).tanh();
            self.acting[offset + k] = input.tau[k] - joint.damping * input.dq[k] - dry;
        }
        if !core::mem::replace(&mut self.running, true) {
            return false;
        }
        let keep = (-CUT_OFF * input.dt).exp();
        let mut sound = true;
        for (i, residual) in self.residual.iter_mut().enumerate() {
            let known = 0.5 * (self.now.rate[i] + self.before.rate[i]) + self.acting[i];
            let felt = (self.now.momentum[i] - self.before.momentum[i]) / input.dt - known;
            *residual = keep * *residual + (1.0 - keep) * felt;
            sound &= residual.abs() <= RESIDUAL_MAX;
        }
        if !sound {
            self.counters.reset += 1;
            self.residual.fill(0.0);
            self.running = false;
        }
        sound
    }

    /// Height of the lowest point of `foot` over the base origin, m, and the force that acts there,
    /// N; both odometry frame. The force is `(J J^T + l)^-1 J r` of the leg's joints, the damped
    /// least-squares solution of `J^T f = r`.
    fn felt(&self, robot: &Robot, foot: usize, input: &ContactInput<'_>) -> (f64, Vector3<f64>) {
        let model = &robot.model;
        let foot = &robot.feet[foot];
        let down = input.rotation.row(2).transpose() * -foot.radius;
        let at = self.kinematics.point(model, foot.frame) + down;
        let offset = model.velocity_count() - model.joint_count();
        let mut square = Matrix3::identity() * DAMPING;
        let mut projected = Vector3::zeros();
        for &joint in &foot.chain {
            let column = self.kinematics.column(model, joint, &at);
            square += column * column.transpose();
            projected += column * self.residual[offset + joint];
        }
        // Positive definite by the damping, so the factors exist where the numbers are numbers.
        let solved = square.cholesky().map(|factor| input.rotation * factor.solve(&projected));
        let sound = solved.filter(|force| force.iter().all(|f| f.is_finite()));
        ((input.rotation * at).z, sound.unwrap_or_else(Vector3::zeros))
    }
}

fn is_usable(input: &ContactInput<'_>, joints: usize) -> bool {
    let lists = [input.q, input.dq, input.tau];
    let base = input.rotation.iter().chain(&input.linear).chain(&input.spin);
    input.dt > 0.0
        && input.dt <= GAP_MAX
        && lists.iter().all(|list| list.len() == joints)
        && lists.iter().flat_map(|list| list.iter()).chain(base).all(|x| x.is_finite())
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// The normal distribution function.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

/// That a foot stands when the gait says this. One half where stance and swing meet.
fn by_phase(phase: FootPhase) -> f64 {
    let within = |s: f64| normal(s / PHASE_DEVIATION) + normal((1.0 - s) / PHASE_DEVIATION) - 1.0;
    match phase {
        FootPhase::Stance(s) => within(s),
        FootPhase::Swing(s) => 1.0 - within(s),
    }
}

/// The mean of what is there, each `(probability, standard deviation)` weighted by its precision;
/// one half where there is nothing.
fn fused(evidence: &[Option<(f64, f64)>]) -> f64 {
    let (mut sum, mut precision) = (0.0, 0.0);
    for &(probability, deviation) in evidence.iter().flatten() {
        let weight = 1.0 / (deviation * deviation);
        sum += weight * probability;
        precision += weight;
    }
    if sum.is_finite() && precision > 0.0 { sum / precision } else { 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Pose, Wrench, integrate};
    use nalgebra::UnitQuaternion;

    const TICK: f64 = 1e-3;
    const NOTHING: Vector3<f64> = Vector3::new(0.0, 0.0, 0.0);

    fn robot() -> Robot {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
        Robot::load(std::path::Path::new(folder)).unwrap()
    }

    /// What a robot that moves so offers by its joints alone.
    fn joints_alone<'a>(joints: [&'a [f64]; 3], base: &BaseMotion) -> ContactInput<'a> {
        let [q, dq, tau] = joints;
        ContactInput {
            dt: TICK,
            q,
            dq,
            tau,
            rotation: base.rotation,
            linear: base.linear,
            spin: base.angular,
            height: f64::NAN,
            ground: [0.0; FEET_MAX],
            phase: [None; FEET_MAX],
            sensor: [None; FEET_MAX],
        }
    }

    /// A robot in free flight that moves its legs, and a detector that watches it.
    struct Flight {
        robot: Robot,
        detector: ContactDetector,
        dynamics: Dynamics,
        kinematics: Kinematics,
        pose: Pose,
        base: BaseMotion,
        q: Vec<f64>,
        dq: Vec<f64>,
        tau: Vec<f64>,
        time: f64,
    }

    impl Flight {
        fn new() -> Self {
            let robot = robot();
            let rotation = UnitQuaternion::from_euler_angles(0.2, -0.3, 0.5);
            let pose = Pose { position: Vector3::new(0.0, 0.0, 1.0), rotation };
            let mut base = BaseMotion::at_rest(pose.matrix());
            (base.linear, base.angular) =
                (Vector3::new(0.4, -0.2, 0.1), Vector3::new(0.5, 1.0, -0.8));
            Self {
                detector: ContactDetector::new(&robot),
                dynamics: Dynamics::new(&robot.model),
                kinematics: Kinematics::new(&robot.model),
                q: robot.stand.joints.clone(),
                dq: vec![0.0; 12],
                tau: vec![0.0; 12],
                time: 0.0,
                pose,
                base,
                robot,
            }
        }

        /// One tick in small steps, while `force`, world, N, acts on the lowest point of `foot`.
        fn tick(&mut self, foot: usize, force: Vector3<f64>) {
            const STEPS: u32 = 20;
            let h = TICK / f64::from(STEPS);
            for (k, tau) in self.tau.iter_mut().enumerate() {
                let at = self.robot.stand.joints[k] + 0.3 * (9.0 * self.time + k as f64).sin();
                *tau = 60.0 * (at - self.q[k]) - 1.5 * self.dq[k];
            }
            for _ in 0..STEPS {
                let model = &self.robot.model;
                self.base.rotation = self.pose.matrix();
                self.kinematics.update(model, &self.q);
                let leg = &self.robot.feet[foot];
                let down = self.base.rotation.transpose() * Vector3::new(0.0, 0.0, -leg.radius);
                let at = self.kinematics.point(model, leg.frame) + down;
                let pushing = self.base.rotation.transpose() * force;
                let mut tau = self.tau.clone();
                for (k, joint) in model.joints.iter().enumerate() {
                    tau[k] -= joint.damping * self.dq[k];
                    tau[k] -= joint.friction * (self.dq[k] / SLIDING).tanh();
                }
                for &joint in &leg.chain {
                    tau[joint] += self.kinematics.column(model, joint, &at).dot(&pushing);
                }
                let push = Wrench { force: pushing, moment: at.cross(&pushing) };
                let mut a = vec![0.0; 12];
                let joints: [&[f64]; 3] = [&self.q, &self.dq, &tau];
                let of_base = self.dynamics.aba(model, &self.base, joints, &push, &mut a);
                self.base.linear += of_base.linear * h;
                self.base.angular += of_base.angular * h;
                self.pose =
                    integrate(&self.pose, &(self.base.linear * h), &(self.base.angular * h));
                for ((q, dq), a) in self.q.iter_mut().zip(&mut self.dq).zip(&a) {
                    *dq += a * h;
                    *q += *dq * h;
                }
            }
            self.base.rotation = self.pose.matrix();
            self.time += TICK;
            let seen = joints_alone([&self.q, &self.dq, &self.tau], &self.base);
            self.detector.update(&self.robot, &seen);
        }
    }

    #[test]
    fn a_push_on_a_foot_is_seen_there_and_what_the_body_does_itself_is_not() {
        let mut flight = Flight::new();
        for _ in 0..300 {
            flight.tick(0, NOTHING);
            for foot in flight.detector.contacts() {
                assert!(foot.force.norm() < 1.0, "{} N from nothing", foot.force.norm());
            }
        }
        let push = Vector3::new(15.0, -10.0, 60.0);
        let mut noticed = None;
        for tick in 1..=60 {
            flight.tick(2, push);
            let contacts = flight.detector.contacts();
            if noticed.is_none() && contacts[2].probability > 0.5 {
                noticed = Some(tick);
            }
            for foot in [0, 1, 3] {
                assert!(contacts[foot].probability < 0.1, "{foot}: {:?}", contacts[foot]);
            }
        }
        let found = flight.detector.contacts()[2].force;
        assert!((found - push).norm() < 2.0, "{found}");
        assert!(noticed.unwrap() <= 5, "{noticed:?} ms");
        // The whole of it is in the residual of the base, whose axes turn while the filter looks
        // back on them.
        let whole = Vector3::from_row_slice(&flight.detector.residual()[..3]);
        assert!((flight.base.rotation * whole - push).norm() < 5.0, "{whole}");
        assert_eq!(flight.detector.counters(), ContactCounters::default());
    }

    #[test]
    fn each_kind_of_evidence_counts_and_what_is_missing_does_not() {
        let robot = robot();
        let zero = vec![0.0; 12];
        let stand = robot.stand.joints.clone();
        let still = BaseMotion::at_rest(Matrix3::identity());
        let bare = joints_alone([&stand, &zero, &zero], &still);
        let mut kinematics = Kinematics::new(&robot.model);
        kinematics.update(&robot.model, &stand);
        let level = robot.feet[0].radius - kinematics.point(&robot.model, robot.feet[0].frame).z;
        let (stance, swing) = (|s| Some(FootPhase::Stance(s)), |s| Some(FootPhase::Swing(s)));
        let unknown = f64::NAN;
        let table = [
            ("nothing at all", None, unknown, None, 0.5, 0.5),
            ("the middle of a stance", stance(0.5), unknown, None, 0.999, 1.0),
            ("the middle of a swing", swing(0.5), unknown, None, 0.0, 0.001),
            ("touching down", stance(0.0), unknown, None, 0.499, 0.501),
            ("lifting off", swing(0.0), unknown, None, 0.499, 0.501),
            ("on the ground", None, 0.0, None, 0.499, 0.501),
            ("5 cm over it", None, 0.05, None, 0.0, 0.001),
            ("5 cm in it", None, -0.05, None, 0.999, 1.0),
            ("a sensor with 40 N", None, unknown, Some(40.0), 0.99, 1.0),
            ("a sensor without load", None, unknown, Some(0.0), 0.0, 0.01),
            ("a sensor without a word", None, unknown, Some(f64::NAN), 0.5, 0.5),
            ("ground that comes early", swing(0.5), 0.05, Some(40.0), 0.6, 0.9),
            ("a hole", stance(0.5), 0.05, Some(0.0), 0.1, 0.4),
        ];
        for (what, phase, above, sensed, low, high) in table {
            let input = ContactInput {
                phase: [phase; FEET_MAX],
                height: level + above,
                sensor: [sensed; FEET_MAX],
                ..bare
            };
            // The observer knows nothing in its first tick.
            let found = ContactDetector::new(&robot).update(&robot, &input)[0].probability;
            assert!((low..=high).contains(&found), "{what}: {found}");
        }
    }

    #[test]
    fn input_that_cannot_be_is_counted_and_never_answered_with_no_number() {
        let mut flight = Flight::new();
        (0..50).for_each(|_| flight.tick(0, NOTHING));
        let Flight { robot, mut detector, base, q, dq, tau, .. } = flight;
        let good = ContactInput { height: 1.0, ..joints_alone([&q, &dq, &tau], &base) };
        let (nan, absurd) = (vec![f64::NAN; 12], vec![1e200; 12]);
        let before = *detector.contacts();
        let refused = [
            ContactInput { dt: 0.0, ..good },
            ContactInput { dt: -TICK, ..good },
            ContactInput { dt: f64::NAN, ..good },
            ContactInput { dt: 1.0, ..good },
            ContactInput { q: &q[1..], ..good },
            ContactInput { dq: &nan, ..good },
            ContactInput { tau: &nan, ..good },
            ContactInput { rotation: Matrix3::repeat(f64::NAN), ..good },
            ContactInput { linear: Vector3::repeat(f64::INFINITY), ..good },
        ];
        for input in &refused {
            assert_eq!(detector.update(&robot, input), &before);
        }
        assert_eq!(detector.counters(), ContactCounters { skipped: 9, reset: 0 });
        for input in [
            ContactInput { dq: &absurd, ..good },
            ContactInput { spin: Vector3::repeat(1e200), ..good },
            ContactInput { tau: &absurd, height: 1e300, ..good },
            ContactInput { ground: [f64::NAN; FEET_MAX], sensor: [Some(1e308); FEET_MAX], ..good },
            good,
            ContactInput { rotation: Matrix3::repeat(1e200), ..good },
            good,
            good,
        ] {
            for foot in detector.update(&robot, &input) {
                assert!(foot.force.iter().all(|f| f.is_finite()), "{foot:?}");
                assert!((0.0..=1.0).contains(&foot.probability), "{foot:?}");
            }
        }
        assert!(detector.counters().reset > 0);
        (0..200).for_each(|_| {
            detector.update(&robot, &good);
        });
        assert!(detector.residual().iter().all(|r| r.abs() < 1e3), "it comes back");
    }
}
