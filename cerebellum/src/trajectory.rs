//! Jerk-limited motion of joints to targets that may change at any tick.
//!
//! L. Berscheid, T. Kroeger, Jerk-limited Real-time Trajectory Generation with Arbitrary Target
//! States, Robotics: Science and Systems (2021), by the crate `rsruckig`. What it answers is
//! checked before it is followed: start, end, and all limits in between. Whatever cannot be planned
//! or does not pass is answered by a stop ([`stop`]) that was computed before the plan was tried,
//! so that position, velocity and acceleration never jump.

mod stop;

use rsruckig::prelude::{
    ControlInterface, DataArrayOrVec, InputParameter, Profile, Ruckig, RuckigResult,
    Synchronization, ThrowErrorHandler, Trajectory,
};
use signals::JOINTS_MAX;

use stop::Stop;

/// The range of a limit, in any SI unit.
const LIMIT_RANGE: [f64; 2] = [1e-6, 1e9];
/// The largest position, either way, rad or m: above it rounding shows.
const POSITION_MAX: f64 = 1e6;
/// The longest plan, s: above it rounding shows.
const DURATION_MAX: f64 = 7e3;
/// How far a plan may miss its limits, relative above one.
const LIMIT_SLACK: f64 = 1e-9;
/// How far a plan may miss start and end: position, velocity, acceleration, relative above one.
const SLACK: [f64; 3] = [1e-8, 1e-8, 1e-9];

/// Where one joint is to be, and how it moves there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JointMotion {
    /// rad or m.
    pub position: f64,
    /// rad/s or m/s.
    pub velocity: f64,
    /// rad/s^2 or m/s^2.
    pub acceleration: f64,
}

/// How fast one joint may move, either way; each 1e-6 to 1e9.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MotionLimits {
    /// rad/s or m/s.
    pub velocity: f64,
    /// rad/s^2 or m/s^2.
    pub acceleration: f64,
    /// rad/s^3 or m/s^3.
    pub jerk: f64,
}

impl MotionLimits {
    fn usable(&self) -> bool {
        let [least, most] = LIMIT_RANGE;
        let all = [self.velocity, self.acceleration, self.jerk];
        all.iter().all(|limit| (least..=most).contains(limit))
    }

    /// Whether a joint in motion `at` keeps these limits.
    fn keeps(&self, at: &JointMotion) -> bool {
        at.velocity.abs() <= slack(self.velocity)
            && at.acceleration.abs() <= slack(self.acceleration)
    }
}

fn slack(limit: f64) -> f64 {
    limit + LIMIT_SLACK * limit.max(1.0)
}

/// Where the joints are to go, one number a joint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target<'a> {
    /// Positions, rad or m, to be passed with these velocities; then it goes on at them.
    Position(&'a [f64], &'a [f64]),
    /// Velocities, rad/s or m/s, to be reached and kept: together, or where that would lead a joint
    /// above its limit, each by itself.
    Velocity(&'a [f64]),
}

/// Why a target was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// None was set since the joints were placed in motion.
    NoTarget,
    /// A list has not one number for each joint.
    WrongCount,
    /// A number is none, or a position is beyond 1e6.
    NotFinite,
    /// A limit is outside its range.
    BadLimits,
    /// The joints move faster than the limits allow: first they have to stop.
    StartOutsideLimits,
    /// The target velocity is above the limit.
    TargetOutsideLimits,
    /// No plan was found, or one of more than 7000 s.
    Unsolved,
    /// A plan was found that misses its start, its end or a limit.
    Unsound,
}

/// What the joints do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrajectoryStatus {
    /// On the way to the target.
    Moving,
    /// At the target, or at rest where none was set; with its velocity where it has one.
    Arrived,
    /// The last target was not taken: every joint stops by itself.
    Stopping(Refusal),
    /// The same, and all stand.
    Stopped(Refusal),
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Plan,
    /// On from where the plan ended.
    Beyond,
    Stop(Refusal),
}

/// Joints on the way to their targets. All memory is allocated when built; only where a plan cannot
/// be found does the planner allocate for its message.
#[derive(Clone, Debug)]
pub struct JointTrajectory {
    limits: Vec<MotionLimits>,
    motion: Vec<JointMotion>,
    planner: Ruckig<0, ThrowErrorHandler>,
    input: InputParameter<0>,
    plan: Trajectory<0>,
    next: Trajectory<0>,
    stops: Vec<Stop>,
    /// Position and velocity of each joint where the plan ends.
    ends: Vec<[f64; 2]>,
    sample: [DataArrayOrVec<f64, 0>; 3],
    course: Course,
    /// Since the course was taken, s.
    elapsed: f64,
    refused: u32,
}

