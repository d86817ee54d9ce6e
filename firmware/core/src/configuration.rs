//! What a board is told once, when it is provisioned: the limits of its joints and the times of its
//! watchdog. Kept twice, looked over all the time, and made only stricter while it runs.

use core::time::Duration;

use governor::{Envelope, EnvelopeError, Fingerprint};
use signals::{
    Celsius, Damping, HardwareLimits, JointId, JointLimits, KilogramMetresSquared, NewtonMetres,
    NewtonMetresPerSecond, Radians, RadiansPerSecond, RadiansPerSecondCubed,
    RadiansPerSecondSquared, Seconds, Stiffness, Volts,
};

use crate::Settings;

/// Times of the watchdog, in ticks since the last valid command or heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WatchdogTimes {
    /// Longest validity of a command: past it each joint damps.
    pub expire: u16,
    /// Without a command for so long the board damps.
    pub damping: u16,
    /// Without a command for so long the torque is off, latched.
    pub torque_off: u16,
    /// Without a sign of life of the governor for so long the board damps, latched.
    pub heartbeat: u16,
}

impl Default for WatchdogTimes {
    /// 5, 20, 500 and 100 ms at 1 kHz.
    fn default() -> Self {
        Self { expire: 5, damping: 20, torque_off: 500, heartbeat: 100 }
    }
}

impl WatchdogTimes {
    /// The longest that may be set, ticks: nobody can turn the watchdog off.
    pub const LONGEST: Self = Self { expire: 50, damping: 100, torque_off: 2000, heartbeat: 500 };

    const fn are_sound(&self) -> bool {
        let most = Self::LONGEST;
        let ordered =
            0 < self.expire && self.expire <= self.damping && self.damping < self.torque_off;
        let short = self.expire <= most.expire && self.damping <= most.damping;
        ordered
            && short
            && self.torque_off <= most.torque_off
            && 0 < self.heartbeat
            && self.heartbeat <= most.heartbeat
    }
}

/// What is measured beside the joints, and where it becomes too much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Supervision {
    /// From this temperature on a winding gets less torque.
    pub temperature_derate: Celsius,
    /// At this one the board stops.
    pub temperature_trip: Celsius,
    /// Lowest voltage of the supply.
    pub voltage_min: Volts,
    /// Highest voltage of the supply.
    pub voltage_max: Volts,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            temperature_derate: Celsius(80.0),
            temperature_trip: Celsius(100.0),
            voltage_min: Volts(0.0),
            voltage_max: Volts(650.0),
        }
    }
}

impl Supervision {
    pub(crate) const fn of(settings: &Settings) -> Self {
        Self {
            temperature_derate: Celsius(settings.temperature_derate),
            temperature_trip: Celsius(settings.temperature_trip),
            voltage_min: Volts(settings.voltage_min),
            voltage_max: Volts(settings.voltage_max),
        }
    }

    /// Torque that a winding of this temperature may have.
    pub(crate) fn torque(&self, limits: &JointLimits, temperature: Celsius) -> NewtonMetres {
        if temperature <= self.temperature_derate {
            return limits.tau_max;
        }
        let (trip, derate) = (self.temperature_trip.0, self.temperature_derate.0);
        // A temperature that is no number is as hot as can be.
        let left = f32::max(0.0, (trip - temperature.0) / (trip - derate));
        limits.tau_max * left.min(1.0)
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigurationError {
    /// A limit of a joint.
    Limits(EnvelopeError),
    /// More joints than the board has, or none.
    Joints,
    /// The times of the watchdog are out of order or too long.
    Watchdog,
    /// A temperature or a voltage is none, or reversed.
    Supervision,
}

/// What a board is told when it is provisioned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Configuration<const N: usize> {
    /// Joints in use.
    pub count: usize,
    /// Limits of each.
    pub limits: [JointLimits; N],
    /// Damping used when nothing else is safe.
    pub emergency_damping: Damping,
    /// From one tick to the next, us.
    pub period: u16,
    /// Times of the watchdog.
    pub watchdog: WatchdogTimes,
    /// Temperatures and voltages.
    pub supervision: Supervision,
}

impl<const N: usize> Configuration<N> {
    /// Of a board that nobody has told anything yet: it can be talked to and never be armed.
    pub const NONE: Self = Self {
        count: 0,
        limits: [NO_LIMITS; N],
        emergency_damping: Damping(0.0),
        period: 1000,
        watchdog: WatchdogTimes { expire: 5, damping: 20, torque_off: 500, heartbeat: 100 },
        supervision: Supervision {
            temperature_derate: Celsius(80.0),
            temperature_trip: Celsius(100.0),
            voltage_min: Volts(0.0),
            voltage_max: Volts(650.0),
        },
    };

    /// For the joints of a robot with these limits, in its order.
    ///
    /// # Errors
    /// As [`Configuration::check`].
    pub fn of(
        limits: &HardwareLimits,
        watchdog: WatchdogTimes,
        supervision: Supervision,
        period: Duration,
    ) -> Result<Self, ConfigurationError> {
        let count = limits.joints.len();
        if count > N {
            return Err(ConfigurationError::Joints);
        }
        let mut own = Self { count, watchdog, supervision, ..Self::NONE };
        own.emergency_damping = limits.emergency_damping;
        own.period = u16::try_from(period.as_micros()).unwrap_or(u16::MAX);
        for (own, limits) in own.limits.iter_mut().zip(limits.joints.iter()) {
            *own = *limits;
        }
        own.check()?;
        Ok(own)
    }

