//! A board against its host: what leads to torque, what takes it away, and what changes nothing.

mod common;

use common::{Bench, JOINTS, birth, configuration, hold, limits, moving, sealed};
use firmware::frame::{EVERYONE, Kind, VERSION};
use firmware::{
    Configuration, Counters, Device, LimitReason, Measured, Refusal, Reply, Request, ResetCause,
    ResetLog, Settings, WatchdogTimes, numbers,
};
use signals::{
    Celsius, FaultCode, JointCommand, JointState, Lifecycle, NewtonMetres, Radians,
    RadiansPerSecond, Stiffness, Volts,
};

/// Clauses: M4.
#[test]
fn nothing_but_an_armed_sessions_command_gives_torque() {
    let mut bench = Bench::new();
    assert_eq!(bench.device.lifecycle(), Lifecycle::Boot);
    assert!(!bench.tick().gate);
    // Without a session, with one, and with commands that ask to be followed: no torque, no gate.
    bench.command(&hold(0.5));
    assert!(!bench.tick().gate);
    bench.hello();
    for _ in 0..20 {
        bench.command(&hold(0.5));
        let outputs = bench.tick();
        assert!(!outputs.gate && outputs.torque == [NewtonMetres(0.0); JOINTS]);
    }
    assert_eq!(bench.device.lifecycle(), Lifecycle::Standby);
    let configuration = configuration().hash();
    assert_eq!(bench.ask(&Request::Arm { configuration }), Some(Reply::Done));
    // Armed: the gate is open; what was said before the arming holds for no longer than it said.
    bench.send_command(&[JointCommand::LIMP; JOINTS], false, 5000);
    let outputs = bench.tick();
    assert!(outputs.gate && outputs.torque == [NewtonMetres(0.0); JOINTS]);
    bench.command(&hold(0.5));
    let outputs = bench.tick();
    assert_eq!(bench.device.lifecycle(), Lifecycle::Active);
    assert!(outputs.torque.iter().all(|torque| torque.0 > 1.0), "{outputs:?}");
    assert_eq!(bench.state().sequence, bench.sequence);
}

/// Clauses: M4, S7.
#[test]
fn arming_is_refused_with_its_reason() {
    let own = configuration().hash();
    let arm = Request::Arm { configuration: own };
    let refused = |bench: &mut Bench, request: &Request, refusal| {
        assert_eq!(bench.ask(request), Some(Reply::Refused(refusal)));
        assert!(!bench.tick().gate);
    };
    let mut bench = Bench::new();
    bench.tick();
    bench.hello();
    refused(&mut bench, &Request::Arm { configuration: own ^ 1 }, Refusal::Configuration { own });
    refused(&mut bench, &arm, Refusal::ClockUnknown);
    for _ in 0..8 {
        bench.send_command(&hold(0.0), false, 5000);
        bench.tick();
    }
    refused(&mut bench, &arm, Refusal::GovernorSilent);
    bench.beat();
    bench.supply = Volts(31.0);
    bench.tick();
    let code = FaultCode::OVERVOLTAGE.0;
    refused(&mut bench, &arm, Refusal::Unfit { code });
    bench.supply = Volts(24.0);
    bench.tick();
    assert_eq!(bench.ask(&arm), Some(Reply::Done));
    // A board that was never provisioned is never armed, whatever the host believes.
    let mut unknown = Bench::new();
    unknown.device = Device::new(birth(ResetLog::NEW), &Configuration::NONE);
    unknown.tick();
    unknown.hello();
    unknown.beat();
    let own = 0;
    refused(&mut unknown, &Request::Arm { configuration: 0 }, Refusal::Configuration { own });
}

