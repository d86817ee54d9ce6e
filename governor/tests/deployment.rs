//! What a deployment adds: the grid, the observation period, the permit, the notices, and the
//! watch over the limits in memory.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::BTreeSet;

use common::*;
use core::time::Duration;
use governor::*;
use proptest::prelude::*;
use signals::*;

const HOUR_NANOS: u64 = 3_600_000_000_000;
/// A wall time: some day in 2026.
const TODAY: WallTime = WallTime(1_790_000_000);

fn wall() -> WallStart {
    WallStart { at_start: TODAY, last_seen: WallTime(0) }
}

fn grade(scenario: Scenario, level: IntelligenceLevel) -> Grade {
    Grade { scenario, intelligence: Intelligence::all(level) }
}

fn lab() -> Grade {
    grade(Scenario::Lab, IntelligenceLevel::L4)
}

fn point(x: f32, y: f32) -> [Metres; 2] {
    [Metres(x), Metres(y)]
}

fn square() -> Polygon {
    Polygon::new(&[point(-1.0, -1.0), point(1.0, -1.0), point(1.0, 1.0), point(-1.0, 1.0)]).unwrap()
}

fn permit() -> Permit {
    Permit {
        area: square(),
        begins: TODAY,
        ends: WallTime(TODAY.0 + 3600),
        grade: lab(),
        experiment: Experiment::default(),
    }
}

fn notice(serial: u64, tighten: Tightening) -> Notice {
    let expires = WallTime(TODAY.0 + 3600);
    Notice { issuer: 1, serial, issued: TODAY, expires, tighten }
}

fn deployed(deployment: &Deployment) -> Bench {
    let mut bench = Bench::new(Profile::default());
    bench.governor.deploy(deployment).unwrap();
    bench
}

fn graded(grade: Grade) -> Deployment {
    Deployment { wall: wall(), grade: Some(grade), ..Deployment::default() }
}

/// Walks on fresh plans for `ticks`; the last ruling.
fn walk(bench: &mut Bench, ticks: u32) -> Ruling {
    bench.state.posture = Posture::Walking;
    (0..ticks)
        .map(|_| {
            if bench.number.is_multiple_of(50) {
                bench.plan = Some(bench.walk(bench.number + 1, 0.4, ms(500)));
            }
            bench.tick()
        })
        .last()
        .unwrap()
}

/// All 25 cells against the table of the notes, written out again.
///
/// Clauses: G1.
#[test]
fn the_grid_is_that_of_the_notes() {
    let scenarios = [
        ("A", 3.0, 2.0, Contact::None),
        ("B", 1.5, 1.0, Contact::Arms),
        ("C", 1.0, 0.5, Contact::Body),
        ("D", 0.6, 0.25, Contact::Gentle),
        ("E", 1.4, 0.5, Contact::Separated),
    ];
    let levels = [
        ("L1", Scope::Scripts, 0.0, 1.0),
        ("L2", Scope::Skills, 0.10, 0.75),
        ("L3", Scope::Parameters, 0.20, 0.5),
        ("L4", Scope::Tasks, 0.30, 0.5),
        ("L5", Scope::Open, 0.30, 0.25),
    ];
    let mut cells = 0;
    for (letter, base, tool, contact) in scenarios {
        for (name, scope, residual, observation) in levels {
            let cell = grade(Scenario::of(letter), IntelligenceLevel::of(name));
            let limits = cell.limits();
            // Open tasks only in A and B; elsewhere L5 counts as L4.
            let scope = if matches!(letter, "A" | "B") { scope } else { scope.min(Scope::Tasks) };
            let (base, tool) = (MetresPerSecond(base), MetresPerSecond(tool));
            let expected = GradeLimits { base, tool, contact, residual, observation, scope };
            assert_eq!(limits, expected, "{letter} {name}");
            let high = matches!(letter, "C" | "D" | "E") && matches!(name, "L3" | "L4" | "L5");
            assert_eq!(cell.is_high_risk(), high, "{letter} {name}");
            cells += 1;
        }
    }
    assert_eq!(cells, 25);
}

