//! Questions to one board, one at a time, with a person waiting: who it is, what it was told, and
//! telling it anew. Not for a robot that moves: while another program drives the board, only
//! [`Dialogue::identify`] disturbs nobody.

use core::time::Duration;
use std::time::{Instant, SystemTime};

use firmware::frame::{self, EVERYONE, FRAME_MAX, HEADER, HOST, Header, Kind, NO_SESSION, VERSION};
use firmware::{
    Configuration, Counters, Identity, LIMIT_NUMBERS, Refusal, Reply, Request, ResetCause,
    Settings, message, numbers,
};
use signals::{DriveFault, FaultCode, JointId};

use super::{Wire, words};
use crate::PortError;

/// How often a question is asked, and how long for an answer is waited each time.
const ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_millis(300);
/// A board that stores and restarts is back by then.
const RESTART: Duration = Duration::from_secs(10);

/// Why a board did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DialogueError {
    /// The port.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Nobody answered.
    #[error(
        "no board answers ({broken} broken frames came). Fix: check that it is powered and wired, \
         and the address of the link"
    )]
    Silent {
        /// What came and was no frame.
        broken: u32,
    },
    /// The board refuses.
    #[error("the board refuses: {}", words::refusal(*.0))]
    Refused(Refusal),
    /// The answer belongs to another question.
    #[error("the board gives an answer that belongs to another question; update its firmware")]
    Unexpected,
    /// It was told, and reads back something else.
    #[error("the board reads back something else than it was told; do not use it. First: {first}")]
    ReadBack {
        /// What differs.
        first: String,
    },
    /// It was told and committed, and has not come back with it.
    #[error(
        "the board has not come back with its new configuration within {RESTART:?}; switch it off \
         and on, then look at it with triune doctor"
    )]
    NotBack,
}

/// What a board says of itself to who opens a session.
#[derive(Clone, Debug, PartialEq)]
pub struct BoardReading {
    /// Who it is.
    pub identity: Identity,
    /// What it was provisioned with beside its joints.
    pub settings: Settings,
    /// The limits in force, joint by joint, in the order of [`numbers`].
    pub limits: Vec<[f32; LIMIT_NUMBERS]>,
    /// Its first fault that is not cleared.
    pub fault: Option<DriveFault>,
    /// What it has counted.
    pub counters: Counters,
    /// Why it was reset last, the line or program counter, and the tick.
    pub reset: (ResetCause, u32, u32),
}

/// One number that host and board see differently.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its name, with its unit.
    pub what: &'static str,
    /// Place of the joint on the board; `None` for the board itself.
    pub joint: Option<usize>,
    /// What the board has; `None` where it has none.
    pub board: Option<f32>,
    /// What was meant.
    pub meant: f32,
}

impl core::fmt::Display for Difference {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if let Some(joint) = self.joint {
            write!(f, "joint {joint}: ")?;
        }
        match self.board {
            Some(board) => write!(f, "{}: {} (board: {board})", self.what, self.meant),
            None => write!(f, "{}: {} (board: none)", self.what, self.meant),
        }
    }
}

/// Questions to the board at the other end of a wire.
pub struct Dialogue {
    wire: Wire,
    session: u16,
    sequence: u16,
    broken: u32,
}

impl Dialogue {
    /// Says nothing yet.
    #[must_use]
    pub fn new(wire: Wire) -> Self {
        // Another beginning for each program: answers to an earlier one are not taken for ours.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, reason = "any beginning will do")]
        let sequence = (now.as_micros() as u16) | 1;
        Self { wire, session: NO_SESSION, sequence, broken: 0 }
    }

