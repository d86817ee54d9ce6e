//! What a test bench and a board in an emulator say to each other. The bench plays the plant, which
//! turns torques into motion, and it sets the pace: time on the board stands still until the bench
//! orders a number of ticks, and again when they are over. So nothing depends on how fast the
//! machine of the test is.
//!
//! "Stands still" means that the timers of the board do. Its processor goes on, in a loop that does
//! nothing: sleeping would let the emulator jump to the next thing that is due, and it takes such
//! jumps twice as far as they are.
//!
//! The messages travel beside the joint bus, under an Ethernet type of their own, and only an image
//! built for the bench knows them.

use serde::{Deserialize, Serialize};

/// Local experimental Ethernet type 2 (IEEE 802).
pub const ETHER_TYPE: u16 = 0x88B6;
/// Joints of the board in the emulator.
pub const JOINTS: usize = 12;
/// Longest message, bytes.
pub const MESSAGE_MAX: usize = 512;

/// From the bench to the board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Let time run for so many ticks, with the joints where they are now.
    Run {
        /// How many.
        ticks: u32,
        /// Of each joint, rad.
        position: [f32; JOINTS],
        /// Of each joint, rad/s.
        velocity: [f32; JOINTS],
    },
    /// Fail at the beginning of the next tick.
    Fail(Failure),
}

/// From the board to the bench.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// The board has started and waits.
    Booted(Now),
    /// The ordered ticks are over.
    Ran {
        /// Where the board is now.
        now: Now,
        /// Shortest period between two of these ticks, cycles; `u32::MAX` when there were fewer.
        period_min: u32,
        /// Longest period between two of these ticks, cycles; 0 when there were fewer.
        period_max: u32,
    },
}

/// State of the board at the end of a tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Now {
    /// Ticks of this life.
    pub tick: u32,
    /// Time the board has run since power on, ms.
    pub age_ms: u32,
    /// The torque gate, read back from its register.
    pub gate: bool,
    /// The number of its [`Lifecycle`](signals::Lifecycle).
    pub lifecycle: u8,
    /// Frames that the board could not send: its queue or its wire was full.
    pub unsent: u32,
    /// What is asked of each motor, N m.
    pub torque: [f32; JOINTS],
}

/// A planted failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The joint task panics.
    Panic,
    /// The joint task reads where nothing is.
    HardFault,
    /// The joint task recurses without end.
    StackOverflow,
    /// A task stops running, and so do all with a lower priority.
    Hang(Place),
    /// One bit of the limits in force changes.
    FlippedLimit {
        /// Which joint.
        joint: u8,
        /// Which number of them, in the order of [`signals::JointLimits`].
        number: u8,
        /// Which bit.
        bit: u8,
    },
}

/// A priority of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// The joint loop.
    Joints,
    /// The links.
    Links,
    /// The slow messages.
    Thread,
}
