//! Who may do what over the network, tried with real sessions on loopback.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test says where")]

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::network::probe::probe;
use bus::network::{NetworkError, Part, Role, Settings};
use runtime::network::certificates::{Wanted, make};
use tempfile::TempDir;
use zenoh::handlers::FifoChannelHandler;
use zenoh::pubsub::Subscriber;
use zenoh::qos::CongestionControl;
use zenoh::query::{Query, QueryTarget, Queryable, Reply};
use zenoh::sample::Sample;
use zenoh::{Config, Session, Wait};

/// For what must come.
const PATIENCE: Duration = Duration::from_secs(10);
/// For what must not.
const SHORT: Duration = Duration::from_millis(300);

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn certificates(from: Duration, until: Duration) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (robot, names) = (Some("quad12".to_owned()), Vec::new());
    make(folder.path(), &Wanted { robot, names, from, until }).unwrap();
    folder
}

fn good() -> TempDir {
    certificates(now() - Duration::from_secs(60), now() + Duration::from_secs(3600))
}

fn settings(part: Part, endpoint: &str, certificates: Option<&Path>) -> Settings {
    let own = vec![endpoint.to_owned()];
    let (listen, connect) = match part {
        Part::Client(_) => (Vec::new(), own),
        Part::Robot | Part::Router => (own, Vec::new()),
    };
    let certificates = certificates.map(Path::to_owned);
    Settings { robot: "quad12".into(), part, listen, connect, certificates }
}

fn client(role: Role, endpoint: &str, certificates: &Path) -> Session {
    open(&settings(Part::Client(role), endpoint, Some(certificates)).config().unwrap()).unwrap()
}

fn open(config: &Config) -> zenoh::Result<Session> {
    zenoh::open(config.clone()).wait()
}

/// What the robot's end heard: key and length of each message.
struct Robot {
    session: Session,
    heard: Arc<Mutex<Vec<(String, usize)>>>,
    _ears: Vec<Subscriber<()>>,
    _answers: Vec<Queryable<()>>,
}

impl Robot {
    fn new(config: &Config) -> Self {
        let session = open(config).unwrap();
        let heard: Arc<Mutex<Vec<(String, usize)>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let hear = move |sample: Sample| {
            let what = (sample.key_expr().to_string(), sample.payload().len());
            hears.lock().unwrap().push(what);
        };
        let all = session.declare_subscriber("triune/quad12/**").callback(hear).wait().unwrap();
        let mut ears = vec![all];
        // A router is told only of what a robot may hear, key by key.
        for rest in ["brain/plan", "operator/stop", "operator/act", "operator/stick"] {
            ears.push(session.declare_subscriber(key(rest)).callback(|_| ()).wait().unwrap());
        }
        let answer = |query: Query| {
            let _ = query.reply(query.key_expr().clone(), "{}").wait();
        };
        let asked =
            ["about", "body/frame/schema", "lease/planner", "lease/operator", "lease/maintainer"];
        let answers =
            asked.map(|rest| session.declare_queryable(key(rest)).callback(answer).wait().unwrap());
        Self { session, heard, _ears: ears, _answers: answers.into() }
    }

    fn at(endpoint: &str, certificates: Option<&Path>) -> Self {
        Self::new(&settings(Part::Robot, endpoint, certificates).config().unwrap())
    }

    fn has_heard(&self, rest: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|(heard, _)| *heard == key(rest))
    }
}

fn key(rest: &str) -> String {
    format!("triune/quad12/{rest}")
}

fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !there() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits where the link is full.
fn put(session: &Session, rest: &str, length: usize) {
    let putting = session.put(key(rest), vec![7; length]);
    putting.congestion_control(CongestionControl::Block).wait().unwrap();
}

fn ask(session: &Session, rest: &str, length: usize, patience: Duration) -> bool {
    let asking = session.get(key(rest)).payload(vec![b' '; length]).target(QueryTarget::All);
    let replies: FifoChannelHandler<Reply> = asking.timeout(patience).wait().unwrap();
    replies.recv_timeout(patience).ok().flatten().is_some_and(|reply| reply.result().is_ok())
}

