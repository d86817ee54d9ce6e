//! `triune teleop`: a person drives, with keys, a gamepad or a script.
//!
//! What it must never do: send a stick as held that nobody holds, or one with another time than
//! that of its reading. The robot judges each reading's age by its own clock and counts one of more
//! than `age_max_ms` of its `[governor.stick]` as released.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bus::network::Role;
use bus::network::gateway::Outlet;
use bus::network::samples::{OPERATOR_STICK, StickSample, WireAct};
use serde_json::json;
use signals::{Level, Mode, OperatorAct};

use self::hands::{Hands, Want};
use self::keys::Speed;
use self::pilot::{Pilot, View};
use super::act::{ANSWER, Hand, answer};
use super::estop::{Stopper, is_confirmed};
use super::lease::LeaseRole;
use super::reach::{Reached, wrong};
use super::watch::{Seen, Told, Watch, text};
use super::{Far, NetworkFault, decode};
use crate::cli::{Exit, Failure, print, print_json};

pub mod gamepad;
mod hands;
pub mod keys;
mod pilot;
pub mod script;
pub mod terminal;

/// A stick is sent so often.
const EVERY: Duration = Duration::from_millis(20);
/// Kind of a record that says that something was limited.
const LIMITED: u32 = 1;
/// What is shown is shown anew so often.
const SHOWN: Duration = Duration::from_millis(200);

/// Drives a robot. The robot moves only while a key or the gamepad's shoulder button is held.
#[derive(Debug, clap::Args)]
pub struct TeleopArgs {
    #[command(flatten)]
    far: Far,
    /// Joystick device, such as /dev/input/js0; without it the keys drive.
    #[arg(long, value_name = "PATH", conflicts_with = "script")]
    gamepad: Option<PathBuf>,
    /// JSON lines {"at_s":0.0,"forward":0.3,"left":0,"yaw":0,"held":true}, also "stop" and "act"; -
    /// for standard input. The last line ends it.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Speed of full deflection, m/s.
    #[arg(long, value_name = "M_S", default_value_t = 0.2, value_parser = speed)]
    speed: f32,
    /// Turning of full deflection, rad/s.
    #[arg(long, value_name = "RAD_S", default_value_t = 0.4, value_parser = speed)]
    turn: f32,
    /// Takes the operator's lease from another that holds it.
    #[arg(long)]
    take: bool,
    /// Does not ask before it begins.
    #[arg(long)]
    yes: bool,
    /// Hands back to the brain at the end.
    #[arg(long)]
    hand_back: bool,
    /// Prints what it did at the end, for programs.
    #[arg(long)]
    json: bool,
}

/// A speed.
fn speed(text: &str) -> Result<f32, String> {
    let known = text.parse().ok().filter(|speed| (0.02..=2.0).contains(speed));
    known.ok_or_else(|| "a speed is a number from 0.02 to 2".to_owned())
}

/// What was done.
#[derive(Clone, Debug, Default, serde::Serialize)]
struct Tally {
    sent: u64,
    held: u64,
    without_lease: u64,
    without_clock: u64,
    clock_error_max_ns: u64,
    take_overs: u64,
    drove: bool,
    speed_max_m_s: f32,
    stopped: bool,
    stop_confirmed: bool,
    handed_back: Option<bool>,
    lost: bool,
}

/// One person at one robot.
struct Session<'a> {
    args: &'a TeleopArgs,
    watch: Watch,
    hand: Hand,
    outlet: Outlet<StickSample>,
    stopper: Option<(Stopper, Instant)>,
    tally: Tally,
    told: u64,
}

/// Drives until the person ends it.
///
/// # Errors
/// No robot, no lease, no terminal or gamepad, a script that is wrong.
pub fn teleop(args: &TeleopArgs) -> Result<Exit, Failure> {
    let speed = Speed { linear: args.speed, yaw: args.turn };
    let script = args.script.as_deref().map(script::Script::read).transpose();
    let script = script.map_err(|said| wrong(&said))?;
    let mut reached = args.far.reach(Role::Operator)?;
    let watch = Watch::open(&reached.gateway, true)?;
    if watch.wait(reached.patience, |seen| seen.ruling.map(|_| ())).is_none() {
        return Err(args.far.nobody("the robot answers, but shows no ruling"));
    }
    let asks = script.is_none() && !args.yes;
    if asks && !go_on(&reached.about.name, &watch.seen()) {
        return Ok(Exit::Ok);
    }
    let hand = Hand::take(&mut reached, LeaseRole::Operator, ("triune teleop", args.take))?;
    let outlet = reached.gateway.outlet(&OPERATOR_STICK).map_err(NetworkFault::from)?;
    let hands = Hands::open(script, args.gamepad.as_deref(), speed);
    let hands = hands.map_err(|said| wrong(&said))?;
    let told = watch.seen().told;
    let (stopper, tally) = (None, Tally::default());
    let mut session = Session { args, watch, hand, outlet, stopper, tally, told };
    session.say(&hands, &hands.explained());
    session.drive(&reached, hands);
    let exit = session.end(&reached);
    reached.gateway.close();
    Ok(exit)
}

