//! An emulated bus behind a pseudo-terminal: for any program that opens a serial port.

use core::time::Duration;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use super::EmulatedBus;

/// How long the server waits for bytes before it looks at its servos again.
const WAIT: Duration = Duration::from_millis(1);

/// A thread that answers for an emulated bus in real time, until it is dropped.
#[derive(Debug)]
pub struct PtyServer {
    path: PathBuf,
    bus: Arc<Mutex<EmulatedBus>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PtyServer {
    /// The serial port to open.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks at the bus, or breaks something on it.
    pub fn with<R>(&self, look: impl FnOnce(&mut EmulatedBus) -> R) -> R {
        look(&mut self.bus.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for PtyServer {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Lets `bus` answer behind a new pseudo-terminal, in real time, until the server is dropped.
///
/// # Errors
/// The system gives no pseudo-terminal or no thread.
pub fn serve_on_pty(bus: EmulatedBus) -> std::io::Result<PtyServer> {
    let (mut ours, theirs) = serial2::SerialPort::pair()?;
    ours.set_read_timeout(WAIT)?;
    let path = std::fs::read_link(format!("/proc/self/fd/{}", theirs.as_raw_fd()))?;
    let bus = Arc::new(Mutex::new(bus));
    let end = Arc::new(AtomicBool::new(false));
    let (its_bus, its_end) = (Arc::clone(&bus), Arc::clone(&end));
    let serve = move || {
        // Kept open, or else the first program that closes the port would end the terminal.
        let _theirs = theirs;
        let mut last = Instant::now();
        let mut bytes = [0; 1024];
        while !its_end.load(Ordering::Relaxed) {
            let received = match ours.read(&mut bytes) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::TimedOut => 0,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(_) => return,
            };
            let now = Instant::now();
            let answers = {
                let mut bus = its_bus.lock().unwrap_or_else(PoisonError::into_inner);
                bus.advance(now - last);
                bus.take(&bytes[..received]);
                bus.give()
            };
            last = now;
            if !answers.is_empty() && ours.write_all(&answers).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("emulator".to_owned()).spawn(serve)?;
    Ok(PtyServer { path, bus, end, thread: Some(thread) })
}
