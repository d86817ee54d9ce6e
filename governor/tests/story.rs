//! What happens to a robot, told as stories: given a bench, check what the governor decides.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, JOINTS, forward, joint, ms};
use governor::{Actor, HealthRule, Kind, Language, LidarRule, Profile, Rule};
use signals::*;

/// Clauses: O6.
#[test]
fn a_robot_tests_itself_and_waits_for_a_person() {
    let mut bench = Bench::new(Profile::default());
    assert_eq!(bench.tick().mode, Mode::SelfTest);
    assert_eq!(bench.act(OperatorAct::Start).mode, Mode::SelfTest);
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::SelfTest));
    assert_eq!(bench.run(47).mode, Mode::SelfTest);
    assert_eq!(bench.tick().mode, Mode::Inhibited);
    let ruling = bench.run(500);
    assert_eq!((ruling.mode, ruling.motion), (Mode::Inhibited, Motion::Limp));
    assert!(bench.command.joints.iter().all(|c| *c == JointCommand::LIMP));
    let ruling = bench.act(OperatorAct::Start);
    assert_eq!((ruling.mode, ruling.motion), (Mode::Auto, Motion::Stand));
    assert_eq!((ruling.authority, ruling.level), (Authority::None, Level::Nominal));
    assert_eq!(bench.run(3000).motion, Motion::Stand);
    assert_eq!(bench.of_kind(Kind::ActAccepted), [Rule::OperatorStart]);
    assert_eq!(bench.governor.max_level(), Level::Nominal);
}

/// Clauses: O6, A2.
#[test]
fn the_self_test_needs_fifty_good_ticks_in_a_row() {
    for spoil in [
        |b: &mut Bench| b.frame.joints[joint(1)].q = Radians(1.5),
        |b: &mut Bench| b.frame.joints[joint(1)].q = Radians(f32::NAN),
        |b: &mut Bench| b.silent_joint = Some(joint(2)),
        |b: &mut Bench| b.silent_imu = true,
        |b: &mut Bench| b.tilt(1.0),
        |b: &mut Bench| b.state.valid = false,
        |b: &mut Bench| b.frame.joints = Joints::filled(JointReading::default(), JOINTS - 1),
    ] {
        let mut bench = Bench::new(Profile::default());
        bench.run(40);
        spoil(&mut bench);
        let ruling = bench.run(200);
        assert_eq!((ruling.mode, ruling.motion), (Mode::SelfTest, Motion::Limp));
        assert!(ruling.level <= Level::Notice, "{:?}", bench.told());
        assert_eq!(bench.act(OperatorAct::Start).mode, Mode::SelfTest);
    }
}

/// Clauses: A2, O2, E1.
#[test]
fn each_refused_plan_leaves_exactly_one_record() {
    type Spoil = fn(&mut Plan, &Bench);
    let table: [(Rule, Spoil); 10] = [
        (Rule::PlanFinite, |p, _| change(p, |c| c.velocities[9].yaw.0 = f32::NAN)),
        (Rule::PlanFinite, |p, _| change(p, |c| c.velocities[0].left.0 = f32::INFINITY)),
        (Rule::PlanShape, |p, _| change(p, |c| c.len = 17)),
        (Rule::PlanShape, |p, _| change(p, |c| c.len = 0)),
        (Rule::PlanShape, |p, _| change(p, |c| c.step = ms(0))),
        (Rule::PlanOrder, |p, _| p.sequence = 6),
        (Rule::PlanAge, |p, b| p.observed_at = b.now + ms(1)),
        (Rule::PlanAge, |p, _| p.observed_at = Instant::from_nanos(0)),
        (Rule::PlanExpired, |p, b| p.valid_until = b.now),
        (Rule::PlanValidity, |p, b| p.valid_until = b.now + ms(2001)),
    ];
    for (rule, spoil) in table {
        let mut bench = Bench::standing(Profile::default());
        bench.plan = Some(bench.walk(7, 0.2, ms(1000)));
        bench.run(300);
        bench.records.clear();
        let mut bad = bench.walk(8, 0.4, ms(1000));
        spoil(&mut bad, &bench);
        bench.plan = Some(bad);
        let ruling = bench.run(100);
        let refused: Vec<_> = bench.records.iter().filter(|r| r.kind == Kind::Refused).collect();
        assert_eq!(refused.len(), 1, "{rule:?}: {:?}", bench.told());
        assert_eq!((refused[0].rule, refused[0].actor), (rule, Actor::Brain));
        assert_eq!(refused[0].sequence, Some(bad.sequence));
        assert_eq!(bench.governor.count(rule), 1);
        // The earlier plan stays in force; a planner that knows no shape is not trusted with speed.
        let (speed, level) = match rule {
            Rule::PlanShape => (0.1, Level::Limited),
            _ => (0.2, Level::Nominal),
        };
        assert!((forward(&ruling) - speed).abs() < 1e-5, "{rule:?}: {ruling:?}");
        assert_eq!((ruling.level, ruling.authority), (level, Authority::Brain));
    }
}

