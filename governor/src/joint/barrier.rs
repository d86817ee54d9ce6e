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

use super::trace::{Past, SLOTS, Stretch};
use crate::Rule;

/// Part of the speed limit over which the torque bound turns from zero to full braking.
const BAND: f32 = 0.05;
/// The band is never narrower, rad/s: a drive's torque cannot follow a step.
const BAND_MIN: f32 = 0.1;
/// Time constant with which a joint nears its ceiling: this, s, and so many actuation delays.
const RESPONSE: f32 = 0.003;
const RESPONSE_DELAYS: f32 = 1.0;
/// Part of the speed limit that a calm joint stays away from it.
const CALM_SHARE: f32 = 0.25;
/// Part of the speed limit up to which a joint far from its limits is calm without a closer look.
const SLOW_SHARE: f32 = 0.1;

/// One end of the torque interval, and what made it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    /// N m.
    pub(crate) torque: f32,
    pub(crate) rule: Rule,
    /// What the rule measured, in its unit; none where the asked number itself is measured.
    pub(crate) measured: Option<f32>,
    pub(crate) limit: f32,
}

/// What is known of a joint when its bounds are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outlook {
    pub(crate) measured: JointState,
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
    band: f32,
    pub(crate) delay_s: f32,
    /// One over the time constant of growth, 1/s.
    per_response: f32,
    /// Part of a distance by which the curve is shifted inward, rad.
    shift: f32,
    /// Distance from which the permitted speed is the speed limit itself, rad.
    far: f32,
    calm: Calm,
}

/// From where no bound can touch a joint: worked out once, compared in every tick.
#[derive(Clone, Copy, Debug)]
struct Calm {
    /// Longest horizon of a fresh reading, s.
    horizon: f32,
    /// Highest speed, rad/s.
    speed: f32,
    /// Reserve under the braking curve, rad/s.
    reserve: f32,
    /// Growth of speed within the horizon, rad/s.
    growth: f32,
    /// Largest change of torque in one tick, N m, and per second, N m/s.
    torque_step: f32,
    torque_rate: f32,
    /// Largest change of speed, rad/s^2.
    acceleration: f32,
    /// Up to this speed, rad/s, no bound can touch it between these positions, rad.
    slow: f32,
    low: f32,
    high: f32,
}

impl Barrier {
    /// For a joint between the positions `q_low` and `q_high`, rad.
    pub(crate) fn new(
        limits: &JointLimits,
        (q_low, q_high): (f32, f32),
        delay_s: f32,
        age_max_s: f32,
    ) -> Self {
        let l = limits;
        let (tau_max, dq_max, b) = (l.tau_max.0, l.dq_max.0, l.braking.0);
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
        let slow = speed.min(SLOW_SHARE * dq_max);
        let way = slow + reserve;
        let kept = horizon * (slow + growth) + shift + way * way / (2.0 * b);
        let calm = Calm {
            horizon,
            speed,
            reserve,
            growth,
            slow,
            low: q_low + kept,
            high: q_high - kept,
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
            band,
            delay_s,
            per_response: 1.0 / response,
            shift,
            far: dq_max * dq_max / (2.0 * b) + shift,
            calm,
        }
    }

    /// No bound can touch `torque` on a joint in state `measured` that has been calm for a while.
    ///
    /// True when the curve lies above the speed by the calm reserve on both sides; squared, so that
    /// the usual case needs no root.
    #[inline]
    pub(crate) fn calm(
        &self,
        measured: JointState,
        (q_low, q_high): (f32, f32),
        torque: f32,
    ) -> bool {
        let calm = &self.calm;
        let (q, speed) = (measured.q.0, measured.dq.0.abs());
        if torque.abs() > self.tau_max || torque.is_nan() {
            return false;
        }
        if speed <= calm.slow && q >= calm.low && q <= calm.high {
            return true;
        }
        let nearest = (q_high - q).min(q - q_low) - calm.horizon * (speed + calm.growth);
        let needed = speed + calm.reserve;
        speed <= calm.speed && 2.0 * self.braking * (nearest - self.shift) >= needed * needed
    }

    /// So small a change of torque and speed within `dt`, s, that a calm joint stays calm.
    #[inline]
    pub(crate) fn steady(&self, torque_change: f32, speed_change: f32, dt: f32) -> bool {
        let calm = &self.calm;
        torque_change.abs() <= calm.torque_step.min(calm.torque_rate * dt)
            && speed_change.abs() <= calm.acceleration * dt
    }

