//! What a lease permits, and what it keeps out.

mod race;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::holder::{Heard, LeaseHolder, REPEAT_AFTER, Wish};
use super::*;
use crate::deployment::keys::{PrivateKey, new_pair};

const PLAN: &str = "triune/quad12/brain/plan";
const ACT: &str = "triune/quad12/operator/act";
const STICK: &str = "triune/quad12/operator/stick";

fn random(seed: u64) -> Random {
    let mut source = ChaCha8Rng::seed_from_u64(seed);
    Box::new(move |bytes| {
        source.fill_bytes(bytes);
        Ok(())
    })
}

fn desk(trust: Option<Trust>) -> LeaseDesk {
    let signed = trust.is_some();
    let trust = trust.unwrap_or_default();
    let (robot, session) = ("quad12".to_owned(), 0x00c0_ffee);
    LeaseDesk::new(DeskSettings { robot, session, signed, trust, random: random(1) })
}

fn holder(role: LeaseRole, seed: u64, key: Option<PrivateKey>) -> LeaseHolder {
    let (robot, name, take) = ("quad12".to_owned(), format!("holder {seed}"), false);
    LeaseHolder::new(Wish { robot, role, name, take, key }, random(seed))
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// The holder's clock began 5 s before the robot's.
fn own(now: Instant) -> Duration {
    Duration::from_secs(5) + Duration::from_nanos(now.as_nanos())
}

/// Carries asks and answers until the lease is held or refused.
fn get(desk: &mut LeaseDesk, holder: &mut LeaseHolder, role: LeaseRole, now: Instant) -> Heard {
    for _ in 0..3 {
        let Some(ask) = holder.ask(own(now)).unwrap() else { break };
        match holder.hear(&desk.answer(role, &ask, now), own(now), own(now)) {
            Heard::Challenge => {}
            heard => return heard,
        }
    }
    panic!("no answer");
}

/// Header and body as they go under a lease.
fn message(epoch: u32, sequence: u64, body: &[u8]) -> Vec<u8> {
    let header = [7, u64::from(epoch), sequence, 99].map(u64::to_le_bytes).concat();
    [&header, body].concat()
}

fn sealed(holder: &LeaseHolder, key_expression: &str, sequence: u64) -> Vec<u8> {
    let message = message(holder.epoch().unwrap(), sequence, b"the body");
    let code = holder.seal(key_expression, &message).unwrap();
    [message.as_slice(), &code].concat()
}

fn answer(desk: &mut LeaseDesk, role: LeaseRole, ask: &str, now: Instant) -> Answer {
    serde_json::from_slice(&desk.answer(role, ask.as_bytes(), now)).unwrap()
}

#[test]
fn a_message_counts_once_in_its_place_unaltered() {
    let mut desk = desk(None);
    let mut planner = holder(LeaseRole::Planner, 2, None);
    let mut operator = holder(LeaseRole::Operator, 3, None);
    let roles = [LeaseRole::Planner];
    assert!(matches!(get(&mut desk, &mut planner, roles[0], at(0)), Heard::Granted(_)));
    assert!(matches!(get(&mut desk, &mut operator, LeaseRole::Operator, at(0)), Heard::Granted(_)));
    assert_eq!((planner.epoch(), operator.epoch()), (Some(1), Some(1)));
    assert_eq!(planner.session(), Some(0x00c0_ffee));
    let good = sealed(&planner, PLAN, 5);
    let accepted = desk.accept_sample(&roles, PLAN, &good, at(1)).unwrap();
    assert_eq!((accepted.epoch, accepted.sequence, accepted.name), (1, 5, "holder 2"));
    assert_eq!((accepted.role, accepted.acts_as), (roles[0], Role::Bystander));
    let mut altered = sealed(&planner, PLAN, 6);
    altered[40] ^= 1;
    let mut renumbered = sealed(&planner, PLAN, 6);
    renumbered[16] = 9;
    let mut other_epoch = sealed(&planner, PLAN, 6);
    other_epoch[8] = 2;
    let mut wide_session = sealed(&planner, PLAN, 6);
    wide_session[12] = 1;
    let mut no_code = sealed(&planner, PLAN, 6);
    let length = no_code.len();
    no_code[length - 16..].fill(0);
    let cut = |by: usize| sealed(&planner, PLAN, 6)[..length - by].to_vec();
    for (sample, key, refusal, what) in [
        (good.clone(), PLAN, Refusal::Sequence, "played again"),
        (sealed(&planner, PLAN, 4), PLAN, Refusal::Sequence, "out of order"),
        (altered, PLAN, Refusal::Code, "altered"),
        (renumbered, PLAN, Refusal::Code, "renumbered"),
        (no_code, PLAN, Refusal::Code, "forged"),
        (cut(1), PLAN, Refusal::Code, "cut"),
        (cut(16), PLAN, Refusal::Size, "without a code, and too short for one"),
        (cut(length), PLAN, Refusal::Size, "nothing"),
        (sealed(&planner, ACT, 6), PLAN, Refusal::Code, "for another topic"),
        (sealed(&planner, PLAN, 6), ACT, Refusal::Code, "on another topic"),
        (sealed(&operator, PLAN, 6), PLAN, Refusal::Code, "under another lease"),
        (other_epoch, PLAN, Refusal::Ended, "of another epoch"),
        (wide_session, PLAN, Refusal::Form, "with a session that is no epoch"),
    ] {
        let before = desk.refused_messages().of(refusal);
        let answer = desk.accept_sample(&roles, key, &sample, at(2));
        assert_eq!(answer.unwrap_err(), refusal, "{what}");
        assert_eq!(desk.refused_messages().of(refusal), before + 1, "{what}");
    }
    assert_eq!(desk.refused_messages().total(), 13);
    assert_eq!(desk.tally().accepted, 1);
    let next = sealed(&planner, PLAN, 6);
    assert!(desk.accept_sample(&roles, PLAN, &next, at(3)).is_ok(), "nothing had changed");
}

#[test]
fn the_parts_of_a_message_must_agree() {
    let mut desk = desk(None);
    let mut planner = holder(LeaseRole::Planner, 2, None);
    get(&mut desk, &mut planner, LeaseRole::Planner, at(0));
    let whole = message(1, 5, b"body");
    let code = planner.seal(PLAN, &whole).unwrap();
    let mut accept = |epoch, sequence, message: &[u8], code: &[u8]| {
        let role = LeaseRole::Planner;
        desk.accept(role, epoch, sequence, PLAN, message, code, at(1)).map(|it| it.sequence)
    };
    assert_eq!(accept(1, 6, &whole, &code), Err(Refusal::Form));
    assert_eq!(accept(2, 5, &whole, &code), Err(Refusal::Form));
    assert_eq!(accept(1, 5, &whole[..31], &code), Err(Refusal::Size));
    assert_eq!(accept(1, 5, &[], &code), Err(Refusal::Size));
    assert_eq!(accept(1, 5, &whole, &code[..8]), Err(Refusal::Code));
    assert_eq!(accept(1, 5, &whole, &[]), Err(Refusal::Code));
    assert_eq!(accept(1, 5, &whole, &code), Ok(5));
}

#[test]
fn each_topic_numbers_for_itself_and_there_are_few() {
    let mut desk = desk(None);
    let mut operator = holder(LeaseRole::Operator, 2, None);
    get(&mut desk, &mut operator, LeaseRole::Operator, at(0));
    let roles = [LeaseRole::Operator, LeaseRole::Maintainer];
    let mut take = |key: &str, sequence| {
        let sample = sealed(&operator, key, sequence);
        desk.accept_sample(&roles, key, &sample, at(1)).map(|accepted| accepted.acts_as)
    };
    assert_eq!(take(STICK, 900), Ok(Role::Local));
    assert_eq!(take(ACT, 1), Ok(Role::Local));
    assert_eq!(take(STICK, 900), Err(Refusal::Sequence));
    assert_eq!(take(ACT, u64::MAX), Ok(Role::Local), "the last number");
    assert_eq!(take(ACT, u64::MAX), Err(Refusal::Sequence));
    assert_eq!(take(ACT, 0), Err(Refusal::Sequence), "it does not wrap");
    assert_eq!(take("a", 0), Ok(Role::Local));
    assert_eq!(take("b", 0), Ok(Role::Local));
    assert_eq!(take("c", 0), Err(Refusal::Topics));
}

#[test]
fn an_act_counts_under_the_maintainers_lease_too() {
    let mut desk = desk(None);
    let mut maintainer = holder(LeaseRole::Maintainer, 2, None);
    let mut operator = holder(LeaseRole::Operator, 3, None);
    get(&mut desk, &mut maintainer, LeaseRole::Maintainer, at(0));
    let roles = [LeaseRole::Operator, LeaseRole::Maintainer];
    let sample = sealed(&maintainer, ACT, 1);
    let accepted = desk.accept_sample(&roles, ACT, &sample, at(1)).unwrap();
    assert_eq!((accepted.role, accepted.acts_as), (LeaseRole::Maintainer, Role::Maintainer));
    // Both are at epoch 1 now: the code says whose message it is.
    get(&mut desk, &mut operator, LeaseRole::Operator, at(2));
    let sample = sealed(&maintainer, ACT, 2);
    let accepted = desk.accept_sample(&roles, ACT, &sample, at(3)).unwrap();
    assert_eq!(accepted.role, LeaseRole::Maintainer);
    let sample = sealed(&maintainer, ACT, 2);
    assert_eq!(desk.accept_sample(&roles, ACT, &sample, at(4)), Err(Refusal::Sequence));
}

#[test]
fn a_lease_is_held_by_using_it_and_ends_by_itself() {
    let mut desk = desk(None);
    let mut first = holder(LeaseRole::Planner, 2, None);
    let mut second = holder(LeaseRole::Planner, 3, None);
    get(&mut desk, &mut first, LeaseRole::Planner, at(0));
    let refused = get(&mut desk, &mut second, LeaseRole::Planner, at(2000));
    let Heard::Refused { why, said } = refused else { panic!("{refused:?}") };
    assert_eq!(why, "held");
    assert!(said.contains("holder 2") && said.contains("0 ms more"), "{said}");
    // A message uses it.
    let sample = sealed(&first, PLAN, 1);
    desk.accept_sample(&[LeaseRole::Planner], PLAN, &sample, at(2000)).unwrap();
    // So does a keep, which is due every 500 ms.
    let keep = first.ask(own(at(4000))).unwrap().unwrap();
    assert_eq!(first.ask(own(at(4000) + REPEAT_AFTER / 2)).unwrap(), None);
    let answer = desk.answer(LeaseRole::Planner, &keep, at(4000));
    let Heard::Kept(time) = first.hear(&answer, own(at(4000)), own(at(4003))) else {
        panic!("it is kept");
    };
    assert_eq!((time.robot, time.asked, time.heard), (at(4000), own(at(4000)), own(at(4003))));
    assert_eq!(desk.holder(LeaseRole::Planner, at(6000)), Some((1, "holder 2")));
    assert!(!first.has_ended(own(at(6000))) && first.has_ended(own(at(6001))));
    // The same keep once more is none.
    let again: Answer =
        serde_json::from_slice(&desk.answer(LeaseRole::Planner, &keep, at(5000))).unwrap();
    assert_eq!(again.why.as_deref(), Some("sequence"));
    assert_eq!(desk.holder(LeaseRole::Planner, at(6001)), None);
    assert_eq!(desk.tally().expired, 1);
    let sample = sealed(&first, PLAN, 2);
    let late = desk.accept_sample(&[LeaseRole::Planner], PLAN, &sample, at(6002));
    assert_eq!(late, Err(Refusal::Ended));
    let keep = first.ask(own(at(6002))).unwrap().unwrap();
    let answer = desk.answer(LeaseRole::Planner, &keep, at(6002));
    let heard = first.hear(&answer, own(at(6002)), own(at(6002)));
    assert!(matches!(&heard, Heard::Refused { why, .. } if why == "ended"), "{heard:?}");
    assert_eq!((first.epoch(), first.seal(PLAN, b"")), (None, None));
    second.again(false);
    assert!(matches!(get(&mut desk, &mut second, LeaseRole::Planner, at(6003)), Heard::Granted(_)));
    assert_eq!(second.epoch(), Some(2));
}

#[test]
fn what_is_given_back_is_free_at_once() {
    let mut desk = desk(None);
    let mut first = holder(LeaseRole::Operator, 2, None);
    assert_eq!(first.give_back(own(at(0))), None);
    get(&mut desk, &mut first, LeaseRole::Operator, at(0));
    let ask = first.give_back(own(at(1))).unwrap();
    let answer = desk.answer(LeaseRole::Operator, &ask, at(1));
    assert_eq!(first.hear(&answer, own(at(1)), own(at(1))), Heard::Returned);
    assert_eq!(desk.holder(LeaseRole::Operator, at(1)), None);
    assert_eq!((desk.tally().granted, desk.tally().returned), (1, 1));
    let again: Answer =
        serde_json::from_slice(&desk.answer(LeaseRole::Operator, &ask, at(1))).unwrap();
    assert_eq!(again.why.as_deref(), Some("ended"));
}

#[test]
fn who_takes_it_ends_the_other_at_once() {
    let mut desk = desk(None);
    let mut first = holder(LeaseRole::Operator, 2, None);
    let mut second = holder(LeaseRole::Operator, 3, None);
    let roles = [LeaseRole::Operator];
    get(&mut desk, &mut first, LeaseRole::Operator, at(0));
    let before = sealed(&first, ACT, 1);
    desk.accept_sample(&roles, ACT, &before, at(1)).unwrap();
    second.again(true);
    assert!(matches!(get(&mut desk, &mut second, LeaseRole::Operator, at(1)), Heard::Granted(_)));
    let (late, early) = (sealed(&first, ACT, 2), sealed(&second, ACT, 1));
    assert_eq!(desk.accept_sample(&roles, ACT, &late, at(1)), Err(Refusal::Ended));
    // In the tick in which the first has acted, the second has not yet.
    assert_eq!(desk.accept_sample(&roles, ACT, &early, at(1)), Err(Refusal::Tick));
    assert!(desk.accept_sample(&roles, ACT, &early, at(2)).is_ok(), "and its number still counts");
    assert_eq!((desk.tally().granted, desk.tally().taken), (2, 1));
    let keep = first.ask(own(at(600))).unwrap().unwrap();
    let answer = desk.answer(LeaseRole::Operator, &keep, at(600));
    assert!(matches!(first.hear(&answer, own(at(600)), own(at(600))), Heard::Refused { .. }));
    assert!(first.has_ended(own(at(600))));
}

#[test]
fn a_clock_that_stands_or_steps_back_ends_nothing_and_revives_nothing() {
    let mut desk = desk(None);
    let mut planner = holder(LeaseRole::Planner, 2, None);
    get(&mut desk, &mut planner, LeaseRole::Planner, at(5000));
    for (sequence, now) in [(1, at(5000)), (2, at(0)), (3, Instant::ZERO)] {
        let sample = sealed(&planner, PLAN, sequence);
        assert!(desk.accept_sample(&[LeaseRole::Planner], PLAN, &sample, now).is_ok());
    }
    assert!(
        desk.holder(LeaseRole::Planner, at(7000)).is_some(),
        "used at 5 s, whatever came after"
    );
    let end = Instant::from_nanos(u64::MAX);
    assert_eq!(desk.holder(LeaseRole::Planner, end), None);
    assert_eq!(desk.holder(LeaseRole::Planner, at(5001)), None);
    get(&mut desk, &mut holder(LeaseRole::Planner, 4, None), LeaseRole::Planner, end);
    assert!(desk.holder(LeaseRole::Planner, end).is_some());
}

#[test]
fn nothing_of_one_run_counts_in_the_next() {
    let mut before = desk(None);
    let mut planner = holder(LeaseRole::Planner, 2, None);
    get(&mut before, &mut planner, LeaseRole::Planner, at(0));
    let mut after = desk(None);
    // Another holder gets the same epoch from the robot that was switched on again.
    get(&mut after, &mut holder(LeaseRole::Planner, 3, None), LeaseRole::Planner, at(0));
    let sample = sealed(&planner, PLAN, 1);
    assert_eq!(
        after.accept_sample(&[LeaseRole::Planner], PLAN, &sample, at(1)),
        Err(Refusal::Code)
    );
}

#[test]
fn nonsense_is_answered_and_counted() {
    let mut desk = desk(None);
    for ask in ["", "{}", "{\"ask\":\"steal\"}", "\u{0}"] {
        let said = answer(&mut desk, LeaseRole::Planner, ask, at(0));
        assert_eq!((said.ok, said.why.as_deref()), (false, Some("form")), "{ask:?}");
    }
    let long = format!("{{\"ask\":\"challenge\"{}}}", " ".repeat(5000));
    let said = answer(&mut desk, LeaseRole::Planner, &long, at(0));
    assert_eq!(said.why.as_deref(), Some("size"));
    let public = "00".repeat(32);
    let ask = format!(
        "{{\"ask\":\"acquire\",\"protocol\":1,\"name\":\"\",\"public\":\"{public}\",\
         \"nonce\":\"{}\"}}",
        "0".repeat(32)
    );
    let said = answer(&mut desk, LeaseRole::Planner, &ask, at(0));
    assert_eq!(said.why.as_deref(), Some("form"), "a key that would be known to all");
    let said = answer(&mut desk, LeaseRole::Planner, &ask.replace(":1,", ":2,"), at(0));
    assert_eq!(said.why.as_deref(), Some("protocol"));
    assert_eq!(desk.refused_asks().of(Refusal::Form), 5);
    assert_eq!(desk.refused_asks().total(), 7);
    assert_eq!(desk.tally(), &Tally::default());
    let nothing: Random = Box::new(|_| Err(std::io::Error::other("none")));
    let mut desk = LeaseDesk::new(DeskSettings { random: nothing, ..desk.settings });
    let said = answer(&mut desk, LeaseRole::Planner, "{\"ask\":\"challenge\"}", at(0));
    assert_eq!(said.why.as_deref(), Some("machine"));
}

#[test]
fn late_and_foreign_answers_change_nothing() {
    let mut desk = desk(None);
    let mut planner = holder(LeaseRole::Planner, 2, None);
    assert_eq!(planner.hear(b"{\"ok\":true}", own(at(0)), own(at(0))), Heard::Nonsense);
    let first = planner.ask(own(at(0))).unwrap().unwrap();
    for answer in [&b"[]"[..], b"{\"ok\":true}", b"{\"ok\":true,\"epoch\":1}", &[b' '; 5000]] {
        assert_eq!(planner.hear(answer, own(at(0)), own(at(1))), Heard::Nonsense);
    }
    let lost = desk.answer(LeaseRole::Planner, &first, at(0));
    assert_eq!(planner.ask(own(at(0) + REPEAT_AFTER / 2)).unwrap(), None, "it waits");
    let again = planner.ask(own(at(1000))).unwrap().unwrap();
    let answer = desk.answer(LeaseRole::Planner, &again, at(1001));
    assert_eq!((&again, &answer).0, &first, "the same ask");
    assert!(matches!(
        planner.hear(&answer, own(at(1000)), own(at(1002))),
        Heard::Granted(time) if time.robot == at(1001)
    ));
    assert_eq!((planner.epoch(), desk.tally().granted), (Some(1), 1), "and one lease");
    assert_eq!(planner.hear(&lost, own(at(0)), own(at(1003))), Heard::Nonsense, "it came late");
    assert_eq!(desk.holder(LeaseRole::Planner, at(2001)), None, "asking again is no use of it");
    get(&mut desk, &mut planner, LeaseRole::Planner, at(2001));
    planner.again(false);
    get(&mut desk, &mut planner, LeaseRole::Planner, at(2002));
    let weak = format!(
        "{{\"ok\":true,\"epoch\":3,\"public\":\"{}\",\"session\":\"{}\",\"now_ns\":1}}",
        "0".repeat(64),
        "0".repeat(16)
    );
    let mut other = holder(LeaseRole::Planner, 3, None);
    other.ask(own(at(0))).unwrap();
    let heard = other.hear(weak.as_bytes(), own(at(0)), own(at(0)));
    assert!(matches!(heard, Heard::Refused { .. }), "a robot's key that is known to all");
    assert_eq!(other.epoch(), None);
}

/// A link of `delay` one way, cut from 3 s to 8 s; `when` the lease is held after that.
fn held_again(mut holder: LeaseHolder, mut desk: LeaseDesk, delay: u64) -> u64 {
    const CUT: std::ops::Range<u64> = 3000..8000;
    let (mut asks, mut answers) = (Vec::<(u64, Vec<u8>)>::new(), Vec::new());
    for now in 0..12_000 {
        let arrived = |sent: u64| sent + delay == now && !CUT.contains(&now);
        for (sent, ask) in &asks {
            if arrived(*sent) {
                answers.push((*sent, now, desk.answer(LeaseRole::Planner, ask, at(now))));
            }
        }
        for (asked, sent, answer) in &answers {
            if arrived(*sent) {
                let heard = holder.hear(answer, own(at(*asked)), own(at(now)));
                if matches!(heard, Heard::Refused { .. }) && holder.epoch().is_none() {
                    holder.again(false);
                }
            }
        }
        if let Some(ask) = holder.ask(own(at(now))).unwrap().filter(|_| !CUT.contains(&now)) {
            asks.push((now, ask));
        }
        assert!(now != CUT.start || holder.epoch().is_some(), "it had time enough");
        if now >= CUT.end && holder.epoch() == Some(2) {
            assert_eq!(desk.tally().granted, 2, "one lease before and one after");
            return now - CUT.end;
        }
    }
    panic!("never");
}

/// An ask is on its way again within 50 ms, so it takes that and the ways there and back: of the
/// ask that is refused, of the challenge, and of the ask that is not.
#[test]
fn when_a_link_is_whole_again_the_lease_is_soon_held_again() {
    let (_folder, trust, key) = keys();
    let repeat = u64::try_from(REPEAT_AFTER.as_millis()).unwrap();
    for delay in [1, 10, 100, 400] {
        let again = held_again(holder(LeaseRole::Planner, 2, None), desk(None), delay);
        assert!(again <= repeat + 4 * delay + 3, "{again} ms with {delay} ms each way");
        let signed = holder(LeaseRole::Planner, 2, Some(key("planner")));
        let again = held_again(signed, desk(Some(trust.clone())), delay);
        assert!(again <= repeat + 6 * delay + 5, "{again} ms with {delay} ms each way, signed");
    }
}

/// Folder of new keys, one for each role, and a stranger's.
fn keys() -> (tempfile::TempDir, Trust, impl Fn(&str) -> PrivateKey) {
    let folder = tempfile::tempdir().unwrap();
    let (trusted, strangers) = (folder.path().join("keys"), folder.path().join("strangers"));
    let mut paths = std::collections::HashMap::new();
    for (role, name) in [
        (keys::Role::Operator, "operator"),
        (keys::Role::Planner, "planner"),
        (keys::Role::Maintainer, "maintainer"),
        (keys::Role::Authority, "authority"),
    ] {
        paths.insert(name, new_pair(&trusted, role).unwrap()[1].clone());
    }
    paths.insert("stranger", new_pair(&strangers, keys::Role::Planner).unwrap()[1].clone());
    let trust = Trust::load(folder.path()).unwrap();
    (folder, trust, move |name: &str| PrivateKey::load(&paths[name]).unwrap())
}

#[test]
fn on_a_network_a_lease_needs_a_trusted_signature() {
    let (_folder, trust, key) = keys();
    let mut desk = desk(Some(trust));
    for (role, name, why) in [
        (LeaseRole::Planner, "planner", None),
        (LeaseRole::Planner, "operator", Some("forbidden")),
        (LeaseRole::Planner, "maintainer", Some("forbidden")),
        (LeaseRole::Operator, "operator", None),
        (LeaseRole::Operator, "maintainer", None),
        (LeaseRole::Operator, "planner", Some("forbidden")),
        (LeaseRole::Operator, "authority", Some("forbidden")),
        (LeaseRole::Maintainer, "maintainer", None),
        (LeaseRole::Maintainer, "operator", Some("forbidden")),
        (LeaseRole::Planner, "stranger", Some("stranger")),
    ] {
        let mut wants = holder(role, 2, Some(key(name)));
        match (get(&mut desk, &mut wants, role, at(0)), why) {
            (Heard::Granted(_), None) => {
                assert_eq!(desk.signer(role, at(0)), Some(key(name).id().as_str()));
            }
            (Heard::Refused { why, .. }, Some(wanted)) => assert_eq!(why, wanted, "{name}"),
            (heard, _) => panic!("{role} by {name}: {heard:?}"),
        }
        desk.revoke(role);
    }
    let mut unsigned = holder(LeaseRole::Planner, 3, None);
    let heard = get(&mut desk, &mut unsigned, LeaseRole::Planner, at(0));
    assert!(matches!(heard, Heard::Refused { ref why, .. } if why == "unsigned"));
    let mut operator = holder(LeaseRole::Operator, 4, Some(key("operator")));
    get(&mut desk, &mut operator, LeaseRole::Operator, at(0));
    let sample = sealed(&operator, ACT, 1);
    let accepted = desk.accept_sample(&[LeaseRole::Operator], ACT, &sample, at(1)).unwrap();
    assert_eq!(accepted.acts_as, Role::Operator, "from afar nobody is at the robot");
}

#[test]
fn a_signature_counts_once_and_only_for_what_was_signed() {
    let (_folder, trust, key) = keys();
    let mut desk = desk(Some(trust));
    let role = LeaseRole::Planner;
    let mut signed = |now| {
        let mut wants = holder(role, 2, Some(key("planner")));
        let ask = wants.ask(own(at(0))).unwrap().unwrap();
        let answer = desk.answer(role, &ask, now);
        assert_eq!(wants.hear(&answer, own(at(0)), own(at(0))), Heard::Challenge);
        String::from_utf8(wants.ask(own(at(0))).unwrap().unwrap()).unwrap()
    };
    let [good, other, named, old, taking] = [0; 5].map(|_| signed(at(0)));
    let why = |desk: &mut LeaseDesk, ask: &str, now| answer(desk, role, ask, now).why;
    assert_eq!(why(&mut desk, &good, at(1)), None);
    desk.revoke(role);
    assert_eq!(why(&mut desk, &good, at(2)).as_deref(), Some("challenge"), "played again");
    let changed = other.replace("holder 2", "holder 9");
    assert_eq!(why(&mut desk, &changed, at(2)).as_deref(), Some("signature"));
    assert_eq!(why(&mut desk, &other, at(2)).as_deref(), Some("challenge"), "it was used up");
    let on_another = answer(&mut desk, LeaseRole::Operator, &named, at(2)).why;
    assert_eq!(on_another.as_deref(), Some("forbidden"));
    // `take` is no part of what is signed: whoever may hold the lease may also take it.
    let takes = taking.replace("\"take\":false", "\"take\":true");
    assert_eq!(why(&mut desk, &takes, at(3)), None);
    desk.revoke(role);
    assert_eq!(why(&mut desk, &old, at(10_001)).as_deref(), Some("challenge"), "too old");
    let without: Acquire = match Ask::parse(named.as_bytes()).unwrap() {
        Ask::Acquire(ask) => Acquire { challenge: None, ..*ask },
        ask => panic!("{ask:?}"),
    };
    let without = serde_json::to_string(&Ask::Acquire(Box::new(without))).unwrap();
    assert_eq!(why(&mut desk, &without, at(4)), None, "the newest that is out is meant");
}
