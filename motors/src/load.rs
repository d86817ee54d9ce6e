//! How long one cycle occupies a wire, and how many cycles a second it can carry.

use crate::can::WireBits;

/// What one cycle sends over a wire.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CycleLoad {
    /// Bits on the wire, with those between bytes or frames.
    pub bits: u32,
    /// Times at which somebody waits for an answer, together, us.
    pub waits_us: f64,
}

impl CycleLoad {
    /// Start bit, eight bits, stop bit.
    pub const BITS_PER_BYTE: u32 = 10;

    /// A cycle of `bytes` bytes on a serial wire and `answers` answers, each of them after
    /// `delay_us` us.
    #[must_use]
    pub fn serial(bytes: u32, answers: u32, delay_us: f64) -> Self {
        let bits = bytes.saturating_mul(Self::BITS_PER_BYTE);
        Self { bits, waits_us: f64::from(answers) * delay_us }
    }

    /// A cycle of frames of `bits` together on a CAN bus; the bits of CAN FD's fast part count as
    /// those that pass at `bit_rate` meanwhile. Nobody waits: motors answer while others are told.
    #[must_use]
    pub fn can(bits: WireBits, bit_rate: u32, data_rate: u32) -> Self {
        let slow = u64::from(bits.fast) * u64::from(bit_rate);
        let slow = u32::try_from(slow.div_ceil(u64::from(data_rate.max(1)))).unwrap_or(u32::MAX);
        Self { bits: bits.nominal.saturating_add(slow), waits_us: 0.0 }
    }

    /// How long the cycle takes at `bit_rate` bits a second, s.
    #[must_use]
    pub fn seconds(&self, bit_rate: u32) -> f64 {
        f64::from(self.bits) / f64::from(bit_rate.max(1)) + 1e-6 * self.waits_us
    }

    /// The part of the wire's time it takes at `rate_hz` cycles a second; above [`PART_MAX`] is too
    /// much.
    #[must_use]
    pub fn part(&self, bit_rate: u32, rate_hz: f64) -> f64 {
        self.seconds(bit_rate) * rate_hz
    }

    /// The most cycles a second that leave the wire its pauses.
    #[must_use]
    pub fn rate_max_hz(&self, bit_rate: u32) -> f64 {
        PART_MAX / self.seconds(bit_rate)
    }
}

/// The largest part of a wire's time that is planned: the rest is for what the arithmetic leaves
/// out, such as the adapter of the port and a cycle that begins late.
pub const PART_MAX: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;

    /// The arithmetic of the reference: six servos at 1 Mbit/s, 26 bytes of goals, 14 of the
    /// request, six answers of 21.
    #[test]
    fn six_servos_fill_the_wire_at_six_hundred_hertz() {
        let load = CycleLoad::serial(26 + 14 + 6 * 21, 6, 0.0);
        assert!((load.seconds(1_000_000) - 1.66e-3).abs() < 1e-9);
        assert!((load.part(1_000_000, 400.0) - 0.664).abs() < 1e-6);
        assert!((load.rate_max_hz(1_000_000) - 542.2).abs() < 0.1);
        let slow = CycleLoad::serial(26 + 14 + 6 * 21, 6, 500.0);
        assert!((slow.seconds(1_000_000) - 4.66e-3).abs() < 1e-9, "each answer waits 0.5 ms");
    }

    /// The arithmetic of the reference: at 1 kHz and 1 Mbit/s three motors fit on a bus, four do
    /// not.
    #[test]
    fn three_motors_fit_on_a_can_bus_at_a_kilohertz() {
        let command_and_answer = WireBits::classic(false, 8) + WireBits::classic(false, 8);
        let part = |motors: usize| {
            let all = core::iter::repeat_n(command_and_answer, motors);
            let bits = all.fold(WireBits::default(), |sum, each| sum + each);
            CycleLoad::can(bits, 1_000_000, 1_000_000).part(1_000_000, 1000.0)
        };
        assert!((part(3) - 0.81).abs() < 1e-9 && part(3) < PART_MAX);
        assert!((part(4) - 1.08).abs() < 1e-9);
        let long = WireBits { nominal: 33, fast: 679 };
        assert_eq!(CycleLoad::can(long, 1_000_000, 5_000_000).bits, 33 + 136);
    }
}
