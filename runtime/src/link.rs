//! The joint board of a robot: who is at the other end of a link, telling it its limits, a board
//! without hardware to try both, and the body behind it.

pub mod command;
mod reading;

use std::time::Duration;

use body::Rotor;
use body::RotorBoard;
use body::link::{BoardConfiguration, LinkBody, Wire};
use model::Robot;
use signals::{Radians, Volts};

pub use reading::BoardReport;

use crate::error::RunError;

/// A board that is powered and wired has answered by then.
const PATIENCE: Duration = Duration::from_secs(5);
/// The rotors of a board without hardware are heavier than the lightest load, as real ones are.
const INERTIA: f32 = 2.0;

/// What the joint board of `robot` is provisioned with.
///
/// # Errors
/// Limits or times that a board refuses.
pub fn configuration(robot: &Robot) -> Result<BoardConfiguration, RunError> {
    Ok(sim::board_configuration(robot)?)
}

/// The body of `robot` behind the link of this address, once its board has said that it is the one
/// that was meant. Energises nothing and clears nothing.
///
/// # Errors
/// The robot needs what no joint board measures, or there is no such board.
pub fn body(robot: &Robot, address: &str) -> Result<LinkBody, RunError> {
    if !robot.feet.is_empty() {
        return Err(RunError::Body(format!(
            "{}: this robot stands on feet, and its estimator needs an inertial unit and their \
             contacts; a joint board measures joints and supply only. Fix: run it with --body sim, \
             or use a robot with a fixed base",
            robot.origin
        )));
    }
    let wire = Wire::open(address).map_err(|error| RunError::Link(error.into()))?;
    LinkBody::connect(wire, &configuration(robot)?, PATIENCE).map_err(RunError::Link)
}

/// A board without hardware for `robot`, with its joints in the middle of their ranges. A `blank`
/// one is not provisioned yet.
///
/// # Errors
/// As [`configuration`].
pub fn rotor_board(robot: &Robot, blank: bool) -> Result<RotorBoard, RunError> {
    let configuration = configuration(robot)?;
    let rotors = robot.limits.joints.iter().map(|limits| {
        let middle = Radians(0.5 * (limits.q_min.0 + limits.q_max.0));
        Rotor::resting(INERTIA * limits.inertia_min.0, middle)
    });
    let mut board = RotorBoard::new((!blank).then_some(&configuration), rotors.collect());
    let supervision = &configuration.supervision;
    board.feed(Volts(0.5 * (supervision.voltage_min.0 + supervision.voltage_max.0)));
    Ok(board)
}
