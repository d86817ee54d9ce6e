//! Arms that nobody here made, moved by the impedances of the cerebellum: a Panda and a UR5e, with
//! torques held over each millisecond and the joints integrated by Runge and Kutta's rule.
//!
//! The models live in `$TRIUNE_FIXTURES`, by default `../shared/fixtures` beside the checkout;
//! without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

mod arms;

use arms::{panda, ur5e};
use cerebellum::{
    CartesianGains, CartesianImpedance, CartesianTarget, ImpedanceStatus, JointImpedance,
    JointMotion, JointSpring, Path, PathEnds, PathLimits, PathSpeed, PathTiming, TorqueLimits,
    TorqueRows,
};
use model::{BaseMotion, Dynamics, Inertia, Kinematics, Pose, RobotModel, Wrench};
use nalgebra::{Matrix3, UnitQuaternion, Vector3};

const TICK: f64 = 0.001;
const PANDA_TORQUE: [f64; 7] = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0];
const PANDA_HOME: [f64; 7] = [0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.8];
const UR_TORQUE: [f64; 6] = [150.0, 150.0, 150.0, 28.0, 28.0, 28.0];
const UR_HOME: [f64; 6] = [-0.3, -1.4, 1.7, -1.9, -1.57, 0.2];

/// The arm as it is, which a controller may know or not.
struct Plant {
    model: RobotModel,
    dynamics: Dynamics,
    kinematics: Kinematics,
    frame: usize,
    q: Vec<f64>,
    dq: Vec<f64>,
    /// Whether the bearings brake as the file says.
    damped: bool,
}

impl Plant {
    fn new(model: &RobotModel, q: &[f64]) -> Self {
        Self {
            dynamics: Dynamics::new(model),
            kinematics: Kinematics::new(model),
            frame: model.frame("attachment_site").unwrap(),
            q: q.to_vec(),
            dq: vec![0.0; q.len()],
            damped: false,
            model: model.clone(),
        }
    }

    fn accelerations(&mut self, q: &[f64], dq: &[f64], torque: &[f64]) -> Vec<f64> {
        let base = BaseMotion::at_rest(Matrix3::identity());
        let brake = |joint: usize| if self.damped { self.model.joints[joint].damping } else { 0.0 };
        let torque: Vec<f64> =
            torque.iter().enumerate().map(|(joint, t)| t - brake(joint) * dq[joint]).collect();
        let mut a = vec![0.0; q.len()];
        self.dynamics.aba(&self.model, &base, [q, dq, &torque], &Wrench::ZERO, &mut a);
        a
    }

    fn step(&mut self, torque: &[f64]) {
        let add = |x: &[f64], d: &[f64], h: f64| -> Vec<f64> {
            x.iter().zip(d).map(|(x, d)| x + h * d).collect()
        };
        let (q, v) = (self.q.clone(), self.dq.clone());
        let a1 = self.accelerations(&q, &v, torque);
        let v2 = add(&v, &a1, 0.5 * TICK);
        let a2 = self.accelerations(&add(&q, &v, 0.5 * TICK), &v2, torque);
        let v3 = add(&v, &a2, 0.5 * TICK);
        let a3 = self.accelerations(&add(&q, &v2, 0.5 * TICK), &v3, torque);
        let v4 = add(&v, &a3, TICK);
        let a4 = self.accelerations(&add(&q, &v3, TICK), &v4, torque);
        for joint in 0..q.len() {
            let mean = |a: f64, b: f64, c: f64, d: f64| (a + 2.0 * b + 2.0 * c + d) / 6.0;
            self.q[joint] += TICK * mean(v[joint], v2[joint], v3[joint], v4[joint]);
            self.dq[joint] += TICK * mean(a1[joint], a2[joint], a3[joint], a4[joint]);
        }
    }

    fn pose(&mut self) -> Pose {
        self.kinematics.update(&self.model, &self.q);
        Pose {
            position: self.kinematics.point(&self.model, self.frame),
            rotation: UnitQuaternion::from_matrix(
                &self.kinematics.attitude(&self.model, self.frame),
            ),
        }
    }

