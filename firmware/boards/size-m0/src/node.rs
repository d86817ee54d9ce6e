//! The whole joint loop.

use core::hint::black_box;

use board::node::Node;
use firmware::stream::{self, PACKET_MAX, StreamReader};
use firmware::{Birth, Configuration, Inputs, ResetLog};

use crate::{read, write};

/// All that is static.
pub(crate) struct Board {
    node: Node<(), 1>,
    reader: StreamReader,
    packet: [u8; PACKET_MAX],
}

impl Board {
    pub(crate) fn new() -> Self {
        let birth = Birth {
            address: 1,
            firmware: board::VERSION,
            commit: board::COMMIT,
            board: *b"SIZE",
            serial: u64::from(read()),
            log: ResetLog::read(&core::array::from_fn(|_| read())),
            first_session: 1,
        };
        Self {
            node: Node::new(birth, &Configuration::NONE),
            reader: StreamReader::new(),
            packet: [0; PACKET_MAX],
        }
    }

    /// For ever.
    pub(crate) fn run(&mut self) -> ! {
        loop {
            self.receive();
            self.tick();
        }
    }

    fn receive(&mut self) {
        let [byte, ..] = read().to_le_bytes();
        if let Some(frame) = self.reader.take(byte)
            && let Some(((), answer)) = self.node.receive((), frame, read())
        {
            send(answer, &mut self.packet);
        }
        if let Some(configuration) = self.node.device().take_commit() {
            black_box(configuration);
        }
    }

    fn tick(&mut self) {
        let inputs: Inputs<1> = black_box(Inputs {
            now: read(),
            joints: Default::default(),
            supply: signals::Volts(24.0),
        });
        let (outputs, state) = self.node.tick(&inputs);
        black_box(outputs);
        if let Some(((), state)) = state {
            send(state, &mut self.packet);
        }
    }
}

fn send(frame: &[u8], packet: &mut [u8]) {
    let length = stream::encode(frame, packet).unwrap_or_default();
    for byte in packet.iter().take(length) {
        write(u32::from(*byte));
    }
}
