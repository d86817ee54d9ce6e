//! Ports that carry datagrams: one frame each, whole or not at all.

use core::time::Duration;
use std::io::{self, ErrorKind};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::port::{Port, PortError};

/// Time between two looks at a socket that is waited for.
const LOOK: Duration = Duration::from_micros(200);

/// A UDP socket that talks to one peer.
#[derive(Debug)]
pub struct UdpPort {
    socket: UdpSocket,
    name: String,
}

impl UdpPort {
    /// Opens a socket to `peer`, such as `192.168.1.10:5800`. Nothing is sent, and only what comes
    /// from there is received.
    ///
    /// # Errors
    /// [`PortError::Open`]: the address is none, or the system has no socket or no way there.
    pub fn open(peer: &str) -> Result<Self, PortError> {
        let name = format!("udp:{peer}");
        let connect = || {
            let socket = match peer_family(peer)? {
                Family::Loopback => UdpSocket::bind("127.0.0.1:0"),
                Family::Four => UdpSocket::bind("0.0.0.0:0"),
                Family::Six => UdpSocket::bind("[::]:0"),
            }?;
            socket.connect(peer)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = connect().map_err(|error: io::Error| PortError::Open {
            port: name.clone(),
            why: error.to_string(),
            help: "write udp:HOST:PORT with the address and the port the board listens on",
        })?;
        Ok(Self { socket, name })
    }
}

enum Family {
    Loopback,
    Four,
    Six,
}

fn peer_family(peer: &str) -> io::Result<Family> {
    use std::net::ToSocketAddrs;
    let first = peer.to_socket_addrs()?.next();
    let address = first.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "no such host"))?;
    Ok(match address.ip() {
        ip if ip.is_loopback() && ip.is_ipv4() => Family::Loopback,
        ip if ip.is_ipv4() => Family::Four,
        _ => Family::Six,
    })
}

impl Port for UdpPort {
    fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError> {
        sent(&self.name, self.socket.send(bytes))
    }

    fn receive(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, PortError> {
        received(&self.name, wait, || self.socket.recv(into))
    }
}

/// A pair of datagram sockets in the file system, as QEMU's `-netdev dgram` has them.
#[derive(Debug)]
pub(crate) struct UnixDatagrams {
    socket: UnixDatagram,
    own: PathBuf,
    peer: PathBuf,
    name: String,
}

impl UnixDatagrams {
    /// Makes the socket `own`, and sends to the socket `peer`, which may come later.
    pub(crate) fn open(own: &Path, peer: &Path) -> Result<Self, PortError> {
        let name = format!("unix:{},{}", own.display(), peer.display());
        // A socket that a program left behind is in the way of the next one.
        let _ = std::fs::remove_file(own);
        let bind = || {
            let socket = UnixDatagram::bind(own)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = bind().map_err(|error: io::Error| PortError::Open {
            port: name.clone(),
            why: error.to_string(),
            help: "write unix:OWN,PEER with the paths of two sockets in a folder you may write to",
        })?;
        Ok(Self { socket, own: own.into(), peer: peer.into(), name })
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> Result<bool, PortError> {
        match self.socket.send_to(bytes, &self.peer) {
            // The emulator has not made its socket yet, or is gone; it may come again.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            result => sent(&self.name, result),
        }
    }

    pub(crate) fn receive(&self, into: &mut [u8], wait: Duration) -> Result<usize, PortError> {
        received(&self.name, wait, || self.socket.recv(into))
    }
}

impl Drop for UnixDatagrams {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.own);
    }
}

/// What the system says to a datagram that was sent. A peer that does not listen is silence, not a
/// broken port: it may begin to.
pub(crate) fn sent(port: &str, result: io::Result<usize>) -> Result<bool, PortError> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if is_passing(&error) => Ok(false),
        Err(error) => Err(PortError::Gone { port: port.to_owned(), why: error.to_string() }),
    }
}

/// Looks for a datagram until `wait` is over; its length, zero for none.
pub(crate) fn received(
    port: &str,
    wait: Duration,
    mut look: impl FnMut() -> io::Result<usize>,
) -> Result<usize, PortError> {
    let until = (wait > Duration::ZERO).then(|| Instant::now() + wait);
    loop {
        match look() {
            // An empty datagram is nothing, and the next one may be waiting behind it.
            Ok(0) => {}
            Ok(length) => return Ok(length),
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                return Err(PortError::Gone { port: port.to_owned(), why: error.to_string() });
            }
        }
        let left =
            until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        if left == Duration::ZERO {
            return Ok(0);
        }
        std::thread::sleep(left.min(LOOK));
    }
}

/// The socket itself is well.
fn is_passing(error: &io::Error) -> bool {
    let full = error.raw_os_error() == Some(nix::errno::Errno::ENOBUFS as i32);
    let kinds = [ErrorKind::WouldBlock, ErrorKind::Interrupted, ErrorKind::ConnectionRefused];
    full || kinds.contains(&error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Clauses: S7.
    #[test]
    fn only_the_peer_is_heard_and_a_silent_one_is_no_error() {
        let board = UdpSocket::bind("127.0.0.1:0").unwrap();
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut port = UdpPort::open(&board.local_addr().unwrap().to_string()).unwrap();
        let mut bytes = [0; 64];
        assert_eq!(port.receive(&mut bytes, Duration::ZERO).unwrap(), 0);
        assert!(port.send(b"who").unwrap());
        let (length, host) = board.recv_from(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"who");
        stranger.send_to(b"liar", host).unwrap();
        board.send_to(b"me", host).unwrap();
        let length = port.receive(&mut bytes, PATIENCE).unwrap();
        assert_eq!(&bytes[..length], b"me");
        assert_eq!(port.receive(&mut bytes, Duration::ZERO).unwrap(), 0);
        // Nobody listens any more: the system says so, and the port goes on.
        drop(board);
        for _ in 0..5 {
            port.send(b"still there?").unwrap();
            assert_eq!(port.receive(&mut bytes, Duration::ZERO).unwrap(), 0);
        }
    }

    /// Clauses: C1.
    #[test]
    fn a_peer_that_is_no_address_is_refused_with_the_form() {
        for wrong in ["", "board", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999"] {
            let error = UdpPort::open(wrong).unwrap_err().to_string();
            assert!(error.contains("udp:HOST:PORT"), "{error}");
        }
    }
}
