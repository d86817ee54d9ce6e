//! Stories of motors on emulated buses: what they are asked, told, and never told.

use std::f32::consts::PI;

use motors::can::{CanFrame, CanId};
use motors::robstride::{Address, FaultBits, Model};
use motors::{damiao, moteus, robstride};
use signals::{
    BodyCommand, Celsius, FaultCode, HardwareLimits, JointLimits, KilogramMetresSquared,
    NewtonMetres, NewtonMetresPerSecond, Radians, RadiansPerSecond, RadiansPerSecondCubed,
    RadiansPerSecondSquared, Seconds, Stiffness,
};

use super::*;
use crate::emulator::{CanWire, DamiaoMotor, EmulatedCanBus, MoteusController, RobStrideMotor};

const TICK: Duration = Duration::from_millis(1);
const TIMING: Timing =
    Timing { watchdog: Duration::from_millis(20), answer_within: Duration::from_millis(1) };

pub(super) fn joint(index: usize) -> JointId {
    JointId::new(index).unwrap()
}

pub(super) fn envelope(joints: usize) -> Envelope {
    let limits = JointLimits {
        q_min: Radians(-3.0),
        q_max: Radians(3.0),
        dq_max: RadiansPerSecond(20.0),
        tau_max: NewtonMetres(5.0),
        corner_speed: RadiansPerSecond(15.0),
        no_load_speed: RadiansPerSecond(25.0),
        braking: RadiansPerSecondSquared(50.0),
        kp_max: Stiffness(100.0),
        kd_max: Damping(5.0),
        inertia_min: KilogramMetresSquared(0.01),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(20_000.0),
        torque_continuous: NewtonMetres(5.0),
        thermal_time: Seconds(60.0),
    };
    let joints = Joints::filled(limits, joints);
    Envelope::new(&HardwareLimits { joints, emergency_damping: Damping(1.0) }).unwrap()
}

/// One motor of each maker: joint 0 DAMIAO, 1 RobStride, 2 moteus, on a bus of its own each.
pub(super) fn plans() -> Vec<MotorPlan> {
    let address = Address { motor: 2, host: 0xFD };
    let kinds = [
        ("DAMIAO 1", MotorKind::Damiao { id: 1, scale: damiao::Model::Dm4310.scale() }),
        ("RobStride 2", MotorKind::RobStride { address, model: Model::Rs00 }),
        ("moteus 3", MotorKind::Moteus { id: 3 }),
    ];
    let plan = |(index, (name, kind)): (usize, (&str, MotorKind))| MotorPlan {
        joint: joint(index),
        name: name.into(),
        bus: index,
        kind,
        flexible: false,
        reversed: false,
        gear: 1.0,
        zero: Radians(0.0),
        tau_max: NewtonMetres(5.0),
    };
    kinds.into_iter().enumerate().map(plan).collect()
}

pub(super) const DM4310: [f32; 3] = [12.5, 30.0, 10.0];
pub(super) const RS00: [f32; 4] = [50.0, 500.0, 5.0, 17.0];
pub(super) const GAINS: [f32; 3] = [400.0, 0.0, 20.0];

pub(super) fn buses() -> Vec<EmulatedCanBus> {
    vec![
        EmulatedCanBus::new(vec![Box::new(DamiaoMotor::new(1, 0x11, DM4310))]),
        EmulatedCanBus::new(vec![Box::new(RobStrideMotor::new(2, RS00))]),
        EmulatedCanBus::new(vec![Box::new(MoteusController::new(3, GAINS))]),
    ]
}

fn ports(buses: &[EmulatedCanBus]) -> Vec<Box<dyn CanPort>> {
    buses.iter().map(|bus| Box::new(bus.clone()) as Box<dyn CanPort>).collect()
}

fn connect(buses: &[EmulatedCanBus], plans: &[MotorPlan]) -> Result<CanMotors, ConnectError> {
    CanMotors::connect(&envelope(plans.len()), ports(buses), plans, TIMING)
}

struct Bench {
    buses: Vec<EmulatedCanBus>,
    body: CanMotors,
    cycle: u64,
    frame: SensorFrame,
    applied: Applied,
}

impl Bench {
    fn new() -> Self {
        Self::of(buses(), &plans())
    }

    fn of(buses: Vec<EmulatedCanBus>, plans: &[MotorPlan]) -> Self {
        let mut body = connect(&buses, plans).unwrap();
        let frame = body.listen(&cycle(0));
        Self { buses, body, cycle: 0, frame, applied: Applied::Unconfirmed }
    }

