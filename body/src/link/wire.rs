//! A port, and how frames travel on it.

use core::time::Duration;
use std::path::Path;

use firmware::frame::FRAME_MAX;
use firmware::stream::{PACKET_MAX, StreamReader, encode};

use crate::datagram::UdpPort;
use crate::ethernet::{EthernetPort, UnixDatagramPort};
use crate::port::{Port, PortError};

/// Bytes that are received at once.
const CHUNK: usize = 4096;
/// Most chunks or datagrams that are taken in one look: a wire that never falls silent must not
/// hold the loop up.
const CHUNKS_MAX: usize = 64;
/// The forms of an address.
const FORMS: &str = "write serial:DEVICE@BITS_PER_SECOND, udp:HOST:PORT, ethernet:INTERFACE, \
                     ethernet:INTERFACE/MAC or unix:OWN,PEER";

/// How frames travel on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A stream of bytes: each frame in a packet of [`firmware::stream`].
    Stream,
    /// Datagrams: each is one frame.
    Datagrams,
}

/// A port, and how frames travel on it.
pub struct Wire {
    port: Box<dyn Port>,
    framing: Framing,
    reader: StreamReader,
    unsent: u32,
}

impl Wire {
    /// Frames on this port.
    #[must_use]
    pub fn new(port: Box<dyn Port>, framing: Framing) -> Self {
        Self { port, framing, reader: StreamReader::new(), unsent: 0 }
    }

    /// Opens the port that `address` names:
    ///
    /// | form | what |
    /// |---|---|
    /// | `serial:DEVICE@BITS_PER_SECOND` | a board on a serial port, with the feature `serial` |
    /// | `udp:HOST:PORT` | a board on the network |
    /// | `ethernet:INTERFACE`, `ethernet:INTERFACE/MAC` | a board on the wire of an interface |
    /// | `unix:OWN,PEER` | a board in QEMU with `-netdev dgram` on two sockets |
    ///
    /// Nothing is sent.
    ///
    /// # Errors
    /// [`PortError::Open`]: no such form, or it cannot be opened.
    pub fn open(address: &str) -> Result<Self, PortError> {
        let refused = |why: &str| PortError::Open {
            port: address.to_owned(),
            why: why.to_owned(),
            help: FORMS,
        };
        let (kind, rest) =
            address.split_once(':').ok_or_else(|| refused("it does not say what kind it is"))?;
        let port: Box<dyn Port> = match kind {
            #[cfg(feature = "serial")]
            "serial" => {
                let parts = rest.rsplit_once('@');
                let parts = parts.and_then(|(name, rate)| Some((name, rate.parse().ok()?)));
                let (name, rate) = parts.ok_or_else(|| refused("it names no bits a second"))?;
                let port = crate::SerialPort::open(name, rate)?;
                return Ok(Self::new(Box::new(port), Framing::Stream));
            }
            "udp" => Box::new(UdpPort::open(rest)?),
            "ethernet" => match rest.split_once('/') {
                None => Box::new(EthernetPort::open(rest, None)?),
                Some((interface, mac)) => {
                    let mac = parsed_mac(mac)
                        .ok_or_else(|| refused("a MAC is six bytes such as 02:00:00:00:00:01"))?;
                    Box::new(EthernetPort::open(interface, Some(mac))?)
                }
            },
            "unix" => {
                let (own, peer) = rest
                    .split_once(',')
                    .ok_or_else(|| refused("it names one socket, and a wire has two ends"))?;
                Box::new(UnixDatagramPort::open(Path::new(own), Path::new(peer))?)
            }
            _ => return Err(refused("there is no such kind of link")),
        };
        Ok(Self::new(port, Framing::Datagrams))
    }

    /// Frames that the port had no room for.
    #[must_use]
    pub const fn unsent(&self) -> u32 {
        self.unsent
    }

    /// Sends one frame. What the port has no room for is counted in [`Wire::unsent`].
    ///
    /// # Errors
    /// The port is gone.
    pub fn send(&mut self, frame: &[u8]) -> Result<(), PortError> {
        let mut packet = [0; PACKET_MAX];
        let bytes = match self.framing {
            Framing::Datagrams => Some(frame),
            Framing::Stream => encode(frame, &mut packet).and_then(|length| packet.get(..length)),
        };
        let sent = match bytes {
            Some(bytes) => self.port.send(bytes)?,
            None => false,
        };
        self.unsent = self.unsent.saturating_add(u32::from(!sent));
        Ok(())
    }

    /// Gives `take` each frame that has come, or comes first within `wait`. A packet of a stream
    /// that holds no frame is given as an empty one, so that who takes it counts it. Whether more
    /// may be waiting.
    ///
    /// # Errors
    /// The port is gone.
    pub fn receive(
        &mut self,
        wait: Duration,
        take: &mut impl FnMut(&[u8]),
    ) -> Result<bool, PortError> {
        let mut bytes = [0; CHUNK];
        let mut wait = wait;
        for _ in 0..CHUNKS_MAX {
            let length = self.port.receive(&mut bytes, wait)?;
            let received = bytes.get(..length).unwrap_or_default();
            if received.is_empty() {
                return Ok(false);
            }
            match self.framing {
                Framing::Datagrams => take(received),
                Framing::Stream => {
                    for byte in received {
                        let broken = self.reader.broken();
                        if let Some(frame) = self.reader.take(*byte) {
                            take(frame);
                        } else if self.reader.broken() != broken {
                            take(&[]);
                        }
                    }
                }
            }
            wait = Duration::ZERO;
        }
        Ok(true)
    }
}

/// Six bytes in hexadecimal with colons between.
fn parsed_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

const _: () = assert!(CHUNK >= FRAME_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: C1.
    #[test]
    fn an_address_that_is_none_is_refused_with_the_forms_there_are() {
        for (address, why) in [
            ("", "kind"),
            ("can0", "kind"),
            ("can:can0", "no such kind"),
            ("unix:/tmp/one", "two ends"),
            #[cfg(feature = "serial")]
            ("serial:/dev/ttyACM0", "bits a second"),
            #[cfg(feature = "serial")]
            ("serial:/dev/ttyACM0@fast", "bits a second"),
            ("ethernet:eth0/02:00", "six bytes"),
            ("ethernet:eth0/02:00:00:00:00:0g", "six bytes"),
            ("ethernet:eth0/02:00:00:00:00:01:02", "six bytes"),
        ] {
            let error = Wire::open(address).err().unwrap().to_string();
            assert!(error.contains(why) && error.contains("udp:HOST:PORT"), "{error}");
        }
        assert!(Wire::open("udp:127.0.0.1:9").is_ok());
    }
}
