//! Tries at the start whether the access rules hold: what they forbid must really not come through.
//!
//! Rules that nobody tried are a wish: peers that match none of them have fallen to the wrong
//! default before, and messages of a kind that a rule forgot have passed. So the robot connects to
//! each of its own listeners as an observer, does what an observer must not, and looks whether it
//! arrived.
//! One act that is permitted goes the same way, so that silence means refusal and not a dead link.
//! Nothing is tried that would move or stop a robot: what is sent has no size of a known message.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use zenoh::bytes::ZBytes;
use zenoh::pubsub::Subscriber;
use zenoh::query::{ConsolidationMode, Query, QueryTarget, Queryable};
use zenoh::sample::Sample;
use zenoh::{Session, Wait};

use super::{NetworkError, Part, Role, Settings};

/// How long an answer is waited for that must come.
const PATIENCE: Duration = Duration::from_secs(3);
/// Time between two tries of what is permitted.
const PAUSE: Duration = Duration::from_millis(20);
/// How long an answer is waited for that must not come. Each try has been answered by then: the
/// permitted one goes after it on the same link, and its answer is here.
const GRACE: Duration = Duration::from_millis(100);
/// What is sent begins with this.
const MARK: &[u8; 16] = b"triune probe 1\n\0";

/// Something that an observer must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Send(&'static str),
    Delete(&'static str),
    Ask(&'static str),
    Live,
}

/// Commands, what only the robot says, leases, and to pass for somebody who is alive.
const FORBIDDEN: [Act; 10] = [
    Act::Send("brain/plan"),
    Act::Send("operator/act"),
    Act::Send("operator/stick"),
    Act::Send("cerebellum/state"),
    // On a pattern that covers a command. Not one that covers the stop.
    Act::Send("brain/*"),
    Act::Delete("brain/plan"),
    Act::Ask("lease/planner"),
    Act::Ask("lease/operator"),
    Act::Ask("lease/maintainer"),
    Act::Live,
];

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(key) => write!(f, "send on {key}"),
            Self::Delete(key) => write!(f, "delete {key}"),
            Self::Ask(key) => write!(f, "ask {key}"),
            Self::Live => f.write_str("declare itself alive"),
        }
    }
}

/// Tries the access rules of an opened robot on each of its listeners; returns how many were tried.
/// With nothing but loopback there are no rules and nothing to try.
///
/// `session` is the robot's own, opened with `settings`. Its folder of certificates must hold those
/// of the observer too.
///
/// # Errors
/// [`NetworkError::Forbidden`] when something came through that must not,
/// [`NetworkError::Control`] when something did not that may, and what stands in the way of trying.
pub fn probe(session: &Session, settings: &Settings) -> Result<usize, NetworkError> {
    if !settings.is_open() {
        return Ok(0);
    }
    for endpoint in &settings.listen {
        try_out(session, settings, endpoint)?;
    }
    Ok(settings.listen.len())
}

fn try_out(session: &Session, settings: &Settings, listen: &str) -> Result<(), NetworkError> {
    let token = Token::new(session);
    let watch = Watch::new(session, settings, &token)?;
    let endpoint = reachable(listen);
    let observer = Settings {
        part: Part::Client(Role::Observer),
        listen: Vec::new(),
        connect: vec![endpoint.clone()],
        ..settings.clone()
    };
    let mut config = observer.config()?;
    // Somebody with evil in mind does not keep to the rules at his own end.
    let free = |error| NetworkError::zenoh("the access rules of the probe", error);
    config.insert_json5("access_control/enabled", "false").map_err(free)?;
    let opened = zenoh::open(config).wait();
    let what = || {
        format!(
            "the robot cannot try its own access rules on {endpoint} (does its certificate have \
             this name? see --name of `triune keys network`)"
        )
    };
    let observer = opened.map_err(|error| NetworkError::zenoh(what(), error))?;
    let outcome = attempt(&observer, settings, &token, &watch, &endpoint);
    // What was found counts, not whether the link was taken down in good order.
    let _ = observer.close().wait();
    outcome
}

fn attempt(
    observer: &Session,
    settings: &Settings,
    token: &Token,
    watch: &Watch,
    endpoint: &str,
) -> Result<(), NetworkError> {
    let about = format!("{endpoint} as an observer");
    let failed = |error| NetworkError::zenoh(about.clone(), error);
    let key = |rest: &str| format!("triune/{}/{rest}", settings.robot);
    let refused =
        || NetworkError::Control { endpoint: endpoint.to_owned(), act: "ask about".to_owned() };
    // Until the ends know each other, nothing comes through, and what does not says nothing.
    let until = Instant::now() + PATIENCE;
    while !is_answered(observer, &key("about"), token)? {
        if Instant::now() >= until {
            return Err(refused());
        }
        std::thread::sleep(PAUSE);
    }
    let mut tokens = Vec::new();
    let mut asked = Vec::new();
    for act in FORBIDDEN {
        match act {
            Act::Send(rest) => observer.put(key(rest), token.bytes()).wait().map_err(failed)?,
            Act::Delete(rest) => {
                observer.delete(key(rest)).attachment(token.bytes()).wait().map_err(failed)?;
            }
            Act::Ask(rest) => asked.push((act, ask(observer, &key(rest), token)?)),
            Act::Live => {
                let live = observer.liveliness().declare_token(key("probe")).wait();
                tokens.push(live.map_err(failed)?);
            }
        }
    }
    if !is_answered(observer, &key("about"), token)? {
        return Err(refused());
    }
    std::thread::sleep(GRACE);
    let came =
        |act: Act| NetworkError::Forbidden { endpoint: endpoint.into(), act: act.to_string() };
    // In the order in which it was tried.
    let answered = |answers: &Answers| answers.try_recv().ok().flatten().is_some();
    let asked = || asked.iter().find(|(_, answers)| answered(answers)).map(|(act, _)| *act);
    match watch.seen().or_else(asked) {
        Some(act) => Err(came(act)),
        None => Ok(()),
    }
}

