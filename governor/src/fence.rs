//! Where the base may be and how fast it may be there: permitted area, height band, measured speed.
//!
//! Places are in the odometry frame of the estimate, so a fence is as good as the odometry; one
//! that must hold against drift is drawn inside the true border by what the drift may become.

use core::time::Duration;

use heapless::Vec;
use signals::{
    BaseVelocity, BodyState, Instant, Level, Metres, MetresPerSecond, MetresPerSecondSquared,
    Posture, Quaternion, RadiansPerSecond,
};

use crate::profile::{ProfileError, all_hold, bounded, not_negative, positive, short, some};
use crate::watch::{Cause, Input, Sight};
use crate::{Actor, Rule};

/// Most corners of a [`Polygon`].
pub const CORNERS_MAX: usize = 16;
/// Most keep-out boxes of a [`Fence`].
pub const KEEP_OUT_MAX: usize = 8;
/// Edges and boxes that may limit a velocity.
const WALLS_MAX: usize = CORNERS_MAX + KEEP_OUT_MAX;
/// Times a velocity is slid along all walls before what is left is scaled down: a corner needs two.
const SLIDES: usize = 3;
/// Further turned than this within the reaction time, rad, every direction counts as toward.
const SWEEP_MAX: f32 = 1.0;
/// Part of the base's deceleration that turning may take while something is near.
const TURNING: f32 = 0.5;
/// Part of it that is then left for braking at right angles to that, and a little less.
const BRAKING: f32 = 0.85;
/// What is near: something that could limit within this many stopping distances.
const NEAR_STOPS: f32 = 2.0;
/// Stopping takes at least this long, s: no division by a base that stands and reacts at once.
const SHORTEST: f32 = 1e-3;
/// Closer than this, m, two points have no direction between them.
const NEAR: f32 = 1e-4;

/// A simple polygon in the odometry frame: at least 3 corners, no edge crosses another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polygon {
    corners: [[f32; 2]; CORNERS_MAX],
    len: usize,
}

impl Polygon {
    /// The polygon with these corners, in either direction of turn, m; `None` where they make none.
    #[must_use]
    pub fn new(corners: &[[Metres; 2]]) -> Option<Self> {
        Some(Self::unchecked(corners)).filter(Self::is_sound)
    }

    /// These corners, whatever they make: a profile with such a polygon says so when it is checked.
    #[must_use]
    pub fn unchecked(corners: &[[Metres; 2]]) -> Self {
        let mut all = Self { corners: [[0.0; 2]; CORNERS_MAX], len: corners.len() };
        for (slot, [x, y]) in all.corners.iter_mut().zip(corners) {
            *slot = [x.0, y.0];
        }
        all
    }

    /// 3 to 16 corners, no number beyond 1e6 m, and no two edges that touch but in a shared corner.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let near = |[x, y]: &[f32; 2]| bounded(*x) && bounded(*y);
        (3..=CORNERS_MAX).contains(&self.len) && self.corners.iter().all(near) && self.is_simple()
    }

    /// The point `[x, y]` lies inside; one that is not a number does not, and with more corners
    /// than there is room for nothing does.
    #[must_use]
    pub fn contains(&self, [x, y]: [f32; 2]) -> bool {
        let crossed = |([ax, ay], [bx, by]): &([f32; 2], [f32; 2])| {
            (*ay > y) != (*by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax
        };
        self.edges().filter(crossed).count() % 2 == 1
    }

    /// Distance of `at` from the border: positive inside, negative outside. A place that is not a
    /// number is infinitely far outside.
    #[must_use]
    pub fn clearance(&self, at: [f32; 2]) -> Metres {
        let nearest = self.edges().map(|edge| sub(on_edge(edge, at), at));
        let distance = nearest.map(|away| dot(away, away)).fold(f32::INFINITY, f32::min);
        match self.contains(at) {
            true => Metres(libm::sqrtf(distance)),
            false if at.iter().all(|number| number.is_finite()) => Metres(-libm::sqrtf(distance)),
            false => Metres(f32::NEG_INFINITY),
        }
    }

    /// The corners, in order.
    pub(crate) fn corners(&self) -> &[[f32; 2]] {
        self.corners.get(..self.len).unwrap_or_default()
    }

    fn edges(&self) -> impl Iterator<Item = ([f32; 2], [f32; 2])> + '_ {
        let corners = self.corners();
        let next = corners.iter().cycle().skip(1);
        corners.iter().zip(next).map(|(from, to)| (*from, *to))
    }

    /// No edge has length zero, and none touches another but in the corner they share.
    fn is_simple(&self) -> bool {
        self.edges().enumerate().all(|(i, one)| {
            self.edges().enumerate().skip(i + 1).all(|(j, other)| {
                let neighbours = j == i + 1 || (i == 0 && j + 1 == self.len);
                if neighbours { turns(one, other, j == i + 1) } else { !crosses(one, other) }
            }) && one.0 != one.1
        })
    }
}

