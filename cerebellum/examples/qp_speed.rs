//! How long the quadratic programs of a file take: `qp_speed FILE` prints a line of JSON.
//!
//! `tests/benches/qp.py` writes the file and runs this beside its peers. The file holds one problem
//! after the other: variables and rows as `u64`, then `H`, `g`, the rows, their low and their high
//! bounds as `f64`, all little-endian. Each call copies the cost, factors it and solves.
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use cerebellum::{DenseRows, QuadraticProgram, Residuals, Status};

const BATCHES: usize = 60;

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
    let most = problems.iter().map(|problem| problem.g.len()).max().unwrap_or_default();
    let mut solver = QuadraticProgram::new(most);
    let (mut cold, mut warm, mut worst) = (Vec::new(), Vec::new(), 0.0_f64);
    for problem in &problems {
        let Problem { h, g, rows, low, high } = problem;
        let rows = DenseRows { coefficients: rows, low, high };
        let mut status = Status::BadProblem;
        let calls = (20_000 / (g.len() * g.len())).clamp(1, 200);
        for (times, again) in [(&mut cold, false), (&mut warm, true)] {
            let mut least = f64::INFINITY;
            for _ in 0..BATCHES {
                let start = Instant::now();
                for _ in 0..calls {
                    solver.cost_matrix(g.len()).copy_from_slice(h);
                    status = if again {
                        solver.solve_warm(black_box(g), &rows)
                    } else {
                        solver.solve(black_box(g), &rows)
                    };
                }
                least = least.min(start.elapsed().as_secs_f64() * 1e6 / calls as f64);
            }
            times.push(least);
        }
        if !matches!(status, Status::Solved(_)) {
            eprintln!("a problem was not solved: {status:?}");
            return ExitCode::FAILURE;
        }
        let Residuals { primal, dual, gap } = solver.residuals(g, &rows);
        worst = worst.max(primal).max(dual).max(gap);
    }
    println!("{{\"cold\": {cold:?}, \"warm\": {warm:?}, \"residual\": {worst:e}}}");
    ExitCode::SUCCESS
}
