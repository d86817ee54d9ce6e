//! The fault catalogue in simulation: each row for many seeds on virtual time, judged by its
//! deadlines and by what the simulator knows.
//!
//! `cargo run --release -p triune-tests --example faults -- [--row N[,N]] [--seeds 20]
//! [--json FILE] [--write]`, or `--row N --trace SEED` for all the governor says in one seed. Exits
//! with 6 when a row fails.
//!
//! A row is a scenario: a robot that stands, walks or turns, a fault that strikes at a drawn phase
//! of its gait, the reactions that must follow, and how it must end. Besides, in every row no
//! command may leave the limits by the judgement of `runtime::observer`, nothing may be allocated
//! in the cycle, and the robot may not fall unless the fault itself throws it over.
//!
//! A reaction is timed from the first frame, plan or command that carries the fault past the
//! governor's boundary to the first tick with the changed output; that tick counts in full, so that
//! a reaction in the very same tick took 1 ms. A deadline that this robot cannot keep stands in the
//! catalogue with its reason and is shown as not met.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod catalogue;
mod fault;
mod page;
mod rows;
mod run;
mod scene;
mod soles;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use model::Robot;

use catalogue::{CATALOGUE, Proof, Row};
use fault::Dice;
use run::{Outcome, run};
use table::{Result as RowResult, Verdict};

/// Runs at a time.
const THREADS: usize = 2;

/// What the command line asks for.
struct Arguments {
    rows: Vec<u32>,
    seeds: u64,
    json: Option<PathBuf>,
    write: bool,
    trace: Option<u64>,
}

fn main() {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("faults: {error}");
            std::process::exit(2);
        }
    };
    let began = Instant::now();
    let chosen = |row: &&Row| arguments.rows.is_empty() || arguments.rows.contains(&row.number);
    let rows: Vec<Row> = CATALOGUE.iter().filter(chosen).copied().collect();
    if let Some(seed) = arguments.trace {
        return trace(&rows, seed);
    }
    let results = judge(&rows, arguments.seeds, |result| println!("{}", result.line()));
    let failed: Vec<_> = results.iter().filter(|r| r.verdict() == Verdict::Fail).collect();
    let summary = page::summary(&results, arguments.seeds);
    println!("{summary} {:.0} s.", began.elapsed().as_secs_f64());
    if let Err(error) = keep(&arguments, &results) {
        eprintln!("faults: {error}");
        std::process::exit(2);
    }
    if !failed.is_empty() {
        for result in failed {
            println!(
                "row {}, {}: {}",
                result.row().number,
                result.row().fault,
                result.complaints()
            );
        }
        std::process::exit(6);
    }
}

/// All that is known of one seed of each row.
fn trace(rows: &[Row], seed: u64) {
    let robot = robot();
    for row in rows {
        let outcome = one(&robot, row, seed);
        println!("row {}, {}, seed {seed}:", row.number, row.fault);
        outcome.said.iter().for_each(|line| println!("{line}"));
        println!("ended as {}, {:?}, {:?}", outcome.end.name(), outcome.reactions, outcome.wrong);
    }
}

fn robot() -> Robot {
    match Robot::load(&whole::root().join("robots/quadruped")) {
        Ok(robot) => robot,
        Err(error) => {
            eprintln!("faults: {error}");
            std::process::exit(2);
        }
    }
}

/// Writes what was asked for.
fn keep(arguments: &Arguments, results: &[RowResult]) -> std::io::Result<()> {
    if let Some(file) = &arguments.json {
        let rows: Vec<_> = results.iter().map(RowResult::json).collect();
        std::fs::write(file, format!("{:#}\n", serde_json::Value::from(rows)))?;
    }
    if arguments.write {
        let path = whole::root().join(page::PATH);
        // Of a run of some rows only their lines are new.
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, page::markdown(results, arguments.seeds, &old))?;
    }
    Ok(())
}

/// Every row for `seeds` seeds, in the order of the rows; `show` sees each when it is complete.
fn judge(rows: &[Row], seeds: u64, mut show: impl FnMut(&RowResult)) -> Vec<RowResult> {
    println!("{}", table::HEAD);
    let robot = robot();
    let jobs: Vec<(usize, u64)> =
        (0..rows.len()).flat_map(|row| (0..seeds).map(move |seed| (row, seed))).collect();
    let next = AtomicUsize::new(0);
    let (sender, outcomes) = mpsc::channel();
    let mut results: Vec<_> = rows.iter().map(|row| RowResult::new(*row)).collect();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (sender, next, jobs, robot) = (sender.clone(), &next, &jobs, &robot);
            scope.spawn(move || {
                while let Some(&(row, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _ = sender.send((row, seed, one(robot, &rows[row], seed)));
                }
            });
        }
        drop(sender);
        let (mut left, mut shown) = (vec![seeds; rows.len()], 0);
        for (row, seed, outcome) in &outcomes {
            results[row].take(seed, outcome);
            left[row] -= 1;
            while left.get(shown) == Some(&0) {
                show(&results[shown]);
                shown += 1;
            }
        }
    });
    results
}

/// One seed of one row.
fn one(robot: &Robot, row: &Row, seed: u64) -> Outcome {
    let mut dice = Dice::new(row.number, seed);
    match row.proof {
        Proof::Run(make) => run(robot, make(&mut dice), seed),
        Proof::Check(check) => {
            let wrong = check(&mut dice).err().into_iter().collect();
            Outcome::refused(row.end, wrong)
        }
    }
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self { rows: Vec::new(), seeds: 20, json: None, write: false, trace: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--row" => {
                    let numbers = value()?;
                    for number in numbers.split(',') {
                        read.rows.push(number.parse().map_err(|_| format!("no row {number:?}"))?);
                    }
                }
                "--seeds" => {
                    read.seeds = value()?.parse().map_err(|_| "--seeds wants a number")?;
                }
                "--json" => read.json = Some(value()?.into()),
                "--trace" => {
                    read.trace = Some(value()?.parse().map_err(|_| "--trace wants a seed")?);
                }
                "--write" => read.write = true,
                _ => return Err(format!("unknown argument {word:?}")),
            }
        }
        Ok(read)
    }
}
