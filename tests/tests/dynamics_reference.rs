//! Rigid-body dynamics against Pinocchio: mass, centre of mass, frames, inverse dynamics, mass
//! matrix and forward dynamics of third-party robots, for states recorded by a script that nobody
//! here wrote.
//!
//! Every file of the folder `reference` in `$TRIUNE_FIXTURES` is compared (see
//! [`whole::fixtures`]): a folder with other robots works the same way. Without the folder the test
//! says so and passes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed test says where"
)]

use std::path::Path;

use model::{Base, BaseMotion, Dynamics, FrameKind, Kinematics, MassFactor, RobotModel, Wrench};
use nalgebra::{DMatrix, Matrix3, Quaternion, UnitQuaternion, Vector3};
use serde_json::Value;

/// Largest difference, relative to the largest element of the quantity.
const TOLERANCE: f64 = 1e-9;
const QUANTITIES: [&str; 7] = ["mass", "com", "frames", "rnea", "crba", "aba", "solve"];

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Largest difference of two lists, relative to the largest element of the reference.
fn difference(ours: &[f64], reference: &[f64]) -> f64 {
    assert_eq!(ours.len(), reference.len());
    let scale = reference.iter().fold(f64::MIN_POSITIVE, |most, v| most.max(v.abs()));
    let apart = |(a, b): (&f64, &f64)| {
        let apart = (a - b).abs();
        if apart.is_nan() { f64::INFINITY } else { apart }
    };
    ours.iter().zip(reference).map(apart).fold(0.0, f64::max) / scale
}

/// A joint of the reference: where it stands in its lists, and which of ours it is.
struct Joint {
    q: usize,
    v: usize,
    /// The cosine and the sine of an angle instead of the angle.
    circle: bool,
    ours: usize,
}

struct Reference<'a> {
    header: &'a Value,
    model: &'a RobotModel,
    joints: Vec<Joint>,
}

impl<'a> Reference<'a> {
    fn new(header: &'a Value, model: &'a RobotModel) -> Self {
        let mut joints = Vec::new();
        for joint in header["joints"].as_array().unwrap() {
            let index = |key: &str| usize::try_from(joint[key].as_u64().unwrap()).unwrap();
            let name = joint["name"].as_str().unwrap();
            match (index("nq"), index("nv")) {
                (7, 6) => assert!(model.floating, "{name} floats, our base does not"),
                (nq, 1) => {
                    let ours = model.joint(name).unwrap_or_else(|| panic!("no joint {name}"));
                    let (q, v) = (index("idx_q"), index("idx_v"));
                    joints.push(Joint { q, v, circle: nq == 2, ours });
                }
                other => panic!("{name}: {other:?} coordinates"),
            }
        }
        assert_eq!(
            joints.len(),
            model.joint_count(),
            "every joint of the model is in the reference"
        );
        Self { header, model, joints }
    }

    fn positions(&self, q: &[f64]) -> Vec<f64> {
        let mut ours = vec![0.0; self.joints.len()];
        for joint in &self.joints {
            ours[joint.ours] =
                if joint.circle { q[joint.q + 1].atan2(q[joint.q]) } else { q[joint.q] };
        }
        ours
    }

    fn rates(&self, v: &[f64]) -> Vec<f64> {
        let mut ours = vec![0.0; self.joints.len()];
        self.joints.iter().for_each(|joint| ours[joint.ours] = v[joint.v]);
        ours
    }

