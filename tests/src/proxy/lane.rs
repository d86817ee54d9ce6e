//! One way through the proxy: what came waits here until it is due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::samples::{Header, Ledger, Samples, headers};
use super::{Counts, Fate, Faults, Judge, lock};

/// Most datagrams on their way at once. More are counted and dropped.
const WAITING_MAX: usize = 65_536;

#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    /// Something came, or it is over.
    woken: Condvar,
    layouts: Vec<u64>,
    begin: Instant,
}

#[derive(Debug)]
struct State {
    judge: Judge,
    waiting: BinaryHeap<Reverse<Waiting>>,
    counts: Counts,
    ledger: Ledger,
    /// Highest number that has gone on.
    highest: u64,
    is_over: bool,
}

#[derive(Debug)]
struct Waiting {
    at: Duration,
    /// Counts up with what comes; first in the order after the time.
    number: u64,
    is_copy: bool,
    bytes: Arc<[u8]>,
    headers: Arc<[Header]>,
    socket: Arc<UdpSocket>,
    to: SocketAddr,
}

impl Lane {
    pub(super) fn new(judge: Judge, layouts: &[u64], begin: Instant) -> Self {
        let state = State {
            judge,
            waiting: BinaryHeap::new(),
            counts: Counts::default(),
            ledger: Ledger::default(),
            highest: 0,
            is_over: false,
        };
        let layouts = layouts.to_vec();
        Self { state: Mutex::new(state), woken: Condvar::new(), layouts, begin }
    }

    pub(super) fn follow(&self, schedule: &[(Duration, Faults)]) -> io::Result<()> {
        lock(&self.state).judge.follow(self.begin.elapsed(), schedule)
    }

    pub(super) fn counts(&self) -> Counts {
        lock(&self.state).counts
    }

    pub(super) fn samples(&self, layout: u64) -> Samples {
        lock(&self.state).ledger.of(layout)
    }

    pub(super) fn close(&self) {
        lock(&self.state).is_over = true;
        self.woken.notify_all();
    }

    /// A datagram came; `to` it goes on, through `socket`.
    pub(super) fn take(&self, bytes: &[u8], socket: &Arc<UdpSocket>, to: SocketAddr) {
        let found: Arc<[Header]> = headers(bytes, &self.layouts).into();
        let mut state = lock(&self.state);
        // Read behind the lock: the judge's time does not go back.
        let now = self.begin.elapsed();
        state.counts.came += 1;
        state.counts.came_bytes += bytes.len() as u64;
        state.ledger.came(&found);
        let dropped = match state.judge.judge(now) {
            Fate::Lost => &mut state.counts.lost,
            Fate::Partitioned => &mut state.counts.partitioned,
            Fate::Passed { .. } if state.waiting.len() >= WAITING_MAX => &mut state.counts.not_kept,
            Fate::Passed { at, again } => {
                let number = state.counts.came;
                let (socket, bytes) = (Arc::clone(socket), Arc::from(bytes));
                let first =
                    Waiting { at, number, is_copy: false, bytes, headers: found, socket, to };
                state.keep(first, again);
                drop(state);
                self.woken.notify_all();
                return;
            }
        };
        *dropped += 1;
        state.ledger.dropped(&found);
    }

    /// Sends each when it is due, until it is over. What is still waiting then is forgotten.
    pub(super) fn send_when_due(&self) {
        let mut state = lock(&self.state);
        while !state.is_over {
            let now = self.begin.elapsed();
            let due = state.waiting.peek().map(|Reverse(first)| first.at);
            state = match due {
                Some(at) if at <= now => {
                    if let Some(Reverse(first)) = state.waiting.pop() {
                        state.send(&first, now);
                    }
                    state
                }
                Some(at) => {
                    let woken = self.woken.wait_timeout(state, at - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.woken.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl State {
    fn keep(&mut self, first: Waiting, again: Option<Duration>) {
        self.counts.waiting += 1;
        if let Some(at) = again {
            self.counts.waiting += 1;
            self.counts.copies_waiting += 1;
            self.waiting.push(Reverse(first.copy(at)));
        }
        self.waiting.push(Reverse(first));
    }

    fn send(&mut self, waiting: &Waiting, now: Duration) {
        let Waiting { number, is_copy, bytes, headers, .. } = waiting;
        let (copy, original) = (u64::from(*is_copy), u64::from(!*is_copy));
        let counts = &mut self.counts;
        counts.waiting -= 1;
        counts.copies_waiting -= copy;
        if self.judge.faults_at(now).partition {
            counts.partitioned += original;
            counts.copies_partitioned += copy;
        } else if waiting.socket.send_to(bytes, waiting.to).is_err() {
            counts.failed += 1;
            counts.copies_failed += copy;
        } else {
            counts.sent += 1;
            counts.sent_bytes += bytes.len() as u64;
            counts.duplicated += copy;
            counts.reordered += original * u64::from(*number < self.highest);
            self.highest = self.highest.max(*number);
            self.ledger.passed(headers, *is_copy);
            return;
        }
        if !is_copy {
            self.ledger.dropped(headers);
        }
    }
}

impl Waiting {
    fn copy(&self, at: Duration) -> Self {
        let (bytes, headers) = (Arc::clone(&self.bytes), Arc::clone(&self.headers));
        let (socket, to) = (Arc::clone(&self.socket), self.to);
        Self { at, number: self.number, is_copy: true, bytes, headers, socket, to }
    }

    const fn order(&self) -> (Duration, u64, bool) {
        (self.at, self.number, self.is_copy)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}
