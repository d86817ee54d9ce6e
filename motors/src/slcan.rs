//! The text framing of Lawicel's adapters, with the CAN FD letters of CANable 2.0.
//!
//! `t` and an 11-bit id, `T` and a 29-bit id, then a length code and the data, all hexadecimal,
//! then a carriage return. `b` and `B` are the same as CAN FD with bit rate switch. The adapter
//! answers with a carriage return, or with a bell when it refuses. Sources: Lawicel CAN232 manual;
//! firmware of the CANable 2.0.

use crate::can::{CanFrame, CanId, DATA_MAX, LONG_LENGTHS};
use crate::framing::{Collected, ENCODED_MAX, Framing, Line, Writer, digit, number};

/// Longest line: letter, 8 digits of id, length code, 64 bytes.
const LINE_MAX: usize = 1 + 8 + 1 + 2 * DATA_MAX;
const BELL: u8 = 0x07;

/// Reader and writer of the framing.
#[derive(Clone, Debug)]
pub struct Slcan {
    line: Line<LINE_MAX>,
    refused: u32,
}

impl Default for Slcan {
    fn default() -> Self {
        Self { line: Line::new(), refused: 0 }
    }
}

impl Framing for Slcan {
    /// Closes what was open, sets 1 Mbit/s and 5 Mbit/s for the data of CAN FD, and opens. An
    /// adapter without CAN FD refuses the third line with a bell and goes on.
    fn opening(&self) -> &'static [u8] {
        b"C\rS8\rY5\rO\r"
    }

    fn encode<'a>(&self, frame: &CanFrame, into: &'a mut [u8; ENCODED_MAX]) -> Option<&'a [u8]> {
        let mut line = Writer::new(into);
        match (frame.id(), frame.is_flexible()) {
            (CanId::Standard(id), false) => line.put(b"t").and(line.hex(u32::from(id), 3))?,
            (CanId::Extended(id), false) => line.put(b"T").and(line.hex(id, 8))?,
            (CanId::Standard(id), true) => line.put(b"b").and(line.hex(u32::from(id), 3))?,
            (CanId::Extended(id), true) => line.put(b"B").and(line.hex(id, 8))?,
        }
        line.hex(length_code(frame.data().len())?, 1)?;
        frame.data().iter().try_for_each(|byte| line.hex(u32::from(*byte), 2))?;
        line.put(b"\r")?;
        line.done()
    }

    fn read(&mut self, byte: u8) -> Option<CanFrame> {
        let line = match self.line.take(byte, matches!(byte, b'\r' | b'\n' | BELL)) {
            Collected::More => return None,
            Collected::Complete(_) | Collected::TooLong if byte == BELL => None,
            Collected::TooLong => None,
            Collected::Complete(line) => Some(line),
        };
        match line {
            // An empty line, or the letter of a frame that was sent: the adapter agrees.
            Some([] | [b'z' | b'Z']) => None,
            Some(line) if let Some(frame) = frame(line) => Some(frame),
            _ => {
                self.refused = self.refused.saturating_add(1);
                None
            }
        }
    }

    fn refused(&self) -> u32 {
        self.refused
    }
}

fn frame(line: &[u8]) -> Option<CanFrame> {
    let (&letter, rest) = line.split_first()?;
    let (extended, flexible) = match letter {
        b't' => (false, false),
        b'T' => (true, false),
        b'd' | b'b' => (false, true),
        b'D' | b'B' => (true, true),
        _ => return None,
    };
    let (id, rest) = rest.split_at_checked(if extended { 8 } else { 3 })?;
    let id = number(id)?;
    let id = if extended { CanId::Extended(id) } else { CanId::Standard(u16::try_from(id).ok()?) };
    let (&code, digits) = rest.split_first()?;
    let length = length_of(digit(code)?, flexible)?;
    let (pairs, odd) = digits.as_chunks::<2>();
    if pairs.len() != length || !odd.is_empty() {
        return None;
    }
    let mut data = [0; DATA_MAX];
    for (byte, [high, low]) in data.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    let data = data.get(..length)?;
    if flexible { CanFrame::flexible(id, data, 0) } else { CanFrame::classic(id, data) }
}

fn length_code(length: usize) -> Option<u32> {
    if length <= 8 {
        return u32::try_from(length).ok();
    }
    let place = LONG_LENGTHS.iter().position(|long| *long == length)?;
    u32::try_from(place).ok().map(|place| place + 9)
}

fn length_of(code: u8, flexible: bool) -> Option<usize> {
    match code {
        0..=8 => Some(usize::from(code)),
        9..=15 if flexible => LONG_LENGTHS.get(usize::from(code) - 9).copied(),
        _ => None,
    }
}
