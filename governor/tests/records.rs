//! What the governor does leaves a record, and every record reads as a sentence in both languages.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, JOINTS, joint, ms};
use governor::{Actor, Hashes, Kind, Language, Profile, Record, Rule};
use signals::*;

const KINDS: [Kind; 6] = [
    Kind::Refused,
    Kind::Limited,
    Kind::LevelChanged,
    Kind::ModeChanged,
    Kind::ActAccepted,
    Kind::ActRefused,
];

/// Records of `rule` in all kinds, with and without a joint, a plan, a cause and a length.
fn records(rule: Rule) -> impl Iterator<Item = Record> {
    let kinds = KINDS.into_iter().flat_map(|kind| (0..8_u32).map(move |with| (kind, with)));
    kinds.map(move |(kind, with)| Record {
        cycle: 7,
        at: Instant::from_nanos(7_000_000),
        rule,
        kind,
        actor: Actor::Governor,
        joint: (with & 1 != 0).then(|| joint(2)),
        sequence: (with & 2 != 0).then_some(9),
        cause: (kind == Kind::ActRefused && with & 4 != 0).then_some(Rule::JointStale),
        asked: 1234.56,
        allowed: -98.75,
        measured: 3.0,
        limit: f32::INFINITY,
        from: Level::Nominal,
        to: Level::Limited,
        from_mode: Mode::SelfTest,
        to_mode: Mode::Inhibited,
        ticks: 1 + (with & 4),
        hashes: Hashes::default(),
    })
}

/// What must not stand in a sentence: parts that were left empty.
const EMPTY: [&str; 12] =
    ["  ", ": ,", ": (", ", ,", " ,", "( ", " )", "：，", "，，", "：（", "， ", "，）"];

/// Clauses: E1.
#[test]
fn every_rule_in_every_kind_reads_as_a_sentence_in_both_languages() {
    for record in Rule::ALL.into_iter().flat_map(records) {
        let english = record.sentence(Language::English).to_string();
        let chinese = record.sentence(Language::Chinese).to_string();
        let (id, clause) = (record.rule.id(), record.rule.clause());
        for sentence in [&english, &chinese] {
            assert!(!EMPTY.iter().any(|part| sentence.contains(part)), "{sentence}");
            assert!(sentence.contains(id) && sentence.contains(clause.id()), "{sentence}");
        }
        assert!(english.is_ascii() && english.ends_with(")."), "{english}");
        assert!(english.contains(&format!("(rule {id}, clause {clause}")), "{english}");
        let reason = record.cause.unwrap_or(record.rule);
        assert!(english.contains(reason.title()), "{english}");
        assert!(chinese.contains(reason.title_chinese()), "{chinese}");
        assert!(chinese.ends_with("）。") && !chinese.contains(", "), "{chinese}");
    }
}

/// Clauses: E1.
#[test]
fn every_number_of_a_sentence_has_its_unit() {
    const COUNTED: [&str; 4] = ["ticks", "joints", "plans", "times"];
    for record in Rule::ALL.into_iter().flat_map(records) {
        let english = record.sentence(Language::English).to_string();
        let chinese = record.sentence(Language::Chinese).to_string();
        let reason = record.cause.unwrap_or(record.rule);
        let asks = record.kind == Kind::Limited && !reason.unit().is_empty();
        assert_eq!(english.contains(", asked "), asks, "{english}");
        assert_eq!(chinese.contains("，要求 "), asks, "{chinese}");
        let unit = reason.measured_unit();
        let measures = record.kind != Kind::ActAccepted && !unit.is_empty();
        assert_eq!(english.contains(", measured "), measures, "{english}");
        assert_eq!(chinese.contains("，限值 inf "), measures, "{chinese}");
        if asks {
            let expected = format!(", asked 1235 {}, allowed -98.75 {0}", reason.unit());
            assert!(english.contains(&expected), "{english}");
        }
        if measures {
            let three = if COUNTED.contains(&unit) { "3" } else { "3.000" };
            let expected = format!(", measured {three} {unit}, limit inf {unit}");
            assert!(english.contains(&expected), "{english}");
            let translated = COUNTED.iter().all(|word| !chinese.contains(word));
            assert!(translated, "a word, not a unit: {chinese}");
        }
    }
}

