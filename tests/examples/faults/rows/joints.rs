//! Rows 41 to 46 and 50: encoders, drives and windings of the joints.

use governor::Rule;
use signals::{Celsius, JointId, Level, Radians};
use sim::Disturbance;

use crate::fault::{Dice, End, Trial, acts, after, once, raised};
use crate::rows::body::{IN_THE_FRAME, disturbed};
use crate::scene::Seen;

/// Row 41: one driver says nothing any more.
pub(crate) fn one_is_silent(dice: &mut Dice) -> Trial {
    let joint = dice.joint();
    disturbed(Trial::any(dice), Disturbance::FreezeJoint(joint))
        .must(after(IN_THE_FRAME), raised(Level::Limited, &[Rule::JointStale]))
        .ends(4_500, &[End::Sit])
}

/// Row 41: two drivers, of one leg or of two.
pub(crate) fn two_are_silent(dice: &mut Dice) -> Trial {
    let one = dice.joint();
    let mut other = dice.joint();
    while other == one {
        other = dice.joint();
    }
    Trial::any(dice)
        .world(move |since, world| {
            if since == 0 {
                world.body.disturb(Disturbance::FreezeJoint(one));
                world.body.disturb(Disturbance::FreezeJoint(other));
            }
        })
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::JointStale]))
        .ends(4_500, &[End::Sit])
}

/// Row 42: a joint that carries a swinging leg is jammed. It shows when the leg is to swing.
pub(crate) fn is_stuck(dice: &mut Dice) -> Trial {
    let joint = dice.moving_joint();
    let asked = once(move |since, seen: &Seen<'_>| {
        let (command, truth) = (seen.vetted.joints[joint], seen.truth.joints[joint]);
        let pulls = command.torque(truth).0.abs() > 0.2 * torque_max(joint);
        let moves = command.dq.0.abs() > 3.0 || (command.q - truth.q).0.abs() > 0.2;
        since > IN_THE_FRAME && pulls && moves
    });
    let mut trial = Trial::walking(dice);
    // A body that cannot bend one leg may roll over while it is lowered.
    trial.falls = true;
    disturbed(trial, Disturbance::JamJoint(joint, true))
        .must(asked, raised(Level::Settle, &[Rule::JointBlocked, Rule::TorqueError]))
        .ends(10_500, &[End::Sit, End::Off])
}

/// Row 43: the motor turns the wrong way.
pub(crate) fn turns_wrong(dice: &mut Dice) -> Trial {
    let joint = dice.joint();
    let mut trial = Trial::any(dice);
    // A motor that drives itself on may throw the leg before anything can be known.
    trial.falls = true;
    disturbed(trial, Disturbance::WrongSign(joint, true))
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::JointSign, Rule::TorqueError]))
        .ends(3_000, &[End::Damped, End::Off])
}

/// Row 44: one reading jumps. Joints are sampled when a tick begins, so that it is in the frame at
/// once.
pub(crate) fn reading_jumps(dice: &mut Dice) -> Trial {
    glitch(dice, 1)
        .must(after(IN_THE_FRAME - 1), acts(&[Rule::JointJump]))
        .ends(1_000, &[End::Same])
}

/// Row 44: the reading stays where it jumped to.
pub(crate) fn readings_jump(dice: &mut Dice) -> Trial {
    glitch(dice, u32::MAX)
        .must(after(IN_THE_FRAME + 2), raised(Level::Settle, &[Rule::JointJump]))
        .ends(4_500, &[End::Damped, End::Off, End::Sit])
}

fn glitch(dice: &mut Dice, readings: u32) -> Trial {
    let joint = dice.joint();
    let by = Radians(dice.between(0.1, 1.0) * dice.one_of(&[-1.0, 1.0]));
    disturbed(Trial::any(dice), Disturbance::EncoderGlitch { joint, by, readings })
}

/// Row 45: the encoder has slipped by more than 2 deg; the drive follows it.
pub(crate) fn encoder_slips(dice: &mut Dice) -> Trial {
    let by = Radians(dice.between(0.05, 0.2) * dice.one_of(&[-1.0, 1.0]));
    disturbed(Trial::any(dice), Disturbance::EncoderOffset(dice.joint(), by))
        .must(after(IN_THE_FRAME), raised(Level::Limited, &[Rule::JointJump, Rule::StateDiverged]))
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::JointJump, Rule::StateDiverged]))
        .ends(4_500, &[End::Sit, End::Damped, End::Off])
}

/// Row 46: a winding warms up past both its limits, and not so fast that the board, which trips at
/// 125 degrees by itself, is there before the robot sits.
pub(crate) fn is_hot(dice: &mut Dice) -> Trial {
    let (joint, from, rate) = (dice.joint(), dice.between(76.0, 79.0), dice.between(7.0, 10.0));
    let reaches = move |degrees: f32| ((degrees - from) / rate * 1e3) as u64 + IN_THE_FRAME;
    disturbed(Trial::any(dice), Disturbance::Heat { joint, from: Celsius(from), rate })
        .must(after(reaches(80.0)), raised(Level::Limited, &[Rule::JointHot]))
        .must(after(reaches(100.0)), raised(Level::Settle, &[Rule::JointHot]))
        .ends(7_000, &[End::Sit])
}

/// Row 50: the drive of a knee, which carries most, gives less torque than it was told. The fault
/// is there when the difference is more than [`TORQUE_ERROR`] without a break for 40 ms.
pub(crate) fn is_weak(dice: &mut Dice) -> Trial {
    const LASTING: u64 = 40;
    let (joint, part) = (dice.calf(), dice.between(0.0, 0.3));
    let (mut told, mut lasts) = ([0.0_f32; 4], 0);
    let missing = once(move |since, seen: &Seen<'_>| {
        // The drive follows a command that is two or three ticks old.
        let most = torque_max(joint);
        told.rotate_right(1);
        told[0] = seen.vetted.joints[joint].torque(seen.truth.joints[joint]).0.clamp(-most, most);
        let low = told.into_iter().fold(f32::INFINITY, f32::min);
        let high = told.into_iter().fold(f32::NEG_INFINITY, f32::max);
        let given = seen.truth.torque[joint].0;
        let apart = (low - given).max(given - high);
        lasts = if since > IN_THE_FRAME && apart > TORQUE_ERROR * most { lasts + 1 } else { 0 };
        lasts >= LASTING
    });
    let mut trial = Trial::any(dice);
    // On three legs it is lowered as it can be.
    trial.falls = true;
    disturbed(trial, Disturbance::TorqueLoss(joint, part))
        .must(missing, raised(Level::Settle, &[Rule::TorqueError]))
        .since(LASTING - 1)
        .ends(5_000, &[End::Sit, End::Damped, End::Off])
}

/// `torque_error_part` of the robot file.
const TORQUE_ERROR: f32 = 0.15;

/// Highest torque of a joint of the quadruped, N m: the calves are stronger.
pub(crate) fn torque_max(joint: JointId) -> f32 {
    if joint.index() % 3 == 2 { 45.4 } else { 23.7 }
}
