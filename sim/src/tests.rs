//! The body against recorded references, conservation laws and its own promises.

mod free_flight;
mod standing;

use core::time::Duration;
use std::path::Path;

use model::Robot;
use signals::{BodyCommand, Cycle, Instant, JointCommand, Joints, SensorFrame};

use crate::{SimBody, Yard};
use ::body::Body as _;

pub(crate) const TICK: Duration = Duration::from_millis(1);

pub(crate) fn quadruped() -> Robot {
    Robot::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped"))).unwrap()
}

pub(crate) fn at(tick: u32) -> Instant {
    Instant::ZERO + TICK * tick
}

/// Reads the frame of cycle `tick`.
pub(crate) fn sense(body: &mut SimBody, tick: u32) -> SensorFrame {
    body.sense(&Cycle { number: u64::from(tick), now: at(tick), period: TICK })
}

/// Runs cycles `from..to` with the command that `command` makes of tick and frame.
pub(crate) fn run(
    body: &mut SimBody,
    ticks: core::ops::Range<u32>,
    mut command: impl FnMut(u32, &SensorFrame, &SimBody) -> BodyCommand,
) {
    for tick in ticks {
        let frame = sense(body, tick);
        let command = command(tick, &frame, body);
        body.take(&command, at(tick));
    }
}

/// The robot on open ground, risen and standing, and the tick it has got to.
pub(crate) fn standing(robot: &Robot, seed: u64) -> (SimBody, u32) {
    let mut body = SimBody::new(robot, &Yard::empty(), seed).unwrap();
    let ticks = 3500;
    run(&mut body, 0..ticks, |tick, _, _| crate::rate::rise(robot, at(tick), TICK));
    (body, ticks)
}

pub(crate) fn digest(body: &SimBody) -> Vec<u8> {
    let mut bytes = Vec::new();
    body.digest(&mut |part| bytes.extend_from_slice(part));
    bytes
}

pub(crate) fn same_for_all(command: JointCommand, tick: u32) -> BodyCommand {
    BodyCommand { joints: Joints::filled(command, 12), valid_until: at(tick) + 5 * TICK }
}
