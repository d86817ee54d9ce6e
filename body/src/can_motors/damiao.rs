//! DAMIAO motors: how they are found, checked and led.

use core::time::Duration;

use motors::can::{CanFrame, CanId};
use motors::damiao::{self, CONTROL_MODE_MIT, Register, Status, TIMEOUT_UNIT_US};
use motors::mit::Scale;
use signals::JointCommand;

use super::dialect::{Dialect, DriveState, Heard, Line};
use super::error::ConnectError;

pub(super) struct Damiao {
    id: u16,
    /// On which it answers; learnt from its first answer.
    master: CanId,
    scale: Scale,
    watchdog: Duration,
    /// It took its watchdog when it was connected.
    takes_watchdog: bool,
    /// What is left until its watchdog is known to be set again.
    left: Left,
}

/// What is left to do before it may be energised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Write,
    Read,
    Nothing,
}

impl Damiao {
    pub(super) const fn new(id: u16, scale: Scale, watchdog: Duration) -> Self {
        let master = CanId::Standard(0);
        Self { id, master, scale, watchdog, takes_watchdog: false, left: Left::Nothing }
    }

    /// The watchdog as its register holds it.
    fn units(&self) -> u32 {
        let units = self.watchdog.as_micros() / u128::from(TIMEOUT_UNIT_US);
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    fn float(&self, line: &mut Line<'_>, register: Register) -> Result<f32, ConnectError> {
        self.read(line, register, "a register").map(f32::from_le_bytes)
    }

    fn read(
        &self,
        line: &mut Line<'_>,
        register: Register,
        what: &'static str,
    ) -> Result<[u8; 4], ConnectError> {
        let question = damiao::read(self.id, register);
        line.ask(&question, what, |frame| damiao::register(frame, self.id, register))
    }
}

impl Dialect for Damiao {
    fn connect(&mut self, line: &mut Line<'_>) -> Result<Option<Duration>, ConnectError> {
        let question = damiao::read(self.id, Register::FIRMWARE);
        self.master = line.ask(&question, "its firmware", |frame| {
            damiao::register(frame, self.id, Register::FIRMWARE).map(|_| frame.id())
        })?;
        let mode = self.read(line, Register::CONTROL_MODE, "its control mode")?;
        let help = "set it to MIT mode with the maker's tool and save it";
        let mode = number(u32::from_le_bytes(mode));
        line.agree("control mode", number(CONTROL_MODE_MIT), mode, 0.0, help)?;
        let ends = [
            ("end of the position scale, rad", Register::Q_MAX, self.scale.q.0),
            ("end of the velocity scale, rad/s", Register::DQ_MAX, self.scale.dq.0),
            ("end of the torque scale, N.m", Register::TAU_MAX, self.scale.tau.0),
        ];
        for (what, register, ours) in ends {
            let device = self.float(line, register)?;
            let help = "name the model it really is, or set its scale with the maker's tool";
            line.agree(what, ours, device, 1e-4 * ours, help)?;
        }
        let units = self.units();
        let write = damiao::write(self.id, Register::TIMEOUT, units.to_le_bytes());
        line.ask(&write, "its watchdog", |frame| {
            damiao::written(frame, self.id, Register::TIMEOUT)
        })?;
        let held = self.read(line, Register::TIMEOUT, "its watchdog")?;
        self.takes_watchdog = u32::from_le_bytes(held) == units && units > 0;
        Ok(self.takes_watchdog.then_some(self.watchdog))
    }

    fn check(&mut self) -> [Option<CanFrame>; 2] {
        let aside = match self.left {
            Left::Write => {
                self.left = Left::Read;
                damiao::write(self.id, Register::TIMEOUT, self.units().to_le_bytes())
            }
            Left::Read => {
                self.left = Left::Write;
                damiao::read(self.id, Register::TIMEOUT)
            }
            Left::Nothing => return [None, None],
        };
        [Some(aside), Some(self.ask())]
    }

    fn is_checked(&self) -> bool {
        self.left == Left::Nothing
    }

    fn doubt(&mut self) {
        if self.takes_watchdog {
            self.left = Left::Write;
        }
    }

    fn ask(&self) -> CanFrame {
        damiao::refresh(self.id)
    }

    fn enable(&self) -> CanFrame {
        damiao::enable(self.id)
    }

    fn disable(&self) -> CanFrame {
        damiao::disable(self.id)
    }

    fn clear(&self) -> CanFrame {
        damiao::clear(self.id)
    }

    fn command(&self, command: &JointCommand) -> Option<CanFrame> {
        damiao::command(self.id, command, &self.scale)
    }

    fn holds(&self, command: &JointCommand) -> bool {
        self.scale.holds(command)
    }

    fn hear(&mut self, frame: &CanFrame) -> Heard {
        if frame.id() != self.master {
            return Heard::NotMine;
        }
        if let Some(held) = damiao::register(frame, self.id, Register::TIMEOUT) {
            if u32::from_le_bytes(held) == self.units() {
                self.left = Left::Nothing;
            }
            return Heard::Aside;
        }
        // A late answer about a register looks like a position at the very end of the scale.
        if damiao::is_about_a_register(frame, self.id) {
            return Heard::Aside;
        }
        let Some(said) = damiao::feedback(frame, self.id, &self.scale) else {
            return Heard::NotMine;
        };
        let state = match (said.status, said.status.fault()) {
            (status, Some(code)) => DriveState::Fault(code, u32::from(status.0)),
            (Status::ENABLED, None) => DriveState::Enabled,
            (_, None) => DriveState::Disabled,
        };
        Heard::Reading(said.measured, state)
    }
}

/// A small whole number for a message.
#[expect(clippy::cast_precision_loss, reason = "modes and the like")]
fn number(whole: u32) -> f32 {
    whole as f32
}
