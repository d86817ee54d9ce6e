//! What `triune top` shows, from what was seen. Draws; asks nobody.

use std::time::{Duration, Instant};

use bus::network::samples::{CycleSample, FrameSample};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Row, Table, Wrap};
use serde_json::{Value, json};
use signals::Level;

use crate::network::decode::authority_numbered;
use crate::network::reach::About;
use crate::network::watch::{Seen, text};
use crate::why::Lang;
use crate::words;

/// Silent for so long, a robot counts as gone.
const GONE: Duration = Duration::from_secs(3);
/// Records that are shown.
const RECORDS: usize = 6;

/// A robot and what was seen of it.
pub struct Robot {
    /// What it says of itself.
    pub about: About,
    /// What it shows.
    pub seen: Seen,
    /// Samples of another version's layout.
    pub foreign: u64,
    /// Time since it answered last.
    pub silent: Duration,
}

/// One screen.
pub struct Screen<'a> {
    /// All robots.
    pub robots: &'a [Robot],
    /// Which one is shown in full.
    pub chosen: usize,
    /// Language of the levels.
    pub lang: Lang,
    /// What a person was asked or told.
    pub note: &'a str,
    /// Now.
    pub now: Instant,
}

/// Ages, by the robot's own clock, s; `None` for what never was.
struct Ages {
    plan: Option<f64>,
    scan: Option<f64>,
    joints: Option<f64>,
    /// Since the newest sample came here.
    heard: Option<f64>,
}

impl Robot {
    fn level(&self) -> Option<Level> {
        self.seen.level_mode().map(|(level, _)| level)
    }

    fn is_gone(&self, now: Instant) -> bool {
        self.silent > GONE || self.ages(now).heard.is_some_and(|age| age > GONE.as_secs_f64())
    }

    fn ages(&self, now: Instant) -> Ages {
        let seen = &self.seen;
        let newest = [
            seen.ruling.map(|newest| newest.at),
            seen.cycle.map(|newest| newest.at),
            seen.frame.map(|newest| newest.at),
            seen.state.map(|newest| newest.at),
        ];
        let newest = newest.into_iter().flatten().max();
        let since = |at: u64| newest.map(|newest| newest.saturating_sub(at) as f64 / 1e9);
        let plan = seen.cycle.map(|cycle| cycle.sample.plan_age).filter(|age| *age != u64::MAX);
        let scan = seen.scan.map(|scan| scan.sample.measured_at).filter(|at| *at > 0);
        let joints = seen.frame.and_then(|frame| {
            let used = usize::try_from(frame.sample.joint_count).unwrap_or(0);
            let oldest = frame.sample.joint_at.iter().take(used).min().copied()?;
            Some(frame.at.saturating_sub(oldest) as f64 / 1e9)
        });
        let came = [
            seen.ruling.map(|newest| newest.came),
            seen.cycle.map(|newest| newest.came),
            seen.frame.map(|newest| newest.came),
        ];
        let came = came.into_iter().flatten().max();
        Ages {
            plan: plan.map(|age| age as f64 / 1e9),
            scan: scan.and_then(since),
            joints,
            heard: came.map(|came| now.saturating_duration_since(came).as_secs_f64()),
        }
    }

    fn speed(&self) -> Option<[f32; 3]> {
        let state = self.seen.state?.sample;
        let [forward, left, _] = state.velocity;
        Some([forward, left, state.angular_velocity.last().copied()?])
    }

    /// For programs.
    #[must_use]
    pub fn json(&self, now: Instant) -> Value {
        let ages = self.ages(now);
        let level_mode = self.seen.level_mode();
        let authority = self.seen.ruling.map(|r| authority_numbered(r.sample.authority));
        let records = self.seen.records.iter().map(|told| {
            json!({
                "at_ns": told.at, "rule": text(&told.sample.rule), "said": text(&told.sample.said),
            })
        });
        let posture = self.seen.state.map(|state| posture(state.sample.posture));
        json!({
            "name": self.about.name, "run": self.about.run, "gone": self.is_gone(now),
            "level": level_mode.map(|(level, _)| level.name()),
            "mode": level_mode.map(|(_, mode)| mode.name()),
            "authority": authority, "posture": posture,
            "speed": self.speed().map(|speed| speed.map(short)),
            "age_s": {
                "plan": ages.plan, "scan": ages.scan, "joints": ages.joints, "heard": ages.heard,
            },
            "loop": self.seen.cycle.map(|cycle| cycle_json(&cycle.sample)),
            "joints": self.seen.frame.map(|frame| self.joints_json(&frame.sample)),
            "records": records.collect::<Vec<_>>(), "foreign": self.foreign,
        })
    }

