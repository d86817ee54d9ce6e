//! The signed files of a deployment, through the binary: what is wrong with them is explained and
//! refused, what is right is obeyed, told and remembered.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]
#![allow(missing_docs, reason = "a test is no library")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROBOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");

const MISSION: &str = "schema = \"triune.mission/1\"\nname = \"short\"\n\
    [[step]]\nsay = \"ready\"\nuntil = \"inhibited\"\ntimeout_s = 2.0\n\
    [[step]]\nsay = \"up\"\nact = \"start\"\nuntil = \"standing\"\n\
    [[step]]\nsay = \"walk\"\nact = { goal = \"yard\" }\nuntil = \"walking\"\nhold_s = 2.0\n";

const CELL: &str = "scenario = \"A\"\n\
    intelligence = { perception = \"L4\", decision = \"L4\", execution = \"L4\", \
    collaboration = \"L4\" }\n";

/// Whose keys there are.
const ROLES: [&str; 5] = ["maker", "authority", "operator", "maintainer", "planner"];

/// A robot folder of its own with a key for each role, and a place for files.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap() };
        copy(Path::new(ROBOT), &site.robot());
        fs::remove_dir_all(site.robot().join("keys")).unwrap();
        fs::remove_dir_all(site.robot().join("profiles")).unwrap();
        let _ = fs::remove_dir_all(site.robot().join("state"));
        fs::write(site.path("mission.toml"), MISSION).unwrap();
        for role in ROLES {
            site.new_key(role, true);
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn robot(&self) -> PathBuf {
        self.path("robot")
    }

    /// Makes a key pair for `name`, and lets the robot trust it.
    fn new_key(&self, role: &str, trusted: bool) -> PathBuf {
        let folder = self.path(&format!("keys-{role}-{trusted}"));
        let made = triune(&["keys", "new", text(&folder), "--role", role]);
        assert_eq!(made.status.code(), Some(0), "{}", said(&made));
        let [public, private] = ["pub", "key"].map(|ending| {
            let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
            files.into_iter().find(|file| file.extension().unwrap() == ending).unwrap()
        });
        let secret = fs::read_to_string(&private).unwrap();
        let secret = secret.split('"').nth(5).unwrap();
        assert!(secret.len() == 44 && !said(&made).contains(secret), "a secret is never shown");
        if trusted {
            fs::create_dir_all(self.robot().join("keys")).unwrap();
            let name = public.file_name().unwrap();
            fs::copy(&public, self.robot().join("keys").join(name)).unwrap();
        }
        let key = self.path(&format!("{role}-{trusted}.key"));
        fs::rename(private, &key).unwrap();
        key
    }

    /// A file, signed with the trusted key of `role`.
    fn signed(&self, name: &str, content: &str, role: &str) -> PathBuf {
        let file = self.path(name);
        fs::write(&file, content).unwrap();
        self.sign(&file, &self.path(&format!("{role}-true.key")));
        file
    }

    fn sign(&self, file: &Path, key: &Path) {
        let done = triune(&["sign", text(file), "--key", text(key)]);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    }

    /// What `triune check` finds wrong with `file` and its signature.
    fn check(&self, file: &Path) -> Vec<String> {
        let robot = self.robot();
        let output = triune(&["check", "--json", "--robot", text(&robot), text(file)]);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = found["findings"].as_array().unwrap();
        // One for the file and one for its signature; one alone for a file that says nothing.
        assert!((1..=2).contains(&findings.len()), "{found}");
        let wrong = findings.iter().filter(|finding| finding["ok"] == false);
        let wrong: Vec<_> = wrong.map(|finding| finding["summary"].to_string()).collect();
        assert_eq!(output.status.code(), Some(if wrong.is_empty() { 0 } else { 3 }), "{found}");
        wrong
    }

    /// Runs the short mission with more arguments; the output and the folder of the run.
    fn run(&self, arguments: &[&str]) -> (Output, PathBuf) {
        let out = self.path(&format!("run-{}", fs::read_dir(self.folder.path()).unwrap().count()));
        let (robot, mission) = (self.robot(), self.path("mission.toml"));
        let mut all = vec!["run", text(&robot), "--mission", text(&mission)];
        all.extend(["--fast", "--headless", "--seed", "7", "--out", text(&out)]);
        all.extend(arguments);
        (triune(&all), out)
    }

    fn memory(&self) -> PathBuf {
        self.robot().join("state/deployment-sim.json")
    }
}

