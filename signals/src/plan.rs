//! What the brain asks for. A plan is a request: it may be late, absent, forbidden or nonsense.

use core::time::Duration;

use crate::{Instant, Joints, MetresPerSecond, Radians, RadiansPerSecond};

/// Most steps of a velocity chunk.
pub const VELOCITY_STEPS_MAX: usize = 16;

/// First 8 bytes of the SHA-256 of the model file a plan came from; zero for a plan made by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelHash(pub [u8; 8]);

/// Velocity of the base in its own heading frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BaseVelocity {
    /// Along the base's x axis.
    pub forward: MetresPerSecond,
    /// Along the base's y axis.
    pub left: MetresPerSecond,
    /// About the vertical, counter-clockwise.
    pub yaw: RadiansPerSecond,
}

impl BaseVelocity {
    /// Standing still.
    pub const ZERO: Self = Self {
        forward: MetresPerSecond(0.0),
        left: MetresPerSecond(0.0),
        yaw: RadiansPerSecond(0.0),
    };

    /// Each axis limited to the magnitude in `most`.
    #[must_use]
    pub fn limited(self, most: &Self) -> Self {
        Self {
            forward: self.forward.limited(-most.forward, most.forward),
            left: self.left.limited(-most.left, most.left),
            yaw: self.yaw.limited(-most.yaw, most.yaw),
        }
    }

    /// Planar speed, m/s.
    #[must_use]
    pub fn speed(self) -> MetresPerSecond {
        MetresPerSecond(libm::hypotf(self.forward.0, self.left.0))
    }

    /// All three parts are numbers.
    #[must_use]
    pub const fn is_finite(self) -> bool {
        self.forward.is_finite() && self.left.is_finite() && self.yaw.is_finite()
    }
}

/// Base velocities on a time grid: step `j` is due at `observed_at + j step`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VelocityChunk {
    /// Time between two steps.
    pub step: Duration,
    /// Steps in use; the rest is ignored.
    pub len: usize,
    /// The steps.
    pub velocities: [BaseVelocity; VELOCITY_STEPS_MAX],
}

impl VelocityChunk {
    /// The same velocity for `len` steps of length `step`.
    #[must_use]
    pub const fn constant(velocity: BaseVelocity, step: Duration, len: usize) -> Self {
        Self { step, len, velocities: [velocity; VELOCITY_STEPS_MAX] }
    }

    /// The steps in use.
    #[must_use]
    pub fn steps(&self) -> &[BaseVelocity] {
        self.velocities.get(..self.len).unwrap_or(&self.velocities)
    }

    /// What is due `after` the observation, by the clock and never by counting; `None` past the
    /// end.
    #[must_use]
    pub fn due(&self, after: Duration) -> Option<BaseVelocity> {
        let step = after.as_nanos().checked_div(self.step.as_nanos())?;
        self.steps().get(usize::try_from(step).ok()?).copied()
    }
}

/// What a plan asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlanRequest {
    /// Stand where you are.
    Hold,
    /// Walk with these velocities.
    Velocity(VelocityChunk),
    /// Move the joints to this posture, in the robot's order, and stay there.
    Posture(Joints<Radians>),
}

/// A request of the brain with its provenance and its validity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Counts up per planner; an older sequence never replaces a newer one.
    pub sequence: u64,
    /// Epoch of the lease it is made under: the one of the ruling its observation was made with. A
    /// plan of an older epoch is refused, however new it is.
    pub epoch: u32,
    /// When the observation it came from was measured.
    pub observed_at: Instant,
    /// It must not be acted on after this instant.
    pub valid_until: Instant,
    /// The model that made it.
    pub model: ModelHash,
    /// What it asks for.
    pub request: PlanRequest,
}
