//! What must hold on every step of the state machine, written once: for the exhaustive check, the
//! long random run and the planted bugs. It sees the machine only from outside and remembers what
//! it needs of the past by itself (`Ghost`), so that it cannot repeat a mistake made inside.

mod ghost;

use governor::{Facts, Machine, Step, Times};
use signals::{Authority, Level, Mode, OperatorAct, Role};

pub use ghost::Ghost;
use ghost::Stop;

/// A machine under test: the real one, or one with a planted bug.
pub trait Subject: Copy + Eq {
    fn step(&mut self, times: &Times, facts: &Facts) -> Step;
    fn view(&self, times: &Times, facts: &Facts) -> View;
}

/// All that can be seen of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    pub mode: Mode,
    pub authority: Authority,
    pub level: Level,
    pub latched: Option<Level>,
    pub limp: bool,
    pub driving: bool,
    pub holds: bool,
    pub warns: bool,
    pub tested: bool,
    pub limited_latched: bool,
    pub strikes: u8,
}

impl Subject for Machine {
    fn step(&mut self, times: &Times, facts: &Facts) -> Step {
        Self::step(self, times, facts)
    }

    fn view(&self, times: &Times, facts: &Facts) -> View {
        View {
            mode: self.mode(),
            authority: self.authority(facts),
            level: self.level(),
            latched: self.latched(),
            limp: self.is_limp(),
            driving: self.is_driving(),
            holds: self.holds(),
            warns: self.warns(times),
            tested: self.tested(),
            limited_latched: self.limited_latched(),
            strikes: self.strikes(),
        }
    }
}

impl View {
    /// Something other than the stop controller may move the body.
    pub fn moves(&self) -> bool {
        self.driving && !self.limp && self.level < Level::Settle
    }
}

/// One step, seen from outside.
pub struct Edge<'a> {
    pub times: &'a Times,
    pub facts: &'a Facts,
    pub step: Step,
    pub before: View,
    pub after: View,
    /// What was remembered before the step, and with it.
    pub past: &'a Ghost,
    pub now: &'a Ghost,
}

type Holds = fn(&Edge<'_>) -> bool;

/// Every invariant of one step: its name, and whether it holds.
pub const INVARIANTS: [(&str, Holds); 19] = [
    ("the level falls only by an edge of its reset set", level_falls_by_its_edge),
    ("what is asked for is what is in force", level_follows),
    ("a stop counts in the same step, and a limp robot has stopped", stop_counts),
    ("a cut takes the torque in the same step and until a reset", cut_counts),
    ("nothing but an accepted reset ends a stop", stop_stays),
    ("from a stop to motion: release, reset and start", three_acts),
    ("motion begins by a start alone", motion_begins_by_start),
    ("modes change only as the table says", modes_change_as_listed),
    ("an act is accepted only from a role that may", roles),
    ("STOP_CTRL from SETTLE on, and only then", stop_control),
    ("who drives is who the mode, the stick and the plan say", driver),
    ("a lasting cause raises by one rung, never by two", ladder),
    ("a lasting cause does raise", lasting_raises),
    ("the fourth LIMITED within the window waits for a person", limited_waits),
    ("a hold for a person clears after its time, with a warning", near_clears),
    ("a controlled stop ends in time", settle_ends),
    ("a fall is damped only for so long", fall_ends),
    ("two cuts or falls within a day lock the robot out", strikes_lock),
    ("nothing is driven before the self-test has passed", self_test_first),
];

/// Invariants over two runs of the same step; their bits follow those of [`INVARIANTS`].
pub const TWINS: [&str; 3] = [
    "a plan changes nothing but whether a start is granted",
    "a refused act changes nothing",
    "a bystander may stop and nothing else",
];

/// The bits of what is broken.
pub type Broken = u32;

/// Name of the invariant of this bit.
pub fn name(bit: usize) -> &'static str {
    let twin = || TWINS.get(bit - INVARIANTS.len()).copied();
    INVARIANTS.get(bit).map(|(name, _)| *name).or_else(twin).unwrap_or("?")
}

/// The bit of the invariant of this name.
pub fn bit(wanted: &str) -> Broken {
    let count = INVARIANTS.len() + TWINS.len();
    1 << (0..count).position(|bit| name(bit) == wanted).unwrap()
}

/// Makes one step and looks at it: the machine afterwards, what to remember, and what is broken.
pub fn advance<S: Subject>(
    times: &Times,
    before: &S,
    past: &Ghost,
    facts: &Facts,
) -> (S, Step, Ghost, Broken) {
    let mut after = *before;
    let step = after.step(times, facts);
    let (from, to) = (before.view(times, facts), after.view(times, facts));
    let now = past.after(times, facts, &step, (&from, &to));
    let edge = Edge { times, facts, step, before: from, after: to, past, now: &now };
    let mut broken = 0;
    for (bit, (_, holds)) in INVARIANTS.iter().enumerate() {
        broken |= u32::from(!holds(&edge)) << bit;
    }
    broken |= twins(times, before, facts, (&after, step)) << INVARIANTS.len();
    (after, step, now, broken)
}

