//! What the robot is to reach in a run, and whether it has: a place for one that walks, the last
//! posture of its script for an arm.

use governor::Governor;
use model::Robot;
use signals::{BodyState, Metres, Plan, PlanRequest, Posture, Ruling, SensorFrame};

use brain::Observation;

/// The robot counts itself as arrived this near its goal, by its own estimate, m.
const ARRIVAL: f32 = 0.30;
/// Once arrived it stays arrived within this distance, so that its sway does not start it again, m.
const DEPARTURE: f32 = 0.50;

/// The task under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Task {
    /// Where it is to walk.
    pub(super) goal: Option<[Metres; 2]>,
    /// It is there, by its own estimate.
    pub(super) arrived: bool,
    /// It has been there at least once since the start.
    pub(super) done: bool,
    /// The goal has not been reached since it was given.
    open: bool,
}

impl Task {
    /// The robot is to walk to `goal`.
    pub(super) const fn set(&mut self, goal: [Metres; 2]) {
        (self.goal, self.arrived, self.open) = (Some(goal), false, true);
    }

    /// Keeps whether the robot has arrived.
    pub(super) fn look(
        &mut self,
        robot: &Robot,
        state: &BodyState,
        plan: Option<&Plan>,
        governor: &mut Governor,
    ) {
        let before = self.arrived;
        self.arrived = match &robot.file.brain.script {
            Some(script) => {
                let last = script.postures.last();
                last.is_some_and(|name| is_wanted(robot, name, plan) && is_at(robot, name, state))
                    && state.posture == Posture::Standing
            }
            None => {
                let near = if before { DEPARTURE } else { ARRIVAL };
                self.goal.is_some_and(|goal| {
                    let [x, y, _] = state.position;
                    (x - goal[0]).0.hypot((y - goal[1]).0) < near
                })
            }
        };
        let walks = robot.file.brain.script.is_none();
        let first = self.arrived && if walks { std::mem::take(&mut self.open) } else { !self.done };
        if first {
            governor.task_done();
        }
        self.done |= self.arrived;
    }

    /// What the planner is shown; nothing as long as there is nothing to see.
    pub(super) fn observation(
        &self,
        robot: &Robot,
        frame: &SensorFrame,
        state: &BodyState,
        ruling: &Ruling,
    ) -> Option<Observation> {
        if !robot.model.floating {
            return Some(Observation::of_joints(state, ruling.epoch));
        }
        let goal = self.goal.filter(|_| !self.arrived);
        let scan = frame.lidar.as_ref();
        scan.map(|scan| Observation::new(scan, state, goal, ruling.epoch))
    }
}

/// Every joint is where the posture `name` has it.
pub(super) fn is_at(robot: &Robot, name: &str, state: &BodyState) -> bool {
    let Some(posture) = robot.postures.get(name) else { return false };
    let near = |(is, angle): (&signals::JointState, &f64)| {
        (f64::from(is.q.0) - angle).abs() <= robot.file.arm.tolerance_rad
    };
    state.joints.iter().zip(&posture.joints).all(near)
}

/// The plan asks for the posture `name`.
fn is_wanted(robot: &Robot, name: &str, plan: Option<&Plan>) -> bool {
    let (Some(posture), Some(plan)) = (robot.postures.get(name), plan) else { return false };
    let PlanRequest::Posture(goal) = &plan.request else { return false };
    goal.iter().zip(&posture.joints).all(|(asked, angle)| asked.0 == *angle as f32)
}
