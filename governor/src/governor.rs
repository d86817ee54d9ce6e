//! The governor: one ruling and one vetted command per cycle.

mod causes;
mod motion;
mod tell;

use signals::{
    BodyCommand, BodyState, Cycle, Instant, JointCommand, JointId, Joints, Level, Mode, Motion,
    Operator, Plan, Ruling, SensorFrame,
};

use crate::admit::{Admission, Due};
use crate::joint::{self, Change, JointGuard};
use crate::lease::LeaseBook;
use crate::ledger::Ledger;
use crate::machine::{Machine, Times};
use crate::pace::Pace;
use crate::watch::{Cause, Input, Watch, count, ticks};
use crate::{Actor, Envelope, Kind, Profile, Record, Rule, Vetted};

/// Unusable commands in a row before the robot settles.
const BAD_COMMANDS_SETTLE: u32 = 3;
/// Unusable commands in a row during a controlled stop before torque is cut.
const BAD_COMMANDS_CUT: u32 = 10;

/// Decides in every cycle what the body may do, and is the only maker of a [`Vetted`] command.
#[derive(Debug)]
pub struct Governor {
    envelope_id: u64,
    envelope: Envelope,
    profile: Profile,
    guards: Joints<JointGuard>,
    watch: Watch,
    admission: Admission,
    pace: Pace,
    machine: Machine,
    times: Times,
    leases: LeaseBook,
    ledger: Ledger,
    ruling: Ruling,
    /// Time of the last ruling.
    last: Option<Instant>,
    /// The lowest way of stopping this stop has had to fall back to.
    stop_way: Motion,
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
        let delay_s = profile.brake_delay.as_secs_f32();
        let mut ledger = Ledger::new();
        let locked = profile.check().is_err();
        let machine = Machine::new(locked);
        if locked {
            let record = Record::of(Rule::ProfileInvalid, Kind::ModeChanged, Actor::Governor);
            ledger.event(Record { from_mode: Mode::Off, to_mode: machine.mode(), ..record });
        }
        Self {
            guards: envelope.joints().map(|l| JointGuard::new(&l, emergency, margin, delay_s)),
            watch: Watch::new(len, &profile),
            admission: Admission::default(),
            pace: Pace::new(),
            times: times(&profile),
            leases: LeaseBook::default(),
            ledger,
            ruling: Ruling { mode: machine.mode(), ..Ruling::default() },
            machine,
            last: None,
            stop_way: Motion::Settle,
            ruled: None,
            max_level: Level::Nominal,
            raised_by: Cause::new(Level::Nominal, Rule::SelfTest, Actor::Governor),
            bad_commands: 0,
            bad_commands_settling: 0,
            devices: Operator::default(),
            envelope_id: envelope.id(),
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
        let sight = self.watch.look(&Input { cycle, frame, state, envelope, profile, ruling });
        if let Some(plan) = plan {
            let book = (&mut self.leases, &mut self.ledger);
            self.admission.judge(plan, now, profile, book);
        }
        let due = self.admission.due(now, &self.profile);

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

    /// Turns what the motion controller wants into what the body may do. Never fails: the worst
    /// answer is damped joints.
    pub fn vet<'cycle>(
        &mut self,
        cycle: &'cycle Cycle,
        state: &BodyState,
        mut wanted: BodyCommand,
    ) -> Vetted<'cycle, BodyCommand> {
        self.ledger.begin(cycle);
        let now = cycle.now;
        let latest = now + self.profile.command_validity;
        let usable = self.usable(cycle, &wanted);
        let motion = self.ruling.motion;
        match motion {
            Motion::Stand | Motion::Walk(_) | Motion::Settle if usable => {
                self.guard(state, &mut wanted.joints);
                wanted.valid_until = wanted.valid_until.min(latest).max(now);
            }
            Motion::Limp => {
                wanted = BodyCommand { joints: self.limp(), valid_until: latest };
            }
            // A command that has ended already leaves the body to its firmware.
            Motion::Script => {
                wanted = BodyCommand { joints: self.damped(), valid_until: now };
            }
            _ => wanted = BodyCommand { joints: self.damped(), valid_until: latest },
        }
        Vetted::seal(wanted, cycle, self.envelope_id)
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

/// The vetting.
impl Governor {
    /// The second gate for non-finite numbers, and for commands nobody ruled on.
    fn usable(&mut self, cycle: &Cycle, wanted: &BodyCommand) -> bool {
        if self.ruled != Some(cycle.number) {
            let record = Record::of(Rule::CycleUnruled, Kind::Refused, Actor::Governor);
            self.ledger.lasting(record);
            return false;
        }
        let (len, joints) = (self.guards.len(), &wanted.joints);
        let broken = if joints.len() == len {
            let joint = joints.ids().find(|joint| !joints[*joint].is_finite());
            let measured = ticks(self.bad_commands.saturating_add(1));
            let (rule, limit) = (Rule::CommandFinite, ticks(BAD_COMMANDS_SETTLE));
            joint.map(|_| Record { joint, measured, limit, ..refused(rule) })
        } else {
            let (measured, limit) = (count(joints.len()), count(len));
            Some(Record { measured, limit, ..refused(Rule::CommandShape) })
        };
        let Some(record) = broken else {
            self.bad_commands = 0;
            self.bad_commands_settling = 0;
            return true;
        };
        self.ledger.lasting(record);
        self.bad_commands = self.bad_commands.saturating_add(1);
        if self.ruling.level == Level::Settle {
            self.bad_commands_settling = self.bad_commands_settling.saturating_add(1);
        }
        false
    }

