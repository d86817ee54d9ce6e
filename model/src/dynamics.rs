//! Inverse dynamics (RNEA) and the mass matrix (CRBA), in the link-local form without 6x6 matrices;
//! forward dynamics (ABA) in [`forward`], momentum and energy in [`momentum`].
//!
//! R. Featherstone, Rigid Body Dynamics Algorithms (2008), tables 5.1, 6.2 and 7.1. Per link, in
//! its own frame: `w, v` velocity of the origin, `dw, dv` its spatial acceleration with gravity
//! folded into the base, `f, n` the force and moment that moves it.

mod forward;
mod momentum;

use nalgebra::{DMatrix, Matrix3, Vector3};

pub use forward::BaseAcceleration;
pub use momentum::{Momentum, centroidal_matrix};

use crate::kinematics::joint_placement;
use crate::tree::{Inertia, Joint, JointKind, RobotModel};

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

/// Working memory of one link.
#[derive(Clone, Copy, Debug)]
struct LinkScratch {
    rotation: Matrix3<f64>,
    position: Vector3<f64>,
    w: Vector3<f64>,
    v: Vector3<f64>,
    dw: Vector3<f64>,
    dv: Vector3<f64>,
    f: Vector3<f64>,
    n: Vector3<f64>,
    mass: f64,
    first_moment: Vector3<f64>,
    inertia: Matrix3<f64>,
}

/// Linear and angular momentum of a body about the origin of its frame, which moves with `v, w`.
fn momentum_of(body: &Inertia, v: &Vector3<f64>, w: &Vector3<f64>) -> (Vector3<f64>, Vector3<f64>) {
    let linear = (v + w.cross(&body.com)) * body.mass;
    (linear, body.about_com * w + body.com.cross(&linear))
}

impl LinkScratch {
    /// Velocity of a link on `joint` that moves with `rate`, and the part of its acceleration that
    /// velocities make; the acceleration of the joint itself is not in it.
    fn follow(&mut self, parent: &Self, joint: &Joint, q: f64, rate: f64) {
        let (rotation, position) = joint_placement(joint, q);
        let back = rotation.transpose();
        (self.rotation, self.position) = (rotation, position);
        self.w = back * parent.w;
        self.v = back * (parent.v + parent.w.cross(&position));
        let rate = joint.axis * rate;
        (self.dw, self.dv) = match joint.kind {
            JointKind::Revolute => (self.w.cross(&rate), self.v.cross(&rate)),
            JointKind::Prismatic => (Vector3::zeros(), self.w.cross(&rate)),
        };
        match joint.kind {
            JointKind::Revolute => self.w += rate,
            JointKind::Prismatic => self.v += rate,
        }
    }

    /// Adds the acceleration of the parent.
    fn carry(&mut self, parent: &Self) {
        let back = self.rotation.transpose();
        self.dw += back * parent.dw;
        self.dv += back * (parent.dv + parent.dw.cross(&self.position));
    }

    fn new() -> Self {
        let zero = Vector3::zeros();
        Self {
            rotation: Matrix3::identity(),
            position: zero,
            w: zero,
            v: zero,
            dw: zero,
            dv: zero,
            f: zero,
            n: zero,
            mass: 0.0,
            first_moment: zero,
            inertia: Matrix3::zeros(),
        }
    }

    /// The wrench that gives this link its motion.
    fn needed_wrench(&self, body: &Inertia) -> (Vector3<f64>, Vector3<f64>) {
        let (w, v) = (self.w, self.v);
        let (h_linear, h_angular) = momentum_of(body, &v, &w);
        let linear = (self.dv + self.dw.cross(&body.com)) * body.mass;
        let angular = body.about_com * self.dw + body.com.cross(&linear);
        (linear + w.cross(&h_linear), angular + w.cross(&h_angular) + v.cross(&h_linear))
    }

    fn take_composite(&mut self, body: &Inertia) {
        self.mass = body.mass;
        self.first_moment = body.com * body.mass;
        self.inertia = body.about_origin();
    }
}

/// All working memory of the dynamics of one model, allocated once.
#[derive(Clone, Debug)]
pub struct Dynamics {
    links: Vec<LinkScratch>,
    articulated: Vec<forward::Articulated>,
    zeros: Vec<f64>,
}

