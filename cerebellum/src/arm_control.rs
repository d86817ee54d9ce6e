//! The controller of an arm on a fixed base: joint moves without a jump in acceleration, under the
//! torques of the arm's own weight.
//!
//! A move goes from the present motion to the ruled posture, all joints arriving together
//! ([`JointTrajectory`]). The drives hold it with a spring and a damper in each joint; what is fed
//! forward is what the move needs anyway: weight, inertia, Coriolis torques ([`JointImpedance`]
//! with slack springs) and the viscous friction of the gears. So the spring only answers what
//! nobody foresaw. While the governor stops the arm in place, the path lies where the joints are
//! and waits.

use core::fmt;
use std::time::Duration;

use model::Robot;
use signals::{
    BodyCommand, BodyState, Cycle, Damping, Feet, Instant, JointCommand, JointId, JointState,
    Joints, Level, Metres, MetresPerSecond, Motion, NewtonMetres, Posture, Quaternion, Radians,
    RadiansPerSecond, Ruling, SensorFrame, Stiffness,
};

use crate::impedance::{ImpedanceFault, JointImpedance, JointSpring, TorqueLimits};
use crate::trajectory::{
    JointMotion, JointTrajectory, MotionLimits, Refusal, Target, TrajectoryStatus,
};

/// A joint slower than this stands, rad/s.
const STILL: f64 = 0.1;
/// A joint this near the settled posture lies in it, rad: gears and table give by that much.
const SETTLED_NEAR: f64 = 0.10;
/// A change of the speed scale below this plans nothing new.
const SCALE_STEP: f32 = 0.01;
/// What the spring may use of a joint's highest torque, together with what is fed forward: a joint
/// that is held fast is pulled no harder, and its target waits near it.
const TORQUE_SHARE: f64 = 0.9;
/// Slowest scale a move is planned with; what asks for less is ruled as a standstill before.
const SCALE_MIN: f32 = 0.01;

/// Why no controller could be made for an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArmFault {
    /// Its moves cannot be planned.
    Moves(Refusal),
    /// Its weight cannot be computed.
    Weight(ImpedanceFault),
}

impl fmt::Display for ArmFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moves(refusal) => write!(f, "no joint moves with these limits: {refusal:?}"),
            Self::Weight(fault) => write!(f, "no torques of its weight: {fault:?}"),
        }
    }
}

impl std::error::Error for ArmFault {}

/// Estimate and control of one arm.
#[derive(Clone, Debug)]
pub struct ArmController {
    robot: Robot,
    path: JointTrajectory,
    weight: JointImpedance,
    /// At full speed, and as they are planned with.
    limits: Vec<MotionLimits>,
    slowed: Vec<MotionLimits>,
    q: Vec<f64>,
    dq: Vec<f64>,
    /// Every joint has given a number so far.
    seen: u32,
    /// The path is followed. Otherwise it begins where the joints are.
    follows: bool,
    /// What the path leads to, and the scale it was planned with; none for a standstill.
    goal: Option<(Joints<Radians>, f32)>,
    posture: Posture,
    last: Option<Instant>,
    dt: f64,
    reading_age: Duration,
    validity: Duration,
}

impl ArmController {
    /// For `robot`, whose base must be fixed.
    ///
    /// # Errors
    /// Its numbers make no joint moves, or it is no arm.
    pub fn new(robot: &Robot) -> Result<Self, ArmFault> {
        let (arm, count) = (&robot.file.arm, robot.model.joint_count());
        let of_joint = |id: JointId| MotionLimits {
            velocity: arm.velocity_rad_s.min(robot.limits.joints[id].dq_max.0.into()),
            acceleration: arm.acceleration_rad_s2,
            jerk: arm.jerk_rad_s3,
        };
        let limits: Vec<_> = robot.limits.joints.ids().map(of_joint).collect();
        let drives = robot.limits.joints.iter();
        let torque: Vec<_> = drives.clone().map(|joint| joint.tau_max.0.into()).collect();
        let rate = drives.map(|joint| joint.torque_rate.0).fold(f32::INFINITY, f32::min);
        let slack = vec![JointSpring { stiffness: 0.0, damping: 0.0 }; count];
        let drives = TorqueLimits { torque: &torque, rate: rate.into() };
        let weight = JointImpedance::new(&robot.model, &slack, drives, 0.0);
        let path = JointTrajectory::new(&limits, &robot.settled.joints);
        Ok(Self {
            path: path.map_err(ArmFault::Moves)?,
            weight: weight.map_err(ArmFault::Weight)?,
            slowed: limits.clone(),
            limits,
            q: robot.settled.joints.clone(),
            dq: vec![0.0; count],
            seen: 0,
            follows: false,
            goal: None,
            posture: Posture::Limp,
            last: None,
            dt: 1.0 / robot.file.control.rate_hz,
            reading_age: Duration::from_secs_f64(robot.file.governor.reading_age_limited_ms * 1e-3),
            validity: Duration::from_secs_f64(robot.file.control.command_validity_ms * 1e-3),
            robot: robot.clone(),
        })
    }

