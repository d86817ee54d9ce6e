//! Both filters of the base's motion in the simulator: the same walk on each, and what each knows
//! of it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

mod walking;

use model::{EstimatorFilter, Robot};
use sim::Yard;

use walking::Walker;

const WALK_FROM: u64 = 4_500;
const MEASURE_FROM: u64 = 7_000;
const END: u64 = 13_000;

/// What a filter got wrong on a walk: root mean square of forward and left velocity, m/s, mean of
/// the height, m, and largest tilt, rad.
fn wrong(filter: EstimatorFilter, wish: [f32; 3]) -> [f64; 4] {
    let mut robot = Robot::load(&whole::root().join("robots/quadruped")).unwrap();
    robot.file.estimator.filter = filter;
    let planner = walking::inline(&robot);
    let at = (&Yard::empty(), 11);
    let mut walker = Walker::new((&robot, &robot), at, planner, walking::patient(&robot));
    let (mut squared, mut height, mut tilt, mut ticks) = ([0.0_f64; 2], 0.0, 0.0_f64, 0.0);
    for number in 0..END {
        let (_, state) = walker.turn(number, (number > WALK_FROM).then_some(wish), false);
        let truth = walker.body.truth();
        assert!(!truth.fallen, "{filter:?} {wish:?} at {:?}", truth.at);
        if number >= MEASURE_FROM {
            assert!(state.valid, "{filter:?} {wish:?} at {:?}", truth.at);
            ticks += 1.0;
            for (axis, squared) in squared.iter_mut().enumerate() {
                *squared += f64::from(state.velocity[axis].0 - truth.velocity[axis].0).powi(2);
            }
            height += f64::from(state.position[2].0 - truth.position[2].0);
            let apart = state.attitude.tilt().0 - truth.attitude.tilt().0;
            tilt = tilt.max(f64::from(apart).abs());
        }
    }
    let [forward, left] = squared.map(|sum| (sum / ticks).sqrt());
    [forward, left, height / ticks, tilt]
}

/// Clauses: M2.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn it_walks_on_either_filter_and_either_knows_how_it_moves() {
    for wish in [[0.6, 0.0, 0.0], [0.0, 0.25, 0.0], [0.3, 0.0, 0.8], [-0.3, 0.0, 0.0]] {
        for filter in [EstimatorFilter::LegOdometry, EstimatorFilter::Invariant] {
            let [forward, left, height, tilt] = wrong(filter, wish);
            println!(
                "{filter:?} {wish:?}: forward {forward:.4}, left {left:.4} m/s rms, height \
                 {height:.4} m, tilt {:.2} deg at most",
                tilt.to_degrees()
            );
            assert!(forward < 0.04 && left < 0.04, "{filter:?} {wish:?}: {forward} {left} m/s");
            assert!(height.abs() < 0.005, "{filter:?} {wish:?}: {height} m");
            assert!(tilt.to_degrees() < 1.0, "{filter:?} {wish:?}: {} deg", tilt.to_degrees());
        }
    }
}
