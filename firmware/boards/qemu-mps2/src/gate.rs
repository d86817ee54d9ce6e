//! The gate of the motor driver: while it is off, no current can flow, whatever else goes wrong.
//! Here it is the first lamp of the evaluation board. A reset switches it off, as a resistor to
//! ground does on a real board.

use crate::registers::Device::BoardIo;

const LAMPS: usize = 0x0;
const GATE: u32 = 1;

/// One write, so that a fault handler can do it first.
pub(crate) fn off() {
    BoardIo.write(LAMPS, 0);
}

pub(crate) fn set(on: bool) {
    BoardIo.write(LAMPS, if on { GATE } else { 0 });
}

/// Reads back what the register holds.
pub(crate) fn is_on() -> bool {
    BoardIo.read(LAMPS) & GATE != 0
}
