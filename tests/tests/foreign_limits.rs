//! A body takes no command that was vetted against other limits than its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use body::{Applied, Body};
use governor::{Envelope, Governor};
use model::Robot;
use signals::{
    BodyCommand, BodyState, Cycle, Feet, HardwareLimits, Instant, JointCommand, JointState, Joints,
    Metres, MetresPerSecond, NewtonMetres, Posture, Quaternion, RadiansPerSecond,
};
use sim::{SimBody, Yard};

fn apply(robot: &Robot, limits: &HardwareLimits) -> Applied {
    let mut body = SimBody::new(robot, &Yard::empty(), 1).unwrap();
    let profile = runtime::wiring::profile(robot);
    let mut governor = Governor::new(Envelope::new(limits).unwrap(), profile);
    let cycle = Cycle { number: 0, now: Instant::ZERO, period: Duration::from_millis(1) };
    let joints = robot.model.joint_count();
    body.sense(&cycle);
    let state = BodyState {
        at: cycle.now,
        position: [Metres(0.0); 3],
        attitude: Quaternion::IDENTITY,
        velocity: [MetresPerSecond(0.0); 3],
        angular_velocity: [RadiansPerSecond(0.0); 3],
        joints: Joints::filled(JointState::default(), joints),
        contact: Feet::filled(1.0, robot.feet.len()),
        posture: Posture::Limp,
        valid: true,
    };
    let valid_until = cycle.now + Duration::from_millis(5);
    let wanted = BodyCommand { joints: Joints::filled(JointCommand::LIMP, joints), valid_until };
    body.apply(governor.vet(&cycle, &state, wanted))
}

/// Clauses: A1, A4.
#[test]
fn a_governor_with_other_limits_commands_nothing() {
    let robot = Robot::load(&whole::root().join("robots/quadruped")).unwrap();
    assert_eq!(apply(&robot, &robot.limits), Applied::Confirmed);
    let mut wider = robot.limits;
    let first = wider.joints.ids().next().unwrap();
    wider.joints[first].tau_max = NewtonMetres(100.0);
    assert_eq!(apply(&robot, &wider), Applied::ForeignLimits);
}
