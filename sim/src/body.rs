//! The simulated body: physics, drives and sensors behind the one trait.

use core::time::Duration;

use ::body::{Applied, Body, Capabilities, DriveCapability, Envelope, Vetted};
use model::Robot;
use signals::{BodyCommand, Cycle, Instant, Joints, NewtonMetres, SensorFrame};

use crate::SimError;
use crate::drive::Drives;
use crate::fault::{Disturbance, Faults};
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
    drives: Drives,
    sensors: Sensors,
    faults: Faults,
    yard: Yard,
    tick: Duration,
    /// How long a command is followed.
    validity: Duration,
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
            drives: Drives::new(robot, tick),
            sensors: Sensors::new(robot, seed),
            faults: Faults::none(joints),
            yard: yard.clone(),
            tick,
            validity: Duration::from_secs_f64(1e-3 * robot.file.control.command_validity_ms),
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
            self.sensors.measure(&self.truth, &self.faults, &self.yard);
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
        let torque = self.drives.torques(begin, &self.truth.joints, &self.faults.joints);
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
        self.sensors.measure(&self.truth, &self.faults, &self.yard);
        self.faults.pass(self.tick);
    }

    /// Gives the drives `command` at `now`.
    pub(crate) fn take(&mut self, command: &BodyCommand, now: Instant) -> Applied {
        if command.valid_until <= now {
            return Applied::Expired;
        }
        self.drives.take(command, now);
        if command.joints.iter().all(signals::JointCommand::is_finite) {
            Applied::Confirmed
        } else {
            // The drives damp a joint whose command is not a number.
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
        let now = command.cycle().now;
        self.take(&command, now)
    }

    fn clear(&mut self, _: u16) {}

    fn capabilities(&self) -> Capabilities {
        let validity = DriveCapability { watchdog: Some(self.validity), ..Default::default() };
        Capabilities { drives: Joints::filled(validity, self.truth.joints.len()) }
    }
}
