//! The force planner on a thread of its own, for real time.

use cerebellum::{ForcePlanner, MpcInput, MpcOutput, MpcSettings, MpcSolver};

use crate::worker::{Bell, Worker};

/// Hands problems to its thread and takes answers back, through wait-free channels.
#[derive(Debug)]
pub struct ThreadForcePlanner {
    problems: bus::Writer<MpcInput>,
    answers: bus::Reader<MpcOutput>,
    bell: Option<Bell>,
    /// Ends the thread when dropped.
    _worker: Worker,
}

impl ThreadForcePlanner {
    /// Starts the thread.
    ///
    /// # Errors
    /// The machine grants no thread.
    pub fn start(settings: MpcSettings) -> std::io::Result<Self> {
        let (problems, mut inbox) = bus::latest::<MpcInput>();
        let (mut outbox, answers) = bus::latest::<MpcOutput>();
        let mut solver = MpcSolver::new(settings);
        let worker = Worker::start("force planner", move || {
            let problem = inbox.read();
            if let Some(problem) = &problem {
                outbox.write(solver.solve(problem));
            }
            problem.is_some()
        })?;
        let bell = worker.bell();
        Ok(Self { problems, answers, bell, _worker: worker })
    }

    /// What wakes the thread; to be delivered after each turn of the loop.
    #[must_use]
    pub fn bell(&self) -> Option<Bell> {
        self.bell.clone()
    }
}

impl ForcePlanner for ThreadForcePlanner {
    fn submit(&mut self, input: &MpcInput) {
        self.problems.write(*input);
        if let Some(bell) = &self.bell {
            bell.ring();
        }
    }

    fn collect(&mut self) -> Option<MpcOutput> {
        self.answers.read()
    }
}
