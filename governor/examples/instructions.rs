//! Counts the instructions of one tick of the governor, `rule` and `vet` together, for 12 joints.
//!
//! `cargo run --release -p triune-governor --example instructions` runs each story under valgrind's
//! callgrind and prints its table. The stories, which `instructions STORY TICKS` plays alone:
//!
//! - *quiet*: a robot that walks, with a plan at 20 Hz. Nothing is changed.
//! - *worst*: every joint at its limits under commands that break every limit, every beam near, a
//!   new plan in every tick, and an estimate that is not the reading.
//! - *corpus*: at random what the property tests throw at it: numbers ordinary, extreme and none,
//!   joints out of sight, late estimates, plans of all kinds, and somebody who starts it again.

#![allow(clippy::print_stdout, reason = "it is what it is for")]

use core::hint::black_box;
use core::time::Duration;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use governor::{Envelope, Governor, LidarRule, Profile};
use signals::*;

const JOINTS: usize = 12;
const TICK: Duration = Duration::from_millis(1);
/// Ticks of each story, and how many of them are left out: the start.
const TICKS: u64 = 3000;
const START: usize = 400;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(story) = arguments.next() else { return measure() };
    let ticks = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(TICKS);
    play(&story, ticks);
    ExitCode::SUCCESS
}

/// Plays the stories under callgrind, which leaves one file a tick.
fn measure() -> ExitCode {
    println!("instructions a tick, rule and vet, {JOINTS} joints:");
    println!("{:8} {:>8} {:>8} {:>8} {:>8}", "story", "mean", "99 %", "99.9 %", "most");
    for story in ["quiet", "worst", "corpus"] {
        let folder = std::env::temp_dir().join(format!("triune-instructions-{story}"));
        let counts = count(story, &folder);
        let _ = std::fs::remove_dir_all(&folder);
        let mut counts = match counts {
            Ok(counts) if !counts.is_empty() => counts,
            Ok(_) => {
                println!("{story}: valgrind counted nothing; is this a release build?");
                return ExitCode::FAILURE;
            }
            Err(error) => {
                println!("cannot run valgrind: {error}; on Debian: apt-get install valgrind");
                return ExitCode::FAILURE;
            }
        };
        counts.sort_unstable();
        let at = |part: usize| counts.get(counts.len() * part / 1000).copied().unwrap_or_default();
        let mean = counts.iter().sum::<u64>() / counts.len() as u64;
        let most = counts.last().copied().unwrap_or_default();
        println!("{story:8} {mean:8} {:8} {:8} {most:8}", at(990), at(999));
    }
    ExitCode::SUCCESS
}

fn count(story: &str, folder: &Path) -> io::Result<Vec<u64>> {
    std::fs::create_dir_all(folder)?;
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no"])
        .arg("--toggle-collect=governor::governor::Governor::rule")
        .arg("--toggle-collect=governor::governor::guard::*vet")
        .arg("--dump-before=instructions::counted")
        .arg(format!("--callgrind-out-file={}", folder.join("tick").display()))
        .arg(std::env::current_exe()?)
        .args([story, &TICKS.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("it ended with {status}")));
    }
    let total = |tick: usize| {
        let text = std::fs::read_to_string(folder.join(format!("tick.{tick}"))).ok()?;
        text.lines().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
    };
    Ok((START..).map_while(total).collect())
}

fn play(story: &str, ticks: u64) {
    let Ok(envelope) = Envelope::new(&hardware()) else { return };
    let mut governor = Governor::new(envelope, profile());
    let (mut robot, mut chance) = (Robot::new(), Chance(0x9E37_79B9_7F4A_7C15));
    let (mut last, mut moving) = (Ruling::default(), 0);
    for number in 0..ticks {
        let now = Instant::from_nanos(1_000_000_000 + number * 1_000_000);
        let cycle = Cycle { number, now, period: TICK };
        robot.step(number, now, story == "worst");
        robot.plan.epoch = last.epoch;
        if story == "corpus" && number > 100 {
            robot.disturb(number, now, &last, &mut chance);
        }
        last = counted(&mut governor, &cycle, &robot);
        moving += u32::from(last.motion != Motion::Limp);
        while let Some(record) = governor.next_record() {
            black_box(&record);
        }
    }
    println!("{story}: {ticks} ticks, in {moving} of them not limp");
}

/// Numbers at random, the same ones in every run (xorshift64*).
struct Chance(u64);

