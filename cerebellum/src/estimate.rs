//! Where the robot is and how it moves, from gyroscope, accelerometer, joints and foot contacts
//! alone.
//!
//! Attitude: the gyroscope integrated on the sphere and pulled towards gravity (R. Mahony et al.,
//! Nonlinear complementary filters on the special orthogonal group, 2008). Position and velocity:
//! the linear leg-odometry Kalman filter of the MIT Cheetah 3 (G. Bledt et al., IROS 2018), state
//! `x = [p, v, p_1..p_4]` (18), all in the odometry frame. Its measurement noise is diagonal, so
//! the 28 measurements are taken one at a time, which needs no matrix inverse.

use model::EstimatorFile;
use nalgebra::{Matrix3, Quaternion, SMatrix, SVector, UnitQuaternion, Vector3};
use signals::FEET_MAX;

use crate::GRAVITY;

const SIZE: usize = 6 + 3 * FEET_MAX;
/// A foot in the air is trusted this much less than one on the ground.
const SWING_NOISE: f64 = 1e4;
/// Innovations above this many standard deviations are taken at that size.
const INNOVATION_MAX: f64 = 5.0;

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

/// The filter. Starts at the origin of its own odometry frame.
#[derive(Clone, Debug)]
pub struct Estimator {
    noise: EstimatorFile,
    feet: usize,
    foot_radius: f64,
    rest_height: f64,
    attitude: Option<UnitQuaternion<f64>>,
    x: SVector<f64, SIZE>,
    p: SMatrix<f64, SIZE, SIZE>,
}

impl Estimator {
    /// For a robot with `feet` feet of radius `foot_radius` m that rests with its base at
    /// `rest_height` m.
    #[must_use]
    pub fn new(noise: EstimatorFile, feet: usize, foot_radius: f64, rest_height: f64) -> Self {
        let attitude = None;
        let (x, p) = (SVector::zeros(), SMatrix::identity());
        Self { noise, feet, foot_radius, rest_height, attitude, x, p }
    }

    /// Base to odometry frame.
    #[must_use]
    pub fn attitude(&self) -> UnitQuaternion<f64> {
        self.attitude.unwrap_or_else(UnitQuaternion::identity)
    }

    /// Base position, m, odometry frame.
    #[must_use]
    pub fn position(&self) -> Vector3<f64> {
        self.x.fixed_rows::<3>(0).into_owned()
    }

    /// Base velocity, m/s, odometry frame.
    #[must_use]
    pub fn velocity(&self) -> Vector3<f64> {
        self.x.fixed_rows::<3>(3).into_owned()
    }

    /// Initialised and finite.
    #[must_use]
    pub fn valid(&self) -> bool {
        self.attitude.is_some()
            && self.x.iter().all(|v| v.is_finite())
            && (0..SIZE).all(|k| self.p[(k, k)].is_finite() && self.p[(k, k)] >= 0.0)
    }

    /// What gyroscope and accelerometer would say of a base that neither turns nor speeds up; no
    /// number before the start.
    #[must_use]
    pub fn unmoved(&self) -> (Vector3<f64>, Vector3<f64>) {
        let gravity = if self.attitude.is_some() { GRAVITY } else { f64::NAN };
        (Vector3::zeros(), self.attitude().inverse() * Vector3::new(0.0, 0.0, gravity))
    }

    /// Takes one tick. Measurements that are not finite are left out; the filter then only
    /// predicts.
    pub fn update(&mut self, m: &Measurement) {
        let usable = m.dt.is_finite()
            && m.dt > 0.0
            && m.gyro.iter().chain(m.accelerometer.iter()).all(|v| v.is_finite());
        if !usable {
            return;
        }
        let Some(attitude) = self.attitude else {
            self.initialise(m);
            return;
        };
        self.attitude = Some(self.turned(attitude, m));
        let rotation = self.attitude().to_rotation_matrix().into_inner();
        self.predict(m, &rotation);
        self.correct(m, &rotation);
    }

    /// Level from gravity, yaw zero, feet where the kinematics put them.
    fn initialise(&mut self, m: &Measurement) {
        let up = m.accelerometer;
        if up.norm() < 0.5 * GRAVITY {
            return;
        }
        let roll = up.y.atan2(up.z);
        let pitch = (-up.x).atan2(up.y.hypot(up.z));
        let attitude = UnitQuaternion::from_euler_angles(roll, pitch, 0.0);
        self.attitude = Some(attitude);
        self.x[2] = self.rest_height;
        for foot in 0..self.feet {
            let place = attitude * m.feet[foot] + self.position();
            self.x.fixed_rows_mut::<3>(6 + 3 * foot).copy_from(&place);
        }
        self.p = SMatrix::identity() * 0.01;
    }

