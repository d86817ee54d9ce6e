//! One walk, and what is remembered of it.

use std::time::Duration;

use governor::{HealthRule, Profile};
use nalgebra::{Quaternion, UnitQuaternion};
use signals::{BaseVelocity, BodyState, MetresPerSecond, Newtons, RadiansPerSecond};
use sim::{Disturbance, SimTruth, Yard};

use crate::scene::{Scene, Shove};
use crate::walking::{self, Walker};

/// Ticks: the walk is asked for, measured from, and over; a shove comes in the stride after
/// `SHOVE_FROM`.
const WALK_FROM: u64 = 3_500;
const MEASURE_FROM: u64 = 6_000;
const END: u64 = 12_000;
const SHOVE_FROM: u64 = 5_500;
const SHOVE_END: u64 = 8_000;
const SHOVE_FOR: Duration = Duration::from_millis(100);

/// Sums over the measured part of a walk; what is judged is the truth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    pub(crate) fell: bool,
    pub(crate) ticks: f64,
    /// Forward m/s, left m/s, yaw rad/s; sums.
    pub(crate) moved: [f64; 3],
    /// Squared difference from the wish; sums.
    pub(crate) off: [f64; 3],
    /// Roll and pitch, squared, rad; sums.
    pub(crate) tilt: [f64; 2],
    pub(crate) lean: [f64; 2],
    /// Squared error of the estimated velocity, and the error of height, m; sums.
    pub(crate) estimate: [f64; 2],
    pub(crate) height: f64,
    /// Path and error of position at its end, m.
    pub(crate) path: f64,
    pub(crate) drift: f64,
    /// Squared torques; sums, (N m)^2.
    pub(crate) torque: f64,
}

impl Walk {
    fn see(&mut self, wish: [f32; 3], state: &BodyState, truth: &SimTruth) {
        let moving = [truth.velocity[0].0, truth.velocity[1].0, truth.angular_velocity[2].0];
        self.ticks += 1.0;
        for axis in 0..3 {
            self.moved[axis] += f64::from(moving[axis]);
            self.off[axis] += f64::from(moving[axis] - wish[axis]).powi(2);
        }
        let q = truth.attitude;
        let attitude = UnitQuaternion::from_quaternion(Quaternion::new(q.w, q.x, q.y, q.z));
        let (roll, pitch, _) = attitude.euler_angles();
        self.tilt[0] += f64::from(roll).powi(2);
        self.tilt[1] += f64::from(pitch).powi(2);
        self.lean[0] += f64::from(roll);
        self.lean[1] += f64::from(pitch);
        for axis in 0..2 {
            let error = state.velocity[axis].0 - truth.velocity[axis].0;
            self.estimate[axis] += f64::from(error).powi(2);
        }
        self.height += f64::from(state.position[2].0 - truth.position[2].0);
        let speed = f64::from(moving[0]).hypot(moving[1].into());
        self.path += speed * 1e-3;
        self.torque += truth.torque.iter().map(|tau| f64::from(tau.0).powi(2)).sum::<f64>();
    }
}

/// The governor with all that it does to joints, and without its opinion on speed, balance, drives
/// and planners: what is to be seen is the motion controller.
fn patient(scene: &Scene) -> Profile {
    let speed_max = BaseVelocity {
        forward: MetresPerSecond(2.0),
        left: MetresPerSecond(1.0),
        yaw: RadiansPerSecond(2.0),
    };
    Profile {
        speed_max,
        balance: None,
        overspeed: None,
        height: None,
        health: HealthRule::default(),
        ..walking::patient(&scene.known)
    }
}

/// When the shove of `seed` comes, spread over the stride of 400 ms, and its force.
fn blow(shove: Shove, seed: u64) -> (u64, Disturbance) {
    let angle = f32::from(shove.direction) * core::f32::consts::FRAC_PI_4;
    let force = shove.impulse / SHOVE_FOR.as_secs_f32();
    let force = [-angle.cos() * force, -angle.sin() * force, 0.0].map(Newtons);
    (SHOVE_FROM + seed * 163 % 400, Disturbance::Push { force, duration: SHOVE_FOR })
}

/// Walks `scene` once with `seed`.
pub(crate) fn walk(scene: &Scene, seed: u64) -> Walk {
    let yard = if scene.stony { Yard::stony(seed) } else { Yard::empty() };
    let (robots, planner) = ((&scene.known, &scene.real), walking::inline(&scene.known));
    let mut walker = Walker::new(robots, (&yard, seed), planner, patient(scene));
    let blow = scene.shove.map(|shove| blow(shove, seed));
    let end = if blow.is_some() { SHOVE_END } else { END };
    let (mut walk, mut start) = (Walk::default(), None);
    for number in 0..end {
        if let Some((_, push)) = blow.filter(|(at, _)| *at == number) {
            walker.body.disturb(push);
        }
        let asks = number > WALK_FROM && scene.wish != [0.0; 3];
        let (_, state) = walker.turn(number, asks.then_some(scene.wish), false);
        let truth = walker.body.truth();
        if truth.fallen {
            walk.fell = true;
            break;
        }
        if number >= MEASURE_FROM {
            let error =
                |axis: usize| f64::from(state.position[axis].0) - f64::from(truth.position[axis].0);
            let apart = [error(0), error(1)];
            let [x, y] = *start.get_or_insert(apart);
            walk.drift = (apart[0] - x).hypot(apart[1] - y);
            walk.see(scene.wish, &state, &truth);
        }
    }
    walk
}
