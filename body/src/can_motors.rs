//! A body whose joints are turned by motors on CAN buses.
//!
//! [`CanMotors::connect`] asks and compares; it energises nothing and clears nothing. The first
//! vetted command that asks for torque energises, in three steps without waiting: the motors are
//! checked again, enabled with neither gains nor torque, and only when all of them say so they get
//! what is asked for. A command that asks for no torque anywhere disables them, because a packed
//! zero is not zero. A motor with a fault, one that stopped by itself and one that went silent stay
//! without torque until the fault is cleared by its id. The others go on as the governor wants, for
//! long enough to bring the robot to rest; then they are without torque as well.

mod damiao;
mod dialect;
mod error;
mod load;
mod moteus;
mod motor;
mod plan;
mod robstride;
#[cfg(test)]
mod tests;

use core::time::Duration;

use motors::can::CanFrame;
use signals::{
    BodyCommand, Cycle, Damping, DriveFault, DriveReading, Feet, ImuReading, Instant, JointCommand,
    JointId, JointReading, Joints, Lifecycle, SensorFrame,
};

pub use self::dialect::Contradiction;
use self::dialect::Line;
pub use self::error::ConnectError;
pub use self::load::{CanRate, part_of_wire};
use self::motor::{Motor, Taken};
pub use self::plan::{MotorKind, MotorPlan, Timing};
use crate::{Applied, Body, CanPort, Capabilities, Control, DriveCapability, Envelope, Vetted};

/// How long the motors have to say that they are energised.
const ARM_WITHIN: Duration = Duration::from_millis(200);
/// How long the motors without a fault still follow beside one with a fault: long enough for the
/// governor to bring the robot to rest, then all are without torque.
const FAULT_GRACE: Duration = Duration::from_secs(3);
/// Most frames that are read from one bus in one cycle.
const FRAMES_MAX: usize = 256;

/// What was sent, heard and lost since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CanCounters {
    /// Frames sent.
    pub sent: u64,
    /// Frames that the port had no room for, or could not carry.
    pub unsent: u64,
    /// Frames heard from our motors.
    pub heard: u64,
    /// Frames heard from nobody we know.
    pub strangers: u64,
    /// Answers that nobody asked for, or that came too late to say when they were measured.
    pub unasked: u64,
    /// Readings that were not made of numbers.
    pub not_finite: u64,
    /// Questions and commands that were never answered.
    pub lost: u64,
    /// Commands of one motor that were clamped to what it can be told.
    pub clamped: u64,
    /// Commands of one motor that were not made of numbers: it damped.
    pub unusable: u64,
    /// Commands that came after their validity had ended.
    pub expired: u64,
    /// Cycles in which the motors damped because no valid command was there.
    pub damped: u64,
    /// Commands that were vetted against other limits.
    pub foreign_limits: u64,
    /// Times a port broke off.
    pub gone: u64,
    /// Bytes and lines that were no frame.
    pub refused: u64,
}

/// How far the motors are from following commands, as far as we lead them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is asked of them.
    Idle,
    /// They are checked and enabled since this instant.
    Arming(Instant),
    /// They follow.
    Active,
}

/// Motors on one or several CAN buses.
pub struct CanMotors {
    envelope: u64,
    damping: Damping,
    buses: Vec<Bus>,
    motors: Vec<Motor>,
    phase: Phase,
    /// Nothing must be asked any more before they may be energised.
    is_checked: bool,
    now: Instant,
    period: Duration,
    watchdog: Duration,
    valid_until: Instant,
    /// The motors damp by themselves, as no command is valid.
    damping_alone: bool,
    /// Since when a motor has a fault beside others that follow.
    fault_since: Option<Instant>,
    /// They were asked since they were last listened to.
    were_asked: bool,
    faults: u16,
    counters: CanCounters,
}

struct Bus {
    port: Box<dyn CanPort>,
    is_gone: bool,
}

impl CanMotors {
    /// Finds every motor, compares it with its plan and provisions its watchdog.
    ///
    /// # Errors
    /// [`ConnectError`]: a plan that breaks a rule, a motor that does not answer or is another one.
    pub fn connect(
        envelope: &Envelope,
        ports: Vec<Box<dyn CanPort>>,
        plans: &[MotorPlan],
        timing: Timing,
    ) -> Result<Self, ConnectError> {
        check(envelope, ports.len(), plans)?;
        let mut buses: Vec<Bus> =
            ports.into_iter().map(|port| Bus { port, is_gone: false }).collect();
        let mut motors = Vec::new();
        for plan in in_order(plans) {
            let mut motor = Motor::new(plan, plan.dialect(&timing)?);
            let Some(bus) = buses.get_mut(plan.bus) else { continue };
            let mut line = Line {
                port: bus.port.as_mut(),
                name: &plan.name,
                wait: timing.answer_within,
                flexible: motor.flexible,
                slowest: Duration::ZERO,
            };
            motor.watchdog = motor.dialect.connect(&mut line)?;
            motor.answers_within = line.slowest.saturating_mul(2);
            motors.push(motor);
        }
        Ok(Self {
            envelope: envelope.id(),
            damping: envelope.emergency_damping(),
            buses,
            motors,
            phase: Phase::Idle,
            is_checked: false,
            now: Instant::ZERO,
            period: Duration::from_millis(1),
            watchdog: timing.watchdog,
            valid_until: Instant::ZERO,
            damping_alone: false,
            fault_since: None,
            were_asked: false,
            faults: 0,
            counters: CanCounters::default(),
        })
    }

