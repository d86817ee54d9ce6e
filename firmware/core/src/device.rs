//! One board: it takes frames, ticks, and says what torque each joint gets.

mod conduct;
mod requests;
mod table;

use core::time::Duration;

use governor::Limiter;
use signals::{Celsius, FaultCode, JointId, JointState, Lifecycle, NewtonMetres, Volts};

use crate::clock::Lateness;
use crate::counters::count;
use crate::fault::{FaultLatch, Stop};
use crate::frame::{self, EVERYONE, HEADER, HOST, Header, Kind, NO_SESSION};
use crate::watchdog::{Rung, Watchdog};
use crate::{
    Command, Configuration, Counters, Heartbeat, Identity, JointReport, LimitReason, ResetLog,
    State,
};

use table::Table;

/// Commands that must have come before a late one can be told.
const CLOCK_SAMPLES: u8 = 8;
/// Fresh commands in a row after which a board that damped for want of them goes on.
const RESUME: u8 = 5;

/// What is certain about a board before it starts.
#[derive(Clone, Copy, Debug)]
pub struct Birth {
    /// Its address on the link, 1 to 254.
    pub address: u8,
    /// Version of its firmware: major, minor, patch.
    pub firmware: [u8; 3],
    /// First eight hexadecimal digits of the commit it was built from; zero when not known.
    pub commit: u32,
    /// Kind of board, four letters.
    pub board: [u8; 4],
    /// Serial number of the processor.
    pub serial: u64,
    /// What it remembers of earlier resets.
    pub log: ResetLog,
    /// Where sessions begin to count: another number after each reset.
    pub first_session: u16,
}

/// What one joint measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Position and velocity.
    pub state: JointState,
    /// Torque at the output.
    pub tau: NewtonMetres,
    /// Of the winding; zero where it is not measured.
    pub temperature: Celsius,
}

/// What a board knows at the beginning of a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Inputs<const N: usize> {
    /// Its clock, us; wraps.
    pub now: u32,
    /// What the joints measured.
    pub joints: [Measured; N],
    /// Of the supply; zero where it is not measured.
    pub supply: Volts,
}

/// What a board does until the next tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outputs<const N: usize> {
    /// Torque of each joint.
    pub torque: [NewtonMetres; N],
    /// The torque gate is open. When it is shut, it is shut before anything else happens.
    pub gate: bool,
}

/// One board with up to `N` joints: pure logic, the same bits on a microcontroller, in an emulator
/// and in the simulator.
///
/// It trusts nothing that comes over the link: each frame is checked for its checksum, its session,
/// its sequence, its age and its numbers, each command limited once more, and silence answered by
/// itself.
///
/// Clauses: M4, S7.
#[derive(Debug)]
pub struct Device<const N: usize> {
    birth: Birth,
    table: Table<N>,
    limiters: [Limiter; N],
    lifecycle: Lifecycle,
    /// Ticks for which it has damped, and fresh ones in a row since.
    damped: u16,
    fresh: u8,
    faults: FaultLatch,
    watchdog: Watchdog,
    session: Session,
    command: Command<N>,
    /// Ticks for which the command says that it holds.
    valid: u16,
    staged: Option<Configuration<N>>,
    committed: bool,
    ticks: u32,
    state: State<N>,
    counters: Counters,
}

/// Who the board talks to, and what came from there last.
#[derive(Debug)]
struct Session {
    id: u16,
    next: u16,
    /// Sequence of the hello that opened it.
    hello: Option<u16>,
    sequence: Option<u16>,
    cycle: Option<u32>,
    lateness: Lateness,
    samples: u8,
}

impl Session {
    const NONE: Self = Self {
        id: NO_SESSION,
        next: 1,
        hello: None,
        sequence: None,
        cycle: None,
        lateness: Lateness::new(),
        samples: 0,
    };
}

impl<const N: usize> Device<N> {
    /// A board that was just started with this configuration, as it was provisioned.
    #[must_use]
    pub fn new(birth: Birth, configuration: &Configuration<N>) -> Self {
        let table = Table::new(configuration);
        let period = Duration::from_micros(u64::from(configuration.period));
        let damping = configuration.emergency_damping;
        let limiters =
            configuration.limits.each_ref().map(|limits| Limiter::new(limits, damping, period));
        let mut faults = FaultLatch::default();
        if birth.log.storms() {
            faults.raise(FaultCode::RESET_STORM, None, birth.log.failures, Stop::Cut);
        }
        if configuration.count > 0 && configuration.check().is_err() {
            faults.raise(FaultCode::PARAMETERS, None, 0, Stop::Cut);
        }
        Self {
            table,
            limiters,
            lifecycle: Lifecycle::Boot,
            damped: 0,
            fresh: 0,
            faults,
            watchdog: Watchdog::SILENT,
            session: Session { next: birth.first_session.max(1), ..Session::NONE },
            command: nothing(configuration.count),
            valid: 0,
            staged: None,
            committed: false,
            ticks: 0,
            state: silent(configuration.count),
            counters: Counters::default(),
            birth,
        }
    }

