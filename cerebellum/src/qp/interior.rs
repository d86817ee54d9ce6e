//! The primal-dual interior-point method with Mehrotra's predictor and corrector: a bounded number
//! of iterations of the same work each, however many rows are active.
//!
//! S. Mehrotra, On the implementation of a primal-dual interior point method, SIAM J. Optimization
//! 2 (1992); for quadratic costs E. M. Gertz, S. J. Wright, Object-oriented software for quadratic
//! programming, ACM TOMS 29 (2003); the proximal terms R. Schwan et al., PIQP: a proximal
//! interior-point quadratic programming solver, CDC 2023. Deviations: the proximal terms are fixed,
//! one step length serves point and multipliers, and slacks start from the rows' nearest feasible
//! values, so that a bound far away does not matter.
//!
//! Each bound of each inequality is a [`Side`] `sign (c' x - bound) = s >= 0` with the multiplier
//! `z`. Equalities are taken out first: with the reflections `Q` that turn their normals into a
//! triangle, `x = Q (along, y)`, and the iteration is one in `y`.

use super::active_set::Active;
use super::factor::{Factor, Reflections, add_columns, padded};
use super::rows::{DenseRows, Rows, dot};
use super::{Status, TOLERANCE};

/// Most iterations.
pub(super) const ITERATIONS_MAX: usize = 20;
/// Violation of a row and dual residual below which it is done, each as a part of its own scale
/// above one.
pub(super) const ACCURACY: f64 = 1e-10;
/// Complementarity below which it is done, as a part of the cost above one: less, because the point
/// is only as exact as its root where a row is at its bound without pulling. The second counts when
/// the iterations are used up.
const COMPLEMENTARITY: f64 = 1e-13;
const COMPLEMENTARITY_AT_LAST: f64 = 1e-9;
/// A row whose bounds are closer than this part of them has no inside: it counts as an equality.
const NO_INSIDE: f64 = 1e-10;
/// A normal counts as dependent on those before below this part of its own length, squared.
const DEPENDENT: f64 = 1e-14;
/// What is left of a row that is nothing but equalities, as a part of its length, squared.
const ROUNDING: f64 = 1e-26;
/// What the proximal term adds to the diagonal, as a part of the largest element of the cost.
const PROXIMAL: f64 = 1e-10;
/// How much a row of length one gives way to its multiplier, times the largest element of the cost:
/// a proximal term of the multipliers. It bounds the weights of the rows, and with them the errors
/// of the factor.
const GIVE: f64 = 1e-9;
/// Part of the way to the nearest bound that a step goes.
const STEP: f64 = 0.995;
/// Infeasible is what has no point nearer than this many times the size of the present one: the
/// multipliers prove it (Farkas).
const REACH: f64 = 1e5;

/// One bound of one row.
#[derive(Clone, Copy, Debug)]
struct Side {
    row: usize,
    /// 1 of a low bound, -1 of a high one.
    sign: f64,
    bound: f64,
    /// `|c|`.
    size: f64,
    /// How much it gives way to its multiplier: [`GIVE`] in its units.
    give: f64,
    s: f64,
    z: f64,
    /// `sign (c' x - bound) - s`.
    gap: f64,
    /// What `s z` has to lose.
    excess: f64,
    step_s: f64,
    step_z: f64,
}

/// Memory of the method.
#[derive(Clone, Debug)]
pub(super) struct Interior {
    rows_max: usize,
    n: usize,
    reflections: Reflections,
    along: Vec<f64>,
    r: Vec<f64>,
    equalities: Vec<usize>,
    /// The problem in `y`.
    cost: Vec<f64>,
    linear: Vec<f64>,
    coefficients: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    /// Which row of the problem each row of that one is.
    inequalities: Vec<usize>,
    iteration: Iteration,
    x: Vec<f64>,
    work: Vec<f64>,
}

/// The iteration on a problem without equalities.
#[derive(Clone, Debug)]
struct Iteration {
    n: usize,
    x: Vec<f64>,
    step: Vec<f64>,
    /// `H x + g - C' z`.
    dual: Vec<f64>,
    /// `H x`.
    force: Vec<f64>,
    sides: Vec<Side>,
    values: Vec<f64>,
    weights: Vec<f64>,
    normal: Vec<f64>,
    factor: Factor,
}

