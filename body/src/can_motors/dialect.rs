//! What every kind of CAN motor can be asked and told, whatever its bytes.

use core::fmt;
use core::time::Duration;
use std::time::Instant;

use motors::can::CanFrame;
use motors::mit::Measured;
use signals::{FaultCode, JointCommand};

use super::error::ConnectError;
use crate::{CanPort, PortError};

/// How a drive says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DriveState {
    /// No current flows.
    Disabled,
    /// It follows commands, or damps.
    Enabled,
    /// Something is wrong.
    Fault(FaultCode, u32),
}

/// What a frame means to a motor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Heard {
    /// It is not from this motor.
    NotMine,
    /// It is, and says nothing of position or state.
    Aside,
    /// What the motor measured, and how it is.
    Reading(Measured, DriveState),
    /// How the motor is, without a measurement.
    State(DriveState),
    /// What the motor says of itself and what it was told of itself do not go together.
    Contradiction(Contradiction),
}

/// Two numbers that should be the same and are not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contradiction {
    /// Of what.
    pub what: &'static str,
    /// By our tables or the robot file.
    pub ours: f32,
    /// By the motor.
    pub device: f32,
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, ours, device } = self;
        write!(f, "{what}: {ours} by the robot file and its tables, {device} by the motor")
    }
}

/// A kind of motor. Only `enable` may energise and only `clear` may clear a fault; `connect`, `ask`
/// and `check` do neither.
pub(crate) trait Dialect: Send {
    /// Finds the motor, compares what it says of itself with what is known of it, and sets its
    /// watchdog. How long after the last command it comes to rest, read back; `None` if it never
    /// does.
    fn connect(&mut self, line: &mut Line<'_>) -> Result<Option<Duration>, ConnectError>;

    /// A question for position and state.
    fn ask(&self) -> CanFrame;

    /// What must be asked before the motor may be energised, and now and then after it: a question
    /// without a reading for an answer, then one with. Empty when nothing is due.
    fn check(&mut self) -> [Option<CanFrame>; 2] {
        [None, None]
    }

    /// Nothing that must be asked before the motor may be energised is left.
    fn is_checked(&self) -> bool {
        true
    }

    /// The motor may have been without power, and lost what it was told until then: it is told and
    /// checked again before it is energised.
    fn doubt(&mut self) {}

    /// Energises.
    fn enable(&self) -> CanFrame;

    /// Takes the torque away. Sent only to a motor that says it is enabled.
    fn disable(&self) -> CanFrame;

    /// Clears a fault. Sent only for a fault that is present and was named.
    fn clear(&self) -> CanFrame;

    /// Follow `command`, of the motor's own output; `None` if it is not made of numbers.
    fn command(&self, command: &JointCommand) -> Option<CanFrame>;

    /// The motor can be told `command` as it is; else it is clamped.
    fn holds(&self, command: &JointCommand) -> bool;

    /// What `frame` means to this motor.
    fn hear(&mut self, frame: &CanFrame) -> Heard;
}

/// How often a question is asked before a motor counts as absent.
pub(crate) const TRIES: u32 = 3;

/// A conversation with one motor, before the loop begins.
pub(crate) struct Line<'a> {
    pub(crate) port: &'a mut dyn CanPort,
    /// For messages.
    pub(crate) name: &'a str,
    pub(crate) wait: Duration,
    /// Carried as CAN FD.
    pub(crate) flexible: bool,
    /// The longest that an answer took so far.
    pub(crate) slowest: Duration,
}

impl Line<'_> {
    /// Sends `frame` until an answer makes sense to `of`.
    pub(crate) fn ask<T>(
        &mut self,
        frame: &CanFrame,
        what: &'static str,
        mut of: impl FnMut(&CanFrame) -> Option<T>,
    ) -> Result<T, ConnectError> {
        for _ in 0..TRIES {
            let began = Instant::now();
            if !self.send(frame)? {
                continue;
            }
            for _ in 0..FRAMES_MAX {
                let received = self.port.receive(self.wait);
                match received.map_err(|why| self.lost(why))? {
                    None => break,
                    Some(frame) => {
                        if let Some(answer) = of(&frame) {
                            self.slowest = self.slowest.max(began.elapsed());
                            return Ok(answer);
                        }
                    }
                }
            }
        }
        Err(ConnectError::Silent { motor: self.name.to_owned(), what, tries: TRIES })
    }

    /// Sends a frame that nothing answers; whether the port took it.
    pub(crate) fn send(&mut self, frame: &CanFrame) -> Result<bool, ConnectError> {
        let frame = frame.as_flexible(self.flexible);
        let sent = self.port.send(&frame);
        sent.map_err(|why| self.lost(why))
    }

    /// Two numbers that must agree.
    pub(crate) fn agree(
        &self,
        what: &'static str,
        ours: f32,
        device: f32,
        tolerance: f32,
        help: &'static str,
    ) -> Result<(), ConnectError> {
        // Not a number is no agreement.
        if (ours - device).abs() <= tolerance {
            return Ok(());
        }
        let contradiction = Contradiction { what, ours, device };
        Err(ConnectError::Differs { motor: self.name.to_owned(), contradiction, help })
    }

    fn lost(&self, why: PortError) -> ConnectError {
        ConnectError::Port { motor: self.name.to_owned(), why }
    }
}

/// Most frames of others that are passed over while one waits for an answer.
const FRAMES_MAX: u32 = 1000;
