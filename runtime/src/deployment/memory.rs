//! What a robot remembers from run to run about its deployment: the observation period, the latest
//! wall time, the serials it has seen, and the notices still in force.
//!
//! The file carries its own hash. What is missing or damaged is as if it had never been: the
//! observation period begins anew. So it does after a run that did not end in an orderly way.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use governor::{IntelligenceLevel, Notice, Observation, Tightening, WallTime};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::report::{hexadecimal, write_file};

/// Name of the file in the state folder. A simulated body has its own experience.
const FILE: &str = "deployment-sim.json";
/// A longer file is not one of ours.
const LENGTH_MAX: u64 = 1 << 20;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Latest wall time seen, s since 1970.
    pub last_seen: u64,
    /// A run is under way, or did not end in an orderly way.
    pub running: bool,
    /// How far the observation period is.
    pub observation: Option<Observed>,
    /// Highest serial of a permit, by the id of its key.
    pub permits: BTreeMap<String, u64>,
    /// Highest serial of a notice, by the id of its key.
    pub notices: BTreeMap<String, u64>,
    /// Notices that may still be in force.
    pub in_force: Vec<Standing>,
}

/// The observation period, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    subject: u64,
    clean_nanos: u64,
    tasks: u32,
    restarts: u32,
}

/// A notice in force, as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    issuer: u64,
    serial: u64,
    issued: u64,
    expires: u64,
    speed: f32,
    /// Name of the highest level, where there is one.
    intelligence: Option<String>,
    hold: bool,
}

/// What was found where the memory should be.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A memory.
    Kept(Memory),
    /// Nothing: the first run.
    Nothing,
    /// Something that is not, or no longer, a memory.
    Damaged,
}

impl Memory {
    /// Reads the memory in `folder`.
    #[must_use]
    pub fn read(folder: &Path) -> Found {
        let path = folder.join(FILE);
        match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Nothing,
            Ok(data) if data.len() <= LENGTH_MAX => {}
            _ => return Found::Damaged,
        }
        let Ok(text) = fs::read_to_string(&path) else { return Found::Damaged };
        let Some((body, hash)) = text.trim_end().rsplit_once('\n') else { return Found::Damaged };
        if hexadecimal(&Sha256::digest(body)) != hash {
            return Found::Damaged;
        }
        serde_json::from_str(body).map_or(Found::Damaged, Found::Kept)
    }

    /// Writes the memory into `folder` in one step.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let body = serde_json::to_string(self).map_err(io::Error::other)?;
        let hash = hexadecimal(&Sha256::digest(&body));
        fs::create_dir_all(folder)?;
        write_file(folder, FILE, format!("{body}\n{hash}\n").as_bytes())
    }

    /// The observation period to go on with; none after a run that did not end in an orderly way.
    #[must_use]
    pub fn observed(&self) -> Option<Observation> {
        let Observed { subject, clean_nanos, tasks, restarts } = self.observation?;
        (!self.running).then_some(Observation { subject, clean_nanos, tasks, restarts })
    }

    /// Keeps the observation period.
    pub fn keep(&mut self, observation: Observation) {
        let Observation { subject, clean_nanos, tasks, restarts } = observation;
        self.observation = Some(Observed { subject, clean_nanos, tasks, restarts });
    }

    /// Keeps a notice that came into force, by the key with the id `key`.
    pub fn take_notice(&mut self, key: &str, notice: &Notice) {
        let Tightening { speed, intelligence, hold } = notice.tighten;
        let standing = Standing {
            issuer: notice.issuer,
            serial: notice.serial,
            issued: notice.issued.0,
            expires: notice.expires.0,
            speed,
            intelligence: intelligence.map(|level| level.name().to_owned()),
            hold,
        };
        self.notices.insert(key.to_owned(), notice.serial);
        self.in_force.push(standing);
    }

    /// The notices that have not ended at `now`; the others are forgotten.
    pub fn standing(&mut self, now: WallTime) -> Vec<Notice> {
        self.in_force.retain(|notice| notice.expires > now.0);
        let notice = |standing: &Standing| Notice {
            issuer: standing.issuer,
            serial: standing.serial,
            issued: WallTime(standing.issued),
            expires: WallTime(standing.expires),
            tighten: Tightening {
                speed: standing.speed,
                intelligence: standing.intelligence.as_deref().map(IntelligenceLevel::of),
                hold: standing.hold,
            },
        };
        self.in_force.iter().map(notice).collect()
    }
}