    /// Takes `frame` into the estimate: the joints as they are read, on a base that never moves. A
    /// reading that is not finite keeps its last value; an old one says nothing of the speed.
    #[expect(clippy::cast_possible_truncation, reason = "f32 is the width of the wire")]
    pub fn estimate(&mut self, cycle: &Cycle, frame: &SensorFrame) -> BodyState {
        let nominal = 1.0 / self.robot.file.control.rate_hz;
        let passed = self.last.map_or(nominal, |last| cycle.now.since(last).as_secs_f64());
        self.dt = passed.clamp(0.0, 20.0 * nominal);
        self.last = Some(cycle.now);
        let joints = self.q.iter_mut().zip(&mut self.dq).zip(frame.joints.iter());
        for (number, ((q, dq), reading)) in joints.enumerate() {
            if reading.q.is_finite() && reading.dq.is_finite() {
                let old = cycle.now.since(reading.at) > self.reading_age;
                (*q, *dq) = (reading.q.0.into(), if old { 0.0 } else { reading.dq.0.into() });
                self.seen |= 1 << number;
            }
        }
        let joint = |id: JointId| JointState {
            q: Radians(self.q[id.index()] as f32),
            dq: RadiansPerSecond(self.dq[id.index()] as f32),
        };
        let count = self.q.len();
        BodyState {
            at: cycle.now,
            position: [Metres(0.0); 3],
            attitude: Quaternion { w: 1.0, x: 0.0, y: 0.0, z: 0.0 },
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: Joints::from_fn(count, joint),
            contact: Feet::default(),
            posture: self.posture,
            valid: self.seen.count_ones() as usize == count,
        }
    }

    /// The joint commands of this tick for the motion that was ruled.
    pub fn control(&mut self, cycle: &Cycle, ruling: &Ruling) -> BodyCommand {
        // From HOLD on the governor brings the joints to rest and holds them.
        let stops = ruling.level >= Level::Hold;
        let joints = match ruling.motion {
            Motion::Limp => self.without_torque(Posture::Limp, JointCommand::LIMP),
            Motion::Damp | Motion::Script => {
                let damping = self.robot.limits.emergency_damping;
                self.without_torque(Posture::Damped, JointCommand::damped(damping))
            }
            Motion::Settle => {
                let posture = if self.lies() { Posture::Settled } else { Posture::Settling };
                self.wait(posture)
            }
            Motion::Move(goal) if !stops => self.go(goal, ruling.scale),
            Motion::Stand | Motion::Walk(_) if !stops => self.stand(),
            Motion::Stand | Motion::Walk(_) | Motion::Move(_) => self.wait(Posture::Standing),
        };
        BodyCommand { joints, valid_until: cycle.now + self.validity }
    }

    fn without_torque(&mut self, posture: Posture, command: JointCommand) -> Joints<JointCommand> {
        (self.posture, self.follows) = (posture, false);
        Joints::filled(command, self.q.len())
    }

    /// Every joint stands in the settled posture.
    fn lies(&self) -> bool {
        let joints = self.q.iter().zip(&self.dq).zip(&self.robot.settled.joints);
        joints
            .into_iter()
            .all(|((q, dq), settled)| (q - settled).abs() <= SETTLED_NEAR && dq.abs() <= STILL)
    }

    /// Follows no path: holds the joints where they are now.
    fn wait(&mut self, posture: Posture) -> Joints<JointCommand> {
        self.follows = false;
        self.begin();
        self.follows = false;
        self.posture = posture;
        self.command()
    }

    /// Brakes what moves, then stays.
    fn stand(&mut self) -> Joints<JointCommand> {
        let began = self.begin();
        if self.goal.take().is_some() || began {
            let still = [0.0; signals::JOINTS_MAX];
            // A refusal is answered by a stop as well.
            let _ = self.path.aim(Target::Velocity(&still[..self.q.len()]));
        }
        self.path.advance(self.dt);
        let moves = self.path.motion().iter().any(|at| at.velocity != 0.0);
        self.posture = if moves { Posture::Moving } else { Posture::Standing };
        self.command()
    }

