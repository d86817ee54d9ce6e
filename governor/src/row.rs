//! One number per joint, worked on four at a time: a compiler puts four into one instruction.

use core::ops::{Add, BitAnd, Mul, Sub};

use signals::{JOINTS_MAX, JointId, Joints};

/// Numbers that are worked on together.
const LANES: usize = 4;
/// Groups of a row.
const GROUPS: usize = JOINTS_MAX / LANES;

const _: () = assert!(GROUPS.is_power_of_two() && GROUPS * LANES == JOINTS_MAX);

/// The numbers of four joints that follow each other.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(crate) struct Four([f32; LANES]);

/// What holds for which of four joints: all bits or none, as a comparison of four gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Which([u32; LANES]);

const fn mask(holds: bool) -> u32 {
    if holds { u32::MAX } else { 0 }
}

/// A number for every joint there may be.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(crate) struct Row([f32; JOINTS_MAX]);

/// Four joints that follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group(usize);

/// The groups that the first `joints` lie in.
pub(crate) fn groups(joints: usize) -> impl Iterator<Item = Group> {
    (0..joints.div_ceil(LANES).min(GROUPS)).map(Group)
}

/// One bit for each of so many joints.
pub(crate) const fn every(joints: usize) -> u32 {
    if joints < JOINTS_MAX { !(u32::MAX << joints) } else { u32::MAX }
}

/// The joints whose bits are set, in order.
pub(crate) fn joints_of(mut bits: u32) -> impl Iterator<Item = JointId> {
    core::iter::from_fn(move || {
        let joint = JointId::new(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(joint)
    })
}

impl Row {
    pub(crate) const fn filled(number: f32) -> Self {
        Self([number; JOINTS_MAX])
    }

    /// One number of each joint's `values`.
    pub(crate) fn of<T: Copy>(values: &Joints<T>, number: impl Fn(T) -> f32) -> Self {
        let mut row = Self::filled(0.0);
        for joint in values.ids() {
            row.set(joint, number(values[joint]));
        }
        row
    }

    // The masks change nothing, because ids and groups are below the capacity, and spare the
    // bounds checks.
    #[allow(clippy::indexing_slicing)]
    #[inline]
    pub(crate) const fn get(&self, joint: JointId) -> f32 {
        self.0[joint.index() & (JOINTS_MAX - 1)]
    }

    #[allow(clippy::indexing_slicing)]
    #[inline]
    pub(crate) const fn set(&mut self, joint: JointId, number: f32) {
        self.0[joint.index() & (JOINTS_MAX - 1)] = number;
    }

    #[allow(clippy::indexing_slicing)]
    #[inline]
    pub(crate) fn four(&self, group: Group) -> Four {
        let (fours, _) = self.0.as_chunks::<LANES>();
        Four(fours[group.0 & (GROUPS - 1)])
    }

    #[allow(clippy::indexing_slicing)]
    #[inline]
    pub(crate) fn put(&mut self, group: Group, numbers: Four) {
        let (fours, _) = self.0.as_chunks_mut::<LANES>();
        fours[group.0 & (GROUPS - 1)] = numbers.0;
    }
}

impl Four {
    /// The same number for each.
    #[inline]
    pub(crate) const fn all(number: f32) -> Self {
        Self([number; LANES])
    }

    /// One number of each of four values; of those not in use nobody asks.
    #[inline]
    pub(crate) fn of<T: Copy>(
        values: &Joints<T>,
        group: Group,
        number: impl Fn(&T) -> f32,
    ) -> Self {
        let [a, b, c, d] = values.four(group.0);
        Self([number(a), number(b), number(c), number(d)])
    }

    #[inline]
    pub(crate) fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    /// The smaller of each two; the other one where this is no number.
    #[inline]
    pub(crate) fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
    }

    /// The larger of each two; the other one where this is no number.
    #[inline]
    pub(crate) fn max(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }

    /// Each is at most the other; never where one of them is no number.
    #[inline]
    pub(crate) fn at_most(self, other: Self) -> Which {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Which([mask(a <= e), mask(b <= f), mask(c <= g), mask(d <= h)])
    }

    #[inline]
    fn with(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let ([a, b, c, d], [p, q, r, s]) = (self.0, other.0);
        Self([f(a, p), f(b, q), f(c, r), f(d, s)])
    }
}

impl Add for Four {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl Sub for Four {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

impl Mul for Four {
    type Output = Self;
    #[inline]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
}

impl BitAnd for Which {
    type Output = Self;
    #[inline]
    fn bitand(self, other: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Self([a & e, b & f, c & g, d & h])
    }
}

impl Which {
    /// One bit a joint, that of the group's first joint at its index.
    #[inline]
    pub(crate) fn bits(self, group: Group) -> u32 {
        let [a, b, c, d] = self.0;
        (a & 1 | b & 2 | c & 4 | d & 8) << ((group.0 * LANES) & 31)
    }
}
