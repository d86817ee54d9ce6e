//! The configuration in memory, twice, so that a bit that changed by itself is found and mended.

use crate::Configuration;
use crate::configuration::{limits, numbers};

#[derive(Clone, Debug)]
pub(super) struct Table<const N: usize> {
    working: Configuration<N>,
    copy: Configuration<N>,
    /// Hash of both, and of what the board was provisioned with.
    hash: u64,
    provisioned: u64,
    next: usize,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(configuration: &Configuration<N>) -> Self {
        let hash = configuration.hash();
        let (working, copy) = (*configuration, *configuration);
        Self { working, copy, hash, provisioned: hash, next: 0 }
    }

    pub(super) const fn working(&self) -> &Configuration<N> {
        &self.working
    }

    /// Hash of what the board was provisioned with, before anything was tightened.
    pub(super) const fn provisioned(&self) -> u64 {
        self.provisioned
    }

    /// The joint whose turn it is to be looked over; `None` on a board without any.
    pub(super) const fn scrub(&mut self) -> Option<usize> {
        if self.working.count == 0 {
            return None;
        }
        self.next = if self.next + 1 < self.working.count { self.next + 1 } else { 0 };
        Some(self.next)
    }

    /// Both tables say the same of the joint whose turn it is, and of the board.
    pub(super) fn is_sound(&self) -> bool {
        let (one, other) = (&self.working, &self.copy);
        let same = |joint: usize| match (one.limits.get(joint), other.limits.get(joint)) {
            (Some(a), Some(b)) => numbers(a).map(f32::to_bits) == numbers(b).map(f32::to_bits),
            _ => false,
        };
        let board = one.count == other.count
            && one.period == other.period
            && one.watchdog == other.watchdog
            && one.supervision == other.supervision
            && one.emergency_damping.0.to_bits() == other.emergency_damping.0.to_bits();
        board && same(self.next)
    }

    /// Puts the table that still has its hash in the place of the other. Where neither has, both
    /// stay, and go on being found.
    pub(super) fn mend(&mut self) {
        if self.copy.hash() == self.hash {
            self.working = self.copy;
        } else if self.working.hash() == self.hash {
            self.copy = self.working;
        }
    }

    /// Changes both tables by `change`, if it succeeds on the first.
    pub(super) fn change<E>(
        &mut self,
        change: impl Fn(&mut Configuration<N>) -> Result<(), E>,
    ) -> Result<(), E> {
        change(&mut self.working)?;
        self.copy = self.working;
        self.hash = self.working.hash();
        Ok(())
    }

    pub(super) fn flip(&mut self, joint: usize, number: usize, bit: u32) {
        let Some(place) = self.working.limits.get_mut(joint) else { return };
        let mut flipped = numbers(place);
        if let Some(number) = flipped.get_mut(number) {
            *number = f32::from_bits(number.to_bits() ^ 1_u32.wrapping_shl(bit));
        }
        *place = limits(&flipped);
    }
}
