//! Boards in the emulator, and the bench that plays the plant and the pace of one.
//!
//! On the bench, time on the board stands still between two orders, and the emulator counts
//! instructions instead of looking at a clock. So the outcome does not depend on the load of this
//! machine, and a test may take as long as it likes between two ticks.

mod image;
mod talk;

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use board::bench::{Answer, ETHER_TYPE, Failure, JOINTS, MESSAGE_MAX, Order};
use firmware::stream::{PACKET_MAX, StreamReader, encode};
use tempfile::TempDir;

pub use image::{Image, program};
pub use talk::{Talk, configuration, sealed, state};

/// Type of the Ethernet frames that carry the joint bus.
const JOINT_BUS: u16 = 0x88B5;
/// Destination, source and type of an Ethernet frame.
const HEADER: usize = 14;
const ETHERNET_MAX: usize = 1514;
const HOST: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const BOARD: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// For how long an answer is waited for: longer than any healthy answer takes on a loaded machine,
/// so that only a dead board is waited for in vain.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one look at a socket lasts.
const LOOK: Duration = Duration::from_millis(20);

/// Why there is no board to talk to.
#[derive(Debug)]
pub enum NoBoard {
    /// This machine lacks something: what.
    Missing(String),
    /// The image does not build: what the compiler said.
    Build(String),
    /// A file, a socket or a process.
    Io(io::Error),
    /// The board does not answer: what the emulator said.
    Silent(String),
}

impl fmt::Display for NoBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(what) => write!(f, "no board in the emulator: install {what}"),
            Self::Build(said) => write!(f, "the image does not build:\n{said}"),
            Self::Io(error) => write!(f, "emulator: {error}"),
            Self::Silent(said) => write!(f, "the board does not answer; the emulator: {said}"),
        }
    }
}

impl From<io::Error> for NoBoard {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Says what is missing and returns `None`, so that a test can return; with `CI=true` nothing may
/// be missing, and any other failure is one.
///
/// # Panics
/// As said.
pub fn or_skip<T>(board: Result<T, NoBoard>) -> Option<T> {
    match board {
        Ok(board) => Some(board),
        Err(missing @ NoBoard::Missing(_)) if std::env::var_os("CI").is_none() => {
            eprintln!("skipped: {missing}");
            None
        }
        #[expect(clippy::panic, reason = "only tests call it")]
        Err(failure) => panic!("{failure}"),
    }
}

/// A running board with its two wires. Dropping it ends the emulator.
#[derive(Debug)]
pub struct Board {
    emulator: Child,
    ethernet: UnixDatagram,
    board_end: PathBuf,
    serial: UnixStream,
    reader: StreamReader,
    /// Joint-bus frames that came and were not taken yet.
    frames: VecDeque<Vec<u8>>,
    answers: VecDeque<Answer>,
    is_on_bench: bool,
    folder: TempDir,
}

impl Board {
    /// Starts a Cortex-M4 on the bench; it waits in tick 0. Its clock counts instructions and jumps
    /// over idle time.
    ///
    /// # Errors
    /// Something is missing, does not build, or does not answer.
    pub fn on_bench() -> Result<Self, NoBoard> {
        let mut board = Self::start(Image::MPS2_BENCH, &["-icount", "shift=5,sleep=off"])?;
        match board.answer()? {
            Answer::Booted(_) => Ok(board),
            other @ Answer::Ran { .. } => Err(NoBoard::Silent(format!("it began with {other:?}"))),
        }
    }

