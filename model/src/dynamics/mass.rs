//! The mass matrix: composite bodies, each about the origin of its link, in the axes of the base.
//!
//! R. Featherstone, Rigid Body Dynamics Algorithms (2008), table 6.2. Deviation: what hangs on a
//! joint stays in one set of axes, so that a composite body and the wrench it needs go inwards by a
//! shift alone.

use nalgebra::{DMatrix, Matrix3, Vector3};

use super::Dynamics;
use crate::kinematics::LinkPlace;
use crate::tree::{Inertia, JointKind, RobotModel};

/// A link with all that hangs on it, as one rigid body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Composite {
    mass: f64,
    /// Mass times centre of mass, kg m.
    first_moment: Vector3<f64>,
    /// About the origin of the link, kg m^2.
    inertia: Matrix3<f64>,
    /// Axis of the joint it hangs on.
    axis: Vector3<f64>,
    /// From its parent's origin to its own, m.
    arm: Vector3<f64>,
}

impl Composite {
    pub(super) const ZERO: Self = Self {
        mass: 0.0,
        first_moment: Vector3::new(0.0, 0.0, 0.0),
        inertia: Matrix3::new(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        axis: Vector3::new(0.0, 0.0, 0.0),
        arm: Vector3::new(0.0, 0.0, 0.0),
    };

    /// Adds a body that hangs on this one.
    fn add(&mut self, child: &Self) {
        self.mass += child.mass;
        self.first_moment += child.first_moment + child.arm * child.mass;
        // Steiner's theorem, for a body that does not turn about its centre of mass.
        let half = child.first_moment + child.arm * (0.5 * child.mass);
        self.inertia += child.inertia + steiner(&child.arm, &half);
    }
}

/// `body` of a link at `place`, in base axes: mass times centre of mass, inertia about the origin.
#[inline]
pub(super) fn in_base_axes(body: &Inertia, place: &LinkPlace) -> (Vector3<f64>, Matrix3<f64>) {
    let com = place.rotation * body.com;
    let first_moment = com * body.mass;
    let about_com = symmetric_turned(&place.rotation, &body.about_com);
    (first_moment, about_com + steiner(&com, &(first_moment * 0.5)))
}

/// `2 (a . b) 1 - a b' - b a'`.
#[inline]
fn steiner(a: &Vector3<f64>, b: &Vector3<f64>) -> Matrix3<f64> {
    let (x, y, z) = (a.x * b.x, a.y * b.y, a.z * b.z);
    let xy = -a.x * b.y - a.y * b.x;
    let xz = -a.x * b.z - a.z * b.x;
    let yz = -a.y * b.z - a.z * b.y;
    Matrix3::new(2.0 * (y + z), xy, xz, xy, 2.0 * (x + z), yz, xz, yz, 2.0 * (x + y))
}

/// `r s r'` of a symmetric `s`.
#[inline]
fn symmetric_turned(r: &Matrix3<f64>, s: &Matrix3<f64>) -> Matrix3<f64> {
    let half = r * s;
    let of = |i: usize, j: usize| {
        half[(i, 0)] * r[(j, 0)] + half[(i, 1)] * r[(j, 1)] + half[(i, 2)] * r[(j, 2)]
    };
    let (xy, xz, yz) = (of(0, 1), of(0, 2), of(1, 2));
    Matrix3::new(of(0, 0), xy, xz, xy, of(1, 1), yz, xz, yz, of(2, 2))
}

impl Dynamics {
    /// Joint-space mass matrix at joint positions `q`: floating base `[linear; angular]` in the
    /// base frame first, then the joints, rotor inertia on the diagonal. kg, kg m, kg m^2.
    pub fn crba(&mut self, model: &RobotModel, q: &[f64], mass: &mut DMatrix<f64>) {
        let offset = model.velocity_count() - model.joint_count();
        mass.as_mut_slice().fill(0.0);
        self.place_composites(model, q);
        for (k, joint) in model.joints.iter().enumerate().rev() {
            self.fill_column(model, k, offset, mass);
            // A fixed base carries all and feels nothing.
            if joint.parent > 0 || model.floating {
                let (inner, outer) = self.composites.split_at_mut(k + 1);
                inner[joint.parent].add(&outer[0]);
            }
        }
        if model.floating {
            self.fill_base(mass);
        }
    }

    /// Each link alone.
    fn place_composites(&mut self, model: &RobotModel, q: &[f64]) {
        self.places.update(model, q);
        let places = self.places.places();
        if model.floating {
            let (first_moment, inertia) = in_base_axes(&model.base, &places[0]);
            let mass = model.base.mass;
            self.composites[0] = Composite { mass, first_moment, inertia, ..Composite::ZERO };
        }
        for (k, joint) in model.joints.iter().enumerate() {
            let place = &places[k + 1];
            let (first_moment, inertia) = in_base_axes(&joint.inertia, place);
            self.composites[k + 1] = Composite {
                mass: joint.inertia.mass,
                first_moment,
                inertia,
                axis: place.rotation * joint.axis,
                arm: place.position - places[joint.parent].position,
            };
        }
    }

    /// What moving joint `k` alone asks of all joints between it and the base, and of the base.
    fn fill_column(&self, model: &RobotModel, k: usize, offset: usize, mass: &mut DMatrix<f64>) {
        let joint = &model.joints[k];
        let body = &self.composites[k + 1];
        let (f, mut n) = match joint.kind {
            JointKind::Revolute => (body.axis.cross(&body.first_moment), body.inertia * body.axis),
            JointKind::Prismatic => (body.axis * body.mass, body.first_moment.cross(&body.axis)),
        };
        let column = offset + k;
        let mut at = k + 1;
        while at > 0 {
            let (joint, link) = (&model.joints[at - 1], &self.composites[at]);
            let coupling = match joint.kind {
                JointKind::Revolute => link.axis.dot(&n),
                JointKind::Prismatic => link.axis.dot(&f),
            };
            let row = offset + at - 1;
            (mass[(row, column)], mass[(column, row)]) = (coupling, coupling);
            n += link.arm.cross(&f);
            at = joint.parent;
        }
        if model.floating {
            for axis in 0..3 {
                (mass[(axis, column)], mass[(column, axis)]) = (f[axis], f[axis]);
                (mass[(3 + axis, column)], mass[(column, 3 + axis)]) = (n[axis], n[axis]);
            }
        }
        mass[(column, column)] += joint.armature;
    }

    fn fill_base(&self, mass: &mut DMatrix<f64>) {
        let base = &self.composites[0];
        let cross = base.first_moment.cross_matrix();
        for row in 0..3 {
            mass[(row, row)] = base.mass;
            for column in 0..3 {
                mass[(row, 3 + column)] = -cross[(row, column)];
                mass[(3 + column, row)] = -cross[(row, column)];
                mass[(3 + row, 3 + column)] = base.inertia[(row, column)];
            }
        }
    }
}
