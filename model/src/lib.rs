//! What the robot is, and the rigid-body mathematics of it.
//!
//! [`Robot`] is a robot folder read and checked: names, limits, postures and the numbers of its
//! controllers. [`RobotModel`] is its tree of rigid bodies; [`Kinematics`] and [`Dynamics`] are all
//! the working memory its algorithms need, allocated once. Nothing here knows a controller, a clock
//! or a simulator, and nothing about a particular robot is written into the code.
//!
//! Conventions: base x forward, y left, z up; twists and wrenches are `[linear; angular]`; the
//! base's velocity is expressed in the base frame (Pinocchio's convention). SI units, rad.
#![forbid(unsafe_code)]

mod capsules;
mod dynamics;
mod envelope_file;
mod file;
mod kinematics;
mod load;
mod manifold;
mod mass_factor;
mod mjcf;
mod model_file;
mod shape;
mod toml_source;
mod tree;
mod urdf;

pub use dynamics::{BaseAcceleration, BaseMotion, Dynamics, Momentum, Wrench, centroidal_matrix};
pub use envelope_file::{
    BalanceFile, ContactLimitsFile, ContactRegion, ContactRuleFile, FenceFile, HeightFile,
    KeepOutFile, OverspeedFile, PersonFile, RegionFile, SelfCollisionFile,
};
pub use file::{
    BodyClass, BrainFile, ControlFile, EstimatorFile, FootFile, GaitFile, GovernorFile, HabitsFile,
    HealthFile, JointGroupFile, MotionFile, MpcFile, PostureFile, RobotFile, SimFile, SkillFile,
    StickFile, SupervisionFile,
};
pub use kinematics::{Axes, Kinematics};
pub use load::{Foot, PostureAngles, Robot};
pub use manifold::{Pose, difference, integrate};
pub use mass_factor::MassFactor;
pub use model_file::Base;
pub use toml_source::{LoadError, TomlSource};
pub use tree::{CapsuleShape, Frame, FrameKind, Inertia, Joint, JointKind, RobotModel};
