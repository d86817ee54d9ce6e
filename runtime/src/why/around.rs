//! The two seconds before and after an intervention, small enough to stand below its sentence:
//! changes of level and mode, speeds and margins as little curves, and what else was told.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::{AROUND_S, Lang};
use crate::journal::{ReadJournal, RecordLine, Tick};

/// Points of a curve: one every 100 ms, the intervention in the middle.
const POINTS: usize = 41;
/// Other interventions that are listed; more are counted.
const OTHERS_MAX: usize = 8;
/// Heights of a curve, from nothing to its largest value.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What surrounds one intervention.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Around {
    /// Time of the first point, s; the others follow every `step_s`.
    pub from_s: f64,
    /// Time from point to point, s.
    pub step_s: f64,
    /// Level at the first point, then each change.
    pub levels: Vec<Change>,
    /// Mode at the first point, then each change.
    pub modes: Vec<Change>,
    /// Planar speed the plan asked for, m/s; null where there was no plan or no tick.
    pub asked_mps: Vec<Option<f32>>,
    /// Planar speed that was admitted, m/s.
    pub admitted_mps: Vec<Option<f32>>,
    /// Planar speed that was measured, m/s.
    pub measured_mps: Vec<Option<f32>>,
    /// Tilt of the base, degrees.
    pub tilt_deg: Vec<Option<f32>>,
    /// The most torque that was taken away from a joint until the next point, N m.
    pub torque_taken_nm: Vec<Option<f32>>,
    /// Other interventions of this time, in order.
    pub others: Vec<Other>,
}

/// From when on something was so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Since when, s.
    pub at_s: f64,
    /// What it was from then on.
    pub to: &'static str,
}

/// Another intervention.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Other {
    /// When, s.
    pub at_s: f64,
    /// Its rule.
    pub rule: String,
    /// What happened.
    pub kind: String,
    /// The level or mode it led to; empty where neither changed.
    pub to: String,
}

impl Around {
    /// What surrounds record `index` of `records`, which are in order of time.
    pub(super) fn of(journal: &ReadJournal, records: &[RecordLine], index: usize) -> Self {
        let middle = records[index].at_s;
        let (from_s, until_s) = (middle - AROUND_S, middle + AROUND_S);
        let step_s = 2.0 * AROUND_S / (POINTS - 1) as f64;
        let last_s = journal.ticks.last().map_or(f64::NEG_INFINITY, |tick| tick.at.as_seconds());
        let points: Vec<_> = (0..POINTS)
            .map(|point| from_s + point as f64 * step_s)
            .map(|at_s| journal.tick_at(at_s).filter(|_| (0.0..=last_s + step_s).contains(&at_s)))
            .collect();
        let curve = |of: fn(&Tick) -> Option<f32>| {
            let number =
                |tick: &Option<&Tick>| tick.and_then(of).filter(|number| number.is_finite());
            points.iter().map(number).collect()
        };
        let within = |tick: &&Tick| (from_s..=until_s).contains(&tick.at.as_seconds());
        let start = journal.ticks.partition_point(|tick| tick.at.as_seconds() < from_s);
        let ticks = || journal.ticks[start..].iter().take_while(within);
        let others = records
            .iter()
            .enumerate()
            .filter(|(other, record)| *other != index && (from_s..=until_s).contains(&record.at_s));
        Self {
            from_s,
            step_s,
            levels: changes(ticks(), |tick| tick.level.name()),
            modes: changes(ticks(), |tick| tick.mode.name()),
            asked_mps: curve(|tick| tick.asked.map(|asked| asked.speed().0)),
            admitted_mps: curve(|tick| Some(tick.admitted.speed().0)),
            measured_mps: curve(|tick| Some(tick.measured.speed().0)),
            tilt_deg: curve(|tick| Some(tick.attitude.tilt().0.to_degrees())),
            torque_taken_nm: most_taken(journal, from_s, step_s),
            others: others.map(|(_, record)| Other::of(record)).collect(),
        }
    }

