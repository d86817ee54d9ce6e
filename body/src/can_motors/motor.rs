//! One motor: what was heard of it, what it was asked, what is wrong with it.

use core::time::Duration;

use motors::can::CanFrame;
use motors::mit::Measured;
use signals::{
    Damping, DriveFault, FaultCode, Instant, JointCommand, JointId, JointReading, NewtonMetres,
    Radians, RadiansPerSecond, Stiffness,
};

use super::dialect::{Contradiction, Dialect, DriveState, Heard};
use super::plan::{MotorKind, MotorPlan};

pub(super) struct Motor {
    pub(super) bus: usize,
    pub(super) flexible: bool,
    joint: JointId,
    zero: Radians,
    direction: f32,
    gear: f32,
    pub(super) dialect: Box<dyn Dialect>,
    pub(super) watchdog: Option<Duration>,
    pub(super) reading: JointReading,
    /// `None` before it was heard.
    pub(super) state: Option<DriveState>,
    /// It was energised for us and not told to stop since.
    led: bool,
    pub(super) latch: Option<Latch>,
    questions: Questions,
    /// Twice as long as its slowest answer when it was connected.
    pub(super) answers_within: Duration,
    /// Since when nothing came although it was asked.
    silent_since: Option<Instant>,
}

/// A fault, until somebody clears it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Latch {
    pub(super) fault: DriveFault,
    /// When it was named by who wants to clear it.
    clearing: Option<Instant>,
    /// It stays until the program is started anew.
    contradiction: Option<Contradiction>,
}

/// How long a motor has to leave its fault after it was told to.
const CLEAR_WITHIN: Duration = Duration::from_millis(100);

/// What came of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is not from this motor.
    NotMine,
    /// It was used.
    Used,
    /// It is an answer that nobody asked for: its reading is as old as the one before.
    Unasked,
    /// It holds what is no number.
    NotFinite,
}

impl Motor {
    pub(super) fn new(plan: &MotorPlan, dialect: Box<dyn Dialect>) -> Self {
        Self {
            bus: plan.bus,
            flexible: plan.flexible || matches!(plan.kind, MotorKind::Moteus { .. }),
            joint: plan.joint,
            zero: plan.zero,
            direction: if plan.reversed { -1.0 } else { 1.0 },
            gear: plan.gear,
            dialect,
            watchdog: None,
            reading: JointReading::default(),
            state: None,
            led: false,
            latch: None,
            questions: Questions::default(),
            answers_within: Duration::ZERO,
            silent_since: None,
        }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.state == Some(DriveState::Enabled)
    }

    /// It does not move by itself: it says that no current flows.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.state, Some(DriveState::Disabled | DriveState::Fault(..)))
    }

    /// What a frame says at `now`; `next_fault` gives the id of a new fault.
    pub(super) fn hear(
        &mut self,
        frame: &CanFrame,
        now: Instant,
        next_fault: &mut impl FnMut() -> u16,
    ) -> Taken {
        match self.dialect.hear(frame) {
            Heard::NotMine => Taken::NotMine,
            Heard::Aside => Taken::Used,
            Heard::State(state) => {
                self.is_in(state, now, next_fault);
                Taken::Used
            }
            Heard::Contradiction(contradiction) => {
                self.latch(FaultCode::PARAMETERS, 0, next_fault);
                if let Some(latch) = &mut self.latch {
                    latch.contradiction = Some(contradiction);
                }
                Taken::Used
            }
            Heard::Reading(measured, state) => {
                self.is_in(state, now, next_fault);
                self.silent_since = None;
                let reading = self.at_joint(&measured);
                let Some(at) = self.questions.answered() else { return Taken::Unasked };
                if !reading.is_finite() {
                    return Taken::NotFinite;
                }
                self.reading = JointReading { at, ..reading };
                Taken::Used
            }
        }
    }

    /// A frame was sent at `now` and wants an answer. How many earlier ones are given up for it.
    pub(super) fn was_asked(&mut self, now: Instant) -> u32 {
        self.silent_since.get_or_insert(now);
        self.questions.asked(now)
    }

    /// An answer came later than one waited for it: from now on one waits longer, but not for ever.
    pub(super) fn was_late(&mut self, period: Duration, longest: Duration) {
        self.answers_within = (self.answers_within.max(period) + period).min(longest);
    }

    /// Gives up questions that were not answered in time; how many.
    pub(super) fn give_up(&mut self, now: Instant, period: Duration) -> u32 {
        self.questions.give_up(now, self.answers_within.max(period))
    }

    /// Latches the loss of a motor that has not answered for `longest`.
    pub(super) fn look_for_silence(
        &mut self,
        now: Instant,
        longest: Duration,
        next_fault: &mut impl FnMut() -> u16,
    ) {
        if self.silent_since.is_some_and(|since| now.since(since) > longest) {
            self.latch(FaultCode::LINK, 0, next_fault);
        }
    }

    /// Starts to clear the fault; whether the motor must be told.
    pub(super) fn clear(&mut self, now: Instant) -> bool {
        if let Some(latch) = &mut self.latch
            && latch.contradiction.is_none()
        {
            latch.clearing = Some(now);
            return matches!(self.state, Some(DriveState::Fault(..)));
        }
        false
    }

    /// It is told to give no torque.
    pub(super) fn is_released(&mut self) {
        self.led = false;
    }

    /// A motor that was not energised in time is at fault.
    pub(super) fn did_not_start(&mut self, next_fault: &mut impl FnMut() -> u16) {
        self.latch(FaultCode::HARDWARE, 0, next_fault);
    }

    pub(super) fn contradiction(&self) -> Option<Contradiction> {
        self.latch.and_then(|latch| latch.contradiction)
    }

    /// A command of the joint as one of the motor's output.
    pub(super) fn at_motor(&self, command: &JointCommand) -> JointCommand {
        let (to_motor, gain) = (self.direction * self.gear, self.gear * self.gear);
        JointCommand {
            q: Radians((command.q.0 - self.zero.0) * to_motor),
            dq: RadiansPerSecond(command.dq.0 * to_motor),
            kp: Stiffness(command.kp.0 / gain),
            kd: Damping(command.kd.0 / gain),
            tau: NewtonMetres(command.tau.0 / to_motor),
        }
    }

    fn at_joint(&self, measured: &Measured) -> JointReading {
        let to_motor = self.direction * self.gear;
        JointReading {
            q: Radians(measured.q.0 / to_motor + self.zero.0),
            dq: RadiansPerSecond(measured.dq.0 / to_motor),
            tau: NewtonMetres(measured.tau.0 * to_motor),
            temperature: measured.winding,
            at: self.reading.at,
        }
    }

    fn is_in(&mut self, state: DriveState, now: Instant, next_fault: &mut impl FnMut() -> u16) {
        let before = self.state.replace(state);
        match state {
            DriveState::Fault(code, raw) => self.is_at_fault(code, raw, now, next_fault),
            DriveState::Disabled if self.led && before == Some(DriveState::Enabled) => {
                // Nobody told it to: it broke off and began again.
                self.latch(FaultCode::SOFTWARE_RESET, 0, next_fault);
            }
            DriveState::Disabled => self.is_sound(now),
            // One with a fault is told to stop, and has to.
            DriveState::Enabled => self.led = self.latch.is_none(),
        }
    }

    /// A latched fault that was named just now goes: the motor has none.
    fn is_sound(&mut self, now: Instant) {
        let in_time = |since: Instant| now.since(since) <= CLEAR_WITHIN;
        self.latch.take_if(|latch| latch.clearing.take().is_some_and(in_time));
    }

    fn is_at_fault(
        &mut self,
        code: FaultCode,
        raw: u32,
        now: Instant,
        next_fault: &mut impl FnMut() -> u16,
    ) {
        if let Some(latch) = &mut self.latch {
            let same = (latch.fault.code, latch.fault.raw) == (code, raw);
            if latch.clearing.is_none_or(|since| same && now.since(since) <= CLEAR_WITHIN) {
                return;
            }
            // Clearing did not help, or something else is wrong now: a fault with an id of its own.
            self.latch = None;
        }
        self.latch(code, raw, next_fault);
    }

    /// The first fault stays; it is what the others came from.
    fn latch(&mut self, code: FaultCode, raw: u32, next_fault: &mut impl FnMut() -> u16) {
        self.led = false;
        if matches!(code, FaultCode::SOFTWARE_RESET | FaultCode::LINK) {
            self.dialect.doubt();
        }
        if self.latch.is_none() {
            let fault = DriveFault { id: next_fault(), code, joint: Some(self.joint), raw };
            self.latch = Some(Latch { fault, clearing: None, contradiction: None });
        }
    }
}

