//! The board that drives the joints: the very code that runs on a microcontroller, with the wire to
//! its host.
//!
//! A simulated robot has its board in the process; another one behind the same trait may run in an
//! emulator, or on a desk beside the simulator.

use core::time::Duration;
use std::collections::VecDeque;

use firmware::frame::FRAME_MAX;
use firmware::{
    Birth, Configuration, Device, Host, Inputs, Measured, ResetLog, Supervision, WatchdogTimes,
};
use model::Robot;
use signals::{BodyCommand, Celsius, Instant, JOINTS_MAX, Joints, NewtonMetres, Volts};

use crate::SimError;

/// Address of the board in the process.
const ADDRESS: u8 = 1;

/// A board that drives the joints, as the physics and the wire see it.
pub trait JointBoard: Send {
    /// A frame from the host arrives at `at`, the clock of the body. Answers go to `answer`.
    fn receive(&mut self, frame: &[u8], at: Instant, answer: &mut dyn FnMut(&[u8]));

    /// One tick that begins at `at`: the torque of each joint over it. What the board says goes to
    /// `answer`, its state last. A supply of zero volts is not measured.
    fn tick(
        &mut self,
        at: Instant,
        measured: &Joints<Measured>,
        supply: Volts,
        answer: &mut dyn FnMut(&[u8]),
    ) -> Joints<NewtonMetres>;
}

/// What the board of `robot`, which drives up to `N` joints, is provisioned with.
///
/// # Errors
/// More joints than the board has, or limits or times that it refuses.
pub fn board_configuration<const N: usize>(robot: &Robot) -> Result<Configuration<N>, SimError> {
    let (file, rate) = (&robot.file.board, robot.file.control.rate_hz);
    #[expect(clippy::cast_sign_loss, reason = "the loader has checked the times")]
    let ticks = |ms: f64| (ms * 1e-3 * rate).round() as u16;
    let watchdog = WatchdogTimes {
        expire: ticks(file.expire_ms),
        damping: ticks(file.damping_ms),
        torque_off: ticks(file.torque_off_ms),
        heartbeat: ticks(file.heartbeat_ms),
    };
    let supervision = Supervision {
        temperature_derate: Celsius(file.temperature_derate_c),
        temperature_trip: Celsius(file.temperature_trip_c),
        voltage_min: Volts(file.voltage_min_v),
        voltage_max: Volts(file.voltage_max_v),
    };
    let period = Duration::from_secs_f64(1.0 / rate);
    Configuration::of(&robot.limits, watchdog, supervision, period)
        .map_err(|error| SimError::Board(format!("{error:?}")))
}

/// The board in the process.
#[derive(Debug)]
pub(crate) struct SoftwareBoard(Device<JOINTS_MAX>);

impl SoftwareBoard {
    pub(crate) fn new(configuration: &Configuration<JOINTS_MAX>) -> Self {
        let birth = Birth {
            address: ADDRESS,
            firmware: [0, 1, 0],
            commit: 0,
            board: *b"soft",
            serial: 0,
            log: ResetLog::NEW,
            first_session: 1,
        };
        Self(Device::new(birth, configuration))
    }
}

impl JointBoard for SoftwareBoard {
    fn receive(&mut self, frame: &[u8], at: Instant, answer: &mut dyn FnMut(&[u8])) {
        let mut bytes = [0; FRAME_MAX];
        let length = self.0.receive(frame, microseconds(at), &mut bytes);
        length.and_then(|length| bytes.get(..length)).into_iter().for_each(answer);
    }

    fn tick(
        &mut self,
        at: Instant,
        measured: &Joints<Measured>,
        supply: Volts,
        answer: &mut dyn FnMut(&[u8]),
    ) -> Joints<NewtonMetres> {
        let mut joints = [Measured::default(); JOINTS_MAX];
        joints.iter_mut().zip(measured.iter()).for_each(|(joint, measured)| *joint = *measured);
        let outputs = self.0.tick(&Inputs { now: microseconds(at), joints, supply });
        let mut bytes = [0; FRAME_MAX];
        let length = self.0.write_state(&mut bytes);
        length.and_then(|length| bytes.get(..length)).into_iter().for_each(answer);
        Joints::from_fn(measured.len(), |id| outputs.torque[id.index()])
    }
}

/// On the clock of the board, us; wraps.
fn microseconds(at: Instant) -> u32 {
    (at.as_nanos() / 1000) as u32
}

/// The board with its wire: commands arrive after their delay, what it says at the end of its tick.
pub(crate) struct JointBus {
    board: Box<dyn JointBoard>,
    host: Host<JOINTS_MAX>,
    /// From a command to its arrival.
    delay: Duration,
    /// On the way to the board, oldest first, with the instant of arrival.
    pending: VecDeque<(Instant, Vec<u8>)>,
    said: Vec<Vec<u8>>,
}

impl JointBus {
    pub(crate) fn new(
        robot: &Robot,
        board: Box<dyn JointBoard>,
        configuration: &Configuration<JOINTS_MAX>,
    ) -> Self {
        let ticks = u32::try_from(robot.file.sim.actuation_delay_ticks).unwrap_or(u32::MAX);
        let tick = Duration::from_secs_f64(1.0 / robot.file.control.rate_hz);
        Self {
            board,
            host: Host::new(configuration),
            delay: tick.saturating_mul(ticks),
            pending: VecDeque::new(),
            said: Vec::new(),
        }
    }

    /// The host's end.
    pub(crate) const fn host(&self) -> &Host<JOINTS_MAX> {
        &self.host
    }

    pub(crate) fn clear(&mut self, fault: u16) {
        self.host.clear(fault);
    }

    /// Sends the command of `cycle` at `now`.
    pub(crate) fn send(&mut self, command: &BodyCommand, cycle: u64, now: Instant) {
        let (arrival, pending) = (now + self.delay, &mut self.pending);
        self.host.command(command, (cycle, now), &mut |frame| {
            pending.push_back((arrival, frame.to_vec()));
        });
    }

    /// One tick from `begin` to `end`: what has arrived by its beginning is taken, what is said
    /// arrives by its end.
    pub(crate) fn tick(
        &mut self,
        (begin, end): (Instant, Instant),
        measured: &Joints<Measured>,
        supply: Volts,
    ) -> Joints<NewtonMetres> {
        let said = &mut self.said;
        let mut say = |frame: &[u8]| said.push(frame.to_vec());
        while let Some((_, frame)) = self.pending.pop_front_if(|(arrival, _)| *arrival <= begin) {
            self.board.receive(&frame, begin, &mut say);
        }
        let torque = self.board.tick(begin, measured, supply, &mut say);
        for frame in self.said.drain(..) {
            self.host.receive(&frame, end);
        }
        torque
    }
}
