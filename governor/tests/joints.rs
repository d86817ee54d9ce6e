//! What a joint may be told: limits, barriers, and commands that cannot be used.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, JOINTS, hardware, joint, joint_limits, ms};
use governor::{Envelope, EnvelopeError, Kind, Profile, Rule};
use signals::*;

/// Clauses: M3, S2.
#[test]
fn unusable_commands_damp_the_tick_and_cut_a_stop_that_cannot_be_made() {
    let mut bench = Bench::standing(Profile::default());
    bench.wanted[joint(2)].kp = Stiffness(f32::INFINITY);
    bench.tick();
    assert!(bench.command.joints.iter().all(|c| *c == JointCommand::damped(Damping(2.0))));
    let told = bench.records.iter().find(|record| record.rule == Rule::CommandFinite).unwrap();
    assert_eq!((told.joint, told.measured, told.limit), (Some(joint(2)), 1.0, 3.0));
    bench.run(2);
    assert_eq!(bench.governor.level(), Level::Nominal);
    assert_eq!(bench.tick().level, Level::Settle);
    assert_eq!(bench.run(9).level, Level::Settle);
    assert_eq!(bench.tick().level, Level::Cut);

    let mut bench = Bench::standing(Profile::default());
    bench.wanted = Joints::filled(JointCommand::LIMP, JOINTS + 1);
    bench.tick();
    assert_eq!(bench.command.joints, Joints::filled(JointCommand::damped(Damping(2.0)), JOINTS));
    assert_eq!(bench.governor.count(Rule::CommandShape), 1);
    let told = bench.records.iter().find(|record| record.rule == Rule::CommandShape).unwrap();
    assert_eq!((told.measured, told.limit), (4.0, 3.0));
}

/// A target nobody followed is not where the joint was led to.
///
/// Clauses: M3.
#[test]
fn a_target_begins_where_the_joint_is() {
    let mut bench = Bench::standing(Profile::default());
    let wanted = JointCommand { q: Radians(0.9), kd: Damping(1.0), ..JointCommand::LIMP };
    bench.wanted[joint(0)] = JointCommand { kp: Stiffness(-1.0), ..wanted };
    bench.run(50);
    bench.wanted[joint(0)].kp = Stiffness(5.0);
    bench.tick();
    // 20 ms at 10 rad/s.
    assert!((bench.command.joints[joint(0)].q.0 - 0.2).abs() < 1e-3, "{:?}", bench.command);
}

/// What is wanted of a joint while its drive holds it is followed by nobody: when the joint is seen
/// again it is led on from the last target it followed.
///
/// Clauses: M3, A2.
#[test]
fn a_target_goes_on_from_the_last_one_that_was_followed() {
    let mut bench = Bench::standing(Profile::default());
    bench.run(40);
    let before = bench.wanted[joint(0)];
    bench.silent_joint = Some(joint(0));
    bench.run(35);
    let held = bench.command.joints[joint(0)];
    assert_eq!(held.kp, Stiffness(100.0));
    bench.wanted[joint(0)].q = Radians(0.9);
    bench.run(5);
    bench.silent_joint = None;
    let followed = (0..40).find_map(|_| {
        bench.tick();
        let told = bench.command.joints[joint(0)];
        (told != held).then_some(told)
    });
    // 20 ms at 10 rad/s further than before.
    let at_rest = JointState { q: Radians(0.0), dq: RadiansPerSecond(0.0) };
    let torque = followed.unwrap().torque(at_rest).0;
    let expected = before.kp.0 * (before.q.0 + 0.2);
    assert!((torque - expected).abs() < 1e-3, "{followed:?} gives {torque}, not {expected}");
}

