//! Who may use whom, and what comes from outside. The tables here are the plan; ARCHITECTURE.md
//! explains them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use whole::metadata::{Graph, Need, dependencies_outside, license_permits};

/// Per room: the rooms it may use.
const ROOMS: &[(&str, &[&str])] = &[
    ("signals", &[]),
    ("model", &["signals"]),
    ("governor", &["signals"]),
    ("cerebellum", &["signals", "model"]),
    ("bus", &["signals"]),
    ("brain", &["signals", "bus"]),
    ("motors", &["signals"]),
    ("firmware", &["signals", "governor"]),
    ("body", &["signals", "governor", "motors", "firmware"]),
    ("sim", &["signals", "model", "body", "firmware"]),
    (
        "runtime",
        &[
            "signals",
            "model",
            "governor",
            "cerebellum",
            "bus",
            "brain",
            "motors",
            "firmware",
            "body",
            "sim",
        ],
    ),
    (
        "tests",
        &[
            "signals",
            "model",
            "governor",
            "cerebellum",
            "bus",
            "brain",
            "motors",
            "firmware",
            "body",
            "sim",
            "runtime",
        ],
    ),
];

/// The rooms of the control loop and of the microcontroller: all they may take from outside.
const FROM_OUTSIDE: &[(&str, &[&str])] = &[
    ("signals", &["serde", "heapless", "libm"]),
    ("governor", &["heapless", "libm"]),
    ("cerebellum", &["nalgebra", "rsruckig", "libm"]),
    // Of its network plane alone; `nothing_in_the_loop_brings_an_executor_or_a_network` looks at it
    // without.
    ("bus", &["serde_json", "thiserror", "tracing", "zenoh", "zerocopy"]),
    ("motors", &["moteus-protocol"]),
    ("firmware", &["serde", "postcard", "cobs", "crc"]),
];

/// Rooms a microcontroller may use.
const FIRMWARE_MAY_USE: &[&str] = &["signals", "governor", "core"];

/// Permissive licences, by SPDX identifier; the uncommon ones with the reason why they are here.
const LICENCES: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    // Apache-2.0 with fewer duties: rustix, linux-raw-sys.
    "Apache-2.0 WITH LLVM-exception",
    // MIT without the duty to name: adler2.
    "0BSD",
    // Public domain with a licence to fall back on: memchr, byteorder.
    "Unlicense",
    // The list of public certificate authorities, which its makers give away as data: webpki-roots.
    "CDLA-Permissive-2.0",
    // Tables made from the Unicode data files, as permissive as MIT: unicode-ident, ICU4X.
    "Unicode-3.0",
];

/// Values of these crates cross our boundaries, or they are too large to be built twice.
const ONE_VERSION: &[&str] =
    &["nalgebra", "rapier3d", "parry3d", "mjcf-rs", "rten", "ort", "serde", "clap", "mcap"];

/// Executors and network stacks that wait, lock or allocate as they like.
const NOT_IN_THE_LOOP: &[&str] = &["tokio", "async-std", "smol", "zenoh", "hyper", "reqwest"];

