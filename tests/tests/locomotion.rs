//! The motion controller in the simulator: it follows the velocity it was given, knows how it
//! moves, and uses force plans on their tick.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

mod walking;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cerebellum::{Cerebellum, ForcePlanner, InlineForcePlanner, MpcInput, MpcOutput};
use model::Robot;
use signals::{Newtons, Posture};
use sim::{Disturbance, SimTruth, Yard};

use walking::Walker;

/// Ticks from the start of a walk to the moment its mean is taken.
const WALK_FROM: u64 = 4_500;
const MEASURE_FROM: u64 = 7_000;
const END: u64 = 13_000;

fn robot() -> Robot {
    Robot::load(&whole::root().join("robots/quadruped")).unwrap()
}

/// Walks with `wish` and hands every tick's estimate and truth to `see`.
fn walk(
    wish: [f32; 3],
    planner: Box<dyn ForcePlanner>,
    see: impl FnMut(u64, &signals::BodyState, &SimTruth, &Cerebellum),
) {
    walk_as((&robot(), &Yard::empty()), wish, planner, see);
}

/// The same with another body than the controller knows, on another ground.
fn walk_as(
    (real, yard): (&Robot, &Yard),
    wish: [f32; 3],
    planner: Box<dyn ForcePlanner>,
    mut see: impl FnMut(u64, &signals::BodyState, &SimTruth, &Cerebellum),
) {
    let mut walker = Walker::new((&robot(), real), (yard, 11), planner, walking::patient(&robot()));
    for number in 0..END {
        let (_, state) = walker.turn(number, (number > WALK_FROM).then_some(wish), false);
        see(number, &state, &walker.body.truth(), &walker.cerebellum);
    }
}

fn inline() -> Box<dyn ForcePlanner> {
    walking::inline(&robot())
}

/// Clauses: M2.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn it_walks_as_asked_and_knows_how_it_moves() {
    for wish in [[0.6, 0.0, 0.0], [0.0, 0.25, 0.0], [0.3, 0.0, 0.8], [-0.3, 0.0, 0.0]] {
        let (mut sum, mut squared, mut ticks) = ([0.0_f64; 3], [0.0_f64; 3], 0.0);
        let (mut height, mut tilt): (f64, f32) = (0.0, 0.0);
        walk(wish, inline(), |number, state, truth, _| {
            if number < MEASURE_FROM {
                return;
            }
            ticks += 1.0;
            let moving = [truth.velocity[0].0, truth.velocity[1].0, truth.angular_velocity[2].0];
            for axis in 0..3 {
                sum[axis] += f64::from(moving[axis]);
                let error = state.velocity[axis].0 - truth.velocity[axis].0;
                squared[axis] += f64::from(error) * f64::from(error);
            }
            height += f64::from(state.position[2].0 - truth.position[2].0);
            tilt = tilt.max(truth.attitude.tilt().0);
            assert!(!truth.fallen, "{wish:?} at {:?}", truth.at);
        });
        let mean = sum.map(|s| s / ticks);
        let rmse = squared.map(|s| (s / ticks).sqrt());
        println!("{wish:?}: {mean:.3?}, rmse {rmse:.4?}, z bias {:.4} m", height / ticks);
        for axis in 0..3 {
            let asked = f64::from(wish[axis]);
            let off = (mean[axis] - asked).abs();
            assert!(off < 0.04 + 0.1 * asked.abs(), "{wish:?} gave {mean:?}");
        }
        // The acceptance of the leg-odometry filter.
        assert!(rmse[0] < 0.04 && rmse[1] < 0.04, "{rmse:?}");
        assert!((height / ticks).abs() < 0.005, "{} m", height / ticks);
        assert!(tilt.to_degrees() < 2.5, "{} deg", tilt.to_degrees());
    }
}

/// Clauses: M2.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn a_load_that_nobody_told_costs_no_speed() {
    let folder = whole::root().join("robots/quadruped");
    let heavier = |name: &str| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.contains("mass=\"6.92\""));
        Ok(text.replace("mass=\"6.92\"", "mass=\"10.92\""))
    };
    let file = folder.join("robot.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let laden = Robot::parse(&file.display().to_string(), &text, heavier).unwrap();
    let (mut sum, mut height, mut ticks) = (0.0, 0.0, 0.0);
    walk_as((&laden, &Yard::empty()), [0.5, 0.0, 0.0], inline(), |number, _, truth, _| {
        assert!(!truth.fallen, "at {:?}", truth.at);
        if number >= MEASURE_FROM {
            sum += f64::from(truth.velocity[0].0);
            height += f64::from(truth.position[2].0);
            ticks += 1.0;
        }
    });
    println!("4 kg more: {:.3} m/s of 0.5, {:.3} m high", sum / ticks, height / ticks);
    assert!((sum / ticks - 0.5).abs() < 0.025, "{} m/s", sum / ticks);
    assert!(height / ticks > 0.28, "{} m", height / ticks);
}

