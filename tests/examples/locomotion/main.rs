//! How well the quadruped walks, in one table: `cargo run --release -p triune-tests --example
//! locomotion`.
//!
//! Each row is a scene: open ground, one wish, something against it. Every scene runs with the same
//! seeds; what is judged is the simulator's truth, of the whole system with its governor.
//!
//! | option | does |
//! |---|---|
//! | `--seeds N` | seeds 0 to N - 1, 20 by default |
//! | `--only WORD` | only scenes whose name holds it |
//! | `--save FILE` | writes the outcome as JSON |
//! | `--before FILE` | prints that outcome beside this one |
//! | `--write` | writes `docs/locomotion.md`, with the outcome of `before.json` beside |
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "without its robot it ends")]
#![allow(clippy::print_stdout, reason = "it is what it is for")]

mod scene;
mod table;
mod walk;
#[path = "../../tests/walking/mod.rs"]
mod walking;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use scene::{Scene, scenes};
use table::Outcome;
use walk::{Walk, walk};

struct Options {
    seeds: u64,
    only: String,
    save: Option<PathBuf>,
    before: Option<PathBuf>,
    write: bool,
}

fn options() -> Option<Options> {
    let mut options =
        Options { seeds: 20, only: String::new(), save: None, before: None, write: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seeds" => options.seeds = words.next()?.parse().ok()?,
            "--only" => options.only = words.next()?,
            "--save" => options.save = Some(words.next()?.into()),
            "--before" => options.before = Some(words.next()?.into()),
            "--write" => options.write = true,
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(mut options) = options() else {
        eprintln!(
            "usage: locomotion [--seeds N] [--only WORD] [--save FILE] [--before FILE] [--write]"
        );
        return ExitCode::from(2);
    };
    let record = whole::root().join("tests/examples/locomotion/before.json");
    if options.write {
        options.before = Some(record);
    }
    let before =
        options.before.as_deref().map(|file| Outcome::read(file).expect("a saved outcome"));
    let scenes: Vec<Scene> =
        scenes().into_iter().filter(|scene| scene.name.contains(&options.only)).collect();
    let outcome = Outcome::of(&scenes, &all_walks(&scenes, options.seeds), options.seeds);
    let page = outcome.page(before.as_ref());
    println!("{page}");
    if let Some(file) = &options.save {
        std::fs::write(file, outcome.json()).expect("a place to write");
    }
    if options.write {
        std::fs::write(whole::root().join("docs/locomotion.md"), table::document(&page))
            .expect("docs can be written");
    }
    ExitCode::SUCCESS
}

/// Every scene with every seed, on all cores; by scene, then by seed.
fn all_walks(scenes: &[Scene], seeds: u64) -> Vec<Vec<Walk>> {
    let runs: Vec<(usize, u64)> =
        (0..scenes.len()).flat_map(|scene| (0..seeds).map(move |seed| (scene, seed))).collect();
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next, runs) = (sender.clone(), &next, &runs);
            scope.spawn(move || {
                while let Some(&(scene, seed)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _ = sender.send((scene, seed, walk(&scenes[scene], seed)));
                }
            });
        }
    });
    drop(sender);
    let mut done: Vec<(usize, u64, Walk)> = results.iter().collect();
    done.sort_by_key(|&(scene, seed, _)| (scene, seed));
    let mut walks = vec![Vec::new(); scenes.len()];
    done.into_iter().for_each(|(scene, _, walk)| walks[scene].push(walk));
    walks
}
