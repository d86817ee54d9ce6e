//! Frames on a stream of bytes: consistent overhead byte stuffing (Cheshire and Baker 1997), each
//! packet ended by a zero byte, which stands nowhere else. A reader that begins in the middle, or
//! lost bytes, is in step again at the next zero.

use crate::frame::FRAME_MAX;

/// Longest packet: one byte more for every 254, one for the first, and the zero.
pub const PACKET_MAX: usize = FRAME_MAX + FRAME_MAX / 254 + 2;

/// Writes `frame` as a packet into `packet`; the packet's length, or `None` where there is no room.
pub fn encode(frame: &[u8], packet: &mut [u8]) -> Option<usize> {
    let end = cobs::try_encode(frame, packet).ok()?;
    *packet.get_mut(end)? = 0;
    Some(end + 1)
}

/// Finds frames in a stream.
#[derive(Debug)]
pub struct StreamReader {
    packet: [u8; PACKET_MAX],
    length: usize,
    /// The packet is too long; its rest is skipped.
    skipping: bool,
    /// Packets that were none.
    broken: u32,
}

impl Default for StreamReader {
    fn default() -> Self {
        Self::new()
    }
}

impl StreamReader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { packet: [0; PACKET_MAX], length: 0, skipping: false, broken: 0 }
    }

    /// Packets so far that held no frame.
    #[must_use]
    pub const fn broken(&self) -> u32 {
        self.broken
    }

    /// Takes the next byte; the bytes of a frame, when one is complete with it.
    pub fn take(&mut self, byte: u8) -> Option<&[u8]> {
        if byte != 0 {
            match self.packet.get_mut(self.length) {
                Some(place) => {
                    *place = byte;
                    self.length += 1;
                }
                None => self.skipping = true,
            }
            return None;
        }
        let (length, skipping) = (self.length, self.skipping);
        (self.length, self.skipping) = (0, false);
        // Zeros that follow each other are how a link wakes up.
        if length == 0 {
            return None;
        }
        let packet = self.packet.get_mut(..length)?;
        let decoded = if skipping { None } else { cobs::decode_in_place(packet).ok() };
        let frame = decoded.and_then(|end| self.packet.get(..end));
        if frame.is_none() {
            self.broken = self.broken.wrapping_add(1);
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> (usize, u32) {
        let mut reader = StreamReader::new();
        let frames = bytes.iter().filter(|byte| reader.take(**byte).is_some()).count();
        (frames, reader.broken())
    }

    #[test]
    fn the_published_example_is_encoded_as_published() {
        // Example of the paper: 11 22 00 33 is 03 11 22 02 33.
        let mut packet = [0xaa; 8];
        assert_eq!(encode(&[0x11, 0x22, 0x00, 0x33], &mut packet), Some(6));
        assert_eq!(packet[..6], [0x03, 0x11, 0x22, 0x02, 0x33, 0x00]);
    }

    #[test]
    fn the_longest_frame_fits_into_the_longest_packet() {
        for byte in [0, 1] {
            let mut packet = [0; PACKET_MAX];
            let length = encode(&[byte; FRAME_MAX], &mut packet).unwrap();
            assert_eq!(read(&packet[..length]), (1, 0));
            assert_eq!(encode(&[byte; FRAME_MAX], &mut packet[..length - 1]), None);
        }
    }

    #[test]
    fn a_packet_without_an_end_is_skipped_and_the_next_one_read() {
        let mut packet = [0; 16];
        let length = encode(&[7; 5], &mut packet).unwrap();
        let mut reader = StreamReader::new();
        (0..3 * PACKET_MAX).for_each(|_| assert!(reader.take(9).is_none()));
        assert!(reader.take(0).is_none());
        let frames: usize =
            packet[..length].iter().filter(|byte| reader.take(**byte).is_some()).count();
        assert_eq!((frames, reader.broken()), (1, 1));
    }

    proptest! {
        #[test]
        fn any_frame_comes_out_as_it_went_in(frame in prop::collection::vec(any::<u8>(), 1..400)) {
            let mut packet = [0; PACKET_MAX];
            let length = encode(&frame, &mut packet).unwrap();
            let mut reader = StreamReader::new();
            let (last, before) = packet[..length].split_last().unwrap();
            for byte in before {
                prop_assert!(*byte != 0 && reader.take(*byte).is_none());
            }
            prop_assert_eq!(reader.take(*last), Some(&frame[..]));
        }

        #[test]
        fn after_any_garbage_the_next_frame_is_found(
            garbage in prop::collection::vec(any::<u8>(), 0..2000)
        ) {
            let mut stream = garbage;
            stream.push(0);
            let before = read(&stream).0;
            let mut packet = [0; 32];
            let length = encode(&[1, 0, 2, 0, 0, 3], &mut packet).unwrap();
            stream.extend_from_slice(&packet[..length]);
            prop_assert_eq!(read(&stream).0, before + 1);
        }
    }
}
