//! How long the planning of ground forces takes from problem to forces, on problems from calm to
//! absurd: `mpc_speed` prints a line of JSON for each group. Times in us, the shortest of several
//! calls of each problem; then middle, worst of a hundred and worst over the problems.
//!
//! `mpc_speed GROUP COUNT` solves so many problems of one group once each, to count instructions:
//! `valgrind --tool=callgrind --toggle-collect='*MpcSolver::solve*' mpc_speed 'stand, weak' 20`.
#![allow(clippy::print_stdout, reason = "it is what it is for")]

use std::hint::black_box;
use std::time::Instant;

use cerebellum::{HORIZON_MAX, MpcInput, MpcSettings, MpcSolver};
use nalgebra::{Matrix3, Vector3};

const PROBLEMS: usize = 400;
const CALLS: usize = 7;
const ALL: [bool; 4] = [true; 4];
const PAIRS: [[bool; 4]; 2] = [[true, false, false, true], [false, true, true, false]];

struct Random(u64);

impl Random {
    /// From -1 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31) * 2.0 - 1.0
    }

    fn vector(&mut self, x: f64, y: f64, z: f64) -> Vector3<f64> {
        Vector3::new(x * self.next(), y * self.next(), z * self.next())
    }
}

/// A group of problems: how far from calm they are.
struct Group {
    name: &'static str,
    trot: bool,
    friction: f64,
    /// Highest force of a foot, N.
    force: f64,
    /// Largest velocity, m/s, and a third of the largest rate of turning, rad/s.
    push: f64,
    /// Largest tilt, rad.
    tilt: f64,
}

const GROUPS: [Group; 8] = [
    Group { name: "trot", trot: true, friction: 0.5, force: 150.0, push: 0.2, tilt: 0.03 },
    Group { name: "trot, pushed", trot: true, friction: 0.5, force: 150.0, push: 2.0, tilt: 0.2 },
    Group { name: "trot, slippery", trot: true, friction: 0.1, force: 150.0, push: 1.0, tilt: 0.2 },
    Group { name: "stand", trot: false, friction: 0.5, force: 150.0, push: 0.1, tilt: 0.03 },
    Group { name: "stand, pushed", trot: false, friction: 0.5, force: 150.0, push: 2.0, tilt: 0.3 },
    Group {
        name: "stand, slippery",
        trot: false,
        friction: 0.05,
        force: 150.0,
        push: 1.0,
        tilt: 0.2,
    },
    Group { name: "stand, weak", trot: false, friction: 0.5, force: 40.0, push: 1.0, tilt: 0.3 },
    Group { name: "stand, absurd", trot: false, friction: 0.2, force: 60.0, push: 20.0, tilt: 3.0 },
];

fn settings(group: &Group) -> MpcSettings {
    MpcSettings {
        horizon: 10,
        step: 0.03,
        weights: [25.0, 25.0, 10.0, 5.0, 5.0, 100.0, 0.1, 0.1, 0.4, 1.5, 1.5, 0.5],
        weight_force: 4e-5,
        friction: group.friction,
        force: (1.0, group.force),
        mass: 15.0,
    }
}

fn input(group: &Group, random: &mut Random) -> MpcInput {
    let Group { push, tilt, .. } = *group;
    let mut feet = [Vector3::zeros(); 4];
    for (foot, position) in feet.iter_mut().enumerate() {
        let forward = if foot < 2 { 0.2 } else { -0.2 };
        let left = if foot % 2 == 0 { 0.14 } else { -0.14 };
        *position = Vector3::new(forward, left, -0.3) + random.vector(0.05, 0.03, 0.02);
    }
    let mut contact = [ALL; HORIZON_MAX];
    if group.trot {
        let phase = (5.0 + 5.0 * random.next()) as usize;
        for (step, feet) in contact.iter_mut().enumerate() {
            *feet = PAIRS[(step + phase) / 5 % 2];
        }
    }
    let base = Vector3::new(0.0, 0.0, 0.3);
    MpcInput {
        tick: 0,
        rpy: random.vector(tilt, tilt, 3.0),
        position: base + random.vector(0.03, 0.03, 0.02) * (1.0 + push),
        angular_velocity: random.vector(3.0 * push, 3.0 * push, 3.0 * push),
        velocity: random.vector(push, push, 0.5 * push),
        inertia: Matrix3::from_diagonal(&Vector3::new(0.1, 0.25, 0.3)),
        outside: Vector3::zeros(),
        feet: [feet; HORIZON_MAX],
        contact,
        reference_position: base,
        reference_yaw: 0.0,
        reference_velocity: random.vector(0.5, 0.3, 0.0),
        reference_yaw_rate: random.next(),
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (only, count) = (arguments.first(), arguments.get(1).and_then(|count| count.parse().ok()));
    let (problems, calls) = count.map_or((PROBLEMS, CALLS), |count: usize| (count.max(1), 1));
    for group in GROUPS.iter().filter(|group| only.is_none_or(|name| name == group.name)) {
        let mut solver = MpcSolver::new(settings(group));
        let mut random = Random(3);
        let (mut times, mut rounds, mut failed) = (Vec::new(), Vec::new(), 0);
        for _ in 0..problems {
            let input = input(group, &mut random);
            let (mut least, mut output) = (f64::INFINITY, None);
            for _ in 0..calls {
                let start = Instant::now();
                output = Some(solver.solve(black_box(&input)));
                least = least.min(start.elapsed().as_secs_f64() * 1e6);
            }
            times.push(least);
            rounds.extend(output.map(|output| output.rounds));
            failed += usize::from(output.is_none_or(|output| !output.solved));
        }
        times.sort_by(f64::total_cmp);
        rounds.sort_unstable();
        let part = |of: f64| ((problems - 1) as f64 * of) as usize;
        let [middle, rare, last] = [0.5, 0.99, 1.0].map(part);
        println!(
            "{{\"name\": \"{}\", \"us\": [{:.1}, {:.1}, {:.1}], \"rounds\": [{}, {}, {}], \
             \"failed\": {failed}}}",
            group.name,
            times[middle],
            times[rare],
            times[last],
            rounds[middle],
            rounds[rare],
            rounds[last],
        );
    }
}
