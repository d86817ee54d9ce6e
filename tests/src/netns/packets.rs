//! What goes over the interfaces of a namespace, and which sockets are in it.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use nix::errno::Errno;
use nix::net::if_::if_indextoname;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::Namespace;

/// State of a TCP socket that waits for connections, as `/proc/net/tcp` writes it.
const LISTENING: &str = "0A";
/// Most frames a capture describes; it counts all.
const DESCRIBED_MAX: usize = 32;
/// Bytes of a frame that are looked at: the headers.
const LOOKED_AT: usize = 128;
/// How long one look for a frame lasts (ms).
const LOOK_MS: i64 = 20;
/// `sll_pkttype` of a frame that this host sends.
const OUTGOING: u8 = 4;
/// Types of the frames that are described.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
const ARP: u16 = 0x0806;
/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;

/// The counters of an interface since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Packets that came in.
    pub received: u64,
    /// Packets that went out.
    pub sent: u64,
    /// Bytes that went out.
    pub sent_bytes: u64,
}

/// The interfaces of the namespace this thread is in.
pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    // Not /proc/net: that is the namespace of the main thread.
    let text = fs::read_to_string("/proc/thread-self/net/dev")?;
    Ok(text.lines().filter_map(interface).collect())
}

/// One line of `/proc/net/dev`: the name, 8 counters of what came in, 8 of what went out.
fn interface(line: &str) -> Option<Interface> {
    let (name, counters) = line.split_once(':')?;
    let mut counters = counters.split_whitespace().map(str::parse::<u64>);
    let (received, sent_bytes) = (counters.nth(1)?.ok()?, counters.nth(6)?.ok()?);
    let sent = counters.next()?.ok()?;
    Some(Interface { name: name.trim().to_owned(), received, sent, sent_bytes })
}

/// A socket of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// TCP; else UDP.
    pub is_tcp: bool,
    /// Its own address.
    pub local: SocketAddr,
    /// It takes what others begin: a TCP socket that listens, a UDP socket that has no peer.
    pub is_open: bool,
}

/// The TCP and UDP sockets in the network namespace of a process.
///
/// # Errors
/// There is no such process.
pub fn sockets(process: u32) -> io::Result<Vec<Socket>> {
    let mut found = Vec::new();
    for (name, is_tcp) in [("tcp", true), ("tcp6", true), ("udp", false), ("udp6", false)] {
        let text = match fs::read_to_string(format!("/proc/{process}/net/{name}")) {
            // A kernel without IPv6.
            Err(error) if error.kind() == io::ErrorKind::NotFound && name.ends_with('6') => {
                continue;
            }
            text => text?,
        };
        found.extend(text.lines().skip(1).filter_map(|line| entry(line, is_tcp)));
    }
    Ok(found)
}

/// One line of `/proc/net/tcp` or its like: number, own address, peer, state.
fn entry(line: &str, is_tcp: bool) -> Option<Socket> {
    let mut words = line.split_whitespace().skip(1);
    let (local, peer, state) = (end(words.next()?)?, end(words.next()?)?, words.next()?);
    let is_open = if is_tcp { state == LISTENING } else { peer.port() == 0 };
    Some(Socket { is_tcp, local, is_open })
}

/// `0100007F:1D17`: words of the address in the order of this machine, and the port.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(address.get(at..at + 8)?, 16).ok();
    let address = if address.len() == 8 {
        IpAddr::V4(Ipv4Addr::from(word(0)?.to_ne_bytes()))
    } else {
        let mut bytes = [0; 16];
        for (index, four) in bytes.chunks_exact_mut(4).enumerate() {
            four.copy_from_slice(&word(index * 8)?.to_ne_bytes());
        }
        IpAddr::V6(Ipv6Addr::from(bytes))
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

/// What a capture has seen, without what passed over loopback.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Frames that went out.
    pub sent: u64,
    /// Frames that came in.
    pub received: u64,
    /// The first of them, one line each, for people.
    pub lines: Vec<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent, {} received: {:#?}", self.sent, self.received, self.lines)
    }
}

