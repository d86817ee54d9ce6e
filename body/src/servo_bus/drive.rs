//! One servo of a bus: how much torque it may have, and what it is told.

use core::time::Duration;

use motors::servo::{Goal, ServoSetup, ServoState};
use signals::{
    Celsius, Instant, JointCommand, JointLimits, JointReading, NewtonMetres, Radians,
    RadiansPerSecond,
};

use super::settings::ServoSettings;

/// How far a goal may lead the command's position, as time at the command's velocity, s: a command
/// that nearly only damps has no place to lead to.
const LEAD_MAX: f32 = 0.1;

/// How far a servo is from giving torque.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// It has none.
    Off,
    /// It is told to hold where it is and to switch on, and has not said yet that it did.
    Arming,
    /// It follows goals.
    On,
    /// Its torque goes away while it holds where it was.
    Ramp,
}

/// What a servo is to be told about its torque in this turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Switch {
    Leave,
    On,
    Off,
}

/// A servo, what it said last, and what it was told last.
#[derive(Clone, Debug)]
pub(super) struct Drive {
    pub(super) servo: ServoSettings,
    setup: ServoSetup,
    limits: JointLimits,
    pub(super) state: ServoState,
    pub(super) reading: JointReading,
    /// It has answered since the last turn.
    pub(super) answered: bool,
    /// Turns in a row without an answer.
    pub(super) missed: u32,
    /// Turns for which its silence is no fault: it begins its program anew.
    pub(super) patience: u32,
    /// What it says of faults is older than the last clearing.
    pub(super) stale: bool,
    pub(super) power: Power,
    /// Part of its torque it has now, 0 to 1.
    share: f32,
    /// What it is told, counts.
    position: i32,
}

impl Drive {
    pub(super) fn new(
        servo: ServoSettings,
        setup: ServoSetup,
        limits: JointLimits,
        state: ServoState,
    ) -> Self {
        let mut drive = Self {
            servo,
            setup,
            limits,
            state,
            reading: JointReading::default(),
            answered: false,
            missed: 0,
            patience: 0,
            stale: false,
            power: Power::Off,
            share: 0.0,
            position: state.position,
        };
        drive.hear(state, Instant::ZERO);
        drive
    }

    /// Takes what it said; it was asked at `at`.
    pub(super) fn hear(&mut self, state: ServoState, at: Instant) {
        let model = self.servo.model;
        self.reading = JointReading {
            q: Radians(self.servo.joint_angle(model.angle(state.position))),
            dq: RadiansPerSecond(self.servo.turned(model.speed(state.velocity)) / self.servo.gear),
            tau: NewtonMetres(self.servo.turned(model.torque(&state)) * self.servo.gear),
            temperature: Celsius(state.temperature),
            at,
        };
        self.state = state;
        (self.answered, self.missed, self.stale) = (true, 0, false);
    }

    /// A servo that had torque before anybody here gave it any is taken over as it is.
    pub(super) fn take_over(&mut self) {
        if self.state.torque_on && self.power == Power::Off {
            (self.power, self.share, self.position) = (Power::On, 1.0, self.state.position);
        }
    }

    /// Decides over one turn that lasts `span`, and says what is to be done about the torque.
    /// `command` is what the joint is to do; `None` where nothing valid says so. `ready`: its
    /// watchdog reads as it should.
    pub(super) fn decide(
        &mut self,
        command: Option<&JointCommand>,
        ready: bool,
        span: Duration,
        ramp: Duration,
    ) -> Switch {
        let wanted = command.filter(|command| asks_for_torque(command));
        self.power = match (self.power, wanted) {
            (Power::Off, Some(_)) if ready => {
                (self.position, self.share) = (self.state.position, 1.0);
                Power::Arming
            }
            (Power::Arming, Some(_)) if self.state.torque_on => Power::On,
            (Power::Ramp, Some(_)) => {
                self.share = 1.0;
                Power::On
            }
            (Power::Arming, None) if !self.state.torque_on => Power::Off,
            (Power::On | Power::Arming, None) => {
                // From here on it holds where it is, with less and less torque.
                self.position = self.state.position;
                Power::Ramp
            }
            (Power::Ramp, None) if self.share <= 0.0 => Power::Off,
            (power, _) => power,
        };
        if let (Power::On, Some(command)) = (self.power, wanted) {
            self.position = self.goal(command);
        }
        if self.power == Power::Ramp {
            self.share -= span.as_secs_f32() / ramp.as_secs_f32().max(1e-3);
        }
        match self.power {
            Power::Arming => Switch::On,
            Power::Off if self.state.torque_on => Switch::Off,
            Power::Off | Power::On | Power::Ramp => Switch::Leave,
        }
    }

    /// What the servo is told in this turn; `None` where it has no torque.
    pub(super) fn told(&self) -> Option<Goal> {
        (self.power != Power::Off).then(|| Goal {
            position: self.position,
            speed: self.servo.model.speed_units(self.limits.dq_max.0 * self.servo.gear),
            torque: self.torque(self.share),
        })
    }

    /// Lets the share of torque be `share`, for the way out.
    pub(super) fn fade(&mut self, share: f32) {
        self.share = self.share.min(share);
    }

    /// The servo's number for a part of the torque it may have.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    fn torque(&self, share: f32) -> u16 {
        let part = self.servo.torque_part.clamp(0.0, 1.0) * share.clamp(0.0, 1.0);
        (part * f32::from(self.setup.torque_max)) as u16
    }

    /// The count a command leads to, inside the limits of the robot file and of the servo.
    fn goal(&self, command: &JointCommand) -> i32 {
        let angle = if command.kp.0 > 0.0 {
            // Spring and damper pull together to here: kp (q + lead dq - q_now) - kd dq_now.
            let lead = (command.kd.0 / command.kp.0).clamp(0.0, LEAD_MAX);
            command.q.0 + lead * command.dq.0
        } else {
            // What the governor limits becomes a torque alone: as far as it would stretch the
            // stiffest spring the joint may have, in its direction.
            self.reading.q.0 + command.tau.0 / self.limits.kp_max.0.max(1.0)
        };
        let angle = angle.clamp(self.limits.q_min.0, self.limits.q_max.0);
        let counts = self.servo.model.counts(self.servo.servo_angle(angle));
        counts.clamp(self.setup.position_min, self.setup.position_max)
    }

    pub(super) const fn firmware(&self) -> (u8, u8) {
        self.setup.firmware
    }
}

/// A servo can be told to hold or to push; it cannot be told to only damp.
pub(super) fn asks_for_torque(command: &JointCommand) -> bool {
    command.is_finite() && (command.kp.0 > 0.0 || command.tau.0 != 0.0)
}
