//! Writes the traceability matrix and the catalogue of rules, and fails where they do not hold
//! together. Needs no network and none of the heavy crates.
//!
//! ```text
//! cargo run -p triune-tests --bin matrix -- [--write] [--results FILE]... [--out DIR]
//! ```
//!
//! `--write` refreshes the pages of `docs` that are made from the code. `--results` names what
//! `cargo test` printed; by default all of `test-results` in the target folder, where `tests/run`
//! leaves it. `--out` is where `traceability.md` and `traceability.json` go; by default the target
//! folder. Exit codes: 0 all well, 2 usage, 3 a file cannot be read or written, 6 something does
//! not hold together.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, io};

use whole::catalogue;
use whole::matrix::{Matrix, Results};

struct Options {
    write: bool,
    results: Vec<PathBuf>,
    out: PathBuf,
}

fn main() -> ExitCode {
    let options = match options(env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("matrix: {message}; there are --write, --results FILE and --out DIR");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(wrong) if wrong.is_empty() => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{} to put right:\n{}", wrong.len(), wrong.join("\n"));
            ExitCode::from(6)
        }
        Err(error) => {
            eprintln!("matrix: {error}");
            ExitCode::from(3)
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| whole::root().join("target"), PathBuf::from);
    let mut options = Options { write: false, results: Vec::new(), out: target.clone() };
    while let Some(word) = words.next() {
        let mut path = || words.next().map(PathBuf::from).ok_or(format!("{word} needs a path"));
        match word.as_str() {
            "--write" => options.write = true,
            "--results" => options.results.push(path()?),
            "--out" => options.out = path()?,
            _ => return Err(format!("what is {word}?")),
        }
    }
    if options.results.is_empty() {
        options.results = texts_in(&target.join("test-results"));
    }
    Ok(options)
}

/// The text files of a folder; none when it is not there.
fn texts_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "txt"));
    files.sort();
    files
}

/// What does not hold together.
fn run(options: &Options) -> io::Result<Vec<String>> {
    let matrix = Matrix::of_this_checkout()?;
    let mut results = Results::default();
    for file in &options.results {
        let text = fs::read(file).map_err(|error| named(file, &error))?;
        results.add(&String::from_utf8_lossy(&text));
    }
    fs::create_dir_all(&options.out).map_err(|error| named(&options.out, &error))?;
    let json = serde_json::to_string_pretty(&matrix.json(&results))? + "\n";
    for (name, text) in
        [("traceability.md", matrix.page_with_results(&results)), ("traceability.json", json)]
    {
        let path = options.out.join(name);
        fs::write(&path, text).map_err(|error| named(&path, &error))?;
        println!("{}", path.display());
    }
    if options.write {
        catalogue::write(&matrix)?;
    }
    let [covered, partly, not_yet] = matrix.totals();
    println!("clauses: {covered} covered, {partly} partly, {not_yet} not yet");
    let idle: Vec<_> = matrix.idle_rules().map(governor::Rule::id).collect();
    if !idle.is_empty() {
        println!("{} rules act nowhere yet: {}", idle.len(), idle.join(", "));
    }
    let mut wrong = matrix.problems();
    wrong.extend(catalogue::stale(&matrix)?);
    Ok(wrong)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
