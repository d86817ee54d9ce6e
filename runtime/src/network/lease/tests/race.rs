//! Holders that race, and somebody in between who plays their messages again, alters and forges.

use rand::Rng;

use super::*;

/// Races that are run.
const SEEDS: u64 = 10_000;
/// What happens in one race.
const STEPS: usize = 24;

/// One who races, and what of his is on the way.
struct Racer {
    holder: LeaseHolder,
    sequence: u64,
    /// What he has sent lately.
    sent: Vec<Vec<u8>>,
}

struct Race {
    dice: ChaCha8Rng,
    desk: LeaseDesk,
    racers: [Racer; 2],
    now: Instant,
    /// Epochs that counted in the tick that is.
    tick: Vec<u32>,
    accepted: u64,
    refused: u64,
}

impl Race {
    fn new(seed: u64) -> Self {
        let racer = |number| Racer {
            holder: holder(LeaseRole::Planner, seed * 2 + number, None),
            sequence: 0,
            sent: Vec::new(),
        };
        let racers = [racer(0), racer(1)];
        let dice = ChaCha8Rng::seed_from_u64(seed);
        let (tick, accepted, refused) = (Vec::new(), 0, 0);
        Self { dice, desk: desk(None), racers, now: at(0), tick, accepted, refused }
    }

    fn step(&mut self) {
        if self.dice.random_range(0..3) == 0 {
            // Mostly a tick, now and then long enough for a lease to end.
            let long = self.dice.random_range(0..8) == 0;
            self.now = self.now + Duration::from_millis(if long { 1500 } else { 1 });
            self.tick.clear();
        }
        let who = self.dice.random_range(0..2_usize);
        match self.dice.random_range(0..16) {
            0 | 1 => self.ask(who),
            2 => {
                let take = self.dice.random_range(0..3) == 0;
                if self.racers[who].holder.epoch().is_none() || take {
                    self.racers[who].holder.again(take);
                }
            }
            3 => self.give_back(who),
            4 => self.attack(who),
            _ => self.send(who),
        }
    }

    fn ask(&mut self, who: usize) {
        let own = own(self.now);
        let Some(ask) = self.racers[who].holder.ask(own).unwrap() else { return };
        let answer = self.desk.answer(LeaseRole::Planner, &ask, self.now);
        // One answer in four is lost.
        if self.dice.random_range(0..4) > 0 {
            self.racers[who].holder.hear(&answer, own, own);
        }
    }

    fn give_back(&mut self, who: usize) {
        let own = own(self.now);
        let Some(ask) = self.racers[who].holder.give_back(own) else { return };
        let answer = self.desk.answer(LeaseRole::Planner, &ask, self.now);
        self.racers[who].holder.hear(&answer, own, own);
    }

    fn send(&mut self, who: usize) {
        let racer = &mut self.racers[who];
        if racer.holder.epoch().is_none() {
            return;
        }
        racer.sequence += 1;
        let sample = sealed(&racer.holder, PLAN, racer.sequence);
        racer.sent.push(sample.clone());
        // Some are late: they come by an attack, or never.
        if self.dice.random_range(0..4) > 0 {
            self.deliver(&sample);
        }
    }

    /// A message counts if it is in force, new and in order; which epochs did is noted.
    fn deliver(&mut self, sample: &[u8]) -> bool {
        match self.desk.accept_sample(&[LeaseRole::Planner], PLAN, sample, self.now) {
            Ok(accepted) => {
                self.tick.push(accepted.epoch);
                self.accepted += 1;
                true
            }
            Err(_) => {
                self.refused += 1;
                false
            }
        }
    }

    /// Plays a message again that counted, or spoils one.
    fn attack(&mut self, who: usize) {
        let Some(mut sample) = self.racers[who].sent.last().cloned() else { return };
        let kind = self.dice.random_range(0..4);
        match kind {
            // It may count the first time, but not twice.
            0 => {
                self.deliver(&sample);
                assert!(!self.deliver(&sample), "played again");
                return;
            }
            1 => {
                let place = self.dice.random_range(0..sample.len());
                sample[place] ^= 1 << self.dice.random_range(0..8);
            }
            2 => sample.truncate(self.dice.random_range(0..sample.len())),
            _ => {
                let answer = self.desk.accept_sample(&[LeaseRole::Planner], ACT, &sample, self.now);
                assert!(answer.is_err(), "on another topic");
                self.refused += 1;
                return;
            }
        }
        assert!(!self.deliver(&sample), "spoilt");
    }

    fn check(&mut self) {
        assert!(self.tick.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", self.tick);
        // The lease of the other role was never touched.
        let sample = self.racers.iter().find_map(|racer| racer.sent.last());
        if let Some(sample) = sample {
            let answer = self.desk.accept_sample(&[LeaseRole::Operator], PLAN, sample, self.now);
            assert_eq!(answer.unwrap_err(), Refusal::Ended);
            self.refused += 1;
        }
    }
}

#[test]
fn two_who_race_never_both_count_in_one_tick() {
    let (mut accepted, mut taken, mut reasons) = (0, 0, Refusals::default());
    for seed in 0..SEEDS {
        let mut race = Race::new(seed);
        for _ in 0..STEPS {
            race.step();
            race.check();
        }
        // Everything has its count.
        assert_eq!(race.desk.tally().accepted, race.accepted, "seed {seed}");
        assert_eq!(race.desk.refused_messages().total(), race.refused, "seed {seed}");
        accepted += race.accepted;
        taken += race.desk.tally().taken;
        for (reason, _) in race.desk.refused_messages().iter() {
            reasons.count(reason);
        }
    }
    // The races were real ones.
    assert!(accepted > SEEDS && taken > SEEDS / 10, "{accepted} accepted, {taken} taken");
    for reason in [Refusal::Ended, Refusal::Code, Refusal::Sequence, Refusal::Size] {
        assert!(reasons.of(reason) > SEEDS / 100, "{reason:?}: {}", reasons.of(reason));
    }
    assert!(reasons.of(Refusal::Tick) > 0, "two wanted the same tick");
}
