//! The rows of a quadratic program: dense, or of three variables each.

/// The rows of a problem.
pub trait Rows {
    /// How many there are.
    fn count(&self) -> usize;
    /// Whether they are rows of so many variables; nothing else is asked of them where not.
    fn fits(&self, variables: usize) -> bool;
    /// Row `row` times `x`, which has as many numbers as there are variables; so below.
    fn dot(&self, row: usize, x: &[f64]) -> f64;
    /// Adds `factor` times row `row` to `x`.
    fn add(&self, row: usize, factor: f64, x: &mut [f64]);
    /// Lowest and highest value of row `row`; infinite where there is none.
    fn bounds(&self, row: usize) -> [f64; 2];
    /// Adds to the `n x n` numbers of `matrix` (in columns; on and below the diagonal) each row
    /// times itself times its weight.
    fn add_squares(&self, weights: &[f64], n: usize, matrix: &mut [f64]);
}

/// One inequality of three variables: `coefficients . x[first..first + 3] >= bound`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row {
    /// Index of the first of its three variables.
    pub first: usize,
    /// Their coefficients.
    pub coefficients: [f64; 3],
    /// Right side.
    pub bound: f64,
}

impl Rows for [Row] {
    fn count(&self) -> usize {
        self.len()
    }

    fn fits(&self, variables: usize) -> bool {
        self.iter().all(|row| row.first < variables.saturating_sub(2))
    }

    fn dot(&self, row: usize, x: &[f64]) -> f64 {
        let Row { first, coefficients: [a, b, c], .. } = self[row];
        let x = &x[first..first + 3];
        a * x[0] + b * x[1] + c * x[2]
    }

    fn add(&self, row: usize, factor: f64, x: &mut [f64]) {
        let Row { first, coefficients, .. } = self[row];
        for (x, c) in x[first..first + 3].iter_mut().zip(coefficients) {
            *x += factor * c;
        }
    }

    fn bounds(&self, row: usize) -> [f64; 2] {
        [self[row].bound, f64::INFINITY]
    }

    fn add_squares(&self, weights: &[f64], n: usize, matrix: &mut [f64]) {
        for (Row { first, coefficients: [a, b, c], .. }, weight) in self.iter().zip(weights) {
            let block = &mut matrix[first * (n + 1)..];
            block[0] += weight * a * a;
            block[1] += weight * a * b;
            block[2] += weight * a * c;
            block[n + 1] += weight * b * b;
            block[n + 2] += weight * b * c;
            block[2 * n + 2] += weight * c * c;
        }
    }
}

/// Rows of all variables, one after the other, and their bounds.
#[derive(Clone, Copy, Debug)]
pub struct DenseRows<'a> {
    /// Row-major, one row of as many numbers as there are variables for each bound.
    pub coefficients: &'a [f64],
    /// Lowest values, `-inf` for none.
    pub low: &'a [f64],
    /// Highest values, `inf` for none.
    pub high: &'a [f64],
}

impl DenseRows<'_> {
    fn row(&self, row: usize, n: usize) -> &[f64] {
        &self.coefficients[row * n..(row + 1) * n]
    }
}

impl Rows for DenseRows<'_> {
    fn count(&self) -> usize {
        self.low.len().min(self.high.len())
    }

    fn fits(&self, variables: usize) -> bool {
        self.low.len() == self.high.len() && self.coefficients.len() == self.count() * variables
    }

    fn dot(&self, row: usize, x: &[f64]) -> f64 {
        dot(self.row(row, x.len()), x)
    }

    fn add(&self, row: usize, factor: f64, x: &mut [f64]) {
        let coefficients = self.row(row, x.len());
        for (x, c) in x.iter_mut().zip(coefficients) {
            *x += factor * c;
        }
    }

    fn bounds(&self, row: usize) -> [f64; 2] {
        [self.low[row], self.high[row]]
    }

    /// Four rows at a time, over the variables that one of them has.
    fn add_squares(&self, weights: &[f64], n: usize, matrix: &mut [f64]) {
        const FOUR: usize = 4;
        let count = self.count().min(weights.len());
        for first in (0..count).step_by(FOUR) {
            // Where there are no four left, the last one counts nothing.
            let (mut rows, mut factors) = ([self.row(count - 1, n); FOUR], [0.0; FOUR]);
            for (k, row) in (first..count.min(first + FOUR)).enumerate() {
                (rows[k], factors[k]) = (self.row(row, n), weights[row]);
            }
            let [a, b, c, d] = rows;
            let any = |k: &usize| a[*k] != 0.0 || b[*k] != 0.0 || c[*k] != 0.0 || d[*k] != 0.0;
            let end = (0..n).rev().find(any).map_or(0, |last| last + 1);
            for k in (0..end).filter(any) {
                let [wa, wb, wc, wd]: [f64; FOUR] =
                    std::array::from_fn(|i| factors[i] * rows[i][k]);
                let column = &mut matrix[k * n + k..k * n + end];
                let parts = a[k..end].iter().zip(&b[k..end]).zip(&c[k..end]).zip(&d[k..end]);
                for (m, (((a, b), c), d)) in column.iter_mut().zip(parts) {
                    *m += (wa * a + wb * b) + (wc * c + wd * d);
                }
            }
        }
    }
}

/// The sum of the products up to the end of the shorter one, in four parts that do not wait for
/// each other.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    // The rests belong to each other only where both are equally long.
    let len = a.len().min(b.len());
    let (fours, rest) = a[..len].as_chunks::<4>();
    let (others, left) = b[..len].as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (a, b) in fours.iter().zip(others) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    let [first, second, third, fourth] = sums;
    let rest: f64 = rest.iter().zip(left).map(|(a, b)| a * b).sum();
    (first + second) + (third + fourth) + rest
}
