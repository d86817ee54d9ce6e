//! Rows 29 to 39: the loop misses ticks, the controller hangs or computes nonsense.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cerebellum::{ForcePlanner, InlineForcePlanner, MpcInput, MpcOutput};
use governor::{HealthRule, Kind, Rule};
use signals::{BodyCommand, BodyState, Level, Metres, MetresPerSecond, Motion, Quaternion};

use crate::fault::{Dice, End, Trial, after, at_once, once, raised, told};
use crate::scene::{Seen, World};

/// Row 29: one tick is missed.
pub(crate) fn one_overrun(dice: &mut Dice) -> Trial {
    Trial::any(dice)
        .world(|since, world| *world.missed = u64::from(since == 0))
        .must(
            at_once(),
            once(|_, seen| {
                // The command of the tick before is still in force, and nothing is made of it.
                seen.ruling.level <= Level::Notice && !matches!(seen.ruling.motion, Motion::Damp)
            }),
        )
        .always(|_, seen| match seen.ruling.level {
            level if level >= Level::Limited => Err(format!("{level:?} for one missed tick")),
            _ => Ok(()),
        })
}

/// Row 30: three ticks are missed, each by itself.
pub(crate) fn three_overruns(dice: &mut Dice) -> Trial {
    overruns(dice, 3, raised(Level::Limited, &[Rule::CycleLate]))
        .ends(1_500, &[End::Slow, End::Stand, End::Hold])
}

/// Row 30: twenty ticks are missed, each by itself.
pub(crate) fn twenty_overruns(dice: &mut Dice) -> Trial {
    overruns(dice, 20, raised(Level::Hold, &[Rule::CycleLate])).ends(3_000, &[End::Hold, End::Sit])
}

/// The numbers for a machine with a real-time kernel: the robot file's are generous, because the
/// demo runs on desktops that stall.
fn real_time(rule: &mut HealthRule) {
    (rule.late_limited, rule.late_hold) = (3, 20);
    rule.late_gap = Duration::from_millis(50);
}

/// `times` ticks are missed, every second, third or fourth.
fn overruns(dice: &mut Dice, times: u64, reaction: crate::fault::When) -> Trial {
    let every = 2 + dice.below(3);
    let mut so_far = 0;
    let seen = Rc::new(Cell::new(0));
    let done = Rc::clone(&seen);
    let mut trial = Trial::any(dice);
    trial.setup.profile = Box::new(|profile| real_time(&mut profile.health));
    trial
        .world(move |since, world: &mut World<'_>| {
            if so_far < times && since.is_multiple_of(every) {
                so_far += 1;
                *world.missed = 1;
                seen.set(so_far);
            }
        })
        .must(once(move |_, _| done.get() >= times), reaction)
        .since(1)
}

/// Row 31: the controller hangs: its estimate and its command stay what they were.
pub(crate) fn controller_hangs(dice: &mut Dice) -> Trial {
    let (mut state, mut wanted): (Option<BodyState>, Option<BodyCommand>) = (None, None);
    Trial::any(dice)
        .state(move |_, fresh| *fresh = *state.get_or_insert(*fresh))
        .wanted(move |_, fresh| *fresh = *wanted.get_or_insert(*fresh))
        .must(
            after(1),
            raised(Level::Hold, &[Rule::StateInvalid, Rule::CommandFinite, Rule::CommandStale]),
        )
        .ends(5_000, &[End::Damped, End::Off, End::Sit])
}

/// Row 36: one command with a number that is none.
pub(crate) fn one_command_is_not_finite(dice: &mut Dice) -> Trial {
    let mut poison = poison(dice);
    Trial::any(dice)
        .wanted(move |since, wanted| {
            if since == 0 {
                poison(wanted);
            }
        })
        .must(at_once(), told(Kind::Refused, &[Rule::CommandFinite]))
}

/// Row 36: several in a row, then the controller is itself again.
pub(crate) fn commands_are_not_finite(dice: &mut Dice) -> Trial {
    let (mut poison, lasts) = (poison(dice), 3 + dice.below(6));
    Trial::any(dice)
        .wanted(move |since, wanted| {
            if since < lasts {
                poison(wanted);
            }
        })
        .must(after(1), raised(Level::Hold, &[Rule::CommandFinite]))
        .ends(4_500, &[End::Hold, End::Sit])
}

/// Row 36: the controller never recovers.
pub(crate) fn no_command_is_finite(dice: &mut Dice) -> Trial {
    let mut poison = poison(dice);
    Trial::any(dice)
        .wanted(move |_, wanted| poison(wanted))
        .must(after(1), raised(Level::Hold, &[Rule::CommandFinite]))
        .ends(3_000, &[End::Off, End::Damped])
}

