//! What a deployment permits: plain numbers, checked before use.

use core::fmt;
use core::time::Duration;

use signals::{
    BaseVelocity, Metres, MetresPerSecond, MetresPerSecondSquared, Radians, RadiansPerSecond,
    RadiansPerSecondSquared,
};

use crate::anatomy::Anatomy;
use crate::balance::BalanceRule;
use crate::capsule::SelfCollisionRule;
use crate::contact::ContactRule;
use crate::fence::{Fence, HeightBand, OverspeedRule};
use crate::habits::HabitRule;
use crate::health::HealthRule;
use crate::person::PersonRule;
use crate::tank::PowerRule;

/// How fast the admitted base velocity may change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaseAcceleration {
    /// Along the base's x axis, positive.
    pub forward: MetresPerSecondSquared,
    /// Along the base's y axis, positive.
    pub left: MetresPerSecondSquared,
    /// About the vertical, positive.
    pub yaw: RadiansPerSecondSquared,
}

/// Keep a distance from what the lidar sees (speed and separation, regulation notes 6.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LidarRule {
    /// Radius of the body around the lidar, positive.
    pub radius: Metres,
    /// Distance kept beyond the radius, not negative.
    pub margin: Metres,
    /// Deceleration of the base that can be counted on, positive.
    pub braking: MetresPerSecondSquared,
    /// Time from a fresh scan until the base starts to slow down.
    pub reaction: Duration,
    /// Oldest scan that still permits planar motion, above zero.
    pub age_max: Duration,
}

/// What a stop looks like on this body: a property of the body, not a taste.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BodyClass {
    /// Falls when its torque goes off: it settles to a posture that stands by itself first.
    #[default]
    ActivelyStable,
    /// Stands by itself anywhere (an arm with brakes, a wheeled base): it stops in place.
    StaticallyStable,
}

/// Somebody must watch the robot: ages of the supervising session's last sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supervision {
    /// From here on it is recorded.
    pub notice: Duration,
    /// From here on the robot holds.
    pub hold: Duration,
    /// From here on the robot settles.
    pub settle: Duration,
}

impl Default for Supervision {
    /// A sign of life is due every 0.33 s (regulation notes, O3).
    fn default() -> Self {
        Self {
            notice: Duration::from_millis(400),
            hold: Duration::from_secs(1),
            settle: Duration::from_secs(3),
        }
    }
}

/// The stick of a person who drives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StickRule {
    /// An older reading counts as released.
    pub age_max: Duration,
    /// Silent for so long, the speed is scaled down.
    pub limited: Duration,
    /// Silent for so long, the robot holds.
    pub hold: Duration,
    /// Silent for so long, the robot settles.
    pub settle: Duration,
    /// Highest speed along each axis in mode MANUAL, magnitudes, not negative.
    pub speed_max: BaseVelocity,
}

impl Default for StickRule {
    /// At most 0.25 m/s, and released after 100 ms without a reading (regulation notes, O5).
    fn default() -> Self {
        Self {
            age_max: Duration::from_millis(100),
            limited: Duration::from_millis(200),
            hold: Duration::from_secs(1),
            settle: Duration::from_secs(30),
            speed_max: BaseVelocity {
                forward: MetresPerSecond(0.25),
                left: MetresPerSecond(0.25),
                yaw: RadiansPerSecond(0.5),
            },
        }
    }
}