impl Dynamics {
    /// Memory for `model`.
    #[must_use]
    pub fn new(model: &RobotModel) -> Self {
        let links = model.joint_count() + 1;
        Self {
            links: vec![LinkScratch::new(); links],
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
        joints: [&[f64]; 3],
        outside: &[Wrench],
        tau: &mut [f64],
    ) -> Wrench {
        let [q, v, a] = joints;
        self.start_at_base(model, base);
        for (k, joint) in model.joints.iter().enumerate() {
            let parent = self.links[joint.parent];
            let link = &mut self.links[k + 1];
            link.follow(&parent, joint, q[k], v[k]);
            link.carry(&parent);
            match joint.kind {
                JointKind::Revolute => link.dw += joint.axis * a[k],
                JointKind::Prismatic => link.dv += joint.axis * a[k],
            }
            (link.f, link.n) = link.needed_wrench(&joint.inertia);
        }
        for (link, wrench) in self.links.iter_mut().zip(outside) {
            link.f -= wrench.force;
            link.n -= wrench.moment;
        }
        for (k, joint) in model.joints.iter().enumerate().rev() {
            let link = self.links[k + 1];
            tau[k] = joint.armature * a[k]
                + match joint.kind {
                    JointKind::Revolute => joint.axis.dot(&link.n),
                    JointKind::Prismatic => joint.axis.dot(&link.f),
                };
            let force = link.rotation * link.f;
            let parent = &mut self.links[joint.parent];
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

    fn start_at_base(&mut self, model: &RobotModel, base: &BaseMotion) {
        let lift = base.rotation.transpose() * -model.gravity;
        let link = &mut self.links[0];
        *link = LinkScratch::new();
        if model.floating {
            (link.v, link.w) = (base.linear, base.angular);
            link.dv = base.linear_acceleration;
            link.dw = base.angular_acceleration;
        }
        link.dv += lift;
        (link.f, link.n) = link.needed_wrench(&model.base);
    }

    /// Joint-space mass matrix at joint positions `q`: floating base `[linear; angular]` in the
    /// base frame first, then the joints, rotor inertia on the diagonal. kg, kg m, kg m^2.
    pub fn crba(&mut self, model: &RobotModel, q: &[f64], mass: &mut DMatrix<f64>) {
        let offset = model.velocity_count() - model.joint_count();
        mass.fill(0.0);
        self.links[0].take_composite(&model.base);
        for (k, joint) in model.joints.iter().enumerate() {
            let link = &mut self.links[k + 1];
            (link.rotation, link.position) = joint_placement(joint, q[k]);
            link.take_composite(&joint.inertia);
        }
        for k in (0..model.joint_count()).rev() {
            self.fill_column(model, k, offset, mass);
            self.add_to_parent(model.joints[k].parent, k + 1);
        }
        if model.floating {
            self.fill_base(mass);
        }
        for row in 1..mass.nrows() {
            for column in 0..row {
                mass[(row, column)] = mass[(column, row)];
            }
        }
    }

    fn fill_column(&self, model: &RobotModel, k: usize, offset: usize, mass: &mut DMatrix<f64>) {
        let joint = &model.joints[k];
        let link = &self.links[k + 1];
        let (mut f, mut n) = match joint.kind {
            JointKind::Revolute => {
                (joint.axis.cross(&link.first_moment), link.inertia * joint.axis)
            }
            JointKind::Prismatic => (joint.axis * link.mass, link.first_moment.cross(&joint.axis)),
        };
        let along = |at: usize, f: &Vector3<f64>, n: &Vector3<f64>| match model.joints[at].kind {
            JointKind::Revolute => model.joints[at].axis.dot(n),
            JointKind::Prismatic => model.joints[at].axis.dot(f),
        };
        mass[(offset + k, offset + k)] = along(k, &f, &n) + joint.armature;
        let mut at = k + 1;
        while at > 0 {
            let link = &self.links[at];
            f = link.rotation * f;
            n = link.rotation * n + link.position.cross(&f);
            at = model.joints[at - 1].parent;
            if at > 0 {
                mass[(offset + at - 1, offset + k)] = along(at - 1, &f, &n);
            }
        }
        if model.floating {
            for axis in 0..3 {
                mass[(axis, offset + k)] = f[axis];
                mass[(3 + axis, offset + k)] = n[axis];
            }
        }
    }

    fn add_to_parent(&mut self, parent: usize, child: usize) {
        let link = self.links[child];
        let (r, p, m) = (link.rotation, link.position, link.mass);
        let moment = r * link.first_moment;
        let shift = p * moment.transpose();
        let diagonal = Matrix3::identity() * (2.0 * p.dot(&moment) + m * p.dot(&p));
        let parent = &mut self.links[parent];
        parent.mass += m;
        parent.first_moment += moment + p * m;
        parent.inertia += r * link.inertia * r.transpose() + diagonal
            - shift
            - shift.transpose()
            - p * p.transpose() * m;
    }

    fn fill_base(&self, mass: &mut DMatrix<f64>) {
        let base = &self.links[0];
        let cross = base.first_moment.cross_matrix();
        for row in 0..3 {
            mass[(row, row)] = base.mass;
            for column in 0..3 {
                mass[(row, 3 + column)] = -cross[(row, column)];
                mass[(3 + row, 3 + column)] = base.inertia[(row, column)];
            }
        }
    }
}
