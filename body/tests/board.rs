//! What people and tools ask of a board, and the whole way over UDP.
#![allow(clippy::unwrap_used, reason = "a board that cannot start has failed")]

mod common;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use body::link::{Dialogue, DialogueError, Framing, LinkBody, Wire, differences};
use body::{Body, RotorBoard};
use common::{PATIENCE, Robot, board, configuration, wired};
use firmware::{Refusal, ResetCause};
use signals::*;

/// A board on a socket of this machine, in real time, while it lives.
struct Served {
    address: String,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<RotorBoard>>,
}

impl Served {
    fn new(mut board: RotorBoard) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = format!("udp:{}", socket.local_addr().unwrap());
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            board.serve(&socket, &end, &mut |_| {}).unwrap();
            board
        });
        Self { address, ended, thread: Some(thread) }
    }

    fn wire(&self) -> Wire {
        Wire::open(&self.address).unwrap()
    }

    fn end(mut self) -> RotorBoard {
        self.ended.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap()
    }
}

/// Clauses: M4.
#[test]
fn a_board_is_told_its_limits_and_reads_them_back() {
    let served = Served::new(board(None));
    let mut dialogue = Dialogue::new(served.wire());
    let before = dialogue.read().unwrap();
    assert_eq!((before.identity.configuration, before.settings.joints), (0, 0));
    // All that it lacks: eleven numbers of the board, fifteen a joint.
    let lacks = differences(&configuration(), Some(&before));
    assert_eq!(lacks.len(), 11 + 2 * 15);
    assert!(lacks.iter().all(|difference| difference.board.is_none()));
    let after = dialogue.provision(&configuration()).unwrap();
    assert_eq!(after.identity.configuration, configuration().hash());
    assert_eq!((after.identity.resets, after.reset.0), (1, ResetCause::Request));
    assert_eq!(after.identity.lifecycle, Lifecycle::Standby as u8);
    assert_eq!(differences(&configuration(), Some(&after)), []);
    let mut other = configuration();
    other.limits[1].tau_max.0 = 19.0;
    other.watchdog.damping = 30;
    let told: Vec<_> = differences(&other, Some(&after)).iter().map(ToString::to_string).collect();
    let expected = [
        "damping without a command after, ticks: 30 (board: 20)",
        "joint 1: highest torque, N m: 19 (board: 20)",
    ];
    assert_eq!(told, expected);
    // And it is told anew.
    dialogue.provision(&other).unwrap();
    assert_eq!(served.end().lifecycle(), Lifecycle::Standby);
}

/// Clauses: M4.
#[test]
fn a_board_that_drives_is_not_provisioned_and_only_identify_leaves_it_alone() {
    let robot = Robot::holding(Framing::Datagrams);
    let mut dialogue =
        Dialogue::new(Wire::new(Box::new(common::Cable::to(&robot.far)), Framing::Datagrams));
    let error = dialogue.provision(&configuration()).unwrap_err();
    assert!(matches!(error, DialogueError::Refused(Refusal::Energised)), "{error}");
    assert!(matches!(dialogue.read(), Err(DialogueError::Refused(Refusal::Energised))));
    let session = robot.far().board.device().counters().old_session;
    let identity = dialogue.identify().unwrap();
    assert_eq!(identity.configuration, configuration().hash());
    assert_eq!(robot.far().board.device().counters().old_session, session);
}

/// Clauses: S7.
#[test]
fn limits_that_are_none_are_refused_by_the_board_itself() {
    let (wire, far) = wired(board(None), Framing::Datagrams);
    let mut dialogue = Dialogue::new(wire);
    let mut wrong = configuration();
    wrong.limits[0].q_max = wrong.limits[0].q_min;
    let error = dialogue.provision(&wrong).unwrap_err();
    assert!(matches!(error, DialogueError::Refused(Refusal::Limits)), "{error}");
    let mut endless = configuration();
    endless.watchdog.torque_off = u16::MAX;
    let error = dialogue.provision(&endless).unwrap_err();
    assert!(matches!(error, DialogueError::Refused(Refusal::Limits)), "{error}");
    assert_eq!(far.lock().unwrap().board.device().state().count, 0);
}

/// Clauses: S7.
#[test]
fn the_fault_of_a_board_is_read_with_its_code() {
    let mut latched = board(Some(&configuration()));
    (0..3).for_each(|_| latched.reset(ResetCause::Panic));
    let (wire, far) = wired(latched, Framing::Datagrams);
    far.lock().unwrap().tick();
    let reading = Dialogue::new(wire).read().unwrap();
    let fault = reading.fault.unwrap();
    assert_eq!((fault.code, fault.raw, fault.joint), (FaultCode::RESET_STORM, 3, None));
    assert_eq!(reading.identity.lifecycle, Lifecycle::Fault as u8);
    assert_eq!(reading.reset.0, ResetCause::Panic);
    // Looking clears nothing.
    assert_eq!(far.lock().unwrap().board.lifecycle(), Lifecycle::Fault);
}

/// Clauses: S7.
#[test]
fn answers_that_are_lost_or_broken_are_asked_for_again() {
    let (wire, far) = wired(board(Some(&configuration())), Framing::Stream);
    far.lock().unwrap().harm = common::Harm { lose: 3, flip: 3, ..common::Harm::default() };
    let reading = Dialogue::new(wire).read().unwrap();
    assert_eq!(differences(&configuration(), Some(&reading)), []);
    let (wire, far) = wired(board(Some(&configuration())), Framing::Datagrams);
    far.lock().unwrap().unplugged = true;
    let error = Dialogue::new(wire).identify().unwrap_err();
    assert!(error.to_string().contains("pulled out"), "{error}");
}

/// Clauses: M4, S7.
#[test]
fn a_body_drives_a_board_over_udp_in_real_time() {
    let served = Served::new(board(Some(&configuration())));
    let body = LinkBody::connect(served.wire(), &configuration(), PATIENCE).unwrap();
    assert!(body.capabilities().survives_its_host());
    let (_, far) = wired(board(None), Framing::Datagrams);
    let mut robot = Robot::new(body, far);
    let began = std::time::Instant::now();
    let step = |robot: &mut Robot| {
        // A machine that stalls skips cycles, as the runtime does.
        let due = u64::try_from(began.elapsed().as_millis()).unwrap();
        robot.number = robot.number.max(due);
        std::thread::sleep(Duration::from_micros(500));
        robot.turn()
    };
    (0..100).for_each(|_| _ = step(&mut robot));
    let frame = robot.frame.unwrap();
    assert!(frame.is_finite() && frame.supply.unwrap().voltage == Volts(24.0));
    assert_eq!(frame.drives.unwrap().lifecycle, Lifecycle::Standby);
    let age = robot.now().since(frame.joints[JointId::new(0).unwrap()].at);
    assert!(age < Duration::from_secs(5), "on the robot's clock: {age:?}");
    drop(robot);
    let board = served.end();
    assert!(!board.outputs().gate);
    assert!(board.device().counters().taken > 50, "{:?}", board.device().counters());
}
