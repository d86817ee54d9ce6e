//! Gathers what was found in one cycle: the worst cause, and the facts for the state machine.

use core::time::Duration;

use signals::{Instant, Level, Mode, Operator};

use super::{BAD_COMMANDS_CUT, BAD_COMMANDS_SETTLE, Governor};
use crate::admit::Due;
use crate::machine::Facts;
use crate::watch::{self, Cause, Sight, Worst, ticks};
use crate::{Actor, BodyClass, Kind, Record, Rule};

impl Governor {
    /// The worst cause of this cycle.
    pub(super) fn worst(
        &mut self,
        now: Instant,
        sight: &Sight,
        operator: &Operator,
        due: Due,
    ) -> Option<Cause> {
        let mut worst = watch::devices(operator);
        if let Some(cause) = sight.worst.0 {
            // Before the self-test has passed, an absent reading is no fault yet: it only keeps the
            // test from passing.
            let level = if self.machine.tested() { cause.level } else { Level::Notice };
            worst.add(Cause { level, ..cause });
            self.ledger.count(cause.rule);
        }
        if let Some(Cause { rule, actor, joint, measured, limit, .. }) = sight.passed_over {
            let record = Record::of(rule, Kind::Refused, actor);
            self.ledger.lasting(Record { joint, measured, limit, ..record });
        }
        if self.machine.tested() && self.bad_commands > 0 {
            self.add_bad_commands(&mut worst);
        }
        let number = self.ruled.map_or(0, |last| last.saturating_add(1));
        self.targets.causes(now, number).into_iter().flatten().for_each(|cause| worst.add(cause));
        self.add_ended_plan(due, &mut worst);
        if self.machine.is_driving() {
            self.unsupervised(now, operator).into_iter().for_each(|cause| worst.add(cause));
            self.add_stale_stick(now, operator, &mut worst);
        }
        worst.0
    }

    /// What the state machine is told.
    pub(super) fn facts(
        &self,
        now: Instant,
        worst: Option<Cause>,
        sight: &Sight,
        operator: &Operator,
        due: Due,
    ) -> Facts {
        let elapsed = self.last.map_or(Duration::ZERO, |last| now.since(last));
        // A standstill is only asked for by who has stopped, or wants to be reset.
        let stopping = self.machine.latched().is_some() || operator.act.is_some();
        let still =
            || self.watch.still_for(now).is_some_and(|span| span >= self.profile.static_time);
        let at_rest = stopping && still();
        let settled = match self.profile.body {
            _ if !stopping => false,
            BodyClass::StaticallyStable => at_rest,
            BodyClass::ActivelyStable => {
                self.watch.settled_for(now).is_some_and(|span| span >= self.profile.static_time)
            }
        };
        Facts {
            elapsed: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            asked: worst.map_or(Level::Nominal, |cause| cause.level),
            near: worst.is_some_and(|cause| cause.rule == Rule::PersonNear),
            stop: operator.stop,
            cut: operator.cut,
            act: operator.act.map(|act| (operator.role, act)),
            blocked: self.blocker(sight, operator).is_some(),
            outside: sight.outside.is_some(),
            alone: self.unsupervised(now, operator).is_some(),
            at_rest,
            settled,
            plan: matches!(due, Due::Hold | Due::Velocity(_) | Due::Posture(_)),
            stick: self.stick_is_held(now, operator),
        }
    }

    /// What keeps a reset or a start from being granted.
    pub(super) fn blocker(&self, sight: &Sight, operator: &Operator) -> Option<Cause> {
        let device = watch::devices(operator).0;
        device.or(sight.blocker.0).or_else(|| self.bad_commands_cause(1))
    }

    fn add_bad_commands(&self, worst: &mut Worst) {
        if let Some(cause) = self.bad_commands_cause(BAD_COMMANDS_SETTLE) {
            worst.add(cause);
        }
        if self.bad_commands_settling >= BAD_COMMANDS_CUT {
            let cut = Cause::new(Level::Cut, Rule::CommandFinite, Actor::Cerebellum);
            worst.add(cut.because(ticks(self.bad_commands_settling), ticks(BAD_COMMANDS_CUT)));
        }
    }

    /// A cause when there were at least `most` unusable commands in a row.
    fn bad_commands_cause(&self, most: u32) -> Option<Cause> {
        let bad = Cause::new(Level::Settle, Rule::CommandFinite, Actor::Cerebellum);
        (self.bad_commands >= most).then(|| bad.because(ticks(self.bad_commands), ticks(most)))
    }

    fn add_ended_plan(&self, due: Due, worst: &mut Worst) {
        let brain_drives = matches!(self.machine.mode(), Mode::Auto | Mode::Supervised);
        if let Due::Expired(_, age, validity) = due
            && brain_drives
            && !self.machine.holds()
            && self.machine.latched().is_none()
        {
            let cause = Cause::new(Level::Hold, Rule::PlanExpired, Actor::Brain);
            worst.add(cause.because(age, validity));
        }
    }

    /// Nobody has given a sign of life for long enough to matter.
    ///
    /// Clauses: O3.
    pub(super) fn unsupervised(&self, now: Instant, operator: &Operator) -> Option<Cause> {
        let rule = self.profile.supervision?;
        let age = operator.supervisor.map_or(rule.settle, |last| now.since(last));
        let (level, limit) = match age {
            age if age < rule.notice => return None,
            // Who has never been there has not been lost: the robot waits for him.
            _ if operator.supervisor.is_none() => (Level::Hold, rule.hold),
            age if age >= rule.settle => (Level::Settle, rule.settle),
            age if age >= rule.hold => (Level::Hold, rule.hold),
            _ => (Level::Notice, rule.notice),
        };
        let cause = Cause::new(level, Rule::SupervisorLost, Actor::Operator);
        Some(cause.because(age.as_secs_f32(), limit.as_secs_f32()))
    }

    /// A stick that is silent for longer than a released one: the link to the person is lost.
    fn add_stale_stick(&self, now: Instant, operator: &Operator, worst: &mut Worst) {
        let needed = matches!(self.machine.mode(), Mode::Manual | Mode::Supervised);
        let (rule, Some(stick)) = (&self.profile.stick, operator.stick.as_ref()) else { return };
        let age = now.since(stick.at);
        if !needed || age < rule.limited {
            return;
        }
        let (level, limit) = match age {
            age if age >= rule.settle => (Level::Settle, rule.settle),
            age if age >= rule.hold => (Level::Hold, rule.hold),
            _ => (Level::Limited, rule.limited),
        };
        let cause = Cause::new(level, Rule::StickStale, Actor::Operator);
        worst.add(cause.because(age.as_secs_f32(), limit.as_secs_f32()));
    }

    /// The enabling device is held, by a reading that is fresh and made of numbers.
    pub(super) fn stick_is_held(&self, now: Instant, operator: &Operator) -> bool {
        operator.stick.is_some_and(|stick| {
            let age = now.since(stick.at).max(stick.at.since(now));
            stick.held && stick.velocity.is_finite() && age <= self.profile.stick.age_max
        })
    }
}
