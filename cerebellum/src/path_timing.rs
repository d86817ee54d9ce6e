//! The fastest motion along a path, within limits of every joint.
//!
//! H. Pham, Q.-C. Pham, A New Approach to Time-Optimal Path Parameterization Based on Reachability
//! Analysis (TOPP-RA), IEEE Transactions on Robotics 34 (2018). On a grid of the path's parameter
//! `s`, backwards: from which speeds the end can still be reached (the controllable sets, equation
//! 10); forwards: the highest acceleration that stays among them. Limits hold at both ends of each
//! step of the grid (the paper's interpolation scheme). Memory is allocated only here, not when the
//! motion is sampled.
//!
//! | code | paper | meaning |
//! |---|---|---|
//! | `x` | x | square of the speed along the path, 1/s^2 |
//! | `w` | 2 Delta u | change of `x` over one step of the grid |
//! | `sets` | K_i | lowest and highest `x` from which the end can be reached |

mod program;
mod spline;
mod torque;

use crate::trajectory::JointMotion;
use program::{Line, Program};
pub use spline::{Path, PathEnds};
pub use torque::TorqueRows;

/// Highest speed along a path, 1/s: what a path that stands still would take.
const SPEED_MAX: f64 = 1e4;
/// How far rounding may lead out of a set that was just computed, relative above one.
const SLACK: f64 = 1e-8;
/// Steps of the grid.
const STEPS: core::ops::RangeInclusive<usize> = 2..=100_000;

/// How fast one joint may move, either way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathLimits {
    /// rad/s or m/s, above zero.
    pub velocity: f64,
    /// rad/s^2 or m/s^2, above zero.
    pub acceleration: f64,
}

/// Where a path begins and ends in time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathSpeed {
    /// Speed along the path at its start, 1/s, not negative.
    pub start: f64,
    /// The same at its end.
    pub end: f64,
    /// Steps of the grid, 2 to 100000.
    pub steps: usize,
}

/// One place on a path.
#[derive(Clone, Copy, Debug)]
pub struct PathPoint<'a> {
    /// Positions of the joints, rad or m.
    pub position: &'a [f64],
    /// Their first derivative by `s`.
    pub first: &'a [f64],
    /// Their second derivative by `s`.
    pub second: &'a [f64],
}

/// A limit of the motion along the path: `low <= a s'' + b s'^2 <= high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathRow {
    /// Coefficient of the acceleration along the path.
    pub a: f64,
    /// Coefficient of the squared speed along it.
    pub b: f64,
    /// Least value; `-inf` for none.
    pub low: f64,
    /// Highest value; `inf` for none.
    pub high: f64,
}

/// Why a path has no timing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PathFault {
    /// A list does not fit, a number is none, or a limit is not above zero.
    BadInput,
    /// The places of the waypoints do not grow.
    Disordered,
    /// No speed fulfils the limits at `s`, not even rest.
    Infeasible {
        /// Where on the path.
        s: f64,
    },
    /// The end cannot be passed with this speed.
    EndTooFast {
        /// The highest that can, 1/s.
        most: f64,
    },
    /// The path cannot be followed when begun with this speed.
    StartSpeed {
        /// The lowest that can be begun with, 1/s.
        least: f64,
        /// The highest, 1/s.
        most: f64,
    },
    /// The limits leave no way on from rest at `s`.
    Stuck {
        /// Where on the path.
        s: f64,
    },
}

/// A path with the time at which it is where.
#[derive(Clone, Debug)]
pub struct PathTiming {
    path: Path,
    grid: Vec<f64>,
    /// Squared speed at each place of the grid.
    x: Vec<f64>,
    /// When each is reached, s.
    times: Vec<f64>,
}

