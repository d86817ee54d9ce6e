//! The devices of the emulator's machine `virt` (QEMU, hw/riscv/virt.c): a 16550 serial line, the
//! timer of SiFive's CLINT at 10 MHz, the interrupt controller, and the device that resets.

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

/// Devices and the addresses where their windows begin.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Device {
    Test = 0x0010_0000,
    TimerCompare = 0x0200_4000,
    Time = 0x0200_B000,
    Priorities = 0x0C00_0000,
    Enables = 0x0C00_2000,
    Claim = 0x0C20_0000,
    Serial = 0x1000_0000,
}

const TIME_LOW: usize = 0xFF8;
const TIME_HIGH: usize = 0xFFC;
const CYCLES_PER_MICROSECOND: u64 = 10;
/// The serial line's number at the interrupt controller.
const SERIAL_LINE: usize = 10;

const SERIAL_DATA: usize = 0;
const SERIAL_INTERRUPTS: usize = 1;
const SERIAL_FIFO: usize = 2;
const SERIAL_STATE: usize = 5;
const RECEIVED: u8 = 1 << 0;
const CAN_SEND: u8 = 1 << 5;

/// The machine has no pin that could be the gate of a motor driver; this stands for it.
static GATE: AtomicBool = AtomicBool::new(false);

impl Device {
    fn read(self, offset: usize) -> u32 {
        // SAFETY: aligned, in the window of a device, and a read touches no memory of the program.
        unsafe { ptr::read_volatile((self as usize + (offset & 0xFFC)) as *const u32) }
    }

    fn write(self, offset: usize, value: u32) {
        // SAFETY: as for `read`; none of these devices writes to memory by itself.
        unsafe { ptr::write_volatile((self as usize + (offset & 0xFFC)) as *mut u32, value) }
    }

    fn read_byte(self, offset: usize) -> u8 {
        // SAFETY: as for `read`.
        unsafe { ptr::read_volatile((self as usize + (offset & 0xFFF)) as *const u8) }
    }

    fn write_byte(self, offset: usize, value: u8) {
        // SAFETY: as for `write`.
        unsafe { ptr::write_volatile((self as usize + (offset & 0xFFF)) as *mut u8, value) }
    }
}

/// Sets up what wakes the processor: the timer, and a byte on the serial line.
pub(crate) fn set_up() {
    Device::Serial.write_byte(SERIAL_FIFO, 0b111);
    Device::Serial.write_byte(SERIAL_INTERRUPTS, RECEIVED);
    Device::Priorities.write(4 * SERIAL_LINE, 1);
    Device::Enables.write(0, 1 << SERIAL_LINE);
    Device::Claim.write(0, 0);
    // SAFETY: interrupts stay masked as a whole: these two only end a sleep.
    unsafe {
        riscv::register::mie::set_mext();
        riscv::register::mie::set_mtimer();
    }
}

/// Since the machine was switched on.
pub(crate) fn microseconds() -> u64 {
    loop {
        let high = Device::Time.read(TIME_HIGH);
        let low = Device::Time.read(TIME_LOW);
        // Otherwise the low half ran over in between.
        if high == Device::Time.read(TIME_HIGH) {
            return ((u64::from(high) << 32) | u64::from(low)) / CYCLES_PER_MICROSECOND;
        }
    }
}

/// Wakes the processor at this time, us.
pub(crate) fn wake_at(time: u64) {
    let cycles = time * CYCLES_PER_MICROSECOND;
    // Never before the time, while only one half is written.
    Device::TimerCompare.write(4, u32::MAX);
    Device::TimerCompare.write(0, (cycles & u64::from(u32::MAX)) as u32);
    Device::TimerCompare.write(4, (cycles >> 32) as u32);
}

/// Sleeps until the timer or a byte comes.
pub(crate) fn sleep() {
    riscv::asm::wfi();
    // The byte itself is taken by `receive`; here only its call is answered.
    let claimed = Device::Claim.read(4);
    if claimed != 0 {
        Device::Claim.write(4, claimed);
    }
}

/// The next byte, if one has come.
pub(crate) fn receive() -> Option<u8> {
    let has_come = Device::Serial.read_byte(SERIAL_STATE) & RECEIVED != 0;
    has_come.then(|| Device::Serial.read_byte(SERIAL_DATA))
}

/// The serial line has room for a byte.
pub(crate) fn can_send() -> bool {
    Device::Serial.read_byte(SERIAL_STATE) & CAN_SEND != 0
}

/// Sends a byte; there must be room for it.
pub(crate) fn send(byte: u8) {
    Device::Serial.write_byte(SERIAL_DATA, byte);
}

/// Opens or shuts the torque gate.
pub(crate) fn set_gate(open: bool) {
    GATE.store(open, Ordering::SeqCst);
}

/// Resets the machine.
pub(crate) fn reset() -> ! {
    const RESET: u32 = 0x7777;
    Device::Test.write(0, RESET);
    loop {
        core::hint::spin_loop();
    }
}
