//! Rows 38, 40 and 47: inertial unit, grip and supply.

use governor::Rule;
use signals::{Level, Volts};
use sim::Disturbance;

use crate::fault::{Dice, End, Trial, after, raised};

/// A disturbance of the tick of the strike is in the frame of the next: the sensors are one tick
/// late.
pub(crate) const IN_THE_FRAME: u64 = 1;

/// The disturbance begins with the strike and lasts.
pub(crate) fn disturbed(trial: Trial, what: Disturbance) -> Trial {
    trial.world(move |since, world| {
        if since == 0 {
            world.body.disturb(what);
        }
    })
}

const IMU: &[Rule] = &[Rule::ImuStale, Rule::ImuStuck, Rule::ImuRange, Rule::StateDiverged];

/// Row 38: the inertial unit says nothing any more.
pub(crate) fn imu_is_silent(dice: &mut Dice) -> Trial {
    imu(dice, Disturbance::ImuFreeze)
}

/// Row 38: it repeats itself with fresh stamps.
pub(crate) fn imu_is_stuck(dice: &mut Dice) -> Trial {
    imu(dice, Disturbance::ImuStuck(true))
}

/// Row 38: it is at the ends of its range.
pub(crate) fn imu_is_saturated(dice: &mut Dice) -> Trial {
    imu(dice, Disturbance::ImuSaturate(true))
}

fn imu(dice: &mut Dice, what: Disturbance) -> Trial {
    disturbed(Trial::any(dice), what)
        .must(after(IN_THE_FRAME), raised(Level::Settle, IMU))
        .ends(5_000, &[End::Sit])
}

/// Row 40: the ground turns to ice under a walking robot.
pub(crate) fn slips(dice: &mut Dice) -> Trial {
    let friction = dice.between(0.05, 0.12);
    disturbed(Trial::walking(dice), Disturbance::Friction(friction))
        .must(after(IN_THE_FRAME), raised(Level::Limited, &[Rule::FootSlip]))
        .ends(3_000, &[End::Stand, End::Slow, End::Hold, End::Same])
}

/// Row 47: the supply sinks below what the drives need.
pub(crate) fn supply_sinks(dice: &mut Dice) -> Trial {
    let below = Volts(dice.between(17.0, 20.0));
    let what =
        Disturbance::Supply { voltage: below, voltage_rate: 0.0, charge: 0.5, charge_rate: 0.0 };
    disturbed(Trial::any(dice), what)
        .must(after(IN_THE_FRAME), raised(Level::Limited, &[Rule::SupplyVoltage]))
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::SupplyVoltage]))
        .ends(5_000, &[End::Sit])
}
