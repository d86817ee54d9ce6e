//! The leases of a running robot, as its callbacks and its loop share them.

use std::sync::{Arc, Mutex, PoisonError};

use bus::network::error::NetworkError;
use bus::network::gateway::{Gateway, Incoming};
use signals::{Instant, Role};

use super::clock::SharedClock;
use super::lease::{LeaseDesk, LeaseRole};

/// One desk for all threads. The control thread never comes here.
#[derive(Clone)]
pub struct Desk {
    desk: Arc<Mutex<LeaseDesk>>,
    clock: SharedClock,
}

impl Desk {
    /// Answers questions for leases through `gateway`.
    ///
    /// # Errors
    /// The session is closed.
    pub fn open(
        desk: LeaseDesk,
        clock: SharedClock,
        gateway: &Gateway,
    ) -> Result<Self, NetworkError> {
        let shared = Self { desk: Arc::new(Mutex::new(desk)), clock };
        for role in LeaseRole::ALL {
            let this = shared.clone();
            gateway.answer(&format!("lease/{role}"), move |question| {
                this.with(|desk, now| desk.answer(role, question, now))
            })?;
        }
        Ok(shared)
    }

    /// As whom the sender of `sample` acts, when it counts under a lease of one of `roles`. What
    /// does not count is counted as that.
    pub fn accept<T>(&self, roles: &[LeaseRole], sample: &Incoming<'_, T>) -> Option<Role> {
        self.with(|desk, now| {
            let accepted = desk.accept_sample(roles, sample.key, sample.whole, now);
            accepted.map(|accepted| accepted.acts_as).ok()
        })
    }

    /// The robot's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// What the desk knows, at this moment of the robot's clock.
    pub fn with<R>(&self, ask: impl FnOnce(&mut LeaseDesk, Instant) -> R) -> R {
        // Whoever panicked while he held it left no half-made change that could let anybody in.
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&mut desk, self.clock.now())
    }
}
