//! One joint made of an inertia, written without any of the governor's arithmetic: whatever it is
//! told, it never passes its hard limits.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, joint, joint_limits};
use governor::Profile;
use signals::*;

/// A small generator: the adversary has to be the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn unit(&mut self) -> f32 {
        (self.roll() % 2001) as f32 / 1000.0 - 1.0
    }
}

#[derive(Clone, Copy, Debug)]
enum Adversary {
    PushUp,
    Flip(u64),
    Random(u64),
    FarTarget,
    Chatter,
}

impl Adversary {
    fn command(self, tick: u64, dice: &mut Dice, held: &mut JointCommand) -> JointCommand {
        let torque = |tau: f32| JointCommand { tau: NewtonMetres(tau), ..JointCommand::LIMP };
        let toward = |q: f32, kp: f32| JointCommand {
            q: Radians(q),
            kp: Stiffness(kp),
            ..JointCommand::LIMP
        };
        match self {
            Self::PushUp => torque(1e6),
            Self::Flip(every) => torque(if (tick / every).is_multiple_of(2) { 1e6 } else { -1e6 }),
            Self::Random(every) => {
                if tick.is_multiple_of(every) {
                    *held = JointCommand {
                        q: Radians(dice.unit() * 3.0),
                        dq: RadiansPerSecond(dice.unit() * 30.0),
                        kp: Stiffness(dice.unit().abs() * 200.0),
                        kd: Damping(dice.unit().abs() * 10.0),
                        tau: NewtonMetres(dice.unit() * 60.0),
                    };
                }
                *held
            }
            Self::FarTarget => toward(1e6, 1e6),
            Self::Chatter => torque(1e6 * dice.unit().signum()),
        }
    }
}

/// Furthest positions and highest speed of a joint of this inertia under this adversary.
fn drive(adversary: Adversary, inertia: f32, delay: usize, seed: u64) -> (f32, f32, f32) {
    let limits = joint_limits();
    let mut bench = Bench::standing(Profile { stuck_frames: 0, ..Profile::default() });
    let (mut q, mut dq) = (0.0_f32, 0.0_f32);
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut held = JointCommand::LIMP;
    // The actuator acts on commands late, with its own present encoder.
    let mut on_the_way = std::collections::VecDeque::from(vec![JointCommand::LIMP; delay]);
    let (mut lowest, mut highest, mut fastest) = (0.0_f32, 0.0_f32, 0.0_f32);
    for tick in 0..8000 {
        bench.set_joint(joint(0), q, dq);
        bench.wanted[joint(0)] = adversary.command(tick, &mut dice, &mut held);
        bench.tick();
        on_the_way.push_back(bench.command.joints[joint(0)]);
        let command = on_the_way.pop_front().unwrap();
        for _ in 0..10 {
            let asked = command.kp.0 * (command.q.0 - q)
                + command.kd.0 * (command.dq.0 - dq)
                + command.tau.0;
            // The drive gives full braking torque, and less driving torque the faster it turns.
            let span = limits.no_load_speed.0 - limits.corner_speed.0;
            let part = (1.0 - (dq.abs() - limits.corner_speed.0) / span).clamp(0.0, 1.0);
            let most = limits.tau_max.0 * if asked * dq > 0.0 { part } else { 1.0 };
            dq += asked.clamp(-most, most) / inertia * 1e-4;
            q += dq * 1e-4;
        }
        (lowest, highest) = (lowest.min(q), highest.max(q));
        fastest = fastest.max(dq.abs());
    }
    (lowest, highest, fastest)
}

/// Clauses: M1.
#[test]
fn no_command_drives_a_joint_past_its_hard_limits() {
    let limits = joint_limits();
    // The heaviest load for which the deceleration counted on is true.
    let heaviest = limits.tau_max.0 / limits.braking.0;
    for adversary in [
        Adversary::PushUp,
        Adversary::FarTarget,
        Adversary::Chatter,
        Adversary::Flip(37),
        Adversary::Flip(210),
        Adversary::Flip(400),
        Adversary::Random(1),
        Adversary::Random(50),
        Adversary::Random(300),
    ] {
        for inertia in [heaviest, heaviest * 0.5, heaviest * 0.25] {
            for delay in [0, 2, 3] {
                for seed in 1..4 {
                    let (low, high, fast) = drive(adversary, inertia, delay, seed);
                    let what =
                        format!("{adversary:?}, {inertia} kg m^2, {delay} ticks, seed {seed}");
                    assert!(high <= limits.q_max.0, "{what}: {high}");
                    assert!(low >= limits.q_min.0, "{what}: {low}");
                    assert!(fast <= limits.dq_max.0 * 1.08, "{what}: {fast}");
                }
            }
        }
    }
}

/// Clauses: M1.
#[test]
fn a_joint_pushed_upward_still_reaches_almost_all_of_its_range() {
    let heaviest = joint_limits().tau_max.0 / joint_limits().braking.0;
    let (_, high, fast) = drive(Adversary::PushUp, heaviest, 2, 1);
    assert!(high > 0.93, "{high}");
    assert!(fast > 6.0, "{fast}");
}
