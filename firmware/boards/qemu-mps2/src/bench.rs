//! The board's side of the test bench: obeys its orders, and lets time stand still between them.
//! See [`board::bench`]. Nothing here is part of an image for a robot.

use core::cell::RefCell;
use core::hint::black_box;

use board::bench::{Answer, ETHER_TYPE, Failure, JOINTS, MESSAGE_MAX, Now, Order, Place};
use board::kept::Time;
use board::rotors::Rotors;
use critical_section::Mutex;
use embassy_executor::SendSpawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use firmware::Device;
use signals::Lifecycle;

use crate::{clock, ethernet, gate, interrupts, links, watchdog};

struct Bench {
    ticks_left: u32,
    position: [f32; JOINTS],
    velocity: [f32; JOINTS],
    failure: Option<Failure>,
}

static BENCH: Mutex<RefCell<Bench>> = Mutex::new(RefCell::new(Bench {
    ticks_left: 0,
    position: [0.0; JOINTS],
    velocity: [0.0; JOINTS],
    failure: None,
}));
static ANSWER: Signal<CriticalSectionRawMutex, Answer> = Signal::new();

/// Says that the board has started, and how old it is.
pub(crate) fn start(executor: SendSpawner, age_ms: u32) {
    interrupts::spawn(executor, answer_task());
    let time = Time { age_ms, tick: 0 };
    ANSWER.signal(Answer::Booted(now(time, Lifecycle::Boot, [0.0; JOINTS])));
}

/// What the processor does while nothing is to be done. It does not sleep: the emulator would jump
/// to the next thing that is due, further than it should. The watchdog cannot be stopped, so it is
/// kept from expiring while time stands still.
pub(crate) fn idle() -> ! {
    loop {
        if with(|bench| bench.ticks_left == 0) {
            watchdog::pause();
        }
        for _ in 0..1_000_000 {
            cortex_m::asm::nop();
        }
    }
}

/// Does what a message of the bench says.
pub(crate) fn obey(message: &[u8]) {
    match postcard::from_bytes(message) {
        Ok(Order::Run { ticks, position, velocity }) => {
            with(|bench| {
                bench.ticks_left = ticks;
                bench.position = position;
                bench.velocity = velocity;
            });
            clock::take_periods();
            watchdog::start();
            clock::start();
        }
        Ok(Order::Fail(failure)) => with(|bench| bench.failure = Some(failure)),
        // The host of the test will miss its answer and say so.
        Err(_) => {}
    }
}

/// Puts the joints where the plant has them now.
pub(crate) fn put(rotors: &mut Rotors<JOINTS>) {
    with(|bench| rotors.put(bench.position, bench.velocity));
}

/// At the beginning of each tick: fails as ordered.
pub(crate) fn fail_if_ordered(device: &mut Device<JOINTS>) {
    /// No memory and no device is here.
    const NOWHERE: usize = 0xF000_0000;
    match with(|bench| bench.failure.take_if(|failure| is_for_joints(*failure))) {
        None => {}
        Some(Failure::Panic) => panic!("ordered by the bench"),
        Some(Failure::HardFault) => {
            // SAFETY: the access faults, which is what it is for; nothing is read.
            black_box(unsafe { core::ptr::read_volatile(NOWHERE as *const u32) });
        }
        Some(Failure::StackOverflow) => {
            black_box(recurse(0));
        }
        Some(Failure::Hang(_)) => hang(),
        Some(Failure::FlippedLimit { joint, number, bit }) => {
            device.flip_limit_bit(usize::from(joint), usize::from(number), u32::from(bit));
        }
    }
}

/// Hangs the task that calls it, if that was ordered.
pub(crate) fn hang_if_ordered(place: Place) {
    if with(|bench| bench.failure == Some(Failure::Hang(place))) {
        hang();
    }
}

/// At the end of each tick: after the last one time stands still, and the answer goes out when the
/// links have carried what came before it.
pub(crate) fn tick_is_over(time: Time, lifecycle: Lifecycle, torque: [f32; JOINTS]) {
    let left = with(|bench| {
        bench.ticks_left = bench.ticks_left.saturating_sub(1);
        bench.ticks_left
    });
    if left == 0 {
        clock::pause();
        watchdog::pause();
        let (period_min, period_max) = clock::take_periods();
        let now = now(time, lifecycle, torque);
        ANSWER.signal(Answer::Ran { now, period_min, period_max });
    }
}

/// Runs last among the tasks of the links, so that what the ticks sent has gone before.
#[embassy_executor::task]
async fn answer_task() {
    let mut message = [0; MESSAGE_MAX];
    loop {
        let answer = ANSWER.wait().await;
        embassy_futures::yield_now().await;
        if let Ok(message) = postcard::to_slice(&answer, &mut message) {
            ethernet::send(ethernet::BROADCAST, ETHER_TYPE, message);
        }
    }
}

fn now(time: Time, lifecycle: Lifecycle, torque: [f32; JOINTS]) -> Now {
    let Time { age_ms, tick } = time;
    let (gate, unsent) = (gate::is_on(), links::UNSENT.count());
    Now { tick, age_ms, gate, lifecycle: lifecycle as u8, unsent, torque }
}

fn is_for_joints(failure: Failure) -> bool {
    !matches!(failure, Failure::Hang(Place::Links | Place::Thread))
}

fn with<T>(use_it: impl FnOnce(&mut Bench) -> T) -> T {
    critical_section::with(|cs| use_it(&mut BENCH.borrow(cs).borrow_mut()))
}

fn hang() -> ! {
    loop {
        core::hint::spin_loop();
    }
}

#[inline(never)]
fn recurse(depth: u32) -> u32 {
    let ballast = black_box([depth; 64]);
    if depth == u32::MAX { 0 } else { recurse(depth + 1) + ballast[3] }
}
