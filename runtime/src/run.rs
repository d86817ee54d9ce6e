//! Runs one robot through one mission and reports what happened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as WallInstant, SystemTime};

use body::Body as _;
use bus::network::samples::CycleSample;
use governor::{Kind, Record, Rule};
use model::Robot;
use sha2::{Digest, Sha256};
use signals::{
    BaseVelocity, Cycle, Instant, JointCommand, JointId, Level, Mode, Motion, Operator, Posture,
    Radians,
};
use sim::Yard;

use crate::brain_thread::Lie;
use crate::cycle::{Loop, Turn};
use crate::deployment::Files;
use crate::drives::{Drives, JointBoardReport};
use crate::error::RunError;
use crate::govern::Tap;
use crate::journal::{Event, EventKind, Journal, Label, Tick, TickJoint};
use crate::metrics::Metrics;
use crate::mission::{Mission, Progress as MissionProgress, View};
use crate::network::Access;
use crate::network::robot::RobotEnd;
use crate::network::snapshot::Snapshot;
use crate::observer::Observer;
use crate::progress::{Live, LiveWriter, Progress, Show};
use crate::realtime::{CONTROL_PRIORITY, Grant, Pace, prepare_control_thread};
use crate::report::{
    BrainReport, FolderError, ForcePlannerReport, GovernorReport, LoopReport, MissionEvent,
    MissionReport, Outcome, Report, RuleCount, default_folder, hexadecimal, prepare_folder,
};
use crate::robot_body::{BodyChoice, RobotBody};
use crate::robot_source::RobotSource;
use crate::wiring;
use crate::worker::Bell;

mod acts;
mod files;
mod task;

use task::Task;

/// After a fall, a cut or an interruption the run goes on this long, so that its end is on record.
const AFTERMATH: Duration = Duration::from_secs(2);
/// An interrupted robot that has not settled by then is reported as it is.
const SETTLE_PATIENCE: Duration = Duration::from_secs(10);

/// Set by Ctrl-C: the robot settles, the report is written, the program ends.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a run needs to know.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// Where the robot comes from.
    pub robot: RobotSource,
    /// What it runs on.
    pub body: BodyChoice,
    /// Mission file; the built-in mission without one.
    pub mission: Option<PathBuf>,
    /// No mission: it stays until Ctrl-C, for people and planners elsewhere.
    pub stay: bool,
    /// Virtual time.
    pub fast: bool,
    /// No live display.
    pub headless: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// Folder for report and journal; a new one below `runs` without it.
    pub out: Option<PathBuf>,
    /// Standard output belongs to a program: show no progress.
    pub json: bool,
    /// File for what each cycle is given, as `triune govern` reads it.
    pub proposals: Option<PathBuf>,
    /// File for what each cycle decides, as `triune govern` writes it.
    pub verdicts: Option<PathBuf>,
    /// What people decide about the robot.
    pub deployment: Files,
    /// How it is reached from elsewhere; not at all without.
    pub access: Option<Access>,
    /// The planner is another process, which comes in over the network.
    pub far_brain: bool,
}

/// Runs the mission that `options` name on the body they name.
///
/// # Errors
/// Everything that must be right before a robot may move, and a report that cannot be written.
pub fn demo(options: &RunOptions) -> Result<Report, RunError> {
    demo_on(options, |robot, mission, yard| RobotBody::new(options, robot, mission, yard))
}

