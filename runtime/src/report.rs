//! What came of a run: numbers for programs (`report.json`), one screen for people, and the folder
//! both live in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use signals::Level;

use crate::drives::JointBoardReport;
use crate::journal::JournalSummary;
use crate::realtime::{Lateness, Missing, Pace};

pub use folder::{FolderError, default_folder, prepare_folder, write_file};
pub use screen::colour_wanted;
pub(crate) use screen::level_colour;

mod folder;
mod screen;

/// Name of the schema; its field names stay stable.
pub const SCHEMA: &str = "triune.report/1";
/// File name of the report for programs.
pub const JSON_FILE: &str = "report.json";
/// File name of the report for people.
pub const HTML_FILE: &str = "report.html";
/// File name of the journal.
pub const JOURNAL_FILE: &str = "journal.mcap";

/// What came of a run.
///
/// Clauses: E1, U1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Name of the robot.
    pub robot: String,
    /// Name of the simulator; empty for a real body.
    pub sim: String,
    /// Seed of everything random.
    pub seed: u64,
    /// `virtual` or `real`.
    pub time: &'static str,
    /// Time of the robot's clock, s.
    pub duration_s: f64,
    /// Cycles that ran.
    pub ticks: u64,
    /// Times the body went down against its will.
    pub falls: u32,
    /// Length of the path walked, m.
    pub distance_m: f64,
    /// The base came within the goal's radius.
    pub goal_reached: bool,
    /// Times the body touched something it should not.
    pub collisions: u32,
    /// Time of the robot's clock for each second of a wall clock.
    pub real_time_factor: f64,
    /// How the loop kept time.
    #[serde(rename = "loop")]
    pub timing: LoopReport,
    /// How well the robot knew where it was.
    pub estimator: EstimatorReport,
    /// What the planner did.
    pub brain: BrainReport,
    /// What the ground-force planner did.
    pub force_planner: ForcePlannerReport,
    /// What passed between host and joint board.
    pub joint_board: JointBoardReport,
    /// What went over the network; absent in a run without it.
    pub network: Option<NetworkReport>,
    /// What the governor did.
    pub governor: GovernorReport,
    /// Allocations between sensing and applying, in all cycles together.
    pub cycle_allocations: u64,
    /// Commands a body got outside the limits of its file and cycles against the rules of stops and
    /// authority, by an observer that is not the governor.
    pub limit_violations: u64,
    /// Hash of every state and verdict; equal for equal seeds.
    pub state_hash: String,
    /// What became of the journal.
    pub journal: JournalSummary,
    /// SHA-256 of each file the run was made from.
    pub config_hashes: BTreeMap<String, String>,
    /// What the machine did not grant.
    pub missing: Vec<Missing>,
    /// How the mission went.
    pub mission: MissionReport,
}

/// How the loop kept time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LoopReport {
    /// Cycles a second.
    pub rate_hz: f64,
    /// How late ticks began; zeros on virtual time.
    pub lateness_us: LatenessReport,
    /// Ticks that were skipped.
    pub overruns: u64,
}

/// How late ticks began, us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatenessReport {
    /// Half of them at most this.
    pub p50: f64,
    /// 99 of 100 at most this.
    pub p99: f64,
    /// 999 of 1000 at most this.
    pub p999: f64,
    /// The latest.
    pub max: f64,
}

impl From<&Lateness> for LatenessReport {
    fn from(late: &Lateness) -> Self {
        Self {
            p50: late.quantile_us(0.5),
            p99: late.quantile_us(0.99),
            p999: late.quantile_us(0.999),
            max: late.max_us(),
        }
    }
}

impl LoopReport {
    /// How `pace` kept `rate_hz`.
    #[must_use]
    pub fn of(pace: &Pace, rate_hz: f64) -> Self {
        let lateness_us = LatenessReport::from(&pace.lateness());
        Self { rate_hz, lateness_us, overruns: pace.overruns() }
    }
}

