//! Centroidal momentum and energy (Orin, Goswami and Lee 2013); generalised momentum and its rate.

use nalgebra::{DMatrix, Matrix3, Vector3};

use super::{BaseMotion, Dynamics};
use crate::tree::{Inertia, JointKind, RobotModel};

/// Momentum of the whole robot, in the axes of the base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// kg m/s.
    pub linear: Vector3<f64>,
    /// About the centre of mass, kg m^2/s.
    pub angular: Vector3<f64>,
    /// Centre of mass, m, base frame.
    pub com: Vector3<f64>,
    /// Moving mass, kg.
    pub mass: f64,
}

/// Momentum and weight of a link with all that hangs on it, about the link's origin, base axes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carried {
    linear: Vector3<f64>,
    angular: Vector3<f64>,
    weight: Vector3<f64>,
    turn: Vector3<f64>,
}

impl Carried {
    pub(super) const ZERO: Self = {
        let zero = Vector3::new(0.0, 0.0, 0.0);
        Self { linear: zero, angular: zero, weight: zero, turn: zero }
    };

    /// Adds what hangs on this link, its origin at `arm`.
    fn add(&mut self, child: &Self, arm: &Vector3<f64>) {
        self.linear += child.linear;
        self.angular += child.angular + arm.cross(&child.linear);
        self.weight += child.weight;
        self.turn += child.turn + arm.cross(&child.weight);
    }

    /// How its momentum changes, seen from a link that moves with `v, w`: `-v x* h` and weight.
    fn by_itself(&self, v: &Vector3<f64>, w: &Vector3<f64>) -> (Vector3<f64>, Vector3<f64>) {
        let turning = w.cross(&self.angular) + v.cross(&self.linear);
        (self.weight - w.cross(&self.linear), self.turn - turning)
    }
}

impl Dynamics {
    /// Momentum for joint positions `q` and velocities `v`, and the kinetic energy, J, with that of
    /// the rotors.
    pub fn momentum(
        &mut self,
        model: &RobotModel,
        base: &BaseMotion,
        [q, v]: [&[f64]; 2],
    ) -> (Momentum, f64) {
        self.places.update(model, q);
        self.places.update_velocities(model, base, v);
        let own = if model.floating { &model.base } else { &Inertia::ZERO };
        let bodies = core::iter::once(own).chain(model.joints.iter().map(|joint| &joint.inertia));
        let (mut mass, mut moment) = (0.0, Vector3::zeros());
        let (mut linear, mut angular) = (Vector3::zeros(), Vector3::zeros());
        let mut doubled = 0.0;
        for ((place, motion), body) in self.places.links().zip(bodies) {
            let arm = place.rotation * body.com;
            let at = place.position + arm;
            let of_com = motion.v + motion.w.cross(&arm);
            let push = of_com * body.mass;
            let spin = place.rotation * (body.about_com * place.rotation.tr_mul(&motion.w));
            mass += body.mass;
            moment += at * body.mass;
            linear += push;
            angular += spin + at.cross(&push);
            doubled += of_com.dot(&push) + motion.w.dot(&spin);
        }
        for (joint, v) in model.joints.iter().zip(v) {
            doubled += joint.armature * v * v;
        }
        let com = if mass > 0.0 { moment / mass } else { Vector3::zeros() };
        (Momentum { linear, angular: angular - com.cross(&linear), com, mass }, 0.5 * doubled)
    }

