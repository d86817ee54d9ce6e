//! What came out, as a table of Markdown and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::scene::Scene;
use crate::walk::Walk;

/// What is told of one scene; the numbers are of the walks that did not fall.
#[derive(Clone, Debug)]
struct Row {
    name: String,
    upright: u64,
    walks: u64,
    numbers: [f64; COLUMNS.len()],
}

/// Names of the numbers of a row.
const COLUMNS: [&str; 10] = [
    "speed",
    "off, rms",
    "roll, rms deg",
    "pitch, rms deg",
    "pitch, mean deg",
    "vx error, m/s",
    "vy error, m/s",
    "height error, mm",
    "drift, %",
    "torque, rms N m",
];

/// One table: what was measured, and how often a shove was survived.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    seeds: u64,
    rows: Vec<Row>,
}

impl Outcome {
    /// Of the walks of each scene.
    pub(crate) fn of(scenes: &[Scene], walks: &[Vec<Walk>], seeds: u64) -> Self {
        let rows = scenes.iter().zip(walks).map(|(scene, walks)| Row::of(scene, walks)).collect();
        Self { seeds, rows }
    }

    /// What [`Outcome::json`] wrote.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        let value: Value = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
        let rows = value["rows"].as_object()?.iter();
        let rows = rows.map(|(name, row)| {
            let number = |k: usize| row["numbers"][k].as_f64().unwrap_or(f64::NAN);
            Some(Row {
                name: name.clone(),
                upright: row["upright"].as_u64()?,
                walks: row["walks"].as_u64()?,
                numbers: std::array::from_fn(number),
            })
        });
        Some(Self { seeds: value["seeds"].as_u64()?, rows: rows.collect::<Option<_>>()? })
    }

    pub(crate) fn json(&self) -> String {
        let rows: serde_json::Map<String, Value> = self
            .rows
            .iter()
            .map(|row| {
                let numbers = row.numbers.map(|n| (n * 1e5).round() / 1e5);
                let value = json!({"upright": row.upright, "walks": row.walks, "numbers": numbers});
                (row.name.clone(), value)
            })
            .collect();
        let all = json!({"seeds": self.seeds, "rows": rows});
        serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
    }

    /// Both tables; numbers of `before` stand before an arrow.
    pub(crate) fn page(&self, before: Option<&Self>) -> String {
        let mut page = format!("| {} seeds each | upright |", self.seeds);
        let _ = writeln!(page, " {} |", COLUMNS.join(" | "));
        let _ = writeln!(page, "|---|{}", "---|".repeat(COLUMNS.len() + 1));
        let earlier = |name: &str| before.and_then(|all| all.rows.iter().find(|r| r.name == name));
        for row in self.rows.iter().filter(|row| !row.is_shove()) {
            let old = earlier(&row.name);
            let upright = |row: &Row| format!("{}/{}", row.upright, row.walks);
            let _ = write!(page, "| {} | {} |", row.name, pair(old.map(upright), upright(row)));
            for (k, number) in row.numbers.iter().enumerate() {
                let old = old.map(|row| shown(row.numbers[k]));
                let _ = write!(page, " {} |", pair(old, shown(*number)));
            }
            page.push('\n');
        }
        page.push('\n');
        self.shoves(&mut page, before);
        page
    }

    /// Impulse by direction: how many stayed upright.
    fn shoves(&self, page: &mut String, before: Option<&Self>) {
        let shoves: Vec<&Row> = self.rows.iter().filter(|row| row.is_shove()).collect();
        if shoves.is_empty() {
            return;
        }
        let _ = writeln!(
            page,
            "| shoved, stays upright | from ahead | 45 deg | left | 135 deg | \
                                behind | 225 deg | right | 315 deg | all |"
        );
        let _ = writeln!(page, "|---|{}", "---|".repeat(9));
        for impulse in shoves.chunks(8) {
            let head = impulse[0].name.split(" from").next().unwrap_or_default();
            let _ = write!(page, "| {} |", head.trim_start_matches("shove of "));
            let old = |name: &str| before.and_then(|all| all.rows.iter().find(|r| r.name == name));
            let (mut sum, mut walks, mut sum_before) = (0, 0, None);
            for row in impulse {
                let earlier = old(&row.name).map(|row| row.upright);
                let _ = write!(
                    page,
                    " {} |",
                    pair(earlier.map(|n| n.to_string()), row.upright.to_string())
                );
                (sum, walks) = (sum + row.upright, walks + row.walks);
                sum_before = earlier.map(|n| n + sum_before.unwrap_or(0)).or(sum_before);
            }
            let share = |n: u64| format!("{:.0} %", 100.0 * n as f64 / walks as f64);
            let _ = writeln!(page, " {} |", pair(sum_before.map(share), share(sum)));
        }
    }
}

