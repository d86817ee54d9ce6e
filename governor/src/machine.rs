//! The state machine: mode, authority and level, as one pure and total step.
//!
//! It is given facts and elapsed time and knows nothing else: no reading, no float, no clock. So
//! every state it can reach can be visited by a checker (`governor/tests/machine.rs`).
//!
//! - NOTICE to GUIDANCE clear by themselves when no cause was seen for a while, and rise by one
//!   when a cause lasts: its time counts up at rate 1 and down at a quarter, so that a cause that
//!   comes and goes rises, too.
//! - LIMITED clears likewise, but not when it has come back too often: then a person acknowledges.
//! - HOLD for a person nearby clears by itself, with a warning before motion; any other when a
//!   person starts again.
//! - SETTLE and above latch; a person at the robot resets them when the device is released, the
//!   cause is gone and the body is at rest. A reset starts nothing.
//! - A second cut or fall within a day locks the robot out until a maintainer unlocks it.

mod acts;
mod timer;

use signals::{Authority, Level, Mode, OperatorAct, Role};

pub use acts::{Answer, Why};
pub use timer::Times;
use timer::{Micros, Transient};

/// Levels that clear by themselves.
pub(crate) const TRANSIENT: [Level; 4] =
    [Level::Notice, Level::Warning, Level::Guidance, Level::Limited];
/// Cuts and falls within a day that lock the robot out.
const STRIKES_MAX: u8 = 2;
/// LIMITED may come this often within the window before it waits for a person.
pub(crate) const LIMITED_MAX: u8 = 3;

/// Everything the machine is told in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "facts are independent of each other")]
pub struct Facts {
    /// Time since the last step, us.
    pub elapsed: Micros,
    /// The worst level any cause asks for.
    pub asked: Level,
    /// The HOLD asked for is for a person nearby, and clears by itself.
    pub near: bool,
    /// The stop device is pressed.
    pub stop: bool,
    /// The cut device is pressed.
    pub cut: bool,
    /// What a person does, and in which role.
    pub act: Option<(Role, OperatorAct)>,
    /// A device is pressed or a cause persists that must be gone before a reset or a start.
    pub blocked: bool,
    /// A joint is where nothing may start.
    pub outside: bool,
    /// Nobody supervises the robot although somebody must.
    pub alone: bool,
    /// The body has not moved for as long as proves a standstill.
    pub at_rest: bool,
    /// The body stands by itself without torque and has proved it.
    pub settled: bool,
    /// A plan of the brain is in force.
    pub plan: bool,
    /// The stick's enabling device is held, by a fresh reading.
    pub stick: bool,
}

impl Facts {
    /// Nothing may be reset, started or tested now; a pressed device says so by itself.
    const fn is_blocked(&self) -> bool {
        self.blocked || self.stop || self.cut
    }
}

/// Why the level is HOLD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Hold {
    /// It is not.
    #[default]
    No,
    /// A person is nearby, and has been away again for so long, us.
    Near(Micros),
    /// Anything else: a person lets it go on.
    Fault,
}

/// Mode, authority and level, with everything that decides how they go on.
///
/// Clauses: O6, S4, S5, W1, W2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "latches are independent of each other")]
pub struct Machine {
    mode: Mode,
    /// The mode the next start leads into.
    selected: Mode,
    transient: [Transient; TRANSIENT.len()],
    /// How often LIMITED came within the window, and the time left of the window.
    limited_times: u8,
    limited_window: Micros,
    /// LIMITED waits for a person.
    limited_latched: bool,
    hold: Hold,
    latched: Option<Level>,
    /// How long the controlled stop, or the fall, has gone on.
    going_down: Micros,
    /// Torque was cut: it stays cut whatever comes.
    torque_cut: bool,
    /// After a fall: a person has inspected the robot.
    inspected: bool,
    /// Cuts and falls of the last day, and the time left of that day.
    strikes: u8,
    strikes_left: Micros,
    /// Good steps of the self-test in a row.
    good_steps: u8,
    /// The self-test has passed.
    tested: bool,
    /// Motion begins when this much warning has passed.
    warning: Micros,
}

/// What one step did besides changing the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What became of the act.
    pub answer: Option<Answer>,
    /// A lower level gave rise to a higher one because it lasted.
    pub escalated: bool,
    /// LIMITED came back too often.
    pub recurred: bool,
    /// A second cut or fall.
    pub struck_out: bool,
    /// Who drives has changed, or may drive anew: what was planned before counts no longer.
    pub handed_over: bool,
}

