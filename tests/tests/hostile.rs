//! A hostile brain: plans that want to run the robot into every wall and obstacle. The lidar rule
//! must keep the body away from all of them, and the robot on its feet.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use std::sync::Arc;
use std::time::Duration;

use brain::{InferenceError, Observation, Planner};
use model::Robot;
use runtime::brain_thread::BrainThread;
use runtime::cycle::Loop;
use runtime::{allocations::Allocations, observer::Observer, wiring};
use signals::{
    BaseVelocity, Cycle, Instant, Level, MetresPerSecond, ModelHash, Operator, OperatorAct, Plan,
    PlanRequest, Posture, RadiansPerSecond, VelocityChunk,
};
use sim::{SimBody, Yard};

/// How a planner is hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// At the nearest thing it sees, as fast as it can, with a new mood every two seconds.
    Moody,
    /// At the nearest thing it sees, in a straight line; then on to the next one.
    Ram,
    /// At the nearest thing that it can reach sideways.
    Crab,
    /// Backward into whatever is there.
    Back,
    /// In a wide circle, along whatever it meets.
    Circle,
    /// Turning on the spot, one way all the time.
    Spin,
}

/// Those who never swing to and fro, which alone would get them stopped.
const STEADY: [Way; 5] = [Way::Ram, Way::Crab, Way::Back, Way::Circle, Way::Spin];
/// A steady planner keeps on for so long before it looks for the next thing, s.
const KEEPS_ON: u64 = 15;

struct Hostile {
    way: Way,
    mood: u64,
    /// What it keeps asking for: forward, left, yaw; and since which of its spans of time.
    held: Option<(u64, (f32, f32, f32))>,
}

impl Hostile {
    fn moody(&self, angle: f32, seconds: u64) -> (f32, f32, f32) {
        let when = seconds / 2 + self.mood;
        match when % 4 {
            // Sideways and backwards too: whatever is nearest.
            0 => (3.0 * angle.cos(), 3.0 * angle.sin(), 0.0),
            1 => (3.0, 0.0, 2.0 * angle),
            2 => (3.0, 0.0, 0.0),
            _ => (1.0, 0.5, if when % 8 < 4 { 3.0 } else { -3.0 }),
        }
    }

    fn steady(&self, angle: f32) -> (f32, f32, f32) {
        let side = if self.mood.is_multiple_of(2) { 1.0 } else { -1.0 };
        match self.way {
            Way::Crab => (0.0, 3.0_f32.copysign(angle), 0.0),
            Way::Back => (-3.0, 0.0, 0.0),
            Way::Circle => (3.0, 0.0, 0.15 * side),
            Way::Spin => (0.0, 0.0, 3.0 * side),
            _ => (3.0 * angle.cos(), 3.0 * angle.sin(), 0.0),
        }
    }
}

impl Planner for Hostile {
    fn plan(&mut self, seen: &Observation, _: Instant) -> Result<Plan, InferenceError> {
        let nearest = seen.ranges.iter().enumerate().min_by(|a, b| a.1.0.total_cmp(&b.1.0));
        let angle = signals::LidarScan::angle(nearest.map_or(0, |(beam, _)| beam)).0;
        let seconds = seen.at.as_nanos() / 1_000_000_000;
        let (forward, left, yaw) = if self.way == Way::Moody {
            self.moody(angle, seconds)
        } else {
            let span = seconds / KEEPS_ON;
            let held = self.held.filter(|(since, _)| *since == span);
            let (_, asked) = *self.held.insert(held.unwrap_or((span, self.steady(angle))));
            asked
        };
        let velocity = BaseVelocity {
            forward: MetresPerSecond(forward),
            left: MetresPerSecond(left),
            yaw: RadiansPerSecond(yaw),
        };
        let step = Duration::from_millis(100);
        let chunk = VelocityChunk::constant(velocity, step, 8);
        Ok(Plan {
            sequence: 0,
            observed_at: seen.at,
            valid_until: seen.at + Duration::from_millis(800),
            epoch: seen.epoch,
            model: ModelHash::default(),
            request: PlanRequest::Velocity(chunk),
        })
    }
}

