//! What a broken servo, a bad wire and missing commands lead to.

use core::time::Duration;

use body::{Applied, Body, SILENT_TURNS};
use motors::servo::{Family, RAW_WATCHDOG};
use signals::{FaultCode, JointId, Lifecycle, OperatorAct};

use crate::rig::{self, FAMILIES, Loop};

/// Every fault of both makers comes typed, with its joint and the maker's code, takes the torque of
/// all joints away slowly, and stays until its id is cleared.
///
/// Clauses: M4.
#[test]
fn every_fault_is_told_and_takes_the_torque_away() {
    let table = [
        (Family::Feetech, 65_u16, 0x01, FaultCode::VOLTAGE),
        (Family::Feetech, 65, 0x02, FaultCode::ENCODER),
        (Family::Feetech, 65, 0x04, FaultCode::TEMPERATURE),
        (Family::Feetech, 65, 0x08, FaultCode::CURRENT),
        (Family::Feetech, 65, 0x20, FaultCode::OVERLOAD),
        (Family::Dynamixel, 70, 0x01, FaultCode::VOLTAGE),
        (Family::Dynamixel, 70, 0x04, FaultCode::TEMPERATURE),
        (Family::Dynamixel, 70, 0x08, FaultCode::ENCODER),
        (Family::Dynamixel, 70, 0x10, FaultCode::HARDWARE),
        (Family::Dynamixel, 70, 0x20, FaultCode::OVERLOAD),
    ];
    for (family, register, bit, code) in table {
        let mut rig = Loop::holding(family);
        let servo = |rig: &Loop| match (family, bit) {
            (_, 0x04) => rig.port.bus().servo(2).temperature = 80,
            (Family::Feetech, 0x01) => rig.port.bus().servo(2).voltage = 40,
            (Family::Dynamixel, 0x01) => rig.port.bus().servo(2).voltage = 30,
            _ => rig.port.bus().servo(2).set_byte(register, bit),
        };
        servo(&rig);
        rig.run(10, Some(0.0), None);
        let fault = rig.drives().fault.unwrap();
        assert_eq!((fault.code, fault.raw), (code, u32::from(bit)), "{family:?} {bit:#x}");
        assert_eq!(fault.joint, JointId::new(1));
        assert_eq!(rig.drives().lifecycle, Lifecycle::Damping, "{code:?}");
        assert!(rig.with_torque() >= 2, "the others hold while their torque goes away");
        rig.run(120, Some(0.0), None);
        assert_eq!(rig.drives().lifecycle, Lifecycle::Fault);
        assert_eq!((rig.with_torque(), rig.drives().fault), (0, Some(fault)), "{code:?}");
    }
}

fn stamp(rig: &Loop, joint: usize) -> signals::Instant {
    rig.frame.unwrap().joints[JointId::new(joint).unwrap()].at
}

/// Clauses: C4.
#[test]
fn a_lost_answer_is_counted_and_its_reading_stays_old() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        let before = rig.body.counters();
        rig.port.bus().faults().drop = 1;
        rig.tick(Some(0.0), None);
        let old = stamp(&rig, 0);
        rig.tick(Some(0.0), None);
        assert_eq!(stamp(&rig, 0), old, "nothing came for it");
        assert!(stamp(&rig, 1) > old, "the others answered");
        rig.run(4, Some(0.0), None);
        assert!(stamp(&rig, 0) > old);
        let counters = rig.body.counters();
        assert_eq!(counters.timeouts, before.timeouts + 1);
        assert!(rig.body.ages(rig.now()).iter().all(|age| *age <= 2 * rig::PERIOD));
        assert_eq!(
            (rig.with_torque(), rig.drives().fault),
            (3, None),
            "one lost answer is no fault"
        );
    }
}

