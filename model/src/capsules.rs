//! Capsules around the links, and which pairs of them have to be kept apart.

use nalgebra::{Matrix3, Vector3};

use mjcf_rs::body::{Geom, GeomType};

use crate::kinematics::Kinematics;
use crate::tree::{CapsuleShape, RobotModel};

/// Random postures that are looked at.
const SAMPLES: u32 = 4_000;
/// Pairs that no sample brings nearer than this, m, cannot meet.
const FAR: f64 = 0.10;
/// A sphere this near to a capsule's axis, m, makes the capsule longer.
const ON_AXIS: f64 = 2e-3;

/// The capsule around a geom whose body lies at `position` turned by `rotation` on `link`. A box is
/// covered along its longest side. `None` for shapes that have no size of their own.
pub(crate) fn around(
    geom: &Geom,
    link: usize,
    (rotation, position): (&Matrix3<f64>, &Vector3<f64>),
    (own_rotation, own_position): (Matrix3<f64>, Vector3<f64>),
) -> Option<CapsuleShape> {
    let [a, b, c] = geom.size;
    let along = |axis: usize, half: f64| {
        let reach = own_rotation.column(axis) * half;
        (own_position - reach, own_position + reach)
    };
    let ((from, to), radius) = match (geom.type_, geom.fromto) {
        (GeomType::Sphere, _) => ((own_position, own_position), a),
        (GeomType::Capsule | GeomType::Cylinder, Some([x, y, z, to_x, to_y, to_z])) => {
            ((Vector3::new(x, y, z), Vector3::new(to_x, to_y, to_z)), a)
        }
        (GeomType::Capsule | GeomType::Cylinder, None) => (along(2, b), a),
        (GeomType::Box, _) if a >= b && a >= c => (along(0, a), b.hypot(c)),
        (GeomType::Box, _) if b >= c => (along(1, b), a.hypot(c)),
        (GeomType::Box, _) => (along(2, c), a.hypot(b)),
        _ => return None,
    };
    let placed = |point: Vector3<f64>| position + rotation * point;
    Some(CapsuleShape { link, from: placed(from), to: placed(to), radius })
}

/// Adds a capsule to those of its link; a sphere at the end of one makes that one longer.
pub(crate) fn join(capsules: &mut Vec<CapsuleShape>, new: CapsuleShape) {
    let sphere = (new.to - new.from).norm() < ON_AXIS;
    for old in capsules.iter_mut().filter(|old| sphere && old.link == new.link) {
        let axis = old.to - old.from;
        let length = axis.norm();
        let beyond = new.from - old.to;
        if length > ON_AXIS
            && (beyond - axis * (beyond.dot(&axis) / length.powi(2))).norm() < ON_AXIS
        {
            old.radius = old.radius.max(new.radius);
            if beyond.dot(&axis) > 0.0 {
                old.to = new.from;
            }
            return;
        }
    }
    capsules.push(new);
}

/// The pairs of capsules that can meet, most often near first: not those on one link or on two
/// that a joint connects, not those that are within `kept` m in one of the `resting` postures, and
/// not those that no random posture within `limits` brings near.
#[must_use]
pub(crate) fn pairs(
    model: &RobotModel,
    limits: &[[f64; 2]],
    resting: &[&[f64]],
    kept: f64,
) -> Vec<(usize, usize)> {
    let count = model.capsules.len();
    let parent = |link: usize| link.checked_sub(1).map(|joint| model.joints[joint].parent);
    let mut found: Vec<_> = (0..count)
        .flat_map(|a| (a + 1..count).map(move |b| (a, b)))
        .filter(|(a, b)| {
            let (one, other) = (model.capsules[*a].link, model.capsules[*b].link);
            one != other && parent(one) != Some(other) && parent(other) != Some(one)
        })
        .map(|pair| (pair, 0_u32))
        .collect();
    let mut kinematics = Kinematics::new(model);
    for posture in resting {
        kinematics.update(model, posture);
        found.retain(|((a, b), _)| distance(model, &kinematics, *a, *b) >= kept);
    }
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut posture = vec![0.0; model.joint_count()];
    for _ in 0..SAMPLES {
        for (q, [low, high]) in posture.iter_mut().zip(limits) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            *q = low + (high - low) * ((dice >> 11) as f64 / (1_u64 << 53) as f64);
        }
        kinematics.update(model, &posture);
        for ((a, b), near) in &mut found {
            *near += u32::from(distance(model, &kinematics, *a, *b) < FAR);
        }
    }
    found.retain(|(_, near)| *near > 0);
    found.sort_by_key(|(pair, near)| (std::cmp::Reverse(*near), *pair));
    found.into_iter().map(|(pair, _)| pair).collect()
}

/// From surface to surface, m; negative where two capsules overlap.
fn distance(model: &RobotModel, kinematics: &Kinematics, a: usize, b: usize) -> f64 {
    let ends = |index: usize| {
        let shape = &model.capsules[index];
        let at = |point: Vector3<f64>| {
            kinematics.position(shape.link) + kinematics.rotation(shape.link) * point
        };
        (at(shape.from), at(shape.to))
    };
    let ((from, to), other) = (ends(a), ends(b));
    // The distance from a point of one line to the other line is convex along it.
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let at = |part: f64| to_line(from + (to - from) * part, other);
    for _ in 0..24 {
        let third = (high - low) / 3.0;
        if at(low + third) < at(high - third) {
            high -= third;
        } else {
            low += third;
        }
    }
    at(0.5 * (low + high)) - model.capsules[a].radius - model.capsules[b].radius
}

fn to_line(point: Vector3<f64>, (from, to): (Vector3<f64>, Vector3<f64>)) -> f64 {
    let along = to - from;
    let part = ((point - from).dot(&along) / along.norm_squared().max(1e-12)).clamp(0.0, 1.0);
    (point - from - along * part).norm()
}

#[cfg(test)]
mod tests {
    use crate::Robot;
    use std::path::Path;

    /// Clauses: M6.
    #[test]
    fn the_quadruped_has_a_capsule_for_each_part_and_pairs_between_its_legs() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
        let robot = Robot::load(Path::new(folder)).unwrap();
        // Trunk, head, two skids; hip, thigh, and calf with foot of each leg.
        assert_eq!(robot.model.capsules.len(), 16);
        let calf = &robot.model.capsules[6];
        assert!((calf.to.z + 0.213).abs() < 1e-9 && calf.radius == 0.022, "{calf:?}");
        let pairs = robot.capsule_pairs(0.06);
        assert!((12..=64).contains(&pairs.len()), "{}", pairs.len());
        let leg = |capsule: usize| robot.model.capsules[capsule].link.div_ceil(3);
        for (a, b) in &pairs {
            assert_ne!(leg(*a), leg(*b), "{a} {b}: joints between them keep these apart");
        }
        // Front left and front right calf can meet.
        assert!(pairs.contains(&(6, 9)));
    }
}
