//! Break it: what a stranger may get wrong, and what the program says then. Each case runs the
//! binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ROBOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");

fn triune(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_triune")).args(arguments).output().unwrap()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of the robot folder in which `spoil` has been at work.
fn spoiled(spoil: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(Path::new(ROBOT), folder.path());
    spoil(folder.path());
    folder
}

fn replace(file: PathBuf, from: &str, to: &str) {
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from} is not in {}", file.display());
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// Runs the demo with the robot in `folder`: exit code 3, nothing moved, and all of `words` said.
fn refuses(folder: &Path, words: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let (robot, run) = (folder.to_str().unwrap(), out.path().to_str().unwrap());
    let output = triune(&["demo", "--robot", robot, "--fast", "--headless", "--out", run]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    // The fancy report breaks its lines and draws a bar beside them.
    let flat = |text: &str| {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '│');
        letters.collect::<String>()
    };
    for word in words {
        assert!(flat(&said).contains(&flat(word)), "{word:?} is not in:\n{said}");
    }
    assert!(!out.path().join("report.json").exists());
}

/// Clauses: C1.
#[test]
fn a_missing_policy_file() {
    let folder = spoiled(|robot| {
        std::fs::remove_file(robot.join("policies/navigate/navigate.onnx")).unwrap();
    });
    refuses(folder.path(), &["navigate.onnx", "Put the file there"]);
}

/// Clauses: C1.
#[test]
fn a_policy_of_the_wrong_shape() {
    let folder = spoiled(|robot| {
        replace(robot.join("policies/navigate/policy.toml"), "[1, 69]", "[1, 70]");
    });
    refuses(folder.path(), &["policy.toml", "70"]);
}

/// Clauses: C1, U1.
#[test]
fn a_model_that_is_not_the_one_of_its_card() {
    let folder = spoiled(|robot| {
        let file = robot.join("policies/navigate/navigate.onnx");
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(file, bytes).unwrap();
    });
    refuses(folder.path(), &["sha256", "training script"]);
}

/// Clauses: C1.
#[test]
fn a_number_that_is_none() {
    let folder = spoiled(|robot| {
        replace(robot.join("robot.toml"), "torque_max_nm = 23.7", "torque_max_nm = nan");
    });
    refuses(folder.path(), &["torque_max_nm", "every number must be finite", "found nan"]);
}

/// Clauses: C1.
#[test]
fn an_unknown_key() {
    let folder = spoiled(|robot| {
        replace(robot.join("robot.toml"), "duty_speed_m_s =", "duti = 1.0\nduty_speed_m_s =");
    });
    refuses(folder.path(), &["unknown field `duti`", "remove the key"]);
}

/// Clauses: C1, A4.
#[test]
fn a_reversed_joint_limit() {
    let folder = spoiled(|robot| {
        replace(robot.join("robot.toml"), "position_min_rad = -0.95", "position_min_rad = 0.99");
    });
    refuses(folder.path(), &["position_min_rad (0.99) must be below position_max_rad (0.95)"]);
}

/// Clauses: C1.
#[test]
fn a_folder_that_cannot_be_written() {
    let output = triune(&["demo", "--fast", "--headless", "--out", "/proc/triune"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("--out"), "{said}");
}

/// Clauses: C1.
#[test]
fn a_simulator_that_is_not_there_yet() {
    let output = triune(&["demo", "--sim", "mujoco"]);
    assert_eq!(output.status.code(), Some(2));
}

/// Clauses: C1.
#[test]
fn check_explains_and_points_at_the_line() {
    let folder = spoiled(|robot| {
        replace(robot.join("robot.toml"), "period_s = 0.40", "period_s = 40.0");
    });
    let output = triune(&["check", "--json", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = &found["findings"][0]["error"];
    assert_eq!(error["key"], "gait.period_s", "{found}");
    assert!(error["line"].as_u64().is_some_and(|line| line > 50), "{found}");
    assert_eq!(triune(&["check", ROBOT]).status.code(), Some(0));
}

/// A mission that only stands up; the path of its file.
fn short_mission(folder: &Path) -> String {
    let mission = folder.join("short.toml");
    std::fs::write(
        &mission,
        "schema = \"triune.mission/1\"\nname = \"short\"\n[[step]]\nsay = \"ready\"\n\
         until = \"inhibited\"\nhold_s = 1.0\n\
         [[step]]\nsay = \"up\"\nact = \"start\"\nuntil = \"standing\"\n",
    )
    .unwrap();
    mission.to_str().unwrap().to_owned()
}

fn signal(child: &std::process::Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

fn report_of(run: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(run.join("report.json")).unwrap()).unwrap()
}

/// The process is held for a while in real time: the ticks it missed are counted, not hidden, and
/// not run late.
///
/// Clauses: C3.
#[cfg(unix)]
#[test]
fn a_stalled_loop_counts_what_it_missed() {
    let out = tempfile::tempdir().unwrap();
    let mission = short_mission(out.path());
    let run = out.path().to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_triune"))
        .args(["run", ROBOT, "--mission", &mission, "--headless", "--out", run])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().is_some(), "the run has begun");
    signal(&child, "-STOP");
    std::thread::sleep(std::time::Duration::from_millis(200));
    signal(&child, "-CONT");
    for line in lines {
        line.unwrap();
    }
    assert!(child.wait().unwrap().code().is_some());
    let report = report_of(out.path());
    let (ticks, missed) = (&report["ticks"], &report["loop"]["overruns"]);
    let (ticks, missed) = (ticks.as_u64().unwrap(), missed.as_u64().unwrap());
    assert!(missed >= 100, "{missed}");
    let due = (report["duration_s"].as_f64().unwrap() * 1000.0).round();
    assert_eq!((ticks + missed) as f64, due, "every tick was run or counted");
    assert!(report["loop"]["lateness_us"]["max"].as_f64().unwrap() > 100_000.0);
}

/// A journal on a full disk: the walk goes on, the loss is counted and shown.
///
/// Clauses: E4.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_the_journal_and_nothing_else() {
    let out = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", out.path().join("journal.mcap")).unwrap();
    let mission = short_mission(out.path());
    let run = out.path().to_str().unwrap();
    let output =
        triune(&["run", ROBOT, "--mission", &mission, "--fast", "--headless", "--out", run]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let report = report_of(out.path());
    assert!(report["journal"]["lost_write"].as_u64().unwrap() > 1000, "{}", report["journal"]);
    assert!(report["journal"]["error"].is_string());
    assert!(said.contains("LOST"), "the loss must be shown:\n{said}");
}

/// Ctrl-C in mid-walk: the robot settles, the report is written, the exit code is not zero.
///
/// Clauses: O1, S2.
#[cfg(unix)]
#[test]
fn an_interrupt_settles_the_robot_first() {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_triune"))
        .args(["demo", "--fast", "--headless", "--seed", "7", "--out", run])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for line in lines {
        if line.unwrap().contains("Shoved") {
            signal(&child, "-INT");
            break;
        }
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    let report = report_of(out.path());
    assert_eq!(report["mission"]["outcome"], "interrupted");
    assert_eq!(report["governor"]["max_level"], "stopped");
    assert_eq!(report["falls"], 0);
}
