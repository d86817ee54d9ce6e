//! Readings: noise, filter, inertial unit, faults and time stamps.

use super::*;
use crate::Disturbance;
use signals::{JointId, Newtons};

fn side_push() -> Disturbance {
    let force = [Newtons(20.0), Newtons(40.0), Newtons(0.0)];
    Disturbance::Push { force, duration: 200 * TICK }
}

#[test]
fn the_inertial_unit_adds_up_to_the_motion() {
    let robot = quadruped_with_perfect_sensors();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, &robot, 0..3000);
    body.disturb(side_push());
    let start = body.truth();
    let mut velocity = start.velocity_world.map(|v| v.0);
    let mut position = start.position.map(|p| p.0);
    let mut fastest = 0.0_f32;
    for tick in 3000..3400 {
        stand(&mut body, &robot, tick..tick + 1);
        let (truth, frame) = (body.truth(), sense(&mut body, tick));
        assert_eq!(frame.imu.angular_velocity, truth.angular_velocity);
        let attitude = truth.attitude;
        let turn = nalgebra::UnitQuaternion::new_normalize(nalgebra::Quaternion::new(
            attitude.w, attitude.x, attitude.y, attitude.z,
        ));
        let force = turn * nalgebra::Vector3::from(frame.imu.specific_force.map(|a| a.0));
        for (axis, gravity) in [0.0, 0.0, 9.81].into_iter().enumerate() {
            velocity[axis] += (force[axis] - gravity) * 1e-3;
            position[axis] += velocity[axis] * 1e-3;
        }
        let error = norm(minus(velocity, truth.velocity_world.map(|v| v.0)));
        assert!(error < 1e-3, "tick {tick}: {error} m/s");
        let error = norm(minus(position, truth.position.map(|p| p.0)));
        assert!(error < 1e-3, "tick {tick}: {error} m");
        fastest = fastest.max(norm(velocity));
    }
    assert!(fastest > 0.05, "nothing moved: {fastest} m/s");
}

#[test]
fn at_rest_it_feels_its_weight_upwards() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, &robot, 0..3000);
    let (mut force, mut spin) = ([0.0; 3], [0.0; 3]);
    for tick in 3000..4000 {
        stand(&mut body, &robot, tick..tick + 1);
        let imu = sense(&mut body, tick).imu;
        for axis in 0..3 {
            force[axis] += imu.specific_force[axis].0 * 1e-3;
            spin[axis] += imu.angular_velocity[axis].0 * 1e-3;
        }
    }
    assert!((norm(force) - 9.81).abs() < 0.02 && force[2] > 9.7, "{force:?}");
    assert!(norm(spin) < 1e-3, "{spin:?}");
}

#[test]
fn foot_forces_are_filtered_impulses() {
    let robot = quadruped_with_perfect_sensors();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    let (mut raw_peak, mut filtered_peak) = (0.0_f32, 0.0_f32);
    let mut expected = [0.0_f32; 4];
    for tick in 0..6000 {
        stand(&mut body, &robot, tick..tick + 1);
        if tick == 1900 {
            // A lift and a drop: the landing is what a raw force would exaggerate.
            let force = [Newtons(0.0), Newtons(0.0), Newtons(250.0)];
            body.disturb(Disturbance::Push { force, duration: 150 * TICK });
        }
        let (frame, truth) = (sense(&mut body, tick), body.truth());
        for (index, (reading, raw)) in frame.feet.iter().zip(truth.foot_force.iter()).enumerate() {
            expected[index] += (raw.0 - expected[index]) / 9.0;
            assert!((reading.force.0 - expected[index]).abs() < 0.01, "tick {tick}");
        }
        raw_peak = truth.foot_force.iter().fold(raw_peak, |peak, f| peak.max(f.0));
        filtered_peak = frame.feet.iter().fold(filtered_peak, |peak, f| peak.max(f.force.0));
    }
    println!("landing: raw {raw_peak:.0} N, filtered {filtered_peak:.0} N");
    assert!(filtered_peak < 0.7 * raw_peak);
    let sum: f32 = expected.iter().sum();
    assert!((sum - 15.1 * 9.81).abs() < 1.5, "{sum} N");
}

#[test]
fn faults_show_in_the_readings_and_nowhere_else() {
    let robot = quadruped();
    let [mut well, mut faulty] =
        [(); 2].map(|()| SimBody::new(&robot, &Yard::from_seed(1), 9).unwrap());
    let [frozen, nonsense] = [2, 7].map(|index| JointId::new(index).unwrap());
    for body in [&mut well, &mut faulty] {
        stand(body, &robot, 0..1000);
    }
    let last = sense(&mut faulty, 1000);
    faulty.disturb(Disturbance::FreezeJoint(frozen));
    faulty.disturb(Disturbance::NanJoint(nonsense, true));
    faulty.disturb(Disturbance::ImuFreeze);
    faulty.disturb(Disturbance::LidarOff(true));
    for body in [&mut well, &mut faulty] {
        stand(body, &robot, 1000..1500);
    }
    let [good, bad] = [sense(&mut well, 1500), sense(&mut faulty, 1500)];
    // One tick of delay: the reading on its way when the fault struck still came through. Joints
    // are sampled at the beginning of a tick, and the way from their board is that delay.
    assert!(bad.joints[frozen].at == at(999) && bad.imu.at == at(1000));
    assert_eq!(last.joints[frozen].at, at(999));
    assert!(bad.joints[nonsense].q.0.is_nan() && bad.joints[nonsense].at == at(1499));
    assert!(!bad.is_finite() && good.is_finite());
    assert_eq!(bad.lidar.map(|scan| scan.at), Some(at(1000)));
    for id in good.joints.ids().filter(|&id| id != frozen && id != nonsense) {
        assert_eq!(good.joints[id], bad.joints[id], "the noise of the others changed");
    }
    assert_eq!((good.feet, digest(&well)), (bad.feet, digest(&faulty)));
    faulty.disturb(Disturbance::ThawJoint(frozen));
    faulty.disturb(Disturbance::NanJoint(nonsense, false));
    faulty.disturb(Disturbance::ImuThaw);
    faulty.disturb(Disturbance::LidarOff(false));
    for body in [&mut well, &mut faulty] {
        stand(body, &robot, 1501..1700);
    }
    assert_eq!(sense(&mut well, 1700), sense(&mut faulty, 1700));
}

#[test]
fn a_push_lasts_as_long_as_it_says() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, &robot, 0..3000);
    let still = body.truth();
    body.disturb(side_push());
    stand(&mut body, &robot, 3000..3200);
    let pushed = body.truth().position[1] - still.position[1];
    stand(&mut body, &robot, 3200..5000);
    let back = body.truth().position[1] - still.position[1];
    assert!(pushed.0 > 0.003 && back.0 < 0.5 * pushed.0, "{pushed:?} {back:?}");
}

#[test]
fn a_robot_shoved_over_has_fallen() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, &robot, 0..3000);
    let force = [Newtons(0.0), Newtons(400.0), Newtons(150.0)];
    body.disturb(Disturbance::Push { force, duration: 400 * TICK });
    stand(&mut body, &robot, 3000..5000);
    let truth = body.truth();
    assert!(truth.fallen, "tilt {:?}", truth.attitude.tilt());
}