    /// The lowest and the highest torque, inside the `range` the drive can give.
    pub(crate) fn bounds(
        &self,
        o: &Outlook,
        (q_low, q_high): (f32, f32),
        range: (f32, f32),
    ) -> (Bound, Bound) {
        let (q, dq, past) = (o.measured.q.0, o.measured.dq.0, &o.past);
        let (recent, before) = (past.recent, past.before);
        let up = |s: Stretch| self.worst(s.acceleration, past.told, s.lowest);
        let down = |s: Stretch| self.worst(-s.acceleration, -past.told, -s.highest);
        // With a load that changes slowly both are true; a blow is in one of them only, and over
        // before anyone can answer it.
        let either = |one: f32, other: Option<f32>| other.map_or(one, |other| one.min(other));
        let up = Approach {
            distance: q_high - q,
            speed: dq,
            acceleration: either(up(recent), before.map(up)),
            told: past.told,
            most: recent.highest,
        };
        let down = Approach {
            distance: q - q_low,
            speed: -dq,
            acceleration: either(down(recent), before.map(down)),
            told: -past.told,
            most: -recent.lowest,
        };
        let high = self.bound(&up, o, range.1);
        let low = self.bound(&down, o, -range.0);
        let low = Bound { torque: -low.torque, ..low };
        // Between two barriers nothing is left but to brake.
        let brake = if dq >= 0.0 { high } else { low };
        ordered(low, high).unwrap_or((brake, brake))
    }

    /// Acceleration once all torque on its way has acted: at most this, from what was measured
    /// under torque that was at least `least`.
    fn worst(&self, measured: f32, told: f32, least: f32) -> f32 {
        measured + (told - least) / self.inertia
    }

    /// The highest torque toward a limit.
    fn bound(&self, way: &Approach, o: &Outlook, drive: f32) -> Bound {
        // More than torque and a lasting load can cause is a blow, too.
        let lasting = (way.most + self.tau_max) / self.inertia - self.braking;
        let acceleration = way.acceleration.min(lasting.max(0.0));
        let barrier = self.barrier(way, acceleration, o.horizon);
        let soft = self.soft(way.told, acceleration, o, drive);
        if barrier.torque < soft.torque { barrier } else { soft }
    }

    /// The bound that keeps the joint from passing its position and its speed limit.
    fn barrier(&self, way: &Approach, acceleration: f32, horizon: f32) -> Bound {
        let b = self.braking;
        let gain = acceleration.max(0.0) * horizon;
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
        let ceiling = ceiling.min(self.dq_max);
        let reserve = ceiling - speed;
        let turn =
            self.band / self.tau_max + (acceleration + b).max(0.0) / (2.0 * self.torque_rate);
        let brake = reserve / turn - self.tau_max;
        // What the ceiling itself asks for while the joint follows it.
        let follow = (steep * speed).max(0.0).min(b);
        let growth = reserve * self.per_response - follow - acceleration;
        let torque = between(brake.min(way.told + self.inertia * growth), self.tau_max);
        Bound { torque, rule, measured: Some(way.speed), limit: ceiling }
    }

    /// The bounds that are given up where a barrier asks for more.
    fn soft(&self, told: f32, acceleration: f32, o: &Outlook, drive: f32) -> Bound {
        let mut worst =
            Bound { torque: drive, rule: Rule::JointTorque, measured: None, limit: drive };
        if o.yields {
            return worst;
        }
        let step = self.torque_rate * o.dt;
        let jerk = told + self.inertia * self.jerk_max * o.dt;
        // Only driving torque is taken away: what a load does by itself is not answered here.
        let accel = (told + self.inertia * (self.acceleration_max - acceleration)).max(0.0);
        for (torque, rule, measured, limit) in [
            (told + step, Rule::JointTorqueRate, None, self.torque_rate),
            (jerk, Rule::JointJerk, Some(acceleration), self.acceleration_max),
            (accel, Rule::JointAccel, Some(acceleration), self.acceleration_max),
            (o.thermal, Rule::JointThermal, None, o.thermal),
        ] {
            if torque < worst.torque {
                worst = Bound { torque, rule, measured, limit };
            }
        }
        // Torque does not fall faster than the drive can follow, unless a barrier asks for it.
        Bound { torque: worst.torque.max(told - step), ..worst }
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

/// The interval two witnesses agree on; the first is believed where they contradict each other.
pub(crate) fn agreed(first: (Bound, Bound), second: (Bound, Bound)) -> (Bound, Bound) {
    let low = if second.0.torque > first.0.torque { second.0 } else { first.0 };
    let high = if second.1.torque < first.1.torque { second.1 } else { first.1 };
    ordered(low, high).unwrap_or(first)
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

/// `torque` at most `most` either way; a number that is none brakes.
const fn between(torque: f32, most: f32) -> f32 {
    torque.max(-most).min(most)
}

/// A limit as large as a number may be is none.
const fn endless(limit: f32) -> f32 {
    if limit >= JointLimits::UNLIMITED { f32::INFINITY } else { limit }
}

#[expect(clippy::cast_precision_loss, reason = "32 slots")]
const fn slots() -> f32 {
    SLOTS as f32
}
