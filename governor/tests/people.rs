//! People near the robot: how fast it may go, when it stands, and how hard it may touch.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::VecDeque;

use common::{Bench, forward, ms};
use governor::{BodyRegion, ContactRule, Kind, PersonRule, Profile, REGIONS, RegionLimit, Rule};
use signals::*;

const BRAKING: f32 = 2.0;
const REACTION_MS: u64 = 100;
const RADIUS: f32 = 0.4;

fn rule() -> PersonRule {
    PersonRule {
        radius: Metres(RADIUS),
        intrusion: Metres(0.17),
        inner: Metres(0.3),
        braking: MetresPerSecondSquared(BRAKING),
        reaction: ms(REACTION_MS),
        speed: MetresPerSecond(1.6),
        age_max: ms(100),
        silence_max: ms(1000),
        silent_scale: 0.25,
        fall_zone: Metres(1.0),
    }
}

fn profile(person: PersonRule) -> Profile {
    Profile {
        person: Some(person),
        speed_max: BaseVelocity {
            forward: MetresPerSecond(1.5),
            left: MetresPerSecond(1.5),
            yaw: RadiansPerSecond(2.0),
        },
        acceleration: governor::BaseAcceleration {
            forward: MetresPerSecondSquared(2.0),
            left: MetresPerSecondSquared(2.0),
            yaw: RadiansPerSecondSquared(9.0),
        },
        plan_validity_max: ms(60_000),
        ..Profile::default()
    }
}

fn person(bench: &mut Bench, distance: f32, approach: Option<f32>) {
    let approach = approach.map(MetresPerSecond);
    bench.frame.person =
        Some(PersonReading { distance: Metres(distance), approach, at: bench.now });
}

/// A walking robot that is asked for `forward` m/s and sees a person in each tick.
fn walking(profile: Profile, asked: f32, distance: f32, approach: Option<f32>) -> (Bench, Ruling) {
    let mut bench = Bench::new(profile);
    person(&mut bench, f32::INFINITY, None);
    for _ in 0..60 {
        person(&mut bench, f32::INFINITY, None);
        bench.tick();
    }
    bench.act(OperatorAct::Start);
    assert_eq!(bench.governor.ruling().mode, Mode::Auto, "{:?}", bench.told());
    bench.state.posture = Posture::Walking;
    bench.records.clear();
    let mut plan = bench.walk(1, asked, ms(60_000));
    if let PlanRequest::Velocity(chunk) = &mut plan.request {
        chunk.step = ms(6000);
    }
    bench.plan = Some(plan);
    let mut ruling = Ruling::default();
    for _ in 0..2000 {
        person(&mut bench, distance, approach);
        ruling = bench.tick();
    }
    (bench, ruling)
}

/// The speeds computed by hand for the distances of the regulation notes, 6.1.
///
/// Clauses: H1.
#[test]
fn the_speed_at_each_distance_is_the_computed_one() {
    // Distances of the notes are from the body: the reading is from the base origin.
    for (distance, most) in [(0.6, 0.28), (1.0, 0.63), (2.0, 1.35), (9.0, 1.5)] {
        let (bench, ruling) = walking(profile(rule()), 1.5, RADIUS + distance, None);
        assert!((forward(&ruling) - most).abs() < 0.01, "{distance}: {ruling:?}");
        let limited = bench
            .records
            .iter()
            .find(|record| record.rule == Rule::PersonNear && record.kind == Kind::Limited);
        assert_eq!(limited.is_some(), most < 1.5, "{distance}");
        if let Some(told) = limited {
            // The distance that the asked speed needs, from the base origin; a = 2, t = 0.1.
            let v = told.asked;
            let needed = RADIUS + 0.17 + 1.6 * (0.1 + v / 2.0) + v * 0.1 + v * v / 4.0;
            assert!((told.limit - needed).abs() < 0.01 && told.limit > told.measured, "{told:?}");
        }
        assert_eq!(ruling.level, Level::Nominal);
    }
    // A person who was measured to stand leaves more, one who runs leaves less.
    let at = |approach| forward(&walking(profile(rule()), 1.5, RADIUS + 1.0, Some(approach)).1);
    assert!(at(0.0) > 1.4 && at(-3.0) > 1.4 && at(1.6) < 0.64 && at(2.5) < 0.45);
    // What is not a number is no measured speed; the frame's gate has its own word on it.
    assert!(at(f32::NAN) < 0.64);
}

