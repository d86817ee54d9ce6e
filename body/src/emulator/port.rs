//! A port that ends in an emulated bus, on the bus's own time.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Port, PortError};

use super::EmulatedBus;

/// One end of an emulated bus in memory; a clone is the same bus, for who watches it and lets time
/// pass. Waiting in [`Port::receive`] lets the bus's time pass, and takes none itself.
#[derive(Clone, Debug)]
pub struct EmulatedPort {
    bus: Arc<Mutex<EmulatedBus>>,
    received: VecDeque<u8>,
}

impl EmulatedPort {
    /// A port that ends in `bus`.
    #[must_use]
    pub fn new(bus: EmulatedBus) -> Self {
        Self { bus: Arc::new(Mutex::new(bus)), received: VecDeque::new() }
    }

    /// The bus behind it.
    pub fn bus(&self) -> MutexGuard<'_, EmulatedBus> {
        self.bus.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plugged(&self) -> Result<(), PortError> {
        let why = || "it was unplugged".to_owned();
        let gone = || PortError::Gone { port: "emulator".to_owned(), why: why() };
        if self.bus().is_unplugged() { Err(gone()) } else { Ok(()) }
    }
}

impl Port for EmulatedPort {
    fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError> {
        self.plugged()?;
        self.bus().take(bytes);
        Ok(true)
    }

    fn receive(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, PortError> {
        self.plugged()?;
        let mut bus = self.bus();
        let mut come = bus.give();
        if come.is_empty() && self.received.is_empty() && !wait.is_zero() {
            let span = bus.next_arrival().map_or(wait, |arrival| arrival.min(wait));
            bus.advance(span);
            come = bus.give();
        }
        drop(bus);
        self.received.extend(come);
        let mut taken = 0;
        for (place, byte) in into.iter_mut().zip(&self.received) {
            *place = *byte;
            taken += 1;
        }
        self.received.drain(..taken);
        Ok(taken)
    }
}
