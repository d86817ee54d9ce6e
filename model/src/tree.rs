//! The tree of rigid bodies.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use nalgebra::{Matrix3, UnitQuaternion, Vector3};

/// How far rounding, in a file or in turning it, may move a principal inertia, kg m^2, when this is
/// the `largest`.
fn slack(largest: f64) -> f64 {
    1e-6 * largest + 1e-15
}

/// Mass, centre of mass and rotational inertia of one rigid body, in its link frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inertia {
    /// kg.
    pub mass: f64,
    /// Centre of mass, m, link frame.
    pub com: Vector3<f64>,
    /// Inertia about the centre of mass, kg m^2, link axes.
    pub about_com: Matrix3<f64>,
}

impl Inertia {
    /// Nothing at all.
    pub const ZERO: Self = Self {
        mass: 0.0,
        com: Vector3::new(0.0, 0.0, 0.0),
        about_com: Matrix3::new(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    };

    /// What is wrong with it, where no body can be like it: a mass or a principal inertia below
    /// zero or none, or one above the sum of the other two.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let inertia = &self.about_com;
        let numbers = inertia.iter().chain(self.com.iter()).chain([&self.mass]);
        if numbers.into_iter().any(|number| !number.is_finite()) {
            return Some("mass, place and inertia must be finite numbers".into());
        }
        let eigen = inertia.symmetric_eigenvalues();
        let slack = slack(eigen.abs().max());
        let physical = !self.is_negative()
            && 2.0 * eigen.max() <= eigen.sum() + slack
            && (self.mass > 0.0 || eigen.abs().max() <= slack);
        (!physical).then(|| {
            format!(
                "mass {} kg with principal inertia {:.3e} {:.3e} {:.3e} kg m^2 is not physical \
                 (mass > 0, and no principal inertia below zero or above the sum of the other two)",
                self.mass, eigen[0], eigen[1], eigen[2]
            )
        })
    }

    /// Its mass or a principal inertia is below zero, or no number.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        let eigen = self.about_com.symmetric_eigenvalues();
        let least = -slack(eigen.abs().max());
        !(self.mass >= 0.0 && eigen.min() >= least)
    }

    /// The same body seen from a frame in which its link frame lies at `position` turned by
    /// `rotation`.
    #[must_use]
    pub fn moved(&self, rotation: &Matrix3<f64>, position: &Vector3<f64>) -> Self {
        Self {
            mass: self.mass,
            com: rotation * self.com + position,
            about_com: rotation * self.about_com * rotation.transpose(),
        }
    }

    /// Both bodies welded together; both in the same frame.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let mass = self.mass + other.mass;
        if self.mass == 0.0 || mass <= 0.0 {
            return if self.mass == 0.0 { *other } else { *self };
        }
        let com = (self.com * self.mass + other.com * other.mass) / mass;
        let shifted = |body: &Self| body.about_com + point_inertia(body.mass, body.com - com);
        Self { mass, com, about_com: shifted(self) + shifted(other) }
    }

    /// Inertia about the link's origin, kg m^2.
    #[must_use]
    pub fn about_origin(&self) -> Matrix3<f64> {
        self.about_com + point_inertia(self.mass, self.com)
    }
}

/// Inertia of a point of `mass` kg at `r` m, about the origin.
fn point_inertia(mass: f64, r: Vector3<f64>) -> Matrix3<f64> {
    (Matrix3::identity() * r.dot(&r) - r * r.transpose()) * mass
}

/// How a joint moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JointKind {
    /// Turns about its axis, rad.
    Revolute,
    /// Slides along its axis, m.
    Prismatic,
}

/// One joint and the link it carries. Link `k + 1` hangs on joint `k`; link 0 is the base.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// Name in the model file.
    pub name: String,
    /// Link it hangs on: 0 is the base, else `k + 1` of an earlier joint `k`.
    pub parent: usize,
    /// Joint frame in the parent link at position zero: rotation.
    pub rotation: Matrix3<f64>,
    /// Joint frame in the parent link: origin, m.
    pub position: Vector3<f64>,
    /// Axis in the joint frame, unit vector.
    pub axis: Vector3<f64>,
    /// How it moves.
    pub kind: JointKind,
    /// The link it carries, in the joint frame.
    pub inertia: Inertia,
    /// Name of the link it carries.
    pub link: String,
    /// Reflected rotor inertia, kg m^2 or kg.
    pub armature: f64,
    /// Torque per speed that the bearing takes, N m s/rad or N s/m.
    pub damping: f64,
    /// Torque of dry friction, N m or N.
    pub friction: f64,
    /// Mechanical stops `[low, high]`, rad or m; absent for an unlimited joint.
    pub range: Option<[f64; 2]>,
    /// Highest torque of what drives it, N m or N, where the file says it.
    pub effort: Option<f64>,
    /// Highest speed, rad/s or m/s, where the file says it.
    pub speed: Option<f64>,
}

