//! The JSON messages of the journal, written for people and for Foxglove. They name rules and
//! joints, so that a journal can be read without the program that made it.

use governor::{Actor, Kind, Language, Record};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signals::ModelHash;

use super::{Event, EventKind, Label, Tick};
use crate::words;

/// One intervention of the governor. Numbers that are not finite are null.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordLine {
    /// Number of the cycle.
    pub cycle: u64,
    /// Time of the cycle, s.
    pub at_s: f64,
    /// Rule that acted.
    pub rule: String,
    /// Clause the rule serves.
    pub clause: String,
    /// What the rule found.
    pub title: String,
    /// What happened: refused, limited, level, mode, act_accepted, act_refused.
    pub kind: String,
    /// Who brought it about.
    pub actor: String,
    /// Joint concerned.
    pub joint: Option<String>,
    /// Sequence of the plan concerned.
    pub sequence: Option<u64>,
    /// Rule whose cause persists.
    pub cause: Option<String>,
    /// What was asked for, in `unit`.
    pub asked: Option<f32>,
    /// What was allowed, in `unit`.
    pub allowed: Option<f32>,
    /// Unit of asked and allowed; empty where these numbers mean nothing.
    pub unit: String,
    /// What was measured, in `measured_unit`.
    pub measured: Option<f32>,
    /// The limit, in `measured_unit`.
    pub limit: Option<f32>,
    /// Unit of measured and limit; empty where these numbers mean nothing.
    pub measured_unit: String,
    /// Level before.
    pub from: String,
    /// Level after.
    pub to: String,
    /// Mode before.
    pub from_mode: String,
    /// Mode after.
    pub to_mode: String,
    /// How many ticks it lasted.
    pub ticks: u32,
    /// Hash of the limits of the hardware, 16 hexadecimal digits.
    pub envelope: String,
    /// Hash of the limits of the deployment, 16 hexadecimal digits.
    pub profile: String,
    /// First 16 hexadecimal digits of the hash of the model whose plan it concerns; null without
    /// one.
    pub model: Option<String>,
    /// All of it as an English sentence.
    pub sentence: String,
    /// All of it as a Chinese sentence.
    pub sentence_zh: String,
}

impl RecordLine {
    /// The line for `record`; `joints` are the names of the robot's joints.
    #[must_use]
    pub fn of(record: &Record, joints: &[String]) -> Self {
        let reason = record.cause.unwrap_or(record.rule);
        let finite = |number: f32| number.is_finite().then_some(number);
        Self {
            cycle: record.cycle,
            at_s: record.at.as_seconds(),
            rule: record.rule.id().into(),
            clause: record.rule.clause().id().into(),
            title: record.rule.title().into(),
            kind: kind(record.kind).into(),
            actor: actor(record.actor).into(),
            joint: record.joint.map(|id| {
                joints.get(id.index()).cloned().unwrap_or_else(|| id.index().to_string())
            }),
            sequence: record.sequence,
            cause: record.cause.map(|rule| rule.id().into()),
            asked: finite(record.asked),
            allowed: finite(record.allowed),
            unit: reason.unit().into(),
            measured: finite(record.measured),
            limit: finite(record.limit),
            measured_unit: reason.measured_unit().into(),
            from: record.from.name().into(),
            to: record.to.name().into(),
            from_mode: record.from_mode.name().into(),
            to_mode: record.to_mode.name().into(),
            ticks: record.ticks,
            envelope: format!("{:016x}", record.hashes.envelope),
            profile: format!("{:016x}", record.hashes.profile),
            model: model(record.hashes.model),
            sentence: record.sentence(Language::English).to_string(),
            sentence_zh: record.sentence(Language::Chinese).to_string(),
        }
    }
}

/// The digits that the hash on the card of the policy begins with; none without a model.
fn model(hash: ModelHash) -> Option<String> {
    let known = hash != ModelHash::default();
    known.then(|| format!("{:016x}", u64::from_be_bytes(hash.0)))
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Refused => "refused",
        Kind::Limited => "limited",
        Kind::LevelChanged => "level",
        Kind::ModeChanged => "mode",
        Kind::ActAccepted => "act_accepted",
        Kind::ActRefused => "act_refused",
    }
}

const fn actor(actor: Actor) -> &'static str {
    match actor {
        Actor::Governor => "governor",
        Actor::Brain => "brain",
        Actor::Cerebellum => "cerebellum",
        Actor::Body => "body",
        Actor::Operator => "operator",
        Actor::Outside => "outside",
    }
}

/// One event of the mission.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// Number of the cycle.
    pub cycle: u64,
    /// When, s.
    pub at_s: f64,
    /// Kind, see [`EventKind::id`].
    pub kind: String,
    /// Short text.
    pub label: String,
    /// Numbers, see [`EventKind`].
    pub values: [Option<f32>; 4],
    /// All of it in English.
    pub sentence: String,
    /// All of it in Chinese.
    pub sentence_zh: String,
}

