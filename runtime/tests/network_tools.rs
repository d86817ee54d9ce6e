//! The commands for people against a robot in another process, also when things go wrong.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bus::network::samples::OPERATOR_STOP;
use bus::network::{Role, Settings};
use serde_json::Value;
use zenoh::Wait;

const TRIUNE: &str = env!("CARGO_BIN_EXE_triune");
const ROBOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
const MISSION: &str = r#"
schema = "triune.mission/1"
name = "wait for people"

[[step]]
say = "power on, self-test"
until = "inhibited"

[[step]]
say = "a person starts the robot"
act = "start"
until = "standing"
timeout_s = 60.0

[[step]]
say = "people come and go"
hold_s = 3600.0
timeout_s = 3601.0
"#;

/// A robot in another process; ends with the test.
struct Robot {
    child: Child,
    at: String,
    folder: tempfile::TempDir,
}

impl Robot {
    /// Runs it under `name`, and waits until it answers.
    fn start(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Taken and given back: another process might take it, but none here asks for it again.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = format!("tcp/127.0.0.1:{port}");
        let this = Self { child: run(name, &at, folder.path()), at, folder };
        this.wait_for(|top| !top["robots"][0]["level"].is_null());
        this
    }

    /// Kills it without a word.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(TRIUNE);
        command.args(line.split(' ')).args(["--connect", &self.at]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn ask(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    fn json(&self, line: &str) -> (Option<i32>, Value) {
        let output = self.ask(&format!("{line} --json"));
        let read = serde_json::from_slice(&output.stdout);
        let value = read.unwrap_or_else(|e| panic!("{line}: {e}: {}", said(&output)));
        (output.status.code(), value)
    }

    fn script(&self, name: &str, lines: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, lines).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn wait_for(&self, found: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            let output = self.ask("top --once --json --after 0.3");
            let top = serde_json::from_slice(&output.stdout).unwrap_or_default();
            if found(&top) {
                return top;
            }
            assert!(Instant::now() < until, "it never came: {top:#} {}", said(&output));
        }
    }
}

impl Drop for Robot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(name: &str, at: &str, folder: &Path) -> Child {
    let mission = folder.join("mission.toml");
    std::fs::write(&mission, MISSION).unwrap();
    let mut command = Command::new(TRIUNE);
    command.args(["run", ROBOT, "--headless", "--name", name, "--listen", at]);
    command.arg("--mission").arg(&mission).arg("--out").arg(folder.join("run"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    // The words as they were, whatever the width they were broken at.
    let words = format!("{out}{err}").replace(['│', '×'], " ");
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn refused(output: &Output, code: i32, words: &str) {
    let all = said(output);
    assert_eq!(output.status.code(), Some(code), "{all}");
    assert!(all.contains(words), "{words:?} is not in {all}");
}

/// Clauses: O1.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn where_nobody_is_it_says_how_to_start_one() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = format!("tcp/127.0.0.1:{port}");
    let ask = |line: &str| {
        let mut command = Command::new(TRIUNE);
        command.args(line.split(' ')).args(["--patience", "0.5", "--connect", &at]);
        command.stdin(Stdio::null()).output().unwrap()
    };
    for line in ["echo a/b", "hz a/b", "act reset", "top --once", "teleop --yes"] {
        refused(&ask(line), 4, "triune run robots/quadruped --headless");
    }
    for line in ["estop", "estop --name dog", "estop --all"] {
        refused(&ask(line), 4, "NOT CONFIRMED: use the hardware stop");
    }
    refused(&ask("echo a/b --name Dog"), 2, "small letters");
    let router = Command::new(TRIUNE).args(["router", "--listen", "tcp/0.0.0.0:0"]).output();
    refused(&router.unwrap(), 2, "without certificates; make some with");
}

/// Clauses: O8.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn topics_are_read_by_their_schema() {
    let robot = Robot::start("dog");
    let output = robot.ask("echo cerebellum/state --json --count 3");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4, "three samples and what was lost");
    let (first, last) = (&lines[0], &lines[3]);
    assert_eq!((&first["schema"], &first["robot"]), (&"triune.echo/1".into(), &"dog".into()));
    assert_eq!(first["fields"]["q"].as_array().unwrap().len(), 12, "those in use");
    assert!(first["fields"]["posture"].is_string() && first["joints"][0].is_string());
    assert_eq!(last["topics"][0]["refused"], 0);
    let output = robot.ask("echo governor/* --count 2 --field level");
    refused(&output, 0, "governor/ruling");
    refused(&robot.ask("echo cerebellum/stat"), 2, "cerebellum/state");
    refused(&robot.ask("echo a//b"), 2, "a topic is LAYER/TOPIC");
    refused(&robot.ask("echo governor/ruling --field x"), 2, "authority");
    refused(&robot.ask("hz governor/*"), 2, "several topics");
    refused(&robot.ask("echo governor/ruling --name cat --patience 0.5"), 4, "here dog");
    let hz = robot.ask("hz governor/ruling --seconds 2 --json");
    let line: Value = serde_json::from_slice(hz.stdout.split(|b| *b == b'\n').nth(1).unwrap())
        .unwrap_or_else(|error| panic!("{error}: {}", said(&hz)));
    let rate = line["rate_hz"].as_f64().unwrap();
    assert!((50.0..=210.0).contains(&rate), "{rate}");
    refused(&robot.ask("top --once"), 0, "dog");
}

/// Clauses: O1, S4.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_stop_is_confirmed_and_only_three_acts_lead_back() {
    let robot = Robot::start("dog");
    robot.wait_for(|top| top["robots"][0]["posture"] == "standing");
    let (code, stop) = robot.json("estop --reason test");
    assert_eq!((code, &stop["confirmed"]), (Some(0), &true.into()), "{stop}");
    assert_eq!((&stop["level"], &stop["still"]), (&"STOPPED".into(), &true.into()), "{stop}");
    let (code, act) = robot.json("act reset");
    assert_eq!((code, &act["answer"]), (Some(6), &"refused".into()), "{act}");
    assert!(act["said"].as_str().unwrap().contains("pressed stop"), "{act}");
    let (code, released) = robot.json("estop --release");
    assert_eq!((code, &released["released"]), (Some(0), &true.into()), "{released}");
    assert_eq!(released["level"], "STOPPED", "the release starts nothing");
    // At rest for half a second first.
    std::thread::sleep(Duration::from_secs(1));
    let (code, act) = robot.json("act reset");
    assert_eq!((code, &act["now"]["mode"]), (Some(0), &"INHIBITED".into()), "{act}");
    let (code, act) = robot.json("act unlock");
    assert_eq!((code, &act["answer"]), (Some(6), &"refused".into()), "{act}");
    let (code, act) = robot.json("act select manual");
    assert_eq!(code, Some(0), "{act}");
    let (code, act) = robot.json("act start");
    assert_eq!((code, &act["now"]["mode"]), (Some(0), &"MANUAL".into()), "{act}");
    refused(&robot.ask("act select"), 2, "<MODE>");
}