/// Steps that must come out alike, compared; only where they differ in what goes in.
fn twins<S: Subject>(
    times: &Times,
    before: &S,
    facts: &Facts,
    (after, step): (&S, Step),
) -> Broken {
    let run = |facts: &Facts| {
        let mut twin = *before;
        let step = twin.step(times, facts);
        (twin, step)
    };
    let mut broken = 0;
    let start = matches!(facts.act, Some((_, OperatorAct::Start)));
    if facts.plan && !start {
        let unplanned = Facts { plan: false, ..*facts };
        broken |= u32::from(run(&unplanned) != (*after, step));
    }
    let refused = matches!(step.answer, Some(Err(_)));
    let Some((role, act)) = facts.act else { return broken };
    if refused {
        let silent = run(&Facts { act: None, ..*facts });
        broken |= u32::from(silent != (*after, Step { answer: None, ..step })) << 1;
    }
    if role == Role::Bystander {
        let (same, expected) = match act {
            // To go safe is anybody's right.
            OperatorAct::GoSafe => (Some((Role::Maintainer, act)), step),
            _ => (None, Step { answer: None, ..step }),
        };
        broken |= u32::from(run(&Facts { act: same, ..*facts }) != (*after, expected)) << 2;
    }
    broken
}

impl Edge<'_> {
    /// The act that was accepted, and from whom.
    fn accepted(&self) -> Option<(Role, OperatorAct)> {
        self.facts.act.filter(|_| self.step.answer == Some(Ok(())))
    }

    fn accepts(&self, wanted: OperatorAct) -> bool {
        self.accepted().is_some_and(|(_, act)| act == wanted)
    }

    fn go_safe(&self) -> bool {
        matches!(self.facts.act, Some((_, OperatorAct::GoSafe)))
    }

    /// A reset as it has to be: by a person at the robot, nothing pressed or wrong, at rest.
    fn is_rightly_reset(&self) -> bool {
        let facts = self.facts;
        let still = facts.at_rest || self.before.level <= Level::Settle;
        self.accepts(OperatorAct::Reset)
            && self.accepted().is_some_and(|(role, _)| role >= Role::Local)
            && !(facts.blocked || facts.stop || facts.cut)
            && still
            && self.after.level == Level::Nominal
    }
}

fn level_falls_by_its_edge(edge: &Edge<'_>) -> bool {
    let (from, to) = (edge.before.level, edge.after.level);
    if to >= from || edge.is_rightly_reset() {
        return true;
    }
    match from {
        Level::Hold => {
            edge.accepts(OperatorAct::Start) || edge.past.near_is_over(edge.times, edge.facts)
        }
        _ if from >= Level::Settle => false,
        _ => {
            let seen = edge.before.limited_latched && from == Level::Limited;
            let waits = seen && !edge.accepts(OperatorAct::Acknowledge);
            !waits && edge.now.is_clean(from, edge.times)
        }
    }
}

fn level_follows(edge: &Edge<'_>) -> bool {
    edge.after.level >= edge.facts.asked || edge.is_rightly_reset()
}

fn stop_counts(edge: &Edge<'_>) -> bool {
    let least = if edge.before.limp { Level::Stopped } else { Level::Settle };
    !(edge.facts.stop || edge.go_safe()) || edge.after.level >= least
}

fn cut_counts(edge: &Edge<'_>) -> bool {
    !edge.now.cut || edge.after.limp
}

fn stop_stays(edge: &Edge<'_>) -> bool {
    edge.after.latched >= edge.before.latched || edge.is_rightly_reset()
}

fn three_acts(edge: &Edge<'_>) -> bool {
    !edge.after.moves() || edge.now.stop == Stop::No
}

fn motion_begins_by_start(edge: &Edge<'_>) -> bool {
    let begins = !edge.before.driving && edge.after.driving;
    let starts = edge.accepts(OperatorAct::Start);
    // Who falls is damped, whether somebody started him or carried him.
    let alive = edge.before.limp && !edge.after.limp && edge.after.level != Level::Falling;
    starts || !(begins || alive)
}

