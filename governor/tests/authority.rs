//! Who may move the robot, who may stop it, and who may let it go on.
#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, forward, joint, ms};
use governor::{BodyClass, Kind, Profile, Rule, Supervision};
use signals::*;

fn stick(bench: &Bench, forward: f32, held: bool) -> Option<Stick> {
    let velocity = BaseVelocity { forward: MetresPerSecond(forward), ..BaseVelocity::ZERO };
    Some(Stick { velocity, held, at: bench.now })
}

/// One tick with a stick that is read in it.
fn steer(bench: &mut Bench, forward: f32, held: bool) -> Ruling {
    bench.operator.stick = stick(bench, forward, held);
    bench.tick()
}

fn walking(profile: Profile) -> Bench {
    let mut bench = Bench::standing(profile);
    bench.state.posture = Posture::Walking;
    bench.plan = Some(bench.walk(1, 0.4, ms(1500)));
    assert!(forward(&bench.run(600)) > 0.39);
    bench.records.clear();
    bench
}

fn refused(bench: &Bench) -> Option<Rule> {
    bench.records.iter().rev().find(|r| r.kind == Kind::ActRefused).and_then(|r| r.cause)
}

fn in_role(bench: &mut Bench, role: Role, act: OperatorAct) -> Ruling {
    let before = std::mem::replace(&mut bench.operator.role, role);
    let ruling = bench.act(act);
    bench.operator.role = before;
    ruling
}

/// Clauses: O7, O2.
#[test]
fn a_person_takes_over_without_a_jump_until_he_hands_back() {
    let mut bench = walking(Profile::default());
    let old = bench.walk(2, 0.4, ms(1500));
    let mut last = forward(&bench.tick());
    bench.operator.stick = stick(&bench, 0.1, true);
    let ruling = bench.act(OperatorAct::TakeOver);
    assert_eq!((ruling.mode, ruling.authority), (Mode::Manual, Authority::Teleop));
    assert!((forward(&ruling) - last).abs() <= 0.00101);
    last = forward(&ruling);
    for _ in 0..600 {
        let next = forward(&steer(&mut bench, 0.1, true));
        assert!((next - last).abs() <= 0.00101, "{last} to {next}");
        last = next;
    }
    assert!((last - 0.1).abs() < 1e-4);
    // The brain's newest plan is of the old lease; and no plan moves the robot now.
    bench.plan = Some(old);
    assert_eq!(steer(&mut bench, 0.1, true).authority, Authority::Teleop);
    assert!(bench.of_kind(Kind::Refused).contains(&Rule::PlanLease));
    bench.plan = Some(bench.walk(3, 0.4, ms(1500)));
    assert!(forward(&steer(&mut bench, 0.1, true)) <= 0.1);
    let ruling = bench.act(OperatorAct::HandBack);
    assert_eq!((ruling.mode, ruling.authority), (Mode::Auto, Authority::None));
    bench.plan = Some(bench.walk(4, 0.4, ms(1500)));
    assert_eq!(bench.tick().authority, Authority::Brain);
}

/// Clauses: O5.
#[test]
fn a_released_or_silent_stick_stops_the_robot_in_time() {
    for silent in [false, true] {
        let mut bench = walking(Profile::default());
        bench.operator.stick = stick(&bench, 0.2, true);
        bench.act(OperatorAct::TakeOver);
        for _ in 0..500 {
            steer(&mut bench, 0.2, true);
        }
        let mut ticks = 0;
        while forward(&if silent { bench.tick() } else { steer(&mut bench, 0.2, false) }) > 0.0 {
            ticks += 1;
        }
        assert!(ticks <= if silent { 101 } else { 0 }, "{ticks}");
        if silent {
            assert_eq!(bench.run(200).level, Level::Limited);
            assert_eq!(bench.run(800).level, Level::Hold);
            assert_eq!(bench.run(29_000).level, Level::Settle);
            assert!(bench.of_kind(Kind::LevelChanged).contains(&Rule::StickStale));
        }
    }
    let mut bench = walking(Profile::default());
    assert_eq!(bench.act(OperatorAct::TakeOver).mode, Mode::Auto, "nobody holds a stick");
    assert_eq!(refused(&bench), Some(Rule::StickReleased));
}

