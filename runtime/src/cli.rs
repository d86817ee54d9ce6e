//! The command line: what may be asked for, who answers it, and with which exit code.

mod keys;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::json;

use self::keys::KeysCommand;
use crate::check::{self, Diagnosis};
use crate::deployment::keys::PrivateKey;
use crate::deployment::{self, Files, signature};
use crate::error::RunError;
use crate::govern::{self, Session};
use crate::inspect::{self, InspectArgs};
use crate::network::command::NetworkCommand;
use crate::network::{NetworkArgs, planner};
use crate::report::{Outcome, colour_wanted};
use crate::robot_body::BodyChoice;
use crate::robot_source::RobotSource;
use crate::run::RunOptions;
use crate::{buses, doctor, link, run, why, wiring};

/// Runs a robot: plans are asked for, the governor decides, the report says why.
#[derive(Debug, Parser)]
#[command(name = "triune", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: DemoArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The default robot in the simulator: one mission with faults and stops, then a report.
    Demo(DemoArgs),
    /// Runs a robot folder.
    Run(RunArgs),
    /// Explains every error in robot, policy and mission files.
    Check(CheckArgs),
    /// Says what is in a robot, a policy or a run.
    Inspect(InspectArgs),
    /// Explains each intervention of a run in plain words.
    Why(WhyArgs),
    /// Holds any controller's proposals against the governor: JSON lines in, JSON lines out.
    Govern(GovernArgs),
    /// Makes keys that sign files and ask for leases, and certificates for the network.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Signs a profile, a permit or a notice: writes FILE.sig beside it.
    Sign(SignArgs),
    /// Says what this machine can do and what is missing, or who a joint board is.
    Doctor {
        #[command(flatten)]
        board: link::command::DoctorArgs,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Tells a joint board the limits and the watchdog of a robot; shows what changes first.
    Provision(link::command::ProvisionArgs),
    /// A joint board without hardware, to try doctor, provision and run.
    Board(link::command::BoardArgs),
    /// Plans for a robot that runs in another process, here or elsewhere.
    Brain(planner::BrainArgs),
    #[command(flatten)]
    Network(NetworkCommand),
    /// The servos of a robot without hardware, behind a serial port, to try `run --body bus:PORT`.
    Emulate {
        /// Robot folder, or its robot.toml.
        robot: PathBuf,
    },
}

#[derive(Debug, Args)]
struct DemoArgs {
    /// Robot folder; without it the built-in quadruped.
    #[arg(long, value_name = "DIR")]
    robot: Option<PathBuf>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// Virtual time: as fast as it goes.
    #[arg(long)]
    fast: bool,
    /// No live display; one plain line for each event.
    #[arg(long)]
    headless: bool,
    /// Seed of everything random.
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Simulator.
    #[arg(long, value_enum, default_value_t = Simulator::Rapier)]
    sim: Simulator,
    /// Folder for report and journal; without it a new one below `runs`.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    json: bool,
    /// Writes down what each cycle is given, as `triune govern` reads it.
    #[arg(long, value_name = "FILE", requires = "fast")]
    proposals: Option<PathBuf>,
    /// Writes down what each cycle decides, as `triune govern` writes it.
    #[arg(long, value_name = "FILE", requires = "fast")]
    verdicts: Option<PathBuf>,
    #[command(flatten)]
    deployment: DeploymentArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, Args)]
struct DeploymentArgs {
    /// Signed profile: where the robot works and how much it decides.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// Signed sandbox permit.
    #[arg(long, value_name = "FILE")]
    permit: Option<PathBuf>,
    /// Signed notice from outside; may be given several times.
    #[arg(long, value_name = "FILE")]
    notice: Vec<PathBuf>,
    /// Where the robot remembers; without it the folder `state` beside its robot.toml.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl From<DeploymentArgs> for Files {
    fn from(args: DeploymentArgs) -> Self {
        let DeploymentArgs { profile, permit, notice, state } = args;
        Self { profile, permit, notices: notice, state }
    }
}

