//! What happens when the program can no longer be trusted: torque off, a note, a reset. The machine
//! has neither a watchdog nor a guard below the stack, so a hang and an overflow are not noticed.

use core::panic::PanicInfo;

use board::bench::JOINTS;
use board::kept::{self, Kept};
use firmware::ResetCause;
use riscv_rt::TrapFrame;

use crate::machine;

/// Where the configuration begins; the log and the time lie before it.
pub(crate) const SETTINGS: usize = kept::WORDS;
const WORDS: usize = SETTINGS + board::store::words(JOINTS);

/// Memory that a reset does not clear.
#[unsafe(link_section = ".uninit.kept")]
pub(crate) static KEPT: Kept<WORDS> = Kept::new();

/// Ends this life.
pub(crate) fn end(cause: ResetCause, detail: u32) -> ! {
    machine::set_gate(false);
    let status = u32::try_from(riscv::register::mcause::read().bits()).unwrap_or(u32::MAX);
    kept::end(&KEPT, cause, detail, status);
    machine::reset()
}

#[panic_handler]
fn on_panic(info: &PanicInfo<'_>) -> ! {
    end(ResetCause::Panic, info.location().map_or(0, |location| location.line()))
}

/// The processor refused an instruction or an access.
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn on_exception(_: &TrapFrame) -> ! {
    let place = u32::try_from(riscv::register::mepc::read()).unwrap_or(u32::MAX);
    end(ResetCause::HardFault, place)
}