/// A servo that stays silent is a fault with its joint; the rest is still read.
///
/// Clauses: S7.
#[test]
fn a_silent_servo_is_a_fault() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        rig.port.bus().servo(2).silent = true;
        rig.run(SILENT_TURNS as usize * 2 + 4, Some(0.0), None);
        let fault = rig.drives().fault.unwrap();
        assert_eq!((fault.code, fault.joint), (FaultCode::LINK, JointId::new(1)));
        let ages = rig.body.ages(rig.now());
        assert!(ages[JointId::new(1).unwrap()] > rig::PERIOD * SILENT_TURNS);
        assert!(ages[JointId::new(2).unwrap()] <= 3 * rig::PERIOD);
        rig.run(120, Some(0.0), None);
        let on = if family == Family::Feetech { 40_u16 } else { 64 };
        assert_eq!(rig.port.bus().servo(1).byte(on), 0, "the others let go");
    }
}

/// Clauses: C4.
#[test]
fn damaged_doubled_and_noisy_answers_change_nothing() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        let before = rig.body.counters();
        let begin = rig.frame.unwrap().joints;
        {
            let mut bus = rig.port.bus();
            *bus.faults() = body::emulator::WireFaults { corrupt: 3, ..Default::default() };
        }
        rig.run(3, Some(0.0), None);
        let counters = rig.body.counters();
        assert!(counters.reader.bad_checksum >= before.reader.bad_checksum + 3, "{family:?}");
        rig.port.bus().faults().duplicate = 3;
        rig.run(3, Some(0.0), None);
        assert_eq!(rig.body.counters().unexpected, counters.unexpected + 3, "{family:?}");
        let counters = rig.body.counters();
        rig.port.bus().faults().noise = 3;
        rig.run(3, Some(0.0), None);
        assert!(rig.body.counters().reader.resyncs >= counters.reader.resyncs + 3, "{family:?}");
        let end = rig.frame.unwrap().joints;
        for id in end.ids() {
            assert!((end[id].q - begin[id].q).abs().0 < 0.01, "{family:?}");
            assert!(end[id].at > begin[id].at);
        }
        assert_eq!(rig.drives().fault, None);
    }
}

/// An answer that comes a turn too late is dropped, not taken for one to the next request.
///
/// Clauses: C4.
#[test]
fn a_late_answer_gets_no_new_stamp() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        let unexpected = rig.body.counters().unexpected;
        {
            let mut bus = rig.port.bus();
            bus.faults().delay = 1;
            bus.faults().lateness = rig::PERIOD;
        }
        rig.tick(Some(0.0), None);
        let old = stamp(&rig, 0);
        rig.run(2, Some(0.0), None);
        assert_eq!(stamp(&rig, 0), old, "{family:?}");
        assert_eq!(rig.body.counters().unexpected, unexpected + 1);
        rig.run(3, Some(0.0), None);
        assert!(stamp(&rig, 0) > old);
    }
}

/// A servo that loses power for a moment has no torque any more; nobody gives it any until a person
/// has cleared that, and then its watchdog is set anew first.
///
/// Clauses: S7.
#[test]
fn a_servo_that_began_anew_stays_without_torque() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        match family {
            Family::Feetech => rig.port.bus().servo(3).reset_feetech(),
            Family::Dynamixel => rig.port.bus().servo(3).reset_dynamixel(),
        }
        let energised = rig.port.bus().energised();
        rig.run(150, Some(0.0), None);
        let fault = rig.drives().fault.unwrap();
        assert_eq!((fault.code, fault.joint), (FaultCode::SOFTWARE_RESET, JointId::new(2)));
        assert_eq!((rig.with_torque(), rig.port.bus().energised()), (0, energised));
        rig.body.clear(fault.id);
        rig.run(10, Some(0.0), None);
        assert_eq!((rig.with_torque(), rig.drives().fault), (3, None), "{family:?}");
        assert!(family == Family::Feetech || rig.port.bus().servo(3).byte(98_u16) == 5);
    }
}

/// The request that sets a watchdog is lost: no torque before a servo says that it watches.
///
/// Clauses: S7.
#[test]
fn no_torque_before_the_watchdog_reads_as_it_should() {
    let mut rig = Loop::new(Family::Dynamixel);
    for id in 1..=3 {
        rig.port.bus().servo(id).set_byte(98_u16, 0);
    }
    rig.run(80, None, None);
    rig.tick(None, Some(OperatorAct::Start));
    for _ in 0..20 {
        // Each turn loses its first request: the one that sets the watchdogs, as long as one is.
        rig.port.bus().faults().drop_requests = u32::from(rig.number.is_multiple_of(2));
        rig.tick(Some(0.0), None);
        let watched = rig.port.bus().servos().all(|servo| servo.byte(98_u16) == 5);
        assert!(rig.with_torque() == 0 || watched);
    }
    rig.port.bus().faults().drop_requests = 0;
    rig.run(10, Some(0.0), None);
    assert_eq!(rig.with_torque(), 3);
}

