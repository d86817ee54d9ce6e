//! Where the stick comes from: keys, a gamepad or a script.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bus::network::samples::WireAct;
use ratatui::crossterm::terminal::size;
use signals::OperatorAct;

use super::gamepad::{self, Pad};
use super::keys::{Keys, REPEATS, Speed};
use super::script::{Line, Script};
use super::terminal::{self, HELP, Pressed, Terminal};

/// What the person wants now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Want {
    /// Forward and left in m/s, counter-clockwise in rad/s; `None`: nothing is held.
    pub(super) velocity: Option<[f32; 3]>,
    pub(super) stop: bool,
    pub(super) act: Option<WireAct>,
    pub(super) quit: bool,
    /// Something to show beside.
    pub(super) note: &'static str,
}

/// The person's hands.
pub(super) struct Hands {
    script: Option<(Script, Option<Line>)>,
    terminal: Option<(Terminal, Keys)>,
    pad: Option<Arc<Mutex<Pad>>>,
    speed: Speed,
}

impl Hands {
    pub(super) fn open(
        script: Option<Script>,
        pad: Option<&Path>,
        speed: Speed,
    ) -> Result<Self, String> {
        let script = script.map(|script| (script, None));
        let open = |path: &Path| {
            gamepad::open(path).map_err(|error| {
                let path = path.display();
                format!("{path}: no gamepad: {error}. Those there are: ls /dev/input/js*")
            })
        };
        let pad = pad.map(open).transpose()?;
        let terminal = match (&script, Terminal::open()) {
            (Some(_), _) => None,
            (None, Ok(terminal)) => {
                let keys = Keys::new(terminal.releases);
                Some((terminal, keys))
            }
            // The gamepad drives without keys; it has a button to stop.
            (None, Err(_)) if pad.is_some() => None,
            (None, Err(error)) => {
                return Err(format!("no keys: {error}. Drive with --script or --gamepad"));
            }
        };
        Ok(Self { script, terminal, pad, speed })
    }

    /// How it is driven.
    pub(super) fn explained(&self) -> String {
        let keys = if self.terminal.is_some() { HELP } else { "" };
        format!("{keys}\n{}", self.device()).trim().replace('\n', "\r\n")
    }

    fn device(&self) -> &'static str {
        match (&self.pad, &self.terminal) {
            (Some(_), _) => {
                "hold a shoulder button; left stick moves, right stick turns, button B STOPS; \
                 space STOPS, x ends"
            }
            (None, Some((terminal, _))) if terminal.releases => {
                "this terminal says when a key is let go: a key counts while it is held"
            }
            (None, Some(_)) => {
                "this terminal does not say when a key is let go: a key counts for 150 ms after \
                 each repeat, and one key at a time"
            }
            (None, None) => "driven by a script",
        }
    }

    /// What is wanted now.
    pub(super) fn look(&mut self, now: Duration) -> Want {
        if let Some((script, current)) = &mut self.script {
            return follow(script, current, now);
        }
        let (mut pressed, mut direction) = (Pressed::default(), None);
        if let Some((_, keys)) = &mut self.terminal {
            // A terminal that is gone is nobody's hand.
            let gone = Pressed { quit: true, ..Pressed::default() };
            pressed = terminal::pressed(keys, now).unwrap_or(gone);
            direction = keys.direction(now);
        }
        let mut note = "";
        if let Some(pad) = &self.pad {
            let mut pad = pad.lock().unwrap_or_else(PoisonError::into_inner);
            direction = pad.direction();
            pressed.stop |= pad.take_stop();
            if pad.gone {
                note = "  THE GAMEPAD IS GONE";
                pressed.quit |= self.terminal.is_none();
            }
        }
        if let Some(faster) = pressed.speed {
            self.speed = self.speed.stepped(faster);
        }
        let act = match pressed {
            Pressed { hand_back: true, .. } => Some(OperatorAct::HandBack),
            Pressed { start: true, .. } => Some(OperatorAct::Start),
            _ => None,
        };
        let velocity = direction.map(|direction| self.speed.times(direction));
        let act = act.map(WireAct::Act);
        Want { velocity, stop: pressed.stop, act, quit: pressed.quit, note }
    }

    /// A line that stays.
    pub(super) fn say(&self, text: &str) {
        if self.terminal.is_some() {
            write(&format!("\r\x1b[K{text}\r\n"));
        } else {
            write(&format!("{text}\n"));
        }
    }

    /// The line that is shown anew; none for a script.
    pub(super) fn show(&self, text: &str) {
        if self.terminal.is_none() {
            return;
        }
        // Some terminals say that they have no columns.
        let width = size().map_or(80, |(width, _)| usize::from(width)).max(40);
        let speed = self.speed.linear;
        let text: String = format!("{text}  ({speed:.2})").chars().take(width - 1).collect();
        write(&format!("\r\x1b[K{text}"));
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        if self.terminal.is_some() {
            write("\r\x1b[K");
        }
    }
}

/// Lines for people, beside the result on standard output.
fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// What the script asks for at `now`.
fn follow(script: &mut Script, current: &mut Option<Line>, now: Duration) -> Want {
    let mut want = Want::default();
    for line in script.due(now) {
        want.stop |= line.stop;
        want.act = line.act().and_then(|act| act.wire(None)).or(want.act);
        *current = Some(line.clone());
    }
    want.quit = script.is_over();
    let held = current.as_ref().filter(|line| line.held);
    want.velocity = held.map(|line| [line.forward, line.left, line.yaw]);
    want
}

const _: () = assert!(REPEATS.as_millis() == 150, "the words above say 150 ms");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_holds_until_its_next_line_and_stops_once() {
        let text = "{\"at_s\":0,\"forward\":0.3,\"held\":true}\n{\"at_s\":1,\"stop\":true}\n\
                    {\"at_s\":2,\"act\":\"hand-back\"}";
        let (mut script, mut current) = (Script::parse(text).unwrap(), None);
        let mut at = |ms| follow(&mut script, &mut current, Duration::from_millis(ms));
        assert_eq!(at(0).velocity, Some([0.3, 0.0, 0.0]));
        assert_eq!(at(999).velocity, Some([0.3, 0.0, 0.0]));
        let stop = at(1_000);
        assert!(stop.stop && stop.velocity.is_none() && !stop.quit);
        assert!(!at(1_020).stop);
        let end = at(2_000);
        assert_eq!(end.act, Some(WireAct::Act(OperatorAct::HandBack)));
        assert!(end.quit);
    }
}
