//! What the robot gives out to be signed: each once, for a short time, for one role.

use std::time::Duration;

use signals::Instant;

/// It must be signed and back within this time.
pub const CHALLENGE_LASTS: Duration = Duration::from_secs(10);
/// Most that are out at a time for one role; the oldest makes room. Who asks every 50 ms and is far
/// away still finds his first one.
const OUT_MAX: usize = 64;

/// The challenges of one role that are out.
#[derive(Debug)]
pub(super) struct Challenges {
    out: [Option<Challenge>; OUT_MAX],
}

impl Default for Challenges {
    fn default() -> Self {
        Self { out: std::array::from_fn(|_| None) }
    }
}

#[derive(Debug)]
struct Challenge {
    text: String,
    given: Instant,
}

impl Challenges {
    /// Remembers that `text` was given out.
    pub(super) fn give(&mut self, text: String, now: Instant) {
        let oldest = self.out.iter_mut().min_by_key(|place| place.as_ref().map(|out| out.given));
        if let Some(place) = oldest {
            *place = Some(Challenge { text, given: now });
        }
    }

    /// The one that is signed: `text`, or without one the newest. It does not count again, whatever
    /// becomes of the ask. `None` when it is not out or too old.
    pub(super) fn redeem(&mut self, text: Option<&str>, now: Instant) -> Option<String> {
        let place = match text {
            Some(text) => {
                let is_it = |place: &&mut Option<Challenge>| {
                    place.as_ref().is_some_and(|out| out.text == text)
                };
                self.out.iter_mut().find(is_it)
            }
            None => self.out.iter_mut().max_by_key(|place| place.as_ref().map(|out| out.given)),
        };
        let out = place?.take()?;
        (now.since(out.given) <= CHALLENGE_LASTS).then_some(out.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_challenge_counts_once_and_not_for_long() {
        let mut challenges = Challenges::default();
        assert_eq!(challenges.redeem(None, at(0)), None);
        challenges.give("a".into(), at(1));
        challenges.give("b".into(), at(2));
        assert_eq!(challenges.redeem(Some("c"), at(3)), None);
        assert_eq!(challenges.redeem(Some("a"), at(3)), Some("a".into()));
        assert_eq!(challenges.redeem(Some("a"), at(3)), None, "used");
        assert_eq!(challenges.redeem(None, at(13)), None, "too old, and used now");
        assert_eq!(challenges.redeem(Some("b"), at(3)), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut challenges = Challenges::default();
        for number in 0..100 {
            challenges.give(number.to_string(), at(number));
        }
        assert_eq!(challenges.redeem(Some("35"), at(100)), None);
        assert_eq!(challenges.redeem(None, at(100)), Some("99".into()));
        assert_eq!(challenges.redeem(Some("90"), at(100)), Some("90".into()));
    }
}
