//! `triune check`: reads robot, policy and mission files and explains what is wrong with them, with
//! the source underlined, the key, the rule and the fix.

use std::path::{Path, PathBuf};

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use model::{LoadError, Robot, TomlSource};
use serde::Serialize;

use crate::deployment::check as signed;
use crate::deployment::keys::{self, Kind};
use crate::mission::Mission;

/// What is wrong with one file, as miette shows it.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.headline())]
pub struct Diagnosis {
    error: LoadError,
    text: NamedSource<String>,
}

impl Diagnosis {
    /// The diagnosis for `error`.
    #[must_use]
    pub fn new(error: LoadError) -> Self {
        let text = NamedSource::new(&error.file, error.text.clone()).with_language("toml");
        Self { error, text }
    }

    /// What it is about.
    #[must_use]
    pub const fn error(&self) -> &LoadError {
        &self.error
    }

    fn headline(&self) -> String {
        let LoadError { file, key, rule, .. } = &self.error;
        if key.is_empty() { format!("{file}: {rule}") } else { format!("{file}: {key}: {rule}") }
    }
}

impl From<Box<LoadError>> for Diagnosis {
    fn from(error: Box<LoadError>) -> Self {
        Self::new(*error)
    }
}

impl Diagnostic for Diagnosis {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(&self.error.fix))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        if self.error.text.is_empty() { None } else { Some(&self.text) }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.error.span.clone()?;
        let label = Some("here".to_owned());
        let one = LabeledSpan::new(label, span.start, span.end - span.start);
        Some(Box::new(std::iter::once(one)))
    }
}

/// What was found in one path.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The path, as given.
    pub path: String,
    /// `robot`, `policy`, `mission`, `profile`, `permit`, `notice`, `signature`, `key`, or empty
    /// when it could not be told.
    pub kind: &'static str,
    /// Nothing is wrong.
    pub ok: bool,
    /// What it holds, or what is wrong.
    pub summary: String,
    /// The error, when something is wrong.
    pub error: Option<FindingError>,
}

/// What is wrong, for programs.
#[derive(Clone, Debug, Serialize)]
pub struct FindingError {
    /// The file.
    pub file: String,
    /// Line from 1, where known.
    pub line: Option<usize>,
    /// Column from 1, where known.
    pub column: Option<usize>,
    /// The key.
    pub key: String,
    /// The rule that is broken.
    pub rule: String,
    /// What to do about it.
    pub fix: String,
}

impl From<&LoadError> for FindingError {
    fn from(error: &LoadError) -> Self {
        let (line, column) = error.line_column().unzip();
        let LoadError { file, key, rule, fix, .. } = error.clone();
        Self { file, line, column, key, rule, fix }
    }
}

type Checked = Result<String, Box<LoadError>>;

/// Checks each of `paths`, and every file it leads to. Signed files are judged for the robot
/// `named`, else for the one whose folder they lie in.
#[must_use]
pub fn check(paths: &[PathBuf], named: Option<&PathBuf>) -> Vec<(Finding, Option<Diagnosis>)> {
    paths.iter().flat_map(|path| check_one(path, named)).collect()
}

fn check_one(path: &Path, named: Option<&PathBuf>) -> Vec<(Finding, Option<Diagnosis>)> {
    let file = entry_file(path);
    match kind_of(&file) {
        Ok("robot") => check_robot(&file),
        Ok("policy") => vec![finding(&file, "policy", check_policy(&file))],
        Ok("profile") => check_signed(&file, Kind::Profile, named),
        Ok("permit") => check_signed(&file, Kind::Permit, named),
        Ok("notice") => check_signed(&file, Kind::Notice, named),
        Ok("key") => vec![finding(&file, "key", signed::key(&file))],
        Ok(kind) => vec![finding(&file, kind, check_mission(&file))],
        Err(error) => vec![finding(path, "", Err(error))],
    }
}

