//! Cubic splines through waypoints: twice continuously differentiable.

use super::PathFault;

/// How a path begins and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathEnds {
    /// Without curvature.
    Natural,
    /// With slope zero.
    Clamped,
}

/// A path of joints through waypoints, over a parameter `s` that only it knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    joints: usize,
    places: Vec<f64>,
    /// A row for each place.
    points: Vec<f64>,
    /// Second derivatives by `s`, a row for each place.
    curvatures: Vec<f64>,
}

impl Path {
    /// A path of `joints` joints through `points` (a row of joint positions, rad or m, for each
    /// place) at the growing values `places` of its parameter.
    ///
    /// # Errors
    /// When there are fewer than two waypoints, a list does not fit, a number is none, or the
    /// places do not grow.
    pub fn new(
        joints: usize,
        places: &[f64],
        points: &[f64],
        ends: PathEnds,
    ) -> Result<Self, PathFault> {
        let numbers = places.iter().chain(points).all(|number| number.is_finite());
        if joints == 0 || places.len() < 2 || points.len() != joints * places.len() || !numbers {
            return Err(PathFault::BadInput);
        }
        // Steps of next to nothing would make slopes that are no numbers.
        let least = 1e-9 * (places[places.len() - 1] - places[0]);
        if places.windows(2).any(|pair| pair[1] - pair[0] <= least) {
            return Err(PathFault::Disordered);
        }
        let (places, points) = (places.to_vec(), points.to_vec());
        let mut all = Self { joints, places, curvatures: vec![0.0; points.len()], points };
        (0..joints).for_each(|joint| all.curve(joint, ends));
        Ok(all)
    }

    /// How many joints follow it.
    #[must_use]
    pub fn joint_count(&self) -> usize {
        self.joints
    }

    /// First and last value of the parameter.
    #[must_use]
    pub fn range(&self) -> [f64; 2] {
        [self.places[0], self.places[self.places.len() - 1]]
    }

    /// Position of joint `joint` at `s`, and its first and second derivative by `s`.
    #[must_use]
    pub fn joint_at(&self, joint: usize, s: f64) -> [f64; 3] {
        let last = self.places.len() - 2;
        let after = self.places.partition_point(|place| *place <= s);
        let k = after.saturating_sub(1).min(last);
        let h = self.places[k + 1] - self.places[k];
        let (b, a) = ((s - self.places[k]) / h, (self.places[k + 1] - s) / h);
        let of = |list: &[f64], k: usize| list[k * self.joints + joint];
        let [p, q] = [of(&self.points, k), of(&self.points, k + 1)];
        let [m, n] = [of(&self.curvatures, k), of(&self.curvatures, k + 1)];
        [
            a * p + b * q + ((a * a * a - a) * m + (b * b * b - b) * n) * h * h / 6.0,
            (q - p) / h + ((1.0 - 3.0 * a * a) * m + (3.0 * b * b - 1.0) * n) * h / 6.0,
            a * m + b * n,
        ]
    }

    /// The second derivatives that make the first ones meet: a tridiagonal system, by elimination.
    fn curve(&mut self, joint: usize, ends: PathEnds) {
        let last = self.places.len() - 1;
        let point = |k: usize| self.points[k * self.joints + joint];
        let step = |k: usize| self.places[k + 1] - self.places[k];
        let slope = |k: usize| (point(k + 1) - point(k)) / step(k);
        let (mut upper, mut right) = (vec![0.0; last + 1], vec![0.0; last + 1]);
        for k in 0..=last {
            let [before, middle, after, value] = match (k, ends) {
                (0, PathEnds::Natural) => [0.0, 1.0, 0.0, 0.0],
                (0, PathEnds::Clamped) => [0.0, 2.0 * step(0), step(0), 6.0 * slope(0)],
                (k, PathEnds::Natural) if k == last => [0.0, 1.0, 0.0, 0.0],
                (k, PathEnds::Clamped) if k == last => {
                    [step(k - 1), 2.0 * step(k - 1), 0.0, -6.0 * slope(k - 1)]
                }
                (k, _) => {
                    let both = 2.0 * (step(k - 1) + step(k));
                    [step(k - 1), both, step(k), 6.0 * (slope(k) - slope(k - 1))]
                }
            };
            let (above, known) = if k > 0 { (upper[k - 1], right[k - 1]) } else { (0.0, 0.0) };
            let pivot = middle - before * above;
            upper[k] = after / pivot;
            right[k] = (value - before * known) / pivot;
        }
        for k in (0..last).rev() {
            right[k] -= upper[k] * right[k + 1];
        }
        for (k, curvature) in right.iter().enumerate() {
            self.curvatures[k * self.joints + joint] = *curvature;
        }
    }
}