    fn joints_json(&self, frame: &FrameSample) -> Value {
        let number = |value: Option<&f32>| value.copied().and_then(short);
        self.joints(frame).map(|(at, name)| json!({
            "name": name, "q": number(frame.q.get(at)), "dq": number(frame.dq.get(at)),
            "tau": number(frame.tau.get(at)), "temperature": number(frame.temperature.get(at)),
        })).collect()
    }

    fn joints(&self, frame: &FrameSample) -> impl Iterator<Item = (usize, String)> {
        let used = usize::try_from(frame.joint_count).unwrap_or(0).min(frame.q.len());
        let name = |at| self.about.joints.get(at).cloned().unwrap_or_else(|| format!("joint {at}"));
        (0..used).map(move |at| (at, name(at)))
    }
}

/// By its shortest digits: 0.1 of 32 bit is 0.1 and not 0.10000000149. `None` for what is no
/// number.
fn short(value: f32) -> Option<f64> {
    value.to_string().parse().ok().filter(|value: &f64| value.is_finite())
}

fn posture(number: u32) -> &'static str {
    let known = u8::try_from(number).ok().and_then(words::posture_numbered);
    known.map_or("unknown", words::posture)
}

fn cycle_json(cycle: &CycleSample) -> Value {
    json!({
        "cycle": cycle.cycle, "lateness_p50_ns": cycle.lateness_p50,
        "lateness_p99_ns": cycle.lateness_p99, "lateness_max_ns": cycle.lateness_max,
        "overruns": cycle.overruns, "allocations": cycle.allocations, "plans": cycle.plans,
        "plans_late": cycle.plans_late, "plans_refused": cycle.plans_refused,
        "snapshots_overwritten": cycle.snapshots_overwritten,
        "records_dropped": cycle.records_dropped, "sent": cycle.sent, "taken": cycle.taken,
        "refused_size": cycle.refused_size, "refused_rate": cycle.refused_rate,
        "refused_layout": cycle.refused_layout, "refused_authority": cycle.refused_authority,
        "refused_content": cycle.refused_content, "planner_epoch": cycle.planner_epoch,
        "operator_epoch": cycle.operator_epoch, "maintainer_epoch": cycle.maintainer_epoch,
        "stop": cycle.stop == 1,
    })
}

/// How bad it is, as a colour; the word stands beside it.
fn style(level: Option<Level>) -> Style {
    match level {
        None => Style::new().fg(Color::DarkGray),
        Some(level) if level >= Level::Settle => Style::new().fg(Color::Red),
        Some(level) if level >= Level::Warning => Style::new().fg(Color::Yellow),
        Some(_) => Style::new().fg(Color::Green),
    }
}

fn millis(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{:.0} ms", seconds * 1e3))
}

