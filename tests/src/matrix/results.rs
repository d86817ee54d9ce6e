//! What the tests came to, read from what `cargo test` printed.

use std::collections::BTreeMap;

use super::TestCase;

/// What a test came to, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It was left out of a run.
    Ignored,
    /// It failed.
    Failed,
}

/// Outcomes by package folder (empty where the output does not tell), target and full name.
#[derive(Clone, Debug, Default)]
pub struct Results {
    outcomes: BTreeMap<(String, String, String), Outcome>,
}

impl Results {
    /// Adds what `cargo test` printed, both streams in one. A failure anywhere counts, and a test
    /// that passed in one run counts as passed though another run ignored it.
    pub fn add(&mut self, output: &str) {
        let (mut package, mut target) = (String::new(), String::new());
        for line in output.lines().map(str::trim) {
            if let Some((file, binary)) = running(line) {
                // The unit tests come first of each package; their binary has the room's name.
                if file.starts_with("src/") {
                    package = room_of(binary);
                }
                target = file.to_owned();
            } else if line.starts_with("Doc-tests ") {
                target.clear();
            } else if let Some((name, outcome)) = outcome(line).filter(|_| !target.is_empty()) {
                let key = (package.clone(), target.clone(), name.to_owned());
                let kept = self.outcomes.entry(key).or_insert(outcome);
                *kept = match (*kept, outcome) {
                    (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
                    (a, b) => a.min(b),
                };
            }
        }
    }

    /// What `test` came to; `None` when it was not run.
    #[must_use]
    pub fn of(&self, test: &TestCase) -> Option<Outcome> {
        let TestCase { package, target, full_name, .. } = test;
        let key = |package: &str| (package.to_owned(), target.clone(), full_name.clone());
        let known = self.outcomes.get(&key(package)).copied();
        // A run of chosen targets does not say whose they are.
        let nameless = self.outcomes.get(&key("")).copied();
        match (known, nameless) {
            (Some(a), Some(b)) if a.max(b) < Outcome::Failed => Some(a.min(b)),
            (a, b) => a.max(b),
        }
    }
}

/// Source file and binary of a line like `Running tests/story.rs (target/debug/deps/story-0a1b)`.
fn running(line: &str) -> Option<(&str, &str)> {
    let (file, binary) = line.strip_prefix("Running ")?.split_once(" (")?;
    let file = file.strip_prefix("unittests ").unwrap_or(file);
    Some((file, binary.trim_end_matches(')')))
}

/// The folder of the package whose library was built as `binary`.
fn room_of(binary: &str) -> String {
    let name = binary.rsplit('/').next().unwrap_or(binary);
    let library = name.rsplit_once('-').map_or(name, |(library, _)| library);
    match library {
        "whole" => "tests".into(),
        "triune" => "runtime".into(),
        room => room.into(),
    }
}

/// Name and outcome of a line like `test story::opens ... ok`.
fn outcome(line: &str) -> Option<(&str, Outcome)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let outcome = match result.split([' ', ',']).next()? {
        "ok" => Outcome::Passed,
        "FAILED" => Outcome::Failed,
        "ignored" => Outcome::Ignored,
        _ => return None,
    };
    Some((name.trim_end_matches(" - should panic"), outcome))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Place;

    fn case(package: &str, target: &str, full_name: &str) -> TestCase {
        TestCase {
            name: full_name.into(),
            place: Place { path: format!("{package}/{target}"), line: 1 },
            clauses: None,
            package: package.into(),
            target: target.into(),
            full_name: full_name.into(),
        }
    }

    #[test]
    fn outcomes_belong_to_their_package() {
        let mut results = Results::default();
        results.add(
            "     Running unittests src/lib.rs (target/debug/deps/governor-0a1b)
running 0 tests
     Running tests/story.rs (target/debug/deps/story-11)
running 2 tests
test one ... ok
test two ... FAILED
failures:
   Doc-tests governor
test governor/src/lib.rs - (line 3) ... ok
     Running unittests src/lib.rs (target/debug/deps/whole-0a1b)
test source::tests::one ... ok
     Running tests/story.rs (target/debug/deps/story-22)
test one ... ignored, minutes in debug
test three ... ignored
",
        );
        results.add(
            "     Running tests/story.rs (target/release/deps/story-33)
test three ... some output of the test that hides the result
test three ... ok
",
        );
        let expected = [
            ("governor", "tests/story.rs", "one", Some(Outcome::Passed)),
            ("governor", "tests/story.rs", "two", Some(Outcome::Failed)),
            ("tests", "src/lib.rs", "source::tests::one", Some(Outcome::Passed)),
            ("tests", "tests/story.rs", "one", Some(Outcome::Ignored)),
            ("tests", "tests/story.rs", "three", Some(Outcome::Passed)),
            ("body", "tests/story.rs", "one", None),
        ];
        for (package, target, name, outcome) in expected {
            assert_eq!(results.of(&case(package, target, name)), outcome, "{package} {name}");
        }
    }
}
