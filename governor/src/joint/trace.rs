//! What each joint was told and how fast it moved over the last ticks: how hard it accelerates, and
//! which torque is still on its way.

use signals::{Cycle, Instant, JOINTS_MAX, JointId, Joints};

use super::calm::Look;
use super::{larger, smaller};
use crate::row::{Row, groups};

/// Ticks that are remembered.
pub(crate) const SLOTS: usize = 32;
/// Time over which an acceleration is measured, ns and s: shorter is all noise, longer is late.
/// It is measured over the last two of them; a blow from outside is in one of them only.
const SPAN_NS: u64 = 4_500_000;
const SPAN: f32 = 4.5e-3;
/// Periods without a cycle after which nothing that was seen before counts.
const GAP_PERIODS: u32 = 3;
/// Shortest step of time a rate is computed with, s.
const DT_MIN: f32 = 1e-5;

/// What has to be remembered of one joint beside the rows.
#[derive(Clone, Copy, Debug)]
struct Trace {
    /// Ticks for which what happened last still counts.
    lively: u32,
    /// Last measured acceleration, rad/s^2.
    acceleration: f32,
    /// Where its drive holds it while it is out of sight, rad, and for how many ticks more.
    anchor: f32,
    anchored: u32,
    /// Tick in which its squared torques were asked for last.
    asked: u32,
}

impl Trace {
    const REST: Self = Self { lively: 0, acceleration: 0.0, anchor: 0.0, anchored: 0, asked: 0 };
}

/// One tick of all joints.
#[derive(Clone, Copy, Debug)]
struct Tick {
    /// Torque each was told, N m.
    torque: Row,
    /// Its last reading then: speed, rad/s, and when it was measured.
    speed: Row,
    at: Joints<Instant>,
}

impl Tick {
    const REST: Self = Self {
        torque: Row::filled(0.0),
        speed: Row::filled(f32::NAN),
        at: Joints::filled(Instant::ZERO, JOINTS_MAX),
    };
}

/// The last targets that joints followed, rad: the one asked for, and what became of it; NaN where
/// there was none.
#[derive(Clone, Copy, Debug)]
struct Aims {
    asked: Row,
    target: Row,
}

impl Aims {
    const NONE: Self = Self { asked: Row::filled(f32::NAN), target: Row::filled(f32::NAN) };
}

/// Lowest and highest torque, N m.
type Spread = (f32, f32);

/// The same of all joints, for the horizon, s, that came first in this cycle; NaN before it.
#[derive(Clone, Copy, Debug)]
struct Extremes {
    horizon: f32,
    recent: (Row, Row),
    before: Option<(Row, Row)>,
}

/// How hard a joint accelerated over some time, and the torque that may have acted since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Measured, rad/s^2; zero while it is not known.
    pub(crate) acceleration: f32,
    /// Lowest and highest torque since then, that on its way included, N m.
    pub(crate) lowest: f32,
    pub(crate) highest: f32,
}

/// What the trace of one joint says in this tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    /// Torque of the last command, N m.
    pub(crate) told: f32,
    /// The last span of time.
    pub(crate) recent: Stretch,
    /// The span before it, where that is known.
    pub(crate) before: Option<Stretch>,
}

impl Past {
    /// A joint that has been given this torque, N m, for long, and does not accelerate.
    pub(crate) const fn steady(told: f32) -> Self {
        let recent = Stretch { acceleration: 0.0, lowest: told, highest: told };
        Self { told, recent, before: None }
    }
}

/// The traces of all joints.
#[derive(Debug)]
pub(crate) struct Traces {
    /// The last ticks, a ring, and the slot of this one.
    ticks: [Tick; SLOTS],
    slot: usize,
    aims: Aims,
    joints: Joints<Trace>,
    extremes: Extremes,
    /// Ticks back in which an acceleration was found last, over one span of time and over two.
    spans: (usize, usize),
    /// Sum of the squared torques of each joint since they were asked for, N^2 m^2.
    squares: Row,
    /// Joints to which something happened not long ago, one bit each.
    lively: u32,
    /// Nothing is remembered.
    resting: bool,
    count: u32,
    last: Option<(u64, Instant)>,
    /// From the last cycle to this one, s.
    pub(crate) dt: f32,
}

