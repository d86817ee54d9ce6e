//! Two writers on one robot: whatever they send, at most one is listened to in a tick, and it is
//! the one that holds the lease.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(missing_docs, unreachable_pub, reason = "modules shared by tests")]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod dice;

use std::collections::BTreeMap;
use std::time::Duration;

use dice::Dice;
use governor::{Holder, Lease, LeaseBook, LeaseError, Resource};
use signals::Instant;

const WRITERS: [Holder; 2] = [Holder::Brain, Holder::Session(7)];

fn at(tick: u64) -> Instant {
    Instant::from_nanos(tick * 1_000_000)
}

/// A writer: what it believes it holds, and what it sends next.
#[derive(Clone, Copy, Debug)]
struct Writer {
    holder: Holder,
    lease: Option<Lease>,
    sequence: u64,
}

impl Writer {
    /// Epoch and sequence of its next command: mostly right, sometimes old, guessed or repeated.
    fn command(&mut self, dice: &mut Dice, book: &LeaseBook) -> (u32, u64) {
        self.sequence += dice.below(3);
        let epoch = match dice.below(8) {
            0 => book.epoch(),
            1 => book.epoch().wrapping_sub(1),
            2 => book.epoch().wrapping_add(1),
            _ => self.lease.map_or(0, |lease| lease.epoch),
        };
        let sequence = if dice.one_in(8) { dice.below(self.sequence + 2) } else { self.sequence };
        (epoch, sequence)
    }
}

