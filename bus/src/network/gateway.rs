//! A process's one door to the network: it alone owns the session, on threads of its own.
//!
//! Nothing here may be called from the control cycle: a put takes locks and may wait a millisecond.
//! The cycle writes [`latest`](crate::latest()) values and [`queue`](crate::queue())s, and a thread
//! beside it carries them here; what comes in is written by callbacks into the same two.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use zenoh::bytes::ZBytes;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::{CongestionControl, Priority, Reliability};
use zenoh::query::{ConsolidationMode, QueryTarget};
use zenoh::{Session, Wait};
use zerocopy::{FromBytes, IntoBytes};

use super::access::QUESTION_MAX;
use super::counts::{InCounts, Losses, OutCounts};
use super::error::NetworkError;
use super::layout::{Header, Layout};
use super::rate::Bucket;
use super::settings::{Settings, check_name};
use super::topic::{CODE, Topic, key};

/// A question that is not answered for so long is asked again.
const TRY: Duration = Duration::from_millis(300);
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest answer to a question, bytes: an answer is text about a robot, never data.
const ANSWER_MAX: usize = 256 * 1024;

/// Something is heard for as long as this lives.
pub type Hearing = Subscriber<()>;

/// The door of this process.
#[derive(Clone, Debug)]
pub struct Gateway {
    session: Session,
    robot: String,
    id: u64,
    long_questions: Arc<Count>,
}

impl Gateway {
    /// Opens it as `settings` say.
    ///
    /// # Errors
    /// Settings that are refused, an address that is taken, a peer that is not there.
    pub fn open(settings: &Settings) -> Result<Self, NetworkError> {
        let session = zenoh::open(settings.config()?).wait();
        let session = session.map_err(|said| NetworkError::zenoh(settings.describe(), said))?;
        // No secret: only so that two runs are told apart.
        let id = RandomState::new().build_hasher().finish();
        Ok(Self { session, robot: settings.robot.clone(), id, long_questions: Arc::default() })
    }

    /// The same door, for the topics of another robot.
    ///
    /// # Errors
    /// [`NetworkError::RobotName`].
    pub fn of(&self, robot: &str) -> Result<Self, NetworkError> {
        check_name(robot)?;
        Ok(Self { robot: robot.to_owned(), ..self.clone() })
    }

    /// The robot whose topics these are.
    #[must_use]
    pub fn robot(&self) -> &str {
        &self.robot
    }

    /// Random number of this run.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The session underneath, for what only it can do.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// Where `topic` is sent from.
    ///
    /// # Errors
    /// The session is closed.
    pub fn outlet<T: Layout>(&self, topic: &Topic<T>) -> Result<Outlet<T>, NetworkError> {
        let key = topic.of(&self.robot);
        let refused = |said| NetworkError::zenoh(format!("{key} cannot be declared"), said);
        let urgent = topic.leased || topic.rate_hz == 0.0;
        let publisher = self
            .session
            .declare_publisher(key.clone())
            .congestion_control(CongestionControl::Drop)
            .priority(if urgent { Priority::RealTime } else { Priority::DataHigh })
            .reliability(if topic.stream { Reliability::Reliable } else { Reliability::BestEffort })
            // Batching would keep a sample for up to a millisecond.
            .express(true)
            .wait()
            .map_err(refused)?;
        let heard = Arc::new(AtomicBool::new(false));
        let hears = Arc::clone(&heard);
        publisher
            .matching_listener()
            .callback(move |status| hears.store(status.matching(), Ordering::Relaxed))
            .background()
            .wait()
            .map_err(refused)?;
        let matching = publisher.matching_status().wait().map_err(refused)?.matching();
        heard.fetch_or(matching, Ordering::Relaxed);
        let header = Header { layout: T::HASH, session: self.id, sequence: 0, at: 0 };
        let counts = Arc::default();
        Ok(Outlet { publisher, key, heard, header, counts, body: std::marker::PhantomData })
    }

    /// Publishes the schema of `topic` beside it, for as long as the gateway is open.
    ///
    /// # Errors
    /// The session is closed.
    pub fn publish_schema<T: Layout>(&self, topic: &Topic<T>) -> Result<(), NetworkError> {
        let schema = topic.schema().to_string().into_bytes();
        self.answer(&format!("{}/schema", topic.key), move |_| schema.clone())
    }

