//! Joints and sensors of a robot behind one trait.
//!
//! A [`Body`] measures and acts; it decides nothing. The only way to its drives is [`Body::apply`],
//! which takes a [`Vetted`] command, and only the governor makes those. Connecting to a body never
//! energises a motor and never clears a fault.
#![forbid(unsafe_code)]

mod can_motors;
mod can_port;
mod capabilities;
#[cfg(feature = "conformance")]
pub mod conformance;
mod datagram;
#[cfg(feature = "emulators")]
pub mod emulator;
mod ethernet;
pub mod link;
mod port;
mod rotors;
#[cfg(feature = "serial")]
mod serial;
mod servo_bus;
#[cfg(feature = "socketcan")]
mod socketcan;

pub use can_motors::{
    CanCounters, CanMotors, CanRate, ConnectError, Contradiction, MotorKind, MotorPlan, Timing,
    part_of_wire,
};
pub use can_port::{CanPort, Framed};
pub use capabilities::{Capabilities, Control, DriveCapability};
pub use datagram::UdpPort;
pub use ethernet::{ETHER_TYPE, EthernetPort, UnixDatagramPort};
pub use governor::{Envelope, Vetted};
pub use port::{Port, PortError};
pub use rotors::{Rotor, RotorBoard};
#[cfg(feature = "serial")]
pub use serial::SerialPort;
pub use servo_bus::{
    SILENT_TURNS, ServoBus, ServoBusCounters, ServoBusError, ServoBusSettings, ServoIdentity,
    ServoSettings,
};
use signals::{BodyCommand, Cycle, SensorFrame};
#[cfg(feature = "socketcan")]
pub use socketcan::SocketCan;

/// What a body did with a command: the evidence for the journal and for stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The drives act on the command of this cycle.
    Confirmed,
    /// The command was taken, but nothing proves that the drives act on it.
    Unconfirmed,
    /// The command was older than its validity; the body damps by itself.
    Expired,
    /// The command was vetted against other limits than this body's own; it was not taken, and the
    /// body damps by itself when the last one that was has ended.
    ForeignLimits,
}

/// A robot's joints and sensors: real or simulated.
///
/// Clauses: A1.
pub trait Body {
    /// Reads one frame for `cycle`. A reading that could not be refreshed keeps its old time stamp;
    /// the reader judges its age.
    fn sense(&mut self, cycle: &Cycle) -> SensorFrame;

    /// Gives the drives the command of this cycle, if it was vetted against the limits of this body
    /// ([`Vetted::envelope`]). Until the next one they follow it, but never
    /// past its validity.
    ///
    /// The first command that asks for torque energises the drives, when the governor has let it
    /// through; nothing before it does. A fault that is not cleared keeps them without torque.
    fn apply(&mut self, command: Vetted<'_, BodyCommand>) -> Applied;

    /// Clears the fault with this id, after a person has seen it and the governor has taken the
    /// reset. An id that is not that of a present fault clears nothing; neither does anything else.
    fn clear(&mut self, fault: u16);

    /// What the drives can do by themselves.
    fn capabilities(&self) -> Capabilities;
}
