//! What a board decides in each tick: what is wrong, and how far it goes down.

use signals::{FaultCode, JointId, Lifecycle};

use super::{Device, Inputs, RESUME};
use crate::counters::count;
use crate::fault::Stop;
use crate::watchdog::Rung;

impl<const N: usize> Device<N> {
    /// Decides once in a tick.
    pub(super) fn decide(&mut self, inputs: &Inputs<N>, rung: Rung) {
        if self.lifecycle.is_energised()
            && let Some((code, joint, raw, stop)) = self.unfit(inputs)
        {
            self.faults.raise(code, joint, raw, stop);
        }
        let governor_lost = self.watchdog.governor_lost(&self.table.working().watchdog);
        if governor_lost && self.lifecycle == Lifecycle::Active && rung < Rung::Damping {
            self.faults.raise(FaultCode::GOVERNOR_LOST, None, 0, Stop::Damp);
        }
        let next = self.next(rung, governor_lost);
        if next != self.lifecycle {
            self.enter(next);
        }
        if self.lifecycle == Lifecycle::Damping {
            self.damped = self.damped.saturating_add(1);
        }
    }

    /// What the readings forbid: no torque without an encoder, none into a hot winding, none from a
    /// supply out of its range.
    pub(super) fn unfit(
        &self,
        inputs: &Inputs<N>,
    ) -> Option<(FaultCode, Option<JointId>, u32, Stop)> {
        let configuration = self.table.working();
        let supervision = &configuration.supervision;
        let mut joints = inputs.joints.iter().take(configuration.count).enumerate();
        if let Some((index, _)) = joints.clone().find(|(_, joint)| !joint.state.is_finite()) {
            return Some((FaultCode::ENCODER, JointId::new(index), 0, Stop::Cut));
        }
        // A temperature that is no number is as hot as can be.
        let trip = supervision.temperature_trip;
        let hot =
            joints.find(|(_, joint)| joint.temperature >= trip || joint.temperature.0.is_nan());
        if let Some((index, joint)) = hot {
            let raw = joint.temperature.0.to_bits();
            return Some((FaultCode::MOTOR_TEMPERATURE, JointId::new(index), raw, Stop::Damp));
        }
        let volts = inputs.supply;
        let code = if volts.0 == 0.0 {
            return None;
        } else if volts < supervision.voltage_min {
            FaultCode::UNDERVOLTAGE
        } else if volts > supervision.voltage_max {
            FaultCode::OVERVOLTAGE
        } else if volts.0.is_nan() {
            FaultCode::VOLTAGE
        } else {
            return None;
        };
        Some((code, None, volts.0.to_bits(), Stop::Damp))
    }

    /// Where the board goes from here.
    fn next(&mut self, rung: Rung, governor_lost: bool) -> Lifecycle {
        let stop = self.faults.stop();
        match self.lifecycle {
            Lifecycle::Boot | Lifecycle::Standby => match stop {
                Some(_) => Lifecycle::Fault,
                None => Lifecycle::Standby,
            },
            Lifecycle::Armed => match stop {
                Some(_) => Lifecycle::Fault,
                None if rung == Rung::TorqueOff => Lifecycle::Standby,
                None if rung == Rung::Fresh && self.command.follow => Lifecycle::Active,
                None => Lifecycle::Armed,
            },
            Lifecycle::Active => match stop {
                Some(Stop::Cut) => Lifecycle::Fault,
                Some(Stop::Damp) => Lifecycle::Damping,
                None if rung >= Rung::Damping => Lifecycle::Damping,
                None if !self.command.follow => Lifecycle::Armed,
                None => Lifecycle::Active,
            },
            Lifecycle::Damping => self.after_damping(rung, governor_lost, stop),
            Lifecycle::SafeTorqueOff | Lifecycle::Fault => match stop {
                Some(_) => self.lifecycle,
                None => Lifecycle::Standby,
            },
        }
    }

    /// Damping ends with its time, at once for a fault that says so, or, if all that was missing
    /// were commands, when they come again in a row.
    fn after_damping(&mut self, rung: Rung, governor_lost: bool, stop: Option<Stop>) -> Lifecycle {
        let times = &self.table.working().watchdog;
        let longest = times.torque_off - times.damping;
        if stop == Some(Stop::Cut) {
            return Lifecycle::Fault;
        }
        if self.damped >= longest || rung == Rung::TorqueOff {
            if stop.is_some() {
                return Lifecycle::Fault;
            }
            self.faults.raise(FaultCode::COMMAND_LOST, None, 0, Stop::Damp);
            return Lifecycle::SafeTorqueOff;
        }
        let fresh = rung == Rung::Fresh && self.command.follow && !governor_lost;
        self.fresh = if fresh { self.fresh.saturating_add(1) } else { 0 };
        if stop.is_none() && self.fresh >= RESUME {
            return Lifecycle::Active;
        }
        Lifecycle::Damping
    }

    fn enter(&mut self, lifecycle: Lifecycle) {
        match lifecycle {
            Lifecycle::Damping => {
                (self.damped, self.fresh) = (0, 0);
                count(&mut self.counters.dampings);
            }
            Lifecycle::SafeTorqueOff | Lifecycle::Fault if self.lifecycle.is_energised() => {
                count(&mut self.counters.torque_offs);
            }
            _ => {}
        }
        self.lifecycle = lifecycle;
    }
}