/// The numbers of one deployment. [`Profile::check`] says whether they make sense; a governor made
/// with a profile that does not stays locked out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// How this body stops.
    pub body: BodyClass,
    /// The base is fixed to the world: it cannot tilt and needs no inertial unit.
    pub fixed_base: bool,
    /// The body sinks when its joints carry no torque, although it stands by itself: a stop holds
    /// it under power where it came to rest, until it lies in its settled posture.
    pub sinks_without_power: bool,
    /// The firmware can settle the body by itself when the controlled stop is not possible.
    pub firmware_settle: bool,
    /// Who must watch; `None` where nobody must.
    pub supervision: Option<Supervision>,
    /// The stick of a person who drives.
    pub stick: StickRule,
    /// Oldest observation a plan may come from.
    pub plan_age_max: Duration,
    /// Longest time from a plan's observation to its end.
    pub plan_validity_max: Duration,
    /// Highest speed of the base along each axis, magnitudes, not negative.
    pub speed_max: BaseVelocity,
    /// Highest change of the admitted base velocity.
    pub acceleration: BaseAcceleration,
    /// Distance rule; `None` for a body without lidar.
    pub lidar: Option<LidarRule>,
    /// Where the base may be; `None` where the deployment needs no fence.
    pub fence: Option<Fence>,
    /// How high the base may be on its feet; `None` without a check.
    pub height: Option<HeightBand>,
    /// How much faster than permitted the base may be measured; `None` without a check.
    pub overspeed: Option<OverspeedRule>,
    /// Distance to people; `None` where nobody can come near.
    pub person: Option<PersonRule>,
    /// Contact with people; `None` where nobody can come near.
    pub contact: Option<ContactRule>,
    /// Power and energy of the joints; `None` for no limit.
    pub power: Option<PowerRule>,
    /// What makes the body sick.
    pub health: HealthRule,
    /// The limbs of the body; `None` where no rule needs them.
    pub anatomy: Option<Anatomy>,
    /// How the body keeps its balance; `None` for one that stands by itself.
    pub balance: Option<BalanceRule>,
    /// How far its limbs keep apart; it needs the anatomy. `None` without a check.
    pub self_collision: Option<SelfCollisionRule>,
    /// What the planner may do over time.
    pub habits: HabitRule,
    /// Tilt of the base from which it counts as falling, up to pi/2 rad (quadruped 35 deg).
    pub tilt_max: Radians,
    /// Tilt of the base that is recorded, below `tilt_max`.
    pub tilt_notice: Radians,
    /// Age of a joint or inertial reading from which the robot slows down.
    pub reading_age_limited: Duration,
    /// Age of a joint or inertial reading from which the robot settles.
    pub reading_age_settle: Duration,
    /// Unusable frames in a row before the robot settles, ticks, at least 1.
    pub bad_frames_settle: u32,
    /// Fresh readings of one joint in a row with the very same bits before it counts as stuck,
    /// ticks. Zero turns the check off: for sensors so coarse that a joint at rest repeats itself.
    pub stuck_frames: u32,
    /// Speed scale at level LIMITED, 0 to 1.
    pub limited_scale: f32,
    /// Longest controlled stop before torque is cut.
    pub settle_timeout: Duration,
    /// Standstill that proves a stop.
    pub static_time: Duration,
    /// Joint speed up to which a joint counts as standing still, positive.
    pub static_joint_speed: RadiansPerSecond,
    /// How long a vetted command stays valid after its cycle, above zero.
    pub command_validity: Duration,
    /// Time from a command until the joint's torque follows it.
    pub brake_delay: Duration,
    /// Distance kept from each joint's hard limit, not negative.
    pub position_margin: Radians,
}

impl Default for Profile {
    /// A careful indoor profile without lidar.
    fn default() -> Self {
        Self {
            body: BodyClass::ActivelyStable,
            fixed_base: false,
            sinks_without_power: false,
            firmware_settle: false,
            supervision: None,
            stick: StickRule::default(),
            plan_age_max: Duration::from_millis(500),
            plan_validity_max: Duration::from_secs(2),
            speed_max: BaseVelocity {
                forward: MetresPerSecond(0.5),
                left: MetresPerSecond(0.3),
                yaw: RadiansPerSecond(1.0),
            },
            acceleration: BaseAcceleration {
                forward: MetresPerSecondSquared(1.0),
                left: MetresPerSecondSquared(1.0),
                yaw: RadiansPerSecondSquared(3.0),
            },
            lidar: None,
            fence: None,
            height: None,
            overspeed: None,
            person: None,
            contact: None,
            power: None,
            health: HealthRule::default(),
            anatomy: None,
            balance: None,
            self_collision: None,
            habits: HabitRule::default(),
            tilt_max: Radians(0.61),
            tilt_notice: Radians(0.35),
            reading_age_limited: Duration::from_millis(5),
            reading_age_settle: Duration::from_millis(60),
            bad_frames_settle: 5,
            stuck_frames: 100,
            limited_scale: 0.5,
            settle_timeout: Duration::from_secs(4),
            static_time: Duration::from_millis(500),
            static_joint_speed: RadiansPerSecond(0.3),
            command_validity: Duration::from_millis(5),
            brake_delay: Duration::from_millis(3),
            position_margin: Radians(0.035),
        }
    }
}

/// Which number of a profile breaks which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProfileError {
    /// The field of [`Profile`].
    pub field: &'static str,
    /// The rule it breaks, in words.
    pub rule: &'static str,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` must be {}", self.field, self.rule)
    }
}

impl core::error::Error for ProfileError {}

/// No span of a profile is longer: an hour of blindness is a typing error.
const SPAN_MAX: Duration = Duration::from_secs(60);

