//! The other end of the joint bus: what a host says to one board, and what it makes of the answers.
//!
//! Pure logic like the board's: bytes in, bytes out, time as a parameter. A handshake that was lost
//! is asked again; nothing waits. Greeting a board energises nothing and clears nothing.

mod arrival;

use core::time::Duration;

use signals::{BodyCommand, DriveFault, DriveReading, FaultCode, Instant, JointCommand, Lifecycle};

use crate::clock::{ClockSync, Offset};
use crate::counters::count;
use crate::frame::{self, EVERYONE, FRAME_MAX, HEADER, HOST, Header, Kind, NO_SESSION, VERSION};
use crate::message::{self, Request};
use crate::{Command, Configuration, Counters, Heartbeat, Identity, Refusal, Settings, State};

/// Time after which a question without an answer is asked again, at first and at most: it doubles
/// each time, because the answer may only be slow.
const PATIENCE: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(320)];
/// A board that has said nothing for so long may have started anew: it is greeted again.
const SILENCE: Duration = Duration::from_millis(200);
/// A heartbeat goes with every tenth command.
const HEARTBEAT_EVERY: u32 = 10;
/// How often the board is asked what it has counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// A state that came so many periods ago is evidence of what the board does now.
const EVIDENCE_PERIODS: u32 = 3;
/// Ids of faults that the host finds itself; those of boards are smaller until they wrap.
const OWN_FAULTS: u16 = 0xff00;

/// How far host and board know each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Acquaintance {
    /// No answer yet.
    None,
    /// It has told who it is; its watchdog is being read back.
    Greeted,
    /// It is the board that was meant.
    Known,
    /// It is another board than was meant, and is never armed.
    Refused(Mismatch),
}

/// Why a board is not the one that was meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mismatch {
    /// It speaks other versions of the protocol.
    Version {
        /// Oldest and newest that it speaks; zeros where it only refused.
        board: [u8; 2],
    },
    /// It drives another number of joints.
    Joints {
        /// The robot's.
        own: u8,
        /// The board's.
        board: u8,
    },
    /// It was provisioned with other limits, or not at all.
    Configuration {
        /// Hash of the robot's.
        own: u64,
        /// Hash of the board's; zero for none.
        board: u64,
    },
    /// What it reads back is not what it was provisioned with.
    Settings {
        /// The robot's.
        own: Settings,
        /// The board's.
        board: Settings,
    },
}

/// What happened on a link, counted since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LinkCounters {
    /// Frames that were sent.
    pub sent: u32,
    /// Frames that were received and used.
    pub received: u32,
    /// Bytes that were no frame.
    pub broken: u32,
    /// Frames of another session, address or kind.
    pub foreign: u32,
    /// States that came twice, or after a later one.
    pub repeated: u32,
    /// States that never came: gaps in the ticks of the board.
    pub missing: u32,
    /// Questions that were asked again.
    pub asked_again: u32,
    /// Requests that the board refused.
    pub refused: u32,
    /// Sessions that ended because the board started anew.
    pub sessions_lost: u32,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    request: Request,
    sequence: u16,
    at: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Received<const N: usize> {
    state: State<N>,
    /// When the board sampled it, on the clock of the host.
    sampled: Instant,
    arrived: Instant,
}

/// One board, as its host sees it.
#[derive(Debug)]
pub struct Host<const N: usize> {
    configuration: Configuration<N>,
    hash: u64,
    acquaintance: Acquaintance,
    identity: Option<Identity>,
    session: u16,
    sequence: u16,
    requests: u16,
    /// States of another session in a row.
    strange: u8,
    asked: Option<Asked>,
    patience: Duration,
    /// A person has seen the fault with this id.
    clear: Option<u16>,
    received: Option<Received<N>>,
    /// The board's first fault, as far as it was told, and one that the host found itself.
    told: Option<DriveFault>,
    own: Option<DriveFault>,
    own_faults: u16,
    refusal: Option<Refusal>,
    /// What the board has counted, and when it was asked.
    board: Option<Counters>,
    counted: Instant,
    clock: ClockSync,
    counters: LinkCounters,
}

