//! The simulated body: physics, drives and sensors behind the one trait.

use core::time::Duration;

use ::body::{Applied, Body, Capabilities, DriveCapability, Envelope, Vetted};
use firmware::{Acquaintance, Host, Measured};
use model::Robot;
use signals::{
    BodyCommand, Cycle, HardwareLimits, Instant, JOINTS_MAX, JointState, Joints, NewtonMetres,
    SensorFrame, Volts,
};

use crate::SimError;
use crate::fault::{Disturbance, Faults};
use crate::joint_board::{JointBoard, JointBus, SoftwareBoard, board_configuration};
use crate::sensor::Sensors;
use crate::truth::SimTruth;
use crate::world::World;
use crate::yard::Yard;

/// Most ticks one frame catches up, so that a long pause does not turn into a long computation.
const TICKS_PER_FRAME_MAX: u128 = 1000;

/// A robot made of physics. A new one is the only reset.
pub struct SimBody {
    /// Id of the limits this body was built with.
    envelope: u64,
    world: World,
    /// What the motors can give.
    limits: HardwareLimits,
    bus: JointBus,
    sensors: Sensors,
    faults: Faults,
    yard: Yard,
    tick: Duration,
    /// After how long without a command the board damps.
    watchdog: Duration,
    /// The first frame was read: from then on time passes.
    started: bool,
    truth: SimTruth,
}

impl SimBody {
    /// `robot` in its settled posture on the ground at the origin of `yard`, looking along x,
    /// without torque. The noise of all sensors comes from `seed`.
    ///
    /// # Errors
    /// [`SimError`], when the robot cannot be simulated; it names the part at fault.
    pub fn new(robot: &Robot, yard: &Yard, seed: u64) -> Result<Self, SimError> {
        let board = SoftwareBoard::new(&board_configuration(robot)?);
        Self::with_board(robot, yard, seed, Box::new(board))
    }

    /// The same with another board than the one in the process.
    ///
    /// # Errors
    /// As [`SimBody::new`].
    pub fn with_board(
        robot: &Robot,
        yard: &Yard,
        seed: u64,
        board: Box<dyn JointBoard>,
    ) -> Result<Self, SimError> {
        let world = World::new(robot, yard)?;
        let limits = |error: &dyn core::fmt::Display| SimError::Limits(error.to_string());
        let envelope = Envelope::new(&robot.limits).map_err(|error| limits(&error))?.id();
        let joints = robot.model.joint_count();
        let tick = Duration::from_secs_f64(1.0 / robot.file.control.rate_hz);
        let no_torque = Joints::filled(NewtonMetres(0.0), joints);
        let truth = SimTruth::of(&world, Instant::ZERO, no_torque);
        Ok(Self {
            world,
            envelope,
            limits: robot.limits,
            bus: JointBus::new(robot, board, &board_configuration(robot)?),
            sensors: Sensors::new(robot, seed),
            faults: Faults::none(joints),
            yard: yard.clone(),
            tick,
            watchdog: Duration::from_secs_f64(1e-3 * robot.file.board.damping_ms),
            started: false,
            truth,
        })
    }

    /// The true state after the last tick.
    #[must_use]
    pub const fn truth(&self) -> SimTruth {
        self.truth
    }

    /// Lets `disturbance` happen, from the next tick on.
    pub fn disturb(&mut self, disturbance: Disturbance) {
        self.faults.begin(disturbance);
    }

    /// Feeds `out` the whole moving state of the physics, bit for bit, for hashing: equal digests
    /// mean equal runs.
    pub fn digest(&self, out: &mut impl FnMut(&[u8])) {
        self.world.digest(out);
    }

