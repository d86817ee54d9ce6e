//! Looks at everything a cycle brings - readings, estimate, devices - and says what it found.
//! It decides nothing: no level, no mode, no motion.

use core::time::Duration;

use signals::{
    BodyState, Cycle, Instant, JointId, JointReading, JointState, Level, Motion, Operator,
    RadiansPerSecond, Ruling, SensorFrame,
};

use crate::balance::BalanceWatch;
use crate::drives::{Drives, Given};
use crate::eyes::{Eyes, Usual};
use crate::fence::BaseWatch;
use crate::person::PersonWatch;
use crate::row::{every, joints_of};
use crate::vitals::Vitals;
use crate::{Actor, BodyClass, Envelope, Profile, Rule};

/// One joint in this many may be silent while the others prove a standstill.
const SILENT_SHARE: usize = 4;
/// Estimates in a row that cannot be used before the robot settles (fault 36).
const BAD_STATES_SETTLE: u32 = 3;

/// A reason for a level, with the number that shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cause {
    pub(crate) level: Level,
    pub(crate) rule: Rule,
    pub(crate) actor: Actor,
    pub(crate) joint: Option<JointId>,
    pub(crate) measured: f32,
    pub(crate) limit: f32,
}

impl Cause {
    pub(crate) const fn new(level: Level, rule: Rule, actor: Actor) -> Self {
        Self { level, rule, actor, joint: None, measured: 0.0, limit: 0.0 }
    }

    pub(crate) const fn because(self, measured: f32, limit: f32) -> Self {
        Self { measured, limit, ..self }
    }
}

/// The worst of several causes; of equals the one found first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Worst(pub(crate) Option<Cause>);

impl Worst {
    pub(crate) fn add(&mut self, cause: Cause) {
        if self.0.is_none_or(|worst| cause.level > worst.level) {
            self.0 = Some(cause);
        }
    }
}

/// What one look found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// The worst of readings and estimate.
    pub(crate) worst: Worst,
    /// The worst of what keeps a reset or a start from being granted.
    pub(crate) blocker: Worst,
    /// A joint of a limp robot outside its limits: it keeps it from starting, not from a reset.
    pub(crate) outside: Option<Cause>,
    /// A reading that was not believed.
    pub(crate) passed_over: Option<Cause>,
    /// Estimate and joints are good enough for a controlled stop.
    pub(crate) can_settle: bool,
    /// Part of the speed that what was found still permits, 0 to 1.
    pub(crate) scale: f32,
    /// Every joint stands still; a few silent ones are vouched for by the others and the base.
    pub(crate) still: bool,
}

/// What has to be remembered from look to look.
#[derive(Debug)]
pub(crate) struct Watch {
    /// What is known of each joint from its own readings.
    eyes: Eyes,
    /// Joints whose reading cannot be judged in this cycle, one bit each.
    blind: u32,
    bad_frames: u32,
    bad_states: u32,
    ages: Ages,
    vitals: Vitals,
    drives: Drives,
    base: BaseWatch,
    balance: BalanceWatch,
    person: PersonWatch,
    settled_since: Option<Instant>,
    still_since: Option<Instant>,
}

/// What the joints are found to be, beside the causes.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    /// A joint's reading or estimate is not a number, or was not looked at.
    unsound_reading: bool,
    unsound_estimate: bool,
    silent: usize,
    /// How many are older than two may be.
    old: usize,
    /// The hottest of those that are too hot.
    hottest: Option<Cause>,
    /// An estimate that is far from its reading.
    estimate: Option<Cause>,
}

/// The ages of readings at which something happens, ns: plain numbers, compared 14 times a tick.
#[derive(Clone, Copy, Debug)]
struct Ages {
    limited: u64,
    settle: u64,
    pair: u64,
    imu: u64,
}

/// Everything one look is given.
pub(crate) struct Input<'a> {
    pub(crate) cycle: &'a Cycle,
    pub(crate) frame: &'a SensorFrame,
    pub(crate) state: &'a BodyState,
    pub(crate) envelope: &'a Envelope,
    pub(crate) profile: &'a Profile,
    /// What was decided in the last cycle.
    pub(crate) ruling: &'a Ruling,
    /// What raised the level last.
    pub(crate) raised_by: Rule,
    /// What the joints were told in the last cycles.
    pub(crate) given: &'a Given,
}

impl Input<'_> {
    /// The joints carry no torque.
    pub(crate) fn limp(&self) -> bool {
        self.ruling.motion == Motion::Limp
    }
}

