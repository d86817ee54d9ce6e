//! The habits of a planner: which model it is, what it may ask for, how often it speaks, and
//! whether its plans jump, swing or freeze. Each plan may be well formed and in its range; what is
//! judged here is the row of them.
//!
//! Silence is the age of the observation behind the newest plan, not the time since it came: it
//! holds for any latency the planner may have.

use core::time::Duration;

use signals::{
    BaseVelocity, Instant, Level, Metres, Mode, ModelHash, Motion, Plan, PlanRequest, VelocityChunk,
};

use crate::admit::Due;
use crate::fingerprint::Fingerprint;
use crate::profile::{ProfileError, all_hold, not_negative, short};
use crate::watch::{Cause, Input, Sight, ticks};
use crate::{Actor, Rule};

/// Plans above the permitted rate that may come at once: two may arrive in the same tick.
const BURST: f32 = 4.0;
/// How much faster than its rate a planner may be (regulation notes, A2).
const RATE_FACTOR: f32 = 1.2;
/// Plans that could not be used within [`WINDOW`] before the robot stands (fault 3).
const FAULTY: u32 = 3;
/// Jumps within [`WINDOW`] before the robot slows down (fault 6).
const JUMPS: u32 = 6;
const WINDOW: Duration = Duration::from_secs(1);
/// A swing goes from this part of the highest speed to as much the other way.
const SWING: f32 = 0.5;
/// So many swings within so long slow the robot down, or settle it (fault 9). Turning to and fro is
/// how a planner looks for its way, walking to and fro is not: planar swings count sooner.
const SWINGS_PLANAR: (usize, Duration) = (2, Duration::from_millis(400));
const SWINGS_LIMITED: (usize, Duration) = (5, Duration::from_secs(1));
const SWINGS_SETTLE: (usize, Duration) = (7, Duration::from_secs(1));
/// A robot that moved so far, m, or is so far from the speed admitted, m/s and rad/s, has given a
/// planner a reason to change its mind.
const MOVED: f32 = 0.1;
const OFF: f32 = 0.15;

/// What the brain may ask for at all.
///
/// Clauses: A5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is permitted or not")]
pub struct Skills {
    /// To stand.
    pub hold: bool,
    /// To walk ahead.
    pub forward: bool,
    /// To walk backwards.
    pub backward: bool,
    /// To walk sideways.
    pub sideways: bool,
    /// To turn.
    pub turn: bool,
    /// To move the joints to a posture.
    pub posture: bool,
}

/// What a planner may do over time. Zero turns a check off where its field says so.
///
/// Clauses: A2, M3.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HabitRule {
    /// The model this profile was checked with; `None` admits plans of any.
    pub model: Option<ModelHash>,
    /// What it may ask for.
    pub skills: Skills,
    /// Age of the newest plan's observation from which the robot slows down. Zero turns the check
    /// off.
    pub silent_limited: Duration,
    /// Age of the admitted plan's observation at which the robot stands. Zero turns the check off.
    pub silent_hold: Duration,
    /// Plans a second, not negative; above 1.2 times as many are not looked at. Zero turns the
    /// check off.
    pub rate: f32,
    /// How far a plan may be from what the one before asks for at that time, magnitudes, not
    /// negative. Zero turns the check off.
    pub jump: BaseVelocity,
    /// Time of equal plans after which the robot slows down. Zero turns the check off.
    pub frozen: Duration,
    /// The planner answers each observation anew: equal plans of a robot that moves are frozen. Of
    /// any other planner they are only when the robot does not do what was admitted.
    pub reactive: bool,
}

impl Default for HabitRule {
    /// Any planner, and nothing that depends on its rate.
    fn default() -> Self {
        let skills = Skills {
            hold: true,
            forward: true,
            backward: true,
            sideways: true,
            turn: true,
            posture: true,
        };
        Self {
            model: None,
            skills,
            silent_limited: Duration::ZERO,
            silent_hold: Duration::ZERO,
            rate: 0.0,
            jump: BaseVelocity::ZERO,
            frozen: Duration::from_secs(1),
            reactive: false,
        }
    }
}

