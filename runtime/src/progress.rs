//! What the terminal shows while a run goes on: one line a subject, drawn ten times a second by a
//! thread of its own. The control thread only writes the newest value; without a terminal each
//! event of the mission is one plain line.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use signals::{Instant, Level, Posture};

use crate::journal::{Event, Label};
use crate::report::{colour_wanted, level_colour};
use crate::words;

/// Time between two drawings.
const DRAW_EVERY: Duration = Duration::from_millis(100);
/// Events that may wait to be shown.
const EVENTS: usize = 64;

/// What the control thread says of itself; it is shown while it is the newest.
#[derive(Clone, Copy, Debug)]
pub struct Live {
    /// Time of the robot's clock.
    pub at: Instant,
    /// Length of the mission, for the bar.
    pub of: Instant,
    /// What the mission is about.
    pub phase: Label,
    /// Severity.
    pub level: Level,
    /// What the body does.
    pub posture: Posture,
    /// Measured planar speed, m/s.
    pub speed: f32,
    /// Admitted planar speed, m/s.
    pub admitted: f32,
    /// Time of the robot's clock for each second of a wall clock.
    pub real_time_factor: f32,
    /// How late the last tick began, us.
    pub lateness_us: f32,
    /// Ticks skipped so far.
    pub overruns: u64,
}

/// The control thread's end: writes what is shown, waits for nothing.
#[derive(Debug)]
pub struct LiveWriter {
    latest: bus::Writer<Live>,
    events: bus::Sender<Event>,
}

impl LiveWriter {
    /// Makes `live` what is shown next.
    pub fn show(&mut self, live: Live) {
        self.latest.write(live);
    }

    /// Has `event` written as a line. When too many wait, it is left out here; the journal has it.
    pub fn event(&mut self, event: Event) {
        self.events.send(event);
    }
}

/// The thread that draws; it ends when this is finished or dropped.
///
/// Clauses: O8.
#[derive(Debug)]
pub struct Progress {
    ending: Arc<AtomicBool>,
    drawing: Option<JoinHandle<()>>,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Lines that change in place.
    Live,
    /// One plain line for each event, on standard error.
    Plain,
    /// Nothing.
    Nothing,
}

impl Show {
    /// Live on a terminal, plain without one or with `headless`, nothing with `quiet`.
    #[must_use]
    pub fn choose(headless: bool, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
        match (quiet, headless || !terminal) {
            (true, _) => Self::Nothing,
            (false, true) => Self::Plain,
            (false, false) => Self::Live,
        }
    }
}