impl Row {
    fn is_shove(&self) -> bool {
        self.name.starts_with("shove")
    }

    fn of(scene: &Scene, walks: &[Walk]) -> Self {
        let up: Vec<&Walk> = walks.iter().filter(|walk| !walk.fell).collect();
        let ticks: f64 = up.iter().map(|walk| walk.ticks).sum();
        let mean = |of: &dyn Fn(&Walk) -> f64| up.iter().map(|w| of(w)).sum::<f64>() / ticks;
        let rms = |of: &dyn Fn(&Walk) -> f64| mean(of).sqrt();
        let axis = (0..3).max_by(|&a, &b| scene.wish[a].abs().total_cmp(&scene.wish[b].abs()));
        let axis = axis.unwrap_or(0);
        let path: f64 = up.iter().map(|walk| walk.path).sum();
        let drift: f64 = up.iter().map(|walk| walk.drift).sum();
        let still = scene.wish == [0.0; 3];
        let numbers = [
            mean(&|w| w.moved[axis]),
            rms(&|w| w.off[axis]),
            rms(&|w| w.tilt[0]).to_degrees(),
            rms(&|w| w.tilt[1]).to_degrees(),
            mean(&|w| w.lean[1]).to_degrees(),
            rms(&|w| w.estimate[0]),
            rms(&|w| w.estimate[1]),
            1e3 * mean(&|w| w.height),
            if still { f64::NAN } else { 100.0 * drift / path },
            rms(&|w| w.torque),
        ];
        let upright = up.len() as u64;
        Self { name: scene.name.clone(), upright, walks: walks.len() as u64, numbers }
    }
}

fn shown(number: f64) -> String {
    if number.is_nan() { "-".into() } else { format!("{number:.3}") }
}

fn pair(before: Option<String>, now: String) -> String {
    before.map_or_else(|| now.clone(), |before| format!("{before} → {now}"))
}

/// The page of the documentation around the tables.
pub(crate) fn document(page: &str) -> String {
    format!("{HEAD}\n{page}")
}

const HEAD: &str = "\
# How the quadruped walks

Made by one command, on virtual time, from the simulator's truth:

```sh
cargo run --release -p triune-tests --example locomotion -- --write
```

Before an arrow stands what the same program measured on commit 29bb4c6, the last one without
whole-body control: ground forces turned into torques leg by leg, feet taken as standing still over
the planner's horizon, leg odometry with an attitude filter. A robot that walks is asked 6 s long,
after it has had 2.5 s to get there; a shove of 0.1 s comes at 0.5 m/s, spread over the stride, and
counts as survived when the robot is upright 2 s later. The governor limits every joint as always;
its opinion on speed, balance and planners is off, so that the motion controller is seen. *Off* is
the difference from the asked velocity in its own direction; m/s, rad/s for turning. Errors are of
the estimate. A torque that comes 10 ms late needs commands that are valid for longer: 15 ms. Stones
lie where the estimator believes level ground, so its height is off by their mean height.
";