fn at_most(one: &GradeLimits, other: &GradeLimits) -> bool {
    one.base <= other.base
        && one.tool <= other.tool
        && one.contact <= other.contact
        && one.residual <= other.residual
        && one.observation <= other.observation
        && one.scope <= other.scope
}

/// What nobody knows is as strict as the strictest cell, and counts as high risk.
///
/// Clauses: G1, G2, G3.
#[test]
fn an_unknown_cell_is_the_strictest() {
    assert_eq!(Scenario::of("F"), Scenario::Unknown);
    assert_eq!(Scenario::of("a"), Scenario::Unknown);
    assert_eq!(IntelligenceLevel::of("L6"), IntelligenceLevel::Unknown);
    let unknown = Grade::default().limits();
    for scenario in Scenario::ALL {
        assert!(at_most(&Scenario::Unknown.limits(), &scenario.limits()));
        for level in IntelligenceLevel::ALL {
            assert!(at_most(&unknown, &grade(scenario, level).limits()), "{scenario:?} {level:?}");
        }
    }
    assert!(Grade::default().is_high_risk());
}

fn any_level() -> impl Strategy<Value = IntelligenceLevel> {
    let all = IntelligenceLevel::ALL.into_iter().chain([IntelligenceLevel::Unknown]);
    prop::sample::select(all.collect::<Vec<_>>())
}

fn any_grade() -> impl Strategy<Value = Grade> {
    let scenarios = Scenario::ALL.into_iter().chain([Scenario::Unknown]).collect::<Vec<_>>();
    let levels = (any_level(), any_level(), any_level(), any_level());
    (prop::sample::select(scenarios), levels).prop_map(|(scenario, levels)| {
        let (perception, decision, execution, collaboration) = levels;
        let intelligence = Intelligence { perception, decision, execution, collaboration };
        Grade { scenario, intelligence }
    })
}

fn any_number() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -1.0_f32..6.0, 1 => Just(f32::NAN), 1 => Just(f32::INFINITY)]
}

fn any_experiment() -> impl Strategy<Value = Experiment> {
    let speed = || prop::option::of(any_number().prop_map(MetresPerSecond));
    (speed(), speed()).prop_map(|(base, tool)| Experiment { base, tool })
}

fn any_profile() -> impl Strategy<Value = Profile> {
    (0.0_f32..6.0, 0.0_f32..6.0).prop_map(|(forward, left)| Profile {
        speed_max: BaseVelocity {
            forward: MetresPerSecond(forward),
            left: MetresPerSecond(left),
            yaw: RadiansPerSecond(1.0),
        },
        ..Profile::default()
    })
}