impl Interior {
    /// Memory for up to `capacity` variables and `rows` rows.
    pub(super) fn new(capacity: usize, rows: usize) -> Self {
        let stride = padded(capacity);
        let (square, line) = (vec![0.0; stride * stride], vec![0.0; stride]);
        Self {
            rows_max: rows,
            n: 0,
            reflections: Reflections::new(capacity),
            along: line.clone(),
            r: square.clone(),
            equalities: Vec::with_capacity(capacity),
            cost: square.clone(),
            linear: line.clone(),
            coefficients: Vec::with_capacity(rows * capacity),
            low: Vec::with_capacity(rows),
            high: Vec::with_capacity(rows),
            inequalities: Vec::with_capacity(rows),
            iteration: Iteration {
                n: 0,
                x: line.clone(),
                step: line.clone(),
                dual: line.clone(),
                force: line.clone(),
                sides: Vec::with_capacity(2 * rows),
                values: vec![0.0; rows],
                weights: vec![0.0; rows],
                normal: square,
                factor: Factor::new(capacity),
            },
            x: line.clone(),
            work: line,
        }
    }

    pub(super) fn x(&self) -> &[f64] {
        &self.x[..self.n]
    }

    /// Whether a problem with so many rows fits.
    pub(super) fn fits(&self, rows: usize) -> bool {
        rows <= self.rows_max
    }

    /// Solves; the answer of a problem that is not solved is the last point.
    pub(super) fn solve<R: Rows + ?Sized>(&mut self, (h, g): (&[f64], &[f64]), rows: &R) -> Status {
        self.n = g.len();
        if let Some(failed) = self.take_equalities(rows) {
            return failed;
        }
        let (n, held) = (self.n, self.reflections.len());
        let free = n - held;
        let status = if self.inequalities.len() == rows.count() {
            self.iteration.solve((h, g), rows)
        } else {
            self.reduce((h, g), rows);
            let (coefficients, low, high) = (&self.coefficients, &self.low, &self.high);
            let rows = DenseRows { coefficients, low, high };
            self.iteration.solve((&self.cost[..free * free], &self.linear[..free]), &rows)
        };
        let x = &mut self.x;
        x.fill(0.0);
        x[..held].copy_from_slice(&self.along[..held]);
        x[held..n].copy_from_slice(&self.iteration.x[..free]);
        self.reflections.apply_back::<1>(&mut x[..padded(n)]);
        status
    }

    /// The sides that hold the last point: those whose multiplier is larger than the slack.
    pub(super) fn pulling(&self) -> impl Iterator<Item = Active> {
        let pulls = self.iteration.sides.iter().filter(|side| side.z > side.s);
        pulls.map(|side| Active { row: self.inequalities[side.row], side: side.sign })
    }

    /// Each row with its multiplier: of a row at its high bound it is negative.
    pub(super) fn multipliers<R: Rows + ?Sized>(
        &mut self,
        (h, g): (&[f64], &[f64]),
        rows: &R,
        mut take: impl FnMut(usize, f64),
    ) {
        let n = self.n;
        self.work.fill(0.0);
        self.work[..n].copy_from_slice(g);
        add_columns(&mut self.work[..n], h, &self.x[..n]);
        for side in &self.iteration.sides {
            let (row, pull) = (self.inequalities[side.row], side.sign * side.z);
            rows.add(row, -pull, &mut self.work[..n]);
            take(row, pull);
        }
        let stride = padded(n);
        self.reflections.apply(&mut self.work[..stride]);
        for c in (0..self.equalities.len()).rev() {
            let u = self.work[c] / self.r[c * stride + c];
            for (above, r) in self.work[..c].iter_mut().zip(&self.r[c * stride..]) {
                *above -= u * r;
            }
            take(self.equalities[c], u);
        }
    }

