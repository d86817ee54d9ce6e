//! Limbs that must not meet: capsules on the links, kept apart by braking in time (M6).
//!
//! What counts is not only where the limbs are but the way on which they would stop: each joint
//! from `q` to `q + dq t + dq |dq| / (2 b)`, braked after the delay `t` with the deceleration `b`
//! it can count on. When two capsules would be nearer on it than the margin and a band, the joints
//! between them lose torque in the direction that brings them nearer, down to full braking at the
//! margin itself. The band also covers what a joint gains in speed before a command takes effect.
//!
//! All pairs are looked at together, at a reference posture. A joint that moves by `u` moves no
//! point of the limb by more than `u` times its lever, so nothing can happen while the way of each
//! limb from the reference to its stop stays below half of what was free there: the usual tick
//! costs one sum.

use core::cmp::Ordering;

use signals::{JointId, JointState, Joints, RadiansPerSecond};

use crate::anatomy::{Anatomy, CAPSULES_MAX, Capsule, add, cross, dot, scale, turn};
use crate::joint::Bound;
use crate::profile::{ProfileError, all_hold, positive};
use crate::{Envelope, Profile, Rule};

/// Limbs that are told apart; what hangs on the base beyond them counts with the last.
const LIMBS_MAX: usize = 8;
/// Links, with the base.
const LINKS_MAX: usize = signals::JOINTS_MAX + 1;
/// A joint that moves the capsules by less than this for each rad, m, is left alone.
const LEVER_MIN: f32 = 0.01;
/// Slower than this, rad/s, a joint that may not move is braked with less than its full torque.
const STANDING: f32 = 0.2;
/// Further apart than this, m, a bound on the distance will do.
const FAR: f32 = 0.15;
/// Places on the way to a stop that are looked at when it is long.
const STEPS_MAX: u8 = 4;
/// Lines shorter than this, m^2, are points.
const POINT: f32 = 1e-10;

/// How far the limbs keep apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SelfCollisionRule {
    /// Distance left between two capsules when they have stopped, m, positive (M6: 20 mm).
    pub margin: f32,
    /// Beyond the margin, m, positive: over it the torque toward each other turns from full to full
    /// braking.
    pub band: f32,
}

impl SelfCollisionRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        all_hold(&[
            ("self_collision.margin", positive(self.margin), "positive and at most 1e6"),
            ("self_collision.band", positive(self.band), "positive and at most 1e6"),
        ])
    }
}

/// What is constant for one joint.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    /// Longest way from its axis to any point further out, m.
    lever: f32,
    limb: usize,
    /// Half of one over the deceleration, s^2/rad.
    half_braking: f32,
    tau_max: f32,
}

/// What a joint may still do: part of its torque, -1 to 1, either way.
#[derive(Clone, Copy, Debug)]
struct Free {
    down: f32,
    up: f32,
}

/// A capsule where it would stop, base frame.
#[derive(Clone, Copy, Debug, Default)]
struct Placed {
    from: [f32; 3],
    to: [f32; 3],
    radius: f32,
}

/// Where a link would stop, base frame, and the axis of its joint there.
#[derive(Clone, Copy, Debug)]
struct Pose {
    at: [f32; 3],
    turn: [f32; 4],
    axis: [f32; 3],
}

/// All links and capsules in one posture, base frame.
struct Scene {
    poses: [Pose; LINKS_MAX],
    placed: [Placed; CAPSULES_MAX],
}

impl Scene {
    fn new(anatomy: &Anatomy, q: &Joints<f32>) -> Self {
        let poses = poses(anatomy, q);
        let mut placed = [Placed::default(); CAPSULES_MAX];
        for (slot, capsule) in placed.iter_mut().zip(anatomy.capsules()) {
            *slot = place(capsule, &poses);
        }
        Self { poses, placed }
    }

    /// The nearest points of the lines of a pair, and the distance of their surfaces, m; far away a
    /// lower bound of it.
    fn nearest(&self, (a, b): (u8, u8)) -> ([f32; 3], [f32; 3], f32) {
        let one = self.placed.get(usize::from(a)).copied().unwrap_or_default();
        let other = self.placed.get(usize::from(b)).copied().unwrap_or_default();
        let (from, to, length) = nearest(&one, &other);
        (from, to, length - one.radius - other.radius)
    }

    fn links(anatomy: &Anatomy, (a, b): (u8, u8)) -> [u8; 2] {
        let links = [a, b].map(|index| anatomy.capsules.get(usize::from(index)));
        links.map(|capsule| capsule.map_or(0, |capsule| capsule.link))
    }
}

