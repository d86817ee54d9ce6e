//! `triune govern`: patient with broken lines, and of use to a controller that is not ours. Each
//! case runs the binary, but for those on the library's session.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test says where")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use runtime::govern::{Answer, LINE_MAX, Session};
use runtime::robot_source::RobotSource;
use serde_json::{Value, json};

const ROBOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
const STILL: [f64; 12] = [0.0; 12];
const STAND: [f64; 12] = [0.0, 0.79, -1.58, 0.0, 0.79, -1.58, 0.0, 0.79, -1.58, 0.0, 0.79, -1.58];

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_triune"))
        .arg("govern")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// All of `input` through the tool.
fn govern(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = start(arguments);
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feed = std::thread::spawn(move || {
        // A tool that refuses its robot reads nothing.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap();
    output
}

fn answers(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A proposal at `t`, s: the joints stand and are wanted to stand.
fn standing(t: f64) -> Value {
    json!({ "t": t, "q": STAND, "dq": STILL, "wanted": { "q": STAND, "kp": 40, "kd": 1 } })
}

fn lines(values: &[Value]) -> Vec<u8> {
    values.iter().flat_map(|value| format!("{value}\n").into_bytes()).collect()
}

fn rules(answer: &Value) -> Vec<&str> {
    let records = answer["records"].as_array().unwrap();
    records.iter().map(|record| record["rule"].as_str().unwrap()).collect()
}

/// What is wrong with a line, where, and how it is said. The lines between are judged as if the
/// broken ones had not been there.
///
/// Clauses: C1, E1.
#[test]
fn broken_lines_are_named_and_do_not_stop_the_stream() {
    let q = "\"q\":[0,0.79,-1.58,0,0.79,-1.58,0,0.79,-1.58,0,0.79,-1.58]";
    let dq = "\"dq\":[0,0,0,0,0,0,0,0,0,0,0,0]";
    let full = |more: &str| format!("{{\"t\":0.5,{q},{dq},{more}}}");
    // The caret stands before the place that must be named.
    let table = [
        ("{^".to_owned(), "", "the line ends"),
        ("^nonsense".into(), "", "an object in braces"),
        ("{\"t\":0.1,^}".into(), "", "a string in double quotes"),
        (format!("{{\"t\":0.5,{q},{dq}}} ^{{}}"), "", "nothing may follow"),
        ("{\"t\":0.5,\"q\":^[0,1],\"dq\":[]}".into(), "q", "12 numbers, one for each joint"),
        ("{\"t\":0.5,\"q\":^0.1,\"dq\":[]}".into(), "q", "an object by joint name"),
        (full("\"taus\":^1"), "taus", "not known"),
        (full("\"wanted\":{\"kq\":^1}"), "wanted.kq", "not known"),
        (full("\"wanted\":{\"q\":{\"knee\":^1}}"), "wanted.q.knee", "not a joint"),
        (full("\"wanted\":{\"q\":{\"FL_hip_joint\":^true}}"), "wanted.q.FL_hip_joint", "true"),
        (full("\"wanted\":{\"kp\":^1e39}"), "wanted.kp", "too large"),
        (full("\"wanted\":{\"kp\":^\"nan\"}"), "wanted.kp", "\"NaN\""),
        (full("\"q\":^[]"), "q", "twice"),
        (full("\"t_ns\":^7"), "t_ns", "twice"),
        (full("\"imu\":{\"angular_velocity\":^[0,0]}"), "imu.angular_velocity", "3 numbers"),
        (full("\"lidar\":^{}"), "lidar", "`ranges` is missing"),
        (full("\"plan\":^{}"), "plan", "one thing"),
        (full("\"plan\":{\"hold\":true,\"epoch\":^-1}"), "plan.epoch", "not negative"),
        (full("\"act\":^\"jump\""), "act", "not known"),
        (full("\"state\":{\"posture\":^\"sitting\"}"), "state.posture", "not known"),
        (format!("^{}", full("\"cycle\":0")), "cycle", "number of its own"),
        (format!("{{\"t\":^-1,{q},{dq}}}"), "t", "seconds must be"),
        (format!("{{\"t\":^\"NaN\",{q},{dq}}}"), "t", "a number"),
        (format!("^{{\"t\":0.001,{q},{dq}}}"), "t", "backwards"),
        (format!("^{{{q},{dq}}}"), "", "needs `t`"),
        (format!("^{{\"t\":0.5,{q}}}"), "", "needs `dq`"),
        ("^{}".into(), "", "neither"),
        ("{\"关节\":^1}".into(), "关节", "not known"),
    ];
    let good = [standing(0.002), standing(0.502)];
    let mut input = lines(&good[..1]);
    for (line, ..) in &table {
        input.extend_from_slice(format!("{}\n", line.replacen('^', "", 1)).as_bytes());
    }
    input.extend_from_slice(b"{\"t\":\xff}\n\n   \n");
    input.extend_from_slice(good[1].to_string().as_bytes());
    let output = govern(&["--started"], &input);
    assert_eq!(output.status.code(), Some(6), "errors are in the exit code");
    let told = answers(&output);
    assert_eq!(told.len(), table.len() + 3, "one answer a line, none for an empty one");
    let wrong = table.iter().zip(&told[1..]).zip(2..);
    for (((line, key, rule), answer), number) in wrong {
        let column = line.split('^').next().unwrap().chars().count() + 1;
        let error = &answer["error"];
        assert_eq!(error["line"], json!(number), "{line}");
        assert_eq!(error["column"], json!(column), "{line}: {error}");
        assert_eq!(error["key"], json!(key), "{line}: {error}");
        assert!(error["rule"].as_str().unwrap().contains(rule), "{line}: {error}");
        assert!(!error["fix"].as_str().unwrap().is_empty(), "{line}: {error}");
    }
    let alone = answers(&govern(&["--started"], &lines(&good)));
    let mut last = told.last().unwrap().clone();
    assert_eq!(last["line"], json!(table.len() + 5), "empty lines are counted");
    last["line"] = json!(2);
    assert_eq!(last, alone[1], "the broken lines changed nothing");
}

/// A line of 40 MiB is passed over in little memory, and the last line needs no end.
///
/// Clauses: C1.
#[test]
fn a_line_without_an_end_is_refused() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = usize::try_from(self.0).unwrap().min(buffer.len());
            buffer[..most].fill(b'[');
            self.0 -= most as u64;
            Ok(most)
        }
    }
    let mut session = session(true);
    let good = standing(0.0).to_string();
    let exact = format!("{good}{}", " ".repeat(LINE_MAX - good.len()));
    let rest = format!("\n{exact}\n{exact} \n{}", standing(0.1));
    let input = std::io::Read::chain(Endless(40 << 20), rest.as_bytes());
    let mut told = Vec::new();
    let tally = runtime::govern::govern(&mut session, input, &mut told).unwrap();
    assert_eq!((tally.lines, tally.verdicts, tally.errors), (4, 2, 2));
    let told = String::from_utf8(told).unwrap();
    assert!(told.lines().next().unwrap().contains("at most 1048576 bytes"), "{told}");
}

