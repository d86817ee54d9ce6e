//! Where every link is and how it moves, seen from the base.

mod velocity;

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{DMatrix, Matrix3, Vector3};

use crate::manifold::Pose;
use crate::real::sin_cos;
use crate::tree::{Inertia, Joint, JointKind, RobotModel};

/// In which axes, and at which point, a velocity of a frame is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axes {
    /// The frame's own axes, at its origin.
    Local,
    /// World axes, at the frame's origin.
    LocalWorldAligned,
    /// World axes, at the world's origin.
    World,
}

/// Where a link is, in the base frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkPlace {
    pub(crate) rotation: Matrix3<f64>,
    pub(crate) position: Vector3<f64>,
}

impl LinkPlace {
    const BASE: Self = Self {
        rotation: Matrix3::new(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        position: Vector3::new(0.0, 0.0, 0.0),
    };
}

/// Link poses in the base frame for one set of joint positions, and link velocities for one set of
/// joint velocities.
#[derive(Clone, Debug)]
pub struct Kinematics {
    places: Vec<LinkPlace>,
    motion: Vec<velocity::LinkMotion>,
}

impl Kinematics {
    /// Memory for `model`; all joints at zero and at rest.
    #[must_use]
    pub fn new(model: &RobotModel) -> Self {
        let links = model.joint_count() + 1;
        let mut all = Self {
            places: vec![LinkPlace::BASE; links],
            motion: vec![velocity::LinkMotion::REST; links],
        };
        all.update(model, &vec![0.0; model.joint_count()]);
        all
    }

    /// Places every link for joint positions `q`, rad or m, in model order.
    pub fn update(&mut self, model: &RobotModel, q: &[f64]) {
        for (k, (joint, &q)) in model.joints.iter().zip(q).enumerate() {
            let (inner, outer) = self.places.split_at_mut(k + 1);
            let parent = &inner[joint.parent];
            let position = parent.position + parent.rotation * joint.position;
            let frame = parent.rotation * joint.rotation;
            outer[0] = match joint.kind {
                JointKind::Revolute => {
                    LinkPlace { rotation: turned(&frame, &joint.axis, q), position }
                }
                JointKind::Prismatic => {
                    let slid = frame * (joint.axis * q);
                    LinkPlace { rotation: frame, position: position + slid }
                }
            };
        }
    }

    /// All links, the base first.
    pub(crate) fn places(&self) -> &[LinkPlace] {
        &self.places
    }

    /// All links with how they move, the base first.
    pub(crate) fn links(&self) -> impl Iterator<Item = (&LinkPlace, &velocity::LinkMotion)> {
        self.places.iter().zip(&self.motion)
    }

    /// One of them.
    pub(crate) fn link(&self, link: usize) -> (&LinkPlace, &velocity::LinkMotion) {
        (&self.places[link], &self.motion[link])
    }

    /// Rotation of `link` in the base frame.
    #[must_use]
    pub fn rotation(&self, link: usize) -> &Matrix3<f64> {
        &self.places[link].rotation
    }

    /// Origin of `link` in the base frame, m.
    #[must_use]
    pub fn position(&self, link: usize) -> &Vector3<f64> {
        &self.places[link].position
    }

    /// Place of frame `frame` in the base frame, m.
    #[must_use]
    pub fn point(&self, model: &RobotModel, frame: usize) -> Vector3<f64> {
        let frame = &model.frames[frame];
        let link = &self.places[frame.link];
        link.position + link.rotation * frame.position
    }

    /// Attitude of frame `frame` in the base frame.
    #[must_use]
    pub fn attitude(&self, model: &RobotModel, frame: usize) -> Matrix3<f64> {
        let frame = &model.frames[frame];
        self.places[frame.link].rotation * frame.rotation
    }

