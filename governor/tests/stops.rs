//! Ten thousand stops at random times while the brain holds the lease: each is in the first command
//! the governor makes after it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(missing_docs, unreachable_pub, reason = "modules shared by tests")]

mod common;
#[allow(dead_code, reason = "each test file uses a part of it")]
mod dice;

use common::{Bench, TICK, ms};
use dice::Dice;
use governor::{BodyClass, Profile};
use signals::*;

const STOPS: u64 = 10_000;

const ROLES: [Role; 5] =
    [Role::Bystander, Role::Supervisor, Role::Operator, Role::Local, Role::Maintainer];

/// How a person stops the robot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stop,
    Cut,
    GoSafe(Role),
}

/// What the robot does when it is stopped; the brain holds the lease in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    Walking,
    Standing,
    Noticed,
    Limited,
    Held,
    Supervised,
    Resuming,
}

const SCENES: [Scene; 7] = [
    Scene::Walking,
    Scene::Standing,
    Scene::Noticed,
    Scene::Limited,
    Scene::Held,
    Scene::Supervised,
    Scene::Resuming,
];

/// A robot in this scene, for some random time, with plans coming in all the while.
fn in_scene(scene: Scene, body: BodyClass, dice: &mut Dice) -> Bench {
    let mut bench = Bench::new(Profile { body, tilt_max: Radians(0.6), ..Profile::default() });
    bench.run(60);
    if scene == Scene::Supervised {
        bench.act(OperatorAct::Select(Mode::Supervised));
    }
    bench.act(OperatorAct::Start);
    bench.state.posture = Posture::Standing;
    for sequence in 0..1 + dice.below(40) {
        plan(&mut bench, scene, sequence, dice);
        bench.tick();
    }
    match scene {
        Scene::Noticed => bench.tilt(0.4),
        Scene::Limited => {
            bench.silent_imu = true;
            bench.run(7);
            bench.silent_imu = false;
        }
        Scene::Held | Scene::Resuming => {
            bench.plan = None;
            bench.run(300);
        }
        _ => {}
    }
    if scene == Scene::Resuming {
        plan(&mut bench, scene, 100, dice);
        bench.tick();
        bench.operator.role = Role::Supervisor;
        bench.act(OperatorAct::Start);
        bench.operator.role = Role::Local;
    }
    plan(&mut bench, scene, 101, dice);
    for _ in 0..dice.below(20) {
        bench.operator.stick = bench.operator.stick.map(|stick| Stick { at: bench.now, ..stick });
        bench.tick();
    }
    bench
}

fn plan(bench: &mut Bench, scene: Scene, sequence: u64, dice: &mut Dice) {
    // One way only: plans that swing to and fro are stopped for themselves.
    let speed = if scene == Scene::Standing { 0.0 } else { 0.1 * dice.below(6) as f32 };
    bench.plan = Some(bench.walk(sequence, speed, ms(200)));
    if scene == Scene::Supervised {
        let velocity = BaseVelocity::ZERO;
        bench.operator.stick = Some(Stick { velocity, held: true, at: bench.now });
    }
}

/// The command of this tick stops the body in the way that was asked for.
fn stops(bench: &Bench, ruling: &Ruling, way: Way) -> bool {
    let limp = bench.command.joints.iter().all(|command| *command == JointCommand::LIMP);
    let settles = matches!(ruling.motion, Motion::Settle | Motion::Damp | Motion::Script);
    let stopping = ruling.authority == Authority::StopControl && ruling.scale == 0.0;
    stopping && if way == Way::Cut { limp } else { settles || limp }
}

/// Clauses: O1, S5, S1.
#[test]
fn a_stop_is_in_the_first_command_after_it() {
    let mut dice = Dice::new(7);
    // From the press to the start of the tick whose command stops, in tenths of a tick.
    let mut tenths = [0_u64; 21];
    let mut levels = [0_u64; 10];
    for number in 0..STOPS {
        let scene = dice.pick(&SCENES);
        let body = dice.pick(&[BodyClass::ActivelyStable, BodyClass::StaticallyStable]);
        let way = match dice.below(3) {
            0 => Way::Stop,
            1 => Way::Cut,
            _ => Way::GoSafe(dice.pick(&ROLES)),
        };
        let mut bench = in_scene(scene, body, &mut dice);
        let before = bench.governor.ruling();
        assert!(before.level < Level::Settle, "{scene:?}: {:?}", bench.told());
        let brain = bench.governor.leases().lease(governor::Resource::Body).unwrap();
        assert_eq!(brain.holder, governor::Holder::Brain);
        levels[before.level as usize] += 1;
        // Pressed at any time between two ticks.
        let pressed = dice.below(1_000_000);
        plan(&mut bench, scene, 200, &mut dice);
        match way {
            Way::Stop => bench.operator.stop = true,
            Way::Cut => bench.operator.cut = true,
            Way::GoSafe(role) => {
                (bench.operator.role, bench.operator.act) = (role, Some(OperatorAct::GoSafe));
            }
        }
        let mut ticks = 0;
        loop {
            let ruling = bench.tick();
            bench.operator.act = None;
            if stops(&bench, &ruling, way) {
                break;
            }
            ticks += 1;
            assert!(ticks < 2, "stop {number}, {scene:?}, {way:?}: {ruling:?}");
        }
        let nanos = u64::try_from(TICK.as_nanos()).unwrap();
        let waited = nanos - pressed + ticks * nanos;
        tenths[usize::try_from((waited * 10).div_ceil(nanos)).unwrap()] += 1;
        // No plan and no silence of the devices brings the brain back.
        (bench.operator.stop, bench.operator.cut) = (false, false);
        for sequence in 201..204 {
            plan(&mut bench, scene, sequence, &mut dice);
            let ruling = bench.tick();
            assert_eq!(ruling.authority, Authority::StopControl, "{scene:?}, {way:?}");
        }
    }
    println!("{STOPS} stops; waiting time in tenths of a tick: {tenths:?}");
    println!("levels before the stop: {levels:?}");
    assert_eq!(tenths[11..].iter().sum::<u64>(), 0, "later than one tick: {tenths:?}");
    assert_eq!(tenths.iter().sum::<u64>(), STOPS);
    let (nominal, notice, limited, held) = (levels[0], levels[1], levels[4], levels[5]);
    assert!([nominal, notice, limited, held].iter().all(|count| *count > 500), "{levels:?}");
}
