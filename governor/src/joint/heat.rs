//! How warm each winding is, and the torque that leaves it: I2t, one joint a tick.
//!
//! A winding warms up with the square of its torque and cools down with its time constant `T`:
//! `x' = (tau^2 - x) / T`. At `x` equal to the square of the continuous torque it is as warm as it
//! may be for ever. From a part of that on the permitted torque falls in a straight line to the
//! continuous torque, so that `x` never passes it.

use signals::{Instant, JointId, JointLimits, Joints};

use super::trace::Traces;
use crate::row::Row;

/// Part of the warmth permitted for ever from which torque is taken away.
const WARM: f32 = 0.8;

#[derive(Clone, Copy, Debug)]
struct Winding {
    tau_max: f32,
    continuous: f32,
    /// One over the thermal time constant, 1/s.
    per_time: f32,
    /// Low-pass of the squared torque, N^2 m^2.
    warmth: f32,
    at: Option<Instant>,
}

/// The windings of all joints.
#[derive(Debug)]
pub(crate) struct Heat {
    windings: Joints<Winding>,
    /// Torque each permits, N m.
    allowed: Row,
    next: usize,
}

impl Heat {
    pub(crate) fn new(limits: &Joints<JointLimits>) -> Self {
        let windings = limits.map(|l| Winding {
            tau_max: l.tau_max.0,
            continuous: l.torque_continuous.0.min(l.tau_max.0),
            per_time: 1.0 / l.thermal_time.0,
            warmth: 0.0,
            at: None,
        });
        Self { windings, allowed: Row::of(limits, |l| l.tau_max.0), next: 0 }
    }

    /// The next joint's turn: what it was told since its last one warms its winding.
    pub(crate) fn turn(&mut self, now: Instant, traces: &mut Traces) {
        let len = self.windings.len();
        let Some(joint) = JointId::new(self.next) else { return };
        self.next = if self.next + 1 < len { self.next + 1 } else { 0 };
        let winding = &mut self.windings[joint];
        let elapsed = winding.at.replace(now).map_or(0.0, |at| now.since(at).as_secs_f32());
        let share = (elapsed * winding.per_time).min(1.0);
        winding.warmth += (traces.mean_square(joint) - winding.warmth) * share;
        self.allowed.set(joint, winding.allowed());
    }

    /// Torque the windings permit, N m.
    pub(crate) const fn all(&self) -> &Row {
        &self.allowed
    }

    /// Torque the winding permits, N m.
    pub(crate) const fn allowed(&self, joint: JointId) -> f32 {
        self.allowed.get(joint)
    }
}

impl Winding {
    fn allowed(&self) -> f32 {
        let part = self.warmth / (self.continuous * self.continuous);
        if part <= WARM {
            return self.tau_max;
        }
        // A warmth that is no number is as warm as can be.
        let over = ((part - WARM) / (1.0 - WARM)).max(0.0);
        let fallen = self.tau_max - (self.tau_max - self.continuous) * over;
        if part.is_nan() { self.continuous } else { fallen.max(self.continuous) }
    }
}
