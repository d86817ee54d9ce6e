//! A body takes nothing but a vetted command.

use body::Body;
use signals::BodyCommand;

fn command_directly(body: &mut dyn Body, wanted: BodyCommand) {
    body.apply(wanted);
}

fn main() {
    let _ = command_directly;
}
