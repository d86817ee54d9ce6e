//! What the machine grants the control thread, and how the thread keeps time.
//!
//! Everything here is optional: without any privilege the loop runs, and [`Grant`] says in plain
//! words what is missing and how to get it. [`Pace`] sleeps until absolute points in time and never
//! runs a tick twice to catch up: what was missed is skipped and counted.

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};
use nix::unistd::Pid;
use serde::Serialize;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use thread_priority::{ThreadPriority, ThreadPriorityValue};

pub use lateness::{Bucket, Lateness};

mod lateness;

/// Priority of the control thread: above ordinary work, below the threaded interrupts of a driver.
pub const CONTROL_PRIORITY: u8 = 45;

/// Something the machine did not grant: what, why, and how to get it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// What is missing, in one or two words.
    pub what: String,
    /// Why it is missing.
    pub why: String,
    /// What to do about it.
    pub fix: String,
}

impl Missing {
    fn new(what: &str, why: impl fmt::Display, fix: &str) -> Self {
        Self { what: what.into(), why: why.to_string(), fix: fix.into() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. Fix: {}", self.what, self.why, self.fix)
    }
}

/// What the control thread was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The pages of the process stay in memory.
    pub memory_locked: bool,
    /// The thread runs at a real-time priority.
    pub fifo: bool,
    /// The core the thread stays on.
    pub pinned: Option<usize>,
    /// Everything that was not granted.
    pub missing: Vec<Missing>,
}

/// Prepares the calling thread for the control loop. Call it last, when every other thread has been
/// started and everything has been allocated: later threads would inherit the priority.
///
/// Without `core` the scheduler chooses; a machine with few cores is better off that way.
#[must_use]
pub fn prepare_control_thread(priority: u8, core: Option<usize>) -> Grant {
    let mut grant = Grant::default();
    match lock_memory() {
        Ok(()) => grant.memory_locked = true,
        Err(missing) => grant.missing.push(missing),
    }
    prefault_stack();
    match core.map(pin) {
        Some(Ok(core)) => grant.pinned = Some(core),
        Some(Err(missing)) => grant.missing.push(missing),
        None => {}
    }
    match schedule_fifo(priority) {
        Ok(()) => grant.fifo = true,
        Err(missing) => grant.missing.push(missing),
    }
    grant
}

/// Locks what is mapped now and, where that cannot make a later allocation fail, what comes later.
fn lock_memory() -> Result<(), Missing> {
    const FIX: &str = "give the user an unlimited memlock limit (limits.conf: memlock unlimited), \
                       or the program CAP_IPC_LOCK";
    let unlimited =
        getrlimit(Resource::RLIMIT_MEMLOCK).is_ok_and(|(soft, _)| soft == RLIM_INFINITY);
    if !unlimited && !has_capability(CAP_IPC_LOCK) {
        return Err(Missing::new("locked memory", "the memlock limit is too low", FIX));
    }
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE)
        .map_err(|errno| Missing::new("locked memory", words(errno), FIX))
}

fn schedule_fifo(priority: u8) -> Result<(), Missing> {
    const FIX: &str = "allow it (limits.conf: rtprio 80), or give the program CAP_SYS_NICE";
    let missing = |why: &dyn fmt::Display| Missing::new("real-time priority", why, FIX);
    let value = ThreadPriorityValue::try_from(priority)
        .map_err(|_| missing(&format!("{priority} is not a priority from 0 to 99")))?;
    set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Crossplatform(value),
        ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo),
    )
    .map_err(|error| match error {
        thread_priority::Error::OS(errno) => missing(&words(Errno::from_raw(errno))),
        _ => missing(&"the system refused the priority"),
    })
}

/// Gives the calling thread the ordinary schedule, whatever its parent had.
pub fn become_ordinary() {
    // A thread that never had a priority needs nothing, and one that may not give it up keeps it.
    let _ = set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Min,
        ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other),
    );
}

/// Keeps the calling thread on `core`.
fn pin(core: usize) -> Result<usize, Missing> {
    const FIX: &str = "name a core this process may use (see `nproc` and taskset)";
    let mut set = CpuSet::new();
    set.set(core)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map(|()| core)
        .map_err(|errno| Missing::new("own core", format!("core {core}: {}", words(errno)), FIX))
}

