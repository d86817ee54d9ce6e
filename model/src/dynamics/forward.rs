//! Forward dynamics: the articulated-body algorithm, with inertias in blocks of three.

use nalgebra::{Matrix3, Matrix6, Vector3, Vector6};

use super::{BaseMotion, Dynamics, Wrench, momentum_of};
use crate::tree::{Inertia, Joint, JointKind, RobotModel};

/// Inertia of a link with all that hangs on it through free joints, and the wrench that its
/// velocities need: `force = m v + h w`, `moment = h^T v + i w` for an acceleration `v, w`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Articulated {
    m: Matrix3<f64>,
    h: Matrix3<f64>,
    i: Matrix3<f64>,
    force: Vector3<f64>,
    moment: Vector3<f64>,
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
            u_force: zero,
            u_moment: zero,
            per_inertia: 0.0,
            left: 0.0,
        }
    };

    /// One body with velocity `v, w` of its origin.
    fn of(body: &Inertia, v: &Vector3<f64>, w: &Vector3<f64>) -> Self {
        let (h_linear, h_angular) = momentum_of(body, v, w);
        Self {
            m: Matrix3::from_diagonal_element(body.mass),
            h: -(body.com * body.mass).cross_matrix(),
            i: body.about_origin(),
            force: w.cross(&h_linear),
            moment: w.cross(&h_angular) + v.cross(&h_linear),
            ..Self::ZERO
        }
    }

    /// Splits off what the joint takes; `bias_v, bias_w` is the acceleration that velocities make.
    fn joint(&mut self, joint: &Joint, tau: f64, bias_v: &Vector3<f64>, bias_w: &Vector3<f64>) {
        let s = &joint.axis;
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
        self.per_inertia = 1.0 / (inertia + joint.armature);
        let (f, n) = (self.u_force * self.per_inertia, self.u_moment * self.per_inertia);
        self.m -= f * self.u_force.transpose();
        self.h -= f * self.u_moment.transpose();
        self.i -= n * self.u_moment.transpose();
        self.force += self.m * bias_v + self.h * bias_w + f * self.left;
        self.moment += self.h.tr_mul(bias_v) + self.i * bias_w + n * self.left;
    }

    /// Adds a child that lies at `p` turned by `r`.
    fn add(&mut self, child: &Self, r: &Matrix3<f64>, p: &Vector3<f64>) {
        let (m, h, i) = (turned(r, &child.m), r * child.h * r.transpose(), turned(r, &child.i));
        // With the cross matrix P of `p`: h - m P, and i + P h - h' P - P m P.
        let (pm, ph) = (crossed(p, &m), crossed(p, &h));
        let back = pm.transpose();
        self.m += m;
        self.h += h + back;
        self.i += i + ph + ph.transpose() + crossed(p, &back);
        let force = r * child.force;
        self.force += force;
        self.moment += r * child.moment + p.cross(&force);
    }

    /// Acceleration of the joint when its link without it would accelerate by `v, w`.
    fn answer(&self, v: &Vector3<f64>, w: &Vector3<f64>) -> f64 {
        (self.left - self.u_force.dot(v) - self.u_moment.dot(w)) * self.per_inertia
    }
}

/// `r s r'` of a symmetric `s`.
#[inline]
fn turned(r: &Matrix3<f64>, s: &Matrix3<f64>) -> Matrix3<f64> {
    let half = r * s;
    let of = |i: usize, j: usize| {
        half[(i, 0)] * r[(j, 0)] + half[(i, 1)] * r[(j, 1)] + half[(i, 2)] * r[(j, 2)]
    };
    let (xy, xz, yz) = (of(0, 1), of(0, 2), of(1, 2));
    Matrix3::new(of(0, 0), xy, xz, xy, of(1, 1), yz, xz, yz, of(2, 2))
}

/// `p` cross each column.
#[inline]
fn crossed(p: &Vector3<f64>, columns: &Matrix3<f64>) -> Matrix3<f64> {
    let of = |k: usize| -> Vector3<f64> { p.cross(&columns.column(k).into_owned()) };
    Matrix3::from_columns(&[of(0), of(1), of(2)])
}

impl Dynamics {
    /// Forward dynamics: joint accelerations `a` (rad/s^2) from joint positions `q`, velocities `v`
    /// and torques `tau`, in model order, while `push` acts on the base (base frame). The
    /// accelerations in `base` are not read.
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
        self.start_at_base(model, &still);
        let root = self.links[0];
        self.articulated[0] = Articulated::of(&model.base, &root.v, &root.w);
        for (k, joint) in model.joints.iter().enumerate() {
            let parent = self.links[joint.parent];
            let link = &mut self.links[k + 1];
            link.follow(&parent, joint, q[k], v[k]);
            self.articulated[k + 1] = Articulated::of(&joint.inertia, &link.v, &link.w);
        }
        for (k, joint) in model.joints.iter().enumerate().rev() {
            let link = &self.links[k + 1];
            self.articulated[k + 1].joint(joint, tau[k], &link.dv, &link.dw);
            let child = self.articulated[k + 1];
            self.articulated[joint.parent].add(&child, &link.rotation, &link.position);
        }
        let lift = root.dv;
        if model.floating {
            let (linear, angular) = self.base_acceleration(push);
            (self.links[0].dv, self.links[0].dw) = (linear, angular);
        }
        for (k, joint) in model.joints.iter().enumerate() {
            let parent = self.links[joint.parent];
            let link = &mut self.links[k + 1];
            link.carry(&parent);
            a[k] = self.articulated[k + 1].answer(&link.dv, &link.dw);
            match joint.kind {
                JointKind::Revolute => link.dw += joint.axis * a[k],
                JointKind::Prismatic => link.dv += joint.axis * a[k],
            }
        }
        // Gravity was folded into the base.
        let base = &self.links[0];
        BaseAcceleration { linear: base.dv - lift, angular: base.dw }
    }

    /// Acceleration of a free base under the wrench `push` and all that hangs on it.
    fn base_acceleration(&self, push: &Wrench) -> (Vector3<f64>, Vector3<f64>) {
        let body = &self.articulated[0];
        let mut inertia = Matrix6::zeros();
        inertia.fixed_view_mut::<3, 3>(0, 0).copy_from(&body.m);
        inertia.fixed_view_mut::<3, 3>(0, 3).copy_from(&body.h);
        inertia.fixed_view_mut::<3, 3>(3, 0).copy_from(&body.h.transpose());
        inertia.fixed_view_mut::<3, 3>(3, 3).copy_from(&body.i);
        let (force, moment) = (push.force - body.force, push.moment - body.moment);
        let wrench = Vector6::new(force.x, force.y, force.z, moment.x, moment.y, moment.z);
        // A base without mass has no acceleration that anyone could name.
        let a = inertia.cholesky().map_or_else(Vector6::zeros, |factor| factor.solve(&wrench));
        (a.fixed_rows::<3>(0).into(), a.fixed_rows::<3>(3).into())
    }
}
