//! The terminal while it serves as a stick, and how it was before.

use std::io::{IsTerminal, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ratatui::crossterm::event::{
    DisableFocusChange, EnableFocusChange, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags, poll,
    read,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    disable_raw_mode, enable_raw_mode, supports_keyboard_enhancement,
};
use signal_hook::consts::{SIGHUP, SIGTERM};

use super::keys::{Keys, Move};

/// Somebody wants the program to end: Ctrl-C, a signal, a window that was closed.
#[must_use]
pub fn is_ending() -> bool {
    static ENDING: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let ending = ENDING.get_or_init(|| {
        let ending: Arc<AtomicBool> = Arc::default();
        for signal in [SIGTERM, SIGHUP] {
            if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&ending)) {
                tracing::warn!(%error, signal, "the terminal is not put back on this signal");
            }
        }
        ending
    });
    ending.load(Ordering::Acquire) || crate::network::interrupted()
}

/// Gives the terminal back as it was, also after a panic.
#[derive(Debug)]
pub struct Terminal {
    /// It says when a key is let go.
    pub releases: bool,
}

impl Terminal {
    /// Keys come one by one from now on.
    ///
    /// # Errors
    /// There is no terminal.
    pub fn open() -> std::io::Result<Self> {
        if !stdin().is_terminal() || !stdout().is_terminal() {
            return Err(std::io::Error::other("standard input and output are no terminal"));
        }
        // From here on a signal only ends the program after the terminal was put back.
        let _ = is_ending();
        enable_raw_mode()?;
        let releases = supports_keyboard_enhancement().unwrap_or(false);
        let this = Self { releases };
        put_back_on_panic(releases);
        execute!(stdout(), EnableFocusChange)?;
        if releases {
            let flags = KeyboardEnhancementFlags::REPORT_EVENT_TYPES
                | KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;
            execute!(stdout(), PushKeyboardEnhancementFlags(flags))?;
        }
        Ok(this)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        put_back(self.releases);
    }
}

fn put_back(releases: bool) {
    if releases {
        let _ = execute!(stdout(), PopKeyboardEnhancementFlags);
    }
    let _ = execute!(stdout(), DisableFocusChange);
    let _ = disable_raw_mode();
}

/// Before the message, or nobody can read it.
fn put_back_on_panic(releases: bool) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        put_back(releases);
        before(panic);
    }));
}

/// What keys ask for besides moving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressed {
    /// Stop at once.
    pub stop: bool,
    /// Faster (true) or slower.
    pub speed: Option<bool>,
    /// Let it go on after a hold.
    pub start: bool,
    /// The brain may drive again.
    pub hand_back: bool,
    /// End.
    pub quit: bool,
}

/// All that was pressed since this was asked last.
///
/// # Errors
/// The terminal is gone.
pub fn pressed(keys: &mut Keys, now: Duration) -> std::io::Result<Pressed> {
    let mut all = Pressed::default();
    while poll(Duration::ZERO)? {
        take(&read()?, keys, now, &mut all);
    }
    Ok(all)
}

/// What one event means.
fn take(event: &Event, keys: &mut Keys, now: Duration, all: &mut Pressed) {
    let KeyEvent { code, modifiers, kind, .. } = match event {
        Event::Key(key) => *key,
        Event::FocusLost => return keys.release_all(),
        _ => return,
    };
    if let Some(key) = direction(code) {
        return match kind {
            KeyEventKind::Release => keys.release(key),
            _ => keys.press(key, now),
        };
    }
    if kind != KeyEventKind::Press {
        return;
    }
    match code {
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => all.quit = true,
        KeyCode::Char(' ') | KeyCode::Esc => all.stop = true,
        KeyCode::Char('+' | '=') => all.speed = Some(true),
        KeyCode::Char('-' | '_') => all.speed = Some(false),
        KeyCode::Char('g' | 'G') => all.start = true,
        KeyCode::Char('h' | 'H') => all.hand_back = true,
        KeyCode::Char('x' | 'X') => all.quit = true,
        _ => {}
    }
}

fn direction(code: KeyCode) -> Option<Move> {
    let letter = match code {
        KeyCode::Char(letter) => letter.to_ascii_lowercase(),
        KeyCode::Up => 'w',
        KeyCode::Down => 's',
        KeyCode::Left => 'a',
        KeyCode::Right => 'd',
        _ => return None,
    };
    Some(match letter {
        'w' => Move::Forward,
        's' => Move::Back,
        'a' => Move::TurnLeft,
        'd' => Move::TurnRight,
        'q' => Move::Left,
        'e' => Move::Right,
        _ => return None,
    })
}

/// The keys, in words.
pub const HELP: &str = "w s forward back, a d turn, q e sideways, + - speed, space or Esc STOP, g \
                        go on after a hold, h hand back, x end";

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, kind: KeyEventKind) -> Event {
        Event::Key(KeyEvent::new_with_kind(code, KeyModifiers::NONE, kind))
    }

    #[test]
    fn keys_mean_what_the_help_says() {
        let (mut keys, mut all) = (Keys::new(true), Pressed::default());
        let now = Duration::ZERO;
        take(&key(KeyCode::Char('W'), KeyEventKind::Press), &mut keys, now, &mut all);
        take(&key(KeyCode::Left, KeyEventKind::Press), &mut keys, now, &mut all);
        assert_eq!(keys.direction(now), Some([1.0, 0.0, 1.0]));
        take(&key(KeyCode::Left, KeyEventKind::Release), &mut keys, now, &mut all);
        assert_eq!(keys.direction(now), Some([1.0, 0.0, 0.0]));
        take(&Event::FocusLost, &mut keys, now, &mut all);
        assert_eq!((keys.direction(now), all), (None, Pressed::default()));
        for code in [KeyCode::Char(' '), KeyCode::Esc] {
            let mut all = Pressed::default();
            take(&key(code, KeyEventKind::Press), &mut keys, now, &mut all);
            assert!(all.stop);
        }
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        take(&Event::Key(control), &mut keys, now, &mut all);
        assert!(all.quit);
        let mut none = Pressed::default();
        take(&key(KeyCode::Char('h'), KeyEventKind::Release), &mut keys, now, &mut none);
        assert_eq!(none, Pressed::default(), "letting go asks for nothing");
    }
}
