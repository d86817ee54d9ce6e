//! One robot in the simulator with a scripted brain, turned tick by tick, with a place for a fault
//! at every boundary of the governor.

use std::sync::Arc;
use std::time::Duration;

use body::{Applied, Body};
use brain::{InferenceError, Observation, Planner};
use cerebellum::{Cerebellum, ForcePlanner, InlineForcePlanner};
use governor::{Envelope, Governor, Kind, Profile, Record, Rule};
use model::Robot;
use runtime::allocations::Allocations;
use runtime::brain_thread::BrainThread;
use runtime::observer::Observer;
use runtime::wiring;
use signals::{
    BaseVelocity, BodyCommand, BodyState, Cycle, Instant, JointCommand, JointState, Level,
    MetresPerSecond, Mode, ModelHash, Operator, OperatorAct, Plan, PlanRequest, RadiansPerSecond,
    Role, Ruling, SensorFrame, Stick, VELOCITY_STEPS_MAX, VelocityChunk,
};
use sim::{Disturbance, SimBody, SimTruth, Yard};

use crate::fault::{Change, Taps};

/// Ticks between two observations for the brain, as in the product.
const PLAN_EVERY: u64 = 100;
/// Ticks between two readings of the stick.
pub(crate) const STICK_EVERY: u64 = 20;
/// Ticks between two signs of life of the supervisor.
const HEARTBEAT_EVERY: u64 = 100;
/// When a person selects the mode, and when he starts the robot.
const SELECT_AT: u64 = 90;
const START_AT: u64 = 100;

/// What the robot does before the fault strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Wish(pub(crate) Option<BaseVelocity>);

impl Wish {
    /// Standing.
    pub(crate) const STAND: Self = Self(None);

    /// Walking: m/s, m/s, rad/s.
    pub(crate) const fn walk(forward: f32, left: f32, yaw: f32) -> Self {
        Self(Some(BaseVelocity {
            forward: MetresPerSecond(forward),
            left: MetresPerSecond(left),
            yaw: RadiansPerSecond(yaw),
        }))
    }

    /// Below this planar speed, m/s, it is not walking as asked.
    pub(crate) fn slowest(self) -> f32 {
        self.0.map_or(0.0, |wish| 0.9 * wish.speed().0)
    }

    /// What a policy that wants this asks for at `at`: never twice exactly the same.
    fn at(self, at: Instant) -> Option<BaseVelocity> {
        let sway = 1.0 + 0.03 * (at.as_seconds() * 4.0).sin() as f32;
        self.0.map(|wish| BaseVelocity {
            forward: wish.forward * sway,
            left: wish.left * sway,
            yaw: wish.yaw * sway,
        })
    }

    /// A plan of eight steps of 100 ms made from what was seen at `at`.
    pub(crate) fn plan(self, at: Instant, epoch: u32) -> Plan {
        let step = Duration::from_millis(100);
        let mut chunk = VelocityChunk::constant(BaseVelocity::ZERO, step, 8);
        let mut due = at;
        for velocity in &mut chunk.velocities {
            *velocity = self.at(due).unwrap_or_default();
            due = due + step;
        }
        let request = match self.0 {
            Some(_) => PlanRequest::Velocity(chunk),
            None => PlanRequest::Hold,
        };
        Plan {
            sequence: 0,
            epoch,
            observed_at: at,
            valid_until: at + Duration::from_millis(800),
            model: ModelHash::default(),
            request,
        }
    }
}

/// The steps of a plan, to be spoiled.
pub(crate) fn velocities(plan: &mut Plan) -> &mut [BaseVelocity; VELOCITY_STEPS_MAX] {
    if plan.request == PlanRequest::Hold {
        let step = Duration::from_millis(100);
        plan.request = PlanRequest::Velocity(VelocityChunk::constant(BaseVelocity::ZERO, step, 8));
    }
    match &mut plan.request {
        PlanRequest::Velocity(chunk) => &mut chunk.velocities,
        _ => unreachable!("it was made a chunk above"),
    }
}

struct Script(Wish);

impl Planner for Script {
    fn plan(&mut self, seen: &Observation, _: Instant) -> Result<Plan, InferenceError> {
        Ok(self.0.plan(seen.at, seen.epoch))
    }
}

