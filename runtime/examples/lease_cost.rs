//! What a lease costs: the code over one plan, and the ask for a lease with its signature.
//!
//! `cargo run --release -p triune-runtime --example lease_cost`

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant as Clock};

use runtime::deployment::keys::{PrivateKey, Role, Trust, new_pair};
use runtime::network::code::machine_random;
use runtime::network::lease::holder::{Heard, LeaseHolder, Wish};
use runtime::network::lease::{DeskSettings, LeaseDesk, LeaseRole};
use signals::Instant;

const PLAN: &str = "triune/quad12/brain/plan";
const ROLE: LeaseRole = LeaseRole::Planner;
/// Bytes of header and body together.
const LENGTH: usize = 1024;
const MESSAGES: u32 = 100_000;
const LEASES: u32 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("triune-lease-cost-{}", std::process::id()));
    let [_, key] = new_pair(&folder.join("keys"), Role::Planner)?;
    let measured = measure(&folder, &key);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &std::path::Path, key: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let settings = |signed| -> Result<DeskSettings, Box<dyn Error>> {
        let (robot, session, random) = ("quad12".to_owned(), 1, machine_random()?);
        let trust = Trust::load(folder).map_err(|error| error.to_string())?;
        Ok(DeskSettings { robot, session, signed, trust, random })
    };
    let wish = |key| {
        let (robot, name, take) = ("quad12".to_owned(), "cost".to_owned(), true);
        Wish { robot, role: ROLE, name, take, key }
    };
    messages(LeaseDesk::new(settings(false)?), LeaseHolder::new(wish(None), machine_random()?))?;
    for signed in [false, true] {
        let key = PrivateKey::load(key).map_err(|error| error.to_string())?;
        let holder = LeaseHolder::new(wish(signed.then_some(key)), machine_random()?);
        leases(LeaseDesk::new(settings(signed)?), holder, signed)?;
    }
    Ok(())
}

/// The robot's clock in the `step`th tick.
fn tick(step: u32) -> Instant {
    Instant::ZERO + Duration::from_millis(1) * step
}

/// Carries asks and answers until the lease is held; returns how long the robot took.
fn get(
    desk: &mut LeaseDesk,
    holder: &mut LeaseHolder,
    now: Instant,
) -> Result<Duration, Box<dyn Error>> {
    let mut robot = Duration::ZERO;
    let own = Duration::from_nanos(now.as_nanos());
    while let Some(ask) = holder.ask(own)? {
        let begun = Clock::now();
        let answer = desk.answer(ROLE, &ask, now);
        robot += begun.elapsed();
        match holder.hear(&answer, own, own) {
            Heard::Granted(_) => break,
            Heard::Challenge => {}
            heard => return Err(format!("not granted: {heard:?}").into()),
        }
    }
    Ok(robot)
}

fn messages(mut desk: LeaseDesk, mut holder: LeaseHolder) -> Result<(), Box<dyn Error>> {
    get(&mut desk, &mut holder, tick(0))?;
    let epoch = holder.epoch().ok_or("no lease")?;
    let mut sample = vec![7; LENGTH];
    sample[8..16].copy_from_slice(&u64::from(epoch).to_le_bytes());
    let (mut sealing, mut checking) = (Duration::ZERO, Duration::ZERO);
    for step in 1..=MESSAGES {
        sample.truncate(LENGTH);
        sample[16..24].copy_from_slice(&u64::from(step).to_le_bytes());
        let begun = Clock::now();
        let code = black_box(holder.seal(PLAN, black_box(&sample))).ok_or("no code")?;
        sealing += begun.elapsed();
        sample.extend(code);
        let begun = Clock::now();
        black_box(desk.accept_sample(&[ROLE], PLAN, black_box(&sample), tick(step)))?;
        checking += begun.elapsed();
    }
    let each = |span: Duration| span.as_nanos() / u128::from(MESSAGES);
    println!("message of {LENGTH} bytes, mean of {MESSAGES}");
    println!("  seal                   {:>8} ns", each(sealing));
    println!("  check and take in      {:>8} ns", each(checking));
    Ok(())
}

fn leases(
    mut desk: LeaseDesk,
    mut holder: LeaseHolder,
    signed: bool,
) -> Result<(), Box<dyn Error>> {
    let (mut both, mut robot) = (Duration::ZERO, Duration::ZERO);
    for step in 1..=LEASES {
        holder.again(true);
        let begun = Clock::now();
        robot += get(&mut desk, &mut holder, tick(step))?;
        both += begun.elapsed();
    }
    let each = |span: Duration| span.as_nanos() / u128::from(LEASES) / 1000;
    let how = if signed { "with challenge and signature" } else { "without signature" };
    println!("lease {how}, mean of {LEASES}");
    println!("  the robot's part       {:>8} us", each(robot));
    println!("  both parts             {:>8} us", each(both));
    Ok(())
}
