//! Writes the matrix down: as a page for people and as JSON for programs.

use std::fmt::Write;

use governor::{Clause, Coverage};
use serde_json::{Value, json};

use super::{Matrix, Outcome, Place, Results, Row, TestCase, by_file, paths};

/// Letter and name of each group of clauses, in order.
const GROUPS: [(&str, &str); 14] = [
    ("O", "people oversee and override"),
    ("S", "stops"),
    ("M", "limits of motion"),
    ("H", "people nearby"),
    ("A", "what an AI may do"),
    ("G", "levels of intelligence and scenarios"),
    ("P", "observation period"),
    ("B", "sandbox"),
    ("W", "soft measures"),
    ("E", "explanation and audit"),
    ("D", "privacy and data"),
    ("N", "incidents"),
    ("U", "versions and updates"),
    ("C", "cyber security"),
];

const HEAD: &str = "\
# Traceability

Which clause is served by which rule, which other mechanism and which test. The runtime supports a
safety case; it is not a certified safety function, and a hardware stop chain is required. Laws
speak to people and firms; the table says what the runtime does so that they can answer for it, and
claims conformity with nothing. *Unchecked* marks a basis that was not read again for this table.

The clauses are the table of [clause.rs](ROOT/governor/src/clause.rs), the rules that of
[rule.rs](ROOT/governor/src/rule.rs). An item of the source that serves a clause without being a
rule says so in a doc line, `Clauses: A1.`, and a test in its last doc line. `tests/run matrix`
fails on a clause called covered or partly covered without a test, a test of the governor without a
clause, a rule no test names, and on this page being out of date.
";

impl Matrix {
    /// The page for the documentation: without lines and results, so that it changes only with
    /// what it says.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = String::from(
            "<!-- Written by `cargo run -p triune-tests --bin matrix -- --write`. -->\n\n",
        );
        page += &HEAD.replace("ROOT", "..");
        page += "The same with lines and last results: `target/traceability.md` and `.json`.\n\n";
        self.write_rows(&mut page, None);
        page
    }

    /// The page with lines and results, for a folder outside the sources.
    #[must_use]
    pub fn page_with_results(&self, results: &Results) -> String {
        let mut page = HEAD.replace("ROOT", &crate::root().to_string_lossy());
        page.push('\n');
        self.write_rows(&mut page, Some(results));
        page
    }

    fn write_rows(&self, page: &mut String, results: Option<&Results>) {
        let [covered, partly, not_yet] = self.totals();
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "Of {} clauses {covered} are covered, {partly} partly, {not_yet} not yet.\n",
            Clause::COUNT
        );
        let result = results.map_or("", |_| " result |");
        let rule = results.map_or("", |_| "---|");
        let _ = writeln!(page, "| clause | what it asks for | how far |{result}");
        let _ = writeln!(page, "|---|---|---|{rule}");
        for row in &self.rows {
            let title = row.clause.title();
            let far = match row.clause.coverage() {
                Coverage::Covered => "covered",
                Coverage::Partly(_) => "partly",
                Coverage::NotYet(_) => "not yet",
            };
            let id = row.clause.id();
            let _ = write!(page, "| [{id}](#{}) | {title} | {far} |", id.to_lowercase());
            if let Some(results) = results {
                let _ = write!(page, " {} |", row.result(results));
            }
            page.push('\n');
        }
        for (letter, name) in GROUPS {
            let _ = writeln!(page, "\n## {letter}: {name}");
            for row in self.rows.iter().filter(|row| row.clause.id().starts_with(letter)) {
                row.write(page, results);
            }
        }
    }

    /// The same for programs.
    #[must_use]
    pub fn json(&self, results: &Results) -> Value {
        let [covered, partly, not_yet] = self.totals();
        let rows: Vec<_> = self.rows.iter().map(|row| row.json(results)).collect();
        json!({
            "schema": "triune.matrix/1",
            "covered": covered, "partly": partly, "not_yet": not_yet,
            "clauses": rows,
        })
    }
}

