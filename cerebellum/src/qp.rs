//! Dense convex quadratic programs by the dual active-set method. D. Goldfarb, A. Idnani, A
//! numerically stable dual method for solving strictly convex quadratic programs, Mathematical
//! Programming 27 (1983).
//!
//! minimise `1/2 x' H x + g' x` subject to `low_i <= c_i' x <= high_i`; an equality is a row whose
//! two bounds are the same. All memory is allocated when built. A cost that is convex but not
//! strictly so is made strict by a little, which is taken back in a few rounds more (proximal
//! points; R. T. Rockafellar, SIAM J. Control 14, 1976).
//!
//! | code | paper | meaning |
//! |---|---|---|
//! | `j` | J | `L^-T Q`, columns span the active normals first |
//! | `r` | R | upper triangle of the active normals in `j` |
//! | `d` | d | `J' n` of the constraint being added |
//! | `z` | z | primal step direction |
//! | `u` | u | multipliers of the active rows |

mod rows;

use rows::dot;
pub use rows::{DenseRows, Row, Rows};

/// Rounds of adding or dropping a row, per variable and row, before the solver gives up.
const ROUNDS_PER_SIZE: usize = 4;
/// A row counts as satisfied above minus this, relative to its bound above one.
const TOLERANCE: f64 = 1e-10;
/// A normal counts as dependent on the active ones below this part of its own length, squared.
const DEPENDENT: f64 = 1e-14;
/// What is added to the diagonal of a cost that is not strictly convex, as a part of its largest
/// element, and how often that is taken back at most.
const SHIFT: f64 = 1e-8;
const PROXIMAL_MAX: usize = 40;

/// How a solution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Optimal; the number of rounds it took.
    Solved(usize),
    /// No point satisfies all rows.
    Infeasible,
    /// Not done within the round limit.
    RoundLimit,
    /// The cost is not convex, a number is none, or the problem does not fit.
    BadProblem,
}

/// How far an answer is from the conditions of an optimum, in the units of the problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Residuals {
    /// Largest violation of a row.
    pub primal: f64,
    /// Largest element of `H x + g - C' u`.
    pub dual: f64,
    /// Difference of the primal and the dual cost.
    pub gap: f64,
}

/// An active row: which, and which of its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Active {
    row: usize,
    /// 1 at its low bound, -1 at its high one.
    side: f64,
    equality: bool,
}

/// Solver memory for problems of up to a fixed number of variables.
#[derive(Clone, Debug)]
pub struct QuadraticProgram {
    capacity: usize,
    n: usize,
    /// Cost matrix, column-major `n x n`: above the diagonal the cost, on and below its Cholesky
    /// factor.
    h: Vec<f64>,
    diagonal: Vec<f64>,
    /// What was added to the diagonal.
    shift: f64,
    j: Vec<f64>,
    r: Vec<f64>,
    d: Vec<f64>,
    z: Vec<f64>,
    step: Vec<f64>,
    x: Vec<f64>,
    before: Vec<f64>,
    linear: Vec<f64>,
    u: Vec<f64>,
    active: Vec<Active>,
    /// The active rows of the last answer.
    warm: Vec<Active>,
}

