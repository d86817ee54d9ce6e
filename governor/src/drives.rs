//! What one drive does with its command: torque that is not the one it was told, a collision, a
//! joint that is blocked, a motor that turns the wrong way.
//!
//! Each joint is looked at in every [`SPREAD`]th tick. The drive acts on a command late and its
//! torque estimate comes later still: a torque counts as told when it lies between those of the
//! last few commands.

use core::time::Duration;

use signals::{JointCommand, JointId, JointReading, JointState, Joints, Level};

use crate::joint::{between, larger, smaller};
use crate::vitals::SPREAD;
use crate::watch::{Cause, Input, Worst};
use crate::{Actor, Rule};

/// A wrong torque lasts so long before the robot settles (fault 50).
const TORQUE_ERROR: Duration = Duration::from_millis(50);
/// A collision lasts so long before the robot slows down (fault 67).
const COLLISION: Duration = Duration::from_millis(5);
/// A joint gives torque without moving for so long before the robot settles (fault 42). While the
/// leg stands nothing is asked of it, so only the looks that ask are counted, until it moves.
const BLOCKED: Duration = Duration::from_millis(60);
/// A joint runs away against its torque for so long before torque is cut (fault 43): with a motor
/// that turns the wrong way, holding and damping drive it on.
const SIGN: Duration = Duration::from_millis(28);
/// From this speed, rad/s, and with this growth from look to look, rad/s, a joint runs away.
const RUN_AWAY: [f32; 2] = [2.0, 0.2];
/// A wanted speed, rad/s, that a joint at rest does not follow.
const WANTED_SPEED: f32 = 3.0;

/// Commands among which the one lies that a reading's torque belongs to: as many ticks as an
/// actuation and a sensor may be late together.
const LATE: usize = 4;

/// The last commands of all joints, one a tick.
#[derive(Debug)]
pub(crate) struct Given {
    commands: [Joints<JointCommand>; LATE],
    newest: usize,
}

impl Given {
    pub(crate) fn new(joints: usize) -> Self {
        Self { commands: [Joints::filled(JointCommand::LIMP, joints); LATE], newest: 0 }
    }

    /// Remembers what the joints are told in this cycle.
    pub(crate) fn tell(&mut self, joints: &Joints<JointCommand>) {
        self.newest = (self.newest + 1) % LATE;
        if let Some(oldest) = self.commands.get_mut(self.newest) {
            *oldest = *joints;
        }
    }

    fn newest(&self, joint: JointId) -> JointCommand {
        self.commands.get(self.newest).map_or(JointCommand::LIMP, |joints| joints[joint])
    }

    /// How far `torque` is from the torques, at most `tau_max` either way, that any of the commands
    /// gives in `state`, N m.
    fn apart(&self, joint: JointId, state: JointState, (torque, tau_max): (f32, f32)) -> f32 {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for joints in &self.commands {
            let told = between(joints[joint].torque(state).0, -tau_max, tau_max);
            (low, high) = (smaller(told, low), larger(told, high));
        }
        (low - torque).max(torque - high).max(0.0)
    }
}

/// How many looks found the same thing at one joint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Looks {
    torque: u8,
    hit: u8,
    blocked: u8,
    sign: u8,
}

/// What has to be remembered of the drives.
#[derive(Debug)]
pub(crate) struct Drives {
    looks: Joints<Looks>,
    /// Speed of each joint at its last look, rad/s.
    speed: Joints<f32>,
}

/// What one look at one joint has to go by.
struct Look<'a> {
    joint: JointId,
    given: JointCommand,
    reading: &'a JointReading,
    /// Of measured and commanded torque, N m.
    difference: f32,
    /// Highest torque, N m.
    tau_max: f32,
    /// Growth of the speed since the last look, rad/s.
    growth: f32,
}

impl Drives {
    pub(crate) fn new(joints: usize) -> Self {
        Self { looks: Joints::filled(Looks::default(), joints), speed: Joints::filled(0.0, joints) }
    }