    fn now(&self) -> Instant {
        cycle(self.cycle).now
    }

    /// Cycles with the same command for every joint.
    fn run(&mut self, ticks: u32, command: JointCommand) {
        for _ in 0..ticks {
            self.cycle += 1;
            self.frame = self.body.listen(&cycle(self.cycle));
            let joints = Joints::filled(command, self.frame.joints.len());
            let valid_until = self.now() + Duration::from_millis(5);
            self.applied = self.body.take(&BodyCommand { joints, valid_until }, self.now());
            self.pass();
        }
    }

    /// Cycles in which nothing is commanded.
    fn idle(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.cycle += 1;
            self.frame = self.body.listen(&cycle(self.cycle));
            self.pass();
        }
    }

    fn pass(&self) {
        self.buses.iter().for_each(|bus| bus.advance(TICK));
    }

    fn fault(&self) -> Option<DriveFault> {
        self.frame.drives.unwrap().fault
    }

    fn lifecycle(&self) -> Lifecycle {
        self.frame.drives.unwrap().lifecycle
    }

    fn damiao<T>(&self, act: impl FnOnce(&mut DamiaoMotor) -> T) -> T {
        self.buses[0].with(0, act).unwrap()
    }

    fn robstride<T>(&self, act: impl FnOnce(&mut RobStrideMotor) -> T) -> T {
        self.buses[1].with(0, act).unwrap()
    }

    fn moteus<T>(&self, act: impl FnOnce(&mut MoteusController) -> T) -> T {
        self.buses[2].with(0, act).unwrap()
    }

    /// How often each motor was energised, and a fault of it cleared.
    fn acts(&self) -> [(u32, u32); 3] {
        [
            self.damiao(|motor| (motor.enabled, motor.cleared)),
            self.robstride(|motor| (motor.enabled, motor.cleared)),
            self.moteus(|motor| (motor.enabled, motor.cleared)),
        ]
    }
}

fn cycle(number: u64) -> Cycle {
    Cycle { number, now: Instant::from_nanos(1_000_000_000 + number * 1_000_000), period: TICK }
}

fn hold(q: f32) -> JointCommand {
    JointCommand { q: Radians(q), kp: Stiffness(20.0), kd: Damping(0.5), ..JointCommand::LIMP }
}

/// Defects 1 and 2: three motors, each with a fault, are found; each is as it was, and was never
/// told anything but questions and its watchdog.
///
/// Clauses: S5, O6.
#[test]
fn a_cold_connect_energises_nothing_and_clears_nothing() {
    let buses = buses();
    buses[0].with(0, |motor: &mut DamiaoMotor| motor.status = damiao::Status(0xB));
    buses[1].with(0, |motor: &mut RobStrideMotor| motor.faults = FaultBits(1));
    buses[2].with(0, |motor: &mut MoteusController| (motor.mode, motor.fault) = (1, 34));
    drop(connect(&buses, &plans()).unwrap());
    for frame in buses[0].take_sent() {
        assert_eq!(frame.id(), CanId::Standard(0x7FF), "{frame:?}");
    }
    for frame in buses[1].take_sent() {
        let kind = frame.id().number() >> 24;
        assert!([0, 17, 18].contains(&kind), "{frame:?}");
    }
    let mut bench = Bench::of(buses, &plans());
    assert_eq!(bench.lifecycle(), Lifecycle::Boot, "nobody was heard yet");
    bench.idle(20);
    assert_eq!((bench.acts(), bench.lifecycle()), ([(0, 0); 3], Lifecycle::Fault));
    // Nor do questions, or commands that ask for torque while a fault is there.
    bench.run(20, JointCommand::LIMP);
    bench.run(20, hold(1.0));
    assert_eq!(bench.acts(), [(0, 0); 3]);
    assert_eq!(bench.lifecycle(), Lifecycle::Fault);
    let fault = bench.fault().unwrap();
    assert_eq!((fault.code, fault.raw), (FaultCode::TEMPERATURE, 0xB));
}