    /// What was sent, heard and lost.
    #[must_use]
    pub fn counters(&self) -> CanCounters {
        let refused = self.buses.iter().map(|bus| u64::from(bus.port.refused())).sum();
        CanCounters { refused, ..self.counters }
    }

    /// What a joint's motor says of itself that cannot be true together; it is never energised
    /// again by this body.
    #[must_use]
    pub fn contradiction(&self, joint: JointId) -> Option<Contradiction> {
        self.motors.get(joint.index())?.contradiction()
    }

    /// Reads what has come, at `now`.
    fn listen(&mut self, cycle: &Cycle) -> SensorFrame {
        (self.now, self.period) = (cycle.now, cycle.period);
        for motor in &mut self.motors {
            self.counters.lost += u64::from(motor.give_up(cycle.now, cycle.period));
        }
        for place in 0..self.buses.len() {
            for _ in 0..FRAMES_MAX {
                let Some(frame) = self.next_frame(place) else { break };
                self.hear(place, &frame);
            }
        }
        let (now, longest) = (self.now, self.watchdog);
        for motor in &mut self.motors {
            motor.look_for_silence(now, longest, &mut || next_id(&mut self.faults));
        }
        if self.phase != Phase::Idle && now >= self.valid_until {
            self.damp();
        } else if self.phase == Phase::Idle && !self.were_asked {
            self.each(Self::inquire);
        }
        self.were_asked = false;
        self.frame()
    }

    fn next_frame(&mut self, place: usize) -> Option<CanFrame> {
        let bus = self.buses.get_mut(place).filter(|bus| !bus.is_gone)?;
        bus.port.receive(Duration::ZERO).unwrap_or_else(|_| {
            bus.is_gone = true;
            self.counters.gone += 1;
            None
        })
    }

    fn hear(&mut self, place: usize, frame: &CanFrame) {
        let now = self.now;
        for motor in self.motors.iter_mut().filter(|motor| motor.bus == place) {
            let taken = motor.hear(frame, now, &mut || next_id(&mut self.faults));
            match taken {
                Taken::NotMine => continue,
                Taken::Used => {}
                Taken::Unasked => {
                    self.counters.unasked += 1;
                    motor.was_late(self.period, self.watchdog / 2);
                }
                Taken::NotFinite => self.counters.not_finite += 1,
            }
            self.counters.heard += 1;
            return;
        }
        self.counters.strangers += 1;
    }

    fn frame(&self) -> SensorFrame {
        let reading = |id: JointId| {
            self.motors.get(id.index()).map_or(JointReading::default(), |motor| motor.reading)
        };
        SensorFrame {
            joints: Joints::from_fn(self.motors.len(), reading),
            imu: ImuReading::default(),
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: None,
            drives: Some(DriveReading {
                lifecycle: self.lifecycle(),
                fault: self.fault(),
                at: self.now,
            }),
        }
    }

    fn fault(&self) -> Option<DriveFault> {
        self.motors.iter().find_map(|motor| motor.latch.map(|latch| latch.fault))
    }

    /// That of the motor furthest from following commands.
    fn lifecycle(&self) -> Lifecycle {
        let all = |is: fn(&Motor) -> bool| self.motors.iter().all(is);
        if !all(|motor| motor.latch.is_none()) {
            let follows = |motor: &Motor| motor.latch.is_none() && motor.is_enabled();
            let some_follow = self.phase == Phase::Active && self.motors.iter().any(follows);
            // The others still follow, to bring the robot to rest.
            if some_follow { Lifecycle::Damping } else { Lifecycle::Fault }
        } else if !all(|motor| motor.state.is_some()) {
            Lifecycle::Boot
        } else if !all(Motor::is_enabled) {
            Lifecycle::Standby
        } else if self.damping_alone {
            Lifecycle::Damping
        } else if self.phase == Phase::Active {
            Lifecycle::Active
        } else {
            Lifecycle::Armed
        }
    }

