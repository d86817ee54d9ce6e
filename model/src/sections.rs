//! Which parts of `robot.toml` a body needs: one that walks those of its legs, an arm those of its
//! joint moves. A part that its body cannot use is an error too, because somebody meant something
//! by it.

use crate::file::RobotFile;
use crate::toml_source::{LoadError, TomlSource};

/// What only a body with a free base needs: it walks.
const WALKING: [&str; 26] = [
    "feet",
    "postures.stand",
    "motion",
    "gait",
    "mpc",
    "whole_body",
    "estimator",
    "governor.forward_max_m_s",
    "governor.left_max_m_s",
    "governor.yaw_max_rad_s",
    "governor.acceleration_max_m_s2",
    "governor.yaw_acceleration_max_rad_s2",
    "governor.lidar_radius_m",
    "governor.lidar_margin_m",
    "governor.lidar_braking_m_s2",
    "governor.lidar_reaction_ms",
    "governor.lidar_age_max_ms",
    "brain.policy",
    "sim.ground_friction",
    "sim.gyro_noise_rad_s",
    "sim.accelerometer_noise_m_s2",
    "sim.foot_force_filter_ms",
    "sim.lidar_rate_hz",
    "sim.lidar_range_m",
    "sim.lidar_noise_m",
    "postures.stand.base_height_m",
];

/// What only a body whose base is fixed needs: it is an arm.
const ARM: [&str; 2] = ["arm", "brain.script"];

/// Parts that one of the two needs and the other may have.
const EITHER: [&str; 3] = ["postures.stand", "postures.stand.base_height_m", "sim.ground_friction"];

/// Every part that the body needs is there, and none that it cannot use.
pub(crate) fn check(source: &TomlSource<'_>, walks: bool) -> Result<(), Box<LoadError>> {
    let (needed, foreign, body): (&[&str], &[&str], _) = if walks {
        (&WALKING, &ARM, "a body with a free base walks")
    } else {
        (&ARM, &WALKING, "a body whose base is fixed (no <freejoint/>) is an arm")
    };
    if let Some(missing) = needed.iter().find(|key| !source.has(key)) {
        let rule = format!("{body}: it needs {missing:?}, which is not there");
        return Err(source.error(
            place(source, missing),
            rule,
            "add it; see robots/ for an example",
        ));
    }
    let foreign = foreign.iter().find(|key| !EITHER.contains(key) && source.has(key));
    foreign.map_or(Ok(()), |key| {
        let rule = format!("{body}: nothing reads {key:?}");
        Err(source.error(key, rule, "remove it, or use a model file with the other kind of base"))
    })
}

/// The script of postures names some of the file, and its times make sense.
pub(crate) fn check_script(
    source: &TomlSource<'_>,
    file: &RobotFile,
) -> Result<(), Box<LoadError>> {
    let Some(script) = &file.brain.script else { return Ok(()) };
    if script.postures.is_empty() {
        let rule = "a script of no postures asks for nothing".into();
        return Err(source.error("brain.script.postures", rule, "name at least one posture"));
    }
    let unknown = |name: &&String| !file.postures.contains_key(*name);
    if let Some((at, name)) = script.postures.iter().enumerate().find(|(_, name)| unknown(name)) {
        let rule = format!("{name:?} is not one of the postures of this file");
        let key = format!("brain.script.postures.{at}");
        return Err(source.error(&key, rule, "name a table under [postures]"));
    }
    for (key, value, low, high) in [
        ("brain.script.dwell_s", script.dwell_s, 0.0, 600.0),
        ("brain.script.rate_hz", script.rate_hz, 0.5, 100.0),
        ("brain.script.validity_ms", script.validity_ms, 1.0, 60_000.0),
    ] {
        if !(low..=high).contains(&value) {
            let rule = format!("{value} must lie between {low} and {high}");
            return Err(source.error(key, rule, "choose a value in that range"));
        }
    }
    Ok(())
}

/// The nearest table around `key` that is there, to point at.
fn place<'k>(source: &TomlSource<'_>, key: &'k str) -> &'k str {
    let mut at = key;
    while let Some((parent, _)) = at.rsplit_once('.') {
        if source.has(parent) {
            return parent;
        }
        at = parent;
    }
    key
}