    /// Looks at the joints whose turn it is. A joint that is not seen says nothing; neither does
    /// any after a skipped tick, because by then its command may have ended.
    pub(crate) fn look(
        &mut self,
        (turn, steady, blind): (u32, bool, u32),
        input: &Input<'_>,
        worst: &mut Worst,
    ) {
        let limits = input.envelope.joints();
        let rule = &input.profile.health;
        // Below this torque nothing can be wrong, whatever the joint does.
        let slack = rule.blocked_torque.min(rule.sign_torque).max(0.0);
        let wrong = stricter(rule.torque_error, rule.collision);
        let mut at = (turn % SPREAD) as usize;
        while let Some(joint) = JointId::new(at).filter(|_| at < limits.len()) {
            at = at.saturating_add(SPREAD as usize);
            if !steady || blind & (1 << joint.index()) != 0 {
                self.looks[joint] = Looks::default();
                continue;
            }
            let (given, reading) = (input.given.newest(joint), &input.frame.joints[joint]);
            let tau_max = limits[joint].tau_max.0;
            let state = JointState { q: reading.q, dq: reading.dq };
            let told = given.torque(state).0;
            let mut difference = (reading.tau.0 - between(told, -tau_max, tau_max)).abs();
            if difference > wrong * tau_max {
                difference = input.given.apart(joint, state, (reading.tau.0, tau_max));
            }
            let speed = reading.dq.0.abs();
            let growth = speed - core::mem::replace(&mut self.speed[joint], speed);
            let looks = &mut self.looks[joint];
            // The usual case: nothing wrong now and nothing wrong before.
            let quiet = difference <= wrong * tau_max && reading.tau.0.abs() <= slack * tau_max;
            if quiet && *looks == Looks::default() {
                continue;
            }
            let look = Look { joint, given, reading, difference, tau_max, growth };
            look.closer(looks, input, worst);
        }
    }
}

impl Look<'_> {
    fn closer(&self, looks: &mut Looks, input: &Input<'_>, worst: &mut Worst) {
        let rule = &input.profile.health;
        let add = |count: u8, holds: bool| if holds { count.saturating_add(1) } else { 0 };
        let beyond = |part: f32| part > 0.0 && self.difference > part * self.tau_max;
        let span = |count: u8| input.cycle.period.saturating_mul(u32::from(count) * SPREAD);
        looks.torque = add(looks.torque, beyond(rule.torque_error));
        looks.hit = add(looks.hit, beyond(rule.collision));
        looks.sign = add(looks.sign, self.runs_away(rule.sign_torque));
        // A body that is held where it stopped cannot show by moving that a joint is free again.
        let held = input.profile.sinks_without_power && input.ruling.level >= Level::Stopped;
        if held || self.reading.dq.0.abs() > input.profile.static_joint_speed.0 {
            looks.blocked = 0;
        } else if self.strains(rule.blocked_torque, rule.blocked_error.0) {
            looks.blocked = looks.blocked.saturating_add(1);
        }
        let found = [
            (looks.sign, SIGN, Level::Cut, Rule::JointSign),
            (looks.blocked, BLOCKED, Level::Settle, Rule::JointBlocked),
            (looks.torque, TORQUE_ERROR, Level::Settle, Rule::TorqueError),
            (looks.hit, COLLISION, Level::Limited, Rule::Collision),
        ];
        for (count, limit, level, rule) in found {
            let span = span(count);
            if count == 0 || span < limit {
                continue;
            }
            let cause = Cause::new(level, rule, Actor::Body);
            let cause = match rule {
                Rule::TorqueError => cause.because(self.difference, self.part(input, rule)),
                Rule::Collision => cause.because(self.difference, self.part(input, rule)),
                _ => cause.because(span.as_secs_f32(), limit.as_secs_f32()),
            };
            worst.add(Cause { joint: Some(self.joint), ..cause });
        }
    }

    /// It gets faster and faster against the torque it gives.
    fn runs_away(&self, part: f32) -> bool {
        let (tau, dq) = (self.reading.tau.0, self.reading.dq.0);
        let [fast, growth] = RUN_AWAY;
        let against = tau * dq < 0.0 && tau.abs() > part * self.tau_max;
        part > 0.0 && against && dq.abs() > fast && self.growth > growth
    }

    /// It gives torque toward where it is wanted, and should be moving.
    fn strains(&self, part: f32, error_max: f32) -> bool {
        let (tau, error) = (self.reading.tau.0, (self.given.q - self.reading.q).0);
        let wanted = self.given.kp.0 > 0.0 && error.abs() > error_max;
        let hurried = self.given.kd.0 > 0.0 && self.given.dq.0.abs() > WANTED_SPEED;
        part > 0.0 && tau.abs() > part * self.tau_max && (wanted || hurried)
    }

    /// The difference of torques that one of the two rules permits, N m.
    fn part(&self, input: &Input<'_>, rule: Rule) -> f32 {
        let health = &input.profile.health;
        let part = if rule == Rule::Collision { health.collision } else { health.torque_error };
        part * self.tau_max
    }
}

/// The smaller of two parts, where zero stands for a check that is off.
fn stricter(one: f32, other: f32) -> f32 {
    match (one > 0.0, other > 0.0) {
        (true, true) => one.min(other),
        (true, false) => one,
        (false, true) => other,
        (false, false) => f32::INFINITY,
    }
}
