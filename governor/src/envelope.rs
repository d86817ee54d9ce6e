//! The limits no command may leave. Made from the hardware's limits, and only ever made stricter.

use core::fmt;

use signals::{Damping, HardwareLimits, JointId, JointLimits, Joints};

/// Why hardware limits make no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// The limits name no joint at all.
    NoJoints,
    /// The id is not one of this robot's joints.
    UnknownJoint(JointId),
    /// One number of one joint breaks a rule.
    Joint {
        /// The joint.
        joint: JointId,
        /// The field of [`JointLimits`].
        field: &'static str,
        /// The rule it breaks, in words.
        rule: &'static str,
    },
    /// The damping used when nothing else is safe must be a positive number.
    EmergencyDamping,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJoints => write!(f, "the hardware limits name no joint"),
            Self::UnknownJoint(joint) => write!(f, "there is no joint {}", joint.index()),
            Self::Joint { joint, field, rule } => {
                write!(f, "joint {}: `{field}` must be {rule}", joint.index())
            }
            Self::EmergencyDamping => write!(f, "`emergency_damping` must be positive"),
        }
    }
}

impl core::error::Error for EnvelopeError {}

/// What the body can bear. Private fields: it can be tightened, never widened.
///
/// Clauses: A4.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Envelope {
    joints: Joints<JointLimits>,
    emergency_damping: Damping,
}

impl Envelope {
    /// The envelope of a robot with these limits.
    ///
    /// # Errors
    /// A limit that is not a finite number, reversed or not positive; it is named in the error.
    pub fn new(limits: &HardwareLimits) -> Result<Self, EnvelopeError> {
        if limits.joints.is_empty() {
            return Err(EnvelopeError::NoJoints);
        }
        for joint in limits.joints.ids() {
            Self::check(joint, &limits.joints[joint])?;
        }
        if !positive(limits.emergency_damping.0) {
            return Err(EnvelopeError::EmergencyDamping);
        }
        Ok(Self { joints: limits.joints, emergency_damping: limits.emergency_damping })
    }

    /// Makes one joint's limits stricter: of each pair the stricter number stays.
    ///
    /// # Errors
    /// A number that is not finite, or limits that leave no room; the envelope is then unchanged.
    pub fn tighten(&mut self, joint: JointId, to: &JointLimits) -> Result<(), EnvelopeError> {
        if joint.index() >= self.joints.len() {
            return Err(EnvelopeError::UnknownJoint(joint));
        }
        Self::check(joint, to)?;
        let stricter = Self::stricter(&self.joints[joint], to);
        Self::check(joint, &stricter)?;
        self.joints[joint] = stricter;
        Ok(())
    }

    /// Of each pair of limits the stricter one.
    #[must_use]
    pub const fn stricter(now: &JointLimits, to: &JointLimits) -> JointLimits {
        JointLimits {
            q_min: now.q_min.max(to.q_min),
            q_max: now.q_max.min(to.q_max),
            dq_max: now.dq_max.min(to.dq_max),
            tau_max: now.tau_max.min(to.tau_max),
            corner_speed: now.corner_speed.min(to.corner_speed),
            no_load_speed: now.no_load_speed.min(to.no_load_speed),
            // Counting on less deceleration means braking earlier.
            braking: now.braking.min(to.braking),
            kp_max: now.kp_max.min(to.kp_max),
            kd_max: now.kd_max.min(to.kd_max),
            // A lighter load answers a change of torque more strongly.
            inertia_min: now.inertia_min.min(to.inertia_min),
            acceleration_max: now.acceleration_max.min(to.acceleration_max),
            jerk_max: now.jerk_max.min(to.jerk_max),
            torque_rate: now.torque_rate.min(to.torque_rate),
            torque_continuous: now.torque_continuous.min(to.torque_continuous),
            // A winding that warms up faster bears its peak for a shorter time.
            thermal_time: now.thermal_time.min(to.thermal_time),
        }
    }

    /// Whether a joint may have these limits.
    ///
    /// # Errors
    /// A limit that is not a finite number, reversed or not positive; it is named in the error.
    pub fn check(joint: JointId, limits: &JointLimits) -> Result<(), EnvelopeError> {
        let l = limits;
        let range = "at most 1e6 either way, the lower below the upper";
        let above = "positive and at most 1e6";
        let rules = [
            ("q_min", l.q_min.0.abs() <= NUMBER_MAX && l.q_min < l.q_max, range),
            ("q_max", l.q_max.0.abs() <= NUMBER_MAX, range),
            ("dq_max", positive(l.dq_max.0), above),
            ("tau_max", positive(l.tau_max.0), above),
            ("corner_speed", positive(l.corner_speed.0), above),
            ("no_load_speed", positive(l.no_load_speed.0), above),
            ("braking", positive(l.braking.0), above),
            ("kp_max", l.kp_max.0 == 0.0 || positive(l.kp_max.0), "0 to 1e6"),
            ("kd_max", positive(l.kd_max.0), above),
            ("inertia_min", positive(l.inertia_min.0), above),
            ("acceleration_max", positive(l.acceleration_max.0), above),
            ("jerk_max", positive(l.jerk_max.0), above),
            ("torque_rate", positive(l.torque_rate.0), above),
            ("torque_continuous", positive(l.torque_continuous.0), above),
            ("thermal_time", positive(l.thermal_time.0), above),
        ];
        match rules.iter().find(|(_, holds, _)| !holds) {
            Some(&(field, _, rule)) => Err(EnvelopeError::Joint { joint, field, rule }),
            None => Ok(()),
        }
    }

    /// A copy with one joint's limits made stricter.
    ///
    /// # Errors
    /// As [`Envelope::tighten`].
    pub fn tightened(mut self, joint: JointId, to: &JointLimits) -> Result<Self, EnvelopeError> {
        self.tighten(joint, to)?;
        Ok(self)
    }

    /// The limits in force, one set per joint.
    #[must_use]
    pub const fn joints(&self) -> &Joints<JointLimits> {
        &self.joints
    }

    /// Damping used when nothing else is safe.
    #[must_use]
    pub const fn emergency_damping(&self) -> Damping {
        self.emergency_damping
    }
}

/// No limit of a robot is larger, in any SI unit: beyond it sums and squares overflow.
const NUMBER_MAX: f32 = JointLimits::UNLIMITED;

fn positive(number: f32) -> bool {
    number > 0.0 && number <= NUMBER_MAX
}
