//! Why a drive gave less than it was asked for: the governor's rules about one joint, as a number
//! that fits into a state frame.

use governor::Rule;

/// Why a drive gave less than it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LimitReason {
    /// It did not.
    #[default]
    None = 0,
    /// A gain was too high.
    Gain = 1,
    /// The target lay outside its range, or the joint came too near its end.
    Position = 2,
    /// The joint was, or would have become, too fast.
    Velocity = 3,
    /// More torque than there is.
    Torque = 4,
    /// The torque would have changed faster than the drive can.
    TorqueRate = 5,
    /// The joint would have accelerated too hard.
    Acceleration = 6,
    /// The winding is too warm.
    Temperature = 7,
    /// The command had run out.
    Expired = 8,
}

impl LimitReason {
    const ALL: [Self; 9] = [
        Self::None,
        Self::Gain,
        Self::Position,
        Self::Velocity,
        Self::Torque,
        Self::TorqueRate,
        Self::Acceleration,
        Self::Temperature,
        Self::Expired,
    ];

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    pub(crate) const fn of_rule(rule: Option<Rule>) -> Self {
        match rule {
            None => Self::None,
            Some(Rule::JointGain | Rule::JointDamping) => Self::Gain,
            Some(Rule::JointPosition | Rule::JointBrake) => Self::Position,
            Some(Rule::JointRate | Rule::JointVelocity) => Self::Velocity,
            Some(Rule::JointTorqueRate) => Self::TorqueRate,
            Some(Rule::JointJerk | Rule::JointAccel) => Self::Acceleration,
            Some(Rule::JointThermal) => Self::Temperature,
            Some(_) => Self::Torque,
        }
    }
}
