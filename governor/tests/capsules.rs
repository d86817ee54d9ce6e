//! Two limbs of three joints on one base, moved by an adversary: a plant and a distance that are
//! written without any of the governor's arithmetic.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use governor::{
    Anatomy, CAPSULES_MAX, Capsule, Envelope, Governor, HealthRule, Hinge, Kind, PAIRS_MAX,
    Profile, Rule, SelfCollisionRule,
};
use signals::*;

const JOINTS: usize = 6;
const TAU: f64 = 20.0;
const INERTIA: f64 = 0.1;
const BRAKING: f64 = 150.0;
const THIGH: f64 = 0.21;
const CALF: f64 = 0.22;
const RADIUS: f64 = 0.02;
const HIP: [f64; 2] = [0.1, 0.05];
const MARGIN: f32 = 0.02;

type V = [f64; 3];

/// Hips at y = 0.1 and -0.1; roll about x, then two joints about y.
fn anatomy() -> Anatomy {
    let joints = Joints::from_fn(JOINTS, |id| {
        let (limb, part) = (id.index() / 3, id.index() % 3);
        let side = if limb == 0 { 1.0 } else { -1.0 };
        let parent = if part == 0 { 0 } else { id.index() };
        let at = match part {
            0 => [0.0, side * HIP[0], 0.0],
            1 => [0.0, side * HIP[1], 0.0],
            _ => [0.0, 0.0, -THIGH],
        };
        let axis = if part == 0 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
        let at = at.map(|number| number as f32);
        Hinge { parent: parent as u8, at, axis, ..Hinge::default() }
    });
    let mut capsules = [Capsule::default(); CAPSULES_MAX];
    let line = |link: u8, length: f64| Capsule {
        link,
        from: [0.0; 3],
        to: [0.0, 0.0, -length as f32],
        radius: RADIUS as f32,
    };
    capsules[..4].copy_from_slice(&[line(2, THIGH), line(3, CALF), line(5, THIGH), line(6, CALF)]);
    let mut pairs = [(0, 0); PAIRS_MAX];
    pairs[..4].copy_from_slice(&[(0, 2), (0, 3), (1, 2), (1, 3)]);
    Anatomy { joints, capsules, capsule_count: 4, pairs, pair_count: 4, feet: Feet::default() }
}

fn profile(guarded: bool) -> Profile {
    let rule = SelfCollisionRule { margin: MARGIN, band: 0.04 };
    Profile {
        anatomy: Some(anatomy()),
        self_collision: guarded.then_some(rule),
        // The plant measures no torque, and is pushed harder than a healthy joint bears.
        health: HealthRule { torque_error: 0.0, collision: 0.0, ..HealthRule::default() },
        stuck_frames: 0,
        ..Profile::default()
    }
}

fn hardware() -> HardwareLimits {
    let limits = JointLimits {
        q_min: Radians(-1.5),
        q_max: Radians(1.5),
        dq_max: RadiansPerSecond(12.0),
        tau_max: NewtonMetres(TAU as f32),
        corner_speed: RadiansPerSecond(12.0),
        no_load_speed: RadiansPerSecond(20.0),
        braking: RadiansPerSecondSquared(BRAKING as f32),
        kp_max: Stiffness(200.0),
        kd_max: Damping(8.0),
        inertia_min: KilogramMetresSquared(INERTIA as f32),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(20_000.0),
        torque_continuous: NewtonMetres(TAU as f32),
        thermal_time: Seconds(60.0),
    };
    HardwareLimits { joints: Joints::filled(limits, JOINTS), emergency_damping: Damping(2.0) }
}

/// Ends of the four lines in the base frame, by plain trigonometry.
fn lines(q: &[f64; JOINTS]) -> [[V; 2]; 4] {
    let limb = |limb: usize| {
        let side = if limb == 0 { 1.0 } else { -1.0 };
        let [roll, thigh, calf] = [q[3 * limb], q[3 * limb + 1], q[3 * limb + 2]];
        let rolled = |[x, y, z]: V| {
            let (s, c) = roll.sin_cos();
            [x, side * HIP[0] + c * y - s * z, s * y + c * z]
        };
        let knee = [-THIGH * thigh.sin(), side * HIP[1], -THIGH * thigh.cos()];
        let whole = thigh + calf;
        let foot = [knee[0] - CALF * whole.sin(), knee[1], knee[2] - CALF * whole.cos()];
        [rolled([0.0, side * HIP[1], 0.0]), rolled(knee), rolled(foot)]
    };
    let ([a, b, c], [d, e, f]) = (limb(0), limb(1));
    [[a, b], [b, c], [d, e], [e, f]]
}