/// Turning moves the limbs, too.
///
/// Clauses: H1.
#[test]
fn turning_near_a_person_is_slowed_as_well() {
    let (mut bench, _) = walking(profile(rule()), 0.0, RADIUS + 0.6, None);
    let mut plan = bench.walk(2, 0.0, ms(60_000));
    let velocity = BaseVelocity { yaw: RadiansPerSecond(2.0), ..BaseVelocity::ZERO };
    let velocities = [velocity; VELOCITY_STEPS_MAX];
    plan.request = PlanRequest::Velocity(VelocityChunk { step: ms(6000), len: 10, velocities });
    bench.plan = Some(plan);
    for _ in 0..1000 {
        person(&mut bench, RADIUS + 0.6, None);
        bench.tick();
    }
    let Motion::Walk(velocity) = bench.governor.ruling().motion else { panic!() };
    assert!((velocity.yaw.0 * RADIUS - 0.28).abs() < 0.01, "{velocity:?}");
}

/// A point mass that follows late and brakes no harder than counted on; a person walks in from 16
/// directions at 0 to 2 m/s, and the robot stands before they touch.
///
/// Clauses: H1.
#[test]
fn the_robot_stands_before_a_person_touches_it() {
    for direction in 0..16_u8 {
        for human in [0.0_f64, 0.4, 0.8, 1.2, 1.6, 2.0] {
            // Faster than the assumed speed only where the sensor measures it.
            let measured = human > 1.6;
            let (mut bench, _) = walking(profile(rule()), 1.5, 60.0, None);
            let angle = f64::from(direction) * std::f64::consts::PI / 8.0;
            let mut person_at = [4.0 * angle.cos(), 4.0 * angle.sin()];
            let (mut x, mut v) = (0.0_f64, 1.5_f64);
            let mut on_the_way = VecDeque::from(vec![1.5; REACTION_MS as usize - 2]);
            let mut touched = None;
            for _ in 0..6000 {
                let away = [person_at[0] - x, person_at[1]];
                let distance = away[0].hypot(away[1]);
                if distance <= f64::from(RADIUS) {
                    touched = Some(v);
                    break;
                }
                let toward = [away[0] / distance, away[1] / distance];
                person(&mut bench, distance as f32, measured.then_some(human as f32));
                let ruling = bench.tick();
                on_the_way.push_back(f64::from(forward(&ruling)));
                let told: f64 = on_the_way.pop_front().unwrap();
                let step = f64::from(BRAKING) * 1e-3;
                v += (told - v).clamp(-step, step);
                x += v * 1e-3;
                person_at[0] -= toward[0] * human * 1e-3;
                person_at[1] -= toward[1] * human * 1e-3;
            }
            let what = format!("direction {direction}, {human} m/s");
            assert!(touched.is_none_or(|v| v < 1e-6), "{what}: {touched:?}");
            // From ahead a walking person reaches the robot, which has stopped by then.
            assert!(human < 0.4 || direction > 0 || touched.is_some(), "{what}: never came");
        }
    }
}

/// Both distances act within 100 ms: the outer one slows, the inner one holds.
///
/// Clauses: H1, O6.
#[test]
fn a_person_in_the_inner_zone_holds_the_robot() {
    let (mut bench, _) = walking(profile(rule()), 0.5, 9.0, None);
    person(&mut bench, RADIUS + 0.31, None);
    let ruling = bench.tick();
    assert!(ruling.level < Level::Hold && forward(&ruling) < 0.5, "{ruling:?}");
    person(&mut bench, RADIUS + 0.29, None);
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.motion), (Level::Hold, Motion::Stand));
    let record = bench.records.last().unwrap();
    assert_eq!((record.rule, record.kind), (Rule::PersonNear, Kind::LevelChanged));
    // When the person has gone, motion begins again by itself, but not without a warning.
    let mut warned = 0;
    for _ in 0..6000 {
        person(&mut bench, 9.0, None);
        warned += u32::from(bench.tick().warning);
    }
    assert!((1999..=2001).contains(&warned), "{warned}");
    assert_eq!(bench.governor.level(), Level::Nominal);
    assert!(bench.of_kind(Kind::LevelChanged).contains(&Rule::PreMotion), "{:?}", bench.told());
}