fn change(plan: &mut Plan, with: impl Fn(&mut VelocityChunk)) {
    if let PlanRequest::Velocity(chunk) = &mut plan.request {
        with(chunk);
    }
}

/// Clauses: A2.
#[test]
fn a_plan_at_the_edge_of_its_age_is_admitted() {
    let mut bench = Bench::standing(Profile::default());
    let mut plan = bench.walk(1, 0.2, ms(2000));
    plan.observed_at = bench.now;
    bench.run(500);
    bench.plan = Some(plan);
    assert_eq!(bench.tick().authority, Authority::Brain);
    assert_eq!(bench.of_kind(Kind::Refused), []);
}

/// Clauses: M2, E1.
#[test]
fn too_much_speed_is_clipped_with_one_record() {
    let mut bench = Bench::standing(Profile::default());
    bench.plan = Some(bench.walk(1, 7.0, ms(2000)));
    let ruling = bench.run(1000);
    assert_eq!(forward(&ruling), 0.5);
    let clips: Vec<_> = bench.records.iter().filter(|r| r.rule == Rule::PlanRange).collect();
    assert_eq!(clips.len(), 1);
    assert_eq!((clips[0].asked, clips[0].allowed), (7.0, 0.5));
    let english = clips[0].sentence(Language::English).to_string();
    assert!(english.contains("asked 7.000 m/s, allowed 0.500 m/s"), "{english}");
    assert!(clips[0].sentence(Language::Chinese).to_string().contains("要求 7.000 m/s"));
}

/// Clauses: M3.
#[test]
fn speed_grows_and_falls_no_faster_than_the_profile_allows() {
    let health = HealthRule { late_gap: ms(100), late_hold: 100, ..HealthRule::default() };
    let mut bench = Bench::standing(Profile { health, ..Profile::default() });
    bench.plan = Some(bench.walk(1, 0.4, ms(1000)));
    let mut before = 0.0;
    for tick in 0..900 {
        if tick == 450 {
            bench.plan = Some(bench.walk(2, -0.4, ms(1000)));
        }
        let now = forward(&bench.tick());
        assert!((now - before).abs() <= 1e-3 + 1e-6, "tick {tick}: {before} to {now}");
        before = now;
    }
    assert!(before < -0.04);
    // After a stall the velocity does not jump.
    bench.now = bench.now + ms(80);
    bench.number += 80;
    assert!((forward(&bench.tick()) - before).abs() <= 2e-3 + 1e-6);
}

/// Clauses: A2, O6.
#[test]
fn an_ended_plan_holds_until_a_person_starts_again_with_a_fresh_one() {
    let mut bench = Bench::standing(Profile::default());
    bench.plan = Some(bench.walk(1, 0.3, ms(200)));
    let ruling = bench.run(200);
    assert_eq!(ruling.level, Level::Nominal);
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.motion), (Level::Hold, Motion::Stand));
    assert_eq!((ruling.authority, ruling.scale), (Authority::None, 0.0));
    let changed: Vec<_> =
        bench.records.iter().filter(|r| r.kind == Kind::LevelChanged).copied().collect();
    assert_eq!(changed.len(), 1);
    assert_eq!((changed[0].rule, changed[0].sequence), (Rule::PlanExpired, Some(1)));
    // Nothing the brain sends ends it, and neither does a start without a fresh plan.
    assert_eq!(bench.act(OperatorAct::Start).level, Level::Hold);
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::PlanExpired));
    bench.plan = Some(bench.walk(2, 0.3, ms(2000)));
    assert_eq!(bench.run(500).level, Level::Hold);
    assert_eq!(bench.act(OperatorAct::Reset).level, Level::Hold);
    let ruling = bench.act(OperatorAct::Start);
    assert_eq!((ruling.level, ruling.authority), (Level::Nominal, Authority::Brain));
}

