//! Pushes, tipping and lying: what is said while a body can still be caught, and when it cannot.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, joint, ms};
use governor::{Anatomy, BalanceRule, FootPoint, Hinge, PersonRule, Profile, Rule};
use signals::*;

fn rule() -> BalanceRule {
    BalanceRule {
        stance: [Metres(0.19), Metres(0.14)],
        reach: Metres(0.2),
        shrink: Metres(0.02),
        reaction: ms(50),
        lost: ms(50),
        horizon: ms(100),
    }
}

fn profile() -> Profile {
    Profile { balance: Some(rule()), ..Profile::default() }
}

/// A robot on its feet with its base at 0.3 m; feet, where it knows them, stand in the rectangle.
fn on_its_feet(profile: Profile, posture: Posture) -> Bench {
    let mut bench = Bench::standing(profile);
    bench.state.position[2] = Metres(0.3);
    bench.state.contact = Feet::filled(1.0, 4);
    bench.state.posture = posture;
    assert_eq!(bench.run(400).level, Level::Nominal, "{:?}", bench.told());
    bench
}

/// Capture point of a push, by the closed form: `v e^(omega t) / omega`.
fn capture(v: f32) -> f32 {
    let omega = (9.81_f32 / 0.3).sqrt();
    v * (omega * 0.05).exp() / omega
}

/// The same push is nothing for a walking body, a word at a small margin, and the end of standing
/// where the feet do not hold it.
///
/// Clauses: M8, S3.
#[test]
fn the_margin_of_the_capture_point_decides() {
    use Posture::{Standing, Walking};
    let table = [
        // Sideways: the feet hold to 0.12 m, a step reaches to 0.34 m.
        (Standing, 0.30, Level::Nominal),
        (Standing, 0.38, Level::Notice),
        (Standing, 0.42, Level::Warning),
        (Standing, 0.53, Level::Settle),
        (Walking, 0.53, Level::Nominal),
        (Walking, 1.00, Level::Nominal),
        (Walking, 1.10, Level::Notice),
        (Walking, 1.20, Level::Warning),
        (Walking, 1.36, Level::Limited),
    ];
    for (posture, speed, level) in table {
        for side in [1.0, -1.0] {
            let mut bench = on_its_feet(profile(), posture);
            bench.state.velocity[1] = MetresPerSecond(side * speed);
            let ruling = bench.tick();
            let what = format!("{posture:?} {speed} m/s, {} m", capture(speed));
            assert_eq!(ruling.level, level, "{what}: {:?}", bench.told());
            assert_eq!(bench.governor.count(Rule::CapturePoint) > 0, level > Level::Nominal);
        }
    }
}

/// Out of reach of any step: falling after 50 ms, not before, and not for a push that ends.
///
/// Clauses: M8, S9.
#[test]
fn out_of_reach_for_fifty_milliseconds_is_falling() {
    for posture in [Posture::Standing, Posture::Walking] {
        let mut bench = on_its_feet(profile(), posture);
        // Its joints move: a body at rest has fallen already.
        bench.set_joint(joint(0), 0.0, 1.0);
        bench.state.velocity[0] = MetresPerSecond(2.5);
        let ruling = bench.run(50);
        assert!(ruling.level < Level::Falling, "{posture:?}: {ruling:?}");
        let ruling = bench.tick();
        assert_eq!((ruling.level, ruling.motion), (Level::Falling, Motion::Damp), "{posture:?}");
        let record = bench.records.iter().find(|record| record.to == Level::Falling).unwrap();
        assert!(record.rule == Rule::CapturePoint && record.measured < 0.0, "{record:?}");
        // The same push, but it ends in time.
        let mut bench = on_its_feet(profile(), posture);
        for _ in 0..10 {
            bench.state.velocity[0] = MetresPerSecond(2.5);
            bench.run(40);
            bench.state.velocity[0] = MetresPerSecond(0.0);
            bench.run(40);
        }
        assert!(bench.governor.max_level() < Level::Falling);
    }
    // Getting up and down is no matter of steps.
    for posture in [Posture::Rising, Posture::Settling, Posture::Damped] {
        let mut bench = on_its_feet(profile(), Posture::Standing);
        bench.state.posture = posture;
        bench.state.velocity[0] = MetresPerSecond(2.5);
        bench.run(200);
        assert_eq!(bench.governor.count(Rule::CapturePoint), 0, "{posture:?}");
    }
}

