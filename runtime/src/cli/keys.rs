//! `triune keys`: what signs, and what shows who somebody is on the network.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{Exit, Failure, print};
use crate::deployment::keys::{self, Role};

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Makes a pair: <id>.pub for the robots that trust it, <id>.key for its owner alone.
    New {
        /// Folder for both files.
        folder: PathBuf,
        /// Whose key it is; what it may sign, and which leases it may hold, follows from it.
        #[arg(long, value_enum)]
        role: Role,
    },
    /// Makes a small certificate authority, and a certificate for each role on the network.
    Network {
        /// Folder for all files; what is there is never overwritten.
        folder: PathBuf,
        /// Name of the robot; its certificate is good for it too.
        #[arg(long, value_name = "NAME")]
        robot: Option<String>,
        /// Host name or address at which robot or router is reached; may be given several times.
        #[arg(long, value_name = "HOST")]
        name: Vec<String>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
}

impl KeysCommand {
    pub(super) fn answer(self) -> Result<Exit, Failure> {
        match self {
            Self::New { folder, role } => new_keys(&folder, role),
            Self::Network { folder, robot, name, json } => network_keys(&folder, robot, name, json),
        }
    }
}

fn new_keys(folder: &Path, role: Role) -> Result<Exit, Failure> {
    let [public, private] = keys::new_pair(folder, role).map_err(|error| {
        let what = folder.display();
        Failure::new(Exit::Configuration, miette::miette!("{what}: no keys were made: {error}"))
    })?;
    let (public, private) = (public.display(), private.display());
    print(&format!(
        "{public}\n    for the folder keys of each robot that is to trust it\n{private}\n    \
         for its owner alone; keep it away from robots and repositories\n"
    ));
    Ok(Exit::Ok)
}

fn network_keys(
    folder: &Path,
    robot: Option<String>,
    names: Vec<String>,
    as_json: bool,
) -> Result<Exit, Failure> {
    use crate::network::certificates::{Wanted, make, words};
    let made = make(folder, &Wanted::from_now(robot, names))
        .map_err(|error| Failure::new(Exit::Configuration, miette::miette!("{error}")))?;
    if as_json {
        super::print_json(&serde_json::json!({
            "schema": "triune.certificates/1", "folder": folder, "files": made.files,
            "names": made.names, "until": made.until,
        }));
    } else {
        print(&words(folder, &made));
    }
    Ok(Exit::Ok)
}
