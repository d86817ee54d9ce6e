//! What a body's drives can do by themselves.

use core::time::Duration;

use signals::Joints;

/// What a drive makes of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Control {
    /// Position, velocity, both gains and torque, as it is told.
    #[default]
    Impedance,
    /// Position alone: gains are the drive's own, and it cannot be told to only damp.
    Position,
}

/// What one drive can do by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriveCapability {
    /// What it makes of a command.
    pub control: Control,
    /// How long after the last command it comes to rest by itself, as provisioned and read back.
    /// `None`: it has no watchdog of its own, and goes on with the last command for ever.
    pub watchdog: Option<Duration>,
}

/// What a body's drives can do by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capabilities {
    /// One set per joint.
    pub drives: Joints<DriveCapability>,
}

impl Capabilities {
    /// Every joint comes to rest by itself when commands stay away.
    #[must_use]
    pub fn survives_its_host(&self) -> bool {
        self.drives.iter().all(|drive| drive.watchdog.is_some())
    }
}
