//! Every decoder of the project under broken files: whatever the bytes, an answer, no panic, no
//! endless loop, and little memory. Valid files are broken in the ways files break (bits, bytes,
//! cuts, splices, lines) and in the ways people break them (numbers at the edge of what a number
//! can be). The seed is fixed, so that a failure comes again; it names decoder and case.
//!
//! `TRIUNE_FUZZ_CASES` sets the cases a decoder gets (in a release build 100,000, otherwise 1,000;
//! those that read whole robots and journals take fewer).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::time::{Duration, Instant};

use brain::Policy;
use model::{ContactLimitsFile, Robot, TomlSource};
use runtime::deployment::files::{NoticeSheet, PermitSheet, ProfileSheet};
use runtime::deployment::keys::{Kind, Trust};
use runtime::deployment::{base64, memory, signature};
use runtime::govern::Session;
use runtime::journal::{Event, EventKind, Journal, JournalInfo, Tick, read};
use runtime::mission::Mission;
use runtime::wiring;

/// Most bytes alive at once while one case is read.
const BYTES_MAX: u64 = 64 << 20;
/// No case takes so long; a decoder that never ends is seen by that.
const CASE_MAX: Duration = Duration::from_secs(5);

/// Numbers and words that people and broken programs write.
const WORDS: [&str; 28] = [
    "0",
    "-0.0",
    "1",
    "-1",
    "1e308",
    "-1e308",
    "1e-320",
    "1e999",
    "-1e999",
    "nan",
    "inf",
    "-inf",
    "NaN",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "4294967296",
    "1e20",
    "0.1",
    "true",
    "null",
    "\"\"",
    "[]",
    "{}",
    "\"\u{1F916}\"",
    "[[[[[[[[",
    "=",
    "\n",
];

/// Chance that can be repeated (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end.max(1)
    }
}

/// One of `seeds`, broken in one to four places.
fn broken(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(9) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << dice.below(8)),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = dice.below(256) as u8),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..(at + 1 + dice.below(40)).min(bytes.len()))),
            4 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len());
                let piece = other[from..(from + dice.below(200)).min(other.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => drop(bytes.splice(at..at, WORDS[dice.below(WORDS.len())].bytes())),
            6 => swap_lines(&mut bytes, dice),
            _ => replace_number(&mut bytes, at, WORDS[dice.below(WORDS.len())]),
        }
    }
    bytes
}

/// The next number after `at` becomes `word`: what a person does to a file.
fn replace_number(bytes: &mut Vec<u8>, at: usize, word: &str) {
    let number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let Some(start) = bytes.iter().skip(at).position(u8::is_ascii_digit) else { return };
    let start = at + start;
    let length = bytes[start..].iter().take_while(|byte| number(byte)).count();
    bytes.splice(start..start + length, word.bytes());
}

/// A line stands twice, or in another's place.
fn swap_lines(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let (from, to) = (dice.below(lines.len()), dice.below(lines.len()));
    let line = lines[from].clone();
    if dice.below(2) == 0 {
        lines.insert(to, line);
    } else {
        lines[to] = line;
    }
    *bytes = lines.join(&b'\n');
}

