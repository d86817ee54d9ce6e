//! What a board answers. None of it happens in a hurry, and nothing but `Arm` brings torque nearer.

use core::mem::size_of;

use signals::{FaultCode, JointId, JointLimits, Lifecycle};

use super::{CLOCK_SAMPLES, Device, Inputs, Session};
use crate::configuration::{self, LIMIT_NUMBERS};
use crate::counters::count;
use crate::frame::{self, HEADER, Header, Kind, NO_SESSION};
use crate::message::{self, Refusal, Reply, Request, Settings};
use crate::watchdog::Watchdog;
use crate::{Configuration, Supervision};

impl<const N: usize> Device<N> {
    /// Answers a request into `answer`; the answer's length.
    pub(super) fn answer(
        &mut self,
        header: &Header,
        body: &[u8],
        answer: &mut [u8],
    ) -> Option<usize> {
        let Some(request) = message::read::<Request>(body) else {
            count(&mut self.counters.broken);
            return None;
        };
        let open = matches!(request, Request::Identify | Request::Hello { .. });
        let known = header.session == self.session.id && header.session != NO_SESSION;
        if !open && !known {
            count(&mut self.counters.old_session);
            return None;
        }
        let reply = self.reply(&request, header.sequence).unwrap_or_else(|refusal| {
            count(&mut self.counters.refused);
            Reply::Refused(refusal)
        });
        count(&mut self.counters.taken);
        let length = message::write(&reply, answer.get_mut(HEADER..)?)?;
        let header = Header {
            kind: Kind::Reply,
            source: self.birth.address,
            destination: header.source,
            session: self.session.id,
            sequence: header.sequence,
        };
        frame::seal(&header, length, answer)
    }

    fn reply(&mut self, request: &Request, sequence: u16) -> Result<Reply, Refusal> {
        Ok(match *request {
            Request::Identify => Reply::Identity(self.identity()),
            Request::Hello { versions } => return self.hello(versions, sequence),
            Request::Arm { configuration } => return self.arm(configuration),
            Request::Disarm => {
                if self.lifecycle.is_energised() {
                    self.lifecycle = Lifecycle::Standby;
                }
                Reply::Done
            }
            Request::Clear { fault } => {
                if !self.lifecycle.is_latched() || !self.faults.clear(fault) {
                    return Err(Refusal::NotCleared);
                }
                Reply::Done
            }
            Request::Fault { id } => {
                let fault = self.faults.find(id).ok_or(Refusal::Missing)?;
                let joint = fault.joint.map_or(u8::MAX, place);
                Reply::Fault { id, code: fault.code.0, joint, raw: fault.raw }
            }
            Request::Limits { joint } => {
                let limits = self.table.working().joints().get(usize::from(joint));
                let limits = configuration::numbers(limits.ok_or(Refusal::Missing)?);
                Reply::Limits { joint, limits }
            }
            Request::Settings => Reply::Settings(self.table.working().settings()),
            Request::Counters => Reply::Counters(self.counters),
            Request::Reset => {
                let log = &self.birth.log;
                let (cause, detail, status) = (log.cause, log.detail, log.status);
                Reply::Reset { cause, detail, status, tick: log.tick, failures: log.failures }
            }
            Request::Tighten { joint, limits } => {
                let (joint, limits) = (usize::from(joint), configuration::limits(&limits));
                let tightened = self.table.change(|table| table.tighten(joint, &limits));
                return tightened.map(|()| Reply::Done).map_err(|_| Refusal::Limits);
            }
            Request::Provision(settings) => return self.provision(&settings),
            Request::ProvisionLimits { joint, limits } => {
                return self.provision_limits(joint, &limits);
            }
            Request::Commit { configuration } => return self.commit(configuration),
        })
    }