    /// Writes it below a sentence.
    pub(super) fn write(&self, out: &mut String, lang: Lang) {
        let words = if lang == Lang::Zh { &CHINESE } else { &ENGLISH };
        let middle = self.from_s + AROUND_S;
        // Writing to a string cannot fail.
        for (word, changes) in [(words.level, &self.levels), (words.mode, &self.modes)] {
            let _ = write!(out, "{:>11}{}", "", padded(word));
            for (place, Change { at_s, to }) in changes.iter().enumerate() {
                let _ = match place {
                    0 => write!(out, " {to}"),
                    _ => write!(out, ", {:+.2} s {to}", at_s - middle),
                };
            }
            out.push('\n');
        }
        for (word, unit, curve) in [
            (words.asked, "m/s", &self.asked_mps),
            (words.admitted, "m/s", &self.admitted_mps),
            (words.measured, "m/s", &self.measured_mps),
            (words.tilt, "deg", &self.tilt_deg),
            (words.taken, "N m", &self.torque_taken_nm),
        ] {
            let known = curve.iter().flatten().copied();
            let most = known.clone().fold(0.0, f32::max);
            let Some(least) = known.reduce(f32::min) else { continue };
            let line = sparkline(curve, most);
            let word = padded(word);
            let _ = writeln!(out, "{:>11}{word} {line} {least:.2} .. {most:.2} {unit}", "");
        }
        self.write_others(out, words, middle);
    }

    /// What happened one by one; limitings, which are many, only counted by rule.
    fn write_others(&self, out: &mut String, words: &Words, middle: f64) {
        let (limited, told): (Vec<_>, Vec<_>) =
            self.others.iter().partition(|other| other.kind == "limited");
        // Writing to a string cannot fail.
        for Other { at_s, rule, kind, to } in told.iter().take(OTHERS_MAX) {
            let line = format!("{:>11}{:+.2} s {rule} {kind} {to}", "", at_s - middle);
            let _ = writeln!(out, "{}", line.trim_end());
        }
        let more = told.len().saturating_sub(OTHERS_MAX);
        if more > 0 {
            let _ = writeln!(out, "{:>11}{}", "", words.more.replace('#', &more.to_string()));
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for other in limited {
            *counts.entry(&other.rule).or_default() += 1;
        }
        if !counts.is_empty() {
            let counts: Vec<_> = counts.iter().map(|(rule, n)| format!("{n} x {rule}")).collect();
            let _ = writeln!(out, "{:>11}{} {}", "", padded(words.limited), counts.join(", "));
        }
    }
}

impl Other {
    fn of(record: &RecordLine) -> Self {
        let to = match record.kind.as_str() {
            "level" => record.to.clone(),
            "mode" => record.to_mode.clone(),
            _ => String::new(),
        };
        Self { at_s: record.at_s, rule: record.rule.clone(), kind: record.kind.clone(), to }
    }
}

struct Words {
    level: &'static str,
    mode: &'static str,
    asked: &'static str,
    admitted: &'static str,
    measured: &'static str,
    tilt: &'static str,
    taken: &'static str,
    limited: &'static str,
    more: &'static str,
}

const ENGLISH: Words = Words {
    level: "level",
    mode: "mode",
    asked: "asked",
    admitted: "admitted",
    measured: "measured",
    tilt: "tilt",
    taken: "torque cut",
    limited: "limited",
    more: "and # more within these four seconds",
};

const CHINESE: Words = Words {
    level: "级别",
    mode: "模式",
    asked: "要求",
    admitted: "允许",
    measured: "测得",
    tilt: "倾斜",
    taken: "削减力矩",
    limited: "限制",
    more: "这四秒内另有 # 条",
};

/// `word` with spaces up to ten columns; a Chinese character takes two.
fn padded(word: &str) -> String {
    let columns: usize = word.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
    format!("{word}{}", " ".repeat(10_usize.saturating_sub(columns)))
}

/// The state at the first tick, then each change of it.
fn changes<'a>(
    ticks: impl Iterator<Item = &'a Tick>,
    of: impl Fn(&Tick) -> &'static str,
) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for tick in ticks {
        let to = of(tick);
        if changes.last().is_none_or(|last| last.to != to) {
            changes.push(Change { at_s: tick.at.as_seconds(), to });
        }
    }
    changes
}

/// The most torque taken away within each step: what lasts for a tick only must not be missed.
fn most_taken(journal: &ReadJournal, from_s: f64, step_s: f64) -> Vec<Option<f32>> {
    let place = |at_s: f64| journal.ticks.partition_point(|tick| tick.at.as_seconds() < at_s);
    let point = |point: usize| {
        let at_s = from_s + point as f64 * step_s;
        let ticks = journal.ticks[place(at_s)..place(at_s + step_s)].iter();
        ticks.map(torque_taken).reduce(f32::max)
    };
    (0..POINTS).map(point).collect()
}

