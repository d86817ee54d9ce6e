//! `report.html`: the run in one file that needs no network: plots drawn here as SVG, a small style
//! sheet, English with Chinese beside it.
//!
//! Series are thinned to the lowest and the highest value of each column of pixels, so that a spike
//! of one tick is still seen.

use std::fmt::Write;

use signals::{BaseVelocity, Posture};

use crate::journal::{self, EventLine, RecordLine, Tick};
use crate::report::{Outcome, Report};

pub use yard::{Block, Disc, Yard};

use plot::{Line, Plot};

mod lateness;
mod levels;
mod plot;
mod yard;

const STYLE: &str = include_str!("html/style.css");
/// Rows of the table of interventions; the rest is in the journal.
const ROWS: usize = 200;

/// Everything the page shows.
#[derive(Clone, Copy, Debug)]
pub struct HtmlInput<'a> {
    /// The numbers.
    pub report: &'a Report,
    /// Every tick of the run, as the journal has it.
    pub ticks: &'a [Tick],
    /// What the governor did.
    pub records: &'a [RecordLine],
    /// What happened.
    pub events: &'a [EventLine],
    /// The place; none of a robot that stays where it is.
    pub yard: Option<&'a Yard>,
    /// Names of the joints, in order.
    pub joint_names: &'a [String],
    /// The joints to plot, by their place: of a robot with legs one leg says it all.
    pub joints: &'a [usize],
}

/// The page.
///
/// Clauses: O8, D4.
#[must_use]
pub fn render(input: &HtmlInput<'_>) -> String {
    let mut page = String::with_capacity(1 << 20);
    let report = input.report;
    let title = escape(&format!("{}: {}", report.robot, report.mission.outcome.words()));
    page += "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    put(&mut page, format_args!("<title>{title}</title>\n<style>\n{STYLE}</style></head><body>\n"));
    header(&mut page, input);
    if let Some(yard) = input.yard {
        section(&mut page, ["Path in the yard", "场地中的路径"], &yard::draw(input, yard));
        section(&mut page, ["Speed of the base", "机体速度"], &speeds(input));
    }
    section(&mut page, ["Level over time", "级别随时间变化"], &levels::draw(input));
    let words = if input.yard.is_some() {
        ["Joints of one leg", "一条腿的关节"]
    } else {
        ["Joints", "关节"]
    };
    section(&mut page, words, &joints(input));
    section(&mut page, ["Loop lateness", "控制循环延迟"], &lateness::draw(input));
    section(&mut page, ["Interventions", "安全层介入"], &interventions(input));
    section(&mut page, ["The run itself", "运行信息"], &provenance(report));
    page += "</body></html>\n";
    page
}

/// The page of a finished run, from its report and its journal. A journal that cannot be read
/// leaves the plots empty; the report says why.
#[must_use]
pub fn of_run(report: &Report, yard: Option<&sim::Yard>) -> String {
    let journal = journal::read(&report.journal.path).unwrap_or_else(|error| {
        tracing::warn!("report without plots: {error}");
        journal::ReadJournal::default()
    });
    let names = &journal.info.joints;
    let joints = if yard.is_some() { one_leg(names) } else { (0..names.len()).collect() };
    let yard = yard.map(Yard::from);
    render(&HtmlInput {
        report,
        ticks: &journal.ticks,
        records: &journal.records,
        events: &journal.events,
        yard: yard.as_ref(),
        joint_names: &journal.info.joints,
        joints: &joints,
    })
}

/// The joints whose names begin like the first one's, up to three: one leg of a robot with legs.
fn one_leg(names: &[String]) -> Vec<usize> {
    let limb = |name: &str| name.split('_').next().unwrap_or_default().to_owned();
    let Some(first) = names.first().map(|name| limb(name)) else { return Vec::new() };
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| limb(name) == first)
        .map(|(i, _)| i)
        .take(3)
        .collect()
}

/// Writing to a string cannot fail.
fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

fn section(page: &mut String, [english, chinese]: [&str; 2], content: &str) {
    put(
        page,
        format_args!(
            "<section><h2>{english} <span lang=\"zh\">{chinese}</span></h2>\n{content}</section>\n"
        ),
    );
}

/// `text` with the characters that mean something in HTML written out.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            other => safe.push(other),
        }
    }
    safe
}

