//! How the error of the invariant filter moves over one tick.

use nalgebra::{Matrix3, Vector3};
use signals::FEET_MAX;

use super::{ACCELEROMETER_BIAS, ATTITUDE, CONTACT, GYRO_BIAS, POSITION, SIZE, VELOCITY};
use crate::GRAVITY;

/// How an error of the last tick becomes one of this.
pub(super) struct Transition {
    /// The tick, s.
    pub(super) dt: f64,
    /// What an error of the gyroscope's bias turns, and one of the accelerometer's pushes.
    pub(super) turned: Matrix3<f64>,
    pub(super) pushed: Matrix3<f64>,
    /// After the tick.
    pub(super) velocity: Vector3<f64>,
    pub(super) position: Vector3<f64>,
    /// From where a foot touches the ground to its centre, m.
    pub(super) lever: Vector3<f64>,
    /// Per contact its centre, m, and how it rolls off with the attitude's error.
    pub(super) contacts: [Option<(Vector3<f64>, Matrix3<f64>)>; FEET_MAX],
}

impl Transition {
    pub(super) fn apply(&self, x: &mut [f64; SIZE]) {
        let part = |x: &[f64; SIZE], at: usize| Vector3::new(x[at], x[at + 1], x[at + 2]);
        let angle = part(x, ATTITUDE);
        let bias = part(x, GYRO_BIAS);
        let turned = self.turned * bias;
        // A round foot rolls by the turning at the beginning of the tick.
        let rolled = (self.pushed * bias).cross(&self.lever);
        // g x phi with the gravity of the world.
        let fallen = Vector3::new(GRAVITY * angle.y, -GRAVITY * angle.x, 0.0) * self.dt;
        let pushed = fallen + self.pushed * part(x, ACCELEROMETER_BIAS);
        let carried = (part(x, VELOCITY) + pushed * 0.5) * self.dt + self.position.cross(&turned);
        let pushed = pushed + self.velocity.cross(&turned);
        let mut add = |at: usize, what: Vector3<f64>| {
            for k in 0..3 {
                x[at + k] += what[k];
            }
        };
        for (foot, contact) in self.contacts.iter().enumerate() {
            if let Some((place, roll)) = contact {
                add(CONTACT + 3 * foot, roll * angle + place.cross(&turned) + rolled);
            }
        }
        add(POSITION, carried);
        add(VELOCITY, pushed);
        add(ATTITUDE, turned);
    }

    /// `p <- F p F^T`. Rows and columns of a symmetric matrix are the same.
    pub(super) fn apply_all(&self, p: &mut [[f64; SIZE]; SIZE]) {
        p.iter_mut().for_each(|row| self.apply(row));
        transpose(p);
        p.iter_mut().for_each(|row| self.apply(row));
        for i in 1..SIZE {
            let (above, below) = p.split_at_mut(i);
            above.iter_mut().zip(&below[0]).for_each(|(row, x)| row[i] = *x);
        }
    }
}

/// Rows become columns.
pub(super) fn transpose(p: &mut [[f64; SIZE]; SIZE]) {
    for i in 1..SIZE {
        let (above, below) = p.split_at_mut(i);
        for (row, x) in above.iter_mut().zip(&mut below[0]) {
            core::mem::swap(&mut row[i], x);
        }
    }
}
