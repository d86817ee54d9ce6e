//! The navigator reads an observation as its model was taught to, and vouches for its plans.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brain::{Backend, BackendChoice, InferenceError, Navigator, Observation, Planner, Policy};
use signals::{
    Instant, LIDAR_BEAMS, Metres, MetresPerSecond, PlanRequest, RadiansPerSecond, VelocityChunk,
};

const SEEN_AT: Instant = Instant::from_nanos(5_000_000_000);

fn shipped() -> Policy {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots/quadruped/policies/navigate");
    Policy::load(&folder).unwrap()
}

/// Nothing in sight, standing, the goal where it is told.
fn open_field(goal: Option<[f32; 2]>) -> Observation {
    Observation {
        joints: signals::Joints::default(),
        at: SEEN_AT,
        ranges: [Metres(8.0); LIDAR_BEAMS],
        range_max: Metres(8.0),
        goal: goal.map(|[forward, left]| [Metres(forward), Metres(left)]),
        forward_speed: MetresPerSecond(0.0),
        yaw_rate: RadiansPerSecond(0.0),
        epoch: 0,
    }
}

/// A backend that notes its input and answers the same to everything.
struct Scripted {
    answer: f32,
    seen: Arc<Mutex<Vec<f32>>>,
}

impl Backend for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }
    fn run(&mut self, input: &[f32], output: &mut [f32]) -> Result<(), InferenceError> {
        *self.seen.lock().unwrap() = input.to_vec();
        output.fill(self.answer);
        Ok(())
    }
}

fn scripted(answer: f32) -> (Navigator, Arc<Mutex<Vec<f32>>>) {
    let seen = Arc::default();
    let backend = Box::new(Scripted { answer, seen: Arc::clone(&seen) });
    (Navigator::new(&shipped(), backend, "a test".to_owned()), seen)
}

fn velocity(navigator: &mut Navigator, observation: &Observation) -> VelocityChunk {
    let plan = navigator.plan(observation, observation.at).unwrap();
    let PlanRequest::Velocity(chunk) = plan.request else { unreachable!("{plan:?}") };
    chunk
}

#[test]
fn the_input_is_laid_out_as_in_training() {
    let (mut navigator, seen) = scripted(0.25);
    let mut observation = open_field(Some([-3.0, 4.0]));
    observation.ranges[0] = Metres(3.0);
    observation.ranges[1] = Metres(7.0);
    observation.ranges[2] = Metres(-1.0);
    observation.forward_speed = MetresPerSecond(0.5);
    observation.yaw_rate = RadiansPerSecond(-0.75);
    navigator.plan(&observation, SEEN_AT).unwrap();
    let input = seen.lock().unwrap();
    assert_eq!(input.len(), 69);
    assert_eq!(input[..4], [0.5, 1.0, 0.0, 1.0]);
    assert_eq!(input[64..], [-0.6, 0.8, 1.0, 0.5, -0.5]);

    // A sensor that sees less far than the model: no return still reads as free.
    drop(input);
    observation = open_field(Some([1.0, 0.0]));
    (observation.ranges, observation.range_max) = ([Metres(4.0); LIDAR_BEAMS], Metres(4.0));
    observation.ranges[9] = Metres(3.0);
    navigator.plan(&observation, SEEN_AT).unwrap();
    let input = seen.lock().unwrap();
    assert_eq!(input[8..11], [1.0, 0.5, 1.0]);
    assert_eq!(input[64..67], [1.0, 0.0, 0.25]);
}

/// Clauses: A2.
#[test]
fn a_plan_says_what_it_came_from_and_how_long_it_holds() {
    let (mut navigator, _) = scripted(0.25);
    let made_at = SEEN_AT + Duration::from_millis(60);
    for sequence in 1..4 {
        let plan = navigator.plan(&open_field(Some([5.0, 0.0])), made_at).unwrap();
        assert_eq!(plan.sequence, sequence);
        assert_eq!(plan.observed_at, SEEN_AT);
        assert_eq!(plan.valid_until, SEEN_AT + Duration::from_millis(800));
        assert_eq!(plan.model, shipped().hash());
        let PlanRequest::Velocity(chunk) = plan.request else { unreachable!("{plan:?}") };
        assert_eq!((chunk.step, chunk.len), (Duration::from_millis(100), 8));
        assert!(
            chunk.steps().iter().all(|v| (v.forward.0, v.left.0, v.yaw.0) == (0.25, 0.0, 0.25))
        );
    }
    assert_eq!(navigator.period(), Duration::from_millis(100));
    assert_eq!(navigator.horizon(), Duration::from_millis(800));
}