    /// Turns the equalities into a triangle and lists the other rows. `Some` only on failure.
    fn take_equalities<R: Rows + ?Sized>(&mut self, rows: &R) -> Option<Status> {
        let (n, stride) = (self.n, padded(self.n));
        self.reflections.clear(stride);
        self.equalities.clear();
        self.inequalities.clear();
        for row in 0..rows.count() {
            let [low, high] = rows.bounds(row);
            if low > high {
                return Some(Status::Infeasible);
            }
            let inside = high - low > NO_INSIDE * low.abs().min(high.abs()).max(1.0);
            if inside {
                self.inequalities.push(row);
                continue;
            }
            let (at, work) = (self.reflections.len(), &mut self.work[..stride]);
            work.fill(0.0);
            rows.add(row, 1.0, &mut work[..n]);
            self.reflections.apply(work);
            let left = 0.5 * (low + high) - dot(&work[..at], &self.along);
            if !(left.is_finite() && dot(work, work).is_finite()) {
                return Some(Status::BadProblem);
            }
            if let Some(length) = self.reflections.push(work, n, DEPENDENT) {
                self.r[at * stride..at * stride + at].copy_from_slice(&work[..at]);
                self.r[at * stride + at] = length;
                self.along[at] = left / length;
                self.equalities.push(row);
            } else if left.abs() > TOLERANCE.max(NO_INSIDE) * low.abs().max(1.0) {
                return Some(Status::Infeasible);
            }
        }
        None
    }

    /// The problem in `y`: `Q' H Q` and its like without the part along the equalities.
    fn reduce<R: Rows + ?Sized>(&mut self, (h, g): (&[f64], &[f64]), rows: &R) {
        let (n, stride, held) = (self.n, padded(self.n), self.reflections.len());
        let free = n - held;
        // One half after the other: `Q' H`, then `Q' (Q' H)'`.
        let half = &mut self.iteration.normal;
        for (from, to) in h.chunks_exact(n).zip(half.chunks_exact_mut(stride)) {
            to[n..].fill(0.0);
            to[..n].copy_from_slice(from);
            self.reflections.apply(to);
        }
        for k in 0..free {
            let work = &mut self.work[..stride];
            work.fill(0.0);
            for (to, from) in work.iter_mut().zip(half.chunks_exact(stride).take(n)) {
                *to = from[held + k];
            }
            self.reflections.apply(work);
            self.cost[k * free..(k + 1) * free].copy_from_slice(&work[held..n]);
            self.linear[k] = dot(&work[..held], &self.along);
        }
        let work = &mut self.work[..stride];
        work.fill(0.0);
        work[..n].copy_from_slice(g);
        self.reflections.apply(work);
        for (linear, g) in self.linear.iter_mut().zip(&work[held..n]) {
            *linear += g;
        }
        self.coefficients.clear();
        self.low.clear();
        self.high.clear();
        for row in &self.inequalities {
            work.fill(0.0);
            rows.add(*row, 1.0, &mut work[..n]);
            self.reflections.apply(work);
            let (value, [low, high]) = (dot(&work[..held], &self.along), rows.bounds(*row));
            let (fixed, free) = work.split_at(held);
            if dot(free, free) < ROUNDING * dot(fixed, fixed) {
                work.fill(0.0);
            }
            self.coefficients.extend_from_slice(&work[held..n]);
            self.low.push(low - value);
            self.high.push(high - value);
        }
    }
}

impl Iteration {
    fn solve<R: Rows + ?Sized>(&mut self, (h, g): (&[f64], &[f64]), rows: &R) -> Status {
        self.n = g.len();
        let n = self.n;
        let diagonal = || h.iter().step_by(n + 1).map(|value| value.abs());
        let most = diagonal().fold(0.0, f64::max);
        // Without any cost the least weight is as good as another.
        let (most, mean) =
            if most > 0.0 { (most, diagonal().sum::<f64>() / n as f64) } else { (1.0, 1.0) };
        if let Some(ended) = self.begin(rows, most, mean) {
            return ended;
        }
        let shift = PROXIMAL * most;
        if !self.factorise(h, rows, shift) {
            return Status::BadProblem;
        }
        self.first_point((h, g), rows, mean);
        for iteration in 0..=ITERATIONS_MAX {
            self.residuals(h, g, rows);
            let last = iteration == ITERATIONS_MAX;
            if self.done(g, if last { COMPLEMENTARITY_AT_LAST } else { COMPLEMENTARITY }) {
                return Status::Interior(iteration);
            }
            if self.proves_infeasible(g) {
                return Status::Infeasible;
            }
            if last || !self.factorise(h, rows, shift) {
                break;
            }
            self.advance(rows);
        }
        Status::RoundLimit
    }