    /// How far it is from giving torque.
    #[must_use]
    pub const fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
    }

    /// What it has counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Ticks since it started.
    #[must_use]
    pub const fn ticks(&self) -> u32 {
        self.ticks
    }

    /// What it said of its last tick.
    #[must_use]
    pub const fn state(&self) -> &State<N> {
        &self.state
    }

    /// A configuration that was just committed: the board stores it and starts again. Once.
    pub fn take_commit(&mut self) -> Option<Configuration<N>> {
        if !self.committed {
            return None;
        }
        self.committed = false;
        self.staged.take()
    }

    /// Memory that changed by itself: flips one bit of the working limits, for tests of what finds
    /// it.
    pub fn flip_limit_bit(&mut self, joint: usize, number: usize, bit: u32) {
        self.table.flip(joint, number, bit);
    }

    /// Takes bytes that came over the link at `now`, us. A frame that asks for an answer gets one
    /// in `answer`: its length.
    pub fn receive(&mut self, bytes: &[u8], now: u32, answer: &mut [u8]) -> Option<usize> {
        let Ok((header, body)) = frame::open(bytes) else {
            count(&mut self.counters.broken);
            return None;
        };
        if header.destination != self.birth.address && header.destination != EVERYONE {
            count(&mut self.counters.foreign);
            return None;
        }
        match header.kind {
            Kind::State | Kind::Reply => {
                count(&mut self.counters.foreign);
                None
            }
            Kind::Request => self.answer(&header, body, answer),
            _ if header.session != self.session.id || header.session == NO_SESSION => {
                count(&mut self.counters.old_session);
                None
            }
            Kind::Command => {
                self.take_command(&header, body, now);
                None
            }
            Kind::Heartbeat => {
                self.take_heartbeat(body);
                None
            }
        }
    }

    fn take_command(&mut self, header: &Header, body: &[u8], now: u32) {
        let sequence = header.sequence;
        if let Some(last) = self.session.sequence {
            let step = sequence.wrapping_sub(last);
            if step == 0 || step >= 1 << 15 {
                count(&mut self.counters.repeated);
                return;
            }
            let missing = u32::from(step - 1);
            self.counters.missing = self.counters.missing.saturating_add(missing);
        }
        let command = match Command::read(body) {
            Ok(command) if command.count == self.table.working().count => command,
            _ => {
                count(&mut self.counters.unusable);
                return;
            }
        };
        self.session.sequence = Some(sequence);
        let late = self.session.lateness.of(command.host_time, now);
        self.session.samples = self.session.samples.saturating_add(1);
        let Some(left) = u32::from(command.valid).checked_sub(late).filter(|left| *left > 0) else {
            count(&mut self.counters.late);
            return;
        };
        let ticks = left.div_ceil(u32::from(self.table.working().period.max(1)));
        self.valid = u16::try_from(ticks).unwrap_or(u16::MAX);
        self.command = command;
        self.watchdog.commanded();
        count(&mut self.counters.taken);
        self.state.sequence = sequence;
        self.state.host_time = command.host_time;
    }

    fn take_heartbeat(&mut self, body: &[u8]) {
        let Ok(Heartbeat { cycle }) = Heartbeat::read(body) else {
            count(&mut self.counters.unusable);
            return;
        };
        let step = self.session.cycle.map_or(1, |last| cycle.wrapping_sub(last));
        if step == 0 || step >= 1 << 31 {
            count(&mut self.counters.repeated);
            return;
        }
        self.session.cycle = Some(cycle);
        self.watchdog.ruled();
        count(&mut self.counters.taken);
    }

    /// One tick: looks at everything, decides once, and says what each joint gets.
    pub fn tick(&mut self, inputs: &Inputs<N>) -> Outputs<N> {
        self.ticks = self.ticks.wrapping_add(1);
        self.watchdog.tick();
        self.scrub();
        let rung = self.watchdog.rung(&self.table.working().watchdog, self.valid);
        self.decide(inputs, rung);
        let (torque, limited) = self.drive(inputs, rung);
        self.report(inputs, &limited);
        Outputs { torque, gate: self.lifecycle.is_energised() }
    }

    /// Looks over one joint's limits, and makes its limiter anew from them.
    fn scrub(&mut self) {
        let Some(joint) = self.table.scrub() else { return };
        if !self.table.is_sound() {
            let raw = u32::try_from(joint).unwrap_or(u32::MAX);
            self.faults.raise(FaultCode::PARAMETERS, JointId::new(joint), raw, Stop::Damp);
            self.table.mend();
        }
        let working = self.table.working();
        let limits = working.limits.get(joint);
        if let (Some(limiter), Some(limits)) = (self.limiters.get_mut(joint), limits) {
            limiter.renew(limits, working.emergency_damping);
        }
    }

    /// The torque of each joint, and why it is less than was asked for.
    fn drive(&mut self, inputs: &Inputs<N>, rung: Rung) -> ([NewtonMetres; N], [LimitReason; N]) {
        let mut torque = [NewtonMetres(0.0); N];
        let mut reasons = [LimitReason::None; N];
        let (lifecycle, configuration) = (self.lifecycle, self.table.working());
        let expired = lifecycle == Lifecycle::Active && rung > Rung::Fresh;
        let joints = self.limiters.iter_mut().take(configuration.count);
        let outputs = torque.iter_mut().zip(&mut reasons);
        let wanted = self.command.joints.iter().zip(&configuration.limits);
        for (((limiter, (torque, reason)), (command, limits)), measured) in
            joints.zip(outputs).zip(wanted).zip(&inputs.joints)
        {
            let limited = match lifecycle {
                Lifecycle::Active if !expired => {
                    let most = configuration.supervision.torque(limits, measured.temperature);
                    limiter.follow(command, measured.state, most)
                }
                Lifecycle::Active | Lifecycle::Damping => limiter.damp(measured.state),
                _ => {
                    limiter.rest();
                    continue;
                }
            };
            *torque = limited.torque;
            *reason = LimitReason::of_rule(limited.rule);
            if expired {
                *reason = LimitReason::Expired;
            } else if *reason != LimitReason::None {
                count(&mut self.counters.limited);
            }
        }
        if expired {
            count(&mut self.counters.expired);
        }
        (torque, reasons)
    }

    fn report(&mut self, inputs: &Inputs<N>, limited: &[LimitReason; N]) {
        let state = &mut self.state;
        state.lifecycle = self.lifecycle;
        state.device_time = inputs.now;
        state.tick = self.ticks;
        state.fault = self.faults.first().map_or(0, |fault| fault.id);
        state.supply = inputs.supply;
        for ((report, measured), limited) in
            state.joints.iter_mut().zip(&inputs.joints).zip(limited)
        {
            *report = JointReport {
                state: measured.state,
                tau: measured.tau,
                temperature: measured.temperature,
                limited: *limited,
            };
        }
    }

    /// Writes the state frame of the last tick; its length, or `None` where there is no room.
    pub fn write_state(&self, frame: &mut [u8]) -> Option<usize> {
        let length = self.state.write(frame.get_mut(HEADER..)?)?;
        #[expect(clippy::cast_possible_truncation, reason = "the sequence wraps")]
        let sequence = self.ticks as u16;
        let header = Header {
            kind: Kind::State,
            source: self.birth.address,
            destination: HOST,
            session: self.session.id,
            sequence,
        };
        frame::seal(&header, length, frame)
    }

    fn identity(&self) -> Identity {
        Identity {
            versions: [frame::VERSION; 2],
            firmware: self.birth.firmware,
            commit: self.birth.commit,
            board: self.birth.board,
            serial: self.birth.serial,
            joints_max: u8::try_from(N).unwrap_or(u8::MAX),
            joints: u8::try_from(self.table.working().count).unwrap_or(u8::MAX),
            configuration: self.table.provisioned(),
            lifecycle: self.lifecycle as u8,
            fault: self.faults.first().map_or(0, |fault| fault.id),
            resets: self.birth.log.resets,
            reset_cause: self.birth.log.cause,
        }
    }
}

const fn nothing<const N: usize>(count: usize) -> Command<N> {
    let joints = [signals::JointCommand::LIMP; N];
    Command { host_time: 0, valid: 0, follow: false, count, joints }
}

fn silent<const N: usize>(count: usize) -> State<N> {
    State {
        sequence: 0,
        lifecycle: Lifecycle::Boot,
        count,
        host_time: 0,
        device_time: 0,
        tick: 0,
        fault: 0,
        supply: Volts(0.0),
        joints: [JointReport::default(); N],
    }
}