impl Watch {
    pub(crate) fn new(joints: usize, profile: &Profile) -> Self {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self {
            ages: Ages {
                limited: nanos(profile.reading_age_limited),
                settle: nanos(profile.reading_age_settle),
                pair: nanos(profile.health.pair_age_settle),
                imu: nanos(profile.health.imu_age_settle),
            },
            eyes: Eyes::new(joints),
            blind: u32::MAX,
            bad_frames: 0,
            bad_states: 0,
            vitals: Vitals::new(),
            drives: Drives::new(joints),
            base: BaseWatch::default(),
            balance: BalanceWatch::default(),
            person: PersonWatch::default(),
            settled_since: None,
            still_since: None,
        }
    }

    /// Looks at everything once.
    pub(crate) fn look(&mut self, input: &Input<'_>) -> Sight {
        let mut sight = Sight {
            worst: Worst(None),
            blocker: Worst(None),
            outside: None,
            passed_over: None,
            scale: 1.0,
            can_settle: true,
            still: true,
        };
        let (turn, steady) = self.vitals.begin(input, &mut sight);
        let found = self.look_at_joints(input, &mut sight);
        self.look_at_frame(found.unsound_reading, input, &mut sight);
        if !input.profile.fixed_base {
            look_at_imu(input, self.ages, &mut sight);
        }
        let (unsound, ages) = (found.unsound_estimate, self.ages);
        if look_at_state((&mut self.bad_states, unsound), input, ages, &mut sight) {
            self.vitals.look(found.estimate, input, &mut sight);
        }
        self.vitals.heat(found.hottest, input.cycle.now, &mut sight.worst);
        self.drives.look((turn, steady, self.blind), input, &mut sight.worst);
        self.base.look(input, &mut sight);
        if let Some(rule) = &input.profile.balance {
            self.balance.look(rule, input, &mut sight);
        }
        if let Some(rule) = &input.profile.person {
            self.person.look(rule, self.balance.unsteady, input, &mut sight);
        }
        // Whatever makes the robot slow down or stop also keeps it from being started.
        if let Some(cause) = sight.worst.0.filter(|cause| cause.level >= Level::Limited) {
            sight.blocker.add(cause);
        }
        let now = input.cycle.now;
        let settled = sight.still && input.state.posture == signals::Posture::Settled;
        self.still_since = sight.still.then(|| self.still_since.unwrap_or(now));
        self.settled_since = settled.then(|| self.settled_since.unwrap_or(now));
        sight
    }

    /// The joint's own reading of this cycle; `None` when it is absent, old, no number or a jump.
    pub(crate) fn sees(&self, joint: JointId) -> Option<JointState> {
        (self.blind & (1 << joint.index()) == 0).then(|| self.eyes.state(joint))
    }

    /// The joint's last reading that was believed, however old.
    pub(crate) fn last_seen(&self, joint: JointId) -> JointState {
        self.eyes.state(joint)
    }

    /// When the joint's last reading that was believed was measured.
    pub(crate) fn seen_at(&self, joint: JointId) -> Instant {
        self.eyes.at[joint]
    }

    /// What is known of all joints from their own readings, and those that are not seen in this
    /// cycle, one bit each.
    pub(crate) const fn all(&self) -> (&Eyes, u32) {
        (&self.eyes, self.blind)
    }

    /// How long the body has stood by itself without moving: the evidence of a stop.
    pub(crate) fn settled_for(&self, now: Instant) -> Option<Duration> {
        self.settled_since.map(|since| now.since(since))
    }

    /// How long no joint has moved.
    pub(crate) fn still_for(&self, now: Instant) -> Option<Duration> {
        self.still_since.map(|since| now.since(since))
    }

    /// The first of the two gates for non-finite numbers.
    fn look_at_frame(&mut self, unsound: bool, input: &Input<'_>, sight: &mut Sight) {
        let (frame, most) = (input.frame, input.profile.bad_frames_settle);
        let wanted = input.envelope.joints().len();
        let (rule, measured, limit) = if frame.joints.len() != wanted {
            (Rule::FrameShape, count(frame.joints.len()), count(wanted))
        } else if unsound || !frame.is_finite_beside_joints() {
            (Rule::FrameFinite, ticks(self.bad_frames.saturating_add(1)), ticks(most))
        } else {
            self.bad_frames = 0;
            return;
        };
        self.bad_frames = self.bad_frames.saturating_add(1);
        let level = if self.bad_frames >= most { Level::Settle } else { Level::Notice };
        let cause = Cause::new(level, rule, Actor::Body).because(measured, limit);
        sight.worst.add(cause);
        sight.blocker.add(cause);
        sight.still = false;
    }

