//! What every joint board does, without the board: pure logic that runs on a microcontroller, in an
//! emulator, and inside the simulator, the same bits in each.
#![no_std]
#![forbid(unsafe_code)]
