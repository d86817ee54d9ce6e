//! The first look at a servo bus. It only reads: nothing is written, no torque goes on, no fault is
//! cleared, whatever is found.

use core::time::Duration;

use governor::Envelope;
use motors::dynamixel::{WATCHDOG_FIRED, WATCHDOG_UNIT_MS};
use motors::servo::{Block, Family, ServoSetup, ServoState};
use motors::{Reader, Reply};
use signals::{HardwareLimits, JointLimits};

use super::drive::Drive;
use super::settings::{ServoBusError, ServoBusSettings, ServoSettings};
use crate::{Port, PortError};

/// Times a question is asked.
const TRIES: u32 = 3;
/// Pieces of the waiting for an answer.
const PIECES: u32 = 20;

/// Asks, and waits for what comes.
pub(super) struct Inquiry<'a> {
    pub(super) port: &'a mut dyn Port,
    pub(super) reader: &'a mut Reader,
    pub(super) settings: &'a ServoBusSettings,
}

/// Looks at every servo of the bus, and holds what it says against the settings and `limits`.
pub(super) fn look(
    inquiry: &mut Inquiry<'_>,
    limits: &HardwareLimits,
) -> Result<Vec<Drive>, ServoBusError> {
    let settings = inquiry.settings;
    settings.load()?;
    let (servos, joints) = (settings.servos.len(), limits.joints.len());
    let each_once = limits
        .joints
        .ids()
        .all(|id| settings.servos.iter().filter(|servo| servo.joint == id).count() == 1);
    if servos != joints || !each_once {
        return Err(ServoBusError::Joints { bus: settings.name.clone(), servos, joints });
    }
    let mut drives = Vec::with_capacity(servos);
    for servo in &settings.servos {
        let setup = inquiry.setup(servo)?;
        agree(settings, servo, &setup, &limits.joints[servo.joint])?;
        let state = inquiry.state(servo)?;
        drives.push(Drive::new(servo.clone(), setup, limits.joints[servo.joint], state));
    }
    Ok(drives)
}

/// Id of the limits that commands must be vetted against.
pub(super) fn envelope(bus: &str, limits: &HardwareLimits) -> Result<u64, ServoBusError> {
    let refused = |why: &dyn core::fmt::Display| ServoBusError::Envelope {
        bus: bus.to_owned(),
        why: why.to_string(),
    };
    Ok(Envelope::new(limits).map_err(|error| refused(&error))?.id())
}