impl JointTrajectory {
    /// Joints at rest at `positions`, one for each of `limits`.
    ///
    /// # Errors
    /// When there is no joint, more than [`JOINTS_MAX`], or a number is not usable.
    pub fn new(limits: &[MotionLimits], positions: &[f64]) -> Result<Self, Refusal> {
        let count = limits.len();
        if count == 0 || count > JOINTS_MAX || positions.len() != count {
            return Err(Refusal::WrongCount);
        }
        if !limits.iter().all(MotionLimits::usable) {
            return Err(Refusal::BadLimits);
        }
        let numbers = || DataArrayOrVec::new(Some(count), 0.0);
        let mut all = Self {
            limits: limits.to_vec(),
            motion: vec![JointMotion::default(); count],
            planner: Ruckig::new(Some(count), 0.0),
            input: InputParameter::new(Some(count)),
            plan: Trajectory::new(Some(count)),
            next: Trajectory::new(Some(count)),
            stops: vec![Stop::default(); count],
            ends: vec![[0.0; 2]; count],
            sample: [numbers(), numbers(), numbers()],
            course: Course::Beyond,
            elapsed: 0.0,
            refused: 0,
        };
        let at_rest = |position: &f64| JointMotion { position: *position, ..Default::default() };
        let motion: Vec<_> = positions.iter().map(at_rest).collect();
        all.place(&motion)?;
        Ok(all)
    }

    /// Each joint's present motion.
    #[must_use]
    pub fn motion(&self) -> &[JointMotion] {
        &self.motion
    }

    /// Targets, limits and motions that were not taken so far.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// How long the plan that is followed takes in all, s; 0 where none is.
    #[must_use]
    pub fn duration(&self) -> f64 {
        if self.course == Course::Plan { self.plan.duration } else { 0.0 }
    }

    /// Begins anew from a motion that was measured: the one jump there is, made by the caller. What
    /// velocity it has is braked down at once, until a target is set.
    ///
    /// # Errors
    /// When the count is wrong or a number is none; then nothing changes.
    pub fn place(&mut self, motion: &[JointMotion]) -> Result<(), Refusal> {
        let usable = |at: &JointMotion| {
            let [least, most] = [-LIMIT_RANGE[1], LIMIT_RANGE[1]];
            at.position.abs() <= POSITION_MAX
                && (least..=most).contains(&at.velocity)
                && (least..=most).contains(&at.acceleration)
        };
        let refusal = if motion.len() != self.limits.len() {
            Refusal::WrongCount
        } else if motion.iter().all(usable) {
            self.motion.copy_from_slice(motion);
            self.elapsed = 0.0;
            let rest = |at: &JointMotion| at.velocity == 0.0 && at.acceleration == 0.0;
            if motion.iter().all(rest) {
                for (end, at) in self.ends.iter_mut().zip(motion) {
                    *end = [at.position, 0.0];
                }
                self.course = Course::Beyond;
                return Ok(());
            }
            self.compute_stops();
            self.course = Course::Stop(Refusal::NoTarget);
            return Ok(());
        } else {
            Refusal::NotFinite
        };
        self.refused = self.refused.saturating_add(1);
        Err(refusal)
    }

    /// Other limits, for targets set from now on; what is followed goes on as it was planned.
    ///
    /// # Errors
    /// When one is unusable; then the old limits stay and the joints stop.
    pub fn limit(&mut self, limits: &[MotionLimits]) -> Result<(), Refusal> {
        if limits.len() != self.limits.len() {
            return Err(self.stop(Refusal::WrongCount));
        }
        if !limits.iter().all(MotionLimits::usable) {
            return Err(self.stop(Refusal::BadLimits));
        }
        self.limits.copy_from_slice(limits);
        Ok(())
    }

    /// Sets a new target and says how long the way takes, s: all joints arrive together, none
    /// leaves its limits, and the motion goes on from the present one.
    ///
    /// # Errors
    /// When there is no sound plan; then every joint stops as fast as its limits allow.
    pub fn aim(&mut self, target: Target<'_>) -> Result<f64, Refusal> {
        self.compute_stops();
        match self.plan_to(target) {
            Ok(duration) => {
                core::mem::swap(&mut self.plan, &mut self.next);
                self.course = Course::Plan;
                self.elapsed = 0.0;
                Ok(duration)
            }
            Err(refusal) => Err(self.stop(refusal)),
        }
    }

