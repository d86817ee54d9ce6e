//! Equal seeds give equal bits; nothing blows up.

use super::*;
use crate::Disturbance;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signals::{Damping, NewtonMetres, Newtons, Stiffness};

/// A loop closed over the noisy readings, so that the noise reaches the physics.
fn closed_loop(seed: u64) -> (Vec<u8>, SensorFrame) {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::from_seed(seed), seed).unwrap();
    run(&mut body, 0..2000, |tick, frame, _| {
        let mut command = crate::rate::rise(&robot, at(tick), TICK);
        for id in command.joints.ids() {
            let joint = &mut command.joints[id];
            joint.tau = NewtonMetres(20.0 * (joint.q - frame.joints[id].q).0);
        }
        command
    });
    (digest(&body), sense(&mut body, 2000))
}

/// Clauses: E5.
#[test]
fn the_same_seed_gives_the_same_bits() {
    let [first, again, other] = [4, 4, 5].map(closed_loop);
    assert_eq!(first.0, again.0);
    assert_eq!(first.1, again.1);
    assert_ne!(first.0, other.0);
}

struct Random(ChaCha8Rng);

impl Random {
    fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.0.next_u32() as f64 / f64::from(u32::MAX)) as f32
    }
}

/// Random postures every 150 ms and a shove of up to 200 N on each axis every second, for 10 s.
/// Returns highest speed, highest position and how far a joint got beyond its stops.
fn abuse(seed: u64) -> [f32; 3] {
    let robot = quadruped();
    let mut random = Random(ChaCha8Rng::seed_from_u64(seed));
    let mut body = SimBody::new(&robot, &Yard::from_seed(seed), seed).unwrap();
    let mut targets = Joints::filled(JointCommand::LIMP, 12);
    let mut worst = [0.0_f32; 3];
    for tick in 0..10_000 {
        assert!(sense(&mut body, tick).is_finite(), "seed {seed}, tick {tick}");
        if tick % 150 == 0 {
            for (target, limits) in targets.iter_mut().zip(robot.limits.joints.iter()) {
                target.q = signals::Radians(random.within(limits.q_min.0, limits.q_max.0));
                (target.kp, target.kd) = (Stiffness(90.0), Damping(2.5));
            }
        }
        if tick % 1000 == 500 {
            let force = [(); 3].map(|()| Newtons(random.within(-200.0, 200.0)));
            body.disturb(Disturbance::Push { force, duration: 100 * TICK });
        }
        body.take(
            &BodyCommand { joints: targets, valid_until: at(tick + 5) },
            u64::from(tick),
            at(tick),
        );
        let truth = body.truth();
        worst[0] = worst[0].max(norm(truth.velocity_world.map(|v| v.0)));
        worst[1] = worst[1].max(truth.position[2].0);
        for (state, joint) in truth.joints.iter().zip(&robot.model.joints) {
            let [low, high] = joint.range.unwrap();
            let beyond = (low as f32 - state.q.0).max(state.q.0 - high as f32);
            worst[2] = worst[2].max(beyond);
        }
    }
    worst
}

/// Clauses: C1.
#[test]
fn abuse_breaks_nothing() {
    for seed in 1..=4 {
        let [speed, height, beyond] = abuse(seed);
        println!("seed {seed}: {speed:.2} m/s, {height:.2} m, {beyond:.3} rad beyond a stop");
        assert!(speed < 8.0 && height < 1.5 && beyond < 0.1, "{seed}: {speed} {height} {beyond}");
    }
}

#[test]
fn it_may_move_to_another_thread() {
    fn check<T: Send>() {}
    check::<SimBody>();
}