impl Machine {
    /// Switched off, nothing checked; or locked out for good, with a profile that breaks its rules.
    #[must_use]
    pub fn new(locked: bool) -> Self {
        Self {
            mode: if locked { Mode::Lockout } else { Mode::Off },
            selected: Mode::Auto,
            transient: [Transient::default(); TRANSIENT.len()],
            limited_times: 0,
            limited_window: 0,
            limited_latched: false,
            hold: Hold::No,
            latched: None,
            going_down: 0,
            torque_cut: false,
            inspected: false,
            strikes: 0,
            strikes_left: 0,
            good_steps: 0,
            tested: false,
            warning: 0,
        }
    }

    /// One step. First everything that makes it worse, then what a person does, then the
    /// self-test.
    ///
    /// Clauses: O1, S2, S5.
    pub fn step(&mut self, times: &Times, facts: &Facts) -> Step {
        let mut done = Step::default();
        let limp = self.is_limp();
        self.pass(times, facts);
        self.raise_transients(times, facts, &mut done);
        self.raise_hold(times, facts);
        self.raise_latches(times, facts, limp, &mut done);
        if let Some((role, act)) = facts.act {
            done.answer = Some(self.act(times, facts, (role, act), &mut done));
        }
        self.test_itself(times, facts);
        done
    }

    /// The mode of operation.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The worst of what is latched, held and not yet clean.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.latched {
            Some(latched) => latched,
            None if self.hold != Hold::No => Level::Hold,
            None => self.transient_level(),
        }
    }

    /// Who may ask the body to move: the brain, a person, nobody, or only the stop controller.
    #[must_use]
    pub fn authority(&self, facts: &Facts) -> Authority {
        if self.level() >= Level::Settle {
            return Authority::StopControl;
        }
        if self.hold != Hold::No || self.warning > 0 {
            return Authority::None;
        }
        match self.mode {
            Mode::Manual if facts.stick => Authority::Teleop,
            Mode::Supervised if facts.stick && facts.plan => Authority::Brain,
            Mode::Auto if facts.plan => Authority::Brain,
            _ => Authority::None,
        }
    }

    /// The drives carry no torque: nothing was started, or the stop has ended.
    #[must_use]
    pub fn is_limp(&self) -> bool {
        match self.latched {
            Some(Level::Settle) => false,
            Some(Level::Falling) => self.torque_cut,
            Some(_) => true,
            None => !self.is_driving(),
        }
    }

    /// Something may move the body: a start was given.
    #[must_use]
    pub const fn is_driving(&self) -> bool {
        matches!(self.mode, Mode::Manual | Mode::Supervised | Mode::Auto)
    }

    /// What is latched until a reset.
    #[must_use]
    pub const fn latched(&self) -> Option<Level> {
        self.latched
    }

    /// The level is HOLD or waits behind something worse.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.hold != Hold::No
    }

    /// Motion is about to begin by itself.
    #[must_use]
    pub fn warns(&self, times: &Times) -> bool {
        let back = matches!(self.hold, Hold::Near(away) if away >= times.near_clear);
        self.latched.is_none() && self.is_driving() && (self.warning > 0 || back)
    }

    /// The self-test has passed.
    #[must_use]
    pub const fn tested(&self) -> bool {
        self.tested
    }

    /// Good steps of the self-test in a row.
    #[must_use]
    pub const fn good_steps(&self) -> u8 {
        self.good_steps
    }

    /// LIMITED came back so often that it is halved and waits for a person.
    #[must_use]
    pub const fn limited_latched(&self) -> bool {
        self.limited_latched
    }

    /// Cuts and falls of the last day.
    #[must_use]
    pub const fn strikes(&self) -> u8 {
        self.strikes
    }

    /// How long the controlled stop goes on, us.
    #[must_use]
    pub fn settling(&self) -> Option<Micros> {
        (self.latched == Some(Level::Settle)).then_some(self.going_down)
    }

    fn transient_level(&self) -> Level {
        if self.limited_latched {
            return Level::Limited;
        }
        let dirty = TRANSIENT.iter().zip(&self.transient).rev().find(|(_, t)| t.is_dirty());
        dirty.map_or(Level::Nominal, |(level, _)| *level)
    }
}

/// What makes it worse.
impl Machine {
    /// Time passes for everything that only waits.
    fn pass(&mut self, times: &Times, facts: &Facts) {
        let dt = facts.elapsed;
        self.limited_window = self.limited_window.saturating_sub(dt);
        if self.limited_window == 0 {
            self.limited_times = 0;
        }
        self.strikes_left = self.strikes_left.saturating_sub(dt);
        if self.strikes_left == 0 && self.mode != Mode::Lockout {
            self.strikes = 0;
        }
        self.warning = self.warning.saturating_sub(dt);
        let most = times.settle_timeout;
        let down = matches!(self.latched, Some(Level::Settle | Level::Falling));
        self.going_down = if down { self.going_down.saturating_add(dt).min(most) } else { 0 };
    }

