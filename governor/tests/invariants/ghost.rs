//! What the invariants remember of the past.

use governor::{Facts, Step, Times};
use signals::{Level, Mode, OperatorAct};

use super::View;

/// Levels that clear by themselves.
const TRANSIENT: [Level; 4] = [Level::Notice, Level::Warning, Level::Guidance, Level::Limited];

/// How far a stop has been undone by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Undone: a start was given after everything else.
    No,
    /// In force; whether the device is released.
    Given { released: bool },
    /// Reset, or never started: only a start is missing.
    Reset,
}

/// What the hold is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Hold {
    No,
    /// A person nearby, who has been away for so long.
    Near(u64),
    Fault,
}

/// The past, as far as it matters to an invariant. All numbers are bounded by a [`Times`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ghost {
    pub stop: Stop,
    /// Torque was cut by a person, and nobody has reset it.
    pub cut: bool,
    /// How long the controlled stop or the fall goes on.
    pub going_down: u64,
    /// Good steps of the self-test in a row.
    pub good_steps: u8,
    /// Locked out from the beginning: nobody may unlock it.
    pub forever: bool,
    hold: Hold,
    /// Time since each level was asked for, or the level rose to it.
    since: [u64; TRANSIENT.len()],
    /// A level that rises when it lasts, and how long it has been asked for in a row.
    lasting: (Level, u64),
    /// Ages of the last times LIMITED certainly came anew, the youngest first.
    limited: [Option<u64>; 3],
    /// Age of the last cut or fall.
    strike: Option<u64>,
}

impl Ghost {
    /// At the very beginning.
    pub fn new(locked: bool, times: &Times) -> Self {
        Self {
            stop: Stop::Reset,
            cut: false,
            going_down: 0,
            good_steps: 0,
            forever: locked,
            hold: Hold::No,
            since: [times.clean; TRANSIENT.len()],
            lasting: (Level::Nominal, 0),
            limited: [None; 3],
            strike: None,
        }
    }

    /// With this step a person has been away for long enough to go on.
    pub fn near_is_over(&self, times: &Times, facts: &Facts) -> bool {
        let enough = times.near_clear + times.warning;
        let over = |away: u64| away.saturating_add(facts.elapsed) >= enough;
        facts.asked != Level::Hold && matches!(self.hold, Hold::Near(away) if over(away))
    }

    /// Nothing has asked for this level for long enough.
    pub fn is_clean(&self, level: Level, times: &Times) -> bool {
        index(level).is_some_and(|index| self.since[index] >= times.clean)
    }

    /// A cause has lasted so long, and was there in the step before, that it must raise the level.
    pub fn has_lasted(&self, times: &Times, facts: &Facts) -> bool {
        let (level, span) = self.lasting;
        let dwell = index(level).and_then(|index| times.dwell.get(index));
        level == facts.asked
            && dwell.is_some_and(|most| span.saturating_add(facts.elapsed) >= *most)
    }

    /// LIMITED comes in this step for certain, and came three times before within the window.
    pub fn limited_too_often(&self, times: &Times, facts: &Facts, before: &View) -> bool {
        let age = self.limited[2].map(|age| age.saturating_add(facts.elapsed));
        self.limited_anew(times, facts, before) && age.is_some_and(|age| age <= times.window)
    }

    fn limited_anew(&self, times: &Times, facts: &Facts, before: &View) -> bool {
        let clean = self.since[3].saturating_add(facts.elapsed) >= times.clean;
        facts.asked == Level::Limited && before.level < Level::Limited && clean
    }

    /// This step is the second cut or fall within a day.
    pub fn second_strike(&self, times: &Times, facts: &Facts, views: (&View, &View)) -> bool {
        let young = |age: u64| age.saturating_add(facts.elapsed) < times.day;
        strikes(views) && self.strike.is_some_and(young)
    }

    /// What is remembered after this step.
    pub fn after(
        &self,
        times: &Times,
        facts: &Facts,
        step: &Step,
        (before, after): (&View, &View),
    ) -> Self {
        let act = facts.act.filter(|_| step.answer == Some(Ok(()))).map(|(_, act)| act);
        let mut now = *self;
        now.note_levels(times, facts, (before, after));
        now.note_hold(times, facts, after);
        now.note_stops(times, facts, act, (before, after));
        now.note_strikes(times, facts, act, (before, after));
        now.note_test(times, facts, (before, after));
        match act {
            Some(OperatorAct::Reset) => {
                now.limited = [None; 3];
                now.lasting = (Level::Nominal, 0);
                now.since = [times.clean; TRANSIENT.len()];
            }
            Some(OperatorAct::Acknowledge) => now.limited = [None; 3],
            _ => {}
        }
        now
    }

