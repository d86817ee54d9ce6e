//! `triune govern` is bit-equal to the cycle: over a run with faults and stops, and over nonsense.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use std::process::Command;
use std::time::Duration;

use body::Applied;
use rand::{Rng, SeedableRng};
use runtime::cycle::Turn;
use runtime::govern::{Session, Tap};
use runtime::robot_source::RobotSource;
use serde_json::{Value, json};
use signals::{
    BaseVelocity, BodyCommand, BodyState, Celsius, Cycle, Damping, Feet, FootReading, ImuReading,
    Instant, JointCommand, JointReading, JointState, Joints, LidarScan, Metres, MetresPerSecond,
    MetresPerSecondSquared, Mode, ModelHash, NewtonMetres, Newtons, Operator, OperatorAct,
    PersonReading, Plan, PlanRequest, Posture, Quaternion, Radians, RadiansPerSecond, Role, Ruling,
    SensorFrame, Stick, Stiffness, SupplyReading, VelocityChunk, Volts,
};

const ROBOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
const STAND: [f32; 12] = [0.0, 0.79, -1.58, 0.0, 0.79, -1.58, 0.0, 0.79, -1.58, 0.0, 0.79, -1.58];

/// What the tool answers to these lines.
fn govern(input: &[u8]) -> Vec<u8> {
    let robot = RobotSource::Builtin.robot().unwrap();
    let governor = runtime::wiring::governor(&robot).unwrap();
    let mut session = Session::new(&robot, governor, Duration::from_millis(1), false);
    let mut told = Vec::new();
    let tally = runtime::govern::govern(&mut session, input, &mut told).unwrap();
    assert_eq!((tally.errors, tally.acts), (0, 0));
    told
}

/// A mission with plans, forbidden plans, a fault, stops and refused acts.
const MISSION: &str = r#"
schema = "triune.mission/1"
name = "everything"
[[step]]
say = "ready"
until = "inhibited"
[[step]]
say = "up"
act = "start"
until = "standing"
[[step]]
say = "walk"
act = { goal = "yard" }
until = "walking"
hold_s = 1.5
[[step]]
say = "shove"
act = { push = { force_n = [0.0, 60.0, 0.0], duration_s = 0.2 } }
hold_s = 1.0
[[step]]
say = "a person takes over"
act = { take_over = { forward_m_s = 0.2, yaw_rad_s = 0.3 } }
until = "manual"
hold_s = 0.5
[[step]]
say = "and hands back"
act = "hand_back"
until = "walking"
hold_s = 0.5
[[step]]
say = "too fast"
act = { lie = "too_fast" }
hold_s = 0.5
[[step]]
say = "not a number"
act = { lie = "not_a_number" }
hold_s = 0.5
[[step]]
say = "an encoder freezes"
act = { freeze_joint = "FL_calf_joint" }
until = "stopped"
hold_s = 0.6
[[step]]
say = "reset, too early"
act = "reset"
hold_s = 0.2
[[step]]
say = "it works again"
act = { thaw_joint = "FL_calf_joint" }
hold_s = 0.2
[[step]]
say = "stop"
act = "press_stop"
hold_s = 0.2
"#;

/// Given a run and what each of its cycles was given, when the tool judges the same inputs, then
/// every ruling, every command and every record is the one of the cycle, to the last bit. And a
/// single changed bit in the inputs shows.
///
/// Clauses: E5, A1, O4.
#[test]
fn every_verdict_is_that_of_the_cycle() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("mission.toml"), MISSION).unwrap();
    let (proposals, verdicts) = (path("proposals.jsonl"), path("verdicts.jsonl"));
    let run = Command::new(env!("CARGO_BIN_EXE_triune"))
        .args(["run", ROBOT, "--mission", &path("mission.toml"), "--seed", "3"])
        .args(["--fast", "--headless", "--out", &path("run")])
        .args(["--proposals", &proposals, "--verdicts", &verdicts])
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stdout));
    let given = std::fs::read(&proposals).unwrap();
    let decided = std::fs::read(&verdicts).unwrap();
    // As anybody would do it, with the program.
    let tool = Command::new(env!("CARGO_BIN_EXE_triune"))
        .args(["govern", "--robot", ROBOT])
        .stdin(std::fs::File::open(&proposals).unwrap())
        .output()
        .unwrap();
    assert_eq!(tool.status.code(), Some(0));
    let told = tool.stdout;
    let pairs = told.split(|b| *b == b'\n').zip(decided.split(|b| *b == b'\n'));
    for (ours, cycles) in pairs {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(text(ours), text(cycles));
    }
    assert_eq!(told.len(), decided.len());

    // The comparison covers what it should, and is able to fail.
    let text = String::from_utf8(decided.clone()).unwrap();
    for word in
        ["\"walk\"", "LIDAR-", "PLAN-FINITE", "JOINT-STALE", "STOPPED", "act_refused", "teleop"]
    {
        assert!(text.contains(word), "{word} did not happen in the run");
    }
    let mut lines: Vec<Value> = given
        .split(|b| *b == b'\n')
        .take(5001)
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let wanted = &mut lines[5000]["wanted"]["tau"][3];
    *wanted = json!(f64::from(wanted.as_f64().unwrap() as f32 * (1.0 + f32::EPSILON) + 1e-30));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let told = govern(text.as_bytes());
    let equal = told.iter().zip(&decided).take_while(|(one, two)| one == two).count();
    let whole = told[..equal].iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(whole, 5000, "the changed line is the first that differs");
}

