//! Two gateways on one machine.
#![cfg(feature = "network")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]

use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bus::network::bulk::{BulkTopic, SHARED_FROM};
use bus::network::error::NetworkError;
use bus::network::gateway::Gateway;
use bus::network::layout::{Header, Layout};
use bus::network::samples::{
    CEREBELLUM_STATE, OPERATOR_STOP, ObservationSample, StateSample, StopSample,
};
use bus::network::topic::Topic;
use bus::network::{Role, Settings};
use zerocopy::IntoBytes;

const PATIENCE: Duration = Duration::from_secs(5);

/// A robot and somebody who reaches it.
fn pair() -> (Gateway, Gateway) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let endpoint = format!("tcp/127.0.0.1:{port}");
    (robot(&endpoint), reach(&endpoint))
}

fn robot(endpoint: &str) -> Gateway {
    let listen = vec![endpoint.to_owned()];
    Gateway::open(&Settings { listen, ..Settings::robot("r1") }).unwrap()
}

fn reach(endpoint: &str) -> Gateway {
    let connect = vec![endpoint.to_owned()];
    Gateway::open(&Settings { connect, ..Settings::client("r1", Role::Observer) }).unwrap()
}

fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never came to that");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn at(x: f32) -> StateSample {
    StateSample { position: [x, 0.0, 0.0], ..StateSample::default() }
}

#[test]
fn samples_arrive_in_order_and_once_somebody_hears_them() {
    let (here, there) = pair();
    here.publish_schema(&CEREBELLUM_STATE).unwrap();
    let mut outlet = here.outlet(&CEREBELLUM_STATE).unwrap();
    assert!(!outlet.put(0, &at(0.0)), "nobody hears it");
    assert_eq!(outlet.counts().unheard.get(), 1);
    let (send, heard) = mpsc::channel();
    let subscription = there
        .subscribe(&CEREBELLUM_STATE, PATIENCE, move |header, state| {
            send.send((*header, state.position[0])).unwrap();
        })
        .unwrap();
    until(|| outlet.is_heard());
    for n in 1..=100 {
        assert!(outlet.put(n * 1000, &at(n as f32)));
    }
    for n in 1..=100 {
        let (header, x) = heard.recv_timeout(PATIENCE).unwrap();
        assert_eq!((header.sequence, header.at, x), (n, n * 1000, n as f32));
        assert_eq!(header.session, here.id());
    }
    let losses = subscription.losses();
    assert_eq!((losses.heard.get(), losses.lost.get()), (100, 0));
    drop(subscription);
    until(|| !outlet.is_heard());
}

#[test]
fn another_layout_is_refused_by_name() {
    let (here, there) = pair();
    // What this robot publishes under the key of the state has the layout of an observation.
    let other = Topic::<ObservationSample>::out(CEREBELLUM_STATE.key, 1.0);
    here.publish_schema(&other).unwrap();
    let refused = there.subscribe(&CEREBELLUM_STATE, PATIENCE, |_, _| {}).unwrap_err();
    let NetworkError::Layout { topic, field, .. } = &refused else { panic!("{refused}") };
    assert_eq!(topic, "cerebellum/state");
    assert!(field.contains("joint_count") && field.contains("ranges"), "{field}");
    let silent = there.subscribe(&OPERATOR_STOP, Duration::from_millis(200), |_, _| {});
    assert!(matches!(silent, Err(NetworkError::Silent { .. })));
}