/// The limbs from tick to tick.
#[derive(Debug)]
pub(crate) struct Limbs {
    parts: Joints<Part>,
    delay_s: f32,
    /// Posture that was looked at last, and how much of each limb's way was free there, m.
    reference: Joints<f32>,
    free_way: [f32; LIMBS_MAX],
    /// Joints that may not do everything, one bit each.
    limited: u32,
    free: Joints<Free>,
    /// The smallest distance found, and the one that is kept, m.
    nearest: f32,
    kept: f32,
}

impl Limbs {
    pub(crate) fn new(envelope: &Envelope, profile: &Profile) -> Self {
        let joints = envelope.joints();
        let mut parts = joints.map(|limits| Part {
            lever: 0.0,
            limb: 0,
            half_braking: 0.5 / limits.braking.0,
            tau_max: limits.tau_max.0,
        });
        if let Some(anatomy) = &profile.anatomy {
            measure(anatomy, &mut parts);
        }
        Self {
            reference: parts.map(|_| f32::INFINITY),
            free: parts.map(|_| Free { down: 1.0, up: 1.0 }),
            parts,
            delay_s: profile.brake_delay.as_secs_f32(),
            free_way: [0.0; LIMBS_MAX],
            limited: 0,
            nearest: f32::INFINITY,
            kept: profile.self_collision.map_or(0.0, |rule| rule.margin + rule.band),
        }
    }

    /// Looks where the limbs would stop, with the joints where `seen` says.
    pub(crate) fn look(
        &mut self,
        anatomy: &Anatomy,
        rule: &SelfCollisionRule,
        seen: impl Fn(JointId) -> JointState,
    ) {
        let (mut at, mut stop) = (self.reference, self.reference);
        let (mut way, mut braking) = ([0.0_f32; LIMBS_MAX], [0.0_f32; LIMBS_MAX]);
        for joint in self.parts.ids() {
            let (part, JointState { q, dq }) = (&self.parts[joint], seen(joint));
            let travel = dq.0 * (self.delay_s + dq.0.abs() * part.half_braking);
            if let (Some(way), Some(braking)) = (way.get_mut(part.limb), braking.get_mut(part.limb))
            {
                *braking += part.lever * travel.abs();
                *way += part.lever * (q.0 - self.reference[joint]).abs();
            }
            at[joint] = q.0;
            stop[joint] = travel;
        }
        // A way that is not a number is too long.
        let ways = way.iter().zip(&braking).zip(&self.free_way);
        if self.limited == 0 && ways.into_iter().all(|((way, more), free)| way + more <= *free) {
            return;
        }
        self.look_closely(anatomy, rule, &at, (&stop, &braking));
    }

    /// Something keeps this joint from its full torque.
    #[inline]
    pub(crate) const fn limits(&self, joint: JointId) -> bool {
        self.limited & (1 << joint.index()) != 0
    }

    /// The joints that are kept from moving on, one bit each.
    pub(crate) const fn all(&self) -> u32 {
        self.limited
    }

    /// The torque interval of a joint at speed `dq` without what brings two limbs too near. The
    /// interval's own bounds go first: they keep the joint inside its limits.
    pub(crate) fn bounds(
        &self,
        joint: JointId,
        dq: RadiansPerSecond,
        (low, high): (Bound, Bound),
    ) -> (Bound, Bound) {
        if !self.limits(joint) {
            return (low, high);
        }
        let (tau_max, free) = (self.parts[joint].tau_max, self.free[joint]);
        // It brakes what closes in and pushes nothing apart: no more than the speed needs.
        let braking = (-dq.0 * tau_max / STANDING).max(-tau_max).min(tau_max);
        let up = (free.up * tau_max).max(braking.min(0.0));
        let down = (-free.down * tau_max).min(braking.max(0.0));
        let (up, down) = if down > up { (braking, braking) } else { (up, down) };
        let bound = |torque: f32| {
            let torque = torque.max(low.torque).min(high.torque);
            Bound { torque, rule: Rule::SelfCollision, measured: self.nearest, limit: self.kept }
        };
        let high = if up < high.torque { bound(up) } else { high };
        let low = if down > low.torque { bound(down) } else { low };
        (low, high)
    }

