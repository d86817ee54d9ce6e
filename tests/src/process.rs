//! Processes that a test starts, hears and ends, each by its own id.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::netns::Namespace;

pub use nix::sys::signal::Signal;

/// How long one look at a process lasts.
const LOOK: Duration = Duration::from_millis(10);

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    command: String,
    child: Child,
    /// What it says goes into files: a pipe that nobody empties would hold it up.
    said: TempDir,
}

/// How a process ended, and what it had said.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// It did not end when it was asked to, and was killed.
    pub was_killed: bool,
    /// What it wrote to standard output.
    pub output: String,
    /// What it wrote to standard error.
    pub errors: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let killed = if self.was_killed { ", killed" } else { "" };
        let Self { status, output, errors, .. } = self;
        write!(f, "{status}{killed}\n-- output\n{output}\n-- errors\n{errors}")
    }
}

impl Process {
    /// Starts a command in a namespace, or where this process is. It has no standard input.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(place: Option<&Namespace>, command: &mut Command) -> io::Result<Self> {
        let said = TempDir::new()?;
        command.stdin(Stdio::null());
        command.stdout(File::create(output(&said))?).stderr(File::create(errors(&said))?);
        let child = match place {
            Some(place) => place.spawn(command),
            None => command.spawn(),
        };
        let command = format!("{command:?}");
        let child =
            child.map_err(|error| io::Error::new(error.kind(), format!("{command}: {error}")))?;
        Ok(Self { command, child, said })
    }

    /// The command line, for people.
    #[must_use]
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    #[must_use]
    pub fn output(&self) -> String {
        text(&output(&self.said))
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn errors(&self) -> String {
        text(&errors(&self.said))
    }

    /// It still runs.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn is_running(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Sends it a signal: `SIGSTOP` and `SIGCONT` hold it up, `SIGKILL` kills it.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // The id of a process that has ended and was waited for may be another's.
        if !self.is_running()? {
            return Err(io::Error::other(format!("{}: it has ended", self.command)));
        }
        let id = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        Ok(kill(Pid::from_raw(id), signal)?)
    }

    /// Waits until it has written `words`, to standard output or standard error.
    ///
    /// # Errors
    /// It ended before, or did not write them within `patience`: what it wrote instead.
    pub fn wait_for(&mut self, words: &str, patience: Duration) -> io::Result<()> {
        let what = format!("{words:?} did not come");
        self.wait_until(&what, patience, |process| {
            Ok(process.output().contains(words) || process.errors().contains(words))
        })
    }

    /// Waits until something is so; `what` says what was not.
    ///
    /// # Errors
    /// It ended before, or it is not so within `patience`: what the process wrote.
    pub fn wait_until(
        &mut self,
        what: &str,
        patience: Duration,
        is_so: impl Fn(&Self) -> io::Result<bool>,
    ) -> io::Result<()> {
        let end = Instant::now() + patience;
        loop {
            // In this order: what it wrote last counts.
            let (runs, is_late) = (self.is_running()?, Instant::now() > end);
            if is_so(self)? {
                return Ok(());
            }
            if !runs || is_late {
                let state = if runs { "it still runs" } else { "it has ended" };
                let (said, errors) = (self.output(), self.errors());
                return Err(io::Error::other(format!(
                    "{}: {what}; {state}\n-- output\n{said}\n-- errors\n{errors}",
                    self.command
                )));
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits until it ends by itself; kills it when `patience` is over.
    ///
    /// # Errors
    /// The kernel does not let it be waited for.
    pub fn finish(mut self, patience: Duration) -> io::Result<Ended> {
        let end = Instant::now() + patience;
        while self.is_running()? && Instant::now() < end {
            thread::sleep(LOOK);
        }
        let was_killed = self.is_running()?;
        if was_killed {
            self.child.kill()?;
        }
        let status = self.child.wait()?;
        Ok(Ended { status, was_killed, output: self.output(), errors: self.errors() })
    }

    /// Asks it to end (`SIGINT`), and kills it when `patience` is over.
    ///
    /// # Errors
    /// The kernel does not let it be waited for.
    pub fn stop(mut self, patience: Duration) -> io::Result<Ended> {
        if self.is_running()? {
            self.signal(Signal::SIGINT)?;
        }
        self.finish(patience)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The exit code; `None` when a signal ended it.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }
}

/// The binary `triune`: `$TRIUNE_BINARY`, or built with the profile of this test, once in the life
/// of this process.
///
/// # Errors
/// It does not build: what the compiler said.
pub fn triune() -> io::Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    if let Some(set) = std::env::var_os("TRIUNE_BINARY") {
        return Ok(PathBuf::from(set));
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = &*built {
        return Ok(path.clone());
    }
    let path = build()?;
    *built = Some(path.clone());
    Ok(path)
}

fn build() -> io::Result<PathBuf> {
    // This test lies in target/<profile>/deps, an example in target/<profile>/examples.
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent);
    let folder = folder.ok_or_else(|| io::Error::other(format!("{own:?} lies in no profile")))?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(crate::root()).args(["build", "--workspace", "--bin", "triune"]);
    // With the features that the tests of the whole workspace bring, so that they need not be built
    // twice.
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = folder.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let output = cargo.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("the binary triune does not build:\n{said}")));
    }
    Ok(folder.join("triune"))
}

fn output(said: &TempDir) -> PathBuf {
    said.path().join("output")
}

fn errors(said: &TempDir) -> PathBuf {
    said.path().join("errors")
}

fn text(file: &Path) -> String {
    fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
