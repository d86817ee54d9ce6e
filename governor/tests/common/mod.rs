//! A bench with one governor on it and a quiet robot in front: each story changes what it needs.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses a part of it")]

use core::time::Duration;

use governor::{Envelope, Governor, HealthRule, Kind, Profile, Record, Rule};
use signals::*;

pub const JOINTS: usize = 3;
pub const TICK: Duration = Duration::from_millis(1);

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn joint(index: usize) -> JointId {
    JointId::new(index).unwrap()
}

pub fn joint_limits() -> JointLimits {
    JointLimits {
        q_min: Radians(-1.0),
        q_max: Radians(1.0),
        dq_max: RadiansPerSecond(10.0),
        tau_max: NewtonMetres(20.0),
        corner_speed: RadiansPerSecond(8.0),
        no_load_speed: RadiansPerSecond(20.0),
        braking: RadiansPerSecondSquared(50.0),
        kp_max: Stiffness(100.0),
        kd_max: Damping(5.0),
        inertia_min: KilogramMetresSquared(0.1),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(20_000.0),
        torque_continuous: NewtonMetres(20.0),
        thermal_time: Seconds(60.0),
    }
}

pub fn hardware() -> HardwareLimits {
    HardwareLimits {
        joints: Joints::filled(joint_limits(), JOINTS),
        emergency_damping: Damping(2.0),
    }
}

pub struct Bench {
    pub governor: Governor,
    pub number: u64,
    pub now: Instant,
    pub frame: SensorFrame,
    pub state: BodyState,
    pub plan: Option<Plan>,
    pub operator: Operator,
    pub wanted: Joints<JointCommand>,
    /// Sensors stamp themselves in every tick; a name here stops one.
    pub silent_joint: Option<JointId>,
    pub silent_imu: bool,
    /// The inertial unit repeats itself.
    pub stuck_imu: bool,
    /// Joints whose readings keep an old stamp.
    pub stamps_stay: Vec<(JointId, Instant)>,
    /// The drives measure the torque they give: this part of the command's, and more at one joint.
    pub honest: bool,
    pub torque_part: Joints<f32>,
    pub extra_torque: Option<(JointId, f32)>,
    pub silent_lidar: bool,
    pub silent_state: bool,
    /// How far the inertial unit's clock is ahead.
    pub imu_ahead: Duration,
    /// Readings differ in the last bits, as real ones do.
    pub noisy: bool,
    pub records: Vec<Record>,
    pub command: BodyCommand,
}

impl Bench {
    /// A bench whose joints may be put anywhere at once: no reading of theirs is a jump.
    pub fn new(profile: Profile) -> Self {
        let health = HealthRule { jumps_settle: 0, ..profile.health };
        Self::of(&hardware(), Profile { health, ..profile })
    }

    pub fn of(hardware: &HardwareLimits, profile: Profile) -> Self {
        let reading = JointReading::default();
        let frame = SensorFrame {
            joints: Joints::filled(reading, JOINTS),
            imu: ImuReading::default(),
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: None,
            drives: None,
        };
        let state = BodyState {
            at: Instant::ZERO,
            position: [Metres(0.0); 3],
            attitude: Quaternion::IDENTITY,
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: Joints::filled(JointState::default(), JOINTS),
            contact: Feet::default(),
            posture: Posture::Limp,
            valid: true,
        };
        let wanted = Joints::filled(
            JointCommand {
                q: Radians(0.1),
                kp: Stiffness(20.0),
                kd: Damping(1.0),
                ..JointCommand::LIMP
            },
            JOINTS,
        );
        Self {
            governor: Governor::new(Envelope::new(hardware).unwrap(), profile),
            number: 0,
            now: Instant::from_nanos(1_000_000_000),
            frame,
            state,
            plan: None,
            operator: Operator::local(None),
            wanted,
            silent_joint: None,
            silent_imu: false,
            stuck_imu: false,
            stamps_stay: Vec::new(),
            honest: false,
            torque_part: Joints::filled(1.0, JOINTS),
            extra_torque: None,
            silent_lidar: false,
            silent_state: false,
            imu_ahead: Duration::ZERO,
            noisy: true,
            records: Vec::new(),
            command: BodyCommand {
                joints: Joints::filled(JointCommand::LIMP, JOINTS),
                valid_until: Instant::ZERO,
            },
        }
    }

    /// A bench whose robot has been started and stands.
    pub fn standing(profile: Profile) -> Self {
        Self::new(profile).started()
    }

    pub fn started(mut self) -> Self {
        let bench = &mut self;
        bench.run(60);
        bench.act(OperatorAct::Start);
        assert_eq!(bench.governor.ruling().mode, Mode::Auto, "{:?}", bench.told());
        bench.state.posture = Posture::Standing;
        bench.records.clear();
        self
    }

