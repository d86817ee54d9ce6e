//! What a person may do, in which role, and what it does: the ways down the ladder.
//!
//! Nothing the brain sends comes this way. Back to motion after a stop there are three separate
//! acts: the device is released, a reset clears the latch, a start permits motion.

use signals::{Level, Mode, OperatorAct, Role};

use super::{Facts, Hold, Machine, Step};
use crate::machine::timer::Times;

/// What became of an act.
pub type Answer = Result<(), Why>;

/// Why an act is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// This role may not do that.
    Role,
    /// There is nothing to do in this mode.
    Nothing,
    /// A device is pressed or a cause persists.
    Blocked,
    /// A joint is outside its limits.
    Outside,
    /// The level does not permit it.
    Level,
    /// The body is not at rest.
    Moving,
    /// The self-test has not passed.
    Untested,
    /// The robot is locked out.
    Locked,
    /// Nobody supervises the robot.
    Alone,
    /// There is no fresh plan to go on with.
    NoPlan,
    /// The stick is not held.
    NoStick,
    /// Nobody has inspected the robot after its fall.
    Uninspected,
}

impl Machine {
    pub(super) fn act(
        &mut self,
        times: &Times,
        facts: &Facts,
        (role, act): (Role, OperatorAct),
        done: &mut Step,
    ) -> Answer {
        match act {
            // It has been taken in as a stop already: anybody may.
            OperatorAct::GoSafe => Ok(()),
            OperatorAct::Reset => self.reset(facts, role, done),
            OperatorAct::Start => self.start(times, facts, role, done),
            OperatorAct::Acknowledge => self.acknowledge(role),
            OperatorAct::TakeOver => self.take_over(facts, role, done),
            OperatorAct::HandBack => self.hand_back(facts, role, done),
            OperatorAct::Select(mode) => self.select(role, mode),
            OperatorAct::Unlock => self.unlock(facts, role, done),
        }
    }

    /// At the robot, at rest, device released, no cause left.
    fn reset(&mut self, facts: &Facts, role: Role, done: &mut Step) -> Answer {
        let Some(latched) = self.latched else { return Err(Why::Nothing) };
        at_least(role, Role::Local)?;
        if self.mode == Mode::Lockout {
            return Err(Why::Locked);
        }
        unless(facts.is_blocked(), Why::Blocked)?;
        unless(latched == Level::Settle || !facts.at_rest, Why::Moving)?;
        unless(latched == Level::Falling && !self.inspected, Why::Uninspected)?;
        let Self { selected, strikes, strikes_left, good_steps, tested, .. } = *self;
        let mode = match self.mode {
            // Only a maintainer ends maintenance, through a new self-test.
            Mode::Maint => Mode::Maint,
            _ if tested => Mode::Inhibited,
            _ => Mode::SelfTest,
        };
        let kept = Self { selected, strikes, strikes_left, good_steps, tested, ..Self::new(false) };
        *self = Self { mode, ..kept };
        done.handed_over = true;
        Ok(())
    }

    /// Tested, nothing latched, nothing wrong; out of HOLD only with somebody who can drive.
    fn start(&mut self, times: &Times, facts: &Facts, role: Role, done: &mut Step) -> Answer {
        let resume = self.is_driving();
        at_least(role, if resume { Role::Supervisor } else { Role::Operator })?;
        unless(facts.is_blocked(), Why::Blocked)?;
        unless(facts.outside, Why::Outside)?;
        unless(self.latched.is_some() || self.transient_level() >= Level::Limited, Why::Level)?;
        // Who stands beside the robot may start it, and it waits until he has gone away.
        let asked = facts.asked >= Level::Hold;
        unless(asked && (resume || !facts.near), Why::Level)?;
        unless(facts.alone, Why::Alone)?;
        match self.mode {
            Mode::Inhibited => {
                self.mode = self.selected;
                done.handed_over = true;
            }
            Mode::Off | Mode::SelfTest => return Err(Why::Untested),
            Mode::Lockout => return Err(Why::Locked),
            Mode::Maint => return Err(Why::Nothing),
            Mode::Manual | Mode::Supervised | Mode::Auto if self.hold == Hold::No => {
                return Err(Why::Nothing);
            }
            Mode::Manual => unless(!facts.stick, Why::NoStick)?,
            Mode::Supervised | Mode::Auto => unless(!facts.plan, Why::NoPlan)?,
        }
        if !asked {
            self.hold = Hold::No;
        }
        // Who is not at the robot has not seen who stands beside it.
        self.warning = if role < Role::Operator { times.warning } else { 0 };
        Ok(())
    }

