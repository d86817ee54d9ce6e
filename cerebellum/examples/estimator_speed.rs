//! What a tick of the filters and of the contact detector costs with four feet on the ground:
//! `estimator_speed WHAT TICKS`, where WHAT is `invariant`, `leg_odometry` or `contact`, prints the
//! least time. Instructions are the difference of two counts, of 2000 and of 4000 ticks, by
//! `valgrind --tool=callgrind`.
#![allow(clippy::print_stdout, reason = "it is what it is for")]
#![allow(clippy::expect_used, reason = "a bench that cannot run says why")]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use cerebellum::{ContactDetector, ContactInput, Estimator, Measurement};
use model::{EstimatorFilter, Robot};
use nalgebra::{Matrix3, Vector3};

const BATCH: u32 = 50;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "invariant".into());
    let ticks: u32 = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
    let robot = Robot::load(Path::new(folder)).expect("the robot folder is there");
    let mut file = robot.file.estimator.clone();
    file.filter = match what.as_str() {
        "leg_odometry" => EstimatorFilter::LegOdometry,
        _ => EstimatorFilter::Invariant,
    };
    let mut estimator = Estimator::new(file, 4, 0.022, 0.3);
    let foot = |x: f64, y: f64| Vector3::new(x, y, -0.28);
    let zero = Vector3::zeros();
    let m = Measurement {
        dt: 1e-3,
        gyro: Vector3::new(0.01, -0.02, 0.1),
        accelerometer: Vector3::new(0.1, 0.0, 9.8),
        feet: [foot(0.2, 0.14), foot(0.2, -0.14), foot(-0.2, 0.14), foot(-0.2, -0.14)],
        feet_velocity: [zero; 4],
        feet_turning: [zero; 4],
        trust: [1.0; 4],
        resting: false,
    };
    let mut detector = ContactDetector::new(&robot);
    let joints = [0.1; 12];
    let seen = ContactInput {
        dt: 1e-3,
        q: &robot.stand.joints,
        dq: &joints,
        tau: &joints,
        rotation: Matrix3::identity(),
        linear: zero,
        spin: zero,
        height: 0.3,
        ground: [0.0; 4],
        phase: [None; 4],
        sensor: [None; 4],
    };
    let mut best = f64::INFINITY;
    for _ in 0..ticks / BATCH {
        let begin = Instant::now();
        for _ in 0..BATCH {
            if what == "contact" {
                black_box(detector.update(&robot, black_box(&seen)));
            } else {
                estimator.update(black_box(&m));
            }
        }
        best = best.min(begin.elapsed().as_secs_f64() / f64::from(BATCH));
    }
    assert!(black_box(&estimator).position().iter().all(|x| x.is_finite()));
    println!("{what}: {:.2} us a tick", best * 1e6);
}