/// Clauses: M3.
#[test]
fn a_command_that_is_over_is_told_with_its_age() {
    let mut bench = Bench::standing(Profile::default());
    for (late, refused) in [(-1, false), (0, true), (4, true)] {
        bench.stamp();
        let cycle = Cycle { number: bench.number, now: bench.now, period: common::TICK };
        let (frame, operator) = (bench.frame, bench.operator);
        bench.governor.rule(&cycle, &frame, &bench.state, None, &operator);
        let until = bench.now.as_nanos().saturating_add_signed(-late * 1_000_000);
        let valid_until = Instant::from_nanos(until);
        let wanted = BodyCommand { joints: bench.wanted, valid_until };
        let _ = bench.governor.vet(&cycle, &bench.state, wanted);
        bench.records.clear();
        bench.drain();
        let told = bench.records.iter().find(|record| record.rule == Rule::CommandStale);
        let measured = refused.then_some(late as f32 * 1e-3);
        assert_eq!(told.map(|told| told.measured), measured, "{late}");
        // Between two of them one that counts: a record lasts while its rule acts.
        bench.number += 1;
        bench.now = bench.now + common::TICK;
        bench.run(2000);
    }
}

/// Clauses: A1, S5.
#[test]
fn a_command_without_a_ruling_is_damped_or_stays_cut() {
    for (cut, expected) in [(false, JointCommand::damped(Damping(2.0))), (true, JointCommand::LIMP)]
    {
        let mut bench = Bench::standing(Profile::default());
        bench.operator.cut = cut;
        bench.tick();
        let cycle = Cycle { number: bench.number, now: bench.now, period: common::TICK };
        let wanted = BodyCommand { joints: bench.wanted, valid_until: bench.now + ms(20) };
        let vetted = bench.governor.vet(&cycle, &bench.state, wanted);
        assert!(vetted.joints.iter().all(|c| *c == expected));
        assert_eq!(vetted.cycle().number, bench.number);
        assert_eq!(bench.governor.count(Rule::CycleUnruled), 1);
    }
}

/// Clauses: M1, M2, M4.
#[test]
fn what_a_joint_may_be_told() {
    type Spoil = fn(&mut Bench);
    let table: [(Option<Rule>, Spoil); 10] = [
        (None, |_| {}),
        // A target without a gain asks for nothing, wherever it is.
        (None, |b| (b.wanted[joint(0)].q, b.wanted[joint(0)].kp) = (Radians(2.0), Stiffness(0.0))),
        (Some(Rule::JointGain), |b| b.wanted[joint(0)].kp = Stiffness(101.0)),
        (Some(Rule::JointGain), |b| b.wanted[joint(0)].kp = Stiffness(-1.0)),
        (Some(Rule::JointDamping), |b| b.wanted[joint(0)].kd = Damping(6.0)),
        (Some(Rule::JointPosition), |b| b.wanted[joint(0)].q = Radians(0.97)),
        (Some(Rule::JointRate), |b| b.wanted[joint(0)].dq = RadiansPerSecond(-11.0)),
        (Some(Rule::JointTorque), |b| b.wanted[joint(0)].tau = NewtonMetres(30.0)),
        (Some(Rule::JointBrake), |b| {
            b.set_joint(joint(0), 0.9, 5.0);
            b.wanted[joint(0)] = JointCommand { tau: NewtonMetres(5.0), ..JointCommand::LIMP };
        }),
        (Some(Rule::JointVelocity), |b| b.set_joint(joint(0), -0.9, 12.0)),
    ];
    for (rule, spoil) in table {
        let mut bench = Bench::standing(Profile::default());
        spoil(&mut bench);
        bench.run(30);
        let mut told = bench.of_kind(Kind::Limited);
        assert!(rule.is_some() || told.is_empty(), "{told:?}");
        // A target beyond a limit has jumped there.
        told.retain(|told| *told != Rule::CommandJump);
        assert_eq!(told, rule.into_iter().collect::<Vec<_>>(), "{:?}", bench.told());
        if let Some(rule) = rule {
            assert_eq!(bench.governor.count(rule), 30);
            assert_eq!(bench.records[0].joint, Some(joint(0)));
        }
        // It ends: the closing record says how long it lasted. What a joint that stops at once
        // still seems to do may last a little longer.
        bench.set_joint(joint(0), 0.0, 0.0);
        bench.wanted[joint(0)] = JointCommand::LIMP;
        bench.records.clear();
        bench.run(120);
        let closed = bench.records.iter().find(|r| Some(r.rule) == rule && r.ticks > 1);
        assert_eq!(closed.is_some(), rule.is_some(), "{:?}", bench.told());
        assert!(closed.is_none_or(|r| (30..=40).contains(&r.ticks)), "{:?}", bench.told());
    }
}