impl Screen<'_> {
    /// Rows that show the chosen robot in full.
    #[must_use]
    pub fn height(&self) -> u16 {
        let frame = self.robots.get(self.chosen).and_then(|robot| robot.seen.frame);
        let joints = frame.map_or(0, |frame| frame.sample.joint_count);
        let robots = u16::try_from(self.robots.len()).unwrap_or(99);
        robots + u16::try_from(joints).unwrap_or(64).min(64) + 21
    }

    /// Draws it.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let robots = u16::try_from(self.robots.len()).unwrap_or(99);
        let [top, facts, records, joints, foot] = Layout::vertical([
            Constraint::Length(robots + 3),
            Constraint::Length(6),
            Constraint::Length(2 + RECORDS as u16),
            Constraint::Min(3),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        frame.render_widget(self.table(), top);
        if let Some(robot) = self.robots.get(self.chosen) {
            frame.render_widget(self.facts(robot), facts);
            frame.render_widget(told(robot), records);
            frame.render_widget(table_of_joints(robot), joints);
        }
        let keys = "arrows choose  s stop  q end";
        let note = if self.note.is_empty() { keys } else { self.note };
        frame.render_widget(Line::from(note).style(Modifier::BOLD), foot);
    }

    fn table(&self) -> Table<'_> {
        let row = |(at, robot): (usize, &Robot)| {
            let (level, gone) = (robot.level(), robot.is_gone(self.now));
            let word = match (level, self.lang) {
                (_, _) if gone => "GONE".to_owned(),
                (None, _) => "?".to_owned(),
                (Some(level), Lang::En | Lang::Both) => level.name().to_owned(),
                (Some(level), Lang::Zh) => words::level_chinese(level).to_owned(),
            };
            let mode = robot.seen.level_mode().map_or("?", |(_, mode)| mode.name());
            let ruling = robot.seen.ruling.map_or("?", |r| authority_numbered(r.sample.authority));
            let posture = match (robot.seen.state, self.lang) {
                (None, _) => "?",
                (Some(state), Lang::En | Lang::Both) => posture(state.sample.posture),
                (Some(state), Lang::Zh) => u8::try_from(state.sample.posture)
                    .ok()
                    .and_then(words::posture_numbered)
                    .map_or("?", words::posture_chinese),
            };
            let speed = robot.speed().map_or_else(String::new, |[forward, left, yaw]| {
                format!("{forward:+.2} {left:+.2} {yaw:+.2}")
            });
            let mark = if at == self.chosen { ">" } else { " " };
            let name = robot.about.name.clone();
            let style = style(level.filter(|_| !gone));
            let cells = [mark.to_owned(), name, word, mode.into(), ruling.into(), posture.into()];
            Row::new(cells.into_iter().chain([speed])).style(style)
        };
        let widths = [
            Constraint::Length(1),
            Constraint::Min(12),
            Constraint::Length(9),
            Constraint::Length(11),
            Constraint::Length(12),
            Constraint::Length(9),
            Constraint::Length(20),
        ];
        let head = ["", "robot", "level", "mode", "driven by", "posture", "m/s m/s rad/s"];
        Table::new(self.robots.iter().enumerate().map(row), widths)
            .header(Row::new(head).style(Modifier::BOLD))
            .block(Block::bordered().title(" triune "))
    }

    fn facts(&self, robot: &Robot) -> Paragraph<'_> {
        let ages = robot.ages(self.now);
        let (plan, scan, joints) = (millis(ages.plan), millis(ages.scan), millis(ages.joints));
        let heard = millis(ages.heard);
        let mut lines = vec![Line::from(format!(
            "age     plan {plan}  scan {scan}  joints {joints}  heard {heard} ago"
        ))];
        if let Some(cycle) = robot.seen.cycle.map(|cycle| cycle.sample) {
            let us = |nanos: u64| nanos / 1000;
            let (rate, overruns) = (robot.about.rate_hz, cycle.overruns);
            let (p50, p99) = (us(cycle.lateness_p50), us(cycle.lateness_p99));
            let max = us(cycle.lateness_max);
            lines.push(Line::from(format!(
                "loop    {rate:.0} Hz  late p50 {p50} us  p99 {p99} us  max {max} us  overruns \
                 {overruns}"
            )));
            let (plans, late, refused) = (cycle.plans, cycle.plans_late, cycle.plans_refused);
            lines.push(Line::from(format!(
                "plans   {plans} came  {late} questions too late  {refused} refused{}",
                if cycle.stop == 1 { "  STOPPED OVER THE NETWORK" } else { "" }
            )));
            let holder = |epoch: u32| match epoch {
                0 => "free".to_owned(),
                epoch => format!("#{epoch}"),
            };
            let refused = cycle.refused_size
                + cycle.refused_rate
                + cycle.refused_layout
                + cycle.refused_authority
                + cycle.refused_content;
            lines.push(Line::from(format!(
                "net     sent {}  overwritten {}  records dropped {}  taken {}  refused {refused}",
                cycle.sent, cycle.snapshots_overwritten, cycle.records_dropped, cycle.taken
            )));
            lines.push(Line::from(format!(
                "leases  planner {}  operator {}  maintainer {}{}",
                holder(cycle.planner_epoch),
                holder(cycle.operator_epoch),
                holder(cycle.maintainer_epoch),
                if robot.foreign > 0 { "  SAMPLES OF ANOTHER VERSION" } else { "" }
            )));
        }
        Paragraph::new(lines)
    }
}

fn told(robot: &Robot) -> Paragraph<'_> {
    let line = |told: &crate::network::watch::Told| {
        let at = told.at as f64 / 1e9;
        Line::from(format!("{at:8.2} s  {}", text(&told.sample.said)))
    };
    let lines: Vec<_> = robot.seen.records.iter().rev().take(RECORDS).map(line).collect();
    let lines = if lines.is_empty() { vec![Line::from("nothing since this began")] } else { lines };
    Paragraph::new(lines)
        .wrap(Wrap { trim: false })
        .block(Block::bordered().title(" why, newest first "))
}

fn table_of_joints(robot: &Robot) -> Table<'_> {
    let rows = robot.seen.frame.iter().flat_map(|frame| {
        let sample = &frame.sample;
        let number = |value: Option<&f32>| value.map_or_else(String::new, |v| format!("{v:9.3}"));
        robot.joints(sample).map(move |(at, name)| {
            let temperature = sample.temperature.get(at).map_or_else(String::new, |t| match *t {
                0.0 => "        -".to_owned(),
                t => format!("{t:9.1}"),
            });
            Row::new([
                name,
                number(sample.q.get(at)),
                number(sample.dq.get(at)),
                number(sample.tau.get(at)),
                temperature,
            ])
        })
    });
    let widths = [Constraint::Min(16)].into_iter().chain([Constraint::Length(11); 4]);
    let head = ["joint", "    q rad", " dq rad/s", "  tau N m", "     degC"];
    Table::new(rows.collect::<Vec<_>>(), widths)
        .header(Row::new(head).style(Modifier::BOLD))
        .block(Block::bordered())
}

#[cfg(test)]
mod tests;
