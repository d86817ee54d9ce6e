//! A body that gets sick: each fault, the level it leads to, and how soon. Times are those of the
//! fault catalogue, in ticks of one millisecond.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Bench, JOINTS, hardware, joint, ms};
use governor::{HealthRule, Kind, Profile, Rule};
use signals::*;

const G: f32 = 9.81;

fn profile() -> Profile {
    let health = HealthRule {
        torque_error: 0.2,
        collision: 0.4,
        voltage_min: Volts(20.0),
        voltage_max: Volts(30.0),
        feet_load_min: Newtons(20.0),
        ..HealthRule::default()
    };
    Profile { health, stuck_frames: 0, ..Profile::default() }
}

/// A standing robot of three joints and four feet, whose drives give what they are told.
fn healthy() -> Bench {
    let mut bench = Bench::of(&hardware(), profile());
    bench.frame.feet = Feet::filled(FootReading { force: Newtons(30.0), at: bench.now }, 4);
    bench.state.contact = Feet::filled(1.0, 4);
    let [_, _, up] = &mut bench.frame.imu.specific_force;
    *up = MetresPerSecondSquared(G);
    bench.wanted =
        Joints::filled(JointCommand { kp: Stiffness(20.0), ..JointCommand::LIMP }, JOINTS);
    // A reading that differs from the one before in every tick, from the very first.
    bench.set_joint(joint(0), 0.0, 0.01);
    bench.honest = true;
    bench.started()
}

/// The same, walking.
fn walking() -> Bench {
    let mut bench = healthy();
    bench.plan = Some(bench.walk(1, 0.3, ms(2000)));
    bench.state.posture = Posture::Walking;
    bench.run(100);
    assert_eq!(bench.governor.level(), Level::Nominal, "{:?}", bench.told());
    bench.records.clear();
    bench
}

/// Ticks until the level is `level`, and the rule that raised it; none within `most` ticks.
fn raised(
    bench: &mut Bench,
    level: Level,
    most: u32,
    mut each: impl FnMut(&mut Bench, u32),
) -> Option<(u32, Rule)> {
    (1..=most).find_map(|tick| {
        each(bench, tick);
        let ruling = bench.tick();
        let last = bench.records.iter().rev().find(|record| record.kind == Kind::LevelChanged);
        (ruling.level >= level).then(|| (tick, last.unwrap().rule))
    })
}

#[track_caller]
fn within(found: Option<(u32, Rule)>, rule: Rule, ticks: core::ops::RangeInclusive<u32>) {
    let (tick, by) = found.unwrap_or((u32::MAX, rule));
    assert_eq!(by, rule);
    assert!(ticks.contains(&tick), "{rule:?} after {tick} ticks, not {ticks:?}");
}

/// Clauses: A2.
#[test]
fn a_healthy_robot_raises_nothing() {
    let mut bench = walking();
    bench.plan = Some(bench.walk(2, 0.3, ms(2000)));
    bench.frame.supply = Some(SupplyReading { voltage: Volts(25.0), charge: 0.9, at: bench.now });
    bench.run(1900);
    assert_eq!(bench.governor.max_level(), Level::Nominal, "{:?}", bench.told());
}

/// One reading that jumps is passed over: its joint is not seen, and the last one stands. Three in
/// a row are a broken encoder.
///
/// Clauses: A2.
#[test]
fn an_encoder_that_jumps_is_passed_over_then_settles() {
    for (by, readings) in [(0.1, 1), (-0.5, 2), (0.03, 1)] {
        let mut bench = healthy();
        bench.frame.joints[joint(1)].q = Radians(by);
        for _ in 0..readings {
            assert_eq!(bench.tick().level, Level::Notice, "{by}");
            // Without a reading there is no barrier, and no torque made of the wild one.
            let command = bench.command.joints[joint(1)];
            assert!(command.kp.0 > 0.0, "{command:?}");
        }
        bench.frame.joints[joint(1)].q = Radians(0.0);
        assert_eq!(bench.run(100).level, Level::Notice);
        assert_eq!(bench.of_kind(Kind::LevelChanged), [Rule::JointJump]);
        assert_eq!(bench.of_kind(Kind::Refused).first(), Some(&Rule::JointJump));
    }
    let mut bench = healthy();
    bench.frame.joints[joint(1)].q = Radians(0.1);
    let found = raised(&mut bench, Level::Settle, 50, |_, _| {});
    within(found, Rule::JointJump, 3..=3);
    assert_eq!(bench.records.last().unwrap().joint, Some(joint(1)));
}