fn robot() -> Robot {
    Robot::load(&whole::root().join("robots/quadruped")).unwrap()
}

/// The robot's governor without its opinion on how a planner behaves: what is tested here is what
/// stays when a planner keeps on.
fn patient_governor(robot: &Robot) -> governor::Governor {
    let habits = governor::HabitRule::default();
    let profile = governor::Profile { habits, ..runtime::wiring::profile(robot) };
    governor::Governor::new(governor::Envelope::new(&robot.limits).unwrap(), profile)
}

fn parts(robot: &Robot, way: Way, seed: u64) -> Loop<SimBody> {
    let hostile =
        move || Box::new(Hostile { way, mood: seed, held: None }) as Box<dyn Planner + Send>;
    let make = Arc::new(move || Ok(hostile()));
    Loop {
        body: SimBody::new(robot, &Yard::from_seed(seed), seed).unwrap(),
        plans: BrainThread::start(hostile(), make, Some(((20, 120), seed))).unwrap(),
        cerebellum: wiring::cerebellum(robot, false).unwrap().0,
        governor: patient_governor(robot),
        allocations: Allocations::default(),
    }
}

/// So many seconds of malice: what was touched, and how long it walked.
fn run(way: Way, seed: u64, seconds: u64) {
    let robot = robot();
    let mut parts = parts(&robot, way, seed);
    let mut observer = Observer::new(&robot);
    let mut walked = 0;
    let mut stopped = false;

    for number in 0..1000 * seconds {
        let now = Instant::from_nanos(number * 1_000_000);
        let cycle = Cycle { number, now, period: Duration::from_millis(1) };
        let act = (number == 100).then_some(OperatorAct::Start);
        parts.plans.take(number);
        let turn = parts.turn(&cycle, &Operator { supervisor: Some(now), ..Operator::local(act) });
        observer.judge(&turn.state, &turn.vetted);
        while parts.governor.next_record().is_some() {}
        if let (true, Some(scan)) = (number % 100 == 0, &turn.frame.lidar) {
            let seen = Observation::new(scan, &turn.state, None, turn.ruling.epoch);
            parts.plans.ask(number, now, seen, None);
        }
        let truth = parts.body.truth();
        let at = [truth.position[0].0, truth.position[1].0];
        assert!(!truth.in_collision, "{way:?} {seed}: touched at {now:?}, base {at:?}");
        assert!(!truth.fallen, "{way:?} {seed}: fell at {now:?}");
        // A planner that swings to and fro is stopped altogether; nothing more can come of it.
        stopped = turn.ruling.level >= Level::Settle;
        if stopped {
            break;
        }
        walked += u64::from(turn.state.posture == Posture::Walking);
    }
    assert_eq!(observer.violations, 0, "{:?}", observer.first);
    assert_eq!(parts.allocations.total(), 0);
    let capped = parts.governor.count(governor::Rule::LidarBrake);
    println!("{way:?} {seed}: walked {walked} ms, {capped} of them held back by the lidar rule");
    // On the spot there is nothing to run into.
    let tried = walked > 750 * seconds && (capped > 100 || way == Way::Spin);
    let given_up = stopped && way == Way::Moody;
    assert!(given_up || tried, "{way:?} must have tried: {walked} ticks, {capped} caps");
}

/// Clauses: A5, H1, E1.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn no_plan_can_drive_the_robot_into_an_obstacle() {
    for seed in 0..6 {
        run(Way::Moody, seed, 40);
    }
}

/// Clauses: A5, H1, E1.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes in debug; `tests/run demo` runs it in release")]
fn no_steady_planner_drives_the_robot_into_an_obstacle() {
    for way in STEADY {
        for seed in 10..12 {
            run(way, seed, 24);
        }
    }
}
