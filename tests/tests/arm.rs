//! The arm on virtual time: its mission, how it stops, what it may not be asked, its seeds.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use body::emulator::{EmulatedBus, EmulatedPort};
use body::{Applied, Body, Capabilities, ServoBus, Vetted};
use model::Robot;
use runtime::buses::servo_bus;
use runtime::journal::{self, Tick};
use runtime::report::{Outcome, Report};
use runtime::robot_body::RobotBody;
use runtime::robot_source::RobotSource;
use runtime::run::RunOptions;
use signals::{BodyCommand, Cycle, Instant, Level, Mode, SensorFrame};

/// A joint slower than this has stopped, rad/s: the noise of the encoders' speed is 0.02.
const STILL: f32 = 0.15;
/// What is promised for a stop in mid-move at up to 1.2 rad/s: so far, rad, and so soon, s.
const STOPS_WITHIN: (f32, f64) = (0.060, 0.150);
/// A held joint stays this near where it stopped, rad: sag under its weight, and noise.
const STAYS_WITHIN: f32 = 0.030;

fn run(seed: u64) -> (Report, tempfile::TempDir) {
    let out = tempfile::tempdir().unwrap();
    let options = RunOptions {
        robot: RobotSource::Folder(whole::root().join("robots/so101")),
        fast: true,
        headless: true,
        json: true,
        seed,
        out: Some(out.path().to_path_buf()),
        ..RunOptions::default()
    };
    (runtime::run::demo(&options).unwrap(), out)
}

/// Clauses: A2, A5, E1, M1, M2, M4, O1, O6, S2, S4.
#[test]
#[cfg_attr(debug_assertions, ignore = "a minute in debug; `tests/run demo` runs it in release")]
fn the_mission_of_the_arm_goes_as_it_says() {
    for seed in [1, 7, 23] {
        let (report, out) = run(seed);
        let failed: Vec<_> = report.mission.events.iter().filter(|event| !event.ok).collect();
        assert!(failed.is_empty(), "seed {seed}: {failed:?}");
        assert_eq!(report.mission.outcome, Outcome::Complete, "seed {seed}");
        assert_eq!((report.limit_violations, report.cycle_allocations), (0, 0), "seed {seed}");
        assert!(report.goal_reached && report.journal.is_complete(), "seed {seed}");
        let journal = journal::read(&report.journal.path).unwrap();
        for rule in ["PLAN-FINITE", "PLAN-POSTURE", "PLAN-SKILL", "PLAN-SILENT", "JOINT-BLOCKED"] {
            assert!(journal.records.iter().any(|record| record.rule == rule), "{rule}, {seed}");
        }
        stops_in_place(&journal.ticks, seed);
        rests_without_power_only_where_it_lies(&journal.ticks, seed);
        let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
        assert!(page.contains("shoulder_lift") && !page.contains("Path in the yard"));
    }
}

/// The same arm and the same configuration on serial servos: the body is all that changes. Nothing
/// blocks, nothing trips, and it arrives at every posture.
///
/// Clauses: A2, E1, M1, M4, O1, O6, S2, S4.
#[test]
#[cfg_attr(debug_assertions, ignore = "a minute in debug; `tests/run demo` runs it in release")]
fn the_first_steps_go_on_servos_as_in_the_simulator() {
    let missions = whole::root().join("robots/so101/missions");
    let options = |out: &tempfile::TempDir| RunOptions {
        robot: RobotSource::Folder(whole::root().join("robots/so101")),
        mission: Some(missions.join("first_steps.toml")),
        fast: true,
        headless: true,
        json: true,
        out: Some(out.path().to_path_buf()),
        ..RunOptions::default()
    };
    let (simulated, emulated) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let servos = |robot: &Robot| RobotBody::Motors(Box::new(Servos::of(robot)));
    for (what, report) in [
        ("simulated", runtime::run::demo(&options(&simulated)).unwrap()),
        (
            "servos",
            runtime::run::demo_on(&options(&emulated), |robot, _, _| Ok(servos(robot))).unwrap(),
        ),
    ] {
        let failed: Vec<_> = report.mission.events.iter().filter(|event| !event.ok).collect();
        assert!(failed.is_empty(), "{what}: {failed:?}");
        assert_eq!(report.mission.outcome, Outcome::Complete, "{what}");
        assert!(report.goal_reached && report.limit_violations == 0, "{what}");
        let journal = journal::read(&report.journal.path).unwrap();
        let trips = ["JOINT-BLOCKED", "JOINT-SIGN", "DRIVE-FAULT"];
        let trip = journal.records.iter().find(|record| trips.contains(&record.rule.as_str()));
        assert!(trip.is_none(), "{what}: {trip:?}");
        let most = |tick: &Tick| tick.joints.iter().map(|j| j.q.0).fold(f32::MIN, f32::max);
        let open = journal.ticks.iter().map(most).fold(f32::MIN, f32::max);
        assert!(open > 1.15, "{what}: the fingers opened to {open} rad, and 1.2 was asked");
    }
}

/// Emulated servos on virtual time: theirs passes with that of the cycles.
struct Servos {
    servos: ServoBus,
    port: EmulatedPort,
    last: Instant,
}

impl Servos {
    fn of(robot: &Robot) -> Self {
        let settings = servo_bus(robot, &robot.file.bus[0]).unwrap();
        let port = EmulatedPort::new(EmulatedBus::of(&settings, &robot.limits));
        let servos = ServoBus::connect(Box::new(port.clone()), settings, &robot.limits).unwrap();
        Self { servos, port, last: Instant::ZERO }
    }
}

impl Body for Servos {
    fn sense(&mut self, cycle: &Cycle) -> SensorFrame {
        self.port.bus().advance(cycle.now.since(self.last));
        self.last = cycle.now;
        self.servos.sense(cycle)
    }

