//! The firmware on a Cortex-M4 and a RISC-V of the emulator: what a robot has left when its host is
//! gone, when the wire lies, and when the firmware itself fails.
//!
//! All but the last test run on the bench of [`whole::qemu`], where time is counted in ticks of the
//! board and nothing depends on the load of this machine. They return early, with a message, where
//! the emulator is missing; `tests/run firmware` installs it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use board::bench::{Answer, Failure, JOINTS, Now, Place};
use firmware::frame::CHECKSUM;
use firmware::message::{Refusal, Reply, Request};
use firmware::{Configuration, LimitReason, ResetCause};
use signals::{
    Damping, FaultCode, JointCommand, Lifecycle, NewtonMetres, Radians, RadiansPerSecond, Stiffness,
};
use whole::qemu::{Board, Image, NoBoard, Talk, configuration, or_skip};

type Outcome = Result<(), NoBoard>;

/// Cycles of one tick: 1 ms at 25 MHz.
const TICK_CYCLES: u32 = 25_000;
/// Where the joints are told to go, and how hard: 0.1 rad * 20 N m/rad is a torque of 2 N m.
const WANTED: JointCommand = JointCommand {
    q: Radians(0.1),
    dq: RadiansPerSecond(0.0),
    kp: Stiffness(20.0),
    kd: Damping(0.5),
    tau: NewtonMetres(0.0),
};

/// A provisioned board with a session open, or a message and `None`.
fn provisioned() -> Result<Option<Talk>, NoBoard> {
    let Some(board) = or_skip(Board::on_bench()) else { return Ok(None) };
    let mut talk = Talk::with(board);
    talk.run(2)?;
    talk.hello()?;
    talk.provision(&configuration())?;
    talk.run(2)?;
    talk.hello()?;
    Ok(Some(talk))
}

/// A board that follows commands.
fn active() -> Result<Option<Talk>, NoBoard> {
    let Some(mut talk) = provisioned()? else { return Ok(None) };
    for _ in 0..10 {
        step(&mut talk, WANTED)?;
    }
    let reply = talk.ask(&Request::Arm { configuration: configuration().hash() })?;
    assert_eq!(reply, Reply::Done);
    let now = step(&mut talk, WANTED)?;
    assert_eq!((lifecycle(&now), now.gate), (Lifecycle::Active, true));
    Ok(Some(talk))
}

/// One tick with a command and a heartbeat.
fn step(talk: &mut Talk, joint: JointCommand) -> Result<Now, NoBoard> {
    let (beat, command) = (talk.heartbeat(), talk.command(joint, true));
    talk.say(&beat)?;
    talk.say(&command)?;
    Ok(ran(talk.run(1)?))
}

fn ran(answer: Answer) -> Now {
    match answer {
        Answer::Ran { now, .. } => now,
        Answer::Booted(now) => panic!("the board was reset on the way: {now:?}"),
    }
}

fn lifecycle(now: &Now) -> Lifecycle {
    Lifecycle::of(now.lifecycle).unwrap()
}

/// Clauses: M4.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn a_board_that_nobody_has_told_anything_can_be_talked_to_and_not_be_armed() -> Outcome {
    let Some(board) = or_skip(Board::on_bench()) else { return Ok(()) };
    let mut talk = Talk::with(board);
    assert_eq!(lifecycle(&ran(talk.run(1)?)), Lifecycle::Standby);
    let identity = talk.identity()?;
    assert_eq!((identity.board, identity.joints_max, identity.joints), (*b"MPS2", 12, 0));
    assert_eq!((identity.reset_cause, identity.resets), (ResetCause::Power, 0));
    let wrong = talk.ask(&Request::Hello { versions: [7, 9] })?;
    assert_eq!(wrong, Reply::Refused(Refusal::Version));
    talk.hello()?;
    let refused = talk.ask(&Request::Arm { configuration: configuration().hash() })?;
    assert_eq!(refused, Reply::Refused(Refusal::Configuration { own: 0 }));
    Ok(())
}

/// Clauses: M4.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn what_was_provisioned_outlives_a_reset_and_its_hash_decides() -> Outcome {
    let Some(mut talk) = provisioned()? else { return Ok(()) };
    let identity = talk.identity()?;
    assert_eq!(identity.configuration, configuration().hash());
    assert_eq!((identity.reset_cause, identity.resets), (ResetCause::Request, 1));
    (0..10).try_for_each(|_| step(&mut talk, WANTED).map(drop))?;
    let other = Configuration { period: 2_000, ..configuration() }.hash();
    let refused = talk.ask(&Request::Arm { configuration: other })?;
    let own = configuration().hash();
    assert_eq!(refused, Reply::Refused(Refusal::Configuration { own }));
    Ok(())
}

