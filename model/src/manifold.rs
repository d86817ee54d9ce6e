//! Places and attitudes: adding a motion to one, and the motion from one to another.
//!
//! J. Sola, J. Deray and D. Atchuthan, A micro Lie theory for state estimation in robotics (2018).
//! A motion is `[linear; angular]` in the frame that moves, as the velocity of a floating base.

use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};

use crate::real::{atan2, sin_cos};

/// Where a frame is in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// m.
    pub position: Vector3<f64>,
    /// Frame to world.
    pub rotation: UnitQuaternion<f64>,
}

/// Below this angle, rad, series are exact and quotients are not.
const SMALL: f64 = 1e-4;

/// `pose` after a motion of `linear` m and `angular` rad along a screw, in its own frame: a
/// velocity held for some time.
#[must_use]
pub fn integrate(pose: &Pose, linear: &Vector3<f64>, angular: &Vector3<f64>) -> Pose {
    let way = left_jacobian(angular) * linear;
    Pose {
        position: pose.position + pose.rotation * way,
        rotation: pose.rotation * UnitQuaternion::from_scaled_axis(*angular),
    }
}

/// The motion, m and rad, that [`integrate`]d from `from` leads to `to`.
#[must_use]
pub fn difference(from: &Pose, to: &Pose) -> (Vector3<f64>, Vector3<f64>) {
    let angular = log(&(from.rotation.inverse() * to.rotation));
    let way = from.rotation.inverse() * (to.position - from.position);
    (left_jacobian_inverse(&angular) * way, angular)
}

/// The rotation vector, rad, of at most half a turn.
fn log(rotation: &UnitQuaternion<f64>) -> Vector3<f64> {
    // Both quaternions of a rotation mean the same; the nearer one is the shorter way.
    let sign = if rotation.w < 0.0 { -1.0 } else { 1.0 };
    let (w, imaginary) = (sign * rotation.w, rotation.imag() * sign);
    let norm = imaginary.norm();
    if norm < SMALL {
        // 2 atan(n / w) / n to the third order.
        let ratio = norm / w;
        return imaginary * (2.0 / w * (1.0 - ratio * ratio / 3.0));
    }
    imaginary * (2.0 * atan2(norm, w) / norm)
}

/// Way of a point that moves along while its frame turns by `angular` rad, per way in that frame;
/// also the left Jacobian of the rotations.
#[must_use]
pub fn left_jacobian(angular: &Vector3<f64>) -> Matrix3<f64> {
    let (angle, cross) = (angular.norm(), angular.cross_matrix());
    let square = angle * angle;
    let (a, b) = if angle < SMALL {
        (0.5 - square / 24.0, 1.0 / 6.0 - square / 120.0)
    } else {
        let (sin, cos) = sin_cos(angle);
        ((1.0 - cos) / square, (angle - sin) / (square * angle))
    };
    Matrix3::identity() + cross * a + cross * cross * b
}

fn left_jacobian_inverse(angular: &Vector3<f64>) -> Matrix3<f64> {
    let (angle, cross) = (angular.norm(), angular.cross_matrix());
    let square = angle * angle;
    let b = if angle < SMALL {
        1.0 / 12.0 + square / 720.0
    } else {
        let half = 0.5 * angle;
        let (sin, cos) = sin_cos(half);
        (1.0 - half * cos / sin) / square
    };
    Matrix3::identity() - cross * 0.5 + cross * cross * b
}

impl Pose {
    /// At the world's origin, along its axes.
    pub const ORIGIN: Self = Self {
        position: Vector3::new(0.0, 0.0, 0.0),
        rotation: UnitQuaternion::new_unchecked(nalgebra::Quaternion {
            coords: nalgebra::Vector4::new(0.0, 0.0, 0.0, 1.0),
        }),
    };

    /// As a matrix, frame to world.
    #[must_use]
    pub fn matrix(&self) -> Matrix3<f64> {
        Rotation3::from(self.rotation).into_inner()
    }
}