/// Clauses: O2.
#[test]
fn of_two_writers_at_most_one_is_heard_in_a_tick() {
    let (mut accepted, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for seed in 0..50 {
        let mut dice = Dice::new(seed);
        let mut book = LeaseBook::default();
        let mut writers = WRITERS.map(|holder| Writer { holder, lease: None, sequence: 0 });
        // The newest sequence accepted in each epoch.
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        for tick in 0..4_000 {
            change_hands(&mut dice, &mut book, &mut writers, at(tick));
            let mut heard = Vec::new();
            let first = usize::from(dice.one_in(2));
            for index in [first, 1 - first] {
                let (epoch, sequence) = writers[index].command(&mut dice, &book);
                // Who does not hold the lease may guess its epoch, but cannot send as its holder.
                let lease = book.lease(Resource::Body);
                let honest = writers[index].lease.is_some_and(|own| Some(own) == lease);
                let epoch = if honest { epoch } else { writers[index].stale(epoch, lease) };
                match book.accept(Resource::Body, epoch, sequence, at(tick)) {
                    Ok(holder) => {
                        assert_eq!(
                            (holder, Some(epoch)),
                            (writers[index].holder, lease.map(|l| l.epoch))
                        );
                        let last = newest.insert(epoch, sequence);
                        assert!(last.is_none_or(|last| sequence > last), "sequence {sequence}");
                        heard.push(holder);
                        *accepted.entry(format!("{holder:?}")).or_insert(0_u32) += 1;
                    }
                    Err(why) => *refused.entry(format!("{why:?}")).or_insert(0_u32) += 1,
                }
            }
            assert!(heard.len() <= 1, "tick {tick}: {heard:?}");
        }
    }
    println!("accepted {accepted:?}, refused {refused:?}");
    assert!(accepted.len() == 2 && accepted.values().all(|count| *count > 10_000));
    assert!(refused.len() == 2 && refused.values().all(|count| *count > 10_000));
}

impl Writer {
    /// An epoch that is not the one in force.
    fn stale(&self, epoch: u32, lease: Option<Lease>) -> u32 {
        if lease.is_some_and(|lease| lease.epoch == epoch) { epoch.wrapping_sub(1) } else { epoch }
    }
}

/// Now and then one asks for the lease, takes it or gives it back.
fn change_hands(dice: &mut Dice, book: &mut LeaseBook, writers: &mut [Writer; 2], now: Instant) {
    if !dice.one_in(20) {
        return;
    }
    let index = usize::from(dice.one_in(2));
    let writer = &mut writers[index];
    let before = book.epoch();
    match dice.below(6) {
        0 => writer.lease.iter().for_each(|lease| book.give_back(lease)),
        1 => writer.lease = Some(book.take(Resource::Body, writer.holder, now)),
        _ => match book.acquire(Resource::Body, writer.holder, now) {
            Ok(lease) => writer.lease = Some(lease),
            Err(why) => assert!(matches!(why, LeaseError::Held(who) if who != writer.holder)),
        },
    }
    assert!(book.epoch() == before || book.epoch() == before + 1);
}

/// Clauses: O2.
#[test]
fn who_holds_the_whole_holds_its_parts() {
    let mut book = LeaseBook::default();
    assert_eq!(book.check(Resource::Body, 0, 1), Err(LeaseError::Ended));
    let body = book.acquire(Resource::Body, Holder::Brain, at(0)).unwrap();
    for part in Resource::ALL {
        assert_eq!(book.lease(part), Some(body));
        assert_eq!(book.check(part, body.epoch, 1), Ok(Holder::Brain));
        let other = book.acquire(part, Holder::Person, at(1));
        assert_eq!(other, Err(LeaseError::Held(Holder::Brain)), "{part:?}");
    }
    book.revoke(Resource::Body);
    let left = book.acquire(Resource::ArmLeft, Holder::Session(1), at(2)).unwrap();
    let right = book.acquire(Resource::ArmRight, Holder::Session(2), at(2)).unwrap();
    let legs = book.acquire(Resource::Mobility, Holder::Brain, at(2)).unwrap();
    assert_eq!((body.epoch, left.epoch, right.epoch, legs.epoch), (1, 2, 3, 4));
    // A part that is held keeps others from the whole and from its own parts, and from no sibling.
    for (part, holder) in [(Resource::Body, Holder::Brain), (Resource::GripperLeft, Holder::Brain)]
    {
        assert!(matches!(book.acquire(part, holder, at(3)), Err(LeaseError::Held(_))));
    }
    assert_eq!(book.lease(Resource::GripperLeft), Some(left));
    assert_eq!(book.lease(Resource::GripperRight), Some(right));
    assert_eq!(book.lease(Resource::Body), None);
    assert_eq!(book.accept(Resource::GripperRight, right.epoch, 5, at(3)), Ok(Holder::Session(2)));
    assert_eq!(book.check(Resource::ArmRight, right.epoch, 5), Err(LeaseError::Sequence));
    assert_eq!(book.check(Resource::ArmLeft, right.epoch, 6), Err(LeaseError::Ended));
    // Taking the whole ends every part; giving back an ended lease changes nothing.
    let taken = book.take(Resource::Body, Holder::Person, at(4));
    [left, right, legs].iter().for_each(|lease| book.give_back(lease));
    assert!(Resource::ALL.iter().all(|part| book.lease(*part) == Some(taken)));
    // Taking a part ends the whole: nobody commands the rest.
    let gripper = book.take(Resource::GripperLeft, Holder::Session(3), at(5));
    assert_eq!(book.lease(Resource::GripperLeft), Some(gripper));
    assert_eq!(book.lease(Resource::ArmLeft), None);
    assert_eq!(book.lease(Resource::Mobility), None);
    book.give_back(&gripper);
    assert_eq!(book.lease(Resource::GripperLeft), None);
}

/// Clauses: O2.
#[test]
fn a_lease_that_is_not_used_may_be_acquired_by_another() {
    let lasts = u64::try_from(LeaseBook::LASTS.as_millis()).unwrap();
    let mut book = LeaseBook::default();
    let lease = book.acquire(Resource::Body, Holder::Brain, at(0)).unwrap();
    book.accept(Resource::ArmLeft, lease.epoch, 1, at(500)).unwrap();
    // A refused command prolongs nothing.
    assert_eq!(book.accept(Resource::Body, lease.epoch, 1, at(900)), Err(LeaseError::Sequence));
    let last = 500 + lasts;
    let held = Err(LeaseError::Held(Holder::Brain));
    assert_eq!(book.acquire(Resource::Body, Holder::Person, at(last)), held);
    assert_eq!(book.lease(Resource::Body), Some(lease));
    let next = book.acquire(Resource::Body, Holder::Person, at(last + 1)).unwrap();
    assert_eq!((next.holder, next.epoch), (Holder::Person, lease.epoch + 1));
    // The same holder may have it anew, under a new epoch.
    let anew = book.acquire(Resource::Body, Holder::Person, at(last + 2)).unwrap();
    assert_eq!(anew.epoch, next.epoch + 1);
    assert_eq!(book.check(Resource::Body, next.epoch, 1), Err(LeaseError::Ended));
    assert_eq!(LeaseBook::LASTS, Duration::from_secs(2));
}

/// Clauses: O2.
#[test]
fn the_parts_of_a_body_form_a_tree() {
    for part in Resource::ALL {
        assert!(part.is_within(part) && part.is_within(Resource::Body), "{part:?}");
        assert_eq!(Resource::Body.is_within(part), part == Resource::Body);
        let mut above = part;
        let mut steps = 0;
        while let Some(parent) = above.parent() {
            assert!(part.is_within(parent) && !parent.is_within(part));
            (above, steps) = (parent, steps + 1);
        }
        assert!(above == Resource::Body && steps <= 2);
    }
    assert!(Resource::GripperLeft.is_within(Resource::ArmLeft));
    assert!(!Resource::GripperLeft.is_within(Resource::ArmRight));
    assert!(!Resource::GripperRight.is_within(Resource::ArmLeft));
}