fn header(page: &mut String, input: &HtmlInput<'_>) {
    let report = input.report;
    let outcome = report.mission.outcome;
    let class = if outcome == Outcome::Complete { "good" } else { "bad" };
    let place = if report.sim.is_empty() {
        "on its own body".to_owned()
    } else {
        format!("in simulation ({})", report.sim)
    };
    put(
        page,
        format_args!(
            "<header><p class=\"robot\">{} {}, seed {}, {} time</p>\n\
             <h1 class=\"{class}\">{} <span lang=\"zh\">{}</span></h1>\n<div class=\"tiles\">\n",
            escape(&report.robot),
            escape(&place),
            report.seed,
            report.time,
            capitalised(outcome.words()),
            outcome.chinese()
        ),
    );
    for (english, chinese, value, well) in tiles(report, input.yard.is_some()) {
        let class = if well { "tile" } else { "tile bad" };
        put(
            page,
            format_args!(
                "<div class=\"{class}\"><b>{}</b><span>{english}</span>\
                 <span lang=\"zh\">{chinese}</span></div>\n",
                escape(&value)
            ),
        );
    }
    *page += "</div></header>\n";
}

type Tile = (&'static str, &'static str, String, bool);

fn tiles(report: &Report, mobile: bool) -> Vec<Tile> {
    let late = report.timing.lateness_us;
    let lost = report.journal.lost_ring + report.journal.lost_write;
    let goal = if report.goal_reached { "reached" } else { "not reached" };
    let mut tiles = vec![("goal", "目标", goal.into(), report.goal_reached)];
    if mobile {
        tiles.push(("walked", "行走距离", format!("{:.1} m", report.distance_m), true));
        tiles.push(("falls", "跌倒", report.falls.to_string(), report.falls == 0));
    }
    tiles.extend([
        ("collisions", "碰撞", report.collisions.to_string(), report.collisions == 0),
        ("worst level", "最高级别", report.governor.max_level.name().into(), true),
        ("plans refused", "被拒计划", report.brain.refused.to_string(), true),
        ("run time", "时长", format!("{:.1} s", report.duration_s), true),
        ("x real time", "实时倍率", format!("{:.2}", report.real_time_factor), true),
        ("loop late, p99", "循环延迟 p99", format!("{:.0} us", late.p99), true),
        ("ticks skipped", "错过周期", report.timing.overruns.to_string(), true),
        (
            "allocations in the cycle",
            "周期内分配",
            report.cycle_allocations.to_string(),
            report.cycle_allocations == 0,
        ),
        ("journal entries lost", "日志丢失", lost.to_string(), lost == 0),
    ]);
    tiles
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// First and last time of `ticks`, s; never empty.
fn span(ticks: &[Tick]) -> [f64; 2] {
    let from = ticks.first().map_or(0.0, |tick| tick.at.as_seconds());
    let to = ticks.last().map_or(0.0, |tick| tick.at.as_seconds());
    [from, to.max(from + 1e-3)]
}

/// Asked, admitted and measured velocity: forward, left and yaw.
fn speeds(input: &HtmlInput<'_>) -> String {
    type Part = fn(&BaseVelocity) -> f32;
    let parts: [([&str; 2], &str, Part, f32); 3] = [
        (["forward", "前进"], "m/s", |v| v.forward.0, 0.2),
        (["left", "向左"], "m/s", |v| v.left.0, 0.1),
        (["turning", "转向"], "rad/s", |v| v.yaw.0, 0.3),
    ];
    let mut out = legend(&[
        ("asked", "asked by the brain", "大脑要求"),
        ("admitted", "admitted by the governor", "安全层准许"),
        ("measured", "measured", "测得"),
    ]);
    for (index, (name, unit, part, least)) in parts.into_iter().enumerate() {
        let asked: Vec<_> = input.ticks.iter().map(|tick| tick.asked.map(|v| part(&v))).collect();
        let admitted: Vec<_> = input.ticks.iter().map(|tick| Some(part(&tick.admitted))).collect();
        let measured: Vec<_> = input.ticks.iter().map(|tick| Some(part(&tick.measured))).collect();
        let mut plot =
            Plot::wide(name, unit, span(input.ticks), if index == 0 { 190.0 } else { 130.0 });
        plot.time_axis = index == 2;
        // What the brain asks may be absurd; the scale is that of what was done.
        plot.fit(&[&admitted, &measured], least);
        plot.marks = marks(input);
        out += &plot.draw(&[
            Line { class: "asked", values: &asked },
            Line { class: "measured", values: &measured },
            Line { class: "admitted", values: &admitted },
        ]);
    }
    out + "<p class=\"note\">Values beyond the scale are drawn at its edge. Thin vertical lines \
           are the \
           events listed below. <span lang=\"zh\">超出刻度的值画在边缘；细竖线为下列事件。</span></p>\n"
}

/// Times of the events, s.
fn marks(input: &HtmlInput<'_>) -> Vec<f64> {
    input.events.iter().map(|event| event.at_s).collect()
}

/// Wanted, vetted and measured position and torque of the chosen joints.
fn joints(input: &HtmlInput<'_>) -> String {
    let mut out = legend(&[
        ("asked", "wanted by the controller", "控制器要求"),
        ("admitted", "vetted by the governor", "安全层核准"),
        ("measured", "measured", "测得"),
    ]);
    out += "<div class=\"pairs\">\n";
    let ticks = excerpt(input);
    for (row, &joint) in input.joints.iter().enumerate() {
        let Some(id) = signals::JointId::new(joint) else { continue };
        let name = input.joint_names.get(joint).map_or("joint", String::as_str);
        let last = row + 1 == input.joints.len();
        for torque in [false, true] {
            let series = |of: fn(&crate::journal::TickJoint) -> [f32; 2]| -> Vec<Option<f32>> {
                let value = |tick: &Tick| of(&tick.joints[id])[usize::from(torque)];
                ticks.iter().map(|tick| Some(value(tick))).collect()
            };
            let wanted = series(|j| [j.wanted_q.0, j.wanted_tau.0]);
            let vetted = series(|j| [j.vetted_q.0, j.vetted_tau.0]);
            let measured = series(|j| [j.q.0, j.tau.0]);
            let (what, unit) = if torque { ("力矩", "N m") } else { ("位置", "rad") };
            let mut plot = Plot::half([name, what], unit, span(ticks), 150.0);
            plot.time_axis = last;
            plot.fit(&[&wanted, &vetted, &measured], 0.1);
            out += &plot.draw(&[
                Line { class: "asked", values: &wanted },
                Line { class: "measured", values: &measured },
                Line { class: "admitted", values: &vetted },
            ]);
        }
    }
    let [from, to] = span(ticks);
    put(
        &mut out,
        format_args!(
            "</div>\n<p class=\"note\">From {from:.1} s to {to:.1} s, so that single steps can \
             be seen; \
             the journal has the rest. <span lang=\"zh\">仅显示 {from:.1} s 至 {to:.1} s，其余见日志。\
             </span></p>\n"
        ),
    );
    out
}

/// A few seconds in which single steps can be seen: around the first shove, else from the first
/// step. The moves of an arm are seen in the whole run.
fn excerpt<'a>(input: &HtmlInput<'a>) -> &'a [Tick] {
    if input.yard.is_none() {
        return input.ticks;
    }
    const BEFORE_S: f64 = 0.5;
    const LENGTH_S: f64 = 3.0;
    let shove = input.events.iter().find(|event| event.kind == "shove").map(|event| event.at_s);
    let step = input.ticks.iter().find(|tick| tick.posture == Posture::Walking);
    let at = shove.or(step.map(|tick| tick.at.as_seconds())).unwrap_or(0.0);
    let index = |time: f64| input.ticks.partition_point(|tick| tick.at.as_seconds() < time);
    let from = at - BEFORE_S;
    input.ticks.get(index(from)..index(from + LENGTH_S)).unwrap_or_default()
}