impl EventLine {
    /// The line for `event`.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            cycle: event.cycle,
            at_s: event.at.as_seconds(),
            kind: event.kind.id().into(),
            label: event.label.as_str().into(),
            values: event.values.map(|number| number.is_finite().then_some(number)),
            sentence: event.english(),
            sentence_zh: event.chinese(),
        }
    }

    /// The event again; `None` for a kind this program does not know.
    #[must_use]
    pub fn event(&self) -> Option<Event> {
        Some(Event {
            at: signals::Instant::from_nanos((self.at_s * 1e9).round() as u64),
            cycle: self.cycle,
            kind: EventKind::with_id(&self.kind)?,
            values: self.values.map(|number| number.unwrap_or(f32::NAN)),
            label: Label::new(&self.label),
        })
    }
}

/// Level and speeds, at each change and twenty times a second, for plots in other programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelLine {
    /// When, s.
    pub at_s: f64,
    /// Level.
    pub level: String,
    /// Level as a number, 0 harmless.
    pub severity: u8,
    /// Mode.
    pub mode: String,
    /// Posture.
    pub posture: String,
    /// Forward speed the plan asked for, m/s.
    pub asked_forward: Option<f32>,
    /// Forward speed admitted, m/s.
    pub admitted_forward: Option<f32>,
    /// Forward speed measured, m/s.
    pub measured_forward: Option<f32>,
}

impl LevelLine {
    /// The line for `tick`.
    #[must_use]
    pub fn of(tick: &Tick) -> Self {
        let finite = |number: f32| number.is_finite().then_some(number);
        Self {
            at_s: tick.at.as_seconds(),
            level: tick.level.name().into(),
            severity: tick.level as u8,
            mode: tick.mode.name().into(),
            posture: words::posture(tick.posture).into(),
            asked_forward: tick.asked.and_then(|asked| finite(asked.forward.0)),
            admitted_forward: finite(tick.admitted.forward.0),
            measured_forward: finite(tick.measured.forward.0),
        }
    }
}

/// JSON schema of [`RecordLine`].
pub(super) fn record_schema() -> String {
    let mut fields = object(&[
        ("cycle", "integer"),
        ("at_s", "number"),
        ("ticks", "integer"),
        ("sequence", "integer"),
    ]);
    for name in ["asked", "allowed", "measured", "limit"] {
        fields.insert(name.into(), json!({ "type": ["number", "null"] }));
    }
    for name in [
        "rule",
        "clause",
        "title",
        "kind",
        "actor",
        "joint",
        "cause",
        "unit",
        "measured_unit",
        "from",
        "to",
        "from_mode",
        "to_mode",
        "envelope",
        "profile",
        "model",
        "sentence",
        "sentence_zh",
    ] {
        fields.insert(name.into(), json!({ "type": "string" }));
    }
    schema("triune.intervention/1", fields)
}

/// JSON schema of [`EventLine`].
pub(super) fn event_schema() -> String {
    let mut fields = object(&[
        ("cycle", "integer"),
        ("at_s", "number"),
        ("kind", "string"),
        ("label", "string"),
        ("sentence", "string"),
        ("sentence_zh", "string"),
    ]);
    fields.insert(
        "values".into(),
        json!({ "type": "array", "items": { "type": ["number", "null"] } }),
    );
    schema("triune.event/1", fields)
}

/// JSON schema of [`LevelLine`].
pub(super) fn level_schema() -> String {
    let fields = object(&[
        ("at_s", "number"),
        ("level", "string"),
        ("severity", "integer"),
        ("mode", "string"),
        ("posture", "string"),
        ("asked_forward", "number"),
        ("admitted_forward", "number"),
        ("measured_forward", "number"),
    ]);
    schema("triune.level/1", fields)
}

type Fields = serde_json::Map<String, serde_json::Value>;

fn object(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect()
}

fn schema(title: &str, fields: Fields) -> String {
    json!({ "title": title, "type": "object", "properties": fields }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use signals::Instant;

    /// Clauses: E1.
    #[test]
    fn every_field_is_in_the_schema() {
        let check = |schema: String, line: serde_json::Value| {
            let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
            let mut known: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
            let mut used: Vec<_> = line.as_object().unwrap().keys().collect();
            known.sort();
            used.sort();
            assert_eq!(known, used);
        };
        let event = Event::new(Instant::from_nanos(1_000_000), 1, EventKind::Shove, "");
        check(record_schema(), json!(RecordLine::default()));
        check(event_schema(), json!(EventLine::of(&event)));
        check(level_schema(), json!(LevelLine::of(&Tick::default())));
        assert_eq!(EventLine::of(&event).event(), Some(event));
    }
}
