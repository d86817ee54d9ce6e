//! Counts what every rule did and queues the records, so that nothing happens silently and nothing
//! floods: a limiting that lasts leaves one record when it begins and one when it has ended.

use core::time::Duration;

use heapless::Deque;
use signals::{Cycle, Instant, JOINTS_MAX, JointId, ModelHash};

use crate::joint::Change;
use crate::{Actor, Hashes, Kind, Record, Rule};

/// Records kept until the runtime drains them, every cycle. More are counted as lost.
const RECORDS_MAX: usize = 128;
/// Quiet time after which a limiting counts as ended.
const QUIET: Duration = Duration::from_millis(100);
/// The rules that limit one joint stand together; each has one slot per joint.
const JOINT_RULES: core::ops::Range<usize> =
    Rule::JointGain as usize..Rule::JointTorque as usize + 1;
const JOINT_SLOTS: usize = (JOINT_RULES.end - JOINT_RULES.start) * JOINTS_MAX;
const SLOTS: usize = JOINT_SLOTS + Rule::COUNT;
const WORDS: usize = SLOTS.div_ceil(32);

/// A limiting that goes on: its last cycle, its length and its worst tick so far.
#[derive(Clone, Copy, Debug)]
struct Episode {
    last: Instant,
    ticks: u32,
    rule: Rule,
    kind: Kind,
    actor: Actor,
    joint: Option<JointId>,
    /// Asked, allowed, measured, limit.
    worst: [f32; 4],
}

impl Episode {
    const NONE: Self = Self {
        last: Instant::ZERO,
        ticks: 0,
        rule: Rule::LevelClear,
        kind: Kind::Limited,
        actor: Actor::Governor,
        joint: None,
        worst: [0.0; 4],
    };
}

/// In how many cycles a rule acted, and the last of them.
#[derive(Clone, Copy, Debug)]
struct Count {
    cycles: u32,
    last: u32,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    queue: Deque<Record, RECORDS_MAX>,
    lost: u32,
    counts: [Count; Rule::COUNT],
    /// Cycles begun, all that are told apart.
    tick: u32,
    cycle: u64,
    now: Instant,
    /// What decisions are made with now.
    hashes: Hashes,
    episodes: [Episode; SLOTS],
    /// Which episodes go on, one bit each.
    open: [u32; WORDS],
    /// The word looked at in this cycle.
    turn: usize,
}

impl Ledger {
    pub(crate) const fn new(hashes: Hashes) -> Self {
        Self {
            hashes,
            queue: Deque::new(),
            lost: 0,
            counts: [Count { cycles: 0, last: 0 }; Rule::COUNT],
            // What is counted before the first cycle counts, too.
            tick: 1,
            cycle: u64::MAX,
            now: Instant::ZERO,
            episodes: [Episode::NONE; SLOTS],
            open: [0; WORDS],
            turn: 0,
        }
    }

