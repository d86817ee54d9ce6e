//! What the machine did meanwhile.

use std::fs;

/// Times of all processors since the machine started, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ticks {
    total: u64,
    idle: u64,
    stolen: u64,
}

/// The same as shares of a stretch of time, percent.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// Busy with anything, percent of all processors.
    pub busy: f64,
    /// Taken away by the host, percent of all processors.
    pub stolen: f64,
}

impl Ticks {
    /// Up to now; zeros where the system does not say.
    pub fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal; guest times are in user already.
        let ticks: Vec<u64> =
            first.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
        let at = |index: usize| ticks.get(index).copied().unwrap_or_default();
        Self { total: ticks.iter().sum(), idle: at(3) + at(4), stolen: at(7) }
    }

    /// Shares since `before`.
    pub fn since(self, before: Self) -> Shares {
        let total = (self.total - before.total).max(1) as f64;
        let idle = self.idle.saturating_sub(before.idle) as f64;
        let stolen = self.stolen.saturating_sub(before.stolen) as f64;
        Shares {
            busy: 100.0 * (total - idle - stolen).max(0.0) / total,
            stolen: 100.0 * stolen / total,
        }
    }
}

/// Processes that ran or wanted to, over 1, 5 and 15 min.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Processors, kernel and the number of them, in one line.
pub fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(':').nth(1)).unwrap_or("processor unknown").trim();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let virtual_machine = if cpus.contains("hypervisor") { "virtual machine, " } else { "" };
    format!("{virtual_machine}{count} x {model}, Linux {}", kernel.trim())
}
