//! What follows from the state: who may ask, what the body does, how fast.

use signals::{
    Authority, BaseVelocity, BodyState, Cycle, Instant, Joints, Level, Mode, Motion, Operator,
    Posture, Radians, Ruling, SensorFrame,
};

use super::Governor;
use crate::admit::Due;
use crate::lease::{Holder, Resource};
use crate::machine::Facts;
use crate::watch::Sight;
use crate::{Actor, Kind, Record, Rule};

/// Below this speed a stick asks for standing.
const STICK_DEAD: f32 = 0.01;
/// LIMITED that came back too often: the scale is this part of what it was.
const RECURRED_SCALE: f32 = 0.5;

/// What whoever drives asks for.
enum Asked {
    /// To walk.
    Velocity(BaseVelocity),
    /// To move the joints to a posture.
    Posture(Joints<Radians>),
}

impl Governor {
    /// The lease goes to whoever drives now, or to nobody. What was planned before counts no more.
    pub(super) fn hand_over(&mut self, now: Instant, handed_over: bool) {
        if !handed_over {
            return;
        }
        self.admission.forget(&mut self.ledger);
        match self.machine.mode() {
            Mode::Auto | Mode::Supervised => {
                self.leases.take(Resource::Body, Holder::Brain, now);
            }
            Mode::Manual => {
                self.leases.take(Resource::Body, Holder::Person, now);
            }
            _ => {
                self.leases.revoke(Resource::Body);
                self.bad_commands_settling = 0;
            }
        }
    }

    /// The ruling of this cycle.
    pub(super) fn decide(
        &mut self,
        cycle: &Cycle,
        (frame, state): (&SensorFrame, &BodyState),
        (operator, facts): (&Operator, &Facts),
        sight: &Sight,
        due: Due,
    ) -> Ruling {
        let machine = &self.machine;
        let (mode, level, authority) = (machine.mode(), machine.level(), machine.authority(facts));
        let warning = machine.warns(&self.times);
        let limited = if machine.limited_latched() { RECURRED_SCALE } else { 1.0 };
        let scale = match level {
            _ if !machine.is_driving() || level >= Level::Hold => 0.0,
            Level::Limited => sight.scale.min(self.profile.limited_scale * limited),
            _ => sight.scale,
        };
        let (authority, motion) = match authority {
            Authority::StopControl => (authority, self.stopping(level, sight)),
            _ if !self.machine.is_driving() => (Authority::None, Motion::Limp),
            Authority::None => (authority, Motion::Stand),
            Authority::Teleop | Authority::Brain => {
                match self.asked(authority, operator, state.posture, due) {
                    // Without any speed the way there is a standstill.
                    Some(Asked::Posture(goal)) if scale > 0.0 => (authority, Motion::Move(goal)),
                    Some(Asked::Posture(_)) => (authority, Motion::Stand),
                    Some(Asked::Velocity(asked)) => {
                        let (seen, book) = ((frame, state), (&self.profile, &mut self.ledger));
                        let velocity = self.pace.admit(cycle, asked, scale, seen, book);
                        (authority, Motion::Walk(velocity))
                    }
                    None => (authority, Motion::Stand),
                }
            }
        };
        let motion = if motion == Motion::Limp && self.would_sink(level, cycle.now) {
            if sight.can_settle { Motion::Settle } else { Motion::Damp }
        } else {
            motion
        };
        if !matches!(motion, Motion::Walk(_)) {
            self.pace.rest();
        }
        if level != Level::Settle {
            self.stop_way = Motion::Settle;
        }
        Ruling { mode, authority, level, scale, motion, epoch: self.leases.epoch(), warning }
    }

    /// The body was under power so far and sinks without: nobody but a person who cuts lets it go
    /// before it lies in its settled posture. A body that nobody has started yet is left alone.
    fn would_sink(&self, level: Level, now: Instant) -> bool {
        let lies = self.watch.settled_for(now).is_some_and(|span| span >= self.profile.static_time);
        let under_power = self.ruling.motion != Motion::Limp;
        self.profile.sinks_without_power && under_power && level < Level::Cut && !lies
    }

    /// What whoever drives asks for; `None` for standing.
    fn asked(
        &mut self,
        authority: Authority,
        operator: &Operator,
        posture: Posture,
        due: Due,
    ) -> Option<Asked> {
        if !matches!(posture, Posture::Standing | Posture::Walking | Posture::Moving) {
            return None;
        }
        if authority == Authority::Brain {
            return match due {
                Due::Velocity(velocity) => Some(Asked::Velocity(velocity)),
                Due::Posture(goal) => Some(Asked::Posture(goal)),
                Due::Nothing | Due::Expired(..) | Due::Hold => None,
            };
        }
        let wanted = operator.stick?.velocity;
        let most = &self.profile.stick.speed_max;
        let allowed = wanted.limited(most).limited(&self.profile.speed_max);
        if allowed != wanted {
            let record = Record::of(Rule::StickRange, Kind::Limited, Actor::Operator);
            let (asked, allowed) = (wanted.speed().0, allowed.speed().0);
            let (measured, limit) = (asked, most.forward.0);
            self.ledger.lasting(Record { asked, allowed, measured, limit, ..record });
        }
        // A walk is brought to rest by its own deceleration, not by a sudden stand.
        let still = allowed.speed().0 < STICK_DEAD && allowed.yaw.0.abs() < STICK_DEAD;
        (!still || !self.pace.is_slow()).then_some(Asked::Velocity(allowed))
    }

    /// How the body stops: as gently as what still works permits, and never back up to a gentler
    /// way within one stop. Torque goes off only when it is the hazard, or when the body stands by
    /// itself or has fallen already.
    fn stopping(&mut self, level: Level, sight: &Sight) -> Motion {
        if level == Level::Falling && !self.machine.is_limp() {
            return Motion::Damp;
        }
        if level != Level::Settle {
            return Motion::Limp;
        }
        if self.stop_way == Motion::Settle && !sight.can_settle {
            let script = self.profile.firmware_settle;
            self.stop_way = if script { Motion::Script } else { Motion::Damp };
        }
        self.stop_way
    }
}