/// Who drives now, and whether the person wants to.
fn go_on(robot: &str, seen: &Seen) -> bool {
    let (level, mode) = seen.level_mode().unwrap_or_default();
    let authority = seen.ruling.map_or(0, |ruling| ruling.sample.authority);
    let drives = decode::authority_numbered(authority);
    let held = seen.cycle.is_some_and(|cycle| cycle.sample.operator_epoch != 0);
    let lease = if held { "somebody holds the operator's lease" } else { "nobody operates it" };
    eprintln!("{robot}: {} {}, driven by {drives}; {lease}.", mode.name(), level.name());
    eprintln!("The first key you hold takes over. Go on? [y/N]");
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}

impl Session<'_> {
    fn drive(&mut self, reached: &Reached, mut hands: Hands) {
        let began = Instant::now();
        let mut pilot = Pilot::default();
        let (mut due, mut shown, mut alive) = (began, began, began);
        loop {
            let now = began.elapsed();
            let want = hands.look(now);
            let seen = self.watch.seen();
            let view = View::of(&seen, self.hand.lease.confirmed_epoch());
            self.judge(&want, reached, &hands);
            let step = pilot.step(now, want.velocity.is_some(), &view);
            self.send_stick(if step.held { want.velocity } else { None });
            if step.take_over && self.hand.send(WireAct::Act(OperatorAct::TakeOver)) {
                self.tally.take_overs += 1;
            }
            if want.stop || want.act == Some(WireAct::Act(OperatorAct::HandBack)) {
                pilot.let_go();
            }
            if let Some(act) = want.act {
                self.hand.send(act);
            }
            self.note(&seen, &hands);
            if view.epoch.is_some() {
                alive = Instant::now();
            }
            if alive.elapsed() > reached.patience {
                self.tally.lost = true;
                let said = self.hand.lease.refused().unwrap_or_default();
                self.say(&hands, &format!("the lease is lost: {said}"));
                return;
            }
            if shown.elapsed() >= SHOWN {
                shown = Instant::now();
                hands.show(&self.line(&seen, &want, &view));
            }
            if (want.quit || terminal::is_ending()) && self.stopper.is_none() {
                return;
            }
            due = (due + EVERY).max(Instant::now());
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    /// A stop goes out at once, and again until the robot says that it has it.
    fn judge(&mut self, want: &Want, reached: &Reached, hands: &Hands) {
        if want.stop && self.stopper.is_none() {
            self.tally.stopped = true;
            match Stopper::new(&reached.gateway, false, "triune teleop") {
                Ok(stopper) => self.stopper = Some((stopper, Instant::now())),
                Err(error) => {
                    self.say(hands, &format!("NOT CONFIRMED: use the hardware stop: {error}"))
                }
            }
        }
        let Some((stopper, since)) = &mut self.stopper else { return };
        stopper.send();
        let confirmed = is_confirmed(&self.watch.seen(), false);
        if confirmed || since.elapsed() > ANSWER {
            self.tally.stop_confirmed = confirmed;
            self.stopper = None;
            self.say(
                hands,
                if confirmed {
                    "STOPPED. triune estop --release, then triune act reset, then triune act start"
                } else {
                    "STOP NOT CONFIRMED: use the hardware stop"
                },
            );
        }
    }

    fn send_stick(&mut self, velocity: Option<[f32; 3]>) {
        let held = velocity.is_some();
        let [forward, left, yaw] = velocity.unwrap_or_default();
        let Some((now, bound)) = self.hand.lease.robot_now() else {
            self.tally.without_clock += 1;
            return;
        };
        let clock_error = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let sample = StickSample { linear: [forward, left], yaw, held: held.into(), clock_error };
        if self.hand.lease.send(&mut self.outlet, now.as_nanos(), &sample) {
            self.tally.sent += 1;
            self.tally.held += u64::from(held);
            let worst = self.tally.clock_error_max_ns.max(clock_error);
            self.tally.clock_error_max_ns = worst;
        } else {
            self.tally.without_lease += 1;
        }
    }

    /// What the robot says of itself and of what it was asked.
    fn note(&mut self, seen: &Seen, hands: &Hands) {
        let speed = seen.state.map_or(0.0, |state| {
            let [forward, left, _] = state.sample.velocity;
            forward.hypot(left)
        });
        if seen.ruling.is_some_and(|ruling| ruling.sample.authority == 1) {
            self.tally.drove = true;
            self.tally.speed_max_m_s = self.tally.speed_max_m_s.max(speed);
        }
        // What is limited lasts and would bury the rest; `triune echo governor/record` shows it.
        let news = |told: &&Told| told.number > self.told && told.sample.kind != LIMITED;
        for told in seen.records.iter().filter(news) {
            self.say(hands, &text(&told.sample.said));
        }
        self.told = seen.told;
    }

    fn line(&self, seen: &Seen, want: &Want, view: &View) -> String {
        let driven = decode::authority_numbered(seen.ruling.map_or(0, |r| r.sample.authority));
        let asked = want.velocity.map_or_else(
            || "released".to_owned(),
            |[forward, left, yaw]| format!("HELD {forward:+.2} {left:+.2} m/s {yaw:+.2} rad/s"),
        );
        let lease = if view.epoch.is_some() { "" } else { "  NO LEASE" };
        let age = seen.ruling.map_or(0, |ruling| ruling.came.elapsed().as_millis());
        let silent = if age > 300 { format!("  SILENT for {age} ms") } else { String::new() };
        let (mode, level) = (view.mode.name(), view.level.name());
        format!("{mode} {level} by {driven}  {asked}{lease}{silent}{}", want.note)
    }

    fn say(&self, hands: &Hands, text: &str) {
        if !self.args.json {
            hands.say(text);
        }
    }

    /// Lets go, hands back where it was asked for, and says what the robot does now.
    fn end(mut self, reached: &Reached) -> Exit {
        for _ in 0..5 {
            self.send_stick(None);
            std::thread::sleep(EVERY);
        }
        if self.args.hand_back && !self.tally.lost {
            let after = self.watch.seen().told;
            self.hand.send(WireAct::Act(OperatorAct::HandBack));
            let back = |seen: &Seen| answer(seen, OperatorAct::HandBack, after);
            let said = self.watch.wait(ANSWER, back);
            self.tally.handed_back = Some(matches!(said, Some(super::act::Answer::Accepted(_))));
        }
        self.watch.wait(Duration::from_millis(60), |_| None::<()>);
        self.hand.give_back(reached);
        let (level, mode) = self.watch.seen().level_mode().unwrap_or_default();
        if self.args.json {
            print_json(&json!({
                "schema": "triune.teleop/1", "robot": reached.about.name, "teleop": self.tally,
                "mode": mode.name(), "level": level.name(),
            }));
        } else {
            print(&format!("{}: {}\n", reached.about.name, farewell(&self.tally, mode, level)));
        }
        match (self.tally.lost, self.tally.stopped, self.tally.stop_confirmed) {
            (true, ..) | (_, true, false) => Exit::Hardware,
            (_, true, true) => Exit::SafetyStop,
            _ => Exit::Ok,
        }
    }
}

/// What the robot does when nobody holds the stick any more.
fn farewell(tally: &Tally, mode: Mode, level: Level) -> String {
    let now = format!(
        "{} sticks sent, {} of them held; now {} {}",
        tally.sent,
        tally.held,
        mode.name(),
        level.name()
    );
    let then = match (tally.handed_back, mode) {
        _ if tally.lost => "the robot or its lease was lost: it has counted the stick as released",
        (Some(true), _) => "handed back to the brain",
        (Some(false), _) => "NOT handed back: the governor has refused it",
        (None, Mode::Manual) => {
            "it stays with the stick: it stands, holds when the stick is silent for hold_ms of its \
             [governor.stick], and settles after settle_ms. triune act hand-back gives it to the \
             brain"
        }
        (None, _) => "its mode was not changed by the stick",
    };
    format!("{now}; {then}")
}
