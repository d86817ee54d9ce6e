//! A moteus controller: its registers, and its configuration by lines of text.

use core::f32::consts::TAU;
use core::time::Duration;

use moteus_protocol::{
    CanFdFrame, Register, Resolution, Scaling, Subframe, SubframeType, Value, WriteCanData,
    parse_frame, scaling,
};
use motors::can::{CanFrame, CanId};
use signals::{Damping, JointCommand, NewtonMetres, Radians, RadiansPerSecond, Stiffness};

use super::{EmulatedMotor, Rotor};

/// A moteus controller.
#[derive(Clone, Debug)]
pub struct MoteusController {
    id: u8,
    /// Where its motor is and what acts on it.
    pub rotor: Rotor,
    /// Mode, by the maker's numbers: 0 stopped, 1 fault, 10 position, 11 timed out.
    pub mode: i32,
    /// Fault, by the maker's numbers.
    pub fault: i32,
    /// Configured stiffness, integral gain and damping, N.m a turn, turn s, turn/s.
    pub gains: [f32; 3],
    /// Version of its register map.
    pub register_map: i32,
    /// Of the supply, V.
    pub voltage: f32,
    /// Of board and motor, degrees Celsius; above 90 it stops.
    pub temperature: f32,
    /// Its firmware takes no watchdog with a command.
    pub keeps_its_timeout: bool,
    /// Times a command energised it.
    pub enabled: u32,
    /// Times a fault or a timeout was cleared.
    pub cleared: u32,
    /// The command in force, as it was written.
    command: Written,
    text_in: String,
    text_out: Vec<u8>,
    silent_for: Duration,
    uptime: Duration,
}

/// What a frame wrote; what it did not is not a number.
#[derive(Clone, Copy, Debug)]
struct Written {
    position: f32,
    velocity: f32,
    torque: f32,
    kp_scale: f32,
    kd_scale: f32,
    torque_max: f32,
    timeout: f32,
}

const NOTHING: Written = Written {
    position: f32::NAN,
    velocity: 0.0,
    torque: 0.0,
    kp_scale: 1.0,
    kd_scale: 1.0,
    torque_max: 100.0,
    timeout: f32::NAN,
};
/// Without a watchdog in the command, s.
const TIMEOUT: f32 = 0.1;
const HOT: f32 = 90.0;

impl MoteusController {
    /// Controller `id` with these configured gains for position, integral and velocity.
    #[must_use]
    pub fn new(id: u8, gains: [f32; 3]) -> Self {
        Self {
            id,
            rotor: Rotor::default(),
            mode: 0,
            fault: 0,
            gains,
            register_map: 5,
            voltage: 24.0,
            temperature: 25.0,
            keeps_its_timeout: false,
            enabled: 0,
            cleared: 0,
            command: NOTHING,
            text_in: String::new(),
            text_out: Vec::new(),
            silent_for: Duration::ZERO,
            uptime: Duration::ZERO,
        }
    }

    /// Power goes and comes back.
    pub fn restart(&mut self) {
        (self.mode, self.fault, self.command) = (0, 0, NOTHING);
        self.uptime = Duration::ZERO;
    }

    /// What it makes of the command in force, and of its absence; `None` without torque.
    #[must_use]
    pub fn acting(&self) -> Option<JointCommand> {
        let [kp, _, kd] = self.gains;
        let command = &self.command;
        let damping = Damping(kd * command.kd_scale / TAU);
        match self.mode {
            10 => Some(JointCommand {
                q: Radians(command.position * TAU),
                dq: RadiansPerSecond(command.velocity * TAU),
                kp: Stiffness(kp * command.kp_scale / TAU),
                kd: damping,
                tau: NewtonMetres(command.torque),
            }),
            // It damps when commands stay away.
            11 => Some(JointCommand::damped(Damping(kd / TAU))),
            _ => None,
        }
    }

    fn write(&mut self, register: u16, value: Value) {
        let command = &mut self.command;
        match Register::from_address(register) {
            Some(Register::Mode) => {
                *command = NOTHING;
                let wanted = value.to_i32();
                let was_bad = matches!(self.mode, 1 | 11);
                if wanted == 0 {
                    self.cleared += u32::from(was_bad);
                    (self.mode, self.fault) = (0, 0);
                } else if !was_bad {
                    self.enabled += u32::from(self.mode == 0);
                    self.mode = wanted;
                }
                self.silent_for = Duration::ZERO;
            }
            Some(Register::CommandPosition) => command.position = value.to_f32(&scaling::POSITION),
            Some(Register::CommandVelocity) => command.velocity = value.to_f32(&scaling::VELOCITY),
            Some(Register::CommandFeedforwardTorque) => {
                command.torque = value.to_f32(&scaling::TORQUE);
            }
            Some(Register::CommandKpScale) => command.kp_scale = value.to_f32(&scaling::PWM),
            Some(Register::CommandKdScale) => command.kd_scale = value.to_f32(&scaling::PWM),
            Some(Register::CommandPositionMaxTorque) => {
                command.torque_max = value.to_f32(&scaling::TORQUE);
            }
            Some(Register::CommandTimeout) if !self.keeps_its_timeout => {
                command.timeout = value.to_f32(&scaling::TIME);
            }
            _ => {}
        }
    }