impl Profile {
    /// Every number is finite and means what its field says.
    ///
    /// # Errors
    /// The first field that breaks its rule.
    ///
    /// Clauses: A4.
    pub fn check(&self) -> Result<(), ProfileError> {
        let p = self;
        let held = !p.sinks_without_power || p.body == BodyClass::StaticallyStable;
        let speeds = [p.speed_max.forward.0, p.speed_max.left.0, p.speed_max.yaw.0];
        let rates = [p.acceleration.forward.0, p.acceleration.left.0, p.acceleration.yaw.0];
        let tilt = p.tilt_max.0 > 0.0 && p.tilt_max.0 <= core::f32::consts::FRAC_PI_2;
        let span = "longer than zero and at most 60 s";
        let zero_or_more = "0 to 1e6";
        let above_zero = "positive and at most 1e6";
        let rules = [
            ("sinks_without_power", held, "false for a body that balances"),
            ("plan_age_max", some(p.plan_age_max), span),
            ("plan_validity_max", some(p.plan_validity_max), span),
            ("speed_max", speeds.iter().all(|v| not_negative(*v)), zero_or_more),
            ("acceleration", rates.iter().all(|a| positive(*a)), above_zero),
            ("tilt_max", tilt, "above 0 and at most pi/2 rad"),
            ("tilt_notice", p.tilt_notice.0 > 0.0 && p.tilt_notice <= p.tilt_max, "below tilt_max"),
            ("reading_age_limited", some(p.reading_age_limited), span),
            ("reading_age_settle", p.reading_age_settle <= SPAN_MAX, span),
            (
                "reading_age_settle",
                p.reading_age_settle >= p.reading_age_limited,
                "at least reading_age_limited",
            ),
            ("bad_frames_settle", p.bad_frames_settle >= 1, "at least 1"),
            ("limited_scale", (0.0..=1.0).contains(&p.limited_scale), "from 0 to 1"),
            ("settle_timeout", some(p.settle_timeout), span),
            ("static_time", some(p.static_time), span),
            (
                "supervision",
                p.supervision.is_none_or(|s| {
                    some(s.notice) && s.notice <= s.hold && s.hold <= s.settle && some(s.settle)
                }),
                "notice, hold, settle in rising order, at most 60 s",
            ),
            ("stick", p.stick.is_sound(), "ages in rising order up to 60 s, speeds 0 to 1e6"),
            ("static_joint_speed", positive(p.static_joint_speed.0), above_zero),
            ("command_validity", some(p.command_validity), span),
            ("brake_delay", p.brake_delay <= SPAN_MAX, "at most 60 s"),
            ("position_margin", not_negative(p.position_margin.0), zero_or_more),
        ];
        all_hold(&rules)?;
        p.health.check()?;
        p.habits.check()?;
        p.lidar.as_ref().map_or(Ok(()), LidarRule::check)?;
        p.fence.as_ref().map_or(Ok(()), Fence::check)?;
        p.height.as_ref().map_or(Ok(()), HeightBand::check)?;
        p.overspeed.as_ref().map_or(Ok(()), OverspeedRule::check)?;
        p.person.as_ref().map_or(Ok(()), PersonRule::check)?;
        p.contact.as_ref().map_or(Ok(()), ContactRule::check)?;
        p.power.as_ref().map_or(Ok(()), PowerRule::check)?;
        p.anatomy.as_ref().map_or(Ok(()), Anatomy::check)?;
        p.balance.as_ref().map_or(Ok(()), BalanceRule::check)?;
        p.self_collision.as_ref().map_or(Ok(()), SelfCollisionRule::check)?;
        let limbs = p.self_collision.is_none() || p.anatomy.is_some();
        all_hold(&[("self_collision", limbs, "absent without an anatomy")])
    }
}

impl StickRule {
    fn is_sound(&self) -> bool {
        let speed = [self.speed_max.forward.0, self.speed_max.left.0, self.speed_max.yaw.0];
        let rising = self.age_max <= self.limited && self.limited <= self.hold;
        let spans = some(self.age_max) && rising && self.hold <= self.settle && some(self.settle);
        spans && speed.iter().all(|v| not_negative(*v))
    }
}

impl LidarRule {
    fn check(&self) -> Result<(), ProfileError> {
        let span = "longer than zero and at most 60 s";
        all_hold(&[
            ("lidar.radius", positive(self.radius.0), "positive and at most 1e6"),
            ("lidar.margin", not_negative(self.margin.0), "0 to 1e6"),
            ("lidar.braking", positive(self.braking.0), "positive and at most 1e6"),
            ("lidar.reaction", short(self.reaction), "at most 60 s"),
            ("lidar.age_max", some(self.age_max), span),
        ])
    }
}

/// No number of a profile is larger, in any SI unit.
const NUMBER_MAX: f32 = 1e6;

/// The first rule that does not hold, as field, truth and words.
pub(crate) fn all_hold(rules: &[(&'static str, bool, &'static str)]) -> Result<(), ProfileError> {
    match rules.iter().find(|(_, holds, _)| !holds) {
        Some(&(field, _, rule)) => Err(ProfileError { field, rule }),
        None => Ok(()),
    }
}

pub(crate) fn some(span: Duration) -> bool {
    !span.is_zero() && span <= SPAN_MAX
}

pub(crate) fn positive(number: f32) -> bool {
    number > 0.0 && number <= NUMBER_MAX
}

pub(crate) fn not_negative(number: f32) -> bool {
    (0.0..=NUMBER_MAX).contains(&number)
}

pub(crate) fn short(span: Duration) -> bool {
    span <= SPAN_MAX
}

/// A number, and not too large either way.
pub(crate) fn bounded(number: f32) -> bool {
    number.abs() <= NUMBER_MAX
}
