//! The navigation planner: lidar, goal and speeds in; the next velocities of the base out.

use std::path::Path;
use std::time::Duration;

use signals::{
    BaseVelocity, Instant, LIDAR_BEAMS, MetresPerSecond, ModelHash, Plan, PlanRequest,
    RadiansPerSecond, VELOCITY_STEPS_MAX, VelocityChunk,
};

use crate::policy::STEP_LEN;
use crate::{
    Backend, BackendChoice, InferenceError, Observation, ObservationCard, Policy, PolicyCard,
    PolicyError,
};

/// By how much an output may miss its range before it counts as nonsense: rounding, no more.
const RANGE_SLACK: f32 = 1e-4;

/// Least goal distance for which a direction exists, m.
const GOAL_DISTANCE_MIN_M: f32 = 1e-6;

/// Makes plans from observations.
pub trait Planner {
    /// Makes one plan at `made_at`. Slow: call it from the planner's own thread.
    ///
    /// # Errors
    /// When no sound plan can be made from this observation. Nothing is sent then; the robot runs
    /// out its last plan and stands.
    fn plan(&mut self, observation: &Observation, made_at: Instant)
    -> Result<Plan, InferenceError>;
}

/// A learnt navigation policy on a backend.
pub struct Navigator {
    card: PolicyCard,
    hash: ModelHash,
    backend: Box<dyn Backend>,
    origin: String,
    step: Duration,
    input: Vec<f32>,
    output: Vec<f32>,
    sequence: u64,
}

impl Navigator {
    /// Loads the policy in `folder` and opens it on the chosen backend.
    ///
    /// # Errors
    /// When the folder or the backend is not as it should be; see [`PolicyError`].
    pub fn load(folder: &Path, choice: BackendChoice) -> Result<Self, PolicyError> {
        let policy = Policy::load(folder)?;
        let (backend, origin) = policy.open(choice)?;
        Ok(Self::new(&policy, backend, origin))
    }

    /// Runs `policy` on a backend of one's own; `origin` says where it came from, for reports.
    #[must_use]
    pub fn new(policy: &Policy, backend: Box<dyn Backend>, origin: String) -> Self {
        let card = policy.card().clone();
        Self {
            hash: policy.hash(),
            backend,
            origin,
            step: to_duration(card.plan.step_s),
            input: vec![0.0; card.input.len()],
            output: vec![0.0; card.output.len()],
            sequence: 0,
            card,
        }
    }

    /// The policy's card.
    #[must_use]
    pub fn card(&self) -> &PolicyCard {
        &self.card
    }

    /// Stamped on every plan.
    #[must_use]
    pub fn model_hash(&self) -> ModelHash {
        self.hash
    }

    /// The backend in use.
    #[must_use]
    pub fn backend(&self) -> &str {
        self.backend.name()
    }

    /// The backend in use and why, a phrase for people.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How often to plan: what the policy was trained with.
    #[must_use]
    pub fn period(&self) -> Duration {
        to_duration(1.0 / self.card.plan.replan_hz)
    }

    /// How long after its observation a plan is valid.
    #[must_use]
    pub fn horizon(&self) -> Duration {
        self.step.saturating_mul(u32::try_from(self.card.plan.steps).unwrap_or(u32::MAX))
    }

    /// Reads the chunk out of the model's output; refuses what is not finite or not in range.
    fn chunk(&self) -> Result<VelocityChunk, InferenceError> {
        if let Some(index) = self.output.iter().position(|value| !value.is_finite()) {
            return Err(InferenceError::OutputNotFinite { index });
        }
        let command = &self.card.command;
        let speeds = (command.forward_speed_min_m_s, command.forward_speed_max_m_s);
        let yaw_rates = (command.yaw_rate_min_rad_s, command.yaw_rate_max_rad_s);
        let mut velocities = [BaseVelocity::ZERO; VELOCITY_STEPS_MAX];
        let (steps, _) = self.output.as_chunks::<STEP_LEN>();
        for (number, (velocity, [speed, yaw_rate])) in velocities.iter_mut().zip(steps).enumerate()
        {
            velocity.forward = MetresPerSecond(in_range(number * STEP_LEN, *speed, speeds)?);
            let index = number * STEP_LEN + 1;
            velocity.yaw = RadiansPerSecond(in_range(index, *yaw_rate, yaw_rates)?);
        }
        Ok(VelocityChunk { step: self.step, len: self.card.plan.steps, velocities })
    }
}

