//! Both ends of a joint's torque interval: how fast it may come nearer to a limit, and how hard it
//! may be driven there.
//!
//! Nothing is known of the load but this: full braking torque always gives at least the
//! deceleration `b`, whatever the load; the inertia is never smaller than `J`; and the load changes
//! slowly against a tick. So the acceleration that is measured is the one to start from, and a
//! change of torque by `u` changes it by at most `u / J`.
//!
//! 1. *Look ahead.* A command takes effect after a delay. By then all torque on its way has acted:
//!    the acceleration is at most the measured one plus `(last - lowest since) / J`. That gives the
//!    worst speed `v` and distance `d` to the limit (6.2 of the regulation notes). It is measured
//!    twice, over the last ms and over those before; both bounds are true, the smaller one counts.
//! 2. *Ceiling.* The permitted speed is the speed limit, or near a position limit `sqrt(2 b d)`,
//!    straightened to a line through zero where the curve is steeper than the loop can follow.
//! 3. *Reserve* `h`: ceiling less `v`. While the torque turns from `u` to full braking, `T = (u +
//!    tau_max) / R` at the torque rate `R`, the speed grows against the curve by at most `(a + b) T
//!    / 2`: the permitted `u` solves `h = (a + b) T / 2` with a band below, so that the bound turns
//!    from full driving to full braking in a slope and not in a step.
//! 4. *Growth.* A light joint passes any band within the delay. So torque may be added only as far
//!    as the acceleration stays below `h / tau` less the deceleration that the ceiling itself asks
//!    for; what a heavier joint does not turn into acceleration is permitted in the next ticks.
//!
//! All of it is done in a frame that points toward the limit; the lower limit is the mirror image.

use signals::{JointLimits, JointState};

use super::calm::Reserve;
use super::trace::{Past, SLOTS};
use super::{between, larger, smaller};
use crate::Rule;

/// Part of the speed limit over which the torque bound turns from zero to full braking.
const BAND: f32 = 0.05;
/// The band is never narrower, rad/s: a drive's torque cannot follow a step.
const BAND_MIN: f32 = 0.1;
/// Part of the speed limit that is aimed at: while a command is on its way, its spring and damper
/// give another torque than where the joint was measured.
const AIM: f32 = 0.99;
/// Time constant with which a joint nears its ceiling: this, s, and so many actuation delays.
const RESPONSE: f32 = 0.003;
const RESPONSE_DELAYS: f32 = 1.0;
/// Part of the speed limit that a calm joint stays away from it.
const CALM_SHARE: f32 = 0.25;

/// One end of the torque interval, and what made it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    /// N m.
    pub(crate) torque: f32,
    pub(crate) rule: Rule,
    /// What the rule measured, in its unit; NaN where the asked number itself is measured.
    pub(crate) measured: f32,
    pub(crate) limit: f32,
}

/// What is known of a joint when its bounds are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    pub(crate) measured: JointState,
    /// What a second witness says, or the same.
    pub(crate) estimate: JointState,
    pub(crate) past: Past,
    /// From the measurement until a command of now takes effect, s.
    pub(crate) horizon: f32,
    /// Time since the last command, s.
    pub(crate) dt: f32,
    /// Torque the winding's heat permits, N m.
    pub(crate) thermal: f32,
    /// The command only damps: nothing but a barrier holds it back.
    pub(crate) yields: bool,
}

/// The numbers of one joint's barriers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Barrier {
    tau_max: f32,
    dq_max: f32,
    braking: f32,
    inertia: f32,
    torque_rate: f32,
    jerk_max: f32,
    acceleration_max: f32,
    /// From no torque to all of it: reserve, rad/s, per torque, and time per torque and speed.
    turn: (f32, f32),
    per_inertia: f32,
    /// Where the drive's torque begins to fall, rad/s, and one over where it has fallen.
    corner_speed: f32,
    per_span: f32,
    pub(crate) delay_s: f32,
    /// One over the time constant of growth, 1/s.
    per_response: f32,
    /// Part of a distance by which the curve is shifted inward, rad.
    shift: f32,
    /// Distance from which the permitted speed is the speed limit itself, rad.
    far: f32,
    calm: Reserve,
}

