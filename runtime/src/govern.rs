//! `triune govern`: any controller's proposals held against the governor, away from any robot.
//!
//! One JSON object a line in, one a line out. A line is a proposal (what was measured, what is
//! wanted of the joints) or an act of a person; for each proposal the governor rules and vets as in
//! the cycle, and the verdict says what the body would have been told and why. A line that breaks a
//! rule gets an error with its place, changes nothing, and the stream goes on. The format is in
//! `docs/govern.md`.
//!
//! It makes the very governor of the cycle, by [`crate::wiring::governor`], and decides nothing
//! itself. That its verdicts are those of the cycle, bit by bit, is a test
//! (`runtime/tests/govern_cycle.rs`).

mod inputs;
mod json;
mod line;
mod parts;
mod session;
mod started;
mod tap;
mod verdict;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, BufWriter, Error, ErrorKind, Read, Write};

use signals::Level;

pub use session::{Answer, Session};
pub use tap::Tap;

/// Longest line, bytes. A longer one is passed over without being kept.
pub const LINE_MAX: usize = 1 << 20;

/// What became of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were not empty.
    pub lines: u64,
    /// Proposals that got a verdict.
    pub verdicts: u64,
    /// Lines with nothing but acts of a person.
    pub acts: u64,
    /// Lines that broke a rule.
    pub errors: u64,
}

/// Answers every line of `input` on `output`, until it ends or nobody reads the answers any more.
///
/// Whatever was answered is written out before the next wait for a line, so that a controller can
/// wait for each verdict.
///
/// # Errors
/// The input cannot be read, or the output cannot be written for another reason than that its
/// reader went away.
pub fn govern(session: &mut Session, input: impl Read, output: impl Write) -> Result<Tally, Error> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut output = BufWriter::with_capacity(1 << 16, output);
    let mut tally = Tally::default();
    let told = answer_all(session, &mut input, &mut output, &mut tally);
    match told.and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            // What is left in the buffer has no reader; dropping it must not try again.
            drop(output.into_parts());
            Ok(tally)
        }
        told => told.map(|()| tally),
    }
}

fn answer_all<I: Read>(
    session: &mut Session,
    input: &mut BufReader<I>,
    output: &mut impl Write,
    tally: &mut Tally,
) -> Result<(), Error> {
    let mut line = Vec::new();
    for number in 1.. {
        if !input.buffer().contains(&b'\n') {
            output.flush()?;
        }
        line.clear();
        let most = LINE_MAX as u64 + 1;
        if input.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let whole = line.last() == Some(&b'\n');
        let answer = if !whole && line.len() > LINE_MAX {
            pass_over(input)?;
            session.refuse_length(number, LINE_MAX)
        } else if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        } else {
            session.answer(number, line.trim_ascii_end())
        };
        output.write_all(session.written())?;
        tally.lines += 1;
        match answer {
            Answer::Verdict => tally.verdicts += 1,
            Answer::Noted => tally.acts += 1,
            Answer::Error => tally.errors += 1,
        }
    }
    Ok(())
}

/// Reads to the end of the line and keeps nothing.
fn pass_over(input: &mut impl BufRead) -> Result<(), Error> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, over) = end.map_or((buffer.len(), buffer.is_empty()), |end| (end + 1, true));
        input.consume(used);
        if over {
            return Ok(());
        }
    }
}

/// What became of a stream, for people.
#[must_use]
pub fn summary(session: &Session, tally: &Tally) -> String {
    let Tally { lines, verdicts, acts, errors } = tally;
    let worst: Level = session.max_level();
    let mut text = format!(
        "{lines} lines: {verdicts} verdicts, {acts} acts, {errors} errors; worst level {}\n",
        worst.name()
    );
    for (rule, count) in session.counts() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<18} {count:>9}  {}", rule.id(), rule.title());
    }
    text
}
