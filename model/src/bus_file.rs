//! The optional list `[[bus]]` of `robot.toml`: which motor turns which joint, and over which wire.
//! A robot without it is driven by a body that knows its joints by itself, such as the simulated
//! one.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::file::table;
use crate::toml_source::{LoadError, TomlSource};

/// What the motors of a bus understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Feetech STS serial servos.
    Feetech,
    /// Dynamixel X serial servos, protocol 2.0.
    Dynamixel,
    /// DAMIAO motors on CAN.
    Damiao,
    /// RobStride motors on CAN.
    Robstride,
    /// moteus controllers on CAN-FD.
    Moteus,
}

impl Protocol {
    /// As the robot file writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feetech => "feetech",
            Self::Dynamixel => "dynamixel",
            Self::Damiao => "damiao",
            Self::Robstride => "robstride",
            Self::Moteus => "moteus",
        }
    }

    /// The models whose registers and scales are known, as the robot file writes them.
    #[must_use]
    pub const fn models(self) -> &'static [&'static str] {
        match self {
            Self::Feetech => &["sts3215", "sts3250"],
            Self::Dynamixel => &[
                "xl330-m077",
                "xl330-m288",
                "xl430-w250",
                "xc430-w150",
                "xm430-w350",
                "xm540-w270",
            ],
            Self::Damiao => &[
                "dm4310",
                "dm4310_48v",
                "dm4340",
                "dm4340_48v",
                "dm6006",
                "dm8006",
                "dm8009",
                "dm10010",
                "dm10010l",
            ],
            Self::Robstride => &["rs00", "rs01", "rs02", "rs03", "rs04", "rs05", "rs06"],
            Self::Moteus => &["moteus"],
        }
    }

    /// The ids one motor can have; those above are for all motors at once.
    #[must_use]
    pub const fn ids(self) -> RangeInclusive<u8> {
        match self {
            Self::Feetech => 0..=253,
            Self::Dynamixel => 0..=252,
            Self::Damiao => 1..=15,
            Self::Robstride | Self::Moteus => 1..=127,
        }
    }
}

table! {
    /// A wire with motors on it.
    BusFile {
        /// Short name for messages.
        name: String,
        /// What its motors understand.
        protocol: Protocol,
        /// The port of this computer it hangs on, such as `/dev/ttyACM0`.
        port: String,
        /// Bits a second on the wire.
        bit_rate: u32,
        /// Cycles of commands and answers a second.
        rate_hz: f64,
        /// Longest delay of a motor before it answers, for serial servos: a setting of theirs.
        /// Without it: 500, what their makers set.
        return_delay_us: Option<f64>,
        /// Its motors.
        motors: Vec<MotorFile>,
    }
}

table! {
    /// A motor on a bus.
    MotorFile {
        /// The joint it turns.
        joint: String,
        /// Its address on the bus.
        id: u8,
        /// Its model, which decides registers and scales.
        model: String,
        /// Angle of the joint at the middle of the motor's encoder.
        zero_rad: f32,
        /// 1, or -1 where the joint turns against the motor.
        direction: i8,
        /// Turns of the motor's output for one turn of the joint. Without it: 1.
        gear: Option<f32>,
        /// Part of the motor's highest torque it may give, above 0 and up to 1. Without it: 1.
        torque_limit_part: Option<f32>,
    }
}

/// Bits a second that some serial port or CAN adapter can do.
const BIT_RATE: RangeInclusive<u32> = 9_600..=10_000_000;
/// Cycles a second.
const RATE_HZ: RangeInclusive<f64> = 1.0..=4000.0;
/// Delays a serial servo can be set to, us.
const RETURN_DELAY_US: RangeInclusive<f64> = 0.0..=510.0;
/// Farthest the middle of an encoder may be from the joint's zero, rad: two turns.
const ZERO_RAD_MAX: f32 = 4.0 * std::f32::consts::PI;
/// Gears that exist.
const GEAR: RangeInclusive<f32> = 0.01..=1000.0;

