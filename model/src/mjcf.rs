//! MJCF (the subset that real robots use) into a [`RobotModel`].

use std::path::Path;

use mjcf_rs::body::{Body, Geom, GeomType, InertiaSpec, Joint as MjcfJoint, JointType};
use mjcf_rs::compiler::{Compiler, InertiaFromGeom};
use mjcf_rs::equality::Equality;
use mjcf_rs::extras::ActuatorKind;
use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};

use crate::capsules::{self, StandIn};
use crate::kinematics::turned;
use crate::model_file::{Flaw, Placed, Placement};
use crate::shape::{self, Solid};
use crate::tree::{FrameKind, Inertia, Joint, JointKind, RobotModel};

/// Reads `xml`; files that it includes lie in `folder`.
pub(crate) fn read(xml: &str, folder: &Path) -> Result<RobotModel, Flaw> {
    let mjcf = mjcf_rs::Model::from_str(xml, folder)
        .map_err(|error| Flaw::new("", "", error.to_string(), "mend the element it names"))?;
    let mut model = RobotModel::empty(mjcf.name.clone().unwrap_or_default(), false);
    model.gravity = Vector3::from(mjcf.option.gravity);
    let mut placed: Vec<Placed> = vec![Placed::on(0); mjcf.bodies.len()];
    let mut stand_ins = Vec::new();
    for (id, entry) in mjcf.bodies_iter() {
        let parent = entry.parent.unwrap_or_default();
        let top = parent == 0;
        let at = placed.get(parent).copied().unwrap_or(Placed::on(0));
        let body = &entry.body;
        if let Some(name) = &body.name
            && model.frame_of(FrameKind::Body, name).is_some()
        {
            let fix = "give each body a name of its own";
            return Err(Flaw::new("body", name, "the name is used twice", fix));
        }
        let here = place(&mut model, body, at, top)?;
        let inertia = add_body(&mut model, body, here, &mjcf.compiler)?;
        if let Some(stands) = replace_mesh(&mut model, body, here, &inertia) {
            stand_ins.push((body.name.clone().unwrap_or_default(), stands));
        }
        if let Some(place) = placed.get_mut(id) {
            *place = here;
        }
    }
    report(&mjcf, folder, &mut model)?;
    capsules::report_stand_ins(&stand_ins, &mut model.warnings);
    drive(&mjcf, &mut model);
    keep_keyframes(&mjcf, &mut model);
    Ok(model)
}

/// Puts a body on the link that its joints make, or on its parent's.
fn place(model: &mut RobotModel, body: &Body, parent: Placed, top: bool) -> Result<Placed, Flaw> {
    let name = body.name.as_deref().unwrap_or_default();
    let free = body.joints.iter().any(|joint| joint.type_ == JointType::Free);
    if free {
        let alone = top && model.joints.is_empty() && model.base.mass == 0.0;
        if !alone || body.joints.len() > 1 {
            let rule =
                "only the first body of the robot may have a free joint, and no other with it";
            let fix = "keep loose objects in a scene of their own";
            return Err(Flaw::new("body", name, rule, fix));
        }
        model.floating = true;
        model.base_name = name.to_owned();
        return Ok(Placed::on(0));
    }
    if top && model.base_name.is_empty() {
        model.base_name = name.to_owned();
    }
    let mut placed = parent.at(pose(&body.pose));
    // Several joints of one body follow each other.
    for joint in &body.joints {
        placed = add_joint(model, name, joint, placed)?;
    }
    Ok(placed)
}

fn add_body(
    model: &mut RobotModel,
    body: &Body,
    placed: Placed,
    compiler: &Compiler,
) -> Result<Inertia, Flaw> {
    let inertia = body_inertia(body, compiler)?.moved(&placed.rotation, &placed.position);
    let whole = model.body_mut(placed.link);
    *whole = whole.joined(&inertia);
    if let Some(name) = &body.name {
        model.name_place(FrameKind::Body, name, placed, 0.0);
    }
    add_points(model, body, placed);
    Ok(inertia)
}

/// Of a body that collides by a mesh; what is only shown has its capsules already.
fn replace_mesh(
    model: &mut RobotModel,
    body: &Body,
    placed: Placed,
    inertia: &Inertia,
) -> Option<StandIn> {
    let collides = |geom: &&Geom| geom.contype != 0 || geom.conaffinity != 0;
    let mesh = |geom: &&Geom| matches!(geom.type_, GeomType::Mesh | GeomType::Sdf);
    body.geoms.iter().filter(mesh).find(collides)?;
    if body.geoms.iter().any(|geom| !collides(&geom) && solid(geom).is_some()) {
        return Some(StandIn::Shown);
    }
    Some(capsules::replace_mesh(model, placed.link, inertia, core::iter::empty()))
}

