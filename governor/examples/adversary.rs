//! Attacks joints of every type and says how far they came: `adversary [--ticks N] [--seed S]`.
//!
//! N random commands (default 10 million) for each type of joint against a plant of its own:
//! random, extreme, flipping, resonant, not finite, stale, with frozen encoders, any load the
//! limits allow, 0 to 3 ticks late. `--ticks 3600000` is a virtual hour at 1 kHz. Exit code 6 when
//! a joint passed its hard limit or was more than 1 % too fast for more than 5 ms.

use std::process::ExitCode;

#[path = "../tests/common/adversary.rs"]
mod adversary;

fn main() -> ExitCode {
    let (mut ticks, mut seed) = (10_000_000, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let number = arguments.next().and_then(|number| number.parse().ok());
        match (name.as_str(), number) {
            ("--ticks", Some(number)) => ticks = number,
            ("--seed", Some(number)) => seed = number,
            _ => {
                eprintln!("usage: adversary [--ticks N] [--seed S]");
                return ExitCode::from(2);
            }
        }
    }
    println!(
        "{:12} {:>9} {:>6} {:>12} {:>12} {:>11} {:>9} {:>9} {:>10}",
        "joint",
        "ticks",
        "lives",
        "past soft",
        "past hard",
        "overspeed",
        "for",
        "refused",
        "limited"
    );
    let mut holds = true;
    for kind in adversary::joint_types() {
        let o = adversary::attack(&kind, ticks, seed);
        println!(
            "{:12} {:>9} {:>6} {:>12.5} {:>12.5} {:>9.2} % {:>6} ms {:>9} {:>10}{}",
            kind.name,
            o.ticks,
            o.lives,
            o.beyond_soft,
            o.beyond_hard,
            o.overspeed_percent,
            o.overspeed_ms,
            o.refused,
            o.limited,
            if o.holds() { "" } else { "  BROKEN" },
        );
        if !o.holds() {
            println!("    furthest: {:?}\n    fastest: {:?}", o.furthest, o.fastest);
        }
        holds &= o.holds();
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::from(6) }
}
