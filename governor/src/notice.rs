//! Notices from outside, of an authority or the maker: they may tighten, and never relax.
//!
//! What is in force adds up: a newer notice lifts nothing of an older one, each ends by itself.

use core::fmt;

use heapless::Vec;
use signals::{Instant, Level};

use crate::watch::{Cause, Input, Sight};
use crate::{Actor, GradeLimits, IntelligenceLevel, Rule, WallStart, WallTime};

/// Notices in force at once. One more is merged into the last: the stricter of each, to the later
/// end.
pub const NOTICES_MAX: usize = 8;
/// Issuers whose serial numbers are remembered.
pub const ISSUERS_MAX: usize = 8;
/// A notice may be dated ahead of the robot's wall clock by this much, s.
const AHEAD_MAX_S: u64 = 300;

/// What a notice tightens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tightening {
    /// Part of the speed that stays, 0 to 1.
    pub speed: f32,
    /// The highest intelligence level that stays permitted.
    pub intelligence: Option<IntelligenceLevel>,
    /// Stand still until it ends.
    pub hold: bool,
}

impl Tightening {
    /// Nothing: the notice only tells.
    pub const NONE: Self = Self { speed: 1.0, intelligence: None, hold: false };
}

/// A notice whose signature was found right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Notice {
    /// Who sent it: the number of the key.
    pub issuer: u64,
    /// Rises with each notice of the issuer.
    pub serial: u64,
    /// When it was written.
    pub issued: WallTime,
    /// Not in force from then on.
    pub expires: WallTime,
    /// What it tightens.
    pub tighten: Tightening,
}

/// Why a notice is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeRefusal {
    /// Not signed by a key that may sign notices.
    Forged,
    /// Signed, but not understood, or not for this robot.
    Unreadable,
    /// Not newer than one of the same issuer before.
    Replayed,
    /// It has ended.
    Expired,
    /// It is dated ahead of the robot's clock.
    Early,
    /// A factor that is no number from 0 to 1: it would not tighten.
    Relaxes,
    /// From more issuers than can be remembered.
    Issuers,
    /// The robot does not know the time.
    NoClock,
}

impl fmt::Display for NoticeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "it is not signed by a key that may sign notices",
            Self::Unreadable => "it cannot be understood, or is for another robot",
            Self::Replayed => "its serial is not above the last one of its issuer",
            Self::Expired => "it has expired",
            Self::Early => "it is dated ahead of the robot's clock",
            Self::Relaxes => "its speed factor is no number from 0 to 1",
            Self::Issuers => "no more issuers can be remembered",
            Self::NoClock => "the robot does not know the time",
        })
    }
}

impl core::error::Error for NoticeRefusal {}

/// The notices in force, and the last serial of each issuer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    in_force: Vec<(Instant, Tightening), NOTICES_MAX>,
    serials: Vec<(u64, u64), ISSUERS_MAX>,
}

impl Notices {
    /// Takes a notice in.
    pub(crate) fn take(
        &mut self,
        notice: &Notice,
        wall: &WallStart,
        now: Instant,
    ) -> Result<(), NoticeRefusal> {
        let known = self.serials.iter().position(|(issuer, _)| *issuer == notice.issuer);
        let last = known.and_then(|at| self.serials.get(at)).map(|(_, serial)| *serial);
        if !(0.0..=1.0).contains(&notice.tighten.speed) {
            return Err(NoticeRefusal::Relaxes);
        }
        if last.is_some_and(|last| notice.serial <= last) {
            return Err(NoticeRefusal::Replayed);
        }
        if notice.expires <= wall.at(now) {
            return Err(NoticeRefusal::Expired);
        }
        if notice.issued.0 > wall.at(now).0.saturating_add(AHEAD_MAX_S) {
            return Err(NoticeRefusal::Early);
        }
        match known.and_then(|at| self.serials.get_mut(at)) {
            Some((_, serial)) => *serial = notice.serial,
            None => {
                let entry = (notice.issuer, notice.serial);
                self.serials.push(entry).map_err(|_| NoticeRefusal::Issuers)?;
            }
        }
        self.stand(wall.instant(notice.expires), notice.tighten, now);
        Ok(())
    }

    fn stand(&mut self, ends: Instant, tighten: Tightening, now: Instant) {
        self.in_force.retain(|(ends, _)| *ends > now);
        let entry = (ends, tighten);
        if self.in_force.push(entry).is_err()
            && let Some((last_ends, last)) = self.in_force.last_mut()
        {
            *last_ends = ends.max(*last_ends);
            *last = both(*last, tighten);
        }
    }

    /// Everything in force at `now` together; `None` when there is nothing.
    pub(crate) fn standing(&self, now: Instant) -> Option<Tightening> {
        let standing = self.in_force.iter().filter(|(ends, _)| *ends > now);
        standing.map(|(_, tighten)| *tighten).reduce(both)
    }

    pub(crate) fn look(&self, input: &Input<'_>, sight: &mut Sight) {
        if self.in_force.is_empty() {
            return;
        }
        let Some(standing) = self.standing(input.cycle.now) else { return };
        sight.scale = sight.scale.min(standing.speed);
        if standing.hold {
            let cause = Cause::new(Level::Hold, Rule::Notice, Actor::Outside);
            sight.worst.add(cause);
            sight.blocker.add(cause);
        }
    }

    /// `limits` with what the notices leave of it. A highest level takes from what the brain may
    /// do; how long and how slowly it is observed stays.
    pub(crate) fn tightened(&self, limits: GradeLimits, now: Instant) -> GradeLimits {
        let highest = self.standing(now).and_then(|standing| standing.intelligence);
        highest.map_or(limits, |level| {
            let GradeLimits { residual, scope, .. } = limits.stricter(level.limits());
            GradeLimits { residual, scope, ..limits }
        })
    }
}

/// The stricter of each part.
fn both(one: Tightening, other: Tightening) -> Tightening {
    let intelligence = match (one.intelligence, other.intelligence) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    Tightening { speed: one.speed.min(other.speed), intelligence, hold: one.hold || other.hold }
}