/// Clauses: O5, O4.
#[test]
fn a_person_drives_slowly_and_inside_every_limit() {
    let mut bench = walking(Profile::default());
    bench.operator.stick = stick(&bench, 3.0, true);
    bench.act(OperatorAct::TakeOver);
    for _ in 0..1000 {
        steer(&mut bench, 3.0, true);
    }
    assert_eq!(forward(&steer(&mut bench, 3.0, true)), 0.25);
    assert!(bench.of_kind(Kind::Limited).contains(&Rule::StickRange));
    assert_eq!(forward(&steer(&mut bench, f32::NAN, true)), 0.0);
    // The lidar counts for people, too.
    let rule = governor::LidarRule {
        radius: Metres(0.3),
        margin: Metres(0.1),
        braking: MetresPerSecondSquared(1.0),
        reaction: ms(100),
        age_max: ms(200),
    };
    let mut bench = Bench::standing(Profile { lidar: Some(rule), ..Profile::default() });
    bench.operator.stick = stick(&bench, 0.2, true);
    bench.act(OperatorAct::TakeOver);
    assert_eq!(forward(&steer(&mut bench, 0.2, true)), 0.0, "no scan, no motion");
}

/// Clauses: O3, O5.
#[test]
fn under_supervision_the_brain_moves_only_while_the_device_is_held() {
    let mut bench = Bench::new(Profile::default());
    bench.run(60);
    bench.act(OperatorAct::Select(Mode::Supervised));
    assert_eq!(bench.act(OperatorAct::Start).mode, Mode::Supervised);
    bench.state.posture = Posture::Standing;
    bench.plan = Some(bench.walk(1, 0.3, ms(1500)));
    assert_eq!(steer(&mut bench, 0.0, false).authority, Authority::None);
    let ruling = steer(&mut bench, 0.0, true);
    assert_eq!(ruling.authority, Authority::Brain);
    assert!(forward(&ruling) > 0.0);
    assert_eq!(steer(&mut bench, 0.0, false).motion, Motion::Stand);
}

/// Clauses: O3.
#[test]
fn nobody_watching_ends_in_a_stop() {
    let profile = Profile { supervision: Some(Supervision::default()), ..Profile::default() };
    let mut bench = Bench::new(profile);
    bench.run(60);
    assert_eq!(bench.act(OperatorAct::Start).mode, Mode::Inhibited);
    assert_eq!(refused(&bench), Some(Rule::SupervisorLost));
    bench.operator.supervisor = Some(bench.now);
    assert_eq!(bench.act(OperatorAct::Start).mode, Mode::Auto);
    bench.state.posture = Posture::Standing;
    bench.operator.supervisor = Some(bench.now);
    assert_eq!(bench.run(400).level, Level::Nominal);
    assert_eq!(bench.tick().level, Level::Notice);
    assert_eq!(bench.run(599).level, Level::Notice);
    assert_eq!(bench.tick().level, Level::Hold);
    // Who is back has to let it go on.
    bench.operator.supervisor = Some(bench.now);
    assert_eq!(bench.run(300).level, Level::Hold);
    assert_eq!(bench.run(2701).level, Level::Settle);
}

/// Clauses: O1, O3, S4.
#[test]
fn each_role_may_do_its_own_and_everybody_may_stop() {
    for role in [Role::Bystander, Role::Supervisor, Role::Operator, Role::Local] {
        let mut bench = walking(Profile::default());
        assert_eq!(in_role(&mut bench, role, OperatorAct::GoSafe).level, Level::Settle);
        bench.state.posture = Posture::Settled;
        assert_eq!(bench.run(600).level, Level::Stopped);
        let reset = in_role(&mut bench, role, OperatorAct::Reset);
        assert_eq!(reset.level == Level::Nominal, role == Role::Local, "{role:?}");
        if role < Role::Local {
            assert_eq!(refused(&bench), Some(Rule::RoleForbidden));
            bench.act(OperatorAct::Reset);
        }
        let start = in_role(&mut bench, role, OperatorAct::Start);
        assert_eq!(start.mode == Mode::Auto, role >= Role::Operator, "{role:?}");
    }
}

