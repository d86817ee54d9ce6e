//! From what a person asks for to zenoh's settings: closed by default, and open only with
//! certificates.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zenoh::Config;

use super::access::{self, Middle};
use super::{NetworkError, Role};

/// Where a robot listens, and a client connects, when nothing is said.
pub const LOOPBACK: &str = "tcp/127.0.0.1:7447";
/// Most sessions with a robot at a time.
pub const ROBOT_SESSIONS: usize = 16;
/// Most sessions with a router at a time.
pub const ROUTER_SESSIONS: usize = 256;
/// Longest message a robot puts together from pieces, bytes.
const CONTROL_MAX: usize = 1 << 20;
/// Longest message a client or a router puts together: 16 MiB of payload and room for its key.
const BULK_MAX: usize = (16 << 20) + (64 << 10);
/// A peer that was not heard for so long is gone, ms.
const LINK_LEASE_MS: u64 = 10_000;
/// Longest name of a robot.
const NAME_MAX: usize = 32;

/// Which end of the network plane a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The robot's own end.
    Robot,
    /// Somebody who connects to robots, in this role.
    Client(Role),
    /// Carries messages between robots and clients.
    Router,
}

impl Part {
    /// Its name: the common name of its certificate, and the name of its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Robot => "robot",
            Self::Client(role) => role.name(),
            Self::Router => "router",
        }
    }

    const fn mode(self) -> &'static str {
        match self {
            Self::Robot => "peer",
            Self::Client(_) => "client",
            Self::Router => "router",
        }
    }
}

/// How a session of the network plane is opened.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the robot: 1 to 32 of the letters `a-z 0-9 _ -`. A router needs none.
    pub robot: String,
    /// Which end it is.
    pub part: Part,
    /// Endpoints it listens on, such as `tcp/127.0.0.1:7447`. A client listens on none.
    pub listen: Vec<String>,
    /// Endpoints it connects to. A client needs one.
    pub connect: Vec<String>,
    /// Folder made by `triune keys network`; without it only this machine is reached.
    pub certificates: Option<PathBuf>,
}

impl Settings {
    /// A robot that only this machine can reach.
    #[must_use]
    pub fn robot(name: impl Into<String>) -> Self {
        let (robot, listen) = (name.into(), vec![LOOPBACK.to_owned()]);
        Self { robot, part: Part::Robot, listen, connect: Vec::new(), certificates: None }
    }

    /// A client of a robot on this machine.
    #[must_use]
    pub fn client(robot: impl Into<String>, role: Role) -> Self {
        let (robot, part, connect) = (robot.into(), Part::Client(role), vec![LOOPBACK.to_owned()]);
        Self { robot, part, listen: Vec::new(), connect, certificates: None }
    }

