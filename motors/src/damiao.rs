//! DAMIAO motors (DM series) in their MIT mode.
//!
//! A standard frame to the motor's id commands it; it answers on its master id, to every frame.
//! Four commands end in `FC` to `FB`; registers and the question for feedback go to id `7FF`. Only
//! [`enable`] energises and only [`clear`] clears: neither is a way to find a motor. Sources:
//! DM_Control_Python, openarm_can, the maker's manuals; body and firmware reference, section 5.

use signals::{
    Celsius, Damping, FaultCode, JointCommand, NewtonMetres, Radians, RadiansPerSecond, Stiffness,
};

use crate::can::{CanFrame, CanId};
use crate::mit::{Measured, Scale, pack, unpack};

/// Registers and questions go here.
const EVERYBODY: CanId = CanId::Standard(0x7FF);
/// Bits of a position.
const WIDE: u32 = 16;
/// Bits of the other fields.
pub const NARROW: u32 = 12;
/// Unit of [`Register::TIMEOUT`]. The maker's tool shows it so; no public text says it.
pub const TIMEOUT_UNIT_US: u32 = 50;
/// [`Register::CONTROL_MODE`] in which the frames here are understood.
pub const CONTROL_MODE_MIT: u32 = 1;

/// A model of the maker, for its scale as delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the maker's names")]
pub enum Model {
    Dm4310,
    Dm4310At48V,
    Dm4340,
    Dm4340At48V,
    Dm6006,
    Dm8006,
    Dm8009,
    Dm10010,
    Dm10010L,
}

impl Model {
    /// The model with this name of the maker, without regard to case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let table = [
            ("DM4310", Self::Dm4310),
            ("DM4310_48V", Self::Dm4310At48V),
            ("DM4340", Self::Dm4340),
            ("DM4340_48V", Self::Dm4340At48V),
            ("DM6006", Self::Dm6006),
            ("DM8006", Self::Dm8006),
            ("DM8009", Self::Dm8009),
            ("DM10010", Self::Dm10010),
            ("DM10010L", Self::Dm10010L),
        ];
        table
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, model)| model)
    }

    /// The scale as delivered, by `Limit_Param` of the later DM_Control_Python. An older table of
    /// the same maker has 10 rad/s for the 4340 at 24 V, and anybody may change it: what counts is
    /// what the motor says in [`Register::Q_MAX`], [`Register::DQ_MAX`] and [`Register::TAU_MAX`].
    #[must_use]
    pub const fn scale(self) -> Scale {
        let (dq, tau) = match self {
            Self::Dm4310 => (30.0, 10.0),
            Self::Dm4310At48V => (50.0, 10.0),
            Self::Dm4340 => (8.0, 28.0),
            Self::Dm4340At48V => (10.0, 28.0),
            Self::Dm6006 => (45.0, 20.0),
            Self::Dm8006 => (45.0, 40.0),
            Self::Dm8009 => (45.0, 54.0),
            Self::Dm10010 => (20.0, 200.0),
            Self::Dm10010L => (25.0, 200.0),
        };
        scale(12.5, dq, tau)
    }
}

/// The scale with these ends; those of the gains are the same for every model.
#[must_use]
pub const fn scale(q: f32, dq: f32, tau: f32) -> Scale {
    Scale {
        q: Radians(q),
        dq: RadiansPerSecond(dq),
        kp: Stiffness(500.0),
        kd: Damping(5.0),
        tau: NewtonMetres(tau),
    }
}

/// A register, by its number (RID).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(pub u8);

impl Register {
    /// Id on which the motor answers; whole number.
    pub const MASTER: Self = Self(7);
    /// Own id; whole number.
    pub const ID: Self = Self(8);
    /// Watchdog in [`TIMEOUT_UNIT_US`], whole number; 0, as delivered, is off.
    pub const TIMEOUT: Self = Self(9);
    /// Control mode, whole number; [`CONTROL_MODE_MIT`].
    pub const CONTROL_MODE: Self = Self(10);
    /// Version of the hardware, whole number.
    pub const HARDWARE: Self = Self(13);
    /// Version of the firmware, whole number.
    pub const FIRMWARE: Self = Self(14);
    /// End of the scale of the position, float, rad.
    pub const Q_MAX: Self = Self(21);
    /// End of the scale of the velocity, float, rad/s.
    pub const DQ_MAX: Self = Self(22);
    /// End of the scale of the torque, float, N.m.
    pub const TAU_MAX: Self = Self(23);
}

/// The four bits a motor says of itself in every feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    /// No torque.
    pub const DISABLED: Self = Self(0x0);
    /// It follows commands.
    pub const ENABLED: Self = Self(0x1);

    /// What is wrong; `None` for the two states above.
    #[must_use]
    pub const fn fault(self) -> Option<FaultCode> {
        Some(match self.0 {
            0x0 | 0x1 => return None,
            0x5 => FaultCode::ENCODER,
            0x6 => FaultCode::PARAMETERS,
            0x8 => FaultCode::OVERVOLTAGE,
            0x9 => FaultCode::UNDERVOLTAGE,
            0xA => FaultCode::CURRENT,
            0xB => FaultCode::TEMPERATURE,
            0xC => FaultCode::MOTOR_TEMPERATURE,
            0xD => FaultCode::COMMAND_LOST,
            0xE => FaultCode::OVERLOAD,
            _ => FaultCode::GENERIC,
        })
    }
}

