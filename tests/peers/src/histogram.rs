//! How often each value occurred: exact, nothing rounded, nothing left out.

/// Values with their counts, sorted by value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    bars: Vec<(u64, u64)>,
    count: u64,
}

impl Histogram {
    /// Of raw samples.
    pub fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let mut bars: Vec<(u64, u64)> = Vec::new();
        for sample in &samples {
            match bars.last_mut() {
                Some((value, count)) if value == sample => *count += 1,
                _ => bars.push((*sample, 1)),
            }
        }
        Self { bars, count: samples.len() as u64 }
    }

    /// Both together.
    pub fn merge(&mut self, other: &Self) {
        let (mut at, mut bars) = (0, Vec::with_capacity(self.bars.len() + other.bars.len()));
        for &(value, count) in &self.bars {
            while let Some(bar) = other.bars.get(at).filter(|bar| bar.0 < value) {
                bars.push(*bar);
                at += 1;
            }
            let same = other.bars.get(at).filter(|bar| bar.0 == value);
            at += usize::from(same.is_some());
            bars.push((value, count + same.map_or(0, |bar| bar.1)));
        }
        bars.extend_from_slice(&other.bars[at..]);
        self.bars = bars;
        self.count += other.count;
    }

    /// Values with their counts.
    pub fn bars(&self) -> &[(u64, u64)] {
        &self.bars
    }

    /// The smallest value that at least `share` (0 to 1) of the samples do not exceed; none of
    /// nothing.
    pub fn percentile(&self, share: f64) -> Option<u64> {
        let rank = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        self.bars.iter().find_map(|(value, count)| {
            seen += count;
            (seen >= rank).then_some(*value)
        })
    }

    /// The largest.
    pub fn max(&self) -> Option<u64> {
        self.bars.last().map(|bar| bar.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_and_merging_is_adding() {
        let all: Vec<u64> = (1..=1000).rev().collect();
        let whole = Histogram::of(all.clone());
        for (share, value) in [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000), (0.0, 1)] {
            assert_eq!(whole.percentile(share), Some(value), "{share}");
        }
        assert_eq!((whole.max(), whole.count), (Some(1000), 1000));
        let (odd, even): (Vec<u64>, Vec<u64>) = all.iter().partition(|value| **value % 2 == 1);
        let mut merged = Histogram::of(odd);
        merged.merge(&Histogram::of(even));
        assert_eq!(merged, whole);
        merged.merge(&whole);
        assert_eq!((merged.count, merged.bars()[0]), (2000, (1, 2)));
        merged.merge(&Histogram::default());
        assert_eq!(merged.count, 2000);
        assert_eq!(Histogram::default().percentile(0.5), None);
    }
}
