//! A body behind a joint board: what it reports, what it takes for proof, and what becomes of both
//! when the wire or the board fails.
#![allow(clippy::unwrap_used, reason = "a robot that cannot start has failed")]

mod common;

use std::time::Duration;

use body::link::{ConnectError, Framing, LinkBody, words};
use body::{Applied, Body};
use common::{Harm, JOINTS, PATIENCE, Robot, board, configuration, governor, limits, wired};
use firmware::{Acquaintance, Configuration, Mismatch, Refusal, ResetCause, WatchdogTimes};
use signals::*;

const SHORT: Duration = Duration::from_millis(200);

/// Clauses: M4, S7.
#[test]
fn a_cold_connect_energises_nothing_and_clears_nothing() {
    let mut robot = Robot::connected(Framing::Datagrams);
    for _ in 0..300 {
        robot.turn();
        assert!(!robot.gate());
    }
    assert_eq!(robot.lifecycle(), Lifecycle::Standby);
    let counters = *robot.far().board.device().counters();
    assert_eq!((counters.dampings, counters.torque_offs, counters.refused), (0, 0, 0));
    // A board that is latched stays so, however often somebody connects.
    let mut latched = board(Some(&configuration()));
    (0..3).for_each(|_| latched.reset(ResetCause::Panic));
    for _ in 0..3 {
        let (wire, far) = wired(latched, Framing::Datagrams);
        let body = LinkBody::connect(wire, &configuration(), PATIENCE).unwrap();
        let mut robot = Robot::new(body, far);
        robot.turns(50);
        let drives = robot.frame.unwrap().drives.unwrap();
        assert_eq!(drives.lifecycle, Lifecycle::Fault);
        assert_eq!(drives.fault.unwrap().code, FaultCode::RESET_STORM);
        let log_kept = robot.body.identity().unwrap().resets;
        assert_eq!(log_kept, 3);
        latched = board(Some(&configuration()));
        (0..3).for_each(|_| latched.reset(ResetCause::Panic));
    }
}

/// Clauses: A1, M4.
#[test]
fn a_command_counts_as_confirmed_only_with_evidence() {
    let mut robot = Robot::connected(Framing::Datagrams);
    let first = robot.turn();
    assert_eq!(first, Applied::Confirmed, "a limp command to a board whose gate is shut");
    robot.turns(59);
    robot.operator.act = Some(OperatorAct::Start);
    robot.turn();
    robot.operator.act = None;
    robot.posture = Posture::Standing;
    robot.wanted = JointCommand { q: Radians(0.1), kp: Stiffness(20.0), ..JointCommand::LIMP };
    // Nobody has armed the board yet.
    assert_eq!(robot.turn(), Applied::Unconfirmed);
    let until = (0..20).find(|_| robot.turn() == Applied::Confirmed);
    assert!(until.is_some_and(|turns| turns < 6), "{until:?}");
    assert_eq!(robot.lifecycle(), Lifecycle::Active);
    // The wire goes dead without a word: what was proof is soon none.
    robot.far().cut = true;
    let after: Vec<_> = (0..8).map(|_| robot.turn()).collect();
    assert_eq!(after[4..], [Applied::Unconfirmed; 4]);
    robot.far().cut = false;
    let until = (0..20).find(|_| robot.turn() == Applied::Confirmed);
    assert!(until.is_some(), "{:?}", robot.lifecycle());
}

/// Clauses: A1, A4.
#[test]
fn a_command_for_other_limits_is_not_sent() {
    let mut robot = Robot::connected(Framing::Datagrams);
    robot.turns(20);
    let sent = robot.body.counters().sent;
    let mut wider = limits();
    wider.joints[JointId::new(0).unwrap()].tau_max = NewtonMetres(21.0);
    robot.governor = governor(&wider);
    assert_eq!(robot.turn(), Applied::ForeignLimits);
    assert_eq!(robot.body.counters().sent, sent);
    robot.governor = governor(&limits());
    assert_eq!(robot.turn(), Applied::Confirmed);
    assert!(robot.body.counters().sent > sent);
}

/// Clauses: M4.
#[test]
fn a_board_that_was_not_meant_is_refused_with_the_reason() {
    let mut stricter = configuration();
    stricter.limits[1].tau_max.0 = 19.0;
    let fewer = Configuration { count: 1, ..configuration() };
    let slower = WatchdogTimes { damping: 40, ..WatchdogTimes::default() };
    let patient = Configuration { watchdog: slower, ..configuration() };
    for (of_board, said) in [
        (Some(stricter), "provisioned with configuration"),
        (Some(patient), "provisioned with configuration"),
        (Some(fewer), "drives 1 joints"),
        (None, "nobody has told it its limits"),
    ] {
        let (wire, far) = wired(board(of_board.as_ref()), Framing::Datagrams);
        let error = LinkBody::connect(wire, &configuration(), PATIENCE).err().unwrap();
        assert!(matches!(error, ConnectError::Mismatch(_)), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!far.lock().unwrap().board.outputs().gate);
    }
}

