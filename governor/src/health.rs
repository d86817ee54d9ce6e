//! The thresholds of what makes a body sick: readings, drives, estimate, supply and loop.

use core::time::Duration;

use signals::{
    Celsius, Metres, MetresPerSecond, MetresPerSecondSquared, Newtons, Radians, RadiansPerSecond,
    Volts,
};

use crate::fingerprint::Fingerprint;
use crate::profile::{ProfileError, all_hold, not_negative, positive, short, some};
use crate::vitals::{LATE_WINDOW, LATE_WINDOW_LONG};

/// How sick a body may be: thresholds of findings about readings, drives, estimate and loop. Zero
/// turns a check off where its field says so: for a body that does not measure what it needs.
///
/// Clauses: A2, C3, M4, M7, M8, N3, S3, S8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HealthRule {
    /// Readings of one joint in a row that jump before the robot settles, ticks; a single one is
    /// passed over. Zero turns the check off.
    pub jumps_settle: u32,
    /// What a reading may jump more than one and a half times the joint's highest speed explains,
    /// not negative.
    pub jump_noise: Radians,
    /// Age of the readings of two joints from which the robot settles.
    pub pair_age_settle: Duration,
    /// Age of an inertial reading from which the robot settles.
    pub imu_age_settle: Duration,
    /// Equal fresh inertial readings in a row before the robot settles, ticks. Zero turns the check
    /// off.
    pub imu_stuck_frames: u32,
    /// End of the gyroscope's range, either way, positive.
    pub imu_rate_max: RadiansPerSecond,
    /// End of the accelerometer's range, either way, positive.
    pub imu_force_max: MetresPerSecondSquared,
    /// Difference of measured and commanded torque that counts as an error, a part of the highest
    /// torque; it lasts 50 ms. Zero turns the check off: for drives that measure no torque.
    pub torque_error: f32,
    /// The same for a collision, which lasts 5 ms. Zero turns the check off.
    pub collision: f32,
    /// Position error of a joint that stands still under torque for 100 ms, positive.
    pub blocked_error: Radians,
    /// Torque from which a joint that stands still may be blocked, a part of the highest torque.
    /// Zero turns the check off.
    pub blocked_torque: f32,
    /// Acceleration against its own torque at which a drive's sign is in doubt, positive.
    pub sign_torque: f32,
    /// Temperature of a winding from which the robot slows down, above zero.
    pub temperature_warn: Celsius,
    /// Temperature of a winding from which it settles, at least `temperature_warn`.
    pub temperature_trip: Celsius,
    /// Lowest voltage of the supply, not negative.
    pub voltage_min: Volts,
    /// Highest voltage of the supply, above `voltage_min`.
    pub voltage_max: Volts,
    /// Angle between the estimate's vertical and the accelerometer's, averaged over half a second,
    /// that contradicts it, positive.
    pub estimate_tilt: Radians,
    /// Difference of the estimate's angular velocity and the gyroscope's, about any axis, positive.
    pub estimate_rate: RadiansPerSecond,
    /// Difference of a joint's estimate and its reading, positive.
    pub estimate_joint: Radians,
    /// Force on all feet together below which the robot counts as lifted. Zero turns the check off.
    pub feet_load_min: Newtons,
    /// How far the base of a holding robot may move from where it came to rest, positive (S3).
    pub hold_distance: Metres,
    /// How fast it may move then, positive (S3).
    pub hold_speed: MetresPerSecond,
    /// How far a joint may move then, positive (S3).
    pub hold_joint: Radians,
    /// Speed of a joint without torque that raises an alarm, positive (S8).
    pub back_drive: RadiansPerSecond,
    /// Skipped among 10 ticks, at which the robot slows down, 1 to 10.
    pub late_limited: u32,
    /// Skipped among 100 ticks, at which it stands, 1 to 100.
    pub late_hold: u32,
    /// Gap between two ticks at which it stands.
    pub late_gap: Duration,
}

