//! The body a run is on. The simulated one knows the truth and can be disturbed; a real one knows
//! neither.

use body::link::LinkBody;
use body::{Applied, Body, Capabilities, Vetted};
use firmware::Host;
use model::Robot;
use signals::{BodyCommand, Cycle, JOINTS_MAX, SensorFrame};
use sim::{Disturbance, SimBody, SimTruth, Yard};

use crate::error::RunError;
use crate::mission::Mission;
use crate::run::RunOptions;
use crate::{buses, link};

/// What a robot runs on, as the command line names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BodyChoice {
    /// The simulated body: `sim`.
    #[default]
    Sim,
    /// A body behind the link of this address: `link:ADDRESS`.
    Link(String),
    /// The motors on the buses of the robot file: `bus`, or `bus:PORT` for another port than that
    /// of the file.
    Bus(Option<String>),
}

impl core::str::FromStr for BodyChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "sim" => Ok(Self::Sim),
            None if text == "bus" => Ok(Self::Bus(None)),
            Some(("link", address)) => Ok(Self::Link(address.to_owned())),
            Some(("bus", port)) => Ok(Self::Bus(Some(port.to_owned()))),
            _ => Err(format!(
                "{text:?} is no body; write sim, bus, bus:PORT, or link:ADDRESS such as \
                 link:udp:127.0.0.1:5800"
            )),
        }
    }
}

/// The body of a run.
pub enum RobotBody {
    /// Made of physics.
    Simulated(Box<SimBody>),
    /// Behind a joint board.
    Linked {
        /// The body.
        body: Box<LinkBody>,
        /// A person was told that its port is gone.
        told: bool,
    },
    /// Motors on buses.
    Motors(Box<dyn Body>),
}

impl RobotBody {
    /// The body that `options` name for `robot`. On virtual time, and with a mission that disturbs
    /// it, only a simulated one can run.
    ///
    /// # Errors
    /// The body cannot be made or found, or cannot do what the run asks of it.
    pub fn new(
        options: &RunOptions,
        robot: &Robot,
        mission: &Mission,
        yard: &Yard,
    ) -> Result<Self, RunError> {
        if options.body == BodyChoice::Sim {
            return Ok(Self::Simulated(Box::new(SimBody::new(robot, yard, options.seed)?)));
        }
        if options.fast {
            let what = "virtual time is for simulated bodies, and this one is real. Fix: leave \
                        --fast out, or run with --body sim";
            return Err(RunError::Body(what.into()));
        }
        if let Some((number, step)) = mission.first_disturbance() {
            return Err(RunError::Body(format!(
                "mission {}, step {number} ({:?}): it disturbs the body, and this one is real. \
                 Fix: name a mission without such steps with --mission, or run with --body sim",
                mission.name, step.say
            )));
        }
        Ok(match &options.body {
            BodyChoice::Link(address) => {
                Self::Linked { body: Box::new(link::body(robot, address)?), told: false }
            }
            BodyChoice::Bus(port) => Self::Motors(buses::body(robot, port.as_deref())?),
            BodyChoice::Sim => Self::Simulated(Box::new(SimBody::new(robot, yard, options.seed)?)),
        })
    }

    /// The true state, where it is known.
    #[must_use]
    pub fn truth(&self) -> Option<SimTruth> {
        match self {
            Self::Simulated(body) => Some(body.truth()),
            Self::Linked { .. } | Self::Motors(_) => None,
        }
    }

    /// Lets `disturbance` happen; nothing happens to a real body, whose mission asks for none.
    pub fn disturb(&mut self, disturbance: Disturbance) {
        if let Self::Simulated(body) = self {
            body.disturb(disturbance);
        }
    }

    /// Feeds `out` the moving state of the physics; nothing of a real body.
    pub fn digest(&self, out: &mut impl FnMut(&[u8])) {
        if let Self::Simulated(body) = self {
            body.digest(out);
        }
    }

    /// The name of the simulator; empty for a real body.
    #[must_use]
    pub const fn simulator(&self) -> &'static str {
        match self {
            Self::Simulated(_) => "rapier",
            Self::Linked { .. } | Self::Motors(_) => "",
        }
    }

    /// The host's end of the joint bus, for a body behind a joint board.
    #[must_use]
    pub fn link(&self) -> Option<&Host<JOINTS_MAX>> {
        match self {
            Self::Simulated(body) => Some(body.link()),
            Self::Linked { body, .. } => Some(body.link()),
            Self::Motors(_) => None,
        }
    }
}

impl Body for RobotBody {
    fn sense(&mut self, cycle: &Cycle) -> SensorFrame {
        match self {
            Self::Simulated(body) => body.sense(cycle),
            Self::Linked { body, told } => {
                let frame = body.sense(cycle);
                // Before the counted part of the cycle, and once.
                if let Some(gone) = body.gone().filter(|_| !std::mem::replace(told, true)) {
                    tracing::error!("{gone}");
                }
                frame
            }
            Self::Motors(body) => body.sense(cycle),
        }
    }

    fn apply(&mut self, command: Vetted<'_, BodyCommand>) -> Applied {
        match self {
            Self::Simulated(body) => body.apply(command),
            Self::Linked { body, .. } => body.apply(command),
            Self::Motors(body) => body.apply(command),
        }
    }

    fn clear(&mut self, fault: u16) {
        match self {
            Self::Simulated(body) => body.clear(fault),
            Self::Linked { body, .. } => body.clear(fault),
            Self::Motors(body) => body.clear(fault),
        }
    }

    fn capabilities(&self) -> Capabilities {
        match self {
            Self::Simulated(body) => body.capabilities(),
            Self::Linked { body, .. } => body.capabilities(),
            Self::Motors(body) => body.capabilities(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_named_as_the_command_line_names_it() {
        for (text, choice) in [
            ("sim", Some(BodyChoice::Sim)),
            ("link:udp:127.0.0.1:5800", Some(BodyChoice::Link("udp:127.0.0.1:5800".into()))),
            ("link:", Some(BodyChoice::Link(String::new()))),
            ("bus", Some(BodyChoice::Bus(None))),
            ("bus:/dev/ttyACM1", Some(BodyChoice::Bus(Some("/dev/ttyACM1".into())))),
            ("", None),
            ("Sim", None),
            ("udp:127.0.0.1:5800", None),
        ] {
            assert_eq!(text.parse::<BodyChoice>().ok(), choice, "{text}");
        }
    }
}
