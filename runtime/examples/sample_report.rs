//! Makes a report from invented data, to look at the page without running a robot:
//! `cargo run -p triune-runtime --example sample_report -- FOLDER`.

use std::path::PathBuf;
use std::time::Duration;

use runtime::html::{self, Block, Disc, HtmlInput, Yard};
use runtime::journal::{Event, EventKind, EventLine, RecordLine, Tick, TickJoint};
use runtime::realtime::{Lateness, Pace};
use runtime::report::{
    LatenessReport, MissionEvent, Report, RuleCount, colour_wanted, prepare_folder,
};
use signals::{
    BaseVelocity, Instant, Joints, Level, Metres, MetresPerSecond, NewtonMetres, Posture, Radians,
    RadiansPerSecond,
};

const TICKS: u64 = 60_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| "sample_report".into(), PathBuf::from);
    let folder = prepare_folder(&folder)?;
    let lateness = lateness();
    let ticks = ticks();
    let events: Vec<_> = events().iter().map(EventLine::of).collect();
    let report = report(&events, &lateness, &folder);
    let names: Vec<String> =
        ["FL_hip_joint", "FL_thigh_joint", "FL_calf_joint"].map(Into::into).into();
    let page = html::render(&HtmlInput {
        report: &report,
        ticks: &ticks,
        records: &records(),
        events: &events,
        yard: Some(&yard()),
        joint_names: &names,
        joints: &[0, 1, 2],
    });
    report.write(&folder, &page)?;
    print!("{}", report.one_screen(100, colour_wanted()));
    Ok(())
}

/// A bend through the yard, with the levels of a mission that goes wrong in every scripted way.
fn ticks() -> Vec<Tick> {
    let (mut x, mut y) = (0.0_f64, 0.0_f64);
    let mut ticks = Vec::new();
    for cycle in 0..TICKS {
        let t = cycle as f64 * 1e-3;
        let walking = (3.0..24.0).contains(&t) || (27.0..33.0).contains(&t);
        let speed = if walking { 0.42 + 0.05 * (t * 2.1).sin() } else { 0.0 };
        let heading = 0.55 * (t * 0.33).sin();
        x += speed * heading.cos() * 1e-3;
        y += speed * heading.sin() * 1e-3;
        let ripple = 0.03 * (t * 31.0).sin() + 0.02 * (t * 113.0).sin();
        let velocity = |forward: f64, yaw: f64| BaseVelocity {
            forward: MetresPerSecond(forward as f32),
            left: MetresPerSecond((0.3 * ripple) as f32),
            yaw: RadiansPerSecond(yaw as f32),
        };
        let asked = match t {
            t if (24.0..24.4).contains(&t) => Some(velocity(5.0, 0.0)),
            t if walking => Some(velocity(speed * 1.1, 0.18 * (t * 0.33).cos())),
            _ => None,
        };
        let shove = if (14.0..14.6).contains(&t) { 0.3 * ((t - 14.0) * 8.0).sin() } else { 0.0 };
        ticks.push(Tick {
            cycle,
            at: Instant::from_nanos(cycle * 1_000_000),
            level: level(t),
            posture: if walking { Posture::Walking } else { Posture::Standing },
            position: [Metres(x as f32), Metres((y + 0.01 * t.sqrt()) as f32), Metres(0.3)],
            true_position: Some([Metres(x as f32), Metres(y as f32), Metres(0.3)]),
            asked,
            admitted: velocity(speed, 0.18 * (t * 0.33).cos() * f64::from(u8::from(walking))),
            measured: velocity(speed + ripple + shove, 0.16 * (t * 0.33).cos() + 2.0 * ripple),
            joints: joints(t, walking),
            lateness_ns: late_ns(cycle),
            ..Tick::default()
        });
    }
    ticks
}

fn level(t: f64) -> Level {
    match t {
        t if t < 9.0 => Level::Nominal,
        t if t < 10.5 => Level::Notice,
        t if t < 24.0 => Level::Nominal,
        t if t < 26.0 => Level::Notice,
        t if t < 33.0 => Level::Nominal,
        t if t < 38.0 => Level::Hold,
        t if t < 38.5 => Level::Limited,
        t if t < 41.0 => Level::Settle,
        t if t < 50.0 => Level::Stopped,
        _ => Level::Nominal,
    }
}

fn joints(t: f64, walking: bool) -> Joints<TickJoint> {
    Joints::from_fn(3, |id| {
        let place = id.index() as f64;
        let swing = if walking { (t * 15.7 + place).sin() } else { 0.0 };
        let q = [0.0, 0.79, -1.58].get(id.index()).copied().unwrap_or(0.0) + 0.25 * swing;
        let tau = 4.0 * place + 6.0 * swing;
        TickJoint {
            wanted_q: Radians((q + 0.04 * swing) as f32),
            wanted_tau: NewtonMetres(tau as f32 * 1.2),
            vetted_q: Radians((q + 0.03 * swing) as f32),
            vetted_tau: NewtonMetres(tau as f32),
            q: Radians(q as f32),
            dq: RadiansPerSecond::ZERO,
            tau: NewtonMetres((tau - 0.4 * swing) as f32),
        }
    })
}

fn late_ns(tick: u64) -> u32 {
    let random = (tick.wrapping_mul(6_364_136_223_846_793_005) >> 33) as u32 % 1000;
    4_000 + 30 * random + if random > 997 { 240_000 } else { 0 }
}

fn lateness() -> Lateness {
    let mut late = Lateness::new();
    for tick in 0..TICKS {
        late.record(Duration::from_nanos(late_ns(tick).into()));
    }
    late
}