    /// Opens a session. Its number comes from the board, so that a repeated hello of an earlier
    /// life opens nothing that frames of that life fit.
    fn hello(&mut self, [oldest, newest]: [u8; 2], hello: u16) -> Result<Reply, Refusal> {
        if oldest > frame::VERSION || newest < frame::VERSION {
            return Err(Refusal::Version);
        }
        if self.lifecycle.is_energised() {
            return Err(Refusal::Energised);
        }
        // The wire said it twice, or the host has not heard the answer.
        if self.session.hello == Some(hello) && self.session.samples == 0 {
            return Ok(Reply::Welcome { session: self.session.id, identity: self.identity() });
        }
        let id = self.session.next;
        let next = id.checked_add(1).unwrap_or(1);
        self.session = Session { id, next, hello: Some(hello), ..Session::NONE };
        self.watchdog = Watchdog::SILENT;
        self.command = super::nothing(self.table.working().count);
        Ok(Reply::Welcome { session: id, identity: self.identity() })
    }

    fn arm(&mut self, configuration: u64) -> Result<Reply, Refusal> {
        if matches!(self.lifecycle, Lifecycle::Armed | Lifecycle::Active) {
            return Ok(Reply::Done);
        }
        if let Some(fault) = self.faults.first() {
            return Err(Refusal::FaultPresent { id: fault.id });
        }
        if self.lifecycle != Lifecycle::Standby {
            return Err(Refusal::NotInStandby);
        }
        let own = self.table.provisioned();
        if own != configuration || own == 0 {
            return Err(Refusal::Configuration { own });
        }
        if self.session.samples < CLOCK_SAMPLES {
            return Err(Refusal::ClockUnknown);
        }
        if self.watchdog.governor_lost(&self.table.working().watchdog) {
            return Err(Refusal::GovernorSilent);
        }
        if let Some((FaultCode(code), ..)) = self.unfit(&self.last_inputs()) {
            return Err(Refusal::Unfit { code });
        }
        self.lifecycle = Lifecycle::Armed;
        Ok(Reply::Done)
    }

    /// What the last tick saw.
    fn last_inputs(&self) -> Inputs<N> {
        let joints = self.state.joints.map(|report| super::Measured {
            state: report.state,
            tau: report.tau,
            temperature: report.temperature,
        });
        Inputs { now: self.state.device_time, joints, supply: self.state.supply }
    }

    fn provision(&mut self, settings: &Settings) -> Result<Reply, Refusal> {
        if self.lifecycle != Lifecycle::Standby {
            return Err(Refusal::NotInStandby);
        }
        let count = usize::from(settings.joints);
        if count == 0 || count > N {
            return Err(Refusal::Missing);
        }
        self.committed = false;
        self.staged = Some(Configuration {
            count,
            emergency_damping: signals::Damping(settings.emergency_damping),
            period: settings.period,
            watchdog: settings.watchdog,
            supervision: Supervision::of(settings),
            ..Configuration::NONE
        });
        Ok(Reply::Done)
    }

    fn provision_limits(
        &mut self,
        joint: u8,
        limits: &[f32; LIMIT_NUMBERS],
    ) -> Result<Reply, Refusal> {
        let staged = self.staged.as_mut().ok_or(Refusal::Missing)?;
        let place = staged.limits.get_mut(..staged.count).unwrap_or_default();
        *place.get_mut(usize::from(joint)).ok_or(Refusal::Missing)? = configuration::limits(limits);
        Ok(Reply::Done)
    }

    fn commit(&mut self, configuration: u64) -> Result<Reply, Refusal> {
        if self.lifecycle != Lifecycle::Standby {
            return Err(Refusal::NotInStandby);
        }
        let staged = self.staged.as_ref().ok_or(Refusal::Missing)?;
        staged.check().map_err(|_| Refusal::Limits)?;
        let own = staged.hash();
        if own != configuration {
            return Err(Refusal::Configuration { own });
        }
        self.committed = true;
        Ok(Reply::Done)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "ids are below 32")]
const fn place(joint: JointId) -> u8 {
    joint.index() as u8
}

const _: () = assert!(size_of::<JointLimits>() == LIMIT_NUMBERS * size_of::<f32>());
