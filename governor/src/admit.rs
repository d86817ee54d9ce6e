//! Judges each plan once, keeps the one in force, and reads it by the clock.

use core::time::Duration;

use signals::{
    BaseVelocity, Instant, Joints, ModelHash, Plan, PlanRequest, Radians, VELOCITY_STEPS_MAX,
    VelocityChunk,
};

use crate::habits::Habits;
use crate::lease::{Holder, LeaseBook, LeaseError, Resource};
use crate::ledger::Ledger;
use crate::watch::{Input, Sight, count};
use crate::{Actor, Envelope, Kind, Profile, Record, Rule};

/// Longest step of a chunk that still is a time grid, s.
const STEP_MAX_S: u64 = 10;

/// What is due now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Due {
    /// No plan has been admitted since the start.
    Nothing,
    /// The admitted plan has ended and no newer one came: sequence, age and validity of it, s.
    Expired(u64, f32, f32),
    /// Stand in place.
    Hold,
    /// Walk with this velocity, already inside the speed range.
    Velocity(BaseVelocity),
    /// Move to this posture, already inside the joints' limits.
    Posture(Joints<Radians>),
}

/// The plan in force and what is known of earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    in_force: Option<Plan>,
    /// Epoch and sequence judged last: a plan seen again is not judged again.
    judged: Option<(u32, u64)>,
    habits: Habits,
}

impl Admission {
    /// Forgets every plan, when the lease changes hands. What was judged is not judged again.
    pub(crate) fn forget(&mut self, ledger: &mut Ledger) {
        self.in_force = None;
        ledger.set_model(ModelHash::default());
        self.habits.forget();
    }

    /// Judges `plan` unless it was judged before. A refused one leaves the earlier one in force.
    pub(crate) fn judge(
        &mut self,
        plan: &Plan,
        now: Instant,
        (profile, envelope): (&Profile, &Envelope),
        (leases, ledger): (&mut LeaseBook, &mut Ledger),
    ) {
        let name = Some((plan.epoch, plan.sequence));
        if name == self.judged {
            return;
        }
        self.judged = name;
        let sequence = Some(plan.sequence);
        let unfit = self.habits.refuse(plan, now, &profile.habits);
        let in_force = ledger.set_model(plan.model);
        match unfit.or_else(|| refusal(plan, leases, now, (profile, envelope))) {
            // A flood is told once, not plan by plan.
            Some((rule @ Rule::PlanRate, measured, limit)) => {
                let record = Record::of(rule, Kind::Refused, Actor::Brain);
                ledger.lasting(Record { sequence, measured, limit, ..record });
                ledger.set_model(in_force);
            }
            Some((rule, measured, limit)) => {
                self.habits.refused(plan, rule, now);
                let record = Record::of(rule, Kind::Refused, Actor::Brain);
                ledger.event(Record { sequence, measured, limit, ..record });
                ledger.set_model(in_force);
            }
            None => {
                if let Some(record) = too_fast(plan, profile) {
                    ledger.event(record);
                }
                // It was checked: nothing more can be wrong with it.
                self.habits.admit(plan, self.due(now, profile), now, &profile.habits);
                let _ = leases.accept(Resource::Body, plan.epoch, plan.sequence, now);
                self.in_force = Some(*plan);
            }
        }
    }

    /// What the row of plans says of the planner in this cycle.
    pub(crate) fn look(&mut self, due: Due, input: &Input<'_>, sight: &mut Sight) {
        self.habits.look(due, input, sight);
    }

    /// What the plan in force asks for now.
    pub(crate) fn due(&self, now: Instant, profile: &Profile) -> Due {
        let Some(plan) = &self.in_force else { return Due::Nothing };
        let expired = || {
            let age = now.since(plan.observed_at).as_secs_f32();
            Due::Expired(plan.sequence, age, lasts(plan).as_secs_f32())
        };
        if now >= plan.valid_until {
            return expired();
        }
        match &plan.request {
            PlanRequest::Hold => Due::Hold,
            PlanRequest::Posture(goal) => Due::Posture(*goal),
            PlanRequest::Velocity(chunk) => match chunk.due(now.since(plan.observed_at)) {
                Some(velocity) => Due::Velocity(velocity.limited(&profile.speed_max)),
                None => expired(),
            },
        }
    }
}

/// From a plan's observation to its end, whichever of its two ends comes first.
fn lasts(plan: &Plan) -> Duration {
    let validity = plan.valid_until.since(plan.observed_at);
    match &plan.request {
        PlanRequest::Hold | PlanRequest::Posture(_) => validity,
        PlanRequest::Velocity(chunk) => {
            let steps = u32::try_from(chunk.len).unwrap_or(u32::MAX);
            validity.min(chunk.step.saturating_mul(steps))
        }
    }
}

