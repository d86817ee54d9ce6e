//! What a board says of itself, for people and for programs.

use std::fmt::Write;

use body::link::{BoardReading, Difference, LIMIT_NAMES, differences, words};
use firmware::{Identity, ResetCause};
use model::Robot;
use serde::Serialize;
use serde_json::{Value, json};
use signals::{DriveFault, Lifecycle};

use crate::error::RunError;

/// What a board says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct BoardReport {
    /// `triune.board/1`.
    pub schema: &'static str,
    /// The address of the link.
    pub link: String,
    /// Kind of board.
    pub board: String,
    /// Serial number of its processor, hexadecimal.
    pub serial: String,
    /// Version of its firmware.
    pub firmware: String,
    /// First digits of the commit it was built from; `null` when not known.
    pub commit: Option<String>,
    /// Oldest and newest version of the protocol it speaks.
    pub protocol: [u8; 2],
    /// Joints it drives, and could drive.
    pub joints: [u8; 2],
    /// Hash of what it was provisioned with; `null` for nothing.
    pub configuration: Option<String>,
    /// Hash of what the robot file makes; `null` without a robot.
    pub robot_configuration: Option<String>,
    /// They are the same; `null` without a robot.
    pub matches: Option<bool>,
    /// How far it is from giving torque.
    pub lifecycle: String,
    /// Its first fault that is not cleared.
    pub fault: Option<FaultReport>,
    /// Resets since it was switched on.
    pub resets: u32,
    /// The last reset.
    pub last_reset: Value,
    /// What is only told in a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionReport>,
}

/// A fault of a board.
#[derive(Clone, Debug, Serialize)]
pub struct FaultReport {
    /// Who wants to clear it must name it.
    pub id: u16,
    /// Its code after CiA 301; `null` where it was not asked for.
    pub code: Option<String>,
    /// In words.
    pub words: String,
    /// The joint; `null` for the whole board.
    pub joint: Option<String>,
    /// The code as the maker writes it.
    pub raw: u32,
}

/// What a board only tells in a session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionReport {
    /// What it was provisioned with beside its joints.
    pub settings: Value,
    /// The limits in force, one object a joint.
    pub limits: Vec<Value>,
    /// What it has counted.
    pub counters: Value,
    /// What it has otherwise than the robot file.
    pub differences: Vec<String>,
}

impl BoardReport {
    /// What `identity` says, held against `robot`.
    ///
    /// # Errors
    /// The robot file makes no configuration for a board.
    pub fn of(link: &str, identity: &Identity, robot: Option<&Robot>) -> Result<Self, RunError> {
        let own = robot.map(super::configuration).transpose()?.map(|own| own.hash());
        let [major, minor, patch] = identity.firmware;
        let hash = |hash: u64| format!("{hash:016x}");
        let known = (identity.configuration != 0).then(|| hash(identity.configuration));
        let lifecycle = Lifecycle::of(identity.lifecycle);
        Ok(Self {
            schema: "triune.board/1",
            link: link.to_owned(),
            board: identity.board.escape_ascii().to_string(),
            serial: hash(identity.serial),
            firmware: format!("{major}.{minor}.{patch}"),
            commit: (identity.commit != 0).then(|| format!("{:08x}", identity.commit)),
            protocol: identity.versions,
            joints: [identity.joints, identity.joints_max],
            configuration: known,
            robot_configuration: own.map(hash),
            matches: own.map(|own| own == identity.configuration),
            lifecycle: lifecycle.map_or("unknown", words::lifecycle).to_owned(),
            fault: (identity.fault != 0).then(|| FaultReport::untold(identity.fault)),
            resets: identity.resets,
            last_reset: reset(identity.reset_cause),
            session: None,
        })
    }

