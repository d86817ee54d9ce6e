//! MJCF (the subset that real robots use) into a [`RobotModel`].

use std::cmp::Ordering;

use mjcf_rs::body::{Body, GeomType, InertiaSpec, Joint as MjcfJoint, JointType};
use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};

use crate::capsules;
use crate::tree::{Frame, Inertia, Joint, JointKind, RobotModel};

/// Where an MJCF body ended up: on which link, and how it lies there.
#[derive(Clone, Copy)]
struct Placed {
    link: usize,
    rotation: Matrix3<f64>,
    position: Vector3<f64>,
}

/// Reads `xml`. The error says which element breaks which rule.
pub(crate) fn read(xml: &str) -> Result<RobotModel, String> {
    let mjcf = mjcf_rs::Model::from_str(xml, ".").map_err(|error| error.to_string())?;
    let mut model = RobotModel {
        name: mjcf.name.clone().unwrap_or_default(),
        floating: false,
        base: Inertia::ZERO,
        joints: Vec::new(),
        frames: Vec::new(),
        capsules: Vec::new(),
        gravity: Vector3::new(0.0, 0.0, -9.81),
    };
    let mut placed: Vec<Option<Placed>> = vec![None; mjcf.bodies.len()];
    for (id, entry) in mjcf.bodies_iter() {
        let parent = entry.parent.and_then(|parent| placed.get(parent).copied().flatten());
        placed[id] = add_body(&mut model, &entry.body, parent)?;
    }
    if model.mass() <= 0.0 {
        return Err("no body under <worldbody> has a mass".into());
    }
    Ok(model)
}

fn add_body(
    model: &mut RobotModel,
    body: &Body,
    parent: Option<Placed>,
) -> Result<Option<Placed>, String> {
    let name = body.name.as_deref().unwrap_or("(unnamed)");
    let (rotation, position) = pose(&body.pose);
    let mut hinges = body.joints.iter().filter(|joint| joint.type_ != JointType::Free);
    let free = body.joints.iter().any(|joint| joint.type_ == JointType::Free);
    let placed = match (parent, hinges.next()) {
        (None, None) => {
            model.floating = free;
            let identity = Matrix3::identity();
            Placed { link: 0, rotation: identity, position: Vector3::zeros() }
        }
        (None, Some(joint)) => {
            let root =
                Placed { link: 0, rotation: Matrix3::identity(), position: Vector3::zeros() };
            add_joint(model, name, joint, root, rotation, position)?
        }
        (Some(parent), Some(joint)) => add_joint(model, name, joint, parent, rotation, position)?,
        (Some(parent), None) => Placed {
            link: parent.link,
            rotation: parent.rotation * rotation,
            position: parent.position + parent.rotation * position,
        },
    };
    if hinges.next().is_some() {
        return Err(format!("body {name}: more than one joint on one body is not supported"));
    }
    let inertia = body_inertia(body, name)?.moved(&placed.rotation, &placed.position);
    let link = match placed.link {
        0 => &mut model.base,
        link => &mut model.joints[link - 1].inertia,
    };
    *link = link.joined(&inertia);
    add_frames(model, body, placed);
    Ok(Some(placed))
}

fn add_joint(
    model: &mut RobotModel,
    body: &str,
    joint: &MjcfJoint,
    parent: Placed,
    rotation: Matrix3<f64>,
    position: Vector3<f64>,
) -> Result<Placed, String> {
    let name = joint.name.clone().unwrap_or_else(|| body.to_owned());
    let kind = match joint.type_ {
        JointType::Hinge => JointKind::Revolute,
        JointType::Slide => JointKind::Prismatic,
        _ => return Err(format!("joint {name}: ball joints are not supported")),
    };
    let axis = Vector3::from(joint.axis);
    if axis.norm().partial_cmp(&1e-9) != Some(Ordering::Greater) {
        return Err(format!("joint {name}: the axis must not be zero"));
    }
    if model.joint(&name).is_some() {
        return Err(format!("joint {name}: the name is used twice"));
    }
    if let Some([low, high]) = joint.range
        && low.partial_cmp(&high) != Some(Ordering::Less)
    {
        return Err(format!("joint {name}: range=\"{low} {high}\" must rise from low to high"));
    }
    // The link frame sits at the joint's anchor; the body lies in it by minus the anchor.
    let anchor = Vector3::from(joint.pos);
    model.joints.push(Joint {
        name,
        parent: parent.link,
        rotation: parent.rotation * rotation,
        position: parent.position + parent.rotation * (position + rotation * anchor),
        axis: axis.normalize(),
        kind,
        inertia: Inertia::ZERO,
        armature: joint.armature,
        range: joint.range,
    });
    Ok(Placed { link: model.joints.len(), rotation: Matrix3::identity(), position: -anchor })
}

fn add_frames(model: &mut RobotModel, body: &Body, placed: Placed) {
    let at = |point: Vector3<f64>| placed.position + placed.rotation * point;
    for site in &body.sites {
        if let Some(name) = &site.name {
            let position = at(pose(&site.pose).1);
            model.frames.push(Frame {
                name: name.clone(),
                link: placed.link,
                position,
                radius: 0.0,
            });
        }
    }
    for geom in &body.geoms {
        let body_at = (&placed.rotation, &placed.position);
        if let Some(shape) = capsules::around(geom, placed.link, body_at, pose(&geom.pose)) {
            capsules::join(&mut model.capsules, shape);
        }
        if let (Some(name), GeomType::Sphere) = (&geom.name, geom.type_) {
            let position = at(pose(&geom.pose).1);
            let radius = geom.size[0];
            model.frames.push(Frame { name: name.clone(), link: placed.link, position, radius });
        }
    }
}

fn body_inertia(body: &Body, name: &str) -> Result<Inertia, String> {
    let Some(inertial) = &body.inertial else {
        return if body.geoms.is_empty() {
            Ok(Inertia::ZERO)
        } else {
            Err(format!("body {name}: give an <inertial>; inertia from geoms is not supported yet"))
        };
    };
    let about_com = match inertial.inertia {
        InertiaSpec::Diagonal([x, y, z]) => Matrix3::from_diagonal(&Vector3::new(x, y, z)),
        InertiaSpec::Full([xx, yy, zz, xy, xz, yz]) => {
            Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz)
        }
    };
    let eigen = about_com.symmetric_eigenvalues();
    let physical = inertial.mass > 0.0
        && eigen.iter().all(|e| e.is_finite() && *e >= 0.0)
        && eigen.max() * 2.0 <= eigen.sum() * (1.0 + 1e-6);
    if !physical {
        return Err(format!(
            "body {name}: mass {} kg with principal inertia {:.3e} {:.3e} {:.3e} kg m^2 is not \
             physical (mass > 0, and no principal inertia above the sum of the other two)",
            inertial.mass, eigen[0], eigen[1], eigen[2]
        ));
    }
    let (rotation, position) = pose(&inertial.pose);
    let own = Inertia { mass: inertial.mass, com: Vector3::zeros(), about_com };
    Ok(own.moved(&rotation, &position))
}

fn pose(pose: &mjcf_rs::Pose) -> (Matrix3<f64>, Vector3<f64>) {
    let (r, t) = (pose.rotation, pose.translation);
    let unit = UnitQuaternion::from_quaternion(Quaternion::new(r.w, r.x, r.y, r.z));
    (unit.to_rotation_matrix().into_inner(), Vector3::new(t.x, t.y, t.z))
}