    /// One side for each bound there is. `Some` when that ends it: of rows without variables only
    /// the bounds are left to see.
    fn begin<R: Rows + ?Sized>(&mut self, rows: &R, most: f64, mean: f64) -> Option<Status> {
        let (n, mut ended) = (self.n, if self.n == 0 { Some(Status::Interior(0)) } else { None });
        self.sides.clear();
        self.x.fill(0.0);
        self.step.fill(0.0);
        for row in 0..rows.count() {
            let step = &mut self.step[..n];
            rows.add(row, 1.0, step);
            let square = dot(step, step);
            rows.add(row, -1.0, step);
            for (sign, bound) in [1.0, -1.0].into_iter().zip(rows.bounds(row)) {
                if !square.is_finite() {
                    return Some(Status::BadProblem);
                }
                if square == 0.0 && sign * bound > TOLERANCE * bound.abs().max(1.0) {
                    ended = Some(Status::Infeasible);
                }
                if square > 0.0 && bound.is_finite() {
                    let (size, s, z) = (square.sqrt(), 1.0, mean / square);
                    let give = GIVE * square / most;
                    let (gap, excess, step_s, step_z) = (0.0, 0.0, 0.0, 0.0);
                    let side =
                        Side { row, sign, bound, size, give, s, z, gap, excess, step_s, step_z };
                    self.sides.push(side);
                }
            }
        }
        ended
    }

    /// `H + shift + C' W C` with the weights `1 / (s / z + give)`.
    fn factorise<R: Rows + ?Sized>(&mut self, h: &[f64], rows: &R, shift: f64) -> bool {
        let weights = &mut self.weights[..rows.count()];
        weights.fill(0.0);
        for side in &self.sides {
            weights[side.row] += side.z / (side.s + side.give * side.z);
        }
        let normal = &mut self.normal[..h.len()];
        normal.copy_from_slice(h);
        rows.add_squares(weights, self.n, normal);
        self.factor.factorise(self.n, normal, shift, 0.0)
    }

    /// The point best for the cost and for each row's nearest feasible value to zero. Slacks are
    /// those of this point, or what is missing most where they are less; all products of slack and
    /// multiplier are alike. So bounds that are far away do not matter, whatever they are.
    fn first_point<R: Rows + ?Sized>(&mut self, (h, g): (&[f64], &[f64]), rows: &R, mean: f64) {
        let n = self.n;
        let x = &mut self.x[..padded(n)];
        for (x, g) in x.iter_mut().zip(g) {
            *x = -g;
        }
        for side in &self.sides {
            let [low, high] = rows.bounds(side.row);
            rows.add(side.row, side.z * 0.0_f64.max(low).min(high), &mut x[..n]);
        }
        self.factor.forward::<1>(x, 0);
        self.factor.backward::<1>(x, n);
        let mut missing = x[..n].iter().fold(1.0_f64, |most, x| most.max(x.abs()));
        for side in &mut self.sides {
            side.s = side.sign * (rows.dot(side.row, &x[..n]) - side.bound);
            missing = missing.max(-side.s / side.size);
        }
        self.dual[..n].copy_from_slice(g);
        add_columns(&mut self.dual[..n], h, &x[..n]);
        let pull = self.dual[..n].iter().fold(mean * missing, |most, v| most.max(v.abs()));
        for side in &mut self.sides {
            let least = missing * side.size;
            side.s = side.s.max(least);
            side.z = pull / side.size * (least / side.s);
        }
    }

    fn residuals<R: Rows + ?Sized>(&mut self, h: &[f64], g: &[f64], rows: &R) {
        let n = self.n;
        for (row, value) in self.values[..rows.count()].iter_mut().enumerate() {
            *value = rows.dot(row, &self.x[..n]);
        }
        self.force[..n].fill(0.0);
        add_columns(&mut self.force[..n], h, &self.x[..n]);
        for ((dual, force), g) in self.dual.iter_mut().zip(&self.force).zip(g) {
            *dual = force + g;
        }
        let pulls = &mut self.weights[..rows.count()];
        pulls.fill(0.0);
        for side in &mut self.sides {
            side.gap = side.sign * (self.values[side.row] - side.bound) - side.s;
            pulls[side.row] += side.sign * side.z;
        }
        for (row, pull) in pulls.iter().enumerate() {
            rows.add(row, -pull, &mut self.dual[..n]);
        }
    }