/// The same on the body that `make` makes.
///
/// # Errors
/// As [`demo`].
pub fn demo_on(
    options: &RunOptions,
    make: impl FnOnce(&Robot, &Mission, &Yard) -> Result<RobotBody, RunError>,
) -> Result<Report, RunError> {
    let robot = options.robot.robot()?;
    let (mission, mission_sha256) = files::read_mission(options, &robot)?;
    let real_time = !options.fast;
    // An arm stands on a table of its own.
    let yard = if robot.model.floating { Yard::from_seed(options.seed) } else { Yard::empty() };
    let body = make(&robot, &mission, &yard)?;
    let (network, brain) = files::open_network(options, &robot)?;
    let (cerebellum, bell) = wiring::cerebellum(&robot, real_time)?;
    let mut governor = wiring::governor(&robot)?;
    let parts = (&brain, &mut governor);
    let (session, config_hashes) = files::deploy(options, &robot, mission_sha256, parts)?;
    let folder = folder(options)?;
    let journal = files::open_journal(&folder, &robot, options.seed, &config_hashes)?;
    let tap = files::open_tap(options, &robot)?;
    let show = Show::choose(options.headless, options.json);
    let (progress, live) = Progress::start(show).map_err(RunError::Thread)?;
    listen_for_interrupts();
    let period = Duration::from_secs_f64(1.0 / robot.file.control.rate_hz);
    // Every other thread has started: only this one gets the priority.
    let grant =
        if real_time { prepare_control_thread(CONTROL_PRIORITY, None) } else { Grant::default() };
    let pace = if real_time { Pace::real_time(period) } else { Pace::Virtual };
    let parts = Loop {
        body,
        plans: brain.thread,
        cerebellum,
        governor,
        allocations: crate::allocations::Allocations::default(),
    };
    let mut run = Run {
        parts,
        bell,
        tap,
        network,
        timing: CycleSample::default(),
        pace,
        period,
        plan_every: (brain.period.as_nanos() / period.as_nanos()).max(1) as u64,
        next_question: 0,
        journal,
        live,
        mission: MissionProgress::new(mission),
        observer: Observer::new(&robot),
        metrics: Metrics::default(),
        hash: Sha256::new(),
        operator: Operator::local(None),
        drives: Drives::default(),
        task: Task::default(),
        config_hashes,
        lie: None,
        refused: 0,
        ending: None,
        outcome: None,
        started: WallInstant::now(),
        yard,
        mobile: robot.model.floating,
    };
    run.tell_deployment(&session.news);
    let (ticks, last) = run.turn_until_over(&robot);
    progress.finish();
    let mut report = run.report(&robot, options, ticks, last);
    report.missing = grant.missing;
    (report.brain.backend, report.brain.model_sha256) = (brain.backend, brain.model_sha256);
    session.end(&run.parts.governor, last.since(Instant::ZERO))?;
    run.finish(report, &folder)
}

/// Where report and journal go.
fn folder(options: &RunOptions) -> Result<PathBuf, FolderError> {
    match &options.out {
        Some(folder) => prepare_folder(folder),
        None => default_folder(Path::new("."), SystemTime::now()),
    }
}

fn listen_for_interrupts() {
    // A second run in one process finds the handler set already, which is as good.
    let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Release));
}

/// One run under way.
struct Run {
    parts: Loop<RobotBody>,
    /// Wakes the force planner's thread, if it has one.
    bell: Option<Bell>,
    /// Writes the cycles down, if that was asked for.
    tap: Option<Tap>,
    /// The network's end, if the robot is reached from elsewhere.
    network: Option<RobotEnd>,
    /// What the network is told of the loop; how late it was is brought up to date now and then.
    timing: CycleSample,
    pace: Pace,
    period: Duration,
    /// Ticks between two questions to the brain, and the tick of the next.
    plan_every: u64,
    next_question: u64,
    journal: Journal,
    live: LiveWriter,
    mission: MissionProgress,
    observer: Observer,
    metrics: Metrics,
    hash: Sha256,
    operator: Operator,
    drives: Drives,
    task: Task,
    /// SHA-256 of each file the run is made from.
    config_hashes: BTreeMap<String, String>,
    lie: Option<Lie>,
    refused: u64,
    /// When the run ends, for another reason than its mission's end.
    ending: Option<Instant>,
    outcome: Option<Outcome>,
    started: WallInstant,
    yard: Yard,
    /// The robot goes about in the yard.
    mobile: bool,
}

