use std::net::Ipv4Addr;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
/// Long enough for what is wrong to show.
const WHILE: Duration = Duration::from_millis(300);

/// A client and a target that a proxy on loopback joins.
struct Bench {
    client: TcpStream,
    proxy: StreamProxy,
    target: TcpStream,
    listener: TcpListener,
}

impl Bench {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (any, at) =
            (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), listener.local_addr().unwrap());
        let proxy = StreamProxy::start(&End::here(any), &End::here(at), 7).unwrap();
        let client = TcpStream::connect(proxy.local()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let (target, _) = listener.accept().unwrap();
        target.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { client, proxy, target, listener }
    }
}

fn until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end);
        thread::sleep(Duration::from_millis(1));
    }
}

fn next(mut stream: &TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_good_wire_changes_nothing_and_hands_on_the_end() {
    let Bench { mut client, proxy, mut target, .. } = Bench::new();
    let long: Vec<u8> = (0..5_000_000_u32).map(|at| (at % 251) as u8).collect();
    thread::scope(|scope| {
        scope.spawn(|| client.write_all(&long).unwrap());
        assert!(next(&target, long.len()) == long);
    });
    target.write_all(b"back").unwrap();
    assert_eq!(next(&client, 4), b"back");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(target.read(&mut [0]).unwrap(), 0);
    target.write_all(b"still there").unwrap();
    assert_eq!(next(&client, 11), b"still there");
    // A piece is counted when all of it has gone on.
    let all = 5_000_000;
    until(|| proxy.bytes(Way::There) == Bytes { came: all, sent: all, lost: 0 });
    until(|| proxy.bytes(Way::Back) == Bytes { came: 15, sent: 15, lost: 0 });
    assert_eq!(proxy.connections(), Connections { made: 1, ..Connections::default() });
}

#[test]
fn delay_delays_each_way() {
    let Bench { mut client, proxy, mut target, .. } = Bench::new();
    let (delay, jitter) = (Duration::from_millis(80), Duration::from_millis(20));
    proxy.set(Flow { delay, jitter, stalled: false });
    let begin = Instant::now();
    client.write_all(b"there").unwrap();
    assert_eq!(next(&target, 5), b"there");
    assert!(begin.elapsed() >= delay);
    target.write_all(b"back").unwrap();
    assert_eq!(next(&client, 4), b"back");
    assert!(begin.elapsed() >= delay * 2);
}

#[test]
fn a_stall_holds_bytes_and_loses_none() {
    let Bench { mut client, proxy, target, .. } = Bench::new();
    proxy.set(Flow::from(Faults::PARTITION));
    client.write_all(b"late").unwrap();
    target.set_read_timeout(Some(WHILE)).unwrap();
    assert!(is_patient(&(&target).read(&mut [0]).unwrap_err()));
    proxy.set(Flow::default());
    assert_eq!(next(&target, 4), b"late");
    assert_eq!(proxy.connections().cut, 0);
}

#[test]
fn a_cut_ends_the_connection_and_a_new_one_can_be_made() {
    let Bench { mut client, proxy, target, listener } = Bench::new();
    proxy.set_way(Way::There, Flow { stalled: true, ..Flow::default() });
    client.write_all(b"lost").unwrap();
    until(|| proxy.bytes(Way::There).came == 4);
    proxy.cut();
    assert!(matches!((&client).read(&mut [0]), Ok(0) | Err(_)));
    assert!(matches!((&target).read(&mut [0]), Ok(0) | Err(_)));
    until(|| proxy.bytes(Way::There) == Bytes { came: 4, sent: 0, lost: 4 });
    proxy.set(Flow::default());

    let mut again = TcpStream::connect(proxy.local()).unwrap();
    let (target, _) = listener.accept().unwrap();
    again.write_all(b"new").unwrap();
    assert_eq!(next(&target, 3), b"new");

    proxy.stay_cut();
    let refused = TcpStream::connect(proxy.local()).unwrap();
    refused.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!((&refused).read(&mut [0]), Ok(0) | Err(_)));
    proxy.mend();
    let _last = TcpStream::connect(proxy.local()).unwrap();
    until(|| proxy.connections() == Connections { made: 3, failed: 0, refused: 1, cut: 2 });
}

#[test]
fn a_target_that_is_not_there_is_counted() {
    let Bench { proxy, listener, target, .. } = Bench::new();
    drop((listener, target));
    let client = TcpStream::connect(proxy.local()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!((&client).read(&mut [0]), Ok(0) | Err(_)));
    until(|| proxy.connections().failed == 1);
}
