//! Both ends of the joint bus with a wire between them that loses, repeats, delays and changes
//! frames.
#![allow(clippy::unwrap_used, reason = "a wire that holds no frame has failed")]

mod common;

use std::collections::VecDeque;
use std::time::Duration;

use common::{JOINTS, PERIOD, birth, configuration, hold};
use firmware::frame::FRAME_MAX;
use firmware::{
    Acquaintance, Configuration, Device, Host, Inputs, Measured, Mismatch, Outputs, ResetLog,
    WatchdogTimes,
};
use proptest::prelude::*;
use signals::{BodyCommand, FaultCode, Instant, JointCommand, Joints, Lifecycle, Volts};

/// What a wire does to the frames that pass.
#[derive(Clone, Copy, Debug, Default)]
struct Harm {
    lose: bool,
    twice: bool,
    flip: Option<usize>,
    ticks: usize,
}

struct Pair {
    device: Device<JOINTS>,
    host: Host<JOINTS>,
    /// Frames on their way, with the tick they arrive in.
    down: VecDeque<(u64, Vec<u8>)>,
    tick: u64,
    wanted: [JointCommand; JOINTS],
    outputs: Outputs<JOINTS>,
}

impl Pair {
    fn new() -> Self {
        Self::with(&configuration(), &configuration())
    }

    fn with(meant: &Configuration<JOINTS>, board: &Configuration<JOINTS>) -> Self {
        let outputs = Outputs { torque: [signals::NewtonMetres(0.0); JOINTS], gate: false };
        Self {
            device: Device::new(birth(ResetLog::NEW), board),
            host: Host::new(meant),
            down: VecDeque::new(),
            tick: 0,
            wanted: [JointCommand::LIMP; JOINTS],
            outputs,
        }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.tick * 1_000_000)
    }

    /// One cycle of the host and one tick of the board.
    fn turn(&mut self, harm: Harm) {
        let now = self.now();
        let command = BodyCommand {
            joints: Joints::from_fn(JOINTS, |id| self.wanted[id.index()]),
            valid_until: now + Duration::from_millis(5),
        };
        let (tick, down) = (self.tick, &mut self.down);
        self.host.command(&command, (tick, now), &mut |frame| {
            let mut frame = frame.to_vec();
            if let Some(at) = harm.flip {
                let at = at % frame.len();
                frame[at] ^= 1;
            }
            for _ in 0..usize::from(!harm.lose) + usize::from(harm.twice) {
                down.push_back((tick + harm.ticks as u64, frame.clone()));
            }
        });
        let mut answers = Vec::new();
        let clock = 77 + (self.tick as u32).wrapping_mul(PERIOD);
        let due = |(at, _): &(u64, Vec<u8>)| *at <= tick;
        while let Some(place) = self.down.iter().position(due) {
            let (_, frame) = self.down.remove(place).unwrap();
            let mut answer = [0; FRAME_MAX];
            if let Some(length) = self.device.receive(&frame, clock, &mut answer) {
                answers.push(answer[..length].to_vec());
            }
        }
        let joints = [Measured::default(); JOINTS];
        self.outputs = self.device.tick(&Inputs { now: clock, joints, supply: Volts(24.0) });
        let mut state = [0; FRAME_MAX];
        let length = self.device.write_state(&mut state).unwrap();
        answers.push(state[..length].to_vec());
        self.tick += 1;
        let now = self.now();
        for mut answer in answers {
            if let Some(at) = harm.flip {
                let at = at % answer.len();
                answer[at] ^= 1;
            }
            if !harm.lose {
                self.host.receive(&answer, now);
            }
        }
    }

    fn turns(&mut self, turns: usize) {
        (0..turns).for_each(|_| self.turn(Harm::default()));
    }
}

/// Clauses: M4.
#[test]
fn a_cold_connect_energises_nothing_and_clears_nothing() {
    let mut pair = Pair::new();
    for _ in 0..300 {
        pair.turn(Harm::default());
        assert!(!pair.outputs.gate);
    }
    assert_eq!(pair.host.acquaintance(), &Acquaintance::Known);
    assert_eq!(pair.host.drives().lifecycle, Lifecycle::Standby);
    // A board that is latched stays so, however often it is greeted.
    let mut log = ResetLog::NEW;
    (0..3).for_each(|_| log.note(firmware::ResetCause::Panic, 1, 2, 3));
    pair.device = Device::new(birth(log), &configuration());
    pair.host = Host::new(&configuration());
    pair.turns(300);
    let fault = pair.host.drives().fault.unwrap();
    assert_eq!(fault.code, FaultCode::RESET_STORM);
    pair.wanted = hold(0.1);
    pair.turns(300);
    assert!(!pair.outputs.gate);
    pair.host.clear(fault.id + 1);
    pair.turns(50);
    assert_eq!(pair.host.drives().lifecycle, Lifecycle::Fault, "that was another id");
    pair.host.clear(fault.id);
    pair.turns(50);
    assert_eq!(pair.host.drives().lifecycle, Lifecycle::Active);
}

