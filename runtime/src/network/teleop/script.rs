//! Driving by a script: what is asked for from when on, one JSON object a line.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::network::act::Act;

/// Most bytes of a script.
const SCRIPT_MAX: u64 = 4 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// From when on, s after the beginning. The last line ends the script.
    pub at_s: f64,
    /// Forward, m/s.
    #[serde(default)]
    pub forward: f32,
    /// Left, m/s.
    #[serde(default)]
    pub left: f32,
    /// Counter-clockwise, rad/s.
    #[serde(default)]
    pub yaw: f32,
    /// The enabling device is held.
    #[serde(default)]
    pub held: bool,
    /// Stops the robot.
    #[serde(default)]
    pub stop: bool,
    /// One act, as `triune act` names it.
    #[serde(default)]
    pub act: Option<String>,
}

impl Line {
    /// The act it names.
    #[must_use]
    pub fn act(&self) -> Option<Act> {
        let name = self.act.as_deref()?;
        <Act as clap::ValueEnum>::from_str(name, false).ok()
    }
}

/// All lines, in order.
#[derive(Clone, Debug, Default)]
pub struct Script {
    lines: Vec<Line>,
    next: usize,
}

impl Script {
    /// Reads the file, or standard input for `-`.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn read(path: &Path) -> Result<Self, String> {
        let mut text = String::new();
        let mut take = |from: &mut dyn Read| from.take(SCRIPT_MAX).read_to_string(&mut text);
        let read = if path == Path::new("-") {
            take(&mut std::io::stdin())
        } else {
            std::fs::File::open(path).and_then(|mut file| take(&mut file))
        };
        let what = path.display();
        read.map_err(|error| format!("{what}: cannot be read: {error}"))?;
        Self::parse(&text).map_err(|said| format!("{what}: {said}"))
    }

    /// Reads its text.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines: Vec<Line> = Vec::new();
        for (at, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let at = at + 1;
            let line: Line = serde_json::from_str(text).map_err(|error| {
                format!("line {at}: {error}. Numbers are finite JSON numbers: NaN is none")
            })?;
            let before = lines.last().map_or(0.0, |line| line.at_s);
            if !(before..=86_400.0).contains(&line.at_s) {
                return Err(format!("line {at}: at_s must not fall, and be 0 to 86400"));
            }
            let parts = [line.forward, line.left, line.yaw];
            if !parts.iter().all(|part| part.is_finite() && part.abs() <= 100.0) {
                return Err(format!("line {at}: forward, left and yaw must be -100 to 100"));
            }
            if line.act.is_some() && line.act().is_none_or(|act| act == Act::Select) {
                return Err(format!("line {at}: there is no act {:?} here", line.act));
            }
            lines.push(line);
        }
        if lines.is_empty() {
            Err("it has no line".to_owned())
        } else {
            Ok(Self { lines, next: 0 })
        }
    }

    /// The lines that begin up to `now`, each once.
    pub fn due(&mut self, now: Duration) -> &[Line] {
        let from = self.next;
        let rest = self.lines.get(from..).unwrap_or_default();
        self.next += rest.iter().take_while(|line| line.at_s <= now.as_secs_f64()).count();
        self.lines.get(from..self.next).unwrap_or_default()
    }

    /// Every line has begun.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.next == self.lines.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_when_they_are_due_and_once() {
        let text = "{\"at_s\":0,\"forward\":0.3,\"held\":true}\n\n{\"at_s\":1.5,\"stop\":true}";
        let mut script = Script::parse(text).unwrap();
        assert_eq!(script.due(Duration::ZERO).len(), 1);
        assert_eq!(script.due(Duration::from_secs(1)).len(), 0);
        assert!(!script.is_over());
        assert!(script.due(Duration::from_secs(2))[0].stop && script.is_over());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, said) in [
            ("", "no line"),
            ("{\"at_s\":0}\n{\"at_s\":0,\"forward\":NaN}", "line 2"),
            ("{\"at_s\":0,\"forward\":1e999}", "line 1"),
            ("{\"at_s\":0,\"forward\":1e30}", "-100 to 100"),
            ("{\"at_s\":-1}", "must not fall"),
            ("{\"at_s\":2}\n{\"at_s\":1}", "line 2"),
            ("{\"at_s\":0,\"speed\":1}", "unknown field"),
            ("{\"at_s\":0,\"act\":\"fly\"}", "no act"),
        ] {
            let error = Script::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        let error = Script::read(Path::new("/nonexistent/script")).unwrap_err();
        assert!(error.contains("cannot be read"));
    }
}
