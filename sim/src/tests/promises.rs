//! What the drives promise: delay, validity, the speed-torque curve.

use super::*;
use crate::Disturbance;
use ::body::Applied;
use signals::{Damping, JointId, NewtonMetres, Newtons, RadiansPerSecond, Stiffness};

/// Clauses: O6, S7.
#[test]
fn without_a_command_the_drives_give_nothing() {
    let mut body = SimBody::new(&quadruped(), &Yard::empty(), 1).unwrap();
    for tick in 0..50 {
        sense(&mut body, tick);
    }
    assert!(body.truth().torque.iter().all(|torque| torque.0 == 0.0));
    run(&mut body, 50..100, |tick, _, _| same_for_all(JointCommand::LIMP, tick));
    assert!(body.truth().torque.iter().all(|torque| torque.0 == 0.0));
}

/// Clauses: M1.
#[test]
fn a_command_acts_after_its_delay_and_is_read_back_after_the_sensors() {
    let mut body = SimBody::new(&quadruped(), &Yard::empty(), 1).unwrap();
    // Only then is the board armed.
    let push = |tau| JointCommand { tau: NewtonMetres(tau), ..JointCommand::LIMP };
    run(&mut body, 0..50, |tick, _, _| same_for_all(push(0.25), tick));
    let stamps: Vec<_> = (50..55)
        .map(|tick| {
            let frame = sense(&mut body, tick);
            let truth = body.truth();
            assert_eq!(truth.at, at(tick));
            if tick == 50 {
                let push = same_for_all(push(0.5), tick);
                assert_eq!(body.take(&push, u64::from(tick), at(tick)), Applied::Confirmed);
            }
            (frame.joints[JointId::new(0).unwrap()].at, truth.torque.as_slice()[0].0)
        })
        .collect();
    // Given at 50, on its way for one tick, acting from 51 on, seen in the truth of 52.
    let wanted = [(49, 0.25), (50, 0.25), (51, 0.5), (52, 0.5), (53, 0.5)];
    assert_eq!(stamps, wanted.map(|(tick, torque)| (at(tick), torque)));
}

/// Clauses: S7.
#[test]
fn past_its_validity_the_joints_damp_by_themselves() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, &robot, 0..3000);
    let hold = crate::rate::rise(&robot, at(2999), TICK);
    assert_eq!(hold.valid_until, at(3004));
    let mut fastest = 0.0_f32;
    for tick in 3000..6000 {
        let before = body.truth();
        sense(&mut body, tick);
        let truth = body.truth();
        for id in truth.torque.ids() {
            let state = before.joints[id];
            let (low, high) = robot.limits.joints[id].torque_range(state.dq);
            // The tick that led here began one earlier.
            let wanted = if tick <= 3004 {
                hold.joints[id].torque(state)
            } else if tick > 3500 {
                // Half a second after the last command came, the board has shut its gate.
                NewtonMetres(0.0)
            } else {
                Damping(4.0) * RadiansPerSecond(-state.dq.0)
            };
            assert_eq!(truth.torque[id], wanted.limited(low, high), "tick {tick}");
            if tick <= 3500 {
                fastest = fastest.max(state.dq.0.abs());
            }
        }
    }
    let truth = body.truth();
    assert!(truth.position[2].0 < 0.2 && fastest < 5.0, "{:?} {fastest}", truth.position);
    assert_eq!(body.take(&hold, 5999, at(5999)), Applied::Expired);
}

/// Clauses: C3, S7.
#[test]
fn skipped_cycles_pass_like_read_ones() {
    let robot = quadruped();
    let [mut one, mut other] = [(); 2].map(|()| SimBody::new(&robot, &Yard::empty(), 3).unwrap());
    for body in [&mut one, &mut other] {
        stand(body, &robot, 0..500);
    }
    for tick in 500..520 {
        sense(&mut one, tick);
    }
    sense(&mut other, 519);
    assert_eq!(digest(&one), digest(&other));
    assert_eq!(sense(&mut one, 520), sense(&mut other, 520));
}

/// Clauses: M3, S7.
#[test]
fn a_command_that_is_not_a_number_damps() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, &robot, 0..1000);
    for tick in 1000..1200 {
        sense(&mut body, tick);
        let nonsense = JointCommand { q: signals::Radians(f32::NAN), ..JointCommand::default() };
        let applied = body.take(&same_for_all(nonsense, tick), u64::from(tick), at(tick));
        // The board refuses it, and damps when the last one that was none has run out.
        assert!(tick < 1030 || applied == Applied::Unconfirmed, "tick {tick}");
    }
    assert!(body.link().drives().lifecycle == signals::Lifecycle::Damping);
    assert!(body.truth().torque.iter().all(|torque| torque.is_finite()));
    assert!(body.truth().position[2].is_finite());
}

/// Written again from the data sheet's words, not from the code under test.
fn allowed(torque: f32, speed: f32, full: f32, corner: f32, no_load: f32) -> bool {
    let driving = torque * speed > 0.0;
    let share = if !driving || speed.abs() <= corner {
        1.0
    } else if speed.abs() >= no_load {
        0.0
    } else {
        (no_load - speed.abs()) / (no_load - corner)
    };
    torque.abs() <= full * share + 1e-3
}

/// Clauses: M4.
#[test]
fn no_drive_exceeds_its_speed_torque_curve() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    let (mut saturated, mut beyond_corner) = (0, 0);
    for tick in 0..4000 {
        let before = body.truth();
        sense(&mut body, tick);
        let truth = body.truth();
        for (id, name) in truth.torque.ids().zip(robot.joint_names()) {
            let (torque, speed) = (truth.torque[id].0, before.joints[id].dq.0);
            let (full, corner, no_load) =
                if name.contains("calf") { (45.4, 11.0, 18.0) } else { (23.7, 18.0, 30.1) };
            assert!(allowed(torque, speed, full, corner, no_load), "{name}: {torque} at {speed}");
            saturated += u32::from(torque.abs() > 0.99 * full);
            beyond_corner += u32::from(speed.abs() > corner);
        }
        // Hard swings between the stops, 5 a second, and a shove that leaves the legs free.
        let up = tick / 100 % 2 == 0;
        if tick % 1000 == 500 {
            let force = [Newtons(0.0), Newtons(0.0), Newtons(400.0)];
            body.disturb(Disturbance::Push { force, duration: 150 * TICK });
        }
        let mut command = same_for_all(JointCommand::LIMP, tick);
        for (id, limits) in command.joints.ids().zip(robot.limits.joints.iter()) {
            let q = if up { limits.q_max } else { limits.q_min };
            let (kp, kd) = (Stiffness(120.0), Damping(0.5));
            command.joints[id] = JointCommand { q, kp, kd, ..JointCommand::LIMP };
        }
        body.take(&command, u64::from(tick), at(tick));
    }
    println!("saturated {saturated}, beyond the corner {beyond_corner}");
    assert!(saturated > 100 && beyond_corner > 100, "{saturated} {beyond_corner}: a blunt test");
}
