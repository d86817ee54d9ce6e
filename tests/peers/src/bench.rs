//! The whole run: every bus, size and pace, in turns, several rounds.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::clock;
use crate::conduct::{conduct, free_port};
use crate::histogram::Histogram;
use crate::inside::{self, Lane};
use crate::machine::{self, Shares, Ticks};
use crate::task::{Failure, Pace, Received, Sent, Task, WARM_UP};
use crate::transport::Transport;

/// Bytes of the messages.
const SIZES: [usize; 4] = [64, 520, 4096, 1 << 20];
/// From this size on messages come at 100 Hz instead of 1 kHz.
const LARGE: usize = 1 << 20;
/// Messages of a flood, at most.
const FLOOD_MOST: u64 = 2_000_000;
/// Values that are handed over inside the process.
const INSIDE: u64 = 100_000;

/// What is measured, and where it goes.
#[derive(Args, Debug)]
pub struct Options {
    /// How often everything is measured; the order of the buses differs each time.
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Messages a round at 1 kHz, after the warm-up; of 1 MiB at 100 Hz an eighth of it.
    #[arg(long, default_value_t = 3200)]
    messages: u64,
    /// Length of a flood, ms.
    #[arg(long, default_value_t = 500)]
    flood: u64,
    /// Only buses whose names hold this word, whatever its case; may come several times.
    #[arg(long)]
    only: Vec<String>,
    /// Only messages of so many bytes; may come several times.
    #[arg(long)]
    size: Vec<usize>,
    /// dora's program: that of the wheel `dora-rs-cli` 1.1.0.
    #[arg(long, default_value = "dora")]
    dora: PathBuf,
    /// Folder for the raw histograms (histograms.csv) and a line for each measurement (rounds.csv).
    #[arg(long)]
    out: Option<PathBuf>,
    /// Markdown file that gets the tables between `<!-- peers -->` and `<!-- end of peers -->`.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

/// Sizes and pace of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Bytes of a message.
    pub size: usize,
    /// As fast as it goes.
    pub flood: bool,
}

/// One bus in one table, all rounds.
#[derive(Debug)]
pub struct Row {
    /// The bus.
    pub transport: Transport,
    /// The table.
    pub cell: Cell,
    /// Round by round.
    pub rounds: Vec<Round>,
    /// Latencies of all rounds, ns.
    pub latencies: Histogram,
    /// Times of the put call of all rounds, ns.
    pub puts: Histogram,
}

/// One bus in one round.
#[derive(Debug)]
pub struct Round {
    /// The sender's counts; its samples are in the row.
    pub sent: Sent,
    /// The receiver's counts; its samples are in the row.
    pub received: Received,
    /// Median latency, ns; none when nothing came.
    pub p50: Option<u64>,
    /// 99th percentile of the latency, ns.
    pub p99: Option<u64>,
}

/// A lane inside the process, all rounds.
#[derive(Debug)]
pub struct InsideRow {
    /// What hands over.
    pub lane: Lane,
    /// Bytes of a value.
    pub size: usize,
    /// To another thread.
    pub threads: bool,
    /// Values written.
    pub sent: u64,
    /// Values read.
    pub received: u64,
    /// Latencies of all rounds, ns.
    pub latencies: Histogram,
    /// Times of the write call of all rounds, ns.
    pub puts: Histogram,
}

/// What the run brought.
#[derive(Debug)]
pub struct Outcome {
    /// Processor and kernel.
    pub machine: String,
    /// Load before and after.
    pub load: (String, String),
    /// Shares of each round.
    pub shares: Vec<Shares>,
    /// Messages a round at 1 kHz, and ms of a flood.
    pub length: (u64, u64),
    /// What two readings of the clock are apart, ns.
    pub clock: u64,
    /// Between processes.
    pub rows: Vec<Row>,
    /// Inside one process.
    pub inside: Vec<InsideRow>,
    /// What failed, in words.
    pub failures: Vec<String>,
}

/// Runs everything.
///
/// # Errors
///
/// A place that cannot be written. What fails of a bus is in the outcome.
pub fn run(options: &Options) -> Result<Outcome, Failure> {
    let mut files = options.out.as_deref().map(Files::create).transpose()?;
    let transports = options.transports()?;
    let cells = options.cells();
    let mut outcome = Outcome {
        machine: machine::describe(),
        load: (machine::load(), String::new()),
        shares: Vec::new(),
        length: (options.messages, options.flood),
        clock: clock::overhead(),
        rows: Vec::new(),
        inside: Vec::new(),
        failures: Vec::new(),
    };
    for cell in &cells {
        let rows = carrying(&transports, *cell).map(|transport| Row::new(transport, *cell));
        outcome.rows.extend(rows);
    }
    for round in 0..options.rounds {
        let before = Ticks::now();
        for (at, cell) in cells.iter().enumerate() {
            // A noisy minute hits neighbours in turn: each time another bus is the first.
            let first = (round as usize * 4 + at) % transports.len().max(1);
            let (rest, begin) = (&transports[..first], &transports[first..]);
            for transport in carrying(begin, *cell).chain(carrying(rest, *cell)) {
                options.measure(transport, *cell, round, &mut outcome, files.as_mut())?;
            }
        }
        if options.only.is_empty() && options.size.is_empty() {
            inside_round(round, &mut outcome, files.as_mut())?;
        }
        let shares = Ticks::now().since(before);
        eprintln!("round {}: stolen {:.1} %, load {}", round + 1, shares.stolen, machine::load());
        outcome.shares.push(shares);
    }
    outcome.load.1 = machine::load();
    if let Some(files) = files {
        files.close()?;
    }
    Ok(outcome)
}

