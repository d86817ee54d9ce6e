//! What people decide about a robot: signed profiles, permits and notices. Read, verified, handed
//! to the governor, and remembered from run to run.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as WallInstant};

use governor::{Deployment, Governor, Notice, NoticeRefusal, WallStart, WallTime};
use model::{LoadError, Robot, TomlSource};
use sha2::{Digest, Sha256};
use signals::ModelHash;

use crate::error::RunError;
use crate::report::hexadecimal;
use crate::robot_source::RobotSource;
use files::{NoticeSheet, PermitSheet, ProfileSheet};
use keys::{Kind, PublicKey, Trust};
use memory::{Found, Memory};

pub mod base64;
pub mod check;
pub mod files;
pub mod keys;
pub mod memory;
pub mod signature;
pub mod wall;

/// Most notices of one run.
const NOTICES_MAX: usize = 64;

/// The files of a deployment, as the command line names them.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The profile.
    pub profile: Option<PathBuf>,
    /// The sandbox permit.
    pub permit: Option<PathBuf>,
    /// Notices from outside.
    pub notices: Vec<PathBuf>,
    /// Where the robot remembers; its own folder without it.
    pub state: Option<PathBuf>,
}

/// A deployment under way: what is to be told of it, and remembered at its end.
#[derive(Debug)]
pub struct Session {
    folder: PathBuf,
    memory: Memory,
    /// There is something to remember.
    lasting: bool,
    wall: WallTime,
    began: WallInstant,
    /// SHA-256 of each file.
    hashes: BTreeMap<String, String>,
    /// What happened, in short words for the journal.
    pub news: Vec<String>,
}

/// A file whose signature was found right.
struct Signed<'trust> {
    name: String,
    text: String,
    sha256: String,
    key: &'trust PublicKey,
}

