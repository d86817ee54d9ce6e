//! Whether the limits in memory are still those that were loaded (clause A4).
//!
//! All of them are looked at again within a second, a part in each step, so that no tick carries
//! the whole weight.

use core::time::Duration;

use signals::{Instant, Level};

use crate::fingerprint::Fingerprint;
use crate::watch::{Cause, Input, Sight};
use crate::{Actor, Envelope, Profile, Rule};

/// Time between two parts: 32 joints and five parts more are 0.93 s.
const STEP: Duration = Duration::from_millis(25);

#[derive(Debug)]
pub(crate) struct Integrity {
    /// As loaded.
    envelope: u64,
    profile: u64,
    /// The next part: a joint, then the rest of the envelope, then the parts of the profile.
    part: usize,
    so_far: Fingerprint,
    last: Instant,
    changed: bool,
}

impl Integrity {
    pub(crate) fn of(envelope: &Envelope, profile: &Profile) -> Self {
        Self {
            envelope: envelope.id(),
            profile: profile.id(),
            part: 0,
            so_far: Fingerprint::START,
            last: Instant::ZERO,
            changed: false,
        }
    }

    #[inline]
    pub(crate) fn look(&mut self, input: &Input<'_>, sight: &mut Sight) {
        // A clock that went back must not put the next look off.
        let now = input.cycle.now;
        if now.since(self.last) >= STEP || now < self.last {
            self.last = now;
            self.look_at_part(input);
        }
        if self.changed {
            let cause = Cause::new(Level::Settle, Rule::LimitsChanged, Actor::Governor);
            sight.worst.add(cause);
            sight.blocker.add(cause);
        }
    }

    fn look_at_part(&mut self, input: &Input<'_>) {
        let (part, envelope, profile) = (self.part, input.envelope, input.profile);
        self.part = part.saturating_add(1);
        let joints = envelope.joints().as_slice();
        if let Some(limits) = joints.get(part) {
            self.so_far = Envelope::with_joint(self.so_far, limits);
        } else if part <= joints.len() {
            self.changed |= envelope.with_rest(self.so_far).finish() != self.envelope;
            self.so_far = Fingerprint::START;
        } else {
            let of_profile = part.saturating_sub(joints.len()).saturating_sub(1);
            self.so_far = profile.with_part(self.so_far, of_profile);
            if of_profile >= Profile::PARTS - 1 {
                self.changed |= self.so_far.finish() != self.profile;
                (self.part, self.so_far) = (0, Fingerprint::START);
            }
        }
    }
}
