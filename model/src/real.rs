//! Functions of real numbers: the system's where there is one, else those of nalgebra.

#[cfg(feature = "load")]
mod choice {
    /// Sine and cosine of `x` rad.
    #[inline]
    pub(crate) fn sin_cos(x: f64) -> (f64, f64) {
        x.sin_cos()
    }

    /// Angle of the point `x, y`, rad, -pi to pi.
    #[inline]
    pub(crate) fn atan2(y: f64, x: f64) -> f64 {
        y.atan2(x)
    }
}

#[cfg(not(feature = "load"))]
mod choice {
    use nalgebra::{ComplexField, RealField};

    /// Sine and cosine of `x` rad.
    pub(crate) fn sin_cos(x: f64) -> (f64, f64) {
        ComplexField::sin_cos(x)
    }

    /// Angle of the point `x, y`, rad, -pi to pi.
    pub(crate) fn atan2(y: f64, x: f64) -> f64 {
        RealField::atan2(y, x)
    }
}

pub(crate) use choice::{atan2, sin_cos};
