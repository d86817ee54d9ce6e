//! What is wrong, kept until somebody clears it by its id.

use signals::{DriveFault, FaultCode, JointId};

/// Faults that are kept at once; one more is only counted.
const FAULTS_MAX: usize = 4;

/// What a fault does to the torque.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// The joints are brought to rest first.
    Damp,
    /// Nothing is known well enough to damp by: the torque is off at once.
    Cut,
}

#[derive(Clone, Copy, Debug)]
struct Latched {
    fault: DriveFault,
    stop: Stop,
}

/// The faults that are not cleared.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultLatch {
    latched: [Option<Latched>; FAULTS_MAX],
    last_id: u16,
    /// Faults there was no room for.
    pub(crate) untold: u32,
}

impl FaultLatch {
    /// Keeps a fault. The same one again, while it is kept, is nothing new.
    pub(crate) fn raise(&mut self, code: FaultCode, joint: Option<JointId>, raw: u32, stop: Stop) {
        let known = |l: &Latched| l.fault.code == code && l.fault.joint == joint;
        if self.latched.iter().flatten().any(known) {
            return;
        }
        let id = self.last_id.checked_add(1).unwrap_or(1);
        let Some(slot) = self.latched.iter_mut().find(|slot| slot.is_none()) else {
            self.untold = self.untold.saturating_add(1);
            return;
        };
        self.last_id = id;
        *slot = Some(Latched { fault: DriveFault { id, code, joint, raw }, stop });
    }

    /// Clears the fault with this id; whether there was one.
    pub(crate) fn clear(&mut self, id: u16) -> bool {
        let slot = self.latched.iter_mut().find(|slot| slot.is_some_and(|l| l.fault.id == id));
        slot.and_then(Option::take).is_some()
    }

    /// The oldest.
    pub(crate) fn first(&self) -> Option<DriveFault> {
        let oldest = |l: &&Latched| self.last_id.wrapping_sub(l.fault.id);
        self.latched.iter().flatten().max_by_key(oldest).map(|l| l.fault)
    }

    /// The fault with this id.
    pub(crate) fn find(&self, id: u16) -> Option<DriveFault> {
        self.latched.iter().flatten().map(|l| l.fault).find(|fault| fault.id == id)
    }

    /// What the worst of them does to the torque.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.latched.iter().flatten().map(|l| l.stop).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: M4.
    #[test]
    fn a_fault_is_cleared_by_its_id_and_by_nothing_else() {
        let mut latch = FaultLatch::default();
        latch.raise(FaultCode::ENCODER, JointId::new(1), 7, Stop::Cut);
        latch.raise(FaultCode::ENCODER, JointId::new(1), 8, Stop::Cut);
        latch.raise(FaultCode::VOLTAGE, None, 0, Stop::Damp);
        let first = latch.first().unwrap();
        assert_eq!((first.id, first.raw, latch.stop()), (1, 7, Some(Stop::Cut)));
        for wrong in [0, 3, u16::MAX] {
            assert!(!latch.clear(wrong));
        }
        assert!(latch.clear(first.id) && !latch.clear(first.id));
        assert_eq!((latch.first().unwrap().id, latch.stop()), (2, Some(Stop::Damp)));
        // The next one has an id of its own: what was cleared cannot clear it.
        latch.raise(FaultCode::ENCODER, JointId::new(1), 7, Stop::Cut);
        assert_eq!(latch.first().unwrap().id, 2);
        assert!(latch.clear(2));
        assert_eq!(latch.first().unwrap().id, 3);
    }

    #[test]
    fn faults_without_room_are_counted() {
        let mut latch = FaultLatch::default();
        for joint in 0..7 {
            latch.raise(FaultCode::ENCODER, JointId::new(joint), 0, Stop::Damp);
        }
        assert_eq!((latch.untold, latch.first().unwrap().joint), (3, JointId::new(0)));
    }

    #[test]
    fn an_id_is_never_zero() {
        let mut latch = FaultLatch { last_id: u16::MAX, ..FaultLatch::default() };
        latch.raise(FaultCode::GENERIC, None, 0, Stop::Damp);
        assert_eq!(latch.first().unwrap().id, 1);
    }
}