fn legend(entries: &[(&str, &str, &str)]) -> String {
    let mut out = String::from("<p class=\"legend\">");
    for (class, english, chinese) in entries {
        put(
            &mut out,
            format_args!(
                "<span class=\"key\"><i class=\"{class}\"></i>{english} \
                 <span lang=\"zh\">{chinese}</span></span>"
            ),
        );
    }
    out + "</p>\n"
}

fn interventions(input: &HtmlInput<'_>) -> String {
    if input.records.is_empty() {
        return "<p>The governor did not have to act. <span lang=\"zh\">安全层无需介入。</span></p>\n"
            .into();
    }
    let mut out = String::from(
        "<div class=\"scroll\"><table><thead><tr><th class=\"number\">s</th><th>rule<br><span \
         lang=\"zh\">规则</span>\
         </th><th>clause<br><span lang=\"zh\">条款</span></th><th class=\"number\">asked<br><span \
         lang=\"zh\">要求\
         </span></th><th class=\"number\">allowed<br><span lang=\"zh\">允许</span></th><th \
         class=\"number\">measured<br>\
         <span lang=\"zh\">测得</span></th><th class=\"number\">limit<br><span \
         lang=\"zh\">限值</span></th>\
         <th>what happened <span lang=\"zh\">说明</span></th></tr></thead><tbody>\n",
    );
    for record in input.records.iter().take(ROWS) {
        let [asked, allowed] =
            [record.asked, record.allowed].map(|number| quantity(number, &record.unit));
        let [measured, limit] =
            [record.measured, record.limit].map(|number| quantity(number, &record.measured_unit));
        put(
            &mut out,
            format_args!(
                "<tr><td class=\"number\">{:.3}</td><td><code>{}</code></td><td>{}</td>\
                 <td class=\"number\">{asked}</td><td class=\"number\">{allowed}</td>\
                 <td class=\"number\">{measured}</td><td class=\"number\">{limit}</td>\
                 <td>{}<br><span lang=\"zh\">{}</span></td></tr>\n",
                record.at_s,
                escape(&record.rule),
                escape(&record.clause),
                escape(&record.sentence),
                escape(&record.sentence_zh)
            ),
        );
    }
    out += "</tbody></table></div>\n";
    if let Some(more) = input.records.len().checked_sub(ROWS).filter(|more| *more > 0) {
        put(
            &mut out,
            format_args!(
                "<p class=\"note\">and {more} more in the journal: <code>triune why</code>. \
                 <span lang=\"zh\">其余 {more} 条见日志。</span></p>\n"
            ),
        );
    }
    out
}

