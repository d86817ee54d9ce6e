//! The binary framing of DAMIAO's USB adapter.
//!
//! Out: 30 bytes that begin with `55 AA 1E 03`, the id at 13, the length at 18, the data from 21.
//! In: 16 bytes `AA 11 .. 55`, the length and kind of id at 2, the id from 3, the data from 7.
//! There is no checksum: the two ends of a frame and what its fields may hold are all that tells it
//! from garbage. Source: DM_Control_Python, `DM_CAN.py`.

use crate::can::{CanFrame, CanId};
use crate::framing::{ENCODED_MAX, Framing, Verdict, Window};

/// Bytes of a frame to the adapter.
pub const SENT: usize = 30;
/// Bytes of a frame from the adapter.
pub const RECEIVED: usize = 16;

/// Reader and writer of the framing.
#[derive(Clone, Debug)]
pub struct DamiaoDongle {
    window: Window<RECEIVED>,
}

impl Default for DamiaoDongle {
    fn default() -> Self {
        Self { window: Window::new() }
    }
}

impl Framing for DamiaoDongle {
    fn opening(&self) -> &'static [u8] {
        b""
    }

    /// Only classic frames: the adapter carries no others.
    fn encode<'a>(&self, frame: &CanFrame, into: &'a mut [u8; ENCODED_MAX]) -> Option<&'a [u8]> {
        if frame.is_flexible() {
            return None;
        }
        let out = into.get_mut(..SENT)?;
        out.fill(0);
        // Once, ten times 0.1 ms before a repetition there is not.
        out.get_mut(..9)?.copy_from_slice(&[0x55, 0xAA, 0x1E, 0x03, 1, 0, 0, 0, 10]);
        *out.get_mut(12)? = u8::from(matches!(frame.id(), CanId::Extended(_)));
        out.get_mut(13..17)?.copy_from_slice(&frame.id().number().to_le_bytes());
        *out.get_mut(18)? = u8::try_from(frame.data().len()).ok()?;
        out.get_mut(21..)?.get_mut(..frame.data().len())?.copy_from_slice(frame.data());
        Some(out)
    }

    fn read(&mut self, byte: u8) -> Option<CanFrame> {
        self.window.take(byte, judge)
    }

    fn refused(&self) -> u32 {
        self.window.skipped
    }
}

const EXTENDED: u8 = 0x40;
const REMOTE: u8 = 0x80;

fn judge(held: &[u8]) -> Verdict<CanFrame> {
    let begins = matches!(held, [] | [0xAA] | [0xAA, 0x11, ..]);
    let shape = held.get(2).is_none_or(|shape| shape & REMOTE == 0 && shape & 0x3F <= 8);
    if !(begins && shape) {
        return Verdict::Wrong;
    }
    let &[_, _, shape, a, b, c, d, ref data @ .., end] = held else { return Verdict::Open };
    if data.len() < 8 {
        return Verdict::Open;
    }
    let id = u32::from_le_bytes([a, b, c, d]);
    let id = match u16::try_from(id) {
        _ if shape & EXTENDED != 0 => CanId::Extended(id),
        Ok(id) => CanId::Standard(id),
        Err(_) => return Verdict::Wrong,
    };
    // The first versions of the adapter write no length; the motors always send eight bytes.
    let length = match shape & 0x3F {
        0 => 8,
        length => usize::from(length),
    };
    let frame = data.get(..length).and_then(|data| CanFrame::classic(id, data));
    match frame {
        Some(frame) if end == 0x55 => Verdict::Frame(frame, RECEIVED),
        _ => Verdict::Wrong,
    }
}
