//! Looks at everything a cycle brings - readings, estimate, devices - and says what it found.
//! It decides nothing: no level, no mode, no motion.

use core::time::Duration;

use signals::{
    BodyState, Cycle, Instant, JointId, JointReading, JointState, Joints, Level, Motion, Operator,
    RadiansPerSecond, Ruling, SensorFrame,
};

use crate::fence::BaseWatch;
use crate::person::PersonWatch;
use crate::{Actor, BodyClass, Envelope, Profile, Rule};

/// One joint in this many may be silent while the others prove a standstill.
const SILENT_SHARE: usize = 4;

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
    /// The frame's own readings of this cycle.
    readings: Joints<JointState>,
    /// Joints whose reading cannot be judged in this cycle, one bit each.
    blind: u32,
    last: Joints<Repeat>,
    bad_frames: u32,
    ages: Ages,
    base: BaseWatch,
    person: PersonWatch,
    settled_since: Option<Instant>,
    still_since: Option<Instant>,
}

/// The bits of a joint's last reading and how often they have come again.
#[derive(Clone, Copy, Debug, Default)]
struct Repeat {
    q: u32,
    dq: u32,
    at: Instant,
    times: u32,
}

/// The ages of readings at which something happens, ns: plain numbers, compared 14 times a tick.
#[derive(Clone, Copy, Debug)]
struct Ages {
    limited: u64,
    settle: u64,
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
            },
            readings: Joints::filled(JointState::default(), joints),
            blind: u32::MAX,
            last: Joints::filled(Repeat::default(), joints),
            bad_frames: 0,
            base: BaseWatch::default(),
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
            scale: 1.0,
            can_settle: true,
            still: true,
        };
        self.look_at_frame(input, &mut sight);
        self.look_at_joints(input, &mut sight);
        look_at_imu(input, self.ages, &mut sight);
        look_at_state(input, self.ages, &mut sight);
        self.base.look(input, &mut sight);
        if let Some(rule) = &input.profile.person {
            self.person.look(rule, input, &mut sight);
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

    /// The joint's own reading of this cycle; `None` when it is absent, old or not a number.
    pub(crate) fn sees(&self, joint: JointId) -> Option<JointState> {
        (self.blind & (1 << joint.index()) == 0).then(|| self.readings[joint])
    }

    /// The joint's last reading that was a number, however old.
    pub(crate) fn last_seen(&self, joint: JointId) -> JointState {
        self.readings[joint]
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
    fn look_at_frame(&mut self, input: &Input<'_>, sight: &mut Sight) {
        let (frame, most) = (input.frame, input.profile.bad_frames_settle);
        let wanted = input.envelope.joints().len();
        let (rule, measured, limit) = if frame.joints.len() != wanted {
            (Rule::FrameShape, count(frame.joints.len()), count(wanted))
        } else if !frame.is_finite() {
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

    fn look_at_joints(&mut self, input: &Input<'_>, sight: &mut Sight) {
        self.blind = u32::MAX;
        let limits = input.envelope.joints();
        if input.frame.joints.len() != limits.len() {
            sight.can_settle = false;
            return;
        }
        let profile = input.profile;
        let mut silent = 0;
        for joint in limits.ids() {
            let reading = &input.frame.joints[joint];
            let age = self.ages.of(reading.at, input.cycle.now);
            let finite = reading.q.is_finite() && reading.dq.is_finite();
            let fresh = age <= self.ages.limited;
            if finite {
                self.readings[joint] = JointState { q: reading.q, dq: reading.dq };
            }
            if finite && fresh {
                self.blind &= !(1 << joint.index());
            }
            if finite && fresh {
                sight.still &= reading.dq.abs() <= profile.static_joint_speed;
            } else {
                silent += 1;
            }
            if !fresh {
                let cause = self.ages.cause(age, Rule::JointStale);
                sight.worst.add(Cause { joint: Some(joint), ..cause });
            }
            let times = repeated(&mut self.last[joint], reading);
            if profile.stuck_frames > 0 && times >= profile.stuck_frames {
                let cause = Cause::new(Level::Settle, Rule::JointStuck, Actor::Body)
                    .because(ticks(times), ticks(profile.stuck_frames));
                sight.worst.add(Cause { joint: Some(joint), ..cause });
            }
            if input.limp() && sight.outside.is_none() {
                sight.outside = outside(joint, reading, input);
            }
        }
        // A silent joint proves nothing by itself; the rest of the body can vouch for a few, and
        // settle without them.
        let few = silent * SILENT_SHARE <= limits.len();
        sight.can_settle &= few;
        sight.still &= silent == 0 || (few && base_is_still(input, self.ages));
    }
}

/// The inertial unit is fresh and says that the base does not turn.
fn base_is_still(input: &Input<'_>, ages: Ages) -> bool {
    let imu = &input.frame.imu;
    let most = input.profile.static_joint_speed;
    // A rate that is not a number proves nothing.
    imu.angular_velocity.iter().all(|rate| rate.abs() <= most)
        && ages.of(imu.at, input.cycle.now) <= ages.limited
}

fn look_at_imu(input: &Input<'_>, ages: Ages, sight: &mut Sight) {
    let age = ages.of(input.frame.imu.at, input.cycle.now);
    if age > ages.limited {
        sight.worst.add(ages.cause(age, Rule::ImuStale));
    }
}

fn look_at_state(input: &Input<'_>, ages: Ages, sight: &mut Sight) {
    let Input { state, profile, .. } = input;
    let fits = state.joints.len() == input.envelope.joints().len();
    let late = ages.of(state.at, input.cycle.now) > ages.settle;
    if !state.valid || !fits || late || !state.is_finite() {
        sight.worst.add(Cause::new(Level::Settle, Rule::StateInvalid, Actor::Cerebellum));
        sight.can_settle = false;
        return;
    }
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

/// How many fresh readings in a row have had the very same bits.
fn repeated(last: &mut Repeat, reading: &JointReading) -> u32 {
    if reading.at != last.at {
        let (q, dq) = (reading.q.0.to_bits(), reading.dq.0.to_bits());
        let same = q == last.q && dq == last.dq;
        let times = if same { last.times.saturating_add(1) } else { 1 };
        *last = Repeat { q, dq, at: reading.at, times };
    }
    last.times
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
