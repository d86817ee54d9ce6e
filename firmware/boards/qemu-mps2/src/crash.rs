//! What happens when the program can no longer be trusted: torque off first, then a note into
//! memory that a reset does not clear, then the reset. A hang ends the same way, by the hardware
//! watchdog, but without a note; the next life makes it from the time that was kept.

use core::arch::naked_asm;
use core::panic::PanicInfo;
use core::ptr;

use board::bench::JOINTS;
use board::kept::{self, Kept, Time};
use cortex_m::peripheral::SCB;
use firmware::{ResetCause, ResetLog};

use crate::gate;

/// Where the configuration begins; the log and the time lie before it.
pub(crate) const SETTINGS: usize = kept::WORDS;
const WORDS: usize = SETTINGS + board::store::words(JOINTS);

/// Memory that a reset does not clear.
#[unsafe(link_section = ".uninit.kept")]
pub(crate) static KEPT: Kept<WORDS> = Kept::new();

unsafe extern "C" {
    /// Lowest address of the stack, from the linker.
    static _stack_end: u32;
    /// One past its highest address.
    static _stack_start: u32;
}

/// A life begins: the log of those before.
pub(crate) fn begin() -> ResetLog {
    kept::begin(&KEPT)
}

/// Called in each tick.
pub(crate) fn keep_time(time: Time) {
    kept::keep_time(&KEPT, time);
}

/// Ends this life. Usable from any state of the machine.
pub(crate) fn end(cause: ResetCause, detail: u32) -> ! {
    gate::off();
    cortex_m::interrupt::disable();
    // SAFETY: the register exists on every processor of this kind and reading it changes nothing.
    let status = unsafe { (*SCB::PTR).cfsr.read() };
    kept::end(&KEPT, cause, detail, status);
    SCB::sys_reset()
}

#[panic_handler]
fn on_panic(info: &PanicInfo<'_>) -> ! {
    gate::off();
    end(ResetCause::Panic, info.location().map_or(0, |location| location.line()))
}

/// Everything runs on the main stack, so this is where the processor left its frame. The handler
/// never returns, so it takes the whole stack for itself: after an overflow none is left.
///
/// # Safety
/// Only for the vector table.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn HardFault() -> ! {
    naked_asm!(
        "mrs r0, MSP",
        "movw r1, #:lower16:_stack_start",
        "movt r1, #:upper16:_stack_start",
        "mov sp, r1",
        "b {}",
        sym on_hard_fault
    )
}

/// `frame` is an address, which may lead out of the memory.
extern "C" fn on_hard_fault(frame: usize) -> ! {
    /// Where the program counter lies in a frame, and how long a frame is, bytes.
    const PROGRAM_COUNTER: usize = 24;
    const FRAME: usize = 32;
    gate::off();
    let bottom = (&raw const _stack_end) as usize;
    let top = (&raw const _stack_start) as usize;
    if frame < bottom {
        end(ResetCause::StackOverflow, 0);
    }
    if frame + FRAME > top {
        end(ResetCause::HardFault, 0);
    }
    // SAFETY: the whole frame lies in the stack, is aligned by the processor, and was just written.
    end(ResetCause::HardFault, unsafe {
        ptr::read_volatile((frame + PROGRAM_COUNTER) as *const u32)
    })
}

/// The watchdog expires for the first time: where it is wired to this line, half of the hang is
/// saved. The emulator resets at the second time.
#[cortex_m_rt::exception]
unsafe fn NonMaskableInt() -> ! {
    end(ResetCause::Hang, 0)
}
