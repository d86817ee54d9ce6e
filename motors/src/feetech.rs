//! Feetech STS serial servos: SO-100, SO-101, LeKiwi and many others.
//!
//! A frame is `FF FF id length instruction parameters checksum`; the length counts what follows it,
//! the checksum is the inverted sum of everything from the id on. An answer has the servo's status
//! in place of the instruction. Numbers are little-endian; those with a sign keep it in their top
//! bit, apart from the magnitude.
//!
//! | what | from |
//! |---|---|
//! | frames, instructions | Feetech communication protocol, as LeRobot 7427f3180 speaks it |
//! | registers, their lengths and signs | LeRobot `motors/feetech/tables.py` 7427f3180 |
//! | 4096 counts a turn, 0.1 V, 1 degree Celsius, load in 0.1 % | the same |
//! | status bits | the maker's memory table of the STS series |
//!
//! There is no watchdog among the registers: such a servo goes on with its last goal for ever.
//! Whoever leads one must take its torque away before going silent.

use signals::FaultCode;

use crate::frame::{Frame, Reply, Scan, noise_before};

/// The id that all servos listen to and none answers.
pub const BROADCAST: u8 = 0xFE;

/// Asks whether somebody is there.
pub const PING: u8 = 0x01;
/// Asks for registers.
pub const READ: u8 = 0x02;
/// Writes registers; answered.
pub const WRITE: u8 = 0x03;
/// Asks several servos for the same registers; they answer one after the other.
pub const SYNC_READ: u8 = 0x82;
/// Writes the same registers of several servos; nobody answers.
pub const SYNC_WRITE: u8 = 0x83;

/// Registers by address. Two bytes each where nothing else is said.
pub mod register {
    /// Version of the firmware: major, then minor, one byte each.
    pub const FIRMWARE: u8 = 0;
    /// Number of the model.
    pub const MODEL: u8 = 3;
    /// Delay before an answer, units of 2 us, one byte.
    pub const RETURN_DELAY: u8 = 7;
    /// Lowest goal, counts.
    pub const POSITION_MIN: u8 = 9;
    /// Highest goal, counts.
    pub const POSITION_MAX: u8 = 11;
    /// Highest torque after switching on, 0.1 %.
    pub const TORQUE_MAX: u8 = 16;
    /// Phase, one byte; see [`super::PHASE_OVERFLOW`].
    pub const PHASE: u8 = 18;
    /// Mode, one byte; 0 follows positions.
    pub const MODE: u8 = 33;
    /// 1 with torque, 0 without; one byte.
    pub const TORQUE_ENABLE: u8 = 40;
    /// Goal, counts, sign in bit 15.
    pub const GOAL: u8 = 42;
    /// Time for the way to the goal; 0 for the speed to count.
    pub const GOAL_TIME: u8 = 44;
    /// Speed on the way to the goal, counts a second.
    pub const GOAL_SPEED: u8 = 46;
    /// Torque limit, 0.1 %; lost without power.
    pub const TORQUE_LIMIT: u8 = 48;
    /// Position, counts, sign in bit 15.
    pub const POSITION: u8 = 56;
    /// Speed, counts a second, sign in bit 15.
    pub const SPEED: u8 = 58;
    /// Duty of the motor, 0.1 %, sign in bit 10.
    pub const LOAD: u8 = 60;
    /// Supply, 0.1 V, one byte.
    pub const VOLTAGE: u8 = 62;
    /// Temperature, degrees Celsius, one byte.
    pub const TEMPERATURE: u8 = 63;
    /// Status, one byte.
    pub const STATUS: u8 = 65;
}

/// Bit of [`register::PHASE`]: the position counts on beyond a turn and overflows. It must be
/// clear.
pub const PHASE_OVERFLOW: u8 = 0x10;
/// The sign's bit of positions and speeds.
pub const SIGN_POSITION: u32 = 15;
/// The sign's bit of the load.
pub const SIGN_LOAD: u32 = 10;

/// Asks servo `id` whether it is there.
#[must_use]
pub fn ping(id: u8) -> Frame {
    frame(id, PING, &[])
}