/// Clauses: A2, M1.
#[test]
fn a_joint_out_of_sight_follows_only_while_it_cannot_have_come_near_a_limit() {
    // At rest, far from everything: for a few ticks it goes on, then its drive holds it.
    let mut bench = Bench::standing(Profile::default());
    bench.run(20);
    let wanted = bench.wanted[joint(0)];
    let place = bench.frame.joints[joint(0)].q;
    bench.silent_joint = Some(joint(0));
    bench.run(15);
    assert_eq!(bench.command.joints[joint(0)], wanted);
    bench.run(20);
    let held = bench.command.joints[joint(0)];
    assert_eq!((held.q, held.kp, held.kd), (place, Stiffness(100.0), Damping(5.0)));
    // Seen again, it follows again.
    bench.silent_joint = None;
    bench.run(30);
    assert_eq!(bench.command.joints[joint(0)], wanted);

    // On its way to a limit: the drive holds it at once, where its spring still brakes fully.
    let mut bench = Bench::standing(Profile::default());
    for tick in 0..20_u8 {
        let (q, dq) = (f32::from(tick).mul_add(0.004, 0.4), 4.0);
        bench.set_joint(joint(0), q, dq);
        bench.tick();
    }
    bench.silent_joint = Some(joint(0));
    bench.wanted[joint(0)] = JointCommand { tau: NewtonMetres(1e6), ..JointCommand::LIMP };
    bench.run(10);
    let held = bench.command.joints[joint(0)];
    assert_eq!((held.kp, held.kd, held.tau.0), (Stiffness(100.0), Damping(5.0), 0.0));
    assert!((held.q.0 - 0.476).abs() < 1e-3, "{held:?}");
    assert!(bench.of_kind(Kind::Limited).contains(&Rule::JointBrake), "{:?}", bench.told());
}

/// Clauses: S7.
#[test]
fn a_vetted_command_expires_soon_but_not_before_the_next_one_acts() {
    // Past its validity a drive only damps, which keeps no limit: one tick and 3 ms of delay.
    for (wanted_ms, expected_ms) in [(20, 5), (3, 4), (-7, 5)] {
        let mut bench = Bench::standing(Profile::default());
        bench.tick();
        let now = bench.now;
        let (frame, state) = (&mut bench.frame, &mut bench.state);
        state.at = now;
        frame.joints.iter_mut().for_each(|reading| reading.at = now);
        let cycle = Cycle { number: bench.number, now, period: common::TICK };
        bench.governor.rule(&cycle, &bench.frame, &bench.state, None, &Operator::default());
        let until = now.as_nanos().saturating_add_signed(wanted_ms * 1_000_000);
        let valid_until = Instant::from_nanos(until);
        let wanted = BodyCommand { joints: bench.wanted, valid_until };
        let vetted = bench.governor.vet(&cycle, &bench.state, wanted);
        assert_eq!(vetted.valid_until, now + ms(expected_ms));
        // What is over already is not followed at all.
        let damped = JointCommand::damped(Damping(2.0));
        assert_eq!(vetted.joints[joint(0)] == damped, wanted_ms < 0);
        let stale = u32::from(wanted_ms < 0);
        assert_eq!(bench.governor.count(Rule::CommandStale), stale);
    }
}