/// The file that says what a folder is.
fn entry_file(path: &Path) -> PathBuf {
    let inside = ["robot.toml", "policy.toml", "mission.toml"].map(|name| path.join(name));
    inside.into_iter().find(|file| file.is_file()).unwrap_or_else(|| path.to_path_buf())
}

fn kind_of(file: &Path) -> Result<&'static str, Box<LoadError>> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    match name.as_ref() {
        "robot.toml" => return Ok("robot"),
        "policy.toml" => return Ok("policy"),
        _ => {}
    }
    let text = read(file)?;
    let source_name = file.display().to_string();
    let source = TomlSource::new(&source_name, &text);
    let table: toml::Table = source.read()?;
    match table.get("schema").and_then(toml::Value::as_str) {
        Some(schema) if schema.starts_with("triune.robot/") => Ok("robot"),
        Some(schema) if schema.starts_with("triune.policy/") => Ok("policy"),
        Some(schema) if schema.starts_with("triune.mission/") => Ok("mission"),
        Some(schema) if schema.starts_with("triune.profile/") => Ok("profile"),
        Some(schema) if schema.starts_with("triune.permit/") => Ok("permit"),
        Some(schema) if schema.starts_with("triune.notice/") => Ok("notice"),
        Some(schema) if schema.starts_with("triune.key/") => Ok("key"),
        Some(schema) => Err(source.error(
            "schema",
            format!("the schema must be one this program knows, found {schema:?}"),
            "use triune.robot/1, mission/1, profile/1, permit/1 or notice/1, or name the file \
             robot.toml or policy.toml",
        )),
        None => Err(source.error(
            "schema",
            "the file must say what it is".into(),
            "add a line such as schema = \"triune.mission/1\"",
        )),
    }
}

fn check_robot(file: &Path) -> Vec<(Finding, Option<Diagnosis>)> {
    let robot = match Robot::load(file) {
        Ok(robot) => robot,
        Err(error) => return vec![finding(file, "robot", Err(error))],
    };
    let words = format!(
        "{}: {} joints, {} feet, {:.1} kg, {:.0} Hz",
        robot.file.name,
        robot.model.joint_count(),
        robot.feet.len(),
        robot.model.mass(),
        robot.file.control.rate_hz
    );
    let mut findings = vec![finding(file, "robot", with_buses(file, &robot, words))];
    let folder = file.parent().unwrap_or(Path::new("."));
    if let Some(card) = &robot.file.brain.policy {
        let card = folder.join(card);
        findings.push(finding(&card, "policy", check_policy(&card)));
    }
    for file in files_in(&folder.join(keys::FOLDER), "pub") {
        findings.push(finding(&file, "key", signed::key(&file)));
    }
    for file in files_in(&folder.join("profiles"), "toml") {
        findings.extend(check_signed(&file, Kind::Profile, Some(&folder.to_path_buf())));
    }
    findings
}

/// What the robot's buses add to `words`, or what is wrong with them.
fn with_buses(file: &Path, robot: &Robot, words: String) -> Checked {
    let (name, text) = (file.display().to_string(), read(file)?);
    let buses = crate::buses::check(&TomlSource::new(&name, &text), robot)?;
    Ok([vec![words], buses].concat().join("; "))
}

/// A signed file and its signature.
fn check_signed(
    file: &Path,
    kind: Kind,
    named: Option<&PathBuf>,
) -> Vec<(Finding, Option<Diagnosis>)> {
    let [content, signature] = signed::check(file, kind, &signed::robot_of(file, named));
    vec![
        finding(&content.0, kind.name(), content.1),
        finding(&signature.0, "signature", signature.1),
    ]
}

/// The files in `folder` with this ending, in order; none when there is no such folder.
fn files_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| has_ending(&file.display().to_string(), ending));
    files.sort();
    files
}

