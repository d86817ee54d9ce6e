//! `triune act`: one act of a person, and what the governor says to it.

use std::time::Duration;

use bus::network::Role;
use bus::network::gateway::Outlet;
use bus::network::samples::{ActSample, OPERATOR_ACT, RecordSample, WireAct};
use governor::Rule;
use serde_json::json;
use signals::{Mode, OperatorAct};

use super::held::HeldLease;
use super::lease::LeaseRole;
use super::lease::holder::Wish;
use super::reach::{Reached, wrong};
use super::watch::{Seen, Watch, text};
use super::{Far, NetworkFault};
use crate::cli::{Exit, Failure, print, print_json};

/// The governor answers within so long, or the act was lost.
pub(super) const ANSWER: Duration = Duration::from_secs(2);
/// Kinds of a record.
const ACCEPTED: u32 = 4;
const REFUSED: u32 = 5;

/// Does one act of a person under a lease. Nothing starts by a reset: reset and start are two acts.
#[derive(Debug, clap::Args)]
pub struct ActArgs {
    /// What is done.
    #[arg(value_enum)]
    act: Act,
    /// Which mode, for select.
    #[arg(value_enum, required_if_eq("act", "select"))]
    mode: Option<SelectMode>,
    #[command(flatten)]
    far: Far,
    /// As whom; without it as the operator, and as the maintainer where only he may.
    #[arg(long = "as", value_enum)]
    role: Option<ActingRole>,
    /// Takes the lease from another that holds it.
    #[arg(long)]
    take: bool,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Act {
    /// Clears what has latched. Starts nothing.
    Reset,
    /// Permits motion.
    Start,
    /// I have seen it.
    Acknowledge,
    /// Settle and stop.
    GoSafe,
    /// The stick drives; needs a stick that is held, so `triune teleop` does it.
    TakeOver,
    /// The brain drives again.
    HandBack,
    /// The mode of the next start.
    Select,
    /// Ends a lockout.
    Unlock,
    /// Releases the stop that came over the network. Resets nothing, starts nothing.
    ReleaseStop,
}

/// Modes to select.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SelectMode {
    /// A person drives.
    Manual,
    /// The brain drives, a person watches each act.
    Supervised,
    /// The brain drives.
    Auto,
    /// Maintenance.
    Maint,
}

/// As whom a person acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ActingRole {
    /// The operator.
    Operator,
    /// The maintainer.
    Maintainer,
}

impl Act {
    pub(super) fn wire(self, mode: Option<SelectMode>) -> Option<WireAct> {
        Some(WireAct::Act(match self {
            Self::Reset => OperatorAct::Reset,
            Self::Start => OperatorAct::Start,
            Self::Acknowledge => OperatorAct::Acknowledge,
            Self::GoSafe => OperatorAct::GoSafe,
            Self::TakeOver => OperatorAct::TakeOver,
            Self::HandBack => OperatorAct::HandBack,
            Self::Unlock => OperatorAct::Unlock,
            Self::ReleaseStop => return Some(WireAct::ReleaseStop),
            Self::Select => OperatorAct::Select(match mode? {
                SelectMode::Manual => Mode::Manual,
                SelectMode::Supervised => Mode::Supervised,
                SelectMode::Auto => Mode::Auto,
                SelectMode::Maint => Mode::Maint,
            }),
        }))
    }
}

/// A lease of a person, and where his acts are sent.
pub struct Hand {
    /// The lease.
    pub lease: HeldLease,
    role: LeaseRole,
    outlet: Outlet<ActSample>,
}

impl Hand {
    /// Takes the lease of `role` for `what`; with `take` from another that holds it.
    ///
    /// # Errors
    /// The robot does not give it: what it said, and what helps.
    pub fn take(
        reached: &mut Reached,
        role: LeaseRole,
        (what, take): (&str, bool),
    ) -> Result<Self, Failure> {
        let gateway = &reached.gateway;
        let outlet = gateway.outlet(&OPERATOR_ACT).map_err(NetworkFault::from)?;
        let name = holder_name(what);
        let key = reached.key.take();
        let wish = Wish { robot: gateway.robot().to_owned(), role, name, take, key };
        let lease = HeldLease::want(gateway, wish)?;
        lease.wait(reached.patience).map_err(|fault| {
            let help = format!("--take takes the {role}'s lease from who holds it");
            let said = super::reach::clean(&fault.to_string());
            Failure::new(Exit::Hardware, miette::miette!(help = help, "{role}: {said}"))
        })?;
        Ok(Self { lease, role, outlet })
    }

    /// Sends an act; false when the lease is not held any more.
    pub fn send(&mut self, act: WireAct) -> bool {
        let at = self.lease.robot_now().map_or(0, |(now, _)| now.as_nanos());
        self.lease.send(&mut self.outlet, at, &ActSample::new(act))
    }

    /// Gives the lease back.
    pub fn give_back(&self, reached: &Reached) {
        self.lease.give_back(&reached.gateway, self.role);
    }
}

/// Who asks for a lease, as others are shown him.
fn holder_name(what: &str) -> String {
    let user = std::env::var("USER").unwrap_or_default();
    let name = format!("{} {what}", super::reach::clean(&user));
    name.trim().chars().take(super::lease::ask::NAME_MAX).collect()
}

/// What became of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(String),
    Refused(String),
}