/// Clauses: O1, S4.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn whatever_comes_where_stops_come_is_a_stop() {
    let robot = Robot::start("dog");
    robot.wait_for(|top| top["robots"][0]["posture"] == "standing");
    let connect = vec![robot.at.clone()];
    let settings = Settings { connect, ..Settings::client("dog", Role::Observer) };
    let session = zenoh::open(settings.config().unwrap()).wait().unwrap();
    session.put(OPERATOR_STOP.of("dog"), "help").wait().unwrap();
    robot.wait_for(|top| top["robots"][0]["level"] == "STOPPED");
    let (code, act) = robot.json("act reset");
    assert_eq!((code, &act["answer"]), (Some(6), &"refused".into()), "{act}");
}

/// Clauses: O2, O5, O7.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_script_drives_and_a_second_person_is_told_who_does() {
    let robot = Robot::start("dog");
    robot.wait_for(|top| top["robots"][0]["posture"] == "standing");
    let bad = robot.script("bad", "{\"at_s\":0}\n{\"at_s\":1,\"forward\":NaN,\"held\":true}");
    refused(&robot.ask(&format!("teleop --script {bad}")), 2, "line 2");
    refused(&robot.ask("teleop --yes"), 2, "no terminal");
    let drive = "{\"at_s\":0}\n{\"at_s\":0.2,\"forward\":0.2,\"held\":true}\n{\"at_s\":4}\n\
                 {\"at_s\":4.3}";
    let script = robot.script("drive", drive);
    let first = robot.command(&format!("teleop --script {script} --hand-back --json")).spawn();
    let first = first.unwrap();
    let top = robot.wait_for(|top| top["robots"][0]["authority"] == "teleop");
    assert_ne!(top["robots"][0]["loop"]["operator_epoch"], 0);
    let second = robot.ask(&format!("teleop --script {script} --patience 0.3"));
    refused(&second, 4, "triune teleop\" holds this lease");
    let output = first.wait_with_output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let teleop = &told["teleop"];
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(teleop["drove"] == true && teleop["handed_back"] == true, "{told}");
    assert!(teleop["speed_max_m_s"].as_f64().unwrap() > 0.05, "{told}");
    assert!(teleop["held"].as_u64().unwrap() > 100 && teleop["without_lease"] == 0, "{told}");
    let stop = robot.script("stop", "{\"at_s\":0,\"stop\":true}\n{\"at_s\":0.5}");
    let (code, told) = robot.json(&format!("teleop --script {stop}"));
    assert_eq!((code, &told["teleop"]["stop_confirmed"]), (Some(5), &true.into()), "{told}");
}

