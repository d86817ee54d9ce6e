//! What programs on the network do to the control loop: nothing, one that listens, one that is
//! killed, a flood, one that is frozen. One run of the robot for each, side by side.
//!
//! `cargo run --release -p triune-tests --example network_load -- [--write]` runs them in real
//! time, prints how late the ticks began, and with `--write` puts the table into
//! `docs/network.md`. Its test runs them on virtual time: not a bit of any state may differ.
#![allow(clippy::unwrap_used, reason = "a failed run says where")]

use std::env;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Child, ExitCode, Stdio};
use std::time::{Duration, Instant};

use bus::network::gateway::Gateway;
use bus::network::layout::{Header, Layout};
use bus::network::samples::{
    ActSample, BRAIN_PLAN, OPERATOR_ACT, OPERATOR_STICK, PlanSample, StickSample,
};
use bus::network::{Role, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runtime::network::Access;
use runtime::report::Report;
use runtime::run::RunOptions;
use zerocopy::IntoBytes;

mod page;

/// A robot that gets up, walks a while and stops.
const MISSION: &str = include_str!("mission.toml");
/// Messages a second of the flood.
const FLOOD: u64 = 100_000;

/// What is on the network beside the robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    /// The run is not on the network.
    Off,
    /// Nobody.
    Idle,
    /// A program that hears every topic.
    Heard,
    /// Such a program, killed on the way (`kill -9`).
    Killed,
    /// 100,000 messages a second of the right size on the keys of commands.
    Flood,
    /// A program that hears every topic, stopped on the way (`SIGSTOP`): its window fills up.
    Frozen,
}

impl Load {
    const ALL: [Self; 6] =
        [Self::Off, Self::Idle, Self::Heard, Self::Killed, Self::Flood, Self::Frozen];

    const fn name(self) -> &'static str {
        match self {
            Self::Off => "not on the network",
            Self::Idle => "nobody there",
            Self::Heard => "every topic heard",
            Self::Killed => "listener killed -9",
            Self::Flood => "flood",
            Self::Frozen => "listener frozen",
        }
    }
}

/// One run under a load.
struct Row {
    load: Load,
    report: Report,
    /// What the other program did: heard or sent.
    other: String,
    /// Part of the machine's time that its host took away.
    stolen: f64,
}

/// A program beside the robot.
struct Beside {
    child: Child,
}

impl Beside {
    fn start(part: &str, endpoint: &str) -> Self {
        let mut command = std::process::Command::new(env::current_exe().unwrap());
        // The test harness would take a bare word for the name of a test.
        let command = command.env("NETWORK_LOAD_PART", part).env("NETWORK_LOAD_AT", endpoint);
        let command = command.args(["--exact", "tests::the_other_program", "--nocapture"]);
        Self { child: command.stdout(Stdio::piped()).spawn().unwrap() }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Ends it and returns its last words.
    fn end(mut self) -> String {
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGCONT);
        drop(self.child.stdin.take());
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT);
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = said.lines().rev().find_map(|line| line.split_once("beside: "));
        words.map(|(_, words)| words.to_owned()).unwrap_or_default()
    }
}

fn main() -> ExitCode {
    if let Ok(part) = env::var("NETWORK_LOAD_PART") {
        beside(&part, &env::var("NETWORK_LOAD_AT").unwrap());
        return ExitCode::SUCCESS;
    }
    let rows: Vec<Row> = Load::ALL.into_iter().map(|load| run(load, false)).collect();
    let table = page::table(&rows);
    println!("{table}");
    if env::args().any(|arg| arg == "--write") {
        whole::section::write("network.md", "network_load", &table).unwrap();
    }
    ExitCode::SUCCESS
}

/// Runs the robot under `load`.
fn run(load: Load, fast: bool) -> Row {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("tcp/127.0.0.1:{port}");
    let folder = tempfile::tempdir().unwrap();
    let mission = folder.path().join("mission.toml");
    std::fs::write(&mission, MISSION).unwrap();
    let part = match load {
        Load::Off | Load::Idle => None,
        Load::Heard | Load::Killed | Load::Frozen => Some("listen"),
        Load::Flood => Some("flood"),
    };
    let (before, began) = (stolen_ticks(), Instant::now());
    let acting = part.map(|part| {
        let endpoint = endpoint.clone();
        std::thread::spawn(move || act(load, part, &endpoint, fast))
    });
    let access =
        (load != Load::Off).then(|| Access { listen: vec![endpoint], ..Access::default() });
    let options = RunOptions {
        fast,
        headless: true,
        json: true,
        seed: 7,
        mission: Some(mission),
        out: Some(folder.path().join("out")),
        access,
        ..RunOptions::default()
    };
    let report = runtime::run::demo(&options).unwrap();
    let other = acting.map(|acting| acting.join().unwrap().end()).unwrap_or_default();
    let stolen = (stolen_ticks() - before) as f64 / 100.0 / began.elapsed().as_secs_f64();
    eprintln!("{}: {:?}", load.name(), report.mission.outcome);
    Row { load, report, other, stolen }
}

