//! The governor: one ruling and one vetted command per cycle.

mod causes;
mod deploy;
mod guard;
mod motion;
mod tell;

use signals::{
    BodyState, Cycle, Instant, Joints, Level, Mode, ModelHash, Motion, Operator, Plan, Radians,
    Ruling, SensorFrame,
};

use crate::admit::{Admission, Due};
use crate::capsule::Limbs;
use crate::deployment::Deployed;
use crate::drives::Given;
use crate::integrity::Integrity;
use crate::joint::{Calm, Heat, JointGuard, Look, Traces};
use crate::lease::LeaseBook;
use crate::ledger::Ledger;
use crate::machine::{Machine, Times};
use crate::pace::Pace;
use crate::row::every;
use crate::tank::Tank;
use crate::targets::Targets;
use crate::watch::{Cause, Input, Watch};
use crate::{Actor, Envelope, Hashes, Kind, Profile, Record, Rule};

/// Unusable commands in a row before the robot settles.
const BAD_COMMANDS_SETTLE: u32 = 3;
/// Unusable commands in a row during a controlled stop before torque is cut.
const BAD_COMMANDS_CUT: u32 = 10;

/// Decides in every cycle what the body may do, and is the only maker of a
/// [`Vetted`](crate::Vetted) command.
#[derive(Debug)]
pub struct Governor {
    envelope_id: u64,
    envelope: Envelope,
    profile: Profile,
    guards: Joints<JointGuard>,
    calm: Calm,
    /// What it found in this cycle.
    look: Look,
    /// All joints, one bit each.
    every: u32,
    integrity: Integrity,
    deployed: Deployed,
    traces: Traces,
    heat: Heat,
    tank: Option<Tank>,
    targets: Targets,
    watch: Watch,
    admission: Admission,
    pace: Pace,
    limbs: Limbs,
    machine: Machine,
    times: Times,
    leases: LeaseBook,
    ledger: Ledger,
    ruling: Ruling,
    /// Time of the last ruling.
    last: Option<Instant>,
    /// Where each joint of a body that stands by itself has come to rest in this stop.
    rest: Joints<Option<Radians>>,
    /// The lowest way of stopping this stop has had to fall back to.
    stop_way: Motion,
    /// What the joints were told last.
    given: Given,
    /// Number of the cycle the ruling belongs to.
    ruled: Option<u64>,
    max_level: Level,
    /// What raised the level last.
    raised_by: Cause,
    /// Unusable commands in a row, and how many of them during a controlled stop.
    bad_commands: u32,
    bad_commands_settling: u32,
    /// The devices in the last cycle, to see them being pressed.
    devices: Operator,
}

impl Governor {
    /// A governor for this body and this deployment. With a profile that breaks its own rules it is
    /// locked out and never lets the body move.
    #[must_use]
    pub fn new(envelope: Envelope, profile: Profile) -> Self {
        let len = envelope.joints().len();
        let (emergency, margin) = (envelope.emergency_damping(), profile.position_margin);
        let spans = (profile.brake_delay.as_secs_f32(), profile.reading_age_limited.as_secs_f32());
        let envelope_id = envelope.id();
        let mut ledger = Ledger::new(Hashes {
            envelope: envelope_id,
            profile: profile.id(),
            model: ModelHash::default(),
        });
        let locked = profile.check().is_err();
        let machine = Machine::new(locked);
        if locked {
            let record = Record::of(Rule::ProfileInvalid, Kind::ModeChanged, Actor::Governor);
            ledger.event(Record { from_mode: Mode::Off, to_mode: machine.mode(), ..record });
        }
        let guards = envelope.joints().map(|l| JointGuard::new(&l, emergency, margin, spans));
        Self {
            calm: Calm::new(&guards),
            look: Look::NONE,
            every: every(guards.len()),
            guards,
            traces: Traces::new(len),
            heat: Heat::new(envelope.joints()),
            tank: profile.power.map(Tank::new),
            targets: Targets::new(len),
            integrity: Integrity::of(&envelope, &profile),
            deployed: Deployed::default(),
            watch: Watch::new(len, &profile),
            admission: Admission::default(),
            pace: Pace::new(&profile),
            limbs: Limbs::new(&envelope, &profile),
            times: times(&profile),
            leases: LeaseBook::default(),
            ledger,
            ruling: Ruling { mode: machine.mode(), ..Ruling::default() },
            machine,
            last: None,
            rest: Joints::filled(None, len),
            stop_way: Motion::Settle,
            given: Given::new(len),
            ruled: None,
            max_level: Level::Nominal,
            raised_by: Cause::new(Level::Nominal, Rule::SelfTest, Actor::Governor),
            bad_commands: 0,
            bad_commands_settling: 0,
            devices: Operator::default(),
            envelope_id,
            envelope,
            profile,
        }
    }

    /// Looks at everything, then decides once what the body may do in this cycle.
    pub fn rule(
        &mut self,
        cycle: &Cycle,
        frame: &SensorFrame,
        state: &BodyState,
        plan: Option<&Plan>,
        operator: &Operator,
    ) -> Ruling {
        self.ledger.begin(cycle);
        let now = cycle.now;
        let (envelope, profile, ruling) = (&self.envelope, &self.profile, &self.ruling);
        let (raised_by, given) = (self.raised_by.rule, &self.given);
        let input = Input { cycle, frame, state, envelope, profile, ruling, raised_by, given };
        let mut sight = self.watch.look(&input);
        self.integrity.look(&input, &mut sight);
        self.deployed.look(&input, &mut sight, &mut self.ledger);
        if let Some(plan) = plan {
            let book = (&mut self.leases, &mut self.ledger);
            self.admission.judge(plan, now, (profile, envelope), book);
        }
        let due = self.admission.due(now, profile);
        self.admission.look(due, &input, &mut sight);

        let worst = self.worst(now, &sight, operator, due);
        let facts = self.facts(now, worst, &sight, operator, due);
        let before = self.machine;
        let step = self.machine.step(&self.times, &facts);
        self.tell((&before, &step), worst, &sight, operator, due);
        self.hand_over(now, step.handed_over);
        let due = if step.handed_over { Due::Nothing } else { due };

        self.ruling = self.decide(cycle, (frame, state), (operator, &facts), &sight, due);
        self.max_level = self.max_level.max(self.ruling.level);
        self.ruled = Some(cycle.number);
        self.last = Some(now);
        self.ruling
    }

    /// The next record, oldest first. Drained by the runtime in every cycle.
    pub fn next_record(&mut self) -> Option<Record> {
        self.ledger.next()
    }

    /// Records that found no room because nobody drained them.
    #[must_use]
    pub const fn records_lost(&self) -> u32 {
        self.ledger.lost()
    }

    /// In how many cycles the rule acted; for the rules of plans, on how many plans.
    #[must_use]
    pub fn count(&self, rule: Rule) -> u32 {
        self.ledger.count_of(rule)
    }

    /// The level of the last ruling.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.ruling.level
    }

    /// The highest level so far.
    #[must_use]
    pub const fn max_level(&self) -> Level {
        self.max_level
    }

    /// The last ruling.
    #[must_use]
    pub const fn ruling(&self) -> Ruling {
        self.ruling
    }

    /// The leases in force, for sessions that want one.
    pub const fn leases(&mut self) -> &mut LeaseBook {
        &mut self.leases
    }

    /// The envelope in force.
    #[must_use]
    pub const fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The profile in force.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }
}

/// The state machine's lengths of time for this deployment.
fn times(profile: &Profile) -> Times {
    let micros = |span: core::time::Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Times { settle_timeout: micros(profile.settle_timeout), ..Times::default() }
}
