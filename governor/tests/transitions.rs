//! The transitions of the state machine as a table that people read: each change of the code that
//! changes what the machine does is a change of `golden/transitions.txt`, to be reviewed.
//!
//! `UPDATE_GOLDEN=1 cargo test -p triune-governor --test transitions` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, unreachable_pub, reason = "modules shared by tests")]

mod dice;
mod invariants;
mod machine_inputs;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write;
use std::hash::{Hash, Hasher};

use governor::{Facts, Machine, Times};
use invariants::{Subject, View};
use machine_inputs::{ACTS, GOOD, LEVELS, Scope, inputs};
use signals::{Level, Mode, OperatorAct, Role};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/transitions.txt");

const HEAD: &str = "\
# Transitions of the governor's state machine, visited with times of one to three steps.
# A line: state | what happens in one step | states it may lead to. What is not listed does what the
# mere passing of time does. A state: mode, level; limp: no torque; warns: motion is about to begin
# by itself. Several states after the second bar: which one depends on what is not shown, as timers
# and counts.
# Unless the line says otherwise nothing is wrong, the body is at rest, plan and stick are there.
# Refresh: UPDATE_GOLDEN=1 cargo test -p triune-governor --test transitions
";

const TIMES: Times = Times {
    clean: 1,
    dwell: [1; 3],
    window: 0,
    near_clear: 1,
    warning: 1,
    settle_timeout: 2,
    day: 3,
    self_test_steps: 2,
};

/// What the hash of the whole relation is taken over.
const EVERYTHING: Scope = Scope {
    levels: &[
        Level::Nominal,
        Level::Limited,
        Level::Hold,
        Level::Settle,
        Level::Cut,
        Level::Falling,
    ],
    acts: &ACTS,
    devices: true,
};

/// The name of what happens when nothing does.
const QUIET: &str = "(time passes)";

/// What happens in one step, with its name.
fn happenings() -> Vec<(String, Facts)> {
    let mut all = vec![(QUIET.to_owned(), GOOD)];
    let mut add = |name: &str, facts: Facts| all.push((name.to_owned(), facts));
    for level in LEVELS.into_iter().skip(1) {
        add(&format!("{} asked", level.name()), Facts { asked: level, ..GOOD });
    }
    add("HOLD asked for a person", Facts { asked: Level::Hold, near: true, ..GOOD });
    add("SETTLE asked, moving", Facts { asked: Level::Settle, at_rest: false, ..GOOD });
    add("stop", Facts { stop: true, ..GOOD });
    add("cut", Facts { cut: true, ..GOOD });
    add("stands by itself", Facts { settled: true, ..GOOD });
    add("blocked", Facts { blocked: true, ..GOOD });
    add("moving", Facts { at_rest: false, ..GOOD });
    let acts = [
        ("reset", Role::Local, OperatorAct::Reset),
        ("reset", Role::Operator, OperatorAct::Reset),
        ("start", Role::Operator, OperatorAct::Start),
        ("start", Role::Supervisor, OperatorAct::Start),
        ("start", Role::Bystander, OperatorAct::Start),
        ("acknowledge", Role::Local, OperatorAct::Acknowledge),
        ("acknowledge", Role::Operator, OperatorAct::Acknowledge),
        ("acknowledge", Role::Supervisor, OperatorAct::Acknowledge),
        ("go safe", Role::Bystander, OperatorAct::GoSafe),
        ("take over", Role::Operator, OperatorAct::TakeOver),
        ("take over", Role::Supervisor, OperatorAct::TakeOver),
        ("hand back", Role::Operator, OperatorAct::HandBack),
        ("hand back", Role::Supervisor, OperatorAct::HandBack),
        ("select manual", Role::Operator, OperatorAct::Select(Mode::Manual)),
        ("select supervised", Role::Operator, OperatorAct::Select(Mode::Supervised)),
        ("select auto", Role::Maintainer, OperatorAct::Select(Mode::Auto)),
        ("select maint", Role::Maintainer, OperatorAct::Select(Mode::Maint)),
        ("select maint", Role::Local, OperatorAct::Select(Mode::Maint)),
        ("unlock", Role::Maintainer, OperatorAct::Unlock),
        ("unlock", Role::Local, OperatorAct::Unlock),
    ];
    for (name, role, act) in acts {
        add(
            &format!("{name} by {role:?}").to_lowercase(),
            Facts { act: Some((role, act)), ..GOOD },
        );
    }
    type Spoil = fn(&mut Facts);
    let spoilt: [(&str, usize, Spoil); 10] = [
        ("reset by local, blocked", 0, |f| f.blocked = true),
        ("reset by local, moving", 0, |f| f.at_rest = false),
        ("start by operator, blocked", 2, |f| f.blocked = true),
        ("start by operator, outside", 2, |f| f.outside = true),
        ("start by operator, alone", 2, |f| f.alone = true),
        ("start by operator, no plan", 2, |f| f.plan = false),
        ("start by operator, no stick", 2, |f| f.stick = false),
        ("start by operator, person near", 2, |f| (f.asked, f.near) = (Level::Hold, true)),
        ("take over by operator, no stick", 9, |f| f.stick = false),
        ("unlock by maintainer, moving", 18, |f| f.at_rest = false),
    ];
    for (name, of, spoil) in spoilt {
        let (_, role, act) = acts[of];
        let mut facts = Facts { act: Some((role, act)), ..GOOD };
        spoil(&mut facts);
        add(name, facts);
    }
    all
}

