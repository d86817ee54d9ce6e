//! The governor's limiter alone.

use core::time::Duration;

use firmware::LIMIT_NUMBERS;
use governor::Limiter;
use signals::{
    Damping, JointCommand, JointLimits, JointState, NewtonMetres, Radians, RadiansPerSecond,
    Stiffness,
};

use crate::{read, write};

/// All that is static.
pub(crate) struct Board {
    limits: JointLimits,
    limiter: Limiter,
}

impl Board {
    pub(crate) fn new() -> Self {
        let limits = firmware::limits(&core::array::from_fn::<_, LIMIT_NUMBERS, _>(|_| number()));
        let limiter = Limiter::new(&limits, Damping(number()), Duration::from_millis(1));
        Self { limits, limiter }
    }

    /// For ever.
    pub(crate) fn run(&mut self) -> ! {
        loop {
            let state = JointState { q: Radians(number()), dq: RadiansPerSecond(number()) };
            let limited = match read() % 3 {
                0 => self.limiter.follow(&command(), state, NewtonMetres(number())),
                1 => self.limiter.damp(state),
                _ => {
                    self.limiter.rest();
                    self.limiter.renew(&self.limits, Damping(number()));
                    continue;
                }
            };
            write(limited.torque.0.to_bits());
            write(u32::from(limited.rule.is_some()));
        }
    }
}

fn command() -> JointCommand {
    JointCommand {
        q: Radians(number()),
        dq: RadiansPerSecond(number()),
        kp: Stiffness(number()),
        kd: Damping(number()),
        tau: NewtonMetres(number()),
    }
}

fn number() -> f32 {
    f32::from_bits(read())
}