    fn note_levels(&mut self, times: &Times, facts: &Facts, (before, after): (&View, &View)) {
        let dt = facts.elapsed;
        let anew = self.limited_anew(times, facts, before);
        let old = |age: u64| Some(age.saturating_add(dt)).filter(|age| *age <= times.window);
        self.limited = self.limited.map(|age| age.and_then(old));
        if anew && times.window > 0 {
            let [first, second, _] = self.limited;
            self.limited = [Some(0), first, second];
        }
        let most = times.dwell.iter().copied().max().unwrap_or_default();
        self.lasting = match (facts.asked, self.lasting) {
            (asked, (level, span)) if asked == level => (level, span.saturating_add(dt).min(most)),
            (asked @ (Level::Notice | Level::Warning | Level::Guidance), _) => (asked, 0),
            _ => (Level::Nominal, 0),
        };
        for (since, level) in self.since.iter_mut().zip(TRANSIENT) {
            let rises = after.level == level && before.level < level;
            let seen = facts.asked == level || rises;
            *since = if seen { 0 } else { since.saturating_add(dt).min(times.clean) };
        }
    }

    fn note_hold(&mut self, times: &Times, facts: &Facts, after: &View) {
        let asked = facts.asked == Level::Hold;
        let most = times.near_clear + times.warning;
        self.hold = match self.hold {
            Hold::Fault => Hold::Fault,
            _ if asked && !facts.near => Hold::Fault,
            _ if asked => Hold::Near(0),
            Hold::Near(away) => Hold::Near(away.saturating_add(facts.elapsed).min(most)),
            Hold::No => Hold::No,
        };
        if !after.holds {
            self.hold = Hold::No;
        }
    }

    fn note_stops(
        &mut self,
        times: &Times,
        facts: &Facts,
        act: Option<OperatorAct>,
        (before, after): (&View, &View),
    ) {
        let pressed = facts.stop || facts.cut;
        let go_safe = matches!(facts.act, Some((_, OperatorAct::GoSafe)));
        if pressed || go_safe || after.level >= Level::Settle {
            self.stop = Stop::Given { released: !pressed };
        }
        if matches!(self.stop, Stop::Given { .. }) {
            self.stop = Stop::Given { released: !pressed };
        }
        self.cut |= facts.cut;
        match (act, self.stop) {
            (Some(OperatorAct::Reset), Stop::Given { released: true }) => {
                (self.stop, self.cut) = (Stop::Reset, false);
            }
            (Some(OperatorAct::Start), Stop::Reset) => self.stop = Stop::No,
            _ => {}
        }
        let same = before.level == after.level;
        let down = matches!(after.level, Level::Settle | Level::Falling);
        self.going_down = match (down, same) {
            (true, true) => self.going_down.saturating_add(facts.elapsed).min(times.settle_timeout),
            _ => 0,
        };
    }

    fn note_strikes(
        &mut self,
        times: &Times,
        facts: &Facts,
        act: Option<OperatorAct>,
        views: (&View, &View),
    ) {
        let aged = |age: u64| Some(age.saturating_add(facts.elapsed)).filter(|a| *a < times.day);
        self.strike = self.strike.and_then(aged);
        if strikes(views) {
            self.strike = Some(0);
        }
        if act == Some(OperatorAct::Unlock) {
            self.strike = None;
        }
    }

    fn note_test(&mut self, times: &Times, facts: &Facts, (before, after): (&View, &View)) {
        let testing = |view: &View| matches!(view.mode, Mode::Off | Mode::SelfTest);
        let good = !(facts.blocked || facts.outside || facts.stop || facts.cut);
        let so_far = if testing(before) { self.good_steps } else { 0 };
        let now = if good { so_far.saturating_add(1).min(times.self_test_steps) } else { 0 };
        let passes = !testing(before) || after.mode != Mode::Inhibited;
        self.good_steps = if testing(after) || !passes { now } else { 0 };
    }
}

/// A cut or a fall that was not one before, where that is counted.
fn strikes((before, after): (&View, &View)) -> bool {
    let down = |view: &View| view.latched.is_some_and(|latched| latched >= Level::Cut);
    down(after) && !down(before) && before.mode != Mode::Lockout
}

fn index(level: Level) -> Option<usize> {
    TRANSIENT.iter().position(|transient| *transient == level)
}