/// Two edges with one corner in common do not lie upon each other.
fn turns(one: ([f32; 2], [f32; 2]), other: ([f32; 2], [f32; 2]), follows: bool) -> bool {
    let (first, second) = if follows { (one, other) } else { (other, one) };
    side(first, second.1) != 0.0 || {
        let along = |(a, b): ([f32; 2], [f32; 2])| sub(b, a);
        dot(along(first), along(second)) > 0.0
    }
}

fn crosses(one: ([f32; 2], [f32; 2]), other: ([f32; 2], [f32; 2])) -> bool {
    let apart = |edge, (from, to)| side(edge, from) * side(edge, to) > 0.0;
    let collinear = side(one, other.0) == 0.0 && side(one, other.1) == 0.0;
    if collinear {
        let span = |axis: usize, (a, b): ([f32; 2], [f32; 2])| {
            let (a, b) = (a.get(axis).copied(), b.get(axis).copied());
            let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
            (a.min(b), a.max(b))
        };
        return (0..2).all(|axis| {
            let (low, high) = span(axis, one);
            let (other_low, other_high) = span(axis, other);
            low <= other_high && other_low <= high
        });
    }
    !apart(one, other) && !apart(other, one)
}

/// Positive to the left of the edge, negative to its right, zero on its line.
fn side((from, to): ([f32; 2], [f32; 2]), point: [f32; 2]) -> f32 {
    cross(sub(to, from), sub(point, from))
}

/// An upright box the base must stay out of, edges along the odometry frame's axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KeepOut {
    /// Corner with the lower coordinates, m.
    pub low: [Metres; 2],
    /// Corner with the higher coordinates, m.
    pub high: [Metres; 2],
}

impl KeepOut {
    /// The point of the box nearest to `at`; `at` itself when it is inside.
    fn nearest(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let between = |value: f32, low: Metres, high: Metres| value.max(low.0).min(high.0);
        let ([x_low, y_low], [x_high, y_high]) = (self.low, self.high);
        [between(x, x_low, x_high), between(y, y_low, y_high)]
    }

    fn is_sound(&self) -> bool {
        let ([x_low, y_low], [x_high, y_high]) = (self.low, self.high);
        let all = [x_low, y_low, x_high, y_high];
        all.iter().all(|number| bounded(number.0)) && x_low < x_high && y_low < y_high
    }
}

/// The permitted area, with the numbers that let the base always stop inside (M5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fence {
    /// The area; `None` where only the boxes count.
    pub area: Option<Polygon>,
    /// Boxes to stay out of; only the first `keep_outs` count.
    pub keep_out: [KeepOut; KEEP_OUT_MAX],
    /// How many boxes there are.
    pub keep_outs: usize,
    /// Radius of the body around the base origin, not negative.
    pub radius: Metres,
    /// Distance kept beyond the radius, not negative.
    pub margin: Metres,
    /// Deceleration of the base that can be counted on, positive.
    pub braking: MetresPerSecondSquared,
    /// Time from a command until the base starts to slow down.
    pub reaction: Duration,
}

/// A limit on the velocity toward one edge or box.
#[derive(Clone, Copy, Debug)]
struct Wall {
    /// Unit vectors toward it, heading frame, now and as the heading turns.
    toward: [[f32; 2]; 2],
    /// Highest speed along each of them, m/s.
    most: f32,
    /// From the base origin to it, m.
    distance: f32,
}

/// What limits the velocity of the base at its present place.
#[derive(Debug)]
pub(crate) struct Walls {
    walls: Vec<Wall, WALLS_MAX>,
    outside: bool,
    /// Highest product of speed and turning: what the body can follow while it brakes, m/s^2.
    turning: f32,
    /// Distance of the nearest one that limits, and the distance its speed would need, m.
    pub(crate) distance: f32,
    pub(crate) needed: f32,
}

