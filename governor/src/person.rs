//! How fast the base may go near a person (speed and separation, regulation notes 6.1, H1, H4).
//!
//! The reading gives a distance without a direction, so every direction counts as toward the
//! person. What moves at `v` toward a person who comes at `v_h` needs until it stands
//! `v_h (t + v / a) + v t + v^2 / (2 a)`; the same, solved for `v` at the distance there is, is the
//! speed permitted.

use core::time::Duration;

use signals::{Instant, Level, Metres, MetresPerSecond, MetresPerSecondSquared, PersonReading};

use crate::profile::{ProfileError, all_hold, not_negative, positive, short, some};
use crate::watch::{Cause, Input, Sight};
use crate::{Actor, Rule};

/// Keep a person from being run into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PersonRule {
    /// Radius of the body around the base origin, all limbs within, positive.
    pub radius: Metres,
    /// How far a hand may reach before it is seen, and the errors of both positions: `C + Z`, not
    /// negative.
    pub intrusion: Metres,
    /// Nearer than this beyond the radius the robot stands, not negative.
    pub inner: Metres,
    /// Deceleration of the base that can be counted on, positive.
    pub braking: MetresPerSecondSquared,
    /// Time from a fresh reading until the base starts to slow down.
    pub reaction: Duration,
    /// Speed of a person where the sensor does not measure it, positive (ISO 13855: 1.6 m/s).
    pub speed: MetresPerSecond,
    /// Oldest reading that counts, above zero (H4: 100 ms).
    pub age_max: Duration,
    /// Silence after which the robot stands, at least `age_max` (H4: 1 s).
    pub silence_max: Duration,
    /// Part of the speed permitted while the sensor is silent, 0 to 1 (H4: 0.25).
    pub silent_scale: f32,
    /// Nearer than this beyond the radius the robot stands while its balance is in doubt: its
    /// height, its reach and 0.3 m; zero where it cannot fall (H5).
    pub fall_zone: Metres,
}

impl PersonRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let span = "longer than zero and at most 60 s";
        all_hold(&[
            ("person.radius", positive(self.radius.0), "positive and at most 1e6"),
            ("person.intrusion", not_negative(self.intrusion.0), "0 to 1e6"),
            ("person.inner", not_negative(self.inner.0), "0 to 1e6"),
            ("person.braking", positive(self.braking.0), "positive and at most 1e6"),
            ("person.reaction", short(self.reaction), "at most 60 s"),
            ("person.speed", positive(self.speed.0), "positive and at most 1e6"),
            ("person.age_max", some(self.age_max), span),
            ("person.silence_max", some(self.silence_max), span),
            ("person.silence_max", self.silence_max >= self.age_max, "at least age_max"),
            ("person.silent_scale", (0.0..=1.0).contains(&self.silent_scale), "from 0 to 1"),
            ("person.fall_zone", not_negative(self.fall_zone.0), "0 to 1e6"),
        ])
    }

    /// The reading where it counts: of a sound distance, and neither old nor from the future.
    pub(crate) fn trusted<'a>(
        &self,
        person: Option<&'a PersonReading>,
        now: Instant,
    ) -> Option<&'a PersonReading> {
        person.filter(|person| age(person.at, now) <= self.age_max && person.distance.0 >= 0.0)
    }

    /// Highest speed of any point of the body toward a person read at `now`, m/s.
    pub(crate) fn speed_at(&self, person: &PersonReading, now: Instant) -> f32 {
        let (human, a, t) = self.approach(person, now);
        let room = self.room(person) - self.intrusion.0;
        let square = human * human + (a * t) * (a * t) + 2.0 * a * room;
        // Too near for the root is too near for any speed.
        (libm::sqrtf(square.max(0.0)) - a * t - human).max(0.0)
    }

    /// The distance from the base origin that `speed` m/s needs, m.
    pub(crate) fn distance_for(&self, speed: f32, person: &PersonReading, now: Instant) -> f32 {
        let (human, a, t) = self.approach(person, now);
        let stop = human * (t + speed / a) + speed * t + speed * speed / (2.0 * a);
        self.radius.0 + self.intrusion.0 + stop
    }

    /// Speed of the person, m/s; deceleration, m/s^2, and reaction of the base, s.
    fn approach(&self, person: &PersonReading, now: Instant) -> (f32, f32, f32) {
        let measured = person.approach.filter(|speed| speed.is_finite());
        let reaction = self.reaction.saturating_add(age(person.at, now));
        (measured.unwrap_or(self.speed).0.max(0.0), self.braking.0, reaction.as_secs_f32())
    }

    /// From the body's radius to the person, m; negative inside.
    fn room(&self, person: &PersonReading) -> f32 {
        person.distance.0 - self.radius.0
    }
}

/// Age of a reading; one from the future is as old as it is early.
fn age(at: Instant, now: Instant) -> Duration {
    now.since(at).max(at.since(now))
}

/// How long the person sensor has been silent, from look to look.
#[derive(Debug, Default)]
pub(crate) struct PersonWatch {
    silent_since: Option<Instant>,
}

impl PersonWatch {
    /// Finds a person who is too near, also for a body that is `unsteady`, and a sensor that says
    /// nothing.
    pub(crate) fn look(
        &mut self,
        rule: &PersonRule,
        unsteady: bool,
        input: &Input<'_>,
        sight: &mut Sight,
    ) {
        let now = input.cycle.now;
        let Some(person) = rule.trusted(input.frame.person.as_ref(), now) else {
            self.silent(rule, input, sight);
            return;
        };
        self.silent_since = None;
        let room = rule.room(person);
        let inner = if unsteady { rule.inner.max(rule.fall_zone) } else { rule.inner };
        if room < inner.0 {
            let cause = Cause::new(Level::Hold, Rule::PersonNear, Actor::Body);
            sight.worst.add(cause.because(room, inner.0));
        }
    }

    /// A person is assumed at the edge of the separation distance; later, anywhere.
    fn silent(&mut self, rule: &PersonRule, input: &Input<'_>, sight: &mut Sight) {
        let now = input.cycle.now;
        let since = *self.silent_since.get_or_insert(now);
        let silence = now.since(since);
        let (level, limit) = if silence >= rule.silence_max {
            (Level::Hold, rule.silence_max)
        } else {
            (Level::Limited, rule.age_max)
        };
        let aged = input.frame.person.map(|person| age(person.at, now));
        let cause = Cause::new(level, Rule::PersonStale, Actor::Body);
        let measured = aged.unwrap_or_default().max(silence).as_secs_f32();
        sight.worst.add(cause.because(measured, limit.as_secs_f32()));
        sight.scale = sight.scale.min(rule.silent_scale);
    }
}
