//! `triune hz`: how often a topic comes, how evenly, how much and what is lost.
//!
//! How old a sample is cannot be known without the robot's clock, which only who holds a lease is
//! told. What can be known is how much later than the quickest one each came.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bus::network::Role;
use bus::network::counts::Losses;
use bus::network::gateway::Count;
use serde_json::{Value, json};

use super::decode::Schema;
use super::echo::seconds;
use super::reach::Reached;
use super::{Far, NetworkFault, interrupted};
use crate::cli::{Exit, Failure, print};

/// Says how often a topic comes.
#[derive(Debug, clap::Args)]
pub struct HzArgs {
    /// The topic, such as cerebellum/state.
    #[arg(value_name = "TOPIC")]
    topic: String,
    #[command(flatten)]
    far: Far,
    /// Ends after so long, s.
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds: Option<Duration>,
    /// One JSON object a second, for programs.
    #[arg(long)]
    json: bool,
}

/// One sample's arrival here, its time there, and its bytes.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    here: Duration,
    there: u64,
    bytes: usize,
}

/// What one second was like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Second {
    samples: usize,
    rate_hz: f64,
    bytes_s: f64,
    /// Time from one arrival to the next: half are shorter, 99 of 100 are, all are, s.
    gaps: [f64; 3],
    /// Later than the quickest so far: half are less, 99 of 100, all, s.
    later: [f64; 3],
}

/// Keeps what reaches from one second into the next.
#[derive(Debug, Default)]
struct Meter {
    last: Option<Duration>,
    /// Least of arrival less its own time, ns.
    quickest: Option<i128>,
}

impl Meter {
    /// Measures what came within `span`.
    fn measure(&mut self, came: &[Arrival], span: Duration) -> Second {
        let span = span.as_secs_f64().max(1e-9);
        let (mut gaps, mut offsets) = (Vec::new(), Vec::new());
        for arrival in came {
            if let Some(last) = self.last.replace(arrival.here) {
                gaps.push(arrival.here.saturating_sub(last).as_secs_f64());
            }
            let offset = arrival.here.as_nanos() as i128 - i128::from(arrival.there);
            self.quickest = Some(self.quickest.map_or(offset, |least| least.min(offset)));
            offsets.push(offset);
        }
        let least = self.quickest.unwrap_or_default();
        let later = offsets.iter().map(|offset| (offset - least) as f64 * 1e-9).collect();
        let bytes: usize = came.iter().map(|arrival| arrival.bytes).sum();
        Second {
            samples: came.len(),
            rate_hz: came.len() as f64 / span,
            bytes_s: bytes as f64 / span,
            gaps: spread(gaps),
            later: spread(later),
        }
    }
}

/// Half, 99 of 100, all.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let index = (values.len() as f64 * part) as usize;
        values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    [at(0.5), at(0.99), at(1.0)]
}

/// Measures until Ctrl-C, or as long as was asked for.
///
/// # Errors
/// No robot, no such topic, or several.
pub fn hz(args: &HzArgs) -> Result<Exit, Failure> {
    let reached = args.far.reach(Role::Observer)?;
    let mut schemas = reached.schemas(&args.topic)?;
    if schemas.len() > 1 {
        let keys: Vec<_> = schemas.iter().map(|schema| schema.key.as_str()).collect();
        let said = format!("{:?} names several topics: {}", args.topic, keys.join(", "));
        return Err(super::reach::wrong(&said));
    }
    let schema = schemas.remove(0);
    let (losses, refused): (Arc<Losses>, Arc<Count>) = Default::default();
    let (send, came) = channel();
    let send = Mutex::new(send);
    let (counting, other, read) = (Arc::clone(&losses), Arc::clone(&refused), schema.clone());
    let began = Instant::now();
    let key = bus::network::topic::key(&reached.about.name, &schema.key);
    let hearing = move |_: &str, whole: &[u8]| match read.read(whole) {
        Ok((header, _)) if counting.is_next(&header) => {
            let (here, there, bytes) = (began.elapsed(), header.at, whole.len());
            let send = send.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = send.send(Arrival { here, there, bytes });
        }
        Ok(_) => {}
        Err(_) => other.add(1),
    };
    let subscriber = reached.gateway.hear(&key, hearing).map_err(NetworkFault::from)?;
    let all = each_second(args, (&reached, &schema), &came, (&losses, &refused));
    drop(subscriber);
    reached.gateway.close();
    Ok(if all > 0 || args.seconds.is_none() { Exit::Ok } else { Exit::Hardware })
}

