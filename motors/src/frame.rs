//! Frames of serial servos: written into a buffer of fixed size, and found again in a stream of
//! bytes that may be cut, damaged or mixed with noise.

use crate::servo::Family;

/// Longest frame, bytes.
pub const FRAME_MAX: usize = 512;
/// Most data bytes of one answer.
pub const REPLY_MAX: usize = 128;
/// Bytes a reader keeps: the answers of all servos of a bus to one request.
const READER_MAX: usize = 4096;

/// The bytes of one frame, ready to send.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    bytes: [u8; FRAME_MAX],
    len: usize,
    overflow: bool,
}

impl Frame {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; FRAME_MAX], len: 0, overflow: false }
    }

    pub(crate) fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.overflow = true,
        }
    }

    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.push(byte));
    }

    /// The frame, unless something did not fit.
    pub(crate) fn whole(self) -> Option<Self> {
        (!self.overflow).then_some(self)
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// What one servo answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who answered.
    pub id: u8,
    /// The error byte as it came; what it means depends on the family.
    pub error: u8,
    data: [u8; REPLY_MAX],
    len: usize,
}

impl Reply {
    /// An answer with these data; `None` where they are too many.
    #[must_use]
    pub fn new(id: u8, error: u8, data: &[u8]) -> Option<Self> {
        let mut reply = Self { id, error, data: [0; REPLY_MAX], len: data.len() };
        reply.data.get_mut(..data.len())?.copy_from_slice(data);
        Some(reply)
    }

    /// The data bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.data.get(..self.len).unwrap_or_default()
    }
}

/// What the beginning of a stream of bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// A frame may begin here; more bytes must come.
    More,
    /// That many bytes belong to no frame.
    Noise(usize),
    /// A frame whose checksum is wrong.
    Damaged,
    /// A whole frame of that many bytes.
    Whole(usize),
}

/// What a reader has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReaderCounters {
    /// Whole answers.
    pub replies: u64,
    /// Frames with a wrong checksum.
    pub bad_checksum: u64,
    /// Times that bytes had to be passed over to find a frame again.
    pub resyncs: u64,
    /// Bytes passed over.
    pub noise_bytes: u64,
    /// Whole frames that were no answers.
    pub other: u64,
    /// Frames that had begun and were given up.
    pub cut: u64,
    /// Bytes that came while there was no room.
    pub overflow_bytes: u64,
}

/// Finds the answers in a stream of bytes.
#[derive(Clone, Debug)]
pub struct Reader {
    family: Family,
    bytes: [u8; READER_MAX],
    start: usize,
    end: usize,
    in_noise: bool,
    counters: ReaderCounters,
}

impl Reader {
    /// A reader of the answers of `family`.
    #[must_use]
    pub fn new(family: Family) -> Self {
        let counters = ReaderCounters::default();
        Self { family, bytes: [0; READER_MAX], start: 0, end: 0, in_noise: false, counters }
    }

    /// Adds bytes that have come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let free = self.bytes.get_mut(self.end..).unwrap_or_default();
        let taken = bytes.len().min(free.len());
        for (place, byte) in free.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.end += taken;
        self.counters.overflow_bytes += (bytes.len() - taken) as u64;
    }

    /// The next answer, if a whole one has come.
    pub fn next_reply(&mut self) -> Option<Reply> {
        loop {
            let waiting = self.bytes.get(self.start..self.end).unwrap_or_default();
            if waiting.is_empty() {
                return None;
            }
            match self.family.scan(waiting) {
                Scan::More => return None,
                Scan::Noise(bytes) => self.pass_over(bytes),
                Scan::Damaged => {
                    // The length itself may be damaged: only the first byte is certainly no frame.
                    self.counters.bad_checksum += 1;
                    self.pass_over(1);
                }
                Scan::Whole(bytes) => {
                    let reply = self.family.reply(waiting.get(..bytes).unwrap_or_default());
                    self.take(bytes);
                    match reply {
                        Some(_) => self.counters.replies += 1,
                        None => self.counters.other += 1,
                    }
                    if reply.is_some() {
                        return reply;
                    }
                }
            }
        }
    }

    /// Gives up a frame that has begun: whoever sent it is silent now.
    pub fn cut(&mut self) {
        if self.start < self.end {
            self.counters.cut += 1;
        }
        (self.start, self.end) = (0, 0);
    }

    /// What it has seen.
    #[must_use]
    pub const fn counters(&self) -> ReaderCounters {
        self.counters
    }

    fn pass_over(&mut self, bytes: usize) {
        let bytes = bytes.clamp(1, self.end - self.start);
        if !self.in_noise {
            self.counters.resyncs += 1;
        }
        self.in_noise = true;
        self.counters.noise_bytes += bytes as u64;
        self.start += bytes;
    }

    fn take(&mut self, bytes: usize) {
        self.in_noise = false;
        self.start = (self.start + bytes).min(self.end);
    }
}

/// Where the next frame with this beginning may start: bytes before it are noise. `None` where the
/// slice begins with it, or with a part of it at its end.
pub(crate) fn noise_before(bytes: &[u8], head: &[u8]) -> Option<usize> {
    let begins = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        rest.iter().zip(head).all(|(found, wanted)| found == wanted)
    };
    let at = (0..bytes.len()).find(|&at| begins(at)).unwrap_or(bytes.len());
    (at > 0).then_some(at)
}