/// What went over the network, by number of samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct NetworkReport {
    /// Given to the network.
    pub sent: u64,
    /// Cycles that were not shown, because the next one came before the network looked.
    pub snapshots_overwritten: u64,
    /// Interventions the network had no room for.
    pub records_dropped: u64,
    /// Came in, and had the right size, rate and layout.
    pub taken: u64,
    /// Refused for their size.
    pub refused_size: u64,
    /// Refused because they came too often.
    pub refused_rate: u64,
    /// Refused for their layout.
    pub refused_layout: u64,
    /// Refused for their code, lease or sequence.
    pub refused_authority: u64,
    /// Refused because they mean nothing.
    pub refused_content: u64,
}

/// How well the robot knew where it was, against the simulator's truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct EstimatorReport {
    /// Root mean square error of the base velocity, m/s.
    pub velocity_rmse_mps: f64,
    /// Position error in percent of the path, up to the first degraded sensor.
    pub drift_percent: f64,
}

/// What the planner did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BrainReport {
    /// What ran the model.
    pub backend: String,
    /// SHA-256 of the model file.
    pub model_sha256: String,
    /// Plans made.
    pub plans: u64,
    /// Plans that came too late to be used.
    pub late: u64,
    /// Plans the governor refused.
    pub refused: u64,
}

/// What the governor did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GovernorReport {
    /// The worst level of the run.
    pub max_level: Level,
    /// Each rule that acted, most frequent first.
    pub interventions: Vec<RuleCount>,
    /// Records that found no room on their way to the journal.
    pub records_lost: u32,
}

/// What the ground-force planner did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ForcePlannerReport {
    /// Solutions that took effect.
    pub solutions: u64,
    /// Ticks on which a solution was due and not there.
    pub late: u64,
    /// Problems without a solution.
    pub failed: u64,
    /// Ticks on which no torques within the limits were found for the forces.
    pub torques_failed: u64,
}

/// How often a rule acted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleCount {
    /// Its id.
    pub rule: String,
    /// The clause it serves.
    pub clause: String,
    /// What it found.
    pub title: String,
    /// What it found, in Chinese.
    pub title_zh: String,
    /// Ticks in which it acted.
    pub count: u64,
}

impl RuleCount {
    /// The rules with a count, most frequent first.
    #[must_use]
    pub fn list(counts: impl IntoIterator<Item = (governor::Rule, u64)>) -> Vec<Self> {
        let mut list: Vec<Self> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(rule, count)| Self {
                rule: rule.id().into(),
                clause: rule.clause().id().into(),
                title: rule.title().into(),
                title_zh: rule.title_chinese().into(),
                count,
            })
            .collect();
        list.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.rule.cmp(&b.rule)));
        list
    }
}

/// How a mission ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every step went as the mission says.
    #[default]
    Complete,
    /// A step did not.
    Failed,
    /// A person interrupted it; the robot settled.
    Interrupted,
    /// The governor stopped the robot where the mission did not expect it.
    SafetyStop,
}

impl Outcome {
    /// The outcome in plain English.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Complete => "mission complete",
            Self::Failed => "mission failed",
            Self::Interrupted => "interrupted by a person, robot settled",
            Self::SafetyStop => "stopped by the governor",
        }
    }

    /// The outcome in plain Chinese.
    #[must_use]
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Complete => "任务完成",
            Self::Failed => "任务失败",
            Self::Interrupted => "被人中断，机器人已趴下",
            Self::SafetyStop => "被安全层停止",
        }
    }
}

/// How the mission went.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MissionReport {
    /// How it ended.
    pub outcome: Outcome,
    /// What happened, in order.
    pub events: Vec<MissionEvent>,
}

/// One thing that happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MissionEvent {
    /// When, s.
    pub at_s: f64,
    /// What, in plain words.
    pub what: String,
    /// The rule that answered it, if one did.
    pub rule: Option<String>,
    /// It went as it should.
    pub ok: bool,
}