fn session(started: bool) -> Session {
    let robot = RobotSource::Builtin.robot().unwrap();
    let governor = runtime::wiring::governor(&robot).unwrap();
    Session::new(&robot, governor, Duration::from_millis(1), started)
}

/// Whatever the bytes are, there is one answer, it is one line of JSON, and no number in a command
/// is anything but finite.
///
/// Clauses: C1, A2, M3.
#[test]
fn any_bytes_get_an_answer() {
    let rich = json!({
        "t": 0.5, "q": STAND, "dq": STILL, "tau": STILL, "measured_at": 0.5,
        "imu": { "specific_force": [0, 0, 9.81] }, "person": { "distance": 2.0 },
        "state": { "attitude": [1, 0, 0, 0], "posture": "walking" }, "source": "\u{5173}\n",
        "plan": { "velocity": [0.4, 0, "NaN"], "sequence": 3 }, "act": "start", "role": "local",
        "wanted": { "q": { "FL_hip_joint": "Infinity" }, "kp": 40, "tau": STILL.map(|_| 1e30) },
        "stick": { "velocity": [0, 0, 0], "held": true }, "valid_for": 0.004, "stop": false,
    });
    let rich = rich.to_string().into_bytes();
    let tokens: [&[u8]; 12] =
        [b"{", b"}", b"[", b"]", b"\"", b",", b":", b"null", b"NaN", b"1e400", b"-0.0", b"\\ud800"];
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let mut session = session(true);
    let (mut verdicts, mut errors) = (0, 0);
    for number in 1..=30_000 {
        let mut line = rich.clone();
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..line.len().max(1));
            match random.random_range(0..4) {
                0 => line.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.random()),
                1 => drop(line.drain(at.min(line.len())..(at + 3).min(line.len()))),
                2 => line.truncate(at),
                _ => {
                    let token = tokens[random.random_range(0..tokens.len())];
                    line.splice(at.min(line.len())..at.min(line.len()), token.iter().copied());
                }
            }
        }
        let answer = session.answer(number, &line);
        let told: Value = serde_json::from_slice(session.written()).unwrap();
        assert_eq!(session.written().iter().filter(|byte| **byte == b'\n').count(), 1);
        match answer {
            Answer::Error => errors += 1,
            Answer::Noted => {}
            Answer::Verdict => {
                verdicts += 1;
                for part in ["q", "dq", "kp", "kd", "tau"] {
                    let numbers = told["command"][part].as_array().unwrap();
                    assert!(numbers.iter().all(|number| number.is_f64()), "{told}");
                }
            }
        }
    }
    assert!(verdicts > 3000 && errors > 10_000, "{verdicts} verdicts, {errors} errors");
}

