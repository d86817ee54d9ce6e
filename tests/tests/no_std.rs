//! The rooms a microcontroller uses ask for no operating system. `tests/run` also builds them for
//! Cortex-M and RISC-V; this test needs no such target and says the reason in plain words.

use std::fs;

use whole::source::{RustFile, rust_files, words};

/// Room, and whether it may use `alloc`.
const ROOMS: &[(&str, bool)] = &[("signals", false), ("governor", false), ("bus", true)];

/// Clauses: E5, C4.
#[test]
fn rooms_for_microcontrollers_do_without_std() {
    for (room, _) in ROOMS {
        let head = fs::read_to_string(whole::root().join(room).join("src/lib.rs")).unwrap();
        assert!(head.lines().any(|line| line == "#![no_std]"), "{room}/src/lib.rs: add #![no_std]");
    }
    let files = rust_files().unwrap();
    for (room, may_allocate) in ROOMS {
        let sources = format!("{room}/src/");
        for file in files.iter().filter(|file| file.path.starts_with(&sources)) {
            check(file, "std", "core");
            if !may_allocate {
                check(file, "alloc", "a fixed size");
            }
        }
    }
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