/// Feet that land too early and too late.
///
/// Clauses: M2.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn it_walks_over_stones_that_it_does_not_see() {
    for seed in [1, 2] {
        let (mut sum, mut ticks) = (0.0, 0.0);
        let yard = Yard::stony(seed);
        walk_as((&robot(), &yard), [0.6, 0.0, 0.0], inline(), |number, _, truth, _| {
            assert!(!truth.fallen, "at {:?}", truth.at);
            assert!(truth.attitude.tilt().0.to_degrees() < 10.0, "at {:?}", truth.at);
            if number >= MEASURE_FROM {
                sum += f64::from(truth.velocity[0].0);
                ticks += 1.0;
            }
        });
        assert!((sum / ticks - 0.6).abs() < 0.06, "{} m/s", sum / ticks);
    }
}

/// Solves at once and remembers when it was asked first.
struct Eager {
    inner: InlineForcePlanner,
    first: Arc<AtomicU64>,
}

impl ForcePlanner for Eager {
    fn submit(&mut self, input: &MpcInput) {
        let _ = self.first.compare_exchange(0, input.tick, Ordering::Relaxed, Ordering::Relaxed);
        self.inner.submit(input);
    }

    fn collect(&mut self) -> Option<MpcOutput> {
        self.inner.collect()
    }
}

/// Clauses: E5.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn a_force_plan_takes_effect_on_its_tick_however_early_it_is_ready() {
    let first = Arc::new(AtomicU64::new(0));
    let inner = InlineForcePlanner::new(Cerebellum::force_settings(&robot()));
    let planner = Box::new(Eager { inner, first: Arc::clone(&first) });
    let mut used_at = None;
    walk([0.3, 0.0, 0.0], planner, |number, _, _, cerebellum| {
        if used_at.is_none() && cerebellum.force_counters().used > 0 {
            used_at = Some(number);
        }
    });
    let file = robot().file;
    let latency = (file.mpc.latency_ms * 1e-3 * file.control.rate_hz).round() as u64;
    assert_eq!(used_at, Some(first.load(Ordering::Relaxed) + latency));
}

/// Nobody asks any more: it comes to a stand and stays there, joints and base, and is not drawn to
/// where it was to be by then.
///
/// Clauses: S3.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn it_stays_where_it_stopped() {
    for last in [6_000_u64, 6_110, 6_230, 6_350] {
        let robot = robot();
        let at = (&Yard::empty(), last);
        let mut walker = Walker::new((&robot, &robot), at, inline(), walking::patient(&robot));
        let (mut stood, mut moved, mut ticks) = (None, 0.0_f32, 0);
        for number in 0..last + 6_000 {
            let asks = (WALK_FROM..last).contains(&number).then_some([0.6, 0.0, 0.3]);
            let (_, state) = walker.turn(number, asks, false);
            let truth = walker.body.truth();
            if number > last && state.posture == Posture::Standing {
                let [x, y, _] = truth.position.map(|p| p.0);
                let [x0, y0] = *stood.get_or_insert([x, y]);
                (moved, ticks) = (moved.max((x - x0).hypot(y - y0)), ticks + 1);
            }
        }
        println!("asked until {last}: moved {moved:.4} m in {ticks} ticks");
        assert!(ticks > 2_000, "it stood for {ticks} ticks only");
        assert!(moved < 0.015, "{moved} m after a walk until {last}");
        assert_eq!(walker.governor.max_level(), signals::Level::Hold, "until {last}");
    }
}

/// From standing to lying, and from walking to lying: down on the skids, still, and on an even
/// keel.
///
/// Clauses: S2.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn it_settles_from_standing_and_from_walking() {
    for stop_at in [4_000_u64, 6_037, 6_111, 6_190, 6_263] {
        settle(stop_at, None);
    }
}

/// A stop is pressed while the walking robot is being shoved, or just after: it steps until it has
/// its balance back, then settles.
///
/// Clauses: O1, S2.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn a_stop_in_a_shove_does_not_fell_it() {
    for push in [[0.0, 60.0, 0.0], [0.0, -60.0, 0.0], [60.0, 0.0, 0.0], [-45.0, -45.0, 0.0]] {
        for late in [20, 60, 110, 170, 230, 290] {
            settle(5_500, Some((5_500 - late, push)));
        }
    }
}

/// Walks, is shoved for 0.2 s with a force in N, world frame, from the tick given with it, is told
/// to stop in tick `stop_at`, and must lie still in the end.
fn settle(stop_at: u64, shove: Option<(u64, [f32; 3])>) {
    let robot = robot();
    let at = (&Yard::empty(), stop_at);
    let mut walker = Walker::new((&robot, &robot), at, inline(), walking::patient(&robot));
    let mut posture = Posture::Limp;
    for number in 0..stop_at + 4_500 {
        if let Some((_, force)) = shove.filter(|(at, _)| *at == number) {
            let duration = Duration::from_millis(200);
            walker.body.disturb(Disturbance::Push { force: force.map(Newtons), duration });
        }
        let wish = (number > WALK_FROM).then_some([0.6, 0.0, 0.4]);
        posture = walker.turn(number, wish, number > stop_at).1.posture;
        let truth = walker.body.truth();
        assert!(!truth.fallen, "stopped at {stop_at}, shoved {shove:?}, fell in tick {number}");
    }
    let Walker { body, governor, .. } = walker;
    assert_eq!(governor.max_level(), signals::Level::Stopped, "{stop_at}, shoved {shove:?}");
    assert_eq!(posture, Posture::Limp);
    let truth = body.truth();
    assert!(truth.attitude.tilt().0 < 0.1 && truth.position[2].0 < 0.16, "{truth:?}");
}
