//! The tree of rigid bodies.

use nalgebra::{Matrix3, UnitQuaternion, Vector3};

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
        if mass <= 0.0 {
            return *self;
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
    /// Reflected rotor inertia, kg m^2.
    pub armature: f64,
    /// Mechanical stops `[low, high]`; absent for an unlimited joint.
    pub range: Option<[f64; 2]>,
}

impl Joint {
    /// Joint frame in the parent link at position zero: unit quaternion `w x y z`.
    #[must_use]
    pub fn attitude(&self) -> [f64; 4] {
        let turn = UnitQuaternion::from_matrix(&self.rotation);
        [turn.w, turn.i, turn.j, turn.k]
    }
}

/// A named point on a link.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Name in the model file.
    pub name: String,
    /// The link it is fixed to.
    pub link: usize,
    /// Its place in the link frame, m.
    pub position: Vector3<f64>,
    /// Radius of the sphere around it, m; 0 for a site.
    pub radius: f64,
}

/// All points within a radius of a line, fixed to a link: a bound on its shape.
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
    /// The base link.
    pub base: Inertia,
    /// Joints, parents before children, in the model file's order.
    pub joints: Vec<Joint>,
    /// Sites and named spheres.
    pub frames: Vec<Frame>,
    /// Capsules around the shapes of all links.
    pub capsules: Vec<CapsuleShape>,
    /// Gravitational acceleration in the world, m/s^2.
    pub gravity: Vector3<f64>,
}

impl RobotModel {
    /// Reads the text of an MJCF file.
    ///
    /// # Errors
    /// The element that breaks a rule, and the rule.
    pub fn from_mjcf(xml: &str) -> Result<Self, String> {
        crate::mjcf::read(xml)
    }

    /// Number of actuated joints.
    #[must_use]
    pub fn joint_count(&self) -> usize {
        self.joints.len()
    }

    /// Degrees of freedom: joints, and 6 for a floating base.
    #[must_use]
    pub fn velocity_count(&self) -> usize {
        self.joints.len() + if self.floating { 6 } else { 0 }
    }

    /// Mass of all moving bodies, kg.
    #[must_use]
    pub fn mass(&self) -> f64 {
        self.base.mass + self.joints.iter().map(|joint| joint.inertia.mass).sum::<f64>()
    }

    /// Index of the frame called `name`.
    #[must_use]
    pub fn frame(&self, name: &str) -> Option<usize> {
        self.frames.iter().position(|frame| frame.name == name)
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