fn events() -> Vec<Event> {
    let event = |seconds: f64, kind, label| {
        let nanos = (seconds * 1e9) as u64;
        Event::new(Instant::from_nanos(nanos), nanos / 1_000_000, kind, label)
    };
    vec![
        event(0.0, EventKind::Phase, "stand up"),
        event(3.0, EventKind::Phase, "walk to the goal"),
        event(14.0, EventKind::Shove, "").with([0.0, 60.0, 0.2, 0.0]),
        event(24.0, EventKind::ForbiddenPlan, "5 m/s"),
        event(24.5, EventKind::ForbiddenPlan, "not a number"),
        event(25.0, EventKind::ForbiddenPlan, "valid for an hour"),
        event(25.5, EventKind::ForbiddenPlan, "observed 2 s ago"),
        event(32.2, EventKind::BrainKilled, ""),
        event(33.1, EventKind::GoalReached, "").with([9.1, 1.2, 0.2, 0.0]),
        event(38.0, EventKind::SensorFault, "FL_calf_joint frozen"),
        event(42.0, EventKind::ResetAsked, "cause persists"),
        event(46.0, EventKind::SensorCleared, "FL_calf_joint"),
        event(47.0, EventKind::ResetAsked, ""),
        event(50.0, EventKind::StartAsked, ""),
        event(56.0, EventKind::StopPressed, ""),
        event(60.0, EventKind::Finished, ""),
    ]
}

fn records() -> Vec<RecordLine> {
    let record =
        |at_s: f64, rule: &str, clause: &str, numbers: [f32; 4], words: [&str; 2]| RecordLine {
            at_s,
            rule: rule.into(),
            clause: clause.into(),
            asked: numbers[0].is_finite().then_some(numbers[0]),
            allowed: Some(numbers[1]),
            unit: "m/s".into(),
            measured: Some(numbers[2]),
            limit: Some(numbers[3]),
            measured_unit: if rule == "LIDAR-BRAKE" { "m".into() } else { "m/s".into() },
            sentence: words[0].into(),
            sentence_zh: words[1].into(),
            ..RecordLine::default()
        };
    vec![
        record(
            9.012,
            "LIDAR-BRAKE",
            "H1",
            [0.45, 0.31, 0.62, 0.7],
            [
                "Limited: something is too near for this speed, asked 0.450 m/s, allowed 0.310 \
                 m/s, \
             measured 0.620 m, limit 0.700 m (rule LIDAR-BRAKE, clause H1).",
                "已限制：以此速度距物体过近，要求 0.450 m/s，允许 0.310 m/s，测得 0.620 m，限值 0.700 m\
             （规则 LIDAR-BRAKE，条款 H1）。",
            ],
        ),
        record(
            24.0,
            "PLAN-RANGE",
            "M2",
            [5.0, 0.8, 5.0, 0.8],
            [
                "Limited: the plan asks for too much speed, asked 5.000 m/s, allowed 0.800 m/s \
                 (rule \
             PLAN-RANGE, clause M2).",
                "已限制：计划要求的速度过高，要求 5.000 m/s，允许 0.800 m/s（规则 PLAN-RANGE，条款 M2）。",
            ],
        ),
        record(
            24.5,
            "PLAN-FINITE",
            "A2",
            [f32::NAN, 0.0, 0.0, 0.0],
            [
                "Plan 241 was refused: a number of the plan is not finite (rule PLAN-FINITE, \
                 clause A2).",
                "计划 241 被拒绝：计划含非有限数（规则 PLAN-FINITE，条款 A2）。",
            ],
        ),
    ]
}

fn yard() -> Yard {
    let wall = |center, half| Block { center, half, yaw: 0.0 };
    Yard {
        from: [-1.5, -3.5],
        to: [11.5, 3.5],
        blocks: vec![
            wall([5.0, 3.4], [6.4, 0.1]),
            wall([5.0, -3.4], [6.4, 0.1]),
            wall([-1.4, 0.0], [0.1, 3.3]),
            wall([11.4, 0.0], [0.1, 3.3]),
            Block { center: [3.0, -1.4], half: [0.4, 0.3], yaw: 0.5 },
            Block { center: [7.6, -0.4], half: [0.3, 0.5], yaw: -0.3 },
        ],
        discs: vec![
            Disc { center: [5.4, 2.2], radius: 0.35 },
            Disc { center: [1.8, 1.9], radius: 0.25 },
        ],
        start: [0.0, 0.0],
        goal: Some(Disc { center: [9.4, 1.6], radius: 0.4 }),
    }
}

fn report(events: &[EventLine], lateness: &Lateness, folder: &std::path::Path) -> Report {
    let mut report = Report::new("quad12", "rapier", 7, &Pace::real_time(Duration::from_millis(1)));
    (report.duration_s, report.ticks) = (60.0, TICKS);
    (report.distance_m, report.goal_reached) = (11.2, true);
    report.real_time_factor = 1.0;
    report.timing.rate_hz = 1000.0;
    report.timing.lateness_us = LatenessReport::from(lateness);
    report.brain.backend = "rten".into();
    (report.brain.plans, report.brain.refused) = (301, 3);
    report.governor.max_level = Level::Stopped;
    report.governor.interventions =
        RuleCount::list([(governor::Rule::LidarBrake, 412), (governor::Rule::PlanRange, 40)]);
    report.state_hash = "0f4d2c".repeat(10);
    report.journal.path = folder.join(runtime::report::JOURNAL_FILE);
    (report.journal.ticks, report.journal.records) = (TICKS, 3);
    report.mission.events = events
        .iter()
        .map(|event| MissionEvent {
            at_s: event.at_s,
            what: event.sentence.clone(),
            rule: (event.kind == "forbidden_plan").then(|| "PLAN-RANGE".into()),
            ok: true,
        })
        .collect();
    report
}