    /// Gives the motors `command` at `now`.
    fn take(&mut self, command: &BodyCommand, now: Instant) -> Applied {
        self.now = now;
        if command.valid_until <= now {
            self.counters.expired += 1;
            self.damp();
            return Applied::Expired;
        }
        (self.valid_until, self.damping_alone) = (command.valid_until, false);
        if !command.joints.iter().any(asks_for_torque) {
            self.phase = Phase::Idle;
            let sent = self.each(Self::release);
            let quiet = self.motors.iter().all(Motor::is_quiet);
            return if sent && quiet { Applied::Confirmed } else { Applied::Unconfirmed };
        }
        self.advance();
        let sent = match self.phase {
            Phase::Idle => self.each(Self::release),
            Phase::Arming(_) => self.each(Self::arm),
            Phase::Active => self.each(|body, place| body.lead(place, joint_of(command, place))),
        };
        let active = self.phase == Phase::Active && self.motors.iter().all(Motor::is_enabled);
        if sent && active { Applied::Confirmed } else { Applied::Unconfirmed }
    }

    /// The step towards following, by what was heard.
    fn advance(&mut self) {
        let sound = self.motors.iter().all(|motor| motor.latch.is_none());
        let known = self.motors.iter().all(|motor| motor.state.is_some());
        let enabled = self.motors.iter().all(Motor::is_enabled);
        let checked = self.motors.iter().all(|motor| motor.dialect.is_checked());
        self.is_checked = checked;
        let since = *self.fault_since.get_or_insert(self.now);
        if sound {
            self.fault_since = None;
        }
        self.phase = match self.phase {
            // Nothing is energised while anything is wrong or unknown.
            Phase::Idle | Phase::Arming(_) if !sound || !known => Phase::Idle,
            Phase::Idle => Phase::Arming(self.now),
            Phase::Arming(_) if enabled && checked => Phase::Active,
            Phase::Arming(since) if self.now.since(since) > ARM_WITHIN => {
                for motor in &mut self.motors {
                    if !motor.is_enabled() {
                        motor.did_not_start(&mut || next_id(&mut self.faults));
                    }
                }
                Phase::Idle
            }
            Phase::Active if !sound && self.now.since(since) > FAULT_GRACE => Phase::Idle,
            Phase::Active if sound && !enabled => Phase::Arming(self.now),
            phase => phase,
        };
    }

    /// Does `act` for every motor; whether each could be sent.
    fn each(&mut self, mut act: impl FnMut(&mut Self, usize) -> bool) -> bool {
        let mut all = true;
        for place in 0..self.motors.len() {
            all &= act(self, place);
        }
        all
    }

    /// Asked how it is, where nobody commands.
    fn inquire(&mut self, place: usize) -> bool {
        let Some(motor) = self.motors.get(place) else { return false };
        let frame = motor.dialect.ask();
        self.ask(place, &frame)
    }

    /// No torque; a motor that has none is asked how it is.
    fn release(&mut self, place: usize) -> bool {
        let Some(motor) = self.motors.get_mut(place) else { return false };
        motor.is_released();
        let frame = if motor.is_enabled() { motor.dialect.disable() } else { motor.dialect.ask() };
        self.ask(place, &frame)
    }

    /// What is missing until it may follow: the check, being enabled, then neither gains nor
    /// torque.
    fn arm(&mut self, place: usize) -> bool {
        let Some(motor) = self.motors.get_mut(place) else { return false };
        if !motor.dialect.is_checked() {
            let [aside, question] = motor.dialect.check();
            let sent = aside.is_none_or(|frame| self.send(place, &frame));
            return question.is_none_or(|frame| self.ask(place, &frame)) && sent;
        }
        let frame = if !self.is_checked {
            // None is energised before all are known to be what they should be.
            Some(motor.dialect.ask())
        } else if motor.is_enabled() {
            motor.dialect.command(&JointCommand::LIMP)
        } else {
            Some(motor.dialect.enable())
        };
        frame.is_some_and(|frame| self.ask(place, &frame))
    }

    /// Follow `command`, of the joint.
    fn lead(&mut self, place: usize, command: JointCommand) -> bool {
        let damped = JointCommand::damped(self.damping);
        let Some(motor) = self.motors.get_mut(place) else { return false };
        if motor.latch.is_some() {
            return self.release(place);
        }
        let wanted = motor.at_motor(&command);
        let (frame, usable) = match motor.dialect.command(&wanted) {
            Some(frame) => (Some(frame), true),
            None => (motor.dialect.command(&motor.at_motor(&damped)), false),
        };
        self.counters.unusable += u64::from(!usable);
        self.counters.clamped += u64::from(usable && !motor.dialect.holds(&wanted));
        let [check, _] = motor.dialect.check();
        if let Some(check) = check {
            self.send(place, &check);
        }
        frame.is_some_and(|frame| self.ask(place, &frame)) && usable
    }

