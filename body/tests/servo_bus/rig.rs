//! A bus of three emulated servos, and the loop that turns it.

use core::time::Duration;

use body::conformance::profile;
use body::emulator::{EmulatedBus, EmulatedPort};
use body::{Applied, Body, Envelope, ServoBus, ServoBusError, ServoBusSettings, ServoSettings};
use governor::Governor;
use motors::servo::{Family, ServoModel};
use signals::*;

pub const FAMILIES: [Family; 2] = [Family::Feetech, Family::Dynamixel];
pub const PERIOD: Duration = Duration::from_millis(10);
pub const SERVOS: usize = 3;

pub fn model(family: Family) -> &'static ServoModel {
    let name = match family {
        Family::Feetech => "sts3215",
        Family::Dynamixel => "xl330-m288",
    };
    ServoModel::named(family, name).unwrap()
}

pub fn limits() -> HardwareLimits {
    let joint = JointLimits {
        q_min: Radians(-1.5),
        q_max: Radians(1.5),
        dq_max: RadiansPerSecond(4.0),
        tau_max: NewtonMetres(2.9),
        corner_speed: RadiansPerSecond(3.0),
        no_load_speed: RadiansPerSecond(5.0),
        braking: RadiansPerSecondSquared(20.0),
        kp_max: Stiffness(40.0),
        kd_max: Damping(2.0),
        inertia_min: KilogramMetresSquared(0.02),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(1000.0),
        torque_continuous: NewtonMetres(2.9),
        thermal_time: Seconds(60.0),
    };
    HardwareLimits { joints: Joints::filled(joint, SERVOS), emergency_damping: Damping(1.0) }
}

pub fn governor(limits: &HardwareLimits) -> Governor {
    Governor::new(Envelope::new(limits).unwrap(), profile(PERIOD))
}

/// Servos as a careful user has set them: no delay, position limits inside the robot's.
pub fn bus(family: Family) -> EmulatedBus {
    EmulatedBus::of(&settings(family), &limits())
}

pub fn settings(family: Family) -> ServoBusSettings {
    let servo = |index: usize| ServoSettings {
        joint: JointId::new(index).unwrap(),
        name: ["pan", "lift", "grip"][index].to_owned(),
        id: index as u8 + 1,
        model: model(family),
        zero: Radians(0.0),
        reversed: index == 1,
        gear: 1.0,
        torque_part: 1.0,
    };
    ServoBusSettings {
        servos: (0..SERVOS).map(servo).collect(),
        ..ServoBusSettings::new("arm", family, 1_000_000, 100.0)
    }
}

pub fn connect(port: &EmulatedPort, family: Family) -> Result<ServoBus, ServoBusError> {
    ServoBus::connect(Box::new(port.clone()), settings(family), &limits())
}

/// A connected body, a started governor, and the loop between them.
pub struct Loop {
    pub port: EmulatedPort,
    pub body: ServoBus,
    pub governor: Governor,
    pub number: u64,
    pub frame: Option<SensorFrame>,
}

impl Loop {
    pub fn new(family: Family) -> Self {
        let port = EmulatedPort::new(bus(family));
        let mut body = connect(&port, family).unwrap();
        body.provision().unwrap();
        Self { port, body, governor: governor(&limits()), number: 100, frame: None }
    }

    /// A loop whose joints hold 0 rad.
    pub fn holding(family: Family) -> Self {
        let mut rig = Self::new(family);
        rig.run(80, None, None);
        rig.tick(None, Some(OperatorAct::Start));
        rig.run(40, Some(0.0), None);
        rig
    }

    pub fn now(&self) -> Instant {
        Instant::ZERO + PERIOD * u32::try_from(self.number).unwrap()
    }

    pub fn run(&mut self, ticks: usize, q: Option<f32>, act: Option<OperatorAct>) {
        for _ in 0..ticks {
            self.tick(q, act);
        }
    }

    /// A cycle in which nobody commands.
    pub fn look(&mut self) -> SensorFrame {
        let cycle = Cycle { number: self.number, now: self.now(), period: PERIOD };
        let frame = self.body.sense(&cycle);
        self.pass(frame)
    }

    /// A cycle in which all joints are to hold `q`; none: to be limp.
    pub fn tick(&mut self, q: Option<f32>, act: Option<OperatorAct>) -> Applied {
        let holding = |q| JointCommand {
            q: Radians(q),
            kp: Stiffness(40.0),
            kd: Damping(1.0),
            ..JointCommand::LIMP
        };
        self.command(q.map_or(JointCommand::LIMP, holding), act)
    }

    /// A cycle in which all joints are to do `command`.
    pub fn command(&mut self, command: JointCommand, act: Option<OperatorAct>) -> Applied {
        let cycle = Cycle { number: self.number, now: self.now(), period: PERIOD };
        let frame = self.body.sense(&cycle);
        let state = BodyState {
            at: cycle.now,
            position: [Metres(0.0); 3],
            attitude: Quaternion::IDENTITY,
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: frame.joints.map(|r| JointState { q: r.q, dq: r.dq }),
            contact: Feet::default(),
            posture: Posture::Standing,
            valid: true,
        };
        let seen = SensorFrame {
            joints: frame.joints.map(|reading| JointReading { at: cycle.now, ..reading }),
            drives: None,
            supply: None,
            ..frame
        };
        let operator = Operator { act, ..Operator::local(None) };
        self.governor.rule(&cycle, &seen, &state, None, &operator);
        let joints = Joints::filled(command, SERVOS);
        let wanted = BodyCommand { joints, valid_until: cycle.now + 3 * PERIOD };
        let applied = self.body.apply(self.governor.vet(&cycle, &state, wanted));
        self.pass(frame);
        applied
    }

    fn pass(&mut self, frame: SensorFrame) -> SensorFrame {
        self.port.bus().advance(PERIOD);
        self.number += 1;
        self.frame = Some(frame);
        frame
    }

    pub fn drives(&self) -> DriveReading {
        self.frame.unwrap().drives.unwrap()
    }

    /// Servos with torque, by their own registers.
    pub fn with_torque(&self) -> usize {
        with_torque(&self.port)
    }
}

pub fn with_torque(port: &EmulatedPort) -> usize {
    let bus = port.bus();
    let register = |servo: &body::emulator::EmulatedServo| match servo.model.family {
        Family::Feetech => servo.byte(40_u16),
        Family::Dynamixel => servo.byte(64_u16),
    };
    bus.servos().filter(|servo| register(servo) == 1).count()
}
