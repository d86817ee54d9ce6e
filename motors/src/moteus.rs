//! moteus controllers of mjbots, by the maker's own crate.
//!
//! A frame writes and reads registers; a frame that writes no mode changes nothing. Positions are
//! in turns. Writing the mode "stopped" takes the torque away and also clears a fault or a latched
//! timeout, so it must not be sent to a controller that has one. Sources: crate `moteus-protocol`;
//! the firmware's `moteus_controller.cc`.

use core::f32::consts::TAU;

use moteus_protocol::command::{PositionCommand, PositionFormat, StopCommand};
use moteus_protocol::query::QueryFormat;
use moteus_protocol::{CanFdFrame, Register, Resolution, Value, WriteCanData, diagnostic, scaling};
use signals::{Celsius, FaultCode, JointCommand, NewtonMetres, Radians, RadiansPerSecond};

use crate::can::{CanFrame, CanId};
use crate::fdcanusb::from_vendor;
use crate::mit::Measured;

/// The register map this module was written for.
pub const REGISTER_MAP: i32 = moteus_protocol::CURRENT_REGISTER_MAP_VERSION as i32;
/// The channel on which it takes lines of text.
const DIAGNOSTIC: u8 = 1;
/// Most bytes of text in one frame.
pub const TEXT_MAX: usize = diagnostic::MAX_WRITE;

/// The gains that a controller is configured with; a command can only scale them down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gains {
    /// `servo.pid_position.kp`, N.m per turn.
    pub kp: f32,
    /// `servo.pid_position.kd`, N.m per turn/s.
    pub kd: f32,
}

/// What goes with every command and bounds it in the controller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Highest torque, either way.
    pub tau: NewtonMetres,
    /// How long the command is followed, s.
    pub watchdog: f32,
}

/// How a controller says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No torque.
    Stopped,
    /// A fault took the torque away.
    Fault,
    /// No command came in time; it damps, until it is stopped.
    TimedOut,
    /// It follows commands.
    Position,
    /// Another mode in which current may flow.
    Other(i32),
}

/// What a controller answered to a command or a question.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Answer {
    /// Mode, as the controller writes it.
    pub mode: Option<i32>,
    /// Position, turns.
    pub position: f32,
    /// Velocity, turns a second.
    pub velocity: f32,
    /// Torque, N.m.
    pub torque: f32,
    /// Of the motor; NaN without a sensor.
    pub motor_temperature: f32,
    /// Of the board.
    pub board_temperature: f32,
    /// Fault, or from 96 on why the torque is less than was asked for.
    pub fault: Option<i32>,
    /// The watchdog of the command in force, s.
    pub watchdog: Option<f32>,
    /// How long its program has run, ms; begins again after the highest number.
    pub uptime: Option<i32>,
    /// Version of the register map.
    pub register_map: Option<i32>,
    /// Version of the firmware.
    pub firmware: Option<i32>,
}

impl Answer {
    /// How it is; `None` when it did not say.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        Some(match self.mode? {
            0 => Mode::Stopped,
            1 => Mode::Fault,
            10 => Mode::Position,
            11 => Mode::TimedOut,
            other => Mode::Other(other),
        })
    }

    /// What is wrong, in the words of everybody; `None` when nothing is.
    #[must_use]
    pub fn fault(&self) -> Option<FaultCode> {
        match self.mode()? {
            Mode::TimedOut => Some(FaultCode::COMMAND_LOST),
            Mode::Fault => Some(match self.fault.unwrap_or(0) {
                // The numbers of `errc` in the firmware.
                33 | 44 => FaultCode::HARDWARE,
                34 => FaultCode::OVERVOLTAGE,
                35 | 42 | 43 => FaultCode::ENCODER,
                32 | 36 | 41 | 48 => FaultCode::PARAMETERS,
                37 | 46 => FaultCode::TICK_LATE,
                38 => FaultCode::TEMPERATURE,
                39 => FaultCode::POSITION,
                40 => FaultCode::UNDERVOLTAGE,
                _ => FaultCode::GENERIC,
            }),
            Mode::Stopped | Mode::Position | Mode::Other(_) => None,
        }
    }

    /// What it measured; a motor without a sensor is as warm as its board.
    #[must_use]
    pub fn measured(&self) -> Measured {
        let motor = self.motor_temperature;
        let board = Celsius(self.board_temperature);
        Measured {
            q: Radians(self.position * TAU),
            dq: RadiansPerSecond(self.velocity * TAU),
            tau: NewtonMetres(self.torque),
            winding: if motor.is_finite() && motor != 0.0 { Celsius(motor) } else { board },
            drive: Some(board),
        }
    }
}

