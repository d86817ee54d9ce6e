//! What the robot's hardware can bear, from the robot file. May only be tightened after load.

use crate::{
    Damping, Joints, KilogramMetresSquared, NewtonMetres, NewtonMetresPerSecond, Radians,
    RadiansPerSecond, RadiansPerSecondCubed, RadiansPerSecondSquared, Seconds, Stiffness,
};

/// Limits of one joint.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JointLimits {
    /// Lowest position.
    pub q_min: Radians,
    /// Highest position.
    pub q_max: Radians,
    /// Highest speed, either way.
    pub dq_max: RadiansPerSecond,
    /// Highest torque, either way, up to `corner_speed`.
    pub tau_max: NewtonMetres,
    /// Speed up to which `tau_max` is available; above it the torque falls in a straight line.
    pub corner_speed: RadiansPerSecond,
    /// Speed at which no driving torque is left.
    pub no_load_speed: RadiansPerSecond,
    /// Deceleration that can always be counted on, whatever the load.
    pub braking: RadiansPerSecondSquared,
    /// Highest stiffness a command may ask for.
    pub kp_max: Stiffness,
    /// Highest damping a command may ask for.
    pub kd_max: Damping,
    /// Smallest inertia the joint ever moves, rotor included: what a change of torque can do at
    /// most. Too small a number only costs agility, too large a number costs the speed limit.
    pub inertia_min: KilogramMetresSquared,
    /// Highest acceleration a command may cause; [`JointLimits::UNLIMITED`] for no limit.
    pub acceleration_max: RadiansPerSecondSquared,
    /// Fastest change of acceleration a command may cause; [`JointLimits::UNLIMITED`] for no limit.
    pub jerk_max: RadiansPerSecondCubed,
    /// Fastest change of torque: none faster is asked of the drive, and the drive can follow it.
    pub torque_rate: NewtonMetresPerSecond,
    /// Torque the winding bears for ever, at most `tau_max`.
    pub torque_continuous: NewtonMetres,
    /// Time constant with which the winding warms up.
    pub thermal_time: Seconds,
}

impl JointLimits {
    /// The largest number a limit may be, in any SI unit; for acceleration and jerk it means that
    /// there is none.
    pub const UNLIMITED: f32 = 1e6;

    /// Driving torque available at speed `dq` (same sign as the torque): the speed-torque curve.
    /// Braking torque is `tau_max` at any speed.
    #[must_use]
    pub fn driving_torque(&self, dq: RadiansPerSecond) -> NewtonMetres {
        let speed = dq.abs();
        if speed <= self.corner_speed {
            return self.tau_max;
        }
        let span = (self.no_load_speed - self.corner_speed).0.max(1e-3);
        self.tau_max * (1.0 - (speed - self.corner_speed).0 / span).clamp(0.0, 1.0)
    }

    /// Lowest and highest torque the drive can give at speed `dq`.
    #[must_use]
    pub fn torque_range(&self, dq: RadiansPerSecond) -> (NewtonMetres, NewtonMetres) {
        let drive = self.driving_torque(dq);
        if dq.0 >= 0.0 { (-self.tau_max, drive) } else { (-drive, self.tau_max) }
    }
}

/// Limits of the whole body.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HardwareLimits {
    /// One set per joint.
    pub joints: Joints<JointLimits>,
    /// Damping used when nothing else is safe.
    pub emergency_damping: Damping,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: M4.
    #[test]
    fn torque_falls_with_speed_only_when_driving() {
        let joint = JointLimits {
            tau_max: NewtonMetres(20.0),
            corner_speed: RadiansPerSecond(10.0),
            no_load_speed: RadiansPerSecond(30.0),
            ..JointLimits::default()
        };
        assert_eq!(
            joint.torque_range(RadiansPerSecond(20.0)),
            (NewtonMetres(-20.0), NewtonMetres(10.0))
        );
        assert_eq!(
            joint.torque_range(RadiansPerSecond(-30.0)),
            (NewtonMetres(0.0), NewtonMetres(20.0))
        );
        assert_eq!(joint.driving_torque(RadiansPerSecond(99.0)), NewtonMetres(0.0));
    }
}
