//! Rows 1 to 12: the brain stalls, dies, lies, jumps, swings or asks for too much.

use std::time::Duration;

use governor::{Kind, Rule};
use signals::{
    BaseVelocity, BodyCommand, Instant, Level, MetresPerSecond, Motion, Plan, PlanRequest, Radians,
    RadiansPerSecond,
};

use crate::fault::{Dice, End, Flag, Trial, after, at_once, new_plan, once, raised, spoiled, told};
use crate::scene::{Seen, Setup, Wish, velocities};

/// A brain that is not there is seen by its silence, or by its last plan's end.
const GONE: &[Rule] = &[Rule::PlanSilent, Rule::PlanExpired];
/// A brain whose plans cannot be used is seen by that, too.
const USELESS: &[Rule] = &[Rule::PlanFaulty, Rule::PlanSilent, Rule::PlanExpired];

/// Time between two plans of a sound brain, ms.
const PERIOD: u64 = 100;

/// Row 1: the last plan stays the newest.
pub(crate) fn stalls(dice: &mut Dice) -> Trial {
    let due = Flag::default();
    Trial::any(dice)
        .plan(hidden(due.clone(), u64::MAX))
        .must(due.when(), raised(Level::Limited, GONE))
        .must(due.when(), raised(Level::Hold, GONE))
        .ends(2_500, &[End::Hold])
}

/// Row 2: its thread ends; two seconds later another is started, and the robot still waits for a
/// person.
pub(crate) fn dies(dice: &mut Dice) -> Trial {
    let due = || once(|_, seen: &Seen<'_>| seen.number >= seen.plan_came + PERIOD);
    Trial::any(dice)
        .world(|since, world| match since {
            0 => world.brain.kill(),
            2_000 => drop(world.brain.revive()),
            _ => {}
        })
        .must(due(), raised(Level::Limited, GONE))
        .must(due(), raised(Level::Hold, GONE))
        .ends(3_500, &[End::Hold])
}

/// Row 3: one plan with a number that is none.
pub(crate) fn one_is_not_finite(dice: &mut Dice) -> Trial {
    let mut poison = poison(dice);
    Trial::any(dice)
        .plan(spoiled(move |number, plan| {
            if number == 1 {
                poison(plan);
            }
        }))
        .must(new_plan(1), told(Kind::Refused, &[Rule::PlanFinite]))
}

/// Row 3: three in a row.
pub(crate) fn none_is_finite(dice: &mut Dice) -> Trial {
    let mut poison = poison(dice);
    Trial::any(dice)
        .plan(spoiled(move |_, plan| poison(plan)))
        .must(new_plan(3), raised(Level::Hold, USELESS))
        .ends(2_000, &[End::Hold])
}

/// One element of one step becomes NaN or infinite.
fn poison(dice: &mut Dice) -> impl FnMut(&mut Plan) + 'static {
    let value = dice.one_of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let (step, axis) = (dice.one_of(&[0, 1, 4, 7]), dice.below(3));
    move |plan| {
        let velocity = &mut velocities(plan)[step];
        match axis {
            0 => velocity.forward = MetresPerSecond(value),
            1 => velocity.left = MetresPerSecond(value),
            _ => velocity.yaw = RadiansPerSecond(value),
        }
    }
}

/// Row 4: from now on each plan has a shape that is none.
pub(crate) fn shape_is_wrong(dice: &mut Dice) -> Trial {
    let kind = dice.below(4);
    Trial::any(dice)
        .plan(spoiled(move |_, plan| {
            velocities(plan);
            let PlanRequest::Velocity(chunk) = &mut plan.request else { return };
            match kind {
                0 => chunk.len = 0,
                1 => chunk.len = 17,
                2 => chunk.step = Duration::ZERO,
                _ => chunk.step = Duration::from_secs(3_600),
            }
        }))
        .must(new_plan(1), told(Kind::Refused, &[Rule::PlanShape]))
        .must(new_plan(1), raised(Level::Limited, USELESS))
        .ends(2_000, &[End::Hold, End::Stand])
}

