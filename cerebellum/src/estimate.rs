//! Where the robot is and how it moves, from gyroscope, accelerometer, joints and foot contacts
//! alone: what a filter is given and asked, and which one the robot file chose.

use model::{EstimatorFile, EstimatorFilter};
use nalgebra::{Matrix3, UnitQuaternion, Vector3};
use signals::FEET_MAX;

use crate::GRAVITY;
use crate::invariant::{InvariantFilter, InvariantNoise};
use crate::leg_odometry::LegOdometry;

/// What one tick offers the estimator. Base frame.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Time since the last tick, s.
    pub dt: f64,
    /// Angular velocity, rad/s.
    pub gyro: Vector3<f64>,
    /// Specific force, m/s^2.
    pub accelerometer: Vector3<f64>,
    /// Foot positions, m.
    pub feet: [Vector3<f64>; FEET_MAX],
    /// Foot velocities relative to the base, m/s.
    pub feet_velocity: [Vector3<f64>; FEET_MAX],
    /// Angular velocities of the feet's links relative to the base, rad/s.
    pub feet_turning: [Vector3<f64>; FEET_MAX],
    /// How far each foot may be taken as standing, 0 to 1.
    pub trust: [f64; FEET_MAX],
    /// The body is known to lie still.
    pub resting: bool,
}

/// The filter of a robot. Starts at the origin of its own odometry frame.
#[derive(Clone, Debug)]
pub struct Estimator(Filter);

#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one in a robot, and it must not allocate")]
enum Filter {
    LegOdometry(LegOdometry),
    Invariant(InvariantFilter),
}

impl Estimator {
    /// The filter that `file` names, for a robot with `feet` feet of radius `foot_radius` m that
    /// rests with its base at `rest_height` m.
    #[must_use]
    pub fn new(file: EstimatorFile, feet: usize, foot_radius: f64, rest_height: f64) -> Self {
        Self(match file.filter {
            EstimatorFilter::LegOdometry => {
                Filter::LegOdometry(LegOdometry::new(file, feet, foot_radius, rest_height))
            }
            EstimatorFilter::Invariant => {
                let noise = InvariantNoise::from(&file);
                Filter::Invariant(InvariantFilter::new(noise, feet, foot_radius, rest_height))
            }
        })
    }

    /// Base to odometry frame.
    #[must_use]
    pub fn attitude(&self) -> UnitQuaternion<f64> {
        match &self.0 {
            Filter::LegOdometry(filter) => filter.attitude(),
            Filter::Invariant(filter) => filter.attitude(),
        }
    }

    /// Base position, m, odometry frame.
    #[must_use]
    pub fn position(&self) -> Vector3<f64> {
        match &self.0 {
            Filter::LegOdometry(filter) => filter.position(),
            Filter::Invariant(filter) => filter.position(),
        }
    }

    /// Base velocity, m/s, odometry frame.
    #[must_use]
    pub fn velocity(&self) -> Vector3<f64> {
        match &self.0 {
            Filter::LegOdometry(filter) => filter.velocity(),
            Filter::Invariant(filter) => filter.velocity(),
        }
    }

    /// Initialised and finite.
    #[must_use]
    pub fn valid(&self) -> bool {
        match &self.0 {
            Filter::LegOdometry(filter) => filter.valid(),
            Filter::Invariant(filter) => filter.valid(),
        }
    }

    /// What gyroscope and accelerometer show too much, rad/s and m/s^2, base frame; zero where the
    /// filter estimates none.
    #[must_use]
    pub fn biases(&self) -> (Vector3<f64>, Vector3<f64>) {
        match &self.0 {
            Filter::LegOdometry(_) => (Vector3::zeros(), Vector3::zeros()),
            Filter::Invariant(filter) => (filter.gyro_bias(), filter.accelerometer_bias()),
        }
    }

    /// What gyroscope and accelerometer would say of a base that neither turns nor speeds up; no
    /// number before the start.
    #[must_use]
    pub fn unmoved(&self) -> (Vector3<f64>, Vector3<f64>) {
        let gravity = if self.has_started() { GRAVITY } else { f64::NAN };
        let up = self.attitude().inverse() * Vector3::new(0.0, 0.0, gravity);
        let (gyro, accelerometer) = self.biases();
        (gyro, accelerometer + up)
    }

    fn has_started(&self) -> bool {
        match &self.0 {
            Filter::LegOdometry(filter) => filter.has_started(),
            Filter::Invariant(filter) => filter.valid(),
        }
    }

    /// Takes one tick. Measurements that are not finite are left out; the filter then only
    /// predicts.
    pub fn update(&mut self, m: &Measurement) {
        match &mut self.0 {
            Filter::LegOdometry(filter) => filter.update(m),
            Filter::Invariant(filter) => filter.update(m),
        }
    }
}

/// The attitude without yaw in which a base at rest feels the specific force `up`, m/s^2, base
/// frame; none where that is too weak to say.
pub(crate) fn level(up: &Vector3<f64>) -> Option<UnitQuaternion<f64>> {
    let roll = up.y.atan2(up.z);
    let pitch = (-up.x).atan2(up.y.hypot(up.z));
    (up.norm() >= 0.5 * GRAVITY).then(|| UnitQuaternion::from_euler_angles(roll, pitch, 0.0))
}

/// A round foot rolls on the ground: its centre moves with the `turning` of its link, rad/s, base
/// frame, which `rotation` brings to the odometry frame. There, m/s. At 0.5 m/s this is 7 % of the
/// speed; left out, the odometry is short by as much.
pub(crate) fn rolling(
    rotation: &Matrix3<f64>,
    turning: &Vector3<f64>,
    radius: f64,
) -> Vector3<f64> {
    (rotation * turning).cross(&Vector3::new(0.0, 0.0, radius))
}
