//! The planner in another process, as the robot sees it: questions go out as observations, plans
//! come in under the planner's lease.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bus::network::error::NetworkError;
use bus::network::gateway::{Count, Gateway, Inlet, Outlet};
use bus::network::samples::{BRAIN_OBSERVATION, BRAIN_PLAN, NoPlan, ObservationSample, PlanSample};
use signals::{LIDAR_BEAMS, Metres, Plan};

use super::NetworkFault;
use super::desk::Desk;
use super::lease::LeaseRole;
use crate::brain_thread::{Answer, BrainThread, FarEnds, Question};
use crate::worker::Worker;

/// Questions that are remembered; a plan that answers an older one counts as made from nothing.
const REMEMBERED: usize = 64;

/// What both directions share.
struct Asked {
    /// The newest questions, each with the sequence of its sample.
    questions: VecDeque<(u64, Question)>,
    /// Plans taken so far: their sequence for the governor.
    taken: u64,
}

/// The loop's end of a planner that comes in through `gateway`, and what must live as long.
///
/// # Errors
/// The session is closed, or the machine grants no thread.
pub fn far_brain(
    gateway: &Gateway,
    desk: &Desk,
    nonsense: &Arc<Count>,
) -> Result<(BrainThread, Inlet), NetworkFault> {
    gateway.publish_schema(&BRAIN_OBSERVATION)?;
    gateway.publish_schema(&BRAIN_PLAN)?;
    let outlet = gateway.outlet(&BRAIN_OBSERVATION)?;
    let mut inlet = None;
    let brain = BrainThread::far(|FarEnds { questions, answers }| {
        let asked = Arc::new(Mutex::new(Asked { questions: VecDeque::new(), taken: 0 }));
        let (gateway, nonsense) = (gateway.clone(), Arc::clone(nonsense));
        inlet = Some(take_plans(&gateway, desk, nonsense, (Arc::clone(&asked), answers))?);
        let carry = carry_questions(questions, outlet, asked);
        Worker::start("far brain", carry).map_err(NetworkFault::Thread)
    })?;
    // `far` has called the closure, or has failed.
    inlet.map(|inlet| (brain, inlet)).ok_or(NetworkFault::Thread(std::io::ErrorKind::Other.into()))
}

/// Sends each question as an observation.
fn carry_questions(
    mut questions: bus::Receiver<Question>,
    mut outlet: Outlet<ObservationSample>,
    asked: Arc<Mutex<Asked>>,
) -> impl FnMut() -> bool + Send + 'static {
    move || {
        let Some(question) = questions.recv() else { return false };
        let sent = outlet.sequence() + 1;
        // Before it is sent: the answer may be quicker than this thread.
        if let Ok(mut asked) = asked.lock() {
            asked.questions.push_back((sent, question));
            if asked.questions.len() > REMEMBERED {
                asked.questions.pop_front();
            }
        }
        outlet.put(question.observation.at.as_nanos(), &sample_of(&question));
        true
    }
}

/// Takes plans in under the planner's lease.
fn take_plans(
    gateway: &Gateway,
    desk: &Desk,
    nonsense: Arc<Count>,
    (asked, answers): (Arc<Mutex<Asked>>, bus::Sender<Answer>),
) -> Result<Inlet, NetworkError> {
    let (desk, mut answers) = (desk.clone(), answers);
    gateway.inlet(&BRAIN_PLAN, move |sample| {
        if desk.accept(&[LeaseRole::Planner], sample).is_none() {
            return;
        }
        let Ok(mut asked) = asked.lock() else { return };
        match answer_of(&mut asked, &sample.body) {
            Ok(answer) => {
                answers.send(answer);
            }
            Err(NoPlan(why)) => {
                nonsense.add(1);
                tracing::debug!(why, "a plan over the network means nothing");
            }
        }
    })
}

/// The answer that a plan is: which question it belongs to, and its place in the run.
fn answer_of(asked: &mut Asked, sample: &PlanSample) -> Result<Answer, NoPlan> {
    let mut plan = sample.plan()?;
    // From the newest: a question that was not sent, because nobody heard, left its number to the
    // next.
    let question = asked.questions.iter().rev().find(|(sent, _)| *sent == sample.observation);
    let question = question.map(|(_, question)| *question);
    if sample.observation != 0 {
        let Some(question) = question else {
            return Err(NoPlan("it answers an observation that was never sent, or long ago"));
        };
        check_time(&plan, &question)?;
        question.lie.into_iter().for_each(|lie| lie.spoil(&mut plan));
    }
    asked.taken += 1;
    let tick = question.map_or(0, |question| question.tick);
    Ok(Answer { sequence: asked.taken, asked: tick, plan: Ok(plan) })
}

/// A plan is no younger than what it came from.
fn check_time(plan: &Plan, question: &Question) -> Result<(), NoPlan> {
    if plan.observed_at > question.observation.at {
        return Err(NoPlan("it claims to be younger than its observation"));
    }
    Ok(())
}

fn sample_of(question: &Question) -> ObservationSample {
    let seen = &question.observation;
    let (q, dq) = joints_of(seen);
    ObservationSample {
        ranges: seen.ranges.map(|range| range.0),
        range_max: seen.range_max.0,
        has_goal: seen.goal.is_some().into(),
        goal: seen.goal.unwrap_or([Metres(0.0); 2]).map(|metres| metres.0),
        forward_speed: seen.forward_speed.0,
        yaw_rate: seen.yaw_rate.0,
        joint_count: seen.joints.len() as u32,
        epoch: seen.epoch,
        q,
        dq,
    }
}

fn joints_of(seen: &brain::Observation) -> ([f32; 32], [f32; 32]) {
    let (mut q, mut dq) = ([0.0; 32], [0.0; 32]);
    for ((q, dq), joint) in q.iter_mut().zip(&mut dq).zip(seen.joints.iter()) {
        (*q, *dq) = (joint.q.0, joint.dq.0);
    }
    (q, dq)
}

/// What a planner elsewhere sees.
#[must_use]
pub fn observation_of(at: u64, sample: &ObservationSample) -> brain::Observation {
    const _: () = assert!(LIDAR_BEAMS == 64);
    let joint = |id: signals::JointId| signals::JointState {
        q: signals::Radians(sample.q.get(id.index()).copied().unwrap_or(f32::NAN)),
        dq: signals::RadiansPerSecond(sample.dq.get(id.index()).copied().unwrap_or(f32::NAN)),
    };
    brain::Observation {
        at: signals::Instant::from_nanos(at),
        ranges: sample.ranges.map(Metres),
        range_max: Metres(sample.range_max),
        goal: (sample.has_goal == 1).then(|| sample.goal.map(Metres)),
        forward_speed: signals::MetresPerSecond(sample.forward_speed),
        yaw_rate: signals::RadiansPerSecond(sample.yaw_rate),
        joints: signals::Joints::from_fn(sample.joint_count as usize, joint),
        epoch: sample.epoch,
    }
}
