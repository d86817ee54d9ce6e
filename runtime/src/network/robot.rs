//! The network's end of a running robot: what the loop shows, and what people and planners
//! elsewhere ask for.
//!
//! The control thread touches only [`RobotEnd`]: two writes and a few reads without waiting. All
//! else happens on the pump's thread and in callbacks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use bus::network::NetworkError;
use bus::network::counts::InCounts;
use bus::network::gateway::{Count, Gateway, Hearing, Inlet, read};
use bus::network::probe::probe;
use bus::network::samples::{
    CycleSample, OPERATOR_ACT, OPERATOR_STICK, OPERATOR_STOP, StopSample, WireAct, schemas,
};
use bus::{Reader, Receiver, Writer};
use governor::Record;
use model::Robot;
use serde_json::json;
use signals::{Instant, Operator, OperatorAct, Role, Stick};

use super::clock::SharedClock;
use super::code::machine_random;
use super::desk::Desk;
use super::far_brain::far_brain;
use super::lease::{DeskSettings, LeaseDesk, LeaseRole};
use super::snapshot::{Publisher, Snapshot};
use super::watch::text;
use super::{Access, NetworkFault};
use crate::brain_thread::BrainThread;
use crate::report::NetworkReport;
use crate::worker::Worker;

/// Interventions that may wait for the pump.
const RECORDS: usize = 1024;
/// An act that took longer to come is not taken.
const ACT_AGE: Duration = Duration::from_secs(1);
/// Acts that may wait for the loop.
const ACTS: usize = 16;

/// The pump looks so often: twice for each sample of the quickest topic.
const LOOK_EVERY: Duration = Duration::from_micros(2500);

/// A stop that came over the network stays until it is released.
const STOP: u8 = 1;
/// So does a cut.
const CUT: u8 = 2;

/// What the control thread holds of the network.
pub struct RobotEnd {
    snapshots: Writer<Snapshot>,
    records: bus::Sender<Record>,
    acts: Receiver<(OperatorAct, Role)>,
    sticks: Reader<Stick>,
    stops: Arc<AtomicU8>,
    clock: SharedClock,
    counts: Counts,
    desk: Desk,
    gateway: Gateway,
    /// These end when the run does.
    _pump: Worker,
    _inlets: Vec<Inlet>,
    _hearing: Hearing,
}

/// What the network counts on other threads.
#[derive(Clone)]
struct Counts {
    inlets: Vec<Arc<InCounts>>,
    nonsense: Arc<Count>,
    long_questions: Arc<Count>,
    published: Arc<Count>,
}

impl RobotEnd {
    /// Opens the robot to `access`. With `far` the planner is another process.
    ///
    /// # Errors
    /// An endpoint that is refused or taken, access rules that do not hold, no thread.
    pub fn open(
        robot: &Robot,
        access: &Access,
        far: bool,
    ) -> Result<(Self, Option<BrainThread>), NetworkFault> {
        let mut access = access.clone();
        if access.name.is_empty() {
            access.name.clone_from(&robot.file.name);
        }
        let settings = access.settings();
        let gateway = Gateway::open(&settings)?;
        let clock = SharedClock::default();
        let desk = LeaseDesk::new(DeskSettings {
            robot: access.name.clone(),
            session: gateway.id(),
            signed: settings.is_open(),
            trust: access.trust.clone(),
            random: machine_random()?,
        });
        let desk = Desk::open(desk, clock.clone(), &gateway)?;
        let nonsense = Arc::default();
        let mut inlets = Vec::new();
        let mut brain = None;
        if far {
            let (thread, inlet) = far_brain(&gateway, &desk, &nonsense)?;
            (brain, inlets) = (Some(thread), vec![inlet]);
        }
        let stops: Arc<AtomicU8> = Arc::default();
        let (write_stick, sticks) = bus::latest();
        let (send_act, acts) = bus::queue(ACTS);
        let hearing = take_stops(&gateway, &stops)?;
        inlets.push(take_sticks(&gateway, &desk, &nonsense, write_stick)?);
        let release = Arc::clone(&stops);
        inlets.push(take_acts(&gateway, &desk, &nonsense, (release, send_act))?);
        introduce(&gateway, robot, &access.name)?;
        let (snapshots, shown) = bus::latest();
        let (records, told) = bus::queue(RECORDS);
        let counts = Counts {
            inlets: inlets.iter().map(Inlet::counts).collect(),
            nonsense,
            long_questions: gateway.long_questions(),
            published: Arc::default(),
        };
        let publisher = Publisher::new(&gateway)?;
        let pump = pump(publisher, (shown, told), (counts.clone(), desk.clone()));
        let pump =
            Worker::start_looking("network", LOOK_EVERY, pump).map_err(NetworkFault::Thread)?;
        let end = Self {
            snapshots,
            records,
            acts,
            sticks,
            stops,
            clock,
            counts,
            desk,
            gateway,
            _pump: pump,
            _inlets: inlets,
            _hearing: hearing,
        };
        // Everything that could be commanded is there now: what is forbidden must not come through.
        probe(end.gateway.session(), &settings)?;
        Ok((end, brain))
    }