/// Clauses: S7.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn time_stands_still_between_two_orders() -> Outcome {
    let Some(mut talk) = provisioned()? else { return Ok(()) };
    talk.run(1)?;
    let before = talk.states.last().unwrap().device_time;
    // Longer than any deadline of the board.
    std::thread::sleep(Duration::from_secs(1));
    let now = ran(talk.run(1)?);
    assert_eq!(talk.states.last().unwrap().device_time.wrapping_sub(before), 1_000);
    assert_eq!((lifecycle(&now), now.tick), (Lifecycle::Standby, 4));
    Ok(())
}

/// Clauses: M4.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn ten_thousand_ticks_of_twelve_joints_take_25000_cycles_each() -> Outcome {
    let Some(mut talk) = active()? else { return Ok(()) };
    let first = talk.states.last().unwrap().tick;
    let (ticks, at_once) = (10_000, 4);
    for _ in 0..ticks / at_once {
        let (beat, command) = (talk.heartbeat(), talk.command(WANTED, true));
        talk.say(&beat)?;
        talk.say(&command)?;
        let answer = talk.run_at(at_once, 0.05, 0.2)?;
        let Answer::Ran { now, period_min, period_max } = answer else { panic!("{answer:?}") };
        assert_eq!((period_min, period_max), (TICK_CYCLES, TICK_CYCLES), "{now:?}");
        assert_eq!((lifecycle(&now), now.gate, now.unsent), (Lifecycle::Active, true, 0));
        // 20 * (0.1 - 0.05) - 0.5 * 0.2
        assert!(now.torque.iter().all(|torque| (torque - 0.9).abs() < 1e-5), "{now:?}");
    }
    let states = &talk.states[talk.states.len() - ticks as usize..];
    for (tick, state) in (first + 1..).zip(states) {
        assert_eq!(state.tick, tick, "one state a tick, none lost");
    }
    let counters = talk.counters()?;
    assert_eq!((counters.expired, counters.broken, counters.missing), (0, 0, 0), "{counters:?}");
    Ok(())
}

/// Clauses: M4, S7.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn a_host_that_falls_silent_is_noticed_at_5_20_and_500_exactly() -> Outcome {
    let Some(mut talk) = active()? else { return Ok(()) };
    talk.states.clear();
    // Tick 0 is the first that acts on the last command.
    step(&mut talk, WANTED)?;
    for _ in 1..=520 {
        talk.run_at(1, 0.0, 2.0)?;
    }
    let states = &talk.states;
    let first = |is: &dyn Fn(usize) -> bool| (0..states.len()).find(|at| is(*at));
    let expired = first(&|at| states[at].joints[0].limited == LimitReason::Expired);
    let damping = first(&|at| states[at].lifecycle == Lifecycle::Damping);
    let off = first(&|at| states[at].lifecycle == Lifecycle::SafeTorqueOff);
    assert_eq!((expired, damping, off), (Some(5), Some(20), Some(500)));
    // While it damps it brakes: the torque is against the motion, and lies in the next state.
    assert!(states[22..500].iter().all(|state| state.joints.iter().all(|j| j.tau.0 < 0.0)));
    assert!(states[502..].iter().all(|state| state.joints.iter().all(|j| j.tau.0 == 0.0)));
    the_torque_stays_off(&mut talk)
}

/// Neither commands nor arming nor a wrong id bring the torque back; the right id leads to standby.
fn the_torque_stays_off(talk: &mut Talk) -> Outcome {
    let arm = Request::Arm { configuration: configuration().hash() };
    let id = talk.states.last().unwrap().fault;
    for _ in 0..20 {
        let now = step(talk, WANTED)?;
        assert_eq!((lifecycle(&now), now.gate), (Lifecycle::SafeTorqueOff, false));
        assert_eq!(talk.ask(&arm)?, Reply::Refused(Refusal::FaultPresent { id }));
    }
    let wrong = talk.ask(&Request::Clear { fault: id + 1 })?;
    assert_eq!(wrong, Reply::Refused(Refusal::NotCleared));
    assert_eq!(talk.ask(&Request::Clear { fault: id })?, Reply::Done);
    let now = step(talk, WANTED)?;
    assert_eq!((lifecycle(&now), now.gate), (Lifecycle::Standby, false));
    assert_eq!(talk.ask(&arm)?, Reply::Done);
    let now = step(talk, WANTED)?;
    assert_eq!((lifecycle(&now), now.gate), (Lifecycle::Active, true));
    Ok(())
}

