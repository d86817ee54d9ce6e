//! What went over a servo bus and what did not.

use motors::ReaderCounters;

/// Counters since the body was connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServoBusCounters {
    /// Frames that went out.
    pub sent: u64,
    /// Frames for which the port had no room.
    pub unsent: u64,
    /// Answers that did not come in their turn.
    pub timeouts: u64,
    /// Answers that nobody asked for, came twice or are of another length.
    pub unexpected: u64,
    /// Commands that had ended when they came.
    pub expired: u64,
    /// Commands that were vetted against other limits.
    pub foreign: u64,
    /// Commands with a joint whose numbers are none; it was not followed.
    pub not_finite: u64,
    /// Times the port was lost.
    pub port_losses: u64,
    /// What the reader of the stream saw.
    pub reader: ReaderCounters,
}