impl Report {
    /// An empty report of a run that has not begun.
    #[must_use]
    pub fn new(robot: &str, sim: &str, seed: u64, pace: &Pace) -> Self {
        Self {
            schema: SCHEMA,
            robot: robot.into(),
            sim: sim.into(),
            seed,
            time: if pace.is_real_time() { "real" } else { "virtual" },
            duration_s: 0.0,
            ticks: 0,
            falls: 0,
            distance_m: 0.0,
            goal_reached: false,
            collisions: 0,
            real_time_factor: 0.0,
            timing: LoopReport::default(),
            estimator: EstimatorReport::default(),
            brain: BrainReport::default(),
            force_planner: ForcePlannerReport::default(),
            joint_board: JointBoardReport::default(),
            network: None,
            governor: GovernorReport::default(),
            cycle_allocations: 0,
            limit_violations: 0,
            state_hash: String::new(),
            journal: JournalSummary::default(),
            config_hashes: BTreeMap::new(),
            missing: Vec::new(),
            mission: MissionReport::default(),
        }
    }

    /// The report as JSON, with a line break at the end. Numbers that are not finite become null.
    ///
    /// # Errors
    /// Never for this type; the encoder's signature says so.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Writes `report.json` and `report.html` into `folder`, each in one step.
    ///
    /// # Errors
    /// A file cannot be written; the other may have been.
    pub fn write(&self, folder: &std::path::Path, html: &str) -> std::io::Result<()> {
        let json = self.json().map_err(std::io::Error::other)?;
        write_file(folder, JSON_FILE, json.as_bytes())?;
        write_file(folder, HTML_FILE, html.as_bytes())
    }

    /// The folder the run lives in, as far as the journal's place tells.
    fn folder(&self) -> PathBuf {
        self.journal.path.parent().map(PathBuf::from).unwrap_or_default()
    }
}

/// A hash as reports write it: two lower-case digits a byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Report {
        let mut report = Report::new("quad12", "rapier", 7, &Pace::Virtual);
        report.duration_s = 60.0;
        report.ticks = 60_000;
        report.distance_m = 7.25;
        report.goal_reached = true;
        report.real_time_factor = 3.1;
        report.timing.rate_hz = 1000.0;
        report.governor.max_level = Level::Stopped;
        report.governor.interventions =
            RuleCount::list([(governor::Rule::Tilt, 0), (governor::Rule::PlanRange, 12)]);
        report.journal.path = PathBuf::from("runs/x/journal.mcap");
        report.mission.events = vec![MissionEvent {
            at_s: 31.25,
            what: "The brain asks for 5 m/s".into(),
            rule: Some("PLAN-RANGE".into()),
            ok: true,
        }];
        report
    }

    /// Clauses: E1, U1.
    #[test]
    fn the_json_has_the_promised_fields() {
        let json: serde_json::Value = serde_json::from_str(&sample().json().unwrap()).unwrap();
        for pointer in [
            "/schema",
            "/robot",
            "/sim",
            "/seed",
            "/duration_s",
            "/ticks",
            "/falls",
            "/distance_m",
            "/goal_reached",
            "/collisions",
            "/real_time_factor",
            "/loop/rate_hz",
            "/loop/lateness_us/p50",
            "/loop/lateness_us/p99",
            "/loop/lateness_us/p999",
            "/loop/lateness_us/max",
            "/loop/overruns",
            "/estimator/velocity_rmse_mps",
            "/estimator/drift_percent",
            "/brain/backend",
            "/brain/model_sha256",
            "/brain/plans",
            "/brain/late",
            "/brain/refused",
            "/governor/max_level",
            "/governor/interventions/0/rule",
            "/governor/interventions/0/clause",
            "/governor/interventions/0/title",
            "/governor/interventions/0/count",
            "/cycle_allocations",
            "/state_hash",
            "/journal/lost_ring",
            "/journal/lost_write",
            "/config_hashes",
            "/missing",
            "/mission/outcome",
            "/mission/events/0/at_s",
            "/mission/events/0/what",
            "/mission/events/0/rule",
            "/mission/events/0/ok",
        ] {
            assert!(json.pointer(pointer).is_some(), "{pointer}");
        }
        assert_eq!(json["schema"], SCHEMA);
        assert_eq!(json["governor"]["interventions"].as_array().unwrap().len(), 1);
        assert_eq!(json["governor"]["max_level"], "stopped");
    }
}
