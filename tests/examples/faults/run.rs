//! Runs one trial and says what came out.

use governor::{Language, Record};
use model::Robot;
use signals::Level;

use crate::fault::{Always, End, Stage, Trial};
use crate::scene::{Scene, Seen};

/// What came out of one seed of one row.
pub(crate) struct Outcome {
    /// ms from each stage's onset to its reaction, the tick of the reaction counted in full.
    pub(crate) reactions: Vec<Option<u64>>,
    /// How it ended.
    pub(crate) end: End,
    /// It fell, ms after the strike.
    pub(crate) fallen: Option<u64>,
    /// Everything that must not be.
    pub(crate) wrong: Vec<String>,
    /// What the governor said from the strike on, with the ms since then.
    pub(crate) said: Vec<String>,
}

impl Outcome {
    /// Of a run that never began.
    pub(crate) fn refused(end: End, wrong: Vec<String>) -> Self {
        Self { reactions: Vec::new(), end, fallen: None, wrong, said: Vec::new() }
    }
}

/// Watches a trial from the strike on.
struct Judge {
    stages: Vec<Watched>,
    always: Vec<Always>,
    falls: bool,
    fallen: Option<u64>,
    broken: Option<String>,
    end: End,
    said: Vec<String>,
}

struct Watched {
    stage: Stage,
    onset: Option<u64>,
    reaction: Option<u64>,
}

/// Runs `trial` on `robot`; everything random in the simulator comes from `seed`.
pub(crate) fn run(robot: &Robot, trial: Trial, seed: u64) -> Outcome {
    let Trial { setup, strike, mut taps, stages, always, lasts, ends, falls } = trial;
    let mut scene = match Scene::new(robot, setup, seed) {
        Ok(scene) => scene,
        Err(error) => {
            return Outcome::refused(End::Disarmed, vec![error]);
        }
    };
    let mut early = None;
    while scene.number() < strike {
        let unfit = scene.turn(None, |seen| {
            let unfit = seen.truth.fallen || seen.ruling.level >= Level::Limited;
            unfit.then(|| format!("{:?} before the fault, {:?}", seen.ruling.level, seen.raised))
        });
        early = early.or(unfit);
    }
    let mut judge = Judge::new(stages, always, falls);
    while scene.number() < strike + lasts {
        scene.turn(Some((&mut taps, strike)), |seen| judge.look(seen.number - strike, seen));
    }
    let mut wrong: Vec<String> = early.into_iter().collect();
    wrong.extend(scene.complaints());
    judge.over(ends, wrong)
}

impl Judge {
    fn new(stages: Vec<Stage>, always: Vec<Always>, falls: bool) -> Self {
        let watched = |stage| Watched { stage, onset: None, reaction: None };
        let stages = stages.into_iter().map(watched).collect();
        Self { stages, always, falls, fallen: None, broken: None, end: End::Same, said: Vec::new() }
    }

    fn look(&mut self, since: u64, seen: &Seen<'_>) {
        for Watched { stage, onset, reaction } in &mut self.stages {
            if onset.is_none() && (stage.onset)(since, seen) {
                *onset = Some(since.saturating_sub(stage.before));
            }
            if onset.is_some() && reaction.is_none() && (stage.reaction)(since, seen) {
                *reaction = Some(since);
            }
        }
        for holds in &mut self.always {
            if let Err(what) = holds(since, seen) {
                self.broken.get_or_insert(format!("{what}, {since} ms after the strike"));
            }
        }
        let sentence = |r: &Record| format!("{since:5} {}", r.sentence(Language::English));
        self.said.extend(seen.records.iter().map(sentence));
        if seen.truth.fallen {
            self.fallen.get_or_insert(since);
        }
        self.end = End::of(seen);
    }

    fn over(self, ends: &[End], mut wrong: Vec<String>) -> Outcome {
        wrong.extend(self.broken);
        if let Some(since) = self.fallen.filter(|_| !self.falls) {
            wrong.push(format!("fell {since} ms after the strike"));
        }
        if !ends.contains(&self.end) {
            wrong.push(format!("ended as {}", self.end.name()));
        }
        let unseen = self.stages.iter().position(|watched| watched.onset.is_none());
        wrong.extend(unseen.map(|stage| format!("the fault of stage {} never came", stage + 1)));
        let time = |w: &Watched| Some(w.reaction? - w.onset? + 1);
        let reactions = self.stages.iter().map(time).collect();
        Outcome { reactions, end: self.end, fallen: self.fallen, wrong, said: self.said }
    }
}
