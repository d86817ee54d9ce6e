//! Nobody but the governor can make a vetted command.

use governor::Vetted;
use signals::{BodyCommand, Cycle};

fn forge(command: BodyCommand, cycle: &Cycle) -> Vetted<'_, BodyCommand> {
    Vetted { command, cycle, envelope: 0 }
}

fn main() {
    let _ = forge;
}
