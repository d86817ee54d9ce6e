//! Reads a journal back, as far as it goes.

use std::path::{Path, PathBuf};

use mcap::MessageStream;
use mcap::read::Options;

use super::sound::sound_length;
use super::writer::HASH;
use super::{EventLine, JournalInfo, LevelLine, RecordLine, Tick};

/// A journal in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadJournal {
    /// What it says of its run.
    pub info: JournalInfo,
    /// Every tick, in order.
    pub ticks: Vec<Tick>,
    /// Every intervention, in order.
    pub records: Vec<RecordLine>,
    /// Every event, in order.
    pub events: Vec<EventLine>,
    /// Levels at each change and twenty times a second.
    pub levels: Vec<LevelLine>,
    /// Where and why reading ended early, for a file that was cut off.
    pub cut: Option<String>,
}

/// A journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("{}: the journal must be readable: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is not a journal of this program.
    #[error("{}: this is not a journal: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Reads the journal `path`. A file that was cut off reads up to the cut.
///
/// # Errors
/// The file cannot be opened or is not a journal.
pub fn read(path: &Path) -> Result<ReadJournal, ReadError> {
    let failed = |error| ReadError::File { path: path.to_path_buf(), error };
    // A device or a pipe may have no end.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is not a regular file")));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    ReadJournal::parse(&bytes)
        .map_err(|reason| ReadError::Format { path: path.to_path_buf(), reason })
}

impl ReadJournal {
    /// Reads a journal from memory; the error is why it is not one.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if !bytes.starts_with(mcap::MAGIC) {
            return Err("it does not begin like an MCAP file".into());
        }
        let sound = bytes.get(..sound_length(bytes)).unwrap_or(bytes);
        let stream = MessageStream::new_with_options(sound, Options::IgnoreEndMagic.into())
            .map_err(|error| error.to_string())?;
        let mut journal = Self::default();
        for message in stream {
            match message {
                Ok(message) => journal.add(&message)?,
                Err(error) => {
                    journal.cut = Some(error.to_string());
                    break;
                }
            }
        }
        if journal.cut.is_none() && !bytes.ends_with(mcap::MAGIC) {
            journal.cut = Some("the end of the file is missing".into());
        }
        if journal.cut.is_none() && sound.len() < bytes.len() {
            journal.cut = Some(format!("the record at byte {} is broken", sound.len()));
        }
        Ok(journal)
    }

    fn add(&mut self, message: &mcap::Message<'_>) -> Result<(), String> {
        let bad = |error: serde_json::Error| format!("{}: {error}", message.channel.topic);
        match message.channel.topic.as_str() {
            "/tick" => {
                if self.ticks.is_empty() {
                    self.info = info(&message.channel);
                }
                let tick = Tick::decode(&message.data).ok_or("/tick: not of this layout")?;
                self.ticks.push(tick);
            }
            "/governor/interventions" => {
                self.records.push(serde_json::from_slice(&message.data).map_err(bad)?);
            }
            "/mission/events" => {
                self.events.push(serde_json::from_slice(&message.data).map_err(bad)?);
            }
            "/levels" => self.levels.push(serde_json::from_slice(&message.data).map_err(bad)?),
            // A later program may have written more; what is known still reads.
            _ => {}
        }
        Ok(())
    }

    /// The tick in force at `at_s`; the first one before the beginning.
    #[must_use]
    pub fn tick_at(&self, at_s: f64) -> Option<&Tick> {
        let after = self.ticks.partition_point(|tick| tick.at.as_seconds() <= at_s);
        self.ticks.get(after.saturating_sub(1))
    }
}

fn info(channel: &mcap::Channel<'_>) -> JournalInfo {
    let text = |key: &str| channel.metadata.get(key).cloned().unwrap_or_default();
    let joints = text("joints");
    JournalInfo {
        robot: text("robot"),
        joints: joints.split(',').filter(|name| !name.is_empty()).map(Into::into).collect(),
        seed: text("seed").parse().unwrap_or_default(),
        config_hashes: channel
            .metadata
            .iter()
            .filter_map(|(key, hash)| Some((key.strip_prefix(HASH)?.to_owned(), hash.clone())))
            .collect(),
    }
}
