//! The yard: a walled field with obstacles, drawn from a seed.

use core::f32::consts::PI;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signals::{Metres, Radians};

/// Height of obstacles and walls above the ground.
pub(crate) const OBSTACLE_HEIGHT: f32 = 0.6;
const WALL_HALF_THICKNESS: f32 = 0.1;
/// Inner faces of the walls: x low, x high, y low, y high, m.
const WALLS: [f32; 4] = [-2.0, 11.0, -4.5, 4.5];
const OBSTACLES_MIN: u32 = 8;
const OBSTACLES_MAX: u32 = 12;
const OBSTACLE_X: [f32; 2] = [1.5, 7.2];
const OBSTACLE_Y: [f32; 2] = [-3.6, 3.6];
const GOAL_X: [f32; 2] = [8.0, 9.5];
const GOAL_Y: [f32; 2] = [-2.5, 2.5];
const GAP_MIN: f32 = 1.25;
const CLEARANCE: f32 = 1.3;
/// Half the sides of a stone, how many there are and where, and how high they are, m.
pub(crate) const STONE_HALF: [f32; 2] = [0.15, 0.10];
const STONES: usize = 160;
const STONE_X: [f32; 2] = [0.6, 9.0];
const STONE_Y: [f32; 2] = [-1.2, 1.2];
const STONE_HEIGHT: [f32; 2] = [0.005, 0.025];
/// Draws for one layout before it counts as stuck, and layouts before the best one is taken.
const DRAWS_MAX: usize = 400;
const LAYOUTS_MAX: usize = 200;
/// The yard's own stream of the seed, apart from the one the sensors' noise uses.
const YARD_STREAM: u64 = 1;

/// Outline of an obstacle seen from above.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outline {
    /// A vertical cylinder.
    Circle {
        /// Its radius.
        radius: Metres,
    },
    /// A box standing on the ground.
    Rectangle {
        /// Half its sides, along its own x and y.
        half: [Metres; 2],
        /// Its rotation about the vertical.
        yaw: Radians,
    },
}

/// Something upright, 0.6 m high, that stands on the ground and does not move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Obstacle {
    /// Centre, world x and y.
    pub center: [Metres; 2],
    /// Outline.
    pub outline: Outline,
}

impl Obstacle {
    /// Radius of the circle around the outline.
    #[must_use]
    pub fn circumradius(&self) -> Metres {
        match self.outline {
            Outline::Circle { radius } => radius,
            // sqrt is exact on every platform, hypot is not.
            Outline::Rectangle { half: [a, b], .. } => Metres((a.0 * a.0 + b.0 * b.0).sqrt()),
        }
    }

    /// Distance of the outlines' circumscribed circles; negative where they overlap.
    #[must_use]
    pub fn gap(&self, other: &Self) -> Metres {
        self.distance(other.center) - other.circumradius()
    }

    /// Distance of the world point `point` from the circumscribed circle; negative inside it.
    #[must_use]
    pub fn distance(&self, point: [Metres; 2]) -> Metres {
        let [dx, dy] = [(point[0] - self.center[0]).0, (point[1] - self.center[1]).0];
        Metres((dx * dx + dy * dy).sqrt()) - self.circumradius()
    }
}

/// A flat stone on the ground to be walked over; the lidar looks above it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stone {
    /// Centre, world x and y.
    pub center: [Metres; 2],
    /// Its rotation about the vertical.
    pub yaw: Radians,
    /// How far its top lies above the ground.
    pub height: Metres,
}

/// Where the robot walks: start, goal, obstacles and walls. World frame, z up, ground at z = 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Yard {
    obstacles: Vec<Obstacle>,
    walls: Vec<Obstacle>,
    stones: Vec<Stone>,
    goal: [Metres; 2],
}

impl Yard {
    /// The yard of `seed`: walls at x = -2 and 11 m and y = -4.5 and 4.5 m, 8 to 12 obstacles at
    /// least 1.25 m apart, none within 1.3 m of start or goal. The robot starts at the origin and
    /// looks along x.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let goal = [Metres(draw.within(GOAL_X)), Metres(draw.within(GOAL_Y))];
        let mut best = Vec::new();
        for _ in 0..LAYOUTS_MAX {
            let layout = draw.layout(goal);
            if layout.len() > best.len() {
                best = layout;
            }
            if best.len() >= OBSTACLES_MIN as usize {
                break;
            }
        }
        Self { obstacles: best, walls: walls(), stones: Vec::new(), goal }
    }

    /// Open ground with stones of up to 25 mm strewn over it from `seed`, from 0.6 m before the
    /// start on: a foot comes down too early on a stone and too late beside it.
    #[must_use]
    pub fn stony(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let stones = (0..STONES).map(|_| draw.stone()).collect();
        Self { stones, ..Self::empty() }
    }

    /// Open ground without end: no obstacle, no wall; the goal lies 8 m ahead.
    #[must_use]
    pub const fn empty() -> Self {
        let goal = [Metres(8.0), Metres(0.0)];
        Self { obstacles: Vec::new(), walls: Vec::new(), stones: Vec::new(), goal }
    }

    /// The obstacles, without the walls.
    #[must_use]
    pub fn obstacles(&self) -> &[Obstacle] {
        &self.obstacles
    }

    /// The walls.
    #[must_use]
    pub fn walls(&self) -> &[Obstacle] {
        &self.walls
    }

    /// The stones.
    #[must_use]
    pub fn stones(&self) -> &[Stone] {
        &self.stones
    }

    /// Where the robot starts, world x and y; it looks along x.
    #[must_use]
    pub const fn start(&self) -> [Metres; 2] {
        [Metres(0.0), Metres(0.0)]
    }

    /// Where the robot is to go, world x and y.
    #[must_use]
    pub const fn goal(&self) -> [Metres; 2] {
        self.goal
    }

    /// Obstacles and walls: all that a robot can run into.
    pub(crate) fn solids(&self) -> impl Iterator<Item = &Obstacle> {
        self.obstacles.iter().chain(&self.walls)
    }

    #[cfg(test)]
    pub(crate) fn of(obstacles: Vec<Obstacle>) -> Self {
        Self { obstacles, ..Self::empty() }
    }
}