/// No reading, an old one, one from the future, or none at all on a body without the sensor: a
/// person is assumed, first at the edge of the distance, after a second anywhere.
///
/// Clauses: H4.
#[test]
fn a_silent_person_sensor_means_a_person() {
    type Spoil = fn(&mut Bench);
    let table: [(&str, Spoil, u32); 3] = [
        ("dropout", |b| b.frame.person = None, 1),
        ("frozen", |_| {}, 101),
        ("ahead", |b| person_ahead(b, ms(150)), 1),
    ];
    for (what, spoil, ticks) in table {
        let (mut bench, before) = walking(profile(rule()), 1.0, 9.0, None);
        assert_eq!((before.level, forward(&before)), (Level::Nominal, 1.0));
        let step = |bench: &mut Bench| {
            spoil(bench);
            bench.tick()
        };
        for _ in 1..ticks {
            assert_eq!(step(&mut bench).level, Level::Nominal, "{what}");
        }
        let ruling = step(&mut bench);
        assert_eq!((ruling.level, ruling.scale), (Level::Limited, 0.25), "{what}");
        let ruling = (0..999).map(|_| step(&mut bench)).last().unwrap();
        assert_eq!(ruling.level, Level::Limited, "{what}");
        assert!((forward(&ruling) - 0.25).abs() < 1e-5, "{what}: {ruling:?}");
        assert_eq!(step(&mut bench).level, Level::Hold, "{what}");
        assert!(bench.governor.count(Rule::PersonStale) > 999, "{what}");
    }
    // A body that never had the sensor cannot be started at all.
    let mut bench = Bench::new(profile(rule()));
    bench.run(2000);
    bench.act(OperatorAct::Start);
    assert_ne!(bench.governor.ruling().mode, Mode::Auto);
}

fn person_ahead(bench: &mut Bench, by: std::time::Duration) {
    let reading = PersonReading { distance: Metres(9.0), approach: None, at: bench.now + by };
    bench.frame.person = Some(reading);
}

fn region(force: f32, stiffness: f32, mass: f32, transient: f32) -> RegionLimit {
    RegionLimit { force: Newtons(force), pressure: 1e3, stiffness, mass, transient }
}

fn contact(limits: &[(BodyRegion, RegionLimit)], mass: f32) -> ContactRule {
    let mut table = [None; REGIONS];
    for (region, limit) in limits {
        table[*region as usize] = Some(*limit);
    }
    let head_speed = MetresPerSecond(0.15);
    ContactRule { limits: table, mass, area: 1.0, radius: RADIUS, head_speed }
}

/// The public approximate values that the regulation notes name in 6.3.
fn named() -> [(BodyRegion, RegionLimit, f32); 7] {
    [
        (BodyRegion::Chest, region(140.0, 25.0, 40.0, 2.0), 0.84),
        (BodyRegion::Abdomen, region(110.0, 10.0, 40.0, 2.0), 1.04),
        (BodyRegion::Forearm, region(160.0, 40.0, 2.0, 2.0), 1.34),
        (BodyRegion::Hand, region(140.0, 75.0, 0.6, 2.0), 1.40),
        (BodyRegion::LowerLeg, region(130.0, 60.0, 75.0, 2.0), 0.49),
        (BodyRegion::Skull, region(130.0, 150.0, 4.4, 1.0), 0.22),
        (BodyRegion::Face, region(65.0, 75.0, 4.4, 1.0), 0.16),
    ]
}

