//! Hosts and wires made of network namespaces, for tests.
//!
//! [`Hosts`] makes hosts that are joined by wires through a namespace in the middle:
//! `left -- middle -- right`. Host `i` has the address `10.77.i.1`, the middle's end of its wire
//! `10.77.i.254`, which is also its way to everywhere else. Nothing passes the middle unless a
//! [`crate::proxy`] runs there or [`Hosts::route`] was called. There is no IPv6.
//!
//! The namespaces have no names: each is held by an open file of this process. So tests run side by
//! side, and nothing is left behind, not even by a test that panics or is killed. It takes the
//! right to make namespaces, and `ip` of iproute2. Who is not root runs the tests in
//! `unshare --map-root-user --net`.

pub mod packets;

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use packets::Interface;

/// Most hosts on one middle.
pub const HOSTS_MAX: u8 = 32;
/// The interface of a host, at its end of the wire.
pub const WIRE: &str = "wire";

/// Bytes of the largest packet on a wire: a datagram of any size is one packet.
const PACKET_MAX: &str = "65535";
/// Number of the middle's first end of a wire.
const FIRST_NUMBER: u32 = 1000;
/// After so long a wire that does not carry is broken.
const CARRIES_WITHIN: Duration = Duration::from_secs(20);
/// Where a kernel with IPv6 keeps what turns it off.
const IPV6: &str = "/proc/sys/net/ipv6/conf";

/// Why there are no hosts.
#[derive(Debug)]
pub enum NoNetwork {
    /// This machine lacks something: what.
    Missing(String),
    /// Not permitted here: what, and why.
    Forbidden(String),
    /// A command failed: which, and what it said.
    Refused(String, String),
    /// A file or a process.
    Io(io::Error),
}

impl fmt::Display for NoNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "no network namespaces: install {what}"),
            Self::Forbidden(why) => write!(
                f,
                "no network namespaces: not permitted here: {why}; be root, or run in \
                 `unshare --map-root-user --net`"
            ),
            Self::Refused(command, said) => write!(f, "`{command}` failed: {said}"),
            Self::Io(error) => write!(f, "network namespaces: {error}"),
        }
    }
}

impl std::error::Error for NoNetwork {}

