//! The state machine, every state of it visited: with times of a few steps, under every act of
//! every role and every fact, each step held against the invariants. Then a million steps at
//! random with the real times, and one planted bug for each invariant, which must be found.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(missing_docs, unreachable_pub, reason = "modules shared by tests")]

/// What the runtime holds against each cycle, held against the machine alone here.
#[allow(dead_code, reason = "these bodies stand by themselves")]
#[path = "../../runtime/src/observer/conduct.rs"]
mod conduct;
mod dice;
mod invariants;
mod machine_inputs;
mod planted;

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use dice::Dice;
use governor::{Facts, Machine, Times};
use invariants::{Broken, Ghost, INVARIANTS, Subject, TWINS, advance, bit, name};
use machine_inputs::{ACTS, GOOD, LEVELS, ROLES, Scope, drawn, inputs};
use planted::{BUGS, FOURTH_LIMITED, LADDER_LASTS, LADDER_RUNG, Planted};
use signals::{
    Authority, BaseVelocity, BodyCommand, Damping, Instant, JointCommand, Joints, Level, Motion,
    Operator, OperatorAct, Role, Ruling, Stick,
};
use stateright::{Checker, Model, Property};

/// A machine with its past, and what the last step has broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct State<S> {
    machine: S,
    past: Ghost,
    broken: Broken,
}

/// What is explored: the machine under test, how long its times are, what is asked of it.
struct Exploration<S> {
    starts: Vec<State<S>>,
    times: Times,
    scope: Scope,
    /// Inputs drawn from all there are, at each state, besides those that are gone through.
    drawn: usize,
    /// The invariants that are looked at.
    wanted: Broken,
}

impl<S: Subject + Hash + Debug> Exploration<S> {
    fn step(&self, state: &State<S>, facts: &Facts) -> State<S> {
        let (machine, _, past, broken) = advance(&self.times, &state.machine, &state.past, facts);
        State { machine, past, broken: broken & self.wanted }
    }
}

impl<S: Subject + Hash + Debug> Model for Exploration<S> {
    type State = State<S>;
    type Action = Facts;

    fn init_states(&self) -> Vec<State<S>> {
        self.starts.clone()
    }

    /// Of all inputs that lead to the same state one is enough.
    fn actions(&self, state: &State<S>, actions: &mut Vec<Facts>) {
        let mut hash = DefaultHasher::new();
        state.hash(&mut hash);
        let mut dice = Dice::new(hash.finish());
        let view = state.machine.view(&self.times, &Facts::default());
        let some = (0..self.drawn).map(|_| drawn(&mut dice, &self.scope, &[0, 1, u64::MAX]));
        let mut seen = HashSet::new();
        for facts in inputs(&view, &self.scope).into_iter().chain(some) {
            if seen.insert(self.step(state, &facts)) {
                actions.push(facts);
            }
        }
    }

    fn next_state(&self, state: &State<S>, facts: Facts) -> Option<State<S>> {
        // What is broken is shown, and not explored any further.
        (state.broken == 0).then(|| self.step(state, &facts))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let holds = |_: &Self, state: &State<S>| state.broken == 0;
        vec![Property::always("every invariant holds", holds)]
    }
}

/// Explores everything; the number of states, or the shortest way to what is broken. With
/// `TRIUNE_QUICK` only what is near the start, for runs that are repeated often.
fn explore<S>(exploration: Exploration<S>) -> Result<usize, String>
where
    S: Subject + Hash + Debug + Send + Sync + 'static,
{
    let checker = exploration.checker();
    let checker = if is_quick() { checker.target_state_count(20_000) } else { checker };
    let checker = checker.spawn_bfs().join();
    let Some(path) = checker.discovery("every invariant holds") else {
        return Ok(checker.unique_state_count());
    };
    let steps = path.into_vec();
    let last = steps.last().unwrap().0.broken;
    let broken: Vec<_> = (0..32).filter(|bit| last >> bit & 1 != 0).map(name).collect();
    let told = steps.iter().map(|(state, facts)| format!("{:?}\n  {facts:?}\n", state.machine));
    Err(format!("{broken:?} after\n{}", told.collect::<String>()))
}

fn is_quick() -> bool {
    std::env::var_os("TRIUNE_QUICK").is_some()
}

