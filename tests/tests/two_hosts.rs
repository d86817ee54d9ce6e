//! A robot on one host, its planner on another, a router between them: opened to a network, with
//! certificates and signed leases, as people would do it by hand.
//!
//! Returns early, with a message, where network namespaces are not permitted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use whole::netns::{Hosts, Namespace, gate, or_skip};
use whole::process::{Process, triune};

/// For what comes for sure, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
const MISSION: &str = include_str!("../examples/network_load/mission.toml");

/// Everything that lies on a disk before anything runs.
struct Desk {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Desk {
    /// Certificates for the network, a key for a planner and one for an operator, and a robot that
    /// trusts both keys.
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), program: triune().unwrap() };
        let names = [gate(0).to_string(), gate(1).to_string()];
        let path = desk.path("certificates");
        desk.do_it(&["keys", "network", &path, "--name", &names[0], "--name", &names[1]]);
        copy(&whole::root().join("robots/quadruped"), &desk.folder.path().join("robot"));
        for role in ["planner", "operator"] {
            desk.do_it(&["keys", "new", &desk.path(role), "--role", role]);
            for file in std::fs::read_dir(desk.path(role)).unwrap().flatten() {
                if file.path().extension().is_some_and(|ending| ending == "pub") {
                    let keys = desk.folder.path().join("robot/keys").join(file.file_name());
                    std::fs::copy(file.path(), keys).unwrap();
                }
            }
        }
        std::fs::write(desk.path("mission.toml"), MISSION).unwrap();
        desk
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// The private key of `role`.
    fn key(&self, role: &str) -> String {
        let mut files = std::fs::read_dir(self.path(role)).unwrap().flatten();
        let key = files.find(|f| f.path().extension().is_some_and(|e| e == "key")).unwrap();
        key.path().to_str().unwrap().to_owned()
    }

    fn do_it(&self, arguments: &[&str]) {
        let output = Command::new(&self.program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    fn start(&self, place: &Namespace, arguments: &[&str]) -> Process {
        let mut command = Command::new(&self.program);
        command.args(arguments).args(["--certificates", &self.path("certificates")]);
        Process::start(Some(place), &mut command).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        // What the robot remembers of other runs is not part of it.
        if path.is_dir() && entry.file_name() != "state" {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Clauses: C3, D4, O2.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_planner_on_another_host_walks_the_robot_through_a_router() {
    let Some(hosts) = or_skip(Hosts::two()) else { return };
    let desk = Desk::new();
    let listen = "quic/0.0.0.0:7447";
    let mut router = desk.start(hosts.middle(), &["router", "--listen", listen]);
    router.wait_for("routes at", PATIENCE).unwrap();
    let at = [0, 1].map(|side| format!("quic/{}:7447", gate(side)));
    let (robot_folder, mission, out) =
        (desk.path("robot"), desk.path("mission.toml"), desk.path("out"));
    let robot = desk.start(
        hosts.left(),
        &[
            "run",
            &robot_folder,
            "--headless",
            "--brain",
            "far",
            "--connect",
            &at[0],
            "--mission",
            &mission,
            "--out",
            &out,
            "--seed",
            "7",
        ],
    );
    let key = desk.key("planner");
    let planner = ["brain", &robot_folder, "--connect", &at[1], "--json", "--patience", "20"];
    // Without a key that the robot trusts there is no lease, certificate or not.
    let refused = desk.start(hosts.right(), &planner);
    let brain = desk.start(hosts.right(), &[&planner[..], &["--key", &key]].concat());
    let refused = refused.finish(PATIENCE).unwrap();
    assert!(refused.code() == Some(4) && refused.errors.contains("sign"), "{refused}");
    let robot = robot.finish(PATIENCE).unwrap();
    let brain = brain.stop(PATIENCE).unwrap();
    router.signal(Signal::SIGINT).unwrap();
    assert_eq!(robot.code(), Some(0), "{robot}\n{brain}\n{}", router.output());
    let report = std::fs::read_to_string(format!("{out}/report.json")).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    for key in ["falls", "collisions", "limit_violations", "cycle_allocations"] {
        assert_eq!(report[key], 0, "{key}");
    }
    assert_eq!(report["goal_reached"], true);
    let brain: Value = serde_json::from_str(&brain.output).unwrap();
    assert!(brain["brain"]["plans"].as_u64().unwrap() > 50, "{brain}");
}
