//! The page of the last full run.

use std::fmt::Write;

use crate::table::{HEAD, Result, Verdict};

/// Where it lies.
pub(crate) const PATH: &str = "docs/faults.md";

const HEADER: &str = "\
# Faults in simulation

What the robot does when something breaks: the rows of the fault catalogue that concern brain,
controller, governor, operator and the simulated body, each run on virtual time with many seeds.
Written by

```sh
cargo run --release -p triune-tests --example faults -- --write
```

and never by hand. In each row the robot stands, walks, goes sideways or turns, and the fault
strikes at a drawn phase of its gait; a seed also draws joint, size and place of the fault. Times
are ms of virtual time, from the first frame, plan or command that carries the fault past the
governor's boundary to the first tick with the changed output, which counts in full: 1 is the same
tick. In every row, too: no command outside the limits by an observer that shares no code with the
governor, no allocation in the cycle, no record lost, and no fall that the fault did not force.

CL limited in this tick; REJ refused; HL last safe command or plan stays in force; DEG less speed or
standing; CS controlled stop, then standing or lying; SIT lowered to the skids, torque off; DMP
joints damped; STO torque off. *Not met* means that the deadline of the catalogue is not kept; the
time that is kept and the reason stand in the row. An end state other than the catalogue's stands in
brackets, with the number of seeds.

This is a simulation: it supports a safety case and certifies nothing.
";

/// The page for these results.
pub(crate) fn markdown(results: &[Result], seeds: u64) -> String {
    let mut page = format!("{HEADER}\n{}\n\n{HEAD}\n", summary(results, seeds));
    for result in results {
        let _ = writeln!(page, "{}", result.line());
    }
    page
}

/// How many came out how.
pub(crate) fn summary(results: &[Result], seeds: u64) -> String {
    let count = |verdict| results.iter().filter(|result| result.verdict() == verdict).count();
    format!(
        "{} scenarios with {seeds} seeds each: {} pass, {} not met, {} failed.",
        results.len(),
        count(Verdict::Pass),
        count(Verdict::NotMet),
        count(Verdict::Fail)
    )
}