proptest! {
    /// In every cell the effective limit is the stricter of scenario and each level.
    ///
    /// Clauses: G1.
    #[test]
    fn the_stricter_counts(grade in any_grade()) {
        let limits = grade.limits();
        let rows = grade.intelligence.levels().map(|level| level.limits());
        prop_assert!(at_most(&limits, &grade.scenario.limits()));
        for row in rows {
            prop_assert!(at_most(&limits, &row));
        }
        // And it is no stricter than all of them together.
        let smallest = |part: fn(&GradeLimits) -> f32| {
            rows.iter().map(part).fold(part(&grade.scenario.limits()), f32::min)
        };
        prop_assert_eq!(limits.base.0, smallest(|row| row.base.0));
        prop_assert_eq!(limits.residual, smallest(|row| row.residual));
        prop_assert_eq!(limits.observation, smallest(|row| row.observation));
    }

    /// A grade, a permit and its experiments change the speed and nothing else, and never upward:
    /// no field of stopping or oversight is within their reach.
    ///
    /// Clauses: G1, B1, B2.
    #[test]
    fn grades_and_permits_only_tighten(
        profile in any_profile(),
        grade in any_grade(),
        of_permit in any_grade(),
        experiment in any_experiment(),
    ) {
        let permit = Permit { grade: of_permit, experiment, ..permit() };
        for limits in [grade.limits(), permit.limits(&grade)] {
            let graded = profile.graded(&limits);
            let stick = StickRule { speed_max: profile.stick.speed_max, ..graded.stick };
            prop_assert_eq!(Profile { speed_max: profile.speed_max, stick, ..graded }, profile);
            for (now, before) in [
                (graded.speed_max, profile.speed_max),
                (graded.stick.speed_max, profile.stick.speed_max),
            ] {
                prop_assert!(now.forward <= before.forward && now.left <= before.left);
                prop_assert!(now.yaw <= before.yaw);
                prop_assert!(now.speed().0 <= limits.base.0 * 1.000_001, "{now:?} {limits:?}");
            }
            prop_assert!(graded.check().is_ok());
        }
        // Beyond the two speeds an experiment moves nothing of the grid.
        let (tried, grid) = (permit.limits(&grade), grade.limits());
        let same = GradeLimits { base: grid.base, tool: grid.tool, ..tried };
        prop_assert!(at_most(&same, &grid));
    }

    /// A limit that is no number stops the base rather than freeing it.
    ///
    /// Clauses: G1.
    #[test]
    fn a_limit_that_is_no_number_is_zero(profile in any_profile()) {
        let limits = GradeLimits { base: MetresPerSecond(f32::NAN), ..GradeLimits::OPEN };
        prop_assert_eq!(profile.graded(&limits).speed_max.speed(), MetresPerSecond(0.0));
    }

    /// Whatever is remembered: it is over only with both, hours and tasks.
    ///
    /// Clauses: P1, P2.
    #[test]
    fn the_observation_period_has_no_early_exit(hours in 0.0_f64..60.0, tasks in 0_u32..400) {
        let clean_nanos = (hours * HOUR_NANOS as f64) as u64;
        let observation = Observation { clean_nanos, tasks, ..Observation::default() };
        let enough = clean_nanos >= 30 * HOUR_NANOS && tasks >= 200;
        prop_assert_eq!(observation.is_over(), enough);
        let other = Observation::resumed(Some(observation), 1);
        prop_assert_eq!(other, Observation { subject: 1, ..Observation::default() });
        let bound = observation.rate_bound();
        prop_assert!((bound * observation.clean_hours() - 3.0).abs() < 1e-9 || hours < 1e-6);
    }

    /// A point is inside an area when its clearance says so, compared with a count of turns.
    ///
    /// Clauses: B1.
    #[test]
    fn clearance_agrees_with_the_winding_of_the_border(
        radii in prop::collection::vec(0.5_f32..4.0, 3..=CORNERS_MAX),
        x in -5.0_f32..5.0,
        y in -5.0_f32..5.0,
    ) {
        // A star around the origin never crosses itself.
        let step = core::f32::consts::TAU / radii.len() as f32;
        let corners: Vec<[Metres; 2]> = radii
            .iter()
            .enumerate()
            .map(|(at, radius)| {
                let angle = at as f32 * step;
                point(radius * angle.cos(), radius * angle.sin())
            })
            .collect();
        let clearance = Polygon::new(&corners).unwrap().clearance([x, y]).0;
        prop_assume!(clearance.abs() > 1e-3);
        let angle = |corner: &[Metres; 2]| {
            f64::from(corner[1].0 - y).atan2(f64::from(corner[0].0 - x))
        };
        let turns: f64 = corners
            .iter()
            .zip(corners.iter().cycle().skip(1))
            .map(|(from, to)| {
                let turn = angle(to) - angle(from);
                turn - core::f64::consts::TAU * (turn / core::f64::consts::TAU).round()
            })
            .sum();
        prop_assert_eq!(clearance > 0.0, turns.abs() > 3.0);
        // Nothing nearer than the clearance is on the other side.
        for direction in 0..8 {
            let angle = direction as f32 * core::f32::consts::FRAC_PI_4;
            let (dx, dy) = (angle.cos(), angle.sin());
            let part = clearance.abs() * 0.99;
            let near = Polygon::new(&corners).unwrap().clearance([x + part * dx, y + part * dy]);
            prop_assert!((near.0 > 0.0) == (clearance > 0.0) || near.0.abs() < 1e-3);
        }
    }
}