    /// The generalised `momentum` `p = M v` and what it changes by itself, `rate = C^T v - g`:
    /// under joint torques `tau` and outside forces `f` it is `dp/dt = rate + tau + J^T f`. Both in
    /// the order and the units of [`Dynamics::crba`]: a floating base `[linear; angular]` in its
    /// own axes first, then the joints. The accelerations in `base` are not read.
    ///
    /// What is beyond a joint has the momentum `h` about the origin of its link; seen from that
    /// link, which moves with `v`, it turns by `-v x* h`. What of it lies along the joint's axis is
    /// its share of `C^T v`, since the axis rests in the link: no Coriolis matrix is needed. The
    /// same holds for the base, whose velocity is given in axes that turn with it.
    pub fn generalised_momentum(
        &mut self,
        model: &RobotModel,
        base: &BaseMotion,
        [q, v]: [&[f64]; 2],
        [momentum, rate]: [&mut [f64]; 2],
    ) {
        self.places.update(model, q);
        self.places.update_velocities(model, base, v);
        let gravity = base.rotation.tr_mul(&model.gravity);
        let bodies =
            core::iter::once(&model.base).chain(model.joints.iter().map(|joint| &joint.inertia));
        for ((carried, (place, motion)), body) in
            self.carried.iter_mut().zip(self.places.links()).zip(bodies)
        {
            let arm = place.rotation * body.com;
            let linear = (motion.v + motion.w.cross(&arm)) * body.mass;
            let spin = place.rotation * (body.about_com * place.rotation.tr_mul(&motion.w));
            let weight = gravity * body.mass;
            let (angular, turn) = (spin + arm.cross(&linear), arm.cross(&weight));
            *carried = Carried { linear, angular, weight, turn };
        }
        let offset = model.velocity_count() - model.joint_count();
        for (k, joint) in model.joints.iter().enumerate().rev() {
            let carried = self.carried[k + 1];
            let (place, motion) = self.places.link(k + 1);
            let (force, moment) = carried.by_itself(&motion.v, &motion.w);
            let axis = place.rotation * joint.axis;
            let (own, by_itself) = match joint.kind {
                JointKind::Revolute => (axis.dot(&carried.angular), axis.dot(&moment)),
                JointKind::Prismatic => (axis.dot(&carried.linear), axis.dot(&force)),
            };
            momentum[offset + k] = own + joint.armature * v[k];
            rate[offset + k] = by_itself;
            let arm = place.position - self.places.position(joint.parent);
            self.carried[joint.parent].add(&carried, &arm);
        }
        if model.floating {
            let root = &self.carried[0];
            let (_, motion) = self.places.link(0);
            let (force, moment) = root.by_itself(&motion.v, &motion.w);
            momentum[..3].copy_from_slice(root.linear.as_slice());
            momentum[3..6].copy_from_slice(root.angular.as_slice());
            rate[..3].copy_from_slice(force.as_slice());
            rate[3..6].copy_from_slice(moment.as_slice());
        }
    }

    /// Potential energy, J, with the base at `position`, m, turned by `rotation`, world; zero at
    /// the world's origin.
    pub fn potential_energy(
        &mut self,
        model: &RobotModel,
        (rotation, position): (Matrix3<f64>, Vector3<f64>),
        q: &[f64],
    ) -> f64 {
        let zeros = core::mem::take(&mut self.zeros);
        let (all, _) = self.momentum(model, &BaseMotion::at_rest(rotation), [q, &zeros]);
        self.zeros = zeros;
        -all.mass * model.gravity.dot(&(position + rotation * all.com))
    }
}

/// The centroidal momentum matrix of a floating base, 6 x nv: momentum `[linear; angular]` about
/// the centre of mass `com` (m, base frame), base axes, from the mass matrix `mass`.
pub fn centroidal_matrix(mass: &DMatrix<f64>, com: &Vector3<f64>, matrix: &mut DMatrix<f64>) {
    for column in 0..mass.ncols() {
        let part = |row: usize| {
            Vector3::new(mass[(row, column)], mass[(row + 1, column)], mass[(row + 2, column)])
        };
        let (linear, angular) = (part(0), part(3) - com.cross(&part(0)));
        for axis in 0..3 {
            matrix[(axis, column)] = linear[axis];
            matrix[(axis + 3, column)] = angular[axis];
        }
    }
}
