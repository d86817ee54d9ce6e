//! Impedance of an arm on a fixed base: as a spring in its joints ([`JointImpedance`]) or in space
//! ([`CartesianImpedance`]).
//!
//! Both feed gravity and Coriolis torques forward, know the payload, let targets and gains in
//! through a filter, and change no torque faster than they may. Speed-torque curves are the
//! governor's. A state that is no number, or a mass matrix that is not positive definite, is
//! answered by the gravity torque of the last good state (none before the first), and counted.

mod cartesian;
mod joint;

pub use cartesian::{CartesianGains, CartesianImpedance, CartesianTarget};
pub use joint::{JointImpedance, JointSpring};

use model::{BaseMotion, Dynamics, Inertia, Kinematics, MassFactor, RobotModel};
use nalgebra::{DMatrix, Matrix3};
use signals::JOINTS_MAX;

/// The longest time between two ticks that is believed, s.
const TICK_MAX: f64 = 0.1;
/// The highest stiffness, N/m, N m/rad: above it a number is a mistake.
const STIFFNESS_MAX: f64 = 1e5;

/// What torques may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TorqueLimits<'a> {
    /// Highest torque either way of each joint, N m or N.
    pub torque: &'a [f64],
    /// Fastest change of a torque, N m/s; 1000 is 1 N m a millisecond.
    pub rate: f64,
}

/// Why an impedance was not built or a setting not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpedanceFault {
    /// The base floats, or there is no joint or more than [`JOINTS_MAX`].
    NotAnArm,
    /// A list has not one number for each joint, or there is no such frame.
    DoesNotFit,
    /// A gain, limit or target is none, negative, or absurdly high.
    BadNumber,
    /// No body can have this payload's inertia.
    BadPayload,
}

/// How the torques came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpedanceStatus {
    /// By the law.
    Followed,
    /// By the law, but a torque or its rate is at the limit.
    Limited,
    /// The state was not usable: the gravity torques of the last good one.
    BadState,
}

fn usable_gain(gain: f64) -> bool {
    (0.0..=STIFFNESS_MAX).contains(&gain)
}

/// Part of the way to a new value that a first-order filter goes in `dt` s.
fn filter_part(dt: f64, time_constant: f64) -> f64 {
    dt / (time_constant + dt).max(f64::MIN_POSITIVE)
}

fn tick(dt: f64) -> f64 {
    if dt.is_nan() { 0.0 } else { dt.clamp(0.0, TICK_MAX) }
}

/// The arm with what it carries, in one state.
#[derive(Clone, Debug)]
struct Arm {
    model: RobotModel,
    /// The links without payload; the base first.
    bare: Vec<Inertia>,
    kinematics: Kinematics,
    dynamics: Dynamics,
    mass: DMatrix<f64>,
    factor: MassFactor,
    /// Gravity and Coriolis torques, N m.
    bias: Vec<f64>,
    /// Gravity torques of the last good state, N m.
    gravity: Vec<f64>,
}

impl Arm {
    fn new(model: &RobotModel) -> Result<Self, ImpedanceFault> {
        let joints = model.joint_count();
        if model.floating || joints == 0 || joints > JOINTS_MAX {
            return Err(ImpedanceFault::NotAnArm);
        }
        let links = model.joints.iter().map(|joint| joint.inertia);
        Ok(Self {
            bare: core::iter::once(model.base).chain(links).collect(),
            kinematics: Kinematics::new(model),
            dynamics: Dynamics::new(model),
            mass: DMatrix::zeros(joints, joints),
            factor: MassFactor::new(model),
            bias: vec![0.0; joints],
            gravity: vec![0.0; joints],
            model: model.clone(),
        })
    }

    /// Carries `payload`, in the axes of frame `frame` and about its origin, instead of what was
    /// carried.
    fn carry(&mut self, frame: usize, payload: &Inertia) -> Result<(), ImpedanceFault> {
        let Some(at) = self.model.frames.get(frame) else { return Err(ImpedanceFault::DoesNotFit) };
        if payload.flaw().is_some() {
            return Err(ImpedanceFault::BadPayload);
        }
        let (held, with) = (payload.moved(&at.rotation, &at.position), at.link);
        let links = self.model.joints.iter_mut().map(|joint| &mut joint.inertia);
        for (link, (now, bare)) in links.zip(self.bare.iter().skip(1)).enumerate() {
            *now = if link + 1 == with { bare.joined(&held) } else { *bare };
        }
        Ok(())
    }

    /// Recomputes all for one state. False where that is not usable.
    fn update(&mut self, q: &[f64], dq: &[f64]) -> bool {
        let count = self.bias.len();
        let sound = q.len() == count
            && dq.len() == count
            && q.iter().chain(dq).all(|number| number.abs() <= 1e6);
        if !sound {
            return false;
        }
        let base = BaseMotion::at_rest(Matrix3::identity());
        self.kinematics.update(&self.model, q);
        self.kinematics.update_velocities(&self.model, &base, dq);
        self.dynamics.crba(&self.model, q, &mut self.mass);
        self.dynamics.bias(&self.model, &base, [q, dq], &mut self.bias);
        if !self.factor.update(&self.mass) || !self.bias.iter().all(|torque| torque.is_finite()) {
            return false;
        }
        self.dynamics.gravity(&self.model, base.rotation, q, &mut self.gravity);
        true
    }
}

/// The torques that were given last, and what the next ones may be.
#[derive(Clone, Debug)]
struct Drives {
    torque: Vec<f64>,
    torque_max: Vec<f64>,
    rate: f64,
    /// Nothing was given yet: the first torques are not limited in their rate.
    fresh: bool,
    bad_states: u32,
}

impl Drives {
    fn new(count: usize, limits: TorqueLimits<'_>) -> Result<Self, ImpedanceFault> {
        if limits.torque.len() != count {
            return Err(ImpedanceFault::DoesNotFit);
        }
        let above = |limit: &f64| *limit > 0.0 && limit.is_finite();
        if !limits.torque.iter().chain([&limits.rate]).all(above) {
            return Err(ImpedanceFault::BadNumber);
        }
        Ok(Self {
            torque: vec![0.0; count],
            torque_max: limits.torque.to_vec(),
            rate: limits.rate,
            fresh: true,
            bad_states: 0,
        })
    }

    /// Goes from the last torques towards `wanted`. Before the first ones the drives are taken to
    /// hold the arm, with `holding`.
    fn follow(&mut self, wanted: &[f64], holding: &[f64], dt: f64) -> ImpedanceStatus {
        if self.fresh {
            self.torque.copy_from_slice(holding);
            self.fresh = false;
        }
        let most = self.rate * dt;
        let mut status = ImpedanceStatus::Followed;
        let joints = self.torque.iter_mut().zip(wanted.iter().zip(holding)).zip(&self.torque_max);
        for ((torque, (wanted, holding)), max) in joints {
            // Of a state far beyond what an arm can be in, a torque may be no number.
            let wanted = if wanted.is_finite() { wanted } else { holding };
            let next = wanted.clamp(*torque - most, *torque + most).clamp(-max, *max);
            if next != *wanted {
                status = ImpedanceStatus::Limited;
            }
            *torque = next;
        }
        status
    }

    /// The answer to a state that is not usable.
    fn hold(&mut self, gravity: &[f64], dt: f64) -> ImpedanceStatus {
        self.bad_states = self.bad_states.saturating_add(1);
        if !self.fresh {
            self.follow(gravity, gravity, dt);
        }
        ImpedanceStatus::BadState
    }
}