/// Clauses: B1, M5.
#[test]
fn a_place_that_is_no_number_is_infinitely_far_outside() {
    let clearance = |at| square().clearance(at).0;
    assert_eq!(clearance([0.25, 0.0]), 0.75);
    assert_eq!(clearance([4.0, 5.0]), -5.0);
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(clearance([number, 0.0]), f32::NEG_INFINITY);
        assert_eq!(clearance([0.0, number]), f32::NEG_INFINITY);
    }
}

/// The profile a governor has in force is the graded one, and its speed is kept.
///
/// Clauses: G1.
#[test]
fn a_deployed_grade_slows_the_robot() {
    let home = grade(Scenario::Home, IntelligenceLevel::L1);
    let fast = BaseVelocity { forward: MetresPerSecond(2.0), ..Profile::default().speed_max };
    let profile = Profile { speed_max: fast, ..Profile::default() };
    let mut bench = Bench::new(profile);
    bench.governor.deploy(&graded(home)).unwrap();
    assert!(bench.governor.profile().speed_max.speed() <= MetresPerSecond(0.6));
    assert_eq!(bench.governor.grade_limits(), Some(home.limits()));
    let mut bench = bench.started();
    bench.state.posture = Posture::Walking;
    for _ in 0..40 {
        bench.plan = Some(bench.walk(bench.number + 1, 2.0, ms(500)));
        let ruling = bench.run(50);
        assert!(forward(&ruling) <= 0.6, "{ruling:?}");
    }
    assert!(bench.governor.count(Rule::PlanRange) > 0);
}

/// Clauses: G2, A4.
#[test]
fn a_governor_is_deployed_once_and_before_it_rules() {
    let mut bench = deployed(&graded(lab()));
    assert_eq!(bench.governor.deploy(&graded(lab())), Err(TooLate));
    let mut bench = Bench::new(Profile::default());
    bench.tick();
    let before = *bench.governor.profile();
    let home = graded(grade(Scenario::Home, IntelligenceLevel::L1));
    assert_eq!(bench.governor.deploy(&home), Err(TooLate));
    assert_eq!(*bench.governor.profile(), before);
    assert!(bench.governor.observation().is_none() && bench.governor.grade_limits().is_none());
}

/// A profile with a lidar and a fence.
fn fenced() -> Profile {
    let rule = LidarRule {
        radius: Metres(0.3),
        margin: Metres(0.1),
        braking: MetresPerSecondSquared(1.0),
        reaction: ms(100),
        age_max: ms(300),
    };
    let fence = Fence {
        area: Some(square()),
        keep_out: [KeepOut { low: [Metres(2.0); 2], high: [Metres(3.0); 2] }; KEEP_OUT_MAX],
        keep_outs: 2,
        radius: Metres(0.3),
        margin: Metres(0.1),
        braking: MetresPerSecondSquared(1.0),
        reaction: ms(100),
    };
    Profile { lidar: Some(rule), fence: Some(fence), ..Profile::default() }
}

