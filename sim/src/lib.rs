//! A body made of physics, with a seed, virtual time and faults on demand.
//!
//! [`SimBody`] is a [`Body`](::body::Body): it takes vetted commands and returns sensor frames,
//! late and noisy like those of a machine. Time passes only when it is told so, and the same seed
//! with the same commands gives the same bits. [`SimTruth`] is what no robot knows of itself; it is
//! for judging a run, never for control. [`Yard`] is where the robot walks, [`Disturbance`] what
//! goes wrong.
//!
//! Physics: rapier's reduced coordinates, one step a tick, wrapped so that none of its types and
//! none of its surprises leave this crate. A step allocates and takes about 0.1 ms: it does not
//! belong on a real-time thread.
//!
//! Frames: world z up, ground at z = 0; base x forward, y left, z up.
#![forbid(unsafe_code)]

mod body;
mod fault;
mod joint_board;
mod lidar;
mod rate;
mod sensor;
#[cfg(test)]
mod tests;
mod truth;
mod world;
mod yard;

pub use crate::body::SimBody;
pub use fault::Disturbance;
pub use joint_board::{JointBoard, board_configuration};
pub use rate::step_times;
pub use truth::SimTruth;
pub use yard::{Obstacle, Outline, Stone, Yard};

/// Why a robot cannot be simulated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SimError {
    /// The engine cannot read the model file.
    #[error("the physics engine cannot read the model file: {0}")]
    Model(String),
    /// The model file has no part of that name, or the engine dropped it.
    #[error("the model file has no {kind} {name:?}")]
    Missing {
        /// What kind of part.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The robot's limits are none.
    #[error("the limits of the robot file cannot be used: {0}")]
    Limits(String),
    /// The board of the joints refuses what it is told.
    #[error("the board of the joints refuses its configuration: {0}; see [board] and [joints]")]
    Board(String),
    /// Only hinges have a simulated drive.
    #[error("joint {joint:?} is not a hinge; only hinges can be simulated")]
    NotAHinge {
        /// The joint.
        joint: String,
    },
    /// The settled posture lies beyond a mechanical stop; the physics would throw the robot.
    #[error(
        "joint {joint:?} starts at {q:.4} rad, outside its stops {low:.4} to {high:.4} rad: \
         correct the posture `settled` or the range in the model file"
    )]
    StartOutsideStops {
        /// The joint.
        joint: String,
        /// Where it starts, rad.
        q: f64,
        /// Lower stop, rad.
        low: f64,
        /// Upper stop, rad.
        high: f64,
    },
}
