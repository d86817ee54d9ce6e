//! A planner that gets sick: each fault, the level it leads to, and how soon. Times are those of
//! the fault catalogue, in ticks of one millisecond.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, forward, ms};
use governor::{HabitRule, Kind, Profile, Rule, Skills};
use signals::*;

const MODEL: ModelHash = ModelHash([1, 2, 3, 4, 5, 6, 7, 8]);

fn profile() -> Profile {
    let habits = HabitRule {
        model: Some(MODEL),
        silent_limited: ms(225),
        silent_hold: ms(600),
        rate: 10.0,
        jump: velocity(0.3, 0.2, 0.6),
        reactive: true,
        ..HabitRule::default()
    };
    Profile { habits, ..Profile::default() }
}

const fn velocity(forward: f32, left: f32, yaw: f32) -> BaseVelocity {
    BaseVelocity {
        forward: MetresPerSecond(forward),
        left: MetresPerSecond(left),
        yaw: RadiansPerSecond(yaw),
    }
}

/// A planner that looks every 100 ms and answers 50 ms later, and the robot that obeys it.
struct Planner {
    bench: Bench,
    tick: u32,
    sequence: u64,
    latency: u32,
    /// The robot does what was admitted.
    obeys: bool,
}

impl Planner {
    fn new(profile: Profile) -> Self {
        let bench = Bench::standing(profile);
        let mut planner = Self { bench, tick: 0, sequence: 0, latency: 50, obeys: true };
        planner.bench.state.posture = Posture::Walking;
        planner.run(500, |_, _| {});
        assert_eq!(planner.bench.governor.level(), Level::Nominal, "{:?}", planner.bench.told());
        planner.bench.records.clear();
        planner
    }

    /// A sound plan: it changes a little from time to time.
    fn plan(&mut self) -> Plan {
        self.sequence += 1;
        let speed = 0.3 + 0.01 * (self.sequence % 7) as f32;
        let mut plan = self.bench.walk(self.sequence, speed, ms(1000));
        let late = u64::from(self.latency) * 1_000_000;
        plan.observed_at = Instant::from_nanos(self.bench.now.as_nanos() - late);
        plan.model = MODEL;
        plan
    }

    fn step(&mut self, spoil: &mut impl FnMut(u64, &mut Option<Plan>)) -> Ruling {
        if self.tick.is_multiple_of(100) {
            let mut plan = Some(self.plan());
            spoil(self.sequence, &mut plan);
            self.bench.plan = plan.or(self.bench.plan);
        }
        self.tick += 1;
        let ruling = self.bench.tick();
        if let (Motion::Walk(admitted), true) = (ruling.motion, self.obeys) {
            self.bench.state.velocity[0] = admitted.forward;
            self.bench.state.position[0].0 += admitted.forward.0 * 1e-3;
        }
        ruling
    }

    fn run(&mut self, ticks: u32, mut spoil: impl FnMut(u64, &mut Option<Plan>)) -> Ruling {
        (0..ticks).map(|_| self.step(&mut spoil)).last().unwrap()
    }

    /// Ticks until the level, and the rule that raised it; none within `most` ticks.
    fn raised(
        &mut self,
        level: Level,
        most: u32,
        mut spoil: impl FnMut(u64, &mut Option<Plan>),
    ) -> Option<(u32, Rule)> {
        (1..=most).find_map(|tick| {
            let ruling = self.step(&mut spoil);
            let last = self.bench.records.iter().rev();
            let rule = last.clone().find(|record| record.kind == Kind::LevelChanged)?.rule;
            (ruling.level >= level).then_some((tick, rule))
        })
    }
}

#[track_caller]
fn within(found: Option<(u32, Rule)>, rule: Rule, ticks: core::ops::RangeInclusive<u32>) {
    let (tick, by) = found.unwrap_or((u32::MAX, rule));
    assert_eq!(by, rule);
    assert!(ticks.contains(&tick), "{rule:?} after {tick} ticks, not {ticks:?}");
}

