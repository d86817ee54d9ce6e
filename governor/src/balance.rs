//! Whether the body can still be kept from falling: capture point and tilt (regulation notes 6.4).
//!
//! A body that moves at `v` with its centre at height `z` comes to rest over the capture point
//! `xi = c + v / omega`, `omega = sqrt(g / z)`, when a foot is put there. While nothing is done the
//! way to it grows by `e^(omega t)`. Standing, it must stay over the feet; walking, within the
//! reach of one step. The centre is taken to be the base origin, and the centre of pressure to be
//! under it.

use core::time::Duration;

use heapless::Vec;
use signals::{FEET_MAX, Feet, FootId, Instant, Level, Metres, Posture, Radians};

use crate::anatomy::{Anatomy, turn};
use crate::fence::heading;
use crate::profile::{ProfileError, all_hold, not_negative, positive, short, some};
use crate::watch::{Cause, Input, Sight};
use crate::{Actor, Rule};

const GRAVITY: f32 = 9.81;
/// No centre is taken to be lower, m.
const LOWEST: f32 = 0.05;
/// Slower than this, m/s, the capture point is under the body: the usual case, and a cheap one.
const QUIET_SPEED: f32 = 0.1;
/// Ticks between two looks at the feet of a body that is slow.
const QUIET_TICKS: u32 = 16;
/// Ticks between two feet that are looked at: a standing foot does not move.
const FOOT_TICKS: u32 = 4;
/// Contact more probable than this bears weight.
const CONTACT: f32 = 0.5;
/// Feet that have all been down for so long stand.
const PLANTED: Duration = Duration::from_millis(300);
/// A standing foot may be without weight for so long.
const LIGHT: Duration = Duration::from_millis(100);
/// Parts of the widest margin at which something is said: notice, warning, guidance, limited.
const SHARES: [(f32, Level); 4] = [
    (0.10, Level::Limited),
    (0.15, Level::Guidance),
    (0.20, Level::Warning),
    (0.30, Level::Notice),
];
/// Part of the highest tilt from which tipping over counts as beyond recovery.
const TIPPING: f32 = 0.5;
/// Tilted further for [`FALLEN_TIME`] the body has fallen: torque goes off, nothing gets up by
/// itself.
const FALLEN: Radians = Radians(1.047);
const FALLEN_TIME: Duration = Duration::from_millis(200);

/// How a legged body keeps its balance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalanceRule {
    /// Half length and half width of the rectangle of footholds around the base origin, positive.
    pub stance: [Metres; 2],
    /// How far beyond it one step can be placed, not negative.
    pub reach: Metres,
    /// How much narrower the feet support than they stand, not negative: 20 mm and the error of the
    /// estimate.
    pub shrink: Metres,
    /// Time until the motion controller answers a push.
    pub reaction: Duration,
    /// How long the capture point may be out of reach before the body counts as falling, above
    /// zero (50 ms).
    pub lost: Duration,
    /// How far ahead the tilt is looked at.
    pub horizon: Duration,
}

impl BalanceRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let [length, width] = self.stance;
        let above = "positive and at most 1e6";
        all_hold(&[
            ("balance.stance", positive(length.0) && positive(width.0), above),
            ("balance.reach", not_negative(self.reach.0), "0 to 1e6"),
            ("balance.shrink", not_negative(self.shrink.0), "0 to 1e6"),
            ("balance.shrink", self.shrink < length.min(width), "smaller than the stance"),
            ("balance.reaction", short(self.reaction), "at most 60 s"),
            ("balance.lost", some(self.lost), "longer than zero and at most 60 s"),
            ("balance.horizon", short(self.horizon), "at most 60 s"),
        ])
    }

    /// From `point` to the border of what one step can reach, m; negative beyond it.
    fn step_margin(&self, point: [f32; 2]) -> f32 {
        let [x, y] = [point[0].abs() - self.stance[0].0, point[1].abs() - self.stance[1].0];
        let beyond = libm::hypotf(x.max(0.0), y.max(0.0)) + x.max(y).min(0.0);
        self.reach.0 - beyond
    }
}

