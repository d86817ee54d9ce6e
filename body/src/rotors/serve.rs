//! The board without hardware on a UDP socket, in real time.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use firmware::frame::{self, FRAME_MAX, Kind};
use firmware::{Reply, message};
use signals::Lifecycle;

use super::RotorBoard;

/// Most datagrams that are taken in one tick.
const DATAGRAMS_MAX: usize = 64;

impl RotorBoard {
    /// Answers on `socket` until `ended`, and ticks in real time. `news` hears each change of the
    /// lifecycle.
    ///
    /// A machine that stalls stalls the board with it: ticks that were missed are skipped, as if
    /// its processor had been held.
    ///
    /// # Errors
    /// The socket fails.
    pub fn serve(
        &mut self,
        socket: &UdpSocket,
        ended: &AtomicBool,
        news: &mut impl FnMut(Lifecycle),
    ) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let began = Instant::now();
        let (mut due, mut host, mut told) = (Duration::ZERO, None, None);
        while !ended.load(Ordering::Acquire) {
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            self.hear(socket, began, &mut host)?;
            let mut state = [0; FRAME_MAX];
            let length = self.tick(microseconds(began), &mut state);
            if let (Some(length), Some(host)) = (length, host) {
                send(socket, &state[..length], host)?;
            }
            let lifecycle = self.lifecycle();
            if told.replace(lifecycle) != Some(lifecycle) {
                news(lifecycle);
            }
            due = (due + self.period()).max(began.elapsed());
        }
        Ok(())
    }

    /// Takes what has come, and answers to where it came from. Who opens a session becomes the host
    /// that hears the states.
    fn hear(
        &mut self,
        socket: &UdpSocket,
        began: Instant,
        host: &mut Option<SocketAddr>,
    ) -> io::Result<()> {
        let mut bytes = [0; 2 * FRAME_MAX];
        let mut answer = [0; FRAME_MAX];
        for _ in 0..DATAGRAMS_MAX {
            let (length, from) = match socket.recv_from(&mut bytes) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // A host that has gone away.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(error) => return Err(error),
            };
            let answered = self.receive(&bytes[..length], microseconds(began), &mut answer);
            if let Some(length) = answered {
                let frame = &answer[..length];
                send(socket, frame, from)?;
                if welcomes(frame) {
                    *host = Some(from);
                }
            }
        }
        Ok(())
    }
}

/// The answer opens a session.
fn welcomes(frame: &[u8]) -> bool {
    let reply = frame::open(frame).ok().filter(|(header, _)| header.kind == Kind::Reply);
    let reply = reply.and_then(|(_, body)| message::read::<Reply>(body));
    matches!(reply, Some(Reply::Welcome { .. }))
}

/// What the socket has no room for, or nobody listens to, is lost, as on any wire.
fn send(socket: &UdpSocket, frame: &[u8], to: SocketAddr) -> io::Result<()> {
    match socket.send_to(frame, to) {
        Ok(_) => Ok(()),
        Err(error)
            if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it wraps")]
fn microseconds(began: Instant) -> u32 {
    began.elapsed().as_micros() as u32
}
