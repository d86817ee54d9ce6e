//! Bytes of serial servos under any input: what goes in comes out, garbage changes nothing but the
//! counters, and a good frame is found again behind it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use motors::servo::{Family, Goal};
use motors::{Reader, Reply, dynamixel, feetech};
use proptest::collection::vec;
use proptest::prelude::*;

fn answer(family: Family, id: u8, error: u8, data: &[u8]) -> Vec<u8> {
    match family {
        Family::Feetech => feetech::answer(id, error, data).as_bytes().to_vec(),
        Family::Dynamixel => dynamixel::answer(id, error, data).unwrap().as_bytes().to_vec(),
    }
}

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Feetech), Just(Family::Dynamixel)]
}

/// Bytes that look like headers and lengths more often than chance has it.
fn nasty() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0xFF), 2 => Just(0xFD), 1 => Just(0), 1 => Just(0x55), 3 => any::<u8>()]
}

proptest! {
    #[test]
    fn answers_come_out_as_they_went_in(
        family in family(), id in 0..0xFD_u8, error in any::<u8>(), data in vec(nasty(), 0..100),
        pieces in 1..9_usize,
    ) {
        let bytes = answer(family, id, error, &data);
        let mut reader = Reader::new(family);
        let mut found = Vec::new();
        for piece in bytes.chunks(pieces) {
            reader.push(piece);
            found.extend(reader.next_reply());
        }
        prop_assert_eq!(found, vec![Reply::new(id, error, &data).unwrap()]);
        prop_assert_eq!(reader.counters().noise_bytes, 0);
    }

    /// Garbage, then a good answer: it is found, at the latest when the line was quiet once.
    #[test]
    fn a_reader_finds_its_way_back(
        family in family(), garbage in vec(nasty(), 0..300), data in vec(nasty(), 0..60),
    ) {
        let mut reader = Reader::new(family);
        reader.push(&garbage);
        while reader.next_reply().is_some() {}
        let before = reader.counters();
        prop_assert!(before.noise_bytes <= garbage.len() as u64);
        reader.cut();
        reader.push(&answer(family, 7, 0, &data));
        prop_assert_eq!(reader.next_reply(), Reply::new(7, 0, &data));
        prop_assert_eq!(reader.counters().replies, before.replies + 1);
        prop_assert_eq!(reader.counters().overflow_bytes, 0);
    }

    /// One damaged byte never yields an answer of the same length with other contents (a damaged
    /// length may end at a byte that is the right sum by chance; the length then gives it away),
    /// and the frame behind it comes through.
    #[test]
    fn a_damaged_frame_changes_nothing(
        family in family(), data in vec(any::<u8>(), 1..40), at in any::<prop::sample::Index>(),
        flip in 1..=255_u8,
    ) {
        let good = answer(family, 3, 0, &data);
        let mut bad = good.clone();
        let at = at.index(bad.len());
        bad[at] ^= flip;
        let mut reader = Reader::new(family);
        reader.push(&bad);
        while let Some(reply) = reader.next_reply() {
            prop_assert_ne!(reply.data().len(), data.len());
        }
        reader.cut();
        let counters = reader.counters();
        prop_assert!(counters.bad_checksum + counters.noise_bytes + counters.cut > 0);
        reader.push(&good);
        prop_assert_eq!(reader.next_reply(), Reply::new(3, 0, &data));
    }

    #[test]
    fn goals_are_within_their_fields(
        family in family(), position in any::<i32>(), speed in any::<u32>(), torque in any::<u16>(),
    ) {
        for block in family.goal_blocks() {
            let bytes = family.goal(block.address, &Goal { position, speed, torque });
            if family == Family::Feetech {
                let speed = u16::from_le_bytes([bytes[4], bytes[5]]);
                prop_assert!(speed < 0x8000, "bit 15 would be a sign");
            }
        }
    }

    #[test]
    fn what_is_no_state_is_refused(family in family(), data in vec(any::<u8>(), 0..120)) {
        let reply = Reply::new(1, 0, &data).unwrap();
        let right = usize::from(family.state_block().bytes);
        prop_assert_eq!(family.state(&reply).is_some(), data.len() == right);
        let right = usize::from(family.setup_block().bytes);
        prop_assert_eq!(family.setup(&reply).is_some(), data.len() == right);
    }
}

/// More bytes than a reader keeps are counted, and it goes on.
#[test]
fn a_flood_is_counted() {
    let mut reader = Reader::new(Family::Feetech);
    reader.push(&[0xFF, 0xFF, 1, 200]);
    reader.push(&[0; 10_000]);
    assert!(reader.counters().overflow_bytes > 0);
    while reader.next_reply().is_some() {}
    reader.cut();
    reader.push(&answer(Family::Feetech, 1, 0, &[5]));
    assert_eq!(reader.next_reply(), Reply::new(1, 0, &[5]));
}

/// Servos of one model with different firmware answer with other lengths; such an answer is
/// passed on whole and refused as a state, never read across its end.
#[test]
fn an_answer_of_another_length_is_no_state() {
    let mut reader = Reader::new(Family::Feetech);
    reader.push(&answer(Family::Feetech, 1, 0, &[0; 30]));
    let reply = reader.next_reply().unwrap();
    assert_eq!(Family::Feetech.state(&reply), None);
}