    fn limp(&self) -> Joints<JointCommand> {
        Joints::filled(JointCommand::LIMP, self.guards.len())
    }

    fn damped(&self) -> Joints<JointCommand> {
        Joints::from_fn(self.guards.len(), |joint| {
            let dq = self.watch.sees(joint).map(|reading| reading.dq);
            self.guards[joint].damped(dq)
        })
    }

    /// Each joint's command inside its gains, its targets and its torque interval.
    ///
    /// The frame's reading and the estimate both witness where a joint is; the stricter one counts,
    /// so that neither a wild reading nor a wrong estimate opens the interval.
    fn guard(&mut self, state: &BodyState, joints: &mut Joints<JointCommand>) {
        let estimated = state.joints.len() == joints.len();
        for joint in self.guards.ids() {
            let wanted = joints[joint];
            let (guard, ledger) = (&self.guards[joint], &mut self.ledger);
            let seen = self.watch.sees(joint);
            let estimate = state.joints[joint];
            let agrees = seen.is_none_or(|seen| !estimated || estimate == seen);
            // The usual case first: nothing to change, no barrier near, and the drive can do it.
            let quiet = |at| guard.calm(at) && guard.drives(&wanted, at);
            if let Some(reading) = seen
                && guard.keeps(&wanted)
                && (quiet(reading) && (agrees || quiet(estimate)))
            {
                continue;
            }
            let limited = guard.limited(wanted, |change| ledger.lasting(changed(joint, &change)));
            joints[joint] = limited;
            // Without a fresh reading there is no barrier to keep; the drive's own loop acts, but
            // no stiffer than the last known place bears.
            let Some(reading) = seen else {
                let (softer, change) = guard.softened(limited, self.watch.last_seen(joint).q);
                joints[joint] = softer;
                change.into_iter().for_each(|change| ledger.lasting(changed(joint, &change)));
                continue;
            };
            let mut bounds = guard.bounds(reading);
            let witnessed = !agrees && estimate.q.is_finite() && estimate.dq.is_finite();
            let estimate = if witnessed { estimate } else { reading };
            if witnessed {
                bounds = joint::agreed(bounds, guard.bounds(estimate));
            }
            if let Err((bounded, change)) = joint::inside(limited, [reading, estimate], bounds) {
                joints[joint] = bounded;
                self.ledger.lasting(changed(joint, &change));
            }
        }
    }
}

const fn refused(rule: Rule) -> Record {
    Record::of(rule, Kind::Refused, Actor::Cerebellum)
}

const fn changed(joint: JointId, change: &Change) -> Record {
    let Change { rule, asked, allowed, measured, limit } = *change;
    let record = Record::of(rule, Kind::Limited, Actor::Cerebellum);
    Record { joint: Some(joint), asked, allowed, measured, limit, ..record }
}

/// The state machine's lengths of time for this deployment.
fn times(profile: &Profile) -> Times {
    let micros = |span: core::time::Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    Times { settle_timeout: micros(profile.settle_timeout), ..Times::default() }
}
