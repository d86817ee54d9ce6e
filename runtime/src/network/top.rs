//! `triune top`: all robots in reach, live or once.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bus::network::Role;
use bus::network::gateway::Gateway;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};
use serde_json::Value;

use self::screen::{Robot, Screen};
use super::echo::seconds;
use super::estop::{Stopper, is_confirmed};
use super::reach::{About, wrong};
use super::teleop::terminal::is_ending;
use super::watch::Watch;
use super::{Far, NetworkFault};
use crate::cli::{Exit, Failure, print, print_json};
use crate::why::Lang;
use crate::worker::Worker;

pub mod screen;

/// Robots are looked for so often.
const LOOK: Duration = Duration::from_secs(1);
/// The screen is drawn so often.
const DRAWN: Duration = Duration::from_millis(200);
/// A stop must be asked for again within this.
const TWICE: Duration = Duration::from_secs(3);
/// The robot says within this that it stops.
const ANSWER: Duration = Duration::from_secs(2);

/// Shows all robots in reach: arrows choose one, s stops it (pressed twice), q ends.
#[derive(Debug, clap::Args)]
pub struct TopArgs {
    #[command(flatten)]
    far: Far,
    /// Prints one screen and ends.
    #[arg(long)]
    once: bool,
    /// Looks so long before it prints that screen, s.
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds, requires = "once")]
    after: Duration,
    /// One JSON object instead of the screen.
    #[arg(long, requires = "once")]
    json: bool,
    /// Language of the levels.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

/// Who is there.
type Watched = Arc<Mutex<BTreeMap<String, (About, Watch, Instant)>>>;

/// Shows them.
///
/// # Errors
/// No robot, or no terminal.
pub fn top(args: &TopArgs) -> Result<Exit, Failure> {
    if !args.once && !stdout().is_terminal() {
        return Err(wrong("standard output is no terminal: triune top --once prints one screen"));
    }
    let (gateway, _) = args.far.door(Role::Observer)?;
    let found = args.far.abouts(&gateway)?;
    if found.is_empty() {
        return Err(args.far.nobody("no robot answers"));
    }
    let watched = Watched::default();
    take_in(&gateway, &watched, found)?;
    let finder = finder(&gateway, &watched, args.far.name.clone());
    let finder = Worker::start("finder", finder).map_err(NetworkFault::Thread)?;
    let exit = if args.once { once(args, &watched) } else { live(args, &gateway, &watched) };
    drop(finder);
    lock(&watched).clear();
    gateway.close();
    exit
}

fn lock(watched: &Watched) -> MutexGuard<'_, BTreeMap<String, (About, Watch, Instant)>> {
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at those that are new; those that are not found stay, with the time since.
fn take_in(gateway: &Gateway, watched: &Watched, found: Vec<About>) -> Result<(), NetworkFault> {
    for about in found {
        let name = about.name.clone();
        if let Some((old, _, there)) = lock(watched).get_mut(&name) {
            (*old, *there) = (about, Instant::now());
            continue;
        }
        let Ok(own) = gateway.of(&name) else { continue };
        let watch = Watch::open(&own, true)?;
        lock(watched).insert(name, (about, watch, Instant::now()));
    }
    Ok(())
}

fn finder(
    gateway: &Gateway,
    watched: &Watched,
    only: Option<String>,
) -> impl FnMut() -> bool + Send + 'static {
    let (gateway, watched) = (gateway.clone(), Arc::clone(watched));
    let mut due = Instant::now() + LOOK;
    move || {
        if Instant::now() < due {
            return false;
        }
        due = Instant::now() + LOOK;
        let found = super::reach::all(&gateway, Duration::from_millis(500)).unwrap_or_default();
        let wanted = |about: &About| only.as_ref().is_none_or(|name| *name == about.name);
        let found = found.into_iter().filter(wanted).collect();
        if let Err(error) = take_in(&gateway, &watched, found) {
            tracing::warn!(%error, "a robot cannot be looked at");
        }
        false
    }
}

/// What is known of all now.
fn robots(watched: &Watched) -> Vec<Robot> {
    let robot = |(about, watch, there): &(About, Watch, Instant)| Robot {
        about: about.clone(),
        seen: watch.seen(),
        foreign: watch.foreign(),
        silent: there.elapsed(),
    };
    lock(watched).values().map(robot).collect()
}

fn once(args: &TopArgs, watched: &Watched) -> Result<Exit, Failure> {
    let until = Instant::now() + args.after;
    while Instant::now() < until && !is_ending() {
        std::thread::sleep(Duration::from_millis(10).min(args.after));
    }
    let robots = robots(watched);
    let now = Instant::now();
    if args.json {
        let robots: Vec<Value> = robots.iter().map(|robot| robot.json(now)).collect();
        print_json(&serde_json::json!({ "schema": "triune.top/1", "robots": robots }));
        return Ok(Exit::Ok);
    }
    for at in 0..robots.len() {
        let screen = Screen { robots: &robots, chosen: at, lang: args.lang, note: "", now };
        print(&text(&screen, (96, screen.height())));
    }
    Ok(Exit::Ok)
}