/// Clauses: A4.
#[test]
fn every_number_of_a_profile_counts_in_its_id() {
    let with = |change: fn(&mut Profile)| {
        let mut profile = fenced();
        change(&mut profile);
        profile.id()
    };
    let changes: [fn(&mut Profile); 48] = [
        |_| {},
        |p| p.body = BodyClass::StaticallyStable,
        |p| p.firmware_settle = true,
        |p| p.supervision = Some(Supervision::default()),
        |p| p.supervision = Some(Supervision { notice: ms(1), ..Supervision::default() }),
        |p| p.supervision = Some(Supervision { hold: ms(1), ..Supervision::default() }),
        |p| p.supervision = Some(Supervision { settle: ms(1), ..Supervision::default() }),
        |p| p.stick.age_max = ms(1),
        |p| p.stick.limited = ms(1),
        |p| p.stick.hold = ms(1),
        |p| p.stick.settle = ms(1),
        |p| p.stick.speed_max.forward.0 = 9.0,
        |p| p.stick.speed_max.left.0 = 9.0,
        |p| p.stick.speed_max.yaw.0 = 9.0,
        |p| p.lidar = None,
        |p| p.fence = None,
        |p| p.fence.iter_mut().for_each(|fence| fence.area = None),
        |p| p.fence.iter_mut().for_each(|fence| fence.keep_outs = 1),
        |p| p.fence.iter_mut().for_each(|fence| fence.keep_out[1].high[1] = Metres(4.0)),
        |p| p.fence.iter_mut().for_each(|fence| fence.radius = Metres(9.0)),
        |p| p.fence.iter_mut().for_each(|fence| fence.margin = Metres(9.0)),
        |p| p.fence.iter_mut().for_each(|fence| fence.reaction = ms(9)),
        |p| p.height = Some(HeightBand { low: Metres(0.1), high: Metres(0.2) }),
        |p| p.plan_age_max = ms(1),
        |p| p.plan_validity_max = ms(1),
        |p| p.speed_max.forward.0 = 9.0,
        |p| p.speed_max.left.0 = 9.0,
        |p| p.speed_max.yaw.0 = 9.0,
        |p| p.acceleration.forward.0 = 9.0,
        |p| p.acceleration.left.0 = 9.0,
        |p| p.acceleration.yaw.0 = 9.0,
        |p| p.lidar.iter_mut().for_each(|rule| rule.radius.0 = 9.0),
        |p| p.lidar.iter_mut().for_each(|rule| rule.margin.0 = 9.0),
        |p| p.lidar.iter_mut().for_each(|rule| rule.braking.0 = 9.0),
        |p| p.lidar.iter_mut().for_each(|rule| rule.reaction = ms(9)),
        |p| p.lidar.iter_mut().for_each(|rule| rule.age_max = ms(9)),
        |p| p.tilt_max.0 = 0.6,
        |p| p.tilt_notice.0 = 0.1,
        |p| p.reading_age_limited = ms(1),
        |p| p.reading_age_settle = ms(1),
        |p| p.bad_frames_settle = 9,
        |p| p.stuck_frames = 9,
        |p| p.limited_scale = 0.1,
        |p| p.settle_timeout = ms(1),
        |p| p.static_time = ms(1),
        |p| p.static_joint_speed.0 = 9.0,
        |p| p.command_validity = ms(1),
        |p| p.brake_delay = ms(1),
    ];
    let ids: BTreeSet<u64> = changes.map(with).into();
    assert_eq!(ids.len(), changes.len(), "two changes gave one id");
}

/// Half the speed until the period is over, then all of it.
///
/// Clauses: P1, P2.
#[test]
fn under_observation_the_robot_is_slower_until_hours_and_tasks_are_enough() {
    let mut plain = Bench::standing(Profile::default());
    let full = walk(&mut plain, 2000);
    let first = deployed(&graded(lab()));
    let subject = first.governor.observation().unwrap().subject;
    let slow = walk(&mut first.started(), 2000);
    assert_eq!((full.scale, slow.scale), (1.0, 0.5));
    assert!((forward(&slow) - 0.5 * forward(&full)).abs() < 1e-5);

    let almost = Observation {
        subject,
        clean_nanos: 30 * HOUR_NANOS - 1_000_000_000,
        tasks: 199,
        restarts: 0,
    };
    let remembered = Deployment { observed: Some(almost), ..graded(lab()) };
    let mut bench = deployed(&remembered).started();
    assert_eq!(walk(&mut bench, 500).scale, 0.5);
    bench.governor.task_done();
    assert_eq!(walk(&mut bench, 400).scale, 0.5, "the hours are not enough yet");
    assert_eq!(walk(&mut bench, 400).scale, 1.0);
    let observation = bench.governor.observation().unwrap();
    assert!(observation.is_over() && (observation.rate_bound() - 0.1).abs() < 1e-6);
    let told = bench.told();
    let says = "Limited: the observation period permits less speed, measured 30.00 h";
    assert!(told.iter().any(|line| line.starts_with(says)), "{told:?}");
    assert!(bench.of_kind(Kind::Limited).contains(&Rule::Observation));

    // Hours without the tasks are not enough.
    let idle = Observation { clean_nanos: 90 * HOUR_NANOS, tasks: 199, ..almost };
    let mut bench = deployed(&Deployment { observed: Some(idle), ..remembered }).started();
    assert_eq!(walk(&mut bench, 100).scale, 0.5);
}

