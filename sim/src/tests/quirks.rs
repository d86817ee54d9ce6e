//! What the engine does differently from what one expects, and that it is put right.

use super::*;
use crate::world::World;
use crate::{Disturbance, Obstacle, Outline, SimError};
use signals::{Metres, NewtonMetres, Newtons, Radians};

fn limp() -> Joints<NewtonMetres> {
    Joints::filled(NewtonMetres(0.0), 12)
}

fn wall_ahead(x: f32) -> Yard {
    let half = [Metres(0.1), Metres(2.0)];
    let outline = Outline::Rectangle { half, yaw: Radians(0.0) };
    Yard::of(vec![Obstacle { center: [Metres(x), Metres(0.0)], outline }])
}

#[test]
fn no_hidden_damping_is_left() {
    let world = World::new(&quadruped(), &Yard::empty()).unwrap();
    let per_joint = [0.1_f32, 0.1, 0.01];
    for (found, wanted) in world.passive().into_iter().zip(per_joint) {
        assert_eq!(found[..6], [0.0; 6]);
        assert_eq!(found[6..], [wanted; 12]);
    }
    let mut robot = quadruped();
    robot.model_xml = robot.model_xml.replacen("damping=\"0.1\"", "damping=\"0\"", 1);
    let [damping, ..] = World::new(&robot, &Yard::empty()).unwrap().passive();
    assert_eq!(damping, [0.0; 18]);
}

#[test]
fn mass_and_poses_are_right_before_the_first_step() {
    let robot = quadruped();
    let mut world = World::new(&robot, &Yard::empty()).unwrap();
    let mass = |world: &World| (f64::from(world.mass()) - robot.model.mass()).abs();
    assert!(mass(&world) < 1e-4);
    let mut kinematics = model::Kinematics::new(&robot.model);
    kinematics.update(&robot.model, &robot.settled.joints);
    let center = kinematics.composite(&robot.model).com;
    let found = world.center_of_mass();
    for axis in 0..3 {
        let lift = if axis == 2 { robot.settled.base_height } else { 0.0 };
        assert!((f64::from(found[axis]) - center[axis] - lift).abs() < 1e-5, "{found:?}");
    }
    for (state, wanted) in world.joint_states().iter().zip(&robot.settled.joints) {
        assert!((f64::from(state.q.0) - wanted).abs() < 1e-6);
    }
    world.step(&limp(), [0.0; 3]);
    assert!(mass(&world) < 1e-4);
}

#[test]
fn a_start_outside_the_stops_names_the_joint() {
    let mut robot = quadruped();
    robot.settled.joints[4] = 91.67;
    let error = World::new(&robot, &Yard::empty()).err().unwrap();
    assert!(
        matches!(&error, SimError::StartOutsideStops { joint, .. } if joint == "FR_thigh_joint")
    );
    assert!(error.to_string().contains("91.67"), "{error}");
    robot.settled.joints[4] = f64::NAN;
    assert!(World::new(&robot, &Yard::empty()).is_err());
}

#[test]
fn a_base_that_is_not_the_root_is_refused_by_name() {
    let mut robot = quadruped();
    for name in ["FL_hip", "trunk"] {
        robot.file.base_body = name.to_owned();
        let error = World::new(&robot, &Yard::empty()).err().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// Clauses: S2.
#[test]
fn settled_it_lies_on_its_skids_without_torque() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    for tick in 0..3000 {
        sense(&mut body, tick);
    }
    let truth = body.truth();
    assert!((truth.position[2].0 - 0.13).abs() < 0.005, "{:?}", truth.position);
    assert!(norm([truth.position[0].0, truth.position[1].0]) < 0.01, "{:?}", truth.position);
    assert!(truth.attitude.tilt().0.to_degrees() < 2.0 && !truth.fallen);
    assert!(norm(truth.velocity.map(|v| v.0)) < 1e-3);
}

#[test]
fn being_near_is_not_touching() {
    // In the settled posture the feet hover 8 mm above the ground, the head ends at x = 0.285 m.
    let robot = quadruped();
    let mut world = World::new(&robot, &wall_ahead(0.285 + 0.1 + 0.001)).unwrap();
    world.step(&limp(), [0.0; 3]);
    assert!(world.foot_forces().iter().all(|force| force.0 == 0.0), "{:?}", world.foot_forces());
    assert!(!world.in_collision());
}

#[test]
fn running_into_a_wall_is_a_collision() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &wall_ahead(0.45), 1).unwrap();
    stand(&mut body, &robot, 0..3000);
    assert!(!body.truth().in_collision);
    let force = [Newtons(60.0), Newtons(0.0), Newtons(0.0)];
    body.disturb(Disturbance::Push { force, duration: 600 * TICK });
    let mut touched = false;
    for tick in 3000..3600 {
        stand(&mut body, &robot, tick..tick + 1);
        touched |= body.truth().in_collision;
    }
    assert!(touched, "{:?}", body.truth().position);
    assert!(body.truth().position[0].0 < 0.25, "went through the wall");
}

#[test]
fn the_friction_of_the_robot_file_acts() {
    let slid = [0.8, 0.1].map(|friction| {
        let mut robot = quadruped();
        robot.file.sim.ground_friction = friction;
        let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
        stand(&mut body, &robot, 0..3000);
        let before = body.truth().position[1].0;
        let force = [Newtons(0.0), Newtons(40.0), Newtons(0.0)];
        body.disturb(Disturbance::Push { force, duration: 300 * TICK });
        stand(&mut body, &robot, 3000..4000);
        (body.truth().position[1].0 - before).abs()
    });
    assert!(slid[0] < 0.01 && slid[1] > 0.05, "{slid:?}");
}
