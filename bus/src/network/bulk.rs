//! Payloads of any size: images, clouds, tensors, chunks of a log.
//!
//! From 4 KB on they lie in memory that the readers of this machine share, and only their place is
//! sent; where that memory is full, or not to be had, they are sent as they are. Both are counted:
//! below 4 KB shared memory is slower, and above it is worth it only if it is really used.
//!
//! A reader that stalls for a tenth of a second can lose a shared sample without an error of the
//! library. It is counted as lost by its sequence, as any other.

use std::sync::Arc;

use serde_json::{Value, json};
use zenoh::Wait;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::{CongestionControl, Priority};
use zenoh::shm::{
    GarbageCollect, PosixShmProviderBackend, ShmProvider, ShmProviderBuilder, ZShmMut,
};
use zerocopy::{FromBytes, IntoBytes};

use super::counts::Losses;
use super::error::NetworkError;
use super::gateway::{Count, Gateway};
use super::layout::{Field, Header, Number, hash, hash_text};
use super::topic::key;

/// From this size on a payload is shared, bytes.
pub const SHARED_FROM: usize = 4096;
/// Longest payload, bytes.
pub const BULK_MAX: usize = 16 * 1024 * 1024;
/// The layout of any bulk payload: bytes.
pub const BULK: u64 = hash(&[Field {
    name: "bytes",
    number: Number::U8,
    count: 0,
    used_by: None,
    unit: "",
    frame: "",
    about: "",
}]);

/// A topic whose payloads have no fixed size.
#[derive(Clone, Copy, Debug)]
pub struct BulkTopic {
    /// `<layer>/<topic>`: the end of its key.
    pub key: &'static str,
    /// What the bytes are.
    pub about: &'static str,
}

impl BulkTopic {
    /// What a program needs to know to read it.
    #[must_use]
    pub fn schema(&self) -> Value {
        json!({
            "schema": "triune.topic/1", "key": self.key, "name": "Bulk", "about": self.about,
            "layout": hash_text(BULK), "size": null, "header": size_of::<Header>(), "code": 0,
            "direction": "out", "stream": true, "rate_hz": 0.0, "fields": [],
        })
    }
}

/// How payloads were sent.
#[derive(Debug, Default)]
pub struct BulkCounts {
    /// In shared memory.
    pub shared: Count,
    /// Large enough for it, but sent as they are: there was no room, or no such memory.
    pub unshared: Count,
    /// Too small for it.
    pub small: Count,
    /// Not sent: too large, or refused by the network.
    pub failed: Count,
}

/// Where bulk payloads are sent from.
pub struct BulkOutlet {
    publisher: Publisher<'static>,
    memory: Option<ShmProvider<PosixShmProviderBackend>>,
    header: Header,
    counts: Arc<BulkCounts>,
}

impl std::fmt::Debug for BulkOutlet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkOutlet").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Where `topic` is sent from, with `memory` bytes to share. Where the machine does not grant
    /// them, payloads are sent as they are, and counted as that.
    ///
    /// # Errors
    /// The session is closed.
    pub fn bulk_outlet(
        &self,
        topic: &BulkTopic,
        memory: usize,
    ) -> Result<BulkOutlet, NetworkError> {
        let key = key(self.robot(), topic.key);
        let declaring = self
            .session()
            .declare_publisher(key.clone())
            .congestion_control(CongestionControl::Drop)
            // Behind every topic of the loop.
            .priority(Priority::DataLow)
            .express(true);
        let publisher = declaring.wait();
        let failed = |said| NetworkError::zenoh(format!("{key} cannot be declared"), said);
        let publisher = publisher.map_err(failed)?;
        let memory = (memory > 0).then(|| ShmProviderBuilder::default_backend(memory).wait());
        let memory = memory.and_then(|made| {
            made.inspect_err(|said| tracing::warn!(%said, "no memory to share")).ok()
        });
        let header = Header { layout: BULK, session: self.id(), sequence: 0, at: 0 };
        Ok(BulkOutlet { publisher, memory, header, counts: Arc::default() })
    }

    /// Hears `topic`: `hear` gets each payload in place, on a thread of the network.
    ///
    /// # Errors
    /// The session is closed.
    pub fn bulk_inlet(
        &self,
        topic: &BulkTopic,
        mut hear: impl FnMut(&Header, &[u8]) + Send + Sync + 'static,
    ) -> Result<BulkInlet, NetworkError> {
        let key = key(self.robot(), topic.key);
        let losses = Arc::new(Losses::default());
        let shared: Arc<Count> = Arc::default();
        let (counting, counting_shared) = (Arc::clone(&losses), Arc::clone(&shared));
        let heard = move |sample: zenoh::sample::Sample| {
            let payload = sample.payload();
            let bytes = payload.to_bytes();
            let Ok((header, body)) = Header::read_from_prefix(&bytes) else {
                return counting.foreign.add(1);
            };
            if header.layout != BULK || body.len() > BULK_MAX {
                return counting.foreign.add(1);
            }
            if counting.is_next(&header) {
                counting_shared.add(payload.as_shm().is_some().into());
                hear(&header, body);
            }
        };
        let failed = |said| NetworkError::zenoh(format!("{key} cannot be heard"), said);
        let declaring = self.session().declare_subscriber(&key).callback_mut(heard);
        Ok(BulkInlet { _subscriber: declaring.wait().map_err(failed)?, losses, shared })
    }
}

impl BulkOutlet {
    /// Sends `length` bytes that `fill` writes, measured at `at` ns of the robot's clock. False
    /// when they were not sent.
    pub fn put(&mut self, at: u64, length: usize, fill: impl FnOnce(&mut [u8])) -> bool {
        if length > BULK_MAX {
            self.counts.failed.add(1);
            return false;
        }
        self.header.sequence += 1;
        self.header.at = at;
        let whole = size_of::<Header>() + length;
        let write = |bytes: &mut [u8]| {
            let (header, body) = bytes.split_at_mut(size_of::<Header>());
            header.copy_from_slice(self.header.as_bytes());
            fill(body);
        };
        let sent = match self.share(whole) {
            Some(mut memory) => {
                self.counts.shared.add(1);
                write(&mut memory);
                self.publisher.put(memory).wait()
            }
            None => {
                let small = length < SHARED_FROM;
                if small { &self.counts.small } else { &self.counts.unshared }.add(1);
                let mut bytes = vec![0; whole];
                write(&mut bytes);
                self.publisher.put(bytes).wait()
            }
        };
        sent.inspect_err(|_| self.counts.failed.add(1)).is_ok()
    }

    /// How payloads were sent.
    #[must_use]
    pub fn counts(&self) -> Arc<BulkCounts> {
        Arc::clone(&self.counts)
    }

    /// Shared memory for a payload; what readers have let go of is used again. Never waits for
    /// them.
    fn share(&self, whole: usize) -> Option<ZShmMut> {
        if whole - size_of::<Header>() < SHARED_FROM {
            return None;
        }
        let provider = self.memory.as_ref()?;
        provider.alloc(whole).with_policy::<GarbageCollect>().wait().ok()
    }
}

/// A bulk topic that is heard, for as long as this lives.
#[derive(Debug)]
pub struct BulkInlet {
    _subscriber: Subscriber<()>,
    losses: Arc<Losses>,
    shared: Arc<Count>,
}

impl BulkInlet {
    /// What was heard and what was lost on the way.
    #[must_use]
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// How many of them were read where the sender wrote them.
    #[must_use]
    pub fn shared(&self) -> u64 {
        self.shared.get()
    }
}
