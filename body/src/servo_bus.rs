//! A robot whose joints are serial servos on one wire.
//!
//! **Connecting only reads.** Model, firmware, limits and settings of every servo are held against
//! the robot file, and what does not fit is refused with both numbers. Torque goes on when the
//! first vetted command asks for it, never before, and at the place where the servo then is.
//!
//! **A servo follows positions.** Its goal is where the command's spring and damper together pull
//! to, inside the limits, no faster than the joint's highest speed: `q + (kd / kp) dq`. A servo
//! damps against standstill and not against the wanted velocity, so without the second term it
//! would lag; and a controller that keeps spring and damper within the torque of the joint puts `q`
//! alone behind the joint while the damper pulls it forward. The torque of the command cannot be
//! told to it: it carries its load by itself. Where the governor limits a command it leaves a
//! torque without a position: the goal then lies where that torque would stretch the stiffest
//! spring of the joint to, so that the servo pushes or brakes in its direction. A command with
//! neither stiffness nor torque (limp, or one that only damps) takes the torque away. A controller
//! of torques alone is not for such servos: [`Body::capabilities`] says so.
//!
//! **Torque goes away slowly.** An arm without torque falls. So whenever torque is no longer wanted
//! (by command, for lack of commands, after a fault, or when the body is dropped) the servo holds
//! the place where it is while its torque limit goes down to nothing within
//! [`ServoBusSettings::ramp`]; then it is switched off. The arm sinks instead of falling, and its
//! gears brake it. Who needs it limp at once pulls the power.
//!
//! **Loss of commands.** When a command has ended and no other came, the ramp begins at the next
//! turn of the bus. A new valid command takes the torque back up while it lasts. Once it has ended
//! in silence, the torque stays off until fault [`FaultCode::COMMAND_LOST`] is cleared. All of this
//! happens in [`Body::sense`] and [`Body::apply`]: without a process nobody does it, and a servo
//! that has no watchdog of its own goes on for ever. [`Body::capabilities`] says which have one.
//!
//! **Real time without a thread.** A turn of the bus sends goals and one request to all; the
//! answers come while others work, and the next `sense` reads them without waiting. A reading
//! carries the time of its request. Its base does not move: what an inertial unit would measure on
//! it is known, and is said so.

mod connect;
mod counters;
mod drive;
mod settings;

use core::time::Duration;

use motors::dynamixel::{self, WATCHDOG_FIRED, WATCHDOG_UNIT_MS};
use motors::servo::{Block, Family, GOAL_BYTES_MAX};
use motors::{Frame, Reader, Reply};
use signals::{
    BodyCommand, Cycle, DriveFault, DriveReading, FaultCode, Feet, HardwareLimits, ImuReading,
    Instant, JOINTS_MAX, Joints, Lifecycle, MetresPerSecondSquared, SensorFrame, SupplyReading,
    Volts,
};

use self::connect::{Inquiry, watchdog_units};
use self::drive::{Drive, Power, Switch, asks_for_torque};
pub use self::{
    counters::ServoBusCounters,
    settings::{ServoBusError, ServoBusSettings, ServoSettings},
};
use crate::{Applied, Body, Capabilities, Control, DriveCapability, Port, PortError, Vetted};

/// Turns in a row without an answer of a servo that make a fault: fewer are counted only.
pub const SILENT_TURNS: u32 = 10;
/// Servos told in one frame; more would not fit into the one of every family.
const SERVOS_PER_FRAME: usize = 16;
/// Most reads of the port in one `sense`.
const READS_MAX: usize = 32;
/// How long a servo that begins its program anew may be silent.
const REBOOT: Duration = Duration::from_secs(2);
/// Steps of the way out when the body is dropped.
const FADE_STEPS: u16 = 20;
/// Specific force on a base that stands still, m/s^2.
const GRAVITY: f32 = 9.81;

/// A body of serial servos; see the head of its file for what it does when.
pub struct ServoBus {
    port: Box<dyn Port>,
    settings: ServoBusSettings,
    /// Id of the limits that commands must be vetted against.
    envelope: u64,
    reader: Reader,
    drives: Vec<Drive>,
    ids: Vec<u8>,
    /// The last command that was taken.
    command: Option<BodyCommand>,
    /// When the bus had its last turn; none before the first cycle.
    turned: Option<Instant>,
    /// Time of the request whose answers are awaited.
    asked: Option<Instant>,
    /// The request whose answers were incomplete is the last one.
    waited: bool,
    fault: Option<DriveFault>,
    faults: u16,
    /// What a person cleared, to be told to its servo in the next turn.
    cleared: Option<DriveFault>,
    /// Torque went away for lack of commands.
    lost: bool,
    /// Why the port works no more.
    gone: Option<PortError>,
    /// Length of the last cycle.
    cycle: Duration,
    counters: ServoBusCounters,
}

