//! Cholesky factors and Householder reflections whose inner loops all run over blocks of four
//! numbers, so that they become vector instructions without any special code for a processor.
//!
//! N. J. Higham, Accuracy and Stability of Numerical Algorithms, SIAM 2002, chapters 10 and 19.

use super::rows::dot;

/// Rows of a panel.
pub(super) const FOUR: usize = 4;

/// `n` rounded up to whole panels.
pub(super) fn padded(n: usize) -> usize {
    n.next_multiple_of(FOUR)
}

/// `A = L L'` of a symmetric matrix. `L` is stored twice, once for each direction of solving; the
/// rows beyond `n` that fill the last panel are those of a unit matrix.
#[derive(Clone, Debug)]
pub(super) struct Factor {
    /// Length of a column, a multiple of four.
    stride: usize,
    /// Of each panel of four rows one column after the other.
    rows: Vec<[f64; FOUR]>,
    /// Of each panel of four columns one row after the other.
    columns: Vec<[f64; FOUR]>,
    /// One over the diagonal.
    inverse: Vec<f64>,
}

impl Factor {
    /// Memory for up to `capacity` variables.
    pub(super) fn new(capacity: usize) -> Self {
        let stride = padded(capacity);
        let panels = vec![[0.0; FOUR]; stride * stride / FOUR];
        Self { stride, rows: panels.clone(), columns: panels, inverse: vec![0.0; stride] }
    }

    /// Factors `n x n` numbers in columns, of which only those on and below the diagonal are read,
    /// with `shift` added to the diagonal. False where a pivot is not above `least`.
    pub(super) fn factorise(&mut self, n: usize, matrix: &[f64], shift: f64, least: f64) -> bool {
        self.stride = padded(n);
        let stride = self.stride;
        for p in 0..stride / FOUR {
            self.load(p, n, matrix, shift);
            let (before, from) = self.rows.split_at_mut(p * stride);
            let panel = &mut from[..stride];
            for q in 0..p {
                let other = &before[q * stride..(q + 1) * stride];
                let (known, rest) = panel.split_at_mut(FOUR * q);
                let mut tile = [rest[0], rest[1], rest[2], rest[3]];
                subtract_product(&mut tile, known, &other[..FOUR * q]);
                divide(&mut tile, &other[FOUR * q..], &self.inverse[FOUR * q..]);
                rest[..FOUR].copy_from_slice(&tile);
                store_transposed(&mut self.columns[q * stride + FOUR * p..], &tile);
            }
            let (known, rest) = panel.split_at_mut(FOUR * p);
            let mut tile = [rest[0], rest[1], rest[2], rest[3]];
            subtract_product(&mut tile, known, known);
            if !pivots(&mut tile, &mut self.inverse[FOUR * p..], least) {
                return false;
            }
            rest[..FOUR].copy_from_slice(&tile);
            store_transposed(&mut self.columns[p * stride + FOUR * p..], &tile);
        }
        true
    }

    /// The rows of panel `p` as they come.
    fn load(&mut self, p: usize, n: usize, matrix: &[f64], shift: f64) {
        let (first, stride) = (FOUR * p, self.stride);
        let panel = &mut self.rows[p * stride..(p + 1) * stride];
        if first + FOUR <= n {
            for (rows, column) in panel[..first + FOUR].iter_mut().zip(matrix.chunks_exact(n)) {
                rows.copy_from_slice(&column[first..first + FOUR]);
            }
            for k in 0..FOUR {
                panel[first + k][k] += shift;
            }
            return;
        }
        for (k, rows) in panel[..first + FOUR].iter_mut().enumerate() {
            for (r, value) in rows.iter_mut().enumerate() {
                let (row, unit) = (first + r, if first + r == k { 1.0 } else { 0.0 });
                let inside = row < n && k < n;
                *value = if inside { matrix[k * n + row] + shift * unit } else { unit };
            }
        }
    }

