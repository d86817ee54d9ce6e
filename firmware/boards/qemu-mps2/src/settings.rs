//! What the board was provisioned with. It is kept in memory that a reset does not clear; this
//! machine has none that outlives the power, so it must be provisioned each time it is switched on.

use core::ops::RangeInclusive;

use board::bench::JOINTS;
use board::store;
use embassy_executor::SendSpawner;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use firmware::{Configuration, ResetCause};

use crate::crash::{self, KEPT, SETTINGS};
use crate::interrupts::spawn;

/// Periods of the tick that this board can keep, us. Its watchdog must see several ticks.
const PERIODS: RangeInclusive<u16> = 500..=5_000;

/// A configuration to be stored. The slow executor takes it, because memory of a real board would
/// take its time.
pub(crate) static STORE: Signal<CriticalSectionRawMutex, Configuration<JOINTS>> = Signal::new();

/// As provisioned; none, when nobody did, or with a period that this board cannot keep.
pub(crate) fn read() -> Configuration<JOINTS> {
    let stored = store::read(&KEPT, SETTINGS);
    let usable = |own: &Configuration<JOINTS>| PERIODS.contains(&own.period);
    stored.filter(usable).unwrap_or(Configuration::NONE)
}

pub(crate) fn start(executor: SendSpawner) {
    spawn(executor, store_task());
}

/// Stores, and starts again with what was stored.
#[embassy_executor::task]
async fn store_task() {
    let configuration = STORE.wait().await;
    store::write(&KEPT, SETTINGS, &configuration);
    crash::end(ResetCause::Request, 0);
}
