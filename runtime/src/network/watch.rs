//! What a robot shows right now, kept for whoever looks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bus::network::gateway::{Count, Gateway, Hearing, read};
use bus::network::layout::{Header, Layout};
use bus::network::samples::{
    BODY_FRAME, BODY_SCAN, CEREBELLUM_STATE, CycleSample, FrameSample, GOVERNOR_RECORD,
    GOVERNOR_RULING, RUNTIME_CYCLE, RecordSample, RulingSample, ScanSample, StateSample,
};
use bus::network::topic::Topic;
use signals::{Level, Mode};

use super::NetworkFault;
use super::reach::clean;
use crate::words;

/// Records that are kept.
const RECORDS: usize = 32;

/// The newest of one topic.
#[derive(Clone, Copy, Debug)]
pub struct Newest<T> {
    /// The sample.
    pub sample: T,
    /// The robot's clock when it was measured, ns.
    pub at: u64,
    /// When it came here.
    pub came: Instant,
}

/// A record as it came, with its number here.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Counts up from 1.
    pub number: u64,
    /// The record.
    pub sample: RecordSample,
    /// The robot's clock.
    pub at: u64,
}

/// What was seen of a robot.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What the governor decided.
    pub ruling: Option<Newest<RulingSample>>,
    /// How the loop is doing.
    pub cycle: Option<Newest<CycleSample>>,
    /// Joints and sensors.
    pub frame: Option<Newest<FrameSample>>,
    /// The estimate.
    pub state: Option<Newest<StateSample>>,
    /// The scan.
    pub scan: Option<Newest<ScanSample>>,
    /// The last records, oldest first.
    pub records: VecDeque<Told>,
    /// Records so far.
    pub told: u64,
}

/// Looks at one robot for as long as it lives.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    foreign: Arc<Count>,
    _hearings: Vec<Hearing>,
}

impl Watch {
    /// Sees what is decided and how the loop is doing; with `all` also joints, estimate and scan.
    ///
    /// # Errors
    /// The session is closed.
    pub fn open(gateway: &Gateway, all: bool) -> Result<Self, NetworkFault> {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let foreign: Arc<Count> = Arc::default();
        let to = (gateway, &seen, &foreign);
        let mut hearings = vec![
            hear(to, &GOVERNOR_RULING, |seen, newest| seen.ruling = Some(newest))?,
            hear(to, &RUNTIME_CYCLE, |seen, newest| seen.cycle = Some(newest))?,
            hear(to, &GOVERNOR_RECORD, |seen, newest| {
                seen.told += 1;
                if seen.records.len() == RECORDS {
                    seen.records.pop_front();
                }
                let Newest { sample, at, .. } = newest;
                seen.records.push_back(Told { number: seen.told, sample, at });
            })?,
        ];
        if all {
            hearings.push(hear(to, &BODY_FRAME, |seen, newest| seen.frame = Some(newest))?);
            hearings.push(hear(to, &CEREBELLUM_STATE, |seen, n| seen.state = Some(n))?);
            hearings.push(hear(to, &BODY_SCAN, |seen, newest| seen.scan = Some(newest))?);
        }
        Ok(Self { seen, foreign, _hearings: hearings })
    }

    /// What was seen.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Samples of another layout: the robot runs another version.
    #[must_use]
    pub fn foreign(&self) -> u64 {
        self.foreign.get()
    }

    /// Looks until `found` finds something, or `patience` is over, or somebody pressed Ctrl-C.
    pub fn wait<R>(
        &self,
        patience: Duration,
        mut found: impl FnMut(&Seen) -> Option<R>,
    ) -> Option<R> {
        let until = Instant::now() + patience;
        loop {
            let here = found(&self.lock());
            if here.is_some() || Instant::now() >= until || super::interrupted() {
                return here;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Level and mode of the newest ruling.
    #[must_use]
    pub fn level_mode(&self) -> Option<(Level, Mode)> {
        let ruling = self.ruling.as_ref()?.sample;
        let level = words::level_numbered(u8::try_from(ruling.level).ok()?)?;
        Some((level, words::mode_numbered(u8::try_from(ruling.mode).ok()?)?))
    }
}

type To<'a> = (&'a Gateway, &'a Arc<Mutex<Seen>>, &'a Arc<Count>);

fn hear<T: Layout>(
    (gateway, seen, foreign): To<'_>,
    topic: &Topic<T>,
    keep: fn(&mut Seen, Newest<T>),
) -> Result<Hearing, NetworkFault> {
    let (seen, foreign) = (Arc::clone(seen), Arc::clone(foreign));
    let hearing = gateway.hear(&topic.of(gateway.robot()), move |_, whole| {
        let Some((Header { at, .. }, sample)) = read::<T>(whole) else {
            return foreign.add(1);
        };
        let newest = Newest { sample, at, came: Instant::now() };
        keep(&mut seen.lock().unwrap_or_else(PoisonError::into_inner), newest);
    });
    Ok(hearing?)
}

/// Text of a record, up to its first zero.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    clean(&String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()))
}
