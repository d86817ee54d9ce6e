//! Rigid-body dynamics against Pinocchio: mass, centre of mass, inverse dynamics and mass matrix of
//! third-party robots, for states recorded by a script that nobody here wrote.
//!
//! The fixtures live in `$TRIUNE_FIXTURES` (see [`whole::fixtures`]); without them the test says so
//! and passes, with `CI=true` and the folder present it runs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use model::{BaseMotion, Dynamics, Kinematics, RobotModel};
use nalgebra::{DMatrix, Matrix3, Quaternion, UnitQuaternion, Vector3};
use serde_json::Value;

/// Largest difference, relative to the largest element of the quantity.
const TOLERANCE: f64 = 1e-9;
/// The legged robots in MJCF; arms and URDF come with the complete loader.
const FILES: [&str; 3] = [
    "unitree_go2__go2__mjcf.json",
    "unitree_go1__go1__mjcf.json",
    "mujoco_playground_go1__go1_mjx_feetonly__mjcf.json",
];

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Largest difference of two lists, relative to the largest element of the reference.
fn difference(ours: &[f64], reference: &[f64]) -> f64 {
    assert_eq!(ours.len(), reference.len());
    let scale = reference.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
    ours.iter().zip(reference).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs())) / scale
}

/// The joints of the header, in its order, as places in our model.
fn joint_map(model: &RobotModel, header: &Value) -> Vec<usize> {
    let joints = header["joints"].as_array().unwrap();
    let name = |joint: &Value| joint["name"].as_str().unwrap().to_owned();
    joints.iter().filter_map(|joint| model.joint(&name(joint))).collect()
}

fn compare(model: &RobotModel, reference: &Value) -> [f64; 4] {
    let header = &reference["header"];
    let map = joint_map(model, header);
    assert_eq!(map.len(), model.joint_count(), "every joint of the model is in the reference");
    let (joints, nv) = (model.joint_count(), model.velocity_count());
    let (mut kinematics, mut dynamics) = (Kinematics::new(model), Dynamics::new(model));
    let mass = (model.mass() - header["mass_moving"].as_f64().unwrap()).abs() / model.mass();
    let mut worst = [mass, 0.0_f64, 0.0, 0.0];
    for state in reference["states"].as_array().unwrap() {
        let [q, v, a] = ["q", "v", "a"].map(|key| numbers(&state[key]));
        let ours = |values: &[f64]| {
            let mut sorted = vec![0.0; joints];
            map.iter().zip(values).for_each(|(&to, value)| sorted[to] = *value);
            sorted
        };
        let (qj, vj, aj) = (ours(&q[7..]), ours(&v[6..]), ours(&a[6..]));
        let turn = UnitQuaternion::from_quaternion(Quaternion::new(q[6], q[3], q[4], q[5]));
        let rotation: Matrix3<f64> = turn.to_rotation_matrix().into_inner();
        kinematics.update(model, &qj);
        let com = rotation * kinematics.composite(model).com + Vector3::new(q[0], q[1], q[2]);
        worst[1] = worst[1].max(difference(com.as_slice(), &numbers(&state["com"])));
        let base = BaseMotion {
            rotation,
            linear: Vector3::new(v[0], v[1], v[2]),
            angular: Vector3::new(v[3], v[4], v[5]),
            linear_acceleration: Vector3::new(a[0], a[1], a[2]),
            angular_acceleration: Vector3::new(a[3], a[4], a[5]),
        };
        let mut tau = vec![0.0; joints];
        let wrench = dynamics.rnea(model, &base, [&qj, &vj, &aj], &mut tau);
        let mut forces: Vec<f64> =
            wrench.force.iter().chain(wrench.moment.iter()).copied().collect();
        forces.extend(map.iter().map(|&joint| tau[joint]));
        worst[2] = worst[2].max(difference(&forces, &numbers(&state["tau_rnea"])));
        let mut mass = DMatrix::zeros(nv, nv);
        dynamics.crba(model, &qj, &mut mass);
        let place = |k: usize| if k < 6 { k } else { 6 + map[k - 6] };
        let rows = state["M"].as_array().unwrap();
        let flat: Vec<f64> = rows.iter().flat_map(numbers).collect();
        let ours: Vec<f64> = (0..nv * nv).map(|k| mass[(place(k / nv), place(k % nv))]).collect();
        worst[3] = worst[3].max(difference(&ours, &flat));
    }
    worst
}

#[test]
fn the_legged_robots_agree_with_pinocchio() {
    let Some(folder) = whole::fixtures() else { return };
    for file in FILES {
        let text = std::fs::read_to_string(folder.join("reference").join(file)).unwrap();
        let reference: Value = serde_json::from_str(&text).unwrap();
        let path = reference["header"]["model_file"].as_str().unwrap();
        let xml = std::fs::read_to_string(folder.join(path)).unwrap();
        let model = RobotModel::from_mjcf(&xml).unwrap();
        let worst = compare(&model, &reference);
        let [mass, com, rnea, crba] = worst;
        println!("{file}: mass {mass:.1e}  com {com:.1e}  rnea {rnea:.1e}  crba {crba:.1e}");
        assert!(worst.iter().all(|difference| *difference < TOLERANCE), "{file}: {worst:?}");
    }
}
