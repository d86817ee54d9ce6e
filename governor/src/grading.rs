//! How much a deployment permits, by what the robot can decide and where it does so: the grid of
//! intelligence level x scenario (regulation notes 7). The stricter of the two counts.

use signals::{BaseVelocity, MetresPerSecond};

use crate::fingerprint::Fingerprint;
use crate::{Profile, StickRule};

/// Where the robot works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Not known: the strictest of all.
    #[default]
    Unknown,
    /// A: a fenced laboratory; people are kept out.
    Lab,
    /// B: an industrial area with trained people.
    Industrial,
    /// C: commercial or public rooms with untrained people.
    Indoor,
    /// D: home, care, children.
    Home,
    /// E: public ground outdoors.
    Outdoor,
}

impl Scenario {
    /// The five known ones, A to E.
    pub const ALL: [Self; 5] =
        [Self::Lab, Self::Industrial, Self::Indoor, Self::Home, Self::Outdoor];

    /// The scenario of a letter from A to E; any other text is unknown.
    #[must_use]
    pub fn of(letter: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.letter() == letter).unwrap_or_default()
    }

    /// Its letter; `?` for the unknown one.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Unknown => "?",
            Self::Lab => "A",
            Self::Industrial => "B",
            Self::Indoor => "C",
            Self::Home => "D",
            Self::Outdoor => "E",
        }
    }

    /// Its row of the grid.
    #[must_use]
    pub fn limits(self) -> GradeLimits {
        let (base, tool, contact, scope) = match self {
            Self::Unknown => {
                return Self::ALL
                    .into_iter()
                    .fold(GradeLimits::OPEN, |strictest, one| strictest.stricter(one.limits()));
            }
            Self::Lab => (3.0, 2.0, Contact::None, Scope::Open),
            Self::Industrial => (1.5, 1.0, Contact::Arms, Scope::Open),
            Self::Indoor => (1.0, 0.5, Contact::Body, Scope::Tasks),
            Self::Home => (0.6, 0.25, Contact::Gentle, Scope::Tasks),
            Self::Outdoor => (1.4, 0.5, Contact::Separated, Scope::Tasks),
        };
        let (base, tool) = (MetresPerSecond(base), MetresPerSecond(tool));
        GradeLimits { base, tool, contact, scope, ..GradeLimits::OPEN }
    }
}

/// How much the robot decides by itself in one dimension, L1 to L5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntelligenceLevel {
    /// Not known: the strictest of all.
    #[default]
    Unknown,
    /// Fixed scripts.
    L1,
    /// Chooses among permitted skills.
    L2,
    /// Sets the parameters of skills.
    L3,
    /// Plans within a list of tasks.
    L4,
    /// Open tasks.
    L5,
}

impl IntelligenceLevel {
    /// The five known ones.
    pub const ALL: [Self; 5] = [Self::L1, Self::L2, Self::L3, Self::L4, Self::L5];

    /// The level of a name from L1 to L5; any other text is unknown.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.name() == name).unwrap_or_default()
    }

    /// Its name; `?` for the unknown one.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "?",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L4 => "L4",
            Self::L5 => "L5",
        }
    }

    /// Its row of the grid.
    #[must_use]
    pub fn limits(self) -> GradeLimits {
        let (scope, residual, observation) = match self {
            Self::Unknown => {
                return Self::ALL
                    .into_iter()
                    .fold(GradeLimits::OPEN, |strictest, one| strictest.stricter(one.limits()));
            }
            Self::L1 => (Scope::Scripts, 0.0, 1.0),
            Self::L2 => (Scope::Skills, 0.10, 0.75),
            Self::L3 => (Scope::Parameters, 0.20, 0.5),
            Self::L4 => (Scope::Tasks, 0.30, 0.5),
            Self::L5 => (Scope::Open, 0.30, 0.25),
        };
        GradeLimits { scope, residual, observation, ..GradeLimits::OPEN }
    }

    /// From here on a cell outside A and B counts as high risk.
    const fn is_high(self) -> bool {
        matches!(self, Self::Unknown | Self::L3 | Self::L4 | Self::L5)
    }
}

/// The level in each dimension of T/CIE 298.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Intelligence {
    /// P: perception and cognition.
    pub perception: IntelligenceLevel,
    /// D: decision and learning.
    pub decision: IntelligenceLevel,
    /// E: execution.
    pub execution: IntelligenceLevel,
    /// C: collaboration.
    pub collaboration: IntelligenceLevel,
}

