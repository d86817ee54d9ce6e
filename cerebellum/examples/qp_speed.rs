//! How long the quadratic programs of a file take: `qp_speed FILE` prints a line of JSON.
//!
//! `tests/benches/qp.py` writes the file and runs this beside its peers. The file holds one problem
//! after the other: variables and rows as `u64`, then `H`, `g`, the rows, their low and their high
//! bounds as `f64`, all little-endian. Each call copies the cost, factors it and solves: from
//! nothing, from the rows active in the answer, and by the interior-point method alone.
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use cerebellum::{DenseRows, QuadraticProgram, Residuals, Status};

const BATCHES: usize = 60;
/// More than any problem needs.
const ROUNDS_MAX: usize = 10_000;

struct Problem {
    h: Vec<f64>,
    g: Vec<f64>,
    rows: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

/// Takes numbers off the front of the file.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn eight(&mut self) -> Option<[u8; 8]> {
        let (first, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(*first)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u64::from_le_bytes(self.eight()?)).ok()
    }

    fn list(&mut self, len: usize) -> Option<Vec<f64>> {
        (0..len).map(|_| self.eight().map(f64::from_le_bytes)).collect()
    }

    fn problem(&mut self) -> Option<Problem> {
        let (n, m) = (self.count()?, self.count()?);
        let (h, g) = (self.list(n * n)?, self.list(n)?);
        Some(Problem { h, g, rows: self.list(m * n)?, low: self.list(m)?, high: self.list(m)? })
    }
}

fn main() -> ExitCode {
    let Some(bytes) = std::env::args().nth(1).and_then(|file| std::fs::read(file).ok()) else {
        eprintln!("usage: qp_speed FILE");
        return ExitCode::from(2);
    };
    let mut numbers = Numbers(&bytes);
    let problems: Vec<Problem> = std::iter::from_fn(|| numbers.problem()).collect();
    let most = |size: fn(&Problem) -> usize| problems.iter().map(size).max().unwrap_or_default();
    let (variables, rows) = (most(|problem| problem.g.len()), most(|problem| problem.low.len()));
    let mut solver = QuadraticProgram::with_interior(variables, rows, ROUNDS_MAX);
    let (mut times, mut rounds, mut worst) = ([const { Vec::new() }; 3], Vec::new(), 0.0_f64);
    for problem in &problems {
        let Problem { h, g, rows, low, high } = problem;
        let rows = DenseRows { coefficients: rows, low, high };
        let calls = (20_000 / (g.len() * g.len())).clamp(1, 200);
        for (way, times) in times.iter_mut().enumerate() {
            let (mut least, mut status) = (f64::INFINITY, Status::BadProblem);
            for _ in 0..BATCHES {
                let start = Instant::now();
                for _ in 0..calls {
                    solver.cost_matrix(g.len()).copy_from_slice(h);
                    status = match way {
                        0 => solver.solve(black_box(g), &rows),
                        1 => solver.solve_warm(black_box(g), &rows),
                        _ => solver.solve_interior(black_box(g), &rows),
                    };
                }
                least = least.min(start.elapsed().as_secs_f64() * 1e6 / calls as f64);
            }
            times.push(least);
            let Some(count) = status.solved() else {
                eprintln!("a problem was not solved: {status:?}");
                return ExitCode::FAILURE;
            };
            if way == 0 {
                rounds.push(count);
            }
            let Residuals { primal, dual, gap } = solver.residuals(g, &rows);
            let cost = 0.5 * g.iter().zip(solver.x()).map(|(g, x)| g * x).sum::<f64>().abs();
            worst = worst.max(primal).max(dual).max(gap / cost.max(1.0));
        }
    }
    let [cold, warm, interior] = times;
    println!(
        "{{\"cold\": {cold:?}, \"warm\": {warm:?}, \"interior\": {interior:?}, \
         \"rounds\": {rounds:?}, \"residual\": {worst:e}}}"
    );
    ExitCode::SUCCESS
}