impl Joint {
    /// Joint frame in the parent link at position zero: unit quaternion `w x y z`.
    #[must_use]
    pub fn attitude(&self) -> [f64; 4] {
        let turn = UnitQuaternion::from_matrix(&self.rotation);
        [turn.w, turn.i, turn.j, turn.k]
    }
}

/// What a frame stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A body or link of the file.
    Body,
    /// A joint that moves, at its child's side.
    Joint,
    /// A joint of the file that is fixed.
    FixedJoint,
    /// A site.
    Site,
    /// The centre of a named sphere.
    Sphere,
}

/// A named place on a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Name in the model file.
    pub name: String,
    /// What it stands for.
    pub kind: FrameKind,
    /// The link it is fixed to.
    pub link: usize,
    /// Its place in the link frame, m.
    pub position: Vector3<f64>,
    /// Its attitude in the link frame.
    pub rotation: Matrix3<f64>,
    /// Radius of the sphere around it, m; 0 for a site.
    pub radius: f64,
}

/// All points within a radius of a line, fixed to a link: a bound on a shape of it, or what stands
/// for a mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct CapsuleShape {
    /// The link it is fixed to.
    pub link: usize,
    /// One end of the line, m, link frame.
    pub from: Vector3<f64>,
    /// The other end, m, link frame.
    pub to: Vector3<f64>,
    /// The radius, m.
    pub radius: f64,
}

/// A robot as a tree of rigid bodies. Constant after loading.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotModel {
    /// Name in the model file.
    pub name: String,
    /// The base moves freely; otherwise it is fixed to the world.
    pub floating: bool,
    /// Name of the base link; of a fixed base the world is its frame.
    pub base_name: String,
    /// The base link with all that is fixed to it.
    pub base: Inertia,
    /// Joints, parents before children, in the model file's order.
    pub joints: Vec<Joint>,
    /// Links, joints, sites and named spheres of the file.
    pub frames: Vec<Frame>,
    /// Capsules around the shapes of all links.
    pub capsules: Vec<CapsuleShape>,
    /// Gravitational acceleration in the world, m/s^2.
    pub gravity: Vector3<f64>,
    /// Joint positions that the file names, in joint order, rad or m.
    pub keyframes: Vec<(String, Vec<f64>)>,
    /// What the file holds that is not in this model, for a person to know.
    pub warnings: Vec<String>,
}

impl RobotModel {
    /// A base and nothing else.
    #[must_use]
    pub fn empty(name: String, floating: bool) -> Self {
        Self {
            name,
            floating,
            base_name: String::new(),
            base: Inertia::ZERO,
            joints: Vec::new(),
            frames: Vec::new(),
            capsules: Vec::new(),
            gravity: Vector3::new(0.0, 0.0, -9.81),
            keyframes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Number of joints.
    #[must_use]
    pub fn joint_count(&self) -> usize {
        self.joints.len()
    }

    /// Degrees of freedom: joints, and 6 for a floating base.
    #[must_use]
    pub fn velocity_count(&self) -> usize {
        self.joints.len() + if self.floating { 6 } else { 0 }
    }

    /// Mass of all links, kg.
    #[must_use]
    pub fn mass(&self) -> f64 {
        self.base.mass + self.joints.iter().map(|joint| joint.inertia.mass).sum::<f64>()
    }

    /// Mass of all links that can move, kg: without the base where that is fixed.
    #[must_use]
    pub fn moving_mass(&self) -> f64 {
        self.mass() - if self.floating { 0.0 } else { self.base.mass }
    }

    /// Index of the site or named sphere called `name`, else of any other frame of that name.
    #[must_use]
    pub fn frame(&self, name: &str) -> Option<usize> {
        let point = |frame: &Frame| matches!(frame.kind, FrameKind::Site | FrameKind::Sphere);
        let named = |frame: &&Frame| frame.name == name;
        let mut all = self.frames.iter();
        all.position(|frame| point(frame) && named(&frame))
            .or_else(|| self.frames.iter().position(|frame| named(&frame)))
    }

    /// Index of the frame of this kind called `name`.
    #[must_use]
    pub fn frame_of(&self, kind: FrameKind, name: &str) -> Option<usize> {
        self.frames.iter().position(|frame| frame.kind == kind && frame.name == name)
    }

    /// Index of the joint called `name`.
    #[must_use]
    pub fn joint(&self, name: &str) -> Option<usize> {
        self.joints.iter().position(|joint| joint.name == name)
    }

    /// The joints between the base and `link`, from the base outwards.
    #[must_use]
    pub fn chain(&self, link: usize) -> Vec<usize> {
        let mut joints = Vec::new();
        let mut at = link;
        while at > 0 {
            joints.push(at - 1);
            at = self.joints[at - 1].parent;
        }
        joints.reverse();
        joints
    }
}
