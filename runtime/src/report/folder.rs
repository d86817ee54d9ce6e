//! The folder of a run: made and tried before the run starts, and never half written.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A folder cannot hold a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: the run needs a folder it can write: {reason}. Fix: {fix}", folder.display())]
pub struct FolderError {
    /// The folder.
    pub folder: PathBuf,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub fix: &'static str,
}

impl FolderError {
    fn new(folder: &Path, error: &io::Error) -> Self {
        let fix = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "name a folder you may write with --out, or change its permissions"
            }
            io::ErrorKind::StorageFull => "free some space, or name a folder elsewhere with --out",
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                "a file is in the way; name another folder with --out"
            }
            _ => "name another folder with --out",
        };
        Self { folder: folder.to_path_buf(), reason: error.to_string(), fix }
    }
}

/// Makes the folder `wanted` and proves that it can be written, before anything moves.
///
/// # Errors
/// It cannot be made or written; the error names it, the reason and a way out.
pub fn prepare_folder(wanted: &Path) -> Result<PathBuf, FolderError> {
    let error = |error: io::Error| FolderError::new(wanted, &error);
    fs::create_dir_all(wanted).map_err(error)?;
    let probe = wanted.join(".triune-probe");
    fs::write(&probe, b"probe").map_err(error)?;
    fs::remove_file(&probe).map_err(error)?;
    Ok(wanted.to_path_buf())
}

/// Makes a new folder `runs/<UTC time>` below `base`; a second run in the same second gets `-2`.
///
/// # Errors
/// As [`prepare_folder`].
pub fn default_folder(base: &Path, now: SystemTime) -> Result<PathBuf, FolderError> {
    /// Runs that may start in one second.
    const RUNS: usize = 1000;
    let runs = base.join("runs");
    let error = |error: io::Error| FolderError::new(&runs, &error);
    fs::create_dir_all(&runs).map_err(error)?;
    let stamp = stamp(now.duration_since(UNIX_EPOCH).unwrap_or_default());
    for number in 1..=RUNS {
        let name = if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") };
        match fs::create_dir(runs.join(&name)) {
            Ok(()) => return prepare_folder(&runs.join(name)),
            Err(taken) if taken.kind() == io::ErrorKind::AlreadyExists => {}
            Err(other) => return Err(error(other)),
        }
    }
    Err(error(io::ErrorKind::AlreadyExists.into()))
}

/// Writes the file in one step: whoever reads it sees all of it or none of it.
///
/// # Errors
/// It cannot be written.
pub fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let partial = folder.join(format!(".{name}.partial"));
    let written = fs::File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&partial, folder.join(name))).inspect_err(|_| {
        // What is left of a failed write is of no use; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&partial);
    })
}

/// `since_epoch` as a UTC time that may stand in a file name: `2026-03-01T12-30-05Z`.
fn stamp(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}Z")
}

/// Year, month and day of the day `days` after 1970-01-01. Howard Hinnant, "chrono-compatible
/// low-level date algorithms", `civil_from_days`, for days that are not negative.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(stamp(Duration::ZERO), "1970-01-01T00-00-00Z");
        assert_eq!(stamp(Duration::from_secs(951_827_696)), "2000-02-29T12-34-56Z");
        assert_eq!(stamp(Duration::from_secs(1_767_225_599)), "2025-12-31T23-59-59Z");
    }

    #[test]
    fn two_runs_in_one_second_do_not_meet() {
        let base = tempfile::tempdir().unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1);
        let first = default_folder(base.path(), now).unwrap();
        let second = default_folder(base.path(), now).unwrap();
        assert!(first.ends_with("1970-01-01T00-00-01Z"));
        assert!(second.ends_with("1970-01-01T00-00-01Z-2"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_refused_before_the_run() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        fs::write(&file, "").unwrap();
        for folder in [file.clone(), file.join("below"), PathBuf::from("/proc/triune-run")] {
            let error = prepare_folder(&folder).unwrap_err();
            assert_eq!(error.folder, folder);
            assert!(error.to_string().contains("--out"), "{error}");
        }
        let good = prepare_folder(&base.path().join("a/b")).unwrap();
        assert_eq!(fs::read_dir(&good).unwrap().count(), 0, "the probe is gone");
    }

    #[test]
    fn files_appear_whole() {
        let base = tempfile::tempdir().unwrap();
        write_file(base.path(), "a.txt", b"one").unwrap();
        write_file(base.path(), "a.txt", b"two").unwrap();
        assert_eq!(fs::read(base.path().join("a.txt")).unwrap(), b"two");
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
    }
}