fn fill(plan: &mut Option<Plan>, with: BaseVelocity) {
    if let Some(Plan { request: PlanRequest::Velocity(chunk), .. }) = plan {
        chunk.velocities.fill(with);
    }
}

/// Clauses: A2.
#[test]
fn a_sound_planner_raises_nothing_whatever_its_latency() {
    for latency in [5, 50, 120] {
        let mut planner = Planner::new(profile());
        planner.latency = latency;
        assert_eq!(planner.raised(Level::Notice, 5000, |_, _| {}), None, "{latency} ms");
    }
}

/// Clauses: A2, A5.
#[test]
fn plans_of_another_model_and_forbidden_skills_are_refused() {
    type Spoil = fn(&mut Plan);
    let forbidding = |skills| {
        let habits = HabitRule { skills, ..profile().habits };
        Profile { habits, ..profile() }
    };
    let all = profile().habits.skills;
    let table: [(Rule, Profile, Spoil); 6] = [
        (Rule::PlanModel, profile(), |p| p.model = ModelHash([9; 8])),
        (Rule::PlanModel, profile(), |p| p.model = ModelHash::default()),
        (Rule::PlanSkill, forbidding(Skills { backward: false, ..all }), |p| {
            step(p).forward = MetresPerSecond(-0.1);
        }),
        (Rule::PlanSkill, forbidding(Skills { sideways: false, ..all }), |p| {
            step(p).left = MetresPerSecond(0.1);
        }),
        (Rule::PlanSkill, forbidding(Skills { turn: false, ..all }), |p| {
            step(p).yaw = RadiansPerSecond(-0.1);
        }),
        (Rule::PlanSkill, forbidding(Skills { hold: false, ..all }), |p| {
            p.request = PlanRequest::Hold;
        }),
    ];
    for (rule, profile, spoil) in table {
        let mut planner = Planner::new(profile);
        let in_force = planner.bench.governor.ruling().motion;
        planner.run(100, |_, plan| plan.iter_mut().for_each(spoil));
        assert_eq!(planner.bench.of_kind(Kind::Refused), [rule]);
        assert!(matches!(in_force, Motion::Walk(_)) && forward(&planner.bench.tick()) > 0.1);
        planner.run(199, |_, _| {});
        assert_eq!(planner.bench.of_kind(Kind::Refused), [rule], "sound ones are admitted");
    }
}

fn step(plan: &mut Plan) -> &mut BaseVelocity {
    match &mut plan.request {
        PlanRequest::Velocity(chunk) => &mut chunk.velocities[9],
        _ => unreachable!("the planner walks"),
    }
}

/// A planner that says nothing slows the robot down, then stops it, long before its plan ends.
///
/// Clauses: A2.
#[test]
fn a_silent_planner_slows_the_robot_then_stops_it() {
    for latency in [5, 120] {
        let mut planner = Planner::new(profile());
        planner.latency = latency;
        planner.run(200, |_, _| {});
        // From the tick at which the next plan is missed.
        let silent = |_: u64, plan: &mut Option<Plan>| *plan = None;
        let due = 101;
        within(planner.raised(Level::Limited, 500, silent), Rule::PlanSilent, 1..=due + 100);
        within(planner.raised(Level::Hold, 1000, silent), Rule::PlanSilent, 300..=500);
        assert_eq!(planner.bench.of_kind(Kind::LevelChanged), [Rule::PlanSilent; 2]);
    }
    // One plan that cannot be used is no silence.
    let mut planner = Planner::new(profile());
    let mut once = true;
    let spoil = |_: u64, plan: &mut Option<Plan>| {
        if core::mem::take(&mut once) {
            fill(plan, velocity(f32::NAN, 0.0, 0.0));
        }
    };
    assert_eq!(planner.raised(Level::Notice, 2000, spoil), None);
}

