//! What has been vetted stays as it is.

use governor::Vetted;
use signals::{BodyCommand, Instant};

fn prolong(vetted: &mut Vetted<'_, BodyCommand>) {
    vetted.valid_until = Instant::from_nanos(u64::MAX);
}

fn main() {
    let _ = prolong;
}
