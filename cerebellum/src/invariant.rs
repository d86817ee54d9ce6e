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
mod tests;
