//! The dual active-set method. D. Goldfarb, A. Idnani, A numerically stable dual method for solving
//! strictly convex quadratic programs, Mathematical Programming 27 (1983).
//!
//! | code | paper | meaning |
//! |---|---|---|
//! | `j` | J | `L^-T Q`, columns span the active normals first |
//! | `r` | R | upper triangle of the active normals in `j` |
//! | `d` | d | `J' n` of the constraint being added |
//! | `z` | z | primal step direction |
//! | `u` | u | multipliers of the active rows |
//!
//! Deviations: the equalities and the rows of a warm start are taken together by reflections, and
//! `J` is formed only when a row has to be added or dropped after them. Its columns along the
//! equalities are left out, since an equality is never dropped. A row is added by one reflection,
//! which costs a third of the rotations and whose product with `J` is nearly `z`.

use super::factor::{FOUR, Factor, Reflections, add_columns, padded};
use super::rows::{Rows, dot};
use super::{Status, TOLERANCE};

/// A normal counts as dependent on the active ones below this part of its own length, squared.
const DEPENDENT: f64 = 1e-14;
/// What is added to the diagonal of a cost that is not strictly convex, as a part of its largest
/// element, and how often that is taken back at most.
const SHIFT: f64 = 1e-8;
const PROXIMAL_MAX: usize = 40;

/// An active row: which, and which of its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Active {
    pub(super) row: usize,
    /// 1 at its low bound, -1 at its high one.
    pub(super) side: f64,
}

impl Active {
    fn bound<R: Rows + ?Sized>(&self, rows: &R) -> f64 {
        let [low, high] = rows.bounds(self.row);
        if self.side > 0.0 { low } else { high }
    }
}

/// A coefficient or the point is no number any more.
struct NoNumber;

/// Memory of the method.
#[derive(Clone, Debug)]
pub(super) struct ActiveSet {
    n: usize,
    /// Length of a column.
    stride: usize,
    factor: Factor,
    /// What was added to the diagonal.
    shift: f64,
    /// Turn the normals of the equalities, then those of the rows of a warm start, into `r`.
    reflections: Reflections,
    /// How far the point goes along each of those.
    along: Vec<f64>,
    /// Rows of the equalities; the first as many columns of `r` are theirs.
    equalities: Vec<usize>,
    j: Vec<f64>,
    formed: bool,
    r: Vec<f64>,
    d: Vec<f64>,
    /// Length of what `d` has beyond the active rows, squared.
    free: f64,
    z: Vec<f64>,
    step: Vec<f64>,
    x: Vec<f64>,
    /// The point nearest to zero, by the cost matrix, that satisfies the equalities.
    particular: Vec<f64>,
    /// The best point that satisfies the equalities.
    best: Vec<f64>,
    before: Vec<f64>,
    linear: Vec<f64>,
    u: Vec<f64>,
    active: Vec<Active>,
    /// The rows to begin with: those active in the last answer.
    warm: Vec<Active>,
    rounds: usize,
}

impl ActiveSet {
    pub(super) fn new(capacity: usize) -> Self {
        let stride = padded(capacity);
        let (square, line) = (vec![0.0; stride * stride], vec![0.0; stride + 1]);
        Self {
            n: 0,
            stride,
            factor: Factor::new(capacity),
            shift: 0.0,
            reflections: Reflections::new(capacity),
            along: line.clone(),
            equalities: Vec::with_capacity(capacity + 1),
            j: square.clone(),
            formed: false,
            r: square,
            d: line.clone(),
            free: 0.0,
            z: line.clone(),
            step: line.clone(),
            x: line.clone(),
            particular: line.clone(),
            best: line.clone(),
            before: line.clone(),
            linear: line.clone(),
            u: line,
            active: Vec::with_capacity(capacity + 1),
            warm: Vec::with_capacity(capacity + 1),
            rounds: 0,
        }
    }

    /// The rows the next solution begins with, as long as there is room for them.
    pub(super) fn begin_with(&mut self, rows: impl Iterator<Item = Active>) {
        self.warm.clear();
        self.warm.extend(rows.take(self.warm.capacity()));
    }

    pub(super) fn x(&self) -> &[f64] {
        &self.x[..self.n]
    }

