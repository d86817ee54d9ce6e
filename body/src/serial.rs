//! A serial port of this computer, such as the USB adapter of a servo bus.

use core::time::Duration;
use std::io::ErrorKind;
use std::path::Path;

use crate::{Port, PortError};

/// A serial port: eight bits, no parity, one stop bit, no flow control, bytes as they are.
#[derive(Debug)]
pub struct SerialPort {
    port: serial2::SerialPort,
    name: String,
}

impl SerialPort {
    /// Opens the port `name` at `bit_rate` bits a second and throws away what it has received so
    /// far. Opening sends nothing.
    ///
    /// # Errors
    /// There is no such port (the error lists those there are), it may not be opened, or it cannot
    /// do that rate.
    pub fn open(name: &str, bit_rate: u32) -> Result<Self, PortError> {
        let refused = |error: std::io::Error| {
            let (why, help) = explain(name, &error);
            PortError::Open { port: name.to_owned(), why, help }
        };
        let mut port = serial2::SerialPort::open(name, bit_rate).map_err(refused)?;
        // What does not fit into the port's buffer at once is not sent.
        port.set_write_timeout(Duration::ZERO).map_err(refused)?;
        port.discard_buffers().map_err(refused)?;
        answer_at_once(name);
        Ok(Self { port, name: name.to_owned() })
    }

    /// How long the adapter keeps bytes before it hands them on, ms; `None` where it does not say.
    /// More than 1 costs a cycle its answers at high rates.
    #[must_use]
    pub fn latency_ms(&self) -> Option<u32> {
        std::fs::read_to_string(latency_file(&self.name)?).ok()?.trim().parse().ok()
    }

    fn gone(&self, why: &dyn std::fmt::Display) -> PortError {
        PortError::Gone { port: self.name.clone(), why: why.to_string() }
    }
}

impl Port for SerialPort {
    fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError> {
        match self.port.write(bytes) {
            Ok(sent) => Ok(sent == bytes.len()),
            Err(error) if is_pause(error.kind()) => Ok(false),
            Err(error) => Err(self.gone(&error)),
        }
    }

    fn receive(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, PortError> {
        self.port.set_read_timeout(wait).map_err(|error| self.gone(&error))?;
        match self.port.read(into) {
            // A port that is ready and has nothing has no other end any more.
            Ok(0) if !into.is_empty() => Err(self.gone(&"its other end is closed")),
            Ok(received) => Ok(received),
            Err(error) if is_pause(error.kind()) => Ok(0),
            Err(error) => Err(self.gone(&error)),
        }
    }
}

fn is_pause(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Why a port could not be opened, and what to do about it.
fn explain(name: &str, error: &std::io::Error) -> (String, &'static str) {
    match error.kind() {
        ErrorKind::NotFound => {
            let ports = serial2::SerialPort::available_ports().unwrap_or_default();
            let ports: Vec<_> = ports.iter().map(|port| port.display().to_string()).collect();
            let there = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
            let why = format!("there is no such port; there are: {there}");
            (why, "plug the adapter in, and write the name it then has")
        }
        ErrorKind::PermissionDenied => {
            let why = format!("{name} may not be opened by this user");
            (
                why,
                "become a member of its group: `sudo usermod -aG dialout $USER`, then log in anew",
            )
        }
        ErrorKind::ResourceBusy => {
            let why = "another program uses it".to_owned();
            (why, "end that program")
        }
        _ => (error.to_string(), "check the name and the bit rate of the port"),
    }
}

/// Asks an FTDI adapter to hand on what it receives after 1 ms instead of 16. Only some systems let
/// a user do so; [`SerialPort::latency_ms`] says what came of it.
fn answer_at_once(name: &str) {
    if let Some(file) = latency_file(name) {
        let _ = std::fs::write(file, "1");
    }
}

fn latency_file(name: &str) -> Option<std::path::PathBuf> {
    let real = Path::new(name).canonicalize().ok()?;
    let file = Path::new("/sys/class/tty").join(real.file_name()?).join("device/latency_timer");
    file.exists().then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: M4.
    #[test]
    fn a_port_that_is_not_there_is_named_with_those_that_are() {
        let error = SerialPort::open("/dev/ttyNONE9", 1_000_000).unwrap_err().to_string();
        assert!(error.starts_with("/dev/ttyNONE9: cannot be opened: there is no such port"));
        assert!(error.contains("there are: ") && error.contains("plug the adapter in"), "{error}");
    }

    /// Clauses: M4.
    #[test]
    fn a_port_that_may_not_be_opened_names_the_group() {
        let denied = std::io::Error::from(ErrorKind::PermissionDenied);
        let (why, help) = explain("/dev/ttyUSB0", &denied);
        assert!(why.contains("/dev/ttyUSB0") && help.contains("dialout"));
    }

    /// Clauses: M4.
    #[test]
    fn a_file_is_no_port() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(matches!(SerialPort::open(file, 1_000_000), Err(PortError::Open { .. })));
    }
}
