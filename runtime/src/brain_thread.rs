//! The planner on a thread of its own: the loop sends observations and picks up plans.
//!
//! The planner may also be another process: then the thread carries questions and answers, and the
//! loop sees no difference.
//!
//! In real time a plan is taken when it is there. On virtual time it is taken exactly the drawn
//! number of ticks after its observation, and the loop waits for it, so that a run depends on its
//! seed alone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use brain::{Observation, Planner};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signals::{BaseVelocity, Instant, MetresPerSecond, Plan, PlanRequest, Radians, VelocityChunk};

use crate::worker::Worker;

/// Questions that may wait for the planner, and answers for the loop. At most
/// `latency_max_ms` worth of questions is under way, which the robot file bounds.
const WAITING: usize = 16;

/// How a broken brain's next plan is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    /// It asks for 5 m/s.
    TooFast,
    /// One of its numbers is none.
    NotANumber,
    /// It asks for a posture beyond the stops of the joints.
    OutOfReach,
    /// It claims to be valid for an hour.
    ValidForAnHour,
    /// It comes from an observation of two seconds ago.
    #[serde(rename = "observed_2_s_ago")]
    Observed2SAgo,
}

impl Lie {
    /// What is wrong with the plan, in plain words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TooFast => "5 m/s",
            Self::NotANumber => "a number that is NaN",
            Self::OutOfReach => "a posture beyond the stops",
            Self::ValidForAnHour => "a plan valid for an hour",
            Self::Observed2SAgo => "a plan observed 2 s ago",
        }
    }

    pub(crate) fn spoil(self, plan: &mut Plan) {
        match self {
            Self::ValidForAnHour => {
                plan.valid_until = plan.observed_at + Duration::from_secs(3600);
            }
            Self::Observed2SAgo => {
                let ago = plan.observed_at.as_nanos().saturating_sub(2_000_000_000);
                plan.observed_at = Instant::from_nanos(ago);
                plan.valid_until = plan.observed_at + Duration::from_millis(800);
            }
            Self::OutOfReach => {
                let far = |angle: Radians| angle + Radians(2.0 * std::f32::consts::PI);
                if let PlanRequest::Posture(goal) = &mut plan.request {
                    *goal = goal.map(far);
                }
            }
            Self::NotANumber if matches!(plan.request, PlanRequest::Posture(_)) => {
                if let PlanRequest::Posture(goal) = &mut plan.request {
                    *goal = goal.map(|_| Radians(f32::NAN));
                }
            }
            Self::TooFast | Self::NotANumber => {
                let speed = if self == Self::TooFast { 5.0 } else { f32::NAN };
                let mut chunk = match plan.request {
                    PlanRequest::Velocity(asked) => asked,
                    PlanRequest::Hold | PlanRequest::Posture(_) => {
                        let step = Duration::from_millis(100);
                        VelocityChunk::constant(BaseVelocity::ZERO, step, 8)
                    }
                };
                for velocity in &mut chunk.velocities {
                    velocity.forward = MetresPerSecond(speed);
                }
                plan.request = PlanRequest::Velocity(chunk);
            }
        }
    }
}

/// What the planner is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Counts up over the run.
    pub sequence: u64,
    /// The tick it was asked on.
    pub tick: u64,
    /// What the robot saw.
    pub observation: Observation,
    /// When it was asked.
    pub asked_at: Instant,
    /// How the answer is to be wrong.
    pub lie: Option<Lie>,
}

/// What it answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Sequence of the plan: rises over the run, whoever plans.
    pub sequence: u64,
    /// The tick of the question.
    pub asked: u64,
    /// The plan, or why there is none.
    pub plan: Result<Plan, String>,
}

/// When plans are taken.
#[derive(Debug)]
enum Taking {
    /// When they are there.
    AsTheyCome,
    /// A drawn number of ticks after their observation.
    OnTheirTick { latency: (u64, u64), random: Box<ChaCha8Rng>, due: VecDeque<u64> },
}

/// Makes a planner when the brain is brought back, on the planner's own thread.
pub type MakePlanner = Arc<dyn Fn() -> Result<Box<dyn Planner + Send>, String> + Send + Sync>;

/// The far ends of questions and answers, for a planner in another process.
pub struct FarEnds {
    /// What is asked.
    pub questions: bus::Receiver<Question>,
    /// What is answered.
    pub answers: bus::Sender<Answer>,
}

/// What brings the brain back.
enum Revival {
    /// Another planner, on a thread of its own.
    Thread(MakePlanner),
    /// The ends of the one in another process, set aside while it counts as dead.
    Far(Option<Running>),
}

/// The loop's end of the planner.
pub struct BrainThread {
    revival: Revival,
    running: Option<Running>,
    taking: Taking,
    sequence: u64,
    newest: Option<Plan>,
    latency: u64,
    /// Plans made.
    pub plans: u64,
    /// Questions the planner had no time for, or answered with an error.
    pub late: u64,
}

struct Running {
    questions: bus::Sender<Question>,
    answers: bus::Receiver<Answer>,
    worker: Worker,
}

impl BrainThread {
    /// Starts the thread of the planner `first`; `make` makes another when the brain is brought
    /// back. With `latency` (ticks, from and to) and a seed plans are taken
    /// on drawn ticks; without, as they come.
    ///
    /// # Errors
    /// The machine grants no thread.
    pub fn start(
        first: Box<dyn Planner + Send>,
        make: MakePlanner,
        drawn: Option<((u64, u64), u64)>,
    ) -> Result<Self, String> {
        let taking = drawn.map_or(Taking::AsTheyCome, |(latency, seed)| Taking::OnTheirTick {
            latency,
            random: Box::new(ChaCha8Rng::seed_from_u64(seed)),
            due: VecDeque::new(),
        });
        let running = Running::start(move || Ok(first))?;
        Ok(Self::of(running, Revival::Thread(make), taking))
    }

