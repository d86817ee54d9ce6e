//! Where the robot comes from: a folder, or the quadruped that is built into the program.

use std::path::{Path, PathBuf};

use brain::{Policy, PolicyError};
use model::{LoadError, Robot};

use crate::deployment::keys::Trust;

/// Name of the built-in robot in messages.
pub const BUILTIN: &str = "built-in robots/quadruped";

const ROBOT_TOML: &str = include_str!("../../robots/quadruped/robot.toml");
const MODEL_XML: (&str, &str) =
    ("quadruped.xml", include_str!("../../robots/quadruped/quadruped.xml"));
/// The key the built-in robot's files are signed with.
const EXAMPLE_KEY: (&str, &str) = (
    "built-in robots/quadruped/keys/example.pub",
    include_str!("../../robots/quadruped/keys/example.pub"),
);
/// The files of the built-in policy.
const POLICY: [(&str, &[u8]); 3] = [
    ("policy.toml", include_bytes!("../../robots/quadruped/policies/navigate/policy.toml")),
    ("navigate.onnx", include_bytes!("../../robots/quadruped/policies/navigate/navigate.onnx")),
    ("golden.json", include_bytes!("../../robots/quadruped/policies/navigate/golden.json")),
];

/// Where the robot comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RobotSource {
    /// A robot folder, or its `robot.toml`.
    Folder(PathBuf),
    /// The quadruped inside the program, so that it works from any folder.
    #[default]
    Builtin,
}

impl RobotSource {
    /// The folder when one was named, else the built-in robot.
    #[must_use]
    pub fn of(folder: Option<PathBuf>) -> Self {
        folder.map_or(Self::Builtin, Self::Folder)
    }

    /// Reads and checks the robot.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, key, rule and fix.
    pub fn robot(&self) -> Result<Robot, Box<LoadError>> {
        match self {
            Self::Folder(path) => Robot::load(path),
            Self::Builtin => {
                let origin = format!("{BUILTIN}/robot.toml");
                Robot::parse(&origin, ROBOT_TOML, |name| {
                    let (known, text) = MODEL_XML;
                    if name == known { Ok(text.to_owned()) } else { Err(absent(name)) }
                })
            }
        }
    }

    /// The keys the robot trusts: those in the folder `keys` beside its file.
    ///
    /// # Errors
    /// A file there is no key.
    pub fn trust(&self) -> Result<Trust, Box<LoadError>> {
        match self.folder() {
            Some(folder) => Trust::load(folder),
            None => Trust::parse(&[EXAMPLE_KEY]),
        }
    }

    /// Reads and checks the policy whose card is `card`, beside the robot's file.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, key and the way out.
    pub fn policy(&self, card: &str) -> Result<Policy, PolicyError> {
        let inside = Path::new(card).parent().unwrap_or(Path::new(""));
        match self.folder() {
            Some(folder) => Policy::load(&folder.join(inside)),
            None => Policy::load_with(&Path::new(BUILTIN).join(inside), &|file| {
                let named = |(name, _): &&(&str, &[u8])| file.ends_with(name);
                let found = POLICY.iter().find(named).map(|(_, bytes)| bytes.to_vec());
                found.ok_or_else(|| std::io::ErrorKind::NotFound.into())
            }),
        }
    }

    /// The folder of the robot on disk; `None` for the built-in one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) if path.is_dir() => Some(path),
            Self::Folder(path) => path.parent(),
            Self::Builtin => None,
        }
    }
}

fn absent(name: &str) -> Box<LoadError> {
    Box::new(LoadError {
        file: format!("{BUILTIN}/{name}"),
        text: String::new(),
        span: None,
        key: String::new(),
        rule: "the program was built without this file".into(),
        fix: "name a robot folder with --robot".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_robot_is_the_one_in_the_folder() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped"));
        let built_in = RobotSource::of(None).robot().unwrap();
        let on_disk = RobotSource::of(Some(folder.to_path_buf())).robot().unwrap();
        assert_eq!(built_in.hash, on_disk.hash);
        assert_eq!(RobotSource::Builtin.folder(), None);
        let card = built_in.file.brain.policy.as_deref().unwrap();
        let hash = |source: RobotSource| source.policy(card).unwrap().hash();
        assert_eq!(hash(RobotSource::Builtin), hash(RobotSource::Folder(folder.to_path_buf())));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = RobotSource::Folder("no/such/robot".into()).robot().unwrap_err();
        assert!(error.to_string().contains("no/such/robot"), "{error}");
    }
}