    /// It hears, or is heard, beyond this machine: peers show certificates, asks for leases are
    /// signed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.certificates.is_some()
    }

    /// What it does, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("listening on {:?}, connecting to {:?}", self.listen, self.connect)
    }

    /// zenoh's settings.
    ///
    /// # Errors
    /// The name, an endpoint or a file of the certificates is not as it must be.
    pub fn config(&self) -> Result<Config, NetworkError> {
        if self.part != Part::Router {
            check_name(&self.robot)?;
        }
        self.check_endpoints()?;
        let mut config = Config::default();
        for (key, value) in self.closed().into_iter().chain(self.links()) {
            insert(&mut config, key, &value)?;
        }
        if let Some(folder) = &self.certificates {
            for (key, value) in self.certified(folder)? {
                insert(&mut config, key, &value)?;
            }
        }
        Ok(config)
    }

    /// What is off, whoever asks.
    fn closed(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("mode", json!(self.part.mode())),
            ("scouting/multicast/enabled", json!(false)),
            ("scouting/multicast/autoconnect", json!([])),
            ("scouting/gossip/enabled", json!(false)),
            ("scouting/gossip/autoconnect", json!([])),
            ("adminspace/enabled", json!(false)),
            ("plugins_loading/enabled", json!(false)),
            ("timestamping/enabled", json!(false)),
            ("transport/unicast/compression/enabled", json!(false)),
            // Only what we put into shared memory ourselves lies there, and is counted.
            ("transport/shared_memory/transport_optimization/enabled", json!(false)),
        ]
    }

    fn links(&self) -> Vec<(&'static str, Value)> {
        let (sessions, longest) = match self.part {
            Part::Robot => (ROBOT_SESSIONS, CONTROL_MAX),
            Part::Client(_) => (ROBOT_SESSIONS, BULK_MAX),
            Part::Router => (ROUTER_SESSIONS, BULK_MAX),
        };
        let protocols: &[&str] =
            if self.is_open() { &["quic"] } else { &["tcp", "udp", "unixsock-stream"] };
        vec![
            ("listen/endpoints", json!(self.listen)),
            ("listen/timeout_ms", json!(0)),
            ("listen/exit_on_failure", json!(true)),
            ("connect/endpoints", json!(self.connect)),
            // A robot starts without its router and goes on trying; a client says at once that
            // nobody is there.
            ("connect/timeout_ms", json!({ "router": -1, "peer": -1, "client": 0 })),
            ("connect/exit_on_failure", json!({ "router": false, "peer": false, "client": true })),
            ("transport/link/protocols", json!(protocols)),
            ("transport/link/tx/lease", json!(LINK_LEASE_MS)),
            ("transport/link/rx/max_message_size", json!(longest)),
            ("transport/unicast/max_sessions", json!(sessions)),
            ("transport/unicast/max_links", json!(1)),
            ("transport/unicast/accept_pending", json!(sessions)),
            ("low_pass_filter", access::sizes(self.middle())),
        ]
    }

    fn certified(&self, folder: &Path) -> Result<Vec<(&'static str, Value)>, NetworkError> {
        let authority = certificate_file(folder, "authority.crt")?;
        let certificate = certificate_file(folder, &format!("{}.crt", self.part.name()))?;
        let key = key_file(folder, &format!("{}.tls.key", self.part.name()))?;
        Ok(vec![
            ("transport/link/tls/root_ca_certificate", json!(authority)),
            ("transport/link/tls/enable_mtls", json!(true)),
            ("transport/link/tls/listen_certificate", json!(certificate)),
            ("transport/link/tls/listen_private_key", json!(key)),
            ("transport/link/tls/connect_certificate", json!(certificate)),
            ("transport/link/tls/connect_private_key", json!(key)),
            ("transport/link/tls/verify_name_on_connect", json!(true)),
            ("transport/link/tls/close_link_on_expiration", json!(true)),
            ("access_control", access::rules(self.middle())),
        ])
    }

    fn middle(&self) -> Middle<'_> {
        match self.part {
            Part::Robot => Middle::Robot(&self.robot),
            Part::Client(_) => Middle::Client,
            Part::Router => Middle::Router,
        }
    }

    fn check_endpoints(&self) -> Result<(), NetworkError> {
        for endpoint in self.listen.iter().chain(&self.connect) {
            check_endpoint(endpoint, self.is_open())?;
        }
        let wrong = |endpoint: &String, why| {
            Err(NetworkError::Endpoint { endpoint: endpoint.clone(), why })
        };
        // zenoh takes the brackets for a part of the name it looks for in the certificate.
        let bracketed = |endpoint: &&String| endpoint.starts_with("quic/[");
        if let Some(endpoint) = self.connect.iter().find(bracketed) {
            return wrong(endpoint, "connect by a name: an IPv6 address is in no certificate");
        }
        match self.part {
            Part::Client(_) => match (self.listen.first(), self.connect.is_empty()) {
                (Some(endpoint), _) => wrong(endpoint, "a client listens on nothing: leave it out"),
                (None, true) => {
                    let nowhere = "(no endpoint)".to_owned();
                    wrong(&nowhere, "a client needs an endpoint to connect to: give --connect")
                }
                (None, false) => Ok(()),
            },
            Part::Robot | Part::Router => Ok(()),
        }
    }
}

