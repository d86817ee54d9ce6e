//! The path of a foot through the air: cubic in the plane, up and down over the apex.

use nalgebra::Vector3;

/// Wanted position (m) and velocity (m/s) of a swinging foot, in the frame of `from` and `to`.
///
/// `phase` 0 to 1; `height` of the apex above `from`, m; `duration` of the swing, s. Position is
/// continuous and velocity is zero at both ends and at the apex in height.
#[must_use]
pub fn swing(
    from: &Vector3<f64>,
    to: &Vector3<f64>,
    height: f64,
    phase: f64,
    duration: f64,
) -> (Vector3<f64>, Vector3<f64>) {
    let phase = phase.clamp(0.0, 1.0);
    let (blend, rate) = smooth(phase);
    let mut position = from + (to - from) * blend;
    let mut velocity = (to - from) * (rate / duration);
    let apex = from.z + height;
    let (low, high, half) =
        if phase < 0.5 { (from.z, apex, 2.0 * phase) } else { (apex, to.z, 2.0 * phase - 1.0) };
    let (blend, rate) = smooth(half);
    position.z = low + (high - low) * blend;
    velocity.z = (high - low) * rate * 2.0 / duration;
    (position, velocity)
}

/// `3 s^2 - 2 s^3` and its derivative: from 0 to 1 with zero slope at both ends.
#[must_use]
pub fn smooth(s: f64) -> (f64, f64) {
    let s = s.clamp(0.0, 1.0);
    (s * s * (3.0 - 2.0 * s), 6.0 * s * (1.0 - s))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_starts_ends_and_peaks_where_it_should() {
        let (from, to) = (Vector3::new(0.1, 0.0, 0.02), Vector3::new(0.3, 0.1, 0.02));
        let at = |phase| swing(&from, &to, 0.08, phase, 0.16);
        assert!((at(0.0).0 - from).norm() < 1e-12 && at(0.0).1.norm() < 1e-12);
        assert!((at(1.0).0 - to).norm() < 1e-12 && at(1.0).1.norm() < 1e-12);
        assert!((at(0.5).0.z - 0.10).abs() < 1e-12);
    }

    #[test]
    fn velocity_is_the_derivative_of_position() {
        let (from, to) = (Vector3::new(0.1, 0.0, 0.02), Vector3::new(0.3, 0.1, 0.0));
        for step in 1..100 {
            let (phase, h) = (f64::from(step) / 100.0, 1e-6);
            if (phase - 0.5).abs() < 1e-3 {
                continue;
            }
            let ahead = swing(&from, &to, 0.08, phase + h, 0.16).0;
            let behind = swing(&from, &to, 0.08, phase - h, 0.16).0;
            let numeric = (ahead - behind) / (2.0 * h * 0.16);
            assert!((numeric - swing(&from, &to, 0.08, phase, 0.16).1).norm() < 1e-5);
        }
    }
}