/// The speeds computed in the regulation notes for a robot of 5 kg come out again.
///
/// Clauses: H2.
#[test]
fn the_contact_speeds_are_the_computed_ones() {
    for (region, limit, speed) in named() {
        let open =
            ContactRule { head_speed: MetresPerSecond(9.0), ..contact(&[(region, limit)], 5.0) };
        let found = open.speed_for(region).unwrap().0;
        // The notes round to a hundredth; the lower leg's mass is not in them.
        assert!((found - speed).abs() < 0.006, "{region:?}: {found}");
        assert_eq!(open.speed_for(BodyRegion::Neck), None);
        let closed = contact(&[(region, limit)], 5.0).speed().0;
        let head = matches!(region, BodyRegion::Skull | BodyRegion::Face);
        assert_eq!(closed, if head { 0.15 } else { found }, "{region:?}");
        // A small area makes the pressure count.
        let edge = ContactRule { area: 0.01, ..contact(&[(region, limit)], 5.0) };
        assert!(edge.speed() < open.speed());
    }
}

/// Two masses and a spring, integrated: at the permitted speed no impact loads a region with more
/// than its limit, and hardly less.
///
/// Clauses: H2.
#[test]
fn no_impact_at_the_permitted_speed_is_too_hard() {
    let mut dice = 7_u64;
    for _ in 0..500 {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let (region, limit, _) = named()[(dice % 7) as usize];
        let mass = 0.5 + (dice >> 8 & 0xff) as f32 * 0.2;
        let rule =
            ContactRule { head_speed: MetresPerSecond(9.0), ..contact(&[(region, limit)], mass) };
        let speed = f64::from(rule.speed().0);
        let (robot, human) = (f64::from(mass), f64::from(limit.mass));
        let stiffness = f64::from(limit.stiffness) * 1e3;
        let (mut v, mut u, mut pressed, mut peak) = (speed, 0.0_f64, 0.0_f64, 0.0_f64);
        for _ in 0..200_000 {
            let force = stiffness * pressed;
            peak = peak.max(force);
            v -= force / robot * 1e-6;
            u += force / human * 1e-6;
            pressed += (v - u) * 1e-6;
            if pressed < 0.0 {
                break;
            }
        }
        let most = f64::from(limit.force.0 * limit.transient);
        assert!(peak <= most * 1.001 && peak > most * 0.99, "{region:?}, {mass} kg: {peak} {most}");
    }
}

/// The region that bears least caps walking and turning together.
///
/// Clauses: H2, E1.
#[test]
fn the_weakest_region_caps_the_base() {
    let limits = [named()[0], named()[4]].map(|(region, limit, _)| (region, limit));
    let rule = contact(&limits, 5.0);
    let profile = Profile { contact: Some(rule), ..profile(self::rule()) };
    let (bench, ruling) = walking(Profile { person: None, ..profile }, 1.5, 9.0, None);
    assert!((forward(&ruling) - rule.speed().0).abs() < 1e-4, "{ruling:?}");
    assert!(rule.speed().0 < 0.5 && ruling.level == Level::Nominal);
    let record = bench.records.iter().find(|record| record.rule == Rule::ContactSpeed).unwrap();
    assert_eq!((record.kind, record.limit), (Kind::Limited, rule.speed().0));
}

/// Nonsense in a rule about people locks the robot out.
///
/// Clauses: H1, H2, A4.
#[test]
fn rules_about_people_that_make_no_sense_are_refused() {
    let spoiled = [
        PersonRule { radius: Metres(0.0), ..rule() },
        PersonRule { intrusion: Metres(f32::NAN), ..rule() },
        PersonRule { braking: MetresPerSecondSquared(-1.0), ..rule() },
        PersonRule { speed: MetresPerSecond(0.0), ..rule() },
        PersonRule { silent_scale: 1.1, ..rule() },
        PersonRule { silence_max: ms(50), ..rule() },
        PersonRule { age_max: ms(0), ..rule() },
    ];
    for person in spoiled {
        assert!(profile(person).check().is_err(), "{person:?}");
    }
    let (chest, limit, _) = named()[0];
    let sound = contact(&[(chest, limit)], 5.0);
    let spoiled = [
        contact(&[], 5.0),
        ContactRule { mass: 0.0, ..sound },
        ContactRule { area: f32::NAN, ..sound },
        contact(&[(chest, RegionLimit { transient: 0.5, ..limit })], 5.0),
        contact(&[(chest, RegionLimit { stiffness: 0.0, ..limit })], 5.0),
    ];
    for contact in spoiled {
        let profile = Profile { contact: Some(contact), ..Profile::default() };
        assert!(profile.check().is_err(), "{contact:?}");
    }
}