#[test]
fn what_comes_in_is_checked_before_it_is_looked_at() {
    const BUTTON: Topic<StopSample> = Topic::open("test/button", 50.0);
    let (here, there) = pair();
    let (send, taken) = mpsc::channel();
    let inlet = here.inlet(&BUTTON, move |sample| send.send(sample.body).unwrap()).unwrap();
    let key = BUTTON.of("r1");
    let publisher = there.session().declare_publisher(key.clone());
    let publisher = zenoh::Wait::wait(publisher).unwrap();
    let put = |bytes: Vec<u8>| zenoh::Wait::wait(publisher.put(bytes)).unwrap();
    let sample = |layout| {
        let header = Header { layout, session: 1, sequence: 1, at: 0 };
        [header.as_bytes(), StopSample::default().as_bytes()].concat()
    };
    let good = sample(StopSample::HASH);
    until(|| {
        put(good.clone());
        taken.try_recv().is_ok()
    });
    let counts = inlet.counts();
    put(good[1..].to_vec());
    put(vec![0; 200]);
    put(Vec::new());
    put(vec![0; 100_000]);
    put(vec![0; 1_000_000]);
    until(|| counts.size.get() == 5);
    // What is longer than anything a robot hears is not even put together.
    put(vec![0; 2 << 20]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(counts.size.get(), 5);
    put(sample(StateSample::HASH));
    until(|| counts.layout.get() == 1);
    // A flood: what the topic allows gets through, the rest is counted.
    let (before, began) = (counts.taken.get(), Instant::now());
    for _ in 0..5000 {
        put(good.clone());
    }
    until(|| counts.taken.get() - before + counts.rate.get() >= 4000);
    let allowed = 11.0 + began.elapsed().as_secs_f64() * 50.0;
    assert!(((counts.taken.get() - before) as f64) <= allowed);
}

#[test]
fn questions_are_answered_and_long_ones_are_not() {
    let (here, there) = pair();
    here.answer("about", |question| [b"you said ", question].concat()).unwrap();
    let answer = there.ask("about", b"hello".to_vec(), PATIENCE).unwrap();
    assert_eq!(answer, b"you said hello");
    let long = there.ask("about", vec![b' '; 4097], Duration::from_millis(300));
    assert!(matches!(long, Err(NetworkError::Silent { .. })));
    assert!(here.long_questions().get() > 0);
    let nobody = there.ask("nothing", Vec::new(), Duration::from_millis(200)).unwrap_err();
    assert!(nobody.to_string().contains("triune/r1/nothing"), "{nobody}");
    let all = there.ask_all("triune/*/about", Vec::new(), PATIENCE).unwrap();
    assert_eq!(all, [("triune/r1/about".to_owned(), b"you said ".to_vec())]);
}

#[test]
fn large_payloads_are_shared_and_small_ones_are_not() {
    const CHUNK: BulkTopic = BulkTopic { key: "test/chunk", about: "bytes" };
    let (here, there) = pair();
    let mut outlet = here.bulk_outlet(&CHUNK, 1 << 20).unwrap();
    let (send, heard) = mpsc::channel();
    let inlet = there
        .bulk_inlet(&CHUNK, move |header, bytes| {
            let whole = bytes.iter().all(|byte| *byte == header.sequence as u8);
            send.send((header.sequence, bytes.len(), whole)).unwrap();
        })
        .unwrap();
    // Until the other end is known, nothing arrives.
    until(|| {
        outlet.put(0, 1, |bytes| bytes.fill(0));
        std::thread::sleep(Duration::from_millis(5));
        heard.try_iter().count() > 0
    });
    let small = outlet.counts().small.get();
    for (n, length) in [10, SHARED_FROM - 1, SHARED_FROM, 100_000, 900_000].into_iter().enumerate()
    {
        let sequence = small + 1 + n as u64;
        assert!(outlet.put(0, length, |bytes| bytes.fill(sequence as u8)));
        let got = loop {
            let got = heard.recv_timeout(PATIENCE).unwrap();
            if got.0 >= sequence {
                break got;
            }
        };
        assert_eq!(got, (sequence, length, true));
    }
    let counts = outlet.counts();
    assert_eq!((counts.small.get() - small, counts.shared.get(), counts.unshared.get()), (2, 3, 0));
    assert_eq!(inlet.shared(), 3, "they were read where they were written");
    // More than there is to share goes by the ordinary way.
    let large = 2 << 20;
    assert!(outlet.put(0, large, |bytes| bytes.fill(1)));
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap().1, large);
    assert_eq!((counts.unshared.get(), inlet.shared(), inlet.losses().lost.get()), (1, 3, 0));
    assert!(!outlet.put(0, usize::MAX, |_| {}), "there is a bound");
}
