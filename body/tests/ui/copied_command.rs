//! A vetted command has no copy.

use governor::Vetted;
use signals::BodyCommand;

fn is_clone<T: Clone>() {}

fn main() {
    is_clone::<Vetted<'_, BodyCommand>>();
}