    /// `L^-1 X` for `R` columns one after the other, of which the first `zeros` numbers are zero.
    pub(super) fn forward<const R: usize>(&self, x: &mut [f64], zeros: usize) {
        let (stride, first) = (self.stride, zeros / FOUR * FOUR);
        for p in zeros / FOUR..stride / FOUR {
            let at = FOUR * p;
            let mut tile = read_tile::<R>(x, stride, at);
            let known: [&[f64]; R] =
                std::array::from_fn(|c| &x[c * stride + first..c * stride + at]);
            let panel = &self.rows[p * stride..(p + 1) * stride];
            subtract_solved(&mut tile, &panel[first..at], known);
            for d in 0..FOUR {
                for column in &mut tile {
                    column[d] *= self.inverse[at + d];
                    for r in d + 1..FOUR {
                        column[r] -= panel[at + d][r] * column[d];
                    }
                }
            }
            write_tile(x, stride, at, &tile);
        }
    }

    /// `L^-T X` for `R` columns one after the other, of which the numbers from `end` on are zero.
    pub(super) fn backward<const R: usize>(&self, x: &mut [f64], end: usize) {
        let (stride, end) = (self.stride, padded(end));
        for p in (0..end / FOUR).rev() {
            let (at, next) = (FOUR * p, FOUR * p + FOUR);
            let mut tile = read_tile::<R>(x, stride, at);
            let known: [&[f64]; R] =
                std::array::from_fn(|c| &x[c * stride + next..c * stride + end]);
            let panel = &self.columns[p * stride..(p + 1) * stride];
            subtract_solved(&mut tile, &panel[next..end], known);
            for d in (0..FOUR).rev() {
                for column in &mut tile {
                    column[d] *= self.inverse[at + d];
                    for r in 0..d {
                        column[r] -= panel[at + d][r] * column[d];
                    }
                }
            }
            write_tile(x, stride, at, &tile);
        }
    }
}

fn read_tile<const R: usize>(x: &[f64], stride: usize, at: usize) -> [[f64; FOUR]; R] {
    std::array::from_fn(|c| {
        let column = &x[c * stride + at..c * stride + at + FOUR];
        [column[0], column[1], column[2], column[3]]
    })
}

fn write_tile<const R: usize>(x: &mut [f64], stride: usize, at: usize, tile: &[[f64; FOUR]; R]) {
    for (c, column) in tile.iter().enumerate() {
        x[c * stride + at..c * stride + at + FOUR].copy_from_slice(column);
    }
}

/// `tile -= A B'` of two panels of as many columns; `tile[c]` is a column.
fn subtract_product(tile: &mut [[f64; FOUR]; FOUR], a: &[[f64; FOUR]], b: &[[f64; FOUR]]) {
    let mut sum = *tile;
    for (a, b) in a.iter().zip(b) {
        for c in 0..FOUR {
            for r in 0..FOUR {
                sum[c][r] -= a[r] * b[c];
            }
        }
    }
    *tile = sum;
}

/// `tile -= A X` with what is known of `R` columns of `X`.
fn subtract_solved<const R: usize>(
    tile: &mut [[f64; FOUR]; R],
    a: &[[f64; FOUR]],
    known: [&[f64]; R],
) {
    let known = known.map(|column| &column[..a.len()]);
    let mut sum = *tile;
    for (k, a) in a.iter().enumerate() {
        for c in 0..R {
            let x = known[c][k];
            for r in 0..FOUR {
                sum[c][r] -= a[r] * x;
            }
        }
    }
    *tile = sum;
}

/// `tile <- tile L^-T` with the diagonal block `l` of the factor.
fn divide(tile: &mut [[f64; FOUR]; FOUR], l: &[[f64; FOUR]], inverse: &[f64]) {
    for c in 0..FOUR {
        for d in 0..c {
            let (done, now) = tile.split_at_mut(c);
            for (now, done) in now[0].iter_mut().zip(done[d]) {
                *now -= done * l[d][c];
            }
        }
        for value in &mut tile[c] {
            *value *= inverse[c];
        }
    }
}

