//! Rows 41 to 46 and 50: encoders, drives and windings of the joints.

use governor::{Kind, Rule};
use signals::{Celsius, Level, Radians};
use sim::Disturbance;

use crate::fault::{Dice, End, Trial, after, raised, told};
use crate::rows::body::{IN_THE_FRAME, disturbed};

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

/// Row 42: the joint is jammed.
pub(crate) fn is_stuck(dice: &mut Dice) -> Trial {
    let joint = dice.joint();
    disturbed(Trial::any(dice), Disturbance::JamJoint(joint, true))
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::JointBlocked]))
        .ends(5_000, &[End::Sit])
}

/// Row 43: the motor turns the wrong way.
pub(crate) fn turns_wrong(dice: &mut Dice) -> Trial {
    let joint = dice.joint();
    disturbed(Trial::any(dice), Disturbance::WrongSign(joint, true))
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::JointSign]))
        .ends(3_000, &[End::Damped, End::Off])
}

/// Row 44: one reading jumps.
pub(crate) fn reading_jumps(dice: &mut Dice) -> Trial {
    glitch(dice, 1)
        .must(after(IN_THE_FRAME), told(Kind::Refused, &[Rule::JointJump]))
        .ends(1_000, &[End::Same])
}

/// Row 44: the reading stays where it jumped to.
pub(crate) fn readings_jump(dice: &mut Dice) -> Trial {
    glitch(dice, 2_000)
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

/// Row 46: a winding becomes too hot.
pub(crate) fn is_hot(dice: &mut Dice) -> Trial {
    let joint = dice.joint();
    let what = Disturbance::Heat { joint, from: Celsius(dice.between(130.0, 160.0)), rate: 5.0 };
    disturbed(Trial::any(dice), what)
        .must(after(IN_THE_FRAME), raised(Level::Limited, &[Rule::JointHot]))
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::JointHot]))
        .ends(7_000, &[End::Sit])
}

/// Row 50: a drive gives less torque than it was told.
pub(crate) fn is_weak(dice: &mut Dice) -> Trial {
    let (joint, part) = (dice.joint(), dice.between(0.0, 0.4));
    disturbed(Trial::any(dice), Disturbance::TorqueLoss(joint, part))
        .must(after(IN_THE_FRAME), raised(Level::Settle, &[Rule::TorqueError]))
        .ends(5_000, &[End::Sit])
}
