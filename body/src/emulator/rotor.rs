//! A rotor with inertia and friction, seen at the output of its gear.

use core::time::Duration;

use signals::JointCommand;

/// A rotor. SI units, at the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotor {
    /// Position.
    pub q: f32,
    /// Velocity.
    pub dq: f32,
    /// Torque that acts.
    pub tau: f32,
    /// Inertia.
    pub inertia: f32,
    /// Viscous friction.
    pub friction: f32,
    /// It is jammed.
    pub stuck: bool,
}

impl Default for Rotor {
    fn default() -> Self {
        Self { q: 0.0, dq: 0.0, tau: 0.0, inertia: 0.01, friction: 0.02, stuck: false }
    }
}

/// Step of the integration.
const STEP: Duration = Duration::from_micros(100);

impl Rotor {
    /// Lets `span` pass under `command`, or without torque; no more torque than `tau_max`.
    pub fn turn(&mut self, span: Duration, command: Option<&JointCommand>, tau_max: f32) {
        let steps = span.as_nanos() / STEP.as_nanos();
        let step = STEP.as_secs_f32();
        for _ in 0..steps {
            self.tau = command.map_or(0.0, |command| {
                let here = signals::JointState {
                    q: signals::Radians(self.q),
                    dq: signals::RadiansPerSecond(self.dq),
                };
                command.torque(here).0.clamp(-tau_max, tau_max)
            });
            if self.stuck {
                self.dq = 0.0;
            } else {
                self.dq += (self.tau - self.friction * self.dq) / self.inertia * step;
                self.q += self.dq * step;
            }
        }
    }
}