    fn look_at_joints(&mut self, input: &Input<'_>, sight: &mut Sight) -> Found {
        self.blind = u32::MAX;
        let mut found = Found::default();
        let limits = input.envelope.joints();
        if input.frame.joints.len() != limits.len() {
            sight.can_settle = false;
            found.unsound_estimate = !input.state.is_finite();
            return found;
        }
        let Usual { seen, close, still } = self.eyes.look(input, self.ages.window(input.cycle.now));
        self.blind = !seen;
        for joint in joints_of(every(limits.len()) & !(seen & close)) {
            let bit = 1 << joint.index();
            if seen & bit == 0 {
                if self.look_closer(joint, input, sight, &mut found) {
                    self.blind &= !bit;
                } else {
                    found.silent += 1;
                }
            }
            if close & bit == 0 {
                self.contradicts(joint, input, &mut found);
            }
        }
        sight.still &= (still | self.blind) == u32::MAX;
        if input.limp() {
            let joints = &input.frame.joints;
            sight.outside = limits.ids().find_map(|id| outside(id, &joints[id], input));
        }
        if found.old >= 2 {
            let seconds = |nanos| Duration::from_nanos(nanos).as_secs_f32();
            let cause = Cause::new(Level::Settle, Rule::JointStale, Actor::Body);
            sight.worst.add(cause.because(seconds(self.ages.pair), seconds(self.ages.pair)));
        }
        // A silent joint proves nothing by itself; the rest of the body can vouch for a few, and
        // settle without them.
        let few = found.silent * SILENT_SHARE <= limits.len();
        sight.can_settle &= few;
        sight.still &= found.silent == 0 || (few && base_is_still(input, self.ages));
        found
    }

    /// A reading that is not the usual one. True when it can be believed.
    #[inline(never)]
    fn look_closer(
        &mut self,
        joint: JointId,
        input: &Input<'_>,
        sight: &mut Sight,
        found: &mut Found,
    ) -> bool {
        let (reading, mut eye) = (&input.frame.joints[joint], self.eyes.get(joint));
        let (profile, of_joint) = (input.profile, |cause| Cause { joint: Some(joint), ..cause });
        let age = self.ages.of(reading.at, input.cycle.now);
        let fresh = age <= self.ages.limited;
        if !fresh {
            found.old += usize::from(age > self.ages.pair);
            sight.worst.add(of_joint(self.ages.cause(age, Rule::JointStale)));
        }
        found.unsound_reading |= !reading.is_finite();
        if !(reading.q.is_finite() && reading.dq.is_finite()) {
            return false;
        }
        let rule = &profile.health;
        if reading.temperature >= rule.temperature_warn {
            let trips = reading.temperature >= rule.temperature_trip;
            let (level, limit) = if trips {
                (Level::Settle, rule.temperature_trip)
            } else {
                (Level::Limited, rule.temperature_warn)
            };
            let cause = Cause::new(level, Rule::JointHot, Actor::Body);
            let cause = of_joint(cause.because(reading.temperature.0, limit.0));
            if found.hottest.is_none_or(|other| other.measured < cause.measured) {
                found.hottest = Some(cause);
            }
        }
        // A reading that is another with the same stamp is a new one all the same.
        let state = JointState { q: reading.q, dq: reading.dq };
        if (reading.at != eye.at || state != eye.state)
            && let Some(cause) = eye.take(reading, &input.envelope.joints()[joint], input)
        {
            sight.worst.add(of_joint(cause));
            sight.passed_over = Some(of_joint(cause)).filter(|_| eye.jumps > 0);
        }
        self.eyes.set(joint, eye);
        if profile.stuck_frames > 0 && eye.times >= profile.stuck_frames {
            let cause = Cause::new(Level::Settle, Rule::JointStuck, Actor::Body);
            sight.worst.add(of_joint(cause.because(ticks(eye.times), ticks(profile.stuck_frames))));
        }
        fresh && eye.jumps == 0
    }

    /// The estimate of a joint is far from the reading it was made of, if that is believed, or is
    /// no number at all.
    #[inline(never)]
    fn contradicts(&self, joint: JointId, input: &Input<'_>, found: &mut Found) {
        if !input.state.joints[joint].is_finite() {
            found.unsound_estimate = true;
        } else if self.sees(joint).is_some() {
            let limit = input.profile.health.estimate_joint;
            let off = (input.state.joints[joint].q - input.frame.joints[joint].q).abs();
            let cause = Cause::new(Level::Notice, Rule::StateDiverged, Actor::Cerebellum);
            found.estimate = Some(Cause { joint: Some(joint), ..cause.because(off.0, limit.0) });
        }
    }
}

/// The base is fixed, or the inertial unit is fresh and says that it does not turn.
fn base_is_still(input: &Input<'_>, ages: Ages) -> bool {
    if input.profile.fixed_base {
        return true;
    }
    let imu = &input.frame.imu;
    let most = input.profile.static_joint_speed;
    // A rate that is not a number proves nothing.
    imu.angular_velocity.iter().all(|rate| rate.abs() <= most)
        && ages.of(imu.at, input.cycle.now) <= ages.limited
}

