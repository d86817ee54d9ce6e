//! The path of a foot through the air: cubic in the plane, up and down over the apex.

use nalgebra::Vector3;

/// Where a swinging foot should be and how it should move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwingPoint {
    /// m.
    pub position: Vector3<f64>,
    /// m/s.
    pub velocity: Vector3<f64>,
    /// m/s^2.
    pub acceleration: Vector3<f64>,
}

/// The point of a swing from `from` to `to`, in their frame.
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
) -> SwingPoint {
    let phase = phase.clamp(0.0, 1.0);
    let way = to - from;
    let [blend, rate, bend] = smooth(phase);
    let mut position = from + way * blend;
    let mut velocity = way * (rate / duration);
    let mut acceleration = way * (bend / (duration * duration));
    let apex = from.z + height;
    let (low, high, half) =
        if phase < 0.5 { (from.z, apex, 2.0 * phase) } else { (apex, to.z, 2.0 * phase - 1.0) };
    let [blend, rate, bend] = smooth(half);
    position.z = low + (high - low) * blend;
    velocity.z = (high - low) * rate * 2.0 / duration;
    acceleration.z = (high - low) * bend * 4.0 / (duration * duration);
    SwingPoint { position, velocity, acceleration }
}

/// `3 s^2 - 2 s^3` and its two derivatives: from 0 to 1 with zero slope at both ends.
#[must_use]
pub fn smooth(s: f64) -> [f64; 3] {
    let s = s.clamp(0.0, 1.0);
    [s * s * (3.0 - 2.0 * s), 6.0 * s * (1.0 - s), 6.0 - 12.0 * s]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_starts_ends_and_peaks_where_it_should() {
        let (from, to) = (Vector3::new(0.1, 0.0, 0.02), Vector3::new(0.3, 0.1, 0.02));
        let at = |phase| swing(&from, &to, 0.08, phase, 0.16);
        let still = |point: SwingPoint, place: Vector3<f64>| {
            (point.position - place).norm() < 1e-12 && point.velocity.norm() < 1e-12
        };
        assert!(still(at(0.0), from) && still(at(1.0), to));
        assert!((at(0.5).position.z - 0.10).abs() < 1e-12);
    }

    #[test]
    fn each_is_the_derivative_of_the_one_before() {
        let (from, to) = (Vector3::new(0.1, 0.0, 0.02), Vector3::new(0.3, 0.1, 0.0));
        let at = |phase| swing(&from, &to, 0.08, phase, 0.16);
        for step in 1..100 {
            let (phase, h) = (f64::from(step) / 100.0, 1e-6);
            if (phase - 0.5).abs() < 1e-3 {
                continue;
            }
            let (ahead, behind, here) = (at(phase + h), at(phase - h), at(phase));
            let slope = |a: Vector3<f64>, b: Vector3<f64>| (a - b) / (2.0 * h * 0.16);
            assert!((slope(ahead.position, behind.position) - here.velocity).norm() < 1e-5);
            assert!((slope(ahead.velocity, behind.velocity) - here.acceleration).norm() < 1e-4);
        }
    }
}