    /// "I have seen it": ends a LIMITED that waits for a person; after a fall, "I have inspected".
    fn acknowledge(&mut self, role: Role) -> Answer {
        if self.latched == Some(Level::Falling) && !self.inspected {
            at_least(role, Role::Local)?;
            self.inspected = true;
            return Ok(());
        }
        at_least(role, Role::Operator)?;
        unless(!self.limited_latched, Why::Nothing)?;
        self.limited_latched = false;
        self.limited_times = 0;
        self.limited_window = 0;
        Ok(())
    }

    /// From the brain to the stick, while moving or standing; stops stay what they are.
    fn take_over(&mut self, facts: &Facts, role: Role, done: &mut Step) -> Answer {
        at_least(role, Role::Operator)?;
        unless(!matches!(self.mode, Mode::Auto | Mode::Supervised), Why::Nothing)?;
        unless(self.latched.is_some(), Why::Level)?;
        unless(!facts.stick, Why::NoStick)?;
        self.selected = self.mode;
        self.mode = Mode::Manual;
        done.handed_over = true;
        Ok(())
    }

    /// From the stick back to the brain.
    fn hand_back(&mut self, facts: &Facts, role: Role, done: &mut Step) -> Answer {
        at_least(role, Role::Operator)?;
        let from_brain = matches!(self.selected, Mode::Auto | Mode::Supervised);
        unless(self.mode != Mode::Manual || !from_brain, Why::Nothing)?;
        unless(facts.is_blocked(), Why::Blocked)?;
        unless(self.latched.is_some() || self.hold != Hold::No, Why::Level)?;
        unless(facts.alone, Why::Alone)?;
        self.mode = self.selected;
        done.handed_over = true;
        Ok(())
    }

    /// The mode of the next start, while nothing may move. Out of maintenance only through a new
    /// self-test.
    fn select(&mut self, role: Role, mode: Mode) -> Answer {
        let selectable = matches!(mode, Mode::Manual | Mode::Supervised | Mode::Auto | Mode::Maint);
        let maintained = mode == Mode::Maint || self.mode == Mode::Maint;
        at_least(role, if maintained { Role::Maintainer } else { Role::Operator })?;
        unless(!selectable, Why::Nothing)?;
        unless(!matches!(self.mode, Mode::Inhibited | Mode::Maint), Why::Nothing)?;
        match (self.mode, mode) {
            (_, Mode::Maint) => self.mode = Mode::Maint,
            (Mode::Maint, _) => {
                self.tested = false;
                self.good_steps = 0;
                self.mode = Mode::SelfTest;
                self.selected = mode;
            }
            _ => self.selected = mode,
        }
        Ok(())
    }

    /// Ends a lockout. What is latched stays latched, and the self-test begins anew.
    fn unlock(&mut self, facts: &Facts, role: Role, done: &Step) -> Answer {
        at_least(role, Role::Maintainer)?;
        // Without strikes it is locked out for good; what begins in this step nobody has seen.
        let locked = self.mode == Mode::Lockout && self.strikes > 0 && !done.struck_out;
        unless(!locked, Why::Nothing)?;
        unless(facts.is_blocked(), Why::Blocked)?;
        unless(!facts.at_rest, Why::Moving)?;
        self.strikes = 0;
        self.strikes_left = 0;
        self.tested = false;
        self.good_steps = 0;
        self.mode = Mode::SelfTest;
        Ok(())
    }
}

fn at_least(role: Role, needed: Role) -> Result<(), Why> {
    unless(role < needed, Why::Role)
}

const fn unless(wrong: bool, why: Why) -> Result<(), Why> {
    if wrong { Err(why) } else { Ok(()) }
}