    /// What people ask for in this cycle: those at the robot and those elsewhere. Never waits.
    pub fn operator(&mut self, now: Instant, here: &Operator) -> Operator {
        self.clock.set(now);
        let stops = self.stops.load(Ordering::Acquire);
        let mut both = Operator {
            stop: here.stop || stops & STOP != 0,
            cut: here.cut || stops & CUT != 0,
            ..*here
        };
        // One act a cycle: that of the person at the robot goes first.
        if both.act.is_none()
            && let Some((act, role)) = self.acts.recv()
        {
            (both.act, both.role) = (Some(act), role);
        }
        // The stick in the hand of the person at the robot goes first. Whether one counts, by the
        // mode and by its age, the governor judges.
        both.stick = here.stick.or_else(|| self.sticks.latest().copied());
        both
    }

    /// Shows one cycle. Never waits.
    pub fn show(&mut self, mut snapshot: Snapshot) {
        snapshot.cycle.snapshots_overwritten = self.snapshots.overwritten() as u64;
        snapshot.cycle.records_dropped = self.records.dropped() as u64;
        snapshot.cycle.stop = (self.stops.load(Ordering::Relaxed) != 0).into();
        self.snapshots.write(snapshot);
    }

    /// Tells of an intervention. Never waits.
    pub fn tell(&mut self, record: &Record) {
        self.records.send(*record);
    }

    /// What became of everything, for the report.
    #[must_use]
    pub fn report(&self) -> NetworkReport {
        let mut cycle = CycleSample::default();
        self.counts.fill(&mut cycle, &self.desk);
        NetworkReport {
            sent: self.counts.published.get(),
            snapshots_overwritten: self.snapshots.overwritten() as u64,
            records_dropped: self.records.dropped() as u64,
            taken: cycle.taken,
            refused_size: cycle.refused_size,
            refused_rate: cycle.refused_rate,
            refused_layout: cycle.refused_layout,
            refused_authority: cycle.refused_authority,
            refused_content: cycle.refused_content,
        }
    }
}

impl Drop for RobotEnd {
    fn drop(&mut self) {
        self.gateway.close();
    }
}

impl Counts {
    fn fill(&self, cycle: &mut CycleSample, desk: &Desk) {
        let sum =
            |of: fn(&InCounts) -> &Count| self.inlets.iter().map(|inlet| of(inlet).get()).sum();
        cycle.taken = sum(|inlet| &inlet.taken);
        cycle.refused_size = sum(|inlet| &inlet.size) + self.long_questions.get();
        cycle.refused_rate = sum(|inlet| &inlet.rate);
        cycle.refused_layout = sum(|inlet| &inlet.layout);
        cycle.refused_content = self.nonsense.get();
        desk.with(|desk, now| {
            cycle.refused_authority = desk.refused_messages().total();
            let mut epoch = |role| desk.holder(role, now).map_or(0, |(epoch, _)| epoch);
            cycle.planner_epoch = epoch(LeaseRole::Planner);
            cycle.operator_epoch = epoch(LeaseRole::Operator);
            cycle.maintainer_epoch = epoch(LeaseRole::Maintainer);
        });
    }
}

