//! URDF into a [`RobotModel`]. Links on fixed joints are welded to what they hang on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use nalgebra::{Matrix3, Rotation3, Vector3};
use urdf_rs::{Geometry, JointType, Link, Pose};

use crate::capsules::{self, StandIn};
use crate::model_file::{Base, Flaw, Placed, Placement};
use crate::shape::Solid;
use crate::tree::{FrameKind, Inertia, Joint, JointKind, RobotModel};

/// A part this much smaller than the link it is welded to may be a placeholder without a shape.
const PLACEHOLDER: f64 = 1e-4;

pub(crate) fn read(xml: &str, folder: &Path, base: Base) -> Result<RobotModel, Flaw> {
    // An empty texture says nothing, but the library asks for its file.
    let plain = xml.replace("<texture />", "").replace("<texture/>", "");
    let robot = urdf_rs::read_from_string(&plain).map_err(|error| {
        let rule = error.to_string().trim().replace('\n', ", ");
        Flaw::new("", "", rule, "mend the element that the message names")
    })?;
    let mut links: BTreeMap<&str, &Link> = BTreeMap::new();
    for link in &robot.links {
        if links.insert(&link.name, link).is_some() {
            let rule = "the name is used twice";
            return Err(Flaw::new("link", &link.name, rule, "give each link a name of its own"));
        }
    }
    let tree = Tree::of(&robot, &links)?;
    let root = tree.root;
    let floating = match base {
        Base::Unsaid => root != "world",
        Base::Floating => true,
        Base::Fixed => false,
    };
    let mut model = RobotModel::empty(robot.name.clone(), floating);
    model.base_name = root.to_owned();
    report_meshes(&robot, folder, &mut model.warnings);
    let (mut parts, mut stand_ins) = (Vec::new(), Vec::new());
    let mut open = vec![(root, Placed::on(0))];
    while let Some((name, placed)) = open.pop() {
        if let Some(link) = links.get(name) {
            let inertia = add_link(&mut model, link, placed)?;
            if let Some(stands) = add_capsules(&mut model, link, placed, &inertia) {
                stand_ins.push((link.name.clone(), stands));
            }
            parts.push((*link, placed, inertia));
        }
        // The last comes first off the stack: children in the order of the file.
        for joint in tree.children(name).rev() {
            open.push((&joint.child.link, add_joint(&mut model, joint, placed)?));
        }
    }
    if parts.len() < robot.links.len() {
        let reached = |name: &str| parts.iter().any(|(link, ..)| link.name == name);
        let name = robot.links.iter().find(|link| !reached(&link.name)).map_or("", |l| &l.name);
        let rule = format!("{root:?} does not lead to it: it hangs on itself, a kinematic loop");
        return Err(Flaw::new("link", name, rule, "cut the loop at one joint"));
    }
    capsules::report_stand_ins(&stand_ins, &mut model.warnings);
    for (link, placed, inertia) in parts {
        if let Some(rule) = inertia.flaw() {
            judge_part(&mut model, link, placed.link, &inertia, rule)?;
        }
    }
    Ok(model)
}

/// Which link hangs on which.
struct Tree<'a> {
    root: &'a str,
    joints: BTreeMap<&'a str, Vec<&'a urdf_rs::Joint>>,
}

impl<'a> Tree<'a> {
    fn of(robot: &'a urdf_rs::Robot, links: &BTreeMap<&str, &Link>) -> Result<Self, Flaw> {
        let mut joints: BTreeMap<&str, Vec<&urdf_rs::Joint>> = BTreeMap::new();
        let mut carried = BTreeSet::new();
        for joint in &robot.joints {
            for end in [&joint.parent.link, &joint.child.link] {
                if !links.contains_key(end.as_str()) {
                    let rule = format!("{end:?} is not a link of the file");
                    return Err(Flaw::new("joint", &joint.name, rule, "name a <link> of the file"));
                }
            }
            if !carried.insert(joint.child.link.as_str()) {
                let rule = format!("{:?} hangs on two joints: a kinematic loop", joint.child.link);
                let fix = "cut the loop at one joint; closed chains are not supported";
                return Err(Flaw::new("joint", &joint.name, rule, fix));
            }
            joints.entry(&joint.parent.link).or_default().push(joint);
        }
        let roots: Vec<&str> = robot
            .links
            .iter()
            .map(|link| link.name.as_str())
            .filter(|l| !carried.contains(l))
            .collect();
        let fix = "connect every link to one first link by joints";
        match roots.as_slice() {
            [root] => Ok(Self { root, joints }),
            [] => {
                let rule = "every link hangs on a joint: a kinematic loop without a first link";
                Err(Flaw::new("robot", "", rule, fix))
            }
            [_, second, ..] => {
                let rule = format!("{} links hang on nothing: {}", roots.len(), roots.join(", "));
                Err(Flaw::new("link", second, rule, fix))
            }
        }
    }

