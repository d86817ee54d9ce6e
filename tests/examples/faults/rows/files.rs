//! Rows 11, 33 and 77: what is refused before anything moves, and what is never read.

use std::path::Path;

use brain::{BackendChoice, Policy};
use model::Robot;
use runtime::wiring;
use whole::source::{rust_files, words};

use crate::fault::Dice;

const POLICY: &str = "robots/quadruped/policies/navigate";

/// Row 11: a model that is not the one of the card, or does not fit it, is not loaded.
pub(crate) fn wrong_model(dice: &mut Dice) -> Result<(), String> {
    let folder = whole::root().join(POLICY);
    let (kind, place) = (dice.below(4), dice.below(u64::MAX));
    let spoil = move |file: &Path| {
        let mut bytes = std::fs::read(file)?;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        match (kind, name) {
            (0, "navigate.onnx") => {
                let at = usize::try_from(place % bytes.len() as u64).unwrap_or(0);
                bytes[at] ^= 1 << (place % 8);
            }
            (1, "navigate.onnx") => bytes.truncate(bytes.len() / 2),
            (2, "policy.toml") => bytes = text().replace("name = \"obs", "name = \"other").into(),
            (3, "golden.json") => bytes = text().replacen("0.", "9.", 40).into(),
            _ => {}
        }
        Ok(bytes)
    };
    let refused = match Policy::load_with(&folder, &spoil) {
        Err(_) => true,
        Ok(policy) => policy.open(BackendChoice::Rten).is_err(),
    };
    if refused { Ok(()) } else { Err(format!("a spoiled policy was loaded, kind {kind}")) }
}

/// Row 33: nothing between sensor and drive reads a clock, so that no step of one can matter.
pub(crate) fn wall_clock(_: &mut Dice) -> Result<(), String> {
    const LOOP: &[&str] = &[
        "signals/src/",
        "model/src/",
        "governor/src/",
        "cerebellum/src/",
        "body/src/",
        "sim/src/",
        "runtime/src/cycle.rs",
        "runtime/src/brain_thread.rs",
        "runtime/src/mission.rs",
    ];
    // The measurement of the physics itself, which no robot runs, and what asks a board before it
    // is anybody's body.
    const EXCEPT: &[&str] = &["sim/src/rate.rs", "body/src/link/dialogue.rs"];
    // While a body is connected it waits for answers, by the monotonic clock that no step moves.
    const WAITS: &str = "body/src/";
    let files = rust_files().map_err(|error| error.to_string())?;
    let in_loop = files.iter().filter(|file| {
        LOOP.iter().any(|place| file.path.starts_with(place)) && !EXCEPT.contains(&&*file.path)
    });
    let mut read = 0;
    for file in in_loop {
        read += 1;
        for (number, line) in file.product_lines() {
            let clock = ["SystemTime", "UNIX_EPOCH", "CLOCK_REALTIME"]
                .iter()
                .any(|word| words(line, word).next().is_some());
            let waits = file.path.starts_with(WAITS);
            if clock || line.contains("Instant::now") && !waits {
                return Err(format!("{}:{number} reads a clock", file.path));
            }
        }
    }
    if read > 30 { Ok(()) } else { Err(format!("only {read} files of the loop were found")) }
}

/// Row 77: a robot file with a number or a combination that is not safe is refused.
pub(crate) fn unsafe_config(dice: &mut Dice) -> Result<(), String> {
    let folder = whole::root().join("robots/quadruped");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
    let (text, model) = (read("robot.toml")?, read("quadruped.xml")?);
    let (from, to) = dice.one_of(UNSAFE);
    let changed = text.replacen(from, to, 1);
    if changed == text {
        return Err(format!("the robot file has no line {from:?}"));
    }
    match Robot::parse("robot.toml", &changed, |_| Ok(model.clone())) {
        Err(_) => Ok(()),
        Ok(robot) if wiring::governor(&robot).is_err() => Ok(()),
        Ok(_) => Err(format!("{to:?} was accepted")),
    }
}

/// Lines of the robot file, and what must not stand there.
const UNSAFE: &[(&str, &str)] = &[
    // Numbers.
    ("rate_hz = 1000", "rate_hz = 0"),
    ("rate_hz = 1000", "rate_hz = nan"),
    ("torque_max_nm = 23.7", "torque_max_nm = -23.7"),
    ("torque_max_nm = 23.7", "torque_max_nm = inf"),
    ("tilt_max_deg = 35.0", "tilt_max_deg = 200.0"),
    ("limited_scale = 0.5", "limited_scale = 1.5"),
    ("settle_timeout_s = 4.0", "settle_timeout_s = 0.0"),
    // Units taken for others.
    ("position_min_rad = -0.95", "position_min_rad = -95.0"),
    ("plan_age_max_ms = 500.0", "plan_age_max_ms = 500000.0"),
    // Combinations.
    ("position_min_rad = -0.95", "position_min_rad = 1.0"),
    ("no_load_speed_rad_s = 30.1", "no_load_speed_rad_s = 10.0"),
    ("reading_age_settle_ms = 80.0", "reading_age_settle_ms = 2.0"),
    ("hip = 0.0, thigh = 1.6", "hip = 1.2, thigh = 1.6"),
];
