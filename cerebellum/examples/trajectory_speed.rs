//! How long the trajectories of a file take to plan and to follow: `trajectory_speed FILE` prints a
//! line of JSON.
//!
//! `tests/benches/trajectories.py` writes the file and runs this beside its peer. The file holds
//! one motion after the other: its joints as `u64`, then for each joint start (position, velocity,
//! acceleration), target (position, velocity) and limits (velocity, acceleration, jerk) as `f64`,
//! all little-endian. A plan holds the stop that is computed before it and all checks after it.
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use cerebellum::{JointMotion, JointTrajectory, MotionLimits, Target};

const BATCHES: usize = 60;
const CALLS: usize = 50;
const TICKS: u32 = 1_000;

#[derive(Default)]
struct Case {
    start: Vec<JointMotion>,
    position: Vec<f64>,
    velocity: Vec<f64>,
    limits: Vec<MotionLimits>,
}

/// Takes a motion off the front of the file.
fn case(bytes: &mut &[u8]) -> Option<Case> {
    let mut eight = || {
        let (first, rest) = bytes.split_first_chunk::<8>()?;
        *bytes = rest;
        Some(*first)
    };
    let joints = u64::from_le_bytes(eight()?);
    let mut number = || eight().map(f64::from_le_bytes);
    let mut case = Case::default();
    for _ in 0..joints {
        let (position, velocity, acceleration) = (number()?, number()?, number()?);
        case.start.push(JointMotion { position, velocity, acceleration });
        case.position.push(number()?);
        case.velocity.push(number()?);
        let (velocity, acceleration, jerk) = (number()?, number()?, number()?);
        case.limits.push(MotionLimits { velocity, acceleration, jerk });
    }
    Some(case)
}

/// Least time of a call, us.
fn least(calls: usize, mut call: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..BATCHES {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        least = least.min(start.elapsed().as_secs_f64() * 1e6 / calls as f64);
    }
    least
}

fn main() -> ExitCode {
    let Some(bytes) = std::env::args().nth(1).and_then(|file| std::fs::read(file).ok()) else {
        eprintln!("usage: trajectory_speed FILE");
        return ExitCode::from(2);
    };
    let mut bytes = bytes.as_slice();
    let (mut plans, mut ticks, mut durations) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(Case { start, position, velocity, limits }) = case(&mut bytes) {
        let built = JointTrajectory::new(&limits, &position);
        let placed = built.and_then(|mut joints| joints.place(&start).map(|()| joints));
        let target = Target::Position(&position, &velocity);
        let aimed = placed.and_then(|mut joints| Ok((joints.aim(target)?, joints)));
        let Ok((duration, mut joints)) = aimed else {
            eprintln!("a motion was not planned: {:?}", aimed.err());
            return ExitCode::FAILURE;
        };
        plans.push(least(CALLS, || {
            let _ = black_box(joints.aim(black_box(target)));
        }));
        durations.push(duration);
        let dt = duration / f64::from(TICKS);
        let start = Instant::now();
        for _ in 0..TICKS {
            black_box(joints.advance(black_box(dt)));
        }
        ticks.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(TICKS));
    }
    println!("{{\"plan\": {plans:?}, \"tick\": {ticks:?}, \"duration\": {durations:?}}}");
    ExitCode::SUCCESS
}
