//! Both methods of the quadratic programs against two solvers that share nothing with them, on 270
//! problems drawn here and in `fixtures/record_qp.py` by the same generator: with equalities,
//! corners of too many rows, rows that nearly depend on each other, costs scaled badly or merely
//! convex, and rows that contradict each other.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use cerebellum::{DenseRows, QuadraticProgram, Status};
use serde_json::Value;

/// How far cost and point may be from the recorded ones, as a part of them above one.
const ACCURACY: f64 = 1e-8;

struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31) * 2.0 - 1.0
    }

    fn list(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.next()).collect()
    }
}

struct Problem {
    cost: Vec<f64>,
    linear: Vec<f64>,
    rows: Vec<Vec<f64>>,
    low: Vec<f64>,
    high: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn cost_matrix(n: usize, kind: &str, random: &mut Random) -> Vec<f64> {
    let flat = kind == "merely convex";
    let columns = if flat { n / 2 } else { n };
    let mut root: Vec<Vec<f64>> = (0..n).map(|_| random.list(n)).collect();
    if kind == "badly scaled" {
        for row in &mut root {
            let size = 2.0_f64.powi((10.0 * random.next()) as i32);
            row.iter_mut().for_each(|value| *value *= size);
        }
    }
    let element = |a: usize, b: usize| {
        let ridge = if a == b && !flat { 0.05 } else { 0.0 };
        dot(&root[a][..columns], &root[b][..columns]) + ridge
    };
    (0..n * n).map(|at| element(at % n, at / n)).collect()
}

/// The same as `problem` in `fixtures/record_qp.py`, draw for draw.
fn problem(index: usize, kind: &str) -> Problem {
    let mut random = Random(1000 + index as u64);
    let n = 4 + index % 21;
    let one_sided = matches!(kind, "one-sided" | "infeasible rows");
    let equal = if one_sided { 0 } else { n / 4 };
    let cost = cost_matrix(n, kind, &mut random);
    let linear = random.list(n).iter().map(|value| 20.0 * value).collect();
    let inside = random.list(n);
    let (mut rows, mut low, mut high) = (Vec::<Vec<f64>>::new(), Vec::new(), Vec::new());
    for row in 0..equal + 2 * n {
        let mut fresh = random.list(n);
        let (mut below, mut above) = (random.next().abs(), random.next().abs());
        if kind == "nearly dependent" && row % 2 == 1 {
            fresh = rows[row - 1].iter().zip(&fresh).map(|(a, b)| a + b / 512.0).collect();
        }
        if kind == "degenerate" && row % 3 == 2 {
            fresh = rows[row - 1].iter().map(|a| 2.0 * a).collect();
        }
        if kind == "rows badly scaled" {
            let size = 2.0_f64.powi((10.0 * random.next()) as i32);
            fresh.iter_mut().for_each(|value| *value *= size);
        }
        if row < equal {
            (below, above) = (0.0, 0.0);
        } else if one_sided {
            above = f64::INFINITY;
        } else if kind == "degenerate" && row % 4 < 2 {
            (below, above) = (0.0, f64::INFINITY);
        }
        let value = dot(&fresh, &inside);
        rows.push(fresh);
        low.push(value - below);
        high.push(value + above);
    }
    if kind.starts_with("infeasible") {
        let count = if equal > 0 { equal } else { 3 };
        rows.push((0..n).map(|i| rows[..count].iter().map(|row| row[i]).sum()).collect());
        let wrong = low[..count].iter().sum::<f64>() - 0.5;
        low.push(if equal > 0 { wrong } else { f64::NEG_INFINITY });
        high.push(wrong);
    }
    Problem { cost, linear, rows, low, high }
}

fn recorded() -> Vec<Value> {
    let answers: Value = serde_json::from_str(include_str!("../fixtures/qp.json")).unwrap();
    answers.as_array().unwrap().clone()
}

#[test]
fn both_methods_agree_with_two_other_solvers() {
    let mut most = [0.0_f64; 2];
    let mut infeasible = 0;
    for (index, answer) in recorded().iter().enumerate() {
        let kind = answer["kind"].as_str().unwrap();
        let Problem { cost, linear, rows, low, high } = problem(index, kind);
        let n = linear.len();
        let coefficients = rows.concat();
        let rows = DenseRows { coefficients: &coefficients, low: &low, high: &high };
        let mut solver = QuadraticProgram::with_interior(n, low.len(), 10_000);
        solver.cost_matrix(n).copy_from_slice(&cost);
        for way in ["cold", "warm", "interior"] {
            let status = match way {
                "cold" => solver.solve(&linear, &rows),
                "warm" => solver.solve_warm(&linear, &rows),
                _ => solver.solve_interior(&linear, &rows),
            };
            let about = format!("{index}, {kind}, {way}: {status:?}");
            assert!(solver.x().iter().all(|x| x.is_finite()), "{about}");
            let Some(best) = answer["cost"].as_f64() else {
                assert_eq!(status, Status::Infeasible, "{about}");
                infeasible += 1;
                continue;
            };
            match way {
                "interior" => assert!(matches!(status, Status::Interior(_)), "{about}"),
                _ => assert!(matches!(status, Status::Solved(_)), "{about}"),
            }
            let x = solver.x();
            let force: Vec<f64> = cost.chunks_exact(n).map(|column| dot(column, x)).collect();
            let reached = 0.5 * dot(x, &force) + dot(x, &linear);
            let apart = (reached - best).abs() / best.abs().max(1.0);
            assert!(apart < ACCURACY, "{about}: {apart:e} from the cost");
            most[0] = most[0].max(apart);
            let Some(point) = answer["x"].as_array() else { continue };
            let point: Vec<f64> = point.iter().map(|value| value.as_f64().unwrap()).collect();
            let size = point.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
            let moved = point.iter().zip(x).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
            assert!(moved < ACCURACY * size, "{about}: {:e} from the point", moved / size);
            most[1] = most[1].max(moved / size);
        }
    }
    assert_eq!(infeasible, 180, "three ways of 60 problems");
    println!("largest difference of the cost {:.1e}, of the point {:.1e}", most[0], most[1]);
}