    /// Starts an image in real time, with more arguments for the emulator.
    ///
    /// # Errors
    /// Something is missing or does not build.
    pub fn start(image: Image, arguments: &[&str]) -> Result<Self, NoBoard> {
        let file = image.build()?;
        let folder = TempDir::new()?;
        let at = |name: &str| folder.path().join(name);
        let ethernet = UnixDatagram::bind(at("host"))?;
        ethernet.set_read_timeout(Some(LOOK))?;
        let mut command = Command::new(program(image.emulator)?);
        command.args(image.machine).args(["-display", "none", "-monitor", "none"]);
        command.arg("-serial").arg(format!("unix:{},server=on,wait=off", at("serial").display()));
        if image.has_ethernet {
            let (here, there) = (at("board"), at("host"));
            let (here, there) = (here.display(), there.display());
            let wire = format!(
                "dgram,id=wire,local.type=unix,local.path={here},remote.type=unix,\
                 remote.path={there}"
            );
            command.args(["-net", "nic,netdev=wire", "-netdev", &wire]);
        }
        command.args(arguments).arg("-kernel").arg(file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(at("said"))?);
        let mut emulator = command.spawn()?;
        let serial = connect(&mut emulator, folder.path())?;
        let (board_end, reader) = (at("board"), StreamReader::new());
        let (frames, answers) = (VecDeque::new(), VecDeque::new());
        let is_on_bench = image == Image::MPS2_BENCH;
        Ok(Self {
            emulator,
            ethernet,
            board_end,
            serial,
            reader,
            frames,
            answers,
            is_on_bench,
            folder,
        })
    }

    /// Sends a joint-bus frame over Ethernet. On the bench it is handled before the next tick.
    ///
    /// # Errors
    /// The emulator has ended.
    pub fn send(&self, frame: &[u8]) -> Result<(), NoBoard> {
        self.send_ethernet(JOINT_BUS, frame)
    }

    /// Sends bytes over the serial line, as they are.
    ///
    /// # Errors
    /// The emulator has ended.
    pub fn send_serial(&mut self, bytes: &[u8]) -> Result<(), NoBoard> {
        Ok(self.serial.write_all(bytes)?)
    }

    /// Sends a joint-bus frame over the serial line.
    ///
    /// # Errors
    /// The emulator has ended.
    pub fn send_packet(&mut self, frame: &[u8]) -> Result<(), NoBoard> {
        let mut packet = [0; PACKET_MAX];
        let length = encode(frame, &mut packet).unwrap_or_default();
        self.send_serial(&packet[..length])
    }

    /// Orders so many ticks, with the joints at `position` (rad) and `velocity` (rad/s), and waits
    /// until they are over. `Booted` comes back when the board was reset on the way.
    ///
    /// # Errors
    /// The board does not answer.
    pub fn run(
        &mut self,
        ticks: u32,
        position: [f32; JOINTS],
        velocity: [f32; JOINTS],
    ) -> Result<Answer, NoBoard> {
        self.order(&Order::Run { ticks, position, velocity })?;
        self.answer()
    }

    /// Orders a failure for the next tick.
    ///
    /// # Errors
    /// The emulator has ended.
    pub fn fail(&self, failure: Failure) -> Result<(), NoBoard> {
        self.order(&Order::Fail(failure))
    }

    /// The joint-bus frames that have come, on both wires, without waiting.
    ///
    /// # Errors
    /// A socket broke.
    pub fn take_frames(&mut self) -> Result<Vec<Vec<u8>>, NoBoard> {
        self.ethernet.set_nonblocking(true)?;
        while self.look_at_ethernet()? {}
        self.ethernet.set_nonblocking(false)?;
        self.serial.set_nonblocking(true)?;
        while self.look_at_serial()? {}
        self.serial.set_nonblocking(false)?;
        Ok(self.frames.drain(..).collect())
    }

    /// Waits for the next joint-bus frame over Ethernet; `None` when none comes in time.
    ///
    /// # Errors
    /// A socket broke.
    pub fn next_frame(&mut self, within: Duration) -> Result<Option<Vec<u8>>, NoBoard> {
        self.wait(within, |board| board.frames.pop_front(), Self::look_at_ethernet)
    }

    /// Waits for the next joint-bus frame over the serial line; `None` when none comes in time.
    ///
    /// # Errors
    /// A socket broke.
    pub fn next_packet(&mut self, within: Duration) -> Result<Option<Vec<u8>>, NoBoard> {
        self.wait(within, |board| board.frames.pop_front(), Self::look_at_serial)
    }

