//! What each joint was told and how fast it moved over the last ticks: how hard it accelerates, and
//! which torque is still on its way.

use signals::{Cycle, Instant, JointId, Joints};

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

/// One joint over the last ticks, a ring.
#[derive(Clone, Copy, Debug)]
struct Trace {
    /// Torque it was told, N m.
    torque: [f32; SLOTS],
    /// Its last reading then: speed, rad/s, and when it was measured, ns.
    speed: [f32; SLOTS],
    at: [u64; SLOTS],
    /// Ticks for which what happened last still counts.
    lively: u32,
    /// Last measured acceleration, rad/s^2.
    acceleration: f32,
    /// Target of the last command, rad, and the one that was asked for; NaN where there was none.
    target: f32,
    asked: f32,
    /// Where its drive holds it while it is out of sight, rad, and for how many ticks more.
    anchor: f32,
    anchored: u32,
    /// Sum of the squared torques since they were asked for, N^2 m^2, and of how many ticks.
    squares: (f32, f32),
}

impl Trace {
    const REST: Self = Self {
        torque: [0.0; SLOTS],
        speed: [f32::NAN; SLOTS],
        at: [0; SLOTS],
        lively: 0,
        acceleration: 0.0,
        target: f32::NAN,
        asked: f32::NAN,
        anchor: 0.0,
        anchored: 0,
        squares: (0.0, 0.0),
    };
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
    joints: Joints<Trace>,
    /// Slot of this tick.
    slot: usize,
    last: Option<(u64, Instant)>,
    /// From the last cycle to this one, s.
    pub(crate) dt: f32,
}

impl Traces {
    pub(crate) fn new(len: usize) -> Self {
        Self { joints: Joints::filled(Trace::REST, len), slot: 0, last: None, dt: DT_MIN }
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
        self.dt = elapsed.min(cycle.period).as_secs_f32().max(DT_MIN);
    }

    /// The joints carry no torque, or nobody knows which.
    pub(crate) fn rest(&mut self) {
        self.joints = Joints::filled(Trace::REST, self.joints.len());
    }

    /// Torque of the last command, N m.
    #[inline]
    pub(crate) fn told(&self, joint: JointId) -> f32 {
        self.joints[joint].torque.get(back(self.slot, 1)).copied().unwrap_or_default()
    }

    /// Speed one tick ago, rad/s; NaN while it is not known.
    #[inline]
    pub(crate) fn speed(&self, joint: JointId) -> f32 {
        self.joints[joint].speed.get(back(self.slot, 1)).copied().unwrap_or(f32::NAN)
    }

    /// What is known of a joint that moved with `dq` when it was measured `at`, and follows a
    /// command `horizon`, s, after that.
    pub(crate) fn past(&mut self, joint: JointId, dq: f32, at: Instant, horizon: f32) -> Past {
        let (measured, earlier) = self.accelerations(joint, dq, at.as_nanos());
        let told = self.told(joint);
        let per_tick = 1.0 / self.dt;
        let (near, far) =
            (whole((horizon + SPAN) * per_tick), whole((horizon + 2.0 * SPAN) * per_tick));
        let trace = &mut self.joints[joint];
        // Where there is nothing new it is believed to go on.
        let acceleration = measured.unwrap_or(trace.acceleration);
        trace.acceleration = acceleration;
        let Some(near) = near else {
            // More than is remembered: any torque may still be on its way.
            let (lowest, highest) = (f32::NEG_INFINITY, f32::INFINITY);
            return Past { told, recent: Stretch { acceleration, lowest, highest }, before: None };
        };
        let mut recent = Stretch { acceleration, lowest: told, highest: told };
        for ticks in 2..=near {
            recent.take(trace.torque.get(back(self.slot, ticks)));
        }
        let before = far.zip(earlier).map(|(far, acceleration)| {
            let mut before = Stretch { acceleration, ..recent };
            for ticks in near + 1..=far {
                before.take(trace.torque.get(back(self.slot, ticks)));
            }
            before
        });
        Past { told, recent, before }
    }