/// Distance between two lines by alternating projection: convex, so it converges.
fn distance([a, b]: [V; 2], [c, d]: [V; 2]) -> f64 {
    let on = |[from, to]: [V; 2], at: V| {
        let along: V = std::array::from_fn(|i| to[i] - from[i]);
        let square: f64 = along.iter().map(|x| x * x).sum();
        let part: f64 = (0..3).map(|i| (at[i] - from[i]) * along[i]).sum::<f64>() / square;
        std::array::from_fn(|i| from[i] + part.clamp(0.0, 1.0) * along[i])
    };
    let far = |p: V, q: V| (0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f64>().sqrt();
    [a, b]
        .into_iter()
        .map(|mut at| {
            for _ in 0..40 {
                at = on([a, b], on([c, d], at));
            }
            far(at, on([c, d], at))
        })
        .fold(f64::INFINITY, f64::min)
}

/// From surface to surface of the two limbs, m.
fn clearance(q: &[f64; JOINTS]) -> f64 {
    let [a, b, c, d] = lines(q);
    let pairs = [(a, c), (a, d), (b, c), (b, d)];
    pairs.iter().map(|(one, other)| distance(*one, *other)).fold(f64::INFINITY, f64::min)
        - 2.0 * RADIUS
}

struct Dice(u64);

impl Dice {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % 20_001) as f64 / 10_000.0 - 1.0
    }
}

#[derive(Clone, Copy, Debug)]
enum Adversary {
    /// New targets for all joints, each held for so many ticks.
    Reach(u64),
    /// All the torque there is, in random directions.
    Push(u64),
}

/// What the sensors and the estimator say of a plant in this state.
fn shown(
    now: Instant,
    q: &[f64; JOINTS],
    dq: &[f64; JOINTS],
    stands: bool,
) -> (SensorFrame, BodyState) {
    let reading = |id: JointId| JointReading {
        q: Radians(q[id.index()] as f32),
        dq: RadiansPerSecond(dq[id.index()] as f32),
        at: now,
        ..JointReading::default()
    };
    let readings = Joints::from_fn(JOINTS, reading);
    let mut imu = ImuReading { at: now, ..ImuReading::default() };
    // Upright, and alive in the last bits.
    let noise = if (now.as_nanos() / 1_000_000).is_multiple_of(2) { 1e-3 } else { -1e-3 };
    imu.angular_velocity[0] = RadiansPerSecond(noise);
    imu.specific_force[2] = MetresPerSecondSquared(9.81);
    let frame = SensorFrame {
        joints: readings,
        imu,
        feet: Feet::default(),
        lidar: None,
        person: None,
        supply: None,
        drives: None,
    };
    let state = BodyState {
        at: now,
        position: [Metres(0.0); 3],
        attitude: Quaternion::IDENTITY,
        velocity: [MetresPerSecond(0.0); 3],
        angular_velocity: [RadiansPerSecond(0.0); 3],
        joints: readings.map(|r| JointState { q: r.q, dq: r.dq }),
        contact: Feet::default(),
        posture: if stands { Posture::Standing } else { Posture::Limp },
        valid: true,
    };
    (frame, state)
}

