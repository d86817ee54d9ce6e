//! The proof, carried by a type, that a command passed the governor in this cycle.

use core::ops::Deref;

use signals::Cycle;

/// A command that has passed the governor in this cycle.
///
/// Nobody outside this crate can make one, copy one, alter one or keep one past the cycle it
/// borrows.
#[derive(Debug)]
#[must_use = "a vetted command does nothing until a body applies it"]
pub struct Vetted<'cycle, C> {
    command: C,
    cycle: &'cycle Cycle,
}

impl<'cycle, C> Vetted<'cycle, C> {
    /// The only maker. Every path of the governor that yields a command ends here.
    pub(crate) const fn seal(command: C, cycle: &'cycle Cycle) -> Self {
        Self { command, cycle }
    }

    /// The cycle it was vetted in.
    #[must_use]
    pub const fn cycle(&self) -> &'cycle Cycle {
        self.cycle
    }
}

impl<C> Deref for Vetted<'_, C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.command
    }
}
