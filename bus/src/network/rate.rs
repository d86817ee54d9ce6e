//! How often something may come: a bucket of tokens.

use std::time::{Duration, Instant};

/// Lets through a rate, and as many at once as come in a fifth of a second.
#[derive(Debug)]
pub struct Bucket {
    every: Duration,
    /// The time up to which tokens are used; never further back than the bucket holds.
    used: Instant,
    holds: Duration,
}

impl Bucket {
    /// Time a bucket saves up tokens for.
    const SAVES: Duration = Duration::from_millis(200);

    /// A full bucket of `rate` tokens a second; zero or less, or not a number: no limit.
    #[must_use]
    pub fn per_second(rate: f32) -> Self {
        let every = if rate > 0.0 { Duration::from_secs_f32(1.0 / rate) } else { Duration::ZERO };
        // One token at least, or a slow topic would never get through.
        let holds = Self::SAVES.max(every);
        let used = Instant::now().checked_sub(holds).unwrap_or_else(Instant::now);
        Self { every, used, holds }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&mut self, now: Instant) -> bool {
        let full = now.checked_sub(self.holds).unwrap_or(now);
        self.used = self.used.max(full);
        if self.used + self.every > now {
            return false;
        }
        self.used += self.every;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_gets_through_and_no_more() {
        let start = Instant::now() + Duration::from_secs(1);
        let mut bucket = Bucket::per_second(100.0);
        let flood = (0..100_000).map(|n| start + Duration::from_micros(10 * n));
        let passed = flood.filter(|now| bucket.take_at(*now)).count();
        assert!((118..=121).contains(&passed), "100 in a second and 20 saved: {passed}");
        let mut slow = Bucket::per_second(0.5);
        assert!(slow.take_at(start) && !slow.take_at(start));
        assert!(slow.take_at(start + Duration::from_secs(2)));
        let mut open = Bucket::per_second(0.0);
        assert!((0..1000).all(|_| open.take_at(start)));
    }
}
