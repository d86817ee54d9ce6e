//! Carries samples between threads.
//!
//! The loop plane of the bus: hand-over inside one process, wait-free on both sides, so that the
//! control cycle never waits for a slower thread and a slower thread never holds up the cycle.
//!
//! - [`latest()`] is for values of which only the newest counts: a plan, an estimate, the state
//!   that a screen shows. A new value replaces the old one, read or not.
//! - [`queue()`] is for streams of which every element counts: journal records, operator acts. It
//!   is bounded; what does not fit is dropped and counted.
//!
//! What it must never do: allocate, lock, wait or call the system after a channel has been made;
//! lose a value without counting it; show one end a value that the other end is still writing. It
//! knows nothing about what it carries: time stamp and validity belong to the value, and the reader
//! judges its age.
//!
//! Terms: a *hand-over* is one value written at one end and read at the other; a value is
//! *overwritten* when a newer one replaced it unread; it is *dropped* when the queue had no room
//! for it.
//!
//! The module `network` (a feature, on by default) is the network plane: the same topics on other
//! processes and machines. It stands beside the loop plane and is never called from it.
//!
//! All `unsafe` of the loop plane is in the modules `latest` and `queue`. Both take their atomics
//! from the module `sync`, so that loom runs the same code through every interleaving
//! (`tests/loom.rs`).
#![cfg_attr(not(feature = "network"), no_std)]

extern crate alloc;

mod latest;
#[cfg(feature = "network")]
pub mod network;
mod queue;
mod sync;

pub use latest::{Reader, Writer, latest};
pub use queue::{Receiver, Sender, queue};
