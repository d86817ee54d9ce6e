//! What travels: a sequence, a time and a seal in front, a mark at the end, filling between.
//!
//! The mark depends on the sequence and the seal on both, so that a message put together from two
//! others is seen.

/// Bytes in front of the filling.
pub const HEAD: usize = 24;
/// Bytes of the mark.
pub const TAIL: usize = 8;

/// What a message says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Counts up from 1; 0 asks whether anyone hears.
    pub sequence: u64,
    /// When it was sent, ns of [`crate::clock::now`].
    pub at: u64,
}

/// A message of `size` bytes, at least `HEAD + TAIL`, still without a sequence.
pub fn blank(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 251) as u8).collect()
}

/// Writes head and tail of a message; the filling stays.
#[inline]
pub fn seal(message: &mut [u8], said: Said) {
    let size = message.len();
    let mark = mix(said.sequence);
    message[..8].copy_from_slice(&said.sequence.to_le_bytes());
    message[8..16].copy_from_slice(&said.at.to_le_bytes());
    message[16..HEAD].copy_from_slice(&sum(said, mark, size).to_le_bytes());
    message[size - TAIL..].copy_from_slice(&mark.to_le_bytes());
}

/// Reads a message of which the first and the last bytes are given.
///
/// # Errors
///
/// When its size is not `expected`, or when head and tail do not belong together.
#[inline]
pub fn open(head: &[u8], tail: &[u8], size: usize, expected: usize) -> Result<Said, &'static str> {
    if size != expected {
        return Err("another size");
    }
    let (Some(sequence), Some(at), Some(seal)) = (word(head, 0), word(head, 8), word(head, 16))
    else {
        return Err("a head in pieces");
    };
    let Some(mark) = tail.len().checked_sub(TAIL).and_then(|from| word(tail, from)) else {
        return Err("a tail in pieces");
    };
    let said = Said { sequence, at };
    if mark != mix(sequence) || seal != sum(said, mark, size) {
        return Err("head and tail of two messages");
    }
    Ok(said)
}

fn word(bytes: &[u8], from: usize) -> Option<u64> {
    bytes.get(from..from + 8)?.try_into().ok().map(u64::from_le_bytes)
}

fn sum(said: Said, mark: u64, size: usize) -> u64 {
    mix(said.sequence ^ mix(said.at ^ mix(mark ^ size as u64)))
}

/// Spreads each bit over all (the finisher of MurmurHash3).
#[inline]
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_message_is_told_from_a_broken_one() {
        let mut message = blank(64);
        let said = Said { sequence: 7, at: 123_456 };
        seal(&mut message, said);
        assert_eq!(open(&message, &message, 64, 64), Ok(said));
        assert_eq!(open(&message[..HEAD], &message[56..], 64, 64), Ok(said), "in two pieces");
        let mut other = blank(64);
        seal(&mut other, Said { sequence: 8, at: 123_456 });
        for (head, tail, size) in
            [(&message, &other, 64), (&other, &message, 64), (&message, &message, 63)]
        {
            assert!(open(head, tail, size, 64).is_err());
        }
        assert!(open(&message[..20], &message, 64, 64).is_err());
        assert!(open(&message, &message[..4], 64, 64).is_err());
        for byte in [0, 9, 17, 60] {
            let mut broken = message.clone();
            broken[byte] ^= 1;
            assert!(open(&broken, &broken, 64, 64).is_err(), "byte {byte}");
        }
    }
}