/// Whatever a joint can do is no jump: at its highest speed, and after its sensor was silent.
///
/// Clauses: A2.
#[test]
fn a_fast_joint_does_not_jump() {
    let mut bench = healthy();
    let moves = |bench: &mut Bench, tick: u32| {
        let q = 0.08 * (tick as f32 * 0.125).sin();
        bench.set_joint(joint(0), q, 10.0 * (tick as f32 * 0.125).cos());
    };
    assert_eq!(raised(&mut bench, Level::Notice, 500, moves), None);
    bench.silent_joint = Some(joint(2));
    bench.run(4);
    bench.silent_joint = None;
    bench.set_joint(joint(2), 0.04, 10.0);
    assert_eq!(raised(&mut bench, Level::Notice, 1, |_, _| {}), None);
}

/// Clauses: A2.
#[test]
fn two_silent_joints_settle_sooner_than_one() {
    let freeze = |bench: &mut Bench, joints: &[usize]| {
        let old: Vec<_> = joints.iter().map(|j| bench.frame.joints[joint(*j)].at).collect();
        bench.stamps_stay = joints.iter().map(|j| joint(*j)).zip(old).collect();
    };
    for (joints, ticks) in [(&[0][..], 55..=65), (&[0, 2][..], 15..=25)] {
        let mut bench = walking();
        freeze(&mut bench, joints);
        assert!(raised(&mut bench, Level::Limited, 6, |_, _| {}).is_some());
        let found = raised(&mut bench, Level::Settle, 100, |_, _| {});
        within(found, Rule::JointStale, ticks);
    }
}

/// Clauses: A2.
#[test]
fn an_inertial_unit_that_repeats_itself_or_is_at_its_end_settles() {
    type Spoil = fn(&mut Bench);
    let table: [(Rule, Spoil); 3] = [
        (Rule::ImuStuck, |b| b.stuck_imu = true),
        (Rule::ImuRange, |b| b.frame.imu.specific_force[0] = MetresPerSecondSquared(-156.9)),
        (Rule::ImuRange, |b| b.frame.imu.angular_velocity[2] = RadiansPerSecond(34.9)),
    ];
    for (rule, spoil) in table {
        let mut bench = walking();
        spoil(&mut bench);
        // The estimate follows its gyroscope.
        bench.state.angular_velocity = bench.frame.imu.angular_velocity;
        let found = raised(&mut bench, Level::Settle, 50, |_, _| {});
        within(found, rule, 8..=20);
    }
    // A hard step of a few milliseconds is none.
    let mut bench = walking();
    let step = |bench: &mut Bench, tick: u32| {
        let hard = tick % 1000 < 7;
        let force = if hard { 156.9 } else { 0.0 };
        bench.frame.imu.specific_force[0] = MetresPerSecondSquared(force);
    };
    assert_eq!(raised(&mut bench, Level::Notice, 1100, step), None);
}

/// Clauses: M4.
#[test]
fn a_drive_that_gives_another_torque_settles() {
    let mut bench = walking();
    let weak = |bench: &mut Bench, _: u32| {
        bench.wanted[joint(1)].tau = NewtonMetres(10.0);
        bench.torque_part[joint(1)] = 0.5;
    };
    let found = raised(&mut bench, Level::Settle, 200, weak);
    within(found, Rule::TorqueError, 50..=60);
    // Half of 10 N m is missing, where a fifth of 20 N m may be.
    let told = bench.records.iter().find(|record| record.rule == Rule::TorqueError).unwrap();
    assert!((told.measured - 5.0).abs() < 0.1 && told.limit == 4.0, "{told:?}");
    // Ten milliseconds of the same are a drive that is late.
    let mut bench = walking();
    let late = |bench: &mut Bench, tick: u32| {
        bench.wanted[joint(1)].tau = NewtonMetres(10.0);
        bench.torque_part[joint(1)] = if tick % 50 < 10 { 0.5 } else { 1.0 };
    };
    assert_eq!(raised(&mut bench, Level::Notice, 300, late), None);
}

