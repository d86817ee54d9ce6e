//! One measurement: starts its processes, waits for them, reads what they left.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::task::{Failure, PATIENCE, Pace, Received, Sent, Task, WARM_UP, load};
use crate::transport::Transport;

/// Lines of a process's own words that a failure is told with.
const WORDS_MAX: usize = 6;

/// Runs the processes of `task` to their end. `dora` is dora's program.
///
/// # Errors
///
/// A process that fails or does not end, with its last words; a broken message.
pub fn conduct(task: &Task, dora: &Path) -> Result<(Sent, Received), Failure> {
    let file = task.write()?;
    let program = std::env::current_exe()?;
    let mut processes = if task.transport == Transport::Dora {
        vec![daemon(task, dora, &program, &file)?]
    } else {
        let start = |part: &str| {
            let mut command = Command::new(&program);
            command.arg(part).arg(&file);
            Process::start(command, task, part)
        };
        vec![start("send")?, start("receive")?]
    };
    let until = Instant::now() + expected(task) + 2 * PATIENCE;
    for process in &mut processes {
        process.wait(until)?;
    }
    let (mut sent, puts) = load::<Sent>(&task.folder, "sender")?;
    let (mut received, latencies) = load::<Received>(&task.folder, "receiver")?;
    sent.puts = puts;
    received.latencies = latencies;
    check(&sent, &received)?;
    Ok((sent, received))
}

/// A port of the loopback that nobody uses.
pub fn free_port() -> Result<u16, Failure> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn check(sent: &Sent, received: &Received) -> Result<(), Failure> {
    if received.broken > 0 {
        return Err(format!("{} messages were broken", received.broken).into());
    }
    if received.received > sent.sent {
        return Err(format!("{} sent, {} received", sent.sent, received.received).into());
    }
    Ok(())
}

fn expected(task: &Task) -> Duration {
    Duration::from_nanos(match task.pace {
        Pace::Paced { period_ns, count } => period_ns * (WARM_UP + count) * 2,
        Pace::Flood { lasts_ns, .. } => lasts_ns * 4,
    })
}

#[cfg(feature = "dora")]
fn daemon(task: &Task, dora: &Path, program: &Path, file: &Path) -> Result<Process, Failure> {
    let graph = task.folder.join("graph.yml");
    let text = crate::transport::graph(program, file, task.depth());
    fs::write(&graph, text)?;
    let mut command = Command::new(dora);
    command.arg("run").arg(&graph).current_dir(&task.folder);
    Process::start(command, task, "dora")
}

#[cfg(not(feature = "dora"))]
fn daemon(_: &Task, _: &Path, _: &Path, _: &Path) -> Result<Process, Failure> {
    Err("built without dora".into())
}

/// A process that is ended when it is forgotten.
struct Process {
    child: Child,
    name: String,
    words: std::path::PathBuf,
}

impl Process {
    fn start(mut command: Command, task: &Task, name: &str) -> Result<Self, Failure> {
        let words = task.folder.join(format!("{name}.log"));
        let log = File::create(&words)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().map_err(|e| format!("{name} cannot be started: {e}"))?;
        Ok(Self { child, name: name.to_owned(), words })
    }

    fn wait(&mut self, until: Instant) -> Result<(), Failure> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                return Err(format!("{} ended with {status}: {}", self.name, self.said()).into());
            }
            if Instant::now() > until {
                return Err(format!("{} does not end: {}", self.name, self.said()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn said(&self) -> String {
        let text = fs::read_to_string(&self.words).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        lines[lines.len().saturating_sub(WORDS_MAX)..].join(" / ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself, then there is nothing to end.
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
