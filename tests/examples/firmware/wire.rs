//! The board in the emulator as the simulator's board, with a wire between them that does what a
//! failure wants.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use board::bench::{Answer, Failure, JOINTS, Now};
use firmware::frame::{self, Kind};
use firmware::message::{self, Request};
use firmware::{Configuration, Measured};
use model::Robot;
use signals::{Instant, Joints, Lifecycle, NewtonMetres, Volts};
use sim::{JointBoard, board_configuration};
use whole::qemu::{Board, Talk};

/// What the wire does to frames on their way to the board.
#[derive(Clone, Debug, Default)]
pub(crate) enum Harm {
    /// Nothing.
    #[default]
    None,
    /// The host is gone: nothing comes.
    Silence,
    /// Only heartbeats are lost.
    NoHeartbeat,
    /// One bit of every second command is changed.
    Corrupt,
    /// Everything comes twice.
    Twice,
    /// Two commands that follow each other change places.
    Reorder,
    /// Every frame comes so many ticks late.
    Late(u64),
    /// The host is gone, and these frames of an earlier session come instead.
    Replay(Vec<Vec<u8>>),
    /// The host speaks another version of the protocol.
    OtherVersion,
}

/// What happened on the board, by its own count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Ticks of the board in all its lives.
    pub(crate) ticks: u64,
    /// After each tick since the last command or heartbeat that was not harmed.
    pub(crate) since: Vec<Seen>,
    /// Times it was reset.
    pub(crate) resets: u32,
    /// What the wire does, and what the board shall do to itself next.
    pub(crate) harm: Harm,
    pub(crate) failure: Option<Failure>,
}

/// The board after one tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) gate: bool,
}

/// Longer than any watchdog waits.
const HANG_TICKS: u32 = 60;
/// The hardware watchdog of the board bites after at most so many ticks.
const WATCHDOG_TICKS: usize = 20;

/// The board in the emulator behind the wire.
pub(crate) struct WiredBoard {
    talk: Talk,
    log: Arc<Mutex<Log>>,
    tick: u64,
    late: VecDeque<(u64, Vec<u8>)>,
    held: Option<Vec<u8>>,
    odd: bool,
    torque: [f32; JOINTS],
    /// Ticks for which a hung board gives what it gave last.
    hung: u64,
    last: Option<Seen>,
}

impl WiredBoard {
    /// A board that was provisioned for `robot`.
    pub(crate) fn new(robot: &Robot, log: Arc<Mutex<Log>>) -> Self {
        Self::with(&board_configuration(robot).expect("sound limits"), log)
    }

    /// A board that was provisioned with `own`.
    pub(crate) fn with(own: &Configuration<JOINTS>, log: Arc<Mutex<Log>>) -> Self {
        let board = Board::on_bench().expect("a board");
        let mut talk = Talk::with(board);
        talk.run(2).expect("it runs");
        talk.hello().expect("it welcomes");
        talk.provision(own).expect("it is provisioned");
        let late = VecDeque::new();
        let torque = [0.0; JOINTS];
        Self { talk, log, tick: 0, late, held: None, odd: false, torque, hung: 0, last: None }
    }

    /// Commands of an earlier session, as somebody who listened has them.
    pub(crate) fn overheard(mut self) -> (Self, Vec<Vec<u8>>) {
        self.talk.run(2).expect("it runs");
        self.talk.hello().expect("it welcomes");
        let joint = signals::JointCommand { tau: NewtonMetres(5.0), ..signals::JointCommand::LIMP };
        let mut frames = Vec::new();
        for _ in 0..600 {
            frames.push(self.talk.heartbeat());
            frames.push(self.talk.command(joint, true));
        }
        (self, frames)
    }

    fn say(&self, frame: &[u8]) {
        self.talk.board.send(frame).expect("the emulator lives");
    }

