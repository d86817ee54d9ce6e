//! Serial servos, held against emulated ones: what connecting does, what is refused, what a lost
//! answer and a broken servo lead to, and what every body must do.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "parts of one test")]

mod conformity;
mod faults;
mod first_look;
mod goals;
mod over_pty;
mod rig;
