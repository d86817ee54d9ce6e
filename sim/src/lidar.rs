//! The planar lidar: where a ray first meets an obstacle or a wall.

use nalgebra::{Rotation2, Vector2};
use signals::{LIDAR_BEAMS, LidarScan, Metres, Radians};

use crate::yard::{OBSTACLE_HEIGHT, Obstacle, Outline, Yard};

/// Directions no farther from parallel than this do not meet a face, m per m.
const PARALLEL: f32 = 1e-9;

/// Where the scanner is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewpoint {
    /// Base origin, world x and y.
    pub(crate) origin: [Metres; 2],
    /// Height of the scan above the ground.
    pub(crate) height: Metres,
    /// Heading of the base.
    pub(crate) yaw: Radians,
}

/// Exact distance along each beam; none where nothing stands within `range`.
pub(crate) fn distances(
    yard: &Yard,
    from: &Viewpoint,
    range: Metres,
) -> [Option<Metres>; LIDAR_BEAMS] {
    if !(0.0..=OBSTACLE_HEIGHT).contains(&from.height.0) {
        return [None; LIDAR_BEAMS];
    }
    let origin = Vector2::new(from.origin[0].0, from.origin[1].0);
    let near: Vec<&Obstacle> =
        yard.solids().filter(|solid| solid.distance(from.origin).0 <= range.0).collect();
    core::array::from_fn(|beam| {
        let angle = (from.yaw + LidarScan::angle(beam)).0;
        let ray = Ray { origin, direction: Rotation2::new(angle) * Vector2::x() };
        let hits = near.iter().filter_map(|solid| ray.hit(solid));
        hits.fold(None, |nearest: Option<f32>, hit| {
            Some(nearest.map_or(hit, |nearest| nearest.min(hit)))
        })
        .filter(|&hit| hit <= range.0)
        .map(Metres)
    })
}

/// A ray in the plane; the direction has length 1.
struct Ray {
    origin: Vector2<f32>,
    direction: Vector2<f32>,
}

impl Ray {
    /// Distance to where the ray enters `solid`, m; zero from inside it.
    fn hit(&self, solid: &Obstacle) -> Option<f32> {
        let center = Vector2::new(solid.center[0].0, solid.center[1].0);
        let from = self.origin - center;
        match solid.outline {
            Outline::Circle { radius } => circle_hit(from, self.direction, radius.0),
            Outline::Rectangle { half: [a, b], yaw } => {
                let turn = Rotation2::new(-yaw.0);
                rectangle_hit(turn * from, turn * self.direction, [a.0, b.0])
            }
        }
    }
}

/// A circle around the origin: the smaller root of |from + t direction| = radius.
fn circle_hit(from: Vector2<f32>, direction: Vector2<f32>, radius: f32) -> Option<f32> {
    let along = from.dot(&direction);
    let beside = from - direction * along;
    let half_chord_squared = radius * radius - beside.norm_squared();
    let enters = -along - half_chord_squared.max(0.0).sqrt();
    let leaves = -along + half_chord_squared.max(0.0).sqrt();
    (half_chord_squared >= 0.0 && leaves >= 0.0).then_some(enters.max(0.0))
}

/// A rectangle around the origin along the axes: the ray is inside where it is inside both slabs.
fn rectangle_hit(from: Vector2<f32>, direction: Vector2<f32>, half: [f32; 2]) -> Option<f32> {
    let (mut enters, mut leaves) = (f32::NEG_INFINITY, f32::INFINITY);
    for axis in 0..2 {
        if direction[axis].abs() < PARALLEL {
            if from[axis].abs() > half[axis] {
                return None;
            }
            continue;
        }
        let one = (-half[axis] - from[axis]) / direction[axis];
        let other = (half[axis] - from[axis]) / direction[axis];
        enters = enters.max(one.min(other));
        leaves = leaves.min(one.max(other));
    }
    (enters <= leaves && leaves >= 0.0).then_some(enters.max(0.0))
}
