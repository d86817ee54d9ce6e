//! Dense strictly convex quadratic programs with three-variable inequality rows, by the dual
//! active-set method. D. Goldfarb, A. Idnani, A numerically stable dual method for solving strictly
//! convex quadratic programs, Mathematical Programming 27 (1983).
//!
//! minimise `1/2 x' H x + g' x` subject to `c_i' x >= b_i`. All memory is allocated when built.
//!
//! | code | paper | meaning |
//! |---|---|---|
//! | `j` | J | `L^-T Q`, columns span the active normals first |
//! | `r` | R | upper triangle of the active normals in `j` |
//! | `d` | d | `J' n` of the constraint being added |
//! | `z` | z | primal step direction |
//! | `u` | u | multipliers of the active rows |

/// Most rounds of adding or dropping a row before the solver gives up.
const ROUNDS_MAX: usize = 400;
/// A row counts as satisfied above minus this.
const TOLERANCE: f64 = 1e-9;

/// One inequality: `coefficients . x[first..first + 3] >= bound`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Index of the first of its three variables.
    pub first: usize,
    /// Their coefficients.
    pub coefficients: [f64; 3],
    /// Right side.
    pub bound: f64,
}

impl Row {
    fn slack(&self, x: &[f64]) -> f64 {
        let x = &x[self.first..self.first + 3];
        let c = &self.coefficients;
        c[0] * x[0] + c[1] * x[1] + c[2] * x[2] - self.bound
    }
}

/// How a solution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Optimal; the number of rounds it took.
    Solved(usize),
    /// No point satisfies all rows.
    Infeasible,
    /// Not done within the round limit.
    RoundLimit,
    /// The cost is not strictly convex, or a number is not finite.
    BadCost,
}