fn torque_limit(rig: &Loop) -> u16 {
    let mut bus = rig.port.bus();
    let servo = bus.servo(2);
    let at = if servo.model.family == Family::Feetech { 48_u16 } else { 100 };
    u16::from_le_bytes([servo.byte(at), servo.byte(at + 1)])
}

/// Without commands the torque goes away step by step within a second, then it is off until the
/// loss is cleared. A load sinks meanwhile; it does not fall.
///
/// Clauses: S7, M4.
#[test]
fn without_commands_the_torque_goes_away_slowly() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        rig.port.bus().servo(2).load = -1.0;
        rig.run(20, Some(0.0), None);
        let full = torque_limit(&rig);
        let mut last = full;
        let mut fastest: f32 = 0.0;
        let mut began = None;
        for tick in 0..140 {
            rig.look();
            let now = torque_limit(&rig);
            assert!(now <= last, "torque comes back by itself");
            assert!(last - now <= full / 40, "{family:?}: it goes by more than a step");
            began = began.or((now < full).then_some(tick));
            if now > full / 2 {
                fastest = fastest.max(rig.port.bus().servo(2).velocity.abs());
            }
            last = now;
        }
        assert!(began.is_some_and(|tick| tick <= 6), "{began:?}");
        assert!(fastest < 0.05, "it holds while it has half of its torque: {fastest} rad/s");
        assert_eq!(rig.with_torque(), 0);
        let fault = rig.drives().fault.unwrap();
        assert_eq!((fault.code, fault.joint), (FaultCode::COMMAND_LOST, None));
        assert_eq!(rig.drives().lifecycle, Lifecycle::SafeTorqueOff);
        rig.run(20, Some(0.0), None);
        assert_eq!(rig.with_torque(), 0, "commands alone do not give torque again");
        rig.body.clear(fault.id);
        rig.run(10, Some(0.0), None);
        assert_eq!((rig.with_torque(), rig.drives().fault), (3, None));
    }
}

/// A gap between commands that is shorter than the ramp costs nothing but the gap.
///
/// Clauses: M4.
#[test]
fn commands_that_come_back_in_time_are_followed() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        let full = torque_limit(&rig);
        for _ in 0..30 {
            rig.look();
        }
        assert!(torque_limit(&rig) < full);
        assert_eq!(rig.drives().lifecycle, Lifecycle::Damping);
        rig.run(3, Some(0.0), None);
        assert_eq!((torque_limit(&rig), rig.with_torque()), (full, 3));
        assert_eq!(rig.drives().fault, None);
        let governor = rig.governor.ruling();
        assert_eq!(rig.tick(Some(0.0), None), Applied::Confirmed, "{governor:?}");
    }
}

/// A person's stop, or any other limp command, lets the arm sink as well, and is no fault.
///
/// Clauses: M4.
#[test]
fn limp_commands_take_the_torque_away_slowly() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        let full = torque_limit(&rig);
        rig.run(20, None, None);
        assert!(torque_limit(&rig) < full && torque_limit(&rig) > full / 2);
        rig.run(120, None, None);
        assert_eq!((rig.with_torque(), rig.drives().fault), (0, None));
        assert_eq!(rig.drives().lifecycle, Lifecycle::Standby);
        rig.run(5, Some(0.0), None);
        assert_eq!(rig.with_torque(), 3, "and they may have it again");
    }
}