/// What is remembered of the balance from look to look.
#[derive(Debug, Default)]
pub(crate) struct BalanceWatch {
    /// Feet, heading frame around the base origin, and which one is looked at next.
    feet: Feet<[f32; 2]>,
    next: usize,
    /// Since when all feet have been down, or one of them has not.
    down: bool,
    down_since: Instant,
    /// All feet have been down for [`PLANTED`] since the body stands: before, it is stepping.
    planted: bool,
    lost_since: Option<Instant>,
    fallen_since: Option<Instant>,
    ticks: u32,
    /// The margin is small: nobody may be within the fall zone.
    pub(crate) unsteady: bool,
}

impl BalanceWatch {
    /// Finds a body that is about to fall.
    pub(crate) fn look(&mut self, rule: &BalanceRule, input: &Input<'_>, sight: &mut Sight) {
        self.ticks = self.ticks.wrapping_add(1);
        self.look_at_tipping(rule, input, sight);
        self.unsteady = false;
        let state = input.state;
        let standing = state.posture == Posture::Standing;
        let down = state.contact.iter().all(|contact| *contact >= CONTACT);
        let now = input.cycle.now;
        if down != self.down || !standing {
            (self.down, self.down_since) = (down, now);
        }
        let settled = down && now.since(self.down_since) >= PLANTED;
        self.planted = standing && (self.planted || settled);
        if !standing && state.posture != Posture::Walking {
            self.lost_since = None;
            self.feet = Feet::default();
            return;
        }
        match input.profile.anatomy.as_ref().filter(|_| standing) {
            Some(anatomy) if self.ticks.is_multiple_of(FOOT_TICKS) => {
                self.place_foot(anatomy, input);
            }
            Some(_) => {}
            None => self.feet = Feet::default(),
        }
        let speed = state.velocity.iter().map(|v| v.0 * v.0).sum::<f32>();
        if speed < QUIET_SPEED * QUIET_SPEED && !self.ticks.is_multiple_of(QUIET_TICKS) {
            return;
        }
        self.look_at_capture_point(rule, self.planted, input, sight);
    }

    /// Where the capture point will be when the controller has answered, against where it may be.
    fn look_at_capture_point(
        &mut self,
        rule: &BalanceRule,
        standing: bool,
        input: &Input<'_>,
        sight: &mut Sight,
    ) {
        let state = input.state;
        let q = state.attitude;
        let v = turn([q.w, q.x, q.y, q.z], state.velocity.map(|v| v.0));
        let [c, s] = heading(q);
        let omega = libm::sqrtf(GRAVITY / state.position[2].0.max(LOWEST));
        let grown = libm::expf(omega * rule.reaction.as_secs_f32()) / omega;
        let point = [(c * v[0] + s * v[1]) * grown, (c * v[1] - s * v[0]) * grown];

        let step = rule.step_margin(point);
        let narrow = rule.stance[0].min(rule.stance[1]).0;
        let (margin, widest) = if standing {
            (self.support_margin(rule, point, input), narrow - rule.shrink.0)
        } else {
            (step, narrow + rule.reach.0)
        };
        // A place that is not a number is out of reach, but a single one ends nothing: that is for
        // the look at the estimate.
        let known = point.iter().all(|part| part.is_finite());
        let (lost, left) = (!known || step < 0.0, !known || margin < 0.0);
        let now = input.cycle.now;
        let since = if lost { Some(*self.lost_since.get_or_insert(now)) } else { None };
        self.lost_since = since;
        let level = match since {
            Some(since) if now.since(since) >= rule.lost => Some(Level::Falling),
            _ if left => Some(if standing && known { Level::Settle } else { Level::Limited }),
            _ => SHARES.iter().find(|(part, _)| margin < part * widest).map(|(_, level)| *level),
        };
        if let Some(level) = level {
            self.unsteady = level >= Level::Warning;
            let cause = Cause::new(level, Rule::CapturePoint, Actor::Body);
            sight.worst.add(cause.because(margin, 0.0));
        }
    }

    /// From `point` to the border of what the standing feet support, m; negative beyond it.
    fn support_margin(&self, rule: &BalanceRule, point: [f32; 2], input: &Input<'_>) -> f32 {
        let wanted = input.profile.anatomy.as_ref().map_or(0, |anatomy| anatomy.feet.len());
        if wanted == 0 || self.feet.len() < wanted {
            // Nothing is known of the feet: they stand as they should.
            let [x, y] = [point[0].abs() - rule.stance[0].0, point[1].abs() - rule.stance[1].0];
            return -(x.max(y)) - rule.shrink.0;
        }
        let mut standing: Vec<[f32; 2], FEET_MAX> = Vec::new();
        // A foot that is light for a moment has not left its place.
        let light = !self.down && input.cycle.now.since(self.down_since) < LIGHT;
        for foot in self.feet.ids() {
            // A contact that is not a number bears no weight. There is room for every foot.
            if light || input.state.contact[foot] >= CONTACT {
                let _ = standing.push(self.feet[foot]);
            }
        }
        inside_hull(&standing, point) - rule.shrink.0
    }