    /// The Jacobian of frame `frame`, 6 x nv: its velocity `[linear; angular]` per velocity of the
    /// base (`[linear; angular]`, base frame, where it floats) and of the joints, with the base at
    /// `base` in the world.
    pub fn jacobian(
        &self,
        model: &RobotModel,
        frame: usize,
        axes: Axes,
        base: &Pose,
        jacobian: &mut DMatrix<f64>,
    ) {
        jacobian.as_mut_slice().fill(0.0);
        let at = self.point(model, frame);
        let turn = match axes {
            Axes::Local => self.attitude(model, frame).transpose(),
            Axes::LocalWorldAligned | Axes::World => base.matrix(),
        };
        let place = match axes {
            Axes::Local | Axes::LocalWorldAligned => Vector3::zeros(),
            Axes::World => base.position + turn * at,
        };
        // From base axes, at the frame's origin.
        let mut write = |column: usize, linear: Vector3<f64>, angular: Vector3<f64>| {
            let angular = turn * angular;
            let linear = turn * linear + place.cross(&angular);
            let mut column = jacobian.fixed_view_mut::<6, 1>(0, column);
            column.fixed_rows_mut::<3>(0).copy_from(&linear);
            column.fixed_rows_mut::<3>(3).copy_from(&angular);
        };
        let offset = model.velocity_count() - model.joint_count();
        if model.floating {
            for axis in 0..3 {
                let unit = Vector3::ith(axis, 1.0);
                write(axis, unit, Vector3::zeros());
                write(axis + 3, unit.cross(&at), unit);
            }
        }
        let mut link = model.frames[frame].link;
        while link > 0 {
            let joint = &model.joints[link - 1];
            let angular = match joint.kind {
                JointKind::Revolute => self.axis(model, link - 1),
                JointKind::Prismatic => Vector3::zeros(),
            };
            write(offset + link - 1, self.column(model, link - 1, &at), angular);
            link = joint.parent;
        }
    }

    /// Axis of joint `joint` in the base frame, unit vector.
    #[must_use]
    pub fn axis(&self, model: &RobotModel, joint: usize) -> Vector3<f64> {
        self.places[joint + 1].rotation * model.joints[joint].axis
    }

    /// Velocity of the base-frame point `at` (fixed to the link that joint `joint` carries, or to
    /// one further out) per unit velocity of that joint: a column of its Jacobian, base frame.
    #[must_use]
    pub fn column(&self, model: &RobotModel, joint: usize, at: &Vector3<f64>) -> Vector3<f64> {
        let axis = self.axis(model, joint);
        match model.joints[joint].kind {
            JointKind::Revolute => axis.cross(&(at - self.places[joint + 1].position)),
            JointKind::Prismatic => axis,
        }
    }

    /// The whole robot as one rigid body in its present posture, base frame.
    #[must_use]
    pub fn composite(&self, model: &RobotModel) -> Inertia {
        model.joints.iter().zip(&self.places[1..]).fold(model.base, |all, (joint, link)| {
            all.joined(&joint.inertia.moved(&link.rotation, &link.position))
        })
    }
}

/// Pose of the link on `joint` at position `q`, in the parent link.
#[inline]
pub(crate) fn joint_placement(joint: &Joint, q: f64) -> (Matrix3<f64>, Vector3<f64>) {
    match joint.kind {
        JointKind::Revolute => (turned(&joint.rotation, &joint.axis, q), joint.position),
        JointKind::Prismatic => {
            (joint.rotation, joint.position + joint.rotation * (joint.axis * q))
        }
    }
}

/// `frame` after a turn by `q` rad about its own unit vector `axis`: a turn about a coordinate
/// axis, either way, mixes two columns.
#[inline]
pub(crate) fn turned(frame: &Matrix3<f64>, axis: &Vector3<f64>, q: f64) -> Matrix3<f64> {
    let (sin, cos) = sin_cos(q);
    let column = |k: usize| -> Vector3<f64> { frame.column(k).into_owned() };
    let (x, y, z) = (column(0), column(1), column(2));
    match [axis.x, axis.y, axis.z] {
        [way, 0.0, 0.0] => {
            let sin = way * sin;
            Matrix3::from_columns(&[x, y * cos + z * sin, z * cos - y * sin])
        }
        [0.0, way, 0.0] => {
            let sin = way * sin;
            Matrix3::from_columns(&[x * cos - z * sin, y, z * cos + x * sin])
        }
        [0.0, 0.0, way] => {
            let sin = way * sin;
            Matrix3::from_columns(&[x * cos + y * sin, y * cos - x * sin, z])
        }
        _ => frame * askew(axis, sin, cos),
    }
}

/// A turn about the unit vector `axis`, whatever its direction. It is rare, and inside `turned` it
/// takes registers from the others: 5 % of the link placements.
#[inline(never)]
fn askew(axis: &Vector3<f64>, sin: f64, cos: f64) -> Matrix3<f64> {
    let along = axis * axis.transpose();
    along + (Matrix3::identity() - along) * cos + axis.cross_matrix() * sin
}