impl Chance {
    fn one_in(&mut self, many: u64) -> bool {
        self.next().is_multiple_of(many)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// Of -1 to 1.
    fn part(&mut self) -> f32 {
        (self.next() & 0xFFFF) as f32 / 32_767.5 - 1.0
    }

    /// As it comes from broken code: mostly within `most`, else extreme, or no number at all.
    fn number(&mut self, most: f32) -> f32 {
        match self.next() % 12 {
            0 => 1e20 * self.part(),
            1 => *[f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE]
                .get((self.next() % 4) as usize)
                .unwrap_or(&0.0),
            2 | 3 => 5.0 * most * self.part(),
            _ => most * self.part(),
        }
    }
}

/// What is counted: one tick of the governor.
#[inline(never)]
fn counted(governor: &mut Governor, cycle: &Cycle, robot: &Robot) -> Ruling {
    let Robot { frame, state, plan, operator, wanted } = robot;
    let ruling = governor.rule(cycle, frame, state, Some(plan), operator);
    black_box(&*governor.vet(cycle, state, *wanted));
    ruling
}

struct Robot {
    frame: SensorFrame,
    state: BodyState,
    plan: Plan,
    operator: Operator,
    wanted: BodyCommand,
}

impl Robot {
    fn new() -> Self {
        let lidar = LidarScan {
            ranges: [Metres(4.0); LIDAR_BEAMS],
            range_max: Metres(8.0),
            at: Instant::ZERO,
        };
        let velocity = BaseVelocity { forward: MetresPerSecond(0.4), ..BaseVelocity::ZERO };
        let chunk = VelocityChunk {
            step: Duration::from_millis(100),
            len: VELOCITY_STEPS_MAX,
            velocities: [velocity; VELOCITY_STEPS_MAX],
        };
        let held = JointCommand {
            kp: Stiffness(20.0),
            kd: Damping(0.5),
            tau: NewtonMetres(1.0),
            ..JointCommand::LIMP
        };
        Self {
            frame: SensorFrame {
                joints: Joints::filled(JointReading::default(), JOINTS),
                imu: ImuReading::default(),
                feet: Feet::filled(FootReading::default(), 4),
                lidar: Some(lidar),
                person: None,
                supply: None,
                drives: None,
            },
            state: BodyState {
                at: Instant::ZERO,
                position: [Metres(0.0); 3],
                attitude: Quaternion::IDENTITY,
                velocity: [MetresPerSecond(0.0); 3],
                angular_velocity: [RadiansPerSecond(0.0); 3],
                joints: Joints::filled(JointState::default(), JOINTS),
                contact: Feet::filled(1.0, 4),
                posture: Posture::Limp,
                valid: true,
            },
            plan: Plan {
                sequence: 0,
                observed_at: Instant::ZERO,
                valid_until: Instant::ZERO,
                epoch: 0,
                model: ModelHash::default(),
                request: PlanRequest::Velocity(chunk),
            },
            operator: Operator::local(None),
            wanted: BodyCommand {
                joints: Joints::filled(held, JOINTS),
                valid_until: Instant::ZERO,
            },
        }
    }