#[test]
fn without_a_goal_it_asks_to_stand() {
    let (mut navigator, seen) = scripted(0.25);
    let plan = navigator.plan(&open_field(None), SEEN_AT).unwrap();
    assert_eq!(plan.request, PlanRequest::Hold);
    assert!(seen.lock().unwrap().is_empty(), "the model was asked for nothing");
}

/// Clauses: A2.
#[test]
fn nonsense_is_an_error_and_not_a_plan() {
    for (answer, index) in [(f32::NAN, 0), (f32::INFINITY, 0)] {
        let refused = scripted(answer).0.plan(&open_field(Some([5.0, 0.0])), SEEN_AT);
        assert_eq!(refused, Err(InferenceError::OutputNotFinite { index }));
    }
    for (answer, at_fault) in [(0.8, 0), (-0.1, 0), (1.1, 0)] {
        let refused = scripted(answer).0.plan(&open_field(Some([5.0, 0.0])), SEEN_AT);
        let Err(InferenceError::OutputOutOfRange { index, value, .. }) = refused else {
            unreachable!("{refused:?}")
        };
        assert_eq!((index, value), (at_fault, answer));
    }
    let (mut navigator, _) = scripted(0.25);
    let spoilers: [fn(&mut Observation); 5] = [
        |o| o.ranges[63] = Metres(f32::NAN),
        |o| o.range_max = Metres(f32::INFINITY),
        |o| o.goal = Some([Metres(f32::NAN), Metres(0.0)]),
        |o| o.forward_speed = MetresPerSecond(f32::NAN),
        |o| o.yaw_rate = RadiansPerSecond(f32::NEG_INFINITY),
    ];
    for spoil in spoilers {
        let mut observation = open_field(Some([5.0, 0.0]));
        spoil(&mut observation);
        let refused = navigator.plan(&observation, SEEN_AT);
        assert!(matches!(refused, Err(InferenceError::ObservationNotFinite { .. })), "{refused:?}");
    }
    let late = navigator.plan(&open_field(Some([5.0, 0.0])), SEEN_AT + Duration::from_millis(800));
    assert_eq!(late, Err(InferenceError::ObservationTooOld { age_ms: 800, lasts_ms: 800 }));
    // A refusal takes no sequence number.
    assert_eq!(navigator.plan(&open_field(None), SEEN_AT).unwrap().sequence, 1);
}

#[test]
fn the_shipped_policy_heads_for_its_goal() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots/quadruped/policies/navigate");
    let mut navigator = Navigator::load(&folder, BackendChoice::Rten).unwrap();
    let ahead = velocity(&mut navigator, &open_field(Some([5.0, 0.0])));
    assert!(ahead.steps().iter().all(|v| v.forward.0 > 0.5 && v.yaw.0.abs() < 0.3), "{ahead:?}");
    let left = velocity(&mut navigator, &open_field(Some([0.0, 3.0])));
    assert!(left.steps()[0].yaw.0 > 0.5, "{left:?}");
    let right = velocity(&mut navigator, &open_field(Some([0.0, -3.0])));
    assert!(right.steps()[0].yaw.0 < -0.5, "{right:?}");
    let behind = velocity(&mut navigator, &open_field(Some([-3.0, 0.5])));
    let first = behind.steps()[0];
    assert!(first.forward.0 < 0.1 && first.yaw.0 > 0.5, "{behind:?}");
    let arrived = velocity(&mut navigator, &open_field(Some([0.1, 0.0])));
    assert!(arrived.steps()[0].forward.0 < 0.1, "{arrived:?}");
}
