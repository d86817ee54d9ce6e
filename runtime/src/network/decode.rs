//! Reads samples by their published schema alone: also those of topics this program knows nothing
//! of.

use bus::network::layout::{Header, Number, hash_text};
use serde_json::{Map, Value, json};
use signals::{Authority, Level, Mode};
use zerocopy::FromBytes;

use super::reach::clean;
use crate::words;

/// Most fields of a topic, and most bytes: more is no topic but a mistake or an attack.
const FIELDS_MAX: usize = 256;
const SIZE_MAX: usize = 1 << 20;

/// What a topic's samples are made of.
#[derive(Clone, Debug)]
pub struct Schema {
    /// `<layer>/<topic>`.
    pub key: String,
    /// What it is about.
    pub about: String,
    /// Hash of the layout.
    pub layout: u64,
    /// Bytes of the body.
    pub size: usize,
    /// Bytes of the code behind it.
    pub code: usize,
    /// Samples a second at most; zero where that depends on what happens.
    pub rate_hz: f64,
    /// The fields.
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Unit; empty for counts and names.
    pub unit: String,
    /// Frame; empty where that means nothing.
    pub frame: String,
    /// The field that counts its numbers in use.
    pub used_by: Option<usize>,
    /// How many numbers; 1 is a single one.
    pub count: usize,
    number: Number,
    offset: usize,
    /// Words for its numbers.
    words: Vec<(u64, String)>,
}

/// Why bytes are no sample of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too long or too short.
    Size,
    /// Of another layout.
    Layout,
}

impl Schema {
    /// Reads a schema, and checks that it describes what its hash says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let text = |of: &Value| clean(of.as_str().unwrap_or_default());
        let number = |name: &str| {
            let number = value[name].as_u64().and_then(|n| usize::try_from(n).ok());
            number.filter(|n| *n <= SIZE_MAX).ok_or_else(|| format!("its {name} is no size"))
        };
        if value["schema"] != "triune.topic/1" {
            return Err("this is no schema of the form triune.topic/1".into());
        }
        let listed = value["fields"].as_array().filter(|list| list.len() <= FIELDS_MAX);
        let listed = listed.ok_or_else(|| "it lists no fields, or too many".to_owned())?;
        let size = number("size")?;
        if number("header")? != size_of::<Header>() {
            return Err("its header is not the one of 32 bytes".into());
        }
        let mut fields: Vec<Field> = Vec::with_capacity(listed.len());
        for field in listed {
            let name = text(&field["name"]);
            let wrong = || format!("its field {name:?} cannot be read");
            let number = Number::of(field["type"].as_str().unwrap_or_default());
            let number = number.ok_or_else(wrong)?;
            let part = |of: &Value| of.as_u64().and_then(|n| usize::try_from(n).ok());
            let (offset, count) = (part(&field["offset"]), part(&field["count"]));
            let (offset, count) = (offset.ok_or_else(wrong)?, count.ok_or_else(wrong)?);
            let end = count.checked_mul(number.size()).and_then(|n| n.checked_add(offset));
            if count == 0 || end.is_none_or(|end| end > size) {
                return Err(wrong());
            }
            let (unit, frame) = (text(&field["unit"]), text(&field["frame"]));
            let used_by = field["used_by"].as_str();
            let used_by = used_by.and_then(|by| listed.iter().position(|f| f["name"] == by));
            let words = words_for(field["about"].as_str().unwrap_or_default());
            fields.push(Field { name, unit, frame, used_by, count, number, offset, words });
        }
        let (key, about) = (text(&value["key"]), text(&value["about"]));
        let (code, rate_hz) = (number("code")?, value["rate_hz"].as_f64().unwrap_or_default());
        let layout = hash(&fields);
        let said = value["layout"].as_str().unwrap_or_default();
        if said != hash_text(layout) {
            let ours = hash_text(layout);
            return Err(format!("its fields have the hash {ours}, but it says {:?}", clean(said)));
        }
        Ok(Self { key, about, layout, size, code, rate_hz, fields })
    }

    /// Header and body of a whole sample.
    ///
    /// # Errors
    /// It is none of this schema.
    pub fn read<'a>(&self, whole: &'a [u8]) -> Result<(Header, &'a [u8]), Refused> {
        let (header, rest) = Header::read_from_prefix(whole).map_err(|_| Refused::Size)?;
        if header.layout != self.layout {
            return Err(Refused::Layout);
        }
        let body = rest.get(..self.size).ok_or(Refused::Size)?;
        if rest.len() == self.size + self.code { Ok((header, body)) } else { Err(Refused::Size) }
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The numbers of `field` in use.
    #[must_use]
    pub fn in_use(&self, field: &Field, body: &[u8]) -> usize {
        let by = field.used_by.and_then(|at| self.fields.get(at));
        let used = by.map_or(Some(field.count as u64), |by| by.integer(body, 0));
        used.and_then(|used| usize::try_from(used).ok()).unwrap_or(0).min(field.count)
    }

    /// The value of `field` for programs: a number, a word, a text, or a list of those in use.
    #[must_use]
    pub fn value(&self, field: &Field, body: &[u8]) -> Value {
        if let Some(text) = field.text(body) {
            return text.into();
        }
        let one = |at| field.one(body, at);
        if field.count == 1 {
            return one(0);
        }
        (0..self.in_use(field, body)).map(one).collect()
    }

    /// All values for programs.
    #[must_use]
    pub fn values<'a>(&self, body: &[u8], of: impl Iterator<Item = &'a Field>) -> Value {
        let pairs = of.map(|field| (field.name.clone(), self.value(field, body)));
        Value::Object(pairs.collect::<Map<_, _>>())
    }

    /// The value of `field` for people, in lines of at most `width` letters.
    #[must_use]
    pub fn lines(
        &self,
        field: &Field,
        body: &[u8],
        joints: &[String],
        width: usize,
    ) -> Vec<String> {
        let used = self.in_use(field, body);
        let named = field.used_by.is_some_and(|at| {
            self.fields.get(at).is_some_and(|by| by.name == "joint_count" && used == joints.len())
        });
        let parts: Vec<String> = match field.text(body) {
            Some(text) => vec![text],
            None => (0..used).map(|at| field.shown(body, at)).collect(),
        };
        let label = |at: usize| joints.get(at).filter(|_| named).map(|name| format!("{name} "));
        let mut lines = vec![String::new()];
        for (at, part) in parts.iter().enumerate() {
            let part = label(at).unwrap_or_default() + part;
            let Some(line) = lines.last_mut() else { continue };
            if !line.is_empty() && line.chars().count() + 2 + part.chars().count() > width {
                lines.push(part);
            } else {
                line.push_str(if line.is_empty() { "" } else { "  " });
                line.push_str(&part);
            }
        }
        if let (Some(line), false) = (lines.last_mut(), field.is_text()) {
            for more in [&field.unit, &field.frame].into_iter().filter(|more| !more.is_empty()) {
                line.push_str("  ");
                line.push_str(more);
            }
        }
        lines
    }
}