    /// Moves on by `dt` s. A `dt` that is negative or none counts as no time.
    pub fn advance(&mut self, dt: f64) -> TrajectoryStatus {
        self.elapsed += if dt.is_finite() { dt.max(0.0) } else { 0.0 };
        match self.course {
            Course::Stop(refusal) => self.follow_stops(refusal),
            Course::Plan if self.elapsed < self.plan.duration => {
                self.follow_plan();
                TrajectoryStatus::Moving
            }
            Course::Plan => {
                self.elapsed -= self.plan.duration;
                self.course = Course::Beyond;
                self.follow_ends()
            }
            Course::Beyond => self.follow_ends(),
        }
    }

    /// Gives up the target: every joint stops as fast as its limits allow.
    fn stop(&mut self, refusal: Refusal) -> Refusal {
        self.refused = self.refused.saturating_add(1);
        self.compute_stops();
        self.course = Course::Stop(refusal);
        self.elapsed = 0.0;
        refusal
    }

    fn compute_stops(&mut self) {
        for ((stop, at), limits) in self.stops.iter_mut().zip(&self.motion).zip(&self.limits) {
            *stop = Stop::from(at, limits);
        }
    }

    fn plan_to(&mut self, target: Target<'_>) -> Result<f64, Refusal> {
        self.check(target)?;
        self.fill_input(target);
        self.input.synchronization = Synchronization::Time;
        match (self.plan_once(target), target) {
            // Slowed down to arrive with the others, a joint whose acceleration has to end first
            // may become faster than it may.
            (Err(Refusal::Unsound), Target::Velocity(_)) => {
                self.input.synchronization = Synchronization::None;
                self.plan_once(target)
            }
            (answer, _) => answer,
        }
    }

    fn plan_once(&mut self, target: Target<'_>) -> Result<f64, Refusal> {
        match self.planner.calculate(&self.input, &mut self.next) {
            Ok(RuckigResult::Working | RuckigResult::Finished) => {}
            _ => return Err(Refusal::Unsolved),
        }
        let duration = self.next.duration;
        if !(0.0..=DURATION_MAX).contains(&duration) {
            return Err(Refusal::Unsolved);
        }
        let profiles = self.next.profiles.first().ok_or(Refusal::Unsolved)?;
        let joints = self.motion.iter().zip(&self.limits).zip(&mut self.ends);
        for ((profile, ((at, limits), end)), joint) in profiles.iter().zip(joints).zip(0..) {
            let early = duration - profile.brake.duration - profile.t_sum[6];
            let (wanted, on_time) = match target {
                Target::Position(position, velocity) => {
                    ([position[joint], velocity[joint]], early.abs() <= SLACK[0])
                }
                Target::Velocity(velocity) => ([profile.p[7], velocity[joint]], early >= -SLACK[0]),
            };
            if !on_time || !is_sound(profile, at, wanted, limits) {
                return Err(Refusal::Unsound);
            }
            *end = wanted;
            if matches!(target, Target::Velocity(_)) {
                end[0] += end[1] * early;
            }
        }
        Ok(duration)
    }

    fn check(&self, target: Target<'_>) -> Result<(), Refusal> {
        let (positions, velocities) = match target {
            Target::Position(positions, velocities) => (positions, velocities),
            Target::Velocity(velocities) => (velocities, velocities),
        };
        let count = self.limits.len();
        if positions.len() != count || velocities.len() != count {
            return Err(Refusal::WrongCount);
        }
        let far = |position: &f64| position.is_nan() || position.abs() > POSITION_MAX;
        if positions.iter().any(far) || velocities.iter().any(|v| !v.is_finite()) {
            return Err(Refusal::NotFinite);
        }
        let mut joints = self.motion.iter().zip(&self.limits);
        if !joints.all(|(at, limits)| limits.keeps(at)) {
            return Err(Refusal::StartOutsideLimits);
        }
        let mut ends = velocities.iter().zip(&self.limits);
        if ends.any(|(velocity, limits)| velocity.abs() > limits.velocity) {
            return Err(Refusal::TargetOutsideLimits);
        }
        Ok(())
    }