    fn speed(&self) -> f64 {
        self.dq.iter().fold(0.0, |most, v| most.max(v.abs()))
    }
}

fn largest_change(before: &[f64], after: &[f64]) -> f64 {
    before.iter().zip(after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn gains(linear: f64, angular: f64) -> CartesianGains {
    CartesianGains {
        linear: Vector3::repeat(linear),
        angular: Vector3::repeat(angular),
        posture: 5.0,
    }
}

fn cartesian(plant: &Plant, gains: CartesianGains, torque: &[f64]) -> CartesianImpedance {
    let limits = TorqueLimits { torque, rate: 1000.0 };
    CartesianImpedance::new(&plant.model, plant.frame, (gains, &plant.q), limits, 0.02).unwrap()
}

/// How a step went, as parts of it: overshoot, what is left at the end, how far the frame went
/// aside, and the fastest torque, N m a tick.
struct Step {
    overshoot: f64,
    left: f64,
    aside: f64,
    rate: f64,
}

fn step(plant: &mut Plant, control: &mut CartesianImpedance, way: Vector3<f64>) -> Step {
    let start = plant.pose();
    let target = CartesianTarget::at_rest(Pose { position: start.position + way, ..start });
    // The drives hold the arm before.
    control.update([&plant.q, &plant.dq], &CartesianTarget::at_rest(start), TICK);
    let mut result = Step { overshoot: 0.0, left: 0.0, aside: 0.0, rate: 0.0 };
    let (length, direction) = (way.norm(), way.normalize());
    for _ in 0..3_500 {
        let before = control.torques().to_vec();
        control.update([&plant.q, &plant.dq], &target, TICK);
        result.rate = result.rate.max(largest_change(&before, control.torques()));
        plant.step(control.torques());
        let moved = plant.pose().position - start.position;
        let along = moved.dot(&direction);
        result.overshoot = result.overshoot.max(along / length - 1.0);
        result.aside = result.aside.max((moved - direction * along).norm() / length);
        result.left = (along / length - 1.0).abs();
    }
    result
}

#[test]
fn a_step_of_five_centimetres_overshoots_little_and_no_torque_jumps() {
    let Some((panda, ur5e)) = panda().zip(ur5e()) else { return };
    let arms: [(&RobotModel, &[f64], &[f64]); 2] =
        [(&panda, &PANDA_HOME, &PANDA_TORQUE), (&ur5e, &UR_HOME, &UR_TORQUE)];
    for (model, home, torque) in arms {
        let mut worst = [0.0_f64; 4];
        for (stiffness, damped) in [(200.0, false), (200.0, true), (1500.0, false)] {
            for axis in 0..3 {
                for side in [-1.0, 1.0] {
                    let mut plant = Plant::new(model, home);
                    plant.damped = damped;
                    let mut control = cartesian(&plant, gains(stiffness, stiffness / 20.0), torque);
                    let way = Vector3::ith(axis, 0.05 * side);
                    let found = step(&mut plant, &mut control, way);
                    let Step { overshoot, left, aside, rate } = found;
                    let now = [overshoot, left, aside, rate];
                    worst.iter_mut().zip(now).for_each(|(worst, now)| *worst = worst.max(now));
                    assert!(overshoot < 0.05, "{overshoot}");
                    assert!(rate <= 1.0 + 1e-9, "{rate}");
                    assert!(left < 0.01, "{left}");
                }
            }
        }
        println!("{}: overshoot, left, aside, N m/ms at most {worst:.4?}", model.name);
    }
}

/// Stretched out, an arm cannot go on outwards; pulled there and let go, it comes to rest.
#[test]
fn at_a_singular_pose_the_arm_stays_calm() {
    let Some((panda, ur5e)) = panda().zip(ur5e()) else { return };
    let stretched = [0.0, 0.4, 0.0, -0.07, 0.0, 0.5, 0.0];
    let upright = [0.0; 6];
    let wrist = [-0.3, -1.4, 1.7, -1.9, 0.0, 0.2];
    let arms: [(&RobotModel, &[f64], &[f64]); 3] = [
        (&panda, &stretched, &PANDA_TORQUE),
        (&ur5e, &upright, &UR_TORQUE),
        (&ur5e, &wrist, &UR_TORQUE),
    ];
    for (model, pose, torque) in arms {
        for stiffness in [200.0, 1500.0] {
            for way in [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] {
                let way: Vector3<f64> = way.into();
                let mut plant = Plant::new(model, pose);
                let mut control = cartesian(&plant, gains(stiffness, stiffness / 20.0), torque);
                let start = plant.pose();
                let near = CartesianTarget::at_rest(start);
                let turned = UnitQuaternion::from_scaled_axis(0.2 * way) * start.rotation;
                let away = Pose { position: start.position + 0.1 * way, rotation: turned };
                let away = CartesianTarget::at_rest(away);
                control.update([&plant.q, &plant.dq], &near, TICK);
                let mut fastest = 0.0_f64;
                for tick in 0..6_000 {
                    let target = if tick < 1_500 { &away } else { &near };
                    let before = control.torques().to_vec();
                    control.update([&plant.q, &plant.dq], target, TICK);
                    assert!(largest_change(&before, control.torques()) <= 1.0 + 1e-9);
                    plant.step(control.torques());
                    fastest = fastest.max(plant.speed());
                }
                let what = format!("{} {stiffness} N/m {} {} {}", model.name, way.x, way.y, way.z);
                assert!(control.least_mobility() < 0.2, "{what}: {}", control.least_mobility());
                assert!(fastest < 8.0, "{what}: {fastest} rad/s");
                assert!(plant.speed() < 0.05, "{what}: still at {} rad/s", plant.speed());
                let missed = (plant.pose().position - start.position).norm();
                assert!(missed < 0.02, "{what}: {missed} m");
            }
        }
    }
}

/// A load in the hand that the controller knows does not pull the arm down; one that it does not
/// know does, by what the spring gives.
#[test]
fn a_payload_that_is_known_does_not_pull_the_arm_down() {
    let Some(model) = panda() else { return };
    let frame = model.frame("attachment_site").unwrap();
    let load = Inertia {
        mass: 2.0,
        com: Vector3::new(0.02, -0.01, 0.08),
        about_com: Matrix3::from_diagonal_element(0.004),
    };
    let mut loaded = model.clone();
    let at = &model.frames[frame];
    let inertia = &mut loaded.joints[at.link - 1].inertia;
    *inertia = inertia.joined(&load.moved(&at.rotation, &at.position));
    for known in [true, false] {
        let mut plant = Plant::new(&loaded, &PANDA_HOME);
        let start = plant.pose();
        let limits = TorqueLimits { torque: &PANDA_TORQUE, rate: 1000.0 };
        let law = (gains(400.0, 20.0), PANDA_HOME.as_slice());
        let mut control = CartesianImpedance::new(&model, frame, law, limits, 0.02).unwrap();
        if known {
            control.carry(frame, &load).unwrap();
        }
        let target = CartesianTarget::at_rest(start);
        for _ in 0..4_000 {
            control.update([&plant.q, &plant.dq], &target, TICK);
            plant.step(control.torques());
        }
        let sunk = start.position.z - plant.pose().position.z;
        if known {
            assert!(sunk.abs() < 1e-6, "{sunk} m");
        } else {
            // 2 kg on 400 N/m: 49 mm, and the turned hand adds to it.
            assert!((0.03..0.09).contains(&sunk), "{sunk} m");
        }
    }
}

#[test]
fn joint_springs_hold_follow_and_soften_without_a_jump() {
    let Some(model) = panda() else { return };
    let mut plant = Plant::new(&model, &PANDA_HOME);
    let springs = [JointSpring { stiffness: 100.0, damping: 20.0 }; 7];
    let limits = TorqueLimits { torque: &PANDA_TORQUE, rate: 1000.0 };
    let mut control = JointImpedance::new(&model, &springs, limits, 0.05).unwrap();
    let rest = |q: &[f64]| -> Vec<JointMotion> {
        q.iter().map(|q| JointMotion { position: *q, ..JointMotion::default() }).collect()
    };
    // It holds itself against gravity.
    for _ in 0..1_000 {
        assert_eq!(
            control.update([&plant.q, &plant.dq], &rest(&PANDA_HOME), TICK),
            ImpedanceStatus::Followed
        );
        plant.step(control.torques());
    }
    assert!(largest_change(&plant.q, &PANDA_HOME) < 1e-9);
    // A jump of the target and of the springs is none of the torques.
    let wanted = PANDA_HOME.map(|q| q + 0.2);
    let softer = [JointSpring { stiffness: 30.0, damping: 11.0 }; 7];
    for tick in 0..5_000 {
        if tick == 2_000 {
            control.stiffen(&softer).unwrap();
        }
        let before = control.torques().to_vec();
        control.update([&plant.q, &plant.dq], &rest(&wanted), TICK);
        assert!(largest_change(&before, control.torques()) <= 1.0 + 1e-9);
        plant.step(control.torques());
    }
    assert!(largest_change(&plant.q, &wanted) < 1e-3, "{:?}", plant.q);
    // A target that moves is followed exactly: its acceleration is fed forward.
    let mut plant = Plant::new(&model, &PANDA_HOME);
    let mut control = JointImpedance::new(&model, &springs, limits, 0.05).unwrap();
    let mut worst = 0.0_f64;
    for tick in 0..3_000 {
        let (t, w) = (TICK * f64::from(tick), 2.0);
        // Starts with neither velocity nor acceleration.
        let target = PANDA_HOME.map(|q| JointMotion {
            position: q + 0.1 * (w * t - (w * t).sin()),
            velocity: 0.1 * w * (1.0 - (w * t).cos()),
            acceleration: 0.1 * w * w * (w * t).sin(),
        });
        control.update([&plant.q, &plant.dq], &target, TICK);
        let apart = target.iter().zip(&plant.q).map(|(at, q)| (at.position - q).abs());
        worst = apart.fold(worst, f64::max);
        plant.step(control.torques());
    }
    assert!(worst < 2e-3, "{worst} rad off the moving target");
}

#[test]
fn what_is_no_number_is_counted_and_gravity_is_held() {
    let Some(model) = panda() else { return };
    let mut plant = Plant::new(&model, &PANDA_HOME);
    let mut control = cartesian(&plant, gains(200.0, 10.0), &PANDA_TORQUE);
    let start = plant.pose();
    let target = CartesianTarget::at_rest(start);
    let away = Pose { position: start.position + Vector3::new(0.0, 0.0, 0.3), ..start };
    for _ in 0..50 {
        control.update([&plant.q, &plant.dq], &CartesianTarget::at_rest(away), TICK);
        plant.step(control.torques());
    }
    let mut gravity = vec![0.0; 7];
    Dynamics::new(&model).gravity(&model, Matrix3::identity(), &plant.q, &mut gravity);
    let mut lost = plant.q.clone();
    lost[3] = f64::NAN;
    let mut far = target;
    far.pose.position.x = f64::INFINITY;
    for tick in 0..200 {
        let before = control.torques().to_vec();
        let status = match tick % 3 {
            0 => control.update([&lost, &plant.dq], &target, TICK),
            1 => control.update([&plant.q, &plant.dq[..3]], &target, TICK),
            _ => control.update([&plant.q, &plant.dq], &far, TICK),
        };
        assert_eq!(status, ImpedanceStatus::BadState);
        assert!(largest_change(&before, control.torques()) <= 1.0 + 1e-9);
    }
    assert_eq!(control.bad_states(), 200);
    assert!(largest_change(control.torques(), &gravity) < 0.2, "{:?}", control.torques());
    let before = control.torques().to_vec();
    control.update([&plant.q, &plant.dq], &target, f64::NAN);
    assert_eq!(before, control.torques());
    assert!(control.stiffen(gains(f64::NAN, 1.0)).is_err());
    assert!(control.stiffen(gains(-1.0, 1.0)).is_err());
    let springs = [JointSpring { stiffness: 100.0, damping: 20.0 }; 7];
    let limits = TorqueLimits { torque: &PANDA_TORQUE, rate: 1000.0 };
    let mut joints = JointImpedance::new(&model, &springs, limits, 0.05).unwrap();
    let rest = PANDA_HOME.map(|position| JointMotion { position, ..JointMotion::default() });
    let mut nowhere = rest;
    nowhere[2].velocity = f64::NAN;
    // Before the first good state nothing is known of gravity.
    assert_eq!(joints.update([&lost, &plant.dq], &rest, TICK), ImpedanceStatus::BadState);
    assert_eq!(joints.torques(), [0.0; 7]);
    joints.update([&plant.q, &plant.dq], &rest, TICK);
    let before = joints.torques().to_vec();
    let status = joints.update([&plant.q, &plant.dq], &nowhere, TICK);
    assert_eq!((status, joints.bad_states()), (ImpedanceStatus::BadState, 2));
    assert!(largest_change(&before, joints.torques()) <= 1.0 + 1e-9);
    let wrong = [JointSpring { stiffness: f64::NAN, damping: 1.0 }; 7];
    assert!(joints.stiffen(&wrong).is_err() && joints.stiffen(&springs[..2]).is_err());
    let hollow = Inertia { mass: -1.0, com: Vector3::zeros(), about_com: Matrix3::zeros() };
    assert!(control.carry(0, &hollow).is_err() && control.carry(999, &Inertia::ZERO).is_err());
}

#[test]
fn impedances_allocate_nothing_once_built() {
    let Some(model) = panda() else { return };
    let mut plant = Plant::new(&model, &PANDA_HOME);
    let mut control = cartesian(&plant, gains(200.0, 10.0), &PANDA_TORQUE);
    let springs = [JointSpring { stiffness: 100.0, damping: 20.0 }; 7];
    let limits = TorqueLimits { torque: &PANDA_TORQUE, rate: 1000.0 };
    let mut joints = JointImpedance::new(&model, &springs, limits, 0.05).unwrap();
    let target = CartesianTarget::at_rest(plant.pose());
    let rest = plant.q.iter().map(|q| JointMotion { position: *q, ..JointMotion::default() });
    let rest: Vec<_> = rest.collect();
    let load = Inertia { mass: 1.0, ..Inertia::ZERO };
    let counted = allocation_counter::measure(|| {
        for _ in 0..10 {
            control.carry(plant.frame, &load).unwrap();
            control.update([&plant.q, &plant.dq], &target, TICK);
            joints.update([&plant.q, &plant.dq], &rest, TICK);
        }
    });
    assert_eq!(counted.count_total, 0);
}

/// The same law, written by the recording script, on the dynamics of MuJoCo.
#[test]
fn mujoco_moves_the_arms_in_the_same_way() {
    let known: serde_json::Value =
        serde_json::from_str(include_str!("../fixtures/impedance.json")).unwrap();
    let numbers = |value: &serde_json::Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let [way, turn] = ["way_m", "turn_rad"].map(|key| Vector3::from_vec(numbers(&known[key])));
    for run in known["runs"].as_array().unwrap() {
        let panda_s = run["model"].as_str().unwrap().contains("panda");
        let Some(model) = (if panda_s { panda() } else { ur5e() }) else { return };
        let (home, torque) = (numbers(&run["home"]), numbers(&run["torque_max_nm"]));
        let stiffness = run["stiffness_n_m"].as_f64().unwrap();
        let mut plant = Plant::new(&model, &home);
        let mut control = cartesian(&plant, gains(stiffness, stiffness / 20.0), &torque);
        let start = plant.pose();
        let target = CartesianTarget::at_rest(Pose {
            position: start.position + way,
            rotation: UnitQuaternion::from_scaled_axis(turn) * start.rotation,
        });
        let every = usize::try_from(known["every"].as_u64().unwrap()).unwrap();
        let (mut apart, mut pulled) = (0.0_f64, 0.0_f64);
        for (index, sample) in run["samples"].as_array().unwrap().iter().enumerate() {
            for tick in 0..every {
                control.update([&plant.q, &plant.dq], &target, TICK);
                if tick == 0 {
                    apart = apart.max(largest_change(&plant.q, &numbers(&sample["q"])));
                    let torque = numbers(&sample["torque"]);
                    pulled = pulled.max(largest_change(control.torques(), &torque));
                    assert!(apart < 1e-8 && pulled < 1e-6, "{index}: {apart:e} {pulled:e}");
                }
                plant.step(control.torques());
            }
        }
        println!("{} {stiffness} N/m: {apart:.1e} rad, {pulled:.1e} N m apart", model.name);
    }
}

/// Along a path through four postures, with and without the torques that the arm has.
#[test]
fn a_path_within_torque_limits_keeps_them_and_takes_longer() {
    let Some(model) = panda() else { return };
    let steps = [0.0, 0.8, -0.6, 0.9];
    let points: Vec<f64> = steps.iter().flat_map(|way| PANDA_HOME.map(|q| q + way)).collect();
    let path = Path::new(7, &[0.0, 1.0, 2.0, 3.0], &points, PathEnds::Natural).unwrap();
    let limits = [PathLimits { velocity: 2.5, acceleration: 40.0 }; 7];
    let speed = PathSpeed { start: 0.0, end: 0.0, steps: 500 };
    let free = PathTiming::new(path.clone(), &limits, speed, |_, _| ()).unwrap();
    let most = PANDA_TORQUE.map(|torque| 0.5 * torque);
    let mut rows = TorqueRows::new(&model, &most);
    let timing =
        PathTiming::new(path, &limits, speed, |point, all| rows.add(&model, point, all)).unwrap();
    let used = |timing: &PathTiming| {
        let (mut dynamics, base) =
            (Dynamics::new(&model), BaseMotion::at_rest(Matrix3::identity()));
        let (mut motion, mut torque) = ([JointMotion::default(); 7], [0.0; 7]);
        let mut worst = 0.0_f64;
        for [_, _, time] in timing.grid() {
            timing.sample(time, &mut motion);
            let [q, dq, ddq] = [
                motion.map(|at| at.position),
                motion.map(|at| at.velocity),
                motion.map(|at| at.acceleration),
            ];
            dynamics.rnea(&model, &base, [&q, &dq, &ddq], &mut torque);
            let shares = torque.iter().zip(&most).map(|(torque, most)| torque.abs() / most);
            worst = shares.fold(worst, f64::max);
        }
        worst
    };
    println!("{:.3} s with torques, {:.3} s without", timing.duration(), free.duration());
    assert!(timing.duration() > 1.05 * free.duration());
    assert!(used(&free) > 1.2, "{}", used(&free));
    let share = used(&timing);
    assert!(share > 0.99 && share <= 1.0 + 1e-6, "{share}");
}

#[test]
fn torques_stay_within_their_limits_in_any_state() {
    let Some(model) = panda() else { return };
    let plant = Plant::new(&model, &PANDA_HOME);
    let mut control = cartesian(&plant, gains(1e5, 1e5), &PANDA_TORQUE);
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut between = |reach: f64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        reach * ((dice >> 10) as f64 / (1_u64 << 53) as f64 - 1.0)
    };
    let mut bad = 0;
    for trial in 0..5_000 {
        let size = 10.0_f64.powi(trial % 10 - 3);
        let (q, dq) = ([0.0; 7].map(|_: f64| between(4.0)), [0.0; 7].map(|_: f64| between(size)));
        let position = Vector3::from_fn(|_, _| between(size));
        let rotation = UnitQuaternion::from_scaled_axis(Vector3::from_fn(|_, _| between(9.0)));
        let target = CartesianTarget::at_rest(Pose { position, rotation });
        let before = control.torques().to_vec();
        let status = control.update([&q, &dq], &target, TICK);
        bad += u32::from(status == ImpedanceStatus::BadState);
        let within = |(torque, most): (&f64, &f64)| torque.abs() <= *most;
        assert!(control.torques().iter().zip(&PANDA_TORQUE).all(within), "{:?}", control.torques());
        assert!(trial == 0 || largest_change(&before, control.torques()) <= 1.0 + 1e-9);
    }
    assert_eq!(control.bad_states(), bad);
}
