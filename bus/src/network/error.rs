//! What can go wrong on the network, in words that help.

use std::path::PathBuf;
use std::time::Duration;

/// Why a session, a topic or a question failed.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A name that cannot stand in a key.
    #[error(
        "robot name {0:?}: a name has 1 to 32 small letters, digits, `_` and `-`; name the robot \
         with --name"
    )]
    RobotName(String),
    /// Not on this machine alone, and no certificates.
    #[error(
        "{endpoint}: only this machine's loopback (tcp/127.0.0.1:PORT) and unix sockets \
         (unixsock-stream/PATH) may be used without certificates; make some with `triune keys \
         network DIR`, give --certificates DIR, and write quic/ADDRESS:PORT"
    )]
    Open {
        /// The endpoint.
        endpoint: String,
    },
    /// Certificates, and an endpoint that does not use them.
    #[error(
        "{endpoint}: with certificates every endpoint must be quic/ADDRESS:PORT, since whoever \
         comes in by another way has shown none; change it, or leave --certificates out"
    )]
    Plain {
        /// The endpoint.
        endpoint: String,
    },
    /// Not an endpoint of a kind we open.
    #[error("{endpoint}: {why}")]
    Endpoint {
        /// The endpoint.
        endpoint: String,
        /// What is wrong, and the way out.
        why: &'static str,
    },
    /// A file of the certificates is missing or no use.
    #[error("{}: {why}", file.display())]
    Certificate {
        /// The file.
        file: PathBuf,
        /// What is wrong, and the way out.
        why: String,
    },
    /// An act that the rules forbid came through when it was tried.
    #[error(
        "the access rules do not hold on {endpoint}: an observer could {act}, and must not; the \
         robot does not open itself to a network like this"
    )]
    Forbidden {
        /// Where it was tried.
        endpoint: String,
        /// What was tried.
        act: String,
    },
    /// An act that the rules permit did not come through when it was tried.
    #[error(
        "the access rules cannot be tried on {endpoint}: an observer could not {act}, and may; \
         without that nothing is known about what is forbidden"
    )]
    Control {
        /// Where it was tried.
        endpoint: String,
        /// What was tried.
        act: String,
    },
    /// What was asked of the network library, and what it said.
    #[error("{what}: {said}")]
    Zenoh {
        /// What was asked.
        what: String,
        /// What it said.
        said: String,
    },
    /// The other end writes the topic otherwise.
    #[error(
        "topic {topic}: its layout is {theirs} there and {ours} here; first difference: {field}. \
         Use programs of the same version at both ends"
    )]
    Layout {
        /// The topic.
        topic: String,
        /// The hash here.
        ours: String,
        /// The hash there.
        theirs: String,
        /// The first field that differs.
        field: String,
    },
    /// Nobody answered a question.
    #[error(
        "{key}: nobody answered within {} ms: is the robot running, is its name right (`triune \
         top` lists those in reach), and may this role ask?", waited.as_millis()
    )]
    Silent {
        /// The key that was asked.
        key: String,
        /// How long.
        waited: Duration,
    },
    /// An answer that cannot be read.
    #[error("{key}: the answer cannot be read: {said}")]
    Answer {
        /// The key that was asked.
        key: String,
        /// What is wrong with it.
        said: String,
    },
}

impl NetworkError {
    /// What the library said when asked for `what`.
    pub(crate) fn zenoh(what: impl Into<String>, said: impl std::fmt::Display) -> Self {
        Self::Zenoh { what: what.into(), said: said.to_string() }
    }
}
