//! Where the robot is and how it moves, with the biases of its inertial unit: the contact-aided
//! right-invariant extended Kalman filter.
//!
//! R. Hartley, M. Ghaffari, R. M. Eustice and J. W. Grizzle, Contact-aided invariant extended
//! Kalman filtering for robot state estimation, IJRR 2020. State `X = (R, v, p, d_1..d_n)` on the
//! group `SE_(n+2)(3)`, `d` the contacts, and the biases beside it. The error is `X_hat X^-1 =
//! Exp(xi)`, in world axes: it moves by a matrix that without biases does not depend on the state
//! (section 3), so that a bad start does not spoil the covariance, and what legs cannot know (yaw
//! and place) stays unknown.
//!
//! Deviations: the transition is that of the discrete step, not `I + A dt`; a contact is the centre
//! of a round foot and rolls with its link; noise is taken as equal in all directions, so that
//! measurements can be taken one number at a time, without a matrix inverse.

mod transition;

use model::{EstimatorFile, left_jacobian};
use nalgebra::{Matrix3, Quaternion, UnitQuaternion, Vector3};
use signals::FEET_MAX;

use crate::GRAVITY;
use crate::estimate::{Measurement, level, rolling};
use transition::{Transition, transpose};

/// Numbers of the error: attitude, velocity, position, biases, contacts.
const SIZE: usize = 15 + 3 * FEET_MAX;
const ATTITUDE: usize = 0;
const VELOCITY: usize = 3;
const POSITION: usize = 6;
const GYRO_BIAS: usize = 9;
const ACCELEROMETER_BIAS: usize = 12;
const CONTACT: usize = 15;

/// A foot trusted as much is a contact.
const TRUSTED: f64 = 0.5;
/// How much more than a trusted one a foot of no trust slips, in variance.
const SLIP: f64 = 1e2;
/// The ground is no other one while a foot stands on it: for so long, s, its height is worth one
/// measurement, however often it is taken.
const SAME_GROUND: f64 = 0.5;
/// Innovations above this many standard deviations are taken at that size.
const INNOVATION_MAX: f64 = 5.0;
/// Standard deviations of a start: roll and pitch, rad; velocity, m/s; height, m; biases, rad/s and
/// m/s^2. Yaw, rad, and place, m, define the odometry frame, but what tilt does to them in second
/// order is left to doubt.
const TILT_START: f64 = 0.3;
const VELOCITY_START: f64 = 0.5;
const HEIGHT_START: f64 = 0.02;
const DEFINED: f64 = 0.01;
const GYRO_BIAS_START: f64 = 0.01;
const ACCELEROMETER_BIAS_START: f64 = 0.05;
/// Standard deviations of a body that is known to lie still: velocity, m/s, and height, m.
const RESTING: f64 = 0.01;
/// No legged robot is faster, m/s, and no inertial unit that works is further off, rad/s and
/// m/s^2: an estimate beyond is absurd.
const SPEED_MAX: f64 = 30.0;
const GYRO_BIAS_MAX: f64 = 0.5;
const ACCELEROMETER_BIAS_MAX: f64 = 5.0;
/// Farther from the origin, m, the covariance loses its digits.
const DISTANCE_MAX: f64 = 1e5;

/// How much the filter doubts what it is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvariantNoise {
    /// Gyroscope, rad/s per root of Hz.
    pub gyro: f64,
    /// Accelerometer, m/s^2 per root of Hz.
    pub accelerometer: f64,
    /// Drift of the gyroscope's bias, rad/s^2 per root of Hz.
    pub gyro_bias: f64,
    /// Drift of the accelerometer's bias, m/s^3 per root of Hz.
    pub accelerometer_bias: f64,
    /// Slipping of a standing foot, m/s per root of Hz.
    pub slip: f64,
    /// Place of a foot by the kinematics, m.
    pub foot: f64,
    /// Height of the ground under a foot, m; none where the ground may be at any height.
    pub ground: Option<f64>,
}

impl From<&EstimatorFile> for InvariantNoise {
    /// What the file says, and for the rest the values of a good MEMS unit and a rubber foot.
    fn from(file: &EstimatorFile) -> Self {
        Self {
            gyro: 2e-3,
            accelerometer: file.accelerometer_noise_m_s2,
            gyro_bias: 1e-5,
            accelerometer_bias: 1e-4,
            slip: 0.02,
            foot: file.foot_position_noise_m,
            ground: Some(file.foot_height_noise_m),
        }
    }
}

/// How often the filter could not go on as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvariantCounters {
    /// Ticks without a usable inertial reading or time: nothing changed.
    pub skipped: u64,
    /// Times that the estimate was absurd or its covariance not positive: the filter began anew.
    pub reset: u64,
}

/// Variances of the estimate, odometry frame unless said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variances {
    /// rad^2, about the axes of the odometry frame.
    pub attitude: Vector3<f64>,
    /// (m/s)^2.
    pub velocity: Vector3<f64>,
    /// m^2.
    pub position: Vector3<f64>,
    /// (rad/s)^2, base frame.
    pub gyro_bias: Vector3<f64>,
    /// (m/s^2)^2, base frame.
    pub accelerometer_bias: Vector3<f64>,
}

/// `X` and the biases.
#[derive(Clone, Copy, Debug)]
struct State {
    attitude: UnitQuaternion<f64>,
    velocity: Vector3<f64>,
    position: Vector3<f64>,
    gyro_bias: Vector3<f64>,
    accelerometer_bias: Vector3<f64>,
    contacts: [Option<Vector3<f64>>; FEET_MAX],
}

/// What does not change.
#[derive(Clone, Copy, Debug)]
struct Settings {
    noise: InvariantNoise,
    feet: usize,
    foot_radius: f64,
    rest_height: f64,
}

/// The filter. Starts at the origin of its own odometry frame.
#[derive(Clone, Debug)]
pub struct InvariantFilter {
    settings: Settings,
    state: Option<State>,
    /// Covariance of the error; zero for feet that do not stand.
    p: [[f64; SIZE]; SIZE],
    innovations: (f64, u32),
    counters: InvariantCounters,
}