/// Clauses: A2.
#[test]
fn a_chunk_that_ends_before_its_plan_holds_too() {
    let mut bench = Bench::standing(Profile::default());
    let mut plan = bench.walk(1, 0.3, ms(1000));
    change(&mut plan, |chunk| chunk.len = 2);
    bench.plan = Some(plan);
    assert_eq!(bench.run(200).level, Level::Nominal);
    assert_eq!(bench.tick().level, Level::Hold);
}

/// Clauses: A2.
#[test]
fn a_plan_to_stand_changes_no_level() {
    let mut bench = Bench::standing(Profile::default());
    bench.plan = Some(Plan { request: PlanRequest::Hold, ..bench.walk(1, 0.0, ms(1000)) });
    let ruling = bench.run(900);
    assert_eq!((ruling.motion, ruling.authority), (Motion::Stand, Authority::Brain));
    assert_eq!(ruling.level, Level::Nominal);
    assert_eq!(bench.run(100).level, Level::Nominal);
    assert_eq!(bench.tick().level, Level::Hold);
}

/// Clauses: O6.
#[test]
fn a_plan_from_before_the_start_moves_nothing() {
    let mut bench = Bench::new(Profile::default());
    bench.run(60);
    bench.plan = Some(bench.walk(1, 0.3, ms(2000)));
    bench.run(5);
    bench.act(OperatorAct::Start);
    bench.state.posture = Posture::Standing;
    let ruling = bench.run(3000);
    assert_eq!((ruling.motion, ruling.authority), (Motion::Stand, Authority::None));
    bench.plan = Some(bench.walk(2, 0.3, ms(2000)));
    assert!(matches!(bench.tick().motion, Motion::Walk(_)));
}

fn lidar_profile() -> Profile {
    Profile {
        lidar: Some(LidarRule {
            radius: Metres(0.3),
            margin: Metres(0.1),
            braking: MetresPerSecondSquared(1.0),
            reaction: ms(100),
            age_max: ms(300),
        }),
        speed_max: BaseVelocity {
            forward: MetresPerSecond(1.0),
            left: MetresPerSecond(1.0),
            yaw: RadiansPerSecond(1.0),
        },
        ..Profile::default()
    }
}

/// A scan of a wall across the world's x axis at `wall`, from a robot at `x` that looks along it.
fn wall_scan(wall: f32, x: f32, at: Instant) -> LidarScan {
    let range_max = Metres(8.0);
    let mut ranges = [range_max; LIDAR_BEAMS];
    for (beam, range) in ranges.iter_mut().enumerate() {
        let toward = LidarScan::angle(beam).0.cos();
        if toward > 1e-3 {
            *range = Metres(((wall - x) / toward).min(range_max.0));
        }
    }
    LidarScan { ranges, range_max, at }
}

/// Clauses: H1.
#[test]
fn what_stands_right_beside_does_not_stop_a_robot_that_walks_past() {
    for beam in [16, 48] {
        let mut bench = Bench::standing(lidar_profile());
        let mut scan = wall_scan(9.0, 0.0, bench.now);
        scan.ranges[beam] = Metres(0.35);
        bench.plan = Some(bench.walk(1, 0.4, ms(2000)));
        let mut last = 0.0;
        for _ in 0..1000 {
            bench.frame.lidar = Some(LidarScan { at: bench.now, ..scan });
            last = forward(&bench.tick());
        }
        assert!(last > 0.39, "beam {beam}: {last}");
    }
}

/// Clauses: H1.
#[test]
fn a_walking_robot_stops_before_a_wall() {
    // The robot follows the admitted velocity late, and no harder than the braking counted on.
    for (delay, scan_every) in [(0, 1), (60, 1), (100, 1), (60, 100), (100, 250)] {
        let mut bench = Bench::standing(lidar_profile());
        bench.silent_lidar = true;
        let (mut x, mut v) = (0.0_f32, 0.0_f32);
        let mut asked = std::collections::VecDeque::from(vec![0.0_f32; delay]);
        let mut nearest = f32::MAX;
        for tick in 0..8000_u32 {
            if tick % scan_every == 0 {
                bench.frame.lidar = Some(wall_scan(3.0, x, bench.now));
            }
            if tick % 500 == 0 {
                bench.plan = Some(bench.walk(u64::from(tick), 1.0, ms(2000)));
            }
            asked.push_back(forward(&bench.tick()));
            let target = asked.pop_front().unwrap();
            v += (target - v).clamp(-1e-3, 1e-3);
            x += v * 1e-3;
            nearest = nearest.min(3.0 - x);
        }
        assert!(nearest >= 0.3, "delay {delay}, scan {scan_every}: {nearest}");
        assert!(nearest < 0.5, "it came near enough to mean something: {nearest}");
        assert!(bench.governor.count(Rule::LidarBrake) > 100);
        // Onset and close of what lasted, never one record per tick.
        let told = bench.records.iter().filter(|r| r.rule == Rule::LidarBrake).count();
        assert!((1..40).contains(&told), "{told}");
    }
}

