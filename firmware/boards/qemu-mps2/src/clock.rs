//! Time on the board: the tick timer makes the ticks, and the time is their number with the cycles
//! since the last one. A second timer, which only counts, shows how exact the ticks are.

use core::cell::Cell;

use critical_section::Mutex;

use crate::registers::Device::{CycleTimer, TickTimer};

/// Frequency of the processor and of both timers, MHz.
pub(crate) const CYCLES_PER_MICROSECOND: u32 = 25;

const CONTROL: usize = 0x0;
const VALUE: usize = 0x4;
const RELOAD: usize = 0x8;
const INTERRUPT: usize = 0xC;
const ENABLE: u32 = 1;
const ENABLE_WITH_INTERRUPT: u32 = 0b1001;

/// Ticks of this life, and the shortest and longest time between two of them, cycles.
#[derive(Clone, Copy)]
struct Ticks {
    period_us: u32,
    count: u64,
    last: Option<u32>,
    period_min: u32,
    period_max: u32,
}

static TICKS: Mutex<Cell<Ticks>> = Mutex::new(Cell::new(Ticks {
    period_us: 1_000,
    count: 0,
    last: None,
    period_min: u32::MAX,
    period_max: 0,
}));

/// Sets both timers up, standing still. `period`: from one tick to the next, us.
pub(crate) fn set_up(period: u16) {
    let period_us = u32::from(period);
    TickTimer.write(RELOAD, period_us * CYCLES_PER_MICROSECOND - 1);
    CycleTimer.write(RELOAD, u32::MAX);
    change(|ticks| ticks.period_us = period_us);
}

/// Lets time run.
pub(crate) fn start() {
    CycleTimer.write(CONTROL, ENABLE);
    TickTimer.write(CONTROL, ENABLE_WITH_INTERRUPT);
}

/// Stops time. The period in which it stood still is not measured.
#[cfg(feature = "bench")]
pub(crate) fn pause() {
    TickTimer.write(CONTROL, 0);
    CycleTimer.write(CONTROL, 0);
    change(|ticks| ticks.last = None);
}

/// The tick interrupt, with the highest priority.
pub(crate) fn on_tick() {
    // Counts up, and over after 171 s.
    let cycles = !CycleTimer.read(VALUE);
    TickTimer.write(INTERRUPT, 1);
    change(|ticks| {
        ticks.count += 1;
        if let Some(last) = ticks.last.replace(cycles) {
            let period = cycles.wrapping_sub(last);
            ticks.period_min = ticks.period_min.min(period);
            ticks.period_max = ticks.period_max.max(period);
        }
    });
}

/// From one tick to the next, s.
#[cfg(not(feature = "bench"))]
pub(crate) fn period_seconds() -> f32 {
    change(|ticks| ticks.period_us as f32 * 1e-6)
}

/// Shortest and longest period since the last call, cycles.
#[cfg(feature = "bench")]
pub(crate) fn take_periods() -> (u32, u32) {
    change(|ticks| {
        let periods = (ticks.period_min, ticks.period_max);
        (ticks.period_min, ticks.period_max) = (u32::MAX, 0);
        periods
    })
}

/// Of this life; wraps.
pub(crate) fn microseconds() -> u32 {
    change(|ticks| {
        let passed = TickTimer.read(RELOAD).saturating_sub(TickTimer.read(VALUE));
        let passed_us = passed / CYCLES_PER_MICROSECOND;
        // A tick whose interrupt still waits has not been counted yet.
        let waits = TickTimer.read(INTERRUPT) & 1 != 0 && passed_us < ticks.period_us / 2;
        let whole = (ticks.count + u64::from(waits)) * u64::from(ticks.period_us);
        low(whole).wrapping_add(passed_us)
    })
}

/// Of this life; wraps.
pub(crate) fn milliseconds() -> u32 {
    change(|ticks| low(ticks.count * u64::from(ticks.period_us) / 1_000))
}

fn low(number: u64) -> u32 {
    (number & u64::from(u32::MAX)) as u32
}

fn change<T>(change: impl FnOnce(&mut Ticks) -> T) -> T {
    critical_section::with(|cs| {
        let mut now = TICKS.borrow(cs).get();
        let answer = change(&mut now);
        TICKS.borrow(cs).set(now);
        answer
    })
}