impl Options {
    fn transports(&self) -> Result<Vec<Transport>, Failure> {
        let wanted = |transport: &Transport| {
            let name = transport.name().to_lowercase();
            self.only.is_empty() || self.only.iter().any(|word| name.contains(&word.to_lowercase()))
        };
        let built = Transport::ALL.into_iter().filter(|transport| transport.is_built());
        let all: Vec<Transport> = built.filter(wanted).collect();
        if all.contains(&Transport::Dora) {
            check_dora(&self.dora)?;
        }
        if all.is_empty() {
            let names = Transport::ALL.map(Transport::name).join("; ");
            return Err(
                format!("--only {:?}: no bus is called so; there are {names}", self.only).into()
            );
        }
        Ok(all)
    }

    fn cells(&self) -> Vec<Cell> {
        let sizes = if self.size.is_empty() { SIZES.to_vec() } else { self.size.clone() };
        let cell = |flood: bool| sizes.iter().map(move |size| Cell { size: *size, flood });
        cell(false).chain(cell(true)).collect()
    }

    fn pace(&self, cell: Cell) -> Pace {
        match (cell.flood, cell.size >= LARGE) {
            (true, _) => Pace::Flood { lasts_ns: self.flood * 1_000_000, most: FLOOD_MOST },
            (false, false) => Pace::Paced { period_ns: 1_000_000, count: self.messages },
            (false, true) => Pace::Paced { period_ns: 10_000_000, count: self.messages / 8 },
        }
    }

    fn measure(
        &self,
        transport: Transport,
        cell: Cell,
        round: u64,
        outcome: &mut Outcome,
        files: Option<&mut Files>,
    ) -> Result<(), Failure> {
        let folder = tempfile::Builder::new().prefix("peers-").tempdir()?;
        let (size, pace) = (cell.size, self.pace(cell));
        let folder_path = folder.path().to_owned();
        let task = Task { transport, size, pace, folder: folder_path, port: free_port()? };
        let name = format!("{}, {}, round {}", transport.name(), cell.name(), round + 1);
        let (sent, received) = match conduct(&task, &self.dora) {
            Ok(counts) => counts,
            Err(error) => {
                eprintln!("{name}: {error}");
                outcome.failures.push(format!("{name}: {error}"));
                return Ok(());
            }
        };
        let row = outcome.rows.iter_mut().find(|r| r.transport == transport && r.cell == cell);
        let Some(row) = row else { return Ok(()) };
        let (latencies, puts) = row.add(sent, received);
        if let (Some(files), Some(last)) = (files, row.rounds.last()) {
            let place = format!("{:?},{size},{}", transport.name(), cell.pace_name());
            files.bars(&place, round, &[("latency", &latencies), ("put", &puts)])?;
            files.round(&place, round, last)?;
        }
        let (median, share) = (latencies.percentile(0.5), row.rounds.last());
        let lost = share.map_or(0, |round| round.sent.sent - round.received.received);
        eprintln!("{name}: median {} us, lost {lost}", median.map_or(0.0, |ns| ns as f64 / 1e3));
        Ok(())
    }
}

fn carrying(transports: &[Transport], cell: Cell) -> impl Iterator<Item = Transport> {
    transports.iter().copied().filter(move |transport| transport.carries(cell.size))
}

/// Better now than after an hour.
fn check_dora(program: &Path) -> Result<(), Failure> {
    let name = program.display();
    let said = Command::new(program).arg("--version").output().map_err(|error| {
        format!("--dora {name}: {error}; it is in the wheel dora-rs-cli, see README.md")
    })?;
    if said.status.success() {
        return Ok(());
    }
    Err(format!("--dora {name}: {}", String::from_utf8_lossy(&said.stderr)).into())
}

