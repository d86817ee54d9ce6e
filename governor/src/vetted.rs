//! The proof, carried by a type, that a command passed the governor in this cycle.

use core::ops::Deref;

use signals::Cycle;

/// A command that has passed the governor in this cycle.
///
/// Nobody outside this crate can make one, copy one, alter one or keep one past the cycle it
/// borrows.
///
/// Clauses: A1.
#[derive(Debug)]
#[must_use = "a vetted command does nothing until a body applies it"]
pub struct Vetted<'cycle, C> {
    command: C,
    cycle: &'cycle Cycle,
    envelope: u64,
}

impl<'cycle, C> Vetted<'cycle, C> {
    /// The only maker. Every path of the governor that yields a command ends here.
    pub(crate) const fn seal(command: C, cycle: &'cycle Cycle, envelope: u64) -> Self {
        Self { command, cycle, envelope }
    }

    /// The cycle it was vetted in.
    #[must_use]
    pub const fn cycle(&self) -> &'cycle Cycle {
        self.cycle
    }

    /// [`Envelope::id`](crate::Envelope::id) of the limits it was vetted against. A body takes no
    /// command that was vetted against other limits than its own.
    #[must_use]
    pub const fn envelope(&self) -> u64 {
        self.envelope
    }
}

impl<C> Deref for Vetted<'_, C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.command
    }
}
