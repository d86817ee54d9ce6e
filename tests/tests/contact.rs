//! The contact detector in the simulator: what it says of each foot, against what the physics
//! knows. No foot has a sensor here: joints, inertial unit and gait must do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

mod walking;

use cerebellum::{ContactCounters, ContactDetector, ContactInput, FootPhase, Gait};
use model::Robot;
use nalgebra::{Quaternion, UnitQuaternion, Vector3};
use signals::{FEET_MAX, Posture};
use sim::Yard;

use walking::Walker;

const TICK: f64 = 1e-3;
const WALK_FROM: u64 = 4_500;
const MEASURE_FROM: u64 = 6_000;
const END: u64 = 16_000;
/// A foot that has been without load for this many ticks swings; with load after that it lands.
const AIRBORNE: u32 = 10;
/// What a detector may need for a landing, ticks, and which share of a swing it may call a stance.
const LATENCY_MAX: u32 = 10;
const WRONG_MAX: f64 = 0.005;
/// How close the force must come to the true one, N, which both see through the same filter.
const FORCE_ERROR_MAX: f64 = 3.0;
/// The same where the model is wrong by a tenth, N.
const ROUGH_ERROR_MAX: f64 = 6.0;
/// The observer's cut-off, 1/s, and the delay of the readings are taken into account for that.
const CUT_OFF: f64 = 150.0;

fn robot() -> Robot {
    Robot::load(&whole::root().join("robots/quadruped")).unwrap()
}

/// What a detector is told of gait and ground: how far the gait is behind what the feet really do,
/// s, and the height of the ground it expects, m. Told nothing, it has the joints alone.
type Told = Option<(f64, f64)>;

/// A detector, the robot it takes this one for, and how it did.
struct Witness {
    robot: Robot,
    told: Told,
    detector: ContactDetector,
    /// Per foot: ticks without load, and since the landing that is yet to be noticed.
    airborne: [u32; FEET_MAX],
    landed: [Option<u32>; FEET_MAX],
    /// True load as the observer could see it: of one tick ago, filtered, N.
    before: [f64; FEET_MAX],
    visible: [f64; FEET_MAX],
    landings: u32,
    latency_max: u32,
    swing: u32,
    wrong: u32,
    squared: f64,
    ticks: f64,
}

impl Witness {
    fn new(robot: &Robot, told: Told) -> Self {
        Self {
            robot: robot.clone(),
            told,
            detector: ContactDetector::new(robot),
            airborne: [0; FEET_MAX],
            landed: [None; FEET_MAX],
            before: [0.0; FEET_MAX],
            visible: [0.0; FEET_MAX],
            landings: 0,
            latency_max: 0,
            swing: 0,
            wrong: 0,
            squared: 0.0,
            ticks: 0.0,
        }
    }

    fn see(&mut self, seen: &ContactInput<'_>, gait: &Gait, stepping: Option<f64>) {
        let mut seen = *seen;
        if let Some((behind, ground)) = self.told {
            seen.ground = [ground; FEET_MAX];
            for (foot, phase) in seen.phase.iter_mut().enumerate() {
                let of = |time: f64| gait.phase(foot, time - behind);
                *phase = Some(stepping.map_or(FootPhase::Stance(0.5), of));
            }
        }
        self.detector.update(&self.robot, &seen);
    }

    fn judge(&mut self, foot: usize, load: f64) {
        let contact = self.detector.contacts()[foot];
        let stands = contact.probability > 0.5;
        let share = 1.0 - (-CUT_OFF * TICK).exp();
        self.visible[foot] += (self.before[foot] - self.visible[foot]) * share;
        self.before[foot] = load;
        self.squared += (contact.force.z - self.visible[foot]).powi(2);
        self.ticks += 1.0;
        if load > 0.0 {
            if self.airborne[foot] > AIRBORNE {
                assert!(self.landed[foot].is_none(), "foot {foot} landed and nobody knows");
                self.landed[foot] = Some(0);
            }
            self.airborne[foot] = 0;
        } else {
            self.airborne[foot] += 1;
        }
        if let Some(waiting) = self.landed[foot].take() {
            self.latency_max = self.latency_max.max(waiting);
            if stands {
                self.landings += 1;
            } else {
                self.landed[foot] = Some(waiting + 1);
            }
        } else if self.airborne[foot] > AIRBORNE {
            self.swing += 1;
            self.wrong += u32::from(stands);
        }
    }
}