/// Clauses: O3, O6.
#[test]
fn from_afar_a_held_robot_goes_on_after_a_warning() {
    let mut bench = walking(Profile::default());
    bench.plan = None;
    assert_eq!(bench.run(2000).level, Level::Hold);
    bench.plan = Some(bench.walk(9, 0.4, ms(1500)));
    bench.tick();
    let resumed = in_role(&mut bench, Role::Supervisor, OperatorAct::Start);
    assert_eq!((resumed.level, resumed.motion), (Level::Nominal, Motion::Stand));
    for tick in 1..20 {
        bench.plan = Some(bench.walk(9 + tick, 0.4, ms(1500)));
        let ruling = bench.run(100);
        assert!(ruling.warning && ruling.motion == Motion::Stand, "{tick}: {ruling:?}");
    }
    bench.plan = Some(bench.walk(99, 0.4, ms(1500)));
    let ruling = bench.run(110);
    assert!(!ruling.warning && forward(&ruling) > 0.0);
}

/// Clauses: S4, U3.
#[test]
fn a_second_cut_within_a_day_locks_the_robot_out() {
    let mut bench = walking(Profile::default());
    for cut in 1..=2 {
        bench.operator.cut = true;
        assert_eq!(bench.tick().level, Level::Cut);
        bench.operator.cut = false;
        bench.run(600);
        bench.act(OperatorAct::Reset);
        if cut == 1 {
            assert_eq!(bench.act(OperatorAct::Start).mode, Mode::Auto);
        }
    }
    assert_eq!(bench.governor.ruling().mode, Mode::Lockout);
    assert!(bench.of_kind(Kind::ModeChanged).contains(&Rule::Strikes));
    assert_eq!(refused(&bench), Some(Rule::Strikes));
    bench.act(OperatorAct::Unlock);
    assert_eq!(bench.governor.ruling().mode, Mode::Lockout, "a local operator is no maintainer");
    assert_eq!(in_role(&mut bench, Role::Maintainer, OperatorAct::Unlock).mode, Mode::SelfTest);
    // What was latched still wants its reset, and the self-test begins anew.
    assert_eq!(bench.run(200).level, Level::Cut);
    bench.act(OperatorAct::Reset);
    assert_eq!(bench.run(60).mode, Mode::Inhibited);
}

/// Clauses: W1, W2.
#[test]
fn what_lasts_rises_one_step_at_a_time_even_when_it_toggles() {
    for toggling in [false, true] {
        let mut bench = Bench::standing(Profile { tilt_max: Radians(0.6), ..Profile::default() });
        let mut seen = vec![Level::Nominal];
        for tick in 0..800_000_u32 {
            let away = toggling && (tick / 500).is_multiple_of(2);
            bench.tilt(if away { 0.0 } else { 0.4 });
            let level = bench.tick().level;
            if *seen.last().unwrap() != level {
                seen.push(level);
            }
            if level == Level::Limited {
                break;
            }
        }
        let steps =
            [Level::Nominal, Level::Notice, Level::Warning, Level::Guidance, Level::Limited];
        assert_eq!(seen, steps);
        assert!(bench.of_kind(Kind::LevelChanged).contains(&Rule::Escalated));
    }
}

