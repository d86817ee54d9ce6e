//! A body behind a joint board: the host's end of the joint bus on a [`Wire`].
//!
//! One board drives all joints of the robot, and measures joints and supply: a sensor frame of it
//! has no inertial reading, no feet, no scan and no person. A robot that needs them needs another
//! body around this one.

mod dialogue;
mod wire;
pub mod words;

use core::time::Duration;

use firmware::{
    Acquaintance, Configuration, Host, Identity, JointReport, LinkCounters, Mismatch, Refusal,
};
use governor::{Envelope, EnvelopeError, Vetted};
use signals::{
    BodyCommand, Cycle, DriveReading, Feet, HardwareLimits, ImuReading, Instant, JOINTS_MAX,
    JointReading, Joints, Lifecycle, NewtonMetres, Radians, RadiansPerSecond, SensorFrame,
    SupplyReading,
};

pub use dialogue::{BoardReading, Dialogue, DialogueError, Difference, LIMIT_NAMES, differences};
pub use wire::{Framing, Wire};

use crate::{Applied, Body, Capabilities, DriveCapability, PortError};

/// What a board was told when it was provisioned, for as many joints as a robot may have.
pub type BoardConfiguration = Configuration<JOINTS_MAX>;

/// Commands that may be on their way, or were lost, while the one before is still proof.
const EVIDENCE_COMMANDS: u16 = 3;
/// Looks at the wire in the first cycle.
const FIRST_LOOKS: usize = 64;
/// How long one look at the wire lasts while a board is greeted.
const LOOK: Duration = Duration::from_millis(1);

/// Why there is no body behind a link.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The configuration is none.
    #[error("the limits for the board are none: {0}. Fix: correct them in the robot file")]
    Limits(EnvelopeError),
    /// The port.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Nobody answered.
    #[error(
        "no board answers within {waited:?} ({broken} broken frames came). Fix: check that it is \
         powered and wired, and the address of the link"
    )]
    Silent {
        /// For how long it was waited.
        waited: Duration,
        /// What came and was no frame.
        broken: u32,
    },
    /// A board answered that is not the one that was meant.
    #[error("this board is not the one that was meant: {}", words::mismatch(.0))]
    Mismatch(Mismatch),
    /// The board refuses to talk.
    #[error("the board refuses: {}", words::refusal(*.0))]
    Refused(Refusal),
}

/// A robot whose joints hang on one joint board.
///
/// Connecting asks and reads; it arms nothing and clears nothing. The first vetted command that
/// asks for torque has the board armed, one that asks for none shuts its gate.
///
/// Clauses: A1, M4, S7.
pub struct LinkBody {
    wire: Wire,
    host: Box<Host<JOINTS_MAX>>,
    /// Id of the limits the board is meant to have.
    envelope: u64,
    count: usize,
    /// How long after the last command the board damps.
    watchdog: Duration,
    /// The last readings: those that were not refreshed keep their stamps.
    joints: Joints<JointReading>,
    supply: Option<SupplyReading>,
    /// When the clock of the link began, if it was connected by the clock of this machine.
    began: Option<std::time::Instant>,
    /// The clock of the link less the robot's, since the robot's runs.
    ahead: Option<Duration>,
    gone: Option<PortError>,
}

impl LinkBody {
    /// A body behind `wire` whose board is meant to have `configuration`. It has said nothing yet:
    /// the first cycles greet the board, and until it has answered, the joints read as no number.
    ///
    /// # Errors
    /// Limits that are none.
    pub fn new(wire: Wire, configuration: &BoardConfiguration) -> Result<Self, EnvelopeError> {
        let limits = HardwareLimits {
            joints: Joints::from_fn(configuration.count, |id| configuration.limits[id.index()]),
            emergency_damping: configuration.emergency_damping,
        };
        let period = Duration::from_micros(u64::from(configuration.period));
        let nothing = JointReading {
            q: Radians(f32::NAN),
            dq: RadiansPerSecond(f32::NAN),
            tau: NewtonMetres(f32::NAN),
            ..JointReading::default()
        };
        Ok(Self {
            wire,
            host: Box::new(Host::new(configuration)),
            envelope: Envelope::new(&limits)?.id(),
            count: configuration.count,
            watchdog: period * u32::from(configuration.watchdog.damping),
            joints: Joints::filled(nothing, configuration.count),
            supply: None,
            began: None,
            ahead: None,
            gone: None,
        })
    }

    /// The same, after the board has said that it is the one that was meant, its watchdog was read
    /// back, and its joints have been measured. Waits for that up to `patience`.
    ///
    /// # Errors
    /// No board, or not that one.
    pub fn connect(
        wire: Wire,
        configuration: &BoardConfiguration,
        patience: Duration,
    ) -> Result<Self, ConnectError> {
        let mut body = Self::new(wire, configuration).map_err(ConnectError::Limits)?;
        let began = std::time::Instant::now();
        body.began = Some(began);
        let now = || Instant::ZERO + began.elapsed();
        loop {
            let Self { wire, host, gone, .. } = &mut body;
            host.inquire(now(), &mut |frame| note(gone, wire.send(frame)));
            note(gone, wire.receive(LOOK, &mut |frame| host.receive(frame, now())).map(drop));
            if let Some(gone) = gone.take() {
                return Err(gone.into());
            }
            match *host.acquaintance() {
                Acquaintance::Refused(mismatch) => return Err(ConnectError::Mismatch(mismatch)),
                Acquaintance::Known if host.state().is_some() => {
                    body.take_readings();
                    return Ok(body);
                }
                _ if began.elapsed() <= patience => {}
                _ => {
                    let broken = host.counters().broken;
                    let silent = ConnectError::Silent { waited: patience, broken };
                    return Err(host.refusal().map_or(silent, ConnectError::Refused));
                }
            }
        }
    }