/// Everything a scenario can choose about the robot before it begins.
pub(crate) struct Setup {
    /// What it does.
    pub(crate) wish: Wish,
    /// Who drives it: the brain (AUTO) or a person with a stick (MANUAL).
    pub(crate) mode: Mode,
    /// What is different from the profile of the robot file.
    pub(crate) profile: Box<dyn Fn(&mut Profile)>,
    /// What the body has from the first tick on.
    pub(crate) disturbances: Vec<Disturbance>,
    /// What solves its force problems.
    pub(crate) forces: Box<dyn Fn(InlineForcePlanner) -> Box<dyn ForcePlanner>>,
}

impl Setup {
    /// The robot of the file, driven by a brain that wants `wish`.
    pub(crate) fn new(wish: Wish) -> Self {
        Self {
            wish,
            mode: Mode::Auto,
            profile: Box::new(|_| ()),
            disturbances: Vec::new(),
            forces: Box::new(|planner| Box::new(planner)),
        }
    }
}

/// All of one tick, for the judge.
pub(crate) struct Seen<'a> {
    /// The tick's number; its time is as many ms.
    pub(crate) number: u64,
    /// As the governor was given it.
    pub(crate) state: &'a BodyState,
    /// What the robot is to do.
    pub(crate) wish: Wish,
    /// The newest plan, as the governor was given it.
    pub(crate) plan: Option<&'a Plan>,
    /// The same, when it is another than in the tick before.
    pub(crate) fresh: Option<&'a Plan>,
    /// The tick in which that one came.
    pub(crate) plan_came: u64,
    /// What the governor decided.
    pub(crate) ruling: &'a Ruling,
    /// What it let through.
    pub(crate) vetted: &'a BodyCommand,
    /// What the simulator knows.
    pub(crate) truth: &'a SimTruth,
    /// The records of this tick.
    pub(crate) records: &'a [Record],
    /// The rule that raised the level last.
    pub(crate) raised: Option<Rule>,
    /// In how many ticks each rule had acted before this one, and has now.
    counts: [&'a [u32; Rule::COUNT]; 2],
}

/// What a fault can reach from outside, before a tick.
pub(crate) struct World<'a> {
    /// The tick about to come.
    pub(crate) number: u64,
    /// Disturbances go here.
    pub(crate) body: &'a mut SimBody,
    /// Can be killed.
    pub(crate) brain: &'a mut BrainThread,
    /// Gives and takes leases.
    pub(crate) governor: &'a mut Governor,
    /// The devices in this tick, already filled in for a sound one.
    pub(crate) operator: &'a mut Operator,
    /// Ticks that are missed before this one.
    pub(crate) missed: &'a mut u64,
}

/// One robot and everything around it.
pub(crate) struct Scene {
    body: SimBody,
    brain: BrainThread,
    cerebellum: Cerebellum,
    governor: Governor,
    observers: Observers,
    allocations: Allocations,
    setup: Setup,
    /// The tick about to come.
    number: u64,
    operator: Operator,
    /// Name of the plan the governor saw last.
    seen_plan: Option<(u32, u64, Instant)>,
    /// The tick in which it came.
    plan_came: u64,
    raised: Option<Rule>,
}

impl Scene {
    /// On the ground of an empty yard, everything random drawn from `seed`.
    pub(crate) fn new(robot: &Robot, setup: Setup, seed: u64) -> Result<Self, String> {
        let wish = setup.wish;
        let script = move || Box::new(Script(wish)) as Box<dyn Planner + Send>;
        let make = Arc::new(move || Ok(script()));
        let ticks = |ms: f64| (ms * 1e-3 * robot.file.control.rate_hz).round() as u64;
        let latency =
            (ticks(robot.file.brain.latency_min_ms), ticks(robot.file.brain.latency_max_ms));
        let mut profile = wiring::profile(robot);
        (setup.profile)(&mut profile);
        profile.check().map_err(|error| error.to_string())?;
        let envelope = Envelope::new(&robot.limits).map_err(|error| error.to_string())?;
        let planner = InlineForcePlanner::new(Cerebellum::force_settings(robot));
        let mut body =
            SimBody::new(robot, &Yard::empty(), seed).map_err(|error| error.to_string())?;
        setup.disturbances.iter().for_each(|disturbance| body.disturb(*disturbance));
        Ok(Self {
            body,
            brain: BrainThread::start(script(), make, Some((latency, seed)))?,
            cerebellum: Cerebellum::new(robot, (setup.forces)(planner)),
            governor: Governor::new(envelope, profile),
            observers: Observers::new(robot),
            allocations: Allocations::default(),
            setup,
            number: 0,
            operator: Operator::local(None),
            seen_plan: None,
            plan_came: 0,
            raised: None,
        })
    }

