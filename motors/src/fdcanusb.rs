//! The text framing of mjbots' fdcanusb, by the maker's own crate.
//!
//! `can send ID DATA FLAGS` out, `rcv ID DATA FLAGS` in, `OK` for what was sent and `ERR` for what
//! was not. An id above 11 bits makes an extended frame. Source: crate `moteus-protocol`.

use moteus_protocol::CanFdFrame;
use moteus_protocol::fdcanusb::{EncodeOptions, MAX_LINE_LENGTH, encode_can_send, parse_line};
use moteus_protocol::fdcanusb::{Line as Said, strip_checksum};

use crate::can::{CanFrame, CanId};
use crate::framing::{Collected, ENCODED_MAX, Framing, Line};

const _: () = assert!(MAX_LINE_LENGTH <= ENCODED_MAX);

/// The mark the crate puts on an extended id.
const EXTENDED: u32 = 0x8000_0000;

/// Reader and writer of the framing.
#[derive(Clone, Debug)]
pub struct Fdcanusb {
    line: Line<MAX_LINE_LENGTH>,
    refused: u32,
    /// Each line carries a checksum, as a motor's own serial port wants it.
    checksum: bool,
}

impl Fdcanusb {
    /// With or without a checksum on each line: the adapter takes none, a motor's own serial port
    /// wants one.
    #[must_use]
    pub const fn new(checksum: bool) -> Self {
        Self { line: Line::new(), refused: 0, checksum }
    }
}

impl Framing for Fdcanusb {
    fn opening(&self) -> &'static [u8] {
        b"\n"
    }

    fn encode<'a>(&self, frame: &CanFrame, into: &'a mut [u8; ENCODED_MAX]) -> Option<&'a [u8]> {
        // The framing tells a standard id from an extended one by its size alone.
        let fits = |id: u32| id > u32::from(CanId::STANDARD_MAX);
        if matches!(frame.id(), CanId::Extended(id) if !fits(id)) {
            return None;
        }
        let options = EncodeOptions { disable_brs: false, checksum: self.checksum };
        let length = encode_can_send(&to_vendor(frame), &options, into).ok()?;
        into.get(..length)
    }

    fn read(&mut self, byte: u8) -> Option<CanFrame> {
        let line = match self.line.take(byte, matches!(byte, b'\r' | b'\n')) {
            Collected::More => return None,
            Collected::TooLong => None,
            Collected::Complete(line) => Some(line),
        };
        match line.map(|line| told(line, self.checksum)) {
            Some(Told::Nothing) => None,
            Some(Told::Frame(frame)) => Some(frame),
            Some(Told::Refused) | None => {
                self.refused = self.refused.saturating_add(1);
                None
            }
        }
    }

    fn refused(&self) -> u32 {
        self.refused
    }
}

/// Our frame as the maker's crate writes it.
#[must_use]
pub fn to_vendor(frame: &CanFrame) -> CanFdFrame {
    let mut out = CanFdFrame::new();
    out.arbitration_id = frame.id().number();
    for (to, from) in out.data.iter_mut().zip(frame.data()) {
        *to = *from;
    }
    out.size = u8::try_from(frame.data().len()).unwrap_or(0);
    out.set_fdcan(frame.is_flexible());
    out.set_brs(frame.is_flexible());
    out
}

/// A frame of the maker's crate as ours; `None` where there is no such frame.
#[must_use]
pub fn from_vendor(frame: &CanFdFrame) -> Option<CanFrame> {
    let id = frame.arbitration_id & !EXTENDED;
    let extended = frame.arbitration_id & EXTENDED != 0 || id > u32::from(CanId::STANDARD_MAX);
    let id = if extended { CanId::Extended(id) } else { CanId::Standard(u16::try_from(id).ok()?) };
    let data = frame.data.get(..usize::from(frame.size))?;
    if frame.fdcan_enabled() || data.len() > 8 {
        CanFrame::flexible(id, data, moteus_protocol::NOP)
    } else {
        CanFrame::classic(id, data)
    }
}

enum Told {
    Nothing,
    Frame(CanFrame),
    Refused,
}

fn told(line: &[u8], checksum: bool) -> Told {
    let (line, has_checksum, valid) = strip_checksum(line);
    if has_checksum && !valid || checksum && !has_checksum && !line.is_empty() {
        return Told::Refused;
    }
    match parse_line(line) {
        Said::Ok => Told::Nothing,
        Said::Rcv(mut frame) => {
            // The crate takes a frame without the letter F for CAN FD; the adapter writes it.
            let flexible = line.ends_with(b" F") || line.windows(3).any(|part| part == b" F ");
            frame.set_fdcan(flexible);
            from_vendor(&frame).map_or(Told::Refused, Told::Frame)
        }
        Said::Other([]) => Told::Nothing,
        Said::Err(_) | Said::Other(_) => Told::Refused,
    }
}
