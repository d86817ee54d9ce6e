//! Forward dynamics: the articulated-body algorithm, with inertias in blocks of three.
//!
//! R. Featherstone, Rigid Body Dynamics Algorithms (2008), table 7.1. Deviation: each body about
//! the origin of its link, but all in the axes of the base, so that a body goes inwards by a shift
//! alone.

use nalgebra::{Matrix3, Matrix6, Vector3, Vector6};

use super::mass::in_base_axes;
use super::{BaseMotion, Dynamics, Wrench, base_motion};
use crate::kinematics::LinkPlace;
use crate::tree::{Inertia, Joint, JointKind, RobotModel};

/// Inertia of a link with all that hangs on it through free joints, and the wrench that its
/// velocities need: `force = m a + h dw`, `moment = h^T a + i dw` for an acceleration `a, dw`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Articulated {
    m: Matrix3<f64>,
    h: Matrix3<f64>,
    i: Matrix3<f64>,
    force: Vector3<f64>,
    moment: Vector3<f64>,
    /// How the link moves: its angular velocity, and its acceleration `a, dw`; before the last
    /// pass only the part that velocities make in its joint.
    w: Vector3<f64>,
    a: Vector3<f64>,
    dw: Vector3<f64>,
    /// Axis of the joint, and the way from the parent's origin, m.
    axis: Vector3<f64>,
    arm: Vector3<f64>,
    /// What the joint answers: force and moment per acceleration of it, once over its inertia, and
    /// the torque that is left for it, N m.
    u_force: Vector3<f64>,
    u_moment: Vector3<f64>,
    per_inertia: f64,
    left: f64,
}

/// Acceleration of the base, base frame: spatial, as in [`BaseMotion`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaseAcceleration {
    /// m/s^2.
    pub linear: Vector3<f64>,
    /// rad/s^2.
    pub angular: Vector3<f64>,
}

