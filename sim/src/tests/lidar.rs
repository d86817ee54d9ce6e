//! The lidar against hand-worked distances and against the engine's own rays.

use core::f32::consts::{FRAC_PI_4, PI};

use super::*;
use crate::lidar::{Viewpoint, distances};
use crate::world::World;
use crate::{Obstacle, Outline};
use signals::{LIDAR_BEAMS, LidarScan, Metres, Radians};

const RANGE: Metres = Metres(6.0);
const FRONT: usize = LIDAR_BEAMS / 2;
const LEFT: usize = FRONT + LIDAR_BEAMS / 4;

fn solid(x: f32, y: f32, outline: Outline) -> Obstacle {
    Obstacle { center: [Metres(x), Metres(y)], outline }
}

fn circle(radius: f32) -> Outline {
    Outline::Circle { radius: Metres(radius) }
}

fn rectangle(a: f32, b: f32, yaw: f32) -> Outline {
    Outline::Rectangle { half: [Metres(a), Metres(b)], yaw: Radians(yaw) }
}

fn view(x: f32, y: f32, yaw: f32) -> Viewpoint {
    Viewpoint { origin: [Metres(x), Metres(y)], height: Metres(0.38), yaw: Radians(yaw) }
}

#[test]
fn distances_are_those_worked_by_hand() {
    let root = 2.0_f32.sqrt();
    let table = [
        (solid(3.0, 0.0, circle(0.4)), view(0.0, 0.0, 0.0), FRONT, Some(2.6)),
        // A chord 0.3 beside the centre of a circle of radius 0.5 is 2 * 0.4 long.
        (solid(3.0, 0.3, circle(0.5)), view(0.0, 0.0, 0.0), FRONT, Some(2.6)),
        (solid(3.0, 0.6, circle(0.5)), view(0.0, 0.0, 0.0), FRONT, None),
        (solid(-3.0, 0.0, circle(0.4)), view(0.0, 0.0, 0.0), FRONT, None),
        (solid(-3.0, 0.0, circle(0.4)), view(0.0, 0.0, 0.0), 0, Some(2.6)),
        (solid(0.0, 3.0, circle(0.4)), view(0.0, 0.0, 0.0), LEFT, Some(2.6)),
        (solid(0.0, 3.0, circle(0.4)), view(0.0, 0.0, 0.5 * PI), FRONT, Some(2.6)),
        (solid(3.0, 0.0, rectangle(0.5, 2.0, 0.0)), view(0.0, 0.0, 0.0), FRONT, Some(2.5)),
        (
            solid(3.0, 0.0, rectangle(0.5, 0.5, FRAC_PI_4)),
            view(0.0, 0.0, 0.0),
            FRONT,
            Some(3.0 - 0.5 * root),
        ),
        (
            solid(3.0, 0.0, rectangle(0.5, 9.0, 0.0)),
            view(0.0, 0.0, 0.0),
            FRONT + 8,
            Some(2.5 * root),
        ),
        (solid(7.0, 0.0, circle(0.4)), view(0.0, 0.0, 0.0), FRONT, None),
        (solid(0.1, 0.0, circle(0.4)), view(0.0, 0.0, 0.0), FRONT, Some(0.0)),
    ];
    for (index, (solid, from, beam, wanted)) in table.into_iter().enumerate() {
        let found = distances(&Yard::of(vec![solid]), &from, RANGE)[beam].map(|hit| hit.0);
        let agrees = match (found, wanted) {
            (Some(found), Some(wanted)) => (found - wanted).abs() < 1e-5,
            (found, wanted) => found == wanted,
        };
        assert!(agrees, "row {index}: {found:?}, not {wanted:?}");
    }
    let high = Viewpoint { height: Metres(0.7), ..view(0.0, 0.0, 0.0) };
    let yard = Yard::of(vec![solid(3.0, 0.0, circle(0.4))]);
    assert!(distances(&yard, &high, RANGE).iter().all(Option::is_none));
}

#[test]
fn what_the_lidar_sees_is_what_the_robot_would_hit() {
    let yard = Yard::from_seed(5);
    let mut world = World::new(&quadruped(), &yard).unwrap();
    world.step(&Joints::filled(signals::NewtonMetres(0.0), 12), [0.0; 3]);
    let mut hits = 0;
    for (x, y, yaw) in [(0.0, 0.0, 0.0), (4.0, -4.2, 1.3), (10.5, 3.0, -2.0), (1.0, 2.5, 0.4)] {
        for (beam, hit) in distances(&yard, &view(x, y, yaw), RANGE).into_iter().enumerate() {
            let angle = yaw + LidarScan::angle(beam).0;
            let engine = world.cast([x, y, 0.38], [angle.cos(), angle.sin(), 0.0], RANGE.0);
            match (hit, engine) {
                (Some(hit), Some(engine)) => {
                    assert!((hit.0 - engine).abs() < 2e-3, "beam {beam}: {hit:?} {engine}");
                    hits += 1;
                }
                (hit, engine) => assert!(hit.is_none() && engine.is_none(), "{hit:?} {engine:?}"),
            }
        }
    }
    assert!(hits > 100, "{hits}");
}

#[test]
fn scans_come_at_their_rate_with_honest_stamps() {
    let robot = quadruped_with_perfect_sensors();
    let yard = Yard::of(vec![solid(3.0, 0.0, circle(0.4))]);
    let mut body = SimBody::new(&robot, &yard, 1).unwrap();
    for tick in 0..350 {
        let scan = sense(&mut body, tick).lidar.unwrap();
        assert_eq!(scan.at, at(tick / 100 * 100));
        assert!((scan.ranges[FRONT].0 - 2.6).abs() < 0.02, "{:?}", scan.ranges[FRONT]);
        assert_eq!((scan.ranges[0], scan.range_max), (RANGE, RANGE));
    }
}
