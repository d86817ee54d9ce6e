//! A board without hardware: the firmware of a joint board around rotors that are only numbers. For
//! trying the link, its tools and a robot's configuration before there is a robot.

mod serve;

use core::time::Duration;

use firmware::frame::FRAME_MAX;
use firmware::{Birth, Configuration, Device, Inputs, Measured, Outputs, ResetCause, ResetLog};
use signals::{
    Celsius, JOINTS_MAX, JointState, Lifecycle, NewtonMetres, Radians, RadiansPerSecond, Volts,
};

use crate::link::BoardConfiguration;

/// What its supply gives, unless it is fed another.
const SUPPLY: Volts = Volts(24.0);
/// What its windings have.
const COOL: Celsius = Celsius(30.0);
/// Friction of a rotor for each kg m^2 of its inertia, N m s/rad: it comes to rest in seconds.
const FRICTION: f32 = 0.5;
/// The last digit of a measured speed, rad/s, is never still, as with any real encoder.
const LAST_DIGIT: f32 = 1e-5;
/// Between two lives of the board sessions go on so much higher: a frame of one life fits no other.
const SESSIONS_A_LIFE: u16 = 1000;

/// A joint that is only its inertia.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotor {
    /// Moment of inertia at the joint, kg m^2.
    pub inertia: f32,
    /// Position and velocity.
    pub state: JointState,
}

impl Rotor {
    /// At rest at `q`.
    #[must_use]
    pub const fn resting(inertia: f32, q: Radians) -> Self {
        Self { inertia, state: JointState { q, dq: RadiansPerSecond(0.0) } }
    }

    fn turn(&mut self, torque: NewtonMetres, dt: f32) {
        let friction = FRICTION * self.inertia * self.state.dq.0;
        self.state.dq.0 += dt * (torque.0 - friction) / self.inertia;
        self.state.q.0 += dt * self.state.dq.0;
    }
}

/// The firmware of a joint board around rotors.
#[derive(Debug)]
pub struct RotorBoard {
    device: Device<JOINTS_MAX>,
    configuration: BoardConfiguration,
    log: ResetLog,
    lives: u16,
    rotors: Vec<Rotor>,
    supply: Volts,
    outputs: Outputs<JOINTS_MAX>,
}

impl RotorBoard {
    /// A board that was just switched on. With `None` nobody has told it its limits yet.
    #[must_use]
    pub fn new(configuration: Option<&BoardConfiguration>, rotors: Vec<Rotor>) -> Self {
        let configuration = configuration.copied().unwrap_or(Configuration::NONE);
        let log = ResetLog::NEW;
        Self {
            device: Device::new(birth(log, 0), &configuration),
            configuration,
            log,
            lives: 0,
            rotors,
            supply: SUPPLY,
            outputs: Outputs { torque: [NewtonMetres(0.0); JOINTS_MAX], gate: false },
        }
    }

    /// How far it is from giving torque.
    #[must_use]
    pub const fn lifecycle(&self) -> Lifecycle {
        self.device.lifecycle()
    }

    /// The board itself.
    #[must_use]
    pub const fn device(&self) -> &Device<JOINTS_MAX> {
        &self.device
    }

    /// What it gave its rotors in the last tick.
    #[must_use]
    pub const fn outputs(&self) -> &Outputs<JOINTS_MAX> {
        &self.outputs
    }

    /// Its rotors, to be turned from outside.
    pub fn rotors_mut(&mut self) -> &mut [Rotor] {
        &mut self.rotors
    }

    /// Gives it another supply.
    pub const fn feed(&mut self, supply: Volts) {
        self.supply = supply;
    }

    /// From one tick to the next.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_micros(self.configuration.period as u64)
    }

    /// Takes a frame that came at `now` on the board's clock, us; the length of the answer.
    pub fn receive(
        &mut self,
        frame: &[u8],
        now: u32,
        answer: &mut [u8; FRAME_MAX],
    ) -> Option<usize> {
        self.device.receive(frame, now, answer)
    }

    /// One tick at `now`, us: drives the rotors, and writes the state frame; its length. A board
    /// that was told a new configuration starts again with it.
    pub fn tick(&mut self, now: u32, state: &mut [u8; FRAME_MAX]) -> Option<usize> {
        if let Some(configuration) = self.device.take_commit() {
            self.configuration = configuration;
            self.reset(ResetCause::Request);
        }
        let mut joints = [Measured::default(); JOINTS_MAX];
        let given = self.rotors.iter().zip(&self.outputs.torque);
        let odd = !self.device.ticks().is_multiple_of(2);
        for (joint, (rotor, tau)) in joints.iter_mut().zip(given) {
            let mut state = rotor.state;
            state.dq.0 += if odd { LAST_DIGIT } else { -LAST_DIGIT };
            *joint = Measured { state, tau: *tau, temperature: COOL };
        }
        self.outputs = self.device.tick(&Inputs { now, joints, supply: self.supply });
        let dt = self.period().as_secs_f32();
        let gate = self.outputs.gate;
        for (rotor, torque) in self.rotors.iter_mut().zip(&self.outputs.torque) {
            // No current flows through a gate that is shut.
            rotor.turn(if gate { *torque } else { NewtonMetres(0.0) }, dt);
        }
        self.device.write_state(state)
    }

    /// Starts it again: its torque is off, its session is over, its configuration stays.
    pub fn reset(&mut self, cause: ResetCause) {
        self.log.age_ms = self.log.age_ms.saturating_add(
            u32::try_from(self.period().as_millis()).unwrap_or_default() * self.device.ticks(),
        );
        self.log.note(cause, 0, 0, self.device.ticks());
        self.lives = self.lives.wrapping_add(1);
        self.device = Device::new(birth(self.log, self.lives), &self.configuration);
    }
}

fn birth(log: ResetLog, lives: u16) -> Birth {
    let number = |text: &str| text.parse().unwrap_or_default();
    Birth {
        address: 1,
        firmware: [
            number(env!("CARGO_PKG_VERSION_MAJOR")),
            number(env!("CARGO_PKG_VERSION_MINOR")),
            number(env!("CARGO_PKG_VERSION_PATCH")),
        ],
        commit: 0,
        board: *b"rotr",
        serial: 1,
        log,
        first_session: 1 + lives.wrapping_mul(SESSIONS_A_LIFE),
    }
}
