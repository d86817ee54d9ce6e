//! The other end of an adapter: bytes of a host in, bytes to a host out.

use motors::at_dongle::AtDongle;
use motors::can::{CanFrame, CanId};
use motors::damiao_dongle;
use motors::fdcanusb::Fdcanusb;
use motors::framing::{ENCODED_MAX, Framing};
use motors::slcan::Slcan;

use super::EmulatedCanBus;
use crate::CanPort;

/// Whose adapter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterKind {
    /// Lawicel's text, or CANable's.
    Slcan,
    /// mjbots' text.
    Fdcanusb,
    /// DAMIAO's 30 and 16 bytes.
    Damiao,
    /// RobStride's frames between `AT` and an end of line.
    RobStride,
}

/// An adapter with a bus behind it.
pub struct CanAdapter {
    kind: AdapterKind,
    bus: EmulatedCanBus,
    slcan: Slcan,
    fdcanusb: Fdcanusb,
    at: AtDongle,
    held: Vec<u8>,
}

impl CanAdapter {
    /// An adapter of this kind before `bus`.
    #[must_use]
    pub fn new(kind: AdapterKind, bus: EmulatedCanBus) -> Self {
        Self {
            kind,
            bus,
            slcan: Slcan::default(),
            fdcanusb: Fdcanusb::new(false),
            at: AtDongle::default(),
            held: Vec::new(),
        }
    }

    /// Takes what a host wrote; what the host reads.
    ///
    /// # Errors
    /// The bus behind it is unplugged.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<u8>, crate::PortError> {
        let mut out = Vec::new();
        for byte in bytes {
            let frame = match self.kind {
                AdapterKind::Slcan => self.slcan.read(*byte),
                AdapterKind::Fdcanusb => self.text(*byte),
                AdapterKind::Damiao => self.binary(*byte),
                AdapterKind::RobStride => self.at.read(*byte),
            };
            if let Some(frame) = frame {
                self.bus.send(&frame)?;
                self.acknowledge(&mut out);
            }
        }
        while let Some(frame) = self.bus.receive(core::time::Duration::ZERO)? {
            self.tell(&frame, &mut out);
        }
        Ok(out)
    }

    fn acknowledge(&self, out: &mut Vec<u8>) {
        match self.kind {
            AdapterKind::Slcan => out.extend(b"z\r"),
            AdapterKind::Fdcanusb => out.extend(b"OK\r\n"),
            AdapterKind::Damiao | AdapterKind::RobStride => {}
        }
    }

    fn tell(&self, frame: &CanFrame, out: &mut Vec<u8>) {
        let mut buffer = [0; ENCODED_MAX];
        match self.kind {
            AdapterKind::Slcan => out.extend(self.slcan.encode(frame, &mut buffer).unwrap_or(&[])),
            AdapterKind::RobStride => out.extend(self.at.encode(frame, &mut buffer).unwrap_or(&[])),
            AdapterKind::Fdcanusb => {
                let data: String = frame.data().iter().map(|byte| format!("{byte:02x}")).collect();
                let kind = match frame.id() {
                    CanId::Standard(_) => 'e',
                    CanId::Extended(_) => 'E',
                };
                let flags = if frame.is_flexible() { "B F" } else { "b f" };
                let number = frame.id().number();
                out.extend(format!("rcv {number:x} {data} {kind} {flags}\r\n").bytes());
            }
            AdapterKind::Damiao => {
                let mut data = [0; 8];
                for (to, from) in data.iter_mut().zip(frame.data()) {
                    *to = *from;
                }
                out.extend([0xAA, 0x11, u8::try_from(frame.data().len()).unwrap_or(0)]);
                out.extend(frame.id().number().to_le_bytes());
                out.extend(data);
                out.push(0x55);
            }
        }
    }

    /// `can send ID DATA FLAGS`, read as if it had been received.
    fn text(&mut self, byte: u8) -> Option<CanFrame> {
        self.held.push(byte);
        if byte != b'\n' {
            return None;
        }
        let line = String::from_utf8(core::mem::take(&mut self.held)).ok()?;
        let mut words = line.trim().strip_prefix("can send ")?.split(' ');
        let (id, data, flags) = (words.next()?, words.next()?, words.next().unwrap_or(""));
        let flexible = if flags.contains('F') { "B F" } else { "b f" };
        let received = format!("rcv {id} {data} {flexible}\n");
        received.bytes().filter_map(|byte| self.fdcanusb.read(byte)).last()
    }

    fn binary(&mut self, byte: u8) -> Option<CanFrame> {
        self.held.push(byte);
        while !self.held.is_empty() && !b"\x55\xAA\x1E\x03".starts_with(self.head()) {
            self.held.remove(0);
        }
        if self.held.len() < damiao_dongle::SENT {
            return None;
        }
        let frame = core::mem::take(&mut self.held);
        let id = u16::from_le_bytes(frame.get(13..15)?.try_into().ok()?);
        let length = usize::from(*frame.get(18)?);
        CanFrame::classic(CanId::Standard(id), frame.get(21..21 + length)?)
    }

    /// The beginning of what is held, as long as the beginning of a frame.
    fn head(&self) -> &[u8] {
        self.held.get(..self.held.len().min(4)).unwrap_or_default()
    }
}