impl InvariantFilter {
    /// For a robot with `feet` feet of radius `foot_radius` m that rests with its base at
    /// `rest_height` m.
    #[must_use]
    pub const fn new(
        noise: InvariantNoise,
        feet: usize,
        foot_radius: f64,
        rest_height: f64,
    ) -> Self {
        let feet = if feet < FEET_MAX { feet } else { FEET_MAX };
        let p = [[0.0; SIZE]; SIZE];
        let counters = InvariantCounters { skipped: 0, reset: 0 };
        let (state, innovations) = (None, (0.0, 0));
        let settings = Settings { noise, feet, foot_radius, rest_height };
        Self { settings, state, p, innovations, counters }
    }

    /// Base to odometry frame.
    #[must_use]
    pub fn attitude(&self) -> UnitQuaternion<f64> {
        self.state.map_or_else(UnitQuaternion::identity, |state| state.attitude)
    }

    /// Base position, m, odometry frame.
    #[must_use]
    pub fn position(&self) -> Vector3<f64> {
        self.state.map_or_else(Vector3::zeros, |state| state.position)
    }

    /// Base velocity, m/s, odometry frame.
    #[must_use]
    pub fn velocity(&self) -> Vector3<f64> {
        self.state.map_or_else(Vector3::zeros, |state| state.velocity)
    }

    /// What the gyroscope shows too much, rad/s, base frame.
    #[must_use]
    pub fn gyro_bias(&self) -> Vector3<f64> {
        self.state.map_or_else(Vector3::zeros, |state| state.gyro_bias)
    }

    /// What the accelerometer shows too much, m/s^2, base frame.
    #[must_use]
    pub fn accelerometer_bias(&self) -> Vector3<f64> {
        self.state.map_or_else(Vector3::zeros, |state| state.accelerometer_bias)
    }

    /// It has started; all it says is finite then.
    #[must_use]
    pub const fn valid(&self) -> bool {
        self.state.is_some()
    }

    /// How often it could not go on as usual.
    #[must_use]
    pub const fn counters(&self) -> InvariantCounters {
        self.counters
    }

    /// Of the last tick: the sum of the squared innovations, each over its variance, and their
    /// number, which is what a consistent filter has for the mean of that sum.
    #[must_use]
    pub const fn innovations(&self) -> (f64, u32) {
        self.innovations
    }

    /// How sure the filter is; all zero before the start.
    #[must_use]
    pub fn variances(&self) -> Variances {
        let diagonal = |at: usize| Vector3::from_fn(|k, _| self.p[at + k][at + k]);
        // By xi_v = dv + v x phi, to the first order: what the turning of the frame adds.
        let untwisted = |at: usize, of: Vector3<f64>| {
            Vector3::from_fn(|k, _| {
                let arm = of.cross(&Vector3::ith(k, 1.0));
                let row = |i: usize| self.p[ATTITUDE + i][at + k];
                let turned = self.block(ATTITUDE, ATTITUDE) * arm;
                self.p[at + k][at + k]
                    + 2.0 * (0..3).map(|i| arm[i] * row(i)).sum::<f64>()
                    + arm.dot(&turned)
            })
        };
        Variances {
            attitude: diagonal(ATTITUDE),
            velocity: untwisted(VELOCITY, self.velocity()),
            position: untwisted(POSITION, self.position()),
            gyro_bias: diagonal(GYRO_BIAS),
            accelerometer_bias: diagonal(ACCELEROMETER_BIAS),
        }
    }

    fn block(&self, row: usize, column: usize) -> Matrix3<f64> {
        Matrix3::from_fn(|i, j| self.p[row + i][column + j])
    }

    /// Begins with this estimate, doubted as any start is. One that is not finite is left out.
    pub fn begin(
        &mut self,
        attitude: UnitQuaternion<f64>,
        velocity: Vector3<f64>,
        position: Vector3<f64>,
    ) {
        let zero = Vector3::zeros();
        let numbers = attitude.coords.iter().chain(&velocity).chain(&position);
        if numbers.into_iter().any(|x| !x.is_finite()) {
            return;
        }
        self.state = Some(State {
            attitude,
            velocity,
            position,
            gyro_bias: zero,
            accelerometer_bias: zero,
            contacts: [None; FEET_MAX],
        });
        self.p = [[0.0; SIZE]; SIZE];
        let mut doubt = |at: usize, deviations: [f64; 3]| {
            for (k, deviation) in deviations.into_iter().enumerate() {
                self.p[at + k][at + k] = deviation * deviation;
            }
        };
        doubt(ATTITUDE, [TILT_START, TILT_START, DEFINED]);
        doubt(VELOCITY, [VELOCITY_START; 3]);
        doubt(POSITION, [DEFINED, DEFINED, HEIGHT_START]);
        doubt(GYRO_BIAS, [GYRO_BIAS_START; 3]);
        doubt(ACCELEROMETER_BIAS, [ACCELEROMETER_BIAS_START; 3]);
        // Velocity and position are doubted by themselves, but their error is seen from a frame
        // that the attitude's error turns: xi_v = dv + v x phi, xi_p = dp + p x phi.
        for _ in 0..2 {
            for row in &mut self.p {
                let angle = Vector3::new(row[ATTITUDE], row[ATTITUDE + 1], row[ATTITUDE + 2]);
                for (at, arm) in [(VELOCITY, velocity), (POSITION, position)] {
                    let twist = arm.cross(&angle);
                    (0..3).for_each(|k| row[at + k] += twist[k]);
                }
            }
            transpose(&mut self.p);
        }
    }