    /// Packets on the serial line that held no frame.
    #[must_use]
    pub const fn broken_packets(&self) -> u32 {
        self.reader.broken()
    }

    fn answer(&mut self) -> Result<Answer, NoBoard> {
        self.wait(PATIENCE, |board| board.answers.pop_front(), Self::look_at_ethernet)?
            .ok_or_else(|| NoBoard::Silent(said(self.folder.path())))
    }

    fn order(&self, order: &Order) -> Result<(), NoBoard> {
        let mut message = [0; MESSAGE_MAX];
        match postcard::to_slice(order, &mut message) {
            Ok(message) => self.send_ethernet(ETHER_TYPE, message),
            Err(error) => Err(NoBoard::Io(io::Error::other(error))),
        }
    }

    fn send_ethernet(&self, ether_type: u16, body: &[u8]) -> Result<(), NoBoard> {
        let mut frame = [&BOARD[..], &HOST, &ether_type.to_be_bytes(), body].concat();
        // The shortest that Ethernet carries.
        frame.resize(frame.len().max(60), 0);
        self.ethernet.send_to(&frame, &self.board_end)?;
        Ok(())
    }

    fn wait<T>(
        &mut self,
        within: Duration,
        found: impl Fn(&mut Self) -> Option<T>,
        look: impl Fn(&mut Self) -> Result<bool, NoBoard>,
    ) -> Result<Option<T>, NoBoard> {
        let end = Instant::now() + within;
        loop {
            if let Some(found) = found(self) {
                return Ok(Some(found));
            }
            if self.emulator.try_wait()?.is_some() {
                return Err(NoBoard::Silent(format!("it ended. {}", said(self.folder.path()))));
            }
            if !look(self)? && Instant::now() > end {
                return Ok(None);
            }
        }
    }

    /// Takes one Ethernet frame; false when none has come.
    fn look_at_ethernet(&mut self) -> Result<bool, NoBoard> {
        let mut frame = [0; ETHERNET_MAX];
        let Some(length) = waited(self.ethernet.recv(&mut frame))? else { return Ok(false) };
        let (header, body) = frame[..length.max(HEADER)].split_at(HEADER);
        match u16::from_be_bytes([header[12], header[13]]) {
            JOINT_BUS => self.frames.push_back(body.to_vec()),
            ETHER_TYPE => self.answers.extend(postcard::from_bytes::<Answer>(body)),
            _ => {}
        }
        Ok(true)
    }

    /// Takes what bytes there are on the serial line; false when there are none.
    fn look_at_serial(&mut self) -> Result<bool, NoBoard> {
        let mut bytes = [0; 1024];
        let Some(length) = waited(self.serial.read(&mut bytes))? else { return Ok(false) };
        for byte in &bytes[..length] {
            if let Some(frame) = self.reader.take(*byte) {
                self.frames.push_back(frame.to_vec());
            }
        }
        Ok(length > 0)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.emulator.kill();
        let _ = self.emulator.wait();
    }
}

/// The serial line, as soon as the emulator offers it.
fn connect(emulator: &mut Child, folder: &Path) -> Result<UnixStream, NoBoard> {
    let end = Instant::now() + PATIENCE;
    loop {
        match UnixStream::connect(folder.join("serial")) {
            Ok(serial) => {
                serial.set_read_timeout(Some(LOOK))?;
                return Ok(serial);
            }
            Err(_) if Instant::now() < end && emulator.try_wait()?.is_none() => {
                std::thread::sleep(LOOK);
            }
            Err(_) => {
                let _ = emulator.kill();
                let _ = emulator.wait();
                return Err(NoBoard::Silent(said(folder)));
            }
        }
    }
}

fn said(folder: &Path) -> String {
    fs::read_to_string(folder.join("said")).unwrap_or_default()
}

/// `None` when nothing came while it waited.
fn waited(length: io::Result<usize>) -> io::Result<Option<usize>> {
    match length {
        Ok(length) => Ok(Some(length)),
        Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
