//! What people ask for from afar.

use signals::{BaseVelocity, Instant, MetresPerSecond, Mode, OperatorAct, RadiansPerSecond, Stick};

use crate::network::layout::layout;
use crate::network::topic::Topic;

/// A stop: from anybody, as often as he likes.
pub const OPERATOR_STOP: Topic<StopSample> = Topic::open("operator/stop", 0.0);
/// An act of the person who holds the operator's or the maintainer's lease.
pub const OPERATOR_ACT: Topic<ActSample> = Topic::leased("operator/act", 20.0);
/// The stick of the person who holds the operator's lease.
pub const OPERATOR_STICK: Topic<StickSample> = Topic::leased("operator/stick", 200.0);

layout! {
    /// A stop: the robot settles and stays stopped until the stop is released and reset.
    pub struct StopSample {
        /// 1: torque off at once, even when the robot falls by it.
        cut: u32;
        /// Nothing.
        spare: u32;
        /// Who stops, and why; text, filled up with zeros.
        reason: [u8; 64], unit "utf-8";
    }
}

layout! {
    /// An act of a person.
    pub struct ActSample {
        /// 1 reset, 2 start, 3 acknowledge, 4 go safe, 5 take over, 6 hand back, 7 select `mode`,
        /// 8 unlock, 9 release the stop that came over the network.
        act: u32;
        /// Mode to select, as signals::Mode counts.
        mode: u32;
    }
}

layout! {
    /// A reading of a person's stick.
    pub struct StickSample {
        /// Velocity asked for: forward and left.
        linear: [f32; 2], unit "m/s", frame "base";
        /// Turning asked for, counter-clockwise.
        yaw: f32, unit "rad/s", frame "base";
        /// 1: the person holds the enabling device.
        held: u32;
        /// Bound of the error of the sender's estimate of the robot's clock.
        clock_error: u64, unit "ns";
    }
}

/// An act as it comes over the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireAct {
    /// One that the governor judges.
    Act(OperatorAct),
    /// The stop that came over the network is released. Starts nothing, resets nothing.
    ReleaseStop,
}

impl ActSample {
    /// The sample that asks for `act`.
    #[must_use]
    pub const fn new(act: WireAct) -> Self {
        let (act, mode) = match act {
            WireAct::Act(OperatorAct::Reset) => (1, 0),
            WireAct::Act(OperatorAct::Start) => (2, 0),
            WireAct::Act(OperatorAct::Acknowledge) => (3, 0),
            WireAct::Act(OperatorAct::GoSafe) => (4, 0),
            WireAct::Act(OperatorAct::TakeOver) => (5, 0),
            WireAct::Act(OperatorAct::HandBack) => (6, 0),
            WireAct::Act(OperatorAct::Select(mode)) => (7, mode as u32),
            WireAct::Act(OperatorAct::Unlock) => (8, 0),
            WireAct::ReleaseStop => (9, 0),
        };
        Self { act, mode }
    }

    /// What it asks for; `None` for a number that means nothing.
    #[must_use]
    pub fn act(&self) -> Option<WireAct> {
        Some(WireAct::Act(match self.act {
            1 => OperatorAct::Reset,
            2 => OperatorAct::Start,
            3 => OperatorAct::Acknowledge,
            4 => OperatorAct::GoSafe,
            5 => OperatorAct::TakeOver,
            6 => OperatorAct::HandBack,
            7 => OperatorAct::Select(*Mode::ALL.get(usize::try_from(self.mode).ok()?)?),
            8 => OperatorAct::Unlock,
            9 => return Some(WireAct::ReleaseStop),
            _ => return None,
        }))
    }
}

impl StickSample {
    /// The stick as read at `at`, which is `sent` by the sender's clock less what that may be off,
    /// and never later than `now`; `None` when a number is none.
    #[must_use]
    pub fn stick(&self, sent: u64, now: Instant) -> Option<Stick> {
        let velocity = BaseVelocity {
            forward: MetresPerSecond(self.linear[0]),
            left: MetresPerSecond(self.linear[1]),
            yaw: RadiansPerSecond(self.yaw),
        };
        let at = Instant::from_nanos(sent.saturating_sub(self.clock_error)).min(now);
        velocity.is_finite().then_some(Stick { velocity, held: self.held == 1, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_come_out_as_they_went_in() {
        for number in 1..=9 {
            let sample = ActSample { act: number, mode: 3 };
            let act = sample.act().unwrap();
            let again = ActSample::new(act);
            assert_eq!(again.act, number);
            assert_eq!(again.act().unwrap(), act);
        }
        for (act, mode) in [(0, 0), (10, 0), (u32::MAX, 0), (7, 8), (7, u32::MAX)] {
            assert_eq!(ActSample { act, mode }.act(), None);
        }
        for (number, mode) in Mode::ALL.into_iter().enumerate() {
            assert_eq!(mode as usize, number);
        }
    }

    #[test]
    fn a_stick_is_never_from_the_future_and_never_nonsense() {
        let now = Instant::from_nanos(1_000);
        let stick = StickSample { linear: [0.5, 0.0], held: 1, clock_error: 100, yaw: 0.1 };
        assert_eq!(stick.stick(900, now).unwrap().at, Instant::from_nanos(800));
        assert_eq!(stick.stick(u64::MAX, now).unwrap().at, now);
        assert_eq!(stick.stick(50, now).unwrap().at, Instant::ZERO);
        assert!(!StickSample { held: 2, ..stick }.stick(900, now).unwrap().held);
        assert!(StickSample { yaw: f32::NAN, ..stick }.stick(900, now).is_none());
    }
}
