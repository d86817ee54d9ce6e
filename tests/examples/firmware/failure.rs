//! Everything that goes wrong here, its deadlines and the end it must come to.

use std::sync::{Arc, Mutex};

use board::bench::{Failure as Planted, JOINTS, Place};
use firmware::Configuration;
use model::Robot;
use signals::{FaultCode, Level, Lifecycle};
use sim::board_configuration;

use crate::walk::{Host, Walk};
use crate::wire::{Harm, Log, Seen, WiredBoard};

/// Ticks of walking before the failure: in mid-stride, at full speed.
const BEFORE: usize = 5_130;
/// Ticks that are watched after it.
const AFTER: usize = 1_500;

/// What must come of a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Must {
    /// The board enters these, each in exactly this tick.
    Enter(&'static [(Lifecycle, usize)]),
    /// The board enters the first of these in at most so many ticks, and ends in the second.
    Within(usize, Lifecycle, Lifecycle),
    /// The torque gate is shut within so many ticks; the board starts anew and waits in standby.
    Reset(usize),
    /// It goes on as if nothing were.
    GoOn,
    /// The torque gate never opens.
    NeverArm,
}

/// One thing that goes wrong.
pub(crate) struct Failure {
    pub(crate) name: &'static str,
    harm: Harm,
    planted: Option<Planted>,
    /// How often it is planted, so many ticks apart.
    times: usize,
    /// From the start, not under way.
    early: bool,
    /// The board was provisioned with other limits than the robot file's.
    other_limits: bool,
    must: Must,
    /// The fault that the host is told.
    code: Option<FaultCode>,
}

impl Failure {
    fn of(name: &'static str, harm: Harm, must: Must) -> Self {
        Self {
            name,
            harm,
            planted: None,
            times: 1,
            early: false,
            other_limits: false,
            must,
            code: None,
        }
    }

    fn planted(name: &'static str, failure: Planted, must: Must) -> Self {
        Self { planted: Some(failure), ..Self::of(name, Harm::None, must) }
    }

    fn told(self, code: FaultCode) -> Self {
        Self { code: Some(code), ..self }
    }
}

/// All of them.
pub(crate) fn failures() -> Vec<Failure> {
    use Lifecycle::{Damping, Fault, SafeTorqueOff};
    const SILENT: Must = Must::Enter(&[(Damping, 20), (SafeTorqueOff, 500)]);
    let lost = FaultCode::COMMAND_LOST;
    let reset = FaultCode::SOFTWARE_RESET;
    let flip = Planted::FlippedLimit { joint: 4, number: 3, bit: 28 };
    vec![
        Failure::of("host killed in mid-stride", Harm::Silence, SILENT),
        Failure::of("frames of an old session, host gone", Harm::Replay(Vec::new()), SILENT),
        Failure::of("every frame 30 ms late", Harm::Late(30), SILENT).told(lost),
        Failure::of("every second command corrupted", Harm::Corrupt, Must::GoOn),
        Failure::of("every frame twice", Harm::Twice, Must::GoOn),
        Failure::of("commands in the wrong order", Harm::Reorder, Must::GoOn),
        Failure {
            early: true,
            ..Failure::of("host of another version", Harm::OtherVersion, Must::NeverArm)
        },
        Failure {
            early: true,
            other_limits: true,
            ..Failure::of("limits of another robot", Harm::None, Must::NeverArm)
        },
        Failure::of(
            "governor silent, controller goes on",
            Harm::NoHeartbeat,
            Must::Enter(&[(Damping, 100), (Fault, 580)]),
        )
        .told(FaultCode::GOVERNOR_LOST),
        Failure::planted("a bit flips in the limits", flip, Must::Within(JOINTS, Damping, Fault))
            .told(FaultCode::PARAMETERS),
        Failure::planted("firmware panics", Planted::Panic, Must::Reset(1)).told(reset),
        Failure::planted("hard fault", Planted::HardFault, Must::Reset(1)).told(reset),
        Failure::planted("stack overflow", Planted::StackOverflow, Must::Reset(2)).told(reset),
        Failure::planted("joint task hangs", Planted::Hang(Place::Joints), Must::Reset(22))
            .told(reset),
        Failure::planted("link task hangs", Planted::Hang(Place::Links), Must::Reset(22))
            .told(reset),
        Failure {
            times: 3,
            ..Failure::planted(
                "three panics in a row",
                Planted::Panic,
                Must::Within(2 * APART + 5, Fault, Fault),
            )
        }
        .told(FaultCode::RESET_STORM),
    ]
}

/// Ticks from one planting to the next.
const APART: usize = 100;

/// What came of a failure.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    must: Must,
    pub(crate) code: Option<FaultCode>,
    /// In which tick the board first was in a lifecycle, and where it ended.
    entered: Vec<(Lifecycle, usize)>,
    pub(crate) end: Lifecycle,
    gate_shut: Option<usize>,
    resets: u32,
    pub(crate) host: Host,
    /// The host was told the fault it should be told.
    told: bool,
}