impl Field {
    const fn is_text(&self) -> bool {
        matches!(self.number, Number::U8) && self.count > 1 && !self.unit.is_empty()
    }

    fn text(&self, body: &[u8]) -> Option<String> {
        let bytes = body.get(self.offset..self.offset + self.count).filter(|_| self.is_text())?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Some(clean(&String::from_utf8_lossy(bytes.get(..end)?)))
    }

    fn bytes<const N: usize>(&self, body: &[u8], at: usize) -> Option<[u8; N]> {
        let from = self.offset + at * self.number.size();
        body.get(from..from + N)?.try_into().ok()
    }

    /// A number that counts, `None` for one that does not.
    fn integer(&self, body: &[u8], at: usize) -> Option<u64> {
        match self.number {
            Number::U8 => self.bytes(body, at).map(|[byte]| byte.into()),
            Number::U32 => self.bytes(body, at).map(|b| u32::from_le_bytes(b).into()),
            Number::U64 => self.bytes(body, at).map(u64::from_le_bytes),
            Number::I32 | Number::F32 | Number::F64 => None,
        }
    }

    /// A number that measures.
    #[must_use]
    pub fn float(&self, body: &[u8], at: usize) -> Option<f64> {
        match self.number {
            // By its shortest digits: 0.1 of 32 bit is 0.1 and not 0.10000000149.
            Number::F32 => self
                .bytes(body, at)
                .map(f32::from_le_bytes)
                .map(|value| value.to_string().parse().unwrap_or_else(|_| f64::from(value))),
            Number::F64 => self.bytes(body, at).map(f64::from_le_bytes),
            _ => None,
        }
    }

