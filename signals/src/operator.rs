//! What a person asks for. Stops need no permission; a reset does not start anything.

/// An act of a person, as an edge: it happened since the last cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum OperatorAct {
    /// Clear what has latched; refused while its cause persists. Starts nothing.
    Reset,
    /// Permit motion after a reset or at the beginning.
    Start,
}

/// The operator's devices in one cycle: levels for stops (a pressed button stays pressed), edges
/// for acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// The stop device is pressed: settle, then torque off.
    pub stop: bool,
    /// The cut device is pressed: torque off now.
    pub cut: bool,
    /// At most one act since the last cycle.
    pub act: Option<OperatorAct>,
}
