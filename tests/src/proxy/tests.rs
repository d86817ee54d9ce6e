use super::samples::headers;
use super::*;
use crate::netns::{self, Hosts, or_skip};

/// Layout hashes of two topics.
const STATE: u64 = 0x0123_4567_89AB_CDEF;
const RULING: u64 = 0xFEDC_BA98_7654_3210;
const SEED: u64 = 7;
const PATIENCE: Duration = Duration::from_secs(30);

/// A client, a proxy on loopback and a target.
struct Bench {
    client: UdpSocket,
    proxy: Proxy,
    target: UdpSocket,
}

impl Bench {
    fn new(seed: u64) -> Self {
        let (client, target) = (free(), free());
        let at = target.local_addr().unwrap();
        let proxy =
            Proxy::start(&End::here(loopback()), &End::here(at), seed, &[STATE, RULING]).unwrap();
        Self { client, proxy, target }
    }

    /// Sends so many numbered datagrams there and returns the numbers that came, in their order.
    fn send(&self, numbers: std::ops::Range<u32>) -> Vec<u32> {
        let came = self.proxy.counts(Way::There).unwrap().came + numbers.len() as u64;
        for number in numbers {
            self.client.send_to(&number.to_le_bytes(), self.proxy.local()).unwrap();
            // The kernel keeps few; what it drops is not what is tested.
            if number.is_multiple_of(64) {
                thread::sleep(Duration::from_millis(1));
            }
        }
        self.until(|| self.proxy.counts(Way::There).unwrap().came == came);
        assert!(self.proxy.drained(PATIENCE).unwrap());
        self.received().iter().map(|bytes| number(bytes)).collect()
    }

    /// What has come to the target.
    fn received(&self) -> Vec<Vec<u8>> {
        received(&self.target)
    }