/// The factor of a diagonal block and one over its diagonal. False where a pivot is not above
/// `least`.
fn pivots(tile: &mut [[f64; FOUR]; FOUR], inverse: &mut [f64], least: f64) -> bool {
    for c in 0..FOUR {
        let (done, rest) = tile.split_at_mut(c);
        let column = &mut rest[0];
        for done in done {
            for (value, l) in column[c..].iter_mut().zip(&done[c..]) {
                *value -= l * done[c];
            }
        }
        let pivot = column[c];
        if !(pivot.is_finite() && pivot > least) {
            return false;
        }
        inverse[c] = 1.0 / pivot.sqrt();
        column[..c].fill(0.0);
        for value in &mut column[c..] {
            *value *= inverse[c];
        }
    }
    true
}

fn store_transposed(into: &mut [[f64; FOUR]], tile: &[[f64; FOUR]; FOUR]) {
    for (r, line) in into[..FOUR].iter_mut().enumerate() {
        *line = std::array::from_fn(|c| tile[c][r]);
    }
}

/// `H_1 H_2 ...` of Householder's reflections `I - factor v v'`, of which number `k` leaves the
/// first `k` numbers as they are.
#[derive(Clone, Debug)]
pub(super) struct Reflections {
    stride: usize,
    vectors: Vec<f64>,
    factors: Vec<f64>,
}

impl Reflections {
    /// Memory for `capacity` reflections of as many variables.
    pub(super) fn new(capacity: usize) -> Self {
        let stride = padded(capacity);
        Self {
            stride,
            vectors: vec![0.0; stride * capacity],
            factors: Vec::with_capacity(capacity),
        }
    }

    /// Begins anew, for columns of `stride` numbers.
    pub(super) fn clear(&mut self, stride: usize) {
        self.stride = stride;
        self.factors.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.factors.len()
    }

    /// Adds the reflection that turns what `x` has below the ones so far into one number, which it
    /// returns; `x` has been through those. None where less than the part `least` of `x`, squared,
    /// is left there.
    pub(super) fn push(&mut self, x: &[f64], n: usize, least: f64) -> Option<f64> {
        let k = self.factors.len();
        if k >= n {
            return None;
        }
        let (above, below) = (dot(&x[..k], &x[..k]), dot(&x[k..n], &x[k..n]));
        let new = below > least * (above + below);
        if !new {
            return None;
        }
        let length = -below.sqrt().copysign(x[k]);
        let vector = &mut self.vectors[k * self.stride..(k + 1) * self.stride];
        vector.fill(0.0);
        vector[k..n].copy_from_slice(&x[k..n]);
        vector[k] -= length;
        self.factors.push(-1.0 / (length * vector[k]));
        Some(length)
    }

    /// `... H_2 H_1 x`.
    pub(super) fn apply(&self, x: &mut [f64]) {
        for k in 0..self.factors.len() {
            self.reflect::<1>(k, x);
        }
    }

    /// `H_1 H_2 ... X` for `R` columns one after the other.
    pub(super) fn apply_back<const R: usize>(&self, x: &mut [f64]) {
        for k in (0..self.factors.len()).rev() {
            self.reflect::<R>(k, x);
        }
    }

    fn reflect<const R: usize>(&self, k: usize, x: &mut [f64]) {
        let (stride, first) = (self.stride, k / FOUR * FOUR);
        let vector = &self.vectors[k * stride + first..(k + 1) * stride];
        let (vector, _) = vector.as_chunks::<FOUR>();
        let mut sums = [[0.0; FOUR]; R];
        for (c, sum) in sums.iter_mut().enumerate() {
            let (column, _) = x[c * stride + first..(c + 1) * stride].as_chunks::<FOUR>();
            for (v, x) in vector.iter().zip(column) {
                for r in 0..FOUR {
                    sum[r] += v[r] * x[r];
                }
            }
        }
        for (c, [a, b, d, e]) in sums.into_iter().enumerate() {
            let weight = ((a + b) + (d + e)) * self.factors[k];
            let (column, _) = x[c * stride + first..(c + 1) * stride].as_chunks_mut::<FOUR>();
            for (v, x) in vector.iter().zip(column) {
                for r in 0..FOUR {
                    x[r] -= v[r] * weight;
                }
            }
        }
    }
}