/// Looks at every frame on every interface of a namespace, until it is asked what it saw.
#[derive(Debug)]
pub struct Capture {
    is_over: Arc<AtomicBool>,
    watcher: Option<JoinHandle<io::Result<Seen>>>,
}

impl Capture {
    /// Sees all that passes from when this returns.
    ///
    /// # Errors
    /// It is not permitted.
    pub fn start(namespace: &Namespace) -> io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let watcher = namespace.inside(|| {
            let (kind, flags) = (SockType::Raw, SockFlag::SOCK_CLOEXEC);
            let frames = socket(AddressFamily::Packet, kind, flags, SockProtocol::EthAll)?;
            setsockopt(&frames, ReceiveTimeout, &TimeVal::milliseconds(LOOK_MS))?;
            let is_over = Arc::clone(&is_over);
            // A thread is in the namespace of the one that started it.
            Ok::<_, io::Error>(thread::spawn(move || watch(&frames, &is_over)))
        })??;
        Ok(Self { is_over, watcher: Some(watcher) })
    }

    /// Ends it.
    ///
    /// # Errors
    /// The socket broke.
    pub fn finish(mut self) -> io::Result<Seen> {
        self.is_over.store(true, Ordering::Release);
        let watched = self.watcher.take().map(JoinHandle::join);
        let watched = watched.and_then(Result::ok);
        watched.unwrap_or_else(|| Err(io::Error::other("the capture broke off")))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

/// After the end it goes on until nothing is left to look at.
fn watch(frames: &OwnedFd, is_over: &AtomicBool) -> io::Result<Seen> {
    let mut seen = Seen::default();
    let mut frame = [0; LOOKED_AT];
    loop {
        let (length, from) = match recvfrom::<LinkAddr>(frames.as_raw_fd(), &mut frame) {
            Ok((length, Some(from))) => (length, from),
            Ok((_, None)) | Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) if is_over.load(Ordering::Acquire) => return Ok(seen),
            // An interface that goes down says so once.
            Err(Errno::EAGAIN | Errno::ENETDOWN) => continue,
            Err(error) => return Err(error.into()),
        };
        let index = u32::try_from(from.ifindex()).unwrap_or_default();
        let name = if_indextoname(index).map_or_else(
            |_| format!("interface {index}"),
            |name| name.to_string_lossy().into_owned(),
        );
        if name == "lo" {
            continue;
        }
        let is_sent = from.pkttype() == OUTGOING;
        *if is_sent { &mut seen.sent } else { &mut seen.received } += 1;
        if seen.lines.len() < DESCRIBED_MAX {
            let way = if is_sent { "sends" } else { "receives" };
            let kept = &frame[..length.min(LOOKED_AT)];
            seen.lines.push(format!("{name} {way} {}", describe(kept)));
        }
    }
}

/// For people.
fn describe(frame: &[u8]) -> String {
    let Some((header, packet)) = frame.split_at_checked(ETHERNET) else {
        return format!("{frame:02x?}");
    };
    match u16::from_be_bytes([header[12], header[13]]) {
        IPV4 => ipv4(packet).unwrap_or_else(|| format!("broken IPv4 {packet:02x?}")),
        IPV6 => format!("IPv6 {packet:02x?}"),
        ARP => "a question or an answer about an address (ARP)".to_owned(),
        other => format!("type {other:04x} {packet:02x?}"),
    }
}

fn ipv4(packet: &[u8]) -> Option<String> {
    let protocol = match *packet.get(9)? {
        1 => "ICMP".to_owned(),
        2 => "IGMP".to_owned(),
        6 => "TCP".to_owned(),
        17 => "UDP".to_owned(),
        other => format!("protocol {other}"),
    };
    let address = |at: usize| {
        let bytes: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes))
    };
    let header = usize::from(packet[0] & 0x0F) * 4;
    let port = |at: usize| {
        let bytes = packet.get(header + at..header + at + 2);
        bytes.map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let (from, to) = (address(12)?, address(16)?);
    Some(format!("{protocol} from {from}:{} to {to}:{}", port(0), port(2)))
}
