//! A spring and a damper in each joint.

use model::{Inertia, RobotModel};

use super::{
    Arm, Drives, ImpedanceFault, ImpedanceStatus, TorqueLimits, filter_part, tick, usable_gain,
};
use crate::trajectory::JointMotion;

/// Spring and damper of one joint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointSpring {
    /// N m/rad or N/m, 0 to 1e5.
    pub stiffness: f64,
    /// N m s/rad or N s/m, 0 to 1e5.
    pub damping: f64,
}

/// `tau = kp (q_d - q) + kd (dq_d - dq) + M ddq_d + C dq + g`. All memory is allocated when built.
#[derive(Clone, Debug)]
pub struct JointImpedance {
    arm: Arm,
    drives: Drives,
    /// As they were set, and as they are let in.
    wanted: Vec<JointSpring>,
    springs: Vec<JointSpring>,
    time_constant: f64,
    /// The target as it is let in, rad or m; no number before the first one.
    middle: Vec<f64>,
    torque: Vec<f64>,
    acceleration: Vec<f64>,
}

impl JointImpedance {
    /// For an arm, with a spring for each joint; targets and gains that jump are let in with
    /// `time_constant` s, 0 to 10.
    ///
    /// # Errors
    /// When something does not fit or is no usable number.
    pub fn new(
        model: &RobotModel,
        springs: &[JointSpring],
        limits: TorqueLimits<'_>,
        time_constant: f64,
    ) -> Result<Self, ImpedanceFault> {
        let arm = Arm::new(model)?;
        let count = model.joint_count();
        if !(0.0..=10.0).contains(&time_constant) {
            return Err(ImpedanceFault::BadNumber);
        }
        let slack = JointSpring { stiffness: 0.0, damping: 0.0 };
        let mut all = Self {
            arm,
            drives: Drives::new(count, limits)?,
            wanted: vec![slack; count],
            springs: vec![slack; count],
            time_constant,
            middle: vec![f64::NAN; count],
            torque: vec![0.0; count],
            acceleration: vec![0.0; count],
        };
        all.stiffen(springs)?;
        all.springs.copy_from_slice(springs);
        Ok(all)
    }

    /// Other springs, let in through the filter.
    ///
    /// # Errors
    /// When the count or a number is wrong; then the old ones stay.
    pub fn stiffen(&mut self, springs: &[JointSpring]) -> Result<(), ImpedanceFault> {
        if springs.len() != self.wanted.len() {
            return Err(ImpedanceFault::DoesNotFit);
        }
        let usable =
            |spring: &JointSpring| usable_gain(spring.stiffness) && usable_gain(spring.damping);
        if !springs.iter().all(usable) {
            return Err(ImpedanceFault::BadNumber);
        }
        self.wanted.copy_from_slice(springs);
        Ok(())
    }

    /// Carries `payload` (axes and origin of frame `frame`) instead of what was carried.
    ///
    /// # Errors
    /// When there is no such frame or no such body; then nothing changes.
    pub fn carry(&mut self, frame: usize, payload: &Inertia) -> Result<(), ImpedanceFault> {
        self.arm.carry(frame, payload)
    }

    /// The torques of this tick, N m or N: the last ones of [`Self::update`].
    #[must_use]
    pub fn torques(&self) -> &[f64] {
        &self.drives.torque
    }

    /// States that were not usable so far.
    #[must_use]
    pub fn bad_states(&self) -> u32 {
        self.drives.bad_states
    }

    /// Computes the torques for joints at `q` (rad or m) that move with `dq`, `dt` s after the last
    /// ones. A target that jumps is approached through the filter; one that moves is followed
    /// without delay, by its own velocity.
    pub fn update(
        &mut self,
        [q, dq]: [&[f64]; 2],
        target: &[JointMotion],
        dt: f64,
    ) -> ImpedanceStatus {
        let dt = tick(dt);
        let finite = |at: &JointMotion| {
            [at.position, at.velocity, at.acceleration].iter().all(|v| v.abs() <= 1e6)
        };
        let usable = target.len() == self.middle.len() && target.iter().all(finite);
        if !usable || !self.arm.update(q, dq) {
            return self.drives.hold(&self.arm.gravity, dt);
        }
        let part = filter_part(dt, self.time_constant);
        for (joint, at) in target.iter().enumerate() {
            let (spring, wanted) = (&mut self.springs[joint], &self.wanted[joint]);
            spring.stiffness += part * (wanted.stiffness - spring.stiffness);
            spring.damping += part * (wanted.damping - spring.damping);
            let middle = self.middle[joint];
            // The first target is approached from where the joint is.
            let middle = if middle.is_nan() { q[joint] } else { middle + at.velocity * dt };
            let middle = middle + part * (at.position - middle);
            self.middle[joint] = middle;
            let error = middle - q[joint];
            self.torque[joint] =
                spring.stiffness * error + spring.damping * (at.velocity - dq[joint]);
            self.acceleration[joint] = at.acceleration;
        }
        for (row, torque) in self.torque.iter_mut().enumerate() {
            let pull = self.acceleration.iter().enumerate();
            let pull: f64 = pull.map(|(column, a)| self.arm.mass[(row, column)] * a).sum();
            *torque += pull + self.arm.bias[row];
        }
        self.drives.follow(&self.torque, &self.arm.bias, dt)
    }
}