/// The host hangs: nobody calls the body. Servos with a watchdog stop where they are, and say so
/// when somebody looks again; only clearing lets them move.
///
/// Clauses: S7.
#[test]
fn a_hanging_host_trips_the_watchdog_of_the_servos() {
    let mut rig = Loop::holding(Family::Dynamixel);
    rig.run(30, Some(0.05), None);
    rig.run(3, Some(0.1), None);
    rig.port.bus().advance(Duration::from_millis(85));
    assert_eq!(rig.port.bus().servo(1).byte(98_u16), 5);
    rig.port.bus().advance(Duration::from_millis(900));
    assert_eq!(rig.port.bus().servo(1).byte(98_u16), 0xFF);
    assert!(rig.port.bus().servos().all(|servo| servo.velocity.abs() < 0.01));
    rig.number += 100;
    rig.run(150, Some(0.0), None);
    let fault = rig.drives().fault.unwrap();
    assert_eq!((fault.code, fault.raw), (FaultCode::COMMAND_LOST, RAW_WATCHDOG));
    assert_eq!(rig.port.bus().cleared(), 0);
    // Each of the three has fired, and each is shown to a person.
    for _ in 0..3 {
        rig.body.clear(rig.drives().fault.unwrap().id);
        rig.run(10, Some(0.0), None);
    }
    assert_eq!((rig.port.bus().cleared(), rig.drives().fault), (3, None));
    assert_eq!(rig.port.bus().servo(2).byte(98_u16), 5, "it watches again");
    assert_eq!(rig.with_torque(), 3);
}

/// A servo without a watchdog goes on: that is why the body says so.
///
/// Clauses: S7.
#[test]
fn a_hanging_host_leaves_a_servo_without_a_watchdog_moving() {
    let mut rig = Loop::holding(Family::Feetech);
    assert!(!rig.body.capabilities().survives_its_host());
    rig.run(4, Some(0.05), None);
    rig.port.bus().advance(Duration::from_secs(5));
    assert_eq!(rig.with_torque(), 3);
}

/// The plug is pulled: a fault without a joint, and nothing hangs or panics.
///
/// Clauses: S7.
#[test]
fn an_unplugged_port_is_a_fault() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        rig.port.bus().unplug(true);
        rig.run(5, Some(0.0), None);
        let fault = rig.drives().fault.unwrap();
        assert_eq!((fault.code, fault.joint), (FaultCode::LINK, None));
        assert!(rig.body.port_error().is_some_and(|error| error.to_string().contains("is gone")));
        assert_eq!(rig.body.counters().port_losses, 1);
        rig.body.clear(fault.id);
        rig.run(5, Some(0.0), None);
        assert_eq!(rig.drives().fault, Some(fault), "a port that is gone cannot be cleared");
        assert_eq!(rig.tick(Some(0.0), None), Applied::Unconfirmed);
    }
}

/// A program that ends takes the torque away as slowly, and in the end it is off.
///
/// Clauses: S7.
#[test]
fn a_dropped_body_lets_the_arm_sink() {
    for family in FAMILIES {
        let mut rig = Loop::holding(family);
        rig.port.bus().servo(2).load = -1.0;
        rig.run(20, Some(0.0), None);
        let (port, governor) = (rig.port.clone(), rig.governor.ruling());
        let before = port.bus().servo(2).angle;
        drop(rig);
        assert_eq!(rig::with_torque(&port), 0, "{governor:?}");
        let sunk = before - port.bus().servo(2).angle;
        // In free fall against its friction it would have turned 2.5 rad in that second.
        assert!((0.0..1.2).contains(&sunk), "{family:?}: it fell by {sunk} rad");
    }
}

/// A loop of 1 kHz on a bus of 100 Hz: the bus keeps its rate.
///
/// Clauses: M4.
#[test]
fn the_bus_turns_at_its_own_rate() {
    let mut rig = Loop::new(Family::Feetech);
    let sent = rig.body.counters().sent;
    for number in 0..1000_u64 {
        let now = signals::Instant::from_nanos(10_000_000_000 + number * 1_000_000);
        let cycle = signals::Cycle { number, now, period: Duration::from_millis(1) };
        rig.body.sense(&cycle);
        rig.port.bus().advance(Duration::from_millis(1));
    }
    // Only looked at, a turn is late by half of its period: then it is certain that none comes.
    let sent = rig.body.counters().sent - sent;
    assert!((60..=100).contains(&sent), "{sent} requests in a second");
    assert_eq!(rig.body.counters().timeouts, 0);
    rig.tick(None, Some(OperatorAct::Start));
}