/// What is new is observed from the beginning.
///
/// Clauses: P1, U2.
#[test]
fn another_model_limit_or_scenario_begins_the_period_anew() {
    let done = |subject| Observation { subject, clean_nanos: u64::MAX, tasks: 999, restarts: 0 };
    let first = deployed(&graded(lab())).governor.observation().unwrap();
    let again = |deployment: Deployment, profile: Profile| {
        let observed = Some(done(first.subject));
        let mut bench = Bench::new(profile);
        bench.governor.deploy(&Deployment { observed, ..deployment }).unwrap();
        bench.governor.observation().unwrap().is_over()
    };
    let profile = Profile::default();
    assert!(again(graded(lab()), profile), "the same goes on");
    assert!(!again(Deployment { model: ModelHash([1; 8]), ..graded(lab()) }, profile));
    assert!(!again(graded(grade(Scenario::Indoor, IntelligenceLevel::L4)), profile));
    assert!(!again(graded(grade(Scenario::Lab, IntelligenceLevel::L5)), profile));
    assert!(!again(graded(lab()), Profile { settle_timeout: ms(3000), ..profile }));
    let mut limits = hardware();
    limits.joints[joint(1)].tau_max = NewtonMetres(19.0);
    let mut bench = Bench::of(&limits, profile);
    let remembered = Deployment { observed: Some(done(first.subject)), ..graded(lab()) };
    bench.governor.deploy(&remembered).unwrap();
    assert!(!bench.governor.observation().unwrap().is_over());
    assert_eq!(bench.governor.observation().unwrap().clean_nanos, 0);
}

/// Clauses: P1, P2.
#[test]
fn an_event_begins_the_period_anew_and_a_persons_stop_does_not() {
    let subject = deployed(&graded(lab())).governor.observation().unwrap().subject;
    let over = Observation { subject, clean_nanos: 31 * HOUR_NANOS, tasks: 200, restarts: 0 };
    let remembered = Deployment { observed: Some(over), ..graded(lab()) };
    let mut bench = deployed(&remembered).started();
    assert_eq!(walk(&mut bench, 100).scale, 1.0);
    bench.operator.stop = true;
    bench.run(10);
    assert_eq!(bench.governor.level(), Level::Settle);
    assert!(bench.governor.observation().unwrap().is_over(), "a stop is no event");

    let mut bench = deployed(&remembered).started();
    walk(&mut bench, 100);
    bench.silent_joint = Some(joint(0));
    bench.run(200);
    let observation = bench.governor.observation().unwrap();
    assert!(bench.governor.level() >= Level::Settle);
    let begun = Observation { subject, restarts: 1, ..Observation::default() };
    assert_eq!(observation, begun, "nothing counts while the event lasts");
}

/// Clauses: P2, C4.
#[test]
fn a_leap_of_the_clock_is_no_experience() {
    let mut bench = deployed(&graded(lab())).started();
    walk(&mut bench, 10);
    let before = bench.governor.observation().unwrap().clean_nanos;
    bench.now = bench.now + Duration::from_secs(200 * 3600);
    bench.tick();
    bench.tick();
    let after = bench.governor.observation().unwrap().clean_nanos;
    assert!(after - before <= 20_000_000, "{before} {after}");
}

/// Walks over the border of a permit: the controlled stop begins in that very tick, and nothing
/// starts again outside.
///
/// Clauses: B1.
#[test]
fn leaving_the_permit_settles_the_robot_at_once() {
    let deployment = Deployment { permit: Some(permit()), ..graded(lab()) };
    let mut bench = deployed(&deployment).started();
    bench.state.posture = Posture::Walking;
    for step in 0..100 {
        bench.state.position[0] = Metres(0.01 * step as f32);
        assert!(bench.tick().level < Level::Limited, "{step}: {:?}", bench.told());
    }
    bench.state.position[0] = Metres(1.01);
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.motion), (Level::Settle, Motion::Settle));
    assert_eq!(bench.of_kind(Kind::LevelChanged), [Rule::Permit]);
    bench.state.posture = Posture::Settled;
    bench.run(1000);
    assert_eq!(bench.governor.level(), Level::Stopped);
    bench.act(OperatorAct::Reset);
    assert_eq!(bench.governor.level(), Level::Stopped, "outside nothing is reset");
    let refusal = bench.records.last().unwrap();
    assert_eq!((refusal.kind, refusal.cause), (Kind::ActRefused, Some(Rule::Permit)));
}

