//! The lengths of time of the state machine, and the timer of a level that clears by itself.

/// Time, us.
pub(crate) type Micros = u64;

/// The cause's time counts down at one over this while it is away (regulation notes, W2).
const RECOVERY: Micros = 4;

const SECOND: Micros = 1_000_000;

/// All lengths of time of the state machine, us, and the steps of its self-test. A checker makes
/// them short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Times {
    /// Without a cause for so long, a transient level clears.
    pub clean: Micros,
    /// A cause of NOTICE, WARNING, GUIDANCE that lasts so long raises the next level.
    pub dwell: [Micros; 3],
    /// LIMITED may come three times within this time before it waits for a person.
    pub window: Micros,
    /// A person nearby must be away for so long...
    pub near_clear: Micros,
    /// ...and light and sound warn for so long, before motion begins by itself.
    pub warning: Micros,
    /// Longest controlled stop, and longest damping of a fall, before torque is cut.
    pub settle_timeout: Micros,
    /// Two cuts or falls within this time lock the robot out.
    pub day: Micros,
    /// Good steps in a row that end the self-test.
    pub self_test_steps: u8,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            clean: 2 * SECOND,
            dwell: [60 * SECOND, 30 * SECOND, 10 * SECOND],
            window: 600 * SECOND,
            near_clear: SECOND,
            warning: 2 * SECOND,
            settle_timeout: 4 * SECOND,
            day: 86_400 * SECOND,
            self_test_steps: 50,
        }
    }
}

impl Times {
    /// Time after which the transient level of this index gives rise to the next; LIMITED does not.
    pub(crate) fn dwell(&self, index: usize) -> Option<Micros> {
        self.dwell.get(index).copied()
    }
}

/// One level that clears by itself.
///
/// Clauses: W2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Transient {
    /// Time until it is clean.
    left: Micros,
    /// How long its cause has lasted, in quarters of a microsecond.
    charge: Micros,
}

impl Transient {
    pub(crate) const fn is_dirty(&self) -> bool {
        self.left > 0
    }

    /// Nothing was seen for long.
    pub(crate) const fn is_idle(&self) -> bool {
        self.left | self.charge == 0
    }

    /// Takes one step in; true when the cause has lasted for `dwell`. What lasts was there before:
    /// after a stall no single sight climbs several rungs.
    #[inline]
    pub(crate) fn take(
        &mut self,
        elapsed: Micros,
        seen: bool,
        clean: Micros,
        dwell: Option<Micros>,
    ) -> bool {
        if !seen && self.is_idle() {
            return false;
        }
        let was_dirty = self.is_dirty();
        self.left = if seen { clean } else { self.left.saturating_sub(elapsed) };
        let Some(dwell) = dwell else { return false };
        let most = dwell.saturating_mul(RECOVERY);
        self.charge = if seen {
            self.charge.saturating_add(elapsed.saturating_mul(RECOVERY)).min(most)
        } else {
            self.charge.saturating_sub(elapsed)
        };
        was_dirty && self.charge >= most
    }
}
