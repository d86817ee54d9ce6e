//! The joints' drives: they follow the last command, within their speed-torque curve and never past
//! its validity.

use core::time::Duration;
use std::collections::VecDeque;

use model::Robot;
use signals::{
    BodyCommand, HardwareLimits, Instant, JointCommand, JointState, Joints, NewtonMetres,
};

use crate::fault::JointFault;

/// The drives of all joints, each with its own encoder and its own watchdog.
///
/// Clauses: M4, S7.
#[derive(Clone, Debug)]
pub(crate) struct Drives {
    limits: HardwareLimits,
    /// From a command to its torque.
    delay: Duration,
    /// On the way to the drives, oldest first, with the instant of arrival.
    pending: VecDeque<(Instant, BodyCommand)>,
    /// What the drives follow; none before the first command, then they give no torque.
    acting: Option<BodyCommand>,
}

impl Drives {
    pub(crate) fn new(robot: &Robot, tick: Duration) -> Self {
        let ticks = u32::try_from(robot.file.sim.actuation_delay_ticks).unwrap_or(u32::MAX);
        Self {
            limits: robot.limits,
            delay: tick.saturating_mul(ticks),
            pending: VecDeque::new(),
            acting: None,
        }
    }

    /// Sends `command` on its way at `now`. A second one in the same instant replaces the first.
    pub(crate) fn take(&mut self, command: &BodyCommand, now: Instant) {
        let arrival = now + self.delay;
        self.pending.retain(|&(other, _)| other < arrival);
        self.pending.push_back((arrival, *command));
    }

    /// The torques over the tick that begins at `now`, by the drives' own encoders.
    pub(crate) fn torques(
        &mut self,
        now: Instant,
        joints: &Joints<JointState>,
        faults: &Joints<JointFault>,
    ) -> Joints<NewtonMetres> {
        while let Some(&(arrival, command)) = self.pending.front()
            && arrival <= now
        {
            self.acting = Some(command);
            self.pending.pop_front();
        }
        Joints::from_fn(joints.len(), |id| {
            let (fault, JointState { q, dq }) = (&faults[id], joints[id]);
            let (low, high) = self.limits.joints[id].torque_range(dq);
            let command = self.command_of(now, |command| command.joints[id]);
            let wanted = command.torque(JointState { q: q + fault.offset, dq });
            wanted.limited(low, high) * fault.acting
        })
    }

    /// What a joint follows at `now`: its command while that is valid and made of numbers, else
    /// damping by itself.
    fn command_of(&self, now: Instant, of: impl Fn(&BodyCommand) -> JointCommand) -> JointCommand {
        let damped = JointCommand::damped(self.limits.emergency_damping);
        match &self.acting {
            None => JointCommand::LIMP,
            Some(command) if now < command.valid_until && of(command).is_finite() => of(command),
            Some(_) => damped,
        }
    }
}
