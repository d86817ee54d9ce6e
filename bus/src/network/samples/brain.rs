//! What the planner is shown, and what it asks for.

use core::time::Duration;

use signals::{
    BaseVelocity, Instant, JOINTS_MAX, Joints, LIDAR_BEAMS, MetresPerSecond, ModelHash, Plan,
    PlanRequest, Radians, RadiansPerSecond, VELOCITY_STEPS_MAX, VelocityChunk,
};

use super::{count, slots};
use crate::network::layout::layout;
use crate::network::topic::Topic;

/// A question to the planner: what the robot sees and where it is to go.
pub const BRAIN_OBSERVATION: Topic<ObservationSample> = Topic::out("brain/observation", 50.0);
/// The planner's answer.
pub const BRAIN_PLAN: Topic<PlanSample> = Topic::leased("brain/plan", 100.0);

layout! {
    /// What a planner may know of one moment. The header's time is that of its oldest part.
    pub struct ObservationSample {
        /// Lidar ranges; beam i looks along -pi + i 2 pi / 64, counter-clockwise.
        ranges: [f32; LIDAR_BEAMS], unit "m", frame "base";
        /// Range of the lidar; zero: there is none.
        range_max: f32, unit "m";
        /// 1: there is a goal; else standing still is asked for.
        has_goal: u32;
        /// The goal, forward and left of the base.
        goal: [f32; 2], unit "m", frame "base";
        /// Measured speed forward.
        forward_speed: f32, unit "m/s", frame "base";
        /// Measured turning, counter-clockwise.
        yaw_rate: f32, unit "rad/s", frame "base";
        /// Joints in use.
        joint_count: u32;
        /// Epoch of the lease in force; the plan carries it back.
        epoch: u32;
        /// Position of each joint.
        q: [f32; JOINTS_MAX], unit "rad", frame "joint", used "joint_count";
        /// Velocity of each joint.
        dq: [f32; JOINTS_MAX], unit "rad/s", frame "joint", used "joint_count";
    }
}

layout! {
    /// What a planner asks for. It is a request: the governor decides.
    pub struct PlanSample {
        /// Counts up per planner.
        plan_sequence: u64;
        /// When the observation it came from was measured, by the robot's clock.
        observed_at: u64, unit "ns";
        /// It must not be acted on after this, by the robot's clock.
        valid_until: u64, unit "ns";
        /// Bound of the error of the sender's estimate of the robot's clock: the plan counts as so
        /// much older.
        clock_error: u64, unit "ns";
        /// Sequence of the observation it came from; zero: from sensors of its own.
        observation: u64;
        /// First 8 bytes of the SHA-256 of the model file.
        model: [u8; 8];
        /// Time between two steps.
        step: u64, unit "ns";
        /// Epoch that the observation carried.
        epoch: u32;
        /// 0 hold, 1 walk with `velocities`, 2 move to `posture`.
        request: u32;
        /// Steps in use.
        step_count: u32;
        /// Joints in use.
        joint_count: u32;
        /// Velocity of each step: forward in m/s, left in m/s, yaw in rad/s.
        velocities: [[f32; 3]; VELOCITY_STEPS_MAX], unit "m/s, m/s, rad/s", frame "base";
        /// Posture to move to.
        posture: [f32; JOINTS_MAX], unit "rad", frame "joint", used "joint_count";
    }
}

/// Why a plan that came over the network is none. Whether it may be acted on, the governor decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPlan(pub &'static str);

impl PlanSample {
    /// The sample of `plan`, which came from the observation of this sequence.
    #[must_use]
    pub fn new(plan: &Plan, observation: u64, clock_error: Duration) -> Self {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let mut sample = Self {
            plan_sequence: plan.sequence,
            observed_at: plan.observed_at.as_nanos(),
            valid_until: plan.valid_until.as_nanos(),
            clock_error: nanos(clock_error),
            observation,
            model: plan.model.0,
            epoch: plan.epoch,
            ..Self::default()
        };
        match &plan.request {
            PlanRequest::Hold => {}
            PlanRequest::Velocity(chunk) => {
                sample.request = 1;
                sample.step = nanos(chunk.step);
                sample.step_count = count(chunk.len);
                sample.velocities = chunk.velocities.map(|v| [v.forward.0, v.left.0, v.yaw.0]);
            }
            PlanRequest::Posture(posture) => {
                sample.request = 2;
                sample.joint_count = count(posture.len());
                sample.posture = slots(posture.iter().map(|angle| angle.0), 0.0);
            }
        }
        sample
    }

