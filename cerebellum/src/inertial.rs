//! What may be believed of the inertial unit. The governor judges it by its own measure; here it is
//! only kept out of the estimate, so that the robot can still settle on an even keel.

use std::time::Duration;

use nalgebra::Vector3;
use signals::{ImuReading, Instant};

/// Older readings are not used.
const AGE_MAX: Duration = Duration::from_millis(5);
/// No base that is to be estimated turns or is hit harder, rad/s and m/s^2: beyond lie readings at
/// the end of their range.
const RATE_MAX: f32 = 30.0;
const FORCE_MAX: f32 = 140.0;
/// A sensor with noise does not say the very same so often.
const EQUAL_MAX: u32 = 4;

/// The last reading, and how often it has come again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inertial {
    last: ImuReading,
    equal: u32,
}

impl Inertial {
    /// Angular velocity, rad/s, and specific force, m/s^2, base frame; `None` where the reading
    /// says nothing about the present.
    pub(crate) fn believed(
        &mut self,
        now: Instant,
        imu: &ImuReading,
    ) -> Option<(Vector3<f64>, Vector3<f64>)> {
        if imu.at != self.last.at {
            let same = imu.angular_velocity == self.last.angular_velocity
                && imu.specific_force == self.last.specific_force;
            self.equal = if same { self.equal.saturating_add(1) } else { 0 };
            self.last = *imu;
        }
        // A comparison with what is not a number fails.
        let inside = imu.angular_velocity.iter().all(|w| w.0.abs() <= RATE_MAX)
            && imu.specific_force.iter().all(|a| a.0.abs() <= FORCE_MAX);
        let fresh = now.since(imu.at) <= AGE_MAX;
        (inside && fresh && self.equal < EQUAL_MAX).then(|| {
            let vector = |[x, y, z]: [f32; 3]| Vector3::new(x.into(), y.into(), z.into());
            (vector(imu.angular_velocity.map(|w| w.0)), vector(imu.specific_force.map(|a| a.0)))
        })
    }
}

#[cfg(test)]
mod tests {
    use signals::{MetresPerSecondSquared, RadiansPerSecond};

    use super::*;

    fn reading(ms: u64) -> ImuReading {
        let at = Instant::from_nanos(ms * 1_000_000);
        let noise = ms as f32 * 1e-4;
        let specific_force = [0.0, noise, 9.81].map(MetresPerSecondSquared);
        ImuReading { angular_velocity: [RadiansPerSecond(noise); 3], specific_force, at }
    }

    /// Clauses: M8, A2.
    #[test]
    fn only_fresh_changing_readings_inside_their_range_count() {
        let mut unit = Inertial::default();
        let now = |ms: u64| Instant::from_nanos(ms * 1_000_000);
        assert!((1..20).all(|ms| unit.believed(now(ms), &reading(ms)).is_some()));
        // Silent.
        assert!(unit.believed(now(24), &reading(19)).is_some());
        assert!(unit.believed(now(25), &reading(19)).is_none());
        // Stuck with fresh stamps.
        let stuck = |ms| ImuReading { at: now(ms), ..reading(30) };
        let believed: Vec<_> =
            (30..36).map(|ms| unit.believed(now(ms), &stuck(ms)).is_some()).collect();
        assert_eq!(believed, [true, true, true, true, false, false]);
        assert!(unit.believed(now(40), &reading(40)).is_some());
        // At the end of its range, and not a number.
        for wrong in [34.9, f32::NAN, f32::NEG_INFINITY] {
            let turning = [RadiansPerSecond(wrong); 3];
            let wild = ImuReading { angular_velocity: turning, ..reading(41) };
            assert!(unit.believed(now(41), &wild).is_none(), "{wrong}");
        }
    }
}
