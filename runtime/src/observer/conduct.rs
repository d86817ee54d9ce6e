//! What a person may count on, seen from outside the governor: his devices and acts go in, a ruling
//! and a command come out, and nothing else is known. It shares no code with what it judges and
//! uses only the words of `signals`, so that tests of any room can hold a governor against it.

use signals::{
    Authority, BodyCommand, JointCommand, Level, Mode, Motion, Operator, OperatorAct, Role, Ruling,
};

/// How far a stop has been undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Undone {
    /// Nobody has started the robot since the beginning, or since a reset.
    #[default]
    ButForStart,
    /// A stop is in force.
    Nothing,
    /// Started.
    All,
}

/// The rules of stops and authority, held against each cycle.
///
/// Clauses: O1, O6, S4, S5, S9.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conduct {
    last: Option<Ruling>,
    undone: Undone,
    /// Torque was cut, and nobody has reset it.
    cut: bool,
    /// The body would sink: it may be held by its drives after a stop, where it is.
    sinks: bool,
}

impl Conduct {
    /// For a body that `sinks` without power, or stands by itself.
    #[must_use]
    pub fn of_body(sinks: bool) -> Self {
        Self { sinks, ..Self::default() }
    }

    /// Judges one cycle: what is broken, if anything.
    pub fn judge(
        &mut self,
        operator: &Operator,
        ruling: &Ruling,
        command: &BodyCommand,
    ) -> Option<&'static str> {
        let act = operator.act.map(|act| (operator.role, act));
        let last = self.last.unwrap_or_default();
        let reset = matches!(act, Some((Role::Local | Role::Maintainer, OperatorAct::Reset)));
        let broken = self.stops(operator, ruling, command).or_else(|| {
            [
                falls(&last, ruling, operator, self.sinks),
                drives(ruling, operator),
                locked(&last, ruling, operator),
            ]
            .into_iter()
            .flatten()
            .next()
        });
        if last.level >= Level::Settle && ruling.level < Level::Settle && reset {
            (self.undone, self.cut) = (Undone::ButForStart, false);
        }
        self.last = Some(*ruling);
        broken.or_else(|| torques(ruling, command))
    }

    /// A stop counts at once, stays, and is undone by release, reset and start.
    fn stops(
        &mut self,
        operator: &Operator,
        ruling: &Ruling,
        command: &BodyCommand,
    ) -> Option<&'static str> {
        let stop = operator.stop || operator.cut || operator.act == Some(OperatorAct::GoSafe);
        if stop && ruling.level < Level::Settle {
            return Some("a stop was given and is not in force");
        }
        self.cut |= operator.cut;
        let released = ruling.level < Level::Settle && !operator.cut;
        if self.cut && !released && !is_limp(command) {
            return Some("the cut device was pressed and there is torque");
        }
        let moves = matches!(ruling.motion, Motion::Stand | Motion::Walk(_) | Motion::Move(_));
        if ruling.level >= Level::Settle {
            self.undone = Undone::Nothing;
        } else if moves && self.undone == Undone::ButForStart {
            if operator.act != Some(OperatorAct::Start) || operator.role < Role::Operator {
                return Some("motion began without a start");
            }
            self.undone = Undone::All;
        } else if moves && self.undone == Undone::Nothing {
            return Some("motion after a stop without a reset");
        }
        None
    }
}

/// A level of SETTLE or worse ends by a reset at the robot, a hold by a start or with a warning.
fn falls(last: &Ruling, ruling: &Ruling, operator: &Operator, sinks: bool) -> Option<&'static str> {
    if ruling.level >= last.level {
        return None;
    }
    let at_robot = operator.role >= Role::Local && !operator.stop && !operator.cut;
    let reset = operator.act == Some(OperatorAct::Reset) && at_robot;
    let start = operator.act == Some(OperatorAct::Start) && operator.role >= Role::Supervisor;
    // Who was held may go on being held: nothing moves by that.
    let held = sinks && last.motion == Motion::Settle && ruling.motion == Motion::Settle;
    match last.level {
        level if level >= Level::Settle && !reset => Some("a stop ended without a reset"),
        level if level >= Level::Settle && ruling.motion != Motion::Limp && !held => {
            Some("a reset started something")
        }
        Level::Hold if !reset && !start && last.motion != Motion::Limp && !last.warning => {
            Some("a hold ended without a start and without a warning")
        }
        _ => None,
    }
}

/// Who drives may drive, and nobody drives while the robot holds, warns or stops.
fn drives(ruling: &Ruling, operator: &Operator) -> Option<&'static str> {
    let stopping = ruling.level >= Level::Settle;
    if stopping != (ruling.authority == Authority::StopControl) {
        return Some("the stop controller has authority from SETTLE on and only then");
    }
    if !(0.0..=1.0).contains(&ruling.scale) {
        return Some("a speed scale is between 0 and 1");
    }
    if !matches!(ruling.motion, Motion::Walk(_) | Motion::Move(_)) {
        return None;
    }
    let held = operator.stick.is_some_and(|stick| stick.held);
    match (ruling.authority, ruling.mode) {
        _ if ruling.level >= Level::Hold => Some("it walks at HOLD or worse"),
        _ if ruling.warning => Some("it walks while it warns of motion to come"),
        (Authority::Teleop, Mode::Manual) if held => None,
        (Authority::Brain, Mode::Supervised) if held => None,
        (Authority::Brain, Mode::Auto) => None,
        _ => Some("it walks for somebody who may not drive"),
    }
}

/// A lockout ends by a maintainer's act; no lease comes twice.
fn locked(last: &Ruling, ruling: &Ruling, operator: &Operator) -> Option<&'static str> {
    let unlocked = operator.act == Some(OperatorAct::Unlock) && operator.role == Role::Maintainer;
    if last.mode == Mode::Lockout && ruling.mode != Mode::Lockout && !unlocked {
        return Some("a lockout ended without a maintainer");
    }
    (ruling.epoch < last.epoch).then_some("an older lease is in force again")
}

/// What is limp has no torque.
fn torques(ruling: &Ruling, command: &BodyCommand) -> Option<&'static str> {
    let limp = ruling.motion != Motion::Limp || is_limp(command);
    (!limp).then_some("limp by the ruling and not by the command")
}

fn is_limp(command: &BodyCommand) -> bool {
    command.joints.iter().all(|joint| *joint == JointCommand::LIMP)
}