impl Barrier {
    pub(crate) fn new(limits: &JointLimits, delay_s: f32, age_max_s: f32) -> Self {
        let l = limits;
        let (tau_max, dq_max, b) = (l.tau_max.0, AIM * l.dq_max.0, l.braking.0);
        let (inertia, rate) = (l.inertia_min.0, l.torque_rate.0);
        let band = (BAND * dq_max).max(BAND_MIN).min(dq_max);
        let response = RESPONSE + RESPONSE_DELAYS * delay_s;
        let shift = 0.5 * b * response * response;
        let horizon = delay_s + age_max_s;
        // A calm joint accelerates so little that it stays calm over all that is remembered.
        let share = CALM_SHARE * dq_max / (response + horizon);
        let acceleration = share.min(0.5 * endless(l.acceleration_max.0));
        let growth = acceleration * horizon;
        let bands = 2.0 * band + tau_max * (acceleration + b) / rate;
        let needed = bands.max(1.5 * acceleration * response) + growth;
        let speed = l.corner_speed.0.min(dq_max - needed);
        let reserve = (needed + b * response).max(2.0 * b * response);
        let calm = Reserve {
            horizon,
            speed,
            reserve,
            shift: shift + horizon * growth,
            braking: 2.0 * b,
            torque_step: 0.25 * acceleration * inertia / slots(),
            torque_rate: rate.min(inertia * endless(l.jerk_max.0)),
            acceleration: 0.5 * acceleration,
        };
        Self {
            tau_max,
            dq_max,
            braking: b,
            inertia,
            torque_rate: rate,
            jerk_max: endless(l.jerk_max.0),
            acceleration_max: endless(l.acceleration_max.0),
            turn: (band / tau_max, 0.5 / rate),
            per_inertia: 1.0 / inertia,
            corner_speed: l.corner_speed.0,
            per_span: 1.0 / (l.no_load_speed - l.corner_speed).0.max(1e-3),
            delay_s,
            per_response: 1.0 / response,
            shift,
            far: dq_max * dq_max / (2.0 * b) + shift,
            calm,
        }
    }

    /// From where no bound can touch the joint.
    pub(crate) const fn reserve(&self) -> Reserve {
        self.calm
    }

    /// The lowest and the highest torque, inside what the drive can give.
    ///
    /// On each side the witness counts that is nearer to the limit, and the one that is faster
    /// toward it. Where they contradict each other it is the reading that is believed.
    pub(crate) fn bounds(&self, o: &Outlook, range: (f32, f32)) -> (Bound, Bound) {
        let (one, other) = (o.measured, o.estimate);
        let most = (larger(one.q.0, other.q.0), larger(one.dq.0, other.dq.0));
        let least = (smaller(one.q.0, other.q.0), smaller(one.dq.0, other.dq.0));
        let (low, high) = self.ends(o, (least, most), range);
        if let Some(bounds) = ordered(low, high) {
            return bounds;
        }
        let one = (one.q.0, one.dq.0);
        let (low, high) = self.ends(o, (one, one), range);
        // Between two barriers nothing is left but to brake.
        let brake = if one.1 >= 0.0 { high } else { low };
        ordered(low, high).unwrap_or((brake, brake))
    }

    /// The lowest torque for a joint at `least`, rad, and rad/s, the highest for one at `most`.
    fn ends(
        &self,
        o: &Outlook,
        (least, most): ((f32, f32), (f32, f32)),
        (q_low, q_high): (f32, f32),
    ) -> (Bound, Bound) {
        let past = &o.past;
        let (mut up, mut down) = (
            self.worst(past.recent.acceleration, past.told, past.recent.lowest),
            self.worst(-past.recent.acceleration, -past.told, -past.recent.highest),
        );
        // With a load that changes slowly both are true; a blow is in one of them only, and over
        // before anyone can answer it.
        if let Some(before) = past.before {
            up = smaller(up, self.worst(before.acceleration, past.told, before.lowest));
            down = smaller(down, self.worst(-before.acceleration, -past.told, -before.highest));
        }
        let up = Approach {
            distance: q_high - most.0,
            speed: most.1,
            acceleration: up,
            told: past.told,
            most: past.recent.highest,
        };
        let down = Approach {
            distance: least.0 - q_low,
            speed: -least.1,
            acceleration: down,
            told: -past.told,
            most: -past.recent.lowest,
        };
        let (high, low) = (self.bound(&up, o), self.bound(&down, o));
        (Bound { torque: -low.torque, ..low }, high)
    }

    /// Acceleration once all torque on its way has acted: at most this, from what was measured
    /// under torque that was at least `least`.
    fn worst(&self, measured: f32, told: f32, least: f32) -> f32 {
        measured + (told - least) * self.per_inertia
    }

    /// The highest torque toward a limit.
    fn bound(&self, way: &Approach, o: &Outlook) -> Bound {
        // More than torque and a lasting load can cause is a blow, too.
        let lasting = (way.most + self.tau_max) * self.per_inertia - self.braking;
        let acceleration = smaller(way.acceleration, larger(lasting, 0.0));
        let barrier = self.barrier(way, acceleration, o.horizon);
        let soft = self.soft(way, acceleration, o);
        if barrier.torque < soft.torque { barrier } else { soft }
    }

