//! The signed files: what stands in a profile, a permit and a notice, and what is wrong with them.

use governor::{
    Experiment, Grade, Intelligence, IntelligenceLevel, Permit, Polygon, Scenario, Tightening,
    WallTime,
};
use model::{Kinematics, LoadError, Robot, TomlSource};
use serde::Deserialize;
use signals::{Metres, MetresPerSecond};
use std::collections::BTreeMap;
use toml::value::Datetime;

use super::wall;

/// What Class I of ISO 10218-1 may weigh, kg, move at, m/s, and press with, N: by what the hardware
/// can do, not by a limiter.
const CLASS_ONE: [f64; 3] = [10.0, 0.25, 50.0];

type Checked<T> = Result<T, Box<LoadError>>;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    schema: String,
    name: String,
    robots: Vec<String>,
    scenario: String,
    intelligence: IntelligenceFile,
    assessment_id: Option<String>,
    disclosure_id: Option<String>,
    class: Option<String>,
    approved: Option<Approved>,
}

/// The versions that were approved, by SHA-256: those in use, and those of planned changes. Any
/// other version is an unplanned change of something that safety rests on.
///
/// Clauses: U3.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approved {
    /// Of `robot.toml` and its model file together, as `triune inspect robot` prints it.
    robot_sha256: Vec<String>,
    /// Of the policy's model, as `triune inspect policy` prints it.
    policy_sha256: Vec<String>,
}