impl HabitRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let jump = [self.jump.forward.0, self.jump.left.0, self.jump.yaw.0];
        let rising = self.silent_hold.is_zero() || self.silent_hold >= self.silent_limited;
        all_hold(&[
            ("habits.silent_limited", short(self.silent_limited), "at most 60 s"),
            ("habits.silent_hold", short(self.silent_hold), "at most 60 s"),
            ("habits.silent_hold", rising, "at least silent_limited"),
            ("habits.rate", not_negative(self.rate), "0 to 1e6"),
            ("habits.jump", jump.iter().all(|v| not_negative(*v)), "0 to 1e6"),
            ("habits.frozen", short(self.frozen), "at most 60 s"),
        ])
    }

    /// `hash` with everything of this.
    pub(crate) fn fingerprint(&self, hash: Fingerprint) -> Fingerprint {
        let Self { model, skills, silent_limited, silent_hold, rate, jump, frozen, reactive } =
            *self;
        let Skills { hold, forward, backward, sideways, turn, posture } = skills;
        let hash =
            model.map_or(hash.word(0), |model| hash.word(1).long(u64::from_le_bytes(model.0)));
        let hash = [hold, forward, backward, sideways, turn, posture, reactive]
            .into_iter()
            .fold(hash, |hash, permitted| hash.word(permitted.into()));
        let hash = hash.span(silent_limited).span(silent_hold).span(frozen).number(rate);
        hash.number(jump.forward.0).number(jump.left.0).number(jump.yaw.0)
    }
}

/// What has to be remembered of a planner.
#[derive(Debug, Default)]
pub(crate) struct Habits {
    /// Plans it may still send, and since when that number holds.
    tokens: f32,
    counted_at: Option<Instant>,
    /// Newest observation of any plan, and of the plan in force.
    heard: Option<Instant>,
    admitted: Option<Instant>,
    faulty: Counter,
    /// The last plan had a shape that is none.
    shapeless: Option<Instant>,
    jumps: Counter,
    swings: Swings,
    equal: Option<Equal>,
}

/// Counts events; the count is over when there was none for [`WINDOW`].
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    count: u32,
    since: Option<Instant>,
}

/// Which way each axis went last, and when the last swings were, newest first.
#[derive(Debug, Default)]
struct Swings {
    asked: BaseVelocity,
    way: [i8; 3],
    at: [Option<Instant>; SWINGS_SETTLE.0],
    planar_at: [Option<Instant>; SWINGS_PLANAR.0],
}

/// A row of equal plans: the first of them, when it came, and where the robot was.
#[derive(Debug)]
struct Equal {
    chunk: VelocityChunk,
    since: Instant,
    place: [Metres; 3],
    /// It has not done what was admitted in any tick since.
    off: bool,
}

impl Habits {
    /// Forgets the row of plans, when the lease changes hands.
    pub(crate) fn forget(&mut self) {
        let Self { tokens, counted_at, .. } = *self;
        *self = Self { tokens, counted_at, ..Self::default() };
    }

    /// Why a plan is not even looked at: rule, measured, limit.
    pub(crate) fn refuse(
        &mut self,
        plan: &Plan,
        now: Instant,
        rule: &HabitRule,
    ) -> Option<(Rule, f32, f32)> {
        if rule.rate > 0.0 {
            let elapsed = self.counted_at.map_or(WINDOW, |at| now.since(at)).min(WINDOW);
            let most = rule.rate * RATE_FACTOR;
            let tokens = (self.tokens + most * elapsed.as_secs_f32()).min(BURST);
            self.counted_at = Some(now);
            if tokens < 1.0 {
                self.tokens = tokens;
                return Some((Rule::PlanRate, most, most));
            }
            self.tokens = tokens - 1.0;
        }
        if rule.model.is_some_and(|model| model != plan.model) {
            return Some((Rule::PlanModel, 0.0, 0.0));
        }
        (!rule.skills.permit(&plan.request)).then_some((Rule::PlanSkill, 0.0, 0.0))
    }

    /// Takes in that a plan was refused by `rule`.
    pub(crate) fn refused(&mut self, plan: &Plan, rule: Rule, now: Instant) {
        match rule {
            Rule::PlanFinite => self.faulty.add(now),
            Rule::PlanShape => {
                self.faulty.add(now);
                self.shapeless = Some(now);
            }
            // What is old or not the planner's own is no sign of life.
            Rule::PlanValidity | Rule::PlanSkill => {}
            _ => return,
        }
        self.hear(plan, now);
    }

