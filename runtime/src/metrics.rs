//! What the simulator's truth says of a run. The control loop never sees any of it.

use signals::{BodyState, Level, Metres, Posture};
use sim::SimTruth;

use crate::report::EstimatorReport;

/// Close enough to count as reached, true distance, m.
const GOAL_RADIUS: f32 = 0.5;
/// The path is measured in steps of this many ticks, so that the body's sway is not counted.
const PATH_TICKS: u64 = 100;

/// Running sums over a run.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Times the body went down against its will.
    pub falls: u32,
    /// Times it began to touch an obstacle or a wall.
    pub collisions: u32,
    /// Path walked, m.
    pub distance: f64,
    /// The base came within the radius of the yard's goal.
    pub goal_reached: bool,
    ticks: u64,
    fallen: bool,
    touching: bool,
    squared_error: f64,
    samples: u64,
    path_from: Option<[f32; 2]>,
    degraded: bool,
    drift: Option<(f64, f64)>,
}

impl Metrics {
    /// Takes one tick. True when a fall or a collision began in it.
    pub fn take(
        &mut self,
        truth: &SimTruth,
        state: &BodyState,
        level: Level,
        goal: [Metres; 2],
    ) -> bool {
        let (fell, touched) = (truth.fallen && !self.fallen, truth.in_collision && !self.touching);
        (self.fallen, self.touching) = (truth.fallen, truth.in_collision);
        self.falls += u32::from(fell);
        self.collisions += u32::from(touched);
        let at = [truth.position[0].0, truth.position[1].0];
        let away = (at[0] - goal[0].0).hypot(at[1] - goal[1].0);
        self.goal_reached |= away < GOAL_RADIUS;
        if matches!(state.posture, Posture::Standing | Posture::Walking) {
            for axis in 0..2 {
                let error = f64::from(state.velocity[axis].0 - truth.velocity[axis].0);
                self.squared_error += error * error;
            }
            self.samples += 1;
        }
        if self.ticks.is_multiple_of(PATH_TICKS) {
            if let Some(from) = self.path_from {
                self.distance += f64::from((at[0] - from[0]).hypot(at[1] - from[1]));
            }
            self.path_from = Some(at);
        }
        self.ticks += 1;
        // Once a sensor has failed, the drift says more of the fault than of the estimator.
        self.degraded |= level >= Level::Limited && level != Level::Hold;
        if !self.degraded {
            let error = (state.position[0].0 - at[0]).hypot(state.position[1].0 - at[1]);
            self.drift = Some((f64::from(error), self.distance));
        }
        fell || touched
    }

    /// How well the robot knew where it was.
    #[must_use]
    pub fn estimator(&self) -> EstimatorReport {
        let walked = self.drift.filter(|(_, distance)| *distance > 0.1);
        let drift_percent = walked.map_or(0.0, |(error, distance)| 100.0 * error / distance);
        let mean = self.squared_error / self.samples.max(1) as f64;
        EstimatorReport { velocity_rmse_mps: mean.sqrt(), drift_percent }
    }
}
