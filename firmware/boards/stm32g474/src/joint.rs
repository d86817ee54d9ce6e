//! The joint: encoder in, pulse width out, the node in between, each millisecond.

use core::f32::consts::TAU;
use core::sync::atomic::{AtomicBool, Ordering};

use board::kept::{self, Time};
use board::node::Node;
use board::store;
use embassy_executor::SendSpawner;
use embassy_futures::select::{Either, select};
use embassy_stm32::Peri;
use embassy_stm32::gpio::{Level, Output, OutputType, Speed};
use embassy_stm32::peripherals::{IWDG, PA6, PA7, PA8, PB0, PB1, TIM1, TIM3};
use embassy_stm32::time::khz;
use embassy_stm32::timer::qei::Qei;
use embassy_stm32::timer::simple_pwm::{PwmPin, SimplePwm};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_time::{Duration, Instant, Ticker};
use firmware::{Birth, Configuration, Inputs, Measured, ResetCause, ResetLog};
use signals::{JointState, NewtonMetres, Radians, RadiansPerSecond, Volts};

use crate::crash::{self, KEPT, SETTINGS};
use crate::link::{self, INBOX, spawn};

/// Address of the board on the bus.
pub(crate) const ADDRESS: u8 = 1;
/// Joints of this board.
pub(crate) const JOINTS: usize = 1;
/// Counts of the encoder for one turn of the joint: 1,024 lines, four edges each, and no gear.
const COUNTS_PER_TURN: f32 = 4096.0;
/// Torque at full pulse width, N m: of the motor and driver that are connected.
const TORQUE_AT_FULL: f32 = 2.0;
const PULSES_KHZ: u32 = 20;
const PERIOD_US: u16 = 1_000;
/// Share of a new velocity in the one that is told: the encoder's steps are coarse.
const SMOOTHING: f32 = 0.1;
/// Far apart, so that frames of a life do not fit the sessions of the next.
const SESSIONS_PER_LIFE: u32 = 257;

/// The link's task has run since the watchdog was fed.
pub(crate) static LINK_LIVES: AtomicBool = AtomicBool::new(false);

/// What is connected to the joint.
pub(crate) struct Wires {
    pub(crate) encoder_a: Peri<'static, PA6>,
    pub(crate) encoder_b: Peri<'static, PA7>,
    pub(crate) encoder: Peri<'static, TIM3>,
    pub(crate) width: Peri<'static, PA8>,
    pub(crate) pulses: Peri<'static, TIM1>,
    pub(crate) direction: Peri<'static, PB0>,
    pub(crate) gate: Peri<'static, PB1>,
}

/// The motor and its encoder.
struct Joint {
    encoder: Qei<'static, TIM3>,
    pulses: SimplePwm<'static, TIM1>,
    direction: Output<'static>,
    gate: Output<'static>,
    count: u16,
    position: f32,
    velocity: f32,
    torque: f32,
}

impl Joint {
    fn new(wires: Wires) -> Self {
        let width = PwmPin::new(wires.width, OutputType::PushPull);
        let frequency = khz(PULSES_KHZ);
        let mut pulses = SimplePwm::new(
            wires.pulses,
            Some(width),
            None,
            None,
            None,
            frequency,
            Default::default(),
        );
        pulses.ch1().set_duty_cycle_fully_off();
        pulses.ch1().enable();
        Self {
            encoder: Qei::new(wires.encoder, wires.encoder_a, wires.encoder_b, Default::default()),
            pulses,
            direction: Output::new(wires.direction, Level::Low, Speed::Low),
            gate: Output::new(wires.gate, Level::Low, Speed::Low),
            count: 0,
            position: 0.0,
            velocity: 0.0,
            torque: 0.0,
        }
    }

    fn measured(&mut self) -> Measured {
        let count = self.encoder.count();
        let step = f32::from(count.wrapping_sub(self.count).cast_signed());
        self.count = count;
        let moved = step / COUNTS_PER_TURN * TAU;
        self.position += moved;
        let velocity = moved / (f32::from(PERIOD_US) * 1e-6);
        self.velocity += SMOOTHING * (velocity - self.velocity);
        let state = JointState { q: Radians(self.position), dq: RadiansPerSecond(self.velocity) };
        Measured { state, tau: NewtonMetres(self.torque), ..Measured::default() }
    }

    fn drive(&mut self, torque: NewtonMetres, open: bool) {
        // Shut before, opened after the torque is set.
        if !open {
            self.gate.set_low();
        }
        self.torque = if open { torque.0 } else { 0.0 };
        let share = (self.torque.abs() / TORQUE_AT_FULL).min(1.0);
        self.direction.set_level(if self.torque < 0.0 { Level::High } else { Level::Low });
        let full = self.pulses.max_duty_cycle();
        self.pulses.ch1().set_duty_cycle((share * full as f32) as u32);
        if open {
            self.gate.set_high();
        }
    }
}

pub(crate) fn start(
    executor: SendSpawner,
    wires: Wires,
    watchdog: IndependentWatchdog<'static, IWDG>,
    log: ResetLog,
    own: Configuration<JOINTS>,
) {
    spawn(executor, joint_task(Joint::new(wires), watchdog, log, own));
}

#[embassy_executor::task]
async fn joint_task(
    mut joint: Joint,
    mut watchdog: IndependentWatchdog<'static, IWDG>,
    log: ResetLog,
    own: Configuration<JOINTS>,
) {
    let mut node = Node::new(birth(log), &own);
    let mut ticker = Ticker::every(Duration::from_micros(u64::from(PERIOD_US)));
    loop {
        match select(ticker.next(), INBOX.receive()).await {
            Either::First(()) => {
                let inputs = Inputs { now: now(), joints: [joint.measured()], supply: Volts(0.0) };
                let (outputs, state) = node.tick(&inputs);
                let [torque] = outputs.torque;
                joint.drive(torque, outputs.gate);
                if let Some(((), state)) = state {
                    link::send(state);
                }
                let tick = node.device().ticks();
                kept::keep_time(&KEPT, Time { age_ms: log.age_ms.saturating_add(tick), tick });
                if LINK_LIVES.swap(false, Ordering::Relaxed) {
                    watchdog.pet();
                }
            }
            Either::Second(frame) => {
                if let Some(((), answer)) = node.receive((), &frame, now()) {
                    link::send(answer);
                }
                if let Some(own) = node.device().take_commit() {
                    store::write(&KEPT, SETTINGS, &own);
                    crash::end(ResetCause::Request, 0);
                }
            }
        }
    }
}

fn birth(log: ResetLog) -> Birth {
    let session = log.resets.wrapping_mul(SESSIONS_PER_LIFE).wrapping_add(1) & 0xFFFF;
    let [a, b, c, d, e, f, g, h, ..] = embassy_stm32::uid::uid();
    Birth {
        address: ADDRESS,
        firmware: board::VERSION,
        commit: board::COMMIT,
        board: *b"G474",
        serial: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        first_session: u16::try_from(session).unwrap_or(1),
        log,
    }
}

/// Of this life, us; wraps.
fn now() -> u32 {
    (Instant::now().as_micros() & u64::from(u32::MAX)) as u32
}
