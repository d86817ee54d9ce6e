//! The samples of the robot's topics inside datagrams.
//!
//! A sample begins with a header of 32 bytes: layout hash, session, sequence and time, each 8
//! bytes, little-endian. The carrier puts several messages into one datagram, so the whole datagram
//! is searched. What is larger than a datagram, or encrypted, or in shared memory, is not seen.

use std::collections::BTreeMap;

/// Bytes of a header.
const HEADER: usize = 32;

/// What became of the samples of one layout on one way, for one sender and one receiver.
///
/// A receiver that counts the sequences left out up to the highest it has had counts `missed`. What
/// it gets is `passed - late` where the carrier throws away copies and what comes late, as zenoh
/// does with datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Went on, copies not counted.
    pub passed: u64,
    /// Did not: their datagram was lost, met a partition, or failed.
    pub dropped: u64,
    /// Of those that passed: after one of a higher sequence.
    pub late: u64,
    /// Copies that went on.
    pub copies: u64,
    /// Sequences left out before the proxy, between the first and the last that came: the sender
    /// dropped them.
    pub unsent: u64,
    /// Sequences left out behind the proxy, between the first and the last that passed.
    pub missed: u64,
}

/// A header found in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Layout hash.
    pub layout: u64,
    /// Run of the sender.
    pub session: u64,
    /// Counts up per topic and session.
    pub sequence: u64,
}

/// The headers of these layouts in a datagram, in their order.
#[must_use]
pub fn headers(datagram: &[u8], layouts: &[u64]) -> Vec<Header> {
    let mut found = Vec::new();
    if layouts.is_empty() {
        return found;
    }
    for window in datagram.windows(HEADER) {
        let (words, _) = window.as_chunks::<8>();
        let word = |index: usize| u64::from_le_bytes(words[index]);
        if layouts.contains(&word(0)) {
            found.push(Header { layout: word(0), session: word(1), sequence: word(2) });
        }
    }
    found
}

/// The samples of one way.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    layouts: BTreeMap<u64, Row>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    samples: Samples,
    before: Gaps,
    behind: Gaps,
}

impl Ledger {
    pub(super) fn came(&mut self, headers: &[Header]) {
        for header in headers {
            let row = self.row(header);
            row.samples.unsent += row.before.follow(header);
        }
    }

    pub(super) fn passed(&mut self, headers: &[Header], is_copy: bool) {
        for header in headers {
            let row = self.row(header);
            if is_copy {
                row.samples.copies += 1;
                continue;
            }
            row.samples.passed += 1;
            row.samples.late += u64::from(row.behind.is_late(header));
            row.samples.missed += row.behind.follow(header);
        }
    }

    pub(super) fn dropped(&mut self, headers: &[Header]) {
        for header in headers {
            self.row(header).samples.dropped += 1;
        }
    }

    pub(super) fn of(&self, layout: u64) -> Samples {
        self.layouts.get(&layout).map(|row| row.samples).unwrap_or_default()
    }

    fn row(&mut self, header: &Header) -> &mut Row {
        self.layouts.entry(header.layout).or_default()
    }
}

/// Where a row of sequences has come to.
#[derive(Clone, Copy, Debug, Default)]
struct Gaps {
    /// Session and highest sequence.
    last: Option<(u64, u64)>,
}

impl Gaps {
    fn is_late(&self, header: &Header) -> bool {
        self.last.is_some_and(|(session, highest)| {
            session == header.session && header.sequence < highest
        })
    }

    /// Sequences left out since the last. Another session begins anew.
    fn follow(&mut self, header: &Header) -> u64 {
        let (session, sequence) = (header.session, header.sequence);
        match self.last {
            Some((same, highest)) if same == session => {
                self.last = Some((session, highest.max(sequence)));
                sequence.saturating_sub(highest + 1)
            }
            _ => {
                self.last = Some((session, sequence));
                0
            }
        }
    }
}
