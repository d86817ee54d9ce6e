//! `triune check` for signed files: what is wrong with the content, and what with the signature.

use std::fs;
use std::path::{Path, PathBuf};

use governor::{Grade, GradeLimits};
use model::{LoadError, Robot, TomlSource};

use super::files::{NoticeSheet, PermitSheet, ProfileSheet};
use super::keys::{Kind, Trust};
use super::memory::{Found, Memory};
use super::{not_over, not_replayed, signature, state_folder, unreadable, wall};
use crate::robot_source::RobotSource;

type Checked = Result<String, Box<LoadError>>;

/// The robot a signed file is judged for: the one named, else the one whose folder it lies in, else
/// the built-in one.
#[must_use]
pub fn robot_of(file: &Path, named: Option<&PathBuf>) -> RobotSource {
    let above = file.ancestors().skip(1).find(|folder| folder.join("robot.toml").is_file());
    RobotSource::of(named.cloned().or_else(|| above.map(Path::to_path_buf)))
}

/// What `file` says, and whether its signature holds.
pub fn check(file: &Path, kind: Kind, source: &RobotSource) -> [(PathBuf, Checked); 2] {
    let signed = signature::path_of(file);
    let (robot, trust) = match source.robot().and_then(|robot| Ok((robot, source.trust()?))) {
        Ok(found) => found,
        Err(error) => return [(file.into(), Err(error.clone())), (signed, Err(error))],
    };
    let memory = match Memory::read(&state_folder(source, &robot)) {
        Found::Kept(memory) => memory,
        Found::Nothing | Found::Damaged => Memory::default(),
    };
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            let error = unreadable(file, &error);
            return [(file.into(), Err(error.clone())), (signed, Err(error))];
        }
    };
    let key = signature::verify(file, &bytes, kind, &trust);
    let id = key.as_ref().map(|key| key.id.clone()).unwrap_or_default();
    let name = file.display().to_string();
    let text = String::from_utf8_lossy(&bytes);
    let content = content(&TomlSource::new(&name, &text), kind, &robot, (&memory, &id));
    let signature = key.map(|key| format!("signed by the {} {}", key.role, key.id));
    [(file.into(), content), (signed, signature)]
}

fn content(
    source: &TomlSource<'_>,
    kind: Kind,
    robot: &Robot,
    (memory, key): (&Memory, &str),
) -> Checked {
    let now = wall::now();
    match kind {
        Kind::Profile => {
            let sheet = ProfileSheet::parse(source, robot)?;
            Ok(format!("profile {:?}: {}", sheet.name, cell(&sheet.grade, &sheet.grade.limits())))
        }
        Kind::Permit => {
            let sheet = PermitSheet::parse(source, robot)?;
            not_over(source, "ends", sheet.permit.ends, now)?;
            not_replayed(source, sheet.serial, memory.permits.get(key), true)?;
            let grade = sheet.permit.grade;
            Ok(format!("permit {}: {}", sheet.serial, cell(&grade, &sheet.permit.limits(&grade))))
        }
        Kind::Notice => {
            let sheet = NoticeSheet::parse(source, robot)?;
            not_over(source, "expires", sheet.expires, now)?;
            // One that is in force already is no mistake.
            not_replayed(source, sheet.serial, memory.notices.get(key), true)?;
            let speed = 100.0 * sheet.tighten.speed;
            let hold = if sheet.tighten.hold { ", hold" } else { "" };
            Ok(format!("notice {}: {:?}, speed {speed:.0} %{hold}", sheet.serial, sheet.text))
        }
    }
}

/// A cell in words.
fn cell(grade: &Grade, limits: &GradeLimits) -> String {
    let unknown = if *grade.scenario.letter() == *"?" || unknown_level(grade) {
        ", unknown counts as the strictest"
    } else {
        ""
    };
    let levels = grade.intelligence.levels().map(governor::IntelligenceLevel::name).join(" ");
    let GradeLimits { base, tool, residual, observation, contact, scope } = limits;
    format!(
        "scenario {}, levels {levels}{unknown}: base {:.2} m/s, tool {:.2} m/s, contact \
         {contact:?}, scope {scope:?}, residual {:.0} %, {:.0} % of the speed under observation",
        grade.scenario.letter(),
        base.0,
        tool.0,
        100.0 * residual,
        100.0 * observation,
    )
}

fn unknown_level(grade: &Grade) -> bool {
    grade.intelligence.levels().contains(&governor::IntelligenceLevel::Unknown)
}

/// What a trusted key's file holds.
///
/// # Errors
/// It holds no key.
pub fn key(file: &Path) -> Checked {
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    Trust::parse(&[(&file.display().to_string(), &text)]).map(|trust| trust.words())
}