/// Clauses: O6, A1.
#[test]
fn the_first_command_that_asks_for_torque_energises_all_at_once() {
    let mut bench = Bench::new();
    bench.run(10, JointCommand::LIMP);
    assert_eq!((bench.lifecycle(), bench.applied), (Lifecycle::Standby, Applied::Confirmed));
    assert_eq!(bench.acts(), [(0, 0); 3]);
    for tick in 0..5 {
        bench.run(1, hold(0.5));
        if bench.lifecycle() != Lifecycle::Active {
            let still = bench.frame.joints.iter().all(|reading| reading.q.0.abs() < 0.01);
            assert!(still, "it moved before all were ready, tick {tick}");
        }
    }
    assert_eq!(bench.lifecycle(), Lifecycle::Active);
    bench.run(1000, hold(0.5));
    assert_eq!(bench.applied, Applied::Confirmed);
    for id in bench.frame.joints.ids() {
        let reading = bench.frame.joints[id];
        assert!((reading.q.0 - 0.5).abs() < 5e-3, "{id:?} {reading:?}");
        assert_eq!(bench.now().since(reading.at), TICK);
    }
    assert!(bench.acts().iter().all(|(enabled, cleared)| *enabled <= 3 && *cleared == 0));
    let CanCounters { lost, strangers, unasked, clamped, unusable, .. } = bench.body.counters();
    assert_eq!((lost, strangers, unasked, clamped, unusable), (0, 0, 0, 0, 0));
}

/// Defect 8: no torque means disabled, not a packed zero.
///
/// Clauses: S1.
#[test]
fn a_limp_body_has_no_torque_at_all() {
    let mut bench = Bench::new();
    bench.run(200, hold(0.5));
    assert_eq!(bench.lifecycle(), Lifecycle::Active);
    bench.run(3, JointCommand::LIMP);
    assert_eq!((bench.lifecycle(), bench.applied), (Lifecycle::Standby, Applied::Confirmed));
    bench.run(100, JointCommand::LIMP);
    assert_eq!(bench.damiao(|motor| (motor.status, motor.rotor.tau)), (damiao::Status(0), 0.0));
    assert_eq!(bench.robstride(|motor| (motor.running, motor.rotor.tau)), (false, 0.0));
    assert_eq!(bench.moteus(|motor| (motor.mode, motor.rotor.tau)), (0, 0.0));
    assert_eq!(bench.acts().map(|(_, cleared)| cleared), [0; 3]);
}

/// Clauses: S7.
#[test]
fn a_motor_comes_to_rest_when_its_host_is_dead() {
    let mut bench = Bench::new();
    let watchdogs = bench.body.capabilities().drives.map(|drive| drive.watchdog);
    assert_eq!(watchdogs.as_slice(), [Some(TIMING.watchdog); 3]);
    assert!(bench.body.capabilities().survives_its_host());
    bench.run(50, hold(2.0));
    for _ in 0..40 {
        bench.pass();
    }
    assert_eq!(bench.damiao(|motor| motor.status), damiao::Status(0xD));
    assert!(!bench.robstride(|motor| motor.running));
    assert_eq!(bench.moteus(|motor| motor.mode), 11);
    // The host comes back: nothing goes on by itself, and each motor says why.
    bench.run(30, hold(2.0));
    assert_eq!(bench.lifecycle(), Lifecycle::Fault);
    let codes: Vec<_> = bench.body.motors.iter().map(|motor| motor.latch.unwrap().fault).collect();
    assert_eq!((codes[0].code, codes[0].raw), (FaultCode::COMMAND_LOST, 0xD));
    // RobStride names no reason: it only runs no more.
    assert_eq!(codes[1].code, FaultCode::SOFTWARE_RESET);
    assert_eq!((codes[2].code, codes[2].raw), (FaultCode::COMMAND_LOST, 11));
    assert_eq!(bench.acts().map(|(_, cleared)| cleared), [0; 3]);
}

/// Clauses: S7.
#[test]
fn a_watchdog_that_is_not_taken_is_no_watchdog() {
    let buses = buses();
    buses[0].with(0, |motor: &mut DamiaoMotor| motor.keeps_its_timeout = true);
    buses[1].with(0, |motor: &mut RobStrideMotor| motor.keeps_its_timeout = true);
    buses[2].with(0, |motor: &mut MoteusController| motor.keeps_its_timeout = true);
    let bench = Bench::of(buses, &plans());
    assert!(bench.body.capabilities().drives.iter().all(|drive| drive.watchdog.is_none()));
    assert!(!bench.body.capabilities().survives_its_host());
}

/// Clauses: S7.
#[test]
fn a_motor_without_a_watchdog_is_disabled_when_its_program_ends() {
    let buses = buses();
    buses[0].with(0, |motor: &mut DamiaoMotor| motor.keeps_its_timeout = true);
    let mut bench = Bench::of(buses, &plans());
    bench.run(50, hold(0.3));
    assert_eq!(bench.damiao(|motor| motor.status), damiao::Status::ENABLED);
    let Bench { buses, body, .. } = bench;
    drop(body);
    let status = buses[0].with(0, |motor: &mut DamiaoMotor| motor.status);
    assert_eq!(status, Some(damiao::Status::DISABLED));
    let running = buses[1].with(0, |motor: &mut RobStrideMotor| motor.running);
    assert_eq!(running, Some(true), "its own watchdog stops it");
}

