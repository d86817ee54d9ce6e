//! Whatever comes in, what goes out is finite, inside the limits, and never less severe than it
//! was.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;
/// What the runtime holds against each cycle, held against random ones here.
#[allow(unreachable_pub, reason = "public there")]
#[allow(dead_code, reason = "these bodies stand by themselves")]
#[path = "../../runtime/src/observer/conduct.rs"]
mod conduct;

use common::{JOINTS, TICK, hardware, joint};
use governor::{Envelope, Governor, HealthRule, Kind, LidarRule, Profile};
use proptest::prelude::*;
use signals::*;

/// Numbers as they come from broken code: ordinary, extreme, and none at all.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => -1.5_f32..1.5,
        2 => -40.0_f32..40.0,
        1 => prop::sample::select(vec![
            0.0, -0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN,
            f32::MIN_POSITIVE, 1e20, -1e20,
        ]),
        1 => any::<f32>(),
    ]
}

/// Mostly good numbers, so that the robot gets past its self-test.
fn mostly_good() -> impl Strategy<Value = f32> {
    prop_oneof![40 => -0.9_f32..0.9, 1 => number()]
}

#[derive(Clone, Debug)]
struct Step {
    readings: Vec<(f32, f32)>,
    estimates: Vec<(f32, f32)>,
    wanted: Vec<[f32; 5]>,
    plan: Option<(u64, Vec<[f32; 3]>, i64, i64)>,
    operator: Operator,
    posture: Posture,
    tilt: f32,
    late_ms: u64,
    age_ms: u64,
    lidar: Option<f32>,
    skip: u64,
    ruled: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let joints = || prop::collection::vec((mostly_good(), mostly_good()), JOINTS);
    let wanted = prop::collection::vec(prop::array::uniform5(number()), JOINTS);
    let gentle = prop::collection::vec(
        [-0.9_f32..0.9, -9.0_f32..9.0, 0.0_f32..100.0, 0.0_f32..5.0, -20.0_f32..20.0],
        JOINTS,
    );
    let wanted = prop_oneof![1 => wanted, 3 => gentle];
    let plan = (
        0_u64..20,
        prop::collection::vec(prop::array::uniform3(number()), 1..16),
        -600_i64..20,
        -10_i64..2500,
    );
    let act = prop_oneof![
        8 => Just(None),
        2 => Just(Some(OperatorAct::Start)),
        1 => Just(Some(OperatorAct::Reset)),
    ];
    let rarely = || prop::bool::weighted(0.02);
    let operator = (rarely(), rarely(), act).prop_map(|(stop, cut, act)| Operator {
        stop,
        cut,
        ..Operator::local(act)
    });
    let posture = prop::sample::select(vec![
        Posture::Limp,
        Posture::Standing,
        Posture::Walking,
        Posture::Settled,
    ]);
    let world = (
        prop_oneof![20 => 0.0_f32..0.3, 1 => number()],
        prop_oneof![20 => Just(0_u64), 1 => 0_u64..200],
        prop_oneof![20 => Just(0_u64), 1 => 0_u64..200],
        prop::option::of(prop_oneof![3 => 0.3_f32..8.0, 1 => number()]),
        prop_oneof![20 => Just(1_u64), 1 => 1_u64..1500],
        prop::bool::weighted(0.97),
    );
    (joints(), joints(), wanted, prop::option::weighted(0.3, plan), operator, posture, world)
        .prop_map(|(readings, estimates, wanted, plan, operator, posture, world)| {
            let (tilt, late_ms, age_ms, lidar, skip, ruled) = world;
            // The estimate is most often the reading itself.
            let estimates = if skip == 1 && late_ms == 0 { readings.clone() } else { estimates };
            Step {
                readings,
                estimates,
                wanted,
                plan,
                operator,
                posture,
                tilt,
                late_ms,
                age_ms,
                lidar,
                skip,
                ruled,
            }
        })
}

fn profile() -> Profile {
    Profile {
        lidar: Some(LidarRule {
            radius: Metres(0.3),
            margin: Metres(0.1),
            braking: MetresPerSecondSquared(1.0),
            reaction: common::ms(50),
            age_max: common::ms(100),
        }),
        static_time: common::ms(3),
        settle_timeout: common::ms(30),
        stuck_frames: 0,
        health: HealthRule { jumps_settle: 0, imu_stuck_frames: 0, ..HealthRule::default() },
        ..Profile::default()
    }
}

fn back(now: Instant, ms: u64) -> Instant {
    Instant::from_nanos(now.as_nanos() - ms * 1_000_000)
}

