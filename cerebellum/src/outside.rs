//! What pushes the robot beside gravity and its feet: an unknown load, a rope, the wind.
//!
//! The momentum observer knows what acts on the whole robot, and by the joints' torques what the
//! ground does at each foot ([`crate::ContactDetector`]); the rest is what nobody told. It is
//! followed slowly, so that what comes and goes with the strides, and a shove, stay out.

use nalgebra::{Matrix3, Vector3};
use signals::FEET_MAX;

use crate::contact::FootContact;

/// How slowly it is followed, s.
const FOLLOW_TIME: f64 = 1.0;
/// More than this in one tick is a shove and no load, N.
const FORCE_MAX: f64 = 80.0;

/// The force, N, odometry frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outside {
    pub(crate) force: Vector3<f64>,
}

impl Outside {
    /// Takes what acts on the whole robot by its `residual` (force first, base axes, turned to the
    /// odometry frame by `rotation`), of which the ground gives the part in `contacts`.
    pub(crate) fn update(
        &mut self,
        dt: f64,
        residual: &[f64],
        rotation: &Matrix3<f64>,
        contacts: &[FootContact; FEET_MAX],
    ) {
        let Some(all) = residual.get(..3) else { return };
        let ground: Vector3<f64> = contacts.iter().map(|contact| contact.force).sum();
        let rest = rotation * Vector3::from_column_slice(all) - ground;
        let size = rest.norm();
        if size.is_finite() {
            let rest = rest * (FORCE_MAX / size.max(FORCE_MAX));
            self.force += (rest - self.force) * (dt / FOLLOW_TIME).min(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: f64 = 1e-3;

    /// Feet that carry `carried` N in all, and a robot on which `all` N act, for `ticks`.
    fn follow(outside: &mut Outside, carried: f64, all: [f64; 3], ticks: usize) {
        let contact = FootContact { force: Vector3::z() * (carried / 4.0), probability: 1.0 };
        for _ in 0..ticks {
            outside.update(TICK, &all, &Matrix3::identity(), &[contact; FEET_MAX]);
        }
    }

    #[test]
    fn a_load_that_stays_is_found_and_a_shove_is_not() {
        let mut outside = Outside::default();
        follow(&mut outside, 190.0, [0.0, 0.0, 150.0], 5_000);
        assert!((outside.force.z + 40.0).abs() < 0.5, "{}", outside.force);
        // 30 N s from the side.
        follow(&mut outside, 190.0, [0.0, 300.0, 150.0], 100);
        assert!(outside.force.y < 9.0, "{}", outside.force);
        let before = outside.force;
        follow(&mut outside, 190.0, [f64::NAN, 0.0, 0.0], 10);
        follow(&mut outside, f64::INFINITY, [0.0; 3], 10);
        assert_eq!(outside.force, before);
    }
}
