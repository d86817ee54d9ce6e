//! Numbers packed between two ends, as motors of the mini-cheetah family take them.
//!
//! A field of `n` bits runs from the lowest number of a scale to the highest. The makers truncate,
//! so zero lies between two steps and is not representable where the ends are opposite: see
//! [`Scale::zero_torque`].

use signals::{Celsius, Damping, JointCommand, NewtonMetres, Radians, RadiansPerSecond, Stiffness};

/// What the ends of the packed fields mean. Which one a motor uses is a matter of its model and its
/// firmware; two that differ give the same bytes another torque.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Position, either way.
    pub q: Radians,
    /// Velocity, either way.
    pub dq: RadiansPerSecond,
    /// Stiffness, from zero.
    pub kp: Stiffness,
    /// Damping, from zero.
    pub kd: Damping,
    /// Torque, either way.
    pub tau: NewtonMetres,
}

impl Scale {
    /// The scale can carry every number of `command`; else packing clamps it to the nearest end.
    #[must_use]
    pub fn holds(&self, command: &JointCommand) -> bool {
        let within = |value: f32, end: f32| value.abs() <= end;
        let gains = command.kp.0 >= 0.0 && command.kd.0 >= 0.0;
        gains
            && within(command.q.0, self.q.0)
            && within(command.dq.0, self.dq.0)
            && within(command.kp.0, self.kp.0)
            && within(command.kd.0, self.kd.0)
            && within(command.tau.0, self.tau.0)
    }

    /// The torque that a command of zero torque and zero gains gives, with `bits` for the torque:
    /// half a step below zero. Where none at all is meant, the motor must be disabled.
    #[must_use]
    pub fn zero_torque(&self, bits: u32) -> NewtonMetres {
        let end = self.tau.0;
        NewtonMetres(unpack(pack(0.0, -end, end, bits).unwrap_or(0), -end, end, bits))
    }
}

/// What a motor measured, in its own sense of rotation and from its own zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Position of the output.
    pub q: Radians,
    /// Velocity of the output.
    pub dq: RadiansPerSecond,
    /// Torque at the output, as the drive estimates it.
    pub tau: NewtonMetres,
    /// Of the winding.
    pub winding: Celsius,
    /// Of the drive's power stage; `None` where it does not say.
    pub drive: Option<Celsius>,
}

/// `value` as a field of at most 16 bits between `low` and `high`: clamped to the nearest end,
/// truncated as the makers do. `None` for what is not a number.
#[must_use]
pub fn pack(value: f32, low: f32, high: f32, bits: u32) -> Option<u16> {
    if value.is_nan() {
        return None;
    }
    let steps = steps(bits);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 65535")]
    Some(((value.clamp(low, high) - low) * steps / (high - low)) as u16)
}

/// What a field of at most 16 bits between `low` and `high` means.
#[must_use]
pub fn unpack(raw: u16, low: f32, high: f32, bits: u32) -> f32 {
    f32::from(raw) * (high - low) / steps(bits) + low
}

/// The highest number of a field.
fn steps(bits: u32) -> f32 {
    let highest = u16::MAX >> 16_u32.saturating_sub(bits).min(15);
    f32::from(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: Scale = Scale {
        q: Radians(12.5),
        dq: RadiansPerSecond(30.0),
        kp: Stiffness(500.0),
        kd: Damping(5.0),
        tau: NewtonMetres(10.0),
    };

    /// Defect 3: a helper that clamps nothing lets an excessive number wrap to the other end.
    #[test]
    fn a_number_out_of_range_ends_at_the_nearest_end() {
        for bits in [12, 16] {
            let top = u16::MAX >> (16 - bits);
            assert_eq!(pack(10.1, -10.0, 10.0, bits), Some(top));
            assert_eq!(pack(f32::INFINITY, -10.0, 10.0, bits), Some(top));
            assert_eq!(pack(-1e30, -10.0, 10.0, bits), Some(0));
            assert_eq!(pack(f32::NAN, -10.0, 10.0, bits), None);
        }
        assert!(SCALE.holds(&JointCommand::LIMP));
        assert!(!SCALE.holds(&JointCommand { tau: NewtonMetres(-10.1), ..JointCommand::LIMP }));
        assert!(!SCALE.holds(&JointCommand { kp: Stiffness(-1.0), ..JointCommand::LIMP }));
    }

    /// Defect 8: zero is not representable; the frame never means "no torque".
    #[test]
    fn zero_lies_half_a_step_off() {
        assert_eq!(pack(0.0, -12.5, 12.5, 16), Some(0x7FFF));
        assert_eq!(pack(0.0, -30.0, 30.0, 12), Some(0x7FF));
        let off = SCALE.zero_torque(12).0;
        assert!((off + 0.0024).abs() < 1e-4, "{off}");
        assert!((unpack(0x7FFF, -12.5, 12.5, 16) + 0.19e-3).abs() < 1e-5);
        assert!((unpack(0x7FF, -30.0, 30.0, 12) + 7.3e-3).abs() < 1e-4);
        // Gains have a true zero.
        assert_eq!(pack(0.0, 0.0, 500.0, 12), Some(0));
    }

    /// A field means what was packed, to within a step.
    #[test]
    fn packing_loses_less_than_a_step() {
        for raw in (0..=u16::MAX).step_by(7) {
            let value = unpack(raw, -12.5, 12.5, 16);
            let again = pack(value, -12.5, 12.5, 16).unwrap();
            assert!(again.abs_diff(raw) <= 1, "{raw} {again}");
        }
    }
}
