//! Who may do what: the access rules of a session whose peers show certificates.
//!
//! What is not allowed is denied. There are only rules that allow: zenoh holds a message against
//! the rules whose key includes the whole key of the message, so a rule that denies one key would
//! be got round by a message on a pattern that covers it.
//!
//! The rules say who may try. Whether a message counts is for the lease and its code: those hold
//! from end to end, these only from hop to hop.

use serde_json::{Value, json};

/// Who is at the other end of a robot, by the common name of its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Looks on; may stop.
    Observer,
    /// Drives the robot and acts on it.
    Operator,
    /// Sends plans.
    Planner,
    /// As the operator, and maintains the robot.
    Maintainer,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Observer, Self::Operator, Self::Planner, Self::Maintainer];

    /// Its name: the common name of its certificate, and the name of its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Operator => "operator",
            Self::Planner => "planner",
            Self::Maintainer => "maintainer",
        }
    }

    /// What it may send, below the robot's name. Anybody may stop.
    const fn sends(self) -> &'static [&'static str] {
        match self {
            Self::Observer => &["operator/stop"],
            Self::Planner => &["operator/stop", "brain/plan"],
            Self::Operator | Self::Maintainer => {
                &["operator/stop", "operator/act", "operator/stick"]
            }
        }
    }

    /// The leases it may ask for, below the robot's name.
    const fn leases(self) -> &'static [&'static str] {
        match self {
            Self::Observer => &[],
            Self::Operator => &["lease/operator"],
            Self::Planner => &["lease/planner"],
            Self::Maintainer => &["lease/operator", "lease/maintainer"],
        }
    }
}

/// What a robot sends, below its name. Everything in these layers goes out.
const OUT: &[&str] =
    &["body/**", "cerebellum/**", "governor/**", "runtime/**", "brain/observation"];
/// What a robot hears, below its name.
const IN: &[&str] = &["operator/stop", "operator/act", "operator/stick", "brain/plan"];
/// What everybody may ask.
const ASK: &[&str] = &["about", "*/*/schema"];
/// The leases.
const LEASES: &[&str] = &["lease/planner", "lease/operator", "lease/maintainer"];
/// Any robot.
const ANY: &str = "*";

/// The most bytes of what comes in, below a robot's name: header, body, code and room to grow.
const SMALL: &[(&[&str], usize)] = &[(&["brain/plan"], 1024), (&["operator/**"], 256)];
/// The most bytes of a question.
pub(super) const QUESTION_MAX: usize = 4096;

/// Who is in the middle of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Middle<'a> {
    /// The robot of this name.
    Robot(&'a str),
    /// A router: for any robot.
    Router,
    /// One who connects to robots and routers.
    Client,
}

/// Which way a message goes, as zenoh calls it.
const INGRESS: &[&str] = &["ingress"];
const EGRESS: &[&str] = &["egress"];
const BOTH: &[&str] = &["ingress", "egress"];

#[derive(Default)]
struct Rules {
    rules: Vec<Value>,
    subjects: Vec<Value>,
    policies: Vec<Value>,
}

/// The setting `access_control`.
pub(super) fn rules(middle: Middle<'_>) -> Value {
    let mut all = Rules::default();
    match middle {
        Middle::Robot(robot) => {
            for role in Role::ALL {
                all.client(role.name(), robot, role.sends(), role.leases());
            }
            // It lets in only whom its own rules permit; so it may do what any of them may.
            all.client("router", robot, IN, LEASES);
        }
        Middle::Router => {
            for role in Role::ALL {
                all.client(role.name(), ANY, role.sends(), role.leases());
            }
            all.robot();
            all.anything("router");
        }
        // Without these a server with a certificate of any authority of the web would do: zenoh
        // trusts those too when it connects.
        Middle::Client => {
            all.anything("robot");
            all.anything("router");
        }
    }
    let Rules { rules, subjects, policies } = all;
    json!({
        "enabled": true, "default_permission": "deny",
        "rules": rules, "subjects": subjects, "policies": policies,
    })
}

impl Rules {
    /// One who looks at `robot` and sends to it.
    fn client(&mut self, name: &str, robot: &str, sends: &[&str], leases: &[&str]) {
        let asks = [ASK, leases].concat();
        self.subject(
            name,
            &[
                (&["put"], INGRESS, below(robot, sends)),
                (&["declare_subscriber"], EGRESS, below(robot, sends)),
                (&["put"], EGRESS, below(robot, OUT)),
                // One subscription may be for many robots; what is sent is still this one's.
                (&["declare_subscriber"], INGRESS, below(ANY, OUT)),
                (&["query"], INGRESS, [below(ANY, ASK), below(robot, leases)].concat()),
                (&["reply", "declare_queryable"], EGRESS, below(robot, &asks)),
            ],
        );
    }

    /// A robot, as a router sees it.
    fn robot(&mut self) {
        let asks = below(ANY, &[ASK, LEASES].concat());
        self.subject(
            "robot",
            &[
                (&["put"], INGRESS, below(ANY, OUT)),
                (&["declare_subscriber"], EGRESS, below(ANY, OUT)),
                (&["put"], EGRESS, below(ANY, IN)),
                (&["declare_subscriber"], INGRESS, below(ANY, IN)),
                (&["query"], EGRESS, asks.clone()),
                (&["reply", "declare_queryable"], INGRESS, asks),
            ],
        );
    }

    fn anything(&mut self, name: &str) {
        let messages = &["put", "declare_subscriber", "query", "reply", "declare_queryable"];
        self.subject(name, &[(messages, BOTH, vec!["triune/**".to_owned()])]);
    }

    /// Allows peers with this common name what is listed: messages, ways, keys.
    fn subject(&mut self, name: &str, allowed: &[(&[&str], &[&str], Vec<String>)]) {
        let mut ids = Vec::new();
        for (number, (messages, flows, keys)) in allowed.iter().enumerate() {
            let id = format!("{name} {number}");
            self.rules.push(json!({
                "id": id, "permission": "allow",
                "messages": messages, "flows": flows, "key_exprs": keys,
            }));
            ids.push(id);
        }
        self.subjects.push(json!({ "id": name, "cert_common_names": [name] }));
        self.policies.push(json!({ "rules": ids, "subjects": [name] }));
    }
}

/// The setting `low_pass_filter`: what is longer than this a router does not pass on. A robot drops
/// what is too long itself, and counts it.
pub(super) fn sizes(middle: Middle<'_>) -> Value {
    if middle != Middle::Router {
        return json!([]);
    }
    let mut all: Vec<Value> = SMALL
        .iter()
        .map(|(keys, most)| size(&["put", "delete"], below(ANY, keys), *most))
        .collect();
    all.push(size(&["query"], vec!["**".to_owned()], QUESTION_MAX));
    Value::Array(all)
}

fn size(messages: &[&str], keys: Vec<String>, most: usize) -> Value {
    json!({ "messages": messages, "flows": ["ingress"], "key_exprs": keys, "size_limit": most })
}

fn below(robot: &str, keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| format!("triune/{robot}/{key}")).collect()
}
