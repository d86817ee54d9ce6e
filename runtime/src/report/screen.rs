//! The report on one screen: what happened when and why, the numbers, the files, what to do next.

use std::fmt::Write;
use std::io::IsTerminal;

use signals::Level;

use super::{HTML_FILE, JSON_FILE, MissionEvent, Outcome, Report};

/// Lines for what happened; the rest is counted.
const EVENTS_SHOWN: usize = 18;
/// Lines for the rules that acted; the rest is counted.
const RULES_SHOWN: usize = 8;

/// Colours are wanted: standard output is a terminal and `NO_COLOR` is not set.
#[must_use]
pub fn colour_wanted() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !refused
}

impl Report {
    /// The report for a terminal of `width` columns; without `colour` it is plain text.
    #[must_use]
    pub fn one_screen(&self, width: usize, colour: bool) -> String {
        let mut screen = Screen { text: String::new(), width: width.clamp(60, 120), colour };
        self.heading(&mut screen);
        self.what_happened(&mut screen);
        self.numbers(&mut screen);
        self.rules(&mut screen);
        self.not_granted(&mut screen);
        self.files_and_next(&mut screen);
        screen.text
    }

    fn heading(&self, screen: &mut Screen) {
        let where_ = if self.sim.is_empty() {
            "on its own body".to_owned()
        } else {
            format!("in the simulator ({}, seed {})", self.sim, self.seed)
        };
        let outcome = self.mission.outcome;
        let colour = if outcome == Outcome::Complete { Colour::Good } else { Colour::Bad };
        screen.line(colour, &format!("{} {where_}: {}", self.robot, outcome.words()));
        let rule = "─".repeat(screen.width);
        screen.line(Colour::Dim, &rule);
    }

    fn what_happened(&self, screen: &mut Screen) {
        screen.title("What happened");
        // What went wrong is shown whatever the room.
        let (mut shown, mut hidden) = (0, 0);
        for event in &self.mission.events {
            if shown >= EVENTS_SHOWN && event.ok {
                hidden += 1;
            } else {
                shown += 1;
                screen.event(event);
            }
        }
        if hidden > 0 {
            screen.line(Colour::Dim, &format!("           and {hidden} more, see {HTML_FILE}"));
        }
    }

    fn numbers(&self, screen: &mut Screen) {
        screen.title("Numbers");
        let goal = if self.goal_reached { "goal reached" } else { "goal not reached" };
        screen.pair(
            "walk",
            &format!(
                "{:.1} m, {goal}, {}, {}",
                self.distance_m,
                count(self.falls, "fall"),
                count(self.collisions, "collision")
            ),
        );
        screen.pair(
            "time",
            &format!(
                "{:.1} s, {} ticks, {:.2} x real time",
                self.duration_s, self.ticks, self.real_time_factor
            ),
        );
        screen.pair("loop", &self.loop_words());
        screen.pair(
            "estimator",
            &format!(
                "velocity within {:.3} m/s rms, drift {:.1} % of the path",
                self.estimator.velocity_rmse_mps, self.estimator.drift_percent
            ),
        );
        let brain = &self.brain;
        screen.pair(
            "brain",
            &format!(
                "{}, {} plans, {} late, {} refused",
                brain.backend, brain.plans, brain.late, brain.refused
            ),
        );
        screen.pair("joints", &self.joint_board.line());
        screen.pair("journal", &self.journal_words());
        screen.pair("hash", &self.state_hash);
    }

    fn loop_words(&self) -> String {
        let (timing, late) = (&self.timing, self.timing.lateness_us);
        let mut text = format!("{:.0} Hz", timing.rate_hz);
        if self.time == "real" {
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                ", late by {:.0} us (p50), {:.0} us (p99), {:.0} us at most, {} skipped",
                late.p50, late.p99, late.max, timing.overruns
            );
        } else {
            text += " of virtual time";
        }
        let _ = write!(text, ", {} allocations in the cycle", self.cycle_allocations);
        text
    }

    fn journal_words(&self) -> String {
        let journal = &self.journal;
        let kept = format!(
            "{} ticks, {} records, {} events",
            journal.ticks, journal.records, journal.events
        );
        if journal.is_complete() {
            return format!("{kept}, nothing lost");
        }
        let mut text = format!(
            "{kept}; LOST {} (ring full), {} (not written)",
            journal.lost_ring, journal.lost_write
        );
        if let Some(error) = &journal.error {
            let _ = write!(text, ": {error}");
        }
        text
    }

    fn rules(&self, screen: &mut Screen) {
        let worst = self.governor.max_level;
        screen.title(&format!("Governor: worst level {}", worst.name()));
        let rules = &self.governor.interventions;
        if rules.is_empty() {
            screen.line(Colour::Plain, "  did not have to act");
        }
        for rule in rules.iter().take(RULES_SHOWN) {
            screen.line(
                Colour::Plain,
                &format!("  {:>6} x {:<14} {}", rule.count, rule.rule, rule.title),
            );
        }
        if let Some(more) = rules.len().checked_sub(RULES_SHOWN + 1) {
            screen.line(Colour::Dim, &format!("           and {} more rules", more + 1));
        }
    }

    fn not_granted(&self, screen: &mut Screen) {
        if self.missing.is_empty() {
            return;
        }
        screen.title("Not granted by this machine (it ran all the same)");
        for missing in &self.missing {
            screen.pair(&missing.what, &format!("{}; {}", missing.why, missing.fix));
        }
    }

    fn files_and_next(&self, screen: &mut Screen) {
        let folder = self.folder();
        screen.title("Files");
        for (name, what) in [
            (HTML_FILE, "everything with plots, opens in any browser"),
            (JSON_FILE, "the numbers for programs"),
            (super::JOURNAL_FILE, "every tick and every record, as MCAP"),
        ] {
            screen.whole(&format!("  {}  {what}", folder.join(name).display()));
        }
        screen.title("Next");
        for (command, what) in [
            (format!("triune why {}", folder.display()), "each intervention in plain words"),
            ("triune check robots/quadruped".into(), "edit one number there, and see it explained"),
            ("triune doctor".into(), "what this machine can hold"),
        ] {
            screen.whole(&format!("  {command:<34} {what}"));
        }
    }
}

