//! RobStride motors (RS00 to RS06) in the maker's private protocol.
//!
//! Extended frames: type, 16 bits of data, who is meant. Only [`enable`] energises and only
//! [`clear`] clears. Sources: the maker's Python_Sample and manuals; body and firmware reference,
//! section 5.

use core::f32::consts::PI;

use signals::{
    Celsius, Damping, FaultCode, JointCommand, NewtonMetres, Radians, RadiansPerSecond, Stiffness,
};

use crate::can::{CanFrame, CanId};
use crate::mit::{Measured, Scale, pack, unpack};

/// Bits of every packed field.
pub const BITS: u32 = 16;
/// [`Parameter::TIMEOUT`] for one second.
pub const TIMEOUT_PER_SECOND: u32 = 20_000;
/// [`Parameter::RUN_MODE`] in which [`command`] is understood.
pub const RUN_MODE_OPERATION: u8 = 0;

const GET_ID: u32 = 0;
const CONTROL: u32 = 1;
const FEEDBACK: u32 = 2;
const ENABLE: u32 = 3;
const STOP: u32 = 4;
const READ: u32 = 17;
const WRITE: u32 = 18;
const FAULT: u32 = 21;

/// A model of the maker, for its scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the maker's names")]
pub enum Model {
    Rs00,
    Rs01,
    Rs02,
    Rs03,
    Rs04,
    Rs05,
    Rs06,
}

impl Model {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Rs00, Self::Rs01, Self::Rs02, Self::Rs03, Self::Rs04, Self::Rs05, Self::Rs06];

    /// The model with this name of the maker, without regard to case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let names = ["RS00", "RS01", "RS02", "RS03", "RS04", "RS05", "RS06"];
        let place = names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        Self::ALL.get(place).copied()
    }

    /// The scale of the private protocol, by `table.py` of the maker's own Python_Sample.
    ///
    /// Other programs use other numbers for the same bytes: LeRobot has 5.5 N.m for the RS05, where
    /// this says 17, and 33 rad/s for the RS00, where this says 50. So the table is not trusted
    /// alone: positions and velocities are compared with what the motor says in [`Parameter::Q`]
    /// and [`Parameter::DQ`], and the torque is bounded in the motor by [`Parameter::TORQUE_MAX`],
    /// which is in N.m and needs no scale.
    #[must_use]
    pub const fn scale(self) -> Scale {
        let (dq, tau) = match self {
            Self::Rs00 => (50.0, 17.0),
            Self::Rs01 | Self::Rs02 => (44.0, 17.0),
            Self::Rs03 => (50.0, 60.0),
            Self::Rs04 => (15.0, 120.0),
            Self::Rs05 => (33.0, 17.0),
            Self::Rs06 => (20.0, 60.0),
        };
        let (kp, kd) = match self {
            Self::Rs03 | Self::Rs04 | Self::Rs06 => (5000.0, 100.0),
            Self::Rs00 | Self::Rs01 | Self::Rs02 | Self::Rs05 => (500.0, 5.0),
        };
        Scale {
            q: Radians(4.0 * PI),
            dq: RadiansPerSecond(dq),
            kp: Stiffness(kp),
            kd: Damping(kd),
            tau: NewtonMetres(tau),
        }
    }
}

/// A parameter, by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter(pub u16);

impl Parameter {
    /// Control mode, one byte; [`RUN_MODE_OPERATION`].
    pub const RUN_MODE: Self = Self(0x7005);
    /// Highest torque the motor gives, float, N.m.
    pub const TORQUE_MAX: Self = Self(0x700B);
    /// Position of the output, float, rad.
    pub const Q: Self = Self(0x7019);
    /// Velocity of the output, float, rad/s.
    pub const DQ: Self = Self(0x701B);
    /// Supply, float, V.
    pub const SUPPLY: Self = Self(0x701C);
    /// Watchdog, whole number, [`TIMEOUT_PER_SECOND`]; 0, as delivered, is off.
    pub const TIMEOUT: Self = Self(0x7028);
}

/// How a motor says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No torque.
    Reset,
    /// It calibrates itself.
    Calibrating,
    /// It follows commands.
    Running,
    /// Not a mode the maker names.
    Unknown,
}

/// What a motor says of its state in each feedback: six bits of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultBits(pub u8);

impl FaultBits {
    /// What is wrong, the first of them; `None` when nothing is.
    #[must_use]
    pub fn fault(self) -> Option<FaultCode> {
        let codes = [
            FaultCode::UNDERVOLTAGE,
            FaultCode::CURRENT,
            FaultCode::MOTOR_TEMPERATURE,
            FaultCode::ENCODER,
            FaultCode::OVERLOAD,
            // Not calibrated: its parameters do not fit the motor.
            FaultCode::PARAMETERS,
        ];
        first(u32::from(self.0), codes.into_iter().zip(0..))
    }
}

/// The two words of a fault report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultWords {
    /// What stopped the motor.
    pub faults: u32,
    /// What has not yet.
    pub warnings: u32,
}

impl FaultWords {
    /// What is wrong, the first of them; `None` when nothing stopped the motor. The maker's own
    /// sample takes the stall from the word of warnings; it is bit 14 of the faults.
    #[must_use]
    pub fn fault(self) -> Option<FaultCode> {
        let codes = [
            (FaultCode::MOTOR_TEMPERATURE, 0),
            (FaultCode::HARDWARE, 1),
            (FaultCode::UNDERVOLTAGE, 2),
            (FaultCode::OVERVOLTAGE, 3),
            (FaultCode::PARAMETERS, 7),
            (FaultCode::OVERLOAD, 14),
        ];
        let unnamed = (self.faults != 0).then_some(FaultCode::GENERIC);
        first(self.faults, codes.into_iter()).or(unnamed)
    }
}

