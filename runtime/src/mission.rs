//! A mission: what happens to the robot, step by step, and what must answer it.

use governor::{Kind, Record};
use model::{LoadError, Robot, TomlSource};
use serde::Deserialize;
use signals::{Level, Mode, Posture};

use crate::brain_thread::Lie;

/// A mission file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mission {
    /// `triune.mission/1`.
    pub schema: String,
    /// Short name.
    pub name: String,
    /// The steps, in order.
    pub step: Vec<Step>,
}

/// One step: it acts, waits for its condition, stays a while, and then judges what answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What happens, in plain words.
    pub say: String,
    /// What is done at its beginning.
    #[serde(default)]
    pub act: Act,
    /// It lasts at least until this holds.
    #[serde(default)]
    pub until: Condition,
    /// The condition must hold by then, s.
    #[serde(default = "default_timeout")]
    pub timeout_s: f64,
    /// It stays this long after its condition holds, s.
    #[serde(default)]
    pub hold_s: f64,
    /// Rules that must have answered by its end: `RULE` or `RULE:refused`.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

const fn default_timeout() -> f64 {
    10.0
}

/// Where the robot is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The goal of the yard.
    Yard,
    /// Where it started.
    Home,
}

/// What a step does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Nothing.
    #[default]
    Wait,
    /// A person starts the robot.
    Start,
    /// A person asks for a reset.
    Reset,
    /// A person presses stop.
    PressStop,
    /// A person releases stop.
    ReleaseStop,
    /// The brain gets a goal.
    Goal(Goal),
    /// A person takes over and holds the stick like this.
    TakeOver {
        /// m/s.
        forward_m_s: f32,
        /// rad/s.
        #[serde(default)]
        yaw_rad_s: f32,
    },
    /// The person hands back to the brain.
    HandBack,
    /// The base is pushed.
    Push {
        /// World frame, N.
        force_n: [f32; 3],
        /// s.
        duration_s: f64,
    },
    /// Something pushes the link of a joint.
    PushJoint {
        /// The joint.
        joint: String,
        /// About it.
        torque_nm: f32,
        /// s.
        duration_s: f64,
    },
    /// The joint of this name jams.
    JamJoint(String),
    /// It moves again.
    FreeJoint(String),
    /// The brain's next plan is wrong.
    Lie(Lie),
    /// The brain thread ends.
    KillBrain,
    /// It is started again.
    ReviveBrain,
    /// The encoder of the joint of this name stops.
    FreezeJoint(String),
    /// It works again.
    ThawJoint(String),
}

/// What a step waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Nothing.
    #[default]
    Now,
    /// Ready to be started.
    Inhibited,
    /// On its feet.
    Standing,
    /// Stepping.
    Walking,
    /// A person drives.
    Manual,
    /// At the goal.
    Goal,
    /// Level HOLD, standing.
    Hold,
    /// Level STOPPED.
    Stopped,
    /// Joints on their way to a posture.
    Moving,
    /// Every joint where the posture of this name has it.
    At(String),
}

/// A rule that must answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Expectation {
    /// Its id.
    pub rule: String,
    /// It must refuse, not only act.
    pub refused: bool,
}

impl From<String> for Expectation {
    fn from(text: String) -> Self {
        let refused = text.ends_with(":refused");
        Self { rule: text.trim_end_matches(":refused").to_owned(), refused }
    }
}

impl Expectation {
    /// `record` is what was expected.
    #[must_use]
    pub fn met_by(&self, record: &Record) -> bool {
        let refused = matches!(record.kind, Kind::Refused | Kind::ActRefused);
        record.rule.id() == self.rule && refused == self.refused
    }
}

impl Mission {
    /// Nothing happens, and that never ends.
    #[must_use]
    pub fn stay() -> Self {
        let say = "until Ctrl-C".to_owned();
        let (act, until, expect) = (Act::Wait, Condition::Now, Vec::new());
        let (timeout_s, hold_s) = (f64::INFINITY, f64::INFINITY);
        let step = vec![Step { say, act, until, timeout_s, hold_s, expect }];
        Self { schema: "triune.mission/1".into(), name: "stay".into(), step }
    }