    /// Measures all pairs where they are, and those that could meet on the way to their stop there.
    fn look_closely(
        &mut self,
        anatomy: &Anatomy,
        rule: &SelfCollisionRule,
        at: &Joints<f32>,
        (travel, braking): (&Joints<f32>, &[f32; LIMBS_MAX]),
    ) {
        self.reference = *at;
        self.free_way = [f32::INFINITY; LIMBS_MAX];
        self.limited = 0;
        self.nearest = f32::INFINITY;
        for free in self.free.iter_mut() {
            *free = Free { down: 1.0, up: 1.0 };
        }
        let kept = rule.margin + rule.band;
        let here = Scene::new(anatomy, at);
        let mut doubtful = 0_u64;
        let mut longest = 0.0_f32;
        for (index, pair) in anatomy.pairs().enumerate() {
            let room = here.nearest(pair).2 - kept;
            let limbs = self.allow(anatomy, Scene::links(anatomy, pair), room);
            let way = limbs.into_iter().flatten().filter_map(|limb| braking.get(limb)).sum::<f32>();
            // A distance that is not a number is too small.
            if !matches!(room.partial_cmp(&way), Some(Ordering::Greater)) {
                doubtful |= 1 << index;
                longest = longest.max(way);
            }
        }
        if doubtful == 0 {
            return;
        }
        // A joint that opens the distance on the way may stop earlier than foreseen.
        self.look_at(&here, anatomy, rule, doubtful);
        let steps = if longest > 0.25 * FAR { STEPS_MAX } else { 1 };
        for step in 1..=steps {
            let part = f32::from(step) / f32::from(steps);
            let posture = Joints::from_fn(at.len(), |joint| at[joint] + part * travel[joint]);
            self.look_at(&Scene::new(anatomy, &posture), anatomy, rule, doubtful);
        }
    }

    /// Brakes the doubtful pairs that are too near in `scene`.
    fn look_at(
        &mut self,
        scene: &Scene,
        anatomy: &Anatomy,
        rule: &SelfCollisionRule,
        doubtful: u64,
    ) {
        let kept = rule.margin + rule.band;
        for (index, pair) in anatomy.pairs().enumerate() {
            if doubtful & (1 << index) == 0 {
                continue;
            }
            let (from, to, surface) = scene.nearest(pair);
            let room = surface - kept;
            if room >= 0.0 {
                continue;
            }
            self.nearest = self.nearest.min(surface);
            let part = (1.0 + 2.0 * room / rule.band).clamp(-1.0, 1.0);
            let part = if part.is_nan() { -1.0 } else { part };
            self.brake(anatomy, &scene.poses, Scene::links(anatomy, pair), (from, to), part);
        }
    }

    /// Half of the room belongs to each of the two limbs; the whole of it where the other is the
    /// base, or the same.
    fn allow(&mut self, anatomy: &Anatomy, links: [u8; 2], room: f32) -> [Option<usize>; 2] {
        let limbs = links.map(|link| anatomy.carrier(link).map(|joint| self.parts[joint].limb));
        let room = match limbs {
            [Some(one), Some(other)] if one != other => 0.5 * room,
            _ => room,
        };
        for limb in limbs.into_iter().flatten() {
            if let Some(free) = self.free_way.get_mut(limb) {
                *free = free.min(room);
            }
        }
        match limbs {
            [Some(one), Some(other)] if one == other => [Some(one), None],
            limbs => limbs,
        }
    }

    /// Takes torque from the joints between two links that would come too near.
    fn brake(
        &mut self,
        anatomy: &Anatomy,
        poses: &[Pose; LINKS_MAX],
        links: [u8; 2],
        (from, to): ([f32; 3], [f32; 3]),
        part: f32,
    ) {
        let chains = links.map(|link| chain(anatomy, link));
        let apart = sub(to, from);
        let length = libm::sqrtf(dot(apart, apart));
        // Lines that cross have no direction between them: then nothing may move either way.
        let away = if length > 1e-6 { Some(scale(apart, 1.0 / length)) } else { None };
        for (own, other, point, sign) in
            [(chains[0], chains[1], from, -1.0), (chains[1], chains[0], to, 1.0)]
        {
            for joint in self.parts.ids() {
                let bit = 1_u32 << joint.index();
                if own & !other & bit == 0 {
                    continue;
                }
                let Some(pose) = poses.get(joint.index().saturating_add(1)) else { continue };
                let moves = if anatomy.joints[joint].slides {
                    pose.axis
                } else {
                    cross(pose.axis, sub(point, pose.at))
                };
                let opens = away.map(|away| sign * dot(moves, away));
                let free = &mut self.free[joint];
                if opens.is_none_or(|opens| opens < -LEVER_MIN) {
                    free.up = free.up.min(part);
                    self.limited |= bit;
                }
                if opens.is_none_or(|opens| opens > LEVER_MIN) {
                    free.down = free.down.min(part);
                    self.limited |= bit;
                }
            }
        }
    }
}

