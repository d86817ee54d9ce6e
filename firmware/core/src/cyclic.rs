//! What goes to and fro in every tick: fixed layouts, little-endian, no lengths to be decoded.

use signals::{Celsius, JointCommand, JointState, Lifecycle, NewtonMetres, Volts};

use crate::LimitReason;
use crate::frame::{FrameError, Reader, Writer};

/// What a host wants of the joints of one board.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 4 | time of the host, us, wraps |
/// | 4 | 2 | for how long it is valid from then, us |
/// | 6 | 1 | bit 0: follow it; without it an armed board gives no torque |
/// | 7 | 1 | joints |
/// | 8 | 20 each | q rad, dq rad/s, kp N m/rad, kd N m s/rad, tau N m: f32 each |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Command<const N: usize> {
    /// Time of the host when it was sent, us; wraps.
    pub host_time: u32,
    /// For how long it is valid from then, us.
    pub valid: u16,
    /// The board shall follow it.
    pub follow: bool,
    /// Joints in use.
    pub count: usize,
    /// One command a joint.
    pub joints: [JointCommand; N],
}

impl<const N: usize> Command<N> {
    /// Writes the body; its length, or `None` where there is no room.
    pub fn write(&self, body: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(body);
        writer.put(self.host_time.to_le_bytes());
        writer.put(self.valid.to_le_bytes());
        writer.put([u8::from(self.follow)]);
        writer.put([u8::try_from(self.count).ok()?]);
        for joint in self.joints.get(..self.count)? {
            for number in [joint.q.0, joint.dq.0, joint.kp.0, joint.kd.0, joint.tau.0] {
                writer.put(number.to_le_bytes());
            }
        }
        writer.end()
    }

    /// Reads the body.
    ///
    /// # Errors
    /// Too short or too long for the joints it says it has, more joints than `N`, or a number that
    /// is none.
    pub fn read(body: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(body);
        let (host_time, valid) = (reader.u32(), reader.u16());
        let (flags, count) = (reader.u8(), usize::from(reader.u8()));
        let mut joints = [JointCommand::LIMP; N];
        for joint in joints.get_mut(..count).ok_or(FrameError::Length)? {
            joint.q.0 = reader.f32();
            joint.dq.0 = reader.f32();
            joint.kp.0 = reader.f32();
            joint.kd.0 = reader.f32();
            joint.tau.0 = reader.f32();
            if !joint.is_finite() || joint.kp.0 < 0.0 || joint.kd.0 < 0.0 {
                return Err(FrameError::Number);
            }
        }
        if flags > 1 {
            return Err(FrameError::Unknown);
        }
        reader.end(Self { host_time, valid, follow: flags == 1, count, joints })
    }
}

/// What one joint of a board measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JointReport {
    /// Position and velocity.
    pub state: JointState,
    /// Torque at the output, as the drive estimates it.
    pub tau: NewtonMetres,
    /// Of the winding, in whole degrees; zero where it is not measured.
    pub temperature: Celsius,
    /// Why the drive gave less than it was asked for.
    pub limited: LimitReason,
}

/// What a board says in every tick.
///
/// | offset | bytes | what |
/// |---|---|---|
/// | 0 | 2 | sequence of the command in force |
/// | 2 | 1 | [`Lifecycle`] |
/// | 3 | 1 | joints |
/// | 4 | 4 | time of the host in that command, us |
/// | 8 | 4 | time of the board when it sampled, us, wraps |
/// | 12 | 4 | ticks since it started |
/// | 16 | 2 | id of the first fault that is not cleared; 0 for none |
/// | 18 | 2 | supply, 10 mV; 0 where it is not measured |
/// | 20 | 14 each | q, dq, tau: f32 each; temperature in degrees i8; [`LimitReason`] |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State<const N: usize> {
    /// Sequence of the command in force.
    pub sequence: u16,
    /// How far the board is from giving torque.
    pub lifecycle: Lifecycle,
    /// Joints in use.
    pub count: usize,
    /// Time of the host in the command in force, us.
    pub host_time: u32,
    /// Time of the board when it sampled, us; wraps.
    pub device_time: u32,
    /// Ticks since the board started.
    pub tick: u32,
    /// Id of the first fault that is not cleared; 0 for none.
    pub fault: u16,
    /// Of the supply; zero where it is not measured.
    pub supply: Volts,
    /// One report a joint.
    pub joints: [JointReport; N],
}

impl<const N: usize> State<N> {
    /// Writes the body; its length, or `None` where there is no room.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "such a cast goes to the nearest number there is"
    )]
    pub fn write(&self, body: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(body);
        writer.put(self.sequence.to_le_bytes());
        writer.put([self.lifecycle as u8, u8::try_from(self.count).ok()?]);
        writer.put(self.host_time.to_le_bytes());
        writer.put(self.device_time.to_le_bytes());
        writer.put(self.tick.to_le_bytes());
        writer.put(self.fault.to_le_bytes());
        writer.put(((self.supply.0 * 100.0) as u16).to_le_bytes());
        for joint in self.joints.get(..self.count)? {
            for number in [joint.state.q.0, joint.state.dq.0, joint.tau.0] {
                writer.put(number.to_le_bytes());
            }
            // To the nearest whole degree.
            let degrees = joint.temperature.0 + joint.temperature.0.signum() * 0.5;
            writer.put((degrees as i8).to_le_bytes());
            writer.put([joint.limited as u8]);
        }
        writer.end()
    }

    /// Reads the body.
    ///
    /// # Errors
    /// Too short or too long for the joints it says it has, more joints than `N`, or a lifecycle or
    /// reason that there is not. Numbers that are none pass: the reader's gate is for them.
    pub fn read(body: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(body);
        let sequence = reader.u16();
        let lifecycle = Lifecycle::of(reader.u8()).ok_or(FrameError::Unknown)?;
        let count = usize::from(reader.u8());
        let (host_time, device_time, tick) = (reader.u32(), reader.u32(), reader.u32());
        let (fault, supply) = (reader.u16(), Volts(f32::from(reader.u16()) * 0.01));
        let mut joints = [JointReport::default(); N];
        for joint in joints.get_mut(..count).ok_or(FrameError::Length)? {
            joint.state.q.0 = reader.f32();
            joint.state.dq.0 = reader.f32();
            joint.tau.0 = reader.f32();
            joint.temperature.0 = f32::from(i8::from_le_bytes(reader.take()));
            joint.limited = LimitReason::of_number(reader.u8()).ok_or(FrameError::Unknown)?;
        }
        reader.end(Self {
            sequence,
            lifecycle,
            count,
            host_time,
            device_time,
            tick,
            fault,
            supply,
            joints,
        })
    }
}

/// A sign of life of the governor: 4 bytes, the cycle it has just ruled on, counting up and around.
///
/// Whoever makes commands cannot make this one as well: it is sent only with a vetted command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The cycle.
    pub cycle: u32,
}

impl Heartbeat {
    /// Writes the body; its length, or `None` where there is no room.
    pub fn write(&self, body: &mut [u8]) -> Option<usize> {
        let mut writer = Writer::new(body);
        writer.put(self.cycle.to_le_bytes());
        writer.end()
    }

    /// Reads the body.
    ///
    /// # Errors
    /// Not of this length.
    pub fn read(body: &[u8]) -> Result<Self, FrameError> {
        let mut reader = Reader::new(body);
        let cycle = reader.u32();
        reader.end(Self { cycle })
    }
}