/// Clauses: A1.
#[test]
fn rooms_use_only_what_the_table_allows() {
    let graph = Graph::of_this_workspace().unwrap();
    let table: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    for member in graph.members() {
        let room = room(&member.name);
        let Some(may_use) = table.get(room) else {
            wrong.push(format!("{room} is no room: add it to ROOMS here and to ARCHITECTURE.md"));
            continue;
        };
        for (used, need) in graph.direct(&member.name).filter(|(used, _)| used.ours) {
            // Tests may use more, but not the brain's: it cannot even name a vetted command.
            let excused = need == Need::Test && room != "brain";
            let used = crate::room(&used.name);
            if !excused && !may_use.contains(&used) {
                wrong.push(format!("{room} must not use {used}: drop it from {room}/Cargo.toml"));
            }
        }
    }
    let members: BTreeSet<_> = graph.members().map(|member| room(&member.name)).collect();
    let missing = table.keys().filter(|room| !members.contains(*room));
    wrong.extend(missing.map(|room| format!("{room} is in ROOMS but not in the workspace")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn loop_rooms_take_little_from_outside() {
    let graph = Graph::of_this_workspace().unwrap();
    for (room, allowed) in FROM_OUTSIDE {
        let package = format!("triune-{room}");
        let used = graph.direct(&package).filter(|(used, _)| !used.ours);
        for (used, _) in used.filter(|(_, need)| *need == Need::Build) {
            assert!(
                allowed.contains(&used.name.as_str()),
                "{room} must not use {}: it runs in the control loop. Do without it, or argue for \
                 it in the manifest and add it to FROM_OUTSIDE here and to ARCHITECTURE.md",
                used.name
            );
        }
    }
}

/// As each of them is built for itself, without the network plane of the bus.
///
/// Clauses: C3, D4.
#[test]
fn nothing_in_the_loop_brings_an_executor_or_a_network() {
    for room in ["signals", "model", "governor", "cerebellum", "bus", "motors", "body", "sim"] {
        let used = packages_of(room, &["--no-default-features"]).unwrap();
        assert!(used.contains(&format!("triune-{room}")), "{used:?}");
        for used in &used {
            assert!(
                !NOT_IN_THE_LOOP.contains(&used.as_str()),
                "{room} brings {used}: move what needs it to brain, runtime, or the network plane"
            );
        }
    }
    let alone = packages_of("bus", &["--no-default-features"]).unwrap();
    assert_eq!(alone, BTreeSet::from(["triune-bus".to_owned()]), "the loop plane needs nothing");
    // The same look finds them where they are.
    let with = packages_of("bus", &[]).unwrap();
    assert!(with.contains("zenoh") && with.contains("tokio"), "{with:?}");
}

/// Names of all packages that a build of `room` alone links.
fn packages_of(room: &str, flags: &[&str]) -> std::io::Result<BTreeSet<String>> {
    let package = format!("triune-{room}");
    let tree = std::process::Command::new(env!("CARGO"))
        .current_dir(whole::root())
        .args(["tree", "--offline", "-e", "normal", "--prefix", "none", "-p", &package])
        .args(flags)
        .output()?;
    let said = String::from_utf8_lossy(&tree.stderr);
    assert!(tree.status.success(), "cargo tree -p {package}: {said}");
    let lines = String::from_utf8_lossy(&tree.stdout);
    let names = lines.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

#[test]
fn firmware_uses_only_the_words_and_the_governor() {
    let manifest = whole::root().join("firmware/boards/Cargo.toml");
    for (package, used) in dependencies_outside(&manifest).unwrap() {
        assert!(
            FIRMWARE_MAY_USE.contains(&used.as_str()),
            "firmware package {package} must not use {used}: only {FIRMWARE_MAY_USE:?} are made \
             for a microcontroller"
        );
    }
}

#[test]
fn every_room_has_the_shared_lints_and_the_edition() {
    let graph = Graph::of_this_workspace().unwrap();
    for member in graph.members() {
        let manifest = fs::read_to_string(&member.manifest).unwrap();
        let words: String = manifest.split_whitespace().collect();
        let path = &member.manifest;
        assert!(words.contains("[lints]workspace=true"), "{path}: add [lints] workspace = true");
        assert_eq!(member.edition, "2024", "{path}: use edition.workspace = true");
    }
}

#[test]
fn the_binary_contains_only_permissive_licences() {
    let graph = Graph::of_this_workspace().unwrap();
    let linked = graph.closure("triune-runtime");
    assert!(linked.len() > 50, "the graph of the binary looks cut off: {}", linked.len());
    let allowed = |id: &str| LICENCES.contains(&id);
    let wrong: Vec<_> = linked
        .iter()
        .filter(|package| !license_permits(&package.license, allowed))
        .map(|package| format!("{} {}: \"{}\"", package.name, package.version, package.license))
        .collect();
    assert!(
        wrong.is_empty(),
        "not on the list of permissive licences:\n{}\nReplace the crate; or, if its licence is \
         permissive, add the identifier with the reason to LICENCES",
        wrong.join("\n")
    );
}

#[test]
fn chosen_crates_come_in_one_version() {
    let graph = Graph::of_this_workspace().unwrap();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in graph.closure("triune-runtime") {
        if ONE_VERSION.contains(&package.name.as_str()) {
            versions.entry(&package.name).or_default().insert(&package.version);
        }
    }
    let mut direct: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for member in graph.members() {
        for (used, _) in graph.direct(&member.name).filter(|(used, _)| !used.ours) {
            direct.entry(&used.name).or_default().insert(&used.version);
        }
    }
    for (name, versions) in versions.into_iter().chain(direct) {
        assert!(
            versions.len() == 1,
            "{name} comes in several versions, {versions:?}: write `{name}.workspace = true` in \
             every member, and see `cargo tree -d -i {name}` for who else brings one"
        );
    }
}

fn room(package: &str) -> &str {
    package.strip_prefix("triune-").unwrap_or(package)
}
