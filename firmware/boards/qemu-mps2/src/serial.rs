//! The serial line: bytes in and out through two rings that its interrupts fill and empty.

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::pipe::Pipe;

use crate::registers::Device::Serial;

const DATA: usize = 0x0;
const STATE: usize = 0x4;
const CONTROL: usize = 0x8;
const INTERRUPT: usize = 0xC;
const DIVIDER: usize = 0x10;
const SEND: u32 = 1 << 0;
const RECEIVE: u32 = 1 << 1;
/// Interrupts on each byte received and each byte sent.
const CONTROL_ALL: u32 = 0b1111;
const SEND_FULL: u32 = 1 << 0;
const RECEIVE_FULL: u32 = 1 << 1;
/// 25 MHz / 25 = 1 Mbaud.
const MEGABAUD: u32 = 25;

/// Several frames; a power of two is not needed.
const RING: usize = 2_048;

/// Bytes that came in.
pub(crate) static RECEIVED: Pipe<CriticalSectionRawMutex, RING> = Pipe::new();
/// Bytes on their way out.
static SENDING: Pipe<CriticalSectionRawMutex, RING> = Pipe::new();

pub(crate) fn set_up() {
    Serial.write(DIVIDER, MEGABAUD);
    Serial.write(CONTROL, CONTROL_ALL);
}

/// Takes all of `bytes` or, without room, none; says which. Only one task may send.
pub(crate) fn send(bytes: &[u8]) -> bool {
    let room = SENDING.free_capacity() >= bytes.len();
    let mut rest = bytes;
    while room && !rest.is_empty() {
        let Ok(taken) = SENDING.try_write(rest) else { break };
        rest = rest.get(taken..).unwrap_or_default();
    }
    critical_section::with(|_| push_out());
    room
}

/// A byte has come in.
pub(crate) fn on_receive() {
    Serial.write(INTERRUPT, RECEIVE);
    if Serial.read(STATE) & RECEIVE_FULL != 0 {
        let [byte, ..] = Serial.read(DATA).to_le_bytes();
        // A byte that is lost, here or in the wire, breaks its packet, and that is counted.
        let _ = RECEIVED.try_write(&[byte]);
    }
}

/// A byte has gone out.
pub(crate) fn on_sent() {
    Serial.write(INTERRUPT, SEND);
    push_out();
}

/// One byte; the interrupt that says it is out brings the next.
fn push_out() {
    let mut byte = [0];
    if Serial.read(STATE) & SEND_FULL == 0 && SENDING.try_read(&mut byte).is_ok() {
        Serial.write(DATA, u32::from(byte[0]));
    }
}