/// Clauses: H4.
#[test]
fn without_a_recent_scan_the_base_does_not_move_but_may_turn() {
    let mut bench = Bench::standing(lidar_profile());
    let mut plan = bench.walk(1, 0.5, ms(2000));
    change(&mut plan, |c| c.velocities.iter_mut().for_each(|v| v.yaw.0 = 0.4));
    bench.plan = Some(plan);
    let ruling = bench.run(500);
    let Motion::Walk(velocity) = ruling.motion else { panic!("{ruling:?}") };
    assert_eq!((velocity.forward.0, velocity.yaw.0), (0.0, 0.4));
    assert!(bench.governor.count(Rule::LidarStale) > 400);
    bench.frame.lidar = Some(wall_scan(9.0, 0.0, bench.now));
    assert!(forward(&bench.run(300)) > 0.2);
    bench.silent_lidar = true;
    bench.run(301);
    assert_eq!(forward(&bench.run(500)), 0.0);
}

/// Clauses: H1, A2.
#[test]
fn ranges_that_are_no_numbers_leave_no_room() {
    for range in [f32::NAN, -1.0, 0.0] {
        let mut bench = Bench::standing(lidar_profile());
        let mut scan = wall_scan(9.0, 0.0, bench.now);
        scan.ranges[LIDAR_BEAMS / 2] = Metres(range);
        bench.frame.lidar = Some(scan);
        bench.plan = Some(bench.walk(1, 0.5, ms(2000)));
        assert!(forward(&bench.run(4)) <= 0.0);
    }
    let mut bench = Bench::standing(lidar_profile());
    let mut scan = wall_scan(0.5, 0.0, bench.now);
    scan.range_max = Metres(f32::NAN);
    bench.frame.lidar = Some(scan);
    bench.plan = Some(bench.walk(1, 0.5, ms(2000)));
    assert_eq!(forward(&bench.run(100)), 0.0);
}

/// Clauses: S4, O1, S2.
#[test]
fn a_stop_takes_three_acts_back_to_motion() {
    let mut bench = Bench::standing(Profile::default());
    bench.plan = Some(bench.walk(1, 0.3, ms(2000)));
    bench.run(300);
    bench.operator.stop = true;
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.motion), (Level::Settle, Motion::Settle));
    assert_eq!(ruling.authority, Authority::StopControl);
    bench.operator.stop = false;
    bench.state.posture = Posture::Settling;
    assert_eq!(bench.run(1000).motion, Motion::Settle);
    assert_eq!(bench.act(OperatorAct::Reset).level, Level::Settle);
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::AtRest));
    bench.state.posture = Posture::Settled;
    assert_eq!(bench.run(500).level, Level::Settle);
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.motion), (Level::Stopped, Motion::Limp));
    // A start is no reset.
    assert_eq!(bench.act(OperatorAct::Start).level, Level::Stopped);
    // A reset is refused while the device is pressed.
    bench.operator.stop = true;
    assert_eq!(bench.act(OperatorAct::Reset).level, Level::Stopped);
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::OperatorStop));
    bench.operator.stop = false;
    // A reset starts nothing, whatever plan there is.
    bench.plan = Some(bench.walk(2, 0.3, ms(2000)));
    let ruling = bench.act(OperatorAct::Reset);
    assert_eq!((ruling.level, ruling.mode), (Level::Nominal, Mode::Inhibited));
    assert_eq!(bench.run(100).motion, Motion::Limp);
    assert_eq!(bench.act(OperatorAct::Start).motion, Motion::Stand);
}

