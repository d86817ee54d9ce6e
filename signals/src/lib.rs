//! The words every layer speaks.
//!
//! Units, time, joints, sensor frame, state, plan, ruling and command: plain `Copy` values of fixed
//! size that cross every boundary of the system, from the planner to the microcontroller. This
//! crate computes nothing about a robot and decides nothing; it only says what the words mean.
//!
//! Terms: a *plan* is what the brain asks for; a *ruling* is what the governor permits; a *command*
//! is what the cerebellum wants of the joints; only a vetted command (crate `governor`) reaches a
//! body.
//!
//! Frames: world z up; base x forward, y left, z up. Quaternions are Hamilton, `w x y z`, and turn
//! base coordinates into world coordinates.
#![no_std]
#![forbid(unsafe_code)]

mod array;
mod command;
mod drive;
mod joint;
mod limits;
mod operator;
mod plan;
mod ruling;
mod sensor;
mod state;
mod time;
mod units;

pub use command::{BodyCommand, JointCommand};
pub use drive::{DriveFault, DriveReading, FaultCode, Lifecycle};
pub use joint::{FEET_MAX, Feet, FootId, JOINTS_MAX, JointId, Joints};
pub use limits::{HardwareLimits, JointLimits};
pub use operator::{Operator, OperatorAct, Role, Stick};
pub use plan::{BaseVelocity, ModelHash, Plan, PlanRequest, VELOCITY_STEPS_MAX, VelocityChunk};
pub use ruling::{Authority, Level, Mode, Motion, Ruling};
pub use sensor::{
    FootReading, ImuReading, JointReading, LIDAR_BEAMS, LidarScan, PersonReading, SensorFrame,
    SupplyReading,
};
pub use state::{BodyState, JointState, Posture};
pub use time::{Cycle, Instant};
pub use units::{
    Celsius, Damping, Joules, KilogramMetresSquared, Metres, MetresPerSecond,
    MetresPerSecondSquared, NewtonMetres, NewtonMetresPerSecond, Newtons, Quaternion, Radians,
    RadiansPerSecond, RadiansPerSecondCubed, RadiansPerSecondSquared, Seconds, Stiffness, Volts,
    Watts,
};
