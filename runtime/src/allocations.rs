//! Counts heap allocations of the control thread between `sense` and `apply`.

/// The count so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allocations {
    total: u64,
}

impl Allocations {
    /// Runs `work` and counts what it allocates on this thread.
    pub fn count<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let mut result = None;
        let info = allocation_counter::measure(|| result = Some(work()));
        self.total += info.count_total;
        match result {
            Some(result) => result,
            None => unreachable!("measure runs its closure"),
        }
    }

    /// Allocations counted.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_is_counted_and_arithmetic_is_not() {
        let mut allocations = Allocations::default();
        assert_eq!(allocations.count(|| 1 + 1), 2);
        assert_eq!(allocations.total(), 0);
        assert_eq!(allocations.count(|| std::hint::black_box(vec![1_u8; 8]).len()), 8);
        assert_eq!(allocations.total(), 1);
    }
}