/// Row 5: a plan comes so late that its first steps are past; those ask for going backwards.
pub(crate) fn prefix_is_past(dice: &mut Dice) -> Trial {
    const LATE: Duration = Duration::from_millis(200);
    let least = |seen: &Seen<'_>| match seen.ruling.motion {
        Motion::Walk(velocity) if velocity.forward.0 > 0.12 => Ok(()),
        motion => Err(format!("the past steps were followed: {motion:?}")),
    };
    Trial::walking(dice)
        .plan(spoiled(move |number, plan| {
            if number == 1 {
                plan.observed_at = earlier(plan.observed_at, LATE);
                plan.valid_until = earlier(plan.valid_until, LATE);
                for past in &mut velocities(plan)[..2] {
                    past.forward = MetresPerSecond(-0.7);
                }
            }
        }))
        .must(new_plan(1), once(move |_, seen| least(seen).is_ok()))
        .always(move |_, seen| least(seen))
        .ends(1_000, &[End::Same, End::Slow, End::Stand])
}

/// Row 5: plans come later than they may; the last good one ends.
pub(crate) fn comes_too_late(dice: &mut Dice) -> Trial {
    let late = Duration::from_millis(500 + dice.below(400));
    let mut good_until = None;
    let ended = once(move |since, seen: &Seen<'_>| {
        if since == 0 || good_until.is_none() {
            good_until = seen.plan.map(|plan| plan.valid_until);
        }
        good_until.is_some_and(|until| seen.state.at >= until)
    });
    Trial::any(dice)
        .plan(spoiled(move |_, plan| {
            plan.observed_at = earlier(plan.observed_at, late);
            plan.valid_until = earlier(plan.valid_until, late);
        }))
        .must(new_plan(1), told(Kind::Refused, &[Rule::PlanAge]))
        .must(ended, raised(Level::Limited, USELESS))
        .ends(2_000, &[End::Hold, End::Stand])
}

/// Row 6: one plan asks for another direction at once.
pub(crate) fn one_jumps(dice: &mut Dice) -> Trial {
    let wild = wild(dice);
    Trial::any(dice)
        .plan(spoiled(move |number, plan| {
            if number == 1 {
                velocities(plan).fill(wild);
            }
        }))
        .must(new_plan(1), once(|_, seen| does_not_follow(seen)))
        .always(smooth())
        .ends(1_000, &[End::Same, End::Slow, End::Stand])
}

/// Row 6: each plan jumps away from the one before, six times in a second.
pub(crate) fn all_jump(dice: &mut Dice) -> Trial {
    let (slow, fast) = (dice.between(0.0, 0.05), dice.between(0.7, 0.8));
    Trial::walking(dice)
        .plan(spoiled(move |number, plan| {
            let forward = MetresPerSecond(if number % 2 == 0 { slow } else { fast });
            velocities(plan).fill(BaseVelocity { forward, ..BaseVelocity::ZERO });
        }))
        .must(new_plan(7), raised(Level::Limited, &[Rule::PlanJump, Rule::PlanOscillates]))
        .always(smooth())
        .ends(2_500, &[End::Slow, End::Stand, End::Hold])
}

/// As fast as it may go, in some direction.
fn wild(dice: &mut Dice) -> BaseVelocity {
    let sign = dice.one_of(&[-1.0, 1.0]);
    BaseVelocity {
        forward: MetresPerSecond(dice.between(0.6, 0.8) * sign),
        left: MetresPerSecond(dice.between(0.1, 0.3) * sign),
        yaw: RadiansPerSecond(dice.between(0.6, 1.2) * sign),
    }
}

fn mirrored(velocity: BaseVelocity) -> BaseVelocity {
    BaseVelocity { forward: -velocity.forward, left: -velocity.left, yaw: -velocity.yaw }
}

/// What is admitted in this tick is far from what the newest plan asks for.
fn does_not_follow(seen: &Seen<'_>) -> bool {
    let Some(Plan { request: PlanRequest::Velocity(chunk), .. }) = seen.plan else { return false };
    match seen.ruling.motion {
        Motion::Walk(velocity) => (velocity.forward - chunk.velocities[0].forward).0.abs() > 0.05,
        _ => true,
    }
}