/// Clauses: M2, M3, E1.
#[test]
fn a_plan_that_turns_too_fast_is_clipped_and_turns_up_slowly() {
    let mut bench = Bench::standing(Profile::default());
    let mut plan = bench.walk(1, 0.4, ms(2000));
    if let PlanRequest::Velocity(chunk) = &mut plan.request {
        chunk.velocities.iter_mut().for_each(|v| v.yaw = RadiansPerSecond(5.0));
    }
    bench.plan = Some(plan);
    let Motion::Walk(first) = bench.tick().motion else { panic!("it must walk") };
    let step = Profile::default().acceleration;
    assert!(first.forward.0 <= step.forward.0 * 1e-3 + 1e-6, "{first:?}");
    assert!(first.yaw.0 <= step.yaw.0 * 1e-3 + 1e-6, "{first:?}");
    let Motion::Walk(then) = bench.run(1500).motion else { panic!("it must walk") };
    assert_eq!(then.yaw, Profile::default().speed_max.yaw);
    for rule in [Rule::PlanTurn, Rule::BaseAccel, Rule::BaseTurn] {
        let onsets = bench.records.iter().filter(|r| r.rule == rule && r.ticks == 1);
        assert_eq!(onsets.count(), 1, "{rule:?}: {:?}", bench.told());
    }
    let turn = bench.records.iter().find(|r| r.rule == Rule::PlanTurn).unwrap();
    assert_eq!((turn.asked, turn.allowed, turn.sequence), (5.0, 1.0, Some(1)));
}

/// Clauses: A2, E1.
#[test]
fn frames_of_the_wrong_shape_settle_the_robot() {
    let mut bench = Bench::standing(Profile::default());
    bench.frame.joints = Joints::filled(JointReading::default(), JOINTS - 1);
    assert_eq!(bench.tick().level, Level::Notice);
    let record = bench.records.last().unwrap();
    assert_eq!((record.rule, record.measured, record.limit), (Rule::FrameShape, 2.0, 3.0));
    assert_eq!(bench.run(4).level, Level::Settle);
    assert_eq!(bench.governor.count(Rule::FrameShape), 5);
}

/// Clauses: M1, O6.
#[test]
fn a_robot_with_a_joint_outside_its_limits_is_not_started() {
    let mut bench = Bench::new(Profile::default());
    bench.run(60);
    bench.set_joint(joint(1), 1.5, 0.0);
    assert_eq!(bench.act(OperatorAct::Start).mode, Mode::Inhibited);
    let refusal = bench.records.last().unwrap();
    assert_eq!((refusal.kind, refusal.cause), (Kind::ActRefused, Some(Rule::JointOutside)));
    assert_eq!(refusal.joint, Some(joint(1)));
    bench.set_joint(joint(1), 0.0, 0.0);
    assert_eq!(bench.act(OperatorAct::Start).mode, Mode::Auto);
}

/// Clauses: S2, E1.
#[test]
fn a_settled_body_is_told_with_the_time_it_stood() {
    let mut bench = Bench::standing(Profile::default());
    bench.operator.stop = true;
    assert_eq!(bench.tick().level, Level::Settle);
    bench.state.posture = Posture::Settled;
    assert_eq!(bench.run(600).level, Level::Stopped);
    let record = bench.records.iter().find(|r| r.rule == Rule::SettleStatic).unwrap();
    assert_eq!((record.from, record.to), (Level::Settle, Level::Stopped));
    assert!(record.measured >= record.limit && record.limit == 0.5, "{record:?}");
}

/// Clauses: E1, U1.
#[test]
fn a_record_says_with_which_limits_and_which_model() {
    let mut bench = Bench::standing(Profile::default());
    let (envelope, profile) = (bench.governor.envelope().id(), bench.governor.profile().id());
    let [first, second] = [ModelHash([1; 8]), ModelHash([2; 8])];
    bench.plan = Some(Plan { model: first, ..bench.walk(1, 0.3, ms(300)) });
    bench.run(100);
    let mut stale = Plan { model: second, ..bench.walk(2, 0.3, ms(300)) };
    stale.valid_until = bench.now;
    bench.plan = Some(stale);
    bench.run(300);
    let hashes = |rule, kind| {
        let record = bench.records.iter().find(|r| (r.rule, r.kind) == (rule, kind));
        record.unwrap_or_else(|| panic!("{:?}", bench.told())).hashes
    };
    let refused = hashes(Rule::PlanExpired, Kind::Refused);
    assert_eq!(refused, Hashes { envelope, profile, model: second }, "that of the refused plan");
    let ended = hashes(Rule::PlanExpired, Kind::LevelChanged);
    assert_eq!(ended, Hashes { envelope, profile, model: first }, "that of the plan in force");
    bench.operator.stop = true;
    bench.tick();
    assert_eq!(bench.records.last().unwrap().hashes.model, first);
    // A profile that breaks its rules is told with its own id, before the first cycle.
    let broken = Profile { limited_scale: 2.0, ..Profile::default() };
    let mut bench = Bench::new(broken);
    bench.drain();
    let told = bench.records.first().unwrap();
    assert_eq!((told.rule, told.hashes.model), (Rule::ProfileInvalid, ModelHash::default()));
    assert_eq!(told.hashes.profile, bench.governor.profile().id());
    assert_ne!(told.hashes.profile, profile);
}