impl Run {
    /// Turns the loop until the mission is over; the number of turns and the time of the last.
    fn turn_until_over(&mut self, robot: &Robot) -> (u64, Instant) {
        let (mut tick, mut turns) = (0, 0);
        loop {
            let due = self.pace.wait_for(tick);
            let nanos = u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX);
            let now = Instant::from_nanos(due.saturating_mul(nanos));
            let cycle = Cycle { number: due, now, period: self.period };
            self.parts.plans.take(due);
            let operator = self.attend(now);
            let turn = self.parts.turn(&cycle, &operator);
            self.bell.iter().for_each(Bell::deliver);
            self.operator.act = None;
            turns += 1;
            self.note(&cycle, (&turn, &operator), due - tick);
            if let Some(tap) = &mut self.tap {
                tap.turn(&cycle, self.parts.plans.latest(), &operator, &turn);
            }
            self.show_network(&cycle, &turn);
            let plan = self.parts.plans.latest();
            self.task.look(robot, &turn.state, plan, &mut self.parts.governor);
            self.ask_brain(robot, &cycle, &turn);
            self.go_on(robot, &cycle, &turn);
            if !self.pace.is_real_time() {
                self.journal.wait_for_space();
            }
            tick = due + 1;
            let over = self.mission.is_over() || self.ending.is_some_and(|end| now >= end);
            if over {
                return (turns, now);
            }
        }
    }

    /// The person who watches gives a sign of life, and the stick, if held, is read anew. With him
    /// count those who are elsewhere.
    fn attend(&mut self, now: Instant) -> Operator {
        self.operator.supervisor = Some(now);
        if let Some(stick) = &mut self.operator.stick {
            stick.at = now;
        }
        let here = self.operator;
        self.network.as_mut().map_or(here, |network| network.operator(now, &here))
    }

    /// Shows the cycle to whoever hears it. Never waits.
    fn show_network(&mut self, cycle: &Cycle, turn: &Turn) {
        let Some(network) = &mut self.network else { return };
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let plans = &self.parts.plans;
        let timing = &mut self.timing;
        if cycle.number.is_multiple_of(100) {
            let late = self.pace.lateness();
            let nanos = |part| (late.quantile_us(part) * 1e3) as u64;
            (timing.lateness_p50, timing.lateness_p99) = (nanos(0.5), nanos(0.99));
            timing.lateness_max = (late.max_us() * 1e3) as u64;
        }
        timing.cycle = cycle.number;
        timing.period = nanos(cycle.period);
        timing.lateness = nanos(self.pace.last_lateness());
        timing.overruns = self.pace.overruns();
        timing.allocations = self.parts.allocations.total();
        (timing.plans, timing.plans_late) = (plans.plans, plans.late);
        timing.plans_refused = self.refused;
        let age = plans.latest().map(|plan| nanos(cycle.now.since(plan.observed_at)));
        timing.plan_age = age.unwrap_or(u64::MAX);
        network.show(Snapshot { now: cycle.now, turn: *turn, cycle: *timing });
    }

    /// Everything that is kept of one turn.
    fn note(&mut self, cycle: &Cycle, (turn, operator): (&Turn, &Operator), skipped: u64) {
        while let Some(record) = self.parts.governor.next_record() {
            self.hear(&record);
        }
        self.observer.judge(&turn.state, &turn.vetted);
        let seen = (&turn.state, &turn.vetted);
        self.observer.judge_conduct(operator, &turn.ruling, seen);
        let (level, goal) = (turn.ruling.level, self.yard.goal());
        let truth = self.parts.body.truth();
        if let Some(truth) = truth.filter(|t| self.metrics.take(t, &turn.state, level, goal)) {
            let kind = if truth.fallen { EventKind::Fall } else { EventKind::Collision };
            let at = [truth.position[0].0, truth.position[1].0, 0.0, 0.0];
            self.tell(Event::new(cycle.now, cycle.number, kind, "").with(at));
        }
        if let Some(event) = self.drives.news(cycle, turn.frame.drives) {
            self.tell(event);
        }
        if skipped > 0 {
            let event = Event::new(cycle.now, cycle.number, EventKind::Overrun, "");
            self.journal.event(event.with([skipped as f32, 0.0, 0.0, 0.0]));
        }
        self.hash_turn(turn);
        let tick = self.tick(cycle, turn, skipped);
        self.journal.record_tick(&tick);
        if cycle.number.is_multiple_of(50) {
            self.show(&tick);
        }
    }

    fn hear(&mut self, record: &Record) {
        self.journal.record(record);
        self.tap.iter_mut().for_each(|tap| tap.hear(record));
        self.network.iter_mut().for_each(|network| network.tell(record));
        self.mission.hear(record);
        if let Some(fault) = self.drives.cleared_by(record) {
            self.parts.body.clear(fault);
        }
        if record.kind == Kind::Refused && record.rule.id().starts_with("PLAN-") {
            self.refused += 1;
        }
    }

    /// What people have decided, at the beginning of the journal.
    fn tell_deployment(&mut self, news: &[String]) {
        for news in news {
            self.tell(Event::new(Instant::ZERO, 0, EventKind::Deployment, news));
        }
    }

    fn tell(&mut self, event: Event) {
        self.journal.event(event);
        self.live.event(event);
    }

    fn hash_turn(&mut self, turn: &Turn) {
        let hash = &mut self.hash;
        self.parts.body.digest(&mut |bytes| hash.update(bytes));
        for c in turn.vetted.joints.iter() {
            for number in [c.q.0, c.dq.0, c.kp.0, c.kd.0, c.tau.0] {
                hash.update(number.to_le_bytes());
            }
        }
        hash.update([turn.ruling.level as u8, turn.ruling.mode as u8, turn.state.posture as u8]);
    }

    fn tick(&self, cycle: &Cycle, turn: &Turn, skipped: u64) -> Tick {
        let asked = self.parts.plans.latest().and_then(|plan| match plan.request {
            signals::PlanRequest::Velocity(chunk) => chunk.due(cycle.now.since(plan.observed_at)),
            signals::PlanRequest::Hold | signals::PlanRequest::Posture(_) => {
                Some(BaseVelocity::ZERO)
            }
        });
        let admitted = match turn.ruling.motion {
            Motion::Walk(velocity) => velocity,
            _ => BaseVelocity::ZERO,
        };
        let joint = |id: JointId| {
            let (wanted, vetted) = (turn.wanted.joints[id], turn.vetted.joints[id]);
            let (state, reading) = (turn.state.joints[id], turn.frame.joints[id]);
            // A target without stiffness asks for no position.
            let target = |command: JointCommand| {
                if command.kp.0 > 0.0 { command.q } else { Radians(f32::NAN) }
            };
            TickJoint {
                wanted_q: target(wanted),
                wanted_tau: wanted.torque(state),
                vetted_q: target(vetted),
                vetted_tau: vetted.torque(state),
                q: reading.q,
                dq: reading.dq,
                tau: reading.tau,
            }
        };
        Tick {
            cycle: cycle.number,
            at: cycle.now,
            lateness_ns: u32::try_from(self.pace.last_lateness().as_nanos()).unwrap_or(u32::MAX),
            level: turn.ruling.level,
            mode: turn.ruling.mode,
            posture: turn.state.posture,
            flags: u8::from(skipped > 0)
                | u8::from(asked.is_some()) << 1
                | u8::from(!turn.state.valid) << 2,
            position: turn.state.position,
            attitude: turn.state.attitude,
            velocity: turn.state.velocity,
            true_position: self.parts.body.truth().map(|truth| truth.position),
            asked,
            admitted,
            measured: BaseVelocity {
                forward: turn.state.velocity[0],
                left: turn.state.velocity[1],
                yaw: turn.state.angular_velocity[2],
            },
            plan: self.parts.plans.latest().map_or(0, |plan| plan.sequence as u32),
            plan_latency: self.parts.plans.latency() as u32,
            joints: signals::Joints::from_fn(turn.frame.joints.len(), joint),
        }
    }

    fn show(&mut self, tick: &Tick) {
        let wall = self.started.elapsed().as_secs_f64().max(1e-6);
        self.live.show(Live {
            at: tick.at,
            of: Instant::from_nanos(60_000_000_000),
            phase: Label::new(self.mission.saying()),
            level: tick.level,
            posture: tick.posture,
            speed: tick.measured.speed().0,
            admitted: tick.admitted.speed().0,
            real_time_factor: (tick.at.as_seconds() / wall) as f32,
            lateness_us: tick.lateness_ns as f32 * 1e-3,
            overruns: self.pace.overruns(),
        });
    }

    /// Sends the brain what it needs, at its own rate.
    fn ask_brain(&mut self, robot: &Robot, cycle: &Cycle, turn: &Turn) {
        // A skipped tick only delays the question that was due on it.
        if cycle.number < self.next_question || turn.ruling.mode != Mode::Auto {
            return;
        }
        self.next_question = (cycle.number / self.plan_every + 1) * self.plan_every;
        let seen = self.task.observation(robot, &turn.frame, &turn.state, &turn.ruling);
        if let Some(observation) = seen {
            self.parts.plans.ask(cycle.number, cycle.now, observation, self.lie.take());
        }
    }

    /// What happens next: the mission, a person's interruption, or the end.
    fn go_on(&mut self, robot: &Robot, cycle: &Cycle, turn: &Turn) {
        let level = turn.ruling.level;
        if INTERRUPTED.load(Ordering::Acquire) && self.outcome.is_none() {
            self.outcome = Some(Outcome::Interrupted);
            self.operator.stop = true;
            self.ending = Some(cycle.now + SETTLE_PATIENCE);
            self.tell(Event::new(cycle.now, cycle.number, EventKind::Interrupted, ""));
        }
        if self.outcome == Some(Outcome::Interrupted) {
            if level >= Level::Stopped {
                self.ending = Some(cycle.now);
            }
            return;
        }
        if level >= Level::Cut && self.outcome.is_none() {
            self.outcome = Some(Outcome::SafetyStop);
            self.ending = Some(cycle.now + AFTERMATH);
        }
        let view = View {
            now_s: cycle.now.as_seconds(),
            level,
            mode: turn.ruling.mode,
            posture: turn.state.posture,
            at_goal: self.task.arrived && turn.state.posture == Posture::Standing,
            is_at: &|name| task::is_at(robot, name, &turn.state),
        };
        if let Some(step) = self.mission.advance(&view) {
            self.act(robot, cycle, &step);
        }
    }

    fn report(&self, robot: &Robot, options: &RunOptions, ticks: u64, last: Instant) -> Report {
        let sim = self.parts.body.simulator();
        let mut report = Report::new(&robot.file.name, sim, options.seed, &self.pace);
        let wall = self.started.elapsed().as_secs_f64();
        report.duration_s = last.as_seconds() + self.period.as_secs_f64();
        report.ticks = ticks;
        report.falls = self.metrics.falls;
        report.distance_m = self.metrics.distance;
        let arm = !robot.model.floating;
        report.goal_reached = if arm { self.task.done } else { self.metrics.goal_reached };
        report.collisions = self.metrics.collisions;
        report.real_time_factor = report.duration_s / wall.max(1e-6);
        report.timing = LoopReport::of(&self.pace, robot.file.control.rate_hz);
        report.estimator = self.metrics.estimator();
        let (plans, late) = (self.parts.plans.plans, self.parts.plans.late);
        report.brain = BrainReport { plans, late, refused: self.refused, ..BrainReport::default() };
        let governor = &self.parts.governor;
        let counts = Rule::ALL.iter().map(|rule| (*rule, u64::from(governor.count(*rule))));
        report.governor = GovernorReport {
            max_level: governor.max_level(),
            interventions: RuleCount::list(counts),
            ..GovernorReport::default()
        };
        let forces = self.parts.cerebellum.force_counters();
        report.force_planner = ForcePlannerReport {
            solutions: forces.used,
            late: forces.late,
            failed: forces.failed,
            torques_failed: forces.torques_failed,
        };
        let link = self.parts.body.link();
        report.joint_board = link.map(JointBoardReport::of).unwrap_or_default();
        report.network = self.network.as_ref().map(RobotEnd::report);
        report.governor.records_lost = governor.records_lost();
        report.cycle_allocations = self.parts.allocations.total();
        report.state_hash = hexadecimal(&self.hash.clone().finalize());
        report.config_hashes.clone_from(&self.config_hashes);
        report.limit_violations = self.observer.violations;
        if let Some(first) = &self.observer.first {
            tracing::warn!("the observer objects: first {first}");
        }
        let steps = &self.mission.results;
        let all_ok = self.mission.is_over() && steps.iter().all(|step| step.ok);
        let unharmed = report.falls == 0 && self.observer.violations == 0;
        let judged = if all_ok && unharmed { Outcome::Complete } else { Outcome::Failed };
        let event = |step: &crate::mission::StepResult| MissionEvent {
            at_s: step.began_s,
            what: step.say.clone(),
            rule: step.rule.clone(),
            ok: step.ok,
        };
        report.mission = MissionReport {
            outcome: match self.outcome {
                // One that was to stay until somebody ends it has done what it was to do.
                Some(Outcome::Interrupted) if options.stay && unharmed => Outcome::Complete,
                other => other.unwrap_or(judged),
            },
            events: steps.iter().map(event).collect(),
        };
        report
    }

    /// Ends the journal and writes the report.
    fn finish(self, mut report: Report, folder: &Path) -> Result<Report, RunError> {
        let (cycle, at) = (report.ticks, Instant::from_nanos((report.duration_s * 1e9) as u64));
        let mut journal = self.journal;
        journal.event(Event::new(at, cycle, EventKind::Finished, ""));
        report.journal = journal.close();
        let html = crate::html::of_run(&report, self.mobile.then_some(&self.yard));
        report
            .write(folder, &html)
            .map_err(|error| RunError::Write { path: folder.to_path_buf(), error })?;
        let tapped = self.tap.map_or(Ok(()), Tap::close);
        tapped.map_err(|(path, error)| RunError::Write { path, error })?;
        Ok(report)
    }
}
