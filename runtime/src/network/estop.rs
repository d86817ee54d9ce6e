//! `triune estop`: stops a robot over the network, and says whether it has stopped.
//!
//! The network is no stop circuit: what it says is only that the robot's governor has taken the
//! stop in. Where it cannot say that, it says so, and a person uses the hardware stop.

use std::time::{Duration, Instant};

use bus::network::Role;
use bus::network::gateway::{Gateway, Outlet};
use bus::network::samples::{OPERATOR_STOP, StopSample, WireAct};
use serde_json::{Value, json};
use signals::Level;

use super::act::{ANSWER, Hand};
use super::echo::seconds;
use super::lease::LeaseRole;
use super::reach::clean;
use super::snapshot::text;
use super::watch::{Seen, Watch};
use super::{Far, NetworkFault, interrupted};
use crate::cli::{Exit, Failure, print, print_json};

/// A stop is sent again after this: well below the rate the robot takes.
const AGAIN: Duration = Duration::from_millis(40);
/// Where it says that it has stopped, this is waited for until it lies still.
const SETTLES: Duration = Duration::from_secs(15);

/// Stops a robot.
#[derive(Debug, clap::Args)]
pub struct EstopArgs {
    #[command(flatten)]
    far: Far,
    /// Torque off at once, even when the robot falls by it.
    #[arg(long, conflicts_with = "release")]
    cut: bool,
    /// Who stops it and why; the robot writes it down.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Every robot in reach.
    #[arg(long, conflicts_with_all = ["name", "release"])]
    all: bool,
    /// Releases the stop instead, under an operator's lease. Reset and start are separate acts.
    #[arg(long)]
    release: bool,
    /// Takes the lease for the release from another that holds it.
    #[arg(long, requires = "release")]
    take: bool,
    /// The robot must say within so long that it stops, s.
    #[arg(long, value_name = "S", default_value = "2", value_parser = seconds)]
    within: Duration,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Sends stops, again and again: one may get lost.
pub struct Stopper {
    outlet: Outlet<StopSample>,
    sample: StopSample,
    sent: u64,
    due: Instant,
}

impl Stopper {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The session is closed.
    pub fn new(gateway: &Gateway, cut: bool, reason: &str) -> Result<Self, NetworkFault> {
        let sample = StopSample { cut: cut.into(), reason: text(reason), spare: 0 };
        let outlet = gateway.outlet(&OPERATOR_STOP)?;
        Ok(Self { outlet, sample, sent: 0, due: Instant::now() })
    }

    /// Sends one, when it is due.
    pub fn send(&mut self) {
        let now = Instant::now();
        if now >= self.due {
            self.due = now + AGAIN;
            // Not only when somebody is known to hear it: that takes a moment to find out.
            self.sent += u64::from(self.outlet.put_anyway(0, &self.sample));
        }
    }