/// Row 36: one estimate or two with a number that is none.
pub(crate) fn estimate_is_not_finite_once(dice: &mut Dice) -> Trial {
    let lasts = 1 + dice.below(2);
    // What looks at the number itself may also slow the robot down, for two seconds.
    let found =
        |seen: &Seen<'_>| seen.acts(&[Rule::StateInvalid]) || seen.ruling.level >= Level::Limited;
    estimates(dice, lasts)
        .must(at_once(), once(move |_, seen| found(seen)))
        .always(|_, seen| match seen.ruling.level {
            level if level >= Level::Hold => Err(format!("{level:?} for one bad estimate")),
            _ => Ok(()),
        })
        .ends(1_000, &[End::Same, End::Slow, End::Stand])
}

/// Row 36: three or more.
pub(crate) fn estimate_is_not_finite(dice: &mut Dice) -> Trial {
    let lasts = 3 + dice.below(10);
    estimates(dice, lasts)
        .must(at_once(), raised(Level::Hold, &[Rule::StateInvalid]))
        .ends(5_000, &[End::Hold, End::Sit, End::Damped, End::Off])
}

fn estimates(dice: &mut Dice, lasts: u64) -> Trial {
    let (which, joint) = (dice.below(5), dice.joint());
    let value = dice.one_of(&[f32::NAN, f32::INFINITY]);
    Trial::any(dice).state(move |since, state| {
        if since >= lasts {
            return;
        }
        match which {
            0 => state.velocity[0] = MetresPerSecond(value),
            1 => state.position[1] = Metres(value),
            2 => state.attitude.w = value,
            3 => state.joints[joint].q.0 = value,
            _ => state.contact.iter_mut().for_each(|contact| *contact = value),
        }
    })
}

/// One number of one joint's command becomes none.
fn poison(dice: &mut Dice) -> impl FnMut(&mut BodyCommand) + 'static {
    let value = dice.one_of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let (joint, field) = (dice.joint(), dice.below(5));
    move |wanted| {
        let command = &mut wanted.joints[joint];
        match field {
            0 => command.q.0 = value,
            1 => command.dq.0 = value,
            2 => command.kp.0 = value,
            3 => command.kd.0 = value,
            _ => command.tau.0 = value,
        }
    }
}

/// Row 37: the estimated attitude turns away from what the sensors say.
pub(crate) fn estimator_diverges(dice: &mut Dice) -> Trial {
    const DIVERGED: &[Rule] = &[Rule::StateDiverged, Rule::Tilt, Rule::TiltRate];
    let rate = dice.between(1.0, 4.0) * dice.one_of(&[-1.0, 1.0]);
    let roll = dice.coin();
    let mut trial = Trial::any(dice);
    // Damped in the middle of a step it goes down as it can.
    trial.falls = true;
    trial
        .state(move |since, state| {
            let half = 0.5 * rate * (since + 1) as f32 * 1e-3;
            let (x, y) = if roll { (half.sin(), 0.0) } else { (0.0, half.sin()) };
            state.attitude = times(state.attitude, Quaternion { w: half.cos(), x, y, z: 0.0 });
        })
        .must(at_once(), raised(Level::Limited, DIVERGED))
        .must(at_once(), raised(Level::Settle, DIVERGED))
        .ends(5_000, &[End::Sit, End::Damped, End::Off])
}

/// Hamilton product.
fn times(a: Quaternion, b: Quaternion) -> Quaternion {
    Quaternion {
        w: a.w * b.w - a.x * b.x - a.y * b.y - a.z * b.z,
        x: a.w * b.x + a.x * b.w + a.y * b.z - a.z * b.y,
        y: a.w * b.y - a.x * b.z + a.y * b.w + a.z * b.x,
        z: a.w * b.z + a.x * b.y - a.y * b.x + a.z * b.w,
    }
}

/// Solves no force problem any more after a tick, and counts them.
struct Infeasible {
    inner: InlineForcePlanner,
    from: u64,
    failed: Arc<AtomicU64>,
}

impl ForcePlanner for Infeasible {
    fn submit(&mut self, input: &MpcInput) {
        self.inner.submit(input);
    }

    fn collect(&mut self) -> Option<MpcOutput> {
        let answer = self.inner.collect()?;
        let solved = answer.solved && answer.tick < self.from;
        self.failed.fetch_add(u64::from(!solved), Ordering::Relaxed);
        Some(MpcOutput { solved, ..answer })
    }
}

/// Row 39: no force problem has a solution any more.
pub(crate) fn forces_fail(dice: &mut Dice) -> Trial {
    let mut trial = Trial::any(dice);
    let (from, failed) = (trial.strike, Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&failed);
    let make = move |inner| Infeasible { inner, from, failed: Arc::clone(&count) };
    trial.setup.forces = Box::new(move |inner| Box::new(make(inner)));
    trial
        .must(
            once(move |_, _| failed.load(Ordering::Relaxed) >= 5),
            raised(Level::Settle, &[Rule::CommandFinite, Rule::CommandShape]),
        )
        .ends(5_000, &[End::Sit])
}