impl Fence {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let boxes = self.boxes().all(KeepOut::is_sound) && self.keep_outs <= KEEP_OUT_MAX;
        let area = self.area.is_none_or(|area| area.is_sound());
        let rules = [
            ("fence.area", area, "3 to 16 corners up to 1e6 m away, no edge across another"),
            ("fence.keep_out", boxes, "at most 8 boxes, the low corner below the high one"),
            ("fence.radius", not_negative(self.radius.0), "0 to 1e6"),
            ("fence.margin", not_negative(self.margin.0), "0 to 1e6"),
            ("fence.braking", positive(self.braking.0), "positive and at most 1e6"),
            ("fence.reaction", short(self.reaction), "at most 60 s"),
        ];
        all_hold(&rules)
    }

    fn boxes(&self) -> impl Iterator<Item = &KeepOut> {
        self.keep_out.iter().take(self.keep_outs)
    }

    /// The base origin is where it may be. A place that is not a number is not.
    pub(crate) fn permits(&self, at: [f32; 2]) -> bool {
        let [x, y] = at;
        x.is_finite()
            && y.is_finite()
            && self.area.is_none_or(|area| area.contains(at))
            && self.boxes().all(|keep_out| keep_out.nearest(at) != at)
    }

    /// What limits `velocity` at the place of `state`; `None` when nothing is near enough.
    ///
    /// A base of speed `v` that brakes along its own way closes in on an edge or box, along the
    /// line to its nearest point, by `v_n (t + v / (2 a))`, and has
    /// `d = distance - radius - margin` for it: so it stops before all of them with one
    /// deceleration. While the base reacts its heading turns on, so the limit holds for the
    /// direction now and for the one it will have then; and it turns no faster than leaves it the
    /// deceleration. Edges and boxes are convex sets seen along a straight line, so that one point
    /// each is enough: the speed toward a convex set only falls on the way past it.
    pub(crate) fn walls(&self, state: &BodyState, velocity: BaseVelocity) -> Option<Walls> {
        let [x, y, _] = state.position;
        let at = [x.0, y.0];
        let turning = TURNING * self.braking.0;
        let mut found =
            Walls { walls: Vec::new(), outside: false, turning, distance: 0.0, needed: 0.0 };
        if !self.permits(at) {
            found.outside = true;
            return Some(found);
        }
        let speed = velocity.speed().0;
        let (a, t) = (BRAKING * self.braking.0, self.reaction.as_secs_f32());
        let kept = self.radius.0 + self.margin.0;
        let reach = kept + NEAR_STOPS * speed * (t + speed / (2.0 * a));
        let heading = heading(state.attitude);
        let yaw = (velocity.yaw.0, state.angular_velocity[2].0);
        let sweep = (yaw.0.min(yaw.1).min(0.0) * t, yaw.0.max(yaw.1).max(0.0) * t);
        let edges = self.area.iter().flat_map(Polygon::edges).map(|edge| on_edge(edge, at));
        for point in edges.chain(self.boxes().map(|keep_out| keep_out.nearest(at))) {
            let away = sub(point, at);
            let distance = libm::sqrtf(dot(away, away));
            // A distance that is not a number is near.
            if distance > reach {
                continue;
            }
            let room = (distance - kept).max(0.0);
            let most = room / (t + speed / (2.0 * a)).max(SHORTEST);
            let wall = Wall { distance, ..wall(away, distance, heading, most, sweep, velocity) };
            // There is room for every edge and box.
            let _ = found.walls.push(wall);
        }
        found.measure(velocity, kept, t + speed / (2.0 * a));
        (!found.walls.is_empty()).then_some(found)
    }
}

impl Walls {
    /// `velocity` without what of it goes too fast toward a wall; along the wall it stays.
    pub(crate) fn slide(&self, velocity: BaseVelocity) -> BaseVelocity {
        let mut v = [velocity.forward.0, velocity.left.0];
        for _ in 0..SLIDES {
            for wall in &self.walls {
                for toward in wall.toward {
                    let surplus = (dot(v, toward) - wall.most).max(0.0);
                    v = [v[0] - surplus * toward[0], v[1] - surplus * toward[1]];
                }
            }
        }
        let slid = self.shrink(planar(velocity, v));
        let most = RadiansPerSecond(self.turning / slid.speed().0.max(NEAR));
        BaseVelocity { yaw: slid.yaw.limited(-most, most), ..slid }
    }

