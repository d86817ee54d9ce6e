//! A vetted command is good for one use.

use body::Body;
use governor::Vetted;
use signals::BodyCommand;

fn repeat(body: &mut dyn Body, vetted: Vetted<'_, BodyCommand>) {
    body.apply(vetted);
    body.apply(vetted);
}

fn main() {
    let _ = repeat;
}