/// Clauses: B1.
#[test]
fn a_place_that_is_no_number_is_outside() {
    let deployment = Deployment { permit: Some(permit()), ..graded(lab()) };
    for place in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut bench = deployed(&deployment).started();
        bench.state.position[1] = Metres(place);
        assert_eq!(bench.tick().level, Level::Settle, "{place}");
        assert!(bench.governor.count(Rule::StateInvalid) + bench.governor.count(Rule::Permit) > 0);
    }
}

/// The permit ends by the robot's own clock, in the tick it is due.
///
/// Clauses: B1, C4.
#[test]
fn a_permit_ends_on_its_tick() {
    let ends = WallTime(TODAY.0 + 3);
    let permit = Permit { ends, ..permit() };
    let deployment = Deployment { permit: Some(permit), ..graded(lab()) };
    let mut bench = deployed(&deployment).started();
    while bench.now < Instant::from_nanos(3_000_000_000) {
        assert!(bench.tick().level < Level::Limited, "{:?}", bench.told());
    }
    assert_eq!(bench.tick().level, Level::Settle);
    assert_eq!(bench.of_kind(Kind::LevelChanged), [Rule::PermitEnded]);
}

/// Clauses: B1, C4.
#[test]
fn a_permit_out_of_its_time_or_under_a_clock_set_back_starts_nothing() {
    let starts = |permit: Permit, wall: WallStart| {
        let deployment = Deployment { permit: Some(permit), wall, ..graded(lab()) };
        let mut bench = deployed(&deployment);
        bench.run(200);
        bench.act(OperatorAct::Start);
        let cause = bench.records.iter().rev().find_map(|record| record.cause);
        (bench.governor.ruling().mode == Mode::Auto, cause)
    };
    let at = |seen: u64| WallStart { at_start: TODAY, last_seen: WallTime(seen) };
    assert_eq!(starts(permit(), at(TODAY.0)), (true, None));
    assert_eq!(starts(permit(), at(TODAY.0 + 60)), (true, None), "a correction");
    let (started, cause) = starts(permit(), at(TODAY.0 + 61));
    assert_eq!((started, cause), (false, Some(Rule::PermitClock)));
    for (begins, ends) in [(-7200, -3600), (3600, 7200), (3600, -3600)] {
        let wall = |offset: i64| WallTime(TODAY.0.saturating_add_signed(offset));
        let permit = Permit { begins: wall(begins), ends: wall(ends), ..permit() };
        assert_eq!(starts(permit, at(0)), (false, Some(Rule::PermitEnded)), "{begins} {ends}");
    }
}

/// Steps back that each count as a correction gain no time.
///
/// Clauses: B1, C4.
#[test]
fn many_small_steps_back_do_not_prolong_a_permit() {
    let permit = Permit { ends: WallTime(TODAY.0 + 2), ..permit() };
    let wall = WallStart { at_start: WallTime(TODAY.0 - 50), last_seen: TODAY };
    let deployment = Deployment { permit: Some(permit), wall, ..graded(lab()) };
    let mut bench = deployed(&deployment).started();
    bench.run(900);
    assert!(bench.governor.level() < Level::Limited);
    bench.run(200);
    assert!(bench.governor.level() >= Level::Settle, "{:?}", bench.told());
}

