//! An envelope can be tightened, never widened.

use governor::Envelope;
use signals::{JointId, JointLimits};

fn widen(mut envelope: Envelope, joint: JointId, wanted: JointLimits) {
    envelope.joints[joint] = wanted;
}

fn main() {
    let _ = widen;
}
