//! Power and energy of all joints together: an upper bound on what the body can put into whatever
//! it touches (6.3 of the regulation notes).
//!
//! The driving power of all joints is limited, and so is the energy: it is drawn from a tank that
//! braking joints fill again in part. Braking power of one joint is not set off against the driving
//! power of another: it may be burnt in its drive. One factor scales all driving torques; a braking
//! torque is never scaled.

use signals::{Joules, Watts};

use crate::Rule;
use crate::profile::{ProfileError, all_hold, not_negative, positive};

/// How much power and energy the joints may put into what the body touches (notes 6.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerRule {
    /// Highest driving power of all joints together, positive.
    pub power_max: Watts,
    /// Energy the tank holds, and has at the start, positive.
    pub energy_max: Joules,
    /// Part of the braking power that fills the tank again, 0 to 1.
    pub recovery: f32,
    /// Power that fills it besides, not negative: what the motion may cost in the long run.
    pub refill: Watts,
}

impl PowerRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        all_hold(&[
            ("power.power_max", positive(self.power_max.0), "positive and at most 1e6"),
            ("power.energy_max", positive(self.energy_max.0), "positive and at most 1e6"),
            ("power.recovery", (0.0..=1.0).contains(&self.recovery), "from 0 to 1"),
            ("power.refill", not_negative(self.refill.0), "0 to 1e6"),
        ])
    }
}

/// What is left of the tank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tank {
    rule: PowerRule,
    energy: f32,
}

/// What limits the driving torques: their factor, 0 to 1, and why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) factor: f32,
    pub(crate) rule: Rule,
    pub(crate) measured: f32,
    pub(crate) limit: f32,
}

impl Tank {
    /// A full tank.
    pub(crate) const fn new(rule: PowerRule) -> Self {
        Self { rule, energy: rule.energy_max.0 }
    }

    /// Draws the driving power over `dt`, s, after scaling; `None` when nothing need be scaled.
    pub(crate) fn draw(&mut self, driving: Watts, braking: Watts, dt: f32) -> Option<Share> {
        let PowerRule { power_max, energy_max, recovery, refill } = self.rule;
        let inflow = (recovery * braking.0.max(0.0) + refill.0) * dt;
        let held = (self.energy + inflow).min(energy_max.0);
        // A power that is no number gets none.
        let wanted = if driving.0 >= 0.0 { driving.0 } else { f32::INFINITY };
        let by_power = Share {
            factor: part(power_max.0, wanted),
            rule: Rule::JointPower,
            measured: wanted,
            limit: power_max.0,
        };
        let by_energy = Share {
            factor: part(held, wanted * dt),
            rule: Rule::JointEnergy,
            measured: held,
            limit: energy_max.0,
        };
        let share = if by_energy.factor < by_power.factor { by_energy } else { by_power };
        let drawn = if share.factor > 0.0 { share.factor * wanted * dt } else { 0.0 };
        self.energy = (held - drawn).max(0.0).min(energy_max.0);
        (share.factor < 1.0).then_some(share)
    }

    /// What is left.
    #[cfg(test)]
    const fn energy(&self) -> Joules {
        Joules(self.energy)
    }
}

/// The part of `wanted` that `most` allows, 0 to 1.
fn part(most: f32, wanted: f32) -> f32 {
    if wanted <= most { 1.0 } else { (most / wanted).max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> PowerRule {
        PowerRule {
            power_max: Watts(100.0),
            energy_max: Joules(1.0),
            recovery: 0.5,
            refill: Watts(0.0),
        }
    }

    /// Clauses: M7.
    #[test]
    fn driving_power_is_scaled_to_its_limit() {
        let mut tank = Tank::new(rule());
        assert_eq!(tank.draw(Watts(100.0), Watts(0.0), 1e-3), None);
        let share = tank.draw(Watts(400.0), Watts(1e6), 1e-3).map(|s| (s.factor, s.rule));
        assert_eq!(share, Some((0.25, Rule::JointPower)));
    }

    /// Clauses: H2, M7.
    #[test]
    fn an_empty_tank_gives_nothing_until_a_joint_brakes() {
        let mut tank = Tank::new(rule());
        let mut drawn = 0.0;
        for _ in 0..100 {
            drawn += tank.draw(Watts(50.0), Watts(0.0), 1e-3).map_or(1.0, |s| s.factor) * 0.05;
        }
        assert!((drawn - 1.0).abs() < 1e-4 && tank.energy().0 < 1e-6, "{drawn}");
        let empty = tank.draw(Watts(50.0), Watts(0.0), 1e-3).map(|s| (s.factor, s.rule));
        assert_eq!(empty, Some((0.0, Rule::JointEnergy)));
        // Half of what is braked comes back, and never more than the tank holds.
        assert_eq!(tank.draw(Watts(50.0), Watts(100.0), 1e-3), None);
        tank.draw(Watts(0.0), Watts(1e9), 1.0);
        assert_eq!(tank.energy(), Joules(1.0));
    }

    /// Clauses: M7.
    #[test]
    fn a_power_that_is_no_number_gets_none() {
        for driving in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut tank = Tank::new(rule());
            assert_eq!(tank.draw(Watts(driving), Watts(0.0), 1e-3).map(|s| s.factor), Some(0.0));
            assert_eq!(tank.energy(), Joules(1.0));
        }
        let mut tank = Tank::new(rule());
        tank.draw(Watts(10.0), Watts(f32::NAN), 1e-3);
        assert!((tank.energy().0 - 0.99).abs() < 1e-6, "{tank:?}");
    }
}