    /// Over the last span of time and over the one before it, as far as there are readings.
    fn accelerations(&self, joint: JointId, dq: f32, at: u64) -> (Option<f32>, Option<f32>) {
        let trace = &self.joints[joint];
        let (mut newer, mut older) = (None, None);
        for ticks in 1..SLOTS {
            let slot = back(self.slot, ticks);
            let (Some(speed), Some(then)) = (trace.speed.get(slot), trace.at.get(slot)) else {
                break;
            };
            let age = at.saturating_sub(*then);
            if age > 2 * SPAN_NS {
                break;
            }
            // The same reading may stand in several slots; it says nothing new.
            if age > SPAN_NS {
                older = Some((*speed, age));
            } else if age > 0 {
                newer = Some((*speed, age));
            }
        }
        let recent = newer.and_then(|(speed, age)| slope(dq - speed, age));
        let before = newer.zip(older).and_then(|((speed, age), (first, since))| {
            slope(speed - first, since.saturating_sub(age))
        });
        (recent, before)
    }

    /// Target of the last command, rad; NaN where there was none.
    #[inline]
    pub(crate) fn target(&self, joint: JointId) -> f32 {
        self.joints[joint].target
    }

    /// Keeps the target that was asked for and what became of it, rad. Returns the one asked for
    /// before.
    pub(crate) fn aim(&mut self, joint: JointId, asked: f32, target: f32) -> f32 {
        let trace = &mut self.joints[joint];
        trace.target = target;
        core::mem::replace(&mut trace.asked, asked)
    }

    /// Mean of the squared torques since this was asked last, N^2 m^2.
    pub(crate) fn mean_square(&mut self, joint: JointId) -> f32 {
        let trace = &mut self.joints[joint];
        let (sum, ticks) = core::mem::take(&mut trace.squares);
        if ticks > 0.0 { (sum / ticks).max(0.0) } else { 0.0 }
    }

    /// Torque and speed of this tick, N m and rad/s.
    pub(crate) fn now(&self, joint: JointId) -> (f32, f32) {
        let (slot, trace) = (self.slot % SLOTS, &self.joints[joint]);
        let read = |ring: &[f32; SLOTS]| ring.get(slot).copied().unwrap_or_default();
        (read(&trace.torque), read(&trace.speed))
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

    /// Ticks for which what happened to the joint last still counts.
    #[inline]
    pub(crate) fn lively(&self, joint: JointId) -> u32 {
        self.joints[joint].lively
    }

    /// A tick in which something `happens` to the joint, or one less until that is forgotten.
    pub(crate) fn stir(&mut self, joint: JointId, happens: bool) {
        let trace = &mut self.joints[joint];
        trace.lively = if happens { MEMORY } else { trace.lively.saturating_sub(1) };
    }

    /// Keeps what the joint was told in this tick, and its last reading.
    #[inline]
    pub(crate) fn keep(&mut self, joint: JointId, torque: f32, speed: f32, at: Instant) {
        let slot = self.slot % SLOTS;
        let trace = &mut self.joints[joint];
        if let Some(kept) = trace.torque.get_mut(slot) {
            *kept = torque;
        }
        if let Some(kept) = trace.speed.get_mut(slot) {
            *kept = speed;
        }
        if let Some(kept) = trace.at.get_mut(slot) {
            *kept = at.as_nanos();
        }
        let (sum, ticks) = trace.squares;
        trace.squares = (sum + torque * torque, ticks + 1.0);
    }

    /// Another torque than the one kept in this tick, N m.
    pub(crate) fn amend(&mut self, joint: JointId, torque: f32) {
        let trace = &mut self.joints[joint];
        if let Some(kept) = trace.torque.get_mut(self.slot % SLOTS) {
            let before = core::mem::replace(kept, torque);
            trace.squares.0 += torque * torque - before * before;
        }
    }
}

impl Stretch {
    fn take(&mut self, torque: Option<&f32>) {
        let torque = torque.copied().unwrap_or_default();
        self.lowest = self.lowest.min(torque);
        self.highest = self.highest.max(torque);
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
