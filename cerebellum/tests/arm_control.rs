//! The controller of an arm: where its moves end, how fast they are, and what it does with a state
//! or a ruling that is not usual. The arm here follows every command at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed test says where")]

use std::path::Path;
use std::time::Duration;

use cerebellum::{ArmController, ArmFault};
use model::Robot;
use signals::{
    BodyCommand, BodyState, Cycle, Feet, ImuReading, Instant, JointReading, Joints, Level, Motion,
    Posture, Radians, RadiansPerSecond, Ruling, SensorFrame,
};

const PERIOD: Duration = Duration::from_millis(5);

fn robot(name: &str) -> Robot {
    Robot::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots").join(name)).unwrap()
}

/// An arm without mass or friction: each joint is where it was told to be.
struct Bench {
    arm: ArmController,
    robot: Robot,
    frame: SensorFrame,
    cycle: Cycle,
    state: BodyState,
    command: BodyCommand,
}

impl Bench {
    fn new() -> Self {
        let robot = robot("so101");
        let mut arm = ArmController::new(&robot).unwrap();
        let at = Instant::from_nanos(1_000_000_000);
        let reading = |id: signals::JointId| JointReading {
            q: Radians(robot.settled.joints[id.index()] as f32),
            at,
            ..JointReading::default()
        };
        let frame = SensorFrame {
            joints: Joints::from_fn(6, reading),
            imu: ImuReading::default(),
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: None,
            drives: None,
        };
        let cycle = Cycle { number: 0, now: at, period: PERIOD };
        let state = arm.estimate(&cycle, &frame);
        let command = arm.control(&cycle, &Ruling::default());
        Self { arm, robot, frame, cycle, state, command }
    }

    fn tick(&mut self, ruling: &Ruling) {
        self.cycle.number += 1;
        self.cycle.now = self.cycle.now + PERIOD;
        for (reading, command) in self.frame.joints.iter_mut().zip(self.command.joints.iter()) {
            reading.at = self.cycle.now;
            if command.kp.0 > 0.0 {
                (reading.q, reading.dq) = (command.q, command.dq);
            }
        }
        self.state = self.arm.estimate(&self.cycle, &self.frame);
        self.command = self.arm.control(&self.cycle, ruling);
    }

    fn goal(&self, name: &str) -> Joints<Radians> {
        let posture = &self.robot.postures[name].joints;
        Joints::from_fn(6, |id| Radians(posture[id.index()] as f32))
    }

    /// Ticks until it stands at `goal`, and the fastest it was told to be, rad/s.
    fn go(&mut self, goal: Joints<Radians>, scale: f32) -> (u32, f32) {
        let ruling = Ruling { motion: Motion::Move(goal), scale, ..Ruling::default() };
        let mut fastest = 0.0_f32;
        for tick in 1..5000_u32 {
            let before = self.command;
            self.tick(&ruling);
            let joints = self.command.joints.iter();
            fastest = joints.clone().map(|joint| joint.dq.0.abs()).fold(fastest, f32::max);
            let jumps = joints.zip(before.joints.iter()).filter(|(_, old)| old.kp.0 > 0.0);
            let jump = jumps.map(|(new, old)| (new.q - old.q).0.abs()).fold(0.0, f32::max);
            assert!(jump <= 1.2 * 0.005 + 1e-3, "a target jumps by {jump} rad");
            if self.arm_stands() {
                return (tick, fastest);
            }
        }
        unreachable!("it does not arrive");
    }

    fn arm_stands(&mut self) -> bool {
        self.arm.estimate(&self.cycle, &self.frame).posture == Posture::Standing
    }
}

#[test]
fn a_move_ends_at_the_posture_and_half_the_scale_is_half_the_speed() {
    let mut ticks = Vec::new();
    for scale in [1.0, 0.5, 0.1] {
        let mut bench = Bench::new();
        let goal = bench.goal("reach");
        let (taken, fastest) = bench.go(goal, scale);
        assert!((fastest - 1.2 * scale).abs() < 1e-3, "{scale}: {fastest} rad/s");
        for (command, angle) in bench.command.joints.iter().zip(goal.iter()) {
            assert!((command.q - *angle).0.abs() < 1e-3 && command.dq.0.abs() < 1e-3);
        }
        ticks.push(taken);
    }
    assert!(ticks[0] < ticks[1] && ticks[1] < ticks[2], "{ticks:?}");
}

