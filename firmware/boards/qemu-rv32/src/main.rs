//! Twelve joints on a RISC-V of the emulator: the joint bus over a serial line. One loop that a
//! timer and the line wake up, without interrupts or an executor: the smallest board there can be.
//! It must never give torque that [`firmware`] did not allow.
#![no_std]
#![no_main]

mod crash;
mod machine;

use board::bench::JOINTS;
use board::kept::{self, Time};
use board::node::Node;
use board::rotors::Rotors;
use board::store;
use firmware::stream::{self, PACKET_MAX, StreamReader};
use firmware::{Birth, Configuration, Inputs, ResetCause, ResetLog};
use heapless::Deque;
use signals::Volts;

use crate::crash::{KEPT, SETTINGS};

/// Nothing measures the supply of an emulator.
const SUPPLY: Volts = Volts(0.0);
/// Far apart, so that frames of a life do not fit the sessions of the next.
const SESSIONS_PER_LIFE: u32 = 257;

/// Bytes that may wait to be sent: several frames.
const SENDING_MAX: usize = 2_048;

struct Board {
    node: Node<(), JOINTS>,
    rotors: Rotors<JOINTS>,
    reader: StreamReader,
    /// Bytes on their way out: the loop never waits for the line.
    sending: Deque<u8, SENDING_MAX>,
    /// Age of the board when this life began, ms.
    age_ms: u32,
    /// From one tick to the next, us.
    period: u32,
}

#[riscv_rt::entry]
fn main() -> ! {
    machine::set_gate(false);
    let log = kept::begin(&KEPT);
    let configuration = store::read(&KEPT, SETTINGS).unwrap_or(Configuration::NONE);
    let mut board = Board::new(log, &configuration);
    machine::set_up();
    let mut next = machine::microseconds();
    loop {
        if machine::microseconds() >= next {
            next += u64::from(board.period);
            machine::wake_at(next);
            board.tick();
        } else if let Some(byte) = machine::receive() {
            board.receive(byte);
        } else if !board.sending.is_empty() && machine::can_send() {
            board.sending.pop_front().into_iter().for_each(machine::send);
        } else {
            machine::sleep();
        }
    }
}

impl Board {
    fn new(log: ResetLog, own: &Configuration<JOINTS>) -> Self {
        let session = log.resets.wrapping_mul(SESSIONS_PER_LIFE).wrapping_add(1) & 0xFFFF;
        let birth = Birth {
            address: 1,
            firmware: board::VERSION,
            commit: board::COMMIT,
            board: *b"RV32",
            serial: 1,
            first_session: u16::try_from(session).unwrap_or(1),
            log,
        };
        Self {
            node: Node::new(birth, own),
            rotors: Rotors::default(),
            reader: StreamReader::new(),
            sending: Deque::new(),
            age_ms: log.age_ms,
            period: u32::from(own.period.max(1)),
        }
    }

    fn tick(&mut self) {
        self.rotors.turn(self.period as f32 * 1e-6);
        let inputs = Inputs { now: now(), joints: self.rotors.measured(), supply: SUPPLY };
        let (outputs, state) = self.node.tick(&inputs);
        machine::set_gate(outputs.gate);
        self.rotors.drive(outputs.torque, outputs.gate);
        if let Some(((), state)) = state {
            send(&mut self.sending, state);
        }
        let tick = self.node.device().ticks();
        let lived_ms = u64::from(tick) * u64::from(self.period) / 1_000;
        let age_ms = self.age_ms.saturating_add(u32::try_from(lived_ms).unwrap_or(u32::MAX));
        kept::keep_time(&KEPT, Time { age_ms, tick });
    }

    fn receive(&mut self, byte: u8) {
        let broken = self.reader.broken();
        let answer = if let Some(frame) = self.reader.take(byte) {
            self.node.receive((), frame, now())
        } else if self.reader.broken() != broken {
            // Nothing is no frame either: so the device counts what the wire broke.
            self.node.receive((), &[], now())
        } else {
            return;
        };
        if let Some(((), answer)) = answer {
            send(&mut self.sending, answer);
        }
        if let Some(configuration) = self.node.device().take_commit() {
            store::write(&KEPT, SETTINGS, &configuration);
            crash::end(ResetCause::Request, 0);
        }
    }
}

/// Takes a whole frame or, without room for it, none: then the host misses a state in the sequence.
fn send(sending: &mut Deque<u8, SENDING_MAX>, frame: &[u8]) {
    let mut packet = [0; PACKET_MAX];
    let length = stream::encode(frame, &mut packet).unwrap_or_default();
    if SENDING_MAX - sending.len() >= length {
        sending.extend(packet.iter().take(length).copied());
    }
}

/// Only differences count.
fn now() -> u32 {
    (machine::microseconds() & u64::from(u32::MAX)) as u32
}
