//! Turns state and plan into joint commands, 1000 times a second.
//!
//! The cerebellum estimates how the body moves ([`Estimator`]) and makes the motion that the
//! governor ruled ([`signals::Motion`]): stand up, stand, trot, settle, damp, or nothing; of an arm
//! ([`ArmController`]): move to a posture, stay, damp, or nothing. It owns no clock, no thread and
//! no file; it allocates only when built; it never decides whether a motion is allowed.
//!
//! Terms: a foot *stands* (stance) or *swings*; a *stride* is one period of the gait; the
//! *foothold* is where a swinging foot is to land.
#![forbid(unsafe_code)]

mod arm_control;
mod contact;
mod controller;
#[cfg(test)]
mod dice;
mod estimate;
mod gait;
mod impedance;
mod inertial;
mod invariant;
mod inverse_kinematics;
mod leg_control;
mod leg_odometry;
mod legs;
mod mpc;
mod outside;
mod path_timing;
mod qp;
mod swing;
mod trajectory;
mod trot;
#[cfg(test)]
mod trotter;
mod whole_body;

/// Acceleration of what falls, m/s^2.
const GRAVITY: f64 = 9.81;

pub use arm_control::{ArmController, ArmFault};
pub use contact::{ContactCounters, ContactDetector, ContactInput, FootContact};
pub use controller::Cerebellum;
pub use estimate::{Estimator, Measurement};
pub use gait::{FootPhase, Gait};
pub use impedance::{
    CartesianGains, CartesianImpedance, CartesianTarget, ImpedanceFault, ImpedanceStatus,
    JointImpedance, JointSpring, TorqueLimits,
};
pub use invariant::{InvariantCounters, InvariantFilter, InvariantNoise, Variances};
pub use inverse_kinematics::{
    Avoidance, DifferentialSolver, DifferentialStatus, JointRange, Nearest, PoseAnswer, PoseSolver,
    PoseTolerance, SolverFault, nearest,
};
pub use mpc::{
    ForcePlanner, HORIZON_MAX, InlineForcePlanner, MpcInput, MpcOutput, MpcSettings, MpcSolver,
};
pub use path_timing::{
    Path, PathEnds, PathFault, PathLimits, PathPoint, PathRow, PathSpeed, PathTiming, TorqueRows,
};
pub use qp::{DenseRows, QuadraticProgram, Residuals, Row, Rows, Status};
pub use swing::{SwingPoint, smooth, swing};
pub use trajectory::{
    JointMotion, JointTrajectory, MotionLimits, Refusal, Target, TrajectoryStatus,
};
pub use trot::ForceCounters;
