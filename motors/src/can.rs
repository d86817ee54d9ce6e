//! A CAN frame, and how long it keeps the wire busy.

use core::time::Duration;

/// Most bytes a frame carries (CAN FD; a classic one carries [`CLASSIC_MAX`]).
pub const DATA_MAX: usize = 64;
/// Most bytes a classic frame carries.
pub const CLASSIC_MAX: usize = 8;

/// Who a frame is from or for; the lower number wins the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CanId {
    /// 11 bits.
    Standard(u16),
    /// 29 bits.
    Extended(u32),
}

impl CanId {
    /// Highest standard number.
    pub const STANDARD_MAX: u16 = 0x7FF;
    /// Highest extended number.
    pub const EXTENDED_MAX: u32 = 0x1FFF_FFFF;

    /// The number, without its kind.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Standard(id) => id as u32,
            Self::Extended(id) => id,
        }
    }

    const fn is_valid(self) -> bool {
        match self {
            Self::Standard(id) => id <= Self::STANDARD_MAX,
            Self::Extended(id) => id <= Self::EXTENDED_MAX,
        }
    }
}

/// One data frame. Remote frames are not made and not taken: no motor here needs one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CanFrame {
    id: CanId,
    flexible: bool,
    length: u8,
    data: [u8; DATA_MAX],
}

impl CanFrame {
    /// A classic frame; `None` for more than 8 bytes or an id out of range.
    #[must_use]
    pub fn classic(id: CanId, data: &[u8]) -> Option<Self> {
        (data.len() <= CLASSIC_MAX).then(|| Self::filled(id, false, data, 0)).flatten()
    }

    /// A CAN FD frame with bit rate switch, filled up with `padding` to the next length there is;
    /// `None` for more than 64 bytes or an id out of range.
    #[must_use]
    pub fn flexible(id: CanId, data: &[u8], padding: u8) -> Option<Self> {
        Self::filled(id, true, data, padding)
    }

    /// A classic frame of 8 bytes; an id out of range loses its upper bits.
    #[must_use]
    pub fn eight(id: CanId, bytes: [u8; CLASSIC_MAX]) -> Self {
        let id = match id {
            CanId::Standard(id) => CanId::Standard(id & CanId::STANDARD_MAX),
            CanId::Extended(id) => CanId::Extended(id & CanId::EXTENDED_MAX),
        };
        let mut data = [0; DATA_MAX];
        for (to, from) in data.iter_mut().zip(bytes) {
            *to = from;
        }
        Self { id, flexible: false, length: 8, data }
    }

    /// The same frame as CAN FD, or as a classic one where that carries it.
    #[must_use]
    pub fn as_flexible(self, flexible: bool) -> Self {
        let fits = usize::from(self.length) <= CLASSIC_MAX;
        Self { flexible: flexible || !fits, ..self }
    }

    /// From or for whom.
    #[must_use]
    pub const fn id(&self) -> CanId {
        self.id
    }

    /// It is a CAN FD frame.
    #[must_use]
    pub const fn is_flexible(&self) -> bool {
        self.flexible
    }

    /// What it carries.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.data.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The 8 bytes of a frame that carries exactly that many.
    #[must_use]
    pub fn bytes(&self) -> Option<[u8; CLASSIC_MAX]> {
        self.data().try_into().ok()
    }

    /// The bits it takes, with as many stuff bits as any content can cause, and the pause of three
    /// bits behind it.
    #[must_use]
    pub fn bits(&self) -> WireBits {
        let extended = matches!(self.id, CanId::Extended(_));
        if self.flexible {
            WireBits::flexible(extended, usize::from(self.length))
        } else {
            WireBits::classic(extended, usize::from(self.length))
        }
    }

    fn filled(id: CanId, flexible: bool, bytes: &[u8], padding: u8) -> Option<Self> {
        let length = if flexible { length_at_least(bytes.len())? } else { bytes.len() };
        let mut data = [0; DATA_MAX];
        data.get_mut(..length)?.fill(padding);
        data.get_mut(..bytes.len())?.copy_from_slice(bytes);
        id.is_valid().then_some(Self { id, flexible, length: u8::try_from(length).ok()?, data })
    }
}

/// Lengths of CAN FD frames above 8 bytes, for the length codes 9 to 15 (ISO 11898-1).
pub const LONG_LENGTHS: [usize; 7] = [12, 16, 20, 24, 32, 48, 64];

