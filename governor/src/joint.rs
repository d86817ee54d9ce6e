//! What one joint may be told: gains, targets, and the torque that keeps it inside its limits.
//!
//! Every command is judged by the torque it gives. That torque must lie in an interval, the
//! intersection of what the drive can give, what the limits of torque rate, heat, acceleration and
//! jerk permit, and two barriers. A barrier always wins: braking is never held back.
//! [`barrier`] says how both ends of the interval come about.

mod barrier;
mod calm;
mod heat;
mod trace;

use core::time::Duration;

use signals::{
    Damping, JointCommand, JointLimits, JointState, NewtonMetres, Radians, RadiansPerSecond,
};

use crate::Rule;

use barrier::Barrier;
pub(crate) use barrier::{Bound, Outlook};
pub(crate) use calm::{Calm, Look, Scene};
pub(crate) use heat::Heat;
pub(crate) use trace::{Past, Stretch, Traces};

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
    emergency: f32,
    /// Furthest a target may jump from one cycle to the next, rad.
    leap: f32,
    barrier: Barrier,
}

/// Time, s, in which a joint could get to where its target jumps: policies run at 50 Hz and hold
/// their targets in between.
const LEAP: f32 = 0.02;

impl JointGuard {
    pub(crate) fn new(
        limits: &JointLimits,
        emergency: Damping,
        margin: Radians,
        (delay_s, age_max_s): (f32, f32),
    ) -> Self {
        let (low, high) = (limits.q_min.0 + margin.0, limits.q_max.0 - margin.0);
        // A margin wider than the range leaves one point: the middle.
        let middle = limits.q_min.0 + 0.5 * (limits.q_max.0 - limits.q_min.0);
        let (q_low, q_high) = if low <= high { (low, high) } else { (middle, middle) };
        Self {
            limits: *limits,
            q_low,
            q_high,
            emergency: emergency.0.min(limits.kd_max.0),
            leap: LEAP * limits.dq_max.0,
            barrier: Barrier::new(limits, delay_s, age_max_s),
        }
    }

    /// Damping and nothing else, as strong as the drive can follow.
    pub(crate) fn damped(&self, dq: Option<RadiansPerSecond>) -> JointCommand {
        let tau_max = self.limits.tau_max.0;
        let speed = dq.map_or(0.0, |dq| dq.0.abs());
        let too_fast = speed.is_finite() && self.emergency * speed > tau_max;
        JointCommand::damped(Damping(if too_fast { tau_max / speed } else { self.emergency }))
    }

    /// The most torque there is.
    pub(crate) const fn torque_max(&self) -> NewtonMetres {
        self.limits.tau_max
    }

    /// The target lies where the joint could get to from the last one, `target`, rad.
    #[inline]
    pub(crate) fn leads(&self, wanted: &JointCommand, target: f32) -> bool {
        (wanted.q.0 - target).abs() <= self.leap
    }