    fn fill_input(&mut self, target: Target<'_>) {
        let input = &mut self.input;
        for (joint, (at, limits)) in self.motion.iter().zip(&self.limits).enumerate() {
            input.current_position[joint] = at.position;
            input.current_velocity[joint] = at.velocity;
            input.current_acceleration[joint] = at.acceleration;
            input.max_velocity[joint] = limits.velocity;
            input.max_acceleration[joint] = limits.acceleration;
            input.max_jerk[joint] = limits.jerk;
        }
        let (interface, velocities) = match target {
            Target::Position(positions, velocities) => {
                input.target_position.copy_from_slice(positions);
                (ControlInterface::Position, velocities)
            }
            Target::Velocity(velocities) => (ControlInterface::Velocity, velocities),
        };
        input.control_interface = interface;
        input.target_velocity.copy_from_slice(velocities);
    }

    fn follow_plan(&mut self) {
        let [position, velocity, acceleration] = &mut self.sample;
        self.plan.at_time(
            self.elapsed,
            &mut Some(position),
            &mut Some(velocity),
            &mut Some(acceleration),
            &mut None,
            &mut None,
        );
        for (joint, at) in self.motion.iter_mut().enumerate() {
            *at = JointMotion {
                position: position[joint],
                velocity: velocity[joint],
                acceleration: acceleration[joint],
            };
        }
    }

    fn follow_ends(&mut self) -> TrajectoryStatus {
        for (at, [position, velocity]) in self.motion.iter_mut().zip(&self.ends) {
            // Where no sound target could lie any more, it stays.
            let position = position + velocity * self.elapsed;
            let position = position.clamp(-POSITION_MAX, POSITION_MAX);
            *at = JointMotion { position, velocity: *velocity, acceleration: 0.0 };
        }
        TrajectoryStatus::Arrived
    }

    fn follow_stops(&mut self, refusal: Refusal) -> TrajectoryStatus {
        let mut stand = true;
        for (at, stop) in self.motion.iter_mut().zip(&self.stops) {
            *at = stop.at(self.elapsed);
            stand &= self.elapsed >= stop.duration();
        }
        if stand { TrajectoryStatus::Stopped(refusal) } else { TrajectoryStatus::Stopping(refusal) }
    }
}

/// Whether a plan leads from `at` to `end` (position, velocity) within the limits. Between two
/// changes of jerk velocity is a parabola, so its extremes are known.
fn is_sound(profile: &Profile, at: &JointMotion, end: [f64; 2], limits: &MotionLimits) -> bool {
    let near = |a: f64, b: f64, slack: f64| (a - b).abs() <= slack * b.abs().max(1.0);
    let brake = &profile.brake;
    let brakes = brake.duration > 0.0;
    let [p, v, a] = if brakes {
        [brake.p[0], brake.v[0], brake.a[0]]
    } else {
        [profile.p[0], profile.v[0], profile.a[0]]
    };
    let starts = near(p, at.position, SLACK[0])
        && near(v, at.velocity, SLACK[1])
        && near(a, at.acceleration, SLACK[2]);
    let ends = near(profile.p[7], end[0], SLACK[0])
        && near(profile.v[7], end[1], SLACK[1])
        && profile.a[7].abs() <= SLACK[2] * limits.acceleration.max(1.0);
    // An acceleration that has to end first carries some velocities beyond the limit.
    let carried = at.velocity + at.acceleration * at.acceleration.abs() / (2.0 * limits.jerk);
    let fastest = slack(limits.velocity.max(carried.abs()));
    let (most, jerk) = (slack(limits.acceleration), slack(limits.jerk));
    let within = |t: f64, v: f64, a: f64, j: f64| {
        let peak = if a * j < 0.0 && -a / j < t { v - a * a / (2.0 * j) } else { v };
        let (v_end, a_end) = (v + t * (a + t * j / 2.0), a + t * j);
        let speeds = [v, peak, v_end].iter().all(|v| v.abs() <= fastest);
        t >= 0.0 && speeds && a.abs() <= most && a_end.abs() <= most && j.abs() <= jerk
    };
    let braked = (0..2).all(|k| !brakes || within(brake.t[k], brake.v[k], brake.a[k], brake.j[k]));
    let phases = (0..7).all(|k| within(profile.t[k], profile.v[k], profile.a[k], profile.j[k]));
    starts && ends && braked && phases
}

#[cfg(test)]
mod tests;
