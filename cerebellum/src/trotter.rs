//! A trotting body that is known exactly, and readings of it with known noise: what both filters
//! are judged by.

use model::left_jacobian;
use nalgebra::{UnitQuaternion, Vector3};
use signals::FEET_MAX;

use crate::GRAVITY;
use crate::estimate::{Measurement, rolling};
use crate::gait::{FootPhase, Gait};
use crate::invariant::InvariantNoise;

pub(crate) const TICK: f64 = 1e-3;
pub(crate) const RADIUS: f64 = 0.022;

/// Numbers at random, the same ones in every run (xorshift64*).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn part(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 12;
        (bits as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Mean 0, standard deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.part().ln()).sqrt() * (std::f64::consts::TAU * self.part()).cos()
    }

    pub(crate) fn vector(&mut self) -> Vector3<f64> {
        Vector3::from_fn(|_, _| self.normal())
    }
}

/// The truth, and the dice that blur it.
#[derive(Clone, Debug)]
pub(crate) struct Trotter {
    pub(crate) noise: InvariantNoise,
    pub(crate) dice: Dice,
    gait: Gait,
    time: f64,
    pub(crate) attitude: UnitQuaternion<f64>,
    pub(crate) velocity: Vector3<f64>,
    pub(crate) position: Vector3<f64>,
    pub(crate) gyro_bias: Vector3<f64>,
    pub(crate) accelerometer_bias: Vector3<f64>,
    /// Centres of the feet that stand, odometry frame, m.
    contacts: [Option<Vector3<f64>>; FEET_MAX],
}

impl Trotter {
    pub(crate) fn new(noise: InvariantNoise, seed: u64) -> Self {
        let (attitude, velocity) = motion(0.0);
        Self {
            noise,
            dice: Dice::new(seed),
            gait: Gait::trot(),
            time: 0.0,
            attitude,
            velocity,
            position: Vector3::new(0.0, 0.0, 0.3),
            gyro_bias: Vector3::zeros(),
            accelerometer_bias: Vector3::zeros(),
            contacts: [None; FEET_MAX],
        }
    }

    /// One tick on. The inertial unit reads what led here, the legs what is now.
    pub(crate) fn tick(&mut self) -> Measurement {
        let (attitude, velocity) = motion(self.time + TICK);
        let spin = (self.attitude.inverse() * attitude).scaled_axis() / TICK;
        let acceleration = (velocity - self.velocity) / TICK;
        let force = self.attitude.inverse() * (acceleration + Vector3::new(0.0, 0.0, GRAVITY));
        let rotation = self.attitude.to_rotation_matrix().into_inner();
        let turning = Vector3::new(0.5 * self.time.sin(), 4.0 * (15.0 * self.time).sin(), 0.0);
        let root = TICK.sqrt();
        for contact in self.contacts.iter_mut().flatten() {
            *contact += rolling(&rotation, &(spin + turning), RADIUS) * TICK;
            *contact += self.dice.vector() * (self.noise.slip * root);
        }
        self.position += (self.velocity + acceleration * (0.5 * TICK)) * TICK;
        (self.attitude, self.velocity) = (attitude, velocity);
        self.time += TICK;
        let mut m = Measurement {
            dt: TICK,
            gyro: spin + self.gyro_bias + self.dice.vector() * (self.noise.gyro / root),
            accelerometer: force
                + self.accelerometer_bias
                + self.dice.vector() * (self.noise.accelerometer / root),
            feet: [Vector3::zeros(); FEET_MAX],
            feet_velocity: [Vector3::zeros(); FEET_MAX],
            feet_turning: [turning; FEET_MAX],
            trust: [0.0; FEET_MAX],
            resting: false,
        };
        self.gyro_bias += self.dice.vector() * (self.noise.gyro_bias * root);
        self.accelerometer_bias += self.dice.vector() * (self.noise.accelerometer_bias * root);
        self.step(&mut m, &spin);
        m
    }

    /// Feet come down and lift off, and the kinematics say where they are.
    fn step(&mut self, m: &mut Measurement, spin: &Vector3<f64>) {
        let hips = [(0.2, 0.14), (0.2, -0.14), (-0.2, 0.14), (-0.2, -0.14)];
        for (foot, (x, y)) in hips.into_iter().enumerate() {
            if let FootPhase::Swing(_) = self.gait.phase(foot, self.time) {
                self.contacts[foot] = None;
                // It swings low over where it is going to land.
                m.feet[foot] = Vector3::new(x, y, -0.27) + self.dice.vector() * self.noise.foot;
                continue;
            }
            let ground = self.noise.ground.unwrap_or(0.0) * self.dice.normal();
            let (position, attitude) = (self.position, self.attitude);
            let contact = *self.contacts[foot].get_or_insert_with(|| {
                let mut place = position + attitude * Vector3::new(x, y, -0.28);
                place.z = RADIUS + ground;
                place
            });
            let rotation = self.attitude.to_rotation_matrix().into_inner();
            let seen = self.attitude.inverse() * (contact - self.position);
            m.trust[foot] = 1.0;
            m.feet[foot] = seen + self.dice.vector() * self.noise.foot;
            // A standing foot's centre only rolls.
            let rolls = rolling(&rotation, &(spin + m.feet_turning[foot]), RADIUS);
            let moves = self.attitude.inverse() * (rolls - self.velocity);
            m.feet_velocity[foot] = moves - spin.cross(&seen);
        }
    }
}

/// Attitude and velocity, m/s, of the body at `time`, s.
fn motion(time: f64) -> (UnitQuaternion<f64>, Vector3<f64>) {
    let stride = std::f64::consts::TAU * 2.5 * time;
    let roll = 0.05 * stride.sin() + 0.03 * (1.3 * time).sin();
    let pitch = 0.04 * (stride + 1.0).cos() + 0.05 * (0.9 * time).sin();
    let yaw = 0.4 * time + 0.2 * (0.8 * time).sin();
    let velocity = Vector3::new(
        0.5 * (0.7 * time).cos() + 0.05 * (2.0 * stride).sin(),
        0.3 * (1.1 * time).sin(),
        0.10 * (2.0 * stride).cos(),
    );
    (UnitQuaternion::from_euler_angles(roll, pitch, yaw), velocity)
}

/// The error of an estimate on the group, `log(X_hat X^-1)`, as attitude (rad) and one vector for
/// each of the `vectors` as (estimate, truth).
pub(crate) fn group_error<const N: usize>(
    attitude: (&UnitQuaternion<f64>, &UnitQuaternion<f64>),
    vectors: [(Vector3<f64>, Vector3<f64>); N],
) -> (Vector3<f64>, [Vector3<f64>; N]) {
    let turn = attitude.0 * attitude.1.inverse();
    let angle = turn.scaled_axis();
    let back = left_jacobian(&angle).try_inverse().unwrap_or_default();
    (angle, vectors.map(|(estimate, truth)| back * (estimate - turn * truth)))
}
