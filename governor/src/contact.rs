//! How fast the body may touch a person (power and force limiting, regulation notes 6.3, H2).
//!
//! A contact is two masses and a spring: the speed `v` at which robot and body region meet loads
//! the region with `F = v sqrt(k mu)`, where `1/mu = 1/m_region + 1/m_robot`.

use signals::{MetresPerSecond, Newtons};

use crate::profile::{ProfileError, all_hold, not_negative, positive};

/// Body regions that a limit table distinguishes.
pub const REGIONS: usize = 16;

/// A region of the human body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum BodyRegion {
    /// Skull.
    Skull,
    /// Forehead.
    Forehead,
    /// Face.
    Face,
    /// Neck.
    Neck,
    /// Back.
    Back,
    /// Shoulder.
    Shoulder,
    /// Chest.
    Chest,
    /// Abdomen.
    Abdomen,
    /// Pelvis.
    Pelvis,
    /// Upper arm and elbow.
    UpperArm,
    /// Forearm and wrist.
    Forearm,
    /// Hand.
    Hand,
    /// Finger.
    Finger,
    /// Thigh.
    Thigh,
    /// Knee.
    Knee,
    /// Lower leg.
    LowerLeg,
}

impl BodyRegion {
    /// All regions, in order.
    pub const ALL: [Self; REGIONS] = [
        Self::Skull,
        Self::Forehead,
        Self::Face,
        Self::Neck,
        Self::Back,
        Self::Shoulder,
        Self::Chest,
        Self::Abdomen,
        Self::Pelvis,
        Self::UpperArm,
        Self::Forearm,
        Self::Hand,
        Self::Finger,
        Self::Thigh,
        Self::Knee,
        Self::LowerLeg,
    ];

    /// Part of the head: no fast contact is permitted there at all.
    #[must_use]
    pub const fn is_head(self) -> bool {
        matches!(self, Self::Skull | Self::Forehead | Self::Face)
    }
}

/// What one region bears.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RegionLimit {
    /// Force it bears when it is pressed, positive.
    pub force: Newtons,
    /// Pressure it bears when it is pressed, N/cm^2, positive.
    pub pressure: f32,
    /// Its stiffness, N/mm, positive.
    pub stiffness: f32,
    /// Its effective mass, kg, positive.
    pub mass: f32,
    /// How many times the force it bears for a moment, at least 1.
    pub transient: f32,
}

/// Limits of contact by region. `None` for a region no part of the robot may reach in this
/// deployment: that is then for the layout to guarantee.
pub type ContactLimits = [Option<RegionLimit>; REGIONS];

/// How fast the body may touch a person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContactRule {
    /// The limits of each region the robot may reach, in the order of [`BodyRegion::ALL`].
    pub limits: ContactLimits,
    /// Mass of the robot that takes part in a contact, kg, positive.
    pub mass: f32,
    /// Smallest area of the robot that meets a person, cm^2, positive: turns pressure into force.
    pub area: f32,
    /// Radius of the body around the base origin, all limbs within, m, not negative: what turning
    /// adds.
    pub radius: f32,
    /// Highest speed where the head can be reached, not negative (H2: 0.15 m/s).
    pub head_speed: MetresPerSecond,
}

impl ContactRule {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let sound = |limit: &RegionLimit| {
            [limit.force.0, limit.pressure, limit.stiffness, limit.mass]
                .iter()
                .all(|n| positive(*n))
                && (1.0..=10.0).contains(&limit.transient)
        };
        let limits = self.limits.iter().flatten().all(sound);
        let any = self.limits.iter().any(Option::is_some);
        all_hold(&[
            ("contact.limits", limits, "positive and at most 1e6, the transient factor 1 to 10"),
            ("contact.limits", any, "given for at least one region"),
            ("contact.mass", positive(self.mass), "positive and at most 1e6"),
            ("contact.area", positive(self.area), "positive and at most 1e6"),
            ("contact.radius", not_negative(self.radius), "0 to 1e6"),
            ("contact.head_speed", not_negative(self.head_speed.0), "0 to 1e6"),
        ])
    }

    /// Highest speed at which the robot may meet this region; `None` where it is not reached.
    #[must_use]
    pub fn speed_for(&self, region: BodyRegion) -> Option<MetresPerSecond> {
        let limit = self.limits.get(region as usize).copied().flatten()?;
        let force = limit.force.0.min(limit.pressure * self.area) * limit.transient;
        let mass = 1.0 / (1.0 / limit.mass + 1.0 / self.mass);
        let speed = force / libm::sqrtf(limit.stiffness * 1e3 * mass);
        let most = if region.is_head() { self.head_speed.0 } else { f32::INFINITY };
        Some(MetresPerSecond(speed.min(most)))
    }

    /// Highest speed of any point of the body: that of the region that bears least.
    #[must_use]
    pub fn speed(&self) -> MetresPerSecond {
        let speeds = BodyRegion::ALL.iter().filter_map(|region| self.speed_for(*region));
        speeds.reduce(MetresPerSecond::min).unwrap_or_default()
    }
}