impl QuadraticProgram {
    /// Memory for up to `capacity` variables.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let square = vec![0.0; capacity * capacity];
        let line = vec![0.0; capacity + 1];
        Self {
            capacity,
            n: 0,
            h: square.clone(),
            diagonal: line.clone(),
            shift: 0.0,
            j: square.clone(),
            r: square,
            d: line.clone(),
            z: line.clone(),
            step: line.clone(),
            x: line.clone(),
            before: line.clone(),
            linear: line.clone(),
            u: line,
            active: Vec::with_capacity(capacity + 1),
            warm: Vec::with_capacity(capacity + 1),
        }
    }

    /// Starts a problem of `n` variables and gives its cost matrix (column-major, `n x n`) to fill.
    pub fn cost_matrix(&mut self, n: usize) -> &mut [f64] {
        self.n = n.min(self.capacity);
        &mut self.h[..self.n * self.n]
    }

    /// Solves with the cost matrix filled before and the linear cost `g`. The answer is
    /// [`Self::x`].
    pub fn solve<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> Status {
        self.warm.clear();
        self.solve_warm(g, rows)
    }

    /// The same, beginning with the rows that were active in the last answer: for problems that
    /// hardly differ.
    pub fn solve_warm<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> Status {
        let sound = |row: usize| {
            let [low, high] = rows.bounds(row);
            !low.is_nan() && !high.is_nan() && low < f64::INFINITY && high > f64::NEG_INFINITY
        };
        let finite = self.n > 0 && g.len() == self.n && g.iter().all(|v| v.is_finite());
        if !finite || !(0..rows.count()).all(sound) || !self.factorise() {
            return Status::BadProblem;
        }
        self.linear[..self.n].copy_from_slice(g);
        let mut rounds = 0;
        for _ in 0..PROXIMAL_MAX {
            match self.solve_once(rows) {
                Status::Solved(more) => rounds += more,
                failed => return failed,
            }
            if self.shift == 0.0 || !self.approach(g) {
                break;
            }
        }
        Status::Solved(rounds)
    }

    /// Takes a part of the shift back: the next cost is the true one around this answer. False when
    /// the answer stays where it is.
    fn approach(&mut self, g: &[f64]) -> bool {
        let n = self.n;
        let mut moved = 0.0_f64;
        let mut size = 1.0_f64;
        let (now, before) = (&self.x[..n], &self.before);
        for (((linear, g), x), before) in self.linear.iter_mut().zip(g).zip(now).zip(before) {
            moved = moved.max((x - before).abs());
            size = size.max(x.abs());
            *linear = g - self.shift * x;
        }
        self.before[..n].copy_from_slice(&self.x[..n]);
        self.warm.clear();
        self.warm.extend_from_slice(&self.active);
        moved > 1e-12 * size
    }

    fn solve_once<R: Rows + ?Sized>(&mut self, rows: &R) -> Status {
        self.active.clear();
        self.unconstrained();
        if let Some(failed) = self.equalities(rows) {
            return failed;
        }
        self.take_warm(rows);
        let most = 50 + ROUNDS_PER_SIZE * (self.n + rows.count());
        for round in 0..most {
            let Some(worst) = self.worst_row(rows) else {
                self.warm.clear();
                self.warm.extend_from_slice(&self.active);
                return Status::Solved(round);
            };
            if let Some(failed) = self.satisfy(worst, rows) {
                return failed;
            }
        }
        Status::RoundLimit
    }

    /// The last answer.
    #[must_use]
    pub fn x(&self) -> &[f64] {
        &self.x[..self.n]
    }

    /// Active rows of the last answer with their multipliers: of a row at its high bound it is
    /// negative.
    pub fn multipliers(&self) -> impl Iterator<Item = (usize, f64)> {
        self.active.iter().zip(&self.u).map(|(active, u)| (active.row, active.side * u))
    }

    /// How good the last answer is.
    pub fn residuals<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> Residuals {
        let n = self.n;
        let mut primal = 0.0_f64;
        for row in 0..rows.count() {
            let ([low, high], value) = (rows.bounds(row), rows.dot(row, &self.x));
            primal = primal.max(low - value).max(value - high);
        }
        // H x, from the triangle above the diagonal.
        self.z[..n].fill(0.0);
        for k in 0..n {
            let column = &self.h[k * n..k * n + k];
            self.z[k] += self.diagonal[k] * self.x[k];
            for (i, h) in column.iter().enumerate() {
                self.z[i] += h * self.x[k];
                self.z[k] += h * self.x[i];
            }
        }
        let quadratic: f64 = self.z[..n].iter().zip(&self.x).map(|(a, b)| a * b).sum();
        let linear: f64 = g.iter().zip(&self.x).map(|(a, b)| a * b).sum();
        for (z, g) in self.z[..n].iter_mut().zip(g) {
            *z += g;
        }
        let mut bound = 0.0;
        for (active, u) in self.active.iter().zip(&self.u) {
            rows.add(active.row, -active.side * u, &mut self.z[..n]);
            let [low, high] = rows.bounds(active.row);
            bound += active.side * u * if active.side > 0.0 { low } else { high };
        }
        let dual = self.z[..n].iter().fold(0.0_f64, |most, z| most.max(z.abs()));
        Residuals { primal, dual, gap: (quadratic + linear - bound).abs() }
    }

    /// `H = L L'` in place, then `J = L^-T`. False when `H` is not convex.
    fn factorise(&mut self) -> bool {
        let n = self.n;
        let mut most = 0.0_f64;
        for k in 0..n {
            self.diagonal[k] = self.h[k * n + k];
            most = most.max(self.diagonal[k].abs());
        }
        // Above the diagonal the cost stays as it is.
        for shift in [0.0, SHIFT * most.max(1e-300)] {
            self.shift = shift;
            for k in 0..n {
                self.h[k * n + k] = self.diagonal[k] + shift;
                for i in k + 1..n {
                    self.h[k * n + i] = self.h[i * n + k];
                }
            }
            self.before[..n].fill(0.0);
            if self.cholesky(most * 1e-12) {
                self.invert_transposed();
                return true;
            }
        }
        false
    }

    /// False where a pivot is not above `least`.
    fn cholesky(&mut self, least: f64) -> bool {
        let n = self.n;
        for k in 0..n {
            let mut pivot = self.h[k * n + k];
            if !(pivot.is_finite() && pivot > least) {
                return false;
            }
            pivot = pivot.sqrt();
            let (left, right) = self.h.split_at_mut((k + 1) * n);
            let column = &mut left[k * n + k..];
            column[0] = pivot;
            for value in &mut column[1..] {
                *value /= pivot;
            }
            for (other, later) in right[..(n - k - 1) * n].chunks_exact_mut(n).enumerate() {
                let factor = column[other + 1];
                for (value, l) in later[k + 1 + other..].iter_mut().zip(&column[other + 1..]) {
                    *value -= factor * l;
                }
            }
        }
        true
    }

    /// Solves `L' J = I` column by column; `J` is upper triangular.
    fn invert_transposed(&mut self) {
        let n = self.n;
        for k in 0..n {
            let column = &mut self.j[k * n..(k + 1) * n];
            column.fill(0.0);
            column[k] = 1.0 / self.h[k * n + k];
            for row in (0..k).rev() {
                let below = &self.h[row * n + row + 1..row * n + k + 1];
                let sum = dot(below, &column[row + 1..=k]);
                column[row] = -sum / self.h[row * n + row];
            }
        }
    }

    /// `x = -H^-1 g = -J J' g`.
    fn unconstrained(&mut self) {
        let n = self.n;
        // The columns may have been turned by the active rows of a solution before: J J' has not.
        self.x[..n].fill(0.0);
        for column in self.j[..n * n].chunks_exact(n) {
            let weight = dot(column, &self.linear[..n]);
            for (x, j) in self.x.iter_mut().zip(column) {
                *x -= weight * j;
            }
        }
    }

    /// Makes all equalities hold, for good.
    fn equalities<R: Rows + ?Sized>(&mut self, rows: &R) -> Option<Status> {
        for row in 0..rows.count() {
            let [low, high] = rows.bounds(row);
            if low != high {
                if low > high {
                    return Some(Status::Infeasible);
                }
                continue;
            }
            let side = if rows.dot(row, &self.x) > low { -1.0 } else { 1.0 };
            let failed = self.satisfy(Active { row, side, equality: true }, rows);
            if failed.is_some() {
                return failed;
            }
        }
        None
    }

    /// Adds the rows of the last answer that pull, without a step for each.
    fn take_warm<R: Rows + ?Sized>(&mut self, rows: &R) {
        if self.warm.is_empty() {
            return;
        }
        for index in 0..self.warm.len() {
            let warm = self.warm[index];
            let known = self.active.iter().any(|active| active.row == warm.row);
            if warm.row >= rows.count() {
                continue;
            }
            let [low, high] = rows.bounds(warm.row);
            let bound = if warm.side > 0.0 { low } else { high };
            if warm.equality || known || low == high || !bound.is_finite() {
                continue;
            }
            if self.active.len() < self.n && self.directions(&warm, rows) {
                self.u[self.active.len()] = 0.0;
                self.add(warm);
            }
        }
        loop {
            self.at_active(rows);
            let worst = (0..self.active.len())
                .filter(|&k| !self.active[k].equality && self.u[k] < 0.0)
                .min_by(|&a, &b| self.u[a].total_cmp(&self.u[b]));
            let Some(worst) = worst else { return };
            self.u[self.active.len()] = 0.0;
            self.drop_row(worst);
        }
    }

    /// The best point on which all active rows hold, and their multipliers: `R' w = b - N' x0`,
    /// `x = x0 + J1 w`, `R u = w`.
    fn at_active<R: Rows + ?Sized>(&mut self, rows: &R) {
        let (n, used) = (self.n, self.active.len());
        self.unconstrained();
        for k in 0..used {
            let Active { row, side, .. } = self.active[k];
            let [low, high] = rows.bounds(row);
            let bound = if side > 0.0 { low } else { high };
            let mut w = side * (bound - rows.dot(row, &self.x));
            for i in 0..k {
                w -= self.r[k * n + i] * self.d[i];
            }
            self.d[k] = w / self.r[k * n + k];
        }
        for (column, w) in self.j[..n * n].chunks_exact(n).zip(&self.d[..used]) {
            for (x, j) in self.x.iter_mut().zip(column) {
                *x += w * j;
            }
        }
        self.u[..used].copy_from_slice(&self.d[..used]);
        back_substitute(&self.r, n, &mut self.u[..used]);
    }

    /// The row that is violated most, against its bound.
    fn worst_row<R: Rows + ?Sized>(&self, rows: &R) -> Option<Active> {
        let (mut found, mut most) = (None, 0.0);
        for row in 0..rows.count() {
            let ([low, high], value) = (rows.bounds(row), rows.dot(row, &self.x));
            let (under, over) = (low - value, value - high);
            let (side, violated, bound) =
                if under > over { (1.0, under, low) } else { (-1.0, over, high) };
            if violated > most
                && violated > TOLERANCE * bound.abs().max(1.0)
                && !self.active.iter().any(|active| active.row == row)
            {
                (found, most) = (Some(Active { row, side, equality: false }), violated);
            }
        }
        found
    }

    /// Steps until a row holds, dropping rows that block. `Some` only on failure.
    fn satisfy<R: Rows + ?Sized>(&mut self, new: Active, rows: &R) -> Option<Status> {
        let [low, high] = rows.bounds(new.row);
        let bound = if new.side > 0.0 { low } else { high };
        self.u[self.active.len()] = 0.0;
        // Each round but the last drops a row.
        for _ in 0..=self.active.len() {
            let used = self.active.len();
            let free = self.directions(&new, rows);
            let (dual_step, blocking) = self.dual_step();
            let slack = new.side * (rows.dot(new.row, &self.x) - bound);
            let along = new.side * rows.dot(new.row, &self.z);
            if new.equality && !free && slack.abs() <= TOLERANCE * bound.abs().max(1.0) {
                // It follows from those before.
                return None;
            }
            let primal_step = if free { -slack / along } else { f64::INFINITY };
            let step = dual_step.min(primal_step);
            if !step.is_finite() {
                return Some(Status::Infeasible);
            }
            if free {
                for (x, z) in self.x[..self.n].iter_mut().zip(&self.z) {
                    *x += step * z;
                }
            }
            for (u, r) in self.u[..used].iter_mut().zip(&self.step) {
                *u -= step * r;
            }
            self.u[used] += step;
            if primal_step <= dual_step {
                self.add(new);
                return None;
            }
            self.drop_row(blocking);
        }
        Some(Status::RoundLimit)
    }

    /// `d = J' n`, primal direction `z = J2 d2`, dual direction `step = R^-1 d1`. False when the
    /// normal depends on the active ones.
    fn directions<R: Rows + ?Sized>(&mut self, new: &Active, rows: &R) -> bool {
        let (n, used) = (self.n, self.active.len());
        self.z[..n].fill(0.0);
        let (mut all, mut free) = (0.0, 0.0);
        for (k, column) in self.j[..n * n].chunks_exact(n).enumerate() {
            let d = new.side * rows.dot(new.row, column);
            self.d[k] = d;
            all += d * d;
            if k >= used {
                free += d * d;
                for (z, j) in self.z.iter_mut().zip(column) {
                    *z += d * j;
                }
            }
        }
        self.step[..used].copy_from_slice(&self.d[..used]);
        back_substitute(&self.r, n, &mut self.step[..used]);
        free > DEPENDENT * all
    }

    /// How far the multipliers allow to go, and the active row that ends it.
    fn dual_step(&self) -> (f64, usize) {
        let mut best = (f64::INFINITY, 0);
        for (k, active) in self.active.iter().enumerate() {
            if !active.equality && self.step[k] > 0.0 && self.u[k] / self.step[k] < best.0 {
                best = (self.u[k] / self.step[k], k);
            }
        }
        best
    }

    fn add(&mut self, new: Active) {
        let (n, used) = (self.n, self.active.len());
        for k in (used + 1..n).rev() {
            let (c, s, length) = givens(self.d[k - 1], self.d[k]);
            (self.d[k - 1], self.d[k]) = (length, 0.0);
            rotate_columns(&mut self.j, n, k - 1, c, s);
        }
        self.r[used * n..used * n + used + 1].copy_from_slice(&self.d[..=used]);
        self.active.push(new);
    }

    /// Drops active row number `at`, keeping the multiplier of the row being added behind the
    /// others.
    fn drop_row(&mut self, at: usize) {
        let (n, used) = (self.n, self.active.len());
        self.active.remove(at);
        for k in at..used {
            self.u[k] = self.u[k + 1];
        }
        for k in at + 1..used {
            self.r.copy_within(k * n..k * n + k + 1, (k - 1) * n);
        }
        for k in at..used - 1 {
            let (c, s, length) = givens(self.r[k * n + k], self.r[k * n + k + 1]);
            (self.r[k * n + k], self.r[k * n + k + 1]) = (length, 0.0);
            for column in k + 1..used - 1 {
                let (a, b) = (self.r[column * n + k], self.r[column * n + k + 1]);
                self.r[column * n + k] = c * a + s * b;
                self.r[column * n + k + 1] = c * b - s * a;
            }
            rotate_columns(&mut self.j, n, k, c, s);
        }
    }
}