/// Clauses: M4.
#[test]
fn the_first_command_that_asks_for_torque_arms_and_a_limp_one_shuts_the_gate() {
    let mut pair = Pair::new();
    pair.turns(50);
    pair.wanted = hold(0.1);
    let armed = (0..50).find(|_| {
        pair.turn(Harm::default());
        pair.outputs.torque[0].0 > 0.0
    });
    assert!(armed.is_some_and(|turns| turns < 5), "{armed:?}");
    pair.wanted = [JointCommand::LIMP; JOINTS];
    pair.turn(Harm::default());
    assert_eq!(pair.outputs.torque, [signals::NewtonMetres(0.0); JOINTS]);
    pair.turns(2);
    assert!(!pair.outputs.gate);
}

/// Clauses: M4.
#[test]
fn a_board_that_was_not_meant_is_never_armed() {
    let mut stricter = configuration();
    stricter.limits[1].tau_max.0 = 19.0;
    let other = WatchdogTimes { damping: 40, ..WatchdogTimes::default() };
    let patient = Configuration { watchdog: other, ..configuration() };
    let fewer = Configuration { count: 1, ..configuration() };
    let own = configuration().hash();
    for (board, mismatch) in [
        (stricter, Mismatch::Configuration { own, board: stricter.hash() }),
        (patient, Mismatch::Configuration { own, board: patient.hash() }),
        (fewer, Mismatch::Joints { own: 2, board: 1 }),
        (Configuration::NONE, Mismatch::Configuration { own, board: 0 }),
    ] {
        let mut pair = Pair::with(&configuration(), &board);
        pair.wanted = hold(0.1);
        for _ in 0..300 {
            pair.turn(Harm::default());
            assert!(!pair.outputs.gate);
        }
        assert_eq!(pair.host.acquaintance(), &Acquaintance::Refused(mismatch));
    }
}

/// Clauses: M4, S7.
#[test]
fn a_board_that_starts_anew_under_way_is_not_armed_again_before_somebody_has_seen_it() {
    let mut pair = Pair::new();
    pair.wanted = hold(0.1);
    pair.turns(50);
    assert_eq!(pair.host.drives().lifecycle, Lifecycle::Active);
    let mut log = ResetLog::NEW;
    log.note(firmware::ResetCause::Hang, 0, 0, 50);
    pair.device = Device::new(birth(log), &configuration());
    for _ in 0..200 {
        pair.turn(Harm::default());
        assert!(!pair.outputs.gate);
    }
    let fault = pair.host.drives().fault.unwrap();
    assert_eq!(fault.code, FaultCode::SOFTWARE_RESET);
    assert_eq!(pair.host.counters().sessions_lost, 1);
    assert_eq!(pair.host.identity().unwrap().resets, 1);
    pair.host.clear(fault.id);
    pair.turns(50);
    assert_eq!(pair.host.drives().lifecycle, Lifecycle::Active);
}

#[test]
fn the_host_knows_the_clock_of_the_board() {
    let mut pair = Pair::new();
    pair.turns(2000);
    let clock = pair.host.clock(pair.now()).unwrap();
    // The board samples within the tick in which the command was sent, 77 us ahead.
    assert!(clock.offset.wrapping_sub(77) as i32 <= 500, "{clock:?}");
    let (_, sampled) = pair.host.state().unwrap();
    assert!(pair.now().since(sampled) <= Duration::from_millis(1));
}

proptest! {
    /// Clauses: S7.
    #[test]
    fn a_bad_wire_delays_and_never_harms(
        harms in prop::collection::vec((0..10_u8, 0..100_usize), 400)
    ) {
        let mut pair = Pair::new();
        pair.wanted = hold(0.1);
        for (what, at) in harms {
            pair.turn(match what {
                0 => Harm { lose: true, ..Harm::default() },
                1 => Harm { twice: true, ..Harm::default() },
                2 => Harm { flip: Some(at), ..Harm::default() },
                3 => Harm { ticks: at % 3, ..Harm::default() },
                _ => Harm::default(),
            });
            prop_assert!(pair.outputs.torque.iter().all(|torque| (0.0..=20.0).contains(&torque.0)));
        }
        // A question that was lost again and again is asked again after 320 ms.
        pair.turns(600);
        prop_assert_eq!(pair.host.drives().lifecycle, Lifecycle::Active);
        prop_assert_eq!(pair.host.acquaintance(), &Acquaintance::Known);
    }
}
