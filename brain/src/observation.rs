//! What a planner may know of one moment.

use signals::{
    BodyState, Instant, JointState, Joints, LIDAR_BEAMS, LidarScan, Metres, MetresPerSecond,
    RadiansPerSecond,
};

/// What the robot saw and where it was going at one instant. Base frame: x forward, y left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// When it was measured: the time of its oldest part. Plans are timed from here.
    pub at: Instant,
    /// Lidar ranges, beam `i` at [`LidarScan::angle`].
    pub ranges: [Metres; LIDAR_BEAMS],
    /// Range of the sensor: a beam this long or longer hit nothing. Zero: there is no sensor.
    pub range_max: Metres,
    /// The goal relative to the base, forward and left; `None` asks for standing still.
    pub goal: Option<[Metres; 2]>,
    /// Measured forward speed.
    pub forward_speed: MetresPerSecond,
    /// Measured yaw rate, counter-clockwise.
    pub yaw_rate: RadiansPerSecond,
    /// The joints as estimated.
    pub joints: Joints<JointState>,
    /// Epoch of the lease in force; the plan carries it back.
    pub epoch: u32,
}

impl Observation {
    /// Puts together a scan, an estimate and a goal given in the estimate's odometry frame.
    #[must_use]
    pub fn new(scan: &LidarScan, state: &BodyState, goal: Option<[Metres; 2]>, epoch: u32) -> Self {
        let (sin, cos) = state.attitude.yaw().0.sin_cos();
        let in_base = |[x, y]: [Metres; 2]| {
            let (ahead, aside) = (x - state.position[0], y - state.position[1]);
            [ahead * cos + aside * sin, aside * cos - ahead * sin]
        };
        Self {
            at: scan.at.min(state.at),
            ranges: scan.ranges,
            range_max: scan.range_max,
            goal: goal.map(in_base),
            forward_speed: state.velocity[0],
            yaw_rate: state.angular_velocity[2],
            joints: state.joints,
            epoch,
        }
    }

    /// What a planner for the joints alone needs: there is no scan and no goal.
    #[must_use]
    pub const fn of_joints(state: &BodyState, epoch: u32) -> Self {
        Self {
            at: state.at,
            ranges: [Metres(0.0); LIDAR_BEAMS],
            range_max: Metres(0.0),
            goal: None,
            forward_speed: state.velocity[0],
            yaw_rate: state.angular_velocity[2],
            joints: state.joints,
            epoch,
        }
    }
}

#[cfg(test)]
mod tests {
    use signals::{Feet, Posture, Quaternion, Radians};

    use super::*;

    #[test]
    fn the_goal_is_seen_from_the_base_and_time_is_the_oldest() {
        let turned = core::f32::consts::FRAC_PI_4;
        let state = BodyState {
            at: Instant::from_nanos(7),
            position: [Metres(1.0), Metres(2.0), Metres(0.3)],
            attitude: Quaternion { w: turned.cos(), x: 0.0, y: 0.0, z: turned.sin() },
            velocity: [MetresPerSecond(0.4), MetresPerSecond(0.1), MetresPerSecond(0.0)],
            angular_velocity: [RadiansPerSecond(0.0), RadiansPerSecond(0.0), RadiansPerSecond(0.2)],
            joints: Joints::default(),
            contact: Feet::default(),
            posture: Posture::Walking,
            valid: true,
        };
        let scan = LidarScan {
            ranges: [Metres(6.0); LIDAR_BEAMS],
            range_max: Metres(6.0),
            at: Instant::from_nanos(5),
        };
        // The robot looks along world y, so a goal further along world y lies straight ahead.
        let seen = Observation::new(&scan, &state, Some([Metres(1.0), Metres(5.0)]), 0);
        let [forward, left] = seen.goal.unwrap();
        assert!((forward.0 - 3.0).abs() < 1e-5 && left.0.abs() < 1e-5, "{forward:?} {left:?}");
        assert_eq!(seen.at, Instant::from_nanos(5));
        assert_eq!(LidarScan::angle(LIDAR_BEAMS / 2), Radians(0.0));
    }
}
