//! The network plane: topics on other processes and machines, through zenoh.
//!
//! - [`layout`] and [`topic`] say what is sent: fixed payloads with a published schema, under keys
//!   `triune/<robot>/<layer>/<topic>`. [`samples`] are those of Triune itself.
//! - [`gateway`] is a process's one door; [`settings`] say where it opens, [`access`] who may do
//!   what, and [`probe`] tries at the start whether that holds.
//! - [`bulk`] is for what is large. [`counts`] and [`rate`]: every loss has a number, every topic a
//!   bound.
//!
//! What it must never do: be called from the control cycle; listen beyond this machine or look for
//! others without being told to; lose a sample that nobody counts.

pub mod access;
pub mod bulk;
pub mod counts;
pub mod error;
pub mod gateway;
pub mod layout;
pub mod probe;
pub mod rate;
pub mod router;
pub mod samples;
pub mod settings;
pub mod topic;

pub use access::Role;
pub use error::NetworkError;
pub use settings::{Part, Settings};
