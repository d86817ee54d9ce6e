//! What connecting reads, refuses and never does.

use core::time::Duration;

use body::emulator::{EmulatedBus, EmulatedPort};
use body::{Body, Control, ServoBus, ServoBusError, ServoBusSettings};
use motors::servo::{Family, ServoModel};
use signals::{FaultCode, JointId, Joints, Lifecycle, Radians};

use crate::rig::{self, FAMILIES, Loop};

/// A servo that already has torque and a servo with a fault are found so and left so: by
/// connecting, by looking on for a while and by going away again.
///
/// Clauses: A1, M4.
#[test]
fn looking_at_servos_writes_nothing() {
    for family in FAMILIES {
        let port = EmulatedPort::new(rig::bus(family));
        let torque = if family == Family::Feetech { 40_u16 } else { 64 };
        port.bus().servo(1).set_byte(torque, 1);
        port.bus().servo(2).temperature = 80;
        port.bus().advance(Duration::from_millis(5));
        let mut body = rig::connect(&port, family).unwrap();
        let names: Vec<_> = body.identities().map(|servo| (servo.joint, servo.model)).collect();
        assert_eq!(names[1], ("lift".to_owned(), rig::model(family).name));
        for number in 0..50 {
            let now = signals::Instant::ZERO + rig::PERIOD * number;
            let cycle = signals::Cycle { number: number.into(), now, period: rig::PERIOD };
            let drives = body.sense(&cycle).drives.unwrap();
            let fault = drives.fault.unwrap();
            assert_eq!(fault.code, FaultCode::TEMPERATURE);
            assert_eq!(fault.joint, JointId::new(1));
            assert_eq!(drives.lifecycle, Lifecycle::Fault);
            port.bus().advance(rig::PERIOD);
        }
        body.clear(77);
        drop(body);
        let mut bus = port.bus();
        assert_eq!((bus.writes(), bus.energised(), bus.cleared()), (0, 0, 0), "{family:?}");
        assert_eq!(bus.servo(1).byte(torque), 1, "torque that was there was taken away");
    }
}

type Spoil = fn(&mut EmulatedBus, &mut ServoBusSettings);

fn refusal(family: Family, spoil: Spoil) -> (ServoBusError, u32) {
    let (mut bus, mut settings) = (rig::bus(family), rig::settings(family));
    settings.answer_wait = Duration::from_millis(20);
    spoil(&mut bus, &mut settings);
    let port = EmulatedPort::new(bus);
    let refused = ServoBus::connect(Box::new(port.clone()), settings, &rig::limits());
    let writes = port.bus().writes();
    (refused.err().unwrap(), writes)
}

/// A family, what is wrong, and what is said.
const REFUSALS: &[(Family, Spoil, &str)] = &[
    (
        Family::Feetech,
        |bus, _| bus.servo(2).set_word(3_u16, 1284),
        "lift (id 2) says it is model 1284, and sts3215 is 777",
    ),
    (
        Family::Dynamixel,
        |bus, _| bus.servo(2).set_word(0_u16, 1190),
        "lift (id 2) says it is model 1190, and xl330-m288 is 1200",
    ),
    (
        Family::Feetech,
        |bus, _| bus.servo(1).set_byte(18_u16, 0x10),
        "pan (id 1): its position counts beyond a turn; clear bit 4 of register 18",
    ),
    (
        Family::Feetech,
        |bus, _| bus.servo(1).set_byte(33_u16, 1),
        "pan (id 1): it does not follow positions; write 0 to register 33",
    ),
    (
        Family::Dynamixel,
        |bus, _| bus.servo(3).set_byte(11_u16, 4),
        "grip (id 3): it does not follow positions; write 3",
    ),
    (
        Family::Dynamixel,
        |bus, _| bus.servo(3).set_byte(10_u16, 1),
        "clear bits 0 and 2 of register 10",
    ),
    (
        Family::Dynamixel,
        |bus, _| bus.servo(3).set_byte(10_u16, 4),
        "clear bits 0 and 2 of register 10",
    ),
    (
        Family::Feetech,
        |bus, _| bus.servo(3).set_word(11_u16, 4095),
        "takes goals from -1.4987 to 3.1401 rad, and the robot file permits -1.5000 to 1.5000; \
         set its position limits to 1070 and 3026",
    ),
    (
        Family::Dynamixel,
        |bus, _| bus.servo(2).set_word(52_u16, 0),
        "takes goals from -1.4987 to 3.1416 rad",
    ),
    (
        Family::Feetech,
        |_, settings| settings.servos[0].zero = Radians(0.5),
        "pan (id 1) takes goals from -0.9987 to 1.9987 rad",
    ),
    (
        Family::Feetech,
        |_, settings| settings.servos[0].gear = 0.5,
        "pan (id 1) takes goals from -2.9974 to 2.9974 rad",
    ),
    (
        Family::Feetech,
        |bus, settings| {
            settings.return_delay_us = 100.0;
            bus.servo(2).set_byte(7_u16, 250);
        },
        "lift (id 2) waits 500 us before it answers, and the load of the bus was computed with \
         100 us",
    ),
    (
        Family::Dynamixel,
        |bus, _| bus.servo(3).silent = true,
        "grip (id 3) does not answer within 60 ms",
    ),
    (Family::Feetech, |bus, _| bus.faults().echo = true, "the adapter sends back what it is sent"),
    (
        Family::Dynamixel,
        |bus, _| bus.faults().echo = true,
        "the adapter sends back what it is sent",
    ),
    (Family::Feetech, |bus, _| bus.unplug(true), "is gone: it was unplugged"),
    (Family::Feetech, |_, settings| drop(settings.servos.pop()), "it has 2 servos for 3 joints"),
    (
        Family::Feetech,
        |_, settings| settings.servos[1].joint = settings.servos[0].joint,
        "exactly one for each joint",
    ),
    (
        Family::Feetech,
        |_, settings| settings.rate_hz = 1000.0,
        "at 1000 Hz that is 321 % of the wire's time",
    ),
];

