//! The numbers that the tests and `fixtures/dice.py` draw alike.

/// xorshift64.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// 0 to 1.
    pub(crate) fn part(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.part()
    }
}
