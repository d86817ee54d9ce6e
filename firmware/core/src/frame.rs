//! The frame: the same bytes on every link.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | version of the protocol in the high half, [`Kind`] in the low half |
//! | 1 | 1 | address of the sender |
//! | 2 | 1 | address of the receiver; [`EVERYONE`] for all |
//! | 3 | 2 | length of the body |
//! | 5 | 2 | session |
//! | 7 | 2 | sequence |
//! | 9 | | body |
//! | 9 + length | 4 | CRC-32C (Castagnoli) of all before it |
//!
//! Numbers are little-endian. Sequence, addresses, session, validity and checksum are the measures
//! of a black channel (IEC 61784-3): the link below may lose, repeat, reorder, delay or change
//! frames, or bring them from an earlier life. Bytes after the checksum are padding, as Ethernet
//! and CAN-FD add it. On byte streams a frame travels in a packet of [`stream`](crate::stream).

/// Version of the protocol that this code speaks.
pub const VERSION: u8 = 1;
/// Bytes before the body.
pub const HEADER: usize = 9;
/// Bytes after the body.
pub const CHECKSUM: usize = 4;
/// Longest body: a command for as many joints as a robot may have.
pub const BODY_MAX: usize = 8 + 20 * signals::JOINTS_MAX;
/// Longest frame.
pub const FRAME_MAX: usize = HEADER + BODY_MAX + CHECKSUM;
/// The address of every board.
pub const EVERYONE: u8 = 0xff;
/// The address of the host.
pub const HOST: u8 = 0;
/// The session of a frame that belongs to none.
pub const NO_SESSION: u16 = 0;

static CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Host to board, cyclic: [`Command`](crate::Command).
    Command = 1,
    /// Board to host, cyclic: [`State`](crate::State).
    State = 2,
    /// Governor to board, cyclic: [`Heartbeat`](crate::Heartbeat).
    Heartbeat = 3,
    /// Host to board: [`Request`](crate::Request).
    Request = 4,
    /// Board to host: [`Reply`](crate::Reply).
    Reply = 5,
}

impl Kind {
    const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Command),
            2 => Some(Self::State),
            3 => Some(Self::Heartbeat),
            4 => Some(Self::Request),
            5 => Some(Self::Reply),
            _ => None,
        }
    }
}

/// What stands before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the body is.
    pub kind: Kind,
    /// Who sends.
    pub source: u8,
    /// Who shall hear.
    pub destination: u8,
    /// The board gives it to a host that says hello; [`NO_SESSION`] before that.
    pub session: u16,
    /// Counts up, and around, per kind and session. A reply repeats that of its request.
    pub sequence: u16,
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Too short for what it says it holds, or longer than a frame can be.
    Length,
    /// The checksum does not fit.
    Checksum,
    /// A version this code does not speak.
    Version(u8),
    /// A kind or a body that the protocol does not have.
    Unknown,
    /// A number in it is none, or is out of its range.
    Number,
}

/// Writes a frame around the body that stands at [`HEADER`] in `frame`; the frame's length, or
/// `None` where there is no room.
pub fn seal(header: &Header, body: usize, frame: &mut [u8]) -> Option<usize> {
    if body > BODY_MAX {
        return None;
    }
    let (content, rest) = frame.split_at_mut_checked(HEADER + body)?;
    let (checksum, _) = rest.split_first_chunk_mut::<CHECKSUM>()?;
    let (head, _) = content.split_first_chunk_mut::<HEADER>()?;
    let length = u16::try_from(body).ok()?.to_le_bytes();
    let session = header.session.to_le_bytes();
    let sequence = header.sequence.to_le_bytes();
    *head = [
        VERSION << 4 | header.kind as u8,
        header.source,
        header.destination,
        length[0],
        length[1],
        session[0],
        session[1],
        sequence[0],
        sequence[1],
    ];
    *checksum = CRC.checksum(content).to_le_bytes();
    Some(HEADER + body + CHECKSUM)
}

