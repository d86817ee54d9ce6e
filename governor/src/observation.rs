//! The observation period: slower until enough hours and tasks went by without an event.

use core::time::Duration;

use signals::ModelHash;

use crate::Grade;
use crate::fingerprint::Fingerprint;

/// Clean hours after which it may end.
pub const OBSERVATION_HOURS: u64 = 30;
/// Tasks after which it may end.
pub const OBSERVATION_TASKS: u32 = 200;

/// No step of time counts for more: a leap of the clock is no experience.
const STEP_MAX: Duration = Duration::from_millis(10);
const HOUR_NANOS: u64 = 3_600_000_000_000;

/// How far the observation period has come. Kept between runs by the runtime; what is lost or
/// damaged begins anew.
///
/// Clauses: P1, P2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// What is observed: model, limits and grade, as one number.
    pub subject: u64,
    /// Time of operation without an event, ns.
    pub clean_nanos: u64,
    /// Tasks done in that time.
    pub tasks: u32,
    /// Times it began anew because of an event.
    pub restarts: u32,
}

impl Observation {
    /// The number for what is observed: another model, other limits, another grade, another number.
    #[must_use]
    pub fn subject(model: ModelHash, envelope: u64, profile: u64, grade: Grade) -> u64 {
        let start = Fingerprint::START.long(u64::from_le_bytes(model.0));
        grade.fingerprint(start.long(envelope).long(profile)).finish()
    }

    /// Goes on with what is remembered, if it is about the same subject; else from the beginning.
    #[must_use]
    pub fn resumed(remembered: Option<Self>, subject: u64) -> Self {
        let same = remembered.filter(|observation| observation.subject == subject);
        same.unwrap_or(Self { subject, ..Self::default() })
    }

    /// Enough clean hours and enough tasks.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.clean_nanos >= OBSERVATION_HOURS * HOUR_NANOS && self.tasks >= OBSERVATION_TASKS
    }

    /// Hours of operation without an event.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    pub const fn clean_hours(&self) -> f64 {
        self.clean_nanos as f64 / HOUR_NANOS as f64
    }

    /// Highest rate of events that so many clean hours leave possible with 95 % confidence, 1/h:
    /// the rule of three. Infinite before the first.
    #[must_use]
    pub const fn rate_bound(&self) -> f64 {
        3.0 / self.clean_hours()
    }

    /// Operation went on for `elapsed` without an event.
    pub(crate) fn clean(&mut self, elapsed: Duration) {
        let step = u64::try_from(elapsed.min(STEP_MAX).as_nanos()).unwrap_or_default();
        self.clean_nanos = self.clean_nanos.saturating_add(step);
    }

    /// A task was done.
    pub(crate) fn task(&mut self) {
        self.tasks = self.tasks.saturating_add(1);
    }

    /// An event: everything counts from here.
    pub(crate) fn restart(&mut self) {
        let restarts = self.restarts.saturating_add(1);
        *self = Self { subject: self.subject, restarts, ..Self::default() };
    }
}
