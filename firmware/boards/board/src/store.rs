//! A configuration as words, for memory that outlives a reset or the power.

use firmware::frame::checksum;
use firmware::{Configuration, LIMIT_NUMBERS, Supervision, WatchdogTimes, limits, numbers};
use signals::{Celsius, Damping, Volts};

use crate::Memory;

/// Marks words that hold a configuration, and their layout.
const MAGIC: u32 = 0x5452_4301;
const HEAD: usize = 9;

/// Words for a board of `joints`.
#[must_use]
pub const fn words(joints: usize) -> usize {
    HEAD + joints * LIMIT_NUMBERS + 1
}

/// Writes a configuration from index `from` on. The check sum comes last, so that a reset on the
/// way leaves nothing that counts as one.
pub fn write<const N: usize>(memory: &impl Memory, from: usize, configuration: &Configuration<N>) {
    let sum = from + words(N) - 1;
    memory.store(sum, 0);
    let mut at = from;
    let mut put = |word| {
        memory.store(at, word);
        at += 1;
    };
    let (times, supervision) = (&configuration.watchdog, &configuration.supervision);
    put(MAGIC);
    put(pair(u16::try_from(configuration.count).unwrap_or(u16::MAX), configuration.period));
    put(pair(times.expire, times.damping));
    put(pair(times.torque_off, times.heartbeat));
    put(configuration.emergency_damping.0.to_bits());
    put(supervision.temperature_derate.0.to_bits());
    put(supervision.temperature_trip.0.to_bits());
    put(supervision.voltage_min.0.to_bits());
    put(supervision.voltage_max.0.to_bits());
    for number in configuration.limits.iter().flat_map(numbers) {
        put(number.to_bits());
    }
    memory.store(sum, sum_of::<N>(memory, from));
}

/// The configuration from index `from` on; `None` where there is none, or not a sound one.
pub fn read<const N: usize>(memory: &impl Memory, from: usize) -> Option<Configuration<N>> {
    let word = |at: usize| memory.load(from + at);
    if word(0) != MAGIC || word(words(N) - 1) != sum_of::<N>(memory, from) {
        return None;
    }
    let number = |at: usize| f32::from_bits(word(at));
    let ([count, period], [expire, damping]) = (halves(word(1)), halves(word(2)));
    let [torque_off, heartbeat] = halves(word(3));
    let configuration = Configuration {
        count: usize::from(count),
        period,
        watchdog: WatchdogTimes { expire, damping, torque_off, heartbeat },
        emergency_damping: Damping(number(4)),
        supervision: Supervision {
            temperature_derate: Celsius(number(5)),
            temperature_trip: Celsius(number(6)),
            voltage_min: Volts(number(7)),
            voltage_max: Volts(number(8)),
        },
        limits: core::array::from_fn(|joint| {
            let first = HEAD + joint * LIMIT_NUMBERS;
            limits(&core::array::from_fn(|at| number(first + at)))
        }),
    };
    configuration.check().is_ok().then_some(configuration)
}

/// Over all words but the last.
fn sum_of<const N: usize>(memory: &impl Memory, from: usize) -> u32 {
    (from..from + words(N) - 1).fold(0, |sum, at| {
        let mut bytes = [0; 8];
        let (before, word) = bytes.split_at_mut(4);
        before.copy_from_slice(&u32::to_le_bytes(sum));
        word.copy_from_slice(&memory.load(at).to_le_bytes());
        checksum(&bytes)
    })
}

fn pair(low: u16, high: u16) -> u32 {
    u32::from(low) | u32::from(high) << 16
}

fn halves(word: u32) -> [u16; 2] {
    let [a, b, c, d] = word.to_le_bytes();
    [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Words;

    fn configuration() -> Configuration<3> {
        let mut configuration = Configuration::NONE;
        configuration.count = 2;
        configuration.emergency_damping = Damping(0.4);
        for (joint, own) in configuration.limits.iter_mut().enumerate() {
            let mut numbers = [4.0; LIMIT_NUMBERS];
            numbers[0] = -1.0;
            numbers[1] = 1.0 + joint as f32;
            numbers[4] = 10.0;
            numbers[5] = 20.0;
            *own = limits(&numbers);
        }
        configuration
    }

    #[test]
    fn it_comes_back_as_it_went_in_and_any_flipped_bit_is_seen() {
        let memory = Words::filled(words(3) + 5, 7);
        let written = configuration();
        written.check().unwrap();
        write(&memory, 5, &written);
        assert_eq!(read::<3>(&memory, 5), Some(written));
        assert_eq!(memory.words.borrow()[..5], [7; 5]);
        for word in 5..5 + words(3) {
            for bit in [0, 13, 31] {
                memory.words.borrow_mut()[word] ^= 1 << bit;
                assert_eq!(read::<3>(&memory, 5), None, "word {word} bit {bit}");
                memory.words.borrow_mut()[word] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn a_reset_on_the_way_leaves_no_configuration() {
        for stores in 0..=words(3) {
            let memory = Words::filled(words(3), 0);
            write(&memory, 0, &configuration());
            *memory.left.borrow_mut() = stores;
            let mut other = configuration();
            other.period = 2_000;
            write(&memory, 0, &other);
            let kept = read::<3>(&memory, 0);
            assert!(kept.is_none() || (stores == 0 && kept == Some(configuration())), "{stores}");
        }
    }
}
