//! Dynamixel X serial servos, protocol 2.0: Koch, OMX, ALOHA, Reachy Mini and many others.
//!
//! A frame is `FF FF FD 00 id length(2) instruction parameters crc(2)`. Where `FF FF FD` stands in
//! what the length counts, another `FD` is stuffed behind it; length and checksum are those of the
//! stuffed bytes. An answer has instruction 55 and, before its data, an error byte: a number from 1
//! to 7 in its low bits, not a set of flags, and above them bit 7, the *alert*: register 70 says
//! what is wrong.
//!
//! | what | from |
//! |---|---|
//! | frames, CRC (polynomial 8005 from 0), stuffing, errors | ROBOTIS e-Manual, protocol 2.0 |
//! | registers, units | ROBOTIS e-Manual, XL330, XL430, XC430, XM430, XM540 |
//! | bus watchdog: units of 20 ms, -1 when it fired, 0 clears | the same, register 98 |
//!
//! Every request on the bus feeds the watchdog, also one that only reads: it notices a dead host,
//! not a dead controller.

use signals::FaultCode;

use crate::frame::{Frame, Reply, Scan, noise_before};

/// The id that all servos listen to.
pub const BROADCAST: u8 = 0xFE;

/// Asks whether somebody is there.
pub const PING: u8 = 0x01;
/// Asks for registers.
pub const READ: u8 = 0x02;
/// Writes registers; answered.
pub const WRITE: u8 = 0x03;
/// Begins the servo's program anew: the only way to clear a hardware error.
pub const REBOOT: u8 = 0x08;
/// An answer.
pub const STATUS: u8 = 0x55;
/// Asks several servos for the same registers; they answer one after the other.
pub const SYNC_READ: u8 = 0x82;
/// Writes the same registers of several servos; nobody answers.
pub const SYNC_WRITE: u8 = 0x83;

/// Registers by address, with the bytes each has.
pub mod register {
    /// Number of the model, 2.
    pub const MODEL: u16 = 0;
    /// Version of the firmware, 1.
    pub const FIRMWARE: u16 = 6;
    /// Delay before an answer, units of 2 us, 1.
    pub const RETURN_DELAY: u16 = 9;
    /// Drive mode, 1; see [`super::DRIVE_MODE_FORBIDDEN`].
    pub const DRIVE_MODE: u16 = 10;
    /// Mode, 1; 3 follows positions within a turn.
    pub const MODE: u16 = 11;
    /// Highest duty, units of 0.113 %, 2.
    pub const PWM_LIMIT: u16 = 36;
    /// Highest goal, counts, 4.
    pub const POSITION_MAX: u16 = 48;
    /// Lowest goal, counts, 4.
    pub const POSITION_MIN: u16 = 52;
    /// Errors that shut it down, 1.
    pub const SHUTDOWN: u16 = 63;
    /// 1 with torque, 0 without; 1.
    pub const TORQUE_ENABLE: u16 = 64;
    /// What is wrong, 1.
    pub const HARDWARE_ERROR: u16 = 70;
    /// Bus watchdog, units of 20 ms, 1.
    pub const BUS_WATCHDOG: u16 = 98;
    /// Limit of the duty while following positions, 2.
    pub const GOAL_PWM: u16 = 100;
    /// Speed on the way to the goal, units of 0.229 rev/min, 4; 0 for any.
    pub const PROFILE_VELOCITY: u16 = 112;
    /// Goal, counts, 4.
    pub const GOAL: u16 = 116;
    /// Current or load, 2.
    pub const CURRENT: u16 = 126;
    /// Speed, units of 0.229 rev/min, 4.
    pub const VELOCITY: u16 = 128;
    /// Position, counts, 4.
    pub const POSITION: u16 = 132;
    /// Supply, 0.1 V, 2.
    pub const VOLTAGE: u16 = 144;
    /// Temperature, degrees Celsius, 1.
    pub const TEMPERATURE: u16 = 146;
}

