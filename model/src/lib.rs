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
mod mjcf;
mod toml_source;
mod tree;

pub use dynamics::{BaseMotion, Dynamics, Wrench};
pub use envelope_file::{
    BalanceFile, ContactLimitsFile, ContactRegion, ContactRuleFile, FenceFile, HeightFile,
    KeepOutFile, OverspeedFile, PersonFile, RegionFile, SelfCollisionFile,
};
pub use file::{
    BodyClass, BrainFile, ControlFile, EstimatorFile, FootFile, GaitFile, GovernorFile, HabitsFile,
    HealthFile, JointGroupFile, MotionFile, MpcFile, PostureFile, RobotFile, SimFile, SkillFile,
    StickFile, SupervisionFile,
};
pub use kinematics::Kinematics;
pub use load::{Foot, PostureAngles, Robot};
pub use toml_source::{LoadError, TomlSource};
pub use tree::{CapsuleShape, Frame, Inertia, Joint, JointKind, RobotModel};