/// Clauses: W3.
#[test]
fn a_notice_tightens_and_is_told() {
    let mut bench = deployed(&graded(grade(Scenario::Lab, IntelligenceLevel::L1))).started();
    assert_eq!(walk(&mut bench, 100).scale, 1.0);
    let slower =
        Tightening { speed: 0.4, intelligence: Some(IntelligenceLevel::L1), ..Tightening::NONE };
    assert_eq!(bench.governor.notify(Ok(&notice(5, slower))), Ok(()));
    assert_eq!(walk(&mut bench, 100).scale, 0.4);
    // A newer one that asks for more speed lifts nothing.
    assert_eq!(bench.governor.notify(Ok(&notice(6, Tightening::NONE))), Ok(()));
    assert_eq!(walk(&mut bench, 100).scale, 0.4);
    let hold = Tightening { hold: true, ..Tightening::NONE };
    assert_eq!(bench.governor.notify(Ok(&notice(7, hold))), Ok(()));
    let ruling = walk(&mut bench, 5);
    assert_eq!((ruling.level, ruling.motion), (Level::Hold, Motion::Stand));
    bench.act(OperatorAct::Start);
    assert_eq!(
        bench.governor.level(),
        Level::Hold,
        "a hold of a notice is not for a person to end"
    );
    assert_eq!(bench.of_kind(Kind::ActAccepted).iter().filter(|r| **r == Rule::Notice).count(), 3);
}

/// Clauses: W3.
#[test]
fn a_forged_replayed_expired_or_relaxing_notice_changes_nothing_and_is_told() {
    let mut bench = deployed(&graded(grade(Scenario::Lab, IntelligenceLevel::L1))).started();
    let half = Tightening { speed: 0.5, ..Tightening::NONE };
    bench.governor.notify(Ok(&notice(5, half))).unwrap();
    let tenth = Tightening { speed: 0.1, ..Tightening::NONE };
    let with = |speed| notice(9, Tightening { speed, ..Tightening::NONE });
    let table = [
        (Err(NoticeRefusal::Forged), NoticeRefusal::Forged),
        (Ok(notice(5, tenth)), NoticeRefusal::Replayed),
        (Ok(notice(4, tenth)), NoticeRefusal::Replayed),
        (Ok(Notice { expires: TODAY, ..notice(9, tenth) }), NoticeRefusal::Expired),
        (Ok(Notice { issued: WallTime(u64::MAX), ..notice(9, tenth) }), NoticeRefusal::Early),
        (Ok(with(1.5)), NoticeRefusal::Relaxes),
        (Ok(with(-0.1)), NoticeRefusal::Relaxes),
        (Ok(with(f32::NAN)), NoticeRefusal::Relaxes),
    ];
    for (given, expected) in table {
        assert_eq!(bench.governor.notify(given.as_ref().map_err(|e| *e)), Err(expected));
    }
    assert_eq!(walk(&mut bench, 100).scale, 0.5);
    let refused = bench.of_kind(Kind::ActRefused);
    assert_eq!(refused, [Rule::Notice; 8]);
    let told = bench.told();
    assert!(told.iter().any(|line| line.contains("forged, replayed or expired")), "{told:?}");
    // Without a deployment nobody knows what time it is.
    let mut plain = Bench::new(Profile::default());
    let given = notice(1, half);
    assert_eq!(plain.governor.notify(Ok(&given)), Err(NoticeRefusal::NoClock));
}

proptest! {
    /// Whatever comes in, the speed only falls as long as nothing has ended, and no refused notice
    /// moves it.
    ///
    /// Clauses: W3.
    #[test]
    fn notices_never_relax(
        stream in prop::collection::vec(
            (0_u64..12, 0_u64..40, -4_i64..4, any_number(), prop::option::of(any_level())),
            1..40,
        ),
    ) {
        let mut bench = deployed(&graded(grade(Scenario::Lab, IntelligenceLevel::L4))).started();
        let mut before = (bench.tick().scale, bench.governor.grade_limits().unwrap());
        for (issuer, serial, hours, speed, intelligence) in stream {
            let expires = WallTime(TODAY.0.saturating_add_signed(hours * 3600));
            let tighten = Tightening { speed, intelligence, hold: false };
            let notice = Notice { issuer, serial, issued: TODAY, expires, tighten };
            let taken = bench.governor.notify(Ok(&notice));
            let now = (bench.tick().scale, bench.governor.grade_limits().unwrap());
            prop_assert!(now.0 <= before.0);
            prop_assert!(at_most(&now.1, &before.1));
            if taken.is_err() {
                prop_assert_eq!(now, before);
            }
            before = now;
        }
    }
}