/// Who answered the first look, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServoIdentity {
    /// The joint it turns.
    pub joint: String,
    /// Its address.
    pub id: u8,
    /// Its model.
    pub model: &'static str,
    /// Version of its firmware.
    pub firmware: (u8, u8),
}

impl ServoBus {
    /// Looks at the servos behind `port`: reads, and writes nothing. A servo that already gives
    /// torque is left as it is until the first command.
    ///
    /// # Errors
    /// A servo is missing, is another model, is set so that its numbers mean something else, takes
    /// goals beyond `limits` or answers too late; or the wire is too slow.
    pub fn connect(
        mut port: Box<dyn Port>,
        settings: ServoBusSettings,
        limits: &HardwareLimits,
    ) -> Result<Self, ServoBusError> {
        let envelope = connect::envelope(&settings.name, limits)?;
        let mut reader = Reader::new(settings.family);
        let mut inquiry = Inquiry { port: port.as_mut(), reader: &mut reader, settings: &settings };
        let drives = connect::look(&mut inquiry, limits)?;
        let mut bus = Self {
            ids: drives.iter().map(|drive| drive.servo.id).collect(),
            port,
            settings,
            envelope,
            reader,
            drives,
            command: None,
            turned: None,
            asked: None,
            waited: false,
            fault: None,
            faults: 0,
            cleared: None,
            lost: false,
            gone: None,
            cycle: Duration::ZERO,
            counters: ServoBusCounters::default(),
        };
        bus.look_for_faults();
        Ok(bus)
    }

    /// Sets the watchdog of every servo that has one and reads it back. Nothing else is written;
    /// a watchdog that has fired is left, because writing to it would clear that.
    ///
    /// # Errors
    /// A servo does not answer, or its watchdog does not read as it was written.
    pub fn provision(&mut self) -> Result<(), ServoBusError> {
        let (port, reader, settings) = (self.port.as_mut(), &mut self.reader, &self.settings);
        Inquiry { port, reader, settings }.provision(&mut self.drives)
    }