/// `y += sum of weight_k column_k`, four columns at a time.
pub(super) fn add_columns(y: &mut [f64], columns: &[f64], weights: &[f64]) {
    let stride = y.len();
    let fours = weights.chunks_exact(FOUR);
    let rest = fours.remainder();
    let wide = columns.chunks_exact(FOUR * stride);
    for (weights, columns) in fours.zip(wide) {
        let (a, others) = columns.split_at(stride);
        let (b, others) = others.split_at(stride);
        let (c, d) = others.split_at(stride);
        for ((((y, a), b), c), d) in y.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *y += (a * weights[0] + b * weights[1]) + (c * weights[2] + d * weights[3]);
        }
    }
    let done = weights.len() - rest.len();
    for (weight, column) in rest.iter().zip(columns[done * stride..].chunks_exact(stride)) {
        for (y, x) in y.iter_mut().zip(column) {
            *y += weight * x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is factored is found again, for sizes that fill their panels and ones that do not.
    #[test]
    fn both_directions_of_solving_undo_the_matrix() {
        for n in 1..=13 {
            let mut factor = Factor::new(13);
            let element = |i: usize, k: usize| if i == k { 4.0 } else { 1.0 / (1 + i + k) as f64 };
            let matrix: Vec<f64> = (0..n * n).map(|at| element(at % n, at / n)).collect();
            assert!(factor.factorise(n, &matrix, 0.5, 0.0));
            let stride = padded(n);
            let mut x = vec![0.0; FOUR * stride];
            for (c, column) in x.chunks_exact_mut(stride).enumerate() {
                for (i, value) in column[..n].iter_mut().enumerate() {
                    let answer = |k: usize| (k + c) as f64 - 3.0;
                    *value =
                        0.5 * answer(i) + (0..n).map(|k| element(i, k) * answer(k)).sum::<f64>();
                }
            }
            factor.forward::<FOUR>(&mut x, 0);
            factor.backward::<FOUR>(&mut x, n);
            for (c, column) in x.chunks_exact(stride).enumerate() {
                for (i, value) in column[..n].iter().enumerate() {
                    assert!((value - ((i + c) as f64 - 3.0)).abs() < 1e-12, "{n}: {column:?}");
                }
            }
            assert!(!factor.factorise(n, &matrix, -5.0, 0.0), "{n}: not positive");
        }
    }

    #[test]
    fn reflections_turn_columns_into_a_triangle_and_back() {
        let (n, stride) = (6, padded(6));
        let columns = [[3.0, -1.0, 2.0, 0.5, 4.0, 1.0], [1.0, 2.0, 0.0, -3.0, 1.0, 2.0]];
        let mut reflections = Reflections::new(n);
        reflections.clear(stride);
        for column in &columns {
            let mut x = vec![0.0; stride];
            x[..n].copy_from_slice(column);
            reflections.apply(&mut x);
            let length = reflections.push(&x, n, 1e-14).unwrap();
            let at = reflections.len() - 1;
            let mut turned = x.clone();
            reflections.reflect::<1>(at, &mut turned);
            assert!((turned[at] - length).abs() < 1e-12);
            assert!(turned[at + 1..].iter().all(|v| v.abs() < 1e-12), "{turned:?}");
            reflections.apply_back::<1>(&mut turned);
            assert!(turned.iter().zip(column).all(|(a, b)| (a - b).abs() < 1e-12));
            // The same direction once more has nothing new.
            reflections.apply(&mut turned);
            assert_eq!(reflections.push(&turned, n, 1e-14), None);
        }
    }
}