/// NaN and infinities as strings, and bare as Python writes them: the governor sees them and damps.
///
/// Clauses: A2, M3.
#[test]
fn numbers_that_are_none_reach_the_governor() {
    for (number, shown) in [("\"NaN\"", "NaN"), ("NaN", "NaN"), ("-Infinity", "-Infinity")] {
        let wanted = format!("\"kp\":{number}");
        let line = standing(0.0).to_string().replace("\"kp\":40", &wanted);
        assert!(line.contains(&wanted));
        let told = answers(&govern(&["--started"], format!("{line}\n").as_bytes()));
        assert_eq!(rules(&told[0]).last(), Some(&"COMMAND-FINITE"), "{shown}");
        assert_eq!(told[0]["passed"], json!(false));
        assert_eq!(told[0]["command"]["kp"], json!(STILL), "damped, and nothing else");
    }
    // A number of a record that is none is shown as what it is.
    let line = standing(0.0)
        .to_string()
        .replace("\"kp\":40", "\"tau\":[3.4e38,0,0,0,0,0,0,0,0,0,0,0],\"kp\":40");
    let line = line.replacen("\"dq\":[0.0", "\"dq\":[-3.4e38", 1).replace("\"kd\":1", "\"kd\":8");
    let told = answers(&govern(&["--started"], format!("{line}\n").as_bytes()));
    let text = told[0]["records"].to_string();
    assert!(text.contains("\"asked\":\"Infinity\"") || text.contains("\"asked\":3.4"), "{text}");
}

/// Names in any order, or the robot file's order: the same verdict.
///
/// Clauses: E5.
#[test]
fn joints_by_name_are_joints_by_place() {
    let robot = RobotSource::Builtin.robot().unwrap();
    let by_name = |values: [f64; 12]| {
        let pairs: Vec<_> = robot.joint_names().zip(values).collect();
        let pairs = pairs.iter().rev().map(|(name, value)| format!("\"{name}\":{value:?}"));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
    };
    let wanted = STAND.map(|q| q + 0.9);
    let line = |q: String, dq: String, wanted: String| {
        format!("{{\"t_ns\":0,\"q\":{q},\"dq\":{dq},\"wanted\":{{\"q\":{wanted},\"kp\":30}}}}\n")
    };
    let list = |values: [f64; 12]| format!("{values:?}");
    let one = line(list(STAND), list([0.1; 12]), list(wanted));
    let two = line(by_name(STAND), by_name([0.1; 12]), by_name(wanted));
    let one = govern(&["--started"], one.as_bytes());
    assert_eq!(one.stdout, govern(&["--started"], two.as_bytes()).stdout);
    let first = answers(&one);
    assert!(rules(&first[0]).contains(&"COMMAND-JUMP"), "{:?}", rules(&first[0]));
    // Of what is wanted some may be left out, of what was measured none.
    let some = line(list(STAND), list([0.0; 12]), "{\"FR_calf_joint\":-1.6}".into());
    let told = answers(&govern(&["--started"], some.as_bytes()));
    assert_eq!(told[0]["command"]["q"][5], json!(-1.6));
    assert_eq!(told[0]["command"]["q"][2], json!(-1.58), "left out: where it is");
    let some = line("{\"FR_calf_joint\":-1.6}".into(), list([0.0; 12]), list(STAND));
    let told = answers(&govern(&["--started"], some.as_bytes()));
    assert!(told[0]["error"]["rule"].as_str().unwrap().contains("every joint needs a number"));
}

