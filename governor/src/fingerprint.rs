//! One number for many: FNV-1a over 32-bit words. Against memory that changed by itself, not
//! against an attacker; files are signed.

use core::time::Duration;

/// The hash so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Of nothing.
    pub const START: Self = Self(0xcbf2_9ce4_8422_2325);

    /// With one word more.
    #[must_use]
    pub const fn word(self, word: u32) -> Self {
        // The factor is odd, so one changed word always changes the hash.
        Self((self.0 ^ word as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }

    /// With two words more, the lower one first.
    #[must_use]
    pub const fn long(self, long: u64) -> Self {
        self.word(long as u32).word((long >> 32) as u32)
    }

    /// With a number more, bit for bit.
    #[must_use]
    pub const fn number(self, number: f32) -> Self {
        self.word(number.to_bits())
    }

    /// With a span of time more.
    #[must_use]
    pub const fn span(self, span: Duration) -> Self {
        self.long(span.as_secs()).word(span.subsec_nanos())
    }

    /// The number.
    #[must_use]
    pub const fn finish(self) -> u64 {
        self.0
    }
}
