//! The writing end: entries become MCAP messages, messages become blocks, blocks go to the disk.
//!
//! A block that the disk refuses is kept and offered again, so that every byte offset in the file
//! stays right; what arrives meanwhile is counted as lost. The memory this takes is therefore
//! bounded.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Seek, SeekFrom, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use mcap::records::MessageHeader;
use mcap::{McapResult, WriteOptions};
use signals::{Level, Mode, Posture};

use super::line::{self, EventLine, LevelLine, RecordLine};
use super::{Entry, JournalInfo, Tick};

/// Bytes of a block.
const BLOCK: usize = 512 * 1024;
/// Nothing stays in memory longer than this.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// A disk that refused is asked again after this.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Ticks between two lines of `/levels` when nothing changes.
const LEVEL_LINE_EVERY: u64 = 50;

/// What was written and what was lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) ticks: u64,
    pub(super) records: u64,
    pub(super) events: u64,
    pub(super) lost: u64,
    pub(super) error: Option<String>,
}

impl Kept {
    const fn entries(&self) -> u64 {
        self.ticks + self.records + self.events
    }

    const fn count(&mut self, entry: &Entry) {
        match entry {
            Entry::Tick(_) => self.ticks += 1,
            Entry::Record(_) => self.records += 1,
            Entry::Event(_) => self.events += 1,
        }
    }
}

/// Where the MCAP encoder puts its bytes: memory that the disk has not taken yet.
#[derive(Clone, Default)]
struct Memory {
    bytes: Rc<RefCell<Vec<u8>>>,
    /// Bytes that ever went through: the position in the file.
    position: u64,
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.borrow_mut().extend_from_slice(bytes);
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Memory {
    /// The encoder is told not to seek; it only asks where it is.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let stays = to == SeekFrom::Current(0);
        if stays { Ok(self.position) } else { Err(io::ErrorKind::Unsupported.into()) }
    }
}

/// Channel numbers in the file.
#[derive(Clone, Copy)]
struct Channels {
    tick: u16,
    interventions: u16,
    events: u16,
    levels: u16,
}

/// Turns entries into bytes and bytes into the file.
pub(super) struct Writer {
    disk: Disk,
    joints: Vec<String>,
    /// None when the encoder failed; nothing can be written then.
    encoder: Option<(mcap::Writer<Memory>, Channels)>,
    memory: Memory,
    /// Written for good.
    kept: Kept,
    /// In memory, not yet on the disk.
    waiting: Kept,
    /// Bytes the encoder has taken since the last flush.
    block: usize,
    flushed: Instant,
    sequence: u32,
    bytes: Vec<u8>,
    last: Option<(Level, Mode, Posture)>,
}

impl Writer {
    pub(super) fn new(output: impl Write + 'static, info: &JournalInfo) -> Self {
        let memory = Memory::default();
        let mut kept = Kept::default();
        let encoder = match encoder(memory.clone(), info) {
            Ok(encoder) => Some(encoder),
            Err(error) => {
                kept.error = Some(error.to_string());
                None
            }
        };
        let mut writer = Self {
            disk: Disk { output: Box::new(output), refused: None },
            joints: info.joints.clone(),
            encoder,
            memory,
            kept,
            waiting: Kept::default(),
            block: 0,
            flushed: Instant::now(),
            sequence: 0,
            bytes: Vec::new(),
            last: None,
        };
        // The schemas first: a file that is cut off anywhere behind them can be read.
        writer.flush();
        writer
    }

    /// Takes one entry, or counts it as lost while the disk refuses.
    pub(super) fn add(&mut self, entry: &Entry) {
        if self.disk.refused.is_some() || self.encoder.is_none() {
            self.kept.lost += 1;
            return;
        }
        match self.encode(entry) {
            Ok(()) => self.waiting.count(entry),
            Err(error) => {
                self.kept.lost += 1;
                self.kept.error = Some(error.to_string());
            }
        }
        if self.block >= BLOCK {
            self.flush();
        }
    }

    /// Sees that nothing stays in memory too long, and offers a refused block again.
    pub(super) fn tend(&mut self) {
        let wait = if self.disk.refused.is_some() { RETRY_AFTER } else { FLUSH_EVERY };
        if self.disk.refused.unwrap_or(self.flushed).elapsed() >= wait {
            self.flush();
        }
    }

    /// Ends the file and says what became of it.
    pub(super) fn finish(mut self) -> Kept {
        if let Some((encoder, _)) = &mut self.encoder
            && let Err(error) = encoder.finish()
        {
            self.kept.error = Some(error.to_string());
        }
        self.store();
        if self.disk.refused.is_some() {
            self.kept.lost += self.waiting.entries();
        }
        self.kept
    }