/// Asks servo `id` for `count` bytes from `address` on.
#[must_use]
pub fn read(id: u8, address: u8, count: u8) -> Frame {
    frame(id, READ, &[address, count])
}

/// Writes `data` from `address` on; `None` where they are too many.
#[must_use]
pub fn write(id: u8, address: u8, data: &[u8]) -> Option<Frame> {
    let mut body = Frame::new();
    body.push(address);
    body.extend(data);
    long_frame(id, WRITE, &body)
}

/// Asks each of `ids` for `count` bytes from `address` on; `None` where they are too many.
#[must_use]
pub fn sync_read(address: u8, count: u8, ids: &[u8]) -> Option<Frame> {
    let mut body = Frame::new();
    body.extend(&[address, count]);
    body.extend(ids);
    long_frame(BROADCAST, SYNC_READ, &body)
}

/// Writes `width` bytes from `address` on for each id of `items`; `None` where they are too many or
/// not all of that width.
#[must_use]
pub fn sync_write<'d>(
    address: u8,
    width: u8,
    items: impl Iterator<Item = (u8, &'d [u8])>,
) -> Option<Frame> {
    let mut body = Frame::new();
    body.extend(&[address, width]);
    for (id, data) in items {
        if data.len() != usize::from(width) {
            return None;
        }
        body.push(id);
        body.extend(data);
    }
    long_frame(BROADCAST, SYNC_WRITE, &body)
}

/// An answer as a servo sends it, for emulators.
#[must_use]
pub fn answer(id: u8, status: u8, data: &[u8]) -> Frame {
    frame(id, status, data)
}

/// What `bytes` begin with.
#[must_use]
pub fn scan(bytes: &[u8]) -> Scan {
    if let Some(noise) = noise_before(bytes, &[0xFF, 0xFF]) {
        return Scan::Noise(noise);
    }
    let (Some(&id), Some(&length)) = (bytes.get(2), bytes.get(3)) else {
        return if bytes.get(2) == Some(&0xFF) { Scan::Noise(1) } else { Scan::More };
    };
    let length = usize::from(length);
    if id == 0xFF || length < 2 {
        return Scan::Noise(1);
    }
    let total = 4 + length;
    let (Some(covered), Some(&sum)) = (bytes.get(2..total - 1), bytes.get(total - 1)) else {
        return Scan::More;
    };
    if checksum(covered) == sum { Scan::Whole(total) } else { Scan::Damaged }
}

/// The answer in a whole frame; `None` for the echo of a request to everybody.
#[must_use]
pub fn reply(frame: &[u8]) -> Option<Reply> {
    let (id, status, data) = parts(frame)?;
    // Nobody answers with the id of everybody: it is a request that the adapter sent back.
    if id == BROADCAST { None } else { Reply::new(id, status, data) }
}

/// Id, instruction (or status) and parameters of a whole frame.
#[must_use]
pub fn parts(frame: &[u8]) -> Option<(u8, u8, &[u8])> {
    match frame {
        [_, _, id, _, code, parameters @ .., _] => Some((*id, *code, parameters)),
        _ => None,
    }
}

/// What a status says: the worst of its bits. [`FaultCode::NONE`] where none is set.
#[must_use]
pub const fn fault(status: u8) -> FaultCode {
    if status & 0x02 != 0 {
        // First, because without its encoder a servo goes anywhere.
        FaultCode::ENCODER
    } else if status & 0x04 != 0 {
        FaultCode::TEMPERATURE
    } else if status & 0x20 != 0 {
        FaultCode::OVERLOAD
    } else if status & 0x08 != 0 {
        FaultCode::CURRENT
    } else if status & 0x01 != 0 {
        FaultCode::VOLTAGE
    } else if status != 0 {
        FaultCode::GENERIC
    } else {
        FaultCode::NONE
    }
}

/// The number behind a sign-magnitude field whose sign is bit `sign`.
#[must_use]
pub fn signed(raw: u16, sign: u32) -> i32 {
    let bit = 1_i32.checked_shl(sign).unwrap_or(0);
    let raw = i32::from(raw);
    let magnitude = raw & (bit - 1);
    if raw & bit == 0 { magnitude } else { -magnitude }
}

