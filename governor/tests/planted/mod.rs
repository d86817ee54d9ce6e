//! One planted bug for each invariant: a machine that does almost what the real one does.

use governor::{Facts, Machine, Step, Times};
use signals::{Authority, Level, Mode, OperatorAct, Role};

use crate::invariants::{Subject, View};

pub const LADDER_RUNG: &str = "a lasting cause raises by one rung, never by two";
pub const LADDER_LASTS: &str = "a lasting cause does raise";
pub const FOURTH_LIMITED: &str = "the fourth LIMITED within the window waits for a person";

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bug {
    AcknowledgeEndsHold,
    PlanHidesHold,
    LimpIgnoresStop,
    CutIsOnlyAStop,
    TakeOverEndsStop,
    ResetStarts,
    SelectStarts,
    AnybodyEndsMaintenance,
    SupervisorResets,
    NobodyStops,
    BrainWithoutPlan,
    ClimbsTwice,
    LastingIsForgotten,
    LimitedIsForgiven,
    NearClearsAtOnce,
    SettleHasTime,
    FallHasTime,
    ResetForgetsStrikes,
    TestPassesAnything,
    PlanEndsHold,
    RefusalTakesTime,
    BystanderTakesOver,
}

/// Each invariant with the bug that breaks it.
pub const BUGS: &[(&str, Bug)] = &[
    ("the level falls only by an edge of its reset set", Bug::AcknowledgeEndsHold),
    ("what is asked for is what is in force", Bug::PlanHidesHold),
    ("a stop counts in the same step, and a limp robot has stopped", Bug::LimpIgnoresStop),
    ("a cut takes the torque in the same step and until a reset", Bug::CutIsOnlyAStop),
    ("nothing but an accepted reset ends a stop", Bug::TakeOverEndsStop),
    ("from a stop to motion: release, reset and start", Bug::ResetStarts),
    ("motion begins by a start alone", Bug::SelectStarts),
    ("modes change only as the table says", Bug::AnybodyEndsMaintenance),
    ("an act is accepted only from a role that may", Bug::SupervisorResets),
    ("STOP_CTRL from SETTLE on, and only then", Bug::NobodyStops),
    ("who drives is who the mode, the stick and the plan say", Bug::BrainWithoutPlan),
    (LADDER_RUNG, Bug::ClimbsTwice),
    (LADDER_LASTS, Bug::LastingIsForgotten),
    (FOURTH_LIMITED, Bug::LimitedIsForgiven),
    ("a hold for a person clears after its time, with a warning", Bug::NearClearsAtOnce),
    ("a controlled stop ends in time", Bug::SettleHasTime),
    ("a fall is damped only for so long", Bug::FallHasTime),
    ("two cuts or falls within a day lock the robot out", Bug::ResetForgetsStrikes),
    ("nothing is driven before the self-test has passed", Bug::TestPassesAnything),
    ("a plan changes nothing but whether a start is granted", Bug::PlanEndsHold),
    ("a refused act changes nothing", Bug::RefusalTakesTime),
    ("a bystander may stop and nothing else", Bug::BystanderTakesOver),
];

/// The real machine with one bug around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Planted {
    pub machine: Machine,
    pub bug: Bug,
}

impl Subject for Planted {
    fn step(&mut self, times: &Times, facts: &Facts) -> Step {
        let before = self.machine;
        let mut step = self.machine.step(times, &self.heard(facts));
        let accepted = step.answer == Some(Ok(()));
        let act = facts.act.map(|(_, act)| act);
        let again = |facts: Facts, machine: &mut Machine| machine.step(times, &facts);
        match self.bug {
            Bug::ResetStarts if accepted && act == Some(OperatorAct::Reset) => {
                let start = Some((Role::Local, OperatorAct::Start));
                again(Facts { elapsed: 0, act: start, ..*facts }, &mut self.machine);
            }
            Bug::ClimbsTwice if step.escalated => {
                again(Facts { elapsed: 0, act: None, ..*facts }, &mut self.machine);
            }
            Bug::RefusalTakesTime if matches!(step.answer, Some(Err(_))) => {
                again(Facts { act: None, ..*facts }, &mut self.machine);
            }
            Bug::ResetForgetsStrikes if accepted && act == Some(OperatorAct::Reset) => {
                self.machine = Machine::new(false);
            }
            Bug::LimitedIsForgiven if facts.act.is_none() => step.answer = None,
            Bug::NearClearsAtOnce if before.holds() && facts.act.is_none() => step.answer = None,
            _ => {}
        }
        step
    }

    fn view(&self, times: &Times, facts: &Facts) -> View {
        let mut view = self.machine.view(times, facts);
        match self.bug {
            Bug::NobodyStops if view.level == Level::Stopped => view.authority = Authority::None,
            Bug::BrainWithoutPlan if view.mode == Mode::Auto && view.level < Level::Hold => {
                view.authority = Authority::Brain;
            }
            _ => {}
        }
        view
    }
}

impl Planted {
    /// What the machine with the bug hears of the facts.
    fn heard(&self, facts: &Facts) -> Facts {
        let (machine, act) = (&self.machine, facts.act.map(|(_, act)| act));
        let silent = facts.act.is_none();
        let instead = |role, act| Facts { act: Some((role, act)), ..*facts };
        let start = Some((Role::Local, OperatorAct::Start));
        match self.bug {
            Bug::AcknowledgeEndsHold if act == Some(OperatorAct::Acknowledge) => {
                instead(Role::Local, OperatorAct::Start)
            }
            Bug::PlanHidesHold if facts.plan && facts.asked == Level::Hold => {
                Facts { asked: Level::Nominal, ..*facts }
            }
            Bug::LimpIgnoresStop if machine.is_limp() => Facts { stop: false, ..*facts },
            Bug::CutIsOnlyAStop => Facts { stop: facts.stop || facts.cut, cut: false, ..*facts },
            Bug::TakeOverEndsStop if act == Some(OperatorAct::TakeOver) => {
                instead(Role::Local, OperatorAct::Reset)
            }
            Bug::SelectStarts if matches!(act, Some(OperatorAct::Select(_))) => {
                instead(Role::Local, OperatorAct::Start)
            }
            Bug::AnybodyEndsMaintenance if machine.mode() == Mode::Maint => {
                act.map_or(*facts, |act| instead(Role::Maintainer, act))
            }
            Bug::SupervisorResets if act == Some(OperatorAct::Reset) => {
                instead(Role::Local, OperatorAct::Reset)
            }
            Bug::LastingIsForgotten if facts.asked == machine.level() => {
                Facts { asked: Level::Nominal, ..*facts }
            }
            Bug::LimitedIsForgiven if silent => instead(Role::Local, OperatorAct::Acknowledge),
            Bug::NearClearsAtOnce if machine.holds() && silent => Facts { act: start, ..*facts },
            Bug::SettleHasTime if machine.level() == Level::Settle => {
                Facts { elapsed: 0, settled: false, ..*facts }
            }
            Bug::FallHasTime if machine.level() == Level::Falling => {
                Facts { elapsed: 0, at_rest: false, ..*facts }
            }
            Bug::TestPassesAnything if machine.mode() == Mode::SelfTest => {
                Facts { blocked: false, outside: false, ..*facts }
            }
            Bug::PlanEndsHold if facts.plan && machine.holds() && silent => {
                Facts { act: start, ..*facts }
            }
            Bug::BystanderTakesOver if act == Some(OperatorAct::TakeOver) => {
                instead(Role::Operator, OperatorAct::TakeOver)
            }
            _ => *facts,
        }
    }
}
