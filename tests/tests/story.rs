//! The whole story on virtual time: the demo's mission, its report, its journal, its seeds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use runtime::journal;
use runtime::report::{Outcome, Report};
use runtime::run::RunOptions;

fn demo(seed: u64) -> (Report, tempfile::TempDir) {
    let out = tempfile::tempdir().unwrap();
    let options = RunOptions {
        fast: true,
        headless: true,
        json: true,
        seed,
        out: Some(out.path().to_path_buf()),
        ..RunOptions::default()
    };
    (runtime::run::demo(&options).unwrap(), out)
}

/// Clauses: A2, E1, H1, M2, O1, S1, S2, S4, S9, W1.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn the_demo_goes_as_its_mission_says() {
    let (report, out) = demo(7);
    let failed: Vec<_> = report.mission.events.iter().filter(|event| !event.ok).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(report.mission.outcome, Outcome::Complete);
    assert_eq!((report.falls, report.collisions, report.limit_violations), (0, 0, 0));
    assert!(report.goal_reached);
    assert_eq!(report.cycle_allocations, 0, "the cycle must not allocate");
    assert!(report.journal.is_complete(), "{:?}", report.journal);
    assert!(report.estimator.velocity_rmse_mps < 0.04 && report.estimator.drift_percent < 5.0);
    let json: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    for key in [
        "robot",
        "sim",
        "seed",
        "duration_s",
        "ticks",
        "falls",
        "distance_m",
        "goal_reached",
        "collisions",
        "real_time_factor",
        "loop",
        "estimator",
        "brain",
        "governor",
        "cycle_allocations",
        "state_hash",
    ] {
        assert!(!json[key].is_null(), "report.json has no {key}");
    }
    assert_eq!(json["schema"], "triune.report/1");
    assert_eq!(json["brain"]["model_sha256"].as_str().unwrap().len(), 64);
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("http://") && !page.contains("https://"));
    every_rule_is_in_the_journal(&report);
    three_acts_before_motion(&report);
}

fn every_rule_is_in_the_journal(report: &Report) {
    let journal = journal::read(&report.journal.path).unwrap();
    assert_eq!(journal.ticks.len() as u64, report.ticks);
    for rule in [
        "PLAN-RANGE",
        "PLAN-FINITE",
        "PLAN-VALIDITY",
        "PLAN-AGE",
        "PLAN-SILENT",
        "JOINT-STALE",
        "OPERATOR-STOP",
        "OPERATOR-RESET",
        "OPERATOR-START",
    ] {
        assert!(journal.records.iter().any(|record| record.rule == rule), "{rule} is not there");
    }
    let latency = journal.ticks.iter().filter(|tick| tick.plan > 0).map(|tick| tick.plan_latency);
    let (least, most) = latency.fold((u32::MAX, 0), |(a, b), l| (a.min(l), b.max(l)));
    assert!(least >= 20 && most <= 120 && least + 50 < most, "drawn and recorded: {least} {most}");
    let said: Vec<_> = journal.events.iter().map(|event| event.sentence.as_str()).collect();
    for beat in ["Shoved", "killed", "A sensor fails", "Stop pressed", "Reset asked", "Start asked"]
    {
        assert!(said.iter().any(|sentence| sentence.contains(beat)), "{beat}: {said:?}");
    }
}

/// Between an accepted reset and the next start no joint is moved by a motor.
fn three_acts_before_motion(report: &Report) {
    let journal = journal::read(&report.journal.path).unwrap();
    let inhibited = |tick: &&runtime::journal::Tick| tick.mode == signals::Mode::Inhibited;
    let ticks: Vec<_> = journal.ticks.iter().filter(inhibited).collect();
    assert!(ticks.len() > 1000, "the mission waits between reset and start");
    for tick in ticks {
        assert!(tick.joints.iter().all(|joint| joint.vetted_tau.0 == 0.0), "at {:?}", tick.at);
    }
}

/// Clauses: E5.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn a_seed_is_a_run() {
    let [(first, _a), (again, _b), (other, _c)] = [demo(3), demo(3), demo(4)];
    assert_eq!(first.state_hash, again.state_hash);
    assert_eq!(first.ticks, again.ticks);
    assert_eq!(first.governor, again.governor);
    assert_ne!(first.state_hash, other.state_hash);
}