/// How wild a stream of nonsense is.
#[derive(Clone, Copy)]
struct Mood {
    /// One number in so many is one that breaks programs; none with zero.
    odds: u32,
    /// How far readings stray from those of a robot that stands.
    stray: f32,
}

impl Mood {
    fn number(self, random: &mut impl Rng, ordinary: f32) -> f32 {
        const AWKWARD: [f32; 10] = [
            0.0,
            -0.0,
            1e-45,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            16_777_217.0,
        ];
        if self.odds > 0 && random.random_ratio(1, self.odds) {
            return AWKWARD[random.random_range(0..AWKWARD.len())];
        }
        ordinary * (random.random::<f32>() * 2.0 - 1.0)
    }

    fn readings(self, random: &mut impl Rng, now: Instant, told: &BodyCommand) -> SensorFrame {
        let mut near =
            |middle: f32, ordinary: f32| middle + self.number(random, ordinary * self.stray);
        let joints = Joints::from_fn(12, |id| {
            let q = Radians(near(STAND[id.index()], 0.2));
            let dq = RadiansPerSecond(near(0.0, 3.0));
            let tau = told.joints[id].torque(JointState { q, dq }).0;
            let tau = NewtonMetres(near(tau, 5.0));
            JointReading { q, dq, tau, temperature: Celsius(near(40.0, 70.0)), at: now }
        });
        SensorFrame {
            joints,
            imu: ImuReading {
                angular_velocity: [0; 3].map(|_| RadiansPerSecond(near(0.0, 0.5))),
                specific_force: [0.0, 0.0, 9.8].map(|g| MetresPerSecondSquared(near(g, 3.0))),
                at: now,
            },
            feet: Feet::from_fn(4, |_| FootReading { force: Newtons(near(40.0, 60.0)), at: now }),
            lidar: Some(LidarScan {
                ranges: [0; 64].map(|_| Metres(near(1.0, 9.0))),
                range_max: Metres(6.0),
                at: now,
            }),
            person: Some(PersonReading {
                distance: Metres(near(3.0, 9.0)),
                approach: Some(MetresPerSecond(near(0.0, 2.0))),
                at: now,
            }),
            supply: Some(SupplyReading {
                voltage: Volts(near(28.0, 9.0)),
                charge: near(0.9, 0.9),
                at: now,
            }),
            drives: None,
        }
    }

    fn state(self, random: &mut impl Rng, now: Instant, frame: &SensorFrame) -> BodyState {
        let mut near =
            |middle: f32, ordinary: f32| middle + self.number(random, ordinary * self.stray);
        BodyState {
            at: now,
            position: [0.0, 0.0, 0.3].map(|place| Metres(near(place, 1.0))),
            attitude: Quaternion { w: 1.0, x: near(0.0, 0.2), y: near(0.0, 0.2), z: 0.0 },
            velocity: [0; 3].map(|_| MetresPerSecond(near(0.0, 0.5))),
            angular_velocity: [0; 3].map(|_| RadiansPerSecond(near(0.0, 0.5))),
            joints: frame.joints.map(|joint| JointState { q: joint.q, dq: joint.dq }),
            contact: Feet::from_fn(4, |_| near(0.5, 0.5)),
            posture: if random.random_ratio(9, 10) { Posture::Standing } else { Posture::Settled },
            valid: true,
        }
    }

    /// A command that knows no limits, whatever the mood of the readings.
    fn wanted(self, random: &mut impl Rng, now: Instant) -> BodyCommand {
        let mut number = |ordinary: f32| self.number(random, ordinary);
        let joints = Joints::from_fn(12, |id| JointCommand {
            q: Radians(STAND[id.index()] + number(1.0)),
            dq: RadiansPerSecond(number(3.0)),
            kp: Stiffness(number(130.0)),
            kd: Damping(number(9.0)),
            tau: NewtonMetres(number(30.0)),
        });
        BodyCommand {
            joints,
            valid_until: now + Duration::from_micros(random.random_range(0..9000)),
        }
    }

