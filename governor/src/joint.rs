//! What one joint may be told: gains, targets, and the torque that keeps it inside its limits.
//!
//! Every command is judged by the torque it gives. That torque must lie in an interval, the
//! intersection of the drive's speed-torque range and two barriers: near a limit the permitted
//! speed falls with the distance `d` left after the actuation delay, so that the joint can always
//! stop with the deceleration `b` it can count on. From the permitted speed on, the torque bound
//! turns from zero into full braking within a band; full braking must be reached on the curve
//! `sqrt(2 b d)` itself, so the permitted speed is that curve less the band.

use signals::{
    Damping, JointCommand, JointLimits, JointState, NewtonMetres, Radians, RadiansPerSecond,
};

use crate::Rule;

/// Part of the speed limit over which the torque bound turns from zero to full braking.
const BAND: f32 = 0.05;
/// The band is never narrower, rad/s: a drive's torque cannot follow a step.
const BAND_MIN: f32 = 0.1;

/// One end of the torque interval, and what made it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) torque: f32,
    pub(crate) rule: Rule,
    /// The permitted speed for a barrier, rad/s; the torque itself for the drive's range, N m.
    pub(crate) limit: f32,
}

/// A number that was changed, and by which rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) rule: Rule,
    pub(crate) asked: f32,
    pub(crate) allowed: f32,
    pub(crate) measured: f32,
    pub(crate) limit: f32,
}

/// The limits of one joint, with what can be computed before the first cycle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JointGuard {
    limits: JointLimits,
    /// Limits of position less the soft margin, rad.
    q_low: f32,
    q_high: f32,
    band: f32,
    delay_s: f32,
    /// Distance from which the permitted speed is the speed limit itself, rad.
    far: f32,
    emergency: f32,
    /// Speed up to which neither the drive nor the speed limit takes any torque away, rad/s.
    calm: f32,
    double_braking: f32,
}

impl JointGuard {
    pub(crate) fn new(
        limits: &JointLimits,
        emergency: Damping,
        margin: Radians,
        delay_s: f32,
    ) -> Self {
        let (low, high) = (limits.q_min.0 + margin.0, limits.q_max.0 - margin.0);
        // A margin wider than the range leaves one point: the middle.
        let middle = limits.q_min.0 + 0.5 * (limits.q_max.0 - limits.q_min.0);
        let (q_low, q_high) = if low <= high { (low, high) } else { (middle, middle) };
        let band = (BAND * limits.dq_max.0).max(BAND_MIN);
        let fastest = limits.dq_max.0 + band;
        Self {
            limits: *limits,
            q_low,
            q_high,
            band,
            delay_s,
            far: fastest * fastest / (2.0 * limits.braking.0),
            emergency: emergency.0.min(limits.kd_max.0),
            calm: limits.corner_speed.0.min(limits.dq_max.0 - band),
            double_braking: 2.0 * limits.braking.0,
        }
    }

    /// Damping and nothing else, as strong as the drive can follow.
    pub(crate) fn damped(&self, dq: Option<RadiansPerSecond>) -> JointCommand {
        let tau_max = self.limits.tau_max.0;
        let speed = dq.map_or(0.0, |dq| dq.0.abs());
        let too_fast = speed.is_finite() && self.emergency * speed > tau_max;
        JointCommand::damped(Damping(if too_fast { tau_max / speed } else { self.emergency }))
    }

    /// Gains, targets and feed-forward torque are inside their limits as they are.
    #[inline]
    pub(crate) fn keeps(&self, wanted: &JointCommand) -> bool {
        let l = &self.limits;
        let gains = wanted.kp.0 >= 0.0 && wanted.kp <= l.kp_max && wanted.kd.0 >= 0.0;
        let target = wanted.q.0 >= self.q_low && wanted.q.0 <= self.q_high;
        let rates = wanted.dq.abs() <= l.dq_max && wanted.tau.abs() <= l.tau_max;
        gains && target && rates && wanted.kd <= l.kd_max
    }

    /// The command with gains, targets and feed-forward torque inside their limits.
    pub(crate) fn limited(
        &self,
        wanted: JointCommand,
        mut report: impl FnMut(Change),
    ) -> JointCommand {
        let l = &self.limits;
        let (q_low, q_high) = (self.q_low, self.q_high);
        let mut limit = |rule, asked: f32, low: f32, high: f32| {
            let allowed = between(asked, low, high);
            if asked != allowed {
                let limit = allowed;
                report(Change { rule, asked, allowed, measured: asked, limit });
            }
            allowed
        };
        let kp = limit(Rule::JointGain, wanted.kp.0, 0.0, l.kp_max.0);
        let kd = limit(Rule::JointDamping, wanted.kd.0, 0.0, l.kd_max.0);
        let tau = limit(Rule::JointTorque, wanted.tau.0, -l.tau_max.0, l.tau_max.0);
        // A target without a gain asks for nothing: it is put inside without a word.
        let q = if kp > 0.0 {
            limit(Rule::JointPosition, wanted.q.0, q_low, q_high)
        } else {
            between(wanted.q.0, q_low, q_high)
        };
        let dq = if kd > 0.0 {
            limit(Rule::JointRate, wanted.dq.0, -l.dq_max.0, l.dq_max.0)
        } else {
            between(wanted.dq.0, -l.dq_max.0, l.dq_max.0)
        };
        wrap(q, dq, kp, kd, tau)
    }