    pub fn tick(&mut self) -> Ruling {
        self.stamp();
        let cycle = Cycle { number: self.number, now: self.now, period: TICK };
        let ruling = self.governor.rule(
            &cycle,
            &self.frame,
            &self.state,
            self.plan.as_ref(),
            &self.operator,
        );
        let wanted = BodyCommand { joints: self.wanted, valid_until: self.now + ms(20) };
        let vetted = self.governor.vet(&cycle, &self.state, wanted);
        self.command = *vetted;
        self.drain();
        self.number += 1;
        self.now = self.now + TICK;
        ruling
    }

    pub fn drain(&mut self) {
        while let Some(record) = self.governor.next_record() {
            self.records.push(record);
        }
    }

    pub fn stamp(&mut self) {
        for id in self.frame.joints.ids() {
            if self.silent_joint != Some(id) {
                self.frame.joints[id].at = self.now;
                if self.noisy && self.frame.joints[id].dq.is_finite() {
                    let odd = self.number % 2 == 1;
                    self.frame.joints[id].tau = NewtonMetres(0.0);
                    let dq = self.frame.joints[id].dq.0;
                    let bits = dq.to_bits() & !1 | u32::from(odd);
                    self.frame.joints[id].dq = RadiansPerSecond(f32::from_bits(bits));
                }
            }
        }
        for &(id, at) in &self.stamps_stay {
            self.frame.joints[id].at = at;
        }
        if self.honest {
            self.measure_torque();
        }
        if !self.silent_imu {
            self.frame.imu.at = self.now + self.imu_ahead;
            let [rate, ..] = &mut self.frame.imu.angular_velocity;
            if !self.stuck_imu && rate.is_finite() {
                let bits = rate.0.to_bits() & !1 | u32::from(self.number % 2 == 1);
                *rate = RadiansPerSecond(f32::from_bits(bits));
            }
        }
        if !self.silent_lidar
            && let Some(lidar) = &mut self.frame.lidar
        {
            lidar.at = self.now;
        }
        if !self.silent_state {
            self.state.at = self.now;
        }
    }

    /// What the drives say they give on the last command.
    fn measure_torque(&mut self) {
        for id in self.frame.joints.ids() {
            let JointReading { q, dq, .. } = self.frame.joints[id];
            let given = self.command.joints[id].torque(JointState { q, dq });
            self.frame.joints[id].tau = given * self.torque_part[id];
            if let Some((joint, extra)) = self.extra_torque
                && joint == id
            {
                self.frame.joints[id].tau += NewtonMetres(extra);
            }
        }
    }

    /// Runs with a change before each tick, counted from 1.
    pub fn run_with(&mut self, ticks: u32, mut each: impl FnMut(&mut Self, u32)) -> Ruling {
        for tick in 1..ticks {
            each(self, tick);
            self.tick();
        }
        each(self, ticks);
        self.tick()
    }

    pub fn run(&mut self, ticks: u32) -> Ruling {
        (0..ticks).map(|_| self.tick()).last().unwrap_or_default()
    }

    /// One tick with an act in it.
    pub fn act(&mut self, act: OperatorAct) -> Ruling {
        self.operator.act = Some(act);
        let ruling = self.tick();
        self.operator.act = None;
        ruling
    }

    pub fn set_joint(&mut self, id: JointId, q: f32, dq: f32) {
        self.frame.joints[id].q = Radians(q);
        self.frame.joints[id].dq = RadiansPerSecond(dq);
        self.state.joints[id] = JointState { q: Radians(q), dq: RadiansPerSecond(dq) };
    }

    pub fn tilt(&mut self, angle: f32) {
        let (w, x) = ((angle / 2.0).cos(), (angle / 2.0).sin());
        self.state.attitude = Quaternion { w, x, y: 0.0, z: 0.0 };
    }

    /// A plan made now: one velocity for `span` in steps of 50 ms.
    pub fn walk(&self, sequence: u64, forward: f32, span: Duration) -> Plan {
        let velocity = BaseVelocity { forward: MetresPerSecond(forward), ..BaseVelocity::ZERO };
        Plan {
            sequence,
            observed_at: self.now,
            valid_until: self.now + span,
            epoch: self.governor.ruling().epoch,
            model: ModelHash::default(),
            request: PlanRequest::Velocity(VelocityChunk {
                step: span / 10,
                len: 10,
                velocities: [velocity; VELOCITY_STEPS_MAX],
            }),
        }
    }

    pub fn of_kind(&self, kind: Kind) -> Vec<Rule> {
        self.records.iter().filter(|r| r.kind == kind).map(|r| r.rule).collect()
    }

    pub fn told(&self) -> Vec<String> {
        let english = |r: &Record| r.sentence(governor::Language::English).to_string();
        self.records.iter().map(english).collect()
    }
}

pub fn forward(ruling: &Ruling) -> f32 {
    match ruling.motion {
        Motion::Walk(velocity) => velocity.forward.0,
        _ => 0.0,
    }
}