/// Defect 4: a motor with another scale than its table is not energised, and both numbers are told.
///
/// Clauses: C1.
#[test]
fn a_scale_that_contradicts_the_motor_refuses() {
    let refused = |change: &dyn Fn(&[EmulatedCanBus])| {
        let buses = buses();
        change(&buses);
        let error = connect(&buses, &plans()).err().map(|error| error.to_string());
        error.unwrap_or_default()
    };
    let error = refused(&|buses| {
        buses[0].with(0, |motor: &mut DamiaoMotor| motor.ends = [12.5, 8.0, 28.0]);
    });
    assert!(error.starts_with("DAMIAO 1: end of the velocity scale"), "{error}");
    assert!(error.contains("30 by the robot file") && error.contains("8 by the motor"), "{error}");
    let error = refused(&|buses| {
        buses[2].with(0, |motor: &mut MoteusController| motor.register_map = 4);
    });
    assert!(error.contains("register map: 5") && error.contains("4 by the motor"), "{error}");
    let error = refused(&|buses| {
        buses[2].with(0, |motor: &mut MoteusController| motor.gains = [4.0, 0.5, 1.0]);
    });
    assert!(error.contains("integral gain") && error.contains("0.5"), "{error}");
    let error = refused(&|buses| {
        buses[1].with(0, |motor: &mut RobStrideMotor| motor.run_mode = 1);
    });
    assert!(error.contains("control mode") && error.contains("run_mode"), "{error}");
}

/// Defect 4: RobStride has no scale to read; its own position and velocity give it away.
///
/// Clauses: M4.
#[test]
fn a_robstride_with_another_scale_is_caught() {
    // Another end of the position: found at rest, before anything is energised.
    let mut bench = Bench::new();
    bench.robstride(|motor| {
        motor.rotor.q = 2.0;
        motor.ends[0] = 12.0;
    });
    bench.run(20, hold(2.0));
    assert_eq!(bench.acts().map(|(enabled, _)| enabled), [0; 3]);
    let contradiction = bench.body.contradiction(joint(1)).unwrap();
    assert!((contradiction.device - 2.0).abs() < 1e-3, "{contradiction}");
    assert!((contradiction.ours - 2.0 * PI / 3.0).abs() < 1e-2, "{contradiction}");
    // No reset makes it another motor.
    let fault = bench.fault().unwrap();
    assert_eq!(fault.code, FaultCode::PARAMETERS);
    bench.body.clear(fault.id);
    bench.run(20, hold(1.0));
    assert_eq!(bench.fault(), Some(fault));
    // Another end of the velocity: found as soon as it moves.
    let mut bench = Bench::new();
    bench.robstride(|motor| motor.ends[1] = 33.0);
    let torque = JointCommand { tau: NewtonMetres(0.3), ..JointCommand::LIMP };
    bench.run(300, torque);
    let contradiction = bench.body.contradiction(joint(1)).unwrap();
    assert!(contradiction.ours / contradiction.device > 1.4, "{contradiction}");
    assert!(!bench.robstride(|motor| motor.running));
}

/// A body that lost a motor has a while to come to rest, then no torque anywhere.
///
/// Clauses: S9, M4.
#[test]
fn beside_a_fault_the_others_follow_for_a_while() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.3));
    bench.damiao(|motor| motor.temperature = 120);
    bench.run(2900, hold(0.5));
    assert_eq!(bench.lifecycle(), Lifecycle::Damping, "a quick stop is under way");
    assert!((bench.frame.joints[joint(1)].q.0 - 0.5).abs() < 5e-3);
    bench.run(200, hold(0.5));
    assert_eq!(bench.lifecycle(), Lifecycle::Fault);
    assert!(!bench.robstride(|motor| motor.running));
    assert_eq!(bench.moteus(|motor| motor.mode), 0);
}

/// Whatever its table says, a RobStride gives no more than its own bound, which needs no scale.
///
/// Clauses: M4.
#[test]
fn a_robstride_bounds_its_torque_itself() {
    let mut bench = Bench::new();
    assert_eq!(bench.robstride(|motor| motor.torque_max), 5.0);
    bench.robstride(|motor| motor.ends[4] = 53.0);
    bench.run(20, JointCommand { tau: NewtonMetres(4.0), ..JointCommand::LIMP });
    assert!(bench.robstride(|motor| motor.rotor.tau) <= 5.0);
}

