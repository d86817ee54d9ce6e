//! A planner that is no model: it asks for taught postures in turn.
//!
//! What LeRobot's users record as waypoints: a person led the arm to each posture and wrote the
//! angles down. The script asks for one posture until the arm has been there for a while, then for
//! the next, and for the last one for good. It sees nothing but the joints.

use std::time::Duration;

use signals::{Instant, Joints, ModelHash, Plan, PlanRequest, Radians};

use crate::{InferenceError, Observation, Planner};

/// How a script is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScriptTimes {
    /// A joint this near its angle has arrived, above zero.
    pub tolerance: Radians,
    /// How long the arm stays in each posture.
    pub dwell: Duration,
    /// How long a plan is valid after its observation.
    pub validity: Duration,
}

/// Postures in turn.
#[derive(Clone, Debug)]
pub struct Script {
    postures: Vec<Joints<Radians>>,
    times: ScriptTimes,
    hash: ModelHash,
    /// The posture that is asked for, and since when the arm has been there.
    at: usize,
    there_since: Option<Instant>,
    sequence: u64,
}

impl Script {
    /// Plays `postures`, in the robot's order of joints, from the first one on; `hash` is that of
    /// the file they stand in.
    #[must_use]
    pub const fn new(postures: Vec<Joints<Radians>>, times: ScriptTimes, hash: ModelHash) -> Self {
        Self { postures, times, hash, at: 0, there_since: None, sequence: 0 }
    }

    /// The arm has been in the last posture for long enough.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.at >= self.postures.len()
    }

    /// Goes on to the next posture when the arm has been in this one for long enough.
    fn go_on(&mut self, seen: &Observation) {
        let Some(posture) = self.postures.get(self.at) else { return };
        let mut joints = seen.joints.iter().zip(posture.iter());
        if !joints.all(|(is, angle)| (is.q - *angle).abs() <= self.times.tolerance) {
            self.there_since = None;
            return;
        }
        let since = *self.there_since.get_or_insert(seen.at);
        if seen.at.since(since) >= self.times.dwell {
            (self.at, self.there_since) = (self.at + 1, None);
        }
    }
}

impl Planner for Script {
    fn plan(&mut self, seen: &Observation, made_at: Instant) -> Result<Plan, InferenceError> {
        let age = made_at.since(seen.at);
        if age >= self.times.validity {
            let (age_ms, lasts_ms) = (age.as_millis(), self.times.validity.as_millis());
            return Err(InferenceError::ObservationTooOld { age_ms, lasts_ms });
        }
        let expected = self.postures.first().map_or(0, Joints::len);
        if seen.joints.len() != expected || expected == 0 {
            return Err(InferenceError::WrongJoints { found: seen.joints.len(), expected });
        }
        if !seen.joints.iter().all(|joint| joint.q.is_finite()) {
            return Err(InferenceError::ObservationNotFinite { part: "joints" });
        }
        self.go_on(seen);
        let asked = self.postures.get(self.at).or(self.postures.last());
        self.sequence += 1;
        Ok(Plan {
            sequence: self.sequence,
            epoch: seen.epoch,
            observed_at: seen.at,
            valid_until: seen.at + self.times.validity,
            model: self.hash,
            request: asked.map_or(PlanRequest::Hold, |posture| PlanRequest::Posture(*posture)),
        })
    }
}

#[cfg(test)]
mod tests {
    use signals::{JointState, Metres, MetresPerSecond, RadiansPerSecond};

    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }

    fn script() -> Script {
        let postures = [0.5, 1.0].map(|angle| Joints::filled(Radians(angle), 2)).to_vec();
        let times = ScriptTimes {
            tolerance: Radians(0.05),
            dwell: Duration::from_millis(200),
            validity: Duration::from_millis(800),
        };
        Script::new(postures, times, ModelHash([7; 8]))
    }

    fn seen(at_ms: u64, angle: f32, joints: usize) -> Observation {
        let joint = JointState { q: Radians(angle), dq: RadiansPerSecond(0.0) };
        Observation {
            at: ms(at_ms),
            ranges: [Metres(0.0); signals::LIDAR_BEAMS],
            range_max: Metres(0.0),
            goal: None,
            forward_speed: MetresPerSecond(0.0),
            yaw_rate: RadiansPerSecond(0.0),
            joints: Joints::filled(joint, joints),
            epoch: 3,
        }
    }

    /// Given where the arm is, the posture that is asked for.
    #[test]
    fn postures_follow_each_other_when_the_arm_has_been_there() {
        let mut script = script();
        let story = [
            (0, 0.0, 0.5),
            (100, 0.46, 0.5),
            (200, 0.50, 0.5),
            // Pushed away: the time begins anew.
            (300, 0.40, 0.5),
            (400, 0.50, 0.5),
            (500, 0.50, 0.5),
            (600, 0.50, 1.0),
            (700, 0.98, 1.0),
            (900, 0.98, 1.0),
            // Over: it stays with the last one.
            (1000, 0.0, 1.0),
        ];
        for (at, angle, asked) in story {
            let plan = script.plan(&seen(at, angle, 2), ms(at + 10)).unwrap();
            let wanted = PlanRequest::Posture(Joints::filled(Radians(asked), 2));
            assert_eq!(plan.request, wanted, "at {at} ms");
            assert_eq!((plan.epoch, plan.valid_until), (3, ms(at + 800)));
        }
        assert!(script.is_over());
    }

    #[test]
    fn what_cannot_be_judged_makes_no_plan() {
        let mut script = script();
        for (seen, made_ms, words) in [
            (seen(0, 0.5, 3), 10, "3 joints"),
            (seen(0, 0.5, 0), 10, "0 joints"),
            (seen(0, f32::NAN, 2), 10, "joints is not finite"),
            (seen(0, 0.5, 2), 800, "800 ms old"),
        ] {
            let error = script.plan(&seen, ms(made_ms)).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(
            Script::new(Vec::new(), script.times, script.hash)
                .plan(&seen(0, 0.5, 2), ms(0))
                .is_err()
        );
    }
}
