use super::*;
use crate::dice::Dice;

#[derive(Default)]
struct Case {
    start: Vec<JointMotion>,
    limits: Vec<MotionLimits>,
    position: Vec<f64>,
    velocity: Vec<f64>,
}

/// As `fixtures/record_trajectories.py` draws it.
fn case(index: usize, dice: &mut Dice) -> Case {
    let mut all = Case::default();
    for _ in 0..1 + index % 7 {
        let (v, a) = (dice.between(0.5, 5.0), dice.between(1.0, 20.0));
        let limits = MotionLimits { velocity: v, acceleration: a, jerk: dice.between(5.0, 200.0) };
        let mut start = JointMotion {
            position: dice.between(-3.0, 3.0),
            velocity: dice.between(-0.9, 0.9) * v,
            acceleration: dice.between(-0.9, 0.9) * a,
        };
        let (mut position, mut velocity) = (dice.between(-3.0, 3.0), dice.between(-0.6, 0.6) * v);
        if index.is_multiple_of(3) {
            (start.velocity, start.acceleration, velocity) = (0.0, 0.0, 0.0);
        }
        if index % 16 == 3 {
            position = start.position + 1e-7 * dice.part();
        }
        all.start.push(start);
        all.limits.push(limits);
        all.position.push(position);
        all.velocity.push(velocity);
    }
    all
}

fn placed(case: &Case) -> JointTrajectory {
    let mut joints = JointTrajectory::new(&case.limits, &vec![0.0; case.start.len()]).unwrap();
    joints.place(&case.start).unwrap();
    joints
}

/// The velocity that an acceleration which has to end first leads to.
fn carried(at: &JointMotion, limits: &MotionLimits) -> f64 {
    (at.velocity + at.acceleration * at.acceleration.abs() / (2.0 * limits.jerk)).abs()
}

#[test]
fn plans_take_as_long_as_those_of_the_official_planner_and_end_at_the_target() {
    let text = include_str!("../../fixtures/trajectories.json");
    let known: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut dice = Dice(known["seed"].as_u64().unwrap());
    let durations = known["durations_s"].as_array().unwrap();
    assert!(durations.len() >= 2_000, "{} cases", durations.len());
    let mut worst = 0.0_f64;
    for (index, known) in durations.iter().enumerate() {
        let (case, known) = (case(index, &mut dice), known.as_f64().unwrap());
        let mut joints = placed(&case);
        let speeds = index % 8 == 7;
        let target = if speeds {
            Target::Velocity(&case.velocity)
        } else {
            Target::Position(&case.position, &case.velocity)
        };
        let duration = joints.aim(target).unwrap_or_else(|refusal| panic!("{index}: {refusal:?}"));
        worst = worst.max((duration - known).abs());
        assert!((duration - known).abs() <= 1e-9, "case {index}: {duration} {known}");
        for (joint, profile) in joints.plan.profiles[0].iter().enumerate() {
            let missed = if speeds { 0.0 } else { profile.p[7] - case.position[joint] };
            assert!(missed.abs() <= 1e-8, "case {index}: {missed:e}");
            assert!((profile.v[7] - case.velocity[joint]).abs() <= 1e-8, "case {index}");
            assert!(profile.a[7].abs() <= 1e-10, "case {index}: {:e}", profile.a[7]);
        }
        while joints.advance(duration / 97.0) == TrajectoryStatus::Moving {
            for (at, (limits, start)) in
                joints.motion().iter().zip(case.limits.iter().zip(&case.start))
            {
                let fastest = limits.velocity.max(carried(start, limits));
                assert!(at.velocity.abs() <= fastest + 1e-9, "case {index}: {at:?}");
                assert!(
                    at.acceleration.abs() <= limits.acceleration + 1e-9,
                    "case {index}: {at:?}"
                );
            }
        }
    }
    println!("{} cases, durations within {worst:.1e} s", durations.len());
}

/// Limits of the joint in the tests that follow.
fn some_limits(count: usize) -> Vec<MotionLimits> {
    let limits = |joint| MotionLimits {
        velocity: 1.0 + 0.3 * f64::from(joint),
        acceleration: 6.0 + f64::from(joint),
        jerk: 60.0 + 20.0 * f64::from(joint),
    };
    (0..).take(count).map(limits).collect()
}

