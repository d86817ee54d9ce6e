//! Simulated robots on one router, and one person who watches them all: what one robot more costs,
//! in processor time, bytes and time to answer. Four, which two processors can hold, and ten.
//!
//! `cargo run --release -p triune-tests --example fleet -- [--robots N] [--write]`; with `--write`
//! the tables go into `docs/network.md`.
#![allow(clippy::unwrap_used, reason = "a failed run says where")]

use std::env;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::network::gateway::{Count, Gateway};
use bus::network::{Role, Settings};
use whole::process::{Process, triune};

const PATIENCE: Duration = Duration::from_secs(60);
/// Each measurement.
const LASTS: Duration = Duration::from_secs(15);
/// What an operator of many robots looks at, and what one who looks at everything does.
const WATCHED: [(&str, &[&str]); 3] = [
    ("nothing", &[]),
    (
        "level, timing, interventions",
        &["triune/*/governor/ruling", "triune/*/governor/record", "triune/*/runtime/cycle"],
    ),
    ("every topic", &["triune/**"]),
];

/// One measurement.
struct Row {
    what: &'static str,
    robot_cpu: f64,
    router_cpu: f64,
    samples: f64,
    bytes: f64,
    answer: [f64; 2],
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(|a| *a != name).nth(1);
    let named = after("--robots").and_then(|text| text.parse().ok());
    let program = triune().unwrap();
    let alone = alone(&program);
    let counts = named.map_or(vec![4, 10], |count: usize| vec![count]);
    let tables: Vec<String> =
        counts.into_iter().map(|robots| table(robots, alone, &fleet(&program, robots))).collect();
    let text = tables.join("\n");
    println!("{text}");
    if arguments.iter().any(|a| a == "--write") {
        whole::section::write("network.md", "fleet", &text).unwrap();
    }
}

/// Runs so many robots on one router, and watches them.
fn fleet(program: &Path, robots: usize) -> Vec<Row> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("tcp/127.0.0.1:{port}");
    let mut router = start(program, &["router", "--listen", &endpoint]);
    router.wait_for("routes at", PATIENCE).unwrap();
    let robot = |number| robot(program, number, &["--connect", &endpoint]);
    let fleet: Vec<Process> = (0..robots).map(robot).collect();
    let connect = vec![endpoint.clone()];
    let settings = Settings { connect, ..Settings::client("robot0", Role::Observer) };
    let person = Gateway::open(&settings).unwrap();
    let until = Instant::now() + PATIENCE;
    let answering =
        || person.ask_all("triune/*/about", Vec::new(), Duration::from_secs(2)).unwrap().len();
    while answering() < robots {
        assert!(Instant::now() < until, "not all robots came");
    }
    let watched = WATCHED.iter();
    let rows = watched.map(|(what, keys)| watch(what, keys, &person, &fleet, &router)).collect();
    for robot in fleet {
        let ended = robot.stop(PATIENCE).unwrap();
        assert_eq!(ended.code(), Some(0), "{ended}");
    }
    router.stop(PATIENCE).unwrap();
    rows
}

/// Processor time of a robot that is not on a network, in parts of one processor.
fn alone(program: &Path) -> f64 {
    let robot = robot(program, 0, &["--network", "off"]);
    std::thread::sleep(Duration::from_secs(3));
    let (before, began) = (processor_time(robot.id()), Instant::now());
    std::thread::sleep(LASTS);
    let used = (processor_time(robot.id()) - before) / began.elapsed().as_secs_f64();
    robot.stop(PATIENCE).unwrap();
    used
}

fn robot(program: &Path, number: usize, network: &[&str]) -> Process {
    let folder = env::temp_dir().join(format!("fleet-{}-{number}", std::process::id()));
    let name = format!("robot{number}");
    let mut arguments = vec!["run", "robots/quadruped", "--stay", "--headless", "--name", &name];
    let (out, state) = (folder.join("out"), folder.join("state"));
    let seed = number.to_string();
    arguments.extend(["--out", out.to_str().unwrap(), "--state", state.to_str().unwrap()]);
    arguments.extend(["--seed", &seed]);
    arguments.extend(network);
    start(program, &arguments)
}

fn start(program: &Path, arguments: &[&str]) -> Process {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(whole::root());
    Process::start(None, &mut command).unwrap()
}

/// Watches for a while.
fn watch(
    what: &'static str,
    keys: &[&str],
    person: &Gateway,
    fleet: &[Process],
    router: &Process,
) -> Row {
    let (samples, bytes): (Arc<Count>, Arc<Count>) = Default::default();
    let hearing: Vec<_> = keys
        .iter()
        .map(|key| {
            let (samples, bytes) = (Arc::clone(&samples), Arc::clone(&bytes));
            person.hear(key, move |_, sample| {
                samples.add(1);
                bytes.add(sample.len() as u64);
            })
        })
        .map(Result::unwrap)
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let (samples_before, bytes_before) = (samples.get(), bytes.get());
    let time = || fleet.iter().map(|robot| processor_time(robot.id())).sum::<f64>();
    let (robots_before, router_before, began) =
        (time(), processor_time(router.id()), Instant::now());
    let mut answers = Vec::new();
    while began.elapsed() < LASTS {
        let asked = Instant::now();
        let robot = person.of(&format!("robot{}", answers.len() % fleet.len())).unwrap();
        if robot.ask_once("about", Vec::new(), Duration::from_secs(1)).unwrap().is_some() {
            answers.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = began.elapsed().as_secs_f64();
    let many = fleet.len() as f64;
    answers.sort_by(f64::total_cmp);
    let part =
        |p: f64| answers.get((answers.len() as f64 * p) as usize).copied().unwrap_or(f64::NAN);
    drop(hearing);
    Row {
        what,
        robot_cpu: (time() - robots_before) / seconds / many,
        router_cpu: (processor_time(router.id()) - router_before) / seconds,
        samples: (samples.get() - samples_before) as f64 / seconds / many,
        bytes: (bytes.get() - bytes_before) as f64 / seconds / many,
        answer: [part(0.5), part(0.99)],
    }
}

/// Seconds that a process has used of all processors.
fn processor_time(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks() + ticks()) / 100.0
}

fn table(robots: usize, alone: f64, rows: &[Row]) -> String {
    let mut text = format!(
        "{robots} robots, standing still, each with its own simulator at 1 kHz, one router and one \
         person, all on one machine with {} processors. A robot that is not on the network uses \
         {:.1} % of a processor.\n\n| the person watches | a robot uses, % of a processor | the \
         router, % | samples/s a robot | KB/s a robot | a question is answered in, p50 ms | p99 \
         |\n|---|---|---|---|---|---|---|\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        alone * 100.0
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.0} | {:.1} | {:.1} | {:.1} |",
            row.what,
            row.robot_cpu * 100.0,
            row.router_cpu * 100.0,
            row.samples,
            row.bytes / 1024.0,
            row.answer[0],
            row.answer[1]
        );
    }
    text
}