fn triune(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_triune")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    // Messages are wrapped to the width of a window.
    [out, err].concat().split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn report(run: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(run.join("report.json")).unwrap()).unwrap()
}

/// How often a rule acted.
fn count(report: &serde_json::Value, rule: &str) -> u64 {
    let acted = report["governor"]["interventions"].as_array().unwrap();
    acted.iter().find(|one| one["rule"] == rule).map_or(0, |one| one["count"].as_u64().unwrap())
}

fn profile(more: &str) -> String {
    format!(
        "schema = \"triune.profile/1\"\nname = \"lab\"\nrobots = [\"quad12\"]\n\
         disclosure_id = \"d1\"\n{CELL}{more}"
    )
}

fn permit(serial: u32, more: &str) -> String {
    format!(
        "schema = \"triune.permit/1\"\nserial = {serial}\nrobots = [\"quad12\"]\n\
         issued = 2026-01-01T00:00:00Z\nbegins = 2026-01-01T00:00:00Z\n\
         ends = 2099-01-01T00:00:00Z\n{CELL}\
         area_m = [[-20, -20], [20, -20], [20, 20], [-20, 20]]\n{more}"
    )
}

fn notice(serial: u32, speed: &str) -> String {
    format!(
        "schema = \"triune.notice/1\"\nserial = {serial}\nrobots = [\"quad12\"]\n\
         issued = 2026-01-01T00:00:00Z\nexpires = 2099-01-01T00:00:00Z\n\
         text = \"slower, please\"\ntighten = {{ speed = {speed} }}\n"
    )
}

/// Each way a file can be wrong, with the words that explain it.
///
/// Clauses: G1, G3, H3, B1, B2, W3, C1.
#[test]
fn check_explains_what_is_wrong_with_a_file() {
    let site = Site::new();
    let replaced = |text: String, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let cross = "[[-20, -20], [20, 20], [20, -20], [-20, 20]]";
    let square = "[[-20, -20], [20, -20], [20, 20], [-20, 20]]";
    let table = [
        (profile("speed = 1.0\n"), "unknown field `speed`"),
        (replaced(profile(""), "\"quad12\"", "\"quad13\""), "this robot is"),
        (replaced(profile(""), "scenario = \"A\"", "scenario = \"C\""), "needs an assessment_id"),
        (replaced(profile(""), "disclosure_id = \"d1\"\n", ""), "needs an disclosure_id"),
        (replaced(profile(""), "\"d1\"", "\" \""), "needs an disclosure_id"),
        (profile("class = \"I\"\n"), "class I is for hardware that cannot exceed"),
        (replaced(permit(1, ""), square, cross), "edges touch or cross"),
        (replaced(permit(1, ""), square, "[[0, 0], [1, 0]]"), "3 to 16 corners, found 2"),
        (replaced(permit(1, ""), "[20, 20]", "[20, 2e7]"), "at most 1e6 m"),
        (replaced(permit(1, ""), "[20, 20]", "[20, nan]"), "every number must be finite"),
        (replaced(permit(1, ""), "ends = 2099", "ends = 2026-01-02T00:00:00Z #"), "expired"),
        (replaced(permit(1, ""), "ends = 2099", "ends = 2025"), "must end after it begins"),
        (replaced(permit(1, ""), "ends = 2099-01-01T00:00:00Z", "ends = 2099-01-01"), "offset"),
        (permit(1, "experiment = { settle_timeout_s = 60 }\n"), "would relax"),
        (permit(1, "experiment = { base_max_m_s = 99 }\n"), "between 0 and 20 m/s"),
        (notice(1, "1.5"), "may only tighten"),
        (notice(1, "-0.1"), "may only tighten"),
        (replaced(notice(1, "0.5"), "expires = 2099", "expires = 2025"), "must expire after"),
    ];
    for (content, words) in table {
        let wrong = site.check(&site.signed("file.toml", &content, "authority"));
        assert!(wrong.len() == 1 && wrong[0].contains(words), "{words}: {wrong:?}\n{content}");
    }
    for good in [
        profile(""),
        permit(1, "experiment = { base_max_m_s = 2.0 }\n"),
        notice(1, "0.0"),
        replaced(profile("assessment_id = \"a1\"\n"), "scenario = \"A\"", "scenario = \"D\""),
    ] {
        assert!(site.check(&site.signed("file.toml", &good, "authority")).is_empty(), "{good}");
    }
}