impl Traces {
    pub(crate) fn new(len: usize) -> Self {
        let none = Row::filled(0.0);
        Self {
            ticks: [Tick::REST; SLOTS],
            slot: 0,
            aims: Aims::NONE,
            joints: Joints::filled(Trace::REST, len),
            extremes: Extremes { horizon: f32::NAN, recent: (none, none), before: None },
            spans: (1, 2),
            squares: none,
            lively: 0,
            resting: true,
            count: 0,
            last: None,
            dt: DT_MIN,
        }
    }

    /// Begins a cycle, once. After a gap nothing that was seen before counts.
    pub(crate) fn begin(&mut self, cycle: &Cycle) {
        let (number, at) = self.last.unwrap_or((cycle.number.wrapping_sub(1), Instant::ZERO));
        if number == cycle.number {
            return;
        }
        let elapsed = cycle.now.since(at);
        if elapsed > cycle.period.saturating_mul(GAP_PERIODS) {
            self.rest();
        }
        self.last = Some((cycle.number, cycle.now));
        self.slot = (self.slot + 1) % SLOTS;
        self.count = self.count.wrapping_add(1);
        self.dt = elapsed.min(cycle.period).as_secs_f32().max(DT_MIN);
        self.extremes.horizon = f32::NAN;
    }

    /// The joints carry no torque, or nobody knows which.
    pub(crate) fn rest(&mut self) {
        if core::mem::replace(&mut self.resting, true) {
            return;
        }
        self.ticks = [Tick::REST; SLOTS];
        self.aims = Aims::NONE;
        for trace in self.joints.iter_mut() {
            *trace = Trace { asked: trace.asked, ..Trace::REST };
        }
        self.squares = Row::filled(0.0);
        self.lively = 0;
    }

    /// Keeps one tick: torques, N m, as if nothing had to be changed of what was asked for; last
    /// readings, rad/s, and when they were measured.
    pub(crate) fn keep(&mut self, look: &Look, speed: &Row, at: &Joints<Instant>) {
        self.resting = false;
        let before =
            self.ticks.get(back(self.slot, 1)).map_or(Row::filled(0.0), |tick| tick.torque);
        let Some(tick) = self.ticks.get_mut(self.slot % SLOTS) else { return };
        for group in groups(self.joints.len()) {
            tick.torque.put(group, look.torque.four(group));
            tick.speed.put(group, speed.four(group));
            let last = before.four(group);
            self.squares.put(group, self.squares.four(group) + last * last);
        }
        for joint in self.joints.ids() {
            tick.at[joint] = at[joint];
        }
    }

    /// Another torque than the one kept in this tick, N m.
    pub(crate) fn amend(&mut self, joint: JointId, torque: f32) {
        if let Some(tick) = self.ticks.get_mut(self.slot % SLOTS) {
            tick.torque.set(joint, torque);
        }
    }

    /// Keeps the target that was asked for and what became of it, rad. Returns the one asked for
    /// before.
    pub(crate) fn aim(&mut self, joint: JointId, asked: f32, target: f32) -> f32 {
        let before = self.aims.asked.get(joint);
        self.aims.asked.set(joint, asked);
        self.aims.target.set(joint, target);
        before
    }

    fn back(&self, ticks: usize) -> &Tick {
        const NONE: &Tick = &Tick::REST;
        self.ticks.get(back(self.slot, ticks)).unwrap_or(NONE)
    }

    /// Torque of the last command, N m.
    #[inline]
    pub(crate) fn told(&self, joint: JointId) -> f32 {
        self.back(1).torque.get(joint)
    }

    /// Torques of the last commands, N m, speeds one tick ago, rad/s, and last targets, rad.
    pub(crate) fn last(&self) -> (&Row, &Row, &Row) {
        let tick = self.back(1);
        (&tick.torque, &tick.speed, &self.aims.target)
    }

