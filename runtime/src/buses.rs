//! The buses of a robot file, for the bodies that drive them.

mod open;

use body::{ServoBusSettings, ServoSettings};
use model::{BusFile, LoadError, Protocol, Robot, TomlSource};
use motors::servo::{Family, ServoModel};
use signals::{JointId, Radians};

pub use open::{body, emulate};

use crate::can_buses;

/// What a body of serial servos must be told about `bus` of `robot`; `None` where its motors speak
/// another protocol.
#[must_use]
pub fn servo_bus(robot: &Robot, bus: &BusFile) -> Option<ServoBusSettings> {
    let family = match bus.protocol {
        Protocol::Feetech => Family::Feetech,
        Protocol::Dynamixel => Family::Dynamixel,
        Protocol::Damiao | Protocol::Robstride | Protocol::Moteus => return None,
    };
    let mut settings = ServoBusSettings::new(&bus.name, family, bus.bit_rate, bus.rate_hz);
    settings.return_delay_us = bus.return_delay_us.unwrap_or(settings.return_delay_us);
    let servo = |motor: &model::MotorFile| {
        Some(ServoSettings {
            joint: JointId::new(robot.model.joint(&motor.joint)?)?,
            name: motor.joint.clone(),
            id: motor.id,
            model: ServoModel::named(family, &motor.model)?,
            zero: Radians(motor.zero_rad),
            reversed: motor.direction < 0,
            gear: motor.gear.unwrap_or(1.0),
            torque_part: motor.torque_limit_part.unwrap_or(1.0),
        })
    };
    // The robot file was checked: each joint and each model of it is known.
    settings.servos = bus.motors.iter().filter_map(servo).collect();
    Some(settings)
}

/// How much of each bus's time the robot takes, in words.
///
/// # Errors
/// A bus cannot carry its rate, with the arithmetic and the highest rate.
pub fn check(source: &TomlSource<'_>, robot: &Robot) -> Result<Vec<String>, Box<LoadError>> {
    let mut words = Vec::new();
    for (index, bus) in robot.file.bus.iter().enumerate() {
        let load = match servo_bus(robot, bus) {
            Some(settings) => settings.load().map_err(|error| error.to_string()),
            None => match can_buses::part_of_bus(robot, bus) {
                Some(part) => part.map_err(|error| error.to_string()),
                None => continue,
            },
        };
        match load {
            Ok(part) => {
                let (name, rate, percent) = (&bus.name, bus.rate_hz, 100.0 * part);
                words.push(format!("bus {name} at {rate} Hz: {percent:.0} % of the wire's time"));
            }
            Err(error) => {
                let fix = "lower rate_hz to that, put fewer motors on the bus, or set servos to \
                           answer sooner and write the delay as return_delay_us";
                let key = format!("bus.{index}.rate_hz");
                return Err(source.error(&key, error, fix));
            }
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quadruped with a Dynamixel at each joint, on one wire.
    fn robot(rate_hz: f64) -> (String, Result<Robot, Box<LoadError>>) {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots/quadruped");
        let text = std::fs::read_to_string(folder.join("robot.toml")).unwrap();
        let plain = Robot::load(&folder).unwrap();
        let motor = |(index, joint): (usize, &str)| {
            format!(
                "[[bus.motors]]\njoint = \"{joint}\"\nid = {index}\nmodel = \"xm540-w270\"\n\
                 zero_rad = 0.0\ndirection = 1\n"
            )
        };
        let motors: String = plain.joint_names().enumerate().map(motor).collect();
        let bus = format!(
            "\n[[bus]]\nname = \"legs\"\nprotocol = \"dynamixel\"\nport = \"/dev/ttyUSB0\"\n\
             bit_rate = 1_000_000\nrate_hz = {rate_hz}\nreturn_delay_us = 0.0\n{motors}"
        );
        let text = text + &bus;
        let beside = |name: &str| Ok(std::fs::read_to_string(folder.join(name)).unwrap());
        let robot = Robot::parse("robot.toml", &text, beside);
        (text, robot)
    }

    #[test]
    fn a_bus_becomes_what_its_body_must_be_told() {
        let (text, robot) = robot(50.0);
        let robot = robot.unwrap();
        let settings = servo_bus(&robot, &robot.file.bus[0]).unwrap();
        assert_eq!((settings.servos.len(), settings.return_delay_us), (12, 0.0));
        let names: Vec<_> = settings.servos.iter().map(|servo| servo.name.as_str()).collect();
        assert_eq!(names, robot.joint_names().collect::<Vec<_>>());
        let words = check(&TomlSource::new("robot.toml", &text), &robot).unwrap();
        assert_eq!(words, ["bus legs at 50 Hz: 68 % of the wire's time"]);
    }

    /// Clauses: C1.
    #[test]
    fn an_impossible_rate_is_refused_where_it_stands() {
        let (text, robot) = robot(400.0);
        let error = check(&TomlSource::new("robot.toml", &text), &robot.unwrap()).unwrap_err();
        let line = text.lines().position(|line| line == "rate_hz = 400").unwrap() + 1;
        assert_eq!(error.line_column().map(|(line, _)| line), Some(line));
        assert!(error.rule.contains("bytes x 10 bits / 1000000 bit/s"), "{error}");
        assert!(error.rule.contains("set rate_hz to 65 or less"), "{error}");
    }

    /// The models that a robot file may name are those whose registers are known.
    #[test]
    fn the_robot_file_knows_the_models_of_the_drivers() {
        for (protocol, family) in
            [(Protocol::Feetech, Family::Feetech), (Protocol::Dynamixel, Family::Dynamixel)]
        {
            let known = motors::servo::MODELS.iter().filter(|model| model.family == family);
            let known: Vec<_> = known.map(|model| model.name).collect();
            assert_eq!(protocol.models(), known);
        }
    }
}