impl Planner for Navigator {
    fn plan(
        &mut self,
        observation: &Observation,
        made_at: Instant,
    ) -> Result<Plan, InferenceError> {
        let (age, horizon) = (made_at.since(observation.at), self.horizon());
        if age >= horizon {
            let (age_ms, lasts_ms) = (age.as_millis(), horizon.as_millis());
            return Err(InferenceError::ObservationTooOld { age_ms, lasts_ms });
        }
        let request = if encode(observation, &self.card.observation, &mut self.input)? {
            self.backend.run(&self.input, &mut self.output)?;
            PlanRequest::Velocity(self.chunk()?)
        } else {
            PlanRequest::Hold
        };
        self.sequence += 1;
        Ok(Plan {
            sequence: self.sequence,
            observed_at: observation.at,
            valid_until: observation.at + horizon,
            epoch: observation.epoch,
            model: self.hash,
            request,
        })
    }
}

/// Writes the observation the way the model was trained to read it: beams, direction and distance
/// of the goal, speeds. False, and nothing written, without a goal.
fn encode(
    observation: &Observation,
    card: &ObservationCard,
    input: &mut [f32],
) -> Result<bool, InferenceError> {
    check_finite(observation)?;
    if observation.range_max.0 <= 0.0 {
        return Err(InferenceError::NoScan);
    }
    let Some([forward, left]) = observation.goal else { return Ok(false) };
    let distance = forward.0.hypot(left.0);
    let divisor = distance.max(GOAL_DISTANCE_MIN_M);
    let scalars = [
        forward.0 / divisor,
        left.0 / divisor,
        distance.min(card.goal_range_m) / card.goal_range_m,
        observation.forward_speed.0 / card.speed_scale_m_s,
        observation.yaw_rate.0 / card.yaw_rate_scale_rad_s,
    ];
    let range_max = observation.range_max.0;
    let beams = observation.ranges.iter().map(|range| {
        let hit = range.0 < range_max;
        if hit { range.0.clamp(0.0, card.lidar_range_m) / card.lidar_range_m } else { 1.0 }
    });
    let found = LIDAR_BEAMS + scalars.len();
    crate::backend::check_length("input", found, input.len())?;
    for (place, value) in input.iter_mut().zip(beams.chain(scalars)) {
        *place = value;
    }
    Ok(true)
}

/// Refuses an observation with a number that is none.
fn check_finite(observation: &Observation) -> Result<(), InferenceError> {
    let goal = observation.goal.unwrap_or_default();
    for (part, sound) in [
        ("lidar scan", observation.ranges.iter().all(|range| range.is_finite())),
        ("lidar range", observation.range_max.is_finite()),
        ("goal", goal.iter().all(|part| part.is_finite())),
        ("forward speed", observation.forward_speed.is_finite()),
        ("yaw rate", observation.yaw_rate.is_finite()),
    ] {
        if !sound {
            return Err(InferenceError::ObservationNotFinite { part });
        }
    }
    Ok(())
}

/// The value, brought within `low..=high` when rounding put it just outside; otherwise an error.
fn in_range(index: usize, value: f32, (low, high): (f32, f32)) -> Result<f32, InferenceError> {
    if value < low - RANGE_SLACK || value > high + RANGE_SLACK {
        return Err(InferenceError::OutputOutOfRange { index, value, low, high });
    }
    Ok(value.clamp(low, high))
}

/// Seconds to the nearest microsecond, so that 0.1 s is exactly 100 ms. Saturates.
fn to_duration(seconds: f32) -> Duration {
    Duration::from_micros((f64::from(seconds) * 1e6).round() as u64)
}
