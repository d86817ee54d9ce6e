//! Rows 65 to 72: people, contact, pushes, falls, and the border of the permitted area.

use std::f32::consts::PI;
use std::time::Duration;

use governor::{Fence, KEEP_OUT_MAX, KeepOut, PersonRule, Polygon, Rule};
use signals::{
    Level, Metres, MetresPerSecond, MetresPerSecondSquared, Motion, NewtonMetres, Newtons,
};
use sim::Disturbance;

use crate::fault::{Dice, End, Trial, When, after, once, raised};
use crate::rows::body::{IN_THE_FRAME, disturbed};
use crate::rows::joints::torque_max;
use crate::scene::{Seen, Setup, Wish};

/// Separation from people on this robot.
const PEOPLE: PersonRule = PersonRule {
    radius: Metres(0.42),
    intrusion: Metres(0.1),
    inner: Metres(0.3),
    braking: MetresPerSecondSquared(0.8),
    reaction: Duration::from_millis(300),
    speed: MetresPerSecond(1.6),
    age_max: Duration::from_millis(100),
    silence_max: Duration::from_secs(1),
    silent_scale: 0.25,
    fall_zone: Metres(0.9),
};

/// A robot that walks where people may be, with nobody in sight.
fn among_people(dice: &mut Dice) -> Setup {
    let mut setup = Setup::new(dice.walk());
    setup.profile = Box::new(|profile| profile.person = Some(PEOPLE));
    setup.disturbances.push(Disturbance::Person {
        distance: Metres(f32::INFINITY),
        approach: MetresPerSecond(0.0),
        nearest: Metres(f32::INFINITY),
    });
    setup
}

/// Row 65: a person walks toward the robot and stops in front of it, outside the inner zone.
pub(crate) fn person_comes(dice: &mut Dice) -> Trial {
    let (distance, approach) = (dice.between(1.1, 1.6), dice.between(1.0, 1.6));
    let mut setup = among_people(dice);
    setup.wish = Wish::walk(dice.between(0.5, 0.7), 0.0, 0.0);
    let mut before = None;
    let slower = once(move |_, seen: &Seen<'_>| {
        let Motion::Walk(velocity) = seen.ruling.motion else { return true };
        let speed = velocity.speed().0;
        speed < *before.get_or_insert(speed) - 0.02
    });
    let what = Disturbance::Person {
        distance: Metres(distance),
        approach: MetresPerSecond(approach),
        nearest: Metres(0.75),
    };
    disturbed(Trial::with(setup, dice), what)
        .must(after(IN_THE_FRAME), slower)
        .ends(1_500, &[End::Slow])
}

/// Row 65: a person steps right in front of it.
pub(crate) fn person_is_near(dice: &mut Dice) -> Trial {
    let distance = Metres(dice.between(0.3, 0.7));
    let setup = among_people(dice);
    let what = Disturbance::Person { distance, approach: MetresPerSecond(0.0), nearest: distance };
    disturbed(Trial::with(setup, dice), what)
        .must(after(IN_THE_FRAME), raised(Level::Hold, &[Rule::PersonNear]))
        .ends(2_500, &[End::Hold])
}

/// Row 66: the sensor that sees people says nothing any more.
pub(crate) fn people_are_not_seen(dice: &mut Dice) -> Trial {
    let setup = among_people(dice);
    disturbed(Trial::with(setup, dice), Disturbance::PersonSilent(true))
        .must(after(IN_THE_FRAME), raised(Level::Limited, &[Rule::PersonStale]))
        .ends(900, &[End::Slow])
}

/// Row 67: something hits a leg.
pub(crate) fn collides(dice: &mut Dice) -> Trial {
    let joint = dice.joint();
    let part = dice.between(0.6, 0.9) * dice.one_of(&[-1.0, 1.0]);
    let torque = NewtonMetres(part * torque_max(joint));
    let duration = Duration::from_millis(20 + dice.below(25));
    let what = Disturbance::Hit { joint, torque, duration };
    disturbed(Trial::any(dice), what)
        .must(after(IN_THE_FRAME), raised(Level::Limited, &[Rule::Collision]))
        .ends(1_500, &[End::Hold, End::Stand, End::Slow])
}

/// Row 68: a push it can step out of.
pub(crate) fn is_pushed(dice: &mut Dice) -> Trial {
    let what = push(dice, 60.0, 100);
    disturbed(Trial::any(dice), what).ends(2_500, &[End::Same, End::Slow, End::Stand])
}