/// Clauses: G1, B1, W3, U3, C1.
#[test]
fn check_explains_what_is_wrong_with_a_signature() {
    let site = Site::new();
    let file = site.path("file.toml");
    fs::write(&file, profile("")).unwrap();
    assert!(site.check(&file)[0].contains("must be signed"));
    // Whatever byte is altered, the file is refused.
    let file = site.signed("file.toml", &profile(""), "maker");
    assert!(site.check(&file).is_empty());
    let bytes = fs::read(&file).unwrap();
    for at in (0..bytes.len()).step_by(23) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        fs::write(&file, altered).unwrap();
        assert!(!site.check(&file).is_empty(), "byte {at}");
    }
    fs::write(&file, &bytes).unwrap();
    let signature = site.path("file.toml.sig");
    let good = fs::read_to_string(&signature).unwrap();
    let digits = good.split('"').nth(7).unwrap().to_owned();
    for (from, to, words) in [
        ("triune.signature/1", "triune.signature/2", "schema must be"),
        ("ed25519", "none", "algorithm must be"),
        (digits.as_str(), "AAAA", "64 bytes in base64"),
    ] {
        fs::write(&signature, good.replace(from, to)).unwrap();
        assert!(site.check(&file)[0].contains(words), "{words}");
    }
    // A key the robot does not know, and keys that may not sign such a file.
    let stranger = site.new_key("authority", false);
    site.sign(&file, &stranger);
    assert!(site.check(&file)[0].contains("does not trust the key"));
    let table = [
        (profile(""), [true, true, false, false, false]),
        (permit(1, ""), [false, true, false, false, false]),
        (notice(1, "0.5"), [true, true, true, true, false]),
    ];
    for (content, may) in table {
        for (role, may) in ROLES.into_iter().zip(may) {
            let wrong = site.check(&site.signed("file.toml", &content, role));
            assert_eq!(wrong.is_empty(), may, "{role}: {wrong:?}");
            assert!(may || wrong[0].contains("may not sign"), "{role}: {wrong:?}");
        }
    }
}

/// A private key is for its owner alone, and is not overwritten.
///
/// Clauses: C1.
#[cfg(unix)]
#[test]
fn a_private_key_others_can_read_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let key = site.path("maker-true.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let file = site.path("file.toml");
    fs::write(&file, profile("")).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let output = triune(&["sign", text(&file), "--key", text(&key)]);
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("only its owner may read"), "{}", said(&output));
    assert!(!site.path("file.toml.sig").exists());
}

/// What is wrong keeps the run from beginning, before it leaves anything behind.
///
/// Clauses: G1, G3, B1.
#[test]
fn a_run_with_a_wrong_profile_or_permit_does_not_begin() {
    let site = Site::new();
    let unsigned = site.path("unsigned.toml");
    fs::write(&unsigned, profile("")).unwrap();
    let risky = profile("").replace("scenario = \"A\"", "scenario = \"E\"");
    let ended = permit(1, "").replace("ends = 2099", "ends = 2026-01-02T00:00:00Z #");
    let table = [
        ("--profile", unsigned, "must be signed"),
        ("--profile", site.signed("risky.toml", &risky, "maker"), "assessment_id"),
        ("--permit", site.signed("by_maker.toml", &permit(1, ""), "maker"), "may not sign"),
        ("--permit", site.signed("ended.toml", &ended, "authority"), "expired"),
        ("--profile", site.path("absent.toml"), "must be readable"),
    ];
    for (option, file, words) in table {
        let (output, run) = site.run(&[option, text(&file)]);
        assert_eq!(output.status.code(), Some(3), "{words}: {}", said(&output));
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
        assert!(!run.exists());
    }
    assert!(!site.memory().exists());
}