    /// Takes one tick. Without a usable time and inertial reading nothing changes; a foot whose
    /// numbers are not finite is taken as one in the air.
    pub fn update(&mut self, m: &Measurement) {
        let inertial = m.gyro.iter().chain(m.accelerometer.iter());
        if !(m.dt.is_finite() && m.dt > 0.0 && inertial.clone().all(|x| x.is_finite())) {
            self.counters.skipped += 1;
            return;
        }
        self.innovations = (0.0, 0);
        let Some(mut state) = self.state else {
            self.initialise(m);
            return;
        };
        for foot in 0..self.settings.feet {
            if state.contacts[foot].is_some() && !is_standing(m, foot) {
                state.contacts[foot] = None;
                self.forget(foot);
            }
        }
        self.predict(&mut state, m);
        self.correct(&mut state, m);
        for foot in 0..self.settings.feet {
            if state.contacts[foot].is_none() && is_standing(m, foot) {
                state.contacts[foot] = Some(state.position + state.attitude * m.feet[foot]);
                self.remember(foot, self.settings.foot_variance(m, foot));
            }
        }
        if self.is_sound(&state) {
            self.state = Some(state);
        } else {
            self.counters.reset += 1;
            self.state = None;
            self.initialise(m);
        }
    }

    /// Level from gravity, yaw zero.
    fn initialise(&mut self, m: &Measurement) {
        if let Some(attitude) = level(&m.accelerometer) {
            let position = Vector3::new(0.0, 0.0, self.settings.rest_height);
            self.begin(attitude, Vector3::zeros(), position);
        }
    }

    fn predict(&mut self, state: &mut State, m: &Measurement) {
        let dt = m.dt;
        let rotation = state.attitude.to_rotation_matrix().into_inner();
        let turn = (m.gyro - state.gyro_bias) * dt;
        let felt = rotation * (m.accelerometer - state.accelerometer_bias);
        let acceleration = felt - Vector3::new(0.0, 0.0, GRAVITY);
        state.position += (state.velocity + acceleration * (0.5 * dt)) * dt;
        state.velocity += acceleration * dt;
        state.attitude = multiplied(&state.attitude, &UnitQuaternion::from_scaled_axis(turn));
        let lever = Vector3::new(0.0, 0.0, self.settings.foot_radius);
        let mut transition = Transition {
            dt,
            turned: rotation * left_jacobian(&turn) * -dt,
            pushed: rotation * -dt,
            velocity: state.velocity,
            position: state.position,
            lever,
            contacts: [None; FEET_MAX],
        };
        for (foot, contact) in state.contacts.iter_mut().enumerate().take(self.settings.feet) {
            if let Some(place) = contact {
                let turning = m.gyro - state.gyro_bias + m.feet_turning[foot];
                *place += rolling(&rotation, &turning, self.settings.foot_radius) * dt;
                let roll = (rotation * turning * dt).cross_matrix() * lever.cross_matrix();
                transition.contacts[foot] = Some((*place, roll));
            }
        }
        transition.apply_all(&mut self.p);
        self.add_noise(&transition, m);
    }

    /// The noise of the inertial unit and of the contacts over one tick: `Ad_X Q Ad_X^T dt`.
    fn add_noise(&mut self, transition: &Transition, m: &Measurement) {
        let (dt, noise) = (m.dt, self.settings.noise);
        let add = |p: &mut [[f64; SIZE]; SIZE], row: usize, column: usize, variance: f64| {
            for k in 0..3 {
                p[row + k][column + k] += variance;
            }
        };
        // White noise turns the frame, and all that is seen from it: xi += (1, v x, p x, d x) w.
        let gyro = noise.gyro * noise.gyro * dt;
        add(&mut self.p, ATTITUDE, ATTITUDE, gyro);
        let moved = [(VELOCITY, transition.velocity), (POSITION, transition.position)];
        let feet = transition.contacts.iter().enumerate();
        // A foot turns about the point that touches the ground.
        let arm = |foot: usize, place: Vector3<f64>| (CONTACT + 3 * foot, place - transition.lever);
        let feet = feet.filter_map(|(foot, c)| c.map(|(place, _)| arm(foot, place)));
        let mut arms = [(VELOCITY, Vector3::zeros()); 2 + FEET_MAX];
        let mut count = 0;
        for (slot, arm) in arms.iter_mut().zip(moved.into_iter().chain(feet)) {
            (*slot, count) = (arm, count + 1);
        }
        for &(row, b) in &arms[..count] {
            self.add_block(row, ATTITUDE, &(b.cross_matrix() * gyro));
            self.add_block(ATTITUDE, row, &(b.cross_matrix() * -gyro));
            for &(column, c) in &arms[..count] {
                // [b]x [c]x^T
                let square = Matrix3::from_diagonal_element(b.dot(&c)) - c * b.transpose();
                self.add_block(row, column, &(square * gyro));
            }
        }
        let push = noise.accelerometer * noise.accelerometer * dt;
        add(&mut self.p, VELOCITY, VELOCITY, push);
        add(&mut self.p, VELOCITY, POSITION, push * 0.5 * dt);
        add(&mut self.p, POSITION, VELOCITY, push * 0.5 * dt);
        add(&mut self.p, POSITION, POSITION, push * 0.25 * dt * dt);
        add(&mut self.p, GYRO_BIAS, GYRO_BIAS, noise.gyro_bias.powi(2) * dt);
        let drift = noise.accelerometer_bias.powi(2) * dt;
        add(&mut self.p, ACCELEROMETER_BIAS, ACCELEROMETER_BIAS, drift);
        for foot in 0..self.settings.feet {
            if transition.contacts[foot].is_some() {
                let at = CONTACT + 3 * foot;
                add(&mut self.p, at, at, noise.slip * noise.slip * dt * doubt(m.trust[foot]));
            }
        }
    }

    fn add_block(&mut self, row: usize, column: usize, block: &Matrix3<f64>) {
        for i in 0..3 {
            for j in 0..3 {
                self.p[row + i][column + j] += block[(i, j)];
            }
        }
    }

    fn correct(&mut self, state: &mut State, m: &Measurement) {
        let (settings, mut moved) = (self.settings, [0.0; SIZE]);
        settings.measure(state, m, |row, z, variance| self.scalar(row, z, variance, &mut moved));
        state.take(&moved);
    }

