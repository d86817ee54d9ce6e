//! Writes down what happened, without ever holding up the loop.
//!
//! The control thread pushes `Copy` values into a bounded ring; a thread of its own turns them into
//! an MCAP file that Foxglove opens. A full ring, a full disk, a write error: the walk goes on,
//! each loss is counted by its cause, and [`Journal::close`] reports it.
//!
//! Channels: `/tick` (fixed layout, [`Tick::SCHEMA`]), and as JSON `/governor/interventions`,
//! `/mission/events` and `/levels`. Times are those of the robot's clock.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::Serialize;

pub use event::{Event, EventKind, Label};
pub use line::{EventLine, LevelLine, RecordLine};
pub use read::{ReadError, ReadJournal, read};
pub use tick::{Tick, TickJoint};

use writer::{Kept, Writer};

mod event;
mod line;
mod read;
mod sound;
mod tick;
mod writer;

/// Entries the ring holds: some seconds of ticks, for a disk that stalls.
const CAPACITY: usize = 8192;
/// Room that [`Journal::wait_for_space`] leaves for the entries of one cycle.
const CYCLE_ENTRIES: u64 = 256;

/// What goes through the ring.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "entries are copied into the ring and never boxed")]
enum Entry {
    Tick(Tick),
    Record(governor::Record),
    Event(Event),
}

/// What the journal says of the run it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JournalInfo {
    /// Name of the robot.
    pub robot: String,
    /// Its joints in order.
    pub joints: Vec<String>,
    /// Seed of the run.
    pub seed: u64,
    /// SHA-256 of each file the run is made from.
    pub config_hashes: BTreeMap<String, String>,
}

/// What became of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct JournalSummary {
    /// Ticks written.
    pub ticks: u64,
    /// Records of the governor written.
    pub records: u64,
    /// Events written.
    pub events: u64,
    /// Entries lost because the ring was full.
    pub lost_ring: u64,
    /// Entries lost because they could not be written.
    pub lost_write: u64,
    /// The last error of writing, if there was one.
    pub error: Option<String>,
    /// The file.
    pub path: PathBuf,
}

impl JournalSummary {
    /// Nothing was lost.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.lost_ring == 0 && self.lost_write == 0 && self.error.is_none()
    }
}

/// The recording end of the journal; it belongs to the control thread.
///
/// Clauses: E4.
#[derive(Debug)]
pub struct Journal {
    ring: bus::Sender<Entry>,
    sent: u64,
    shared: Arc<Shared>,
    writing: Option<JoinHandle<Kept>>,
    capacity: u64,
    path: PathBuf,
}

/// What both threads see.
#[derive(Debug, Default)]
struct Shared {
    /// Entries taken out of the ring.
    taken: AtomicU64,
    /// No entry will come any more.
    closing: AtomicBool,
}

impl Journal {
    /// Starts a journal in the file `path`, which must be writable now.
    ///
    /// # Errors
    /// The file cannot be made, or the writing thread cannot be started.
    pub fn create(path: &Path, info: &JournalInfo) -> io::Result<Self> {
        Self::start(File::create(path)?, path, info, CAPACITY)
    }

