//! Triune's own topics: the layout of each, and how it is made from the words of `signals`.
//!
//! Arrays have the capacity of `signals`; the field that says how many slots are in use stands in
//! the schema. Times within a body are ns of the robot's clock, zero where something was never
//! measured; a number that is not known is NaN.

use serde_json::Value;

mod body;
mod brain;
mod cerebellum;
mod governor;
mod operator;
mod runtime;

pub use body::{BODY_FRAME, BODY_SCAN, FrameSample, ScanSample};
pub use brain::{BRAIN_OBSERVATION, BRAIN_PLAN, NoPlan, ObservationSample, PlanSample};
pub use cerebellum::{CEREBELLUM_STATE, StateSample};
pub use governor::{
    CommandSample, GOVERNOR_COMMAND, GOVERNOR_RECORD, GOVERNOR_RULING, RecordSample, RulingSample,
};
pub use operator::{
    ActSample, OPERATOR_ACT, OPERATOR_STICK, OPERATOR_STOP, StickSample, StopSample, WireAct,
};
pub use runtime::{CycleSample, RUNTIME_CYCLE};

/// The schema of every topic.
#[must_use]
pub fn schemas() -> Vec<Value> {
    vec![
        BODY_FRAME.schema(),
        BODY_SCAN.schema(),
        CEREBELLUM_STATE.schema(),
        GOVERNOR_RULING.schema(),
        GOVERNOR_COMMAND.schema(),
        GOVERNOR_RECORD.schema(),
        RUNTIME_CYCLE.schema(),
        BRAIN_OBSERVATION.schema(),
        BRAIN_PLAN.schema(),
        OPERATOR_STOP.schema(),
        OPERATOR_ACT.schema(),
        OPERATOR_STICK.schema(),
    ]
}

/// Slots of one number each.
pub(super) fn slots<T: Copy, const N: usize>(values: impl Iterator<Item = T>, empty: T) -> [T; N] {
    let mut slots = [empty; N];
    slots.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
    slots
}

/// How many slots are in use.
#[expect(clippy::cast_possible_truncation, reason = "arrays of signals hold at most 64")]
pub(super) const fn count(len: usize) -> u32 {
    len as u32
}