/// Bits of [`register::DRIVE_MODE`] that change what other registers mean: reversed direction, and
/// a profile given as times.
pub const DRIVE_MODE_FORBIDDEN: u8 = 0x05;
/// One unit of the bus watchdog, ms.
pub const WATCHDOG_UNIT_MS: u32 = 20;
/// What the bus watchdog reads after it fired.
pub const WATCHDOG_FIRED: u8 = 0xFF;
/// Bit of the error byte: register 70 says what is wrong.
pub const ALERT: u8 = 0x80;

/// What a servo has against a request; the number in the low bits of its error byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// It could not do it.
    Failed,
    /// It does not know the instruction.
    Instruction,
    /// The checksum was wrong.
    Checksum,
    /// A value is out of range.
    Range,
    /// There are too few or too many bytes.
    Length,
    /// A value is beyond one of its limits.
    Limit,
    /// The register cannot be written now, or never, or not be read.
    Access,
    /// A number that the protocol does not name.
    Unknown(u8),
}

/// What an error byte says: whether the alert is on, and what the servo has against the request.
#[must_use]
pub const fn error(byte: u8) -> (bool, Option<RequestError>) {
    let request = match byte & !ALERT {
        0 => None,
        1 => Some(RequestError::Failed),
        2 => Some(RequestError::Instruction),
        3 => Some(RequestError::Checksum),
        4 => Some(RequestError::Range),
        5 => Some(RequestError::Length),
        6 => Some(RequestError::Limit),
        7 => Some(RequestError::Access),
        other => Some(RequestError::Unknown(other)),
    };
    (byte & ALERT != 0, request)
}

/// What register 70 says: the worst of its bits. [`FaultCode::NONE`] where none is set.
#[must_use]
pub const fn fault(hardware_error: u8) -> FaultCode {
    if hardware_error & 0x08 != 0 {
        // First, because without its encoder a servo goes anywhere.
        FaultCode::ENCODER
    } else if hardware_error & 0x04 != 0 {
        FaultCode::TEMPERATURE
    } else if hardware_error & 0x20 != 0 {
        FaultCode::OVERLOAD
    } else if hardware_error & 0x10 != 0 {
        FaultCode::HARDWARE
    } else if hardware_error & 0x01 != 0 {
        FaultCode::VOLTAGE
    } else if hardware_error != 0 {
        FaultCode::GENERIC
    } else {
        FaultCode::NONE
    }
}

/// Asks servo `id` whether it is there.
#[must_use]
pub fn ping(id: u8) -> Frame {
    frame(id, PING, &[]).unwrap_or(Frame::new())
}

/// Begins the program of servo `id` anew, without torque.
#[must_use]
pub fn reboot(id: u8) -> Frame {
    frame(id, REBOOT, &[]).unwrap_or(Frame::new())
}

/// Asks servo `id` for `count` bytes from `address` on.
#[must_use]
pub fn read(id: u8, address: u16, count: u16) -> Frame {
    let ([a, b], [c, d]) = (address.to_le_bytes(), count.to_le_bytes());
    frame(id, READ, &[a, b, c, d]).unwrap_or(Frame::new())
}

/// Writes `data` from `address` on; `None` where they are too many.
#[must_use]
pub fn write(id: u8, address: u16, data: &[u8]) -> Option<Frame> {
    let mut body = Frame::new();
    body.extend(&address.to_le_bytes());
    body.extend(data);
    frame(id, WRITE, body.whole()?.as_bytes())
}

/// Asks each of `ids` for `count` bytes from `address` on; `None` where they are too many.
#[must_use]
pub fn sync_read(address: u16, count: u16, ids: &[u8]) -> Option<Frame> {
    let mut body = Frame::new();
    body.extend(&address.to_le_bytes());
    body.extend(&count.to_le_bytes());
    body.extend(ids);
    frame(BROADCAST, SYNC_READ, body.whole()?.as_bytes())
}

