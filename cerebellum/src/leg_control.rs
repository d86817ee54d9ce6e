//! The motion controller of a body that walks: estimates, then makes the motion that was ruled.

use std::time::Duration;

use model::Robot;
use nalgebra::Vector3;
use signals::{
    BaseVelocity, BodyCommand, BodyState, Cycle, Damping, Feet, Instant, JointCommand, JointState,
    Joints, Metres, MetresPerSecond, Motion, NewtonMetres, Posture, Quaternion, Radians,
    RadiansPerSecond, Ruling, SensorFrame, Stiffness,
};

use crate::contact::{ContactDetector, ContactInput};
use crate::estimate::{Estimator, Measurement};
use crate::inertial::Inertial;
use crate::legs::Legs;
use crate::mpc::ForcePlanner;
use crate::outside::Outside;
use crate::swing::smooth;
use crate::trot::{Base, ForceCounters, LegTargets, Trot};

/// Time to bring the legs under a lying body, or back to the ground under a walking one.
const GATHER_TIME: f64 = 0.5;
/// Joint velocities older than this are not used.
const READING_AGE_MAX: Duration = Duration::from_millis(5);
/// A walk is brought to rest by steps before a controlled stop lowers the body: until the capture
/// point has lain this far inside the feet, m, for so long, s, and for no longer than so long, s.
const CAPTURE_MARGIN: f64 = 0.06;
const STEADY_TIME: f64 = 0.2;
const BRAKING_TIME: f64 = 1.2;
/// A posture counts as reached this long after its path ended.
const DWELL_TIME: f64 = 0.2;

/// A joint path through one or two postures.
#[derive(Clone, Debug)]
struct Path {
    from: Vec<f64>,
    via: Vec<f64>,
    to: Vec<f64>,
    via_time: f64,
    to_time: f64,
    elapsed: f64,
}

impl Path {
    fn new(joints: usize) -> Self {
        let zero = vec![0.0; joints];
        let (from, via, to) = (zero.clone(), zero.clone(), zero);
        Self { from, via, to, via_time: 0.0, to_time: 0.0, elapsed: 0.0 }
    }

    fn begin(&mut self, from: &[f64], via: (&[f64], f64), to: (&[f64], f64)) {
        self.from.copy_from_slice(from);
        self.via.copy_from_slice(via.0);
        self.to.copy_from_slice(to.0);
        (self.via_time, self.to_time, self.elapsed) = (via.1, to.1, 0.0);
    }

    /// The path leads from inside the limits, even where a limp leg lies beyond them.
    fn enter(&mut self, robot: &Robot) {
        let margin = f64::from(robot.file.governor.position_margin_rad) + 0.01;
        for (from, limits) in self.from.iter_mut().zip(robot.limits.joints.iter()) {
            let (low, high) = (f64::from(limits.q_min.0), f64::from(limits.q_max.0));
            *from = from.clamp(low + margin, high - margin);
        }
    }

    /// Wanted position and velocity of joint `k`, rad and rad/s.
    fn at(&self, k: usize) -> (f64, f64) {
        let late = self.elapsed - self.via_time;
        let (a, b, time, span) = if late < 0.0 {
            (self.from[k], self.via[k], self.elapsed, self.via_time)
        } else {
            (self.via[k], self.to[k], late, self.to_time)
        };
        let [blend, rate, _] = smooth(time / span);
        (a + (b - a) * blend, (b - a) * rate / span)
    }

    fn done(&self) -> bool {
        self.elapsed > self.via_time + self.to_time + DWELL_TIME
    }
}

/// Estimator and controllers of one body that walks.
pub(crate) struct LegController {
    robot: Robot,
    legs: Legs,
    inertial: Inertial,
    estimator: Estimator,
    trot: Trot,
    posture: Posture,
    path: Path,
    targets: LegTargets,
    contacts: ContactDetector,
    outside: Outside,
    /// Torques of the drives as they tell them, N m.
    drives: Vec<f64>,
    /// Every joint and the inertial unit were seen in this tick.
    sees: bool,
    /// How long steps have brought a stopped walk to rest, and how long it has been steady, s.
    braking: f64,
    steady: f64,
    last: Option<Instant>,
    dt: f64,
    validity: Duration,
}