/// Without `--started`, a person's acts are lines: nothing moves before a start, a pressed stop
/// stays pressed, and an act counts only for the role that has it.
///
/// Clauses: O1, O6, S4.
#[test]
fn acts_of_a_person_are_lines() {
    let mut input: Vec<Value> = (0..60).map(|tick| standing(f64::from(tick) * 1e-3)).collect();
    // The last bit of a living encoder is never quite still, and somebody must watch.
    for (tick, line) in input.iter_mut().enumerate() {
        line["q"][0] = json!(1e-4 * (tick % 2) as f64);
        line["supervisor"] = line["t"].clone();
    }
    input.push(json!({ "act": "start", "role": "local" }));
    input.push(standing(0.060));
    input.push(json!({ "stop": true }));
    input.push(standing(0.061));
    input.push(standing(0.062));
    let output = govern(&[], &lines(&input));
    assert_eq!(output.status.code(), Some(0));
    let told = answers(&output);
    assert_eq!((&told[0]["motion"], &told[0]["passed"]), (&json!("limp"), &json!(false)));
    assert_eq!(told[59]["mode"], json!("INHIBITED"));
    assert_eq!(told[60], json!({ "line": 61, "noted": "operator" }));
    assert_eq!((&told[61]["mode"], &told[61]["level"]), (&json!("AUTO"), &json!("NOMINAL")));
    assert_eq!(told[61]["passed"], json!(true));
    assert_eq!(told[63]["level"], json!("SETTLE"));
    assert_eq!(told[64]["level"], json!("SETTLE"), "pressed until released");
    let twice = [json!({ "act": "start" }), json!({ "act": "reset" })];
    let told = answers(&govern(&[], &lines(&twice)));
    assert!(told[1]["error"]["rule"].as_str().unwrap().contains("already waiting"));
}

/// A robot folder of six joints and no foot: an arm.
fn arm(folder: &Path) {
    let text = std::fs::read_to_string(Path::new(ROBOT).join("robot.toml")).unwrap();
    let mut file: toml::Table = text.parse().unwrap();
    let names: Vec<String> = (1..=6).map(|joint| format!("joint_{joint}")).collect();
    let mut group = file["joints"]["hip"].as_table().unwrap().clone();
    group["names"] = names.clone().into();
    group["position_min_rad"] = (-2.5).into();
    group["position_max_rad"] = 2.5.into();
    let posture: toml::Table = "base_height_m = 0.1\njoints_rad = { arm = 0.0 }".parse().unwrap();
    let postures = ["settled", "stand"].map(|name| (name.to_owned(), posture.clone().into()));
    let mut joints = toml::Table::new();
    joints.insert("arm".into(), group.into());
    file.insert("name".into(), "arm6".into());
    file.insert("body_class".into(), "statically_stable".into());
    file.insert("model_file".into(), "arm.xml".into());
    file.insert("joints".into(), joints.into());
    file.insert("feet".into(), toml::Value::Array(Vec::new()));
    file.insert("postures".into(), postures.into_iter().collect::<toml::Table>().into());
    file["gait"].as_table_mut().unwrap().insert("offsets".into(), toml::Value::Array(Vec::new()));
    std::fs::write(folder.join("robot.toml"), file.to_string()).unwrap();
    let inertia = "<inertial pos=\"0 0 0.1\" mass=\"1\" diaginertia=\"0.01 0.01 0.01\"/>";
    let mut links = String::new();
    for (number, name) in names.iter().enumerate() {
        let axis = if number % 2 == 0 { "0 0 1" } else { "0 1 0" };
        links += &format!(
            "<body name=\"link_{number}\" pos=\"0 0 0.2\">\
             <joint name=\"{name}\" type=\"hinge\" axis=\"{axis}\" range=\"-2.6 2.6\"/>{inertia}"
        );
    }
    links += &"</body>".repeat(names.len());
    let model = format!(
        "<mujoco model=\"arm\"><compiler angle=\"radian\"/><worldbody>\
         <body name=\"base\" pos=\"0 0 0.1\"><freejoint/>{inertia}{links}</body>\
         </worldbody></mujoco>"
    );
    std::fs::write(folder.join("arm.xml"), model).unwrap();
}