/// The shortest length of a CAN FD frame that carries `length` bytes.
#[must_use]
pub fn length_at_least(length: usize) -> Option<usize> {
    if length <= CLASSIC_MAX {
        return Some(length);
    }
    LONG_LENGTHS.into_iter().find(|longer| *longer >= length)
}

/// How many bits a frame takes on the wire, by the rate they are sent with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireBits {
    /// At the rate of arbitration.
    pub nominal: u32,
    /// At the rate of the data of a CAN FD frame.
    pub fast: u32,
}

impl WireBits {
    /// A classic frame of `length` bytes: 44 bits (64 with an extended id) and the data, a stuff
    /// bit after each four of those from the start to the checksum, and three bits of pause.
    #[must_use]
    pub fn classic(extended: bool, length: usize) -> Self {
        let data = 8 * narrow(length.min(CLASSIC_MAX));
        let (fixed, stuffed) = if extended { (67, 54) } else { (47, 34) };
        Self { nominal: fixed + data + (stuffed + data - 1) / 4, fast: 0 }
    }

    /// A CAN FD frame of `length` bytes with bit rate switch. Stuff bits in the checksum are fixed:
    /// one before each four bits of stuff count and checksum.
    #[must_use]
    pub fn flexible(extended: bool, length: usize) -> Self {
        let data = 8 * narrow(length.min(DATA_MAX));
        // Start to bit rate switch; then error state, length code, data; then the checksum.
        let head: u32 = if extended { 36 } else { 17 };
        let body = 5 + data;
        let (checksum, fixed_stuff) = if length <= 16 { (4 + 17, 6) } else { (4 + 21, 7) };
        let head_stuff = (head - 1) / 4;
        let stuff = (head + body - 1) / 4;
        // Acknowledge and its delimiter, end of frame, pause.
        let tail = 1 + 1 + 7 + 3;
        let fast = body + (stuff - head_stuff) + checksum + fixed_stuff + 1;
        Self { nominal: head + head_stuff + tail, fast }
    }

    /// Time on a wire with these rates in bits a second; the second is that of CAN FD data.
    #[must_use]
    pub fn time(self, rate: u32, data_rate: u32) -> Duration {
        let span = |bits: u32, rate: u32| 1_000_000_000 * u64::from(bits) / u64::from(rate.max(1));
        Duration::from_nanos(span(self.nominal, rate) + span(self.fast, data_rate))
    }
}

impl core::ops::Add for WireBits {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let nominal = self.nominal.saturating_add(other.nominal);
        Self { nominal, fast: self.fast.saturating_add(other.fast) }
    }
}

/// A length of at most 64 bytes as bits are counted.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDARD: CanId = CanId::Standard(0x101);
    const EXTENDED: CanId = CanId::Extended(0x8001);

    #[test]
    fn only_frames_that_exist_are_made() {
        assert!(CanFrame::classic(STANDARD, &[0; 8]).is_some());
        assert!(CanFrame::classic(STANDARD, &[0; 9]).is_none());
        assert!(CanFrame::classic(CanId::Standard(0x800), &[]).is_none());
        assert!(CanFrame::classic(CanId::Extended(0x2000_0000), &[]).is_none());
        assert!(CanFrame::flexible(STANDARD, &[0; 65], 0).is_none());
        let padded = CanFrame::flexible(EXTENDED, &[1; 9], 0x50).unwrap();
        assert_eq!(padded.data(), [1, 1, 1, 1, 1, 1, 1, 1, 1, 0x50, 0x50, 0x50]);
        assert_eq!(padded.as_flexible(false), padded, "12 bytes are no classic frame");
        assert_eq!(CanFrame::eight(CanId::Standard(0xFFFF), [7; 8]).id(), CanId::Standard(0x7FF));
    }

    /// Body and firmware reference, section 5: 135 and 160 bits at worst.
    #[test]
    fn the_worst_case_of_a_frame_is_counted() {
        assert_eq!(CanFrame::eight(STANDARD, [0; 8]).bits(), WireBits { nominal: 135, fast: 0 });
        assert_eq!(CanFrame::eight(EXTENDED, [0; 8]).bits(), WireBits { nominal: 160, fast: 0 });
        assert_eq!(WireBits::classic(false, 0).nominal, 55);
        // 17 + 4 + 12 bits; 517 + 129 + 25 + 7 + 1 bits.
        let long = CanFrame::flexible(STANDARD, &[0; 64], 0).unwrap();
        assert_eq!(long.bits(), WireBits { nominal: 33, fast: 679 });
        assert_eq!(long.bits().time(1_000_000, 5_000_000), Duration::from_nanos(33_000 + 135_800));
    }
}