    /// One number of a measurement: its row as (index, coefficient), its innovation where all that
    /// was taken before is left out, and the variance of its noise. `moved` gathers the correction.
    ///
    /// For one number with its own gain `K = P h / s` the form of Joseph,
    /// `(1 - K h^T) P (1 - K h^T)^T + K r K^T`, is `P - k k^T` with `k = P h / sqrt(s)`: symmetric
    /// to the last bit.
    fn scalar(&mut self, row: &[(usize, f64)], z: f64, variance: f64, moved: &mut [f64; SIZE]) {
        let mut k = [0.0; SIZE];
        let mut left = z;
        for &(index, c) in row {
            k.iter_mut().zip(&self.p[index]).for_each(|(k, p)| *k += c * p);
            left -= c * moved[index];
        }
        let spread = row.iter().map(|&(index, c)| c * k[index]).sum::<f64>() + variance;
        if !(spread > 0.0 && left.is_finite()) {
            return;
        }
        let deviation = spread.sqrt();
        let normal = left / deviation;
        self.innovations.0 += normal * normal;
        self.innovations.1 += 1;
        let bounded = normal.clamp(-INNOVATION_MAX, INNOVATION_MAX);
        k.iter_mut().for_each(|k| *k /= deviation);
        moved.iter_mut().zip(&k).for_each(|(moved, k)| *moved += k * bounded);
        for (row, along) in self.p.iter_mut().zip(k) {
            row.iter_mut().zip(&k).for_each(|(p, k)| *p -= along * k);
        }
    }

    /// A new contact: where the base is, and as far off as the kinematics are.
    fn remember(&mut self, foot: usize, variance: f64) {
        let at = CONTACT + 3 * foot;
        for k in 0..3 {
            self.p[at + k] = self.p[POSITION + k];
        }
        for row in &mut self.p {
            for k in 0..3 {
                row[at + k] = row[POSITION + k];
            }
        }
        for k in 0..3 {
            self.p[at + k][at + k] += variance;
        }
    }

    fn forget(&mut self, foot: usize) {
        let at = CONTACT + 3 * foot;
        for k in 0..3 {
            self.p[at + k] = [0.0; SIZE];
            self.p.iter_mut().for_each(|row| row[at + k] = 0.0);
        }
    }

    fn is_sound(&self, state: &State) -> bool {
        let positive = |k: usize| self.p[k][k] > 0.0 && self.p[k][k].is_finite();
        let contacts = (0..FEET_MAX).filter(|&foot| state.contacts[foot].is_some());
        state.attitude.coords.iter().all(|x| x.is_finite())
            && state.velocity.norm() < SPEED_MAX
            && state.position.norm() < DISTANCE_MAX
            && state.gyro_bias.norm() < GYRO_BIAS_MAX
            && state.accelerometer_bias.norm() < ACCELEROMETER_BIAS_MAX
            && state.contacts.iter().flatten().all(|d| d.norm() < DISTANCE_MAX)
            && (0..CONTACT).all(positive)
            && contacts.flat_map(|foot| CONTACT + 3 * foot..CONTACT + 3 * foot + 3).all(positive)
    }
}

impl Settings {
    /// Hands every row `h` of the measurement, as (index, coefficient), its innovation `z` and the
    /// variance of its noise to `take`: `z` is `-h xi` and noise. A foot that the kinematics put at
    /// `f` has `z = R f + p - d = xi_p - xi_d`.
    fn measure(
        &self,
        state: &State,
        m: &Measurement,
        mut take: impl FnMut(&[(usize, f64)], f64, f64),
    ) {
        for (foot, contact) in state.contacts.iter().enumerate() {
            let Some(contact) = contact else { continue };
            let at = CONTACT + 3 * foot;
            let z = state.attitude * m.feet[foot] + state.position - contact;
            for k in 0..3 {
                let row = [(at + k, 1.0), (POSITION + k, -1.0)];
                take(&row, z[k], self.foot_variance(m, foot));
            }
            if let Some(ground) = self.noise.ground {
                let row = [(ATTITUDE, contact.y), (ATTITUDE + 1, -contact.x), (at + 2, 1.0)];
                let again = (SAME_GROUND / m.dt).max(1.0);
                take(&row, self.foot_radius - contact.z, ground * ground * again);
            }
        }
        if m.resting {
            for k in 0..3 {
                let arm = state.velocity.cross(&Vector3::ith(k, 1.0));
                let row = [(0, arm.x), (1, arm.y), (2, arm.z), (VELOCITY + k, 1.0)];
                take(&row, -state.velocity[k], RESTING * RESTING);
            }
            let place = state.position;
            let row = [(ATTITUDE, place.y), (ATTITUDE + 1, -place.x), (POSITION + 2, 1.0)];
            take(&row, self.rest_height - place.z, RESTING * RESTING);
        }
    }

    fn foot_variance(&self, m: &Measurement, foot: usize) -> f64 {
        self.noise.foot * self.noise.foot * doubt(m.trust[foot])
    }
}

/// How much more than of a foot that is trusted the noise of one with `trust` is, in variance.
fn doubt(trust: f64) -> f64 {
    1.0 + SLIP * (1.0 - trust.min(1.0))
}

impl State {
    /// `X <- Exp(xi) X`, and the biases.
    fn take(&mut self, xi: &[f64; SIZE]) {
        let part = |at: usize| Vector3::new(xi[at], xi[at + 1], xi[at + 2]);
        let angle = part(ATTITUDE);
        let turn = UnitQuaternion::from_scaled_axis(angle);
        let (rotation, along) = (turn.to_rotation_matrix().into_inner(), left_jacobian(&angle));
        self.attitude = multiplied(&turn, &self.attitude);
        self.velocity = rotation * self.velocity + along * part(VELOCITY);
        self.position = rotation * self.position + along * part(POSITION);
        self.gyro_bias += part(GYRO_BIAS);
        self.accelerometer_bias += part(ACCELEROMETER_BIAS);
        for (foot, contact) in self.contacts.iter_mut().enumerate() {
            if let Some(place) = contact {
                *place = rotation * *place + along * part(CONTACT + 3 * foot);
            }
        }
    }
}

