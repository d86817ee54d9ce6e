//! A way to CAN frames: an adapter on a stream of bytes, a socket, an emulator.

use core::time::Duration;
use std::time::Instant;

use motors::can::CanFrame;
use motors::framing::{ENCODED_MAX, Framing};

use crate::{Port, PortError};

/// A port that carries CAN frames.
///
/// `receive` is the only call that may wait, and never longer than it is told.
pub trait CanPort: Send {
    /// Sends `frame`. `false`: the port is full or cannot carry such a frame; the caller counts it.
    ///
    /// # Errors
    /// The port is gone.
    fn send(&mut self, frame: &CanFrame) -> Result<bool, PortError>;

    /// The next frame that has come or comes within `wait`.
    ///
    /// # Errors
    /// The port is gone.
    fn receive(&mut self, wait: Duration) -> Result<Option<CanFrame>, PortError>;

    /// How often something came that was no frame.
    fn refused(&self) -> u32;
}

/// CAN frames over a stream of bytes.
#[derive(Debug)]
pub struct Framed<P, F> {
    port: P,
    framing: F,
    /// Received and not yet read: from `next` up to `end`.
    bytes: [u8; 512],
    next: usize,
    end: usize,
}

impl<P: Port, F: Framing> Framed<P, F> {
    /// Opens the adapter's bus behind `port`.
    ///
    /// # Errors
    /// The port is gone.
    pub fn open(mut port: P, framing: F) -> Result<Self, PortError> {
        port.send(framing.opening())?;
        Ok(Self { port, framing, bytes: [0; 512], next: 0, end: 0 })
    }

    /// The next frame among the bytes that have come.
    fn read(&mut self) -> Option<CanFrame> {
        while self.next < self.end {
            let byte = self.bytes.get(self.next).copied().unwrap_or(0);
            self.next += 1;
            if let Some(frame) = self.framing.read(byte) {
                return Some(frame);
            }
        }
        None
    }
}

impl<P: Port, F: Framing + Send> CanPort for Framed<P, F> {
    fn send(&mut self, frame: &CanFrame) -> Result<bool, PortError> {
        match self.framing.encode(frame, &mut [0; ENCODED_MAX]) {
            Some(bytes) => self.port.send(bytes),
            None => Ok(false),
        }
    }

    fn receive(&mut self, wait: Duration) -> Result<Option<CanFrame>, PortError> {
        // The clock is only asked where there is something to wait for.
        let deadline = (!wait.is_zero()).then(|| Instant::now() + wait);
        loop {
            if let Some(frame) = self.read() {
                return Ok(Some(frame));
            }
            let left = deadline.map_or(Duration::ZERO, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            self.next = 0;
            self.end = self.port.receive(&mut self.bytes, left)?.min(self.bytes.len());
            if self.end == 0 {
                return Ok(None);
            }
        }
    }

    fn refused(&self) -> u32 {
        self.framing.refused()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use motors::can::CanId;
    use motors::slcan::Slcan;

    use super::*;

    /// A port that gives its bytes in pieces, and may be full or gone.
    #[derive(Default)]
    struct Pieces {
        pieces: VecDeque<&'static [u8]>,
        sent: Vec<u8>,
        full: bool,
        gone: bool,
    }

    impl Port for Pieces {
        fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError> {
            self.sent.extend(bytes);
            Ok(!self.full)
        }

        fn receive(&mut self, into: &mut [u8], _: Duration) -> Result<usize, PortError> {
            if self.gone {
                return Err(PortError::Gone { port: "pieces".into(), why: "unplugged".into() });
            }
            let piece = self.pieces.pop_front().unwrap_or_default();
            into[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        }
    }

    /// Clauses: M4.
    #[test]
    fn frames_are_put_together_from_pieces() {
        let pieces: [&[u8]; 4] = [b"t10", b"0211", b"22\rxyz\rt200", b"0\rt3000\r"];
        let port = Pieces { pieces: pieces.into(), ..Pieces::default() };
        let mut port = Framed::open(port, Slcan::default()).unwrap();
        assert_eq!(port.port.sent, b"C\rS8\rY5\rO\r");
        let mut numbers = Vec::new();
        while let Some(frame) = port.receive(Duration::from_millis(1)).unwrap() {
            numbers.push(frame.id().number());
        }
        assert_eq!(numbers, [0x100, 0x200, 0x300]);
        assert_eq!(port.refused(), 1);
    }

    /// Clauses: S7.
    #[test]
    fn a_full_and_a_lost_port_are_told() {
        let port = Pieces { full: true, gone: true, ..Pieces::default() };
        let mut port = Framed::open(port, Slcan::default()).unwrap();
        let frame = CanFrame::eight(CanId::Standard(1), [0; 8]);
        assert!(!port.send(&frame).unwrap());
        let error = port.receive(Duration::ZERO).unwrap_err().to_string();
        assert!(error.contains("pieces") && error.contains("plug it in again"), "{error}");
    }
}
