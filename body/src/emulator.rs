//! Servos and motors made of bytes: they answer what real ones answer, hold their registers, move a
//! load, and break in the ways real ones break.
//!
//! An [`EmulatedBus`] knows only the time it is given, so that a test decides how it passes. It is
//! used in memory through an [`EmulatedPort`], or by any program through [`serve_on_pty`]. An
//! [`EmulatedCanBus`] is a port for CAN frames by itself, or stands behind a [`CanAdapter`].

mod can_adapter;
mod can_bus;
mod damiao;
mod dynamixel;
mod feetech;
mod moteus;
mod port;
mod pty;
mod robstride;
mod rotor;
mod servo;

use core::time::Duration;
use std::collections::VecDeque;

use motors::servo::{Family, ServoModel};
use motors::{Frame, Scan};
use signals::HardwareLimits;

pub use can_adapter::{AdapterKind, CanAdapter};
pub use can_bus::{CanWire, EmulatedCanBus, EmulatedMotor};
pub use damiao::DamiaoMotor;
pub use moteus::MoteusController;
pub use port::EmulatedPort;
pub use pty::{PtyServer, serve_on_pty};
pub use robstride::RobStrideMotor;
pub use rotor::Rotor;
pub use servo::EmulatedServo;

use crate::ServoBusSettings;

/// What the wire does to the next answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireFaults {
    /// So many answers are lost.
    pub drop: u32,
    /// One bit of so many answers is flipped.
    pub corrupt: u32,
    /// So many answers come twice.
    pub duplicate: u32,
    /// So many answers come later than they should, by [`WireFaults::lateness`].
    pub delay: u32,
    /// How much later.
    pub lateness: Duration,
    /// So many answers have noise before them.
    pub noise: u32,
    /// So many requests are lost.
    pub drop_requests: u32,
    /// Everything that is sent comes back, as from an adapter without suppression of echoes.
    pub echo: bool,
}

/// A wire with servos on it.
#[derive(Clone, Debug)]
pub struct EmulatedBus {
    family: Family,
    bit_rate: u32,
    servos: Vec<EmulatedServo>,
    faults: WireFaults,
    /// Time since it was made.
    now: Duration,
    /// Bytes of requests that are not whole yet.
    inbox: Vec<u8>,
    /// Answers on their way, with the time their last byte arrives.
    outbox: VecDeque<(Duration, Vec<u8>)>,
    /// Until when the wire is busy.
    busy: Duration,
    writes: u32,
    unplugged: bool,
}

/// Longest step of the motion of a servo.
const STEP: Duration = Duration::from_millis(1);
/// Most steps that are made up for at once.
const STEPS_MAX: u32 = 100_000;