    /// The bound that keeps the joint from passing its position and its speed limit.
    fn barrier(&self, way: &Approach, acceleration: f32, horizon: f32) -> Bound {
        let b = self.braking;
        let gain = larger(acceleration, 0.0) * horizon;
        let speed = way.speed + gain;
        let distance = way.distance - horizon * (way.speed + 0.5 * gain);
        let (ceiling, steep, rule) = if distance >= self.far {
            (self.dq_max, 0.0, Rule::JointVelocity)
        } else if distance <= 2.0 * self.shift {
            (distance * self.per_response, self.per_response, Rule::JointBrake)
        } else {
            let curve = libm::sqrtf(2.0 * b * (distance - self.shift));
            (curve, b / curve, Rule::JointBrake)
        };
        // The curve alone could be above the speed limit by the rounding of a number.
        let ceiling = smaller(ceiling, self.dq_max);
        let reserve = ceiling - speed;
        let turn = self.turn.0 + larger(acceleration + b, 0.0) * self.turn.1;
        let brake = reserve / turn - self.tau_max;
        // What the ceiling itself asks for while the joint follows it.
        let follow = between(steep * speed, 0.0, b);
        let growth = reserve * self.per_response - follow - acceleration;
        let torque = smaller(brake, way.told + self.inertia * growth);
        // One that is no number brakes.
        let torque = between(torque, -self.tau_max, self.tau_max);
        Bound { torque, rule, measured: way.speed, limit: ceiling }
    }

    /// The bounds that are given up where a barrier asks for more.
    fn soft(&self, way: &Approach, acceleration: f32, o: &Outlook) -> Bound {
        let (drive, told) = (self.drive(way.speed), way.told);
        if o.yields {
            let (rule, measured) = (Rule::JointTorque, f32::NAN);
            return Bound { torque: drive, rule, measured, limit: drive };
        }
        let step = self.torque_rate * o.dt;
        let rate = told + step;
        let jerk = told + self.inertia * self.jerk_max * o.dt;
        // Only driving torque is taken away: what a load does by itself is not answered here.
        let accel = larger(told + self.inertia * (self.acceleration_max - acceleration), 0.0);
        let most = smaller(smaller(rate, jerk), smaller(accel, o.thermal));
        let (rule, measured, limit) = if drive <= most {
            (Rule::JointTorque, f32::NAN, drive)
        } else if rate <= most {
            (Rule::JointTorqueRate, f32::NAN, self.torque_rate)
        } else if jerk <= most {
            (Rule::JointJerk, acceleration, self.acceleration_max)
        } else if accel <= most {
            (Rule::JointAccel, acceleration, self.acceleration_max)
        } else {
            (Rule::JointThermal, f32::NAN, o.thermal)
        };
        // Torque does not fall faster than the drive can follow, unless a barrier asks for it.
        Bound { torque: larger(smaller(most, drive), told - step), rule, measured, limit }
    }

    /// Torque the drive can give in the direction of this speed, or against it, N m: the curve of
    /// [`JointLimits::torque_range`] in numbers worked out before.
    pub(super) fn drive(&self, speed: f32) -> f32 {
        let share = 1.0 - (speed - self.corner_speed) * self.per_span;
        self.tau_max * between(share, 0.0, 1.0)
    }
}

/// A joint on its way to a limit: all numbers count toward it.
#[derive(Clone, Copy, Debug)]
struct Approach {
    distance: f32,
    speed: f32,
    /// Once all torque on its way has acted, at most.
    acceleration: f32,
    /// Torque of the last command, and the most that is on its way.
    told: f32,
    most: f32,
}

/// Bounds in the right order. Where they contradict each other a barrier wins over the rest; two
/// barriers have no order.
fn ordered(low: Bound, high: Bound) -> Option<(Bound, Bound)> {
    if low.torque <= high.torque {
        return Some((low, high));
    }
    let keeps = |bound: &Bound| matches!(bound.rule, Rule::JointBrake | Rule::JointVelocity);
    match (keeps(&low), keeps(&high)) {
        (true, false) => Some((low, low)),
        (false, true) => Some((high, high)),
        _ => None,
    }
}

/// A limit as large as a number may be is none.
const fn endless(limit: f32) -> f32 {
    if limit >= JointLimits::UNLIMITED { f32::INFINITY } else { limit }
}

#[expect(clippy::cast_precision_loss, reason = "32 slots")]
const fn slots() -> f32 {
    SLOTS as f32
}