    /// Solves in at most `rounds_max` rounds, each of which adds or drops a row.
    pub(super) fn solve<R: Rows + ?Sized>(
        &mut self,
        (h, g): (&[f64], &[f64]),
        rows: &R,
        rounds_max: usize,
    ) -> Status {
        self.n = g.len();
        self.stride = padded(self.n);
        self.rounds = 0;
        if !self.factorise(h) {
            return Status::BadProblem;
        }
        self.linear[..self.n].copy_from_slice(g);
        self.linear[self.n..].fill(0.0);
        self.before[..self.n].fill(0.0);
        for _ in 0..PROXIMAL_MAX {
            if let Some(failed) = self.hold_equalities(rows) {
                return failed;
            }
            self.take_warm(rows);
            self.settle(rows);
            if let Some(failed) = self.add_violated(rows, rounds_max) {
                return failed;
            }
            self.warm.clear();
            self.warm.extend_from_slice(&self.active);
            if self.shift == 0.0 || !self.approach(g) {
                break;
            }
        }
        Status::Solved(self.rounds)
    }

    /// Each row that pulls with its multiplier: of a row at its high bound it is negative.
    pub(super) fn multipliers<R: Rows + ?Sized>(
        &mut self,
        (h, g): (&[f64], &[f64]),
        rows: &R,
        mut take: impl FnMut(usize, f64),
    ) {
        let (n, stride, fixed) = (self.n, self.stride, self.equalities.len());
        self.z[..n].copy_from_slice(g);
        self.z[n..stride].fill(0.0);
        add_columns(&mut self.z[..n], h, &self.x[..n]);
        for (active, u) in self.active.iter().zip(&self.u) {
            rows.add(active.row, -active.side * u, &mut self.z[..n]);
            take(active.row, active.side * u);
        }
        self.factor.forward::<1>(&mut self.z[..stride], 0);
        self.reflections.apply(&mut self.z[..stride]);
        back_substitute(&self.r, stride, &mut self.z[..fixed]);
        for (row, u) in self.equalities.iter().zip(&self.z) {
            take(*row, *u);
        }
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
        moved > 1e-12 * size
    }

    /// False when the cost is not convex.
    fn factorise(&mut self, h: &[f64]) -> bool {
        let n = self.n;
        let most = h.iter().step_by(n + 1).fold(0.0_f64, |most, v| most.max(v.abs()));
        let most = if most > 0.0 { most } else { 1.0 };
        [0.0, SHIFT * most].into_iter().any(|shift| {
            self.shift = shift;
            self.factor.factorise(n, h, shift, most * 1e-12)
        })
    }

    /// Makes all equalities hold, for good. `Some` only on failure.
    fn hold_equalities<R: Rows + ?Sized>(&mut self, rows: &R) -> Option<Status> {
        self.reflections.clear(self.stride);
        self.equalities.clear();
        self.active.clear();
        self.formed = false;
        for row in 0..rows.count() {
            let [low, high] = rows.bounds(row);
            if low > high {
                return Some(Status::Infeasible);
            }
            if low != high {
                continue;
            }
            match self.fix(&Active { row, side: 1.0 }, rows) {
                None => self.equalities.push(row),
                Some(left) if !left.is_finite() => return Some(Status::BadProblem),
                Some(left) if left.abs() > TOLERANCE * low.abs().max(1.0) => {
                    return Some(Status::Infeasible);
                }
                Some(_) => {}
            }
        }
        None
    }

    /// Adds the rows of the last answer, without a step for each.
    fn take_warm<R: Rows + ?Sized>(&mut self, rows: &R) {
        for index in 0..self.warm.len() {
            let warm = self.warm[index];
            if warm.row >= rows.count() {
                continue;
            }
            let ([low, high], bound) = (rows.bounds(warm.row), warm.bound(rows));
            if low != high && bound.is_finite() && self.fix(&warm, rows).is_none() {
                self.active.push(warm);
            }
        }
    }

    /// Adds a row to those held from the beginning. When it depends on them that is not done, and
    /// what is left of it at its bound is returned.
    fn fix<R: Rows + ?Sized>(&mut self, new: &Active, rows: &R) -> Option<f64> {
        let (n, stride, at) = (self.n, self.stride, self.reflections.len());
        let d = &mut self.d[..stride];
        d.fill(0.0);
        rows.add(new.row, new.side, &mut d[..n]);
        self.factor.forward::<1>(d, 0);
        self.reflections.apply(d);
        if !dot(d, d).is_finite() {
            return Some(f64::NAN);
        }
        let left = new.side * new.bound(rows) - dot(&d[..at], &self.along);
        let Some(length) = self.reflections.push(d, n, DEPENDENT) else { return Some(left) };
        self.r[at * stride..at * stride + at].copy_from_slice(&d[..at]);
        self.r[at * stride + at] = length;
        self.along[at] = left / length;
        None
    }

