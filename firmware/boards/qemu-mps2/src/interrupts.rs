//! Who may interrupt whom. The tick stands above everything, because its time is measured; then the
//! joint loop, then the links, then the slow messages. Three executors run on interrupts that
//! nothing else uses; what runs below all of them only sleeps.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use embassy_executor::{InterruptExecutor, SendSpawner, SpawnError, SpawnToken};

use crate::{clock, ethernet, links, serial};

/// Lines of the machine, AN386 table 4-2.
const SERIAL_RECEIVE: Line = Line(0);
const SERIAL_SENT: Line = Line(1);
const TICK: Line = Line(8);
const ETHERNET: Line = Line(13);
/// Nothing is connected to these.
const JOINTS: Line = Line(29);
const LINKS: Line = Line(30);
const THREAD: Line = Line(31);

/// Smaller comes first. The processor has three bits of priority.
const PRIORITIES: [(Line, u8); 7] = [
    (TICK, 0x00),
    (JOINTS, 0x20),
    (SERIAL_RECEIVE, 0x60),
    (SERIAL_SENT, 0x60),
    (ETHERNET, 0x60),
    (LINKS, 0x60),
    (THREAD, 0xA0),
];

static JOINTS_EXECUTOR: InterruptExecutor = InterruptExecutor::new();
static LINKS_EXECUTOR: InterruptExecutor = InterruptExecutor::new();
static THREAD_EXECUTOR: InterruptExecutor = InterruptExecutor::new();

#[derive(Clone, Copy, PartialEq, Eq)]
struct Line(u16);

// SAFETY: the numbers above are lines of this machine.
unsafe impl InterruptNumber for Line {
    fn number(self) -> u16 {
        self.0
    }
}

/// Where tasks are started.
pub(crate) struct Executors {
    pub(crate) joints: SendSpawner,
    pub(crate) links: SendSpawner,
    pub(crate) thread: SendSpawner,
}

/// Sets the priorities and starts the executors; the devices stay silent until [`enable`].
pub(crate) fn start(nvic: &mut NVIC) -> Executors {
    for (line, priority) in PRIORITIES {
        // SAFETY: no critical section here relies on priorities; all of them mask everything.
        unsafe { nvic.set_priority(line, priority) };
    }
    Executors {
        joints: JOINTS_EXECUTOR.start(JOINTS),
        links: LINKS_EXECUTOR.start(LINKS),
        thread: THREAD_EXECUTOR.start(THREAD),
    }
}

/// Lets the devices interrupt. They must be set up: the Ethernet controller's line interrupts
/// without end until it is.
pub(crate) fn enable() {
    for line in [TICK, SERIAL_RECEIVE, SERIAL_SENT, ETHERNET] {
        // A request from before belongs to an earlier life.
        NVIC::unpend(line);
        // SAFETY: called outside of critical sections, and the handler below knows the line.
        unsafe { NVIC::unmask(line) };
    }
}

/// Starts a task; each has room for one life.
pub(crate) fn spawn<S: Send>(executor: SendSpawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(task) => executor.spawn(task),
        Err(_) => panic!("a task was started twice"),
    }
}

/// All lines come here: the machine has too few for a table of its own.
#[cortex_m_rt::exception]
unsafe fn DefaultHandler(line: i16) {
    let Ok(line) = u16::try_from(line) else { panic!("exception {line} is not expected") };
    match Line(line) {
        TICK => {
            clock::on_tick();
            crate::joints::TICK.signal(());
        }
        // SAFETY: this is the interrupt that the executor was started with.
        JOINTS => unsafe { JOINTS_EXECUTOR.on_interrupt() },
        // SAFETY: as above.
        LINKS => unsafe { LINKS_EXECUTOR.on_interrupt() },
        // SAFETY: as above.
        THREAD => unsafe { THREAD_EXECUTOR.on_interrupt() },
        SERIAL_RECEIVE => serial::on_receive(),
        SERIAL_SENT => serial::on_sent(),
        ETHERNET => {
            ethernet::on_interrupt();
            links::ETHERNET_CALLS.signal(());
        }
        Line(other) => panic!("interrupt {other} is not expected"),
    }
}
