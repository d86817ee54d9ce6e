//! The robot's monotonic clock.

use core::ops::Add;
use core::time::Duration;

/// A point on the robot's monotonic clock, ns since the runtime started. Not wall time, not bus
/// time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(transparent)]
pub struct Instant(u64);

impl Instant {
    /// The start of the clock.
    pub const ZERO: Self = Self(0);

    /// `nanos` ns after the start of the clock.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// ns since the start of the clock.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// s since the start of the clock.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    pub const fn as_seconds(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// Time from `earlier` until this instant; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;
    /// Saturates at the end of the clock (584 years).
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// One turn of the control loop. Made once per cycle by the runtime; what is decided in a cycle
/// borrows it, so that nothing vetted outlives its cycle. Deliberately neither `Copy` nor `Clone`.
#[derive(Debug)]
pub struct Cycle {
    /// Counts from 0; a skipped tick skips its number.
    pub number: u64,
    /// When the cycle was due.
    pub now: Instant,
    /// Time from one cycle to the next.
    pub period: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: C4.
    #[test]
    fn instants_never_wrap() {
        assert_eq!(Instant::ZERO.since(Instant::from_nanos(5)), Duration::ZERO);
        assert_eq!(
            Instant::from_nanos(u64::MAX) + Duration::from_secs(1),
            Instant::from_nanos(u64::MAX)
        );
    }
}