/// Why a plan is not admitted: rule, measured, limit. `None` admits it.
fn refusal(
    plan: &Plan,
    leases: &LeaseBook,
    now: Instant,
    (profile, envelope): (&Profile, &Envelope),
) -> Option<(Rule, f32, f32)> {
    let unusable = match &plan.request {
        PlanRequest::Hold => None,
        PlanRequest::Velocity(chunk) => flaw_of_chunk(chunk).map(|rule| (rule, 0.0, 0.0)),
        PlanRequest::Posture(goal) => flaw_of_posture(goal, profile, envelope),
    };
    if unusable.is_some() {
        return unusable;
    }
    match leases.check(Resource::Body, plan.epoch, plan.sequence) {
        Ok(Holder::Brain) => {}
        Ok(_) | Err(LeaseError::Ended | LeaseError::Held(_)) => {
            return Some((Rule::PlanLease, 0.0, 0.0));
        }
        Err(LeaseError::Sequence) => return Some((Rule::PlanOrder, 0.0, 0.0)),
    }
    let (age, age_max) = (now.since(plan.observed_at), profile.plan_age_max);
    if plan.observed_at > now || age > age_max {
        let ahead = plan.observed_at.since(now).as_secs_f32();
        return Some((Rule::PlanAge, age.as_secs_f32() - ahead, age_max.as_secs_f32()));
    }
    if plan.valid_until <= now {
        let validity = plan.valid_until.since(plan.observed_at).as_secs_f32();
        return Some((Rule::PlanExpired, age.as_secs_f32(), validity));
    }
    let (validity, longest) = (plan.valid_until.since(plan.observed_at), profile.plan_validity_max);
    (validity > longest).then_some((
        Rule::PlanValidity,
        validity.as_secs_f32(),
        longest.as_secs_f32(),
    ))
}

fn flaw_of_chunk(chunk: &VelocityChunk) -> Option<Rule> {
    if !shape_is_sane(chunk) {
        return Some(Rule::PlanShape);
    }
    let finite = chunk.steps().iter().all(|velocity| velocity.is_finite());
    (!finite).then_some(Rule::PlanFinite)
}

/// A posture has one angle for each joint, and a joint could be held there: inside its limits less
/// the margin.
fn flaw_of_posture(
    goal: &Joints<Radians>,
    profile: &Profile,
    envelope: &Envelope,
) -> Option<(Rule, f32, f32)> {
    let limits = envelope.joints();
    if goal.len() != limits.len() {
        return Some((Rule::PlanShape, count(goal.len()), count(limits.len())));
    }
    if !goal.iter().all(|angle| angle.is_finite()) {
        return Some((Rule::PlanFinite, 0.0, 0.0));
    }
    let beyond = goal.ids().find_map(|joint| {
        let (angle, of_joint) = (goal[joint], &limits[joint]);
        let low = of_joint.q_min + profile.position_margin;
        let high = of_joint.q_max - profile.position_margin;
        let limit = if angle < low { low } else { high };
        (angle < low || angle > high).then_some((angle, limit))
    });
    beyond.map(|(angle, limit)| (Rule::PlanPosture, angle.0, limit.0))
}

fn shape_is_sane(chunk: &VelocityChunk) -> bool {
    (1..=VELOCITY_STEPS_MAX).contains(&chunk.len)
        && !chunk.step.is_zero()
        && chunk.step.as_secs() < STEP_MAX_S
}

/// One record for a plan that asks for more speed than permitted: its worst number.
fn too_fast(plan: &Plan, profile: &Profile) -> Option<Record> {
    let PlanRequest::Velocity(chunk) = &plan.request else { return None };
    let most = &profile.speed_max;
    let asked = chunk.steps().iter().flat_map(|v| {
        [
            (Rule::PlanRange, v.forward.0.abs(), most.forward.0),
            (Rule::PlanRange, v.left.0.abs(), most.left.0),
            (Rule::PlanTurn, v.yaw.0.abs(), most.yaw.0),
        ]
    });
    let worst = asked
        .filter(|(_, asked, limit)| asked > limit)
        .reduce(|worst, next| if next.1 - next.2 > worst.1 - worst.2 { next } else { worst });
    worst.map(|(rule, asked, limit)| Record {
        sequence: Some(plan.sequence),
        asked,
        allowed: limit,
        measured: asked,
        limit,
        ..Record::of(rule, Kind::Limited, Actor::Brain)
    })
}
