//! moteus controllers: how they are found, checked and led.

use core::time::Duration;

use motors::can::CanFrame;
use motors::moteus::{self, Answer, Bounds, Gains, Mode, REGISTER_MAP};
use signals::{JointCommand, NewtonMetres};

use super::dialect::{Contradiction, Dialect, DriveState, Heard, Line};
use super::error::ConnectError;

pub(super) struct Moteus {
    id: u8,
    /// As it is configured; read when it is connected.
    gains: Gains,
    bounds: Bounds,
    ask: CanFrame,
    limp: CanFrame,
    stop: CanFrame,
    /// How long its program had run at its last answer, ms.
    uptime: Option<i32>,
}

impl Moteus {
    /// `None` for a bound that is not a number.
    pub(super) fn new(id: u8, tau: NewtonMetres, watchdog: Duration) -> Option<Self> {
        let bounds = Bounds { tau, watchdog: watchdog.as_secs_f32() };
        let gains = Gains { kp: 1.0, kd: 1.0 };
        Some(Self {
            id,
            gains,
            bounds,
            ask: moteus::ask(id)?,
            limp: moteus::command(id, &JointCommand::LIMP, &gains, &bounds)?,
            stop: moteus::stop(id)?,
            uptime: None,
        })
    }

    /// A number of the controller's configuration, by lines of text.
    fn configured(
        &self,
        line: &mut Line<'_>,
        key: &str,
        what: &'static str,
    ) -> Result<f32, ConnectError> {
        let silent = || ConnectError::Silent { motor: line.name.to_owned(), what, tries: 0 };
        let words = format!("conf get {key}\n");
        let question = moteus::say(self.id, words.as_bytes()).ok_or_else(silent)?;
        let poll = moteus::listen(self.id).ok_or_else(silent)?;
        let piece = |line: &mut Line<'_>| {
            line.ask(&poll, what, |frame| moteus::text(frame, self.id).map(<[u8]>::to_vec))
        };
        // What it still has to say to somebody else must not be taken for the answer.
        for _ in 0..PIECES_MAX {
            if piece(line)?.is_empty() {
                break;
            }
        }
        line.send(&question)?;
        let mut said = String::new();
        for _ in 0..PIECES_MAX {
            said.push_str(&String::from_utf8_lossy(&piece(line)?));
            // A number without the end of its line may go on.
            let lines = said.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some(number) = lines.lines().find_map(|word| word.trim().parse().ok()) {
                return Ok(number);
            }
        }
        Err(silent())
    }

    fn versions(&self, line: &mut Line<'_>) -> Result<Answer, ConnectError> {
        let what = "its register map";
        let silent = || ConnectError::Silent { motor: line.name.to_owned(), what, tries: 0 };
        let question = moteus::ask_versions(self.id).ok_or_else(silent)?;
        line.ask(&question, what, |frame| {
            moteus::answer(frame, self.id).filter(|answer| answer.register_map.is_some())
        })
    }
}

/// Most pieces of text that are read before and after a question.
const PIECES_MAX: u32 = 32;

impl Dialect for Moteus {
    fn connect(&mut self, line: &mut Line<'_>) -> Result<Option<Duration>, ConnectError> {
        let map = self.versions(line)?.register_map.unwrap_or(-1);
        #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
        let (ours, device) = (REGISTER_MAP as f32, map as f32);
        let help = "update its firmware, or this program";
        line.agree("version of the register map", ours, device, 0.0, help)?;
        let kp = self.configured(line, "servo.pid_position.kp", "its stiffness")?;
        let ki = self.configured(line, "servo.pid_position.ki", "its integral gain")?;
        let kd = self.configured(line, "servo.pid_position.kd", "its damping")?;
        let help = "set servo.pid_position.ki to 0: a joint of a robot is no integrator";
        line.agree("integral gain", 0.0, ki, 0.0, help)?;
        let help = "set servo.pid_position.kp and kd above what the robot asks for";
        let known = if kp > 0.0 && kd > 0.0 { 0.0 } else { 1.0 };
        line.agree("stiffness and damping that are positive", 1.0, 1.0 - known, 0.0, help)?;
        self.gains = Gains { kp, kd };
        let wanted = self.bounds.watchdog;
        let Some(question) = moteus::try_watchdog(self.id, wanted) else { return Ok(None) };
        let held = line.ask(&question, "its watchdog", |frame| {
            moteus::answer(frame, self.id).and_then(|answer| answer.watchdog)
        })?;
        Ok((held == wanted).then(|| Duration::from_secs_f32(wanted)))
    }

    fn ask(&self) -> CanFrame {
        self.ask
    }

    /// It has no frame for that alone: a command without stiffness, damping and torque.
    fn enable(&self) -> CanFrame {
        self.limp
    }

    fn disable(&self) -> CanFrame {
        self.stop
    }

    fn clear(&self) -> CanFrame {
        self.stop
    }

    fn command(&self, command: &JointCommand) -> Option<CanFrame> {
        moteus::command(self.id, command, &self.gains, &self.bounds)
    }

    fn holds(&self, command: &JointCommand) -> bool {
        moteus::holds(command, &self.gains, &self.bounds)
    }

    fn hear(&mut self, frame: &CanFrame) -> Heard {
        let Some(answer) = moteus::answer(frame, self.id) else { return Heard::NotMine };
        let Some(mode) = answer.mode() else { return Heard::Aside };
        let raw =
            answer.fault.unwrap_or(0).unsigned_abs() << 8 | answer.mode.unwrap_or(0).unsigned_abs();
        let before = core::mem::replace(&mut self.uptime, answer.uptime);
        let began_anew = matches!(
            (before, answer.uptime), (Some(before), Some(now)) if now.wrapping_sub(before) < 0
        );
        let state = match (answer.fault(), mode) {
            (Some(code), _) => DriveState::Fault(code, raw),
            // It lost what it was told, and follows again only because every command says so.
            (None, _) if began_anew => DriveState::Disabled,
            (None, Mode::Stopped) => DriveState::Disabled,
            (None, _) => DriveState::Enabled,
        };
        // Only a command in force has a watchdog to speak of.
        let ours = self.bounds.watchdog;
        if mode == Mode::Position
            && let Some(device) = answer.watchdog
            && device != ours
        {
            return Heard::Contradiction(Contradiction { what: "watchdog, s", ours, device });
        }
        Heard::Reading(answer.measured(), state)
    }
}
