//! What a step of the mission does.

use std::time::Duration;

use model::Robot;
use signals::{
    BaseVelocity, Cycle, JointId, MetresPerSecond, NewtonMetres, Newtons, OperatorAct,
    RadiansPerSecond, Stick,
};
use sim::Disturbance;

use super::Run;
use crate::journal::{Event, EventKind};
use crate::mission::{Act, Goal, Step};

impl Run {
    /// Begins `step`, and tells of it.
    pub(super) fn act(&mut self, robot: &Robot, cycle: &Cycle, step: &Step) {
        let (mut values, mut label) = ([0.0; 4], "");
        let kind = match &step.act {
            Act::Wait => {
                label = &step.say;
                EventKind::Phase
            }
            Act::Start
            | Act::Reset
            | Act::PressStop
            | Act::ReleaseStop
            | Act::TakeOver { .. }
            | Act::HandBack => self.act_as_person(cycle, &step.act),
            Act::Goal(goal) => {
                self.task.set(match goal {
                    Goal::Yard => self.yard.goal(),
                    Goal::Home => self.yard.start(),
                });
                label = &step.say;
                EventKind::Phase
            }
            Act::Push { force_n, duration_s } => {
                values = [force_n[0], force_n[1], *duration_s as f32, 0.0];
                let duration = Duration::from_secs_f64(duration_s.clamp(0.0, 60.0));
                let force = force_n.map(Newtons);
                self.parts.body.disturb(Disturbance::Push { force, duration });
                EventKind::Shove
            }
            Act::Lie(lie) => {
                self.lie = Some(*lie);
                label = lie.words();
                EventKind::ForbiddenPlan
            }
            Act::KillBrain => {
                self.parts.plans.kill();
                EventKind::BrainKilled
            }
            Act::ReviveBrain => {
                if let Err(error) = self.parts.plans.revive() {
                    tracing::error!(%error, "the brain cannot be started again");
                }
                EventKind::BrainBack
            }
            Act::PushJoint { joint, torque_nm, duration_s } => {
                label = joint;
                values = [*torque_nm, *duration_s as f32, 0.0, 0.0];
                self.act_on_joint(robot, joint, &step.act)
            }
            Act::JamJoint(name)
            | Act::FreeJoint(name)
            | Act::FreezeJoint(name)
            | Act::ThawJoint(name) => {
                label = name;
                self.act_on_joint(robot, name, &step.act)
            }
        };
        self.tell(Event::new(cycle.now, cycle.number, kind, label).with(values));
    }

    /// What the mission has a person do.
    fn act_as_person(&mut self, cycle: &Cycle, act: &Act) -> EventKind {
        match act {
            Act::Start => {
                self.operator.act = Some(OperatorAct::Start);
                EventKind::StartAsked
            }
            Act::Reset => {
                self.operator.act = Some(OperatorAct::Reset);
                EventKind::ResetAsked
            }
            Act::PressStop => {
                self.operator.stop = true;
                EventKind::StopPressed
            }
            Act::ReleaseStop => {
                self.operator.stop = false;
                EventKind::StopReleased
            }
            Act::TakeOver { forward_m_s, yaw_rad_s } => {
                let velocity = BaseVelocity {
                    forward: MetresPerSecond(*forward_m_s),
                    left: MetresPerSecond(0.0),
                    yaw: RadiansPerSecond(*yaw_rad_s),
                };
                self.operator.stick = Some(Stick { velocity, held: true, at: cycle.now });
                self.operator.act = Some(OperatorAct::TakeOver);
                EventKind::TakenOver
            }
            Act::HandBack => {
                self.operator.act = Some(OperatorAct::HandBack);
                EventKind::HandedBack
            }
            _ => EventKind::Note,
        }
    }

    /// What happens to one joint.
    fn act_on_joint(&mut self, robot: &Robot, name: &str, act: &Act) -> EventKind {
        let Some(joint) = robot.model.joint(name).and_then(JointId::new) else {
            tracing::error!(name, "no such joint; the mission's step does nothing");
            return EventKind::Note;
        };
        let (what, kind) = match act {
            Act::PushJoint { torque_nm, duration_s, .. } => {
                let duration = Duration::from_secs_f64(duration_s.clamp(0.0, 60.0));
                let torque = NewtonMetres(*torque_nm);
                (Disturbance::Hit { joint, torque, duration }, EventKind::JointPushed)
            }
            Act::JamJoint(_) => (Disturbance::JamJoint(joint, true), EventKind::JointJammed),
            Act::FreeJoint(_) => (Disturbance::JamJoint(joint, false), EventKind::JointFreed),
            Act::FreezeJoint(_) => (Disturbance::FreezeJoint(joint), EventKind::SensorFault),
            Act::ThawJoint(_) => (Disturbance::ThawJoint(joint), EventKind::SensorCleared),
            _ => return EventKind::Note,
        };
        self.parts.body.disturb(what);
        kind
    }
}
