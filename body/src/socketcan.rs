//! CAN through the sockets of Linux.

use core::time::Duration;
use std::io::{Error, ErrorKind};

use motors::can::{CanFrame, CanId};
use socketcan::{
    CanAnyFrame, CanDataFrame, CanFdFrame, CanFdSocket, EmbeddedFrame, ExtendedId, Id, Socket,
    StandardId, id::FdFlags,
};

use crate::{CanPort, PortError};

/// A CAN interface of this computer, such as `can0`. Its rates are set outside, by `ip link`.
#[derive(Debug)]
pub struct SocketCan {
    name: String,
    socket: CanFdSocket,
    refused: u32,
}

impl SocketCan {
    /// Opens the interface `name`.
    ///
    /// # Errors
    /// There is none of this name, or this computer has no CAN sockets.
    pub fn open(name: &str) -> Result<Self, PortError> {
        let help = "see `ip link`; bring it up with `ip link set can0 up type can bitrate 1000000 \
                    dbitrate 5000000 fd on`";
        let failed =
            |why: Error| PortError::Open { port: name.to_owned(), why: why.to_string(), help };
        let socket = CanFdSocket::open(name).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Self { name: name.to_owned(), socket, refused: 0 })
    }

    fn gone(&self, why: &Error) -> PortError {
        PortError::Gone { port: self.name.clone(), why: why.to_string() }
    }
}

impl CanPort for SocketCan {
    fn send(&mut self, frame: &CanFrame) -> Result<bool, PortError> {
        let Some(frame) = to_socket(frame) else { return Ok(false) };
        match self.socket.write_frame(&frame) {
            Ok(()) => Ok(true),
            Err(why) if is_full(&why) => Ok(false),
            Err(why) => Err(self.gone(&why)),
        }
    }

    fn receive(&mut self, wait: Duration) -> Result<Option<CanFrame>, PortError> {
        loop {
            let frame = if wait.is_zero() {
                self.socket.read_frame()
            } else {
                self.socket.read_frame_timeout(wait)
            };
            match frame {
                Ok(frame) => match from_socket(&frame) {
                    Some(frame) => return Ok(Some(frame)),
                    // A remote frame, or the kernel's word of an error on the bus.
                    None => self.refused = self.refused.saturating_add(1),
                },
                Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(why) => return Err(self.gone(&why)),
            }
        }
    }

    fn refused(&self) -> u32 {
        self.refused
    }
}

/// The kernel has no room for the frame: `ENOBUFS`, or the socket would block.
fn is_full(why: &Error) -> bool {
    const NO_BUFFER_SPACE: i32 = 105;
    why.kind() == ErrorKind::WouldBlock || why.raw_os_error() == Some(NO_BUFFER_SPACE)
}

/// Our frame as the kernel takes it.
fn to_socket(frame: &CanFrame) -> Option<CanAnyFrame> {
    let id: Id = match frame.id() {
        CanId::Standard(id) => StandardId::new(id)?.into(),
        CanId::Extended(id) => ExtendedId::new(id)?.into(),
    };
    if frame.is_flexible() {
        CanFdFrame::with_flags(id, frame.data(), FdFlags::BRS).map(Into::into)
    } else {
        CanDataFrame::new(id, frame.data()).map(Into::into)
    }
}

/// The kernel's frame as ours; `None` for one that carries no data.
fn from_socket(frame: &CanAnyFrame) -> Option<CanFrame> {
    let id = |id: Id| match id {
        Id::Standard(id) => CanId::Standard(id.as_raw()),
        Id::Extended(id) => CanId::Extended(id.as_raw()),
    };
    match frame {
        CanAnyFrame::Normal(frame) => CanFrame::classic(id(frame.id()), frame.data()),
        CanAnyFrame::Fd(frame) => CanFrame::flexible(id(frame.id()), frame.data(), 0),
        CanAnyFrame::Remote(_) | CanAnyFrame::Error(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use socketcan::CanRemoteFrame;

    use super::*;

    /// Clauses: M4.
    #[test]
    fn frames_pass_both_ways_unchanged() {
        let frames = [
            CanFrame::classic(CanId::Standard(0x7FF), &[1, 2, 3]).unwrap(),
            CanFrame::classic(CanId::Extended(0x7FF), &[]).unwrap(),
            CanFrame::eight(CanId::Extended(0x1FFF_FFFF), [9; 8]),
            CanFrame::flexible(CanId::Extended(0x8001), &[7; 48], 0).unwrap(),
            CanFrame::flexible(CanId::Standard(1), &[], 0).unwrap(),
        ];
        for frame in frames {
            let there = to_socket(&frame).unwrap();
            assert_eq!(from_socket(&there), Some(frame));
            let is_flexible = matches!(there, CanAnyFrame::Fd(fd) if fd.is_brs());
            assert_eq!(is_flexible, frame.is_flexible());
        }
        let remote = CanRemoteFrame::new_remote(StandardId::new(1).unwrap(), 8).unwrap();
        assert_eq!(from_socket(&remote.into()), None);
    }

    /// Clauses: M4.
    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = SocketCan::open("nocan0").unwrap_err().to_string();
        assert!(error.starts_with("nocan0: cannot be opened") && error.contains("ip link"));
    }
}