/// The level in each dimension of T/CIE 298.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntelligenceFile {
    perception: String,
    decision: String,
    execution: String,
    collaboration: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PermitFile {
    schema: String,
    serial: u64,
    robots: Vec<String>,
    issued: Datetime,
    begins: Datetime,
    ends: Datetime,
    scenario: String,
    intelligence: IntelligenceFile,
    area_m: Vec<[f32; 2]>,
    #[serde(default)]
    experiment: BTreeMap<String, f32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeFile {
    schema: String,
    serial: u64,
    robots: Vec<String>,
    issued: Datetime,
    expires: Datetime,
    text: String,
    #[serde(default)]
    tighten: TightenFile,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TightenFile {
    speed: Option<f32>,
    intelligence: Option<String>,
    #[serde(default)]
    hold: bool,
}

/// A profile, read and checked.
#[derive(Clone, Debug)]
pub struct ProfileSheet {
    /// Short name.
    pub name: String,
    /// The cell.
    pub grade: Grade,
    /// What was approved; `None` where the profile approves nothing in particular.
    approved: Option<Approved>,
}

/// A permit, read and checked.
#[derive(Clone, Debug)]
pub struct PermitSheet {
    /// Rises with each permit of the issuer.
    pub serial: u64,
    /// When it was written.
    pub issued: WallTime,
    /// What it allows.
    pub permit: Permit,
}

/// A notice, read and checked.
#[derive(Clone, Debug)]
pub struct NoticeSheet {
    /// Rises with each notice of the issuer.
    pub serial: u64,
    /// When it was written.
    pub issued: WallTime,
    /// Not in force from then on.
    pub expires: WallTime,
    /// What it says.
    pub text: String,
    /// What it tightens.
    pub tighten: Tightening,
}

impl ProfileSheet {
    /// Reads a profile for `robot`.
    ///
    /// # Errors
    /// The first thing that is wrong, with key, rule and fix.
    pub fn parse(source: &TomlSource<'_>, robot: &Robot) -> Checked<Self> {
        let file: ProfileFile = source.read()?;
        schema(source, &file.schema, "triune.profile/1")?;
        for_this_robot(source, &file.robots, robot)?;
        let grade = grade(&file.scenario, &file.intelligence);
        let (key, id, risk) = if grade.is_high_risk() {
            ("assessment_id", &file.assessment_id, "a high-risk cell (C to E with L3 or more)")
        } else {
            ("disclosure_id", &file.disclosure_id, "a low-risk cell")
        };
        if id.as_ref().is_none_or(|id| id.trim().is_empty()) {
            let rule = format!("{risk} needs an {key}");
            let fix = "add the id under which it was assessed, or disclosed, before use";
            return Err(source.error(key, rule, fix));
        }
        match file.class.as_deref() {
            None => {}
            Some("I") => class_one(source, robot)?,
            Some(other) => {
                let rule = format!("class must be \"I\", found {other:?}");
                return Err(source.error("class", rule, "leave it out, or write \"I\""));
            }
        }
        Ok(Self { name: file.name, grade, approved: file.approved })
    }

    /// Robot and policy are versions that were approved.
    ///
    /// # Errors
    /// One of them is not: the change blocks until somebody has approved it.
    pub fn approves(&self, source: &TomlSource<'_>, robot: &str, policy: &str) -> Checked<()> {
        let Some(approved) = &self.approved else { return Ok(()) };
        for (key, list, found) in [
            ("approved.robot_sha256", &approved.robot_sha256, robot),
            ("approved.policy_sha256", &approved.policy_sha256, policy),
        ] {
            if !list.iter().any(|hash| hash == found) {
                let rule = format!("{found} is not among the versions that were approved");
                let fix = "a change that was not planned blocks: assess it, add it, sign again";
                return Err(source.error(key, rule, fix));
            }
        }
        Ok(())
    }
}

impl PermitSheet {
    /// Reads a permit for `robot`.
    ///
    /// # Errors
    /// As [`ProfileSheet::parse`].
    pub fn parse(source: &TomlSource<'_>, robot: &Robot) -> Checked<Self> {
        let file: PermitFile = source.read()?;
        schema(source, &file.schema, "triune.permit/1")?;
        for_this_robot(source, &file.robots, robot)?;
        let [issued, begins, ends] = [
            time(source, "issued", &file.issued)?,
            time(source, "begins", &file.begins)?,
            time(source, "ends", &file.ends)?,
        ];
        if begins >= ends || issued >= ends {
            let rule = "a permit must end after it begins and after it was issued".into();
            return Err(source.error("ends", rule, "correct the dates"));
        }
        let permit = Permit {
            area: area(source, &file.area_m)?,
            begins: begins.max(issued),
            ends,
            grade: grade(&file.scenario, &file.intelligence),
            experiment: experiment(source, &file.experiment)?,
        };
        Ok(Self { serial: file.serial, issued, permit })
    }
}

impl NoticeSheet {
    /// Reads a notice for `robot`.
    ///
    /// # Errors
    /// As [`ProfileSheet::parse`].
    pub fn parse(source: &TomlSource<'_>, robot: &Robot) -> Checked<Self> {
        let file: NoticeFile = source.read()?;
        schema(source, &file.schema, "triune.notice/1")?;
        for_this_robot(source, &file.robots, robot)?;
        let issued = time(source, "issued", &file.issued)?;
        let expires = time(source, "expires", &file.expires)?;
        if issued >= expires {
            let rule = "a notice must expire after it was issued".into();
            return Err(source.error("expires", rule, "correct the dates"));
        }
        let speed = file.tighten.speed.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&speed) {
            let rule = format!("{speed} is no part from 0 to 1: a notice may only tighten");
            return Err(source.error("tighten.speed", rule, "give the part of the speed to keep"));
        }
        let intelligence = file.tighten.intelligence.as_deref().map(IntelligenceLevel::of);
        let tighten = Tightening { speed, intelligence, hold: file.tighten.hold };
        Ok(Self { serial: file.serial, issued, expires, text: file.text, tighten })
    }
}

fn schema(source: &TomlSource<'_>, found: &str, wanted: &str) -> Checked<()> {
    if found == wanted {
        return Ok(());
    }
    let rule = format!("schema must be {wanted:?}, found {found:?}");
    Err(source.error("schema", rule, "use a file of this kind and version"))
}

fn for_this_robot(source: &TomlSource<'_>, robots: &[String], robot: &Robot) -> Checked<()> {
    let serial = robot.file.serial_number.as_ref();
    let named = |name: &String| *name == robot.file.name || Some(name) == serial;
    if robots.iter().any(named) {
        return Ok(());
    }
    let rule = format!("it is for {robots:?}, and this robot is {:?}", robot.file.name);
    Err(source.error("robots", rule, "name the robot or its serial number from robot.toml"))
}

fn grade(scenario: &str, levels: &IntelligenceFile) -> Grade {
    let IntelligenceFile { perception, decision, execution, collaboration } = levels;
    let intelligence = Intelligence {
        perception: IntelligenceLevel::of(perception),
        decision: IntelligenceLevel::of(decision),
        execution: IntelligenceLevel::of(execution),
        collaboration: IntelligenceLevel::of(collaboration),
    };
    Grade { scenario: Scenario::of(scenario), intelligence }
}

fn time(source: &TomlSource<'_>, key: &str, date: &Datetime) -> Checked<WallTime> {
    wall::of(date).ok_or_else(|| {
        let rule = format!("{date} is no date with time and offset");
        source.error(key, rule, "write it like 2026-03-01T08:00:00Z")
    })
}

fn area(source: &TomlSource<'_>, corners: &[[f32; 2]]) -> Checked<Polygon> {
    let most = governor::CORNERS_MAX;
    if !(3..=most).contains(&corners.len()) {
        let rule = format!("an area has 3 to {most} corners, found {}", corners.len());
        return Err(source.error("area_m", rule, "leave out corners that matter little"));
    }
    let far = |corner: &[f32; 2]| corner.iter().any(|number| number.abs() > 1e6);
    if let Some(at) = corners.iter().position(far) {
        let rule = "coordinates must be at most 1e6 m either way".into();
        return Err(source.error(&format!("area_m.{at}"), rule, "give metres from the start"));
    }
    let corners: Vec<_> = corners.iter().map(|corner| corner.map(Metres)).collect();
    Polygon::new(&corners).ok_or_else(|| {
        let rule = "edges touch or cross each other".into();
        source.error("area_m", rule, "list the corners once around, each one once")
    })
}

fn experiment(source: &TomlSource<'_>, file: &BTreeMap<String, f32>) -> Checked<Experiment> {
    let mut experiment = Experiment::default();
    for (name, number) in file {
        let key = format!("experiment.{name}");
        let place = match name.as_str() {
            "base_max_m_s" => &mut experiment.base,
            "tool_max_m_s" => &mut experiment.tool,
            _ => {
                let rule = format!(
                    "a permit may try base_max_m_s and tool_max_m_s in place of the grid's; \
                     {name:?} would relax the robot's own limits, its stops or its oversight"
                );
                let fix = "remove it: no permit relaxes the groups O and S, or the robot's limits";
                return Err(source.error(&key, rule, fix));
            }
        };
        if !(0.0..=20.0).contains(number) {
            let rule = format!("{number} must lie between 0 and 20 m/s");
            return Err(source.error(&key, rule, "choose a speed in that range"));
        }
        *place = Some(MetresPerSecond(*number));
    }
    Ok(experiment)
}

/// The class needs a robot that cannot do more: what it weighs, and what one joint alone can do to
/// a foot where it stands. More than that is a bound from below, which is enough to refuse.
///
/// Clauses: H3.
fn class_one(source: &TomlSource<'_>, robot: &Robot) -> Checked<()> {
    let mut kinematics = Kinematics::new(&robot.model);
    kinematics.update(&robot.model, &robot.stand.joints);
    let limits: Vec<_> = robot.limits.joints.iter().collect();
    let (mut speed, mut force) = (0.0_f64, 0.0_f64);
    for foot in &robot.feet {
        let at = kinematics.point(&robot.model, foot.frame);
        for &joint in &foot.chain {
            let lever = kinematics.column(&robot.model, joint, &at).norm();
            if let Some(limits) = limits.get(joint) {
                speed = speed.max(lever * f64::from(limits.no_load_speed.0));
                force = force.max(f64::from(limits.tau_max.0) / lever.max(1e-3));
            }
        }
    }
    let found = [robot.model.mass(), speed, force];
    let too_much = found.iter().zip(CLASS_ONE).any(|(found, most)| *found > most);
    if !too_much && !robot.feet.is_empty() {
        return Ok(());
    }
    let [mass, speed, force] = found;
    let rule = format!(
        "class I is for hardware that cannot exceed 10 kg, 0.25 m/s and 50 N; this robot weighs \
         {mass:.1} kg, and one joint alone can move a foot at {speed:.1} m/s or press with \
         {force:.0} N"
    );
    Err(source.error("class", rule, "leave the class out: a limiter does not make a class I"))
}
