//! Reads rules, marked mechanisms and tests out of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use governor::Rule;

use crate::source::RustFile;

/// What a line of clauses begins with.
const MARK: &str = "Clauses:";
/// The file with the table of rules.
const RULES: &str = "governor/src/rule.rs";

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path from the root of the checkout.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// A rule and where it acts.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleUse {
    /// The rule.
    pub rule: Rule,
    /// Its line in the table of rules.
    pub place: Place,
    /// Where the product names it, beside the table.
    pub places: Vec<Place>,
    /// A test names it.
    pub tested: bool,
}

/// An item of the source that serves clauses and is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// Its name; the file's for a whole module.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Ids of the clauses.
    pub clauses: Vec<String>,
}

/// A test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCase {
    /// Name of the function.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Ids of the clauses; `None` when it names none.
    pub clauses: Option<Vec<String>>,
    /// Folder of its crate.
    pub package: String,
    /// The file cargo builds it from, below that folder.
    pub target: String,
    /// Its name with modules, as cargo prints it.
    pub full_name: String,
}

impl TestCase {
    /// Ids of the clauses it names.
    #[must_use]
    pub fn named(&self) -> &[String] {
        self.clauses.as_deref().unwrap_or_default()
    }
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) rules: Vec<RuleUse>,
    pub(super) mechanisms: Vec<Mechanism>,
    pub(super) tests: Vec<TestCase>,
}

impl Found {
    pub(super) fn in_files(files: &[RustFile]) -> Self {
        let mut found = Self { rules: rules(files), ..Self::default() };
        for file in files {
            found.mechanisms.extend(mechanisms(file));
            found.tests.extend(tests(file));
        }
        found
    }
}

fn rules(files: &[RustFile]) -> Vec<RuleUse> {
    let mut acts: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    let mut named: BTreeSet<String> = BTreeSet::new();
    for file in files {
        for (line, code) in file.product_lines().filter(|_| is_product(&file.path)) {
            for name in rule_names(code) {
                let place = Place { path: file.path.clone(), line };
                acts.entry(name.to_owned()).or_default().push(place);
            }
        }
        for (line, code) in file.test_lines() {
            named.extend(rule_names(code).map(str::to_owned));
            let text = file.text.lines().nth(line - 1).unwrap_or_default();
            named.extend(ids(text).map(str::to_owned));
        }
    }
    let table = files.iter().find(|file| file.path == RULES);
    let entry = |rule: &Rule| {
        let start = format!("{rule:?}: \"{}\"", rule.id());
        let at =
            table.and_then(|t| t.text.lines().position(|l| l.trim_start().starts_with(&start)));
        Place { path: RULES.into(), line: at.map_or(0, |at| at + 1) }
    };
    let rule_use = |rule: Rule| {
        let name = format!("{rule:?}");
        let tested = named.contains(&name) || named.contains(rule.id());
        let places = acts.get(&name).cloned().unwrap_or_default();
        RuleUse { rule, place: entry(&rule), places, tested }
    };
    Rule::ALL.into_iter().map(rule_use).collect()
}

/// Code that ships: no tests, no examples, not the tests' own library, not the table itself.
fn is_product(path: &str) -> bool {
    path != RULES && path.contains("/src/") && !path.starts_with("tests/")
}

/// The names after `Rule::` in a line.
fn rule_names(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("Rule::").map(|(at, start)| {
        let rest = &code[at + start.len()..];
        &rest[..rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())]
    })
}

/// Words in capitals with hyphens, as the ids of rules are.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_ascii_uppercase() || c == '-';
    text.split(move |c| !part(c)).filter(|word| word.len() > 3)
}