    fn turned(&self, attitude: UnitQuaternion<f64>, m: &Measurement) -> UnitQuaternion<f64> {
        let up = attitude.inverse() * Vector3::z();
        let force = m.accelerometer.norm();
        // Only a body that is not being accelerated shows where down is.
        let calm = 1.0 - ((force - GRAVITY).abs() / (0.3 * GRAVITY)).min(1.0);
        let pull = if force > 0.0 { m.accelerometer.cross(&up) / force } else { Vector3::zeros() };
        let rate = m.gyro + pull * (self.noise.attitude_gain_per_s * calm);
        let turned = attitude * UnitQuaternion::from_scaled_axis(rate * m.dt);
        UnitQuaternion::from_quaternion(Quaternion::from(turned.coords))
    }

    fn predict(&mut self, m: &Measurement, rotation: &Matrix3<f64>) {
        let dt = m.dt;
        let a = rotation * m.accelerometer - Vector3::new(0.0, 0.0, GRAVITY);
        for k in 0..3 {
            self.x[k] += self.x[3 + k] * dt + 0.5 * a[k] * dt * dt;
            self.x[3 + k] += a[k] * dt;
        }
        // P <- A P A' with A = [1 dt; 0 1] on (p, v): rows, then columns.
        for k in 0..3 {
            for column in 0..SIZE {
                self.p[(k, column)] += dt * self.p[(3 + k, column)];
            }
        }
        for k in 0..3 {
            for row in 0..SIZE {
                self.p[(row, k)] += dt * self.p[(row, 3 + k)];
            }
        }
        let velocity = (self.noise.accelerometer_noise_m_s2.powi(2) + 0.02) * dt;
        for k in 0..3 {
            self.p[(k, k)] += velocity * dt * dt + 1e-9;
            self.p[(3 + k, 3 + k)] += velocity;
        }
        for foot in 0..self.feet {
            let rolled = self.rolling(m, foot, rotation) * dt;
            for k in 0..3 {
                self.x[6 + 3 * foot + k] += rolled[k];
            }
            let slip = 1e-6 * (1.0 + SWING_NOISE * (1.0 - m.trust[foot]));
            for k in 0..3 {
                self.p[(6 + 3 * foot + k, 6 + 3 * foot + k)] += slip;
            }
        }
    }

    /// A round foot rolls on the ground: its centre moves with the turning of its link. World, m/s.
    /// At 0.5 m/s this is 7 % of the speed; left out, the odometry is short by as much.
    fn rolling(&self, m: &Measurement, foot: usize, rotation: &Matrix3<f64>) -> Vector3<f64> {
        let turning = rotation * (m.gyro + m.feet_turning[foot]);
        turning.cross(&Vector3::new(0.0, 0.0, self.foot_radius))
    }

    fn correct(&mut self, m: &Measurement, rotation: &Matrix3<f64>) {
        let variance = |noise: f64, trust: f64| noise * noise * (1.0 + SWING_NOISE * (1.0 - trust));
        for foot in 0..self.feet {
            let trust = m.trust[foot];
            let at = 6 + 3 * foot;
            let place = rotation * m.feet[foot];
            let position = variance(self.noise.foot_position_noise_m, trust);
            for k in 0..3 {
                self.scalar(&[(at + k, 1.0), (k, -1.0)], place[k], position);
            }
            if trust <= 0.0 {
                continue;
            }
            let spin = m.gyro.cross(&m.feet[foot]);
            let rolling = self.rolling(m, foot, rotation);
            let moving = rolling - rotation * (m.feet_velocity[foot] + spin);
            let velocity = variance(self.noise.foot_velocity_noise_m_s, trust);
            for k in 0..3 {
                self.scalar(&[(3 + k, 1.0)], moving[k], velocity);
            }
            let height = variance(self.noise.foot_height_noise_m, trust);
            self.scalar(&[(at + 2, 1.0)], self.foot_radius, height);
        }
        if m.resting {
            for k in 0..3 {
                self.scalar(&[(3 + k, 1.0)], 0.0, 1e-4);
            }
            self.scalar(&[(2, 1.0)], self.rest_height, 1e-4);
        }
    }

