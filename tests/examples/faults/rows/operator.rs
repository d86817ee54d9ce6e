//! Rows 58 to 64: people, their devices and their rights.

use std::time::Duration;

use governor::{Holder, Kind, Resource, Rule, Supervision};
use signals::{
    BaseVelocity, Instant, Level, MetresPerSecond, Mode, Motion, OperatorAct, RadiansPerSecond,
    Role,
};
use sim::Disturbance;

use crate::fault::{Dice, End, Trial, acts, after, at_once, new_plan, once, raised, told};
use crate::scene::{STICK_EVERY, Seen, Setup, velocities};

const ALONE: &[Rule] = &[Rule::SupervisorLost];
const NO_STICK: &[Rule] = &[Rule::StickStale, Rule::StickReleased];

/// Row 58: the session that supervises is gone.
pub(crate) fn supervisor_is_lost(dice: &mut Dice) -> Trial {
    let mut last = None;
    Trial::any(dice)
        .world(move |_, world| {
            world.operator.supervisor = *last.get_or_insert(world.operator.supervisor);
        })
        .must(at_once(), raised(Level::Limited, ALONE))
        .must(at_once(), raised(Level::Hold, ALONE))
        .must(at_once(), raised(Level::Settle, ALONE))
        .ends(6_500, &[End::Sit])
}

/// Row 58: the link to the person who drives is gone. That can be seen when the first reading of
/// the stick is missing.
pub(crate) fn stick_is_lost(dice: &mut Dice) -> Trial {
    let mut setup = Setup::new(dice.walk());
    setup.mode = Mode::Manual;
    let mut last = None;
    let missing =
        || once(|since, seen: &Seen<'_>| since > 0 && seen.number.is_multiple_of(STICK_EVERY));
    Trial::with(setup, dice)
        .world(move |_, world| world.operator.stick = *last.get_or_insert(world.operator.stick))
        .must(missing(), once(|_, seen| !matches!(seen.ruling.motion, Motion::Walk(_))))
        .must(missing(), raised(Level::Hold, NO_STICK))
        .must(missing(), raised(Level::Settle, NO_STICK))
        .ends(33_500, &[End::Sit])
}

/// Row 59: somebody presses stop.
pub(crate) fn stop_is_pressed(dice: &mut Dice) -> Trial {
    let still = once(|_, seen: &Seen<'_>| {
        let speed = seen.truth.velocity_world.iter().map(|v| v.0 * v.0).sum::<f32>().sqrt();
        seen.ruling.level == Level::Stopped && speed < 0.02
    });
    Trial::any(dice)
        .world(|_, world| world.operator.stop = true)
        .must(at_once(), raised(Level::Settle, &[Rule::OperatorStop]))
        .must(at_once(), still)
        .ends(4_500, &[End::Sit])
}

/// Row 59: somebody cuts the torque.
pub(crate) fn cut_is_pressed(dice: &mut Dice) -> Trial {
    let mut trial = Trial::any(dice);
    // Without torque a robot on its feet goes down as it can.
    trial.falls = true;
    trial
        .world(|_, world| world.operator.cut = true)
        .must(
            at_once(),
            once(|_, seen| {
                seen.vetted.joints.iter().all(|c| (c.kp.0, c.kd.0, c.tau.0) == (0.0, 0.0, 0.0))
            }),
        )
        .ends(2_000, &[End::Off])
}

/// Row 60: the stop device's own sign of life stays away.
pub(crate) fn stop_device_is_silent(dice: &mut Dice) -> Trial {
    let mut setup = Setup::new(dice.wish());
    let watch = Supervision {
        notice: Duration::from_millis(150),
        hold: Duration::from_millis(250),
        settle: Duration::from_millis(250),
    };
    setup.profile = Box::new(move |profile| profile.supervision = Some(watch));
    let mut last = None;
    Trial::with(setup, dice)
        .world(move |_, world| {
            world.operator.supervisor = *last.get_or_insert(world.operator.supervisor);
        })
        .must(at_once(), raised(Level::Settle, ALONE))
        .ends(4_500, &[End::Sit])
}

/// Row 61: a second session wants the body while the brain has it, and plans all the same.
pub(crate) fn second_operator(dice: &mut Dice) -> Trial {
    let other = Holder::Session(7);
    let epoch = 1 + u32::try_from(dice.below(5)).unwrap_or(0);
    Trial::any(dice)
        .world(move |_, world| {
            let now = Instant::from_nanos(world.number * 1_000_000);
            let granted = world.governor.leases().acquire(Resource::Body, other, now);
            debug_assert!(granted.is_err(), "one lease at a time");
        })
        .plan(crate::fault::spoiled(move |number, plan| {
            if number == 1 {
                plan.epoch += epoch;
                velocities(plan).fill(backwards());
            }
        }))
        .must(new_plan(1), told(Kind::Refused, &[Rule::PlanLease]))
        .always(no_way_back)
        .ends(1_000, &[End::Same, End::Slow, End::Stand])
}