/// Clauses: N3.
#[test]
fn a_limb_that_hits_something_slows_the_robot() {
    let mut bench = walking();
    let hit = |bench: &mut Bench, _: u32| bench.extra_torque = Some((joint(2), 9.0));
    let found = raised(&mut bench, Level::Limited, 50, hit);
    within(found, Rule::Collision, 4..=10);
    let told = bench.records.iter().find(|record| record.rule == Rule::Collision).unwrap();
    assert!((told.measured - 9.0).abs() < 0.1 && told.limit == 8.0, "{told:?}");
    let mut bench = walking();
    let step = |bench: &mut Bench, tick: u32| {
        bench.extra_torque = (tick % 50 < 4).then_some((joint(2), 9.0));
    };
    assert_eq!(raised(&mut bench, Level::Notice, 300, step), None);
}

/// A joint that gives torque and does not come to where it is wanted is blocked; one that bears
/// weight where it is wanted is not.
///
/// Clauses: M4.
#[test]
fn a_joint_that_does_not_move_under_torque_settles() {
    let mut bench = walking();
    let jammed = |bench: &mut Bench, _: u32| bench.wanted[joint(0)].q = Radians(0.4);
    let found = raised(&mut bench, Level::Settle, 300, jammed);
    within(found, Rule::JointBlocked, 55..=150);
    let mut bench = walking();
    let bears = |bench: &mut Bench, _: u32| bench.wanted[joint(0)].tau = NewtonMetres(15.0);
    assert_eq!(raised(&mut bench, Level::Notice, 1000, bears), None);
    // Nor is one that bears weight far from zero, or hardly pushes where it is not wanted.
    let at = |q: f32, wanted: f32, tau: f32| {
        let mut bench = walking();
        raised(&mut bench, Level::Notice, 1000, move |bench: &mut Bench, tick: u32| {
            let moved = q * (0.01 * tick as f32).min(1.0);
            bench.set_joint(joint(0), moved, 0.0);
            let command = &mut bench.wanted[joint(0)];
            (command.q, command.tau) = (Radians(wanted - q + moved), NewtonMetres(tau));
            command.kp = Stiffness(10.0);
        })
    };
    assert_eq!(at(0.5, 0.5, 15.0), None);
    assert_eq!(at(0.0, 0.3, 0.0), None);
    assert!(at(0.0, 0.3, 1.5).is_some_and(|(_, rule)| rule == Rule::JointBlocked));
    // A leg that swings stands still only where it turns.
    let mut bench = walking();
    bench.plan = Some(bench.walk(2, 0.3, ms(2000)));
    let swings = |bench: &mut Bench, tick: u32| {
        let phase = tick as f32 * 0.02;
        bench.set_joint(joint(0), 0.2 * phase.sin(), 4.0 * phase.cos());
        bench.wanted[joint(0)].q = Radians(0.6 * phase.sin());
    };
    assert_eq!(raised(&mut bench, Level::Notice, 1500, swings), None);
}

/// A joint that gets faster and faster against its own torque has a motor that turns the wrong way:
/// no torque is better than any.
///
/// Clauses: M4.
#[test]
fn a_joint_that_runs_away_against_its_torque_is_cut() {
    let run_away = |sign: f32| {
        move |bench: &mut Bench, tick: u32| {
            let t = tick as f32 * 1e-3;
            bench.set_joint(joint(1), -sign * 60.0 * t * t, -sign * 120.0 * t);
            bench.wanted[joint(1)].tau = NewtonMetres(sign * 6.0);
        }
    };
    for sign in [1.0, -1.0] {
        let mut bench = walking();
        let found = raised(&mut bench, Level::Settle, 75, run_away(sign));
        within(found, Rule::JointSign, 25..=55);
        assert_eq!(bench.governor.level(), Level::Cut);
    }
    // Against so little torque it is its load that drives it.
    let mut bench = walking();
    let pushed = |bench: &mut Bench, tick: u32| {
        let t = tick as f32 * 1e-3;
        bench.set_joint(joint(1), -60.0 * t * t, -120.0 * t);
        bench.wanted[joint(1)] = JointCommand { tau: NewtonMetres(1.5), ..JointCommand::LIMP };
    };
    assert_eq!(raised(&mut bench, Level::Cut, 60, pushed), None);
    // One that is braked by its torque gets slower.
    let mut bench = walking();
    let braked = |bench: &mut Bench, tick: u32| {
        let t = tick as f32 * 1e-3;
        bench.set_joint(joint(1), 9.0 * t - 60.0 * t * t, 9.0 - 120.0 * t);
        bench.wanted[joint(1)].tau = NewtonMetres(-6.0);
    };
    bench.frame.joints[joint(1)].dq = RadiansPerSecond(9.0);
    assert_eq!(raised(&mut bench, Level::Notice, 75, braked), None);
}