/// Touches the stack the loop will use, so that its first ticks take no page fault.
#[inline(never)]
fn prefault_stack() {
    const PAGE: usize = 4096;
    let mut pages = [0_u8; 64 * PAGE];
    for byte in pages.iter_mut().step_by(PAGE) {
        *byte = 1;
    }
    black_box(&pages);
}

/// Bit of the capability that permits locking memory.
pub(crate) const CAP_IPC_LOCK: u32 = 14;
/// Bit of the capability that permits real-time priorities.
pub(crate) const CAP_SYS_NICE: u32 = 23;

/// This process holds the capability with the number `bit`.
pub(crate) fn has_capability(bit: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> bit & 1 == 1)
}

fn words(errno: Errno) -> &'static str {
    match errno {
        Errno::EPERM | Errno::EACCES => "this user may not",
        Errno::ENOMEM | Errno::EAGAIN => "the memlock limit is too low",
        Errno::EINVAL => "there is no such thing on this machine",
        other => other.desc(),
    }
}

/// How the loop keeps time.
#[derive(Debug)]
pub enum Pace {
    /// As fast as it goes: every tick is due at once and none is ever late.
    Virtual,
    /// By the machine's monotonic clock.
    RealTime(RealTime),
}

impl Pace {
    /// A pace by the clock, whose tick 0 is due now.
    #[must_use]
    pub fn real_time(period: Duration) -> Self {
        Self::RealTime(RealTime::new(period))
    }

    /// Waits until `tick` is due and returns the tick that really is: the same, or a later one when
    /// ticks were missed. Those are counted as overruns and never run.
    pub fn wait_for(&mut self, tick: u64) -> u64 {
        match self {
            Self::Virtual => tick,
            Self::RealTime(clock) => clock.wait_for(tick),
        }
    }

    /// How late the last tick began; zero on virtual time.
    #[must_use]
    pub const fn last_lateness(&self) -> Duration {
        match self {
            Self::Virtual => Duration::ZERO,
            Self::RealTime(clock) => clock.last,
        }
    }

    /// How late the ticks began; empty on virtual time.
    #[must_use]
    pub fn lateness(&self) -> Lateness {
        match self {
            Self::Virtual => Lateness::new(),
            Self::RealTime(clock) => clock.lateness.clone(),
        }
    }

    /// Ticks that were skipped.
    #[must_use]
    pub const fn overruns(&self) -> u64 {
        match self {
            Self::Virtual => 0,
            Self::RealTime(clock) => clock.overruns,
        }
    }

    /// The loop follows the clock.
    #[must_use]
    pub const fn is_real_time(&self) -> bool {
        matches!(self, Self::RealTime(_))
    }
}

/// Ticks on the machine's monotonic clock.
///
/// Clauses: C3, C4.
#[derive(Debug)]
pub struct RealTime {
    start: u64,
    period: u64,
    last: Duration,
    lateness: Lateness,
    overruns: u64,
}

impl RealTime {
    fn new(period: Duration) -> Self {
        let period = (period.as_nanos() as u64).max(1);
        let (last, lateness) = (Duration::ZERO, Lateness::new());
        Self { start: monotonic_nanos(), period, last, lateness, overruns: 0 }
    }

    fn wait_for(&mut self, tick: u64) -> u64 {
        let due = self.start.saturating_add(tick.saturating_mul(self.period));
        sleep_until(due);
        self.woke(tick, monotonic_nanos())
    }

    /// The tick that is due at `now`, with the missed ones counted.
    fn woke(&mut self, tick: u64, now: u64) -> u64 {
        let reached = now.saturating_sub(self.start) / self.period;
        let really = reached.max(tick);
        self.overruns += really - tick;
        let due = self.start.saturating_add(really.saturating_mul(self.period));
        // With ticks skipped, the lateness is that of the tick that was wanted.
        let wanted = if really > tick { self.start + tick * self.period } else { due };
        self.last = Duration::from_nanos(now.saturating_sub(wanted));
        self.lateness.record(self.last);
        really
    }
}

/// The machine's monotonic clock, ns. Zero where the machine has none.
#[must_use]
pub fn monotonic_nanos() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        (now.tv_sec() as u64).saturating_mul(1_000_000_000).saturating_add(now.tv_nsec() as u64)
    })
}