    /// `velocity` in its own direction, small enough for every wall.
    pub(crate) fn shrink(&self, velocity: BaseVelocity) -> BaseVelocity {
        let v = [velocity.forward.0, velocity.left.0];
        if self.outside {
            return planar(velocity, [0.0; 2]);
        }
        let mut scale = 1.0_f32;
        for wall in &self.walls {
            for toward in wall.toward {
                let speed = dot(v, toward);
                if speed > wall.most {
                    scale = scale.min(wall.most / speed);
                }
            }
        }
        planar(velocity, [v[0] * scale, v[1] * scale])
    }

    /// Remembers the wall that limits most, for the record.
    fn measure(&mut self, velocity: BaseVelocity, kept: f32, time: f32) {
        let v = [velocity.forward.0, velocity.left.0];
        let mut worst = 0.0;
        for wall in &self.walls {
            let speed = wall.toward.iter().map(|toward| dot(v, *toward)).fold(0.0, f32::max);
            if speed - wall.most > worst {
                worst = speed - wall.most;
                self.distance = wall.distance;
                self.needed = kept + speed * time;
            }
        }
    }
}

/// The limit toward a point `away` from the base.
fn wall(
    away: [f32; 2],
    distance: f32,
    [c, s]: [f32; 2],
    most: f32,
    (low, high): (f32, f32),
    velocity: BaseVelocity,
) -> Wall {
    // On the border itself, or turning too fast for directions: every speed is toward it.
    let speed = velocity.speed().0;
    if !(distance > NEAR && high - low < SWEEP_MAX) {
        let own = if speed > 0.0 {
            [velocity.forward.0 / speed, velocity.left.0 / speed]
        } else {
            [1.0, 0.0]
        };
        return Wall { toward: [own; 2], most, distance };
    }
    let [x, y] = [away[0] / distance, away[1] / distance];
    let toward = [c * x + s * y, c * y - s * x];
    if high - low < 1e-3 {
        return Wall { toward: [toward; 2], most, distance };
    }
    // The heading turns by up to `high`: seen from it the wall turns the other way. Between the two
    // directions the speed is at most that at both, divided by the cosine of half the angle.
    let half = 0.5 * (high - low);
    Wall {
        toward: [turned(toward, -low), turned(toward, -high)],
        most: most * libm::cosf(half),
        distance,
    }
}

fn planar(velocity: BaseVelocity, [forward, left]: [f32; 2]) -> BaseVelocity {
    BaseVelocity { forward: MetresPerSecond(forward), left: MetresPerSecond(left), ..velocity }
}

/// Direction of the base's x axis on the ground, unit vector; straight up it is the world's x axis.
pub(crate) fn heading(attitude: Quaternion) -> [f32; 2] {
    let Quaternion { w, x, y, z } = attitude;
    let ahead = [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z)];
    let length = libm::sqrtf(dot(ahead, ahead));
    if length > 1e-3 { [ahead[0] / length, ahead[1] / length] } else { [1.0, 0.0] }
}

/// The point of an edge nearest to `at`.
fn on_edge((from, to): ([f32; 2], [f32; 2]), at: [f32; 2]) -> [f32; 2] {
    let along = sub(to, from);
    let part = (dot(sub(at, from), along) / dot(along, along)).clamp(0.0, 1.0);
    [from[0] + along[0] * part, from[1] + along[1] * part]
}

fn turned([x, y]: [f32; 2], angle: f32) -> [f32; 2] {
    let (s, c) = libm::sincosf(angle);
    [c * x - s * y, s * x + c * y]
}

fn sub(one: [f32; 2], other: [f32; 2]) -> [f32; 2] {
    [one[0] - other[0], one[1] - other[1]]
}

fn dot(one: [f32; 2], other: [f32; 2]) -> f32 {
    one[0] * other[0] + one[1] * other[1]
}

fn cross(one: [f32; 2], other: [f32; 2]) -> f32 {
    one[0] * other[1] - one[1] * other[0]
}

/// Heights the base origin may have while the robot is on its feet (M5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeightBand {
    /// Lowest, m above the odometry frame's ground.
    pub low: Metres,
    /// Highest, above `low`.
    pub high: Metres,
}

