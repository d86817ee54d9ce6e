//! The binary framing of RobStride's USB adapter.
//!
//! `AT`, the extended id shifted left by three with `100` behind it, big-endian, the length, the
//! data, then carriage return and line feed; the same both ways, at 921,600 baud. Standard ids are
//! not documented and not carried. Source: RS02 User Manual, 3.3.5.

use crate::can::{CanFrame, CanId};
use crate::framing::{ENCODED_MAX, Framing, Verdict, Window, Writer};

/// Longest frame: header, id, length, eight bytes, end.
const FRAME_MAX: usize = 2 + 4 + 1 + 8 + 2;
/// The bits behind the id: extended, no remote frame.
const EXTENDED: u32 = 0b100;

/// Reader and writer of the framing.
#[derive(Clone, Debug)]
pub struct AtDongle {
    window: Window<FRAME_MAX>,
}

impl Default for AtDongle {
    fn default() -> Self {
        Self { window: Window::new() }
    }
}

impl Framing for AtDongle {
    /// Enters the mode in which frames are passed on.
    fn opening(&self) -> &'static [u8] {
        b"AT+AT\r\n"
    }

    fn encode<'a>(&self, frame: &CanFrame, into: &'a mut [u8; ENCODED_MAX]) -> Option<&'a [u8]> {
        let CanId::Extended(id) = frame.id() else { return None };
        if frame.is_flexible() {
            return None;
        }
        let mut out = Writer::new(into);
        out.put(b"AT")?;
        out.put(&(id << 3 | EXTENDED).to_be_bytes())?;
        out.put(&[u8::try_from(frame.data().len()).ok()?])?;
        out.put(frame.data())?;
        out.put(b"\r\n")?;
        out.done()
    }

    fn read(&mut self, byte: u8) -> Option<CanFrame> {
        self.window.take(byte, judge)
    }

    fn refused(&self) -> u32 {
        self.window.skipped
    }
}

fn judge(held: &[u8]) -> Verdict<CanFrame> {
    if !matches!(held, [] | [b'A'] | [b'A', b'T', ..]) {
        return Verdict::Wrong;
    }
    let &[_, _, a, b, c, d, length, ref rest @ ..] = held else { return Verdict::Open };
    let word = u32::from_be_bytes([a, b, c, d]);
    let length = usize::from(length);
    if word & 0b111 != EXTENDED || length > 8 {
        return Verdict::Wrong;
    }
    let Some((data, end)) = rest.split_at_checked(length) else { return Verdict::Open };
    match (end, CanFrame::classic(CanId::Extended(word >> 3), data)) {
        ([b'\r', b'\n'], Some(frame)) => Verdict::Frame(frame, 2 + 4 + 1 + length + 2),
        ([] | [b'\r'], _) => Verdict::Open,
        _ => Verdict::Wrong,
    }
}
