//! A vetted command cannot outlive the cycle it was vetted in.

use body::Body;
use governor::Governor;
use signals::{BodyCommand, BodyState, Cycle, Instant};

fn keep(body: &mut dyn Body, governor: &mut Governor, state: &BodyState, wanted: BodyCommand) {
    let kept;
    {
        let cycle = Cycle {
            number: 0,
            now: Instant::ZERO,
            period: core::time::Duration::from_millis(2),
        };
        kept = governor.vet(&cycle, state, wanted);
    }
    body.apply(kept);
}

fn main() {
    let _ = keep;
}
