//! `triune why RUN`: each intervention of a run in plain words, with what the robot did before and
//! after.

mod around;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use governor::Clause;
use serde::Serialize;

pub use around::{Around, Change, Other};

use crate::journal::{self, ReadError, ReadJournal, RecordLine, Tick};
use crate::report::JOURNAL_FILE;
use crate::words;

/// How far before and after an intervention its surroundings are shown, s.
const AROUND_S: f64 = 2.0;

/// Language of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
    /// The sentences in both, all else in English.
    Both,
}

/// For which interventions the surroundings are shown in full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Surroundings {
    /// For none: only the sentences.
    None,
    /// For changes of level and for refusals.
    #[default]
    Changes,
    /// For all.
    All,
}

impl Surroundings {
    fn include(self, record: &RecordLine) -> bool {
        let change = matches!(record.kind.as_str(), "level" | "refused" | "act_refused");
        self == Self::All || (self == Self::Changes && change)
    }
}

/// One intervention with its surroundings.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// What happened.
    #[serde(flatten)]
    pub record: RecordLine,
    /// The robot two seconds before; absent before the beginning.
    pub before: Option<Moment>,
    /// The robot at the time.
    pub during: Option<Moment>,
    /// The robot two seconds after; absent after the end.
    pub after: Option<Moment>,
    /// All of it; absent where it was not asked for.
    pub around: Option<Around>,
}

/// The robot at one time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// When, s.
    pub at_s: f64,
    /// Level.
    pub level: &'static str,
    /// Posture.
    pub posture: &'static str,
    /// Measured planar speed of the base, m/s.
    pub speed_mps: f32,
    #[serde(skip)]
    posture_zh: &'static str,
}

impl Moment {
    fn of(tick: &Tick) -> Self {
        Self {
            at_s: tick.at.as_seconds(),
            level: tick.level.name(),
            posture: words::posture(tick.posture),
            speed_mps: tick.measured.speed().0,
            posture_zh: words::posture_chinese(tick.posture),
        }
    }

    fn write(&self, out: &mut String, word: &str, lang: Lang) {
        let posture = if lang == Lang::Zh { self.posture_zh } else { self.posture };
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "           {word:<6} {:>8.2} s  {:<9} {posture:<9} {:.2} m/s",
            self.at_s, self.level, self.speed_mps
        );
    }
}

/// The journal of a run: the file itself, or the one in its folder.
#[must_use]
pub fn journal_file(run: &Path) -> PathBuf {
    if run.is_dir() { run.join(JOURNAL_FILE) } else { run.to_path_buf() }
}

/// Each intervention of `run` (its folder or its journal), in time order, with its surroundings.
///
/// # Errors
/// The journal cannot be read.
///
/// Clauses: E1.
pub fn why(
    run: &Path,
    surroundings: Surroundings,
) -> Result<(ReadJournal, Vec<Reason>), ReadError> {
    let journal = journal::read(&journal_file(run))?;
    let reasons = reasons(&journal, surroundings);
    Ok((journal, reasons))
}

fn reasons(journal: &ReadJournal, surroundings: Surroundings) -> Vec<Reason> {
    let mut records = journal.records.clone();
    records.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    let last_s = journal.ticks.last().map_or(0.0, |tick| tick.at.as_seconds());
    let moment = |at_s: f64| {
        let known = at_s >= 0.0 && at_s <= last_s && surroundings != Surroundings::None;
        known.then(|| journal.tick_at(at_s).map(Moment::of)).flatten()
    };
    let reason = |(index, record): (usize, &RecordLine)| Reason {
        before: moment(record.at_s - AROUND_S),
        during: moment(record.at_s),
        after: moment(record.at_s + AROUND_S),
        around: surroundings.include(record).then(|| Around::of(journal, &records, index)),
        record: record.clone(),
    };
    records.iter().enumerate().map(reason).collect()
}

/// The reasons as text.
#[must_use]
pub fn text(journal: &ReadJournal, reasons: &[Reason], lang: Lang) -> String {
    let mut out = String::new();
    let [before, during, after] = match lang {
        Lang::En | Lang::Both => ["before", "then", "after"],
        Lang::Zh => ["之前", "当时", "之后"],
    };
    for reason in reasons {
        write_sentences(&mut out, &reason.record, lang);
        if let Some(around) = &reason.around {
            write_clause(&mut out, &reason.record, lang);
            around.write(&mut out, lang);
            continue;
        }
        for (word, moment) in
            [(before, &reason.before), (during, &reason.during), (after, &reason.after)]
        {
            if let Some(moment) = moment {
                moment.write(&mut out, word, lang);
            }
        }
    }
    if reasons.is_empty() {
        out += match lang {
            Lang::En | Lang::Both => "The governor did not have to act in this run.\n",
            Lang::Zh => "本次运行中安全层无需介入。\n",
        };
    }
    if let Some(cut) = &journal.cut {
        let _ = match lang {
            Lang::En | Lang::Both => {
                writeln!(out, "The journal is cut off, read up to there: {cut}.")
            }
            Lang::Zh => writeln!(out, "日志不完整，只读到断点：{cut}。"),
        };
    }
    out
}