    /// A walking robot; in the worst story every joint is limited and every beam is near.
    fn step(&mut self, number: u64, now: Instant, worst: bool) {
        self.operator.act = (number == 60).then_some(OperatorAct::Start);
        let hard = worst && number > 200;
        let wiggle = if number.is_multiple_of(2) { 0.01 } else { -0.01 };
        for joint in self.frame.joints.ids() {
            // In the worst story it gets there as fast as a joint can.
            let ramp = if worst { number.clamp(100, 200) as f32 * 0.007 - 0.7 } else { 0.0 };
            let dq = if hard { 8.0 + wiggle } else { wiggle };
            let q = 0.1 + ramp + 0.01 * wiggle;
            let (q, dq) = (Radians(q), RadiansPerSecond(dq));
            self.frame.joints[joint] = JointReading { q, dq, at: now, ..JointReading::default() };
            // The worst estimate differs from the reading, so that both are judged.
            let off = if hard { Radians(0.01) } else { Radians(0.0) };
            self.state.joints[joint] = JointState { q: q + off, dq };
        }
        if number > 60 {
            self.state.posture = Posture::Walking;
        }
        self.frame.imu.at = now;
        self.frame.imu.angular_velocity = [RadiansPerSecond(wiggle); 3];
        self.state.at = now;
        self.wanted.valid_until = now + Duration::from_millis(5);
        if let Some(lidar) = &mut self.frame.lidar {
            lidar.at = now;
            if hard {
                for (beam, range) in lidar.ranges.iter_mut().enumerate() {
                    *range = Metres(0.50 - 0.01 * LidarScan::angle(beam).0.abs());
                }
            }
        }
        if hard {
            for command in self.wanted.joints.iter_mut() {
                command.q = Radians(9.0);
                command.dq = RadiansPerSecond(99.0);
                command.kp = Stiffness(1e3);
                command.kd = Damping(1e3);
                command.tau = NewtonMetres(1e3);
            }
        }
        // A new plan at 20 Hz, as from a planner; in the worst story one in every tick.
        if number > 60 && (hard || number.is_multiple_of(50)) {
            self.plan.sequence = number;
            self.plan.observed_at = now;
            self.plan.valid_until = now + Duration::from_millis(500);
        }
    }
}

impl Robot {
    /// What the property tests throw at the governor, on top of a robot that walks.
    fn disturb(&mut self, number: u64, now: Instant, last: &Ruling, chance: &mut Chance) {
        // For a while each, so that something can come of it.
        let phase = number / 50 % 4;
        for joint in self.frame.joints.ids() {
            let reading = &mut self.frame.joints[joint];
            reading.q = Radians(reading.q.0 + 0.002 * chance.part());
            reading.dq = RadiansPerSecond(3.0 * phase as f32 * chance.part());
            if chance.one_in(40) {
                reading.at = Instant::from_nanos(now.as_nanos() - chance.next() % 30_000_000);
            }
            if chance.one_in(400) {
                reading.q = Radians(chance.number(1.0));
            }
            let off = 0.02 * chance.part();
            self.state.joints[joint] = JointState { q: Radians(reading.q.0 + off), dq: reading.dq };
            let wild = phase > 1;
            let command = &mut self.wanted.joints[joint];
            let gentle = chance.one_in(3);
            let mut number =
                |most: f32| if wild { chance.number(most) } else { most * chance.part() };
            if !gentle {
                *command = JointCommand {
                    q: Radians(number(1.2)),
                    dq: RadiansPerSecond(number(20.0)),
                    kp: Stiffness(number(100.0).abs()),
                    kd: Damping(number(5.0).abs()),
                    tau: NewtonMetres(number(20.0)),
                };
            }
            // One number that is none refuses the whole command.
            if !command.is_finite() && !chance.one_in(100) {
                *command = JointCommand { kp: Stiffness(500.0), ..JointCommand::LIMP };
            }
        }
        if let PlanRequest::Velocity(chunk) = &mut self.plan.request {
            for velocity in &mut chunk.velocities {
                velocity.forward = MetresPerSecond(chance.part());
                velocity.left = MetresPerSecond(chance.part());
                velocity.yaw = RadiansPerSecond(chance.part());
            }
        }
        if chance.one_in(20) {
            self.plan.sequence = number;
            self.plan.observed_at = now;
            self.plan.valid_until = now + Duration::from_millis(chance.next() % 600);
        }
        self.operator.stop = chance.one_in(500);
        self.state.posture =
            if last.level > Level::Hold { Posture::Settled } else { Posture::Walking };
        self.operator.act = match (last.motion, chance.next() % 8) {
            (Motion::Limp, 0) => Some(OperatorAct::Reset),
            (Motion::Limp, 1) => Some(OperatorAct::Start),
            (_, 2) => Some(OperatorAct::Acknowledge),
            _ => None,
        };
    }
}

fn hardware() -> HardwareLimits {
    let limits = JointLimits {
        q_min: Radians(-1.0),
        q_max: Radians(1.0),
        dq_max: RadiansPerSecond(20.0),
        tau_max: NewtonMetres(20.0),
        corner_speed: RadiansPerSecond(10.0),
        no_load_speed: RadiansPerSecond(30.0),
        braking: RadiansPerSecondSquared(100.0),
        kp_max: Stiffness(100.0),
        kd_max: Damping(5.0),
        inertia_min: KilogramMetresSquared(0.05),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(20_000.0),
        torque_continuous: NewtonMetres(20.0),
        thermal_time: Seconds(60.0),
    };
    HardwareLimits { joints: Joints::filled(limits, JOINTS), emergency_damping: Damping(2.0) }
}

fn profile() -> Profile {
    Profile {
        lidar: Some(LidarRule {
            radius: Metres(0.3),
            margin: Metres(0.1),
            braking: MetresPerSecondSquared(1.0),
            reaction: Duration::from_millis(100),
            age_max: Duration::from_millis(300),
        }),
        ..Profile::default()
    }
}