    /// `s' z`.
    fn complementarity(&self) -> f64 {
        self.sides.iter().map(|side| side.s * side.z).sum()
    }

    fn done(&self, g: &[f64], complementarity: f64) -> bool {
        let n = self.n;
        let most = |list: &[f64]| list.iter().fold(1.0_f64, |most, v| most.max(v.abs()));
        let scale = most(g).max(most(&self.force[..n]));
        let cost = 0.5 * dot(&self.x[..n], &self.force) + dot(&self.x[..n], g);
        let primal = |side: &Side| side.gap.abs() <= ACCURACY * side.bound.abs().max(1.0);
        self.dual[..n].iter().all(|v| v.abs() <= ACCURACY * scale)
            && self.sides.iter().all(primal)
            && self.complementarity() <= complementarity * cost.abs().max(1.0)
    }

    /// With `y = C' z` and `t = bounds' z` every feasible point has `y' x >= t`: where `t` is more
    /// than `|y|` can reach there is none.
    fn proves_infeasible(&self, g: &[f64]) -> bool {
        let pulled = self.force.iter().zip(g).zip(&self.dual).map(|((f, g), dual)| f + g - dual);
        let size: f64 = pulled.map(f64::abs).sum();
        let wanted: f64 = self.sides.iter().map(|side| side.sign * side.z * side.bound).sum();
        let far = self.x[..self.n].iter().fold(1.0_f64, |most, x| most.max(x.abs()));
        wanted > REACH * far * size
    }

    /// One predictor, one corrector, one step.
    fn advance<R: Rows + ?Sized>(&mut self, rows: &R) {
        let count = self.sides.len().max(1) as f64;
        let mean = self.complementarity() / count;
        for side in &mut self.sides {
            side.excess = side.s * side.z;
        }
        self.direction(rows);
        let length = self.longest().min(1.0);
        let after = |side: &Side| (side.s + length * side.step_s) * (side.z + length * side.step_z);
        let predicted = self.sides.iter().map(after).sum::<f64>() / count;
        let centre = mean * (predicted / mean.max(1e-300)).powi(3);
        for side in &mut self.sides {
            side.excess = side.s * side.z + side.step_s * side.step_z - centre;
        }
        self.direction(rows);
        let length = (STEP * self.longest()).min(1.0);
        for (x, step) in self.x[..self.n].iter_mut().zip(&self.step) {
            *x += length * step;
        }
        for side in &mut self.sides {
            side.s += length * side.step_s;
            side.z += length * side.step_z;
        }
    }

    /// Newton's step to no residuals and `s z` less by the excess.
    fn direction<R: Rows + ?Sized>(&mut self, rows: &R) {
        let n = self.n;
        let step = &mut self.step[..padded(n)];
        step.fill(0.0);
        for (step, dual) in step.iter_mut().zip(&self.dual[..n]) {
            *step = -dual;
        }
        let pulls = &mut self.weights[..rows.count()];
        pulls.fill(0.0);
        for side in &self.sides {
            pulls[side.row] -=
                side.sign * (side.excess + side.z * side.gap) / (side.s + side.give * side.z);
        }
        for (row, pull) in pulls.iter().enumerate() {
            rows.add(row, *pull, &mut step[..n]);
        }
        self.factor.forward::<1>(step, 0);
        self.factor.backward::<1>(step, n);
        for (row, value) in self.values[..rows.count()].iter_mut().enumerate() {
            *value = rows.dot(row, &step[..n]);
        }
        for side in &mut self.sides {
            let moved = side.sign * self.values[side.row] + side.gap;
            side.step_z = -(side.excess + side.z * moved) / (side.s + side.give * side.z);
            side.step_s = moved + side.give * side.step_z;
        }
    }

    /// How far all slacks and multipliers stay positive, at most 1 / [`STEP`].
    fn longest(&self) -> f64 {
        self.sides.iter().fold(1.0 / STEP, |least, side| {
            let to_zero = |value: f64, step: f64| if step < 0.0 { -value / step } else { least };
            least.min(to_zero(side.s, side.step_s)).min(to_zero(side.z, side.step_z))
        })
    }
}