fn frame_of(step: &Step, now: Instant) -> SensorFrame {
    let at = back(now, step.late_ms);
    let mut joints = Joints::filled(JointReading::default(), JOINTS);
    for (index, (q, dq)) in step.readings.iter().enumerate() {
        joints[joint(index)] = JointReading {
            q: Radians(*q),
            dq: RadiansPerSecond(*dq),
            at,
            ..JointReading::default()
        };
    }
    let lidar = step.lidar.map(|range| LidarScan {
        ranges: [Metres(range); LIDAR_BEAMS],
        range_max: Metres(8.0),
        at: back(now, step.age_ms),
    });
    let imu = ImuReading { at: back(now, step.age_ms), ..ImuReading::default() };
    SensorFrame {
        joints,
        imu,
        feet: Feet::default(),
        lidar,
        person: None,
        supply: None,
        drives: None,
    }
}

fn state_of(step: &Step, now: Instant) -> BodyState {
    let mut joints = Joints::filled(JointState::default(), JOINTS);
    for (index, (q, dq)) in step.estimates.iter().enumerate() {
        joints[joint(index)] = JointState { q: Radians(*q), dq: RadiansPerSecond(*dq) };
    }
    BodyState {
        at: now,
        position: [Metres(0.0); 3],
        attitude: Quaternion {
            w: (step.tilt / 2.0).cos(),
            x: (step.tilt / 2.0).sin(),
            y: 0.0,
            z: 0.0,
        },
        velocity: [MetresPerSecond(0.0); 3],
        angular_velocity: [RadiansPerSecond(0.0); 3],
        joints,
        contact: Feet::default(),
        posture: step.posture,
        valid: true,
    }
}

fn plan_of(step: &Step, now: Instant) -> Option<Plan> {
    let (sequence, steps, observed_ms, valid_ms) = step.plan.clone()?;
    let mut velocities = [BaseVelocity::ZERO; VELOCITY_STEPS_MAX];
    for (velocity, [x, y, z]) in velocities.iter_mut().zip(&steps) {
        *velocity = BaseVelocity {
            forward: MetresPerSecond(*x),
            left: MetresPerSecond(*y),
            yaw: RadiansPerSecond(*z),
        };
    }
    let chunk = VelocityChunk { step: common::ms(100), len: steps.len(), velocities };
    // Every third plan is a posture, of the same numbers made small and often of too many joints.
    let angle = |id: JointId| Radians(steps.get(id.index()).map_or(0.0, |[x, ..]| x * 0.025));
    let posture = PlanRequest::Posture(Joints::from_fn(steps.len().min(JOINTS + 1), angle));
    let shifted =
        |ms: i64| Instant::from_nanos(now.as_nanos().saturating_add_signed(ms * 1_000_000));
    Some(Plan {
        sequence,
        observed_at: shifted(observed_ms),
        valid_until: shifted(valid_ms),
        epoch: 1,
        model: ModelHash::default(),
        request: if sequence % 3 == 0 { posture } else { PlanRequest::Velocity(chunk) },
    })
}

/// The torque this command gives, in the words of the interface and nothing else.
fn torque(command: &JointCommand, (q, dq): (f32, f32)) -> f32 {
    command.kp.0 * (command.q.0 - q) + command.kd.0 * (command.dq.0 - dq) + command.tau.0
}

fn check_command(command: &BodyCommand, step: &Step, now: Instant, ruling: &Ruling) {
    assert_eq!(command.joints.len(), JOINTS);
    assert!(command.valid_until >= now && command.valid_until <= now + common::ms(5));
    for (index, c) in command.joints.iter().enumerate() {
        let l = hardware().joints[joint(index)];
        assert!(c.is_finite(), "{c:?}");
        assert!((0.0..=l.kp_max.0).contains(&c.kp.0) && (0.0..=l.kd_max.0).contains(&c.kd.0));
        assert!(c.tau.0.abs() <= l.tau_max.0 && c.dq.0.abs() <= l.dq_max.0, "{c:?}");
        let (q, dq) = step.readings[index];
        if step.late_ms > 5 || !q.is_finite() || !dq.is_finite() {
            continue;
        }
        let tau = torque(c, (q, dq));
        assert!(tau.abs() <= l.tau_max.0 * 1.0001, "{c:?} on {q} {dq}: {tau}");
        let driven = !matches!(ruling.motion, Motion::Damp | Motion::Limp) && tau != 0.0;
        // Beyond the barrier's band nothing but braking is left.
        if driven && dq > l.dq_max.0 + 0.5 {
            assert!(tau < 0.0, "{c:?} on {q} {dq}: {tau}");
        }
        if driven && dq < -l.dq_max.0 - 0.5 {
            assert!(tau > 0.0, "{c:?} on {q} {dq}: {tau}");
        }
        let far_side = (q > l.q_max.0 && dq >= 0.0) || (q < l.q_min.0 && dq <= 0.0);
        assert!(!driven || !far_side || tau * q <= 0.0, "{c:?} on {q} {dq}: {tau}");
    }
}

