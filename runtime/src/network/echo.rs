//! `triune echo`: what comes under a topic, for people or as JSON lines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use bus::network::Role;
use bus::network::counts::Losses;
use bus::network::gateway::{Count, Hearing};
use bus::network::layout::hash_text;
use serde_json::{Value, json};

use super::decode::{Field, Schema};
use super::reach::{Reached, wrong};
use super::{Far, NetworkFault, interrupted};
use crate::cli::{Exit, Failure, print};

/// Samples that may wait to be printed.
const WAITING: usize = 1024;
/// Silence after which the robot is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(2);
/// Letters in a line.
const WIDTH: usize = 76;

/// Shows what comes under a topic.
#[derive(Debug, clap::Args)]
pub struct EchoArgs {
    /// The topic, such as cerebellum/state; or several, such as governor/*.
    #[arg(value_name = "TOPIC")]
    topic: String,
    #[command(flatten)]
    far: Far,
    /// Ends after so many samples.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Ends after so long, s.
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Shows only this field; may be given several times.
    #[arg(long, value_name = "NAME")]
    field: Vec<String>,
    /// One JSON object a sample, for programs.
    #[arg(long)]
    json: bool,
}

/// A time a person waits for.
///
/// # Errors
/// It is none.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let known = text.parse().ok().filter(|seconds| (0.0..=1e6).contains(seconds));
    let known = known.map(Duration::from_secs_f64);
    known.ok_or_else(|| "a time is a number of seconds from 0 to 1000000".to_owned())
}

/// One topic that is heard.
struct Heard {
    schema: Schema,
    losses: Arc<Losses>,
    refused: Arc<Count>,
    full: Arc<Count>,
}

type Whole = (usize, Vec<u8>);

/// Shows them until Ctrl-C, or as many as were asked for.
///
/// # Errors
/// No robot, no such topic, no such field.
pub fn echo(args: &EchoArgs) -> Result<Exit, Failure> {
    let reached = args.far.reach(Role::Observer)?;
    let schemas = reached.schemas(&args.topic)?;
    for name in &args.field {
        if !schemas.iter().any(|schema| schema.field(name).is_some()) {
            let fields = schemas.iter().flat_map(|schema| &schema.fields);
            let names: Vec<_> = fields.map(|field| field.name.as_str()).collect();
            return Err(wrong(&format!("no field {name:?} there; fields: {}", names.join(", "))));
        }
    }
    let (heard, samples, subscribers) = hear(&reached, schemas)?;
    let printed = show(args, &reached, &heard, &samples);
    drop(subscribers);
    tell_losses(args, &heard);
    reached.gateway.close();
    let enough = args.count.map_or(printed > 0 || args.seconds.is_none(), |n| printed >= n);
    Ok(if enough || interrupted() { Exit::Ok } else { Exit::Hardware })
}

type Subscribers = Vec<Hearing>;

fn hear(
    reached: &Reached,
    schemas: Vec<Schema>,
) -> Result<(Vec<Heard>, Receiver<Whole>, Subscribers), Failure> {
    let (send, samples) = sync_channel(WAITING);
    let mut subscribers = Vec::new();
    let mut all = Vec::new();
    for (at, schema) in schemas.into_iter().enumerate() {
        let losses: Arc<Losses> = Arc::default();
        let (refused, full): (Arc<Count>, Arc<Count>) = Default::default();
        let heard = Heard {
            schema: schema.clone(),
            losses: Arc::clone(&losses),
            refused: Arc::clone(&refused),
            full: Arc::clone(&full),
        };
        let send = send.clone();
        let key = bus::network::topic::key(&reached.about.name, &schema.key);
        let hearing = move |_: &str, whole: &[u8]| match schema.read(whole) {
            Ok((header, _)) if !losses.is_next(&header) => {}
            Ok(_) if send.try_send((at, whole.to_vec())).is_ok() => {}
            Ok(_) => full.add(1),
            Err(_) => refused.add(1),
        };
        subscribers.push(reached.gateway.hear(&key, hearing).map_err(NetworkFault::from)?);
        all.push(heard);
    }
    Ok((all, samples, subscribers))
}