    /// The same, with what a session tells.
    ///
    /// # Errors
    /// As [`BoardReport::of`].
    pub fn with_session(
        link: &str,
        reading: &BoardReading,
        robot: Option<&Robot>,
    ) -> Result<Self, RunError> {
        let mut report = Self::of(link, &reading.identity, robot)?;
        report.fault = reading.fault.map(|fault| FaultReport::of(&fault, robot)).or(report.fault);
        let (cause, detail, tick) = reading.reset;
        let value = json!({ "cause": cause, "words": words::reset(cause), "detail": detail,
                            "tick": tick });
        report.last_reset = value;
        let limits = reading.limits.iter().enumerate().map(|(joint, numbers)| {
            let mut limits = serde_json::Map::new();
            limits.insert("joint".into(), json!(joint_name(robot, joint)));
            let numbers = LIMIT_NAMES.into_iter().zip(numbers);
            limits.extend(numbers.map(|(name, number)| (name.to_owned(), json!(number))));
            Value::Object(limits)
        });
        let own = robot.map(super::configuration).transpose()?;
        let differs = own.map(|own| differences(&own, Some(reading))).unwrap_or_default();
        report.session = Some(SessionReport {
            settings: json!(reading.settings),
            limits: limits.collect(),
            counters: json!(reading.counters),
            differences: differs.iter().map(|d| in_words(d, robot)).collect(),
        });
        Ok(report)
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |what: &str, found: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{what:<16} {found}");
        };
        let commit = self.commit.as_deref().map_or(String::new(), |c| format!(", commit {c}"));
        line("board", &format!("{} on {}, serial number {}", self.board, self.link, self.serial));
        let [oldest, newest] = self.protocol;
        let protocol = format!("protocol {oldest} to {newest}");
        line("firmware", &format!("{}{commit}, {protocol}", self.firmware));
        let [joints, most] = self.joints;
        line("joints", &format!("{joints} of at most {most}"));
        line("configuration", &self.configuration_in_words());
        line("lifecycle", &self.lifecycle);
        match &self.fault {
            Some(fault) => line("fault", &fault.text()),
            None => line("fault", "none"),
        }
        let why = self.last_reset["words"].as_str().unwrap_or_default();
        line("resets", &format!("{}, the last because {why}", self.resets));
        for difference in self.session.iter().flat_map(|session| &session.differences) {
            line("differs", difference);
        }
        if let Some(session) = &self.session {
            line("settings", &session.settings.to_string());
            for limits in &session.limits {
                line("limits", &limits.to_string());
            }
            line("counters", &session.counters.to_string());
        }
        out
    }

    fn configuration_in_words(&self) -> String {
        let board = self.configuration.as_deref().unwrap_or("none: it was not provisioned yet");
        match (&self.robot_configuration, self.matches) {
            (Some(_), Some(true)) => format!("{board}, that of the robot file"),
            (Some(own), _) => format!(
                "{board}; the robot file makes {own}. Fix: check which board it is, then triune \
                 provision"
            ),
            (None, _) => board.to_owned(),
        }
    }
}

impl FaultReport {
    fn untold(id: u16) -> Self {
        let words = "its code is told in a session: --session".to_owned();
        Self { id, code: None, words, joint: None, raw: 0 }
    }

    fn of(fault: &DriveFault, robot: Option<&Robot>) -> Self {
        Self {
            id: fault.id,
            code: Some(format!("0x{:04x}", fault.code.0)),
            words: words::fault(fault.code).to_owned(),
            joint: fault.joint.map(|joint| joint_name(robot, joint.index())),
            raw: fault.raw,
        }
    }

    fn text(&self) -> String {
        let code = self.code.as_deref().map_or(String::new(), |code| format!(" ({code})"));
        let joint = self.joint.as_deref().map_or(String::new(), |joint| format!(", {joint}"));
        format!("{}{code}: {}{joint}, raw {:#x}", self.id, self.words, self.raw)
    }
}

/// A difference with the name of its joint.
#[must_use]
pub(super) fn in_words(difference: &Difference, robot: Option<&Robot>) -> String {
    let Difference { what, joint, board, meant } = difference;
    let of = joint.map_or(String::new(), |joint| format!("{}: ", joint_name(robot, joint)));
    let board = board.map_or_else(|| "nothing".to_owned(), |board| board.to_string());
    format!("{of}{what}: the board has {board}, the robot file {meant}")
}

fn joint_name(robot: Option<&Robot>, joint: usize) -> String {
    let name = robot.and_then(|robot| robot.joint_names().nth(joint));
    name.map_or_else(|| format!("joint {joint}"), str::to_owned)
}

fn reset(cause: ResetCause) -> Value {
    json!({ "cause": cause, "words": words::reset(cause) })
}