/// Replaces `x` by `R^-1 x` with the upper triangle in columns of length `n`.
fn back_substitute(r: &[f64], n: usize, x: &mut [f64]) {
    for c in (0..x.len()).rev() {
        let (above, column) = x.split_at_mut(c);
        column[0] /= r[c * n + c];
        for (x, r) in above.iter_mut().zip(&r[c * n..]) {
            *x -= column[0] * r;
        }
    }
}

/// Cosine, sine and length of the rotation that turns `(a, b)` into `(length, 0)`.
fn givens(a: f64, b: f64) -> (f64, f64, f64) {
    if b == 0.0 {
        return (1.0, 0.0, a);
    }
    let length = a.hypot(b);
    (a / length, b / length, length)
}

fn rotate_columns(j: &mut [f64], n: usize, left: usize, c: f64, s: f64) {
    if s == 0.0 {
        return;
    }
    let (a, b) = j[left * n..(left + 2) * n].split_at_mut(n);
    for (a, b) in a.iter_mut().zip(b) {
        (*a, *b) = (c * *a + s * *b, c * *b - s * *a);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small random generator: tests only need variety.
    struct Random(u64);
    impl Random {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((self.0 >> 33) as f64) / f64::from(1_u32 << 31) * 2.0 - 1.0
        }
    }

    fn slack(rows: &[Row], row: usize, x: &[f64]) -> f64 {
        rows.dot(row, x) - rows[row].bound
    }

    /// Largest violation of the optimality conditions: rows, signs, stationarity, complementarity.
    fn kkt(solver: &QuadraticProgram, h: &[f64], g: &[f64], rows: &[Row]) -> f64 {
        let (n, x) = (g.len(), solver.x());
        let mut gradient: Vec<f64> =
            (0..n).map(|i| g[i] + (0..n).map(|k| h[k * n + i] * x[k]).sum::<f64>()).collect();
        let mut worst: f64 = 0.0;
        for (index, u) in solver.multipliers() {
            worst = worst.max(-u).max(slack(rows, index, x).abs());
            for (k, c) in rows[index].coefficients.iter().enumerate() {
                gradient[rows[index].first + k] -= u * c;
            }
        }
        worst = (0..rows.len()).map(|row| -slack(rows, row, x)).fold(worst, f64::max);
        gradient.iter().map(|v| v.abs()).fold(worst, f64::max)
    }

    #[test]
    fn random_force_problems_meet_the_optimality_conditions() {
        let mut random = Random(7);
        let mut solver = QuadraticProgram::new(48);
        for feet in (1..=16).cycle().take(400) {
            let n = 3 * feet;
            let root: Vec<f64> = (0..n * n).map(|_| random.next()).collect();
            let mut h = vec![0.0; n * n];
            for a in 0..n {
                for b in 0..n {
                    h[a * n + b] = (0..n).map(|k| root[a * n + k] * root[b * n + k]).sum::<f64>()
                        + if a == b { 0.1 } else { 0.0 };
                }
            }
            let g: Vec<f64> = (0..n).map(|_| 40.0 * random.next()).collect();
            let mut rows = Vec::new();
            for foot in 0..feet {
                for c in [[-1.0, 0.0, 0.5], [1.0, 0.0, 0.5], [0.0, -1.0, 0.5], [0.0, 1.0, 0.5]] {
                    rows.push(Row { first: 3 * foot, coefficients: c, bound: 0.0 });
                }
                rows.push(Row { first: 3 * foot, coefficients: [0.0, 0.0, 1.0], bound: 1.0 });
                rows.push(Row { first: 3 * foot, coefficients: [0.0, 0.0, -1.0], bound: -9.0 });
            }
            solver.cost_matrix(n).copy_from_slice(&h);
            let status = solver.solve(&g, rows.as_slice());
            assert!(matches!(status, Status::Solved(_)), "{status:?}");
            let residual = kkt(&solver, &h, &g, &rows);
            assert!(residual < 1e-7, "{residual:e} with {feet} feet");
        }
    }

    #[test]
    fn infeasible_and_bad_problems_are_named() {
        let mut solver = QuadraticProgram::new(3);
        let none: &[Row] = &[];
        let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let above = Row { first: 0, coefficients: [1.0, 0.0, 0.0], bound: 1.0 };
        let below = Row { first: 0, coefficients: [-1.0, 0.0, 0.0], bound: 0.0 };
        solver.cost_matrix(3).copy_from_slice(&identity);
        assert_eq!(solver.solve(&[0.0; 3], [above, below].as_slice()), Status::Infeasible);
        solver.cost_matrix(3).copy_from_slice(&[-1.0; 9]);
        assert_eq!(solver.solve(&[0.0; 3], none), Status::BadProblem);
        solver.cost_matrix(3).copy_from_slice(&identity);
        assert_eq!(solver.solve(&[f64::NAN; 3], none), Status::BadProblem);
    }

    /// With equalities, two-sided rows and rows that depend on each other.
    #[test]
    fn random_dense_problems_meet_the_optimality_conditions() {
        let mut random = Random(11);
        let mut solver = QuadraticProgram::new(40);
        let mut active = 0;
        for trial in 0..300 {
            let n = 2 + trial % 39;
            let (equal, two_sided) = (n / 4, n);
            let root: Vec<f64> = (0..n * n).map(|_| random.next()).collect();
            let mut h = vec![0.0; n * n];
            for a in 0..n {
                for b in 0..n {
                    h[a * n + b] = (0..n).map(|k| root[a * n + k] * root[b * n + k]).sum::<f64>()
                        + if a == b { 0.05 } else { 0.0 };
                }
            }
            let g: Vec<f64> = (0..n).map(|_| 20.0 * random.next()).collect();
            let inside: Vec<f64> = (0..n).map(|_| random.next()).collect();
            let (mut c, mut low, mut high) = (Vec::new(), Vec::new(), Vec::new());
            for row in 0..equal + two_sided {
                // Each tenth row is one before once more.
                let copy = row > 0 && row % 10 == 0;
                let line: Vec<f64> = if copy {
                    c[(row - 1) * n..row * n].to_vec()
                } else {
                    (0..n).map(|_| random.next()).collect()
                };
                let value: f64 = line.iter().zip(&inside).map(|(a, b)| a * b).sum();
                c.extend(line);
                let width = if row < equal { 0.0 } else { random.next().abs() };
                let below = if row % 3 == 0 && row >= equal { f64::INFINITY } else { width };
                low.push(value - below);
                high.push(value + width);
            }
            let rows = DenseRows { coefficients: &c, low: &low, high: &high };
            for warm in [false, true] {
                solver.cost_matrix(n).copy_from_slice(&h);
                let status =
                    if warm { solver.solve_warm(&g, &rows) } else { solver.solve(&g, &rows) };
                assert!(matches!(status, Status::Solved(_)), "{status:?} in trial {trial}");
                let residuals = solver.residuals(&g, &rows);
                assert!(residuals.primal < 1e-8 && residuals.dual < 1e-8, "{residuals:?}");
                assert!(residuals.gap < 1e-7, "{residuals:?} in trial {trial}");
            }
            active += solver.multipliers().count();
        }
        assert!(active > 2_000, "only {active} rows were active");
    }

    #[test]
    fn a_cost_that_is_merely_convex_is_solved_and_one_that_is_not_is_refused() {
        let mut solver = QuadraticProgram::new(2);
        // Flat along (1, -1): of all points on x + y = 2 those with x >= 3 are left.
        let flat = [1.0, 1.0, 1.0, 1.0];
        let rows = DenseRows { coefficients: &[1.0, 0.0], low: &[3.0], high: &[f64::INFINITY] };
        solver.cost_matrix(2).copy_from_slice(&flat);
        assert!(matches!(solver.solve(&[-2.0, -2.0], &rows), Status::Solved(_)));
        let residuals = solver.residuals(&[-2.0, -2.0], &rows);
        assert!(residuals.primal < 1e-9 && residuals.dual < 1e-9, "{residuals:?}");
        assert!((solver.x()[0] + solver.x()[1] - 2.0).abs() < 1e-6, "{:?}", solver.x());
        solver.cost_matrix(2).copy_from_slice(&[1.0, 2.0, 2.0, 1.0]);
        assert_eq!(solver.solve(&[0.0; 2], &rows), Status::BadProblem);
        let none = DenseRows { low: &[f64::NAN], ..rows };
        solver.cost_matrix(2).copy_from_slice(&[1.0, 0.0, 0.0, 1.0]);
        assert_eq!(solver.solve(&[0.0; 2], &none), Status::BadProblem);
        let contradicting =
            DenseRows { coefficients: &[1.0, 1.0, 2.0, 2.0], low: &[1.0, 1.0], high: &[1.0, 1.0] };
        solver.cost_matrix(2).copy_from_slice(&[1.0, 0.0, 0.0, 1.0]);
        assert_eq!(solver.solve(&[0.0; 2], &contradicting), Status::Infeasible);
    }
}
