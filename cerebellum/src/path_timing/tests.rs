use super::*;
use crate::dice::Dice;

const AT_REST: PathSpeed = PathSpeed { start: 0.0, end: 0.0, steps: 400 };

fn none(_: PathPoint<'_>, _: &mut Vec<PathRow>) {}

/// As `fixtures/record_paths.py` draws it.
fn case(index: usize, dice: &mut Dice) -> (Path, Vec<PathLimits>, PathSpeed) {
    let (joints, points) = (2 + index % 6, 2 + index % 7);
    let mut places = vec![0.0];
    for k in 1..points {
        places.push(places[k - 1] + dice.between(0.3, 1.5));
    }
    let rows: Vec<f64> = (0..points * joints).map(|_| dice.between(-2.0, 2.0)).collect();
    let limits = (0..joints).map(|_| PathLimits {
        velocity: dice.between(0.5, 3.0),
        acceleration: dice.between(1.0, 12.0),
    });
    let limits = limits.collect();
    let ends = if index % 2 == 1 { PathEnds::Clamped } else { PathEnds::Natural };
    let moving = PathSpeed { start: 0.02, end: 0.01, ..AT_REST };
    let speed = if index % 5 == 2 { moving } else { AT_REST };
    (Path::new(joints, &places, &rows, ends).unwrap(), limits, speed)
}

/// The worst share of a limit that is used at the grid, at both ends of each step.
fn used(timing: &PathTiming, limits: &[PathLimits]) -> [f64; 2] {
    let grid: Vec<_> = timing.grid().collect();
    let mut worst = [0.0_f64; 2];
    for pair in grid.windows(2) {
        let acceleration =
            0.5 * (pair[1][1].powi(2) - pair[0][1].powi(2)) / (pair[1][0] - pair[0][0]);
        for [s, speed, _] in pair {
            for (joint, limit) in limits.iter().enumerate() {
                let [_, first, second] = timing.path.joint_at(joint, *s);
                let dq = (first * speed).abs() / limit.velocity;
                let ddq =
                    (first * acceleration + second * speed * speed).abs() / limit.acceleration;
                worst = [worst[0].max(dq), worst[1].max(ddq)];
            }
        }
    }
    worst
}

#[test]
fn paths_take_as_long_as_the_official_algorithm_says_and_keep_their_limits() {
    let text = include_str!("../../fixtures/paths.json");
    let known: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut dice = Dice(known["seed"].as_u64().unwrap());
    let durations = known["durations_s"].as_array().unwrap();
    assert!(durations.len() >= 100 && known["steps"] == 400);
    let (mut apart, mut shares) = (0.0_f64, [0.0_f64; 2]);
    for (index, known) in durations.iter().enumerate() {
        let (path, limits, speed) = case(index, &mut dice);
        let timing = PathTiming::new(path, &limits, speed, none).unwrap();
        let known = known[0].as_f64().unwrap();
        let off = (timing.duration() / known - 1.0).abs();
        assert!(off < 0.005, "path {index}: {} s, known {known} s", timing.duration());
        let [dq, ddq] = used(&timing, &limits);
        assert!(dq <= 1.0 + 1e-6 && ddq <= 1.0 + 1e-6, "path {index}: {dq} {ddq}");
        // Time-optimal: everywhere something is at its limit, so the most used is.
        assert!(dq.max(ddq) > 0.999, "path {index}: {dq} {ddq}");
        (apart, shares) = (apart.max(off), [shares[0].max(dq), shares[1].max(ddq)]);
    }
    println!(
        "{} paths: durations within {apart:.1e}; velocity {:.1e}, acceleration {:.1e} above limits",
        durations.len(),
        shares[0] - 1.0,
        shares[1] - 1.0
    );
}

#[test]
fn a_straight_way_takes_the_time_of_the_textbook() {
    // 1 rad at 0.5 rad/s and 2 rad/s^2: 0.25 s up, 1.75 s on, 0.25 s down.
    let path = Path::new(1, &[0.0, 2.0], &[0.0, 1.0], PathEnds::Natural).unwrap();
    let limits = [PathLimits { velocity: 0.5, acceleration: 2.0 }];
    let timing =
        PathTiming::new(path, &limits, PathSpeed { steps: 2000, ..AT_REST }, none).unwrap();
    assert!((timing.duration() - 2.25).abs() < 1e-3, "{}", timing.duration());
    let mut motion = [JointMotion::default()];
    timing.sample(1.0, &mut motion);
    assert!((motion[0].velocity - 0.5).abs() < 1e-9 && motion[0].acceleration.abs() < 1e-9);
    timing.sample(0.1, &mut motion);
    assert!((motion[0].acceleration - 2.0).abs() < 1e-6, "{motion:?}");
    for (time, position) in [(-1.0, 0.0), (f64::NAN, 0.0), (99.0, 1.0)] {
        timing.sample(time, &mut motion);
        let rest = JointMotion { position, ..JointMotion::default() };
        assert_eq!(motion[0], rest, "{time}");
    }
}

/// Velocity is the derivative of position, acceleration that of velocity, and no knot is a corner.
#[test]
fn samples_belong_together_and_are_made_without_memory() {
    let mut dice = Dice(3);
    for index in 0..40 {
        let (path, limits, speed) = case(index, &mut dice);
        let joints = limits.len();
        let timing = PathTiming::new(path, &limits, speed, none).unwrap();
        let (mut one, mut other) =
            (vec![JointMotion::default(); joints], vec![JointMotion::default(); joints]);
        let (h, count) = (1e-6, 500);
        for k in 0..count {
            let time = timing.duration() * (f64::from(k) + 0.5) / f64::from(count);
            let counted = allocation_counter::measure(|| {
                timing.sample(time, &mut one);
                timing.sample(time + h, &mut other);
            });
            assert_eq!(counted.count_total, 0);
            for (a, b) in one.iter().zip(&other) {
                let moved = (b.position - a.position) / h;
                assert!((moved - a.velocity).abs() < 1e-4, "{index}: {moved} {a:?}");
                // At the grid the acceleration jumps, as it must.
                let faster = (b.velocity - a.velocity).abs() / h;
                assert!(faster < a.acceleration.abs().max(b.acceleration.abs()) + 1e-2, "{index}");
            }
        }
    }
}

/// A limit that a caller adds: here that of a joint's acceleration, halved.
#[test]
fn rows_of_the_caller_count_as_much_as_limits() {
    let mut dice = Dice(9);
    for index in 0..20 {
        let (path, limits, speed) = case(index, &mut dice);
        let half: Vec<_> = limits
            .iter()
            .map(|limit| PathLimits { acceleration: 0.5 * limit.acceleration, ..*limit })
            .collect();
        let by_rows = PathTiming::new(path.clone(), &limits, speed, |point, rows| {
            for (joint, limit) in half.iter().enumerate() {
                let (a, b) = (point.first[joint], point.second[joint]);
                rows.push(PathRow { a, b, low: -limit.acceleration, high: limit.acceleration });
            }
        });
        let by_limits = PathTiming::new(path, &half, speed, none);
        match (by_rows, by_limits) {
            (Ok(one), Ok(other)) => {
                let apart = (one.duration() - other.duration()).abs();
                assert!(apart < 1e-9 * one.duration(), "{index}");
            }
            (one, other) => assert_eq!(one.err(), other.err(), "{index}"),
        }
    }
}

#[test]
fn what_cannot_be_timed_is_named() {
    let places = [0.0, 1.0, 2.0];
    let points = [0.0, 0.0, 1.0, -1.0, 2.0, 0.5];
    let path = Path::new(2, &places, &points, PathEnds::Natural).unwrap();
    let limits = [PathLimits { velocity: 1.0, acceleration: 2.0 }; 2];
    let plan =
        |limits: &[PathLimits], speed| PathTiming::new(path.clone(), limits, speed, none).err();
    assert_eq!(plan(&limits, AT_REST), None);
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let wrong = [limits[0], PathLimits { acceleration: wrong, ..limits[1] }];
        assert_eq!(plan(&wrong, AT_REST), Some(PathFault::BadInput));
        let speed = PathSpeed {
            start: if wrong[1].acceleration == 0.0 { -0.1 } else { f64::NAN },
            ..AT_REST
        };
        assert_eq!(plan(&limits, speed), Some(PathFault::BadInput));
    }
    assert_eq!(plan(&limits, PathSpeed { steps: 1, ..AT_REST }), Some(PathFault::BadInput));
    assert_eq!(plan(&limits[..1], AT_REST), Some(PathFault::BadInput));
    let fault = plan(&limits, PathSpeed { end: 50.0, ..AT_REST });
    let Some(PathFault::EndTooFast { most }) = fault else { panic!("{fault:?}") };
    assert_eq!(plan(&limits, PathSpeed { end: 0.5 * most, start: 0.0, ..AT_REST }), None);
    let fault = plan(&limits, PathSpeed { start: 50.0, ..AT_REST });
    let Some(PathFault::StartSpeed { least, most }) = fault else { panic!("{fault:?}") };
    assert_eq!(least, 0.0);
    assert_eq!(plan(&limits, PathSpeed { start: most * (1.0 - 1e-9), ..AT_REST }), None);
    // A force that pushes back harder than the joints can push on.
    let against = |_: PathPoint<'_>, rows: &mut Vec<PathRow>| {
        rows.push(PathRow { a: 0.0, b: 0.0, low: 1.0, high: 2.0 });
    };
    let stopped = PathTiming::new(path.clone(), &limits, AT_REST, against).err();
    assert!(matches!(stopped, Some(PathFault::Infeasible { .. })), "{stopped:?}");
    let backwards = |_: PathPoint<'_>, rows: &mut Vec<PathRow>| {
        rows.push(PathRow { a: 1.0, b: 0.0, low: f64::NEG_INFINITY, high: -0.01 });
    };
    let stuck = PathTiming::new(path.clone(), &limits, AT_REST, backwards).err();
    assert!(matches!(stuck, Some(PathFault::StartSpeed { .. })), "{stuck:?}");
    for (places, points) in [([0.0, 1.0, 1.0], points), ([0.0, 2.0, 1.0], points)] {
        let path = Path::new(2, &places, &points, PathEnds::Natural);
        assert_eq!(path.err(), Some(PathFault::Disordered));
    }
    let path = Path::new(2, &[0.0, 1.0, f64::NAN], &points, PathEnds::Natural);
    assert_eq!(path.err(), Some(PathFault::BadInput));
    // A path that stands still takes no time worth speaking of, and is no reason to panic.
    let still = Path::new(1, &[0.0, 1.0], &[0.3, 0.3], PathEnds::Natural).unwrap();
    let timing = PathTiming::new(still, &limits[..1], AT_REST, none).unwrap();
    assert!(timing.duration() < 0.1, "{}", timing.duration());
}