/// Defect 3: every fault is told with the maker's own code, and goes only by its own id.
///
/// Clauses: S4, S5, E1.
#[test]
fn a_fault_is_told_and_cleared_by_its_id_alone() {
    type Break = fn(&Bench);
    type Mend = fn(&Bench);
    let table: [(Break, Mend, FaultCode, u32); 3] = [
        (
            |bench| bench.damiao(|motor| motor.temperature = 120),
            |bench| bench.damiao(|motor| motor.temperature = 40),
            FaultCode::MOTOR_TEMPERATURE,
            0xC,
        ),
        (
            |bench| bench.robstride(|motor| motor.temperature = 120.0),
            |bench| bench.robstride(|motor| motor.temperature = 40.0),
            FaultCode::MOTOR_TEMPERATURE,
            1 << 2,
        ),
        (
            |bench| bench.moteus(|motor| motor.temperature = 120.0),
            |bench| bench.moteus(|motor| motor.temperature = 40.0),
            FaultCode::TEMPERATURE,
            38 << 8 | 1,
        ),
    ];
    for (place, (fails, mends, code, raw)) in table.into_iter().enumerate() {
        let mut bench = Bench::new();
        bench.run(50, hold(0.3));
        let before = bench.acts();
        fails(&bench);
        bench.run(5, hold(0.3));
        let fault = bench.fault().unwrap();
        assert_eq!((fault.code, fault.raw, fault.joint), (code, raw, Some(joint(place))));
        mends(&bench);
        bench.body.clear(fault.id.wrapping_add(1));
        bench.body.clear(0);
        bench.run(50, hold(0.3));
        assert_eq!(bench.fault(), Some(fault), "no other id clears it");
        assert_eq!(bench.acts(), before, "nor does commanding");
        bench.body.clear(fault.id);
        bench.run(50, JointCommand::LIMP);
        assert_eq!(bench.fault(), None);
        assert_eq!(bench.acts()[place].1, 1);
        bench.run(50, hold(0.3));
        assert_eq!(bench.lifecycle(), Lifecycle::Active);
        // A fault that is still there comes back under another id.
        fails(&bench);
        bench.run(5, hold(0.3));
        let first = bench.fault().unwrap();
        bench.body.clear(first.id);
        bench.run(150, hold(0.3));
        let second = bench.fault().unwrap();
        assert_ne!(first.id, second.id);
        assert_eq!((second.code, second.raw), (code, raw));
    }
}

/// Clauses: O6.
#[test]
fn a_motor_that_begins_anew_is_not_energised_again() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.3));
    let before = bench.acts();
    bench.damiao(DamiaoMotor::restart);
    bench.robstride(RobStrideMotor::restart);
    bench.moteus(MoteusController::restart);
    bench.run(100, hold(0.3));
    let [damiao, robstride, moteus] = bench.acts();
    assert_eq!((damiao, robstride), (before[0], before[1]));
    // Every command of a moteus enables it, so the one on its way did; its clock gave it away.
    assert_eq!((moteus, bench.moteus(|motor| motor.mode)), ((before[2].0 + 1, 0), 0));
    assert!(!bench.robstride(|motor| motor.running));
    for motor in &bench.body.motors {
        assert_eq!(motor.latch.unwrap().fault.code, FaultCode::SOFTWARE_RESET);
    }
    // They lost their watchdogs and bounds: when a person lets them go on, they are told again.
    assert_eq!(bench.damiao(|motor| motor.timeout), 0);
    for _ in 0..3 {
        let fault = bench.fault().unwrap();
        bench.body.clear(fault.id);
        bench.run(20, JointCommand::LIMP);
    }
    assert_eq!(bench.fault(), None);
    bench.buses[0].set_wire(CanWire { lose_commands: 1, ..CanWire::default() });
    bench.buses[1].set_wire(CanWire { lose_commands: 1, ..CanWire::default() });
    bench.run(50, hold(0.3));
    assert_eq!((bench.body.contradiction(joint(1)), bench.lifecycle()), (None, Lifecycle::Active));
    assert_eq!(bench.damiao(|motor| motor.timeout), 400);
    assert_eq!(bench.robstride(|motor| (motor.timeout, motor.torque_max)), (400, 5.0));
}