    /// Whether a board may work with it.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ConfigurationError> {
        if self.count == 0 || self.count > N || self.period == 0 {
            return Err(ConfigurationError::Joints);
        }
        for (index, limits) in self.joints().iter().enumerate() {
            let joint = JointId::new(index).ok_or(ConfigurationError::Joints)?;
            Envelope::check(joint, limits).map_err(ConfigurationError::Limits)?;
        }
        let damping = self.emergency_damping.0;
        if !(damping > 0.0 && damping <= JointLimits::UNLIMITED) {
            return Err(ConfigurationError::Limits(EnvelopeError::EmergencyDamping));
        }
        if !self.watchdog.are_sound() {
            return Err(ConfigurationError::Watchdog);
        }
        let s = &self.supervision;
        let sound = s.temperature_derate < s.temperature_trip && s.voltage_min < s.voltage_max;
        if sound { Ok(()) } else { Err(ConfigurationError::Supervision) }
    }

    /// The limits in use.
    #[must_use]
    pub fn joints(&self) -> &[JointLimits] {
        self.limits.get(..self.count).unwrap_or_default()
    }

    /// All of it but the limits of the joints, as a board reads it back.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let supervision = &self.supervision;
        Settings {
            joints: u8::try_from(self.count).unwrap_or(u8::MAX),
            period: self.period,
            watchdog: self.watchdog,
            emergency_damping: self.emergency_damping.0,
            temperature_derate: supervision.temperature_derate.0,
            temperature_trip: supervision.temperature_trip.0,
            voltage_min: supervision.voltage_min.0,
            voltage_max: supervision.voltage_max.0,
        }
    }

    /// One number for all of it: host and board compare theirs before the board is armed. Zero for
    /// a board that nobody has told anything.
    #[must_use]
    pub fn hash(&self) -> u64 {
        if self.count == 0 {
            return 0;
        }
        let times = self.watchdog;
        let s = &self.supervision;
        let mut hash = Fingerprint::START
            .word(u32::from(self.period))
            .number(self.emergency_damping.0)
            .word(u32::from(times.expire) | u32::from(times.damping) << 16)
            .word(u32::from(times.torque_off) | u32::from(times.heartbeat) << 16)
            .number(s.temperature_derate.0)
            .number(s.temperature_trip.0)
            .number(s.voltage_min.0)
            .number(s.voltage_max.0);
        for limits in self.joints() {
            hash = numbers(limits).into_iter().fold(hash, Fingerprint::number);
        }
        hash.finish()
    }

    /// Makes the limits of one joint stricter: of each pair the stricter number stays.
    ///
    /// # Errors
    /// There is no such joint, a number is none, or the limits would leave no room; nothing is
    /// changed then.
    pub fn tighten(&mut self, joint: usize, to: &JointLimits) -> Result<(), EnvelopeError> {
        let own = self.limits.get_mut(..self.count).and_then(|all| all.get_mut(joint));
        let (Some(own), Some(joint)) = (own, JointId::new(joint)) else {
            return Err(EnvelopeError::NoJoints);
        };
        Envelope::check(joint, to)?;
        let stricter = Envelope::stricter(own, to);
        Envelope::check(joint, &stricter)?;
        *own = stricter;
        Ok(())
    }
}

/// Numbers in the limits of a joint.
pub const LIMIT_NUMBERS: usize = 15;

/// The limits of a joint as numbers, in the order of [`JointLimits`].
#[must_use]
pub const fn numbers(l: &JointLimits) -> [f32; LIMIT_NUMBERS] {
    [
        l.q_min.0,
        l.q_max.0,
        l.dq_max.0,
        l.tau_max.0,
        l.corner_speed.0,
        l.no_load_speed.0,
        l.braking.0,
        l.kp_max.0,
        l.kd_max.0,
        l.inertia_min.0,
        l.acceleration_max.0,
        l.jerk_max.0,
        l.torque_rate.0,
        l.torque_continuous.0,
        l.thermal_time.0,
    ]
}

/// The other way round.
#[must_use]
pub const fn limits(n: &[f32; LIMIT_NUMBERS]) -> JointLimits {
    let [q_min, q_max, dq, tau, corner, no_load, braking, kp, kd, j, a, jerk, rate, ever, time] =
        *n;
    JointLimits {
        q_min: Radians(q_min),
        q_max: Radians(q_max),
        dq_max: RadiansPerSecond(dq),
        tau_max: NewtonMetres(tau),
        corner_speed: RadiansPerSecond(corner),
        no_load_speed: RadiansPerSecond(no_load),
        braking: RadiansPerSecondSquared(braking),
        kp_max: Stiffness(kp),
        kd_max: Damping(kd),
        inertia_min: KilogramMetresSquared(j),
        acceleration_max: RadiansPerSecondSquared(a),
        jerk_max: RadiansPerSecondCubed(jerk),
        torque_rate: NewtonMetresPerSecond(rate),
        torque_continuous: NewtonMetres(ever),
        thermal_time: Seconds(time),
    }
}

const NO_LIMITS: JointLimits = limits(&[0.0; LIMIT_NUMBERS]);
