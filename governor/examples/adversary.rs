//! Attacks joints of every type and says how far they came:
//! `adversary [--ticks N] [--seed S] [--joint TYPE]`.
//!
//! N random commands (default 10 million) for each type of joint against a plant of its own:
//! random, extreme, flipping, resonant, not finite, stale, with frozen encoders, any load the
//! limits allow, 0 to 3 ticks late. `--ticks 3600000` is a virtual hour at 1 kHz. Exit code 6 when
//! a joint passed its hard limit, was more than 1 % too fast, or passed its soft limit while its
//! readings came.

use std::process::ExitCode;

#[path = "../tests/common/adversary.rs"]
mod adversary;

fn main() -> ExitCode {
    let (mut ticks, mut seed, mut joint) = (10_000_000, 1, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_default();
        match (name.as_str(), value.parse()) {
            ("--ticks", Ok(number)) => ticks = number,
            ("--seed", Ok(number)) => seed = number,
            ("--joint", _) => joint = Some(value),
            _ => {
                eprintln!("usage: adversary [--ticks N] [--seed S] [--joint TYPE]");
                return ExitCode::from(2);
            }
        }
    }
    println!(
        "{:12} {:>9} {:>6} {:>12} {:>12} {:>12} {:>11} {:>9} {:>9} {:>10}",
        "joint",
        "ticks",
        "lives",
        "past soft",
        "when unseen",
        "past hard",
        "overspeed",
        "for",
        "refused",
        "limited"
    );
    let mut holds = true;
    let chosen = |kind: &adversary::JointType| joint.as_deref().is_none_or(|j| j == kind.name);
    for kind in adversary::joint_types().into_iter().filter(chosen) {
        let o = adversary::attack(&kind, ticks, seed);
        println!(
            "{:12} {:>9} {:>6} {:>12.5} {:>12.5} {:>12.5} {:>9.2} % {:>6} ms {:>9} {:>10}{}",
            kind.name,
            o.ticks,
            o.lives,
            o.beyond_soft,
            o.beyond_soft_blind,
            o.beyond_hard,
            o.overspeed_percent,
            o.overspeed_ms,
            o.refused,
            o.limited,
            if o.holds() { "" } else { "  BROKEN" },
        );
        if !o.holds() {
            let scenes = [("furthest", o.furthest), ("seen", o.used_margin), ("fast", o.fastest)];
            scenes.iter().for_each(|(what, scene)| println!("    {what}: {scene:?}"));
        }
        holds &= o.holds();
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::from(6) }
}
