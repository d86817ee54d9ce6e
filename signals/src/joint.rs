//! Joints and feet: addressed by id, in the robot file's order, never by bare index.

use crate::array::indexed_array;

/// Most joints a robot may have.
pub const JOINTS_MAX: usize = 32;
/// Most feet a robot may have.
pub const FEET_MAX: usize = 4;

const _: () = assert!(JOINTS_MAX.is_power_of_two() && FEET_MAX.is_power_of_two());

indexed_array! {
    /// A joint, by its place in the robot file. Foreign orders are mapped by name at the edge.
    JointId,
    /// One value per joint of the robot: fixed capacity [`JOINTS_MAX`], run-time length.
    Joints, JOINTS_MAX
}

indexed_array! {
    /// A foot, by its place in the robot file.
    FootId,
    /// One value per foot of the robot: fixed capacity [`FEET_MAX`], run-time length.
    Feet, FEET_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cover_exactly_the_slots_in_use() {
        let mut q = Joints::filled(0.0_f32, 12);
        assert_eq!(q.ids().count(), 12);
        q[JointId::new(11).unwrap()] = 2.0;
        assert_eq!(q.iter().copied().sum::<f32>(), 2.0);
        assert!(JointId::new(JOINTS_MAX).is_none());
        assert_eq!(Feet::filled(1_u8, 99).len(), FEET_MAX);
    }
}