/// A velocity that is not a number gives no margin: passed over twice, it ends the walk.
///
/// Clauses: M8, A2.
#[test]
fn a_velocity_that_is_not_a_number_is_not_trusted() {
    for posture in [Posture::Walking, Posture::Standing] {
        let mut bench = on_its_feet(profile(), posture);
        bench.state.velocity[1] = MetresPerSecond(f32::NAN);
        let passed_over = bench.run(2).level;
        assert!(passed_over > Level::Nominal && passed_over < Level::Hold, "{passed_over:?}");
        assert!(bench.tick().level >= Level::Settle);
        assert!(bench.run(60).level >= Level::Settle);
    }
}

/// With limbs the feet count where they stand: three legs of one hinge each, a fourth in the air.
///
/// Clauses: M8.
#[test]
fn the_feet_that_stand_are_the_ones_that_support() {
    // Every foot hangs on joint 0, which turns about the vertical.
    let spots = [[0.19, 0.14], [0.19, -0.14], [-0.19, 0.14], [-0.19, -0.14]];
    let feet = Feet::from_fn(4, |id| {
        let [x, y] = spots[id.index()];
        FootPoint { link: 1, at: [x, y, -0.3] }
    });
    let joints = Joints::filled(Hinge::default(), common::JOINTS);
    let anatomy = Anatomy { joints, feet, ..Anatomy::default() };
    let profile = Profile { anatomy: Some(anatomy), ..profile() };
    assert_eq!(profile.check(), Ok(()));
    let pushed = |turn: f32, contact: [f32; 4], x: f32, y: f32| {
        let mut bench = Bench::standing(profile);
        bench.set_joint(joint(0), turn, 0.0);
        bench.state.position[2] = Metres(0.3);
        bench.state.contact = Feet::filled(1.0, 4);
        bench.run(400);
        bench.state.contact = Feet::from_fn(4, |id| contact[id.index()]);
        // A foot may be light for a moment.
        if contact != [1.0; 4] {
            assert_eq!(bench.run(100).level, Level::Nominal);
        }
        bench.state.velocity[0] = MetresPerSecond(x);
        bench.state.velocity[1] = MetresPerSecond(y);
        bench.run(if x == 0.0 && y == 0.0 { 16 } else { 1 }).level
    };
    let all = [1.0; 4];
    assert_eq!(pushed(0.0, all, 0.5, 0.0), Level::Nominal);
    assert_eq!(pushed(0.0, all, 0.0, 0.53), Level::Settle);
    // A quarter turn (as far as the joint goes, 1 rad) makes the stance wide and short.
    assert_eq!(pushed(1.0, all, 0.0, 0.53), Level::Nominal);
    // Without the foot front left nothing supports that corner, but the opposite one.
    assert_eq!(pushed(0.0, [0.0, 1.0, 1.0, 1.0], 0.3, 0.3), Level::Settle);
    assert_eq!(pushed(0.0, [0.0, 1.0, 1.0, 1.0], -0.2, -0.2), Level::Nominal);
    // On two feet a body balances; it does not stand.
    assert_eq!(pushed(0.0, [1.0, 0.0, 0.0, 1.0], 0.0, 0.0), Level::Settle);
}

