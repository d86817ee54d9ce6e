//! Speaks the bytes of the motors that people own.
//!
//! One module a maker's protocol: what is written into a frame, what is read out of one, and the
//! tables of its registers and scales with their sources. Pure functions over byte slices: nothing
//! here opens a port, waits, allocates or decides. The room `body` joins them to ports and joints;
//! a microcontroller that leads such motors uses them as they are.
//!
//! Terms: a *frame* is what goes over the wire at once; a *register* is a numbered cell of a
//! motor's memory; a *scale* says what a raw number means in SI units.
//!
//! Nothing that asks a motor a question may energise it or clear a fault.
#![no_std]
#![forbid(unsafe_code)]

pub mod at_dongle;
pub mod can;
pub mod damiao;
pub mod damiao_dongle;
pub mod dynamixel;
pub mod fdcanusb;
pub mod feetech;
mod frame;
pub mod framing;
pub mod load;
pub mod mit;
pub mod moteus;
pub mod robstride;
pub mod servo;
pub mod slcan;

pub use frame::{FRAME_MAX, Frame, REPLY_MAX, Reader, ReaderCounters, Reply, Scan};
