//! The leg-odometry filter: attitude by itself, then position and velocity.
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
use crate::estimate::{Measurement, level, rolling};

const SIZE: usize = 6 + 3 * FEET_MAX;
/// A foot in the air is trusted this much less than one on the ground.
const SWING_NOISE: f64 = 1e4;
/// Innovations above this many standard deviations are taken at that size.
const INNOVATION_MAX: f64 = 5.0;

/// The filter. Starts at the origin of its own odometry frame.
#[derive(Clone, Debug)]
pub(crate) struct LegOdometry {
    noise: EstimatorFile,
    feet: usize,
    foot_radius: f64,
    rest_height: f64,
    attitude: Option<UnitQuaternion<f64>>,
    x: SVector<f64, SIZE>,
    p: SMatrix<f64, SIZE, SIZE>,
}

impl LegOdometry {
    /// For a robot with `feet` feet of radius `foot_radius` m that rests with its base at
    /// `rest_height` m.
    pub(crate) fn new(
        noise: EstimatorFile,
        feet: usize,
        foot_radius: f64,
        rest_height: f64,
    ) -> Self {
        let attitude = None;
        let (x, p) = (SVector::zeros(), SMatrix::identity());
        Self { noise, feet, foot_radius, rest_height, attitude, x, p }
    }

    /// Base to odometry frame.
    pub(crate) fn attitude(&self) -> UnitQuaternion<f64> {
        self.attitude.unwrap_or_else(UnitQuaternion::identity)
    }

    /// Base position, m, odometry frame.
    pub(crate) fn position(&self) -> Vector3<f64> {
        self.x.fixed_rows::<3>(0).into_owned()
    }

    /// Base velocity, m/s, odometry frame.
    pub(crate) fn velocity(&self) -> Vector3<f64> {
        self.x.fixed_rows::<3>(3).into_owned()
    }

    /// Initialised and finite.
    pub(crate) fn valid(&self) -> bool {
        self.attitude.is_some()
            && self.x.iter().all(|v| v.is_finite())
            && (0..SIZE).all(|k| self.p[(k, k)].is_finite() && self.p[(k, k)] >= 0.0)
    }

    /// Attitude and place are known.
    pub(crate) const fn has_started(&self) -> bool {
        self.attitude.is_some()
    }

    /// Takes one tick. Measurements that are not finite are left out; the filter then only
    /// predicts.
    pub(crate) fn update(&mut self, m: &Measurement) {
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
        let Some(attitude) = level(&m.accelerometer) else { return };
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

    fn rolling(&self, m: &Measurement, foot: usize, rotation: &Matrix3<f64>) -> Vector3<f64> {
        rolling(rotation, &(m.gyro + m.feet_turning[foot]), self.foot_radius)
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
    use crate::invariant::InvariantNoise;
    use crate::trotter::{RADIUS, Trotter};
    use model::EstimatorFilter;

    fn noise() -> EstimatorFile {
        EstimatorFile {
            accelerometer_noise_m_s2: 0.1,
            attitude_gain_per_s: 0.3,
            contact_force_n: 15.0,
            foot_position_noise_m: 0.002,
            foot_velocity_noise_m_s: 0.1,
            foot_height_noise_m: 0.002,
            filter: EstimatorFilter::LegOdometry,
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

    fn estimator() -> LegOdometry {
        LegOdometry::new(noise(), 4, 0.02, 0.30)
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
        let tilt = |e: &LegOdometry| (e.attitude() * Vector3::z()).z.acos();
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

    /// How its errors compare with what it says of them, over 60 walks of a body that is known
    /// exactly: normalised errors squared, per number. It is not consistent. Measured: velocity
    /// 0.014, as it says 3 cm/s where 4 mm/s are right, since it doubts the speed of every standing
    /// foot by 0.1 m/s; height 14, as it says 0.4 mm where 1.4 mm are right, since it takes the
    /// ground under one foot for another one in every tick. Gains that are right on average would
    /// need other numbers in the robot file; the invariant filter is the consistent one.
    #[test]
    fn it_is_too_modest_about_speed_and_too_sure_of_height() {
        const SEEDS: u32 = 60;
        let readings = InvariantNoise {
            gyro: 3e-4,
            accelerometer: 3e-3,
            gyro_bias: 0.0,
            accelerometer_bias: 0.0,
            slip: 1e-3,
            foot: 2e-3,
            ground: Some(2e-3),
        };
        let (mut of_velocity, mut of_height, mut speeds, mut heights) = (0.0, 0.0, 0.0, 0.0);
        let mut count = 0.0;
        for seed in 0..SEEDS {
            let mut truth = Trotter::new(readings, seed.into());
            let mut filter = LegOdometry::new(noise(), 4, RADIUS, 0.3);
            filter.update(&truth.tick());
            // A body in motion cannot be levelled by its gravity.
            filter.attitude = Some(truth.attitude);
            for tick in 0..3000 {
                filter.update(&truth.tick());
                if tick < 1000 || tick % 100 > 0 {
                    continue;
                }
                // Its yaw drifts freely; its velocity is the truth's but for that.
                let turn = filter.attitude() * truth.attitude.inverse();
                let yaw = UnitQuaternion::from_scaled_axis(Vector3::z() * turn.euler_angles().2);
                let off = filter.velocity() - yaw * truth.velocity;
                let p = filter.p.fixed_view::<3, 3>(3, 3).into_owned();
                of_velocity += off.dot(&(p.try_inverse().unwrap() * off)) / 3.0;
                let above = filter.position().z - truth.position.z;
                of_height += above * above / filter.p[(2, 2)];
                speeds += off.norm_squared();
                heights += above * above;
                count += 1.0;
            }
        }
        let (velocity, height) = (of_velocity / count, of_height / count);
        println!(
            "NEES velocity {velocity:.3}, height {height:.3} of 1; {:.4} m/s, {:.5} m rms",
            (speeds / count).sqrt(),
            (heights / count).sqrt()
        );
        assert!((0.005..0.05).contains(&velocity), "{velocity}");
        assert!((5.0..25.0).contains(&height), "{height}");
        assert!(speeds / count < 1e-4 && heights / count < 1e-5, "{speeds} {heights} {count}");
    }
}
