//! Why a run could not begin, or could not be reported.

use std::path::PathBuf;

use crate::report::FolderError;

/// Why a run could not begin, or could not be reported.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file of the robot or the mission is wrong.
    #[error(transparent)]
    Load(#[from] Box<model::LoadError>),
    /// The policy is wrong or does not fit.
    #[error(transparent)]
    Policy(brain::PolicyError),
    /// The governor refuses its limits or its profile.
    #[error(
        "{file}: the governor refuses it: {what}. Fix: correct the value in [joints] or [governor]"
    )]
    Governor {
        /// The robot file.
        file: String,
        /// What it refuses.
        what: String,
    },
    /// The simulated body cannot be made.
    #[error(transparent)]
    Sim(#[from] sim::SimError),
    /// There is no body behind the link.
    #[error(transparent)]
    Link(body::link::ConnectError),
    /// The robot cannot be reached from elsewhere as it was asked for.
    #[error(transparent)]
    Network(#[from] crate::network::NetworkFault),
    /// The body that was asked for cannot do what was asked of it.
    #[error("{0}")]
    Body(String),
    /// The brain cannot be started.
    #[error("the brain cannot be started: {0}")]
    Brain(String),
    /// The machine grants no thread.
    #[error("the machine grants no thread: {0}")]
    Thread(std::io::Error),
    /// The folder of the run cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file of the run cannot be written.
    #[error(
        "{}: cannot be written: {error}. Fix: free some space, or name another folder with --out",
        path.display()
    )]
    Write {
        /// The file or its folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}