    fn raise_transients(&mut self, times: &Times, facts: &Facts, done: &mut Step) {
        // The usual case first: nothing is asked for, and nothing waits.
        if facts.asked == Level::Nominal && self.transient.iter().all(Transient::is_idle) {
            return;
        }
        let mut asked = facts.asked;
        let was_limited = self.transient_level() == Level::Limited;
        for (index, level) in TRANSIENT.into_iter().enumerate() {
            let (Some(transient), dwell) = (self.transient.get_mut(index), times.dwell(index))
            else {
                continue;
            };
            // Only the worst cause of a step is known; what is below it may last, too, or may not.
            if transient.take(facts.elapsed, asked == level, times.clean, dwell)
                && let Some(next) = TRANSIENT.get(index + 1)
            {
                done.escalated |= asked < *next;
                asked = asked.max(*next);
            }
        }
        if self.transient_level() == Level::Limited && !was_limited {
            self.limited_times = self.limited_times.saturating_add(1);
            // Only a whole window without one ends the count: there is no edge to slip across.
            self.limited_window = times.window;
            if self.limited_times > LIMITED_MAX {
                self.limited_latched = true;
                done.recurred = true;
            }
        }
    }

    fn raise_hold(&mut self, times: &Times, facts: &Facts) {
        let asked = facts.asked == Level::Hold;
        let enough = times.near_clear.saturating_add(times.warning);
        self.hold = match self.hold {
            Hold::Fault => Hold::Fault,
            _ if asked && !facts.near => Hold::Fault,
            _ if asked => Hold::Near(0),
            Hold::No => Hold::No,
            // After a stall, too, it has warned before motion begins.
            Hold::Near(away) if away < times.near_clear => {
                Hold::Near(away.saturating_add(facts.elapsed).min(times.near_clear))
            }
            Hold::Near(away) => match away.saturating_add(facts.elapsed) {
                away if away >= enough => Hold::No,
                away => Hold::Near(away),
            },
        };
    }

    fn raise_latches(&mut self, times: &Times, facts: &Facts, limp: bool, done: &mut Step) {
        let go_safe = matches!(facts.act, Some((_, OperatorAct::GoSafe)));
        let stops = facts.stop || facts.cut || go_safe || facts.asked >= Level::Settle;
        if !stops && self.latched.is_none() {
            return;
        }
        // Worst last, so that what is latched at the end is the worst.
        let stop = (facts.stop || go_safe).then_some(Level::Settle);
        let settling = self.latched == Some(Level::Settle);
        let stopped = (settling && facts.settled).then_some(Level::Stopped);
        let overdue = settling && !facts.settled && self.going_down >= times.settle_timeout;
        let cut = (facts.cut || overdue).then_some(Level::Cut);
        let asked = (facts.asked >= Level::Settle).then_some(facts.asked);
        for level in [stop, asked, stopped, cut].into_iter().flatten() {
            match level {
                // A limp robot never starts a controlled stop: it has stopped already.
                Level::Settle if limp => self.latch(Level::Stopped, times, done),
                level => self.latch(level, times, done),
            }
        }
        // Who has fallen lies still, or has had the time to.
        let down = facts.at_rest || self.going_down >= times.settle_timeout;
        self.torque_cut |= self.latched == Some(Level::Falling) && down;
    }

    fn latch(&mut self, level: Level, times: &Times, done: &mut Step) {
        self.torque_cut |= level == Level::Cut;
        let before = self.latched;
        if before.is_some_and(|latched| latched >= level) {
            return;
        }
        self.latched = Some(level);
        self.inspected = false;
        self.going_down = 0;
        // A cut that becomes a fall is one event. Locked out is locked out: a count begun there
        // would let a maintainer unlock what is locked for good.
        let counts = level >= Level::Cut && self.mode != Mode::Lockout;
        if counts && before.is_none_or(|latched| latched < Level::Cut) {
            self.strikes = self.strikes.saturating_add(1).min(STRIKES_MAX);
            self.strikes_left = times.day;
            if self.strikes >= STRIKES_MAX {
                self.mode = Mode::Lockout;
                done.struck_out = true;
            }
        }
    }

    /// Counts good steps until the self-test has passed.
    fn test_itself(&mut self, times: &Times, facts: &Facts) {
        if self.mode == Mode::Off {
            self.mode = Mode::SelfTest;
        }
        if self.mode != Mode::SelfTest {
            return;
        }
        let good = !facts.is_blocked() && !facts.outside;
        let most = times.self_test_steps;
        self.good_steps = if good { self.good_steps.saturating_add(1).min(most) } else { 0 };
        if self.good_steps >= most && self.latched.is_none() {
            self.tested = true;
            self.mode = Mode::Inhibited;
        }
    }
}