fn inside_round(
    round: u64,
    outcome: &mut Outcome,
    mut files: Option<&mut Files>,
) -> Result<(), Failure> {
    for threads in [false, true] {
        for size in inside::SIZES {
            for turn in 0..Lane::ALL.len() {
                let lane = Lane::ALL[(turn + round as usize) % Lane::ALL.len()];
                let passed = inside::measure(lane, size, threads, INSIDE)?;
                let (latencies, puts) =
                    (Histogram::of(passed.latencies), Histogram::of(passed.writes));
                if let Some(files) = files.as_deref_mut() {
                    let pace = if threads { "two threads" } else { "same thread" };
                    let place = format!("{:?},{size},{pace}", lane.name());
                    files.bars(&place, round, &[("latency", &latencies), ("put", &puts)])?;
                }
                let rows = &mut outcome.inside;
                let same =
                    |row: &InsideRow| (row.lane, row.size, row.threads) == (lane, size, threads);
                let at = rows.iter().position(same).unwrap_or_else(|| {
                    let (latencies, puts) = Default::default();
                    let (sent, received) = (0, 0);
                    rows.push(InsideRow { lane, size, threads, sent, received, latencies, puts });
                    rows.len() - 1
                });
                rows[at].sent += passed.sent;
                rows[at].received += passed.received;
                rows[at].latencies.merge(&latencies);
                rows[at].puts.merge(&puts);
            }
        }
    }
    Ok(())
}

impl Cell {
    /// Its size in words.
    pub fn size_name(self) -> String {
        match self.size {
            size if size >= 1 << 20 && size % (1 << 20) == 0 => format!("{} MiB", size >> 20),
            size if size >= 1 << 10 && size % (1 << 10) == 0 => format!("{} KiB", size >> 10),
            size => format!("{size} B"),
        }
    }

    /// Its pace in words.
    pub fn pace_name(self) -> &'static str {
        match (self.flood, self.size >= LARGE) {
            (true, _) => "unpaced",
            (false, false) => "1 kHz",
            (false, true) => "100 Hz",
        }
    }

    /// Both.
    pub fn name(self) -> String {
        format!("{}, {}", self.size_name(), self.pace_name())
    }
}

impl Row {
    fn new(transport: Transport, cell: Cell) -> Self {
        let (latencies, puts) = Default::default();
        Self { transport, cell, rounds: Vec::new(), latencies, puts }
    }

    /// Adds a round; returns its histograms of latencies and puts.
    fn add(&mut self, mut sent: Sent, mut received: Received) -> (Histogram, Histogram) {
        let latencies = Histogram::of(std::mem::take(&mut received.latencies));
        let puts = Histogram::of(std::mem::take(&mut sent.puts));
        self.latencies.merge(&latencies);
        self.puts.merge(&puts);
        let (p50, p99) = (latencies.percentile(0.5), latencies.percentile(0.99));
        self.rounds.push(Round { sent, received, p50, p99 });
        (latencies, puts)
    }

    /// Sum of a count over the rounds.
    pub fn sum(&self, of: impl Fn(&Round) -> u64) -> u64 {
        self.rounds.iter().map(of).sum()
    }

    /// Messages that were sent and did not arrive.
    pub fn lost(&self) -> u64 {
        self.sum(|round| round.sent.sent - round.received.received)
    }
}

/// The raw numbers.
struct Files {
    bars: BufWriter<File>,
    rounds: BufWriter<File>,
}

impl Files {
    fn create(folder: &Path) -> Result<Self, Failure> {
        let shown = |error| format!("--out {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(shown)?;
        let open = |name: &str| File::create(folder.join(name)).map(BufWriter::new).map_err(shown);
        let (mut bars, mut rounds) = (open("histograms.csv")?, open("rounds.csv")?);
        writeln!(bars, "bus,bytes,pace,round,what,ns,count")?;
        writeln!(
            rounds,
            "bus,bytes,pace,round,warm_up,sent,refused,late,received,disordered,gaps,newest,copied,\
             sending_ns,receiving_ns,latency_p50_ns,latency_p99_ns"
        )?;
        Ok(Self { bars, rounds })
    }

    fn bars(
        &mut self,
        place: &str,
        round: u64,
        both: &[(&str, &Histogram)],
    ) -> Result<(), Failure> {
        for (what, histogram) in both {
            for (value, count) in histogram.bars() {
                writeln!(self.bars, "{place},{},{what},{value},{count}", round + 1)?;
            }
        }
        Ok(())
    }

    fn round(&mut self, place: &str, number: u64, round: &Round) -> Result<(), Failure> {
        let Round { sent, received, p50, p99 } = round;
        let shown = |value: &Option<u64>| value.map_or_else(String::new, |ns| ns.to_string());
        writeln!(
            self.rounds,
            "{place},{},{WARM_UP},{},{},{},{},{},{},{},{},{},{},{},{}",
            number + 1,
            sent.sent,
            sent.refused,
            sent.late,
            received.received,
            received.disordered,
            received.gaps,
            received.newest,
            received.copied,
            sent.lasted_ns,
            received.lasted_ns,
            shown(p50),
            shown(p99)
        )?;
        Ok(())
    }

    fn close(mut self) -> Result<(), Failure> {
        self.bars.flush()?;
        Ok(self.rounds.flush()?)
    }
}
