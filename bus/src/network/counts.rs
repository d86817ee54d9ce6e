//! What became of every sample.

use std::sync::Mutex;

use super::gateway::Count;
use super::layout::Header;

/// What was sent.
#[derive(Debug, Default)]
pub struct OutCounts {
    /// Given to the network.
    pub sent: Count,
    /// Not sent, because nobody hears the topic.
    pub unheard: Count,
    /// The network refused it.
    pub failed: Count,
}

/// What came in, and what was refused before anybody looked into it.
#[derive(Debug, Default)]
pub struct InCounts {
    /// Handed on.
    pub taken: Count,
    /// Too long or too short.
    pub size: Count,
    /// More than the topic allows in a second.
    pub rate: Count,
    /// Another layout.
    pub layout: Count,
}

impl InCounts {
    /// All that was refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.size.get() + self.rate.get() + self.layout.get()
    }
}

/// What one subscription heard, told by the sequence of the samples.
#[derive(Debug, Default)]
pub struct Losses {
    /// Handed on.
    pub heard: Count,
    /// Missing between two that came.
    pub lost: Count,
    /// Doubled, or older than one that came before it: not handed on.
    pub late: Count,
    /// Other sessions that took over the topic: the robot was started again.
    pub restarts: Count,
    /// Of another layout: not handed on.
    pub foreign: Count,
    last: Mutex<Option<(u64, u64)>>,
}

impl Losses {
    /// `header` is newer than all before it, in its session.
    pub fn is_next(&self, header: &Header) -> bool {
        // A panic while it was held is not possible: nothing below can.
        let Ok(mut last) = self.last.lock() else { return false };
        match *last {
            Some((session, sequence)) if session == header.session => {
                if header.sequence <= sequence {
                    self.late.add(1);
                    return false;
                }
                self.lost.add(header.sequence - sequence - 1);
            }
            Some(_) => self.restarts.add(1),
            None => {}
        }
        *last = Some((header.session, header.sequence));
        self.heard.add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_losses_and_repeats_are_not_handed_on() {
        let losses = Losses::default();
        let next =
            |session, sequence| losses.is_next(&Header { layout: 0, session, sequence, at: 0 });
        assert!(next(1, 5), "who comes late has lost nothing");
        assert!(next(1, 6) && !next(1, 6) && next(1, 9) && !next(1, 7));
        assert!(next(2, 1), "another run begins anew");
        let counts = [&losses.heard, &losses.lost, &losses.late, &losses.restarts];
        assert_eq!(counts.map(Count::get), [4, 2, 2, 1]);
    }
}
