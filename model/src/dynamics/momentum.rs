//! Centroidal momentum and energy (Orin, Goswami and Lee 2013).

use nalgebra::{DMatrix, Matrix3, Vector3};

use super::{BaseMotion, Dynamics};
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