    /// Moves to `goal`. A way that cannot be planned is a stop, and is planned anew in the next
    /// tick: a joint that is still too fast for the scale brakes until it is not.
    fn go(&mut self, goal: Joints<Radians>, scale: f32) -> Joints<JointCommand> {
        let began = self.begin();
        let same = |(now, at): &(Joints<Radians>, f32)| {
            now.as_slice() == goal.as_slice() && (at - scale).abs() < SCALE_STEP
        };
        if began || !self.goal.as_ref().is_some_and(same) {
            self.goal = self.aim(&goal, scale).then_some((goal, scale));
        }
        let status = self.path.advance(self.dt);
        if matches!(status, TrajectoryStatus::Stopping(_) | TrajectoryStatus::Stopped(_)) {
            self.goal = None;
        }
        let near =
            self.q.iter().zip(goal.iter()).all(|(q, goal)| {
                (q - f64::from(goal.0)).abs() <= self.robot.file.arm.tolerance_rad
            });
        let arrived = status == TrajectoryStatus::Arrived && near;
        self.posture = if arrived { Posture::Standing } else { Posture::Moving };
        self.command()
    }

    /// Plans the way to `goal`; false where there is none.
    fn aim(&mut self, goal: &Joints<Radians>, scale: f32) -> bool {
        let scale = f64::from(scale.clamp(SCALE_MIN, 1.0));
        for (slowed, limits) in self.slowed.iter_mut().zip(&self.limits) {
            *slowed = MotionLimits { velocity: limits.velocity * scale, ..*limits };
        }
        let mut positions = [0.0; signals::JOINTS_MAX];
        for (position, angle) in positions.iter_mut().zip(goal.iter()) {
            *position = angle.0.into();
        }
        let still = [0.0; signals::JOINTS_MAX];
        let count = goal.len();
        let (Some(positions), Some(still)) = (positions.get(..count), still.get(..count)) else {
            return false;
        };
        self.path.limit(&self.slowed).is_ok()
            && self.path.aim(Target::Position(positions, still)).is_ok()
    }

    /// Where no path was followed it begins where the joints are, at rest, and inside the limits
    /// even where a limp joint lies beyond them. True when it does.
    fn begin(&mut self) -> bool {
        if self.follows {
            return false;
        }
        let mut motion = [JointMotion::default(); signals::JOINTS_MAX];
        let margin = f64::from(self.robot.file.governor.position_margin_rad);
        for ((at, q), limits) in motion.iter_mut().zip(&self.q).zip(self.robot.limits.joints.iter())
        {
            let (low, high) = (f64::from(limits.q_min.0), f64::from(limits.q_max.0));
            at.position = q.max(low + margin).min(high - margin);
        }
        if let Some(motion) = motion.get(..self.q.len()) {
            // What was read is finite; otherwise the path stays where it was.
            let _ = self.path.place(motion);
        }
        (self.follows, self.goal) = (true, None);
        true
    }

    /// The path's motion under the arm's own torques.
    #[expect(clippy::cast_possible_truncation, reason = "f32 is the width of the wire")]
    fn command(&mut self) -> Joints<JointCommand> {
        let path = self.path.motion();
        // A state that is no number is answered by the last torques of the weight.
        self.weight.update([&self.q, &self.dq], path, self.dt);
        let (arm, torques) = (&self.robot.file.arm, self.weight.torques());
        let (kp, kd) = (arm.stiffness_nm_rad, arm.damping_nm_s_rad);
        Joints::from_fn(self.q.len(), |id| {
            let joint = id.index();
            let (at, q, dq) = (path[joint], self.q[joint], self.dq[joint]);
            let viscous = self.robot.model.joints[joint].damping * at.velocity;
            let fed = torques[joint] + viscous;
            let most = TORQUE_SHARE * f64::from(self.robot.limits.joints[id].tau_max.0);
            let other = fed + kd * (at.velocity - dq);
            let spring = (kp * (at.position - q)).max(-most - other).min(most - other);
            JointCommand {
                q: Radians(if kp > 0.0 { q + spring / kp } else { at.position } as f32),
                dq: RadiansPerSecond(at.velocity as f32),
                kp: Stiffness(kp as f32),
                kd: Damping(kd as f32),
                tau: NewtonMetres(fed as f32),
            }
        })
    }
}
