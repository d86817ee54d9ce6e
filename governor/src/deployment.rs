//! What a deployment adds to the robot's own limits: its grade, an observation period, a sandbox
//! permit and notices from outside. Everything here may only tighten.

use core::fmt;

use heapless::Vec;
use signals::{Instant, Level, ModelHash, Motion};

use crate::ledger::Ledger;
use crate::notice::{NOTICES_MAX, Notices};
use crate::permit::PermitWatch;
use crate::watch::{Input, Sight};
use crate::{
    Actor, Grade, GradeLimits, Kind, Notice, NoticeRefusal, Observation, Permit, Record, Rule,
    WallStart,
};

/// What a deployment gives the governor before the first cycle.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// The wall clock at the start.
    pub wall: WallStart,
    /// The cell of the grid; `None` without a profile file: then the robot's own limits count, and
    /// there is no observation period.
    pub grade: Option<Grade>,
    /// The brain's model.
    pub model: ModelHash,
    /// The observation period as it was remembered; `None` begins anew.
    pub observed: Option<Observation>,
    /// The sandbox permit.
    pub permit: Option<Permit>,
    /// Notices that were in force when the robot was switched off.
    pub notices: Vec<Notice, NOTICES_MAX>,
}

/// A governor takes one deployment, before its first cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLate;

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a governor is deployed once, before its first cycle")
    }
}

impl core::error::Error for TooLate {}

/// The deployment as the governor keeps it.
#[derive(Debug, Default)]
pub(crate) struct Deployed {
    wall: Option<WallStart>,
    limits: Option<GradeLimits>,
    observation: Option<Observation>,
    permit: Option<PermitWatch>,
    notices: Notices,
    /// Time and level of the last look.
    last: Instant,
    level: Level,
}

impl Deployment {
    /// The cell that counts: that of the profile, else that of the permit.
    #[must_use]
    pub fn grade(&self) -> Option<Grade> {
        self.grade.or_else(|| self.permit.as_ref().map(|permit| permit.grade))
    }

    /// What grade and permit permit together; `None` with neither.
    #[must_use]
    pub fn limits(&self) -> Option<GradeLimits> {
        let grade = self.grade()?;
        Some(self.permit.as_ref().map_or_else(|| grade.limits(), |permit| permit.limits(&grade)))
    }
}

impl Deployed {
    /// `limits` are those of the grade under the permit, `subject` is what is observed.
    pub(crate) fn new(deployment: &Deployment, graded: Option<(GradeLimits, u64)>) -> Self {
        let Deployment { wall, observed, permit, notices, .. } = deployment;
        let mut in_force = Notices::default();
        for notice in notices {
            // One that has ended since is simply not in force any more.
            let _ = in_force.take(notice, wall, Instant::ZERO);
        }
        Self {
            wall: Some(*wall),
            limits: graded.map(|(limits, _)| limits),
            observation: graded.map(|(_, subject)| Observation::resumed(*observed, subject)),
            permit: permit.as_ref().map(|permit| PermitWatch::new(permit, wall)),
            notices: in_force,
            ..Self::default()
        }
    }

    /// There is one.
    pub(crate) const fn exists(&self) -> bool {
        self.wall.is_some()
    }

    /// Takes a notice in at `now`.
    pub(crate) fn take(&mut self, notice: &Notice, now: Instant) -> Result<(), NoticeRefusal> {
        let wall = self.wall.ok_or(NoticeRefusal::NoClock)?;
        self.notices.take(notice, &wall, now)
    }

    pub(crate) fn task_done(&mut self) {
        if let Some(observation) = &mut self.observation {
            observation.task();
        }
    }

    pub(crate) const fn observation(&self) -> Option<Observation> {
        self.observation
    }

    /// What grade, permit and notices permit at `now`.
    pub(crate) fn limits(&self, now: Instant) -> Option<GradeLimits> {
        Some(self.notices.tightened(self.limits?, now))
    }

    pub(crate) fn look(&mut self, input: &Input<'_>, sight: &mut Sight, ledger: &mut Ledger) {
        if self.wall.is_none() {
            return;
        }
        if let Some(permit) = &mut self.permit {
            permit.look(input, sight);
        }
        self.notices.look(input, sight);
        self.observe(input, sight, ledger);
    }

    fn observe(&mut self, input: &Input<'_>, sight: &mut Sight, ledger: &mut Ledger) {
        let (Some(observation), Some(limits)) = (&mut self.observation, &self.limits) else {
            return;
        };
        let (now, level) = (input.cycle.now, input.ruling.level);
        let elapsed = now.since(core::mem::replace(&mut self.last, now));
        let before = core::mem::replace(&mut self.level, level);
        if level >= Level::Settle {
            if level > before && is_event(input.raised_by) {
                observation.restart();
            }
        } else if input.ruling.motion != Motion::Limp {
            observation.clean(elapsed);
        }
        if observation.is_over() {
            return;
        }
        if limits.observation < sight.scale {
            sight.scale = limits.observation;
            if let Motion::Walk(_) = input.ruling.motion {
                let record = Record::of(Rule::Observation, Kind::Limited, Actor::Governor);
                let measured = observation.clean_hours() as f32;
                let limit = crate::OBSERVATION_HOURS as f32;
                ledger.lasting(Record { measured, limit, ..record });
            }
        }
    }
}

/// Whether it counts against the robot that this rule raised the level. A person's stop does not,
/// nor the end of a controlled stop: nobody may have a reason to spare a stop.
const fn is_event(rule: Rule) -> bool {
    !matches!(rule, Rule::OperatorStop | Rule::GoSafe | Rule::SettleStatic)
}