/// Starts the other program when the robot is there, and does to it what the load says.
fn act(load: Load, part: &str, endpoint: &str, fast: bool) -> Beside {
    let address = endpoint.trim_start_matches("tcp/");
    while std::net::TcpStream::connect(address).is_err() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let beside = Beside::start(part, endpoint);
    // On virtual time the whole run takes a few seconds.
    std::thread::sleep(Duration::from_millis(if fast { 700 } else { 5000 }));
    match load {
        Load::Killed => beside.signal(Signal::SIGKILL),
        Load::Frozen => beside.signal(Signal::SIGSTOP),
        Load::Off | Load::Idle | Load::Heard | Load::Flood => {}
    }
    beside
}

/// Hundredths of a second that the host took from this machine.
fn stolen_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let cpu = stat.lines().next().unwrap_or_default();
    cpu.split_whitespace().nth(8).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// The other program: listens or floods until it is ended.
fn beside(part: &str, endpoint: &str) {
    let settings = Settings {
        connect: vec![endpoint.to_owned()],
        ..Settings::client("quad12", Role::Observer)
    };
    let gateway = Gateway::open(&settings).unwrap();
    let said = if part == "flood" { flood(&gateway) } else { listen(&gateway) };
    println!("beside: {said}");
    let _ = std::io::stdout().flush();
}

fn ended() -> bool {
    runtime::network::interrupted()
}

fn listen(gateway: &Gateway) -> String {
    let heard = std::sync::Arc::new(bus::network::gateway::Count::default());
    let counting = std::sync::Arc::clone(&heard);
    let subscriber = gateway.hear("triune/**", move |_, _| counting.add(1)).unwrap();
    while !ended() {
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(subscriber);
    format!("{} samples heard", heard.get())
}

/// Sends what looks like commands, as often as the load says.
fn flood(gateway: &Gateway) -> String {
    let header = |layout| Header { layout, session: 1, sequence: u64::MAX, at: 0 };
    let sample = |layout: u64, body: &[u8]| [header(layout).as_bytes(), body, &[0; 16]].concat();
    let kinds = [
        (BRAIN_PLAN.of("quad12"), sample(PlanSample::HASH, PlanSample::default().as_bytes())),
        (OPERATOR_ACT.of("quad12"), sample(ActSample::HASH, ActSample::default().as_bytes())),
        (OPERATOR_STICK.of("quad12"), sample(StickSample::HASH, StickSample::default().as_bytes())),
        (OPERATOR_ACT.of("quad12"), vec![0xff; 7]),
    ];
    let began = Instant::now();
    let mut sent = 0_u64;
    while !ended() {
        let due = began.elapsed().as_micros() as u64 * FLOOD / 1_000_000;
        while sent < due {
            let (key, bytes) = &kinds[(sent % 4) as usize];
            let _ = zenoh::Wait::wait(gateway.session().put(key, bytes.clone()));
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    format!("{:.0} messages/s sent", sent as f64 / began.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not a test: where the tests start themselves as the other program.
    #[test]
    fn the_other_program() {
        if let Ok(part) = env::var("NETWORK_LOAD_PART") {
            beside(&part, &env::var("NETWORK_LOAD_AT").unwrap());
        }
    }

    /// Clauses: C3, D4.
    #[test]
    #[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run network` runs it")]
    fn nothing_on_the_network_changes_a_bit_of_the_loop() {
        let alone = run(Load::Off, true).report;
        assert!(alone.ticks > 10_000);
        for load in Load::ALL.into_iter().skip(1) {
            let Row { report, other, .. } = run(load, true);
            assert_eq!(report.state_hash, alone.state_hash, "{load:?}");
            assert_eq!((report.ticks, report.timing.overruns), (alone.ticks, 0), "{load:?}");
            assert_eq!(report.cycle_allocations, 0, "{load:?}");
            let network = report.network.unwrap();
            match load {
                Load::Heard => assert!(network.sent > 1000, "{network:?}"),
                Load::Killed | Load::Frozen => assert!(network.sent > 0, "{network:?}"),
                Load::Flood => {
                    let refused = network.refused_rate + network.refused_size;
                    assert!(refused > 10_000, "{network:?}, {other}");
                    let let_in = network.refused_authority + network.refused_content;
                    assert_eq!(network.taken, let_in, "none of it counts: {network:?}");
                }
                Load::Off | Load::Idle => assert_eq!(network.sent, 0, "{network:?}"),
            }
        }
    }
}