    /// `command` for a joint that was last seen at rest at `q`: with less gain where it would ask
    /// for more torque there than the drive may give.
    pub(crate) fn softened(
        &self,
        command: JointCommand,
        q: Radians,
    ) -> (JointCommand, Option<Change>) {
        let asked = command.torque(JointState { q, dq: RadiansPerSecond(0.0) }).0;
        let most = self.limits.tau_max.0;
        if asked.abs() <= most {
            return (command, None);
        }
        let share = most / asked.abs();
        let JointCommand { kp, kd, tau, .. } = command;
        let allowed = asked * share;
        let softer = JointCommand { kp: kp * share, kd: kd * share, tau: tau * share, ..command };
        let change =
            Change { rule: Rule::JointTorque, asked, allowed, measured: asked, limit: most };
        (softer, Some(change))
    }

    /// In state `measured` no barrier takes any torque away: the bounds are those of the drive.
    ///
    /// True when the curve `sqrt(2 b d)` lies two bands above the speed on both sides; squared, so
    /// that the usual case needs no root.
    #[inline]
    pub(crate) fn calm(&self, measured: JointState) -> bool {
        let speed = measured.dq.0.abs();
        let ahead = self.ahead(measured);
        let nearest = (self.q_high - ahead).min(ahead - self.q_low);
        let needed = speed + 2.0 * self.band;
        speed <= self.calm && self.double_braking * nearest >= needed * needed
    }

    /// The torque of `command` is one the drive may give at any speed below the calm one.
    #[inline]
    pub(crate) fn drives(&self, command: &JointCommand, measured: JointState) -> bool {
        command.torque(measured).abs() <= self.limits.tau_max
    }

    /// The lowest and highest torque this joint may be given in state `measured`.
    pub(crate) fn bounds(&self, measured: JointState) -> (Bound, Bound) {
        let (low, high) = self.limits.torque_range(measured.dq);
        let range = |torque: f32| Bound { torque, rule: Rule::JointTorque, limit: torque };
        let (up, down) = self.barriers(measured);
        // The barrier toward the lower limit is the one toward the upper limit, mirrored.
        let down = Bound { torque: -down.torque, ..down };
        let (low, high) = (range(low.0), range(high.0));
        let low = if down.torque > low.torque { down } else { low };
        let high = if up.torque < high.torque { up } else { high };
        (low, high)
    }

    /// The barrier toward the upper limit, and the one toward the lower limit as seen in a mirror.
    fn barriers(&self, measured: JointState) -> (Bound, Bound) {
        let (ahead, dq) = (self.ahead(measured), measured.dq.0);
        (self.barrier(self.q_high - ahead, dq), self.barrier(ahead - self.q_low, -dq))
    }

    /// Where the joint will be when its torque follows the command, rad.
    #[inline]
    fn ahead(&self, measured: JointState) -> f32 {
        measured.q.0 + measured.dq.0 * self.delay_s
    }

    /// Torque bound toward a limit `distance` ahead at speed `dq` toward it.
    fn barrier(&self, distance: f32, dq: f32) -> Bound {
        let l = &self.limits;
        let (speed, rule) = if distance >= self.far {
            (l.dq_max.0, Rule::JointVelocity)
        } else {
            let curve = libm::sqrtf(self.double_braking * distance.max(0.0));
            ((curve - self.band).max(0.0), Rule::JointBrake)
        };
        let tau_max = l.tau_max.0;
        let torque = between(tau_max * ((speed - dq) / self.band), -tau_max, tau_max);
        Bound { torque, rule, limit: speed }
    }
}

/// The interval two witnesses agree on; the first is believed where they do not agree at all.
pub(crate) fn agreed(first: (Bound, Bound), second: (Bound, Bound)) -> (Bound, Bound) {
    let low = if second.0.torque > first.0.torque { second.0 } else { first.0 };
    let high = if second.1.torque < first.1.torque { second.1 } else { first.1 };
    if low.torque <= high.torque { (low, high) } else { first }
}

/// `command` where its torque on every witness lies in the interval, else the torque at the bound.
pub(crate) fn inside(
    command: JointCommand,
    witnesses: [JointState; 2],
    (low, high): (Bound, Bound),
) -> Result<JointCommand, (JointCommand, Change)> {
    let [reading, estimate] = witnesses;
    let own = command.torque(reading).0;
    let other = if estimate == reading { own } else { command.torque(estimate).0 };
    let fits = |torque: f32| torque >= low.torque && torque <= high.torque;
    if fits(own) && fits(other) {
        return Ok(command);
    }
    let asked = if fits(own) { other } else { own };
    // A sum too large for a number has no sign to trust: no torque, as far as the bounds permit.
    let sought = if asked.is_nan() { 0.0 } else { asked };
    let bound = if sought > high.torque { high } else { low };
    let allowed = between(sought, low.torque, high.torque);
    let measured = if bound.rule == Rule::JointTorque { asked } else { reading.dq.0 };
    let change = Change { rule: bound.rule, asked, allowed, measured, limit: bound.limit };
    Err((wrap(0.0, 0.0, 0.0, 0.0, allowed), change))
}

/// `number` inside `low..=high`; unlike `clamp` it cannot panic.
const fn between(number: f32, low: f32, high: f32) -> f32 {
    number.max(low).min(high)
}

const fn wrap(q: f32, dq: f32, kp: f32, kd: f32, tau: f32) -> JointCommand {
    JointCommand {
        q: Radians(q),
        dq: RadiansPerSecond(dq),
        kp: signals::Stiffness(kp),
        kd: Damping(kd),
        tau: NewtonMetres(tau),
    }
}