/// Sends on each of `keys`, and last the stop, which anybody may: when it has come, whatever else
/// was to come is there.
fn arrive(robot: &Robot, session: &Session, keys: &[(&str, usize)]) -> Vec<String> {
    robot.heard.lock().unwrap().clear();
    for (rest, length) in keys {
        put(session, rest, *length);
    }
    put(session, "operator/stop", 48);
    wait_for("the stop", || robot.has_heard("operator/stop"));
    let heard = robot.heard.lock().unwrap();
    let came = heard.iter().filter_map(|(heard, _)| heard.strip_prefix("triune/quad12/"));
    came.filter(|rest| *rest != "operator/stop").map(str::to_owned).collect()
}

const COMMANDS: [(&str, usize); 5] = [
    ("brain/plan", 440),
    ("operator/act", 56),
    ("operator/stick", 72),
    ("cerebellum/state", 100),
    ("*/*", 48),
];

/// Clauses: C1, D4, O2.
#[test]
fn each_role_may_do_its_own_and_nothing_else() {
    let folder = good();
    let endpoint = format!("quic/127.0.0.1:{}", free_port());
    let robot = Robot::at(&endpoint, Some(folder.path()));
    for (role, may_send, may_ask) in [
        (Role::Observer, vec![], vec![]),
        (Role::Planner, vec!["brain/plan"], vec!["lease/planner"]),
        (Role::Operator, vec!["operator/act", "operator/stick"], vec!["lease/operator"]),
        (
            Role::Maintainer,
            vec!["operator/act", "operator/stick"],
            vec!["lease/operator", "lease/maintainer"],
        ),
    ] {
        let session = client(role, &endpoint, folder.path());
        assert!(ask(&session, "about", 0, PATIENCE), "{role:?}");
        assert!(ask(&session, "body/frame/schema", 0, PATIENCE), "{role:?}");
        assert_eq!(arrive(&robot, &session, &COMMANDS), may_send, "{role:?}");
        for lease in ["lease/planner", "lease/operator", "lease/maintainer"] {
            let may = may_ask.contains(&lease);
            let patience = if may { PATIENCE } else { SHORT };
            assert_eq!(ask(&session, lease, 10, patience), may, "{role:?} on {lease}");
        }
        // What the robot says reaches everybody; what others command does not.
        let state = session.declare_subscriber(key("cerebellum/state")).wait().unwrap();
        let plans = session.declare_subscriber(key("brain/plan")).wait().unwrap();
        let all = session.declare_subscriber("triune/**").wait().unwrap();
        wait_for("the state", || {
            put(&robot.session, "brain/plan", 1);
            put(&robot.session, "cerebellum/state", 100);
            state.recv_timeout(SHORT).ok().flatten().is_some()
        });
        assert!(plans.try_recv().unwrap().is_none(), "{role:?} listens to plans");
        let others = all.drain().filter(|sample| !sample.key_expr().ends_with("/state"));
        assert_eq!(others.count(), 0, "{role:?} listens to everything");
        session.close().wait().unwrap();
    }
}

/// Clauses: C1, D4.
#[test]
fn the_rules_are_tried_at_the_start() {
    let folder = good();
    // What a probe of a robot with changed rules finds; each listens on a port of its own.
    let try_them = |changes: &[(&str, &str)]| {
        let endpoint = format!("quic/127.0.0.1:{}", free_port());
        let settings = settings(Part::Robot, &endpoint, Some(folder.path()));
        let mut config = settings.config().unwrap();
        for (rule, value) in changes {
            config.insert_json5(&format!("access_control/{rule}"), value).unwrap();
        }
        let robot = Robot::new(&config);
        let found = probe(&robot.session, &settings);
        assert!(!robot.has_heard("operator/stop"), "a try stops nobody, not even then");
        robot.session.close().wait().unwrap();
        (found, endpoint)
    };
    assert_eq!(try_them(&[]).0.unwrap(), 1);
    let (found, endpoint) = try_them(&[("enabled", "false")]);
    let error = found.unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, NetworkError::Forbidden { .. }), "{said}");
    assert!(said.contains("send on brain/plan") && said.contains(&endpoint), "{said}");
    let error = try_them(&[("default_permission", "\"allow\"")]).0.unwrap_err();
    assert!(matches!(error, NetworkError::Forbidden { .. }), "{error}");
    let none = ["rules", "subjects", "policies"].map(|list| (list, "[]"));
    let error = try_them(&none).0.unwrap_err();
    assert!(matches!(error, NetworkError::Control { .. }), "{error}");
}

