//! A robot folder: read, checked, and turned into the types the layers use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use signals::{
    Damping, FEET_MAX, HardwareLimits, JOINTS_MAX, JointId, JointLimits, Joints,
    KilogramMetresSquared, NewtonMetres, NewtonMetresPerSecond, Radians, RadiansPerSecond,
    RadiansPerSecondCubed, RadiansPerSecondSquared, Seconds, Stiffness,
};

use crate::envelope_file::ContactLimitsFile;
use crate::file::{JointGroupFile, PostureFile, RobotFile};
use crate::model_file::Base;
use crate::sections;
use crate::toml_source::{LoadError, TomlSource};
use crate::tree::RobotModel;

/// A foot of the robot.
#[derive(Clone, Debug, PartialEq)]
pub struct Foot {
    /// Short name.
    pub name: String,
    /// Sphere geom of the model file.
    pub geom: String,
    /// Frame of the model at the sphere's centre.
    pub frame: usize,
    /// Radius of the sphere, m.
    pub radius: f64,
    /// The joints that move it, from the base outwards.
    pub chain: Vec<usize>,
}

/// A named posture.
#[derive(Clone, Debug, PartialEq)]
pub struct PostureAngles {
    /// Height of the base above flat ground, m.
    pub base_height: f64,
    /// Joint positions in model order, rad.
    pub joints: Vec<f64>,
}

/// A robot folder, read and checked: everything the layers may know about the robot.
#[derive(Clone, Debug)]
pub struct Robot {
    /// Where it came from, for messages.
    pub origin: String,
    /// The numbers of `robot.toml`.
    pub file: RobotFile,
    /// The text of the MJCF file.
    pub model_xml: String,
    /// The tree of rigid bodies.
    pub model: RobotModel,
    /// Limits in joint order.
    pub limits: HardwareLimits,
    /// Feet, in order.
    pub feet: Vec<Foot>,
    /// Down, standing by itself.
    pub settled: PostureAngles,
    /// On its feet; of a body without any the settled posture, where the file names no other.
    pub stand: PostureAngles,
    /// All postures of the file, by name.
    pub postures: BTreeMap<String, PostureAngles>,
    /// Limits of contact with people, where `[governor.contact]` names a file of them.
    pub contact: Option<ContactLimitsFile>,
    /// SHA-256 of `robot.toml` and the files it names together.
    pub hash: [u8; 32],
}

impl Robot {
    /// Reads the robot folder (or its `robot.toml`) at `path`.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, key, rule and fix.
    pub fn load(path: &Path) -> Result<Self, Box<LoadError>> {
        let file = if path.is_dir() { path.join("robot.toml") } else { path.to_path_buf() };
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        let text = read(&file)?;
        Self::parse(&file.display().to_string(), &text, |name| read(&folder.join(name)))
    }

    /// Reads a robot from the text of its `robot.toml`; `beside` gives the text of a file beside
    /// it.
    ///
    /// # Errors
    /// As [`Robot::load`].
    pub fn parse(
        origin: &str,
        text: &str,
        beside: impl Fn(&str) -> Result<String, Box<LoadError>>,
    ) -> Result<Self, Box<LoadError>> {
        let source = TomlSource::new(origin, text);
        let file: RobotFile = source.read()?;
        if file.schema != "triune.robot/1" {
            let rule = format!("schema must be \"triune.robot/1\", found {:?}", file.schema);
            return Err(source.error("schema", rule, "use a robot file of this version"));
        }
        let model_xml = beside(&file.model_file)?;
        let name = Path::new(origin).with_file_name(&file.model_file);
        let folder = name.parent().unwrap_or(Path::new("."));
        let name = name.display().to_string();
        let model = RobotModel::parse(&name, &model_xml, folder, Base::Unsaid)?;
        sections::check(&source, model.floating)?;
        let check = Check { source: &source, file: &file, model: &model };
        let limits = check.limits()?;
        let feet = check.feet()?;
        let postures = check.postures()?;
        let settled = check.required(&postures, "settled")?;
        let stand = postures.get("stand").unwrap_or(&settled).clone();
        check.numbers()?;
        let names: Vec<_> = model.joints.iter().map(|joint| joint.name.as_str()).collect();
        crate::bus_file::check(&source, &file.bus, &names)?;
        sections::check_script(&source, &file)?;
        let (contact_text, contact) = check.contact(beside)?;
        let hash = Sha256::new().chain_update(text).chain_update(&model_xml);
        let hash = hash.chain_update(contact_text).finalize().into();
        let origin = origin.to_owned();
        Ok(Self {
            origin,
            file,
            model_xml,
            model,
            limits,
            feet,
            settled,
            stand,
            postures,
            contact,
            hash,
        })
    }

