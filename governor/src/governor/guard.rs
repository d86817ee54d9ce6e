//! Turns what the motion controller wants into what the body may do.

use signals::{
    BodyCommand, BodyState, Cycle, Instant, JointCommand, JointId, Joints, Level, Motion, Radians,
    Watts,
};

use super::{BAD_COMMANDS_SETTLE, Governor};
use crate::joint::{self, Change, Outlook, Past, Scene};
use crate::row::joints_of;
use crate::tank::Share;
use crate::watch::{count, ticks};
use crate::{Actor, BodyClass, Kind, Record, Rule, Vetted};

impl Governor {
    /// Turns what the motion controller wants into what the body may do. Never fails: the worst
    /// answer is damped joints.
    pub fn vet<'cycle>(
        &mut self,
        cycle: &'cycle Cycle,
        state: &BodyState,
        mut wanted: BodyCommand,
    ) -> Vetted<'cycle, BodyCommand> {
        self.ledger.begin(cycle);
        self.traces.begin(cycle);
        let now = cycle.now;
        let latest = now + self.profile.command_validity;
        self.look(state, &wanted.joints);
        let mut usable = self.usable(cycle, &wanted);
        if self.profile.body == BodyClass::StaticallyStable && self.stop_in_place(&mut wanted) {
            self.look(state, &wanted.joints);
            usable = true;
        }
        match self.ruling.motion {
            Motion::Limp => {
                self.traces.rest();
                wanted = BodyCommand { joints: self.limp(), valid_until: latest };
            }
            // A command that has ended already leaves the body to its firmware.
            Motion::Script => {
                self.traces.rest();
                wanted = BodyCommand { joints: self.damped(), valid_until: now };
            }
            Motion::Stand | Motion::Walk(_) | Motion::Move(_) | Motion::Settle if usable => {
                self.guard(now, state, &mut wanted.joints, false);
                // Past its validity a drive only damps, which keeps no position limit: a command
                // lasts at least until the next one can have taken effect.
                let least = now + cycle.period + self.profile.brake_delay;
                wanted.valid_until = wanted.valid_until.max(least).min(latest);
            }
            _ => {
                wanted = BodyCommand { joints: self.damped(), valid_until: latest };
                // Damping alone keeps no limit either. Without a ruling the readings are old.
                if self.ruled == Some(cycle.number) {
                    self.look(state, &wanted.joints);
                    self.guard(now, state, &mut wanted.joints, true);
                } else {
                    self.traces.rest();
                }
            }
        }
        self.heat.turn(now, &mut self.traces);
        self.given.tell(&wanted.joints);
        Vetted::seal(wanted, cycle, self.envelope_id)
    }

    /// The second gate for non-finite numbers, and for commands that are over or that nobody ruled
    /// on.
    fn usable(&mut self, cycle: &Cycle, wanted: &BodyCommand) -> bool {
        if self.ruled != Some(cycle.number) {
            let record = Record::of(Rule::CycleUnruled, Kind::Refused, Actor::Governor);
            self.ledger.lasting(record);
            return false;
        }
        let Some(record) = self.broken(cycle, wanted) else {
            self.bad_commands = 0;
            self.bad_commands_settling = 0;
            return true;
        };
        self.ledger.lasting(record);
        self.bad_commands = self.bad_commands.saturating_add(1);
        if self.ruling.level == Level::Settle {
            self.bad_commands_settling = self.bad_commands_settling.saturating_add(1);
        }
        false
    }

    /// What is wrong with a whole command.
    fn broken(&self, cycle: &Cycle, wanted: &BodyCommand) -> Option<Record> {
        let (len, joints) = (self.guards.len(), &wanted.joints);
        if joints.len() != len {
            let (measured, limit) = (count(joints.len()), count(len));
            return Some(Record { measured, limit, ..refused(Rule::CommandShape) });
        }
        if wanted.valid_until <= cycle.now {
            let measured = cycle.now.since(wanted.valid_until).as_secs_f32();
            return Some(Record { measured, ..refused(Rule::CommandStale) });
        }
        if self.look.sound & self.every == self.every {
            return None;
        }
        let joint = joints.ids().find(|joint| !joints[*joint].is_finite())?;
        let measured = ticks(self.bad_commands.saturating_add(1));
        let (rule, limit) = (Rule::CommandFinite, ticks(BAD_COMMANDS_SETTLE));
        Some(Record { joint: Some(joint), measured, limit, ..refused(rule) })
    }

    /// A body that stands by itself needs no controller to stop: at HOLD and above, and for as long
    /// as it is held after a stop, the governor itself brings each joint to rest and holds it
    /// there, whatever the controller wants.
    fn stop_in_place(&mut self, wanted: &mut BodyCommand) -> bool {
        let stops = self.ruling.level >= Level::Hold || self.ruling.motion == Motion::Settle;
        if !stops || self.ruled.is_none() {
            self.rest = Joints::filled(None, self.guards.len());
            return false;
        }
        let slow = self.profile.static_joint_speed;
        for joint in self.guards.ids() {
            let seen = self.watch.sees(joint);
            if let (None, Some(seen)) = (self.rest[joint], seen)
                && seen.dq.abs() <= slow
            {
                self.rest[joint] = Some(seen.q);
            }
        }
        wanted.joints = Joints::from_fn(self.guards.len(), |joint| {
            let dq = self.watch.sees(joint).map(|reading| reading.dq);
            let damped = self.guards[joint].damped(dq);
            match self.rest[joint] {
                Some(q) => JointCommand { q, kp: self.envelope.joints()[joint].kp_max, ..damped },
                None => damped,
            }
        });
        true
    }

    fn limp(&self) -> Joints<JointCommand> {
        Joints::filled(JointCommand::LIMP, self.guards.len())
    }

    fn damped(&self) -> Joints<JointCommand> {
        Joints::from_fn(self.guards.len(), |joint| {
            let dq = self.watch.sees(joint).map(|reading| reading.dq);
            self.guards[joint].damped(dq)
        })
    }

    /// Each joint's command inside its gains, its targets and its torque interval; `yields` for
    /// commands that only damp.
    ///
    /// The frame's reading and the estimate both witness where a joint is; the stricter one counts,
    /// so that neither a wild reading nor a wrong estimate opens the interval.
    fn guard(
        &mut self,
        now: Instant,
        state: &BodyState,
        joints: &mut Joints<JointCommand>,
        yields: bool,
    ) {
        let limbs = self.profile.anatomy.as_ref().zip(self.profile.self_collision.as_ref());
        if let Some((anatomy, rule)) = limbs {
            let watch = &self.watch;
            self.limbs.look(anatomy, rule, |joint| watch.last_seen(joint));
        }
        let (eyes, blind) = self.watch.all();
        self.traces.keep(&self.look, &eyes.dq, &eyes.at);
        // The usual case first: nothing to change, no bound near, and nothing has happened for a
        // while.
        let usual = self.look.calm & !blind & !self.traces.lively() & !self.limbs.all();
        for joint in joints_of(self.every & usual) {
            let target = joints[joint].q.0;
            self.traces.aim(joint, target, target);
        }
        for joint in joints_of(self.every & !usual) {
            let (wanted, bit) = (joints[joint], 1 << joint.index());
            joints[joint] = if blind & bit == 0 {
                self.traces.stir(joint, self.look.steady & bit == 0);
                self.bounded(now, joint, wanted, state, yields)
            } else {
                self.unseen(now, joint, wanted)
            };
        }
        self.share(joints);
    }

    /// Looks at all commands together.
    fn look(&mut self, state: &BodyState, wanted: &Joints<JointCommand>) {
        let (told, speed, target) = self.traces.last();
        let (eyes, _) = self.watch.all();
        let fits = state.joints.len() == wanted.len();
        let scene = Scene {
            wanted,
            q: &eyes.q,
            dq: &eyes.dq,
            estimate: fits.then_some(&state.joints),
            told,
            speed,
            target,
            thermal: self.heat.all(),
            dt: self.traces.dt,
        };
        self.calm.look(&scene, &mut self.look);
    }

    /// The command of a joint that may come near a bound.
    fn bounded(
        &mut self,
        now: Instant,
        joint: JointId,
        wanted: JointCommand,
        state: &BodyState,
        yields: bool,
    ) -> JointCommand {
        let guard = &self.guards[joint];
        let reading = self.watch.last_seen(joint);
        let at = self.watch.seen_at(joint);
        let horizon = guard.horizon(age(now, at));
        let mut past = self.traces.past(joint, reading.dq.0, at, horizon);
        let anchor = self.traces.anchored(joint);
        let mut limited = if let Some(anchor) = anchor {
            // What its drive did while it was out of sight is not known yet.
            let held = guard.held(anchor);
            let torque = guard.given(held.torque(reading).0, past.told, self.traces.dt);
            past = Past::steady(torque);
            held
        } else {
            self.follow(now, joint, wanted, reading.q.0)
        };
        let guard = &self.guards[joint];
        let estimate = state.joints[joint];
        let fits = state.joints.len() == self.guards.len() && estimate.is_finite();
        let outlook = Outlook {
            measured: reading,
            estimate: if fits { estimate } else { reading },
            past,
            horizon,
            dt: self.traces.dt,
            thermal: self.heat.allowed(joint),
            yields: yields || anchor.is_some(),
        };
        let mut bounds = guard.bounds(&outlook);
        bounds = self.limbs.bounds(joint, reading.dq, bounds);
        let torque = match joint::inside(&limited, &outlook, bounds) {
            Ok(torque) => torque,
            Err(change) => {
                // A hold that asks for more than there is gets softer, but stays a hold: a torque
                // alone would not end when the joint is out of sight again.
                let holds = anchor.is_some() && change.rule == Rule::JointTorque;
                let soft = holds.then(|| joint::scaled(limited, change.allowed / change.asked));
                limited = soft.unwrap_or(joint::pure(change.allowed));
                self.ledger.limiting(joint, &change);
                change.allowed
            }
        };
        let torque = guard.given(torque, self.traces.told(joint), self.traces.dt);
        self.traces.amend(joint, torque);
        limited
    }

    /// `wanted` with gains, torque and target inside their limits, the target from where it was.
    fn follow(
        &mut self,
        now: Instant,
        joint: JointId,
        wanted: JointCommand,
        q: f32,
    ) -> JointCommand {
        let (guard, ledger, mut far) = (&self.guards[joint], &mut self.ledger, false);
        let mut limited = guard.limited(wanted, |change| {
            far |= change.rule == Rule::JointPosition;
            ledger.limiting(joint, &change);
        });
        if far {
            self.targets.beyond(joint, self.ruled.unwrap_or_default());
        }
        // A joint without a target before begins where it is.
        let last = self.traces.target(joint);
        let last = if last.is_nan() { q } else { last };
        let asked = limited.q.0;
        let change = guard.led(&mut limited, last);
        let target = if limited.kp.0 > 0.0 { limited.q.0 } else { q };
        let before = self.traces.aim(joint, asked, target);
        if let Some(change) = change {
            self.traces.stir(joint, true);
            self.ledger.limiting(joint, &change);
            // On its way to a target that jumped once it has not jumped again.
            if !before.is_nan()
                && !guard.leads(&JointCommand { q: Radians(asked), ..limited }, before)
            {
                self.targets.jumped(now);
            }
        }
        limited
    }

    /// All driving torques together inside the limits of power and energy.
    fn share(&mut self, joints: &mut Joints<JointCommand>) {
        let Some(tank) = &mut self.tank else { return };
        let (mut driving, mut braking) = (0.0, 0.0);
        for joint in joints.ids() {
            let (torque, speed) = self.traces.now(joint);
            let power = torque * speed;
            if power < 0.0 {
                braking -= power;
            } else {
                // A power that is no number is in here, too.
                driving += power;
            }
        }
        let share = tank.draw(Watts(driving), Watts(braking), self.traces.dt);
        let Some(Share { factor, rule, measured, limit }) = share else { return };
        for joint in joints.ids() {
            let (asked, speed) = self.traces.now(joint);
            if asked * speed < 0.0 || asked == 0.0 || speed == 0.0 {
                continue;
            }
            let allowed = asked * factor;
            joints[joint] = joint::pure(allowed);
            self.traces.amend(joint, allowed);
            let change = Change { rule, asked, allowed, measured, limit };
            self.ledger.limiting(joint, &change);
        }
    }

    /// The command of a joint without a fresh reading. For as long as it cannot have come near a
    /// bound since it was last seen, it may follow; then its drive holds it there by itself.
    fn unseen(&mut self, now: Instant, joint: JointId, wanted: JointCommand) -> JointCommand {
        let (guard, ledger) = (&self.guards[joint], &mut self.ledger);
        let limited = guard.limited(wanted, |change| ledger.limiting(joint, &change));
        let last = self.watch.last_seen(joint);
        let at = self.watch.seen_at(joint);
        self.traces.stir(joint, true);
        let (age, longest) = (now.since(at), self.profile.reading_age_settle);
        let command = if age > longest {
            let (softer, change) = guard.softened(limited, last);
            change.into_iter().for_each(|change| ledger.limiting(joint, &change));
            softer
        } else {
            let past = self.traces.past(joint, last.dq.0, at, guard.horizon(age.as_secs_f32()));
            let (thermal, dt) = (self.heat.allowed(joint), self.traces.dt);
            // It may stay out of sight for that long.
            let horizon = guard.horizon(longest.as_secs_f32());
            let (measured, estimate) = (last, last);
            let outlook = Outlook { measured, estimate, past, horizon, dt, thermal, yields: false };
            let (low, high) = guard.bounds(&outlook);
            // Nobody may brake a joint without seeing when it has stopped, nor let one go far from
            // where its drive would have to hold it.
            let still = guard.stays(last.dq.0, past.recent.acceleration, longest);
            let free = still && low.torque <= 0.0 && high.torque >= 0.0;
            match joint::inside(&limited, &outlook, (low, high)) {
                Ok(_) if free => limited,
                answer => {
                    let change = answer.err();
                    change.into_iter().for_each(|c| ledger.limiting(joint, &c));
                    guard.held(self.traces.anchor(joint, last.q.0, guard.turn()))
                }
            }
        };
        let told = self.traces.told(joint);
        let torque = guard.given(command.torque(last).0, told, self.traces.dt);
        self.traces.amend(joint, torque);
        command
    }
}

/// From `at` until `now`, s.
#[expect(clippy::cast_precision_loss, reason = "a few ms")]
const fn age(now: Instant, at: Instant) -> f32 {
    now.as_nanos().saturating_sub(at.as_nanos()) as f32 * 1e-9
}

const fn refused(rule: Rule) -> Record {
    Record::of(rule, Kind::Refused, Actor::Cerebellum)
}
