//! Finds the robot a command is for, and says what helps when it is not there.

use std::time::Duration;

use bus::network::Role;
use bus::network::gateway::Gateway;
use bus::network::settings::check_name;
use serde_json::Value;

use super::decode::Schema;
use super::{Far, NetworkFault};
use crate::cli::{Exit, Failure};
use crate::deployment::keys::PrivateKey;

/// Stands in the session's settings until the robot is known.
const UNKNOWN: &str = "unknown";

/// A robot that answers.
pub struct Reached {
    /// The door to it.
    pub gateway: Gateway,
    /// The key that asks for leases.
    pub key: Option<PrivateKey>,
    /// What it says of itself.
    pub about: About,
    /// How long it is waited for.
    pub patience: Duration,
}

/// What a robot says of itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its name on the network.
    pub name: String,
    /// Its joints, in order.
    pub joints: Vec<String>,
    /// The keys of its topics.
    pub topics: Vec<String>,
    /// Cycles a second.
    pub rate_hz: f64,
    /// Number of its run.
    pub run: String,
}

impl About {
    /// Reads the answer of the robot whose key was `from`.
    #[must_use]
    pub fn read(from: &str, answer: &[u8]) -> Option<Self> {
        let name = from.strip_prefix("triune/")?.strip_suffix("/about")?;
        let value: Value = serde_json::from_slice(answer).ok()?;
        let list = |of: &Value| of.as_array().cloned().unwrap_or_default();
        let words = |of: Vec<Value>| of.iter().filter_map(|v| v.as_str()).map(clean).collect();
        Some(Self {
            name: clean(name),
            joints: words(list(&value["joints"])),
            topics: words(list(&value["topics"]).iter().map(|t| t["key"].clone()).collect()),
            rate_hz: value["rate_hz"].as_f64().unwrap_or_default(),
            run: clean(value["run"].as_str().unwrap_or_default()),
        })
    }
}

/// Text from elsewhere, without what a terminal would obey.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(400).collect()
}

impl Far {
    /// The door, whichever robot is behind it, and the key that asks for leases.
    ///
    /// # Errors
    /// It cannot be opened; the key cannot be read.
    pub fn door(&self, role: Role) -> Result<(Gateway, Option<PrivateKey>), Failure> {
        let name = self.name.as_deref().unwrap_or(UNKNOWN);
        check_name(name).map_err(|error| wrong(&error.to_string()))?;
        self.open(name, role).map_err(|failure| {
            // What the library says of a refused connection helps nobody who is new.
            let said = failure.error.to_string();
            if said.contains("Unable to connect") {
                self.nobody("nobody listens there")
            } else {
                failure
            }
        })
    }

    /// The robot that was named, or the only one in reach.
    ///
    /// # Errors
    /// None answers, or several do and none was named.
    pub fn reach(&self, role: Role) -> Result<Reached, Failure> {
        let (gateway, key) = self.door(role)?;
        let mut found = self.abouts(&gateway)?;
        let about = match (found.len(), &self.name) {
            (1, _) => found.remove(0),
            (0, None) => return Err(self.nobody("no robot answers")),
            (0, Some(name)) => {
                let others: Vec<_> = all(&gateway, self.patience())?;
                let names = names(&others);
                let said = if names.is_empty() { String::new() } else { format!("; here {names}") };
                return Err(self.nobody(&format!("the robot {name:?} does not answer{said}")));
            }
            _ => {
                let said = format!("several robots answer: {}", names(&found));
                let help = "say which one with --name NAME";
                let error = miette::miette!(help = help, "{said}");
                return Err(Failure::new(Exit::Usage, error));
            }
        };
        let gateway = gateway.of(&about.name).map_err(NetworkFault::from)?;
        Ok(Reached { gateway, key, about, patience: self.patience() })
    }

    /// Every robot that answers, or the one that was named.
    ///
    /// # Errors
    /// The session is closed.
    pub fn abouts(&self, gateway: &Gateway) -> Result<Vec<About>, Failure> {
        let until = std::time::Instant::now() + self.patience();
        loop {
            let left = until.saturating_duration_since(std::time::Instant::now());
            let selector = self.name.as_deref().unwrap_or("*");
            let ask = gateway.ask_all(&format!("triune/{selector}/about"), Vec::new(), left);
            let answers = ask.map_err(NetworkFault::from)?;
            let found = read_all(&answers);
            // Where nobody is there yet, the question comes back at once.
            if !found.is_empty() || std::time::Instant::now() >= until || super::interrupted() {
                return Ok(found);
            }
            std::thread::sleep(Duration::from_millis(100).min(left));
        }
    }