/// Clauses: O8.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_robot_that_is_killed_is_missed_and_one_that_comes_back_is_heard_again() {
    let mut robot = Robot::start("dog");
    let mut teleop = Command::new(TRIUNE);
    teleop.args(["teleop", "--script", "-", "--patience", "1.5", "--json", "--connect", &robot.at]);
    teleop.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut teleop = teleop.spawn().unwrap();
    let mut script = teleop.stdin.take().unwrap();
    script.write_all(b"{\"at_s\":0,\"held\":true}\n{\"at_s\":60}\n").unwrap();
    drop(script);
    let echo = robot.command("echo runtime/cycle --field cycle --seconds 14").spawn().unwrap();
    robot.wait_for(|top| top["robots"][0]["loop"]["operator_epoch"] != 0);
    robot.kill();
    let lost = teleop.wait_with_output().unwrap();
    assert_eq!(lost.status.code(), Some(4), "{}", said(&lost));
    let told: Value = serde_json::from_slice(&lost.stdout).unwrap();
    assert_eq!(told["teleop"]["lost"], true);
    let folder = tempfile::tempdir().unwrap();
    robot.child = run("dog", &robot.at, folder.path());
    let output = echo.wait_with_output().unwrap();
    refused(&output, 0, "dog is gone");
    refused(&output, 0, "1 restarts of the robot");
}

/// Clauses: O8.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_router_carries_and_says_who_is_there() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = format!("tcp/127.0.0.1:{port}");
    let mut router = Command::new(TRIUNE);
    router.args(["router", "--json", "--listen", &at]).stdout(Stdio::piped());
    let mut router = router.spawn().unwrap();
    // It listens before a robot looks for it.
    let until = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    let folder = tempfile::tempdir().unwrap();
    let mission = folder.path().join("mission.toml");
    std::fs::write(&mission, MISSION).unwrap();
    let mut command = Command::new(TRIUNE);
    command.args(["run", ROBOT, "--headless", "--name", "dog", "--connect", &at]);
    command.arg("--mission").arg(&mission).arg("--out").arg(folder.path().join("run"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let robot = Robot { child, at, folder };
    robot.wait_for(|top| top["robots"][0]["name"] == "dog" && !top["robots"][0]["level"].is_null());
    let (code, stop) = robot.json("estop");
    assert_eq!((code, &stop["confirmed"]), (Some(0), &true.into()), "{stop}");
    drop(robot);
    router.kill().unwrap();
    let output = router.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.lines().any(|line| line.contains("\"came\"") && line.contains("client")),
        "{text}"
    );
}