    /// Number of the tick about to come.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// One turn of the loop, in the order of `runtime::cycle`, with `taps` between its steps once
    /// the fault has struck, in tick `strike`.
    pub(crate) fn turn<T>(
        &mut self,
        taps: Option<(&mut Taps, u64)>,
        judge: impl FnOnce(&Seen<'_>) -> T,
    ) -> T {
        self.operate();
        let mut none = Taps::default();
        let (taps, strike) = taps.unwrap_or((&mut none, self.number));
        let mut missed = 0;
        if let Some(world) = &mut taps.world {
            let Self { number, body, brain, governor, operator, .. } = self;
            let (since, missed) = (*number - strike, &mut missed);
            world(since, &mut World { number: *number, body, brain, governor, operator, missed });
        }
        self.number += missed;
        let (number, since) = (self.number, self.number - strike);
        let now = Instant::from_nanos(number * 1_000_000);
        let cycle = Cycle { number, now, period: Duration::from_millis(1) };
        self.brain.take(number);

        let before = Rule::ALL.map(|rule| self.governor.count(rule));
        let frame = self.body.sense(&cycle);
        let Self { cerebellum, governor, allocations, .. } = self;
        let honest = allocations.count(|| cerebellum.estimate(&cycle, &frame));
        let mut state = honest;
        apply(&mut taps.state, since, &mut state);
        let mut plan = self.brain.latest().copied();
        apply(&mut taps.plan, since, &mut plan);
        let ruling = allocations
            .count(|| governor.rule(&cycle, &frame, &state, plan.as_ref(), &self.operator));
        let mut wanted = allocations.count(|| cerebellum.control(&cycle, &honest, &ruling));
        apply(&mut taps.wanted, since, &mut wanted);
        let passed = allocations.count(|| governor.vet(&cycle, &state, wanted));
        let vetted = *passed;
        let applied = self.body.apply(passed);
        debug_assert!(applied != Applied::ForeignLimits, "one envelope");

        let after = Rule::ALL.map(|rule| self.governor.count(rule));
        let doubted = after[Rule::JointJump as usize] > before[Rule::JointJump as usize];
        let seen = (&honest, doubted.then_some(&frame));
        self.observers.judge(seen, &self.body.truth(), &vetted);
        self.ask(now, &frame, &honest, &ruling);
        let records: Vec<_> = std::iter::from_fn(|| self.governor.next_record()).collect();
        let rises = records.iter().rev().find(|r| r.kind == Kind::LevelChanged && r.to > r.from);
        self.raised = rises.map(|record| record.rule).or(self.raised);
        let name = plan.map(|plan| (plan.epoch, plan.sequence, plan.observed_at));
        let fresh = plan.filter(|_| name != self.seen_plan);
        self.seen_plan = name;
        self.plan_came = if fresh.is_some() { number } else { self.plan_came };
        self.number += 1;
        judge(&Seen {
            number,
            state: &state,
            wish: self.setup.wish,
            plan: plan.as_ref(),
            fresh: fresh.as_ref(),
            plan_came: self.plan_came,
            ruling: &ruling,
            vetted: &vetted,
            truth: &self.body.truth(),
            records: &records,
            raised: self.raised,
            counts: [&before, &after],
        })
    }

    /// What the observer and the counters have found: empty for a sound run.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(first) = &self.observers.first {
            let times = self.observers.violations;
            found.push(format!("{times} commands outside the limits, {first}"));
        }
        if self.allocations.total() > 0 {
            found.push(format!("{} allocations in the cycle", self.allocations.total()));
        }
        if self.governor.records_lost() > 0 {
            found.push(format!("{} records lost", self.governor.records_lost()));
        }
        found
    }

    /// The devices of a sound operator for the coming tick.
    fn operate(&mut self) {
        let number = self.number;
        let now = Instant::from_nanos(number * 1_000_000);
        self.operator.act = match number {
            SELECT_AT if self.setup.mode != Mode::Auto => {
                Some(OperatorAct::Select(self.setup.mode))
            }
            START_AT => Some(OperatorAct::Start),
            _ => None,
        };
        self.operator.role = Role::Local;
        if number.is_multiple_of(HEARTBEAT_EVERY) {
            self.operator.supervisor = Some(now);
        }
        if self.setup.mode != Mode::Auto && number.is_multiple_of(STICK_EVERY) {
            let velocity = self.setup.wish.0.unwrap_or_default();
            self.operator.stick = Some(Stick { velocity, held: true, at: now });
        }
    }

    /// Hands the brain its next observation.
    fn ask(&mut self, now: Instant, frame: &SensorFrame, state: &BodyState, ruling: &Ruling) {
        if self.number.is_multiple_of(PLAN_EVERY)
            && let Some(scan) = &frame.lidar
        {
            let seen = Observation::new(scan, state, None, ruling.epoch);
            self.brain.ask(self.number, now, seen, None);
        }
    }
}

