//! Times the control tick of the quadruped while it walks in the simulator, physics apart:
//! `cargo run --release -p triune-tests --example control_tick`.
//!
//! One line a stage with its median and 99th percentile, beside the budget of a tick. The force
//! planner (MPC) runs on its own thread here, as in real time, so `control` is without it; its own
//! time is the last line.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench without its robot ends")]

use std::time::{Duration, Instant as Clock};

use body::Body;
use cerebellum::{Cerebellum, ForcePlanner, InlineForcePlanner, MpcInput, MpcOutput};
use signals::{
    BaseVelocity, Cycle, Instant, MetresPerSecond, ModelHash, Operator, OperatorAct, Plan,
    PlanRequest, RadiansPerSecond, VelocityChunk,
};

/// Solves in place like the planner of virtual time, and hands its time to the caller.
struct Timed {
    inner: InlineForcePlanner,
    spent: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl ForcePlanner for Timed {
    fn submit(&mut self, input: &MpcInput) {
        let began = Clock::now();
        self.inner.submit(input);
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spent.store(nanos, std::sync::atomic::Ordering::Relaxed);
    }

    fn collect(&mut self) -> Option<MpcOutput> {
        self.inner.collect()
    }
}

fn plan(sequence: u64, now: Instant) -> Plan {
    let velocity = BaseVelocity {
        forward: MetresPerSecond(0.5),
        left: MetresPerSecond(0.0),
        yaw: RadiansPerSecond(0.2),
    };
    let step = Duration::from_millis(100);
    let chunk = VelocityChunk::constant(velocity, step, 8);
    Plan {
        sequence,
        observed_at: now,
        valid_until: now + Duration::from_millis(800),
        epoch: 1,
        model: ModelHash::default(),
        request: PlanRequest::Velocity(chunk),
    }
}

fn main() {
    let robot = model::Robot::load(&whole::root().join("robots/quadruped")).expect("the robot");
    let mut body = sim::SimBody::new(&robot, &sim::Yard::empty(), 1).expect("a body");
    let spent = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let inner = InlineForcePlanner::new(Cerebellum::force_settings(&robot));
    let planner = Timed { inner, spent: std::sync::Arc::clone(&spent) };
    let mut cerebellum = Cerebellum::new(&robot, Box::new(planner));
    let mut governor = runtime::wiring::governor(&robot).expect("a governor");
    let names = ["estimate", "rule", "control", "vet", "all four", "force planner (MPC)"];
    let mut times: [Vec<u64>; 6] = Default::default();
    for number in 0..20_000_u64 {
        let now = Instant::from_nanos(number * 1_000_000);
        let cycle = Cycle { number, now, period: Duration::from_millis(1) };
        let frame = body.sense(&cycle);
        let act = (number == 100).then_some(OperatorAct::Start);
        let operator = Operator { supervisor: Some(now), ..Operator::local(act) };
        let wish = (number > 3500 && number % 100 == 0).then(|| plan(number, now));
        spent.store(0, std::sync::atomic::Ordering::Relaxed);
        let began = Clock::now();
        let state = cerebellum.estimate(&cycle, &frame);
        let estimated = began.elapsed();
        let ruling = governor.rule(&cycle, &frame, &state, wish.as_ref(), &operator);
        let ruled = began.elapsed();
        let wanted = cerebellum.control(&cycle, &state, &ruling);
        let controlled = began.elapsed();
        let vetted = governor.vet(&cycle, &state, wanted);
        let done = began.elapsed();
        body.apply(vetted);
        while governor.next_record().is_some() {}
        // The first seconds are standing up; what counts is the walk.
        if number > 5000 {
            let forces = spent.load(std::sync::atomic::Ordering::Relaxed);
            let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            let control = nanos(controlled - ruled) - forces;
            let stages = [nanos(estimated), nanos(ruled - estimated), control];
            stages.iter().zip(&mut times).for_each(|(time, all)| all.push(*time));
            times[3].push(nanos(done - controlled));
            times[4].push(nanos(done) - forces);
            if forces > 0 {
                times[5].push(forces);
            }
        }
    }
    println!("walking at 0.5 m/s, {} ticks; budget of a tick 1000 us", times[0].len());
    for (name, all) in names.iter().zip(&mut times) {
        all.sort_unstable();
        let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize] as f64 * 1e-3;
        println!("{name:<20} p50 {:7.1} us   p99 {:7.1} us", at(0.5), at(0.99));
    }
}