/// Clauses: M4, S7.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn frames_that_lie_change_nothing_and_are_counted() -> Outcome {
    type Lie = fn(&Talk) -> Vec<u8>;
    type Count = fn(&firmware::Counters) -> u32;
    const OTHER: JointCommand = JointCommand { q: Radians(-0.1), ..WANTED };
    const NAN: JointCommand = JointCommand { tau: NewtonMetres(f32::NAN), ..WANTED };
    let lies: [(&str, Lie, Count); 7] = [
        ("changed bit", |talk| next(talk, OTHER, |frame| frame[20] ^= 4), |c| c.broken),
        ("cut", |talk| next(talk, OTHER, |f| f.truncate(f.len() - CHECKSUM)), |c| c.broken),
        ("garbage", |_| vec![0x5A; 300], |c| c.broken),
        ("again", |talk| old(talk, 0, 0), |c| c.repeated),
        ("late", |talk| old(talk, 0, 3), |c| c.repeated),
        ("old session", |talk| old(talk, 1, 0), |c| c.old_session),
        ("no number", |talk| next(talk, NAN, |_| ()), |c| c.unusable),
    ];
    fn next(talk: &Talk, joint: JointCommand, change: fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut frame = talk.command_of(talk.session, talk.sequence + 1, joint, true);
        change(&mut frame);
        frame
    }
    fn old(talk: &Talk, sessions: u16, frames: u16) -> Vec<u8> {
        talk.command_of(talk.session - sessions, talk.sequence - frames, OTHER, true)
    }
    let Some(mut talk) = active()? else { return Ok(()) };
    let good = step(&mut talk, WANTED)?.torque;
    for (what, lie, count) in lies {
        let (frame, before) = (lie(&talk), count(&talk.counters()?));
        (0..3).try_for_each(|_| talk.say(&frame))?;
        let now = step(&mut talk, WANTED)?;
        assert_eq!((now.torque, lifecycle(&now)), (good, Lifecycle::Active), "{what}");
        assert_eq!(count(&talk.counters()?) - before, 3, "{what}");
    }
    // Such frames are no sign of life either.
    let frame = old(&talk, 0, 0);
    for _ in 0..21 {
        talk.say(&frame)?;
        talk.run(1)?;
    }
    assert_eq!(lifecycle(&ran(talk.run(1)?)), Lifecycle::Damping);
    Ok(())
}

/// Clauses: A1, S7.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn a_controller_without_its_governor_is_stopped_after_100_ticks() -> Outcome {
    let Some(mut talk) = active()? else { return Ok(()) };
    step(&mut talk, WANTED)?;
    let mut ticks = 0;
    loop {
        let command = talk.command(WANTED, true);
        talk.say(&command)?;
        let now = ran(talk.run(1)?);
        ticks += 1;
        if lifecycle(&now) != Lifecycle::Active {
            assert_eq!((lifecycle(&now), ticks), (Lifecycle::Damping, 100));
            break;
        }
    }
    talk.run(1)?;
    the_fault_is(&mut talk, FaultCode::GOVERNOR_LOST)
}

/// Clauses: M4.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn a_bit_that_flips_in_the_limits_is_found_and_the_board_damps() -> Outcome {
    let Some(mut talk) = active()? else { return Ok(()) };
    talk.board.fail(Failure::FlippedLimit { joint: 7, number: 3, bit: 30 })?;
    let found = (0..=JOINTS)
        .find(|_| step(&mut talk, WANTED).is_ok_and(|now| lifecycle(&now) == Lifecycle::Damping));
    assert!(found.is_some(), "each tick looks over one joint");
    the_fault_is(&mut talk, FaultCode::PARAMETERS)
}

fn the_fault_is(talk: &mut Talk, code: FaultCode) -> Outcome {
    let id = talk.states.last().unwrap().fault;
    let fault = talk.ask(&Request::Fault { id })?;
    assert!(matches!(fault, Reply::Fault { code: found, .. } if found == code.0), "{fault:?}");
    Ok(())
}

