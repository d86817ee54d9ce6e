//! The robot's clock, told to others and estimated by them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firmware::clock::ClockSync;
use signals::Instant;

use crate::realtime::monotonic_nanos;

/// The robot's clock as other threads of its process read it.
#[derive(Clone, Debug)]
pub struct SharedClock {
    /// The machine's monotonic clock less the robot's, ns; wraps. Greatest before the first cycle.
    offset: Arc<AtomicU64>,
}

impl Default for SharedClock {
    fn default() -> Self {
        Self { offset: Arc::new(AtomicU64::new(u64::MAX)) }
    }
}

impl SharedClock {
    /// It is `now` on the robot's clock. Called by the control thread once a cycle; never waits.
    pub fn set(&self, now: Instant) {
        self.offset.store(monotonic_nanos().wrapping_sub(now.as_nanos()), Ordering::Relaxed);
    }

    /// The time since the last cycle is counted on. Zero before the first one: the clock stands.
    #[must_use]
    pub fn now(&self) -> Instant {
        match self.offset.load(Ordering::Relaxed) {
            u64::MAX => Instant::ZERO,
            offset => Instant::from_nanos(monotonic_nanos().wrapping_sub(offset)),
        }
    }
}

/// The robot's clock as another process knows it, from exchanges of stamps.
#[derive(Clone, Debug, Default)]
pub struct FarClock {
    sync: ClockSync,
    /// The newest exchange in full: this machine's monotonic clock and the robot's, ns.
    newest: Option<(u64, u64)>,
}

impl FarClock {
    /// Longest exchange that still says something.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// An exchange: asked at `sent`, answered at `received` of this machine's monotonic clock, ns;
    /// the robot's clock said `there`. One that stands, at zero, says nothing.
    pub fn take(&mut self, sent: u64, there: u64, received: u64) {
        if there == 0 || received.saturating_sub(sent) > Self::PATIENCE.as_nanos() as u64 {
            return;
        }
        // It ran backwards: the robot was started again, and what was known is of another clock.
        if self.newest.is_some_and(|(_, before)| there < before) {
            *self = Self::default();
        }
        self.sync.take(micros(sent), micros(there), micros(received));
        self.newest = Some((sent.midpoint(received), there));
    }

    /// The robot's clock at `here`, and how far that may be wrong; `None` before the first
    /// exchange.
    #[must_use]
    pub fn at(&self, here: u64) -> Option<(Instant, Duration)> {
        let (then, there) = self.newest?;
        let offset = self.sync.offset(micros(here))?;
        // The estimate counts us and wraps after 71 minutes; the newest exchange says which time
        // round it is.
        let near = there.saturating_add(here.saturating_sub(then));
        let low = micros(here).wrapping_add(offset.offset);
        let off = i64::from(low.wrapping_sub(micros(near)) as i32) * 1000;
        let at = Instant::from_nanos(near.saturating_add_signed(off));
        Some((at, Duration::from_micros(offset.uncertainty.into())))
    }
}

/// Low 32 bit of a time in us.
const fn micros(nanos: u64) -> u32 {
    (nanos / 1000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_far_clock_is_within_its_bound() {
        let mut clock = FarClock::default();
        assert_eq!(clock.at(0), None);
        // Exchanges twice a second for two hours; the robot's clock started 5 s later and runs 50
        // ppm fast; each way takes 0.2 to 3 ms.
        let there = |here: u64| ((here - 5_000_000_000) as f64 * 1.000_05) as u64;
        let mut worst = Duration::ZERO;
        for n in 0..14_400_u64 {
            let sent = 10_000_000_000 + n * 500_000_000;
            let way = |k: u64| 200_000 + (n * 7919 + k * 104_729) % 2_800_000;
            clock.take(sent, there(sent + way(1)), sent + way(1) + way(2));
            let here = sent + 250_000_000;
            let (at, bound) = clock.at(here).unwrap();
            let off = at.as_nanos().abs_diff(there(here));
            assert!(off <= bound.as_nanos() as u64 + 20_000, "{n}: {off} ns, bound {bound:?}");
            worst = worst.max(bound);
        }
        assert!(worst < Duration::from_millis(5), "{worst:?}");
    }

    #[test]
    fn a_clock_that_stands_or_begins_anew_leaves_nothing_behind() {
        let clock = SharedClock::default();
        assert_eq!(clock.now(), Instant::ZERO, "before the first cycle");
        let mut far = FarClock::default();
        far.take(1_000_000, 0, 1_100_000);
        assert_eq!(far.at(2_000_000), None);
        for n in 1..20_u64 {
            let sent = n * 100_000_000;
            far.take(sent, 9_000_000_000_000 + sent, sent + 100_000);
        }
        // Started again: its clock says 5 ms.
        far.take(3_000_000_000, 5_000_000, 3_000_400_000);
        let (at, bound) = far.at(3_000_200_000).unwrap();
        assert!(at.as_nanos().abs_diff(5_000_000) <= bound.as_nanos() as u64, "{at:?} {bound:?}");
    }

    #[test]
    fn a_slow_exchange_says_nothing() {
        let mut clock = FarClock::default();
        clock.take(0, 77, 1_000_000_001);
        assert_eq!(clock.at(2_000_000_000), None);
    }

    #[test]
    fn threads_see_the_clock_go_on() {
        let clock = SharedClock::default();
        clock.set(Instant::from_nanos(5_000_000));
        std::thread::sleep(Duration::from_millis(2));
        let other = clock.clone();
        assert!(other.now() >= Instant::from_nanos(7_000_000));
    }
}