/// Walks with `wish` and lets every witness see every tick.
fn walk(wish: [f32; 3], seed: u64, witnesses: &mut [Witness]) {
    let robot = robot();
    let gait = Gait::new(&robot.file.gait);
    let planner = walking::inline(&robot);
    let at = (&Yard::empty(), seed);
    let mut walker = Walker::new((&robot, &robot), at, planner, walking::patient(&robot));
    let mut stepping: Option<f64> = None;
    for number in 0..END {
        let (frame, state) = walker.turn(number, (number > WALK_FROM).then_some(wish), false);
        // The controller's own clock of the gait.
        let walking = state.posture == Posture::Walking;
        stepping = walking.then(|| stepping.map_or(0.0, |time| time + TICK));
        let list = |of: fn(&signals::JointReading) -> f32| -> Vec<f64> {
            frame.joints.iter().map(|joint| of(joint).into()).collect()
        };
        let (q, dq, tau) = (list(|j| j.q.0), list(|j| j.dq.0), list(|j| j.tau.0));
        let vector = |v: [f32; 3]| Vector3::from(v).cast::<f64>();
        let a = state.attitude;
        let turn = UnitQuaternion::new_normalize(Quaternion::new(a.w, a.x, a.y, a.z).cast::<f64>());
        let seen = ContactInput {
            dt: TICK,
            q: &q,
            dq: &dq,
            tau: &tau,
            rotation: turn.to_rotation_matrix().into_inner(),
            linear: vector(state.velocity.map(|v| v.0)),
            spin: vector(state.angular_velocity.map(|w| w.0)),
            height: state.position[2].0.into(),
            ground: [f64::NAN; FEET_MAX],
            phase: [None; FEET_MAX],
            sensor: [None; FEET_MAX],
        };
        let truth = walker.body.truth();
        for witness in witnesses.iter_mut() {
            witness.see(&seen, &gait, stepping);
            if number >= MEASURE_FROM {
                for (foot, load) in truth.foot_force.iter().enumerate() {
                    witness.judge(foot, load.0.into());
                }
            }
        }
        assert!(!truth.fallen, "{wish:?} at {:?}", truth.at);
    }
}

/// Clauses: M2.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn feet_that_land_are_noticed_and_feet_that_swing_are_left_alone() {
    let robot = robot();
    let mut heavy = robot.clone();
    for joint in &mut heavy.model.joints {
        joint.inertia.mass *= 1.1;
        joint.inertia.about_com *= 1.1;
        (joint.friction, joint.damping) = (0.0, 0.0);
    }
    let told = [
        ("even ground", &robot, Some((0.0, 0.0)), FORCE_ERROR_MAX),
        ("a step up of 3 cm, met early", &robot, Some((0.04, -0.03)), FORCE_ERROR_MAX),
        ("a hole of 3 cm, met late", &robot, Some((-0.04, 0.03)), FORCE_ERROR_MAX),
        ("no word of gait and ground", &robot, None, FORCE_ERROR_MAX),
        ("legs 10 % too heavy, without friction", &heavy, Some((0.0, 0.0)), ROUGH_ERROR_MAX),
        ("the same, and no word", &heavy, None, ROUGH_ERROR_MAX),
    ];
    let wishes = [[0.5, 0.0, 0.0], [0.0, 0.25, 0.0], [0.3, 0.0, 0.8], [-0.3, 0.0, 0.0]];
    for (seed, wish) in (11..).zip(wishes) {
        let mut witnesses = told.map(|(_, robot, told, _)| Witness::new(robot, told));
        walk(wish, seed, &mut witnesses);
        for ((name, _, _, force_max), w) in told.iter().zip(&witnesses) {
            let (wrong, force) =
                (f64::from(w.wrong) / f64::from(w.swing), (w.squared / w.ticks).sqrt());
            println!(
                "{wish:?}, {name}: {} landings, noticed within {} ms, {} of {} swing ticks wrong, \
                 force off by {force:.1} N rms",
                w.landings, w.latency_max, w.wrong, w.swing
            );
            assert!(w.landings > 80 && w.swing > 10_000, "{wish:?}, {name}: it walks");
            assert!(w.latency_max < LATENCY_MAX, "{wish:?}, {name}: {} ms", w.latency_max);
            assert!(wrong < WRONG_MAX, "{wish:?}, {name}: {wrong}");
            assert!(force < *force_max, "{wish:?}, {name}: {force} N");
            assert_eq!(w.detector.counters(), ContactCounters::default());
        }
    }
}
