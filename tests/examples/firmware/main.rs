//! The firmware in the loop: the quadruped walks in the simulator, and its joints are driven by the
//! board in the emulator, over Ethernet, tick by tick. First the whole mission, then everything
//! that can go wrong between host and board, and on the board itself.
//!
//! `cargo run --release -p triune-tests --example firmware`
//!
//! | option | does |
//! |---|---|
//! | `--only WORD` | only failures whose name holds it, and no mission |
//! | `--no-mission` | only the failures |
//! | `--seed N` | seed of the mission, 7 by default |
//! | `--write` | writes `docs/firmware.md` |
//!
//! Deadlines are ticks of the board. They are counted on the board, so that nothing depends on how
//! fast this machine is. It ends with 1 when a row is not met.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "without its robot it ends")]
#![allow(clippy::panic, reason = "a board that does not answer has failed")]
#![allow(clippy::print_stdout, reason = "it is what it is for")]

mod failure;
mod page;
mod walk;
mod wire;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use model::Robot;
use runtime::robot_body::RobotBody;
use runtime::run::{RunOptions, demo_on};
use sim::SimBody;
use whole::qemu::{Board, or_skip};

use failure::{Row, failures};
use wire::{Log, WiredBoard};

struct Options {
    only: String,
    mission: bool,
    seed: u64,
    write: bool,
}

fn options() -> Option<Options> {
    let mut options = Options { only: String::new(), mission: true, seed: 7, write: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => (options.only, options.mission) = (words.next()?, false),
            "--no-mission" => options.mission = false,
            "--seed" => options.seed = words.next()?.parse().ok()?,
            "--write" => options.write = true,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("usage: firmware [--only WORD] [--no-mission] [--seed N] [--write]");
        return ExitCode::from(2);
    };
    if or_skip(Board::on_bench()).is_none() {
        return ExitCode::SUCCESS;
    }
    let robot = Robot::load(&whole::root().join("robots/quadruped")).expect("the robot");
    let mission = options.mission.then(|| mission(options.seed));
    let chosen = failures().into_iter().filter(|failure| failure.name.contains(&options.only));
    let rows: Vec<Row> = chosen
        .map(|failure| {
            let row = failure.strike(&robot);
            println!("{}", row.line());
            row
        })
        .collect();
    if options.write {
        let page = page::page(&rows, mission.as_ref());
        let path = whole::root().join("docs/firmware.md");
        std::fs::write(&path, page).expect("docs/firmware.md can be written");
    }
    let sound = rows.iter().all(Row::is_met) && mission.is_none_or(|mission| mission.is_met());
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What came of the mission.
struct Mission {
    seed: u64,
    complete: bool,
    falls: u32,
    seconds: f64,
    ticks: u64,
    frames: [u32; 4],
}

impl Mission {
    const fn is_met(&self) -> bool {
        self.complete && self.falls == 0
    }
}

/// The whole scripted mission, with the board in the emulator.
fn mission(seed: u64) -> Mission {
    let log = Arc::new(Mutex::new(Log::default()));
    let folder = tempfile::tempdir().expect("a folder");
    let options = RunOptions {
        fast: true,
        headless: true,
        json: true,
        seed,
        out: Some(folder.path().join("run")),
        ..RunOptions::default()
    };
    let seen = Arc::clone(&log);
    let report = demo_on(&options, |robot, _, yard| {
        let board = Box::new(WiredBoard::new(robot, seen));
        Ok(RobotBody::Simulated(Box::new(SimBody::with_board(robot, yard, seed, board)?)))
    })
    .expect("the mission runs");
    let log = log.lock().unwrap();
    let link = report.joint_board.link;
    let mission = Mission {
        seed,
        complete: report.mission.events.iter().all(|event| event.ok),
        falls: report.falls,
        seconds: report.duration_s,
        ticks: log.ticks,
        frames: [link.sent, link.received, link.missing, link.broken + link.foreign],
    };
    println!(
        "mission, seed {seed}: {}, {} falls, {:.1} s; {} ticks; {:?} frames sent, received, \
         missing, refused",
        if mission.complete { "complete" } else { "NOT complete" },
        mission.falls,
        mission.seconds,
        mission.ticks,
        mission.frames,
    );
    mission
}