impl Row {
    fn write(&self, page: &mut String, results: Option<&Results>) {
        let clause = self.clause;
        let far = match clause.coverage() {
            Coverage::Covered => "**Covered.**".to_owned(),
            Coverage::Partly(missing) => format!("**Partly**; missing: {missing}."),
            Coverage::NotYet(plan) => format!("**Not yet**; comes with: {plan}."),
        };
        let (does, basis) = (clause.does(), clause.basis());
        // Writing to a string cannot fail.
        let _ = writeln!(page, "\n### {clause}\n\n{}. {does} {far}\n", clause.title());
        let _ = writeln!(page, "- Basis: {basis}");
        let acting: Vec<_> = self.rules.iter().filter(|rule| !rule.places.is_empty()).collect();
        for rule in &acting {
            let places = rule.places.iter();
            let at = match results {
                None => paths(places).into_iter().map(link).collect::<Vec<_>>().join(", "),
                Some(_) => list(places),
            };
            let _ = writeln!(page, "- Rule `{}`: {at}", rule.rule.id());
        }
        for mechanism in &self.mechanisms {
            let place = &mechanism.place;
            let at = results.map_or_else(|| link(&place.path), |_| place.to_string());
            let _ = writeln!(page, "- `{}`: {at}", mechanism.name);
        }
        for (path, tests) in by_file(&self.tests) {
            let name = |test: &&TestCase| match results {
                None => format!("`{}`", test.name),
                Some(results) => {
                    let outcome = word(results.of(test));
                    format!("`{}` ({}, {outcome})", test.name, test.place.line)
                }
            };
            let names: Vec<_> = tests.iter().map(name).collect();
            let at = results.map_or_else(|| link(path), |_| path.to_owned());
            let _ = writeln!(page, "- Tests in {at}: {}", names.join(", "));
        }
    }

    /// What its tests came to together.
    fn result(&self, results: &Results) -> String {
        let outcomes = self.tests.iter().map(|test| results.of(test));
        let failed = outcomes.clone().filter(|o| *o == Some(Outcome::Failed)).count();
        let passed = outcomes.filter(|o| *o == Some(Outcome::Passed)).count();
        match (self.tests.len(), failed, passed) {
            (0, ..) => "no test".into(),
            (_, 1.., _) => format!("{failed} FAILED"),
            (_, _, 0) => "not run".into(),
            (all, _, passed) => format!("{passed} of {all} passed"),
        }
    }

    fn json(&self, results: &Results) -> Value {
        let (coverage, missing) = match self.clause.coverage() {
            Coverage::Covered => ("covered", None),
            Coverage::Partly(missing) => ("partly", Some(missing)),
            Coverage::NotYet(plan) => ("not_yet", Some(plan)),
        };
        let at = |places: &[Place]| places.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rules = self.rules.iter().map(|rule| {
            json!({ "id": rule.rule.id(), "defined_at": rule.place.to_string(),
                "acts_at": at(&rule.places), "named_by_a_test": rule.tested })
        });
        let mechanisms =
            self.mechanisms.iter().map(|m| json!({ "name": m.name, "at": m.place.to_string() }));
        let tests = self.tests.iter().map(|test| {
            json!({ "package": test.package, "name": test.full_name, "at": test.place.to_string(),
                "result": word(results.of(test)) })
        });
        json!({
            "id": self.clause.id(), "basis": self.clause.basis(), "title": self.clause.title(),
            "title_zh": self.clause.title_chinese(), "does": self.clause.does(),
            "coverage": coverage, "missing": missing,
            "rules": rules.collect::<Vec<_>>(), "mechanisms": mechanisms.collect::<Vec<_>>(),
            "tests": tests.collect::<Vec<_>>(), "result": self.result(results),
        })
    }
}

const fn word(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::Passed) => "passed",
        Some(Outcome::Ignored) => "ignored",
        Some(Outcome::Failed) => "FAILED",
        None => "not run",
    }
}

/// A link from the folder `docs`.
fn link(path: &str) -> String {
    format!("[{path}](../{path})")
}

fn list<'a>(places: impl Iterator<Item = &'a Place>) -> String {
    places.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