    /// Base and joints in the order of the reference.
    fn sorted(&self, base: [&Vector3<f64>; 2], joints: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; self.model.velocity_count()];
        if self.model.floating {
            all[..3].copy_from_slice(base[0].as_slice());
            all[3..6].copy_from_slice(base[1].as_slice());
        }
        self.joints.iter().for_each(|joint| all[joint.v] = joints[joint.ours]);
        all
    }

    /// Which of our degrees of freedom each one of the reference is.
    fn places(&self) -> Vec<usize> {
        let offset = self.model.velocity_count() - self.model.joint_count();
        let mut places: Vec<usize> = (0..self.model.velocity_count()).collect();
        self.joints.iter().for_each(|joint| places[joint.v] = offset + joint.ours);
        places
    }

    /// The frames of the header that stand for something in our model.
    fn frames(&self) -> Vec<(usize, usize)> {
        let frames = self.header["frames"].as_array().unwrap();
        let found: Vec<_> = frames
            .iter()
            .enumerate()
            .filter_map(|(index, frame)| {
                let name = frame["name"].as_str().unwrap();
                let model = self.model;
                let of = |kind| model.frame_of(kind, name);
                let ours = match frame["type"].as_str().unwrap() {
                    "BODY" => of(FrameKind::Body),
                    "JOINT" => of(FrameKind::Joint),
                    // A fixed body of an MJCF file is called so.
                    "FIXED_JOINT" => of(FrameKind::FixedJoint)
                        .or_else(|| model.frame_of(FrameKind::Body, name.strip_suffix("_fixed")?)),
                    _ => of(FrameKind::Site),
                };
                ours.map(|ours| (index, ours))
            })
            .collect();
        // All but the world's frame and that of the free joint.
        assert!(found.len() + 2 >= frames.len(), "{} of {} frames", found.len(), frames.len());
        found
    }

    fn compare(&self, state: &Value) -> [f64; 6] {
        let model = self.model;
        let [q, v, a, push] = ["q", "v", "a", "tau_in"].map(|key| numbers(&state[key]));
        let (qj, vj, aj, tj) =
            (self.positions(&q), self.rates(&v), self.rates(&a), self.rates(&push));
        let three = |from: &[f64], at: usize| Vector3::new(from[at], from[at + 1], from[at + 2]);
        let mut base = BaseMotion::at_rest(Matrix3::identity());
        let (mut place, mut wrench) = (Vector3::zeros(), Wrench::ZERO);
        if model.floating {
            let turn = UnitQuaternion::from_quaternion(Quaternion::new(q[6], q[3], q[4], q[5]));
            base.rotation = turn.to_rotation_matrix().into_inner();
            place = three(&q, 0);
            (base.linear, base.angular) = (three(&v, 0), three(&v, 3));
            (base.linear_acceleration, base.angular_acceleration) = (three(&a, 0), three(&a, 3));
            wrench = Wrench { force: three(&push, 0), moment: three(&push, 3) };
        }
        let (mut kinematics, mut dynamics) = (Kinematics::new(model), Dynamics::new(model));
        kinematics.update(model, &qj);

        let (momentum, _) = dynamics.momentum(model, &base, [&qj, &vj]);
        let com = base.rotation * momentum.com + place;
        let com = difference(com.as_slice(), &numbers(&state["com"]));

        let mut frames = 0.0_f64;
        for (index, ours) in self.frames() {
            let turn = base.rotation * kinematics.attitude(model, ours);
            let at = base.rotation * kinematics.point(model, ours) + place;
            let rows: Vec<f64> = turn.transpose().iter().chain(at.iter()).copied().collect();
            frames = frames.max(difference(&rows, &numbers(&state["frames"][index])));
        }

        let mut tau = vec![0.0; model.joint_count()];
        let felt = dynamics.rnea(model, &base, [&qj, &vj, &aj], &mut tau);
        let forces = self.sorted([&felt.force, &felt.moment], &tau);
        let rnea = difference(&forces, &numbers(&state["tau_rnea"]));

        let nv = model.velocity_count();
        let mut mass = DMatrix::zeros(nv, nv);
        dynamics.crba(model, &qj, &mut mass);
        let places = self.places();
        let flat: Vec<f64> = state["M"].as_array().unwrap().iter().flat_map(numbers).collect();
        let ours: Vec<f64> = (0..nv * nv).map(|k| mass[(places[k / nv], places[k % nv])]).collect();
        let crba = difference(&ours, &flat);

        let expected = numbers(&state["ddq_aba"]);
        let mut acceleration = vec![0.0; model.joint_count()];
        let of_base = dynamics.aba(model, &base, [&qj, &vj, &tj], &wrench, &mut acceleration);
        let ours = self.sorted([&of_base.linear, &of_base.angular], &acceleration);
        let aba = difference(&ours, &expected);

        // The same through the factors of the mass matrix.
        let mut bias = vec![0.0; model.joint_count()];
        let held = dynamics.bias(model, &base, [&qj, &vj], &mut bias);
        let bias = self.sorted([&held.force, &held.moment], &bias);
        let mut x = vec![0.0; nv];
        (0..nv).for_each(|k| x[places[k]] = push[k] - bias[k]);
        let mut factor = MassFactor::new(model);
        assert!(factor.update(&mass), "the mass matrix is positive definite");
        factor.solve(&mut x);
        let ours: Vec<f64> = places.iter().map(|&place| x[place]).collect();
        [com, frames, rnea, crba, aba, difference(&ours, &expected)]
    }
}

fn compare(path: &Path, folder: &Path) -> [f64; 7] {
    let text = std::fs::read_to_string(path).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let header = &reference["header"];
    let file = folder.join(header["model_file"].as_str().unwrap());
    let floating = header["root"].as_str().unwrap().contains("FreeFlyer");
    let base = if floating { Base::Floating } else { Base::Fixed };
    let model = RobotModel::load(&file, base).unwrap_or_else(|error| panic!("{error}"));
    let expected = header["mass_moving"].as_f64().unwrap();
    let mut worst = [0.0; 7];
    worst[0] = (model.moving_mass() - expected).abs() / expected;
    let all = Reference::new(header, &model);
    for state in reference["states"].as_array().unwrap() {
        for (worst, now) in worst.iter_mut().skip(1).zip(all.compare(state)) {
            *worst = worst.max(now);
        }
    }
    worst
}

#[test]
fn every_robot_agrees_with_pinocchio() {
    let Some(folder) = whole::fixtures() else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder.join("reference"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no file in {}/reference", folder.display());
    let mut failed = Vec::new();
    for path in &files {
        let worst = compare(path, &folder);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let each: Vec<String> =
            QUANTITIES.iter().zip(worst).map(|(what, most)| format!("{what} {most:.1e}")).collect();
        println!("{name}: {}", each.join("  "));
        if !worst.iter().all(|difference| *difference < TOLERANCE) {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "above {TOLERANCE:.0e}: {failed:?}");
}
