//! The commands for people and their programs.

use super::{act, echo, estop, hz, router, teleop, top};
use crate::cli::{Exit, Failure};

/// What may be asked of a robot that runs in another process.
#[derive(Debug, clap::Subcommand)]
pub enum NetworkCommand {
    /// Shows what comes under a topic, read by its published schema.
    Echo(echo::EchoArgs),
    /// Says how often a topic comes, how evenly, how much and what is lost.
    Hz(hz::HzArgs),
    /// Stops the robot, and says whether it has stopped.
    Estop(estop::EstopArgs),
    /// Does one act of a person: reset, start, select a mode; shows what the governor says to it.
    Act(act::ActArgs),
    /// Drives the robot with keys, a gamepad or a script.
    Teleop(teleop::TeleopArgs),
    /// Shows all robots in reach.
    Top(top::TopArgs),
    /// Carries between robots and programs.
    Router(router::RouterArgs),
}

impl NetworkCommand {
    /// Does it.
    ///
    /// # Errors
    /// Each says its own; nobody in reach, for all.
    pub fn answer(self) -> Result<Exit, Failure> {
        match self {
            Self::Echo(args) => echo::echo(&args),
            Self::Hz(args) => hz::hz(&args),
            Self::Estop(args) => estop::estop(&args),
            Self::Act(args) => act::act(&args),
            Self::Teleop(args) => teleop::teleop(&args),
            Self::Top(args) => top::top(&args),
            Self::Router(args) => router::router(&args),
        }
    }
}
