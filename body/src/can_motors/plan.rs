//! Which motors turn which joints, as the robot file says.

use core::time::Duration;

use motors::mit::Scale;
use motors::robstride;
use signals::{JointId, NewtonMetres, Radians};

use super::damiao::Damiao;
use super::dialect::Dialect;
use super::error::ConnectError;
use super::moteus::Moteus;
use super::robstride::RobStride;

/// What a motor is and how it is addressed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MotorKind {
    /// DAMIAO.
    Damiao {
        /// Its id.
        id: u16,
        /// The scale of its model; compared with the motor's own.
        scale: Scale,
    },
    /// RobStride in the maker's private protocol.
    RobStride {
        /// Motor and host.
        address: robstride::Address,
        /// Its model, for the scale.
        model: robstride::Model,
    },
    /// moteus.
    Moteus {
        /// Its id, 1 to 127.
        id: u8,
    },
}

/// One motor and its joint.
#[derive(Clone, Debug, PartialEq)]
pub struct MotorPlan {
    /// The joint it turns.
    pub joint: JointId,
    /// For messages: maker, id, joint.
    pub name: String,
    /// The bus it hangs on, by its place in the list of ports.
    pub bus: usize,
    /// What it is.
    pub kind: MotorKind,
    /// Its frames are sent as CAN FD. A moteus always has them so.
    pub flexible: bool,
    /// The joint turns against the motor.
    pub reversed: bool,
    /// Turns of the motor's output for one turn of the joint; positive.
    pub gear: f32,
    /// Angle of the joint at the motor's zero.
    pub zero: Radians,
    /// Highest torque of the motor's output, set in the motor where it takes one.
    pub tau_max: NewtonMetres,
}

/// What holds for all motors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// After the last command a motor comes to rest by itself; provisioned and read back.
    pub watchdog: Duration,
    /// How long an answer may take while the motors are connected.
    pub answer_within: Duration,
}

impl MotorPlan {
    /// The dialect of a motor as it is planned.
    pub(super) fn dialect(&self, timing: &Timing) -> Result<Box<dyn Dialect>, ConnectError> {
        let positive = |number: f32| number > 0.0 && number.is_finite();
        if !positive(self.gear) || !positive(self.tau_max.0) || !self.zero.is_finite() {
            return Err(self.broken("gear and highest torque are positive, the zero is a number"));
        }
        Ok(match self.kind {
            MotorKind::Damiao { id, scale } => {
                if self.tau_max > scale.tau {
                    return Err(self.broken("its highest torque is at most the end of its scale"));
                }
                Box::new(Damiao::new(id, scale, timing.watchdog))
            }
            MotorKind::RobStride { address, model } => {
                let scale = model.scale();
                if self.tau_max > scale.tau {
                    return Err(self.broken("its highest torque is at most the end of its scale"));
                }
                Box::new(RobStride::new(address, scale, self.tau_max, timing.watchdog))
            }
            MotorKind::Moteus { id } => Moteus::new(id, self.tau_max, timing.watchdog)
                .map(Box::new)
                .ok_or_else(|| self.broken("its highest torque and its watchdog are numbers"))?,
        })
    }

    pub(super) fn broken(&self, rule: &'static str) -> ConnectError {
        let help = "set it right in the robot file";
        ConnectError::Plan { what: self.name.clone(), rule, help }
    }
}