    /// Takes in a plan that was admitted, and what the one before asks for at this time.
    pub(crate) fn admit(&mut self, plan: &Plan, before: Due, now: Instant, rule: &HabitRule) {
        self.hear(plan, now);
        self.admitted = Some(plan.observed_at);
        self.shapeless = None;
        let PlanRequest::Velocity(chunk) = &plan.request else {
            self.equal = None;
            return;
        };
        let next = chunk.due(now.since(plan.observed_at));
        if let (Due::Velocity(before), Some(next)) = (before, next) {
            let far = |most: f32, change: f32| most > 0.0 && change.abs() > most;
            let jumps = far(rule.jump.forward.0, (next.forward - before.forward).0)
                || far(rule.jump.left.0, (next.left - before.left).0)
                || far(rule.jump.yaw.0, (next.yaw - before.yaw).0);
            if jumps {
                self.jumps.add(now);
            }
        }
        let moves = chunk.steps().iter().any(|step| *step != BaseVelocity::ZERO);
        let same = self.equal.as_ref().is_some_and(|equal| equal.chunk.steps() == chunk.steps());
        if !moves {
            self.equal = None;
        } else if !same {
            // Where the robot is, is filled in by the next look.
            let place = [Metres(f32::NAN); 3];
            self.equal = Some(Equal { chunk: *chunk, since: now, place, off: true });
        }
    }

    fn hear(&mut self, plan: &Plan, now: Instant) {
        let observed = plan.observed_at.min(now);
        self.heard = Some(self.heard.map_or(observed, |heard| heard.max(observed)));
    }

    /// What the row of plans says in this cycle.
    pub(crate) fn look(&mut self, due: Due, input: &Input<'_>, sight: &mut Sight) {
        if !matches!(input.ruling.mode, Mode::Auto | Mode::Supervised) {
            return;
        }
        let now = input.cycle.now;
        self.look_for_silence(input, sight);
        if self.faulty.count > 0 || self.jumps.count > 0 {
            self.look_for_faults(now, sight);
        }
        if let Due::Velocity(asked) = due
            && asked != self.swings.asked
        {
            self.swings.look(&asked, now, &input.profile.speed_max);
        }
        self.look_for_swings(now, sight);
        if self.equal.is_some() {
            self.look_for_frost(input, sight);
        }
    }

    fn look_for_silence(&self, input: &Input<'_>, sight: &mut Sight) {
        let (Some(heard), Some(admitted)) = (self.heard, self.admitted) else { return };
        let (rule, now) = (&input.profile.habits, input.cycle.now);
        let past = |age: Duration, limit: Duration| !limit.is_zero() && age > limit;
        let (age, silence) = (now.since(admitted), now.since(heard));
        // The cause of a robot that stands already is on record.
        let stands = input.ruling.level >= Level::Hold;
        let (level, age, limit) = if past(age, rule.silent_hold) && !stands {
            (Level::Hold, age, rule.silent_hold)
        } else if past(silence, rule.silent_limited) && !stands {
            (Level::Limited, silence, rule.silent_limited)
        } else {
            return;
        };
        let cause = Cause::new(level, Rule::PlanSilent, Actor::Brain);
        sight.worst.add(cause.because(age.as_secs_f32(), limit.as_secs_f32()));
    }

    fn look_for_faults(&mut self, now: Instant, sight: &mut Sight) {
        let (faulty, jumps) = (self.faulty.look(now), self.jumps.look(now));
        let shapeless = self.shapeless.is_some_and(|at| now.since(at) < WINDOW);
        if faulty >= FAULTY || (faulty > 0 && shapeless) {
            // A number may be wrong for once; a shape is wrong by construction.
            let level = if faulty >= FAULTY { Level::Hold } else { Level::Limited };
            let cause = Cause::new(level, Rule::PlanFaulty, Actor::Brain);
            sight.worst.add(cause.because(ticks(faulty), ticks(FAULTY)));
        }
        if jumps >= JUMPS {
            let cause = Cause::new(Level::Limited, Rule::PlanJump, Actor::Brain);
            sight.worst.add(cause);
        }
    }

