//! The mass matrix in factors, `M = L^T D L`, with the zeros that the tree leaves.
//!
//! R. Featherstone, Rigid Body Dynamics Algorithms (2008), section 6.5 and table 6.3: a degree of
//! freedom is coupled only with those between it and the base, and so is `L`. Deviation: a row of
//! `L` holds only those, from the base outwards; then each row begins with the row of any degree of
//! freedom on its way, place by place.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use nalgebra::DMatrix;

use crate::tree::RobotModel;

/// The factor of one mass matrix, and which degree of freedom hangs on which.
#[derive(Clone, Debug)]
pub struct MassFactor {
    /// The rows of `L` one after the other, with one over `D` for its diagonal of ones.
    lower: Vec<f64>,
    /// Of which degree of freedom each element is.
    path: Vec<usize>,
    /// Where each row lies; its last element is the one of `D`.
    rows: Vec<Range<usize>>,
}

impl MassFactor {
    /// Memory for `model`.
    #[must_use]
    pub fn new(model: &RobotModel) -> Self {
        let (nv, offset) = (model.velocity_count(), model.velocity_count() - model.joint_count());
        let (mut path, mut rows) = (Vec::new(), Vec::<Range<usize>>::with_capacity(nv));
        for dof in 0..nv {
            // One more than the degree of freedom it hangs on.
            let parent = match dof.checked_sub(offset) {
                None => dof,
                Some(joint) => offset + model.joints[joint].parent,
            };
            let start = path.len();
            if parent > 0 {
                path.extend_from_within(rows[parent - 1].clone());
            }
            path.push(dof);
            rows.push(start..path.len());
        }
        Self { lower: vec![0.0; path.len()], path, rows }
    }

    /// Factors `mass`. False where that is not positive definite or no number: then nothing can be
    /// solved.
    #[must_use]
    pub fn update(&mut self, mass: &DMatrix<f64>) -> bool {
        for (k, row) in self.rows.iter().enumerate() {
            let column = &mass.as_slice()[k * mass.nrows()..];
            for (l, &i) in self.lower[row.clone()].iter_mut().zip(&self.path[row.clone()]) {
                *l = column[i];
            }
        }
        for row in self.rows.iter().rev() {
            let (inner, outer) = self.lower.split_at_mut(row.start);
            let Some((pivot, way)) = outer[..row.len()].split_last_mut() else { return false };
            *pivot = 1.0 / *pivot;
            if !pivot.is_finite() || *pivot <= 0.0 {
                return false;
            }
            for (m, &i) in self.path[row.clone()].iter().enumerate().take(way.len()) {
                let factor = way[m] * *pivot;
                let to = &mut inner[self.rows[i].clone()];
                to.iter_mut().zip(&*way).for_each(|(to, l)| *to -= factor * l);
            }
            way.iter_mut().for_each(|l| *l *= *pivot);
        }
        true
    }

    /// Replaces `x` by `M^-1 x`.
    pub fn solve(&self, x: &mut [f64]) {
        for k in (0..self.rows.len()).rev() {
            let (_, way) = self.row(k);
            let known = x[k];
            way.for_each(|(l, i)| x[i] -= l * known);
        }
        for k in 0..self.rows.len() {
            let (per_pivot, way) = self.row(k);
            let known: f64 = way.map(|(l, i)| l * x[i]).sum();
            x[k] = x[k] * per_pivot - known;
        }
    }

    /// The inverse of the mass matrix.
    pub fn inverse(&self, inverse: &mut DMatrix<f64>) {
        inverse.fill_with_identity();
        for mut column in inverse.column_iter_mut() {
            self.solve(column.as_mut_slice());
        }
    }

    /// The element of `D` of row `k`, and the rest with its degrees of freedom.
    fn row(&self, k: usize) -> (f64, impl Iterator<Item = (f64, usize)>) {
        let row = self.rows[k].clone();
        let way = row.start..row.end - 1;
        let rest = self.lower[way.clone()].iter().copied().zip(self.path[way].iter().copied());
        (self.lower[row.end - 1], rest)
    }
}