    /// Reads and checks a mission; `file` is only a name for messages.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, key, rule and fix.
    pub fn parse(file: &str, text: &str) -> Result<Self, Box<LoadError>> {
        let source = TomlSource::new(file, text);
        let mission: Self = source.read()?;
        if mission.schema != "triune.mission/1" {
            let rule = format!("schema must be \"triune.mission/1\", found {:?}", mission.schema);
            return Err(source.error("schema", rule, "use a mission file of this version"));
        }
        for (number, step) in mission.step.iter().enumerate() {
            for (of, expectation) in step.expect.iter().enumerate() {
                if !governor::Rule::ALL.iter().any(|rule| rule.id() == expectation.rule) {
                    let rule = format!("{:?} is not a rule of the governor", expectation.rule);
                    let key = format!("step.{number}.expect.{of}");
                    return Err(source.error(&key, rule, "use an id that `triune why` prints"));
                }
            }
            if step.timeout_s < 0.0 || step.hold_s < 0.0 {
                let rule = "timeout_s and hold_s must not be negative".into();
                let key = format!("step.{number}.hold_s");
                return Err(source.error(&key, rule, "use a length of time in seconds"));
            }
        }
        Ok(mission)
    }

    /// As [`Mission::parse`], and every joint and posture it names is one of `robot`.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, key, rule and fix.
    pub fn parse_for(file: &str, text: &str, robot: &Robot) -> Result<Self, Box<LoadError>> {
        let mission = Self::parse(file, text)?;
        for (number, step) in mission.step.iter().enumerate() {
            let joint = match &step.act {
                Act::PushJoint { joint, .. } => Some(joint),
                Act::JamJoint(joint)
                | Act::FreeJoint(joint)
                | Act::FreezeJoint(joint)
                | Act::ThawJoint(joint) => Some(joint),
                _ => None,
            };
            let unknown = joint.filter(|name| robot.model.joint(name).is_none());
            if let Some(name) = unknown {
                let rule = format!("{name:?} is not a joint of {}", robot.file.name);
                let error = TomlSource::new(file, text);
                let fix = "name a joint of the robot, or give a mission for it with --mission";
                return Err(error.error(&format!("step.{number}.act"), rule, fix));
            }
            if let Condition::At(name) = &step.until
                && !robot.postures.contains_key(name)
            {
                let rule = format!("{name:?} is not a posture of {}", robot.file.name);
                let error = TomlSource::new(file, text);
                let fix = "name a table under [postures] of its robot.toml";
                return Err(error.error(&format!("step.{number}.until"), rule, fix));
            }
        }
        Ok(mission)
    }

    /// The first step that disturbs the body, counted from 1: only a simulated one can be so.
    #[must_use]
    pub fn first_disturbance(&self) -> Option<(usize, &Step)> {
        (1..).zip(&self.step).find(|(_, step)| step.act.disturbs_the_body())
    }
}

impl Act {
    /// It is something that happens to the body, and not what a person or a brain does.
    const fn disturbs_the_body(&self) -> bool {
        matches!(
            self,
            Self::Push { .. }
                | Self::PushJoint { .. }
                | Self::JamJoint(_)
                | Self::FreeJoint(_)
                | Self::FreezeJoint(_)
                | Self::ThawJoint(_)
        )
    }
}

/// What a mission may look at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Time of the robot's clock, s.
    pub now_s: f64,
    /// Severity.
    pub level: Level,
    /// Kind of operation.
    pub mode: Mode,
    /// What the controller does.
    pub posture: Posture,
    /// The robot is at its goal.
    pub at_goal: bool,
    /// The joints are where the posture of this name has them.
    pub is_at: &'a dyn Fn(&str) -> bool,
}

impl Condition {
    fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Self::Now => true,
            Self::Inhibited => view.mode == Mode::Inhibited && view.level < Level::Limited,
            Self::Standing => view.posture == Posture::Standing,
            Self::Walking => view.posture == Posture::Walking,
            Self::Manual => view.mode == Mode::Manual && view.posture == Posture::Walking,
            Self::Goal => view.at_goal,
            Self::Hold => view.level == Level::Hold && view.posture == Posture::Standing,
            Self::Stopped => view.level == Level::Stopped,
            Self::Moving => view.posture == Posture::Moving,
            Self::At(name) => (view.is_at)(name),
        }
    }
}

/// How one step went.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// When it began, s.
    pub began_s: f64,
    /// What happened.
    pub say: String,
    /// The rule that answered, if one was expected and did.
    pub rule: Option<String>,
    /// Its condition came in time and every expected rule answered.
    pub ok: bool,
}

/// Where a mission stands.
#[derive(Clone, Debug)]
pub struct Progress {
    mission: Mission,
    at: usize,
    began_s: Option<f64>,
    held_since_s: Option<f64>,
    missing: Vec<Expectation>,
    answered: Option<String>,
    /// How the steps went so far.
    pub results: Vec<StepResult>,
}

impl Progress {
    /// At the beginning of `mission`.
    #[must_use]
    pub const fn new(mission: Mission) -> Self {
        Self {
            mission,
            at: 0,
            began_s: None,
            held_since_s: None,
            missing: Vec::new(),
            answered: None,
            results: Vec::new(),
        }
    }

