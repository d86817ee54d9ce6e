//! The files a run is made from and writes to.

use std::collections::BTreeMap;
use std::path::Path;

use governor::Governor;
use model::Robot;
use sha2::{Digest, Sha256};

use super::RunOptions;
use crate::deployment::Session;
use crate::error::RunError;
use crate::govern::Tap;
use crate::journal::{Journal, JournalInfo};
use crate::mission::Mission;
use crate::network::robot::RobotEnd;
use crate::report::hexadecimal;
use crate::wiring::{self, Brain};

/// The mission, and the SHA-256 of its file: the one that was named, else the robot's own tour,
/// else the built-in one.
pub(super) fn read_mission(
    options: &RunOptions,
    robot: &Robot,
) -> Result<(Mission, String), RunError> {
    const DEMO: &str = include_str!("../../../robots/quadruped/missions/demo.toml");
    if options.stay {
        return Ok((Mission::stay(), String::new()));
    }
    let own = options.robot.folder().map(|folder| folder.join("missions/demo.toml"));
    let Some(path) = options.mission.clone().or(own.filter(|path| path.is_file())) else {
        let mission = Mission::parse_for("built-in missions/demo.toml", DEMO, robot)?;
        return Ok((mission, hexadecimal(&Sha256::digest(DEMO))));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Box::new(model::LoadError {
            file: path.display().to_string(),
            text: String::new(),
            span: None,
            key: String::new(),
            rule: format!("the mission file must be readable: {error}"),
            fix: "check the path, or leave --mission out".into(),
        })
    })?;
    let mission = Mission::parse_for(&path.display().to_string(), &text, robot)?;
    Ok((mission, hexadecimal(&Sha256::digest(&text))))
}

/// Hands the governor what people decide about the robot. The session, and the SHA-256 of each file
/// the run is made from.
pub(super) fn deploy(
    options: &RunOptions,
    robot: &Robot,
    mission_sha256: String,
    (brain, governor): (&Brain, &mut Governor),
) -> Result<(Session, BTreeMap<String, String>), RunError> {
    let deployed = (governor, brain.model_sha256.as_str());
    let session = Session::prepare(&options.deployment, &options.robot, robot, deployed)?.open()?;
    let hashes = session.hashes_with([
        ("robot", hexadecimal(&robot.hash)),
        ("policy model", brain.model_sha256.clone()),
        ("mission", mission_sha256),
    ]);
    Ok((session, hashes))
}

pub(super) fn open_journal(
    folder: &Path,
    robot: &Robot,
    seed: u64,
    hashes: &BTreeMap<String, String>,
) -> Result<Journal, RunError> {
    let path = folder.join(crate::report::JOURNAL_FILE);
    let joints = robot.joint_names().map(str::to_owned).collect();
    let (robot, config_hashes) = (robot.file.name.clone(), hashes.clone());
    let info = JournalInfo { robot, joints, seed, config_hashes };
    Journal::create(&path, &info).map_err(|error| RunError::Write { path, error })
}

pub(super) fn open_tap(options: &RunOptions, robot: &Robot) -> Result<Option<Tap>, RunError> {
    let (proposals, verdicts) = (options.proposals.as_deref(), options.verdicts.as_deref());
    let wanted = proposals.is_some() || verdicts.is_some();
    let tap = wanted.then(|| Tap::open(robot, proposals, verdicts));
    tap.transpose().map_err(|(path, error)| RunError::Write { path, error })
}

/// The network's end of the robot, and its planner, which comes in over it where that was asked
/// for. Where nobody asked for the network and it cannot be had, the run goes on without.
pub(super) fn open_network(
    options: &RunOptions,
    robot: &Robot,
) -> Result<(Option<RobotEnd>, Brain), RunError> {
    let here = || wiring::brain(&options.robot, robot, !options.fast, options.seed);
    let Some(access) = &options.access else { return Ok((None, here()?)) };
    match RobotEnd::open(robot, access, options.far_brain) {
        Ok((end, Some(far))) => Ok((Some(end), wiring::far_brain(&options.robot, robot, far)?)),
        Ok((end, None)) => Ok((Some(end), here()?)),
        Err(error) if access.optional => {
            tracing::warn!("this run cannot be reached from elsewhere: {error}");
            Ok((None, here()?))
        }
        Err(error) => Err(error.into()),
    }
}
