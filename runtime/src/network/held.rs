//! A lease that this process holds: asked for, kept alive on a thread, and used to seal what is
//! sent. Each answer of the robot also tells its clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use bus::network::gateway::{Gateway, Outlet};
use bus::network::layout::{Header, Layout};
use signals::Instant;

use super::NetworkFault;
use super::clock::FarClock;
use super::code::machine_random;
use super::lease::LeaseRole;
use super::lease::holder::{Heard, LeaseHolder, RobotTime, Wish};
use crate::realtime::monotonic_nanos;
use crate::worker::Worker;

/// One that was refused is wanted again after this.
const AGAIN: Duration = Duration::from_millis(200);
/// An answer that takes longer is not waited for.
const ANSWER: Duration = Duration::from_secs(1);

/// The lease, shared by the thread that keeps it and those that send.
#[derive(Clone)]
pub struct HeldLease {
    shared: Arc<Mutex<Shared>>,
    /// Number of the last message, over all topics.
    sequence: Arc<AtomicU64>,
    _keeper: Arc<Worker>,
}

struct Shared {
    holder: LeaseHolder,
    clock: FarClock,
    /// Why it is not held, as the robot said it.
    refused: Option<String>,
    /// When it is wanted again.
    again: Option<Duration>,
}

impl HeldLease {
    /// Wants the lease, and goes on wanting it when it ends: a robot that was started again gives
    /// it again. Once it was held, it is taken from nobody.
    ///
    /// # Errors
    /// No thread, no random bytes.
    pub fn want(gateway: &Gateway, wish: Wish) -> Result<Self, NetworkFault> {
        let role = wish.role;
        let holder = LeaseHolder::new(wish, machine_random()?);
        let (clock, refused, again) = (FarClock::default(), None, None);
        let shared = Arc::new(Mutex::new(Shared { holder, clock, refused, again }));
        let keeper = keep(gateway.clone(), role, Arc::clone(&shared));
        let keeper = Arc::new(Worker::start("lease", keeper)?);
        Ok(Self { shared, sequence: Arc::default(), _keeper: keeper })
    }

    /// Waits until it is held; else what the robot said, or that it said nothing.
    ///
    /// # Errors
    /// [`NetworkFault::Lease`].
    pub fn wait(&self, patience: Duration) -> Result<u32, NetworkFault> {
        let until = here() + patience;
        loop {
            if let Some(epoch) = self.epoch() {
                return Ok(epoch);
            }
            if here() >= until {
                let refused = self.lock().refused.clone();
                let silent = || "the robot does not answer: is it running?".to_owned();
                return Err(NetworkFault::Lease(refused.unwrap_or_else(silent)));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Its epoch, as long as it is held.
    #[must_use]
    pub fn epoch(&self) -> Option<u32> {
        // Whether the robot has ended it meanwhile only the robot knows: what is sent under one
        // that has ended is refused, and costs nothing.
        self.lock().holder.epoch()
    }

    /// The same, and the robot has said so within the time a lease lasts.
    #[must_use]
    pub fn confirmed_epoch(&self) -> Option<u32> {
        let shared = self.lock();
        shared.holder.epoch().filter(|_| !shared.holder.has_ended(here()))
    }

    /// Why it is not held, as the robot said it.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.lock().refused.clone()
    }

    /// The robot's clock now, and how far that may be wrong; `None` before the first answer.
    #[must_use]
    pub fn robot_now(&self) -> Option<(Instant, Duration)> {
        self.lock().clock.at(monotonic_nanos())
    }

    /// Sends `body` under the lease, measured at `at` ns of the robot's clock. False when it is not
    /// held.
    pub fn send<T: Layout>(&self, outlet: &mut Outlet<T>, at: u64, body: &T) -> bool {
        let Some(epoch) = self.epoch() else { return false };
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let header = Header { layout: T::HASH, session: epoch.into(), sequence, at };
        outlet.put_sealed(header, body, |key, bytes| self.lock().holder.seal(key, bytes))
    }

    /// Gives it back, so that another may have it at once.
    pub fn give_back(&self, gateway: &Gateway, role: LeaseRole) {
        let ask = self.lock().holder.give_back(here());
        if let Some(ask) = ask {
            // One that is lost ends by itself.
            let _ = gateway.ask_once(&format!("lease/{role}"), ask, ANSWER);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer: when it was asked for, when it came, and what it says.
type Answered = (Duration, Duration, Vec<u8>);

/// Hears the answers that came and asks what is due. It never waits for an answer: while a link is
/// broken none comes, and it must be asked again as soon as it is whole.
fn keep(
    gateway: Gateway,
    role: LeaseRole,
    shared: Arc<Mutex<Shared>>,
) -> impl FnMut() -> bool + Send + 'static {
    let rest = format!("lease/{role}");
    let (came, answers) = mpsc::channel::<Answered>();
    move || {
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        let now = here();
        let ask = {
            let mut shared = lock();
            for (asked, heard, answer) in answers.try_iter() {
                shared.hear(&answer, asked, heard);
            }
            shared.want_again(now);
            shared.holder.ask(now)
        };
        // Not under the lock: who sends must not wait for the network.
        let came = came.clone();
        let hear = move |answer: &[u8]| {
            let _ = came.send((now, here(), answer.to_vec()));
        };
        let asked = match ask {
            Ok(Some(ask)) => gateway.ask_and_go_on(&rest, ask, ANSWER, hear),
            Ok(None) => return false,
            Err(error) => {
                lock().refused = Some(format!("no random bytes: {error}"));
                return false;
            }
        };
        if let Err(error) = asked {
            lock().refused = Some(error.to_string());
        }
        false
    }
}

impl Shared {
    fn want_again(&mut self, now: Duration) {
        if self.again.is_some_and(|again| now >= again) {
            self.again = None;
            self.holder.again(false);
        }
    }

    fn hear(&mut self, answer: &[u8], asked: Duration, heard: Duration) {
        match self.holder.hear(answer, asked, heard) {
            Heard::Granted(time) | Heard::Kept(time) => {
                let RobotTime { robot, asked, heard } = time;
                let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
                self.clock.take(nanos(asked), robot.as_nanos(), nanos(heard));
                self.refused = None;
            }
            Heard::Refused { said, .. } => {
                // One that was held has ended by itself, as after a broken link: at once. One that
                // somebody else holds: not so often.
                if self.holder.epoch().is_none() {
                    let pause = if self.refused.is_none() { Duration::ZERO } else { AGAIN };
                    self.again = Some(heard + pause);
                    self.refused = Some(said);
                }
            }
            Heard::Challenge | Heard::Returned | Heard::Nonsense => {}
        }
    }
}

/// This machine's monotonic clock.
fn here() -> Duration {
    Duration::from_nanos(monotonic_nanos())
}
