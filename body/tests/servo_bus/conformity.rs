//! What every body must do, done by servos of both families.

use core::time::Duration;

use body::ServoBus;
use body::conformance::{self, Harness};
use body::emulator::EmulatedPort;
use governor::Governor;
use motors::servo::Family;
use signals::{JointId, NewtonMetres, RadiansPerSecond};

use crate::rig;

struct World {
    port: EmulatedPort,
    family: Family,
}

impl World {
    fn new(family: Family) -> Self {
        Self { port: EmulatedPort::new(rig::bus(family)), family }
    }
}

impl Harness for World {
    type Body = ServoBus;

    fn connect(&mut self) -> ServoBus {
        let mut body = rig::connect(&self.port, self.family).unwrap();
        body.provision().unwrap();
        body
    }

    fn governor(&self) -> Governor {
        rig::governor(&rig::limits())
    }

    fn foreign_governor(&self) -> Governor {
        let mut limits = rig::limits();
        limits.joints[JointId::new(1).unwrap()].tau_max = NewtonMetres(2.8);
        rig::governor(&limits)
    }

    fn period(&self) -> Duration {
        rig::PERIOD
    }

    fn pass(&mut self, span: Duration) {
        self.port.bus().advance(span);
    }

    fn with_torque(&self) -> usize {
        rig::with_torque(&self.port)
    }

    fn energised(&self) -> u32 {
        self.port.bus().energised()
    }

    fn cleared(&self) -> u32 {
        self.port.bus().cleared()
    }

    fn fastest(&self) -> RadiansPerSecond {
        let bus = self.port.bus();
        RadiansPerSecond(bus.servos().map(|servo| servo.velocity.abs()).fold(0.0, f32::max))
    }

    fn was_told_sound_numbers(&self) -> bool {
        let goal = match self.family {
            Family::Feetech => 42_u16,
            Family::Dynamixel => 116,
        };
        let word = |servo: &body::emulator::EmulatedServo| {
            u16::from_le_bytes([servo.byte(goal), servo.byte(goal + 1)])
        };
        self.port.bus().servos().all(|servo| (1071..=3025).contains(&word(servo)))
    }

    fn break_motor(&mut self) {
        self.port.bus().servo(2).temperature = 80;
    }

    fn mend_motor(&mut self) {
        self.port.bus().servo(2).temperature = 30;
    }

    fn silence(&mut self, silent: bool) {
        for id in 1..=rig::SERVOS as u8 {
            self.port.bus().servo(id).silent = silent;
        }
    }
}

/// Clauses: A1, M4.
#[test]
fn feetech_servos_are_a_body() {
    conformance::check(|| World::new(Family::Feetech));
}

/// Clauses: A1, M4, S7.
#[test]
fn dynamixel_servos_are_a_body() {
    conformance::check(|| World::new(Family::Dynamixel));
}