impl Inquiry<'_> {
    fn setup(&mut self, servo: &ServoSettings) -> Result<ServoSetup, ServoBusError> {
        let family = self.settings.family;
        let reply = self.ask(servo, family.setup_block())?;
        family.setup(&reply).ok_or_else(|| self.strange(servo, &reply, family.setup_block()))
    }

    pub(super) fn state(&mut self, servo: &ServoSettings) -> Result<ServoState, ServoBusError> {
        let family = self.settings.family;
        let reply = self.ask(servo, family.state_block())?;
        family.state(&reply).ok_or_else(|| self.strange(servo, &reply, family.state_block()))
    }

    fn strange(&self, servo: &ServoSettings, reply: &Reply, block: Block) -> ServoBusError {
        ServoBusError::Answer {
            bus: self.settings.name.clone(),
            joint: servo.name.clone(),
            id: servo.id,
            error: reply.error,
            found: reply.data().len(),
            wanted: block.bytes,
        }
    }

    /// Asks a servo for a block until it answers.
    fn ask(&mut self, servo: &ServoSettings, block: Block) -> Result<Reply, ServoBusError> {
        let frame = self.settings.family.read(servo.id, block);
        for _ in 0..TRIES {
            self.drain()?;
            self.port.send(frame.as_bytes())?;
            if let Some(reply) = self.answer(servo.id, frame.as_bytes())? {
                return Ok(reply);
            }
        }
        Err(ServoBusError::Silent {
            bus: self.settings.name.clone(),
            joint: servo.name.clone(),
            id: servo.id,
            wait_ms: u128::from(TRIES) * self.settings.answer_wait.as_millis(),
        })
    }

    /// The answer of servo `id`, if it comes in time; `sent` must not come back.
    fn answer(&mut self, id: u8, sent: &[u8]) -> Result<Option<Reply>, ServoBusError> {
        let mut first: Vec<u8> = Vec::with_capacity(sent.len());
        let mut bytes = [0; 256];
        for _ in 0..PIECES {
            let received = self.port.receive(&mut bytes, self.settings.answer_wait / PIECES)?;
            let come = bytes.get(..received).unwrap_or_default();
            first.extend(come.iter().take(sent.len() - first.len()));
            if first == sent {
                return Err(ServoBusError::Echo { bus: self.settings.name.clone() });
            }
            self.reader.push(come);
            while let Some(reply) = self.reader.next_reply() {
                if reply.id == id {
                    return Ok(Some(reply));
                }
            }
        }
        Ok(None)
    }

    /// Forgets what has come so far.
    fn drain(&mut self) -> Result<(), PortError> {
        let mut bytes = [0; 256];
        for _ in 0..PIECES {
            if self.port.receive(&mut bytes, Duration::ZERO)? == 0 {
                break;
            }
        }
        self.reader.cut();
        Ok(())
    }

    /// Sets the watchdogs of servos that have one and reads them back.
    pub(super) fn provision(&mut self, drives: &mut [Drive]) -> Result<(), ServoBusError> {
        let Some(block) = self.settings.family.watchdog_block() else { return Ok(()) };
        let wanted = watchdog_units(self.settings);
        for drive in drives {
            // Writing to a watchdog that has fired would clear what a person has not seen yet.
            if drive.state.watchdog != wanted && drive.state.watchdog != WATCHDOG_FIRED {
                let data: &[u8] = &[wanted];
                let items = core::iter::once((drive.servo.id, data));
                if let Some(frame) = self.settings.family.sync_write(block, items) {
                    self.port.send(frame.as_bytes())?;
                }
            }
            drive.state = self.state(&drive.servo)?;
            if drive.state.watchdog != wanted {
                return Err(ServoBusError::Watchdog {
                    bus: self.settings.name.clone(),
                    joint: drive.servo.name.clone(),
                    id: drive.servo.id,
                    wanted,
                    found: drive.state.watchdog,
                });
            }
        }
        Ok(())
    }
}

/// What is written into the watchdog: whole units, at least 1; 0 where there is none.
pub(super) fn watchdog_units(settings: &ServoBusSettings) -> u8 {
    let units = settings.watchdog.as_millis().div_ceil(u128::from(WATCHDOG_UNIT_MS));
    match settings.family {
        Family::Feetech => 0,
        Family::Dynamixel => u8::try_from(units.clamp(1, 127)).unwrap_or(127),
    }
}

/// Holds what a servo says of itself against what the robot file says of it.
fn agree(
    settings: &ServoBusSettings,
    servo: &ServoSettings,
    setup: &ServoSetup,
    limits: &JointLimits,
) -> Result<(), ServoBusError> {
    let (bus, joint, id) = (settings.name.clone(), servo.name.clone(), servo.id);
    if setup.model != servo.model.number {
        let (wanted, model) = (servo.model.number, servo.model.name);
        return Err(ServoBusError::Model { bus, joint, id, model, wanted, found: setup.model });
    }
    if let Some(what) = setup.objection {
        return Err(ServoBusError::Setup { bus, joint, id, what });
    }
    if setup.return_delay_us > settings.return_delay_us {
        let (found_us, wanted_us) = (setup.return_delay_us, settings.return_delay_us);
        return Err(ServoBusError::ReturnDelay { bus, joint, id, found_us, wanted_us });
    }
    let angle = |counts| servo.joint_angle(servo.model.angle(counts));
    let (one, other) = (angle(setup.position_min), angle(setup.position_max));
    let (found_min, found_max) = (one.min(other), one.max(other));
    let (wanted_min, wanted_max) = (limits.q_min.0, limits.q_max.0);
    // Half a count is what rounding to the servo's own numbers may cost.
    let half = 0.5 * (angle(1) - angle(0)).abs();
    if found_min < wanted_min - half || found_max > wanted_max + half || found_min >= found_max {
        let counts = |angle| servo.model.counts(servo.servo_angle(angle)).clamp(0, 4095);
        let (one, other) = (counts(wanted_min), counts(wanted_max));
        let (counts_min, counts_max) = (one.min(other), one.max(other));
        return Err(ServoBusError::Limits {
            bus,
            joint,
            id,
            found_min,
            found_max,
            wanted_min,
            wanted_max,
            counts_min,
            counts_max,
        });
    }
    Ok(())
}
