//! The CAN buses of a robot file, for the body that drives them.

use body::{CanRate, ConnectError, MotorKind, MotorPlan, part_of_wire};
use model::{BusFile, MotorFile, Protocol, Robot};
use motors::{damiao, robstride};
use signals::{JointId, NewtonMetres, Radians};

/// Id of the host on a bus of RobStride motors: the one their maker's programs use.
const HOST: u8 = 0xFD;
/// Bits a second of the fast part of CAN FD: what moteus is delivered with.
const DATA_RATE: u32 = 5_000_000;

/// The motors on the CAN buses of `robot`, each with the place of its bus among them; the ports are
/// opened in the same order.
#[must_use]
pub fn can_motors(robot: &Robot) -> Vec<MotorPlan> {
    let buses = robot.file.bus.iter().filter(|bus| is_can(bus.protocol)).enumerate();
    // The robot file was checked: each joint and each model of it is known.
    buses.flat_map(|(place, bus)| motors_of(robot, bus, place)).collect()
}

/// The part of the bus's time that its motors take; `None` for a bus that is not CAN.
///
/// # Errors
/// The bus cannot carry its rate, with the arithmetic.
pub fn part_of_bus(robot: &Robot, bus: &BusFile) -> Option<Result<f64, ConnectError>> {
    let (bit_rate, rate_hz) = (bus.bit_rate, bus.rate_hz);
    let rate = CanRate { bit_rate, data_rate: DATA_RATE, rate_hz };
    is_can(bus.protocol).then(|| {
        let motors: Vec<_> = motors_of(robot, bus, 0).collect();
        part_of_wire(&motors, &rate)
    })
}

/// Motors of this protocol hang on CAN.
pub(crate) const fn is_can(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Damiao | Protocol::Robstride | Protocol::Moteus => true,
        Protocol::Feetech | Protocol::Dynamixel => false,
    }
}

fn motors_of<'a>(
    robot: &'a Robot,
    bus: &'a BusFile,
    place: usize,
) -> impl Iterator<Item = MotorPlan> + 'a {
    bus.motors.iter().filter_map(move |motor| {
        let joint = JointId::new(robot.model.joint(&motor.joint)?)?;
        let (kind, highest) = kind(bus.protocol, motor)?;
        let gear = motor.gear.unwrap_or(1.0);
        let of_joint = NewtonMetres(robot.limits.joints[joint].tau_max.0 / gear);
        let part = motor.torque_limit_part.unwrap_or(1.0);
        let (id, maker) = (motor.id, bus.protocol.name());
        Some(MotorPlan {
            joint,
            name: format!("bus {}, {maker} motor {id} of {}", bus.name, motor.joint),
            bus: place,
            kind,
            flexible: bus.protocol == Protocol::Moteus,
            reversed: motor.direction < 0,
            gear,
            zero: Radians(motor.zero_rad),
            tau_max: of_joint.min(highest.map_or(of_joint, |highest| highest * part)),
        })
    })
}

/// What a motor is, and its highest torque where its model says it.
fn kind(protocol: Protocol, motor: &MotorFile) -> Option<(MotorKind, Option<NewtonMetres>)> {
    match protocol {
        Protocol::Damiao => {
            let scale = damiao::Model::named(&motor.model)?.scale();
            Some((MotorKind::Damiao { id: u16::from(motor.id), scale }, Some(scale.tau)))
        }
        Protocol::Robstride => {
            let model = robstride::Model::named(&motor.model)?;
            let address = robstride::Address { motor: motor.id, host: HOST };
            Some((MotorKind::RobStride { address, model }, Some(model.scale().tau)))
        }
        Protocol::Moteus => Some((MotorKind::Moteus { id: motor.id }, None)),
        Protocol::Feetech | Protocol::Dynamixel => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quadruped with DAMIAO motors, a bus for each `motors` of them.
    fn robot(motors: usize, rate_hz: f64) -> Robot {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots/quadruped");
        let mut text = std::fs::read_to_string(folder.join("robot.toml")).unwrap();
        let plain = Robot::load(&folder).unwrap();
        let joints: Vec<&str> = plain.joint_names().collect();
        for (place, leg) in joints.chunks(motors).enumerate() {
            text += &format!(
                "\n[[bus]]\nname = \"leg {place}\"\nprotocol = \"damiao\"\nport = \"can{place}\"\n\
                 bit_rate = 1_000_000\nrate_hz = {rate_hz}\n"
            );
            for (index, joint) in leg.iter().enumerate() {
                text += &format!(
                    "[[bus.motors]]\njoint = \"{joint}\"\nid = {}\nmodel = \"dm8009\"\n\
                     zero_rad = 0.1\ndirection = -1\ngear = 2.0\n",
                    index + 1
                );
            }
        }
        let beside = |name: &str| Ok(std::fs::read_to_string(folder.join(name)).unwrap());
        Robot::parse("robot.toml", &text, beside).unwrap()
    }

    #[test]
    fn a_bus_becomes_what_its_body_must_be_told() {
        let robot = robot(3, 1000.0);
        let motors = can_motors(&robot);
        assert_eq!(motors.len(), 12);
        let knee = &motors[5];
        assert_eq!((knee.bus, knee.joint.index(), knee.reversed), (1, 5, true));
        assert!(knee.name.starts_with("bus leg 1, damiao motor 3 of "), "{}", knee.name);
        let of_joint = robot.limits.joints[knee.joint].tau_max.0;
        assert!((knee.tau_max.0 - (of_joint / 2.0).min(54.0)).abs() < 1e-6);
        let part = part_of_bus(&robot, &robot.file.bus[1]).unwrap().unwrap();
        assert!((part - 0.81).abs() < 1e-9);
    }

    /// Clauses: C1.
    #[test]
    fn an_impossible_rate_is_refused() {
        let robot = robot(4, 1000.0);
        let error = part_of_bus(&robot, &robot.file.bus[0]).unwrap().unwrap_err().to_string();
        assert!(
            error.contains("1080 bits a cycle x 1000 Hz") && error.contains("108 %"),
            "{error}"
        );
    }

    /// The models that a robot file may name are those whose scales are known.
    #[test]
    fn the_robot_file_knows_the_models_of_the_drivers() {
        for name in Protocol::Damiao.models() {
            assert!(damiao::Model::named(name).is_some(), "{name}");
        }
        for name in Protocol::Robstride.models() {
            assert!(robstride::Model::named(name).is_some(), "{name}");
        }
    }
}
