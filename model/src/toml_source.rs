//! A TOML file with its text kept, so that every error can point at the place it means.

use std::fmt;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a file: where, which rule, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file, as given.
    pub file: String,
    /// Its text; empty where it could not be read.
    pub text: String,
    /// Bytes of `text` the error is about.
    pub span: Option<Range<usize>>,
    /// Dotted key, or the element of a model file; empty where none applies.
    pub key: String,
    /// The rule that is broken, with the value found.
    pub rule: String,
    /// What to do about it.
    pub fix: String,
}

impl LoadError {
    /// Line and column of the error, from 1.
    #[must_use]
    pub fn line_column(&self) -> Option<(usize, usize)> {
        let before = self.text.get(..self.span.as_ref()?.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
        Some((line, column))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some((line, column)) = self.line_column() {
            write!(f, ":{line}:{column}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}. Fix: {}", self.rule, self.fix)
    }
}

impl std::error::Error for LoadError {}

/// The text of one TOML file.
///
/// Clauses: C1.
#[derive(Clone, Debug)]
pub struct TomlSource<'t> {
    file: &'t str,
    text: &'t str,
}

impl<'t> TomlSource<'t> {
    /// `file` is only a name for messages.
    #[must_use]
    pub const fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, text }
    }

    /// Reads the file strictly: no unknown key, no missing key, no number that is not finite.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Box<LoadError>> {
        let table = DeTable::parse(self.text).map_err(|error| self.syntax(&error))?;
        if let Some((key, span, found)) = non_finite(table.get_ref(), "") {
            return Err(Box::new(LoadError {
                span: Some(span),
                rule: format!("every number must be finite, found {found}"),
                fix: "write a finite number in the unit that the key names".into(),
                ..self.blank(key)
            }));
        }
        toml::from_str(self.text).map_err(|error| self.syntax(&error))
    }

    /// An error about the value at `key` (dotted; list items by number).
    #[must_use]
    pub fn error(&self, key: &str, rule: String, fix: &str) -> Box<LoadError> {
        let span = DeTable::parse(self.text).ok().and_then(|table| find(table.get_ref(), key));
        Box::new(LoadError { span, rule, fix: fix.into(), ..self.blank(key.into()) })
    }

    /// There is something at `key` (dotted, of tables).
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        DeTable::parse(self.text).is_ok_and(|table| holds(table.get_ref(), key))
    }

    fn syntax(&self, error: &toml::de::Error) -> Box<LoadError> {
        let message = error.message().trim().replace('\n', ", ");
        let fix = if message.contains("unknown field") {
            "remove the key, or spell it like one of those expected"
        } else if message.contains("missing field") {
            "add the key; every key of this table is required"
        } else {
            "write the value in the form the rule names"
        };
        let span = error.span();
        Box::new(LoadError { span, rule: message, fix: fix.into(), ..self.blank(String::new()) })
    }

    fn blank(&self, key: String) -> LoadError {
        LoadError {
            file: self.file.into(),
            text: self.text.into(),
            span: None,
            key,
            rule: String::new(),
            fix: String::new(),
        }
    }
}

fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") }
}

/// The first number that is NaN or infinite: its key, place and text.
fn non_finite(table: &DeTable<'_>, prefix: &str) -> Option<(String, Range<usize>, String)> {
    table.iter().find_map(|(key, value)| {
        non_finite_value(value.get_ref(), &value.span(), &join(prefix, key.get_ref()))
    })
}

fn non_finite_value(
    value: &DeValue<'_>,
    span: &Range<usize>,
    key: &str,
) -> Option<(String, Range<usize>, String)> {
    match value {
        DeValue::Float(float) => {
            let number: f64 = float.as_str().parse().unwrap_or(f64::NAN);
            (!number.is_finite()).then(|| (key.to_owned(), span.clone(), float.as_str().to_owned()))
        }
        DeValue::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            non_finite_value(item.get_ref(), &item.span(), &join(key, &index.to_string()))
        }),
        DeValue::Table(table) => non_finite(table, key),
        _ => None,
    }
}

/// There is a value at exactly this place.
fn holds(table: &DeTable<'_>, key: &str) -> bool {
    let (head, rest) = key.split_once('.').map_or((key, None), |(head, rest)| (head, Some(rest)));
    let found = table.iter().find(|(name, _)| name.get_ref() == head);
    found.is_some_and(|(_, value)| match (rest, value.get_ref()) {
        (None, _) => true,
        (Some(rest), DeValue::Table(inner)) => holds(inner, rest),
        _ => false,
    })
}

fn find(table: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    let (head, rest) = key.split_once('.').map_or((key, None), |(head, rest)| (head, Some(rest)));
    let (_, value) = table.iter().find(|(name, _)| name.get_ref() == head)?;
    rest.map_or_else(
        || Some(value.span()),
        |rest| find_in(value.get_ref(), rest).or_else(|| Some(value.span())),
    )
}

fn find_in(value: &DeValue<'_>, key: &str) -> Option<Range<usize>> {
    match value {
        DeValue::Table(table) => find(table, key),
        DeValue::Array(items) => {
            let (index, rest) =
                key.split_once('.').map_or((key, None), |(index, rest)| (index, Some(rest)));
            let item = items.get(index.parse::<usize>().ok()?)?;
            rest.map_or_else(|| Some(item.span()), |rest| find_in(item.get_ref(), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Small {
        #[expect(dead_code)]
        speed_m_s: f64,
    }

    /// Clauses: C1.
    #[test]
    fn errors_point_at_line_key_and_rule() {
        let error = TomlSource::new("a.toml", "\nspeed_m_s = nan\n").read::<Small>().unwrap_err();
        assert_eq!(error.line_column(), Some((2, 13)));
        assert!(
            error.to_string().starts_with("a.toml:2:13: speed_m_s: every number must be finite")
        );
        let error = TomlSource::new("a.toml", "spede_m_s = 1.0").read::<Small>().unwrap_err();
        assert!(error.rule.contains("unknown field `spede_m_s`"), "{error}");
        let source = TomlSource::new("a.toml", "[[feet]]\nname = \"x\"\n[[feet]]\nname = \"y\"\n");
        let error = source.error("feet.1.name", "r".into(), "f");
        assert_eq!(error.line_column(), Some((4, 8)));
    }
}