impl EmulatedBus {
    /// Servos of `family` with these ids and models, at the middle of their range and without
    /// torque, on a wire of `bit_rate` bits a second.
    #[must_use]
    pub fn new(family: Family, bit_rate: u32, servos: &[(u8, &'static ServoModel)]) -> Self {
        let servo = |&(id, model): &(u8, &'static ServoModel)| {
            let memory = match family {
                Family::Feetech => feetech::memory(id, model),
                Family::Dynamixel => dynamixel::memory(id, model),
            };
            EmulatedServo::new(id, model, memory)
        };
        Self {
            family,
            bit_rate: bit_rate.max(1),
            servos: servos.iter().map(servo).collect(),
            faults: WireFaults::default(),
            now: Duration::ZERO,
            inbox: Vec::new(),
            outbox: VecDeque::new(),
            busy: Duration::ZERO,
            writes: 0,
            unplugged: false,
        }
    }

    /// The servos of a bus as a careful user has set them for a robot with these limits: answers
    /// without delay, goals only inside the limits.
    #[must_use]
    pub fn of(settings: &ServoBusSettings, limits: &HardwareLimits) -> Self {
        let servos: Vec<_> = settings.servos.iter().map(|s| (s.id, s.model)).collect();
        let mut bus = Self::new(settings.family, settings.bit_rate, &servos);
        for servo in &settings.servos {
            let joint = &limits.joints[servo.joint];
            let [one, other] = [joint.q_min, joint.q_max]
                .map(|angle| servo.model.counts(servo.servo_angle(angle.0)).clamp(0, 4095));
            // A count inside, because rounding may have gone outside.
            let (low, high) = (one.min(other) + 1, one.max(other) - 1);
            let emulated = bus.servo(servo.id);
            match settings.family {
                Family::Feetech => feetech::limit(emulated, low, high),
                Family::Dynamixel => dynamixel::limit(emulated, low, high),
            }
        }
        bus
    }

    /// The servo with this id.
    ///
    /// # Panics
    /// There is none.
    #[expect(clippy::expect_used, reason = "a test that names a servo that is not there is wrong")]
    pub fn servo(&mut self, id: u8) -> &mut EmulatedServo {
        let found = self.servos.iter_mut().find(|servo| servo.id == id);
        found.expect("a servo with this id is on the bus")
    }

    /// All servos.
    pub fn servos(&self) -> impl Iterator<Item = &EmulatedServo> {
        self.servos.iter()
    }

    /// What the wire does to the next answers.
    pub const fn faults(&mut self) -> &mut WireFaults {
        &mut self.faults
    }

    /// Pulls the plug, or puts it in again.
    pub const fn unplug(&mut self, unplugged: bool) {
        self.unplugged = unplugged;
    }

    /// The plug is out.
    #[must_use]
    pub const fn is_unplugged(&self) -> bool {
        self.unplugged
    }

    /// Frames so far that wrote a register, began a program anew or anything but asked.
    #[must_use]
    pub const fn writes(&self) -> u32 {
        self.writes
    }

    /// Times so far that torque went on, all servos together.
    #[must_use]
    pub fn energised(&self) -> u32 {
        self.servos.iter().map(|servo| servo.energised).sum()
    }

    /// Faults so far that a request cleared, all servos together.
    #[must_use]
    pub fn cleared(&self) -> u32 {
        self.servos.iter().map(|servo| servo.cleared).sum()
    }

    /// Lets time pass.
    pub fn advance(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..STEPS_MAX {
            let step = (end - self.now).min(STEP);
            if step.is_zero() {
                return;
            }
            self.now += step;
            for servo in &mut self.servos {
                match self.family {
                    Family::Feetech => feetech::pass(servo, step),
                    Family::Dynamixel => dynamixel::pass(servo, step, self.now),
                }
            }
        }
        self.now = end;
    }

    /// Takes what a host sends.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.faults.echo {
            self.outbox.push_back((self.now, bytes.to_vec()));
        }
        self.inbox.extend_from_slice(bytes);
        self.busy = self.busy.max(self.now) + self.wire_time(bytes.len());
        loop {
            match self.family.scan(&self.inbox) {
                Scan::More => return,
                Scan::Noise(bytes) => drop(self.inbox.drain(..bytes.min(self.inbox.len()))),
                Scan::Damaged => drop(self.inbox.drain(..1)),
                Scan::Whole(bytes) => {
                    let frame: Vec<_> = self.inbox.drain(..bytes).collect();
                    if !lose(&mut self.faults.drop_requests) {
                        self.obey(&frame);
                    }
                }
            }
            if self.inbox.is_empty() {
                return;
            }
        }
    }

    /// What has come for the host by now.
    pub fn give(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some((at, _)) = self.outbox.front()
            && *at <= self.now
            && let Some((_, answer)) = self.outbox.pop_front()
        {
            bytes.extend(answer);
        }
        bytes
    }

    /// How long until something comes; `None` where nothing is on its way.
    #[must_use]
    pub fn next_arrival(&self) -> Option<Duration> {
        self.outbox.front().map(|(at, _)| at.saturating_sub(self.now))
    }

    fn obey(&mut self, frame: &[u8]) {
        let heard = self.now;
        self.servos.iter_mut().for_each(|servo| servo.heard = heard);
        let done = match self.family {
            Family::Feetech => feetech::obey(frame, &mut self.servos),
            Family::Dynamixel => dynamixel::obey(frame, &mut self.servos),
        };
        self.writes += u32::from(done.wrote);
        for (delay_us, answer) in done.answers {
            self.answer(Duration::from_micros(delay_us), &answer);
        }
    }

    /// Puts an answer on the wire, and what the wire makes of it.
    fn answer(&mut self, delay: Duration, answer: &Frame) {
        self.busy += delay + self.wire_time(answer.as_bytes().len());
        let mut bytes = answer.as_bytes().to_vec();
        if lose(&mut self.faults.drop) {
            return;
        }
        if lose(&mut self.faults.corrupt)
            && let Some(byte) = bytes.last_mut()
        {
            *byte ^= 0x10;
        }
        if lose(&mut self.faults.noise) {
            bytes.splice(0..0, [0x00, 0xFF, 0x12, 0xFF]);
        }
        let late = if lose(&mut self.faults.delay) { self.faults.lateness } else { Duration::ZERO };
        let twice = lose(&mut self.faults.duplicate);
        let at = self.busy + late;
        if twice {
            self.outbox.push_back((at, bytes.clone()));
        }
        self.outbox.push_back((at, bytes));
        self.outbox.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    fn wire_time(&self, bytes: usize) -> Duration {
        let bits = u64::try_from(bytes).unwrap_or(0) * 10;
        Duration::from_nanos(bits * 1_000_000_000 / u64::from(self.bit_rate))
    }
}

/// What a request did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    /// It did more than ask.
    pub(crate) wrote: bool,
    /// Answers in order, each with the delay before it, us.
    pub(crate) answers: Vec<(u64, Frame)>,
}

/// Whether this one is lost, of `left` that are to be.
const fn lose(left: &mut u32) -> bool {
    let lost = *left > 0;
    *left = left.saturating_sub(1);
    lost
}