/// Times so short that a cause that lasts rises with its second step.
const SHORT: Times = Times {
    clean: 1,
    dwell: [0; 3],
    window: 0,
    near_clear: 1,
    warning: 1,
    settle_timeout: 2,
    day: 3,
    self_test_steps: 2,
};

/// Everything but the levels that rise when they last: those are for [`LADDER`].
const STOPS: Scope = Scope {
    levels: &[
        Level::Nominal,
        Level::Limited,
        Level::Hold,
        Level::Settle,
        Level::Stopped,
        Level::Cut,
        Level::Falling,
    ],
    acts: &ACTS,
    devices: true,
};

/// Times for the levels that rise when they last.
const LASTING: Times = Times { dwell: [2, 1, 1], self_test_steps: 1, ..SHORT };

/// Times for a LIMITED that comes back.
const RECURRING: Times = Times { window: 6, self_test_steps: 1, ..SHORT };

/// LIMITED again and again, with what people can do about it.
const RECURRENCE: Scope = Scope {
    levels: &[Level::Nominal, Level::Limited, Level::Hold],
    acts: &[OperatorAct::Acknowledge, OperatorAct::Start, OperatorAct::GoSafe, OperatorAct::Reset],
    devices: false,
};

/// The levels that clear by themselves, with what people can do about them.
const LADDER: Scope = Scope {
    levels: &[Level::Nominal, Level::Notice, Level::Warning, Level::Guidance, Level::Limited],
    acts: &[OperatorAct::Acknowledge],
    devices: false,
};

fn start<S: Subject>(machine: S, locked: bool, times: &Times) -> State<S> {
    State { machine, past: Ghost::new(locked, times), broken: 0 }
}

/// Explores the real machine; how many states there are.
fn visit(times: Times, scope: Scope) -> usize {
    let starts = [false, true].map(|locked| start(Machine::new(locked), locked, &times));
    let wanted = Broken::MAX;
    let all = Exploration { starts: starts.to_vec(), times, scope, drawn: 32, wanted };
    explore(all).map_err(|told| println!("{told}")).unwrap()
}

/// Clauses: O1, O3, O6, S2, S4, S5, A1, W1.
#[test]
fn every_stop_and_every_way_out_of_it() {
    let states = visit(SHORT, STOPS);
    println!("stops: {states} states with their past");
    assert!(is_quick() || states > 30_000, "{states}");
}

/// Clauses: W1, W2.
#[test]
fn every_way_up_and_down_the_ladder() {
    let states = visit(LASTING, LADDER);
    println!("ladder: {states} states with their past");
    assert!(is_quick() || states > 30_000, "{states}");
}

/// Clauses: W2.
#[test]
fn every_way_a_limited_comes_back() {
    let states = visit(RECURRING, RECURRENCE);
    println!("recurrence: {states} states with their past");
    assert!(is_quick() || states > 30_000, "{states}");
}

/// A long life at random: mostly quiet, so that it gets far, with the times of a real robot and
/// steps of up to a second, and again with short ones.
fn live(seed: u64, times: &Times, elapsed: &[u64], steps: usize) -> usize {
    let mut dice = Dice::new(seed);
    let (mut machine, mut past) = (Machine::new(false), Ghost::new(false, times));
    let (mut conduct, mut seen) = (conduct::Conduct::default(), HashSet::new());
    let scope = Scope { levels: &LEVELS, acts: &ACTS, devices: true };
    let mut facts = GOOD;
    for number in 0..steps {
        // A cause stays for a while, as real ones do.
        if dice.one_in(4) {
            facts = if dice.one_in(2) { GOOD } else { drawn(&mut dice, &scope, elapsed) };
        }
        let helpful = [OperatorAct::Reset, OperatorAct::Start, OperatorAct::Unlock];
        let act = dice.one_in(3).then(|| (dice.pick(&ROLES), dice.pick(&helpful)));
        let now = Facts { elapsed: dice.pick(elapsed), act: act.or(facts.act), ..facts };
        let (after, step, remembered, broken) = advance(times, &machine, &past, &now);
        let told: Vec<_> = (0..32).filter(|bit| broken >> bit & 1 != 0).map(name).collect();
        assert!(told.is_empty(), "seed {seed}, step {number}: {told:?}\n{machine:?}\n{now:?}");
        let (operator, ruling, command) = from_outside(&after, times, &now);
        let objection = conduct.judge(&operator, &ruling, &command);
        assert_eq!(objection, None, "seed {seed}, step {number}\n{machine:?}\n{now:?}");
        let mut again = machine;
        assert_eq!((again.step(times, &now), again), (step, after), "not repeatable");
        seen.insert((after.mode(), after.level(), after.holds()));
        (machine, past) = (after, remembered);
        // Locked out without end teaches nothing more.
        if dice.one_in(5_000) {
            (machine, past) = (Machine::new(false), Ghost::new(false, times));
            conduct = conduct::Conduct::default();
        }
    }
    seen.len()
}