/// Clauses: S2.
#[test]
fn a_body_that_does_not_settle_is_cut() {
    for posture in [Posture::Standing, Posture::Settled] {
        let mut bench = Bench::standing(Profile::default());
        bench.state.posture = posture;
        bench.set_joint(joint(1), 0.0, 0.5);
        bench.operator.stop = true;
        bench.tick();
        bench.operator.stop = false;
        assert_eq!(bench.run(3999).level, Level::Settle);
        let ruling = bench.tick();
        assert_eq!((ruling.level, ruling.motion), (Level::Cut, Motion::Limp));
        assert_eq!(bench.records.last().unwrap().rule, Rule::SettleTimeout);
        // It still moves: no reset.
        assert_eq!(bench.act(OperatorAct::Reset).level, Level::Cut);
        bench.set_joint(joint(1), 0.0, 0.0);
        assert_eq!(bench.act(OperatorAct::Reset).level, Level::Cut);
        bench.run(500);
        assert_eq!(bench.act(OperatorAct::Reset).level, Level::Nominal);
    }
}

/// Clauses: S1, S5, S9.
#[test]
fn a_cut_is_immediate_and_latched_even_while_falling() {
    let mut bench = Bench::standing(Profile::default());
    bench.operator.cut = true;
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.motion), (Level::Cut, Motion::Limp));
    assert!(bench.command.joints.iter().all(|c| *c == JointCommand::LIMP));
    bench.operator.cut = false;
    assert_eq!(bench.run(5000).level, Level::Cut);

    let mut bench = Bench::standing(Profile::default());
    bench.tilt(0.7);
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.motion), (Level::Falling, Motion::Damp));
    assert!(bench.command.joints.iter().all(|c| *c == JointCommand::damped(Damping(2.0))));
    bench.operator.cut = true;
    assert_eq!(bench.tick().motion, Motion::Limp);
    bench.operator.cut = false;
    let ruling = bench.run(1000);
    assert_eq!((ruling.level, ruling.motion), (Level::Falling, Motion::Limp));
    assert_eq!(bench.of_kind(Kind::ActAccepted), [Rule::OperatorCut]);
    // On its side it cannot be reset; put on its feet it can.
    assert_eq!(bench.act(OperatorAct::Reset).level, Level::Falling);
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::Tilt));
    bench.tilt(0.0);
    // After a fall somebody inspects it first.
    assert_eq!(bench.act(OperatorAct::Reset).level, Level::Falling);
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::OperatorAck));
    assert_eq!(bench.act(OperatorAct::Acknowledge).level, Level::Falling);
    assert_eq!(bench.act(OperatorAct::Reset).level, Level::Nominal);
}

/// Clauses: A2, W1.
#[test]
fn a_silent_joint_slows_the_robot_then_stops_it() {
    let mut bench = Bench::standing(Profile::default());
    bench.plan = Some(bench.walk(1, 0.4, ms(2000)));
    bench.run(600);
    bench.silent_joint = Some(joint(2));
    assert_eq!(bench.run(5).level, Level::Nominal);
    let ruling = bench.tick();
    assert_eq!((ruling.level, ruling.scale), (Level::Limited, 0.5));
    let ruling = bench.run(54);
    assert!(forward(&ruling) < 0.36, "{ruling:?}");
    assert_eq!(bench.tick().level, Level::Settle);
    let last = *bench.records.last().unwrap();
    assert_eq!((last.rule, last.joint), (Rule::JointStale, Some(joint(2))));
    // It speaks again: the latch stays, the evidence of standstill counts from now.
    bench.silent_joint = None;
    bench.state.posture = Posture::Settled;
    assert_eq!(bench.run(500).level, Level::Settle);
    assert_eq!(bench.tick().level, Level::Stopped);
}

/// Clauses: S2, S4.
#[test]
fn a_joint_that_stays_silent_proves_no_standstill() {
    let mut bench = Bench::standing(Profile::default());
    bench.silent_joint = Some(joint(0));
    bench.state.posture = Posture::Settled;
    assert_eq!(bench.run(4000).level, Level::Settle);
    assert_eq!(bench.run(100).level, Level::Cut);
    assert_eq!(bench.act(OperatorAct::Reset).level, Level::Cut);
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::JointStale));
}

/// Clauses: W1, W2.
#[test]
fn a_short_gap_slows_the_robot_for_two_seconds() {
    let mut bench = Bench::standing(Profile::default());
    bench.silent_imu = true;
    assert_eq!(bench.run(20).level, Level::Limited);
    bench.silent_imu = false;
    assert_eq!(bench.run(1999).level, Level::Limited);
    assert_eq!(bench.run(2).level, Level::Nominal);
    let rules = bench.of_kind(Kind::LevelChanged);
    assert_eq!(rules, [Rule::ImuStale, Rule::LevelClear]);
}