/// Clauses: M7.
#[test]
fn a_hot_winding_slows_the_robot_and_a_hotter_one_stops_it() {
    for (temperature, level, within_ticks) in
        [(85.0, Level::Limited, 20..=100), (105.0, Level::Settle, 20..=2000)]
    {
        let mut bench = walking();
        bench.frame.joints[joint(2)].temperature = Celsius(temperature);
        let found = raised(&mut bench, level, 3000, |_, _| {});
        within(found, Rule::JointHot, within_ticks);
        assert_eq!(bench.governor.level(), level);
        assert_eq!(bench.records.last().unwrap().joint, Some(joint(2)));
    }
    let mut bench = walking();
    let glitch = |bench: &mut Bench, tick: u32| {
        let hot = tick % 30 < 15;
        bench.frame.joints[joint(2)].temperature = Celsius(if hot { 200.0 } else { 40.0 });
    };
    assert_eq!(raised(&mut bench, Level::Notice, 600, glitch), None);
}

/// Clauses: M7.
#[test]
fn a_supply_outside_its_range_slows_the_robot_and_low_it_stops_it() {
    let supply = |voltage: f32| {
        move |bench: &mut Bench, _: u32| {
            let at = bench.now;
            bench.frame.supply = Some(SupplyReading { voltage: Volts(voltage), charge: 1.0, at });
        }
    };
    let mut bench = walking();
    within(raised(&mut bench, Level::Limited, 100, supply(19.0)), Rule::SupplyVoltage, 10..=50);
    let mut bench = walking();
    within(raised(&mut bench, Level::Settle, 300, supply(19.0)), Rule::SupplyVoltage, 50..=200);
    let mut bench = walking();
    within(raised(&mut bench, Level::Limited, 100, supply(31.0)), Rule::SupplyVoltage, 10..=50);
    assert_eq!(raised(&mut bench, Level::Hold, 1000, supply(31.0)), None);
}

/// Drives that give no torque by their own word: the robot does not go on as if they did.
///
/// Clauses: S7, S4.
#[test]
fn drives_that_do_not_follow_stop_the_robot() {
    let fault = DriveFault { id: 7, code: FaultCode::GOVERNOR_LOST, joint: None, raw: 0 };
    let say = |lifecycle, fault| {
        move |bench: &mut Bench, _: u32| {
            bench.frame.drives = Some(DriveReading { lifecycle, fault, at: bench.now });
        }
    };
    for (lifecycle, fault, level, ticks) in [
        (Lifecycle::Damping, None, Level::Hold, 1..=4),
        (Lifecycle::Damping, Some(fault), Level::Settle, 1..=4),
        (Lifecycle::SafeTorqueOff, Some(fault), Level::Cut, 1..=4),
        (Lifecycle::Fault, Some(fault), Level::Cut, 1..=4),
        (Lifecycle::Standby, None, Level::Cut, 200..=210),
        (Lifecycle::Armed, None, Level::Cut, 200..=210),
    ] {
        let mut bench = walking();
        let found = raised(&mut bench, level, 300, say(lifecycle, fault));
        within(found, Rule::DriveOff, ticks);
    }
    // Drives that follow are nothing to tell, and those of a limp robot wait for a person.
    let mut bench = walking();
    assert_eq!(raised(&mut bench, Level::Notice, 1000, say(Lifecycle::Active, None)), None);
    let mut bench = walking();
    raised(&mut bench, Level::Cut, 300, say(Lifecycle::Fault, Some(fault))).unwrap();
    bench.records.clear();
    bench.run(500);
    assert!(bench.records.iter().all(|r| r.rule != Rule::DriveOff), "{:?}", bench.told());
}

