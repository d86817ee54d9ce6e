//! How fast the base may go: scale, acceleration, permitted area, contact with people, distance
//! to what the lidar sees and to the nearest person.
//!
//! The area comes first, because it alone bends a velocity; everything after it only makes the
//! velocity smaller, which no other limit minds.

use core::time::Duration;

use signals::{
    BaseVelocity, BodyState, Cycle, Instant, LIDAR_BEAMS, LidarScan, MetresPerSecond,
    PersonReading, RadiansPerSecond, SensorFrame,
};

use crate::fence::Walls;
use crate::ledger::Ledger;
use crate::{Actor, ContactRule, Kind, LidarRule, PersonRule, Profile, Record, Rule};

/// Closing in slower than this, m/s, is standing: the beams at right angles to a motion must not
/// stop it by the rounding of their cosine.
const TOWARD_MIN: f32 = 1e-3;

/// Slower than this, m/s and rad/s, is standing to somebody who wants to stand.
const SLOW: f32 = 0.02;

/// Longest step of time the acceleration limit believes in, in periods: after a stall the velocity
/// does not jump.
const STEP_PERIODS: u32 = 2;

/// Shortest step of time a rate is computed with, s: two cycles at the same time are no division.
const DT_MIN: f32 = 1e-6;

/// The admitted velocity from cycle to cycle.
///
/// Clauses: M2, M3.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Unit vector of each beam, base frame.
    beams: [(f32, f32); LIDAR_BEAMS],
    last: BaseVelocity,
    last_at: Option<Instant>,
    /// Highest speed of any point of the body that may touch a person, m/s.
    contact: f32,
}

/// The beam that limits, and by how much.
#[derive(Clone, Copy, Debug)]
struct Cap {
    scale: f32,
    range: f32,
    needed: f32,
}

impl Pace {
    pub(crate) fn new(profile: &Profile) -> Self {
        let mut beam = 0;
        let beams = [(); LIDAR_BEAMS].map(|()| {
            let angle = LidarScan::angle(beam).0;
            beam += 1;
            (libm::cosf(angle), libm::sinf(angle))
        });
        let contact = profile.contact.as_ref().map_or(f32::INFINITY, |rule| rule.speed().0);
        Self { beams, last: BaseVelocity::ZERO, last_at: None, contact }
    }

    /// The body does not walk: the next walk begins from standstill.
    pub(crate) fn rest(&mut self) {
        self.last = BaseVelocity::ZERO;
        self.last_at = None;
    }

    /// The admitted velocity is next to nothing.
    pub(crate) fn is_slow(&self) -> bool {
        self.last.speed().0 < SLOW && self.last.yaw.0.abs() < SLOW
    }

    /// The velocity admitted in this cycle on the way to `asked`, which is already inside its
    /// range.
    pub(crate) fn admit(
        &mut self,
        cycle: &Cycle,
        asked: BaseVelocity,
        scale: f32,
        (frame, state): (&SensorFrame, &BodyState),
        (profile, ledger): (&Profile, &mut Ledger),
    ) -> BaseVelocity {
        let elapsed = self.last_at.map_or(cycle.period, |last| cycle.now.since(last));
        let dt = elapsed.min(cycle.period.saturating_mul(STEP_PERIODS)).as_secs_f32();
        let target = scaled(asked, scale, scale);
        let mut admitted = self.eased(target, dt, profile, ledger);
        let walls = profile.fence.as_ref().and_then(|fence| fence.walls(state, admitted));
        if let Some(walls) = &walls {
            admitted = fenced(walls, admitted, ledger);
        }
        if let Some(rule) = &profile.contact {
            admitted = self.gentle(rule, admitted, ledger);
        }
        if let Some(rule) = &profile.lidar {
            let scan = frame.lidar.as_ref();
            admitted = self.distanced(cycle, admitted, dt, (rule, scan), ledger);
        }
        if let Some(rule) = &profile.person {
            let person = rule.trusted(frame.person.as_ref(), cycle.now);
            admitted = self.separated(cycle, admitted, dt, (rule, person), ledger);
        }
        // Braking goes from the last velocity to the permitted one on a straight line, whose points
        // were permitted where the base was; here they must be, too.
        if let Some(walls) = &walls {
            admitted = walls.shrink(admitted);
        }
        self.last = admitted;
        self.last_at = Some(cycle.now);
        admitted
    }

