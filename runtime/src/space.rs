//! Place, people and contact: the optional tables of a robot's file as the governor's rules.

use std::time::Duration;

use governor::{
    Anatomy, BalanceRule, BodyRegion, Capsule, ContactRule, Fence, FootPoint, HeightBand, Hinge,
    KEEP_OUT_MAX, KeepOut, OverspeedRule, PersonRule, Polygon, REGIONS, RegionLimit,
    SelfCollisionRule,
};
use model::{
    BalanceFile, ContactLimitsFile, ContactRegion, ContactRuleFile, FenceFile, HeightFile,
    JointKind, OverspeedFile, PersonFile, Robot, SelfCollisionFile,
};
use signals::{
    Feet, FootId, JointId, Joints, Metres, MetresPerSecond, MetresPerSecondSquared, Newtons,
    RadiansPerSecond,
};

/// A length of time of a file. One that is none is longer than any profile permits.
pub(crate) fn ms(value: f64) -> Duration {
    Duration::try_from_secs_f64(value * 1e-3).unwrap_or(Duration::MAX)
}

pub(crate) fn fence(file: &FenceFile) -> Fence {
    let point = |[x, y]: [f32; 2]| [Metres(x), Metres(y)];
    let corners: Vec<_> = file.corners_m.iter().map(|corner| point(*corner)).collect();
    let mut keep_out = [KeepOut::default(); KEEP_OUT_MAX];
    for (slot, at) in keep_out.iter_mut().zip(&file.keep_out) {
        *slot = KeepOut { low: point(at.low_m), high: point(at.high_m) };
    }
    Fence {
        area: (!corners.is_empty()).then(|| Polygon::unchecked(&corners)),
        keep_out,
        keep_outs: file.keep_out.len(),
        radius: Metres(file.radius_m),
        margin: Metres(file.margin_m),
        braking: MetresPerSecondSquared(file.braking_m_s2),
        reaction: ms(file.reaction_ms),
    }
}

pub(crate) const fn height(file: &HeightFile) -> HeightBand {
    HeightBand { low: Metres(file.low_m), high: Metres(file.high_m) }
}

pub(crate) fn overspeed(file: &OverspeedFile) -> OverspeedRule {
    OverspeedRule {
        planar: MetresPerSecond(file.planar_m_s),
        yaw: RadiansPerSecond(file.yaw_rad_s),
        lasting: ms(file.lasting_ms),
    }
}

pub(crate) fn balance(file: &BalanceFile) -> BalanceRule {
    BalanceRule {
        stance: file.stance_m.map(Metres),
        reach: Metres(file.reach_m),
        shrink: Metres(file.shrink_m),
        reaction: ms(file.reaction_ms),
        lost: ms(file.lost_ms),
        horizon: ms(file.horizon_ms),
    }
}

pub(crate) const fn self_collision(file: &SelfCollisionFile) -> SelfCollisionRule {
    SelfCollisionRule { margin: file.margin_m, band: file.band_m }
}

/// The limbs of the model, as the governor knows them.
pub(crate) fn anatomy(robot: &Robot) -> Anatomy {
    let model = &robot.model;
    let link = |link: usize| u8::try_from(link).unwrap_or(u8::MAX);
    let hinge = |id: JointId| {
        let joint = &model.joints[id.index()];
        Hinge {
            parent: link(joint.parent),
            at: joint.position.data.0[0].map(single),
            turn: joint.attitude().map(single),
            axis: joint.axis.data.0[0].map(single),
            slides: joint.kind == JointKind::Prismatic,
        }
    };
    let foot = |id: FootId| {
        let frame = &model.frames[robot.feet[id.index()].frame];
        FootPoint { link: link(frame.link), at: frame.position.data.0[0].map(single) }
    };
    let feet =
        if robot.feet.is_empty() { Feet::default() } else { Feet::from_fn(robot.feet.len(), foot) };
    let mut anatomy = Anatomy {
        joints: Joints::from_fn(model.joint_count(), hinge),
        capsule_count: model.capsules.len(),
        feet,
        ..Anatomy::default()
    };
    for (slot, shape) in anatomy.capsules.iter_mut().zip(&model.capsules) {
        *slot = Capsule {
            link: link(shape.link),
            from: shape.from.data.0[0].map(single),
            to: shape.to.data.0[0].map(single),
            radius: single(shape.radius),
        };
    }
    if let Some(rule) = &robot.file.governor.self_collision {
        let found = robot.capsule_pairs(f64::from(rule.margin_m + rule.band_m));
        anatomy.pair_count = found.len();
        for (slot, (a, b)) in anatomy.pairs.iter_mut().zip(found) {
            *slot = (link(a), link(b));
        }
    }
    anatomy
}

const fn single(number: f64) -> f32 {
    number as f32
}

pub(crate) fn person(file: &PersonFile) -> PersonRule {
    PersonRule {
        radius: Metres(file.radius_m),
        intrusion: Metres(file.intrusion_m),
        inner: Metres(file.inner_m),
        braking: MetresPerSecondSquared(file.braking_m_s2),
        reaction: ms(file.reaction_ms),
        speed: MetresPerSecond(file.speed_m_s),
        age_max: ms(file.age_max_ms),
        silence_max: ms(file.silence_max_ms),
        silent_scale: file.silent_scale,
        fall_zone: Metres(file.fall_zone_m),
    }
}