    fn word(&self, body: &[u8], at: usize) -> Option<&str> {
        let number = self.integer(body, at)?;
        self.words.iter().find(|(of, _)| *of == number).map(|(_, word)| word.as_str())
    }

    /// JSON knows no number that is none: those are words.
    fn one(&self, body: &[u8], at: usize) -> Value {
        if let Some(word) = self.word(body, at) {
            return word.into();
        }
        match (self.float(body, at), self.integer(body, at)) {
            (Some(value), _) if value.is_finite() => json!(value),
            (Some(value), _) => value.to_string().into(),
            (None, Some(value)) => value.into(),
            (None, None) => self.signed(body, at).into(),
        }
    }

    fn signed(&self, body: &[u8], at: usize) -> Option<i32> {
        self.bytes(body, at).map(i32::from_le_bytes)
    }

    fn shown(&self, body: &[u8], at: usize) -> String {
        if let Some(word) = self.word(body, at) {
            return word.to_owned();
        }
        match (self.float(body, at), self.integer(body, at)) {
            (Some(value), _) => shown(value),
            (None, Some(value)) => value.to_string(),
            (None, None) => {
                self.signed(body, at).map(|value| value.to_string()).unwrap_or_default()
            }
        }
    }
}

/// Four digits that count.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 || !size.is_finite() => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 10.0 => format!("{value:.2}"),
        size if size == 0.0 || size >= 0.0005 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

/// The words for a field's numbers, from what is said about it: `as signals::Level counts`, or `0
/// limp, 1 stand, 2 walk`.
fn words_for(about: &str) -> Vec<(u64, String)> {
    let numbered = |names: Vec<&str>| {
        names.into_iter().map(str::to_owned).enumerate().map(|(n, w)| (n as u64, w)).collect()
    };
    let count = 0..=255_u8;
    if about.contains("signals::Level") {
        return numbered(words::LEVELS.map(Level::name).into());
    }
    if about.contains("signals::Mode") {
        return numbered(count.map_while(words::mode_numbered).map(Mode::name).collect());
    }
    if about.contains("signals::Posture") {
        return numbered(count.map_while(words::posture_numbered).map(words::posture).collect());
    }
    if about.contains("signals::Authority") {
        return numbered(AUTHORITIES.map(authority).into());
    }
    if about.contains("signals::Lifecycle") {
        let names = ["boot", "standby", "armed", "active", "damping", "torque_off", "fault"];
        return numbered(names.into());
    }
    let list = about.rsplit(": ").next().unwrap_or_default().trim_end_matches('.');
    let pair = |part: &str| {
        let (number, word) = part.trim().split_once(' ')?;
        Some((number.parse().ok()?, clean(word)))
    };
    let pairs: Option<Vec<(u64, String)>> = list.split(", ").map(pair).collect();
    pairs.filter(|pairs| pairs.len() > 1).unwrap_or_default()
}

const AUTHORITIES: [Authority; 4] =
    [Authority::None, Authority::Teleop, Authority::Brain, Authority::StopControl];

/// The word for who may ask the body to move.
#[must_use]
pub const fn authority(authority: Authority) -> &'static str {
    match authority {
        Authority::None => "nobody",
        Authority::Teleop => "teleop",
        Authority::Brain => "brain",
        Authority::StopControl => "stop control",
    }
}

/// The word for the authority of this number.
#[must_use]
pub fn authority_numbered(number: u32) -> &'static str {
    let known = usize::try_from(number).ok().and_then(|n| AUTHORITIES.get(n));
    known.map_or("unknown", |one| authority(*one))
}