impl From<io::Error> for NoNetwork {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Says what is missing or not permitted and returns `None`, so that a test can return; with
/// `CI=true` nothing may be missing, and any other failure is one.
///
/// # Panics
/// As said.
pub fn or_skip<T>(hosts: Result<T, NoNetwork>) -> Option<T> {
    match hosts {
        Ok(hosts) => Some(hosts),
        Err(why @ (NoNetwork::Missing(_) | NoNetwork::Forbidden(_)))
            if std::env::var_os("CI").is_none() =>
        {
            eprintln!("skipped: {why}");
            None
        }
        #[expect(clippy::panic, reason = "only tests call it")]
        Err(failure) => panic!("{failure}"),
    }
}

/// A network namespace. It is gone when its last clone, its last process and its last socket are.
#[derive(Clone, Debug)]
pub struct Namespace(Arc<File>);

impl Namespace {
    /// A new one: its loopback is up, IPv6 is off, nothing else is in it.
    ///
    /// # Errors
    /// It is not permitted here, or `ip` is missing.
    pub fn new() -> Result<Self, NoNetwork> {
        // Only the thread that leaves its namespace is in the new one.
        let made = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| forbidden(error, "unshare"))?;
            Ok::<_, NoNetwork>(File::open("/proc/thread-self/ns/net")?)
        });
        let namespace = Self(Arc::new(made?));
        namespace.inside(ipv6_off)??;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Does `work` on a thread that is in the namespace. Sockets it opens, threads and processes it
    /// starts belong to the namespace from then on.
    ///
    /// # Errors
    /// The namespace cannot be entered.
    ///
    /// # Panics
    /// `work` does.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_a_thread(|| {
            setns(&*self.0, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })
    }

    /// Starts a command in the namespace.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        self.inside(|| command.spawn())?
    }

    /// Runs `ip` with these words in the namespace, and returns what it said.
    ///
    /// # Errors
    /// `ip` is missing, or said no.
    pub fn ip(&self, words: &str) -> Result<String, NoNetwork> {
        let mut command = Command::new("ip");
        command.args(words.split_whitespace());
        let output = match self.inside(|| command.output())? {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(NoNetwork::Missing("iproute2 (ip)".to_owned()));
            }
            output => output?,
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let command = format!("ip {words}");
        Err(if said.contains("not permitted") || said.contains("Unknown device type") {
            NoNetwork::Forbidden(format!("`{command}`: {said}"))
        } else {
            NoNetwork::Refused(command, said)
        })
    }

    /// The interfaces with their counters.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn interfaces(&self) -> io::Result<Vec<Interface>> {
        self.inside(packets::interfaces)?
    }

    /// Packets that have passed the interfaces other than loopback, both ways together.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn packets(&self) -> io::Result<u64> {
        let outer = self.interfaces()?;
        let outer = outer.iter().filter(|interface| interface.name != "lo");
        Ok(outer.map(|interface| interface.sent + interface.received).sum())
    }

    /// Waits until an interface carries packets. Before, it drops them without a word.
    fn wait_for(&self, interface: &str) -> Result<(), NoNetwork> {
        let end = Instant::now() + CARRIES_WITHIN;
        while !self.ip(&format!("link show {interface}"))?.contains("state UP") {
            if Instant::now() > end {
                let rule = format!("{interface} does not carry within {CARRIES_WITHIN:?}");
                return Err(NoNetwork::Io(io::Error::new(io::ErrorKind::TimedOut, rule)));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// How `ip` of another namespace calls it, as long as this process lives.
    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

/// Hosts and the namespace in the middle. Dropping it removes all.
#[derive(Debug)]
pub struct Hosts {
    hosts: Vec<Namespace>,
    middle: Namespace,
}

impl Hosts {
    /// `count` hosts, 1 to [`HOSTS_MAX`], each with a wire to the middle.
    ///
    /// # Errors
    /// It is not permitted here, `ip` is missing, or `count` is out of range.
    pub fn new(count: u8) -> Result<Self, NoNetwork> {
        if !(1..=HOSTS_MAX).contains(&count) {
            let rule = format!("{count} hosts: 1 to {HOSTS_MAX} fit on one middle");
            return Err(NoNetwork::Io(io::Error::new(io::ErrorKind::InvalidInput, rule)));
        }
        let middle = Namespace::new()?;
        let mut hosts = Vec::new();
        for index in 0..count {
            let host = Namespace::new()?;
            connect(&host, &middle, index)?;
            hosts.push(host);
        }
        Ok(Self { hosts, middle })
    }

    /// Two hosts: [`Hosts::left`] and [`Hosts::right`].
    ///
    /// # Errors
    /// It is not permitted here, or `ip` is missing.
    pub fn two() -> Result<Self, NoNetwork> {
        Self::new(2)
    }

    /// Host `index`, counted from 0.
    ///
    /// # Panics
    /// There are fewer.
    #[must_use]
    pub fn host(&self, index: u8) -> &Namespace {
        &self.hosts[usize::from(index)]
    }

    /// The first host, `10.77.0.1`.
    #[must_use]
    pub fn left(&self) -> &Namespace {
        self.host(0)
    }

    /// The second host, `10.77.1.1`.
    ///
    /// # Panics
    /// There is only one.
    #[must_use]
    pub fn right(&self) -> &Namespace {
        self.host(1)
    }

    /// The namespace between the hosts, with one end of each wire.
    #[must_use]
    pub const fn middle(&self) -> &Namespace {
        &self.middle
    }

    /// From now on the middle hands packets on between the hosts, unchanged and uncounted.
    ///
    /// # Errors
    /// It is not permitted here.
    pub fn route(&self) -> Result<(), NoNetwork> {
        let switch = Path::new("/proc/sys/net/ipv4/ip_forward");
        Ok(self.middle.inside(|| fs::write(switch, "1"))??)
    }
}

/// Address of host `index`.
#[must_use]
pub const fn address(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, index, 1)
}

/// Address of the middle as host `index` sees it.
#[must_use]
pub const fn gate(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, index, 254)
}

/// An address with a port.
#[must_use]
pub const fn at(address: Ipv4Addr, port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(address, port))
}

/// Lays the wire between a host and the middle.
fn connect(host: &Namespace, middle: &Namespace, index: u8) -> Result<(), NoNetwork> {
    let (own, gate, there) = (address(index), gate(index), host.path());
    let end = format!("host{index}");
    // The kernel is slow to notice that a wire carries whose two ends have the same number.
    let number = FIRST_NUMBER + u32::from(index);
    middle.ip(&format!(
        "link add {end} index {number} mtu {PACKET_MAX} type veth \
         peer name {WIRE} mtu {PACKET_MAX} netns {there}"
    ))?;
    middle.ip(&format!("address add {gate}/24 dev {end}"))?;
    middle.ip(&format!("link set {end} up"))?;
    host.ip(&format!("address add {own}/24 dev {WIRE}"))?;
    host.ip(&format!("link set {WIRE} up"))?;
    host.ip(&format!("route add default via {gate}"))?;
    middle.wait_for(&end)?;
    host.wait_for(WIRE)
}

/// Without an address of its own an interface of IPv6 still tells the wire about itself.
fn ipv6_off() -> Result<(), NoNetwork> {
    if !Path::new(IPV6).exists() {
        return Ok(());
    }
    for which in ["all", "default"] {
        let file = format!("{IPV6}/{which}/disable_ipv6");
        fs::write(&file, "1")
            .map_err(|error| NoNetwork::Forbidden(format!("{file} cannot be written: {error}")))?;
    }
    Ok(())
}

fn forbidden(error: Errno, what: &str) -> NoNetwork {
    match error {
        Errno::EPERM | Errno::ENOSYS | Errno::EINVAL | Errno::ENOSPC => {
            NoNetwork::Forbidden(format!("{what}: {}", error.desc()))
        }
        error => NoNetwork::Io(error.into()),
    }
}

/// Does `work` on a thread of its own, which ends with it: a thread that has changed its namespace
/// must do nothing else.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let result = thread::scope(|scope| scope.spawn(work).join());
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests;