/// Follow `command`, with what bounds it; `None` for a number that is not one. Stiffness and
/// damping are clamped to the configured gains, the torque to its bound.
#[must_use]
pub fn command(id: u8, command: &JointCommand, gains: &Gains, bounds: &Bounds) -> Option<CanFrame> {
    if !command.is_finite() {
        return None;
    }
    let share = |wanted: f32, configured: f32| (wanted * TAU / configured).clamp(0.0, 1.0);
    let wanted = PositionCommand::new()
        .position(command.q.0 / TAU)
        .velocity(command.dq.0 / TAU)
        .feedforward_torque(command.tau.0.clamp(-bounds.tau.0, bounds.tau.0))
        .kp_scale(share(command.kp.0, gains.kp))
        .kd_scale(share(command.kd.0, gains.kd))
        .maximum_torque(bounds.tau.0)
        .watchdog_timeout(bounds.watchdog);
    let mut frame = to(id);
    wanted.serialize(&mut frame, &PositionFormat::default());
    question().serialize(&mut frame);
    from_vendor(&frame)
}

/// The gains can give the stiffness and damping of `command`, and the bound its torque.
#[must_use]
pub fn holds(command: &JointCommand, gains: &Gains, bounds: &Bounds) -> bool {
    let fits = |wanted: f32, configured: f32| (0.0..=configured).contains(&(wanted * TAU));
    let torque = command.tau.0.abs() <= bounds.tau.0;
    torque && fits(command.kp.0, gains.kp) && fits(command.kd.0, gains.kd)
}

/// Take the torque away, and ask. It also clears a fault: see the head of the module.
#[must_use]
pub fn stop(id: u8) -> Option<CanFrame> {
    let mut frame = to(id);
    StopCommand::serialize(&mut frame);
    question().serialize(&mut frame);
    from_vendor(&frame)
}

/// Ask for everything a command's answer holds, and change nothing.
#[must_use]
pub fn ask(id: u8) -> Option<CanFrame> {
    let mut frame = to(id);
    question().serialize(&mut frame);
    from_vendor(&frame)
}

/// Ask for the versions of register map and firmware.
#[must_use]
pub fn ask_versions(id: u8) -> Option<CanFrame> {
    let mut frame = to(id);
    let mut versions = QueryFormat::default();
    none(&mut versions);
    versions.add_extra(Register::RegisterMapVersion.address(), Resolution::Int32);
    versions.add_extra(Register::FirmwareVersion.address(), Resolution::Int32);
    versions.serialize(&mut frame);
    from_vendor(&frame)
}

/// Write a watchdog without a mode, which commands nothing, and ask for it.
#[must_use]
pub fn try_watchdog(id: u8, seconds: f32) -> Option<CanFrame> {
    let mut frame = to(id);
    let mut writer = WriteCanData::new(&mut frame);
    writer.write_u8(moteus_protocol::WRITE_FLOAT | 1);
    writer.write_varuint(u32::from(Register::CommandTimeout.address()));
    writer.write_f32(seconds);
    let mut watchdog = QueryFormat::default();
    none(&mut watchdog);
    watchdog.add_extra(Register::CommandTimeout.address(), Resolution::Float);
    watchdog.serialize(&mut frame);
    from_vendor(&frame)
}

/// Write a line of text, such as `conf get servo.pid_position.kp`; `None` for a longer one than
/// [`TEXT_MAX`].
#[must_use]
pub fn say(id: u8, text: &[u8]) -> Option<CanFrame> {
    if text.len() > TEXT_MAX {
        return None;
    }
    let mut frame = without_answer(id);
    frame.size = diagnostic::write_client_to_server(DIAGNOSTIC, text, &mut frame.data);
    from_vendor(&frame)
}

/// Ask for what it has to say in text.
#[must_use]
pub fn listen(id: u8) -> Option<CanFrame> {
    let mut frame = to(id);
    frame.size = diagnostic::write_client_poll(DIAGNOSTIC, 48, &mut frame.data);
    from_vendor(&frame)
}

/// The text in an answer of controller `id`; `None` for any other answer.
#[must_use]
pub fn text(frame: &CanFrame, id: u8) -> Option<&[u8]> {
    is_from(frame, id).then(|| diagnostic::parse_server_to_client(frame.data(), DIAGNOSTIC))?
}