/// Rules that each leave one thing open are found, whichever it is.
///
/// Clauses: C1, D4.
#[test]
fn one_hole_in_the_rules_is_enough() {
    let folder = good();
    for (message, rest, said) in [
        ("put", "operator/stick", "send on operator/stick"),
        ("put", "**", "send on brain/plan"),
        ("query", "lease/maintainer", "ask lease/maintainer"),
        ("delete", "brain/plan", "delete brain/plan"),
        ("liveliness_token", "**", "declare itself alive"),
    ] {
        let endpoint = format!("quic/127.0.0.1:{}", free_port());
        let settings = settings(Part::Robot, &endpoint, Some(folder.path()));
        let mut config = settings.config().unwrap();
        let rules = config.get_json("access_control").unwrap();
        let mut rules: serde_json::Value = serde_json::from_str(&rules).unwrap();
        let hole = serde_json::json!({
            "id": "hole", "permission": "allow", "messages": [message, "reply"],
            "flows": ["ingress", "egress"], "key_exprs": [key(rest)],
        });
        rules["rules"].as_array_mut().unwrap().push(hole);
        let policy = serde_json::json!({ "rules": ["hole"], "subjects": ["observer"] });
        rules["policies"].as_array_mut().unwrap().push(policy);
        config.insert_json5("access_control", &rules.to_string()).unwrap();
        let robot = Robot::new(&config);
        let error = probe(&robot.session, &settings).expect_err(said).to_string();
        assert!(error.contains(said), "{error}");
        robot.session.close().wait().unwrap();
    }
}

/// Clauses: C1, D4.
#[test]
fn nobody_comes_in_without_a_certificate_of_this_authority() {
    let (folder, foreign) = (good(), good());
    let day = Duration::from_secs(86_400);
    let port = free_port();
    let endpoint = format!("quic/127.0.0.1:{port}");
    let robot = Robot::at(&endpoint, Some(folder.path()));
    let observer = || settings(Part::Client(Role::Observer), &endpoint, Some(folder.path()));
    let with_file = |name: &str, from: &Path| {
        let mut config = observer().config().unwrap();
        for (setting, ending) in [("certificate", "crt"), ("private_key", "tls.key")] {
            let file = from.join(format!("{name}.{ending}"));
            let setting = format!("transport/link/tls/connect_{setting}");
            config.insert_json5(&setting, &format!("{:?}", file.display().to_string())).unwrap();
        }
        config
    };
    // As it should be, so that the rest fails for its own reason.
    open(&with_file("observer", folder.path())).unwrap().close().wait().unwrap();
    // TCP, and no TLS at all.
    let mut plain = Settings::client("quad12", Role::Observer);
    plain.connect = vec![format!("tcp/127.0.0.1:{port}")];
    assert!(open(&plain.config().unwrap()).is_err(), "no TLS");
    // TLS, and no certificate.
    let mut bare = observer().config().unwrap();
    bare.insert_json5("transport/link/tls/enable_mtls", "false").unwrap();
    assert!(open(&bare).is_err(), "no certificate");
    assert!(open(&with_file("observer", foreign.path())).is_err(), "of another authority");
    assert!(open(&with_file("planner", foreign.path())).is_err(), "of another authority");
    // The robot of another authority is none for us either.
    let theirs = settings(Part::Client(Role::Observer), &endpoint, Some(foreign.path()));
    assert!(open(&theirs.config().unwrap()).is_err(), "another authority's robot");
    // The same authority, but over, or not yet.
    for (from, until) in [(now() - 2 * day, now() - day), (now() + day, now() + 2 * day)] {
        let ended = certificates(from, until);
        let (port, folder) = (free_port(), ended.path());
        let endpoint = format!("quic/127.0.0.1:{port}");
        let robot = Robot::at(&endpoint, Some(folder));
        let theirs = settings(Part::Client(Role::Observer), &endpoint, Some(folder));
        assert!(open(&theirs.config().unwrap()).is_err(), "over, or not yet");
        robot.session.close().wait().unwrap();
    }
    assert!(robot.heard.lock().unwrap().is_empty());
}