    /// Goes to the best point on which the active rows hold, without those that do not pull.
    fn settle<R: Rows + ?Sized>(&mut self, rows: &R) {
        loop {
            if self.formed {
                self.at_active(rows);
            } else {
                self.at_fixed();
            }
            let worst = (0..self.active.len())
                .filter(|&k| self.u[k] < 0.0)
                .min_by(|&a, &b| self.u[a].total_cmp(&self.u[b]));
            let Some(worst) = worst else { return };
            if !self.formed {
                self.form();
                self.best_point();
            }
            self.u[self.active.len()] = 0.0;
            self.drop_row(worst);
        }
    }

    /// The best point on which all rows held from the beginning hold, and the multipliers of those
    /// that are no equalities. Along the reflected axes `y = Q' L' x` the cost is
    /// `|y|^2 / 2 + c' y` with `c = Q' L^-1 g`.
    fn at_fixed(&mut self) {
        let (stride, held) = (self.stride, self.reflections.len());
        let (d, x) = (&mut self.d[..stride], &mut self.x[..stride]);
        d.copy_from_slice(&self.linear[..stride]);
        self.factor.forward::<1>(d, 0);
        self.reflections.apply(d);
        for (x, c) in x.iter_mut().zip(&*d) {
            *x = -c;
        }
        x[..held].copy_from_slice(&self.along[..held]);
        let fixed = self.equalities.len();
        for ((u, along), c) in self.u.iter_mut().zip(&self.along[fixed..held]).zip(&d[fixed..]) {
            *u = along + c;
        }
        self.reflections.apply_back::<1>(x);
        self.factor.backward::<1>(x, stride);
        back_substitute(&self.r[fixed * (stride + 1)..], stride, &mut self.u[..held - fixed]);
    }

    /// `J = L^-T Q` without the columns along the equalities.
    fn form(&mut self) {
        let (n, stride, fixed) = (self.n, self.stride, self.equalities.len());
        let (reflections, factor) = (&self.reflections, &self.factor);
        let turned = reflections.len() > 0;
        let form = |columns: &mut [f64], first: usize, count: usize| {
            columns.fill(0.0);
            for (k, column) in columns.chunks_exact_mut(stride).enumerate() {
                column[first + k] = 1.0;
            }
            if turned { stride } else { first + count }
        };
        let (mut fours, mut first) =
            (self.j[fixed * stride..n * stride].chunks_exact_mut(FOUR * stride), fixed);
        for columns in &mut fours {
            let end = form(columns, first, FOUR);
            reflections.apply_back::<FOUR>(columns);
            factor.backward::<FOUR>(columns, end);
            first += FOUR;
        }
        for column in fours.into_remainder().chunks_exact_mut(stride) {
            let end = form(column, first, 1);
            reflections.apply_back::<1>(column);
            factor.backward::<1>(column, end);
            first += 1;
        }
        let particular = &mut self.particular[..stride];
        particular.fill(0.0);
        if fixed > 0 {
            particular[..fixed].copy_from_slice(&self.along[..fixed]);
            reflections.apply_back::<1>(particular);
            factor.backward::<1>(particular, stride);
        }
        self.formed = true;
    }

    /// `x = particular - J J' g`, where `J` has no columns along the equalities.
    fn best_point(&mut self) {
        let (n, stride, fixed) = (self.n, self.stride, self.equalities.len());
        let columns = &self.j[fixed * stride..n * stride];
        let weights = &mut self.step[..n - fixed];
        for (weight, column) in weights.iter_mut().zip(columns.chunks_exact(stride)) {
            *weight = -dot(column, &self.linear[..stride]);
        }
        self.best[..stride].copy_from_slice(&self.particular[..stride]);
        add_columns(&mut self.best[..stride], columns, weights);
    }