fn walls() -> Vec<Obstacle> {
    let [x_low, x_high, y_low, y_high] = WALLS;
    let t = WALL_HALF_THICKNESS;
    let (x_mid, y_mid) = (0.5 * (x_low + x_high), 0.5 * (y_low + y_high));
    // The walls along x reach over the ends of the others, so that no corner is open.
    let (x_half, y_half) = (0.5 * (x_high - x_low) + 2.0 * t, 0.5 * (y_high - y_low));
    [
        (x_low - t, y_mid, t, y_half),
        (x_high + t, y_mid, t, y_half),
        (x_mid, y_low - t, x_half, t),
        (x_mid, y_high + t, x_half, t),
    ]
    .map(|(x, y, a, b)| Obstacle {
        center: [Metres(x), Metres(y)],
        outline: Outline::Rectangle { half: [Metres(a), Metres(b)], yaw: Radians(0.0) },
    })
    .to_vec()
}

/// Draws of the yard, in an order that is part of what a seed means.
struct Draw(ChaCha8Rng);

impl Draw {
    fn new(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(YARD_STREAM);
        Self(random)
    }

    /// A layout with as many obstacles as drawn, or as fit before it is stuck.
    fn layout(&mut self, goal: [Metres; 2]) -> Vec<Obstacle> {
        let wanted = OBSTACLES_MIN + self.0.next_u32() % (OBSTACLES_MAX - OBSTACLES_MIN + 1);
        let start = [Metres(0.0), Metres(0.0)];
        let mut placed: Vec<Obstacle> = Vec::new();
        for _ in 0..DRAWS_MAX {
            if placed.len() >= wanted as usize {
                break;
            }
            let new = self.obstacle();
            let free = placed.iter().all(|other| new.gap(other).0 >= GAP_MIN)
                && [start, goal].iter().all(|&point| new.distance(point).0 >= CLEARANCE);
            if free {
                placed.push(new);
            }
        }
        placed
    }

    fn obstacle(&mut self) -> Obstacle {
        let center = [Metres(self.within(OBSTACLE_X)), Metres(self.within(OBSTACLE_Y))];
        let outline = if self.0.next_u32() & 1 == 0 {
            Outline::Circle { radius: Metres(self.within([0.15, 0.40])) }
        } else {
            let half = [Metres(self.within([0.15, 0.45])), Metres(self.within([0.15, 0.45]))];
            Outline::Rectangle { half, yaw: Radians(self.within([-0.5 * PI, 0.5 * PI])) }
        };
        Obstacle { center, outline }
    }

    fn stone(&mut self) -> Stone {
        let center = [Metres(self.within(STONE_X)), Metres(self.within(STONE_Y))];
        let yaw = Radians(self.within([-0.5 * PI, 0.5 * PI]));
        Stone { center, yaw, height: Metres(self.within(STONE_HEIGHT)) }
    }

    /// Evenly from `low..high`.
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit an f32 exactly")]
    fn within(&mut self, [low, high]: [f32; 2]) -> f32 {
        let unit = (self.0.next_u32() >> 8) as f32 / (1_u32 << 24) as f32;
        low + (high - low) * unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stones_lie_flat_where_the_robot_will_walk() {
        let yard = Yard::stony(3);
        assert_eq!(yard, Yard::stony(3));
        assert_ne!(yard, Yard::stony(4));
        assert!(yard.stones().len() > 100 && yard.solids().next().is_none());
        for stone in yard.stones() {
            assert!((0.005..=0.025).contains(&stone.height.0), "{stone:?}");
            // None under the robot before it walks.
            assert!(stone.center[0].0 >= 0.6, "{stone:?}");
        }
    }

    #[test]
    fn two_hundred_yards_keep_the_rules() {
        let mut counts = [0; 13];
        for seed in 0..200 {
            let yard = Yard::from_seed(seed);
            assert_eq!(yard, Yard::from_seed(seed), "seed {seed}");
            let [goal_x, goal_y] = yard.goal();
            assert!((8.0..=9.5).contains(&goal_x.0) && goal_y.0.abs() <= 2.5, "seed {seed}");
            let all = yard.obstacles();
            assert!((8..=12).contains(&all.len()), "seed {seed}: {}", all.len());
            counts[all.len()] += 1;
            for (index, one) in all.iter().enumerate() {
                let [x, y] = one.center;
                assert!((1.5..=7.2).contains(&x.0) && y.0.abs() <= 3.6, "seed {seed}");
                assert!(one.distance(yard.start()).0 >= 1.3, "seed {seed}: start");
                assert!(one.distance(yard.goal()).0 >= 1.3, "seed {seed}: goal");
                for other in &all[..index] {
                    assert!(one.gap(other).0 >= 1.25, "seed {seed}: gap");
                }
                match one.outline {
                    Outline::Circle { radius } => assert!((0.15..=0.40).contains(&radius.0)),
                    Outline::Rectangle { half, .. } => {
                        assert!(half.iter().all(|side| (0.15..=0.45).contains(&side.0)));
                    }
                }
            }
        }
        assert!(counts[8..].iter().all(|&count| count > 0), "{counts:?}");
        assert_ne!(Yard::from_seed(1), Yard::from_seed(2));
    }
}