fn modes_change_as_listed(edge: &Edge<'_>) -> bool {
    use Mode::{Auto, Inhibited, Lockout, Maint, Manual, Off, SelfTest, Supervised};
    let act = edge.accepted().map(|(_, act)| act);
    let role = edge.accepted().map_or(Role::Bystander, |(role, _)| role);
    match (edge.before.mode, edge.after.mode) {
        (from, to) if from == to => true,
        (_, Lockout) => edge.step.struck_out,
        (Lockout, SelfTest) => {
            act == Some(OperatorAct::Unlock) && role == Role::Maintainer && !edge.past.forever
        }
        (Off, SelfTest) => true,
        (SelfTest | Off, Inhibited) => edge.after.tested,
        (Inhibited, Manual | Supervised | Auto) => act == Some(OperatorAct::Start),
        (Inhibited, Maint) => act == Some(OperatorAct::Select(Maint)) && role == Role::Maintainer,
        (Maint, SelfTest) => {
            matches!(act, Some(OperatorAct::Select(_))) && role == Role::Maintainer
        }
        (Auto | Supervised, Manual) => act == Some(OperatorAct::TakeOver),
        (Manual, Auto | Supervised) => act == Some(OperatorAct::HandBack),
        (Manual | Supervised | Auto, Inhibited) => act == Some(OperatorAct::Reset),
        _ => false,
    }
}

fn roles(edge: &Edge<'_>) -> bool {
    let Some((role, act)) = edge.accepted() else { return true };
    let maintained = edge.before.mode == Mode::Maint || edge.after.mode == Mode::Maint;
    role >= match act {
        OperatorAct::GoSafe => Role::Bystander,
        OperatorAct::Start if edge.before.driving => Role::Supervisor,
        OperatorAct::Select(_) if maintained => Role::Maintainer,
        OperatorAct::Start
        | OperatorAct::Acknowledge
        | OperatorAct::TakeOver
        | OperatorAct::HandBack
        | OperatorAct::Select(_) => Role::Operator,
        OperatorAct::Reset => Role::Local,
        OperatorAct::Unlock => Role::Maintainer,
    }
}

fn stop_control(edge: &Edge<'_>) -> bool {
    let after = &edge.after;
    (after.authority == Authority::StopControl) == (after.level >= Level::Settle)
}

fn driver(edge: &Edge<'_>) -> bool {
    let (after, facts) = (&edge.after, edge.facts);
    let free = after.level < Level::Hold && !after.warns;
    match after.authority {
        Authority::None | Authority::StopControl => true,
        Authority::Teleop => free && after.mode == Mode::Manual && facts.stick,
        Authority::Brain => {
            let watched = after.mode == Mode::Supervised && facts.stick;
            free && facts.plan && (after.mode == Mode::Auto || watched)
        }
    }
}

fn ladder(edge: &Edge<'_>) -> bool {
    let (from, to) = (edge.before.level, edge.after.level);
    to >= Level::Hold || to <= edge.facts.asked || to as u8 <= from as u8 + 1
}

fn lasting_raises(edge: &Edge<'_>) -> bool {
    let raised = edge.after.level > edge.facts.asked || edge.is_rightly_reset();
    !edge.past.has_lasted(edge.times, edge.facts) || raised
}

fn limited_waits(edge: &Edge<'_>) -> bool {
    !edge.past.limited_too_often(edge.times, edge.facts, &edge.before)
        || edge.after.limited_latched
        || edge.accepts(OperatorAct::Acknowledge)
}

fn near_clears(edge: &Edge<'_>) -> bool {
    let (before, after) = (&edge.before, &edge.after);
    let by_person = edge.accepts(OperatorAct::Start) || edge.is_rightly_reset();
    if !before.holds || after.holds || by_person {
        return true;
    }
    let moves = before.latched.is_none() && before.driving;
    edge.past.near_is_over(edge.times, edge.facts) && (!moves || before.warns)
}

fn settle_ends(edge: &Edge<'_>) -> bool {
    edge.after.level != Level::Settle || edge.now.going_down < edge.times.settle_timeout
}

fn fall_ends(edge: &Edge<'_>) -> bool {
    let over = edge.now.going_down >= edge.times.settle_timeout || edge.facts.at_rest;
    edge.after.level != Level::Falling || !over || edge.after.limp
}

fn strikes_lock(edge: &Edge<'_>) -> bool {
    !edge.past.second_strike(edge.times, edge.facts, (&edge.before, &edge.after))
        || edge.after.mode == Mode::Lockout
}

fn self_test_first(edge: &Edge<'_>) -> bool {
    let (before, after) = (&edge.before, &edge.after);
    let testing = matches!(before.mode, Mode::Off | Mode::SelfTest | Mode::Lockout | Mode::Maint);
    let passes = testing && after.mode == Mode::Inhibited;
    (!after.driving || after.tested)
        && (!passes || edge.now.good_steps >= edge.times.self_test_steps)
}
