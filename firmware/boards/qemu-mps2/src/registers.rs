//! The devices of the machine and their registers. Addresses: Arm application note AN386, which the
//! emulator's machine `mps2-an386` follows.

use core::ptr;

/// A device, by the address where its window of registers begins.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Device {
    /// CMSDK timer that makes the tick.
    TickTimer = 0x4000_0000,
    /// CMSDK timer that only counts cycles.
    CycleTimer = 0x4000_1000,
    /// CMSDK serial line.
    Serial = 0x4000_4000,
    /// CMSDK watchdog: interrupts when it expires, resets when it expires again.
    Watchdog = 0x4000_8000,
    /// Lamps and free-running counters of the evaluation board.
    BoardIo = 0x4002_8000,
    /// Microchip LAN9118.
    Ethernet = 0x4020_0000,
}

impl Device {
    /// Reads the register at `offset`, in bytes.
    pub(crate) fn read(self, offset: usize) -> u32 {
        // SAFETY: the address is aligned and lies in the window of a device, where a read touches
        // no memory of the program.
        unsafe { ptr::read_volatile(self.address(offset) as *const u32) }
    }

    /// Writes the register at `offset`, in bytes.
    pub(crate) fn write(self, offset: usize, value: u32) {
        // SAFETY: as for `read`; none of these devices writes to memory by itself.
        unsafe { ptr::write_volatile(self.address(offset) as *mut u32, value) }
    }

    /// Whatever the offset, the address stays in the window.
    const fn address(self, offset: usize) -> usize {
        self as usize + (offset & 0xFFC)
    }
}