    fn children(&self, link: &str) -> impl DoubleEndedIterator<Item = &&'a urdf_rs::Joint> {
        self.joints.get(link).into_iter().flatten()
    }
}

fn add_link(model: &mut RobotModel, link: &Link, placed: Placed) -> Result<Inertia, Flaw> {
    let inertial = &link.inertial;
    let i = &inertial.inertia;
    let own = Inertia {
        mass: inertial.mass.value,
        com: Vector3::zeros(),
        about_com: Matrix3::new(i.ixx, i.ixy, i.ixz, i.ixy, i.iyy, i.iyz, i.ixz, i.iyz, i.izz),
    };
    let finite = own.about_com.iter().all(|number| number.is_finite());
    if !(own.mass.is_finite() && own.mass >= 0.0 && finite) {
        let rule =
            format!("mass {} kg and inertia must be finite, the mass not below zero", own.mass);
        return Err(Flaw::new("link", &link.name, rule, "take both from the CAD model"));
    }
    let (rotation, position) = pose(&inertial.origin);
    let inertia = own.moved(&rotation, &position).moved(&placed.rotation, &placed.position);
    let whole = model.body_mut(placed.link);
    *whole = whole.joined(&inertia);
    model.name_place(FrameKind::Body, &link.name, placed, 0.0);
    Ok(inertia)
}

/// Capsules around what the link collides by, and what stands for its meshes.
fn add_capsules(
    model: &mut RobotModel,
    link: &Link,
    placed: Placed,
    inertia: &Inertia,
) -> Option<StandIn> {
    let around = |(geometry, origin): (&Geometry, &Pose)| {
        capsules::around(solid(geometry)?, &placed.at(pose(origin)))
    };
    let touched = || link.collision.iter().map(|shape| (&shape.geometry, &shape.origin));
    for shape in touched().filter_map(around) {
        capsules::join(&mut model.capsules, shape);
    }
    touched().find(|(geometry, _)| solid(geometry).is_none())?;
    let shown = link.visual.iter().map(|shape| (&shape.geometry, &shape.origin));
    Some(capsules::replace_mesh(model, placed.link, inertia, shown.filter_map(around)))
}

/// A geometry that has a size of its own.
fn solid(geometry: &Geometry) -> Option<Solid> {
    Some(match geometry {
        Geometry::Box { size } => Solid::Box(size.0.map(|side| 0.5 * side)),
        Geometry::Sphere { radius } => Solid::Ellipsoid([*radius; 3]),
        Geometry::Cylinder { radius, length } => {
            Solid::Cylinder { radius: *radius, half_length: 0.5 * length }
        }
        Geometry::Capsule { radius, length } => {
            Solid::Capsule { radius: *radius, half_length: 0.5 * length }
        }
        Geometry::Mesh { .. } => return None,
    })
}

/// A part whose inertia no body can have is passed over where it turns like a body together with
/// what it is welded to; one below zero only where it is next to nothing.
fn judge_part(
    model: &mut RobotModel,
    link: &Link,
    at: usize,
    part: &Inertia,
    rule: String,
) -> Result<(), Flaw> {
    let whole = *model.body_mut(at);
    let size = |inertia: &Matrix3<f64>| inertia.abs().max();
    let small = part.mass <= PLACEHOLDER * whole.mass
        && size(&part.about_com) <= PLACEHOLDER * size(&whole.about_com);
    if (part.is_negative() && !small) || whole.flaw().is_some() {
        let fix = "take mass and inertia of the link from the CAD model";
        return Err(Flaw::new("link", &link.name, rule, fix));
    }
    let what = format!("link {:?}: {rule}; welded to its neighbour it is", link.name);
    model.warnings.push(what);
    Ok(())
}

