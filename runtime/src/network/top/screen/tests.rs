use super::*;
use crate::network::top;
use crate::network::watch::{Newest, Told};
use bus::network::samples::{RecordSample, RulingSample, StateSample};

fn robot(now: Instant) -> Robot {
    let at = 12_345_000_000;
    let mut frame = FrameSample { joint_count: 2, ..FrameSample::default() };
    frame.joint_at = [at - 4_000_000; 32];
    (frame.q[0], frame.dq[1], frame.tau[0], frame.temperature[0]) = (0.5, -1.25, 7.0, 31.5);
    let cycle = CycleSample {
        lateness_p50: 12_000,
        lateness_p99: 80_000,
        lateness_max: 900_000,
        overruns: 1,
        plans: 7,
        plan_age: 120_000_000,
        sent: 1000,
        refused_size: 2,
        refused_authority: 1,
        operator_epoch: 3,
        ..CycleSample::default()
    };
    let mut record = RecordSample::default();
    record.rule[..9].copy_from_slice(b"PLAN-LATE");
    record.said[..11].copy_from_slice(b"It is late.");
    let ruling = RulingSample { level: 4, mode: 5, authority: 2, ..RulingSample::default() };
    let state = StateSample { posture: 3, velocity: [0.2, 0.0, 0.0], ..StateSample::default() };
    let told = Told { number: 1, sample: record, at: 12_000_000_000 };
    let seen = Seen {
        ruling: Some(Newest { sample: ruling, at, came: now }),
        cycle: Some(Newest { sample: cycle, at, came: now }),
        frame: Some(Newest { sample: frame, at, came: now }),
        state: Some(Newest { sample: state, at, came: now }),
        scan: None,
        records: [told].into(),
        told: 1,
    };
    let joints = vec!["hip".to_owned(), "knee".to_owned()];
    let about = About { name: "dog".into(), joints, rate_hz: 500.0, ..About::default() };
    Robot { about, seen, foreign: 0, silent: Duration::ZERO }
}

const GOLDEN: &str = include_str!("golden.txt");

#[test]
fn the_screen_is_as_it_was() {
    let now = Instant::now();
    let cat = Robot {
        about: About { name: "cat".into(), ..About::default() },
        seen: Seen::default(),
        foreign: 0,
        silent: Duration::from_secs(9),
    };
    let robots = [robot(now), cat];
    let screen = Screen { robots: &robots, chosen: 0, lang: Lang::En, note: "", now };
    let text = top::text(&screen, (96, screen.height()));
    if std::env::var_os("TRIUNE_GOLDEN").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/network/top/screen/golden.txt");
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, GOLDEN, "TRIUNE_GOLDEN=1 writes the new one:\n{text}");
}

#[test]
fn whatever_is_missing_or_too_small_is_drawn() {
    let now = Instant::now();
    let mut absurd = robot(now);
    absurd.seen.frame.as_mut().unwrap().sample.joint_count = u32::MAX;
    absurd.seen.ruling.as_mut().unwrap().sample.level = 99;
    let robots = [absurd];
    for (width, height) in [(1, 1), (10, 5), (200, 100)] {
        for (chosen, note) in [(0, ""), (9, "Stop dog?")] {
            let screen = Screen { robots: &robots, chosen, lang: Lang::Zh, note, now };
            assert!(top::text(&screen, (width, height)).lines().count() <= usize::from(height));
        }
    }
    assert_eq!(robots[0].json(now)["level"], Value::Null);
    assert_eq!(robot(now).json(now)["age_s"]["plan"], json!(0.12));
    let later = now + Duration::from_secs(4);
    assert!(robot(now).is_gone(later) && !robot(now).is_gone(now));
}