/// Clauses: A4.
#[test]
fn an_envelope_refuses_nonsense_and_only_gets_stricter() {
    type Spoil = fn(&mut JointLimits);
    let table: [(&str, Spoil); 9] = [
        ("q_min", |l| l.q_min = Radians(1.0)),
        ("q_min", |l| l.q_min = Radians(f32::NAN)),
        ("q_max", |l| l.q_max = Radians(f32::INFINITY)),
        ("dq_max", |l| l.dq_max = RadiansPerSecond(0.0)),
        ("tau_max", |l| l.tau_max = NewtonMetres(-1.0)),
        ("no_load_speed", |l| l.no_load_speed = RadiansPerSecond(f32::NAN)),
        ("braking", |l| l.braking = RadiansPerSecondSquared(0.0)),
        ("kp_max", |l| l.kp_max = Stiffness(-0.1)),
        ("kd_max", |l| l.kd_max = Damping(f32::INFINITY)),
    ];
    for (name, spoil) in table {
        let mut limits = hardware();
        spoil(&mut limits.joints[joint(1)]);
        let error = Envelope::new(&limits).unwrap_err();
        assert!(
            matches!(error, EnvelopeError::Joint { joint: id, field, .. }
                if id == joint(1) && field == name),
            "{error}"
        );
    }
    let envelope = Envelope::new(&hardware()).unwrap();
    let wider = JointLimits { q_max: Radians(2.0), kp_max: Stiffness(1e4), ..joint_limits() };
    assert_eq!(envelope.tightened(joint(0), &wider).unwrap(), envelope);
    let strict = JointLimits { tau_max: NewtonMetres(5.0), ..wider };
    let tightened = envelope.tightened(joint(0), &strict).unwrap();
    assert_eq!(tightened.joints()[joint(0)].tau_max, NewtonMetres(5.0));
    assert_eq!(tightened.joints()[joint(0)].q_max, Radians(1.0));
    assert_ne!(tightened.id(), envelope.id());
    let elsewhere = JointLimits { q_min: Radians(5.0), q_max: Radians(6.0), ..joint_limits() };
    assert!(envelope.tightened(joint(0), &elsewhere).is_err());
    assert!(envelope.tightened(joint(9), &strict).is_err());
}

/// Clauses: M1, A2.
#[test]
fn neither_a_wild_reading_nor_a_wrong_estimate_opens_a_barrier() {
    let near = JointState { q: Radians(0.95), dq: RadiansPerSecond(3.0) };
    for wild_reading in [true, false] {
        let mut bench = Bench::standing(Profile::default());
        bench.wanted[joint(0)] = JointCommand { tau: NewtonMetres(5.0), ..JointCommand::LIMP };
        if wild_reading {
            bench.state.joints[joint(0)] = near;
        } else {
            bench.frame.joints[joint(0)].q = near.q;
            bench.frame.joints[joint(0)].dq = near.dq;
        }
        bench.tick();
        assert!(bench.command.joints[joint(0)].tau < NewtonMetres(-15.0));
        assert_eq!(bench.governor.count(Rule::JointBrake), 1);
    }
}

/// Clauses: M1.
#[test]
fn a_late_actuator_brakes_earlier() {
    let braked = |delay: u64| {
        let mut bench = Bench::standing(Profile { brake_delay: ms(delay), ..Profile::default() });
        bench.set_joint(joint(0), 0.72, 4.0);
        bench.wanted[joint(0)] = JointCommand { tau: NewtonMetres(19.0), ..JointCommand::LIMP };
        bench.run(40);
        bench.command.joints[joint(0)].tau.0
    };
    assert!(braked(0) > 0.0 && braked(10) < braked(0) - 5.0, "{} {}", braked(0), braked(10));
}

/// Clauses: M1, M4.
#[test]
fn far_from_its_limits_a_fast_joint_gets_what_the_drive_can_give() {
    let mut wide = hardware();
    wide.joints.iter_mut().for_each(|limits| {
        (limits.q_min, limits.q_max) = (Radians(-50.0), Radians(50.0));
    });
    for (dq, tau, allowed) in [(7.9, 19.0, 19.0), (8.4, 19.5, 58.0 / 3.0), (-8.4, 19.5, 19.5)] {
        let mut bench = Bench::of(&wide, Profile::default()).started();
        bench.set_joint(joint(0), 0.0, dq);
        bench.wanted[joint(0)] = JointCommand { tau: NewtonMetres(tau), ..JointCommand::LIMP };
        bench.run(50);
        let given = |bench: &mut Bench| {
            bench.tick();
            bench.command.joints[joint(0)].tau.0 * tau.signum()
        };
        let highest = (0..300).map(|_| given(&mut bench)).fold(f32::MIN, f32::max);
        assert!((highest - allowed).abs() < 1e-3, "{dq} {tau}: {highest}");
    }
}