/// The smallest clearance at any speed and at rest, and how often the rule acted.
fn drive(adversary: Adversary, guarded: bool, seed: u64, ticks: u64) -> (f64, f64, u32) {
    let mut governor = Governor::new(Envelope::new(&hardware()).unwrap(), profile(guarded));
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (mut q, mut dq) = ([0.0_f64; JOINTS], [0.0_f64; JOINTS]);
    let mut held = Joints::filled(JointCommand::LIMP, JOINTS);
    let mut on_the_way = std::collections::VecDeque::from(vec![held; 2]);
    let (mut least, mut at_rest, mut still) = (f64::INFINITY, f64::INFINITY, 0);
    for number in 0..ticks {
        let now = Instant::from_nanos(1_000_000_000 + number * 1_000_000);
        let cycle = Cycle { number, now, period: Duration::from_millis(1) };
        let (frame, state) = shown(now, &q, &dq, number > 60);
        let operator = Operator::local((number == 60).then_some(OperatorAct::Start));
        governor.rule(&cycle, &frame, &state, None, &operator);
        let every = match adversary {
            Adversary::Reach(every) | Adversary::Push(every) => every,
        };
        if number.is_multiple_of(every) {
            for command in held.iter_mut() {
                *command = match adversary {
                    Adversary::Reach(_) => JointCommand {
                        q: Radians((dice.unit() * 1.4) as f32),
                        kp: Stiffness(150.0),
                        kd: Damping(3.0),
                        ..JointCommand::LIMP
                    },
                    Adversary::Push(_) => JointCommand {
                        tau: NewtonMetres((TAU * dice.unit().signum()) as f32),
                        ..JointCommand::LIMP
                    },
                };
            }
        }
        let wanted = BodyCommand { joints: held, valid_until: now + Duration::from_millis(9) };
        let vetted = governor.vet(&cycle, &state, wanted);
        on_the_way.push_back(vetted.joints);
        let command = on_the_way.pop_front().unwrap();
        for _ in 0..4 {
            for id in command.ids() {
                let (k, c) = (id.index(), command[id]);
                let torque = f64::from(c.kp.0) * (f64::from(c.q.0) - q[k])
                    + f64::from(c.kd.0) * (f64::from(c.dq.0) - dq[k])
                    + f64::from(c.tau.0);
                dq[k] += torque.clamp(-TAU, TAU) / INERTIA * 2.5e-4;
                q[k] += dq[k] * 2.5e-4;
            }
        }
        let now = clearance(&q);
        least = least.min(now);
        still = if dq.iter().all(|dq| dq.abs() < 0.05) { still + 1 } else { 0 };
        if still > 20 {
            at_rest = at_rest.min(now);
        }
        while let Some(record) = governor.next_record() {
            let told = record.rule != Rule::SelfCollision || record.kind == Kind::Limited;
            assert!(told && record.measured.is_finite(), "{record:?}");
        }
    }
    (least, at_rest, governor.count(Rule::SelfCollision))
}

/// Whatever is asked, the limbs stop at their distance and never touch on the way; without the rule
/// the same adversary drives them into each other.
///
/// Clauses: M6.
#[test]
fn no_command_brings_two_limbs_together() {
    let table = [
        Adversary::Reach(150),
        Adversary::Reach(600),
        Adversary::Push(40),
        Adversary::Push(150),
        Adversary::Push(600),
        Adversary::Push(1),
    ];
    let mut rests = f64::INFINITY;
    for adversary in table {
        for seed in 1..4 {
            let (least, at_rest, acted) = drive(adversary, true, seed, 12_000);
            let what = format!("{adversary:?}, seed {seed}: {least:.4} m, at rest {at_rest:.4} m");
            assert!(least >= 0.005, "{what}");
            assert!(at_rest >= f64::from(MARGIN), "{what}");
            assert!(acted > 0, "{what}");
            rests = rests.min(at_rest);
        }
    }
    assert!(rests < 0.06, "never came near: {rests}");
    let (least, _, acted) = drive(Adversary::Reach(150), false, 1, 12_000);
    assert!(least < 0.0 && acted == 0, "{least}");
}

/// The same for a million steps of random reaching; minutes, so only when named.
///
/// Clauses: M6.
#[test]
#[ignore = "a million steps: cargo test --release -p triune-governor --test capsules -- --ignored"]
fn a_million_steps_of_random_reach() {
    for seed in 0..10 {
        let (least, at_rest, _) = drive(Adversary::Reach(400), true, 100 + seed, 100_000);
        println!("seed {seed}: {least:.4} m, at rest {at_rest:.4} m");
        assert!(least > 0.0 && at_rest >= f64::from(MARGIN), "seed {seed}: {least} {at_rest}");
    }
}

/// A rule without limbs, or with nonsense in it, locks the robot out.
///
/// Clauses: M6, A4.
#[test]
fn limbs_that_make_no_sense_are_refused() {
    assert_eq!(profile(true).check(), Ok(()));
    let rule = SelfCollisionRule { margin: MARGIN, band: 0.04 };
    let limbs = |anatomy| Profile { anatomy, self_collision: Some(rule), ..Profile::default() };
    assert!(limbs(None).check().is_err());
    let sound = anatomy();
    let mut flat = sound;
    flat.capsules[1].radius = 0.0;
    let mut unknown = sound;
    unknown.pairs[2] = (1, 7);
    let spoiled = [
        flat,
        unknown,
        Anatomy { pair_count: PAIRS_MAX + 1, ..sound },
        Anatomy { capsule_count: CAPSULES_MAX + 1, ..sound },
    ];
    for anatomy in spoiled {
        assert!(limbs(Some(anatomy)).check().is_err());
    }
    for (margin, band) in [(0.0, 0.01), (0.02, 0.0), (f32::NAN, 0.01)] {
        let self_collision = Some(SelfCollisionRule { margin, band });
        assert!(Profile { self_collision, ..profile(true) }.check().is_err());
    }
}
