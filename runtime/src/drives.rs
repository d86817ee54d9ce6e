//! What the drives of the body say of themselves: told when it changes, counted for the report, and
//! cleared when a person has reset the robot.

use firmware::{Counters, Host, LinkCounters};
use governor::{Kind, Record, Rule};
use serde::Serialize;
use signals::{Cycle, DriveFault, DriveReading, Lifecycle};

use crate::journal::{Event, EventKind};

/// What was said last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Drives {
    last: Option<DriveReading>,
}

impl Drives {
    /// What is new in this cycle's reading: a fault, or a change of the lifecycle that nobody asked
    /// for.
    pub(crate) fn news(&mut self, cycle: &Cycle, reading: Option<DriveReading>) -> Option<Event> {
        let last = std::mem::replace(&mut self.last, reading).unwrap_or_default();
        let now = reading?;
        let event = |kind, text: &str| Event::new(cycle.now, cycle.number, kind, text);
        if let Some(fault) = now.fault.filter(|fault| last.fault != Some(*fault)) {
            let DriveFault { id, code, joint, raw } = fault;
            let joint = joint.map_or(f32::NAN, |joint| joint.index() as f32);
            let values = [f32::from(code.0), joint, raw as f32, f32::from(id)];
            return Some(event(EventKind::DriveFault, words(&fault)).with(values));
        }
        let stopped = now.lifecycle.is_latched() || now.lifecycle == Lifecycle::Damping;
        (stopped && now.lifecycle != last.lifecycle)
            .then(|| event(EventKind::DrivesStopped, name(now.lifecycle)))
    }

    /// The fault that is to be cleared, when the governor has just taken a person's reset.
    pub(crate) fn cleared_by(&self, record: &Record) -> Option<u16> {
        let reset = record.rule == Rule::OperatorReset && record.kind == Kind::ActAccepted;
        self.last.and_then(|last| last.fault).filter(|_| reset).map(|fault| fault.id)
    }
}

/// What a fault is, in few words.
#[must_use]
pub fn words(fault: &DriveFault) -> &'static str {
    match fault.code.0 >> 8 {
        0x20..=0x2f => "too much current",
        0x30..=0x3f => "voltage out of range",
        0x40..=0x4f => "too hot",
        0x60 => "program broke off",
        0x61 => "too many restarts",
        0x63 => "limits changed by themselves",
        0x71 => "motor blocked or overloaded",
        0x73 => "encoder",
        0x81 if fault.code.0 == 0x8131 => "no sign of the governor",
        0x81 => "no command in time",
        0x83 => "ticks came late",
        0x86 => "a joint left its limits",
        0x50..=0x5f => "hardware",
        _ => "not named by its maker",
    }
}

/// A lifecycle, in few words.
#[must_use]
pub const fn name(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Boot => "starting",
        Lifecycle::Standby => "standby, no torque",
        Lifecycle::Armed => "armed, zero torque",
        Lifecycle::Active => "following commands",
        Lifecycle::Damping => "damping by itself",
        Lifecycle::SafeTorqueOff => "torque off, latched",
        Lifecycle::Fault => "fault, torque off, latched",
    }
}

/// What passed between host and board, and what the board counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JointBoardReport {
    /// By the host.
    pub link: LinkCounters,
    /// By the board itself, when it was last asked; absent if it never answered.
    pub board: Option<Counters>,
}

impl JointBoardReport {
    /// Of the board at the other end of `host`.
    #[must_use]
    pub fn of<const N: usize>(host: &Host<N>) -> Self {
        Self { link: *host.counters(), board: host.board_counters().copied() }
    }

    /// In one line for people.
    pub(crate) fn line(&self) -> String {
        let LinkCounters { sent, received, broken, foreign, missing, .. } = self.link;
        let board = self.board.unwrap_or_default();
        format!(
            "{sent} frames out, {received} in, {} lost or refused; limited in {}, expired in {} \
             ticks; damped {} times by itself",
            u64::from(missing)
                + u64::from(broken)
                + u64::from(foreign)
                + u64::from(board.missing)
                + u64::from(board.late),
            board.limited,
            board.expired,
            board.dampings,
        )
    }
}
