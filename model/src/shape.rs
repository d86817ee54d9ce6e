//! Solids of even density: their volume and inertia.

use std::f64::consts::PI;

use nalgebra::{Matrix3, Rotation3, Vector3};

use crate::model_file::Placement;
use crate::tree::Inertia;

/// A solid about its own centre; the long axis of round ones is z. Half lengths and radii in m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Solid {
    Ellipsoid([f64; 3]),
    Box([f64; 3]),
    Capsule { radius: f64, half_length: f64 },
    Cylinder { radius: f64, half_length: f64 },
}

impl Solid {
    /// m^3.
    pub(crate) fn volume(self) -> f64 {
        match self {
            Self::Ellipsoid([x, y, z]) => 4.0 / 3.0 * PI * x * y * z,
            Self::Box([x, y, z]) => 8.0 * x * y * z,
            Self::Capsule { radius: r, half_length: h } => PI * r * r * (2.0 * h + 4.0 / 3.0 * r),
            Self::Cylinder { radius: r, half_length: h } => 2.0 * PI * r * r * h,
        }
    }

    /// The box with this inertia, and how it lies. `None` for a body without mass.
    pub(crate) fn box_like(body: &Inertia) -> Option<(Self, Placement)> {
        if !(body.mass > 0.0 && body.about_com.iter().all(|number| number.is_finite())) {
            return None;
        }
        let principal = body.about_com.symmetric_eigen();
        let sum = principal.eigenvalues.sum();
        // Of a box m/3 (b^2 + c^2) about the axis along half its side a.
        let half =
            principal.eigenvalues.map(|i| (1.5 * (sum - 2.0 * i).max(0.0) / body.mass).sqrt());
        Some((Self::Box(half.into()), (principal.eigenvectors, body.com)))
    }

    /// Of `mass` kg, about its centre.
    pub(crate) fn inertia(self, mass: f64) -> Inertia {
        let diagonal = match self {
            Self::Ellipsoid([x, y, z]) => across(mass / 5.0, [x, y, z]),
            Self::Box([x, y, z]) => across(mass / 3.0, [x, y, z]),
            Self::Cylinder { radius: r, half_length: h } => {
                let side = mass * (r * r / 4.0 + h * h / 3.0);
                [side, side, mass * r * r / 2.0]
            }
            Self::Capsule { radius: r, half_length: h } => {
                // A cylinder and two half spheres, whose own centres lie 3/8 r further out.
                let cylinder = 2.0 * h / (2.0 * h + 4.0 / 3.0 * r);
                let (m, s) = (mass * cylinder, mass * (1.0 - cylinder));
                let side =
                    m * (r * r / 4.0 + h * h / 3.0) + s * (0.4 * r * r + h * h + 0.75 * h * r);
                [side, side, m * r * r / 2.0 + s * 0.4 * r * r]
            }
        };
        let about_com = Matrix3::from_diagonal(&Vector3::from(diagonal));
        Inertia { mass, com: Vector3::zeros(), about_com }
    }
}

fn across(factor: f64, [x, y, z]: [f64; 3]) -> [f64; 3] {
    [factor * (y * y + z * z), factor * (x * x + z * z), factor * (x * x + y * y)]
}

/// Attitude and place of a solid whose long axis runs between two points, m.
pub(crate) fn between(ends: [f64; 6]) -> Placement {
    let (from, to) = split(ends);
    let axis = to - from;
    let turn = Rotation3::rotation_between(&Vector3::z(), &axis);
    // Straight down there is no shortest turn: any will do.
    let turn = turn.unwrap_or_else(|| Rotation3::from_axis_angle(&Vector3::x_axis(), PI));
    (turn.into_inner(), (from + to) / 2.0)
}

/// Half the distance of the two points, m.
pub(crate) fn half_length(ends: [f64; 6]) -> f64 {
    let (from, to) = split(ends);
    (to - from).norm() / 2.0
}

fn split([a, b, c, d, e, f]: [f64; 6]) -> (Vector3<f64>, Vector3<f64>) {
    (Vector3::new(a, b, c), Vector3::new(d, e, f))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sum over little cubes knows nothing of the formulas.
    #[test]
    fn solids_weigh_as_much_as_their_parts() {
        let (r, h) = (0.3, 0.5);
        type Inside = fn(Vector3<f64>) -> bool;
        let cases: [(Solid, Inside); 4] = [
            (Solid::Ellipsoid([0.3, 0.4, 0.5]), |p| {
                (p.x / 0.3).powi(2) + (p.y / 0.4).powi(2) + (p.z / 0.5).powi(2) <= 1.0
            }),
            (Solid::Box([0.3, 0.4, 0.5]), |p| {
                p.x.abs() <= 0.3 && p.y.abs() <= 0.4 && p.z.abs() <= 0.5
            }),
            (Solid::Cylinder { radius: r, half_length: h }, |p| {
                p.xy().norm() <= 0.3 && p.z.abs() <= 0.5
            }),
            (Solid::Capsule { radius: r, half_length: h }, |p| {
                (p - Vector3::new(0.0, 0.0, p.z.clamp(-0.5, 0.5))).norm() <= 0.3
            }),
        ];
        for (solid, inside) in cases {
            let (step, half) = (0.02, 45);
            let mut all = Inertia::ZERO;
            for (x, y, z) in (-half..half).flat_map(|x| {
                (-half..half).flat_map(move |y| (-half..half).map(move |z| (x, y, z)))
            }) {
                let at =
                    Vector3::new(f64::from(x), f64::from(y), f64::from(z)).add_scalar(0.5) * step;
                if inside(at) {
                    let point = Matrix3::identity() * at.norm_squared() - at * at.transpose();
                    all.mass += step * step * step;
                    all.about_com += point * (step * step * step);
                }
            }
            let ours = solid.inertia(solid.volume());
            assert!(
                (ours.mass / all.mass - 1.0).abs() < 0.02,
                "{solid:?}: {} {}",
                ours.mass,
                all.mass
            );
            for k in 0..3 {
                let (one, other) = (ours.about_com[(k, k)], all.about_com[(k, k)]);
                assert!((one / other - 1.0).abs() < 0.03, "{solid:?}: {one} {other}");
            }
        }
    }

    #[test]
    fn a_box_is_found_from_its_inertia() {
        let turn = Rotation3::from_euler_angles(0.3, -0.5, 0.7).into_inner();
        let at = Vector3::new(0.1, 0.2, -0.3);
        let inertia = Solid::Box([0.1, 0.3, 0.2]).inertia(4.0).moved(&turn, &at);
        let (solid, (rotation, position)) = Solid::box_like(&inertia).unwrap();
        let back = solid.inertia(4.0).moved(&rotation, &position);
        assert!((back.about_com - inertia.about_com).norm() < 1e-12);
        assert!((back.com - at).norm() < 1e-12 && (solid.volume() - 0.048).abs() < 1e-12);
        assert_eq!(Solid::box_like(&Inertia::ZERO), None);
        let broken = Inertia { about_com: Matrix3::from_element(f64::NAN), ..inertia };
        assert_eq!(Solid::box_like(&broken), None);
    }
}