impl PathTiming {
    /// Times `path` as fast as the limits of the joints allow, and `more`: it may add rows for each
    /// place of the path, always as many.
    ///
    /// # Errors
    /// When the input is not usable or no motion fulfils the limits.
    pub fn new(
        path: Path,
        limits: &[PathLimits],
        speed: PathSpeed,
        mut more: impl FnMut(PathPoint<'_>, &mut Vec<PathRow>),
    ) -> Result<Self, PathFault> {
        let above = |limit: f64| limit > 0.0 && limit.is_finite();
        let sound = limits.len() == path.joint_count()
            && limits.iter().all(|limit| above(limit.velocity) && above(limit.acceleration))
            && [speed.start, speed.end].iter().all(|v| (0.0..=SPEED_MAX).contains(v))
            && STEPS.contains(&speed.steps);
        if !sound {
            return Err(PathFault::BadInput);
        }
        let [from, to] = path.range();
        let part = |step: usize| step as f64 / speed.steps as f64;
        let grid: Vec<f64> =
            (0..=speed.steps).map(|step| from + (to - from) * part(step)).collect();
        let places = Places::new(&path, limits, &grid, &mut more)?;
        let sets = places.controllable_sets(&grid, speed.end * speed.end)?;
        let x = places.forward(&grid, &sets, speed.start * speed.start)?;
        let mut times = vec![0.0; grid.len()];
        for step in 0..speed.steps {
            let both = x[step].sqrt() + x[step + 1].sqrt();
            if both <= 0.0 {
                return Err(PathFault::Stuck { s: grid[step] });
            }
            times[step + 1] = times[step] + 2.0 * (grid[step + 1] - grid[step]) / both;
        }
        Ok(Self { path, grid, x, times })
    }

    /// How long it takes, s.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.times.last().copied().unwrap_or_default()
    }

    /// The grid: place `s`, speed `s'` (1/s) there, and time (s).
    pub fn grid(&self) -> impl Iterator<Item = [f64; 3]> + '_ {
        let all = self.grid.iter().zip(&self.x).zip(&self.times);
        all.map(|((s, x), time)| [*s, x.sqrt(), *time])
    }

    /// Place `s`, speed `s'` (1/s) and acceleration `s''` (1/s^2) on the path `time` s after its
    /// start; at rest before it and after its end.
    #[must_use]
    pub fn along(&self, time: f64) -> [f64; 3] {
        let [from, to] = self.path.range();
        if time.is_nan() || time < 0.0 {
            return [from, 0.0, 0.0];
        }
        if time > self.duration() {
            return [to, 0.0, 0.0];
        }
        let last = self.grid.len() - 2;
        let step = self.times.partition_point(|reached| *reached <= time);
        let step = step.saturating_sub(1).min(last);
        let acceleration =
            0.5 * (self.x[step + 1] - self.x[step]) / (self.grid[step + 1] - self.grid[step]);
        let (t, speed) = (time - self.times[step], self.x[step].sqrt());
        let s = self.grid[step] + t * (speed + 0.5 * t * acceleration);
        [s.clamp(from, to), (speed + t * acceleration).max(0.0), acceleration]
    }

    /// The motion of all joints `time` s after the start.
    pub fn sample(&self, time: f64, motion: &mut [JointMotion]) {
        let [s, speed, acceleration] = self.along(time);
        for (joint, at) in motion.iter_mut().enumerate().take(self.path.joint_count()) {
            let [position, first, second] = self.path.joint_at(joint, s);
            *at = JointMotion {
                position,
                velocity: first * speed,
                acceleration: first * acceleration + second * speed * speed,
            };
        }
    }
}

/// The limits at every place of the grid.
struct Places {
    rows: Vec<PathRow>,
    /// Rows of one place.
    count: usize,
    /// Highest squared speed that the joints' velocities allow, a place.
    x_max: Vec<f64>,
}