    /// Who is on the bus.
    pub fn identities(&self) -> impl Iterator<Item = ServoIdentity> + '_ {
        self.drives.iter().map(|drive| ServoIdentity {
            joint: drive.servo.name.clone(),
            id: drive.servo.id,
            model: drive.servo.model.name,
            firmware: drive.firmware(),
        })
    }

    /// What went over the wire and what did not.
    #[must_use]
    pub fn counters(&self) -> ServoBusCounters {
        ServoBusCounters { reader: self.reader.counters(), ..self.counters }
    }

    /// Why the port works no more; `None` while it does.
    #[must_use]
    pub const fn port_error(&self) -> Option<&PortError> {
        self.gone.as_ref()
    }

    /// How old each joint's reading is at `now`.
    #[must_use]
    pub fn ages(&self, now: Instant) -> Joints<Duration> {
        let mut ages = Joints::filled(Duration::ZERO, self.drives.len());
        for drive in &self.drives {
            ages[drive.servo.joint] = now.since(drive.reading.at);
        }
        ages
    }

    /// Reads what has come, without waiting.
    fn listen(&mut self) {
        let mut bytes = [0; 512];
        for _ in 0..READS_MAX {
            let received = match self.port.receive(&mut bytes, Duration::ZERO) {
                Ok(0) => break,
                Ok(received) => received,
                Err(error) => return self.lose_port(error),
            };
            self.reader.push(bytes.get(..received).unwrap_or_default());
            while let Some(reply) = self.reader.next_reply() {
                self.hear(&reply);
            }
        }
    }

    fn hear(&mut self, reply: &Reply) {
        let drive = self.drives.iter_mut().find(|drive| drive.servo.id == reply.id);
        let state = self.settings.family.state(reply);
        match (drive, state, self.asked) {
            (Some(drive), Some(state), Some(at)) if !drive.answered => drive.hear(state, at),
            // Nobody asked for it, or it came twice, or it is of another length.
            _ => self.counters.unexpected += 1,
        }
    }

    /// One turn of the bus, where one is due.
    fn turn(&mut self, now: Instant) {
        let due = |last| now.since(last) + self.cycle / 2 >= self.settings.period();
        if self.gone.is_some() || self.turned.is_some_and(|last| !due(last)) {
            return;
        }
        let span = self.turned.map_or(Duration::ZERO, |last| now.since(last));
        // Told first: what was said before it says nothing about what is left of the fault. What is
        // answered to it is no answer to the request, so none is made in that turn.
        let complete = self.close_request();
        let answering = self.tell_clearing();
        self.look_for_faults();
        self.tell_drives(now, span);
        // After a lost answer the line stays quiet for one turn, so that an answer that is only
        // late is not taken for one to the next request.
        self.waited = answering || (!complete && !self.waited);
        self.asked = (!self.waited && self.ask()).then_some(now);
        self.turned = Some(now);
    }

    /// Counts who has not answered the last request. `false` where somebody has not.
    fn close_request(&mut self) -> bool {
        self.reader.cut();
        let mut complete = true;
        for drive in &mut self.drives {
            if self.asked.is_some() && !drive.answered {
                complete = false;
                self.counters.timeouts += 1;
                if drive.patience == 0 {
                    drive.missed += 1;
                }
            }
            drive.patience = drive.patience.saturating_sub(1);
            drive.answered = false;
        }
        complete
    }

    /// Looks at what the servos said of themselves.
    fn look_for_faults(&mut self) {
        for place in 0..self.drives.len() {
            let Some(drive) = self.drives.get_mut(place) else { return };
            let state = drive.state;
            let (code, raw) = if drive.stale {
                continue;
            } else if state.fault != FaultCode::NONE {
                (state.fault, state.raw)
            } else if drive.missed >= SILENT_TURNS {
                (FaultCode::LINK, 0)
            } else if !state.torque_on && matches!(drive.power, Power::On | Power::Ramp) {
                drive.power = Power::Off;
                (FaultCode::SOFTWARE_RESET, 0)
            } else {
                continue;
            };
            self.latch(code, Some(place), raw);
        }
    }

    /// Keeps the first fault until it is cleared.
    fn latch(&mut self, code: FaultCode, place: Option<usize>, raw: u32) {
        if self.fault.is_none() {
            self.faults = self.faults.checked_add(1).unwrap_or(1);
            let joint = place.and_then(|place| self.drives.get(place)).map(|d| d.servo.joint);
            self.fault = Some(DriveFault { id: self.faults, code, joint, raw });
        }
    }

    fn lose_port(&mut self, error: PortError) {
        self.gone = Some(error);
        self.counters.port_losses += 1;
        self.latch(FaultCode::LINK, None, 0);
    }

    /// Tells a servo that its fault was seen, where it needs to be told. `true` where it answers.
    fn tell_clearing(&mut self) -> bool {
        let Some(fault) = self.cleared.take() else { return false };
        let turns = REBOOT.as_secs_f64() * self.settings.rate_hz;
        let drive = self.drives.iter_mut().find(|drive| Some(drive.servo.joint) == fault.joint);
        let Some(drive) = drive else { return false };
        (drive.stale, drive.missed) = (true, 0);
        let (id, fired) = (drive.servo.id, drive.state.watchdog == WATCHDOG_FIRED);
        match self.settings.family {
            // Its status bits go away with what caused them.
            Family::Feetech => false,
            Family::Dynamixel if fired && fault.code == FaultCode::COMMAND_LOST => {
                let block = self.settings.family.watchdog_block();
                block.into_iter().for_each(|block| self.write(block, [(id, [0; 8])].into_iter()));
                false
            }
            // What is gone already needs no new beginning.
            Family::Dynamixel if drive.state.fault == FaultCode::NONE => false,
            Family::Dynamixel => {
                drive.patience = turns.clamp(1.0, 10_000.0) as u32;
                self.send(&dynamixel::reboot(id))
            }
        }
    }

    /// Gives every servo what it is to do until the next turn.
    fn tell_drives(&mut self, now: Instant, span: Duration) {
        let Some(command) = self.command else { return };
        let valid = now < command.valid_until && self.fault.is_none();
        let (units, ramp) = (watchdog_units(&self.settings), self.settings.ramp);
        let mut ramping = false;
        let mut switches = [Switch::Leave; JOINTS_MAX];
        let mut unready = [false; JOINTS_MAX];
        for (place, drive) in self.drives.iter_mut().enumerate().take(JOINTS_MAX) {
            let joint = valid.then(|| &command.joints[drive.servo.joint]);
            let ready = drive.state.watchdog == units && !drive.stale;
            unready[place] = joint.is_some() && !ready && drive.power == Power::Off;
            ramping |= drive.power == Power::Ramp;
            switches[place] = drive.decide(joint, ready, span, ramp);
        }
        if let Some(block) = self.settings.family.watchdog_block() {
            self.write_where(block, |place, _| unready[place].then_some([units; 8]));
        }
        let family = self.settings.family;
        for block in family.goal_blocks() {
            self.write_where(*block, |_, drive| {
                drive.told().map(|goal| family.goal(block.address, &goal))
            });
        }
        for (switch, byte) in [(Switch::Off, 0), (Switch::On, 1)] {
            let told = |place: usize, _: &Drive| (switches[place] == switch).then_some([byte; 8]);
            self.write_where(family.torque_block(), told);
        }
        let off = self.drives.iter().all(|drive| drive.power == Power::Off);
        if ramping && off && now >= command.valid_until && self.fault.is_none() {
            self.lost = true;
            self.latch(FaultCode::COMMAND_LOST, None, 0);
        }
    }

    /// Writes a block of the servos for which `bytes` gives some.
    fn write_where(
        &mut self,
        block: Block,
        bytes: impl Fn(usize, &Drive) -> Option<[u8; GOAL_BYTES_MAX]>,
    ) {
        let mut items = [(0_u8, [0_u8; GOAL_BYTES_MAX]); JOINTS_MAX];
        let mut count = 0;
        for (place, drive) in self.drives.iter().enumerate().take(JOINTS_MAX) {
            if let Some(bytes) = bytes(place, drive) {
                items[count] = (drive.servo.id, bytes);
                count += 1;
            }
        }
        for chunk in items[..count].chunks(SERVOS_PER_FRAME) {
            self.write(block, chunk.iter().copied());
        }
    }

    fn write(&mut self, block: Block, items: impl Iterator<Item = (u8, [u8; GOAL_BYTES_MAX])>) {
        let mut kept = [(0_u8, [0_u8; GOAL_BYTES_MAX]); SERVOS_PER_FRAME];
        let mut count = 0;
        for (place, item) in kept.iter_mut().zip(items) {
            *place = item;
            count += 1;
        }
        let width = usize::from(block.bytes).min(GOAL_BYTES_MAX);
        let items = kept.iter().take(count).map(|(id, bytes)| (*id, &bytes[..width]));
        if let Some(frame) = self.settings.family.sync_write(block, items) {
            self.send(&frame);
        }
    }

    /// Asks all servos how they are. `false` where the request did not go out.
    fn ask(&mut self) -> bool {
        let block = self.settings.family.state_block();
        let frame = self.settings.family.sync_read(block, &self.ids);
        frame.is_some_and(|frame| self.send(&frame))
    }

    fn send(&mut self, frame: &Frame) -> bool {
        match self.port.send(frame.as_bytes()) {
            Ok(true) => self.counters.sent += 1,
            Ok(false) => self.counters.unsent += 1,
            Err(error) => self.lose_port(error),
        }
        self.gone.is_none()
    }

    fn lifecycle(&self) -> Lifecycle {
        let any = |power| self.drives.iter().any(|drive| drive.power == power);
        let torque = self.drives.iter().any(|drive| drive.state.torque_on);
        match self.fault {
            Some(_) if any(Power::Ramp) => Lifecycle::Damping,
            Some(_) if self.lost => Lifecycle::SafeTorqueOff,
            Some(_) => Lifecycle::Fault,
            None if any(Power::Ramp) => Lifecycle::Damping,
            // Torque that nobody here gave: the servos were found so.
            None if any(Power::Off) && torque && self.command.is_none() => Lifecycle::Active,
            None if any(Power::Off) => Lifecycle::Standby,
            None if any(Power::Arming) => Lifecycle::Armed,
            None => Lifecycle::Active,
        }
    }

    fn supply(&self) -> Option<SupplyReading> {
        let lowest =
            self.drives.iter().min_by(|a, b| a.state.voltage.total_cmp(&b.state.voltage))?;
        // A servo bus hangs on a supply that does not run out.
        Some(SupplyReading {
            voltage: Volts(lowest.state.voltage),
            charge: 1.0,
            at: lowest.reading.at,
        })
    }
}