/// Clauses: S7.
#[test]
fn a_host_that_falls_silent_is_answered_tick_by_tick() {
    let mut bench = Bench::active();
    bench.measured = [moving(0.5); JOINTS];
    let mut seen = Vec::new();
    // Tick 0 has acted on the last command already.
    for tick in 1..600 {
        let outputs = bench.tick();
        let limited = bench.state().joints[0].limited;
        seen.push((tick, bench.device.lifecycle(), limited, outputs));
    }
    let first = |wanted: &dyn Fn(Lifecycle, LimitReason) -> bool| {
        seen.iter().find(|(_, lifecycle, limited, _)| wanted(*lifecycle, *limited)).map(|s| s.0)
    };
    assert_eq!(first(&|_, limited| limited == LimitReason::Expired), Some(5));
    assert_eq!(first(&|lifecycle, _| lifecycle == Lifecycle::Damping), Some(20));
    assert_eq!(first(&|lifecycle, _| lifecycle == Lifecycle::SafeTorqueOff), Some(500));
    for (tick, _, _, outputs) in &seen {
        let damped = NewtonMetres(-2.0 * 0.5);
        match *tick {
            5..500 => assert_eq!(outputs.torque, [damped; JOINTS], "tick {tick}"),
            500.. => assert!(!outputs.gate && outputs.torque == [NewtonMetres(0.0); JOINTS]),
            _ => assert!(outputs.gate),
        }
    }
    // Latched: neither commands nor a new session nor arming brings it back, only its id.
    bench.hello();
    bench.command(&hold(0.0));
    bench.tick();
    let fault = bench.state().fault;
    assert_eq!((bench.device.lifecycle(), fault), (Lifecycle::SafeTorqueOff, 1));
    let reply = bench.ask(&Request::Fault { id: fault });
    let code = FaultCode::COMMAND_LOST.0;
    assert_eq!(reply, Some(Reply::Fault { id: fault, code, joint: 255, raw: 0 }));
    for wrong in [0, 2, u16::MAX] {
        let reply = bench.ask(&Request::Clear { fault: wrong });
        assert_eq!(reply, Some(Reply::Refused(Refusal::NotCleared)));
    }
    assert_eq!(bench.ask(&Request::Clear { fault }), Some(Reply::Done));
    assert!(!bench.tick().gate);
    assert_eq!(bench.device.lifecycle(), Lifecycle::Standby);
}

/// Clauses: S7.
#[test]
fn a_short_silence_is_damped_and_over_when_commands_come_in_a_row() {
    let mut bench = Bench::active();
    (0..100).for_each(|_| {
        bench.tick();
    });
    assert_eq!(bench.device.lifecycle(), Lifecycle::Damping);
    for tick in 1..=5 {
        assert_eq!(bench.device.lifecycle(), Lifecycle::Damping, "tick {tick}");
        bench.command(&hold(0.0));
        bench.tick();
    }
    assert_eq!(bench.device.lifecycle(), Lifecycle::Active);
    assert_eq!(bench.device.counters().dampings, 1);
}

/// Clauses: S7.
#[test]
fn a_lost_governor_stops_a_controller_that_goes_on() {
    let mut bench = Bench::active();
    let mut ends = [None; 2];
    for tick in 1..1000 {
        bench.send_command(&hold(0.0), true, 5000);
        bench.tick();
        for (end, at) in [Lifecycle::Damping, Lifecycle::Fault].into_iter().zip(&mut ends) {
            if bench.device.lifecycle() == end && at.is_none() {
                *at = Some(tick);
            }
        }
    }
    assert_eq!(ends, [Some(100), Some(580)]);
    let id = bench.state().fault;
    let code = FaultCode::GOVERNOR_LOST.0;
    let reply = bench.ask(&Request::Fault { id });
    assert_eq!(reply, Some(Reply::Fault { id, code, joint: 255, raw: 0 }));
}

