//! A RobStride motor in the private protocol.

use core::f32::consts::PI;
use core::time::Duration;

use motors::can::{CanFrame, CanId};
use motors::robstride::{FaultBits, Parameter, TIMEOUT_PER_SECOND};
use signals::{Damping, JointCommand, NewtonMetres, Radians, RadiansPerSecond, Stiffness};

use super::{EmulatedMotor, Rotor};

/// A RobStride motor.
#[derive(Clone, Debug)]
pub struct RobStrideMotor {
    id: u8,
    /// Where it is and what acts on it.
    pub rotor: Rotor,
    /// It is in the mode in which it follows commands.
    pub running: bool,
    /// What is wrong.
    pub faults: FaultBits,
    /// Ends of its scale: position, velocity, stiffness, damping, torque.
    pub ends: [f32; 5],
    /// Highest torque, N.m.
    pub torque_max: f32,
    /// Its watchdog, 20,000 for a second; 0 is off.
    pub timeout: u32,
    /// It does not take a new watchdog.
    pub keeps_its_timeout: bool,
    /// Its control mode.
    pub run_mode: u8,
    /// Times it was energised.
    pub enabled: u32,
    /// Times a fault was cleared.
    pub cleared: u32,
    /// Of the winding, degrees Celsius; above 90 it stops.
    pub temperature: f32,
    /// What it was told last.
    pub command: JointCommand,
    silent_for: Duration,
}

const HOT: f32 = 90.0;

impl RobStrideMotor {
    /// Motor `id` with these ends of velocity, stiffness, damping and torque.
    #[must_use]
    pub fn new(id: u8, [dq, kp, kd, tau]: [f32; 4]) -> Self {
        Self {
            id,
            rotor: Rotor::default(),
            running: false,
            faults: FaultBits(0),
            ends: [4.0 * PI, dq, kp, kd, tau],
            torque_max: tau,
            timeout: 0,
            keeps_its_timeout: false,
            run_mode: 0,
            enabled: 0,
            cleared: 0,
            temperature: 30.0,
            command: JointCommand::LIMP,
            silent_for: Duration::ZERO,
        }
    }

    /// Power goes and comes back.
    pub fn restart(&mut self) {
        (self.running, self.timeout) = (false, 0);
        self.torque_max = self.ends[4];
        self.command = JointCommand::LIMP;
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "16 bits")]
    fn feedback(&self, host: u8) -> CanFrame {
        let field =
            |value: f32, end: f32| ((value.clamp(-end, end) + end) / (2.0 * end) * 65535.0) as u16;
        let [q_end, dq_end, _, _, tau_end] = self.ends;
        let state = self.faults.0 & 0x3F | if self.running { 0x80 } else { 0 };
        let fields = [
            field(self.rotor.q, q_end),
            field(self.rotor.dq, dq_end),
            field(self.rotor.tau, tau_end),
            (10.0 * self.temperature) as u16,
        ];
        let mut data = [0; 8];
        for (place, value) in data.chunks_exact_mut(2).zip(fields) {
            place.copy_from_slice(&value.to_be_bytes());
        }
        CanFrame::eight(CanId::Extended(u32::from_be_bytes([2, state, self.id, host])), data)
    }

    fn parameter(&self, parameter: Parameter) -> Option<[u8; 4]> {
        Some(match parameter {
            Parameter::RUN_MODE => [self.run_mode, 0, 0, 0],
            Parameter::TORQUE_MAX => self.torque_max.to_le_bytes(),
            Parameter::Q => self.rotor.q.to_le_bytes(),
            Parameter::DQ => self.rotor.dq.to_le_bytes(),
            Parameter::SUPPLY => 48_f32.to_le_bytes(),
            Parameter::TIMEOUT => self.timeout.to_le_bytes(),
            _ => return None,
        })
    }

    fn follow(&mut self, tau: u16, [a, b, c, d, e, f, g, h]: [u8; 8]) {
        let field = |high: u8, low: u8, from: f32, to: f32| {
            f32::from(u16::from_be_bytes([high, low])) / 65535.0 * (to - from) + from
        };
        let [q_end, dq_end, kp_end, kd_end, tau_end] = self.ends;
        let [tau_high, tau_low] = tau.to_be_bytes();
        self.command = JointCommand {
            q: Radians(field(a, b, -q_end, q_end)),
            dq: RadiansPerSecond(field(c, d, -dq_end, dq_end)),
            kp: Stiffness(field(e, f, 0.0, kp_end)),
            kd: Damping(field(g, h, 0.0, kd_end)),
            tau: NewtonMetres(field(tau_high, tau_low, -tau_end, tau_end)),
        };
    }
}

impl EmulatedMotor for RobStrideMotor {
    fn take(&mut self, frame: &CanFrame) -> Vec<CanFrame> {
        let (CanId::Extended(id), Some(data)) = (frame.id(), frame.bytes()) else {
            return Vec::new();
        };
        let [kind, high, host, motor] = id.to_be_bytes();
        if motor != self.id {
            return Vec::new();
        }
        let [low_index, high_index, _, _, e, f, g, h] = data;
        let parameter = Parameter(u16::from_le_bytes([low_index, high_index]));
        match kind {
            0 => {
                let id = CanId::Extended(u32::from_be_bytes([0, 0, self.id, 0xFE]));
                return vec![CanFrame::eight(id, [0x52, 0x53, self.id, 1, 2, 3, 4, 5])];
            }
            1 => self.follow(u16::from_be_bytes([high, host]), data),
            3 if self.faults.0 == 0 => {
                self.running = true;
                self.enabled += 1;
            }
            4 => {
                self.running = false;
                if data[0] == 1 && self.faults.0 != 0 {
                    self.faults = FaultBits(0);
                    self.cleared += 1;
                }
            }
            17 => {
                let value = self.parameter(parameter);
                let state = u8::from(value.is_none());
                let [a, b, c, d] = value.unwrap_or_default();
                let id = CanId::Extended(u32::from_be_bytes([17, state, self.id, host]));
                let data = [low_index, high_index, 0, 0, a, b, c, d];
                return vec![CanFrame::eight(id, data)];
            }
            18 => match parameter {
                Parameter::TORQUE_MAX => self.torque_max = f32::from_le_bytes([e, f, g, h]),
                Parameter::TIMEOUT if !self.keeps_its_timeout => {
                    self.timeout = u32::from_le_bytes([e, f, g, h]);
                }
                Parameter::RUN_MODE => self.run_mode = e,
                _ => {}
            },
            _ => return Vec::new(),
        }
        self.silent_for = Duration::ZERO;
        // The frame that commands has its torque where the others have the host.
        let host = if kind == 1 { 0xFD } else { host };
        vec![self.feedback(host)]
    }

    fn advance(&mut self, span: Duration) {
        self.silent_for += span;
        let timeout = f64::from(self.timeout) / f64::from(TIMEOUT_PER_SECOND);
        if self.timeout > 0 && self.silent_for.as_secs_f64() > timeout {
            self.running = false;
        }
        if self.temperature > HOT {
            self.faults = FaultBits(self.faults.0 | 1 << 2);
        }
        self.running &= self.faults.0 == 0;
        let command = self.running.then_some(self.command);
        self.rotor.turn(span, command.as_ref(), self.torque_max);
    }
}