fn add_joint(
    model: &mut RobotModel,
    body: &str,
    joint: &MjcfJoint,
    at: Placed,
) -> Result<Placed, Flaw> {
    let name = joint.name.clone().unwrap_or_else(|| body.to_owned());
    let flaw = |rule: String, fix| Err(Flaw::new("joint", &name, rule, fix));
    let kind = match joint.type_ {
        JointType::Hinge => JointKind::Revolute,
        JointType::Slide => JointKind::Prismatic,
        _ => {
            let rule = "ball joints are not supported";
            return flaw(rule.into(), "use three hinges in a row");
        }
    };
    let axis = Vector3::from(joint.axis);
    if !(axis.norm() > 1e-9 && axis.norm().is_finite()) {
        return flaw("the axis must not be zero".into(), "give a direction, like 0 0 1");
    }
    let axis = axis.normalize();
    // The link frame sits at the joint's anchor; the body lies in it by minus the anchor. At the
    // reference position the body lies as the file puts it.
    let anchor = Vector3::from(joint.pos);
    let (rotation, mut position) = (at.rotation, at.position + at.rotation * anchor);
    let rotation = match kind {
        JointKind::Revolute => turned(&rotation, &axis, -joint.ref_),
        JointKind::Prismatic => {
            position -= rotation * axis * joint.ref_;
            rotation
        }
    };
    model.joints.push(Joint {
        name: name.clone(),
        parent: at.link,
        rotation,
        position,
        axis,
        kind,
        inertia: Inertia::ZERO,
        link: body.to_owned(),
        armature: joint.armature,
        damping: joint.damping,
        friction: joint.frictionloss,
        range: joint.range.filter(|_| joint.limited.resolve(true, true)),
        effort: None,
        speed: None,
    });
    // The frame of the joint lies at its anchor, turned like the body.
    let carried = Placed::on(model.joints.len());
    model.name_place(FrameKind::Joint, &name, carried, 0.0);
    Ok(Placed { position: -anchor, ..carried })
}

fn add_points(model: &mut RobotModel, body: &Body, placed: Placed) {
    for site in &body.sites {
        if let Some(name) = &site.name {
            model.name_place(FrameKind::Site, name, placed.at(pose(&site.pose)), 0.0);
        }
    }
    for geom in &body.geoms {
        let shape = solid(geom).and_then(|(solid, pose)| capsules::around(solid, &placed.at(pose)));
        if let Some(shape) = shape {
            capsules::join(&mut model.capsules, shape);
        }
        if let (Some(name), GeomType::Sphere) = (&geom.name, geom.type_) {
            model.name_place(FrameKind::Sphere, name, placed.at(pose(&geom.pose)), geom.size[0]);
        }
    }
}

fn body_inertia(body: &Body, compiler: &Compiler) -> Result<Inertia, Flaw> {
    let name = body.name.as_deref().unwrap_or_default();
    let fix = "take mass and inertia of the body from the CAD model";
    let inertia = match (&body.inertial, compiler.inertia_from_geom) {
        (Some(inertial), InertiaFromGeom::Auto | InertiaFromGeom::False) => {
            let about_com = match inertial.inertia {
                InertiaSpec::Diagonal([x, y, z]) => Matrix3::from_diagonal(&Vector3::new(x, y, z)),
                InertiaSpec::Full([xx, yy, zz, xy, xz, yz]) => {
                    Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz)
                }
            };
            let own = Inertia { mass: inertial.mass, com: Vector3::zeros(), about_com };
            if own.mass.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
                let rule = format!("mass {} kg is not physical: it must be above 0", own.mass);
                return Err(Flaw::new("body", name, rule, fix));
            }
            let (rotation, position) = pose(&inertial.pose);
            own.moved(&rotation, &position)
        }
        (None, InertiaFromGeom::False) => Inertia::ZERO,
        _ => body.geoms.iter().try_fold(Inertia::ZERO, |all, geom| {
            Ok::<_, Flaw>(all.joined(&geom_inertia(geom, name, compiler)?))
        })?,
    };
    match inertia.flaw() {
        Some(rule) => Err(Flaw::new("body", name, rule, fix)),
        None => Ok(inertia),
    }
}