/// Clauses: M4, S7.
#[test]
fn frames_that_do_not_belong_change_nothing_and_are_counted() {
    let mut bench = Bench::active();
    let before = *bench.device.counters();
    let torque = bench.tick().torque;
    // Corrupted, in each byte.
    let whole = bench.command_frame(&hold(1.0), true, 5000);
    for byte in 0..whole.len() {
        let mut frame = whole.clone();
        frame[byte] ^= 0x10;
        assert_eq!(bench.send(&frame), None);
    }
    // Repeated, out of order, and the last one of all sequences.
    let old = bench.sent.clone();
    let repeated = old.iter().filter(|frame| bench.send(frame).is_none()).count();
    // From another session.
    bench.session += 1;
    bench.sequence += 1;
    let other = bench.command_frame(&hold(1.0), true, 5000);
    bench.session -= 1;
    assert_eq!(bench.send(&other), None);
    // For another board, of a kind only boards send, and with numbers that are none.
    let state = sealed(Kind::State, bench.session, 1, |_| Some(4));
    assert_eq!(bench.send(&state), None);
    let mut nonsense = hold(1.0);
    nonsense[1].kp = Stiffness(f32::NAN);
    bench.send_command(&nonsense, true, 5000);
    nonsense[1].kp = Stiffness(-1.0);
    bench.send_command(&nonsense, true, 5000);
    // Late by more than its validity: sent 30 ms ago.
    bench.sequence += 1;
    let late = bench.command_frame(&hold(1.0), true, 5000);
    bench.now = bench.now.wrapping_add(30_000);
    assert_eq!(bench.send(&late), None);
    bench.now = bench.now.wrapping_sub(30_000);
    let counters = *bench.device.counters();
    let expected = Counters {
        broken: before.broken + whole.len() as u32,
        repeated: before.repeated + repeated as u32,
        old_session: before.old_session + 1,
        foreign: before.foreign + 1,
        unusable: before.unusable + 2,
        late: before.late + 1,
        missing: counters.missing,
        ..before
    };
    assert_eq!(counters, expected);
    assert_eq!(bench.tick().torque, torque, "none of them was followed");
}

/// Clauses: S7.
#[test]
fn a_session_is_not_taken_over_while_joints_have_torque() {
    let mut bench = Bench::active();
    let reply = bench.ask(&Request::Hello { versions: [VERSION; 2] });
    assert_eq!(reply, Some(Reply::Refused(Refusal::Energised)));
    assert_eq!(bench.ask(&Request::Disarm), Some(Reply::Done));
    assert!(!bench.tick().gate);
    // A hello that was overheard and is said again opens another session than it did then.
    let old = bench.session;
    let overheard = bench.command_frame(&hold(0.0), true, 5000);
    bench.hello();
    assert_ne!(bench.session, old);
    let before = bench.device.counters().old_session;
    assert_eq!(bench.send(&overheard), None);
    assert_eq!(bench.device.counters().old_session, before + 1);
    let reply = bench.ask(&Request::Hello { versions: [VERSION + 1; 2] });
    assert_eq!(reply, Some(Reply::Refused(Refusal::Version)));
}

/// Clauses: M4.
#[test]
fn whatever_is_asked_for_the_torque_stays_inside_the_limits() {
    let wild = JointCommand {
        q: Radians(50.0),
        dq: RadiansPerSecond(500.0),
        kp: Stiffness(1e5),
        kd: signals::Damping(1e5),
        tau: NewtonMetres(1e5),
    };
    let mut bench = Bench::active();
    let (mut q, mut dq) = (0.0, 0.0_f32);
    for _ in 0..3000 {
        bench.command(&[wild; JOINTS]);
        let state = JointState { q: Radians(q), dq: RadiansPerSecond(dq) };
        bench.measured = [Measured { state, ..Measured::default() }; JOINTS];
        let torque = bench.tick().torque[0].0;
        assert!(torque.abs() <= 20.0);
        // The lightest joint there may be.
        dq += torque / 0.1 * 1e-3;
        q += dq * 1e-3;
        assert!(q < 1.0 && dq < 10.0, "{q} rad, {dq} rad/s");
    }
    assert!(q > 0.5, "it may go there: {q}");
    assert!(bench.device.counters().limited > 0);
    assert_ne!(bench.state().joints[0].limited, LimitReason::None);
}