/// Clauses: S7.
#[test]
fn nobody_there_garbage_and_a_pulled_plug_are_told_apart() {
    let refused = |wire| LinkBody::connect(wire, &configuration(), SHORT).err().unwrap();
    let (wire, far) = wired(board(Some(&configuration())), Framing::Datagrams);
    far.lock().unwrap().cut = true;
    assert!(matches!(refused(wire), ConnectError::Silent { broken: 0, .. }));
    let (wire, far) = wired(board(Some(&configuration())), Framing::Datagrams);
    far.lock().unwrap().harm.flip = 100;
    let error = refused(wire);
    assert!(matches!(error, ConnectError::Silent { broken: 1.., .. }), "{error}");
    let (wire, far) = wired(board(Some(&configuration())), Framing::Datagrams);
    far.lock().unwrap().unplugged = true;
    let error = refused(wire);
    assert!(error.to_string().contains("pulled out"), "{error}");
}

/// Clauses: M4, S7.
#[test]
fn a_moving_board_is_not_taken_over() {
    let robot = Robot::holding(Framing::Datagrams);
    // Another program says hello while the joints have torque; the first one lives on.
    let mut far = robot.far();
    let taken = far.board.device().counters().refused;
    let hello = firmware::Request::Hello { versions: [1; 2] };
    let mut frame = [0; firmware::frame::FRAME_MAX];
    let length = firmware::message::write(&hello, &mut frame[firmware::frame::HEADER..]).unwrap();
    let header = firmware::frame::Header {
        kind: firmware::frame::Kind::Request,
        source: 0,
        destination: 255,
        session: 0,
        sequence: 777,
    };
    let length = firmware::frame::seal(&header, length, &mut frame).unwrap();
    let mut answer = [0; firmware::frame::FRAME_MAX];
    let answered = far.board.receive(&frame[..length], 0, &mut answer).unwrap();
    let (_, body) = firmware::frame::open(&answer[..answered]).unwrap();
    let reply = firmware::message::read(body);
    assert_eq!(reply, Some(firmware::Reply::Refused(Refusal::Energised)));
    assert_eq!(far.board.device().counters().refused, taken + 1);
    assert!(words::refusal(Refusal::Energised).contains("end the program"));
}

/// What came between connecting and the first cycle is read at once.
///
/// Clauses: S7.
#[test]
fn the_first_cycle_sees_the_newest_state() {
    let mut robot = Robot::connected(Framing::Datagrams);
    for tick in 0..1000 {
        let mut far = robot.far();
        far.board.rotors_mut()[0].state.q.0 = 1e-3 * tick as f32;
        far.tick();
    }
    robot.turn();
    let first = robot.frame.unwrap().joints[JointId::new(0).unwrap()];
    assert!((first.q.0 - 0.999).abs() < 1e-6, "{first:?}");
    assert_eq!(robot.body.counters().missing, 0);
}

/// Clauses: S7.
#[test]
fn a_reading_that_was_not_refreshed_keeps_its_stamp() {
    let mut robot = Robot::holding(Framing::Datagrams);
    let frame = robot.frame.unwrap();
    let now = robot.now();
    assert!(frame.joints.iter().all(|joint| now.since(joint.at) <= Duration::from_millis(3)));
    // The board's processor stands still, the wire is fine.
    robot.far().hung = true;
    robot.turns(2);
    let last = robot.frame.unwrap().joints;
    robot.turns(50);
    let frame = robot.frame.unwrap();
    assert_eq!(frame.joints.as_slice(), last.as_slice());
    let age = robot.now().since(frame.joints[JointId::new(0).unwrap()].at);
    assert!(age >= Duration::from_millis(50), "{age:?}");
    assert!(robot.now().since(frame.drives.unwrap().at) >= Duration::from_millis(50));
}

/// Clauses: S7.
#[test]
fn a_pulled_plug_is_told_and_the_board_brings_its_joints_to_rest_by_itself() {
    let mut robot = Robot::holding(Framing::Datagrams);
    robot.far().unplugged = true;
    let applied: Vec<_> = (0..600).map(|_| robot.turn()).collect();
    assert_eq!(applied[5..], [Applied::Unconfirmed; 595]);
    assert!(robot.body.gone().unwrap().to_string().contains("pulled out"));
    let counters = *robot.far().board.device().counters();
    assert_eq!((counters.dampings, counters.torque_offs), (1, 1));
    assert_eq!(robot.lifecycle(), Lifecycle::SafeTorqueOff);
    assert!(!robot.gate());
}