/// What was approved may run, what was planned, too; any other version blocks until it is approved.
///
/// Clauses: U3.
#[test]
fn an_unplanned_change_blocks_until_it_is_approved() {
    let site = Site::new();
    let hash = |what: &str, path: &Path| {
        let output = triune(&["inspect", what, "--json", text(path)]);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        found["sha256"].as_str().unwrap().to_owned()
    };
    let robot = hash("robot", &site.robot());
    let policy = hash("policy", &site.robot().join("policies/navigate"));
    let old = "0".repeat(64);
    let table = [
        (format!("\"{robot}\""), format!("\"{policy}\""), None),
        (format!("\"{old}\", \"{robot}\""), format!("\"{policy}\", \"{old}\""), None),
        (format!("\"{old}\""), format!("\"{policy}\""), Some("approved.robot_sha256")),
        (format!("\"{robot}\""), format!("\"{old}\""), Some("approved.policy_sha256")),
        (String::new(), format!("\"{policy}\""), Some("approved.robot_sha256")),
    ];
    for (robots, policies, refused) in table {
        let lists = format!("robot_sha256 = [{robots}], policy_sha256 = [{policies}]");
        let content = profile(&format!("approved = {{ {lists} }}\n"));
        let file = site.signed("approved.toml", &content, "authority");
        let (output, _) = site.run(&["--profile", text(&file)]);
        assert_eq!(output.status.code(), Some(if refused.is_some() { 3 } else { 0 }), "{lists}");
        let words = refused.unwrap_or_default();
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
    }
}

