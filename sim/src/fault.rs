//! What goes wrong on demand.

use core::time::Duration;

use signals::{JointId, Joints, Newtons};

/// Something that happens to the body from outside. Takes effect with the next tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    /// A force on the base, at its centre of mass.
    Push {
        /// World frame.
        force: [Newtons; 3],
        /// How long it acts.
        duration: Duration,
    },
    /// The encoder stops: its reading keeps its old value and its old time stamp.
    FreezeJoint(JointId),
    /// The encoder works again.
    ThawJoint(JointId),
    /// The inertial unit stops: its reading keeps its old values and its old time stamp.
    ImuFreeze,
    /// The inertial unit works again.
    ImuThaw,
    /// The encoder's reading is not a number, with a fresh time stamp; `false` ends it.
    NanJoint(JointId, bool),
    /// No more scans: the last one stays, with its old time stamp; `false` ends it.
    LidarOff(bool),
}

/// The faults in force.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    pub(crate) frozen: Joints<bool>,
    pub(crate) not_a_number: Joints<bool>,
    pub(crate) imu_frozen: bool,
    pub(crate) lidar_off: bool,
    pushes: Vec<Push>,
}

#[derive(Clone, Copy, Debug)]
struct Push {
    force: [Newtons; 3],
    /// How long it still acts.
    remaining: Duration,
}

impl Faults {
    pub(crate) fn none(joints: usize) -> Self {
        Self {
            frozen: Joints::filled(false, joints),
            not_a_number: Joints::filled(false, joints),
            imu_frozen: false,
            lidar_off: false,
            pushes: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Push { force, duration } => {
                self.pushes.push(Push { force, remaining: duration });
            }
            Disturbance::FreezeJoint(joint) => self.frozen[joint] = true,
            Disturbance::ThawJoint(joint) => self.frozen[joint] = false,
            Disturbance::ImuFreeze => self.imu_frozen = true,
            Disturbance::ImuThaw => self.imu_frozen = false,
            Disturbance::NanJoint(joint, on) => self.not_a_number[joint] = on,
            Disturbance::LidarOff(off) => self.lidar_off = off,
        }
    }

    /// Sum of the pushes over the coming `tick`, N, world frame.
    pub(crate) fn push(&mut self, tick: Duration) -> [f32; 3] {
        self.pushes.retain(|push| !push.remaining.is_zero());
        let sum = core::array::from_fn(|axis| self.pushes.iter().map(|p| p.force[axis].0).sum());
        for push in &mut self.pushes {
            push.remaining = push.remaining.saturating_sub(tick);
        }
        sum
    }
}
