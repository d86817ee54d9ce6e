//! Who may command which part of the body: one holder at a time, by lease.
//!
//! The parts form a tree: who holds the body holds everything below it. Each grant has a new epoch;
//! what comes under an older epoch is refused, and within an epoch the sequence must rise. Nobody
//! needs a lease to stop the robot.

use core::time::Duration;

use signals::Instant;

/// A part of the body that can be commanded by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Resource {
    /// Everything.
    Body,
    /// Legs or wheels.
    Mobility,
    /// Left arm with its gripper.
    ArmLeft,
    /// Right arm with its gripper.
    ArmRight,
    /// Left gripper.
    GripperLeft,
    /// Right gripper.
    GripperRight,
}

impl Resource {
    /// All parts, a parent before its children.
    pub const ALL: [Self; 6] = [
        Self::Body,
        Self::Mobility,
        Self::ArmLeft,
        Self::ArmRight,
        Self::GripperLeft,
        Self::GripperRight,
    ];

    /// What it is a part of.
    #[must_use]
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::Body => None,
            Self::Mobility | Self::ArmLeft | Self::ArmRight => Some(Self::Body),
            Self::GripperLeft => Some(Self::ArmLeft),
            Self::GripperRight => Some(Self::ArmRight),
        }
    }

    /// It is `other` or a part of it.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        self == other || self.parent().is_some_and(|parent| parent.is_within(other))
    }
}

/// Who holds a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The robot's own planner.
    Brain,
    /// The person with the stick.
    Person,
    /// Another session, by its number.
    Session(u32),
}

/// The right to command a part of the body, as its holder shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// What may be commanded.
    pub resource: Resource,
    /// By whom.
    pub holder: Holder,
    /// Counts up with every grant on this robot.
    pub epoch: u32,
}

/// Why a lease is not granted or a command under it not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseError {
    /// Somebody else holds it, or a part of it.
    Held(Holder),
    /// The lease has ended: another epoch is in force.
    Ended,
    /// The sequence does not rise.
    Sequence,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    lease: Lease,
    sequence: Option<u64>,
    /// Used last; after [`LeaseBook::LASTS`] without use another may have it.
    used: Instant,
}

/// The leases in force.
///
/// Clauses: O2.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeaseBook {
    entries: [Option<Entry>; Resource::ALL.len()],
    epoch: u32,
}

impl LeaseBook {
    /// A lease that is not used for so long may be acquired by another.
    pub const LASTS: Duration = Duration::from_secs(2);

    /// Grants a lease on `resource` and everything below it, if nobody else holds any of it.
    ///
    /// # Errors
    /// [`LeaseError::Held`]; nothing has changed then.
    pub fn acquire(
        &mut self,
        resource: Resource,
        holder: Holder,
        now: Instant,
    ) -> Result<Lease, LeaseError> {
        let other = self.entries.iter().flatten().find(|entry| {
            let held = entry.lease.resource;
            let meets = held.is_within(resource) || resource.is_within(held);
            meets && entry.lease.holder != holder && now.since(entry.used) <= Self::LASTS
        });
        match other {
            Some(entry) => Err(LeaseError::Held(entry.lease.holder)),
            None => Ok(self.take(resource, holder, now)),
        }
    }

    /// Grants it whoever holds it: for a person who knows what he does. Older epochs die at once.
    pub fn take(&mut self, resource: Resource, holder: Holder, now: Instant) -> Lease {
        self.revoke(resource);
        // A wrap needs 136 years at one grant a second; until then no epoch comes twice.
        self.epoch = self.epoch.wrapping_add(1);
        let lease = Lease { resource, holder, epoch: self.epoch };
        if let Some(entry) = self.entries.get_mut(resource as usize) {
            *entry = Some(Entry { lease, sequence: None, used: now });
        }
        lease
    }

    /// Gives a lease back. One that has ended changes nothing.
    pub fn give_back(&mut self, lease: &Lease) {
        if let Some(entry) = self.entries.get_mut(lease.resource as usize)
            && entry.is_some_and(|entry| entry.lease == *lease)
        {
            *entry = None;
        }
    }

    /// Who commands `resource` with this epoch and sequence, by the nearest lease above it.
    ///
    /// # Errors
    /// [`LeaseError::Ended`] or [`LeaseError::Sequence`].
    pub fn check(
        &self,
        resource: Resource,
        epoch: u32,
        sequence: u64,
    ) -> Result<Holder, LeaseError> {
        let entry = self.entry(resource).ok_or(LeaseError::Ended)?;
        if entry.lease.epoch != epoch {
            return Err(LeaseError::Ended);
        }
        match entry.sequence {
            Some(last) if sequence <= last => Err(LeaseError::Sequence),
            _ => Ok(entry.lease.holder),
        }
    }

    /// Takes a command in: from now on only a higher sequence counts, and the lease is prolonged.
    ///
    /// # Errors
    /// As [`Self::check`]; the lease is not prolonged then.
    pub fn accept(
        &mut self,
        resource: Resource,
        epoch: u32,
        sequence: u64,
        now: Instant,
    ) -> Result<Holder, LeaseError> {
        let holder = self.check(resource, epoch, sequence)?;
        if let Some(held) = self.entry(resource).map(|entry| entry.lease.resource)
            && let Some(Some(entry)) = self.entries.get_mut(held as usize)
        {
            entry.sequence = Some(sequence);
            entry.used = now;
        }
        Ok(holder)
    }

    /// The lease in force on `resource`: its own or the nearest above.
    #[must_use]
    pub fn lease(&self, resource: Resource) -> Option<Lease> {
        self.entry(resource).map(|entry| entry.lease)
    }

    /// Ends every lease on `resource` and on what it is part of or has as parts.
    pub fn revoke(&mut self, resource: Resource) {
        for (part, entry) in Resource::ALL.iter().zip(&mut self.entries) {
            if part.is_within(resource) || resource.is_within(*part) {
                *entry = None;
            }
        }
    }

    /// Epoch of the newest grant.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    fn entry(&self, resource: Resource) -> Option<&Entry> {
        match (self.entries.get(resource as usize)?, resource.parent()) {
            (Some(entry), _) => Some(entry),
            (None, Some(parent)) => self.entry(parent),
            (None, None) => None,
        }
    }
}