/// When a motor was asked and has not answered, oldest first.
///
/// Its answers carry no number, so an answer counts as one to the oldest question that is not given
/// up, which is one whose answer would have come by now: in twice the time of the slowest answer
/// when the motor was connected, and at least until the next cycle. An answer that nobody waits for
/// any more makes the wait longer. So a reading is stamped at most as much too early as answers may
/// take, and not too late as long as they keep to it.
#[derive(Clone, Copy, Debug)]
struct Questions {
    at: [Instant; OPEN_MAX],
    oldest: usize,
    open: usize,
}

/// Most questions that are open at once.
const OPEN_MAX: usize = 32;

impl Default for Questions {
    fn default() -> Self {
        Self { at: [Instant::ZERO; OPEN_MAX], oldest: 0, open: 0 }
    }
}

impl Questions {
    /// How many earlier ones are given up for lack of room.
    fn asked(&mut self, now: Instant) -> u32 {
        let full = self.open == OPEN_MAX && self.answered().is_some();
        if let Some(place) = self.at.get_mut((self.oldest + self.open) % OPEN_MAX) {
            *place = now;
            self.open += 1;
        }
        u32::from(full)
    }

    /// The oldest question that is open.
    fn answered(&mut self) -> Option<Instant> {
        self.open = self.open.checked_sub(1)?;
        let oldest = self.at.get(self.oldest).copied();
        self.oldest = (self.oldest + 1) % OPEN_MAX;
        oldest
    }

    /// How many are older than an answer takes.
    fn give_up(&mut self, now: Instant, window: Duration) -> u32 {
        let mut lost = 0;
        while self.open > 0 && self.at.get(self.oldest).is_some_and(|at| now.since(*at) > window) {
            self.answered();
            lost += 1;
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(at: u64) -> Instant {
        Instant::from_nanos(1_000_000 * at)
    }

    /// Clauses: M4.
    #[test]
    fn an_answer_is_never_newer_than_its_question() {
        let window = Duration::from_millis(4);
        let mut questions = Questions::default();
        assert_eq!(questions.answered(), None, "nobody asked");
        for at in 0..3 {
            assert_eq!(questions.asked(ms(at)), 0);
        }
        assert_eq!(questions.answered(), Some(ms(0)));
        // 1 and 2 are never answered: given up one by one when the window has passed.
        assert_eq!((questions.asked(ms(4)), questions.give_up(ms(4), window)), (0, 0));
        assert_eq!(questions.give_up(ms(6), window), 1);
        assert_eq!(questions.give_up(ms(7), window), 1);
        assert_eq!(questions.answered(), Some(ms(4)));
        let lost: u32 = (0..OPEN_MAX + 3).map(|_| questions.asked(ms(9))).sum();
        assert_eq!(lost, 3, "more open at once than there is room");
    }
}
