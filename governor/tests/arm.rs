//! What is particular to an arm: plans that are postures, a base that is fixed, and a body that
//! stands but sinks when its joints are let go.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

mod common;

use common::{Bench, JOINTS, joint, ms};
use governor::{BodyClass, HabitRule, Kind, Profile, ProfileError, Rule, Skills};
use signals::*;

fn profile() -> Profile {
    Profile {
        body: BodyClass::StaticallyStable,
        fixed_base: true,
        sinks_without_power: true,
        ..Profile::default()
    }
}

fn posture(bench: &Bench, sequence: u64, angles: [f32; JOINTS]) -> Plan {
    let mut goal = Joints::filled(Radians(0.0), JOINTS);
    goal.iter_mut().zip(angles).for_each(|(at, angle)| *at = Radians(angle));
    Plan { request: PlanRequest::Posture(goal), ..bench.walk(sequence, 0.0, ms(1000)) }
}

/// A posture inside the limits is admitted as it is; each other one is refused by its rule, and the
/// one before stays in force. The soft limit is 1 rad less 0.035.
///
/// Clauses: A2, A5, M1.
#[test]
fn a_posture_is_admitted_inside_the_limits_and_refused_beyond() {
    let mut bench = Bench::standing(profile());
    bench.plan = Some(posture(&bench, 1, [0.1, -0.9, 0.96]));
    let ruling = bench.tick();
    let Motion::Move(goal) = ruling.motion else { panic!("{ruling:?}") };
    assert_eq!(goal.as_slice(), [0.1, -0.9, 0.96].map(Radians));
    assert_eq!((ruling.authority, ruling.scale), (Authority::Brain, 1.0));

    let mut short = posture(&bench, 4, [0.0; 3]);
    short.request = PlanRequest::Posture(Joints::filled(Radians(0.0), 2));
    let walk = bench.walk(5, 0.3, ms(1000));
    for (rule, plan) in [
        (Rule::PlanPosture, posture(&bench, 2, [0.0, 0.97, 0.0])),
        (Rule::PlanFinite, posture(&bench, 3, [0.0, f32::NAN, 0.0])),
        (Rule::PlanShape, short),
    ] {
        bench.records.clear();
        bench.plan = Some(plan);
        assert_eq!(bench.tick().motion, ruling.motion, "{rule:?}");
        assert_eq!(bench.of_kind(Kind::Refused), [rule]);
    }
    let told = bench.governor.count(Rule::PlanPosture);
    assert_eq!(told, 1);

    // Where only postures are permitted, a walk is none of them, and the other way round.
    let all = HabitRule::default().skills;
    let none = Skills { forward: false, backward: false, sideways: false, turn: false, ..all };
    for (skills, plan) in
        [(none, walk), (Skills { posture: false, ..all }, posture(&bench, 5, [0.0; 3]))]
    {
        let habits = HabitRule { skills, ..HabitRule::default() };
        let mut bench = Bench::standing(Profile { habits, ..profile() });
        bench.plan = Some(Plan { epoch: bench.governor.ruling().epoch, ..plan });
        bench.plan = bench.plan.map(|plan| Plan {
            observed_at: bench.now,
            valid_until: bench.now + ms(1000),
            ..plan
        });
        bench.tick();
        assert_eq!(bench.of_kind(Kind::Refused), [Rule::PlanSkill]);
    }
}

/// A move goes on at LIMITED with its scale, ends at HOLD, and at the end of the plan.
///
/// Clauses: M2, S3.
#[test]
fn a_move_slows_down_and_ends_with_the_level() {
    let mut bench = Bench::standing(profile());
    bench.plan = Some(posture(&bench, 1, [0.5; 3]));
    assert!(matches!(bench.tick().motion, Motion::Move(_)));
    bench.state.posture = Posture::Moving;
    // One reading stops: it is limited after 5 ms, and the way goes on slower.
    bench.silent_joint = Some(joint(1));
    let ruling = bench.run(12);
    assert_eq!((ruling.level, ruling.scale), (Level::Limited, 0.5), "{:?}", bench.told());
    assert!(matches!(ruling.motion, Motion::Move(_)));
    bench.silent_joint = None;
    bench.run(2);
    // The plan ends after a second.
    let ruling = bench.run(1000);
    assert_eq!((ruling.level, ruling.motion), (Level::Hold, Motion::Stand), "{:?}", bench.told());
    let stays = |command: &JointCommand| command.kp.0 == 100.0 && command.q.0 == 0.0;
    assert!(bench.command.joints.iter().all(stays), "{:?}", bench.command);
}

