//! A robot and its brain in two processes on two hosts, and what a bad network between them does.
//!
//! Each hears only the loopback of its host; a proxy drawn from a seed lies between. The tests
//! return early, with a message, where network namespaces are not permitted.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]

use std::thread;
use std::time::{Duration, Instant};

use bus::network::layout::Layout;
use bus::network::samples::{ObservationSample, PlanSample};
use nix::sys::signal::Signal;
use serde_json::Value;
use whole::netns::or_skip;
use whole::pair::{Between, Outcome, Pair, Scenario, Traffic};
use whole::proxy::{Faults, Proxy, Way};

/// For what comes for sure, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A wire that loses much, is slow, and mixes up the rest.
const BAD: Faults = Faults {
    loss: 0.3,
    delay: Duration::from_millis(100),
    jitter: Duration::from_millis(20),
    duplicate: 0.2,
    reorder: 0.1,
    hold: Duration::from_millis(20),
    partition: false,
};
/// How long nothing at all gets through.
const CUT: Duration = Duration::from_secs(5);
/// Exit code after an interrupt.
const INTERRUPTED: i32 = 5;

fn start(seed: u64) -> Option<Pair> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let robot = "run robots/quadruped --headless --brain far --listen {listen} --out {out} --seed";
    let robot = [words(robot), vec![seed.to_string()]].concat();
    let brain = words("brain robots/quadruped --connect {connect} --patience 60 --json");
    let layouts = vec![PlanSample::HASH, ObservationSample::HASH];
    let (on_loopback, rest) = (true, Scenario::default());
    or_skip(Pair::start(Scenario { robot, brain, on_loopback, seed, layouts, ..rest }))
}

fn proxy(pair: &Pair) -> &Proxy {
    match pair.between() {
        Between::Datagrams(proxy) => proxy,
        Between::Stream(_) => panic!("plans are carried in datagrams"),
    }
}

fn plans(pair: &Pair) -> u64 {
    proxy(pair).samples(Way::There, PlanSample::HASH).passed
}

/// Waits for so many more plans, and says when the first of them passed the proxy.
fn plans_come(pair: &mut Pair, count: u64) -> Instant {
    let (begin, before, mut first) = (Instant::now(), plans(pair), None);
    while plans(pair) < before + count {
        if begin.elapsed() > PATIENCE {
            let counts = Way::ALL.map(|way| proxy(pair).counts(way));
            let observations = proxy(pair).samples(Way::Back, ObservationSample::HASH);
            let robot = pair.robot().errors();
            let brain = pair.stop_brain(PATIENCE).unwrap().unwrap();
            panic!("no plans; {observations:?}\n{counts:?}\n{robot}\n{brain}");
        }
        if first.is_none() && plans(pair) > before {
            first = Some(Instant::now());
        }
        thread::sleep(Duration::from_millis(1));
    }
    first.unwrap_or_else(Instant::now)
}

/// Whatever the network did, the body was never left to it.
fn is_unharmed(outcome: &Outcome) {
    assert_eq!(outcome.robot.code(), Some(INTERRUPTED), "{outcome}");
    for key in ["falls", "limit_violations", "collisions", "cycle_allocations"] {
        assert_eq!(outcome.report[key], 0, "{key}: {outcome}");
    }
    for traffic in outcome.traffic {
        let Traffic::Datagrams(counts) = traffic else { panic!("datagrams: {outcome}") };
        assert!(counts.add_up() && counts.unread == 0, "{counts:?}");
    }
}

/// When the loop took a new plan, by its journal: how long after its first one.
fn plans_taken(outcome: &Outcome) -> Vec<Duration> {
    let journal = runtime::journal::read(&outcome.out.path().join("journal.mcap")).unwrap();
    let taken = journal.ticks.iter().filter(|tick| tick.plan > 0);
    let mut taken: Vec<_> = taken.map(|tick| (tick.plan, tick.at)).collect();
    taken.dedup_by_key(|(plan, _)| *plan);
    let first = taken.first().unwrap().1;
    taken.into_iter().map(|(_, at)| at.since(first)).collect()
}