fn show(args: &EchoArgs, reached: &Reached, heard: &[Heard], samples: &Receiver<Whole>) -> u64 {
    const LOOK: Duration = Duration::from_millis(50);
    let until = args.seconds.map(|seconds| Instant::now() + seconds);
    let (mut printed, mut last, mut missed) = (0, Instant::now(), false);
    while !interrupted() && until.is_none_or(|until| Instant::now() < until) {
        if args.count.is_some_and(|count| printed >= count) {
            break;
        }
        match samples.recv_timeout(LOOK) {
            Ok((at, whole)) => {
                let Some(heard) = heard.get(at) else { continue };
                if let Some(text) = text(args, reached, &heard.schema, &whole) {
                    print(&text);
                    printed += 1;
                }
                (last, missed) = (Instant::now(), false);
            }
            Err(RecvTimeoutError::Timeout) if last.elapsed() > SILENCE => {
                let paced = heard.iter().any(|heard| heard.schema.rate_hz > 0.0);
                let there = reached.is_there();
                if !missed && (paced || !there) {
                    let name = &reached.about.name;
                    let answers = if there { "answers, but is silent" } else { "is gone" };
                    eprintln!("nothing for {} s: {name} {answers}", SILENCE.as_secs());
                    missed = true;
                }
                last = Instant::now();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    printed
}

/// One sample; `None` when it has none of the fields that are wanted.
fn text(args: &EchoArgs, reached: &Reached, schema: &Schema, whole: &[u8]) -> Option<String> {
    let (header, body) = schema.read(whole).ok()?;
    let wanted = |field: &&Field| args.field.is_empty() || args.field.contains(&field.name);
    let fields: Vec<_> = schema.fields.iter().filter(wanted).collect();
    if fields.is_empty() {
        return None;
    }
    if args.json {
        let mut line = json!({
            "schema": "triune.echo/1", "robot": reached.about.name, "topic": schema.key,
            "header": {
                "layout": hash_text(header.layout), "session": format!("{:016x}", header.session),
                "sequence": header.sequence, "at_ns": header.at,
            },
            "fields": schema.values(body, fields.iter().copied()),
        });
        if fields.iter().any(|field| field.frame == "joint") {
            line["joints"] = json!(reached.about.joints);
        }
        return Some(format!("{line}\n"));
    }
    let (key, sequence, at) = (&schema.key, header.sequence, header.at as f64 * 1e-9);
    let mut text = format!("{key}  #{sequence}  {at:.3} s\n");
    for field in fields {
        for (n, line) in
            schema.lines(field, body, &reached.about.joints, WIDTH).into_iter().enumerate()
        {
            let name = if n == 0 { field.name.as_str() } else { "" };
            text += &format!("  {name:<18} {line}\n");
        }
    }
    Some(text)
}

fn tell_losses(args: &EchoArgs, heard: &[Heard]) {
    let topics = heard.iter().map(|Heard { schema, losses, refused, full }| {
        json!({
            "topic": schema.key, "heard": losses.heard.get(), "lost": losses.lost.get(),
            "late": losses.late.get(), "restarts": losses.restarts.get(),
            "refused": refused.get(), "not_shown": full.get(),
        })
    });
    let topics: Vec<Value> = topics.collect();
    if args.json {
        print(&format!("{}\n", json!({ "schema": "triune.echo.end/1", "topics": topics })));
        return;
    }
    let by_key: BTreeMap<_, _> = heard.iter().map(|heard| (&heard.schema.key, heard)).collect();
    for (key, Heard { losses, refused, full, .. }) in by_key {
        let (came, lost, late) = (losses.heard.get(), losses.lost.get(), losses.late.get());
        let mut said = format!("{key}: {came} came, {lost} lost");
        for (count, what) in [
            (late, "late or doubled"),
            (losses.restarts.get(), "restarts of the robot"),
            (refused.get(), "of another layout: start this command again"),
            (full.get(), "not shown, because they came faster than they were printed"),
        ] {
            if count > 0 {
                said += &format!(", {count} {what}");
            }
        }
        eprintln!("{said}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_finite_and_not_negative() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["-1", "NaN", "inf", "x", "1e9"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