/// Sleeps until the absolute point `due`; a signal does not cut it short.
fn sleep_until(due: u64) {
    /// A storm of signals must not hold the loop for ever.
    const TRIES: usize = 16;
    let request = TimeSpec::from_duration(Duration::from_nanos(due));
    for _ in 0..TRIES {
        let flags = ClockNanosleepFlags::TIMER_ABSTIME;
        if clock_nanosleep(ClockId::CLOCK_MONOTONIC, flags, &request) != Err(Errno::EINTR) {
            return;
        }
    }
}

/// How well this machine wakes a thread in time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Jitter {
    /// Wake-ups measured.
    pub samples: u64,
    /// Ticks of 1 ms that were missed.
    pub overruns: u64,
    /// Half of the wake-ups were at most this late, us.
    pub p50_us: f64,
    /// 99 of 100 were at most this late, us.
    pub p99_us: f64,
    /// 999 of 1000 were at most this late, us.
    pub p999_us: f64,
    /// The latest, us.
    pub max_us: f64,
    /// The highest rate whose ticks keep at least half their period in 999 of 1000 cases, Hz; 0
    /// when there is none.
    pub holds_hz: u32,
}

/// Wakes the calling thread a thousand times a second for `duration` and says which rate it can
/// hold.
#[must_use]
pub fn jitter_test(duration: Duration) -> Jitter {
    let period = Duration::from_millis(1);
    let mut pace = RealTime::new(period);
    let ticks = (duration.as_nanos() / period.as_nanos()).max(1) as u64;
    let mut tick = 1;
    while tick <= ticks {
        tick = pace.wait_for(tick) + 1;
    }
    let late = &pace.lateness;
    let p999_us = late.quantile_us(0.999);
    Jitter {
        samples: late.count(),
        overruns: pace.overruns,
        p50_us: late.quantile_us(0.5),
        p99_us: late.quantile_us(0.99),
        p999_us,
        max_us: late.max_us(),
        holds_hz: rate_held(p999_us),
    }
}

fn rate_held(p999_us: f64) -> u32 {
    const RATES_HZ: [u32; 8] = [2000, 1000, 500, 250, 200, 100, 50, 20];
    RATES_HZ.into_iter().find(|rate| p999_us <= 0.5e6 / f64::from(*rate)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_privileges_is_told_what_is_missing() {
        // In a thread of its own, so that what is granted does not leak into other tests. The core
        // does not exist, so that at least one thing is missing on every machine.
        let grant = std::thread::spawn(|| prepare_control_thread(1, Some(1023))).join().unwrap();
        assert_eq!(grant.pinned, None);
        assert!(grant.missing.iter().any(|missing| missing.what == "own core"));
        assert!(grant.missing.iter().all(|m| !m.why.is_empty() && !m.fix.is_empty()));
        assert_eq!(grant.fifo, !grant.missing.iter().any(|m| m.what == "real-time priority"));
    }

    /// Clauses: C3.
    #[test]
    fn a_stalled_tick_is_skipped_and_counted() {
        let mut clock = RealTime::new(Duration::from_millis(1));
        clock.start = 0;
        assert_eq!(clock.woke(1, 1_000_020), 1, "20 us late is the same tick");
        assert_eq!(clock.woke(2, 5_300_000), 5, "2, 3 and 4 are gone");
        assert_eq!(clock.overruns, 3);
        assert_eq!(clock.last, Duration::from_micros(3300));
        assert_eq!(clock.woke(6, 6_000_000), 6);
        assert_eq!((clock.overruns, clock.lateness.count()), (3, 3));
    }

    /// Clauses: C4.
    #[test]
    fn real_time_follows_the_clock_and_virtual_time_does_not() {
        let began = std::time::Instant::now();
        let mut pace = Pace::real_time(Duration::from_millis(1));
        assert!(pace.wait_for(20) >= 20);
        assert!(began.elapsed() >= Duration::from_millis(20));
        let mut pace = Pace::Virtual;
        assert_eq!(pace.wait_for(u64::MAX), u64::MAX);
        assert_eq!((pace.lateness().count(), pace.overruns()), (0, 0));
    }

    #[test]
    fn the_rate_held_keeps_half_of_each_period() {
        assert_eq!(rate_held(60.0), 2000);
        assert_eq!(rate_held(400.0), 1000);
        assert_eq!(rate_held(501.0), 500);
        assert_eq!(rate_held(1e6), 0);
        let jitter = jitter_test(Duration::from_millis(30));
        assert!(jitter.samples + jitter.overruns >= 30);
    }
}