/// What controller `id` answered; `None` for another's frame, or one that breaks off or holds what
/// no answer holds.
#[must_use]
pub fn answer(frame: &CanFrame, id: u8) -> Option<Answer> {
    if !is_from(frame, id) {
        return None;
    }
    let nan = f32::NAN;
    let mut found = Answer {
        position: nan,
        velocity: nan,
        torque: nan,
        motor_temperature: nan,
        board_temperature: nan,
        ..Answer::default()
    };
    each_register(frame.data(), |register, value| match Register::from_address(register) {
        Some(Register::Mode) => found.mode = Some(value.to_i32()),
        Some(Register::Position) => found.position = value.to_f32(&scaling::POSITION),
        Some(Register::Velocity) => found.velocity = value.to_f32(&scaling::VELOCITY),
        Some(Register::Torque) => found.torque = value.to_f32(&scaling::TORQUE),
        Some(Register::MotorTemperature) => {
            found.motor_temperature = value.to_f32(&scaling::TEMPERATURE);
        }
        Some(Register::Temperature) => {
            found.board_temperature = value.to_f32(&scaling::TEMPERATURE);
        }
        Some(Register::Fault) => found.fault = Some(value.to_i32()),
        Some(Register::CommandTimeout) => found.watchdog = Some(value.to_f32(&scaling::TIME)),
        Some(Register::MillisecondCounter) => found.uptime = Some(value.to_i32()),
        Some(Register::RegisterMapVersion) => found.register_map = Some(value.to_i32()),
        Some(Register::FirmwareVersion) => found.firmware = Some(value.to_i32()),
        _ => {}
    })
    .then_some(found)
}

/// Most registers one part of a frame may name: more do not fit into 64 bytes.
const COUNT_MAX: u8 = 62;

/// Calls `take` with each register of an answer; `false` when it breaks off or holds what no answer
/// holds. The crate's own parser panics on a register number of more than 16 bits where overflow is
/// checked, so it is not given what came over a wire.
fn each_register(mut data: &[u8], mut take: impl FnMut(u16, Value)) -> bool {
    while let [head, rest @ ..] = data {
        data = rest;
        if *head == moteus_protocol::NOP {
            continue;
        }
        let Some(()) = part(*head, &mut data, &mut take) else { return false };
    }
    true
}

fn part(head: u8, data: &mut &[u8], take: &mut impl FnMut(u16, Value)) -> Option<()> {
    if matches!(head, moteus_protocol::WRITE_ERROR | moteus_protocol::READ_ERROR) {
        // A register it does not have, and why.
        return register_number(data).and(register_number(data)).map(|_| ());
    }
    if head & 0xF0 != moteus_protocol::REPLY_INT8 {
        return None;
    }
    let count = match head & 0x03 {
        0 => split(data, 1)?.first().copied()?,
        count => count,
    };
    if count == 0 || count > COUNT_MAX {
        return None;
    }
    let first = register_number(data)?;
    for offset in 0..u16::from(count) {
        let value = match Resolution::from_type_code(head)? {
            Resolution::Int8 => Value::Int8(i8::from_le_bytes(split(data, 1)?.try_into().ok()?)),
            Resolution::Int16 => Value::Int16(i16::from_le_bytes(split(data, 2)?.try_into().ok()?)),
            Resolution::Int32 => Value::Int32(i32::from_le_bytes(split(data, 4)?.try_into().ok()?)),
            _ => Value::Float(f32::from_le_bytes(split(data, 4)?.try_into().ok()?)),
        };
        take(first.checked_add(offset)?, value);
    }
    Some(())
}

/// A register number in groups of seven bits, at most 14 bits long.
fn register_number(data: &mut &[u8]) -> Option<u16> {
    let low = split(data, 1)?.first().copied()?;
    if low & 0x80 == 0 {
        return Some(u16::from(low));
    }
    let high = split(data, 1)?.first().copied()?;
    (high & 0x80 == 0).then_some(u16::from(low & 0x7F) | u16::from(high) << 7)
}

fn split<'a>(data: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (part, rest) = data.split_at_checked(count)?;
    *data = rest;
    Some(part)
}

/// The host's own number; an answer comes back to it.
const HOST: i8 = 0;

fn to(id: u8) -> CanFdFrame {
    let mut frame = CanFdFrame::new();
    #[expect(clippy::cast_possible_wrap, reason = "ids have seven bits")]
    let id = (id & 0x7F) as i8;
    frame.arbitration_id = moteus_protocol::calculate_arbitration_id(HOST, id, 0, true);
    frame
}

fn without_answer(id: u8) -> CanFdFrame {
    let mut frame = to(id);
    frame.arbitration_id &= !0x8000;
    frame
}

fn is_from(frame: &CanFrame, id: u8) -> bool {
    let number = match frame.id() {
        CanId::Standard(id) => u32::from(id),
        CanId::Extended(id) => id,
    };
    number & 0x1FFF_7FFF == u32::from(id & 0x7F) << 8
}

fn question() -> QueryFormat {
    let mut question = QueryFormat::default();
    question.voltage = Resolution::Ignore;
    question.motor_temperature = Resolution::Int16;
    question.add_extra(Register::CommandTimeout.address(), Resolution::Float);
    question.add_extra(Register::MillisecondCounter.address(), Resolution::Int32);
    question
}

fn none(query: &mut QueryFormat) {
    for resolution in [
        &mut query.mode,
        &mut query.position,
        &mut query.velocity,
        &mut query.torque,
        &mut query.voltage,
        &mut query.temperature,
        &mut query.fault,
    ] {
        *resolution = Resolution::Ignore;
    }
}
