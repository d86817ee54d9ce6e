//! What every body must do, done by a body behind a joint board, on datagrams and on a stream.
#![allow(clippy::unwrap_used, reason = "a robot that cannot start has failed")]

mod common;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use body::conformance::{self, Harness};
use body::link::{Framing, LinkBody, Wire};
use common::{Cable, Far, JOINTS, PATIENCE, TICK, board, configuration, limits, wired};
use firmware::ResetCause;
use governor::{Envelope, Governor};
use signals::*;

/// The board and what was seen of its motors.
struct World {
    framing: Framing,
    far: Arc<Mutex<Far>>,
    gate: bool,
    energised: u32,
    cleared: u32,
    fault: u16,
    sound: bool,
}

impl World {
    fn new(framing: Framing) -> Self {
        let (_, far) = wired(board(Some(&configuration())), framing);
        Self { framing, far, gate: false, energised: 0, cleared: 0, fault: 0, sound: true }
    }

    fn far(&self) -> MutexGuard<'_, Far> {
        self.far.lock().unwrap()
    }

    fn tick(&mut self) {
        let mut far = self.far.lock().unwrap();
        far.tick();
        let outputs = far.board.outputs();
        let most = limits().joints.iter().next().unwrap().tau_max.0;
        self.sound &= outputs.torque.iter().all(|torque| torque.0.abs() <= most);
        self.energised += u32::from(outputs.gate && !self.gate);
        self.gate = outputs.gate;
        let fault = far.board.device().state().fault;
        self.cleared += u32::from(self.fault != 0 && fault != self.fault);
        self.fault = fault;
    }
}

fn governor_of(limits: &HardwareLimits) -> Governor {
    Governor::new(Envelope::new(limits).unwrap(), conformance::profile(TICK))
}

impl Harness for World {
    type Body = LinkBody;

    fn connect(&mut self) -> LinkBody {
        let wire = Wire::new(Box::new(Cable::to(&self.far)), self.framing);
        LinkBody::connect(wire, &configuration(), PATIENCE).unwrap()
    }

    fn governor(&self) -> Governor {
        governor_of(&limits())
    }

    fn foreign_governor(&self) -> Governor {
        let mut limits = limits();
        limits.joints[JointId::new(1).unwrap()].tau_max = NewtonMetres(19.0);
        governor_of(&limits)
    }

    fn period(&self) -> Duration {
        TICK
    }

    fn pass(&mut self, span: Duration) {
        (0..span.as_millis()).for_each(|_| self.tick());
    }

    fn with_torque(&self) -> usize {
        if self.far().board.outputs().gate { JOINTS } else { 0 }
    }

    fn energised(&self) -> u32 {
        self.energised
    }

    fn cleared(&self) -> u32 {
        self.cleared
    }

    fn fastest(&self) -> RadiansPerSecond {
        let mut far = self.far();
        let speeds = far.board.rotors_mut().iter().map(|rotor| rotor.state.dq.0.abs());
        RadiansPerSecond(speeds.fold(0.0, f32::max))
    }

    fn was_told_sound_numbers(&self) -> bool {
        self.sound
    }

    /// The supply breaks down; a board without torque does not look at it, and has reset too often.
    fn break_motor(&mut self) {
        let mut far = self.far();
        if far.board.outputs().gate {
            far.board.feed(Volts(12.0));
        } else {
            (0..3).for_each(|_| far.board.reset(ResetCause::Panic));
        }
    }

    fn mend_motor(&mut self) {
        self.far().board.feed(Volts(24.0));
    }

    fn silence(&mut self, silent: bool) {
        self.far().silent = silent;
    }
}

/// Clauses: A1, M4, S7.
#[test]
fn joints_behind_a_board_are_a_body_on_datagrams() {
    conformance::check(|| World::new(Framing::Datagrams));
}

/// Clauses: A1, M4, S7.
#[test]
fn joints_behind_a_board_are_a_body_on_a_stream() {
    conformance::check(|| World::new(Framing::Stream));
}