    /// Each axis changes no faster than the profile allows.
    fn eased(
        &self,
        target: BaseVelocity,
        dt: f32,
        profile: &Profile,
        ledger: &mut Ledger,
    ) -> BaseVelocity {
        let most = &profile.acceleration;
        let toward =
            |from: f32, to: f32, rate: f32| (to - from).max(-rate * dt).min(rate * dt) + from;
        let eased = BaseVelocity {
            forward: MetresPerSecond(toward(self.last.forward.0, target.forward.0, most.forward.0)),
            left: MetresPerSecond(toward(self.last.left.0, target.left.0, most.left.0)),
            yaw: RadiansPerSecond(toward(self.last.yaw.0, target.yaw.0, most.yaw.0)),
        };
        if far(eased.forward.0, target.forward.0) || far(eased.left.0, target.left.0) {
            let record = Record::of(Rule::BaseAccel, Kind::Limited, Actor::Brain);
            let (asked, allowed) = (target.speed().0, eased.speed().0);
            let (x, y) = (self.last.forward, self.last.left);
            let change = libm::hypotf((target.forward - x).0, (target.left - y).0);
            let (measured, limit) = (change / dt.max(DT_MIN), most.forward.0.min(most.left.0));
            ledger.lasting(Record { asked, allowed, measured, limit, ..record });
        }
        if far(eased.yaw.0, target.yaw.0) {
            let record = Record::of(Rule::BaseTurn, Kind::Limited, Actor::Brain);
            let (asked, allowed, limit) = (target.yaw.0, eased.yaw.0, most.yaw.0);
            let measured = (target.yaw.0 - self.last.yaw.0).abs() / dt.max(DT_MIN);
            ledger.lasting(Record { asked, allowed, measured, limit, ..record });
        }
        eased
    }

    /// No point of the body faster than a contact with a person permits.
    fn gentle(
        &self,
        rule: &ContactRule,
        velocity: BaseVelocity,
        ledger: &mut Ledger,
    ) -> BaseVelocity {
        let (limit, asked) = (self.contact, fastest_point(velocity, rule.radius));
        if asked <= limit {
            return velocity;
        }
        let admitted = scaled(velocity, limit / asked, limit / asked);
        let record = Record::of(Rule::ContactSpeed, Kind::Limited, Actor::Governor);
        ledger.lasting(Record { asked, allowed: limit, measured: asked, limit, ..record });
        admitted
    }

    /// No point of the body faster than the distance to the nearest person permits. Without a
    /// reading it is the watch that scales.
    fn separated(
        &self,
        cycle: &Cycle,
        velocity: BaseVelocity,
        dt: f32,
        (rule, person): (&PersonRule, Option<&PersonReading>),
        ledger: &mut Ledger,
    ) -> BaseVelocity {
        let Some(person) = person else { return velocity };
        let (most, asked) =
            (rule.speed_at(person, cycle.now), fastest_point(velocity, rule.radius.0));
        if asked <= most {
            return velocity;
        }
        let part = most / asked;
        let target = scaled(velocity, part, part);
        let admitted = self.braked(target, velocity, rule.braking.0 * dt);
        let record = Record::of(Rule::PersonNear, Kind::Limited, Actor::Governor);
        let (allowed, measured) = (admitted.speed().0, person.distance.0);
        let limit = rule.distance_for(asked, person, cycle.now);
        let asked = velocity.speed().0;
        ledger.lasting(Record { asked, allowed, measured, limit, ..record });
        admitted
    }

    /// Planar speed small enough to stop before what the lidar sees; yaw is left alone.
    fn distanced(
        &self,
        cycle: &Cycle,
        eased: BaseVelocity,
        dt: f32,
        (rule, scan): (&LidarRule, Option<&LidarScan>),
        ledger: &mut Ledger,
    ) -> BaseVelocity {
        let asked = if moves(eased) { eased.speed().0 } else { 0.0 };
        if asked == 0.0 && !moves(self.last) {
            return eased;
        }
        let age = scan.map(|scan| (scan, scan_age(cycle.now, scan.at)));
        let usable = age.filter(|(scan, age)| *age <= rule.age_max && scan.range_max.is_finite());
        let Some((scan, age)) = usable else {
            let admitted = self.braked(scaled(eased, 0.0, 1.0), eased, rule.braking.0 * dt);
            let measured = age.map_or(0.0, |(_, age)| age.as_secs_f32());
            let (allowed, limit) = (admitted.speed().0, rule.age_max.as_secs_f32());
            let record = Record::of(Rule::LidarStale, Kind::Limited, Actor::Body);
            ledger.lasting(Record { asked, allowed, measured, limit, ..record });
            return admitted;
        };
        let Some(cap) =
            self.cap(eased, rule, scan, rule.reaction.saturating_add(age).as_secs_f32())
        else {
            return eased;
        };
        let admitted = self.braked(scaled(eased, cap.scale, 1.0), eased, rule.braking.0 * dt);
        let record = Record::of(Rule::LidarBrake, Kind::Limited, Actor::Governor);
        let (allowed, measured, limit) = (admitted.speed().0, cap.range, cap.needed);
        ledger.lasting(Record { asked, allowed, measured, limit, ..record });
        admitted
    }

