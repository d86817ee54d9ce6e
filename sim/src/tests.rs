//! The body against recorded references, conservation laws and its own promises.

mod disturbances;
mod fixed_base;
mod free_flight;
mod lidar;
mod promises;
mod quirks;
mod robustness;
mod sensing;
mod standing;

use core::ops::Range;
use core::time::Duration;
use std::path::Path;

use model::Robot;
use signals::{BodyCommand, Cycle, Instant, JointCommand, Joints, SensorFrame};

use crate::{SimBody, Yard};
use ::body::Body as _;

const TICK: Duration = Duration::from_millis(1);

fn quadruped() -> Robot {
    Robot::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped"))).unwrap()
}

/// The quadruped with sensors that neither err nor lag.
fn quadruped_with_perfect_sensors() -> Robot {
    let mut robot = quadruped();
    let sim = &mut robot.file.sim;
    (sim.encoder_noise_rad, sim.velocity_noise_rad_s) = (0.0, 0.0);
    (sim.gyro_noise_rad_s, sim.accelerometer_noise_m_s2) = (0.0, 0.0);
    (sim.lidar_noise_m, sim.sensor_delay_ticks) = (0.0, 0);
    robot
}

fn at(tick: u32) -> Instant {
    Instant::ZERO + TICK * tick
}

/// Reads the frame of cycle `tick`.
fn sense(body: &mut SimBody, tick: u32) -> SensorFrame {
    body.sense(&Cycle { number: u64::from(tick), now: at(tick), period: TICK })
}

/// Runs the cycles of `ticks` with the command that `command` makes of tick, frame and body.
fn run(
    body: &mut SimBody,
    ticks: Range<u32>,
    mut command: impl FnMut(u32, &SensorFrame, &SimBody) -> BodyCommand,
) {
    for tick in ticks {
        let frame = sense(body, tick);
        let command = command(tick, &frame, body);
        body.take(&command, u64::from(tick), at(tick));
    }
}

/// Rises, or goes on standing, over the cycles of `ticks`.
fn stand(body: &mut SimBody, robot: &Robot, ticks: Range<u32>) {
    run(body, ticks, |tick, _, _| crate::rate::rise(robot, at(tick), TICK));
}

fn digest(body: &SimBody) -> Vec<u8> {
    let mut bytes = Vec::new();
    body.digest(&mut |part| bytes.extend_from_slice(part));
    bytes
}

fn same_for_all(command: JointCommand, tick: u32) -> BodyCommand {
    BodyCommand { joints: Joints::filled(command, 12), valid_until: at(tick) + 5 * TICK }
}

fn norm<const N: usize>(vector: [f32; N]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

fn minus<const N: usize>(a: [f32; N], b: [f32; N]) -> [f32; N] {
    core::array::from_fn(|index| a[index] - b[index])
}
