//! What the source must look like: short functions, short files, no forbidden words, no dead links.

use std::collections::BTreeSet;
use std::fs;

use whole::metadata::Graph;
use whole::source::{RustFile, files, rust_files, words};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;
const COLUMNS_MAX: usize = 100;

/// The story of the system: it must stay on one screen.
const STORY: (&str, usize) = ("runtime/src/cycle.rs", 60);

/// The only files that may say `unsafe`; each needs a SAFETY note per block and a reviewer who
/// reads it.
const UNSAFE: &[&str] = &[
    "bus/src/latest.rs",
    "bus/src/queue.rs",
    "firmware/boards/qemu-mps2/src/bench.rs",
    "firmware/boards/qemu-mps2/src/crash.rs",
    "firmware/boards/qemu-mps2/src/guard.rs",
    "firmware/boards/qemu-mps2/src/interrupts.rs",
    "firmware/boards/qemu-mps2/src/registers.rs",
    "firmware/boards/qemu-rv32/src/crash.rs",
    "firmware/boards/qemu-rv32/src/machine.rs",
    "firmware/boards/stm32g474/src/crash.rs",
    "firmware/boards/stm32g474/src/main.rs",
];

/// Rooms on the path from sensor to motor: a panic there drops the robot.
const CYCLE_ROOMS: &[&str] = &["signals/", "governor/", "cerebellum/", "bus/"];
const PANICS: &[&str] =
    &[".unwrap()", ".expect(", "panic!", concat!("to", "do!"), "unimplemented!", "unreachable!"];

/// Notes to oneself belong into an issue. Put together here, so that this file does not contain
/// them.
const BANNED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

#[test]
fn functions_and_files_are_short() {
    let mut wrong = Vec::new();
    for file in rust_files().unwrap() {
        for function in file.functions() {
            if function.length > FUNCTION_LINES_MAX {
                wrong.push(format!(
                    "{}:{}: fn {} has {} lines, at most {FUNCTION_LINES_MAX}: split it by what it \
                     does",
                    file.path, function.line, function.name, function.length
                ));
            }
        }
        let lines = file.product_lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!(
                "{}: {lines} lines without tests, at most {FILE_LINES_MAX}: one idea a file",
                file.path
            ));
        }
    }
    report(&wrong);
}

#[test]
fn the_story_fits_on_one_screen() {
    let (path, lines_max) = STORY;
    let story = fs::read_to_string(whole::root().join(path));
    let lines = story.unwrap_or_else(|error| panic!("{path}: {error}")).lines().count();
    assert!(lines <= lines_max, "{path}: {lines} lines, at most {lines_max}: move details out");
}

#[test]
fn lines_fit_the_page() {
    let mut wrong = Vec::new();
    for file in rust_files().unwrap() {
        for (at, line) in file.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                let number = at + 1;
                wrong.push(format!(
                    "{}:{number}: {columns} columns, at most {COLUMNS_MAX}",
                    file.path
                ));
            }
        }
    }
    report(&wrong);
}

#[test]
fn unsafe_stays_where_it_is_expected() {
    let mut wrong = Vec::new();
    for file in rust_files().unwrap() {
        let expected = UNSAFE.contains(&file.path.as_str());
        let found = words(&file.code, "unsafe").next().is_some();
        if found && !expected {
            wrong.push(format!(
                "{}: contains unsafe code; find a safe way, or argue for the file in UNSAFE and in \
                 ARCHITECTURE.md",
                file.path
            ));
        } else if expected && !found {
            wrong.push(format!(
                "{}: no longer contains unsafe code: drop it from UNSAFE",
                file.path
            ));
        }
    }
    report(&wrong);
}

#[test]
fn nothing_in_the_cycle_can_panic_on_purpose() {
    let mut wrong = Vec::new();
    let in_cycle = |file: &RustFile| {
        CYCLE_ROOMS.iter().any(|room| file.path.starts_with(&format!("{room}src/")))
    };
    for file in rust_files().unwrap().iter().filter(|file| in_cycle(file)) {
        for (number, line) in file.product_lines() {
            for panic in PANICS.iter().filter(|panic| line.contains(**panic)) {
                wrong.push(format!(
                    "{}:{number}: {panic} in the control loop: degrade and report instead",
                    file.path
                ));
            }
        }
    }
    report(&wrong);
}

/// Clauses: A1, A4.
#[test]
fn the_product_makes_one_governor_from_the_robot_file() {
    let product =
        |file: &&RustFile| !file.path.starts_with("tests/") && !file.path.contains("/tests/");
    let mut places = Vec::new();
    for file in rust_files().unwrap().iter().filter(product) {
        for (number, line) in file.product_lines() {
            if line.contains("Governor::new(") && !file.path.contains("/examples/") {
                places.push(format!("{}:{number}", file.path));
            }
        }
    }
    let expected = places.len() == 1 && places[0].starts_with("runtime/src/wiring.rs");
    assert!(expected, "a second governor could have other limits: {places:?}");
}

#[test]
fn no_notes_to_oneself() {
    let mut wrong = Vec::new();
    for path in files(&[".rs", ".md", ".toml", ".sh", "run"]).unwrap() {
        let Ok(text) = fs::read_to_string(whole::root().join(&path)) else { continue };
        for (at, line) in text.lines().enumerate() {
            for banned in BANNED.iter().filter(|banned| words(line, banned).next().is_some()) {
                wrong.push(format!("{path}:{}: {banned}: do it or write an issue", at + 1));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_crate_says_what_it_is() {
    let graph = Graph::of_this_workspace().unwrap();
    for member in graph.members() {
        let head = member.manifest.replace("Cargo.toml", "src/lib.rs");
        let text = fs::read_to_string(&head).unwrap();
        assert!(text.starts_with("//!"), "{head}: begin with //! what it is and must never do");
    }
}

#[test]
fn local_links_of_the_documentation_resolve() {
    let root = whole::root();
    let mut wrong = Vec::new();
    for page in files(&[".md"]).unwrap() {
        let text = fs::read_to_string(root.join(&page)).unwrap();
        for target in links(&page, &text) {
            if !root.join(&target).exists() {
                wrong.push(format!("{page}: links to {target}, which does not exist"));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_page_can_be_reached_from_the_readme() {
    let pages: BTreeSet<String> = files(&[".md"]).unwrap().into_iter().collect();
    let mut reached = BTreeSet::new();
    let mut open = vec!["README.md".to_owned()];
    while let Some(page) = open.pop() {
        if pages.contains(&page) && reached.insert(page.clone()) {
            let text = fs::read_to_string(whole::root().join(&page)).unwrap();
            open.extend(links(&page, &text));
        }
    }
    assert!(reached.contains("README.md"), "README.md is missing");
    let lost = pages.difference(&reached);
    let lost: Vec<_> = lost.map(|page| format!("{page}: link it from README.md or docs")).collect();
    report(&lost);
}

/// Targets of the local links in `text` of `page`, as paths from the root, without anchors.
fn links(page: &str, text: &str) -> Vec<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let targets = targets.map(|target| target.split('#').next().unwrap_or_default());
        let local = |t: &&str| !t.is_empty() && !t.contains("://") && !t.starts_with("mailto:");
        found.extend(targets.filter(|_| !in_code).filter(local).map(|t| resolve(folder, t)));
    }
    found
}

/// `target` as seen from `folder`, with `.` and `..` worked out.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} to put right:\n{}", wrong.len(), wrong.join("\n"));
}