    /// Every step is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.at >= self.mission.step.len()
    }

    /// What the present step says.
    #[must_use]
    pub fn saying(&self) -> &str {
        self.mission.step.get(self.at).map_or("done", |step| step.say.as_str())
    }

    /// A record of the governor, for the step that waits for it.
    pub fn hear(&mut self, record: &Record) {
        if let Some(met) = self.missing.iter().position(|expected| expected.met_by(record)) {
            self.answered = Some(self.missing.swap_remove(met).rule);
        }
    }

    /// One tick: the step that begins now, if one does.
    pub fn advance(&mut self, view: &View<'_>) -> Option<Step> {
        let step = self.mission.step.get(self.at)?;
        let Some(began) = self.began_s else {
            self.began_s = Some(view.now_s);
            self.missing.clone_from(&step.expect);
            self.answered = None;
            return Some(step.clone());
        };
        // The act takes effect in the next cycle; a condition of this one is the step's before.
        if view.now_s - began < 0.01 {
            return None;
        }
        if self.held_since_s.is_none() && step.until.holds(view) {
            self.held_since_s = Some(view.now_s);
        }
        let timed_out = self.held_since_s.is_none() && view.now_s - began > step.timeout_s;
        let over = self.held_since_s.is_some_and(|since| view.now_s - since >= step.hold_s);
        if timed_out || over {
            let ok = !timed_out && self.missing.is_empty();
            let (say, rule) = (step.say.clone(), self.answered.take());
            self.results.push(StepResult { began_s: began, say, rule, ok });
            (self.at, self.began_s, self.held_since_s) = (self.at + 1, None, None);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: C1.
    #[test]
    fn a_mission_names_only_what_the_robot_has() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/so101");
        let robot = Robot::load(std::path::Path::new(folder)).unwrap();
        let text = std::fs::read_to_string(format!("{folder}/missions/demo.toml")).unwrap();
        assert!(Mission::parse_for("demo.toml", &text, &robot).is_ok());
        for (from, to, words) in [
            ("jam_joint = \"elbow_flex\"", "jam_joint = \"elbow\"", "\"elbow\" is not a joint"),
            ("joint = \"shoulder_pan\"", "joint = \"pan\"", "\"pan\" is not a joint"),
            ("at = \"carry\"", "at = \"karry\"", "\"karry\" is not a posture"),
        ] {
            assert!(text.contains(from), "{from}");
            let text = text.replacen(from, to, 1);
            let error = Mission::parse_for("demo.toml", &text, &robot).unwrap_err().to_string();
            assert!(error.contains(words) && error.contains("step."), "{error}");
        }
        let quadruped = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
        let quadruped = Robot::load(std::path::Path::new(quadruped)).unwrap();
        assert!(Mission::parse_for("demo.toml", &text, &quadruped).is_err());
    }

    fn view(now_s: f64, posture: Posture) -> View<'static> {
        let is_at: &dyn Fn(&str) -> bool = &|_| false;
        View { now_s, level: Level::Nominal, mode: Mode::Auto, posture, at_goal: false, is_at }
    }

    /// Clauses: C1.
    #[test]
    fn the_demo_reads_and_names_only_known_rules() {
        let text = include_str!("../../robots/quadruped/missions/demo.toml");
        let mission = Mission::parse("demo.toml", text).unwrap();
        assert!(mission.step.len() > 15);
        let (number, step) = mission.first_disturbance().unwrap();
        assert!(step.act.disturbs_the_body() && mission.step[number - 1].say == step.say);
        let broken = text.replacen("PLAN-RANGE", "PLAN-RAGE", 1);
        let error = Mission::parse("demo.toml", &broken).unwrap_err();
        assert!(error.rule.contains("PLAN-RAGE") && error.line_column().is_some(), "{error}");
    }

    #[test]
    fn a_step_waits_holds_and_fails_late() {
        let text = "schema = \"triune.mission/1\"\nname = \"t\"\n[[step]]\nsay = \"up\"\n\
                    act = \"start\"\nuntil = \"standing\"\ntimeout_s = 1.0\nhold_s = 0.5\n\
                    [[step]]\nsay = \"on\"\nuntil = \"walking\"\ntimeout_s = 1.0\n";
        let mut progress = Progress::new(Mission::parse("t", text).unwrap());
        assert_eq!(progress.advance(&view(0.0, Posture::Limp)).unwrap().act, Act::Start);
        assert!(progress.advance(&view(0.5, Posture::Standing)).is_none());
        progress.advance(&view(0.9, Posture::Standing));
        assert!(progress.results.is_empty());
        progress.advance(&view(1.0, Posture::Standing));
        assert!(progress.results[0].ok);
        progress.advance(&view(1.1, Posture::Standing));
        progress.advance(&view(2.2, Posture::Standing));
        assert!(progress.is_over() && !progress.results[1].ok);
    }
}
