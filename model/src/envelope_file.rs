//! The optional tables of `robot.toml` for place, people and contact, and the file of contact
//! limits. What a table leaves out is not checked by the governor.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::file::table;

table! {
    /// Where the base may be.
    FenceFile {
        /// Corners of the permitted area, odometry frame; none where only the boxes count.
        #[serde(default)]
        corners_m: Vec<[f32; 2]>,
        /// Boxes to stay out of.
        #[serde(default)]
        keep_out: Vec<KeepOutFile>,
        /// Radius of the robot's footprint.
        radius_m: f32,
        /// Kept free around it.
        margin_m: f32,
        /// Deceleration of the base that can be counted on.
        braking_m_s2: f32,
        /// From a command to the first slowing.
        reaction_ms: f64,
    }
}

table! {
    /// A box to stay out of, edges along the axes of the odometry frame.
    KeepOutFile {
        /// Corner with the lower coordinates.
        low_m: [f32; 2],
        /// Corner with the higher coordinates.
        high_m: [f32; 2],
    }
}

table! {
    /// Heights the base may have on its feet.
    HeightFile {
        /// Lowest.
        low_m: f32,
        /// Highest.
        high_m: f32,
    }
}

table! {
    /// How much faster than permitted the base may be measured.
    OverspeedFile {
        /// Planar speed beyond the highest permitted one.
        planar_m_s: f32,
        /// Turning beyond the highest permitted one.
        yaw_rad_s: f32,
        /// How long it may last.
        lasting_ms: f64,
    }
}

table! {
    /// How a legged body keeps its balance.
    BalanceFile {
        /// Half length and half width of the rectangle of footholds.
        stance_m: [f32; 2],
        /// How far beyond it one step can be placed.
        reach_m: f32,
        /// How much narrower the feet support than they stand.
        shrink_m: f32,
        /// Until the motion controller answers a push.
        reaction_ms: f64,
        /// How long the capture point may be out of reach.
        lost_ms: f64,
        /// How far ahead the tilt is looked at.
        horizon_ms: f64,
    }
}

table! {
    /// How far the limbs keep apart.
    SelfCollisionFile {
        /// Distance left when two limbs have stopped.
        margin_m: f32,
        /// Beyond the margin: over it the torque toward each other turns to full braking.
        band_m: f32,
    }
}

table! {
    /// Distance to people.
    PersonFile {
        /// Radius of the body, all limbs within.
        radius_m: f32,
        /// How far a hand reaches before it is seen, and the errors of both positions.
        intrusion_m: f32,
        /// Nearer than this the robot stands.
        inner_m: f32,
        /// Deceleration of the base that can be counted on.
        braking_m_s2: f32,
        /// From a reading to the first slowing.
        reaction_ms: f64,
        /// Speed of a person where it is not measured.
        speed_m_s: f32,
        /// Oldest reading that counts.
        age_max_ms: f64,
        /// Silence after which the robot stands.
        silence_max_ms: f64,
        /// Part of the speed permitted while the sensor is silent.
        silent_scale: f32,
        /// Nearer than this the robot stands while its balance is in doubt.
        fall_zone_m: f32,
    }
}

table! {
    /// Contact with people.
    ContactRuleFile {
        /// File of contact limits, beside `robot.toml` or relative to its folder.
        limits: String,
        /// Regions the robot may reach; the layout guarantees that it reaches no other.
        regions: Vec<ContactRegion>,
        /// Mass of the robot that takes part in a contact.
        mass_kg: f32,
        /// Smallest area of the robot that meets a person.
        area_cm2: f32,
        /// Radius of the body, all limbs within.
        radius_m: f32,
        /// Highest speed where the head can be reached.
        head_speed_m_s: f32,
    }
}

table! {
    /// A file of contact limits.
    ContactLimitsFile {
        /// `triune.contact/1`.
        schema: String,
        /// Where the numbers come from, and what they are not.
        source: String,
        /// One table a region.
        region: BTreeMap<ContactRegion, RegionFile>,
    }
}

table! {
    /// What one region of the body bears.
    RegionFile {
        /// Force when it is pressed.
        force_n: f32,
        /// Pressure when it is pressed.
        pressure_n_cm2: f32,
        /// Stiffness.
        stiffness_n_mm: f32,
        /// Effective mass.
        mass_kg: f32,
        /// How many times the force it bears for a moment.
        transient_factor: f32,
        /// Where this row comes from.
        source: String,
    }
}

/// A region of the human body, as a file of contact limits names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactRegion {
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

impl ContactLimitsFile {
    /// Reads a file of contact limits; `file` is its name for messages.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, key, rule and fix.
    pub fn parse(file: &str, text: &str) -> Result<Self, Box<crate::LoadError>> {
        let source = crate::TomlSource::new(file, text);
        let limits: Self = source.read()?;
        if limits.schema != "triune.contact/1" {
            let rule = format!("schema must be \"triune.contact/1\", found {:?}", limits.schema);
            return Err(source.error("schema", rule, "use a limit file of this version"));
        }
        for (region, row) in &limits.region {
            let name = format!("{region:?}");
            let numbers = [
                ("force_n", row.force_n),
                ("pressure_n_cm2", row.pressure_n_cm2),
                ("stiffness_n_mm", row.stiffness_n_mm),
                ("mass_kg", row.mass_kg),
            ];
            if let Some((key, value)) = numbers.into_iter().find(|(_, value)| *value <= 0.0) {
                let rule = format!("{key} of {name} must be above 0, found {value}");
                return Err(source.error("region", rule, "write the magnitude of the limit"));
            }
            if !(1.0..=10.0).contains(&row.transient_factor) {
                let found = row.transient_factor;
                let rule = format!("transient_factor of {name} must be 1 to 10, found {found}");
                return Err(source.error("region", rule, "write 1 where no more is permitted"));
            }
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../robots/contact_limits.toml");

    /// Clauses: H2.
    #[test]
    fn the_shipped_limits_are_read_and_say_what_they_are() {
        let limits = ContactLimitsFile::parse("contact_limits.toml", FILE).unwrap();
        assert_eq!(limits.region.len(), 16);
        assert!(limits.source.contains("approximate") && limits.source.contains("not the"));
        let chest = &limits.region[&ContactRegion::Chest];
        assert_eq!((chest.force_n, chest.stiffness_n_mm, chest.mass_kg), (140.0, 25.0, 40.0));
        // No fast contact with the head.
        for region in [ContactRegion::Skull, ContactRegion::Forehead, ContactRegion::Face] {
            assert!(limits.region[&region].transient_factor <= 1.0);
        }
    }

    /// Clauses: H2, A4.
    #[test]
    fn a_broken_limit_file_is_refused_by_name() {
        let table = [
            ("triune.contact/1", "triune.contact/2", "schema must be"),
            ("force_n = 140.0", "force_n = -140.0", "force_n of"),
            ("force_n = 140.0", "force_n = nan", "every number must be finite"),
            ("transient_factor = 2.0", "transient_factor = 0.0", "transient_factor of"),
            ("[region.chest]", "[region.tail]", "unknown variant `tail`"),
            ("stiffness_n_mm = 25.0\n", "", "missing field `stiffness_n_mm`"),
        ];
        for (from, to, what) in table {
            assert!(FILE.contains(from), "{from}");
            let text = FILE.replacen(from, to, 1);
            let error = ContactLimitsFile::parse("limits.toml", &text).unwrap_err();
            assert!(error.to_string().contains(what), "{error}");
            assert!(error.to_string().starts_with("limits.toml:"), "{error}");
        }
    }
}
