//! What each disturbance does to the body, and that it does nothing before it begins.

use super::*;
use crate::Disturbance;
use signals::{
    Celsius, JointId, Metres, MetresPerSecond, NewtonMetres, Radians, RadiansPerSecond, Volts,
};

fn joint(index: usize) -> JointId {
    JointId::new(index).unwrap()
}

/// The quadruped on its feet, three seconds after the start.
fn standing(robot: &Robot) -> SimBody {
    let mut body = SimBody::new(robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, robot, 0..3000);
    body
}

/// Disturbs a standing robot, waits, and reads the frame of the tick after.
fn after(body: &mut SimBody, robot: &Robot, what: Disturbance, ticks: u32) -> SensorFrame {
    body.disturb(what);
    stand(body, robot, 3000..3000 + ticks);
    sense(body, 3000 + ticks)
}

/// Clauses: E5.
#[test]
fn what_was_healed_leaves_no_trace() {
    let robot = quadruped();
    let [mut well, mut healed] = [(); 2].map(|()| standing(&robot));
    for heals in [
        Disturbance::EncoderOffset(joint(1), Radians(0.0)),
        Disturbance::EncoderGlitch { joint: joint(1), by: Radians(1.0), readings: 0 },
        Disturbance::JamJoint(joint(2), false),
        Disturbance::WrongSign(joint(3), false),
        Disturbance::TorqueLoss(joint(4), 1.0),
        Disturbance::ImuStuck(false),
        Disturbance::ImuSaturate(false),
        Disturbance::PersonSilent(false),
        Disturbance::Hang(None),
    ] {
        healed.disturb(heals);
    }
    for body in [&mut well, &mut healed] {
        stand(body, &robot, 3000..3500);
    }
    assert_eq!(digest(&well), digest(&healed));
    let frame = sense(&mut well, 3500);
    assert_eq!(frame, sense(&mut healed, 3500));
    assert!(frame.person.is_none() && frame.supply.is_none());
    assert!(frame.joints.iter().all(|reading| reading.temperature == Celsius(0.0)));
}

/// Clauses: A2.
#[test]
fn an_encoder_slips_for_reading_and_drive_and_glitches_for_the_reading_alone() {
    let robot = quadruped_with_perfect_sensors();
    let mut body = standing(&robot);
    let before = body.truth().joints[joint(1)].q;
    body.disturb(Disturbance::EncoderGlitch { joint: joint(1), by: Radians(0.3), readings: 2 });
    let seen: Vec<bool> = (3000..3004)
        .map(|tick| {
            stand(&mut body, &robot, tick..tick + 1);
            let read = sense(&mut body, tick).joints[joint(1)].q;
            let off = read - body.truth().joints[joint(1)].q;
            assert!(off.0.abs() < 1e-5 || (off.0 - 0.3).abs() < 1e-5, "{off:?}");
            off.0 > 0.1
        })
        .collect();
    assert_eq!(seen, [true, true, false, false]);
    let frame = after(&mut body, &robot, Disturbance::EncoderOffset(joint(1), Radians(0.1)), 1000);
    let truth = body.truth().joints[joint(1)].q;
    assert!((frame.joints[joint(1)].q - truth - Radians(0.1)).0.abs() < 1e-5);
    // The drive, too, goes by the encoder: it has moved the joint the other way.
    assert!((truth - before).0 < -0.03, "{truth:?} {before:?}");
}

/// Clauses: M4.
#[test]
fn a_jammed_joint_stands_still_whatever_acts_on_it() {
    let robot = quadruped();
    let mut body = standing(&robot);
    let before = body.truth().joints[joint(1)].q;
    body.disturb(Disturbance::JamJoint(joint(1), true));
    let push = JointCommand { tau: NewtonMetres(20.0), ..JointCommand::LIMP };
    run(&mut body, 3000..3500, |tick, _, _| same_for_all(push, tick));
    let moved = body.truth().joints[joint(1)].q - before;
    let other = body.truth().joints[joint(4)].q - before;
    assert!(moved.0.abs() < 0.1 && other.0.abs() > 0.3, "{moved:?} {other:?}");
    body.disturb(Disturbance::JamJoint(joint(1), false));
    run(&mut body, 3500..4000, |tick, _, _| same_for_all(push, tick));
    assert!((body.truth().joints[joint(1)].q - before).0.abs() > 0.3);
}

/// Clauses: M4.
#[test]
fn a_reversed_motor_hides_it_and_a_weak_drive_does_not() {
    let robot = quadruped_with_perfect_sensors();
    let push = JointCommand { tau: NewtonMetres(2.0), ..JointCommand::LIMP };
    for (what, acting, shown) in [
        (Disturbance::WrongSign(joint(2), true), -2.0, 2.0),
        (Disturbance::TorqueLoss(joint(2), 0.25), 0.5, 0.5),
    ] {
        let mut body = standing(&robot);
        body.disturb(what);
        run(&mut body, 3000..3010, |tick, _, _| same_for_all(push, tick));
        assert_eq!(body.truth().torque[joint(2)], NewtonMetres(acting));
        assert_eq!(sense(&mut body, 3010).joints[joint(2)].tau, NewtonMetres(shown));
    }
}