/// Clauses: M7, W1.
#[test]
fn a_battery_that_runs_down_is_told_in_steps_and_ends_in_a_settle() {
    let mut bench = healthy();
    let mut seen = Vec::new();
    for (charge, ticks) in [(0.29, 3000), (0.19, 3000), (0.14, 3000), (0.09, 29_900), (0.09, 200)] {
        bench.frame.supply = Some(SupplyReading { voltage: Volts(25.0), charge, at: bench.now });
        let highest = (0..ticks).map(|_| bench.tick().level).max().unwrap();
        seen.push((charge, highest));
    }
    let wanted = [
        (0.29, Level::Notice),
        (0.19, Level::Warning),
        (0.14, Level::Guidance),
        (0.09, Level::Hold),
        (0.09, Level::Settle),
    ];
    assert_eq!(seen, wanted);
    let raised = bench.of_kind(Kind::LevelChanged);
    assert!(raised.iter().all(|rule| [Rule::SupplyCharge, Rule::LevelClear].contains(rule)));
}

/// Clauses: A2.
#[test]
fn an_estimate_that_contradicts_the_sensors_slows_then_settles() {
    type Spoil = fn(&mut Bench);
    let table: [Spoil; 3] = [
        |b| b.tilt(0.34),
        |b| b.state.angular_velocity[1] = RadiansPerSecond(-1.2),
        |b| b.state.joints[joint(1)].q = Radians(0.15),
    ];
    for spoil in table {
        let mut bench = walking();
        bench.run(500);
        spoil(&mut bench);
        let found = raised(&mut bench, Level::Limited, 100, |_, _| {});
        within(found, Rule::StateDiverged, 20..=50);
        let found = raised(&mut bench, Level::Settle, 1000, |_, _| {});
        within(found, Rule::StateDiverged, 350..=480);
    }
}

/// Clauses: M8.
#[test]
fn a_robot_without_weight_on_its_feet_settles() {
    let force = |newtons: f32| {
        move |bench: &mut Bench, _: u32| {
            let foot = FootReading { force: Newtons(newtons), at: bench.now };
            bench.frame.feet = Feet::filled(foot, 4);
        }
    };
    let mut bench = walking();
    within(raised(&mut bench, Level::Settle, 500, force(1.0)), Rule::Lifted, 150..=200);
    // A hop of a tenth of a second, and a robot that lies down, are not lifted.
    let mut bench = walking();
    assert_eq!(raised(&mut bench, Level::Notice, 100, force(1.0)), None);
    assert_eq!(raised(&mut bench, Level::Notice, 100, force(30.0)), None);
    assert_eq!(raised(&mut bench, Level::Notice, 100, force(1.0)), None);
    let mut bench = healthy();
    bench.state.posture = Posture::Rising;
    assert_eq!(raised(&mut bench, Level::Notice, 1000, force(0.0)), None);
}

/// A robot that holds: the brain has fallen silent, and it has come to rest.
fn holding() -> Bench {
    let mut bench = healthy();
    bench.plan = Some(bench.walk(1, 0.3, ms(200)));
    bench.run(1000);
    assert_eq!(bench.governor.level(), Level::Hold, "{:?}", bench.told());
    bench
}

/// Clauses: S3.
#[test]
fn a_holding_robot_that_moves_settles_within_ten_milliseconds() {
    type Spoil = fn(&mut Bench);
    let table: [Spoil; 3] = [
        |b| b.state.position[1] = Metres(0.06),
        |b| b.state.velocity[0] = MetresPerSecond(-0.12),
        |b| b.state.joints[joint(2)].q = Radians(0.04),
    ];
    for spoil in table {
        let mut bench = holding();
        spoil(&mut bench);
        let found = raised(&mut bench, Level::Settle, 100, |_, _| {});
        within(found, Rule::HoldDrift, 4..=10);
    }
    // Who only sways does not, and neither does who holds no longer.
    let mut bench = holding();
    let sways = |bench: &mut Bench, tick: u32| {
        bench.state.position[0] = Metres(0.03 * (tick as f32 * 1e-3).sin());
        bench.state.velocity[0] = MetresPerSecond(0.05);
    };
    assert_eq!(raised(&mut bench, Level::Settle, 2000, sways), None);
    let mut bench = healthy();
    bench.run(1000);
    bench.state.velocity[0] = MetresPerSecond(0.5);
    assert_eq!(bench.run(1000).level, Level::Nominal);
}