impl Default for HealthRule {
    fn default() -> Self {
        Self {
            jumps_settle: 3,
            jump_noise: Radians(0.01),
            pair_age_settle: Duration::from_millis(20),
            imu_age_settle: Duration::from_millis(20),
            imu_stuck_frames: 10,
            imu_rate_max: RadiansPerSecond(34.0),
            imu_force_max: MetresPerSecondSquared(150.0),
            torque_error: 0.0,
            collision: 0.0,
            blocked_error: Radians(0.2),
            blocked_torque: 0.2,
            sign_torque: 0.1,
            temperature_warn: Celsius(80.0),
            temperature_trip: Celsius(100.0),
            voltage_min: Volts(0.0),
            voltage_max: Volts(1000.0),
            estimate_tilt: Radians(0.3),
            estimate_rate: RadiansPerSecond(1.0),
            estimate_joint: Radians(0.1),
            feet_load_min: Newtons(0.0),
            hold_distance: Metres(0.05),
            hold_speed: MetresPerSecond(0.1),
            hold_joint: Radians(0.035),
            back_drive: RadiansPerSecond(0.017_453),
            late_limited: 3,
            late_hold: 20,
            late_gap: Duration::from_millis(50),
        }
    }
}

impl HealthRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let (part, above_zero) = ("from 0 to 1e6", "positive and at most 1e6");
        let span = "longer than zero and at most 60 s";
        all_hold(&[
            ("health.jump_noise", not_negative(self.jump_noise.0), part),
            ("health.pair_age_settle", some(self.pair_age_settle), span),
            ("health.imu_age_settle", some(self.imu_age_settle), span),
            ("health.imu_rate_max", positive(self.imu_rate_max.0), above_zero),
            ("health.imu_force_max", positive(self.imu_force_max.0), above_zero),
            ("health.torque_error", not_negative(self.torque_error), part),
            ("health.collision", not_negative(self.collision), part),
            ("health.blocked_error", positive(self.blocked_error.0), above_zero),
            ("health.blocked_torque", not_negative(self.blocked_torque), part),
            ("health.sign_torque", not_negative(self.sign_torque), part),
            ("health.temperature_warn", positive(self.temperature_warn.0), above_zero),
            (
                "health.temperature_trip",
                self.temperature_trip >= self.temperature_warn,
                "at least temperature_warn",
            ),
            ("health.voltage_min", not_negative(self.voltage_min.0), part),
            ("health.voltage_max", self.voltage_max > self.voltage_min, "above voltage_min"),
            ("health.estimate_tilt", positive(self.estimate_tilt.0), above_zero),
            ("health.estimate_rate", positive(self.estimate_rate.0), above_zero),
            ("health.estimate_joint", positive(self.estimate_joint.0), above_zero),
            ("health.feet_load_min", not_negative(self.feet_load_min.0), part),
            ("health.hold_distance", positive(self.hold_distance.0), above_zero),
            ("health.hold_speed", positive(self.hold_speed.0), above_zero),
            ("health.hold_joint", positive(self.hold_joint.0), above_zero),
            ("health.back_drive", positive(self.back_drive.0), above_zero),
            ("health.late_limited", (1..=LATE_WINDOW).contains(&self.late_limited), "1 to 10"),
            ("health.late_hold", (1..=LATE_WINDOW_LONG).contains(&self.late_hold), "1 to 100"),
            ("health.late_gap", short(self.late_gap), "at most 60 s"),
        ])
    }

    /// `hash` with every number of this.
    pub(crate) fn fingerprint(&self, hash: Fingerprint) -> Fingerprint {
        let Self {
            jumps_settle,
            jump_noise,
            pair_age_settle,
            imu_age_settle,
            imu_stuck_frames,
            imu_rate_max,
            imu_force_max,
            torque_error,
            collision,
            blocked_error,
            blocked_torque,
            sign_torque,
            temperature_warn,
            temperature_trip,
            voltage_min,
            voltage_max,
            estimate_tilt,
            estimate_rate,
            estimate_joint,
            feet_load_min,
            hold_distance,
            hold_speed,
            hold_joint,
            back_drive,
            late_limited,
            late_hold,
            late_gap,
        } = *self;
        let hash = hash.word(jumps_settle).word(imu_stuck_frames).word(late_limited);
        let hash = hash.word(late_hold).span(pair_age_settle).span(imu_age_settle).span(late_gap);
        let hash = hash.number(jump_noise.0).number(imu_rate_max.0).number(imu_force_max.0);
        let hash = hash.number(torque_error).number(collision).number(blocked_error.0);
        let hash = hash.number(blocked_torque).number(sign_torque).number(temperature_warn.0);
        let hash = hash.number(temperature_trip.0).number(voltage_min.0).number(voltage_max.0);
        let hash = hash.number(estimate_tilt.0).number(estimate_rate.0).number(estimate_joint.0);
        let hash = hash.number(feet_load_min.0).number(hold_distance.0).number(hold_speed.0);
        hash.number(hold_joint.0).number(back_drive.0)
    }
}
