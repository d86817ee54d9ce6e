//! Triune's topics on other processes and machines: brains, tools and people elsewhere.
//!
//! - [`robot`] is the network's end of a running robot; the control thread writes to it and reads
//!   from it without waiting. [`snapshot`] is what it shows, [`far_brain`] its planner elsewhere.
//! - [`lease`] and [`code`] decide who may command; [`desk`] is their place in a running robot.
//! - [`clock`] keeps two clocks apart.
//! - [`command`] lists what people type: [`echo`] and [`hz`] look at topics, [`top`] at robots;
//!   [`estop`], [`act`] and [`teleop`] command one; [`router`] carries between them. [`reach`]
//!   finds the robot, [`watch`] sees it, [`decode`] reads what no program has heard of before.
//!
//! What it must never do: hold up the loop; take a command without a lease; start anything because
//! a message got lost.

use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::network::gateway::Gateway;
use bus::network::settings::LOOPBACK;
use bus::network::{NetworkError, Part, Role, Settings};

use crate::cli::{Exit, Failure};
use crate::deployment::keys::{PrivateKey, Trust};
use crate::robot_source::RobotSource;

pub mod act;
pub mod certificates;
pub mod clock;
pub mod code;
pub mod command;
pub mod decode;
pub mod desk;
pub mod echo;
pub mod estop;
pub mod far_brain;
pub mod held;
pub mod hz;
pub mod lease;
pub mod planner;
pub mod reach;
pub mod robot;
pub mod router;
pub mod snapshot;
pub mod teleop;
pub mod top;
pub mod watch;

/// How a robot is reached.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Its name in every key.
    pub name: String,
    /// Endpoints it listens on.
    pub listen: Vec<String>,
    /// Endpoints it connects to: routers.
    pub connect: Vec<String>,
    /// Folder with its certificate; needed beyond this machine.
    pub certificates: Option<PathBuf>,
    /// Keys whose owners may hold a lease; needed beyond this machine.
    pub trust: Trust,
    /// Nobody asked for it: where it cannot be had, the run goes on without it.
    pub optional: bool,
}

impl Access {
    /// What the robot's session is opened with.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            robot: self.name.clone(),
            part: Part::Robot,
            listen: self.listen.clone(),
            connect: self.connect.clone(),
            certificates: self.certificates.clone(),
        }
    }
}

/// Why a robot could not be opened to the network, or a program not reach one.
#[derive(Debug, thiserror::Error)]
pub enum NetworkFault {
    /// The session, or what came over it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The robot gives no lease.
    #[error("no lease: {0}")]
    Lease(String),
    /// No thread, or no random bytes.
    #[error("the machine grants it not: {0}")]
    Thread(#[from] std::io::Error),
}

/// How a run is reached from elsewhere.
#[derive(Clone, Debug, clap::Args)]
pub struct NetworkArgs {
    /// Whether anything outside this process reaches the run. On virtual time it does only when an
    /// endpoint is named.
    #[arg(long, value_enum, default_value_t = Switch::On)]
    network: Switch,
    /// Listens here; without it on this machine alone, at tcp/127.0.0.1:7447. May be given several
    /// times.
    #[arg(long, value_name = "ENDPOINT")]
    listen: Vec<String>,
    /// Connects to a router. May be given several times.
    #[arg(long, value_name = "ENDPOINT")]
    connect: Vec<String>,
    /// Name of the robot on the network; without it the one of its file.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Folder with the robot's certificate, as `triune keys network` makes it: opens it to more
    /// than this machine.
    #[arg(long, value_name = "DIR")]
    certificates: Option<PathBuf>,
    /// Where the planner runs: in a thread here, or in a process elsewhere (`triune brain`).
    #[arg(long, value_enum, default_value_t = BrainPlace::Here)]
    brain: BrainPlace,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

/// Where the planner runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum BrainPlace {
    /// In a thread of the run.
    Here,
    /// In another process.
    Far,
}

impl NetworkArgs {
    /// The planner is another process.
    #[must_use]
    pub fn is_brain_far(&self) -> bool {
        self.brain == BrainPlace::Far
    }

    /// How a run on virtual time (`fast`) or in real time is reached; not at all without.
    ///
    /// # Errors
    /// What was asked for excludes itself, or a trusted key of `source` is none.
    pub fn access(self, source: &RobotSource, fast: bool) -> Result<Option<Access>, Failure> {
        let Self { network, listen, connect, name, certificates, brain } = self;
        let named = !listen.is_empty() || !connect.is_empty() || certificates.is_some();
        let wrong = |what: &str| Failure::new(Exit::Usage, miette::miette!("{what}"));
        if brain == BrainPlace::Far && fast {
            return Err(wrong(
                "a planner in another process keeps real time: leave --fast out, or --brain far",
            ));
        }
        if network == Switch::Off {
            if named || brain == BrainPlace::Far {
                return Err(wrong("--network off excludes what reaches the run: leave one out"));
            }
            return Ok(None);
        }
        if fast && !named {
            return Ok(None);
        }
        let optional = !named && brain == BrainPlace::Here;
        let listen = if listen.is_empty() && connect.is_empty() {
            vec![LOOPBACK.to_owned()]
        } else {
            listen
        };
        let trust = if certificates.is_some() { source.trust()? } else { Trust::default() };
        let name = name.unwrap_or_default();
        Ok(Some(Access { name, listen, connect, certificates, trust, optional }))
    }
}

/// How a program reaches a robot.
#[derive(Clone, Debug, clap::Args)]
pub struct Far {
    /// The robot, or a router on the way to it.
    #[arg(long, value_name = "ENDPOINT", default_value = LOOPBACK)]
    connect: Vec<String>,
    /// Name of the robot, where it is not that of its file.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Folder with this program's certificate, as `triune keys network` makes it.
    #[arg(long, value_name = "DIR")]
    certificates: Option<PathBuf>,
    /// Private key that asks for leases; needed where the robot is open to a network.
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
    /// Waits so long for the robot, s.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    patience: f64,
}

impl Far {
    /// The door to the robot, and the key that asks for leases.
    ///
    /// # Errors
    /// It cannot be reached; the key cannot be read.
    pub fn open(&self, name: &str, role: Role) -> Result<(Gateway, Option<PrivateKey>), Failure> {
        let key = self.key.as_deref().map(PrivateKey::load).transpose()?;
        let gateway = Gateway::open(&Settings {
            robot: self.name.clone().unwrap_or_else(|| name.to_owned()),
            part: Part::Client(role),
            listen: Vec::new(),
            connect: self.connect.clone(),
            certificates: self.certificates.clone(),
        });
        Ok((gateway.map_err(NetworkFault::from)?, key))
    }

    /// How long the robot is waited for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::try_from_secs_f64(self.patience).unwrap_or(Duration::from_secs(5))
    }
}

/// Somebody pressed Ctrl-C since this was asked first.
#[must_use]
pub fn interrupted() -> bool {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        // Where a handler is set already, the program ends by that one.
        let _ = ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Release));
    });
    INTERRUPTED.load(Ordering::Acquire)
}

impl From<NetworkFault> for Failure {
    fn from(fault: NetworkFault) -> Self {
        let exit = match &fault {
            NetworkFault::Network(
                NetworkError::RobotName(_)
                | NetworkError::Open { .. }
                | NetworkError::Plain { .. }
                | NetworkError::Endpoint { .. },
            ) => Exit::Usage,
            NetworkFault::Network(NetworkError::Certificate { .. }) => Exit::Configuration,
            _ => Exit::Hardware,
        };
        Self::new(exit, miette::miette!("{fault}"))
    }
}