impl<const N: usize> Host<N> {
    /// A host that means a board with this configuration.
    #[must_use]
    pub fn new(configuration: &Configuration<N>) -> Self {
        Self {
            configuration: *configuration,
            hash: configuration.hash(),
            acquaintance: Acquaintance::None,
            identity: None,
            session: NO_SESSION,
            sequence: 0,
            requests: 0,
            strange: 0,
            asked: None,
            patience: PATIENCE[0],
            clear: None,
            received: None,
            told: None,
            own: None,
            own_faults: 0,
            refusal: None,
            board: None,
            counted: Instant::ZERO,
            clock: ClockSync::new(),
            counters: LinkCounters::default(),
        }
    }

    /// How far host and board know each other.
    #[must_use]
    pub const fn acquaintance(&self) -> &Acquaintance {
        &self.acquaintance
    }

    /// Who the board says it is.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// What happened on the link.
    #[must_use]
    pub const fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    /// What the board has counted, as of its last answer, at most a second or so old.
    #[must_use]
    pub const fn board_counters(&self) -> Option<&Counters> {
        self.board.as_ref()
    }

    /// Why the board refused last.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// The newest state, and when the board sampled it on the clock of the host.
    #[must_use]
    pub fn state(&self) -> Option<(&State<N>, Instant)> {
        self.received.as_ref().map(|received| (&received.state, received.sampled))
    }

    /// The clock of the board at `now`.
    #[must_use]
    pub fn clock(&self, now: Instant) -> Option<Offset> {
        self.clock.offset(microseconds(now))
    }

    /// What the board says of itself, for a sensor frame.
    #[must_use]
    pub fn drives(&self) -> DriveReading {
        let fault = self.fault().or(self.own);
        let latest = self.received.as_ref();
        DriveReading {
            lifecycle: latest.map_or(Lifecycle::Boot, |latest| latest.state.lifecycle),
            fault,
            at: latest.map_or(Instant::ZERO, |latest| latest.arrived),
        }
    }

    /// There is evidence that the board does what `command` asks for: its newest state has just
    /// come and says that it follows, or, for a command without torque, that it gives none.
    #[must_use]
    pub fn follows(&self, command: &BodyCommand, now: Instant) -> bool {
        let Some(latest) = &self.received else { return false };
        let period = Duration::from_micros(u64::from(self.configuration.period));
        let lifecycle = latest.state.lifecycle;
        let does = if wants_torque(command) {
            lifecycle == Lifecycle::Active
        } else {
            !matches!(lifecycle, Lifecycle::Active | Lifecycle::Damping)
        };
        does && now.since(latest.arrived) <= period * EVIDENCE_PERIODS
    }

    /// The board's first fault; without its code until the board has told it.
    fn fault(&self) -> Option<DriveFault> {
        let id = self.received.as_ref().map(|latest| latest.state.fault).filter(|id| *id != 0)?;
        let untold = DriveFault { id, code: FaultCode::GENERIC, joint: None, raw: 0 };
        Some(self.told.filter(|told| told.id == id).unwrap_or(untold))
    }

    /// A person has seen the fault with this id: it is cleared, if it is that.
    pub fn clear(&mut self, fault: u16) {
        if self.own.is_some_and(|own| own.id == fault) {
            self.own = None;
        } else if fault != 0 {
            self.clear = Some(fault);
        }
    }

    /// Sequence of the last command that was sent: what a [`State`] says of the one in force is
    /// held against it.
    #[must_use]
    pub const fn sent(&self) -> u16 {
        self.sequence
    }

    /// Asks what is to be known before any command: who the board is, and what its watchdog does.
    /// It sends no command and no sign of life of the governor.
    pub fn inquire(&mut self, now: Instant, send: &mut impl FnMut(&[u8])) {
        self.ask(false, now, send);
    }

