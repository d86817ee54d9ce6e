//! How long a command takes to a board in the emulator and back, over the emulated Ethernet, in
//! real time: round trip and loss, by this machine's clock. Reported and never asserted, for it
//! says as much about the machine and its load as about the board.
//!
//! `cargo run --release -p triune-tests --example board_link`

use std::process::ExitCode;
use std::time::{Duration, Instant};

use signals::JointCommand;
use whole::qemu::{Board, Image, NoBoard, Talk, configuration, state};

/// Commands that are sent, 1 ms apart.
const COMMANDS: u16 = 10_000;
/// Questions that are asked one after the other.
const QUESTIONS: usize = 2_000;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), NoBoard> {
    // Its watchdog, rightly, resets a board that this machine leaves without a processor for long;
    // counting instructions makes that rarer.
    let board = Board::start(Image::MPS2, &["-icount", "shift=5"])?;
    let mut talk = Talk::with(board);
    talk.greet()?;
    talk.hello()?;
    talk.provision(&configuration())?;
    let before = talk.greet()?.resets;
    println!("{:<44} {:>7} {:>7} {:>7} {:>7}", "us", "p50", "p99", "p99.9", "longest");
    talk.patience = Duration::from_millis(200);
    let (mut asked, mut unanswered) = (Vec::with_capacity(QUESTIONS), 0);
    for _ in 0..QUESTIONS {
        let from = Instant::now();
        match talk.identity() {
            Ok(_) => asked.push(from.elapsed()),
            Err(_) => unanswered += 1,
        }
    }
    row("question and answer", &mut asked);
    talk.greet()?;
    talk.hello()?;
    let (mut there_and_back, lost) = paced(&mut talk)?;
    row("command and the state that names it, 1 kHz", &mut there_and_back);
    let resets = talk.greet()?.resets - before;
    println!("{unanswered} of {QUESTIONS} questions without an answer, {resets} resets");
    // A reset ends the session, and what was counted.
    if let Ok(counters) = talk.counters() {
        let missing = counters.missing;
        println!("of {COMMANDS} commands {missing} were lost, {lost} not named by any state");
    }
    Ok(())
}

/// Sends commands at 1 kHz; the time until a state names each, and of how many none did.
fn paced(talk: &mut Talk) -> Result<(Vec<Duration>, usize), NoBoard> {
    let start = Instant::now();
    let mut sent = vec![None; usize::from(COMMANDS) + 1];
    let mut seen = Vec::with_capacity(usize::from(COMMANDS));
    for number in 1..=COMMANDS {
        let due = start + Duration::from_millis(u64::from(number));
        talk.time = u32::from(number) * 1_000;
        let command = talk.command(JointCommand::LIMP, false);
        talk.say(&command)?;
        sent[usize::from(number)] = Some(Instant::now());
        while Instant::now() < due {
            let left = due.saturating_duration_since(Instant::now());
            let Some(frame) = talk.board.next_frame(left)? else { break };
            let named = state(&frame).and_then(|state| sent.get_mut(usize::from(state.sequence)));
            seen.extend(named.and_then(Option::take).map(|at| at.elapsed()));
        }
    }
    let lost = usize::from(COMMANDS) - seen.len();
    Ok((seen, lost))
}

fn row(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| {
        let index = (times.len().saturating_sub(1) as f64 * share).round() as usize;
        times.get(index).map_or(0, Duration::as_micros)
    };
    println!("{what:<44} {:>7} {:>7} {:>7} {:>7}", at(0.5), at(0.99), at(0.999), at(1.0));
}