type Answers = zenoh::handlers::FifoChannelHandler<zenoh::query::Reply>;

/// Whether an answer to what is permitted comes.
fn is_answered(observer: &Session, key: &str, token: &Token) -> Result<bool, NetworkError> {
    let answer = ask(observer, key, token)?.recv_timeout(PATIENCE).ok().flatten();
    Ok(answer.is_some_and(|answer| answer.result().is_ok()))
}

fn ask(observer: &Session, key: &str, token: &Token) -> Result<Answers, NetworkError> {
    let get = observer.get(key).payload(token.bytes()).timeout(PATIENCE);
    let get = get.target(QueryTarget::All).consolidation(ConsolidationMode::None);
    get.wait().map_err(|error| NetworkError::zenoh(format!("{key} cannot be asked"), error))
}

/// What marks the messages of one try.
#[derive(Clone)]
struct Token(Vec<u8>);

impl Token {
    fn new(session: &Session) -> Self {
        Self([MARK.as_slice(), &session.zid().to_le_bytes()].concat())
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn is_in(&self, bytes: Option<&ZBytes>) -> bool {
        bytes.is_some_and(|bytes| *bytes.to_bytes() == *self.0)
    }
}

/// The robot's side of a try: sees what arrives.
struct Watch {
    seen: Arc<[AtomicBool; FORBIDDEN.len()]>,
    _subscribers: Vec<Subscriber<()>>,
    _queryables: Vec<Queryable<()>>,
}

impl Watch {
    fn new(session: &Session, settings: &Settings, token: &Token) -> Result<Self, NetworkError> {
        let seen: Arc<[AtomicBool; FORBIDDEN.len()]> = Arc::default();
        let (mut subscribers, mut queryables) = (Vec::new(), Vec::new());
        for (number, act) in FORBIDDEN.into_iter().enumerate() {
            let (seen, own) = (Arc::clone(&seen), token.clone());
            let see = move || seen.get(number).map(|seen| seen.store(true, Ordering::SeqCst));
            let is_delete = matches!(act, Act::Delete(_));
            let sample = move |sample: Sample| {
                let marked = own.is_in(Some(sample.payload())) || own.is_in(sample.attachment());
                let delete = sample.kind() == zenoh::sample::SampleKind::Delete;
                // Live tokens carry nothing; nobody else uses this key.
                if (marked && delete == is_delete) || act == Act::Live {
                    see();
                }
            };
            let rest = match act {
                Act::Send(rest) | Act::Delete(rest) | Act::Ask(rest) => rest,
                Act::Live => "probe",
            };
            let key = format!("triune/{}/{rest}", settings.robot);
            let failed = |error| NetworkError::zenoh(format!("{key} cannot be watched"), error);
            match act {
                Act::Send(_) | Act::Delete(_) => {
                    let watching = session.declare_subscriber(&key).callback(sample);
                    subscribers.push(watching.wait().map_err(failed)?);
                }
                Act::Live => {
                    let watching = session.liveliness().declare_subscriber(&key).callback(sample);
                    subscribers.push(watching.wait().map_err(failed)?);
                }
                Act::Ask(_) => queryables.push(answering(session, &key, token)?),
            }
        }
        queryables.push(answering(session, &format!("triune/{}/about", settings.robot), token)?);
        Ok(Self { seen, _subscribers: subscribers, _queryables: queryables })
    }

    fn seen(&self) -> Option<Act> {
        let seen = FORBIDDEN.iter().zip(self.seen.iter());
        seen.filter(|(_, seen)| seen.load(Ordering::SeqCst)).map(|(act, _)| *act).next()
    }
}

/// Answers what is asked there with the token, and nobody else: others may have come already, and
/// theirs is to hear what the robot says.
fn answering(session: &Session, key: &str, token: &Token) -> Result<Queryable<()>, NetworkError> {
    let token = token.clone();
    let answer = move |query: Query| {
        if token.is_in(query.payload()) {
            let _ = query.reply(query.key_expr().clone(), "").wait();
        }
    };
    let declared = session.declare_queryable(key).callback(answer).wait();
    declared.map_err(|error| NetworkError::zenoh(format!("{key} cannot be watched"), error))
}

/// Where this machine reaches its own listener: one on all addresses is reached on loopback.
fn reachable(listen: &str) -> String {
    let any = [("quic/0.0.0.0:", "quic/127.0.0.1:"), ("quic/[::]:", "quic/localhost:")];
    let found = any.iter().find_map(|(any, own)| listen.strip_prefix(any).map(|port| (own, port)));
    found.map_or_else(|| listen.to_owned(), |(own, port)| format!("{own}{port}"))
}
