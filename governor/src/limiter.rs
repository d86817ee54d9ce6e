//! The last envelope: the torque of one joint, kept inside its limits where it is made.
//!
//! A board that drives joints runs the same code as the governor on its host, with its own copy of
//! the limits and its own encoder: [`Limiter`] has the gains, targets and torque of a command
//! limited as `vet` limits them, and the same two barriers. It knows less of the past, which it
//! makes up for by seeing the joint in every tick. What the governor let through it passes.

use core::time::Duration;

use signals::{Damping, JointCommand, JointLimits, JointState, NewtonMetres, Radians};

use crate::Rule;
use crate::joint::{JointGuard, Outlook, Past, Stretch, inside};

/// Ticks over which an acceleration is measured.
const SPAN: usize = 4;

/// A torque inside all limits, and which one it met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limited {
    /// What to give.
    pub torque: NewtonMetres,
    /// The rule that changed what was asked for; the last one, if several did.
    pub rule: Option<Rule>,
}

/// Keeps one joint inside its limits, one tick after the other.
///
/// Clauses: M4.
#[derive(Clone, Debug)]
pub struct Limiter {
    guard: JointGuard,
    /// From one tick to the next, s.
    period: f32,
    /// Speed, rad/s, and torque, N m, of the last ticks; a ring.
    past: [(f32, f32); SPAN],
    slot: usize,
    /// Ticks in the ring that are known.
    known: usize,
}

impl Limiter {
    /// For a joint that is looked at and driven once in `period`. `emergency`: the damping used
    /// when nothing else is safe.
    #[must_use]
    pub fn new(limits: &JointLimits, emergency: Damping, period: Duration) -> Self {
        let period = period.as_secs_f32();
        let guard = JointGuard::new(limits, emergency, Radians(0.0), (period, 0.0));
        Self { guard, period, past: [(0.0, 0.0); SPAN], slot: 0, known: 0 }
    }

    /// Makes the numbers it works with anew, from limits that may be stricter now.
    pub fn renew(&mut self, limits: &JointLimits, emergency: Damping) {
        self.guard = JointGuard::new(limits, emergency, Radians(0.0), (self.period, 0.0));
    }

    /// The torque of `command` for a joint in state `measured`, of which heat permits `most` either
    /// way. A state that is no number gets no torque.
    pub fn follow(
        &mut self,
        command: &JointCommand,
        measured: JointState,
        most: NewtonMetres,
    ) -> Limited {
        let mut rule = None;
        let limited = self.guard.limited(*command, |change| rule = Some(change.rule));
        self.inside(&limited, measured, most, rule)
    }

    /// The torque that brings the joint to rest and holds nothing.
    pub fn damp(&mut self, measured: JointState) -> Limited {
        let damped = self.guard.damped(Some(measured.dq));
        let most = self.guard.torque_max();
        // Of the limits only the barriers have a say in an emergency.
        self.inside(&damped, measured, most, None)
    }

    /// No torque: what was known of the joint's past no longer counts.
    pub const fn rest(&mut self) {
        self.known = 0;
    }

    fn inside(
        &mut self,
        command: &JointCommand,
        measured: JointState,
        most: NewtonMetres,
        mut rule: Option<Rule>,
    ) -> Limited {
        if !measured.is_finite() {
            self.known = 0;
            return Limited { torque: NewtonMetres(0.0), rule };
        }
        let outlook = Outlook {
            measured,
            estimate: measured,
            past: self.look_back(measured.dq.0),
            horizon: self.period,
            dt: self.period,
            thermal: most.0,
            yields: command.kp.0 == 0.0 && command.tau.0 == 0.0,
        };
        let bounds = self.guard.bounds(&outlook);
        let torque = inside(command, &outlook, bounds).unwrap_or_else(|change| {
            rule = Some(change.rule);
            change.allowed
        });
        self.keep(measured.dq.0, torque);
        Limited { torque: NewtonMetres(torque), rule }
    }

    /// What the last ticks say: the acceleration since the oldest, and the torque that acted.
    #[expect(clippy::cast_precision_loss, reason = "a handful of ticks")]
    fn look_back(&self, speed: f32) -> Past {
        let newest = self.past.get((self.slot + SPAN - 1) % SPAN).map_or(0.0, |past| past.1);
        if self.known < SPAN {
            return Past::steady(if self.known == 0 { 0.0 } else { newest });
        }
        let oldest = self.past.get(self.slot).map_or(speed, |past| past.0);
        let acceleration = (speed - oldest) / (SPAN as f32 * self.period);
        // The torque of the newest tick has acted for all of it but the last moment.
        let lowest = self.past.iter().fold(newest, |least, past| least.min(past.1));
        let highest = self.past.iter().fold(newest, |most, past| most.max(past.1));
        let recent = Stretch { acceleration, lowest, highest };
        Past { told: newest, recent, before: None }
    }

    fn keep(&mut self, speed: f32, torque: f32) {
        if let Some(slot) = self.past.get_mut(self.slot) {
            *slot = (speed, torque);
        }
        self.slot = (self.slot + 1) % SPAN;
        self.known = (self.known + 1).min(SPAN);
    }
}
