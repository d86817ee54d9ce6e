//! Inverse dynamics (RNEA), without 6x6 matrices; the mass matrix (CRBA) in [`mass`], forward
//! dynamics (ABA) in [`forward`], momentum and energy in [`momentum`].
//!
//! J. Luh, M. Walker and R. Paul, On-line computational scheme for mechanical manipulators (1980);
//! R. Featherstone, Rigid Body Dynamics Algorithms (2008), tables 5.1, 6.2 and 7.1. Deviation:
//! accelerations are classical ones, of the link's origin as a point, with gravity folded into the
//! base. Then no algorithm needs a linear velocity. Per link: `w, dw` angular velocity and
//! acceleration, `a` acceleration of the origin, `f, n` the force and moment that moves it.

mod forward;
mod mass;
mod momentum;

use alloc::vec;
use alloc::vec::Vec;

use nalgebra::{Matrix3, Vector3};

pub use forward::BaseAcceleration;
pub use momentum::{Momentum, centroidal_matrix};

use crate::kinematics::{Kinematics, joint_placement};
use crate::tree::{Inertia, JointKind, RobotModel};

/// How the base moves. Ignored but for `rotation` where the base is fixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BaseMotion {
    /// Base to world.
    pub rotation: Matrix3<f64>,
    /// Linear velocity of the base origin, m/s, base frame.
    pub linear: Vector3<f64>,
    /// Angular velocity, rad/s, base frame.
    pub angular: Vector3<f64>,
    /// Spatial linear acceleration of the base origin without gravity, m/s^2, base frame.
    pub linear_acceleration: Vector3<f64>,
    /// Angular acceleration, rad/s^2, base frame.
    pub angular_acceleration: Vector3<f64>,
}

impl BaseMotion {
    /// At rest with this attitude.
    #[must_use]
    pub fn at_rest(rotation: Matrix3<f64>) -> Self {
        let zero = Vector3::zeros();
        Self {
            rotation,
            linear: zero,
            angular: zero,
            linear_acceleration: zero,
            angular_acceleration: zero,
        }
    }
}

/// Force and moment about the origin of the frame they are expressed in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wrench {
    /// N.
    pub force: Vector3<f64>,
    /// N m.
    pub moment: Vector3<f64>,
}

impl Wrench {
    /// No force at all.
    pub const ZERO: Self =
        Self { force: Vector3::new(0.0, 0.0, 0.0), moment: Vector3::new(0.0, 0.0, 0.0) };
}

/// One link in inverse dynamics, in its own frame; its place in that of its parent.
#[derive(Clone, Copy, Debug)]
struct Link {
    rotation: Matrix3<f64>,
    position: Vector3<f64>,
    w: Vector3<f64>,
    dw: Vector3<f64>,
    a: Vector3<f64>,
    /// Acceleration of a point relative to that of the origin, per arm to it.
    per_arm: Matrix3<f64>,
    f: Vector3<f64>,
    n: Vector3<f64>,
}

impl Link {
    /// At its parent, with this motion, moved by nothing.
    fn moving(w: Vector3<f64>, dw: Vector3<f64>, a: Vector3<f64>) -> Self {
        let zero = Vector3::zeros();
        Self {
            rotation: Matrix3::identity(),
            position: zero,
            w,
            dw,
            a,
            per_arm: per_arm(&w, &dw),
            f: zero,
            n: zero,
        }
    }

    /// Newton's and Euler's equations: the wrench that gives `body` the motion of this link.
    #[inline]
    fn take_wrench(&mut self, body: &Inertia) {
        let (w, dw) = (self.w, self.dw);
        self.f = (self.a + self.per_arm * body.com) * body.mass;
        self.n = body.about_com * dw + w.cross(&(body.about_com * w)) + body.com.cross(&self.f);
    }
}

/// Acceleration of a point of a body relative to that of its origin, per arm `r` to the point:
/// `dw x r + w x (w x r)`.
#[inline]
fn per_arm(w: &Vector3<f64>, dw: &Vector3<f64>) -> Matrix3<f64> {
    let (xx, yy, zz) = (w.x * w.x, w.y * w.y, w.z * w.z);
    let (xy, xz, yz) = (w.x * w.y, w.x * w.z, w.y * w.z);
    Matrix3::new(
        -yy - zz,
        xy - dw.z,
        xz + dw.y,
        xy + dw.z,
        -xx - zz,
        yz - dw.x,
        xz - dw.y,
        yz + dw.x,
        -xx - yy,
    )
}

/// All working memory of the dynamics of one model, allocated once.
#[derive(Clone, Debug)]
pub struct Dynamics {
    links: Vec<Link>,
    places: Kinematics,
    composites: Vec<mass::Composite>,
    carried: Vec<momentum::Carried>,
    articulated: Vec<forward::Articulated>,
    zeros: Vec<f64>,
}