/// What a motor sends to its host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// To [`ask_id`]: its own number, which never changes.
    Id(u64),
    /// To commands.
    Feedback {
        /// How it is.
        mode: Mode,
        /// What is wrong.
        faults: FaultBits,
        /// What it measured.
        measured: Measured,
    },
    /// To [`read`].
    Parameter(Parameter, [u8; 4]),
    /// The parameter does not exist, or may not be read.
    Refused(Parameter),
    /// A fault began.
    Fault(FaultWords),
}

/// Who talks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The motor.
    pub motor: u8,
    /// The host.
    pub host: u8,
}

/// Follow `command`. Each number is clamped to the scale; `None` for one that is not a number.
#[must_use]
pub fn command(to: Address, command: &JointCommand, scale: &Scale) -> Option<CanFrame> {
    let both = |value: f32, end: f32| pack(value, -end, end, BITS);
    let [a, b] = both(command.q.0, scale.q.0)?.to_be_bytes();
    let [c, d] = both(command.dq.0, scale.dq.0)?.to_be_bytes();
    let [e, f] = pack(command.kp.0, 0.0, scale.kp.0, BITS)?.to_be_bytes();
    let [g, h] = pack(command.kd.0, 0.0, scale.kd.0, BITS)?.to_be_bytes();
    let tau = both(command.tau.0, scale.tau.0)?;
    Some(frame(CONTROL, tau, to.motor, [a, b, c, d, e, f, g, h]))
}

/// Energise. Nothing but a vetted command may cause it.
#[must_use]
pub fn enable(to: Address) -> CanFrame {
    frame(ENABLE, u16::from(to.host), to.motor, [0; 8])
}

/// Take the torque away; it answers with feedback, and keeps its faults.
#[must_use]
pub fn stop(to: Address) -> CanFrame {
    frame(STOP, u16::from(to.host), to.motor, [0; 8])
}

/// Take the torque away and clear faults. Nothing but a person's reset may cause it.
#[must_use]
pub fn clear(to: Address) -> CanFrame {
    frame(STOP, u16::from(to.host), to.motor, [1, 0, 0, 0, 0, 0, 0, 0])
}

/// Ask for its number and change nothing: the way to find a motor.
#[must_use]
pub fn ask_id(to: Address) -> CanFrame {
    frame(GET_ID, u16::from(to.host), to.motor, [0; 8])
}

/// Ask for a parameter.
#[must_use]
pub fn read(to: Address, parameter: Parameter) -> CanFrame {
    let [low, high] = parameter.0.to_le_bytes();
    frame(READ, u16::from(to.host), to.motor, [low, high, 0, 0, 0, 0, 0, 0])
}

/// Set a parameter, until the power goes; it answers with feedback.
#[must_use]
pub fn write(to: Address, parameter: Parameter, [a, b, c, d]: [u8; 4]) -> CanFrame {
    let [low, high] = parameter.0.to_le_bytes();
    frame(WRITE, u16::from(to.host), to.motor, [low, high, 0, 0, a, b, c, d])
}

/// What the motor at `from` answered; `None` for another's frame or one to another host.
#[must_use]
pub fn answer(frame: &CanFrame, from: Address, scale: &Scale) -> Option<Answer> {
    let CanId::Extended(id) = frame.id() else { return None };
    let [kind, state, motor, to] = id.to_be_bytes();
    let kind = u32::from(kind & 0x1F);
    let data = frame.bytes()?;
    if motor != from.motor {
        return None;
    }
    // The answer to a search goes to everybody.
    if kind == GET_ID && to == EVERYBODY {
        return Some(Answer::Id(u64::from_le_bytes(data)));
    }
    if to != from.host {
        return None;
    }
    let [a, b, c, d, e, f, g, h] = data;
    let parameter = Parameter(u16::from_le_bytes([a, b]));
    match kind {
        FEEDBACK => Some(feedback(state, data, scale)),
        READ if state == 0 => Some(Answer::Parameter(parameter, [e, f, g, h])),
        READ => Some(Answer::Refused(parameter)),
        FAULT => Some(Answer::Fault(FaultWords {
            faults: u32::from_le_bytes([a, b, c, d]),
            warnings: u32::from_le_bytes([e, f, g, h]),
        })),
        _ => None,
    }
}

const EVERYBODY: u8 = 0xFE;

fn frame(kind: u32, data: u16, to: u8, bytes: [u8; 8]) -> CanFrame {
    let id = kind << 24 | u32::from(data) << 8 | u32::from(to);
    CanFrame::eight(CanId::Extended(id), bytes)
}

fn feedback(state: u8, [a, b, c, d, e, f, g, h]: [u8; 8], scale: &Scale) -> Answer {
    let both = |high, low, end: f32| unpack(u16::from_be_bytes([high, low]), -end, end, BITS);
    Answer::Feedback {
        mode: match state >> 6 {
            0 => Mode::Reset,
            1 => Mode::Calibrating,
            2 => Mode::Running,
            _ => Mode::Unknown,
        },
        faults: FaultBits(state & 0x3F),
        measured: Measured {
            q: Radians(both(a, b, scale.q.0)),
            dq: RadiansPerSecond(both(c, d, scale.dq.0)),
            tau: NewtonMetres(both(e, f, scale.tau.0)),
            winding: Celsius(f32::from(u16::from_be_bytes([g, h])) * 0.1),
            drive: None,
        },
    }
}

fn first(word: u32, codes: impl Iterator<Item = (FaultCode, u32)>) -> Option<FaultCode> {
    codes.into_iter().find(|(_, bit)| word >> bit & 1 == 1).map(|(code, _)| code)
}