    /// What is known of a joint that moved with `dq` when it was measured `at`, and follows a
    /// command `horizon`, s, after that.
    pub(crate) fn past(&mut self, joint: JointId, dq: f32, at: Instant, horizon: f32) -> Past {
        let (measured, earlier) = self.accelerations(joint, dq, at.as_nanos());
        let told = self.told(joint);
        let trace = &mut self.joints[joint];
        // Where there is nothing new it is believed to go on.
        let acceleration = measured.unwrap_or(trace.acceleration);
        trace.acceleration = acceleration;
        let Some((near, far)) = self.spread(joint, horizon) else {
            // More than is remembered: any torque may still be on its way.
            let (lowest, highest) = (f32::NEG_INFINITY, f32::INFINITY);
            return Past { told, recent: Stretch { acceleration, lowest, highest }, before: None };
        };
        let stretch = |acceleration: f32, (lowest, highest): (f32, f32)| Stretch {
            acceleration,
            lowest,
            highest,
        };
        let before = earlier.zip(far).map(|(acceleration, far)| stretch(acceleration, far));
        Past { told, recent: stretch(acceleration, near), before }
    }

    /// Lowest and highest torque that may still be on its way to a joint that follows `horizon`, s,
    /// after it was measured: from one span of time on, and from two where that is remembered.
    fn spread(&mut self, joint: JointId, horizon: f32) -> Option<(Spread, Option<Spread>)> {
        // Most joints are measured at the same time: one pass for all of them.
        if self.extremes.horizon != horizon {
            let per_tick = 1.0 / self.dt;
            let near = whole((horizon + SPAN) * per_tick)?;
            let far = whole((horizon + 2.0 * SPAN) * per_tick);
            if !self.extremes.horizon.is_nan() {
                return Some(self.alone(joint, near, far));
            }
            self.remember(near, far);
            self.extremes.horizon = horizon;
        }
        let Extremes { recent, before, .. } = &self.extremes;
        let of = |(low, high): &(Row, Row)| (low.get(joint), high.get(joint));
        Some((of(recent), before.as_ref().map(of)))
    }

    /// Over so many ticks and over more of them.
    fn alone(&self, joint: JointId, near: usize, far: Option<usize>) -> (Spread, Option<Spread>) {
        let widen = |(low, high): Spread, ago: usize| {
            let torque = self.back(ago).torque.get(joint);
            (smaller(torque, low), larger(torque, high))
        };
        let told = self.told(joint);
        let recent = (2..=near).fold((told, told), widen);
        (recent, far.map(|far| (near + 1..=far).fold(recent, widen)))
    }

    /// The same for all joints.
    fn remember(&mut self, near: usize, far: Option<usize>) {
        let Self { ticks, slot, extremes, joints, .. } = self;
        let of = |ago: usize| ticks.get(back(*slot, ago)).map(|tick| &tick.torque);
        let widen = |(low, high): &mut (Row, Row), torque: &Row| {
            for group in groups(joints.len()) {
                let torque = torque.four(group);
                low.put(group, torque.min(low.four(group)));
                high.put(group, torque.max(high.four(group)));
            }
        };
        let told = of(1).copied().unwrap_or(Row::filled(0.0));
        extremes.recent = (told, told);
        for torque in (2..=near).filter_map(of) {
            widen(&mut extremes.recent, torque);
        }
        extremes.before = far.map(|far| {
            let mut before = extremes.recent;
            (near + 1..=far).filter_map(of).for_each(|torque| widen(&mut before, torque));
            before
        });
    }

    /// Over the last span of time and over the one before it, as far as there are readings.
    fn accelerations(&mut self, joint: JointId, dq: f32, at: u64) -> (Option<f32>, Option<f32>) {
        let reading = |ticks: usize| {
            let tick = self.back(ticks);
            (tick.speed.get(joint), at.saturating_sub(tick.at[joint].as_nanos()))
        };
        let span = |ticks: usize| reading(ticks).1;
        // From tick to tick the same number of ticks fits into a span.
        let (near, far) = self.spans;
        let fits = span(near) > 0
            && span(near) <= SPAN_NS
            && span(near + 1) > SPAN_NS
            && span(far) <= 2 * SPAN_NS
            && span(far + 1) > 2 * SPAN_NS;
        let (mut newer, mut older) = (Some(near), Some(far));
        if !fits {
            (newer, older) = (None, None);
            for ticks in 1..SLOTS {
                let age = span(ticks);
                if age > 2 * SPAN_NS {
                    break;
                }
                // The same reading may stand in several slots; it says nothing new.
                if age > SPAN_NS {
                    older = Some(ticks);
                } else if age > 0 {
                    newer = Some(ticks);
                }
            }
        }
        let (newest, oldest) = (newer.map(reading), older.map(reading));
        if let Some(spans) = newer.zip(older) {
            self.spans = spans;
        }
        let recent = newest.and_then(|(speed, age)| slope(dq - speed, age));
        let before = newest.zip(oldest).and_then(|((speed, age), (first, since))| {
            slope(speed - first, since.saturating_sub(age))
        });
        (recent, before)
    }

