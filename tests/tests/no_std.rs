//! The rooms a microcontroller uses ask for no operating system. `tests/run` also builds them for
//! Cortex-M and RISC-V; this test needs no such target and says the reason in plain words.

use std::fs;

use whole::source::{RustFile, rust_files, words};

/// Room, the line of its head that says so, and whether it may use `alloc`.
const ROOMS: &[(&str, &str, bool)] = &[
    ("signals", "#![no_std]", false),
    ("governor", "#![no_std]", false),
    ("bus", "#![cfg_attr(not(feature = \"network\"), no_std)]", true),
    ("model", "#![cfg_attr(not(feature = \"load\"), no_std)]", true),
];

/// The lines before a module that firmware leaves out.
const LEFT_OUT: [&str; 2] = ["#[cfg(feature = \"load\")]", "#[cfg(feature = \"network\")]"];

/// Clauses: E5, C4.
#[test]
fn rooms_for_microcontrollers_do_without_std() {
    let files = rust_files().unwrap();
    for (room, says, may_allocate) in ROOMS {
        let head = fs::read_to_string(whole::root().join(room).join("src/lib.rs")).unwrap();
        assert!(head.lines().any(|line| line == *says), "{room}/src/lib.rs: add {says}");
        let sources = format!("{room}/src/");
        let left_out: Vec<String> =
            left_out(&head).map(|name| format!("{sources}{name}")).collect();
        for file in files.iter().filter(|file| file.path.starts_with(&sources)) {
            // A module is its file and its folder.
            let path = file.path.trim_end_matches(".rs");
            if left_out.iter().any(|name| path == name || path.starts_with(&format!("{name}/"))) {
                continue;
            }
            check(file, "std", "core");
            if !may_allocate {
                check(file, "alloc", "a fixed size");
            }
        }
    }
}

/// The modules that stand behind the feature `load`.
fn left_out(head: &str) -> impl Iterator<Item = &str> {
    let pairs = head.lines().zip(head.lines().skip(1));
    pairs.filter_map(|(before, line)| {
        let module = || line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';');
        LEFT_OUT.contains(&before).then(module)?
    })
}

fn check(file: &RustFile, forbidden: &str, instead: &str) {
    for (number, line) in file.product_lines() {
        let found = words(line, forbidden).any(|at| {
            let (before, after) = (&line[..at], &line[at + forbidden.len()..]);
            after.starts_with("::") || before.trim_end().ends_with("extern crate")
        });
        assert!(!found, "{}:{number}: uses {forbidden}; use {instead}", file.path);
    }
}
