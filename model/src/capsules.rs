//! Capsules around the links, and which pairs of them have to be kept apart.

use nalgebra::Vector3;

use crate::kinematics::Kinematics;
use crate::model_file::Placed;
use crate::shape::Solid;
use crate::tree::{CapsuleShape, Inertia, RobotModel};

/// Random postures that are looked at.
const SAMPLES: u32 = 4_000;
/// Pairs that no sample brings nearer than this, m, cannot meet.
const FAR: f64 = 0.10;
/// A sphere this near to a capsule's axis, m, makes the capsule longer.
const ON_AXIS: f64 = 2e-3;

/// The capsule around a solid, along its longest side. `None` for one without a size.
pub(crate) fn around(solid: Solid, at: &Placed) -> Option<CapsuleShape> {
    let (axis, half_length, radius) = match solid {
        Solid::Capsule { radius, half_length } | Solid::Cylinder { radius, half_length } => {
            (2, half_length, radius)
        }
        Solid::Box(half) => {
            let (axis, [b, c]) = longest(half);
            (axis, half[axis], b.hypot(c))
        }
        Solid::Ellipsoid(half) => {
            let (axis, [b, c]) = longest(half);
            (axis, half[axis] - b.max(c), b.max(c))
        }
    };
    let reach: Vector3<f64> = at.rotation.column(axis) * half_length;
    let (from, to) = (at.position - reach, at.position + reach);
    let finite = radius.is_finite() && from.iter().chain(to.iter()).all(|x| x.is_finite());
    let sized = radius > 0.0 && half_length >= 0.0 && finite;
    sized.then_some(CapsuleShape { link: at.link, from, to, radius })
}

/// Which side is the longest, and the other two.
fn longest([a, b, c]: [f64; 3]) -> (usize, [f64; 2]) {
    if a >= b && a >= c {
        (0, [b, c])
    } else if b >= c {
        (1, [a, c])
    } else {
        (2, [a, b])
    }
}

/// What stands for the collision meshes of a link, which are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandIn {
    /// The shapes of the link that have a size and are only shown.
    Shown,
    /// The box of even density that has the inertia of the link.
    Inertia,
    /// Neither is there.
    Nothing,
}

/// Puts something in the place of the collision meshes of a body, which has this `inertia` in the
/// frame of `link`, and these shapes that are only `shown`.
pub(crate) fn replace_mesh(
    model: &mut RobotModel,
    link: usize,
    inertia: &Inertia,
    shown: impl Iterator<Item = CapsuleShape>,
) -> StandIn {
    let before = model.capsules.len();
    model.capsules.extend(shown);
    if model.capsules.len() > before {
        return StandIn::Shown;
    }
    let alike = Solid::box_like(inertia).and_then(|(solid, (rotation, position))| {
        around(solid, &Placed { link, rotation, position })
    });
    let stands = if alike.is_some() { StandIn::Inertia } else { StandIn::Nothing };
    model.capsules.extend(alike);
    stands
}

/// Says for how many links which stand-in was taken, and for which one first.
pub(crate) fn report_stand_ins(stand_ins: &[(String, StandIn)], warnings: &mut Vec<String>) {
    for (kind, what) in [
        (StandIn::Shown, "capsules around the shapes that are shown stand for them"),
        (StandIn::Inertia, "a capsule around the box of the same inertia stands for each"),
        (StandIn::Nothing, "nothing tells their size: they are not kept apart from anything"),
    ] {
        let mut links = stand_ins.iter().filter(|(_, stands)| *stands == kind);
        if let Some((first, _)) = links.next() {
            let count = 1 + links.count();
            let head = "have collision meshes, which are not read, the first is";
            warnings.push(format!("{count} links {head} {first:?}: {what}"));
        }
    }
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
