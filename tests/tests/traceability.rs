//! Clauses, rules, mechanisms and tests hold together, and the pages made from them are up to date.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use whole::catalogue::{self, REFRESH};
use whole::matrix::{Matrix, Results};

/// Clauses: E1.
#[test]
fn every_clause_rule_and_test_has_its_place_in_the_matrix() {
    let matrix = Matrix::of_this_checkout().unwrap();
    let wrong = matrix.problems();
    assert!(wrong.is_empty(), "{} to put right:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(matrix.rows.len(), 68);
    assert!(matrix.tests().iter().any(|test| test.place.path == "tests/tests/traceability.rs"));
}

/// Clauses: E1.
#[test]
fn the_pages_made_from_the_code_are_up_to_date() {
    let stale = catalogue::stale(&Matrix::of_this_checkout().unwrap()).unwrap();
    assert!(stale.is_empty(), "{}\nto refresh: {REFRESH}", stale.join("\n"));
}

/// Clauses: E1.
#[test]
fn results_stand_beside_their_tests() {
    let mut results = Results::default();
    results.add(
        "     Running unittests src/lib.rs (target/debug/deps/governor-1)
     Running tests/records.rs (target/debug/deps/records-1)
test frames_of_the_wrong_shape_settle_the_robot ... ok
test a_settled_body_is_told_with_the_time_it_stood ... FAILED
",
    );
    let matrix = Matrix::of_this_checkout().unwrap();
    let json = matrix.json(&results);
    let clause = |id: &str| {
        let rows = json["clauses"].as_array().unwrap();
        rows.iter().find(|row| row["id"] == id).unwrap()
    };
    assert_eq!(clause("S2")["result"], "1 FAILED");
    assert_eq!(clause("O8")["result"], "not run");
    let tests = clause("A2")["tests"].as_array().unwrap();
    let test = tests.iter().find(|t| t["name"] == "frames_of_the_wrong_shape_settle_the_robot");
    assert_eq!(test.unwrap()["result"], "passed");
    let page = matrix.page_with_results(&results);
    assert!(page.contains("| [S2](#s2) | Controlled stop, then torque off | partly | 1 FAILED |"));
}