fn look_at_imu(input: &Input<'_>, ages: Ages, sight: &mut Sight) {
    let age = ages.of(input.frame.imu.at, input.cycle.now);
    if age > ages.limited {
        let sooner = Ages { settle: ages.settle.min(ages.imu), ..ages };
        sight.worst.add(sooner.cause(age, Rule::ImuStale));
    }
}

/// Looks at the estimate; true when it can be used. One that cannot be for a tick or two is passed
/// over like a frame, and ends no controlled stop either.
fn look_at_state(
    (bad, unsound): (&mut u32, bool),
    input: &Input<'_>,
    ages: Ages,
    sight: &mut Sight,
) -> bool {
    let Input { state, profile, .. } = input;
    let fits = state.joints.len() == input.envelope.joints().len();
    let late = ages.of(state.at, input.cycle.now) > ages.settle;
    if !state.valid || !fits || late || unsound || !state.is_finite_beside_joints() {
        *bad = bad.saturating_add(1);
        let lasts = *bad >= BAD_STATES_SETTLE;
        let level = if lasts { Level::Settle } else { Level::Notice };
        let cause = Cause::new(level, Rule::StateInvalid, Actor::Cerebellum);
        sight.worst.add(cause);
        sight.blocker.add(cause);
        sight.can_settle &= !lasts;
        return false;
    }
    *bad = 0;
    let tilt = state.attitude.tilt();
    // A limp body that lies on its side cannot fall any more, and one that stands by itself stops.
    let level = match profile.body {
        _ if input.limp() || tilt <= profile.tilt_max => Level::Notice,
        BodyClass::ActivelyStable => Level::Falling,
        BodyClass::StaticallyStable => Level::Settle,
    };
    if tilt > profile.tilt_max {
        let cause = Cause::new(level, Rule::Tilt, Actor::Body);
        sight.worst.add(cause.because(tilt.0, profile.tilt_max.0));
        // It must not start either.
        sight.blocker.add(cause.because(tilt.0, profile.tilt_max.0));
    } else if tilt > profile.tilt_notice {
        let cause = Cause::new(Level::Notice, Rule::Tilt, Actor::Body);
        sight.worst.add(cause.because(tilt.0, profile.tilt_notice.0));
    }
    true
}

/// The stop devices. They need no permission and no working sensor.
pub(crate) fn devices(operator: &Operator) -> Worst {
    let mut worst = Worst(None);
    if operator.cut {
        worst.add(Cause::new(Level::Cut, Rule::OperatorCut, Actor::Operator));
    }
    if operator.stop {
        worst.add(Cause::new(Level::Settle, Rule::OperatorStop, Actor::Operator));
    }
    worst
}

impl Ages {
    /// Age of a reading, ns. A stamp ahead of the cycle by more than a fresh reading's age is as
    /// bad as an old one; a little ahead is normal, because a cycle's time is when it was due.
    fn of(self, at: Instant, now: Instant) -> u64 {
        let ahead = at.as_nanos().saturating_sub(now.as_nanos());
        let behind = now.as_nanos().saturating_sub(at.as_nanos());
        if ahead > self.limited { ahead } else { behind }
    }

    /// The stamps that are fresh at `now`, the oldest and the newest.
    fn window(self, now: Instant) -> (Instant, Instant) {
        let now = now.as_nanos();
        let oldest = Instant::from_nanos(now.saturating_sub(self.limited));
        (oldest, Instant::from_nanos(now.saturating_add(self.limited)))
    }

    /// What an age above the first limit asks for.
    fn cause(self, age: u64, rule: Rule) -> Cause {
        let seconds = |nanos| Duration::from_nanos(nanos).as_secs_f32();
        let (level, limit) = if age > self.settle {
            (Level::Settle, self.settle)
        } else {
            (Level::Limited, self.limited)
        };
        Cause::new(level, rule, Actor::Body).because(seconds(age), seconds(limit))
    }
}

/// A joint that is not where or not as slow as it may be; the soft margin is the tolerance.
fn outside(joint: JointId, reading: &JointReading, input: &Input<'_>) -> Option<Cause> {
    let limits = &input.envelope.joints()[joint];
    let margin = input.profile.position_margin;
    let (low, high) = (limits.q_min - margin, limits.q_max + margin);
    let slow = reading.dq.abs() <= RadiansPerSecond(limits.dq_max.0);
    if reading.q >= low && reading.q <= high && slow {
        return None;
    }
    let limit = if reading.q < low { low } else { high };
    let cause = Cause::new(Level::Notice, Rule::JointOutside, Actor::Body);
    Some(Cause { joint: Some(joint), ..cause.because(reading.q.0, limit.0) })
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
pub(crate) const fn ticks(number: u32) -> f32 {
    number as f32
}

#[expect(clippy::cast_precision_loss, reason = "at most 32 joints")]
pub(crate) const fn count(number: usize) -> f32 {
    number as f32
}
