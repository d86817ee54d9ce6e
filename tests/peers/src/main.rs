//! One-way latency and throughput between two processes, Triune beside other buses in one run; see
//! README.md.
//!
//! [`bench`] conducts: for each measurement it starts a sender and a receiver, both this program,
//! and collects what they leave ([`task`]). [`sender`] and [`sink`] are the same for every bus; the
//! buses are in [`transport`]. [`inside`] is the hand-over inside one process. [`table`] prints.

mod bench;
mod clock;
mod conduct;
mod histogram;
mod inside;
mod machine;
mod message;
mod sender;
mod sink;
mod table;
mod task;
mod transport;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::task::{Failure, Task};

/// Latency and throughput of buses beside each other.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    options: bench::Options,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// The sending process of one measurement; the bench starts it.
    #[command(hide = true)]
    Send {
        /// What to do.
        task: PathBuf,
    },
    /// The receiving process of one measurement; the bench starts it.
    #[command(hide = true)]
    Receive {
        /// What to do.
        task: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match &arguments.part {
        Some(Part::Send { task }) => Task::read(task).and_then(|task| transport::send(&task)),
        Some(Part::Receive { task }) => Task::read(task).and_then(|task| transport::receive(&task)),
        None => bench(&arguments.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(options: &bench::Options) -> Result<(), Failure> {
    // Before the run: a place that cannot be written shows now and not after it.
    let section = options.write.as_deref().map(table::Section::find).transpose()?;
    let outcome = bench::run(options)?;
    let text = table::print(&outcome);
    println!("{text}");
    if let Some(section) = section {
        section.write(&text)?;
    }
    let failed: Vec<&str> = outcome.failures.iter().map(String::as_str).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n").into()) }
}