impl LegController {
    /// For `robot`; force problems go to `planner`.
    pub(crate) fn new(robot: &Robot, planner: Box<dyn ForcePlanner>) -> Self {
        let joints = robot.model.joint_count();
        let radius = robot.feet.first().map_or(0.0, |foot| foot.radius);
        let noise = robot.file.estimator.clone();
        let height = robot.settled.base_height;
        let mut legs = Legs::new(robot);
        let trot = Trot::new(robot, &mut legs, planner);
        Self {
            estimator: Estimator::new(noise, robot.feet.len(), radius, height),
            trot,
            legs,
            inertial: Inertial::default(),
            posture: Posture::Limp,
            path: Path::new(joints),
            targets: LegTargets::new(&robot.stand.joints),
            contacts: ContactDetector::new(robot),
            outside: Outside::default(),
            drives: vec![0.0; joints],
            sees: false,
            braking: 0.0,
            steady: 0.0,
            last: None,
            dt: 1.0 / robot.file.control.rate_hz,
            validity: Duration::from_secs_f64(robot.file.control.command_validity_ms * 1e-3),
            robot: robot.clone(),
        }
    }

    /// How the force planner has done.
    pub(crate) const fn force_counters(&self) -> ForceCounters {
        self.trot.counters
    }

    /// Takes `frame` into the estimate. A joint reading that is not finite keeps its last value; an
    /// inertial unit that says nothing leaves a base that is taken as not turning. The governor
    /// judges both by its own gate.
    pub(crate) fn estimate(&mut self, cycle: &Cycle, frame: &SensorFrame) -> BodyState {
        let nominal = 1.0 / self.robot.file.control.rate_hz;
        let passed = self.last.map_or(nominal, |last| cycle.now.since(last).as_secs_f64());
        // After a stall the filter takes one long step, but never an absurd one.
        self.dt = passed.clamp(0.0, 20.0 * nominal);
        self.last = Some(cycle.now);
        self.take_joints(cycle, frame);
        let believed = self.inertial.believed(cycle.now, &frame.imu);
        self.sees &= believed.is_some();
        let (gyro, accelerometer) = believed.unwrap_or_else(|| self.estimator.unmoved());
        let rotation = self.estimator.attitude().to_rotation_matrix().into_inner();
        self.legs.update(&self.robot, rotation, gyro);
        let trust = self.trust(frame);
        self.estimator.update(&Measurement {
            dt: self.dt,
            gyro,
            accelerometer,
            feet: self.legs.legs.map(|leg| leg.middle.position),
            feet_velocity: self.legs.legs.map(|leg| leg.velocity),
            feet_turning: self.legs.legs.map(|leg| leg.turning),
            trust,
            resting: self.resting(),
        });
        self.feel(frame);
        self.state(cycle, trust)
    }

    /// What the ground does at each foot, and what else pushes.
    fn feel(&mut self, frame: &SensorFrame) {
        for (tau, reading) in self.drives.iter_mut().zip(frame.joints.iter()) {
            *tau = reading.tau.0.into();
        }
        let attitude = self.estimator.attitude();
        let rotation = attitude.to_rotation_matrix().into_inner();
        let mut sensor = [None; signals::FEET_MAX];
        for (sensor, reading) in sensor.iter_mut().zip(frame.feet.iter()) {
            *sensor = Some(f64::from(reading.force.0));
        }
        let contacts = self.contacts.update(
            &self.robot,
            &ContactInput {
                dt: self.dt,
                q: &self.legs.q,
                dq: &self.legs.dq,
                tau: &self.drives,
                rotation,
                linear: attitude.inverse() * self.estimator.velocity(),
                spin: self.legs.spin,
                height: self.estimator.position().z,
                ground: [0.0; signals::FEET_MAX],
                phase: self.trot.phases(),
                sensor,
            },
        );
        let contacts = *contacts;
        let on_feet = matches!(self.posture, Posture::Standing | Posture::Walking);
        if on_feet && self.sees {
            let residual = self.contacts.residual();
            self.outside.update(self.dt, residual, &rotation, &contacts);
        } else {
            self.outside = Outside::default();
        }
    }

    fn take_joints(&mut self, cycle: &Cycle, frame: &SensorFrame) {
        let joints = self.legs.q.iter_mut().zip(&mut self.legs.dq).zip(frame.joints.iter());
        self.sees = true;
        for ((q, dq), reading) in joints {
            self.sees &= cycle.now.since(reading.at) <= READING_AGE_MAX;
            if reading.q.is_finite() && reading.dq.is_finite() {
                // An old velocity says nothing of now; an old position is still the best guess.
                let old = cycle.now.since(reading.at) > READING_AGE_MAX;
                (*q, *dq) = (reading.q.0.into(), if old { 0.0 } else { reading.dq.0.into() });
            }
        }
    }

