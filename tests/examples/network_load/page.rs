//! The rows as a table of Markdown, and its place in the documentation.

use std::fmt::Write as _;

use crate::Row;

const FROM: &str = "<!-- network_load -->\n";
const TO: &str = "<!-- end of network_load -->";

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

/// Puts the table between its marks in `docs/network.md`.
///
/// # Errors
/// The page cannot be read or written, or has no marks.
pub(crate) fn write(table: &str) -> std::io::Result<()> {
    let path = whole::root().join("docs/network.md");
    let page = std::fs::read_to_string(&path)?;
    let parts = page.split_once(FROM).zip(page.split_once(TO));
    let Some(((before, _), (_, after))) = parts else {
        return Err(std::io::Error::other(format!("{}: no {FROM:?}", path.display())));
    };
    std::fs::write(path, format!("{before}{FROM}\n{table}\n{TO}{after}"))
}
