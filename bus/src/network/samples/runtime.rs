//! How the loop itself is doing.

use crate::network::layout::layout;
use crate::network::topic::Topic;

/// Timing, losses, and who holds which lease.
pub const RUNTIME_CYCLE: Topic<CycleSample> = Topic::out("runtime/cycle", 50.0);

layout! {
    /// How the control loop is doing. What counts, counts from the start of the run.
    pub struct CycleSample {
        /// Number of the cycle.
        cycle: u64;
        /// Time from one cycle to the next.
        period: u64, unit "ns";
        /// How late this cycle began; zero on virtual time.
        lateness: u64, unit "ns";
        /// Half of the cycles so far began less late.
        lateness_p50: u64, unit "ns";
        /// 99 of 100 cycles so far began less late.
        lateness_p99: u64, unit "ns";
        /// The latest beginning so far.
        lateness_max: u64, unit "ns";
        /// Cycles that were skipped because one before them took too long.
        overruns: u64;
        /// Allocations between sense and apply; there must be none.
        allocations: u64;
        /// Plans that arrived.
        plans: u64;
        /// Questions the planner had no time for.
        plans_late: u64;
        /// Plans the governor refused.
        plans_refused: u64;
        /// Age of the newest plan's observation; the greatest number without a plan.
        plan_age: u64, unit "ns";
        /// Snapshots the network did not fetch before the next one replaced them.
        snapshots_overwritten: u64;
        /// Records the network had no room for.
        records_dropped: u64;
        /// Samples given to the network.
        sent: u64;
        /// Samples that came in and passed the checks of size, rate and layout.
        taken: u64;
        /// Samples refused for their size.
        refused_size: u64;
        /// Samples refused because they came too often.
        refused_rate: u64;
        /// Samples refused for their layout.
        refused_layout: u64;
        /// Samples refused for their code, lease or sequence.
        refused_authority: u64;
        /// Samples refused because they mean nothing.
        refused_content: u64;
        /// Epoch of the planner's lease over the network; zero without one.
        planner_epoch: u32;
        /// Epoch of the operator's lease over the network; zero without one.
        operator_epoch: u32;
        /// Epoch of the maintainer's lease over the network; zero without one.
        maintainer_epoch: u32;
        /// 1: a stop that came over the network is not released yet.
        stop: u32;
    }
}