    fn flush(&mut self) {
        (self.flushed, self.block) = (Instant::now(), 0);
        if let Some((encoder, _)) = &mut self.encoder
            && let Err(error) = encoder.flush()
        {
            self.kept.error = Some(error.to_string());
        }
        self.store();
    }

    /// Hands what is in memory to the disk. Only after the encoder was flushed or finished, so that
    /// everything waiting is in memory.
    fn store(&mut self) {
        let mut memory = self.memory.bytes.borrow_mut();
        match self.disk.take(&mut memory) {
            Ok(()) => {
                let stored = std::mem::take(&mut self.waiting);
                self.kept.ticks += stored.ticks;
                self.kept.records += stored.records;
                self.kept.events += stored.events;
            }
            Err(error) => self.kept.error = Some(error.to_string()),
        }
    }

    fn encode(&mut self, entry: &Entry) -> McapResult<()> {
        match entry {
            Entry::Tick(tick) => {
                self.bytes.clear();
                tick.encode(&mut self.bytes);
                self.put(|channels| channels.tick, tick.at)?;
                self.level_line(tick)
            }
            Entry::Record(record) => {
                let line = RecordLine::of(record, &self.joints);
                self.json(&line)?;
                self.put(|channels| channels.interventions, record.at)
            }
            Entry::Event(event) => {
                self.json(&EventLine::of(event))?;
                self.put(|channels| channels.events, event.at)
            }
        }
    }

    fn level_line(&mut self, tick: &Tick) -> McapResult<()> {
        let now = Some((tick.level, tick.mode, tick.posture));
        if now == self.last && !tick.cycle.is_multiple_of(LEVEL_LINE_EVERY) {
            return Ok(());
        }
        self.last = now;
        self.json(&LevelLine::of(tick))?;
        self.put(|channels| channels.levels, tick.at)
    }

    fn json(&mut self, line: &impl serde::Serialize) -> McapResult<()> {
        self.bytes.clear();
        serde_json::to_writer(&mut self.bytes, line)
            .map_err(|error| mcap::McapError::Io(io::Error::other(error)))
    }

    /// Writes `self.bytes` as one message.
    fn put(&mut self, channel: fn(&Channels) -> u16, at: signals::Instant) -> McapResult<()> {
        let Some((encoder, channels)) = &mut self.encoder else { return Ok(()) };
        let time = at.as_nanos();
        self.sequence = self.sequence.wrapping_add(1);
        self.block += self.bytes.len();
        let header = MessageHeader {
            channel_id: channel(channels),
            sequence: self.sequence,
            log_time: time,
            publish_time: time,
        };
        encoder.write_to_known_channel(&header, &self.bytes)
    }
}

/// The file, and whether it takes anything at the moment.
struct Disk {
    output: Box<dyn Write>,
    /// When it last refused, while it does.
    refused: Option<Instant>,
}

impl Disk {
    /// Writes all of `bytes`, or as much as goes, and removes what was written.
    fn take(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut written = 0;
        let result = loop {
            let rest = bytes.get(written..).unwrap_or_default();
            if rest.is_empty() {
                break self.output.flush();
            }
            match self.output.write(rest) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        bytes.drain(..written.min(bytes.len()));
        self.refused = result.is_err().then(Instant::now);
        result
    }
}

/// What the key of a file's hash begins with, in the description of the run.
pub(super) const HASH: &str = "sha256 ";

fn encoder(memory: Memory, info: &JournalInfo) -> McapResult<(mcap::Writer<Memory>, Channels)> {
    let mut writer = WriteOptions::new()
        .compression(None)
        // Blocks end where this module says so.
        .chunk_size(None)
        .disable_seeking(true)
        .library(concat!("triune ", env!("CARGO_PKG_VERSION")))
        .create(memory)?;
    let mut metadata = BTreeMap::from([
        ("robot".to_owned(), info.robot.clone()),
        ("seed".to_owned(), info.seed.to_string()),
        ("joints".to_owned(), info.joints.join(",")),
    ]);
    let hashes = info.config_hashes.iter();
    metadata.extend(hashes.map(|(what, hash)| (format!("{HASH}{what}"), hash.clone())));
    let schema =
        writer.add_schema(Tick::SCHEMA, "triune.layout", Tick::schema_text().as_bytes())?;
    let tick = writer.add_channel(schema, "/tick", "triune.layout", &metadata)?;
    let mut json = |topic: &str, name: &str, schema: String| {
        let schema = writer.add_schema(name, "jsonschema", schema.as_bytes())?;
        writer.add_channel(schema, topic, "json", &BTreeMap::new())
    };
    let interventions =
        json("/governor/interventions", "triune.intervention/1", line::record_schema())?;
    let events = json("/mission/events", "triune.event/1", line::event_schema())?;
    let levels = json("/levels", "triune.level/1", line::level_schema())?;
    Ok((writer, Channels { tick, interventions, events, levels }))
}
