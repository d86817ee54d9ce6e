//! What the governor permits in one cycle.

use crate::{BaseVelocity, Joints, Radians};

/// How bad it is, ordered by severity. The worst cause wins; each clears by its stated condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Level {
    /// Nothing to report.
    #[default]
    Nominal,
    /// A margin is getting small, or a reading was bad for a moment; recorded.
    Notice,
    /// A margin is small.
    Warning,
    /// A person should act.
    Guidance,
    /// Motion goes on with reduced speed.
    Limited,
    /// Powered standstill.
    Hold,
    /// Controlled stop to a posture that stands by itself. Latched.
    Settle,
    /// Standing by itself, torque off. Latched.
    Stopped,
    /// Torque off now. Latched.
    Cut,
    /// Going down beyond recovery: damped joints. Latched.
    Falling,
}

impl Level {
    /// Its name, the same in every language, as it stands in records and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nominal => "NOMINAL",
            Self::Notice => "NOTICE",
            Self::Warning => "WARNING",
            Self::Guidance => "GUIDANCE",
            Self::Limited => "LIMITED",
            Self::Hold => "HOLD",
            Self::Settle => "SETTLE",
            Self::Stopped => "STOPPED",
            Self::Cut => "CUT",
            Self::Falling => "FALLING",
        }
    }
}

/// Which kind of operation the robot is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Mode {
    /// No torque, nothing checked yet.
    #[default]
    Off,
    /// Checking sensors and limits before anything may move.
    SelfTest,
    /// Ready; nothing moves until a person starts it.
    Inhibited,
    /// A person drives.
    Manual,
    /// The brain drives, a person watches each act.
    Supervised,
    /// The brain drives within the envelope.
    Auto,
    /// Opened for maintenance.
    Maint,
    /// Needs a maintainer.
    Lockout,
}

impl Mode {
    /// All of them, by their number.
    pub const ALL: [Self; 8] = [
        Self::Off,
        Self::SelfTest,
        Self::Inhibited,
        Self::Manual,
        Self::Supervised,
        Self::Auto,
        Self::Maint,
        Self::Lockout,
    ];

    /// Its name, the same in every language, as it stands in records and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::SelfTest => "SELF_TEST",
            Self::Inhibited => "INHIBITED",
            Self::Manual => "MANUAL",
            Self::Supervised => "SUPERVISED",
            Self::Auto => "AUTO",
            Self::Maint => "MAINT",
            Self::Lockout => "LOCKOUT",
        }
    }
}

/// Who may ask the body to move in this cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Authority {
    /// Nobody.
    #[default]
    None,
    /// A person with a stick.
    Teleop,
    /// The planner.
    Brain,
    /// The governor's own stop controller.
    StopControl,
}

/// The motion the cerebellum must make. The governor chooses it; the cerebellum knows how.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Motion {
    /// No torque.
    #[default]
    Limp,
    /// Get up if down; then stand in place.
    Stand,
    /// Walk with this velocity.
    Walk(BaseVelocity),
    /// Move the joints to this posture, no faster than the ruling's scale permits, and stay there.
    Move(Joints<Radians>),
    /// Lower the body to a posture that stands by itself.
    Settle,
    /// Let the body's own firmware settle it: the host can no longer do it.
    Script,
    /// Damp the joints.
    Damp,
}

/// The governor's decision of one cycle: mode, authority, level, and the motion it admits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ruling {
    /// Kind of operation.
    pub mode: Mode,
    /// Who may ask.
    pub authority: Authority,
    /// Severity.
    pub level: Level,
    /// Speed scale, 0 to 1, already applied to a walk; who moves joints applies it to their speed.
    pub scale: f32,
    /// What to do.
    pub motion: Motion,
    /// Epoch of the lease in force. What is planned under an older one is refused.
    pub epoch: u32,
    /// Motion is about to begin by itself: warn with light and sound.
    pub warning: bool,
}
