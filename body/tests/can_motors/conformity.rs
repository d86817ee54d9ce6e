//! What every body must do, done by motors of three makers at once; each maker's breaks in turn.

use core::time::Duration;

use body::conformance::{self, Harness};
use body::emulator::{
    CanWire, DamiaoMotor, EmulatedCanBus, MoteusController, RobStrideMotor, Rotor,
};
use body::{CanMotors, CanPort, Timing};
use governor::Governor;
use motors::damiao::Status;
use signals::{JointCommand, NewtonMetres, RadiansPerSecond};

use crate::rig;

struct World {
    buses: [EmulatedCanBus; 3],
    breaks: usize,
}

impl World {
    fn new(breaks: usize) -> Self {
        let world =
            Self { buses: [rig::damiao_bus(), rig::robstride_bus(), rig::moteus_bus()], breaks };
        // As stiff as gears are: a joint without torque stays about where it is.
        let stiff = |rotor: &mut Rotor| rotor.friction = 0.3;
        world.each(
            |motor| stiff(&mut motor.rotor),
            |motor| stiff(&mut motor.rotor),
            |motor| stiff(&mut motor.rotor),
        );
        world
    }

    fn each<T>(
        &self,
        damiao: impl FnOnce(&mut DamiaoMotor) -> T,
        robstride: impl FnOnce(&mut RobStrideMotor) -> T,
        moteus: impl FnOnce(&mut MoteusController) -> T,
    ) -> [T; 3] {
        let [first, second, third] = &self.buses;
        [
            first.with(0, damiao).unwrap(),
            second.with(0, robstride).unwrap(),
            third.with(0, moteus).unwrap(),
        ]
    }

    fn heat(&self, degrees: u8) {
        match self.breaks {
            0 => self.buses[0].with(0, |motor: &mut DamiaoMotor| motor.temperature = degrees),
            1 => self.buses[1]
                .with(0, |motor: &mut RobStrideMotor| motor.temperature = f32::from(degrees)),
            _ => self.buses[2].with(0, |motor: &mut MoteusController| {
                motor.temperature = f32::from(degrees);
                if degrees > 90 {
                    (motor.mode, motor.fault) = (1, 38);
                }
            }),
        }
        .unwrap();
    }
}

impl Harness for World {
    type Body = CanMotors;

    fn connect(&mut self) -> CanMotors {
        let port = |bus: &EmulatedCanBus| Box::new(bus.clone()) as Box<dyn CanPort>;
        let ports = self.buses.iter().map(port).collect();
        let timing = Timing {
            watchdog: Duration::from_millis(100),
            answer_within: Duration::from_millis(1),
        };
        rig::connect(ports, &rig::plans(), timing).unwrap()
    }

    fn governor(&self) -> Governor {
        rig::governor(&rig::limits(3))
    }

    fn foreign_governor(&self) -> Governor {
        let mut limits = rig::limits(3);
        limits.joints[rig::joint(1)].tau_max = NewtonMetres(3.9);
        limits.joints[rig::joint(1)].torque_continuous = NewtonMetres(3.9);
        rig::governor(&limits)
    }

    fn period(&self) -> Duration {
        rig::PERIOD
    }

    fn pass(&mut self, span: Duration) {
        self.buses.iter().for_each(|bus| bus.advance(span));
    }

    fn with_torque(&self) -> usize {
        let on = self.each(
            |motor| motor.status == Status::ENABLED,
            |motor| motor.running,
            |motor| !matches!(motor.mode, 0 | 1),
        );
        on.into_iter().filter(|on| *on).count()
    }

    fn energised(&self) -> u32 {
        self.each(|motor| motor.enabled, |motor| motor.enabled, |motor| motor.enabled)
            .into_iter()
            .sum()
    }

    fn cleared(&self) -> u32 {
        self.each(|motor| motor.cleared, |motor| motor.cleared, |motor| motor.cleared)
            .into_iter()
            .sum()
    }

    fn fastest(&self) -> RadiansPerSecond {
        let speeds =
            self.each(|motor| motor.rotor.dq, |motor| motor.rotor.dq, |motor| motor.rotor.dq);
        RadiansPerSecond(speeds.into_iter().map(f32::abs).fold(0.0, f32::max))
    }

    fn was_told_sound_numbers(&self) -> bool {
        let told = self.each(
            |motor| motor.command,
            |motor| motor.command,
            |motor| motor.acting().unwrap_or(JointCommand::LIMP),
        );
        told.iter().all(|command| command.is_finite() && command.q.0.abs() <= 1.51)
    }

    fn break_motor(&mut self) {
        // Less than what the governor itself stops for.
        self.heat(95);
    }

    fn mend_motor(&mut self) {
        self.heat(40);
    }

    fn silence(&mut self, silent: bool) {
        let lose_answers = if silent { u32::MAX } else { 0 };
        let wire = CanWire { lose_answers, ..CanWire::default() };
        self.buses.iter().for_each(|bus| bus.set_wire(wire));
    }
}

/// Clauses: A1, M4, S7.
#[test]
fn motors_on_can_are_a_body_when_a_damiao_breaks() {
    conformance::check(|| World::new(0));
}

/// Clauses: A1, M4, S7.
#[test]
fn motors_on_can_are_a_body_when_a_robstride_breaks() {
    conformance::check(|| World::new(1));
}

/// Clauses: A1, M4, S7.
#[test]
fn motors_on_can_are_a_body_when_a_moteus_breaks() {
    conformance::check(|| World::new(2));
}
