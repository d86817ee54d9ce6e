//! The rows as a table of Markdown.

use std::fmt::Write as _;

use crate::Row;

/// How late the ticks began in each run, and what became of what was sent.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| on the network | late p50, us | p99 | p99.9 | most | ticks | skipped | sent | not \
         shown | refused | the other program | stolen, % |\n|---|---|---|---|---|---|---|---|---|\
         ---|---|---|\n",
    );
    for Row { load, report, other, stolen } in rows {
        let (late, network) = (report.timing.lateness_us, report.network.unwrap_or_default());
        let refused = network.refused_size
            + network.refused_rate
            + network.refused_layout
            + network.refused_authority
            + network.refused_content;
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {} | {} | {} | {} | {refused} | {other} | \
             {:.1} |",
            load.name(),
            late.p50,
            late.p99,
            late.p999,
            late.max,
            report.ticks,
            report.timing.overruns,
            network.sent,
            network.snapshots_overwritten,
            stolen * 100.0,
        );
    }
    text
}