/// A listener that has only a client's certificate is no robot, whoever signed it.
///
/// Clauses: C1, D4.
#[test]
fn a_client_is_no_robot() {
    let folder = good();
    let endpoint = format!("quic/127.0.0.1:{}", free_port());
    let mut config = settings(Part::Robot, &endpoint, Some(folder.path())).config().unwrap();
    for (setting, file) in [("certificate", "operator.crt"), ("private_key", "operator.tls.key")] {
        let file = format!("{:?}", folder.path().join(file).display().to_string());
        config.insert_json5(&format!("transport/link/tls/listen_{setting}"), &file).unwrap();
    }
    let _false_robot = Robot::new(&config);
    let theirs = settings(Part::Client(Role::Planner), &endpoint, Some(folder.path()));
    assert!(open(&theirs.config().unwrap()).is_err());
}

/// Clauses: C1, D4.
#[test]
fn a_link_ends_when_its_certificate_does() {
    let folder = certificates(now() - Duration::from_secs(60), now() + Duration::from_secs(5));
    let endpoint = format!("quic/127.0.0.1:{}", free_port());
    let robot = Robot::at(&endpoint, Some(folder.path()));
    let operator = client(Role::Operator, &endpoint, folder.path());
    assert_eq!(arrive(&robot, &operator, &[("operator/act", 56)]), ["operator/act"]);
    let links = || robot.session.info().transports().wait().count();
    assert_eq!(links(), 1);
    wait_for("the end of the link", || links() == 0);
    robot.heard.lock().unwrap().clear();
    let _ = operator.put(key("operator/stop"), "").wait();
    std::thread::sleep(SHORT);
    assert!(robot.heard.lock().unwrap().is_empty());
}

/// Clauses: C1, C3.
#[test]
fn what_is_too_long_does_not_arrive_and_pictures_do() {
    let folder = good();
    let endpoint = format!("quic/127.0.0.1:{}", free_port());
    let robot = Robot::at(&endpoint, Some(folder.path()));
    let planner = client(Role::Planner, &endpoint, folder.path());
    assert_eq!(arrive(&robot, &planner, &[("brain/plan", 2 << 20)]), [""; 0]);
    assert_eq!(arrive(&robot, &planner, &[("brain/plan", 1024)]), ["brain/plan"]);
    let heard = planner.declare_subscriber(key("body/picture")).wait().unwrap();
    wait_for("the picture", || {
        put(&robot.session, "body/picture", 16 << 20);
        let came = heard.recv_timeout(Duration::from_secs(1)).ok().flatten();
        came.is_some_and(|sample| sample.payload().len() == 16 << 20)
    });
}

/// Clauses: C1, D4.
#[test]
fn on_loopback_no_certificates_are_needed_and_lengths_hold() {
    let endpoint = format!("tcp/127.0.0.1:{}", free_port());
    let settings_of = |part| settings(part, &endpoint, None);
    let robot = Robot::at(&endpoint, None);
    assert_eq!(probe(&robot.session, &settings_of(Part::Robot)).unwrap(), 0, "nothing to try");
    let anybody = open(&settings_of(Part::Client(Role::Observer)).config().unwrap()).unwrap();
    let sent = [("brain/plan", 440), ("**", 2 << 20)];
    assert_eq!(arrive(&robot, &anybody, &sent), ["brain/plan"]);
    assert!(ask(&anybody, "lease/planner", 100, PATIENCE));
}