    /// Begins a cycle, once: closes what has been quiet for long enough, a part in each cycle.
    pub(crate) fn begin(&mut self, cycle: &Cycle) {
        if self.cycle == cycle.number {
            return;
        }
        self.cycle = cycle.number;
        self.now = cycle.now;
        self.tick = self.tick.wrapping_add(1);
        self.turn = if self.turn + 1 < WORDS { self.turn + 1 } else { 0 };
        let mut bits = self.open.get(self.turn).copied().unwrap_or_default();
        while bits != 0 {
            self.close_if_quiet(self.turn * 32 + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
    }

    /// The profile in force is another one.
    pub(crate) const fn set_profile(&mut self, profile: u64) {
        self.hashes.profile = profile;
    }

    /// From now on records concern a plan of this model. Returns the one before.
    pub(crate) const fn set_model(&mut self, model: ModelHash) -> ModelHash {
        core::mem::replace(&mut self.hashes.model, model)
    }

    /// Counts one act of `rule`, at most once a cycle.
    pub(crate) fn count(&mut self, rule: Rule) {
        let tick = self.tick;
        if let Some(count) = self.counts.get_mut(rule as usize)
            && count.last != tick
        {
            *count = Count { cycles: count.cycles.saturating_add(1), last: tick };
        }
    }

    /// Counts and queues one event.
    pub(crate) fn event(&mut self, record: Record) {
        self.count(record.rule);
        self.push(record);
    }

    /// Counts one tick of a limiting; queues a record only when it begins.
    pub(crate) fn lasting(&mut self, record: Record) {
        self.count(record.rule);
        let slot = slot(&record);
        let now = self.now;
        let Some(episode) = self.episodes.get_mut(slot) else { return };
        let onset = episode.ticks == 0;
        let [asked, allowed, ..] = episode.worst;
        if onset || (record.asked - record.allowed).abs() > (asked - allowed).abs() {
            let Record { rule, kind, actor, joint, .. } = record;
            let worst = [record.asked, record.allowed, record.measured, record.limit];
            *episode = Episode { rule, kind, actor, joint, worst, ..*episode };
        }
        // Several witnesses of one limiting in one cycle are one tick of it.
        if onset || episode.last != now {
            episode.ticks = episode.ticks.saturating_add(1);
        }
        episode.last = now;
        if onset {
            if let Some(word) = self.open.get_mut(slot / 32) {
                *word |= 1 << (slot % 32);
            }
            self.push(record);
        }
    }

    /// The same for a joint's number that was changed: one that goes on no worse only counts on.
    pub(crate) fn limiting(&mut self, joint: JointId, change: &Change) {
        let &Change { rule, asked, allowed, measured, limit } = change;
        let slot = (rule as usize).saturating_sub(JOINT_RULES.start) * JOINTS_MAX + joint.index();
        if let Some(episode) = self.episodes.get_mut(slot)
            && episode.rule == rule
            && let [worst, least, ..] = episode.worst
            && (asked - allowed).abs() <= (worst - least).abs()
        {
            // Several witnesses of one limiting in one cycle are one tick of it.
            if episode.last != self.now {
                episode.ticks = episode.ticks.saturating_add(1);
                episode.last = self.now;
                self.count(rule);
            }
            return;
        }
        let record = Record::of(rule, Kind::Limited, Actor::Cerebellum);
        self.lasting(Record { joint: Some(joint), asked, allowed, measured, limit, ..record });
    }

    pub(crate) fn next(&mut self) -> Option<Record> {
        self.queue.pop_front()
    }

    /// Time of the cycle under way.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    pub(crate) fn count_of(&self, rule: Rule) -> u32 {
        self.counts.get(rule as usize).map_or(0, |count| count.cycles)
    }

    fn close_if_quiet(&mut self, slot: usize) {
        let Some(episode) = self.episodes.get_mut(slot) else { return };
        if self.now.since(episode.last) < QUIET {
            return;
        }
        let closed = core::mem::replace(episode, Episode::NONE);
        if let Some(word) = self.open.get_mut(slot / 32) {
            *word &= !(1 << (slot % 32));
        }
        // A limiting of one tick is told in full by its onset.
        if closed.ticks > 1 {
            let [asked, allowed, measured, limit] = closed.worst;
            let Episode { joint, ticks, .. } = closed;
            let record = Record::of(closed.rule, closed.kind, closed.actor);
            self.push(Record { joint, ticks, asked, allowed, measured, limit, ..record });
        }
    }

    // Rare beside what only counts on.
    #[inline(never)]
    fn push(&mut self, record: Record) {
        // Before the first cycle there is none to name.
        let cycle = if self.cycle == u64::MAX { 0 } else { self.cycle };
        let record = Record { cycle, at: self.now, hashes: self.hashes, ..record };
        if self.queue.push_back(record).is_err() {
            self.lost = self.lost.saturating_add(1);
        }
    }
}

/// The slot of a record's episode: joint rules have one per joint, all others one for the body.
fn slot(record: &Record) -> usize {
    let rule = record.rule as usize;
    match record.joint {
        Some(joint) if JOINT_RULES.contains(&rule) => {
            (rule - JOINT_RULES.start) * JOINTS_MAX + joint.index()
        }
        _ => JOINT_SLOTS + rule,
    }
}