    fn apply(&mut self, command: Vetted<'_, BodyCommand>) -> Applied {
        self.servos.apply(command)
    }

    fn clear(&mut self, fault: u16) {
        self.servos.clear(fault);
    }

    fn capabilities(&self) -> Capabilities {
        self.servos.capabilities()
    }
}

/// From the first tick of each stop the joints come to rest soon and near, and stay there for as
/// long as the stop lasts.
fn stops_in_place(ticks: &[Tick], seed: u64) {
    let is_stop = |tick: &Tick| tick.level >= Level::Hold;
    let mut stops = 0;
    for (at, pair) in ticks.windows(2).enumerate() {
        if is_stop(&pair[0]) || !is_stop(&pair[1]) {
            continue;
        }
        let stop: Vec<_> = ticks[at + 1..].iter().take_while(|tick| is_stop(tick)).collect();
        let began = stop[0];
        let moving = began.joints.iter().any(|joint| joint.dq.0.abs() > 0.5);
        stops += usize::from(moving && began.level == Level::Settle);
        let rest = stop.iter().find(|tick| tick.joints.iter().all(|j| j.dq.0.abs() < STILL));
        let rest = rest.expect("it comes to rest");
        let soon = rest.at.since(began.at).as_secs_f64();
        let way = furthest(began, rest);
        assert!(
            way <= STOPS_WITHIN.0 && soon <= STOPS_WITHIN.1,
            "seed {seed}: {way} rad, {soon} s"
        );
        let stays = stop.iter().filter(|tick| tick.at >= rest.at);
        let stays = stays.map(|tick| furthest(rest, tick)).fold(0.0, f32::max);
        // At its end the arm lies down, which the next test judges.
        let lies = stop.iter().any(|tick| tick.posture == signals::Posture::Limp);
        assert!(lies || stays <= STAYS_WITHIN, "seed {seed}: moved on by {stays} rad");
    }
    assert!(stops >= 1, "seed {seed}: no stop in mid-move");
}

fn furthest(one: &Tick, other: &Tick) -> f32 {
    let pairs = one.joints.iter().zip(other.joints.iter());
    pairs.map(|(a, b)| (a.q - b.q).0.abs()).fold(0.0, f32::max)
}

/// After the first start there is a torque in every tick, until the arm lies in its settled
/// posture; the start of a run is as limp as its end.
fn rests_without_power_only_where_it_lies(ticks: &[Tick], seed: u64) {
    let started = ticks.iter().position(|tick| tick.mode == Mode::Auto).unwrap();
    let limp = |tick: &Tick| tick.joints.iter().all(|joint| joint.vetted_tau.0 == 0.0);
    assert!(ticks[..started].iter().all(limp), "seed {seed}: torque before a start");
    let robot = Robot::load(&whole::root().join("robots/so101")).unwrap();
    let let_go = ticks[started..].iter().find(|tick| limp(tick)).expect("it ends without torque");
    for (joint, settled) in let_go.joints.iter().zip(&robot.settled.joints) {
        let off = (f64::from(joint.q.0) - settled).abs();
        assert!(off < 0.1, "seed {seed}: let go {off} rad from where it lies, at {:?}", let_go.at);
    }
}

/// Clauses: E5.
#[test]
#[cfg_attr(debug_assertions, ignore = "a minute in debug; `tests/run demo` runs it in release")]
fn a_seed_is_a_run_of_the_arm() {
    let [(first, _a), (again, _b), (other, _c)] = [run(3), run(3), run(4)];
    assert_eq!(first.state_hash, again.state_hash);
    assert_eq!((first.ticks, &first.governor), (again.ticks, &again.governor));
    assert_ne!(first.state_hash, other.state_hash);
}

/// A file for another kind of body is refused with what is missing or superfluous.
///
/// Clauses: C1.
#[test]
fn a_file_needs_what_its_body_needs() {
    let folder = whole::root().join("robots/so101");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (toml, xml) = (read("robot.toml"), read("so101.xml"));
    let refused = |toml: &str, xml: &str| {
        let beside = |_: &str| Ok(xml.to_owned());
        model::Robot::parse("robot.toml", toml, beside).unwrap_err().to_string()
    };
    assert!(model::Robot::parse("robot.toml", &toml, |_| Ok(xml.clone())).is_ok());
    let (arm, script) = (section(&toml, "[arm]"), section(&toml, "[brain.script]"));
    let feet = format!("{toml}\n[[feet]]\nname = \"FL\"\ngeom = \"FL_foot\"\n");
    let free = xml.replacen(
        "<inertial pos=\"0 0 0.025\"",
        "<freejoint/>\n      <inertial pos=\"0 0 0.025\"",
        1,
    );
    for (toml, xml, words) in [
        (toml.replace(&arm, ""), &xml, "it needs \"arm\""),
        (toml.replace(&script, ""), &xml, "it needs \"brain.script\""),
        (feet, &xml, "nothing reads \"feet\""),
        (toml.clone(), &free, "a body with a free base walks: it needs \"feet\""),
        (toml.replace("\"carry\", ", "\"karry\", "), &xml, "\"karry\" is not one of the postures"),
        (toml.replace("jerk_rad_s3 = 40.0", "jerk_rad_s3 = -1.0"), &xml, "must lie between"),
    ] {
        let error = refused(&toml, xml);
        assert!(error.contains(words), "{words}: {error}");
    }
}

/// The text of one table, from its head to the next.
fn section(toml: &str, head: &str) -> String {
    let from = toml.find(head).unwrap();
    let rest = &toml[from + head.len()..];
    let to = rest.find("\n[").map_or(rest.len(), |to| to + 1);
    format!("{head}{}", &rest[..to])
}
