//! Gathers every cause of one cycle and lets the worst decide the level.

use signals::{Instant, Level, Mode, Operator};

use super::{BAD_COMMANDS_CUT, BAD_COMMANDS_SETTLE, Governor};
use crate::admit::Due;
use crate::ladder::Ladder;
use crate::watch::{self, Cause, Sight, Worst, ticks};
use crate::{Actor, Kind, Record, Rule};

impl Governor {
    /// Raises the level by the worst cause; lowers it only by its stated condition.
    pub(super) fn raise(
        &mut self,
        now: Instant,
        limp: bool,
        sight: &Sight,
        operator: &Operator,
        due: Due,
    ) {
        let mut worst = watch::devices(operator);
        if let Some(cause) = sight.worst.0 {
            // Before the self-test has passed, an absent reading is no fault yet: it only keeps the
            // test from passing.
            let level = if self.tested { cause.level } else { Level::Notice };
            worst.add(Cause { level, ..cause });
            self.ledger.count(cause.rule);
        }
        if self.tested {
            self.add_bad_commands(&mut worst);
        }
        self.add_ended_plan(due, &mut worst);
        self.add_ended_stop(now, &mut worst);
        // A cut is taken in even when something is worse: torque goes off while falling, too.
        for cause in [watch::devices(operator).0, worst.0].into_iter().flatten() {
            self.ladder.raise(&cause, now, limp);
        }
        let told = self.tell_level(now, worst.0, due);
        self.tell_devices(operator, told);
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
    pub(super) fn bad_commands_cause(&self, most: u32) -> Option<Cause> {
        let bad = Cause::new(Level::Settle, Rule::CommandFinite, Actor::Cerebellum);
        (self.bad_commands >= most).then(|| bad.because(ticks(self.bad_commands), ticks(most)))
    }

    fn add_ended_plan(&self, due: Due, worst: &mut Worst) {
        let fresh = !self.ladder.holds() && self.ladder.latched().is_none();
        if let Due::Expired(_, age, validity) = due
            && self.mode == Mode::Auto
            && fresh
        {
            let cause = Cause::new(Level::Hold, Rule::PlanExpired, Actor::Brain);
            worst.add(cause.because(age, validity));
        }
    }

    /// A controlled stop ends with the evidence that the body stands by itself, or with a cut.
    fn add_ended_stop(&self, now: Instant, worst: &mut Worst) {
        let Some(span) = self.ladder.settling_for(now) else { return };
        let (stood, wanted) = (self.watch.settled_for(now), self.profile.static_time);
        let most = self.profile.settle_timeout;
        if let Some(stood) = stood.filter(|stood| *stood >= wanted) {
            let cause = Cause::new(Level::Stopped, Rule::SettleStatic, Actor::Body);
            worst.add(cause.because(stood.as_secs_f32(), wanted.as_secs_f32()));
        } else if span >= most {
            let cause = Cause::new(Level::Cut, Rule::SettleTimeout, Actor::Governor);
            worst.add(cause.because(span.as_secs_f32(), most.as_secs_f32()));
        }
    }

    /// One record for a change of level, with its cause. Returns the rule it named.
    fn tell_level(&mut self, now: Instant, worst: Option<Cause>, due: Due) -> Option<Rule> {
        let (from, to) = (self.ruling.level, self.ladder.level(now));
        if from == to {
            return None;
        }
        let clean = Cause::new(to, Rule::LevelClear, Actor::Governor);
        let seconds = Ladder::clean_time().as_secs_f32();
        let cause = match worst {
            Some(cause) if to > from => cause,
            _ => clean.because(seconds, seconds),
        };
        if to > from {
            self.raised_by = cause;
        }
        let sequence = match due {
            Due::Expired(sequence, ..) if cause.rule == Rule::PlanExpired => Some(sequence),
            _ => None,
        };
        let Cause { rule, actor, joint, measured, limit, .. } = cause;
        let record = Record::of(rule, Kind::LevelChanged, actor);
        self.ledger.event(Record { joint, sequence, measured, limit, from, to, ..record });
        Some(rule)
    }

    /// One record for a device being pressed, unless the change of level has told it already.
    fn tell_devices(&mut self, operator: &Operator, told: Option<Rule>) {
        let pressed = [
            (operator.stop && !self.devices.stop, Rule::OperatorStop),
            (operator.cut && !self.devices.cut, Rule::OperatorCut),
        ];
        self.devices = *operator;
        for (pressed, rule) in pressed {
            if pressed && told != Some(rule) {
                self.ledger.event(Record::of(rule, Kind::ActAccepted, Actor::Operator));
            }
        }
    }
}