impl Articulated {
    pub(super) const ZERO: Self = {
        let (none, zero) = (
            Matrix3::new(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
            Vector3::new(0.0, 0.0, 0.0),
        );
        Self {
            m: none,
            h: none,
            i: none,
            force: zero,
            moment: zero,
            w: zero,
            a: zero,
            dw: zero,
            axis: zero,
            arm: zero,
            u_force: zero,
            u_moment: zero,
            per_inertia: 0.0,
            left: 0.0,
        }
    };

    /// Becomes the one body of the link at `place`, which turns with `w`.
    #[inline]
    fn take_body(&mut self, body: &Inertia, place: &LinkPlace) {
        let (first_moment, inertia) = in_base_axes(body, place);
        self.m = Matrix3::from_diagonal_element(body.mass);
        self.h = -first_moment.cross_matrix();
        self.i = inertia;
        self.force = self.w.cross(&self.w.cross(&first_moment));
        self.moment = self.w.cross(&(inertia * self.w));
    }

    /// Moves with its joint on `parent`.
    #[inline]
    fn follow(&mut self, parent: &Self, joint: &Joint, rate: f64) {
        let rate = self.axis * rate;
        let turning = parent.w.cross(&rate);
        self.a = parent.w.cross(&parent.w.cross(&self.arm));
        match joint.kind {
            JointKind::Revolute => (self.w, self.dw) = (parent.w + rate, turning),
            JointKind::Prismatic => {
                (self.w, self.dw) = (parent.w, Vector3::zeros());
                self.a += turning * 2.0;
            }
        }
    }

    /// Splits off what the joint takes.
    #[inline]
    fn release(&mut self, joint: &Joint, tau: f64) {
        let s = &self.axis;
        let inertia;
        (self.u_force, self.u_moment, inertia, self.left) = match joint.kind {
            JointKind::Revolute => {
                let (force, moment) = (self.h * s, self.i * s);
                (force, moment, s.dot(&moment), tau - s.dot(&self.moment))
            }
            JointKind::Prismatic => {
                let (force, moment) = (self.m * s, self.h.tr_mul(s));
                (force, moment, s.dot(&force), tau - s.dot(&self.force))
            }
        };
        // A joint that moves no mass has no acceleration that anyone could name.
        let inertia = inertia + joint.armature;
        self.per_inertia = if inertia > 0.0 { 1.0 / inertia } else { 0.0 };
        let (f, n) = (self.u_force * self.per_inertia, self.u_moment * self.per_inertia);
        self.m -= f * self.u_force.transpose();
        self.h -= f * self.u_moment.transpose();
        self.i -= n * self.u_moment.transpose();
        self.force += self.m * self.a + self.h * self.dw + f * self.left;
        self.moment += self.h.tr_mul(&self.a) + self.i * self.dw + n * self.left;
    }

    /// Adds a body that hangs on this one.
    #[inline]
    fn add(&mut self, child: &Self) {
        // With the cross matrix P of the arm: h - m P, and i + P h - h' P - P m P.
        let arm = &child.arm;
        let (pm, ph) = (crossed(arm, &child.m), crossed(arm, &child.h));
        let back = pm.transpose();
        self.m += child.m;
        self.h += child.h + back;
        self.i += child.i + ph + ph.transpose() + crossed(arm, &back);
        self.force += child.force;
        self.moment += child.moment + arm.cross(&child.force);
    }

    /// Moves with `parent` and the joint, whose acceleration is the answer.
    #[inline]
    fn answer(&mut self, parent: &Self, joint: &Joint) -> f64 {
        self.a += parent.a + parent.dw.cross(&self.arm);
        self.dw += parent.dw;
        let taken = self.u_force.dot(&self.a) + self.u_moment.dot(&self.dw);
        let answer = (self.left - taken) * self.per_inertia;
        match joint.kind {
            JointKind::Revolute => self.dw += self.axis * answer,
            JointKind::Prismatic => self.a += self.axis * answer,
        }
        answer
    }

    /// Acceleration `a, dw` of a free body under the wrench `push` and all that hangs on it.
    fn pushed(&self, push: &Wrench) -> (Vector3<f64>, Vector3<f64>) {
        let mut inertia = Matrix6::zeros();
        inertia.fixed_view_mut::<3, 3>(0, 0).copy_from(&self.m);
        inertia.fixed_view_mut::<3, 3>(0, 3).copy_from(&self.h);
        inertia.fixed_view_mut::<3, 3>(3, 0).copy_from(&self.h.transpose());
        inertia.fixed_view_mut::<3, 3>(3, 3).copy_from(&self.i);
        let (force, moment) = (push.force - self.force, push.moment - self.moment);
        let wrench = Vector6::new(force.x, force.y, force.z, moment.x, moment.y, moment.z);
        // Neither has a base without mass.
        let a = inertia.cholesky().map_or_else(Vector6::zeros, |factor| factor.solve(&wrench));
        (a.fixed_rows::<3>(0).into(), a.fixed_rows::<3>(3).into())
    }
}

/// `p` cross each column.
#[inline]
fn crossed(p: &Vector3<f64>, columns: &Matrix3<f64>) -> Matrix3<f64> {
    let of = |k: usize| -> Vector3<f64> { p.cross(&columns.column(k).into_owned()) };
    Matrix3::from_columns(&[of(0), of(1), of(2)])
}

impl Dynamics {
    /// Forward dynamics: joint accelerations `a` (rad/s^2) from joint positions `q`, velocities
    /// `v` and torques `tau`, in model order, while `push` acts on the base (base frame). The
    /// accelerations in `base` are not read. A joint, or a base, that moves no mass and no rotor
    /// gets the acceleration 0.
    pub fn aba(
        &mut self,
        model: &RobotModel,
        base: &BaseMotion,
        [q, v, tau]: [&[f64]; 3],
        push: &Wrench,
        a: &mut [f64],
    ) -> BaseAcceleration {
        let zero = Vector3::zeros();
        let still = BaseMotion { linear_acceleration: zero, angular_acceleration: zero, ..*base };
        let [w, _, by_itself] = base_motion(model, &still);
        self.places.update(model, q);
        let places = self.places.places();
        let root = &mut self.articulated[0];
        (root.w, root.a, root.dw) = (w, by_itself, zero);
        if model.floating {
            root.take_body(&model.base, &places[0]);
        }
        for (k, joint) in model.joints.iter().enumerate() {
            let (inner, outer) = self.articulated.split_at_mut(k + 1);
            let (parent, link, place) = (&inner[joint.parent], &mut outer[0], &places[k + 1]);
            link.axis = place.rotation * joint.axis;
            link.arm = place.position - places[joint.parent].position;
            link.follow(parent, joint, v[k]);
            link.take_body(&joint.inertia, place);
        }
        for (k, joint) in model.joints.iter().enumerate().rev() {
            let (inner, outer) = self.articulated.split_at_mut(k + 1);
            let link = &mut outer[0];
            link.release(joint, tau[k]);
            // A fixed base carries all and feels nothing.
            if joint.parent > 0 || model.floating {
                inner[joint.parent].add(link);
            }
        }
        let root = &mut self.articulated[0];
        if model.floating {
            (root.a, root.dw) = root.pushed(push);
        }
        let found = BaseAcceleration { linear: root.a - by_itself, angular: root.dw };
        for (k, joint) in model.joints.iter().enumerate() {
            let (inner, outer) = self.articulated.split_at_mut(k + 1);
            a[k] = outer[0].answer(&inner[joint.parent], joint);
        }
        found
    }
}