    /// Nobody there: how to change that.
    #[must_use]
    pub fn nobody(&self, said: &str) -> Failure {
        let at = self.connect.join(", ");
        let help = "start a robot in another window: triune run robots/quadruped --headless. One \
                    on another machine or port: --connect ENDPOINT, as its --listen says";
        let said = clean(said);
        Failure::new(Exit::Hardware, miette::miette!(help = help, "no robot at {at}: {said}"))
    }
}

/// Every robot that answers within `patience`.
///
/// # Errors
/// The session is closed.
pub fn all(gateway: &Gateway, patience: Duration) -> Result<Vec<About>, Failure> {
    let answers = gateway.ask_all("triune/*/about", Vec::new(), patience);
    Ok(read_all(&answers.map_err(NetworkFault::from)?))
}

fn read_all(answers: &[(String, Vec<u8>)]) -> Vec<About> {
    let mut found: Vec<_> = answers.iter().filter_map(|(k, a)| About::read(k, a)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found.dedup_by(|a, b| a.name == b.name);
    found
}

fn names(found: &[About]) -> String {
    found.iter().map(|about| about.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The command line asks for what is not there.
#[must_use]
pub fn wrong(said: &str) -> Failure {
    Failure::new(Exit::Usage, miette::miette!("{said}"))
}

impl Reached {
    /// The schemas of all topics that `pattern` names, such as `cerebellum/state` or `governor/*`.
    ///
    /// # Errors
    /// There is none: those there are, are listed.
    pub fn schemas(&self, pattern: &str) -> Result<Vec<Schema>, Failure> {
        let robot = &self.about.name;
        let pattern = pattern.strip_prefix(&format!("triune/{robot}/")).unwrap_or(pattern);
        let pattern = pattern.trim_matches('/');
        let refused = |said: &str| {
            let help = format!("topics of {robot}: {}", self.about.topics.join(", "));
            Failure::new(Exit::Usage, miette::miette!(help = help, "topic {pattern:?}: {said}"))
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-/*.".contains(c);
        if pattern.is_empty() || pattern.contains("//") || !pattern.chars().all(allowed) {
            return Err(refused("a topic is LAYER/TOPIC, or a pattern with *"));
        }
        let selector = format!("triune/{robot}/{pattern}/schema");
        let answers = self.gateway.ask_all(&selector, Vec::new(), self.patience);
        let answers = answers.map_err(|error| refused(&clean(&error.to_string())))?;
        let mut schemas = Vec::new();
        for (key, answer) in answers {
            let read = serde_json::from_slice(&answer).map_err(|error| error.to_string());
            let schema = read.and_then(|value: Value| Schema::parse(&value));
            schemas.push(schema.map_err(|said| refused(&format!("{key}: {said}")))?);
        }
        schemas.sort_by(|a, b| a.key.cmp(&b.key));
        schemas.dedup_by(|a, b| a.key == b.key);
        if schemas.is_empty() { Err(refused("there is no such topic")) } else { Ok(schemas) }
    }

    /// The robot still answers.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.gateway.ask("about", Vec::new(), Duration::from_secs(1)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_is_who_its_key_says_and_cannot_command_a_terminal() {
        let said = br#"{"joints":["a\u001b[2J","b"],"topics":[{"key":"x/y"}],"rate_hz":500}"#;
        let about = About::read("triune/dog/about", said).unwrap();
        assert_eq!((about.name.as_str(), about.joints.len()), ("dog", 2));
        assert_eq!((about.joints[0].as_str(), about.topics[0].as_str()), ("a[2J", "x/y"));
        assert!(About::read("other/dog/about", said).is_none());
        assert!(About::read("triune/dog/about", b"no").is_none());
        let answers = ["b", "a", "b"].map(|n| (format!("triune/{n}/about"), said.to_vec()));
        assert_eq!(names(&read_all(&answers)), "a, b");
    }
}
