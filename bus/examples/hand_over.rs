//! What one hand-over of a 576-byte value costs: 12 joint commands of 48 bytes.
//!
//! `cargo run --release -p triune-bus --example hand_over`
//!
//! The promise, under 100 ns, is about the work a hand-over adds to a thread: one write plus one
//! read. The last two lines are for information: how long a value is under way to another core
//! depends on the machine's cache, not on this crate.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

type Sample = [u64; 72];

/// Hand-overs timed together, because reading the clock costs as much as one of them.
const BATCH: u32 = 32;
const BATCHES: usize = 50_000;

fn main() {
    assert_eq!(size_of::<Sample>(), 576);
    println!("{:<58} {:>7} {:>7} {:>7}", "ns per hand-over of 576 bytes", "min", "p50", "p99");
    one_thread();
    beside_a_reader();
    across_threads();
}

/// Write and read on one thread: the pure work.
fn one_thread() {
    let (mut writer, mut reader) = bus::latest::<Sample>();
    report("latest: write + read, one thread", |value| {
        writer.write(black_box([value; 72]));
        black_box(reader.read());
    });
    let (mut writer, mut reader) = bus::latest::<Sample>();
    report("latest: write + look in place, one thread", |value| {
        writer.write(black_box([value; 72]));
        black_box(reader.latest());
    });
    let (mut sender, mut receiver) = bus::queue::<Sample>(64);
    report("queue: send + recv, one thread", |value| {
        sender.send(black_box([value; 72]));
        black_box(receiver.recv());
    });
}

/// What the writer pays while another core reads as fast as it can: the worst neighbour.
fn beside_a_reader() {
    let stop = Arc::new(AtomicBool::new(false));
    let (mut writer, mut reader) = bus::latest::<Sample>();
    let seen = Arc::clone(&stop);
    let reading = thread::spawn(move || {
        while !seen.load(Ordering::Relaxed) {
            black_box(reader.read());
            spin_loop();
        }
    });
    report("latest: write, other thread reads without pause", |value| {
        writer.write(black_box([value; 72]));
    });
    stop.store(true, Ordering::Relaxed);
    drop(reading.join());
}

/// One way from thread to thread: half of a round trip through two channels.
fn across_threads() {
    let stop = Arc::new(AtomicBool::new(false));
    let (mut there, mut arrived) = bus::latest::<Sample>();
    let (mut back, mut returned) = bus::latest::<Sample>();
    let seen = Arc::clone(&stop);
    let echo = thread::spawn(move || {
        while !seen.load(Ordering::Relaxed) {
            match arrived.read() {
                Some(value) => drop(back.write(value)),
                None => spin_loop(),
            }
        }
    });
    let mut nanos = measure(|value| {
        there.write(black_box([value; 72]));
        while returned.read().is_none() {
            spin_loop();
        }
    });
    nanos.iter_mut().for_each(|round_trip| *round_trip /= 2.0);
    print("latest: one way to another thread and its core", &mut nanos);
    stop.store(true, Ordering::Relaxed);
    drop(echo.join());
}

fn report(what: &str, hand_over: impl FnMut(u64)) {
    print(what, &mut measure(hand_over));
}

/// ns per call, one number per batch.
fn measure(mut hand_over: impl FnMut(u64)) -> Vec<f64> {
    let mut batch = |number: usize| {
        let start = Instant::now();
        (0..BATCH).for_each(|_| hand_over(number as u64));
        start.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
    };
    for warming_up in 0..BATCHES / 10 {
        batch(warming_up);
    }
    (0..BATCHES).map(batch).collect()
}

fn print(what: &str, nanos: &mut [f64]) {
    nanos.sort_by(f64::total_cmp);
    let at = |share: usize| nanos[(nanos.len() - 1) * share / 100];
    println!("{what:<58} {:>7.1} {:>7.1} {:>7.1}", at(0), at(50), at(99));
}
