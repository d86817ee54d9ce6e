//! A robot and its brain on two hosts, with a bad network between them.
//!
//! The robot runs on the left host and listens at `10.77.0.1:7447`; the brain runs on the right one
//! and connects to `10.77.1.254:7447`, where a [`crate::proxy`] takes what it says. Or each hears
//! only the loopback of its host, as a robot does by default, and the proxy reaches into both:
//! [`Scenario::on_loopback`].

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::netns::packets::sockets;
use crate::netns::{Hosts, NoNetwork, address, at, gate};
use crate::process::{Ended, Process, triune};
use crate::proxy::samples::Samples;
use crate::proxy::stream::{Bytes, Flow, StreamProxy};
use crate::proxy::{Counts, End, Faults, Proxy, Way};

/// Port at which the robot listens.
pub const PORT: u16 = 7447;
/// How long a robot may take until it listens, on a loaded machine.
const LISTENS_WITHIN: Duration = Duration::from_secs(60);

/// What carries the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// Datagrams: what is lost stays lost.
    #[default]
    Udp,
    /// A connection.
    Tcp,
}

impl Carrier {
    /// As endpoints begin.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// What is to be started. In the arguments `{listen}` stands for the robot's endpoint, `{connect}`
/// for the one the brain connects to, `{out}` for the folder of the run.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// What runs; the binary `triune` if it is empty.
    pub program: PathBuf,
    /// Arguments of the robot, `run` first.
    pub robot: Vec<String>,
    /// Arguments of the brain, `brain` first. Without any, none is started.
    pub brain: Vec<String>,
    /// What carries the bytes.
    pub carrier: Carrier,
    /// Seed of the network.
    pub seed: u64,
    /// Both ends are `127.0.0.1:7447`, each on its own host: no certificates are needed.
    pub on_loopback: bool,
    /// Layout hashes of the samples to be counted.
    pub layouts: Vec<u64>,
    /// Faults from the start.
    pub faults: Faults,
}

/// The network between the two.
#[derive(Debug)]
pub enum Between {
    /// For [`Carrier::Udp`].
    Datagrams(Proxy),
    /// For the others.
    Stream(StreamProxy),
}

/// The two, running. Dropping it kills both.
#[derive(Debug)]
pub struct Pair {
    scenario: Scenario,
    // In this order they are dropped: who uses the network before the network.
    robot: Process,
    brain: Option<Process>,
    between: Between,
    hosts: Hosts,
    out: TempDir,
}

/// How it ended.
#[derive(Debug)]
pub struct Outcome {
    /// The robot.
    pub robot: Ended,
    /// The brain, if there was one at the end.
    pub brain: Option<Ended>,
    /// The robot's `report.json`.
    pub report: Value,
    /// What became of what the brain said, and of what the robot said.
    pub traffic: [Traffic; 2],
    /// The same of the samples of each of [`Scenario::layouts`]; none of a connection.
    pub samples: Vec<[Samples; 2]>,
    /// The folder of the run.
    pub out: TempDir,
}

/// What became of the bytes of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Of datagrams.
    Datagrams(Counts),
    /// Of a connection.
    Stream(Bytes),
}

impl Pair {
    /// Starts the network, the robot, and when it listens the brain.
    ///
    /// # Errors
    /// Network namespaces are not permitted here, or the robot does not come to listen.
    pub fn start(scenario: Scenario) -> Result<Self, NoNetwork> {
        let hosts = Hosts::two()?;
        let mut scenario = scenario;
        if scenario.program.as_os_str().is_empty() {
            scenario.program = triune()?;
        }
        let (listen, connect) = scenario.ends();
        let (target, front) = if scenario.on_loopback {
            (End::on(hosts.left(), listen), End::on(hosts.right(), connect))
        } else {
            (End::on(hosts.middle(), listen), End::on(hosts.middle(), connect))
        };
        let seed = scenario.seed;
        let between = match scenario.carrier {
            Carrier::Udp => {
                let proxy = Proxy::start(&front, &target, seed, &scenario.layouts)?;
                Between::Datagrams(proxy)
            }
            Carrier::Tcp => Between::Stream(StreamProxy::start(&front, &target, seed)?),
        };
        between.set(scenario.faults)?;
        let out = TempDir::new()?;
        let mut command = scenario.command(&scenario.robot, out.path());
        let mut robot = Process::start(Some(hosts.left()), &mut command)?;
        let is_tcp = scenario.carrier != Carrier::Udp;
        robot.wait_until("it does not listen", LISTENS_WITHIN, |robot| {
            // It may end between two looks; that is seen at the next.
            let sockets = sockets(robot.id()).unwrap_or_default();
            let mut open = sockets.iter().filter(|socket| socket.is_open);
            Ok(open.any(|socket| socket.is_tcp == is_tcp && socket.local.port() == PORT))
        })?;
        let mut pair = Self { scenario, robot, brain: None, between, hosts, out };
        if !pair.scenario.brain.is_empty() {
            pair.start_brain()?;
        }
        Ok(pair)
    }