/// Levers and limbs of all joints.
fn measure(anatomy: &Anatomy, parts: &mut Joints<Part>) {
    let far = |v: [f32; 3]| libm::sqrtf(dot(v, v));
    let mut limbs = 0;
    for joint in parts.ids() {
        let hinge = &anatomy.joints[joint];
        parts[joint].limb = match anatomy.carrier(hinge.parent) {
            Some(parent) => parts[parent].limb,
            None => {
                limbs += 1;
                (limbs - 1_usize).min(LIMBS_MAX - 1)
            }
        };
    }
    for capsule in anatomy.capsules() {
        let mut reach = far(capsule.from).max(far(capsule.to)) + capsule.radius;
        let mut link = capsule.link;
        while let Some(joint) = anatomy.carrier(link) {
            let hinge = &anatomy.joints[joint];
            let lever = if hinge.slides { 1.0 } else { reach };
            parts[joint].lever = parts[joint].lever.max(lever);
            reach += far(hinge.at);
            link = hinge.parent.min(link.saturating_sub(1));
        }
    }
}

/// The joints between the base and a link, one bit each.
fn chain(anatomy: &Anatomy, mut link: u8) -> u32 {
    let mut joints = 0;
    while let Some(joint) = anatomy.carrier(link) {
        joints |= 1 << joint.index();
        link = anatomy.joints[joint].parent.min(link.saturating_sub(1));
    }
    joints
}

fn poses(anatomy: &Anatomy, q: &Joints<f32>) -> [Pose; LINKS_MAX] {
    let base = Pose { at: [0.0; 3], turn: [1.0, 0.0, 0.0, 0.0], axis: [0.0; 3] };
    let mut poses = [base; LINKS_MAX];
    for joint in anatomy.joints.ids() {
        let hinge = &anatomy.joints[joint];
        let parent = poses.get(usize::from(hinge.parent)).copied().unwrap_or(base);
        let at = add(parent.at, turn(parent.turn, hinge.at));
        let placed = product(parent.turn, hinge.turn);
        let axis = turn(placed, hinge.axis);
        let pose = if hinge.slides {
            Pose { at: add(at, scale(axis, q[joint])), turn: placed, axis }
        } else {
            let (s, c) = libm::sincosf(0.5 * q[joint]);
            let [x, y, z] = scale(hinge.axis, s);
            Pose { at, turn: product(placed, [c, x, y, z]), axis }
        };
        if let Some(slot) = poses.get_mut(joint.index().saturating_add(1)) {
            *slot = pose;
        }
    }
    poses
}

/// One turn after the other, as unit quaternions.
fn product([w, x, y, z]: [f32; 4], [a, b, c, d]: [f32; 4]) -> [f32; 4] {
    [
        w * a - x * b - y * c - z * d,
        w * b + x * a + y * d - z * c,
        w * c - x * d + y * a + z * b,
        w * d + x * c - y * b + z * a,
    ]
}

fn place(capsule: &Capsule, poses: &[Pose; LINKS_MAX]) -> Placed {
    let Some(pose) = poses.get(usize::from(capsule.link)) else { return Placed::default() };
    let at = |point| add(pose.at, turn(pose.turn, point));
    Placed { from: at(capsule.from), to: at(capsule.to), radius: capsule.radius }
}

/// The nearest points of two lines, and the distance between them; far away a lower bound of it.
fn nearest(one: &Placed, other: &Placed) -> ([f32; 3], [f32; 3], f32) {
    let (d1, d2) = (sub(one.to, one.from), sub(other.to, other.from));
    let (a, e) = (dot(d1, d1), dot(d2, d2));
    let middle = |placed: &Placed, d: [f32; 3]| add(placed.from, scale(d, 0.5));
    let (m1, m2) = (middle(one, d1), middle(other, d2));
    let between = sub(m2, m1);
    let halves = 0.5 * (libm::sqrtf(a) + libm::sqrtf(e));
    let bound = libm::sqrtf(dot(between, between)) - halves;
    if bound > FAR + one.radius + other.radius {
        return (m1, m2, bound);
    }
    // Ericson, Real-Time Collision Detection, 5.1.9.
    let r = sub(one.from, other.from);
    let (b, c, f) = (dot(d1, d2), dot(d1, r), dot(d2, r));
    let (s, t) = if a <= POINT && e <= POINT {
        (0.0, 0.0)
    } else if a <= POINT {
        (0.0, (f / e).clamp(0.0, 1.0))
    } else if e <= POINT {
        ((-c / a).clamp(0.0, 1.0), 0.0)
    } else {
        let across = a * e - b * b;
        let s = if across > POINT { ((b * f - c * e) / across).clamp(0.0, 1.0) } else { 0.0 };
        let t = (b * s + f) / e;
        if t < 0.0 {
            ((-c / a).clamp(0.0, 1.0), 0.0)
        } else if t > 1.0 {
            (((b - c) / a).clamp(0.0, 1.0), 1.0)
        } else {
            (s, t)
        }
    };
    let (from, to) = (add(one.from, scale(d1, s)), add(other.from, scale(d2, t)));
    let apart = sub(to, from);
    (from, to, libm::sqrtf(dot(apart, apart)))
}

fn sub(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    add(a, scale(b, -1.0))
}