impl Session {
    /// Reads and verifies `files`, and gives the governor what they say.
    ///
    /// A profile or a permit that is wrong keeps the run from beginning. A notice that is wrong is
    /// refused and recorded, and the run begins: nobody stops a robot with a forged one.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn prepare(
        files: &Files,
        source: &RobotSource,
        robot: &Robot,
        (governor, policy_sha256): (&mut Governor, &str),
    ) -> Result<Self, RunError> {
        let trust = source.trust()?;
        let folder = files.state.clone().unwrap_or_else(|| state_folder(source, robot));
        let wall = wall::now();
        let mut session = Self::remember(folder, wall);
        let model = model_hash(policy_sha256);
        let mut deployment = Deployment { model, ..Deployment::default() };
        if let Some(path) = &files.profile {
            let file = read_signed(path, Kind::Profile, &trust)?;
            let sheet = ProfileSheet::parse(&file.source(), robot)?;
            sheet.approves(&file.source(), &hexadecimal(&robot.hash), policy_sha256)?;
            deployment.grade = Some(sheet.grade);
            session.note("profile".into(), file.sha256, format!("profile {}", sheet.name));
        }
        if let Some(path) = &files.permit {
            let file = read_signed(path, Kind::Permit, &trust)?;
            let sheet = PermitSheet::parse(&file.source(), robot)?;
            not_over(&file.source(), "ends", sheet.permit.ends, wall)?;
            session.not_superseded(&file, &sheet)?;
            deployment.permit = Some(sheet.permit);
            session.note("permit".into(), file.sha256, format!("permit {}", sheet.serial));
        }
        session.hand_over(deployment, governor)?;
        for path in files.notices.iter().take(NOTICES_MAX) {
            session.notify(path, robot, &trust, governor)?;
        }
        let given = files.profile.is_some() || files.permit.is_some() || !files.notices.is_empty();
        session.lasting |= given;
        Ok(session)
    }

    /// The run begins: what the robot has been told is remembered from here on.
    ///
    /// # Errors
    /// The memory cannot be written.
    pub fn open(mut self) -> Result<Self, RunError> {
        self.memory.last_seen = self.memory.last_seen.max(self.wall.0);
        self.memory.running = true;
        self.write()?;
        Ok(self)
    }

    /// The hashes of the files of the deployment and of `more`.
    #[must_use]
    pub fn hashes_with<const N: usize>(
        &self,
        more: [(&str, String); N],
    ) -> BTreeMap<String, String> {
        let mut all = self.hashes.clone();
        all.extend(more.map(|(what, hash)| (what.to_owned(), hash)));
        all
    }

    /// What the robot remembers in `folder`.
    fn remember(folder: PathBuf, wall: WallTime) -> Self {
        let (memory, lasting, news) = match Memory::read(&folder) {
            Found::Kept(memory) => (memory, true, None),
            Found::Nothing => (Memory::default(), false, None),
            Found::Damaged => (Memory::default(), true, Some("memory damaged, begins anew")),
        };
        let news = news.into_iter().map(str::to_owned).collect();
        let (began, hashes) = (WallInstant::now(), BTreeMap::new());
        Self { folder, memory, lasting, wall, began, hashes, news }
    }

    fn note(&mut self, what: String, sha256: String, news: String) {
        self.hashes.insert(what, sha256);
        self.news.push(news);
    }

    /// Gives the governor everything that has to be there before the first cycle.
    fn hand_over(
        &mut self,
        mut deployment: Deployment,
        governor: &mut Governor,
    ) -> Result<(), RunError> {
        deployment.wall =
            WallStart { at_start: self.wall, last_seen: WallTime(self.memory.last_seen) };
        deployment.observed = self.memory.observed();
        let mut standing = self.memory.standing(self.wall).into_iter();
        for notice in standing.by_ref().take(governor::NOTICES_MAX) {
            // There is room for as many as are taken.
            let _ = deployment.notices.push(notice);
        }
        let refused = |error: governor::TooLate| RunError::Governor {
            file: self.folder.display().to_string(),
            what: error.to_string(),
        };
        governor.deploy(&deployment).map_err(refused)?;
        // More than the governor keeps apart it merges.
        for notice in standing {
            let _ = governor.notify(Ok(&notice));
        }
        if !self.memory.in_force.is_empty() {
            self.news.push(format!("{} notices still in force", self.memory.in_force.len()));
        }
        Ok(())
    }

    /// A permit with a lower serial than one before has been replaced.
    fn not_superseded(
        &mut self,
        file: &Signed<'_>,
        sheet: &PermitSheet,
    ) -> Result<(), Box<LoadError>> {
        not_replayed(&file.source(), sheet.serial, self.memory.permits.get(&file.key.id), true)?;
        self.memory.permits.insert(file.key.id.clone(), sheet.serial);
        Ok(())
    }

    fn notify(
        &mut self,
        path: &Path,
        robot: &Robot,
        trust: &Trust,
        governor: &mut Governor,
    ) -> Result<(), RunError> {
        // What cannot be opened is a mistake of whoever called, not of the notice.
        let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        let read = self.read_notice(path, robot, trust);
        let given = read.as_ref().map(|(_, notice)| notice).map_err(|refusal| *refusal);
        let taken = governor.notify(given);
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let news = match (&read, taken) {
            (Ok((key, notice)), Ok(())) => {
                self.memory.take_notice(key, notice);
                format!("notice {} in force", notice.serial)
            }
            (_, Err(refusal)) => format!("{name} refused: {refusal:?}"),
            (Err(refusal), Ok(())) => format!("{name}: {refusal:?}"),
        };
        self.note(format!("notice {name}"), sha256, news);
        Ok(())
    }

    /// The notice in the file with the id of its key, or why it is refused.
    fn read_notice(
        &self,
        path: &Path,
        robot: &Robot,
        trust: &Trust,
    ) -> Result<(String, Notice), NoticeRefusal> {
        let file = read_signed(path, Kind::Notice, trust).map_err(|_| NoticeRefusal::Forged)?;
        let sheet =
            NoticeSheet::parse(&file.source(), robot).map_err(|_| NoticeRefusal::Unreadable)?;
        let last = self.memory.notices.get(&file.key.id);
        not_replayed(&file.source(), sheet.serial, last, false)
            .map_err(|_| NoticeRefusal::Replayed)?;
        let NoticeSheet { serial, issued, expires, tighten, .. } = sheet;
        let issuer = file.key.number();
        Ok((file.key.id.clone(), Notice { issuer, serial, issued, expires, tighten }))
    }

    fn write(&self) -> Result<(), RunError> {
        if !self.lasting {
            return Ok(());
        }
        let path = self.folder.clone();
        self.memory.write(&self.folder).map_err(|error| RunError::Write { path, error })
    }

    /// Remembers how the run ended, `elapsed` of the robot's clock after its start.
    ///
    /// # Errors
    /// The memory cannot be written.
    pub fn end(mut self, governor: &Governor, elapsed: Duration) -> Result<(), RunError> {
        if let Some(observation) = governor.observation() {
            self.memory.keep(observation);
        }
        // Neither a step of the wall clock nor virtual time may carry it ahead.
        let passed = self.began.elapsed().min(elapsed).as_secs();
        let seen = self.wall.0.saturating_add(passed);
        self.memory.last_seen = self.memory.last_seen.max(seen);
        self.memory.running = false;
        self.write()
    }
}