/// Clauses: M4, S7.
#[test]
fn a_board_that_resets_under_way_is_armed_again_only_after_a_person_has_seen_it() {
    let mut robot = Robot::holding(Framing::Datagrams);
    let watchdog = |robot: &Robot| robot.body.capabilities().drives.iter().next().unwrap().watchdog;
    assert_eq!(watchdog(&robot), Some(Duration::from_millis(20)));
    robot.reset();
    robot.turns(5);
    // What was read back from its earlier life counts no longer.
    assert!(!robot.gate());
    robot.turns(200);
    assert!(!robot.gate());
    let fault = robot.frame.unwrap().drives.unwrap().fault.unwrap();
    assert_eq!(fault.code, FaultCode::SOFTWARE_RESET);
    assert_eq!(robot.body.counters().sessions_lost, 1);
    robot.body.clear(fault.id.wrapping_add(1));
    robot.turns(50);
    assert!(!robot.gate(), "that was another id");
    robot.body.clear(fault.id);
    robot.turns(50);
    assert_eq!(robot.lifecycle(), Lifecycle::Active);
    assert_eq!(watchdog(&robot), Some(Duration::from_millis(20)));
}

/// Clauses: S7.
#[test]
fn without_an_answer_nothing_is_known_of_joints_or_watchdog() {
    let (wire, far) = wired(board(Some(&configuration())), Framing::Datagrams);
    far.lock().unwrap().cut = true;
    let body = LinkBody::new(wire, &configuration()).unwrap();
    let mut robot = Robot::new(body, far);
    assert_eq!(robot.turns(50), Applied::Unconfirmed);
    let frame = robot.frame.unwrap();
    assert!(!frame.is_finite() && frame.supply.is_none());
    assert_eq!(frame.drives.unwrap().lifecycle, Lifecycle::Boot);
    assert!(!robot.body.capabilities().survives_its_host());
    assert_eq!(robot.body.capabilities().drives.len(), JOINTS);
    assert_eq!(robot.body.acquaintance(), &Acquaintance::None);
    // It is heard at last.
    robot.far().cut = false;
    robot.turns(50);
    assert!(robot.frame.unwrap().is_finite());
    assert!(robot.body.capabilities().survives_its_host());
}

/// Clauses: S7.
#[test]
fn a_board_with_another_configuration_under_way_is_never_armed() {
    let mut stricter = configuration();
    stricter.limits[1].tau_max.0 = 19.0;
    let (wire, far) = wired(board(Some(&stricter)), Framing::Datagrams);
    let body = LinkBody::new(wire, &configuration()).unwrap();
    let mut robot = Robot::new(body, far);
    robot.turns(60);
    robot.operator.act = Some(OperatorAct::Start);
    robot.turn();
    robot.operator.act = None;
    robot.posture = Posture::Standing;
    robot.wanted = JointCommand { tau: NewtonMetres(1.0), ..JointCommand::LIMP };
    for _ in 0..200 {
        robot.turn();
        assert!(!robot.gate());
    }
    let (own, board) = (configuration().hash(), stricter.hash());
    let mismatch = Mismatch::Configuration { own, board };
    assert_eq!(robot.body.acquaintance(), &Acquaintance::Refused(mismatch));
    assert!(!robot.body.capabilities().survives_its_host());
}

/// Clauses: S7.
#[test]
fn a_bad_wire_is_counted_and_survived_on_datagrams_and_on_streams() {
    for framing in [Framing::Datagrams, Framing::Stream] {
        let mut robot = Robot::holding(framing);
        let most = limits().joints.iter().next().unwrap().tau_max.0;
        robot.far().harm = Harm { lose: 10, twice: 10, flip: 10, late: 10 };
        for _ in 0..3000 {
            robot.turn();
            let torques = robot.far().board.outputs().torque;
            assert!(torques.iter().all(|torque| torque.0.abs() <= most), "{torques:?}");
        }
        let counters = *robot.body.counters();
        assert!(counters.broken > 50 && counters.missing > 100, "{framing:?}: {counters:?}");
        let of_board = *robot.far().board.device().counters();
        assert!(of_board.repeated + of_board.broken > 50, "{of_board:?}");
        robot.far().harm = Harm::default();
        robot.turns(100);
        assert_eq!(robot.turn(), Applied::Confirmed, "{framing:?}: {:?}", robot.lifecycle());
        let q = robot.frame.unwrap().joints[JointId::new(0).unwrap()].q.0;
        assert!((q - 0.1).abs() < 0.02, "{q}");
    }
}
