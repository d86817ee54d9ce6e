//! Why the governor did something: a fixed-size record, and the sentence it makes for people.

use core::fmt::{self, Display, Formatter};

use signals::{Instant, JointId, Level, Mode, ModelHash};

use crate::Rule;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plan was not admitted, a whole command was replaced, or a reading was passed over.
    Refused,
    /// A request was carried out with a smaller number.
    Limited,
    /// The level of severity changed.
    LevelChanged,
    /// The mode of operation changed.
    ModeChanged,
    /// An act of a person took effect.
    ActAccepted,
    /// An act of a person was refused; `cause` says why.
    ActRefused,
}

/// Who brought it about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The governor itself.
    Governor,
    /// The planner.
    Brain,
    /// The motion controller or its estimator.
    Cerebellum,
    /// Sensors and drives.
    Body,
    /// A person.
    Operator,
    /// An authority or the maker, by a signed file.
    Outside,
}

/// What a decision was made with: hashes of the limits and of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// [`Envelope::id`](crate::Envelope::id) of the limits of the hardware.
    pub envelope: u64,
    /// [`Profile::id`](crate::Profile::id) of the limits of the deployment.
    pub profile: u64,
    /// The model of the plan concerned, else of the plan in force; zero without one.
    pub model: ModelHash,
}

/// One intervention. Numbers that do not apply are zero; their unit is then empty.
///
/// Clauses: E1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record {
    /// Number of the cycle it happened in.
    pub cycle: u64,
    /// Time of that cycle.
    pub at: Instant,
    /// The rule that acted.
    pub rule: Rule,
    /// What happened.
    pub kind: Kind,
    /// Who brought it about.
    pub actor: Actor,
    /// The joint concerned.
    pub joint: Option<JointId>,
    /// Sequence of the plan concerned.
    pub sequence: Option<u64>,
    /// For a refused act: the rule whose cause persists; none when there was nothing to do.
    pub cause: Option<Rule>,
    /// What was asked for, in [`Rule::unit`].
    pub asked: f32,
    /// What was allowed, in [`Rule::unit`].
    pub allowed: f32,
    /// What was measured, in [`Rule::measured_unit`] (of `cause` where there is one).
    pub measured: f32,
    /// The limit, in [`Rule::measured_unit`] (of `cause` where there is one).
    pub limit: f32,
    /// Level before.
    pub from: Level,
    /// Level after.
    pub to: Level,
    /// Mode before.
    pub from_mode: Mode,
    /// Mode after.
    pub to_mode: Mode,
    /// 1 for a single event and for the onset of a lasting one; more for the closing record of a
    /// lasting one, which then carries its worst tick.
    pub ticks: u32,
    /// What the decision was made with.
    pub hashes: Hashes,
}

impl Record {
    /// A record of one event without numbers; the ledger adds the cycle and the hashes.
    pub(crate) const fn of(rule: Rule, kind: Kind, actor: Actor) -> Self {
        Self {
            cycle: 0,
            at: Instant::ZERO,
            rule,
            kind,
            actor,
            joint: None,
            sequence: None,
            cause: None,
            asked: 0.0,
            allowed: 0.0,
            measured: 0.0,
            limit: 0.0,
            from: Level::Nominal,
            to: Level::Nominal,
            from_mode: Mode::Off,
            to_mode: Mode::Off,
            ticks: 1,
            hashes: Hashes { envelope: 0, profile: 0, model: ModelHash([0; 8]) },
        }
    }

    /// The record as one plain sentence; formatted when written, nothing is allocated.
    #[must_use]
    pub const fn sentence(&self, language: Language) -> Sentence<'_> {
        Sentence { record: self, language }
    }
}

/// Language of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

/// A record as a sentence.
///
/// Clauses: E1.
#[derive(Clone, Copy, Debug)]
pub struct Sentence<'a> {
    record: &'a Record,
    language: Language,
}

impl Display for Sentence<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.language {
            Language::English => english(self.record, f),
            Language::Chinese => chinese(self.record, f),
        }
    }
}

