//! Carries between robots and programs that do not reach each other. Reads nothing of what it
//! carries, and can make no command of its own: those need a lease.

use zenoh::{Session, Wait};

use super::{NetworkError, Settings};

/// A router in this process, for as long as it lives.
#[derive(Debug)]
pub struct Router {
    session: Session,
}

/// Somebody connected to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Its random id.
    pub id: String,
    /// `router`, `peer` or `client`.
    pub kind: String,
    /// Where it comes from.
    pub from: String,
    /// The name in its certificate; empty without one.
    pub name: String,
}

impl Router {
    /// Opens it as `settings` say, which are those of [`Part::Router`](super::Part::Router). Looks
    /// for nobody by itself.
    ///
    /// # Errors
    /// An endpoint that is refused, that is taken, or where nobody answers.
    pub fn open(settings: &Settings) -> Result<Self, NetworkError> {
        let session = zenoh::open(settings.config()?).wait();
        let failed = |said| NetworkError::zenoh(settings.describe(), said);
        Ok(Self { session: session.map_err(failed)? })
    }

    /// Its random id.
    #[must_use]
    pub fn id(&self) -> String {
        self.session.zid().to_string()
    }

    /// Who is connected now, in order.
    #[must_use]
    pub fn neighbours(&self) -> Vec<Neighbour> {
        let info = self.session.info();
        let links: Vec<_> = info.links().wait().collect();
        let with = |transport: zenoh::session::Transport| {
            let link = links.iter().find(|link| link.zid() == transport.zid());
            Neighbour {
                id: transport.zid().to_string(),
                kind: transport.whatami().to_string(),
                from: link.map(|link| link.dst().to_string()).unwrap_or_default(),
                name: link.and_then(|l| l.auth_identifier()).unwrap_or_default().to_owned(),
            }
        };
        let mut all: Vec<_> = info.transports().wait().map(with).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Closes it: everybody on it is told.
    pub fn close(&self) {
        if let Err(error) = self.session.close().wait() {
            tracing::debug!(%error, "the router did not close");
        }
    }
}
