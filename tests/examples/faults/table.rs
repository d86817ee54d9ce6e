//! What came out of all seeds of a row, as a line of the table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use crate::catalogue::{Deadline, NEVER, Row};
use crate::fault::End;
use crate::run::Outcome;

/// Everything that came out of one row.
pub(crate) struct Result {
    row: Row,
    seeds: u64,
    /// For each stage the slowest reaction, ms, and its seed; `None` when one never came.
    worst: Vec<Option<(u64, u64)>>,
    ends: BTreeMap<End, u64>,
    fell: u64,
    /// What was wrong, with the seed.
    wrong: Vec<String>,
}

/// The judgement of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every deadline of the catalogue was kept, and nothing was wrong.
    Pass,
    /// A deadline or an end of the catalogue is not kept, as the row says beforehand.
    NotMet,
    /// Something came out that the row does not expect.
    Fail,
}

impl Result {
    pub(crate) fn new(row: Row) -> Self {
        let worst = vec![Some((0, 0)); row.deadlines.len()];
        Self { row, seeds: 0, worst, ends: BTreeMap::new(), fell: 0, wrong: Vec::new() }
    }

    /// Takes in what came out of one seed.
    pub(crate) fn take(&mut self, seed: u64, outcome: Outcome) {
        self.seeds += 1;
        let Outcome { reactions, end, fallen, wrong, .. } = outcome;
        self.fell += u64::from(fallen.is_some());
        *self.ends.entry(end).or_default() += 1;
        for (stage, worst) in self.worst.iter_mut().enumerate() {
            let reaction = reactions.get(stage).copied().flatten();
            *worst = match (*worst, reaction) {
                (Some(before), Some(ms)) => Some(before.max((ms, seed))),
                _ => None,
            };
            if reaction.is_none() && !self.row.deadlines[stage].may_stay_away() {
                let what = self.row.deadlines[stage].what;
                self.wrong.push(format!("seed {seed}: {what} never came"));
            }
        }
        self.wrong.extend(wrong.into_iter().map(|what| format!("seed {seed}: {what}")));
    }

    /// The row it is of.
    pub(crate) const fn row(&self) -> &Row {
        &self.row
    }

    /// What came out.
    pub(crate) fn verdict(&self) -> Verdict {
        let mut met = self.row.unmet.is_empty() && !self.is_freer();
        let mut kept = self.wrong.is_empty() && (!self.is_freer() || !self.row.freer.is_empty());
        for (deadline, worst) in self.row.deadlines.iter().zip(&self.worst) {
            let ms = worst.map_or(NEVER, |(ms, _)| ms);
            met &= deadline.unmet.is_none() && ms <= deadline.ms;
            kept &= ms <= deadline.allowed();
        }
        match (kept, met) {
            (false, _) => Verdict::Fail,
            (true, false) => Verdict::NotMet,
            (true, true) => Verdict::Pass,
        }
    }

    /// It ended with more freedom than the catalogue leaves it.
    fn is_freer(&self) -> bool {
        self.ends.keys().any(|end| end.rank() < self.row.end.rank())
    }

    /// The verdict in words, with the reasons.
    fn words(&self) -> String {
        let mut words = match self.verdict() {
            Verdict::Pass => "pass".to_owned(),
            Verdict::NotMet => "not met: ".to_owned() + &self.reasons().join("; "),
            Verdict::Fail => format!("**FAIL**: {}", self.complaints()),
        };
        if !self.row.note.is_empty() {
            let _ = write!(words, ". {}", self.row.note);
        }
        words
    }

    /// Why the row is not met. A deadline that is known not to be kept counts as such even where
    /// these seeds were lucky.
    fn reasons(&self) -> Vec<&'static str> {
        let late = self.row.deadlines.iter().filter_map(|d| d.unmet.map(|(_, why)| why));
        let freer = Some(self.row.freer).filter(|_| self.is_freer());
        let unmet = Some(self.row.unmet).filter(|why| !why.is_empty());
        late.chain(freer).chain(unmet).collect()
    }

    /// The first things that were wrong, and how many more.
    pub(crate) fn complaints(&self) -> String {
        const SHOWN: usize = 4;
        let mut all = self.wrong.clone();
        for (deadline, worst) in self.row.deadlines.iter().zip(&self.worst) {
            if let Some((ms, seed)) = worst.filter(|(ms, _)| *ms > deadline.allowed()) {
                all.push(format!("seed {seed}: {} after {ms} ms", deadline.what));
            }
        }
        if self.is_freer() && self.row.freer.is_empty() {
            all.push(format!("ended freer than {}", self.row.end.name()));
        }
        let more = all.len().saturating_sub(SHOWN);
        let mut text = all.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
        if more > 0 {
            let _ = write!(text, ", and {more} more");
        }
        text
    }

    fn deadlines(&self) -> String {
        let each = self.row.deadlines.iter().map(|d| format!("{} {}", d.what, d.ms));
        dash_if_empty(each.collect::<Vec<_>>().join(", "))
    }

    fn reached(&self) -> String {
        let each = self.worst.iter().map(|worst| match worst {
            Some((ms, _)) => ms.to_string(),
            None => "never".to_owned(),
        });
        dash_if_empty(each.collect::<Vec<_>>().join(", "))
    }

    /// The end state of the catalogue, and what came instead.
    fn end(&self) -> String {
        let mut said: Vec<_> =
            self.ends.iter().map(|(end, times)| format!("{} {times}", end.name())).collect();
        if self.ends.keys().all(|end| *end == self.row.end) {
            said.clear();
        }
        if self.fell > 0 {
            said.push(format!("fell {}", self.fell));
        }
        let end = self.row.end.name();
        if said.is_empty() { end.to_owned() } else { format!("{end} ({})", said.join(", ")) }
    }

    /// One line of the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "| {} | {} | {} | {} | {} | {} |",
            self.row.number,
            self.row.fault,
            self.deadlines(),
            self.reached(),
            self.end(),
            self.words()
        )
    }

    /// All of it.
    pub(crate) fn json(&self) -> Value {
        let stage = |(d, worst): (&Deadline, &Option<(u64, u64)>)| {
            json!({
                "reaction": d.what,
                "deadline_ms": d.ms,
                "worst_ms": worst.map(|(ms, _)| ms),
                "worst_seed": worst.map(|(_, seed)| seed),
            })
        };
        json!({
            "row": self.row.number,
            "fault": self.row.fault,
            "stages": self.row.deadlines.iter().zip(&self.worst).map(stage).collect::<Vec<_>>(),
            "end": self.row.end.name(),
            "ends": self.ends.iter().map(|(e, n)| (e.name(), *n)).collect::<BTreeMap<_, _>>(),
            "fell": self.fell,
            "seeds": self.seeds,
            "verdict": match self.verdict() {
                Verdict::Pass => "pass",
                Verdict::NotMet => "not met",
                Verdict::Fail => "fail",
            },
            "why": self.reasons(),
            "wrong": self.wrong,
            "note": self.row.note,
        })
    }
}

/// The head of the table.
pub(crate) const HEAD: &str = "\
| row | fault | deadline, ms | worst seen, ms | end state | result |
|---|---|---|---|---|---|";

fn dash_if_empty(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}
