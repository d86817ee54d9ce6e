//! What the state machine may be told in one step.
//!
//! All facts together are 428,032 combinations; most of them differ only in facts that the state at
//! hand does not look at. [`inputs`] goes through every act in every role, with all its conditions
//! met and with each missed alone, under every device and every level that may be asked for.
//! [`drawn`] draws from all combinations, and so finds what `inputs` should not have left out.

use governor::Facts;
use signals::{Level, Mode, OperatorAct, Role};

use crate::dice::Dice;
use crate::invariants::View;

pub const LEVELS: [Level; 10] = [
    Level::Nominal,
    Level::Notice,
    Level::Warning,
    Level::Guidance,
    Level::Limited,
    Level::Hold,
    Level::Settle,
    Level::Stopped,
    Level::Cut,
    Level::Falling,
];

pub const ROLES: [Role; 5] =
    [Role::Bystander, Role::Supervisor, Role::Operator, Role::Local, Role::Maintainer];

pub const ACTS: [OperatorAct; 15] = [
    OperatorAct::Reset,
    OperatorAct::Start,
    OperatorAct::Acknowledge,
    OperatorAct::GoSafe,
    OperatorAct::TakeOver,
    OperatorAct::HandBack,
    OperatorAct::Unlock,
    OperatorAct::Select(Mode::Off),
    OperatorAct::Select(Mode::SelfTest),
    OperatorAct::Select(Mode::Inhibited),
    OperatorAct::Select(Mode::Manual),
    OperatorAct::Select(Mode::Supervised),
    OperatorAct::Select(Mode::Auto),
    OperatorAct::Select(Mode::Maint),
    OperatorAct::Select(Mode::Lockout),
];

/// Nothing wrong, everybody there: whatever is asked for may be granted.
pub const GOOD: Facts = Facts {
    elapsed: 1,
    asked: Level::Nominal,
    near: false,
    stop: false,
    cut: false,
    act: None,
    blocked: false,
    outside: false,
    alone: false,
    at_rest: true,
    settled: false,
    plan: true,
    stick: true,
};

type Miss = fn(&mut Facts);

const BLOCKED: Miss = |facts| facts.blocked = true;
const OUTSIDE: Miss = |facts| facts.outside = true;
const ALONE: Miss = |facts| facts.alone = true;
const MOVING: Miss = |facts| facts.at_rest = false;
const NO_PLAN: Miss = |facts| facts.plan = false;
const NO_STICK: Miss = |facts| facts.stick = false;

/// The conditions of an act, and what else its outcome may depend on.
fn conditions(act: OperatorAct) -> &'static [Miss] {
    match act {
        OperatorAct::Reset => &[BLOCKED, OUTSIDE, MOVING],
        OperatorAct::Start => &[BLOCKED, OUTSIDE, ALONE, NO_PLAN, NO_STICK],
        OperatorAct::Acknowledge | OperatorAct::GoSafe | OperatorAct::Select(_) => &[],
        OperatorAct::TakeOver => &[NO_STICK],
        OperatorAct::HandBack => &[BLOCKED, ALONE],
        OperatorAct::Unlock => &[BLOCKED, MOVING],
    }
}

/// What an exploration asks of the machine.
#[derive(Clone, Copy)]
pub struct Scope {
    /// Levels a cause may ask for.
    pub levels: &'static [Level],
    /// What people may do.
    pub acts: &'static [OperatorAct],
    /// The stop and the cut device may be pressed.
    pub devices: bool,
}

/// Everything that can matter in a state that looks like this.
pub fn inputs(view: &View, scope: &Scope) -> Vec<Facts> {
    let mut all = Vec::new();
    for environment in environments(scope) {
        silent(view, &environment, &mut all);
    }
    for environment in around_an_act(scope) {
        for act in scope.acts {
            for role in ROLES {
                let good = Facts { act: Some((role, *act)), ..environment };
                all.push(good);
                all.extend(conditions(*act).iter().map(|miss| {
                    let mut facts = good;
                    miss(&mut facts);
                    facts
                }));
            }
        }
    }
    all
}

/// Every level asked for, under every device.
fn environments(scope: &Scope) -> impl Iterator<Item = Facts> {
    let devices = [(false, false), (true, false), (false, true), (true, true)];
    let count = if scope.devices { devices.len() } else { 1 };
    let pressed = devices.into_iter().take(count);
    levels(scope.levels)
        .flat_map(move |facts| pressed.clone().map(move |(stop, cut)| Facts { stop, cut, ..facts }))
}

/// Levels as they are asked for: a hold is for a person or for something else.
fn levels(asked: &[Level]) -> impl Iterator<Item = Facts> {
    asked.iter().flat_map(|asked| {
        let near = [Some(false), (*asked == Level::Hold).then_some(true)];
        near.into_iter().flatten().map(|near| Facts { asked: *asked, near, ..GOOD })
    })
}

/// What may happen in the very step of an act: any level is asked for, or a device is pressed.
fn around_an_act(scope: &Scope) -> impl Iterator<Item = Facts> {
    let devices = [Facts { stop: true, ..GOOD }, Facts { cut: true, ..GOOD }];
    levels(scope.levels).chain(devices.into_iter().filter(|_| scope.devices))
}

/// Nobody acts: what matters then depends on what the machine waits for.
fn silent(view: &View, environment: &Facts, all: &mut Vec<Facts>) {
    let testing = matches!(view.mode, Mode::Off | Mode::SelfTest);
    for bits in 0_u8..8 {
        let [bad, settled, moving] = [1, 2, 4].map(|bit| bits & bit != 0);
        let matters = (!bad || testing) && (!settled || view.level == Level::Settle);
        if matters && (!moving || view.level >= Level::Settle || environment.cut) {
            let facts = *environment;
            all.push(Facts { blocked: bad, settled, at_rest: !moving, plan: !bad, ..facts });
        }
    }
}

/// Any facts at all; an act in half of them.
pub fn drawn(dice: &mut Dice, scope: &Scope, elapsed: &[u64]) -> Facts {
    let act = dice.one_in(2).then(|| (dice.pick(&ROLES), dice.pick(scope.acts)));
    Facts {
        elapsed: dice.pick(elapsed),
        asked: dice.pick(scope.levels),
        near: dice.one_in(2),
        stop: scope.devices && dice.one_in(4),
        cut: scope.devices && dice.one_in(8),
        act,
        blocked: dice.one_in(3),
        outside: dice.one_in(4),
        alone: dice.one_in(4),
        at_rest: dice.one_in(2),
        settled: dice.one_in(2),
        plan: dice.one_in(2),
        stick: dice.one_in(2),
    }
}