/// Row 61: another person, without the right to, wants to take over.
pub(crate) fn second_person(dice: &mut Dice) -> Trial {
    let role = dice.one_of(&[Role::Bystander, Role::Supervisor]);
    let act = dice.one_of(&[OperatorAct::TakeOver, OperatorAct::HandBack, OperatorAct::Unlock]);
    Trial::any(dice)
        .world(move |since, world| {
            if since == 0 {
                (world.operator.act, world.operator.role) = (Some(act), role);
            }
        })
        .must(
            at_once(),
            once(|_, seen| seen.records.iter().any(|record| record.kind == Kind::ActRefused)),
        )
        .always(|_, seen| match seen.ruling.mode {
            Mode::Auto => Ok(()),
            mode => Err(format!("the mode became {mode:?}")),
        })
}

/// Row 62: the brain's lease ends, and it plans on as if it had it.
pub(crate) fn lease_ends(dice: &mut Dice) -> Trial {
    Trial::any(dice)
        .world(|since, world| {
            if since == 0 {
                world.governor.leases().revoke(Resource::Body);
            }
        })
        .must(
            at_once(),
            raised(
                Level::Limited,
                &[Rule::PlanLease, Rule::PlanFaulty, Rule::PlanSilent, Rule::PlanExpired],
            ),
        )
        .ends(2_500, &[End::Stand, End::Hold])
}

/// Row 63: a thousand plans a second, each against the one before.
pub(crate) fn plans_storm(dice: &mut Dice) -> Trial {
    let forward = dice.between(0.3, 0.8);
    Trial::any(dice)
        .plan(move |since, plan| {
            let Some(plan) = plan else { return };
            if (1..800).contains(&since) {
                plan.sequence += since;
                let sign = if since % 2 == 0 { 1.0 } else { -1.0 };
                velocities(plan).fill(BaseVelocity {
                    forward: MetresPerSecond(sign * forward),
                    left: MetresPerSecond(0.0),
                    yaw: RadiansPerSecond(sign),
                });
            } else if since >= 800 {
                plan.sequence += 800;
            }
        })
        .must(new_plan(5), acts(&[Rule::PlanRate]))
        .ends(5_000, &[End::Same, End::Slow, End::Stand, End::Hold, End::Sit])
}

/// Row 63: a thousand acts a second, one against the other, with stop among them: stop wins.
pub(crate) fn acts_storm(dice: &mut Dice) -> Trial {
    let mut deck = [
        OperatorAct::Start,
        OperatorAct::Reset,
        OperatorAct::TakeOver,
        OperatorAct::HandBack,
        OperatorAct::Acknowledge,
        OperatorAct::Select(Mode::Manual),
    ];
    deck.rotate_left(usize::try_from(dice.below(6)).unwrap_or(0));
    let stop_at = dice.below(300);
    Trial::any(dice)
        .world(move |since, world| {
            world.operator.act = deck.get((since % 6) as usize).copied();
            world.operator.stop = since >= stop_at;
        })
        .must(after(stop_at), raised(Level::Settle, &[Rule::OperatorStop]))
        .ends(4_500, &[End::Sit])
}

/// Row 64: stop stays pressed, or a joint stays blind, and somebody asks for a reset again and
/// again.
pub(crate) fn reset_too_early(dice: &mut Dice) -> Trial {
    let blind = dice.coin().then(|| dice.joint());
    Trial::any(dice)
        .world(move |since, world| {
            match blind {
                Some(joint) if since == 0 => world.body.disturb(Disturbance::FreezeJoint(joint)),
                Some(_) => {}
                None => world.operator.stop = true,
            }
            if since >= 200 && since.is_multiple_of(100) {
                world.operator.act = Some(OperatorAct::Reset);
            }
        })
        .must(after(200), told(Kind::ActRefused, &[Rule::OperatorReset]))
        .always(|since, seen| match seen.ruling.level {
            level if since >= 200 && level < Level::Settle => {
                Err(format!("the reset was granted: {level:?}"))
            }
            _ => Ok(()),
        })
        .ends(4_500, &[End::Sit])
}

fn backwards() -> BaseVelocity {
    BaseVelocity { forward: MetresPerSecond(-0.8), ..BaseVelocity::ZERO }
}

fn no_way_back(_: u64, seen: &Seen<'_>) -> Result<(), String> {
    match seen.ruling.motion {
        Motion::Walk(velocity) if velocity.forward.0 < -0.2 => {
            Err("a plan without a lease was followed".into())
        }
        _ => Ok(()),
    }
}