fn check_level(governor: &mut Governor, before: &Ruling, after: &Ruling, step: &Step) {
    let mut accepted = [false; 2];
    while let Some(record) = governor.next_record() {
        accepted[0] |= record.kind == Kind::ActAccepted && step.operator.act.is_some();
        accepted[1] |= record.rule == governor::Rule::LevelClear;
    }
    let fell = after.level < before.level;
    let reset = step.operator.act == Some(OperatorAct::Reset) && accepted[0];
    let start = step.operator.act == Some(OperatorAct::Start) && accepted[0];
    if fell && before.level >= Level::Settle {
        assert!(reset && after.level == Level::Nominal && !step.operator.stop);
        assert!(!step.operator.cut && after.motion == Motion::Limp);
    } else if fell && before.level == Level::Hold {
        assert!(start);
    } else if fell {
        assert!(accepted[1]);
    }
    let moved = !matches!(after.motion, Motion::Limp);
    if moved && matches!(before.motion, Motion::Limp) {
        // LIMITED may have cleared in this very tick.
        let clear = before.level < Level::Hold && after.level <= Level::Notice;
        assert!(start && clear, "{before:?} to {after:?}");
    }
    if step.operator.cut {
        assert_eq!(after.motion, Motion::Limp);
    }
    if step.operator.stop {
        assert!(after.level >= Level::Settle);
    }
    if let Motion::Move(goal) = after.motion {
        assert_eq!(goal.len(), JOINTS);
        assert!(goal.iter().all(|angle| angle.0.abs() <= 0.965), "{goal:?}");
        assert!(after.level < Level::Hold && after.authority == Authority::Brain);
    }
    if let Motion::Walk(v) = after.motion {
        assert!(v.is_finite() && v.forward.0.abs() <= 0.5 && v.left.0.abs() <= 0.3);
        assert!(v.yaw.0.abs() <= 1.0 && after.level < Level::Hold);
        assert_eq!(after.authority, Authority::Brain);
    }
}

/// Random lives that are tried: `PROPTEST_CASES`, else as many as take a second.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(), failure_persistence: None, ..ProptestConfig::default()
    })]

    /// Clauses: A1, A2, M1, M2, M3, M4, S5.
    #[test]
    fn whatever_comes_in_what_goes_out_is_safe(
        steps in prop::collection::vec(step(), 1..120), started in prop::bool::weighted(0.8),
    ) {
        let envelope = Envelope::new(&hardware()).unwrap();
        let mut governor = Governor::new(envelope, profile());
        let mut now = Instant::from_nanos(10_000_000_000);
        let mut number = 0;
        let quiet = Step {
            readings: vec![(0.0, 0.0); JOINTS],
            estimates: vec![(0.0, 0.0); JOINTS],
            wanted: vec![[0.0; 5]; JOINTS],
            plan: None,
            operator: Operator::default(),
            posture: Posture::Limp,
            tilt: 0.0,
            late_ms: 0,
            age_ms: 0,
            lidar: None,
            skip: 1,
            ruled: true,
        };
        let mut start = quiet.clone();
        start.operator.act = Some(OperatorAct::Start);
        let prelude = if started {
            [vec![quiet; 60], vec![start]].concat()
        } else {
            Vec::new()
        };
        let mut before = governor.ruling();
        let mut conduct = conduct::Conduct::default();
        for step in prelude.iter().chain(&steps) {
            let cycle = Cycle { number, now, period: TICK };
            let (frame, state) = (frame_of(step, now), state_of(step, now));
            let plan = plan_of(step, now);
            if step.ruled {
                let ruling = governor.rule(&cycle, &frame, &state, plan.as_ref(), &step.operator);
                check_level(&mut governor, &before, &ruling, step);
                before = ruling;
            }
            let mut joints = Joints::filled(JointCommand::LIMP, JOINTS);
            for (index, [q, dq, kp, kd, tau]) in step.wanted.iter().enumerate() {
                joints[joint(index)] = JointCommand {
                    q: Radians(*q),
                    dq: RadiansPerSecond(*dq),
                    kp: Stiffness(*kp),
                    kd: Damping(*kd),
                    tau: NewtonMetres(*tau),
                };
            }
            let wanted = BodyCommand { joints, valid_until: now + common::ms(20) };
            let vetted = governor.vet(&cycle, &state, wanted);
            if step.ruled {
                check_command(&vetted, step, now, &before);
                prop_assert_eq!(conduct.judge(&step.operator, &before, &vetted), None);
            } else {
                prop_assert!(vetted.joints.iter().all(|c| c.is_finite() && c.kp.0 == 0.0));
            }
            now = now + TICK * u32::try_from(step.skip).unwrap();
            number += step.skip;
        }
        prop_assert_eq!(governor.records_lost(), 0);
    }
}
