//! A sandbox permit: where, until when and up to which grade the robot may work.

use core::time::Duration;

use signals::{Instant, Level, Metres, MetresPerSecond};

use crate::watch::{Cause, Input, Sight};
use crate::{Actor, Grade, GradeLimits, Polygon, Rule, WallStart, WallTime};

/// What a permit allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permit {
    /// The ground, in the odometry frame: its origin is where the robot was switched on.
    pub area: Polygon,
    /// Not in force before.
    pub begins: WallTime,
    /// Not in force from then on.
    pub ends: WallTime,
    /// The most that is permitted.
    pub grade: Grade,
    /// What may be tried beyond the grid.
    pub experiment: Experiment,
}

/// Numbers that take the place of the grid's under a permit. They reach no further than the grid:
/// what the robot's own file and the rules of stopping and oversight say stays.
///
/// Clauses: B2.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Experiment {
    /// Highest planar speed of the base, not negative.
    pub base: Option<MetresPerSecond>,
    /// Highest speed of a tool, not negative.
    pub tool: Option<MetresPerSecond>,
}

impl Permit {
    /// What `grade` permits under this permit.
    #[must_use]
    pub fn limits(&self, grade: &Grade) -> GradeLimits {
        let limits = grade.limits().stricter(self.grade.limits());
        let instead = |tried: Option<MetresPerSecond>, grid: MetresPerSecond| {
            // What is no speed takes the place of nothing.
            tried.filter(|speed| speed.0 >= 0.0 && speed.is_finite()).unwrap_or(grid)
        };
        GradeLimits {
            base: instead(self.experiment.base, limits.base),
            tool: instead(self.experiment.tool, limits.tool),
            ..limits
        }
    }
}

/// Keeps the robot within its permit.
#[derive(Clone, Debug)]
pub(crate) struct PermitWatch {
    area: Polygon,
    begins: Instant,
    ends: Instant,
    set_back: Option<u64>,
    /// A place that was inside, and the square of its distance to the border, m, m^2: nearer to it
    /// than that is inside, too, and one comparison.
    near: ([f32; 2], f32),
}

impl PermitWatch {
    pub(crate) fn new(permit: &Permit, wall: &WallStart) -> Self {
        Self {
            area: permit.area,
            begins: wall.instant(permit.begins),
            ends: wall.instant(permit.ends),
            set_back: wall.set_back(),
            near: ([0.0; 2], 0.0),
        }
    }

    pub(crate) fn look(&mut self, input: &Input<'_>, sight: &mut Sight) {
        let now = input.cycle.now;
        if let Some(seconds) = self.set_back {
            let seconds = Duration::from_secs(seconds).as_secs_f32();
            forbid(Rule::PermitClock, Actor::Governor, (seconds, 0.0), sight);
        }
        if now < self.begins || now >= self.ends {
            let span = (now.as_seconds() as f32, self.ends.as_seconds() as f32);
            forbid(Rule::PermitEnded, Actor::Governor, span, sight);
        }
        if !self.knows_inside(input) {
            let [x, y, _] = input.state.position;
            let clearance = self.area.clearance([x.0, y.0]);
            if clearance > Metres(0.0) {
                self.near = ([x.0, y.0], clearance.0 * clearance.0);
            } else {
                let outside = (-clearance.0, 0.0);
                forbid(Rule::Permit, Actor::Body, outside, sight);
            }
        }
    }

    /// Nearer to a place inside than that place is to the border. False for what is no number.
    fn knows_inside(&self, input: &Input<'_>) -> bool {
        let [x, y, _] = input.state.position;
        let ([near_x, near_y], far) = self.near;
        let (dx, dy) = (x.0 - near_x, y.0 - near_y);
        dx * dx + dy * dy < far
    }
}

/// A controlled stop; and nothing starts as long as it lasts.
fn forbid(rule: Rule, actor: Actor, (measured, limit): (f32, f32), sight: &mut Sight) {
    let cause = Cause::new(Level::Settle, rule, actor).because(measured, limit);
    sight.worst.add(cause);
    sight.blocker.add(cause);
}
