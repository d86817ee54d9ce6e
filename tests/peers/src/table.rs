//! The outcome as tables in markdown, and its place in a file.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::{Cell, InsideRow, Outcome, Row};
use crate::histogram::Histogram;
use crate::task::{Failure, WARM_UP};

const BEGIN: &str = "<!-- peers -->";
const END: &str = "<!-- end of peers -->";

/// The part of a file between the marks.
pub struct Section {
    file: PathBuf,
    before: String,
    after: String,
}

impl Section {
    /// Finds it.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or without the two marks.
    pub fn find(file: &Path) -> Result<Self, Failure> {
        let name = file.display();
        let text = fs::read_to_string(file).map_err(|e| format!("--write {name}: {e}"))?;
        let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
            rest.split_once(END).map(|(_, after)| (before.to_owned(), after.to_owned()))
        });
        let Some((before, after)) = parts else {
            return Err(format!("--write {name}: it needs a line {BEGIN} and a line {END}").into());
        };
        Ok(Self { file: file.to_owned(), before, after })
    }

    /// Puts `text` there.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        let Self { file, before, after } = self;
        Ok(fs::write(file, format!("{before}{BEGIN}\n{text}{END}{after}"))?)
    }
}

/// Everything, as markdown.
pub fn print(outcome: &Outcome) -> String {
    let mut text = head(outcome);
    let cells = cells(&outcome.rows);
    for cell in cells.iter().filter(|cell| !cell.flood) {
        paced(&mut text, *cell, &of(&outcome.rows, *cell));
    }
    rounds(&mut text, outcome, &cells);
    for cell in cells.iter().filter(|cell| cell.flood) {
        flood(&mut text, *cell, &of(&outcome.rows, *cell));
    }
    if !outcome.inside.is_empty() {
        inside(&mut text, &outcome.inside);
    }
    for failure in &outcome.failures {
        line(&mut text, &format!("Failed: {failure}\n"));
    }
    text
}

fn head(outcome: &Outcome) -> String {
    let Outcome { machine, load, shares, length: (messages, flood), clock, .. } = outcome;
    let shares: Vec<String> =
        shares.iter().map(|s| format!("{:.1} / {:.0}", s.stolen, s.busy)).collect();
    let count = shares.len();
    let eighth = messages / 8;
    format!(
        "{machine}. Load {} before and {} after; processors stolen by the host / busy, % of the \
         round: {}. {count} rounds of {messages} messages at 1 kHz ({eighth} of 1 MiB at 100 Hz), \
         and of {flood} ms unpaced, each after {WARM_UP} messages that are left out; nothing else \
         is. Times in us unless it says ns; two readings of the clock are {clock} ns apart. x: \
         beside Triune's first row, above 1 Triune is better.\n\n",
        load.0,
        load.1,
        shares.join(", "),
    )
}

fn paced(text: &mut String, cell: Cell, rows: &[&Row]) {
    let name = cell.name();
    line(
        text,
        &format!(
            "| {name} | lost of sent | p50 | x | p99 | x | p99.9 | max | put p50 | x | put p99 | \
             put p99.9 | put max |"
        ),
    );
    line(text, &format!("|---|{}", "---|".repeat(12)));
    let first = rows.first();
    for row in rows {
        let (all, puts) = (&row.latencies, &row.puts);
        let at = |of: &Histogram, share| of.percentile(share);
        let (p50, p99, put) = (at(all, 0.5), at(all, 0.99), at(puts, 0.5));
        let base = |of: fn(&Row) -> &Histogram, share| first.and_then(|f| at(of(f), share));
        let cells = [
            row.transport.name().to_owned(),
            lost(row),
            micros(p50),
            times(p50, base(|row| &row.latencies, 0.5)),
            micros(p99),
            times(p99, base(|row| &row.latencies, 0.99)),
            micros(at(all, 0.999)),
            micros(all.max()),
            micros(put),
            times(put, base(|row| &row.puts, 0.5)),
            micros(at(puts, 0.99)),
            micros(at(puts, 0.999)),
            micros(puts.max()),
        ];
        line(text, &format!("| {} |", cells.join(" | ")));
    }
    text.push('\n');
}

/// Each round by itself: a noisy one shows.
fn rounds(text: &mut String, outcome: &Outcome, cells: &[Cell]) {
    let cells: Vec<Cell> = cells.iter().filter(|cell| !cell.flood).copied().collect();
    if cells.is_empty() {
        return;
    }
    let names: Vec<String> =
        cells.iter().map(|cell| format!("{0} p50 | {0} p99", cell.size_name())).collect();
    line(text, &format!("| round by round | {} |", names.join(" | ")));
    line(text, &format!("|---|{}", "---|".repeat(2 * cells.len())));
    let mut seen = Vec::new();
    for row in &outcome.rows {
        if seen.contains(&row.transport.name()) {
            continue;
        }
        seen.push(row.transport.name());
        let mut columns = vec![row.transport.name().to_owned()];
        for cell in &cells {
            let here =
                outcome.rows.iter().find(|r| r.transport == row.transport && r.cell == *cell);
            let rounds = here.map_or(&[][..], |row| &row.rounds);
            columns.push(joined(rounds.iter().map(|round| round.p50)));
            columns.push(joined(rounds.iter().map(|round| round.p99)));
        }
        line(text, &format!("| {} |", columns.join(" | ")));
    }
    text.push('\n');
}

