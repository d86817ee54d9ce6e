//! Why an ask or a message is refused, and how often each reason came up.

use std::fmt;

/// Why the robot refuses an ask for a lease or a message under one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// More bytes than an ask may have, or fewer than a message must have.
    Size,
    /// No JSON of a known form: a field is missing, unknown, twice there or of a wrong kind.
    Form,
    /// Another version of the protocol.
    Protocol,
    /// Somebody else holds the lease.
    Held,
    /// The gateway is open to a network, and the ask is not signed.
    Unsigned,
    /// The robot does not trust the key.
    Stranger,
    /// The role of the key may not hold this lease.
    Forbidden,
    /// What was signed was not given out by this robot lately, or was signed before.
    Challenge,
    /// The signature does not fit.
    Signature,
    /// No such lease is in force: it was not used for too long, given back, or taken.
    Ended,
    /// The code does not fit: forged, altered, for another topic or under another lease.
    Code,
    /// The number does not rise: played again, or out of order.
    Sequence,
    /// Somebody else's message counted in this very tick; two holders in one tick there are not.
    Tick,
    /// More different topics under one lease than there are.
    Topics,
    /// The machine has no random bytes.
    Machine,
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 15] = [
        Self::Size,
        Self::Form,
        Self::Protocol,
        Self::Held,
        Self::Unsigned,
        Self::Stranger,
        Self::Forbidden,
        Self::Challenge,
        Self::Signature,
        Self::Ended,
        Self::Code,
        Self::Sequence,
        Self::Tick,
        Self::Topics,
        Self::Machine,
    ];

    /// One word, as in an answer's `why`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Form => "form",
            Self::Protocol => "protocol",
            Self::Held => "held",
            Self::Unsigned => "unsigned",
            Self::Stranger => "stranger",
            Self::Forbidden => "forbidden",
            Self::Challenge => "challenge",
            Self::Signature => "signature",
            Self::Ended => "ended",
            Self::Code => "code",
            Self::Sequence => "sequence",
            Self::Tick => "tick",
            Self::Topics => "topics",
            Self::Machine => "machine",
        }
    }

    /// A sentence for the one who asked: what is wrong, and what helps.
    #[must_use]
    pub const fn said(self) -> &'static str {
        match self {
            Self::Size => "an ask has at most 4096 bytes",
            Self::Form => {
                "this is no ask: send JSON with the fields of `challenge`, `acquire`, `keep` or \
                 `return` and no others"
            }
            Self::Protocol => "this robot speaks version 1 of the lease protocol",
            Self::Held => "somebody else holds this lease: wait, or ask with `take`",
            Self::Unsigned => {
                "this robot hears a network: ask for a challenge and sign with a key it trusts"
            }
            Self::Stranger => {
                "the robot does not trust this key: put its .pub file into the robot's folder keys"
            }
            Self::Forbidden => "the role of this key may not hold this lease",
            Self::Challenge => {
                "the challenge is not one that this robot gave out in the last 10 s and that was \
                 not used yet: ask for another"
            }
            Self::Signature => "the signature does not fit the text that must be signed",
            Self::Ended => {
                "this lease is not in force: it ends 2 s after its last use, when it is given \
                 back, and when somebody takes it"
            }
            Self::Code => "the code does not fit",
            Self::Sequence => "the number does not rise",
            Self::Tick => "somebody else's message counted in this tick",
            Self::Topics => "too many topics under one lease",
            Self::Machine => "the robot's machine has no random bytes",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.said())
    }
}

impl std::error::Error for Refusal {}

/// How often each reason came up. A count stops at its largest value rather than begin anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    /// How often for this reason.
    #[must_use]
    pub fn of(&self, refusal: Refusal) -> u64 {
        self.0.get(refusal as usize).copied().unwrap_or_default()
    }

    /// How often in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    /// Each reason that came up, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        let each = Refusal::ALL.into_iter().map(|refusal| (refusal, self.of(refusal)));
        each.filter(|(_, count)| *count > 0)
    }

    pub(super) fn count(&mut self, refusal: Refusal) {
        if let Some(count) = self.0.get_mut(refusal as usize) {
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_place_and_name() {
        let mut counts = Refusals::default();
        for (at, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, at);
            counts.count(refusal);
        }
        assert_eq!(counts.total(), Refusal::ALL.len() as u64);
        let mut names: Vec<_> = Refusal::ALL.map(Refusal::name).into();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refusal::ALL.len());
    }
}
