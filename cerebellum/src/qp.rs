//! Dense convex quadratic programs.
//!
//! minimise `1/2 x' H x + g' x` subject to `low_i <= c_i' x <= high_i`; an equality is a row whose
//! two bounds are the same. All memory is allocated when built.
//!
//! Two methods stand behind one door. The dual active-set method ([`active_set`]) is exact and fast
//! while few rows are active; its rounds are bounded, and where the bound is met the interior-point
//! method ([`interior`]) takes over, whose work does not depend on what is active. So the longest
//! time of a solution is known. A cost that is convex but not strictly so is made strict by a
//! little, which is taken back in a few rounds more (proximal points; R. T. Rockafellar, SIAM J.
//! Control 14, 1976).

mod active_set;
mod factor;
mod interior;
mod rows;

use active_set::ActiveSet;
use factor::add_columns;
use interior::Interior;
pub use rows::{DenseRows, Row, Rows};

/// Rounds of adding or dropping a row, per variable and row, before the solver gives up where there
/// is no other method.
const ROUNDS_PER_SIZE: usize = 4;
/// A row counts as satisfied above minus this, relative to its bound above one.
const TOLERANCE: f64 = 1e-10;

/// How a solution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Optimal by the active-set method; the number of rounds it took.
    Solved(usize),
    /// Optimal by the interior-point method: rows and dual residual to 1e-10 of their scales, the
    /// cost to 1e-13, or 1e-9 where it took all of its 20 iterations; the number of those.
    Interior(usize),
    /// No point satisfies all rows.
    Infeasible,
    /// Not done within the rounds and iterations allowed.
    RoundLimit,
    /// The cost is not convex, a number is none or its square is, or the problem does not fit.
    BadProblem,
}

