//! What the two processes of one measurement are told, and what they leave behind.
//!
//! Everything lies in one folder: the task, signs that something has happened (empty files), and
//! the results. So the same works for processes that we start and for nodes that a daemon starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::transport::Transport;

/// Whatever went wrong, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Messages at the start of each measurement that are sent but not counted.
pub const WARM_UP: u64 = 200;
/// How long each side waits for the other, at most.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How fast the sender sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pace {
    /// One message each `period_ns`; `count` messages after the warm-up.
    Paced {
        /// Time between two messages, ns.
        period_ns: u64,
        /// Messages to measure.
        count: u64,
    },
    /// As fast as it goes, for `lasts_ns` or `most` messages.
    Flood {
        /// Time, ns.
        lasts_ns: u64,
        /// Messages, the warm-up among them.
        most: u64,
    },
}

/// One measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// What carries the messages.
    pub transport: Transport,
    /// Bytes of a message.
    pub size: usize,
    /// How fast.
    pub pace: Pace,
    /// Where signs and results go.
    pub folder: PathBuf,
    /// A port of this machine that is free.
    pub port: u16,
}

/// Something that one side tells the other or the conductor.
#[derive(Clone, Copy, Debug)]
pub enum Sign {
    /// The sender can be connected to.
    Open,
    /// The receiver hears the sender.
    Heard,
    /// The sender has sent everything; its results are written.
    Sent,
    /// The receiver has its results written.
    Received,
}

impl Sign {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Heard => "heard",
            Self::Sent => "sent",
            Self::Received => "received",
        }
    }
}

impl Task {
    /// Reads a task from its file.
    pub fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?)
    }

    /// Writes it into its folder; returns the file.
    pub fn write(&self) -> Result<PathBuf, Failure> {
        let file = self.folder.join("task.json");
        fs::write(&file, serde_json::to_string(self)?)?;
        Ok(file)
    }

    /// Makes a sign.
    pub fn signal(&self, sign: Sign) -> Result<(), Failure> {
        Ok(fs::write(self.folder.join(sign.name()), "")?)
    }

    /// Whether a sign was made.
    pub fn is_signalled(&self, sign: Sign) -> bool {
        self.folder.join(sign.name()).exists()
    }

    /// Waits for a sign; between two looks it does `meanwhile`.
    pub fn wait(
        &self,
        sign: Sign,
        mut meanwhile: impl FnMut() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let until = clock::now() + PATIENCE.as_nanos() as u64;
        while !self.is_signalled(sign) {
            if clock::now() > until {
                let seconds = PATIENCE.as_secs();
                return Err(format!("no sign of `{}` in {seconds} s", sign.name()).into());
            }
            meanwhile()?;
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// What a sender counted, without the warm-up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Messages put, refused ones among them.
    pub sent: u64,
    /// Messages that the bus refused, or had no room for, at once.
    pub refused: u64,
    /// Paced: messages that began more than a period late.
    pub late: u64,
    /// From the first to the last, ns.
    pub lasted_ns: u64,
    /// Time of each put, ns.
    #[serde(skip)]
    pub puts: Vec<u64>,
}

/// What a receiver counted, without the warm-up.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Received {
    /// Whole messages.
    pub received: u64,
    /// Messages that were not whole.
    pub broken: u64,
    /// Messages that came again or after a newer one.
    pub disordered: u64,
    /// How often one message or several in a row were missing before a newer one.
    pub gaps: u64,
    /// Sequence of the newest message, the warm-up counted.
    pub newest: u64,
    /// Messages that should have lain in shared memory and did not.
    pub copied: u64,
    /// From the first to the last, ns.
    pub lasted_ns: u64,
    /// From before the put until the message was checked, ns, in the order of arrival.
    #[serde(skip)]
    pub latencies: Vec<u64>,
}

/// Writes counts as JSON and samples as raw little-endian words.
pub fn save<T: Serialize>(
    folder: &Path,
    name: &str,
    counts: &T,
    samples: &[u64],
) -> Result<(), Failure> {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    fs::write(folder.join(format!("{name}.raw")), bytes)?;
    Ok(fs::write(folder.join(format!("{name}.json")), serde_json::to_string(counts)?)?)
}

/// Reads what [`save`] wrote.
pub fn load<T: for<'de> Deserialize<'de>>(
    folder: &Path,
    name: &str,
) -> Result<(T, Vec<u64>), Failure> {
    let bytes = fs::read(folder.join(format!("{name}.raw")))?;
    let (words, _) = bytes.as_chunks::<8>();
    let samples = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let counts = serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json")))?)?;
    Ok((counts, samples))
}