    /// How far each foot may be taken as standing: by its force, and by the gait while stepping.
    fn trust(&self, frame: &SensorFrame) -> [f64; signals::FEET_MAX] {
        let mut trust = [0.0; signals::FEET_MAX];
        let enough = self.robot.file.estimator.contact_force_n;
        for (foot, (trust, reading)) in trust.iter_mut().zip(frame.feet.iter()).enumerate() {
            let force = f64::from(reading.force.0);
            if force.is_finite() {
                *trust = (force / enough).clamp(0.0, 1.0).min(self.trot.scheduled_trust(foot));
            }
        }
        trust
    }

    /// Down, with nothing moving: the body lies on the ground.
    fn resting(&self) -> bool {
        matches!(self.posture, Posture::Limp | Posture::Settled)
            && self.legs.spin.norm() < 0.1
            && self.legs.dq.iter().all(|dq| dq.abs() < 0.5)
    }

    #[expect(clippy::cast_possible_truncation, reason = "f32 is the width of the wire")]
    fn state(&self, cycle: &Cycle, trust: [f64; signals::FEET_MAX]) -> BodyState {
        let attitude = self.estimator.attitude();
        let velocity = attitude.inverse() * self.estimator.velocity();
        let joint = |id: signals::JointId| JointState {
            q: Radians(self.legs.q[id.index()] as f32),
            dq: RadiansPerSecond(self.legs.dq[id.index()] as f32),
        };
        let q = attitude.coords;
        BodyState {
            at: cycle.now,
            position: array(self.estimator.position()).map(Metres),
            attitude: Quaternion { w: q.w as f32, x: q.x as f32, y: q.y as f32, z: q.z as f32 },
            velocity: array(velocity).map(MetresPerSecond),
            angular_velocity: array(self.legs.spin).map(RadiansPerSecond),
            joints: Joints::from_fn(self.legs.q.len(), joint),
            contact: Feet::from_fn(self.legs.count, |foot| trust[foot.index()] as f32),
            posture: self.posture,
            valid: self.estimator.valid(),
        }
    }

    /// The joint commands of this tick for the motion that was ruled.
    pub(crate) fn control(
        &mut self,
        cycle: &Cycle,
        _state: &BodyState,
        ruling: &Ruling,
    ) -> BodyCommand {
        let joints = match ruling.motion {
            Motion::Limp => self.without_torque(Posture::Limp, JointCommand::LIMP),
            Motion::Damp | Motion::Script => {
                let kd = self.robot.limits.emergency_damping;
                self.without_torque(Posture::Damped, JointCommand::damped(kd))
            }
            Motion::Settle => self.settle(cycle),
            // Its joints are for walking: a posture is none of its motions.
            Motion::Stand | Motion::Move(_) => self.on_feet(cycle, None),
            Motion::Walk(velocity) => self.on_feet(cycle, Some(velocity)),
        };
        BodyCommand { joints, valid_until: cycle.now + self.validity }
    }

    fn without_torque(&mut self, posture: Posture, command: JointCommand) -> Joints<JointCommand> {
        self.posture = posture;
        self.trot.reset();
        Joints::filled(command, self.legs.q.len())
    }

    fn settle(&mut self, cycle: &Cycle) -> Joints<JointCommand> {
        if self.brakes() {
            return self.balance(cycle, None);
        }
        let settled = &self.robot.settled.joints;
        match self.posture {
            Posture::Settling | Posture::Settled => {}
            // Lying already: hold the legs where they belong.
            Posture::Limp | Posture::Damped | Posture::Moving => {
                let down = (settled.as_slice(), GATHER_TIME);
                self.path.begin(&self.legs.q, down, down);
                self.path.enter(&self.robot);
            }
            // A foot may be in the air: first all feet down, then the body.
            Posture::Rising | Posture::Standing | Posture::Walking => {
                let stepping = self.trot.is_stepping();
                let over = if stepping { &self.robot.stand.joints } else { &self.legs.q };
                let gather = if stepping { 0.3 } else { 0.05 };
                let down = (settled.as_slice(), self.robot.file.motion.settle_s);
                self.path.begin(&self.legs.q, (over, gather), down);
                self.path.enter(&self.robot);
            }
        }
        self.trot.reset();
        self.path.elapsed += self.dt;
        self.posture = if self.path.done() { Posture::Settled } else { Posture::Settling };
        self.follow_path()
    }

