//! One joint made of an inertia, a load and a late drive, written without any of the governor's
//! arithmetic: whatever it is told, it keeps its limits. `--example adversary` is the long version.

#[path = "common/adversary.rs"]
mod adversary;

use adversary::{attack, joint_types, push};

/// Clauses: M1, M2, M3, M4, A2, A5.
#[test]
fn no_command_drives_a_joint_past_its_hard_limits_or_its_speed_limit() {
    for kind in joint_types() {
        for seed in 1..4 {
            let outcome = attack(&kind, 40_000, seed);
            assert!(outcome.holds(), "{}, seed {seed}: {outcome:#?}", kind.name);
            assert!(outcome.refused > 0 && outcome.limited > 1000, "{outcome:#?}");
        }
    }
}

/// Clauses: M1, M2.
#[test]
fn a_joint_pushed_upward_still_uses_almost_all_of_its_range_and_speed() {
    for kind in joint_types() {
        let limits = &kind.limits;
        for inertia in [limits.inertia_min.0, limits.tau_max.0 / limits.braking.0] {
            let outcome = push(&kind, inertia, 4000);
            let range = f64::from(limits.q_max.0 - limits.q_min.0);
            let what = format!("{} with {inertia} kg m^2: {outcome:#?}", kind.name);
            assert!(outcome.beyond_soft <= 0.0, "{what}");
            // A wheel has no end that could be reached in 4 s.
            let wheel = range > 8.0 * f64::from(limits.dq_max.0);
            assert!(wheel || outcome.beyond_soft > -0.03 * range, "{what}");
            // A joint with a short way never gets fast.
            let short = limits.dq_max.0.powi(2) / limits.braking.0 > 0.3 * range as f32;
            assert!(short || outcome.overspeed_percent > -15.0, "{what}");
        }
    }
}
