//! Where every link is and how it moves, seen from the base.

mod velocity;

use nalgebra::{DMatrix, Matrix3, Rotation3, Unit, Vector3};

use crate::manifold::Pose;
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

/// Link poses in the base frame for one set of joint positions, and link velocities for one set of
/// joint velocities.
#[derive(Clone, Debug)]
pub struct Kinematics {
    rotation: Vec<Matrix3<f64>>,
    position: Vec<Vector3<f64>>,
    motion: Vec<velocity::LinkMotion>,
}

impl Kinematics {
    /// Memory for `model`; all joints at zero and at rest.
    #[must_use]
    pub fn new(model: &RobotModel) -> Self {
        let links = model.joint_count() + 1;
        let mut all = Self {
            rotation: vec![Matrix3::identity(); links],
            position: vec![Vector3::zeros(); links],
            motion: vec![velocity::LinkMotion::REST; links],
        };
        all.update(model, &vec![0.0; model.joint_count()]);
        all
    }

    /// Places every link for joint positions `q`, rad or m, in model order.
    pub fn update(&mut self, model: &RobotModel, q: &[f64]) {
        for (k, (joint, &q)) in model.joints.iter().zip(q).enumerate() {
            let (rotation, position) = joint_placement(joint, q);
            let parent = self.rotation[joint.parent];
            self.position[k + 1] = self.position[joint.parent] + parent * position;
            self.rotation[k + 1] = parent * rotation;
        }
    }

    /// Rotation of `link` in the base frame.
    #[must_use]
    pub fn rotation(&self, link: usize) -> &Matrix3<f64> {
        &self.rotation[link]
    }

    /// Origin of `link` in the base frame, m.
    #[must_use]
    pub fn position(&self, link: usize) -> &Vector3<f64> {
        &self.position[link]
    }

    /// Place of frame `frame` in the base frame, m.
    #[must_use]
    pub fn point(&self, model: &RobotModel, frame: usize) -> Vector3<f64> {
        let frame = &model.frames[frame];
        self.position[frame.link] + self.rotation[frame.link] * frame.position
    }

    /// Attitude of frame `frame` in the base frame.
    #[must_use]
    pub fn attitude(&self, model: &RobotModel, frame: usize) -> Matrix3<f64> {
        let frame = &model.frames[frame];
        self.rotation[frame.link] * frame.rotation
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
        jacobian.fill(0.0);
        let (at, own) = (self.point(model, frame), self.attitude(model, frame));
        let turn = base.matrix();
        let place = base.position + turn * at;
        // From base axes, at the frame's origin.
        let turned = |linear: Vector3<f64>, angular: Vector3<f64>| match axes {
            Axes::Local => (own.tr_mul(&linear), own.tr_mul(&angular)),
            Axes::LocalWorldAligned => (turn * linear, turn * angular),
            Axes::World => {
                let (linear, angular) = (turn * linear, turn * angular);
                (linear + place.cross(&angular), angular)
            }
        };
        let mut write = |column: usize, (linear, angular): (Vector3<f64>, Vector3<f64>)| {
            for axis in 0..3 {
                jacobian[(axis, column)] = linear[axis];
                jacobian[(axis + 3, column)] = angular[axis];
            }
        };
        let offset = model.velocity_count() - model.joint_count();
        if model.floating {
            for axis in 0..3 {
                let unit = Vector3::ith(axis, 1.0);
                write(axis, turned(unit, Vector3::zeros()));
                write(axis + 3, turned(unit.cross(&at), unit));
            }
        }
        let mut link = model.frames[frame].link;
        while link > 0 {
            let joint = link - 1;
            let linear = self.column(model, joint, &at);
            let angular = match model.joints[joint].kind {
                JointKind::Revolute => self.axis(model, joint),
                JointKind::Prismatic => Vector3::zeros(),
            };
            write(offset + joint, turned(linear, angular));
            link = model.joints[joint].parent;
        }
    }

    /// Axis of joint `joint` in the base frame, unit vector.
    #[must_use]
    pub fn axis(&self, model: &RobotModel, joint: usize) -> Vector3<f64> {
        self.rotation[joint + 1] * model.joints[joint].axis
    }

    /// Velocity of the base-frame point `at` (fixed to the link that joint `joint` carries, or to
    /// one further out) per unit velocity of that joint: a column of its Jacobian, base frame.
    #[must_use]
    pub fn column(&self, model: &RobotModel, joint: usize, at: &Vector3<f64>) -> Vector3<f64> {
        let axis = self.axis(model, joint);
        match model.joints[joint].kind {
            JointKind::Revolute => axis.cross(&(at - self.position[joint + 1])),
            JointKind::Prismatic => axis,
        }
    }

    /// The whole robot as one rigid body in its present posture, base frame.
    #[must_use]
    pub fn composite(&self, model: &RobotModel) -> Inertia {
        model.joints.iter().enumerate().fold(model.base, |all, (k, joint)| {
            all.joined(&joint.inertia.moved(&self.rotation[k + 1], &self.position[k + 1]))
        })
    }
}

/// Pose of the link on `joint` at position `q`, in the parent link.
#[inline]
pub(crate) fn joint_placement(joint: &Joint, q: f64) -> (Matrix3<f64>, Vector3<f64>) {
    match joint.kind {
        JointKind::Revolute => (joint.rotation * turn(&joint.axis, q), joint.position),
        JointKind::Prismatic => {
            (joint.rotation, joint.position + joint.rotation * (joint.axis * q))
        }
    }
}

/// Rotation by `q` rad about the unit vector `axis`; the coordinate axes take the short way.
#[inline]
pub(crate) fn turn(axis: &Vector3<f64>, q: f64) -> Matrix3<f64> {
    let (s, c) = q.sin_cos();
    if axis.x == 1.0 {
        Matrix3::new(1.0, 0.0, 0.0, 0.0, c, -s, 0.0, s, c)
    } else if axis.y == 1.0 {
        Matrix3::new(c, 0.0, s, 0.0, 1.0, 0.0, -s, 0.0, c)
    } else if axis.z == 1.0 {
        Matrix3::new(c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)
    } else {
        Rotation3::from_axis_angle(&Unit::new_unchecked(*axis), q).into_inner()
    }
}