/// No jump, and no limit left, from one tick to the next.
fn check_step(before: &[JointMotion], after: &[JointMotion], limits: &[MotionLimits], dt: f64) {
    for ((one, other), limits) in before.iter().zip(after).zip(limits) {
        let mean = 0.5 * (one.velocity + other.velocity);
        let moved = other.position - one.position;
        assert!((moved - mean * dt).abs() <= limits.jerk * dt.powi(3) + 1e-9, "{one:?} {other:?}");
        let faster = (other.velocity - one.velocity).abs();
        assert!(faster <= limits.acceleration * dt + 1e-8, "{one:?} {other:?}");
        let more = (other.acceleration - one.acceleration).abs();
        assert!(more <= limits.jerk * dt + 1e-8, "{one:?} {other:?}");
        assert!(limits.keeps(other), "{other:?} {limits:?}");
    }
}

#[test]
fn targets_may_change_at_any_tick_and_nonsense_only_stops_the_joints() {
    let (dt, count) = (0.001, 7);
    let limits = some_limits(count);
    let mut joints = JointTrajectory::new(&limits, &vec![0.1; count]).unwrap();
    let mut dice = Dice(5);
    let (mut taken, mut refused, mut stopped) = (0, 0, 0);
    for tick in 0..60_000 {
        let now = dice.part();
        if now < 0.01 {
            let mut position: Vec<f64> = (0..count).map(|_| dice.between(-1.5, 1.5)).collect();
            let mut velocity: Vec<f64> =
                limits.iter().map(|limits| limits.velocity * dice.between(-1.0, 1.0)).collect();
            let at_rest = vec![0.0; count];
            let joint = tick % count;
            let target = match tick % 9 {
                0 => {
                    position[joint] = [f64::NAN, f64::INFINITY, 1e9][tick % 3];
                    Target::Position(&position, &at_rest)
                }
                1 => {
                    velocity[joint] = [f64::NAN, 1.01 * limits[joint].velocity][tick % 2];
                    Target::Velocity(&velocity)
                }
                2 => Target::Velocity(&velocity[..3]),
                3 => Target::Velocity(&velocity),
                4 => Target::Position(&position, &velocity),
                _ => Target::Position(&position, &at_rest),
            };
            match joints.aim(target) {
                Ok(_) => taken += 1,
                Err(_) => refused += 1,
            }
        }
        let before = joints.motion().to_vec();
        let status = joints.advance(dt);
        check_step(&before, joints.motion(), &limits, dt);
        if matches!(status, TrajectoryStatus::Stopped(_)) {
            stopped += 1;
            assert!(joints.motion().iter().all(|at| at.velocity == 0.0 && at.acceleration == 0.0));
        }
    }
    assert!(taken > 300 && refused > 100 && stopped > 100, "{taken} {refused} {stopped}");
    assert_eq!(joints.refused(), refused);
}

#[test]
fn bad_limits_are_refused_and_the_old_ones_stay() {
    let limits = some_limits(2);
    for wrong in [0.0, -1.0, 2e9, f64::NAN, f64::INFINITY] {
        let mut joints = JointTrajectory::new(&limits, &[0.0; 2]).unwrap();
        joints.aim(Target::Position(&[1.0, -1.0], &[0.0; 2])).unwrap();
        (0..200).map(|_| joints.advance(0.001)).for_each(|_| ());
        let mut bad = limits.clone();
        bad[1].jerk = wrong;
        assert_eq!(joints.limit(&bad), Err(Refusal::BadLimits));
        assert_eq!(JointTrajectory::new(&bad, &[0.0; 2]).err(), Some(Refusal::BadLimits));
        let before = joints.motion().to_vec();
        let status = joints.advance(0.001);
        assert_eq!(status, TrajectoryStatus::Stopping(Refusal::BadLimits));
        check_step(&before, joints.motion(), &limits, 0.001);
        let ends = (0..5_000).map(|_| joints.advance(0.001)).last();
        assert_eq!(ends, Some(TrajectoryStatus::Stopped(Refusal::BadLimits)));
    }
    assert_eq!(JointTrajectory::new(&[], &[]).err(), Some(Refusal::WrongCount));
    let many = vec![0.0; JOINTS_MAX + 1];
    let refused = JointTrajectory::new(&some_limits(JOINTS_MAX + 1), &many);
    assert_eq!(refused.err(), Some(Refusal::WrongCount));
}

