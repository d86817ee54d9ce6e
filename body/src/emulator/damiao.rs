//! A DAMIAO motor, with the maker's own side of the packing written out again.

use core::time::Duration;

use motors::can::{CanFrame, CanId};
use motors::damiao::{Register, Status, TIMEOUT_UNIT_US};
use signals::{Damping, JointCommand, NewtonMetres, Radians, RadiansPerSecond, Stiffness};

use super::{EmulatedMotor, Rotor};

/// A DAMIAO motor.
#[derive(Clone, Debug)]
pub struct DamiaoMotor {
    id: u16,
    master: u16,
    /// Where it is and what acts on it.
    pub rotor: Rotor,
    /// How it is: disabled, enabled, or a fault.
    pub status: Status,
    /// Ends of its scale: position, velocity, torque.
    pub ends: [f32; 3],
    /// Its watchdog in the maker's unit; 0 is off.
    pub timeout: u32,
    /// It does not take a new watchdog.
    pub keeps_its_timeout: bool,
    /// Times it was energised, and times a fault was cleared.
    pub enabled: u32,
    /// Times a fault was cleared.
    pub cleared: u32,
    /// Of winding and power stage, degrees Celsius; above 90 it stops.
    pub temperature: u8,
    /// What it was told last.
    pub command: JointCommand,
    silent_for: Duration,
}

const HOT: u8 = 90;

impl DamiaoMotor {
    /// Motor `id` that answers on `master`, with these ends of position, velocity and torque.
    #[must_use]
    pub fn new(id: u16, master: u16, ends: [f32; 3]) -> Self {
        Self {
            id,
            master,
            rotor: Rotor::default(),
            status: Status::DISABLED,
            ends,
            timeout: 0,
            keeps_its_timeout: false,
            enabled: 0,
            cleared: 0,
            temperature: 30,
            command: JointCommand::LIMP,
            silent_for: Duration::ZERO,
        }
    }

    /// Power goes and comes back.
    pub fn restart(&mut self) {
        (self.status, self.timeout) = (Status::DISABLED, 0);
        self.command = JointCommand::LIMP;
    }

    fn answer(&self, data: [u8; 8]) -> CanFrame {
        CanFrame::eight(CanId::Standard(self.master), data)
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "12 and 16 bits")]
    fn feedback(&self) -> CanFrame {
        let field = |value: f32, end: f32, top: f32| {
            ((value.clamp(-end, end) + end) / (2.0 * end) * top) as u16
        };
        let [q_end, dq_end, tau_end] = self.ends;
        let q = field(self.rotor.q, q_end, 65535.0);
        let dq = field(self.rotor.dq, dq_end, 4095.0);
        let tau = field(self.rotor.tau, tau_end, 4095.0);
        let id = (self.id & 0xF) as u8;
        self.answer([
            self.status.0 << 4 | id,
            (q >> 8) as u8,
            q as u8,
            (dq >> 4) as u8,
            (dq << 4) as u8 | (tau >> 8) as u8,
            tau as u8,
            self.temperature,
            self.temperature,
        ])
    }

    fn register(&self, number: u8) -> [u8; 4] {
        let [q_end, dq_end, tau_end] = self.ends;
        match Register(number) {
            Register::MASTER => u32::from(self.master).to_le_bytes(),
            Register::ID => u32::from(self.id).to_le_bytes(),
            Register::TIMEOUT => self.timeout.to_le_bytes(),
            Register::CONTROL_MODE => 1_u32.to_le_bytes(),
            Register::Q_MAX => q_end.to_le_bytes(),
            Register::DQ_MAX => dq_end.to_le_bytes(),
            Register::TAU_MAX => tau_end.to_le_bytes(),
            _ => 5_u32.to_le_bytes(),
        }
    }

    /// A frame to everybody: a question, or a register to read or write.
    fn asked(&mut self, data: [u8; 8]) -> Option<CanFrame> {
        let [low, high, what, number, a, b, c, d] = data;
        if u16::from_le_bytes([low, high]) != self.id {
            return None;
        }
        if what == 0x55 && Register(number) == Register::TIMEOUT && !self.keeps_its_timeout {
            self.timeout = u32::from_le_bytes([a, b, c, d]);
        }
        match what {
            0xCC => Some(self.feedback()),
            0x33 | 0x55 => {
                // It echoes what it was told to write.
                let [e, f, g, h] = if what == 0x55 { [a, b, c, d] } else { self.register(number) };
                Some(self.answer([low, high, what, number, e, f, g, h]))
            }
            _ => None,
        }
    }

    fn told(&mut self, data: [u8; 8]) -> CanFrame {
        match data {
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, what @ 0xFB..=0xFE] => self.act(what),
            [q1, q0, a, b, c, d, e, f] => {
                let wide = |raw: u16, low: f32, high: f32, top: f32| {
                    f32::from(raw) / top * (high - low) + low
                };
                let twelve = |high: u8, low: u8| u16::from(high) << 4 | u16::from(low) >> 4;
                let lower = |high: u8, low: u8| u16::from(high & 0xF) << 8 | u16::from(low);
                let [q_end, dq_end, tau_end] = self.ends;
                self.command = JointCommand {
                    q: Radians(wide(u16::from_be_bytes([q1, q0]), -q_end, q_end, 65535.0)),
                    dq: RadiansPerSecond(wide(twelve(a, b), -dq_end, dq_end, 4095.0)),
                    kp: Stiffness(wide(lower(b, c), 0.0, 500.0, 4095.0)),
                    kd: Damping(wide(twelve(d, e), 0.0, 5.0, 4095.0)),
                    tau: NewtonMetres(wide(lower(e, f), -tau_end, tau_end, 4095.0)),
                };
            }
        }
        self.silent_for = Duration::ZERO;
        self.feedback()
    }

    fn act(&mut self, what: u8) {
        let sound = self.status.fault().is_none();
        match what {
            0xFC if sound => {
                self.status = Status::ENABLED;
                self.enabled += 1;
                // It begins with what it was told last.
            }
            0xFD if sound => self.status = Status::DISABLED,
            0xFB if !sound => {
                self.cleared += 1;
                self.status = Status::DISABLED;
            }
            _ => {}
        }
    }
}

impl EmulatedMotor for DamiaoMotor {
    fn take(&mut self, frame: &CanFrame) -> Vec<CanFrame> {
        let Some(data) = frame.bytes() else { return Vec::new() };
        match frame.id() {
            CanId::Standard(0x7FF) => self.asked(data).into_iter().collect(),
            CanId::Standard(id) if id == self.id => vec![self.told(data)],
            _ => Vec::new(),
        }
    }

    fn advance(&mut self, span: Duration) {
        self.silent_for += span;
        let timeout = Duration::from_micros(u64::from(self.timeout) * u64::from(TIMEOUT_UNIT_US));
        if self.status == Status::ENABLED && self.timeout > 0 && self.silent_for > timeout {
            self.status = Status(0xD);
        }
        if self.temperature > HOT {
            self.status = Status(0xC);
        }
        let command = (self.status == Status::ENABLED).then_some(self.command);
        self.rotor.turn(span, command.as_ref(), self.ends[2]);
    }
}
