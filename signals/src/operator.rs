//! What a person asks for. Stops need no permission; a reset does not start anything.

use crate::{BaseVelocity, Instant, Mode};

/// An act of a person, as an edge: it happened since the last cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum OperatorAct {
    /// Clear what has latched; refused while its cause persists. Starts nothing.
    Reset,
    /// Permit motion after a reset or at the beginning, or let it go on after a hold.
    Start,
    /// I have seen it: clears a limited level that no longer clears by itself, and after a fall
    /// says that the robot was inspected.
    Acknowledge,
    /// Settle and stop. Like the stop device, but without one in hand.
    GoSafe,
    /// The stick drives from now on; the brain waits until it is handed back.
    TakeOver,
    /// The brain may drive again.
    HandBack,
    /// The mode the next start leads into: manual, supervised, auto or maint. Starts nothing.
    Select(Mode),
    /// End a lockout.
    Unlock,
}

/// In which role a person acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Role {
    /// Anybody: may stop, nothing else.
    #[default]
    Bystander,
    /// Watches from afar: may stop, go to safe, and let a held robot go on.
    Supervisor,
    /// Drives the robot: acknowledges, resumes, takes over; not after a stop.
    Operator,
    /// An operator who stands at the robot, with its key or its button: resets stops.
    Local,
    /// Ends a lockout.
    Maintainer,
}

/// A person's stick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stick {
    /// The velocity it asks for.
    pub velocity: BaseVelocity,
    /// The enabling device is in its middle position: held, neither released nor clenched.
    pub held: bool,
    /// When it was read.
    pub at: Instant,
}

/// The operator's devices in one cycle: levels for stops (a pressed button stays pressed), edges
/// for acts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Operator {
    /// The stop device is pressed: settle, then torque off.
    pub stop: bool,
    /// The cut device is pressed: torque off now.
    pub cut: bool,
    /// At most one act since the last cycle.
    pub act: Option<OperatorAct>,
    /// Who acts.
    pub role: Role,
    /// The newest reading of the stick; `None` without one.
    pub stick: Option<Stick>,
    /// Last sign of life of the session that supervises the robot; `None` before the first.
    pub supervisor: Option<Instant>,
}

impl Operator {
    /// A person at the robot does `act`, and no device is pressed.
    #[must_use]
    pub fn local(act: Option<OperatorAct>) -> Self {
        Self { act, role: Role::Local, ..Self::default() }
    }
}
