//! What the robot is, and the rigid-body mathematics of it.
//!
//! [`Robot`] is a robot folder read and checked: names, limits, postures and the numbers of its
//! controllers. [`RobotModel`] is its tree of rigid bodies; [`Kinematics`] and [`Dynamics`] are all
//! the working memory its algorithms need, allocated once. Nothing here knows a controller, a clock
//! or a simulator, and nothing about a particular robot is written into the code.
//!
//! The feature `load`, on by default, reads robot folders and model files and brings `std`. Without
//! it the mathematics and the tree are left, for a microcontroller: `no_std` with `alloc`, which is
//! used by constructors only.
//!
//! Conventions: base x forward, y left, z up; twists and wrenches are `[linear; angular]`; the
//! base's velocity is expressed in the base frame (Pinocchio's convention). SI units, rad.
#![cfg_attr(not(feature = "load"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod dynamics;
mod kinematics;
mod manifold;
mod mass_factor;
mod real;
mod tree;

#[cfg(feature = "load")]
mod board_file;
#[cfg(feature = "load")]
mod bus_file;
#[cfg(feature = "load")]
mod capsules;
#[cfg(feature = "load")]
mod envelope_file;
#[cfg(feature = "load")]
mod file;
#[cfg(feature = "load")]
mod load;
#[cfg(feature = "load")]
mod mjcf;
#[cfg(feature = "load")]
mod model_file;
#[cfg(feature = "load")]
mod sections;
#[cfg(feature = "load")]
mod shape;
#[cfg(feature = "load")]
mod toml_source;
#[cfg(feature = "load")]
mod urdf;

pub use dynamics::{BaseAcceleration, BaseMotion, Dynamics, Momentum, Wrench, centroidal_matrix};
pub use kinematics::{Axes, Kinematics};
pub use manifold::{Pose, difference, integrate, left_jacobian};
pub use mass_factor::MassFactor;
pub use tree::{CapsuleShape, Frame, FrameKind, Inertia, Joint, JointKind, RobotModel};

#[cfg(feature = "load")]
pub use self::{
    board_file::BoardFile,
    bus_file::{BusFile, MotorFile, Protocol},
    envelope_file::{
        BalanceFile, ContactLimitsFile, ContactRegion, ContactRuleFile, FenceFile, HeightFile,
        KeepOutFile, OverspeedFile, PersonFile, RegionFile, SelfCollisionFile,
    },
    file::{
        ArmFile, BodyClass, BrainFile, ControlFile, EstimatorFile, EstimatorFilter, FootFile,
        GaitFile, GovernorFile, HabitsFile, HealthFile, JointGroupFile, MotionFile, MpcFile,
        PostureFile, RobotFile, ScriptFile, SimFile, SkillFile, StickFile, SupervisionFile,
        WholeBodyFile,
    },
    load::{Foot, PostureAngles, Robot},
    model_file::Base,
    toml_source::{LoadError, TomlSource},
};
