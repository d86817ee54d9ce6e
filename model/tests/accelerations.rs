//! The acceleration that velocities make, against Pinocchio: a tree with every kind of joint, with
//! a free and with a fixed base. `fixtures/record.py` made the numbers.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use std::path::Path;

use model::{Axes, Base, BaseMotion, FrameKind, Kinematics, Pose, RobotModel};
use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn names(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn every_frame_accelerates_as_in_pinocchio() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let text = std::fs::read_to_string(folder.join("accelerations.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let robots = reference["robots"].as_array().unwrap();
    assert_eq!(robots.len(), 2);
    for robot in robots {
        let floating = robot["floating"].as_bool().unwrap();
        let base = if floating { Base::Floating } else { Base::Fixed };
        let model = RobotModel::load(&folder.join("tree.urdf"), base).unwrap();
        for state in robot["states"].as_array().unwrap() {
            compare(&model, robot, state);
        }
    }
}

fn compare(model: &RobotModel, robot: &Value, state: &Value) {
    let sorted = |key: &str| {
        let mut ours = vec![0.0; model.joint_count()];
        for (name, value) in names(&robot["joints"]).iter().zip(numbers(&state[key])) {
            ours[model.joint(name).unwrap()] = value;
        }
        ours
    };
    let mut place = Pose { position: Vector3::zeros(), rotation: UnitQuaternion::identity() };
    let mut motion = BaseMotion::at_rest(Matrix3::identity());
    if let Some(base) = state.get("base") {
        let [position, xyzw, velocity] =
            ["position", "xyzw", "velocity"].map(|key| numbers(&base[key]));
        place.position = Vector3::from_column_slice(&position);
        let turn = Quaternion::new(xyzw[3], xyzw[0], xyzw[1], xyzw[2]);
        place.rotation = UnitQuaternion::from_quaternion(turn);
        motion.linear = Vector3::from_column_slice(&velocity[..3]);
        motion.angular = Vector3::from_column_slice(&velocity[3..]);
    }
    let mut kinematics = Kinematics::new(model);
    kinematics.update(model, &sorted("q"));
    kinematics.update_velocities(model, &motion, &sorted("v"));
    for (key, axes) in
        [("local", Axes::Local), ("aligned", Axes::LocalWorldAligned), ("world", Axes::World)]
    {
        let all = state["accelerations"][key].as_array().unwrap();
        for (name, expected) in names(&robot["frames"]).iter().zip(all) {
            let frame = model.frame_of(FrameKind::Body, name).unwrap();
            let found = kinematics.bias_acceleration(model, frame, axes, &place);
            for (found, expected) in found.iter().zip(numbers(expected)) {
                assert!((found - expected).abs() < 1e-12, "{name} {key}: {found} {expected}");
            }
        }
    }
}