/// Clauses: W2.
#[test]
fn a_limit_that_comes_back_too_often_waits_for_a_person() {
    let mut bench = Bench::standing(Profile::default());
    for time in 1..=4 {
        bench.silent_imu = true;
        assert_eq!(bench.run(7).level, Level::Limited);
        bench.silent_imu = false;
        let clean = if time < 4 { Level::Nominal } else { Level::Limited };
        assert_eq!(bench.run(2100).level, clean, "{time}");
    }
    let latched = bench.records.iter().find(|record| record.rule == Rule::Recurred).unwrap();
    assert_eq!((latched.to, latched.measured, latched.limit), (Level::Limited, 4.0, 3.0));
    assert_eq!(bench.governor.ruling().scale, 0.25);
    assert_eq!(bench.act(OperatorAct::Acknowledge).level, Level::Nominal);
    assert!(bench.of_kind(Kind::ActAccepted).contains(&Rule::OperatorAck));
}

/// Clauses: S2, S7, S9.
#[test]
fn a_stop_uses_the_gentlest_way_that_still_works() {
    for firmware in [false, true] {
        let profile = Profile { firmware_settle: firmware, ..Profile::default() };
        let mut bench = walking(profile);
        bench.operator.stop = true;
        assert_eq!(bench.tick().motion, Motion::Settle);
        // Two ticks without an estimate end nothing, three do.
        bench.state.valid = false;
        assert_eq!(bench.run(2).motion, Motion::Settle);
        bench.state.valid = true;
        assert_eq!(bench.tick().motion, Motion::Settle);
        bench.state.valid = false;
        assert_eq!(bench.run(2).motion, Motion::Settle);
        let way = if firmware { Motion::Script } else { Motion::Damp };
        assert_eq!(bench.tick().motion, way);
        // The firmware acts when the host's command has ended.
        assert_eq!(
            bench.command.valid_until == Instant::from_nanos(bench.now.as_nanos() - 1_000_000),
            firmware
        );
        // What has failed once is not trusted again in this stop.
        bench.state.valid = true;
        assert_eq!(bench.tick().motion, way);
    }
}

/// Clauses: S9, S3.
#[test]
fn a_body_that_stands_by_itself_stops_where_it_is_whatever_its_controller_wants() {
    let profile = Profile { body: BodyClass::StaticallyStable, ..Profile::default() };
    let mut bench = walking(profile);
    bench.set_joint(joint(0), 0.1, 2.0);
    bench.tilt(1.0);
    assert_eq!(bench.tick().level, Level::Settle, "it cannot fall");
    bench.tilt(0.0);
    // A joint of 0.2 kg m^2 under 3 N m of gravity, and a controller that pushes on.
    let (mut q, mut dq) = (0.1_f32, 2.0_f32);
    bench.wanted[joint(0)] = JointCommand { tau: NewtonMetres(20.0), ..JointCommand::LIMP };
    let mut rest = None;
    for tick in 0..3000 {
        bench.set_joint(joint(0), q, dq);
        let level = bench.tick().level;
        let torque = bench.command.joints[joint(0)]
            .torque(JointState { q: Radians(q), dq: RadiansPerSecond(dq) });
        if level == Level::Stopped {
            rest = Some((tick, q));
            break;
        }
        dq += (torque.0 - 3.0) / 0.2 * 1e-3;
        q += dq * 1e-3;
    }
    let (tick, at) = rest.unwrap();
    assert!(tick < 2000 && at > 0.1 && at < 0.2, "{tick} {at}");
}

/// Clauses: S2, S3.
#[test]
fn a_held_body_that_stands_by_itself_needs_no_controller() {
    for (body, held) in [(BodyClass::StaticallyStable, true), (BodyClass::ActivelyStable, false)] {
        let mut bench = walking(Profile { body, ..Profile::default() });
        bench.plan = None;
        let ruling = bench.run(4000);
        assert_eq!(ruling.level, Level::Hold, "{:?}", bench.told());
        let pushes = JointCommand { tau: NewtonMetres(2.0), ..JointCommand::LIMP };
        bench.wanted = Joints::filled(pushes, common::JOINTS);
        bench.tick();
        let stays = |command: &JointCommand| command.q.0 == 0.0 && command.kp.0 == 100.0;
        assert_eq!(bench.command.joints.iter().all(stays), held, "{:?}", bench.command);
    }
}