/// Loss, delay, copies, reordering, then nothing at all for 5 s: the robot does not fall, and
/// plans come again when the network does. What the brain missed is what the network dropped.
///
/// Clauses: C3.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_bad_network_harms_nothing_and_plans_come_again() {
    let Some(mut pair) = start(7) else { return };
    // The way is short yet: the loop takes the first plan when it passes the proxy.
    let first = plans_come(&mut pair, 20);
    pair.between().set(BAD).unwrap();
    thread::sleep(Duration::from_secs(4));
    pair.between().set(Faults::PARTITION).unwrap();
    thread::sleep(CUT);
    let healed = first.elapsed();
    pair.between().set(Faults::NONE).unwrap();
    plans_come(&mut pair, 20);
    let outcome = pair.stop(PATIENCE).unwrap();
    is_unharmed(&outcome);
    let taken = plans_taken(&outcome);
    let again = taken.iter().find(|at| **at > healed).unwrap();
    eprintln!("the loop has a plan again {:?} after the network healed", *again - healed);
    let early = |at: &&Duration| **at > healed - CUT + Duration::from_millis(500);
    assert_eq!(taken.iter().find(early), Some(again), "nothing gets through a cut");
    let brain = outcome.brain.as_ref().unwrap();
    let said: Value = serde_json::from_str(&brain.output).unwrap();
    let [_, [_, observations]] = outcome.samples[..] else { panic!("two layouts") };
    assert!(observations.dropped > 0, "{outcome}");
    assert_eq!(said["brain"]["observations_lost"], observations.missed, "{outcome}");
}

/// The brain is killed, and another one takes its place.
///
/// Clauses: C3.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_brain_that_is_killed_can_be_replaced() {
    let Some(mut pair) = start(8) else { return };
    plans_come(&mut pair, 20);
    assert!(pair.kill_brain().unwrap().unwrap().was_killed);
    thread::sleep(Duration::from_secs(1));
    assert!(pair.robot().is_running().unwrap());
    let begin = Instant::now();
    pair.start_brain().unwrap();
    let first = plans_come(&mut pair, 20);
    eprintln!("the first plan of the next brain after {:?}", first - begin);
    is_unharmed(&pair.stop(PATIENCE).unwrap());
}

/// A brain that is stopped in mid-thought, and one that thinks for longer than a plan may be old:
/// for the robot each is a brain that is silent or late. It slows down and holds; nothing else.
///
/// Clauses: C3, S9.
#[test]
#[cfg_attr(debug_assertions, ignore = "real time; `tests/run network` runs it in release")]
fn a_brain_that_is_frozen_or_slow_is_a_brain_that_is_silent() {
    let Some(mut pair) = start(9) else { return };
    plans_come(&mut pair, 20);
    pair.brain().unwrap().signal(Signal::SIGSTOP).unwrap();
    thread::sleep(Duration::from_secs(3));
    assert!(pair.robot().is_running().unwrap());
    pair.brain().unwrap().signal(Signal::SIGCONT).unwrap();
    plans_come(&mut pair, 20);
    pair.kill_brain().unwrap();
    pair.brain_arguments().extend(["--delay-ms".to_owned(), "600".to_owned()]);
    pair.start_brain().unwrap();
    plans_come(&mut pair, 5);
    let outcome = pair.stop(PATIENCE).unwrap();
    is_unharmed(&outcome);
    let acted = |rule: &str| {
        let all = outcome.report["governor"]["interventions"].as_array().unwrap();
        all.iter().any(|one| one["rule"] == rule)
    };
    assert!(acted("PLAN-SILENT") && acted("PLAN-AGE"), "{}", outcome.report["governor"]);
}
