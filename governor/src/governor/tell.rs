//! Leaves a record of everything that one step of the state machine has changed or refused.

use signals::{Level, Mode, Operator, OperatorAct};

use super::Governor;
use crate::admit::Due;
use crate::machine::{LIMITED_MAX, Machine, Step, Why};
use crate::watch::{Cause, Sight, ticks};
use crate::{Actor, Kind, Record, Rule};

impl Governor {
    /// Tells what has become of a step: the change of level with its cause, the act, the mode.
    pub(super) fn tell(
        &mut self,
        (before, step): (&Machine, &Step),
        worst: Option<Cause>,
        sight: &Sight,
        operator: &Operator,
        due: Due,
    ) {
        let act = operator.act.map(Rule::of);
        let accepted = act.filter(|_| step.answer == Some(Ok(())));
        if let Some(rule) = accepted {
            self.ledger.event(Record::of(rule, Kind::ActAccepted, Actor::Operator));
        }
        let told = self.tell_level(before, step, worst, accepted, due);
        self.tell_devices(operator, told);
        if let (Some(Err(why)), Some(rule)) = (step.answer, act) {
            self.refuse(rule, why, sight, operator);
        }
        self.tell_mode(before, step, accepted);
    }

    /// One record for a change of level, with its cause. Returns the rule it named.
    fn tell_level(
        &mut self,
        before: &Machine,
        step: &Step,
        worst: Option<Cause>,
        accepted: Option<Rule>,
        due: Due,
    ) -> Option<Rule> {
        let (from, to) = (before.level(), self.machine.level());
        if from == to {
            return None;
        }
        let cause = self.cause_of(before, step, worst, accepted);
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

    /// What changed the level.
    fn cause_of(
        &self,
        before: &Machine,
        step: &Step,
        worst: Option<Cause>,
        accepted: Option<Rule>,
    ) -> Cause {
        let (from, to) = (before.level(), self.machine.level());
        let governor = |rule| Cause::new(to, rule, Actor::Governor);
        let seconds = |micros: u64| core::time::Duration::from_micros(micros).as_secs_f32();
        if to < from {
            let clean = seconds(self.times.clean);
            let warned = seconds(self.times.near_clear.saturating_add(self.times.warning));
            return match accepted {
                // Other acts may fall into the tick in which a level clears by itself.
                Some(rule) if from >= Level::Hold || rule == Rule::OperatorAck => {
                    Cause::new(to, rule, Actor::Operator)
                }
                None if from == Level::Hold => governor(Rule::PreMotion).because(warned, warned),
                _ => governor(Rule::LevelClear).because(clean, clean),
            };
        }
        if step.recurred {
            let most = ticks(LIMITED_MAX.into());
            return governor(Rule::Recurred).because(most + 1.0, most);
        }
        match worst {
            Some(cause) if cause.level == to => return cause,
            // A limp robot has stopped already; one that settles stops by its own evidence.
            Some(cause) if cause.level >= Level::Settle && before.settling().is_none() => {
                return Cause { level: to, ..cause };
            }
            _ => {}
        }
        if let Some(rule @ Rule::GoSafe) = accepted {
            return Cause::new(to, rule, Actor::Operator);
        }
        let span = before.settling().map_or(0.0, seconds);
        let stood = self.profile.static_time.as_secs_f32();
        match to {
            Level::Stopped => Cause::new(to, Rule::SettleStatic, Actor::Body).because(stood, stood),
            Level::Cut => {
                governor(Rule::SettleTimeout).because(span, seconds(self.times.settle_timeout))
            }
            _ if step.escalated => {
                let dwell = self.times.dwell.get(from as usize).copied().unwrap_or_default();
                governor(Rule::Escalated).because(seconds(dwell), seconds(dwell))
            }
            _ => worst.unwrap_or(self.raised_by),
        }
    }

    /// Why an act is refused, in the numbers of the cause that stands against it.
    fn refuse(&mut self, rule: Rule, why: Why, sight: &Sight, operator: &Operator) {
        let governor = |rule| Cause::new(Level::Nominal, rule, Actor::Governor);
        let steps = |machine: &Machine| ticks(u32::from(machine.good_steps()));
        let still = self.watch.still_for(self.ledger.now()).unwrap_or_default().as_secs_f32();
        let cause = match why {
            Why::Nothing => None,
            Why::Role => Some(governor(Rule::RoleForbidden)),
            Why::Blocked => self.blocker(sight, operator),
            Why::Outside => sight.outside,
            Why::Level | Why::NoPlan => Some(self.raised_by),
            Why::Moving => {
                let wanted = self.profile.static_time.as_secs_f32();
                Some(governor(Rule::AtRest).because(still, wanted))
            }
            Why::Untested => {
                let wanted = ticks(u32::from(self.times.self_test_steps));
                Some(governor(Rule::SelfTest).because(steps(&self.machine), wanted))
            }
            Why::Locked if self.machine.strikes() == 0 => Some(governor(Rule::ProfileInvalid)),
            Why::Locked => {
                Some(governor(Rule::Strikes).because(ticks(self.machine.strikes().into()), 2.0))
            }
            Why::Alone => self.unsupervised(self.ledger.now(), operator),
            Why::NoStick => Some(governor(Rule::StickReleased)),
            Why::Uninspected => Some(governor(Rule::OperatorAck)),
        };
        let record = Record::of(rule, Kind::ActRefused, Actor::Operator);
        let record = match cause {
            Some(Cause { rule, joint, measured, limit, .. }) => {
                Record { cause: Some(rule), joint, measured, limit, ..record }
            }
            None => record,
        };
        self.ledger.event(record);
    }

    fn tell_mode(&mut self, before: &Machine, step: &Step, accepted: Option<Rule>) {
        let (from_mode, to_mode) = (before.mode(), self.machine.mode());
        if from_mode == to_mode {
            return;
        }
        let wanted = ticks(u32::from(self.times.self_test_steps));
        let (rule, actor, measured, limit) = match accepted {
            _ if step.struck_out => {
                (Rule::Strikes, Actor::Governor, ticks(self.machine.strikes().into()), 2.0)
            }
            Some(rule) if to_mode != Mode::Inhibited || rule == Rule::OperatorReset => {
                (rule, Actor::Operator, 0.0, 0.0)
            }
            _ => {
                let good = ticks(u32::from(self.machine.good_steps()));
                (Rule::SelfTest, Actor::Governor, good, wanted)
            }
        };
        let record = Record::of(rule, Kind::ModeChanged, actor);
        self.ledger.event(Record { from_mode, to_mode, measured, limit, ..record });
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

impl Rule {
    /// The rule under which an act of a person is recorded.
    #[must_use]
    pub const fn of(act: OperatorAct) -> Rule {
        match act {
            OperatorAct::Reset => Rule::OperatorReset,
            OperatorAct::Start => Rule::OperatorStart,
            OperatorAct::Acknowledge => Rule::OperatorAck,
            OperatorAct::GoSafe => Rule::GoSafe,
            OperatorAct::TakeOver => Rule::TakeOver,
            OperatorAct::HandBack => Rule::HandBack,
            OperatorAct::Select(_) => Rule::ModeSelect,
            OperatorAct::Unlock => Rule::Unlock,
        }
    }
}