    /// Says what is to be said at `now`: a question where one is due, and the command, vetted in
    /// this cycle, with the governor's heartbeat. A command that asks for no torque at all shuts
    /// the board's gate; the first other one has it armed.
    pub fn command(
        &mut self,
        command: &BodyCommand,
        (cycle, now): (u64, Instant),
        send: &mut impl FnMut(&[u8]),
    ) {
        let wants = wants_torque(command);
        self.ask(wants, now, send);
        if self.session == NO_SESSION {
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it counts up and around")]
        let beat = Heartbeat { cycle: cycle as u32 };
        if beat.cycle.is_multiple_of(HEARTBEAT_EVERY) {
            self.send(Kind::Heartbeat, 0, |body| beat.write(body), send);
        }
        // The board counts from when the command comes, and so not what it needs to get there.
        let way = Duration::from_micros(u64::from(self.clock.way()));
        let left = command.valid_until.since(now).saturating_sub(way).as_micros();
        let follow = wants && self.acquaintance == Acquaintance::Known && self.own.is_none();
        let mut joints = [JointCommand::LIMP; N];
        joints.iter_mut().zip(command.joints.iter()).for_each(|(own, joint)| *own = *joint);
        let command = Command {
            host_time: microseconds(now),
            valid: u16::try_from(left).unwrap_or(u16::MAX),
            follow,
            count: self.configuration.count,
            joints,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.send(Kind::Command, sequence, |body| command.write(body), send);
    }

    /// Asks the next question, or the last one again, if its answer was lost.
    fn ask(&mut self, wants: bool, now: Instant, send: &mut impl FnMut(&[u8])) {
        if let Some(asked) = self.asked {
            if now.since(asked.at) < self.patience {
                return;
            }
            count(&mut self.counters.asked_again);
            self.patience = (self.patience * 2).min(PATIENCE[1]);
        }
        let Some(request) = self.question(wants, now) else {
            self.asked = None;
            return;
        };
        self.requests = self.requests.wrapping_add(1);
        let sequence = self.requests;
        if request == Request::Counters {
            self.counted = now;
        }
        self.asked = Some(Asked { request, sequence, at: now });
        self.send(Kind::Request, sequence, |body| message::write(&request, body), send);
    }

    /// What the host wants to know or to be done most.
    fn question(&self, wants: bool, now: Instant) -> Option<Request> {
        match self.acquaintance {
            Acquaintance::None => return Some(Request::Hello { versions: [VERSION; 2] }),
            Acquaintance::Greeted => return Some(Request::Settings),
            Acquaintance::Known | Acquaintance::Refused(_) => {}
        }
        let silent = |latest: &Received<N>| now.since(latest.arrived) >= SILENCE;
        if self.received.as_ref().is_some_and(silent) {
            return Some(Request::Hello { versions: [VERSION; 2] });
        }
        if let Some(fault) = self.clear {
            return Some(Request::Clear { fault });
        }
        let state = &self.received.as_ref()?.state;
        if let Some(fault) = self.fault().filter(|fault| self.told.is_none_or(|t| t.id != fault.id))
        {
            return Some(Request::Fault { id: fault.id });
        }
        let known = self.acquaintance == Acquaintance::Known && self.own.is_none();
        match state.lifecycle {
            Lifecycle::Standby if wants && known => Some(Request::Arm { configuration: self.hash }),
            Lifecycle::Armed | Lifecycle::Active | Lifecycle::Damping if !wants => {
                Some(Request::Disarm)
            }
            _ => (now.since(self.counted) >= COUNT_EVERY).then_some(Request::Counters),
        }
    }

    fn send(
        &mut self,
        kind: Kind,
        sequence: u16,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
        send: &mut impl FnMut(&[u8]),
    ) {
        let mut bytes = [0; FRAME_MAX];
        let header =
            Header { kind, source: HOST, destination: EVERYONE, session: self.session, sequence };
        let length = bytes
            .get_mut(HEADER..)
            .and_then(write)
            .and_then(|body| frame::seal(&header, body, &mut bytes));
        if let Some(frame) = length.and_then(|length| bytes.get(..length)) {
            count(&mut self.counters.sent);
            send(frame);
        }
    }
}

fn wants_torque(command: &BodyCommand) -> bool {
    command.joints.iter().any(|joint| *joint != JointCommand::LIMP)
}

/// On the link's clock, us; wraps.
#[expect(clippy::cast_possible_truncation, reason = "only differences count")]
const fn microseconds(at: Instant) -> u32 {
    (at.as_nanos() / 1000) as u32
}