    fn look_for_swings(&self, now: Instant, sight: &mut Sight) {
        let within = |at: &[Option<Instant>], (count, window): (usize, Duration)| {
            let oldest = at.get(count.saturating_sub(1)).copied().flatten();
            oldest.is_some_and(|oldest| now.since(oldest) <= window)
        };
        let Swings { at, planar_at, .. } = &self.swings;
        let (level, (count, window)) = if within(at, SWINGS_SETTLE) {
            (Level::Settle, SWINGS_SETTLE)
        } else if within(at, SWINGS_LIMITED) {
            (Level::Limited, SWINGS_LIMITED)
        } else if within(planar_at, SWINGS_PLANAR) {
            (Level::Limited, SWINGS_PLANAR)
        } else {
            return;
        };
        let rate = ticks(u32::try_from(count).unwrap_or(u32::MAX)) / window.as_secs_f32();
        let cause = Cause::new(level, Rule::PlanOscillates, Actor::Brain);
        sight.worst.add(cause.because(rate, rate));
    }

    fn look_for_frost(&mut self, input: &Input<'_>, sight: &mut Sight) {
        let (rule, now, state) = (&input.profile.habits, input.cycle.now, input.state);
        let Some(equal) = &mut self.equal else { return };
        let Motion::Walk(admitted) = input.ruling.motion else {
            // A robot that stands gives no reason to change a plan, however old it is.
            (equal.since, equal.place, equal.off) = (now, state.position, true);
            return;
        };
        if !equal.place.iter().all(|number| number.is_finite()) {
            equal.place = state.position;
        }
        // One tick in which the robot does what was admitted is enough.
        equal.off = equal.off && {
            let [vx, vy, _] = state.velocity;
            let [_, _, turn] = state.angular_velocity;
            let planar = libm::hypotf((admitted.forward - vx).0, (admitted.left - vy).0);
            planar > OFF.max(0.5 * admitted.speed().0)
                || (admitted.yaw - turn).0.abs() > 2.0 * OFF.max(0.5 * admitted.yaw.0.abs())
        };
        let span = now.since(equal.since);
        if rule.frozen.is_zero() || span < rule.frozen {
            return;
        }
        let [x, y, _] = state.position;
        let [px, py, _] = equal.place;
        let moved = libm::hypotf((x - px).0, (y - py).0) > MOVED;
        if equal.off || (rule.reactive && moved) {
            let cause = Cause::new(Level::Limited, Rule::PlanFrozen, Actor::Brain);
            sight.worst.add(cause.because(span.as_secs_f32(), rule.frozen.as_secs_f32()));
        }
    }
}

impl Skills {
    /// Each velocity asked for is one of a permitted kind.
    fn permit(self, request: &PlanRequest) -> bool {
        match request {
            PlanRequest::Hold => self.hold,
            PlanRequest::Posture(_) => self.posture,
            PlanRequest::Velocity(chunk) => chunk.steps().iter().all(|step| {
                (self.forward || step.forward.0 <= 0.0)
                    && (self.backward || step.forward.0 >= 0.0)
                    && (self.sideways || step.left.0 == 0.0)
                    && (self.turn || step.yaw.0 == 0.0)
            }),
        }
    }
}

impl Counter {
    fn add(&mut self, now: Instant) {
        self.count = self.look(now).saturating_add(1);
        self.since = self.since.or(Some(now));
    }

    /// How many there were within the window that began with the first of them.
    fn look(&mut self, now: Instant) -> u32 {
        if self.since.is_none_or(|since| now.since(since) >= WINDOW) {
            *self = Self::default();
        }
        self.count
    }
}

impl Swings {
    /// Notes an axis that has gone from far on one side to far on the other.
    fn look(&mut self, asked: &BaseVelocity, now: Instant, most: &BaseVelocity) {
        let parts = [
            (asked.forward.0, most.forward.0),
            (asked.left.0, most.left.0),
            (asked.yaw.0, most.yaw.0),
        ];
        self.asked = *asked;
        let mut swung = [false; 3];
        for ((way, swung), (asked, most)) in self.way.iter_mut().zip(&mut swung).zip(parts) {
            let far = SWING * most;
            let next = if asked > far { 1 } else { -i8::from(asked < -far) };
            if next != 0 && far > 0.0 {
                *swung = *way == -next;
                *way = next;
            }
        }
        let [forward, left, turn] = swung;
        if forward || left {
            note(&mut self.planar_at, now);
        }
        if forward || left || turn {
            note(&mut self.at, now);
        }
    }
}

/// Puts `now` in front of the last times; the oldest falls out.
fn note(times: &mut [Option<Instant>], now: Instant) {
    times.rotate_right(1);
    if let Some(first) = times.first_mut() {
        *first = Some(now);
    }
}