fn insert(config: &mut Config, key: &str, value: &Value) -> Result<(), NetworkError> {
    let refused = |error| NetworkError::zenoh(format!("the setting {key} is not taken"), error);
    config.insert_json5(key, &value.to_string()).map_err(refused)
}

/// Checks the name of a robot, which stands in keys and in what is signed.
///
/// # Errors
/// It is not 1 to 32 of the letters `a-z 0-9 _ -`.
pub fn check_name(name: &str) -> Result<(), NetworkError> {
    let letter =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(letter) {
        Ok(())
    } else {
        Err(NetworkError::RobotName(name.to_owned()))
    }
}

fn check_endpoint(endpoint: &str, certified: bool) -> Result<(), NetworkError> {
    let named = endpoint.to_owned();
    let wrong = |why| Err(NetworkError::Endpoint { endpoint: endpoint.to_owned(), why });
    // What stands behind these signs would override the rules, such as `#enable_mtls=false`.
    if endpoint.contains(['#', '?', ';']) {
        return wrong("an endpoint carries no settings of its own: leave out what follows # or ?");
    }
    let Some((protocol, address)) = endpoint.split_once('/') else {
        return wrong("an endpoint is PROTOCOL/ADDRESS, such as tcp/127.0.0.1:7447");
    };
    match protocol {
        "unixsock-stream" if certified => Err(NetworkError::Plain { endpoint: named }),
        "unixsock-stream" if address.is_empty() => wrong("a path is missing behind the /"),
        "unixsock-stream" => Ok(()),
        // Its reading and its writing side share one connection without a lock: issue 2557 of
        // zenoh. A robot has died of it when somebody left.
        "tls" => {
            wrong("tls/ is not safe in the network library: write quic/, which is TLS 1.3 too")
        }
        "tcp" | "udp" | "quic" => {
            let Some((host, port)) = address.rsplit_once(':') else {
                return wrong("a port is missing, as in tcp/127.0.0.1:7447");
            };
            if host.is_empty() || port.parse::<u16>().is_err() {
                return wrong("an address is HOST:PORT, with a port from 0 to 65535");
            }
            match (protocol, certified) {
                ("quic", true) => Ok(()),
                ("tcp" | "udp", true) => Err(NetworkError::Plain { endpoint: named }),
                ("tcp" | "udp", false) if is_loopback(host) => Ok(()),
                _ => Err(NetworkError::Open { endpoint: named }),
            }
        }
        _ => wrong("only tcp/, udp/, quic/ and unixsock-stream/ are used"),
    }
}

/// By its address alone: a name may mean another machine tomorrow.
fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn certificate_file(folder: &Path, name: &str) -> Result<String, NetworkError> {
    let file = folder.join(name);
    let wrong = |why: String| NetworkError::Certificate { file: file.clone(), why };
    fs::File::open(&file).map_err(|error| {
        wrong(format!("cannot be read ({error}); copy it from what `triune keys network` made"))
    })?;
    // zenoh passes the path on in a list whose signs these are.
    match file.to_str() {
        Some(text) if !text.contains([';', '=', '|', '#', '?']) => Ok(text.to_owned()),
        _ => Err(wrong("the path must be text without ; = | # and ?; move the folder".into())),
    }
}

fn key_file(folder: &Path, name: &str) -> Result<String, NetworkError> {
    let path = certificate_file(folder, name)?;
    if others_can_read(Path::new(&path)) {
        let why = "only its owner may read a private key: chmod 600, and make new certificates if \
                   somebody may have read it";
        return Err(NetworkError::Certificate { file: path.into(), why: why.into() });
    }
    Ok(path)
}

/// Others than its owner may read the file.
#[cfg(unix)]
#[must_use]
pub fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o077 != 0)
}

/// What this system does not say.
#[cfg(not(unix))]
#[must_use]
pub const fn others_can_read(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests;
