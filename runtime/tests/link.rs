//! What a person does with a joint board, by the commands of the binary: look at it, tell it its
//! limits, look again. The board is one without hardware, in a process of its own.
#![allow(clippy::unwrap_used, reason = "a program that cannot start has failed")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn robot() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped"))
}

fn triune(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_triune")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.is_empty(), "{said}");
        Value::Null
    })
}

/// `triune board` in a process of its own, while it lives.
struct Board {
    process: Child,
    link: String,
}

impl Board {
    fn start(more: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_triune"))
            .arg("board")
            .arg(robot())
            .args(["--listen", "udp:127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        lines.read_line(&mut first).unwrap();
        // The rest is read as well, so that the board never waits for a reader.
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
        let address = first.split("udp:").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
        Self { process, link: format!("udp:{address}") }
    }

    fn doctor(&self, more: &[&str]) -> Output {
        let robot = robot();
        let start = ["doctor", "--json", "--link", &self.link, "--robot", robot.to_str().unwrap()];
        triune(&[&start, more].concat())
    }

    fn provision(&self, more: &[&str]) -> Output {
        let robot = robot();
        triune(
            &[&["provision", robot.to_str().unwrap(), "--link", &self.link, "--json"], more]
                .concat(),
        )
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Clauses: M4.
#[test]
fn a_blank_board_is_looked_at_told_its_limits_and_found_right() {
    let board = Board::start(&["--blank"]);
    let before = board.doctor(&[]);
    let said = json(&before);
    assert_eq!(said["schema"], "triune.board/1");
    assert_eq!(said["board"], "rotr");
    assert_eq!((&said["configuration"], &said["matches"]), (&Value::Null, &Value::Bool(false)));
    assert_eq!(said["joints"], serde_json::json!([0, 32]));
    assert!(said["lifecycle"].as_str().unwrap().starts_with("standby"), "{said}");
    assert_eq!((&said["fault"], said.get("session")), (&Value::Null, None));
    assert_eq!(before.status.code(), Some(6));
    // First it is only shown what would change.
    let shown = board.provision(&[]);
    let changes = json(&shown)["changes"].as_array().unwrap().len();
    assert_eq!(changes, 11 + 12 * 15);
    assert_eq!((shown.status.code(), &json(&shown)["written"]), (Some(6), &Value::Bool(false)));
    assert_eq!(json(&board.doctor(&[]))["configuration"], Value::Null);
    let written = board.provision(&["--yes"]);
    assert_eq!((written.status.code(), &json(&written)["written"]), (Some(0), &Value::Bool(true)));
    let after = board.doctor(&["--session"]);
    let said = json(&after);
    assert_eq!((after.status.code(), &said["matches"]), (Some(0), &Value::Bool(true)));
    assert_eq!(said["configuration"], said["robot_configuration"]);
    assert_eq!(said["last_reset"]["cause"], "Request");
    let session = &said["session"];
    assert_eq!(session["settings"]["watchdog"]["torque_off"], 500);
    assert_eq!(session["limits"].as_array().unwrap().len(), 12);
    assert_eq!(session["limits"][0]["joint"], "FL_hip_joint");
    assert_eq!(session["differences"], serde_json::json!([]));
    assert!(session["counters"]["taken"].as_u64().unwrap() > 0);
    // Nothing is left to be written.
    let again = board.provision(&["--yes"]);
    assert_eq!((again.status.code(), &json(&again)["changes"]), (Some(0), &serde_json::json!([])));
}

/// Clauses: C1.
#[test]
fn where_no_board_is_the_error_says_what_to_check() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let link = format!("udp:{}", silent.local_addr().unwrap());
    for (link, said) in [
        (link.as_str(), "no board answers"),
        ("udp:nowhere", "udp:HOST:PORT"),
        ("carrier-pigeon:one", "no such kind of link"),
        ("serial:/dev/there-is-none@1000000", "there is no such port"),
    ] {
        let output = triune(&["doctor", "--link", link]);
        let error = String::from_utf8_lossy(&output.stderr).replace(['\n', '│'], " ");
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(4), "{error}");
        assert!(error.contains(said), "{link}: {error}");
    }
    let listening = triune(&["board", robot().to_str().unwrap(), "--listen", "tcp:1"]);
    assert_eq!(listening.status.code(), Some(4));
}

/// Clauses: M4.
#[test]
fn a_robot_that_needs_more_than_joints_is_not_run_on_a_joint_board() {
    let folder = tempfile::tempdir().unwrap();
    let mission = folder.path().join("wait.toml");
    let steps = "schema = \"triune.mission/1\"\nname = \"wait\"\n[[step]]\nsay = \"wait\"\n";
    std::fs::write(&mission, steps).unwrap();
    let board = Board::start(&[]);
    let (robot, body) = (robot(), format!("link:{}", board.link));
    let line = ["run", robot.to_str().unwrap(), "--body", &body, "--headless", "--mission"];
    let output = triune(&[&line[..], &[mission.to_str().unwrap()]].concat());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("inertial"), "{error}");
    let said = json(&board.doctor(&["--session"]));
    assert_eq!(said["session"]["counters"]["refused"], 0, "nobody has asked it for anything");
}
