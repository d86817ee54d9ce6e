//! What is counted: nothing is dropped in silence.

/// Counters of a board since it started; each stops at its largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    /// Frames that were taken.
    pub taken: u32,
    /// Bytes that were no frame of this version.
    pub broken: u32,
    /// Frames for another address or of a kind only hosts take.
    pub foreign: u32,
    /// Frames of another session.
    pub old_session: u32,
    /// Commands that came twice, or after a later one.
    pub repeated: u32,
    /// Commands that never came: gaps in the sequence.
    pub missing: u32,
    /// Commands that had run out when they came.
    pub late: u32,
    /// Commands with a number that is none, or with the wrong joints.
    pub unusable: u32,
    /// Requests that were refused.
    pub refused: u32,
    /// Ticks on which the command in force had run out.
    pub expired: u32,
    /// Times the board began to damp by itself.
    pub dampings: u32,
    /// Times it shut the torque off by itself.
    pub torque_offs: u32,
    /// Ticks on which a joint got less than it was asked for.
    pub limited: u32,
}

/// One more.
pub(crate) const fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}
