//! How a CAN frame travels over a stream of bytes to an adapter and back.

use crate::can::CanFrame;

/// Most bytes a frame takes in any framing here.
pub const ENCODED_MAX: usize = 160;

/// A way to write CAN frames into a stream of bytes and to find them in one again.
pub trait Framing {
    /// What opens the adapter's bus; sent once. It sets rates and starts listening, no more.
    fn opening(&self) -> &'static [u8];

    /// Writes `frame`; `None` where the adapter cannot carry such a frame.
    fn encode<'a>(&self, frame: &CanFrame, into: &'a mut [u8; ENCODED_MAX]) -> Option<&'a [u8]>;

    /// Takes the next byte of the stream; a frame when that completes one. Finds the next frame
    /// again after any garbage.
    fn read(&mut self, byte: u8) -> Option<CanFrame>;

    /// How often something was refused: a line or frame that makes no sense, a byte between frames,
    /// or what the adapter itself complains about.
    fn refused(&self) -> u32;
}

/// Collects a text line. One that is longer than `N` is refused as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Line<const N: usize> {
    bytes: [u8; N],
    length: usize,
    too_long: bool,
}

/// What came of a byte that was given to a [`Line`].
pub(crate) enum Collected<'a> {
    /// The line goes on.
    More,
    /// The line is complete.
    Complete(&'a [u8]),
    /// The line was too long.
    TooLong,
}

impl<const N: usize> Line<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], length: 0, too_long: false }
    }

    pub(crate) fn take(&mut self, byte: u8, is_end: bool) -> Collected<'_> {
        if is_end {
            let length = core::mem::take(&mut self.length);
            if core::mem::take(&mut self.too_long) {
                return Collected::TooLong;
            }
            return Collected::Complete(self.bytes.get(..length).unwrap_or_default());
        }
        match self.bytes.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
            }
            None => self.too_long = true,
        }
        Collected::More
    }
}

/// The last bytes of a binary stream that may still become a frame.
#[derive(Clone, Debug)]
pub(crate) struct Window<const N: usize> {
    bytes: [u8; N],
    length: usize,
    /// Bytes that belong to no frame.
    pub(crate) skipped: u32,
}

/// What a window's content is.
pub(crate) enum Verdict<T> {
    /// It can still become a frame.
    Open,
    /// It cannot: the first byte is skipped.
    Wrong,
    /// It is a frame, of this many bytes.
    Frame(T, usize),
}

impl<const N: usize> Window<N> {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; N], length: 0, skipped: 0 }
    }

    /// Takes a byte, then skips bytes until the rest can still become a frame by `judge`.
    pub(crate) fn take<T>(&mut self, byte: u8, judge: impl Fn(&[u8]) -> Verdict<T>) -> Option<T> {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
        // Each round takes at least one byte away.
        for _ in 0..N {
            let held = self.bytes.get(..self.length).unwrap_or_default();
            match judge(held) {
                Verdict::Open if held.len() < N => return None,
                Verdict::Open | Verdict::Wrong if held.is_empty() => return None,
                Verdict::Open | Verdict::Wrong => {
                    self.skipped = self.skipped.saturating_add(1);
                    self.drop_first(1);
                }
                Verdict::Frame(frame, length) => {
                    self.drop_first(length);
                    return Some(frame);
                }
            }
        }
        None
    }

    fn drop_first(&mut self, count: usize) {
        let count = count.min(self.length);
        self.bytes.copy_within(count..self.length, 0);
        self.length -= count;
    }
}

/// The value of a hexadecimal digit.
pub(crate) const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

/// The number that hexadecimal `text` of at most eight digits means.
pub(crate) fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 8 {
        return None;
    }
    text.iter().try_fold(0_u32, |sum, &character| Some((sum << 4) | u32::from(digit(character)?)))
}

/// Upper case hexadecimal digit of the lower four bits.
pub(crate) const fn character(nibble: u32) -> u8 {
    let nibble = (nibble & 0xF) as u8;
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

/// Writes bytes one behind the other; `None` when there is no room.
pub(crate) struct Writer<'a> {
    into: &'a mut [u8],
    length: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(into: &'a mut [u8]) -> Self {
        Self { into, length: 0 }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.length.checked_add(bytes.len())?;
        self.into.get_mut(self.length..end)?.copy_from_slice(bytes);
        self.length = end;
        Some(())
    }

    /// `value` in `digits` hexadecimal digits.
    pub(crate) fn hex(&mut self, value: u32, digits: u32) -> Option<()> {
        (0..digits).rev().try_for_each(|place| self.put(&[character(value >> (4 * place))]))
    }

    pub(crate) fn done(self) -> Option<&'a [u8]> {
        self.into.get(..self.length)
    }
}
