//! Frames on Ethernet without a network stack: EtherType 0x88B5, which IEEE 802 leaves to local
//! experiments. A board answers within a wire's length, and nothing is routed anywhere.

use core::time::Duration;
use std::io;
use std::path::Path;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{LinkAddr, bind};
use socket2::{Domain, Protocol, Socket, Type};
use std::os::fd::AsRawFd;

use crate::datagram::{UnixDatagrams, received, sent};
use crate::port::{Port, PortError};

/// The type of frames that carry the joint bus.
pub const ETHER_TYPE: u16 = 0x88B5;

/// The address of every station.
const BROADCAST: Mac = [0xff; 6];
/// Destination, source and type.
const HEADER: usize = 14;
/// Shortest and longest frame without its checksum.
const LEAST: usize = 60;
const MOST: usize = 1514;
/// The host's address on a wire that is only two sockets: locally administered.
const HOST_ON_SOCKETS: Mac = [0x02, 0, 0, 0, 0, 0x02];

type Mac = [u8; 6];

/// Puts frames of the joint bus into Ethernet frames and takes them out again.
#[derive(Clone, Copy, Debug)]
struct Station {
    own: Mac,
    /// `None`: whoever answers.
    peer: Option<Mac>,
}

impl Station {
    /// The Ethernet frame around `bytes`; `None` where there are too many.
    fn wrap<'a>(&self, bytes: &[u8], frame: &'a mut [u8; MOST]) -> Option<&'a [u8]> {
        let end = HEADER + bytes.len();
        frame.get_mut(HEADER..end)?.copy_from_slice(bytes);
        frame[..6].copy_from_slice(&self.peer.unwrap_or(BROADCAST));
        frame[6..12].copy_from_slice(&self.own);
        frame[12..HEADER].copy_from_slice(&ETHER_TYPE.to_be_bytes());
        let padded = end.max(LEAST);
        frame[end..padded].fill(0);
        frame.get(..padded)
    }

    /// What an Ethernet frame holds, if it is for this station, from its peer, and of this type.
    fn unwrap<'a>(&self, frame: &'a [u8]) -> Option<&'a [u8]> {
        let (head, body) = frame.split_at_checked(HEADER)?;
        let (to, from) = (head.get(..6)?, head.get(6..12)?);
        let for_us = to == self.own || to == BROADCAST;
        let expected = from != self.own && self.peer.is_none_or(|peer| from == peer);
        let ours = head.get(12..)? == ETHER_TYPE.to_be_bytes();
        (for_us && expected && ours).then_some(body)
    }
}

/// A network interface, used without a network stack. It needs the right `CAP_NET_RAW`.
#[derive(Debug)]
pub struct EthernetPort {
    socket: Socket,
    station: Station,
    name: String,
}

impl EthernetPort {
    /// Opens the interface of this name. With `peer` only the board with this address is talked to
    /// and heard.
    ///
    /// # Errors
    /// [`PortError::Open`]: there is no such interface, or the program may not use it so.
    pub fn open(interface: &str, peer: Option<[u8; 6]>) -> Result<Self, PortError> {
        let name = format!("ethernet:{interface}");
        let open = || -> io::Result<_> {
            let link = link_address(interface)?;
            let own = link.addr().unwrap_or_default();
            let of_type = Protocol::from(i32::from(ETHER_TYPE.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(of_type))?;
            socket.set_nonblocking(true)?;
            // The address names no type: the socket keeps the one it was made for.
            bind(socket.as_raw_fd(), &link)?;
            Ok((socket, own))
        };
        let (socket, own) = open().map_err(|error| PortError::Open {
            port: name.clone(),
            why: error.to_string(),
            help: "name an interface that `ip link` shows as UP, and give the program the right: \
                   sudo setcap cap_net_raw+ep triune",
        })?;
        Ok(Self { socket, station: Station { own, peer }, name })
    }
}

/// The address of an interface in the layer of links.
fn link_address(interface: &str) -> io::Result<LinkAddr> {
    let mut all = getifaddrs()?.filter(|address| address.interface_name == interface);
    let link = all.find_map(|address| address.address?.as_link_addr().copied());
    link.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such interface"))
}

impl Port for EthernetPort {
    fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError> {
        let mut frame = [0; MOST];
        match self.station.wrap(bytes, &mut frame) {
            Some(frame) => sent(&self.name, self.socket.send(frame)),
            None => Ok(false),
        }
    }

    fn receive(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, PortError> {
        use std::io::Read;
        let Self { socket, station, name } = self;
        let mut socket = &*socket;
        unwrapped(into, |frame| received(name, wait, || socket.read(frame)), *station)
    }
}

/// Ethernet frames between two sockets of this machine, as QEMU's `-netdev dgram` carries them.
#[derive(Debug)]
pub struct UnixDatagramPort {
    sockets: UnixDatagrams,
    station: Station,
}

impl UnixDatagramPort {
    /// Makes the socket `own` and talks to the socket `peer`.
    ///
    /// # Errors
    /// [`PortError::Open`]: the socket cannot be made.
    pub fn open(own: &Path, peer: &Path) -> Result<Self, PortError> {
        let station = Station { own: HOST_ON_SOCKETS, peer: None };
        Ok(Self { sockets: UnixDatagrams::open(own, peer)?, station })
    }
}

impl Port for UnixDatagramPort {
    fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError> {
        let mut frame = [0; MOST];
        match self.station.wrap(bytes, &mut frame) {
            Some(frame) => self.sockets.send(frame),
            None => Ok(false),
        }
    }