    /// Target of the last command, rad; NaN where there was none.
    #[inline]
    pub(crate) fn target(&self, joint: JointId) -> f32 {
        self.aims.target.get(joint)
    }

    /// Mean of the squared torques since this was asked last, N^2 m^2.
    #[expect(clippy::cast_precision_loss, reason = "a few ticks")]
    pub(crate) fn mean_square(&mut self, joint: JointId) -> f32 {
        let trace = &mut self.joints[joint];
        let ticks = self.count.wrapping_sub(trace.asked);
        trace.asked = self.count;
        let sum = self.squares.get(joint);
        self.squares.set(joint, 0.0);
        if ticks > 0 { sum / ticks as f32 } else { 0.0 }
    }

    /// Torque and speed of this tick, N m and rad/s.
    pub(crate) fn now(&self, joint: JointId) -> (f32, f32) {
        let tick = self.back(0);
        (tick.torque.get(joint), tick.speed.get(joint))
    }

    /// Where the drive holds the joint by itself: at `q` when that begins now, and for some ticks
    /// after the joint is seen again, until its torque and its acceleration are known again; `turn`
    /// is how long the drive takes from one end of its torque to the other, s.
    pub(crate) fn anchor(&mut self, joint: JointId, q: f32, turn: f32) -> f32 {
        let ticks = (turn / self.dt).clamp(0.0, TURN_MAX);
        let trace = &mut self.joints[joint];
        if trace.anchored == 0 {
            trace.anchor = q;
        }
        trace.anchored = RECOVERY + rounded(ticks);
        trace.anchor
    }

    /// Where the drive still holds a joint that is seen again; one tick less each time.
    pub(crate) fn anchored(&mut self, joint: JointId) -> Option<f32> {
        let trace = &mut self.joints[joint];
        trace.anchored = trace.anchored.checked_sub(1)?;
        Some(trace.anchor)
    }

    /// Joints to which something happened not long ago, one bit each.
    #[inline]
    pub(crate) const fn lively(&self) -> u32 {
        self.lively
    }

    /// A tick in which something `happens` to the joint, or one less until that is forgotten.
    pub(crate) fn stir(&mut self, joint: JointId, happens: bool) {
        let (trace, bit) = (&mut self.joints[joint], 1 << joint.index());
        trace.lively = if happens { MEMORY } else { trace.lively.saturating_sub(1) };
        self.lively = if trace.lively > 0 { self.lively | bit } else { self.lively & !bit };
    }
}

/// A change over so many ns, per second.
#[expect(clippy::cast_precision_loss, reason = "a few ms")]
fn slope(change: f32, nanos: u64) -> Option<f32> {
    let slope = change / (nanos as f32 * 1e-9);
    slope.is_finite().then_some(slope)
}

/// Ticks for which a joint is held after it was seen again, and at most so many more until its
/// torque is no guess any more.
const RECOVERY: u32 = 10;
const TURN_MAX: f32 = 1000.0;
/// Ticks after which a change of torque or speed is forgotten.
const MEMORY: u32 = 32;

/// Whole ticks, rounded up; none where that is more than is remembered.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 30")]
fn whole(ticks: f32) -> Option<usize> {
    (0.0..=TICKS_MAX).contains(&ticks).then(|| ticks as usize + 1)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
fn rounded(ticks: f32) -> u32 {
    ticks as u32
}

/// Ticks that are remembered, less the one that is being written and one for rounding.
const TICKS_MAX: f32 = 30.0;

const fn back(slot: usize, ticks: usize) -> usize {
    (slot + SLOTS - ticks) % SLOTS
}

const _: () = assert!(SLOTS.is_power_of_two());