fn flood(text: &mut String, cell: Cell, rows: &[&Row]) {
    let name = cell.name();
    line(
        text,
        &format!(
            "| {name} | sent, 1/s | received, 1/s | MB/s | x | lost, % | p50 | p99 | max | put p50 \
             | put p99 | put max |"
        ),
    );
    line(text, &format!("|---|{}", "---|".repeat(11)));
    let first = rows.first().and_then(|row| received_rate(row));
    for row in rows {
        let (all, puts) = (&row.latencies, &row.puts);
        let sent = rate(row.sum(|r| r.sent.sent), row.sum(|r| r.sent.lasted_ns));
        let received = received_rate(row);
        let total = row.sum(|r| r.sent.sent);
        let share = (total > 0).then(|| 100.0 * row.lost() as f64 / total as f64);
        let faster = received.zip(first).map(|(ours, first)| first / ours);
        let cells = [
            row.transport.name().to_owned(),
            number(sent),
            number(received),
            number(received.map(|rate| rate * cell.size as f64 / 1e6)),
            number(faster),
            share.map_or_else(dash, |share| format!("{share:.2}")),
            micros(all.percentile(0.5)),
            micros(all.percentile(0.99)),
            micros(all.max()),
            micros(puts.percentile(0.5)),
            micros(puts.percentile(0.99)),
            micros(puts.max()),
        ];
        line(text, &format!("| {} |", cells.join(" | ")));
    }
    text.push('\n');
}

fn inside(text: &mut String, rows: &[InsideRow]) {
    line(
        text,
        "| inside one process, ns | lost of sent | write p50 | x | write p99 | x | write p99.9 | \
         write max | until read p50 | x | p99 | p99.9 | max |",
    );
    line(text, &format!("|---|{}", "---|".repeat(12)));
    for row in rows {
        let first = rows.iter().find(|other| {
            other.lane == crate::inside::Lane::ALL[0]
                && (other.size, other.threads) == (row.size, row.threads)
        });
        let (all, puts) = (&row.latencies, &row.puts);
        let base = |of: fn(&InsideRow) -> &Histogram, share| {
            first.and_then(|first| of(first).percentile(share))
        };
        let (p50, p99, until) = (puts.percentile(0.5), puts.percentile(0.99), all.percentile(0.5));
        let place = if row.threads { "two threads" } else { "same thread" };
        let cells = [
            format!("{}, {} B, {place}", row.lane.name(), row.size),
            format!("{} of {}", row.sent - row.received, row.sent),
            nanos(p50),
            times(p50, base(|row| &row.puts, 0.5)),
            nanos(p99),
            times(p99, base(|row| &row.puts, 0.99)),
            nanos(puts.percentile(0.999)),
            nanos(puts.max()),
            nanos(until),
            times(until, base(|row| &row.latencies, 0.5)),
            nanos(all.percentile(0.99)),
            nanos(all.percentile(0.999)),
            nanos(all.max()),
        ];
        line(text, &format!("| {} |", cells.join(" | ")));
    }
    text.push('\n');
}

fn cells(rows: &[Row]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for row in rows {
        if !cells.contains(&row.cell) {
            cells.push(row.cell);
        }
    }
    cells
}

fn of(rows: &[Row], cell: Cell) -> Vec<&Row> {
    rows.iter().filter(|row| row.cell == cell).collect()
}

/// What is missing, and why as far as it is known.
fn lost(row: &Row) -> String {
    let mut text = format!("{} of {}", row.lost(), row.sum(|round| round.sent.sent));
    for (what, count) in [
        ("refused", row.sum(|round| round.sent.refused)),
        ("out of order", row.sum(|round| round.received.disordered)),
        ("not shared", row.sum(|round| round.received.copied)),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}

fn received_rate(row: &Row) -> Option<f64> {
    rate(row.sum(|r| r.received.received), row.sum(|r| r.received.lasted_ns))
}

fn rate(count: u64, ns: u64) -> Option<f64> {
    (ns > 0).then(|| count as f64 * 1e9 / ns as f64)
}

fn micros(ns: Option<u64>) -> String {
    number(ns.map(|ns| ns as f64 / 1e3))
}

fn nanos(ns: Option<u64>) -> String {
    ns.map_or_else(dash, |ns| ns.to_string())
}

fn times(other: Option<u64>, ours: Option<u64>) -> String {
    let ours = ours.filter(|ns| *ns > 0);
    number(other.zip(ours).map(|(other, ours)| other as f64 / ours as f64))
}

/// Three digits are what such a measurement is good for.
fn number(value: Option<f64>) -> String {
    match value {
        None => dash(),
        Some(value) if value >= 100.0 => format!("{value:.0}"),
        Some(value) if value >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

fn joined(values: impl Iterator<Item = Option<u64>>) -> String {
    let values: Vec<String> = values.map(micros).collect();
    if values.is_empty() { dash() } else { values.join(", ") }
}

fn dash() -> String {
    "-".to_owned()
}

fn line(text: &mut String, more: &str) {
    text.push_str(more);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("page.md");
        fs::write(&file, "# Page\n\n<!-- peers -->\nold\n<!-- end of peers -->\nrest\n").unwrap();
        for text in ["new\n", "newer\n"] {
            Section::find(&file).unwrap().write(text).unwrap();
            let expected = format!("# Page\n\n<!-- peers -->\n{text}<!-- end of peers -->\nrest\n");
            assert_eq!(fs::read_to_string(&file).unwrap(), expected);
        }
        fs::write(&file, "# Page\n<!-- peers -->\n").unwrap();
        let said = Section::find(&file).err().map(|error| error.to_string()).unwrap();
        assert!(said.contains("end of peers"), "{said}");
    }

    #[test]
    fn numbers_have_three_digits() {
        let shown = [(0.123_4, "0.12"), (1.5, "1.50"), (12.34, "12.3"), (1234.5, "1234")];
        for (value, text) in shown {
            assert_eq!(number(Some(value)), text);
        }
        assert_eq!(
            (number(None), times(Some(3), Some(2)), times(Some(3), None)),
            ("-".into(), "1.50".into(), "-".into())
        );
    }
}