    fn receive(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, PortError> {
        unwrapped(into, |frame| self.sockets.receive(frame, wait), self.station)
    }
}

/// Most frames of others that are passed over in one call.
const FOREIGN_MAX: usize = 64;

/// Receives until a frame is one of ours; its length, zero for none.
fn unwrapped(
    into: &mut [u8],
    mut receive: impl FnMut(&mut [u8]) -> Result<usize, PortError>,
    station: Station,
) -> Result<usize, PortError> {
    let mut frame = [0; MOST];
    for _ in 0..FOREIGN_MAX {
        let length = receive(&mut frame)?;
        if length == 0 {
            return Ok(0);
        }
        let body = frame.get(..length).and_then(|frame| station.unwrap(frame));
        if let Some((body, place)) = body.and_then(|b| Some((b, into.get_mut(..b.len())?))) {
            place.copy_from_slice(body);
            return Ok(body.len());
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Clauses: M4.
    #[test]
    fn only_frames_of_ours_are_taken_out() {
        let (own, peer) = ([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1]);
        let host = Station { own, peer: Some(peer) };
        let board = Station { own: peer, peer: None };
        let mut frame = [9; MOST];
        let wrapped = host.wrap(b"hello", &mut frame).unwrap();
        assert_eq!((wrapped.len(), &wrapped[..6]), (LEAST, &peer[..]));
        assert_eq!(board.unwrap(wrapped).unwrap()[..6], *b"hello\0");
        assert_eq!(host.unwrap(wrapped), None, "one's own frame");
        let mut frame = [9; MOST];
        let answer = board.wrap(&[7; 200], &mut frame).unwrap().to_vec();
        assert_eq!(host.unwrap(&answer), Some(&[7; 200][..]));
        // Another station, another peer, another type, half a header.
        for (place, byte) in [(0, 2), (11, 9), (12, 8)] {
            let mut other = answer.clone();
            other[place] = byte;
            assert_eq!(host.unwrap(&other), None, "{place}");
        }
        assert_eq!(host.unwrap(&answer[..10]), None);
        assert_eq!(host.wrap(&[0; 1501], &mut frame), None, "longer than a frame can be");
    }

    /// Clauses: M4.
    #[test]
    fn two_sockets_are_a_wire() {
        let folder = std::env::temp_dir();
        let path = |end: &str| folder.join(format!("wire-{}-{end}", std::process::id()));
        let mut host = UnixDatagramPort::open(&path("a"), &path("b")).unwrap();
        assert!(!host.send(b"nobody there").unwrap());
        let mut board = UnixDatagramPort::open(&path("b"), &path("a")).unwrap();
        board.station.own[5] = 1;
        assert!(host.send(b"hello").unwrap());
        let mut bytes = [0; MOST];
        let length = board.receive(&mut bytes, PATIENCE).unwrap();
        assert_eq!(&bytes[..5], b"hello");
        assert_eq!(length, LEAST - HEADER, "padding stays");
        assert_eq!(board.receive(&mut bytes, Duration::ZERO).unwrap(), 0);
    }

    /// Clauses: C1.
    #[test]
    fn an_interface_that_is_not_there_is_refused_by_name() {
        let error = EthernetPort::open("no-such-wire", None).unwrap_err().to_string();
        assert!(error.contains("ethernet:no-such-wire") && error.contains("ip link"), "{error}");
    }

    /// Two virtual interfaces that are plugged into each other, while it lives.
    struct Pair([String; 2]);

    impl Pair {
        /// `None` where the machine does not let this program make one.
        fn new() -> Option<Self> {
            let [one, other] = ["a", "b"].map(|end| format!("jb{}{end}", std::process::id()));
            let ip = |line: String| {
                let mut command = Command::new("ip");
                command.args(line.split(' ')).output().is_ok_and(|out| out.status.success())
            };
            let made = ip(format!("link add {one} type veth peer name {other}"))
                && ip(format!("link set {one} up"))
                && ip(format!("link set {other} up"));
            made.then_some(Self([one, other]))
        }
    }

    impl Drop for Pair {
        fn drop(&mut self) {
            let _ = Command::new("ip").args(["link", "del", &self.0[0]]).output();
        }
    }

    /// Clauses: M4.
    #[test]
    fn frames_pass_a_virtual_cable_of_the_kernel() {
        let Some(pair) = Pair::new() else {
            eprintln!("skipped: this test needs the right to make network interfaces");
            return;
        };
        let mut host = EthernetPort::open(&pair.0[0], None).unwrap();
        let mut board = EthernetPort::open(&pair.0[1], Some(host.station.own)).unwrap();
        let mut bytes = [0; MOST];
        for round in 0..50_u8 {
            assert!(host.send(&[round; 100]).unwrap());
            let length = board.receive(&mut bytes, PATIENCE).unwrap();
            assert_eq!((length, bytes[99]), (100, round));
            assert!(board.send(&[round; 300]).unwrap());
            let length = host.receive(&mut bytes, PATIENCE).unwrap();
            assert_eq!((length, bytes[299]), (300, round));
        }
        let name = pair.0[0].clone();
        drop(pair);
        // The cable is gone: the port says which one, now or with the next frame.
        let gone = (0..10).find_map(|_| {
            host.send(&[1; 64]).err().or_else(|| host.receive(&mut bytes, Duration::ZERO).err())
        });
        assert!(gone.unwrap().to_string().contains(&name));
    }
}