/// Each refusal names the bus, the joint, both numbers and the way out; nothing is written.
///
/// Clauses: C1, M1, M4.
#[test]
fn what_does_not_fit_is_refused_with_both_numbers() {
    for (family, spoil, what) in REFUSALS {
        let (error, writes) = refusal(*family, *spoil);
        assert!(error.to_string().contains(what), "{family:?}: {error}\n  wanted: {what}");
        assert_eq!(writes, 0, "{error}");
    }
}

/// The counts that a refusal names are accepted.
///
/// Clauses: C1.
#[test]
fn the_limits_a_refusal_names_are_accepted() {
    let mut bus = rig::bus(Family::Feetech);
    for id in 1..=3 {
        bus.servo(id).set_word(9_u16, 1070);
        bus.servo(id).set_word(11_u16, 3026);
    }
    rig::connect(&EmulatedPort::new(bus), Family::Feetech).unwrap();
}

/// The arithmetic of a cycle is in the message, and the rate it names is possible.
///
/// Clauses: C1.
#[test]
fn an_impossible_rate_is_refused_with_the_arithmetic() {
    let mut settings = rig::settings(Family::Feetech);
    settings.servos.extend(settings.servos.clone());
    settings.rate_hz = 400.0;
    let refused = settings.load().unwrap_err().to_string();
    let arithmetic = "bus arm: 318 bytes x 10 bits / 1000000 bit/s + 6 answers x 500 us = 6.18 ms; \
                      at 400 Hz that is 247 % of the wire's time, and 90 % is the most: set \
                      rate_hz to 145 or less";
    assert!(refused.starts_with(arithmetic), "{refused}");
    settings.rate_hz = 145.0;
    assert!((0.89..=0.9).contains(&settings.load().unwrap()));
    settings.rate_hz = f64::NAN;
    assert!(settings.load().is_err());
}

/// Clauses: S7.
#[test]
fn a_watchdog_is_provisioned_and_read_back_where_there_is_one() {
    let port = EmulatedPort::new(rig::bus(Family::Dynamixel));
    let mut body = rig::connect(&port, Family::Dynamixel).unwrap();
    assert!(!body.capabilities().survives_its_host(), "nothing is claimed before it was read back");
    body.provision().unwrap();
    let drives = body.capabilities().drives;
    let span = Some(Duration::from_millis(100));
    assert!(
        drives.iter().all(|drive| drive.watchdog == span && drive.control == Control::Position)
    );
    assert_eq!(port.bus().servo(3).byte(98_u16), 5);
    assert_eq!(port.bus().energised(), 0);

    let port = EmulatedPort::new(rig::bus(Family::Feetech));
    let mut body = rig::connect(&port, Family::Feetech).unwrap();
    body.provision().unwrap();
    assert_eq!(port.bus().writes(), 0, "there is nothing to provision");
    assert!(body.capabilities().drives.iter().all(|drive| drive.watchdog.is_none()));
}

/// Writing to a watchdog that has fired would clear it.
///
/// Clauses: M4.
#[test]
fn a_watchdog_that_has_fired_is_left_for_a_person() {
    let port = EmulatedPort::new(rig::bus(Family::Dynamixel));
    port.bus().servo(2).set_byte(98_u16, 0xFF);
    let mut body = rig::connect(&port, Family::Dynamixel).unwrap();
    let error = body.provision().unwrap_err().to_string();
    assert!(error.contains("lift (id 2) was set to 5 and reads 255"), "{error}");
    assert_eq!(port.bus().cleared(), 0);
}

/// Joint angles have the signs, the zero and the gear of the robot file, both ways.
///
/// Clauses: M4.
#[test]
fn angles_are_those_of_the_joint() {
    for family in FAMILIES {
        let mut settings = rig::settings(family);
        settings.servos[1].zero = Radians(0.25);
        settings.servos[1].gear = 2.0;
        let port = EmulatedPort::new(rig::bus(family));
        port.bus().servo(2).angle = 0.5;
        port.bus().advance(Duration::from_millis(2));
        let body = ServoBus::connect(Box::new(port.clone()), settings, &rig::limits()).unwrap();
        let mut rig = Loop { body, port, ..Loop::new(family) };
        rig.run(3, None, None);
        // Reversed and geared down by two: 0.25 - 0.5 / 2.
        let readings: Joints<_> = rig.frame.unwrap().joints;
        let q = readings[JointId::new(1).unwrap()].q.0;
        assert!(q.abs() < 2e-3, "{family:?}: {q} rad");
    }
}

/// The models a robot file may name are those whose numbers are known.
///
/// Clauses: C1.
#[test]
fn models_have_names_and_numbers_of_their_own() {
    for (at, model) in motors::servo::MODELS.iter().enumerate() {
        assert_eq!(ServoModel::named(model.family, model.name), Some(model));
        for other in &motors::servo::MODELS[..at] {
            assert!(other.name != model.name && other.number != model.number, "{}", model.name);
        }
    }
}