    /// The plan it is, both its times less what the sender's clock may be off.
    ///
    /// # Errors
    /// A number of steps or joints, or a kind of request, that there is not.
    pub fn plan(&self) -> Result<Plan, NoPlan> {
        let earlier = |at: u64| Instant::from_nanos(at.saturating_sub(self.clock_error));
        let within = |number: u32, most: usize, what: &'static str| {
            usize::try_from(number).ok().filter(|n| *n <= most).ok_or(NoPlan(what))
        };
        let request = match self.request {
            0 => PlanRequest::Hold,
            1 => PlanRequest::Velocity(VelocityChunk {
                step: Duration::from_nanos(self.step),
                len: within(self.step_count, VELOCITY_STEPS_MAX, "too many steps")?,
                velocities: self.velocities.map(|[forward, left, yaw]| BaseVelocity {
                    forward: MetresPerSecond(forward),
                    left: MetresPerSecond(left),
                    yaw: RadiansPerSecond(yaw),
                }),
            }),
            2 => {
                let len = within(self.joint_count, JOINTS_MAX, "too many joints")?;
                PlanRequest::Posture(Joints::from_fn(len, |id| {
                    Radians(self.posture.get(id.index()).copied().unwrap_or(f32::NAN))
                }))
            }
            _ => return Err(NoPlan("a kind of request that there is not")),
        };
        Ok(Plan {
            sequence: self.plan_sequence,
            epoch: self.epoch,
            observed_at: earlier(self.observed_at),
            valid_until: earlier(self.valid_until),
            model: ModelHash(self.model),
            request,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(request: PlanRequest) -> Plan {
        Plan {
            sequence: 7,
            epoch: 3,
            observed_at: Instant::from_nanos(5_000),
            valid_until: Instant::from_nanos(9_000),
            model: ModelHash([1, 2, 3, 4, 5, 6, 7, 8]),
            request,
        }
    }

    #[test]
    fn plans_come_out_as_they_went_in() {
        let velocity = BaseVelocity {
            forward: MetresPerSecond(0.5),
            left: MetresPerSecond(-0.1),
            yaw: RadiansPerSecond(0.2),
        };
        let chunk = VelocityChunk::constant(velocity, Duration::from_millis(100), 8);
        let posture = Joints::from_fn(6, |id| Radians(id.index() as f32));
        for request in
            [PlanRequest::Hold, PlanRequest::Velocity(chunk), PlanRequest::Posture(posture)]
        {
            let plan = plan(request);
            let sample = PlanSample::new(&plan, 1, Duration::ZERO);
            assert_eq!(sample.plan().unwrap(), plan);
        }
    }

    #[test]
    fn what_the_clock_may_be_off_makes_a_plan_older() {
        let sample = PlanSample::new(&plan(PlanRequest::Hold), 1, Duration::from_nanos(1_500));
        let plan = sample.plan().unwrap();
        assert_eq!(plan.observed_at, Instant::from_nanos(3_500));
        assert_eq!(plan.valid_until, Instant::from_nanos(7_500));
        let absurd = PlanSample { clock_error: u64::MAX, ..sample };
        assert_eq!(absurd.plan().unwrap().valid_until, Instant::ZERO);
    }

    #[test]
    fn numbers_that_there_are_not_make_no_plan() {
        let walk = PlanSample { request: 1, step_count: 17, ..PlanSample::default() };
        let reach = PlanSample { request: 2, joint_count: 33, ..PlanSample::default() };
        let other = PlanSample { request: 3, ..PlanSample::default() };
        for sample in [walk, reach, other] {
            assert!(sample.plan().is_err());
        }
        let steps = PlanSample { step_count: u32::MAX, ..walk };
        assert!(steps.plan().is_err());
    }
}