    fn plan(self, random: &mut impl Rng, now: Instant, sequence: u64, epoch: u32) -> Plan {
        let velocity = BaseVelocity {
            forward: MetresPerSecond(self.number(random, 0.9)),
            left: MetresPerSecond(self.number(random, 0.4)),
            yaw: RadiansPerSecond(self.number(random, 1.5)),
        };
        let step = Duration::from_millis(random.random_range(0..200));
        let chunk = VelocityChunk::constant(velocity, step, random.random_range(0..=16));
        let hold = random.random_ratio(1, 9);
        Plan {
            sequence,
            epoch: epoch.saturating_sub(random.random_range(0..9) / 8),
            observed_at: now,
            valid_until: now + Duration::from_micros(random.random_range(0..3_000_000)),
            model: ModelHash(random.random()),
            request: if hold { PlanRequest::Hold } else { PlanRequest::Velocity(chunk) },
        }
    }
}

/// A person who presses everything there is.
fn presses(random: &mut impl Rng, now: Instant) -> Operator {
    let acts = [
        OperatorAct::Start,
        OperatorAct::Reset,
        OperatorAct::Acknowledge,
        OperatorAct::HandBack,
        OperatorAct::TakeOver,
        OperatorAct::Select(Mode::Manual),
    ];
    let stick = Stick {
        velocity: BaseVelocity { forward: MetresPerSecond(random.random()), ..BaseVelocity::ZERO },
        held: true,
        at: now,
    };
    Operator {
        stop: random.random_ratio(1, 900),
        cut: random.random_ratio(1, 9000),
        act: random.random_ratio(1, 9).then(|| acts[random.random_range(0..acts.len())]),
        role: if random.random_ratio(9, 10) { Role::Local } else { Role::Bystander },
        stick: random.random_ratio(1, 2).then_some(stick),
        supervisor: random.random_ratio(9, 10).then_some(now),
    }
}

/// Given 20,000 cycles of nonsense, tame and wild, with every kind of number a float can be, a
/// governor that is asked directly and the tool decide the same, to the last bit.
///
/// Clauses: E5, A2, O4.
#[test]
fn nonsense_is_judged_as_in_the_cycle() {
    let moods = [(0, 0.02), (20_000, 0.02), (2_000, 0.02), (4_000, 0.2), (400, 1.0)];
    let (mut levels, mut modes) = ([0; 10], [0; 8]);
    for (seed, (odds, stray)) in moods.into_iter().enumerate() {
        let told = both_ways(seed as u64, Mood { odds, stray });
        for ruling in told {
            levels[ruling.level as usize] += 1;
            modes[ruling.mode as usize] += 1;
        }
    }
    let visited = |counts: &[u32]| counts.iter().filter(|count| **count > 10).count();
    assert!(visited(&levels) >= 6 && visited(&modes) >= 3, "{levels:?} {modes:?}");
}

/// 4,000 cycles of this mood, judged by a governor and by the tool; the rulings of both.
fn both_ways(seed: u64, mood: Mood) -> Vec<Ruling> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (proposals, verdicts) = (path("proposals.jsonl"), path("verdicts.jsonl"));
    let robot = RobotSource::Builtin.robot().unwrap();
    let mut governor = runtime::wiring::governor(&robot).unwrap();
    let mut tap = Tap::open(&robot, Some(&proposals), Some(&verdicts)).unwrap();
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (random, mut rulings, mut plan) = (&mut random, Vec::new(), None);
    let limp = Joints::filled(JointCommand::LIMP, 12);
    let mut vetted = BodyCommand { joints: limp, valid_until: Instant::ZERO };
    for number in 0..4_000 {
        let now = Instant::from_nanos(number * 1_000_003);
        let cycle = Cycle { number, now, period: Duration::from_millis(1) };
        let frame = mood.readings(random, now, &vetted);
        let state = mood.state(random, now, &frame);
        let wanted = mood.wanted(random, now);
        if number % 50 == 0 {
            let epoch = governor.ruling().epoch;
            let some = random.random_ratio(9, 10);
            plan = some.then(|| mood.plan(random, now, number, epoch));
        }
        let operator = presses(random, now);
        let ruling = governor.rule(&cycle, &frame, &state, plan.as_ref(), &operator);
        vetted = *governor.vet(&cycle, &state, wanted);
        while let Some(record) = governor.next_record() {
            tap.hear(&record);
        }
        rulings.push(ruling);
        let applied = Applied::Confirmed;
        let turn = Turn { frame, state, ruling, wanted, vetted, applied };
        tap.turn(&cycle, plan.as_ref(), &operator, &turn);
    }
    tap.close().unwrap();
    let told = govern(&std::fs::read(&proposals).unwrap());
    let decided = std::fs::read(&verdicts).unwrap();
    let same = told.iter().zip(&decided).take_while(|(one, two)| one == two).count();
    let around = |bytes: &[u8]| {
        let part = &bytes[same.saturating_sub(300)..(same + 300).min(bytes.len())];
        String::from_utf8_lossy(part).into_owned()
    };
    assert!(told == decided, "the tool:\n{}\nthe cycle:\n{}", around(&told), around(&decided));
    rulings
}
