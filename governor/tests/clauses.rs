//! The table of requirements is whole, and says of each row what is true of it.

use std::collections::BTreeSet;

use governor::{Clause, Coverage};

/// Rows of each group of the table.
const GROUPS: [(char, usize); 14] = [
    ('O', 8),
    ('S', 9),
    ('M', 8),
    ('H', 6),
    ('A', 7),
    ('G', 3),
    ('P', 3),
    ('B', 2),
    ('W', 3),
    ('E', 5),
    ('D', 4),
    ('N', 3),
    ('U', 3),
    ('C', 4),
];

/// Clauses: E1.
#[test]
fn every_row_of_the_table_is_there_in_order() {
    let expected: Vec<String> = GROUPS
        .iter()
        .flat_map(|(group, rows)| (1..=*rows).map(move |row| format!("{group}{row}")))
        .collect();
    let found: Vec<_> = Clause::ALL.iter().map(|clause| clause.id()).collect();
    assert_eq!(found, expected);
    assert_eq!(Clause::COUNT, 68);
    for clause in Clause::ALL {
        assert_eq!(Clause::with_id(clause.id()), Some(clause));
    }
    assert!(Clause::with_id("O9").is_none() && Clause::with_id("o1").is_none());
}

/// Clauses: E1.
#[test]
fn every_row_says_where_it_comes_from_and_how_far_it_goes() {
    let mut titles = BTreeSet::new();
    for clause in Clause::ALL {
        let words = [clause.basis(), clause.title(), clause.does()];
        assert!(words.iter().all(|words| words.len() > 3 && words.is_ascii()), "{clause}");
        assert!(clause.does().ends_with('.') && !clause.title().ends_with('.'), "{clause}");
        assert!(!clause.title_chinese().is_ascii(), "{clause}");
        assert!(titles.insert(clause.title()) && titles.insert(clause.title_chinese()));
        match clause.coverage() {
            Coverage::Covered => {}
            Coverage::Partly(words) | Coverage::NotYet(words) => {
                assert!(words.len() > 3 && !words.ends_with('.'), "{clause}: {words}");
            }
        }
    }
}

/// Clauses: E1.
#[test]
fn no_row_claims_more_than_a_runtime_can() {
    for clause in Clause::ALL {
        let words = [clause.title(), clause.does()].concat().to_lowercase();
        for claim in ["certif", "complian", "the law requires", "guarantee"] {
            assert!(!words.contains(claim), "{clause} claims too much: {words}");
        }
    }
}
