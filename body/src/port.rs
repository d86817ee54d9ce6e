//! A way to bytes on a wire: a serial port, a socket, an emulator.

use core::time::Duration;

/// Why a port does not work.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// There is no such port, or it cannot be opened.
    #[error("{port}: cannot be opened: {why}; {help}")]
    Open {
        /// What was asked for.
        port: String,
        /// What the system says.
        why: String,
        /// How to fix it.
        help: &'static str,
    },
    /// It was open and is gone: unplugged, or its other end has ended.
    #[error("{port}: is gone: {why}; plug it in again and start anew")]
    Gone {
        /// Which.
        port: String,
        /// What the system says.
        why: String,
    },
}

/// A port that carries bytes or datagrams.
///
/// `receive` is the only call that may wait, and never longer than it is told.
pub trait Port: Send {
    /// Sends `bytes`: on a datagram port as one datagram. What does not fit into the port's buffer
    /// at once is not sent, and `false` says so: the caller counts it.
    ///
    /// # Errors
    /// The port is gone.
    fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError>;

    /// Receives what has come, or comes within `wait`: on a datagram port one datagram. The number
    /// of bytes, zero where nothing came.
    ///
    /// # Errors
    /// The port is gone.
    fn receive(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, PortError>;
}
