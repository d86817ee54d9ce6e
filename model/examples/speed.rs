//! How long one call of each algorithm takes: `speed floating|fixed FILE` prints a line of JSON.
//!
//! `tests/benches/dynamics.py` runs it beside Pinocchio and MuJoCo and makes the table of
//! `docs/benchmarks.md`. The states are random, the same ones in every run; each algorithm does all
//! of its work in each call, kinematics included.
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use model::{
    Axes, Base, BaseMotion, Dynamics, FrameKind, Kinematics, MassFactor, Pose, RobotModel, Wrench,
};
use nalgebra::{DMatrix, Rotation3, UnitQuaternion, Vector3};

const STATES: usize = 100;
const BATCHES: usize = 400;
const CALLS: usize = 200;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(base), Some(file)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: speed floating|fixed FILE");
        return ExitCode::from(2);
    };
    let base = if base == "floating" { Base::Floating } else { Base::Fixed };
    match RobotModel::load(Path::new(&file), base) {
        Ok(model) => measure(&model),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure(model: &RobotModel) {
    let (n, nv) = (model.joint_count(), model.velocity_count());
    let mut seed = 1_u64;
    let mut part = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / f64::from(1_u32 << 31) * 2.0 - 1.0
    };
    let mut lists =
        || -> Vec<Vec<f64>> { (0..STATES).map(|_| (0..n).map(|_| part()).collect()).collect() };
    let (q, v, a) = (lists(), lists(), lists());
    let rotation = Rotation3::from_euler_angles(0.3, -0.2, 0.7);
    let base = BaseMotion {
        rotation: rotation.into_inner(),
        linear: Vector3::new(0.1, -0.2, 0.3),
        angular: Vector3::new(0.4, -0.5, 0.6),
        linear_acceleration: Vector3::new(0.3, 0.2, -0.1),
        angular_acceleration: Vector3::new(0.7, 0.2, -0.4),
    };
    let place = Pose {
        position: Vector3::new(0.1, 0.2, 0.3),
        rotation: UnitQuaternion::from_rotation_matrix(&rotation),
    };
    let (mut dynamics, mut kinematics) = (Dynamics::new(model), Kinematics::new(model));
    let (mut tau, mut mass) = (vec![0.0; n], DMatrix::zeros(nv, nv));
    let mut jacobian = DMatrix::zeros(6, nv);
    let mut factor = MassFactor::new(model);
    // What the last joint carries, under a name that the peers know too.
    let tip = model.joints.last().map_or(model.base_name.as_str(), |joint| &joint.link);
    let mut line = vec![format!("\"nv\": {nv}, \"tip\": {tip:?}")];
    let mut report = |name: &str, [least, middle]: [f64; 2]| {
        line.push(format!("\"{name}\": [{least:.4}, {middle:.4}]"));
    };
    report(
        "rnea",
        time(|k| {
            black_box(dynamics.rnea(model, &base, [&q[k], &v[k], &a[k]], &mut tau));
        }),
    );
    report("crba", time(|k| dynamics.crba(model, black_box(&q[k]), &mut mass)));
    report(
        "aba",
        time(|k| {
            black_box(dynamics.aba(model, &base, [&q[k], &v[k], &a[k]], &Wrench::ZERO, &mut tau));
        }),
    );
    report(
        "centroidal",
        time(|k| {
            black_box(dynamics.momentum(model, &base, [&q[k], &v[k]]));
        }),
    );
    report("kinematics", time(|k| kinematics.update(model, black_box(&q[k]))));
    let tip = model.frame_of(FrameKind::Body, tip).unwrap_or(0);
    report(
        "jacobian",
        time(|k| {
            kinematics.update(model, black_box(&q[k]));
            kinematics.jacobian(model, tip, Axes::Local, &place, &mut jacobian);
        }),
    );
    dynamics.crba(model, &q[0], &mut mass);
    report(
        "factor",
        time(|_| {
            black_box(factor.update(black_box(&mass)));
        }),
    );
    println!("{{{}}}", line.join(", "));
}

/// Shortest and middle time of a call, us.
fn time(mut call: impl FnMut(usize)) -> [f64; 2] {
    (0..2_000).for_each(|k| call(k % STATES));
    let mut times: Vec<f64> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|k| call(k % STATES));
            start.elapsed().as_secs_f64() * 1e6 / CALLS as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    [times[0], times[BATCHES / 2]]
}