impl Dynamics {
    /// Memory for `model`.
    #[must_use]
    pub fn new(model: &RobotModel) -> Self {
        let links = model.joint_count() + 1;
        let zero = Vector3::zeros();
        Self {
            links: vec![Link::moving(zero, zero, zero); links],
            places: Kinematics::new(model),
            composites: vec![mass::Composite::ZERO; links],
            carried: vec![momentum::Carried::ZERO; links],
            articulated: vec![forward::Articulated::ZERO; links],
            zeros: vec![0.0; model.joint_count()],
        }
    }

    /// Inverse dynamics: joint torques `tau` (N m) and the base wrench for joint positions `q`,
    /// velocities `v` and accelerations `a`, all in model order, rotor inertia included.
    pub fn rnea(
        &mut self,
        model: &RobotModel,
        base: &BaseMotion,
        joints: [&[f64]; 3],
        tau: &mut [f64],
    ) -> Wrench {
        self.rnea_under(model, base, joints, &[], tau)
    }

    /// The same where `outside` forces act: one wrench a link, link frame, the base first; links
    /// beyond its end feel none.
    pub fn rnea_under(
        &mut self,
        model: &RobotModel,
        base: &BaseMotion,
        [q, v, a]: [&[f64]; 3],
        outside: &[Wrench],
        tau: &mut [f64],
    ) -> Wrench {
        let [w, dw, from] = base_motion(model, base);
        self.links[0] = Link::moving(w, dw, from);
        self.links[0].take_wrench(&model.base);
        for (k, joint) in model.joints.iter().enumerate() {
            let (inner, outer) = self.links.split_at_mut(k + 1);
            let (parent, link) = (&inner[joint.parent], &mut outer[0]);
            (link.rotation, link.position) = joint_placement(joint, q[k]);
            let back = link.rotation.transpose();
            link.w = back * parent.w;
            link.dw = back * parent.dw;
            link.a = back * (parent.a + parent.per_arm * link.position);
            let (rate, rise) = (joint.axis * v[k], joint.axis * a[k]);
            match joint.kind {
                JointKind::Revolute => {
                    link.dw += link.w.cross(&rate) + rise;
                    link.w += rate;
                }
                JointKind::Prismatic => link.a += link.w.cross(&rate) * 2.0 + rise,
            }
            link.per_arm = per_arm(&link.w, &link.dw);
            link.take_wrench(&joint.inertia);
        }
        for (link, wrench) in self.links.iter_mut().zip(outside) {
            link.f -= wrench.force;
            link.n -= wrench.moment;
        }
        for (k, joint) in model.joints.iter().enumerate().rev() {
            let (inner, outer) = self.links.split_at_mut(k + 1);
            let (parent, link) = (&mut inner[joint.parent], &outer[0]);
            let along = match joint.kind {
                JointKind::Revolute => &link.n,
                JointKind::Prismatic => &link.f,
            };
            tau[k] = joint.axis.dot(along) + joint.armature * a[k];
            let force = link.rotation * link.f;
            parent.f += force;
            parent.n += link.rotation * link.n + link.position.cross(&force);
        }
        Wrench { force: self.links[0].f, moment: self.links[0].n }
    }

    /// Torques that hold the robot still against gravity, N m, and the base wrench.
    pub fn gravity(
        &mut self,
        model: &RobotModel,
        rotation: Matrix3<f64>,
        q: &[f64],
        tau: &mut [f64],
    ) -> Wrench {
        // Neither velocity nor acceleration: the same zeros serve for both.
        let zeros = core::mem::take(&mut self.zeros);
        let wrench = self.rnea(model, &BaseMotion::at_rest(rotation), [q, &zeros, &zeros], tau);
        self.zeros = zeros;
        wrench
    }

    /// Torques without any acceleration, N m, and the base wrench: gravity, and what velocities
    /// make.
    pub fn bias(
        &mut self,
        model: &RobotModel,
        base: &BaseMotion,
        [q, v]: [&[f64]; 2],
        tau: &mut [f64],
    ) -> Wrench {
        let zero = Vector3::zeros();
        let base = BaseMotion { linear_acceleration: zero, angular_acceleration: zero, ..*base };
        let zeros = core::mem::take(&mut self.zeros);
        let wrench = self.rnea(model, &base, [q, v, &zeros], tau);
        self.zeros = zeros;
        wrench
    }
}

/// Angular velocity and acceleration of the base, and the acceleration of its origin: as if all
/// fell up instead of being pulled down. Base frame.
fn base_motion(model: &RobotModel, base: &BaseMotion) -> [Vector3<f64>; 3] {
    let (zero, lift) = (Vector3::zeros(), base.rotation.transpose() * -model.gravity);
    if !model.floating {
        return [zero, zero, lift];
    }
    let classical = base.linear_acceleration + base.angular.cross(&base.linear);
    [base.angular, base.angular_acceleration, classical + lift]
}
