//! One turn of the control loop. Everything else in Triune exists so that this can be read as it
//! is.

use body::{Applied, Body};
use cerebellum::Cerebellum;
use governor::Governor;
use signals::{BodyCommand, BodyState, Cycle, Operator, Ruling, SensorFrame};

use crate::allocations::Allocations;
use crate::brain_thread::BrainThread;

/// One robot, wired together.
pub struct Loop<B> {
    /// Joints and sensors.
    pub body: B,
    /// What the brain last asked for.
    pub plans: BrainThread,
    /// The motion controller.
    pub cerebellum: Cerebellum,
    /// What stands between every command and the body.
    pub governor: Governor,
    /// Allocations made between `sense` and `apply`; there must be none.
    pub allocations: Allocations,
}

/// All that was seen and decided in one turn, for the journal.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// What the joints and sensors said.
    pub frame: SensorFrame,
    /// Where the robot is and how it moves.
    pub state: BodyState,
    /// Mode, authority, level and the admitted motion.
    pub ruling: Ruling,
    /// What the controller wanted of the joints.
    pub wanted: BodyCommand,
    /// What the governor let through.
    pub vetted: BodyCommand,
    /// What the body did with it.
    pub applied: Applied,
}

impl<B: Body> Loop<B> {
    /// Senses, estimates, rules, controls, vets and applies, once.
    pub fn turn(&mut self, cycle: &Cycle, operator: &Operator) -> Turn {
        let Self { body, plans, cerebellum, governor, allocations } = self;
        let frame = body.sense(cycle);
        let (state, ruling, wanted, passed) = allocations.count(|| {
            let state = cerebellum.estimate(cycle, &frame);
            let plan = plans.latest();
            let ruling = governor.rule(cycle, &frame, &state, plan, operator);
            let wanted = cerebellum.control(cycle, &state, &ruling);
            let passed = governor.vet(cycle, &state, wanted);
            (state, ruling, wanted, passed)
        });
        let vetted = *passed;
        let applied = body.apply(passed);
        Turn { frame, state, ruling, wanted, vetted, applied }
    }
}
