//! The quadratic programs of a public benchmark, `qpsolvers/mpc_qpbenchmark`: walking, balancing
//! and the model-predictive control of a quadruped. Two of them have a cost that is not strictly
//! convex. By both methods.
//!
//! The fixtures live in `$TRIUNE_FIXTURES` (see [`whole::fixtures`]); without them the test says so
//! and passes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use cerebellum::{DenseRows, QuadraticProgram, Residuals, Status};
use zip::ZipArchive;

/// Largest violation, dual residual and duality gap (the benchmark's high gate).
const TOLERANCE: f64 = 1e-9;

struct Problem {
    p: Vec<f64>,
    q: Vec<f64>,
    coefficients: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
}

impl Problem {
    fn read(path: &Path) -> Self {
        let mut archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
        let mut array = |name: &str| numbers(&mut archive, name);
        let (p, q) = (array("P").unwrap(), array("q").unwrap());
        let mut all = Self { p, q, coefficients: vec![], low: vec![], high: vec![] };
        if let (Some(g), Some(h)) = (array("G"), array("h")) {
            all.coefficients.extend(g);
            all.low.extend(h.iter().map(|_| f64::NEG_INFINITY));
            all.high.extend(h);
        }
        if let (Some(a), Some(b)) = (array("A"), array("b")) {
            all.coefficients.extend(a);
            all.low.extend(&b);
            all.high.extend(b);
        }
        if let (Some(low), Some(high)) = (array("lb"), array("ub")) {
            for (k, (low, high)) in low.into_iter().zip(high).enumerate() {
                if low.is_finite() || high.is_finite() {
                    let unit = (0..all.q.len()).map(|i| if i == k { 1.0 } else { 0.0 });
                    all.coefficients.extend(unit);
                    all.low.push(low);
                    all.high.push(high);
                }
            }
        }
        all
    }

    fn cost(&self, x: &[f64]) -> f64 {
        let linear: f64 = self.q.iter().zip(x).map(|(q, x)| q * x).sum();
        let rows = self.p.chunks_exact(x.len()).zip(x);
        let quadratic: f64 =
            rows.map(|(row, x_i)| x_i * row.iter().zip(x).map(|(p, x)| p * x).sum::<f64>()).sum();
        linear + 0.5 * quadratic
    }
}

/// The numbers of one array of a numpy archive; none where it does not hold it.
fn numbers(archive: &mut ZipArchive<File>, name: &str) -> Option<Vec<f64>> {
    let mut bytes = Vec::new();
    archive.by_name(&format!("{name}.npy")).ok()?.read_to_end(&mut bytes).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = String::from_utf8_lossy(&bytes[10..header]);
    assert!(text.contains("'<f8'") && text.contains("'fortran_order': False"), "{text}");
    let number = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().unwrap());
    Some(bytes[header..].chunks_exact(8).map(number).collect())
}

#[test]
fn the_public_benchmark_is_solved() {
    let Some(folder) = whole::fixtures() else { return };
    let folder = folder.join("qp");
    let text = std::fs::read_to_string(folder.join("solutions.json")).unwrap();
    let known: serde_json::Value = serde_json::from_str(&text).unwrap();
    let known = known["solutions"].as_object().unwrap();
    assert!(known.len() >= 62, "{} problems", known.len());
    let mut worst = [[0.0_f64; 4]; 2];
    for (name, solution) in known {
        let problem = Problem::read(&folder.join(format!("{name}.npz")));
        let Problem { p, q, coefficients, low, high } = &problem;
        let rows = DenseRows { coefficients, low, high };
        let mut solver = QuadraticProgram::with_interior(q.len(), low.len(), 10_000);
        let best = solution["objective"].as_f64().unwrap();
        for way in 0..3 {
            solver.cost_matrix(q.len()).copy_from_slice(p);
            let mut status = Status::BadProblem;
            let counted = allocation_counter::measure(|| {
                status = match way {
                    0 => solver.solve(q, &rows),
                    1 => solver.solve_warm(q, &rows),
                    _ => solver.solve_interior(q, &rows),
                };
            });
            let interior = way == 2;
            let as_asked = if interior {
                matches!(status, Status::Interior(_))
            } else {
                matches!(status, Status::Solved(_))
            };
            assert!(as_asked, "{name}: {status:?}");
            assert_eq!(counted.count_total, 0, "{name} allocates");
            let residuals = solver.residuals(q, &rows);
            let apart = (problem.cost(solver.x()) - best).abs() / best.abs().max(1.0);
            // The answers known are good to about this; the residuals below to more.
            assert!(apart < 1e-8, "{name}: {apart:e} from the known cost");
            let Residuals { primal, dual, gap } = residuals;
            assert!(primal.max(dual).max(gap) < TOLERANCE, "{name}: {residuals:?}");
            let worst = &mut worst[usize::from(interior)];
            for (worst, now) in worst.iter_mut().zip([primal, dual, gap, apart]) {
                *worst = worst.max(now);
            }
        }
    }
    println!("{} problems", known.len());
    for (method, [primal, dual, gap, apart]) in ["active set", "interior"].iter().zip(worst) {
        println!("{method}: primal {primal:.1e}  dual {dual:.1e}  gap {gap:.1e}  cost {apart:.1e}");
    }
}
