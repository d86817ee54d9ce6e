//! Stands between every command and the body.
#![no_std]
#![forbid(unsafe_code)]
use signals::Cycle;
/// A command that has passed the governor in this cycle.
#[derive(Debug)]
pub struct Vetted<'cycle, C> {
    command: C,
    cycle: &'cycle Cycle,
}
impl<C> Vetted<'_, C> {
    /// The cycle it was vetted in.
    pub fn cycle(&self) -> &Cycle {
        self.cycle
    }
}
impl<C> core::ops::Deref for Vetted<'_, C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.command
    }
}