    /// The motors that are energised damp: no command is valid.
    fn damp(&mut self) {
        self.damping_alone = true;
        self.counters.damped += 1;
        let damped = JointCommand::damped(self.damping);
        self.each(|body, place| {
            let enabled = body.motors.get(place).is_some_and(Motor::is_enabled);
            if enabled { body.lead(place, damped) } else { body.release(place) }
        });
    }

    /// Sends a frame whose answer is a reading.
    fn ask(&mut self, place: usize, frame: &CanFrame) -> bool {
        let sent = self.send(place, frame);
        self.were_asked = true;
        if let Some(motor) = self.motors.get_mut(place) {
            self.counters.lost += u64::from(motor.was_asked(self.now));
        }
        sent
    }

    fn send(&mut self, place: usize, frame: &CanFrame) -> bool {
        let Some(motor) = self.motors.get(place) else { return false };
        let frame = frame.as_flexible(motor.flexible);
        let bus = self.buses.get_mut(motor.bus).filter(|bus| !bus.is_gone);
        let sent = match bus.map(|bus| (bus.port.send(&frame), bus)) {
            Some((Ok(sent), _)) => sent,
            Some((Err(_), bus)) => {
                bus.is_gone = true;
                self.counters.gone += 1;
                false
            }
            None => false,
        };
        self.counters.sent += u64::from(sent);
        self.counters.unsent += u64::from(!sent);
        sent
    }
}

impl Body for CanMotors {
    fn sense(&mut self, cycle: &Cycle) -> SensorFrame {
        self.listen(cycle)
    }

    fn apply(&mut self, command: Vetted<'_, BodyCommand>) -> Applied {
        if command.envelope() != self.envelope {
            self.counters.foreign_limits += 1;
            return Applied::ForeignLimits;
        }
        let now = command.cycle().now;
        self.take(&command, now)
    }

    fn clear(&mut self, fault: u16) {
        let named = |motor: &Motor| motor.latch.is_some_and(|latch| latch.fault.id == fault);
        let Some(place) = self.motors.iter().position(named) else { return };
        let now = self.now;
        if let Some(motor) = self.motors.get_mut(place)
            && motor.clear(now)
        {
            let frame = motor.dialect.clear();
            self.ask(place, &frame);
        }
    }

    fn capabilities(&self) -> Capabilities {
        let of = |id: JointId| DriveCapability {
            control: Control::Impedance,
            watchdog: self.motors.get(id.index()).and_then(|motor| motor.watchdog),
        };
        Capabilities { drives: Joints::from_fn(self.motors.len(), of) }
    }
}

/// The program ends: a motor without a watchdog would go on for ever, so it is disabled; the others
/// come to rest by their own.
impl Drop for CanMotors {
    fn drop(&mut self) {
        for place in 0..self.motors.len() {
            let alone = |motor: &Motor| motor.watchdog.is_none() && motor.is_enabled();
            if self.motors.get(place).is_some_and(alone) {
                self.release(place);
            }
        }
    }
}

fn asks_for_torque(command: &JointCommand) -> bool {
    // What is not a number is not nothing: it damps.
    !(command.kp.0 == 0.0 && command.kd.0 == 0.0 && command.tau.0 == 0.0)
}

fn joint_of(command: &BodyCommand, place: usize) -> JointCommand {
    let of = JointId::new(place).filter(|_| place < command.joints.len());
    of.map_or(JointCommand::LIMP, |id| command.joints[id])
}

/// Ids of faults: never zero, and not used again for 65,534 faults.
fn next_id(faults: &mut u16) -> u16 {
    *faults = if *faults == u16::MAX { 1 } else { *faults + 1 };
    *faults
}

fn in_order(plans: &[MotorPlan]) -> Vec<&MotorPlan> {
    let mut plans: Vec<&MotorPlan> = plans.iter().collect();
    plans.sort_by_key(|plan| plan.joint);
    plans
}

/// Each joint has one motor, each motor a bus.
fn check(envelope: &Envelope, ports: usize, plans: &[MotorPlan]) -> Result<(), ConnectError> {
    for (place, plan) in in_order(plans).into_iter().enumerate() {
        if plan.joint.index() != place {
            return Err(plan.broken("each joint has exactly one motor"));
        }
        if plan.bus >= ports {
            return Err(plan.broken("its bus has a port"));
        }
    }
    if plans.len() == envelope.joints().len() {
        return Ok(());
    }
    let what = format!("{} motors for {} joints", plans.len(), envelope.joints().len());
    let help = "add a motor for each joint to the robot file";
    Err(ConnectError::Plan { what, rule: "each joint has exactly one motor", help })
}