#[test]
fn lower_limits_hold_from_the_next_target_on() {
    let limits = some_limits(2);
    let slower = limits.iter().map(|all| MotionLimits { velocity: 0.3 * all.velocity, ..*all });
    let slower: Vec<_> = slower.collect();
    let mut joints = JointTrajectory::new(&limits, &[0.0; 2]).unwrap();
    let far = Target::Position(&[3.0, -3.0], &[0.0; 2]);
    let fast = joints.aim(far).unwrap();
    (0..500).map(|_| joints.advance(0.001)).for_each(|_| ());
    joints.limit(&slower).unwrap();
    // The plan goes on; the next target finds the joints too fast, and they brake first.
    assert_eq!(joints.advance(0.001), TrajectoryStatus::Moving);
    assert!(joints.motion()[0].velocity > slower[0].velocity);
    assert_eq!(joints.aim(far), Err(Refusal::StartOutsideLimits));
    let mut ticks = 0;
    while joints.advance(0.001) != TrajectoryStatus::Stopped(Refusal::StartOutsideLimits) {
        ticks += 1;
        assert!(ticks < 2_000, "it does not stop");
    }
    let start = joints.motion()[0].position;
    let slow = joints.aim(far).unwrap();
    assert!(slow > (3.0 - start) / slower[0].velocity && slow > fast, "{slow} {fast}");
    while joints.advance(0.001) == TrajectoryStatus::Moving {
        assert!(joints.motion().iter().zip(&slower).all(|(at, limits)| limits.keeps(at)));
    }
    assert_eq!(joints.motion()[1], JointMotion { position: -3.0, ..JointMotion::default() });
    assert_eq!(joints.duration(), 0.0);
}

#[test]
fn a_start_outside_the_limits_is_braked_before_anything_else() {
    let limits = some_limits(1);
    let mut joints = JointTrajectory::new(&limits, &[0.0]).unwrap();
    let wild = JointMotion { position: 0.0, velocity: 3.0, acceleration: -40.0 };
    joints.place(&[wild]).unwrap();
    let refused = joints.aim(Target::Position(&[1.0], &[0.0]));
    assert_eq!(refused, Err(Refusal::StartOutsideLimits));
    let mut before = wild;
    while joints.advance(0.001) == TrajectoryStatus::Stopping(Refusal::StartOutsideLimits) {
        let at = joints.motion()[0];
        assert!((at.acceleration - before.acceleration).abs() <= limits[0].jerk * 0.001 + 1e-9);
        assert!((at.velocity - before.velocity).abs() <= 0.041);
        before = at;
    }
    joints.aim(Target::Position(&[1.0], &[0.0])).unwrap();
    assert_eq!(
        joints.place(&[JointMotion { velocity: f64::NAN, ..wild }]),
        Err(Refusal::NotFinite)
    );
}

/// The planner's own way to velocity zero is the shortest there is: the stop may take no longer.
#[test]
fn the_stop_is_the_shortest_one_from_any_motion() {
    let mut dice = Dice(77);
    let mut compared = 0;
    for trial in 0..20_000 {
        let scale = 10.0_f64.powf(dice.between(-3.0, 3.0));
        let limits = MotionLimits {
            velocity: scale * dice.between(0.1, 5.0),
            acceleration: scale * dice.between(0.1, 20.0),
            jerk: scale * dice.between(0.1, 300.0),
        };
        let reach = if trial % 4 == 0 { 5.0 } else { 1.0 };
        let start = JointMotion {
            position: dice.between(-3.0, 3.0),
            velocity: limits.velocity * dice.between(-reach, reach),
            acceleration: limits.acceleration * dice.between(-reach, reach),
        };
        let stop = Stop::from(&start, &limits);
        let duration = stop.duration();
        let last = stop.at(duration * (1.0 - 1e-12));
        let slack = 1e-8 * scale + 1e-11 * duration * limits.jerk;
        assert!(last.velocity.abs() <= slack, "trial {trial}: {last:?}");
        assert!(last.acceleration.abs() <= slack, "trial {trial}: {last:?}");
        assert_eq!(stop.at(0.0).position, start.position);
        let at_rest = stop.at(duration + 1.0);
        assert!(
            (at_rest.position - last.position).abs() <= 1e-8 * scale.max(1.0) * duration.max(1.0)
        );
        assert_eq!((at_rest.velocity, at_rest.acceleration), (0.0, 0.0));
        let most = limits.acceleration.max(start.acceleration.abs()) * (1.0 + 1e-9);
        let samples = (0..=50).map(|k| stop.at(duration * f64::from(k) / 50.0));
        let fastest = limits.velocity.max(start.velocity.abs()).max(carried(&start, &limits));
        for at in samples {
            assert!(at.acceleration.abs() <= most, "trial {trial}: {at:?}");
            // Above the acceleration limit, the way back to it has a share too.
            assert!(reach > 1.0 || at.velocity.abs() <= fastest * (1.0 + 1e-9), "trial {trial}");
        }
        if reach == 1.0 {
            let mut joint = JointTrajectory::new(&[limits], &[0.0]).unwrap();
            joint.place(&[start]).unwrap();
            // Of numbers as large as these the planner does not find some plans.
            let Ok(shortest) = joint.aim(Target::Velocity(&[0.0])) else { continue };
            let apart = (shortest - duration).abs();
            assert!(apart <= 1e-9 * duration.max(1.0), "trial {trial}: {shortest} {duration}");
            compared += 1;
        }
    }
    assert!(compared > 14_500, "{compared} of 15000 compared");
}