/// Carries what the loop shows to the network.
fn pump(
    mut publisher: Publisher,
    (mut shown, mut told): (Reader<Snapshot>, Receiver<Record>),
    (counts, desk): (Counts, Desk),
) -> impl FnMut() -> bool + Send + 'static {
    move || {
        while let Some(record) = told.recv() {
            publisher.tell(&record);
        }
        if let Some(mut snapshot) = shown.read() {
            counts.fill(&mut snapshot.cycle, &desk);
            publisher.show(&snapshot);
            counts.published.set(publisher.sent());
        }
        // It looks again when its worker does: every few milliseconds.
        false
    }
}

/// A stop needs no lease, and only a release under one ends it. Whatever comes is a stop, also what
/// nobody can read: who means to stop a robot must not be refused for the form of it.
fn take_stops(gateway: &Gateway, stops: &Arc<AtomicU8>) -> Result<Hearing, NetworkError> {
    let stops = Arc::clone(stops);
    gateway.publish_schema(&OPERATOR_STOP)?;
    gateway.hear(&OPERATOR_STOP.of(gateway.robot()), move |_, bytes| {
        let said = read::<StopSample>(bytes).map(|(_, said)| said);
        let cut = if said.is_some_and(|said| said.cut == 1) { CUT } else { 0 };
        let before = stops.fetch_or(STOP | cut, Ordering::Release);
        // Once: a button that is held down does not fill the log.
        if before | STOP | cut != before {
            let reason = said.map_or_else(String::new, |said| text(&said.reason));
            tracing::warn!(reason, "stopped over the network");
        }
    })
}

fn take_sticks(
    gateway: &Gateway,
    desk: &Desk,
    nonsense: &Arc<Count>,
    mut sticks: Writer<Stick>,
) -> Result<Inlet, NetworkError> {
    let (desk, nonsense) = (desk.clone(), Arc::clone(nonsense));
    gateway.publish_schema(&OPERATOR_STICK)?;
    gateway.inlet(&OPERATOR_STICK, move |sample| {
        if desk.accept(&[LeaseRole::Operator], sample).is_none() {
            return;
        }
        match sample.body.stick(sample.header.at, desk.now()) {
            Some(stick) => {
                sticks.write(stick);
            }
            None => nonsense.add(1),
        }
    })
}

fn take_acts(
    gateway: &Gateway,
    desk: &Desk,
    nonsense: &Arc<Count>,
    (stops, mut acts): (Arc<AtomicU8>, bus::Sender<(OperatorAct, Role)>),
) -> Result<Inlet, NetworkError> {
    const ROLES: [LeaseRole; 2] = [LeaseRole::Operator, LeaseRole::Maintainer];
    let (desk, nonsense) = (desk.clone(), Arc::clone(nonsense));
    gateway.publish_schema(&OPERATOR_ACT)?;
    gateway.inlet(&OPERATOR_ACT, move |sample| {
        let Some(role) = desk.accept(&ROLES, sample) else { return };
        // What a person asked for then he may not want any more: an act is for now.
        let age = desk.now().since(Instant::from_nanos(sample.header.at));
        let act = sample.body.act().filter(|_| age <= ACT_AGE);
        match act {
            Some(WireAct::ReleaseStop) => stops.store(0, Ordering::Release),
            Some(WireAct::Act(act)) if acts.send((act, role)) => {}
            _ => nonsense.add(1),
        }
    })
}

/// Says who this is to whoever asks.
fn introduce(gateway: &Gateway, robot: &Robot, name: &str) -> Result<(), NetworkError> {
    let joints: Vec<_> = robot.joint_names().collect();
    let file = &robot.file.governor;
    let limits = json!({
        "plan_age_max_ms": file.plan_age_max_ms, "plan_validity_max_ms": file.plan_validity_max_ms,
        "forward_max_m_s": file.forward_max_m_s, "left_max_m_s": file.left_max_m_s,
        "yaw_max_rad_s": file.yaw_max_rad_s,
    });
    let about = json!({
        "schema": "triune.about/1", "name": name, "robot": robot.file.name, "joints": joints,
        "limits": limits,
        "rate_hz": robot.file.control.rate_hz, "run": format!("{:016x}", gateway.id()),
        "version": env!("CARGO_PKG_VERSION"), "topics": schemas(),
    });
    let about = about.to_string().into_bytes();
    gateway.answer("about", move |_| about.clone())
}