/// Gives `decode` broken variants of `seeds`: how many it took for good.
fn fuzz(name: &str, share: usize, seeds: &[Vec<u8>], mut decode: impl FnMut(&[u8]) -> bool) {
    let usual = if cfg!(debug_assertions) { 1_000 } else { 100_000 };
    let wanted = std::env::var("TRIUNE_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    let cases = wanted.unwrap_or(usual) / share;
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    assert!(seeds.iter().all(|seed| decode(seed)), "{name}: a valid file is refused");
    let (begun, mut good) = (Instant::now(), 0);
    for case in 0..cases {
        let bytes = broken(seeds, &mut dice);
        let started = Instant::now();
        let mut read = Ok(false);
        let memory = allocation_counter::measure(|| {
            read = catch_unwind(AssertUnwindSafe(|| decode(&bytes)));
        });
        let told = || format!("{name}, case {case}: {}", String::from_utf8_lossy(&bytes));
        assert!(read.is_ok(), "panicked: {}", told());
        good += usize::from(read.unwrap_or_default());
        assert!(memory.bytes_max < BYTES_MAX, "{} bytes: {}", memory.bytes_max, told());
        assert!(started.elapsed() < CASE_MAX, "took {:?}: {}", started.elapsed(), told());
    }
    println!("{name}: {cases} cases in {:.1?}, {good} still good", begun.elapsed());
    assert!(good < cases, "{name}: nothing was refused, so nothing was broken");
}

fn robot_folder() -> PathBuf {
    whole::root().join("robots/quadruped")
}

fn bytes(file: &str) -> Vec<u8> {
    fs::read(robot_folder().join(file)).unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn robot() -> Robot {
    Robot::load(&robot_folder()).unwrap()
}

/// Reads a robot whose file or model is broken, and goes on with it as a run would.
fn robot_is_read(toml: &[u8], xml: Option<&[u8]>) -> bool {
    let beside = |name: &str| match xml {
        Some(xml) if name.ends_with(".xml") => Ok(text(xml)),
        _ => Ok(text(&bytes(name.split('/').next_back().unwrap_or_default()))),
    };
    let beside = |name: &str| {
        if robot_folder().join(name).is_file() { beside(name) } else { Ok(String::new()) }
    };
    let Ok(robot) = Robot::parse("robot.toml", &text(toml), beside) else { return false };
    wiring::governor(&robot).is_ok()
}

/// Clauses: C1.
#[test]
fn robot_files() {
    fuzz("robot.toml", 5, &[bytes("robot.toml")], |file| robot_is_read(file, None));
}

/// Clauses: C1.
#[test]
fn model_files() {
    let toml = bytes("robot.toml");
    fuzz("MJCF", 5, &[bytes("quadruped.xml")], |xml| robot_is_read(&toml, Some(xml)));
}

/// Clauses: C1.
#[test]
fn missions() {
    let seeds = [bytes("missions/demo.toml")];
    fuzz("mission", 1, &seeds, |file| Mission::parse("m.toml", &text(file)).is_ok());
}

/// Clauses: C1, U1.
#[test]
fn policy_cards() {
    let (card, golden) =
        (bytes("policies/navigate/policy.toml"), bytes("policies/navigate/golden.json"));
    let model = bytes("policies/navigate/navigate.onnx");
    let with = |card: &[u8], golden: &[u8]| {
        let files = |path: &Path| {
            let ends = |ending: &str| path.extension().is_some_and(|found| found == ending);
            Ok(if ends("toml") {
                card
            } else if ends("json") {
                golden
            } else {
                &model
            }
            .to_vec())
        };
        Policy::load_with(Path::new("policy"), &files).is_ok()
    };
    fuzz("policy.toml", 20, from_ref(&card), |card| with(card, &golden));
    fuzz("golden.json", 20, from_ref(&golden), |golden| with(&card, golden));
}

/// A sandbox permit and a notice as an authority writes them.
const PERMIT: &str = "schema = \"triune.permit/1\"\nserial = 1\nrobots = [\"quad12\"]\n\
    issued = 2026-01-01T00:00:00Z\nbegins = 2026-01-01T00:00:00Z\nends = 2099-01-01T00:00:00Z\n\
    scenario = \"A\"\nintelligence = { perception = \"L4\", decision = \"L4\", execution = \"L4\", \
    collaboration = \"L4\" }\narea_m = [[-20, -20], [20, -20], [20, 20], [-20, 20]]\n";
const NOTICE: &str = "schema = \"triune.notice/1\"\nserial = 1\nrobots = [\"quad12\"]\n\
    issued = 2026-01-01T00:00:00Z\nexpires = 2099-01-01T00:00:00Z\n\
    text = \"slower, please\"\ntighten = { speed = 0.2 }\n";

/// Clauses: C1, B1, G1, W3.
#[test]
fn deployment_files() {
    let robot = robot();
    let decode = |file: &[u8]| {
        let text = text(file);
        let source = TomlSource::new("f.toml", &text);
        let profile = ProfileSheet::parse(&source, &robot).is_ok();
        let permit = PermitSheet::parse(&source, &robot).is_ok();
        let notice = NoticeSheet::parse(&source, &robot).is_ok();
        profile || permit || notice
    };
    let seeds = [bytes("profiles/lab.toml"), PERMIT.into(), NOTICE.into()];
    fuzz("profile, permit, notice", 1, &seeds, decode);
}

/// Clauses: C1, H2.
#[test]
fn contact_limits() {
    let seeds = [bytes("../contact_limits.toml")];
    fuzz("contact limits", 1, &seeds, |file| {
        ContactLimitsFile::parse("c.toml", &text(file)).is_ok()
    });
}

/// Clauses: C1.
#[test]
fn keys_signatures_and_memory() {
    let key = bytes("keys/example.pub");
    fuzz("public key", 1, from_ref(&key), |file| Trust::parse(&[("k.pub", &text(file))]).is_ok());
    let trust = Trust::parse(&[("example.pub", &text(&key))]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, signed) = (folder.path().join("lab.toml"), bytes("profiles/lab.toml"));
    fuzz("signature", 4, &[bytes("profiles/lab.toml.sig")], |signature| {
        fs::write(signature::path_of(&file), signature).unwrap();
        signature::verify(&file, &signed, Kind::Profile, &trust).is_ok()
    });
    fuzz("base64", 1, &[b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=".to_vec()], |text| {
        std::str::from_utf8(text).ok().and_then(base64::decode).is_some()
    });
    memory::Memory::default().write(folder.path()).unwrap();
    let mut written = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let kept = written.find(|path| path.extension().is_some_and(|e| e == "json")).unwrap();
    let seed = fs::read(&kept).unwrap();
    fuzz("memory", 4, from_ref(&seed), |bytes| {
        fs::write(&kept, bytes).unwrap();
        matches!(memory::Memory::read(folder.path()), memory::Found::Kept(_))
    });
    // What is behind its hash, too.
    let body = seed.split(|byte| *byte == b'\n').next().unwrap().to_vec();
    fuzz("memory, rehashed", 1, &[body], |body| {
        serde_json::from_slice::<memory::Memory>(body).is_ok()
    });
}

/// Clauses: C1, E5.
#[test]
fn lines_of_govern() {
    let robot = robot();
    let stand = "[0.0, 0.79, -1.58, 0.0, 0.79, -1.58, 0.0, 0.79, -1.58, 0.0, 0.79, -1.58]";
    let still = "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]";
    let wanted = format!("{{\"q\": {stand}, \"kp\": 40, \"kd\": 1}}");
    let proposal = format!("{{\"t\": 0.5, \"q\": {stand}, \"dq\": {still}, \"wanted\": {wanted}}}");
    let seeds =
        [proposal.into_bytes(), b"{\"act\": \"start\"}".to_vec(), b"{\"stop\": true}".to_vec()];
    let session = || {
        let governor = wiring::governor(&robot).unwrap();
        Session::new(&robot, governor, Duration::from_millis(1), true)
    };
    let (mut one, mut number) = (session(), 0);
    fuzz("govern line", 1, &seeds, |line| {
        number += 1;
        if number % 500 == 0 {
            one = session();
        }
        let _ = one.answer(number, line);
        let written = one.written();
        // Whatever came in, what goes out is one line of JSON.
        let answer: serde_json::Value = serde_json::from_slice(written).unwrap();
        answer.get("error").is_none()
    });
}

/// Clauses: C1, E4.
#[test]
fn journals() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("journal.mcap");
    let info =
        JournalInfo { robot: "r".into(), joints: vec!["j".into()], ..JournalInfo::default() };
    let mut journal = Journal::create(&file, &info).unwrap();
    // One joint in the layout of a tick.
    let bytes = vec![0; 124 + 28];
    let tick = Tick::decode(&bytes).unwrap();
    for cycle in 0..20 {
        let at = signals::Instant::from_nanos(cycle * 1_000_000);
        journal.record_tick(&Tick { cycle, at, ..tick });
        journal.event(Event::new(at, cycle, EventKind::Phase, "walk"));
    }
    assert!(journal.close().is_complete());
    let seed = fs::read(&file).unwrap();
    fuzz("journal", 10, &[seed], |bytes| {
        fs::write(&file, bytes).unwrap();
        read(&file).is_ok()
    });
    fuzz("tick", 1, &[bytes], |bytes| Tick::decode(bytes).is_some());
}

/// Decoders that fail in each of the ways this file looks for, on what no valid file holds.
///
/// Clauses: C1.
#[test]
fn what_this_file_looks_for_it_finds() {
    type Decoder = fn(&[u8]) -> bool;
    let valid = b"valid".to_vec();
    let decoders: [(&str, Decoder); 4] = [
        ("panicked", |bytes| {
            assert_eq!(bytes, b"valid");
            true
        }),
        ("bytes", |bytes| {
            bytes == b"valid" || std::hint::black_box(vec![0_u8; 80 << 20]).is_empty()
        }),
        ("took", |bytes| {
            if bytes != b"valid" {
                std::thread::sleep(CASE_MAX);
            }
            bytes == b"valid"
        }),
        ("nothing was refused", |_| true),
    ];
    for (words, decode) in decoders {
        let told = catch_unwind(|| fuzz("control", 1, from_ref(&valid), decode)).unwrap_err();
        let told = told.downcast::<String>().unwrap();
        assert!(told.contains(words), "{words}: {told}");
    }
}
