//! How every link moves, and the acceleration that its motion makes by itself.
//!
//! R. Featherstone, Rigid Body Dynamics Algorithms (2008), section 4.1 (`Jdot v` is the
//! acceleration at zero joint accelerations) and 2.11 (spatial and classical acceleration). Per
//! link, in the axes of the base: `v, w` velocity of its origin, `dv, dw` the classical
//! acceleration of its origin.

use nalgebra::{Vector3, Vector6};

use super::{Axes, Kinematics};
use crate::dynamics::BaseMotion;
use crate::manifold::Pose;
use crate::tree::{JointKind, RobotModel};

/// Velocity of one link and its acceleration at zero generalised acceleration, base axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkMotion {
    pub(crate) v: Vector3<f64>,
    pub(crate) w: Vector3<f64>,
    dv: Vector3<f64>,
    dw: Vector3<f64>,
}

impl LinkMotion {
    pub(super) const REST: Self = {
        let zero = Vector3::new(0.0, 0.0, 0.0);
        Self { v: zero, w: zero, dv: zero, dw: zero }
    };

    /// Motion of the point of this link that lies at `arm` from its origin, base axes.
    #[inline]
    fn of_point(&self, arm: &Vector3<f64>) -> Self {
        let around = self.w.cross(arm);
        Self {
            v: self.v + around,
            dv: self.dv + self.dw.cross(arm) + self.w.cross(&around),
            ..*self
        }
    }
}

impl Kinematics {
    /// Moves every link, for the joint positions of the last [`Kinematics::update`]: the base with
    /// the velocity in `base` (base frame; at rest where it is fixed), the joints with `v`, rad/s
    /// or m/s, in model order. The attitude and the accelerations in `base` are not read.
    pub fn update_velocities(&mut self, model: &RobotModel, base: &BaseMotion, v: &[f64]) {
        self.motion[0] = LinkMotion::REST;
        if model.floating {
            let (v, w) = (base.linear, base.angular);
            // The velocity's coordinates stand still in a base that turns.
            self.motion[0] = LinkMotion { v, w, dv: w.cross(&v), ..LinkMotion::REST };
        }
        for (k, (joint, &rate)) in model.joints.iter().zip(v).enumerate() {
            let arm = self.places[k + 1].position - self.places[joint.parent].position;
            let mut link = self.motion[joint.parent].of_point(&arm);
            let rate = self.axis(model, k) * rate;
            let turning = link.w.cross(&rate);
            match joint.kind {
                JointKind::Revolute => {
                    link.w += rate;
                    link.dw += turning;
                }
                JointKind::Prismatic => {
                    link.v += rate;
                    link.dv += turning * 2.0;
                }
            }
            self.motion[k + 1] = link;
        }
    }

    /// Velocity `[linear; angular]` of frame `frame`, m/s and rad/s, with the base at `base` in
    /// the world: the Jacobian in these `axes` times the velocities of the last
    /// [`Kinematics::update_velocities`].
    #[must_use]
    pub fn velocity(
        &self,
        model: &RobotModel,
        frame: usize,
        axes: Axes,
        base: &Pose,
    ) -> Vector6<f64> {
        let point = self.frame_motion(model, frame);
        self.in_axes(model, frame, axes, base, [point.v, point.w])
    }

    /// Acceleration `[linear; angular]` of frame `frame`, m/s^2 and rad/s^2, at zero acceleration
    /// of the joints and of the base (whose velocity keeps its coordinates in the base frame), for
    /// the velocities of the last [`Kinematics::update_velocities`] and the base at `base` in the
    /// world. With the Jacobian `J` in the same `axes` and generalised accelerations `a`,
    /// `J a + bias` is
    ///
    /// - [`Axes::LocalWorldAligned`]: the classical acceleration of the frame's origin, which is
    ///   the second derivative of its place in the world; the bias is `Jdot v`;
    /// - [`Axes::Local`]: the same vector in the frame's own axes. It is not `Jdot v` of the local
    ///   Jacobian, which is the spatial acceleration: that is less by angular cross linear
    ///   velocity;
    /// - [`Axes::World`]: the spatial acceleration, that is the derivative of the velocity in the
    ///   same axes; the bias is `Jdot v`.
    #[must_use]
    pub fn bias_acceleration(
        &self,
        model: &RobotModel,
        frame: usize,
        axes: Axes,
        base: &Pose,
    ) -> Vector6<f64> {
        let point = self.frame_motion(model, frame);
        let mut bias = self.in_axes(model, frame, axes, base, [point.dv, point.dw]);
        if axes == Axes::World {
            // The point of the frame at the world's origin is another one in the next moment.
            let flow = base.matrix() * point.v.cross(&point.w);
            (0..3).for_each(|axis| bias[axis] += flow[axis]);
        }
        bias
    }

    /// Motion of the origin of `frame`, base axes.
    fn frame_motion(&self, model: &RobotModel, frame: usize) -> LinkMotion {
        let frame = &model.frames[frame];
        self.motion[frame.link].of_point(&(self.places[frame.link].rotation * frame.position))
    }

    /// A motion at the frame's origin, from base axes to `axes`.
    fn in_axes(
        &self,
        model: &RobotModel,
        frame: usize,
        axes: Axes,
        base: &Pose,
        [linear, angular]: [Vector3<f64>; 2],
    ) -> Vector6<f64> {
        let (linear, angular) = match axes {
            Axes::Local => {
                let own = self.attitude(model, frame);
                (own.tr_mul(&linear), own.tr_mul(&angular))
            }
            Axes::LocalWorldAligned => (base.rotation * linear, base.rotation * angular),
            Axes::World => {
                let place = base.position + base.rotation * self.point(model, frame);
                let (linear, angular) = (base.rotation * linear, base.rotation * angular);
                (linear + place.cross(&angular), angular)
            }
        };
        Vector6::new(linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)
    }
}