/// Clauses: H4, E1.
#[test]
fn lost_answers_age_and_then_are_a_fault() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.3));
    bench.buses[0].set_wire(CanWire { lose_answers: 3, ..CanWire::default() });
    bench.run(3, hold(0.3));
    assert!(bench.now().since(bench.frame.joints[joint(0)].at) > TICK);
    assert_eq!(bench.now().since(bench.frame.joints[joint(2)].at), TICK);
    bench.run(20, hold(0.3));
    assert_eq!((bench.fault(), bench.body.counters().lost), (None, 3));
    // Now it is gone for good.
    bench.buses[0].set_wire(CanWire { lose_answers: u32::MAX, ..CanWire::default() });
    let last = bench.frame.joints[joint(0)].at;
    bench.run(25, hold(0.3));
    let fault = bench.fault().unwrap();
    assert_eq!((fault.code, fault.joint), (FaultCode::LINK, Some(joint(0))));
    assert!(bench.frame.joints[joint(0)].at.since(last) <= TICK * 2);
    assert!(bench.damiao(|motor| motor.status) != damiao::Status::ENABLED, "it was told to stop");
    // The others go on as they are told.
    assert!(bench.robstride(|motor| motor.running));
}

/// Clauses: H4.
#[test]
fn a_lost_command_costs_one_reading_and_a_doubled_answer_none() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.3));
    bench.buses[0].set_wire(CanWire { lose_commands: 1, ..CanWire::default() });
    bench.buses[2].set_wire(CanWire { double_answers: 2, ..CanWire::default() });
    bench.run(20, hold(0.3));
    let CanCounters { lost, unasked, .. } = bench.body.counters();
    assert_eq!((lost, unasked, bench.fault()), (1, 2, None));
    assert_eq!(bench.lifecycle(), Lifecycle::Active);
}

/// Clauses: S7, A2.
#[test]
fn without_a_valid_command_the_motors_damp() {
    let mut bench = Bench::new();
    bench.run(100, JointCommand { tau: NewtonMetres(0.5), ..JointCommand::LIMP });
    let fast = bench.damiao(|motor| motor.rotor.dq);
    assert!(fast > 1.0, "{fast}");
    bench.idle(100);
    assert_eq!(bench.lifecycle(), Lifecycle::Damping);
    for dq in bench.frame.joints.iter().map(|reading| reading.dq.0) {
        assert!(dq.abs() < 0.1 * fast, "{dq}");
    }
    assert!(bench.body.counters().damped > 90);
    let expired = BodyCommand { joints: Joints::filled(hold(1.0), 3), valid_until: bench.now() };
    assert_eq!(bench.body.take(&expired, bench.now()), Applied::Expired);
    assert_eq!(bench.body.counters().expired, 1);
}

/// Clauses: A2.
#[test]
fn what_is_no_number_damps_and_what_is_too_much_is_clamped() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.3));
    bench.run(20, JointCommand { q: Radians(f32::NAN), ..hold(0.0) });
    assert_eq!(bench.applied, Applied::Unconfirmed);
    assert_eq!(bench.body.counters().unusable, 60);
    assert!(bench.damiao(|motor| motor.command.kp.0 == 0.0 && motor.command.kd.0 > 0.9));
    let wild = JointCommand { kp: Stiffness(1e6), tau: NewtonMetres(1e6), ..hold(0.3) };
    bench.run(1, wild);
    assert_eq!(bench.body.counters().clamped, 3);
    let told = bench.damiao(|motor| motor.command);
    assert!((told.kp.0 - 500.0).abs() < 0.1 && (told.tau.0 - 10.0).abs() < 0.1, "{told:?}");
}

/// Clauses: C1, C3.
#[test]
fn frames_of_strangers_are_counted_and_change_nothing() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.3));
    for number in 0..600 {
        let id = CanId::Extended(number * 7919);
        bench.buses[1].inject(CanFrame::eight(id, [number as u8; 8]));
    }
    // More than one cycle reads; none is lost.
    bench.run(20, hold(0.3));
    assert_eq!(bench.body.counters().strangers, 600);
    assert_eq!((bench.lifecycle(), bench.fault()), (Lifecycle::Active, None));
}

/// An answer about a register that comes late is no position.
///
/// Clauses: M4.
#[test]
fn a_late_register_is_no_reading() {
    let mut bench = Bench::new();
    bench.run(5, JointCommand::LIMP);
    let late = CanFrame::eight(CanId::Standard(0x11), [1, 0, 0x33, 21, 0, 0, 0x48, 0x41]);
    bench.buses[0].inject(late);
    bench.run(1, JointCommand::LIMP);
    assert!(bench.frame.joints[joint(0)].q.0.abs() < 1e-3);
    assert_eq!(bench.body.counters().unasked, 0);
}

