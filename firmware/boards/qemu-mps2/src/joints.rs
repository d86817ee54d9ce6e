//! The joint loop: in each tick it measures, asks the [`Node`] what to do, and does it. Between two
//! ticks it lets the node judge the frames that came in. It stands above everything but the tick
//! interrupt, so nothing that the links do can delay it by more than copying one frame.

use board::bench::JOINTS;
use board::kept::Time;
use board::node::Node;
use board::rotors::Rotors;
use embassy_executor::SendSpawner;
use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use firmware::{Birth, Configuration, Inputs, Outputs, ResetLog};
use signals::Volts;
use static_cell::StaticCell;

use crate::interrupts::spawn;
use crate::links::{self, INBOX, Link, Parcel};
use crate::{clock, crash, gate, settings, watchdog};

/// Address of the board on its links.
const ADDRESS: u8 = 1;
/// Nothing measures the supply of an emulator.
const SUPPLY: Volts = Volts(0.0);
/// Far apart, so that frames of a life do not fit the sessions of the next.
const SESSIONS_PER_LIFE: u32 = 257;

/// A tick has begun.
pub(crate) static TICK: Signal<CriticalSectionRawMutex, ()> = Signal::new();

pub(crate) fn start(executor: SendSpawner, log: ResetLog, own: &Configuration<JOINTS>) {
    // Built where it stays: it is several kilobytes, too much to be carried over the stack.
    static JOINTS_OF_BOARD: StaticCell<Joints> = StaticCell::new();
    spawn(executor, joint_task(JOINTS_OF_BOARD.init_with(|| Joints::new(log, own))));
}

/// The node with what stands for its motors.
struct Joints {
    node: Node<Link, JOINTS>,
    rotors: Rotors<JOINTS>,
    feeder: watchdog::Feeder,
    /// Age of the board when this life began, ms.
    age_ms: u32,
}

#[embassy_executor::task]
async fn joint_task(joints: &'static mut Joints) {
    loop {
        // The tick first, when both are there.
        match select(TICK.wait(), INBOX.receive()).await {
            Either::First(()) => joints.tick(),
            Either::Second(parcel) => joints.receive(&parcel),
        }
    }
}

impl Joints {
    fn new(log: ResetLog, own: &Configuration<JOINTS>) -> Self {
        let session = log.resets.wrapping_mul(SESSIONS_PER_LIFE).wrapping_add(1) & 0xFFFF;
        let birth = Birth {
            address: ADDRESS,
            firmware: board::VERSION,
            commit: board::COMMIT,
            board: *b"MPS2",
            serial: 1,
            first_session: u16::try_from(session).unwrap_or(1),
            log,
        };
        Self {
            node: Node::new(birth, own),
            rotors: Rotors::default(),
            feeder: watchdog::Feeder::default(),
            age_ms: log.age_ms,
        }
    }

    fn receive(&mut self, parcel: &Parcel) {
        let now = clock::microseconds();
        if let Some((link, answer)) = self.node.receive(parcel.link, parcel.frame(), now) {
            links::send(link, answer);
        }
        if let Some(configuration) = self.node.device().take_commit() {
            settings::STORE.signal(configuration);
        }
    }

    fn tick(&mut self) {
        #[cfg(feature = "bench")]
        crate::bench::fail_if_ordered(self.node.device());
        #[cfg(feature = "bench")]
        crate::bench::put(&mut self.rotors);
        #[cfg(not(feature = "bench"))]
        self.rotors.turn(clock::period_seconds());
        let inputs =
            Inputs { now: clock::microseconds(), joints: self.rotors.measured(), supply: SUPPLY };
        let (Outputs { torque, gate }, state) = self.node.tick(&inputs);
        gate::set(gate);
        self.rotors.drive(torque, gate::is_on());
        if let Some((link, state)) = state {
            links::send(link, state);
        }
        let tick = self.node.device().ticks();
        let time = Time { age_ms: self.age_ms.saturating_add(clock::milliseconds()), tick };
        crash::keep_time(time);
        self.feeder.feed();
        links::PULSE.signal(());
        watchdog::PULSE.signal(());
        #[cfg(feature = "bench")]
        crate::bench::tick_is_over(time, self.node.device().lifecycle(), *self.rotors.torque());
    }
}