/// Clauses: M4, S7.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn however_the_firmware_dies_the_torque_is_off_and_the_next_life_knows() -> Outcome {
    let hang = |place| (Failure::Hang(place), ResetCause::Hang);
    let deaths = [
        (Failure::Panic, ResetCause::Panic),
        (Failure::HardFault, ResetCause::HardFault),
        (Failure::StackOverflow, ResetCause::StackOverflow),
        hang(Place::Joints),
        hang(Place::Links),
        hang(Place::Thread),
    ];
    for (failure, cause) in deaths {
        let Some(mut talk) = active()? else { return Ok(()) };
        let before = step(&mut talk, WANTED)?;
        talk.board.fail(failure)?;
        // The host goes on, as it would: only the board knows.
        let answer = talk.run(100)?;
        let Answer::Booted(booted) = answer else { panic!("{failure:?}: {answer:?}") };
        assert!(!booted.gate, "{failure:?}");
        let lasted = booted.age_ms - before.age_ms;
        let longest = if cause == ResetCause::Hang { 20 } else { 1 };
        assert!(lasted <= longest, "{failure:?} lasted {lasted} ms");
        let now = ran(talk.run(1)?);
        assert_eq!((lifecycle(&now), now.gate), (Lifecycle::Standby, false), "{failure:?}");
        talk.hello()?;
        let reset = talk.ask(&Request::Reset)?;
        let Reply::Reset { cause: found, detail, tick, failures, .. } = reset else {
            panic!("{reset:?}")
        };
        assert_eq!((found, failures), (cause, 1), "{failure:?}");
        assert!(tick >= before.tick && tick <= before.tick + longest, "{failure:?}: {tick}");
        let has_place = matches!(cause, ResetCause::Panic | ResetCause::HardFault);
        assert_eq!(detail != 0, has_place, "{failure:?}: {detail:#x}");
    }
    Ok(())
}

/// Clauses: S7.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn a_board_that_dies_three_times_in_a_minute_stays_down() -> Outcome {
    let Some(mut talk) = provisioned()? else { return Ok(()) };
    for death in 1..=3 {
        talk.board.fail(Failure::Panic)?;
        let answer = talk.run(50)?;
        assert!(matches!(answer, Answer::Booted(_)), "{answer:?}");
        let now = ran(talk.run(50)?);
        let expected = if death < 3 { Lifecycle::Standby } else { Lifecycle::Fault };
        assert_eq!((lifecycle(&now), now.gate), (expected, false), "death {death}");
    }
    talk.hello()?;
    (0..10).try_for_each(|_| step(&mut talk, WANTED).map(drop))?;
    the_fault_is(&mut talk, FaultCode::RESET_STORM)?;
    let arm = talk.ask(&Request::Arm { configuration: configuration().hash() })?;
    assert!(matches!(arm, Reply::Refused(Refusal::FaultPresent { .. })), "{arm:?}");
    Ok(())
}

/// Clauses: M4.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn the_serial_line_is_in_step_again_after_garbage_and_answers_where_it_was_asked() -> Outcome {
    let Some(mut talk) = provisioned()? else { return Ok(()) };
    let broken = talk.counters()?.broken;
    talk.serial = true;
    assert_eq!(talk.identity()?.board, *b"MPS2");
    // Bytes without an end, one packet that is none, an empty one, and the end of the first.
    let garbage = [vec![0xAB; 1_500], vec![0], vec![9, 1, 0], vec![0], vec![5]].concat();
    talk.board.send_serial(&garbage)?;
    talk.board.send_serial(&[0])?;
    assert_eq!(talk.identity()?.configuration, configuration().hash());
    let counters = talk.counters()?;
    assert_eq!((counters.broken - broken, talk.board.broken_packets()), (3, 0), "{counters:?}");
    // The states follow the host from one link to the other.
    talk.board.run(1, [0.0; JOINTS], [0.0; JOINTS])?;
    assert_eq!(talk.board.next_frame(Duration::ZERO)?, None);
    let packet = talk.board.next_packet(Duration::from_secs(30))?;
    assert!(packet.and_then(|frame| whole::qemu::state(&frame)).is_some());
    talk.serial = false;
    assert_eq!(talk.identity()?.lifecycle, Lifecycle::Standby as u8);
    Ok(())
}

/// In real time: this machine has no bench. The host only listens, so nothing depends on its pace.
///
/// Clauses: S7.
#[test]
#[cfg_attr(debug_assertions, ignore = "the emulator; `tests/run firmware` runs it in release")]
fn the_same_firmware_runs_on_a_risc_v() -> Outcome {
    let Some(board) = or_skip(Board::start(Image::RV32, &[])) else { return Ok(()) };
    let mut talk = Talk::with(board);
    talk.serial = true;
    assert_eq!(talk.greet()?.board, *b"RV32");
    talk.hello()?;
    while talk.states.len() < 100 {
        let frame = talk.board.next_packet(Duration::from_secs(30))?;
        let frame = frame.ok_or_else(|| NoBoard::Silent("no states".to_owned()))?;
        talk.states.extend(whole::qemu::state(&frame));
    }
    let ticks: Vec<_> = talk.states.iter().map(|state| state.tick).collect();
    assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{ticks:?}");
    assert!(talk.states.iter().all(|state| state.lifecycle == Lifecycle::Standby));
    Ok(())
}