/// A profile slows what is new, a notice slows it more and stays until it ends; all of it is told.
///
/// Clauses: G1, P1, W3, U1.
#[test]
fn a_run_under_a_profile_is_observed_and_obeys_its_notices() {
    let site = Site::new();
    let profile = site.signed("lab.toml", &profile(""), "maker");
    let first = site.signed("first.toml", &notice(1, "0.3"), "operator");
    let forged = site.signed("forged.toml", &notice(9, "0.1"), "operator");
    fs::write(&forged, notice(9, "0.2")).unwrap();
    let arguments = ["--profile", text(&profile), "--notice", text(&first)];
    let (output, run) = site.run(&[&arguments[..], &["--notice", text(&forged)]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report_of_first = report(&run);
    for what in ["robot", "mission", "policy model", "profile", "notice first", "notice forged"] {
        let hash = report_of_first["config_hashes"][what].as_str().unwrap_or_default();
        assert_eq!(hash.len(), 64, "{what}");
    }
    assert_eq!(count(&report_of_first, "NOTICE"), 1, "one cycle, two notices");
    let shown = said(&triune(&["inspect", "run", text(&run)]));
    let hash = report_of_first["config_hashes"]["profile"].as_str().unwrap();
    for words in [hash, "profile lab", "notice 1 in force", "forged refused: Forged"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let why = said(&triune(&["why", text(&run)]));
    assert!(why.contains("a notice from outside tightens"), "{why}");
    assert!(why.contains("forged, replayed or expired"), "{why}");

    // The same notice again is replayed; it stays in force all the same.
    let (output, run) = site.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let shown = said(&triune(&["inspect", "run", text(&run)]));
    assert!(shown.contains("first refused: Replayed"), "{shown}");
    assert!(shown.contains("1 notices still in force"), "{shown}");
    // Without the notice it holds, too: the robot remembers.
    let (_, remembered) = site.run(&arguments[..2]);
    let distance = |run: &Path| report(run)["distance_m"].as_f64().unwrap();
    assert!((distance(&remembered) - distance(&run)).abs() < 0.05);
    // And without any of them it is faster.
    fs::remove_dir_all(site.robot().join("state")).unwrap();
    let (_, observed) = site.run(&arguments[..2]);
    let (_, free) = site.run(&[]);
    let [slowest, slow, fast] = [&run, &observed, &free].map(|run| distance(run));
    assert!(slowest < slow && slow < fast, "{slowest} {slow} {fast}");
    assert!(count(&report(&observed), "OBSERVATION") > 0);
    assert_eq!(count(&report(&free), "OBSERVATION"), 0);
}

/// What the robot remembers of its observation period is only ever lost, never gained.
///
/// Clauses: P1, P2.
#[test]
fn a_damaged_or_lost_memory_begins_the_observation_anew() {
    let site = Site::new();
    let profile = site.signed("lab.toml", &profile(""), "maker");
    let clean = || {
        let text = fs::read_to_string(site.memory()).unwrap();
        let body: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(body["running"], false);
        body["observation"]["clean_nanos"].as_u64().unwrap()
    };
    let run = || {
        let (output, run) = site.run(&["--profile", text(&profile)]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        run
    };
    run();
    let once = clean();
    assert!(once > 1_000_000_000);
    run();
    assert_eq!(clean(), 2 * once, "the same run counts again");
    let kept = fs::read_to_string(site.memory()).unwrap();
    fs::write(site.memory(), kept.replacen("\"clean_nanos\":", "\"clean_nanos\":9", 1)).unwrap();
    let anew = run();
    assert_eq!(clean(), once, "thirty hours by hand are no hours");
    let shown = said(&triune(&["inspect", "run", text(&anew)]));
    assert!(shown.contains("memory damaged, begins anew"), "{shown}");
    run();
    fs::remove_file(site.memory()).unwrap();
    run();
    assert_eq!(clean(), once);
}

/// Clauses: B1, C4.
#[test]
fn under_a_clock_set_back_a_permit_starts_nothing() {
    let site = Site::new();
    let permit_file = site.signed("permit.toml", &permit(3, ""), "authority");
    let arguments = ["--permit", text(&permit_file)];
    let (output, run) = site.run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(report(&run)["config_hashes"]["permit"].is_string());
    // The robot remembers a time that has not come yet.
    let kept = fs::read_to_string(site.memory()).unwrap();
    let mut body: serde_json::Value = serde_json::from_str(kept.lines().next().unwrap()).unwrap();
    body["last_seen"] = (body["last_seen"].as_u64().unwrap() + 86_400).into();
    let body = body.to_string();
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&body);
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(site.memory(), format!("{body}\n{hash}\n")).unwrap();
    let (output, run) = site.run(&arguments);
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
    assert!(count(&report(&run), "PERMIT-CLOCK") > 0);
    assert_eq!(report(&run)["distance_m"].as_f64().map(|m| m < 0.05), Some(true));
    // A lower serial of the same authority has been replaced.
    let older = site.signed("older.toml", &permit(2, ""), "authority");
    let (output, _) = site.run(&["--permit", text(&older)]);
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("is replayed"), "{}", said(&output));
    assert!(site.check(&older)[0].contains("is replayed"));
}

/// The robot walks out of its permit and settles at once.
///
/// Clauses: B1.
#[test]
fn leaving_the_permitted_area_settles_the_robot() {
    let site = Site::new();
    let small = permit(1, "").replace(
        "[[-20, -20], [20, -20], [20, 20], [-20, 20]]",
        "[[-0.2, -0.2], [0.2, -0.2], [0.2, 0.2], [-0.2, 0.2]]",
    );
    let mission = MISSION.replace("hold_s = 2.0", "hold_s = 0.0").to_owned()
        + "[[step]]\nsay = \"stops\"\nuntil = \"stopped\"\nexpect = [\"PERMIT\"]\n";
    fs::write(site.path("mission.toml"), mission).unwrap();
    let file = site.signed("permit.toml", &small, "authority");
    let (output, run) = site.run(&["--permit", text(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let report = report(&run);
    assert_eq!(
        (&report["governor"]["max_level"], &report["falls"]),
        (&"stopped".into(), &0.into())
    );
    let after = report["distance_m"].as_f64().unwrap();
    assert!((0.15..0.6).contains(&after), "{after}");
}

/// An unknown scenario is no error: it is the strictest of all.
///
/// Clauses: G1, G2, G3.
#[test]
fn an_unknown_scenario_counts_as_the_strictest() {
    let site = Site::new();
    let unknown = profile("assessment_id = \"a1\"\n").replace("\"A\"", "\"moon\"");
    let file = site.signed("moon.toml", &unknown, "maker");
    let robot = site.robot();
    let shown = said(&triune(&["check", "--robot", text(&robot), text(&file)]));
    for words in ["unknown counts as the strictest", "base 0.60 m/s", "tool 0.25 m/s"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let (output, run) = site.run(&["--profile", text(&file)]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let known = site.signed("lab.toml", &profile(""), "maker");
    fs::remove_dir_all(site.robot().join("state")).unwrap();
    let (_, faster) = site.run(&["--profile", text(&known)]);
    let distance = |run: &Path| report(run)["distance_m"].as_f64().unwrap();
    assert!(distance(&run) < distance(&faster));
}

/// The profile that comes with the robot is signed and right.
///
/// Clauses: G1.
#[test]
fn the_shipped_profile_is_signed() {
    let output = triune(&["check", ROBOT]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for words in ["profile \"lab\"", "signed by the maker", "scenario A, levels L4 L4 L4 L4"] {
        assert!(said(&output).contains(words), "{words}: {}", said(&output));
    }
    let keys: Vec<_> = fs::read_dir(Path::new(ROBOT).join("keys")).unwrap().collect();
    assert!(keys.iter().all(|file| {
        let path = file.as_ref().unwrap().path();
        !fs::read_to_string(path).unwrap().contains("private")
    }));
}
