//! The page `docs/firmware.md`.

use std::fmt::Write as _;

use signals::FaultCode;

use crate::Mission;
use crate::failure::Row;

const HEAD: &str = "\
# The firmware in the loop

Written by `cargo run --release -p triune-tests --example firmware -- --write`. Do not edit.

The quadruped walks in the simulator; its twelve joints are driven by the image `qemu-mps2` on a
Cortex-M4 in the emulator, over Ethernet, tick by tick. Ticks are those of the board (1 ms, 25,000
cycles), counted from the tick that acted on the last good command, or on the governor's last
heartbeat; so nothing here depends on the machine it ran on. A board that hangs counts no ticks: it
is taken to give its last torque for 20 ticks, after which its hardware watchdog bites.
";

const FAILURES: &str = "
## The failures

Each strikes a robot that walks at 0.4 m/s, or before it is armed. \"Host\" is the level of the
governor at the end and the fault it was told.

| failure | must | came | end | host | body | |
|---|---|---|---|---|---|---|
";

/// The page.
pub(crate) fn page(rows: &[Row], mission: Option<&Mission>) -> String {
    let mut page = HEAD.to_owned();
    // Writing to a string cannot fail.
    if let Some(mission) = mission {
        let [sent, received, missing, refused] = mission.frames;
        let _ = write!(
            page,
            "\n## The mission\n\nSeed {}: {}, {} falls, {:.1} s. The board ran {} ticks;\n\
             {sent} frames went to it and {received} came back, {missing} were missing and \
             {refused} refused.\n",
            mission.seed,
            if mission.complete { "complete" } else { "not complete" },
            mission.falls,
            mission.seconds,
            mission.ticks,
        );
    }
    page += FAILURES;
    for row in rows {
        let FaultCode(code) = row.code.unwrap_or_default();
        let code = if code == 0 { String::new() } else { format!(", {code:#06x}") };
        let body = if row.host.fallen {
            "fallen".to_owned()
        } else {
            format!("upright, {:.2} m", row.host.height)
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {:?} | {}{code} | {body} | {} |",
            row.name,
            row.deadline(),
            row.outcome(),
            row.end,
            row.host.level.name(),
            if row.is_met() { "met" } else { "**not met**" },
        );
    }
    page
}