fn add_joint(
    model: &mut RobotModel,
    joint: &urdf_rs::Joint,
    parent: Placed,
) -> Result<Placed, Flaw> {
    let placed = parent.at(pose(&joint.origin));
    let flaw = |rule: String, fix| Err(Flaw::new("joint", &joint.name, rule, fix));
    let kind = match joint.joint_type {
        JointType::Revolute | JointType::Continuous => JointKind::Revolute,
        JointType::Prismatic => JointKind::Prismatic,
        JointType::Fixed => {
            model.name_place(FrameKind::FixedJoint, &joint.name, placed, 0.0);
            return Ok(placed);
        }
        JointType::Floating | JointType::Planar | JointType::Spherical => {
            let rule = "floating, planar and spherical joints are not supported".into();
            return flaw(rule, "use revolute, continuous, prismatic or fixed joints");
        }
    };
    let axis = Vector3::from(joint.axis.xyz.0);
    if !(axis.norm() > 1e-9 && axis.norm().is_finite()) {
        return flaw("the axis must not be zero".into(), "give a direction, like 0 0 1");
    }
    let limit = &joint.limit;
    let (low, high) = (limit.lower, limit.upper);
    // Without a <limit> the library gives zeros; such a joint may be looked at, not run.
    let said = low != high && joint.joint_type != JointType::Continuous;
    let known = |number: f64| (number > 0.0 && number.is_finite()).then_some(number);
    if !said && joint.joint_type != JointType::Continuous {
        let what = format!("joint {:?} has no limits of position: it cannot be run", joint.name);
        model.warnings.push(what);
    }
    if let Some(mimic) = &joint.mimic {
        let what =
            format!("joint {:?} mimics {:?}: taken as a joint of its own", joint.name, mimic.joint);
        model.warnings.push(what);
    }
    let dynamics = joint.dynamics.as_ref();
    model.joints.push(Joint {
        name: joint.name.clone(),
        parent: parent.link,
        rotation: placed.rotation,
        position: placed.position,
        axis: axis.normalize(),
        kind,
        inertia: Inertia::ZERO,
        link: joint.child.link.clone(),
        armature: 0.0,
        damping: dynamics.map_or(0.0, |dynamics| dynamics.damping),
        friction: dynamics.map_or(0.0, |dynamics| dynamics.friction),
        range: said.then_some([low, high]),
        effort: known(limit.effort),
        speed: known(limit.velocity),
    });
    let carried = Placed::on(model.joints.len());
    model.name_place(FrameKind::Joint, &joint.name, carried, 0.0);
    Ok(carried)
}

/// A mesh that cannot be found matters to whoever looks at the robot, not to its dynamics.
fn report_meshes(robot: &urdf_rs::Robot, folder: &Path, warnings: &mut Vec<String>) {
    let mut missing = BTreeSet::new();
    for link in &robot.links {
        let shapes = link.visual.iter().map(|v| &v.geometry);
        for shape in shapes.chain(link.collision.iter().map(|c| &c.geometry)) {
            if let Geometry::Mesh { filename, .. } = shape
                && !resolved(filename, folder)
            {
                missing.insert(filename.as_str());
            }
        }
    }
    if let Some(first) = missing.first() {
        let count = missing.len();
        warnings.push(format!("{count} mesh files are not found, the first is {first:?}"));
    }
}

/// Whether a mesh is there: `package://NAME/PATH` is looked for beside the folders above the file.
fn resolved(name: &str, folder: &Path) -> bool {
    match name.strip_prefix("package://") {
        Some(inside) => {
            let within = inside.split_once('/').map_or(inside, |(_, path)| path);
            folder
                .ancestors()
                .take(5)
                .any(|above| above.join(inside).is_file() || above.join(within).is_file())
        }
        None => folder.join(name.strip_prefix("file://").unwrap_or(name)).is_file(),
    }
}

fn pose(pose: &Pose) -> Placement {
    let [roll, pitch, yaw] = pose.rpy.0;
    let rotation = Rotation3::from_euler_angles(roll, pitch, yaw).into_inner();
    (rotation, Vector3::from(pose.xyz.0))
}
