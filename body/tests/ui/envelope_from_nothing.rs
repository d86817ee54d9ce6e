//! An envelope comes from the limits of a robot, not from a default.

use governor::Envelope;

fn has_default<T: Default>() {}

fn main() {
    has_default::<Envelope>();
}