    /// Who the board says it is.
    #[must_use]
    pub const fn identity(&self) -> Option<&Identity> {
        self.host.identity()
    }

    /// How far host and board know each other.
    #[must_use]
    pub const fn acquaintance(&self) -> &Acquaintance {
        self.host.acquaintance()
    }

    /// What happened on the link.
    #[must_use]
    pub const fn counters(&self) -> &LinkCounters {
        self.host.counters()
    }

    /// The host's end of the joint bus: counters, the clock of the board, its last refusal.
    #[must_use]
    pub const fn link(&self) -> &Host<JOINTS_MAX> {
        &self.host
    }

    /// Frames that the port had no room for.
    #[must_use]
    pub const fn unsent(&self) -> u32 {
        self.wire.unsent()
    }

    /// Why the port no longer works. From then on nothing is sent, and the readings grow old.
    #[must_use]
    pub const fn gone(&self) -> Option<&PortError> {
        self.gone.as_ref()
    }

    /// A time of the robot on the clock of the link.
    fn on_link(&mut self, now: Instant) -> Instant {
        let began = self.began;
        let ahead = *self.ahead.get_or_insert_with(|| {
            let elapsed = began.map_or(Duration::ZERO, |began| began.elapsed());
            elapsed.saturating_sub(now.since(Instant::ZERO))
        });
        now + ahead
    }

    /// The other way round; what was before the robot's clock began was at its beginning.
    fn on_robot(&self, at: Instant) -> Instant {
        Instant::ZERO + at.since(Instant::ZERO + self.ahead.unwrap_or_default())
    }

    /// Keeps what the newest state says.
    fn take_readings(&mut self) {
        let Some((state, sampled)) = self.host.state() else { return };
        let at = self.on_robot(sampled);
        for (reading, report) in self.joints.iter_mut().zip(&state.joints) {
            let JointReport { state, tau, temperature, .. } = *report;
            *reading = JointReading { q: state.q, dq: state.dq, tau, temperature, at };
        }
        // No board counts charge: a full one passes no threshold, and an empty battery shows in its
        // voltage.
        let supply = SupplyReading { voltage: state.supply, charge: 1.0, at };
        self.supply = (state.supply.0 != 0.0).then_some(supply);
    }

    /// What the board says of itself, on the robot's clock.
    fn drives(&self) -> DriveReading {
        let drives = self.host.drives();
        DriveReading { at: self.on_robot(drives.at), ..drives }
    }

    /// What proves that the drives act on the command that was just sent: the board has just said
    /// that it follows, and the command in force is one of the last few.
    fn evidence(&self, sent: &BodyCommand, now: Instant) -> Applied {
        let Some((state, _)) = self.host.state() else { return Applied::Unconfirmed };
        let known = *self.host.acquaintance() == Acquaintance::Known;
        let behind = self.host.sent().wrapping_sub(state.sequence);
        let recent = state.lifecycle != Lifecycle::Active || behind <= EVIDENCE_COMMANDS;
        let proven = known && recent && self.host.follows(sent, now);
        if proven { Applied::Confirmed } else { Applied::Unconfirmed }
    }
}

/// Keeps the first reason why the port no longer works.
fn note(gone: &mut Option<PortError>, result: Result<(), PortError>) {
    if let Err(error) = result {
        gone.get_or_insert(error);
    }
}

impl Body for LinkBody {
    fn sense(&mut self, cycle: &Cycle) -> SensorFrame {
        // Between connecting and the first cycle much may have come: the newest counts.
        let looks = if self.ahead.is_none() { FIRST_LOOKS } else { 1 };
        let now = self.on_link(cycle.now);
        let Self { wire, host, gone, .. } = self;
        for _ in 0..looks {
            if gone.is_some() {
                break;
            }
            match wire.receive(Duration::ZERO, &mut |frame| host.receive(frame, now)) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => note(gone, Err(error)),
            }
        }
        self.take_readings();
        SensorFrame {
            joints: self.joints,
            imu: ImuReading::default(),
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: self.supply,
            drives: Some(self.drives()),
        }
    }

    fn apply(&mut self, command: Vetted<'_, BodyCommand>) -> Applied {
        if command.envelope() != self.envelope {
            return Applied::ForeignLimits;
        }
        let cycle = command.cycle();
        if command.valid_until <= cycle.now {
            return Applied::Expired;
        }
        let now = self.on_link(cycle.now);
        let valid_until = now + command.valid_until.since(cycle.now);
        let sent = BodyCommand { joints: command.joints, valid_until };
        let Self { wire, host, gone, .. } = self;
        if gone.is_none() {
            host.command(&sent, (cycle.number, now), &mut |frame| note(gone, wire.send(frame)));
        }
        self.evidence(&sent, now)
    }

    fn clear(&mut self, fault: u16) {
        self.host.clear(fault);
    }

    fn capabilities(&self) -> Capabilities {
        // What was provisioned counts once it was read back.
        let read_back = *self.host.acquaintance() == Acquaintance::Known;
        let drive = DriveCapability {
            watchdog: read_back.then_some(self.watchdog),
            ..DriveCapability::default()
        };
        Capabilities { drives: Joints::filled(drive, self.count) }
    }
}