/// Clauses: N3.
#[test]
fn a_hit_moves_the_limb_and_shows_at_its_output() {
    let robot = quadruped_with_perfect_sensors();
    let mut body = standing(&robot);
    let quiet = sense(&mut body, 3000).joints[joint(2)];
    let hit = Disturbance::Hit { joint: joint(2), torque: NewtonMetres(30.0), duration: 20 * TICK };
    let frame = after(&mut body, &robot, hit, 10);
    assert!((frame.joints[joint(2)].tau - quiet.tau).0 > 15.0, "{:?}", frame.joints[joint(2)]);
    assert!((body.truth().joints[joint(2)].q - quiet.q).0 > 0.01);
    stand(&mut body, &robot, 3011..4000);
    let later = sense(&mut body, 4000).joints[joint(2)];
    assert!((later.tau - quiet.tau).0.abs() < 1.0, "{later:?} {quiet:?}");
}

/// Clauses: M7.
#[test]
fn windings_heat_up_and_the_supply_sags() {
    let robot = quadruped();
    let mut body = standing(&robot);
    body.disturb(Disturbance::Heat { joint: joint(5), from: Celsius(60.0), rate: 20.0 });
    let supply = Disturbance::Supply {
        voltage: Volts(25.0),
        voltage_rate: -2.0,
        charge: 0.2,
        charge_rate: -0.5,
    };
    let frame = after(&mut body, &robot, supply, 1000);
    let temperature = frame.joints[joint(5)].temperature.0;
    assert!((temperature - 80.0).abs() < 1.1, "in whole degrees: {temperature}");
    assert_eq!(frame.joints[joint(4)].temperature, Celsius(0.0));
    let supply = frame.supply.unwrap();
    assert!((supply.voltage.0 - 23.0).abs() < 0.01 && supply.charge == 0.0, "{supply:?}");
    assert_eq!(supply.at, frame.imu.at);
}

/// Clauses: A2.
#[test]
fn an_inertial_unit_repeats_itself_or_hits_its_ends() {
    let robot = quadruped();
    let mut body = standing(&robot);
    let frame = after(&mut body, &robot, Disturbance::ImuStuck(true), 20);
    let next = sense(&mut body, 3021);
    assert!(next.imu.at > frame.imu.at);
    assert_eq!(next.imu.angular_velocity, frame.imu.angular_velocity);
    assert_eq!(next.imu.specific_force, frame.imu.specific_force);
    body.disturb(Disturbance::ImuStuck(false));
    let frame = after(&mut body, &robot, Disturbance::ImuSaturate(true), 30);
    assert!(frame.imu.angular_velocity.iter().all(|w| w.abs() > RadiansPerSecond(30.0)));
    assert!(frame.imu.specific_force.iter().all(|a| a.0.abs() > 150.0));
}

/// Clauses: H1, H4.
#[test]
fn a_person_comes_near_stops_and_may_no_longer_be_seen() {
    let robot = quadruped();
    let mut body = standing(&robot);
    let person = Disturbance::Person {
        distance: Metres(3.0),
        approach: MetresPerSecond(1.0),
        nearest: Metres(2.5),
    };
    let seen = after(&mut body, &robot, person, 300).person.unwrap();
    assert!((seen.distance.0 - 2.7).abs() < 0.01, "{seen:?}");
    assert_eq!(seen.approach, Some(MetresPerSecond(1.0)));
    stand(&mut body, &robot, 3301..4000);
    let seen = sense(&mut body, 4000).person.unwrap();
    assert_eq!((seen.distance, seen.approach), (Metres(2.5), Some(MetresPerSecond(0.0))));
    body.disturb(Disturbance::PersonSilent(true));
    stand(&mut body, &robot, 4001..4100);
    let silent = sense(&mut body, 4100).person.unwrap();
    assert!(silent.at <= at(4001) && silent.distance == seen.distance, "{silent:?}");
}

/// Clauses: M8.
#[test]
fn a_rope_lifts_the_robot_off_its_feet_and_lets_it_down() {
    let robot = quadruped();
    let mut body = standing(&robot);
    let frame = after(&mut body, &robot, Disturbance::Hang(Some(Metres(0.7))), 1500);
    assert!(frame.feet.iter().all(|foot| foot.force.0 < 1.0), "{:?}", frame.feet);
    assert!((0.5..0.75).contains(&body.truth().position[2].0), "{:?}", body.truth().position);
    body.disturb(Disturbance::Hang(Some(Metres(0.3))));
    stand(&mut body, &robot, 4501..6500);
    let weight: f32 = sense(&mut body, 6500).feet.iter().map(|foot| foot.force.0).sum();
    assert!(weight > 60.0 && !body.truth().fallen, "{weight} N");
}

/// Clauses: M8.
#[test]
fn on_ice_the_same_push_slides_the_robot_further() {
    let robot = quadruped();
    let slid = |friction: f32| {
        let mut body = standing(&robot);
        let before = body.truth().position[1];
        body.disturb(Disturbance::Friction(friction));
        let force = [0.0, 40.0, 0.0].map(signals::Newtons);
        body.disturb(Disturbance::Push { force, duration: 300 * TICK });
        stand(&mut body, &robot, 3000..4000);
        (body.truth().position[1] - before).0
    };
    let (dry, ice) = (slid(0.8), slid(0.02));
    assert!(ice > 4.0 * dry.abs() && ice > 0.1, "{dry} {ice}");
}
