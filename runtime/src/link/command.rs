//! The commands about a joint board: `triune doctor --link`, `triune provision`, `triune board`.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use body::link::{BoardReading, Dialogue, DialogueError, Wire, differences, words};
use clap::Args;
use miette::miette;
use model::Robot;
use serde_json::json;

use super::{BoardReport, configuration, reading::in_words, rotor_board};
use crate::cli::{Exit, Failure, print, print_json};

/// Set by Ctrl-C: the board without hardware ends.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Which board is looked at, and how closely.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Looks at a joint board instead of this machine: udp:HOST:PORT, serial:DEVICE@BITS,
    /// ethernet:INTERFACE or unix:OWN,PEER. It only asks who the board is.
    #[arg(long, value_name = "LINK")]
    link: Option<String>,
    /// Robot folder the board is held against.
    #[arg(long, value_name = "DIR", requires = "link")]
    robot: Option<PathBuf>,
    /// Opens a session, which ends that of any other program: limits, settings, fault and counters.
    #[arg(long, requires = "link")]
    session: bool,
}

impl DoctorArgs {
    /// Looks at the board, if one was named.
    pub(crate) fn answer(&self, as_json: bool) -> Option<Result<Exit, Failure>> {
        self.link.as_ref().map(|link| self.examine(link, as_json))
    }

    fn examine(&self, link: &str, as_json: bool) -> Result<Exit, Failure> {
        let robot = self.robot.as_deref().map(Robot::load).transpose()?;
        let mut dialogue = dialogue(link)?;
        let report = if self.session {
            let reading = dialogue.read().map_err(failed)?;
            BoardReport::with_session(link, &reading, robot.as_ref())?
        } else {
            let identity = dialogue.identify().map_err(failed)?;
            BoardReport::of(link, &identity, robot.as_ref())?
        };
        if as_json {
            print_json(&json!(report));
        } else {
            print(&report.text());
        }
        Ok(if report.matches == Some(false) { Exit::FailedCheck } else { Exit::Ok })
    }
}

/// Telling a board its limits.
#[derive(Debug, Args)]
pub(crate) struct ProvisionArgs {
    /// Robot folder, or its robot.toml.
    robot: PathBuf,
    /// The board: udp:HOST:PORT, serial:DEVICE@BITS, ethernet:INTERFACE or unix:OWN,PEER.
    #[arg(long, value_name = "LINK")]
    link: String,
    /// Writes. Without it only what would change is shown.
    #[arg(long)]
    yes: bool,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Shows what the board has otherwise than the robot file and, if it was asked to, writes it.
pub(crate) fn provision(args: &ProvisionArgs) -> Result<Exit, Failure> {
    let robot = Robot::load(&args.robot)?;
    let own = configuration(&robot)?;
    let mut dialogue = dialogue(&args.link)?;
    let before = dialogue.read().map_err(failed)?;
    let most = usize::from(before.identity.joints_max);
    if own.count > most {
        return Err(Failure::new(
            Exit::Hardware,
            miette!(
                help = "check which board it is",
                "this board drives at most {most} joints, the robot file has {}",
                own.count
            ),
        ));
    }
    let changes = differences(&own, Some(&before));
    let changes: Vec<_> = changes.iter().map(|d| in_words(d, Some(&robot))).collect();
    let after = if args.yes && !changes.is_empty() {
        Some(dialogue.provision(&own).map_err(failed)?)
    } else {
        None
    };
    tell(args, &before, &changes, after.as_ref());
    let right = changes.is_empty() || after.is_some();
    Ok(if right { Exit::Ok } else { Exit::FailedCheck })
}

fn tell(
    args: &ProvisionArgs,
    before: &BoardReading,
    changes: &[String],
    after: Option<&BoardReading>,
) {
    let identity = &after.unwrap_or(before).identity;
    let configuration = format!("{:016x}", identity.configuration);
    if args.json {
        print_json(&json!({
            "schema": "triune.provision/1", "link": args.link, "changes": changes,
            "written": after.is_some(), "configuration": configuration,
        }));
        return;
    }
    for change in changes {
        print(&format!("{change}\n"));
    }
    print(&match (changes.len(), after) {
        (0, _) => format!("nothing to change: the board has configuration {configuration}\n"),
        (_, Some(_)) => format!(
            "written, read back and equal: the board has started again with configuration \
             {configuration}\n"
        ),
        (count, None) => format!(
            "{count} numbers differ; nothing was written. With the robot lifted or its motors \
             unpowered, run it again with --yes\n"
        ),
    });
}

/// A board without hardware.
#[derive(Debug, Args)]
pub(crate) struct BoardArgs {
    /// Robot folder, or its robot.toml.
    robot: PathBuf,
    /// Where it listens.
    #[arg(long, value_name = "udp:HOST:PORT", default_value = "udp:127.0.0.1:5800")]
    listen: String,
    /// Nobody has told it its limits yet.
    #[arg(long)]
    blank: bool,
}

/// Runs a board whose joints are rotors made of numbers, until Ctrl-C.
pub(crate) fn board(args: &BoardArgs) -> Result<Exit, Failure> {
    let robot = Robot::load(&args.robot)?;
    let mut board = rotor_board(&robot, args.blank)?;
    let bad = |why: &dyn std::fmt::Display| {
        let help = "write udp:HOST:PORT with an address of this machine, such as \
                    udp:127.0.0.1:5800";
        Failure::new(Exit::Hardware, miette!(help = help, "{}: {why}", args.listen))
    };
    let address =
        args.listen.strip_prefix("udp:").ok_or_else(|| bad(&"this board listens on UDP only"))?;
    let socket = UdpSocket::bind(address).map_err(|error| bad(&error))?;
    let bound = socket.local_addr().map_err(|error| bad(&error))?;
    let _ = ctrlc::set_handler(|| ENDED.store(true, Ordering::Release));
    print(&format!(
        "a board without hardware for {} on udp:{bound}; try\n  triune doctor --link udp:{bound} \
         --robot {}\nCtrl-C ends it\n",
        robot.file.name,
        args.robot.display()
    ));
    let served =
        board.serve(&socket, &ENDED, &mut |now| print(&format!("{}\n", words::lifecycle(now))));
    served.map_err(|error| bad(&error))?;
    Ok(Exit::Ok)
}

fn dialogue(link: &str) -> Result<Dialogue, Failure> {
    let link = link.strip_prefix("link:").unwrap_or(link);
    let wire = Wire::open(link).map_err(|error| failed(error.into()))?;
    Ok(Dialogue::new(wire))
}

fn failed(error: DialogueError) -> Failure {
    Failure::new(Exit::Hardware, miette!("{error}"))
}