    /// `command` with a target no further from the `last` one, rad, than the joint could get.
    pub(crate) fn led(&self, command: &mut JointCommand, last: f32) -> Option<Change> {
        let asked = command.q.0;
        let allowed = between(asked, last - self.leap, last + self.leap);
        if asked == allowed || command.kp.0 <= 0.0 {
            return None;
        }
        command.q = Radians(allowed);
        let (rule, measured) = (Rule::CommandJump, (asked - last).abs());
        Some(Change { rule, asked, allowed, measured, limit: self.leap })
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

    /// `command` for a joint that has been out of sight for long: what the drive's own encoder can
    /// do by itself. Damped, so that it swings past no target, and so soft that neither gain nor
    /// feed-forward torque carries it over a limit from where it was `last` seen.
    pub(crate) fn softened(
        &self,
        command: JointCommand,
        last: JointState,
    ) -> (JointCommand, Option<Change>) {
        let l = &self.limits;
        // The aperiodic limit of the heaviest load, `kd^2 = 4 kp tau_max / b`.
        let stiff = l.kd_max.0 * l.kd_max.0 * l.braking.0 / (4.0 * l.tau_max.0);
        let kp = command.kp.0.min(stiff);
        let (up, down) = (self.q_high - command.q.0, command.q.0 - self.q_low);
        let tau = between(command.tau.0, -kp * down, kp * up);
        let softer = wrap(command.q.0, command.dq.0, kp, l.kd_max.0, tau);
        // Nobody knows whether it still moves as it did: in neither case more than the drive has.
        let at_rest = JointState { dq: RadiansPerSecond(0.0), ..last };
        let (asked, got) = (command.torque(at_rest).0, softer.torque(at_rest).0);
        let most = got.abs().max(softer.torque(last).abs().0);
        let share = if most > l.tau_max.0 { l.tau_max.0 / most } else { 1.0 };
        let softer = scaled(softer, share);
        let allowed = got * share;
        let (rule, limit) = (Rule::JointTorque, l.tau_max.0);
        let change = Change { rule, asked, allowed, measured: asked, limit };
        (softer, (asked != allowed).then_some(change))
    }

    /// In `span` a joint at this speed and acceleration stays so near that the spring of a hold
    /// would not be stretched by half of what the drive can give.
    pub(crate) fn stays(&self, speed: f32, acceleration: f32, span: Duration) -> bool {
        let t = span.as_secs_f32();
        let way = t * (speed.abs() + 0.5 * t * acceleration.abs());
        way * self.limits.kp_max.0 <= 0.5 * self.limits.tau_max.0
    }

    /// The drive holds the joint by itself where it was last seen, as stiffly as it may, but far
    /// enough inside the limits that its spring gives full braking torque before them.
    pub(crate) fn held(&self, q: f32) -> JointCommand {
        let l = &self.limits;
        let spring = l.tau_max.0 / l.kp_max.0.max(f32::MIN_POSITIVE);
        let spring = spring.min(0.5 * (self.q_high - self.q_low));
        let q = between(q, self.q_low + spring, self.q_high - spring);
        wrap(q, 0.0, l.kp_max.0, l.kd_max.0, 0.0)
    }

    /// What the drive makes of a torque that is asked of it `dt`, s, after it was told `last`, N m:
    /// it follows no faster than its torque rate.
    pub(crate) fn given(&self, asked: f32, last: f32, dt: f32) -> f32 {
        let (most, step) = (self.limits.tau_max.0, self.limits.torque_rate.0 * dt);
        let asked = if asked.is_nan() { 0.0 } else { asked };
        between(between(asked, -most, most), last - step, last + step)
    }

    /// How long the drive takes from one end of its torque to the other, s.
    pub(crate) fn turn(&self) -> f32 {
        2.0 * self.limits.tau_max.0 / self.limits.torque_rate.0
    }

    /// From a reading of this age until a command of now takes effect, s.
    pub(crate) const fn horizon(&self, age_s: f32) -> f32 {
        self.barrier.delay_s + age_s
    }

    /// The lowest and highest torque this joint may be given.
    pub(crate) fn bounds(&self, outlook: &Outlook) -> (Bound, Bound) {
        self.barrier.bounds(outlook, (self.q_low, self.q_high))
    }
}

/// The torque of `command`, where it lies in the interval on every witness, else what of it may be.
pub(crate) fn inside(
    command: &JointCommand,
    outlook: &Outlook,
    (low, high): (Bound, Bound),
) -> Result<f32, Change> {
    let own = command.torque(outlook.measured).0;
    let other = command.torque(outlook.estimate).0;
    let fits = |torque: f32| torque >= low.torque && torque <= high.torque;
    if fits(own) && fits(other) {
        return Ok(own);
    }
    let asked = if fits(own) { other } else { own };
    // A sum too large for a number has no sign to trust: no torque, as far as the bounds permit.
    let sought = if asked.is_nan() { 0.0 } else { asked };
    let bound = if sought > high.torque { high } else { low };
    let allowed = between(sought, low.torque, high.torque);
    let measured = match bound.rule {
        Rule::JointTorqueRate => (asked - outlook.past.told) / outlook.dt,
        _ if bound.measured.is_nan() => asked,
        _ => bound.measured,
    };
    Err(Change { rule: bound.rule, asked, allowed, measured, limit: bound.limit })
}

/// `command` with this `share` of its torque, 0 to 1, on a joint in any state.
pub(crate) fn scaled(command: JointCommand, share: f32) -> JointCommand {
    let share = between(share, 0.0, 1.0);
    let JointCommand { kp, kd, tau, .. } = command;
    JointCommand { kp: kp * share, kd: kd * share, tau: tau * share, ..command }
}

/// A command that is nothing but a torque.
pub(crate) const fn pure(torque: f32) -> JointCommand {
    wrap(0.0, 0.0, 0.0, 0.0, torque)
}

/// `number` inside `low..=high`, `low` if it is none; unlike `clamp` it cannot panic.
pub(crate) const fn between(number: f32, low: f32, high: f32) -> f32 {
    smaller(larger(number, low), high)
}

/// The smaller of two numbers, the second where the first is none: one instruction, while `min`
/// looks for that on both sides.
pub(crate) const fn smaller(one: f32, other: f32) -> f32 {
    if one < other { one } else { other }
}

/// The larger of two numbers, the second where the first is none.
pub(crate) const fn larger(one: f32, other: f32) -> f32 {
    if one > other { one } else { other }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> JointGuard {
        let limits = JointLimits {
            q_min: Radians(-1.0),
            q_max: Radians(1.0),
            dq_max: RadiansPerSecond(10.0),
            tau_max: NewtonMetres(20.0),
            corner_speed: RadiansPerSecond(8.0),
            no_load_speed: RadiansPerSecond(20.0),
            braking: signals::RadiansPerSecondSquared(50.0),
            kp_max: signals::Stiffness(100.0),
            kd_max: Damping(5.0),
            inertia_min: signals::KilogramMetresSquared(0.1),
            acceleration_max: signals::RadiansPerSecondSquared(JointLimits::UNLIMITED),
            jerk_max: signals::RadiansPerSecondCubed(JointLimits::UNLIMITED),
            torque_rate: signals::NewtonMetresPerSecond(20_000.0),
            torque_continuous: NewtonMetres(20.0),
            thermal_time: signals::Seconds(20.0),
        };
        JointGuard::new(&limits, Damping(2.0), Radians(0.035), (0.003, 0.005))
    }

    /// Clauses: A2, M4.
    #[test]
    fn what_a_joint_long_out_of_sight_may_follow_swings_past_nothing() {
        for (q, kp, tau) in [(0.9, 50.0, 20.0), (-0.9, 100.0, -20.0), (0.0, 0.0, 20.0)] {
            let (soft, change) =
                guard().softened(wrap(q, 0.0, kp, 1.0, tau), JointState::default());
            // Aperiodic with the heaviest load, 0.4 kg m^2: kp = kd^2 / (4 J).
            assert_eq!(soft.kd, Damping(5.0));
            assert!(soft.kp.0 <= 25.0 / 1.6 + 1e-3, "{soft:?}");
            // At rest inside the soft limits, with a torque the drive can give.
            let rest = if soft.kp.0 > 0.0 { soft.q.0 + soft.tau.0 / soft.kp.0 } else { 0.0 };
            assert!(rest.abs() <= 0.9651, "{soft:?}");
            let start = JointState { q: Radians(0.0), dq: RadiansPerSecond(0.0) };
            assert!(soft.torque(start).abs() <= NewtonMetres(20.001), "{soft:?}");
            assert_eq!(change.map(|change| change.rule), Some(Rule::JointTorque));
        }
    }

    /// Clauses: M4.
    #[test]
    fn the_barrier_has_the_curve_of_the_drive() {
        let guard = guard();
        for speed in [-30.0, -9.0, 0.0, 7.0, 8.0, 11.0, 20.0, 30.0_f32] {
            let (_, high) = guard.limits.torque_range(RadiansPerSecond(speed));
            let ours = guard.barrier.drive(speed);
            assert!((ours - high.0).abs() < 1e-4, "{speed} rad/s: {ours} {high:?}");
        }
    }

    /// Clauses: M1.
    #[test]
    fn a_held_joint_has_full_braking_torque_before_its_limit() {
        for q in [-1.2, -0.9, 0.0, 0.9, 1.2] {
            let held = guard().held(q);
            let torque = |q| held.torque(JointState { q: Radians(q), dq: RadiansPerSecond(0.0) });
            assert!(torque(0.966).0 <= -20.0 && torque(-0.966).0 >= 20.0, "{held:?}");
        }
    }
}
