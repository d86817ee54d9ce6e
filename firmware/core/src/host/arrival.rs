//! What a host makes of what comes from its board.

use core::time::Duration;

use signals::{DriveFault, FaultCode, Instant, JointId};

use super::{Acquaintance, Host, Mismatch, OWN_FAULTS, PATIENCE, Received, microseconds};
use crate::State;
use crate::counters::count;
use crate::frame::{self, HOST, Kind, NO_SESSION, VERSION};
use crate::message::{self, Identity, Refusal, Reply, Request};

/// A stamp of the board is believed to be no older than this: its clock is not known better.
const STAMP_AGE_MAX: Duration = Duration::from_millis(100);

/// So many states of another session in a row, and this one is over. A single one may have been on
/// its way for long.
const STRANGE_MAX: u8 = 3;

impl<const N: usize> Host<N> {
    /// Takes bytes that came over the link at `now`.
    pub fn receive(&mut self, bytes: &[u8], now: Instant) {
        let Ok((header, body)) = frame::open(bytes) else {
            count(&mut self.counters.broken);
            return;
        };
        let answered =
            |host: &Self| host.asked.is_some_and(|asked| asked.sequence == header.sequence);
        match header.kind {
            _ if header.destination != HOST => count(&mut self.counters.foreign),
            // Whoever has no session yet may listen: it changes nothing.
            Kind::State if self.session == NO_SESSION => self.take_state(body, now),
            Kind::State => {
                let strange = header.session != self.session;
                self.strange = if strange { self.strange + 1 } else { 0 };
                if !strange {
                    self.take_state(body, now);
                    return;
                }
                count(&mut self.counters.foreign);
                if self.strange >= STRANGE_MAX {
                    self.lose_session();
                }
            }
            Kind::Reply if answered(self) => self.take_reply(body),
            _ => count(&mut self.counters.foreign),
        }
    }

    fn take_state(&mut self, body: &[u8], now: Instant) {
        let state = match State::<N>::read(body) {
            Ok(state) if state.count == self.configuration.count => state,
            _ => {
                count(&mut self.counters.broken);
                return;
            }
        };
        if let Some(last) = &self.received {
            let step = state.tick.wrapping_sub(last.state.tick);
            if step == 0 || step >= 1 << 31 {
                count(&mut self.counters.repeated);
                return;
            }
            self.counters.missing = self.counters.missing.saturating_add(step - 1);
        }
        if state.sequence != 0 || state.host_time != 0 {
            self.clock.take(state.host_time, state.device_time, microseconds(now));
        }
        let sampled = self.on_own_clock(state.device_time, now);
        count(&mut self.counters.received);
        self.received = Some(Received { state, sampled, arrived: now });
    }

    /// When it was on this clock, when the board's said `there`.
    fn on_own_clock(&self, there: u32, now: Instant) -> Instant {
        let Some(clock) = self.clock.offset(microseconds(now)) else { return now };
        let here = there.wrapping_sub(clock.offset);
        let age = microseconds(now).wrapping_sub(here);
        // A stamp from the future is one of now.
        let age =
            if age < 1 << 31 { Duration::from_micros(u64::from(age)) } else { Duration::ZERO };
        let nanos = u64::try_from(age.min(STAMP_AGE_MAX).as_nanos()).unwrap_or_default();
        Instant::from_nanos(now.as_nanos().saturating_sub(nanos))
    }

    /// The board has started anew: all that was said is forgotten there. If joints had torque, that
    /// is a fault which a person must see before they have it again.
    fn lose_session(&mut self) {
        count(&mut self.counters.sessions_lost);
        self.blame_reset();
        (self.session, self.strange) = (NO_SESSION, 0);
        self.acquaintance = Acquaintance::None;
        (self.asked, self.clear, self.received, self.told) = (None, None, None, None);
    }

    /// A board that starts anew while its joints have torque has a fault, whatever it says itself.
    fn blame_reset(&mut self) {
        if self.received.as_ref().is_none_or(|r| !r.state.lifecycle.is_energised()) {
            return;
        }
        self.own_faults = self.own_faults.wrapping_add(1) % 0xff;
        let (id, code) = (OWN_FAULTS + self.own_faults, FaultCode::SOFTWARE_RESET);
        self.own = Some(DriveFault { id, code, joint: None, raw: 0 });
    }

    fn take_reply(&mut self, body: &[u8]) {
        let Some(reply) = message::read::<Reply>(body) else {
            count(&mut self.counters.broken);
            return;
        };
        let Some(asked) = self.asked.take() else { return };
        self.patience = PATIENCE[0];
        count(&mut self.counters.received);
        match reply {
            Reply::Welcome { session, identity } => self.greet(session, identity),
            Reply::Settings(board) if matches!(asked.request, Request::Settings) => {
                let own = self.configuration.settings();
                self.acquaintance = if own == board {
                    Acquaintance::Known
                } else {
                    Acquaintance::Refused(Mismatch::Settings { own, board })
                };
            }
            Reply::Fault { id, code, joint, raw } => {
                let joint = JointId::new(usize::from(joint));
                // It says more than that the board started anew.
                self.own = self.own.filter(|_| FaultCode(code) != FaultCode::RESET_STORM);
                self.told = Some(DriveFault { id, code: FaultCode(code), joint, raw });
            }
            Reply::Counters(counters) => self.board = Some(counters),
            Reply::Refused(refusal) => self.refused(&asked.request, refusal),
            _ => {}
        }
        if matches!(asked.request, Request::Clear { .. }) {
            self.clear = None;
        }
    }

    fn greet(&mut self, session: u16, identity: Identity) {
        if self.identity.is_some_and(|before| before.resets != identity.resets) {
            self.blame_reset();
        }
        self.session = session;
        self.identity = Some(identity);
        self.sequence = 0;
        self.received = None;
        let joints = u8::try_from(self.configuration.count).unwrap_or(u8::MAX);
        let [oldest, newest] = identity.versions;
        let (own, board) = (self.hash, identity.configuration);
        let mismatch = if oldest > VERSION || newest < VERSION {
            Some(Mismatch::Version { board: identity.versions })
        } else if board == 0 || own != board && joints == identity.joints {
            Some(Mismatch::Configuration { own, board })
        } else if joints != identity.joints {
            Some(Mismatch::Joints { own: joints, board: identity.joints })
        } else {
            None
        };
        self.acquaintance = mismatch.map_or(Acquaintance::Greeted, Acquaintance::Refused);
    }

    fn refused(&mut self, request: &Request, refusal: Refusal) {
        count(&mut self.counters.refused);
        self.refusal = Some(refusal);
        if matches!(request, Request::Hello { .. }) && refusal == Refusal::Version {
            self.acquaintance = Acquaintance::Refused(Mismatch::Version { board: [0; 2] });
        }
        // A fault that is gone by now has nothing to tell.
        if let Request::Fault { id } = request {
            let (code, joint, raw) = (FaultCode::GENERIC, None, 0);
            self.told = Some(DriveFault { id: *id, code, joint, raw });
        }
    }
}