impl Body for ServoBus {
    fn sense(&mut self, cycle: &Cycle) -> SensorFrame {
        self.cycle = cycle.period;
        if self.gone.is_none() {
            self.listen();
        }
        // Nobody applies commands: what has to follow from that follows here.
        let late = self.settings.period() * 3 / 2;
        if *self.turned.get_or_insert(cycle.now) + late < cycle.now {
            self.turn(cycle.now);
        }
        let latest = self.drives.iter().map(|drive| drive.reading.at).max();
        let mut frame = SensorFrame {
            joints: Joints::filled(Default::default(), self.drives.len()),
            imu: ImuReading {
                specific_force: [0.0, 0.0, GRAVITY].map(MetresPerSecondSquared),
                at: cycle.now,
                ..ImuReading::default()
            },
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: self.supply(),
            drives: Some(DriveReading {
                lifecycle: self.lifecycle(),
                fault: self.fault,
                at: latest.unwrap_or_default(),
            }),
        };
        for drive in &self.drives {
            frame.joints[drive.servo.joint] = drive.reading;
        }
        frame
    }

    fn apply(&mut self, command: Vetted<'_, BodyCommand>) -> Applied {
        let now = command.cycle().now;
        if command.envelope() != self.envelope {
            self.counters.foreign += 1;
            return Applied::ForeignLimits;
        }
        if command.valid_until <= now {
            self.counters.expired += 1;
            return Applied::Expired;
        }
        let finite = command.joints.iter().all(signals::JointCommand::is_finite);
        self.counters.not_finite += u64::from(!finite);
        if self.command.is_none() {
            self.drives.iter_mut().for_each(Drive::take_over);
        }
        self.command = Some(*command);
        let sent = self.counters.sent;
        self.turn(now);
        let follows = |drive: &Drive| {
            let wanted = asks_for_torque(&command.joints[drive.servo.joint]);
            drive.state.torque_on == wanted && (drive.power == Power::On) == wanted
        };
        let sent = self.counters.sent > sent && self.gone.is_none();
        if sent && finite && self.fault.is_none() && self.drives.iter().all(follows) {
            Applied::Confirmed
        } else {
            Applied::Unconfirmed
        }
    }

