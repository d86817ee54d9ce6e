//! The same over a real pseudo-terminal, in real time: nothing here depends on how long it takes.

use core::time::Duration;
use std::thread::sleep;

use body::emulator::serve_on_pty;
use body::{Body, SerialPort, ServoBus};
use motors::servo::Family;
use signals::{FaultCode, Lifecycle};

use crate::rig::{self, FAMILIES, Loop};

/// Cycles until something that must happen has happened.
const PATIENCE: usize = 3000;

/// Clauses: M4.
#[test]
fn servos_answer_over_a_serial_port() {
    for family in FAMILIES {
        let server = serve_on_pty(rig::bus(family)).unwrap();
        let port = SerialPort::open(server.path().to_str().unwrap(), 1_000_000).unwrap();
        // A loaded machine may answer late; ten turns of this bus are half a second.
        let settings = body::ServoBusSettings { rate_hz: 20.0, ..rig::settings(family) };
        let ramp = Duration::from_millis(200);
        let settings = body::ServoBusSettings { ramp, ..settings };
        let mut body = ServoBus::connect(Box::new(port), settings, &rig::limits()).unwrap();
        server.with(|bus| assert_eq!((bus.writes(), bus.energised()), (0, 0)));
        body.provision().unwrap();
        let mut rig = Loop { body, ..Loop::new(family) };
        rig.run(80, None, None);
        rig.tick(None, Some(signals::OperatorAct::Start));
        let mut active = false;
        for _ in 0..PATIENCE {
            rig.tick(Some(0.0), None);
            active = rig.drives().lifecycle == Lifecycle::Active;
            if active {
                break;
            }
            sleep(rig::PERIOD);
        }
        assert!(active, "{:?} {:?}", rig.drives(), rig.body.counters());
        assert!(server.with(|bus| bus.energised()) >= 3);
        assert!(rig.body.counters().reader.replies > 0);
        drop(rig);
        let mut off = false;
        for _ in 0..PATIENCE {
            off = server.with(|bus| bus.servos().all(|servo| !has_torque(servo)));
            if off {
                break;
            }
            sleep(rig::PERIOD);
        }
        assert!(off, "{family:?}: torque is on after the program ended");
    }
}

fn has_torque(servo: &body::emulator::EmulatedServo) -> bool {
    let register = if servo.model.family == Family::Feetech { 40_u16 } else { 64 };
    servo.byte(register) == 1
}

/// The adapter is unplugged in the middle: a typed fault, and the error names the port.
///
/// Clauses: S7.
#[test]
fn a_port_that_goes_away_is_a_fault() {
    let server = serve_on_pty(rig::bus(Family::Feetech)).unwrap();
    let name = server.path().to_str().unwrap().to_owned();
    let port = SerialPort::open(&name, 1_000_000).unwrap();
    let settings = rig::settings(Family::Feetech);
    let body = ServoBus::connect(Box::new(port), settings, &rig::limits()).unwrap();
    drop(server);
    let mut rig = Loop { body, ..Loop::new(Family::Feetech) };
    for _ in 0..PATIENCE {
        rig.look();
        if rig.body.port_error().is_some() {
            break;
        }
        sleep(rig::PERIOD);
    }
    let error = rig.body.port_error().unwrap().to_string();
    assert!(error.starts_with(&name), "{error}");
    rig.look();
    assert_eq!(rig.drives().fault.unwrap().code, FaultCode::LINK);
    assert!(!rig.body.capabilities().survives_its_host());
}