fn torque_taken(tick: &Tick) -> f32 {
    let taken = tick.joints.iter().map(|joint| (joint.wanted_tau.0 - joint.vetted_tau.0).abs());
    taken.filter(|taken| taken.is_finite()).fold(0.0, f32::max)
}

fn sparkline(curve: &[Option<f32>], most: f32) -> String {
    let height = |number: f32| {
        let part = if most > 0.0 { (number / most).clamp(0.0, 1.0) } else { 0.0 };
        HEIGHTS[(part * (HEIGHTS.len() - 1) as f32).round() as usize]
    };
    curve.iter().map(|number| number.map_or(' ', height)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::TickJoint;
    use signals::{BaseVelocity, Instant, Level, MetresPerSecond, Mode, NewtonMetres};

    /// Five seconds at 1 kHz: walking, asked to run from 2 s on, held from 2.5 s on.
    fn journal() -> ReadJournal {
        let forward =
            |speed| BaseVelocity { forward: MetresPerSecond(speed), ..BaseVelocity::ZERO };
        let ticks = (0..5000).map(|cycle| {
            let held = cycle >= 2500;
            let mut joints = signals::Joints::filled(TickJoint::default(), 2);
            if held && let Some(joint) = joints.ids().next() {
                joints[joint].wanted_tau = NewtonMetres(12.5);
            }
            Tick {
                cycle,
                at: Instant::from_nanos(cycle * 1_000_000),
                level: if held { Level::Hold } else { Level::Nominal },
                mode: Mode::Auto,
                asked: (cycle >= 2000).then(|| forward(1.6)),
                admitted: forward(if held { 0.0 } else { 0.8 }),
                measured: forward(0.4),
                joints,
                ..Tick::default()
            }
        });
        ReadJournal { ticks: ticks.collect(), ..ReadJournal::default() }
    }

    fn record(at_s: f64, rule: &str, kind: &str, to: &str) -> RecordLine {
        RecordLine {
            at_s,
            rule: rule.into(),
            kind: kind.into(),
            to: to.into(),
            ..RecordLine::default()
        }
    }

    /// Clauses: E1.
    #[test]
    fn four_seconds_are_told_in_a_few_lines() {
        let records = [
            record(0.2, "PLAN-AGE", "refused", ""),
            record(2.0, "PLAN-RANGE", "limited", ""),
            record(2.5, "PLAN-EXPIRED", "level", "HOLD"),
        ];
        let around = Around::of(&journal(), &records, 2);
        assert_eq!(around.levels.len(), 2);
        assert_eq!((around.levels[1].at_s, around.levels[1].to), (2.5, "HOLD"));
        assert_eq!(around.asked_mps.len(), POINTS);
        assert_eq!((around.asked_mps[14], around.asked_mps[16]), (None, Some(1.6)));
        assert_eq!(around.torque_taken_nm[40], Some(12.5));
        assert_eq!(around.others.len(), 1, "what was earlier does not belong here");
        let mut text = String::new();
        around.write(&mut text, Lang::En);
        let line = |word: &str| text.lines().find(|line| line.trim().starts_with(word)).unwrap();
        assert_eq!(line("level").trim(), "level      NOMINAL, +0.00 s HOLD");
        assert!(line("asked").contains(&format!("{}██", " ".repeat(15))), "{text}");
        assert!(line("admitted").ends_with("0.00 .. 0.80 m/s"), "{text}");
        assert_eq!(line("limited").trim(), "limited    1 x PLAN-RANGE");
        assert!(text.lines().all(|line| line.chars().count() < 90), "{text}");
        let mut chinese = String::new();
        around.write(&mut chinese, Lang::Zh);
        assert!(chinese.contains("削减力矩") && !chinese.contains("torque"), "{chinese}");
    }

    /// Clauses: E1.
    #[test]
    fn the_ends_of_a_run_and_a_crowd_of_records_are_borne() {
        let crowd: Vec<_> =
            (0..20).map(|n| record(f64::from(n) * 0.1, "TILT", "level", "NOTICE")).collect();
        let around = Around::of(&journal(), &crowd, 0);
        assert_eq!(around.asked_mps[..20], [None; 20], "before the beginning");
        let mut text = String::new();
        around.write(&mut text, Lang::En);
        assert!(text.contains("and 11 more"), "{text}");
        let empty = Around::of(&ReadJournal::default(), &crowd, 3);
        assert!(empty.levels.is_empty() && empty.tilt_deg.iter().all(Option::is_none));
    }
}
