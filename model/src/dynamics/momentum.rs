//! Centroidal momentum and energy (Orin, Goswami and Lee 2013).

use nalgebra::{DMatrix, Matrix3, Vector3};

use super::{BaseMotion, Dynamics, momentum_of};
use crate::tree::{Inertia, RobotModel};

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

impl Dynamics {
    /// Momentum for joint positions `q` and velocities `v`, and the kinetic energy, J, with that of
    /// the rotors.
    pub fn momentum(
        &mut self,
        model: &RobotModel,
        base: &BaseMotion,
        [q, v]: [&[f64]; 2],
    ) -> (Momentum, f64) {
        self.start_at_base(model, base);
        let zero = Vector3::zeros();
        let mut all = Momentum { linear: zero, angular: zero, com: zero, mass: 0.0 };
        let mut doubled = 0.0;
        // Momentum about each link's origin, carried to the base like a wrench.
        let root = &mut self.links[0];
        let own = if model.floating { model.base } else { Inertia::ZERO };
        (root.f, root.n) = momentum_of(&own, &root.v, &root.w);
        doubled += root.v.dot(&root.f) + root.w.dot(&root.n);
        (root.mass, root.first_moment) = (own.mass, own.com * own.mass);
        for (k, joint) in model.joints.iter().enumerate() {
            let parent = self.links[joint.parent];
            let link = &mut self.links[k + 1];
            link.follow(&parent, joint, q[k], v[k]);
            (link.f, link.n) = momentum_of(&joint.inertia, &link.v, &link.w);
            doubled += link.v.dot(&link.f) + link.w.dot(&link.n) + joint.armature * v[k] * v[k];
            (link.mass, link.first_moment) =
                (joint.inertia.mass, joint.inertia.com * joint.inertia.mass);
        }
        for (k, joint) in model.joints.iter().enumerate().rev() {
            let link = self.links[k + 1];
            let parent = &mut self.links[joint.parent];
            let linear = link.rotation * link.f;
            parent.f += linear;
            parent.n += link.rotation * link.n + link.position.cross(&linear);
            parent.first_moment += link.rotation * link.first_moment + link.position * link.mass;
            parent.mass += link.mass;
        }
        let root = &self.links[0];
        all.mass = root.mass;
        if root.mass > 0.0 {
            all.com = root.first_moment / root.mass;
        }
        (all.linear, all.angular) = (root.f, root.n - all.com.cross(&root.f));
        (all, 0.5 * doubled)
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