/// Before it has come to rest a robot that holds may move: it has just stopped walking.
///
/// Clauses: S3.
#[test]
fn a_robot_that_has_just_stopped_may_come_to_rest() {
    let mut bench = healthy();
    bench.plan = Some(bench.walk(1, 0.3, ms(200)));
    let slows = |bench: &mut Bench, tick: u32| {
        let speed = 0.4 * (-(tick as f32) / 300.0).exp();
        bench.state.velocity[0] = MetresPerSecond(speed);
        bench.state.position[0].0 += speed * 1e-3;
    };
    assert_eq!(raised(&mut bench, Level::Settle, 4000, slows), None);
    assert_eq!(bench.governor.level(), Level::Hold);
}

/// Clauses: S8.
#[test]
fn a_joint_that_is_driven_back_raises_an_alarm() {
    let drive_back = |rate: f32| {
        move |bench: &mut Bench, tick: u32| {
            bench.set_joint(joint(0), 1e-3 * rate * tick as f32, rate);
        }
    };
    let mut bench = Bench::new(profile());
    bench.run(100);
    let found = raised(&mut bench, Level::Warning, 4000, drive_back(0.03));
    within(found, Rule::BackDrive, 2000..=3200);
    let mut bench = Bench::new(profile());
    bench.run(100);
    assert_eq!(raised(&mut bench, Level::Notice, 4000, drive_back(0.01)), None);
    // A body that sinks when its torque goes is no alarm.
    let mut bench = healthy();
    bench.operator.cut = true;
    bench.tick();
    bench.run_with(1500, drive_back(0.3));
    bench.run(3000);
    assert_eq!(bench.governor.count(Rule::BackDrive), 0);
}

/// Clauses: C3.
#[test]
fn skipped_ticks_slow_the_robot_then_stop_it() {
    let skip = |bench: &mut Bench, ticks: u64| {
        bench.number += ticks;
        bench.now = bench.now + ms(ticks);
    };
    // One is told.
    let mut bench = walking();
    skip(&mut bench, 1);
    assert_eq!(bench.tick().level, Level::Notice);
    assert_eq!(bench.run(10).level, Level::Notice);
    // Three among ten slow it within the same tick.
    let mut bench = walking();
    for level in [Level::Notice, Level::Notice, Level::Limited] {
        skip(&mut bench, 1);
        assert_eq!(bench.tick().level, level);
    }
    // Three that are far apart do not.
    let mut bench = walking();
    for _ in 0..3 {
        skip(&mut bench, 1);
        assert_eq!(bench.run(20).level, Level::Notice);
    }
    // Twenty among a hundred stop it, and so does one long gap.
    for (gaps, ticks) in [(5, 4), (1, 51)] {
        let mut bench = walking();
        let level = (0..gaps).map(|_| {
            skip(&mut bench, ticks);
            bench.tick().level
        });
        assert_eq!(level.max(), Some(Level::Hold), "{gaps} gaps of {ticks}");
        assert_eq!(bench.of_kind(Kind::LevelChanged).last(), Some(&Rule::CycleLate));
    }
    // A robot without torque has lost nothing.
    let mut bench = Bench::new(profile());
    bench.run(100);
    skip(&mut bench, 5000);
    assert_eq!(bench.tick().level, Level::Notice);
}

/// Clauses: A4.
#[test]
fn thresholds_that_mean_nothing_are_refused() {
    type Spoil = fn(&mut HealthRule);
    let table: [(&str, Spoil); 8] = [
        ("health.jump_noise", |h| h.jump_noise = Radians(f32::NAN)),
        ("health.imu_rate_max", |h| h.imu_rate_max = RadiansPerSecond(0.0)),
        ("health.torque_error", |h| h.torque_error = -0.1),
        ("health.temperature_trip", |h| h.temperature_trip = Celsius(20.0)),
        ("health.voltage_max", |h| h.voltage_max = Volts(f32::NAN)),
        ("health.feet_load_min", |h| h.feet_load_min = Newtons(f32::INFINITY)),
        ("health.late_limited", |h| h.late_limited = 11),
        ("health.late_hold", |h| h.late_hold = 0),
    ];
    for (field, spoil) in table {
        let mut bad = profile();
        spoil(&mut bad.health);
        assert_eq!(bad.check().unwrap_err().field, field);
        assert_ne!(bad.id(), profile().id(), "{field} is not part of the profile's id");
    }
}