/// Clauses: H4.
#[test]
fn a_port_that_is_full_or_gone_is_told() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.3));
    bench.buses[1].set_wire(CanWire { full: true, ..CanWire::default() });
    bench.run(5, hold(0.3));
    assert_eq!(bench.body.counters().unsent, 5);
    assert_eq!(bench.applied, Applied::Unconfirmed);
    bench.buses[1].set_wire(CanWire { unplugged: true, ..CanWire::default() });
    bench.run(30, hold(0.3));
    assert_eq!(bench.body.counters().gone, 1);
    let fault = bench.fault().unwrap();
    assert_eq!((fault.code, fault.joint), (FaultCode::LINK, Some(joint(1))));
}

/// Clauses: M4.
#[test]
fn a_stuck_motor_pushes_and_does_not_move() {
    let mut bench = Bench::new();
    bench.run(50, hold(0.0));
    bench.damiao(|motor| motor.rotor.stuck = true);
    bench.run(100, hold(0.2));
    let reading = bench.frame.joints[joint(0)];
    assert!(reading.q.0.abs() < 0.01 && reading.tau.0 > 3.0, "{reading:?}");
    assert_eq!(reading.temperature, Celsius(30.0));
}

/// Clauses: M4.
#[test]
fn gear_direction_and_zero_are_those_of_the_joint() {
    let mut plan = plans().remove(0);
    plan.reversed = true;
    plan.gear = 2.0;
    plan.zero = Radians(0.5);
    let bus = EmulatedCanBus::new(vec![Box::new(DamiaoMotor::new(1, 0x11, DM4310))]);
    let mut bench = Bench::of(vec![bus], &[plan]);
    bench.run(1500, hold(1.0));
    assert!((bench.frame.joints[joint(0)].q.0 - 1.0).abs() < 0.01);
    let motor = bench.damiao(|motor| motor.rotor.q);
    assert!((motor + 1.0).abs() < 0.02, "{motor}");
    bench.run(1, JointCommand { tau: NewtonMetres(1.0), ..JointCommand::LIMP });
    let told = bench.damiao(|motor| motor.command.tau.0);
    assert!((told + 0.5).abs() < 0.01, "{told}");
}

/// Several motors share a bus, and a master id.
///
/// Clauses: M4.
#[test]
fn motors_of_one_bus_are_told_apart() {
    let motors: Vec<Box<dyn crate::emulator::EmulatedMotor>> = vec![
        Box::new(DamiaoMotor::new(1, 0, DM4310)),
        Box::new(DamiaoMotor::new(2, 0, DM4310)),
        Box::new(RobStrideMotor::new(1, RS00)),
    ];
    let mut plans = plans();
    for plan in &mut plans {
        plan.bus = 0;
    }
    plans[1].kind = MotorKind::Damiao { id: 2, scale: damiao::Model::Dm4310.scale() };
    plans[2].kind =
        MotorKind::RobStride { address: Address { motor: 1, host: 0xFD }, model: Model::Rs00 };
    let mut bench = Bench::of(vec![EmulatedCanBus::new(motors)], &plans);
    for place in 0..2 {
        bench.buses[0].with(place, |motor: &mut DamiaoMotor| motor.rotor.q = place as f32);
    }
    bench.run(5, JointCommand::LIMP);
    let q: Vec<f32> = bench.frame.joints.iter().map(|reading| reading.q.0).collect();
    assert!(q[0].abs() < 1e-3 && (q[1] - 1.0).abs() < 1e-3 && q[2].abs() < 1e-3, "{q:?}");
}

/// Clauses: M4.
#[test]
fn a_motor_that_does_not_answer_is_named() {
    let buses = buses();
    buses[1].set_wire(CanWire { lose_commands: u32::MAX, ..CanWire::default() });
    let error = connect(&buses, &plans()).err().unwrap().to_string();
    assert!(error.starts_with("RobStride 2: no answer") && error.contains("check its"), "{error}");
    // Two lost questions are not the end.
    for bus in &buses {
        bus.set_wire(CanWire { lose_commands: 2, ..CanWire::default() });
    }
    assert!(connect(&buses, &plans()).is_ok());
    buses[0].set_wire(CanWire { unplugged: true, ..CanWire::default() });
    let error = connect(&buses, &plans()).err().unwrap().to_string();
    assert!(error.contains("is gone"), "{error}");
}