    /// The pairs of capsules that can meet although they are further apart than `kept` m while the
    /// robot rests or stands, most often near first.
    #[must_use]
    pub fn capsule_pairs(&self, kept: f64) -> Vec<(usize, usize)> {
        let limits = self.limits.joints.iter();
        let limits: Vec<_> = limits.map(|l| [f64::from(l.q_min.0), f64::from(l.q_max.0)]).collect();
        let resting = [self.settled.joints.as_slice(), self.stand.joints.as_slice()];
        crate::capsules::pairs(&self.model, &limits, &resting, kept)
    }

    /// Joint names in order.
    pub fn joint_names(&self) -> impl Iterator<Item = &str> {
        self.model.joints.iter().map(|joint| joint.name.as_str())
    }
}

fn read(path: &PathBuf) -> Result<String, Box<LoadError>> {
    std::fs::read_to_string(path).map_err(|error| {
        Box::new(LoadError {
            file: path.display().to_string(),
            text: String::new(),
            span: None,
            key: String::new(),
            rule: format!("the file must be readable: {error}"),
            fix: "check the path; a robot folder holds robot.toml and the files it names".into(),
        })
    })
}

/// The rules that need more than one value at a time.
struct Check<'a> {
    source: &'a TomlSource<'a>,
    file: &'a RobotFile,
    model: &'a RobotModel,
}

/// Lightest load, as a part of the heaviest one, of a joint whose file does not say it.
const INERTIA_SHARE: f32 = 0.25;
/// Change of torque, N m/s, of a drive whose file does not say what it can follow.
const TORQUE_RATE: f32 = 1000.0;
/// Torque for ever, as a part of the highest, of a motor whose file does not say it.
const CONTINUOUS_SHARE: f32 = 1.0 / 3.0;
/// Thermal time constant, s, of a motor whose file does not say it.
const THERMAL_TIME: f32 = 20.0;

type Checked<T> = Result<T, Box<LoadError>>;

