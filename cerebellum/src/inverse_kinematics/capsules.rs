//! The nearest points of two capsules.
//!
//! The nearest points of two segments minimise a convex quadratic function of two parameters over a
//! square: its minimum inside, if there is one, else the best of its four edges. C. Ericson,
//! Real-Time Collision Detection (2005), section 5.1.9, walks the cases; here all are looked at.

use nalgebra::Vector3;

/// Segments that are shorter, or nearer to parallel, count as such; m^2, and squared sine.
const POINT: f64 = 1e-18;
const PARALLEL: f64 = 1e-12;

/// Where two capsules are nearest to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nearest {
    /// On the axis of the first one, m.
    pub one: Vector3<f64>,
    /// On the axis of the second one, m.
    pub other: Vector3<f64>,
    /// From the second one to the first one, unit vector.
    pub normal: Vector3<f64>,
    /// From surface to surface, m; negative where they overlap.
    pub distance: f64,
}

/// Where two capsules are nearest: each the two ends of its axis and its radius, m.
#[must_use]
pub fn nearest(
    ([a, b], a_radius): ([Vector3<f64>; 2], f64),
    ([c, d], c_radius): ([Vector3<f64>; 2], f64),
) -> Nearest {
    let (u, v, w) = (b - a, d - c, a - c);
    let (uu, uv, vv) = (u.dot(&u), u.dot(&v), v.dot(&v));
    let (uw, vw) = (u.dot(&w), v.dot(&w));
    let part = |numerator: f64, square: f64| {
        if square > POINT { (numerator / square).clamp(0.0, 1.0) } else { 0.0 }
    };
    // On each edge one parameter is fixed and the other one is the foot of a perpendicular.
    let on_first = |s: f64| (s, part(uv * s + vw, vv));
    let on_second = |t: f64| (part(uv * t - uw, uu), t);
    let square = |(s, t): (f64, f64)| (w + u * s - v * t).norm_squared();
    let mut best = on_first(0.0);
    for edge in [on_first(1.0), on_second(0.0), on_second(1.0)] {
        if square(edge) < square(best) {
            best = edge;
        }
    }
    let across = uu * vv - uv * uv;
    if across > PARALLEL * uu * vv {
        let inside = ((uv * vw - vv * uw) / across, (uu * vw - uv * uw) / across);
        let square_holds = (0.0..=1.0).contains(&inside.0) && (0.0..=1.0).contains(&inside.1);
        if square_holds && square(inside) < square(best) {
            best = inside;
        }
    }
    let (one, other) = (a + u * best.0, c + v * best.1);
    let apart = one - other;
    let length = apart.norm();
    // Axes that cross have no direction between them: any that is across both will do.
    let normal = if length > 1e-9 {
        apart / length
    } else {
        let across = [u.cross(&v), u.cross(&Vector3::x()), u.cross(&Vector3::y())];
        let across = across.iter().find_map(|n| n.try_normalize(1e-9));
        across.unwrap_or_else(Vector3::z)
    };
    Nearest { one, other, normal, distance: length - a_radius - c_radius }
}