fn is_standing(m: &Measurement, foot: usize) -> bool {
    let numbers = m.feet[foot].iter().chain(m.feet_turning[foot].iter());
    m.trust[foot] >= TRUSTED && numbers.into_iter().all(|x| x.is_finite())
}

/// The product of two rotations, of unit length however many came before.
fn multiplied(a: &UnitQuaternion<f64>, b: &UnitQuaternion<f64>) -> UnitQuaternion<f64> {
    UnitQuaternion::from_quaternion(Quaternion::from((a * b).coords))
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector, Rotation3};
    use serde_json::Value;

    use super::*;
    use crate::trotter::{Dice, RADIUS, Trotter, group_error};

    /// Noise like that of a walking robot; the ground may be at any height.
    const NOISE: InvariantNoise = InvariantNoise {
        gyro: 3e-4,
        accelerometer: 3e-3,
        gyro_bias: 2e-5,
        accelerometer_bias: 2e-4,
        slip: 0.01,
        foot: 2e-3,
        ground: None,
    };

    fn filter(noise: InvariantNoise) -> InvariantFilter {
        InvariantFilter::new(noise, FEET_MAX, RADIUS, 0.3)
    }

    /// The error of what does not depend on contacts: attitude, velocity, position, biases.
    fn error(filter: &InvariantFilter, truth: &Trotter) -> DVector<f64> {
        let moves = [(filter.velocity(), truth.velocity), (filter.position(), truth.position)];
        let (angle, [velocity, position]) =
            group_error((&filter.attitude(), &truth.attitude), moves);
        let gyro = filter.gyro_bias() - truth.gyro_bias;
        let accelerometer = filter.accelerometer_bias() - truth.accelerometer_bias;
        let parts = [angle, velocity, position, gyro, accelerometer];
        DVector::from_iterator(15, parts.iter().flat_map(|part| part.iter().copied()))
    }

    fn covariance(filter: &InvariantFilter, size: usize) -> DMatrix<f64> {
        DMatrix::from_fn(size, size, |i, j| filter.p[i][j])
    }

    /// A filter at the truth but for errors of the size it expects: a tenth of those of any start.
    fn begun(noise: InvariantNoise, truth: &mut Trotter) -> InvariantFilter {
        let mut filter = filter(noise);
        filter.begin(truth.attitude, truth.velocity, truth.position);
        filter.p.iter_mut().flatten().for_each(|p| *p *= 0.01);
        let root = covariance(&filter, CONTACT).cholesky().unwrap().l();
        let draw = DVector::from_fn(CONTACT, |_, _| truth.dice.normal());
        let mut xi = [0.0; SIZE];
        xi[..CONTACT].copy_from_slice((root * draw).as_slice());
        filter.state.as_mut().unwrap().take(&xi);
        filter
    }

    fn tilt(filter: &InvariantFilter, truth: &Trotter) -> f64 {
        let up = Vector3::z();
        (filter.attitude().inverse() * up).angle(&(truth.attitude.inverse() * up))
    }

    /// The normalised errors squared (NEES) of many walks together, and the normalised innovations
    /// squared (NIS): Y. Bar-Shalom et al., Estimation with applications to tracking and
    /// navigation, section 5.4. Both lie within the bounds of chi-square at three and a half
    /// standard deviations.
    #[test]
    fn its_errors_are_as_large_as_it_says() {
        const SEEDS: u32 = 60;
        let checks = [200_u32, 500, 1000, 2000, 3000];
        for ground in [None, Some(2e-3)] {
            let noise = InvariantNoise { ground, ..NOISE };
            let (mut nees, mut nis, mut count) = ([0.0; 5], 0.0, 0.0);
            for seed in 0..SEEDS {
                let mut truth = Trotter::new(noise, seed.into());
                let mut filter = begun(noise, &mut truth);
                for tick in 1..=3000 {
                    filter.update(&truth.tick());
                    let (sum, numbers) = filter.innovations();
                    (nis, count) = (nis + sum, count + f64::from(numbers));
                    if let Some(at) = checks.iter().position(|&check| check == tick) {
                        let e = error(&filter, &truth);
                        let p = covariance(&filter, CONTACT).cholesky().unwrap();
                        nees[at] += e.dot(&p.solve(&e)) / f64::from(SEEDS);
                    }
                }
                assert_eq!(filter.counters(), InvariantCounters::default());
            }
            println!("{ground:?}: NEES {nees:.2?} of 15, NIS {:.4} of 1", nis / count);
            let spread = 3.5 * (2.0 * 15.0 / f64::from(SEEDS)).sqrt();
            for mean in nees {
                assert!((mean - 15.0).abs() < spread, "{ground:?}: {nees:?} beyond 15 +- {spread}");
            }
            // A ground that stays the same is measured again and again, each time for little: its
            // innovations are smaller than their variance by intent.
            let bound = 3.5 * (2.0 / count).sqrt();
            assert!(
                ground.is_some() || (nis / count - 1.0).abs() < bound,
                "{} {bound}",
                nis / count
            );
        }
    }

    /// A run recorded from an independent implementation of the paper, with dense matrices,
    /// numerical derivatives and the form of Joseph: `fixtures/record_invariant.py`.
    #[test]
    fn it_agrees_with_the_paper_written_down_anew() {
        let text = include_str!("../fixtures/invariant.json");
        let reference: Value = serde_json::from_str(text).unwrap();
        let of = |value: &Value, key: &str| -> Vec<f64> { numbers(&value[key]) };
        let vector = |x: &[f64]| Vector3::new(x[0], x[1], x[2]);
        let turn = |x: &[f64]| {
            let matrix = Rotation3::from_matrix_unchecked(Matrix3::from_row_slice(x));
            UnitQuaternion::from_rotation_matrix(&matrix)
        };
        let said = |key: &str| reference["noise"][key].as_f64().unwrap();
        let noise = InvariantNoise {
            gyro: said("gyro"),
            accelerometer: said("accelerometer"),
            gyro_bias: said("gyro_bias"),
            accelerometer_bias: said("accelerometer_bias"),
            slip: said("slip"),
            foot: said("foot"),
            ground: None,
        };
        let radius = reference["radius"].as_f64().unwrap();
        let mut filter = InvariantFilter::new(noise, FEET_MAX, radius, 0.3);
        let start = &reference["start"];
        let place = vector(&of(start, "position"));
        filter.begin(turn(&of(start, "rotation")), vector(&of(start, "velocity")), place);
        let mut states = reference["states"].as_array().unwrap().iter();
        let (mut next, mut compared, mut worst) = (states.next(), 0, 0.0_f64);
        for (tick, read) in (1..).zip(reference["ticks"].as_array().unwrap()) {
            let read = numbers(read);
            let four = |at: usize| std::array::from_fn(|foot| vector(&read[at + 3 * foot..]));
            filter.update(&Measurement {
                dt: reference["dt"].as_f64().unwrap(),
                gyro: vector(&read),
                accelerometer: vector(&read[3..]),
                feet: four(6),
                feet_velocity: [Vector3::zeros(); FEET_MAX],
                feet_turning: four(18),
                trust: std::array::from_fn(|foot| read[30 + foot]),
                resting: false,
            });
            let Some(state) = next.filter(|state| state["tick"] == tick) else { continue };
            next = states.next();
            let ours = filter.state.unwrap();
            let rotation = ours.attitude.to_rotation_matrix().into_inner().transpose();
            let mut pairs: Vec<(f64, f64)> = Vec::new();
            let mut add = |ours: &[f64], theirs: Vec<f64>| {
                assert_eq!(ours.len(), theirs.len());
                pairs.extend(ours.iter().copied().zip(theirs));
            };
            add(rotation.as_slice(), of(state, "rotation"));
            add(ours.velocity.as_slice(), of(state, "velocity"));
            add(ours.position.as_slice(), of(state, "position"));
            let biases = [ours.gyro_bias.as_slice(), ours.accelerometer_bias.as_slice()].concat();
            add(&biases, of(state, "bias"));
            for (foot, contact) in ours.contacts.iter().enumerate() {
                let theirs = numbers(&state["contacts"][foot]);
                add(contact.as_ref().map_or(&[], |c| c.as_slice()), theirs);
            }
            let p = |range: std::ops::Range<usize>| range.map(|k| filter.p[k][k]);
            let sorted: Vec<f64> = p(0..9).chain(p(CONTACT..SIZE)).chain(p(9..CONTACT)).collect();
            add(&sorted, of(state, "variances"));
            for (a, b) in pairs {
                worst = worst.max((a - b).abs());
                assert!((a - b).abs() < 1e-9, "tick {tick}: {a} {b}");
            }
            compared += 1;
        }
        println!("{compared} states, largest difference {worst:.1e}");
        assert!(compared == 6 && filter.counters() == InvariantCounters::default());
    }

    /// All numbers in a value, however deep.
    fn numbers(value: &Value) -> Vec<f64> {
        match value {
            Value::Array(all) => all.iter().flat_map(numbers).collect(),
            other => other.as_f64().into_iter().collect(),
        }
    }

    #[test]
    fn a_start_that_is_far_off_is_forgotten_within_a_second() {
        for seed in 0..20 {
            let mut truth = Trotter::new(NOISE, seed);
            let mut filter = filter(NOISE);
            let way = f64::from(u32::try_from(seed).unwrap()) * 0.314;
            let level = Vector3::new(way.cos(), way.sin(), 0.0);
            let wrong = UnitQuaternion::from_scaled_axis(level * 30_f64.to_radians());
            let faster = truth.velocity + Vector3::new(-way.sin(), way.cos(), 0.0);
            filter.begin(wrong * truth.attitude, faster, truth.position);
            for _ in 0..1000 {
                filter.update(&truth.tick());
            }
            let (mut tilts, mut speeds) = (0.0_f64, 0.0_f64);
            for _ in 0..2000 {
                filter.update(&truth.tick());
                tilts = tilts.max(tilt(&filter, &truth));
                let seen = filter.attitude().inverse() * filter.velocity();
                speeds = speeds.max((seen - truth.attitude.inverse() * truth.velocity).norm());
            }
            println!("{seed}: {:.2} deg, {speeds:.3} m/s", tilts.to_degrees());
            assert!(
                tilts < 2_f64.to_radians() && speeds < 0.08,
                "{seed}: {tilts} rad, {speeds} m/s"
            );
        }
    }

    /// What it knows after a walk: its root mean square errors over many of them.
    #[test]
    fn it_knows_how_it_moves() {
        let (mut tilts, mut speeds, mut biases, mut count) = (0.0, 0.0, 0.0, 0.0);
        for seed in 0..10 {
            let mut truth = Trotter::new(NOISE, 100 + seed);
            truth.gyro_bias = Vector3::new(0.01, -0.02, 0.015);
            truth.accelerometer_bias = Vector3::new(0.05, 0.02, -0.05);
            let mut filter = filter(NOISE);
            filter.begin(truth.attitude, truth.velocity, truth.position);
            for tick in 0..8000 {
                filter.update(&truth.tick());
                if tick >= 4000 {
                    tilts += tilt(&filter, &truth).powi(2);
                    let seen = filter.attitude().inverse() * filter.velocity();
                    speeds += (seen - truth.attitude.inverse() * truth.velocity).norm_squared();
                    biases += (filter.gyro_bias() - truth.gyro_bias).xy().norm_squared();
                    count += 1.0;
                }
            }
        }
        let root = |sum: f64| (sum / count).sqrt();
        let (tilt, speed, bias) = (root(tilts), root(speeds), root(biases));
        println!(
            "tilt {:.3} deg, speed {speed:.4} m/s, gyro bias {bias:.5} rad/s",
            tilt.to_degrees()
        );
        assert!(tilt < 0.5_f64.to_radians() && speed < 0.03 && bias < 0.005);
    }

    /// A state in the middle of a walk with all feet known, and a measurement that fits it.
    fn midway(dice: &mut Dice) -> (State, Measurement) {
        let mut m = Trotter::new(NOISE, 5).tick();
        let state = State {
            attitude: UnitQuaternion::from_scaled_axis(dice.vector()),
            velocity: dice.vector(),
            position: dice.vector() * 3.0,
            gyro_bias: dice.vector() * 0.01,
            accelerometer_bias: dice.vector() * 0.1,
            contacts: [(); FEET_MAX].map(|()| Some(dice.vector() * 3.0)),
        };
        (m.gyro, m.accelerometer) = (dice.vector() * 3.0, dice.vector() * 10.0);
        m.feet_turning = [dice.vector() * 5.0; FEET_MAX];
        m.trust = [1.0; FEET_MAX];
        m.resting = true;
        (state, m)
    }

    /// The error between two states, in the order of the filter.
    fn between(estimate: &State, truth: &State) -> [f64; SIZE] {
        let pair = |of: fn(&State) -> Vector3<f64>| (of(estimate), of(truth));
        let contact =
            |foot: usize| (estimate.contacts[foot].unwrap(), truth.contacts[foot].unwrap());
        let vectors = [
            pair(|s| s.velocity),
            pair(|s| s.position),
            contact(0),
            contact(1),
            contact(2),
            contact(3),
        ];
        let (angle, [v, p, a, b, c, d]) =
            group_error((&estimate.attitude, &truth.attitude), vectors);
        let (gyro, accelerometer) = (
            estimate.gyro_bias - truth.gyro_bias,
            estimate.accelerometer_bias - truth.accelerometer_bias,
        );
        let mut xi = [0.0; SIZE];
        for (part, of) in xi.chunks_exact_mut(3).zip([angle, v, p, gyro, accelerometer, a, b, c, d])
        {
            part.copy_from_slice(of.as_slice());
        }
        xi
    }

    /// The covariance that a tick makes of an error in one direction alone is the square of what
    /// the tick makes of the error: found by moving two states.
    #[test]
    fn errors_move_as_the_transition_says() {
        let mut dice = Dice::new(3);
        for _ in 0..20 {
            let (state, m) = midway(&mut dice);
            let noiseless = InvariantNoise {
                gyro: 0.0,
                accelerometer: 0.0,
                gyro_bias: 0.0,
                accelerometer_bias: 0.0,
                slip: 0.0,
                ..NOISE
            };
            for direction in 0..SIZE {
                let step = 1e-6;
                let moved = |amount: f64| {
                    let (mut one, mut xi) = (state, [0.0; SIZE]);
                    xi[direction] = amount;
                    one.take(&xi);
                    filter(noiseless).predict(&mut one, &m);
                    one
                };
                let (ahead, behind) = (moved(step), moved(-step));
                let found = between(&ahead, &behind).map(|x| x / (2.0 * step));
                let mut one = filter(noiseless);
                one.p[direction][direction] = 1.0;
                one.predict(&mut state.clone(), &m);
                for i in 0..SIZE {
                    for j in 0..SIZE {
                        let expected = found[i] * found[j];
                        let off = (one.p[i][j] - expected).abs();
                        assert!(off < 2e-7, "{direction}: ({i}, {j}) {} {expected}", one.p[i][j]);
                    }
                }
            }
        }
    }

    /// Theorem 2 of the paper: without biases an error moves by the same matrix, however large it
    /// is.
    #[test]
    fn a_large_error_moves_like_a_small_one() {
        let mut dice = Dice::new(4);
        let (truth, m) = midway(&mut dice);
        // A round foot rolls by the attitude, which the theorem does not know of.
        let point = InvariantFilter::new(NOISE, FEET_MAX, 0.0, 0.3);
        let moved = |size: f64| {
            let (mut one, mut other, mut xi) = (truth, truth, [0.0; SIZE]);
            for k in (ATTITUDE..GYRO_BIAS).chain(CONTACT..SIZE) {
                xi[k] = size * (k as f64).sin();
            }
            one.take(&xi);
            point.clone().predict(&mut one, &m);
            point.clone().predict(&mut other, &m);
            between(&one, &other).map(|x| x / size)
        };
        let (small, large) = (moved(1e-3), moved(1.0));
        for (small, large) in small.iter().zip(&large) {
            assert!((small - large).abs() < 1e-9, "{small} {large}");
        }
    }

    #[test]
    fn innovations_are_what_their_rows_say() {
        let mut dice = Dice::new(6);
        let settings = Settings {
            noise: InvariantNoise { ground: Some(0.01), ..NOISE },
            feet: FEET_MAX,
            foot_radius: RADIUS,
            rest_height: 0.3,
        };
        for _ in 0..20 {
            // The feet where the state has them, so that the innovation is small.
            let (state, mut m) = midway(&mut dice);
            for (foot, contact) in m.feet.iter_mut().zip(state.contacts) {
                *foot = state.attitude.inverse() * (contact.unwrap() - state.position);
            }
            let mut rows = Vec::new();
            settings.measure(&state, &m, |row, _, _| rows.push(row.to_vec()));
            assert_eq!(rows.len(), 4 * 4 + 4);
            for direction in 0..SIZE {
                let seen = |amount: f64| {
                    let (mut one, mut xi, mut all) = (state, [0.0; SIZE], Vec::new());
                    xi[direction] = amount;
                    one.take(&xi);
                    settings.measure(&one, &m, |_, z, _| all.push(z));
                    all
                };
                let step = 1e-6;
                for ((row, ahead), behind) in rows.iter().zip(seen(step)).zip(seen(-step)) {
                    let along = row.iter().filter(|(index, _)| *index == direction);
                    let coefficient: f64 = along.map(|(_, c)| c).sum();
                    let found = (behind - ahead) / (2.0 * step);
                    assert!((found - coefficient).abs() < 1e-7, "{direction}: {row:?} {found}");
                }
            }
        }
    }

    /// No leg can feel yaw or place. A filter that is told to doubt them more does all as one that
    /// is not, and doubts them as much more for ever.
    #[test]
    fn what_legs_cannot_know_stays_unknown() {
        let mut truth = Trotter::new(NOISE, 8);
        let mut sure = filter(NOISE);
        sure.begin(truth.attitude, truth.velocity, truth.position);
        let mut unsure = sure.clone();
        let more = [(2, 0.3), (6, 1.0), (7, 2.0), (8, 0.5)];
        more.iter().for_each(|&(k, more)| unsure.p[k][k] += more);
        let start = sure.variances();
        for tick in 0..5000 {
            let m = truth.tick();
            sure.update(&m);
            unsure.update(&m);
            // Place means the base and all that it stands on.
            for (k, more) in more {
                let bound =
                    |foot: usize| (k > 2).then_some(CONTACT + 3 * foot + k.saturating_sub(6));
                let standing =
                    (0..FEET_MAX).filter(|&foot| sure.state.unwrap().contacts[foot].is_some());
                for at in standing.filter_map(bound).chain([k]) {
                    let found = unsure.p[at][k] - sure.p[at][k];
                    assert!(
                        (found - more).abs() < 1e-9,
                        "tick {tick}: ({at}, {k}) {found} of {more}"
                    );
                }
            }
            assert!((sure.position() - unsure.position()).norm() < 1e-9, "tick {tick}");
            assert!(sure.attitude().angle_to(&unsure.attitude()) < 1e-7, "tick {tick}");
        }
        let end = sure.variances();
        for (what, before, after) in [
            ("roll", start.attitude.x, end.attitude.x),
            ("pitch", start.attitude.y, end.attitude.y),
            ("velocity", start.velocity.sum(), end.velocity.sum()),
            ("gyro bias", start.gyro_bias.xy().sum(), end.gyro_bias.xy().sum()),
            ("accelerometer bias", start.accelerometer_bias.z, end.accelerometer_bias.z),
        ] {
            assert!(after < 0.1 * before, "{what}: {before} only fell to {after}");
        }
    }

    #[test]
    fn nothing_that_is_no_number_gets_in_and_none_gets_out() {
        let mut truth = Trotter::new(NOISE, 9);
        let noise = InvariantNoise { ground: Some(2e-3), ..NOISE };
        let mut filter = filter(noise);
        filter.begin(truth.attitude, truth.velocity, truth.position);
        let mut dice = Dice::new(10);
        let mut refused = 0;
        for tick in 0..20_000 {
            let mut m = truth.tick();
            let bad = [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300, -1e12][tick % 5];
            let before = (filter.attitude(), filter.velocity(), filter.position());
            match tick % 50 {
                3 => m.gyro.x = bad,
                13 => m.accelerometer.z = bad,
                23 => m.dt = bad,
                33 => m.feet[tick % 4].y = bad,
                43 => m.feet_turning[tick % 4].x = bad,
                47 => m.trust = [bad; FEET_MAX],
                49 => m.feet = [dice.vector() * 1e3; FEET_MAX],
                _ => {}
            }
            let usable = m.dt.is_finite() && m.dt > 0.0 && m.gyro.x.is_finite();
            filter.update(&m);
            if !(usable && m.accelerometer.z.is_finite()) {
                refused += 1;
                let after = (filter.attitude(), filter.velocity(), filter.position());
                assert_eq!(before, after, "tick {tick} was to change nothing");
            }
            let (v, p) = (filter.velocity(), filter.position());
            let all = [v, p, filter.gyro_bias(), filter.accelerometer_bias()];
            let numbers = all.iter().flat_map(|v| v.iter());
            assert!(
                numbers.chain(filter.attitude().coords.iter()).all(|x| x.is_finite()),
                "{tick}"
            );
            assert!(filter.p.iter().flatten().all(|x| x.is_finite()), "{tick}");
        }
        assert_eq!(filter.counters().skipped, refused);
        assert!(filter.counters().reset > 0, "what was absurd began anew");
        // And it is itself again.
        for _ in 0..3000 {
            filter.update(&truth.tick());
        }
        assert!(tilt(&filter, &truth) < 0.02, "{}", tilt(&filter, &truth));
    }

    /// Ten minutes of standing with sensors that are nearly perfect: the hardest for the digits.
    #[test]
    fn its_covariance_stays_symmetric_and_positive() {
        let noise = InvariantNoise {
            gyro: 1e-5,
            accelerometer: 1e-5,
            gyro_bias: 1e-9,
            accelerometer_bias: 1e-9,
            slip: 1e-6,
            foot: 1e-5,
            ground: Some(1e-5),
        };
        let mut filter = filter(noise);
        let mut truth = Trotter::new(noise, 11);
        filter.begin(truth.attitude, truth.velocity, truth.position);
        for tick in 0..60_000 {
            filter.update(&truth.tick());
            if tick % 1000 == 0 {
                let standing: Vec<usize> = (0..FEET_MAX)
                    .filter(|&foot| filter.state.unwrap().contacts[foot].is_some())
                    .flat_map(|foot| CONTACT + 3 * foot..CONTACT + 3 * foot + 3)
                    .collect();
                let all: Vec<usize> = (0..CONTACT).chain(standing).collect();
                let p = DMatrix::from_fn(all.len(), all.len(), |i, j| filter.p[all[i]][all[j]]);
                assert_eq!(p, p.transpose(), "tick {tick}");
                let scale = p.diagonal().map(f64::sqrt);
                let unit = DMatrix::from_fn(all.len(), all.len(), |i, j| {
                    p[(i, j)] / (scale[i] * scale[j])
                });
                let least = unit.symmetric_eigenvalues().min();
                assert!(least > -1e-9, "tick {tick}: {least}");
            }
        }
        assert_eq!(filter.counters(), InvariantCounters::default());
    }

    #[test]
    fn variances_are_those_of_the_base_itself() {
        let truth = Trotter::new(NOISE, 12);
        let mut filter = filter(NOISE);
        filter.begin(truth.attitude, truth.velocity, truth.position);
        let start = filter.variances();
        let deviations = start.velocity.map(f64::sqrt);
        assert!((deviations - Vector3::repeat(VELOCITY_START)).norm() < 1e-9, "{deviations}");
        assert!((start.position.z.sqrt() - HEIGHT_START).abs() < 1e-9);
    }
}