impl Signed<'_> {
    const fn source(&self) -> TomlSource<'_> {
        TomlSource::new(self.name.as_str(), self.text.as_str())
    }
}

/// Reads a file and its signature.
fn read_signed<'trust>(
    path: &Path,
    kind: Kind,
    trust: &'trust Trust,
) -> Result<Signed<'trust>, Box<LoadError>> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let key = signature::verify(path, &bytes, kind, trust)?;
    let sha256 = hexadecimal(&Sha256::digest(&bytes));
    let invalid = |error: std::string::FromUtf8Error| {
        unreadable(path, &io::Error::new(io::ErrorKind::InvalidData, error))
    };
    let text = String::from_utf8(bytes).map_err(invalid)?;
    Ok(Signed { name: path.display().to_string(), text, sha256, key })
}

fn not_over(
    source: &TomlSource<'_>,
    key: &str,
    ends: WallTime,
    now: WallTime,
) -> Result<(), Box<LoadError>> {
    if ends > now {
        return Ok(());
    }
    let rule = format!("it expired {} s ago", now.0 - ends.0);
    Err(source.error(key, rule, "ask whoever issued it for a new one"))
}

/// The serial is above the last one of the same issuer, or the last one itself where that may come
/// `again`.
fn not_replayed(
    source: &TomlSource<'_>,
    serial: u64,
    last: Option<&u64>,
    again: bool,
) -> Result<(), Box<LoadError>> {
    let Some(&last) = last else { return Ok(()) };
    if serial > last || (again && serial == last) {
        return Ok(());
    }
    let rule = format!("the robot has seen serial {last} of the same key: {serial} is replayed");
    Err(source.error("serial", rule, "use the newest file of this issuer"))
}

/// The first 8 bytes of a model's SHA-256, given in hexadecimal.
fn model_hash(sha256: &str) -> ModelHash {
    let digits = sha256.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    ModelHash(digits.unwrap_or_default().to_be_bytes())
}

/// Where a robot remembers when nobody names a place.
#[must_use]
pub fn state_folder(source: &RobotSource, robot: &Robot) -> PathBuf {
    match source.folder() {
        Some(folder) => folder.join("state"),
        None => Path::new("state").join(&robot.file.name),
    }
}

/// A file that cannot be read.
fn unreadable(path: &Path, error: &io::Error) -> Box<LoadError> {
    Box::new(LoadError {
        file: path.display().to_string(),
        text: String::new(),
        span: None,
        key: String::new(),
        rule: format!("the file must be readable: {error}"),
        fix: "check the path and the permissions".into(),
    })
}