/// Points that repeat, lie far away or are next to each other, and limits of any size.
#[test]
fn absurd_paths_end_in_a_timing_or_a_fault() {
    let mut dice = Dice(21);
    let (mut timed, mut faults) = (0, 0);
    for trial in 0..3_000 {
        let size = |dice: &mut Dice| 10.0_f64.powf(dice.between(-6.0, 6.0));
        let (joints, count) = (1 + trial % 3, 2 + trial % 5);
        let (near, far) = (size(&mut dice), size(&mut dice));
        let mut places = vec![0.0];
        for k in 1..count {
            let step = if trial % 4 == 0 { size(&mut dice) } else { 1.0 };
            places.push(places[k - 1] + step);
        }
        let mut points: Vec<f64> = (0..count * joints)
            .map(|k| dice.between(-1.0, 1.0) * if k % 2 == 0 { near } else { far })
            .collect();
        if trial % 6 == 0 {
            points.fill(near);
        }
        let limits = (0..joints)
            .map(|_| PathLimits { velocity: size(&mut dice), acceleration: size(&mut dice) });
        let limits: Vec<_> = limits.collect();
        let ends = if trial % 2 == 0 { PathEnds::Natural } else { PathEnds::Clamped };
        let speed = PathSpeed { steps: 60, ..AT_REST };
        let timing = Path::new(joints, &places, &points, ends)
            .and_then(|path| PathTiming::new(path, &limits, speed, none));
        let Ok(timing) = timing else {
            faults += 1;
            continue;
        };
        timed += 1;
        assert!(timing.duration() > 0.0 && timing.duration().is_finite(), "trial {trial}");
        let mut motion = vec![JointMotion::default(); joints];
        for part in 0..=20 {
            timing.sample(timing.duration() * f64::from(part) / 20.0, &mut motion);
            let numbers = |at: &JointMotion| {
                [at.position, at.velocity, at.acceleration].iter().all(|v| v.is_finite())
            };
            assert!(motion.iter().all(numbers), "trial {trial}: {motion:?}");
        }
        let [dq, ddq] = used(&timing, &limits);
        assert!(dq <= 1.0 + 1e-6, "trial {trial}: {dq}");
        // Where numbers of any size meet, rounding is measured by the limit, or by one.
        let least = limits.iter().fold(1.0_f64, |least, limit| least.min(limit.acceleration));
        assert!(ddq <= 1.0 + 1e-6 / least, "trial {trial}: {ddq}");
    }
    println!("{timed} timed, {faults} faults");
    assert!(timed > 2_000, "{timed} {faults}");
}