    /// Looks at the next foot.
    fn place_foot(&mut self, anatomy: &Anatomy, input: &Input<'_>) {
        let (state, len) = (input.state, anatomy.feet.len());
        let Some(foot) = FootId::new(self.next).filter(|_| len > 0) else { return };
        let at = anatomy.foot(foot, |joint| state.joints[joint].q.0);
        let q = state.attitude;
        let at = turn([q.w, q.x, q.y, q.z], at);
        let [c, s] = heading(q);
        if self.feet.len() <= foot.index() {
            let known = self.feet;
            self.feet = Feet::from_fn(foot.index().saturating_add(1), |id| known[id]);
        }
        self.feet[foot] = [c * at[0] + s * at[1], c * at[1] - s * at[0]];
        self.next =
            if foot.index().saturating_add(1) < len { foot.index().saturating_add(1) } else { 0 };
    }

    /// Tilt and how it grows: tipping over, and lying.
    fn look_at_tipping(&mut self, rule: &BalanceRule, input: &Input<'_>, sight: &mut Sight) {
        let q = input.state.attitude;
        // The world's vertical in the base frame.
        let [x, y] = [2.0 * (q.x * q.z - q.w * q.y), 2.0 * (q.y * q.z + q.w * q.x)];
        let [wx, wy, _] = input.state.angular_velocity.map(|w| w.0);
        let most = input.profile.tilt_max.0;
        let (sine, turning) = (x * x + y * y, wx * wx + wy * wy);
        let horizon = rule.horizon.as_secs_f32();
        // The usual case first: upright, and turning too slowly to get anywhere.
        let far = 0.5 * most;
        if sine < far * far * 0.9 && turning * horizon * horizon < far * far {
            self.fallen_since = None;
            return;
        }
        let tilt = q.tilt();
        let now = input.cycle.now;
        self.fallen_since = (tilt > FALLEN).then(|| self.fallen_since.unwrap_or(now));
        if input.limp() {
            return;
        }
        if self.fallen_since.is_some_and(|since| now.since(since) >= FALLEN_TIME) {
            // Down already: torque is no help any more.
            let cut = Cause::new(Level::Cut, Rule::Tilt, Actor::Body);
            sight.worst.0 = Some(cut.because(tilt.0, FALLEN.0));
            return;
        }
        let sine = libm::sqrtf(sine);
        let rate = if sine > 1e-3 { (wx * y - wy * x) / sine } else { libm::sqrtf(turning) };
        let ahead = tilt.0 + rate.max(0.0) * horizon;
        if rate > 0.0 && ahead > most {
            let falling = tilt.0 > TIPPING * most;
            let level = if falling { Level::Falling } else { Level::Warning };
            let cause = Cause::new(level, Rule::TiltRate, Actor::Body);
            sight.worst.add(cause.because(ahead, most));
        }
    }
}

/// From `point` to the border of the hull of up to four points, m; negative outside.
fn inside_hull(points: &[[f32; 2]], point: [f32; 2]) -> f32 {
    let to = |from: &[f32; 2], to: &[f32; 2]| [to[0] - from[0], to[1] - from[1]];
    let mut margin = f32::INFINITY;
    let mut sides = 0_u8;
    for (i, from) in points.iter().enumerate() {
        for (j, next) in points.iter().enumerate() {
            let along = to(from, next);
            let length = libm::hypotf(along[0], along[1]);
            let left = |at: &[f32; 2]| {
                let across = to(from, at);
                (along[0] * across[1] - along[1] * across[0]) / length
            };
            // An edge of the hull has every other point on its left.
            let others = points.iter().enumerate().filter(|(k, _)| *k != i && *k != j);
            let hidden = others.map(|(_, at)| left(at)).any(|side| side < 0.0);
            if i == j || length <= 0.0 || hidden {
                continue;
            }
            sides = sides.saturating_add(1);
            margin = margin.min(left(&point));
        }
    }
    // Fewer than three points, or all on one line, enclose nothing.
    if sides < 3 { margin.min(0.0) } else { margin }
}
