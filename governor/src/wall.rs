//! Wall time, given once at the start: from there on only the robot's own clock counts, so that a
//! step of the wall clock changes nothing.

use core::time::Duration;

use signals::Instant;

/// Seconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub u64);

/// What is known of the wall clock at the start of the robot's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WallStart {
    /// What the wall clock says now.
    pub at_start: WallTime,
    /// The latest wall time ever seen, from what the robot remembers; zero when it remembers
    /// nothing.
    pub last_seen: WallTime,
}

/// A wall clock may be corrected by this much between two runs.
const CORRECTION_MAX_S: u64 = 60;

impl WallStart {
    /// How far the clock was set back, where that is more than a correction; s.
    #[must_use]
    pub const fn set_back(&self) -> Option<u64> {
        let back = self.last_seen.0.saturating_sub(self.at_start.0);
        if back > CORRECTION_MAX_S { Some(back) } else { None }
    }

    /// The wall time at the instant zero. Within a correction the later one counts, so that nobody
    /// gains time by many small steps back.
    fn zero(&self) -> u64 {
        self.at_start.0.max(self.last_seen.0)
    }

    /// The wall time at `now`.
    #[must_use]
    pub fn at(&self, now: Instant) -> WallTime {
        let elapsed = now.since(Instant::ZERO).as_secs();
        WallTime(self.zero().saturating_add(elapsed))
    }

    /// When the robot's clock comes to `wall`: zero when that is past already.
    #[must_use]
    pub fn instant(&self, wall: WallTime) -> Instant {
        Instant::ZERO + Duration::from_secs(wall.0.saturating_sub(self.zero()))
    }
}