/// Writes `width` bytes from `address` on for each id of `items`; `None` where they are too many or
/// not all of that width.
#[must_use]
pub fn sync_write<'d>(
    address: u16,
    width: u16,
    items: impl Iterator<Item = (u8, &'d [u8])>,
) -> Option<Frame> {
    let mut body = Frame::new();
    body.extend(&address.to_le_bytes());
    body.extend(&width.to_le_bytes());
    for (id, data) in items {
        if data.len() != usize::from(width) {
            return None;
        }
        body.push(id);
        body.extend(data);
    }
    frame(BROADCAST, SYNC_WRITE, body.whole()?.as_bytes())
}

/// An answer as a servo sends it, for emulators; `None` where the data are too many.
#[must_use]
pub fn answer(id: u8, error: u8, data: &[u8]) -> Option<Frame> {
    let mut body = Frame::new();
    body.push(error);
    body.extend(data);
    frame(id, STATUS, body.whole()?.as_bytes())
}

/// What `bytes` begin with.
#[must_use]
pub fn scan(bytes: &[u8]) -> Scan {
    if let Some(noise) = noise_before(bytes, &HEAD) {
        return Scan::Noise(noise);
    }
    let (Some(&low), Some(&high)) = (bytes.get(5), bytes.get(6)) else {
        return Scan::More;
    };
    let length = usize::from(u16::from_le_bytes([low, high]));
    if !(3..=LENGTH_MAX).contains(&length) {
        return Scan::Noise(1);
    }
    let total = 7 + length;
    let (Some(covered), Some(crc)) = (bytes.get(..total - 2), bytes.get(total - 2..total)) else {
        return Scan::More;
    };
    if crc16(covered).to_le_bytes() == *crc { Scan::Whole(total) } else { Scan::Damaged }
}

/// The answer in a whole frame; `None` for anything else, such as the echo of a request.
#[must_use]
pub fn reply(frame: &[u8]) -> Option<Reply> {
    let mut plain = [0; LENGTH_MAX];
    match parts(frame, &mut plain)? {
        (id, STATUS, [error, data @ ..]) => Reply::new(id, *error, data),
        _ => None,
    }
}

/// Id, instruction and parameters of a whole frame, the latter without stuffing in `plain`.
#[must_use]
pub fn parts<'p>(frame: &[u8], plain: &'p mut [u8; LENGTH_MAX]) -> Option<(u8, u8, &'p [u8])> {
    let (mut len, mut skip) = (0, false);
    for &byte in frame.get(7..frame.len().checked_sub(2)?)? {
        if core::mem::take(&mut skip) && byte == 0xFD {
            continue;
        }
        *plain.get_mut(len)? = byte;
        len += 1;
        skip = plain.get(len.wrapping_sub(3)..len) == Some(&[0xFF, 0xFF, 0xFD]);
    }
    match plain.get(..len)? {
        [instruction, parameters @ ..] => Some((*frame.get(4)?, *instruction, parameters)),
        [] => None,
    }
}

const HEAD: [u8; 4] = [0xFF, 0xFF, 0xFD, 0x00];
/// Longest length that is believed, bytes.
pub const LENGTH_MAX: usize = 500;