impl Check<'_> {
    fn limits(&self) -> Checked<HardwareLimits> {
        let count = self.model.joint_count();
        if count == 0 || count > JOINTS_MAX {
            let rule = format!("a robot has 1 to {JOINTS_MAX} joints, the model has {count}");
            return Err(self.source.error("model_file", rule, "use a model with that many joints"));
        }
        let mut limits: BTreeMap<usize, JointLimits> = BTreeMap::new();
        for (group, table) in &self.file.joints {
            let of_group = self.group_limits(group, table)?;
            for (index, name) in table.names.iter().enumerate() {
                let key = format!("joints.{group}.names.{index}");
                let Some(joint) = self.model.joint(name) else {
                    let rule = format!("{name:?} is not a joint of {}", self.file.model_file);
                    return Err(self.source.error(
                        &key,
                        rule,
                        "use a joint name of the model file",
                    ));
                };
                self.within_range(group, table, joint)?;
                if limits.insert(joint, of_group).is_some() {
                    let rule = format!("{name:?} is in two groups");
                    return Err(self.source.error(&key, rule, "keep each joint in one group"));
                }
            }
        }
        if let Some(missing) = (0..count).find(|joint| !limits.contains_key(joint)) {
            let rule =
                format!("joint {:?} of the model has no limits", self.model.joints[missing].name);
            return Err(self.source.error("joints", rule, "add it to a group under [joints]"));
        }
        let joints = Joints::from_fn(count, |id: JointId| limits[&id.index()]);
        Ok(HardwareLimits {
            joints,
            emergency_damping: Damping(self.file.emergency_damping_nm_s_rad),
        })
    }

    fn group_limits(&self, group: &str, table: &JointGroupFile) -> Checked<JointLimits> {
        let error = |key: &str, rule: String, fix: &str| {
            Err(self.source.error(&format!("joints.{group}.{key}"), rule, fix))
        };
        if table.position_min_rad >= table.position_max_rad {
            let rule = format!(
                "position_min_rad ({}) must be below position_max_rad ({})",
                table.position_min_rad, table.position_max_rad
            );
            return error("position_min_rad", rule, "swap the two, or correct the wrong one");
        }
        for (key, value) in [
            ("velocity_max_rad_s", table.velocity_max_rad_s),
            ("torque_max_nm", table.torque_max_nm),
            ("corner_speed_rad_s", table.corner_speed_rad_s),
            ("braking_rad_s2", table.braking_rad_s2),
            ("stiffness_max_nm_rad", table.stiffness_max_nm_rad),
            ("damping_max_nm_s_rad", table.damping_max_nm_s_rad),
            ("inertia_min_kg_m2", table.inertia_min_kg_m2.unwrap_or(1.0)),
            ("acceleration_max_rad_s2", table.acceleration_max_rad_s2.unwrap_or(1.0)),
            ("jerk_max_rad_s3", table.jerk_max_rad_s3.unwrap_or(1.0)),
            ("torque_rate_max_nm_s", table.torque_rate_max_nm_s.unwrap_or(1.0)),
            ("torque_continuous_nm", table.torque_continuous_nm.unwrap_or(1.0)),
            ("thermal_time_s", table.thermal_time_s.unwrap_or(1.0)),
        ] {
            if value <= 0.0 {
                return error(key, format!("must be above 0, found {value}"), "give its magnitude");
            }
        }
        if table.no_load_speed_rad_s <= table.corner_speed_rad_s {
            let rule = "no_load_speed_rad_s must be above corner_speed_rad_s".into();
            return error("no_load_speed_rad_s", rule, "take both from the motor's data sheet");
        }
        Ok(JointLimits {
            q_min: Radians(table.position_min_rad),
            q_max: Radians(table.position_max_rad),
            dq_max: RadiansPerSecond(table.velocity_max_rad_s),
            tau_max: NewtonMetres(table.torque_max_nm),
            corner_speed: RadiansPerSecond(table.corner_speed_rad_s),
            no_load_speed: RadiansPerSecond(table.no_load_speed_rad_s),
            braking: RadiansPerSecondSquared(table.braking_rad_s2),
            kp_max: Stiffness(table.stiffness_max_nm_rad),
            kd_max: Damping(table.damping_max_nm_s_rad),
            inertia_min: KilogramMetresSquared(
                table
                    .inertia_min_kg_m2
                    .unwrap_or_else(|| INERTIA_SHARE * table.torque_max_nm / table.braking_rad_s2),
            ),
            acceleration_max: RadiansPerSecondSquared(
                table.acceleration_max_rad_s2.unwrap_or(JointLimits::UNLIMITED),
            ),
            jerk_max: RadiansPerSecondCubed(
                table.jerk_max_rad_s3.unwrap_or(JointLimits::UNLIMITED),
            ),
            torque_rate: NewtonMetresPerSecond(table.torque_rate_max_nm_s.unwrap_or(TORQUE_RATE)),
            torque_continuous: NewtonMetres(
                table.torque_continuous_nm.unwrap_or(CONTINUOUS_SHARE * table.torque_max_nm),
            ),
            thermal_time: Seconds(table.thermal_time_s.unwrap_or(THERMAL_TIME)),
        })
    }

    /// Limits may be tighter than the mechanical stops, never wider.
    fn within_range(&self, group: &str, table: &JointGroupFile, joint: usize) -> Checked<()> {
        let joint = &self.model.joints[joint];
        let Some([low, high]) = joint.range else {
            return Ok(());
        };
        for (key, value) in [
            ("position_min_rad", f64::from(table.position_min_rad)),
            ("position_max_rad", f64::from(table.position_max_rad)),
        ] {
            if value < low || value > high {
                let rule = format!(
                    "{value:.4} lies outside the mechanical stops {low} to {high} of {} in {}",
                    joint.name, self.file.model_file
                );
                let key = format!("joints.{group}.{key}");
                return Err(self.source.error(&key, rule, "keep it inside the mechanical stops"));
            }
        }
        Ok(())
    }

    fn feet(&self) -> Checked<Vec<Foot>> {
        if self.file.feet.len() > FEET_MAX {
            let rule = format!("at most {FEET_MAX} feet, found {}", self.file.feet.len());
            return Err(self.source.error("feet", rule, "remove the surplus"));
        }
        if self.file.gait.offsets.len() != self.file.feet.len() {
            let rule = format!(
                "one offset for each of the {} feet, found {}",
                self.file.feet.len(),
                self.file.gait.offsets.len()
            );
            return Err(self.source.error("gait.offsets", rule, "give one number per foot"));
        }
        let foot = |(index, foot): (usize, &crate::file::FootFile)| {
            let Some(frame) = self.model.frame(&foot.geom) else {
                let rule = format!("{:?} is not a named sphere of the model", foot.geom);
                let key = format!("feet.{index}.geom");
                return Err(self.source.error(&key, rule, "name a sphere geom of the model file"));
            };
            let at = &self.model.frames[frame];
            let chain = self.model.chain(at.link);
            let (name, geom) = (foot.name.clone(), foot.geom.clone());
            Ok(Foot { name, geom, frame, radius: at.radius, chain })
        };
        self.file.feet.iter().enumerate().map(foot).collect()
    }

    fn postures(&self) -> Checked<BTreeMap<String, PostureAngles>> {
        let all = self.file.postures.iter();
        all.map(|(name, table)| Ok((name.clone(), self.posture(name, table)?))).collect()
    }

    fn required(
        &self,
        postures: &BTreeMap<String, PostureAngles>,
        name: &str,
    ) -> Checked<PostureAngles> {
        postures.get(name).cloned().ok_or_else(|| {
            let rule = format!("the posture {name:?} is required");
            self.source.error("postures", rule, "add a table for it")
        })
    }

    fn posture(&self, name: &str, table: &PostureFile) -> Checked<PostureAngles> {
        let key = format!("postures.{name}");
        let mut joints = vec![0.0; self.model.joint_count()];
        for (group, limits) in &self.file.joints {
            let angle = self.angle(&key, table, group)?;
            if angle < f64::from(limits.position_min_rad)
                || angle > f64::from(limits.position_max_rad)
            {
                let rule = format!(
                    "{angle} lies outside the limits {} to {} of the group",
                    limits.position_min_rad, limits.position_max_rad
                );
                let key = format!("{key}.joints_rad.{group}");
                return Err(self.source.error(&key, rule, "choose an angle inside the limits"));
            }
            for name in &limits.names {
                if let Some(joint) = self.model.joint(name) {
                    joints[joint] = angle;
                }
            }
        }
        Ok(PostureAngles { base_height: table.base_height_m, joints })
    }

    fn angle(&self, key: &str, table: &PostureFile, group: &str) -> Checked<f64> {
        table.joints_rad.get(group).copied().ok_or_else(|| {
            let rule = format!("no angle for the joint group {group:?}");
            self.source.error(&format!("{key}.joints_rad"), rule, "give one angle per group")
        })
    }

    /// The text and the rows of the file of contact limits, where one is named.
    fn contact(
        &self,
        beside: impl Fn(&str) -> Result<String, Box<LoadError>>,
    ) -> Checked<(String, Option<ContactLimitsFile>)> {
        let Some(rule) = &self.file.governor.contact else { return Ok((String::new(), None)) };
        let text = beside(&rule.limits)?;
        let limits = ContactLimitsFile::parse(&rule.limits, &text)?;
        if let Some(missing) = rule.regions.iter().find(|at| !limits.region.contains_key(at)) {
            let what = format!("{} has no limits for {missing:?}", rule.limits);
            let fix = "add a table for the region to that file";
            return Err(self.source.error("governor.contact.regions", what, fix));
        }
        Ok((text, Some(limits)))
    }

    fn numbers(&self) -> Checked<()> {
        let f = self.file;
        self.in_ranges(&[
            ("control.rate_hz", f.control.rate_hz, 100.0, 4000.0),
            ("control.command_validity_ms", f.control.command_validity_ms, 0.5, 100.0),
            ("board.expire_ms", f.board.expire_ms, 1.0, f.board.damping_ms.min(50.0)),
            ("board.damping_ms", f.board.damping_ms, 1.0, 100.0),
            ("board.torque_off_ms", f.board.torque_off_ms, f.board.damping_ms + 1.0, 2000.0),
            ("board.heartbeat_ms", f.board.heartbeat_ms, 1.0, 500.0),
            ("governor.limited_scale", f.governor.limited_scale.into(), 0.0, 1.0),
            ("governor.tilt_max_deg", f.governor.tilt_max_deg.into(), 5.0, 80.0),
            ("brain.latency_max_ms", f.brain.latency_max_ms, 0.0, 1000.0),
            ("brain.latency_min_ms", f.brain.latency_min_ms, 0.0, f.brain.latency_max_ms),
        ])?;
        if !(1..=16).contains(&f.sim.substeps) {
            let rule = "must be at least 1 and at most 16".into();
            let fix = "choose a value in that range";
            return Err(self.source.error("sim.substeps", rule, fix));
        }
        if self.model.floating { self.numbers_of_legs() } else { self.numbers_of_arm() }
    }

    fn numbers_of_arm(&self) -> Checked<()> {
        let arm = &self.file.arm;
        self.in_ranges(&[
            ("arm.velocity_rad_s", arm.velocity_rad_s, 1e-3, 100.0),
            ("arm.acceleration_rad_s2", arm.acceleration_rad_s2, 1e-3, 1e4),
            ("arm.jerk_rad_s3", arm.jerk_rad_s3, 1e-3, 1e6),
            ("arm.stiffness_nm_rad", arm.stiffness_nm_rad, 0.0, 1e5),
            ("arm.damping_nm_s_rad", arm.damping_nm_s_rad, 0.0, 1e5),
            ("arm.tolerance_rad", arm.tolerance_rad, 1e-4, 1.0),
        ])
    }

    fn numbers_of_legs(&self) -> Checked<()> {
        let f = self.file;
        self.in_ranges(&[
            ("motion.rise_s", f.motion.rise_s, 0.2, 20.0),
            ("motion.settle_s", f.motion.settle_s, 0.2, 20.0),
            ("gait.period_s", f.gait.period_s, 0.1, 2.0),
            ("gait.duty", f.gait.duty[0], 0.5, 0.99),
            ("gait.duty", f.gait.duty[1], 0.5, 0.99),
            ("mpc.rate_hz", f.mpc.rate_hz, 10.0, 500.0),
            ("mpc.step_s", f.mpc.step_s, 0.005, 0.2),
            ("mpc.friction", f.mpc.friction, 0.05, 2.0),
            ("mpc.weight_force", f.mpc.weight_force, 1e-9, 1.0),
            ("sim.lidar_rate_hz", f.sim.lidar_rate_hz, 1.0, 100.0),
        ])?;
        if !(1..=20).contains(&f.mpc.horizon) {
            let rule = "must be at least 1 and at most 20".into();
            let fix = "choose a value in that range";
            return Err(self.source.error("mpc.horizon", rule, fix));
        }
        Ok(())
    }

    /// Each key's value lies between its two bounds.
    fn in_ranges(&self, rows: &[(&str, f64, f64, f64)]) -> Checked<()> {
        for (key, value, low, high) in rows {
            if value < low || value > high {
                let rule = format!("{value} must lie between {low} and {high}");
                return Err(self.source.error(key, rule, "choose a value in that range"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");

    fn edited(from: &str, to: &str) -> Box<LoadError> {
        let folder = Path::new(FOLDER);
        let text = std::fs::read_to_string(folder.join("robot.toml")).unwrap();
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        Robot::parse("robot.toml", &text, |name| read(&folder.join(name))).unwrap_err()
    }

    #[test]
    fn the_quadruped_is_fifteen_kilograms_on_four_feet() {
        let robot = Robot::load(Path::new(FOLDER)).unwrap();
        assert_eq!(robot.model.joint_count(), 12);
        assert!((14.0..16.5).contains(&robot.model.mass()), "{} kg", robot.model.mass());
        assert!(robot.feet.iter().all(|foot| foot.chain.len() == 3));
        let mut kinematics = crate::Kinematics::new(&robot.model);
        kinematics.update(&robot.model, &robot.stand.joints);
        for foot in &robot.feet {
            let below = -kinematics.point(&robot.model, foot.frame).z + foot.radius;
            assert!((below - robot.stand.base_height).abs() < 0.03, "{}: {below} m", foot.name);
        }
    }

    /// Clauses: C1.
    #[test]
    fn broken_files_are_refused_by_name() {
        let table = [
            (
                "position_min_rad = -0.95",
                "position_min_rad = 0.99",
                "position_min_rad (0.99) must be below",
            ),
            ("torque_max_nm = 23.7", "torque_max_nm = nan", "must be finite"),
            ("torque_max_nm = 23.7", "torque_max_nm = -1.0", "above 0"),
            ("swing_height_m = 0.065", "swing_height_m = 0.065\nduti = 1", "unknown field `duti`"),
            ("position_max_rad = 0.95", "position_max_rad = 1.5", "mechanical stops"),
            ("\"FL_hip_joint\", ", "", "has no limits"),
            ("calf = -1.58", "calf = -0.1", "outside the limits"),
            ("geom = \"FL_foot\"", "geom = \"FL_fot\"", "not a named sphere"),
            ("schema = \"triune.robot/1\"", "schema = \"x\"", "triune.robot/1"),
            ("horizon = 10", "horizon = 0", "at least 1"),
            ("damping_ms = 20.0", "damping_ms = 600.0", "between 1 and 100"),
            ("expire_ms = 5.0", "expire_ms = 21.0", "between 1 and 20"),
            ("torque_off_ms = 500.0", "torque_off_ms = 9999.0", "between 21 and 2000"),
        ];
        for (from, to, rule) in table {
            let error = edited(from, to);
            assert!(error.rule.contains(rule), "{to}: {error}");
            assert!(error.line_column().is_some() || rule.contains("no limits"), "{error}");
        }
    }

    #[test]
    fn an_unphysical_model_is_refused() {
        let folder = Path::new(FOLDER);
        let text = read(&folder.join("robot.toml")).unwrap();
        let spoil = |from: &str, to: &str| {
            let xml = read(&folder.join("quadruped.xml")).unwrap().replacen(from, to, 1);
            Robot::parse("robot.toml", &text, |_| Ok(xml.clone())).unwrap_err().rule
        };
        assert!(spoil("mass=\"6.92\"", "mass=\"-1\"").contains("not physical"));
        assert!(spoil("0.0255 0.0985", "9 0.0985").contains("not physical"));
        assert!(spoil("range=\"-1.047 1.047\"", "range=\"1.047 -1.047\"").contains("must rise"));
        assert!(spoil("axis=\"1 0 0\"", "axis=\"0 0 0\"").contains("axis"));
    }
}
