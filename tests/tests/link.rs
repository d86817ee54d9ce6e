//! The quadruped's twelve joints behind a joint board on a UDP socket, with the governor that its
//! file makes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use body::link::{LinkBody, Wire};
use body::{Applied, Body};
use governor::{Envelope, Governor};
use model::Robot;
use signals::{
    BodyCommand, BodyState, Cycle, Feet, Instant, JointCommand, JointState, Joints, Lifecycle,
    Metres, MetresPerSecond, NewtonMetres, Posture, Quaternion, RadiansPerSecond,
};

const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(1);

fn limp(cycle: &Cycle, joints: usize) -> (BodyState, BodyCommand) {
    let state = BodyState {
        at: cycle.now,
        position: [Metres(0.0); 3],
        attitude: Quaternion::IDENTITY,
        velocity: [MetresPerSecond(0.0); 3],
        angular_velocity: [RadiansPerSecond(0.0); 3],
        joints: Joints::filled(JointState::default(), joints),
        contact: Feet::filled(1.0, 4),
        posture: Posture::Limp,
        valid: true,
    };
    let valid_until = cycle.now + Duration::from_millis(5);
    (state, BodyCommand { joints: Joints::filled(JointCommand::LIMP, joints), valid_until })
}

/// Cycles in real time; the number of those whose command was confirmed, and what `sense` and
/// `apply` allocated.
fn turn(body: &mut LinkBody, governor: &mut Governor, joints: usize) -> (usize, u64) {
    let (mut confirmed, mut allocated) = (0, 0);
    for number in 0..300 {
        std::thread::sleep(TICK);
        let now = Instant::from_nanos(number * 1_000_000);
        let cycle = Cycle { number, now, period: TICK };
        let (state, wanted) = limp(&cycle, joints);
        let vetted = governor.vet(&cycle, &state, wanted);
        let mut applied = Applied::Unconfirmed;
        let counted = allocation_counter::measure(|| {
            body.sense(&cycle);
            applied = body.apply(vetted);
        });
        confirmed += usize::from(applied == Applied::Confirmed);
        allocated += counted.count_total;
    }
    (confirmed, allocated)
}

/// Clauses: A1, A4, M4.
#[test]
fn twelve_joints_on_a_board_are_measured_commanded_and_not_energised() {
    let robot = Robot::load(&whole::root().join("robots/quadruped")).unwrap();
    let configuration = runtime::link::configuration(&robot).unwrap();
    let mut board = runtime::link::rotor_board(&robot, false).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = format!("udp:{}", socket.local_addr().unwrap());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let board = &mut board;
        scope.spawn(|| board.serve(&socket, &ended, &mut |_| {}).unwrap());
        let wire = Wire::open(&address).unwrap();
        let mut body = LinkBody::connect(wire, &configuration, PATIENCE).unwrap();
        assert!(body.capabilities().survives_its_host());
        let joints = robot.model.joint_count();
        let mut governor = runtime::wiring::governor(&robot).unwrap();
        let (confirmed, allocated) = turn(&mut body, &mut governor, joints);
        assert!(confirmed > 0, "{:?}", body.counters());
        assert_eq!(allocated, 0, "the loop allocates nothing");
        let mut wider = robot.limits;
        let first = wider.joints.ids().next().unwrap();
        wider.joints[first].tau_max = NewtonMetres(100.0);
        let profile = runtime::wiring::profile(&robot);
        let mut foreign = Governor::new(Envelope::new(&wider).unwrap(), profile);
        assert_eq!(turn(&mut body, &mut foreign, joints).0, 0);
        ended.store(true, Ordering::Release);
    });
    assert_eq!(board.lifecycle(), Lifecycle::Standby);
    assert!(!board.outputs().gate);
    assert!(board.device().counters().taken > 0, "{:?}", board.device().counters());
}