    /// One scalar measurement `sum of c x_i = value`, with the variance of its noise.
    fn scalar(&mut self, row: &[(usize, f64)], value: f64, variance: f64) {
        if !value.is_finite() {
            return;
        }
        let mut ph = SVector::<f64, SIZE>::zeros();
        let mut expected = 0.0;
        for &(index, c) in row {
            ph += self.p.column(index) * c;
            expected += c * self.x[index];
        }
        let spread: f64 = row.iter().map(|&(index, c)| c * ph[index]).sum::<f64>() + variance;
        let bound = INNOVATION_MAX * spread.sqrt();
        let innovation = (value - expected).clamp(-bound, bound);
        self.x += ph * (innovation / spread);
        // P -= ph ph' / S, kept symmetric by construction.
        for column in 0..SIZE {
            let factor = ph[column] / spread;
            if factor != 0.0 {
                for row in 0..SIZE {
                    self.p[(row, column)] -= ph[row] * factor;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise() -> EstimatorFile {
        EstimatorFile {
            accelerometer_noise_m_s2: 0.1,
            attitude_gain_per_s: 0.3,
            contact_force_n: 15.0,
            foot_position_noise_m: 0.002,
            foot_velocity_noise_m_s: 0.1,
            foot_height_noise_m: 0.002,
        }
    }

    fn still() -> Measurement {
        let foot = |x: f64, y: f64| Vector3::new(x, y, -0.28);
        let zero = [Vector3::zeros(); FEET_MAX];
        Measurement {
            dt: 1e-3,
            gyro: Vector3::zeros(),
            accelerometer: Vector3::new(0.0, 0.0, GRAVITY),
            feet: [foot(0.2, 0.14), foot(0.2, -0.14), foot(-0.2, 0.14), foot(-0.2, -0.14)],
            feet_velocity: zero,
            feet_turning: zero,
            trust: [1.0; FEET_MAX],
            resting: false,
        }
    }

    fn estimator() -> Estimator {
        Estimator::new(noise(), 4, 0.02, 0.30)
    }

    #[test]
    fn a_standing_robot_stays_where_it_is() {
        let mut estimator = estimator();
        (0..5000).for_each(|_| estimator.update(&still()));
        assert!(estimator.valid());
        assert!(estimator.velocity().norm() < 1e-6, "{}", estimator.velocity());
        let at = estimator.position();
        assert!(at.xy().norm() < 1e-6 && (at.z - 0.30).abs() < 1e-3, "{at}");
    }

    #[test]
    fn standing_feet_that_move_back_mean_a_base_that_moves_on() {
        let (mut estimator, mut m) = (estimator(), still());
        (0..200).for_each(|_| estimator.update(&m));
        for _ in 0..1000 {
            m.feet.iter_mut().for_each(|foot| foot.x -= 0.3e-3);
            m.feet_velocity = [Vector3::new(-0.3, 0.0, 0.0); FEET_MAX];
            estimator.update(&m);
        }
        assert!((estimator.velocity().x - 0.3).abs() < 0.01, "{}", estimator.velocity());
        assert!((estimator.position().x - 0.3).abs() < 0.02, "{}", estimator.position());
    }

    #[test]
    fn a_round_foot_carries_the_base_along_as_its_leg_turns() {
        let (mut estimator, mut m) = (estimator(), still());
        // The leg turns by 1 rad/s about the foot: its centre moves by radius times that.
        m.feet_turning = [Vector3::new(0.0, 1.0, 0.0); FEET_MAX];
        (0..3000).for_each(|_| estimator.update(&m));
        assert!((estimator.velocity().x - 0.02).abs() < 1e-3, "{}", estimator.velocity());
    }

    #[test]
    fn level_comes_back_from_a_wrong_start_and_nothing_that_is_no_number_gets_in() {
        let (mut estimator, mut m) = (estimator(), still());
        m.accelerometer = Vector3::new(3.0, -2.0, 8.5);
        estimator.update(&m);
        let tilt = |e: &Estimator| (e.attitude() * Vector3::z()).z.acos();
        assert!(tilt(&estimator) > 0.2);
        let mut poison = still();
        poison.gyro.x = f64::NAN;
        let mut feet = still();
        feet.feet[1].x = f64::NAN;
        feet.feet_velocity[2].y = f64::INFINITY;
        let sound = still();
        for tick in 0..20_000 {
            estimator.update(match tick % 50 {
                7 => &poison,
                9 => &feet,
                _ => &sound,
            });
            assert!(estimator.valid(), "tick {tick}");
        }
        assert!(tilt(&estimator) < 0.01, "{}", tilt(&estimator));
    }
}