/// The screen as text.
#[must_use]
pub fn text(screen: &Screen<'_>, (width, height): (u16, u16)) -> String {
    let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height));
    let Ok(_) = terminal.draw(|frame| screen.draw(frame));
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.content().chunks(usize::from(width.max(1))) {
        // A wide letter, as Chinese ones are, takes the place of the cell after it.
        let (mut line, mut wide) = (String::new(), false);
        for symbol in row.iter().map(|cell| cell.symbol()) {
            if !std::mem::replace(&mut wide, symbol.starts_with(|c: char| c >= '\u{2e80}')) {
                line.push_str(symbol);
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    format!("{}\n", text.trim_end())
}

/// A stop that is under way, or asked for once.
#[derive(Default)]
struct Stopping {
    asked: Option<(String, Instant)>,
    under_way: Option<(String, Stopper, Instant)>,
    said: String,
}

fn live(args: &TopArgs, gateway: &Gateway, watched: &Watched) -> Result<Exit, Failure> {
    let broken = |error: std::io::Error| wrong(&format!("the terminal: {error}"));
    let mut terminal = ratatui::try_init().map_err(broken)?;
    // From here on a signal only ends the program after the terminal was put back.
    let _ = is_ending();
    let (mut chosen, mut stopping) = (0_usize, Stopping::default());
    let ended = loop {
        let robots = robots(watched);
        chosen = chosen.min(robots.len().saturating_sub(1));
        stopping.go_on(&robots);
        let (note, now) = (stopping.said.as_str(), Instant::now());
        let screen = Screen { robots: &robots, chosen, lang: args.lang, note, now };
        if let Err(error) = terminal.draw(|frame| screen.draw(frame)) {
            break Err(error);
        }
        match key(if stopping.under_way.is_some() { DRAWN / 10 } else { DRAWN }) {
            Ok(Some(KeyCode::Char('q') | KeyCode::Esc)) => break Ok(()),
            Ok(Some(KeyCode::Up | KeyCode::Left)) => chosen = chosen.saturating_sub(1),
            Ok(Some(KeyCode::Down | KeyCode::Right)) => chosen += 1,
            Ok(Some(KeyCode::Char('s'))) => {
                if let Some(robot) = robots.get(chosen) {
                    stopping.ask(gateway, &robot.about.name);
                }
            }
            Ok(_) => {}
            Err(error) => break Err(error),
        }
        if is_ending() {
            break Ok(());
        }
    };
    ratatui::restore();
    ended.map_err(broken)?;
    Ok(Exit::Ok)
}

/// The next key within `patience`.
fn key(patience: Duration) -> std::io::Result<Option<KeyCode>> {
    if !poll(patience)? {
        return Ok(None);
    }
    let Event::Key(key) = read()? else { return Ok(None) };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let code = if control && key.code == KeyCode::Char('c') { KeyCode::Esc } else { key.code };
    Ok((key.kind == KeyEventKind::Press).then_some(code))
}

impl Stopping {
    /// Asked for the first time it asks back; the second time it stops.
    fn ask(&mut self, gateway: &Gateway, robot: &str) {
        let again =
            self.asked.take().is_some_and(|(name, at)| name == robot && at.elapsed() < TWICE);
        if !again {
            self.said = format!("Stop {robot}? Press s again within {} s", TWICE.as_secs());
            self.asked = Some((robot.to_owned(), Instant::now()));
            return;
        }
        let stopper = gateway.of(robot).map_err(NetworkFault::from);
        match stopper.and_then(|own| Stopper::new(&own, false, "triune top")) {
            Ok(mut stopper) => {
                stopper.send();
                self.said = format!("{robot}: stopping");
                self.under_way = Some((robot.to_owned(), stopper, Instant::now()));
            }
            Err(error) => {
                self.said = format!("{robot}: NOT CONFIRMED: use the hardware stop: {error}");
            }
        }
    }

    fn go_on(&mut self, robots: &[Robot]) {
        if self.asked.as_ref().is_some_and(|(_, at)| at.elapsed() >= TWICE) {
            (self.asked, self.said) = (None, String::new());
        }
        let Some((name, stopper, since)) = &mut self.under_way else { return };
        stopper.send();
        let seen = robots.iter().find(|robot| robot.about.name == *name);
        if seen.is_some_and(|robot| is_confirmed(&robot.seen, false)) {
            self.said = format!("{name}: stop taken in. Release: triune estop --release");
            self.under_way = None;
        } else if since.elapsed() > ANSWER {
            self.said = format!("{name}: NOT CONFIRMED: use the hardware stop");
            self.under_way = None;
        }
    }
}