    /// The best point on which all active rows hold, and their multipliers: `R' w = b - N' x0`,
    /// `x = x0 + J1 w`, `R u = w`.
    fn at_active<R: Rows + ?Sized>(&mut self, rows: &R) {
        let (n, stride, fixed) = (self.n, self.stride, self.equalities.len());
        let used = self.active.len();
        let r = &self.r[fixed * (stride + 1)..];
        for k in 0..used {
            let active = self.active[k];
            let left = active.bound(rows) - rows.dot(active.row, &self.best[..n]);
            let w = active.side * left - dot(&r[k * stride..k * stride + k], &self.u);
            self.u[k] = w / r[k * stride + k];
        }
        self.x[..stride].copy_from_slice(&self.best[..stride]);
        add_columns(&mut self.x[..stride], &self.j[fixed * stride..], &self.u[..used]);
        back_substitute(r, stride, &mut self.u[..used]);
    }

    /// Adds the row that is violated most until none is. `Some` only on failure.
    fn add_violated<R: Rows + ?Sized>(&mut self, rows: &R, rounds_max: usize) -> Option<Status> {
        // Each turn takes a round at least.
        for _ in 0..=rounds_max {
            let Ok(worst) = self.worst_row(rows) else { return Some(Status::BadProblem) };
            let worst = worst?;
            if !self.formed {
                self.form();
            }
            if let Some(failed) = self.satisfy(worst, rows, rounds_max) {
                return Some(failed);
            }
        }
        Some(Status::RoundLimit)
    }

    /// The row that is violated most, against its bound. An error where a row has no value.
    fn worst_row<R: Rows + ?Sized>(&self, rows: &R) -> Result<Option<Active>, NoNumber> {
        let (mut found, mut most) = (None, 0.0);
        let x = &self.x[..self.n];
        for row in 0..rows.count() {
            let [low, high] = rows.bounds(row);
            if low == high {
                continue;
            }
            let value = rows.dot(row, x);
            if !value.is_finite() {
                return Err(NoNumber);
            }
            let (under, over) = (low - value, value - high);
            let (side, violated, bound) =
                if under > over { (1.0, under, low) } else { (-1.0, over, high) };
            if violated > most
                && violated > TOLERANCE * bound.abs().max(1.0)
                && !self.active.iter().any(|active| active.row == row)
            {
                (found, most) = (Some(Active { row, side }), violated);
            }
        }
        Ok(found)
    }

