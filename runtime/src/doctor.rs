//! `triune doctor`: what this machine can do, what is missing, and one fix for each.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use serde::Serialize;

use crate::realtime::{CAP_IPC_LOCK, CAP_SYS_NICE, has_capability, jitter_test};

/// How long the wake-ups are measured.
const JITTER_TEST: Duration = Duration::from_secs(2);
/// A run of an hour fits into this.
const DISK_WANTED_MIB: u64 = 2048;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What.
    pub what: &'static str,
    /// It is as it should be.
    pub ok: bool,
    /// A run works without it, only less well.
    pub optional: bool,
    /// What was found.
    pub found: String,
    /// What to do about it; empty when all is well.
    pub fix: &'static str,
}

impl Item {
    fn new(what: &'static str, ok: bool, found: impl Into<String>, fix: &'static str) -> Self {
        let fix = if ok { "" } else { fix };
        Self { what, ok, optional: true, found: found.into(), fix }
    }

    fn required(self) -> Self {
        Self { optional: false, ..self }
    }
}

/// Looks at everything; takes some seconds.
#[must_use]
pub fn examine() -> Vec<Item> {
    let mut items = vec![kernel(), preemption(), cores(), frequency()];
    items.extend([priority_right(), memory_right(), clock(), jitter()]);
    items.extend([library("ONNX Runtime", "ORT_DYLIB_PATH", "libonnxruntime.so")]);
    items.extend([library("MuJoCo", "MUJOCO_DYLIB_PATH", "libmujoco.so"), disk()]);
    items
}

