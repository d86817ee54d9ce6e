//! The bytes of DAMIAO, RobStride and moteus: published ones, and the defects seen elsewhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails has failed")]

use moteus_protocol::CanFdFrame;
use moteus_protocol::command::{PositionCommand, PositionFormat};
use moteus_protocol::query::{QueryFormat, QueryResult};
use moteus_protocol::{Resolution, parse_frame};
use motors::can::{CanFrame, CanId};
use motors::damiao::{self, Register, Status};
use motors::moteus::{self, Bounds, Gains};
use motors::robstride::{self, Address, Answer, FaultBits, FaultWords, Mode, Parameter};
use proptest::prelude::*;
use signals::{
    Damping, FaultCode, JointCommand, NewtonMetres, Radians, RadiansPerSecond, Stiffness,
};

fn wanted(q: f32, dq: f32, kp: f32, kd: f32, tau: f32) -> JointCommand {
    JointCommand {
        q: Radians(q),
        dq: RadiansPerSecond(dq),
        kp: Stiffness(kp),
        kd: Damping(kd),
        tau: NewtonMetres(tau),
    }
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn eight(id: CanId, text: &str) -> CanFrame {
    CanFrame::eight(id, hex(text).try_into().unwrap())
}

const DM4310: damiao::Model = damiao::Model::Dm4310;
const RS04: robstride::Model = robstride::Model::Rs04;
const MOTOR_1: Address = Address { motor: 1, host: 0xFD };

#[test]
fn damiao_published_frames() {
    let scale = DM4310.scale();
    let me = CanId::Standard(1);
    let zero = damiao::command(1, &JointCommand::LIMP, &scale).unwrap();
    assert_eq!(zero, eight(me, "7FFF7FF0000007FF"));
    let command = damiao::command(1, &wanted(1.0, 2.0, 20.0, 0.5, 0.3), &scale).unwrap();
    assert_eq!(command, eight(me, "8A3C8880A319983C"));
    assert_eq!(damiao::enable(1), eight(me, "FFFFFFFFFFFFFFFC"));
    assert_eq!(damiao::disable(1), eight(me, "FFFFFFFFFFFFFFFD"));
    assert_eq!(damiao::clear(1), eight(me, "FFFFFFFFFFFFFFFB"));
    let all = CanId::Standard(0x7FF);
    assert_eq!(damiao::refresh(0x105), eight(all, "0501CC0000000000"));
    assert_eq!(damiao::read(1, Register::Q_MAX), eight(all, "0100331500000000"));
    let write = damiao::write(1, Register::TIMEOUT, 400_u32.to_le_bytes());
    assert_eq!(write, eight(all, "0100550990010000"));
}

/// Defect 1: finding a motor neither energises it nor clears a fault, and its answer is decoded,
/// not what was sent.
#[test]
fn damiao_is_found_without_energising_it() {
    for id in 1..=16 {
        for question in [damiao::refresh(id), damiao::read(id, Register::FIRMWARE)] {
            assert_eq!(question.id(), CanId::Standard(0x7FF), "not to the motor's own id");
            assert!(!matches!(question.data()[7], 0xFB..=0xFE), "{question:?}");
            // What was sent cannot be taken for an answer of this motor.
            assert_eq!(damiao::register(&question, id, Register::TIMEOUT), None);
        }
    }
}

/// Defect 3: every status is told, with what the maker says as it is.
#[test]
fn damiao_status_is_never_lost() {
    let faults = [
        (0x5, FaultCode::ENCODER),
        (0x6, FaultCode::PARAMETERS),
        (0x8, FaultCode::OVERVOLTAGE),
        (0x9, FaultCode::UNDERVOLTAGE),
        (0xA, FaultCode::CURRENT),
        (0xB, FaultCode::TEMPERATURE),
        (0xC, FaultCode::MOTOR_TEMPERATURE),
        (0xD, FaultCode::COMMAND_LOST),
        (0xE, FaultCode::OVERLOAD),
        (0xF, FaultCode::GENERIC),
    ];
    for (status, code) in faults {
        let mut bytes = [0; 8];
        bytes[0] = status << 4 | 1;
        let frame = CanFrame::eight(CanId::Standard(0x11), bytes);
        let said = damiao::feedback(&frame, 1, &DM4310.scale()).unwrap();
        assert_eq!((said.status, said.status.fault()), (Status(status), Some(code)));
        assert_eq!(damiao::feedback(&frame, 2, &DM4310.scale()), None, "another motor's");
    }
    assert_eq!(Status::ENABLED.fault().or(Status::DISABLED.fault()), None);
}

/// Defect 3, second half: a number beyond the scale does not wrap to the other end.
#[test]
fn an_excessive_command_is_clamped() {
    let wild = wanted(99.0, -99.0, 9e9, 9e9, 99.0);
    let frame = damiao::command(1, &wild, &DM4310.scale()).unwrap();
    assert_eq!(frame.data(), hex("FFFF000FFFFFFFFF"));
    let frame = robstride::command(MOTOR_1, &wild, &RS04.scale()).unwrap();
    assert_eq!(frame.data()[..4], hex("FFFF0000"));
    let not_a_number = wanted(f32::NAN, 0.0, 0.0, 0.0, 0.0);
    assert_eq!(damiao::command(1, &not_a_number, &DM4310.scale()), None);
    assert_eq!(robstride::command(MOTOR_1, &not_a_number, &RS04.scale()), None);
}

#[test]
fn damiao_answers_mean_what_the_maker_says() {
    let frame = eight(CanId::Standard(0x11), "118A3C88883C2A1F");
    let said = damiao::feedback(&frame, 1, &DM4310.scale()).unwrap();
    assert_eq!(said.status, Status::ENABLED);
    let measured = said.measured;
    assert!((measured.q.0 - 1.0).abs() < 4e-4 && (measured.dq.0 - 2.0).abs() < 0.015);
    assert!((measured.tau.0 - 0.3).abs() < 0.005, "{measured:?}");
    assert_eq!((measured.drive.unwrap().0, measured.winding.0), (42.0, 31.0));
    let frame = eight(CanId::Standard(0x11), "0100331500004841");
    assert_eq!(damiao::register(&frame, 1, Register::Q_MAX).map(f32::from_le_bytes), Some(12.5));
    assert_eq!(damiao::register(&frame, 1, Register::DQ_MAX), None, "another register");
    assert_eq!(damiao::register(&frame, 2, Register::Q_MAX), None, "another motor");
}

#[test]
fn robstride_published_frames() {
    let command = wanted(0.5, 0.0, 50.0, 2.0, 1.0);
    let frame = robstride::command(MOTOR_1, &command, &RS04.scale()).unwrap();
    assert_eq!(frame, eight(CanId::Extended(0x0181_1001), "85177FFF028F051E"));
    assert_eq!(robstride::enable(MOTOR_1), eight(CanId::Extended(0x0300_FD01), "0000000000000000"));
    assert_eq!(
        robstride::read(MOTOR_1, Parameter::SUPPLY),
        eight(CanId::Extended(0x1100_FD01), "1C70000000000000")
    );
    // A stub of K-Scale answers to host 0.
    let frame = eight(CanId::Extended(0x0200_0100), "7FFE80737FFF0118");
    let to_zero = Address { motor: 1, host: 0 };
    let said = robstride::answer(&frame, to_zero, &RS04.scale()).unwrap();
    let Answer::Feedback { mode, faults, measured } = said else { panic!("{said:?}") };
    assert_eq!((mode, faults.fault()), (Mode::Reset, None));
    assert!((measured.winding.0 - 28.0).abs() < 1e-4, "{measured:?}");
    assert_eq!(robstride::answer(&frame, MOTOR_1, &RS04.scale()), None, "to another host");
}

/// Defect 2: looking at a motor does not clear its faults.
#[test]
fn robstride_is_found_without_clearing_its_faults() {
    let questions = [
        robstride::ask_id(MOTOR_1),
        robstride::read(MOTOR_1, Parameter::Q),
        robstride::stop(MOTOR_1),
    ];
    let clear = robstride::clear(MOTOR_1);
    for question in questions {
        assert_ne!(question, clear);
        assert_ne!(question.id(), robstride::enable(MOTOR_1).id());
    }
    assert_eq!(robstride::stop(MOTOR_1).data()[0], 0, "a one there would clear");
}

/// Defect 4: the table is the maker's own, and where others differ the same bytes mean another
/// torque.
#[test]
fn robstride_scales_are_the_makers() {
    use robstride::Model::{Rs00, Rs01, Rs02, Rs03, Rs04, Rs05, Rs06};
    let table = [
        (Rs00, 50.0, 17.0, 500.0),
        (Rs01, 44.0, 17.0, 500.0),
        (Rs02, 44.0, 17.0, 500.0),
        (Rs03, 50.0, 60.0, 5000.0),
        (Rs04, 15.0, 120.0, 5000.0),
        (Rs05, 33.0, 17.0, 500.0),
        (Rs06, 20.0, 60.0, 5000.0),
    ];
    for (model, dq, tau, kp) in table {
        let scale = model.scale();
        assert_eq!((scale.dq.0, scale.tau.0, scale.kp.0), (dq, tau, kp), "{model:?}");
    }
    // By the table of LeRobot 5.5 N.m would be sent as the highest torque: the motor gives 17.
    let of_others = signals::NewtonMetres(5.5);
    let full = CanFrame::eight(CanId::Extended(0x0280_01FD), [0xFF; 8]);
    let Some(Answer::Feedback { measured, .. }) = robstride::answer(&full, MOTOR_1, &Rs05.scale())
    else {
        panic!("no feedback")
    };
    assert!(measured.tau.0 / of_others.0 > 3.0);
}

/// Defect 5: faults stand in the fault bits, ids in the id bits, and the stall in the word of
/// faults.
#[test]
fn robstride_faults_are_read_where_they_stand() {
    let bits = [
        (0, FaultCode::UNDERVOLTAGE),
        (1, FaultCode::CURRENT),
        (2, FaultCode::MOTOR_TEMPERATURE),
        (3, FaultCode::ENCODER),
        (4, FaultCode::OVERLOAD),
        (5, FaultCode::PARAMETERS),
    ];
    for (bit, code) in bits {
        let id = CanId::Extended(0x0280_01FD | 1 << (16 + bit));
        let frame = CanFrame::eight(id, [0; 8]);
        let said = robstride::answer(&frame, MOTOR_1, &RS04.scale()).unwrap();
        let Answer::Feedback { mode, faults, .. } = said else { panic!("{said:?}") };
        assert_eq!((mode, faults), (Mode::Running, FaultBits(1 << bit)));
        assert_eq!(faults.fault(), Some(code));
    }
    let words = |faults, warnings| FaultWords { faults, warnings }.fault();
    assert_eq!(words(1 << 14, 0), Some(FaultCode::OVERLOAD));
    assert_eq!(words(0, 1 << 14), None, "a warning stops nobody");
    assert_eq!(words(1 << 30, 0), Some(FaultCode::GENERIC), "no unnamed fault is lost");
    let frame = eight(CanId::Extended(0x1500_01FD), "0400000001000000");
    assert_eq!(
        robstride::answer(&frame, MOTOR_1, &RS04.scale()),
        Some(Answer::Fault(FaultWords { faults: 4, warnings: 1 }))
    );
    let refused = eight(CanId::Extended(0x1101_01FD), "2870000000000000");
    assert_eq!(
        robstride::answer(&refused, MOTOR_1, &RS04.scale()),
        Some(Answer::Refused(Parameter::TIMEOUT))
    );
}

const GAINS: Gains = Gains { kp: 100.0, kd: 5.0 };
const BOUNDS: Bounds = Bounds { tau: NewtonMetres(2.0), watchdog: 0.05 };

/// The maker's published command of position 80, velocity 1 and no torque in 16 bits, and answer.
#[test]
fn moteus_published_frames() {
    let mut format = PositionFormat::default();
    format.position = Resolution::Int16;
    format.velocity = Resolution::Int16;
    format.feedforward_torque = Resolution::Int16;
    let mut query = QueryFormat::default();
    query.mode = Resolution::Int16;
    query.position = Resolution::Int16;
    query.velocity = Resolution::Int16;
    query.torque = Resolution::Int16;
    let mut sent = CanFdFrame::new();
    sent.arbitration_id = 0x8001;
    PositionCommand::new()
        .position(0.00961)
        .velocity(0.0721)
        .feedforward_torque(-1.76)
        .serialize(&mut sent, &format);
    query.serialize(&mut sent);
    let published = hex("01000A07206000200150FF140400130D");
    assert_eq!(motors::fdcanusb::from_vendor(&sent).unwrap().data(), published);
    let answer = hex("2404000A005000000170FF230D181400");
    let frame = CanFrame::flexible(CanId::Standard(0x100), &answer, 0).unwrap();
    let said = moteus::answer(&frame, 1).unwrap();
    assert_eq!((said.mode(), said.fault()), (Some(moteus::Mode::Position), None));
    assert!((said.position - 0.008).abs() < 1e-6 && (said.torque + 1.44).abs() < 1e-6);
    assert_eq!(moteus::answer(&frame, 2), None, "another controller's");
    // The published command of position 1 and velocity 2 as floats.
    let command = hex("01000A0E200000803F0000004011001F01130D");
    let mut sent = CanFdFrame::new();
    PositionCommand::new()
        .position(1.0)
        .velocity(2.0)
        .serialize(&mut sent, &PositionFormat::default());
    QueryFormat::default().serialize(&mut sent);
    assert_eq!(sent.payload(), command);
}

#[test]
fn moteus_questions_command_nothing() {
    let questions = [
        moteus::ask(3),
        moteus::ask_versions(3),
        moteus::try_watchdog(3, 0.02),
        moteus::say(3, b"conf get servo.pid_position.kp\n"),
        moteus::listen(3),
    ];
    for question in questions.map(Option::unwrap) {
        let writes_mode = parse_frame(question.data()).any(|part| {
            use moteus_protocol::{Subframe, SubframeType};
            matches!(
                part,
                Subframe::Register { subframe_type: SubframeType::Write, register: 0, .. }
            )
        });
        assert!(!writes_mode, "{question:?}");
    }
}

#[test]
fn moteus_commands_carry_their_bounds() {
    let frame = moteus::command(1, &wanted(1.0, 0.0, 8.0, 0.1, 5.0), &GAINS, &BOUNDS).unwrap();
    let mut values = std::collections::BTreeMap::new();
    for part in parse_frame(frame.data()) {
        if let moteus_protocol::Subframe::Register { register, value: Some(value), .. } = part {
            values.insert(register, value.to_f32(&moteus_protocol::scaling::INT));
        }
    }
    assert_eq!(values[&0], 10.0);
    assert!((values[&0x20] * std::f32::consts::TAU - 1.0).abs() < 1e-6);
    assert_eq!(values[&0x22], 2.0, "torque clamped to its bound");
    assert!((values[&0x23] - 0.5027).abs() < 1e-3, "8 N.m/rad of 100 N.m a turn");
    assert_eq!((values[&0x25], values[&0x27]), (2.0, 0.05));
    let limp = moteus::command(1, &JointCommand::LIMP, &GAINS, &BOUNDS).unwrap();
    assert_ne!(limp, frame);
    assert!(!moteus::holds(&wanted(0.0, 0.0, 100.0, 0.0, 0.0), &GAINS, &BOUNDS));
    assert!(moteus::holds(&JointCommand::LIMP, &GAINS, &BOUNDS));
    assert_eq!(
        moteus::command(1, &wanted(0.0, f32::INFINITY, 0.0, 0.0, 0.0), &GAINS, &BOUNDS),
        None
    );
}

#[test]
fn moteus_faults_are_told_and_reasons_are_none() {
    let said = |mode: u8, fault: u8| {
        let data = [0x21, 0x00, mode, 0x21, 0x0F, fault];
        let frame = CanFrame::flexible(CanId::Standard(0x100), &data, 0x50).unwrap();
        moteus::answer(&frame, 1).unwrap().fault()
    };
    assert_eq!(said(1, 38), Some(FaultCode::TEMPERATURE));
    assert_eq!(said(1, 99), Some(FaultCode::GENERIC));
    assert_eq!(said(11, 0), Some(FaultCode::COMMAND_LOST));
    assert_eq!(said(10, 99), None, "only why the torque is less");
    assert_eq!(said(0, 0), None);
}

/// The crate's parser panics on such a frame where overflow is checked; ours refuses it.
#[test]
fn moteus_register_numbers_do_not_overflow() {
    for data in [[0x21, 0xFF, 0xFF, 0xFF, 0x7F, 1].as_slice(), &[0x23, 0xFF, 0xFF, 0x03, 1, 2, 3]] {
        let frame = CanFrame::classic(CanId::Standard(0x100), data).unwrap();
        assert_eq!(moteus::answer(&frame, 1), None);
    }
}

proptest! {
    /// Nothing that comes over a wire breaks a decoder.
    #[test]
    fn garbage_is_no_answer(
        number in 0..=CanId::EXTENDED_MAX,
        data in prop::collection::vec(any::<u8>(), 0..=64),
    ) {
        let frame = CanFrame::flexible(CanId::Extended(number), &data, 0).unwrap();
        let to_us = CanFrame::flexible(CanId::Standard(0x100), &data, 0).unwrap();
        for frame in [frame, to_us] {
            let _ = damiao::feedback(&frame, 1, &DM4310.scale());
            let _ = damiao::register(&frame, 1, Register::TIMEOUT);
            let _ = robstride::answer(&frame, MOTOR_1, &RS04.scale());
            let _ = moteus::text(&frame, 1);
            let _ = moteus::answer(&frame, 1);
        }
    }

    /// On frames that are sound, our reader of moteus registers and the maker's agree.
    #[test]
    fn our_reader_agrees_with_the_makers(
        mode in 0_u8..16,
        floats in prop::array::uniform3(any::<f32>()),
        temperature in any::<i16>(),
        board in any::<i8>(), fault in 0_i8..120,
    ) {
        let mut data = vec![0x21, 0x00, mode, 0x2F, 0x01];
        floats.iter().for_each(|value| data.extend(value.to_le_bytes()));
        data.extend([0x25, 0x0A]);
        data.extend(temperature.to_le_bytes());
        data.extend([0x22, 0x0E, board as u8, fault as u8]);
        let frame = CanFrame::flexible(CanId::Standard(0x100), &data, 0x50).unwrap();
        let ours = moteus::answer(&frame, 1).unwrap();
        let theirs = QueryResult::parse_data(frame.data());
        let same = |a: f32, b: f32| a == b || a.is_nan() && b.is_nan();
        prop_assert_eq!(ours.mode, Some(i32::from(u8::from(theirs.mode))));
        prop_assert!(same(ours.position, theirs.position) && same(ours.velocity, theirs.velocity));
        prop_assert!(same(ours.torque, theirs.torque));
        prop_assert!(same(ours.motor_temperature, theirs.motor_temperature));
        prop_assert!(same(ours.board_temperature, theirs.temperature));
        prop_assert_eq!(ours.fault, Some(i32::from(theirs.fault)));
    }

    /// What a DAMIAO motor is told, read back by the same scale, is what was wanted to a step.
    #[test]
    fn damiao_round_trip(q in -12.5_f32..12.5, dq in -30_f32..30.0, tau in -10_f32..10.0) {
        let frame = damiao::command(1, &wanted(q, dq, 0.0, 0.0, tau), &DM4310.scale()).unwrap();
        let b = frame.data();
        let answer = [0x11, b[0], b[1], b[2], b[3] & 0xF0 | b[6] & 0xF, b[7], 0, 0];
        let frame = CanFrame::eight(CanId::Standard(0x11), answer);
        let read = damiao::feedback(&frame, 1, &DM4310.scale()).unwrap().measured;
        prop_assert!((read.q.0 - q).abs() < 4e-4);
        prop_assert!((read.dq.0 - dq).abs() < 0.015);
        prop_assert!((read.tau.0 - tau).abs() < 0.005);
    }
}