#[expect(clippy::cast_possible_truncation, reason = "a frame has at most 512 bytes")]
fn frame(id: u8, instruction: u8, parameters: &[u8]) -> Option<Frame> {
    let mut stuffed = Frame::new();
    let mut last = [0_u8; 3];
    for &byte in core::iter::once(&instruction).chain(parameters) {
        stuffed.push(byte);
        last = [last[1], last[2], byte];
        if last == [0xFF, 0xFF, 0xFD] {
            stuffed.push(0xFD);
        }
    }
    let stuffed = stuffed.whole()?;
    let mut frame = Frame::new();
    frame.extend(&HEAD);
    frame.push(id);
    frame.extend(&(stuffed.as_bytes().len() as u16 + 2).to_le_bytes());
    frame.extend(stuffed.as_bytes());
    frame.extend(&crc16(frame.as_bytes()).to_le_bytes());
    frame.whole()
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x8005 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_manual() {
        let goals: [(u8, &[u8]); 2] = [(1, &[0x96, 0, 0, 0]), (2, &[0xAA, 0, 0, 0])];
        let table: [(Frame, &[u8]); 6] = [
            (ping(1), &[0xFF, 0xFF, 0xFD, 0, 1, 3, 0, 1, 0x19, 0x4E]),
            (
                answer(1, 0, &[6, 4, 0x26]).unwrap(),
                &[0xFF, 0xFF, 0xFD, 0, 1, 7, 0, 0x55, 0, 6, 4, 0x26, 0x65, 0x5D],
            ),
            (
                read(1, register::POSITION, 4),
                &[0xFF, 0xFF, 0xFD, 0, 1, 7, 0, 2, 0x84, 0, 4, 0, 0x1D, 0x15],
            ),
            (
                answer(1, 0, &[0xA6, 0, 0, 0]).unwrap(),
                &[0xFF, 0xFF, 0xFD, 0, 1, 8, 0, 0x55, 0, 0xA6, 0, 0, 0, 0x8C, 0xC0],
            ),
            (
                sync_read(register::POSITION, 4, &[1, 2]).unwrap(),
                &[0xFF, 0xFF, 0xFD, 0, 0xFE, 9, 0, 0x82, 0x84, 0, 4, 0, 1, 2, 0xCE, 0xFA],
            ),
            (
                sync_write(register::GOAL, 4, goals.into_iter()).unwrap(),
                &[
                    0xFF, 0xFF, 0xFD, 0, 0xFE, 0x11, 0, 0x83, 0x74, 0, 4, 0, 1, 0x96, 0, 0, 0, 2,
                    0xAA, 0, 0, 0, 0x82, 0x87,
                ],
            ),
        ];
        for (frame, bytes) in table {
            assert_eq!(frame.as_bytes(), bytes);
        }
    }

    #[test]
    fn a_header_among_the_data_is_stuffed() {
        let data = [0xFF, 0xFF, 0xFD, 0x00, 0xFF, 0xFF, 0xFD, 0xFD];
        let frame = answer(1, 0, &data).unwrap();
        assert_eq!(frame.as_bytes().len(), 7 + 2 + data.len() + 2 + 2);
        assert_eq!(scan(frame.as_bytes()), Scan::Whole(frame.as_bytes().len()));
        assert_eq!(reply(frame.as_bytes()).unwrap().data(), data);
    }

    /// The error byte is an alert and a number. Read as flags, 7 (access) would be three errors
    /// and an alert alone would be an unknown one.
    #[test]
    fn the_error_byte_is_an_alert_and_a_number() {
        let table = [
            (0x00, (false, None)),
            (0x80, (true, None)),
            (0x03, (false, Some(RequestError::Checksum))),
            (0x07, (false, Some(RequestError::Access))),
            (0x86, (true, Some(RequestError::Limit))),
            (0x08, (false, Some(RequestError::Unknown(8)))),
        ];
        for (byte, said) in table {
            assert_eq!(error(byte), said, "{byte:#x}");
        }
    }

    #[test]
    fn each_hardware_error_is_a_fault_of_its_own() {
        let table = [
            (0x00, FaultCode::NONE),
            (0x01, FaultCode::VOLTAGE),
            (0x04, FaultCode::TEMPERATURE),
            (0x08, FaultCode::ENCODER),
            (0x10, FaultCode::HARDWARE),
            (0x20, FaultCode::OVERLOAD),
            (0x40, FaultCode::GENERIC),
        ];
        for (bits, code) in table {
            assert_eq!(fault(bits), code, "{bits:#x}");
        }
    }
}
