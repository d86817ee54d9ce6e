//! Nothing leaves the machine by itself: `triune` runs on a host whose wire works and whose every
//! packet is counted, and all it listens at is loopback.
//!
//! The tests return early, with a message, where network namespaces are not permitted.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use whole::netns::packets::{Capture, Seen, sockets};
use whole::netns::{Hosts, or_skip};
use whole::process::{Ended, Process, Signal, triune};

/// For the whole demo on virtual time in a debug build on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long the demo in real time is watched: longer than any beacon takes to come again.
const WATCHED: Duration = Duration::from_secs(8);
/// How often the sockets are looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Exit code after an interrupt.
const INTERRUPTED: i32 = 5;
/// Set: [`stand_in`] plays a program that is not quiet.
const LOUD: &str = "TRIUNE_LOUD";

/// What a program did on a host of its own.
struct Watched {
    ended: Ended,
    /// Packets on all interfaces but loopback, as the interfaces count them.
    packets: u64,
    /// The same, as they were seen.
    seen: Seen,
    /// All sockets there ever were, for people.
    sockets: BTreeSet<String>,
    /// Those of them that are not on loopback.
    outside: BTreeSet<String>,
}

/// Runs a command on a host, for at most so long, and then interrupts it.
fn watch(command: &mut Command, at_most: Duration) -> Option<Watched> {
    let hosts = or_skip(Hosts::new(1))?;
    let host = hosts.left();
    let capture = Capture::start(host).unwrap();
    let mut process = Process::start(Some(host), command).unwrap();
    let (mut found, mut outside) = (BTreeSet::new(), BTreeSet::new());
    let end = Instant::now() + at_most;
    while process.is_running().unwrap() && Instant::now() < end {
        for socket in sockets(process.id()).unwrap_or_default() {
            found.insert(format!("{socket:?}"));
            if !socket.local.ip().is_loopback() {
                outside.insert(format!("{socket:?}"));
            }
        }
        thread::sleep(LOOK);
    }
    let ended = process.stop(PATIENCE).unwrap();
    let packets = host.packets().unwrap();
    let seen = capture.finish().unwrap();
    Some(Watched { ended, packets, seen, sockets: found, outside })
}

fn is_quiet(watched: &Watched) {
    let Watched { ended, packets, seen, sockets, outside } = watched;
    assert_eq!((*packets, seen), (0, &Seen::default()), "{ended}");
    assert!(outside.is_empty(), "not only on loopback: {outside:#?}\n{ended}");
    eprintln!("0 packets; sockets: {sockets:?}");
}

fn demo(arguments: &[&str], at_most: Duration) -> Option<(Watched, TempDir)> {
    let out = TempDir::new().unwrap();
    let mut command = Command::new(triune().unwrap());
    command.args(["demo", "--headless", "--seed", "7", "--out"]).arg(out.path()).args(arguments);
    let watched = watch(&mut command, at_most)?;
    Some((watched, out))
}

/// Clauses: D4.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn the_demo_on_virtual_time_sends_nothing() {
    let Some((watched, out)) = demo(&["--fast"], PATIENCE) else { return };
    is_quiet(&watched);
    assert_eq!(watched.ended.code(), Some(0), "{}", watched.ended);
    assert!(out.path().join("report.json").exists());
}

/// Clauses: D4.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn the_demo_in_real_time_sends_nothing() {
    let Some((watched, out)) = demo(&[], WATCHED) else { return };
    is_quiet(&watched);
    assert_eq!(watched.ended.code(), Some(INTERRUPTED), "{}", watched.ended);
    assert!(out.path().join("report.json").exists());
}

/// Not a test by itself: a program that listens to the world and says one word to it.
///
/// Clauses: D4.
#[test]
fn stand_in() {
    if std::env::var_os(LOUD).is_none() {
        return;
    }
    let world = (Ipv4Addr::UNSPECIFIED, 0);
    let (socket, _listener) = (UdpSocket::bind(world).unwrap(), TcpListener::bind(world).unwrap());
    // Where zenoh looks for others.
    socket.send_to(b"x", (Ipv4Addr::new(224, 0, 0, 224), 7446)).unwrap();
    loop {
        thread::sleep(LOOK);
    }
}

/// The control: one packet is seen, and so are sockets that are open to others.
///
/// Clauses: D4.
#[test]
fn one_packet_would_be_seen() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "stand_in", "--nocapture"]).env(LOUD, "1");
    let Some(watched) = watch(&mut command, Duration::from_secs(3)) else { return };
    let Watched { ended, packets, seen, outside, .. } = watched;
    assert_eq!((packets, seen.sent, seen.received), (1, 1, 0), "{seen}\n{ended}");
    assert!(seen.lines[0].ends_with("to 224.0.0.224:7446"), "{seen}");
    assert_eq!(outside.len(), 2, "{outside:?}");
    assert_eq!(ended.signal(), Some(Signal::SIGINT as i32));
}