    /// Steps until a row holds, dropping rows that block. `Some` only on failure.
    fn satisfy<R: Rows + ?Sized>(
        &mut self,
        new: Active,
        rows: &R,
        rounds_max: usize,
    ) -> Option<Status> {
        let (stride, bound) = (self.stride, new.bound(rows));
        let length = self.directions(&new, rows);
        self.u[self.active.len()] = 0.0;
        // Each round but the last drops a row.
        for _ in 0..=self.active.len() {
            if self.rounds == rounds_max {
                return Some(Status::RoundLimit);
            }
            self.rounds += 1;
            let used = self.active.len();
            let (dual_step, blocking) = self.dual_step();
            let slack = new.side * (rows.dot(new.row, &self.x[..self.n]) - bound);
            let free = self.free > DEPENDENT * length;
            let primal_step = if free { -slack / self.free } else { f64::INFINITY };
            let step = dual_step.min(primal_step);
            if !step.is_finite() {
                return Some(Status::Infeasible);
            }
            if free {
                for (x, z) in self.x[..stride].iter_mut().zip(&self.z) {
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
            self.dual_direction();
        }
        Some(Status::RoundLimit)
    }

    /// `d = J' n`, primal direction `z = J2 d2`, dual direction `step = R^-1 d1`. Returns the
    /// length of `L^-1 n`, squared.
    fn directions<R: Rows + ?Sized>(&mut self, new: &Active, rows: &R) -> f64 {
        let (n, stride, fixed) = (self.n, self.stride, self.equalities.len());
        let first = fixed + self.active.len();
        let z = &mut self.z[..stride];
        let mut length = 0.0;
        if fixed > 0 {
            // The part along the equalities is not in `d`.
            z.fill(0.0);
            rows.add(new.row, 1.0, &mut z[..n]);
            self.factor.forward::<1>(z, 0);
            length = dot(z, z);
        }
        let columns = self.j[fixed * stride..n * stride].chunks_exact(stride);
        for (d, column) in self.d[fixed..n].iter_mut().zip(columns) {
            *d = new.side * rows.dot(new.row, &column[..n]);
        }
        let (active, beyond) = (&self.d[fixed..first], &self.d[first..n]);
        self.free = dot(beyond, beyond);
        if fixed == 0 {
            length = dot(active, active) + self.free;
        }
        z.fill(0.0);
        add_columns(z, &self.j[first * stride..n * stride], beyond);
        self.dual_direction();
        length
    }

    fn dual_direction(&mut self) {
        let (fixed, used) = (self.equalities.len(), self.active.len());
        self.step[..used].copy_from_slice(&self.d[fixed..fixed + used]);
        let r = &self.r[fixed * (self.stride + 1)..];
        back_substitute(r, self.stride, &mut self.step[..used]);
    }

    /// How far the multipliers allow to go, and the active row that ends it.
    fn dual_step(&self) -> (f64, usize) {
        let mut best = (f64::INFINITY, 0);
        for (k, (u, step)) in self.u.iter().zip(&self.step[..self.active.len()]).enumerate() {
            if *step > 0.0 && u / step < best.0 {
                best = (u / step, k);
            }
        }
        best
    }

    /// Reflects what `d` has beyond the active rows onto the first column there. With
    /// `v = d2 - length e1` the product `J2 v` is `z - length j`, `j` being that column.
    fn add(&mut self, new: Active) {
        let (n, stride) = (self.n, self.stride);
        let (fixed, first) = (self.equalities.len(), self.equalities.len() + self.active.len());
        let length = -self.free.sqrt().copysign(self.d[first]);
        let factor = 1.0 / (length * (length - self.d[first]));
        let (column, others) = self.j[first * stride..n * stride].split_at_mut(stride);
        for (z, j) in self.z[..stride].iter_mut().zip(column) {
            let along = *z - length * *j;
            *j = *z / length;
            *z = along;
        }
        let beyond = &self.d[first + 1..n];
        for (column, d) in others.chunks_exact_mut(stride).zip(beyond) {
            let weight = factor * d;
            if weight != 0.0 {
                for (j, along) in column.iter_mut().zip(&self.z) {
                    *j -= weight * along;
                }
            }
        }
        self.r[first * stride + fixed..first * stride + first]
            .copy_from_slice(&self.d[fixed..first]);
        self.r[first * stride + first] = length;
        self.active.push(new);
    }

    /// Drops active row number `at`, keeping the multiplier of the row being added behind the
    /// others; `d` and `z` of that row are kept up to date.
    fn drop_row(&mut self, at: usize) {
        let (stride, used) = (self.stride, self.active.len());
        let fixed = self.equalities.len();
        let last = fixed + used - 1;
        self.active.remove(at);
        self.u.copy_within(at + 1..=used, at);
        for k in fixed + at + 1..=last {
            self.r.copy_within(k * stride + fixed..k * stride + k + 1, (k - 1) * stride + fixed);
        }
        for k in fixed + at..last {
            let diagonal = &mut self.r[k * stride + k..k * stride + k + 2];
            let (c, s, length) = givens(diagonal[0], diagonal[1]);
            (diagonal[0], diagonal[1]) = (length, 0.0);
            if s == 0.0 {
                continue;
            }
            for column in self.r[(k + 1) * stride..last * stride].chunks_exact_mut(stride) {
                rotate(&mut column[k..k + 2], c, s);
            }
            rotate(&mut self.d[k..k + 2], c, s);
            let (a, b) = self.j[k * stride..(k + 2) * stride].split_at_mut(stride);
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = (c * *a + s * *b, c * *b - s * *a);
            }
        }
        let freed = self.d[last];
        self.free += freed * freed;
        for (z, j) in self.z[..stride].iter_mut().zip(&self.j[last * stride..]) {
            *z += freed * j;
        }
    }
}

/// Replaces `x` by `R^-1 x` with the upper triangle in columns of length `stride`.
fn back_substitute(r: &[f64], stride: usize, x: &mut [f64]) {
    for c in (0..x.len()).rev() {
        let (above, column) = x.split_at_mut(c);
        column[0] /= r[c * stride + c];
        for (x, r) in above.iter_mut().zip(&r[c * stride..]) {
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

fn rotate(pair: &mut [f64], c: f64, s: f64) {
    (pair[0], pair[1]) = (c * pair[0] + s * pair[1], c * pair[1] - s * pair[0]);
}