fn named(machine: &Machine) -> String {
    let View { mode, level, limp, warns, .. } = machine.view(&TIMES, &GOOD);
    let mut text = format!("{} {}", mode.name(), level.name());
    let flags = [(limp, "limp"), (warns, "warns")];
    for (_, flag) in flags.into_iter().filter(|(is, _)| *is) {
        write!(text, " {flag}").unwrap();
    }
    text
}

/// All machines that can be reached by what has a name, in the order they are found in.
fn reachable(happenings: &[(String, Facts)]) -> Vec<Machine> {
    let mut all = vec![Machine::new(false), Machine::new(true)];
    let mut seen: HashSet<_> = all.iter().copied().collect();
    let mut next = 0;
    while next < all.len() {
        for (_, facts) in happenings {
            let mut machine = all[next];
            machine.step(&TIMES, facts);
            if seen.insert(machine) {
                all.push(machine);
            }
        }
        next += 1;
    }
    all
}

fn table() -> String {
    // Without the levels that rise when they last, whose timers only multiply the states.
    let mut happenings = happenings();
    let rising = [Level::Warning, Level::Guidance];
    happenings.retain(|(_, facts)| !rising.contains(&facts.asked));
    let machines = reachable(&happenings);
    let mut lines: BTreeMap<(String, &str), BTreeSet<String>> = BTreeMap::new();
    for machine in &machines {
        for (name, facts) in &happenings {
            let mut after = *machine;
            after.step(&TIMES, facts);
            lines.entry((named(machine), name)).or_default().insert(named(&after));
        }
    }
    let mut text = HEAD.to_owned();
    let states: BTreeSet<_> = lines.keys().map(|(state, _)| state).collect();
    let _ =
        writeln!(text, "# {} states stand for {} of the machine.", states.len(), machines.len());
    let _ = writeln!(text, "# Hash of every step under every input: {:016x}\n", hash(&machines));
    for ((state, name), after) in &lines {
        if *name == QUIET || lines.get(&(state.clone(), QUIET)) != Some(after) {
            let after: Vec<_> = after.iter().map(String::as_str).collect();
            let _ = writeln!(text, "{state} | {name} | {}", after.join("; "));
        }
    }
    text
}

/// FNV-1a, the same in every build.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Each machine under everything it may be told, and what came of it.
fn hash(machines: &[Machine]) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    for machine in machines {
        let view = machine.view(&TIMES, &GOOD);
        for facts in inputs(&view, &EVERYTHING) {
            let mut after = *machine;
            let step = after.step(&TIMES, &facts);
            let flags = [step.escalated, step.recurred, step.struck_out, step.handed_over];
            (after, step.answer, flags).hash(&mut hash);
        }
    }
    hash.finish()
}

/// Clauses: S4, W1, E1.
#[test]
fn the_table_of_transitions_is_the_one_that_was_reviewed() {
    let text = table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(TABLE, &text).unwrap();
    }
    let reviewed = std::fs::read_to_string(TABLE).unwrap_or_default();
    let (old, new): (HashSet<_>, HashSet<_>) = (reviewed.lines().collect(), text.lines().collect());
    let gone = reviewed.lines().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
    let come = text.lines().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    let changed: Vec<_> = gone.chain(come).take(40).collect();
    assert!(reviewed.lines().count() < 2_000, "nobody reviews so much");
    assert!(
        reviewed == text,
        "not as reviewed (UPDATE_GOLDEN=1 writes it):\n{}",
        changed.join("\n")
    );
}