    fn read(&self, register: u16) -> Option<(f32, &'static Scaling)> {
        #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
        let whole = |value: i32| (value as f32, &scaling::INT);
        Some(match Register::from_address(register)? {
            Register::Mode => whole(self.mode),
            Register::Position => (self.rotor.q / TAU, &scaling::POSITION),
            Register::Velocity => (self.rotor.dq / TAU, &scaling::VELOCITY),
            Register::Torque => (self.rotor.tau, &scaling::TORQUE),
            Register::MotorTemperature | Register::Temperature => {
                (self.temperature, &scaling::TEMPERATURE)
            }
            Register::Voltage => (self.voltage, &scaling::VOLTAGE),
            Register::Fault => whole(self.fault),
            Register::CommandTimeout => (self.command.timeout, &scaling::TIME),
            Register::MillisecondCounter => {
                whole(i32::try_from(self.uptime.as_millis()).unwrap_or(0))
            }
            Register::RegisterMapVersion => whole(self.register_map),
            Register::FirmwareVersion => whole(0x0105),
            _ => return None,
        })
    }

    /// Answers the registers that were asked for: those that follow each other in one part.
    fn answer(&self, asked: &[(u16, Resolution)], writer: &mut WriteCanData<'_>) {
        let follows = |a: &(u16, Resolution), b: &(u16, Resolution)| {
            a.1 == b.1 && a.0.checked_add(1) == Some(b.0)
        };
        for part in asked.chunk_by(follows) {
            let Some((first, resolution)) = part.first() else { continue };
            let head = moteus_protocol::REPLY_INT8 | resolution.type_code();
            match u8::try_from(part.len()) {
                Ok(count @ 1..=3) => writer.write_u8(head | count),
                count => [head, count.unwrap_or(0)].into_iter().for_each(|b| writer.write_u8(b)),
            }
            writer.write_varuint(u32::from(*first));
            for (register, resolution) in part {
                let (value, scale) = self.read(*register).unwrap_or((f32::NAN, &scaling::INT));
                writer.write_mapped(value, scale, *resolution);
            }
        }
    }

    fn line(&mut self) {
        let Some(end) = self.text_in.find('\n') else { return };
        let line: String = self.text_in.drain(..=end).collect();
        let [kp, ki, kd] = self.gains;
        let answer = match line.trim() {
            "conf get servo.pid_position.kp" => format!("{kp:.6}\r\n"),
            "conf get servo.pid_position.ki" => format!("{ki:.6}\r\n"),
            "conf get servo.pid_position.kd" => format!("{kd:.6}\r\n"),
            _ => "ERR unknown\r\n".into(),
        };
        self.text_out.extend(answer.bytes());
    }

    /// At most a few bytes at a time, so that a number comes in pieces.
    fn say(&mut self, most: usize, writer: &mut WriteCanData<'_>) {
        let count = self.text_out.len().min(most).min(5);
        let piece: Vec<u8> = self.text_out.drain(..count).collect();
        writer.write_u8(moteus_protocol::SERVER_TO_CLIENT);
        writer.write_varuint(1);
        writer.write_varuint(u32::try_from(count).unwrap_or(0));
        writer.write_bytes(&piece);
    }
}

impl EmulatedMotor for MoteusController {
    fn take(&mut self, frame: &CanFrame) -> Vec<CanFrame> {
        let number = frame.id().number();
        if number & 0x7F != u32::from(self.id) || number & 0xFFFF_0000 != 0 {
            return Vec::new();
        }
        let host = number >> 8 & 0x7F;
        let mut out = CanFdFrame::new();
        let mut writer = WriteCanData::new(&mut out);
        let mut asked = Vec::new();
        for part in parse_frame(frame.data()) {
            match part {
                Subframe::Register {
                    subframe_type: SubframeType::Write,
                    register,
                    value: Some(value),
                    ..
                } => self.write(register, value),
                Subframe::Register {
                    subframe_type: SubframeType::Read,
                    register,
                    resolution,
                    ..
                } => asked.push((register, resolution)),
                Subframe::Stream {
                    subframe_type: SubframeType::StreamClientToServer,
                    data,
                    ..
                } => {
                    self.text_in.push_str(&String::from_utf8_lossy(data));
                    self.line();
                }
                _ => {}
            }
        }
        self.answer(&asked, &mut writer);
        // The crate takes the length of a poll for data; a frame that polls does nothing else.
        if let [moteus_protocol::CLIENT_POLL_SERVER, 1, most, ..] = *frame.data() {
            self.say(usize::from(most), &mut writer);
        }
        let data = out.data.get(..usize::from(out.size)).unwrap_or_default();
        let id = CanId::Extended(u32::from(self.id) << 8 | host);
        let answer = CanFrame::flexible(id, data, moteus_protocol::NOP);
        answer.filter(|_| number & 0x8000 != 0).into_iter().collect()
    }

    fn advance(&mut self, span: Duration) {
        self.silent_for += span;
        self.uptime += span;
        let timeout = if self.command.timeout.is_nan() { TIMEOUT } else { self.command.timeout };
        if self.mode == 10 && self.silent_for.as_secs_f32() > timeout {
            self.mode = 11;
        }
        if self.temperature > HOT && self.mode != 0 {
            (self.mode, self.fault) = (1, 38);
        }
        let command = self.acting();
        self.rotor.turn(span, command.as_ref(), self.command.torque_max);
    }
}
