//! Numbers with a unit: `repr(transparent)` over `f32`, and only the arithmetic that means
//! something.

use core::cmp::Ordering;
use core::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[repr(transparent)]
        pub struct $name(pub f32);

        impl $name {
            /// Zero of this unit.
            pub const ZERO: Self = Self(0.0);
            /// The magnitude, same unit.
            #[must_use]
            pub const fn abs(self) -> Self {
                Self(self.0.abs())
            }
            /// The smaller of two; a NaN loses against a number.
            #[must_use]
            pub const fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }
            /// The larger of two; a NaN loses against a number.
            #[must_use]
            pub const fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }
            /// Limited to `low..=high`. Bounds in the wrong order give `low`; a NaN stays a NaN.
            #[must_use]
            pub const fn limited(self, low: Self, high: Self) -> Self {
                if self.0 > high.0 && high.0 >= low.0 {
                    high
                } else if self.0 < low.0 || high.0 < low.0 {
                    low
                } else {
                    self
                }
            }
            /// Neither NaN nor infinite.
            #[must_use]
            pub const fn is_finite(self) -> bool {
                self.0.is_finite()
            }
        }
        // Those made of `partial_cmp` compare twice.
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                self.0.partial_cmp(&other.0)
            }
            fn lt(&self, other: &Self) -> bool {
                self.0 < other.0
            }
            fn le(&self, other: &Self) -> bool {
                self.0 <= other.0
            }
            fn gt(&self, other: &Self) -> bool {
                self.0 > other.0
            }
            fn ge(&self, other: &Self) -> bool {
                self.0 >= other.0
            }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }
        impl Mul<f32> for $name {
            type Output = Self;
            fn mul(self, factor: f32) -> Self {
                Self(self.0 * factor)
            }
        }
        impl Div<f32> for $name {
            type Output = Self;
            fn div(self, divisor: f32) -> Self {
                Self(self.0 / divisor)
            }
        }
        impl Div for $name {
            type Output = f32;
            fn div(self, other: Self) -> f32 {
                self.0 / other.0
            }
        }
    };
}

macro_rules! product {
    ($left:ident * $right:ident = $result:ident) => {
        impl Mul<$right> for $left {
            type Output = $result;
            fn mul(self, other: $right) -> $result {
                $result(self.0 * other.0)
            }
        }
        impl Mul<$left> for $right {
            type Output = $result;
            fn mul(self, other: $left) -> $result {
                $result(self.0 * other.0)
            }
        }
    };
}

unit! {
    /// Angle, rad.
    Radians
}
unit! {
    /// Angular velocity, rad/s.
    RadiansPerSecond
}
unit! {
    /// Angular acceleration, rad/s^2.
    RadiansPerSecondSquared
}
unit! {
    /// Angular jerk, rad/s^3.
    RadiansPerSecondCubed
}
unit! {
    /// Moment of inertia, kg m^2.
    KilogramMetresSquared
}
unit! {
    /// Change of torque over time, N m/s.
    NewtonMetresPerSecond
}
unit! {
    /// Mechanical power, W.
    Watts
}
unit! {
    /// Mechanical energy, J.
    Joules
}
unit! {
    /// Torque, N m.
    NewtonMetres
}
unit! {
    /// Force, N.
    Newtons
}
unit! {
    /// Length, m.
    Metres
}
unit! {
    /// Velocity, m/s.
    MetresPerSecond
}
unit! {
    /// Acceleration, m/s^2.
    MetresPerSecondSquared
}
unit! {
    /// Length of time, s. For arithmetic with rates; points in time are [`crate::Instant`].
    Seconds
}
unit! {
    /// Joint stiffness, N m/rad.
    Stiffness
}
unit! {
    /// Joint damping, N m s/rad.
    Damping
}
unit! {
    /// Temperature, degrees Celsius.
    Celsius
}
unit! {
    /// Electric tension, V.
    Volts
}

product!(RadiansPerSecond * Seconds = Radians);
product!(RadiansPerSecondSquared * Seconds = RadiansPerSecond);
product!(MetresPerSecond * Seconds = Metres);
product!(MetresPerSecondSquared * Seconds = MetresPerSecond);
product!(Stiffness * Radians = NewtonMetres);
product!(Damping * RadiansPerSecond = NewtonMetres);

/// Attitude: unit quaternion, Hamilton, turns base coordinates into world coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quaternion {
    /// Scalar part.
    pub w: f32,
    /// First vector part.
    pub x: f32,
    /// Second vector part.
    pub y: f32,
    /// Third vector part.
    pub z: f32,
}

impl Quaternion {
    /// No rotation.
    pub const IDENTITY: Self = Self { w: 1.0, x: 0.0, y: 0.0, z: 0.0 };

    /// The base's z axis in world coordinates.
    #[must_use]
    pub fn up(self) -> [f32; 3] {
        let Self { w, x, y, z } = self;
        [2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y)]
    }

    /// Angle between the base's z axis and the world's, 0 to pi rad.
    #[must_use]
    pub fn tilt(self) -> Radians {
        Radians(libm::acosf(self.up()[2].clamp(-1.0, 1.0)))
    }

    /// Rotation about the world's z axis (ZYX convention), -pi to pi rad.
    #[must_use]
    pub fn yaw(self) -> Radians {
        let Self { w, x, y, z } = self;
        Radians(libm::atan2f(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)))
    }

    /// All four parts are numbers and the norm is 1 within 1e-2.
    #[must_use]
    pub fn is_unit(self) -> bool {
        let n = self.w * self.w + self.x * self.x + self.y * self.y + self.z * self.z;
        (n - 1.0).abs() < 2e-2
    }
}

impl Default for Quaternion {
    fn default() -> Self {
        Self::IDENTITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_multiply_into_the_unit_they_mean() {
        let turned: Radians = RadiansPerSecond(2.0) * Seconds(0.5);
        assert_eq!(turned, Radians(1.0));
        let torque: NewtonMetres =
            Stiffness(10.0) * Radians(0.1) + Damping(1.0) * RadiansPerSecond(2.0);
        assert_eq!(torque, NewtonMetres(3.0));
    }

    #[test]
    fn limited_survives_reversed_bounds_and_nan() {
        assert_eq!(Radians(3.0).limited(Radians(-1.0), Radians(1.0)), Radians(1.0));
        assert_eq!(Radians(3.0).limited(Radians(1.0), Radians(-1.0)), Radians(1.0));
        assert!(!Radians(f32::NAN).limited(Radians(-1.0), Radians(1.0)).is_finite());
    }

    #[test]
    fn tilt_and_yaw_of_known_turns() {
        let half = core::f32::consts::FRAC_PI_8;
        let rolled = Quaternion { w: libm::cosf(half), x: libm::sinf(half), y: 0.0, z: 0.0 };
        assert!((rolled.tilt().0 - 2.0 * half).abs() < 1e-6);
        let yawed = Quaternion { w: libm::cosf(half), x: 0.0, y: 0.0, z: libm::sinf(half) };
        assert!(yawed.tilt().0 < 1e-3 && (yawed.yaw().0 - 2.0 * half).abs() < 1e-6);
    }
}
