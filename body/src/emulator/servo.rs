//! One emulated servo: a memory, and a load that a motor turns.

use core::f32::consts::PI;
use core::time::Duration;

use motors::servo::ServoModel;

/// A servo: its registers, and where it is.
#[derive(Clone, Debug)]
pub struct EmulatedServo {
    /// Its address.
    pub id: u8,
    /// What it really is, whatever its memory says.
    pub model: &'static ServoModel,
    /// Its registers; those it measures are written again in each step.
    pub memory: [u8; 256],
    /// Where it is, rad from the middle of the encoder.
    pub angle: f32,
    /// How fast it turns, rad/s.
    pub velocity: f32,
    /// The torque its load pulls with, N m: gravity on an arm.
    pub load: f32,
    /// Its temperature, degrees Celsius.
    pub temperature: u8,
    /// Its supply, 0.1 V.
    pub voltage: u8,
    /// It answers nobody.
    pub silent: bool,
    /// Times that torque went on.
    pub energised: u32,
    /// Faults that a request cleared.
    pub cleared: u32,
    /// Highest torque it gave since it was made, N m either way.
    pub torque_peak: f32,
    /// When it last heard a request.
    pub(crate) heard: Duration,
    /// The registers it begins anew with.
    fresh: [u8; 256],
}

/// Inertia of the load, kg m^2.
const INERTIA: f32 = 0.02;
/// Friction of motor and gears, N m s/rad: large, as that of a small servo with a long gear train.
const FRICTION: f32 = 0.4;
/// Stiffness a servo holds its goal with, N m/rad.
const STIFFNESS: f32 = 20.0;
/// Damping it holds its goal with, N m s/rad.
const DAMPING: f32 = 0.8;
/// Highest torque, N m, of all emulated servos.
const TORQUE_MAX: f32 = 2.9;
/// Mechanical stops, rad from the middle.
const STOP: f32 = PI * 0.999;

impl EmulatedServo {
    pub(crate) fn new(id: u8, model: &'static ServoModel, memory: [u8; 256]) -> Self {
        Self {
            id,
            model,
            memory,
            angle: 0.0,
            velocity: 0.0,
            load: 0.0,
            temperature: 30,
            voltage: 120,
            silent: false,
            energised: 0,
            cleared: 0,
            torque_peak: 0.0,
            heard: Duration::ZERO,
            fresh: memory,
        }
    }

    /// It loses power for a moment: what it keeps without power stays, from register `ram` on
    /// everything is as on the first day.
    pub(crate) fn restart(&mut self, ram: usize) {
        self.memory[ram..].copy_from_slice(&self.fresh[ram..]);
    }

    /// Turns for `step`, toward `goal` rad with at most `part` of its torque where torque is on, no
    /// faster than `speed` rad/s.
    pub(crate) fn turn(&mut self, step: Duration, goal: Option<f32>, part: f32, speed: f32) -> f32 {
        let dt = step.as_secs_f32();
        let torque = goal.map_or(0.0, |goal| {
            let pull = STIFFNESS * (goal - self.angle);
            // A speed limit is a pull no stronger than what damping and friction take at it.
            let most = (FRICTION + DAMPING) * speed;
            let torque = pull.clamp(-most, most) - DAMPING * self.velocity - self.load;
            torque.clamp(-TORQUE_MAX * part, TORQUE_MAX * part)
        });
        self.torque_peak = self.torque_peak.max(torque.abs());
        let push = torque + self.load;
        // Friction is taken implicitly, so that any step is stable.
        self.velocity = (self.velocity + dt * push / INERTIA) / (1.0 + dt * FRICTION / INERTIA);
        self.angle += dt * self.velocity;
        if self.angle.abs() > STOP {
            (self.angle, self.velocity) = (self.angle.clamp(-STOP, STOP), 0.0);
        }
        torque
    }

    pub(crate) fn u16(&self, at: impl Into<u16>) -> u16 {
        let at = usize::from(at.into());
        u16::from_le_bytes([self.memory[at], self.memory[at + 1]])
    }

    pub(crate) fn i32(&self, at: impl Into<u16>) -> i32 {
        let at = usize::from(at.into());
        let bytes = &self.memory[at..at + 4];
        i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    pub(crate) fn put(&mut self, at: impl Into<u16>, bytes: &[u8]) {
        let at = usize::from(at.into());
        self.memory[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// A register of one byte.
    #[must_use]
    pub fn byte(&self, at: impl Into<u16>) -> u8 {
        self.memory[usize::from(at.into())]
    }

    /// Sets a register of one byte, as if it had been so for ever.
    pub fn set_byte(&mut self, at: impl Into<u16>, byte: u8) {
        self.memory[usize::from(at.into())] = byte;
    }

    /// Sets a register of two bytes, as if it had been so for ever.
    pub fn set_word(&mut self, at: impl Into<u16>, word: u16) {
        self.put(at, &word.to_le_bytes());
    }
}