/// Clauses: A2, M4, M8, W1.
#[test]
fn other_causes_of_a_controlled_stop() {
    type Spoil = fn(&mut Bench);
    let table: [(Rule, u32, Spoil); 9] = [
        (Rule::StateInvalid, 63, |b| b.silent_state = true),
        (Rule::ImuStale, 1, |b| b.imu_ahead = ms(61)),
        (Rule::JointStuck, 99, |b| b.noisy = false),
        (Rule::ImuStale, 21, |b| b.silent_imu = true),
        (Rule::StateInvalid, 3, |b| b.state.valid = false),
        (Rule::StateInvalid, 3, |b| b.state.position[2] = Metres(f32::NAN)),
        (Rule::StateInvalid, 3, |b| b.state.joints = Joints::default()),
        (Rule::FrameFinite, 5, |b| b.frame.joints[joint(0)].q = Radians(f32::NAN)),
        (Rule::CommandFinite, 4, |b| b.wanted[joint(1)].tau = NewtonMetres(f32::NAN)),
    ];
    for (rule, within, spoil) in table {
        let mut bench = Bench::standing(Profile::default());
        spoil(&mut bench);
        assert!(bench.run(within - 1).level < Level::Settle, "{rule:?} too early");
        let ruling = bench.tick();
        // Without an estimate, or with too few joints to see, nobody can settle: it is damped.
        let blind = matches!(rule, Rule::StateInvalid | Rule::FrameFinite);
        let motion = if blind { Motion::Damp } else { Motion::Settle };
        assert_eq!((ruling.level, ruling.motion), (Level::Settle, motion), "{rule:?}");
        assert_eq!(bench.records.last().unwrap().rule, rule);
    }
}

/// Clauses: S2, S5.
#[test]
fn a_limp_robot_never_starts_a_settle_motion() {
    type Spoil = fn(&mut Bench);
    let table: [(Spoil, Level); 5] = [
        (|b| b.operator.stop = true, Level::Stopped),
        (|b| b.silent_joint = Some(joint(0)), Level::Stopped),
        (|b| b.state.valid = false, Level::Stopped),
        (|b| b.operator.cut = true, Level::Cut),
        (|b| b.tilt(2.0), Level::Notice),
    ];
    for (spoil, level) in table {
        let mut bench = Bench::new(Profile::default());
        bench.run(60);
        spoil(&mut bench);
        for _ in 0..200 {
            assert_eq!(bench.tick().motion, Motion::Limp);
        }
        assert_eq!(bench.governor.level(), level);
        assert_eq!(bench.act(OperatorAct::Start).motion, Motion::Limp);
    }
}

/// Clauses: A2.
#[test]
fn a_stamp_a_little_ahead_is_fresh() {
    let mut bench = Bench::standing(Profile::default());
    bench.imu_ahead = ms(1);
    assert_eq!(bench.run(100).level, Level::Nominal);
    bench.imu_ahead = ms(6);
    assert_eq!(bench.tick().level, Level::Limited);
}

/// Clauses: A4.
#[test]
fn a_profile_that_breaks_its_rules_locks_the_governor_out() {
    let bad = Profile { tilt_max: Radians(f32::NAN), ..Profile::default() };
    assert_eq!(bad.check().unwrap_err().field, "tilt_max");
    let mut bench = Bench::new(bad);
    bench.run(200);
    let ruling = bench.act(OperatorAct::Start);
    assert_eq!((ruling.mode, ruling.motion), (Mode::Lockout, Motion::Limp));
    assert_eq!(bench.records.last().unwrap().cause, Some(Rule::ProfileInvalid));
    let slow = Profile { limited_scale: 1.1, ..Profile::default() };
    assert_eq!(slow.check().unwrap_err().field, "limited_scale");
    assert!(Profile::default().check().is_ok() && lidar_profile().check().is_ok());
}

/// Clauses: E1.
#[test]
fn every_rule_has_its_own_id_and_two_titles() {
    let ids: std::collections::BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), Rule::COUNT);
    for rule in Rule::ALL {
        assert!(!rule.title().is_empty());
        assert!(!rule.title_chinese().is_ascii());
    }
}