    fn until(&self, is_so: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "{:?}", self.proxy.counts(Way::There));
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn there(&self) -> Counts {
        let counts = self.proxy.counts(Way::There).unwrap();
        assert!(counts.add_up(), "{counts:?}");
        counts
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn free() -> UdpSocket {
    let socket = UdpSocket::bind(loopback()).unwrap();
    setsockopt(&socket, sockopt::RcvBuf, &BUFFER).unwrap();
    socket
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().unwrap())
}

/// What waits at a socket, in its order.
fn received(socket: &UdpSocket) -> Vec<Vec<u8>> {
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut bytes = vec![0; DATAGRAM_MAX];
    let next = || socket.recv(&mut bytes).ok().map(|length| bytes[..length].to_vec());
    std::iter::from_fn(next).collect()
}

fn sample(layout: u64, session: u64, sequence: u64) -> Vec<u8> {
    let header = [layout, session, sequence, 5].map(u64::to_le_bytes).concat();
    [header, vec![0xAB; 100]].concat()
}

/// Without faults all comes through, both ways, in order, and each sender gets its own answers.
#[test]
fn a_good_wire_changes_nothing() {
    let bench = Bench::new(SEED);
    let other = free();
    other.send_to(b"hello", bench.proxy.local()).unwrap();
    bench.client.send_to(b"hi", bench.proxy.local()).unwrap();
    bench.target.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..2 {
        let mut bytes = [0; 16];
        let (length, from) = bench.target.recv_from(&mut bytes).unwrap();
        bench.target.send_to(&bytes[..length], from).unwrap();
    }
    assert_eq!(
        (received(&other), received(&bench.client)),
        (vec![b"hello".to_vec()], vec![b"hi".to_vec()])
    );
    let numbers: Vec<u32> = (0..500).collect();
    assert_eq!(bench.send(0..500), numbers);
    let counts = bench.there();
    let expected =
        Counts { came: 502, came_bytes: 2007, sent: 502, sent_bytes: 2007, ..Counts::default() };
    assert_eq!(counts, expected);
    let back = bench.proxy.counts(Way::Back).unwrap();
    assert_eq!((back.came, back.sent, back.came_bytes), (2, 2, 7));
}

/// 4 standard deviations of a binomial count: one seed in 16,000 would fail, and the seed is fixed.
#[test]
fn what_is_lost_doubled_and_held_up_is_within_the_bounds_of_its_probability() {
    let faults = Faults {
        loss: 0.3,
        duplicate: 0.2,
        reorder: 0.1,
        hold: Duration::from_millis(5),
        ..Faults::NONE
    };
    for seed in 0..20 {
        let mut judge = Judge::new(seed, Way::There);
        judge.follow(Duration::ZERO, &[(Duration::ZERO, faults)]).unwrap();
        let (mut lost, mut doubled, mut held, all) = (0.0, 0.0, 0.0, 20_000_u64);
        for number in 0..all {
            let now = Duration::from_millis(number);
            match judge.judge(now) {
                Fate::Passed { at, again } => {
                    held += f64::from(u8::from(at == now + faults.hold));
                    doubled += f64::from(u8::from(again.is_some()));
                }
                Fate::Lost => lost += 1.0,
                Fate::Partitioned => panic!("there is no partition"),
            }
        }
        let near = |found: f64, part: f64, of: f64| {
            let bound = 4.0 * (of * part * (1.0 - part)).sqrt();
            assert!((found - of * part).abs() < bound, "seed {seed}: {found} of {of} at {part}");
        };
        near(lost, faults.loss, all as f64);
        let passed = all as f64 - lost;
        near(doubled, faults.duplicate, passed);
        near(held, faults.reorder, passed);
    }
}

#[test]
fn the_same_seed_decides_the_same_whatever_happened_before() {
    let faults =
        Faults { loss: 0.3, duplicate: 0.3, jitter: Duration::from_millis(9), ..Faults::NONE };
    let decide = |seed, way, start: Faults| {
        let mut judge = Judge::new(seed, way);
        let later = Duration::from_millis(100);
        judge.follow(Duration::ZERO, &[(Duration::ZERO, start), (later, faults)]).unwrap();
        let all = (0..1000).map(|number| judge.judge(Duration::from_millis(number)));
        all.skip(200).collect::<Vec<_>>()
    };
    let first = decide(SEED, Way::There, Faults::NONE);
    assert_eq!(first, decide(SEED, Way::There, Faults::NONE));
    assert_eq!(first, decide(SEED, Way::There, Faults::PARTITION));
    assert_ne!(first, decide(SEED + 1, Way::There, Faults::NONE));
    assert_ne!(first, decide(SEED, Way::Back, Faults::NONE));
}

#[test]
fn two_proxies_of_one_seed_lose_the_same_datagrams() {
    let come = |seed| {
        let bench = Bench::new(seed);
        bench.proxy.set(Faults { loss: 0.3, ..Faults::NONE }).unwrap();
        let came = bench.send(0..2000);
        let counts = bench.there();
        assert_eq!((counts.came, counts.sent), (2000, came.len() as u64));
        assert_eq!((counts.lost, counts.unread), (2000 - counts.sent, 0));
        let expected = (2000.0 * 0.3, 4.0 * (2000.0 * 0.3 * 0.7_f64).sqrt());
        assert!((counts.lost as f64 - expected.0).abs() < expected.1, "{counts:?}");
        came
    };
    let first = come(SEED);
    assert!(first.is_sorted(), "loss reorders nothing");
    assert_eq!(first, come(SEED));
    assert_ne!(first, come(SEED + 1));
}

#[test]
fn a_partition_stops_everything_also_what_is_on_its_way() {
    let bench = Bench::new(SEED);
    let slow = Faults { delay: Duration::from_millis(300), ..Faults::NONE };
    bench.proxy.set(slow).unwrap();
    for number in 0..10_u32 {
        bench.client.send_to(&number.to_le_bytes(), bench.proxy.local()).unwrap();
    }
    bench.until(|| bench.proxy.counts(Way::There).unwrap().came == 10);
    bench.proxy.set(Faults::PARTITION).unwrap();
    assert!(bench.send(10..20).is_empty());
    let counts = bench.there();
    assert_eq!((counts.came, counts.sent, counts.partitioned), (20, 0, 20));
    bench.proxy.set(Faults::NONE).unwrap();
    // In order behind what was on its way.
    assert_eq!(bench.send(20..30), (20..30).collect::<Vec<_>>());
}

#[test]
fn one_way_can_be_cut_alone() {
    let bench = Bench::new(SEED);
    bench.client.send_to(b"hello", bench.proxy.local()).unwrap();
    let mut bytes = [0; 16];
    let (_, from) = bench.target.recv_from(&mut bytes).unwrap();
    bench.proxy.set_way(Way::Back, Faults::PARTITION).unwrap();
    bench.target.send_to(b"lost", from).unwrap();
    assert_eq!(bench.send(0..5), [0, 1, 2, 3, 4]);
    assert!(received(&bench.client).is_empty());
    let back = bench.proxy.counts(Way::Back).unwrap();
    assert_eq!((back.came, back.partitioned, bench.there().partitioned), (1, 1, 0));
}

#[test]
fn a_schedule_switches_by_itself() {
    let bench = Bench::new(SEED);
    let after = Duration::from_millis;
    bench.proxy.follow(&[(after(300), Faults::PARTITION), (after(900), Faults::NONE)]).unwrap();
    let begin = Instant::now();
    assert_eq!(bench.send(0..3), [0, 1, 2]);
    thread::sleep(after(500).saturating_sub(begin.elapsed()));
    assert!(bench.send(3..6).is_empty());
    thread::sleep(after(1000).saturating_sub(begin.elapsed()));
    assert_eq!(bench.send(6..9), [6, 7, 8]);
    assert_eq!(bench.there().partitioned, 3);
}

#[test]
fn delay_delays_and_jitter_keeps_the_order() {
    let bench = Bench::new(SEED);
    let (delay, jitter) = (Duration::from_millis(100), Duration::from_millis(50));
    bench.proxy.set(Faults { delay, jitter, ..Faults::NONE }).unwrap();
    let begin = Instant::now();
    let came = bench.send(0..200);
    assert!(begin.elapsed() >= delay);
    assert_eq!(came, (0..200).collect::<Vec<_>>());
    assert_eq!(bench.there().reordered, 0);
}

#[test]
fn what_is_held_up_is_passed_and_counted() {
    let bench = Bench::new(SEED);
    let hold = Duration::from_millis(20);
    bench.proxy.set(Faults { reorder: 0.2, hold, ..Faults::NONE }).unwrap();
    let came = bench.send(0..1000);
    assert!(!came.is_sorted());
    let mut highest = 0;
    let late = came.iter().filter(|number| {
        highest = highest.max(**number);
        **number < highest
    });
    let late = late.count() as u64;
    assert_eq!(bench.there().reordered, late);
    assert!((50..300).contains(&late), "{late}");
    let mut all = came.clone();
    all.sort_unstable();
    assert_eq!(all, (0..1000).collect::<Vec<_>>(), "none is lost and none is doubled");
}

#[test]
fn what_is_doubled_comes_twice() {
    let bench = Bench::new(SEED);
    bench.proxy.set(Faults { duplicate: 0.5, ..Faults::NONE }).unwrap();
    let came = bench.send(0..1000);
    let counts = bench.there();
    assert_eq!(counts.sent, came.len() as u64);
    assert_eq!(counts.duplicated, counts.sent - 1000);
    assert!((400..600).contains(&counts.duplicated), "{counts:?}");
    assert_eq!(counts.reordered, 0);
}

#[test]
fn samples_are_found_wherever_they_lie_in_a_datagram() {
    let (one, two) = (sample(STATE, 9, 3), sample(RULING, 9, 4));
    let datagram = [&[1, 2, 3][..], &one, &[0xFF; 5], &two, &STATE.to_le_bytes()].concat();
    let found = headers(&datagram, &[STATE, RULING]);
    let found: Vec<_> = found.iter().map(|header| (header.layout, header.sequence)).collect();
    assert_eq!(found, [(STATE, 3), (RULING, 4)], "the last is cut off");
    assert!(headers(&datagram, &[]).is_empty());
    assert_eq!(headers(&one[..32], &[STATE]).len(), 1);
    assert!(headers(&one[..31], &[STATE]).is_empty());
}

/// What the proxy says the receiver misses is what the receiver misses.
#[test]
fn samples_add_up_with_what_the_receiver_sees() {
    let bench = Bench::new(SEED);
    bench.proxy.set(Faults { loss: 0.3, duplicate: 0.1, ..Faults::NONE }).unwrap();
    for sequence in 1..=500 {
        // The sender dropped one itself.
        if sequence == 250 {
            continue;
        }
        // Every third datagram carries two.
        let mut datagram = [&[7; 11][..], &sample(STATE, 1, sequence)].concat();
        if sequence % 3 == 0 {
            datagram.extend(sample(RULING, 2, sequence / 3));
        }
        bench.client.send_to(&datagram, bench.proxy.local()).unwrap();
    }
    bench.until(|| bench.proxy.counts(Way::There).unwrap().came == 499);
    assert!(bench.proxy.drained(PATIENCE).unwrap());
    let mut seen: Vec<u64> = Vec::new();
    let mut copies = 0;
    for datagram in bench.received() {
        let sequence = headers(&datagram, &[STATE])[0].sequence;
        if seen.last() == Some(&sequence) { copies += 1 } else { seen.push(sequence) }
    }
    let missed = seen.windows(2).map(|pair| pair[1] - pair[0] - 1).sum::<u64>();
    let found = bench.proxy.samples(Way::There, STATE);
    assert_eq!((found.passed, found.copies), (seen.len() as u64, copies));
    assert_eq!((found.passed + found.dropped, found.unsent, found.late), (499, 1, 0));
    assert_eq!(found.missed, missed);
    let ruling = bench.proxy.samples(Way::There, RULING);
    assert_eq!(ruling.passed + ruling.dropped, 166);
    assert_eq!(bench.proxy.samples(Way::Back, STATE), Samples::default());
    assert_eq!(bench.proxy.samples(Way::There, 1), Samples::default());
}

#[test]
fn a_new_session_is_no_gap() {
    let bench = Bench::new(SEED);
    for (session, sequence) in [(1, 40), (1, 41), (2, 1), (2, 3)] {
        bench.client.send_to(&sample(STATE, session, sequence), bench.proxy.local()).unwrap();
    }
    bench.until(|| bench.there().sent == 4);
    let found = bench.proxy.samples(Way::There, STATE);
    assert_eq!((found.passed, found.missed, found.unsent), (4, 1, 1));
}

#[test]
fn a_target_that_is_not_there_yet_is_no_error() {
    let gone = free().local_addr().unwrap();
    let proxy = Proxy::start(&End::here(loopback()), &End::here(gone), SEED, &[]).unwrap();
    let client = free();
    let send = || client.send_to(b"x", proxy.local()).unwrap();
    let sent = |count| {
        let end = Instant::now() + PATIENCE;
        while proxy.counts(Way::There).unwrap().sent < count {
            assert!(Instant::now() < end);
            thread::sleep(Duration::from_millis(1));
        }
    };
    send();
    sent(1);
    send();
    sent(2);
    let target = UdpSocket::bind(gone).unwrap();
    send();
    assert_eq!(received(&target), [b"x"]);
}

#[test]
fn more_senders_than_are_served_are_counted() {
    let bench = Bench::new(SEED);
    let senders: Vec<_> = std::iter::repeat_with(free).take(PEERS_MAX + 3).collect();
    for sender in &senders {
        sender.send_to(b"x", bench.proxy.local()).unwrap();
    }
    bench.until(|| bench.there().refused == 3);
    assert_eq!(bench.there().came, PEERS_MAX as u64);
}

/// The kernel's own losses are not hidden: nobody reads while the machine is flooded.
#[test]
fn what_the_kernel_lost_is_counted() {
    let idle = socket(loopback()).unwrap();
    let local = idle.local_addr().unwrap();
    setsockopt(&idle, sockopt::RcvBuf, &4096).unwrap();
    let client = free();
    for _ in 0..100 {
        client.send_to(&[0; 1000], local).unwrap();
    }
    let kept = received(&idle).len() as u64;
    assert!(kept < 100);
    assert_eq!(counts::unread(&[local.port()]).unwrap().lost, 100 - kept);
}

#[test]
fn wrong_faults_are_refused() {
    let bench = Bench::new(SEED);
    for loss in [f64::NAN, -0.1, 1.1] {
        let refusal = bench.proxy.set(Faults { loss, ..Faults::NONE }).unwrap_err().to_string();
        assert!(refusal.contains("loss") && refusal.contains("0 to 1"), "{refusal}");
    }
    let twice = [(Duration::ZERO, Faults::NONE), (Duration::ZERO, Faults::PARTITION)];
    assert!(bench.proxy.follow(&twice).unwrap_err().to_string().contains("rise"));
}

#[test]
fn it_lies_between_two_hosts() {
    let Some(hosts) = or_skip(Hosts::two()) else { return };
    let (robot, front) = (netns::at(netns::address(0), 7447), netns::at(netns::gate(1), 7447));
    let open = |host: &Namespace, address, port| {
        host.inside(|| UdpSocket::bind((address, port))).unwrap().unwrap()
    };
    let target = open(hosts.left(), netns::address(0), 7447);
    let client = open(hosts.right(), netns::address(1), 0);
    let middle = |address| End::on(hosts.middle(), address);
    let proxy = Proxy::start(&middle(front), &middle(robot), SEED, &[]).unwrap();
    client.send_to(b"hello", front).unwrap();
    let mut bytes = [0; 16];
    let (length, from) = target.recv_from(&mut bytes).unwrap();
    assert_eq!(from.ip(), netns::gate(0));
    target.send_to(&bytes[..length], from).unwrap();
    let (length, from) = client.recv_from(&mut bytes).unwrap();
    assert_eq!((&bytes[..length], from), (&b"hello"[..], front));
    proxy.set(Faults::PARTITION).unwrap();
    client.send_to(b"lost", front).unwrap();
    assert!(received(&target).is_empty());
    assert_eq!(proxy.counts(Way::There).unwrap().partitioned, 1);
}

/// Two programs that hear only their own loopback.
#[test]
fn it_reaches_into_two_hosts() {
    let Some(hosts) = or_skip(Hosts::two()) else { return };
    let own = netns::at(Ipv4Addr::LOCALHOST, 7447);
    let (left, right) = (End::on(hosts.left(), own), End::on(hosts.right(), own));
    let target = left.inside(|| UdpSocket::bind(own)).unwrap().unwrap();
    let client = right.inside(|| UdpSocket::bind(loopback())).unwrap().unwrap();
    let proxy = Proxy::start(&right, &left, SEED, &[]).unwrap();
    client.send_to(b"hello", own).unwrap();
    let mut bytes = [0; 16];
    let (length, from) = target.recv_from(&mut bytes).unwrap();
    target.send_to(&bytes[..length], from).unwrap();
    let (length, from) = client.recv_from(&mut bytes).unwrap();
    assert_eq!((&bytes[..length], from), (&b"hello"[..], own));
    assert!(proxy.drained(PATIENCE).unwrap());
    assert_eq!(hosts.left().packets().unwrap() + hosts.right().packets().unwrap(), 0);
}