/// Clauses: C1.
#[test]
fn a_plan_that_cannot_be_is_refused() {
    type Spoil = fn(&mut Vec<MotorPlan>);
    let table: [(Spoil, &str); 6] = [
        (|plans| plans[1].joint = joint(0), "exactly one motor"),
        (|plans| drop(plans.pop()), "2 motors for 3 joints"),
        (|plans| plans[2].bus = 9, "its bus has a port"),
        (|plans| plans[0].gear = 0.0, "gear"),
        (|plans| plans[0].tau_max = NewtonMetres(11.0), "end of its scale"),
        (|plans| plans[2].tau_max = NewtonMetres(f32::NAN), "torque are positive"),
    ];
    for (spoil, rule) in table {
        let mut plans = plans();
        spoil(&mut plans);
        let buses = buses();
        let body = CanMotors::connect(&envelope(3), ports(&buses), &plans, TIMING);
        let error = body.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(rule), "{rule}: {error}");
        assert!(buses[0].take_sent().iter().all(|frame| frame.id() == CanId::Standard(0x7FF)));
    }
}

/// The maker's published question and answer pass through the emulated controller.
///
/// Clauses: M4.
#[test]
fn the_emulated_controller_answers_as_published() {
    use std::f32::consts::TAU;
    let bus = EmulatedCanBus::new(vec![Box::new(MoteusController::new(1, GAINS))]);
    bus.with(0, |motor: &mut MoteusController| {
        motor.rotor.q = 0.008_05 * TAU;
        motor.rotor.dq = 0.0641 * TAU;
        motor.rotor.tau = -1.445;
        (motor.voltage, motor.temperature) = (12.0, 20.0);
    });
    let question = b"\x01\x00\x0A\x07\x20\x60\x00\x20\x01\x50\xFF\x14\x04\x00\x13\x0D";
    let mut port: Box<dyn CanPort> = Box::new(bus);
    let frame = CanFrame::flexible(CanId::Extended(0x8001), question, 0x50).unwrap();
    port.send(&frame).unwrap();
    let answer = port.receive(Duration::ZERO).unwrap().unwrap();
    assert_eq!(answer.id().number(), 0x100);
    let published = b"\x24\x04\x00\x0A\x00\x50\x00\x00\x01\x70\xFF\x23\x0D\x18\x14\x00";
    assert_eq!(answer.data(), published);
    assert_eq!(moteus::answer(&answer, 1).unwrap().mode(), Some(moteus::Mode::Position));
}

/// Clauses: A1, A4.
#[test]
fn a_command_vetted_against_other_limits_is_not_taken() {
    let mut bench = Bench::new();
    bench.body.envelope ^= 1;
    let mut governor = governor::Governor::new(envelope(3), governor_profile());
    let cycle = cycle(9);
    let state = signals::BodyState {
        at: cycle.now,
        position: [signals::Metres(0.0); 3],
        attitude: signals::Quaternion::IDENTITY,
        velocity: [signals::MetresPerSecond(0.0); 3],
        angular_velocity: [RadiansPerSecond(0.0); 3],
        joints: Joints::filled(signals::JointState::default(), 3),
        contact: Feet::default(),
        posture: signals::Posture::Limp,
        valid: true,
    };
    let joints = Joints::filled(JointCommand::LIMP, 3);
    let command = BodyCommand { joints, valid_until: cycle.now + TICK };
    let applied = bench.body.apply(governor.vet(&cycle, &state, command));
    assert_eq!(applied, Applied::ForeignLimits);
    assert_eq!(bench.body.counters().foreign_limits, 1);
    bench.body.envelope ^= 1;
    let applied = bench.body.apply(governor.vet(&cycle, &state, command));
    assert_ne!(applied, Applied::ForeignLimits);
}

fn governor_profile() -> governor::Profile {
    governor::Profile::default()
}

/// A stop of RobStride is no way to clear: it is what it is asked with.
///
/// Clauses: S7.
#[test]
fn asking_a_robstride_keeps_its_faults() {
    let mut bench = Bench::new();
    bench.robstride(|motor| motor.faults = FaultBits(1 << 3));
    bench.run(50, JointCommand::LIMP);
    let fault = bench.fault().unwrap();
    assert_eq!((fault.code, fault.raw), (FaultCode::ENCODER, 8));
    assert_eq!(bench.robstride(|motor| (motor.faults, motor.cleared)), (FaultBits(8), 0));
    let clear = robstride::clear(Address { motor: 2, host: 0xFD });
    assert!(!bench.buses[1].take_sent().contains(&clear));
}