impl Status {
    /// Whether the answer is the optimum, and the rounds or iterations that it took.
    #[must_use]
    pub fn solved(self) -> Option<usize> {
        match self {
            Self::Solved(rounds) | Self::Interior(rounds) => Some(rounds),
            Self::Infeasible | Self::RoundLimit | Self::BadProblem => None,
        }
    }
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

/// Solver memory for problems of up to a fixed number of variables.
#[derive(Clone, Debug)]
pub struct QuadraticProgram {
    capacity: usize,
    n: usize,
    /// Cost matrix, column-major `n x n`.
    h: Vec<f64>,
    rounds_max: Option<usize>,
    active_set: ActiveSet,
    interior: Option<Interior>,
    /// Which of the two the last answer is from.
    by_interior: bool,
    x: Vec<f64>,
    multipliers: Vec<(usize, f64)>,
    gradient: Vec<f64>,
}

impl QuadraticProgram {
    /// Memory for up to `capacity` variables; only the active-set method.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            n: 0,
            h: vec![0.0; capacity * capacity],
            rounds_max: None,
            active_set: ActiveSet::new(capacity),
            interior: None,
            by_interior: false,
            x: vec![0.0; capacity],
            multipliers: Vec::with_capacity(capacity + 1),
            gradient: vec![0.0; capacity],
        }
    }

    /// The same for up to `rows` rows with the interior-point method behind, which takes over after
    /// `rounds_max` rounds of the active-set method.
    #[must_use]
    pub fn with_interior(capacity: usize, rows: usize, rounds_max: usize) -> Self {
        Self {
            rounds_max: Some(rounds_max),
            interior: Some(Interior::new(capacity, rows)),
            multipliers: Vec::with_capacity(capacity + 1 + 2 * rows),
            ..Self::new(capacity)
        }
    }

    /// Starts a problem of `n` variables and gives its cost matrix (column-major, `n x n`, both
    /// triangles) to fill.
    pub fn cost_matrix(&mut self, n: usize) -> &mut [f64] {
        self.n = n.min(self.capacity);
        &mut self.h[..self.n * self.n]
    }

    /// Solves with the cost matrix filled before and the linear cost `g`. The answer is
    /// [`Self::x`].
    pub fn solve<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> Status {
        self.active_set.begin_with(std::iter::empty());
        self.solve_warm(g, rows)
    }

    /// The same, beginning with the rows that were active in the last answer: for problems that
    /// hardly differ.
    pub fn solve_warm<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> Status {
        if !self.sound(g, rows) {
            return Status::BadProblem;
        }
        let other = self.interior.as_ref().is_some_and(|interior| interior.fits(rows.count()));
        let all = 50 + ROUNDS_PER_SIZE * (self.n + rows.count());
        let rounds_max = self.rounds_max.filter(|_| other).unwrap_or(all);
        let h = &self.h[..self.n * self.n];
        let status = self.active_set.solve((h, g), rows, rounds_max);
        if status == Status::RoundLimit && other {
            return self.solve_interior(g, rows);
        }
        self.by_interior = false;
        self.take_answer(status)
    }

    /// Solves by the interior-point method alone. [`Status::BadProblem`] where there is none or not
    /// for as many rows.
    pub fn solve_interior<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> Status {
        let sound = self.sound(g, rows);
        let Some(interior) = &mut self.interior else { return Status::BadProblem };
        if !sound || !interior.fits(rows.count()) {
            return Status::BadProblem;
        }
        let status = interior.solve((&self.h[..self.n * self.n], g), rows);
        self.by_interior = true;
        self.active_set.begin_with(interior.pulling());
        self.take_answer(status)
    }

    /// Numbers that are numbers, and as many as there are to be.
    fn sound<R: Rows + ?Sized>(&self, g: &[f64], rows: &R) -> bool {
        let sound = |row: usize| {
            let [low, high] = rows.bounds(row);
            !low.is_nan() && !high.is_nan() && low < f64::INFINITY && high > f64::NEG_INFINITY
        };
        let finite = self.n > 0 && g.len() == self.n && g.iter().all(|v| v.is_finite());
        finite && rows.fits(self.n) && (0..rows.count()).all(sound)
    }

    fn take_answer(&mut self, status: Status) -> Status {
        let x = match &self.interior {
            Some(interior) if self.by_interior => interior.x(),
            _ => self.active_set.x(),
        };
        if x.len() != self.n || !x.iter().all(|v| v.is_finite()) {
            self.x[..self.n].fill(0.0);
            return if status.solved().is_some() { Status::BadProblem } else { status };
        }
        self.x[..self.n].copy_from_slice(x);
        status
    }

    /// The last answer; of a problem that was not solved the last point, always of numbers.
    #[must_use]
    pub fn x(&self) -> &[f64] {
        &self.x[..self.n]
    }

    /// Rows that pull with their multipliers, of the last answer to the problem given once more: of
    /// a row at its high bound it is negative.
    pub fn multipliers<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> &[(usize, f64)] {
        let cost = (&self.h[..self.n * self.n], g);
        let list = &mut self.multipliers;
        list.clear();
        let take = |row: usize, u: f64| list.push((row, u));
        match &mut self.interior {
            Some(interior) if self.by_interior => interior.multipliers(cost, rows, take),
            _ => self.active_set.multipliers(cost, rows, take),
        }
        &self.multipliers
    }

    /// How good the last answer to the problem given once more is.
    pub fn residuals<R: Rows + ?Sized>(&mut self, g: &[f64], rows: &R) -> Residuals {
        let n = self.n;
        self.multipliers(g, rows);
        let x = &self.x[..n];
        let mut primal = 0.0_f64;
        for row in 0..rows.count() {
            let ([low, high], value) = (rows.bounds(row), rows.dot(row, x));
            primal = primal.max(low - value).max(value - high);
        }
        let gradient = &mut self.gradient[..n];
        gradient.fill(0.0);
        add_columns(gradient, &self.h[..n * n], x);
        let quadratic: f64 = gradient.iter().zip(x).map(|(a, b)| a * b).sum();
        let linear: f64 = g.iter().zip(x).map(|(a, b)| a * b).sum();
        for (gradient, g) in gradient.iter_mut().zip(g) {
            *gradient += g;
        }
        let mut bound = 0.0;
        for &(row, u) in &self.multipliers {
            rows.add(row, -u, gradient);
            let [low, high] = rows.bounds(row);
            bound += u * if u > 0.0 { low } else { high };
        }
        let dual = gradient.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        Residuals { primal, dual, gap: (quadratic + linear - bound).abs() }
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
    fn kkt(solver: &mut QuadraticProgram, h: &[f64], g: &[f64], rows: &[Row]) -> f64 {
        let n = g.len();
        let pulls = solver.multipliers(g, rows).to_vec();
        let x = solver.x();
        let mut gradient: Vec<f64> =
            (0..n).map(|i| g[i] + (0..n).map(|k| h[k * n + i] * x[k]).sum::<f64>()).collect();
        let mut worst: f64 = 0.0;
        for (index, u) in pulls {
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
            let (h, g, rows) = forces(feet, &mut random);
            solver.cost_matrix(n).copy_from_slice(&h);
            let status = solver.solve(&g, rows.as_slice());
            assert!(matches!(status, Status::Solved(_)), "{status:?}");
            let residual = kkt(&mut solver, &h, &g, &rows);
            assert!(residual < 1e-7, "{residual:e} with {feet} feet");
        }
    }

    /// Friction cones, and more force along the normal wanted than there is.
    fn forces(feet: usize, random: &mut Random) -> (Vec<f64>, Vec<f64>, Vec<Row>) {
        let n = 3 * feet;
        let root: Vec<f64> = (0..n * n).map(|_| random.next()).collect();
        let element = |a: usize, b: usize| {
            let product: f64 = (0..n).map(|k| root[a * n + k] * root[b * n + k]).sum();
            product + if a == b { 0.1 } else { 0.0 }
        };
        let h = (0..n * n).map(|at| element(at % n, at / n)).collect();
        let g = (0..n).map(|_| 40.0 * random.next());
        let mut rows = Vec::new();
        for first in (0..n).step_by(3) {
            for c in [[-1.0, 0.0, 0.5], [1.0, 0.0, 0.5], [0.0, -1.0, 0.5], [0.0, 1.0, 0.5]] {
                rows.push(Row { first, coefficients: c, bound: 0.0 });
            }
            rows.push(Row { first, coefficients: [0.0, 0.0, 1.0], bound: 1.0 });
            rows.push(Row { first, coefficients: [0.0, 0.0, -1.0], bound: -9.0 });
        }
        (h, g.collect(), rows)
    }

    #[test]
    fn what_takes_too_many_rounds_is_handed_over() {
        let (h, g, rows) = forces(12, &mut Random(5));
        let rows = rows.as_slice();
        let mut exact = QuadraticProgram::new(36);
        exact.cost_matrix(36).copy_from_slice(&h);
        let Status::Solved(rounds) = exact.solve(&g, rows) else { panic!("not solved") };
        assert!(rounds > 20, "only {rounds}");
        // With as many rounds as it takes, with fewer, and with no room for the rows.
        for (rows_max, rounds_max, handed_over) in [
            (72, rounds, Some(false)),
            (72, rounds - 1, Some(true)),
            (72, 20, Some(true)),
            (72, 0, Some(true)),
            (71, 20, None),
        ] {
            let mut solver = QuadraticProgram::with_interior(36, rows_max, rounds_max);
            solver.cost_matrix(36).copy_from_slice(&h);
            let status = solver.solve(&g, rows);
            match handed_over {
                Some(true) => assert!(matches!(status, Status::Interior(_)), "{status:?}"),
                // Without the other method it goes on.
                Some(false) | None => assert_eq!(status, Status::Solved(rounds)),
            }
            let apart = solver.x().iter().zip(exact.x()).map(|(a, b)| (a - b).abs());
            // The cost is as exact as can be, the point to about the root of that.
            let apart = apart.fold(0.0, f64::max);
            assert!(apart < 1e-6, "{status:?}: {apart:e}");
            let residuals = solver.residuals(&g, rows);
            assert!(residuals.primal < 1e-9 && residuals.dual < 1e-8, "{residuals:?}");
            // The rows found to pull are where the next solution begins: it has no round to do.
            if handed_over == Some(true) && rounds_max == 20 {
                assert_eq!(solver.solve_warm(&g, rows), Status::Solved(0));
            }
        }
    }

    #[test]
    fn an_answer_does_not_depend_on_what_was_solved_before() {
        let mut random = Random(9);
        let (first, other) = (forces(9, &mut random), forces(4, &mut random));
        let mut solver = QuadraticProgram::with_interior(27, 54, 200);
        let mut bits = |(h, g, rows): &(Vec<f64>, Vec<f64>, Vec<Row>)| {
            solver.cost_matrix(g.len()).copy_from_slice(h);
            let statuses = [solver.solve(g, rows.as_slice())];
            let mut all: Vec<u64> = solver.x().iter().map(|x| x.to_bits()).collect();
            let inner = solver.solve_interior(g, rows.as_slice());
            all.extend(solver.x().iter().map(|x| x.to_bits()));
            assert!(statuses[0].solved().is_some() && inner.solved().is_some());
            all
        };
        let before = bits(&first);
        bits(&other);
        assert_eq!(before, bits(&first));
    }

    /// A problem of two variables and what both methods say.
    #[test]
    fn infeasible_and_bad_problems_are_named() {
        const NONE: f64 = f64::INFINITY;
        const BAD: Status = Status::BadProblem;
        const CANNOT: Status = Status::Infeasible;
        type Case = (&'static str, [f64; 4], [f64; 2], [f64; 4], [f64; 2], [f64; 2], Status);
        let unit = [1.0, 0.0, 0.0, 1.0];
        let (zero, nan) = ([0.0; 2], f64::NAN);
        let sums = [0.3, 0.7, 0.6, 1.4];
        let cases: [Case; 14] = [
            (
                "above and below",
                unit,
                zero,
                [1.0, 0.0, 1.0, 0.0],
                [1.0, -NONE],
                [NONE, 0.0],
                CANNOT,
            ),
            ("bounds crossed", unit, zero, unit, [1.0, 0.0], [0.0, 1.0], CANNOT),
            ("equalities", unit, zero, [1.0, 1.0, 2.0, 2.0], [1.0; 2], [1.0; 2], CANNOT),
            ("an equality's double", unit, zero, sums, [1.0, 3.0], [1.0, NONE], CANNOT),
            ("a row of nothing", unit, zero, [0.0, 0.0, 1.0, 0.0], [1.0, 0.0], [NONE; 2], CANNOT),
            ("no cost is a number", [nan; 4], zero, unit, zero, [1.0; 2], BAD),
            ("one is none", [1.0, nan, nan, 1.0], zero, unit, zero, [1.0; 2], BAD),
            ("linear cost", unit, [nan, 0.0], unit, zero, [1.0; 2], BAD),
            ("endless", unit, [NONE, 0.0], unit, zero, [1.0; 2], BAD),
            ("row", unit, zero, [nan, 0.0, 0.0, 1.0], zero, [1.0; 2], BAD),
            ("equality", unit, zero, [nan, 0.0, 0.0, 1.0], zero, [0.0, 1.0], BAD),
            ("bound", unit, zero, unit, [nan, 0.0], [1.0; 2], BAD),
            ("never below", unit, zero, unit, [NONE, 0.0], [NONE, 1.0], BAD),
            ("not convex", [1.0, 2.0, 2.0, 1.0], zero, unit, [-NONE; 2], [9.0; 2], BAD),
        ];
        for (name, h, g, coefficients, low, high, expected) in cases {
            let rows = DenseRows { coefficients: &coefficients, low: &low, high: &high };
            let mut solver = QuadraticProgram::with_interior(2, 2, 100);
            solver.cost_matrix(2).copy_from_slice(&h);
            assert_eq!(solver.solve(&g, &rows), expected, "{name}");
            assert!(solver.x().iter().all(|x| x.is_finite()), "{name}: {:?}", solver.x());
            assert_eq!(solver.solve_interior(&g, &rows), expected, "{name}, interior");
            assert!(solver.x().iter().all(|x| x.is_finite()), "{name}: {:?}", solver.x());
        }
        let mut solver = QuadraticProgram::new(2);
        solver.cost_matrix(2).copy_from_slice(&unit);
        let short = DenseRows { coefficients: &[1.0], low: &[0.0], high: &[1.0] };
        assert_eq!(solver.solve(&zero, &short), BAD, "half a row");
        assert_eq!(solver.solve(&zero, [Row::default()].as_slice()), BAD, "a third variable");
        let none: &[Row] = &[];
        assert_eq!(solver.cost_matrix(3).len(), 4, "no more than there is room for");
        assert_eq!(solver.solve(&[0.0; 3], none), BAD);
        assert_eq!(solver.solve_interior(&[0.0; 2], none), BAD, "there is no such method");
    }

    /// Whatever the numbers, the answer is one of numbers and says what it is.
    #[test]
    fn absurd_numbers_give_a_status_and_numbers() {
        let mut random = Random(13);
        let mut solved = 0;
        for trial in 0..2_000 {
            let mut absurd = |likely: f64| {
                let value = random.next();
                let size = if value.abs() < likely { 0.0 } else { 300.0 * random.next() };
                value * 10.0_f64.powf(size)
            };
            let likely = f64::from(trial % 10) / 10.0;
            let h = [absurd(likely).abs(), 0.0, 0.0, absurd(likely).abs()];
            let g = [absurd(likely), absurd(likely)];
            let coefficients: [f64; 6] = std::array::from_fn(|_| absurd(likely));
            let low: [f64; 3] = std::array::from_fn(|_| absurd(likely));
            let high: [f64; 3] = std::array::from_fn(|k| low[k] + absurd(likely).abs());
            let rows = DenseRows { coefficients: &coefficients, low: &low, high: &high };
            let mut solver = QuadraticProgram::with_interior(2, 3, 100);
            solver.cost_matrix(2).copy_from_slice(&h);
            let status = solver.solve(&g, &rows);
            solved += usize::from(status.solved().is_some());
            assert!(solver.x().iter().all(|x| x.is_finite()), "{trial}: {status:?}");
            let status = solver.solve_interior(&g, &rows);
            assert!(solver.x().iter().all(|x| x.is_finite()), "{trial}: {status:?}");
        }
        assert!(solved > 100, "only {solved}");
    }

    #[test]
    fn equalities_may_leave_nothing_or_too_little_to_choose() {
        let mut solver = QuadraticProgram::with_interior(2, 4, 100);
        // x + y = 3 and x - y = 1, the first once more; then y where it is, and where it is not.
        let coefficients = [1.0, 1.0, 1.0, -1.0, 2.0, 2.0, 0.0, 1.0];
        for (most, feasible) in [(1.5, true), (0.5, false)] {
            let low = [3.0, 1.0, 6.0, 0.0];
            let rows =
                DenseRows { coefficients: &coefficients, low: &low, high: &[3.0, 1.0, 6.0, most] };
            for interior in [false, true] {
                solver.cost_matrix(2).copy_from_slice(&[1.0, 0.0, 0.0, 1.0]);
                let status = if interior {
                    solver.solve_interior(&[0.0; 2], &rows)
                } else {
                    solver.solve(&[0.0; 2], &rows)
                };
                if feasible {
                    assert!(status.solved().is_some(), "{status:?}");
                    let apart = (solver.x()[0] - 2.0).abs().max((solver.x()[1] - 1.0).abs());
                    assert!(apart < 1e-12, "{:?}", solver.x());
                    let residuals = solver.residuals(&[0.0; 2], &rows);
                    assert!(residuals.dual < 1e-9 && residuals.gap < 1e-9, "{residuals:?}");
                } else {
                    assert_eq!(status, Status::Infeasible);
                }
            }
        }
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
            active += solver.multipliers(&g, &rows).len();
        }
        assert!(active > 2_000, "only {active} rows were active");
    }

    #[test]
    fn a_cost_that_is_merely_convex_or_none_at_all_is_solved() {
        let mut solver = QuadraticProgram::with_interior(2, 2, 100);
        // Flat along (1, -1): of all points on x + y = 2 those with x >= 3 are left.
        let (coefficients, high) = ([1.0, 0.0, 0.0, 1.0], [f64::INFINITY; 2]);
        let rows = DenseRows { coefficients: &coefficients, low: &[3.0, -9.0], high: &high };
        for interior in [false, true] {
            for (h, g, wanted) in [([1.0; 4], [-2.0; 2], 2.0), ([0.0; 4], [1.0; 2], -6.0)] {
                solver.cost_matrix(2).copy_from_slice(&h);
                let status = if interior {
                    solver.solve_interior(&g, &rows)
                } else {
                    solver.solve(&g, &rows)
                };
                assert!(status.solved().is_some(), "{status:?}");
                let residuals = solver.residuals(&g, &rows);
                assert!(residuals.primal < 1e-9 && residuals.dual < 1e-9, "{residuals:?}");
                assert!((solver.x()[0] + solver.x()[1] - wanted).abs() < 1e-6, "{:?}", solver.x());
            }
        }
    }
}
