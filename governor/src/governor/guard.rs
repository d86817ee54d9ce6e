//! Turns what the motion controller wants into what the body may do.

use signals::{BodyCommand, BodyState, Cycle, JointCommand, JointId, Joints, Level, Motion};

use super::{BAD_COMMANDS_SETTLE, Governor};
use crate::joint::{self, Change};
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
        let now = cycle.now;
        let latest = now + self.profile.command_validity;
        let mut usable = self.usable(cycle, &wanted);
        let motion = self.ruling.motion;
        if self.profile.body == BodyClass::StaticallyStable {
            usable |= self.stop_in_place(&mut wanted);
        }
        match motion {
            Motion::Stand | Motion::Walk(_) | Motion::Settle if usable => {
                self.guard(state, &mut wanted.joints);
                wanted.valid_until = wanted.valid_until.min(latest).max(now);
            }
            Motion::Limp => {
                wanted = BodyCommand { joints: self.limp(), valid_until: latest };
            }
            // A command that has ended already leaves the body to its firmware.
            Motion::Script => {
                wanted = BodyCommand { joints: self.damped(), valid_until: now };
            }
            _ => wanted = BodyCommand { joints: self.damped(), valid_until: latest },
        }
        self.given = wanted.joints;
        Vetted::seal(wanted, cycle, self.envelope_id)
    }

    /// The second gate for non-finite numbers, and for commands nobody ruled on.
    fn usable(&mut self, cycle: &Cycle, wanted: &BodyCommand) -> bool {
        if self.ruled != Some(cycle.number) {
            let record = Record::of(Rule::CycleUnruled, Kind::Refused, Actor::Governor);
            self.ledger.lasting(record);
            return false;
        }
        let (len, joints) = (self.guards.len(), &wanted.joints);
        let broken = if joints.len() == len {
            let joint = joints.ids().find(|joint| !joints[*joint].is_finite());
            let measured = ticks(self.bad_commands.saturating_add(1));
            let (rule, limit) = (Rule::CommandFinite, ticks(BAD_COMMANDS_SETTLE));
            joint.map(|_| Record { joint, measured, limit, ..refused(rule) })
        } else {
            let (measured, limit) = (count(joints.len()), count(len));
            Some(Record { measured, limit, ..refused(Rule::CommandShape) })
        };
        let Some(record) = broken else {
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

    /// A body that stands by itself needs no controller to stop: at HOLD and above the governor
    /// itself brings each joint to rest and holds it there, whatever the controller wants.
    fn stop_in_place(&mut self, wanted: &mut BodyCommand) -> bool {
        if self.ruling.level < Level::Hold || self.ruled.is_none() {
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

    /// Each joint's command inside its gains, its targets and its torque interval.
    ///
    /// The frame's reading and the estimate both witness where a joint is; the stricter one counts,
    /// so that neither a wild reading nor a wrong estimate opens the interval.
    fn guard(&mut self, state: &BodyState, joints: &mut Joints<JointCommand>) {
        let estimated = state.joints.len() == joints.len();
        for joint in self.guards.ids() {
            let wanted = joints[joint];
            let (guard, ledger) = (&self.guards[joint], &mut self.ledger);
            let seen = self.watch.sees(joint);
            let estimate = state.joints[joint];
            let agrees = seen.is_none_or(|seen| !estimated || estimate == seen);
            // The usual case first: nothing to change, no barrier near, and the drive can do it.
            let quiet = |at| guard.calm(at) && guard.drives(&wanted, at);
            if let Some(reading) = seen
                && guard.keeps(&wanted)
                && (quiet(reading) && (agrees || quiet(estimate)))
            {
                continue;
            }
            let limited = guard.limited(wanted, |change| ledger.lasting(changed(joint, &change)));
            joints[joint] = limited;
            // Without a fresh reading there is no barrier to keep; the drive's own loop acts, but
            // no stiffer than the last known place bears.
            let Some(reading) = seen else {
                let (softer, change) = guard.softened(limited, self.watch.last_seen(joint).q);
                joints[joint] = softer;
                change.into_iter().for_each(|change| ledger.lasting(changed(joint, &change)));
                continue;
            };
            let mut bounds = guard.bounds(reading);
            let witnessed = !agrees && estimate.q.is_finite() && estimate.dq.is_finite();
            let estimate = if witnessed { estimate } else { reading };
            if witnessed {
                bounds = joint::agreed(bounds, guard.bounds(estimate));
            }
            if let Err((bounded, change)) = joint::inside(limited, [reading, estimate], bounds) {
                joints[joint] = bounded;
                self.ledger.lasting(changed(joint, &change));
            }
        }
    }
}

const fn refused(rule: Rule) -> Record {
    Record::of(rule, Kind::Refused, Actor::Cerebellum)
}

const fn changed(joint: JointId, change: &Change) -> Record {
    let Change { rule, asked, allowed, measured, limit } = *change;
    let record = Record::of(rule, Kind::Limited, Actor::Cerebellum);
    Record { joint: Some(joint), asked, allowed, measured, limit, ..record }
}
