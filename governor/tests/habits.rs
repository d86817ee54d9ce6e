//! What a joint may be told over time: jumping targets, warm windings, power, acceleration.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, hardware, joint, joint_limits};
use governor::{Kind, PowerRule, Profile, Rule};
use signals::*;

fn limits(change: impl Fn(&mut JointLimits)) -> HardwareLimits {
    let mut hardware = hardware();
    hardware.joints.iter_mut().for_each(change);
    hardware
}

fn torque(tau: f32) -> JointCommand {
    JointCommand { tau: NewtonMetres(tau), ..JointCommand::LIMP }
}

/// Clauses: M3.
#[test]
fn a_target_that_jumps_is_led_there_as_fast_as_the_joint_could_go() {
    let mut bench = Bench::standing(Profile::default());
    bench.run(40);
    // 20 ms at 10 rad/s are 0.2 rad; from 0.1 to 0.75 it takes four cycles.
    bench.wanted[joint(0)].q = Radians(0.75);
    let torque_at_rest = |bench: &Bench| {
        let at_rest = JointState { q: Radians(0.0), dq: RadiansPerSecond(0.0) };
        bench.command.joints[joint(0)].torque(at_rest).0
    };
    for led in [0.3, 0.5, 0.7, 0.75, 0.75] {
        bench.tick();
        assert!((torque_at_rest(&bench) - 20.0 * led).abs() < 1e-3, "{led}: {:?}", bench.command);
    }
    assert_eq!(bench.governor.count(Rule::CommandJump), 3);
    assert_eq!(bench.governor.level(), Level::Nominal);
}

/// Clauses: M3, W1.
#[test]
fn targets_that_keep_jumping_slow_the_robot_down() {
    for (every, level) in [(300, Level::Nominal), (100, Level::Limited)] {
        let mut bench = Bench::standing(Profile::default());
        bench.run(40);
        for tick in 0..1000_u32 {
            let far = if (tick / every) % 2 == 0 { 0.5 } else { -0.1 };
            bench.wanted[joint(0)].q = Radians(far);
            bench.tick();
        }
        assert_eq!(bench.governor.level(), level, "every {every} ms: {:?}", bench.told());
    }
}

/// Clauses: M1.
#[test]
fn a_target_that_stays_beyond_its_limit_holds_the_robot() {
    let mut bench = Bench::standing(Profile::default());
    bench.wanted[joint(1)].q = Radians(1.2);
    bench.run(200);
    assert_eq!(bench.governor.level(), Level::Nominal);
    bench.run(1);
    assert_eq!(bench.governor.level(), Level::Hold, "{:?}", bench.told());
    let change = bench.records.iter().find(|r| r.kind == Kind::LevelChanged).unwrap();
    assert_eq!((change.rule, change.joint), (Rule::JointPosition, Some(joint(1))));
}

/// Clauses: M7.
#[test]
fn a_warm_winding_gets_no_more_than_it_bears_for_ever() {
    let hardware = limits(|l| {
        l.torque_continuous = NewtonMetres(10.0);
        l.thermal_time = Seconds(0.5);
    });
    let mut bench = Bench::of(&hardware, Profile::default()).started();
    bench.wanted[joint(0)] = torque(18.0);
    let given: Vec<f32> = (0..2000)
        .map(|_| {
            bench.tick();
            bench.command.joints[joint(0)].tau.0
        })
        .collect();
    // The peak for a while, then less and less, without a step, and never below the continuous.
    assert!(given[50..100].iter().all(|tau| *tau == 18.0), "{:?}", &given[50..100]);
    assert!(given[50..].windows(2).all(|two| (two[1] - two[0]).abs() < 1.0));
    assert!((given[1999] - 10.0).abs() < 0.3, "{}", given[1999]);
    let warmth = given.iter().fold(0.0_f32, |x, tau| x + (tau * tau - x) * 1e-3 / 0.5);
    assert!(warmth <= 100.5, "{warmth}");
    assert!(bench.of_kind(Kind::Limited).contains(&Rule::JointThermal), "{:?}", bench.told());
    // A rest, and the peak is there again.
    bench.wanted[joint(0)] = torque(0.0);
    bench.run(1500);
    bench.wanted[joint(0)] = torque(18.0);
    bench.run(10);
    assert_eq!(bench.command.joints[joint(0)].tau, NewtonMetres(18.0));
}