/// Clauses: A4, M4.
#[test]
fn limits_are_tightened_and_never_widened() {
    let mut bench = Bench::active();
    let read = |bench: &mut Bench| match bench.ask(&Request::Limits { joint: 1 }) {
        Some(Reply::Limits { limits, .. }) => limits,
        other => panic!("{other:?}"),
    };
    let mut wider = numbers(&limits());
    (wider[3], wider[2]) = (40.0, 5.0);
    let reply = bench.ask(&Request::Tighten { joint: 1, limits: wider });
    assert_eq!(reply, Some(Reply::Done));
    let own = read(&mut bench);
    assert_eq!((own[3], own[2]), (20.0, 5.0), "the torque stays, the speed is less");
    // The board takes them into its limiter within as many ticks as it has joints.
    bench.measured[1] = moving(6.0);
    let mut torque = 0.0;
    for _ in 0..3 {
        bench.command(&hold(0.9));
        torque = bench.tick().torque[1].0;
    }
    assert!(torque < 0.0, "faster than it may be now: {torque}");
    for (place, number) in [(0, f32::NAN), (3, -1.0), (0, 2.0)] {
        let mut wrong = numbers(&limits());
        wrong[place] = number;
        let reply = bench.ask(&Request::Tighten { joint: 1, limits: wrong });
        assert_eq!(reply, Some(Reply::Refused(Refusal::Limits)));
        assert_eq!(read(&mut bench), own);
    }
}

/// Clauses: M4, S7.
#[test]
fn a_bit_that_flips_in_the_limits_is_found_within_as_many_ticks_as_joints() {
    for number in 0..firmware::LIMIT_NUMBERS {
        for bit in 0..32 {
            let mut bench = Bench::active();
            bench.device.flip_limit_bit(1, number, bit);
            let found = (1..10).find(|_| {
                bench.command(&hold(0.0));
                bench.tick();
                bench.device.lifecycle() == Lifecycle::Damping
            });
            assert!(found.is_some_and(|tick| tick <= JOINTS), "{number} {bit}: {found:?}");
            let reply = bench.ask(&Request::Limits { joint: 1 });
            let limits = numbers(&limits());
            assert_eq!(reply, Some(Reply::Limits { joint: 1, limits }), "mended by the copy");
        }
    }
}

/// Clauses: M7, S7.
#[test]
fn a_reading_that_forbids_torque_stops_the_board() {
    let nan = JointState { q: Radians(f32::NAN), dq: RadiansPerSecond(0.0) };
    let hot = Measured { temperature: Celsius(100.0), ..Measured::default() };
    let blind = Measured { state: nan, ..Measured::default() };
    let rows = [
        (blind, Volts(24.0), FaultCode::ENCODER, Lifecycle::Fault),
        (hot, Volts(24.0), FaultCode::MOTOR_TEMPERATURE, Lifecycle::Damping),
        (moving(0.0), Volts(19.0), FaultCode::UNDERVOLTAGE, Lifecycle::Damping),
        (moving(0.0), Volts(31.0), FaultCode::OVERVOLTAGE, Lifecycle::Damping),
        (moving(0.0), Volts(f32::NAN), FaultCode::VOLTAGE, Lifecycle::Damping),
    ];
    for (measured, supply, code, at_once) in rows {
        let mut bench = Bench::active();
        (bench.measured[1], bench.supply) = (measured, supply);
        for tick in 0..600 {
            bench.command(&hold(0.1));
            let outputs = bench.tick();
            if tick == 0 {
                assert_eq!(bench.device.lifecycle(), at_once, "{code:?}");
            }
            assert!(outputs.torque.iter().all(|torque| torque.0.is_finite()), "{code:?}");
        }
        assert_eq!(bench.device.lifecycle(), Lifecycle::Fault, "{code:?}");
        let id = bench.state().fault;
        match bench.ask(&Request::Fault { id }) {
            Some(Reply::Fault { code: told, .. }) => assert_eq!(told, code.0),
            other => panic!("{other:?}"),
        }
    }
}