/// The admitted velocity never changes faster than the robot file allows, whatever is asked.
fn smooth() -> impl FnMut(u64, &Seen<'_>) -> Result<(), String> + 'static {
    let mut last: Option<BaseVelocity> = None;
    move |_, seen| {
        let now = match seen.ruling.motion {
            Motion::Walk(velocity) => velocity,
            _ => BaseVelocity::ZERO,
        };
        let before = last.replace(now).unwrap_or(now);
        // From walking to standing the controller brings the base to rest by its own gait.
        let stands = matches!(seen.ruling.motion, Motion::Walk(_));
        let planar = (now.forward - before.forward).0.abs().max((now.left - before.left).0.abs());
        let turn = (now.yaw - before.yaw).0.abs();
        if stands && (planar > 2.0e-3 * 1.01 || turn > 4.0e-3 * 1.01) {
            return Err(format!("the admitted velocity jumped from {before:?} to {now:?}"));
        }
        Ok(())
    }
}

/// Row 7: a plan comes under a sequence or a lease that is past. (The very plan judged last, come
/// again, changes nothing and is not even refused.)
pub(crate) fn is_old(dice: &mut Dice) -> Trial {
    let (back, epoch) = (2 + dice.below(5), dice.coin());
    Trial::any(dice)
        .plan(spoiled(move |number, plan| {
            match number {
                1 if epoch => plan.epoch = plan.epoch.saturating_sub(1),
                1 => plan.sequence = plan.sequence.saturating_sub(back),
                _ => return,
            }
            velocities(plan)
                .fill(BaseVelocity { forward: MetresPerSecond(-0.8), ..BaseVelocity::ZERO });
        }))
        .must(new_plan(1), told(Kind::Refused, &[Rule::PlanOrder, Rule::PlanLease]))
        .always(|_, seen| match seen.ruling.motion {
            Motion::Walk(velocity) if velocity.forward.0 < -0.2 => {
                Err("the old plan was followed".into())
            }
            _ => Ok(()),
        })
        .ends(1_000, &[End::Same, End::Slow, End::Stand])
}

/// Row 8: one plan asks for more speed than there may be.
pub(crate) fn asks_for_too_much(dice: &mut Dice) -> Trial {
    let much = dice.between(1.0, 50.0) * dice.one_of(&[-1.0, 1.0]);
    Trial::any(dice)
        .plan(spoiled(move |number, plan| {
            if number == 1 {
                velocities(plan).fill(BaseVelocity {
                    forward: MetresPerSecond(much),
                    left: MetresPerSecond(much),
                    yaw: RadiansPerSecond(much),
                });
            }
        }))
        .must(new_plan(1), told(Kind::Limited, &[Rule::PlanRange, Rule::PlanTurn]))
        .always(|_, seen| match seen.ruling.motion {
            Motion::Walk(v)
                if v.forward.0.abs() > 0.8 || v.left.0.abs() > 0.3 || v.yaw.0.abs() > 1.2 =>
            {
                Err(format!("faster than the robot file permits: {v:?}"))
            }
            _ => Ok(()),
        })
        .ends(1_000, &[End::Same, End::Slow, End::Stand])
}

/// Row 8: for less than 0.1 s a joint is sent beyond its limits.
pub(crate) fn joint_leaves_briefly(dice: &mut Dice) -> Trial {
    let lasts = 10 + dice.below(80);
    let mut beyond = beyond(dice);
    Trial::any(dice)
        .wanted(move |since, wanted| {
            if since < lasts {
                beyond(wanted);
            }
        })
        .must(at_once(), told(Kind::Limited, &[Rule::JointPosition, Rule::CommandJump]))
}

/// Row 8: a joint is sent beyond its limits and stays sent.
pub(crate) fn joint_leaves(dice: &mut Dice) -> Trial {
    let mut beyond = beyond(dice);
    let mut trial = Trial::any(dice);
    // Who stops the robot is the controller, and it has this leg where it cannot stand on it.
    trial.falls = true;
    trial
        .wanted(move |since, wanted| {
            if since < 1_500 {
                beyond(wanted);
            }
        })
        // A joint that is pressed against its end may count as blocked just before.
        .must(
            after(200),
            raised(Level::Hold, &[Rule::FilterBusy, Rule::JointPosition, Rule::JointBlocked]),
        )
        .ends(10_000, &[End::Hold, End::Settling, End::Sit, End::Damped, End::Off])
}

/// One joint's target lies far outside.
fn beyond(dice: &mut Dice) -> impl FnMut(&mut BodyCommand) + 'static {
    let joint = dice.joint();
    let by = Radians(dice.between(3.6, 8.0) * dice.one_of(&[-1.0, 1.0]));
    move |wanted| wanted.joints[joint].q = by
}

