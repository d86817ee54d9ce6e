//! What is said now and then: questions and answers in postcard's wire format, one enum each way.
//! New variants go to the end; what a variant holds never changes. A test keeps the bytes.

use serde::{Deserialize, Serialize};

use crate::configuration::LIMIT_NUMBERS;
use crate::{Counters, ResetCause, WatchdogTimes};

/// Who a board is and how it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Oldest and newest version of the protocol it speaks.
    pub versions: [u8; 2],
    /// Version of its firmware: major, minor, patch.
    pub firmware: [u8; 3],
    /// First eight hexadecimal digits of the commit it was built from; zero when not known.
    pub commit: u32,
    /// Kind of board, four letters.
    pub board: [u8; 4],
    /// Serial number of the processor.
    pub serial: u64,
    /// Most joints it can drive.
    pub joints_max: u8,
    /// Joints it was provisioned for.
    pub joints: u8,
    /// Hash of what it was provisioned with; zero for nothing.
    pub configuration: u64,
    /// The number of its [`Lifecycle`](signals::Lifecycle).
    pub lifecycle: u8,
    /// Id of the first fault that is not cleared; zero for none.
    pub fault: u16,
    /// Resets since it was switched on.
    pub resets: u32,
    /// What caused the last one.
    pub reset_cause: ResetCause,
}

/// What a board was provisioned with beside its joints.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Joints in use.
    pub joints: u8,
    /// From one tick to the next, us.
    pub period: u16,
    /// Times of the watchdog, ticks.
    pub watchdog: WatchdogTimes,
    /// Damping used when nothing else is safe, N m s/rad.
    pub emergency_damping: f32,
    /// From this temperature on a winding gets less torque, degrees Celsius.
    pub temperature_derate: f32,
    /// At this one the board stops, degrees Celsius.
    pub temperature_trip: f32,
    /// Lowest voltage of the supply, V.
    pub voltage_min: f32,
    /// Highest voltage of the supply, V.
    pub voltage_max: f32,
}

/// What a host asks of a board. Only `Arm` leads to torque, and only `Clear` clears.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Who are you? Changes nothing and needs no session.
    Identify,
    /// Opens a session, unless joints have torque.
    Hello {
        /// Oldest and newest version of the protocol that the host speaks.
        versions: [u8; 2],
    },
    /// Opens the torque gate, still without torque.
    Arm {
        /// Hash of the configuration that the host counts on.
        configuration: u64,
    },
    /// Shuts the torque gate at once.
    Disarm,
    /// Clears one fault.
    Clear {
        /// Its id.
        fault: u16,
    },
    /// What fault is that?
    Fault {
        /// Its id.
        id: u16,
    },
    /// The limits in force for one joint.
    Limits {
        /// Its place on this board.
        joint: u8,
    },
    /// What else the board was provisioned with.
    Settings,
    /// What was counted.
    Counters,
    /// The last reset.
    Reset,
    /// Makes the limits of one joint stricter until the next reset.
    Tighten {
        /// Its place on this board.
        joint: u8,
        /// Limits; of each pair the stricter number stays.
        limits: [f32; LIMIT_NUMBERS],
    },
    /// Begins a new configuration; only in standby.
    Provision(Settings),
    /// Goes on with it: the limits of one joint.
    ProvisionLimits {
        /// Its place on this board.
        joint: u8,
        /// Limits.
        limits: [f32; LIMIT_NUMBERS],
    },
    /// Ends it: the board stores it and starts again.
    Commit {
        /// Hash of what the host meant.
        configuration: u64,
    },
}

/// What a board answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// To `Identify`.
    Identity(Identity),
    /// To `Hello`: the session that all further frames must carry.
    Welcome {
        /// The session.
        session: u16,
        /// Who answers.
        identity: Identity,
    },
    /// It is done.
    Done,
    /// It is not, and nothing has changed.
    Refused(Refusal),
    /// To `Fault`.
    Fault {
        /// Its id.
        id: u16,
        /// Its [`FaultCode`](signals::FaultCode).
        code: u16,
        /// The joint's place on this board; 255 for all of it.
        joint: u8,
        /// The code as the maker writes it.
        raw: u32,
    },
    /// To `Limits`.
    Limits {
        /// The joint's place on this board.
        joint: u8,
        /// Its limits.
        limits: [f32; LIMIT_NUMBERS],
    },
    /// To `Settings`.
    Settings(Settings),
    /// To `Counters`.
    Counters(Counters),
    /// To `Reset`.
    Reset {
        /// Why.
        cause: ResetCause,
        /// Where: a line or a program counter.
        detail: u32,
        /// Status register of the processor's fault.
        status: u32,
        /// The tick it happened in.
        tick: u32,
        /// Failures since the board was switched on.
        failures: u32,
    },
}

/// Why a board does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Host and board have no version in common.
    Version,
    /// Joints have torque: a session is not changed under way.
    Energised,
    /// Only in standby.
    NotInStandby,
    /// Host and board count on different limits.
    Configuration {
        /// The board's.
        own: u64,
    },
    /// The governor has given no sign of life in time.
    GovernorSilent,
    /// Too few commands have come yet to tell a late one.
    ClockUnknown,
    /// A fault is not cleared.
    FaultPresent {
        /// Its id.
        id: u16,
    },
    /// A reading forbids it.
    Unfit {
        /// Which [`FaultCode`](signals::FaultCode) it would be.
        code: u16,
    },
    /// No fault has this id, or the board is still damping.
    NotCleared,
    /// There is no such joint, fault or thing.
    Missing,
    /// Limits that are none, or leave no room.
    Limits,
}

/// Writes a message; its length, or `None` where there is no room.
pub fn write(message: &impl Serialize, body: &mut [u8]) -> Option<usize> {
    postcard::to_slice(message, body).ok().map(|written| written.len())
}

/// Reads a message that fills `body`; `None` where it is none.
#[must_use]
pub fn read<'a, M: Deserialize<'a>>(body: &'a [u8]) -> Option<M> {
    let (message, rest) = postcard::take_from_bytes(body).ok()?;
    rest.is_empty().then_some(message)
}