impl Places {
    fn new(
        path: &Path,
        limits: &[PathLimits],
        grid: &[f64],
        more: &mut impl FnMut(PathPoint<'_>, &mut Vec<PathRow>),
    ) -> Result<Self, PathFault> {
        let joints = limits.len();
        let mut all = Self { rows: Vec::new(), count: 0, x_max: Vec::with_capacity(grid.len()) };
        let (mut position, mut first, mut second) =
            (vec![0.0; joints], vec![0.0; joints], vec![0.0; joints]);
        for (place, s) in grid.iter().enumerate() {
            let mut x_max = SPEED_MAX * SPEED_MAX;
            for (joint, limit) in limits.iter().enumerate() {
                let [q, a, b] = path.joint_at(joint, *s);
                (position[joint], first[joint], second[joint]) = (q, a, b);
                x_max = x_max.min((limit.velocity / a.abs().max(f64::MIN_POSITIVE)).powi(2));
                let most = limit.acceleration;
                all.rows.push(PathRow { a, b, low: -most, high: most });
            }
            all.x_max.push(x_max);
            let point = PathPoint { position: &position, first: &first, second: &second };
            more(point, &mut all.rows);
            if place == 0 {
                all.count = all.rows.len();
            }
            if all.rows.len() != all.count * (place + 1) {
                return Err(PathFault::BadInput);
            }
        }
        let sound = |row: &PathRow| {
            let numbers = row.a.is_finite() && row.b.is_finite();
            numbers && row.low < f64::INFINITY && row.high > f64::NEG_INFINITY
        };
        if all.rows.iter().all(sound) { Ok(all) } else { Err(PathFault::BadInput) }
    }

    fn at(&self, place: usize) -> &[PathRow] {
        &self.rows[place * self.count..(place + 1) * self.count]
    }

    /// The limits of one step: in `x` at its start and in the change `w` over it.
    fn step(&self, step: usize, delta: f64, next: [f64; 2], program: &mut Program) {
        program.begin([0.0, self.x_max[step]]);
        for row in self.at(step) {
            program.add(Line { w: row.a / (2.0 * delta), x: row.b }, row.low, row.high);
        }
        for row in self.at(step + 1) {
            program.add(Line { w: row.a / (2.0 * delta) + row.b, x: row.b }, row.low, row.high);
        }
        program.add(Line { w: 1.0, x: 1.0 }, next[0], next[1]);
    }

    fn controllable_sets(&self, grid: &[f64], end: f64) -> Result<Vec<[f64; 2]>, PathFault> {
        let steps = grid.len() - 1;
        let most = self.x_max[steps];
        if end > most {
            return Err(PathFault::EndTooFast { most: most.sqrt() });
        }
        let mut sets = vec![[end, end]; grid.len()];
        let mut program = Program::default();
        for step in (0..steps).rev() {
            self.step(step, grid[step + 1] - grid[step], sets[step + 1], &mut program);
            sets[step] = program.range().ok_or_else(|| {
                if step + 1 == steps && end > 0.0 {
                    self.end_fault(grid, &mut program)
                } else {
                    PathFault::Infeasible { s: grid[step] }
                }
            })?;
        }
        Ok(sets)
    }

    /// How fast the end may be at most, where it was asked for more.
    fn end_fault(&self, grid: &[f64], program: &mut Program) -> PathFault {
        let last = grid.len() - 2;
        let delta = grid[last + 1] - grid[last];
        // The step turned round: from the end's x, backwards by -w.
        program.begin([0.0, self.x_max[last + 1]]);
        for row in self.at(last + 1) {
            program.add(Line { w: row.a / (2.0 * delta), x: row.b }, row.low, row.high);
        }
        for row in self.at(last) {
            program.add(Line { w: row.a / (2.0 * delta) - row.b, x: row.b }, row.low, row.high);
        }
        program.add(Line { w: -1.0, x: 1.0 }, 0.0, self.x_max[last]);
        match program.range() {
            Some([_, most]) => PathFault::EndTooFast { most: most.sqrt() },
            None => PathFault::Infeasible { s: grid[last] },
        }
    }

    fn forward(&self, grid: &[f64], sets: &[[f64; 2]], start: f64) -> Result<Vec<f64>, PathFault> {
        let [least, most] = sets[0];
        let slack = SLACK * most.max(1.0);
        if start < least - slack || start > most + slack {
            return Err(PathFault::StartSpeed { least: least.sqrt(), most: most.sqrt() });
        }
        let mut x = vec![start.clamp(least, most); grid.len()];
        let mut program = Program::default();
        for step in 0..grid.len() - 1 {
            self.step(step, grid[step + 1] - grid[step], sets[step + 1], &mut program);
            let [low, high] = program.change(x[step]);
            // On the edge of a set rounding may turn both round.
            let change = if low > high { 0.5 * (low + high) } else { high };
            let [least, most] = sets[step + 1];
            x[step + 1] = (x[step] + change).clamp(least, most);
        }
        match (0..grid.len() - 1).find(|step| !self.holds(*step, grid, &x)) {
            Some(step) => Err(PathFault::Infeasible { s: grid[step] }),
            None => Ok(x),
        }
    }

    /// Whether all rows hold at both ends of a step.
    fn holds(&self, step: usize, grid: &[f64], x: &[f64]) -> bool {
        let acceleration = 0.5 * (x[step + 1] - x[step]) / (grid[step + 1] - grid[step]);
        let mut ends = [step, step + 1].into_iter();
        ends.all(|place| {
            let mut rows = self.at(place).iter();
            rows.all(|row| {
                let value = row.a * acceleration + row.b * x[place];
                let slack = |bound: f64| SLACK * bound.abs().max(1.0);
                value >= row.low - slack(row.low) && value <= row.high + slack(row.high)
            })
        })
    }
}

#[cfg(test)]
mod tests;
