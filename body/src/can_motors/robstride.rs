//! RobStride motors: how they are found, checked and led.

use core::time::Duration;

use motors::can::CanFrame;
use motors::mit::{Measured, Scale};
use motors::robstride::{
    self, Address, Answer, Mode, Parameter, RUN_MODE_OPERATION, TIMEOUT_PER_SECOND,
};
use signals::{JointCommand, NewtonMetres};

use super::dialect::{Contradiction, Dialect, DriveState, Heard, Line, TRIES};
use super::error::ConnectError;

pub(super) struct RobStride {
    to: Address,
    scale: Scale,
    watchdog: Duration,
    /// The motor itself gives no more, whatever it is told by whichever scale.
    tau_max: NewtonMetres,
    /// The last feedback by the scale.
    scaled: Option<Measured>,
    /// The position the motor itself named last.
    named: Option<f32>,
    /// The velocity the motor itself just named; the feedback that follows is of the same moment.
    named_dq: Option<f32>,
    /// It took its watchdog when it was connected.
    takes_watchdog: bool,
    /// What is left to do before it may be energised.
    left: Left,
    /// Frames until the velocity is compared again.
    until_check: u32,
    /// Comparisons of velocities in a row that failed.
    suspicious: u32,
}

/// What is left to do before a motor may be energised, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Set the watchdog and the bound of the torque again; both are lost without power.
    Watchdog,
    Torque,
    /// Read both back.
    ReadWatchdog,
    ReadTorque,
    /// Find the position by the scale to be the motor's own.
    Position,
    Nothing,
}

/// Commands from one comparison of velocities to the next.
pub(super) const CHECK_EVERY: u32 = 64;
/// How far the motor's own position may be from the one by the scale, rad: a few of the scale's
/// steps, and how far a joint at rest may be turned between the two answers.
const Q_TOLERANCE: f32 = 0.02;
/// Below this speed nothing can be said of the scale, rad/s.
const DQ_TELLING: f32 = 2.0;
/// How far two velocities may differ, as a part of the larger one: the nearest two scales of one
/// model differ by more, the motor's own acceleration between two answers is less.
const DQ_TOLERANCE: f32 = 0.2;

impl RobStride {
    pub(super) const fn new(
        to: Address,
        scale: Scale,
        tau_max: NewtonMetres,
        watchdog: Duration,
    ) -> Self {
        Self {
            to,
            scale,
            watchdog,
            tau_max,
            scaled: None,
            named: None,
            named_dq: None,
            takes_watchdog: false,
            left: Left::Position,
            until_check: CHECK_EVERY,
            suspicious: 0,
        }
    }

    fn read(
        &self,
        line: &mut Line<'_>,
        parameter: Parameter,
        what: &'static str,
    ) -> Result<[u8; 4], ConnectError> {
        let question = robstride::read(self.to, parameter);
        line.ask(&question, what, |frame| match robstride::answer(frame, self.to, &self.scale)? {
            Answer::Parameter(of, value) if of == parameter => Some(value),
            _ => None,
        })
    }

    /// Sets a parameter. It answers with feedback that names no parameter, so what it holds is
    /// asked for on top; a frame that was lost is sent again.
    fn set(
        &self,
        line: &mut Line<'_>,
        parameter: Parameter,
        value: [u8; 4],
        what: &'static str,
    ) -> Result<[u8; 4], ConnectError> {
        let mut held = [0; 4];
        for _ in 0..TRIES {
            line.send(&robstride::write(self.to, parameter, value))?;
            held = self.read(line, parameter, what)?;
            if held == value {
                break;
            }
        }
        Ok(held)
    }

    /// The position by the scale and the motor's own, as soon as both are known.
    fn compare_positions(&mut self) -> Heard {
        let (Some(scaled), Some(device)) = (self.scaled, self.named) else { return Heard::Aside };
        // A motor that was turned beyond its scale answers with the end.
        let ours = scaled.q.0;
        let end = self.scale.q.0;
        if (device.clamp(-end, end) - ours).abs() <= Q_TOLERANCE {
            self.left = Left::Nothing;
            return Heard::Aside;
        }
        Heard::Contradiction(Contradiction { what: "position, rad", ours, device })
    }

    fn hear_parameter(&mut self, of: Parameter, value: [u8; 4]) -> Heard {
        let float = f32::from_le_bytes(value);
        match (self.left, of) {
            (Left::ReadWatchdog, Parameter::TIMEOUT) => {
                let held = u32::from_le_bytes(value) == self.units();
                // What was written may have been lost on its way.
                let ok = held || !self.takes_watchdog;
                self.left = if ok { Left::ReadTorque } else { Left::Watchdog };
                Heard::Aside
            }
            (Left::ReadTorque, Parameter::TORQUE_MAX) => {
                let held = (float - self.tau_max.0).abs() <= 1e-3 * self.tau_max.0;
                self.left = if held { Left::Position } else { Left::Watchdog };
                Heard::Aside
            }
            (Left::Position, Parameter::Q) => {
                self.named = Some(float);
                self.compare_positions()
            }
            (Left::Nothing, Parameter::DQ) => {
                self.named_dq = Some(float);
                Heard::Aside
            }
            _ => Heard::Aside,
        }
    }

