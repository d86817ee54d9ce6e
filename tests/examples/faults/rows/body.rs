//! Rows 38, 40 and 47: inertial unit, grip and supply.

use governor::Rule;
use signals::{FEET_MAX, Level, Volts};
use sim::Disturbance;

use crate::fault::{Dice, End, Trial, after, once, raised};
use crate::scene::Seen;
use crate::soles::Soles;

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

/// Row 40: the ground becomes slippery under a walking robot. The fault is there when a foot that
/// carries slides by more than 0.3 m/s for 20 ms.
pub(crate) fn slips(dice: &mut Dice) -> Trial {
    const LASTING: u64 = 20;
    let friction = dice.between(0.02, 0.05);
    let mut soles = Soles::new(crate::robot());
    let mut lasts = [0; FEET_MAX];
    let slides = once(move |_, seen: &Seen<'_>| {
        let feet = soles.speeds(seen.truth).into_iter().zip(seen.truth.foot_force.iter());
        for (lasts, (speed, force)) in lasts.iter_mut().zip(feet) {
            *lasts = if force.0 > 15.0 && speed > 0.3 { *lasts + 1 } else { 0 };
        }
        lasts.iter().any(|lasts| *lasts >= LASTING)
    });
    let mut trial = Trial::walking(dice);
    // Where no foot finds a hold the body goes down.
    trial.falls = true;
    disturbed(trial, Disturbance::Friction(friction))
        .must(slides, raised(Level::Limited, &[Rule::FootSlip]))
        .since(LASTING - 1)
        .ends(
            3_000,
            &[End::Same, End::Slow, End::Stand, End::Hold, End::Sit, End::Damped, End::Off],
        )
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