    /// How many were sent.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }
}

/// The robot says that it has taken the stop in, and its governor acts on it.
#[must_use]
pub fn is_confirmed(seen: &Seen, cut: bool) -> bool {
    let needed = if cut { Level::Stopped } else { Level::Settle };
    let taken = seen.cycle.as_ref().is_some_and(|cycle| cycle.sample.stop == 1);
    taken && seen.level_mode().is_some_and(|(level, _)| level >= needed)
}

/// Stops it.
///
/// # Errors
/// Several robots and none was named.
pub fn estop(args: &EstopArgs) -> Result<Exit, Failure> {
    if args.release {
        return release(args);
    }
    let found = find(args);
    let robots = match found {
        Ok(robots) => robots,
        // Which one is for the person to say; all else means that no stop went out.
        Err(failure) if failure.exit == Exit::Usage => return Err(failure),
        Err(failure) => {
            let said = failure.error.to_string();
            tell(args, "", &json!({ "confirmed": false, "said": clean(&said) }));
            return Ok(Exit::Hardware);
        }
    };
    let stops = robots.iter().map(|gateway| {
        let stopper = Stopper::new(gateway, args.cut, &reason(args))?;
        Ok((gateway, Watch::open(gateway, false)?, stopper))
    });
    let mut stops: Vec<_> = stops.collect::<Result<_, NetworkFault>>()?;
    let until = Instant::now() + args.within;
    let began = Instant::now();
    let mut after: Vec<Option<Duration>> = vec![None; stops.len()];
    while after.contains(&None) && Instant::now() < until && !interrupted() {
        for ((_, watch, stopper), after) in stops.iter_mut().zip(&mut after) {
            if after.is_none() {
                stopper.send();
                *after = is_confirmed(&watch.seen(), args.cut).then(|| began.elapsed());
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    for ((gateway, watch, stopper), after) in stops.iter().zip(&after) {
        follow(args, (gateway, watch, stopper), *after);
    }
    robots.iter().for_each(Gateway::close);
    Ok(if after.contains(&None) { Exit::Hardware } else { Exit::Ok })
}

fn reason(args: &EstopArgs) -> String {
    if args.reason.is_empty() { "triune estop".to_owned() } else { clean(&args.reason) }
}

/// Whom the stop is for.
fn find(args: &EstopArgs) -> Result<Vec<Gateway>, Failure> {
    let of = |gateway: &Gateway, name: &str| gateway.of(name).map_err(NetworkFault::from);
    if args.all {
        let (gateway, _) = args.far.door(Role::Observer)?;
        let found = args.far.abouts(&gateway)?;
        if found.is_empty() {
            return Err(args.far.nobody("no robot answers"));
        }
        let all = found.iter().map(|about| of(&gateway, &about.name));
        return Ok(all.collect::<Result<_, _>>()?);
    }
    // One that is named is told to stop whether it answers or not.
    if args.far.name.is_some() {
        return Ok(vec![args.far.door(Role::Observer)?.0]);
    }
    Ok(vec![args.far.reach(Role::Observer)?.gateway])
}

/// Says what happens until it lies still.
fn follow(
    args: &EstopArgs,
    (gateway, watch, stopper): (&Gateway, &Watch, &Stopper),
    after: Option<Duration>,
) {
    let robot = gateway.robot();
    let name = |seen: &Seen| seen.level_mode().map(|(level, _)| level.name());
    let Some(after) = after else {
        let seen = watch.seen();
        let taken = seen.cycle.as_ref().map(|cycle| cycle.sample.stop == 1);
        let said = match (taken, watch.foreign()) {
            (_, 1..) => "the robot speaks of itself in another version's layout",
            (None, _) => "the robot says nothing",
            (Some(false), _) => "the robot runs, and has not taken the stop in",
            (Some(true), _) => "the robot has the stop, and its governor has not acted on it",
        };
        let sent = stopper.sent();
        let line = json!({
            "confirmed": false, "said": said, "sent": sent, "level": name(&seen),
        });
        return tell(args, robot, &line);
    };
    let first = name(&watch.seen());
    if !args.json {
        let (ms, level) = (after.as_millis(), first.unwrap_or_default());
        print(&format!("{robot}: stop taken in after {ms} ms, level {level}\n"));
    }
    let still =
        watch.wait(SETTLES, |seen| seen.level_mode().filter(|(level, _)| *level >= Level::Stopped));
    let seen = watch.seen();
    let line = json!({
        "confirmed": true, "after_s": after.as_secs_f64(), "sent": stopper.sent(),
        "level_first": first, "level": name(&seen), "still": still.is_some(),
    });
    tell(args, robot, &line);
}

fn tell(args: &EstopArgs, robot: &str, line: &Value) {
    if args.json {
        let mut all = json!({ "schema": "triune.estop/1", "robot": robot, "cut": args.cut });
        if let (Some(all), Some(line)) = (all.as_object_mut(), line.as_object()) {
            all.extend(line.clone());
        }
        return print(&format!("{all}\n"));
    }
    if line["confirmed"] != true {
        let said = line["said"].as_str().unwrap_or_default();
        let robot = if robot.is_empty() { "no robot" } else { robot };
        return eprintln!("{robot}: NOT CONFIRMED: use the hardware stop. {said}");
    }
    let level = line["level"].as_str().unwrap_or("unknown");
    let end = if line["still"] == true {
        "It stays stopped: triune estop --release, then triune act reset, then triune act start"
    } else {
        "It has not come to rest yet: look at it"
    };
    print(&format!("{robot}: {level}. {end}\n"));
}

fn release(args: &EstopArgs) -> Result<Exit, Failure> {
    let mut reached = args.far.reach(Role::Operator)?;
    let watch = Watch::open(&reached.gateway, false)?;
    let hand = ("triune estop --release", args.take);
    let mut hand = Hand::take(&mut reached, LeaseRole::Operator, hand)?;
    let until = Instant::now() + ANSWER;
    let mut released = false;
    while !released && Instant::now() < until && !interrupted() {
        hand.send(WireAct::ReleaseStop);
        let gone = |seen: &Seen| seen.cycle.as_ref().filter(|c| c.sample.stop == 0).map(|_| ());
        released = watch.wait(Duration::from_millis(250), gone).is_some();
    }
    hand.give_back(&reached);
    let level = watch.seen().level_mode().map(|(level, mode)| (level.name(), mode.name()));
    reached.gateway.close();
    let robot = &reached.about.name;
    if args.json {
        print_json(&json!({
            "schema": "triune.estop/1", "robot": robot, "released": released,
            "level": level.map(|of| of.0), "mode": level.map(|of| of.1),
        }));
    } else if released {
        let (word, mode) = level.unwrap_or(("unknown", "unknown"));
        let stopped = watch.seen().level_mode().is_some_and(|(level, _)| level >= Level::Settle);
        let then = if stopped {
            "It stays stopped: triune act reset, then triune act start"
        } else {
            "It was not stopped"
        };
        print(&format!("{robot}: the stop over the network is released; {mode}, {word}. {then}\n"));
    } else {
        eprintln!("{robot}: NOT RELEASED: the robot still says that it is stopped");
    }
    Ok(if released { Exit::Ok } else { Exit::Hardware })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::watch::Newest;
    use bus::network::samples::{CycleSample, RulingSample};

    #[test]
    fn only_a_robot_that_says_both_has_confirmed() {
        let seen = |stop, level: Level| {
            let (at, came) = (0, Instant::now());
            let cycle = CycleSample { stop, ..CycleSample::default() };
            let ruling = RulingSample { level: level as u32, ..RulingSample::default() };
            Seen {
                cycle: Some(Newest { sample: cycle, at, came }),
                ruling: Some(Newest { sample: ruling, at, came }),
                ..Seen::default()
            }
        };
        assert!(is_confirmed(&seen(1, Level::Settle), false));
        assert!(!is_confirmed(&seen(1, Level::Settle), true));
        assert!(is_confirmed(&seen(1, Level::Cut), true));
        assert!(!is_confirmed(&seen(0, Level::Stopped), false));
        assert!(!is_confirmed(&seen(1, Level::Hold), false));
        assert!(!is_confirmed(&Seen::default(), false));
    }
}