/// The governor's answer to `act` among the records after `after`.
pub(super) fn answer(seen: &Seen, act: OperatorAct, after: u64) -> Option<Answer> {
    let rule = Rule::of(act).id();
    let of = |sample: &RecordSample| match sample.kind {
        ACCEPTED => Some(Answer::Accepted(text(&sample.said))),
        REFUSED => Some(Answer::Refused(text(&sample.said))),
        _ => None,
    };
    let fresh = seen.records.iter().filter(|told| told.number > after);
    fresh.filter(|told| text(&told.sample.rule) == rule).find_map(|told| of(&told.sample))
}

/// Does it, and waits for the answer.
///
/// # Errors
/// No robot, no lease.
pub fn act(args: &ActArgs) -> Result<Exit, Failure> {
    if args.mode.is_some() && args.act != Act::Select {
        return Err(wrong("only select takes a mode"));
    }
    let wire = args.act.wire(args.mode);
    let wire = wire.ok_or_else(|| wrong("select which mode? manual, supervised, auto, maint"))?;
    let maintained = args.act == Act::Unlock || args.mode == Some(SelectMode::Maint);
    let role = match args.role {
        Some(ActingRole::Operator) => LeaseRole::Operator,
        Some(ActingRole::Maintainer) => LeaseRole::Maintainer,
        None if maintained => LeaseRole::Maintainer,
        None => LeaseRole::Operator,
    };
    let held_by = match role {
        LeaseRole::Maintainer => Role::Maintainer,
        _ => Role::Operator,
    };
    let mut reached = args.far.reach(held_by)?;
    let watch = Watch::open(&reached.gateway, false)?;
    let mut hand = Hand::take(&mut reached, role, ("triune act", args.take))?;
    // The newest ruling: that it comes says that the records come too.
    let before = watch.wait(ANSWER, Seen::level_mode);
    let after = watch.seen().told;
    let sent = hand.send(wire);
    let answered = match wire {
        WireAct::Act(act) => watch.wait(ANSWER, |seen| answer(seen, act, after)),
        WireAct::ReleaseStop => watch.wait(ANSWER, released),
    };
    // What it has changed shows in the next ruling.
    watch.wait(Duration::from_millis(60), |_| None::<()>);
    let now = watch.seen().level_mode();
    hand.give_back(&reached);
    reached.gateway.close();
    let done = (args.act, answered.filter(|_| sent));
    Ok(tell(args.json, &reached.about.name, &done, (before, now)))
}

type LevelMode = Option<(signals::Level, Mode)>;

fn released(seen: &Seen) -> Option<Answer> {
    let stop = seen.cycle.as_ref()?.sample.stop;
    let said = "the stop over the network is released; the robot stays stopped until reset and \
                start";
    (stop == 0).then(|| Answer::Accepted(said.to_owned()))
}

fn tell(
    json: bool,
    robot: &str,
    (act, answer): &(Act, Option<Answer>),
    (before, now): (LevelMode, LevelMode),
) -> Exit {
    let (word, said, exit) = match answer {
        Some(Answer::Accepted(said)) => ("accepted", said.as_str(), Exit::Ok),
        Some(Answer::Refused(said)) => ("refused", said.as_str(), Exit::FailedCheck),
        None => ("unanswered", "the governor did not answer; ask again", Exit::Hardware),
    };
    let shown = |one: LevelMode| one.map(|(level, mode)| (level.name(), mode.name()));
    let (before, now) = (shown(before), shown(now));
    let name = clap::ValueEnum::to_possible_value(act).map(|v| v.get_name().to_owned());
    let name = name.unwrap_or_default();
    if json {
        let part = |one: Option<(&str, &str)>| {
            json!({
                "level": one.map(|one| one.0), "mode": one.map(|one| one.1),
            })
        };
        print_json(&json!({
            "schema": "triune.act/1", "robot": robot, "act": name, "answer": word, "said": said,
            "before": part(before), "now": part(now),
        }));
    } else {
        let (level, mode) = now.unwrap_or(("unknown", "unknown"));
        print(&format!("{robot}: {name} {word}: {said}\nnow {mode}, {level}\n"));
    }
    exit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::watch::Told;

    #[test]
    fn the_answer_is_the_governors_to_this_act_after_it() {
        let mut seen = Seen::default();
        let mut told = |number, rule: &str, kind| {
            let mut sample = RecordSample { kind, ..RecordSample::default() };
            sample.rule[..rule.len()].copy_from_slice(rule.as_bytes());
            sample.said[0] = b'0' + number as u8;
            seen.records.push_back(Told { number, sample, at: 0 });
        };
        told(1, "OPERATOR-RESET", REFUSED);
        told(2, "OPERATOR-START", ACCEPTED);
        told(3, "OPERATOR-RESET", 3);
        told(4, "OPERATOR-RESET", ACCEPTED);
        let four = Some(Answer::Accepted("4".into()));
        assert_eq!(answer(&seen, OperatorAct::Reset, 1), four);
        assert_eq!(answer(&seen, OperatorAct::Reset, 0), Some(Answer::Refused("1".into())));
        assert_eq!(answer(&seen, OperatorAct::Reset, 4), None);
        assert_eq!(answer(&seen, OperatorAct::Unlock, 0), None);
    }

    #[test]
    fn each_act_goes_out_as_itself() {
        for (number, act) in <Act as clap::ValueEnum>::value_variants().iter().enumerate() {
            let wire = act.wire(Some(SelectMode::Manual)).unwrap();
            assert_eq!(ActSample::new(wire).act as usize, number + 1, "{act:?}");
        }
        assert_eq!(Act::Select.wire(None), None);
        assert!(holder_name(&"x".repeat(99)).chars().count() <= 64);
    }
}
