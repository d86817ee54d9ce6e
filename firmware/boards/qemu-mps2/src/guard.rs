//! The guard below the stack: an overflow faults at once.

use cortex_m::peripheral::MPU;

/// The guard ends where the stack does, at the beginning of the memory, and is 16 MiB long.
const BOTTOM: u32 = 0x1F00_0000;
/// Region 0, its address valid.
const REGION: u32 = 1 << 4;
/// 2 to the power of 24 bytes, enabled; nobody may access it or run code from it.
const ATTRIBUTES: u32 = (1 << 28) | (23 << 1) | 1;
/// The guard is on, also in fault handlers; all else is as without it.
const CONTROL: u32 = 0b111;

/// Switches the guard on.
pub(crate) fn set_up(mpu: &mut MPU) {
    // SAFETY: the region holds neither code nor variables: the linker's map begins above it.
    unsafe {
        mpu.rbar.write(BOTTOM | REGION);
        mpu.rasr.write(ATTRIBUTES);
        mpu.ctrl.write(CONTROL);
    }
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}