#[test]
fn a_new_goal_or_scale_in_mid_move_is_taken_without_a_jump() {
    let mut bench = Bench::new();
    let (reach, ready) = (bench.goal("reach"), bench.goal("ready"));
    let ruling = |goal, scale| Ruling { motion: Motion::Move(goal), scale, ..Ruling::default() };
    (0..200).for_each(|_| bench.tick(&ruling(reach, 1.0)));
    let fast = bench.command.joints.iter().map(|joint| joint.dq.0.abs()).fold(0.0, f32::max);
    assert!(fast > 1.0, "{fast} rad/s");
    // Slower than it moves: it brakes, then goes on.
    let (_, _) = bench.go(reach, 0.3);
    let (_, fastest) = bench.go(ready, 1.0);
    assert!((fastest - 1.2).abs() < 1e-3, "{fastest} rad/s");
}

#[test]
fn to_stand_is_to_brake_and_to_stay() {
    let mut bench = Bench::new();
    let goal = bench.goal("reach");
    let moving = Ruling { motion: Motion::Move(goal), scale: 1.0, ..Ruling::default() };
    (0..200).for_each(|_| bench.tick(&moving));
    let from = bench.command.joints;
    let standing = Ruling { motion: Motion::Stand, scale: 1.0, ..Ruling::default() };
    (0..200).for_each(|_| bench.tick(&standing));
    assert!(bench.arm_stands() && bench.command.joints.iter().all(|joint| joint.dq.0 == 0.0));
    let way =
        bench.command.joints.iter().zip(from.iter()).map(|(to, from)| (to.q - from.q).0.abs());
    // 1.2 rad/s braked with 6 rad/s^2 and 40 rad/s^3: 0.21 rad.
    assert!((0.1..0.3).contains(&way.fold(0.0, f32::max)));
}

#[test]
fn a_stopped_arm_waits_where_it_is_and_goes_on_from_there() {
    let mut bench = Bench::new();
    let goal = bench.goal("reach");
    let moving = Ruling { motion: Motion::Move(goal), scale: 1.0, ..Ruling::default() };
    (0..200).for_each(|_| bench.tick(&moving));
    for (level, motion, posture) in [
        (Level::Hold, Motion::Stand, Posture::Standing),
        (Level::Settle, Motion::Settle, Posture::Settling),
        (Level::Stopped, Motion::Limp, Posture::Limp),
        (Level::Falling, Motion::Damp, Posture::Damped),
    ] {
        let ruling = Ruling { level, motion, ..Ruling::default() };
        bench.tick(&ruling);
        bench.tick(&ruling);
        let state = bench.arm.estimate(&bench.cycle, &bench.frame);
        assert_eq!(state.posture, posture);
        for (command, state) in bench.command.joints.iter().zip(state.joints.iter()) {
            assert!(command.kp.0 == 0.0 || (command.q - state.q).0.abs() < 1e-6, "{command:?}");
        }
    }
    let (_, fastest) = bench.go(goal, 1.0);
    assert!(fastest <= 1.2 + 1e-3);
    // Back where it rests, it says so.
    let settled = bench.goal("settled");
    bench.go(settled, 1.0);
    let settle = Ruling { level: Level::Settle, motion: Motion::Settle, ..Ruling::default() };
    bench.tick(&settle);
    bench.tick(&settle);
    assert_eq!(bench.state.posture, Posture::Settled);
}

#[test]
fn readings_that_are_no_numbers_keep_the_last_ones() {
    let mut bench = Bench::new();
    assert!(bench.state.valid && bench.state.is_finite());
    let ruling = Ruling { motion: Motion::Stand, scale: 1.0, ..Ruling::default() };
    bench.tick(&ruling);
    let before = bench.state.joints;
    bench.frame.joints[signals::JointId::new(2).unwrap()].q = Radians(f32::NAN);
    bench.frame.joints[signals::JointId::new(3).unwrap()].dq = RadiansPerSecond(f32::INFINITY);
    let state = bench.arm.estimate(&bench.cycle, &bench.frame);
    assert!(state.is_finite());
    assert_eq!(state.joints.as_slice(), before.as_slice());
    // Who has never been seen is not vouched for.
    let mut arm = ArmController::new(&bench.robot).unwrap();
    assert!(!arm.estimate(&bench.cycle, &bench.frame).valid);
}

#[test]
fn what_walks_is_no_arm() {
    assert!(matches!(ArmController::new(&robot("quadruped")), Err(ArmFault::Moves(_))));
    let mut robot = robot("so101");
    robot.file.arm.jerk_rad_s3 = 0.0;
    assert!(matches!(ArmController::new(&robot), Err(ArmFault::Moves(_))));
}