/// Mass and inertia of a geom of even density.
fn geom_inertia(geom: &Geom, body: &str, compiler: &Compiler) -> Result<Inertia, Flaw> {
    let density = geom.density.unwrap_or(compiler.inertia_density);
    let massless = geom.mass.unwrap_or(density) == 0.0;
    match solid(geom) {
        _ if massless => Ok(Inertia::ZERO),
        Some((solid, (rotation, position))) => {
            let mass = geom.mass.unwrap_or_else(|| density * solid.volume());
            Ok(solid.inertia(mass).moved(&rotation, &position))
        }
        None if geom.type_ == GeomType::Mesh => {
            let rule = "the inertia of a mesh is not worked out";
            Err(Flaw::new("body", body, rule, "give the body its <inertial>"))
        }
        None => Ok(Inertia::ZERO),
    }
}

/// A geom that has a size of its own, and how it lies in its body.
fn solid(geom: &Geom) -> Option<(Solid, Placement)> {
    let half_length = |size: f64| geom.fromto.map_or(size, shape::half_length);
    let [x, y, z] = geom.size;
    let solid = match geom.type_ {
        GeomType::Sphere => Solid::Ellipsoid([x, x, x]),
        GeomType::Ellipsoid => Solid::Ellipsoid([x, y, z]),
        GeomType::Box => Solid::Box([x, y, half_length(z)]),
        GeomType::Capsule => Solid::Capsule { radius: x, half_length: half_length(y) },
        GeomType::Cylinder => Solid::Cylinder { radius: x, half_length: half_length(y) },
        GeomType::Plane | GeomType::Hfield | GeomType::Mesh | GeomType::Sdf => return None,
    };
    Some((solid, geom.fromto.map_or_else(|| pose(&geom.pose), shape::between)))
}

/// What the file holds and this model does not.
fn report(mjcf: &mjcf_rs::Model, folder: &Path, model: &mut RobotModel) -> Result<(), Flaw> {
    let mut warn = |what: String| model.warnings.push(what);
    for equality in &mjcf.equality {
        let (tag, common) = match equality {
            Equality::Connect(connect) => ("connect", &connect.common),
            Equality::Weld(weld) => ("weld", &weld.common),
            Equality::Joint(joint) => {
                let driven = joint.joint2.as_deref().unwrap_or("a constant");
                warn(format!(
                    "joint {:?} follows {driven:?}: taken as a joint of its own",
                    joint.joint1
                ));
                continue;
            }
            Equality::Tendon(_) => {
                warn("an equality of tendons is left out".into());
                continue;
            }
        };
        if common.active {
            let name = common.name.as_deref().unwrap_or_default();
            let rule = "it closes a kinematic loop";
            let fix = "cut the loop at one joint; closed chains are not supported";
            return Err(Flaw::new(tag, name, rule, fix));
        }
    }
    if !mjcf.tendons.is_empty() {
        warn(format!("{} tendons are left out", mjcf.tendons.len()));
    }
    let files = mjcf.assets.meshes.iter().filter_map(|mesh| mjcf.resolve_mesh_file(mesh, folder));
    let missing: Vec<_> = files.filter(|file| !file.is_file()).collect();
    if let Some(first) = missing.first() {
        let count = missing.len();
        warn(format!("{count} mesh files are not found, the first is {:?}", first.display()));
    }
    Ok(())
}

/// Takes the highest torque of each joint from its actuator.
fn drive(mjcf: &mjcf_rs::Model, model: &mut RobotModel) {
    for actuator in &mjcf.actuators {
        let joint = actuator.joint.as_deref().and_then(|name| model.joint(name));
        let plain = actuator.kind == ActuatorKind::Motor;
        let range = actuator.force_range.or(actuator.ctrl_range.filter(|_| plain));
        if let (Some(joint), Some([low, high])) = (joint, range) {
            let most = low.abs().max(high.abs()) * actuator.gear[0].abs();
            model.joints[joint].effort = (most > 0.0 && most.is_finite()).then_some(most);
        }
    }
}

fn keep_keyframes(mjcf: &mjcf_rs::Model, model: &mut RobotModel) {
    let offset = if model.floating { 7 } else { 0 };
    for (index, key) in mjcf.keyframes.iter().enumerate() {
        let name = key.name.clone().unwrap_or_else(|| format!("key {index}"));
        match key.qpos.get(offset..) {
            Some(joints) if joints.len() == model.joints.len() => {
                model.keyframes.push((name, joints.to_vec()));
            }
            _ => model.warnings.push(format!("keyframe {name:?} does not fit the joints")),
        }
    }
}

fn pose(pose: &mjcf_rs::Pose) -> Placement {
    let (r, t) = (pose.rotation, pose.translation);
    let unit = UnitQuaternion::from_quaternion(Quaternion::new(r.w, r.x, r.y, r.z));
    (unit.to_rotation_matrix().into_inner(), Vector3::new(t.x, t.y, t.z))
}
