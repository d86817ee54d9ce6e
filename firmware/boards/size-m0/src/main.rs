//! What a Cortex-M0+ with one joint needs of us, without any hardware, so that its size can be
//! measured; it is not run. With the feature `limiter-only` it is the governor's limiter alone,
//! with the compiler's floating point: what is more in the other image is core and codec.
#![no_std]
#![no_main]

#[cfg_attr(feature = "limiter-only", path = "limiter.rs")]
mod node;

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

/// What stands for all registers: the compiler must believe that anything may come from there.
static REGISTER: AtomicU32 = AtomicU32::new(0);

#[cortex_m_rt::entry]
fn main() -> ! {
    // The attribute makes it a reference that only this function has. Static, so that it counts.
    static mut BOARD: MaybeUninit<node::Board> = MaybeUninit::uninit();
    BOARD.write(node::Board::new()).run()
}

fn read() -> u32 {
    black_box(&REGISTER).load(Ordering::SeqCst)
}

fn write(value: u32) {
    REGISTER.store(value, Ordering::SeqCst);
}

#[panic_handler]
fn on_panic(_: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