    /// Lets time pass until `now`, in whole ticks; the first call only starts the clock.
    pub(crate) fn advance(&mut self, now: Instant) {
        if !self.started {
            self.started = true;
            self.truth.at = now;
            // The board wakes up and says where its joints are; no time passes.
            let _ = self.drive(now, now);
            self.sensors.measure(&self.truth, self.bus.host(), &self.faults, &self.yard);
            return;
        }
        let tick = self.tick.as_nanos().max(1);
        let due = (now.since(self.truth.at).as_nanos() + tick / 2) / tick;
        let mut in_collision = due == 0 && self.truth.in_collision;
        for _ in 0..due.min(TICKS_PER_FRAME_MAX) {
            self.step();
            in_collision |= self.truth.in_collision;
        }
        self.truth.in_collision = in_collision;
        if due > TICKS_PER_FRAME_MAX {
            self.truth.at = now;
        }
    }

    /// One tick of physics and one of measuring.
    fn step(&mut self) {
        let begin = self.truth.at;
        let torque = self.drive(begin, begin + self.tick);
        let (height, rising) = (self.truth.position[2].0, self.truth.velocity_world[2].0);
        let push = self.faults.push(self.tick, height, rising);
        if let Some(friction) = self.faults.new_friction() {
            self.world.set_friction(friction);
        }
        self.world.jam(&self.faults.joints.map(|fault| fault.jammed));
        let hits = self.faults.joints.map(|fault| fault.hit);
        let acting = Joints::from_fn(torque.len(), |id| torque[id] + hits[id]);
        self.world.step(&acting, push);
        self.truth = SimTruth::of(&self.world, begin + self.tick, torque);
        self.sensors.measure(&self.truth, self.bus.host(), &self.faults, &self.yard);
        self.faults.pass(self.tick);
    }

    /// The torques over the tick from `begin` to `end`: what the board asks of the motors by its
    /// own encoders, and what they give of it.
    fn drive(&mut self, begin: Instant, end: Instant) -> Joints<NewtonMetres> {
        let (truth, faults) = (&self.truth, &self.faults.joints);
        let measured = Joints::from_fn(truth.joints.len(), |id| {
            let (JointState { q, dq }, fault) = (truth.joints[id], &faults[id]);
            Measured {
                state: JointState { q: q + fault.offset, dq },
                tau: truth.torque[id] * fault.shown + fault.hit,
                temperature: fault.temperature,
            }
        });
        let supply = self.faults.supply().map_or(Volts(0.0), |supply| supply.voltage);
        let asked = self.bus.tick((begin, end), &measured, supply);
        Joints::from_fn(asked.len(), |id| {
            let (low, high) = self.limits.joints[id].torque_range(truth.joints[id].dq);
            asked[id].limited(low, high) * faults[id].acting
        })
    }

    /// What passes between the host and the board of the joints.
    #[must_use]
    pub const fn link(&self) -> &Host<JOINTS_MAX> {
        self.bus.host()
    }

    /// Sends the board the command of `cycle` at `now`.
    pub(crate) fn take(&mut self, command: &BodyCommand, cycle: u64, now: Instant) -> Applied {
        if command.valid_until <= now {
            return Applied::Expired;
        }
        self.bus.send(command, cycle, now);
        if self.bus.host().follows(command, now) {
            Applied::Confirmed
        } else {
            Applied::Unconfirmed
        }
    }
}

impl Body for SimBody {
    fn sense(&mut self, cycle: &Cycle) -> SensorFrame {
        self.advance(cycle.now);
        self.sensors.frame()
    }

    fn apply(&mut self, command: Vetted<'_, BodyCommand>) -> Applied {
        if command.envelope() != self.envelope {
            return Applied::ForeignLimits;
        }
        let Cycle { number, now, .. } = *command.cycle();
        self.take(&command, number, now)
    }

    fn clear(&mut self, fault: u16) {
        self.bus.clear(fault);
    }

    fn capabilities(&self) -> Capabilities {
        let known = *self.link().acquaintance() == Acquaintance::Known;
        let watchdog = known.then_some(self.watchdog);
        let drive = DriveCapability { watchdog, ..DriveCapability::default() };
        Capabilities { drives: Joints::filled(drive, self.truth.joints.len()) }
    }
}
