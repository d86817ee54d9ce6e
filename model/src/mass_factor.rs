//! The mass matrix in factors, `M = L^T L`, with the zeros that the tree leaves.
//!
//! R. Featherstone, Rigid Body Dynamics Algorithms (2008), section 6.5 and table 6.3: a degree of
//! freedom is coupled only with those between it and the base, and so is `L`.

use nalgebra::DMatrix;

use crate::tree::RobotModel;

/// The factor of one mass matrix, and which degree of freedom hangs on which.
#[derive(Clone, Debug)]
pub struct MassFactor {
    lower: DMatrix<f64>,
    /// One more than the degree of freedom it hangs on; 0 for none.
    parent: Vec<usize>,
}

impl MassFactor {
    /// Memory for `model`.
    #[must_use]
    pub fn new(model: &RobotModel) -> Self {
        let (nv, offset) = (model.velocity_count(), model.velocity_count() - model.joint_count());
        let parent = (0..nv).map(|dof| match dof.checked_sub(offset) {
            None => dof,
            Some(joint) => match model.joints[joint].parent {
                0 => offset,
                link => offset + link,
            },
        });
        Self { parent: parent.collect(), lower: DMatrix::zeros(nv, nv) }
    }

    /// Factors `mass`. False where that is not positive definite: then nothing can be solved.
    #[must_use]
    pub fn update(&mut self, mass: &DMatrix<f64>) -> bool {
        self.lower.as_mut_slice().copy_from_slice(mass.as_slice());
        let l = &mut self.lower;
        for k in (0..self.parent.len()).rev() {
            let pivot = l[(k, k)];
            if pivot.is_nan() || pivot <= 0.0 {
                return false;
            }
            let root = pivot.sqrt();
            l[(k, k)] = root;
            let mut i = self.parent[k];
            while i > 0 {
                l[(k, i - 1)] /= root;
                i = self.parent[i - 1];
            }
            let mut i = self.parent[k];
            while i > 0 {
                let factor = l[(k, i - 1)];
                let mut j = i;
                while j > 0 {
                    l[(i - 1, j - 1)] -= factor * l[(k, j - 1)];
                    j = self.parent[j - 1];
                }
                i = self.parent[i - 1];
            }
        }
        true
    }

    /// Replaces `x` by `M^-1 x`.
    pub fn solve(&self, x: &mut [f64]) {
        let l = &self.lower;
        for k in (0..self.parent.len()).rev() {
            x[k] /= l[(k, k)];
            let mut i = self.parent[k];
            while i > 0 {
                x[i - 1] -= l[(k, i - 1)] * x[k];
                i = self.parent[i - 1];
            }
        }
        for k in 0..self.parent.len() {
            let mut i = self.parent[k];
            while i > 0 {
                x[k] -= l[(k, i - 1)] * x[i - 1];
                i = self.parent[i - 1];
            }
            x[k] /= l[(k, k)];
        }
    }

    /// The inverse of the mass matrix.
    pub fn inverse(&self, inverse: &mut DMatrix<f64>) {
        inverse.fill_with_identity();
        for mut column in inverse.column_iter_mut() {
            self.solve(column.as_mut_slice());
        }
    }
}
