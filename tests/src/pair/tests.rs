use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use super::*;
use crate::netns::or_skip;

const PATIENCE: Duration = Duration::from_secs(30);
const LAYOUT: u64 = 0x0123_4567_89AB_CDEF;
const SAMPLES: u64 = 200;

/// The arguments of a shell that lets this test program play `role`; see [`stand_in`].
fn plays(role: &str) -> Vec<String> {
    let own = std::env::current_exe().unwrap();
    let script = format!(
        "STAND_IN={role} OUT={{out}} LISTEN={{listen}} CONNECT={{connect}} \
         exec {} --exact pair::tests::stand_in --nocapture",
        own.display()
    );
    vec!["-c".to_owned(), script]
}

fn scenario(robot: &str, brain: &str, carrier: Carrier) -> Scenario {
    Scenario {
        program: PathBuf::from("sh"),
        robot: plays(robot),
        brain: plays(brain),
        carrier,
        seed: 7,
        layouts: vec![LAYOUT],
        ..Scenario::default()
    }
}

/// Not a test by itself: the robot and the brain of the tests below.
#[test]
fn stand_in() {
    let of = |name| std::env::var(name).unwrap_or_default();
    let address = |name| of(name).rsplit_once('/').unwrap().1.to_owned();
    match &of("STAND_IN")[..] {
        "robot" => {
            fs::write(Path::new(&of("OUT")).join("report.json"), r#"{"falls": 0}"#).unwrap();
            let socket = UdpSocket::bind(address("LISTEN")).unwrap();
            let mut bytes = [0; 100];
            loop {
                let (length, from) = socket.recv_from(&mut bytes).unwrap();
                socket.send_to(&bytes[..length], from).unwrap();
            }
        }
        "brain" => {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            for sequence in 1..=SAMPLES {
                let sample = [LAYOUT, 1, sequence, 0].map(u64::to_le_bytes).concat();
                socket.send_to(&sample, address("CONNECT")).unwrap();
            }
            println!("all said");
            let mut bytes = [0; 100];
            loop {
                socket.recv_from(&mut bytes).unwrap();
                println!("answer");
            }
        }
        "robot that listens to connections" => {
            fs::write(Path::new(&of("OUT")).join("report.json"), r#"{"falls": 1}"#).unwrap();
            let (client, _) = TcpListener::bind(address("LISTEN")).unwrap().accept().unwrap();
            for line in BufReader::new(client).lines() {
                println!("{}", line.unwrap());
            }
        }
        "brain that connects" => {
            let mut robot = TcpStream::connect(address("CONNECT")).unwrap();
            robot.write_all(b"hello\n").unwrap();
            println!("all said");
        }
        "robot that does not listen" => println!("I give up"),
        _ => {}
    }
}

#[test]
fn samples_that_the_network_drops_are_missed_by_the_other_end() {
    let faults = Faults { loss: 0.3, ..Faults::NONE };
    let scenario = Scenario { faults, ..scenario("robot", "brain", Carrier::Udp) };
    let Some(mut pair) = or_skip(Pair::start(scenario)) else { return };
    pair.brain().unwrap().wait_for("all said", PATIENCE).unwrap();
    let Between::Datagrams(proxy) = pair.between() else { panic!("datagrams") };
    let end = std::time::Instant::now() + PATIENCE;
    while proxy.counts(Way::There).unwrap().came < SAMPLES || !proxy.drained(PATIENCE).unwrap() {
        assert!(std::time::Instant::now() < end);
    }
    let samples = proxy.samples(Way::There, LAYOUT);
    assert_eq!(samples.passed + samples.dropped, SAMPLES);
    assert!(samples.dropped > 20, "{samples:?}");
    let passed = samples.passed;
    let end = std::time::Instant::now() + PATIENCE;
    while proxy.counts(Way::Back).unwrap().came < passed || !proxy.drained(PATIENCE).unwrap() {
        assert!(std::time::Instant::now() < end);
    }
    let answers = usize::try_from(proxy.counts(Way::Back).unwrap().sent).unwrap();
    let brain = pair.brain().unwrap();
    let answered = |brain: &Process| Ok(brain.output().matches("answer\n").count() == answers);
    brain.wait_until("all answers", PATIENCE, answered).unwrap();
    let outcome = pair.stop(PATIENCE).unwrap();
    assert_eq!(outcome.report["falls"], 0);
    assert!(!outcome.robot.was_killed && !outcome.brain.unwrap().was_killed);
    let Traffic::Datagrams(back) = outcome.traffic[1] else { panic!("datagrams") };
    assert_eq!((back.came, back.add_up()), (passed, true));
}

/// Each hears only its own loopback.
#[test]
fn a_brain_can_be_killed_and_started_again() {
    let on_loopback = true;
    let start = Pair::start(Scenario { on_loopback, ..scenario("robot", "brain", Carrier::Udp) });
    let Some(mut pair) = or_skip(start) else { return };
    for _ in 0..2 {
        pair.brain().unwrap().wait_for("answer", PATIENCE).unwrap();
        let killed = pair.kill_brain().unwrap().unwrap();
        assert!(killed.was_killed && killed.output.contains("all said"), "{killed}");
        assert!(pair.robot().is_running().unwrap());
        pair.start_brain().unwrap();
    }
    let beside = pair.start_beside_brain(&["-c".to_owned(), "echo {connect}".to_owned()]).unwrap();
    assert_eq!(beside.finish(PATIENCE).unwrap().output, "udp/127.0.0.1:7447\n");
    assert_eq!(pair.hosts().right().packets().unwrap(), 0);
    pair.stop(PATIENCE).unwrap();
}

#[test]
fn a_connection_stalls_and_goes_on() {
    let (robot, brain) = ("'robot that listens to connections'", "'brain that connects'");
    let scenario = Scenario { faults: Faults::PARTITION, ..scenario(robot, brain, Carrier::Tcp) };
    let Some(mut pair) = or_skip(Pair::start(scenario)) else { return };
    pair.brain().unwrap().wait_for("all said", PATIENCE).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert!(!pair.robot().output().contains("hello"));
    pair.between().set(Faults::NONE).unwrap();
    pair.robot().wait_for("hello", PATIENCE).unwrap();
    let outcome = pair.finish(PATIENCE).unwrap();
    assert_eq!((outcome.robot.code(), &outcome.report["falls"]), (Some(0), &Value::from(1)));
    let Traffic::Stream(there) = outcome.traffic[0] else { panic!("a stream") };
    assert_eq!(there, Bytes { came: 6, sent: 6, lost: 0 });
}

#[test]
fn a_robot_that_does_not_listen_is_an_error_that_says_why() {
    let scenario = scenario("'robot that does not listen'", "brain", Carrier::Udp);
    match Pair::start(scenario) {
        Err(NoNetwork::Io(error)) => {
            let said = error.to_string();
            assert!(said.contains("does not listen") && said.contains("I give up"), "{said}");
        }
        other => drop(or_skip(other.map(|_| panic!("it listens")))),
    }
}
