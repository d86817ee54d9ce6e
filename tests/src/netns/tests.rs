use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;

use super::packets::{Capture, sockets};
use super::*;

/// Any; each host has its own.
const PORT: u16 = 7447;
const PATIENCE: Duration = Duration::from_secs(20);

fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn bound(host: &Namespace, address: Ipv4Addr) -> UdpSocket {
    let socket = host.inside(|| UdpSocket::bind((address, PORT))).unwrap().unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    socket
}

#[test]
fn a_host_reaches_the_middle_and_only_with_a_route_the_other_host() {
    let Some(hosts) = or_skip(Hosts::two()) else { return };
    let (left, right) = (bound(hosts.left(), address(0)), bound(hosts.right(), address(1)));
    let middle = bound(hosts.middle(), gate(0));
    let mut bytes = [0; 16];

    left.send_to(b"middle", (gate(0), PORT)).unwrap();
    let (length, from) = middle.recv_from(&mut bytes).unwrap();
    assert_eq!((&bytes[..length], from), (&b"middle"[..], at(address(0), PORT)));

    left.send_to(b"right", (address(1), PORT)).unwrap();
    assert!(right.recv_from(&mut bytes).is_err(), "nothing may pass by itself");
    hosts.route().unwrap();
    left.send_to(b"right", (address(1), PORT)).unwrap();
    let (length, from) = right.recv_from(&mut bytes).unwrap();
    assert_eq!((&bytes[..length], from), (&b"right"[..], at(address(0), PORT)));
}

#[test]
fn a_datagram_of_any_size_is_one_packet() {
    let Some(hosts) = or_skip(Hosts::two()) else { return };
    let (left, middle) = (bound(hosts.left(), address(0)), bound(hosts.middle(), gate(0)));
    let sent = || {
        let wire = hosts.left().interfaces().unwrap();
        wire.iter().find(|interface| interface.name == WIRE).unwrap().sent
    };
    left.send_to(b"finds the way", (gate(0), PORT)).unwrap();
    let mut bytes = vec![0; 65_507];
    middle.recv_from(&mut bytes).unwrap();
    let before = sent();
    left.send_to(&vec![7; 65_000], (gate(0), PORT)).unwrap();
    assert_eq!(middle.recv_from(&mut bytes).unwrap().0, 65_000);
    // The kernel may ask once more whether the middle is still there.
    assert!((1..=2).contains(&(sent() - before)), "{} packets", sent() - before);
}

#[test]
fn a_quiet_host_sends_nothing_and_one_packet_is_seen() {
    let Some(hosts) = or_skip(Hosts::new(1)) else { return };
    let capture = Capture::start(hosts.left()).unwrap();
    let loopback = hosts.left().inside(|| UdpSocket::bind("127.0.0.1:0")).unwrap().unwrap();
    loopback.send_to(b"to itself", loopback.local_addr().unwrap()).unwrap();
    // Longer than the kernel of an interface with IPv6 keeps quiet.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(hosts.left().packets().unwrap(), 0);
    let socket = bound(hosts.left(), address(0));
    socket.send_to(b"x", (Ipv4Addr::new(224, 0, 0, 224), 7446)).unwrap();
    until("the packet is counted", || hosts.left().packets().unwrap() == 1);
    let seen = capture.finish().unwrap();
    assert_eq!((seen.sent, seen.received), (1, 0), "{seen}");
    assert_eq!(seen.lines, ["wire sends UDP from 10.77.0.1:7447 to 224.0.0.224:7446"]);
}

#[test]
fn a_command_and_what_it_starts_run_inside() {
    let Some(hosts) = or_skip(Hosts::new(1)) else { return };
    let mut command = Command::new("sh");
    command.args(["-c", "cat /proc/self/net/dev"]).stdout(Stdio::piped());
    let output = hosts.left().spawn(&mut command).unwrap().wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> =
        text.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
    assert_eq!(names, ["lo", WIRE]);
    let failure = hosts.left().ip("link set nothing up").unwrap_err();
    assert!(matches!(failure, NoNetwork::Refused(..)), "{failure}");
}

#[test]
fn the_sockets_of_a_namespace_are_listed() {
    let Some(hosts) = or_skip(Hosts::new(1)) else { return };
    let host = hosts.left();
    let open = host.inside(|| TcpListener::bind("127.0.0.1:0")).unwrap().unwrap();
    let (open_at, world) = (open.local_addr().unwrap(), bound(host, Ipv4Addr::UNSPECIFIED));
    let client = host.inside(|| TcpStream::connect(open_at)).unwrap().unwrap();
    let mut command = Command::new("sleep");
    let mut sleeper = host.spawn(command.arg("60")).unwrap();
    let found = sockets(sleeper.id()).unwrap();
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    let is_open = |local: SocketAddr| {
        found.iter().filter(|socket| socket.local == local).map(|s| (s.is_tcp, s.is_open)).next()
    };
    assert_eq!(is_open(open_at), Some((true, true)), "{found:?}");
    assert_eq!(is_open(world.local_addr().unwrap()), Some((false, true)), "{found:?}");
    assert_eq!(is_open(client.local_addr().unwrap()), Some((true, false)), "{found:?}");
}

#[test]
fn everything_goes_with_the_hosts_also_after_a_panic() {
    let Some(kept) = or_skip(Namespace::new()) else { return };
    let names = || -> Vec<String> {
        kept.interfaces().unwrap().into_iter().map(|interface| interface.name).collect()
    };
    let mut middle = None;
    let broken = catch_unwind(AssertUnwindSafe(|| {
        let hosts = Hosts::two().unwrap();
        // One more wire, whose other end outlives the hosts: it goes when the host goes.
        let there = kept.path();
        hosts.left().ip(&format!("link add own type veth peer name tell netns {there}")).unwrap();
        assert_eq!(names(), ["lo", "tell"]);
        middle = Some(Arc::downgrade(&hosts.middle().0));
        panic!("a test that fails");
    }));
    assert!(broken.is_err());
    assert!(middle.unwrap().upgrade().is_none(), "nothing holds the middle");
    until("the namespace of the host is gone", || names() == ["lo"]);
}

#[test]
fn what_is_done_inside_may_panic() {
    let Some(kept) = or_skip(Namespace::new()) else { return };
    let broken = catch_unwind(AssertUnwindSafe(|| kept.inside(|| panic!("inside"))));
    assert_eq!(broken.unwrap_err().downcast_ref::<&str>(), Some(&"inside"));
    assert_eq!(kept.packets().unwrap(), 0);
}

#[test]
fn a_wrong_number_of_hosts_is_refused() {
    for count in [0, HOSTS_MAX + 1] {
        let refusal = Hosts::new(count).unwrap_err().to_string();
        assert!(refusal.contains("1 to 32"), "{refusal}");
    }
}

/// Runs this test program once more, with the filter of one test: two processes make the same
/// hosts at the same time.
#[test]
fn two_processes_have_hosts_of_the_same_addresses() {
    let name = "netns::tests::a_host_reaches_the_middle_and_only_with_a_route_the_other_host";
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name]).stdout(Stdio::piped());
    let other = || command.spawn().unwrap();
    let others: Vec<_> = std::iter::repeat_with(other).take(2).collect();
    a_host_reaches_the_middle_and_only_with_a_route_the_other_host();
    for other in others {
        let output = other.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }
}