fn check_policy(card: &Path) -> Checked {
    let folder = card.parent().unwrap_or(Path::new("."));
    let policy = brain::Policy::load(folder).map_err(|error| explain(&error))?;
    let card = policy.card();
    Ok(format!("{} {}: {}", card.name, card.version, card.model.file))
}

/// A policy's error in the form of the other files', with the place of its key.
fn explain(error: &brain::PolicyError) -> Box<LoadError> {
    let name = error.file.display().to_string();
    let is_text = has_ending(&name, "toml");
    let text = if is_text { std::fs::read_to_string(&error.file).ok() } else { None };
    let rule = format!("expected {}, found {}", error.expected, error.found);
    match text {
        Some(text) => TomlSource::new(&name, &text).error(&error.key, rule, &error.fix),
        None => Box::new(LoadError {
            file: name,
            text: String::new(),
            span: None,
            key: error.key.to_string(),
            rule,
            fix: error.fix.to_string(),
        }),
    }
}

fn check_mission(file: &Path) -> Checked {
    let text = read(file)?;
    let name = file.display().to_string();
    let mission = Mission::parse(&name, &text)?;
    Ok(format!("mission {:?}, {} steps", mission.name, mission.step.len()))
}

fn read(file: &Path) -> Checked {
    std::fs::read_to_string(file).map_err(|error| {
        Box::new(LoadError {
            file: file.display().to_string(),
            text: String::new(),
            span: None,
            key: String::new(),
            rule: format!("the file must be readable: {error}"),
            fix: "check the path; name a robot folder, or a robot, policy or mission file".into(),
        })
    })
}

fn has_ending(file: &str, ending: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found == ending)
}

fn finding(path: &Path, kind: &'static str, checked: Checked) -> (Finding, Option<Diagnosis>) {
    let path = path.display().to_string();
    match checked {
        Ok(summary) => (Finding { path, kind, ok: true, summary, error: None }, None),
        Err(error) => {
            let summary = error.to_string();
            let of_error = Some(FindingError::from(error.as_ref()));
            (Finding { path, kind, ok: false, summary, error: of_error }, Some(error.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const QUADRUPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");

    fn shown(diagnosis: &Diagnosis) -> String {
        let mut text = String::new();
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
            .render_report(&mut text, diagnosis)
            .unwrap();
        text
    }

    #[test]
    fn the_quadruped_is_understood() {
        let found = check(&[QUADRUPED.into()], None);
        assert_eq!(found[0].0.kind, "robot");
        assert!(found[0].0.ok, "{}", found[0].0.summary);
        assert!(found[0].0.summary.contains("12 joints"), "{}", found[0].0.summary);
        assert_eq!(found[1].0.kind, "policy");
    }

    #[test]
    fn an_error_shows_the_line_the_key_the_rule_and_the_fix() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["robot.toml", "quadruped.xml"] {
            fs::copy(Path::new(QUADRUPED).join(name), folder.path().join(name)).unwrap();
        }
        let file = folder.path().join("robot.toml");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("torque_max_nm = 45.4", "torque_max_nm = nan")).unwrap();
        let found = check(&[folder.path().to_path_buf()], None);
        let (finding, diagnosis) = &found[0];
        assert!(!finding.ok && finding.error.as_ref().unwrap().line.is_some());
        let text = shown(diagnosis.as_ref().unwrap());
        for part in ["torque_max_nm = nan", "joints.calf.torque_max_nm", "finite", "help:"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_stranger_file_is_asked_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("walk.toml");
        let rule = |text: &str| {
            fs::write(&file, text).unwrap();
            check(std::slice::from_ref(&file), None)[0].0.summary.clone()
        };
        assert!(rule("a = 1\n").contains("must say what it is"));
        assert!(rule("schema = \"x\"\n").contains("found \"x\""));
        assert!(rule("schema = \n").contains("walk.toml:1"));
        assert!(rule("schema = \"triune.mission/1\"\n").contains("missing field"));
        assert!(check(&["no/such/file.toml".into()], None)[0].0.summary.contains("readable"));
    }
}