/// Clauses: H2, M7.
#[test]
fn driving_power_is_limited_and_braking_is_not() {
    let power = PowerRule {
        power_max: Watts(25.0),
        energy_max: Joules(2.0),
        recovery: 0.5,
        refill: Watts(0.0),
    };
    let profile = Profile { power: Some(power), ..Profile::default() };
    let mut bench = Bench::standing(profile);
    for (id, dq, tau) in [(0, 2.0, 10.0), (1, -3.0, -10.0), (2, 2.0, -12.0)] {
        bench.set_joint(joint(id), 0.0, dq);
        bench.wanted[joint(id)] = torque(tau);
    }
    bench.run(40);
    let tau = |bench: &Bench, id| bench.command.joints[joint(id)].tau.0;
    // 20 W and 30 W of driving in 25 W: half of each; the third one brakes.
    let given = [0, 1, 2].map(|id| tau(&bench, id));
    for (given, right) in given.iter().zip([5.0, -5.0, -12.0]) {
        assert!((given - right).abs() < 0.1, "{given} {right}");
    }
    assert!(bench.of_kind(Kind::Limited).contains(&Rule::JointPower), "{:?}", bench.told());
    // 25 W less the half of 24 W drain 2 J in 154 ms: what is braked is all there is to drive with.
    bench.run(300);
    let driven = 2.0 * tau(&bench, 0) - 3.0 * tau(&bench, 1);
    assert!((driven - 12.0).abs() < 0.5 && tau(&bench, 2) == -12.0, "{driven}");
    assert!(bench.of_kind(Kind::Limited).contains(&Rule::JointEnergy), "{:?}", bench.told());
}

/// The highest acceleration and jerk of a light joint that is pushed to and fro, rad/s^2, rad/s^3.
fn shaken(hardware: &HardwareLimits) -> (Vec<Rule>, f32, f32) {
    let profile = Profile { stuck_frames: 0, ..Profile::default() };
    let mut hardware = *hardware;
    hardware.joints.iter_mut().for_each(|l| (l.q_min, l.q_max) = (Radians(-50.0), Radians(50.0)));
    let mut bench = Bench::of(&hardware, profile).started();
    let (mut q, mut dq, mut last) = (0.0_f32, 0.0_f32, 0.0_f32);
    let (mut hardest, mut sharpest) = (0.0_f32, 0.0_f32);
    for tick in 0..600_u32 {
        bench.set_joint(joint(0), q, dq);
        bench.wanted[joint(0)] = torque(if (tick / 60) % 2 == 0 { 6.0 } else { -6.0 });
        bench.tick();
        let acceleration = bench.command.joints[joint(0)].tau.0 / joint_limits().inertia_min.0;
        dq += acceleration * 1e-3;
        q += dq * 1e-3;
        hardest = hardest.max(acceleration.abs());
        // Before the first tick it stood still under a torque of its own.
        let change = if tick > 0 { acceleration - last } else { 0.0 };
        sharpest = sharpest.max(change.abs() * 1e3);
        last = acceleration;
    }
    (bench.of_kind(Kind::Limited), hardest, sharpest)
}

/// Clauses: M3, M4.
#[test]
fn acceleration_jerk_and_torque_rate_keep_their_limits() {
    let (_, hard, sharp) = shaken(&hardware());
    assert!(hard > 55.0 && sharp > 50_000.0, "{hard} {sharp}");
    let gentle = limits(|l| l.acceleration_max = RadiansPerSecondSquared(20.0));
    let (told, hard, _) = shaken(&gentle);
    assert!(hard <= 20.5 && told.contains(&Rule::JointAccel), "{hard} {told:?}");
    let smooth = limits(|l| l.jerk_max = RadiansPerSecondCubed(2000.0));
    let (told, hard, sharp) = shaken(&smooth);
    assert!(sharp <= 2010.0 && told.contains(&Rule::JointJerk), "{sharp} {told:?}");
    assert!(hard > 30.0, "{hard}");
    let slow = limits(|l| l.torque_rate = NewtonMetresPerSecond(300.0));
    let (told, _, sharp) = shaken(&slow);
    assert!(sharp <= 3010.0 && told.contains(&Rule::JointTorqueRate), "{sharp} {told:?}");
}