/// Row 9: the plans swing to and fro.
pub(crate) fn oscillates(dice: &mut Dice) -> Trial {
    let wide = wild(dice);
    Trial::walking(dice)
        .plan(spoiled(move |number, plan| {
            velocities(plan).fill(if number % 2 == 0 { wide } else { mirrored(wide) });
        }))
        .must(new_plan(1), raised(Level::Limited, &[Rule::PlanOscillates, Rule::PlanJump]))
        .must(new_plan(1), raised(Level::Settle, &[Rule::PlanOscillates]))
        .always(smooth())
        .ends(5_500, &[End::Sit])
}

/// Row 10: each plan is the same to the last bit, whatever the robot sees.
pub(crate) fn freezes(dice: &mut Dice) -> Trial {
    let mut frozen = None;
    Trial::walking(dice)
        .plan(spoiled(move |_, plan| {
            let first = *frozen.get_or_insert(*velocities(plan));
            *velocities(plan) = first;
        }))
        .must(new_plan(2), raised(Level::Limited, &[Rule::PlanFrozen]))
        .ends(3_000, &[End::Slow, End::Stand, End::Hold])
}

/// Row 13: it asks for walking backwards or sideways where only walking ahead is permitted.
pub(crate) fn asks_for_a_forbidden_skill(dice: &mut Dice) -> Trial {
    let speed = MetresPerSecond(dice.between(0.1, 0.3));
    let backwards = BaseVelocity { forward: -speed, ..BaseVelocity::ZERO };
    let sideways = BaseVelocity { left: speed, ..BaseVelocity::ZERO };
    let forbidden = if dice.coin() { backwards } else { sideways };
    let mut setup = Setup::new(Wish::walk(dice.between(0.3, 0.7), 0.0, dice.between(-0.3, 0.3)));
    setup.profile = Box::new(|profile| {
        let skills = &mut profile.habits.skills;
        (skills.backward, skills.sideways) = (false, false);
    });
    Trial::with(setup, dice)
        .plan(spoiled(move |number, plan| {
            if number == 1 {
                velocities(plan).fill(forbidden);
            }
        }))
        .must(new_plan(1), told(Kind::Refused, &[Rule::PlanSkill]))
        .always(|_, seen| match seen.ruling.motion {
            Motion::Walk(v) if v.forward.0 >= 0.2 && v.left.0.abs() < 0.05 => Ok(()),
            motion => Err(format!("the forbidden skill changed the motion: {motion:?}")),
        })
}

/// Row 12: one inference takes one to two seconds, then the brain goes on as before.
pub(crate) fn overruns(dice: &mut Dice) -> Trial {
    let due = Flag::default();
    let lasts = 1_000 + dice.below(1_000);
    Trial::any(dice)
        .plan(hidden(due.clone(), lasts))
        .must(due.when(), raised(Level::Limited, GONE))
        .ends(3_000, &[End::Hold, End::Stand])
}

/// New plans stay away for so many ticks; `due` is raised when the first of them was due.
fn hidden(due: Flag, lasts: u64) -> impl FnMut(u64, &mut Option<Plan>) + 'static {
    let mut kept: Option<Plan> = None;
    move |since, plan| {
        let last =
            *kept.get_or_insert_with(|| plan.unwrap_or_else(|| unreachable!("it has begun")));
        if plan.is_some_and(|plan| plan.sequence != last.sequence) {
            due.raise();
        }
        if since < lasts {
            *plan = Some(last);
        }
    }
}

fn earlier(at: Instant, by: Duration) -> Instant {
    let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Instant::from_nanos(at.as_nanos().saturating_sub(by))
}