    /// Answers questions under `rest` of the robot's keys, for as long as the gateway is open. A
    /// question of more than 4096 bytes is refused and counted.
    ///
    /// # Errors
    /// The session is closed.
    pub fn answer(
        &self,
        rest: &str,
        make: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Result<(), NetworkError> {
        let key = key(&self.robot, rest);
        let (name, long) = (key.clone(), Arc::clone(&self.long_questions));
        let answering = move |query: zenoh::query::Query| {
            let length = query.payload().map_or(0, ZBytes::len);
            let answered = if length > QUESTION_MAX {
                long.add(1);
                let refusal = format!("a question of {length} bytes: at most {QUESTION_MAX}");
                query.reply_err(refusal).wait()
            } else {
                let asked = query.payload().map(ZBytes::to_bytes).unwrap_or_default();
                query.reply(name.clone(), make(&asked)).wait()
            };
            if let Err(error) = answered {
                tracing::debug!(%error, name, "an answer could not be given");
            }
        };
        let refused = |said| NetworkError::zenoh(format!("{key} cannot be declared"), said);
        let declaring = self.session.declare_queryable(&key).callback(answering);
        declaring.background().wait().map_err(refused)
    }

    /// Questions that were too long.
    #[must_use]
    pub fn long_questions(&self) -> Arc<Count> {
        Arc::clone(&self.long_questions)
    }

    /// Asks for `rest` of the robot's keys, and waits for the first answer. Where none comes it
    /// asks again: a question can be lost, or come before the robot listens.
    ///
    /// # Errors
    /// [`NetworkError::Silent`] after `patience`; an answer that is too long.
    pub fn ask(
        &self,
        rest: &str,
        question: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, NetworkError> {
        let key = key(&self.robot, rest);
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let answers = self.ask_all(&key, question.clone(), left.min(TRY))?;
            if let Some((_, answer)) = answers.into_iter().next() {
                return Ok(answer);
            }
            if left.is_zero() {
                return Err(NetworkError::Silent { key, waited: patience });
            }
            // Nobody is there yet: the library says so at once.
            std::thread::sleep(left.min(PAUSE));
        }
    }

    /// The same, but asks once; `None` when no answer came.
    ///
    /// # Errors
    /// The session is closed, or the answer is too long.
    pub fn ask_once(
        &self,
        rest: &str,
        question: Vec<u8>,
        patience: Duration,
    ) -> Result<Option<Vec<u8>>, NetworkError> {
        let answers = self.ask_all(&key(&self.robot, rest), question, patience)?;
        Ok(answers.into_iter().next().map(|(_, answer)| answer))
    }

    /// The same, and does not wait: `hear` gets the answer on a thread of the network, if one comes
    /// within `patience`. On a link that is full the question is dropped.
    ///
    /// # Errors
    /// The session is closed.
    pub fn ask_and_go_on(
        &self,
        rest: &str,
        question: Vec<u8>,
        patience: Duration,
        hear: impl Fn(&[u8]) + Send + Sync + 'static,
    ) -> Result<(), NetworkError> {
        let key = key(&self.robot, rest);
        let failed = |said| NetworkError::zenoh(format!("{key} cannot be asked"), said);
        let heard = move |reply: zenoh::query::Reply| {
            if let Ok(sample) = reply.into_result()
                && sample.payload().len() <= ANSWER_MAX
            {
                hear(&sample.payload().to_bytes());
            }
        };
        let asking = self.session.get(&key).payload(question).timeout(patience);
        let urgent = asking.congestion_control(CongestionControl::Drop).express(true);
        urgent.callback(heard).wait().map_err(failed)
    }

    /// Asks everybody who answers under `selector`: each answer with its key.
    ///
    /// # Errors
    /// The session is closed, or an answer is too long.
    pub fn ask_all(
        &self,
        selector: &str,
        question: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<(String, Vec<u8>)>, NetworkError> {
        let failed = |said| NetworkError::zenoh(format!("{selector} cannot be asked"), said);
        let asking = self.session.get(selector).payload(question).timeout(patience);
        let all = asking.target(QueryTarget::All).consolidation(ConsolidationMode::None);
        let replies = all.wait().map_err(failed)?;
        let mut answers = Vec::new();
        while let Ok(reply) = replies.recv() {
            let Ok(sample) = reply.into_result() else { continue };
            let from = sample.key_expr().to_string();
            if sample.payload().len() > ANSWER_MAX {
                let said = format!("it has {} bytes, at most {ANSWER_MAX}", sample.payload().len());
                return Err(NetworkError::Answer { key: from, said });
            }
            answers.push((from, sample.payload().to_bytes().into_owned()));
            if !selector.contains('*') {
                break;
            }
        }
        Ok(answers)
    }

    /// The same, and the answer is JSON.
    ///
    /// # Errors
    /// As [`Self::ask`], and an answer that is none.
    pub fn ask_json(&self, rest: &str, patience: Duration) -> Result<Value, NetworkError> {
        let answer = self.ask(rest, Vec::new(), patience)?;
        serde_json::from_slice(&answer).map_err(|said| NetworkError::Answer {
            key: key(&self.robot, rest),
            said: said.to_string(),
        })
    }

    /// Hears `topic` of the robot. Who is asked first whether the layout is the same; then `hear`
    /// gets every sample once and in order, on a thread of the network: it must not wait.
    ///
    /// # Errors
    /// [`NetworkError::Silent`] when nobody publishes it within `patience`, and
    /// [`NetworkError::Layout`].
    pub fn subscribe<T: Layout>(
        &self,
        topic: &Topic<T>,
        patience: Duration,
        hear: impl FnMut(&Header, &T) + Send + Sync + 'static,
    ) -> Result<Subscription, NetworkError> {
        topic.check_schema(&self.ask_json(&format!("{}/schema", topic.key), patience)?)?;
        let losses = Arc::new(Losses::default());
        let (counting, mut hear) = (Arc::clone(&losses), hear);
        self.hear(&topic.of(&self.robot), move |_, bytes| {
            let Some((header, body)) = read::<T>(bytes) else {
                return counting.foreign.add(1);
            };
            if counting.is_next(&header) {
                hear(&header, &body);
            }
        })
        .map(|subscriber| Subscription { subscriber, losses })
    }

    /// Hears whatever comes under `selector`, as bytes: the key and the whole sample.
    ///
    /// # Errors
    /// The session is closed.
    pub fn hear(
        &self,
        selector: &str,
        mut hear: impl FnMut(&str, &[u8]) + Send + Sync + 'static,
    ) -> Result<Hearing, NetworkError> {
        let failed = |said| NetworkError::zenoh(format!("{selector} cannot be heard"), said);
        let heard = move |sample: zenoh::sample::Sample| {
            hear(sample.key_expr().as_str(), &sample.payload().to_bytes());
        };
        self.session.declare_subscriber(selector).callback_mut(heard).wait().map_err(failed)
    }

    /// Takes `topic` in, at most `topic.rate_hz` times a second: `take` gets each sample of the
    /// right size and layout, on a thread of the network: it must not wait.
    ///
    /// # Errors
    /// The session is closed.
    pub fn inlet<T: Layout>(
        &self,
        topic: &Topic<T>,
        mut take: impl FnMut(&Incoming<'_, T>) + Send + Sync + 'static,
    ) -> Result<Inlet, NetworkError> {
        let counts: Arc<InCounts> = Arc::default();
        let (counting, mut bucket) = (Arc::clone(&counts), Bucket::per_second(topic.rate_hz));
        let size = topic.size();
        let key = topic.of(&self.robot);
        let failed = |said| NetworkError::zenoh(format!("{key} cannot be heard"), said);
        let heard = move |sample: zenoh::sample::Sample| {
            // Before anything is copied: what is too long costs nothing, what comes too often
            // little.
            if sample.payload().len() != size {
                return counting.size.add(1);
            }
            if !bucket.take() {
                return counting.rate.add(1);
            }
            let bytes = sample.payload().to_bytes();
            let Some((header, body)) = read::<T>(&bytes) else {
                return counting.layout.add(1);
            };
            counting.taken.add(1);
            take(&Incoming { key: sample.key_expr().as_str(), header, body, whole: &bytes });
        };
        let subscriber = self.session.declare_subscriber(&key).callback_mut(heard);
        Ok(Inlet { _subscriber: subscriber.wait().map_err(failed)?, counts })
    }

    /// Closes the session: everybody on it is told.
    pub fn close(&self) {
        if let Err(error) = self.session.close().wait() {
            tracing::debug!(%error, "the session did not close");
        }
    }
}

/// Header and body of a sample whose layout is that of `T`; what follows is left.
#[must_use]
pub fn read<T: Layout>(bytes: &[u8]) -> Option<(Header, T)> {
    let (header, rest) = Header::read_from_prefix(bytes).ok()?;
    let (body, _) = T::read_from_prefix(rest).ok()?;
    (header.layout == T::HASH).then_some((header, body))
}

/// Where one topic is sent from.
#[derive(Debug)]
pub struct Outlet<T> {
    publisher: Publisher<'static>,
    key: String,
    heard: Arc<AtomicBool>,
    header: Header,
    counts: Arc<OutCounts>,
    body: std::marker::PhantomData<fn(T)>,
}

impl<T: Layout> Outlet<T> {
    /// Somebody hears it, as far as this end knows.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    /// Its key on the robot.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sequence of the last sample.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.header.sequence
    }

    /// What became of what was put.
    #[must_use]
    pub fn counts(&self) -> Arc<OutCounts> {
        Arc::clone(&self.counts)
    }

    /// Sends `body`, measured at `at` ns of the robot's clock, if somebody hears it. May wait a
    /// millisecond.
    pub fn put(&mut self, at: u64, body: &T) -> bool {
        // A sample nobody hears has no number: it is not lost.
        if !self.is_heard() {
            self.counts.unheard.add(1);
            return false;
        }
        self.put_anyway(at, body)
    }

    /// The same, also when nobody is known to hear it: for a stop, that must not wait until this
    /// end has found out.
    pub fn put_anyway(&mut self, at: u64, body: &T) -> bool {
        self.header.sequence += 1;
        self.header.at = at;
        let mut bytes = Vec::with_capacity(size_of::<Header>() + size_of::<T>());
        bytes.extend_from_slice(self.header.as_bytes());
        bytes.extend_from_slice(body.as_bytes());
        self.send(bytes)
    }

    /// Sends `body` under a lease: `seal` makes the code over header and body under the key. False
    /// when there is no code.
    pub fn put_sealed(
        &mut self,
        header: Header,
        body: &T,
        seal: impl FnOnce(&str, &[u8]) -> Option<[u8; CODE]>,
    ) -> bool {
        let header = Header { layout: T::HASH, ..header };
        let mut bytes = Vec::with_capacity(size_of::<Header>() + size_of::<T>() + CODE);
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(body.as_bytes());
        let Some(code) = seal(&self.key, &bytes) else { return false };
        bytes.extend_from_slice(&code);
        self.send(bytes)
    }

    fn send(&self, bytes: Vec<u8>) -> bool {
        match self.publisher.put(bytes).wait() {
            Ok(()) => self.counts.sent.add(1),
            Err(error) => {
                self.counts.failed.add(1);
                tracing::debug!(%error, key = self.key, "a sample was not sent");
                return false;
            }
        }
        true
    }
}

/// One sample that came in.
#[derive(Debug)]
pub struct Incoming<'a, T> {
    /// The key it came under.
    pub key: &'a str,
    /// Its header.
    pub header: Header,
    /// Its body.
    pub body: T,
    /// The whole sample as it came, with its code where it has one.
    pub whole: &'a [u8],
}

/// A topic that is taken in, for as long as this lives.
#[derive(Debug)]
pub struct Inlet {
    _subscriber: Subscriber<()>,
    counts: Arc<InCounts>,
}

impl Inlet {
    /// What came in and what was refused.
    #[must_use]
    pub fn counts(&self) -> Arc<InCounts> {
        Arc::clone(&self.counts)
    }
}

/// A topic that is heard, for as long as this lives.
#[derive(Debug)]
pub struct Subscription {
    subscriber: Subscriber<()>,
    losses: Arc<Losses>,
}

impl Subscription {
    /// What was heard and what was lost on the way.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// The key it hears.
    #[must_use]
    pub fn key(&self) -> &str {
        self.subscriber.key_expr().as_str()
    }
}

/// A number that only grows, read and written by several threads.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `more`.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// It is `now`; for a number that one thread counts and others read.
    pub fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// What it is now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