/// Clauses: M7.
#[test]
fn a_warm_winding_gets_less_torque() {
    let mut bench = Bench::active();
    for (degrees, most) in [(80.0, 20.0), (90.0, 10.0), (99.0, 1.0)] {
        bench.measured =
            [Measured { temperature: Celsius(degrees), ..Measured::default() }; JOINTS];
        let mut torque = 0.0;
        for _ in 0..4 {
            let strong = JointCommand { tau: NewtonMetres(18.0), ..JointCommand::LIMP };
            bench.command(&[strong; JOINTS]);
            torque = bench.tick().torque[0].0;
        }
        assert!((torque - f32::min(most, 18.0)).abs() < 1e-3, "{degrees}: {torque}");
    }
}

/// Clauses: S7.
#[test]
fn three_failures_in_a_minute_keep_the_board_in_its_fault() {
    let mut log = ResetLog::NEW;
    for _ in 0..3 {
        log.age_ms += 1000;
        log.note(ResetCause::Panic, 77, 0, 1234);
    }
    let mut bench = Bench::after(log);
    bench.tick();
    assert_eq!(bench.device.lifecycle(), Lifecycle::Fault);
    bench.hello();
    let reset =
        Reply::Reset { cause: ResetCause::Panic, detail: 77, status: 0, tick: 1234, failures: 3 };
    assert_eq!(bench.ask(&Request::Reset), Some(reset));
    let fault = bench.state().fault;
    assert_eq!(bench.ask(&Request::Clear { fault }), Some(Reply::Done));
    bench.tick();
    assert_eq!(bench.device.lifecycle(), Lifecycle::Standby);
}

/// Clauses: A4.
#[test]
fn a_board_is_provisioned_in_standby_and_starts_again_with_what_was_meant() {
    let mut bench = Bench::new();
    bench.tick();
    bench.hello();
    let Some(Reply::Settings(own)) = bench.ask(&Request::Settings) else { panic!() };
    let watchdog = WatchdogTimes { damping: 30, ..WatchdogTimes::default() };
    let meant = Configuration { watchdog, ..configuration() };
    let commit = Request::Commit { configuration: meant.hash() };
    assert_eq!(bench.ask(&commit), Some(Reply::Refused(Refusal::Missing)));
    let settings = Settings { watchdog, ..own };
    assert_eq!(bench.ask(&Request::Provision(settings)), Some(Reply::Done));
    assert_eq!(bench.ask(&commit), Some(Reply::Refused(Refusal::Limits)), "no limits yet");
    for joint in 0..2 {
        let limits = numbers(&limits());
        let reply = bench.ask(&Request::ProvisionLimits { joint, limits });
        assert_eq!(reply, Some(Reply::Done));
    }
    let wrong = Request::Commit { configuration: 1 };
    let own = meant.hash();
    assert_eq!(bench.ask(&wrong), Some(Reply::Refused(Refusal::Configuration { own })));
    assert_eq!(bench.device.take_commit(), None);
    assert_eq!(bench.ask(&commit), Some(Reply::Done));
    assert_eq!(bench.device.take_commit(), Some(meant));
    assert_eq!(bench.device.take_commit(), None);
    // Nobody turns the watchdog off, and nobody provisions a board under way.
    let never = WatchdogTimes { torque_off: u16::MAX, ..watchdog };
    assert!(Configuration { watchdog: never, ..meant }.check().is_err());
    let mut active = Bench::active();
    let reply = active.ask(&Request::Provision(settings));
    assert_eq!(reply, Some(Reply::Refused(Refusal::NotInStandby)));
}

#[test]
fn a_question_changes_nothing() {
    let mut bench = Bench::active();
    let before = (*bench.device.state(), bench.device.lifecycle());
    for request in [
        Request::Identify,
        Request::Settings,
        Request::Counters,
        Request::Reset,
        Request::Limits { joint: 0 },
        Request::Fault { id: 1 },
    ] {
        assert!(bench.ask(&request).is_some(), "{request:?}");
    }
    assert_eq!((*bench.device.state(), bench.device.lifecycle()), before);
    let session = core::mem::take(&mut bench.session);
    assert!(matches!(bench.ask(&Request::Identify), Some(Reply::Identity(_))), "by anybody");
    assert_eq!(bench.ask(&Request::Counters), None, "only in a session");
    bench.session = session;
    assert_eq!(EVERYONE, 0xff);
}