/// Tilt and tilt rate together: a word when the cone is left, falling when it is far gone.
///
/// Clauses: M8, S9.
#[test]
fn tipping_over_is_seen_before_the_tilt_is_reached() {
    let table = [
        (0.1, 2.0, Level::Nominal),
        (0.1, 6.0, Level::Warning),
        (0.25, 5.0, Level::Warning),
        (0.33, 1.0, Level::Nominal),
        (0.33, 3.5, Level::Falling),
        (0.33, -9.0, Level::Nominal),
        (-0.33, -3.5, Level::Falling),
        (0.0, 9.0, Level::Warning),
    ];
    for (tilt, rate, level) in table {
        let mut bench = on_its_feet(profile(), Posture::Walking);
        bench.tilt(tilt);
        bench.state.angular_velocity[0] = RadiansPerSecond(rate);
        assert_eq!(bench.tick().level, level, "{tilt} {rate}: {:?}", bench.told());
    }
}

/// A body that lies has fallen: torque goes off after 200 ms.
///
/// Clauses: M8, S9.
#[test]
fn a_body_that_lies_loses_its_torque() {
    let mut bench = on_its_feet(profile(), Posture::Walking);
    bench.set_joint(joint(0), 0.0, 1.0);
    bench.tilt(1.3);
    assert_eq!(bench.tick().motion, Motion::Damp);
    assert_eq!(bench.run(199).motion, Motion::Damp);
    assert_eq!(bench.tick().motion, Motion::Limp, "{:?}", bench.told());
    assert!(bench.command.joints.iter().all(|command| *command == JointCommand::LIMP));
}

/// Nobody may stand where the body would fall while its balance is in doubt.
///
/// Clauses: H5.
#[test]
fn a_person_in_the_fall_zone_holds_an_unsteady_body() {
    let person = PersonRule {
        radius: Metres(0.4),
        intrusion: Metres(0.1),
        inner: Metres(0.3),
        braking: MetresPerSecondSquared(2.0),
        reaction: ms(100),
        speed: MetresPerSecond(1.6),
        age_max: ms(1000),
        silence_max: ms(1000),
        silent_scale: 0.25,
        fall_zone: Metres(1.0),
    };
    for (speed, distance, held) in [(0.0, 1.2, false), (1.2, 1.2, true), (1.2, 1.5, false)] {
        let mut bench = Bench::new(Profile { person: Some(person), ..profile() });
        bench.frame.person =
            Some(PersonReading { distance: Metres(9.0), approach: None, at: bench.now + ms(500) });
        let mut bench = bench.started();
        bench.state.position[2] = Metres(0.3);
        bench.state.posture = Posture::Walking;
        bench.run(100);
        bench.state.velocity[1] = MetresPerSecond(speed);
        bench.frame.person =
            Some(PersonReading { distance: Metres(distance), approach: None, at: bench.now });
        assert_eq!(bench.tick().level == Level::Hold, held, "{speed} {distance}");
        assert_eq!(bench.governor.count(Rule::PersonNear) > 0, held);
    }
}

/// Nonsense in the rule locks the robot out.
///
/// Clauses: M8, A4.
#[test]
fn a_rule_of_balance_that_makes_no_sense_is_refused() {
    let spoiled = [
        BalanceRule { stance: [Metres(0.2), Metres(0.0)], ..rule() },
        BalanceRule { reach: Metres(f32::NAN), ..rule() },
        BalanceRule { shrink: Metres(0.2), ..rule() },
        BalanceRule { lost: ms(0), ..rule() },
        BalanceRule { reaction: ms(61_000), ..rule() },
    ];
    for balance in spoiled {
        let profile = Profile { balance: Some(balance), ..Profile::default() };
        assert!(profile.check().is_err(), "{balance:?}");
    }
    let hinge = Hinge { parent: 3, ..Hinge::default() };
    let joints = Joints::filled(hinge, 3);
    let crooked = Joints::filled(Hinge { axis: [0.0; 3], ..Hinge::default() }, 3);
    for joints in [joints, crooked] {
        let anatomy = Some(Anatomy { joints, ..Anatomy::default() });
        assert!(Profile { anatomy, ..Profile::default() }.check().is_err());
    }
}
