//! One emulated motor of each maker, each on a bus of its own.

use core::time::Duration;

use body::conformance::profile;
use body::emulator::{DamiaoMotor, EmulatedCanBus, MoteusController, RobStrideMotor};
use body::{CanMotors, CanPort, ConnectError, Envelope, MotorKind, MotorPlan, Timing};
use governor::Governor;
use motors::{damiao, robstride};
use signals::*;

pub const PERIOD: Duration = Duration::from_millis(5);

pub fn joint(index: usize) -> JointId {
    JointId::new(index).unwrap()
}

pub fn limits(joints: usize) -> HardwareLimits {
    let joint = JointLimits {
        q_min: Radians(-1.5),
        q_max: Radians(1.5),
        dq_max: RadiansPerSecond(4.0),
        tau_max: NewtonMetres(4.0),
        corner_speed: RadiansPerSecond(3.0),
        no_load_speed: RadiansPerSecond(5.0),
        braking: RadiansPerSecondSquared(20.0),
        kp_max: Stiffness(40.0),
        kd_max: Damping(2.0),
        inertia_min: KilogramMetresSquared(0.01),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(1000.0),
        torque_continuous: NewtonMetres(4.0),
        thermal_time: Seconds(60.0),
    };
    HardwareLimits { joints: Joints::filled(joint, joints), emergency_damping: Damping(1.0) }
}

pub fn governor(limits: &HardwareLimits) -> Governor {
    Governor::new(Envelope::new(limits).unwrap(), profile(PERIOD))
}

pub fn damiao_plan() -> MotorPlan {
    let scale = damiao::Model::Dm4310.scale();
    plan("DAMIAO 1", MotorKind::Damiao { id: 1, scale })
}

pub fn robstride_plan() -> MotorPlan {
    let address = robstride::Address { motor: 2, host: 0xFD };
    plan("RobStride 2", MotorKind::RobStride { address, model: robstride::Model::Rs00 })
}

pub fn moteus_plan() -> MotorPlan {
    plan("moteus 3", MotorKind::Moteus { id: 3 })
}

fn plan(name: &str, kind: MotorKind) -> MotorPlan {
    MotorPlan {
        joint: joint(0),
        name: name.to_owned(),
        bus: 0,
        kind,
        flexible: false,
        reversed: false,
        gear: 1.0,
        zero: Radians(0.0),
        tau_max: NewtonMetres(4.0),
    }
}

/// One motor of each maker as three joints on three buses.
pub fn plans() -> Vec<MotorPlan> {
    let plans = [damiao_plan(), robstride_plan(), moteus_plan()];
    let place = |(index, plan): (usize, MotorPlan)| MotorPlan {
        joint: joint(index),
        bus: index,
        reversed: index == 1,
        ..plan
    };
    plans.into_iter().enumerate().map(place).collect()
}

pub fn damiao_bus() -> EmulatedCanBus {
    EmulatedCanBus::new(vec![Box::new(DamiaoMotor::new(1, 0x11, [12.5, 30.0, 10.0]))])
}

pub fn robstride_bus() -> EmulatedCanBus {
    EmulatedCanBus::new(vec![Box::new(RobStrideMotor::new(2, [50.0, 500.0, 5.0, 17.0]))])
}

pub fn moteus_bus() -> EmulatedCanBus {
    EmulatedCanBus::new(vec![Box::new(MoteusController::new(3, [400.0, 0.0, 20.0]))])
}

pub fn connect(
    ports: Vec<Box<dyn CanPort>>,
    plans: &[MotorPlan],
    timing: Timing,
) -> Result<CanMotors, ConnectError> {
    let envelope = Envelope::new(&limits(plans.len())).unwrap();
    CanMotors::connect(&envelope, ports, plans, timing)
}
