//! The motion controller of a robot, whatever its body: one that walks, or an arm.

use model::Robot;
use signals::{BodyCommand, BodyState, Cycle, Ruling, SensorFrame};

use crate::arm_control::{ArmController, ArmFault};
use crate::leg_control::LegController;
use crate::mpc::{ForcePlanner, MpcSettings};
use crate::trot::{ForceCounters, mpc_settings};

/// Estimator and controllers of one robot.
pub struct Cerebellum {
    body: Body,
}

/// What kind of body it moves.
enum Body {
    Legs(Box<LegController>),
    Arm(Box<ArmController>),
}

impl Cerebellum {
    /// For `robot`, which walks; force problems go to `planner`.
    #[must_use]
    pub fn new(robot: &Robot, planner: Box<dyn ForcePlanner>) -> Self {
        Self { body: Body::Legs(Box::new(LegController::new(robot, planner))) }
    }

    /// For `robot`, which is an arm on a fixed base.
    ///
    /// # Errors
    /// [`ArmFault`], when no controller can be made of its numbers.
    pub fn of_arm(robot: &Robot) -> Result<Self, ArmFault> {
        Ok(Self { body: Body::Arm(Box::new(ArmController::new(robot)?)) })
    }

    /// What a force planner for `robot` must be built with.
    #[must_use]
    pub fn force_settings(robot: &Robot) -> MpcSettings {
        mpc_settings(robot)
    }

    /// How the force planner has done; an arm has none.
    #[must_use]
    pub fn force_counters(&self) -> ForceCounters {
        match &self.body {
            Body::Legs(legs) => legs.force_counters(),
            Body::Arm(_) => ForceCounters::default(),
        }
    }

    /// Takes `frame` into the estimate. A joint reading that is not finite keeps its last value;
    /// the governor judges it by its own gate.
    pub fn estimate(&mut self, cycle: &Cycle, frame: &SensorFrame) -> BodyState {
        match &mut self.body {
            Body::Legs(legs) => legs.estimate(cycle, frame),
            Body::Arm(arm) => arm.estimate(cycle, frame),
        }
    }

    /// The joint commands of this tick for the motion that was ruled.
    pub fn control(&mut self, cycle: &Cycle, state: &BodyState, ruling: &Ruling) -> BodyCommand {
        match &mut self.body {
            Body::Legs(legs) => legs.control(cycle, state, ruling),
            Body::Arm(arm) => arm.control(cycle, ruling),
        }
    }
}