/// What somebody beside a robot of one joint would see, were the machine all of its governor.
fn from_outside(
    machine: &Machine,
    times: &Times,
    facts: &Facts,
) -> (Operator, Ruling, BodyCommand) {
    let (role, act) = facts.act.unzip();
    let stick = Stick { held: facts.stick, ..Stick::default() };
    let (level, authority) = (machine.level(), machine.authority(facts));
    let motion = match authority {
        _ if machine.is_limp() => Motion::Limp,
        Authority::StopControl => Motion::Damp,
        Authority::None => Motion::Stand,
        Authority::Teleop | Authority::Brain => Motion::Walk(BaseVelocity::ZERO),
    };
    let limp = motion == Motion::Limp;
    let joint = if limp { JointCommand::LIMP } else { JointCommand::damped(Damping(1.0)) };
    let (mode, warning) = (machine.mode(), machine.warns(times));
    let ruling = Ruling { mode, authority, level, motion, warning, ..Ruling::default() };
    let (stop, cut, role) = (facts.stop, facts.cut, role.unwrap_or_default());
    let operator = Operator { stop, cut, act, role, stick: Some(stick), supervisor: None };
    let command = BodyCommand { joints: Joints::filled(joint, 1), valid_until: Instant::ZERO };
    (operator, ruling, command)
}

/// Clauses: S4, S5, W1, W2, E5.
#[test]
fn a_million_steps_at_random_break_nothing() {
    let steps = if is_quick() { 20_000 } else { 500_000 };
    let (tick, second) = (1_000, 1_000_000);
    let kinds = live(1, &Times::default(), &[0, tick, tick, 20 * tick, second, u64::MAX], steps);
    assert!(is_quick() || kinds > 60, "{kinds}");
    let short =
        Times { clean: 2, dwell: [4, 3, 2], window: 12, near_clear: 2, warning: 2, ..SHORT };
    let kinds = live(2, &short, &[0, 1, 1, 1, 1, 2, u64::MAX], steps);
    assert!(is_quick() || kinds > 60, "{kinds}");
}

/// Clauses: W1.
#[test]
fn the_checker_finds_a_bug_planted_for_each_invariant() {
    let mut unfound = Vec::new();
    for (invariant, bug) in BUGS {
        let (times, scope) = match *invariant {
            LADDER_RUNG | LADDER_LASTS => (LASTING, LADDER),
            FOURTH_LIMITED => (RECURRING, RECURRENCE),
            _ => (SHORT, STOPS),
        };
        let planted = Planted { machine: Machine::new(false), bug: *bug };
        let fresh = start(planted, false, &times);
        // A robot that drives already, so that no bug is far away.
        let mut state = fresh;
        for act in [None, None, Some((Role::Local, OperatorAct::Start))] {
            let facts = Facts { act, ..GOOD };
            let (machine, _, past, _) = advance(&times, &state.machine, &state.past, &facts);
            state = State { machine, past, broken: 0 };
        }
        let (starts, wanted) = (vec![fresh, state], bit(invariant));
        let found = explore(Exploration { starts, times, scope, drawn: 0, wanted });
        if !found.is_err_and(|told| told.contains(invariant)) {
            unfound.push(*invariant);
        }
    }
    assert!(unfound.is_empty(), "not found: {unfound:#?}");
    let planted: HashSet<_> = BUGS.iter().map(|(invariant, _)| *invariant).collect();
    let all = INVARIANTS.iter().map(|(name, _)| *name).chain(TWINS);
    assert!(all.into_iter().all(|name| planted.contains(name)));
}