    /// The largest part of `velocity` from which the base stops in time before every beam's end.
    ///
    /// Toward a beam's end at speed `w` the base needs `w t + w^2 / (2 a)`, and has
    /// `d = range - radius - margin`; the permitted speed is `sqrt((a t)^2 + 2 a d) - a t`.
    fn cap(
        &self,
        velocity: BaseVelocity,
        rule: &LidarRule,
        scan: &LidarScan,
        t: f32,
    ) -> Option<Cap> {
        let (a, kept) = (rule.braking.0, rule.radius.0 + rule.margin.0);
        // The usual case first: every beam ends further away than the whole speed needs.
        let most = velocity.forward.0.abs() + velocity.left.0.abs();
        let clear = kept + most * (t + most / (2.0 * a));
        if scan.ranges.iter().fold(true, |all, range| all & (range.0 >= clear)) {
            return None;
        }
        let mut cap: Option<Cap> = None;
        let mut scale = 1.0_f32;
        for (range, (x, y)) in scan.ranges.iter().zip(&self.beams) {
            let toward = velocity.forward.0 * x + velocity.left.0 * y;
            if toward <= TOWARD_MIN || range.0 >= scan.range_max.0 {
                continue;
            }
            let speed = toward * scale;
            let needed = speed * (t + speed / (2.0 * a));
            // A range that is no number leaves no room.
            let room = (range.0 - kept).max(0.0);
            if needed > room {
                let allowed = (libm::sqrtf((a * t) * (a * t) + 2.0 * a * room) - a * t).max(0.0);
                scale = scale.min(allowed / toward);
                let needed = kept + toward * (t + toward / (2.0 * a));
                cap = Some(Cap { scale, range: range.0, needed });
            }
        }
        cap
    }

    /// From the last velocity toward `target`, no harder than `step` or than `eased` already is.
    fn braked(&self, target: BaseVelocity, eased: BaseVelocity, step: f32) -> BaseVelocity {
        let change =
            |to: BaseVelocity| (to.forward.0 - self.last.forward.0, to.left.0 - self.last.left.0);
        let (x, y) = change(target);
        let (ex, ey) = change(eased);
        let (length, most) = (libm::hypotf(x, y), libm::hypotf(ex, ey).max(step));
        if length <= most {
            return target;
        }
        BaseVelocity {
            forward: MetresPerSecond(self.last.forward.0 + x * (most / length)),
            left: MetresPerSecond(self.last.left.0 + y * (most / length)),
            yaw: target.yaw,
        }
    }
}

/// `velocity` inside the permitted area: slowed toward its border, left alone along it.
fn fenced(walls: &Walls, velocity: BaseVelocity, ledger: &mut Ledger) -> BaseVelocity {
    let admitted = walls.slide(velocity);
    if admitted != velocity {
        let record = Record::of(Rule::Geofence, Kind::Limited, Actor::Governor);
        let (asked, allowed) = (velocity.speed().0, admitted.speed().0);
        let (measured, limit) = (walls.distance, walls.needed);
        ledger.lasting(Record { asked, allowed, measured, limit, ..record });
    }
    admitted
}

/// Speed of the fastest point of a body of this radius, m/s.
fn fastest_point(velocity: BaseVelocity, radius: f32) -> f32 {
    velocity.speed().0 + velocity.yaw.0.abs() * radius
}

/// Age of a scan; one from the future is as old as it is early.
fn scan_age(now: Instant, at: Instant) -> Duration {
    now.since(at).max(at.since(now))
}

fn moves(velocity: BaseVelocity) -> bool {
    velocity.forward.0 != 0.0 || velocity.left.0 != 0.0
}

/// Further apart than rounding.
fn far(one: f32, other: f32) -> bool {
    (one - other).abs() > 1e-5
}

fn scaled(velocity: BaseVelocity, planar: f32, yaw: f32) -> BaseVelocity {
    BaseVelocity {
        forward: velocity.forward * planar,
        left: velocity.left * planar,
        yaw: velocity.yaw * yaw,
    }
}
