//! Opens the buses of a robot file: the motors on them become its body, or emulated ones stand in
//! for them.

use std::time::Duration;

use body::emulator::{EmulatedBus, PtyServer, serve_on_pty};
use body::{Body, CanMotors, CanPort, Envelope, Framed, PortError, SerialPort, ServoBus, Timing};
use model::{BusFile, Robot};
use motors::at_dongle::AtDongle;
use motors::damiao_dongle::DamiaoDongle;
use motors::fdcanusb::Fdcanusb;
use motors::slcan::Slcan;

use super::servo_bus;
use crate::can_buses::{can_motors, is_can};
use crate::error::RunError;

/// How long a motor may take to answer while it is looked for.
const ANSWER_WITHIN: Duration = Duration::from_millis(100);
/// Bits a second between this computer and an adapter for CAN; over USB the number means nothing.
const ADAPTER_RATE: u32 = 921_600;

/// The motors on the buses of `robot` as its body. Energises nothing and clears nothing. `port`
/// stands in for the one of the file, where there is a single bus.
///
/// # Errors
/// The robot file has no bus or a mixture that no body drives, a port cannot be opened, or a motor
/// is not the one that was meant.
pub fn body(robot: &Robot, port: Option<&str>) -> Result<Box<dyn Body>, RunError> {
    let buses = &robot.file.bus;
    let wrong = |what: &str| RunError::Body(format!("{}: {what}", robot.origin));
    if port.is_some() && buses.len() > 1 {
        return Err(wrong(
            "it has several buses, and one port was given. Fix: write the ports under [[bus]], and \
             --body bus",
        ));
    }
    let port_of = |bus: &BusFile| port.unwrap_or(&bus.port).to_owned();
    match buses.as_slice() {
        [] => Err(wrong(
            "it has no [[bus]]: nobody knows which motors turn its joints. Fix: add the tables, as \
             docs/hardware.md shows",
        )),
        [bus] if !is_can(bus.protocol) => servos(robot, bus, &port_of(bus)),
        all if all.iter().all(|bus| is_can(bus.protocol)) => {
            let ports: Result<Vec<_>, _> = all.iter().map(|bus| can_port(&port_of(bus))).collect();
            let envelope = Envelope::new(&robot.limits)
                .map_err(|error| wrong(&format!("its limits make no envelope: {error}")))?;
            let timing = Timing {
                watchdog: Duration::from_secs_f64(1e-3 * robot.file.board.damping_ms),
                answer_within: ANSWER_WITHIN,
            };
            let ports = ports.map_err(failed)?;
            let motors = CanMotors::connect(&envelope, ports, &can_motors(robot), timing);
            Ok(Box::new(motors.map_err(failed)?))
        }
        _ => Err(wrong(
            "no body drives serial servos on several buses, or beside motors on CAN. Fix: put all \
             servos on one bus",
        )),
    }
}

fn servos(robot: &Robot, bus: &BusFile, port: &str) -> Result<Box<dyn Body>, RunError> {
    let settings = servo_bus(robot, bus).ok_or_else(|| failed("no bus of serial servos"))?;
    let port = SerialPort::open(port, bus.bit_rate).map_err(failed)?;
    let mut servos = ServoBus::connect(Box::new(port), settings, &robot.limits).map_err(failed)?;
    servos.provision().map_err(failed)?;
    Ok(Box::new(servos))
}

/// `slcan:DEVICE`, `fdcanusb:DEVICE`, `damiao:DEVICE` or `robstride:DEVICE` for an adapter on a
/// serial port; else a CAN interface of Linux.
fn can_port(port: &str) -> Result<Box<dyn CanPort>, PortError> {
    let serial = |device| SerialPort::open(device, ADAPTER_RATE);
    Ok(match port.split_once(':') {
        Some(("slcan", device)) => Box::new(Framed::open(serial(device)?, Slcan::default())?),
        Some(("fdcanusb", device)) => {
            Box::new(Framed::open(serial(device)?, Fdcanusb::new(false))?)
        }
        Some(("damiao", device)) => {
            Box::new(Framed::open(serial(device)?, DamiaoDongle::default())?)
        }
        Some(("robstride", device)) => {
            Box::new(Framed::open(serial(device)?, AtDongle::default())?)
        }
        _ => return socket(port),
    })
}

#[cfg(feature = "socketcan")]
fn socket(interface: &str) -> Result<Box<dyn CanPort>, PortError> {
    Ok(Box::new(body::SocketCan::open(interface)?))
}

#[cfg(not(feature = "socketcan"))]
fn socket(interface: &str) -> Result<Box<dyn CanPort>, PortError> {
    Err(PortError::Open {
        port: interface.to_owned(),
        why: "this program was built without the sockets of Linux for CAN".to_owned(),
        help: "name an adapter, such as slcan:/dev/ttyACM0, or build with --features socketcan",
    })
}

/// Emulated servos for the one bus of `robot`, behind a serial port that any program can open,
/// until the server is dropped.
///
/// # Errors
/// The robot has no bus of serial servos, or the system gives no port.
pub fn emulate(robot: &Robot) -> Result<PtyServer, RunError> {
    let settings = robot.file.bus.iter().find_map(|bus| servo_bus(robot, bus));
    let Some(settings) = settings else {
        return Err(RunError::Body(format!(
            "{}: it has no [[bus]] of serial servos. Fix: name a robot with one, such as \
             robots/so101; a joint board without hardware is `triune board`",
            robot.origin
        )));
    };
    serve_on_pty(EmulatedBus::of(&settings, &robot.limits))
        .map_err(|error| failed(format!("no pseudo-terminal: {error}")))
}

fn failed(error: impl std::fmt::Display) -> RunError {
    RunError::Body(error.to_string())
}