fn each_second(
    args: &HzArgs,
    (reached, schema): (&Reached, &Schema),
    came: &Receiver<Arrival>,
    (losses, refused): (&Losses, &Count),
) -> usize {
    const SECOND: Duration = Duration::from_secs(1);
    const LOOK: Duration = Duration::from_millis(20);
    let until = args.seconds.map(|seconds| Instant::now() + seconds);
    let (mut meter, mut all, mut session) = (Meter::default(), 0, 0);
    loop {
        let began = Instant::now();
        let end = until.map_or(began + SECOND, |until| (began + SECOND).min(until));
        while Instant::now() < end && !interrupted() {
            std::thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
        }
        // Another run of the robot has another clock.
        if losses.restarts.get() != session {
            session = losses.restarts.get();
            meter = Meter::default();
        }
        let arrivals: Vec<_> = came.try_iter().collect();
        let second = meter.measure(&arrivals, began.elapsed());
        all += second.samples;
        let lost = [losses.lost.get(), losses.late.get(), refused.get()];
        let gone = second.samples == 0 && !reached.is_there();
        print(&if args.json {
            format!("{}\n", as_json(schema, &second, (lost, gone)))
        } else {
            as_text(&second, (lost, gone))
        });
        if interrupted() || until.is_some_and(|until| Instant::now() >= until) {
            return all;
        }
    }
}

fn as_json(schema: &Schema, second: &Second, (lost, gone): ([u64; 3], bool)) -> Value {
    let three = |of: [f64; 3]| json!({ "p50": of[0], "p99": of[1], "max": of[2] });
    json!({
        "schema": "triune.hz/1", "topic": schema.key, "samples": second.samples,
        "rate_hz": second.rate_hz, "rate_max_hz": schema.rate_hz, "bytes_s": second.bytes_s,
        "gap_s": three(second.gaps), "later_than_quickest_s": three(second.later),
        "lost": lost[0], "late": lost[1], "refused": lost[2], "gone": gone,
    })
}

fn as_text(second: &Second, ([lost, late, refused], gone): ([u64; 3], bool)) -> String {
    if second.samples == 0 {
        let why = if gone { "the robot is gone" } else { "the robot answers" };
        return format!("   0.0 Hz  nothing came; {why}; lost {lost}\n");
    }
    let ms = |of: [f64; 3]| of.map(|seconds| format!("{:.2}", seconds * 1e3)).join(" ");
    let Second { rate_hz, bytes_s, gaps, later, .. } = *second;
    let more = match (late, refused) {
        (0, 0) => String::new(),
        _ => format!(", late {late}, other layout {refused}"),
    };
    format!(
        "{rate_hz:6.1} Hz  gap {} ms  later than the quickest {} ms (p50 p99 max)  {:.1} kB/s  \
         lost {lost}{more}\n",
        ms(gaps),
        ms(later),
        bytes_s * 1e-3
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_samples_are_even_and_one_that_waited_shows() {
        let mut meter = Meter::default();
        let arrival = |n: u64, late: u64| Arrival {
            here: Duration::from_micros(n * 5_000 + late),
            there: 77_000_000_000 + n * 5_000_000,
            bytes: 100,
        };
        let came: Vec<_> = (0..200).map(|n| arrival(n, if n == 9 { 3_000 } else { 0 })).collect();
        let second = meter.measure(&came, Duration::from_secs(1));
        assert_eq!((second.samples, second.rate_hz, second.bytes_s), (200, 200.0, 20_000.0));
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(second.gaps[0], 0.005) && near(second.gaps[2], 0.008), "{second:?}");
        assert!(near(second.later[0], 0.0) && near(second.later[2], 0.003), "{second:?}");
        assert!(as_text(&second, ([2, 0, 0], false)).ends_with("20.0 kB/s  lost 2\n"));
        let none = meter.measure(&[], Duration::from_secs(1));
        assert_eq!(none, Second::default());
        assert!(as_text(&none, ([2, 0, 0], true)).contains("gone"));
    }
}