impl HeightBand {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let sound = bounded(self.low.0) && bounded(self.high.0) && self.low < self.high;
        all_hold(&[("height", sound, "at most 1e6 either way, the lower below the upper")])
    }
}

/// How much faster than permitted the base may be measured (M2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverspeedRule {
    /// Planar speed beyond the highest permitted one, not negative: sway, and a push.
    pub planar: MetresPerSecond,
    /// Turning beyond the highest permitted one, not negative.
    pub yaw: RadiansPerSecond,
    /// How long it may last before the robot stops, above zero.
    pub lasting: Duration,
}

impl OverspeedRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        all_hold(&[
            ("overspeed.planar", not_negative(self.planar.0), "0 to 1e6"),
            ("overspeed.yaw", not_negative(self.yaw.0), "0 to 1e6"),
            ("overspeed.lasting", some(self.lasting), "longer than zero and at most 60 s"),
        ])
    }
}

/// What the base does against area, band and speed, from look to look.
#[derive(Debug, Default)]
pub(crate) struct BaseWatch {
    too_fast_since: Option<Instant>,
}

impl BaseWatch {
    /// Finds a base that is where or as fast as it may not be.
    pub(crate) fn look(&mut self, input: &Input<'_>, sight: &mut Sight) {
        let (state, profile) = (input.state, input.profile);
        if let Some(fence) = &profile.fence
            && !fence.permits([state.position[0].0, state.position[1].0])
        {
            let cause = Cause::new(Level::Hold, Rule::GeofenceLeft, Actor::Body);
            sight.worst.add(cause.because(fence.beyond(state), 0.0));
        }
        let upright = matches!(state.posture, Posture::Standing | Posture::Walking);
        if let Some(HeightBand { low, high }) = profile.height
            && upright
        {
            let height = state.position[2];
            // A height that is not a number is outside.
            if !(height >= low && height <= high) {
                let limit = if height < low { low } else { high };
                let cause = Cause::new(Level::Hold, Rule::BaseHeight, Actor::Body);
                sight.worst.add(cause.because(height.0, limit.0));
            }
        }
        if let Some(rule) = &profile.overspeed {
            self.look_at_speed(rule, input, sight);
        }
    }

    fn look_at_speed(&mut self, rule: &OverspeedRule, input: &Input<'_>, sight: &mut Sight) {
        let (state, profile) = (input.state, input.profile);
        let [forward, left, _] = state.velocity;
        let speed = libm::hypotf(forward.0, left.0);
        let most = profile.speed_max.speed().0 + rule.planar.0;
        let turning = state.angular_velocity[2].0.abs();
        let turning_most = profile.speed_max.yaw.0 + rule.yaw.0;
        // A speed that is not a number is too fast.
        if speed <= most && turning <= turning_most {
            self.too_fast_since = None;
            return;
        }
        let now = input.cycle.now;
        let since = *self.too_fast_since.get_or_insert(now);
        let level = if now.since(since) >= rule.lasting { Level::Hold } else { Level::Limited };
        let cause = Cause::new(level, Rule::BaseSpeed, Actor::Body);
        let (measured, limit) = if speed <= most { (turning, turning_most) } else { (speed, most) };
        sight.worst.add(cause.because(measured, limit));
    }
}

impl Fence {
    /// How far the base origin is beyond the border, m; zero where that cannot be told.
    fn beyond(&self, state: &BodyState) -> f32 {
        let at = [state.position[0].0, state.position[1].0];
        let far = |point: [f32; 2]| libm::hypotf(point[0] - at[0], point[1] - at[1]);
        let edges = self.area.iter().filter(|area| !area.contains(at)).flat_map(Polygon::edges);
        let nearest = edges.map(|edge| far(on_edge(edge, at))).fold(f32::INFINITY, f32::min);
        let into = |keep_out: &KeepOut| {
            let ([x_low, y_low], [x_high, y_high]) = (keep_out.low, keep_out.high);
            let [x, y] = at;
            (x - x_low.0).min(x_high.0 - x).min(y - y_low.0).min(y_high.0 - y)
        };
        let deepest = self.boxes().map(into).fold(0.0, f32::max);
        if nearest.is_finite() { nearest.max(deepest) } else { deepest }
    }
}