/// Judges by the estimate and by the truth. After a reading that has jumped they differ, and a
/// command that is right by either is right.
///
/// In the tick or two in which the governor does not believe such a reading, the joint's own drive
/// holds it, by its own encoder and with no more torque than it has. Then gains, target and
/// feed-forward torque are judged, not their sum at a place and speed nobody was told.
#[derive(Clone, Debug)]
struct Observers {
    estimate: Observer,
    truth: Observer,
    violations: u64,
    first: Option<String>,
}

impl Observers {
    fn new(robot: &Robot) -> Self {
        let observer = Observer::new(robot);
        Self { estimate: observer.clone(), truth: observer, violations: 0, first: None }
    }

    fn judge(
        &mut self,
        (estimate, doubted): (&BodyState, Option<&SensorFrame>),
        truth: &SimTruth,
        command: &BodyCommand,
    ) {
        const WRONG: f32 = 0.03;
        let mut joints = truth.joints;
        for joint in joints.ids() {
            let read = doubted.map_or(joints[joint].q, |frame| frame.joints[joint].q);
            if (read - joints[joint].q).0.abs() > WRONG {
                let JointCommand { q, dq, .. } = command.joints[joint];
                joints[joint] = JointState { q, dq };
            }
        }
        let before = [self.estimate.violations, self.truth.violations];
        self.estimate.first = None;
        self.estimate.judge(estimate, command);
        self.truth.judge(&BodyState { joints, ..*estimate }, command);
        if self.estimate.violations > before[0] && self.truth.violations > before[1] {
            self.violations += 1;
            if self.first.is_none() {
                self.first.clone_from(&self.estimate.first);
            }
        }
    }
}

fn apply<T>(tap: &mut Option<Change<T>>, since: u64, value: &mut T) {
    if let Some(tap) = tap {
        tap(since, value);
    }
}

impl Seen<'_> {
    /// The level is at least `least`, and one of `rules` raised it.
    pub(crate) fn raised_to(&self, least: Level, rules: &[Rule]) -> bool {
        self.ruling.level >= least && self.raised.is_some_and(|rule| rules.contains(&rule))
    }

    /// No joint is held anywhere: it is damped, and kept from its limits, at most.
    pub(crate) fn yields(&self) -> bool {
        self.vetted.joints.iter().all(|command| command.kp.0 == 0.0)
    }

    /// One of these rules acts in this tick.
    pub(crate) fn acts(&self, rules: &[Rule]) -> bool {
        let [before, after] = self.counts;
        rules.iter().any(|rule| after[*rule as usize] > before[*rule as usize])
    }

    /// A record of this kind names one of `rules` in this tick.
    pub(crate) fn told(&self, kind: Kind, rules: &[Rule]) -> bool {
        self.records.iter().any(|record| record.kind == kind && rules.contains(&record.rule))
    }
}