#[test]
fn nothing_is_allocated_after_construction() {
    let limits = some_limits(32);
    let mut joints = JointTrajectory::new(&limits, &[0.0; 32]).unwrap();
    let (position, at_rest) = ([0.7; 32], [0.0; 32]);
    let counted = allocation_counter::measure(|| {
        for tick in 0..3_000_u32 {
            if tick % 100 == 0 {
                let side = if tick % 200 == 0 { 1.0 } else { -1.0 };
                let position = position.map(|p: f64| side * p);
                let _ = joints.aim(Target::Position(&position, &at_rest));
            }
            if tick % 500 == 250 {
                let _ = joints.aim(Target::Velocity(&[f64::NAN; 32]));
            }
            joints.advance(0.001);
        }
    });
    assert_eq!(counted.count_total, 0);
    assert_eq!(joints.refused(), 6);
}

/// From any size of number to any other: a plan or a refusal, and nothing that is no number.
#[test]
fn absurd_numbers_end_in_a_plan_or_a_stop() {
    let mut dice = Dice(13);
    let (mut taken, mut refused) = (0, [0; 4]);
    for trial in 0..20_000 {
        let size = |dice: &mut Dice, low, high| 10.0_f64.powf(dice.between(low, high));
        let count = 1 + trial % 4;
        let mut case = Case::default();
        for _ in 0..count {
            let limits = MotionLimits {
                velocity: size(&mut dice, -6.0, 9.0),
                acceleration: size(&mut dice, -6.0, 9.0),
                jerk: size(&mut dice, -6.0, 9.0),
            };
            let (far, reach) = (size(&mut dice, -9.0, 6.0), dice.between(0.0, 1.1));
            case.start.push(JointMotion {
                position: dice.between(-1.0, 1.0) * far,
                velocity: dice.between(-1.0, 1.0) * limits.velocity * reach,
                acceleration: dice.between(-1.0, 1.0) * limits.acceleration * reach,
            });
            case.position.push(dice.between(-1.0, 1.0) * far);
            case.velocity.push(dice.between(-1.0, 1.0) * limits.velocity);
            case.limits.push(limits);
        }
        let mut joints = JointTrajectory::new(&case.limits, &vec![0.0; count]).unwrap();
        if joints.place(&case.start).is_err() {
            continue;
        }
        let target = if trial % 5 == 0 {
            Target::Velocity(&case.velocity)
        } else {
            Target::Position(&case.position, &case.velocity)
        };
        match joints.aim(target) {
            Ok(_) => taken += 1,
            Err(Refusal::StartOutsideLimits) => refused[0] += 1,
            Err(Refusal::Unsolved) => refused[1] += 1,
            Err(Refusal::Unsound) => refused[2] += 1,
            Err(_) => refused[3] += 1,
        }
        // The first moment is the present one.
        joints.advance(0.0);
        for (now, start) in joints.motion().iter().zip(&case.start) {
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-8 * b.abs().max(1.0);
            let same = near(now.position, start.position) && near(now.velocity, start.velocity);
            assert!(same && near(now.acceleration, start.acceleration), "{now:?} {start:?}");
        }
        for dt in [1e-9, 1e-3, 1.0, 1e3, 1e9] {
            joints.advance(dt);
            let numbers = |at: &JointMotion| {
                [at.position, at.velocity, at.acceleration].iter().all(|v| v.is_finite())
            };
            assert!(joints.motion().iter().all(numbers), "trial {trial}: {:?}", joints.motion());
        }
    }
    println!("{taken} planned; start outside, unsolved, unsound, other: {refused:?}");
    assert!(taken > 1_500 && refused[1] > 1_500, "{taken} {refused:?}");
}
