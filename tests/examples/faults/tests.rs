//! Negative controls: with its rule off, a row must fail. Else it would prove nothing.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use governor::Profile;
use signals::{Celsius, Volts};

use super::*;

/// Seeds of each row, with the rule and without: the table has more.
const SEEDS: u64 = 1;

/// What switches a rule off.
type Tweak = fn(&mut Profile);

/// The row whose fault begins with these words, with its profile changed by `tweak`.
fn verdict(robot: &Robot, number: u32, fault: &str, tweak: Option<Tweak>) -> Verdict {
    let is = |row: &&Row| row.number == number && row.fault.starts_with(fault);
    let row = *CATALOGUE.iter().find(is).unwrap();
    let Proof::Run(make) = row.proof else { panic!("row {number} needs a run") };
    let mut result = RowResult::new(row);
    for seed in 0..SEEDS {
        let mut trial = make(&mut Dice::new(number, seed));
        if let Some(tweak) = tweak {
            let before = std::mem::replace(&mut trial.setup.profile, Box::new(|_| ()));
            trial.setup.profile = Box::new(move |profile| {
                before(profile);
                tweak(profile);
            });
        }
        result.take(seed, run(robot, trial, seed));
    }
    result.verdict()
}

/// Clauses: A2, M4, M7, N3, O3, H4.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run faults` runs it in release")]
fn a_row_fails_without_its_rule() {
    let table: [(u32, &str, Tweak); 8] = [
        (1, "brain stalls", |p| {
            p.habits.silent_limited = Default::default();
            p.habits.silent_hold = Default::default();
        }),
        (38, "inertial unit stuck", |p| p.health.imu_stuck_frames = 0),
        (44, "encoder jumps and stays", |p| p.health.jumps_settle = 0),
        (46, "winding", |p| {
            p.health.temperature_warn = Celsius(1e4);
            p.health.temperature_trip = Celsius(1e4);
        }),
        (47, "supply", |p| p.health.voltage_min = Volts(0.0)),
        (58, "supervising", |p| p.supervision = None),
        (66, "person sensor", |p| p.person = None),
        (67, "collision", |p| p.health.collision = 0.0),
    ];
    let robot = robot();
    for (number, fault, off) in table {
        assert_ne!(verdict(&robot, number, fault, None), Verdict::Fail, "row {number}");
        assert_eq!(verdict(&robot, number, fault, Some(off)), Verdict::Fail, "row {number}");
    }
}

/// Clauses: A2.
#[test]
fn every_row_of_the_issue_is_there() {
    let wanted = (1..=13).chain(29..=31).chain([33]).chain(36..=47).chain([50]).chain(58..=72);
    for number in wanted.chain([77]) {
        assert!(CATALOGUE.iter().any(|row| row.number == number), "row {number}");
    }
    assert!(CATALOGUE.is_sorted_by_key(|row| row.number));
}
