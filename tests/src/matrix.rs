//! The traceability matrix: which rule, which mechanism and which test stands for which clause.
//!
//! Nothing is written down twice. The clauses are [`Clause`], the rules [`Rule`]; a mechanism that
//! is no rule is an item of the source with the doc line `Clauses: A1.`, and a test says the same
//! in its last doc line. [`Matrix::of_this_checkout`] joins them and [`Matrix::problems`] says what
//! does not fit together.

mod page;
mod results;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use governor::{Clause, Coverage, Rule};

pub use results::{Outcome, Results};
pub use scan::{Mechanism, Place, RuleUse, TestCase};

use crate::source::rust_files;
use scan::Found;

/// Where every test serves a clause, by the beginning of its path.
const SCOPE: &[&str] = &[
    "governor/",
    "body/",
    "runtime/tests/",
    "runtime/src/journal",
    "runtime/src/why",
    "sim/src/tests/promises.rs",
    "tests/tests/",
];

/// Tests of the project itself and of its kernels, which serve none.
const OUT_OF_SCOPE: &[&str] = &[
    "tests/tests/architecture.rs",
    "tests/tests/dynamics_reference.rs",
    "tests/tests/no_std.rs",
    "tests/tests/qp_reference.rs",
    "tests/tests/tidy.rs",
    "runtime/src/journal/event.rs",
    "runtime/src/journal/tick.rs",
];

/// One clause with all that stands for it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The clause.
    pub clause: Clause,
    /// Rules that serve it, in the order of the table of rules.
    pub rules: Vec<RuleUse>,
    /// What serves it and is no rule.
    pub mechanisms: Vec<Mechanism>,
    /// Tests that show it.
    pub tests: Vec<TestCase>,
}

/// All clauses with all that stands for them.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// One row for each clause, in the order of the table.
    pub rows: Vec<Row>,
    found: Found,
}

impl Matrix {
    /// The matrix of the sources of this checkout.
    ///
    /// # Errors
    /// When a source cannot be read.
    pub fn of_this_checkout() -> io::Result<Self> {
        Ok(Self::of(Found::in_files(&rust_files()?)))
    }

    fn of(found: Found) -> Self {
        let row = |clause: Clause| {
            let serves = |ids: &[String]| ids.iter().any(|id| id == clause.id());
            Row {
                clause,
                rules: found.rules.iter().filter(|r| r.rule.clause() == clause).cloned().collect(),
                mechanisms: found
                    .mechanisms
                    .iter()
                    .filter(|m| serves(&m.clauses))
                    .cloned()
                    .collect(),
                tests: found.tests.iter().filter(|t| serves(t.named())).cloned().collect(),
            }
        };
        Self { rows: Clause::ALL.into_iter().map(row).collect(), found }
    }

    /// All tests of the checkout, with and without a clause.
    #[must_use]
    pub fn tests(&self) -> &[TestCase] {
        &self.found.tests
    }

    /// What does not fit together, each in one line that says where and what to do.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        self.check_rows(&mut wrong);
        self.check_tests(&mut wrong);
        self.check_rules(&mut wrong);
        wrong
    }

    fn check_rows(&self, wrong: &mut Vec<String>) {
        for row in &self.rows {
            let planned = matches!(row.clause.coverage(), Coverage::NotYet(_));
            if row.tests.is_empty() && !planned {
                wrong.push(format!(
                    "{}: called covered or partly covered in governor/src/clause.rs, but no test \
                     names it",
                    row.clause
                ));
            }
            let shown = row.rules.iter().any(|rule| !rule.places.is_empty());
            if planned && shown && !row.tests.is_empty() {
                wrong.push(format!(
                    "{}: has a rule in force and a test, but is called not yet covered in \
                     governor/src/clause.rs: say what is there and what is missing",
                    row.clause
                ));
            }
        }
    }

    fn check_tests(&self, wrong: &mut Vec<String>) {
        for test in &self.found.tests {
            let Place { path, line } = &test.place;
            let name = &test.name;
            let any = |list: &[&str]| list.iter().any(|start| path.starts_with(start));
            if test.clauses.is_none() && any(SCOPE) && !any(OUT_OF_SCOPE) {
                wrong.push(format!(
                    "{path}:{line}: {name} names no clause: end its doc with `/// Clauses: M1.`"
                ));
            }
        }
        let named = self.found.tests.iter().map(|test| (&test.place, test.named()));
        let marked = self.found.mechanisms.iter().map(|m| (&m.place, m.clauses.as_slice()));
        for (place, clauses) in named.chain(marked) {
            for id in clauses.iter().filter(|id| Clause::with_id(id).is_none()) {
                wrong.push(format!(
                    "{}:{}: there is no clause `{id}`; the line reads `Clauses: M1, M3.`",
                    place.path, place.line
                ));
            }
        }
    }

    fn check_rules(&self, wrong: &mut Vec<String>) {
        for RuleUse { rule, places, tested, .. } in &self.found.rules {
            if let Some(place) = places.first().filter(|_| !tested) {
                let id = rule.id();
                wrong.push(format!(
                    "{place}: {id} acts, but no test names Rule::{rule:?} or \"{id}\""
                ));
            }
        }
    }

    /// Rules that have a name and act nowhere.
    pub fn idle_rules(&self) -> impl Iterator<Item = Rule> {
        self.found.rules.iter().filter(|rule| rule.places.is_empty()).map(|rule| rule.rule)
    }

    /// How many clauses are covered, partly covered, and not yet.
    #[must_use]
    pub fn totals(&self) -> [usize; 3] {
        let mut totals = [0; 3];
        for row in &self.rows {
            totals[match row.clause.coverage() {
                Coverage::Covered => 0,
                Coverage::Partly(_) => 1,
                Coverage::NotYet(_) => 2,
            }] += 1;
        }
        totals
    }
}

/// The paths of `places` without repetition, in order.
fn paths<'a>(places: impl Iterator<Item = &'a Place>) -> BTreeSet<&'a str> {
    places.map(|place| place.path.as_str()).collect()
}

/// Tests by file, both in order.
fn by_file(tests: &[TestCase]) -> BTreeMap<&str, Vec<&TestCase>> {
    let mut files: BTreeMap<&str, Vec<&TestCase>> = BTreeMap::new();
    for test in tests {
        files.entry(&test.place.path).or_default().push(test);
    }
    files
}