    /// The watchdog as its parameter holds it.
    fn units(&self) -> u32 {
        let units = self.watchdog.as_micros() * u128::from(TIMEOUT_PER_SECOND) / 1_000_000;
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    fn compare_velocities(&mut self, scaled: Measured, device: f32) -> Heard {
        let ours = scaled.dq.0;
        let faster = ours.abs().max(device.abs());
        let differs = (ours - device).abs() > DQ_TOLERANCE * faster;
        if faster < DQ_TELLING || !differs {
            self.suspicious = 0;
            return Heard::Aside;
        }
        self.suspicious += 1;
        // Once may be a blow between the two answers.
        if self.suspicious < 2 {
            return Heard::Aside;
        }
        Heard::Contradiction(Contradiction { what: "velocity, rad/s", ours, device })
    }
}

impl Dialect for RobStride {
    fn connect(&mut self, line: &mut Line<'_>) -> Result<Option<Duration>, ConnectError> {
        let is_id = |frame: &CanFrame| {
            matches!(robstride::answer(frame, self.to, &self.scale), Some(Answer::Id(_)))
                .then_some(())
        };
        line.ask(&robstride::ask_id(self.to), "its number", is_id)?;
        let what = "control mode";
        let [mode, ..] = self.read(line, Parameter::RUN_MODE, what)?;
        let help = "set run_mode to 0 with the maker's tool and save it";
        line.agree(what, f32::from(RUN_MODE_OPERATION), f32::from(mode), 0.0, help)?;
        let (what, bound) = ("highest torque, N.m", self.tau_max.0);
        let held = self.set(line, Parameter::TORQUE_MAX, bound.to_le_bytes(), what)?;
        let help = "its firmware does not take limit_torque; update it";
        line.agree(what, bound, f32::from_le_bytes(held), 1e-3 * bound, help)?;
        let units = self.units();
        let held = self.set(line, Parameter::TIMEOUT, units.to_le_bytes(), "its watchdog")?;
        self.takes_watchdog = u32::from_le_bytes(held) == units && units > 0;
        Ok(self.takes_watchdog.then_some(self.watchdog))
    }

    /// The only frame that makes it tell its faults and energises nothing; it takes no fault away.
    fn ask(&self) -> CanFrame {
        robstride::stop(self.to)
    }

    fn check(&mut self) -> [Option<CanFrame>; 2] {
        let stop = Some(robstride::stop(self.to));
        let write = |parameter, value| Some(robstride::write(self.to, parameter, value));
        let read = |parameter| Some(robstride::read(self.to, parameter));
        match self.left {
            // What sets a parameter is answered with a reading.
            Left::Watchdog => {
                self.left = Left::Torque;
                [None, write(Parameter::TIMEOUT, self.units().to_le_bytes())]
            }
            Left::Torque => {
                self.left = Left::ReadWatchdog;
                [None, write(Parameter::TORQUE_MAX, self.tau_max.0.to_le_bytes())]
            }
            Left::ReadWatchdog => [read(Parameter::TIMEOUT), stop],
            Left::ReadTorque => [read(Parameter::TORQUE_MAX), stop],
            Left::Position => {
                (self.scaled, self.named) = (None, None);
                [read(Parameter::Q), stop]
            }
            Left::Nothing => {
                self.until_check = self.until_check.saturating_sub(1);
                if self.until_check > 0 {
                    return [None, None];
                }
                self.until_check = CHECK_EVERY;
                [read(Parameter::DQ), None]
            }
        }
    }

    fn is_checked(&self) -> bool {
        self.left == Left::Nothing
    }

    fn doubt(&mut self) {
        self.left = Left::Watchdog;
        (self.scaled, self.named, self.named_dq) = (None, None, None);
        self.suspicious = 0;
    }

    fn enable(&self) -> CanFrame {
        robstride::enable(self.to)
    }

    fn disable(&self) -> CanFrame {
        robstride::stop(self.to)
    }

    fn clear(&self) -> CanFrame {
        robstride::clear(self.to)
    }

    fn command(&self, command: &JointCommand) -> Option<CanFrame> {
        robstride::command(self.to, command, &self.scale)
    }

    fn holds(&self, command: &JointCommand) -> bool {
        self.scale.holds(command)
    }

    fn hear(&mut self, frame: &CanFrame) -> Heard {
        match robstride::answer(frame, self.to, &self.scale) {
            None => Heard::NotMine,
            Some(Answer::Feedback { mode, faults, measured }) => {
                self.scaled = Some(measured);
                let compared = match (self.left, self.named_dq.take()) {
                    (Left::Position, _) => self.compare_positions(),
                    (Left::Nothing, Some(device)) => self.compare_velocities(measured, device),
                    _ => Heard::Aside,
                };
                if matches!(compared, Heard::Contradiction(_)) {
                    return compared;
                }
                let state = match (faults.fault(), mode) {
                    (Some(code), _) => DriveState::Fault(code, u32::from(faults.0)),
                    (None, Mode::Reset) => DriveState::Disabled,
                    (None, Mode::Calibrating | Mode::Running | Mode::Unknown) => {
                        DriveState::Enabled
                    }
                };
                Heard::Reading(measured, state)
            }
            Some(Answer::Fault(words)) => words
                .fault()
                .map_or(Heard::Aside, |code| Heard::State(DriveState::Fault(code, words.faults))),
            Some(Answer::Parameter(of, value)) => self.hear_parameter(of, value),
            Some(Answer::Id(_) | Answer::Refused(_)) => Heard::Aside,
        }
    }
}
