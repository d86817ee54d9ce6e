//! What every joint board does, without the board: pure logic that runs on a microcontroller, in an
//! emulator, and inside the simulator, the same bits in each.
//!
//! A [`Device`] takes [frames](frame) from its link and answers them; in every tick it looks at its
//! joints, decides how far it is from giving torque, and says what torque each joint gets. A
//! [`Host`] is the other end.
//!
//! Terms: a *board* drives some joints and is one node of the *joint bus*; a *session* is what a
//! host opens with a hello and what ends with the board or the host; a board is *provisioned* with
//! its limits once and keeps them; it is *armed* when its torque gate is open.
//!
//! What this crate must never do: touch hardware, allocate, wait, panic, give torque because of
//! anything but an armed session's fresh command, or let a limit be widened while it runs.
#![no_std]
#![forbid(unsafe_code)]

pub mod clock;
mod configuration;
mod counters;
mod cyclic;
mod device;
mod fault;
pub mod frame;
mod host;
mod limit;
pub mod message;
mod reset;
pub mod stream;
mod watchdog;

pub use configuration::{
    Configuration, ConfigurationError, LIMIT_NUMBERS, Supervision, WatchdogTimes, limits, numbers,
};
pub use counters::Counters;
pub use cyclic::{Command, Heartbeat, JointReport, State};
pub use device::{Birth, Device, Inputs, Measured, Outputs};
pub use host::{Acquaintance, Host, LinkCounters, Mismatch};
pub use limit::LimitReason;
pub use message::{Identity, Refusal, Reply, Request, Settings};
pub use reset::{ResetCause, ResetLog, STORM, STORM_MS};
