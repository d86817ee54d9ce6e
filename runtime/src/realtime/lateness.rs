//! How late things were: a histogram of fixed size, 8 buckets an octave, that records without
//! allocating.

use std::time::Duration;

/// Buckets an octave, as a power of two.
const SHARE_BITS: u32 = 3;
const SHARES: usize = 1 << SHARE_BITS;
/// Enough for every value below 2^40 ns (18 minutes); later ones fall into the last bucket.
const BUCKETS: usize = (40 - SHARE_BITS as usize + 1) * SHARES;

/// A histogram of lateness, from 1 ns to 18 minutes, each value known within an eighth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lateness {
    counts: Box<[u64; BUCKETS]>,
    count: u64,
    max_ns: u64,
}

/// One bucket that is not empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// From here, us.
    pub from_us: f64,
    /// Up to but not including this, us.
    pub to_us: f64,
    /// How many fell into it.
    pub count: u64,
}

impl Default for Lateness {
    fn default() -> Self {
        Self::new()
    }
}

impl Lateness {
    /// An empty histogram. Allocates here and never again.
    #[must_use]
    pub fn new() -> Self {
        Self { counts: Box::new([0; BUCKETS]), count: 0, max_ns: 0 }
    }

    /// Counts one value.
    pub fn record(&mut self, late: Duration) {
        let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
        if let Some(slot) = self.counts.get_mut(bucket_of(nanos)) {
            *slot += 1;
        }
        self.count += 1;
        self.max_ns = self.max_ns.max(nanos);
    }

    /// How many values were counted.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The largest value, us; exact.
    #[must_use]
    pub fn max_us(&self) -> f64 {
        self.max_ns as f64 * 1e-3
    }

    /// The value that a share `q` of all values does not exceed, us: the upper edge of its bucket,
    /// so that it is never flattering. Zero when nothing was counted.
    #[must_use]
    pub fn quantile_us(&self, q: f64) -> f64 {
        let wanted = ((self.count as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return (start_of(index + 1) as f64 * 1e-3).min(self.max_us());
            }
        }
        self.max_us()
    }

    /// The buckets that are not empty, in order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(index, count)| {
            Bucket {
                from_us: start_of(index) as f64 * 1e-3,
                to_us: start_of(index + 1) as f64 * 1e-3,
                count: *count,
            }
        })
    }
}

/// Values below 8 have a bucket each; above, the top 3 bits after the leading one choose the
/// bucket.
fn bucket_of(nanos: u64) -> usize {
    let octave = nanos.checked_ilog2().unwrap_or(0);
    if octave < SHARE_BITS {
        return nanos as usize;
    }
    let share = (nanos >> (octave - SHARE_BITS)) as usize & (SHARES - 1);
    ((octave - SHARE_BITS + 1) as usize * SHARES + share).min(BUCKETS - 1)
}

/// The smallest value of a bucket, ns.
fn start_of(bucket: usize) -> u64 {
    let (octave, share) = (bucket / SHARES, (bucket % SHARES) as u64);
    if octave == 0 { share } else { (SHARES as u64 + share) << (octave - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_falls_into_the_bucket_that_holds_it() {
        for nanos in (0..5000).chain([1 << 20, (1 << 30) + 12_345, (1 << 39) + 1]) {
            let bucket = bucket_of(nanos);
            assert!(start_of(bucket) <= nanos && nanos < start_of(bucket + 1), "{nanos}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_right_within_an_eighth_and_recording_allocates_nothing() {
        let mut late = Lateness::new();
        let allocated = allocation_counter::measure(|| {
            for micros in 1..=10_000 {
                late.record(Duration::from_micros(micros));
            }
        });
        assert_eq!(allocated.count_total, 0);
        for (q, exact) in [(0.5, 5000.0), (0.99, 9900.0), (0.999, 9990.0)] {
            let found = late.quantile_us(q);
            assert!(found >= exact && found <= exact * 1.125, "{q}: {found}");
        }
        assert_eq!(late.max_us(), 10_000.0);
        assert_eq!(late.buckets().map(|bucket| bucket.count).sum::<u64>(), 10_000);
        assert_eq!(Lateness::new().quantile_us(0.99), 0.0);
    }
}
