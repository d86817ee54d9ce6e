//! Physics steps a second while the quadruped stands, for 1, 2 and 4 substeps.
//!
//! `cargo run --release -p triune-sim --example step_rate`
use std::error::Error;
use std::path::Path;

use model::Robot;

const TICKS: u32 = 6000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/quadruped");
    let mut robot = Robot::load(Path::new(folder))?;
    println!("substeps   steps/s    p50 us    p99 us    max us");
    for substeps in [1, 2, 4] {
        robot.file.sim.substeps = substeps;
        let mut times = sim::step_times(&robot, TICKS)?;
        let total: f64 = times.iter().map(|time| time.as_secs_f64()).sum();
        times.sort_unstable();
        let at = |share: f64| {
            let index = (share * (times.len() - 1) as f64) as usize;
            times[index].as_secs_f64() * 1e6
        };
        let rate = times.len() as f64 / total;
        println!("{substeps:8} {rate:9.0} {:9.1} {:9.1} {:9.1}", at(0.50), at(0.99), at(1.0));
    }
    Ok(())
}