fn count(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Plain,
    Dim,
    Bold,
    Good,
    Bad,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Dim => "\u{1b}[2m",
            Self::Bold => "\u{1b}[1m",
            Self::Good => "\u{1b}[1;32m",
            Self::Bad => "\u{1b}[1;31m",
        }
    }
}

/// Lines of bounded width.
struct Screen {
    text: String,
    width: usize,
    colour: bool,
}

impl Screen {
    fn title(&mut self, title: &str) {
        self.text.push('\n');
        self.line(Colour::Bold, title);
    }

    /// A name and what belongs to it, over as many lines as it takes.
    fn pair(&mut self, name: &str, value: &str) {
        const INDENT: usize = 13;
        let mut head = format!("  {name:<10} ");
        let mut line = String::new();
        for word in value.split(' ') {
            let room = self.width.saturating_sub(INDENT);
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                self.line(Colour::Plain, &format!("{head}{line}"));
                (head, line) = (" ".repeat(INDENT), String::new());
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line += word;
        }
        self.line(Colour::Plain, &format!("{head}{line}"));
    }

    fn event(&mut self, event: &MissionEvent) {
        let (mark, colour) = if event.ok { ("ok", Colour::Plain) } else { ("!!", Colour::Bad) };
        let rule = event.rule.as_ref().map_or(String::new(), |rule| format!("  [{rule}]"));
        self.line(colour, &format!("  {:>6.2} s  {mark}  {}{rule}", event.at_s, event.what));
    }

    /// One line that may be copied, so that it is never cut.
    fn whole(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }

    /// One line, cut at the width.
    fn line(&mut self, colour: Colour, line: &str) {
        let line = line.trim_end();
        let cut = line.chars().count() > self.width;
        let text: String = if cut {
            line.chars().take(self.width - 1).chain(['…']).collect()
        } else {
            line.to_owned()
        };
        let (on, off) = match (self.colour, colour) {
            (false, _) | (_, Colour::Plain) => ("", ""),
            (true, colour) => (colour.code(), "\u{1b}[0m"),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{on}{text}{off}");
    }
}

/// The terminal colour that goes with a level.
#[must_use]
pub(crate) const fn level_colour(level: Level) -> &'static str {
    match level {
        Level::Nominal | Level::Notice => "green",
        Level::Warning | Level::Guidance | Level::Limited => "yellow",
        Level::Hold | Level::Settle | Level::Stopped => "magenta",
        Level::Cut | Level::Falling => "red",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;

    #[test]
    fn it_fits_one_screen_and_says_what_matters() {
        let mut report = sample();
        report.mission.events = vec![report.mission.events[0].clone(); 40];
        report.mission.events[39].ok = false;
        let text = report.one_screen(80, false);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.lines().count() <= 50, "{text}");
        for part in [
            "mission complete",
            "31.25 s  ok",
            "31.25 s  !!",
            "[PLAN-RANGE]",
            "7.2 m",
            "STOPPED",
            "runs/x/report.html",
            "triune why runs/x",
            "and 21 more",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(report.one_screen(80, true).contains("\u{1b}[1;32m"));
    }

    /// Clauses: E4.
    #[test]
    fn losses_are_not_hidden() {
        let mut report = sample();
        report.journal.lost_write = 12;
        report.journal.error = Some("no space left on device".into());
        let text = report.one_screen(100, false);
        assert!(text.contains("LOST 0 (ring full), 12 (not written): no space left"), "{text}");
    }
}
