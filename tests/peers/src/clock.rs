//! One clock for both processes: CLOCK_MONOTONIC of the machine.

use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

/// Time since the machine started, ns.
#[inline]
pub fn now() -> u64 {
    // Linux has this clock always.
    let at = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap_or(TimeSpec::new(0, 0));
    at.tv_sec() as u64 * 1_000_000_000 + at.tv_nsec() as u64
}

/// Sleeps until `at` of this clock, ns; at once when that has passed.
pub fn sleep_until(at: u64) {
    let until = TimeSpec::from_duration(Duration::from_nanos(at));
    let flags = ClockNanosleepFlags::TIMER_ABSTIME;
    // Ends early only by a signal; then the next look at the clock decides.
    while now() < at && clock_nanosleep(ClockId::CLOCK_MONOTONIC, flags, &until).is_err() {}
}

/// What two readings after each other are apart, ns: the median of many.
pub fn overhead() -> u64 {
    let mut pairs: Vec<u64> = (0..10_001)
        .map(|_| {
            let before = now();
            now() - before
        })
        .collect();
    pairs.sort_unstable();
    pairs[pairs.len() / 2]
}