/// The header and the body of a frame.
///
/// # Errors
/// The bytes are no frame, or not one of this version.
pub fn open(frame: &[u8]) -> Result<(Header, &[u8]), FrameError> {
    let (head, _) = frame.split_first_chunk::<HEADER>().ok_or(FrameError::Length)?;
    let &[first, source, destination, l0, l1, s0, s1, q0, q1] = head;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    let (content, rest) = frame.split_at_checked(HEADER + length).ok_or(FrameError::Length)?;
    let (checksum, _) = rest.split_first_chunk::<CHECKSUM>().ok_or(FrameError::Length)?;
    if CRC.checksum(content) != u32::from_le_bytes(*checksum) {
        return Err(FrameError::Checksum);
    }
    if first >> 4 != VERSION {
        return Err(FrameError::Version(first >> 4));
    }
    let kind = Kind::of(first & 0x0f).ok_or(FrameError::Unknown)?;
    let (session, sequence) = (u16::from_le_bytes([s0, s1]), u16::from_le_bytes([q0, q1]));
    let body = content.get(HEADER..).unwrap_or_default();
    Ok((Header { kind, source, destination, session, sequence }, body))
}

/// CRC-32C of `bytes`.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// Writes little-endian numbers one after the other; what does not fit is remembered as failure.
pub(crate) struct Writer<'a> {
    bytes: &'a mut [u8],
    at: usize,
    fits: bool,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0, fits: true }
    }

    pub(crate) fn put<const LENGTH: usize>(&mut self, number: [u8; LENGTH]) {
        match self.bytes.get_mut(self.at..self.at + LENGTH) {
            Some(place) => place.copy_from_slice(&number),
            None => self.fits = false,
        }
        self.at += LENGTH;
    }

    /// Bytes written; `None` when they did not fit.
    pub(crate) const fn end(self) -> Option<usize> {
        if self.fits { Some(self.at) } else { None }
    }
}

/// Reads little-endian numbers one after the other; zero where there are none, which `end` tells.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    fits: bool,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, fits: true }
    }

    pub(crate) fn take<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        if let Some((number, rest)) = self.bytes.split_first_chunk::<LENGTH>() {
            self.bytes = rest;
            return *number;
        }
        self.fits = false;
        [0; LENGTH]
    }

    pub(crate) fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.take())
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(crate) fn f32(&mut self) -> f32 {
        f32::from_le_bytes(self.take())
    }

    /// `value`, when exactly all bytes were read for it.
    pub(crate) const fn end<T: Copy>(self, value: T) -> Result<T, FrameError> {
        if self.fits && self.bytes.is_empty() { Ok(value) } else { Err(FrameError::Length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_OF_TEST: Header =
        Header { kind: Kind::State, source: 7, destination: HOST, session: 0x1234, sequence: 3 };

    fn sealed() -> ([u8; 32], usize) {
        let mut frame = [0; 32];
        frame[HEADER..HEADER + 5].copy_from_slice(&[1, 2, 3, 4, 5]);
        let length = seal(&HEADER_OF_TEST, 5, &mut frame).unwrap();
        (frame, length)
    }

    #[test]
    fn the_checksum_is_the_published_one() {
        // The check value of CRC-32/ISCSI in the catalogue of parametrised CRC algorithms.
        assert_eq!(checksum(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_frame_comes_out_as_it_went_in_and_padding_does_not_matter() {
        let (frame, length) = sealed();
        assert_eq!(length, HEADER + 5 + CHECKSUM);
        for end in length..=32 {
            assert_eq!(open(&frame[..end]), Ok((HEADER_OF_TEST, &[1, 2, 3, 4, 5][..])));
        }
        for end in 0..length {
            assert!(open(&frame[..end]).is_err(), "cut to {end}");
        }
    }

    /// Clauses: M4.
    #[test]
    fn one_changed_bit_is_noticed_wherever_it_is() {
        let (frame, length) = sealed();
        for bit in 0..length * 8 {
            let mut changed = frame;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&changed[..length]).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        let mut small = [0; HEADER + 5 + CHECKSUM - 1];
        assert_eq!(seal(&HEADER_OF_TEST, 5, &mut small), None);
        assert_eq!(seal(&HEADER_OF_TEST, BODY_MAX + 1, &mut [0; 2 * FRAME_MAX]), None);
    }

    #[test]
    fn another_version_is_told_apart_from_garbage() {
        let (mut frame, length) = sealed();
        frame[0] = 2 << 4 | Kind::State as u8;
        let content = length - CHECKSUM;
        let checksum = checksum(&frame[..content]).to_le_bytes();
        frame[content..length].copy_from_slice(&checksum);
        assert_eq!(open(&frame[..length]), Err(FrameError::Version(2)));
    }
}
