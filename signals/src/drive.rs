//! What the drives of a body say of themselves: how far they are from giving torque, and what is
//! wrong with them.

use crate::{Instant, JointId};

/// How far a drive is from giving torque. Every name has one in CiA 402, so that people who know
/// EtherCAT drives find their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(u8)]
pub enum Lifecycle {
    /// It starts and tests itself. CiA 402: not ready to switch on.
    #[default]
    Boot = 0,
    /// It listens; the torque gate is shut. CiA 402: switch-on disabled.
    Standby = 1,
    /// It is ready; the gate is open, the torque is zero. CiA 402: switched on.
    Armed = 2,
    /// It follows commands. CiA 402: operation enabled.
    Active = 3,
    /// It brings its joints to rest by itself. CiA 402: quick stop active.
    Damping = 4,
    /// The gate is shut until somebody clears it. CiA 402: quick stop ended in switch-on disabled.
    SafeTorqueOff = 5,
    /// Something is wrong; the gate is shut until somebody clears it. CiA 402: fault.
    Fault = 6,
}

impl Lifecycle {
    /// All of them, by their number.
    pub const ALL: [Self; 7] = [
        Self::Boot,
        Self::Standby,
        Self::Armed,
        Self::Active,
        Self::Damping,
        Self::SafeTorqueOff,
        Self::Fault,
    ];

    /// The one with this number.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Boot),
            1 => Some(Self::Standby),
            2 => Some(Self::Armed),
            3 => Some(Self::Active),
            4 => Some(Self::Damping),
            5 => Some(Self::SafeTorqueOff),
            6 => Some(Self::Fault),
            _ => None,
        }
    }

    /// The torque gate is open: current can flow.
    #[must_use]
    pub const fn is_energised(self) -> bool {
        matches!(self, Self::Armed | Self::Active | Self::Damping)
    }

    /// Nobody leaves it without clearing what it was entered for.
    #[must_use]
    pub const fn is_latched(self) -> bool {
        matches!(self, Self::SafeTorqueOff | Self::Fault)
    }
}

/// What is wrong, in the classes of the CANopen emergency message (CiA 301, table of error codes):
/// the first digit is the class. Every driver maps its maker's codes here and keeps the raw one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(transparent)]
pub struct FaultCode(pub u16);

impl FaultCode {
    /// None at all.
    pub const NONE: Self = Self(0x0000);
    /// Something the maker does not name.
    pub const GENERIC: Self = Self(0x1000);
    /// Too much current.
    pub const CURRENT: Self = Self(0x2000);
    /// Voltage of the supply out of range.
    pub const VOLTAGE: Self = Self(0x3000);
    /// Too high a voltage of the supply.
    pub const OVERVOLTAGE: Self = Self(0x3210);
    /// Too low a voltage of the supply.
    pub const UNDERVOLTAGE: Self = Self(0x3220);
    /// Drive too hot.
    pub const TEMPERATURE: Self = Self(0x4310);
    /// Motor too hot.
    pub const MOTOR_TEMPERATURE: Self = Self(0x4210);
    /// Hardware of the drive.
    pub const HARDWARE: Self = Self(0x5000);
    /// Limits or parameters that changed by themselves, or contradict each other.
    pub const PARAMETERS: Self = Self(0x6320);
    /// The drive's program broke off and began again.
    pub const SOFTWARE_RESET: Self = Self(0x6010);
    /// Too many of these in a short time.
    pub const RESET_STORM: Self = Self(0x6100);
    /// The motor is blocked or overloaded.
    pub const OVERLOAD: Self = Self(0x7121);
    /// Encoder.
    pub const ENCODER: Self = Self(0x7300);
    /// A drive does not answer, or the way to it is gone.
    pub const LINK: Self = Self(0x8100);
    /// Messages were lost for lack of room.
    pub const OVERRUN: Self = Self(0x8110);
    /// No valid command came in time.
    pub const COMMAND_LOST: Self = Self(0x8130);
    /// The governor gave no sign of life in time.
    pub const GOVERNOR_LOST: Self = Self(0x8131);
    /// The tick of the drive came late or took too long.
    pub const TICK_LATE: Self = Self(0x8300);
    /// A joint left its limits.
    pub const POSITION: Self = Self(0x8611);
}

/// A fault of a drive or of the board that leads several of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriveFault {
    /// Who wants to clear it must name it; never zero, and never used twice between two resets.
    pub id: u16,
    /// What is wrong.
    pub code: FaultCode,
    /// Which joint; `None` for the whole board.
    pub joint: Option<JointId>,
    /// The code as the maker writes it; zero where there is none.
    pub raw: u32,
}

/// What the drives say of themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriveReading {
    /// The one furthest from following commands, of all drives.
    pub lifecycle: Lifecycle,
    /// The first fault that is not cleared.
    pub fault: Option<DriveFault>,
    /// When it was said.
    pub at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lifecycle_has_its_number() {
        for (number, lifecycle) in Lifecycle::ALL.into_iter().enumerate() {
            assert_eq!(lifecycle as usize, number);
            assert_eq!(Lifecycle::of(number as u8), Some(lifecycle));
            assert!(!(lifecycle.is_energised() && lifecycle.is_latched()));
        }
        assert_eq!(Lifecycle::of(7), None);
    }
}