/// A number with its unit; a dash where the number means nothing.
fn quantity(number: Option<f32>, unit: &str) -> String {
    match (number, unit) {
        (_, "") => "–".into(),
        (None, unit) => format!("not finite {}", escape(unit)),
        (Some(number), unit) => format!("{number:.3} {}", escape(unit)),
    }
}

fn provenance(report: &Report) -> String {
    let mut out = String::from("<table class=\"plain\"><tbody>\n");
    let mut row = |name: &str, value: &str| {
        let (name, value) = (escape(name), escape(value));
        put(&mut out, format_args!("<tr><th>{name}</th><td>{value}</td></tr>\n"));
    };
    row("state hash", &report.state_hash);
    let brain = &report.brain;
    row("brain", &format!("{}, {} plans, {} late", brain.backend, brain.plans, brain.late));
    row("model sha256", &brain.model_sha256);
    for (file, hash) in &report.config_hashes {
        row(file, hash);
    }
    let estimator = report.estimator;
    row(
        "estimator",
        &format!(
            "velocity within {:.3} m/s rms, drift {:.1} % of the path",
            estimator.velocity_rmse_mps, estimator.drift_percent
        ),
    );
    let journal = &report.journal;
    row(
        "journal",
        &format!(
            "{} ticks, {} records, {} events; lost {} (ring full), {} (not written) {}",
            journal.ticks,
            journal.records,
            journal.events,
            journal.lost_ring,
            journal.lost_write,
            journal.error.as_deref().unwrap_or_default()
        ),
    );
    for missing in &report.missing {
        row("not granted", &missing.to_string());
    }
    out + "</tbody></table>\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, EventKind};
    use signals::{Instant, Joints, Level, Metres, MetresPerSecond};

    fn page(report: &Report, ticks: &[Tick]) -> String {
        let event = Event::new(Instant::from_nanos(500_000_000), 500, EventKind::Shove, "<b>");
        let event = event.with([0.0, 60.0, 0.2, 0.0]);
        let record = RecordLine {
            rule: "PLAN-RANGE".into(),
            unit: "m/s".into(),
            allowed: Some(0.8),
            sentence_zh: "已限制".into(),
            ..RecordLine::default()
        };
        render(&HtmlInput {
            report,
            ticks,
            records: &vec![record; ROWS + 1],
            events: &[EventLine::of(&event)],
            yard: Some(&Yard::default()),
            joint_names: &["hip".into()],
            joints: &[0, 99],
        })
    }

    /// Clauses: O8, D4, E1.
    #[test]
    fn one_file_without_the_network_and_with_everything_in_it() {
        let ticks: Vec<_> = (0..2000)
            .map(|cycle| Tick {
                cycle,
                at: Instant::from_nanos(cycle * 1_000_000),
                level: if cycle < 1000 { Level::Nominal } else { Level::Hold },
                true_position: Some([Metres(cycle as f32 * 1e-3), Metres(0.0), Metres(0.3)]),
                asked: Some(BaseVelocity {
                    forward: MetresPerSecond(f32::NAN),
                    ..BaseVelocity::ZERO
                }),
                joints: Joints::filled(crate::journal::TickJoint::default(), 1),
                ..Tick::default()
            })
            .collect();
        let report = Report::new("quad12", "rapier", 7, &crate::realtime::Pace::Virtual);
        let page = page(&report, &ticks);
        for part in [
            "<svg",
            "Mission complete",
            "任务完成",
            "PLAN-RANGE",
            "已限制",
            "0.800 m/s",
            "not finite m/s",
            "HOLD",
            "and 1 more in the journal",
            "&lt;b&gt;",
            "virtual time",
        ] {
            assert!(page.contains(part), "{part}");
        }
        for part in ["http", "<script", "NaN", "inf", "<b></b>"] {
            assert!(!page.contains(part), "{part}");
        }
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn a_run_without_a_journal_still_has_a_page() {
        let report = Report::new("quad12", "rapier", 7, &crate::realtime::Pace::Virtual);
        let page = page(&report, &[]);
        assert!(page.contains("No ticks were kept") && !page.contains("NaN"));
    }
}