    /// The loop's end of a planner in another process; `carry` starts the thread that carries
    /// questions to it and answers from it.
    ///
    /// # Errors
    /// The machine grants no thread, or the planner cannot be reached.
    pub fn far<E>(carry: impl FnOnce(FarEnds) -> Result<Worker, E>) -> Result<Self, E> {
        let (questions, asked) = bus::queue(WAITING);
        let (answering, answers) = bus::queue(WAITING);
        let worker = carry(FarEnds { questions: asked, answers: answering })?;
        let running = Running { questions, answers, worker };
        Ok(Self::of(running, Revival::Far(None), Taking::AsTheyCome))
    }

    const fn of(running: Running, revival: Revival, taking: Taking) -> Self {
        let running = Some(running);
        let (sequence, newest, latency, plans, late) = (0, None, 0, 0, 0);
        Self { revival, running, taking, sequence, newest, latency, plans, late }
    }

    /// Ends the planner's thread, as a crash would: nothing more comes from it. One in another
    /// process is not asked any more, and not heard.
    pub fn kill(&mut self) {
        let running = self.running.take();
        if let Revival::Far(aside) = &mut self.revival {
            *aside = running.or_else(|| aside.take());
        }
        if let Taking::OnTheirTick { due, .. } = &mut self.taking {
            due.clear();
        }
    }

    /// Starts it again.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn revive(&mut self) -> Result<(), String> {
        self.running = match &mut self.revival {
            Revival::Thread(make) => {
                let make = Arc::clone(make);
                Some(Running::start(move || make())?)
            }
            Revival::Far(aside) => {
                let back = aside.take();
                back.map(|mut running| {
                    // What it answered while it counted as dead is lost.
                    while running.answers.recv().is_some() {}
                    running
                })
            }
        };
        Ok(())
    }

    /// Sends an observation of tick `tick`. Never waits.
    pub fn ask(&mut self, tick: u64, now: Instant, observation: Observation, lie: Option<Lie>) {
        let Some(running) = &mut self.running else {
            return;
        };
        self.sequence += 1;
        let sequence = self.sequence;
        if !running.questions.send(Question { sequence, tick, observation, asked_at: now, lie }) {
            self.late += 1;
            return;
        }
        running.worker.wake();
        if let Taking::OnTheirTick { latency: (least, most), random, due } = &mut self.taking {
            let drawn = random.random_range(*least..=*most);
            // Plans come out in the order of their questions.
            let earliest = due.back().copied().unwrap_or(0);
            due.push_back((tick + drawn).max(earliest));
        }
    }

    /// Takes the plans that are due on `tick`. Between cycles; on virtual time it waits for them.
    pub fn take(&mut self, tick: u64) {
        let Some(running) = &mut self.running else {
            return;
        };
        let mut answers = Vec::new();
        match &mut self.taking {
            Taking::AsTheyCome => answers.extend(std::iter::from_fn(|| running.answers.recv())),
            Taking::OnTheirTick { due, .. } => {
                while due.front().is_some_and(|due| *due <= tick) {
                    due.pop_front();
                    answers.extend(running.wait_for_answer());
                }
            }
        }
        for answer in answers {
            self.accept(tick, answer);
        }
    }

    fn accept(&mut self, tick: u64, answer: Answer) {
        match answer.plan {
            Ok(plan) => {
                self.plans += 1;
                self.latency = tick.saturating_sub(answer.asked);
                self.newest = Some(Plan { sequence: answer.sequence, ..plan });
            }
            Err(error) => {
                self.late += 1;
                tracing::warn!(error, "the planner made no plan");
            }
        }
    }

    /// Ticks from the newest plan's question to its arrival: drawn on virtual time, measured in
    /// real time.
    #[must_use]
    pub const fn latency(&self) -> u64 {
        self.latency
    }

    /// The newest plan, however old.
    #[must_use]
    pub const fn latest(&self) -> Option<&Plan> {
        self.newest.as_ref()
    }
}

impl Running {
    fn start(
        make: impl FnOnce() -> Result<Box<dyn Planner + Send>, String> + Send + 'static,
    ) -> Result<Self, String> {
        let (questions, mut inbox) = bus::queue::<Question>(WAITING);
        let (mut outbox, answers) = bus::queue::<Answer>(WAITING);
        let (mut make, mut planner) = (Some(make), Err("there is no planner".to_owned()));
        let work = move || {
            if let Some(make) = make.take() {
                planner = make();
            }
            let Some(question) = inbox.recv() else {
                return false;
            };
            let made = match &mut planner {
                Ok(planner) => planner
                    .plan(&question.observation, question.asked_at)
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error.clone()),
            };
            let plan = made.map(|mut plan| {
                question.lie.into_iter().for_each(|lie| lie.spoil(&mut plan));
                plan
            });
            outbox.send(Answer { sequence: question.sequence, asked: question.tick, plan });
            true
        };
        let worker = Worker::start("brain", work).map_err(|error| error.to_string())?;
        Ok(Self { questions, answers, worker })
    }

    /// Waits until the next answer is there; `None` when the thread has died.
    fn wait_for_answer(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = self.answers.recv() {
                return Some(answer);
            }
            if self.worker.has_died() {
                return self.answers.recv();
            }
            std::thread::sleep(Duration::from_micros(20));
        }
    }
}