/// The sign-magnitude field of a number; too large a magnitude is cut to the largest.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to 16 bits")]
pub fn sign_magnitude(number: i32, sign: u32) -> u16 {
    let bit = 1_i32.checked_shl(sign.min(15)).unwrap_or(1);
    let magnitude = number.unsigned_abs().min(bit.unsigned_abs() - 1) as u16;
    if number < 0 { magnitude | bit as u16 } else { magnitude }
}

fn checksum(covered: &[u8]) -> u8 {
    !covered.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte))
}

#[expect(clippy::cast_possible_truncation, reason = "callers stay far below 255 bytes")]
fn frame(id: u8, instruction: u8, parameters: &[u8]) -> Frame {
    let mut frame = Frame::new();
    frame.extend(&[0xFF, 0xFF, id, (parameters.len() + 2) as u8, instruction]);
    frame.extend(parameters);
    frame.push(checksum(frame.as_bytes().get(2..).unwrap_or_default()));
    frame
}

/// The same for as many parameters as the length byte can say.
fn long_frame(id: u8, instruction: u8, body: &Frame) -> Option<Frame> {
    let parameters = body.whole()?;
    let parameters = parameters.as_bytes();
    (parameters.len() <= 253).then(|| frame(id, instruction, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_reference() {
        let goals: [(u8, &[u8]); 2] = [(1, &[0x00, 0x08]), (2, &[0x00, 0x08])];
        let table: [(Frame, &[u8]); 6] = [
            (ping(1), &[0xFF, 0xFF, 1, 2, 1, 0xFB]),
            (read(1, register::POSITION, 2), &[0xFF, 0xFF, 1, 4, 2, 0x38, 2, 0xBE]),
            (answer(1, 0, &[0x00, 0x08]), &[0xFF, 0xFF, 1, 4, 0, 0, 8, 0xF2]),
            (
                sync_read(register::POSITION, 2, &[1, 2, 3, 4, 5, 6]).unwrap(),
                &[0xFF, 0xFF, 0xFE, 0x0A, 0x82, 0x38, 2, 1, 2, 3, 4, 5, 6, 0x26],
            ),
            (
                sync_write(register::GOAL, 2, goals.into_iter()).unwrap(),
                &[0xFF, 0xFF, 0xFE, 0x0A, 0x83, 0x2A, 2, 1, 0, 8, 2, 0, 8, 0x35],
            ),
            (
                write(1, register::TORQUE_ENABLE, &[0]).unwrap(),
                &[0xFF, 0xFF, 1, 4, 3, 0x28, 0, 0xCF],
            ),
        ];
        for (frame, bytes) in table {
            assert_eq!(frame.as_bytes(), bytes);
        }
        assert!(write(1, 0, &[0; 253]).is_none(), "the length byte cannot say so many");
        assert!(sync_write(42, 2, [(1, [0_u8; 3].as_slice())].into_iter()).is_none());
    }

    #[test]
    fn signs_stand_apart_from_magnitudes() {
        for (raw, sign, number) in [
            (2048, 15, 2048),
            (0x8001, 15, -1),
            (0x8000, 15, 0),
            (0x0400 | 300, 10, -300),
            (300, 10, 300),
            (0x0800 | 20, 11, -20),
        ] {
            assert_eq!(signed(raw, sign), number, "{raw:#x}");
            assert_eq!(signed(sign_magnitude(number, sign), sign), number);
        }
        assert_eq!(sign_magnitude(-99_999, 15), 0xFFFF);
        assert_eq!(sign_magnitude(i32::MIN, 10), 0x07FF);
    }

    #[test]
    fn each_status_bit_is_a_fault_of_its_own() {
        let table = [
            (0x00, FaultCode::NONE),
            (0x01, FaultCode::VOLTAGE),
            (0x02, FaultCode::ENCODER),
            (0x04, FaultCode::TEMPERATURE),
            (0x08, FaultCode::CURRENT),
            (0x20, FaultCode::OVERLOAD),
            (0x40, FaultCode::GENERIC),
            (0xFF, FaultCode::ENCODER),
        ];
        for (status, code) in table {
            assert_eq!(fault(status), code, "{status:#x}");
        }
    }
}
