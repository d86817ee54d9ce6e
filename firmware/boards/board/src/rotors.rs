//! Rotors without load: what stands for the motors of a board in an emulator.

use firmware::Measured;
use signals::{JointState, NewtonMetres, Radians, RadiansPerSecond};

/// Inertia as seen at the joint, kg m2: that of a small geared drive.
const INERTIA: f32 = 0.02;
/// Friction of bearings and gear, N m s/rad.
const FRICTION: f32 = 0.1;

/// `N` rotors.
#[derive(Clone, Debug)]
pub struct Rotors<const N: usize> {
    /// Of each, rad.
    position: [f32; N],
    /// Of each, rad/s.
    velocity: [f32; N],
    /// At each, N m.
    torque: [f32; N],
}

impl<const N: usize> Default for Rotors<N> {
    fn default() -> Self {
        Self { position: [0.0; N], velocity: [0.0; N], torque: [0.0; N] }
    }
}

impl<const N: usize> Rotors<N> {
    /// Lets them turn for a time, s.
    pub fn turn(&mut self, seconds: f32) {
        for joint in 0..N {
            let acceleration = (self.torque[joint] - FRICTION * self.velocity[joint]) / INERTIA;
            self.velocity[joint] += acceleration * seconds;
            self.position[joint] += self.velocity[joint] * seconds;
        }
    }

    /// Puts them somewhere: positions in rad and velocities in rad/s.
    pub fn put(&mut self, position: [f32; N], velocity: [f32; N]) {
        (self.position, self.velocity) = (position, velocity);
    }

    /// Sets the torques, N m; with the gate shut there are none.
    pub fn drive(&mut self, torque: [NewtonMetres; N], gate: bool) {
        self.torque = torque.map(|torque| if gate { torque.0 } else { 0.0 });
    }

    /// The torques, N m.
    #[must_use]
    pub const fn torque(&self) -> &[f32; N] {
        &self.torque
    }

    /// What sensors would say.
    #[must_use]
    pub fn measured(&self) -> [Measured; N] {
        core::array::from_fn(|joint| Measured {
            state: JointState {
                q: Radians(self.position[joint]),
                dq: RadiansPerSecond(self.velocity[joint]),
            },
            tau: NewtonMetres(self.torque[joint]),
            ..Measured::default()
        })
    }
}