#[derive(Debug, Args)]
struct SignArgs {
    /// The file; `triune check` says whether it is right.
    file: PathBuf,
    /// The private key.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Robot folder, or its robot.toml.
    robot: PathBuf,
    /// Mission file; without it the mission of the demo.
    #[arg(long, value_name = "FILE")]
    mission: Option<PathBuf>,
    /// No mission: stays until Ctrl-C, for people and planners elsewhere.
    #[arg(long, conflicts_with_all = ["mission", "fast"])]
    stay: bool,
    /// Body to run on: sim, or link:ADDRESS, such as link:udp:127.0.0.1:5800.
    #[arg(long, default_value = "sim")]
    body: BodyChoice,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Robot folders, or robot, policy, mission, profile, permit, notice or key files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Robot folder that signed files are for; without it the one they lie in.
    #[arg(long, value_name = "DIR")]
    robot: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct WhyArgs {
    /// Folder of the run, or its journal.
    run: PathBuf,
    /// For programs.
    #[arg(long)]
    json: bool,
    /// Language of the sentences.
    #[arg(long, visible_alias = "language", value_enum, default_value_t = why::Lang::En)]
    lang: why::Lang,
    /// Which interventions are shown with the two seconds before and after.
    #[arg(long, value_enum, default_value_t = why::Surroundings::Changes)]
    around: why::Surroundings,
}

#[derive(Debug, Args)]
struct GovernArgs {
    /// Robot folder, or its robot.toml; without it the built-in quadruped.
    #[arg(long, value_name = "DIR")]
    robot: Option<PathBuf>,
    /// Lines a second; without it the cycles a second of the robot file.
    #[arg(long, value_name = "HZ", value_parser = rate)]
    rate: Option<f64>,
    /// Lets the self-test and a person's start go before the first line.
    #[arg(long)]
    started: bool,
    /// Prints at the end, to standard error, how often each rule acted.
    #[arg(long)]
    summary: bool,
    #[command(flatten)]
    deployment: DeploymentArgs,
}

/// Cycles a second.
fn rate(text: &str) -> Result<f64, String> {
    let known = text.parse().ok().filter(|rate| (1.0..=10_000.0).contains(rate));
    known.ok_or_else(|| "a rate is a number from 1 to 10000".to_owned())
}

/// What simulates the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Simulator {
    /// Built in.
    #[default]
    Rapier,
    /// Not yet.
    Mujoco,
}

/// Exit codes; they stay stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// The command line was not understood, or asks for what is not there.
    Usage = 2,
    /// A file the run needs is wrong, or its folder cannot be written.
    Configuration = 3,
    /// The body or the machine failed.
    Hardware = 4,
    /// The governor or a person stopped the robot.
    SafetyStop = 5,
    /// A check of the mission failed, or a line could not be judged.
    FailedCheck = 6,
}

/// Why a command did not do its work: what to tell the person, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What to tell.
    pub error: miette::Report,
}

impl Failure {
    /// A failure from any diagnostic.
    pub fn new(exit: Exit, error: impl Into<miette::Report>) -> Self {
        Self { exit, error: error.into() }
    }
}

impl From<Box<model::LoadError>> for Failure {
    fn from(error: Box<model::LoadError>) -> Self {
        Self::new(Exit::Configuration, Diagnosis::from(error))
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Load(error) => error.into(),
            RunError::Network(fault) => fault.into(),
            RunError::Sim(_) | RunError::Link(_) | RunError::Brain(_) | RunError::Thread(_) => {
                Self::new(Exit::Hardware, miette::miette!("{error}"))
            }
            RunError::Body(_) => Self::new(Exit::Usage, miette::miette!("{error}")),
            RunError::Policy(_)
            | RunError::Governor { .. }
            | RunError::Folder(_)
            | RunError::Write { .. } => Self::new(Exit::Configuration, miette::miette!("{error}")),
        }
    }
}

/// Runs the command line of this process and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    listen();
    let exit = answer(Cli::parse()).unwrap_or_else(|failure| {
        eprintln!("{:?}", failure.error);
        failure.exit
    });
    ExitCode::from(exit as u8)
}

