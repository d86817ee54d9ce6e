//! What the loop shows the network: one value a cycle, written without waiting.

use bus::network::error::NetworkError;
use bus::network::gateway::{Gateway, Outlet};
use bus::network::layout::Layout;
use bus::network::samples::{
    BODY_FRAME, BODY_SCAN, CEREBELLUM_STATE, CommandSample, CycleSample, FrameSample,
    GOVERNOR_COMMAND, GOVERNOR_RECORD, GOVERNOR_RULING, RUNTIME_CYCLE, RecordSample, RulingSample,
    ScanSample, StateSample,
};
use bus::network::topic::Topic;
use governor::{Language, Record};
use signals::{Instant, LidarScan};

use crate::cycle::Turn;

/// One cycle as the network sees it.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// The robot's clock.
    pub now: Instant,
    /// What was seen and decided.
    pub turn: Turn,
    /// How the loop is doing; what the network itself counts is added beside the loop.
    pub cycle: CycleSample,
}

/// Everything the robot publishes.
#[derive(Debug)]
pub struct Publisher {
    frame: Paced<FrameSample>,
    scan: Outlet<ScanSample>,
    state: Paced<StateSample>,
    ruling: Paced<RulingSample>,
    command: Paced<CommandSample>,
    cycle: Paced<CycleSample>,
    record: Outlet<RecordSample>,
    scanned: Instant,
}

impl Publisher {
    /// Declares every topic, its schema beside it.
    ///
    /// # Errors
    /// The session is closed.
    pub fn new(gateway: &Gateway) -> Result<Self, NetworkError> {
        Ok(Self {
            frame: Paced::new(gateway, &BODY_FRAME)?,
            scan: declared(gateway, &BODY_SCAN)?,
            state: Paced::new(gateway, &CEREBELLUM_STATE)?,
            ruling: Paced::new(gateway, &GOVERNOR_RULING)?,
            command: Paced::new(gateway, &GOVERNOR_COMMAND)?,
            cycle: Paced::new(gateway, &RUNTIME_CYCLE)?,
            record: declared(gateway, &GOVERNOR_RECORD)?,
            scanned: Instant::ZERO,
        })
    }

    /// Sends what is due of `snapshot` and heard by somebody.
    pub fn show(&mut self, snapshot: &Snapshot) {
        let (now, turn) = (snapshot.now, &snapshot.turn);
        self.frame.put(now, || FrameSample::from(&turn.frame));
        self.state.put(now, || StateSample::from(&turn.state));
        self.ruling.put(now, || RulingSample::from(&turn.ruling));
        self.command.put(now, || CommandSample::new(&turn.wanted, &turn.vetted));
        let sent = self.sent();
        self.cycle.put(now, || CycleSample { sent, ..snapshot.cycle });
        if let Some(scan) = &turn.frame.lidar {
            self.show_scan(scan);
        }
    }

    /// A scan is sent once.
    fn show_scan(&mut self, scan: &LidarScan) {
        if scan.at != self.scanned {
            self.scanned = scan.at;
            self.scan.put(scan.at.as_nanos(), &ScanSample::from(scan));
        }
    }

    /// Sends an intervention.
    pub fn tell(&mut self, record: &Record) {
        self.record.put(record.at.as_nanos(), &sample_of(record));
    }

    /// Samples given to the network so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let loose = self.scan.counts().sent.get() + self.record.counts().sent.get();
        let paced = [self.frame.sent(), self.state.sent(), self.ruling.sent()];
        loose + paced.iter().sum::<u64>() + self.command.sent() + self.cycle.sent()
    }
}

/// A topic that is sent no more often than it says.
#[derive(Debug)]
struct Paced<T> {
    outlet: Outlet<T>,
    every: u64,
    due: u64,
}

impl<T: Layout> Paced<T> {
    fn new(gateway: &Gateway, topic: &Topic<T>) -> Result<Self, NetworkError> {
        let every = (1e9 / f64::from(topic.rate_hz.max(1.0))) as u64;
        Ok(Self { outlet: declared(gateway, topic)?, every, due: 0 })
    }

    /// Makes the sample only when it is due and heard.
    fn put(&mut self, now: Instant, make: impl FnOnce() -> T) {
        let now = now.as_nanos();
        if now < self.due || !self.outlet.is_heard() {
            return;
        }
        // On the grid of the rate, so that a late one does not shift those after it.
        self.due = (now / self.every + 1) * self.every;
        self.outlet.put(now, &make());
    }

    fn sent(&self) -> u64 {
        self.outlet.counts().sent.get()
    }
}

fn declared<T: Layout>(gateway: &Gateway, topic: &Topic<T>) -> Result<Outlet<T>, NetworkError> {
    gateway.publish_schema(topic)?;
    gateway.outlet(topic)
}

/// The record for programs, with its sentence.
fn sample_of(record: &Record) -> RecordSample {
    RecordSample {
        cycle: record.cycle,
        rule: text(record.rule.id()),
        kind: record.kind as u32,
        actor: record.actor as u32,
        joint: record.joint.and_then(|id| i32::try_from(id.index()).ok()).unwrap_or(-1),
        ticks: record.ticks,
        plan: record.sequence.unwrap_or(0),
        asked: record.asked,
        allowed: record.allowed,
        measured: record.measured,
        limit: record.limit,
        levels: [record.from as u32, record.to as u32],
        modes: [record.from_mode as u32, record.to_mode as u32],
        said: text(&record.sentence(Language::English).to_string()),
    }
}

/// Text of fixed length, filled up with zeros; what does not fit is cut at a character.
pub(super) fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let fits = text.floor_char_boundary(N);
    for (byte, letter) in bytes.iter_mut().zip(text.as_bytes().iter().take(fits)) {
        *byte = *letter;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_a_character() {
        assert_eq!(text::<4>("ab"), *b"ab\0\0");
        assert_eq!(text::<4>("abc\u{e9}"), *b"abc\0");
    }
}
