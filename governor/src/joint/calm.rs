//! The usual tick: no bound is near and nothing happens. All joints are looked at together; whoever
//! is not found calm is judged by [`barrier`](super::barrier) one by one.
//!
//! A joint is calm when the braking curve lies above its speed by a reserve on both sides, and its
//! torque and speed change so slowly that this stays so over all that is remembered of it. Squared,
//! so that nothing needs a root. A number that is none is never calm.

use signals::{JointCommand, JointState, Joints};

use super::JointGuard;
use crate::row::{Four, Group, Row, Which, groups};

/// Where each joint is calm, a row a number.
#[derive(Debug)]
pub(crate) struct Calm {
    joints: usize,
    /// What a command may hold: position less the margin, rad, its step, rad, speed, rad/s, gains,
    /// and torque, N m.
    q_low: Row,
    q_high: Row,
    leap: Row,
    dq_max: Row,
    kp_max: Row,
    kd_max: Row,
    tau_max: Row,
    /// Longest horizon of a fresh reading, s.
    horizon: Row,
    /// Highest speed, rad/s, and the reserve under the braking curve, rad/s.
    speed: Row,
    reserve: Row,
    /// Way, rad, by which the curve is shifted inward and grown within the horizon.
    shift: Row,
    /// Twice the braking, rad/s^2.
    braking: Row,
    /// Largest change of torque in one tick, N m, and per second, N m/s.
    torque_step: Row,
    torque_rate: Row,
    /// Largest change of speed, rad/s^2.
    acceleration: Row,
}

/// From where no bound can touch one joint.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reserve {
    pub(crate) horizon: f32,
    pub(crate) speed: f32,
    pub(crate) reserve: f32,
    pub(crate) shift: f32,
    pub(crate) braking: f32,
    pub(crate) torque_step: f32,
    pub(crate) torque_rate: f32,
    pub(crate) acceleration: f32,
}

/// What the joints are to do, where they are, and what is known of the tick before.
pub(crate) struct Scene<'a> {
    pub(crate) wanted: &'a Joints<JointCommand>,
    /// Their last believed readings: position, rad, and speed, rad/s.
    pub(crate) q: &'a Row,
    pub(crate) dq: &'a Row,
    /// The estimate, where it fits.
    pub(crate) estimate: Option<&'a Joints<JointState>>,
    /// Torque they were told, N m, and their speed, rad/s, one tick ago; their last target, rad.
    pub(crate) told: &'a Row,
    pub(crate) speed: &'a Row,
    pub(crate) target: &'a Row,
    /// Torque their windings permit, N m.
    pub(crate) thermal: &'a Row,
    /// Since then, s.
    pub(crate) dt: f32,
}

/// What one look at all joints found, one bit a joint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// Nothing to change and no bound near.
    pub(crate) calm: u32,
    /// Torque and speed have hardly changed.
    pub(crate) steady: u32,
    /// The command and its torque are numbers.
    pub(crate) sound: u32,
    /// Torque of the commands, N m.
    pub(crate) torque: Row,
}

impl Look {
    pub(crate) const NONE: Self = Self { calm: 0, steady: 0, sound: 0, torque: Row::filled(0.0) };
}

impl Calm {
    pub(crate) fn new(guards: &Joints<JointGuard>) -> Self {
        let row = |number: fn(&JointGuard) -> f32| Row::of(guards, |guard| number(&guard));
        let reserve = guards.map(|guard| guard.barrier.reserve());
        let kept = |number: fn(&Reserve) -> f32| Row::of(&reserve, |reserve| number(&reserve));
        Self {
            joints: guards.len(),
            q_low: row(|g| g.q_low),
            q_high: row(|g| g.q_high),
            leap: row(|g| g.leap),
            dq_max: row(|g| g.limits.dq_max.0),
            kp_max: row(|g| g.limits.kp_max.0),
            kd_max: row(|g| g.limits.kd_max.0),
            tau_max: row(|g| g.limits.tau_max.0),
            horizon: kept(|r| r.horizon),
            speed: kept(|r| r.speed),
            reserve: kept(|r| r.reserve),
            shift: kept(|r| r.shift),
            braking: kept(|r| r.braking),
            torque_step: kept(|r| r.torque_step),
            torque_rate: kept(|r| r.torque_rate),
            acceleration: kept(|r| r.acceleration),
        }
    }

    /// Looks at all joints together.
    pub(crate) fn look(&self, scene: &Scene<'_>, look: &mut Look) {
        (look.calm, look.steady, look.sound) = (0, 0, 0);
        let (dt, zero, number) = (Four::all(scene.dt), Four::all(0.0), Four::all(f32::MAX));
        for group in groups(self.joints) {
            let of = |number: fn(&JointCommand) -> f32| Four::of(scene.wanted, group, number);
            let (q, dq) = (of(|c| c.q.0), of(|c| c.dq.0));
            let (kp, kd, tau) = (of(|c| c.kp.0), of(|c| c.kd.0), of(|c| c.tau.0));
            let (at, speed) = (scene.q.four(group), scene.dq.four(group));
            let torque = kp * (q - at) + kd * (dq - speed) + tau;
            // A sum is a number only if all its terms are.
            look.sound |= torque.abs().at_most(number).bits(group);

            let step = (self.torque_rate.four(group) * dt).min(self.torque_step.four(group));
            let steady = (torque - scene.told.four(group)).abs().at_most(step)
                & (speed - scene.speed.four(group))
                    .abs()
                    .at_most(self.acceleration.four(group) * dt);
            look.steady |= steady.bits(group);

            let leap = (q - scene.target.four(group)).abs();
            let keeps = self.q_low.four(group).at_most(q)
                & q.at_most(self.q_high.four(group))
                & leap.at_most(self.leap.four(group))
                & dq.abs().at_most(self.dq_max.four(group))
                & tau.abs().at_most(self.tau_max.four(group))
                & zero.at_most(kp)
                & kp.at_most(self.kp_max.four(group))
                & zero.at_most(kd)
                & kd.at_most(self.kd_max.four(group));
            let thermal = scene.thermal.four(group);
            let mut calm = keeps & steady & torque.abs().at_most(thermal);
            calm = calm & self.clear(group, at, speed);
            if let Some(estimate) = scene.estimate {
                let at = Four::of(estimate, group, |state| state.q.0);
                let speed = Four::of(estimate, group, |state| state.dq.0);
                let torque = kp * (q - at) + kd * (dq - speed) + tau;
                calm = calm & torque.abs().at_most(thermal) & self.clear(group, at, speed);
            }
            look.calm |= calm.bits(group);
            look.torque.put(group, torque);
        }
    }

    /// At these positions, rad, with these speeds, rad/s, no bound is near.
    #[inline]
    fn clear(&self, group: Group, q: Four, dq: Four) -> Which {
        let (speed, highest) = (dq.abs(), self.speed.four(group));
        let nearest = (self.q_high.four(group) - q).min(q - self.q_low.four(group));
        let free = nearest - self.horizon.four(group) * speed - self.shift.four(group);
        let needed = speed + self.reserve.four(group);
        speed.at_most(highest) & (needed * needed).at_most(self.braking.four(group) * free)
    }
}
