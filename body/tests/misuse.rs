//! What must not compile: commands that try to pass by the governor.
//!
//! Each file in `tests/ui` is right but for one misuse; the compiler's answer is stored beside it.
//! The answers are those of the Rust version in the workspace manifest. After a change of that
//! version, or of the words of the governor, look at each new answer and store it with
//! `TRYBUILD=overwrite cargo test -p triune-body --test misuse`: the error code must stay the
//! same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

/// Misuse, and the error the compiler must give. Rustdoc's `compile_fail` would not check the code.
const MISUSES: &[(&str, &str)] = &[
    ("forged_command", "E0451"),
    ("raw_command", "E0308"),
    ("kept_past_its_cycle", "E0597"),
    ("used_twice", "E0382"),
    ("altered_command", "E0594"),
    ("copied_command", "E0277"),
    ("command_from_nothing", "E0277"),
    ("envelope_from_nothing", "E0277"),
    ("widened_envelope", "E0616"),
];

/// Clauses: A1.
#[test]
fn no_command_passes_by_the_governor() {
    let cases = trybuild::TestCases::new();
    for (misuse, _) in MISUSES {
        cases.compile_fail(format!("tests/ui/{misuse}.rs"));
    }
}

/// A stored answer with another code would mean that the file fails for a reason that proves
/// nothing.
///
/// Clauses: A1.
#[test]
fn each_misuse_fails_for_the_reason_it_is_about() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    for (misuse, code) in MISUSES {
        let answer = fs::read_to_string(folder.join(format!("{misuse}.stderr"))).unwrap();
        let codes: Vec<_> = answer.lines().filter_map(|line| line.strip_prefix("error[")).collect();
        assert!(
            !codes.is_empty() && codes.iter().all(|found| found.starts_with(code)),
            "{misuse}.stderr: expected only {code}, found {codes:?}"
        );
    }
    let files = fs::read_dir(&folder).unwrap();
    let sources =
        files.filter(|f| f.as_ref().unwrap().path().extension().is_some_and(|e| e == "rs"));
    assert_eq!(sources.count(), MISUSES.len(), "a file in tests/ui is missing from MISUSES");
}
