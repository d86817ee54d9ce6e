//! The buses, behind one door.

mod iceoryx;
#[cfg(feature = "dora")]
mod nodes;
mod ours;
mod plain;

#[cfg(feature = "dora")]
pub use nodes::graph;

use serde::{Deserialize, Serialize};

use crate::sink::Sink;
use crate::task::{Failure, Task};

/// The sending end of a bus.
pub trait Sending {
    /// Hands over one message. False: the bus had no room for it, and it is lost.
    fn put(&mut self, message: &[u8]) -> Result<bool, Failure>;
}

/// A bus, with what of it can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transport {
    /// Triune's gateways over TCP.
    TriuneTcp,
    /// The same over a unix socket.
    TriuneUnix,
    /// Small messages over TCP, and the sender only writes `bus::latest`.
    TriuneLoop,
    /// Plain zenoh over TCP on the loopback.
    ZenohTcp,
    /// Plain zenoh over a unix socket.
    ZenohUnix,
    /// The payload in zenoh's shared memory, asked for; the rest over TCP.
    ZenohTcpShared,
    /// The payload in zenoh's shared memory; the rest over a unix socket.
    ZenohUnixShared,
    /// iceoryx2; the receiver asks again and again.
    IceoryxPoll,
    /// iceoryx2; the receiver sleeps until it is notified.
    IceoryxWake,
    /// dora: two nodes and its daemon.
    Dora,
}

impl Transport {
    /// All of them, in the order of the tables; the first is what the others are compared with.
    pub const ALL: [Self; 10] = [
        Self::TriuneTcp,
        Self::TriuneUnix,
        Self::TriuneLoop,
        Self::ZenohTcp,
        Self::ZenohUnix,
        Self::ZenohTcpShared,
        Self::ZenohUnixShared,
        Self::IceoryxPoll,
        Self::IceoryxWake,
        Self::Dora,
    ];

    /// Whether this program was built with it.
    pub fn is_built(self) -> bool {
        self != Self::Dora || cfg!(feature = "dora")
    }

    /// Whether messages of `size` bytes go through it.
    pub fn carries(self, size: usize) -> bool {
        self != Self::TriuneLoop || ours::has_layout(size)
    }

    /// As the tables and `--only` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::TriuneTcp => "Triune, TCP",
            Self::TriuneUnix => "Triune, unix socket",
            Self::TriuneLoop => "Triune, from the loop, TCP",
            Self::ZenohTcp => "zenoh, TCP",
            Self::ZenohUnix => "zenoh, unix socket",
            Self::ZenohTcpShared => "zenoh, TCP, shared memory",
            Self::ZenohUnixShared => "zenoh, unix socket, shared memory",
            Self::IceoryxPoll => "iceoryx2, polling",
            Self::IceoryxWake => "iceoryx2, woken",
            Self::Dora => "dora",
        }
    }

    /// Whether its payloads have to lie in shared memory.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::ZenohTcpShared | Self::ZenohUnixShared)
    }

    /// Whether it goes over a unix socket.
    pub fn is_unix(self) -> bool {
        matches!(self, Self::TriuneUnix | Self::ZenohUnix | Self::ZenohUnixShared)
    }
}

impl Task {
    /// Where the sender listens, in zenoh's words.
    pub fn endpoint(&self) -> String {
        if self.transport.is_unix() {
            format!("unixsock-stream/{}", self.folder.join("bus").display())
        } else {
            format!("tcp/127.0.0.1:{}", self.port)
        }
    }

    /// How many messages may wait for a slow receiver, for buses that let it be chosen.
    pub fn depth(&self) -> usize {
        if self.size > 64 * 1024 { 8 } else { 64 }
    }

    /// Bytes of shared memory, for buses that let it be chosen: room for what may wait, and for
    /// what was read and is not yet given back.
    pub fn pool(&self) -> usize {
        (self.size * self.depth() * 4).max(8 << 20)
    }
}

/// The sending process.
pub fn send(task: &Task) -> Result<(), Failure> {
    match task.transport {
        Transport::TriuneTcp | Transport::TriuneUnix | Transport::TriuneLoop => ours::send(task),
        Transport::ZenohTcp | Transport::ZenohUnix => plain::send(task),
        Transport::ZenohTcpShared | Transport::ZenohUnixShared => plain::send_shared(task),
        Transport::IceoryxPoll | Transport::IceoryxWake => iceoryx::send(task),
        #[cfg(feature = "dora")]
        Transport::Dora => nodes::send(task),
        #[cfg(not(feature = "dora"))]
        Transport::Dora => Err("built without dora".into()),
    }
}

/// The receiving process.
pub fn receive(task: &Task) -> Result<(), Failure> {
    let sink = Sink::new(task);
    match task.transport {
        Transport::TriuneTcp | Transport::TriuneUnix | Transport::TriuneLoop => {
            ours::receive(task, sink)
        }
        Transport::ZenohTcp
        | Transport::ZenohUnix
        | Transport::ZenohTcpShared
        | Transport::ZenohUnixShared => plain::receive(task, sink),
        Transport::IceoryxPoll => iceoryx::poll(task, &sink),
        Transport::IceoryxWake => iceoryx::wait(task, &sink),
        #[cfg(feature = "dora")]
        Transport::Dora => nodes::receive(&sink),
        #[cfg(not(feature = "dora"))]
        Transport::Dora => Err("built without dora".into()),
    }
}