/// FNV-1a, 64 bit, over the fields as bus::network::layout writes them.
fn hash(fields: &[Field]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for field in fields {
        let Field { name, unit, frame, count, offset, .. } = field;
        let number = field.number.name();
        for byte in format!("{name}:{number}:{offset}:{count}:{unit}:{frame};").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use bus::network::samples::{RecordSample, RulingSample, StateSample, schemas};
    use bus::network::topic::Topic;
    use zerocopy::IntoBytes;

    fn whole(topic_hash: u64, body: &[u8]) -> Vec<u8> {
        let header = Header { layout: topic_hash, session: 1, sequence: 7, at: 9 };
        [header.as_bytes(), body].concat()
    }

    #[test]
    fn every_topic_of_triune_can_be_read_without_knowing_it() {
        for schema in schemas() {
            let read = Schema::parse(&schema).unwrap();
            assert_eq!(hash_text(read.layout), schema["layout"].as_str().unwrap());
            let bytes = whole(read.layout, &vec![0; read.size + read.code]);
            let (_, body) = read.read(&bytes).unwrap();
            for field in &read.fields {
                assert!(!read.lines(field, body, &[], 80).is_empty());
                assert!(!read.value(field, body).is_null());
            }
        }
    }

    #[test]
    fn what_is_in_use_is_shown_with_names_and_words() {
        let schema = Schema::parse(&Topic::<StateSample>::out("a/b", 1.0).schema()).unwrap();
        let mut sample = StateSample { joint_count: 2, posture: 3, ..StateSample::default() };
        (sample.q[0], sample.q[1], sample.velocity[0]) = (0.1, f32::NAN, 12.3456);
        let body = sample.as_bytes();
        let q = schema.field("q").unwrap();
        assert_eq!(schema.value(q, body), json!([0.1, "NaN"]));
        let names = ["knee".to_owned(), "hip".to_owned()];
        assert_eq!(schema.lines(q, body, &names, 80), ["knee 0.100  hip NaN  rad  joint"]);
        assert_eq!(schema.lines(q, body, &names, 12), ["knee 0.100", "hip NaN  rad  joint"]);
        assert_eq!(schema.value(schema.field("posture").unwrap(), body), "walking");
        let velocity = schema.field("velocity").unwrap();
        assert_eq!(schema.lines(velocity, body, &names, 80)[0], "12.35  0.000  0.000  m/s  base");
        // More joints than there are room for: none beyond the array is read.
        sample.joint_count = u32::MAX;
        assert_eq!(schema.in_use(q, sample.as_bytes()), q.count);
    }

    #[test]
    fn text_and_lists_of_words_are_read() {
        let schema = Schema::parse(&Topic::<RecordSample>::out("a/b", 1.0).schema()).unwrap();
        let mut sample = RecordSample { kind: 5, joint: -1, ..RecordSample::default() };
        sample.said[..6].copy_from_slice(b"no\x1b[m.");
        sample.levels = [0, 6];
        let value = |name| schema.value(schema.field(name).unwrap(), sample.as_bytes());
        assert_eq!((value("said"), value("kind")), ("no[m.".into(), "act refused".into()));
        assert_eq!(value("levels"), json!(["NOMINAL", "SETTLE"]));
        assert_eq!(value("joint"), json!(-1));
        let ruling = Schema::parse(&Topic::<RulingSample>::out("a/b", 1.0).schema()).unwrap();
        let motion = ruling.field("motion").unwrap();
        assert_eq!(motion.words.len(), 7);
        assert_eq!(ruling.value(motion, RulingSample::default().as_bytes()), "limp");
    }

    #[test]
    fn a_schema_that_lies_is_refused_and_so_is_a_sample_of_another() {
        let good = Topic::<RulingSample>::out("a/b", 1.0).schema();
        let with = |name: &str, value: Value| {
            let mut bad = good.clone();
            bad[name] = value;
            Schema::parse(&bad)
        };
        for (name, value) in [
            ("layout", json!("0123456789abcdef")),
            ("schema", json!("x")),
            ("size", json!(4)),
            ("size", json!(1_u64 << 60)),
            ("header", json!(16)),
            ("fields", json!([{ "name": "a", "type": "u4", "offset": u64::MAX, "count": 2 }])),
            ("fields", json!([{ "name": "a", "type": "u3", "offset": 0, "count": 2 }])),
            ("fields", json!(null)),
        ] {
            assert!(with(name, value).is_err(), "{name}");
        }
        let schema = Schema::parse(&good).unwrap();
        let body = vec![0; schema.size];
        assert_eq!(schema.read(&whole(1, &body)).unwrap_err(), Refused::Layout);
        let long = whole(schema.layout, &[&body[..], &[0]].concat());
        assert_eq!(schema.read(&long).unwrap_err(), Refused::Size);
        assert_eq!(schema.read(&whole(schema.layout, &body[1..])).unwrap_err(), Refused::Size);
        assert_eq!(schema.read(&[0; 5]).unwrap_err(), Refused::Size);
    }
}