/// Checks the buses of a robot with these joints.
///
/// # Errors
/// The first rule that is broken, with its key.
pub(crate) fn check(
    source: &TomlSource<'_>,
    buses: &[BusFile],
    joints: &[&str],
) -> Result<(), Box<LoadError>> {
    let mut homes: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, bus) in buses.iter().enumerate() {
        let at = |key: &str| format!("bus.{index}.{key}");
        if let Some((key, rule, fix)) = bus_rule(bus, buses.get(..index).unwrap_or_default()) {
            return Err(source.error(&at(key), rule, fix));
        }
        for (place, motor) in bus.motors.iter().enumerate() {
            let at = |key: &str| at(&format!("motors.{place}.{key}"));
            let before = bus.motors.get(..place).unwrap_or_default();
            if let Some((key, rule, fix)) = motor_rule(bus.protocol, motor, before) {
                return Err(source.error(&at(key), rule, fix));
            }
            if !joints.contains(&motor.joint.as_str()) {
                let rule = format!("{:?} is not a joint of the robot", motor.joint);
                let fix = format!("use one of {}", joints.join(", "));
                return Err(source.error(&at("joint"), rule, &fix));
            }
            if let Some(other) = homes.insert(&motor.joint, &bus.name) {
                let rule =
                    format!("{:?} has a motor on bus {other:?} and on {:?}", motor.joint, bus.name);
                return Err(source.error(&at("joint"), rule, "keep one motor for each joint"));
            }
        }
    }
    match joints.iter().find(|joint| !homes.contains_key(*joint)) {
        Some(joint) if !buses.is_empty() => {
            let rule = format!("joint {joint:?} has no motor on any bus");
            Err(source.error("bus", rule, "add a table [[bus.motors]] for it"))
        }
        _ => Ok(()),
    }
}

/// A key, the rule it breaks, and what to do.
type Broken = (&'static str, String, &'static str);

fn bus_rule(bus: &BusFile, before: &[BusFile]) -> Option<Broken> {
    let BusFile { name, port, bit_rate, rate_hz, return_delay_us, motors, .. } = bus;
    let (taken, shared) = (
        before.iter().any(|other| other.name == *name),
        before.iter().find(|other| other.port == *port),
    );
    if name.is_empty() || taken {
        Some(("name", format!("every bus has its own name, found {name:?}"), "choose another"))
    } else if port.is_empty() {
        Some(("port", "must not be empty".into(), "name the port, such as /dev/ttyACM0"))
    } else if let Some(other) = shared {
        let rule = format!("{port} carries bus {:?} already", other.name);
        Some(("port", rule, "give each bus its own port, or put the motors on one bus"))
    } else if !BIT_RATE.contains(bit_rate) {
        let (low, high) = (BIT_RATE.start(), BIT_RATE.end());
        let rule = format!("{bit_rate} must lie between {low} and {high} bits a second");
        Some(("bit_rate", rule, "write the rate the motors are set to"))
    } else if !RATE_HZ.contains(rate_hz) {
        let (low, high) = (RATE_HZ.start(), RATE_HZ.end());
        let rule = format!("{rate_hz} must lie between {low} and {high} cycles a second");
        Some(("rate_hz", rule, "choose a value in that range"))
    } else if return_delay_us.is_some_and(|delay| !RETURN_DELAY_US.contains(&delay)) {
        let (low, high) = (RETURN_DELAY_US.start(), RETURN_DELAY_US.end());
        let rule = format!("must lie between {low} and {high}");
        Some(("return_delay_us", rule, "write the delay that the servos are set to, often 0"))
    } else if motors.is_empty() || motors.len() > signals::JOINTS_MAX {
        let (most, found) = (signals::JOINTS_MAX, motors.len());
        let rule = format!("a bus has 1 to {most} motors, found {found}");
        Some(("motors", rule, "add a table [[bus.motors]] for each motor"))
    } else {
        None
    }
}