/// Items of the product with a line of clauses in their docs.
fn mechanisms(file: &RustFile) -> Vec<Mechanism> {
    let code: Vec<_> = file.code.lines().collect();
    let text: Vec<_> = file.text.lines().collect();
    let product = file.product_lines().map(|(number, _)| number);
    let marked = product.filter(|_| is_product(&file.path)).filter_map(|number| {
        let line = text[number - 1].trim_start();
        let clauses = ["///", "//!"].iter().find_map(|start| line.strip_prefix(start))?;
        let clauses = listed(clauses)?;
        let item = code[number..].iter().find_map(|line| item_name(line));
        let whole = line.starts_with("//!");
        let name = if whole { file_name(&file.path) } else { item.unwrap_or_default() };
        let place = Place { path: file.path.clone(), line: number };
        Some(Mechanism { name: name.to_owned(), place, clauses })
    });
    marked.collect()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name of the item a line of code begins; of a field or a variant its own.
fn item_name(line: &str) -> Option<&str> {
    const BEFORE: [&str; 5] = ["pub", "const", "static", "async", "default"];
    const KINDS: [&str; 10] =
        ["fn", "struct", "enum", "trait", "type", "mod", "impl", "union", "static", "const"];
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let mut words = line
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty() && !["crate", "super", "in"].contains(word))
        .skip_while(|word| BEFORE.contains(word))
        .peekable();
    words.next_if(|word| KINDS.contains(word));
    words.next()
}

/// All tests of a file.
fn tests(file: &RustFile) -> Vec<TestCase> {
    let code: Vec<_> = file.code.lines().collect();
    let text: Vec<_> = file.text.lines().collect();
    let mut found = Vec::new();
    for function in file.functions() {
        let head = head_of(&code, function.line - 1);
        if !code[head.clone()].iter().any(|line| line.contains("#[test]")) {
            continue;
        }
        let mut docs = text[head].iter().filter_map(|line| line.trim_start().strip_prefix("///"));
        let clauses = docs.next_back().and_then(listed);
        let (package, target, mut path) = built_from(&file.path);
        path.extend(file.modules_around(function.line));
        path.push(function.name.clone());
        found.push(TestCase {
            name: function.name,
            place: Place { path: file.path.clone(), line: function.line },
            clauses,
            package,
            target,
            full_name: path.join("::"),
        });
    }
    found
}

/// The lines from 0 of docs and attributes above the function in line `at`.
fn head_of(code: &[&str], at: usize) -> std::ops::Range<usize> {
    let mut start = at;
    while start > 0 {
        let above = code[start - 1];
        // A comment is blanked but for its indentation; an empty line has none of its width left.
        let ends_item = above.trim_end().ends_with(['{', '}', ';']);
        if above.is_empty() || ends_item {
            break;
        }
        start -= 1;
    }
    start..at
}

/// Package folder, target below it, and modules, of the file at `path`.
fn built_from(path: &str) -> (String, String, Vec<String>) {
    let (package, below) = path.split_once('/').unwrap_or((path, ""));
    let stem = below.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts: Vec<_> = stem.split('/').map(str::to_owned).collect();
    if parts.first().is_some_and(|folder| folder == "src") {
        let root = matches!(parts.get(1).map(String::as_str), Some("lib" | "main"));
        let target = if stem == "src/main" { "src/main.rs" } else { "src/lib.rs" };
        let modules = if root { Vec::new() } else { parts[1..].to_vec() };
        return (package.into(), target.into(), modules);
    }
    if let [folder, example, modules @ ..] = parts.as_slice()
        && folder == "examples"
        && !modules.is_empty()
    {
        let modules = modules.iter().filter(|module| *module != "main").cloned().collect();
        return (package.into(), format!("examples/{example}/main.rs"), modules);
    }
    // Integration tests: the file itself is the target, what lies deeper are its modules.
    let target = parts.iter().take(2).cloned().collect::<Vec<_>>().join("/") + ".rs";
    (package.into(), target, parts.get(2..).unwrap_or_default().to_vec())
}

