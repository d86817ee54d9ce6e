//! Inverse kinematics of arms that nobody here made, a Panda and a UR5e: poses from random seeds,
//! and random commands that would run the arm into itself and into what stands around it.
//!
//! The models live in `$TRIUNE_FIXTURES`, by default `../shared/fixtures` beside the checkout;
//! without them the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

mod arms;

use arms::{panda, ur5e};
use cerebellum::{
    Avoidance, DifferentialSolver, DifferentialStatus, JointRange, PoseSolver, PoseTolerance,
    SolverFault, nearest,
};
use model::{CapsuleShape, Kinematics, Pose, RobotModel};
use nalgebra::{UnitQuaternion, Vector3, Vector6};

const EXACT: PoseTolerance = PoseTolerance { position: 1e-6, angle: 1e-6 };

struct Dice(u64);

impl Dice {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        low + (high - low) * ((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }

    fn vector(&mut self, reach: f64) -> Vector3<f64> {
        Vector3::from_fn(|_, _| self.between(-reach, reach))
    }

    fn posture(&mut self, ranges: &[[f64; 2]]) -> Vec<f64> {
        ranges.iter().map(|[low, high]| self.between(*low, *high)).collect()
    }
}

fn ranges(model: &RobotModel) -> Vec<[f64; 2]> {
    model.joints.iter().map(|joint| joint.range.unwrap()).collect()
}

fn pose(model: &RobotModel, kinematics: &mut Kinematics, frame: usize, q: &[f64]) -> Pose {
    kinematics.update(model, q);
    Pose {
        position: kinematics.point(model, frame),
        rotation: UnitQuaternion::from_matrix(&kinematics.attitude(model, frame)),
    }
}

#[test]
fn poses_that_can_be_reached_are_found_from_random_seeds() {
    const TARGETS: usize = 10_000;
    const SEEDS: usize = 30;
    let Some((panda, ur5e)) = panda().zip(ur5e()) else { return };
    for model in [&panda, &ur5e] {
        let (frame, ranges) = (model.frame("attachment_site").unwrap(), ranges(model));
        let mut kinematics = Kinematics::new(model);
        let mut solver = PoseSolver::new(model, &ranges).unwrap();
        let mut dice = Dice(24);
        let (mut first, mut found, mut steps, mut restarts) = (0, 0, Vec::new(), 0);
        for target in 0..TARGETS {
            let there = dice.posture(&ranges);
            let wanted = pose(model, &mut kinematics, frame, &there);
            let seeds: Vec<_> = (0..SEEDS).map(|_| dice.posture(&ranges)).collect();
            let seeds = seeds.iter().map(Vec::as_slice);
            let answer = solver.solve(frame, &wanted, seeds, EXACT).unwrap();
            first += usize::from(answer.found && answer.restarts == 0);
            found += usize::from(answer.found);
            steps.push(answer.steps);
            restarts += answer.restarts;
            // What it says of itself is so.
            let q = solver.positions();
            let inside = |(q, [low, high]): (&f64, &[f64; 2])| (*low..=*high).contains(q);
            assert!(q.iter().zip(&ranges).all(inside), "target {target}: {q:?}");
            let there = pose(model, &mut kinematics, frame, q);
            let off = (there.position - wanted.position).norm();
            assert!((off - answer.position).abs() < 1e-9, "target {target}: {off}");
            let turned = there.rotation.angle_to(&wanted.rotation);
            assert!((turned - answer.angle).abs() < 2e-7, "target {target}: {turned}");
        }
        steps.sort_unstable();
        let share = |count: usize| 100.0 * count as f64 / TARGETS as f64;
        println!(
            "{}: {:.2} % from the first seed within 20 steps, {:.2} % within {SEEDS} seeds; \
             {:.2} restarts a target; steps in all: median {}, 99 % {}, most {}",
            model.name,
            share(first),
            share(found),
            restarts as f64 / TARGETS as f64,
            steps[TARGETS / 2],
            steps[TARGETS * 99 / 100],
            steps[TARGETS - 1]
        );
        assert!(share(found) > 99.0, "{}: {} %", model.name, share(found));
    }
}

#[test]
fn what_cannot_be_reached_is_approached_and_what_is_no_number_is_refused() {
    let Some(model) = panda() else { return };
    let (frame, ranges) = (model.frame("attachment_site").unwrap(), ranges(&model));
    let mut solver = PoseSolver::new(&model, &ranges).unwrap();
    let seed = [0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.8];
    let far = Pose { position: Vector3::new(3.0, 0.0, 0.5), rotation: UnitQuaternion::identity() };
    let answer = solver.solve(frame, &far, [seed.as_slice()], EXACT).unwrap();
    assert!(!answer.found && answer.position > 1.5, "{answer:?}");
    assert!(solver.positions().iter().all(|q| q.is_finite()));
    let mut lost = far;
    lost.position.x = f64::NAN;
    let refused = solver.solve(frame, &lost, [seed.as_slice()], EXACT);
    assert_eq!(refused, Err(SolverFault::BadNumber));
    let refused = solver.solve(frame, &far, [[f64::NAN; 7].as_slice()], EXACT);
    assert_eq!(refused, Err(SolverFault::BadNumber));
    assert_eq!(solver.solve(frame, &far, [], EXACT), Err(SolverFault::DoesNotFit));
    assert_eq!(solver.solve(999, &far, [seed.as_slice()], EXACT), Err(SolverFault::DoesNotFit));
    let empty = PoseSolver::new(&model, &[[1.0, -1.0]; 7]);
    assert_eq!(empty.err(), Some(SolverFault::BadNumber));
    let counted = allocation_counter::measure(|| {
        let _ = solver.solve(frame, &far, [seed.as_slice(), &[0.1; 7]], EXACT);
    });
    assert_eq!(counted.count_total, 0);
}

/// A search along both lines knows nothing of cases.
#[test]
fn the_nearest_points_of_capsules_are_nearer_than_all_others() {
    let mut dice = Dice(11);
    for trial in 0..3_000 {
        let [mut a, b, mut c, mut d] = [(); 4].map(|()| dice.vector(1.0));
        match trial % 10 {
            0 => a = b,
            1 => (c, d) = (a + dice.vector(0.2), b),
            2 => d = c + (b - a) * 0.7,
            3 => (c, d) = (a, a),
            _ => {}
        }
        let found = nearest(([a, b], 0.05), ([c, d], 0.03));
        let at = |from: Vector3<f64>, to: Vector3<f64>, part: f64| from + (to - from) * part;
        let mut least = f64::INFINITY;
        for i in 0..=60 {
            for k in 0..=60 {
                let (s, t) = (f64::from(i) / 60.0, f64::from(k) / 60.0);
                least = least.min((at(a, b, s) - at(c, d, t)).norm());
            }
        }
        let length = found.distance + 0.08;
        assert!(length <= least + 1e-12, "trial {trial}: {length} {least}");
        assert!(length > least - 0.06, "trial {trial}: {length} {least}");
        assert!(((found.one - found.other).norm() - length).abs() < 1e-12);
        assert!((found.normal.norm() - 1.0).abs() < 1e-9, "trial {trial}: {found:?}");
        let mirrored = nearest(([c, d], 0.03), ([a, b], 0.05));
        assert!((mirrored.distance - found.distance).abs() < 1e-12, "trial {trial}");
    }
}

/// The Panda in capsules, with a post and a table edge beside it; the file has no simple shapes.
fn with_capsules(mut model: RobotModel) -> (RobotModel, Vec<(usize, usize)>) {
    let shape = |link, from: [f64; 3], to: [f64; 3], radius| CapsuleShape {
        link,
        from: from.into(),
        to: to.into(),
        radius,
    };
    model.capsules = vec![
        shape(0, [0.0, 0.0, 0.0], [0.0, 0.0, 0.25], 0.09),
        shape(0, [0.45, 0.35, 0.0], [0.45, 0.35, 1.0], 0.04),
        shape(0, [0.3, -0.6, 0.15], [0.8, -0.3, 0.15], 0.05),
        shape(2, [0.0, 0.0, 0.0], [0.0, -0.25, 0.0], 0.08),
        shape(5, [0.0, 0.0, -0.26], [0.0, 0.05, -0.02], 0.06),
        shape(6, [0.0, 0.0, 0.0], [0.088, 0.0, 0.0], 0.06),
        shape(7, [0.0, 0.0, 0.0], [0.0, 0.0, 0.18], 0.05),
    ];
    let pairs = vec![
        (4, 0),
        (5, 0),
        (6, 0),
        (4, 1),
        (5, 1),
        (6, 1),
        (4, 2),
        (5, 2),
        (6, 2),
        (3, 5),
        (3, 6),
        (3, 1),
    ];
    (model, pairs)
}

const AVOIDANCE: Avoidance = Avoidance { safe: 0.02, seen: 0.3, slope: 5.0, regularisation: 1e-4 };

fn joint_ranges(model: &RobotModel) -> Vec<JointRange> {
    let range = |position| JointRange { position, velocity: 2.0, acceleration: 10.0 };
    ranges(model).into_iter().map(range).collect()
}

#[test]
fn ten_thousand_random_commands_run_into_nothing() {
    let Some(model) = panda() else { return };
    let (model, pairs) = with_capsules(model);
    let (frame, limits) = (model.frame("attachment_site").unwrap(), joint_ranges(&model));
    let mut solver = DifferentialSolver::new(&model, &limits, &pairs, AVOIDANCE).unwrap();
    let mut q = vec![0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.8];
    let (dt, mut dice, mut kinematics) = (0.005, Dice(99), Kinematics::new(&model));
    let (mut least, mut near, mut slowed, mut braked) = (f64::INFINITY, 0, 0, 0);
    for command in 0..10_000 {
        // Now and then far beyond what the arm can do.
        let reach = if command % 10 == 0 { 20.0 } else { 1.0 };
        let (mut linear, angular) = (dice.vector(reach), dice.vector(2.0 * reach));
        if command % 2 == 0 {
            // Straight to something that it must not touch.
            kinematics.update(&model, &q);
            let to = &model.capsules[command / 2 % 3];
            let part = dice.between(0.0, 1.0);
            linear = (to.from + (to.to - to.from) * part - kinematics.point(&model, frame)) * reach;
        }
        let twist = Vector6::new(linear.x, linear.y, linear.z, angular.x, angular.y, angular.z);
        for _ in 0..40 {
            let before = solver.velocities().to_vec();
            let status = solver.update(&q, frame, &twist, dt);
            slowed += i32::from(status == DifferentialStatus::SlowedDown);
            least = least.min(solver.distance());
            near += i32::from(solver.distance() < AVOIDANCE.safe + 0.01);
            for (joint, limit) in limits.iter().enumerate() {
                let v = solver.velocities()[joint];
                assert!(v.abs() <= limit.velocity + 1e-9, "command {command}: {v} rad/s");
                // No chatter: no velocity changes faster than the joint may accelerate.
                let change = (v - before[joint]).abs();
                assert!(change <= limit.acceleration * dt + 1e-9, "command {command}: {change}");
                braked += i32::from(change > 0.99 * limit.acceleration * dt);
                q[joint] += v * dt;
                let [low, high] = limit.position;
                assert!(q[joint] > low - 1e-3 && q[joint] < high + 1e-3, "{joint}: {}", q[joint]);
            }
        }
    }
    println!(
        "least distance {:.2} mm of {} kept; {near} of 400000 ticks within 10 mm of it; {slowed} \
         slowed down; {braked} of 2800000 changes at their limit",
        1e3 * least,
        1e3 * AVOIDANCE.safe
    );
    assert!(least >= AVOIDANCE.safe - 0.001, "{least} m");
    assert!(near > 1_000, "only {near} ticks were near anything");
}

/// Against an obstacle a constant command comes to rest, and stays at rest.
#[test]
fn a_command_into_an_obstacle_ends_at_rest() {
    let Some(model) = panda() else { return };
    let (model, pairs) = with_capsules(model);
    let (frame, limits) = (model.frame("attachment_site").unwrap(), joint_ranges(&model));
    let mut dice = Dice(5);
    for trial in 0..40 {
        let mut solver = DifferentialSolver::new(&model, &limits, &pairs, AVOIDANCE).unwrap();
        let mut q = vec![0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.8];
        let way = dice.vector(1.0).normalize() * 0.3;
        let twist = Vector6::new(way.x, way.y, way.z, 0.0, 0.0, 0.0);
        let (mut last, mut turns) = (0.0, 0);
        for tick in 0..4_000 {
            solver.update(&q, frame, &twist, 0.005);
            q.iter_mut().zip(solver.velocities()).for_each(|(q, v)| *q += 0.005 * v);
            assert!(solver.distance() >= AVOIDANCE.safe - 0.001, "trial {trial}");
            // Once it has come to rest, how often a joint that moves at all turns round.
            let v = solver.velocities()[3];
            if tick > 3_000 && v.abs() > 1e-3 {
                turns += i32::from(v * last < 0.0);
                last = v;
            }
        }
        assert!(turns <= 2, "trial {trial}: {turns} turns, {:?}", solver.velocities());
    }
}

#[test]
fn without_a_way_out_the_arm_slows_down_and_bad_input_is_no_command() {
    let Some(model) = panda() else { return };
    let (model, pairs) = with_capsules(model);
    let (frame, limits) = (model.frame("attachment_site").unwrap(), joint_ranges(&model));
    let mut solver = DifferentialSolver::new(&model, &limits, &pairs, AVOIDANCE).unwrap();
    let q = [0.0, -0.3, 0.0, -2.2, 0.0, 2.0, 0.8];
    let twist = Vector6::new(0.1, 0.1, 0.0, 0.0, 0.0, 0.0);
    (0..20).for_each(|_| {
        assert_eq!(solver.update(&q, frame, &twist, 0.005), DifferentialStatus::Solved)
    });
    let start = solver.velocities().to_vec();
    let mut lost = q;
    lost[2] = f64::NAN;
    assert_eq!(solver.update(&lost, frame, &twist, 0.005), DifferentialStatus::BadInput);
    let part = solver.velocities()[0] / start[0];
    assert!(part < 1.0, "{part}");
    for (now, before) in solver.velocities().iter().zip(&start) {
        assert!((now - part * before).abs() < 1e-12, "all joints alike");
    }
    let wild = twist * f64::INFINITY;
    assert_eq!(solver.update(&q, frame, &wild, 0.005), DifferentialStatus::BadInput);
    assert_eq!(solver.update(&q, 999, &twist, 0.005), DifferentialStatus::BadInput);
    assert_eq!(solver.update(&q[..3], frame, &twist, 0.005), DifferentialStatus::BadInput);
    let before = solver.velocities().to_vec();
    for wrong in [f64::NAN, 0.0, -1.0, 5.0] {
        assert_eq!(solver.update(&q, frame, &twist, wrong), DifferentialStatus::BadInput);
        assert_eq!(solver.velocities(), before);
    }
    // Begun anew in motion, it goes on from there, no faster than it may.
    solver.start(&[0.5; 7]).unwrap();
    assert!(solver.start(&[f64::NAN; 7]).is_err() && solver.start(&[0.0]).is_err());
    solver.update(&q, frame, &Vector6::zeros(), 0.005);
    assert!(solver.velocities().iter().all(|v| (v - 0.5).abs() <= 0.05 + 1e-9));
    assert!(solver.velocities().iter().any(|v| *v < 0.451));
    solver.start(&[0.0; 7]).unwrap();
    // Two joints are far out of their ranges and cannot come back in time: then no more is asked of
    // them than they can do.
    let outside = [3.5, -0.3, 0.0, 1.0, 0.0, 2.0, 0.8];
    for _ in 0..100 {
        solver.update(&outside, frame, &twist, 0.005);
    }
    assert!(solver.velocities()[0] < -0.1 && solver.velocities()[3] < -0.1);
    for wrong in [
        Avoidance { seen: 0.0, ..AVOIDANCE },
        Avoidance { slope: 0.0, ..AVOIDANCE },
        Avoidance { regularisation: f64::NAN, ..AVOIDANCE },
    ] {
        let refused = DifferentialSolver::new(&model, &limits, &pairs, wrong);
        assert_eq!(refused.err(), Some(SolverFault::BadNumber));
    }
    let unknown = DifferentialSolver::new(&model, &limits, &[(0, 99)], AVOIDANCE);
    assert_eq!(unknown.err(), Some(SolverFault::DoesNotFit));
    let counted = allocation_counter::measure(|| {
        for _ in 0..50 {
            solver.update(&q, frame, &twist, 0.005);
        }
    });
    assert_eq!(counted.count_total, 0);
}