impl Failure {
    /// Walks, lets it go wrong, and watches.
    pub(crate) fn strike(self, robot: &Robot) -> Row {
        let log = Arc::new(Mutex::new(Log::default()));
        let mut own: Configuration<JOINTS> = board_configuration(robot).expect("sound limits");
        if self.other_limits {
            own.limits[3].tau_max.0 *= 1.1;
        }
        let board = WiredBoard::with(&own, Arc::clone(&log));
        let mut harm = self.harm.clone();
        let board = if matches!(harm, Harm::Replay(_)) {
            let (board, frames) = board.overheard();
            harm = Harm::Replay(frames);
            board
        } else {
            board
        };
        if self.early {
            log.lock().unwrap().harm = harm.clone();
        }
        let mut walk = Walk::new(robot, board);
        // The governor sends its sign of life with every tenth command: the failure strikes when
        // one has just come.
        let before = if self.early { 0 } else { BEFORE };
        for _ in 0..before + 3 {
            walk.turn();
        }
        log.lock().unwrap().since.clear();
        log.lock().unwrap().harm = harm;
        let (mut told, mut host) = (self.code.is_none(), None);
        for tick in 0..AFTER {
            if tick % APART == 0 && tick / APART < self.times {
                log.lock().unwrap().failure = self.planted;
            }
            let seen = walk.turn();
            told |= seen.drives.fault.map(|fault| fault.code) == self.code;
            host = Some(seen);
        }
        let log = log.lock().unwrap();
        Row::of(&self, &log, told, host.expect("many ticks"))
    }
}

impl Row {
    fn of(failure: &Failure, log: &Log, told: bool, host: Host) -> Self {
        let mut entered: Vec<(Lifecycle, usize)> = Vec::new();
        let mut last = None;
        // The first tick here is the first after the one that acted on the last good command.
        for (tick, Seen { lifecycle, .. }) in (1..).zip(&log.since) {
            if last.replace(*lifecycle) != Some(*lifecycle) {
                entered.push((*lifecycle, tick));
            }
        }
        Self {
            name: failure.name,
            must: failure.must,
            code: failure.code,
            entered,
            end: last.unwrap_or_default(),
            gate_shut: (1..).zip(&log.since).find(|(_, seen)| !seen.gate).map(|(tick, _)| tick),
            resets: log.resets,
            host,
            told,
        }
    }

    /// The tick in which the board first entered `lifecycle`.
    pub(crate) fn tick(&self, lifecycle: Lifecycle) -> Option<usize> {
        self.entered.iter().find(|(entered, _)| *entered == lifecycle).map(|(_, tick)| *tick)
    }

    pub(crate) fn is_met(&self) -> bool {
        let stopped = self.host.level >= Level::Cut;
        self.told
            && match self.must {
                Must::Enter(all) => all.iter().all(|(l, tick)| self.tick(*l) == Some(*tick)),
                Must::Within(most, first, end) => {
                    self.tick(first).is_some_and(|tick| tick <= most) && self.end == end && stopped
                }
                Must::Reset(most) => {
                    self.gate_shut.is_some_and(|tick| tick <= most)
                        && self.resets > 0
                        && self.end == Lifecycle::Standby
                        && stopped
                }
                Must::GoOn => {
                    self.end == Lifecycle::Active && self.gate_shut.is_none() && !self.host.fallen
                }
                Must::NeverArm => {
                    let entered = |l: Lifecycle| self.tick(l).is_some();
                    !entered(Lifecycle::Armed) && !entered(Lifecycle::Active)
                }
            }
    }

    /// What must come, in words.
    pub(crate) fn deadline(&self) -> String {
        match self.must {
            Must::Enter(all) => {
                let all = all.iter().map(|(lifecycle, tick)| format!("{lifecycle:?} at {tick}"));
                all.collect::<Vec<_>>().join(", ") + ", exactly"
            }
            Must::Within(most, first, end) if first == end => format!("{end:?} within {most}"),
            Must::Within(most, first, end) => format!("{first:?} within {most}, then {end:?}"),
            Must::Reset(most) => format!("torque off within {most}, reset, Standby"),
            Must::GoOn => "goes on".to_owned(),
            Must::NeverArm => "is never armed".to_owned(),
        }
    }

    /// What came, in words.
    pub(crate) fn outcome(&self) -> String {
        let first = self.entered.iter().filter(|(l, _)| *l != Lifecycle::Active);
        let ways: Vec<_> = first.take(6).map(|(l, tick)| format!("{l:?} at {tick}")).collect();
        let ways = if ways.is_empty() { "no change".to_owned() } else { ways.join(", ") };
        match (self.gate_shut, self.must) {
            (Some(tick), Must::Reset(_)) => format!("gate shut at {tick}; {ways}"),
            _ => ways,
        }
    }

    pub(crate) fn line(&self) -> String {
        let verdict = if self.is_met() { "met" } else { "NOT MET" };
        let host = &self.host;
        format!(
            "{verdict:8} {:38} must: {:44} came: {}; end {:?}; host {:?} {:?}, told {}, {:.2} m{}",
            self.name,
            self.deadline(),
            self.outcome(),
            self.end,
            host.level,
            host.drives.fault.map(|fault| fault.code),
            self.told,
            host.height,
            if host.fallen { ", fallen" } else { "" },
        )
    }
}
