//! Runs the demo on virtual time for many seeds and prints one line each:
//! `cargo run --release -p triune-tests --example campaign -- 0 50 [threads]`.
//!
//! Exits non-zero when a robot falls, touches something, leaves its limits, or when fewer than 96
//! of 100 goals are reached.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use runtime::report::Report;
use runtime::run::RunOptions;

fn run(seed: u64) -> Result<Report, String> {
    let out = tempfile::tempdir().map_err(|error| error.to_string())?;
    let options = RunOptions {
        fast: true,
        headless: true,
        json: true,
        seed,
        out: Some(out.path().to_path_buf()),
        ..RunOptions::default()
    };
    runtime::run::demo(&options).map_err(|error| error.to_string())
}

fn main() {
    let mut numbers = std::env::args().skip(1).map_while(|text| text.parse::<u64>().ok());
    let (from, to) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(50));
    let threads = numbers.next().unwrap_or(2);
    let next = AtomicU64::new(from);
    let (sender, results) = mpsc::channel();
    let mut bad = Vec::new();
    let mut goals = 0;
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|s| *s < to)
                {
                    let _ = sender.send((seed, run(seed)));
                }
            });
        }
        drop(sender);
        for (seed, result) in &results {
            match result {
                Ok(report) => {
                    goals += u64::from(report.goal_reached);
                    let clean = report.falls == 0
                        && report.collisions == 0
                        && report.limit_violations == 0
                        && report.cycle_allocations == 0;
                    if !clean {
                        bad.push(seed);
                    }
                    line(seed, &report);
                }
                Err(error) => {
                    println!("seed {seed:3}  {error}");
                    bad.push(seed);
                }
            }
        }
    });
    let runs = to.saturating_sub(from);
    println!("{runs} runs, {goals} goals reached, not clean: {bad:?}");
    if !bad.is_empty() || goals * 100 < runs * 96 {
        std::process::exit(6);
    }
}

fn line(seed: u64, report: &Report) {
    let failed: Vec<_> =
        report.mission.events.iter().filter(|event| !event.ok).map(|event| &event.what).collect();
    println!(
        "seed {seed:3}  {:5.1} s  falls {}  collisions {}  limits {}  goal {:5}  {:4.1} m  \
         rtf {:4.1}  v {:.3} m/s  drift {:.1} %  late {}  {failed:?}",
        report.duration_s,
        report.falls,
        report.collisions,
        report.limit_violations,
        report.goal_reached,
        report.distance_m,
        report.real_time_factor,
        report.estimator.velocity_rmse_mps,
        report.estimator.drift_percent,
        report.brain.late,
    );
}
