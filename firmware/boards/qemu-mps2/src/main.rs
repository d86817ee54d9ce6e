//! Twelve joints on a Cortex-M4 of the emulator: the joint bus over Ethernet and over a serial
//! line, both at the same time. It must never give torque that [`firmware`] did not allow, and no
//! failure may leave the torque gate on.
#![no_std]
#![no_main]

#[cfg(feature = "bench")]
mod bench;
mod clock;
mod crash;
mod ethernet;
mod gate;
mod guard;
mod interrupts;
mod joints;
mod links;
mod registers;
mod serial;
mod settings;
mod watchdog;

#[cortex_m_rt::entry]
fn main() -> ! {
    gate::off();
    let log = crash::begin();
    let configuration = settings::read();
    clock::set_up(configuration.period);
    ethernet::set_up();
    serial::set_up();
    if let Some(mut core) = cortex_m::Peripherals::take() {
        guard::set_up(&mut core.MPU);
        let executors = interrupts::start(&mut core.NVIC);
        joints::start(executors.joints, log, &configuration);
        links::start(executors.links);
        settings::start(executors.thread);
        watchdog::start_thread(executors.thread);
        #[cfg(feature = "bench")]
        bench::start(executors.links, log.age_ms);
    }
    interrupts::enable();
    #[cfg(feature = "bench")]
    bench::idle();
    #[cfg(not(feature = "bench"))]
    {
        watchdog::start();
        clock::start();
        loop {
            cortex_m::asm::wfi();
        }
    }
}