/// A policy of six joints at 50 Hz that says nothing but times, joints and wishes.
///
/// Clauses: M1, E1.
#[test]
fn a_policy_of_an_arm_is_limited_and_told_why() {
    let folder = tempfile::tempdir().unwrap();
    arm(folder.path());
    let robot = folder.path().to_str().unwrap();
    let mut input = Vec::new();
    for tick in 0..500 {
        let t = f64::from(tick) * 0.02;
        // The joint follows one line late, and does not leave its limits.
        let wave = |t: f64| (t * 2.0).sin() * 2.7;
        let [before, at] = [t - 0.04, t - 0.02].map(|t| wave(t).clamp(-2.45, 2.45));
        let living = 1e-4 * f64::from(tick % 2);
        input.push(json!({
            "t": t, "q": [at, living, living, living, living, living], "source": "sine",
            "dq": [(at - before) / 0.02, 0.0, 0.0, 0.0, 0.0, 0.0],
            "wanted": { "q": [wave(t), 0.0, 0.0, 0.0, 0.0, 0.0], "kp": 5.0, "kd": 0.0 },
            // Its file keeps the quadruped's band of height.
            "state": { "position": [0.0, 0.0, 0.3] },
        }));
    }
    let output =
        govern(&["--robot", robot, "--rate", "50", "--started", "--summary"], &lines(&input));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let told = answers(&output);
    let odd = told.iter().find(|a| a["mode"] != "AUTO" || a["level"] != "NOMINAL");
    assert!(odd.is_none(), "{} {}", odd.unwrap()["level"], odd.unwrap()["records"]);
    assert!(told.iter().all(|answer| answer["source"] == "sine"));
    let limited = |answer: &&Value| answer["passed"] == json!(false);
    assert!((20..400).contains(&told.iter().filter(limited).count()));
    let most = told.iter().map(|answer| answer["command"]["q"][0].as_f64().unwrap());
    assert_eq!(most.fold(0.0, f64::max) as f32, 2.5 - 0.03, "the limit less the margin");
    let record = told.iter().find_map(|answer| {
        let records = answer["records"].as_array().unwrap().iter();
        records.clone().find(|record| record["rule"] == "JOINT-POSITION").cloned()
    });
    let record = record.unwrap();
    assert_eq!((&record["joint"], &record["unit"]), (&json!("joint_1"), &json!("rad")));
    assert!(record["sentence"].as_str().unwrap().contains("beyond the joint's limit"));
    assert!(record["sentence_zh"].as_str().unwrap().contains("限位"));
    assert!(said.contains("500 lines: 500 verdicts") && said.contains("JOINT-POSITION"), "{said}");
    // The self-test and the start went before the first line, on cycles below zero.
    let first = &told[0]["records"];
    assert!(first.to_string().contains("OPERATOR-START"));
    assert!(first.as_array().unwrap().iter().all(|record| record["cycle"].as_i64().unwrap() < 0));
    assert_eq!((&told[0]["cycle"], &told[0]["t_ns"]), (&json!(0), &json!(0)));
}

/// A controller may wait for each verdict before it sends the next line.
///
/// Clauses: E1.
#[test]
fn each_verdict_comes_before_the_next_line() {
    let mut child = start(&["--started"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for tick in 0..20 {
        writeln!(stdin, "{}", standing(f64::from(tick) * 1e-3)).unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["line"], json!(tick + 1));
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A reader that goes away ends the tool quietly; a full disk does not.
///
/// Clauses: C1.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_breaks() {
    let many = lines(&vec![standing(0.0); 5000]);
    let mut child = start(&[]);
    drop(child.stdout.take());
    // The tool ends in the midst of it.
    let _ = child.stdin.take().unwrap().write_all(&many);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));

    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_triune"))
        .arg("govern")
        .stdin(Stdio::piped())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(&many);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("broke off"), "{said}");
}

/// Clauses: A4.
#[test]
fn a_robot_or_a_rate_that_is_wrong() {
    let output = govern(&["--robot", "no/such/robot"], b"");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/robot"));
    for rate in ["0", "-50", "NaN", "fast"] {
        assert_eq!(govern(&["--rate", rate], b"").status.code(), Some(2), "{rate}");
    }
    let real_time = Command::new(env!("CARGO_BIN_EXE_triune"))
        .args(["demo", "--proposals", "/dev/null"])
        .output()
        .unwrap();
    assert_eq!(real_time.status.code(), Some(2), "only on virtual time");
}