/// Messages for developers go to standard error, as far as `TRIUNE_LOG` asks for them.
fn listen() {
    // What the network library warns of, commands say in their own words; that a forbidden token is
    // unknown to it, the probe has brought about.
    const USUAL: &str = "warn,zenoh=error,zenoh::net::routing::hat::broker::token=off,\
                         rapier3d_mjcf=error";
    let filter = tracing_subscriber::EnvFilter::try_from_env("TRIUNE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(USUAL));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn answer(cli: Cli) -> Result<Exit, Failure> {
    match cli.command {
        None => demo(RobotSource::of(cli.demo.robot), Task::default(), cli.demo.common),
        Some(Command::Demo(args)) => {
            demo(RobotSource::of(args.robot), Task::default(), args.common)
        }
        Some(Command::Run(RunArgs { robot, mission, stay, body, common })) => {
            demo(RobotSource::Folder(robot), Task { mission, stay, body }, common)
        }
        Some(Command::Check(args)) => Ok(check(&args)),
        Some(Command::Inspect(args)) => inspect(&args),
        Some(Command::Why(args)) => explain(&args),
        Some(Command::Govern(args)) => govern(args),
        Some(Command::Keys(command)) => command.answer(),
        Some(Command::Sign(args)) => sign(&args),
        Some(Command::Doctor { board, json }) => {
            board.answer(json).unwrap_or_else(|| Ok(examine(json)))
        }
        Some(Command::Provision(args)) => link::command::provision(&args),
        Some(Command::Board(args)) => link::command::board(&args),
        Some(Command::Brain(args)) => planner::brain(args),
        Some(Command::Network(command)) => command.answer(),
        Some(Command::Emulate { robot }) => emulate(RobotSource::Folder(robot)),
    }
}

/// What a run is to do, and on what.
#[derive(Default)]
struct Task {
    mission: Option<PathBuf>,
    stay: bool,
    body: BodyChoice,
}

fn demo(
    robot: RobotSource,
    Task { mission, stay, body }: Task,
    common: CommonArgs,
) -> Result<Exit, Failure> {
    let CommonArgs { fast, headless, seed, sim, out, json, proposals, verdicts, .. } = common;
    if sim == Simulator::Mujoco {
        let message = miette::miette!(
            help = "leave --sim out, or write --sim rapier",
            "the simulator mujoco comes in a later version; this one has rapier"
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let access = common.network.clone().access(&robot, fast)?;
    let options = RunOptions {
        robot,
        body,
        mission,
        stay,
        fast,
        headless,
        seed,
        out,
        json,
        proposals,
        verdicts,
        deployment: common.deployment.into(),
        far_brain: common.network.is_brain_far(),
        access,
    };
    let report = run::demo(&options)?;
    if json {
        print(&report.json().unwrap_or_default());
    } else {
        print(&report.one_screen(terminal_width(), colour_wanted()));
    }
    Ok(match report.mission.outcome {
        Outcome::Complete => Exit::Ok,
        Outcome::Failed => Exit::FailedCheck,
        Outcome::Interrupted | Outcome::SafetyStop => Exit::SafetyStop,
    })
}

fn check(args: &CheckArgs) -> Exit {
    let found = check::check(&args.paths, args.robot.as_ref());
    let all_well = found.iter().all(|(finding, _)| finding.ok);
    if args.json {
        let findings: Vec<_> = found.iter().map(|(finding, _)| finding).collect();
        print_json(&json!({ "schema": "triune.check/1", "ok": all_well, "findings": findings }));
    } else {
        for (finding, diagnosis) in found {
            match diagnosis {
                None => print(&format!("ok  {}  {}\n", finding.path, finding.summary)),
                Some(diagnosis) => eprintln!("{:?}", miette::Report::new(diagnosis)),
            }
        }
    }
    if all_well { Exit::Ok } else { Exit::Configuration }
}

fn sign(args: &SignArgs) -> Result<Exit, Failure> {
    let bytes = std::fs::read(&args.file).map_err(|error| {
        let what = args.file.display();
        Failure::new(Exit::Configuration, miette::miette!("{what}: cannot be read: {error}"))
    })?;
    let key = PrivateKey::load(&args.key)?;
    let path = signature::path_of(&args.file);
    std::fs::write(&path, signature::sign(&bytes, &key)).map_err(|error| {
        let what = path.display();
        Failure::new(Exit::Configuration, miette::miette!("{what}: cannot be written: {error}"))
    })?;
    print(&format!("{}\n    by the key {}\n", path.display(), key.id()));
    Ok(Exit::Ok)
}

fn inspect(args: &InspectArgs) -> Result<Exit, Failure> {
    let (value, text) = inspect::contents(args)?;
    if args.json {
        print_json(&value)
    } else {
        print(&text)
    }
    Ok(Exit::Ok)
}

fn explain(args: &WhyArgs) -> Result<Exit, Failure> {
    let (journal, reasons) = read_run(&args.run, args.around)?;
    if args.json {
        print_json(&json!({
            "schema": "triune.why/1", "robot": journal.info.robot, "seed": journal.info.seed,
            "cut": journal.cut, "interventions": reasons,
        }));
    } else {
        print(&why::text(&journal, &reasons, args.lang));
    }
    Ok(Exit::Ok)
}

pub(crate) fn read_run(
    path: &Path,
    around: why::Surroundings,
) -> Result<(crate::journal::ReadJournal, Vec<why::Reason>), Failure> {
    why::why(path, around).map_err(|error| {
        let help = "name the folder of a run, such as the newest one below runs";
        Failure::new(Exit::Configuration, miette::miette!(help = help, "{error}"))
    })
}

fn govern(args: GovernArgs) -> Result<Exit, Failure> {
    let GovernArgs { robot, rate, started, summary, deployment } = args;
    let source = RobotSource::of(robot);
    let robot = source.robot()?;
    let mut governor = wiring::governor(&robot)?;
    // As in a run, but what is tried here is not remembered.
    let policy = robot.file.brain.policy.as_ref().map(|card| source.policy(card));
    let sha256 = policy.and_then(Result::ok).map(|policy| policy.card().model.sha256.clone());
    let sha256 = sha256.unwrap_or_default();
    let deployed = (&mut governor, sha256.as_str());
    deployment::Session::prepare(&deployment.into(), &source, &robot, deployed)?;
    let period = Duration::from_secs_f64(1.0 / rate.unwrap_or(robot.file.control.rate_hz));
    let mut session = Session::new(&robot, governor, period, started);
    let tally = govern::govern(&mut session, std::io::stdin(), std::io::stdout());
    let tally = tally.map_err(|error| {
        let help = "check what standard input and standard output are connected to";
        let said = miette::miette!(help = help, "the stream broke off: {error}");
        Failure::new(Exit::Configuration, said)
    })?;
    if summary {
        eprint!("{}", govern::summary(&session, &tally));
    }
    Ok(if tally.errors > 0 { Exit::FailedCheck } else { Exit::Ok })
}

/// Answers for the servos of a robot until somebody ends the program.
fn emulate(source: RobotSource) -> Result<Exit, Failure> {
    let RobotSource::Folder(folder) = &source else { return Ok(Exit::Usage) };
    let robot = source.robot()?;
    let server = buses::emulate(&robot)?;
    let (port, name, folder) = (server.path().display(), &robot.file.name, folder.display());
    print(&format!(
        "{port}\n    the servos of {name}; end with Ctrl-C. In another window:\n    \
         triune run {folder} --body bus:{port} --mission FILE\n"
    ));
    loop {
        std::thread::park();
    }
}

fn examine(json: bool) -> Exit {
    let items = doctor::examine();
    if json {
        print_json(&json!({ "schema": "triune.doctor/1", "items": items }));
    } else {
        print(&doctor::text(&items));
    }
    let usable = items.iter().all(|item| item.ok || item.optional);
    if usable { Exit::Ok } else { Exit::Hardware }
}

/// Columns to fill: what the shell says, else what nearly every window has.
fn terminal_width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).unwrap_or(96)
}

pub(crate) fn print_json(value: &serde_json::Value) {
    print(&format!("{value:#}\n"));
}

/// Writes to standard output; a reader that went away (`| head`) is no error.
pub(crate) fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_is_the_demo() {
        let cli = parse("triune --fast --seed 7");
        assert!(cli.command.is_none() && cli.demo.common.fast && cli.demo.common.seed == 7);
        let Some(Command::Demo(args)) = parse("triune demo --headless --out DIR").command else {
            panic!("demo is a command");
        };
        assert!(args.common.headless && args.common.out == Some("DIR".into()));
        assert!(Cli::try_parse_from(["triune", "demo", "--sim", "x"]).is_err());
        assert!(Cli::try_parse_from(["triune", "check"]).is_err());
    }

    #[test]
    fn mujoco_is_refused_with_a_reason() {
        let failure = answer(parse("triune demo --sim mujoco")).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.error.to_string().contains("later version"));
    }

    #[test]
    fn a_real_body_is_refused_what_only_a_simulated_one_can_do() {
        let robot = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
        for (more, said) in [("--fast", "virtual time"), ("--headless", "it disturbs the body")] {
            let line = format!("triune run {robot} --body link:udp:127.0.0.1:9 {more}");
            let failure = answer(parse(&line)).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.error.to_string().contains(said), "{}", failure.error);
        }
        assert!(Cli::try_parse_from(["triune", "run", "x", "--body", "mujoco"]).is_err());
    }

    #[test]
    fn files_that_are_not_there_are_configuration_errors() {
        for line in ["triune run no/robot", "triune inspect robot no/robot", "triune why no/run"] {
            assert_eq!(answer(parse(line)).unwrap_err().exit, Exit::Configuration, "{line}");
        }
        assert_eq!(answer(parse("triune check no/robot.toml")).unwrap(), Exit::Configuration);
    }
}