fn english(r: &Record, f: &mut Formatter<'_>) -> fmt::Result {
    let reason = r.cause.unwrap_or(r.rule);
    match r.kind {
        Kind::Refused => match r.sequence {
            Some(sequence) => write!(f, "Plan {sequence} was refused: {}", reason.title())?,
            None => write!(f, "The command was refused and the joints damped: {}", reason.title())?,
        },
        Kind::Limited => write!(f, "Limited: {}", reason.title())?,
        Kind::LevelChanged => {
            let (from, to) = (r.from.name(), r.to.name());
            write!(f, "Level {from} became {to}: {}", reason.title())?;
        }
        Kind::ModeChanged => {
            let (from, to) = (r.from_mode.name(), r.to_mode.name());
            write!(f, "Mode {from} became {to}: {}", reason.title())?;
        }
        Kind::ActAccepted => write!(f, "Accepted: {}", r.rule.title())?,
        Kind::ActRefused => {
            write!(f, "Refused: {}, but ", r.rule.title())?;
            f.write_str(r.cause.map_or(without_cause(r.rule)[0], Rule::title))?;
        }
    }
    if let Some(joint) = r.joint {
        write!(f, ", joint {}", joint.index())?;
    }
    numbers(r, reason, f, Language::English)?;
    write!(f, " (rule {}, clause {}", r.rule.id(), r.rule.clause())?;
    if r.ticks > 1 {
        write!(f, ", {} ticks", r.ticks)?;
    }
    f.write_str(").")
}

fn chinese(r: &Record, f: &mut Formatter<'_>) -> fmt::Result {
    let reason = r.cause.unwrap_or(r.rule);
    match r.kind {
        Kind::Refused => match r.sequence {
            Some(sequence) => write!(f, "计划 {sequence} 被拒绝：{}", reason.title_chinese())?,
            None => write!(f, "指令被拒绝并转为阻尼：{}", reason.title_chinese())?,
        },
        Kind::Limited => write!(f, "已限制：{}", reason.title_chinese())?,
        Kind::LevelChanged => {
            let (from, to) = (r.from.name(), r.to.name());
            write!(f, "级别由 {from} 变为 {to}：{}", reason.title_chinese())?;
        }
        Kind::ModeChanged => {
            let (from, to) = (r.from_mode.name(), r.to_mode.name());
            write!(f, "模式由 {from} 变为 {to}：{}", reason.title_chinese())?;
        }
        Kind::ActAccepted => write!(f, "已接受：{}", r.rule.title_chinese())?,
        Kind::ActRefused => {
            write!(f, "已拒绝：{}，原因：", r.rule.title_chinese())?;
            f.write_str(r.cause.map_or(without_cause(r.rule)[1], Rule::title_chinese))?;
        }
    }
    if let Some(joint) = r.joint {
        write!(f, "，关节 {}", joint.index())?;
    }
    numbers(r, reason, f, Language::Chinese)?;
    write!(f, "（规则 {}，条款 {}", r.rule.id(), r.rule.clause())?;
    if r.ticks > 1 {
        write!(f, "，{} 个周期", r.ticks)?;
    }
    f.write_str("）。")
}

/// Why an act without a cause was refused, in English and in Chinese.
const fn without_cause(rule: Rule) -> [&'static str; 2] {
    match rule {
        Rule::Notice => ["it is forged, replayed or expired", "它系伪造、重放或已过期"],
        _ => ["there is nothing to do in this mode", "此模式下无可执行之事"],
    }
}

/// The numbers that belong to the rule, each with its unit.
fn numbers(r: &Record, reason: Rule, f: &mut Formatter<'_>, language: Language) -> fmt::Result {
    let (comma, [asked, allowed, measured, limit]) = match language {
        Language::English => (", ", ["asked", "allowed", "measured", "limit"]),
        Language::Chinese => ("，", ["要求", "允许", "测得", "限值"]),
    };
    let mut pair = |words: [&str; 2], numbers: [f32; 2], unit: &str| -> fmt::Result {
        for (word, number) in words.into_iter().zip(numbers) {
            write!(f, "{comma}{word} ")?;
            write_number(f, number, unit, language)?;
        }
        Ok(())
    };
    let unit = reason.unit();
    if matches!(r.kind, Kind::Limited) && !unit.is_empty() {
        pair([asked, allowed], [r.asked, r.allowed], unit)?;
    }
    let unit = reason.measured_unit();
    if !matches!(r.kind, Kind::ActAccepted) && !unit.is_empty() {
        pair([measured, limit], [r.measured, r.limit], unit)?;
    }
    Ok(())
}

/// A number with about four digits and its unit; what is counted has no fraction and a word.
fn write_number(f: &mut Formatter<'_>, number: f32, unit: &str, language: Language) -> fmt::Result {
    let counted = match unit {
        "ticks" => Some("个周期"),
        "joints" => Some("个关节"),
        "plans" => Some("个计划"),
        "times" => Some("次"),
        _ => None,
    };
    let size = number.abs();
    let digits = match counted {
        Some(_) => 0,
        None if size >= 1000.0 => 0,
        None if size >= 100.0 => 1,
        None if size >= 10.0 => 2,
        None => 3,
    };
    let unit = match (language, counted, unit) {
        (Language::Chinese, Some(word), _) => word,
        (Language::Chinese, None, "of full") => "倍满电",
        _ => unit,
    };
    write!(f, "{number:.digits$} {unit}")
}
