//! What the board of the joints is provisioned with beside their limits.

use serde::Deserialize;

/// The table `[board]` of `robot.toml`; every key has a default.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoardFile {
    /// Longest validity of a command at the board: past it each joint damps.
    pub expire_ms: f64,
    /// Without a command for so long the board damps.
    pub damping_ms: f64,
    /// Without a command for so long the torque is off, latched.
    pub torque_off_ms: f64,
    /// Without a sign of life of the governor for so long the board damps, latched.
    pub heartbeat_ms: f64,
    /// From this temperature on a winding gets less torque.
    pub temperature_derate_c: f32,
    /// At this one the board stops.
    pub temperature_trip_c: f32,
    /// Lowest voltage of the supply.
    pub voltage_min_v: f32,
    /// Highest voltage of the supply.
    pub voltage_max_v: f32,
}

impl Default for BoardFile {
    fn default() -> Self {
        Self {
            expire_ms: 5.0,
            damping_ms: 20.0,
            torque_off_ms: 500.0,
            heartbeat_ms: 100.0,
            temperature_derate_c: 80.0,
            temperature_trip_c: 100.0,
            voltage_min_v: 0.0,
            voltage_max_v: 650.0,
        }
    }
}
