//! `triune brain`: the planner of a robot as a process of its own, on this machine or another.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use brain::{Observation, Planner};
use bus::network::Role;
use bus::network::gateway::{Gateway, Outlet, Subscription};
use bus::network::samples::{BRAIN_OBSERVATION, BRAIN_PLAN, PlanSample};

use super::far_brain::observation_of;
use super::held::HeldLease;
use super::lease::LeaseRole;
use super::lease::holder::Wish;
use super::{Far, NetworkFault, interrupted};
use crate::cli::{Exit, Failure, print, print_json};
use crate::robot_source::RobotSource;
use crate::wiring;

/// Plans for a robot that runs elsewhere, or in another process.
#[derive(Debug, clap::Args)]
pub struct BrainArgs {
    /// Robot folder, or its robot.toml: which planner, and for which joints.
    robot: PathBuf,
    #[command(flatten)]
    far: Far,
    /// Takes the planner's lease from another that holds it.
    #[arg(long)]
    take: bool,
    /// Waits so long before each plan, to see how the robot takes a slow model.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay_ms: u64,
    /// Prints what it did at the end, for programs.
    #[arg(long)]
    json: bool,
}

/// What a planner did.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
struct Tally {
    observations: u64,
    observations_lost: u64,
    plans: u64,
    failed: u64,
    without_lease: u64,
}

/// The newest observation, for a planner that is slower than they come.
#[derive(Default)]
struct Slot {
    newest: Mutex<Option<(u64, Observation)>>,
    came: Condvar,
}

impl Slot {
    fn put(&self, observation: (u64, Observation)) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(observation);
        self.came.notify_one();
    }

    fn take(&self, patience: Duration) -> Option<(u64, Observation)> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.came.wait_timeout_while(newest, patience, |newest| newest.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).0.take()
    }
}

/// Runs the planner until Ctrl-C.
///
/// # Errors
/// The robot's files are wrong, it is not there, or it gives the lease to nobody.
pub fn brain(args: BrainArgs) -> Result<Exit, Failure> {
    let BrainArgs { robot, far, take, delay_ms, json } = args;
    let source = RobotSource::Folder(robot);
    let robot = source.robot()?;
    let (planner, backend, period) = wiring::planner(&source, &robot)?;
    let (gateway, key) = far.open(&robot.file.name, Role::Planner)?;
    let name = format!("planner {}", robot.file.name);
    let wish =
        Wish { robot: gateway.robot().to_owned(), role: LeaseRole::Planner, name, take, key };
    let slot = Arc::new(Slot::default());
    let subscription = observe(&gateway, &slot, &far)?;
    let lease = HeldLease::want(&gateway, wish)?;
    lease.wait(far.patience())?;
    if !json {
        print(&format!(
            "plans for {} with {backend}, every {} ms; end with Ctrl-C\n",
            gateway.robot(),
            period.as_millis()
        ));
    }
    let mut tally = Tally::default();
    let outlet = gateway.outlet(&BRAIN_PLAN).map_err(NetworkFault::from)?;
    let delay = Duration::from_millis(delay_ms);
    plan_until_interrupted((planner, delay), &slot, (&lease, outlet), &mut tally);
    lease.give_back(&gateway, LeaseRole::Planner);
    tally.observations = subscription.losses().heard.get();
    tally.observations_lost = subscription.losses().lost.get();
    if json {
        print_json(&serde_json::json!({ "schema": "triune.brain/1", "brain": tally }));
    } else {
        print(&format!("{tally:?}\n"));
    }
    gateway.close();
    Ok(Exit::Ok)
}

fn observe(gateway: &Gateway, slot: &Arc<Slot>, far: &Far) -> Result<Subscription, NetworkFault> {
    let slot = Arc::clone(slot);
    let heard = gateway.subscribe(&BRAIN_OBSERVATION, far.patience(), move |header, sample| {
        slot.put((header.sequence, observation_of(header.at, sample)));
    });
    Ok(heard?)
}

fn plan_until_interrupted(
    (mut planner, delay): (Box<dyn Planner + Send>, Duration),
    slot: &Slot,
    (lease, mut outlet): (&HeldLease, Outlet<PlanSample>),
    tally: &mut Tally,
) {
    const LOOK: Duration = Duration::from_millis(50);
    while !interrupted() {
        let Some((observation, seen)) = slot.take(LOOK) else { continue };
        std::thread::sleep(delay);
        // Where its clock is not known yet, the observation's own time serves.
        let (now, clock_error) = lease.robot_now().unwrap_or((seen.at, Duration::ZERO));
        let plan = match planner.plan(&seen, now) {
            Ok(plan) => plan,
            Err(error) => {
                tally.failed += 1;
                tracing::warn!(%error, "the planner made no plan");
                continue;
            }
        };
        let sequence = tally.plans + 1;
        let plan = signals::Plan { sequence, ..plan };
        let sample = PlanSample::new(&plan, observation, clock_error);
        if lease.send(&mut outlet, plan.observed_at.as_nanos(), &sample) {
            tally.plans += 1;
        } else {
            tally.without_lease += 1;
        }
    }
}
