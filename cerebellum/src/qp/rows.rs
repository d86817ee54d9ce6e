//! The rows of a quadratic program: dense, or of three variables each.

/// The rows of a problem.
pub trait Rows {
    /// How many there are.
    fn count(&self) -> usize;
    /// Row `row` times `x`.
    fn dot(&self, row: usize, x: &[f64]) -> f64;
    /// Adds `factor` times row `row` to `x`.
    fn add(&self, row: usize, factor: f64, x: &mut [f64]);
    /// Lowest and highest value of row `row`; infinite where there is none.
    fn bounds(&self, row: usize) -> [f64; 2];
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
    fn row(&self, row: usize) -> &[f64] {
        let n = self.coefficients.len() / self.low.len().max(1);
        &self.coefficients[row * n..(row + 1) * n]
    }
}

impl Rows for DenseRows<'_> {
    fn count(&self) -> usize {
        self.low.len().min(self.high.len())
    }

    fn dot(&self, row: usize, x: &[f64]) -> f64 {
        dot(self.row(row), x)
    }

    fn add(&self, row: usize, factor: f64, x: &mut [f64]) {
        for (x, c) in x.iter_mut().zip(self.row(row)) {
            *x += factor * c;
        }
    }

    fn bounds(&self, row: usize) -> [f64; 2] {
        [self.low[row], self.high[row]]
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