/// A planner that speaks too often is not listened to: as many plans as it may send are, the rest
/// costs nothing and leaves one record.
///
/// Clauses: A2, C3.
#[test]
fn a_flood_of_plans_is_muted() {
    let mut planner = Planner::new(profile());
    let mut admitted = 0;
    for number in 0..3000 {
        let plan = planner.plan();
        planner.bench.plan = Some(plan);
        planner.bench.tick();
        let refused = planner.bench.governor.count(Rule::PlanRate);
        admitted = number + 1 - refused;
    }
    assert!((30..=45).contains(&admitted), "{admitted} of 3000");
    assert_eq!(planner.bench.of_kind(Kind::Refused), [Rule::PlanRate]);
    assert_eq!(planner.bench.governor.level(), Level::Nominal);
}

/// Clauses: A2.
#[test]
fn three_plans_that_are_no_numbers_hold_and_one_without_a_shape_slows() {
    let nan = |_: u64, plan: &mut Option<Plan>| fill(plan, velocity(0.1, f32::NAN, 0.0));
    let mut planner = Planner::new(profile());
    within(planner.raised(Level::Limited, 500, nan), Rule::PlanFaulty, 200..=250);
    assert_eq!(planner.bench.governor.level(), Level::Hold);
    let shapeless = |_: u64, plan: &mut Option<Plan>| {
        if let Some(Plan { request: PlanRequest::Velocity(chunk), .. }) = plan {
            chunk.len = 0;
        }
    };
    let mut planner = Planner::new(profile());
    within(planner.raised(Level::Limited, 500, shapeless), Rule::PlanFaulty, 1..=1);
    within(planner.raised(Level::Hold, 500, shapeless), Rule::PlanFaulty, 150..=250);
    // Three within a minute are not three within a second.
    let mut planner = Planner::new(profile());
    let seldom = |number: u64, plan: &mut Option<Plan>| {
        if number.is_multiple_of(20) {
            fill(plan, velocity(f32::NAN, 0.0, 0.0));
        }
    };
    assert_eq!(planner.raised(Level::Notice, 10_000, seldom), None);
}

/// Clauses: M3.
#[test]
fn plans_that_jump_again_and_again_slow_the_robot() {
    let table = [velocity(0.45, 0.0, 0.0), velocity(0.3, 0.25, 0.0), velocity(0.3, 0.0, 0.7)];
    for far in table {
        let mut planner = Planner::new(profile());
        let jumps = |number: u64, plan: &mut Option<Plan>| {
            // Not from one side to the other: that would be a swing.
            let near = velocity(0.1, 0.0, 0.0);
            fill(plan, if number.is_multiple_of(2) { far } else { near });
        };
        within(planner.raised(Level::Limited, 2000, jumps), Rule::PlanJump, 450..=800);
    }
    let mut planner = Planner::new(profile());
    let turns = |number: u64, plan: &mut Option<Plan>| {
        let way = if number % 10 < 5 { 0.1 } else { 0.5 };
        fill(plan, velocity(way, 0.0, 0.01 * number as f32 % 0.3));
    };
    assert_eq!(planner.raised(Level::Notice, 5000, turns), None);
}