    /// Who the board is. Passive: it opens no session and changes nothing, whoever drives it.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn identify(&mut self) -> Result<Identity, DialogueError> {
        match self.ask(&Request::Identify)? {
            Reply::Identity(identity) => Ok(identity),
            _ => Err(DialogueError::Unexpected),
        }
    }

    /// Opens a session, which ends that of any other program. Energises nothing and clears nothing.
    ///
    /// # Errors
    /// Nobody answers, or the board's joints have torque.
    pub fn open(&mut self) -> Result<Identity, DialogueError> {
        self.session = NO_SESSION;
        match self.ask(&Request::Hello { versions: [VERSION; 2] })? {
            Reply::Welcome { session, identity } => {
                self.session = session;
                Ok(identity)
            }
            _ => Err(DialogueError::Unexpected),
        }
    }

    /// All that the board says of itself, in a session of its own.
    ///
    /// # Errors
    /// As [`Dialogue::open`].
    pub fn read(&mut self) -> Result<BoardReading, DialogueError> {
        let identity = self.open()?;
        let Reply::Settings(settings) = self.ask(&Request::Settings)? else {
            return Err(DialogueError::Unexpected);
        };
        let limits =
            (0..settings.joints).map(|joint| match self.ask(&Request::Limits { joint })? {
                Reply::Limits { limits, .. } => Ok(limits),
                _ => Err(DialogueError::Unexpected),
            });
        let limits = limits.collect::<Result<Vec<_>, _>>()?;
        let fault = match identity.fault {
            0 => None,
            id => self.fault(id)?,
        };
        let Reply::Counters(counters) = self.ask(&Request::Counters)? else {
            return Err(DialogueError::Unexpected);
        };
        let Reply::Reset { cause, detail, tick, .. } = self.ask(&Request::Reset)? else {
            return Err(DialogueError::Unexpected);
        };
        let reset = (cause, detail, tick);
        Ok(BoardReading { identity, settings, limits, fault, counters, reset })
    }

    /// The fault with this id; `None` when it is gone by now.
    fn fault(&mut self, id: u16) -> Result<Option<DriveFault>, DialogueError> {
        match self.ask(&Request::Fault { id }) {
            Ok(Reply::Fault { code, joint, raw, .. }) => {
                let joint = JointId::new(usize::from(joint));
                Ok(Some(DriveFault { id, code: FaultCode(code), joint, raw }))
            }
            Err(DialogueError::Refused(Refusal::Missing)) => Ok(None),
            Ok(_) => Err(DialogueError::Unexpected),
            Err(error) => Err(error),
        }
    }

    /// Tells a board in standby its configuration, waits until it has stored it and started again,
    /// and reads all of it back.
    ///
    /// # Errors
    /// The board refuses, does not come back, or reads back something else.
    pub fn provision<const N: usize>(
        &mut self,
        meant: &Configuration<N>,
    ) -> Result<BoardReading, DialogueError> {
        self.open()?;
        self.ask(&Request::Provision(meant.settings()))?;
        for (joint, limits) in (0..).zip(meant.joints()) {
            self.ask(&Request::ProvisionLimits { joint, limits: numbers(limits) })?;
        }
        self.ask(&Request::Commit { configuration: meant.hash() })?;
        self.await_configuration(meant.hash())?;
        let reading = self.read()?;
        match differences(meant, Some(&reading)).first() {
            None => Ok(reading),
            Some(first) => Err(DialogueError::ReadBack { first: first.to_string() }),
        }
    }

    /// Waits until the board says that it has this configuration.
    fn await_configuration(&mut self, hash: u64) -> Result<(), DialogueError> {
        let began = Instant::now();
        while began.elapsed() < RESTART {
            match self.identify() {
                Ok(identity) if identity.configuration == hash => return Ok(()),
                Ok(_) | Err(DialogueError::Silent { .. }) => std::thread::sleep(PATIENCE / 10),
                Err(error) => return Err(error),
            }
        }
        Err(DialogueError::NotBack)
    }

    /// Asks until an answer comes.
    #[expect(clippy::expect_used, reason = "a request is shorter than a frame")]
    fn ask(&mut self, request: &Request) -> Result<Reply, DialogueError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut bytes = [0; FRAME_MAX];
        let (session, sequence) = (self.session, self.sequence);
        let header =
            Header { kind: Kind::Request, source: HOST, destination: EVERYONE, session, sequence };
        let body = bytes.get_mut(HEADER..).and_then(|body| message::write(request, body));
        let sealed = body.and_then(|body| frame::seal(&header, body, &mut bytes));
        let length = sealed.expect("a request is shorter than a frame");
        for _ in 0..ATTEMPTS {
            self.wire.send(&bytes[..length])?;
            if let Some(reply) = self.answer(sequence)? {
                return match reply {
                    Reply::Refused(refusal) => Err(DialogueError::Refused(refusal)),
                    reply => Ok(reply),
                };
            }
        }
        Err(DialogueError::Silent { broken: self.broken })
    }

    /// The answer with this sequence, if it comes in time.
    fn answer(&mut self, sequence: u16) -> Result<Option<Reply>, DialogueError> {
        let began = Instant::now();
        let (mut reply, mut broken) = (None, 0);
        while reply.is_none() {
            let left = PATIENCE.saturating_sub(began.elapsed());
            if left == Duration::ZERO {
                break;
            }
            self.wire.receive(left, &mut |bytes| match frame::open(bytes) {
                Ok((header, body)) => {
                    let ours = header.kind == Kind::Reply && header.destination == HOST;
                    if ours && header.sequence == sequence {
                        reply = reply.or_else(|| message::read::<Reply>(body));
                    }
                }
                Err(_) => broken += 1,
            })?;
        }
        self.broken = self.broken.saturating_add(broken);
        Ok(reply)
    }
}