/// Without an inertial unit a fixed base is as good as still, one that is free is not.
///
/// Clauses: A2.
#[test]
fn a_fixed_base_needs_no_inertial_unit() {
    for (fixed_base, level) in [(true, Level::Nominal), (false, Level::Settle)] {
        let mut bench = Bench::standing(Profile { fixed_base, ..profile() });
        bench.silent_imu = true;
        bench.plan = Some(posture(&bench, 1, [0.5; 3]));
        assert_eq!(bench.run(200).level, level, "{:?}", bench.told());
    }
}

/// A stop holds a body that sinks under power where it is: through STOPPED and after the reset,
/// until it is started, or lies. A cut lets it go at once.
///
/// Clauses: S1, S2, S3, S4, S9.
#[test]
fn a_body_that_sinks_is_held_until_it_lies() {
    let held = |bench: &Bench| bench.command.joints.iter().all(|joint| joint.kp.0 > 0.0);
    let limp = |bench: &Bench| bench.command.joints.iter().all(|j| *j == JointCommand::LIMP);
    let stopped = || {
        let mut bench = Bench::standing(profile());
        assert_eq!(bench.tick().motion, Motion::Stand);
        bench.operator.stop = true;
        bench.state.posture = Posture::Settling;
        let ruling = bench.run(1000);
        assert_eq!((ruling.level, ruling.motion), (Level::Stopped, Motion::Settle));
        assert!(held(&bench), "{:?}", bench.command);
        bench
    };
    // Reset and start again: held in between, and only then free to move.
    let mut bench = stopped();
    bench.operator.stop = false;
    bench.act(OperatorAct::Reset);
    let ruling = bench.run(1000);
    assert_eq!((ruling.mode, ruling.level), (Mode::Inhibited, Level::Nominal));
    assert!(held(&bench) && ruling.motion == Motion::Settle, "{ruling:?}");
    assert_eq!(bench.act(OperatorAct::Start).motion, Motion::Stand);

    // It lies: after standing still there for long enough the torque goes off, and stays off.
    let mut bench = stopped();
    bench.state.posture = Posture::Settled;
    assert_eq!(bench.run(100).motion, Motion::Settle, "not at once");
    assert_eq!(bench.run(500).motion, Motion::Limp);
    assert!(limp(&bench));
    bench.state.posture = Posture::Limp;
    assert_eq!(bench.run(100).motion, Motion::Limp, "nothing takes hold of it again");

    // A cut is a cut.
    let mut bench = stopped();
    bench.operator.cut = true;
    assert_eq!(bench.tick().motion, Motion::Limp);
    assert!(limp(&bench));

    // Blind, it cannot be held in place: it is damped.
    let mut bench = stopped();
    (0..JOINTS).for_each(|at| bench.stamps_stay.push((joint(at), bench.now)));
    bench.run(200);
    assert!(bench.command.joints.iter().all(|joint| joint.kp.0 == 0.0 && joint.kd.0 > 0.0));

    // A body that stands by itself is let go as ever.
    let mut bench = Bench::standing(Profile { sinks_without_power: false, ..profile() });
    bench.operator.stop = true;
    assert_eq!(bench.run(1000).motion, Motion::Limp);
}

/// Nobody has started it: it is left alone, whatever comes.
///
/// Clauses: O6, S4.
#[test]
fn a_body_that_was_never_started_is_never_held() {
    let mut bench = Bench::new(profile());
    for stop in [false, true, false] {
        bench.operator.stop = stop;
        assert_eq!(bench.run(100).motion, Motion::Limp);
    }
    bench.act(OperatorAct::Reset);
    assert_eq!(bench.run(100).motion, Motion::Limp);
}

/// Clauses: A4.
#[test]
fn a_body_that_balances_cannot_be_held_by_stopping_in_place() {
    let profile = Profile { body: BodyClass::ActivelyStable, ..profile() };
    let field = |error: ProfileError| error.field;
    assert_eq!(profile.check().map_err(field), Err("sinks_without_power"));
}