/// Clauses: A2.
#[test]
fn plans_that_swing_slow_the_robot_then_settle_it() {
    let swings = |far: BaseVelocity| {
        move |number: u64, plan: &mut Option<Plan>| {
            let sign = if number.is_multiple_of(2) { 1.0 } else { -1.0 };
            let BaseVelocity { forward, left, yaw } = far;
            fill(plan, velocity(forward.0, left.0 * sign, yaw.0 * sign));
        }
    };
    let to_and_fro = |number: u64, plan: &mut Option<Plan>| {
        fill(plan, velocity(if number.is_multiple_of(2) { 0.4 } else { -0.4 }, 0.0, 0.0));
    };
    let mut planner = Planner::new(profile());
    let found = planner.raised(Level::Limited, 1000, to_and_fro);
    within(found, Rule::PlanOscillates, 100..=301);
    let found = planner.raised(Level::Settle, 1000, to_and_fro);
    within(found, Rule::PlanOscillates, 300..=700);
    // Turning to and fro is how a planner looks for its way, for a while.
    let table = [(velocity(0.3, 0.2, 0.0), 100..=301), (velocity(0.3, 0.0, 0.55), 400..=601)];
    for (far, limited) in table {
        let habits = HabitRule { jump: BaseVelocity::ZERO, ..profile().habits };
        let mut planner = Planner::new(Profile { habits, ..profile() });
        let found = planner.raised(Level::Limited, 1000, swings(far));
        within(found, Rule::PlanOscillates, limited);
        let found = planner.raised(Level::Settle, 1000, swings(far));
        within(found, Rule::PlanOscillates, 100..=700);
    }
    // Turning to and fro once a second is walking around things.
    let mut planner = Planner::new(profile());
    let weaves = |number: u64, plan: &mut Option<Plan>| {
        let sign = if number % 10 < 5 { 1.0 } else { -1.0 };
        fill(plan, velocity(0.3, 0.0, sign * (0.6 + 0.01 * (number % 5) as f32)));
    };
    assert_eq!(planner.raised(Level::Notice, 5000, weaves), None);
}

/// The same plan to the last bit, of a planner that answers what it sees, while the robot moves.
/// Of a script it is frozen only while the robot does not follow.
///
/// Clauses: A2.
#[test]
fn a_frozen_planner_slows_the_robot_and_a_steady_script_does_not() {
    let same = |_: u64, plan: &mut Option<Plan>| fill(plan, velocity(0.3, 0.0, 0.1));
    let mut planner = Planner::new(profile());
    within(planner.raised(Level::Limited, 3000, same), Rule::PlanFrozen, 1000..=1101);
    let script = HabitRule { reactive: false, ..profile().habits };
    let mut planner = Planner::new(Profile { habits: script, ..profile() });
    assert_eq!(planner.raised(Level::Notice, 5000, same), None);
    let mut planner = Planner::new(Profile { habits: script, ..profile() });
    planner.obeys = false;
    planner.bench.state.velocity[0] = MetresPerSecond(0.0);
    let found = planner.raised(Level::Limited, 5000, same);
    within(found, Rule::PlanFrozen, 1000..=1101);
    // Standing still is what a planner may ask for as long as it likes.
    let mut planner = Planner::new(profile());
    let stands = |_: u64, plan: &mut Option<Plan>| fill(plan, BaseVelocity::ZERO);
    assert_eq!(planner.raised(Level::Notice, 5000, stands), None);
}

/// What a planner was before counts for nothing after a start.
///
/// Clauses: O6.
#[test]
fn after_a_hold_and_a_start_a_sound_planner_walks_on() {
    let mut planner = Planner::new(profile());
    planner.run(3000, |_, plan| *plan = None);
    assert_eq!(planner.bench.governor.level(), Level::Hold);
    planner.run(150, |_, _| {});
    planner.bench.act(OperatorAct::Start);
    let ruling = planner.run(2500, |_, _| {});
    assert!(ruling.level <= Level::Notice, "{:?}", planner.bench.told());
    assert!(forward(&planner.bench.tick()) > 0.1, "{:?}", planner.bench.told());
}

/// Clauses: A4.
#[test]
fn habits_that_mean_nothing_are_refused() {
    type Spoil = fn(&mut HabitRule);
    let table: [(&str, Spoil); 4] = [
        ("habits.silent_hold", |h| h.silent_hold = ms(100)),
        ("habits.rate", |h| h.rate = f32::NAN),
        ("habits.jump", |h| h.jump.left = MetresPerSecond(-1.0)),
        ("habits.frozen", |h| h.frozen = ms(61_000)),
    ];
    for (field, spoil) in table {
        let mut bad = profile();
        spoil(&mut bad.habits);
        assert_eq!(bad.check().unwrap_err().field, field);
        assert_ne!(bad.id(), profile().id(), "{field} is not part of the profile's id");
    }
    let other = HabitRule { model: None, ..profile().habits };
    assert_ne!(Profile { habits: other, ..profile() }.id(), profile().id());
}