/// Row 69: a push nothing can be done against.
pub(crate) fn is_thrown(dice: &mut Dice) -> Trial {
    let what = shove(dice, 520.0, 250);
    let mut trial = Trial::any(dice);
    trial.falls = true;
    let damped = once(|_, seen: &Seen<'_>| seen.yields());
    disturbed(trial, what)
        .must(tilted(35.0), damped)
        .always(no_stand_after_a_fall())
        .ends(3_000, &[End::Damped, End::Off])
}

/// Row 70: it has fallen, and lies.
pub(crate) fn has_fallen(dice: &mut Dice) -> Trial {
    let what = shove(dice, 520.0, 250);
    let mut trial = Trial::any(dice);
    trial.falls = true;
    disturbed(trial, what)
        .must(tilted(60.0), once(|_, seen| seen.yields()))
        .always(no_stand_after_a_fall())
        .ends(6_500, &[End::Off])
}

/// A robot in the air is also too high, and has its feet where no step helps.
const LIFTED: &[Rule] = &[Rule::Lifted, Rule::BaseHeight, Rule::CapturePoint];

/// Row 71: somebody lifts it.
pub(crate) fn is_lifted(dice: &mut Dice) -> Trial {
    let what = Disturbance::Hang(Some(Metres(dice.between(0.5, 0.6))));
    let in_the_air = once(|_, seen: &Seen<'_>| seen.truth.foot_force.iter().all(|f| f.0 <= 0.0));
    let mut trial = Trial::any(dice);
    // It hangs as it likes.
    trial.falls = true;
    disturbed(trial, what)
        .must(in_the_air, raised(Level::Hold, LIFTED))
        .ends(5_000, &[End::Damped, End::Sit, End::Off])
}

/// Row 72: it walks towards the border: it stops before it.
pub(crate) fn walks_to_the_border(dice: &mut Dice) -> Trial {
    let front = dice.between(1.0, 1.6);
    let setup = fenced(dice, [-3.0, -3.0, front, 3.0]);
    Trial::with(setup, dice)
        .always(move |_, seen| {
            let ahead = seen.truth.position[0].0 + RADIUS;
            if ahead > front {
                Err(format!("{:.3} m over the border", ahead - front))
            } else {
                Ok(())
            }
        })
        .ends(3_500, &[End::Slow, End::Stand, End::Hold])
}

/// Row 72: it is carried over the border.
pub(crate) fn is_outside(dice: &mut Dice) -> Trial {
    let setup = fenced(dice, [-3.0, -3.0, 3.0, 3.0]);
    let by = dice.between(4.0, 6.0);
    Trial::with(setup, dice)
        .state(move |_, state| state.position[0] += Metres(by))
        .must(after(0), raised(Level::Hold, &[Rule::GeofenceLeft]))
        .ends(9_500, &[End::Hold, End::Settling, End::Sit])
}

/// Radius of the body for the fence, m.
const RADIUS: f32 = 0.42;

/// Walks ahead within a rectangle `[x, y, to x, to y]`.
fn fenced(dice: &mut Dice, [x, y, to_x, to_y]: [f32; 4]) -> Setup {
    let corners = [[x, y], [to_x, y], [to_x, to_y], [x, to_y]];
    let area = Polygon::new(&corners.map(|corner| corner.map(Metres)));
    let fence = Fence {
        area,
        keep_out: [KeepOut::default(); KEEP_OUT_MAX],
        keep_outs: 0,
        radius: Metres(RADIUS),
        margin: Metres(0.1),
        braking: MetresPerSecondSquared(0.8),
        reaction: Duration::from_millis(300),
    };
    let mut setup = Setup::new(Wish::walk(dice.between(0.3, 0.7), 0.0, 0.0));
    setup.profile = Box::new(move |profile| profile.fence = Some(fence));
    setup
}

/// A push in some direction, N and ms.
fn push(dice: &mut Dice, newtons: f32, ms: u64) -> Disturbance {
    let angle = dice.between(-PI, PI);
    toward(angle, newtons, ms)
}

/// A push from the side, N and ms: along its length the body may slide on its belly instead.
fn shove(dice: &mut Dice, newtons: f32, ms: u64) -> Disturbance {
    let angle = dice.between(0.3, 0.7) * PI * dice.one_of(&[-1.0, 1.0]);
    toward(angle, newtons, ms)
}

/// A push toward `angle`, rad, from ahead to the left, N and ms.
fn toward(angle: f32, newtons: f32, ms: u64) -> Disturbance {
    let force = [newtons * angle.cos(), newtons * angle.sin(), 0.0].map(Newtons);
    Disturbance::Push { force, duration: Duration::from_millis(ms) }
}

/// The simulator says that the body tilts further than this, deg.
fn tilted(degrees: f32) -> When {
    once(move |_, seen| seen.truth.attitude.tilt().0.to_degrees() > degrees)
}

/// Who has fallen does not get up by himself.
fn no_stand_after_a_fall() -> impl FnMut(u64, &Seen<'_>) -> Result<(), String> + 'static {
    let mut fell = false;
    move |_, seen| {
        fell |= seen.ruling.level == Level::Falling;
        match seen.yields() {
            false if fell => Err("joints were driven after the fall".into()),
            _ => Ok(()),
        }
    }
}
