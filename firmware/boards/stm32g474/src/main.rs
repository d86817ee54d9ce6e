//! One joint on an STM32G474RE: the joint bus over CAN-FD at 1 and 5 Mbit/s, a quadrature encoder,
//! and a motor driver that takes torque as pulse width. It compiles; it has not run on hardware
//! yet. It must never give torque that [`firmware`] did not allow, and no failure may leave the
//! torque gate on: its pin needs a resistor to ground.
#![no_std]
#![no_main]

mod crash;
mod joint;
mod link;

use board::kept;
use board::store;
use embassy_executor::InterruptExecutor;
use embassy_stm32::interrupt::{self, InterruptExt, Priority};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_stm32::{Config, bind_interrupts, can, peripherals, rcc};
use firmware::Configuration;

use crate::crash::{KEPT, SETTINGS};

/// Shorter than the time after which a robot notices.
const WATCHDOG_US: u32 = 20_000;

/// These run on interrupts that nothing else uses: the joint loop above the link.
static JOINT: InterruptExecutor = InterruptExecutor::new();
static LINK: InterruptExecutor = InterruptExecutor::new();

bind_interrupts!(struct Lines {
    FDCAN1_IT0 => can::IT0InterruptHandler<peripherals::FDCAN1>;
    FDCAN1_IT1 => can::IT1InterruptHandler<peripherals::FDCAN1>;
});

#[embassy_stm32::interrupt]
unsafe fn UART4() {
    // SAFETY: the interrupt that the executor was started with.
    unsafe { JOINT.on_interrupt() }
}

#[embassy_stm32::interrupt]
unsafe fn UART5() {
    // SAFETY: the interrupt that the executor was started with.
    unsafe { LINK.on_interrupt() }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    crash::gate_off();
    let log = kept::begin(&KEPT);
    let p = embassy_stm32::init(clocks());
    let configuration = store::read(&KEPT, SETTINGS).unwrap_or(Configuration::NONE);
    interrupt::UART4.set_priority(Priority::P4);
    interrupt::UART5.set_priority(Priority::P8);
    let mut watchdog = IndependentWatchdog::new(p.IWDG, WATCHDOG_US);
    watchdog.unleash();
    let wires = joint::Wires {
        encoder_a: p.PA6,
        encoder_b: p.PA7,
        encoder: p.TIM3,
        width: p.PA8,
        pulses: p.TIM1,
        direction: p.PB0,
        gate: p.PB1,
    };
    joint::start(JOINT.start(interrupt::UART4), wires, watchdog, log, configuration);
    let can = can::CanConfigurator::new(p.FDCAN1, p.PA11, p.PA12, Lines);
    link::start(LINK.start(interrupt::UART5), can);
    loop {
        cortex_m::asm::wfi();
    }
}

/// 170 MHz from the internal oscillator; the CAN controller on the 85 MHz that 5 Mbit/s divides.
fn clocks() -> Config {
    let mut config = Config::default();
    config.rcc.pll = Some(rcc::Pll {
        source: rcc::PllSource::HSI,
        prediv: rcc::PllPreDiv::DIV4,
        mul: rcc::PllMul::MUL85,
        divp: None,
        divq: Some(rcc::PllQDiv::DIV8),
        divr: Some(rcc::PllRDiv::DIV2),
    });
    config.rcc.sys = rcc::Sysclk::PLL1_R;
    config.rcc.boost = true;
    config.rcc.mux.fdcansel = rcc::mux::Fdcansel::PLL1_Q;
    config
}
