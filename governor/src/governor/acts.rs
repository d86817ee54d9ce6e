//! What a person asks for, and the self-test before a person may ask: the ways from mode to mode.
//!
//! A stop needs nobody's permission. Back to motion there are three separate acts: the device is
//! released, a reset clears the latch, a start permits motion.

use signals::{Instant, Level, Mode, Operator, OperatorAct};

use super::Governor;
use crate::admit::Due;
use crate::watch::{self, Cause, Sight, ticks};
use crate::{Actor, Kind, Record, Rule};

/// Good ticks in a row that end the self-test.
const SELF_TEST_TICKS: u32 = 50;

/// Why an act is refused; without a cause there is nothing to do.
type Refusal = Option<Cause>;

impl Governor {
    /// Takes a person's act in. Returns what is due after it.
    pub(super) fn act(
        &mut self,
        now: Instant,
        sight: &Sight,
        operator: &Operator,
        due: Due,
    ) -> Due {
        let Some(act) = operator.act else { return due };
        let (rule, answer) = match act {
            OperatorAct::Reset => (Rule::OperatorReset, self.may_reset(now, sight, operator)),
            OperatorAct::Start => (Rule::OperatorStart, self.may_start(now, sight, operator, due)),
            _ => (Rule::RoleForbidden, Err(None)),
        };
        match (answer, act) {
            (Err(refusal), _) => self.refuse(rule, refusal),
            (Ok(()), OperatorAct::Reset) => self.reset(now),
            (Ok(()), _) => self.start(now),
        }
        self.admission.due(now, &self.profile)
    }

    fn refuse(&mut self, rule: Rule, refusal: Refusal) {
        let record = Record::of(rule, Kind::ActRefused, Actor::Operator);
        let record = match refusal {
            Some(Cause { rule, joint, measured, limit, .. }) => {
                Record { cause: Some(rule), joint, measured, limit, ..record }
            }
            None => record,
        };
        self.ledger.event(record);
    }

    /// At rest, device released, no cause left.
    fn may_reset(&self, now: Instant, sight: &Sight, operator: &Operator) -> Result<(), Refusal> {
        let latched = self.ladder.latched().ok_or(None)?;
        self.nothing_blocks(sight, operator)?;
        let (still, wanted) = (self.watch.still_for(now), self.profile.static_time);
        if latched == Level::Settle || still.is_none_or(|still| still < wanted) {
            let still = still.unwrap_or_default().as_secs_f32();
            let cause = Cause::new(latched, Rule::AtRest, Actor::Body);
            return Err(Some(cause.because(still, wanted.as_secs_f32())));
        }
        Ok(())
    }

    /// Tested, nothing latched, nothing wrong; out of HOLD only with a fresh plan.
    fn may_start(
        &self,
        now: Instant,
        sight: &Sight,
        operator: &Operator,
        due: Due,
    ) -> Result<(), Refusal> {
        let governor = |rule| Cause::new(Level::Nominal, rule, Actor::Governor);
        let (good, wanted) = (ticks(self.good_ticks), ticks(SELF_TEST_TICKS));
        self.nothing_blocks(sight, operator)?;
        if let Some(cause) = sight.outside {
            return Err(Some(cause));
        }
        if self.ladder.latched().is_some() || self.ladder.transient(now) > Level::Notice {
            return Err(Some(self.raised_by));
        }
        match self.mode {
            Mode::Inhibited => Ok(()),
            Mode::Auto if self.ladder.holds() => match due {
                Due::Hold | Due::Velocity(_) => Ok(()),
                Due::Nothing | Due::Expired(..) => Err(Some(self.raised_by)),
            },
            Mode::Off | Mode::SelfTest => Err(Some(governor(Rule::SelfTest).because(good, wanted))),
            Mode::Lockout => Err(Some(governor(Rule::ProfileInvalid))),
            _ => Err(None),
        }
    }

    fn nothing_blocks(&self, sight: &Sight, operator: &Operator) -> Result<(), Refusal> {
        let causes = [watch::devices(operator).0, sight.blocker.0, self.bad_commands_cause(1)];
        causes.into_iter().flatten().next().map_or(Ok(()), |cause| Err(Some(cause)))
    }

    fn reset(&mut self, now: Instant) {
        let from = self.ladder.level(now);
        self.ladder.reset();
        self.admission.forget();
        self.bad_commands_settling = 0;
        self.accept(Rule::OperatorReset, from, now);
        if self.mode != Mode::Lockout {
            let to = if self.tested { Mode::Inhibited } else { Mode::SelfTest };
            self.enter(to, Rule::OperatorReset, Actor::Operator);
        }
    }

    fn start(&mut self, now: Instant) {
        let from = self.ladder.level(now);
        if self.mode == Mode::Inhibited {
            // What the brain asked for before the start is not what the start permits.
            self.admission.forget();
        }
        self.ladder.resume();
        self.accept(Rule::OperatorStart, from, now);
        self.enter(Mode::Auto, Rule::OperatorStart, Actor::Operator);
    }

    /// Records an act that took effect, and the change of level it brought.
    fn accept(&mut self, rule: Rule, from: Level, now: Instant) {
        self.ledger.event(Record::of(rule, Kind::ActAccepted, Actor::Operator));
        let to = self.ladder.level(now);
        if from != to {
            let record = Record::of(rule, Kind::LevelChanged, Actor::Operator);
            self.ledger.event(Record { from, to, ..record });
        }
    }

    /// Counts good ticks until the self-test has passed.
    pub(super) fn test_itself(&mut self, sight: &Sight) {
        if self.mode == Mode::Off {
            self.enter(Mode::SelfTest, Rule::SelfTest, Actor::Governor);
        }
        if self.mode != Mode::SelfTest {
            return;
        }
        let good = sight.blocker.0.is_none() && sight.outside.is_none();
        self.good_ticks = if good { self.good_ticks.saturating_add(1) } else { 0 };
        if self.good_ticks >= SELF_TEST_TICKS && self.ladder.latched().is_none() {
            self.tested = true;
            self.enter(Mode::Inhibited, Rule::SelfTest, Actor::Governor);
        }
    }

    fn enter(&mut self, to_mode: Mode, rule: Rule, actor: Actor) {
        let from_mode = core::mem::replace(&mut self.mode, to_mode);
        if from_mode != to_mode {
            let (measured, limit) = match rule {
                Rule::SelfTest => (ticks(self.good_ticks), ticks(SELF_TEST_TICKS)),
                _ => (0.0, 0.0),
            };
            let record = Record::of(rule, Kind::ModeChanged, actor);
            self.ledger.event(Record { from_mode, to_mode, measured, limit, ..record });
        }
    }
}