/// The ids of a line of clauses; `None` when it is none.
fn listed(line: &str) -> Option<Vec<String>> {
    let ids = line.trim().strip_prefix(MARK)?.trim();
    // Without its full stop the last id is kept with a question mark, so that it is found wrong.
    let ids = ids.strip_suffix('.').map_or_else(|| format!("{ids}?"), str::to_owned);
    Some(ids.split(", ").map(|id| id.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"//! Head.
//! Clauses: E5.

/// A gate.
///
/// Clauses: A1, A4.
#[derive(Debug)]
pub(crate) struct Gate {}

impl Gate {
    /// Clauses: S1.
    pub const fn cut(&self) { act(Rule::Tilt); }
}

#[cfg(test)]
mod tests {
    /// It opens.
    ///
    /// Clauses: M1, M3.
    #[test]
    #[cfg_attr(debug_assertions, ignore = "slow")]
    fn opens() { assert_eq!(rule, Rule::Tilt) }

    fn helper() {}

    #[test]
    fn names_none() { assert!(text.contains("PLAN-AGE")) }

    mod deeper {
        proptest! {
            #![proptest_config(Config::default())]
            /// Clauses: M9
            #[test]
            fn never(x in 0..1) { () }
        }
    }
}
"#;

    #[test]
    fn tests_and_their_clauses_are_found() {
        let file = RustFile::new("governor/src/gate/lock.rs", SAMPLE);
        let found = tests(&file);
        let ids = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        let expected = [
            ("gate::lock::tests::opens", ids(&["M1", "M3"])),
            ("gate::lock::tests::names_none", None),
            ("gate::lock::tests::deeper::never", ids(&["M9?"])),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (test, (name, clauses)) in found.iter().zip(expected) {
            assert_eq!((test.full_name.as_str(), &test.clauses), (name, &clauses));
            assert_eq!((test.package.as_str(), test.target.as_str()), ("governor", "src/lib.rs"));
        }
    }

    #[test]
    fn mechanisms_are_named_by_their_item() {
        let file = RustFile::new("governor/src/gate.rs", SAMPLE);
        let names: Vec<_> = mechanisms(&file).into_iter().map(|m| (m.name, m.clauses)).collect();
        let expected = [("gate.rs", vec!["E5"]), ("Gate", vec!["A1", "A4"]), ("cut", vec!["S1"])];
        let expected = expected.map(|(name, ids)| {
            (name.to_owned(), ids.into_iter().map(str::to_owned).collect::<Vec<_>>())
        });
        assert_eq!(names, expected);
        assert!(mechanisms(&RustFile::new("governor/tests/gate.rs", SAMPLE)).is_empty());
    }

    #[test]
    fn a_rule_is_named_by_variant_or_id() {
        let found = rules(&[RustFile::new("governor/src/gate.rs", SAMPLE)]);
        let of = |rule| found.iter().find(|found| found.rule == rule).unwrap();
        let tilt = of(Rule::Tilt);
        assert!(tilt.tested && tilt.places.len() == 1, "{tilt:?}");
        assert!(of(Rule::PlanAge).tested && of(Rule::PlanAge).places.is_empty());
        assert!(!of(Rule::TiltRate).tested, "a longer name is another rule");
    }

    #[test]
    fn a_test_is_known_by_the_name_cargo_prints() {
        let cases = [
            ("sim/src/tests/lidar.rs", ("src/lib.rs", "tests::lidar")),
            ("governor/tests/story.rs", ("tests/story.rs", "")),
            ("governor/tests/common/mod.rs", ("tests/common.rs", "")),
            ("runtime/src/main.rs", ("src/main.rs", "")),
            ("tests/examples/campaign.rs", ("examples/campaign.rs", "")),
            ("tests/examples/faults/tests.rs", ("examples/faults/main.rs", "tests")),
            ("bus/src/lib.rs", ("src/lib.rs", "")),
        ];
        for (path, (target, modules)) in cases {
            let found = built_from(path);
            assert_eq!(
                (found.1.as_str(), found.2.join("::").as_str()),
                (target, modules),
                "{path}"
            );
        }
    }
}