/// Names of the numbers in the limits of a joint, with their units, in the order of [`numbers`].
pub const LIMIT_NAMES: [&str; LIMIT_NUMBERS] = [
    "lowest position, rad",
    "highest position, rad",
    "highest speed, rad/s",
    "highest torque, N m",
    "speed up to which it has all torque, rad/s",
    "speed at which it has none, rad/s",
    "braking, rad/s^2",
    "highest stiffness, N m/rad",
    "highest damping, N m s/rad",
    "smallest inertia, kg m^2",
    "highest acceleration, rad/s^2",
    "highest jerk, rad/s^3",
    "fastest change of torque, N m/s",
    "torque for ever, N m",
    "thermal time, s",
];

/// Each number that the board has otherwise than `meant`, bit for bit; all of them for a board that
/// nobody has told anything.
#[must_use]
pub fn differences<const N: usize>(
    meant: &Configuration<N>,
    board: Option<&BoardReading>,
) -> Vec<Difference> {
    let board = board.filter(|board| board.settings.joints > 0);
    let own = settings_numbers(&meant.settings());
    let theirs = board.map(|board| settings_numbers(&board.settings));
    let of_board = own.iter().enumerate().map(|(place, (what, number))| {
        let board = theirs.as_ref().map(|theirs| theirs[place].1);
        Difference { what, joint: None, board, meant: *number }
    });
    let of_joints = meant.joints().iter().enumerate().flat_map(|(joint, limits)| {
        let theirs = board.and_then(|board| board.limits.get(joint));
        let own = LIMIT_NAMES.into_iter().zip(numbers(limits)).enumerate();
        own.map(move |(place, (what, meant))| {
            let board = theirs.map(|numbers| numbers[place]);
            Difference { what, joint: Some(joint), board, meant }
        })
    });
    let differs = |d: &Difference| d.board.map(f32::to_bits) != Some(d.meant.to_bits());
    of_board.chain(of_joints).filter(differs).collect()
}

/// What a board was provisioned with beside its joints, as numbers with names.
fn settings_numbers(settings: &Settings) -> [(&'static str, f32); 11] {
    let times = settings.watchdog;
    [
        ("joints", f32::from(settings.joints)),
        ("period, us", f32::from(settings.period)),
        ("a command runs out after, ticks", f32::from(times.expire)),
        ("damping without a command after, ticks", f32::from(times.damping)),
        ("torque off without a command after, ticks", f32::from(times.torque_off)),
        ("damping without the governor after, ticks", f32::from(times.heartbeat)),
        ("emergency damping, N m s/rad", settings.emergency_damping),
        ("less torque from this temperature, degrees C", settings.temperature_derate),
        ("stop at this temperature, degrees C", settings.temperature_trip),
        ("lowest voltage, V", settings.voltage_min),
        ("highest voltage, V", settings.voltage_max),
    ]
}
