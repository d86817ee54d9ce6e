//! A vetted command has no default.

use governor::Vetted;
use signals::BodyCommand;

fn has_default<T: Default>() {}

fn main() {
    has_default::<Vetted<'_, BodyCommand>>();
}