/// Solver memory for problems of up to a fixed number of variables.
#[derive(Clone, Debug)]
pub struct QuadraticProgram {
    capacity: usize,
    n: usize,
    /// Cost matrix, column-major `n x n`; overwritten by its Cholesky factor.
    h: Vec<f64>,
    j: Vec<f64>,
    r: Vec<f64>,
    d: Vec<f64>,
    z: Vec<f64>,
    step: Vec<f64>,
    x: Vec<f64>,
    u: Vec<f64>,
    active: Vec<usize>,
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
            j: square.clone(),
            r: square,
            d: line.clone(),
            z: line.clone(),
            step: line.clone(),
            x: line.clone(),
            u: line,
            active: Vec::with_capacity(capacity + 1),
        }
    }

    /// Starts a problem of `n` variables and gives its cost matrix (column-major, `n x n`) to fill.
    pub fn cost_matrix(&mut self, n: usize) -> &mut [f64] {
        self.n = n.min(self.capacity);
        &mut self.h[..self.n * self.n]
    }

    /// Solves with the cost matrix filled before and the linear cost `g`. The answer is
    /// [`Self::x`].
    pub fn solve(&mut self, g: &[f64], rows: &[Row]) -> Status {
        self.active.clear();
        if g.len() != self.n || g.iter().any(|v| !v.is_finite()) || !self.factorise() {
            return Status::BadCost;
        }
        self.unconstrained(g);
        for round in 0..ROUNDS_MAX {
            let Some(worst) = self.worst_row(rows) else {
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

    /// Active rows of the last answer with their multipliers.
    pub fn multipliers(&self) -> impl Iterator<Item = (usize, f64)> {
        self.active.iter().copied().zip(self.u.iter().copied())
    }

    /// `H = L L'` in place, then `J = L^-T`. False when `H` is not positive definite.
    fn factorise(&mut self) -> bool {
        let n = self.n;
        for k in 0..n {
            let mut pivot = self.h[k * n + k];
            if !(pivot.is_finite() && pivot > 0.0) {
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
        self.invert_transposed();
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
                let sum: f64 = below.iter().zip(&column[row + 1..=k]).map(|(l, x)| l * x).sum();
                column[row] = -sum / self.h[row * n + row];
            }
        }
    }

    /// `x = -H^-1 g = -J J' g`.
    fn unconstrained(&mut self, g: &[f64]) {
        let n = self.n;
        self.x[..n].fill(0.0);
        for column in self.j[..n * n].chunks_exact(n) {
            let weight: f64 = column.iter().zip(g).map(|(a, b)| a * b).sum();
            for (x, j) in self.x.iter_mut().zip(column) {
                *x -= weight * j;
            }
        }
    }

    fn worst_row(&self, rows: &[Row]) -> Option<usize> {
        let mut worst = (None, -TOLERANCE);
        for (index, row) in rows.iter().enumerate() {
            let slack = row.slack(&self.x);
            if slack < worst.1 && !self.active.contains(&index) {
                worst = (Some(index), slack);
            }
        }
        worst.0
    }

    /// Steps until row `index` holds, dropping rows that block. `Some` only on failure.
    fn satisfy(&mut self, index: usize, rows: &[Row]) -> Option<Status> {
        let row = rows[index];
        self.u[self.active.len()] = 0.0;
        for _ in 0..ROUNDS_MAX {
            let used = self.active.len();
            self.directions(&row);
            let (dual_step, blocking) = self.dual_step();
            let z = &self.z[row.first..row.first + 3];
            let along: f64 = row.coefficients.iter().zip(z).map(|(c, z)| c * z).sum();
            let primal_step =
                if along > 1e-14 { -row.slack(&self.x) / along } else { f64::INFINITY };
            let step = dual_step.min(primal_step);
            if !step.is_finite() {
                return Some(Status::Infeasible);
            }
            if primal_step.is_finite() {
                for (x, z) in self.x[..self.n].iter_mut().zip(&self.z) {
                    *x += step * z;
                }
            }
            for (u, r) in self.u[..used].iter_mut().zip(&self.step) {
                *u -= step * r;
            }
            self.u[used] += step;
            if primal_step <= dual_step {
                self.add(index);
                return None;
            }
            self.drop_row(blocking);
        }
        Some(Status::RoundLimit)
    }

    /// `d = J' n`, primal direction `z = J2 d2`, dual direction `step = R^-1 d1`.
    fn directions(&mut self, row: &Row) {
        let (n, used) = (self.n, self.active.len());
        self.z[..n].fill(0.0);
        for (k, column) in self.j[..n * n].chunks_exact(n).enumerate() {
            let part = &column[row.first..row.first + 3];
            let d: f64 = row.coefficients.iter().zip(part).map(|(c, j)| c * j).sum();
            self.d[k] = d;
            if k >= used {
                for (z, j) in self.z.iter_mut().zip(column) {
                    *z += d * j;
                }
            }
        }
        for k in (0..used).rev() {
            let sum: f64 = (k + 1..used).map(|c| self.r[c * n + k] * self.step[c]).sum();
            self.step[k] = (self.d[k] - sum) / self.r[k * n + k];
        }
    }

    /// How far the multipliers allow to go, and the active row that ends it.
    fn dual_step(&self) -> (f64, usize) {
        let mut best = (f64::INFINITY, 0);
        for k in 0..self.active.len() {
            if self.step[k] > 0.0 && self.u[k] / self.step[k] < best.0 {
                best = (self.u[k] / self.step[k], k);
            }
        }
        best
    }

    fn add(&mut self, index: usize) {
        let (n, used) = (self.n, self.active.len());
        for k in (used + 1..n).rev() {
            let (c, s, length) = givens(self.d[k - 1], self.d[k]);
            (self.d[k - 1], self.d[k]) = (length, 0.0);
            rotate_columns(&mut self.j, n, k - 1, c, s);
        }
        self.r[used * n..used * n + used + 1].copy_from_slice(&self.d[..=used]);
        self.active.push(index);
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

    /// Largest violation of the optimality conditions: rows, signs, stationarity, complementarity.
    fn kkt(solver: &QuadraticProgram, h: &[f64], g: &[f64], rows: &[Row]) -> f64 {
        let (n, x) = (g.len(), solver.x());
        let mut gradient: Vec<f64> =
            (0..n).map(|i| g[i] + (0..n).map(|k| h[k * n + i] * x[k]).sum::<f64>()).collect();
        let mut worst: f64 = 0.0;
        for (index, u) in solver.multipliers() {
            worst = worst.max(-u).max(rows[index].slack(x).abs());
            for (k, c) in rows[index].coefficients.iter().enumerate() {
                gradient[rows[index].first + k] -= u * c;
            }
        }
        worst = rows.iter().map(|row| -row.slack(x)).fold(worst, f64::max);
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
            let status = solver.solve(&g, &rows);
            assert!(matches!(status, Status::Solved(_)), "{status:?}");
            let residual = kkt(&solver, &h, &g, &rows);
            assert!(residual < 1e-7, "{residual:e} with {feet} feet");
        }
    }

    #[test]
    fn infeasible_and_bad_problems_are_named() {
        let mut solver = QuadraticProgram::new(3);
        let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let above = Row { first: 0, coefficients: [1.0, 0.0, 0.0], bound: 1.0 };
        let below = Row { first: 0, coefficients: [-1.0, 0.0, 0.0], bound: 0.0 };
        solver.cost_matrix(3).copy_from_slice(&identity);
        assert_eq!(solver.solve(&[0.0; 3], &[above, below]), Status::Infeasible);
        solver.cost_matrix(3).copy_from_slice(&[-1.0; 9]);
        assert_eq!(solver.solve(&[0.0; 3], &[]), Status::BadCost);
        solver.cost_matrix(3).copy_from_slice(&identity);
        assert_eq!(solver.solve(&[f64::NAN; 3], &[]), Status::BadCost);
    }
}