impl Progress {
    /// Starts the thread. Call it before the control thread gets its priority.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(show: Show) -> std::io::Result<(Self, LiveWriter)> {
        let (latest, reader) = bus::latest();
        let (events, receiver) = bus::queue(EVENTS);
        let ending = Arc::new(AtomicBool::new(false));
        let of_thread = Arc::clone(&ending);
        let drawing =
            std::thread::Builder::new().name("progress".into()).spawn(move || match show {
                Show::Live => draw(&mut Screen::new(), reader, receiver, &of_thread),
                Show::Plain => draw(&mut Plain, reader, receiver, &of_thread),
                Show::Nothing => {}
            })?;
        Ok((Self { ending, drawing: Some(drawing) }, LiveWriter { latest, events }))
    }

    /// Draws the last state and ends.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.ending.store(true, Ordering::Release);
        if let Some(drawing) = self.drawing.take() {
            // A panic while drawing must not take the report with it.
            let _ = drawing.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// Something that shows events and the newest state.
trait Display {
    fn event(&mut self, event: &Event);
    fn live(&mut self, live: &Live);
    fn end(&mut self);
}

fn draw(
    display: &mut dyn Display,
    mut latest: bus::Reader<Live>,
    mut events: bus::Receiver<Event>,
    ending: &AtomicBool,
) {
    loop {
        // Read before the channels: what was written before the end is then in sight.
        let last = ending.load(Ordering::Acquire);
        while let Some(event) = events.recv() {
            display.event(&event);
        }
        if let Some(live) = latest.read() {
            display.live(&live);
        }
        if last {
            return display.end();
        }
        std::thread::sleep(DRAW_EVERY);
    }
}

fn event_line(event: &Event) -> String {
    format!("{:>7.2} s  {}", event.at.as_seconds(), event.english())
}

/// One plain line an event.
struct Plain;

impl Display for Plain {
    fn event(&mut self, event: &Event) {
        // Nobody reads a closed pipe; the run goes on.
        let _ = writeln!(std::io::stderr(), "{}", event_line(event));
    }
    fn live(&mut self, _: &Live) {}
    fn end(&mut self) {}
}

/// Lines that change in place.
struct Screen {
    all: MultiProgress,
    clock: ProgressBar,
    body: ProgressBar,
    timing: ProgressBar,
    colour: bool,
}

impl Screen {
    fn new() -> Self {
        let all = MultiProgress::new();
        let bar = |template: &str| {
            let bar = all.add(ProgressBar::new(1));
            // A template that does not parse would show the crate's own style, nothing worse.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar
        };
        let clock = bar("  mission    {msg:<34} {bar:28}");
        let (body, timing) = (bar("  governor   {msg}"), bar("  loop       {msg}"));
        Self { clock, body, timing, colour: colour_wanted(), all }
    }

    fn level(&self, level: Level) -> String {
        let word = format!("{:<9}", level.name());
        if !self.colour {
            return word;
        }
        let code = match level_colour(level) {
            "green" => 32,
            "yellow" => 33,
            "magenta" => 35,
            _ => 31,
        };
        format!("\u{1b}[1;{code}m{word}\u{1b}[0m")
    }
}

impl Display for Screen {
    fn event(&mut self, event: &Event) {
        // A terminal that went away changes nothing for the run.
        let _ = self.all.println(event_line(event));
    }

    fn live(&mut self, live: &Live) {
        let (at, of) = (live.at.as_nanos() / 1_000_000, live.of.as_nanos() / 1_000_000);
        self.clock.set_length(of.max(1));
        self.clock.set_position(at.min(of));
        self.clock.set_message(format!("{:>6.1} s  {}", live.at.as_seconds(), live.phase.as_str()));
        self.body.set_message(format!(
            "{}  {:<9}  {:.2} m/s of {:.2} admitted",
            self.level(live.level),
            words::posture(live.posture),
            live.speed,
            live.admitted
        ));
        self.timing.set_message(timing_words(live));
    }

    fn end(&mut self) {
        for bar in [&self.clock, &self.body, &self.timing] {
            bar.finish_and_clear();
        }
    }
}

fn timing_words(live: &Live) -> String {
    format!(
        "{:.2} x real time  late by {:.0} us  {} skipped",
        live.real_time_factor, live.lateness_us, live.overruns
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::EventKind;

    #[derive(Default)]
    struct Seen {
        events: Vec<String>,
        live: Option<f32>,
        ended: bool,
    }

    impl Display for Seen {
        fn event(&mut self, event: &Event) {
            self.events.push(event_line(event));
        }
        fn live(&mut self, live: &Live) {
            self.live = Some(live.speed);
        }
        fn end(&mut self) {
            self.ended = true;
        }
    }

    fn live(speed: f32) -> Live {
        Live {
            at: Instant::from_nanos(2_500_000_000),
            of: Instant::from_nanos(60_000_000_000),
            phase: Label::new("walk"),
            level: Level::Hold,
            posture: Posture::Standing,
            speed,
            admitted: 0.5,
            real_time_factor: 1.0,
            lateness_us: 60.0,
            overruns: 2,
        }
    }

    /// Clauses: O8.
    #[test]
    fn the_newest_state_and_every_event_are_shown_before_the_end() {
        let (mut latest, reader) = bus::latest();
        let (mut events, receiver) = bus::queue(4);
        latest.write(live(0.1));
        latest.write(live(0.2));
        let at = Instant::from_nanos(1_500_000_000);
        events.send(Event::new(at, 1500, EventKind::Phase, "walk"));
        let mut seen = Seen::default();
        draw(&mut seen, reader, receiver, &AtomicBool::new(true));
        assert_eq!(seen.events, ["   1.50 s  Phase: walk"]);
        assert_eq!((seen.live, seen.ended), (Some(0.2), true));
    }

    #[test]
    fn drawing_needs_no_terminal() {
        let mut screen = Screen { colour: false, ..Screen::new() };
        screen.live(&live(0.3));
        assert_eq!(screen.body.message(), "HOLD       standing   0.30 m/s of 0.50 admitted");
        assert_eq!(timing_words(&live(0.3)), "1.00 x real time  late by 60 us  2 skipped");
        screen.end();
        let (progress, mut writer) = Progress::start(Show::Nothing).unwrap();
        writer.show(live(0.1));
        progress.finish();
    }
}
