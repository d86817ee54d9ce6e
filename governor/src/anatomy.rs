//! The robot's limbs as the governor knows them: joints, capsules around links, feet.

use signals::{Feet, FootId, JointId, Joints};

use crate::profile::{ProfileError, all_hold, bounded, positive};

/// Most capsules of an [`Anatomy`].
pub const CAPSULES_MAX: usize = 24;
/// Most pairs of capsules that are kept apart.
pub const PAIRS_MAX: usize = 64;

/// One joint and how the link it carries hangs on it. Link 0 is the base; link `k + 1` hangs on
/// joint `k`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hinge {
    /// Link it hangs on, below the joint's own: 0 or `k + 1` of an earlier joint `k`.
    pub parent: u8,
    /// Joint frame in the parent link at position zero: origin, m.
    pub at: [f32; 3],
    /// Joint frame in the parent link at position zero: attitude, unit quaternion `w x y z`.
    pub turn: [f32; 4],
    /// Axis in the joint frame, unit vector.
    pub axis: [f32; 3],
    /// It slides along the axis instead of turning about it.
    pub slides: bool,
}

impl Default for Hinge {
    fn default() -> Self {
        let (at, axis) = ([0.0; 3], [0.0, 0.0, 1.0]);
        Self { parent: 0, at, turn: [1.0, 0.0, 0.0, 0.0], axis, slides: false }
    }
}

/// All points within a radius of a line, fixed to a link.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capsule {
    /// The link.
    pub link: u8,
    /// One end of the line, m, link frame.
    pub from: [f32; 3],
    /// The other end, m, link frame.
    pub to: [f32; 3],
    /// The radius, m, positive.
    pub radius: f32,
}

/// A foot: the centre of the sphere that touches the ground.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FootPoint {
    /// The link.
    pub link: u8,
    /// Its place, m, link frame.
    pub at: [f32; 3],
}

/// The limbs of a robot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anatomy {
    /// The joints, parents before children; as many as the envelope has.
    pub joints: Joints<Hinge>,
    /// Capsules around links; the first `capsule_count` count.
    pub capsules: [Capsule; CAPSULES_MAX],
    /// How many capsules there are.
    pub capsule_count: usize,
    /// Pairs of capsules that must stay apart, by number; the first `pair_count` count.
    pub pairs: [(u8, u8); PAIRS_MAX],
    /// How many pairs there are.
    pub pair_count: usize,
    /// The feet, in the robot file's order; none for a body without.
    pub feet: Feet<FootPoint>,
}

impl Default for Anatomy {
    fn default() -> Self {
        Self {
            joints: Joints::default(),
            capsules: [Capsule::default(); CAPSULES_MAX],
            capsule_count: 0,
            pairs: [(0, 0); PAIRS_MAX],
            pair_count: 0,
            feet: Feet::default(),
        }
    }
}

impl Anatomy {
    pub(crate) fn check(&self) -> Result<(), ProfileError> {
        let links = self.joints.len();
        let unit = |parts: &[f32]| (parts.iter().map(|p| p * p).sum::<f32>() - 1.0).abs() < 1e-3;
        let near = |at: &[f32; 3]| at.iter().all(|number| bounded(*number));
        let hinges = self.joints.iter().enumerate().all(|(index, hinge)| {
            let order = usize::from(hinge.parent) <= index;
            order && near(&hinge.at) && unit(&hinge.turn) && unit(&hinge.axis)
        });
        let capsules = self.capsule_count <= CAPSULES_MAX
            && self.capsules().all(|capsule| {
                let placed = near(&capsule.from) && near(&capsule.to);
                usize::from(capsule.link) <= links && placed && positive(capsule.radius)
            });
        let known = |index: u8| usize::from(index) < self.capsule_count;
        let pairs = self.pair_count <= PAIRS_MAX
            && self.pairs().all(|(a, b)| known(a) && known(b) && a != b);
        let feet = self.feet.iter().all(|foot| usize::from(foot.link) <= links && near(&foot.at));
        all_hold(&[
            ("anatomy.joints", hinges, "a tree, parents first, with unit axes and attitudes"),
            ("anatomy.capsules", capsules, "at most 24 with positive radius on links there are"),
            ("anatomy.pairs", pairs, "at most 64 of two capsules there are"),
            ("anatomy.feet", feet, "on links there are"),
        ])
    }

    pub(crate) fn capsules(&self) -> impl Iterator<Item = &Capsule> {
        self.capsules.iter().take(self.capsule_count)
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u8, u8)> + '_ {
        self.pairs.iter().take(self.pair_count).copied()
    }

    /// The joint that carries `link`; `None` for the base.
    pub(crate) fn carrier(&self, link: u8) -> Option<JointId> {
        let joint = JointId::new(usize::from(link.checked_sub(1)?))?;
        (joint.index() < self.joints.len()).then_some(joint)
    }

    /// Place of a foot in the base frame, m, at the joint positions that `at` gives.
    pub(crate) fn foot(&self, foot: FootId, at: impl Fn(JointId) -> f32) -> [f32; 3] {
        let FootPoint { mut link, at: mut point } = self.feet[foot];
        // From the foot to the base; a parent has a lower number, so this ends.
        while let Some(joint) = self.carrier(link) {
            let hinge = &self.joints[joint];
            point = hinge.outside(point, at(joint));
            link = hinge.parent.min(link.saturating_sub(1));
        }
        point
    }
}

impl Hinge {
    /// A point of the carried link at joint position `q`, seen from the parent link.
    fn outside(&self, point: [f32; 3], q: f32) -> [f32; 3] {
        if self.slides {
            return add(self.at, turn(self.turn, add(point, scale(self.axis, q))));
        }
        let (s, c) = libm::sincosf(q);
        // Rodrigues: v c + (a x v) s + a (a . v) (1 - c).
        let across = cross(self.axis, point);
        let along = dot(self.axis, point) * (1.0 - c);
        let turned = add(add(scale(point, c), scale(across, s)), scale(self.axis, along));
        add(self.at, turn(self.turn, turned))
    }
}

/// `v` turned by the unit quaternion `w x y z`.
pub(crate) fn turn([w, x, y, z]: [f32; 4], v: [f32; 3]) -> [f32; 3] {
    let axis = [x, y, z];
    let twice = scale(cross(axis, v), 2.0);
    add(v, add(scale(twice, w), cross(axis, twice)))
}

pub(crate) fn add(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub(crate) fn scale(v: [f32; 3], by: f32) -> [f32; 3] {
    v.map(|part| part * by)
}

pub(crate) fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(crate) fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
