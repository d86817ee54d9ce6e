//! The page of the last full run.

use crate::catalogue::{CATALOGUE, Row};
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
joints damped; STO torque off. *Not met* means that the deadline of the catalogue is not kept, or
that the robot keeps more freedom in the end than the catalogue leaves it; the reason stands in the
row. An end state other than the catalogue's stands in brackets, with the number of seeds, and so
does a robot that fell.

This is a simulation: it supports a safety case and certifies nothing.
";

/// The page with these results in the places of those of the `old` page, which may be empty.
pub(crate) fn markdown(results: &[Result], seeds: u64, old: &str) -> String {
    let line_of = |row: &Row| {
        let begin = format!("| {} | {} |", row.number, row.fault);
        let fresh =
            results.iter().find(|r| (r.row().number, r.row().fault) == (row.number, row.fault));
        let kept = || old.lines().find(|line| line.starts_with(&begin)).map(str::to_owned);
        fresh.map(Result::line).or_else(kept)
    };
    let lines: Vec<_> = CATALOGUE.iter().filter_map(line_of).collect();
    let count = |verdict| lines.iter().filter(|line| line.contains(verdict)).count();
    let all = [lines.len(), count("| pass"), count("| not met"), count("| **FAIL**")];
    format!("{HEADER}\n{}\n\n{HEAD}\n{}\n", told(all, seeds), lines.join("\n"))
}

/// How many came out how.
pub(crate) fn summary(results: &[Result], seeds: u64) -> String {
    let count = |verdict| results.iter().filter(|result| result.verdict() == verdict).count();
    let (pass, unmet) = (count(Verdict::Pass), count(Verdict::NotMet));
    told([results.len(), pass, unmet, count(Verdict::Fail)], seeds)
}

fn told([all, pass, unmet, failed]: [usize; 4], seeds: u64) -> String {
    format!(
        "{all} scenarios with {seeds} seeds each: {pass} pass, {unmet} not met, {failed} failed."
    )
}