    /// Starts the brain, once more after it was ended; one that still runs is killed before.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_brain(&mut self) -> io::Result<()> {
        self.brain = None;
        let mut command = self.scenario.command(&self.scenario.brain, self.out.path());
        self.brain = Some(Process::start(Some(self.hosts.right()), &mut command)?);
        Ok(())
    }

    /// What the next brain is started with.
    pub const fn brain_arguments(&mut self) -> &mut Vec<String> {
        &mut self.scenario.brain
    }

    /// Kills the brain as a crash would; what it had said.
    ///
    /// # Errors
    /// The kernel does not let it be waited for.
    pub fn kill_brain(&mut self) -> io::Result<Option<Ended>> {
        self.brain.take().map(|brain| brain.finish(Duration::ZERO)).transpose()
    }

    /// Asks the brain to end, and kills it when `patience` is over; what it had said.
    ///
    /// # Errors
    /// The kernel does not let it be waited for.
    pub fn stop_brain(&mut self, patience: Duration) -> io::Result<Option<Ended>> {
        self.brain.take().map(|brain| brain.stop(patience)).transpose()
    }

    /// Starts another command beside the brain: a person's tool.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_beside_brain(&self, arguments: &[String]) -> io::Result<Process> {
        let mut command = self.scenario.command(arguments, self.out.path());
        Process::start(Some(self.hosts.right()), &mut command)
    }

    /// The network between them.
    #[must_use]
    pub const fn between(&self) -> &Between {
        &self.between
    }

    /// The hosts.
    #[must_use]
    pub const fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// The robot.
    pub const fn robot(&mut self) -> &mut Process {
        &mut self.robot
    }

    /// The brain, if there is one.
    pub const fn brain(&mut self) -> Option<&mut Process> {
        self.brain.as_mut()
    }

    /// Waits until the robot has ended by itself, then stops the brain.
    ///
    /// # Errors
    /// There is no report that can be read; what the robot said.
    pub fn finish(self, patience: Duration) -> io::Result<Outcome> {
        self.end(patience, Process::finish)
    }

    /// Stops the robot and then the brain; kills what has not ended when `patience` is over.
    ///
    /// # Errors
    /// There is no report that can be read; what the robot said.
    pub fn stop(self, patience: Duration) -> io::Result<Outcome> {
        self.end(patience, Process::stop)
    }

    fn end(
        self,
        patience: Duration,
        end: impl FnOnce(Process, Duration) -> io::Result<Ended>,
    ) -> io::Result<Outcome> {
        let Self { scenario, robot, brain, between, out, hosts } = self;
        let robot = end(robot, patience)?;
        let brain = brain.map(|brain| brain.stop(patience)).transpose()?;
        let traffic = [between.traffic(Way::There)?, between.traffic(Way::Back)?];
        let samples = match &between {
            Between::Datagrams(proxy) => {
                let of = |layout: &u64| Way::ALL.map(|way| proxy.samples(way, *layout));
                scenario.layouts.iter().map(of).collect()
            }
            Between::Stream(_) => Vec::new(),
        };
        let file = out.path().join("report.json");
        let report = fs::read(&file).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
        let report = report.map_err(|error| {
            io::Error::other(format!("{}: {error}; the robot: {robot}", file.display()))
        })?;
        drop(hosts);
        Ok(Outcome { robot, brain, report, traffic, samples, out })
    }
}

impl Between {
    /// From now on these faults, on both ways. Of a connection only delay, jitter and partition
    /// count, the last as a stall.
    ///
    /// # Errors
    /// A probability is not one.
    pub fn set(&self, faults: Faults) -> io::Result<()> {
        match self {
            Self::Datagrams(proxy) => proxy.set(faults),
            Self::Stream(proxy) => {
                proxy.set(Flow::from(faults));
                Ok(())
            }
        }
    }

    /// What became of the bytes of a way.
    ///
    /// # Errors
    /// The kernel does not say what it lost.
    pub fn traffic(&self, way: Way) -> io::Result<Traffic> {
        Ok(match self {
            Self::Datagrams(proxy) => Traffic::Datagrams(proxy.counts(way)?),
            Self::Stream(proxy) => Traffic::Stream(proxy.bytes(way)),
        })
    }
}

impl Scenario {
    /// Where the robot listens, and what the brain connects to.
    fn ends(&self) -> (SocketAddr, SocketAddr) {
        if self.on_loopback {
            let own = at(Ipv4Addr::LOCALHOST, PORT);
            (own, own)
        } else {
            (at(address(0), PORT), at(gate(1), PORT))
        }
    }

    fn command(&self, arguments: &[String], out: &Path) -> Command {
        let carrier = self.carrier.name();
        let (listen, connect) = self.ends();
        let (listen, connect) = (format!("{carrier}/{listen}"), format!("{carrier}/{connect}"));
        let out = out.display().to_string();
        let mut command = Command::new(&self.program);
        command.current_dir(crate::root()).args(arguments.iter().map(|argument| {
            let argument = argument.replace("{listen}", &listen).replace("{connect}", &connect);
            argument.replace("{out}", &out)
        }));
        command
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { robot, traffic, samples, .. } = self;
        write!(f, "robot: {robot}\ntraffic: {traffic:?}\nsamples: {samples:?}")?;
        match &self.brain {
            Some(brain) => write!(f, "\nbrain: {brain}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