/// Clauses: C1, D4.
#[test]
fn a_unix_socket_is_as_good_as_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = format!("unixsock-stream/{}", folder.path().join("robot.sock").display());
    let robot = Robot::at(&endpoint, None);
    let planner = settings(Part::Client(Role::Planner), &endpoint, None).config().unwrap();
    let planner = open(&planner).unwrap();
    assert_eq!(arrive(&robot, &planner, &[("brain/plan", 440)]), ["brain/plan"]);
}

/// Clauses: C1, D4.
#[test]
fn a_router_holds_the_same_rules() {
    let folder = good();
    let endpoint = format!("quic/127.0.0.1:{}", free_port());
    let router = settings(Part::Router, &endpoint, Some(folder.path())).config().unwrap();
    let router = open(&router).unwrap();
    let mut behind = settings(Part::Robot, &endpoint, Some(folder.path()));
    std::mem::swap(&mut behind.listen, &mut behind.connect);
    let robot = Robot::new(&behind.config().unwrap());
    wait_for("the robot", || router.info().transports().wait().count() == 1);
    let planner = client(Role::Planner, &endpoint, folder.path());
    let observer = client(Role::Observer, &endpoint, folder.path());
    wait_for("the robot's answer", || ask(&planner, "about", 0, SHORT));
    assert!(ask(&planner, "lease/planner", 10, PATIENCE));
    assert!(!ask(&planner, "lease/operator", 10, SHORT));
    assert!(!ask(&observer, "lease/planner", 10, SHORT));
    assert_eq!(arrive(&robot, &planner, &COMMANDS), ["brain/plan"]);
    assert_eq!(arrive(&robot, &observer, &COMMANDS), [""; 0]);
    let long = [("brain/plan", 1025), ("brain/plan", 100_000), ("brain/plan", 2 << 20)];
    assert_eq!(arrive(&robot, &planner, &long), [""; 0]);
    assert_eq!(arrive(&robot, &planner, &[("brain/plan", 1024)]), ["brain/plan"]);
    assert!(ask(&planner, "lease/planner", 4096, PATIENCE));
    assert!(!ask(&planner, "lease/planner", 4097, SHORT));
    let fleet = observer.declare_subscriber("triune/*/governor/ruling").wait().unwrap();
    wait_for("the ruling", || {
        put(&robot.session, "governor/ruling", 100);
        fleet.recv_timeout(SHORT).ok().flatten().is_some()
    });
}

/// Clauses: C1, D4.
#[test]
fn the_command_makes_them_once_and_says_what_goes_where() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("certificates");
    let path = folder.to_str().unwrap();
    let triune = |more: &[&str]| {
        let command = [&["keys", "network", path], more].concat();
        Command::new(env!("CARGO_BIN_EXE_triune")).args(command).output().unwrap()
    };
    let wrong = triune(&["--robot", "Quad 12"]);
    assert_eq!(wrong.status.code(), Some(3));
    assert!(!folder.exists(), "nothing was written");
    let made = triune(&["--robot", "quad12", "--name", "quad12.local", "--json"]);
    assert_eq!(made.status.code(), Some(0));
    let said: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(said["schema"], "triune.certificates/1");
    assert_eq!(said["files"].as_array().unwrap().len(), 14);
    assert!(said["names"].as_array().unwrap().contains(&"quad12.local".into()));
    let again = triune(&[]);
    assert_eq!(again.status.code(), Some(3));
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(said.contains("is there already"), "{said}");
    // They are what a robot needs.
    let endpoint = format!("quic/127.0.0.1:{}", free_port());
    let settings = settings(Part::Robot, &endpoint, Some(&folder));
    let robot = Robot::new(&settings.config().unwrap());
    assert_eq!(probe(&robot.session, &settings).unwrap(), 1);
}
