//! What a host says to a board, frame by frame, so that a test can say it wrongly.

use std::time::Duration;

use board::bench::{Answer, JOINTS};
use firmware::frame::{self, FRAME_MAX, HEADER, HOST, Header, Kind, NO_SESSION, VERSION};
use firmware::message::{self, Reply, Request};
use firmware::{
    Command, Configuration, Counters, Heartbeat, Identity, LIMIT_NUMBERS, State, limits, numbers,
};
use signals::{Damping, JointCommand};

use super::{Board, NoBoard};

/// The board's address.
const ADDRESS: u8 = 1;
/// For how long an answer to a request is waited for, if nothing else is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// A host with its session.
#[derive(Debug)]
pub struct Talk {
    /// The board it talks to.
    pub board: Board,
    /// Session in use; none before hello.
    pub session: u16,
    /// Sequence of the last command.
    pub sequence: u16,
    /// Cycle of the last heartbeat.
    pub cycle: u32,
    /// Time of the host, us.
    pub time: u32,
    /// States that came on the way.
    pub states: Vec<State<JOINTS>>,
    /// Talk over the serial line.
    pub serial: bool,
    /// For how long an answer is waited for.
    pub patience: Duration,
}

impl Talk {
    /// With a board that has just started.
    #[must_use]
    pub const fn with(board: Board) -> Self {
        Self {
            board,
            session: NO_SESSION,
            sequence: 0,
            cycle: 0,
            time: 0,
            states: Vec::new(),
            serial: false,
            patience: PATIENCE,
        }
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// None comes.
    pub fn ask(&mut self, request: &Request) -> Result<Reply, NoBoard> {
        let frame = sealed(Kind::Request, self.session, 1, |body| message::write(request, body));
        self.say(&frame)?;
        loop {
            let answer = if self.serial {
                self.board.next_packet(self.patience)?
            } else {
                self.board.next_frame(self.patience)?
            };
            let answer = answer.ok_or_else(|| NoBoard::Silent(format!("to {request:?}")))?;
            match opened(&answer) {
                Some((Kind::Reply, body)) => {
                    let reply = message::read::<Reply>(body);
                    return reply.ok_or_else(|| NoBoard::Silent("no reply in a reply".to_owned()));
                }
                Some((Kind::State, body)) => self.states.extend(State::read(body)),
                _ => {}
            }
        }
    }

    /// Who the board is.
    ///
    /// # Errors
    /// It does not answer, or something else.
    pub fn identity(&mut self) -> Result<Identity, NoBoard> {
        match self.ask(&Request::Identify)? {
            Reply::Identity(identity) => Ok(identity),
            other => Err(NoBoard::Silent(format!("{other:?}"))),
        }
    }

    /// Asks again until the board has started and answers: for boards in real time, which do not
    /// say when that is.
    ///
    /// # Errors
    /// It never answers.
    pub fn greet(&mut self) -> Result<Identity, NoBoard> {
        let patience = std::mem::replace(&mut self.patience, Duration::from_millis(500));
        let mut tries = (0..60).map(|_| self.identity());
        let found = tries.find(Result::is_ok).unwrap_or_else(|| {
            Err(NoBoard::Silent("it was asked who it is, again and again".to_owned()))
        });
        self.patience = patience;
        found
    }

    /// What the board has counted.
    ///
    /// # Errors
    /// It does not answer, or something else.
    pub fn counters(&mut self) -> Result<Counters, NoBoard> {
        match self.ask(&Request::Counters)? {
            Reply::Counters(counters) => Ok(counters),
            other => Err(NoBoard::Silent(format!("{other:?}"))),
        }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// The board does not answer, or does not welcome.
    pub fn hello(&mut self) -> Result<(), NoBoard> {
        match self.ask(&Request::Hello { versions: [VERSION; 2] })? {
            Reply::Welcome { session, .. } => self.session = session,
            other => return Err(NoBoard::Silent(format!("{other:?}"))),
        }
        (self.sequence, self.cycle) = (0, 0);
        Ok(())
    }

    /// Provisions the board: it stores the configuration and starts again. The board must be in
    /// standby, with a session open.
    ///
    /// # Errors
    /// The board refuses, or does not start again.
    pub fn provision(&mut self, own: &Configuration<JOINTS>) -> Result<(), NoBoard> {
        let mut requests = vec![Request::Provision(own.settings())];
        requests.extend(
            (0..)
                .zip(own.joints())
                .map(|(joint, limits)| Request::ProvisionLimits { joint, limits: numbers(limits) }),
        );
        requests.push(Request::Commit { configuration: own.hash() });
        for request in &requests {
            match self.ask(request)? {
                Reply::Done => {}
                other => return Err(NoBoard::Silent(format!("{request:?}: {other:?}"))),
            }
        }
        self.session = NO_SESSION;
        if !self.board.is_on_bench {
            return self.greet().map(drop);
        }
        match self.board.answer()? {
            Answer::Booted(_) => Ok(()),
            other @ Answer::Ran { .. } => Err(NoBoard::Silent(format!("{other:?}"))),
        }
    }

    /// A command for all joints, in this session and with the next sequence.
    pub fn command(&mut self, joint: JointCommand, follow: bool) -> Vec<u8> {
        self.sequence = self.sequence.wrapping_add(1);
        self.command_of(self.session, self.sequence, joint, follow)
    }

    /// A command for all joints.
    #[must_use]
    pub fn command_of(
        &self,
        session: u16,
        sequence: u16,
        joint: JointCommand,
        follow: bool,
    ) -> Vec<u8> {
        let (host_time, joints) = (self.time, [joint; JOINTS]);
        let command = Command { host_time, valid: 5_000, follow, count: JOINTS, joints };
        sealed(Kind::Command, session, sequence, |body| command.write(body))
    }

    /// A sign of life of the governor.
    pub fn heartbeat(&mut self) -> Vec<u8> {
        self.cycle += 1;
        let beat = Heartbeat { cycle: self.cycle };
        sealed(Kind::Heartbeat, self.session, 0, |body| beat.write(body))
    }

    /// Sends a frame over the link in use.
    ///
    /// # Errors
    /// The emulator has ended.
    pub fn say(&mut self, frame: &[u8]) -> Result<(), NoBoard> {
        if self.serial { self.board.send_packet(frame) } else { self.board.send(frame) }
    }

    /// Lets time run with the joints at rest, and takes the states that come.
    ///
    /// # Errors
    /// The board does not answer.
    pub fn run(&mut self, ticks: u32) -> Result<Answer, NoBoard> {
        self.run_at(ticks, 0.0, 0.0)
    }

    /// The same with all joints at `position`, rad, and `velocity`, rad/s.
    ///
    /// # Errors
    /// The board does not answer.
    pub fn run_at(&mut self, ticks: u32, position: f32, velocity: f32) -> Result<Answer, NoBoard> {
        self.time = self.time.wrapping_add(ticks * 1_000);
        let answer = self.board.run(ticks, [position; JOINTS], [velocity; JOINTS])?;
        for frame in self.board.take_frames()? {
            self.states.extend(state(&frame));
        }
        Ok(answer)
    }
}

/// Twelve joints of a small quadruped.
#[must_use]
pub fn configuration() -> Configuration<JOINTS> {
    let mut own = Configuration::NONE;
    own.count = JOINTS;
    own.emergency_damping = Damping(1.0);
    let mut numbers = [0.0; LIMIT_NUMBERS];
    numbers[..9].copy_from_slice(&[-1.5, 1.5, 20.0, 24.0, 10.0, 30.0, 100.0, 100.0, 5.0]);
    numbers[9..].copy_from_slice(&[0.01, 5_000.0, 1e6, 1e5, 12.0, 10.0]);
    own.limits = [limits(&numbers); JOINTS];
    own
}

/// A frame to the board.
pub fn sealed(
    kind: Kind,
    session: u16,
    sequence: u16,
    write: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Vec<u8> {
    let mut bytes = [0; FRAME_MAX];
    let header = Header { kind, source: HOST, destination: ADDRESS, session, sequence };
    let length =
        write(&mut bytes[HEADER..]).and_then(|body| frame::seal(&header, body, &mut bytes));
    bytes[..length.unwrap_or_default()].to_vec()
}

/// The state in a frame, if it holds one.
#[must_use]
pub fn state(frame: &[u8]) -> Option<State<JOINTS>> {
    match opened(frame)? {
        (Kind::State, body) => State::read(body).ok(),
        _ => None,
    }
}

fn opened(frame: &[u8]) -> Option<(Kind, &[u8])> {
    frame::open(frame).ok().map(|(header, body)| (header.kind, body))
}