fn motor_rule(protocol: Protocol, motor: &MotorFile, before: &[MotorFile]) -> Option<Broken> {
    let MotorFile { id, model, zero_rad, direction, gear, torque_limit_part, .. } = motor;
    let ids = protocol.ids();
    if !protocol.models().contains(&model.as_str()) {
        let (name, known) = (protocol.name(), protocol.models().join(", "));
        let rule = format!("{model:?} is no known model of {name}; known are {known}");
        Some(("model", rule, "write the model that is printed on the motor"))
    } else if !ids.contains(id) {
        let (low, high, name) = (ids.start(), ids.end(), protocol.name());
        let rule = format!("{id} must lie between {low} and {high} for {name}");
        Some(("id", rule, "write the id the motor is set to"))
    } else if let Some(other) = before.iter().find(|other| other.id == *id) {
        let rule = format!("{id} is the id of {:?} already", other.joint);
        Some(("id", rule, "set the motors to different ids; two of one id damage their answers"))
    } else if !matches!(direction, 1 | -1) {
        let rule = format!("must be 1 or -1, found {direction}");
        Some(("direction", rule, "write -1 where the joint turns against the motor"))
    } else if zero_rad.abs() > ZERO_RAD_MAX {
        let rule = format!("{zero_rad} must lie within {ZERO_RAD_MAX:.2} either way");
        Some(("zero_rad", rule, "write the joint's angle at the middle of the encoder"))
    } else if gear.is_some_and(|gear| !GEAR.contains(&gear)) {
        let (low, high) = (GEAR.start(), GEAR.end());
        let rule = format!("must lie between {low} and {high}");
        Some(("gear", rule, "write the turns of the motor for one turn of the joint"))
    } else if torque_limit_part.is_some_and(|part| !(part > 0.0 && part <= 1.0)) {
        let rule = "must lie above 0 and be at most 1".into();
        Some(("torque_limit_part", rule, "write the part of the motor's highest torque"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"[[bus]]
name = "arm"
protocol = "feetech"
port = "/dev/ttyACM0"
bit_rate = 1_000_000
rate_hz = 100.0
[[bus.motors]]
joint = "pan"
id = 1
model = "sts3215"
zero_rad = 0.0
direction = 1
[[bus.motors]]
joint = "lift"
id = 2
model = "sts3250"
zero_rad = 0.5
direction = -1
gear = 2.0
torque_limit_part = 0.5
[[bus]]
name = "hand"
protocol = "dynamixel"
port = "/dev/ttyUSB0"
bit_rate = 1_000_000
rate_hz = 100.0
[[bus.motors]]
joint = "grip"
id = 3
model = "xl330-m288"
zero_rad = 0.0
direction = 1
"#;

    #[derive(Deserialize)]
    struct Buses {
        bus: Vec<BusFile>,
    }

    fn load(text: &str) -> Result<Vec<BusFile>, Box<LoadError>> {
        let source = TomlSource::new("robot.toml", text);
        let buses = source.read::<Buses>()?.bus;
        check(&source, &buses, &["pan", "lift", "grip"])?;
        Ok(buses)
    }

    #[test]
    fn buses_are_read_as_they_are_written() {
        let buses = load(TEXT).unwrap();
        assert_eq!(buses.len(), 2);
        assert_eq!((buses[0].protocol, buses[0].motors.len()), (Protocol::Feetech, 2));
        assert_eq!(buses[0].motors[0].gear, None);
        assert_eq!(buses[0].motors[1].torque_limit_part, Some(0.5));
        assert_eq!((buses[1].motors[0].id, buses[1].rate_hz), (3, 100.0));
    }

    /// Clauses: C1.
    #[test]
    fn broken_buses_are_refused_by_line_and_name() {
        let table = [
            ("joint = \"pan\"", "joint = \"pen\"", 8, "\"pen\" is not a joint"),
            ("joint = \"lift\"", "joint = \"pan\"", 14, "\"pan\" has a motor on bus"),
            ("joint = \"grip\"", "joint = \"pan\"", 28, "on bus \"arm\" and on \"hand\""),
            ("id = 2", "id = 1", 15, "1 is the id of \"pan\""),
            ("id = 2", "id = 254", 15, "between 0 and 253"),
            ("id = 2", "id = 300", 15, "expected u8"),
            ("\"sts3250\"", "\"xl330-m288\"", 16, "no known model of feetech; known are sts3215"),
            ("\"xl330-m288\"", "\"xl330\"", 30, "no known model of dynamixel"),
            ("direction = -1", "direction = 0", 18, "must be 1 or -1"),
            ("zero_rad = 0.5", "zero_rad = 90.0", 17, "must lie within"),
            ("zero_rad = 0.5", "zero_rad = nan", 17, "must be finite"),
            ("gear = 2.0", "gear = 0.0", 19, "must lie between 0.01"),
            ("torque_limit_part = 0.5", "torque_limit_part = 1.5", 20, "at most 1"),
            ("torque_limit_part = 0.5", "torque_limit = 1.5", 20, "unknown field"),
            ("name = \"hand\"", "name = \"arm\"", 22, "own name"),
            ("/dev/ttyUSB0", "/dev/ttyACM0", 24, "carries bus \"arm\""),
            ("port = \"/dev/ttyACM0\"", "port = \"\"", 4, "must not be empty"),
            ("protocol = \"feetech\"", "protocol = \"can\"", 3, "unknown variant `can`"),
            ("bit_rate = 1_000_000", "bit_rate = 300", 5, "between 9600"),
            ("rate_hz = 100.0", "rate_hz = 0.0", 6, "between 1"),
            ("rate_hz = 100.0", "rate_hz = 1.0\nreturn_delay_us = -1.0", 7, "between 0 and 510"),
        ];
        for (from, to, line, rule) in table {
            assert!(TEXT.contains(from), "{from}");
            let error = load(&TEXT.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(rule), "{to}: {error}");
            assert_eq!(error.line_column().map(|(line, _)| line), Some(line), "{to}: {error}");
        }
        let without = TEXT.split("[[bus]]\nname = \"hand\"").next().unwrap();
        assert!(load(without).unwrap_err().rule.contains("\"grip\" has no motor"));
    }
}