    /// Passes a frame on, or what the harm makes of it.
    fn pass(&mut self, frame: &[u8], harm: &Harm) {
        let kind = frame::open(frame).map(|(header, _)| header.kind);
        let command = kind == Ok(Kind::Command);
        match harm {
            Harm::None => self.say(frame),
            Harm::Silence | Harm::Replay(_) => {}
            Harm::NoHeartbeat if kind == Ok(Kind::Heartbeat) => {}
            Harm::NoHeartbeat => self.say(frame),
            Harm::Corrupt => {
                let mut frame = frame.to_vec();
                self.odd ^= command;
                if command && self.odd {
                    frame[20] ^= 0x40;
                }
                self.say(&frame);
            }
            Harm::Twice => {
                self.say(frame);
                self.say(frame);
            }
            Harm::Reorder if command => match self.held.take() {
                None => self.held = Some(frame.to_vec()),
                Some(before) => {
                    self.say(frame);
                    self.say(&before);
                }
            },
            Harm::Reorder => self.say(frame),
            Harm::Late(ticks) => self.late.push_back((self.tick + ticks, frame.to_vec())),
            Harm::OtherVersion if kind == Ok(Kind::Request) => {
                let other = Request::Hello { versions: [2, 3] };
                let other =
                    whole::qemu::sealed(Kind::Request, 0, 1, |body| message::write(&other, body));
                self.say(&other);
            }
            Harm::OtherVersion => self.say(frame),
        }
    }

    fn note(&mut self, log: &mut Log, now: &Now) {
        self.torque = now.torque;
        let lifecycle = Lifecycle::of(now.lifecycle).expect("a lifecycle");
        let seen = Seen { lifecycle, gate: now.gate };
        log.since.push(seen);
        self.last = Some(seen);
    }
}

impl JointBoard for WiredBoard {
    fn receive(&mut self, frame: &[u8], _: Instant, _: &mut dyn FnMut(&[u8])) {
        let harm = self.log.lock().unwrap().harm.clone();
        self.pass(frame, &harm);
    }

    fn tick(
        &mut self,
        _: Instant,
        measured: &Joints<Measured>,
        _: Volts,
        answer: &mut dyn FnMut(&[u8]),
    ) -> Joints<NewtonMetres> {
        let log = Arc::clone(&self.log);
        let mut log = log.lock().unwrap();
        let given = |torque: [f32; JOINTS]| {
            Joints::from_fn(measured.len(), |id| NewtonMetres(torque[id.index()]))
        };
        self.tick += 1;
        log.ticks += 1;
        if self.hung > 0 {
            // The time has passed on the board already; its motors got what they got last.
            self.hung -= 1;
            if self.hung > 0 {
                return given(self.torque);
            }
            self.torque = [0.0; JOINTS];
        }
        if let Harm::Replay(frames) = &mut log.harm {
            for frame in frames.drain(..frames.len().min(2)) {
                self.say(&frame);
            }
        }
        while self.late.front().is_some_and(|(due, _)| *due <= self.tick) {
            let (_, frame) = self.late.pop_front().expect("seen");
            self.say(&frame);
        }
        // While a task hangs, time must pass on the board, so that its watchdog can notice.
        let (mut ticks, mut hung) = (1, 1);
        if let Some(failure) = log.failure.take() {
            self.talk.board.fail(failure).expect("the emulator lives");
            if matches!(failure, Failure::Hang(_)) {
                (ticks, hung) = (HANG_TICKS, WATCHDOG_TICKS);
            }
        }
        let mut position = [0.0; JOINTS];
        let mut velocity = [0.0; JOINTS];
        for (joint, at) in measured.iter().zip(0..JOINTS) {
            (position[at], velocity[at]) = (joint.state.q.0, joint.state.dq.0);
        }
        let before = self.torque;
        match self.talk.board.run(ticks, position, velocity).expect("the board answers") {
            Answer::Ran { now, .. } => self.note(&mut log, &now),
            Answer::Booted(now) => {
                log.resets += 1;
                // A board that hangs counts no ticks: it is taken to give what it gave last, with
                // its gate open, until its watchdog bites.
                let open = self.last.iter().cycle().take(hung - 1).copied();
                log.since.extend(open);
                self.note(&mut log, &now);
                if hung > 1 {
                    (self.hung, self.torque) = (hung as u64, before);
                }
            }
        }
        for frame in self.talk.board.take_frames().expect("the emulator lives") {
            answer(&frame);
        }
        given(self.torque)
    }
}