impl Intelligence {
    /// The same level in every dimension.
    #[must_use]
    pub const fn all(level: IntelligenceLevel) -> Self {
        Self { perception: level, decision: level, execution: level, collaboration: level }
    }

    /// The four levels, P, D, E, C.
    #[must_use]
    pub const fn levels(self) -> [IntelligenceLevel; 4] {
        [self.perception, self.decision, self.execution, self.collaboration]
    }
}

/// How near people may come. Ordered: the smaller is the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Contact {
    /// No people nearby at all.
    None,
    /// Kept apart from people; never a contact.
    Separated,
    /// At most 50 N, and never the head.
    Gentle,
    /// Arms may touch within power and force limits.
    Arms,
    /// The body may touch within power and force limits.
    Body,
    /// This side of the grid says nothing about contact.
    Any,
}

/// What the brain may do. Ordered: the smaller is the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Run fixed scripts.
    Scripts,
    /// Choose among permitted skills.
    Skills,
    /// Set the parameters of skills; a person confirms new ones.
    Parameters,
    /// Plan within a list of tasks.
    Tasks,
    /// Open tasks.
    Open,
}

/// What a row or a cell of the grid permits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradeLimits {
    /// Highest planar speed of the base.
    pub base: MetresPerSecond,
    /// Highest speed of a tool.
    pub tool: MetresPerSecond,
    /// How near people may come.
    pub contact: Contact,
    /// How far the brain may depart from the baseline, part of its range, 0 to 1.
    pub residual: f32,
    /// Part of the speed before the observation period is over, 0 to 1.
    pub observation: f32,
    /// What the brain may do.
    pub scope: Scope,
}

impl GradeLimits {
    /// No limit: where a row of the grid says nothing.
    pub const OPEN: Self = Self {
        base: MetresPerSecond(f32::INFINITY),
        tool: MetresPerSecond(f32::INFINITY),
        contact: Contact::Any,
        residual: 1.0,
        observation: 1.0,
        scope: Scope::Open,
    };

    /// Of each pair the stricter one.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        Self {
            base: self.base.min(other.base),
            tool: self.tool.min(other.tool),
            contact: self.contact.min(other.contact),
            residual: self.residual.min(other.residual),
            observation: self.observation.min(other.observation),
            scope: self.scope.min(other.scope),
        }
    }
}

/// One cell of the grid, with a level for each dimension.
///
/// Clauses: G1, G2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grade {
    /// Where.
    pub scenario: Scenario,
    /// How much it decides by itself.
    pub intelligence: Intelligence,
}

impl Grade {
    /// The stricter of the scenario and of every dimension's level.
    #[must_use]
    pub fn limits(&self) -> GradeLimits {
        let levels = self.intelligence.levels().into_iter();
        levels.fold(self.scenario.limits(), |limits, level| limits.stricter(level.limits()))
    }

    /// Untrained people and a robot that decides: such a cell needs an assessment beforehand (G3).
    ///
    /// Clauses: G3.
    #[must_use]
    pub fn is_high_risk(&self) -> bool {
        !matches!(self.scenario, Scenario::Lab | Scenario::Industrial)
            && self.intelligence.levels().into_iter().any(IntelligenceLevel::is_high)
    }

    pub(crate) fn fingerprint(self, start: Fingerprint) -> Fingerprint {
        let levels = self.intelligence.levels().into_iter();
        levels.fold(start.word(self.scenario as u32), |hash, level| hash.word(level as u32))
    }
}

impl Profile {
    /// The profile within `limits`: every number as strict as before, or stricter.
    #[must_use]
    pub fn graded(self, limits: &GradeLimits) -> Self {
        let stick = StickRule { speed_max: within(self.stick.speed_max, limits), ..self.stick };
        Self { speed_max: within(self.speed_max, limits), stick, ..self }
    }
}

/// `most` made smaller on both axes by one factor, so that no direction is faster than the limit.
fn within(most: BaseVelocity, limits: &GradeLimits) -> BaseVelocity {
    let planar = most.speed();
    if planar <= limits.base {
        return most;
    }
    let part = limits.base / planar;
    let part = if part >= 0.0 { part.min(1.0) } else { 0.0 };
    BaseVelocity { forward: most.forward * part, left: most.left * part, ..most }
}
