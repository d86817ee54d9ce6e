//! Motors on CAN buses, held against emulated ones: what every body must do, and what their bytes
//! do behind each kind of adapter.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub, reason = "a test")]

mod conformity;
mod over_pty;
mod rig;