/// The items as text.
#[must_use]
pub fn text(items: &[Item]) -> String {
    let mut out = String::new();
    for item in items {
        let mark = match (item.ok, item.optional) {
            (true, _) => "ok",
            (false, true) => "missing",
            (false, false) => "BAD",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{mark:<8} {:<20} {}", item.what, item.found);
        if !item.fix.is_empty() {
            let _ = writeln!(out, "{:<29} fix: {}", "", item.fix);
        }
    }
    out
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn kernel() -> Item {
    let release = read("/proc/sys/kernel/osrelease");
    let found = release.clone().map_or_else(|| "not Linux".to_owned(), |r| format!("Linux {r}"));
    Item::new("kernel", release.is_some(), found, "real-time runs need Linux")
}

fn preemption() -> Item {
    const FIX: &str = "for a real robot use a kernel with PREEMPT_RT; a simulator does not need it";
    let version = read("/proc/sys/kernel/version").unwrap_or_default();
    let realtime = read("/sys/kernel/realtime").is_some_and(|flag| flag == "1");
    let model = ["PREEMPT_RT", "PREEMPT_DYNAMIC", "PREEMPT"]
        .into_iter()
        .find(|model| version.contains(model))
        .unwrap_or("voluntary or none");
    Item::new("preemption", realtime || model == "PREEMPT_RT", model, FIX)
}

fn cores() -> Item {
    const FIX: &str = "one core for the loop and one for everything else are the least";
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let isolated = read("/sys/devices/system/cpu/isolated").filter(|list| !list.is_empty());
    let isolated = isolated.map_or(String::new(), |list| format!(", isolated: {list}"));
    Item::new("cores", count >= 2, format!("{count}{isolated}"), FIX)
}

fn frequency() -> Item {
    const FIX: &str = "run: sudo cpupower frequency-set -g performance";
    let governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    // A machine without the file (most virtual ones) does not let anyone change the frequency.
    let ok = governor.as_ref().is_none_or(|name| name == "performance");
    Item::new("CPU frequency", ok, governor.unwrap_or_else(|| "fixed".into()), FIX)
}

fn priority_right() -> Item {
    const FIX: &str = "add to /etc/security/limits.conf: @realtime - rtprio 80";
    let limit = getrlimit(Resource::RLIMIT_RTPRIO).map_or(0, |(soft, _)| soft);
    let capable = has_capability(CAP_SYS_NICE);
    let found = if capable { "CAP_SYS_NICE".into() } else { format!("rtprio limit {limit}") };
    Item::new("real-time priority", capable || limit > 0, found, FIX)
}

fn memory_right() -> Item {
    const FIX: &str = "add to /etc/security/limits.conf: @realtime - memlock unlimited";
    let limit = getrlimit(Resource::RLIMIT_MEMLOCK).map_or(0, |(soft, _)| soft);
    let capable = has_capability(CAP_IPC_LOCK);
    let found = match (capable, limit == RLIM_INFINITY) {
        (true, _) => "CAP_IPC_LOCK".to_owned(),
        (false, true) => "unlimited".to_owned(),
        (false, false) => format!("{} MiB", limit >> 20),
    };
    Item::new("locked memory", capable || limit == RLIM_INFINITY, found, FIX)
}

fn clock() -> Item {
    const FIX: &str = "boot with clocksource=tsc where the hardware allows it";
    let source = read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let found = source.unwrap_or_else(|| "unknown".into());
    let fast = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page", "unknown"];
    Item::new("clock", fast.contains(&found.as_str()), found, FIX)
}

fn jitter() -> Item {
    const FIX: &str = "close other programs, get the rights above, or run with --fast";
    let result = jitter_test(JITTER_TEST);
    let found = format!(
        "holds {} Hz; late by {:.0} us (p50), {:.0} us (p99), {:.0} us (p99.9), {:.0} us at most, \
         {} of {} skipped",
        result.holds_hz,
        result.p50_us,
        result.p99_us,
        result.p999_us,
        result.max_us,
        result.overruns,
        result.samples + result.overruns
    );
    Item::new("wake-up in time", result.holds_hz >= 1000, found, FIX)
}

/// Looks for a shared library by name only; nothing is loaded.
fn library(what: &'static str, variable: &str, name: &str) -> Item {
    const FIX: &str =
        "optional: install it, or set the variable to its file; the built-in one works";
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|file| file.is_file());
    let found =
        named.or_else(|| library_folders().iter().find_map(|folder| beginning_with(folder, name)));
    match found {
        Some(file) => Item::new(what, true, file.display().to_string(), FIX),
        None => Item::new(what, false, format!("no {name} found (nor {variable})"), FIX),
    }
}

fn library_folders() -> Vec<PathBuf> {
    let variable = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let usual = [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib64",
        "/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/opt/onnxruntime/lib",
    ];
    std::env::split_paths(&variable).chain(usual.map(PathBuf::from)).collect()
}

fn beginning_with(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(name))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files.into_iter().next()
}

fn disk() -> Item {
    const FIX: &str = "free some space, or name a folder elsewhere with --out";
    let free = statvfs(".").map(|disk| (disk.blocks_available() * disk.fragment_size()) >> 20);
    let found = free.map_or_else(|errno| errno.desc().into(), |mib| format!("{mib} MiB free here"));
    Item::new("disk space", free.is_ok_and(|mib| mib >= DISK_WANTED_MIB), found, FIX).required()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_comes_with_one_fix() {
        let items =
            [kernel(), preemption(), cores(), frequency(), priority_right(), clock(), disk()];
        assert!(items.iter().all(|item| item.ok == item.fix.is_empty() && !item.found.is_empty()));
        let absent = library("Nothing", "TRIUNE_NO_SUCH_VARIABLE", "libno_such_library.so");
        assert!(!absent.ok && absent.optional);
        assert!(text(&[absent]).starts_with("missing  Nothing"));
    }

    #[test]
    fn a_library_is_found_by_the_beginning_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("libonnxruntime.so.1.20"), "").unwrap();
        assert!(beginning_with(folder.path(), "libonnxruntime.so").is_some());
        assert!(beginning_with(folder.path(), "libmujoco.so").is_none());
    }
}