    /// A walk is still to be brought to rest: one that is pushed would fall where it is told to put
    /// its feet down at once. Without its senses or forces it cannot step either.
    fn brakes(&mut self) -> bool {
        let able = self.sees && self.estimator.valid() && !self.trot.is_lost();
        if !self.trot.is_stepping() || !able {
            return false;
        }
        let rotation = self.estimator.attitude().to_rotation_matrix().into_inner();
        let margin = self.legs.capture_margin(&rotation, self.estimator.velocity());
        self.steady = if margin < CAPTURE_MARGIN { 0.0 } else { self.steady + self.dt };
        self.braking += self.dt;
        self.steady < STEADY_TIME && self.braking < BRAKING_TIME
    }

    fn on_feet(&mut self, cycle: &Cycle, walk: Option<BaseVelocity>) -> Joints<JointCommand> {
        (self.braking, self.steady) = (0.0, 0.0);
        if !matches!(self.posture, Posture::Rising | Posture::Standing | Posture::Walking) {
            let under = (self.robot.settled.joints.as_slice(), GATHER_TIME);
            let up = (self.robot.stand.joints.as_slice(), self.robot.file.motion.rise_s);
            self.path.begin(&self.legs.q, under, up);
            self.path.enter(&self.robot);
            self.trot.reset();
            self.posture = Posture::Rising;
        }
        if self.posture == Posture::Rising {
            self.path.elapsed += self.dt;
            if !self.path.done() {
                return self.follow_path();
            }
        }
        self.balance(cycle, walk)
    }

    /// Standing or trotting on planned forces; the joint path holds until the first plan takes
    /// effect. Without a solution for too long it has no command, and says so with one for no
    /// joint: the governor then stops the body.
    #[expect(clippy::cast_possible_truncation, reason = "f32 is the width of the wire")]
    fn balance(&mut self, cycle: &Cycle, walk: Option<BaseVelocity>) -> Joints<JointCommand> {
        let attitude = self.estimator.attitude();
        let base = Base {
            attitude,
            rotation: attitude.to_rotation_matrix().into_inner(),
            position: self.estimator.position(),
            velocity: self.estimator.velocity(),
            spin: self.legs.spin,
            contacts: *self.contacts.contacts(),
            outside: self.outside,
        };
        let tick = (cycle.number, self.dt);
        if !self.trot.step(tick, &self.robot, &self.legs, &base, walk, &mut self.targets) {
            return self.follow_path();
        }
        if self.trot.is_lost() {
            return Joints::filled(JointCommand::LIMP, 0);
        }
        let stepping = self.trot.is_stepping();
        self.posture = if stepping { Posture::Walking } else { Posture::Standing };
        let (gait, targets) = (&self.robot.file.gait, &self.targets);
        Joints::from_fn(targets.tau.len(), |id| JointCommand {
            q: Radians(targets.q[id.index()] as f32),
            dq: RadiansPerSecond(targets.dq[id.index()] as f32),
            kp: Stiffness(gait.joint_stiffness_nm_rad as f32),
            kd: damping(gait.joint_damping_nm_s_rad),
            tau: NewtonMetres(targets.tau[id.index()] as f32),
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "f32 is the width of the wire")]
    fn follow_path(&self) -> Joints<JointCommand> {
        let motion = &self.robot.file.motion;
        Joints::from_fn(self.legs.q.len(), |id| {
            let (q, dq) = self.path.at(id.index());
            JointCommand {
                q: Radians(q as f32),
                dq: RadiansPerSecond(dq as f32),
                kp: Stiffness(motion.stiffness_nm_rad as f32),
                kd: damping(motion.damping_nm_s_rad),
                tau: NewtonMetres(0.0),
            }
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "f32 is the width of the wire")]
fn damping(value: f64) -> Damping {
    Damping(value as f32)
}

#[expect(clippy::cast_possible_truncation, reason = "f32 is the width of the wire")]
fn array(v: Vector3<f64>) -> [f32; 3] {
    [v.x as f32, v.y as f32, v.z as f32]
}