/// What a motor answers to every frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Feedback {
    /// Lower four bits of its id.
    pub id: u8,
    /// How it is.
    pub status: Status,
    /// What it measured.
    pub measured: Measured,
}

/// Follow `command`. Each number is clamped to the scale; `None` for one that is not a number.
#[must_use]
pub fn command(id: u16, command: &JointCommand, scale: &Scale) -> Option<CanFrame> {
    let both = |value: f32, end: f32, bits| pack(value, -end, end, bits);
    let [q1, q0] = both(command.q.0, scale.q.0, WIDE)?.to_be_bytes();
    let dq = both(command.dq.0, scale.dq.0, NARROW)?;
    let kp = pack(command.kp.0, 0.0, scale.kp.0, NARROW)?;
    let kd = pack(command.kd.0, 0.0, scale.kd.0, NARROW)?;
    let tau = both(command.tau.0, scale.tau.0, NARROW)?;
    let [a, b, c] = pair(dq, kp);
    let [d, e, f] = pair(kd, tau);
    Some(CanFrame::eight(CanId::Standard(id), [q1, q0, a, b, c, d, e, f]))
}

/// Energise. Nothing but a vetted command may cause it.
#[must_use]
pub fn enable(id: u16) -> CanFrame {
    act(id, 0xFC)
}

/// Take the torque away.
#[must_use]
pub fn disable(id: u16) -> CanFrame {
    act(id, 0xFD)
}

/// Clear faults. Nothing but a person's reset may cause it.
#[must_use]
pub fn clear(id: u16) -> CanFrame {
    act(id, 0xFB)
}

/// Ask for feedback and change nothing: the way to find a motor.
#[must_use]
pub fn refresh(id: u16) -> CanFrame {
    let [low, high] = id.to_le_bytes();
    CanFrame::eight(EVERYBODY, [low, high, 0xCC, 0, 0, 0, 0, 0])
}

/// Ask for a register.
#[must_use]
pub fn read(id: u16, register: Register) -> CanFrame {
    let [low, high] = id.to_le_bytes();
    CanFrame::eight(EVERYBODY, [low, high, READ, register.0, 0, 0, 0, 0])
}

/// Set a register, until the power goes.
#[must_use]
pub fn write(id: u16, register: Register, [a, b, c, d]: [u8; 4]) -> CanFrame {
    let [low, high] = id.to_le_bytes();
    CanFrame::eight(EVERYBODY, [low, high, WRITE, register.0, a, b, c, d])
}

/// The feedback in an answer of motor `id` on the master id; `None` for another motor's.
///
/// An answer to [`read`] or [`write()`] looks the same: ask [`register`] first while one is due.
#[must_use]
pub fn feedback(frame: &CanFrame, id: u16, scale: &Scale) -> Option<Feedback> {
    let [who, q1, q0, a, b, c, drive, winding] = frame.bytes()?;
    if u16::from(who & 0xF) != id & 0xF {
        return None;
    }
    let both = |raw: u16, end: f32, bits| unpack(raw, -end, end, bits);
    let (dq, tau) = unpair([a, b, c]);
    Some(Feedback {
        id: who & 0xF,
        status: Status(who >> 4),
        measured: Measured {
            q: Radians(both(u16::from_be_bytes([q1, q0]), scale.q.0, WIDE)),
            dq: RadiansPerSecond(both(dq, scale.dq.0, NARROW)),
            tau: NewtonMetres(both(tau, scale.tau.0, NARROW)),
            winding: Celsius(f32::from(winding)),
            drive: Some(Celsius(f32::from(drive))),
        },
    })
}

/// The four bytes of `register` in an answer of motor `id` to [`read`]; `None` for any other
/// answer.
#[must_use]
pub fn register(frame: &CanFrame, id: u16, register: Register) -> Option<[u8; 4]> {
    named(frame, id, READ, register)
}

/// The four bytes of `register` in an answer of motor `id` to [`write()`]: an echo of what it was
/// told, no proof that it holds it.
#[must_use]
pub fn written(frame: &CanFrame, id: u16, register: Register) -> Option<[u8; 4]> {
    named(frame, id, WRITE, register)
}

/// It is an answer of motor `id` about some register. As feedback it would be that of a disabled
/// motor within 20 mrad of the lower end of its scale.
#[must_use]
pub fn is_about_a_register(frame: &CanFrame, id: u16) -> bool {
    let Some([low, high, READ | WRITE, ..]) = frame.bytes() else { return false };
    u16::from_le_bytes([low, high]) == id
}

fn named(frame: &CanFrame, id: u16, what: u8, register: Register) -> Option<[u8; 4]> {
    let [low, high, said, number, a, b, c, d] = frame.bytes()?;
    let is_due = u16::from_le_bytes([low, high]) == id && said == what && number == register.0;
    is_due.then_some([a, b, c, d])
}

const READ: u8 = 0x33;
const WRITE: u8 = 0x55;

fn act(id: u16, what: u8) -> CanFrame {
    CanFrame::eight(CanId::Standard(id), [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, what])
}

/// Two numbers of 12 bits in three bytes.
fn pair(first: u16, second: u16) -> [u8; 3] {
    let [_, a, b, c] = (u32::from(first & 0xFFF) << 12 | u32::from(second & 0xFFF)).to_be_bytes();
    [a, b, c]
}

fn unpair([a, b, c]: [u8; 3]) -> (u16, u16) {
    let (a, b, c) = (u16::from(a), u16::from(b), u16::from(c));
    (a << 4 | b >> 4, (b & 0xF) << 8 | c)
}