    /// A journal that writes to `output` through a ring of `capacity` entries.
    fn start(
        output: impl Write + Send + 'static,
        path: &Path,
        info: &JournalInfo,
        capacity: usize,
    ) -> io::Result<Self> {
        let (ring, receiver) = bus::queue(capacity);
        let shared = Arc::new(Shared::default());
        let (of_thread, info) = (Arc::clone(&shared), info.clone());
        let writing = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || drain(receiver, &of_thread, Writer::new(output, &info)))?;
        let (capacity, path) = (capacity as u64, path.to_path_buf());
        Ok(Self { ring, sent: 0, shared, writing: Some(writing), capacity, path })
    }

    /// Records one turn of the loop. Never waits and never allocates.
    pub fn record_tick(&mut self, tick: &Tick) {
        self.send(Entry::Tick(*tick));
    }

    /// Records what the governor did. Never waits and never allocates.
    pub fn record(&mut self, record: &governor::Record) {
        self.send(Entry::Record(*record));
    }

    /// Records what happened in the mission. Never waits and never allocates.
    pub fn event(&mut self, event: Event) {
        self.send(Entry::Event(event));
    }

    fn send(&mut self, entry: Entry) {
        if self.ring.send(entry) {
            self.sent += 1;
        }
    }

    /// Waits until the ring has room for the entries of a cycle. For virtual time, between two
    /// cycles: there the loop runs ahead of the disk and nothing may be lost.
    pub fn wait_for_space(&self) {
        let room = self.capacity.saturating_sub(CYCLE_ENTRIES);
        while self.sent - self.shared.taken.load(Ordering::Acquire) > room && self.is_writing() {
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    fn is_writing(&self) -> bool {
        self.writing.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Writes what is left, ends the file and says what became of it.
    #[must_use]
    pub fn close(mut self) -> JournalSummary {
        self.finish()
    }

    fn finish(&mut self) -> JournalSummary {
        self.shared.closing.store(true, Ordering::Release);
        let lost_ring = self.ring.dropped() as u64;
        let mut kept = match self.writing.take().map(JoinHandle::join) {
            Some(Ok(kept)) => kept,
            // Whatever the thread had taken or left in the ring is gone with it.
            _ => Kept {
                lost: self.sent,
                error: Some("the journal's thread ended early".into()),
                ..Kept::default()
            },
        };
        JournalSummary {
            ticks: kept.ticks,
            records: kept.records,
            events: kept.events,
            lost_ring,
            lost_write: kept.lost,
            error: kept.error.take(),
            path: self.path.clone(),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.writing.is_some() {
            self.finish();
        }
    }
}

/// The writing thread: takes entries until the recording end closes.
fn drain(mut ring: bus::Receiver<Entry>, shared: &Shared, mut writer: Writer) -> Kept {
    /// Entries between two looks at the clock.
    const BATCH: usize = 256;
    /// How long to sleep when there is nothing to do: a small part of what the ring holds.
    const NAP: Duration = Duration::from_millis(2);
    loop {
        // Read before the ring: what was sent before closing is then in sight.
        let closing = shared.closing.load(Ordering::Acquire);
        let mut taken = 0;
        while taken < BATCH
            && let Some(entry) = ring.recv()
        {
            writer.add(&entry);
            taken += 1;
        }
        shared.taken.fetch_add(taken as u64, Ordering::Release);
        writer.tend();
        if taken == 0 {
            if closing {
                return writer.finish();
            }
            std::thread::sleep(NAP);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::{Actor, Hashes, Kind, Record, Rule};
    use signals::{Instant, Level, Mode, ModelHash};
    use std::sync::Mutex;

    pub(super) fn info() -> JournalInfo {
        JournalInfo {
            robot: "quad12".into(),
            joints: vec!["hip".into(), "knee".into()],
            seed: 7,
            config_hashes: BTreeMap::from([("robot".into(), "ab12".into())]),
        }
    }

    pub(super) fn record(cycle: u64) -> Record {
        Record {
            cycle,
            at: Instant::from_nanos(cycle * 1_000_000),
            rule: Rule::PlanRange,
            kind: Kind::Limited,
            actor: Actor::Brain,
            joint: None,
            sequence: Some(3),
            cause: None,
            asked: f32::NAN,
            allowed: 0.8,
            measured: 5.0,
            limit: 0.8,
            from: Level::Nominal,
            to: Level::Notice,
            from_mode: Mode::Auto,
            to_mode: Mode::Auto,
            ticks: 1,
            hashes: Hashes {
                envelope: 0x0123_4567_89ab_cdef,
                profile: 0xf,
                model: ModelHash([1, 2, 3, 4, 5, 6, 7, 8]),
            },
        }
    }

    pub(super) fn tick(cycle: u64) -> Tick {
        let joints = signals::Joints::filled(TickJoint::default(), 2);
        Tick { cycle, at: Instant::from_nanos(cycle * 1_000_000), joints, ..Tick::default() }
    }

    fn fill(journal: &mut Journal, ticks: u64) {
        for cycle in 0..ticks {
            journal.wait_for_space();
            journal.record_tick(&tick(cycle));
        }
        journal.record(&record(5));
        journal.event(Event::new(Instant::ZERO, 5, EventKind::Phase, "walk"));
    }

    /// A disk with `room` bytes; more is refused until the test grants more.
    #[derive(Clone)]
    struct Disk {
        room: Arc<Mutex<usize>>,
        bytes: Arc<Mutex<Vec<u8>>>,
    }

    impl Disk {
        fn new(room: usize) -> Self {
            Self { room: Arc::new(Mutex::new(room)), bytes: Arc::default() }
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut room = self.room.lock().unwrap();
            let count = bytes.len().min(*room);
            if count == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            *room -= count;
            self.bytes.lock().unwrap().extend(&bytes[..count]);
            Ok(count)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Clauses: E1, E4.
    #[test]
    fn everything_recorded_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.mcap");
        let mut journal = Journal::create(&path, &info()).unwrap();
        fill(&mut journal, 20_000);
        let summary = journal.close();
        assert!(summary.is_complete(), "{summary:?}");
        assert_eq!((summary.ticks, summary.records, summary.events), (20_000, 1, 1));
        let back = read(&path).unwrap();
        assert_eq!(back.info, info());
        assert_eq!(back.cut, None);
        assert_eq!(back.ticks.len(), 20_000);
        assert_eq!(back.ticks[777], tick(777));
        let line = &back.records[0];
        assert_eq!((line.rule.as_str(), line.asked, line.sequence), ("PLAN-RANGE", None, Some(3)));
        let hashes = (line.envelope.as_str(), line.profile.as_str(), line.model.as_deref());
        assert_eq!(hashes, ("0123456789abcdef", "000000000000000f", Some("0102030405060708")));
        assert!(line.sentence.contains("PLAN-RANGE") && line.sentence_zh.contains("PLAN-RANGE"));
        assert_eq!(back.events[0].sentence, "Phase: walk");
        assert!(!back.levels.is_empty());
    }

    /// Clauses: E4, C3.
    #[test]
    fn recording_never_allocates_and_a_full_ring_is_counted() {
        let disk = Disk::new(usize::MAX);
        let mut journal = Journal::start(disk, Path::new("x"), &info(), 4).unwrap();
        let tick = tick(1);
        let allocated = allocation_counter::measure(|| {
            for _ in 0..10_000 {
                journal.record_tick(&tick);
            }
        });
        assert_eq!(allocated.count_total, 0);
        let summary = journal.close();
        assert!(summary.lost_ring > 0, "{summary:?}");
        assert_eq!(summary.ticks + summary.lost_ring, 10_000);
    }

    /// Clauses: E4.
    #[test]
    fn a_full_disk_is_counted_and_the_rest_still_reads() {
        let disk = Disk::new(400_000);
        let mut journal = Journal::start(disk.clone(), Path::new("x"), &info(), 1024).unwrap();
        fill(&mut journal, 20_000);
        let summary = journal.close();
        assert!(summary.error.as_ref().is_some_and(|e| e.contains("full") || e.contains("space")));
        assert!(summary.lost_write > 0 && summary.lost_ring == 0, "{summary:?}");
        let total = summary.ticks + summary.records + summary.events + summary.lost_write;
        assert_eq!(total, 20_002);
        let back = ReadJournal::parse(&disk.bytes.lock().unwrap()).unwrap();
        assert!(back.cut.is_some());
        assert!(back.ticks.len() as u64 >= summary.ticks && !back.ticks.is_empty());
    }

    /// Clauses: E4.
    #[test]
    fn writing_goes_on_when_the_disk_has_room_again() {
        let disk = Disk::new(100_000);
        let mut journal = Journal::start(disk.clone(), Path::new("x"), &info(), 1024).unwrap();
        fill(&mut journal, 5_000);
        *disk.room.lock().unwrap() = usize::MAX;
        std::thread::sleep(Duration::from_millis(1100));
        fill(&mut journal, 5_000);
        let summary = journal.close();
        assert!(summary.lost_write > 0 && summary.ticks > 5_000, "{summary:?}");
        let back = ReadJournal::parse(&disk.bytes.lock().unwrap()).unwrap();
        assert_eq!((back.cut, back.ticks.len() as u64), (None, summary.ticks));
    }

    /// Clauses: E4.
    #[test]
    fn the_device_that_is_always_full() {
        let device = Path::new("/dev/full");
        if !device.exists() {
            return;
        }
        let mut journal = Journal::create(device, &info()).unwrap();
        fill(&mut journal, 1_000);
        let summary = journal.close();
        assert_eq!((summary.ticks, summary.lost_write), (0, 1_002));
        assert!(summary.error.is_some());
    }

    /// Clauses: E4.
    #[test]
    fn a_truncated_file_reads_up_to_the_cut() {
        let disk = Disk::new(usize::MAX);
        let mut journal = Journal::start(disk.clone(), Path::new("x"), &info(), 8192).unwrap();
        fill(&mut journal, 10_000);
        assert!(journal.close().is_complete());
        let bytes = disk.bytes.lock().unwrap().clone();
        let back = ReadJournal::parse(&bytes[..bytes.len() * 3 / 4]).unwrap();
        assert!(back.cut.is_some());
        assert!(back.ticks.len() > 3_000 && back.ticks.len() < 10_000, "{}", back.ticks.len());
        assert!(ReadJournal::parse(b"not a journal").is_err());
    }
}