/// The limits of the regions the robot may reach; the load has checked that each has a row.
pub(crate) fn contact(file: &ContactRuleFile, table: &ContactLimitsFile) -> ContactRule {
    let mut limits = [None; REGIONS];
    for at in &file.regions {
        let limit = table.region.get(at).map(|row| RegionLimit {
            force: Newtons(row.force_n),
            pressure: row.pressure_n_cm2,
            stiffness: row.stiffness_n_mm,
            mass: row.mass_kg,
            transient: row.transient_factor,
        });
        limits[region(*at) as usize] = limit;
    }
    ContactRule {
        limits,
        mass: file.mass_kg,
        area: file.area_cm2,
        radius: file.radius_m,
        head_speed: MetresPerSecond(file.head_speed_m_s),
    }
}

const fn region(of: ContactRegion) -> BodyRegion {
    match of {
        ContactRegion::Skull => BodyRegion::Skull,
        ContactRegion::Forehead => BodyRegion::Forehead,
        ContactRegion::Face => BodyRegion::Face,
        ContactRegion::Neck => BodyRegion::Neck,
        ContactRegion::Back => BodyRegion::Back,
        ContactRegion::Shoulder => BodyRegion::Shoulder,
        ContactRegion::Chest => BodyRegion::Chest,
        ContactRegion::Abdomen => BodyRegion::Abdomen,
        ContactRegion::Pelvis => BodyRegion::Pelvis,
        ContactRegion::UpperArm => BodyRegion::UpperArm,
        ContactRegion::Forearm => BodyRegion::Forearm,
        ContactRegion::Hand => BodyRegion::Hand,
        ContactRegion::Finger => BodyRegion::Finger,
        ContactRegion::Thigh => BodyRegion::Thigh,
        ContactRegion::Knee => BodyRegion::Knee,
        ContactRegion::LowerLeg => BodyRegion::LowerLeg,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use model::{LoadError, Robot};

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");

    const TABLES: &str = r#"
[governor.fence]
corners_m = [[-1.0, -1.0], [4.0, -1.0], [4.0, 3.0], [-1.0, 3.0]]
keep_out = [{ low_m = [1.0, 1.0], high_m = [2.0, 2.0] }]
radius_m = 0.42
margin_m = 0.05
braking_m_s2 = 0.8
reaction_ms = 300.0

[governor.person]
radius_m = 0.42
intrusion_m = 0.2
inner_m = 0.5
braking_m_s2 = 0.8
reaction_ms = 300.0
speed_m_s = 1.6
age_max_ms = 100.0
silence_max_ms = 1000.0
silent_scale = 0.25
fall_zone_m = 1.0

[governor.contact]
limits = "../contact_limits.toml"
regions = ["lower_leg", "knee"]
mass_kg = 15.0
area_cm2 = 10.0
radius_m = 0.42
head_speed_m_s = 0.15
"#;

    fn robot(tables: &str) -> Result<Robot, Box<LoadError>> {
        let folder = Path::new(FOLDER);
        let text = std::fs::read_to_string(folder.join("robot.toml")).unwrap();
        Robot::parse("robot.toml", &format!("{text}{tables}"), |name| {
            Ok(std::fs::read_to_string(folder.join(name)).unwrap())
        })
    }

    /// Clauses: M5, H1, H2.
    #[test]
    fn the_optional_tables_reach_the_governor() {
        let profile = crate::wiring::profile(&robot(TABLES).unwrap());
        assert_eq!(profile.check(), Ok(()));
        let (fence, person) = (profile.fence.unwrap(), profile.person.unwrap());
        assert!(fence.area.unwrap().contains([3.9, 2.9]) && fence.keep_outs == 1);
        assert_eq!(person.speed.0, 1.6);
        let speed = profile.contact.unwrap().speed().0;
        // The knee bears least: 110 N twice, 60 N/mm, 75 kg against 15 kg.
        assert!((speed - 220.0 / (60e3_f32 * 12.5).sqrt()).abs() < 1e-3, "{speed}");
        assert_ne!(robot(TABLES).unwrap().hash, robot("").unwrap().hash);
    }

    /// Clauses: M5, H1, H2, A4.
    #[test]
    fn tables_that_make_no_sense_are_refused() {
        let table = [
            ("[[-1.0, -1.0], [4.0, -1.0], [4.0, 3.0], [-1.0, 3.0]]", "[[0.0, 0.0], [1.0, 0.0]]"),
            ("low_m = [1.0, 1.0]", "low_m = [3.0, 1.0]"),
            ("braking_m_s2 = 0.8", "braking_m_s2 = -0.8"),
            ("reaction_ms = 300.0", "reaction_ms = -300.0"),
            ("silent_scale = 0.25", "silent_scale = 2.5"),
            ("mass_kg = 15.0", "mass_kg = 0.0"),
            ("regions = [\"lower_leg\", \"knee\"]", "regions = []"),
        ];
        for (from, to) in table {
            assert!(TABLES.contains(from), "{from}");
            let profile = crate::wiring::profile(&robot(&TABLES.replacen(from, to, 1)).unwrap());
            assert!(profile.check().is_err(), "{to}");
        }
        let error = robot(&TABLES.replacen("\"knee\"", "\"tail\"", 1)).unwrap_err();
        assert!(error.to_string().contains("tail"), "{error}");
    }
}