    fn clear(&mut self, fault: u16) {
        if self.gone.is_some() || self.fault.is_none_or(|present| present.id != fault) {
            return;
        }
        self.cleared = self.fault.take();
        self.lost = false;
    }

    fn capabilities(&self) -> Capabilities {
        let units = watchdog_units(&self.settings);
        let mut drives = Joints::filled(DriveCapability::default(), self.drives.len());
        for drive in &self.drives {
            let set = units > 0 && drive.state.watchdog == units;
            let span = Duration::from_millis(u64::from(u32::from(units) * WATCHDOG_UNIT_MS));
            drives[drive.servo.joint] =
                DriveCapability { control: Control::Position, watchdog: set.then_some(span) };
        }
        Capabilities { drives }
    }
}

impl Drop for ServoBus {
    /// Takes the torque away slowly, as when commands stay away: in the ramp's time, and by waiting
    /// for it. Servos that nobody here commanded are left as they were found.
    fn drop(&mut self) {
        let on = |drive: &Drive| drive.power != Power::Off;
        if self.command.is_none() || self.gone.is_some() || !self.drives.iter().any(on) {
            return;
        }
        for drive in self.drives.iter_mut().filter(|drive| drive.power != Power::Off) {
            drive.decide(None, false, Duration::ZERO, self.settings.ramp);
        }
        let family = self.settings.family;
        let mut bytes = [0; 512];
        for step in (0..FADE_STEPS).rev() {
            self.drives.iter_mut().for_each(|d| d.fade(f32::from(step) / f32::from(FADE_STEPS)));
            for block in family.goal_blocks() {
                self.write_where(*block, |_, drive| {
                    drive.told().map(|goal| family.goal(block.address, &goal))
                });
            }
            // Nothing was asked, so nothing comes, and this lets the time pass.
            if self.port.receive(&mut bytes, self.settings.ramp / u32::from(FADE_STEPS)).is_err() {
                return;
            }
        }
        // Twice, in case one is lost: nobody is left who would notice.
        for _ in 0..2 {
            self.write_where(family.torque_block(), |_, _| Some([0; GOAL_BYTES_MAX]));
        }
    }
}