/// When, and the sentence in each language that was asked for.
fn write_sentences(out: &mut String, record: &RecordLine, lang: Lang) {
    let sentences: &[&str] = match lang {
        Lang::En => &[&record.sentence],
        Lang::Zh => &[&record.sentence_zh],
        Lang::Both => &[&record.sentence, &record.sentence_zh],
    };
    // Writing to a string cannot fail.
    for (place, sentence) in sentences.iter().enumerate() {
        let _ = match place {
            0 => writeln!(out, "{:>8.3} s  {sentence}", record.at_s),
            _ => writeln!(out, "{:>11}{sentence}", ""),
        };
    }
}

fn write_clause(out: &mut String, record: &RecordLine, lang: Lang) {
    if let Some(clause) = Clause::with_id(&record.clause) {
        let title = if lang == Lang::Zh { clause.title_chinese() } else { clause.title() };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:>11}{clause}: {title}", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signals::{Instant, Level, MetresPerSecond, Posture};

    fn journal() -> ReadJournal {
        let ticks = (0..5000).map(|cycle| {
            let mut tick = Tick {
                cycle,
                at: Instant::from_nanos(cycle * 1_000_000),
                level: if cycle < 1500 { Level::Nominal } else { Level::Hold },
                posture: Posture::Walking,
                ..Tick::default()
            };
            tick.measured.forward = MetresPerSecond(0.4);
            tick
        });
        let line = |at_s: f64, sentence: &str| RecordLine {
            at_s,
            sentence: sentence.into(),
            sentence_zh: "句子".into(),
            ..RecordLine::default()
        };
        ReadJournal {
            ticks: ticks.collect(),
            records: vec![line(4.0, "second."), line(1.0, "first.")],
            ..ReadJournal::default()
        }
    }

    /// Clauses: E1.
    #[test]
    fn each_intervention_stands_in_order_with_its_surroundings() {
        let journal = journal();
        let reasons = reasons(&journal, Surroundings::Changes);
        let first = &reasons[0];
        assert_eq!(first.record.sentence, "first.");
        assert_eq!(first.before, None, "nothing was before the beginning");
        assert_eq!(first.during.as_ref().unwrap().level, "NOMINAL");
        assert_eq!(first.after.as_ref().unwrap().level, "HOLD");
        assert_eq!(reasons[1].after, None, "nothing was after the end");
        let text = text(&journal, &reasons, Lang::En);
        assert!(text.contains("1.000 s  first.") && text.contains("walking   0.40 m/s"), "{text}");
        assert!(super::text(&journal, &reasons, Lang::Zh).contains("行走"));
        let both = super::text(&journal, &reasons, Lang::Both);
        assert!(both.contains("first.") && both.contains("句子") && both.contains("walking"));
    }

    /// Clauses: E1.
    #[test]
    fn changes_and_refusals_stand_with_all_around_them() {
        let mut journal = journal();
        journal.records[1].kind = "level".into();
        journal.records[1].clause = "S2".into();
        let shown = reasons(&journal, Surroundings::Changes);
        assert!(shown[0].around.is_some() && shown[1].around.is_none());
        let text = text(&journal, &shown, Lang::En);
        assert!(text.contains("S2: Controlled stop, then torque off"), "{text}");
        assert!(text.contains("level      NOMINAL, +0.50 s HOLD"), "{text}");
        assert!(text.contains("▁") && text.contains("before     2.00 s"), "{text}");
        assert!(reasons(&journal, Surroundings::All).iter().all(|r| r.around.is_some()));
        let plain = reasons(&journal, Surroundings::None);
        assert!(plain.iter().all(|r| r.around.is_none() && r.during.is_none()));
    }

    /// Clauses: E1, E4.
    #[test]
    fn a_quiet_run_and_a_cut_one_say_so() {
        let cut = ReadJournal { cut: Some("end".into()), ..ReadJournal::default() };
        let text = text(&cut, &[], Lang::En);
        assert!(text.contains("did not have to act") && text.contains("cut off"));
        assert!(why(Path::new("no/such/run"), Surroundings::None).is_err());
    }
}
